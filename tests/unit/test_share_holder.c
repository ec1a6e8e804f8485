/* The holder: one at a time, beating whatever else goes on, deposed when it stops, gone when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/symlink.h"
#include "share/claim.h"
#include "share/holder.h"

#define BEAT_MS 40
#define STALE_MS 800
#define PATIENCE_MS 20000 /* a busy machine: only what must not happen is timed closely */

static const struct fptc__holder_times times = {BEAT_MS, STALE_MS};
static char root[64], dirs[3][128];
static struct fptc__sys_table real;
static fptc_error err;

/* What goes wrong with the calls of the thread that beats. */
static atomic_int is_read_only, loses_replies, hangs;

static int odd_symlink(const char *content, const char *path)
{
    if (!atomic_load(&is_read_only))
        return real.symlink(content, path);
    errno = EROFS;
    return -1;
}

static int odd_rename(const char *from, const char *to)
{
    while (atomic_load(&hangs))
        (void)real.nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    if (!atomic_load(&loses_replies))
        return real.rename(from, to);
    (void)real.rename(from, to);
    errno = EIO;
    return -1;
}

static void run(const char *what, const char *path, const char *rest)
{
    char command[512];
    int n = snprintf(command, sizeof(command), "%s %s%s", what, path, rest);

    assert_in_range(n, 1, sizeof(command) - 1);
    assert_int_equal(system(command), 0);
}

static int make_dirs(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/fptc-holder-XXXXXX");
    if (mkdtemp(root) == NULL)
        return 1;
    for (int i = 0; i < 3; i++) {
        snprintf(dirs[i], sizeof(dirs[i]), "%s/p%d", root, i);
        run("mkdir -p", dirs[i], "/tmp");
    }
    return 0;
}

static int remove_dirs(void **state)
{
    (void)state;
    run("rm -r", root, "");
    return 0;
}

static struct fptc__holder *new_holder(void)
{
    struct fptc__holder *h = NULL;

    assert_int_equal(fptc__holder_new(&times, &h, &err), FPTC_OK);
    return h;
}

/* What the link of the first partition says; "" when there is none. */
static void read_link(char out[FPTC__CLAIM_BYTES])
{
    char path[160];

    snprintf(path, sizeof(path), "%s/holder", dirs[0]);
    fptc__claim_read(path, out);
}

static uint64_t beat_of(int i)
{
    struct fptc__holder_link link;

    return fptc__holder_read(dirs[i], &link, &err) == FPTC_OK ? link.beat : 0;
}

static void beats_on_to(int i, uint64_t beat)
{
    int64_t start = fptc__mono_ms();

    while (beat_of(i) < beat && fptc__mono_ms() - start < PATIENCE_MS)
        fptc__sleep_ms(BEAT_MS / 4);
    assert_true(beat_of(i) >= beat);
}

static void becomes(const atomic_int *flag, int value)
{
    int64_t start = fptc__mono_ms();

    while (atomic_load(flag) != value && fptc__mono_ms() - start < PATIENCE_MS)
        fptc__sleep_ms(BEAT_MS / 4);
    assert_int_equal(atomic_load(flag), value);
}

static void holds(struct fptc__holder *h, int value)
{
    int64_t start = fptc__mono_ms();

    while (fptc__holder_has(h, dirs[0]) != value && fptc__mono_ms() - start < PATIENCE_MS)
        fptc__sleep_ms(BEAT_MS / 4);
    assert_int_equal(fptc__holder_has(h, dirs[0]), value);
}

/* Asks until it holds, in two thirds of a beat's time each; for how long. */
static int64_t take_at_last(struct fptc__holder *h)
{
    int64_t start = fptc__mono_ms();
    fptc_status status;

    for (;;) {
        status = fptc__holder_take(h, dirs[0], NULL, &err);
        if (status == FPTC_OK)
            return fptc__mono_ms() - start;
        assert_true(status == FPTC_MISS || status == FPTC_PENDING);
        assert_true(fptc__mono_ms() - start < PATIENCE_MS);
        fptc__sleep_ms(BEAT_MS * 2 / 3);
    }
}

static void test_it_beats_and_says_who_it_is(void **state)
{
    struct fptc__holder *h = new_holder();
    struct fptc__holder_link link;
    char host[64];
    uint64_t beat;

    (void)state;
    assert_int_equal(fptc__holder_read(dirs[0], &link, &err), FPTC_MISS);
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    assert_true(fptc__holder_has(h, dirs[0]));
    assert_int_equal(fptc__holder_read(dirs[0], &link, &err), FPTC_OK);
    beat = link.beat;
    fptc__host_name(host, sizeof(host));
    assert_string_equal(link.host, host);
    assert_int_equal(link.pid, getpid());
    assert_int_equal(strlen(link.id), 16);
    assert_true(link.made_ms > 1000000000000);
    beats_on_to(0, beat + 4);
    fptc__holder_free(h);
    assert_int_equal(fptc__holder_read(dirs[0], &link, &err), FPTC_MISS);
}

static void test_one_at_a_time_and_the_next_at_once(void **state)
{
    struct fptc__holder *a = new_holder(), *b = new_holder();
    fptc_status status = FPTC_PENDING;

    (void)state;
    assert_int_equal(fptc__holder_take(a, dirs[0], NULL, &err), FPTC_OK);
    assert_int_equal(fptc__holder_take(b, dirs[0], NULL, &err), FPTC_PENDING);
    for (int64_t start = fptc__mono_ms(); fptc__mono_ms() - start < 3 * STALE_MS / 2;) {
        status = fptc__holder_take(b, dirs[0], NULL, &err);
        assert_true(status == FPTC_PENDING || status == FPTC_MISS);
        fptc__sleep_ms(BEAT_MS / 2);
    }
    assert_int_equal(status, FPTC_MISS); /* its beat was seen to change */
    fptc__holder_give(a, dirs[0]);
    assert_int_equal(fptc__holder_take(b, dirs[0], NULL, &err), FPTC_OK);
    assert_false(fptc__holder_has(a, dirs[0]));
    assert_true(fptc__holder_has(b, dirs[0]));
    fptc__holder_free(a); /* not its own: the link stays */
    assert_true(beat_of(0) > 0);
    fptc__holder_free(b);
}

static void test_taken_twice_it_is_given_twice(void **state)
{
    struct fptc__holder *h = new_holder();

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    fptc__holder_give(h, dirs[0]);
    assert_true(fptc__holder_has(h, dirs[0]));
    fptc__holder_give(h, dirs[0]);
    assert_false(fptc__holder_has(h, dirs[0]));
    assert_int_equal(beat_of(0), 0);
    fptc__holder_give(h, dirs[1]); /* never had */
    fptc__holder_free(h);
}

static void test_several_partitions_have_one_holder(void **state)
{
    struct fptc__holder *h = new_holder();
    struct fptc__holder_link a, b;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(fptc__holder_take(h, dirs[i], NULL, &err), FPTC_OK);
    for (int i = 0; i < 3; i++)
        beats_on_to(i, 4);
    assert_int_equal(fptc__holder_read(dirs[0], &a, &err), FPTC_OK);
    assert_int_equal(fptc__holder_read(dirs[2], &b, &err), FPTC_OK);
    assert_string_equal(a.id, b.id);
    fptc__holder_free(h);
    for (int i = 0; i < 3; i++)
        assert_int_equal(beat_of(i), 0);
}

/* Puts another's link there, as a rival that judged us dead. */
static void depose(const char *content)
{
    char path[160], temp[160];

    snprintf(path, sizeof(path), "%s/holder", dirs[0]);
    snprintf(temp, sizeof(temp), "%s/tmp/rival", dirs[0]);
    assert_int_equal(fptc__symlink_swap(path, temp, content, &err), FPTC_OK);
}

/* A process of our own host that is no more cannot come back. */
static void test_a_dead_one_of_our_host_is_replaced_at_once(void **state)
{
    struct fptc__holder *h;
    int status = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(fptc__holder_take(new_holder(), dirs[0], NULL, &err) == FPTC_OK ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    h = new_holder();
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    fptc__holder_free(h);
}

/* Nobody knows what lives on another host, in another container, or in a boot without a name. */
static void test_a_silent_one_is_replaced_within_the_bound(void **state)
{
    static const char *const others[] = {
        "11111111-2222-3333-4444-555555555555.effffffc:999999999:0123456789abcdef:other:7",
        "00000000000000000000000000000000.effffffc:999999999:0123456789abcdef:other:7"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct fptc__holder *h = new_holder();
        int64_t waited;

        depose(others[i]);
        waited = take_at_last(h);
        assert_true(waited >= STALE_MS);
        assert_true(waited < PATIENCE_MS / 2);
        fptc__holder_give(h, dirs[0]);
        fptc__holder_free(h);
    }
}

static void test_who_finds_another_stands_down(void **state)
{
    struct fptc__holder *h = new_holder();
    char now[FPTC__CLAIM_BYTES];
    atomic_int lost = 0;

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], &lost, &err), FPTC_OK);
    depose("b:1:rival:host:7");
    becomes(&lost, 1);
    fptc__sleep_ms(3 * BEAT_MS);
    read_link(now);
    assert_string_equal(now, "b:1:rival:host:7"); /* not written over */
    assert_false(fptc__holder_has(h, dirs[0]));
    assert_int_equal(fptc__holder_take(h, dirs[0], &lost, &err), FPTC_PENDING);
    fptc__holder_give(h, dirs[0]);
    read_link(now);
    assert_string_equal(now, "b:1:rival:host:7");
    assert_true(take_at_last(h) >= STALE_MS / 2); /* the rival has never moved */
    fptc__holder_free(h);
}

static void test_a_link_that_was_removed_is_made_again(void **state)
{
    struct fptc__holder *h = new_holder();

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    run("rm", dirs[0], "/holder");
    beats_on_to(0, 2);
    assert_true(fptc__holder_has(h, dirs[0]));
    fptc__holder_free(h);
}

static void test_our_own_sleep_proves_nothing(void **state)
{
    struct fptc__claim_watch w;

    (void)state;
    memset(&w, 0, sizeof(w));
    assert_int_equal(fptc__claim_watch(&w, "a", 30), 0);
    fptc__sleep_ms(200);
    assert_int_equal(fptc__claim_watch(&w, "a", 30), 30); /* watched at two moments only */
    assert_false(w.has_changed);
    assert_int_equal(fptc__claim_watch(&w, "b", 30), 0);
    assert_true(w.has_changed);
}

static void test_a_read_only_directory_is_a_state(void **state)
{
    struct fptc__holder *h = new_holder();
    struct fptc__holder_link link;

    (void)state;
    atomic_store(&is_read_only, 1);
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_EACCESS);
    assert_non_null(strstr(err.message, "/holder"));
    assert_false(fptc__holder_has(h, dirs[0]));
    assert_int_equal(fptc__holder_read(dirs[0], &link, &err), FPTC_MISS);
    fptc__holder_free(h);
    atomic_store(&is_read_only, 0);
}

static void test_who_cannot_beat_does_not_hold(void **state)
{
    struct fptc__holder *h = new_holder();
    atomic_int lost = 0;

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], &lost, &err), FPTC_OK);
    atomic_store(&is_read_only, 1);
    becomes(&lost, 1);
    holds(h, 0);
    atomic_store(&is_read_only, 0);
    holds(h, 1);
    fptc__holder_free(h);
}

static void test_a_lost_reply_harms_nothing(void **state)
{
    struct fptc__holder *h = new_holder();
    uint64_t beat;

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    atomic_store(&loses_replies, 1);
    fptc__sleep_ms(5 * BEAT_MS);
    atomic_store(&loses_replies, 0);
    beat = beat_of(0);
    assert_true(beat > 1);
    beats_on_to(0, beat + 3);
    assert_true(fptc__holder_has(h, dirs[0]));
    fptc__holder_free(h);
    run("rmdir", dirs[0], "/tmp"); /* nothing is left in it */
}

static void test_a_server_that_hangs_does_not_hold_up_the_end(void **state)
{
    struct fptc__holder *h = new_holder();
    int64_t start;

    (void)state;
    assert_int_equal(fptc__holder_take(h, dirs[0], NULL, &err), FPTC_OK);
    atomic_store(&hangs, 1);
    fptc__sleep_ms(3 * BEAT_MS);
    start = fptc__mono_ms();
    fptc__holder_free(h);
    assert_true(fptc__mono_ms() - start < FPTC_HOLDER_LEAVE_MS + 1000);
    atomic_store(&hangs, 0);
    for (start = fptc__mono_ms(); beat_of(0) > 0 && fptc__mono_ms() - start < PATIENCE_MS;)
        fptc__sleep_ms(5);
    assert_int_equal(beat_of(0), 0); /* the thread that was left behind took it down */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dirs, remove_dirs)
    const struct CMUnitTest tests[] = {
        TEST(test_it_beats_and_says_who_it_is),
        TEST(test_one_at_a_time_and_the_next_at_once),
        TEST(test_taken_twice_it_is_given_twice),
        TEST(test_several_partitions_have_one_holder),
        TEST(test_a_dead_one_of_our_host_is_replaced_at_once),
        TEST(test_a_silent_one_is_replaced_within_the_bound),
        TEST(test_who_finds_another_stands_down),
        TEST(test_a_link_that_was_removed_is_made_again),
        TEST(test_our_own_sleep_proves_nothing),
        TEST(test_a_read_only_directory_is_a_state),
        TEST(test_who_cannot_beat_does_not_hold),
        TEST(test_a_lost_reply_harms_nothing),
        TEST(test_a_server_that_hangs_does_not_hold_up_the_end),
    };

    real = fptc__sys; /* once and for all: threads that were left behind still read it */
    fptc__sys.symlink = odd_symlink;
    fptc__sys.rename = odd_rename;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
