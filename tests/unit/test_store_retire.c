/*
 * test_store_retire.c: what is deleted, in what order, and what never is.
 * Seen to fail: `a_name_left_in_bases_goes` when EEXIST is left alone; `bases_change_before_commits_go` without
 * change_bases(); `commits_wait_for_the_second_base` when find_around() takes the newest base; `names_go_before_files` with
 * the steps of remove_all() turned round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "store/rollup.h"
#include "store_help.h"

#define HOUR_MS (60 * 60 * 1000)

static int64_t retire(int64_t grace_ms)
{
    struct fptc__compact_stats stats = {.base = 0};
    assert_int_equal(fptc__retire(&help_p, grace_ms, NULL, NULL, &stats, &help_err), FPTC_OK);
    return stats.deleted;
}

/* Makes everything in sub/ this much older. */
static int age_one(const char *name, void *payload)
{
    char path[FPTC_PATH_MAX + 256];
    struct stat st;
    const int *at = payload;
    snprintf(path, sizeof(path), "%s/%s/%s", help_p.dir,
             at[0] == 'f'   ? "files"
             : at[0] == 'b' ? "bases"
             : at[0] == 'l' ? "log"
                            : "tmp",
             name);
    assert_int_equal(stat(path, &st), 0);
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    times[1].tv_sec -= at[1];
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    return 0;
}

static void age(const char *sub, int seconds)
{
    char path[FPTC_PATH_MAX];
    int at[2] = {sub[0], seconds};
    assert_int_equal(fptc__path(path, NULL, "%s/%s", help_p.dir, sub), FPTC_OK);
    assert_int_equal(fptc__dir_list(path, age_one, at, &help_err), FPTC_OK);
}

static void put_and_fold(int n)
{
    for (int i = 0; i < n; i++) {
        other_puts("k");
        other_compacts();
    }
}

static void nothing_there(void **state)
{
    (void)state;
    assert_int_equal(retire(0), 0);
    assert_int_equal(fptc__partition_at(help_dir, "project-9", &help_p, NULL), FPTC_OK);
    assert_int_equal(retire(0), 0);
    assert_int_equal(fptc__partition_exists(&help_p, NULL), FPTC_MISS);
}

static void commits_wait_for_the_second_base(void **state)
{
    (void)state;
    other_puts("one");
    other_puts("two");
    retire(0);
    assert_int_equal(count_entries("log"), 2);
    other_compacts();
    retire(0);
    assert_int_equal(count_entries("log"), 2);
    other_puts("three");
    other_compacts();
    retire(0);
    assert_int_equal(count_entries("log"), 1);
    assert_true(number_exists("log", 3));
    assert_int_equal(fresh_head(), 3);
    assert_int_equal(fresh_count("one"), 1);
}

/* Who missed two bases of one tick of the server's clock sees them before a commit below them goes. */
static void bases_change_before_commits_go(void **state)
{
    (void)state;
    put_and_fold(3);
    help_watch_deletion();
    retire(0);
    assert_int_equal(help_deletion.n_commits_gone, 2);
    assert_int_equal(help_deletion.n_changes_before, 1);
    retire(0);
    assert_int_equal(help_deletion.n_changes, 1); /* and not for ever */
}

/* What a deletion that died between the two left in bases/ is taken away by the next one. */
static void a_name_left_in_bases_goes(void **state)
{
    char path[FPTC_PATH_MAX];
    (void)state;
    put_and_fold(3);
    assert_int_equal(fptc__path(path, NULL, "%s/bases/.seen", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_create(path, "", 0, 0666, NULL), FPTC_OK);
    help_watch_deletion();
    retire(0);
    assert_int_equal(help_deletion.n_changes_before, 1);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void grace_is_kept(void **state)
{
    (void)state;
    put_and_fold(3);
    assert_int_equal(retire(HOUR_MS), 0);
    age("log", 2 * 3600);
    retire(HOUR_MS);                           /* their temps, which are the same files, go */
    assert_int_equal(count_entries("log"), 3); /* the base that would hide them is young */
    age("bases", 2 * 3600);
    assert_int_equal(retire(HOUR_MS), 2 + 3); /* and the temps of the bases */
    assert_int_equal(count_entries("log"), 1);
    assert_int_equal(fresh_head(), 3);
}

static void bases_beyond_the_newest_go(void **state)
{
    (void)state;
    put_and_fold(FPTC_BASES_KEPT + 3);
    retire(0);
    assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT);
    assert_false(number_exists("bases", 3));
    assert_true(number_exists("bases", 4));
    assert_int_equal(fresh_count("k"), FPTC_BASES_KEPT + 3);
}

static void files_that_no_base_names_go_after_a_while(void **state)
{
    char path[FPTC_PATH_MAX];
    (void)state;
    put_and_fold(FPTC_BASES_KEPT + 2);
    assert_int_equal(fptc__path(path, NULL, "%s/files/9-just-copied.sqlite", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_create(path, "x", 1, 0666, &help_err), FPTC_OK);
    retire(0);
    /* None yet: a compactor may be about to name one. */
    assert_int_equal(count_entries("files"), FPTC_BASES_KEPT + 3);
    age("files", 11 * 60);
    retire(0);
    assert_int_equal(count_entries("files"), FPTC_BASES_KEPT);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fresh_count("k"), FPTC_BASES_KEPT + 2);
}

static void an_unreadable_manifest_keeps_all_files(void **state)
{
    (void)state;
    put_and_fold(FPTC_BASES_KEPT + 2);
    age("files", 11 * 60);
    remove_number("bases", 6);
    write_file("bases", 6, "rubbish", 7);
    retire(0);
    assert_int_equal(count_entries("files"), FPTC_BASES_KEPT + 2);
}

static void temps_go(void **state)
{
    (void)state;
    other_puts("k");
    assert_int_equal(count_entries("tmp"), 1);
    assert_int_equal(retire(HOUR_MS), 0);
    assert_int_equal(retire(0), 1);
    assert_int_equal(count_entries("tmp"), 0);
    assert_int_equal(fresh_count("k"), 1);
}

/* Commits are the way around a damaged newest base: they stay until two sound ones are above. */
static void a_damaged_base_keeps_its_commits(void **state)
{
    (void)state;
    put_and_fold(2);
    remove_number("bases", 2);
    write_file("bases", 2, "rubbish", 7);
    retire(0);
    assert_int_equal(count_entries("log"), 2);
    assert_int_equal(fresh_count("k"), 2);
    other_puts("k");
    assert_int_equal(other_compacts(), 3);
    retire(0); /* sound: 3 and 1 */
    assert_false(number_exists("log", 1));
    assert_true(number_exists("log", 2));
    assert_int_equal(fresh_count("k"), 3);
}

static void ghosts_go(void **state)
{
    (void)state;
    put_and_fold(3);
    retire(0);
    assert_int_equal(put_raw(1, "ghost", 0), FPTC_OK);
    retire(0);
    assert_false(number_exists("log", 1));
}

/* --- roll-ups and pins --- */

static void put_and_roll(int n)
{
    for (int i = 0; i < n; i++) {
        other_puts("k");
        assert_int_equal(fptc__rollup(&help_p, NULL, NULL, NULL, &help_err), FPTC_OK);
    }
}

/* However many roll-ups follow a rewrite, the base before it stays, and the commits above that. */
static void the_way_around_stays(void **state)
{
    char path[FPTC_PATH_MAX];
    struct fptc__manifest m;
    (void)state;
    put_and_fold(1);
    put_and_roll(3);
    put_and_fold(1); /* 5 */
    put_and_roll(2 * FPTC_BASES_KEPT);
    age("files", 11 * 60);
    retire(0);
    assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT + 1);
    assert_true(number_exists("bases", 4));
    assert_false(number_exists("log", 4));
    assert_true(number_exists("log", 5));
    assert_int_equal(fresh_count("k"), 5 + 2 * FPTC_BASES_KEPT);
    /* The snapshot that all eight newest share is lost: nothing else is. */
    assert_int_equal(fptc__manifest_read(&help_p, 5 + 2 * FPTC_BASES_KEPT, &m, &help_err), FPTC_OK);
    assert_int_equal(m.snapshot_upto, 5);
    assert_int_equal(fptc__path(path, NULL, "%s/files/%s", help_p.dir, m.snapshot), FPTC_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fresh_count("k"), 5 + 2 * FPTC_BASES_KEPT);
    retire(0);
    assert_true(number_exists("log", 5));
    assert_int_equal(fresh_count("k"), 5 + 2 * FPTC_BASES_KEPT);
}

/* A late base of a rewrite, and the base that brought it in: two names of one file are no way around it. */
static void one_snapshot_by_two_names(void **state)
{
    static const char keys[] = "[\"k\",\"k\"]";
    struct fptc__manifest with = {
        .upto = 2, .snapshot_upto = 2, .snapshot = "2-x.json", .snapshot_bytes = sizeof(keys) - 1};
    struct fptc__manifest m;
    char path[FPTC_PATH_MAX];
    (void)state;
    put_and_fold(1);
    other_puts("k");
    put_and_roll(1); /* 3 */
    assert_int_equal(fptc__path(path, NULL, "%s/files/2-x.json", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_create(path, keys, sizeof(keys) - 1, 0666, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_publish(&help_p, &with, &help_err), FPTC_OK);
    other_puts("k");
    assert_int_equal(fptc__rollup_onto(&help_p, &with, NULL, NULL, NULL, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, 4, &m, &help_err), FPTC_OK);
    assert_int_equal(m.snapshot_upto, 2);
    assert_string_not_equal(m.snapshot, "2-x.json");
    retire(0);
    assert_false(number_exists("log", 1));
    assert_true(number_exists("log", 2));
    assert_int_equal(fresh_count("k"), 4);
}

/* Without any snapshot, too: a merged roll-up and what it was merged from are two files. */
static void rollups_alone_keep_each_commit_twice(void **state)
{
    (void)state;
    for (int i = 1; i <= 40; i++) {
        char path[FPTC_PATH_MAX];
        struct fptc__manifest m;
        put_and_roll(1);
        age("files", 11 * 60);
        retire(0);
        assert_int_equal(fptc__manifest_read(&help_p, (uint64_t)i, &m, &help_err), FPTC_OK);
        for (size_t j = 0; j < m.n_rollups; j++) {
            char aside[FPTC_PATH_MAX];
            assert_int_equal(fptc__path(path, NULL, "%s/files/%s", help_p.dir, m.rollups[j].name),
                             FPTC_OK);
            assert_int_equal(fptc__path(aside, NULL, "%s/aside", help_p.dir), FPTC_OK);
            assert_int_equal(rename(path, aside), 0);
            assert_int_equal(fresh_count("k"), i);
            assert_int_equal(rename(aside, path), 0);
        }
    }
}

struct pins {
    uint64_t list[4];
    size_t n, n_calls, from_call;
    fptc_status status;
};

static fptc_status list_pins(void *ctx, const char *partition, uint64_t *out, size_t room,
                             size_t *n, fptc_error *err)
{
    struct pins *p = ctx;
    (void)err;
    assert_string_equal(partition, "project-101");
    assert_true(room >= p->n);
    *n = p->n_calls++ >= p->from_call ? p->n : 0;
    memcpy(out, p->list, *n * sizeof(*out));
    return p->status;
}

static void retire_with(struct pins *p)
{
    const struct fptc__pinned pinned = {p, list_pins};
    p->n_calls = 0;
    assert_int_equal(fptc__retire(&help_p, 0, &pinned, NULL, NULL, &help_err), FPTC_OK);
    assert_true(p->n_calls >= 1);
}

static void must_be_whole(uint64_t base)
{
    struct fptc__manifest m;
    assert_int_equal(fptc__manifest_read(&help_p, base, &m, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_look(&help_p, &m, &help_err), FPTC_OK);
}

static void what_is_pinned_stays(void **state)
{
    struct pins p = {.list = {1, 5}, .n = 2};
    (void)state;
    put_and_fold(2);
    put_and_roll(4);
    put_and_fold(FPTC_BASES_KEPT + 1);
    for (int i = 0; i < 3; i++) {
        age("files", 11 * 60);
        retire_with(&p);
        must_be_whole(1);
        must_be_whole(5); /* a snapshot and three roll-ups */
        assert_false(number_exists("bases", 2));
        assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT + 2);
    }
    p.n = 0;
    retire_with(&p);
    assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT);
    assert_int_equal(count_entries("files"), FPTC_BASES_KEPT);
}

/* He may be about to publish base 10, which would be the second greatest, and 11. */
static void files_of_bases_to_come_stay(void **state)
{
    static const char *const names[] = {"11-0123456789abcdef.sqlite",
                                        "3-10-0123456789abcdef.rollup",
                                        "8-9-0123456789abcdef.rollup", "8-0123456789abcdef.sqlite"};
    char path[4][FPTC_PATH_MAX];
    (void)state;
    put_and_fold(10);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(fptc__path(path[i], NULL, "%s/files/%s", help_p.dir, names[i]), FPTC_OK);
        assert_int_equal(fptc__file_create(path[i], "x", 1, 0666, &help_err), FPTC_OK);
    }
    age("files", 24 * 3600);
    retire(0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(access(path[i], F_OK), i < 2 ? 0 : -1);
}

static void young_names_do_not_push_old_ones_out(void **state)
{
    (void)state;
    put_and_fold(4);
    age("bases", 2 * 3600);
    put_and_fold(2 * FPTC_BASES_KEPT);
    retire(HOUR_MS);
    assert_int_equal(count_entries("bases"), 4 + 2 * FPTC_BASES_KEPT);
    age("bases", 2 * 3600);
    retire(HOUR_MS);
    assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT);
}

static void temps_of_bases_go_at_any_age(void **state)
{
    char path[FPTC_PATH_MAX];
    (void)state;
    put_and_fold(2);
    assert_int_equal(fptc__path(path, NULL, "%s/tmp/base-x", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_create(path, "x", 1, 0666, &help_err), FPTC_OK);
    retire(HOUR_MS);
    assert_int_equal(access(path, F_OK), -1);
}

static void unknown_pins_keep_everything(void **state)
{
    struct pins p = {.status = FPTC_EIO};
    (void)state;
    put_and_fold(FPTC_BASES_KEPT + 3);
    age("files", 11 * 60);
    retire_with(&p);
    assert_int_equal(count_entries("bases"), FPTC_BASES_KEPT + 3);
    assert_int_equal(count_entries("files"), FPTC_BASES_KEPT + 3);
    assert_false(number_exists("log", 1)); /* nobody pins commits */
}

static char order[64];

static int noting_unlink(const char *path)
{
    const char *what = strstr(path, "/bases/")   ? "b"
                       : strstr(path, "/log/")   ? "l"
                       : strstr(path, "/files/") ? "f"
                                                 : "t";
    size_t n = strlen(order);
    if ((n == 0 || order[n - 1] != *what) && n < sizeof(order) - 1)
        strcat(order, what);
    return help_sys.unlink(path);
}

static void names_go_before_files(void **state)
{
    (void)state;
    put_and_fold(FPTC_BASES_KEPT + 2);
    age("files", 11 * 60);
    order[0] = '\0';
    fptc__sys.unlink = noting_unlink;
    retire(0);
    assert_string_equal(order, "tblft"); /* the first is the clock's own file */
}

static int failing_unlink(const char *path)
{
    if (strstr(path, "0000000000000001")) {
        errno = EACCES;
        return -1;
    }
    return help_sys.unlink(path);
}

static void a_failure_is_logged_and_skipped(void **state)
{
    struct actor a;
    struct fptc__compact_stats stats = {.base = 0};
    (void)state;
    put_and_fold(3);
    actor_open(&a);
    fptc__sys.unlink = failing_unlink;
    assert_int_equal(fptc__retire(&help_p, 0, NULL, &a.logger, &stats, &help_err), FPTC_OK);
    assert_true(number_exists("log", 1));
    assert_false(number_exists("log", 2));
    assert_int_equal(a.n_warnings, 1);
    assert_non_null(strstr(a.warning, "0000000000000001"));
    actor_close(&a);
}

/* --- everything at once, with no grace --- */

#define EACH 150

static atomic_int is_over, n_failed;

static void note_failure(const char *who, fptc_status status, const fptc_error *err)
{
    if (status == FPTC_OK || status == FPTC_MISS)
        return;
    n_failed++;
    print_error("%s: %d %s\n", who, (int)status, err->message);
}

static void *append_all(void *payload)
{
    struct actor a;
    actor_open(&a);
    for (int i = 0; i < EACH; i++) {
        char key[32];
        struct fptc__records records;
        fptc_error err = FPTC_ERROR_INIT;
        snprintf(key, sizeof(key), "%s-%d", (const char *)payload, i);
        one_key(&records, key);
        struct fptc__append request = {.records = &records};
        note_failure("append", fptc__log_append(a.log, &request, NULL, &err), &err);
        fptc__records_done(&records);
    }
    actor_close(&a);
    return NULL;
}

static void *retire_always(void *payload)
{
    (void)payload;
    while (!is_over) {
        fptc_error err = FPTC_ERROR_INIT;
        note_failure("retire", fptc__retire(&help_p, 0, NULL, NULL, NULL, &err), &err);
        usleep(500);
    }
    return NULL;
}

static void *read_always(void *payload)
{
    struct actor a;
    uint64_t head = 0;
    size_t n = 0;
    (void)payload;
    actor_open(&a);
    while (!is_over) {
        fptc_error err = FPTC_ERROR_INIT;
        note_failure("refresh", fptc__log_refresh(a.log, &err), &err);
        n_failed += fptc__log_head(a.log) < head || a.model.n < n;
        head = fptc__log_head(a.log);
        n = a.model.n;
    }
    actor_close(&a);
    return NULL;
}

static void *compact_always(void *payload)
{
    (void)payload;
    while (!is_over)
        if (!other_compacts())
            usleep(500);
    return NULL;
}

static void all_at_once_without_grace(void **state)
{
    static char names[2][8] = {"w1", "w2"};
    void *(*const others[])(void *) = {retire_always, read_always, compact_always, compact_always};
    pthread_t writers[2], threads[4];
    (void)state;
    is_over = n_failed = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, others[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, append_all, names[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(writers[i], NULL), 0);
    is_over = 1;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(n_failed, 0);
    struct actor a;
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    for (int w = 0; w < 2; w++)
        for (int i = 0; i < EACH; i++) {
            char key[32];
            snprintf(key, sizeof(key), "%s-%d", names[w], i);
            assert_true(model_count(&a.model, key) >= 1);
        }
    actor_close(&a);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_there),
        CASE(commits_wait_for_the_second_base),
        CASE(bases_change_before_commits_go),
        CASE(a_name_left_in_bases_goes),
        CASE(grace_is_kept),
        CASE(bases_beyond_the_newest_go),
        CASE(files_that_no_base_names_go_after_a_while),
        CASE(an_unreadable_manifest_keeps_all_files),
        CASE(temps_go),
        CASE(a_damaged_base_keeps_its_commits),
        CASE(ghosts_go),
        CASE(the_way_around_stays),
        CASE(one_snapshot_by_two_names),
        CASE(rollups_alone_keep_each_commit_twice),
        CASE(what_is_pinned_stays),
        CASE(files_of_bases_to_come_stay),
        CASE(young_names_do_not_push_old_ones_out),
        CASE(temps_of_bases_go_at_any_age),
        CASE(unknown_pins_keep_everything),
        CASE(names_go_before_files),
        CASE(a_failure_is_logged_and_skipped),
        CASE(all_at_once_without_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
