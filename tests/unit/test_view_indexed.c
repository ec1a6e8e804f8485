/*
 * test_view_indexed.c: the standard questions use their indexes through the views of a type, in the
 * snapshot and in the overlay above it, and sort nothing that an index has in order; and their answers
 * are the same without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_help.h"
#include "view/connection.h"
#include "view/lookup.h"
#include "view/queryplan.h"

#define IN_101 "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"
#define P "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"
#define TYPES                                                                                      \
    "\"types\":{\"code\":\"text\",\"project\":\"entity\",\"entity\":\"entity\","                   \
    "\"created_at\":\"date_time\",\"sg_status_list\":\"status_list\"}"

static const struct question {
    const char *filters, *order;
    int64_t limit;
    const char *uses; /* wish; "" none new */
    /* What the plan must say of the snapshot and of the overlay. */
    const char *home, *delta;
    int sorts; /* sorting is right here: nothing has the rows in order */
} questions[] = {
    {"[" P ",[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":3}]]", "-created_at", 10,
     "entity link,created_at desc",
     "SEARCH home.Version USING INDEX _fptc_i_Version__entity_link__created_at_desc (entity__id=? AND "
     "entity__type=?)",
     "SEARCH home_delta.Version USING INDEX _fptc_i_Version__entity_link__created_at_desc "
     "(entity__id=? AND entity__type=?)",
     0},
    {"[" P ",[\"code\",\"is\",\"NAME 7 \u00c4\"]]", NULL, 0, "code fold",
     "SEARCH home.Version USING INDEX _fptc_i_Version__code_fold (_fptc_fold_code=?)",
     "SEARCH home_delta.Version USING INDEX _fptc_i_Version__code_fold (_fptc_fold_code=?)", 0},
    {"[" P "]", "code", 10, "code fold-asc",
     "SCAN home.Version USING INDEX _fptc_i_Version__code_fold",
     "SCAN home_delta.Version USING INDEX _fptc_i_Version__code_fold", 0},
    {"[" P ",[\"sg_status_list\",\"in\",[\"fin8\",\"ip7\"]]]", NULL, 0, "sg_status_list fold",
     "SEARCH home.Version USING INDEX _fptc_i_Version__sg_status_list_fold",
     "SEARCH home_delta.Version USING INDEX _fptc_i_Version__sg_status_list_fold", 1},
    {"[" P ",[\"created_at\",\"between\",\"2026-01-27T00:00:00Z\",\"2026-01-28T00:00:00Z\"]]", NULL,
     0, "created_at range",
     "SEARCH home.Version USING INDEX _fptc_i_Version__created_at_range (created_at>? AND created_at<?)",
     "SEARCH home_delta.Version USING INDEX _fptc_i_Version__created_at_range (created_at>? AND created_at<?)",
     1},
};
#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static void put(uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v = NULL;
    fptc_error err = FPTC_ERROR_INIT;

    assert_int_equal(fptc__partition_make(&help_p, &err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &err), FPTC_OK);
    assert_int_equal(fptc__view_open(help_dir, help_p.name, NULL, &v, &err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &err),
                     FPTC_OK);
    fptc__view_close(v);
    fptc__records_done(&records);
}

/* Versions from..to; a third of the texts has letters that only Unicode folds, some have none. */
static void put_versions(int from, int to, int shift, const char *code)
{
    struct fptc__buf b;
    int i;

    fptc__buf_init(&b, 1u << 26);
    fptc__buf_addf(&b, "{\"type\":\"Version\",\"seen\":999999," TYPES ",\"rows\":[");
    for (i = from; i <= to; i++) {
        fptc__buf_addf(&b, "%s{\"id\":%d," IN_101, i > from ? "," : "", i);
        if (i % 10 == 9)
            fptc__buf_adds(&b, ",\"code\":null");
        else
            fptc__buf_addf(&b, ",\"code\":\"%s %d%s\"", code, i % 50, i % 3 ? " \u00c4" : "");
        fptc__buf_addf(&b, ",\"entity\":{\"type\":\"Shot\",\"id\":%d}", i % 7);
        if ((i + shift) % 40 == 3)
            fptc__buf_adds(&b, ",\"created_at\":null");
        else
            fptc__buf_addf(&b, ",\"created_at\":\"2026-01-%02dT00:00:00Z\"", (i + shift) % 28 + 1);
        fptc__buf_addf(&b, ",\"sg_status_list\":\"%s%d\"}", i % 2 ? "IP" : "fin", i % 50);
    }
    fptc__buf_adds(&b, "]}");
    put(FPTC__ROWS, fptc__buf_text(&b));
    fptc__buf_done(&b);
}

static void compact(void)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    assert_int_equal(fptc__compact(&help_p, &call, &logger, &stats, &help_err), FPTC_OK);
}

static struct fptc__schema *schema_of_site(void)
{
    struct fptc__schema *schema = fptc__schema_new();
    fptc__json *fields = NULL;
    const char *text =
        "{\"code\":{\"data_type\":\"text\"},\"created_at\":{\"data_type\":\"date_time\"},"
        "\"sg_status_list\":{\"data_type\":\"status_list\"},"
        "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]},"
        "\"entity\":{\"data_type\":\"entity\",\"valid_types\":[\"Shot\"]}}";

    assert_int_equal(fptc__json_parse(text, strlen(text), "schema", &fields, NULL), FPTC_OK);
    assert_int_equal(fptc__schema_add(schema, "Version", fields, NULL), FPTC_OK);
    fptc__json_free(fields);
    return schema;
}

static struct fptc__plan *plan_of(const struct fptc__schema *schema, const struct question *q)
{
    struct fptc__request request;
    struct fptc__plan *plan = NULL;

    assert_int_equal(fptc__request_init(&request, "Version", &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&request, q->filters, &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_fields(&request, "code,created_at", &help_err), FPTC_OK);
    if (q->order != NULL)
        assert_int_equal(fptc__request_set_order(&request, q->order, &help_err), FPTC_OK);
    request.limit = q->limit;
    assert_int_equal(fptc__plan_build(schema, NULL, &request, 0, &plan, &help_err), FPTC_OK);
    fptc__request_done(&request);
    return plan;
}

static struct fptc__view *open_view(void)
{
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, help_p.name, NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    return v;
}

/* "3,10,17": the answer's rows, in order. */
static char *answer(struct fptc__view *v, const struct fptc__plan *plan)
{
    struct fptc__rows rows;
    struct fptc__buf b;
    size_t i;
    char *text;

    memset(&rows, 0, sizeof(rows));
    fptc__buf_init(&b, 1u << 20);
    fptc__view_begin(v);
    if (fptc__view_find(v, plan, &rows, &help_err) != FPTC_OK)
        fail_msg("%s: %s", plan->sql, help_err.message);
    fptc__view_end(v);
    for (i = 0; i < rows.n; i++)
        fptc__buf_addf(&b, "%lld,", (long long)rows.list[i].id);
    text = strdup(fptc__buf_text(&b));
    fptc__rows_done(&rows);
    fptc__buf_done(&b);
    return text;
}

/* What SQLite says of its way through the plan, a line each. */
static char *explain(struct fptc__view *v, const struct fptc__plan *plan)
{
    struct fptc__buf sql, out;
    sqlite3_stmt *stmt = NULL;
    char *text;

    fptc__buf_init(&sql, 1u << 20);
    fptc__buf_init(&out, 1u << 20);
    fptc__buf_addf(&sql, "EXPLAIN QUERY PLAN %s", plan->sql);
    fptc__view_begin(v);
    assert_int_equal(fptc__view_prepare(v, fptc__buf_text(&sql), &stmt, &help_err), FPTC_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        fptc__buf_addf(&out, "%s\n", (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_reset(stmt);
    fptc__view_end(v);
    text = strdup(fptc__buf_text(&out));
    fptc__buf_done(&sql);
    fptc__buf_done(&out);
    return text;
}

static void must_say(const char *plan, const struct question *q, const char *line)
{
    if (strstr(plan, line) == NULL)
        fail_msg("%s: \"%s\" is not in\n%s", q->filters, line, plan);
}

static void look(struct fptc__view *v, const struct fptc__schema *schema, const struct question *q,
                 int has_overlay, char **out)
{
    struct fptc__plan *plan = plan_of(schema, q);
    char *says;

    *out = answer(v, plan); /* this makes the views, too */
    says = explain(v, plan);
    must_say(says, q, q->home);
    if (has_overlay)
        must_say(says, q, q->delta);
    if (strstr(says, "CO-ROUTINE") != NULL || (!q->sorts && strstr(says, "TEMP B-TREE") != NULL))
        fail_msg("%s sorts the whole type:\n%s", q->filters, says);
    free(says);
    fptc__plan_free(plan);
}

static void wish_for_all(void)
{
    char body[400];
    size_t i;

    for (i = 0; i < N_QUESTIONS; i++) {
        snprintf(
            body, sizeof(body),
            "{\"batch\":\"%zu\",\"wishes\":[{\"type\":\"Version\",\"wish\":\"%s\",\"uses\":50}]}",
            i, questions[i].uses);
        put(FPTC__USAGE, body);
    }
}

/* Guesses of ANALYZE differ from index to index; SQLite must compare indexes by one number of rows. */
static void check_row_counts(struct fptc__view *v)
{
    sqlite3_stmt *stmt = NULL;

    fptc__view_begin(v);
    assert_int_equal(fptc__view_prepare(v,
                                        "SELECT count(*), count(DISTINCT CAST(stat AS INTEGER)) "
                                        "FROM home.sqlite_stat1 WHERE tbl = 'Version'",
                                        &stmt, &help_err),
                     FPTC_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_true(sqlite3_column_int(stmt, 0) > 3);
    assert_int_equal(sqlite3_column_int(stmt, 1), 1);
    sqlite3_reset(stmt);
    fptc__view_end(v);
}

static void test_standard_questions(void **state)
{
    struct fptc__schema *schema = schema_of_site();
    char *without[N_QUESTIONS], *above[N_QUESTIONS], *again;
    struct fptc__plan *plan;
    struct fptc__view *v;
    size_t i;

    (void)state;
    put_versions(1, 2000, 0, "Name");
    compact();
    v = open_view();
    for (i = 0; i < N_QUESTIONS; i++) {
        plan = plan_of(schema, &questions[i]);
        without[i] = answer(v, plan);
        assert_true(strlen(without[i]) > 20);
        fptc__plan_free(plan);
    }
    fptc__view_close(v);
    wish_for_all();
    compact();
    v = open_view();
    check_row_counts(v);
    for (i = 0; i < N_QUESTIONS; i++) {
        look(v, schema, &questions[i], 0, &again);
        assert_string_equal(again, without[i]);
        free(again);
    }
    put_versions(1990, 2050, 1, "nAmE"); /* ends of the order, in the overlay */
    put_versions(1, 60, 2, "A");
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    for (i = 0; i < N_QUESTIONS; i++) {
        look(v, schema, &questions[i], 1, &above[i]);
        assert_string_not_equal(above[i], without[i]);
    }
    fptc__view_close(v);
    compact();
    v = open_view();
    for (i = 0; i < N_QUESTIONS; i++) {
        look(v, schema, &questions[i], 0, &again);
        assert_string_equal(again, above[i]);
        free(again);
        free(above[i]);
        free(without[i]);
    }
    fptc__view_close(v);
    fptc__schema_free(schema);
}

/* A question that reads every row, asked by a caller who has given up. */
static void test_explaining_stops(void **state)
{
    const struct question q = {.filters = "[" P ",[\"code\",\"contains\",\"name\"]]"};
    struct fptc__schema *schema = schema_of_site();
    struct fptc__plan *plan = plan_of(schema, &q);
    atomic_int cancelled = 0;
    const struct fptc__call call = {.cancelled = &cancelled};
    struct fptc__queryplan told;
    struct fptc__view *v;

    (void)state;
    put_versions(1, 2000, 0, "Name");
    v = open_view();
    fptc__view_begin(v);
    assert_int_equal(fptc__view_explain(v, plan, &call, &told, &help_err), FPTC_OK);
    assert_int_equal(told.rows, 1800); /* a tenth has no code */
    assert_in_range(told.steps, 20000, 2000000);
    fptc__queryplan_done(&told);
    cancelled = 1;
    assert_int_equal(fptc__view_explain(v, plan, &call, &told, &help_err), FPTC_ECANCELLED);
    assert_in_range(told.rows, 0, 1799);
    fptc__queryplan_done(&told);
    fptc__view_end(v);
    fptc__view_close(v);
    fptc__plan_free(plan);
    fptc__schema_free(schema);
}

static void test_status(void **state)
{
    fptc__json *list = NULL;
    struct fptc__view *v;
    struct fptc__buf b;

    (void)state;
    put_versions(1, 20, 0, "Name");
    v = open_view();
    fptc__view_begin(v);
    assert_int_equal(fptc__view_indexes(v, FPTC__HOME, &list, &help_err), FPTC_OK);
    fptc__view_end(v);
    assert_int_equal(fptc__json_size(list), 0);
    fptc__json_free(list);
    fptc__view_close(v);
    put(FPTC__USAGE, "{\"batch\":\"1\",\"wishes\":[{\"type\":\"Version\",\"wish\":\"code scan\","
                     "\"uses\":50}]}");
    compact();
    v = open_view();
    fptc__view_begin(v);
    assert_int_equal(fptc__view_indexes(v, FPTC__HOME, &list, &help_err), FPTC_OK);
    fptc__view_end(v);
    fptc__buf_init(&b, 4096);
    fptc__json_print(list, &b);
    assert_string_equal(fptc__buf_text(&b),
                        "[{\"type\":\"Version\",\"by\":\"code scan\",\"name\":"
                        "\"_fptc_i_Version__code_scan\",\"uses\":50,\"bytes\":8192},"
                        "{\"type\":\"Version\",\"by\":\"entity link\",\"name\":"
                        "\"_fptc_i_Version__entity_link\",\"uses\":0,\"bytes\":8192}]");
    fptc__buf_done(&b);
    fptc__json_free(list);
    fptc__view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_standard_questions, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_explaining_stops, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_status, help_set_up, help_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
