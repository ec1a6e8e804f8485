/*
 * test_query_filter.c: filters as such: canonical text, errors in FPT's words, what is passed through,
 * and the body for FPT. What they answer is test_query_compile.c's.
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

#include "query/canonical.h"
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

#define A20 "{\"type\":\"Asset\",\"id\":20}"
#define A21 "{\"type\":\"Asset\",\"id\":21}"
#define X "[\"code\",\"is\",\"x\"]"
#define Y "[\"code\",\"is\",\"y\"]"
#define Z "[\"code\",\"is\",\"z\"]"

static void test_equal_questions(void **state)
{
    static const char *const rows[][2] = {
        {NULL, "[]"},
        {"[]", AND "]}"},
        {"[]", "{\"filter_operator\":\"any\",\"filters\":[]}"},
        {"[]", "[" AND OR "]}]}]"},
        {"[" X "]", AND X "]}"},
        {"[" X "]", "{\"filter_operator\":\"all\",\"filters\":[" X "]}"},
        {"[" X "]", OR X "]}"},
        {"[" X "]", "[" X "," X "]"},
        {"[" X "]", OR X "," X "]}"},
        {"[" X "," Y "]", "[" Y "," X "]"},
        {"[" X "," Y "]", "[" X "," AND Y "]}]"},
        {"[" X "," Y "," Z "]", "[" Z "," AND Y "," AND X "]}]}," X "]"},
        {OR X "," Y "]}", "{\"filter_operator\":\"any\",\"filters\":[" Y "," X "]}"},
        {OR X "," Y "," Z "]}", OR Z "," OR Y "," X "]}]}"},
        {"[" X "]", "[" X "," AND "]}]"},
        {"[[\"code\",\"in\",[\"a\",\"b\"]]]", "[[\"code\",\"in\",[\"b\",\"a\",\"b\"]]]"},
        {"[[\"id\",\"in\",[1,2]]]", "[[\"id\",\"in\",1,2]]"},
        {"[[\"id\",\"in\",[1]]]", "[[\"id\",\"in\",1]]"},
        {"[[\"id\",\"is\",[1]]]", "[[\"id\",\"is\",1]]"},
        {"[[\"id\",\"between\",[1,2]]]", "[[\"id\",\"between\",1,2]]"},
        {"[[\"created_at\",\"in_last\",[1,\"DAY\"]]]", "[[\"created_at\",\"in_last\",1,\"DAY\"]]"},
        {"[[\"created_at\",\"in_calendar_day\",[1]]]", "[[\"created_at\",\"in_calendar_day\",1]]"},
        {"[[\"entity\",\"is\"," A20 "]]",
         "[[\"entity\",\"is\",{\"name\":\"n\",\"id\":20,\"type\":\"Asset\",\"url\":1}]]"},
        {"[[\"assets\",\"in\",[" A20 "," A21 "]]]", "[[\"assets\",\"in\",[" A21 "," A20 "]]]"},
        {"[[\"sg_ratio\",\"is\",1.0]]", "[[\"sg_ratio\",\"is\",\"1.0\"]]"},
        {"[[\"sg_ratio\",\"is\",1.0]]", "[[\"sg_ratio\",\"is\",1.00]]"},
        {"[ [\"code\" , \"is\",\"\\u0078\"] ]", "[" X "]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *a = plan_of(rows[i][0], "code", NULL);
        struct fptc__plan *b = plan_of(rows[i][1], NULL, "id"); /* neither matters */

        if (strcmp(fptc__plan_canonical(a), fptc__plan_canonical(b)) != 0)
            fail_msg("%s\n%s", fptc__plan_canonical(a), fptc__plan_canonical(b));
        assert_string_equal(fptc__plan_hash(a), fptc__plan_hash(b));
        assert_int_equal(strlen(fptc__plan_hash(a)), 32);
        fptc__plan_free(a);
        fptc__plan_free(b);
    }
}

static void test_different_questions(void **state)
{
    static const struct {
        struct help_ask a, b;
    } rows[] = {
        {{"Shot", NULL, NULL, NULL, 0, 0}, {"Asset", NULL, NULL, NULL, 0, 0}},
        {{"Shot", NULL, NULL, NULL, 0, 0}, {"Shot", "[" X "]", NULL, NULL, 0, 0}},
        {{"Shot", "[" X "," Y "]", NULL, NULL, 0, 0}, {"Shot", OR X "," Y "]}", NULL, NULL, 0, 0}},
        {{"Shot", "[" X "]", NULL, NULL, 0, 0}, {"Shot", "[" Y "]", NULL, NULL, 0, 0}},
        {{"Shot", "[[\"code\",\"is\",\"1\"]]", NULL, NULL, 0, 0},
         {"Shot", "[[\"sg_cut_in\",\"is\",1]]", NULL, NULL, 0, 0}},
        {{"Shot", "[[\"entity\",\"is\"," A20 "]]", NULL, NULL, 0, 0},
         {"Shot", "[[\"entity\",\"is\"," A21 "]]", NULL, NULL, 0, 0}},
        {{"Shot", "[[\"code\",\"is\",\"\"]]", NULL, NULL, 0, 0},
         {"Shot", "[[\"code\",\"in\",[\"\"]]]", NULL, NULL, 0, 0}},
        {{"Shot", NULL, NULL, "code", 0, 0}, {"Shot", NULL, NULL, "-code", 0, 0}},
        {{"Shot", NULL, NULL, "code", 0, 0}, {"Shot", NULL, NULL, "code,-id", 0, 0}},
        {{"Shot", NULL, NULL, NULL, 5, 0}, {"Shot", NULL, NULL, NULL, 6, 0}},
        {{"Shot", NULL, NULL, NULL, 5, 0}, {"Shot", NULL, NULL, NULL, 5, 2}},
        {{"Shot", "[" AND X "," OR Y "," Z "]}]}]", NULL, NULL, 0, 0},
         {"Shot", "[" OR X "," AND Y "," Z "]}]}]", NULL, NULL, 0, 0}},
        {{"Shot", OR X "," AND "]}]}", NULL, NULL, 0, 0}, {"Shot", "[" X "]", NULL, NULL, 0, 0}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *a = help_plan(schema, &rows[i].a, &err);
        struct fptc__plan *b = help_plan(schema, &rows[i].b, &err);

        assert_non_null(a);
        assert_non_null(b);
        assert_string_not_equal(fptc__plan_canonical(a), fptc__plan_canonical(b));
        assert_string_not_equal(fptc__plan_hash(a), fptc__plan_hash(b));
        fptc__plan_free(a);
        fptc__plan_free(b);
    }
}

/* FNV-1a, 128 bits: the offset basis, and the published value of "foobar" beside a single letter. */
static void test_hash(void **state)
{
    char hash[33];

    (void)state;
    fptc__canonical_hash("", hash);
    assert_string_equal(hash, "6c62272e07bb014262b821756295c58d");
    fptc__canonical_hash("a", hash);
    assert_string_equal(hash, "d228cb696f1a8caf78912b704e4a8964");
    fptc__canonical_hash("foobar", hash);
    assert_string_equal(hash, "343e1662793c64bf6f0d3597ba446f18");
}

static void test_body_for_fpt(void **state)
{
    static const char *const rows[][2] = {
        {NULL, AND "]}"},
        {"[" X "]", AND X "]}"},
        {"{\"filter_operator\":\"any\",\"filters\":[" X "," Y "]}", OR X "," Y "]}"},
        {"[[\"id\",\"in\",2,1]]", AND "[\"id\",\"in\",[1,2]]]}"},
        {"[[\"sg_ratio\",\"is\",1.0]]", AND "[\"sg_ratio\",\"is\",\"1.0\"]]}"},
        {"[[\"sg_ratio\",\"between\",[1.0,2.5]]]",
         AND "[\"sg_ratio\",\"between\",[\"1.0\",\"2.5\"]]]}"},
        {"[[\"entity\",\"in\",{\"type\":\"Asset\",\"id\":20,\"name\":\"n\"}]]",
         AND "[\"entity\",\"in\",[" A20 "]]]}"},
        {"[[\"sg_json\",\"is\",{\"b\":1,\"a\":[2]}]]",
         AND "[\"sg_json\",\"is\",{\"b\":1,\"a\":[2]}]]}"},
        {"[[\"sg_cut_in\",\"not_between\",[2,1]]]", AND "[\"sg_cut_in\",\"not_between\",[2,1]]]}"},
        {"[[\"$FROM$Task.entity.id\",\"is\",7]]", AND "[\"$FROM$Task.entity.id\",\"is\",7]]}"},
        {"[[\"created_at\",\"in_last\",1,\"DAY\"]]",
         AND "[\"created_at\",\"in_last\",[1,\"DAY\"]]]}"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(rows[i][0], NULL, NULL);
        struct fptc__buf b;

        fptc__buf_init(&b, 4096);
        fptc__json_print(fptc__plan_rest_filters(plan), &b);
        assert_string_equal(fptc__buf_text(&b), rows[i][1]);
        assert_string_equal(plan->rest_sort, "id");
        fptc__buf_done(&b);
        fptc__plan_free(plan);
    }
}

/* FPT's words where they are recorded (R, with the value class of the fact sheet's tables). */
static void test_errors(void **state)
{
    static const struct {
        const char *filters;
        const char *message; /* a part of it */
    } rows[] = {
        {"[[\"nope\",\"is\",1]]", "API read() Shot.nope doesn't exist."},
        {"[[\"cod\",\"is\",1]]", "API read() Shot.cod doesn't exist. Did you mean \"code\"?"},
        {"[[\"sg_sequence.Sequence.cod\",\"is\",1]]",
         "API read() Shot.sg_sequence.Sequence.cod doesn't exist. Did you mean \"code\"?"},
        {"[[\"code.Sequence.code\",\"is\",1]]",
         "API read() Shot.code.Sequence.code doesn't exist."},
        {"[[\"sg_sequence.Sequence\",\"is\",1]]", "doesn't exist."},
        {"[[\"\",\"is\",1]]", "API read() Shot. doesn't exist."},
        {"[[\"a\\\"; DROP TABLE Shot; --\",\"is\",1]]", "doesn't exist."},
        {"[[\"sg_sequence.x\\\"y.code\",\"is\",1]]", "doesn't exist."},
        {"[[\"code\",\"bogus\",1]]",
         "API read() Shot.code's 'text' data type doesn't support 'bogus' 'relation'. Valid "
         "relations: [\"contains\", \"not_contains\", \"is\", \"is_not\", \"starts_with\", "
         "\"ends_with\", \"in\", \"not_in\"]"},
        {"[[\"sg_cut_in\",\"contains\",\"1\"]]",
         "Valid relations: [\"is\", \"is_not\", \"greater_than\", \"less_than\", \"between\", \"in\", "
         "\"not_in\"]"},
        {"[[\"sg_turnover_date\",\"contains\",\"1\"]]",
         "Valid relations: [\"is\", \"is_not\", \"greater_than\", \"less_than\", \"in_last\", "
         "\"not_in_last\", \"in_next\", \"not_in_next\", \"in_calendar_week\", \"in_calendar_month\", "
         "\"in_calendar_day\", \"in_calendar_year\", \"between\", \"in\", \"not_in\"]"},
        {"[[\"flagged\",\"in\",[true]]]", "Valid relations: [\"is\", \"is_not\"]"},
        {"[[\"sg_status_list\",\"contains\",\"i\"]]",
         "'status_list' data type doesn't support 'contains' 'relation'. Valid relations: [\"is\", "
         "\"is_not\", \"in\", \"not_in\"]"},
        {"[[\"entity\",\"contains\",\"x\"]]",
         "Valid relations: [\"is\", \"is_not\", \"name_contains\", \"name_not_contains\", "
         "\"name_is\", \"type_is\", \"type_is_not\", \"in\", \"not_in\"]"},
        {"[[\"code\",\"IS\",\"x\"]]", "doesn't support 'IS'"},
        {"[[\"code\",\"is\",1]]",
         "API read() Shot.code expected [String, NilClass] data type(s) but got Integer: 1"},
        {"[[\"code\",\"is\",1.5]]", "but got Float: 1.5"},
        {"[[\"code\",\"is\",2.0]]", "but got Float: 2.0"},
        {"[[\"code\",\"is\",true]]", "but got TrueClass: true"},
        {"[[\"code\",\"is\",{\"a\":1}]]", "but got Hash: "},
        {"[[\"code\",\"in\",[[\"a\"]]]]", "but got Array: [\"a\"]"},
        {"[[\"code\",\"is\",[\"a\",\"b\"]]]",
         "API read() 'is' 'relation' expects a 1-element array: [\"a\", \"b\"]"},
        {"[[\"code\",\"in\",[]]]",
         "API read() 'in' 'relation' expects at least a 1-element array: []"},
        {"[[\"sg_cut_in\",\"is\",2.5]]",
         "API read() Shot.sg_cut_in expected [String, Integer, NilClass] data type(s) but got Float: "
         "2.5"},
        {"[[\"sg_cut_in\",\"is\",42.0]]", "but got Float: 42.0"},
        {"[[\"sg_cut_in\",\"is\",\"42abc\"]]", "Invalid data for 'number' data type. Value: 42abc"},
        {"[[\"sg_cut_in\",\"is\",\"\"]]", "Invalid data for 'number' data type. Value: "},
        {"[[\"sg_cut_in\",\"between\",1001]]",
         "API read() 'between' 'relation' expects a 2-element array: [1001]"},
        {"[[\"sg_done\",\"is\",\"50\"]]",
         "API read() Shot.sg_done expected [Integer, NilClass] data type(s) but got String: \"50\""},
        {"[[\"sg_done\",\"is\",50.0]]", "but got Float: 50.0"},
        {"[[\"sg_done\",\"between\",[0,0.9]]]", "expected [Integer, NilClass]"},
        {"[[\"sg_bid\",\"is\",\"8:00\"]]", "Invalid data for 'duration' data type. Value: 8:00"},
        {"[[\"sg_bid\",\"is\",true]]", "expected [String, Integer, NilClass, Float]"},
        {"[[\"sg_timecode\",\"is\",\"3600000\"]]", "but got String: \"3600000\""},
        {"[[\"sg_timecode\",\"is\",3600000.0]]", "but got Float: 3600000.0"},
        {"[[\"sg_ratio\",\"is\",1]]",
         "API read() Shot.sg_ratio expected [String, BigDecimal, Float, NilClass] data type(s) but "
         "got Integer: 1"},
        {"[[\"sg_ratio\",\"in\",[1]]]", "but got Integer: 1"},
        {"[[\"sg_ratio\",\"greater_than\",0]]", "but got Integer: 0"},
        {"[[\"sg_ratio\",\"is\",\"abc\"]]", "Invalid data for 'float' data type. Value: abc"},
        {"[[\"flagged\",\"is\",1]]",
         "API read() Shot.flagged expected [String, FalseClass, TrueClass] data type(s) but got "
         "Integer: 1"},
        {"[[\"flagged\",\"is\",\"1\"]]", "Invalid data for 'checkbox' data type. Value: 1"},
        {"[[\"flagged\",\"is\",null]]", "but got NilClass: nil"},
        {"[[\"flagged\",\"is_not\",null]]", "but got NilClass: nil"},
        {"[[\"sg_turnover_date\",\"is\",\"2026-03-04T00:00:00Z\"]]",
         "Invalid date format: 2026-03-04T00:00:00Z. Correct format is: 2011-01-21"},
        {"[[\"sg_turnover_date\",\"is\",\"2026-02-30\"]]", "Invalid date format: 2026-02-30."},
        {"[[\"sg_turnover_date\",\"is\",\"2025-02-29\"]]", "Invalid date format"},
        {"[[\"sg_turnover_date\",\"is\",\"2026-9-8\"]]", "Invalid date format"},
        {"[[\"sg_turnover_date\",\"is\",1757000000]]", "expected [String, NilClass]"},
        {"[[\"created_at\",\"is\",\"2026-03-04 05:06:07\"]]",
         "Invalid date time format: 2026-03-04 05:06:07. Correct format is 2011-01-21T13:26:09Z "
         "(UTC), 2011-01-21T13:26:09-07:00 (UTC Offset) or any ISO8601 compatible string."},
        {"[[\"created_at\",\"is\",\"1772600767\"]]", "Invalid date time format"},
        {"[[\"created_at\",\"is\",\"2021-06-16 08:55:04 UTC\"]]", "Invalid date time format"},
        {"[[\"created_at\",\"is\",\"\"]]", "Invalid date time format: ."},
        {"[[\"created_at\",\"is\",\"tomorrow\"]]", "Invalid date time format"},
        {"[[\"created_at\",\"is\",1772600767]]", "but got Integer: 1772600767"},
        {"[[\"created_at\",\"in_last\",1]]",
         "API read() 'in_last' 'relation' expects a 2-element array: [1]"},
        {"[[\"created_at\",\"in_last\",[1]]]", "expects a 2-element array: [1]"},
        {"[[\"created_at\",\"in_last\",[1,\"day\"]]]",
         "Valid time units: [\"HOUR\", \"DAY\", \"WEEK\", \"MONTH\", \"YEAR\"]"},
        {"[[\"created_at\",\"in_last\",[-10,\"DAY\"]]]", "expects at a positive Integer time unit"},
        {"[[\"created_at\",\"in_last\",[0,\"DAY\"]]]", "expects at a positive Integer time unit"},
        {"[[\"created_at\",\"in_calendar_day\",\"0\"]]", "but got String: \"0\""},
        {"[[\"created_at\",\"in_calendar_day\",[0,1]]]", "expects a 1-element array"},
        {"[[\"entity\",\"is\",5]]",
         "expected [Hash, ActiveSupport::HashWithIndifferentAccess, "
         "ActionDispatch::Http::Parameters, ActionDispatch::Http::ParamsHashWithIndifferentAccess, "
         "NilClass] data type(s) but got Integer: 5"},
        {"[[\"entity\",\"is\",\"\"]]", "but got String: \"\""},
        {"[[\"entity\",\"is\",[" A20 "," A21 "]]]", "expects a 1-element array"},
        {"[[\"entity\",\"is\",{\"id\":5}]]",
         "invalid/missing entity hash string 'type': {\"id\":5}"},
        {"[[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":null}]]",
         "invalid/missing entity hash integer 'id'"},
        {"[[\"entity\",\"in\",[]]]", "expects at least a 1-element array: []"},
        {"[[\"entity\",\"name_is\",null]]", "expected [String] data type(s) but got NilClass: nil"},
        {"[[\"entity\",\"name_contains\"," A20 "]]", "but got Hash"},
        {"[[\"entity\",\"type_is\"," A20 "]]", "expected [String, NilClass]"},
        {"[[\"assets\",\"in\",[26342]]]", "invalid/missing entity hash: 26342"},
        {"[[\"assets\",\"is\",[" A20 "," A21 "]]]", "'is' 'relation' expects a 1-element array"},
        /* shapes, A§3.4 */
        {"[[\"code\",\"is\"]]", "Invalid condition: [\"code\",\"is\"]"},
        {"[[]]", "Invalid condition"},
        {"[[1,\"is\",1]]", "Invalid condition"},
        {"[[[\"code\",\"is\",\"x\"]]]", "Invalid condition"},
        {"[7]", "Invalid condition: 7"},
        {"[null]", "Invalid condition: nil"},
        {"[\"code\",\"is\",\"x\"]", "filters are a list of conditions"},
        {"{}", "Missing logical operator"},
        {"{\"conditions\":[]}", "Missing logical operator"},
        {"{\"logical_operator\":\"and\"}", "Missing conditions parameter"},
        {"{\"logical_operator\":\"and\",\"conditions\":{}}", "Missing conditions parameter"},
        {"{\"logical_operator\":\"AND\",\"conditions\":[]}", "Invalid logical operator: AND"},
        {"{\"logical_operator\":\"all\",\"conditions\":[]}", "Invalid logical operator: all"},
        {"{\"filter_operator\":\"none\",\"filters\":[]}", "Invalid logical operator: none"},
        {"[{\"path\":\"code\",\"relation\":\"is\",\"values\":[\"x\"]}]",
         "Missing logical operator"},
        {"[" X "," AND "[\"cod\",\"is\",1]]}]", "Did you mean \"code\"?"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {"Shot", rows[i].filters, NULL, NULL, 0, 0};
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &ask, &err);

        if (plan || err.status != FPTC_EUSAGE || !strstr(err.message, rows[i].message))
            fail_msg("%s: expected '%s', got %d '%s'", rows[i].filters, rows[i].message,
                     (int)err.status, err.message);
    }
}

static void test_other_errors(void **state)
{
    static const struct {
        struct help_ask ask;
        fptc_status status;
        const char *message;
    } rows[] = {
        {{"Version", NULL, NULL, NULL, 0, 0}, FPTC_ESTATE, "type 'Version' is not loaded"},
        {{"Shot", "[[\"entity.Version.code\",\"is\",\"x\"]]", NULL, NULL, 0, 0},
         FPTC_ESTATE,
         "type 'Version' is not loaded"},
        {{"Shot", NULL, "anything.Version.code", NULL, 0, 0},
         FPTC_ESTATE,
         "'Version' is not loaded"},
        {{"Shot", NULL, NULL, "entity.Version.code", 0, 0}, FPTC_ESTATE, "'Version' is not loaded"},
        {{"Shot", NULL, NULL, NULL, -1, 0}, FPTC_EUSAGE, "limit"},
        {{"Shot", NULL, NULL, NULL, 0, -1}, FPTC_EUSAGE, "page"},
        {{"Sh\"ot", NULL, NULL, NULL, 0, 0}, FPTC_EUSAGE, "Entity type 'Sh\"ot' does not exist."},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;

        assert_null(help_plan(schema, &rows[i].ask, &err));
        assert_int_equal(err.status, rows[i].status);
        assert_non_null(strstr(err.message, rows[i].message));
    }
}

/* Never guessed (A§9.6, A§11). */
static void test_passed_through(void **state)
{
    static const struct {
        const char *filters, *fields, *order;
    } rows[] = {
        {"[[\"sg_json\",\"is\",{\"a\":1}]]", NULL, NULL},
        {"[[\"sg_settings\",\"is\",\"x\"]]", NULL, NULL},
        {"[[\"sg_movie\",\"is\",\"x\"]]", NULL, NULL},
        {"[[\"image\",\"is\",null]]", NULL, NULL},
        {"[[\"image\",\"is\",\"x\"]]", NULL, NULL},
        {"[[\"open_notes_count\",\"is\",1]]", NULL, NULL},
        {"[[\"sg_uuid\",\"is\",\"11111111-2222-11df-8888-999999999999\"]]", NULL, NULL},
        {"[[\"viewed_by_current_user\",\"is\",\"read\"]]", NULL, NULL},
        {"[[\"$FROM$EventLogEntry.entity.id\",\"is\",1]]", NULL, NULL},
        {"[[\"sg_cut_in\",\"not_between\",[1,2]]]", NULL, NULL},
        {"[[\"entity\",\"name_starts_with\",\"x\"]]", NULL, NULL},
        {"[[\"assets.Asset.code\",\"is\",null]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.assets.Asset.code\",\"is_not\",\"x\"]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.code\",\"is_not\",\"x\"]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.code\",\"not_in\",[\"x\"]]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.code\",\"not_contains\",\"x\"]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.code\",\"is\",null]]", NULL, NULL},
        {"[[\"project.Project.id\",\"is_not\",5]]", NULL, NULL},
        {"[[\"project.Project.id\",\"is\",null]]", NULL, NULL},
        {"[[\"sg_sequence.Sequence.project\",\"is\",null]]", NULL, NULL},
        {"[[\"code\",\"in\",[null]]]", NULL, NULL},
        {"[[\"code\",\"in\",[\"a\",null]]]", NULL, NULL},
        {"[[\"sg_cut_in\",\"in\",[1,null]]]", NULL, NULL},
        {"[[\"sg_turnover_date\",\"in\",[\"\"]]]", NULL, NULL},
        {"[[\"assets\",\"in\",[" A20 ",null]]]", NULL, NULL},
        {"[[\"sg_cut_in\",\"greater_than\",null]]", NULL, NULL},
        {"[[\"code\",\"contains\",null]]", NULL, NULL},
        {"[[\"sg_cut_in\",\"is\",2147483648]]", NULL, NULL},
        {"[[\"sg_cut_in\",\"is\",\"-2147483649\"]]", NULL, NULL},
        {"[[\"sg_bid\",\"is\",\"480.5\"]]", NULL, NULL},
        {"[[\"sg_color\",\"is\",\"red\"]]", NULL, NULL},
        {"[[\"created_at\",\"is\",\"20260304T050607Z\"]]", NULL, NULL},
        {"[[\"created_at\",\"is\",\"2026-W10-3\"]]", NULL, NULL},
        {"[[\"sg_turnover_date\",\"in_last\",[5,\"HOUR\"]]]", NULL, NULL},
        {"[[\"anything\",\"name_is\",\"x\"]]", NULL, NULL},
        {OR "[\"code\",\"is\",\"x\"]," AND "]}]}", NULL, NULL},
        {NULL, NULL, "entity"},
        {NULL, NULL, "assets"},
        {NULL, NULL, "sg_uuid"},
        {NULL, NULL, "open_notes_count"},
        {NULL, NULL, "image"},
        {NULL, NULL, "assets.Asset.code"},
        {NULL, NULL, "code,sg_json"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct fptc__plan *plan = plan_of(rows[i].filters, rows[i].fields, rows[i].order);

        if (plan->is_local || plan->why_not[0] == '\0' || plan->sql)
            fail_msg("%s %s is answered here", rows[i].filters ? rows[i].filters : "",
                     rows[i].order ? rows[i].order : "");
        assert_non_null(plan->sql_by_id);
        assert_non_null(fptc__plan_canonical(plan));
        assert_non_null(fptc__plan_rest_filters(plan));
        fptc__plan_free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_questions),
        cmocka_unit_test(test_different_questions),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_body_for_fpt),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_other_errors),
        cmocka_unit_test(test_passed_through),
    };

    return cmocka_run_group_tests_name("query_filter", tests, set_up, tear_down);
}
