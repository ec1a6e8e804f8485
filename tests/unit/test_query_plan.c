/*
 * test_query_plan.c: what a plan says beside its SQL: needs, types, project, flags, columns, warnings,
 * sort.
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
#define AND "{\"logical_operator\":\"and\",\"conditions\":["
#define OR "{\"logical_operator\":\"or\",\"conditions\":["

static struct fptc__schema *schema;

static int set_up(void **state)
{
    (void)state;
    schema = help_schema();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__schema_free(schema);
    return 0;
}

static struct fptc__plan *plan_of(const char *filters, const char *fields, const char *order)
{
    struct help_ask ask = {"Shot", filters, fields, order, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);

    if (!plan)
        fail_msg("%s: %s", filters ? filters : "", err.message);
    return plan;
}

#define X "[\"code\",\"is\",\"x\"]"

static void test_sort_for_fpt(void **state)
{
    static const char *const rows[][2] = {
        {NULL, "id"},
        {"id", "id"},
        {"-id", "-id"},
        {"code,-sg_cut_in", "code,-sg_cut_in"},
        {"code,id,sg_cut_in", "code"},
        {"code,code,-code", "code"},
        {"nope,code", "code"},
        {"sg_sequence.Sequence.code", "sg_sequence.Sequence.code"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(NULL, NULL, rows[i][0]);

        assert_string_equal(plan->rest_sort, rows[i][1]);
        fptc__plan_free(plan);
    }
}

/* What FPT drops silently (A§1.5, A§1.6) is dropped with a warning. */
static void test_warnings(void **state)
{
    static const struct {
        const char *fields, *order;
        size_t n_columns;
        const char *warning; /* "" for none */
    } rows[] = {
        {"code", "code", 1, ""},
        {"code,cod", NULL, 1, "Shot.cod doesn't exist: left out. Did you mean \"code\"?\n"},
        {"x\";--,code", NULL, 1, "Shot.x\";-- doesn't exist"},
        {"assets.Asset.code,code", NULL, 1, "multi_entity"},
        {"sg_sequence.Asset.code", NULL, 0, "valid types"},
        {"sg_sequence.NotLoaded.code", NULL, 0, "no such path"},
        {"anything.Asset.code", NULL, 1, ""},
        {"sg_sequence.Sequence.nope", NULL, 0, "doesn't exist"},
        {"sg_status_list.Status.name", NULL, 0, "doesn't exist"}, /* R probe 009 */
        {"sg_sequence.Sequence.sg_movie", NULL, 0, "url"},
        {"sg_sequence.Sequence.image", NULL, 1, ""},
        {"sg_sequence", NULL, 1, ""},
        {NULL, "nope", 0, "order by Shot.nope"},
        {NULL, "cod", 0, "Did you mean \"code\"?"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(NULL, rows[i].fields, rows[i].order);

        assert_int_equal(plan->n_columns, rows[i].n_columns);
        assert_int_equal(plan->is_local, 1);
        if (rows[i].warning[0] ? !strstr(plan->warnings, rows[i].warning) : plan->warnings[0])
            fail_msg("%s: expected '%s', got '%s'", rows[i].fields ? rows[i].fields : "",
                     rows[i].warning, plan->warnings);
        fptc__plan_free(plan);
    }
}

static void join(char *out, size_t size, char **list, size_t n)
{
    size_t i;

    out[0] = '\0';
    for (i = 0; i < n; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "," : "", list[i]);
}

static void test_needs(void **state)
{
    static const struct {
        const char *filters, *fields, *order;
        const char *needs, *row_types, *link_types;
    } rows[] = {
        {NULL, NULL, NULL, "", "Shot", ""},
        {"[[\"id\",\"is\",1]]", NULL, NULL, "", "Shot", ""},
        {"[[\"code\",\"is\",\"x\"]]", "sg_cut_in,code", "-flagged",
         "Shot.code,Shot.flagged,Shot.sg_cut_in", "Shot", ""},
        {"[[\"sg_sequence.Sequence.code\",\"is\",\"x\"]]", NULL, NULL,
         "Shot.sg_sequence,Sequence.code", "Shot,Sequence", ""},
        {"[[\"project.Project.id\",\"is\",70]]", NULL, NULL, "Shot.project", "Shot", ""},
        {NULL, "entity,assets,sg_sequence.Sequence.project", NULL,
         "Shot.entity,Shot.assets,Shot.sg_sequence,Sequence.project", "Shot,Sequence",
         "Asset,Sequence,Project"},
        {NULL, "anything", NULL, "Shot.anything", "Shot", ""},
        {NULL, NULL, "sg_sequence.Sequence.code", "Shot.sg_sequence,Sequence.code", "Shot,Sequence",
         ""},
        {"[[\"entity\",\"name_is\",\"x\"]]", NULL, NULL, "Shot.entity", "Shot,Asset,Sequence", ""},
        {NULL, "image,open_notes_count,viewed_by_current_user,sg_settings", NULL,
         "Shot.sg_settings", "Shot", ""},
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(rows[i].filters, rows[i].fields, rows[i].order);
        char got[256] = "";

        for (j = 0; j < plan->n_needs; j++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s.%s", j ? "," : "",
                     plan->needs[j].type, plan->needs[j].field);
        assert_string_equal(got, rows[i].needs);
        join(got, sizeof(got), plan->row_types, plan->n_row_types);
        assert_string_equal(got, rows[i].row_types);
        join(got, sizeof(got), plan->link_types, plan->n_link_types);
        assert_string_equal(got, rows[i].link_types);
        fptc__plan_free(plan);
    }
}

#define ASSET(id) "{\"type\":\"Asset\",\"id\":" #id "}"
#define P70 "[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]"

static void test_project_and_flags(void **state)
{
    static const struct {
        struct help_ask ask;
        int64_t project_id;
        int is_unfiltered, is_clock_relative;
    } rows[] = {
        {{"Shot", NULL, NULL, NULL, 0, 0}, 0, 1, 0},
        {{"Shot", "[" P70 "]", NULL, NULL, 0, 0}, 70, 1, 0},
        {{"Shot", AND P70 "," P70 "]}", NULL, "code", 0, 0}, 70, 0, 0},
        {{"Shot", "[" P70 "]", NULL, NULL, 10, 0}, 70, 0, 0},
        {{"Shot", "[" P70 "]", NULL, NULL, 0, 2}, 70, 0, 0},
        {{"Shot", "[[\"code\",\"is\",\"x\"]," AND P70 "," X "]}]", NULL, NULL, 0, 0}, 70, 0, 0},
        {{"Shot", OR P70 "," X "]}", NULL, NULL, 0, 0}, 0, 0, 0},
        {{"Shot", "[[\"project\",\"is_not\",{\"type\":\"Project\",\"id\":70}]]", NULL, NULL, 0, 0},
         0,
         0,
         0},
        {{"Shot", "[[\"project\",\"in\",[{\"type\":\"Project\",\"id\":70}]]]", NULL, NULL, 0, 0},
         70,
         1,
         0},
        {{"Shot",
          "[[\"project\",\"in\",[{\"type\":\"Project\",\"id\":70},{\"type\":\"Project\","
          "\"id\":71}]]]",
          NULL, NULL, 0, 0},
         0,
         0,
         0},
        {{"Shot", "[[\"project\",\"in\",[{\"type\":\"Project\",\"id\":70},null]]]", NULL, NULL, 0,
          0},
         0,
         0,
         0},
        {{"Shot", "[[\"project\",\"is\",{\"type\":\"Shot\",\"id\":70}]]", NULL, NULL, 0, 0},
         0,
         0,
         0},
        {{"Shot", "[[\"project\",\"is\",null]]", NULL, NULL, 0, 0}, 0, 0, 0},
        {{"Shot", "[[\"project.Project.id\",\"is\",70]]", NULL, NULL, 0, 0}, 70, 1, 0},
        {{"Shot", "[[\"project.Project.id\",\"greater_than\",70]]", NULL, NULL, 0, 0}, 0, 0, 0},
        {{"Shot", "[[\"created_at\",\"in_last\",[1,\"DAY\"]]," P70 "]", NULL, NULL, 0, 0},
         70,
         0,
         1},
        {{"Shot", "[[\"created_at\",\"not_in_next\",[1,\"DAY\"]]]", NULL, NULL, 0, 0}, 0, 0, 1},
        {{"Shot", "[[\"created_at\",\"in_calendar_week\",0]]", NULL, NULL, 0, 0}, 0, 0, 1},
        {{"Shot", "[[\"created_at\",\"less_than\",\"2026-01-01\"]]", NULL, NULL, 0, 0}, 0, 0, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &rows[i].ask, &err);

        assert_non_null(plan);
        assert_int_equal(plan->is_project_type, 1);
        if (plan->project_id != rows[i].project_id ||
            plan->is_unfiltered != rows[i].is_unfiltered ||
            plan->is_clock_relative != rows[i].is_clock_relative)
            fail_msg("%s: project %lld, unfiltered %d, clock %d",
                     rows[i].ask.filters ? rows[i].ask.filters : "", (long long)plan->project_id,
                     plan->is_unfiltered, plan->is_clock_relative);
        fptc__plan_free(plan);
    }
}

#define PROJECT(id) "{\"type\":\"Project\",\"id\":" #id "}"
#define IN(list) "[\"project\",\"in\",[" list "]]"

/* The projects whose rows can fit: "?" stands for any. */
static void test_projects(void **state)
{
    static const char *const rows[][2] = {
        {"[]", "?"},
        {"[" P70 "]", "70"},
        {"[" IN(PROJECT(71) "," PROJECT(70) "," PROJECT(71)) "]", "70,71"},
        {"[" X "," IN(PROJECT(71) "," PROJECT(70)) "," X "]", "70,71"},
        {"[" IN(PROJECT(1) "," PROJECT(2) "," PROJECT(3)) "," IN(PROJECT(71) "," PROJECT(70)) "]",
         "70,71"},
        {"[" IN(PROJECT(71) "," PROJECT(70)) "," P70 "]", "70"},
        {OR IN(PROJECT(71) "," PROJECT(70)) "," X "]}", "?"},
        {"[" X "," OR IN(PROJECT(71) "," PROJECT(70)) "," X "]}]", "?"},
        {"[" IN(PROJECT(71) ",null") "]", "?"},
        {"[" IN(PROJECT(71) ",{\"type\":\"Shot\",\"id\":5}") "]", "?"},
        {"[" IN(PROJECT(-1) "," PROJECT(71)) "]", "71"},
        {"[" IN(PROJECT(-1)) "]", "?"},
        {"[[\"project\",\"not_in\",[" PROJECT(70) "]]]", "?"},
        {"[[\"project.Project.id\",\"in\",[9,8,9]]]", "8,9"},
        {"[[\"project.Project.id\",\"between\",[8,9]]]", "?"},
        {"[[\"sg_sequence.Sequence.project\",\"is\"," PROJECT(70) "]]", "?"},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(rows[i][0], NULL, NULL);
        char got[64] = "?";

        for (k = 0; k < plan->n_project_ids; k++)
            snprintf(got + (k ? strlen(got) : 0), 32, "%s%lld", k ? "," : "",
                     (long long)plan->project_ids[k]);
        if (strcmp(got, rows[i][1]) != 0)
            fail_msg("%s: expected %s, got %s", rows[i][0], rows[i][1], got);
        assert_int_equal(plan->project_id, plan->n_project_ids == 1 ? plan->project_ids[0] : 0);
        fptc__plan_free(plan);
    }
}

static void test_columns(void **state)
{
    struct fptc__plan *plan = plan_of(
        NULL, "code,sg_ratio,sg_sequence.Sequence.assets,open_notes_count,image,flagged", NULL);
    const struct fptc__column *c = plan->columns;

    (void)state;
    assert_int_equal(plan->n_columns, 6);
    assert_string_equal(c[0].name, "code");
    assert_int_equal(c[0].class_of, FPTC__TEXT);
    assert_null(c[0].links_sql);
    assert_int_equal(c[1].is_float, 1);
    assert_string_equal(c[2].name, "sg_sequence.Sequence.assets");
    assert_string_equal(c[2].type, "Sequence");
    assert_string_equal(c[2].field, "assets");
    assert_string_equal(
        c[2].links_sql,
        "SELECT link_type, link_id FROM \"Sequence__assets\" WHERE id = ?1 ORDER BY pos");
    assert_int_equal(c[3].is_computed, 1);
    assert_int_equal(c[4].class_of, FPTC__NEVER);
    assert_int_equal(c[5].class_of, FPTC__BOOL);
    assert_int_equal(plan->has_never, 1);
    assert_int_equal(plan->has_computed, 1);
    assert_int_equal(plan->is_local, 1);
    fptc__plan_free(plan);
    fptc__plan_free(NULL);
}

/* Rows of the trash are FPT's; those of archived projects can be told where Project is covered. */
static void test_scope(void **state)
{
    static const struct {
        struct help_ask ask;
        struct help_scope scope;
        const char *ids, *needs, *end; /* of the canonical text */
    } rows[] = {
        {{"Shot", NULL, NULL, NULL, 0, 0}, {0, 0}, "1,2,3,4,5", "", "\"page\":0}"},
        {{"Shot", NULL, NULL, NULL, 0, 0},
         {0, 1},
         "1,2,3,4",
         "Shot.project,Project.archived",
         "\"page\":0,\"include_archived_projects\":false}"},
        {{"Shot", "[[\"id\",\"in\",[4,5]]]", NULL, "-id", 3, 0},
         {0, 1},
         "4",
         "Shot.project,Project.archived",
         "\"page\":0,\"include_archived_projects\":false}"},
        {{"Shot", "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":71}]]", NULL, NULL, 0, 0},
         {0, 1},
         "",
         "Shot.project,Project.archived",
         "\"page\":0,\"include_archived_projects\":false}"},
        {{"Shot", NULL, NULL, NULL, 0, 0},
         {1, 0},
         "not local: retired rows",
         "",
         "\"page\":0,\"retired_only\":true}"},
        {{"Shot", NULL, NULL, NULL, 0, 0},
         {1, 1},
         "not local: retired rows",
         "Shot.project,Project.archived",
         "\"page\":0,\"retired_only\":true,\"include_archived_projects\":false}"},
        {{"Project", NULL, NULL, NULL, 0, 0},
         {0, 1},
         "not local: archived projects of a type without a project",
         "",
         "\"page\":0,\"include_archived_projects\":false}"},
    };
    sqlite3 *db = help_database();
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan_with(schema, NULL, &rows[i].ask, &rows[i].scope, &err);
        char got[128] = "";
        const char *canonical;

        assert_non_null(plan);
        help_run(db, plan, got, sizeof(got));
        assert_string_equal(got, rows[i].ids);
        assert_int_equal(plan->is_retired_only, rows[i].scope.is_retired_only);
        assert_int_equal(plan->without_archived, rows[i].scope.without_archived);
        if (rows[i].scope.is_retired_only || rows[i].scope.without_archived)
            assert_int_equal(plan->is_unfiltered, 0);
        for (got[0] = '\0', k = 0; k < plan->n_needs; k++)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s.%s", k ? "," : "",
                     plan->needs[k].type, plan->needs[k].field);
        assert_string_equal(got, rows[i].needs);
        canonical = fptc__plan_canonical(plan);
        assert_string_equal(canonical + strlen(canonical) - strlen(rows[i].end), rows[i].end);
        fptc__plan_free(plan);
    }
    sqlite3_close(db);
}

/* The links by which whoever runs a plan may find that all of them are dead. */
static void test_named_links(void **state)
{
    static const char *const rows[][2] = {
        {"[[\"assets\",\"in\",[" ASSET(9) "," ASSET(8) "," ASSET(9) "]]]", "8 9 ;"},
        {"[[\"assets\",\"not_in\",[" ASSET(9) "]],[\"assets\",\"in\"," ASSET(7) "]]", "7 ;9 ;"},
        {"[[\"sg_sequence.Sequence.assets\",\"in\",[" ASSET(9) "]]]", "9 ;"},
        {"[[\"assets\",\"is\"," ASSET(9) "],[\"entity\",\"in\",[" ASSET(9) "]]]", ""},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(rows[i][0], NULL, NULL);
        const struct fptc__named *named;
        char got[64] = "";

        for (named = plan->named; named; named = named->next) {
            for (k = 0; k < named->n_links; k++)
                snprintf(got + strlen(got), 16, "%lld ", (long long)named->links[k].id);
            snprintf(got + strlen(got), 16, ";");
        }
        assert_string_equal(got, rows[i][1]);
        fptc__plan_free(plan);
    }
}

static void test_site_type(void **state)
{
    struct help_ask ask = {"Project", "[[\"id\",\"is\",70]]", "name", NULL, 0, 1};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);

    (void)state;
    assert_non_null(plan);
    assert_int_equal(plan->is_project_type, 0);
    assert_int_equal(plan->project_id, 0);
    assert_int_equal(plan->limit, 500);
    assert_int_equal(plan->page, 0);
    fptc__plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort_for_fpt), cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_needs),        cmocka_unit_test(test_project_and_flags),
        cmocka_unit_test(test_projects),     cmocka_unit_test(test_columns),
        cmocka_unit_test(test_site_type),    cmocka_unit_test(test_scope),
        cmocka_unit_test(test_named_links),
    };

    return cmocka_run_group_tests_name("query_plan", tests, set_up, tear_down);
}
