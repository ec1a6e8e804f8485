/*
 * changes.c: pages of a thousand changes through the C API, every row as JSON, beside hand-written SQL on
 * the same snapshot, in one run.
 *
 *     bench_changes CACHE_DIR [PAGE]     CACHE_DIR was made by bench_dataset
 *
 * raw      SELECT id, _fptc_version, json_object(every stored column) ... WHERE _fptc_version > ? ORDER BY
 *          _fptc_version LIMIT 1000: JSON is made by SQLite; links are a type and an id, no lists
 * the same what fptc_cache_changes gives: names of links looked up, lists of links added; in SQL
 *
 * Walks take turns, page by page; memory is the greatest growth of the private dirty pages of this process
 * while the API walked. Nothing passes or fails here.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fptcache/fptcache.h"

static const char *const types[] = {"Version", "Task", "Shot", "Asset", "Sequence"};
static int64_t page_rows = 1000;

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static int64_t private_kib(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[200];
    int64_t kib = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Private_Dirty:", 14) == 0)
            kib = strtoll(line + 14, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return kib;
}

/* One walk through a type. */
struct walk {
    int64_t since, rows, bytes;
    double seconds;
    int is_done;
    sqlite3_stmt *stmt; /* of hand-written SQL */
};

static void walk_raw(struct walk *w)
{
    double began = seconds_now();
    int64_t n = 0;
    int rc;

    sqlite3_reset(w->stmt);
    sqlite3_bind_int64(w->stmt, 1, w->since);
    sqlite3_bind_int64(w->stmt, 2, page_rows);
    while ((rc = sqlite3_step(w->stmt)) == SQLITE_ROW) {
        w->since = sqlite3_column_int64(w->stmt, 1);
        w->bytes += sqlite3_column_bytes(w->stmt, 2);
        n++;
    }
    if (rc != SQLITE_DONE)
        stop("raw", sqlite3_errmsg(sqlite3_db_handle(w->stmt)));
    w->rows += n;
    w->is_done = n == 0;
    w->seconds += seconds_now() - began;
}

static void walk_api(struct walk *w, fptc_cache *cache, const char *type)
{
    double began = seconds_now();
    fptc_result *result = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    int64_t n = 0;

    if (fptc_cache_changes(cache, type, 101, w->since, page_rows, &result, &err) != FPTC_OK)
        stop(type, err.message);
    while (fptc_result_next(result) == FPTC_OK) {
        size_t length = 0;

        if (fptc_result_row_json(result, &length) == NULL)
            stop(type, "no JSON");
        w->since = fptc_result_version(result);
        w->bytes += (int64_t)length;
        n++;
    }
    fptc_result_free(result);
    w->rows += n;
    w->is_done = n == 0;
    w->seconds += seconds_now() - began;
}

/* --------------------------------------------------------------------------------------- hand-written SQL */

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && strcmp(text + n - m, end) == 0;
}

/* Adds "'name',expression" for one stored column. */
static char *add_column(char *sql, const char *name, int is_same)
{
    char *link = sqlite3_mprintf("%s", name);
    char *out;

    if (!is_same || (!ends_with(name, "__type") && !ends_with(name, "__id"))) {
        out = sqlite3_mprintf("%z,%Q,t.\"%w\"", sql, name, name);
    } else if (ends_with(name, "__type")) {
        link[strlen(link) - 6] = '\0';
        out =
            sqlite3_mprintf("%z,%Q,CASE WHEN t.\"%w__id\" IS NOT NULL THEN json_object('type',"
                            "t.\"%w__type\",'id',t.\"%w__id\",'name',(SELECT name FROM _fptc_name "
                            "WHERE type=t.\"%w__type\" AND id=t.\"%w__id\")) END",
                            sql, link, link, link, link, link, link);
    } else {
        out = sql;
    }
    sqlite3_free(link);
    return out;
}

static char *add_lists(sqlite3 *db, char *sql, const char *type)
{
    sqlite3_stmt *stmt = NULL;

    sqlite3_prepare_v2(db,
                       "SELECT field FROM _fptc_field WHERE type=?1 AND data_type='multi_entity'",
                       -1, &stmt, NULL);
    sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *field = (const char *)sqlite3_column_text(stmt, 0);

        sql = sqlite3_mprintf(
            "%z,%Q,(SELECT json_group_array(json_object('type',l.link_type,'id',l.link_id,'name',"
            "(SELECT name FROM _fptc_name WHERE type=l.link_type AND id=l.link_id))) FROM \"%w__%w\" l "
            "WHERE l.id=t.id)",
            sql, field, type, field);
    }
    sqlite3_finalize(stmt);
    return sql;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *type, int is_same)
{
    char *sql = sqlite3_mprintf("SELECT t.id, t._fptc_version, json_object('type',%Q", type);
    sqlite3_stmt *columns = NULL, *stmt = NULL;

    sqlite3_prepare_v2(db,
                       "SELECT name FROM pragma_table_info(?1) WHERE substr(name,1,6) <> '_fptc_'",
                       -1, &columns, NULL);
    sqlite3_bind_text(columns, 1, type, -1, SQLITE_STATIC);
    while (sqlite3_step(columns) == SQLITE_ROW)
        sql = add_column(sql, (const char *)sqlite3_column_text(columns, 0), is_same);
    sqlite3_finalize(columns);
    if (is_same)
        sql = add_lists(db, sql, type);
    sql = sqlite3_mprintf("%z) FROM \"%w\" t WHERE t._fptc_version > ?1 ORDER BY t._fptc_version "
                          "LIMIT ?2",
                          sql, type);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        stop(sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
    return stmt;
}

/* ------------------------------------------------------------------------------------------------- table */

enum { RAW, SAME, API, WALKS };

static void walk_type(fptc_cache *cache, sqlite3 *db, const char *type, struct walk total[WALKS])
{
    struct walk w[WALKS] = {{0}};
    int i;

    w[RAW].stmt = prepare(db, type, 0);
    w[SAME].stmt = prepare(db, type, 1);
    while (!w[RAW].is_done || !w[SAME].is_done || !w[API].is_done) {
        if (!w[RAW].is_done)
            walk_raw(&w[RAW]);
        if (!w[API].is_done)
            walk_api(&w[API], cache, type);
        if (!w[SAME].is_done)
            walk_raw(&w[SAME]);
    }
    printf("%-10s %8" PRId64 "  %9.0f  %9.0f  %9.0f  %10.2f  %15.2f\n", type, w[API].rows,
           (double)w[RAW].rows / w[RAW].seconds, (double)w[SAME].rows / w[SAME].seconds,
           (double)w[API].rows / w[API].seconds, w[RAW].seconds / w[API].seconds,
           w[SAME].seconds / w[API].seconds);
    for (i = 0; i < WALKS; i++) {
        total[i].rows += w[i].rows;
        total[i].seconds += w[i].seconds;
        sqlite3_finalize(w[i].stmt);
    }
}

static int64_t walk_for_memory(fptc_cache *cache, const char *type)
{
    struct walk w = {0};
    int64_t before, most = 0;
    int n = 0;

    walk_api(&w, cache, type);
    before = private_kib();
    while (!w.is_done) {
        walk_api(&w, cache, type);
        if (n++ % 20 == 0 && private_kib() - before > most)
            most = private_kib() - before;
    }
    return most;
}

static fptc_cache *open_cache(const char *dir)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *cache = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    options.cache_dir = dir;
    options.mode = FPTC_MODE_ONLY_CACHE;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK)
        stop(dir, err.message);
    return cache;
}

int main(int argc, char **argv)
{
    struct walk total[WALKS] = {{0}};
    int64_t empty_kib, open_kib, walk_kib;
    fptc_cache *cache;
    sqlite3 *db = NULL;
    char *uri;
    size_t i;

    if (argc < 2)
        stop("write it as", "bench_changes CACHE_DIR [PAGE]");
    if (argc > 2)
        page_rows = strtoll(argv[2], NULL, 10);
    empty_kib = private_kib();
    cache = open_cache(argv[1]);
    walk_kib = walk_for_memory(cache, types[0]);
    open_kib = private_kib() - empty_kib;
    uri = sqlite3_mprintf("file:%s/partitions/project-101/latest.sqlite?immutable=1", argv[1]);
    if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
        stop(uri, sqlite3_errmsg(db));
    printf("%-10s %8s  %9s  %9s  %9s  %10s  %15s\n", "type", "rows", "raw/s", "same/s", "API/s",
           "API to raw", "API to the same");
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        walk_type(cache, db, types[i], total);
    printf("%-10s %8" PRId64 "  %9.0f  %9.0f  %9.0f  %10.2f  %15.2f\n", "all", total[API].rows,
           (double)total[RAW].rows / total[RAW].seconds,
           (double)total[SAME].rows / total[SAME].seconds,
           (double)total[API].rows / total[API].seconds, total[RAW].seconds / total[API].seconds,
           total[SAME].seconds / total[API].seconds);
    printf(
        "private memory: %.1f MiB with the cache open and walked, growth while walking %.1f MiB\n",
        (double)open_kib / 1024.0, (double)walk_kib / 1024.0);
    sqlite3_free(uri);
    sqlite3_close(db);
    fptc_cache_close(cache);
    return 0;
}
