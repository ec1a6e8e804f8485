#include "api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/adjust.h"
#include "api/covered.h"
#include "api/several.h"
#include "base/error.h"
#include "base/limits.h"
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
        status = fptc__plan_build(cache->schema, cache->plans, &own, 0, &a->own, err);
        pthread_rwlock_unlock(&cache->schema_lock);
    }
    fptc__request_done(&own);
    return status;
}

fptc_status fptc__answer_begin_at(struct fptc__answer *a, struct fptc__work *w,
                                  const struct fptc__plan *plan, int64_t now_ms, fptc_error *err)
{
    fptc_status status;

    memset(a, 0, sizeof(*a));
    a->work = w;
    a->plan = plan;
    a->began_ms = a->now_ms = now_ms;
    status = fptc__result_new(&a->result, err);
    if (status == FPTC_OK && plan->warnings[0] != '\0')
        fptc__buf_adds(&a->result->warnings, plan->warnings);
    return status;
}

fptc_status fptc__answer_begin(struct fptc__answer *a, struct fptc__work *w,
                               const struct fptc__plan *plan, const struct fptc__request *request,
                               int64_t max_age_ms, fptc_error *err)
{
    int64_t now_ms = 0;
    fptc_status known = fptc__handle_now(w->cache, &now_ms, err);
    fptc_status status = fptc__answer_begin_at(a, w, plan, now_ms, known == FPTC_OK ? err : NULL);

    a->request = request;
    a->max_age_ms = max_age_ms;
    return known == FPTC_OK ? status : known;
}

void fptc__answer_done(struct fptc__answer *a)
{
    fptc_result_free(a->result);
    fptc__plan_free(a->own);
    fptc__plan_free(a->wide);
    fptc__json_free(a->types);
    memset(a, 0, sizeof(*a));
}

void fptc__answer_count(struct fptc_cache *cache, int32_t source)
{
    pthread_mutex_lock(&cache->mutex);
    if (source == FPTC_SOURCE_CACHE)
        cache->counters.from_cache++;
    else if (source == FPTC_SOURCE_UPSTREAM)
        cache->counters.from_upstream++;
    else
        cache->counters.from_stale++;
    pthread_mutex_unlock(&cache->mutex);
}

int fptc__says_dropped(struct fptc__work *w, char out[120])
{
    struct fptc__view *view = w->session.view;
    char when[21];
    int64_t asof_ms;
    uint64_t number;

    fptc__view_begin(view);
    number = fptc__view_dropped(view, FPTC__HOME, &asof_ms);
    if (number != fptc__log_head(fptc__view_log(view, FPTC__HOME)))
        number = 0;
    fptc__view_end(view);
    fptc__iso_from_ms(asof_ms, when);
    (void)snprintf(out, 120, "%s was dropped from this cache on %s",
                   fptc__view_partition(view, FPTC__HOME)->name, when);
    return number > 0;
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

/* One stored element: id, [id, dotted] or [id, dotted, partition]. A row that is gone since drops out; one
   that is not there in a partition which was dropped says nothing of FPT's. */
static fptc_status add_stored(struct fptc__answer *a, const fptc__json *element,
                              struct fptc__rows *rows, fptc_error *err)
{
    const fptc__json *id = fptc__json_is_array(element) ? fptc__json_first(element) : element;
    const fptc__json *dotted = id == element ? NULL : fptc__json_next(id);
    const fptc__json *partition = dotted == NULL ? NULL : fptc__json_next(dotted);
    struct fptc__open_view *open = a->work->open;
    fptc_status status = FPTC_OK;
    size_t before = rows->n;
    int is_suspect = 0, is_dropped = 0;

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
        is_dropped = partition != NULL && rows->n == before &&
                     fptc__view_dropped(open->view, FPTC__HOME, NULL) > 0;
        fptc__view_end(open->view);
    }
    if (partition != NULL)
        fptc__view_put(a->work->cache, open);
    if ((is_suspect && !a->is_any_age) || is_dropped)
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
        if (!fptc__name_is_in(q->fields, a->own->columns[i].name))
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
    return (a->is_any_age || q->is_untouched) && fptc__answer_is_young(a, q->asof_ms);
}

/* FPTC_MISS unless all rows that pending writes touch can be judged by what is kept of them. */
static fptc_status check_lacking(struct fptc__answer *a, fptc_error *err)
{
    fptc__json *ids = NULL;
    fptc_status status = fptc__answer_lacking(a, &ids, err);

    if (status == FPTC_OK && fptc__json_size(ids) > 0)
        status = FPTC_MISS;
    fptc__json_free(ids);
    return status;
}

static fptc_status from_stored_query(struct fptc__answer *a, fptc_error *err)
{
    const char *canonical = fptc__plan_canonical(a->plan);
    struct fptc__stored_query q;
    const fptc__json *element;
    enum fptc__lists lists = FPTC__LISTS_STILL;
    fptc_status status = a->own == NULL ? own_plan(a, err) : FPTC_OK;

    if (status != FPTC_OK)
        return status;
    if (canonical == NULL)
        return fptc__fail_nomem(err);
    fptc__view_begin(a->work->session.view);
    status = fptc__view_query(a->work->session.view, FPTC__HOME, fptc__plan_hash(a->plan),
                              canonical, &q, err);
    fptc__view_end(a->work->session.view);
    if (status != FPTC_OK)
        return status;
    if (status == FPTC_OK && !a->is_any_age && depends_elsewhere(a))
        status = check_elsewhere(a, &q, err);
    if (status == FPTC_OK && !is_usable(a, &q))
        status = FPTC_MISS;
    if (status == FPTC_OK) {
        fptc__view_begin(a->work->session.view);
        lists = fptc__lists_since_commit(a, q.commit_no);
        fptc__view_end(a->work->session.view);
    }
    if (lists == FPTC__LISTS_DECISIVE && !a->is_any_age)
        status = FPTC_MISS;
    if (status == FPTC_OK && !a->is_any_age)
        status = check_lacking(a, err);
    if (status == FPTC_OK)
        status = start_rows(a, &a->result->rows, err);
    for (element = fptc__json_first(q.ids); element != NULL && status == FPTC_OK;
         element = fptc__json_next(element))
        status = add_stored(a, element, &a->result->rows, err);
    if (status == FPTC_OK) {
        a->result->source = FPTC_SOURCE_CACHE;
        a->result->age_ms = a->now_ms > q.asof_ms ? a->now_ms - q.asof_ms : 0;
        a->result->is_complete = q.is_untouched && lists == FPTC__LISTS_STILL;
        status = fptc__answer_add_pending(a, err);
    }
    if (status != FPTC_OK)
        fptc__rows_done(&a->result->rows);
    fptc__stored_query_done(&q);
    return status;
}

/* The page alone, as it was stored, only while FPT cannot be asked for what moved into it. */
fptc_status fptc__answer_from_stored_query(struct fptc__answer *a, fptc_error *err)
{
    fptc_status status = fptc__answer_widely(a, from_stored_query, err);

    return status == FPTC_MISS && a->wide != NULL && a->is_any_age ? from_stored_query(a, err)
                                                                   : status;
}

fptc_status fptc__answer_from_cache(struct fptc__answer *a, fptc_error *err)
{
    size_t told = a->result->warnings.len;
    fptc_status status;

    (void)fptc__handle_now(a->work->cache, &a->now_ms, NULL); /* FPT may have been asked since */
    if (a->question != NULL)
        return fptc__plan_is_several(a->plan) ? FPTC_MISS : fptc__covered_find(a, err);
    status =
        fptc__plan_is_several(a->plan) ? fptc__several_find(a, err) : fptc__covered_find(a, err);
    if (status == FPTC_OK && a->is_streaming && !fptc__plan_is_several(a->plan))
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
