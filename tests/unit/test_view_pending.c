/*
 * test_view_pending.c: pending writes on top of settled rows: what each verb does to what is found, with the
 * settled rows in a snapshot, in an overlay and in both; settlement seen in either order; what never shows them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "store_help.h"
#include "view/aggregate.h"
#include "view/lookup.h"
#include "view/mutation.h"
#include "view/pending.h"
#include "view/queryplan.h"

#define IN_101 "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"
#define TYPES                                                                                      \
    "\"types\":{\"code\":\"text\",\"sg_cut\":\"number\",\"due\":\"date\",\"sg_sequence\":"         \
    "\"entity\",\"assets\":\"multi_entity\",\"project\":\"entity\"}"
#define ASSET(id) "{\"type\":\"Asset\",\"id\":" id ",\"name\":\"a" id "\"}"
#define SHOT(id, code, cut, sequence, assets)                                                      \
    "{\"id\":" id ",\"code\":\"" code "\",\"sg_cut\":" cut ",\"due\":null,\"sg_sequence\":"        \
    "{\"type\":\"Sequence\",\"id\":" sequence ",\"name\":\"sq" sequence "\"},\"assets\":[" assets  \
    "]," IN_101 "}"
#define ROWS(seen, rows)                                                                           \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," TYPES ",\"rows\":[" rows "]}"

/* Event ids; the provisional id of E(n) is minus 0x1000000000000 + n. */
#define E(n) "100000000000" n "0000000000000000000"
#define PROVISIONAL "-281474976710656"
#define NEW(n) (-(INT64_C(0x1000000000000) + (n)))
#define WRITE(n, verb, type, id, data)                                                             \
    "{\"event\":\"" E(                                                                             \
        n) "\",\"verb\":\"" verb "\",\"type\":\"" type "\",\"id\":" id ",\"data\":" data           \
           ",\"who\":\"script:me\",\"asof\":1000,\"behind\":true,\"partition\":\"project-101\"}"
#define SETTLE(n, id)                                                                              \
    "{\"event\":\"" E(n) "\",\"id\":" id ",\"partition\":\"project-101\",\"by\":\"answer\"}"

static struct fptc__schema *schema;
static struct fptc__view *outbox, *home;
static struct fptc__pending *pending;

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
    add_type("Shot", "{\"code\":{\"data_type\":\"text\"},\"sg_cut\":{\"data_type\":\"number\"},"
                     "\"due\":{\"data_type\":\"date\"},\"sg_new\":{\"data_type\":\"date_time\"},"
                     "\"assets\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]},"
                     "\"sg_sequence\":{\"data_type\":\"entity\",\"valid_types\":[\"Sequence\"]},"
                     "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}");
    pending = NULL;
    return help_set_up(state);
}

static void close_views(void)
{
    fptc__view_close(outbox);
    fptc__view_close(home);
    outbox = home = NULL;
}

static int tear_down(void **state)
{
    close_views();
    fptc__pending_drop(pending);
    fptc__schema_free(schema);
    return help_tear_down(state);
}

static void put(const char *partition, uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    const struct fptc__call call = {0};
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, partition, NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_make(fptc__view_partition(v, FPTC__HOME), &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &help_err),
                     FPTC_OK);
    fptc__records_done(&records);
    fptc__view_close(v);
}

static void compact(void)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    assert_int_equal(fptc__compact(&help_p, &call, &logger, &stats, &help_err), FPTC_OK);
}

/* Three ways: all in the overlay, all in the snapshot, some of the snapshot's replaced. */
static void put_rows(int way)
{
    put("project-101", FPTC__ROWS,
        "{\"type\":\"Sequence\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\","
        "\"project\":\"entity\"},\"rows\":[{\"id\":5,\"code\":\"sq5\"," IN_101
        "},{\"id\":6,\"code\":\"sq6\"," IN_101 "}]}");
    put("project-101", FPTC__ROWS,
        ROWS("0", SHOT("1", "old", "0", "6", ASSET("9")) "," SHOT("2", "b", "20", "5", "")));
    if (way == 2)
        compact();
    put("project-101", FPTC__ROWS,
        ROWS("9", SHOT("1", "a", "10", "5", ASSET("7") "," ASSET("8")) "," SHOT(
                      "2", "b", "20", "5", "") "," SHOT("3", "c", "30", "6", ASSET("7"))));
    if (way == 1)
        compact();
}

static void look_at_outbox(void)
{
    if (outbox == NULL)
        assert_int_equal(fptc__view_open(help_dir, "outbox", NULL, &outbox, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(outbox, 0, &help_err), FPTC_OK);
    fptc__pending_drop(pending);
    fptc__view_begin(outbox);
    assert_int_equal(fptc__pending_read(outbox, &pending, &help_err), FPTC_OK);
    fptc__view_end(outbox);
}

static void look_at_home(void)
{
    if (home == NULL)
        assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &home, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(home, 0, &help_err), FPTC_OK);
}

static void look(void)
{
    look_at_outbox();
    look_at_home();
}

static struct fptc__plan *plan_of(const char *filters, const char *fields, const char *order)
{
    struct fptc__request request;
    struct fptc__plan *plan = NULL;

    assert_int_equal(fptc__request_init(&request, "Shot", &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&request, filters, &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_fields(&request, fields, &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_order(&request, order, &help_err), FPTC_OK);
    if (fptc__plan_build(schema, NULL, &request, 0, &plan, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__request_done(&request);
    if (!plan->is_local)
        fail_msg("%s: %s", filters, plan->why_not);
    return plan;
}

/* The rows, a line each, "*" before pending ones; ids of creates as new<n>. */
static const char *found(int shows, const char *filters, const char *fields, const char *order)
{
    static char out[8192];
    struct fptc__plan *plan = plan_of(filters, fields, order);
    struct fptc__rows rows = {0};
    struct fptc__buf text;
    size_t i;

    fptc__view_begin(home);
    if (shows && fptc__view_show_pending(home, pending, schema, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    if (fptc__view_find(home, plan, &rows, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__view_end(home);
    fptc__buf_init(&text, 1 << 20);
    for (i = 0; i < rows.n; i++) {
        fptc__buf_adds(&text, rows.list[i].is_pending ? "*" : "");
        fptc__rows_print(&rows, i, &text);
        assert_int_equal(rows.list[i].version == 0, rows.list[i].is_pending);
    }
    snprintf(out, sizeof(out), "%s", fptc__buf_text(&text));
    fptc__buf_done(&text);
    fptc__rows_done(&rows);
    fptc__plan_free(plan);
    return out;
}

#define LINE(id, rest) "{\"type\":\"Shot\",\"id\":" id "," rest "}"
#define CODES(filters) found(1, filters, "code", "code")

/* ------------------------------------------------------------------------------------------------ verbs */

static void test_no_outbox(void **state)
{
    (void)state;
    put_rows(0);
    look();
    assert_int_equal(pending->n, 0);
    assert_string_equal(CODES("[]"), LINE("1", "\"code\":\"a\"") LINE("2", "\"code\":\"b\"")
                                         LINE("3", "\"code\":\"c\""));
}

static char *create_body(int n, const char *data)
{
    static char text[2048];

    snprintf(
        text, sizeof(text),
        "{\"event\":\"100000000000%d0000000000000000000\",\"verb\":\"create\",\"type\":\"Shot\","
        "\"id\":%lld,\"data\":%s,\"who\":\"script:me\",\"asof\":1000,\"behind\":true,"
        "\"partition\":\"project-101\"}",
        n, (long long)NEW(n), data);
    return text;
}

static void write_all(void)
{
    put("outbox", FPTC__MUTATE,
        create_body(1, "{\"code\":\" new \",\"sg_cut\":5,\"sg_new\":\"2026-01-02 03:04:05 UTC\","
                       "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5}," IN_101 "}"));
    put("outbox", FPTC__MUTATE, WRITE("2", "update", "Shot", "1", "{\"code\":\"z\",\"due\":\"\"}"));
    put("outbox", FPTC__MUTATE,
        WRITE("3", "update", "Shot", "1",
              "{\"assets\":{\"multi_entity_update_mode\":\"add\",\"value\":[" ASSET("9") "," ASSET(
                  "8") "]},\"sg_cut\":11}"));
    put("outbox", FPTC__MUTATE, WRITE("4", "delete", "Shot", "2", "null"));
    put("outbox", FPTC__MUTATE,
        WRITE("5", "update", "Shot", "3",
              "{\"assets\":{\"multi_entity_update_mode\":\"remove\",\"value\":[" ASSET(
                  "7") "]},\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5}}"));
    put("outbox", FPTC__MUTATE, WRITE("6", "update", "Shot", "-281474976710657", "{\"sg_cut\":6}"));
}

static void check_all(int way)
{
    put_rows(way);
    write_all();
    look();
    assert_int_equal(pending->n, 6);
    assert_string_equal(
        found(1, "[]", "code,sg_cut,assets", "code"),
        "*" LINE("3", "\"code\":\"c\",\"sg_cut\":30,\"assets\":[]") "*" LINE(
            "-281474976710657",
            "\"code\":\"new\",\"sg_cut\":6,\"assets\":[]") "*" LINE("1",
                                                                    "\"code\":\"z\",\"sg_cut\":11,\"assets\":["
                                                                    "{\"type\":\"Asset\",\"id\":7,\"name\":\"a7\"},{\"type\":\"Asset\",\"id\":8,\"name\":\"a8\"},{\"type\":\"Asset\",\"id\":9,\"name\":\"a9\"}]"));
    /* conditions, deep ones and those on lists see them; what is hidden is as it was */
    assert_string_equal(CODES("[[\"code\",\"is\",\"a\"]]"), "");
    assert_string_equal(CODES("[[\"sg_cut\",\"less_than\",10]]"),
                        "*" LINE("-281474976710657", "\"code\":\"new\""));
    assert_string_equal(CODES("[[\"assets\",\"is\",{\"type\":\"Asset\",\"id\":9}]]"),
                        "*" LINE("1", "\"code\":\"z\""));
    assert_string_equal(
        CODES("[[\"sg_sequence.Sequence.code\",\"is\",\"sq5\"],[\"id\",\"is_not\",1]]"),
        "*" LINE("3", "\"code\":\"c\"") "*" LINE("-281474976710657", "\"code\":\"new\""));
    assert_string_equal(CODES("[[\"id\",\"is\",-281474976710657]]"),
                        "*" LINE("-281474976710657", "\"code\":\"new\""));
    assert_string_equal(found(0, "[]", "code", "code"),
                        LINE("1", "\"code\":\"a\"") LINE("2", "\"code\":\"b\"")
                            LINE("3", "\"code\":\"c\""));
}

static void test_overlay(void **state)
{
    (void)state;
    check_all(0);
}

static void test_snapshot(void **state)
{
    (void)state;
    check_all(1);
}

static void test_both(void **state)
{
    (void)state;
    check_all(2);
}

/* ------------------------------------------------------------------------------------------- settlement */

#define SETTLED_ROW(n, seen, row)                                                                  \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," TYPES ",\"rows\":[" row                     \
    "],\"event\":\"" E(n) "\"}"
#define NEW_1 "-281474976710657"

static void put_create(void)
{
    put("outbox", FPTC__MUTATE, create_body(1, "{\"code\":\"n\"," IN_101 "}"));
    put("outbox", FPTC__MUTATE,
        WRITE("2", "update", "Shot", "3",
              "{\"code\":\"y\",\"sg_sequence\":{\"type\":\"Shot\",\"id\":" NEW_1 "}}"));
    put("outbox", FPTC__MUTATE, WRITE("3", "update", "Shot", NEW_1, "{\"sg_cut\":77}"));
}

static void settle_row(void)
{
    put("project-101", FPTC__ROWS, SETTLED_ROW("1", "99", SHOT("40", "n", "1", "5", "")));
}

#define FIELDS "code,sg_cut,sg_sequence"
#define REST                                                                                       \
    LINE("1", "\"code\":\"a\",\"sg_cut\":10,\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,"      \
              "\"name\":\"sq5\"}")                                                                 \
    LINE("2", "\"code\":\"b\",\"sg_cut\":20,\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,"      \
              "\"name\":\"sq5\"}")
#define SETTLED_40                                                                                 \
    "*" LINE("40", "\"code\":\"n\",\"sg_cut\":77,\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5," \
                   "\"name\":\"sq5\"}")
#define LINKED(id, name)                                                                           \
    "*" LINE("3", "\"code\":\"y\",\"sg_cut\":30,\"sg_sequence\":{\"type\":\"Shot\",\"id\":" id     \
                  ",\"name\":\"" name "\"}")

/* The row is there, and the outbox as it was read still calls it pending: one row, under FPT's id, and so in
   links and in later writes. */
static void test_row_first(void **state)
{
    (void)state;
    put_rows(1);
    put_create();
    look();
    assert_string_equal(found(1, "[]", FIELDS, "code"),
                        REST "*" LINE(NEW_1, "\"code\":\"n\",\"sg_cut\":77,\"sg_sequence\":null")
                            LINKED(NEW_1, "n"));
    settle_row();
    look_at_home();
    assert_string_equal(found(1, "[]", FIELDS, "code"), REST SETTLED_40 LINKED("40", "n"));
    put("outbox", FPTC__SETTLE, SETTLE("1", "40"));
    look_at_outbox();
    assert_int_equal(pending->n, 2);
    assert_string_equal(found(1, "[]", FIELDS, "code"), REST SETTLED_40 LINKED("40", "n"));
}

/* The settlement falls between the two looks, in the order that design §7 asks for: never neither. In the other
   order there would be neither. */
static void test_settled_between(void **state)
{
    (void)state;
    put_rows(0);
    put_create();
    look();
    look_at_outbox();
    settle_row();
    put("outbox", FPTC__SETTLE, SETTLE("1", "40"));
    look_at_home();
    assert_string_equal(found(1, "[[\"code\",\"is\",\"n\"]]", "code", "code"),
                        "*" LINE("40", "\"code\":\"n\""));
    look_at_outbox();
    assert_string_equal(found(1, "[[\"code\",\"is\",\"n\"]]", "code", "code"),
                        "*" LINE("40", "\"code\":\"n\""));
    assert_true(fptc__view_is_read_after(home, 0));
    assert_false(fptc__view_is_read_after(home, pending->since_mono_ms));
}

/* A reader whose outbox stays behind while rows of settled updates and deletes come in, and a base. */
static void test_older_outbox(void **state)
{
    (void)state;
    put_rows(1);
    put("outbox", FPTC__MUTATE, WRITE("2", "update", "Shot", "1", "{\"code\":\"z\"}"));
    put("outbox", FPTC__MUTATE, WRITE("3", "update", "Shot", "1", "{\"sg_cut\":5}"));
    put("outbox", FPTC__MUTATE, WRITE("4", "delete", "Shot", "2", "null"));
    look();
    assert_string_equal(CODES("[[\"id\",\"less_than\",3]]"), "*" LINE("1", "\"code\":\"z\""));
    put("project-101", FPTC__ROWS, SETTLED_ROW("2", "99", SHOT("1", "zz", "10", "5", "")));
    put("project-101", FPTC__GONE,
        "{\"type\":\"Shot\",\"seen\":99,\"asof\":1,\"rows\":[{\"id\":2}],\"event\":\"" E(
            "4") "\"}");
    compact();
    look_at_home();
    assert_string_equal(found(1, "[[\"id\",\"less_than\",3]]", "code,sg_cut", "code"),
                        "*" LINE("1", "\"code\":\"zz\",\"sg_cut\":5"));
    put("project-101", FPTC__ROWS, SETTLED_ROW("3", "99", SHOT("1", "zz", "5", "5", "")));
    look_at_home();
    assert_string_equal(CODES("[[\"id\",\"less_than\",3]]"), LINE("1", "\"code\":\"zz\""));
}

/* ------------------------------------------------------------------------------- gone, names, summaries */

static void test_gone_and_back(void **state)
{
    (void)state;
    put_rows(2);
    put("outbox", FPTC__MUTATE, WRITE("1", "delete", "Sequence", "5", "null"));
    put("outbox", FPTC__MUTATE, WRITE("2", "update", "Sequence", "6", "{\"code\":\"renamed\"}"));
    put("outbox", FPTC__MUTATE, WRITE("3", "delete", "Shot", "1", "null"));
    put("outbox", FPTC__MUTATE, WRITE("4", "revive", "Shot", "1", "null"));
    put("outbox", FPTC__MUTATE, WRITE("5", "delete", "Shot", "99", "null"));
    put("outbox", FPTC__MUTATE, WRITE("6", "update", "Shot", "98", "{\"code\":\"unknown\"}"));
    look();
    assert_string_equal(
        found(1, "[]", "sg_sequence", "code"),
        "*" LINE("1", "\"sg_sequence\":null") LINE("2", "\"sg_sequence\":null")
            LINE("3", "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":6,\"name\":\"renamed\"}"));
    assert_string_equal(CODES("[[\"sg_sequence\",\"is\",null]]"),
                        "*" LINE("1", "\"code\":\"a\"") LINE("2", "\"code\":\"b\""));
    assert_string_equal(CODES("[[\"sg_sequence\",\"name_is\",\"renamed\"]]"),
                        LINE("3", "\"code\":\"c\""));
    assert_string_equal(
        found(0, "[]", "sg_sequence", "code"),
        LINE("1", "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,\"name\":\"sq5\"}")
            LINE("2", "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,\"name\":\"sq5\"}")
                LINE("3", "\"sg_sequence\":{\"type\":\"Sequence\",\"id\":6,\"name\":\"sq6\"}"));
}

static void check_summary(int shows, const char *filters, const char *summaries,
                          const char *grouping, const char *expected)
{
    struct fptc__summary_request asked;
    struct fptc__request request;
    struct fptc__summary *summary = NULL;
    fptc__json *data = NULL;
    struct fptc__buf text;

    assert_int_equal(fptc__request_init(&request, "Shot", &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&request, filters, &help_err), FPTC_OK);
    assert_int_equal(fptc__summary_request_init(&asked, &request, summaries, grouping, &help_err),
                     FPTC_OK);
    fptc__request_done(&request);
    assert_int_equal(fptc__summary_build(schema, &asked, 0, &summary, &help_err), FPTC_OK);
    fptc__summary_request_done(&asked);
    fptc__view_begin(home);
    if (shows)
        assert_int_equal(fptc__view_show_pending(home, pending, schema, &help_err), FPTC_OK);
    if (fptc__view_summarize(home, summary, &data, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__view_end(home);
    fptc__buf_init(&text, 1 << 20);
    fptc__json_print(data, &text);
    assert_string_equal(fptc__buf_text(&text), expected);
    fptc__buf_done(&text);
    fptc__json_free(data);
    fptc__summary_free(summary);
}

static void check_summaries(int way)
{
    static const char count[] = "[{\"field\":\"id\",\"type\":\"count\"}]";
    static const char sum[] = "[{\"field\":\"sg_cut\",\"type\":\"sum\"}]";
    static const char most[] = "[{\"field\":\"sg_cut\",\"type\":\"maximum\"}]";
    static const char by[] =
        "[{\"field\":\"sg_sequence\",\"type\":\"exact\",\"direction\":\"asc\"}]";

    put_rows(way);
    write_all();
    look();
    check_summary(1, "[]", count, "[]", "{\"summaries\":{\"id\":3},\"groups\":[]}");
    check_summary(0, "[]", count, "[]", "{\"summaries\":{\"id\":3},\"groups\":[]}");
    check_summary(1, "[]", sum, "[]", "{\"summaries\":{\"sg_cut\":47},\"groups\":[]}");
    check_summary(0, "[]", sum, "[]", "{\"summaries\":{\"sg_cut\":60},\"groups\":[]}");
    check_summary(1, "[]", most, "[]", "{\"summaries\":{\"sg_cut\":30},\"groups\":[]}");
    check_summary(1, "[[\"sg_cut\",\"less_than\",20]]", sum, "[]",
                  "{\"summaries\":{\"sg_cut\":17},\"groups\":[]}");
    check_summary(
        1, "[]", sum, by,
        "{\"summaries\":{\"sg_cut\":47},\"groups\":[{\"group_name\":\"sq5\","
        "\"group_value\":{\"type\":\"Sequence\",\"id\":5,\"name\":\"sq5\",\"valid\":\"valid\"},\"summaries\":"
        "{\"sg_cut\":47}}]}");
    check_summary(0, "[]", sum, "[]", "{\"summaries\":{\"sg_cut\":60},\"groups\":[]}");
}

static void test_summaries(void **state)
{
    (void)state;
    check_summaries(0);
}

static void test_summaries_of_snapshot(void **state)
{
    (void)state;
    check_summaries(1);
}

static void test_summaries_of_both(void **state)
{
    (void)state;
    check_summaries(2);
}

/* Indexes of the snapshot serve as they do without: SQLite looks into the three sides one by one, also where a
   field or what is kept folded of it is on one side only. */
static void test_plan(void **state)
{
    struct fptc__plan *plan = plan_of("[[\"code\",\"contains\",\"z\"]]", "code,sg_new", "");
    struct fptc__queryplan q = {0};
    const struct fptc__call call = {0};
    const fptc__json *line;

    (void)state;
    put("project-101", FPTC__USAGE,
        "{\"batch\":\"b\",\"wishes\":[{\"type\":\"Shot\",\"wish\":\"code scan\",\"uses\":9000}],\"asof\":1}");
    put_rows(2);
    write_all();
    look();
    (void)CODES("[]");
    fptc__view_begin(home);
    assert_int_equal(fptc__view_show_pending(home, pending, schema, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_explain(home, plan, &call, &q, &help_err), FPTC_OK);
    fptc__view_end(home);
    assert_int_equal(q.rows, 1);
    for (line = fptc__json_first(q.lines); line != NULL; line = fptc__json_next(line))
        assert_null(strstr(fptc__json_text(line), "CO-ROUTINE"));
    fptc__queryplan_done(&q);
    fptc__plan_free(plan);
}

/* ------------------------------------------------------------------------------------- what never shows */

static void test_never_changes(void **state)
{
    struct fptc__rows rows = {0};
    struct fptc__rows row = {0};
    int64_t n = 0;
    char updated[32];
    size_t i;

    (void)state;
    put_rows(2);
    write_all();
    look();
    (void)CODES("[]");
    fptc__view_begin(home);
    assert_int_equal(fptc__view_changes(home, FPTC__HOME, "Shot", 0, 1000, &rows, &help_err),
                     FPTC_OK);
    assert_int_equal(rows.n, 3);
    for (i = 0; i < rows.n; i++) {
        assert_true(rows.list[i].id > 0 && rows.list[i].version > 0);
        assert_int_equal(rows.list[i].change, FPTC_CHANGE_ROW);
    }
    assert_int_equal(fptc__view_row(home, FPTC__HOME, "Shot", 1, &row, &help_err), FPTC_OK);
    assert_string_equal(row.list[0].cells[fptc__rows_column(&row, "code")].text, "a");
    assert_int_equal(fptc__view_count(home, FPTC__HOME, "Shot", &n, &help_err), FPTC_OK);
    assert_int_equal(n, 3);
    assert_true(fptc__view_has(home, FPTC__HOME, "Shot", 2, updated));
    assert_false(fptc__view_has(home, FPTC__HOME, "Shot", NEW(1), updated));
    fptc__view_end(home);
    fptc__rows_done(&rows);
    fptc__rows_done(&row);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_no_outbox, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_overlay, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_snapshot, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_both, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_row_first, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_settled_between, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_older_outbox, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_gone_and_back, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_summaries, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_summaries_of_snapshot, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_summaries_of_both, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_plan, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_never_changes, set_up, tear_down),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
