/*
 * test_store_rollup.c: roll-ups: what they hold, who reads them, how they merge, and the races that
 * lib/store/rollup.c lists. Sinks count how often each key was applied: lost and twice are both seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/limits.h"
#include "store/rollup.h"
#include "store/rollup_file.h"
#include "store_help.h"

static struct fptc__manifest m; /* what newest() read */

static void put_keys(int from, int to)
{
    char key[32];
    for (int i = from; i <= to; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        other_puts(key);
    }
}

static uint64_t roll_up(void)
{
    struct fptc__compact_stats stats = {.base = 0};
    fptc_status status = fptc__rollup(&help_p, NULL, NULL, &stats, &help_err);
    if (status != FPTC_OK)
        fail_msg("%d: %s", (int)status, help_err.message);
    return stats.base;
}

/* Reads the newest base into m; its number. */
static uint64_t newest(void)
{
    uint64_t number = 0;
    assert_int_equal(fptc__bases_newest(&help_p, &number, NULL, 0, NULL, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, number, &m, &help_err), FPTC_OK);
    return number;
}

static void remove_log(uint64_t from, uint64_t to)
{
    for (; from <= to; from++)
        remove_number("log", from);
}

static void file_path(const char *name, char out[FPTC_PATH_MAX])
{
    assert_int_equal(fptc__path(out, NULL, "%s/files/%s", help_p.dir, name), FPTC_OK);
}

static void remove_file(const char *name)
{
    char path[FPTC_PATH_MAX];
    file_path(name, path);
    assert_int_equal(unlink(path), 0);
}

static void damage(const char *name, off_t at)
{
    char path[FPTC_PATH_MAX], byte = 0;
    file_path(name, path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Keys from..to are there exactly once, for a new reader and for `a` if there is one. */
static void each_once(struct actor *a, int from, int to)
{
    struct actor fresh;
    char key[32];
    actor_open(&fresh);
    if (fptc__log_refresh(fresh.log, &help_err) != FPTC_OK ||
        (a && fptc__log_refresh(a->log, &help_err) != FPTC_OK))
        fail_msg("%s", help_err.message);
    for (int i = from; i <= to; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        if (model_count(&fresh.model, key) != 1 || (a && model_count(&a->model, key) != 1))
            fail_msg("%s is there %zu times", key, model_count(&fresh.model, key));
    }
    actor_close(&fresh);
}

/* --- what it is --- */

static void readers_begin_with_it(void **state)
{
    (void)state;
    put_keys(1, 40);
    assert_int_equal(roll_up(), 40);
    assert_int_equal(newest(), 40);
    assert_int_equal(m.n_rollups, 1);
    assert_int_equal(m.rollups[0].from, 1);
    assert_int_equal(m.rollups[0].to, 40);
    assert_int_equal(m.snapshot_upto, 0);
    assert_true(m.rollups[0].plain > 0 && m.asof_ms > 0 && m.prev != 0);
    remove_log(1, 40);
    each_once(NULL, 1, 40);
    assert_int_equal(fresh_head(), 40);
    put_keys(41, 42); /* they follow from commit 40, whose checksum the base tells */
    each_once(NULL, 1, 42);
    assert_int_equal(roll_up(), 42);
    assert_int_equal(roll_up(), 42); /* nothing new */
    assert_int_equal(count_entries("files"), newest() == 42 ? 2 : 0);
}

static void it_is_the_commits_byte_for_byte(void **state)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf rolled, one;
    size_t at = 0;
    (void)state;
    put_keys(1, 5);
    roll_up();
    newest();
    fptc__buf_init(&rolled, 1 << 20);
    fptc__buf_init(&one, 1 << 20);
    file_path(m.rollups[0].name, path);
    assert_int_equal(fptc__file_read(path, 1 << 20, &rolled, &help_err), FPTC_OK);
    for (uint64_t i = 1; i <= 5; i++) {
        fptc__buf_clear(&one);
        assert_int_equal(fptc__partition_number_path(&help_p, "log", i, path, NULL), FPTC_OK);
        assert_int_equal(fptc__file_read(path, 1 << 20, &one, &help_err), FPTC_OK);
        assert_true(at + one.len <= rolled.len);
        assert_memory_equal(rolled.data + at, one.data, one.len);
        at += one.len;
    }
    assert_int_equal(at, rolled.len);
    fptc__buf_done(&rolled);
    fptc__buf_done(&one);
}

static void readers_catch_up_without_reset(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 10);
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    put_keys(11, 20);
    roll_up();
    put_keys(21, 30);
    roll_up();
    put_keys(31, 32);
    remove_log(1, 30);
    each_once(&a, 1, 32);
    assert_int_equal(a.model.n_resets, 1);
    assert_int_equal(fptc__log_head(a.log), 32);
    assert_int_equal(fptc__log_base(a.log), 30);
    assert_int_equal(a.n_warnings, 0);
    /* A snapshot above the head: reset. */
    put_keys(33, 35);
    assert_int_equal(other_compacts(), 35);
    put_keys(36, 37);
    roll_up();
    remove_log(31, 37);
    each_once(&a, 1, 37);
    assert_int_equal(a.model.n_resets, 2);
    actor_close(&a);
}

static void holes_are_left_out(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 4);
    write_file("log", 5, "rubbish", 7);
    put_keys(6, 8);
    write_file("log", 9, "rubbish", 7);
    assert_int_equal(roll_up(), 9);
    remove_log(1, 9);
    each_once(NULL, 1, 4);
    each_once(NULL, 6, 8);
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_head(a.log), 9);
    assert_int_equal(fptc__log_holes(a.log), 2);
    actor_close(&a);
    put_keys(10, 10);
    assert_int_equal(roll_up(), 10);
    each_once(NULL, 10, 10);
}

/* --- merging --- */

static void merging_is_bounded(void **state)
{
    struct fptc__compact_stats stats;
    int64_t written = 0, held = 0;
    size_t most = 0;
    const int n = 300;
    (void)state;
    for (int i = 1; i <= n; i++) {
        put_keys(i, i);
        assert_int_equal(fptc__rollup(&help_p, NULL, NULL, &stats, &help_err), FPTC_OK);
        assert_int_equal(stats.folded, 1);
        written += stats.bytes;
        newest();
        most = m.n_rollups > most ? m.n_rollups : most;
    }
    for (size_t i = 0; i < m.n_rollups; i++)
        held += m.rollups[i].bytes;
    /* 300 pieces of one size: five powers of four, so five times written, three of each. */
    assert_true(most <= 3 * 6);
    assert_true(written <= 6 * held);
    assert_true(written >= 3 * held);
    remove_log(1, (uint64_t)n);
    each_once(NULL, 1, n);
}

/* Sizes as they come: whatever is written again rises a power of four. */
static void merging_is_bounded_for_any_sizes(void **state)
{
    static char text[70000];
    struct fptc__records records;
    int64_t written = 0, held = 0;
    unsigned seed = 7;
    (void)state;
    for (int i = 1; i <= 150; i++) {
        struct fptc__compact_stats stats;
        struct actor a;
        seed = seed * 1103515245u + 12345u;
        int n = seed / 65536 % 7 == 0 ? (int)(seed / 65536 % 65000) : 100;
        int at = snprintf(text, sizeof(text), "{\"key\":\"k%d\",\"asof\":1,\"value\":\"", i);
        for (int j = 0; j < n; j++) {
            seed = seed * 1103515245u + 12345u;
            text[at++] = (char)('a' + seed / 65536 % 26);
        }
        at += snprintf(text + at, 3, "\"}");
        records = (struct fptc__records){.list = NULL};
        assert_int_equal(fptc__records_add(&records, FPTC__CONFIG, text, (size_t)at, 0, &help_err),
                         FPTC_OK);
        struct fptc__append request = {.records = &records};
        actor_open(&a);
        assert_int_equal(fptc__log_append(a.log, &request, NULL, &help_err), FPTC_OK);
        actor_close(&a);
        fptc__records_done(&records);
        assert_int_equal(fptc__rollup(&help_p, NULL, NULL, &stats, &help_err), FPTC_OK);
        written += stats.bytes;
        newest();
        for (size_t j = 1; j < m.n_rollups; j++) /* never a power more than the one before */
            assert_true(m.rollups[j].bytes < 4 * m.rollups[j - 1].bytes);
        assert_true(m.n_rollups <= 3 * 8);
    }
    for (size_t i = 0; i < m.n_rollups; i++)
        held += m.rollups[i].bytes;
    assert_true(written <= 8 * held);
    each_once(NULL, 1, 150);
}

static void a_deadline_bounds_the_work(void **state)
{
    struct fptc__compact_stats stats = {.base = 0};
    struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() - 1};
    (void)state;
    put_keys(1, 3);
    assert_int_equal(fptc__rollup(&help_p, &call, NULL, &stats, &help_err), FPTC_EDEADLINE);
    assert_int_equal(count_entries("bases"), 0);
    call.deadline_mono_ms = fptc__mono_ms() + 1000;
    assert_int_equal(fptc__rollup(&help_p, &call, NULL, &stats, &help_err), FPTC_OK);
    assert_int_equal(stats.folded, 3);
}

static int slow_open(const char *path, int flags, mode_t mode)
{
    if (strstr(path, "/log/"))
        usleep(2000);
    return help_sys.open(path, flags, mode);
}

/* On a host whose time is over before it has read anything the log is rolled up all the same, piece by piece. */
static void a_slow_host_gets_on(void **state)
{
    struct fptc__compact_stats stats = {.base = 0};
    (void)state;
    put_keys(1, FPTC_ROLLUP_COMMITS + 40);
    fptc__sys.open = slow_open;
    for (uint64_t i = 1; i <= 2; i++) {
        struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() + 5};
        assert_int_equal(fptc__rollup(&help_p, &call, NULL, &stats, &help_err), FPTC_OK);
        assert_in_range(stats.folded, FPTC_ROLLUP_COMMITS, FPTC_ROLLUP_COMMITS + 10);
    }
    fptc__sys.open = help_sys.open;
    each_once(NULL, 1, FPTC_ROLLUP_COMMITS + 40);
}

static void when_it_is_due(void **state)
{
    struct actor a;
    (void)state;
    assert_int_equal(fptc__rollup_is_due(&help_p), 0);
    put_keys(1, FPTC_ROLLUP_COMMITS - 1);
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    assert_int_equal(fptc__rollup_is_due(&help_p), 0);
    assert_int_equal(fptc__rollup_is_due_of(a.log), 0);
    assert_int_equal(actor_put(&a, "last", NULL), FPTC_OK);
    assert_int_equal(fptc__rollup_is_due(&help_p), 1);
    assert_int_equal(fptc__rollup_is_due_of(a.log), 1);
    roll_up();
    assert_int_equal(fptc__rollup_is_due(&help_p), 0);
    assert_int_equal(actor_put(&a, "one more", NULL), FPTC_OK);
    assert_int_equal(fptc__rollup_is_due_of(a.log), 0);
    actor_close(&a);
}

static void when_a_rewrite_is_due(void **state)
{
    struct fptc__manifest base = {.upto = 10, .snapshot = "s", .snapshot_upto = 5, .n_rollups = 1};
    (void)state;
    base.rollups[0] = (struct fptc__rollup_file){.name = "r", .from = 6, .to = 10};
    const struct {
        int64_t snapshot, plain;
        uint64_t upto;
        enum fptc__due due;
    } cases[] = {
        {1000, FPTC_REWRITE_BYTES_MIN, 10, FPTC__NOT_DUE},
        {1000, FPTC_REWRITE_BYTES_MIN + 1, 11, FPTC__DUE},
        {1000, 2 * FPTC_REWRITE_BYTES_MIN + 1, 12, FPTC__OVERDUE},
        {160 << 20, 9 << 20, 13, FPTC__NOT_DUE},
        {160 << 20, 11 << 20, 14, FPTC__DUE},
        {(int64_t)9 << 30, FPTC_REWRITE_BYTES_MAX, 15, FPTC__NOT_DUE},
        {(int64_t)9 << 30, FPTC_REWRITE_BYTES_MAX + 1, 16, FPTC__DUE},
        {1000, 10, 5 + FPTC_REWRITE_COMMITS, FPTC__NOT_DUE},
        {1000, 10, 6 + FPTC_REWRITE_COMMITS, FPTC__DUE},
        {1000, 10, 6 + 2 * FPTC_REWRITE_COMMITS, FPTC__OVERDUE},
    };
    assert_int_equal(fptc__compact_is_due(&help_p), FPTC__NOT_DUE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        base.upto = base.rollups[0].to = cases[i].upto;
        base.snapshot_bytes = cases[i].snapshot;
        base.rollups[0].plain = cases[i].plain;
        assert_int_equal(fptc__manifest_publish(&help_p, &base, &help_err), FPTC_OK);
        assert_int_equal(fptc__compact_is_due(&help_p), cases[i].due);
        remove_number("bases", cases[i].upto);
    }
}

/* --- damage --- */

static void damage_is_worked_around(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 10);
    assert_int_equal(other_compacts(), 10);
    put_keys(11, 20);
    roll_up();
    newest();
    for (int i = 0; i < 3; i++) {
        if (i < 2)
            damage(m.rollups[0].name, i == 0 ? 300 : m.rollups[0].bytes - 3);
        else
            remove_file(m.rollups[0].name);
        actor_open(&a);
        each_once(&a, 1, 20);
        assert_true(a.n_warnings > 0);
        assert_non_null(strstr(a.warning, "base 20"));
        actor_close(&a);
        if (i < 2)
            damage(m.rollups[0].name, i == 0 ? 300 : m.rollups[0].bytes - 3); /* mended */
    }
    /* The next roll-up, too, begins with the older base, and makes the damage good. */
    put_keys(21, 22);
    assert_int_equal(roll_up(), 22);
    actor_open(&a);
    each_once(&a, 1, 22);
    assert_int_equal(a.n_warnings, 0);
    actor_close(&a);
}

static void damage_without_a_way_around_is_said(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 10);
    roll_up();
    newest();
    remove_log(1, 10);
    damage(m.rollups[0].name, 500);
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_EDAMAGED);
    assert_int_equal(a.model.n, 0); /* nothing of a damaged file was applied */
    actor_close(&a);
}

/* A roll-up with a commit of another number inside is no roll-up, although all checksums are right. */
static void odd_rollups_are_damaged(void **state)
{
    static const uint64_t odd[][3] = {{1, 3, 2}, {1, 2, 2}, {1, 2, 4}, {2, 3, 3}};
    (void)state;
    put_keys(1, 4);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct fptc__manifest base = {.upto = 3, .n_rollups = 1};
        struct fptc__buf bytes;
        char path[FPTC_PATH_MAX];
        struct actor a;
        base.rollups[0] = (struct fptc__rollup_file){.from = 1, .to = 3};
        fptc__buf_init(&bytes, 1 << 20);
        for (int j = 0; j < 3; j++) {
            assert_int_equal(fptc__partition_number_path(&help_p, "log", odd[i][j], path, NULL),
                             FPTC_OK);
            assert_int_equal(fptc__file_read(path, 1 << 20, &bytes, &help_err), FPTC_OK);
        }
        assert_int_equal(fptc__rollup_put(&help_p, &bytes, &base.rollups[0], &help_err), FPTC_OK);
        fptc__buf_done(&bytes);
        assert_int_equal(fptc__manifest_publish(&help_p, &base, &help_err), FPTC_OK);
        actor_open(&a);
        each_once(&a, 1, 4);
        assert_true(a.n_warnings > 0);
        actor_close(&a);
        remove_number("bases", 3);
    }
}

static void another_history_is_seen(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 5);
    actor_open(&a);
    each_once(&a, 1, 5);
    /* The server forgot commit 5, and another one took its place. */
    remove_number("log", 5);
    put_keys(6, 7);
    roll_up();
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    assert_int_equal(model_count(&a.model, "k5"), 0);
    assert_int_equal(model_count(&a.model, "k6"), 1);
    assert_int_equal(model_count(&a.model, "k7"), 1);
    assert_int_equal(a.model.n_resets, 2);
    assert_non_null(strstr(a.warning, "rolled back"));
    actor_close(&a);
}

/* The next commit says nothing of the one before it, or is a hole: only the roll-up's own commit of the head tells.
   Seen to fail without check_head(). */
static void another_history_is_seen_by_the_head_alone(void **state)
{
    (void)state;
    for (int is_hole = 0; is_hole < 2; is_hole++) {
        const uint64_t at = is_hole ? 12 : 4; /* the head that will be another */
        struct actor a;
        put_keys(is_hole ? 7 : 1, (int)at);
        actor_open(&a);
        assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
        remove_number("log", at);
        assert_int_equal(put_raw(at, is_hole ? "other12" : "other4", 0), FPTC_OK);
        if (is_hole)
            write_file("log", at + 1, "rubbish", 7);
        else
            assert_int_equal(put_raw(at + 1, "k5", 0), FPTC_OK);
        put_keys((int)at + 2, (int)at + 2);
        assert_int_equal(roll_up(), at + 2);
        assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
        assert_int_equal(model_count(&a.model, is_hole ? "k12" : "k4"), 0);
        assert_int_equal(model_count(&a.model, is_hole ? "other12" : "other4"), 1);
        assert_int_equal(fptc__log_head(a.log), at + 2);
        assert_non_null(strstr(a.warning, is_hole ? "skipped" : "rolled back"));
        actor_close(&a);
    }
}

static void newer_commits_in_it_stop_this_build(void **state)
{
    struct actor a;
    char path[FPTC_PATH_MAX];
    struct fptc__buf bytes;
    struct fptc__manifest base = {.upto = 3, .n_rollups = 1};
    (void)state;
    put_keys(1, 3);
    fptc__buf_init(&bytes, 1 << 20);
    for (uint64_t i = 1; i <= 3; i++) {
        size_t at = bytes.len;
        assert_int_equal(fptc__partition_number_path(&help_p, "log", i, path, NULL), FPTC_OK);
        assert_int_equal(fptc__file_read(path, 1 << 20, &bytes, &help_err), FPTC_OK);
        if (i != 2)
            continue;
        bytes.data[at + 8] = 2; /* format 2, and the trailer that goes with it */
        bytes.len -= 8;
        fptc__buf_add_u64(
            &bytes, fptc__checksum_add(fptc__checksum_start(), bytes.data + at, bytes.len - at));
    }
    base.rollups[0] = (struct fptc__rollup_file){.from = 1, .to = 3};
    assert_int_equal(fptc__rollup_put(&help_p, &bytes, &base.rollups[0], &help_err), FPTC_OK);
    fptc__buf_done(&bytes);
    assert_int_equal(fptc__manifest_publish(&help_p, &base, &help_err), FPTC_OK);
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_EFORMAT);
    assert_int_equal(model_count(&a.model, "k1"), 1);
    assert_int_equal(model_count(&a.model, "k2") + model_count(&a.model, "k3"), 0);
    assert_int_equal(fptc__log_is_read_only(a.log), 1);
    assert_int_equal(actor_put(&a, "x", NULL), FPTC_EFORMAT);
    actor_close(&a);
}

/* --- races --- */

static void *roll_in_thread(void *result)
{
    fptc_error err = FPTC_ERROR_INIT;
    *(fptc_status *)result = fptc__rollup(&help_p, NULL, NULL, NULL, &err);
    return NULL;
}

static void two_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        fptc_status results[4];
        put_keys(2 * round + 1, 2 * round + 2);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, roll_in_thread, &results[i]), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 4; i++)
            assert_int_equal(results[i], FPTC_OK);
        assert_int_equal(newest(), 2 * round + 2);
    }
    assert_int_equal(count_entries("files"), 20); /* the losers' are gone */
    each_once(NULL, 1, 40);
}

/* What happens just before the roller's first look at commit 3, or its first link into bases/. */
static void (*meanwhile)(void);

static void now(void)
{
    void (*what)(void) = meanwhile;
    fptc__sys.open = help_sys.open;
    fptc__sys.link = help_sys.link;
    what();
}

static int hooked_open(const char *path, int flags, mode_t mode)
{
    if (strstr(path, "/log/0000000000000003"))
        now();
    return help_sys.open(path, flags, mode);
}

static int hooked_link(const char *from, const char *to)
{
    if (strstr(to, "/bases/"))
        now();
    return help_sys.link(from, to);
}

static void before_link(void (*what)(void))
{
    meanwhile = what;
    fptc__sys.link = hooked_link;
}

static void ghost_appears(void)
{
    put_keys(3, 3);
    assert_int_equal(other_compacts(), 3);
    put_keys(4, 4);
    assert_int_equal(other_compacts(), 4);
    put_keys(5, 5);
    remove_log(1, 3);
    assert_int_equal(put_raw(3, "ghost", 0), FPTC_OK);
}

static void ghosts_are_not_folded(void **state)
{
    (void)state;
    put_keys(1, 2);
    assert_int_equal(other_compacts(), 2);
    meanwhile = ghost_appears;
    fptc__sys.open = hooked_open;
    assert_int_equal(roll_up(), 5);
    each_once(NULL, 1, 5);
    assert_int_equal(fresh_count("ghost"), 0);
    newest();
    assert_int_equal(m.rollups[0].from, 5);
}

static int remove_it(const char *name, void *payload)
{
    (void)payload;
    remove_file(name);
    return 0;
}

static void all_files_go(void)
{
    char path[FPTC_PATH_MAX];
    assert_int_equal(fptc__path(path, NULL, "%s/files", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__dir_list(path, remove_it, NULL, &help_err), FPTC_OK);
}

static void file_taken(void **state)
{
    (void)state;
    put_keys(1, 5);
    before_link(all_files_go);
    assert_int_equal(roll_up(), 5);
    remove_log(1, 5);
    each_once(NULL, 1, 5);
}

/* Base `upto` in between, of commits 1..upto in a file of its own, and the first base's file is gone. */
static void merged_in_between(void)
{
    struct fptc__manifest between = {.upto = 15, .n_rollups = 1};
    struct fptc__buf bytes;
    char path[FPTC_PATH_MAX];
    fptc__buf_init(&bytes, 1 << 20);
    for (uint64_t i = 1; i <= between.upto; i++) {
        assert_int_equal(fptc__partition_number_path(&help_p, "log", i, path, NULL), FPTC_OK);
        assert_int_equal(fptc__file_read(path, 1 << 20, &bytes, &help_err), FPTC_OK);
    }
    between.rollups[0] = (struct fptc__rollup_file){.from = 1, .to = 15};
    assert_int_equal(fptc__rollup_put(&help_p, &bytes, &between.rollups[0], &help_err), FPTC_OK);
    fptc__buf_done(&bytes);
    assert_int_equal(fptc__manifest_publish(&help_p, &between, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, 10, &between, &help_err), FPTC_OK);
    remove_file(between.rollups[0].name);
    remove_number("bases", 10);
    remove_log(1, 10);
}

static void others_files_taken(void **state)
{
    struct actor a;
    (void)state;
    put_keys(1, 10);
    assert_int_equal(roll_up(), 10);
    put_keys(11, 20);
    /* The piece of 11..20 must not be merged with 1..10 for this: make that one large. */
    before_link(merged_in_between);
    roll_up();
    assert_int_equal(newest(), 21); /* an empty commit made the number */
    assert_int_equal(fptc__manifest_look(&help_p, &m, &help_err), FPTC_OK);
    actor_open(&a);
    each_once(&a, 1, 20);
    assert_int_equal(a.n_warnings, 0);
    actor_close(&a);
}

static int has_come, has_gone;

static void rewritten_in_between(void)
{
    struct fptc__manifest between = {.upto = 15, .snapshot = "15-x.json"};
    struct fptc__buf text;
    char path[FPTC_PATH_MAX];
    fptc__buf_init(&text, 1 << 20);
    fptc__buf_addc(&text, '[');
    for (int i = 1; i <= 15; i++)
        fptc__buf_addf(&text, "%s\"k%d\"", i > 1 ? "," : "", i);
    fptc__buf_addc(&text, ']');
    file_path(between.snapshot, path);
    between.snapshot_bytes = (int64_t)text.len;
    assert_int_equal(fptc__file_create(path, text.data, text.len, 0666, &help_err), FPTC_OK);
    fptc__buf_done(&text);
    assert_int_equal(fptc__manifest_publish(&help_p, &between, &help_err), FPTC_OK);
}

static void rewrite_between(void **state)
{
    (void)state;
    put_keys(1, 10);
    assert_int_equal(roll_up(), 10);
    put_keys(11, 20);
    before_link(rewritten_in_between);
    roll_up();
    assert_int_equal(newest(), 21);
    assert_int_equal(strncmp(m.snapshot, "21-", 3), 0);
    assert_int_equal(m.snapshot_upto, 15);
    remove_log(1, 21);
    each_once(NULL, 1, 20);
    assert_int_equal(fresh_head(), 21);
}

static int rewritten_then_taken(const char *from, const char *to)
{
    char path[FPTC_PATH_MAX];
    if (strstr(to, "/bases/") && !has_come) {
        has_come = 1;
        rewritten_in_between();
    } else if (strstr(to, "/bases/0000000000000021") && !has_gone) {
        has_gone = 1;
        file_path("15-x.json", path);
        assert_int_equal(unlink(path), 0);
    }
    return help_sys.link(from, to);
}

/* Who wanted the rewrite's file before a base named it slept until now, and unlinks it. */
static void snapshot_taken(void **state)
{
    (void)state;
    put_keys(1, 10);
    assert_int_equal(roll_up(), 10);
    put_keys(11, 20);
    has_come = has_gone = 0;
    fptc__sys.link = rewritten_then_taken;
    roll_up();
    fptc__sys.link = help_sys.link;
    assert_true(has_gone);
    assert_int_equal(newest(), 21);
    assert_int_equal(m.snapshot_upto, 15);
    assert_int_equal(fptc__manifest_look(&help_p, &m, &help_err), FPTC_OK);
    remove_log(1, 21);
    each_once(NULL, 1, 20);
}

/* The number that is to be moved to is linked: meanwhile that rewrite is retired. */
static int rewritten_then_retired(const char *from, const char *to)
{
    char path[FPTC_PATH_MAX];
    if (strstr(to, "/bases/") && !has_come) {
        has_come = 1;
        rewritten_in_between();
    } else if (strstr(to, "/log/") && !has_gone) {
        has_gone = 1;
        remove_number("bases", 15);
        file_path("15-x.json", path);
        assert_int_equal(unlink(path), 0);
    }
    return help_sys.link(from, to);
}

static void a_rewrite_that_went_is_not_named(void **state)
{
    (void)state;
    put_keys(1, 10);
    assert_int_equal(roll_up(), 10);
    put_keys(11, 20);
    has_come = has_gone = 0;
    fptc__sys.link = rewritten_then_retired;
    roll_up();
    fptc__sys.link = help_sys.link;
    assert_true(has_gone);
    assert_int_equal(newest(), 21);
    assert_int_equal(fptc__manifest_look(&help_p, &m, &help_err), FPTC_OK);
    each_once(NULL, 1, 20);
}

static void others_go_further(void)
{
    put_keys(21, 25);
    assert_int_equal(roll_up(), 25);
}

static void late(void **state)
{
    (void)state;
    put_keys(1, 20);
    before_link(others_go_further);
    roll_up();
    assert_int_equal(newest(), 25);
    each_once(NULL, 1, 25);
    put_keys(26, 26);
    assert_int_equal(roll_up(), 26);
    each_once(NULL, 1, 26);
}

/* Deletion unlinks the temps of bases, and then others go further: who slept has nothing to link. */
static void temps_go_and_others_go_on(void)
{
    int n = 0;
    assert_int_equal(fptc__base_temps_remove(&help_p, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 1);
    put_keys(21, 22);
    assert_int_equal(roll_up(), 22);
}

static void a_sleeper_has_no_temp(void **state)
{
    (void)state;
    put_keys(1, 20);
    before_link(temps_go_and_others_go_on);
    roll_up();
    assert_int_equal(newest(), 22);
    assert_false(number_exists("bases", 20));
    assert_int_equal(count_entries("files"), 1); /* its own file is gone */
    each_once(NULL, 1, 22);
}

static int reply_lost(const char *from, const char *to)
{
    int is_base = strstr(to, "/bases/") != NULL;
    int result = help_sys.link(from, to);
    if (is_base)
        errno = EIO;
    return is_base ? -1 : result;
}

static void reply_is_lost(void **state)
{
    (void)state;
    put_keys(1, 5);
    fptc__sys.link = reply_lost;
    assert_int_equal(roll_up(), 5);
    fptc__sys.link = help_sys.link;
    remove_log(1, 5);
    each_once(NULL, 1, 5);
    assert_int_equal(count_entries("files"), 1);
}

static void a_rewrite_onto_rollups(void **state)
{
    struct fptc__manifest with = {.upto = 8, .snapshot_upto = 8, .snapshot = "8-x.json"};
    struct fptc__compact_stats stats = {.base = 0};
    char path[FPTC_PATH_MAX];
    static const char keys[] = "[\"k1\",\"k2\",\"k3\",\"k4\",\"k5\",\"k6\",\"k7\",\"k8\"]";
    (void)state;
    put_keys(1, 5);
    roll_up();
    put_keys(6, 10);
    roll_up();
    file_path(with.snapshot, path);
    with.snapshot_bytes = sizeof(keys) - 1;
    assert_int_equal(fptc__file_create(path, keys, sizeof(keys) - 1, 0666, &help_err), FPTC_OK);
    assert_int_equal(fptc__rollup_onto(&help_p, &with, NULL, NULL, &stats, &help_err), FPTC_OK);
    assert_int_equal(newest(), 11);
    assert_int_equal(stats.base, 11);
    assert_string_equal(m.snapshot, with.snapshot);
    assert_int_equal(strncmp(m.snapshot, "11-", 3), 0);
    assert_int_equal(m.snapshot_upto, 8);
    assert_true(m.rollups[0].from <= 9);
    remove_log(1, 11);
    each_once(NULL, 1, 10);
    /* Once more: there is nothing newer about it. */
    assert_int_equal(fptc__rollup_onto(&help_p, &with, NULL, NULL, &stats, &help_err), FPTC_MISS);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(readers_begin_with_it),
        WITH_DIR(it_is_the_commits_byte_for_byte),
        WITH_DIR(readers_catch_up_without_reset),
        WITH_DIR(holes_are_left_out),
        WITH_DIR(merging_is_bounded),
        WITH_DIR(merging_is_bounded_for_any_sizes),
        WITH_DIR(a_deadline_bounds_the_work),
        WITH_DIR(a_slow_host_gets_on),
        WITH_DIR(when_it_is_due),
        WITH_DIR(when_a_rewrite_is_due),
        WITH_DIR(damage_is_worked_around),
        WITH_DIR(damage_without_a_way_around_is_said),
        WITH_DIR(odd_rollups_are_damaged),
        WITH_DIR(another_history_is_seen),
        WITH_DIR(another_history_is_seen_by_the_head_alone),
        WITH_DIR(newer_commits_in_it_stop_this_build),
        WITH_DIR(two_at_once),
        WITH_DIR(ghosts_are_not_folded),
        WITH_DIR(file_taken),
        WITH_DIR(others_files_taken),
        WITH_DIR(rewrite_between),
        WITH_DIR(snapshot_taken),
        WITH_DIR(a_rewrite_that_went_is_not_named),
        WITH_DIR(late),
        WITH_DIR(a_sleeper_has_no_temp),
        WITH_DIR(reply_is_lost),
        WITH_DIR(a_rewrite_onto_rollups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
