/* Flights: one leads, the others wait for it to land, and a dead leader holds nobody up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "share/flight.h"

static char dir[] = "/tmp/fptc-flight-XXXXXX";
static const struct fptc__call patient = {0};

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    char flights[64];

    (void)state;
    snprintf(flights, sizeof(flights), "%s/flights", dir);
    return rmdir(flights) != 0 || rmdir(dir) != 0; /* also: nobody left a claim behind */
}

static void *land_later(void *flight)
{
    fptc__sleep_ms(150);
    fptc__flight_end(flight);
    return NULL;
}

static void test_others_wait_for_the_landing(void **state)
{
    struct fptc__flight leader, other;
    pthread_t thread;
    int64_t start;

    (void)state;
    assert_int_equal(fptc__flight_begin(&leader, dir, "k", &patient), FPTC_OK);
    assert_int_equal(pthread_create(&thread, NULL, land_later, &leader), 0);
    start = fptc__mono_ms();
    assert_int_equal(fptc__flight_begin(&other, dir, "k", &patient), FPTC_MISS);
    assert_true(fptc__mono_ms() - start >= 100);
    pthread_join(thread, NULL);
    assert_int_equal(fptc__flight_begin(&other, dir, "k", &patient), FPTC_OK);
    fptc__flight_end(&other);
}

static void test_another_question_does_not_wait(void **state)
{
    struct fptc__flight a, b;

    (void)state;
    assert_int_equal(fptc__flight_begin(&a, dir, "a", &patient), FPTC_OK);
    assert_int_equal(fptc__flight_begin(&b, dir, "b", &patient), FPTC_OK);
    assert_true(a.is_leader && b.is_leader);
    fptc__flight_end(&a);
    fptc__flight_end(&b);
}

static void test_a_dead_leader_holds_nobody_up(void **state)
{
    struct fptc__flight ours;
    int64_t start;
    int status = 0;
    pid_t child;

    (void)state;
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fptc__flight_begin(&ours, dir, "dead", &patient) == FPTC_OK && ours.is_leader ? 0
                                                                                            : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    start = fptc__mono_ms();
    assert_int_equal(fptc__flight_begin(&ours, dir, "dead", &patient), FPTC_OK);
    assert_true(fptc__mono_ms() - start < FPTC_FLIGHT_WAIT_MS / 2);
    fptc__flight_end(&ours);
    assert_int_equal(fptc__flight_begin(&ours, dir, "dead", &patient), FPTC_OK);
    assert_true(ours.is_leader); /* the dead one's claim is gone */
    fptc__flight_end(&ours);
}

static void test_half_of_a_deadline_stays_for_asking(void **state)
{
    struct fptc__flight leader, other;
    struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() + 1000};

    (void)state;
    assert_int_equal(fptc__flight_begin(&leader, dir, "slow", &patient), FPTC_OK);
    assert_int_equal(fptc__flight_begin(&other, dir, "slow", &call), FPTC_OK);
    assert_false(other.is_leader);
    assert_true(fptc__call_left_ms(&call, 1000) > 300);
    fptc__flight_end(&other);
    fptc__flight_end(&leader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_wait_for_the_landing),
        cmocka_unit_test(test_another_question_does_not_wait),
        cmocka_unit_test(test_a_dead_leader_holds_nobody_up),
        cmocka_unit_test(test_half_of_a_deadline_stays_for_asking),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
