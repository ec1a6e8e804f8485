/*
 * adjust.c: pending writes in an answer that does not come from covered rows: FPT's own rows, and stored ids.
 *
 * Rows of the query's type that pending writes touch are judged by the query itself, run on the view for them
 * alone: they leave the answer, or come into it in their place, as they are shown then. All other rows, and the order
 * among them, stay as FPT gave them.
 */
#include "api/adjust.h"

#include <stdlib.h>
#include <string.h>

#include "api/covered.h"
#include "api/several.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/merge.h"

/* Rows asked for behind a page, at least, and in all: FPT gives as many at once. */
#define WIDE_ROWS_MORE 16
#define WIDE_ROWS_MAX 5000

struct adjusting {
    struct fptc__answer *a;
    fptc__json *ids;            /* that pending writes touch */
    struct fptc__idset touched; /* the same */
    struct fptc__rows matches;  /* those of them that the query finds */
    struct fptc__rows sequence; /* the answer's rows and they, in the query's order; ids only */
    fptc_error *err;
};

static void done(struct adjusting *d)
{
    fptc__json_free(d->ids);
    fptc__idset_clear(&d->touched);
    fptc__rows_done(&d->matches);
    fptc__rows_done(&d->sequence);
}

/* ------------------------------------------------------------------------------------------ what is touched */

static fptc_status find_touched(struct adjusting *d)
{
    struct fptc__answer *a = d->a;
    const fptc__json *at;
    fptc_status status;

    d->ids = fptc__json_new_array();
    if (d->ids == NULL)
        return fptc__fail_nomem(d->err);
    status = fptc__work_show_pending(a->work, d->err);
    if (status == FPTC_OK)
        status = fptc__view_pending_ids(a->work->session.view, a->plan->type, d->ids, d->err);
    for (at = fptc__json_first(d->ids); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        if (!fptc__idset_add(&d->touched, fptc__json_int(at)))
            status = fptc__fail_nomem(d->err);
    }
    return status;
}

static int64_t count(const struct fptc__pending *p, const char *type)
{
    int64_t n = 0;
    size_t i;

    for (i = 0; p != NULL && i < p->n; i++)
        n += strcmp(p->list[i].type, type) == 0;
    return n;
}

/* Other rows than those of the query's type that decide the answer, or are shown in it. */
static void warn_of_others(const struct adjusting *d)
{
    const struct fptc__plan *plan = d->a->plan;
    size_t i;

    for (i = 0; i < plan->n_row_types; i++) {
        const char *type = plan->row_types[i];

        if (strcmp(type, plan->type) != 0 && count(d->a->work->pending, type))
            fptc__result_warn(d->a->result,
                              "FPT answered with linked %s as they are there: pending writes to "
                              "them are not in it",
                              type);
    }
    if (fptc__view_lacks_pending(d->a->work->session.view, plan->type))
        fptc__result_warn(d->a->result,
                          "pending writes change %s of which the cache has nothing: whether they "
                          "belong here is not known",
                          plan->type);
}

/* ------------------------------------------------------------------------------------- what is not kept */

/* 1 when the field is of no row of the type, or is never kept. */
static int is_nowhere(const struct fptc__answer *a, const char *name)
{
    struct fptc_cache *cache = a->work->cache;
    const struct fptc__field *field;
    int is;

    pthread_rwlock_rdlock(&cache->schema_lock);
    field = fptc__schema_field(cache->schema, a->plan->type, name);
    is = field == NULL || field->class_of == FPTC__NEVER;
    pthread_rwlock_unlock(&cache->schema_lock);
    return is;
}

/* Whether the row is kept with all fields of its own that decide the answer or are shown in it. */
static int is_whole(const struct fptc__answer *a, int64_t id)
{
    const struct fptc__plan *plan = a->plan;
    struct fptc__view *view = a->work->session.view;
    fptc__json *fields =
        fptc__view_fields_of(view, fptc__answer_part(a, plan->type), plan->type, id);
    size_t i;
    int is = 1;

    for (i = 0; fields != NULL && i < plan->n_needs && is; i++) {
        const struct fptc__need *need = &plan->needs[i];

        is = strcmp(need->type, plan->type) != 0 || strcmp(need->field, "id") == 0 ||
             fptc__name_is_in(fields, need->field) || is_nowhere(a, need->field);
    }
    fptc__json_free(fields);
    return is;
}

/* The ids of those that are touched and are not. */
static fptc_status find_lacking(const struct adjusting *d, fptc__json **out)
{
    const fptc__json *at;
    int ok;

    *out = fptc__json_new_array();
    ok = *out != NULL;
    for (at = fptc__json_first(d->ids); at != NULL && ok; at = fptc__json_next(at)) {
        if (fptc__json_int(at) > 0 && !is_whole(d->a, fptc__json_int(at)))
            ok = fptc__json_append(*out, fptc__json_copy(at));
    }
    return ok ? FPTC_OK : fptc__fail_nomem(d->err);
}

/* They could not be read, or FPT cannot be asked. */
static fptc_status warn_of_lacking(const struct adjusting *d)
{
    fptc__json *ids = NULL;
    fptc_status status = find_lacking(d, &ids);

    if (status == FPTC_OK && fptc__json_size(ids) > 0) {
        d->a->result->is_complete = 0;
        fptc__result_warn(d->a->result,
                          "pending writes change %s of which the cache does not have all that is "
                          "asked: whether they belong here is not known",
                          d->a->plan->type);
    }
    fptc__json_free(ids);
    return status;
}

/* ------------------------------------------------------------------------------------- asking the view */

/* [..the query's.., ["id","in",ids]], or that condition alone; NULL: no memory. */
static fptc__json *conditions(const fptc__json *filters, const fptc__json *ids)
{
    fptc__json *list = fptc__json_new_array(), *by_id = fptc__json_new_array();
    const fptc__json *at;
    int ok = fptc__json_append(by_id, fptc__json_new_text("id")) &&
             fptc__json_append(by_id, fptc__json_new_text("in")) &&
             fptc__json_append(by_id, fptc__json_copy(ids));

    if (fptc__json_is_array(filters)) {
        for (at = fptc__json_first(filters); at != NULL && ok; at = fptc__json_next(at))
            ok = fptc__json_append(list, fptc__json_copy(at));
    } else if (filters != NULL && ok) {
        ok = fptc__json_append(list, fptc__json_copy(filters));
    }
    if (fptc__json_append(list, by_id) && ok)
        return list;
    fptc__json_free(list);
    return NULL;
}

/* The question put to the rows with these ids alone. FPTC_MISS: the cache cannot tell. */
static fptc_status run(struct adjusting *d, const fptc__json *filters, const fptc__json *ids,
                       int with_fields, struct fptc__rows *out)
{
    struct fptc_cache *cache = d->a->work->cache;
    struct fptc__request request;
    struct fptc__plan *plan = NULL;
    fptc_status status = fptc__request_copy(&request, d->a->request, d->err);

    if (status != FPTC_OK)
        return status;
    request.limit = request.page = 0;
    status = fptc__request_take_filters(&request, conditions(filters, ids), d->err);
    if (status == FPTC_OK && !with_fields)
        status = fptc__request_set_fields(&request, "id", d->err);
    if (status == FPTC_OK) {
        pthread_rwlock_rdlock(&cache->schema_lock);
        status =
            fptc__plan_build(cache->schema, cache->plans, &request, fptc__wall_ms(), &plan, d->err);
        pthread_rwlock_unlock(&cache->schema_lock);
    }
    if (status == FPTC_OK && !plan->is_local)
        status = FPTC_MISS;
    if (status == FPTC_OK)
        status = fptc__view_find(d->a->work->session.view, plan, out, d->err);
    fptc__plan_free(plan);
    fptc__request_done(&request);
    return status == FPTC_ENODATA ? FPTC_MISS : status;
}

/* Where the matches stand among the answer's rows. */
static fptc_status find_places(struct adjusting *d)
{
    const struct fptc__rows *rows = &d->a->result->rows;
    fptc__json *ids = fptc__json_new_array();
    fptc_status status = FPTC_OK;
    size_t i;
    int ok = 1;

    for (i = 0; i < rows->n && ok; i++) {
        if (!fptc__idset_has(&d->touched, rows->list[i].id))
            ok = fptc__json_append(ids, fptc__json_new_int(rows->list[i].id));
    }
    for (i = 0; i < d->matches.n && ok; i++)
        ok = fptc__json_append(ids, fptc__json_new_int(d->matches.list[i].id));
    if (!ok)
        status = fptc__fail_nomem(d->err);
    else if (fptc__json_size(ids) > 0)
        status = run(d, NULL, ids, 0, &d->sequence);
    fptc__json_free(ids);
    return status;
}

/* ----------------------------------------------------------------------------------------- putting together */

/* Searched from a place that is likely; n when it is not there. */
static size_t index_from(const struct fptc__rows *rows, int64_t id, size_t likely)
{
    size_t i;

    for (i = likely; i < rows->n && rows->list[i].id != id; i++)
        ;
    if (i < rows->n)
        return i;
    for (i = 0; i < likely && i < rows->n && rows->list[i].id != id; i++)
        ;
    return i < likely ? i : rows->n;
}

static size_t index_of(const struct fptc__rows *rows, int64_t id)
{
    return index_from(rows, id, 0);
}

/* What the cache never keeps, or has nothing of, is as FPT gave it. */
static void fill_from(struct fptc__rows *out, struct fptc__row *row, const struct fptc__rows *old,
                      size_t index, const struct fptc__plan *plan)
{
    size_t i, at;

    for (i = 0; i < plan->n_columns && index < old->n; i++) {
        const struct fptc__column *c = &plan->columns[i];
        struct fptc__cell *cell = &row->cells[fptc__rows_column(out, c->name)];

        at = fptc__rows_column(old, c->name);
        if (at < old->n_columns && cell->kind <= FPTC_KIND_NULL &&
            (c->class_of == FPTC__NEVER || strchr(c->name, '.') != NULL))
            fptc__rows_copy_cell(out, cell, &old->list[index].cells[at]);
    }
}

static fptc_status put_match(struct adjusting *d, struct fptc__rows *out, int64_t id)
{
    size_t at = index_of(&d->matches, id);
    struct fptc__row *row;

    if (at == d->matches.n)
        return FPTC_OK;
    row = fptc__rows_add_copy(out, &d->matches, at);
    if (row == NULL)
        return fptc__fail_nomem(d->err);
    fill_from(out, row, &d->a->result->rows, index_of(&d->a->result->rows, id), d->a->plan);
    return FPTC_OK;
}

/* The matches that stand in the sequence from *from on, up to the next row of the answer's. */
static fptc_status put_matches(struct adjusting *d, struct fptc__rows *out, size_t from)
{
    fptc_status status = FPTC_OK;

    for (; from < d->sequence.n && status == FPTC_OK &&
           fptc__idset_has(&d->touched, d->sequence.list[from].id);
         from++)
        status = put_match(d, out, d->sequence.list[from].id);
    return status;
}

/* Behind the last row of a full page stands what is on the next one, too. */
static fptc_status put_all(struct adjusting *d, struct fptc__rows *out)
{
    const struct fptc__rows *rows = &d->a->result->rows;
    const struct fptc__plan *plan = d->a->plan;
    int is_full = plan->limit > 0 && (int64_t)rows->n >= plan->limit;
    size_t i, at = 0, last = rows->n;
    fptc_status status = plan->page > 1 ? FPTC_OK : put_matches(d, out, 0);

    for (i = 0; i < rows->n; i++) {
        if (!fptc__idset_has(&d->touched, rows->list[i].id))
            last = i;
    }
    for (i = 0; i < rows->n && status == FPTC_OK; i++) {
        if (fptc__idset_has(&d->touched, rows->list[i].id))
            continue;
        if (fptc__rows_add_copy(out, rows, i) == NULL)
            return fptc__fail_nomem(d->err);
        at = index_from(&d->sequence, rows->list[i].id, at) + 1;
        if (i != last || (!is_full && plan->page <= 1))
            status = put_matches(d, out, at);
    }
    if (plan->limit > 0 && (int64_t)out->n > plan->limit)
        out->n = (size_t)plan->limit;
    return status;
}

static fptc_status put_together(struct adjusting *d)
{
    struct fptc__rows *rows = &d->a->result->rows, out = {0};
    fptc_status status = fptc__view_no_rows(d->a->plan, &out, d->err);

    if (status == FPTC_OK)
        status = put_all(d, &out);
    if (status != FPTC_OK) {
        fptc__rows_done(&out);
        return status;
    }
    fptc__rows_done(rows);
    *rows = out;
    return FPTC_OK;
}

/* Stops at a type whose rows the cache may not have, or not with what the question names of them. */
static int check_linked(const char *type, void *payload)
{
    struct fptc__answer *a = payload;
    const struct fptc__known_cover *known;
    size_t i;

    if (strcmp(type, a->plan->type) == 0)
        return 0;
    if (fptc__view_known_cover(a->work->session.view, fptc__answer_part(a, type), type, &known,
                               NULL) != FPTC_OK)
        return 1;
    for (i = 0; i < a->plan->n_needs; i++) {
        const struct fptc__need *need = &a->plan->needs[i];

        if (strcmp(need->type, type) == 0 && strcmp(need->field, "id") != 0 &&
            strcmp(need->field, "type") != 0 && !fptc__name_is_in(known->cover.fields, need->field))
            return 1;
    }
    return 0;
}

/* 1 when the view has the columns of other types that the question names. */
static int has_columns(const struct fptc__answer *a)
{
    size_t i;
    int has = 1;

    for (i = 0; i < a->plan->n_needs && has; i++) {
        const struct fptc__need *need = &a->plan->needs[i];
        fptc__json *known = NULL;

        if (strcmp(need->type, a->plan->type) == 0 || strcmp(need->field, "id") == 0)
            continue;
        has = fptc__view_known_fields(a->work->session.view, fptc__answer_part(a, need->type),
                                      need->type, &known, NULL) == FPTC_OK &&
              fptc__name_is_in(known, need->field);
        fptc__json_free(known);
    }
    return has;
}

/* FPTC_MISS when a row behind a link decides the answer that may not be here. */
static fptc_status look_at_linked(const struct adjusting *d)
{
    struct fptc__request deciding;
    fptc_status status = fptc__request_copy(&deciding, d->a->request, d->err);

    if (status != FPTC_OK)
        return status;
    status = fptc__request_set_fields(&deciding, "id", d->err);
    if (status == FPTC_OK &&
        (fptc__request_types(&deciding, check_linked, d->a) || !has_columns(d->a)))
        status = FPTC_MISS;
    fptc__request_done(&deciding);
    return status;
}

/* Rows of other pages may belong to it, and rows of it to others. */
static void warn_of_page(const struct adjusting *d)
{
    struct fptc__answer *a = d->a;
    int is_full = a->plan->limit > 0 && (int64_t)a->result->rows.n >= a->plan->limit;

    if (a->plan == a->wide || (!is_full && a->plan->page <= 1))
        return;
    a->result->is_complete = 0;
    fptc__result_warn(a->result,
                      "pending writes to %s may have moved rows from one page to another: ask for "
                      "all of them in one",
                      a->plan->type);
}

/* With the view begun. */
static fptc_status adjust(struct adjusting *d)
{
    struct fptc__answer *a = d->a;
    fptc_status status = find_touched(d);

    if (status != FPTC_OK)
        return status;
    warn_of_others(d);
    if (fptc__json_size(d->ids) == 0)
        return FPTC_OK;
    status = look_at_linked(d);
    if (status != FPTC_OK)
        return status;
    warn_of_page(d);
    status = warn_of_lacking(d);
    if (status == FPTC_OK)
        status = run(d, a->request->filters, d->ids, 1, &d->matches);
    if (status == FPTC_OK)
        status = find_places(d);
    if (status == FPTC_OK)
        status = put_together(d);
    return status;
}

fptc_status fptc__answer_add_pending(struct fptc__answer *a, fptc_error *err)
{
    struct adjusting d = {.a = a, .err = err};
    fptc_status status = FPTC_MISS;

    if (!a->work->shows_pending || a->work->pending == NULL || a->work->pending->n == 0)
        return FPTC_OK;
    if (a->question == NULL && a->plan->is_local && !fptc__plan_is_several(a->plan)) {
        fptc__view_begin(a->work->session.view);
        status = adjust(&d);
        fptc__view_end(a->work->session.view);
        done(&d);
    }
    if (status == FPTC_MISS && count(a->work->pending, a->plan->type))
        fptc__result_warn(a->result,
                          "pending writes to %s are not in it: only FPT can answer this%s%s",
                          a->plan->type, a->plan->why_not[0] == '\0' ? "" : ": ", a->plan->why_not);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__answer_lacking(struct fptc__answer *a, fptc__json **out, fptc_error *err)
{
    struct adjusting d = {.a = a, .err = err};
    fptc_status status = FPTC_OK;

    *out = NULL;
    if (a->question == NULL && a->plan->is_local && !fptc__plan_is_several(a->plan)) {
        fptc__view_begin(a->work->session.view);
        status = find_touched(&d);
        if (status == FPTC_OK)
            status = find_lacking(&d, out);
        fptc__view_end(a->work->session.view);
        done(&d);
    }
    return status;
}

fptc_status fptc__answer_read_lacking(struct fptc__answer *a, fptc_error *err)
{
    fptc__json *ids = NULL;
    fptc_status status = fptc__answer_lacking(a, &ids, err);

    if (status == FPTC_OK && fptc__json_size(ids) > 0)
        status = fptc__fetch_ids(&a->work->session, &a->source, ids, err);
    if (status == FPTC_OK && fptc__json_size(ids) > 0)
        status = fptc__view_refresh(a->work->session.view, 0, err);
    fptc__json_free(ids);
    return status;
}

/* ---------------------------------------------------------------------------------------------- pages */

fptc_status fptc__answer_widen(struct fptc__answer *a, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    struct fptc_cache *cache = a->work->cache;
    int64_t n = a->work->shows_pending ? count(a->work->pending, plan->type) : 0;
    int64_t pages = plan->page > 1 ? plan->page : 1, more = WIDE_ROWS_MORE;
    struct fptc__request request;
    fptc_status status;

    while (more < n) /* in steps, so that one stored answer serves for several writes */
        more *= 2;
    if (a->question != NULL || n == 0 || plan->limit == 0 || !plan->is_local ||
        fptc__plan_is_several(plan) || pages > (WIDE_ROWS_MAX - more) / plan->limit)
        return FPTC_OK;
    status = fptc__request_copy(&request, a->request, err);
    if (status != FPTC_OK)
        return status;
    request.limit = pages * plan->limit + more;
    request.page = 0;
    pthread_rwlock_rdlock(&cache->schema_lock);
    status =
        fptc__plan_build(cache->schema, cache->plans, &request, fptc__wall_ms(), &a->wide, err);
    pthread_rwlock_unlock(&cache->schema_lock);
    fptc__request_done(&request);
    return status;
}

fptc_status fptc__answer_widely(struct fptc__answer *a,
                                fptc_status (*ask)(struct fptc__answer *a, fptc_error *err),
                                fptc_error *err)
{
    const struct fptc__plan *page = a->plan;
    fptc_status status;

    if (a->wide == NULL)
        return ask(a, err);
    a->plan = a->wide;
    status = ask(a, err);
    a->plan = page;
    if (status == FPTC_OK)
        fptc__rows_cut(&a->result->rows, page->limit, page->page);
    return status;
}
