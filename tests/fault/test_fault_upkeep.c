/*
 * test_fault_upkeep.c: the operations of a handle that need no FPT, through all their points (points.h).
 * Those that need it go through all of theirs in tests/crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "fault/points.h"
#include "fptcache/fptcache.h"
#include "share/holder.h"

#define SITE "http://127.0.0.1:9" /* nobody answers there */
#define PROJECT 101

static fptc_cache *cache;
static fptc_result *result;

/* --- what is there before --- */

static void add_schema(void)
{
    struct fptc__partition project = sh_p;

    must(fptc__partition_at(sh_dir, "site", &sh_p, &th_err), "the partition of the site");
    must(fptc__partition_make(&sh_p, &th_err), "the partition of the site");
    sh_append(FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":{\"code\":{\"data_type\":\"text\"},"
                            "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]},"
                            "\"updated_at\":{\"data_type\":\"date_time\"}},\"asof\":1}");
    sh_p = project;
}

static void add_shots(void)
{
    char cover[256];

    must(fptc__partition_make(&sh_p, &th_err), "the partition of the project");
    sh_append(
        FPTC__ROWS,
        "{\"type\":\"Shot\",\"asof\":1,\"types\":{\"code\":\"text\",\"project\":\"entity\","
        "\"updated_at\":\"date_time\"},\"rows\":["
        "{\"id\":1,\"code\":\"a\",\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"p\"},"
        "\"updated_at\":\"2026-05-01T00:00:00Z\"},"
        "{\"id\":2,\"code\":\"b\",\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"p\"},"
        "\"updated_at\":\"2026-05-01T00:00:00Z\"}]}");
    snprintf(
        cover, sizeof(cover),
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\",\"project\":\"entity\",\"updated_at\":"
        "\"date_time\"},\"asof\":%lld,\"mark\":\"2026-05-01T00:00:00Z\",\"max_id\":2}",
        (long long)fptc__wall_ms());
    sh_append(FPTC__COVER, cover);
}

static void covered(void)
{
    must(fptc__cache_make(sh_dir, SITE, "", &th_err), "making the cache");
    add_schema();
    add_shots();
    other_puts("before1");
    other_compacts();
    other_puts("before2");
}

/* The newest base's snapshot is cut short: the one before it and the commits replace it. */
static void damaged(void)
{
    char path[FPTC_PATH_MAX];
    struct fptc__manifest m;

    covered();
    other_compacts();
    must(fptc__manifest_read(&sh_p, sh_newest_base(), &m, &th_err), "the manifest");
    must(fptc__path(path, &th_err, "%s/files/%s", sh_p.dir, m.snapshot), "a path");
    if (truncate(path, 5000) != 0)
        abort();
}

/* --- a handle --- */

static fptc_status open_handle(fptc_error *err)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    options.cache_dir = sh_dir;
    options.grace_ms = FPTC_ZERO_MS;
    return fptc_cache_open(&options, &cache, err);
}

static void opened(void)
{
    must(open_handle(&th_err), "opening");
}

static void close_handle(void)
{
    fptc_result_free(result);
    fptc_cache_close(cache);
    result = NULL;
    cache = NULL;
}

/* --- the operations --- */

static fptc_status find_by(const char *filters, int n_rows, fptc_error *err)
{
    fptc_query *query = NULL;
    fptc_status status = fptc_query_new("Shot", &query, err);

    if (status == FPTC_OK)
        status = fptc_query_set_filters(query, filters, err);
    if (status == FPTC_OK)
        status = fptc_query_set_fields(query, "code", err);
    if (status == FPTC_OK)
        status = fptc_query_set_freshness(query, FPTC_MODE_ONLY_CACHE, 0, 0, err);
    if (status == FPTC_OK)
        status = fptc_cache_find(cache, query, &result, err);
    if (status == FPTC_OK && fptc_result_count(result) != n_rows) {
        fprintf(stderr, "%d rows of %d were found\n", (int)fptc_result_count(result), n_rows);
        abort(); /* a wrong answer is worse than any error */
    }
    fptc_query_free(query);
    return status;
}

#define OF_PROJECT "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"

static fptc_status find(fptc_error *err)
{
    return find_by("[" OF_PROJECT "]", 2, err);
}

static fptc_status open_and_find(fptc_error *err)
{
    fptc_status status = open_handle(err);

    return status == FPTC_OK ? find(err) : status;
}

/* A handle that is closed puts its counts of what was asked into the logs. */
static void asked_often(void)
{
    int i;

    opened();
    for (i = 0; i <= FPTC_USAGE_FINDS_MIN; i++) {
        must(find_by("[" OF_PROJECT ",[\"code\",\"is\",\"a\"]]", 1, &th_err), "a find");
        fptc_result_free(result);
        result = NULL;
    }
}

static fptc_status close_after_finds(fptc_error *err)
{
    (void)err;
    close_handle();
    return FPTC_OK;
}

static fptc_status changes(fptc_error *err)
{
    return fptc_cache_changes(cache, "Shot", PROJECT, 0, 100, &result, err);
}

static fptc_status status_document(fptc_error *err)
{
    return fptc_cache_status(cache, &result, err);
}

static fptc_status mirror_add(fptc_error *err)
{
    return fptc_cache_mirror_add(cache, PROJECT, "Shot", "code", err);
}

static fptc_status compact(fptc_error *err)
{
    return fptc_cache_compact(cache, NULL, &result, err);
}

static fptc_status maintain(fptc_error *err)
{
    return fptc_cache_maintain(cache, &result, err);
}

static fptc_status verify(fptc_error *err)
{
    return fptc_cache_verify(cache, NULL, NULL, &result, err);
}

static fptc_status repair(fptc_error *err)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    options.cache_dir = sh_dir;
    return fptc_cache_repair(&options, NULL, NULL, &result, err);
}

/* Another repairs, too, and nothing is deleted: what is damaged is not there twice. */
static void attack_by_repair(int kind)
{
    if (kind == 0)
        must(repair(&th_err), "another repairs");
    else
        other_puts("other1");
    close_handle();
}

static fptc_status pin(fptc_error *err)
{
    char id[33];

    return fptc_cache_pin(cache, PROJECT, 0, id, err);
}

/* A handle of the pin finds what it should, or aborts. */
static fptc_status find_by_pin(const char *id, fptc_error *err)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_status status;

    options.cache_dir = sh_dir;
    options.pin = id;
    status = fptc_cache_open(&options, &cache, err);
    if (status == FPTC_OK)
        status = find(err);
    close_handle();
    return status;
}

static int try_pin(const char *name, void *payload)
{
    fptc_error *err = payload;

    return strlen(name) == 32 && find_by_pin(name, err) != FPTC_OK;
}

/* A pin that was given holds what it names, whatever came meanwhile. */
static const char *pin_holds(fptc_status status)
{
    static fptc_error err;
    char path[FPTC_PATH_MAX];

    if (status != FPTC_OK)
        return NULL;
    must(fptc__path(path, &th_err, "%s/pins", sh_dir), "a path");
    must(fptc__dir_list(path, try_pin, &err, &th_err), "the pins");
    return err.status == FPTC_OK ? NULL : err.message;
}

/* As attack_by_deletion, by those who know of pins. */
static void attack_by_upkeep(int kind)
{
    tree_age(sh_dir, 3600);
    if (kind == 0)
        other_puts("other1");
    opened();
    must(compact(&th_err), "another compacts");
    if (kind < 2) {
        other_puts("other2");
        fptc_result_free(result);
        result = NULL;
        must(compact(&th_err), "another compacts");
    }
    close_handle();
}

static fptc_status drop(fptc_error *err)
{
    return fptc_cache_drop(cache, PROJECT, err);
}

static fptc_status hold_and_give(fptc_error *err)
{
    const struct fptc__holder_times times = {10, 40};
    struct fptc__holder *holder = NULL;
    fptc_status status = fptc__holder_new(&times, &holder, err);

    if (status == FPTC_OK)
        status = fptc__holder_take(holder, sh_p.dir, NULL, err);
    fptc__holder_free(holder);
    return status;
}

static const struct operation operations[] = {
    {.name = "open and find", .prepare = covered, .run = open_and_find, .end = close_handle},
    {.name = "find", .prepare = covered, .begin = opened, .run = find, .end = close_handle},
    {.name = "counts at close",
     .prepare = covered,
     .begin = asked_often,
     .run = close_after_finds,
     .least = 40},
    {.name = "changes", .prepare = covered, .begin = opened, .run = changes, .end = close_handle},
    {.name = "status",
     .prepare = covered,
     .begin = opened,
     .run = status_document,
     .end = close_handle},
    {.name = "mirror", .prepare = covered, .begin = opened, .run = mirror_add, .end = close_handle},
    {.name = "compact and delete",
     .prepare = covered,
     .begin = opened,
     .run = compact,
     .end = close_handle},
    {.name = "maintain", .prepare = covered, .begin = opened, .run = maintain, .end = close_handle},
    {.name = "verify", .prepare = covered, .begin = opened, .run = verify, .end = close_handle},
    {.name = "repair",
     .prepare = damaged,
     .run = repair,
     .end = close_handle,
     .heals = 1,
     .may_race = 1,
     .attack = attack_by_repair},
    {.name = "pin",
     .prepare = covered,
     .begin = opened,
     .run = pin,
     .end = close_handle,
     .after = pin_holds,
     .attack = attack_by_upkeep,
     .may_race = 1},
    {.name = "drop",
     .prepare = covered,
     .begin = opened,
     .run = drop,
     .end = close_handle,
     .drops = 1,
     .may_race = 1},
    {.name = "hold and give", .prepare = covered, .run = hold_and_give},
};
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

int main(int argc, char **argv)
{
    return points_main(operations, N_OPERATIONS, argc > 1 ? argv[1] : NULL);
}
