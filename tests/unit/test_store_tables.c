/* test_store_tables.c: the tables as a whole: overlay and in place say the same, replays change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables_help.h"

#define COMMITS 40

static int rounds(void)
{
    return getenv("FPTC_LONG") ? 2000 : 60;
}

static void must_apply(struct store *s, uint64_t number, const struct fptc__records *r)
{
    if (store_apply(s, number, r->list, r->n) != FPTC_OK)
        fail_msg("commit %" PRIu64 ": %s", number, th_err.message);
}

static int compare_told(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Exactly the rows of base that are not visible any more were told, each once. */
static void check_told(struct store *s)
{
    static const char *const types[] = {"Asset", "Note", "Shot"};
    size_t i, n = 0;

    qsort(s->told.rows, s->told.n_rows, sizeof(s->told.rows[0]), compare_told);
    for (i = 1; i < s->told.n_rows; i++)
        assert_string_not_equal(s->told.rows[i - 1], s->told.rows[i]);
    for (i = 0; i < 3; i++) {
        char sql[400];
        if (strcmp(store_get(s, "SELECT 1"), "1") != 0 ||
            strcmp(store_row(s, types[i], -1, "1"), "-") != 0)
            continue;
        snprintf(sql, sizeof(sql), "SELECT 1 FROM base.sqlite_schema WHERE name='%s'", types[i]);
        if (strcmp(store_get(s, sql), "1") != 0)
            continue;
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM base.%s WHERE id IN (SELECT id FROM main._fptc_gone WHERE"
                 " type='%s')",
                 types[i], types[i]);
        n += (size_t)atoi(store_get(s, sql));
        snprintf(sql, sizeof(sql), "SELECT 1 FROM main.sqlite_schema WHERE name='%s'", types[i]);
        if (strcmp(store_get(s, sql), "1") != 0)
            continue;
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM base.%s WHERE id IN (SELECT id FROM main.%s)", types[i],
                 types[i]);
        n += (size_t)atoi(store_get(s, sql));
    }
    assert_int_equal(s->told.n_rows, n);
}

static void must_be_same(struct store *a, struct store *b, const char *where, uint64_t seed)
{
    char *x = store_state(a, 1), *y = store_state(b, 1);
    if (strcmp(x, y) != 0)
        fail_msg("FPTC_SEED=%" PRIu64 " %s %s", seed, where, state_difference(x, y));
    free(x);
    free(y);
}

/* One random history; a second store is split at `split` (0: an overlay over an empty base). */
static void compare_histories(uint64_t seed, uint64_t split)
{
    struct dice d = {seed};
    struct store whole, parted;
    uint64_t number;

    store_open(&whole);
    store_open(&parted);
    for (number = 1; number <= COMMITS; number++) {
        struct fptc__records r = {.list = NULL};
        char where[80];

        if (number == split + 1)
            store_split(&parted);
        random_commit(&d, number, &r);
        must_apply(&whole, number, &r);
        must_apply(&parted, number, &r);
        snprintf(where, sizeof(where), "split %" PRIu64 " commit %" PRIu64, split, number);
        if (roll(&d, 8) == 0 || number == COMMITS)
            must_be_same(&whole, &parted, where, seed);
        fptc__records_done(&r);
    }
    if (parted.is_overlay)
        check_told(&parted);
    store_close(&whole);
    store_close(&parted);
}

static void test_overlay_is_in_place(void **state)
{
    uint64_t seed = dice_seed();
    struct dice d = {seed};
    int i;

    (void)state;
    for (i = 0; i < rounds(); i++)
        compare_histories(seed + (uint64_t)i, roll(&d, COMMITS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlay_is_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
