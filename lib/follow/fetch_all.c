/*
 * fetch_all.c: the initial load. Workers take id ranges from a shared cursor, so several pages are in
 * flight; each page is committed when it arrives. Marks are taken before the first page, the coverage
 * is published only after catching up from them (protocol-attacks C5).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "follow/cover.h"
#include "follow/fetch.h"
#include "follow/pages.h"
#include "view/lookup.h"

#define RANGE_PAGE_ROWS 2000 /* rows a range may return at once; ranges are sized for half of it */

struct load {
    const struct fptc__session *follow;
    const struct fptc__source *source;
    const struct fptc__progress *progress;
    char *fields;
    fptc__json *filters;
    struct fptc__log *log; /* of its own: the view shall not take in what is being loaded */
    pthread_mutex_t mutex; /* guards what follows */
    int64_t next_id;       /* first id of the next range */
    int64_t width;         /* ids in it */
    int64_t max_id;        /* last id to ask for */
    int64_t rows;
    struct fptc__idset seen;
    fptc_status status; /* first failure */
    fptc_error err;
};

/* Takes a page in: commit, count, report. Called without the mutex. */
static fptc_status take_page(struct load *l, struct fptc__intake *in, const struct fptc__page *page,
                             fptc_error *err)
{
    const fptc__json *row;
    fptc_status status = fptc__intake_rows(in, page->rows, err);
    char what[160];
    int stop = 0;

    if (status == FPTC_OK)
        status = fptc__intake_commit(in, err);
    if (status != FPTC_OK)
        return status;
    pthread_mutex_lock(&l->mutex);
    for (row = fptc__json_first(page->rows); row != NULL; row = fptc__json_next(row)) {
        if (!fptc__idset_add(&l->seen, fptc__json_get_int(row, "id")))
            status = fptc__fail_nomem(err);
        l->rows++;
    }
    if (l->source->project_id != 0)
        snprintf(what, sizeof(what), "%s in project %lld", l->source->type,
                 (long long)l->source->project_id);
    else
        snprintf(what, sizeof(what), "%s", l->source->type);
    if (l->progress != NULL && l->progress->fn != NULL)
        stop = l->progress->fn(what, l->rows, 0, l->progress->payload) != 0;
    pthread_mutex_unlock(&l->mutex);
    return stop ? fptc__fail(err, FPTC_ECANCELLED, "stopped while reading %s", what) : status;
}

/* The ids lo..hi, in as many pages as they take. */
static fptc_status load_range(struct load *l, int64_t lo, int64_t hi, int64_t *out_rows,
                              fptc_error *err)
{
    fptc__json *filters = fptc__json_copy(l->filters);
    fptc__json *range = fptc__json_new_array();
    struct fptc__walk walk = {l->source->type, NULL, l->fields, 0, RANGE_PAGE_ROWS, 0, 0, 0};
    fptc_status status = FPTC_OK;
    int ok = fptc__json_append(range, fptc__json_new_int(lo));

    *out_rows = 0;
    ok = fptc__json_append(range, fptc__json_new_int(hi)) && ok;
    if (!fptc__filter_add(filters, "id", "between", range) || !ok)
        status = fptc__fail_nomem(err);
    walk.filters = filters;
    while (status == FPTC_OK && !walk.is_done) {
        struct fptc__intake in;
        struct fptc__page page = {NULL, 0, 0};

        status = fptc__intake_begin(&in, l->follow, l->source, err);
        in.home_log = l->log;
        if (status == FPTC_OK)
            status = fptc__walk_next(l->follow, &walk, &page, err);
        if (status == FPTC_OK)
            status = take_page(l, &in, &page, err);
        *out_rows += (int64_t)fptc__json_size(page.rows);
        fptc__page_done(&page);
        fptc__intake_done(&in);
    }
    fptc__json_free(filters);
    return status;
}

/* A range as wide as half a page of rows, judged by the last one. */
static void adapt_width(struct load *l, int64_t rows)
{
    if (rows < RANGE_PAGE_ROWS / 4)
        l->width *= 2;
    else if (rows > RANGE_PAGE_ROWS * 3 / 4 && l->width > 1)
        l->width /= 2;
}

static void *work(void *ctx)
{
    struct load *l = ctx;
    int64_t lo, hi, rows;
    fptc_error err = FPTC_ERROR_INIT;

    for (;;) {
        fptc_status status;

        pthread_mutex_lock(&l->mutex);
        lo = l->next_id;
        hi = lo + l->width - 1;
        if (l->status != FPTC_OK || lo > l->max_id) {
            pthread_mutex_unlock(&l->mutex);
            return NULL;
        }
        l->next_id = hi + 1;
        pthread_mutex_unlock(&l->mutex);
        status = load_range(l, lo, hi, &rows, &err);
        pthread_mutex_lock(&l->mutex);
        adapt_width(l, rows);
        if (status != FPTC_OK && l->status == FPTC_OK) {
            l->status = status;
            l->err = err;
        }
        pthread_mutex_unlock(&l->mutex);
    }
}

static fptc_status run_workers(struct load *l, fptc_error *err)
{
    pthread_t threads[FPTC_REQUESTS_AT_ONCE - 1];
    size_t n = 0, i;

    while (n < FPTC_REQUESTS_AT_ONCE - 1 && pthread_create(&threads[n], NULL, work, l) == 0)
        n++;
    (void)work(l);
    for (i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    if (l->status != FPTC_OK && err != NULL)
        *err = l->err;
    return l->status;
}

/* Greatest id there is now. */
static fptc_status ask_max_id(struct load *l, fptc_error *err)
{
    struct fptc__search search = {l->source->type, l->filters, "id", "-id", 1, 1, 0, 0};
    struct fptc__page page;
    fptc_status status = fptc__site_search(l->follow->site, &search, l->follow->call, &page, err);

    if (status == FPTC_OK)
        l->max_id = fptc__max_id(page.rows, 0);
    fptc__page_done(&page);
    return status;
}

/* The first page tells whether one is enough, and how dense the ids are. */
static fptc_status load_rows(struct load *l, struct fptc__intake *first, int64_t *date_ms,
                             int *out_pages, fptc_error *err)
{
    struct fptc__walk walk = {l->source->type, l->filters, l->fields, 0, FPTC_PAGE_ROWS, 0, 0, 0};
    struct fptc__page page;
    int64_t first_id;
    fptc_status status = fptc__walk_next(l->follow, &walk, &page, err);

    if (status != FPTC_OK) {
        fptc__page_done(&page);
        return status;
    }
    *date_ms = walk.date_ms;
    *out_pages = walk.is_done ? 1 : 2;
    first_id = fptc__json_get_int(fptc__json_first(page.rows), "id");
    status = take_page(l, first, &page, err);
    fptc__page_done(&page);
    l->max_id = walk.after_id;
    if (status != FPTC_OK || walk.is_done)
        return status;
    l->next_id = walk.after_id + 1;
    l->width = walk.after_id - first_id + 1;
    status = ask_max_id(l, err);
    return status == FPTC_OK ? run_workers(l, err) : status;
}

static fptc_status load_and_cover(struct load *l, struct fptc__fetch_stats *stats, fptc_error *err)
{
    struct fptc__intake first, last;
    struct fptc__since since = {.log = l->log, .is_walk = 1};
    int pages = 0;
    fptc_status status = fptc__intake_begin(&first, l->follow, l->source, err);

    if (status != FPTC_OK)
        return status;
    first.home_log = l->log;
    last = first; /* what is said at the end was true when the walk began */
    status = load_rows(l, &first, &since.date_ms, &pages, err);
    stats->rows += l->rows;
    stats->changed += l->rows;
    since.max_id = l->max_id;
    since.audited_ms = last.asof_ms;
    since.walk_seen = last.seen[fptc__view_part_of(l->follow->view, l->source->is_project_type)];
    since.seen = fptc__intake_seen(&last);
    if (status == FPTC_OK)
        status = fptc__settle_missing(l->follow, l->source, &l->seen, stats, err);
    if (status == FPTC_OK && pages == 1)
        status = fptc__cover_record(&last, &since, err);
    if (status == FPTC_OK)
        status = fptc__intake_commit(&last, err);
    if (status == FPTC_OK && pages > 1)
        status = fptc__changes_since(l->follow, l->source, &since, stats, err);
    fptc__intake_done(&first);
    fptc__intake_done(&last);
    return status;
}

fptc_status fptc__fetch_all(const struct fptc__session *f, const struct fptc__source *source,
                            const struct fptc__progress *progress, struct fptc__fetch_stats *stats,
                            fptc_error *err)
{
    struct load l = {.follow = f, .source = source, .progress = progress};
    struct fptc__log_options options = {.logger = f->logger};
    const struct fptc__partition *home =
        fptc__view_partition(f->view, fptc__view_part_of(f->view, source->is_project_type));
    fptc_status status;

    pthread_mutex_init(&l.mutex, NULL);
    l.fields = fptc__source_fields(source);
    l.filters = fptc__filter_source(source);
    status = l.fields == NULL || l.filters == NULL ? fptc__fail_nomem(err)
                                                   : fptc__partition_make(home, err);
    if (status == FPTC_OK)
        status = fptc__log_open(home, &options, &l.log, err);
    if (status == FPTC_OK)
        status = load_and_cover(&l, stats, err);
    fptc__log_close(l.log);
    fptc__idset_clear(&l.seen);
    fptc__json_free(l.filters);
    free(l.fields);
    pthread_mutex_destroy(&l.mutex);
    return status;
}
