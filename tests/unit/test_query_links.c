/*
 * test_query_links.c: linked fields through single and multi_entity links, to any depth, in filters,
 * columns and order. Marks as in test_query_compile.c.
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
#define A(id) "{\"type\":\"Asset\",\"id\":" #id "}"

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

struct row {
    const char *condition; /* of Shot */
    const char *ids;
    const char *mark;
};

static void check_rows(const struct row *rows, size_t n)
{
    char filters[1024];
    size_t i;

    for (i = 0; i < n; i++) {
        struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};

        snprintf(filters, sizeof(filters), "[%s]", rows[i].condition);
        help_check(schema, db, &ask, rows[i].ids);
    }
}

static void test_linked_fields(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_sequence.Sequence.code\",\"is\",\"sh010\"]", "1,4", "R"},
        {"[\"sg_sequence.Sequence.code\",\"in\",[\"sh010\",\"sq11\"]]", "1,2,4", "R"},
        {"[\"sg_sequence.Sequence.code\",\"contains\",\"q\"]", "2", "R"},
        {"[\"sg_sequence.Sequence.code\",\"is\",\"ZZZNOPE\"]", "", "R"},
        {"[\"sg_sequence.Sequence.sg_cut_in\",\"greater_than\",7]", "2", "R"},
        {"[\"entity.Asset.code\",\"is\",\"charB\"]", "4", "R"},
        {"[\"entity.Sequence.code\",\"is\",\"SH010\"]", "2", "R another type"},
        {"[\"entity.Task.content\",\"is\",\"comp\"]", "", "R outside valid_types: nothing"},
        {"[\"project.Project.id\",\"is\",71]", "5", "R"},
        {"[\"project.Project.id\",\"in\",[70,71]]", ALL, "R"},
        {"[\"sg_sequence.Sequence.id\",\"is\",12]", "", "R retired"},
        {"[\"sg_sequence.Sequence.id\",\"less_than\",12]", "1,2,4", "R"},
        {"[\"project.Project.archived\",\"is\",true]", "5", "R"},
        {"[\"sg_sequence.Sequence.project.Project.name\",\"is\",\"other\"]", "2", "R two hops"},
        {"[\"sg_sequence.Sequence.project\",\"is\",{\"type\":\"Project\",\"id\":71}]", "2", "R"},
        {"[\"entity.Asset.parent.Asset.project.Project.name\",\"is\",\"OTHER\"]", "1",
         "three hops"},
        {"[\"entity.Asset.parent.Asset.id\",\"is\",21]", "1", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* A linked row that lives and fits; of a negative operator: none. Shots 1 to 5 link to AB, A, B, none,
   and a retired one. */
static void test_through_multi(void **state)
{
    static const struct row rows[] = {
        {"[\"assets.Asset.code\",\"is\",\"CHARA\"]", "1,2", "R"},
        {"[\"assets.Asset.code\",\"is_not\",\"charA\"]", "3,4,5", "C"},
        {"[\"assets.Asset.code\",\"in\",[\"charA\",\"charB\",\"charDead\"]]", "1,2,3", "R"},
        {"[\"assets.Asset.code\",\"not_in\",[\"charB\",\"x\"]]", "2,4,5", "C"},
        {"[\"assets.Asset.code\",\"contains\",\"b\"]", "1,3", "R"},
        {"[\"assets.Asset.code\",\"not_contains\",\"b\"]", "2,4,5", "C"},
        {"[\"assets.Asset.code\",\"not_contains\",\"\"]", "4,5", "C"},
        {"[\"assets.Asset.code\",\"starts_with\",\"char\"]", "1,2,3", "R"},
        {"[\"assets.Asset.id\",\"is\",21]", "1,3", "R"},
        {"[\"assets.Asset.id\",\"is_not\",21]", "2,4,5", "C"},
        {"[\"assets.Asset.id\",\"is\",22]", "", "R retired"},
        {"[\"assets.Asset.id\",\"less_than\",99]", "1,2,3", "R retired"},
        {"[\"assets.Asset.parent\",\"is\"," A(21) "]", "1,2", "R"},
        {"[\"assets.Asset.parent\",\"is_not\"," A(21) "]", "3,4,5", "C"},
        {"[\"assets.Asset.parent\",\"type_is\",\"Asset\"]", "1,2", "R"},
        {"[\"assets.Asset.parent\",\"name_is\",\"CharB\"]", "1,2", "R"},
        {"[\"assets.Asset.parent\",\"type_is_not\",\"Asset\"]", "3,4,5", "C"},
        {"[\"assets.Asset.parent.Asset.id\",\"is\",21]", "1,2", "R two links"},
        {"[\"assets.Asset.parent.Asset.id\",\"is_not\",21]", "3,4,5", "C"},
        {"[\"assets.Asset.parent.Asset.code\",\"is\",\"charB\"]", "1,2", "R two links"},
        {"[\"assets.Asset.parent.Asset.code\",\"is_not\",\"charB\"]", "3,4,5", "C"},
        {"[\"assets.Asset.project.Project.name\",\"is\",\"other\"]", "1,3", "R"},
        {"[\"sg_sequence.Sequence.assets\",\"is\"," A(20) "]", "1,4", "R"},
        {"[\"sg_sequence.Sequence.assets.Asset.code\",\"is\",\"chara\"]", "1,4", "R single, multi"},
        {"[\"sg_sequence.Sequence.assets.Asset.id\",\"in\",[20,21]]", "1,4", "R"},
        {"[\"assets.Task.content\",\"is\",\"comp\"]", "", "R outside valid_types: nothing"},
        /* two conditions may be met by two links */
        {"[\"assets.Asset.code\",\"is\",\"charA\"],[\"assets.Asset.id\",\"is\",21]", "1", "R"},
        {"[\"assets.Asset.code\",\"is\",null]", "not local: null through a link: assets.Asset.code",
         "choice"},
        {"[\"assets.Asset.code\",\"is_not\",null]",
         "not local: null through a link: assets.Asset.code", "choice"},
        {"[\"sg_sequence.Sequence.assets.Asset.code\",\"is_not\",\"x\"]",
         "not local: a negative operator through an entity field: "
         "sg_sequence.Sequence.assets.Asset.code",
         "choice"},
        {"[\"assets.Task.content\",\"is_not\",\"x\"]",
         "not local: a negative operator through a link to a type that it does not name: "
         "assets.Task.content",
         "choice"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* "parent.Asset." n times, then code */
static void write_path(char *out, size_t size, const char *link, int n)
{
    int i;

    out[0] = '\0';
    for (i = 0; i < n; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s.Asset.", link);
    snprintf(out + strlen(out), size - strlen(out), "code");
}

/* Asset 30 is "even", its parent 31 "odd", whose parent is 30: an odd number of links leads from either
   to the other. */
static void test_depth_of_filters(void **state)
{
    static const char *const links[] = {"parent", "friends"};
    char path[512], filters[2048];
    struct help_ask ask = {"Asset", filters, NULL, NULL, 0, 0};
    size_t k;
    int n;

    (void)state;
    for (k = 0; k < COUNT(links); k++) {
        for (n = 1; n <= FPTC__HOPS_MAX; n++) {
            write_path(path, sizeof(path), links[k], n);
            snprintf(filters, sizeof(filters), "[[\"%s\",\"is\",\"odd\"]]", path);
            help_check(schema, db, &ask, n % 2 ? "30" : "31");
            snprintf(filters, sizeof(filters),
                     "[[\"id\",\"greater_than\",20],{\"filter_operator\":\"any\",\"filters\":["
                     "[\"id\",\"is\",21],[\"%s\",\"is\",\"odd\"],[\"%s\",\"is\",\"even\"]]}]",
                     path, path);
            help_check(schema, db, &ask, "21,30,31");
        }
        write_path(path, sizeof(path), links[k], FPTC__HOPS_MAX + 1);
        snprintf(filters, sizeof(filters), "[[\"%s\",\"is\",\"odd\"]]", path);
        snprintf(path, sizeof(path), "a linked field over too many links: %.120s", filters + 3);
        {
            fptc_error err = FPTC_ERROR_INIT;
            struct fptc__plan *plan = help_plan(schema, &ask, &err);

            assert_non_null(plan);
            assert_int_equal(plan->is_local, 0);
            assert_memory_equal(plan->why_not, path, 80);
            fptc__plan_free(plan);
        }
    }
    /* none of the friends' friends ... */
    write_path(path, sizeof(path), "friends", 9);
    snprintf(filters, sizeof(filters), "[[\"%s\",\"is_not\",\"odd\"]]", path);
    help_check(schema, db, &ask, "20,21,31");
}

static void test_depth_of_columns_and_order(void **state)
{
    char path[512], order[520], first[64];
    struct help_ask ask = {"Asset", "[[\"id\",\"greater_than\",29]]", path, order, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    int n;

    (void)state;
    for (n = 1; n <= FPTC__HOPS_MAX; n++) {
        struct fptc__plan *plan;
        char got[64];

        write_path(path, sizeof(path), "parent", n);
        snprintf(order, sizeof(order), "-%s", path);
        plan = help_plan(schema, &ask, &err);
        assert_non_null(plan);
        assert_int_equal(plan->is_local, 1);
        /* "odd" comes first; its text again as the hidden column */
        snprintf(first, sizeof(first), n % 2 ? "30|3|odd|odd" : "31|4|odd|odd");
        help_first(db, plan, got, sizeof(got));
        assert_string_equal(got, first);
        help_row(db, plan, 30, got, sizeof(got));
        assert_string_equal(got, n % 2 ? "30|3|odd" : "30|3|even");
        help_row(db, plan, 20, got, sizeof(got));
        assert_string_equal(got, n == 1 ? "20|1|charB" : "20|1|~");
        fptc__plan_free(plan);
        snprintf(path + strlen(path) - strlen("code"), 8, "id");
        plan = help_plan(schema, &ask, &err);
        assert_non_null(plan);
        help_row(db, plan, 31, got, sizeof(got));
        assert_string_equal(got, n % 2 ? "31|4|30" : "31|4|31");
        fptc__plan_free(plan);
    }
    write_path(path, sizeof(path), "parent", FPTC__HOPS_MAX + 1);
    order[0] = '\0';
    {
        struct fptc__plan *plan = help_plan(schema, &ask, &err);

        assert_non_null(plan);
        assert_int_equal(plan->n_columns, 0);
        assert_non_null(strstr(plan->warnings, "too many links"));
        fptc__plan_free(plan);
    }
}

/* Needs and followed links of every step. */
static void test_follows(void **state)
{
    struct help_ask ask = {"Shot",
                           "[[\"assets.Asset.parent.Asset.code\",\"is\",\"x\"]]",
                           "sg_sequence.Sequence.code",
                           "sg_sequence.Sequence.project.Project.id",
                           0,
                           0};
    static const char *const expected[] = {"Shot.assets.Asset 1", "Asset.parent.Asset 0",
                                           "Shot.sg_sequence.Sequence 0"};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);
    char got[128] = "";
    size_t i;

    (void)state;
    assert_non_null(plan);
    assert_int_equal(plan->n_follows, COUNT(expected));
    for (i = 0; i < COUNT(expected); i++) {
        snprintf(got, sizeof(got), "%s.%s.%s %d", plan->follows[i].type, plan->follows[i].link,
                 plan->follows[i].target, plan->follows[i].is_list);
        assert_string_equal(got, expected[i]);
    }
    assert_int_equal(plan->n_row_types, 3);
    assert_int_equal(plan->n_needs, 6);
    fptc__plan_free(plan);
}

/* The first line of SQLite's query plan: where it begins. */
static void first_step(sqlite3 *indexed, const char *sql, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);

    assert_int_equal(sqlite3_prepare_v2(indexed, explain, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
    sqlite3_free(explain);
}

/* SQLite begins with the rows behind the link, and finds those that link to them by the link's index. */
static void test_selective_side_drives(void **state)
{
    static const char *const rows[][2] = {
        {"[[\"sg_sequence.Sequence.code\",\"is\",\"x\"]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"sg_sequence.Sequence.project.Project.name\",\"is\",\"x\"]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"sg_sequence.Sequence.assets.Asset.code\",\"is\",\"x\"]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"sg_sequence\",\"is\",{\"type\":\"Sequence\",\"id\":10}]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"sg_sequence.Sequence.id\",\"in\",[10,11]]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"sg_sequence.Sequence.code\",\"is\",\"x\"],[\"code\",\"contains\",\"y\"]]",
         "SEARCH t0 USING INDEX by_sequence (sg_sequence__id=?)"},
        {"[[\"assets\",\"is\"," A(20) "]]", "SEARCH t0 USING INTEGER PRIMARY KEY (rowid=?)"},
        {"[[\"assets.Asset.code\",\"is\",\"x\"]]", "SEARCH t0 USING INTEGER PRIMARY KEY (rowid=?)"},
        {"[[\"code\",\"is\",\"x\"]]", "SCAN t0"},
    };
    sqlite3 *indexed = help_database();
    size_t i;

    (void)state;
    assert_int_equal(sqlite3_exec(indexed, "CREATE INDEX by_sequence ON \"Shot\"(sg_sequence__id)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {"Shot", rows[i][0], NULL, NULL, 10, 0};
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &ask, &err);
        char got[256] = "";

        assert_non_null(plan);
        first_step(indexed, plan->sql, got, sizeof(got));
        if (strcmp(got, rows[i][1]) != 0)
            fail_msg("%s: expected %s, got %s", rows[i][0], rows[i][1], got);
        fptc__plan_free(plan);
    }
    sqlite3_close(indexed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linked_fields),    cmocka_unit_test(test_through_multi),
        cmocka_unit_test(test_depth_of_filters), cmocka_unit_test(test_depth_of_columns_and_order),
        cmocka_unit_test(test_follows),          cmocka_unit_test(test_selective_side_drives),
    };

    return cmocka_run_group_tests_name("query_links", tests, set_up, tear_down);
}
