/*
 * test_query_order.c: order, pages, and the hidden columns by which rows of several partitions are merged.
 * Marks as in test_query_compile.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL "1,2,3,4,5"
#define ALL_BY_CODE "2,4,1,5,3"

static struct fptc__schema *schema;
static sqlite3 *db;

static int set_up(void **state)
{
    (void)state;
    schema = help_schema();
    db = help_database();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__schema_free(schema);
    sqlite3_close(db);
    return 0;
}

static void check_ask(const struct help_ask *ask, const char *ids)
{
    help_check(schema, db, ask, ids);
}

static void test_order(void **state)
{
    static const struct {
        const char *order;
        int64_t limit, page;
        const char *ids;
    } rows[] = {
        {NULL, 0, 0, ALL},            /* R id ascending */
        {"code", 0, 0, "2,4,1,5,3"},  /* R case-blind, tie by id; I null last */
        {"-code", 0, 0, "3,1,5,4,2"}, /* I null first; R tie by id ascending */
        {"sg_cut_in", 0, 0, "4,2,1,5,3"},
        {"-sg_ratio", 0, 0, "3,4,5,1,2"},
        {"created_at", 0, 0, "2,4,5,1,3"},
        {"sg_shot_type,-id", 0, 0, "5,1,2,4,3"},
        {"flagged,-code", 0, 0, "3,4,2,1,5"}, /* the first key dominates */
        {"-id", 0, 0, "5,4,3,2,1"},
        {"id,code", 0, 0, ALL},
        {"sg_sequence.Sequence.code,-id", 0, 0, "4,1,2,5,3"}, /* R dotted; null last */
        {"sg_sequence.Sequence.id,-id", 0, 0, "4,1,2,5,3"},
        {"sg_sequence.Sequence.project.Project.name,id", 0, 0, "1,4,2,3,5"},
        {"nonsense,-id", 0, 0, "5,4,3,2,1"}, /* R silently ignored */
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {"Shot", "[]", NULL, rows[i].order, 0, 0};

        check_ask(&ask, rows[i].ids);
    }
}

/* Of one project; of several, whose rows are merged later, it is all up to the end of the page. */
static void test_paging(void **state)
{
    static const struct {
        const char *order;
        int64_t limit, page;
        const char *ids, *merged;
    } rows[] = {
        {"code", 2, 0, "2,4", "2,4"},
        {"code", 2, 1, "2,4", "2,4"},
        {"code", 2, 2, "1,3", "2,4,1,5"},
        {"code", 3, 2, "3", ALL_BY_CODE},
        {"code", 2, 4, "", ALL_BY_CODE},
        {NULL, 0, 1, "1,2,3,4", ALL},
        {NULL, 0, 2, "", ALL}, /* pages of 500 */
        {NULL, 5000, INT64_MAX, "", ALL},
        {NULL, 1, 0, "1", "1"},
    };
    static const char *const several[] = {
        "[]",
        "[[\"project\",\"in\",[{\"type\":\"Project\",\"id\":70},{\"type\":\"Project\",\"id\":71}]]]",
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {
            "Shot",        "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]]",
            NULL,          rows[i].order,
            rows[i].limit, rows[i].page};

        check_ask(&ask, rows[i].ids);
        for (k = 0; k < COUNT(several); k++) {
            ask.filters = several[k];
            check_ask(&ask, rows[i].merged);
        }
    }
}

/* Hidden columns behind the others: what the rows are sorted by, for a merger. */
static void test_sort_columns(void **state)
{
    static const struct {
        struct help_ask ask;
        const char *sort;  /* a letter for each */
        const char *first; /* its first row */
    } rows[] = {
        {{"Shot", NULL, "flagged,sg_sequence", "-code,sg_cut_in", 0, 0}, "da", "3|103|0|~|~|~|~"},
        {{"Shot", NULL, NULL, "sg_shot_type,-id", 0, 0}, "ad", "5|105|type a|5"},
        {{"Shot", NULL, NULL, "-sg_sequence.Sequence.code", 3, 2}, "d", "3|103|~"},
        {{"Shot", NULL, NULL, "code,id", 0, 0}, "a", "2|102|comp"},
        {{"Shot", NULL, NULL, NULL, 0, 0}, "", "1|101"},
        {{"Shot", "[[\"project.Project.id\",\"is\",71]]", NULL, "code", 0, 0}, "", "5|105"},
        {{"Shot", "[[\"project.Project.id\",\"in\",[71,70]]]", NULL, "-code", 0, 0},
         "d",
         "3|103|~"},
        {{"Project", NULL, NULL, "-name", 0, 0}, "", "71|2"},
        {{"Shot", NULL, NULL, "sg_sequence", 0, 0}, "", "not local"},
    };
    char got[256];
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &rows[i].ask, &err);

        assert_non_null(plan);
        assert_int_equal(plan->n_sort, strlen(rows[i].sort));
        for (k = 0; k < plan->n_sort; k++)
            assert_int_equal(plan->sort[k].is_descending, rows[i].sort[k] == 'd');
        help_first(db, plan, got, sizeof(got));
        assert_string_equal(got, rows[i].first);
        fptc__plan_free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_paging),
        cmocka_unit_test(test_sort_columns),
    };

    return cmocka_run_group_tests_name("query_order", tests, set_up, tear_down);
}
