/*
 * find.c: what a find that the cache covers costs through the C API, beside the same columns read by a
 * prepared statement on the snapshot through the system's SQLite, in one run.
 *
 *   bench_find [DIR [ROWS [FINDS]]]     DIR must not exist; it is left behind. 10,000 rows, 100,000 finds.
 *
 * Prints one table: microseconds each (the median of 20 rounds), the ratio, and instructions each where
 * the kernel counts them. `overlay` are finds over 1,000 newer rows that no snapshot holds yet.
 */
#include <inttypes.h>
#include <linux/perf_event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/layout.h"
#include "store/log.h"

#define ROUNDS 20
#define PAGE 500
#define TYPES                                                                                      \
    "{\"code\":\"text\",\"description\":\"text\",\"project\":\"entity\",\"sg_cut_in\":\"number\"," \
    "\"sg_cut_out\":\"number\",\"sg_status_list\":\"status_list\",\"updated_at\":\"date_time\"}"
#define FIELDS "code,description,sg_cut_in,sg_cut_out,sg_status_list"
#define IN_PROJECT "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"

static int64_t n_rows = 10000, n_finds = 100000;
static char dir[FPTC_PATH_MAX];
static int counter = -1; /* of instructions; -1: the kernel has none for us */

static void die(const char *what, const fptc_error *err)
{
    fprintf(stderr, "bench_find: %s: %s\n", what, err == NULL ? "" : err->message);
    exit(1);
}

/* ------------------------------------------------------------------------------------- the cache */

static void put(const char *partition, uint16_t kind, const char *body)
{
    struct fptc__partition p;
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__log *log = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__partition_at(dir, partition, &p, &err) != FPTC_OK ||
        fptc__partition_make(&p, &err) != FPTC_OK ||
        fptc__records_add(&records, kind, body, strlen(body), 1, &err) != FPTC_OK ||
        fptc__log_open(&p, NULL, &log, &err) != FPTC_OK ||
        fptc__log_append(log, &append, &call, &err) != FPTC_OK)
        die(partition, &err);
    fptc__log_close(log);
    fptc__records_done(&records);
}

/* Rows from..to-1; a later version has a greater updated_at. */
static void put_rows(int64_t from, int64_t to, int version)
{
    struct fptc__buf body;
    int64_t id;

    fptc__buf_init(&body, 64u << 20);
    fptc__buf_addf(&body,
                   "{\"type\":\"Shot\",\"seen\":%d,\"asof\":1,\"types\":" TYPES ",\"rows\":[",
                   version * 100000);
    for (id = from; id < to; id++)
        fptc__buf_addf(&body,
                       "%s{\"id\":%" PRId64 ",\"code\":\"sh_%06" PRId64 "_v%d\",\"description\":"
                       "\"Hero walks in, %" PRId64
                       "\",\"project\":{\"type\":\"Project\",\"id\":101,"
                       "\"name\":\"P\"},\"sg_cut_in\":1001,\"sg_cut_out\":%" PRId64
                       ",\"sg_status_list\":\"%s\",\"updated_at\":\"2026-01-01T00:00:%02dZ\"}",
                       id == from ? "" : ",", id, id, version, id, 1002 + id % 100,
                       id % 3 == 0 ? "ip" : "fin", version);
    fptc__buf_adds(&body, "]}");
    put("project-101", FPTC__ROWS, fptc__buf_text(&body));
    fptc__buf_done(&body);
}

static void make_cache(void)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *cache = NULL;
    fptc_result *done = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    char cover[600];
    int64_t id;

    options.cache_dir = dir;
    options.site_url = "http://127.0.0.1:9";
    if (fptc_cache_init(&options, &err) != FPTC_OK)
        die("init", &err);
    put("site", FPTC__CONFIG,
        "{\"key\":\"schema:Shot\",\"asof\":1,\"value\":{\"code\":{\"data_type\":\"text\"},"
        "\"description\":{\"data_type\":\"text\"},\"project\":{\"data_type\":\"entity\","
        "\"valid_types\":[\"Project\"]},\"sg_cut_in\":{\"data_type\":\"number\"},\"sg_cut_out\":"
        "{\"data_type\":\"number\"},\"sg_status_list\":{\"data_type\":\"status_list\"},"
        "\"updated_at\":{\"data_type\":\"date_time\"}}}");
    for (id = 1; id <= n_rows; id += PAGE)
        put_rows(id, id + PAGE > n_rows ? n_rows + 1 : id + PAGE, 1);
    snprintf(cover, sizeof(cover),
             "{\"type\":\"Shot\",\"types\":" TYPES ",\"asof\":%lld,\"audited\":%lld,\"mark\":"
             "\"2026-01-01T00:00:00Z\",\"max_id\":%" PRId64 "}",
             (long long)time(NULL) * 1000, (long long)time(NULL) * 1000, n_rows);
    put("project-101", FPTC__COVER, cover);
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK ||
        fptc_cache_compact(cache, "project-101", &done, &err) < FPTC_OK)
        die("compact", &err);
    fptc_result_free(done);
    fptc_cache_close(cache);
}

/* -------------------------------------------------------------------------------------- measuring */

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void open_counter(void)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double instructions(void)
{
    int64_t n = 0;

    return counter >= 0 && read(counter, &n, sizeof(n)) == (ssize_t)sizeof(n) ? (double)n : 0;
}

struct cost {
    double us, instructions;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Median time and mean instructions of one call, ids varying; the first round warms up. */
static struct cost measure(void (*one)(void *ctx, int64_t id), void *ctx, int64_t from, int64_t n)
{
    int64_t each = n_finds / ROUNDS > 0 ? n_finds / ROUNDS : 1;
    double times[ROUNDS], before = 0;
    uint64_t random = 42;
    struct cost cost;
    int round;

    for (round = -1; round < ROUNDS; round++) {
        double began = now_us();
        int64_t i;

        if (round == 0)
            before = instructions();
        for (i = 0; i < each; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            one(ctx, from + (int64_t)((random >> 33) % (uint64_t)n));
        }
        if (round >= 0)
            times[round] = (now_us() - began) / (double)each;
    }
    cost.instructions = (instructions() - before) / (double)(each * ROUNDS);
    qsort(times, ROUNDS, sizeof(times[0]), by_value);
    cost.us = times[ROUNDS / 2];
    return cost;
}

/* ------------------------------------------------------------------------------- the two that compare */

static int64_t seen; /* so that nothing is optimised away */

static void raw_one(void *ctx, int64_t id)
{
    sqlite3_stmt *stmt = ctx;

    sqlite3_bind_int64(stmt, 1, id);
    if (sqlite3_step(stmt) != SQLITE_ROW)
        die("raw: no row", NULL);
    seen += sqlite3_column_text(stmt, 1)[0];
    seen += sqlite3_column_text(stmt, 2)[0];
    seen += sqlite3_column_int64(stmt, 3) + sqlite3_column_int64(stmt, 4);
    seen += sqlite3_column_text(stmt, 5)[0];
    sqlite3_reset(stmt);
}

static struct cost raw(void)
{
    char path[FPTC_PATH_MAX + 80];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    struct cost cost;

    snprintf(path, sizeof(path), "file:%s/partitions/project-101/latest.sqlite?immutable=1", dir);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT id," FIELDS " FROM \"Shot\" WHERE id = ?1", -1, &stmt,
                           NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), NULL);
    cost = measure(raw_one, stmt, 1, n_rows);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return cost;
}

struct ours {
    fptc_cache *cache;
    fptc_query *query;
};

static void our_one(void *ctx, int64_t id)
{
    struct ours *o = ctx;
    fptc_result *r = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    char filters[120];

    snprintf(filters, sizeof(filters), "[" IN_PROJECT ",[\"id\",\"is\",%" PRId64 "]]", id);
    if (fptc_query_set_filters(o->query, filters, &err) != FPTC_OK ||
        fptc_cache_find(o->cache, o->query, &r, &err) != FPTC_OK ||
        fptc_result_next(r) != FPTC_OK || fptc_result_id(r) != id)
        die("find", &err);
    seen += fptc_result_text(r, "code")[0];
    seen += fptc_result_text(r, "description")[0];
    seen += fptc_result_int64(r, "sg_cut_in") + fptc_result_int64(r, "sg_cut_out");
    seen += fptc_result_text(r, "sg_status_list")[0];
    if (fptc_result_source(r) != FPTC_SOURCE_CACHE)
        die("not from the cache", NULL);
    fptc_result_free(r);
}

static struct cost ours(int64_t deadline_ms, int64_t from, int64_t n)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    struct ours o = {NULL, NULL};
    struct cost cost;
    fptc_error err = FPTC_ERROR_INIT;

    options.cache_dir = dir;
    options.max_age_ms = 86400000;
    options.refresh_ms = 60000; /* a look for commits is none of this */
    options.deadline_ms = deadline_ms;
    if (fptc_cache_open(&options, &o.cache, &err) != FPTC_OK ||
        fptc_query_new("Shot", &o.query, &err) != FPTC_OK ||
        fptc_query_set_fields(o.query, FIELDS, &err) != FPTC_OK)
        die("open", &err);
    cost = measure(our_one, &o, from, n);
    fptc_query_free(o.query);
    fptc_cache_close(o.cache);
    return cost;
}

static void line(const char *what, struct cost cost, struct cost base)
{
    printf("%-28s %9.2f us %8.2fx", what, cost.us, cost.us / base.us);
    if (counter >= 0)
        printf(" %10.0f instructions %8.2fx", cost.instructions,
               cost.instructions / base.instructions);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct cost base;

    snprintf(dir, sizeof(dir), "%s", argc > 1 ? argv[1] : "/tmp/bench_find.cache");
    if (argc > 2)
        n_rows = strtoll(argv[2], NULL, 10);
    if (argc > 3)
        n_finds = strtoll(argv[3], NULL, 10);
    if (n_rows < 1001 || n_finds < 1)
        die("at least 1001 rows and one find", NULL);
    make_cache();
    open_counter();
    base = raw();
    line("raw, prepared, by id", base, base);
    line("find by id", ours(0, 1, n_rows), base);
    line("find by id, deadline 5 s", ours(5000, 1, n_rows), base);
    put_rows(1, 1001, 2);
    line("overlay, row of the snapshot", ours(0, 1001, n_rows - 1000), base);
    line("overlay, row of the overlay", ours(0, 1, 1000), base);
    return seen == 0;
}
