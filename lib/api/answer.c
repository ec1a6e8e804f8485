#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/lookup.h"
#include "view/mutation.h"

/* The request with its own fields only, for every row: gives the SQL of one row by id. */
static fptc_status own_plan(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__request own;
    struct fptc_cache *cache = a->work->cache;
    fptc_status status = fptc__request_init(&own, a->plan->type, err);
    struct fptc__buf csv;
    size_t i;

    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&csv, FPTC_FILTER_BYTES_MAX);
    for (i = 0; i < a->plan->n_columns; i++) {
        if (strchr(a->plan->columns[i].name, '.') == NULL)
            fptc__buf_addf(&csv, "%s%s", csv.len > 0 ? "," : "", a->plan->columns[i].name);
    }
    if (csv.len > 0)
        status = fptc__request_set_fields(&own, fptc__buf_text(&csv), err);
    fptc__buf_done(&csv);
    if (status == FPTC_OK) {
        pthread_rwlock_rdlock(&cache->schema_lock);
        status = fptc__plan_build(cache->schema, &own, 0, &a->own, err);
        pthread_rwlock_unlock(&cache->schema_lock);
    }
    fptc__request_done(&own);
    return status;
}

fptc_status fptc__answer_begin(struct fptc__answer *a, struct fptc__work *w,
                               const struct fptc__plan *plan, const struct fptc__request *request,
                               int64_t max_age_ms, fptc_error *err)
{
    fptc_status status;

    memset(a, 0, sizeof(*a));
    a->work = w;
    a->plan = plan;
    a->request = request;
    a->max_age_ms = max_age_ms;
    status = fptc__result_new(&a->result, err);
    if (status == FPTC_OK && plan->warnings[0] != '\0')
        fptc__buf_adds(&a->result->warnings, plan->warnings);
    if (status == FPTC_OK)
        status = fptc__handle_now(w->cache, &a->now_ms, err);
    a->began_ms = a->now_ms;
    return status;
}

void fptc__answer_done(struct fptc__answer *a)
{
    fptc_result_free(a->result);
    fptc__plan_free(a->own);
    fptc__json_free(a->types);
    memset(a, 0, sizeof(*a));
}

/* ------------------------------------------------------------------------------------- covered or not */

enum fptc__part fptc__answer_part(const struct fptc__answer *a, const char *type)
{
    struct fptc_cache *cache = a->work->cache;
    int is_project_type;

    pthread_rwlock_rdlock(&cache->schema_lock);
    is_project_type = fptc__schema_is_project_type(cache->schema, type);
    pthread_rwlock_unlock(&cache->schema_lock);
    return fptc__view_part_of(a->work->session.view, is_project_type);
}

int fptc__lists_name(const fptc__json *list, const char *name)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_is_string(at) && strcmp(fptc__json_text(at), name) == 0)
            return 1;
    }
    return 0;
}

struct freshness {
    int64_t asof_ms;
    int64_t lists_ms; /* of the lists of links in it; INT64_MAX: it has none */
    int has_suspects;
};

/* A list may be the other side of a link that is kept elsewhere (Shot.tasks of Task.entity): it then
   changes without the row's updated_at, and only reading every row brings it up to date. */
static int is_list(struct fptc__answer *a, const struct fptc__need *need)
{
    struct fptc_cache *cache = a->work->cache;
    const struct fptc__field *field;
    int is;

    pthread_rwlock_rdlock(&cache->schema_lock);
    field = fptc__schema_field(cache->schema, need->type, need->field);
    is = field != NULL && field->class_of == FPTC__LINKS;
    pthread_rwlock_unlock(&cache->schema_lock);
    return is;
}

/* With the view begun: FPTC_MISS unless the type is covered with every field the plan needs of it. */
static fptc_status look_at_type(struct fptc__answer *a, const char *type, struct freshness *out,
                                fptc_error *err)
{
    enum fptc__part part = fptc__answer_part(a, type);
    struct fptc__cover cover;
    fptc__json *suspects = NULL;
    size_t i;
    fptc_status status = fptc__view_cover(a->work->session.view, part, type, &cover, err);

    if (status != FPTC_OK)
        return status;
    out->asof_ms = cover.asof_ms;
    for (i = 0; i < a->plan->n_needs && status == FPTC_OK; i++) {
        const struct fptc__need *need = &a->plan->needs[i];

        if (strcmp(need->type, type) == 0 && strcmp(need->field, "id") != 0 &&
            strcmp(need->field, "type") != 0 && !fptc__lists_name(cover.fields, need->field))
            status = FPTC_MISS;
        if (strcmp(need->type, type) == 0 && is_list(a, need))
            out->lists_ms = cover.audited_ms;
    }
    fptc__cover_done(&cover);
    if (status == FPTC_OK)
        status = fptc__view_suspects(a->work->session.view, part, type, &suspects, err);
    out->has_suspects = fptc__json_size(suspects) > 0;
    fptc__json_free(suspects);
    return status;
}

static int64_t distrusted_before(struct fptc_cache *cache)
{
    int64_t at;

    pthread_mutex_lock(&cache->mutex);
    at = cache->distrust_before_ms;
    pthread_mutex_unlock(&cache->mutex);
    return at;
}

/* What FPT was asked for since the question was put is young, however long it took. */
static int is_young(const struct fptc__answer *a, int64_t asof_ms)
{
    int is_of_age = a->now_ms - asof_ms <= a->max_age_ms;

    return a->is_any_age ? is_of_age
                         : (is_of_age || asof_ms >= a->began_ms) &&
                               asof_ms > distrusted_before(a->work->cache);
}

static int is_fresh(const struct fptc__answer *a, const struct freshness *f)
{
    return (a->is_any_age || !f->has_suspects) && is_young(a, f->asof_ms);
}

int fptc__answer_type_is_fresh(struct fptc__answer *a, const char *type)
{
    struct freshness f = {0, 0, 0};
    fptc_status status;

    fptc__view_begin(a->work->session.view);
    status = look_at_type(a, type, &f, NULL);
    fptc__view_end(a->work->session.view);
    return status == FPTC_OK && is_fresh(a, &f);
}

/* Whether the question follows the link into that type. */
static int follows(const struct fptc__plan *plan, const char *link, const char *type)
{
    char path[2 * FPTC_NAME_BYTES_MAX + 4];
    size_t i;
    int found;

    snprintf(path, sizeof(path), "%s.%s.", link, type);
    found = strstr(plan->canonical, path) != NULL;
    for (i = 0; i < plan->n_columns; i++)
        found = found || strstr(plan->columns[i].name, path) != NULL;
    return found;
}

/* A row of another project stands in none of our parts: what it holds only FPT can say. */
static int leaves_project(struct fptc__answer *a)
{
    const struct fptc__plan *plan = a->plan;
    size_t i, k;

    for (i = 0; i < plan->n_needs; i++) {
        const struct fptc__need *need = &plan->needs[i];

        if (fptc__answer_part(a, need->type) != FPTC__HOME)
            continue;
        for (k = 0; k < plan->n_row_types; k++) {
            if (follows(plan, need->field, plan->row_types[k]) &&
                fptc__answer_part(a, plan->row_types[k]) == FPTC__HOME &&
                fptc__view_links_outside(a->work->session.view, need->type, need->field,
                                         plan->row_types[k]))
                return 1;
        }
    }
    return 0;
}

/* The oldest of the types that decide the answer. */
static fptc_status look_at_plan(struct fptc__answer *a, struct freshness *out, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    fptc_status status = FPTC_OK;
    size_t i;

    if (!plan->is_local || plan->has_never || plan->has_computed ||
        (plan->is_project_type && plan->project_id == 0))
        return FPTC_MISS;
    out->asof_ms = out->lists_ms = INT64_MAX;
    out->has_suspects = 0;
    for (i = 0; i < plan->n_row_types && status == FPTC_OK; i++) {
        struct freshness one = {0, INT64_MAX, 0};

        status = look_at_type(a, plan->row_types[i], &one, err);
        if (one.asof_ms < out->asof_ms)
            out->asof_ms = one.asof_ms;
        if (one.lists_ms < out->lists_ms)
            out->lists_ms = one.lists_ms;
        out->has_suspects |= one.has_suspects;
    }
    if (status == FPTC_OK && plan->is_project_type && leaves_project(a))
        return FPTC_MISS;
    return status;
}

static fptc_status cover_of(struct fptc__answer *a, const char *type, struct fptc__cover *out)
{
    enum fptc__part part = fptc__answer_part(a, type);
    fptc_status status = fptc__view_cover(a->work->session.view, part, type, out, NULL);

    if (status == FPTC_MISS) /* also when the type's own schema has not been needed yet */
        status = fptc__view_cover(a->work->session.view,
                                  part == FPTC__HOME ? FPTC__SITE : FPTC__HOME, type, out, NULL);
    return status;
}

/* Complete only if the names and the life of everything linked are known too, and as freshly
   (protocol-attacks C6); the answer is then as old as the oldest of them. */
static int links_are_covered(struct fptc__answer *a, int64_t *asof_ms)
{
    int64_t oldest_ms = *asof_ms;
    size_t i;

    for (i = 0; i < a->plan->n_link_types; i++) {
        const char *type = a->plan->link_types[i];
        struct fptc__cover cover;

        if (cover_of(a, type, &cover) != FPTC_OK) {
            fptc__result_warn(
                a->result, "names of linked %s are as last seen: the type is not mirrored", type);
            return 0;
        }
        fptc__cover_done(&cover);
        if (!is_young(a, cover.asof_ms)) {
            fptc__result_warn(a->result, "names of linked %s are as of %lld s ago", type,
                              (long long)((a->now_ms - cover.asof_ms) / 1000));
            return 0;
        }
        if (cover.asof_ms < oldest_ms)
            oldest_ms = cover.asof_ms;
    }
    *asof_ms = oldest_ms;
    return 1;
}

static int lists_are_young(struct fptc__answer *a, int64_t lists_ms, int64_t *asof_ms)
{
    if (lists_ms == INT64_MAX)
        return 1;
    if (!is_young(a, lists_ms)) {
        fptc__result_warn(
            a->result,
            "lists of links are as of %lld s ago where only their other side has changed",
            (long long)((a->now_ms - lists_ms) / 1000));
        return 0;
    }
    if (lists_ms < *asof_ms)
        *asof_ms = lists_ms;
    return 1;
}

fptc_status fptc__answer_from_coverage(struct fptc__answer *a, fptc_error *err)
{
    struct freshness f = {0, 0, 0};
    fptc_status status;

    fptc__view_begin(a->work->session.view);
    status = look_at_plan(a, &f, err);
    a->is_covered = status == FPTC_OK;
    if (status == FPTC_OK && !is_fresh(a, &f))
        status = FPTC_MISS;
    if (status == FPTC_OK && !a->is_streaming)
        status = fptc__view_find(a->work->session.view, a->plan, &a->result->rows, err);
    if (status == FPTC_OK) {
        a->result->source = FPTC_SOURCE_CACHE;
        a->result->is_complete = links_are_covered(a, &f.asof_ms) &&
                                 lists_are_young(a, f.lists_ms, &f.asof_ms) && !f.has_suspects;
        a->result->age_ms = a->now_ms > f.asof_ms ? a->now_ms - f.asof_ms : 0;
    } else {
        fptc__rows_done(&a->result->rows);
    }
    fptc__view_end(a->work->session.view);
    return status == FPTC_ENODATA ? FPTC_MISS : status;
}

/* --------------------------------------------------------------------------------------- stored queries */

static fptc_status start_rows(struct fptc__answer *a, struct fptc__rows *rows, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    const char **names = calloc(plan->n_columns + 1, sizeof(*names));
    size_t i, n = 0;
    fptc_status status;

    if (names == NULL)
        return fptc__fail_nomem(err);
    for (i = 0; i < a->own->n_columns; i++)
        names[n++] = a->own->columns[i].name;
    for (i = 0; i < plan->n_columns; i++) {
        if (strchr(plan->columns[i].name, '.') != NULL)
            names[n++] = plan->columns[i].name;
    }
    status = fptc__rows_init(rows, plan->type, names, n, err);
    free(names);
    return status;
}

/* Linked fields, which the stored query keeps itself. FPTC_MISS when one was not asked for then. */
static fptc_status add_dotted(struct fptc__answer *a, struct fptc__rows *rows,
                              const fptc__json *dotted)
{
    struct fptc__row *row = &rows->list[rows->n - 1];
    size_t i;

    for (i = 0; i < a->plan->n_columns; i++) {
        const struct fptc__column *column = &a->plan->columns[i];
        const fptc__json *value = fptc__json_get(dotted, column->name);

        if (strchr(column->name, '.') == NULL)
            continue;
        if (value == NULL)
            return FPTC_MISS;
        fptc__rows_set_json(rows, &row->cells[fptc__rows_column(rows, column->name)],
                            column->class_of, value);
    }
    return FPTC_OK;
}

/* One stored element: id, [id, dotted] or [id, dotted, partition]. A row that is gone since drops out. */
static fptc_status add_stored(struct fptc__answer *a, const fptc__json *element,
                              struct fptc__rows *rows, fptc_error *err)
{
    const fptc__json *id = fptc__json_is_array(element) ? fptc__json_first(element) : element;
    const fptc__json *dotted = id == element ? NULL : fptc__json_next(id);
    const fptc__json *partition = dotted == NULL ? NULL : fptc__json_next(dotted);
    struct fptc__open_view *open = a->work->open;
    fptc_status status = FPTC_OK;
    size_t before = rows->n;
    int is_suspect = 0;

    if (partition != NULL) {
        status = fptc__view_get(a->work->cache, fptc__json_text(partition), &open, err);
        if (status == FPTC_OK)
            status = fptc__view_refresh(open->view, fptc__handle_refresh_ms(a->work->cache), err);
    }
    if (status == FPTC_OK) {
        fptc__view_begin(open->view);
        status = fptc__view_find_id(open->view, a->own, fptc__json_int(id), rows, err);
        is_suspect = fptc__view_is_suspect(open->view, fptc__answer_part(a, a->plan->type),
                                           a->plan->type, fptc__json_int(id));
        fptc__view_end(open->view);
    }
    if (partition != NULL)
        fptc__view_put(a->work->cache, open);
    if (is_suspect && !a->is_any_age)
        status = FPTC_MISS; /* the row kept may be older than this answer */
    else if (status == FPTC_OK && rows->n > before)
        status = add_dotted(a, rows, dotted);
    else if (status == FPTC_MISS || status == FPTC_ENODATA)
        status = FPTC_OK;
    return status;
}

static int has_own_fields(const struct fptc__answer *a, const struct fptc__stored_query *q)
{
    size_t i;

    for (i = 0; i < a->own->n_columns; i++) {
        if (!fptc__lists_name(q->fields, a->own->columns[i].name))
            return 0;
    }
    return 1;
}

/* Whether rows of another partition than the query's own decide its answer. */
static int depends_elsewhere(const struct fptc__answer *a)
{
    size_t i;

    if (!a->plan->is_project_type)
        return 0;
    for (i = 0; i < a->plan->n_row_types; i++) {
        if (a->plan->project_id == 0 || fptc__answer_part(a, a->plan->row_types[i]) != FPTC__HOME)
            return 1;
    }
    return 0;
}

/* The outbox's view, refreshed; with fptc__view_put() when done. */
static fptc_status outbox_view(struct fptc__answer *a, int64_t refresh_ms,
                               struct fptc__open_view **out, fptc_error *err)
{
    fptc_status status = fptc__view_get(a->work->cache, "outbox", out, err);

    if (status == FPTC_OK && *out != NULL)
        status = fptc__view_refresh((*out)->view, refresh_ms, err);
    return status;
}

void fptc__answer_note_outbox(struct fptc__answer *a)
{
    struct fptc__session *session = &a->work->session;
    struct fptc__open_view *outbox = NULL;

    session->notes_outbox = 0;
    if (!depends_elsewhere(a))
        return;
    if (outbox_view(a, 0, &outbox, NULL) == FPTC_OK && outbox != NULL) {
        fptc__view_begin(outbox->view);
        session->notes_outbox =
            fptc__mutation_horizon(outbox->view, a->now_ms, &session->outbox_seen, NULL) == FPTC_OK;
        fptc__view_end(outbox->view);
    }
    fptc__view_put(a->work->cache, outbox);
}

/* FPTC_MISS when a tool of this cache has written to a type of the query since it was asked. What
   others did at the site shows after max_age. */
static fptc_status check_elsewhere(struct fptc__answer *a, const struct fptc__stored_query *q,
                                   fptc_error *err)
{
    struct fptc__open_view *outbox = NULL;
    int is_written = 1;
    fptc_status status = outbox_view(a, fptc__handle_refresh_ms(a->work->cache), &outbox, err);

    if (status == FPTC_OK && outbox != NULL && q->outbox_seen >= 0) {
        fptc__view_begin(outbox->view);
        status = fptc__mutation_since(outbox->view, q->outbox_seen, q->touches, &is_written, err);
        fptc__view_end(outbox->view);
    }
    fptc__view_put(a->work->cache, outbox);
    return status == FPTC_OK && is_written ? FPTC_MISS : status;
}

/* Whether the stored query may still be believed. */
static int is_usable(const struct fptc__answer *a, const struct fptc__stored_query *q)
{
    if (a->plan->is_clock_relative || a->own->has_never || a->own->sql_by_id == NULL ||
        !has_own_fields(a, q))
        return 0;
    return (a->is_any_age || q->is_untouched) && is_young(a, q->asof_ms);
}

fptc_status fptc__answer_from_stored_query(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__stored_query q;
    const fptc__json *element;
    fptc_status status = a->own == NULL ? own_plan(a, err) : FPTC_OK;

    if (status != FPTC_OK)
        return status;
    fptc__view_begin(a->work->session.view);
    status = fptc__view_query(a->work->session.view, FPTC__HOME, a->plan->hash, a->plan->canonical,
                              &q, err);
    fptc__view_end(a->work->session.view);
    if (status != FPTC_OK)
        return status;
    if (status == FPTC_OK && !a->is_any_age && depends_elsewhere(a))
        status = check_elsewhere(a, &q, err);
    if (status == FPTC_OK && !is_usable(a, &q))
        status = FPTC_MISS;
    if (status == FPTC_OK)
        status = start_rows(a, &a->result->rows, err);
    for (element = fptc__json_first(q.ids); element != NULL && status == FPTC_OK;
         element = fptc__json_next(element))
        status = add_stored(a, element, &a->result->rows, err);
    if (status == FPTC_OK) {
        a->result->source = FPTC_SOURCE_CACHE;
        a->result->age_ms = a->now_ms > q.asof_ms ? a->now_ms - q.asof_ms : 0;
        a->result->is_complete = q.is_untouched;
    } else {
        fptc__rows_done(&a->result->rows);
    }
    fptc__stored_query_done(&q);
    return status;
}

fptc_status fptc__answer_from_cache(struct fptc__answer *a, fptc_error *err)
{
    size_t told = a->result->warnings.len;
    fptc_status status;

    (void)fptc__handle_now(a->work->cache, &a->now_ms, NULL); /* FPT may have been asked since */
    status = fptc__answer_from_coverage(a, err);
    if (status == FPTC_OK && a->is_streaming)
        status = fptc__answer_stream(a, told, err);
    return status == FPTC_MISS ? fptc__answer_from_stored_query(a, err) : status;
}

/* ------------------------------------------------------------------------------------------- FPT's rows */

fptc_status fptc__answer_from_json(struct fptc__answer *a, const fptc__json *rows, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    const char **names = calloc(plan->n_columns + 1, sizeof(*names));
    const fptc__json *at;
    size_t i;
    fptc_status status;

    if (names == NULL)
        return fptc__fail_nomem(err);
    for (i = 0; i < plan->n_columns; i++)
        names[i] = plan->columns[i].name;
    status = fptc__rows_init(&a->result->rows, plan->type, names, plan->n_columns, err);
    free(names);
    for (at = fptc__json_first(rows); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        struct fptc__row *row = fptc__rows_add(&a->result->rows, fptc__json_get_int(at, "id"));

        for (i = 0; i < plan->n_columns && row != NULL; i++)
            fptc__rows_set_json(&a->result->rows, &row->cells[i], plan->columns[i].class_of,
                                fptc__json_get(at, plan->columns[i].name));
    }
    if (status == FPTC_OK && a->result->rows.is_out_of_memory)
        status = fptc__fail_nomem(err);
    a->result->source = FPTC_SOURCE_UPSTREAM;
    a->result->is_complete = 1;
    return status;
}

fptc_status fptc__answer_pass_through(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__source source = {a->plan->type, 0, 0, NULL};
    fptc__json *rows = NULL, *no_fields = fptc__json_new_object();
    fptc_status status;

    source.types = no_fields;
    status = no_fields == NULL
                 ? fptc__fail_nomem(err)
                 : fptc__fetch_rows(&a->work->session, &source, a->plan, &rows, NULL, err);
    if (status == FPTC_OK)
        status = fptc__answer_from_json(a, rows, err);
    if (status == FPTC_OK)
        fptc__result_warn(a->result, "not cached: %s belongs to another identity",
                          a->work->cache->options.cache_dir);
    fptc__json_free(rows);
    fptc__json_free(no_fields);
    return status;
}
