/* test_view_merge.c: rows of several partitions in the order of their keys, and the page of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "view/merge.h"

static void add(struct fptc__rows *rows, int64_t id, struct fptc__cell key)
{
    struct fptc__row *row = fptc__rows_add(rows, id);

    assert_non_null(row);
    row->keys = fptc__rows_cells(rows, 1);
    assert_non_null(row->keys);
    row->keys[0] = key;
}

static const struct fptc__cell null_key = {.kind = FPTC_KIND_NULL};
static const struct fptc__cell one = {.kind = FPTC_KIND_INT, .i = 1, .d = 1};
static const struct fptc__cell half = {.kind = FPTC_KIND_FLOAT, .d = 0.5};
static const struct fptc__cell two = {.kind = FPTC_KIND_INT, .i = 2, .d = 2};
static const struct fptc__cell upper = {.kind = FPTC_KIND_TEXT, .text = "B"};
static const struct fptc__cell lower = {.kind = FPTC_KIND_TEXT, .text = "a"};

/* In the order that they are added; `wanted` is the answer. */
static void check(int is_descending, int64_t limit, int64_t page, const int64_t *wanted, size_t n)
{
    struct fptc__sort sort = {is_descending};
    struct fptc__plan plan = {.sort = &sort, .n_sort = 1, .limit = limit, .page = page};
    struct fptc__rows rows;
    size_t i;

    assert_int_equal(fptc__rows_init(&rows, "Shot", NULL, 0, NULL), FPTC_OK);
    add(&rows, 8, two);
    add(&rows, 3, upper);
    add(&rows, 9, null_key);
    add(&rows, 4, null_key);
    add(&rows, 7, one);
    add(&rows, 2, two);
    add(&rows, 6, half);
    add(&rows, 5, lower);
    assert_int_equal(fptc__rows_merge(&rows, &plan, NULL), FPTC_OK);
    assert_int_equal(rows.n, n);
    for (i = 0; i < n; i++)
        assert_int_equal(rows.list[i].id, wanted[i]);
    fptc__rows_done(&rows);
}

static void test_order(void **state)
{
    static const int64_t up[] = {6, 7, 2, 8, 3, 5, 4, 9}, down[] = {4, 9, 5, 3, 2, 8, 7, 6};

    (void)state;
    check(0, 0, 0, up, 8);
    check(1, 0, 0, down, 8);
}

static void test_pages(void **state)
{
    static const int64_t up[] = {6, 7, 2, 8, 3, 5, 4, 9};

    (void)state;
    check(0, 3, 0, up, 3);
    check(0, 3, 1, up, 3);
    check(0, 3, 2, up + 3, 3);
    check(0, 3, 3, up + 6, 2);
    check(0, 3, 4, NULL, 0);
    check(0, 8, 1, up, 8);
    check(0, INT64_MAX, INT64_MAX, NULL, 0);
}

static void test_twice(void **state)
{
    struct fptc__plan plan = {.n_sort = 0};
    struct fptc__rows rows;

    (void)state;
    assert_int_equal(fptc__rows_init(&rows, "Shot", NULL, 0, NULL), FPTC_OK);
    add(&rows, 8, one);
    add(&rows, 2, one);
    assert_int_equal(fptc__rows_merge(&rows, &plan, NULL), FPTC_OK);
    assert_int_equal(rows.list[0].id, 2);
    add(&rows, 8, two);
    assert_int_equal(fptc__rows_merge(&rows, &plan, NULL), FPTC_MISS);
    fptc__rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
