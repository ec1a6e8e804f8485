/*
 * test_view_aggregate.c: every summary type and group on rows with values, nulls and none, with the
 * expected answer as a literal; the same rows three ways: as commits, as a snapshot, and as a snapshot
 * whose rows an overlay replaces, deletes and adds to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_help.h"
#include "view/aggregate.h"

#define IN_101 "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"
#define TYPES                                                                                      \
    "\"types\":{\"code\":\"text\",\"sg_status_list\":\"status_list\",\"sg_kind\":\"list\","        \
    "\"sg_cut\":\"number\",\"sg_bid\":\"duration\",\"sg_tc\":\"timecode\",\"due\":\"date\","       \
    "\"flagged\":\"checkbox\",\"sg_sequence\":\"entity\",\"step\":\"entity\",\"sg_ratio\":"        \
    "\"float\",\"sg_done\":\"percent\",\"project\":\"entity\"}"
#define SEQUENCE(id, name)                                                                         \
    "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":" id ",\"name\":\"" name "\"}"
/* What the three ways end with: 5 rows in the project. Sequence 7 is gone, 5 and 6 are called alike. */
#define ROW_1                                                                                            \
    "{\"id\":1,\"code\":\"b\",\"sg_status_list\":\"ip\",\"sg_kind\":\"A\",\"sg_cut\":10,"                \
    "\"sg_bid\":60,\"sg_tc\":1000,\"due\":\"2026-03-04\",\"flagged\":true,"                              \
    "\"step\":{\"type\":\"Step\",\"id\":1,\"name\":\"Comp\"},\"sg_ratio\":1.5,\"sg_done\":50," SEQUENCE( \
        "5", "sq") "," IN_101 "}"
#define ROW_2                                                                                      \
    "{\"id\":2,\"code\":\"A\",\"sg_status_list\":\"wtg\",\"sg_kind\":\"B\",\"sg_cut\":-4,"         \
    "\"sg_bid\":0,\"sg_tc\":-1,\"due\":\"2026-01-31\",\"flagged\":false,\"step\":null,"            \
    "\"sg_ratio\":null,\"sg_done\":0," SEQUENCE("6", "sq") "," IN_101 "}"
#define ROW_3                                                                                      \
    "{\"id\":3,\"code\":\"\",\"sg_status_list\":null,\"sg_kind\":null,\"sg_cut\":null,"            \
    "\"sg_bid\":null,\"sg_tc\":null,\"due\":null,\"flagged\":false,\"step\":null,"                 \
    "\"sg_ratio\":null,\"sg_done\":null,\"sg_sequence\":null," IN_101 "}"
#define ROW_4                                                                                      \
    "{\"id\":4,\"code\":\"\xc3\xa9\",\"sg_status_list\":\"ip\",\"sg_kind\":\"A\",\"sg_cut\":3,"    \
    "\"sg_bid\":7,\"sg_tc\":5,\"due\":\"2026-03-04\",\"flagged\":true,\"step\":null,"              \
    "\"sg_ratio\":0.25,\"sg_done\":100," SEQUENCE("7", "lost") "," IN_101 "}"
#define ROW_5                                                                                      \
    "{\"id\":5,\"code\":\"b\",\"sg_status_list\":\"fin\",\"sg_kind\":\"B\",\"sg_cut\":0,"          \
    "\"sg_bid\":null,\"sg_tc\":null,\"due\":\"2025-12-31\",\"flagged\":false,\"step\":null,"       \
    "\"sg_ratio\":null,\"sg_done\":null," SEQUENCE("5", "sq") "," IN_101 "}"
#define ROWS(seen, rows)                                                                           \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," TYPES ",\"rows\":[" rows "]}"

static struct fptc__schema *schema;

static void add_type(const char *type, const char *json)
{
    fptc__json *fields = NULL;

    assert_int_equal(fptc__json_parse(json, strlen(json), "schema", &fields, NULL), FPTC_OK);
    assert_int_equal(fptc__schema_add(schema, type, fields, NULL), FPTC_OK);
    fptc__json_free(fields);
}

static int set_up(void **state)
{
    schema = fptc__schema_new();
    add_type("Sequence", "{\"code\":{\"data_type\":\"text\"},\"project\":{\"data_type\":\"entity\","
                         "\"valid_types\":[\"Project\"]}}");
    add_type("Shot",
             "{\"code\":{\"data_type\":\"text\"},\"sg_cut\":{\"data_type\":\"number\"},"
             "\"sg_status_list\":{\"data_type\":{\"value\":\"status_list\"},\"properties\":"
             "{\"valid_values\":{\"value\":[\"wtg\",\"ip\",\"fin\"]}}},"
             "\"sg_kind\":{\"data_type\":\"list\",\"properties\":{\"valid_values\":[\"A\",\"B\"]}},"
             "\"sg_turned\":{\"data_type\":\"list\"},\"sg_bid\":{\"data_type\":\"duration\"},"
             "\"sg_tc\":{\"data_type\":\"timecode\"},\"due\":{\"data_type\":\"date\"},"
             "\"flagged\":{\"data_type\":\"checkbox\"},\"sg_ratio\":{\"data_type\":\"float\"},"
             "\"sg_done\":{\"data_type\":\"percent\"},\"image\":{\"data_type\":\"image\"},"
             "\"assets\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]},"
             "\"step\":{\"data_type\":\"entity\",\"valid_types\":[\"Step\"]},"
             "\"sg_sequence\":{\"data_type\":\"entity\",\"valid_types\":[\"Sequence\"]},"
             "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}");
    return help_set_up(state);
}

static int tear_down(void **state)
{
    fptc__schema_free(schema);
    return help_tear_down(state);
}

static void put(uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__partition_make(&help_p, &help_err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &help_err),
                     FPTC_OK);
    fptc__view_close(v);
    fptc__records_done(&records);
}

static void compact(void)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    assert_int_equal(fptc__compact(&help_p, &call, &logger, &stats, &help_err), FPTC_OK);
}

static void put_links(void)
{
    put(FPTC__ROWS,
        "{\"type\":\"Sequence\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\","
        "\"project\":\"entity\"},\"rows\":[{\"id\":5,\"code\":\"sq\"," IN_101
        "},{\"id\":6,\"code\":\"sq\"," IN_101 "},{\"id\":7,\"code\":\"s7\"," IN_101 "}]}");
}

static void lose_sequence(void)
{
    put(FPTC__GONE, "{\"type\":\"Sequence\",\"seen\":99,\"asof\":1,\"rows\":[{\"id\":7}]}");
}

static void as_commits(void)
{
    put_links();
    put(FPTC__ROWS, ROWS("0", ROW_1 "," ROW_2 "," ROW_3));
    put(FPTC__ROWS, ROWS("0", ROW_4 "," ROW_5));
    lose_sequence();
}

/* The snapshot has other values in 1, 2 and 5, a row 9 that goes, and no row 4. */
static void as_both(void)
{
    put_links();
    put(FPTC__ROWS,
        ROWS("0", "{\"id\":1,\"code\":\"z\",\"sg_status_list\":\"fin\",\"sg_cut\":999,"
                  "\"due\":\"2030-01-01\",\"flagged\":false," IN_101 "}," ROW_3
                  ",{\"id\":2,\"code\":\"z\",\"sg_status_list\":\"fin\",\"sg_cut\":-999,"
                  "\"due\":\"1999-01-01\"," IN_101 "}"));
    put(FPTC__ROWS,
        ROWS("0", "{\"id\":9,\"code\":\"z\",\"sg_status_list\":\"fin\",\"sg_cut\":7,"
                  "\"sg_bid\":5,\"flagged\":true," SEQUENCE("6", "sq") "," IN_101 "}," ROW_5));
    compact();
    put(FPTC__ROWS, ROWS("99", ROW_1 "," ROW_2));
    put(FPTC__ROWS, ROWS("99", ROW_4));
    put(FPTC__GONE, "{\"type\":\"Shot\",\"seen\":99,\"asof\":1,\"rows\":[{\"id\":9}]}");
    lose_sequence();
}

struct question {
    const char *summaries, *grouping, *filters; /* NULL: the project's rows */
    const char *answer;                         /* why it passes through, after "? " */
};

#define COUNT "[{\"field\":\"id\",\"type\":\"count\"}]"
#define SUMMARY(field, type) "[{\"field\":\"" field "\",\"type\":\"" type "\"}]"
#define BY(field) "[{\"field\":\"" field "\",\"type\":\"exact\",\"direction\":\"asc\"}]"
#define DOWN(field) "[{\"field\":\"" field "\",\"type\":\"exact\",\"direction\":\"desc\"}]"
#define ONE(field, value) "{\"summaries\":{\"" field "\":" value "},\"groups\":[]}"
#define GROUP(name, value, n)                                                                      \
    "{\"group_name\":" name ",\"group_value\":" value ",\"summaries\":{\"id\":" n "}}"
#define GROUPS(n, groups) "{\"summaries\":{\"id\":" n "},\"groups\":[" groups "]}"
#define PROJECT "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"
#define NONE "[" PROJECT ",[\"id\",\"is\",77]]"
#define LINK_VALUE(id, name)                                                                       \
    "{\"type\":\"Sequence\",\"id\":" id ",\"name\":\"" name "\",\"valid\":\"valid\"}"

static const struct question questions[] = {
    /* summary type x data type; GT 020, VCR [R]; last column of the empty set */
    {SUMMARY("id", "record_count"), NULL, NULL, ONE("id", "5")},
    {SUMMARY("code", "record_count"), NULL, NULL, ONE("code", "5")},
    {COUNT, NULL, NULL, ONE("id", "5")},
    {SUMMARY("id", "maximum"), NULL, NULL, ONE("id", "5")},
    {SUMMARY("id", "minimum"), NULL, NULL, ONE("id", "1")},
    {SUMMARY("code", "count"), NULL, NULL, ONE("code", "4")},
    {SUMMARY("sg_status_list", "count"), NULL, NULL, ONE("sg_status_list", "4")},
    {SUMMARY("sg_kind", "count"), NULL, NULL, ONE("sg_kind", "4")},
    {SUMMARY("sg_cut", "count"), NULL, NULL, ONE("sg_cut", "4")},
    {SUMMARY("sg_ratio", "count"), NULL, NULL, ONE("sg_ratio", "2")},
    {SUMMARY("sg_done", "count"), NULL, NULL, ONE("sg_done", "3")},
    {SUMMARY("due", "count"), NULL, NULL, ONE("due", "4")},
    {SUMMARY("sg_sequence", "count"), NULL, NULL, ONE("sg_sequence", "3")},
    {SUMMARY("sg_cut", "sum"), NULL, NULL, ONE("sg_cut", "9")},
    {SUMMARY("sg_cut", "maximum"), NULL, NULL, ONE("sg_cut", "10")},
    {SUMMARY("sg_cut", "minimum"), NULL, NULL, ONE("sg_cut", "-4")},
    {SUMMARY("sg_cut", "average"), NULL, NULL, ONE("sg_cut", "2.25")},
    {SUMMARY("sg_bid", "sum"), NULL, NULL, ONE("sg_bid", "67")},
    {SUMMARY("sg_bid", "maximum"), NULL, NULL, ONE("sg_bid", "60")},
    {SUMMARY("sg_bid", "minimum"), NULL, NULL, ONE("sg_bid", "0")},
    {SUMMARY("sg_tc", "sum"), NULL, NULL, ONE("sg_tc", "1004")},
    {SUMMARY("sg_tc", "maximum"), NULL, NULL, ONE("sg_tc", "1000")},
    {SUMMARY("sg_tc", "minimum"), NULL, NULL, ONE("sg_tc", "-1")},
    {SUMMARY("due", "earliest"), NULL, NULL, ONE("due", "\"2025-12-31\"")},
    {SUMMARY("due", "latest"), NULL, NULL, ONE("due", "\"2026-03-04\"")},
    {SUMMARY("flagged", "checked"), NULL, NULL, ONE("flagged", "2")},
    {SUMMARY("flagged", "unchecked"), NULL, NULL, ONE("flagged", "3")},
    {COUNT, NULL, NONE, ONE("id", "0")},
    {SUMMARY("sg_cut", "sum"), NULL, NONE, ONE("sg_cut", "0")},
    {SUMMARY("sg_cut", "maximum"), NULL, NONE, ONE("sg_cut", "0")},
    {SUMMARY("sg_cut", "minimum"), NULL, NONE, ONE("sg_cut", "0")},
    {SUMMARY("sg_cut", "average"), NULL, NONE, ONE("sg_cut", "0")},
    {SUMMARY("sg_cut", "sum"), NULL, "[" PROJECT ",[\"id\",\"is\",3]]", ONE("sg_cut", "0")},
    {SUMMARY("flagged", "checked"), NULL, NONE, ONE("flagged", "0")},
    {COUNT, BY("sg_status_list"), NONE, GROUPS("0", "")},
    /* the last of two on one field wins; two fields are two results (GT 020 [R]) */
    {"[{\"field\":\"id\",\"type\":\"count\"},{\"field\":\"id\",\"type\":\"maximum\"}]", NULL,
     "[" PROJECT ",[\"id\",\"in\",[1,2,4]]]", ONE("id", "4")},
    {"[{\"field\":\"id\",\"type\":\"count\"},{\"field\":\"sg_cut\",\"type\":\"sum\"}]", NULL, NULL,
     "{\"summaries\":{\"id\":5,\"sg_cut\":9},\"groups\":[]}"},
    /* groups; the place in the list of statuses decides (GT 079 [R]), null is last */
    {COUNT, BY("sg_status_list"), NULL,
     GROUPS("5", GROUP("\"wtg\"", "\"wtg\"", "1") "," GROUP("\"ip\"", "\"ip\"", "2") "," GROUP(
                     "\"fin\"", "\"fin\"", "1") "," GROUP("\"\"", "null", "1"))},
    {COUNT, DOWN("sg_status_list"), NULL,
     GROUPS("5", GROUP("\"\"", "null", "1") "," GROUP("\"fin\"", "\"fin\"", "1") "," GROUP(
                     "\"ip\"", "\"ip\"", "2") "," GROUP("\"wtg\"", "\"wtg\"", "1"))},
    {COUNT, BY("code"), NULL,
     GROUPS("5", GROUP("\"A\"", "\"A\"", "1") "," GROUP("\"b\"", "\"b\"", "2") "," GROUP(
                     "\"\xc3\xa9\"", "\"\xc3\xa9\"", "1") "," GROUP("\"\"", "null", "1"))},
    {COUNT, BY("sg_kind"), NULL,
     GROUPS("5", GROUP("\"A\"", "\"A\"", "2") "," GROUP("\"B\"", "\"B\"",
                                                        "2") "," GROUP("\"\"", "null", "1"))},
    {COUNT, BY("flagged"), NULL,
     GROUPS("5", GROUP("\"[ ]\"", "false", "3") "," GROUP("\"[X]\"", "true", "2"))},
    {COUNT, BY("sg_sequence"), NULL, /* two of one name stay two; what is gone reads as null */
     GROUPS("5", GROUP("\"sq\"", LINK_VALUE("5", "sq"), "2") "," GROUP(
                     "\"sq\"", LINK_VALUE("6", "sq"), "1") "," GROUP("\"\"", "null", "2"))},
    {COUNT, BY("sg_sequence.Sequence.code"), NULL,
     GROUPS("5", GROUP("\"sq\"", "\"sq\"", "3") "," GROUP("\"\"", "null", "2"))},
    {SUMMARY("sg_sequence.Sequence.code", "count"), NULL, NULL,
     ONE("sg_sequence.Sequence.code", "3")},
    {SUMMARY("due", "latest"),
     "[{\"field\":\"flagged\",\"type\":\"exact\",\"direction\":\"desc\"},"
     "{\"field\":\"sg_status_list\",\"type\":\"exact\"}]",
     "[" PROJECT ",[\"due\",\"is_not\",null]]",
     "{\"summaries\":{\"due\":\"2026-03-04\"},\"groups\":["
     "{\"group_name\":\"[X]\",\"group_value\":true,\"summaries\":{\"due\":\"2026-03-04\"},\"groups\":["
     "{\"group_name\":\"ip\",\"group_value\":\"ip\",\"summaries\":{\"due\":\"2026-03-04\"}}]},"
     "{\"group_name\":\"[ ]\",\"group_value\":false,\"summaries\":{\"due\":\"2026-01-31\"},\"groups\":["
     "{\"group_name\":\"wtg\",\"group_value\":\"wtg\",\"summaries\":{\"due\":\"2026-01-31\"}},"
     "{\"group_name\":\"fin\",\"group_value\":\"fin\",\"summaries\":{\"due\":\"2025-12-31\"}}]}]}"},
    /* the rows show something that nobody knows the answer to */
    {SUMMARY("sg_cut", "average"), NULL, "[" PROJECT ",[\"id\",\"in\",[1,2,4,5]]]",
     ONE("sg_cut", "2.25")},
    {SUMMARY("sg_cut", "average"), NULL, "[" PROJECT ",[\"id\",\"in\",[1,5,4]]]",
     "? an average whose rounding only FPT knows"},
    {SUMMARY("due", "latest"), NULL, "[" PROJECT ",[\"id\",\"is\",3]]",
     "? the earliest or latest of no dates"},
    /* and what is known beforehand */
    {SUMMARY("sg_status_list", "status_list"), NULL, NULL, "? status_list of a status_list field"},
    {SUMMARY("flagged", "percentage"), NULL, NULL, "? percentage of a checkbox field"},
    {SUMMARY("sg_status_list", "status_percentage"), NULL, NULL, "? status_percentage of"},
    {SUMMARY("sg_status_list", "status_percentage_as_float"), NULL, NULL, "? status_percentage_as"},
    {SUMMARY("sg_ratio", "sum"), NULL, NULL, "? sum of a float field"},
    {SUMMARY("sg_done", "maximum"), NULL, NULL, "? maximum of a percent field"},
    {SUMMARY("sg_bid", "average"), NULL, NULL, "? average of a duration field"},
    {SUMMARY("code", "sum"), NULL, NULL, "? sum of a text field"},
    {SUMMARY("sg_cut", "latest"), NULL, NULL, "? latest of a number field"},
    {SUMMARY("image", "count"), NULL, NULL, "? a summary of a data type"},
    {SUMMARY("assets", "count"), NULL, NULL, "? count of a multi_entity field"},
    {COUNT, "[{\"field\":\"due\",\"type\":\"month\"}]", NULL, "? a grouping of another type"},
    {COUNT, "[{\"field\":\"code\",\"type\":\"firstletter\"}]", NULL,
     "? a grouping of another type"},
    {COUNT, "[{\"field\":\"code\"}]", NULL, "? a grouping of another type"},
    {COUNT, BY("sg_cut"), NULL, "? a grouping by a data type"},
    {COUNT, BY("assets"), NULL, "? a grouping by a data type"},
    {COUNT, BY("step"), NULL, "? groups by an entity whose order"},
};

static void ask(struct fptc__view *v, const struct question *q)
{
    struct fptc__request query;
    struct fptc__summary_request request;
    struct fptc__summary *s = NULL;
    fptc__json *answer = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__buf text;

    fptc__buf_init(&text, 1u << 20);
    assert_int_equal(fptc__request_init(&query, "Shot", &err), FPTC_OK);
    assert_int_equal(
        fptc__request_set_filters(&query, q->filters ? q->filters : "[" PROJECT "]", &err),
        FPTC_OK);
    assert_int_equal(fptc__summary_request_init(&request, &query, q->summaries, q->grouping, &err),
                     FPTC_OK);
    if (fptc__summary_build(schema, &request, 0, &s, &err) != FPTC_OK)
        fail_msg("%s: %s", q->summaries, err.message);
    fptc__view_begin(v);
    if (s->plan->is_local && fptc__view_summarize(v, s, &answer, &err) == FPTC_OK)
        fptc__json_print(answer, &text);
    else
        fptc__buf_addf(&text, "? %s%s", s->plan->why_not, err.message);
    fptc__view_end(v);
    if (q->answer[0] == '?' && text.len > strlen(q->answer))
        text.len = strlen(q->answer);
    if (text.len != strlen(q->answer) || memcmp(text.data, q->answer, text.len) != 0)
        fail_msg("%s by %s: %.*s\n   instead of %s", q->summaries, q->grouping ? q->grouping : "-",
                 (int)text.len, text.data, q->answer);
    fptc__buf_done(&text);
    fptc__json_free(answer);
    fptc__summary_free(s);
    fptc__summary_request_done(&request);
    fptc__request_done(&query);
}

static void ask_all(void)
{
    struct fptc__view *v = NULL;
    size_t i;

    assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        ask(v, &questions[i]);
    fptc__view_close(v);
}

static void test_commits(void **state)
{
    (void)state;
    as_commits();
    ask_all();
}

static void test_snapshot(void **state)
{
    (void)state;
    as_commits();
    compact();
    ask_all();
}

static void test_snapshot_and_overlay(void **state)
{
    (void)state;
    as_both();
    ask_all();
    compact();
    ask_all();
}

/* Rows that make one question unanswerable: two texts that differ in case, a status that the list does
   not name, a link whose target has no name. */
static void test_doubts(void **state)
{
    static const struct question doubts[] = {
        {COUNT, BY("code"), NULL, "? groups of texts that differ in case only"},
        {COUNT, BY("sg_status_list"), NULL, "? groups by a status that its field's valid values"},
        {COUNT, BY("sg_kind"), NULL, "? groups by a list whose order is not that of its texts"},
        {COUNT, BY("sg_sequence"), NULL, "? groups by an entity whose name is not known"}};
    struct fptc__view *v = NULL;
    size_t i;

    (void)state;
    as_commits();
    put(FPTC__ROWS,
        ROWS("99", "{\"id\":11,\"code\":\"B\",\"sg_status_list\":\"hld\",\"sg_kind\":"
                   "\"0\",\"sg_sequence\":{\"type\":\"Sequence\",\"id\":88}," IN_101 "}"));
    assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    for (i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++)
        ask(v, &doubts[i]);
    fptc__view_close(v);
}

/* Rows of a project that is gone are linked to nothing. */
static void test_project_gone(void **state)
{
    static const struct question gone[] = {
        {COUNT, NULL, NULL, ONE("id", "0")},
        {COUNT, BY("sg_status_list"), NULL, GROUPS("0", "")},
    };
    struct fptc__view *v = NULL;

    (void)state;
    as_commits();
    put(FPTC__GONE, "{\"type\":\"Project\",\"seen\":99,\"asof\":1,\"rows\":[{\"id\":101}]}");
    assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    ask(v, &gone[0]);
    ask(v, &gone[1]);
    fptc__view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_snapshot_and_overlay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_doubts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_project_gone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
