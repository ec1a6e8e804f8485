/*
 * test_store_repair.c: verify and repair of a partition that was dropped, and beside those who write.
 * Seen to fail: the drops' without `dropped` in rebuild.c, `a_drop_of_another_time_is_sound` without DROPPED in
 * survey_rows.c, `what_came_meanwhile_is_not_lost` without survey_newer_commits(),
 * `what_came_and_went_is_not_lost` without is_retired() in survey.c, `nonsense_is_passed_over`
 * without the hole in fptc__rebuild_commit(), `a_base_that_came_first_is_no_repair` when repair.c takes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "store/drop.h"
#include "store/repair.h"
#include "store/rollup.h"
#include "store_help.h"
#include "view/lookup.h"

static int n_problems, n_rebuilt, n_lost;

/* --- steps ---------------------------------------------------------------------------------------- */

static void drops(void)
{
    uint64_t number = 0;

    if (fptc__drop_append(&help_p, 1763781234567, NULL, NULL, &number, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
}

static void rewrites(void)
{
    if (fptc__compact(&help_p, NULL, NULL, NULL, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
}

static void rolls_up(void)
{
    if (fptc__rollup(&help_p, NULL, NULL, NULL, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
}

static void on_problem(void *ctx, const char *file, const char *kind, const char *next,
                       const char *what)
{
    (void)ctx;
    (void)next;
    n_problems++;
    print_message("problem: %s: %s: %s\n", file, kind, what);
}

static void on_rebuilt(void *ctx, const char *partition, const char *what)
{
    (void)ctx;
    n_rebuilt++;
    print_message("rebuilt: %s: %s\n", partition, what);
}

static void on_lost(void *ctx, const char *partition, const char *kind, const char *what)
{
    (void)ctx;
    n_lost++;
    print_message("lost: %s: %s: %s\n", partition, kind, what);
}

static int verifies_beside(int (*step)(void *ctx, int64_t bytes))
{
    const struct fptc__survey_ear ear = {.problem = on_problem, .step = step};
    struct fptc__survey s = {.p = &help_p, .ear = &ear};

    n_problems = 0;
    if (fptc__survey_make(&s, 1, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__survey_done(&s);
    return n_problems;
}

static int verifies(void)
{
    return verifies_beside(NULL);
}

static const struct fptc__pinned *pinned;

static void repairs_beside(int (*step)(void *ctx, int64_t bytes))
{
    const struct fptc__survey_ear ear = {.problem = on_problem, .step = step};
    struct fptc__repair r = {
        .p = &help_p, .pinned = pinned, .rebuilt = on_rebuilt, .lost = on_lost};

    n_problems = n_rebuilt = n_lost = 0;
    if (fptc__repair_partition(&r, &ear, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
}

static struct fptc__manifest newest_base(void)
{
    struct fptc__manifest m;
    uint64_t newest = 0;

    assert_int_equal(fptc__bases_newest(&help_p, &newest, NULL, 0, NULL, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, newest, &m, &help_err), FPTC_OK);
    return m;
}

/* One byte of its third page. */
static void harm(const char *name)
{
    char path[FPTC_PATH_MAX];
    FILE *f;

    assert_int_equal(fptc__path(path, NULL, "%s/files/%s", help_p.dir, name), FPTC_OK);
    f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 2 * 8192 + 100, SEEK_SET), 0);
    assert_int_equal(fputc(0x5a, f), 0x5a);
    fclose(f);
}

/* --- drops ---------------------------------------------------------------------------------------- */

static void a_rewrite_over_a_drop_is_sound(void **state)
{
    (void)state;
    other_puts("old");
    rewrites();
    other_puts("older");
    drops();
    rewrites();
    assert_int_equal(verifies(), 0);
    other_puts("new");
    rewrites();
    assert_int_equal(verifies(), 0);
    rolls_up();
    assert_int_equal(verifies(), 0);
}

/* Nobody could publish the empty base. */
static void a_drop_between_two_rewrites_is_sound(void **state)
{
    (void)state;
    other_puts("old");
    rewrites();
    other_puts("older");
    drops();
    other_puts("new");
    rewrites();
    assert_int_equal(verifies(), 0);
}

static void see_new_alone(void)
{
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, help_p.name, NULL, &v, &help_err), FPTC_OK);
    if (fptc__view_refresh(v, 0, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__view_begin(v);
    assert_int_equal(fptc__view_dropped(v, FPTC__HOME, NULL), 3);
    fptc__view_end(v);
    fptc__view_close(v);
    assert_int_equal(fresh_count("old"), 0);
    assert_int_equal(fresh_count("older"), 0);
    assert_int_equal(fresh_count("new"), 1);
}

static void a_repair_keeps_a_drop(void **state)
{
    (void)state;
    other_puts("old");
    rewrites();
    other_puts("older");
    drops();
    other_puts("new");
    rewrites();
    harm(newest_base().snapshot);
    repairs_beside(NULL);
    assert_int_equal(n_lost, 0);
    assert_true(n_rebuilt > 0);
    see_new_alone();
    assert_int_equal(verifies(), 0);
}

static void a_repair_from_the_empty_base_keeps_it(void **state)
{
    (void)state;
    other_puts("old");
    other_puts("older");
    drops();
    rewrites();
    other_puts("new");
    rewrites();
    harm(newest_base().snapshot);
    repairs_beside(NULL);
    assert_int_equal(n_lost, 0);
    see_new_alone();
    assert_int_equal(verifies(), 0);
}

/* Whoever saw the drop's commit has its time, whoever began with its base the base's. */
static void a_drop_of_another_time_is_sound(void **state)
{
    struct fptc__manifest empty;

    (void)state;
    other_puts("old");
    other_puts("older");
    drops();
    other_puts("new");
    rewrites();
    empty = (struct fptc__manifest){.upto = 3, .snapshot_upto = 3, .dropped = 3, .asof_ms = 1};
    assert_int_equal(fptc__manifest_publish(&help_p, &empty, &help_err), FPTC_OK);
    assert_int_equal(verifies(), 0);
}

/* --- commits that are holes ------------------------------------------------------------------------ */

static void nonsense_is_passed_over(void **state)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__log *log = NULL;

    (void)state;
    other_puts("one");
    rewrites();
    assert_int_equal(fptc__records_add(&records, FPTC__ROWS, "{}", 2, 1, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_open(&help_p, NULL, &log, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(log, &append, NULL, &help_err), FPTC_OK);
    fptc__log_close(log);
    fptc__records_done(&records);
    rolls_up();
    other_puts("three");
    rewrites();
    harm(newest_base().snapshot);
    repairs_beside(NULL);
    assert_int_equal(n_lost, 0);
    assert_int_equal(fresh_count("one"), 1);
    assert_int_equal(fresh_count("three"), 1);
}

/* --- pins ------------------------------------------------------------------------------------------ */

static fptc_status first_is_pinned(void *ctx, const char *partition, uint64_t *out, size_t room,
                                   size_t *n, fptc_error *err)
{
    (void)ctx;
    (void)partition;
    (void)room;
    (void)err;
    out[0] = 1;
    *n = 1;
    return FPTC_OK;
}

/* Commits are lost, and the history begins anew: who reads a pinned base goes on. */
static void a_pinned_base_outlives_a_lost_history(void **state)
{
    const struct fptc__pinned first = {NULL, first_is_pinned};
    struct fptc__manifest m;
    char path[FPTC_PATH_MAX];

    (void)state;
    for (int is_pinned = 1; is_pinned >= 0; is_pinned--) {
        pinned = is_pinned ? &first : NULL;
        other_puts("one");
        rewrites();
        other_puts("two");
        other_puts("three");
        rewrites();
        uint64_t newest = newest_base().upto;
        for (uint64_t i = newest - 1; i <= newest; i++) {
            assert_int_equal(fptc__partition_number_path(&help_p, "log", i, path, &help_err),
                             FPTC_OK);
            (void)remove(path);
        }
        harm(newest_base().snapshot);
        repairs_beside(NULL);
        assert_true(n_lost > 0);
        assert_int_equal(verifies(), 0);
        assert_int_equal(fptc__manifest_read(&help_p, 1, &m, &help_err),
                         is_pinned ? FPTC_OK : FPTC_MISS);
        if (is_pinned)
            assert_int_equal(fptc__manifest_look(&help_p, &m, &help_err), FPTC_OK);
    }
    pinned = NULL;
}

/* --- others write meanwhile ----------------------------------------------------------------------- */

static int n_steps;

/* With the first byte that is read, log/ has been listed. */
static int write_and_roll_up(void *ctx, int64_t bytes)
{
    (void)ctx;
    (void)bytes;
    if (n_steps++ == 0) {
        other_puts("meanwhile");
        other_puts("meanwhile too");
        rolls_up();
    }
    return 0;
}

static void what_came_meanwhile_is_not_lost(void **state)
{
    (void)state;
    n_steps = 0;
    other_puts("one");
    rewrites();
    other_puts("two");
    rewrites();
    harm(newest_base().snapshot);
    repairs_beside(write_and_roll_up);
    assert_int_equal(n_lost, 0);
    assert_int_equal(fresh_count("one"), 1);
    assert_int_equal(fresh_count("meanwhile too"), 1);
    assert_int_equal(verifies(), 0);
}

/* What log/ did not have when it was listed is in the bases that were listed, and then is retired. */
static int write_then_retire(void *ctx, int64_t bytes)
{
    if (n_steps == 2) { /* both commits are read, and bases/ is listed */
        for (int i = 0; i < 2; i++) {
            other_puts("later");
            rewrites();
        }
        assert_int_equal(fptc__retire(&help_p, 0, NULL, NULL, NULL, &help_err), FPTC_OK);
    }
    return write_and_roll_up(ctx, bytes);
}

static void what_came_and_went_is_not_lost(void **state)
{
    (void)state;
    n_steps = 0;
    other_puts("one");
    rewrites();
    other_puts("two");
    rewrites();
    assert_int_equal(verifies_beside(write_then_retire), 0);
    assert_true(n_steps > 2);
    assert_false(number_exists("log", 4));
    assert_int_equal(verifies(), 0);
}

static int (*plain_link)(const char *from, const char *to);

/* Between the repair's last look and its link. */
static int roll_up_first(const char *from, const char *to)
{
    if (strstr(to, "/bases/")) {
        fptc__sys.link = plain_link;
        rolls_up();
    }
    return plain_link(from, to);
}

static void a_base_that_came_first_is_no_repair(void **state)
{
    const struct fptc__survey_ear ear = {.problem = on_problem};
    struct fptc__repair r = {.p = &help_p, .rebuilt = on_rebuilt, .lost = on_lost};

    (void)state;
    other_puts("one");
    rewrites();
    other_puts("two");
    rewrites();
    harm(newest_base().snapshot);
    other_puts("three");
    plain_link = fptc__sys.link;
    fptc__sys.link = roll_up_first;
    assert_int_equal(fptc__repair_partition(&r, &ear, &help_err), FPTC_ERACE);
    fptc__sys.link = plain_link;
    repairs_beside(NULL);
    assert_int_equal(n_lost, 0);
    assert_int_equal(fresh_count("three"), 1);
    assert_int_equal(verifies(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_rewrite_over_a_drop_is_sound),
        CASE(a_drop_between_two_rewrites_is_sound),
        CASE(a_repair_keeps_a_drop),
        CASE(a_repair_from_the_empty_base_keeps_it),
        CASE(a_drop_of_another_time_is_sound),
        CASE(nonsense_is_passed_over),
        CASE(a_pinned_base_outlives_a_lost_history),
        CASE(what_came_meanwhile_is_not_lost),
        CASE(what_came_and_went_is_not_lost),
        CASE(a_base_that_came_first_is_no_repair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
