/* The turn: taken by one, waited for briefly, given back, and broken when its owner has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "share/turn.h"

static char dir[] = "/tmp/fptc-turn-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir) != 0; /* also: nobody left a claim behind */
}

static void test_one_at_a_time(void **state)
{
    struct fptc__turn a, b;
    int64_t start;

    (void)state;
    fptc__turn_init(&a, dir);
    fptc__turn_init(&b, dir);
    fptc__turn_take(&a);
    assert_true(a.is_held);
    start = fptc__mono_ms();
    fptc__turn_take(&b);
    assert_false(b.is_held);
    assert_true(fptc__mono_ms() - start >= FPTC_LOCK_WAIT_MS);
    fptc__turn_give(&b); /* not its own: the claim stays */
    fptc__turn_take(&b);
    assert_false(b.is_held);
    fptc__turn_give(&a);
    fptc__turn_take(&b);
    assert_true(b.is_held);
    fptc__turn_give(&b);
}

static void test_an_unchanged_claim_is_broken_over_several_waits(void **state)
{
    struct fptc__turn gone, next;
    int64_t start = fptc__mono_ms();

    (void)state;
    fptc__turn_init(&gone, dir);
    fptc__turn_init(&next, dir);
    fptc__turn_take(&gone);
    while (!next.is_held && fptc__mono_ms() - start < 20000)
        fptc__turn_take(&next);
    assert_true(next.is_held);
    assert_true(fptc__mono_ms() - start >= FPTC_LOCK_STALE_MS);
    fptc__turn_give(&gone); /* wakes late: must not take away what is another's now */
    fptc__turn_take(&gone);
    assert_false(gone.is_held);
    fptc__turn_give(&next);
}

#define GIVE_MS 50

static void *give_soon(void *turn)
{
    usleep(1000 * GIVE_MS);
    fptc__turn_give(turn);
    return NULL;
}

static void test_others_go_first(void **state)
{
    struct fptc__turn slow, eager;
    int64_t start = fptc__mono_ms();
    pthread_t thread;

    (void)state;
    fptc__turn_init(&slow, dir);
    fptc__turn_init(&eager, dir);
    fptc__turn_yield(&eager, FPTC_LOCK_STALE_MS); /* to nobody */
    fptc__turn_take(&slow);
    assert_int_equal(pthread_create(&thread, NULL, give_soon, &slow), 0);
    fptc__turn_yield(&eager, FPTC_LOCK_STALE_MS);
    assert_in_range(fptc__mono_ms() - start, GIVE_MS, FPTC_LOCK_STALE_MS);
    pthread_join(thread, NULL);
}

static void test_a_dead_one_is_waited_for_once(void **state)
{
    struct fptc__turn gone, eager;
    char path[64];
    int64_t start = fptc__mono_ms();

    (void)state;
    fptc__turn_init(&gone, dir);
    fptc__turn_init(&eager, dir);
    fptc__turn_take(&gone);
    fptc__turn_yield(&eager, GIVE_MS); /* a caller in a hurry */
    assert_in_range(fptc__mono_ms() - start, GIVE_MS, FPTC_LOCK_STALE_MS / 2);
    fptc__turn_yield(&eager, FPTC_LOCK_STALE_MS);
    assert_in_range(fptc__mono_ms() - start, FPTC_LOCK_STALE_MS, 5 * FPTC_LOCK_STALE_MS);
    snprintf(path, sizeof(path), "%s/lock", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    start = fptc__mono_ms();
    fptc__turn_yield(&eager, FPTC_LOCK_STALE_MS);
    assert_true(fptc__mono_ms() - start < FPTC_LOCK_STALE_MS);
}

/* A claim of ours that says no process is somebody's damage, not a death. */
static void test_only_a_process_dies(void **state)
{
    static const char *const rests[] = {"", "0:a", "-5:a", "999999999", "999999999[:a", "x:a"};
    char own[FPTC__CLAIMANT_BYTES], said[FPTC__CLAIM_BYTES];
    int n_boot, i;

    (void)state;
    fptc__claimant(own);
    n_boot = (int)strcspn(own, ":");
    for (i = 0; i < (int)(sizeof(rests) / sizeof(rests[0])); i++) {
        snprintf(said, sizeof(said), "%.*s:%s", n_boot, own, rests[i]);
        assert_false(fptc__claim_is_dead(said, own));
    }
    snprintf(said, sizeof(said), "%.*s:999999999:a", n_boot, own);
    assert_true(fptc__claim_is_dead(said, own));
    assert_false(fptc__claim_is_dead(own, own));
}

static void test_a_process_that_has_gone_holds_nobody_up(void **state)
{
    struct fptc__turn eager;
    int64_t start;
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct fptc__turn gone;

        fptc__turn_init(&gone, dir);
        fptc__turn_take(&gone);
        _exit(!gone.is_held);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fptc__turn_init(&eager, dir);
    start = fptc__mono_ms();
    fptc__turn_yield(&eager, FPTC_LOCK_STALE_MS);
    assert_true(fptc__mono_ms() - start < FPTC_LOCK_STALE_MS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_an_unchanged_claim_is_broken_over_several_waits),
        cmocka_unit_test(test_others_go_first),
        cmocka_unit_test(test_a_dead_one_is_waited_for_once),
        cmocka_unit_test(test_only_a_process_dies),
        cmocka_unit_test(test_a_process_that_has_gone_holds_nobody_up),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
