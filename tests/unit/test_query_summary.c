/*
 * test_query_summary.c: what is refused before any request, in FPT's words, and how SQLite runs the
 * statements: over an index on the grouped column, without a table of its own.
 */
#include "query_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "query/summary.h"

#define COUNT "[{\"field\":\"id\",\"type\":\"count\"}]"
#define IN_70 "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]]"

static struct fptc__schema *schema;

static struct fptc__summary *build(const char *filters, const char *summaries, const char *grouping,
                                   fptc_error *err)
{
    struct fptc__summary_request request;
    struct fptc__request query;
    struct fptc__summary *s = NULL;

    assert_int_equal(fptc__request_init(&query, "Shot", err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&query, filters, err), FPTC_OK);
    if (fptc__summary_request_init(&request, &query, summaries, grouping, err) == FPTC_OK) {
        (void)fptc__summary_build(schema, &request, HELP_NOW_MS, &s, err);
        fptc__summary_request_done(&request);
    }
    fptc__request_done(&query);
    return s;
}

static void refuse(const char *filters, const char *summaries, const char *grouping,
                   const char *message)
{
    fptc_error err = FPTC_ERROR_INIT;

    assert_null(build(filters, summaries, grouping, &err));
    assert_int_equal(err.status, FPTC_EUSAGE);
    assert_string_equal(err.message, message);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(NULL, "[{\"field\":\"code\",\"type\":\"cuont\"}]", NULL,
           "Request Parameters invalid. summary_fields.0.type \"cuont\": type must be one of: "
           "record_count, count, sum, maximum, minimum, average, earliest, latest, percentage, "
           "status_percentage, status_percentage_as_float, status_list, checked, unchecked");
    refuse(NULL, COUNT,
           "[{\"field\":\"code\",\"type\":\"exact\"},{\"field\":\"code\",\"type\":\"zz\"}]",
           "Request Parameters invalid. grouping.1.type \"zz\": type must be one of: exact, tens, "
           "hundreds, thousands, tensofthousands, hundredsofthousands, millions, day, week, month, "
           "quarter, year, clustered_date, oneday, fivedays, entitytype, firstletter");
    refuse(NULL, "[{\"field\":\"sg_cut_im\",\"type\":\"sum\"}]", NULL,
           "API summarize() Shot.sg_cut_im doesn't exist. Did you mean \"sg_cut_in\"?");
    refuse(NULL, COUNT, "[{\"field\":\"sg_sequence.Sequence.cod\",\"type\":\"exact\"}]",
           "API summarize() Shot.sg_sequence.Sequence.cod doesn't exist. Did you mean \"code\"?");
    refuse(NULL, "[{\"field\":\"a,b\",\"type\":\"sum\"}]", NULL,
           "API summarize() Shot.a,b doesn't exist.");
    /* GT 020 [R] */
    refuse("[[\"flagged\",\"is_not\",null]]", COUNT, NULL,
           "API summarize() Shot.flagged expected [String, FalseClass, TrueClass] data type(s) but "
           "got NilClass: nil");
    refuse(NULL, "[]", NULL, "summary_fields: name at least one {\"field\", \"type\"}");
    refuse(NULL, "[3]", NULL, "summary_fields.0: expected {\"field\", \"type\"}, got Integer: 3");
    refuse(NULL, "[{\"type\":\"sum\"}]", NULL,
           "summary_fields.0.field: expected String, got NilClass: nil");
    refuse(NULL, COUNT, "{}", "grouping must be an array, got Hash");
}

/* What FPT is sent is what was asked. */
static void test_body(void **state)
{
    static const char grouping[] =
        "[{\"field\":\"code\",\"type\":\"firstletter\",\"direction\":\"desc\"}]";
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__summary *s = build(IN_70, COUNT, grouping, &err);
    struct fptc__buf b;

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->plan->is_local, 0);
    fptc__buf_init(&b, 4096);
    fptc__json_print(fptc__plan_rest_filters(s->plan), &b);
    fptc__json_print(s->rest_fields, &b);
    fptc__json_print(s->rest_grouping, &b);
    assert_string_equal(fptc__buf_text(&b),
                        "{\"logical_operator\":\"and\",\"conditions\":[[\"project\",\"is\","
                        "{\"type\":\"Project\",\"id\":70}]]}"
                        "[{\"field\":\"id\",\"type\":\"count\"}]"
                        "[{\"field\":\"code\",\"type\":\"firstletter\",\"direction\":\"desc\"}]");
    fptc__buf_done(&b);
    fptc__summary_free(s);
}

static void call_alive(sqlite3_context *context, int n, sqlite3_value **args)
{
    (void)n;
    sqlite3_result_int(context, sqlite3_value_int64(args[2]) != 2);
}

/* SQLite's plan for the snapshot's half, lines joined by "; ". */
static void explain(sqlite3 *db, const struct fptc__summary *s, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", s->sql[FPTC__HALF_BASE]);

    out[0] = '\0';
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(out + strlen(out), size - strlen(out), "%s%s", out[0] ? "; " : "",
                 (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
}

static void plans_as(sqlite3 *db, const char *filters, const char *summaries, const char *grouping,
                     const char *wanted)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__summary *s = build(filters, summaries, grouping, &err);
    char plan[1000];

    assert_non_null(s);
    assert_int_equal(s->plan->is_local, 1);
    explain(db, s, plan, sizeof(plan));
    assert_string_equal(plan, wanted);
    fptc__summary_free(s);
}

#define BY_STATUS "[{\"field\":\"sg_status_list\",\"type\":\"exact\"}]"

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void test_query_plan(void **state)
{
    sqlite3 *db = help_database();

    (void)state;
    sqlite3_create_function(db, "fptc_alive", 3, SQLITE_UTF8, NULL, call_alive, NULL, NULL);
    run(db, "CREATE VIEW \"Shot@base\" AS SELECT * FROM \"Shot\" WHERE fptc_alive(0, 0, id)");
    run(db, "CREATE INDEX by_status ON \"Shot\"(sg_status_list)");
    plans_as(db, IN_70, COUNT, BY_STATUS, "SCAN Shot USING COVERING INDEX by_status");
    plans_as(db,
             "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}],"
             "[\"sg_status_list\",\"is\",null]]",
             COUNT, NULL, "SEARCH Shot USING COVERING INDEX by_status (sg_status_list=?)");
    run(db, "CREATE INDEX by_cut ON \"Shot\"(sg_status_list, sg_cut_in)");
    plans_as(db, IN_70, "[{\"field\":\"sg_cut_in\",\"type\":\"sum\"}]", BY_STATUS,
             "SCAN Shot USING COVERING INDEX by_cut");
    run(db, "CREATE INDEX by_link ON \"Shot\"(sg_sequence__type, sg_sequence__id)");
    plans_as(db, IN_70, COUNT, "[{\"field\":\"sg_sequence\",\"type\":\"exact\"}]",
             "SCAN Shot USING COVERING INDEX by_link");
    sqlite3_close(db);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_query_plan),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
