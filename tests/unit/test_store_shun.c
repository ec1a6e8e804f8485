/*
 * test_store_shun.c: what one host cannot read, on every try: files that are given up, and bases that are
 * gone around because their manifest or roll-up gives EIO or ESTALE for ever.
 *
 * Seen to fail: start_over() without is_unusable() of EIO; corner() without the host; entries that never end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "store/rollup.h"
#include "store/shun.h"
#include "store_help.h"

/* --- the list --- */

static time_t later_s;

static int later(clockid_t clock, struct timespec *out)
{
    int code = help_sys.clock_gettime(clock, out);
    out->tv_sec += later_s;
    return code;
}

static void damaged_at_once_unreadable_at_the_second_time(void **state)
{
    struct fptc__shun s;
    (void)state;
    fptc__shun_init(&s);
    fptc__shun_note(&s, "a", FPTC_EDAMAGED);
    assert_true(fptc__shun_has(&s, "a"));
    fptc__shun_note(&s, "b", FPTC_EIO);
    assert_false(fptc__shun_has(&s, "b"));
    fptc__shun_note(&s, "b", FPTC_EIO);
    assert_true(fptc__shun_has(&s, "b"));
    fptc__shun_pardon(&s, "b");
    assert_false(fptc__shun_has(&s, "b"));
    fptc__shun_note(&s, "", FPTC_EDAMAGED);
    assert_false(fptc__shun_has(&s, ""));
    fptc__shun_done(&s);
}

static void what_could_not_be_read_is_tried_again_some_day(void **state)
{
    struct fptc__shun s;
    (void)state;
    later_s = 0;
    fptc__sys.clock_gettime = later;
    fptc__shun_init(&s);
    fptc__shun_note(&s, "damaged", FPTC_EDAMAGED);
    fptc__shun_note(&s, "once", FPTC_EIO);
    fptc__shun_note(&s, "twice", FPTC_EIO);
    fptc__shun_note(&s, "twice", FPTC_EIO);
    later_s = FPTC_SHUN_MS / 1000 + 1;
    assert_true(fptc__shun_has(&s, "damaged"));
    assert_false(fptc__shun_has(&s, "twice"));
    fptc__shun_note(&s, "once", FPTC_EIO); /* the first time was too long ago */
    assert_false(fptc__shun_has(&s, "once"));
    fptc__shun_note(&s, "once", FPTC_EIO);
    assert_true(fptc__shun_has(&s, "once"));
    fptc__shun_done(&s);
    fptc__sys = help_sys;
}

static void the_list_is_bounded(void **state)
{
    struct fptc__shun s;
    char name[16];
    (void)state;
    later_s = 0;
    fptc__sys.clock_gettime = later;
    fptc__shun_init(&s);
    for (int i = 0; i < 3 * FPTC__SHUNNED_MAX; i++, later_s++) {
        snprintf(name, sizeof(name), "f%d", i);
        fptc__shun_note(&s, name, FPTC_EDAMAGED);
        assert_true(fptc__shun_has(&s, name));
    }
    assert_false(fptc__shun_has(&s, "f0"));
    fptc__shun_done(&s);
    fptc__sys = help_sys;
}

/* --- bases --- */

static const char *sick; /* a part of the paths that cannot be opened */
static int sick_errno;

static int sick_open(const char *path, int flags, mode_t mode)
{
    if (strstr(path, sick) == NULL)
        return help_sys.open(path, flags, mode);
    errno = sick_errno;
    return -1;
}

static void put_keys(int from, int to)
{
    char key[32];
    for (int i = from; i <= to; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        other_puts(key);
    }
}

/* Base 5 is a snapshot, base 8 that and a roll-up. */
static void two_bases(void)
{
    struct fptc__compact_stats stats;
    put_keys(1, 5);
    assert_int_equal(other_compacts(), 5);
    put_keys(6, 8);
    assert_int_equal(fptc__rollup(&help_p, NULL, NULL, &stats, &help_err), FPTC_OK);
    assert_int_equal(stats.base, 8);
    put_keys(9, 10);
}

static void all_is_there(struct actor *a)
{
    char key[32];
    if (fptc__log_refresh(a->log, &help_err) != FPTC_OK)
        fail_msg("%s: %s", sick, help_err.message);
    for (int i = 1; i <= 10; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(model_count(&a->model, key), 1);
    }
    assert_int_equal(fptc__log_head(a->log), 10);
}

static const char *const sicknesses[] = {"/bases/0000000000000008", ".rollup"};
static const int errnos[] = {EIO, ESTALE};

static void the_older_base_serves(void **state)
{
    (void)state;
    two_bases();
    for (int i = 0; i < 4; i++) {
        struct actor a;
        sick = sicknesses[i / 2];
        sick_errno = errnos[i % 2];
        fptc__sys.open = sick_open;
        actor_open(&a);
        all_is_there(&a);
        assert_non_null(strstr(a.warning, "base 8"));
        fptc__sys.open = help_sys.open;
        all_is_there(&a);
        actor_close(&a);
    }
}

/* The commits that would lead around it are gone: nothing is answered, and then all, when it can be read. */
static void without_a_way_around_it_is_said(void **state)
{
    char host[64];
    (void)state;
    fptc__host_name(host, sizeof(host));
    two_bases();
    remove_number("log", 7);
    for (int i = 0; i < 4; i++) {
        struct actor a;
        sick = sicknesses[i / 2];
        sick_errno = errnos[i % 2];
        fptc__sys.open = sick_open;
        actor_open(&a);
        for (int times = 0; times < 2; times++) {
            assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_EIO);
            assert_int_equal(fptc__log_refreshed_mono_ms(a.log), 0);
            assert_non_null(strstr(help_err.message, sick));
            assert_non_null(strstr(help_err.message, strerror(sick_errno)));
            assert_non_null(strstr(help_err.message, host));
            assert_non_null(strstr(help_err.message, "commit 7 of project-101"));
            assert_non_null(strstr(help_err.message, "else `fptcache verify`"));
        }
        assert_int_equal(fptc__log_holes(a.log), 0);
        fptc__sys.open = help_sys.open;
        all_is_there(&a);
        actor_close(&a);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(damaged_at_once_unreadable_at_the_second_time),
        CASE(what_could_not_be_read_is_tried_again_some_day),
        CASE(the_list_is_bounded),
        CASE(the_older_base_serves),
        CASE(without_a_way_around_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
