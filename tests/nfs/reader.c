/*
 * reader.c: readers through the public API, who judge each answer: of every writer the ledger rows
 * 0 .. i without a gap, all stamps i, and i never below what this process saw before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fptcache/fptcache.h"
#include "nfs/load.h"

#define FILTERS "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]]"

struct judge {
    const struct load *l;
    int64_t n_answers, n_changes, n_rows, longest_us;
    int torn, back, failed;
    /* of the answer that is being read: */
    int64_t n_ledger[WRITERS_MAX], top[WRITERS_MAX], n_stamps[WRITERS_MAX];
    int64_t stamp_min[WRITERS_MAX], stamp_max[WRITERS_MAX];
    /* of earlier ones: */
    int64_t seen[WRITERS_MAX];
};

static void begin_answer(struct judge *j)
{
    size_t w;

    for (w = 0; w < WRITERS_MAX; w++) {
        j->n_ledger[w] = j->n_stamps[w] = 0;
        j->top[w] = j->stamp_max[w] = -1;
        j->stamp_min[w] = INDEX_MAX;
    }
}

static void take_row(struct judge *j, int64_t id, int64_t code)
{
    int64_t w = id / IDS_PER_WRITER, place = id % IDS_PER_WRITER;

    j->n_rows++;
    if (w < 0 || w >= WRITERS_MAX || (place >= LEDGER && code != place - LEDGER)) {
        say("torn row %" PRId64 " has code %" PRId64, id, code);
        j->torn++;
    } else if (place >= LEDGER) {
        j->n_ledger[w]++;
        j->top[w] = code > j->top[w] ? code : j->top[w];
    } else {
        j->n_stamps[w]++;
        j->stamp_min[w] = code < j->stamp_min[w] ? code : j->stamp_min[w];
        j->stamp_max[w] = code > j->stamp_max[w] ? code : j->stamp_max[w];
    }
}

static void judge_writer(struct judge *j, int w)
{
    if (j->n_ledger[w] != j->top[w] + 1 ||
        (j->n_stamps[w] > 0 && (j->stamp_min[w] != j->top[w] || j->stamp_max[w] != j->top[w])) ||
        (j->top[w] >= 0 && j->n_stamps[w] != j->l->batch)) {
        say("torn w%d: %" PRId64 " ledger rows up to %" PRId64 ", %" PRId64 " stamps from %" PRId64
            " to %" PRId64,
            w, j->n_ledger[w], j->top[w], j->n_stamps[w], j->stamp_min[w], j->stamp_max[w]);
        j->torn++;
    }
    if (j->top[w] + 1 < j->seen[w]) {
        say("back w%d: %" PRId64 " rows after %" PRId64, w, j->top[w] + 1, j->seen[w]);
        j->back++;
    }
    if (j->top[w] + 1 > j->seen[w]) {
        j->seen[w] = j->top[w] + 1;
        j->n_changes++;
        say("seen w%d-%06" PRId64 " %" PRId64, w, j->top[w], fptc__wall_ms());
    }
}

static void end_answer(struct judge *j)
{
    int w;

    j->n_answers++;
    for (w = 0; w < WRITERS_MAX; w++)
        judge_writer(j, w);
}

static void tell_failure(struct judge *j, const char *what, const fptc_error *err)
{
    say("fail %s %d %s", what, (int)err->status, err->message);
    j->failed++;
}

/* 1 when the answer was read to its end. */
static int read_answer(struct judge *j, fptc_result *result, fptc_error *err)
{
    const char *warnings;
    fptc_status status;

    begin_answer(j);
    while ((status = fptc_result_next(result)) == FPTC_OK) {
        take_row(j, fptc_result_id(result), fptc_result_int64(result, "code"));
        if (strcmp(j->l->role, "stream") == 0 && j->l->interval_ms > 0 && !is_over(j->l))
            fptc__sleep_ms(j->l->interval_ms);
    }
    if (status == FPTC_END) {
        end_answer(j);
        return 1;
    }
    warnings = fptc_result_warnings(result);
    err->status = status;
    (void)snprintf(err->message, sizeof(err->message), "%.300s", warnings ? warnings : "");
    return 0;
}

static void ask(struct judge *j, fptc_cache *cache, const fptc_query *query)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    int64_t begun = now_us(), took;

    if (fptc_cache_find(cache, query, &result, &err) != FPTC_OK || !read_answer(j, result, &err))
        tell_failure(j, j->l->role, &err);
    fptc_result_free(result);
    took = now_us() - begun;
    j->longest_us = took > j->longest_us ? took : j->longest_us;
}

static fptc_status make_query(const char *filters, int is_streaming, fptc_query **query,
                              fptc_error *err)
{
    fptc_status status = fptc_query_new("Shot", query, err);

    if (status == FPTC_OK)
        status = fptc_query_set_fields(*query, "code,description", err);
    if (status == FPTC_OK)
        status = fptc_query_set_filters(*query, filters, err);
    if (status == FPTC_OK)
        status = fptc_query_set_freshness(*query, FPTC_MODE_ONLY_CACHE, 0, 0, err);
    return status == FPTC_OK ? fptc_query_set_streaming(*query, is_streaming, err) : status;
}

static int tell_judgement(const struct judge *j)
{
    say("answers %" PRId64 " changes %" PRId64 " rows %" PRId64 " longest_us %" PRId64
        " torn %d back %d failed %d",
        j->n_answers, j->n_changes, j->n_rows, j->longest_us, j->torn, j->back, j->failed);
    return j->torn > 0 || j->back > 0 || (j->failed > 0 && !j->l->retry);
}

static int play_reader(const struct load *l, int is_streaming)
{
    static struct judge j;
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;

    j.l = l;
    options.cache_dir = l->dir;
    options.refresh_ms = FPTC_ZERO_MS;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK ||
        make_query(FILTERS, is_streaming, &query, &err) != FPTC_OK) {
        tell_failure(&j, "open", &err);
    } else {
        do {
            ask(&j, cache, query);
            fptc__sleep_ms(l->interval_ms);
        } while (!is_over(l) && (l->count == 0 || j.n_answers + j.failed < l->count));
    }
    fptc_query_free(query);
    fptc_cache_close(cache);
    return tell_judgement(&j);
}

int play_read(const struct load *l)
{
    return play_reader(l, 0);
}

int play_stream(const struct load *l)
{
    return play_reader(l, 1);
}

/* ------------------------------------------------------------------------------------------- pinned */

#define READS_OF_A_PIN 20

/* Every answer of one pin is the first one again: a reader who sees news is wrong, as one who goes back is. */
static void read_pinned(struct judge *j, const char *id)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    int64_t changes = 0;
    int i;

    options.cache_dir = j->l->dir;
    options.pin = id;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK ||
        make_query(FILTERS, 0, &query, &err) != FPTC_OK)
        tell_failure(j, "open", &err);
    for (i = 0; i < READS_OF_A_PIN && query != NULL; i++) {
        ask(j, cache, query);
        if (i > 0 && j->n_changes != changes) {
            say("torn pin %s shows news", id);
            j->torn++;
        }
        changes = j->n_changes;
        fptc__sleep_ms(j->l->interval_ms);
    }
    fptc_query_free(query);
    fptc_cache_close(cache);
}

static void pin_and_read(struct judge *j, fptc_cache *cache)
{
    fptc_error err = FPTC_ERROR_INIT;
    char id[33];
    fptc_status status = fptc_cache_pin(cache, 101, 3600000, id, &err);

    if (status == FPTC_OK) {
        say("pinned %s", id);
        read_pinned(j, id);
        status = fptc_cache_unpin(cache, id, &err);
    }
    if (status != FPTC_OK)
        tell_failure(j, "pin", &err);
}

int play_pin(const struct load *l)
{
    static struct judge j;
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;

    j.l = l;
    options.cache_dir = l->dir;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK)
        tell_failure(&j, "open", &err);
    while (cache != NULL && !is_over(l))
        pin_and_read(&j, cache);
    fptc_cache_close(cache);
    return tell_judgement(&j);
}

/* ---------------------------------------------------------------------------------- one row, measured */

#define ASKS_MAX 100000

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Asks for one row; says when its code is another than before. 1: failed. */
static int ask_for_row(const struct load *l, fptc_cache *cache, const fptc_query *query,
                       int64_t *code)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    int64_t now;

    if (fptc_cache_find(cache, query, &result, &err) != FPTC_OK) {
        say("fail %s %d %s", l->role, (int)err.status, err.message);
        return 1;
    }
    if (fptc_result_next(result) == FPTC_OK && (now = fptc_result_int64(result, "code")) != *code) {
        say("seen w%" PRId64 "-%06" PRId64 " %" PRId64, l->writer, now, fptc__wall_ms());
        *code = now;
    }
    fptc_result_free(result);
    return 0;
}

static void tell_asks(int64_t *us, int64_t n, int64_t open_us)
{
    int64_t first = us[0];

    qsort(us, (size_t)n, sizeof(*us), by_value);
    say("asks %" PRId64 " open_us %" PRId64 " first_us %" PRId64 " median_us %" PRId64
        " p99_us %" PRId64 " longest_us %" PRId64,
        n, open_us, first, us[n / 2], us[n * 99 / 100], us[n - 1]);
}

int play_ask(const struct load *l)
{
    static int64_t us[ASKS_MAX];
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    char filters[200];
    int64_t n = 0, begun = now_us(), open_us = 0, code = -1;
    int failed;

    (void)snprintf(filters, sizeof(filters),
                   "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}],[\"id\",\"is\",%" PRId64
                   "]]",
                   l->first > 0 ? l->first : l->writer * IDS_PER_WRITER + 1);
    options.cache_dir = l->dir;
    options.refresh_ms = FPTC_ZERO_MS;
    failed = fptc_cache_open(&options, &cache, &err) != FPTC_OK ||
             make_query(filters, 0, &query, &err) != FPTC_OK;
    open_us = now_us() - begun;
    while (!failed && n < ASKS_MAX && (l->count == 0 || n < l->count) && !is_over(l)) {
        begun = now_us();
        failed = ask_for_row(l, cache, query, &code);
        us[n++] = now_us() - begun;
        if (l->interval_ms > 0)
            fptc__sleep_ms(l->interval_ms);
    }
    fptc_query_free(query);
    fptc_cache_close(cache);
    if (n > 0)
        tell_asks(us, n, open_us);
    return failed;
}
