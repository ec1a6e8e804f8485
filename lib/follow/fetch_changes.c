/*
 * fetch_changes.c: catching up: what changed on the whole site since the mark (a row that moved to
 * another project is not seen otherwise, protocol-attacks C4), and what went into the trash. Also the
 * reading again of single rows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "follow/cover.h"
#include "follow/fetch.h"
#include "follow/pages.h"
#include "view/lookup.h"

struct catch_up {
    const struct fptc__session *follow;
    const struct fptc__source *source;
    const struct fptc__since *since;
    struct fptc__fetch_stats *stats;
    int64_t date_ms, max_id;
    int64_t asof_ms; /* of the first request */
};

static fptc__json *sweep_filters(const struct fptc__since *since, int with_ids)
{
    fptc__json *group = fptc__filter_all();
    char mark[21];

    fptc__iso_from_ms(since->date_ms - FPTC_SWEEP_MARGIN_MS, mark);
    if (!fptc__filter_add(group, "updated_at", "greater_than", fptc__json_new_text(mark)) ||
        (with_ids &&
         (!fptc__filter_add(group, "id", "greater_than", fptc__json_new_int(since->max_id)) ||
          !fptc__json_set(group, "logical_operator", fptc__json_new_text("or"))))) {
        fptc__json_free(group);
        return NULL;
    }
    return group;
}

/* Rows of the page that this partition holds although FPT now shows them elsewhere. */
static fptc_status drop_moved(struct catch_up *c, struct fptc__intake *in, const fptc__json *rows,
                              fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(c->follow->view, c->source->is_project_type);
    const struct fptc__partition *home = fptc__view_partition(c->follow->view, part);
    const fptc__json *row;
    fptc_status status = FPTC_OK;

    for (row = fptc__json_first(rows); row != NULL && status == FPTC_OK;
         row = fptc__json_next(row)) {
        char partition[64];
        int64_t id = fptc__json_get_int(row, "id");
        int has;

        fptc__row_partition(c->source, row, partition);
        if (strcmp(partition, home->name) == 0)
            continue;
        fptc__view_begin(c->follow->view);
        has = fptc__view_has(c->follow->view, part, c->source->type, id, NULL);
        fptc__view_end(c->follow->view);
        if (has) {
            status =
                fptc__intake_gone(in, id, fptc__json_get_text(row, "updated_at"), partition, err);
            c->stats->gone++;
        }
    }
    return status;
}

/* Only rows that live here, or did: others' are for those who follow them. */
static void keep_ours(struct catch_up *c, fptc__json *rows)
{
    enum fptc__part part = fptc__view_part_of(c->follow->view, c->source->is_project_type);
    const struct fptc__partition *home = fptc__view_partition(c->follow->view, part);
    const fptc__json *row = fptc__json_first(rows), *next;

    for (; row != NULL; row = next) {
        char partition[64];
        int has;

        next = fptc__json_next(row);
        fptc__row_partition(c->source, row, partition);
        fptc__view_begin(c->follow->view);
        has = fptc__view_has(c->follow->view, part, c->source->type, fptc__json_get_int(row, "id"),
                             NULL);
        fptc__view_end(c->follow->view);
        if (strcmp(partition, home->name) != 0 && !has)
            fptc__json_free(fptc__json_detach(rows, row));
    }
}

static fptc_status take_living(struct catch_up *c, struct fptc__intake *in, struct fptc__page *page,
                               fptc_error *err)
{
    fptc_status status;

    c->max_id = fptc__max_id(page->rows, c->max_id);
    keep_ours(c, page->rows);
    status = fptc__intake_rows(in, page->rows, err);
    if (status == FPTC_OK)
        status = drop_moved(c, in, page->rows, err);
    c->stats->changed += in->n_rows;
    return status;
}

static fptc_status take_retired(struct catch_up *c, struct fptc__intake *in,
                                struct fptc__page *page, fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(c->follow->view, c->source->is_project_type);
    const fptc__json *row;
    fptc_status status = FPTC_OK;

    for (row = fptc__json_first(page->rows); row != NULL && status == FPTC_OK;
         row = fptc__json_next(row)) {
        int64_t id = fptc__json_get_int(row, "id");
        int has;

        fptc__view_begin(c->follow->view);
        has = fptc__view_has(c->follow->view, part, c->source->type, id, NULL) ||
              !c->since->skip_equal; /* the view is behind: say it anyway */
        fptc__view_end(c->follow->view);
        if (has) {
            status = fptc__intake_gone(in, id, fptc__json_get_text(row, "updated_at"), NULL, err);
            c->stats->gone++;
        }
    }
    return status;
}

/* All pages of one sweep, committed one by one. */
static fptc_status sweep(struct catch_up *c, int is_retired, fptc_error *err)
{
    fptc__json *filters = sweep_filters(c->since, !is_retired);
    char *fields = is_retired ? strdup("id,updated_at") : fptc__source_fields(c->source);
    struct fptc__walk walk = {c->source->type, filters, fields, is_retired,
                              FPTC_PAGE_ROWS,  0,       0,      0};
    fptc_status status = filters == NULL || fields == NULL ? fptc__fail_nomem(err) : FPTC_OK;

    while (status == FPTC_OK && !walk.is_done) {
        struct fptc__intake in;
        struct fptc__page page = {NULL, 0, 0};

        status = fptc__intake_begin(&in, c->follow, c->source, err);
        in.skip_equal = c->since->skip_equal;
        in.home_log = c->since->log;
        if (c->asof_ms == 0)
            c->asof_ms = in.asof_ms;
        if (status == FPTC_OK)
            status = fptc__walk_next(c->follow, &walk, &page, err);
        if (status == FPTC_OK)
            status =
                is_retired ? take_retired(c, &in, &page, err) : take_living(c, &in, &page, err);
        if (status == FPTC_OK)
            status = fptc__intake_commit(&in, err);
        fptc__page_done(&page);
        fptc__intake_done(&in);
    }
    if (c->date_ms == 0)
        c->date_ms = walk.date_ms;
    fptc__json_free(filters);
    free(fields);
    return status;
}

static fptc_status publish_cover(struct catch_up *c, fptc_error *err)
{
    struct fptc__intake in;
    struct fptc__since marks = *c->since;
    struct fptc__source covered = *c->source;
    fptc_status status = fptc__intake_begin(&in, c->follow, c->source, err);

    in.asof_ms = c->asof_ms;
    in.home_log = c->since->log;
    fptc__intake_seen_before(&in, c->since->seen);
    covered.types = c->since->cover_types != NULL ? c->since->cover_types : c->source->types;
    in.source = &covered;
    marks.date_ms = c->date_ms;
    marks.max_id = c->max_id;
    if (status == FPTC_OK)
        status = fptc__cover_record(&in, &marks, err);
    if (status == FPTC_OK)
        status = fptc__intake_commit(&in, err);
    fptc__intake_done(&in);
    return status;
}

fptc_status fptc__changes_since(const struct fptc__session *f, const struct fptc__source *source,
                                const struct fptc__since *since, struct fptc__fetch_stats *stats,
                                fptc_error *err)
{
    struct catch_up c = {f, source, since, stats, 0, since->max_id, 0};
    fptc_status status = sweep(&c, 0, err);

    if (status == FPTC_OK)
        status = sweep(&c, 1, err);
    return status == FPTC_OK ? publish_cover(&c, err) : status;
}

/* Of the rows' fields those that every row of the type is known to have. */
static fptc__json *covered_types(const struct fptc__source *source, const fptc__json *covered)
{
    fptc__json *types = fptc__json_new_object();
    const fptc__json *at;

    for (at = fptc__json_first(covered); at != NULL && types != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_text(at);
        const fptc__json *data_type = field == NULL ? NULL : fptc__json_get(source->types, field);

        if (data_type != NULL && !fptc__json_set(types, field, fptc__json_copy(data_type))) {
            fptc__json_free(types);
            return NULL;
        }
    }
    return types;
}

fptc_status fptc__fetch_changes(const struct fptc__session *f, const struct fptc__source *source,
                                struct fptc__fetch_stats *stats, fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(f->view, source->is_project_type);
    struct fptc__since since = {.skip_equal = 1};
    struct fptc__cover cover;
    fptc__json *types = NULL;
    fptc_status status;

    fptc__view_begin(f->view);
    status = fptc__view_cover(f->view, part, source->type, &cover, err);
    since.seen = fptc__log_head(fptc__view_log(f->view, part));
    fptc__view_end(f->view);
    if (status != FPTC_OK)
        return status;
    if (fptc__json_get(source->types, "updated_at") == NULL ||
        !fptc__iso_to_ms(cover.mark, &since.date_ms)) {
        status = FPTC_MISS;
    } else {
        since.max_id = cover.max_id;
        since.audited_ms = cover.audited_ms;
        types = covered_types(source, cover.fields);
        since.cover_types = types;
        status = types == NULL ? fptc__fail_nomem(err)
                               : fptc__changes_since(f, source, &since, stats, err);
    }
    fptc__json_free(types);
    fptc__cover_done(&cover);
    return status;
}

fptc_status fptc__fetch_covered(const struct fptc__session *f, const struct fptc__source *source,
                                struct fptc__fetch_stats *stats, fptc_error *err)
{
    fptc_status status = fptc__fetch_changes(f, source, stats, err);

    return status == FPTC_MISS ? fptc__fetch_all(f, source, NULL, stats, err) : status;
}

fptc_status fptc__fetch_source(const struct fptc__session *f, const struct fptc__source *source,
                               const struct fptc__progress *progress,
                               struct fptc__fetch_stats *stats, fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(f->view, source->is_project_type);
    struct fptc__cover cover;
    fptc_status status;

    fptc__view_begin(f->view);
    status = fptc__view_cover(f->view, part, source->type, &cover, err);
    fptc__view_end(f->view);
    if (status == FPTC_OK && !fptc__covers(cover.fields, source->types))
        status = FPTC_MISS; /* a field more is a new coverage */
    fptc__cover_done(&cover);
    if (status == FPTC_OK)
        status = fptc__fetch_changes(f, source, stats, err);
    return status == FPTC_MISS ? fptc__fetch_all(f, source, progress, stats, err) : status;
}

/* An id that was read again: gone from this partition when FPT has no such row, or has it elsewhere. */
static fptc_status settle_id(struct fptc__intake *in, int64_t id, const fptc__json *row,
                             fptc_error *err)
{
    const struct fptc__view *view = in->follow->view;
    const struct fptc__partition *home =
        fptc__view_partition(view, fptc__view_part_of(view, in->source->is_project_type));
    char partition[64];

    if (row == NULL)
        return fptc__intake_gone(in, id, NULL, NULL, err);
    fptc__row_partition(in->source, row, partition);
    if (strcmp(partition, home->name) == 0)
        return FPTC_OK;
    return fptc__intake_gone(in, id, fptc__json_get_text(row, "updated_at"), partition, err);
}

/* One page of ids: rows that come back are taken, the others are gone. */
static fptc_status fetch_some(const struct fptc__session *f, const struct fptc__source *source,
                              const fptc__json *ids, const char *fields, fptc_error *err)
{
    fptc__json *filters = fptc__filter_all();
    struct fptc__search search = {source->type, filters, fields, "id", FPTC_PAGE_ROWS, 1, 0, 0};
    struct fptc__page page = {NULL, 0, 0};
    struct fptc__intake in;
    const fptc__json *id, *row;
    fptc_status status = fptc__intake_begin(&in, f, source, err);

    if (status == FPTC_OK && !fptc__filter_add(filters, "id", "in", fptc__json_copy(ids)))
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__site_search(f->site, &search, f->call, &page, err);
    if (status == FPTC_OK)
        status = fptc__intake_rows(&in, page.rows, err);
    for (id = fptc__json_first(ids); id != NULL && status == FPTC_OK; id = fptc__json_next(id)) {
        for (row = fptc__json_first(page.rows); row != NULL; row = fptc__json_next(row)) {
            if (fptc__json_get_int(row, "id") == fptc__json_int(id))
                break;
        }
        status = settle_id(&in, fptc__json_int(id), row, err);
    }
    if (status == FPTC_OK)
        status = fptc__intake_commit(&in, err);
    fptc__page_done(&page);
    fptc__json_free(filters);
    fptc__intake_done(&in);
    return status;
}

fptc_status fptc__fetch_ids(const struct fptc__session *f, const struct fptc__source *source,
                            const fptc__json *ids, fptc_error *err)
{
    char *fields = fptc__source_fields(source);
    const fptc__json *id = fptc__json_first(ids);
    fptc_status status = fields == NULL ? fptc__fail_nomem(err) : FPTC_OK;

    while (id != NULL && status == FPTC_OK) {
        fptc__json *some = fptc__json_new_array();
        size_t n;

        for (n = 0; n < FPTC_PAGE_ROWS / 2 && id != NULL; n++, id = fptc__json_next(id))
            (void)fptc__json_append(some, fptc__json_copy(id));
        status = fetch_some(f, source, some, fields, err);
        fptc__json_free(some);
    }
    free(fields);
    return status;
}

fptc_status fptc__settle_missing(const struct fptc__session *f, const struct fptc__source *source,
                                 const struct fptc__idset *met, struct fptc__fetch_stats *stats,
                                 fptc_error *err)
{
    enum fptc__part part = fptc__view_part_of(f->view, source->is_project_type);
    fptc__json *ids = NULL;
    fptc_status status;

    fptc__view_begin(f->view);
    status = fptc__view_ids_missing(f->view, part, source->type, met, &ids, err);
    fptc__view_end(f->view);
    if (status == FPTC_OK && fptc__json_size(ids) > 0)
        status = fptc__fetch_ids(f, source, ids, err);
    stats->gone += (int64_t)fptc__json_size(ids);
    fptc__json_free(ids);
    return status;
}
