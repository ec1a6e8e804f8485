/*
 * test_fault_points.c: the operations of the store, through all their points (points.h).
 *
 * A new operation is one entry of `operations`: what is there before, the operation, what must hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "fault/points.h"
#include "store/rollup.h"

static struct reader actor;

/* --- what is there before --- */

static void cache_only(void)
{
    must(fptc__cache_make(sh_dir, "https://studio.example", "", &th_err), "making the cache");
}

static void some_rows(void)
{
    sh_append(
        FPTC__ROWS,
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1,\"code\":\"a\"},"
        "{\"id\":2,\"code\":\"b\"},{\"id\":3,\"code\":\"c\"}]}");
}

static void commits_only(void)
{
    cache_only();
    must(fptc__partition_make(&sh_p, &th_err), "making the partition");
    other_puts("before1");
    some_rows();
    other_puts("before2");
}

static void base_and_commits(void)
{
    commits_only();
    other_compacts();
    other_puts("before3");
    other_puts("before4");
}

/* As one appends on: a base with a snapshot and roll-ups, and commits above it. */
static void rollups_and_commits(void)
{
    base_and_commits();
    must(fptc__rollup(&sh_p, NULL, NULL, NULL, &th_err), "rolling up");
    other_puts("before5");
    must(fptc__rollup(&sh_p, NULL, NULL, NULL, &th_err), "rolling up");
    other_puts("before6");
}

/* More bases than are kept, temps, and a snapshot that a dead compactor left. */
static void much_to_delete(void)
{
    char key[32], path[FPTC_PATH_MAX];
    int i;

    commits_only();
    for (i = 0; i < FPTC_BASES_KEPT + 2; i++) {
        snprintf(key, sizeof(key), "old%d", i);
        other_puts(key);
        other_compacts();
    }
    must(fptc__path(path, &th_err, "%s/files/7-0123456789abcdef.sqlite", sh_p.dir), "a path");
    must(fptc__file_create(path, "x", 1, 0666, &th_err), "a leftover");
    other_puts("young");
    tree_age(sh_dir, 3600);
}

/* --- actors --- */

static void warm(void)
{
    reader_open(&actor);
    must(reader_refresh(&actor), "a refresh");
}

static void warm_and_behind(void)
{
    warm();
    other_puts("meanwhile1");
    other_compacts();
    other_puts("meanwhile2");
}

static void close_actor(void)
{
    if (actor.log != NULL)
        reader_close(&actor);
    memset(&actor, 0, sizeof(actor));
}

/* --- the operations --- */

static fptc_status append(fptc_error *err)
{
    return put_key(&actor, "mine", err);
}

static fptc_status append_cold(fptc_error *err)
{
    reader_open(&actor);
    return put_key(&actor, "mine", err);
}

static void *append_of_thread(void *payload)
{
    fptc_error *err = payload;
    char key[32];

    snprintf(key, sizeof(key), "mine%d", (int)err->curl_code);
    (void)put_key(&actor, key, err);
    return NULL;
}

/* Three at once share commits, or not, as it happens. */
static fptc_status append_group(fptc_error *err)
{
    fptc_error errs[3] = {FPTC_ERROR_INIT, FPTC_ERROR_INIT, FPTC_ERROR_INIT};
    pthread_t threads[3];
    int i;

    for (i = 0; i < 3; i++) {
        errs[i].curl_code = i;
        if (pthread_create(&threads[i], NULL, append_of_thread, &errs[i]) != 0)
            abort();
    }
    for (i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        if (errs[i].status != FPTC_OK)
            *err = errs[i];
    }
    return err->status;
}

static fptc_status make_cache(fptc_error *err)
{
    struct fptc__cache_info info;
    fptc_status status = fptc__cache_make(sh_dir, "https://studio.example", "", err);

    if (status == FPTC_OK)
        status = fptc__cache_claim_realm(sh_dir, "script:tool", &info, err);
    return status == FPTC_OK ? fptc__cache_read(sh_dir, &info, err) : status;
}

static const char *cache_is_made(fptc_status status)
{
    struct fptc__cache_info info;

    if (status != FPTC_OK)
        return NULL;
    return fptc__cache_read(sh_dir, &info, &th_err) == FPTC_OK ? NULL : th_err.message;
}

static fptc_status pass(fptc_error *err)
{
    fptc_status status;

    reader_open(&actor);
    status = fptc__log_refresh(actor.log, err);
    return status;
}

static fptc_status refresh(fptc_error *err)
{
    return fptc__log_refresh(actor.log, err);
}

/* Pages of a snapshot, read as a query reads them. */
static fptc_status read_rows(fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = actor.store.db;
    fptc_status status = FPTC_OK;
    int code = sqlite3_prepare_v2(db, "SELECT sum(length(code)) FROM base.Shot", -1, &stmt, NULL);

    while (code == SQLITE_OK || code == SQLITE_ROW)
        code = sqlite3_step(stmt);
    if (code != SQLITE_DONE)
        status = fptc__sql_fail(db, "reading rows", err);
    sqlite3_finalize(stmt);
    return status;
}

static fptc_status compact(fptc_error *err)
{
    return fptc__compact(&sh_p, NULL, NULL, NULL, err);
}

static fptc_status roll_up(fptc_error *err)
{
    return fptc__rollup(&sh_p, NULL, NULL, NULL, err);
}

static fptc_status retire(fptc_error *err)
{
    return fptc__retire(&sh_p, 0, NULL, NULL, NULL, err);
}

static void lose_latest(void)
{
    char path[FPTC_PATH_MAX];

    must(fptc__path(path, &th_err, "%s/latest.sqlite", sh_p.dir), "a path");
    (void)unlink(path);
}

static fptc_status point_latest(fptc_error *err)
{
    (void)err;
    fptc__latest_point(&sh_p, NULL);
    return FPTC_OK;
}

static fptc_status ask_clock(fptc_error *err)
{
    struct fptc__server_clock clock = {0};
    int64_t now_ms = 0;

    return fptc__server_now(&clock, &sh_p, &now_ms, err);
}

static const struct operation operations[] = {
    {.name = "append",
     .prepare = base_and_commits,
     .begin = warm,
     .run = append,
     .end = close_actor,
     .least = 60},
    {.name = "append behind",
     .prepare = base_and_commits,
     .begin = warm_and_behind,
     .run = append,
     .end = close_actor,
     .least = 100},
    {.name = "append in a group",
     .prepare = base_and_commits,
     .begin = warm,
     .run = append_group,
     .end = close_actor,
     .least = 60},
    {.name = "append cold",
     .prepare = base_and_commits,
     .run = append_cold,
     .end = close_actor,
     .least = 100},
    {.name = "append in a new cache",
     .prepare = cache_only,
     .run = append_cold,
     .end = close_actor,
     .least = 100},
    {.name = "init",
     .prepare = commits_only,
     .run = make_cache,
     .after = cache_is_made,
     .least = 60},
    {.name = "pass, cold", .prepare = commits_only, .run = pass, .end = close_actor, .least = 30},
    {.name = "pass, from a base",
     .prepare = base_and_commits,
     .run = pass,
     .end = close_actor,
     .least = 40},
    {.name = "pass, from roll-ups",
     .prepare = rollups_and_commits,
     .run = pass,
     .end = close_actor,
     .least = 60},
    {.name = "first roll-up", .prepare = commits_only, .run = roll_up, .least = 60},
    {.name = "roll-up", .prepare = rollups_and_commits, .run = roll_up, .least = 100},
    {.name = "compaction of roll-ups",
     .prepare = rollups_and_commits,
     .run = compact,
     .least = 100},
    {.name = "refresh",
     .prepare = base_and_commits,
     .begin = warm_and_behind,
     .run = refresh,
     .end = close_actor,
     .least = 40},
    {.name = "reading pages",
     .prepare = base_and_commits,
     .begin = warm,
     .run = read_rows,
     .end = close_actor,
     .least = 3},
    {.name = "first compaction", .prepare = commits_only, .run = compact, .least = 100},
    {.name = "compaction", .prepare = base_and_commits, .run = compact, .least = 100},
    {.name = "deletion", .prepare = much_to_delete, .run = retire, .least = 100},
    {.name = "latest.sqlite",
     .prepare = base_and_commits,
     .begin = lose_latest,
     .run = point_latest,
     .least = 20},
    {.name = "server clock", .prepare = commits_only, .run = ask_clock, .least = 5},
};
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

int main(int argc, char **argv)
{
    return points_main(operations, N_OPERATIONS, argc > 1 ? argv[1] : NULL);
}
