/* test_base_clock.c: time, waiting, randomness and deadlines, with faults; ISO times both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/sys.h"

static struct fptc__sys_table saved;
static int faults_left;
static int n_calls;
static int64_t slept_ms;

static int set_up(void **state)
{
    (void)state;
    saved = fptc__sys;
    faults_left = 0;
    n_calls = 0;
    slept_ms = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__sys = saved;
    return 0;
}

static int no_boottime(clockid_t clock, struct timespec *out)
{
    if (clock == CLOCK_BOOTTIME) {
        errno = EINVAL;
        return -1;
    }
    out->tv_sec = clock == CLOCK_MONOTONIC ? 12 : 1700000000;
    out->tv_nsec = 345999999;
    return 0;
}

static void test_mono(void **state)
{
    int64_t first = fptc__mono_ms();
    struct timespec boot;

    (void)state;
    assert_true(first > 0);
    assert_true(fptc__mono_ms() >= first);
    assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &boot), 0);
    assert_true((int64_t)boot.tv_sec * 1000 - first < 10000);
    fptc__sys.clock_gettime = no_boottime;
    assert_int_equal(fptc__mono_ms(), 12345);
    assert_int_equal(fptc__wall_ms(), 1700000000345);
}

static int interrupted_sleep(const struct timespec *wait, struct timespec *left)
{
    n_calls++;
    if (faults_left > 0) {
        faults_left--;
        slept_ms += 500;
        *left = *wait;
        left->tv_sec = wait->tv_nsec >= 500000000 ? wait->tv_sec : wait->tv_sec - 1;
        left->tv_nsec = (wait->tv_nsec + 500000000) % 1000000000;
        errno = EINTR;
        return -1;
    }
    slept_ms += (int64_t)wait->tv_sec * 1000 + wait->tv_nsec / 1000000;
    return 0;
}

static void test_sleep_goes_on_after_signals(void **state)
{
    (void)state;
    fptc__sys.nanosleep = interrupted_sleep;
    faults_left = 3;
    fptc__sleep_ms(2750);
    assert_int_equal(n_calls, 4);
    assert_int_equal(slept_ms, 2750);
    fptc__sleep_ms(0);
    fptc__sleep_ms(-5);
    assert_int_equal(n_calls, 4);
}

static ssize_t interrupted_random(void *out, size_t n, unsigned flags)
{
    (void)flags;
    n_calls++;
    if (faults_left > 0) {
        faults_left--;
        errno = EINTR;
        return -1;
    }
    memset(out, 0xab, n);
    return (ssize_t)n;
}

static ssize_t forbidden_random(void *out, size_t n, unsigned flags)
{
    (void)out;
    (void)n;
    (void)flags;
    n_calls++;
    errno = ENOSYS;
    return -1;
}

static void test_random(void **state)
{
    uint64_t a = fptc__random_u64();
    char hex[33];

    (void)state;
    assert_int_not_equal(a, fptc__random_u64());
    fptc__sys.getrandom = interrupted_random;
    faults_left = 2;
    assert_true(fptc__random_u64() == 0xababababababababu);
    assert_int_equal(n_calls, 3);
    fptc__random_hex32(hex);
    assert_string_equal(hex, "abababababababababababababababab");
    fptc__sys.getrandom = forbidden_random;
    a = fptc__random_u64();
    assert_int_not_equal(a, fptc__random_u64());
}

static int no_open(const char *path, int flags, mode_t mode)
{
    (void)path;
    (void)flags;
    (void)mode;
    errno = ENOENT;
    return -1;
}

static void test_host(void **state)
{
    char id[37];
    char again[37];
    char name[256] = "";
    char tiny[2] = "x";

    (void)state;
    fptc__boot_id(id);
    fptc__boot_id(again);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[8], '-');
    assert_string_equal(id, again);
    fptc__sys.open = no_open;
    fptc__boot_id(id);
    assert_string_equal(id, "00000000000000000000000000000000");
    fptc__host_name(name, sizeof(name));
    assert_true(strlen(name) > 0);
    fptc__host_name(tiny, sizeof(tiny));
    assert_true(strlen(tiny) < sizeof(tiny));
    fptc__host_name(tiny, 0);
    assert_true(fptc__process_id() > 0);
}

static void test_call(void **state)
{
    atomic_int cancelled = 0;
    struct fptc__call call = {0};
    fptc_error err;

    (void)state;
    assert_int_equal(fptc__call_left_ms(NULL, 77), 77);
    assert_int_equal(fptc__call_left_ms(&call, 77), 77);
    assert_int_equal(fptc__call_check(&call, "x", &err), FPTC_OK);
    assert_int_equal(fptc__call_check(NULL, "x", &err), FPTC_OK);
    fptc__sys.clock_gettime = no_boottime;
    call.deadline_mono_ms = 12345 + 50;
    assert_int_equal(fptc__call_left_ms(&call, 77), 50);
    assert_int_equal(fptc__call_left_ms(&call, 20), 20);
    assert_int_equal(fptc__call_check(&call, "x", &err), FPTC_OK);
    call.deadline_mono_ms = 12345;
    assert_int_equal(fptc__call_left_ms(&call, 77), 0);
    assert_int_equal(fptc__call_check(&call, "reading Shot", &err), FPTC_EDEADLINE);
    assert_string_equal(err.message, "reading Shot: the deadline passed");
    call.deadline_mono_ms = 1;
    assert_int_equal(fptc__call_left_ms(&call, 77), 0);
    call.cancelled = &cancelled;
    atomic_store(&cancelled, 1);
    assert_int_equal(fptc__call_check(&call, "x", &err), FPTC_ECANCELLED);
}

static void test_iso_from_ms(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {1795318068000, "2026-11-22T03:27:48Z"},
        {1795318068999, "2026-11-22T03:27:48Z"},
        {951782400000, "2000-02-29T00:00:00Z"},
        {-62167219200000, "0000-01-01T00:00:00Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},
        {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    char out[21];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__iso_from_ms(rows[i].ms, out);
        assert_string_equal(out, rows[i].text);
    }
}

static void test_iso_to_ms(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-11-22T03:27:48Z", 1795318068000},
        {"2026-11-22T03:27:48.5Z", 1795318068500},
        {"2026-11-22T03:27:48.123999Z", 1795318068123},
        {"2026-11-22T05:27:48+02:00", 1795318068000},
        {"2026-11-22T05:27:48+0200", 1795318068000},
        {"2026-11-21T21:57:48.25-05:30", 1795318068250},
        {"2026-11-22 03:27:48 UTC", 1795318068000},
        {"2026-11-22", 1795305600000},
        {"1970-01-01", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29", 951782400000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ms = 1;

        assert_true(fptc__iso_to_ms(rows[i].text, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void test_iso_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "x",
        "2026",
        "2026-1-1",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "1900-02-29",
        "2026-11-22T",
        "2026-11-22T03:27",
        "2026-11-22T03:27:48",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:60:00Z",
        "2026-11-22T03:27:60Z",
        "2026-11-22T03:27:48.Z",
        "2026-11-22T03:27:48+2",
        "2026-11-22T03:27:48+02:0",
        "2026-11-22T03:27:48Zx",
        "2026-11-22 03:27:48 UT",
        "2026-11-22 03:27:48 UTCx",
        " 2026-11-22",
        "2026-11-22 ",
        "-026-11-22",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ms = 1;

        assert_false(fptc__iso_to_ms(rows[i], &ms));
        assert_int_equal(ms, 0);
    }
}

/* Against libc's calendar, over more than one 400-year era. */
static void test_iso_agrees_with_libc(void **state)
{
    int64_t seconds;

    (void)state;
    for (seconds = -12000000000; seconds < 20000000000; seconds += 86400 * 17 + 12347) {
        time_t t = (time_t)seconds;
        struct tm tm;
        char want[40];
        char got[21];
        int64_t back;

        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm) == 20);
        fptc__iso_from_ms(seconds * 1000, got);
        assert_string_equal(got, want);
        assert_true(fptc__iso_to_ms(got, &back));
        assert_int_equal(back, seconds * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mono, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sleep_goes_on_after_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_call, set_up, tear_down),
        cmocka_unit_test(test_iso_from_ms),
        cmocka_unit_test(test_iso_to_ms),
        cmocka_unit_test(test_iso_refused),
        cmocka_unit_test(test_iso_agrees_with_libc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
