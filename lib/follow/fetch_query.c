/*
 * fetch_query.c: the miss. FPT is asked once, for the type's whole kept field set and whatever else the
 * caller wants to see; the rows and the ordered ids go into the log, the answer goes back as FPT gave it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "follow/cover.h"
#include "follow/fetch.h"
#include "follow/pages.h"

/* Fields of the source, then what the plan's columns need beyond them (dotted paths, images). */
static char *fields_of(const struct fptc__source *source, const struct fptc__plan *plan)
{
    struct fptc__buf csv;
    char *fields = fptc__source_fields(source);
    size_t i;

    fptc__buf_init(&csv, FPTC_FILTER_BYTES_MAX);
    fptc__buf_adds(&csv, fields == NULL ? "id" : fields);
    for (i = 0; i < plan->n_columns; i++) {
        if (fptc__json_get(source->types, plan->columns[i].name) == NULL)
            fptc__buf_addf(&csv, ",%s", plan->columns[i].name);
    }
    free(fields);
    return fptc__buf_steal(&csv);
}

static fptc_status take_page(struct fptc__page *page, fptc__json *rows, int64_t limit,
                             fptc_error *err)
{
    const fptc__json *row;

    while ((row = fptc__json_first(page->rows)) != NULL) {
        fptc__json *taken = fptc__json_detach(page->rows, row);

        if (limit > 0 && (int64_t)fptc__json_size(rows) >= limit)
            fptc__json_free(taken);
        else if (!fptc__json_append(rows, taken))
            return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

/* Rows in the order of the plan, by page numbers: FPT has no other way for a sorted list. */
static fptc_status fetch_sorted(const struct fptc__session *f, const struct fptc__plan *plan,
                                const char *fields, fptc__json *rows, int64_t *date_ms,
                                fptc_error *err)
{
    struct fptc__search search = {plan->type,
                                  fptc__plan_rest_filters(plan),
                                  fields,
                                  plan->rest_sort,
                                  FPTC_PAGE_ROWS,
                                  1,
                                  plan->is_retired_only,
                                  plan->without_archived};
    struct fptc__page page;
    fptc_status status = FPTC_OK;
    int is_last = 0;

    if (plan->limit > 0 && (plan->page > 0 || plan->limit <= 5000))
        search.page_size = plan->limit;
    else if (plan->page > 0)
        search.page_size = 500;
    if (plan->page > 0)
        search.page_number = plan->page;
    if (search.page_size > 5000)
        return fptc__fail(err, FPTC_EUSAGE, "page %lld of %lld rows: FPT's pages end at 5000 rows",
                          (long long)plan->page, (long long)plan->limit);
    while (status == FPTC_OK && !is_last) {
        status = fptc__site_search(f->site, &search, f->call, &page, err);
        if (status != FPTC_OK)
            break;
        if (*date_ms == 0)
            *date_ms = page.date_ms;
        is_last = page.is_last || plan->page > 0 ||
                  (plan->limit > 0 && search.page_number * search.page_size >= plan->limit);
        status = take_page(&page, rows, plan->limit, err);
        fptc__page_done(&page);
        search.page_number++;
    }
    return status;
}

static fptc_status fetch_by_id(const struct fptc__session *f, const struct fptc__plan *plan,
                               const char *fields, fptc__json *rows, int64_t *date_ms,
                               fptc_error *err)
{
    struct fptc__walk walk = {
        plan->type, fptc__plan_rest_filters(plan), fields, 0, FPTC_PAGE_ROWS, 0, 0, 0};
    struct fptc__page page;
    fptc_status status = FPTC_OK;

    while (status == FPTC_OK && !walk.is_done) {
        status = fptc__walk_next(f, &walk, &page, err);
        if (status == FPTC_OK)
            status = take_page(&page, rows, 0, err);
        fptc__page_done(&page);
    }
    *date_ms = walk.date_ms;
    return status;
}

/* {"dotted.Type.path": value}: what a later answer by ids cannot take from the row itself. */
static fptc__json *dotted_of(const struct fptc__plan *plan, const fptc__json *row)
{
    fptc__json *dotted = NULL;
    size_t i;

    for (i = 0; i < plan->n_columns; i++) {
        const char *name = plan->columns[i].name;
        const fptc__json *value = fptc__json_get(row, name);

        if (strchr(name, '.') == NULL)
            continue;
        if (dotted == NULL)
            dotted = fptc__json_new_object();
        if (value != NULL && !fptc__json_set(dotted, name, fptc__json_copy(value)))
            break;
    }
    return dotted;
}

/* An element of the stored ids: id, or [id, {dotted values}], or [id, {..}, partition] where the query
   spans partitions. */
static fptc__json *id_of(const struct fptc__source *source, const struct fptc__plan *plan,
                         const fptc__json *row)
{
    fptc__json *id = fptc__json_new_int(fptc__json_get_int(row, "id"));
    fptc__json *dotted = dotted_of(plan, row);
    int spans = source->is_project_type && source->project_id == 0;
    fptc__json *tuple;
    char partition[64];
    int ok;

    if (dotted == NULL && !spans)
        return id;
    tuple = fptc__json_new_array();
    ok = fptc__json_append(tuple, id);
    ok = fptc__json_append(tuple, dotted != NULL ? dotted : fptc__json_new_object()) && ok;
    fptc__row_partition(source, row, partition);
    if (spans)
        ok = fptc__json_append(tuple, fptc__json_new_text(partition)) && ok;
    if (ok)
        return tuple;
    fptc__json_free(tuple);
    return NULL;
}

static fptc__json *ids_of(const struct fptc__source *source, const struct fptc__plan *plan,
                          const fptc__json *rows)
{
    fptc__json *ids = fptc__json_new_array();
    const fptc__json *row;

    for (row = fptc__json_first(rows); row != NULL; row = fptc__json_next(row)) {
        if (!fptc__json_append(ids, id_of(source, plan, row))) {
            fptc__json_free(ids);
            return NULL;
        }
    }
    return ids;
}

static fptc__json *touches_of(const struct fptc__session *f, const struct fptc__plan *plan)
{
    fptc__json *list = fptc__json_new_array();
    size_t i;

    for (i = 0; i < plan->n_row_types; i++)
        (void)fptc__json_append(list, fptc__json_new_text(plan->row_types[i]));
    if (plan->n_row_types == 0)
        (void)fptc__json_append(list, fptc__json_new_text(plan->type));
    if (f->notes_outbox) {
        fptc__json *heads = fptc__json_new_object();

        (void)fptc__json_set(heads, "outbox", fptc__json_new_int(f->outbox_seen));
        (void)fptc__json_append(list, heads);
    }
    return list;
}

static fptc_status add_query_record(struct fptc__intake *in, const struct fptc__plan *plan,
                                    const fptc__json *rows, fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(in->follow->view, in->source->is_project_type);
    fptc__json *body = fptc__json_new_object();
    const char *canonical = fptc__plan_canonical(plan);
    int ok = canonical != NULL;
    fptc_status status;

    ok = ok && fptc__json_set(body, "hash", fptc__json_new_text(fptc__plan_hash(plan)));
    ok = ok && fptc__json_set(body, "text", fptc__json_new_text(canonical));
    ok = fptc__json_set(body, "type", fptc__json_new_text(plan->type)) && ok;
    ok = fptc__json_set(body, "touches", touches_of(in->follow, plan)) && ok;
    ok = fptc__json_set(body, "seen", fptc__json_new_int((int64_t)in->seen[part])) && ok;
    ok = fptc__json_set(body, "types", fptc__json_copy(in->source->types)) && ok;
    ok = fptc__json_set(body, "ids", ids_of(in->source, plan, rows)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(in->asof_ms)) && ok;
    status = ok ? fptc__intake_record(in, FPTC__QUERY, body, err) : fptc__fail_nomem(err);
    fptc__json_free(body);
    return status;
}

/* Rows that are kept and that a whole answer lacks are gone, or live elsewhere now. */
static fptc_status settle_missing(const struct fptc__intake *in, const fptc__json *rows,
                                  fptc_error *err)
{
    struct fptc__idset met = {NULL, 0, 0};
    struct fptc__fetch_stats stats = {0, 0, 0};
    const fptc__json *row;
    fptc_status status = FPTC_OK;

    for (row = fptc__json_first(rows); row != NULL && status == FPTC_OK; row = fptc__json_next(row))
        status =
            fptc__idset_add(&met, fptc__json_get_int(row, "id")) ? FPTC_OK : fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__settle_missing(in->follow, in->source, &met, &stats, err);
    fptc__idset_clear(&met);
    return status;
}

/* The head of the rows' partition before the question. */
static uint64_t seen_of(const struct fptc__intake *in)
{
    return in->seen[fptc__view_part_of(in->follow->view, in->source->is_project_type)];
}

/* Rows, the query, and the coverage if these are all rows of the type there: at once when they came in
   one page, else after catching up with what changed between the pages (protocol-attacks C5). */
static fptc_status keep(struct fptc__intake *in, const struct fptc__plan *plan,
                        const fptc__json *rows, int64_t date_ms, fptc_error *err)
{
    const struct fptc__source *source = in->source;
    struct fptc__since since = {.date_ms = date_ms,
                                .max_id = fptc__max_id(rows, 0),
                                .audited_ms = in->asof_ms,
                                .skip_equal = 1,
                                .is_walk = 1,
                                .walk_seen = seen_of(in),
                                .seen = fptc__intake_seen(in)};
    struct fptc__fetch_stats stats = {0, 0, 0};
    int is_page = fptc__json_size(rows) < FPTC_PAGE_ROWS;
    int is_whole = plan->is_unfiltered && (source->project_id != 0 || !source->is_project_type) &&
                   (is_page || strcmp(plan->rest_sort, "id") == 0);
    fptc_status missing = is_whole ? settle_missing(in, rows, err) : FPTC_OK;
    fptc_status status = fptc__intake_rows(in, rows, err);

    if (status == FPTC_OK)
        status = add_query_record(in, plan, rows, err);
    if (status == FPTC_OK && missing == FPTC_OK && is_whole && is_page)
        status = fptc__cover_record(in, &since, err);
    if (status == FPTC_OK)
        status = fptc__intake_commit(in, err);
    if (status == FPTC_OK && missing == FPTC_OK && is_whole && !is_page)
        status = fptc__changes_since(in->follow, source, &since, &stats, err);
    return status == FPTC_OK ? missing : status;
}

fptc_status fptc__fetch_rows(const struct fptc__session *f, const struct fptc__source *source,
                             const struct fptc__plan *plan, fptc__json **out_rows,
                             int64_t *out_date_ms, fptc_error *err)
{
    fptc__json *rows = fptc__json_new_array();
    char *fields = fields_of(source, plan);
    int64_t date_ms = 0;
    int is_missing = rows == NULL || fields == NULL || fptc__plan_rest_filters(plan) == NULL;
    fptc_status status = is_missing ? fptc__fail_nomem(err) : FPTC_OK;

    if (status == FPTC_OK && (plan->limit > 0 || plan->page > 0 || plan->is_retired_only ||
                              plan->without_archived || strcmp(plan->rest_sort, "id") != 0))
        status = fetch_sorted(f, plan, fields, rows, &date_ms, err);
    else if (status == FPTC_OK)
        status = fetch_by_id(f, plan, fields, rows, &date_ms, err);
    free(fields);
    if (status != FPTC_OK) {
        fptc__json_free(rows);
        rows = NULL;
    }
    *out_rows = rows;
    if (out_date_ms != NULL)
        *out_date_ms = date_ms;
    return status;
}

fptc_status fptc__fetch_query(const struct fptc__session *f, const struct fptc__source *source,
                              const struct fptc__plan *plan, fptc__json **out_rows,
                              fptc_error *out_commit_err, fptc_error *err)
{
    struct fptc__intake in;
    int64_t date_ms = 0;
    fptc_status status;

    *out_rows = NULL;
    status = fptc__intake_begin(&in, f, source, err);
    if (status == FPTC_OK)
        status = fptc__fetch_rows(f, source, plan, out_rows, &date_ms, err);
    if (status == FPTC_OK && !plan->is_retired_only) /* the answer stands without it */
        (void)keep(&in, plan, *out_rows, date_ms, out_commit_err);
    fptc__intake_done(&in);
    return status;
}
