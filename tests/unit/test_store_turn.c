/*
 * test_store_turn.c: a writer on a slow host gets through beside one that appends on and on.
 *
 * Seen to fail: without let_others() in append.c (the slow one loses every race); with all of the caller's time
 * given to others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "share/turn.h"
#include "store_help.h"

/* The slow one loses this often at most: twice before it takes the turn, and to what was under way then. */
#define LINKS_MAX 6
#define SLOW_US 30000
/* Between two appends of the fast one: the slow one reads what it appends in less. (Who cannot does not come to
   append at all: a pass ends at the head.) */
#define PAUSE_US 3000

static _Thread_local int is_slow;
static atomic_int n_slow_links, is_through, is_over;

static int link_of_hosts(const char *from, const char *to)
{
    if (is_slow && strstr(to, "/log/")) {
        n_slow_links++;
        usleep(SLOW_US);
    }
    return help_sys.link(from, to);
}

/* A writer as a handle has it. */
struct writer {
    struct actor a;
    struct fptc__turn turn;
    struct fptc__log_turn log_turn;
    int n_failed, n;
};

static void writer_open(struct writer *w)
{
    struct fptc__log_options options = {.sink = &w->a.sink, .turn = &w->log_turn};
    w->n = w->n_failed = 0;
    fptc__turn_init(&w->turn, help_p.dir);
    w->log_turn =
        (struct fptc__log_turn){&w->turn, fptc__turn_take, fptc__turn_give, fptc__turn_yield};
    actor_open(&w->a);
    fptc__log_close(w->a.log);
    assert_int_equal(fptc__log_open(&help_p, &options, &w->a.log, &help_err), FPTC_OK);
}

static void *put_on_and_on(void *payload)
{
    struct writer *w = payload;
    char key[32];
    while (!is_over) {
        snprintf(key, sizeof(key), "fast%d", w->n++);
        w->n_failed += actor_put(&w->a, key, NULL) != FPTC_OK;
        usleep(PAUSE_US);
    }
    return NULL;
}

static void *put_one(void *payload)
{
    struct writer *w = payload;
    is_slow = 1;
    w->n_failed += actor_put(&w->a, "slow", NULL) != FPTC_OK;
    is_through = 1;
    return NULL;
}

static void a_slow_host_gets_through(void **state)
{
    struct writer fast, slow;
    pthread_t threads[2];
    (void)state;
    other_puts("first");
    writer_open(&fast);
    writer_open(&slow);
    fptc__sys.link = link_of_hosts;
    assert_int_equal(pthread_create(&threads[0], NULL, put_on_and_on, &fast), 0);
    usleep(SLOW_US);
    assert_int_equal(pthread_create(&threads[1], NULL, put_one, &slow), 0);
    while (!is_through && n_slow_links <= LINKS_MAX)
        usleep(1000);
    is_over = 1;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(n_slow_links, 1, LINKS_MAX);
    assert_int_equal(fast.n_failed + slow.n_failed, 0);
    assert_int_equal(fresh_count("slow"), 1);
    actor_close(&fast.a);
    actor_close(&slow.a);
}

static int n_yields;
static int64_t yielded_ms;

static void note_yield(void *ctx, int64_t most_ms)
{
    (void)ctx;
    n_yields++;
    yielded_ms = most_ms;
}

static void put_by(struct actor *a, int64_t deadline_ms)
{
    struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() + deadline_ms};
    struct fptc__records records;
    one_key(&records, "k");
    struct fptc__append request = {.records = &records};
    assert_int_equal(fptc__log_append(a->log, &request, deadline_ms ? &call : NULL, &help_err),
                     FPTC_OK);
    fptc__records_done(&records);
}

static void a_rare_writer_waits_for_nobody_and_none_past_half_its_time(void **state)
{
    const struct fptc__log_turn turn = {.yield = note_yield};
    struct actor a;
    (void)state;
    actor_open(&a);
    fptc__log_close(a.log);
    struct fptc__log_options options = {.sink = &a.sink, .turn = &turn};
    assert_int_equal(fptc__log_open(&help_p, &options, &a.log, &help_err), FPTC_OK);
    n_yields = 0;
    put_by(&a, 0);
    assert_int_equal(n_yields, 0);
    put_by(&a, 0);
    assert_int_equal(yielded_ms, FPTC_LOCK_STALE_MS);
    put_by(&a, FPTC_LOCK_STALE_MS);
    assert_in_range(yielded_ms, 1, FPTC_LOCK_STALE_MS / 2);
    assert_int_equal(n_yields, 2);
    actor_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slow_host_gets_through, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(a_rare_writer_waits_for_nobody_and_none_past_half_its_time,
                                        help_set_up, help_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
