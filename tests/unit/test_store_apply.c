/*
 * test_store_apply.c: every merge rule of tables.h, each in place, with the stored state in the base of
 * an overlay, and with it in the overlay itself.
 */
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

static int is_suspect(struct store *s, const char *type, int id)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT 1 FROM main._fptc_suspect WHERE type='%s' AND id=%d", type,
             id);
    return strcmp(store_get(s, sql), "1") == 0;
}

/* --- rows and gone against what is stored ----------------------------------------------------- */

struct rule {
    const char *name;
    struct {
        uint16_t kind;
        const char *body;
    } before[3], record;
    const char *code; /* of Shot 5 afterwards, "-" when it is not there */
    int is_suspect;
    int is_new; /* the version key is of the record's commit */
};

static const struct rule rules[] = {
    {"nothing stored: row taken",
     {{0, NULL}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
     "a",
     0,
     1},
    {"nothing stored: gone taken", {{0, NULL}}, {FPTC__GONE, SHOT_GONE("0", "")}, "-", 0, 1},

    {"change <= seen: taken",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_B UPDATED("05"))},
     "b",
     0,
     1},
    {"change <= seen: taken though updated_at is less",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_B UPDATED("01"))},
     "b",
     0,
     1},
    {"change <= seen: equal content is no change",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_A UPDATED("05"))},
     "a",
     0,
     0},
    {"change <= seen: gone taken",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("1", "")},
     "-",
     0,
     1},

    {"change > seen, updated_at greater: taken",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("06"))},
     "b",
     0,
     1},
    {"change > seen, equal: nothing",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
     "a",
     0,
     0},
    {"change > seen, updated_at less: kept",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("04"))},
     "a",
     0,
     0},
    {"change > seen, updated_at equal, content not: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))},
     "a",
     1,
     0},
    {"change > seen, record without updated_at: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B "\"updated_at\":null")},
     "a",
     1,
     0},
    {"change > seen, stored without updated_at: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A "\"updated_at\":null")}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("06"))},
     "a",
     1,
     0},
    {"change > seen, updated_at is no time: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B "\"updated_at\":\"later\"")},
     "a",
     1,
     0},
    {"seen above the commit itself counts as the one before",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("999", CODE_B UPDATED("05"))},
     "b",
     0,
     1},

    {"change > seen: gone, updated_at greater: taken",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("0", "," UPDATED("06"))},
     "-",
     0,
     1},
    {"change > seen: gone, updated_at less: kept",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("0", "," UPDATED("04"))},
     "a",
     0,
     0},
    {"change > seen: gone, updated_at equal: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))},
     "a",
     1,
     0},
    {"change > seen: gone without updated_at: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("0", "")},
     "a",
     1,
     0},

    {"tombstone <= seen: row returns",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_B UPDATED("01"))},
     "b",
     0,
     1},
    {"tombstone > seen, updated_at greater: row returns",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("06"))},
     "b",
     0,
     1},
    {"tombstone > seen, updated_at less: stays gone",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("04"))},
     "-",
     0,
     0},
    {"tombstone > seen, updated_at equal: suspect",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))},
     "-",
     1,
     0},
    {"tombstone > seen without updated_at: suspect",
     {{FPTC__GONE, SHOT_GONE("0", "")}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("06"))},
     "-",
     1,
     0},
    {"tombstone and gone again: nothing",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("1", "," UPDATED("05"))},
     "-",
     0,
     0},
    {"tombstone and gone that knows less: nothing",
     {{FPTC__GONE, SHOT_GONE("0", "," UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("1", "")},
     "-",
     0,
     0},
    {"tombstone and gone that knows more: taken",
     {{FPTC__GONE, SHOT_GONE("0", "")}},
     {FPTC__GONE, SHOT_GONE("1", "," UPDATED("05"))},
     "-",
     0,
     1},

    {"row, gone, and an older row: stays gone",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__GONE, SHOT_GONE("1", "," UPDATED("06"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_A UPDATED("05"))},
     "-",
     0,
     0},
    {"row, gone, and the row restored: returns",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__GONE, SHOT_GONE("1", "," UPDATED("06"))}},
     {FPTC__ROWS, SHOT_ROWS("2", CODE_A UPDATED("07"))},
     "a",
     0,
     1},

    {"suspect, then confirmed",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("2", CODE_A UPDATED("05"))},
     "a",
     0,
     0},
    {"suspect, then taken by one that saw it",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_B UPDATED("05"))},
     "b",
     0,
     1},
    {"suspect, then confirmed by one that had not seen it: stays",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))}},
     {FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
     "a",
     1,
     0},
    {"suspect, then gone by one that saw it",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))},
      {FPTC__ROWS, SHOT_ROWS("0", CODE_B UPDATED("05"))}},
     {FPTC__GONE, SHOT_GONE("2", "")},
     "-",
     0,
     1},

    {"fewer fields, change <= seen: taken and suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\"},"
                  "\"rows\":[{\"id\":5,\"code\":\"b\"}]}"},
     "b",
     1,
     1},
    {"fewer fields, equal: nothing but suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\"},"
                  "\"rows\":[{\"id\":5,\"code\":\"a\"}]}"},
     "a",
     1,
     0},
    {"more fields, change <= seen: taken",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\",\"sg_x\":\"text\","
                  "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5," CODE_A UPDATED("05") "}]}"},
     "a",
     0,
     1},
    {"more fields, change > seen: suspect",
     {{FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":0,\"types\":{\"code\":\"text\",\"sg_x\":\"text\","
                  "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5," CODE_A UPDATED("05") "}]}"},
     "a",
     1,
     0},
    {"a computed field that is not asked for is not missed",
     {{FPTC__ROWS,
       "{\"type\":\"Shot\",\"seen\":0,\"types\":{\"code\":\"text\",\"sg_s\":\"summary\","
       "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5,\"sg_s\":3," CODE_A UPDATED("05") "}]}"}},
     {FPTC__ROWS, SHOT_ROWS("1", CODE_A UPDATED("05"))},
     "a",
     0,
     0},
};

static uint64_t version_of(struct store *s)
{
    char sql[] = "SELECT version FROM main._fptc_gone WHERE type='Shot' AND id=5";
    const char *text = store_row(s, "Shot", 5, "_fptc_version");

    if (strcmp(text, "-") == 0)
        text = store_get(s, sql);
    if (strcmp(text, "-") == 0 && s->is_overlay)
        text = store_get(s, "SELECT version FROM base._fptc_gone WHERE type='Shot' AND id=5");
    return strtoull(text, NULL, 10);
}

static uint64_t touched(struct store *s)
{
    return strtoull(store_get(s, "SELECT commit_no FROM main._fptc_touched WHERE type='Shot'"),
                    NULL, 10);
}

static void try_rule(const struct rule *r, int mode)
{
    struct store s;
    size_t i;
    uint64_t before, touched_before;
    char *first, *again;

    begin(&s, mode);
    for (i = 0; i < 3 && r->before[i].body; i++)
        put(&s, r->before[i].kind, r->before[i].body);
    stored(&s, mode);
    before = version_of(&s);
    touched_before = touched(&s);
    put(&s, r->record.kind, r->record.body);
    if (strcmp(store_row(&s, "Shot", 5, "code"), r->code) != 0)
        fail_msg("%s (%s): code is %s, not %s", r->name, mode_names[mode],
                 store_row(&s, "Shot", 5, "code"), r->code);
    if (is_suspect(&s, "Shot", 5) != r->is_suspect)
        fail_msg("%s (%s): suspect is %d", r->name, mode_names[mode], !r->is_suspect);
    if (version_of(&s) != (r->is_new ? s.number << 20 : before))
        fail_msg("%s (%s): version %" PRIu64, r->name, mode_names[mode], version_of(&s));
    if (touched(&s) != (r->is_new ? s.number : touched_before))
        fail_msg("%s (%s): touched %" PRIu64, r->name, mode_names[mode], touched(&s));
    if (s.told.n_rows != (mode == STORED_BELOW && r->is_new && r->before[0].kind == FPTC__ROWS &&
                          !(i > 1 && r->before[1].kind == FPTC__GONE)))
        fail_msg("%s (%s): told of %zu rows", r->name, mode_names[mode], s.told.n_rows);
    /* The same record once more, in the next commit, changes nothing. */
    first = store_state(&s, 0);
    put(&s, r->record.kind, r->record.body);
    again = store_state(&s, 0);
    if (strcmp(first, again) != 0)
        fail_msg("%s (%s), twice: %s", r->name, mode_names[mode], state_difference(first, again));
    free(first);
    free(again);
    store_close(&s);
}

static void test_rules(void **state)
{
    size_t i;
    int mode;

    (void)state;
    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        for (mode = 0; mode < MODES; mode++)
            try_rule(&rules[i], mode);
    }
}

/* --- what counts as equal --------------------------------------------------------------------- */

static const struct {
    const char *data_type, *first, *second;
    int is_equal;
    const char *kept; /* typeof and value of sg_v after the first; NULL: not looked at */
} values[] = {
    {"text", "\"a\"", "\"a\"", 1, "text a"},
    {"text", "\"a\"", "\"A\"", 0, NULL},
    {"text", "\"007\"", "\"7\"", 0, "text 007"},
    {"text", "null", "null", 1, "null "},
    {"text", "\"\"", "null", 0, "text "},
    {"text", "12", "12", 1, "text 12"},
    {"text", "\"\\u00e4\\ud83c\\udfac\"", "\"\xc3\xa4\xf0\x9f\x8e\xac\"", 1, NULL},
    {"float", "\"2.5\"", "2.5", 1, "real 2.5"},
    {"float", "\"2.5000001\"", "\"2.5\"", 1, "real 2.5"},
    {"float", "\"2.500001\"", "\"2.5\"", 0, "real 2.500001"},
    {"float", "\"-0.0\"", "0", 1, "real 0.0"},
    {"float", "\" +2.50 \"", "\"2.5\"", 1, "real 2.5"},
    {"float", "\"1e3\"", "1000", 1, "real 1000.0"},
    {"float", "\".5\"", "\"0.5\"", 1, "real 0.5"},
    {"float", "\"5.\"", "5", 1, "real 5.0"},
    {"float", "\"123456789.123456\"", "123456789.123456", 1, "real 123456789.123456"},
    {"float", "\"2,5\"", "\"2.5\"", 0, "text 2,5"},
    {"float", "\"abc\"", "\"abc\"", 1, "text abc"},
    {"float", "\"1e999\"", "\"1e999\"", 1, NULL},
    {"float", "\"00012345678901234567890.5\"", "12345678901234567890.5", 1, NULL},
    {"currency", "\"10.10\"", "10.1", 1, "real 10.1"},
    {"number", "7", "\"7\"", 1, "integer 7"},
    {"number", "7", "8", 0, NULL},
    {"number", "\" 12 \"", "12", 1, "integer 12"},
    {"number", "9007199254740993000", "9007199254740993000", 1, NULL},
    {"number", "1e300", "1e300", 1, NULL},
    {"number", "2.5", "\"2.5\"", 1, "real 2.5"},
    {"number", "\"12.0\"", "12", 1, "integer 12"},
    {"number", "\"12abc\"", "\"12abc\"", 1, "text 12abc"},
    {"number", "\"1234567890123456789\"", "1234567890123456789", 1, NULL},
    {"number", "\"-\"", "\"-\"", 1, "text -"},
    {"number", "\"1e\"", "\"1e\"", 1, "text 1e"},
    {"checkbox", "true", "1", 1, "integer 1"},
    {"checkbox", "false", "null", 0, "integer 0"},
    {"percent", "50", "50", 1, "integer 50"},
    {"jsonb", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1, NULL},
    {"jsonb", "{\"a\":1}", "{\"a\":2}", 0, NULL},
    {"jsonb", "\"x\"", "\"x\"", 1, "text \"x\""},
    {"serializable", "[1,2]", "[2,1]", 0, NULL},
    {"no_such_type", "{\"k\":[null]}", "{\"k\":[null]}", 1, "text {\"k\":[null]}"},
};

static void test_values(void **state)
{
    size_t i;
    int mode;

    (void)state;
    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (mode = 0; mode < MODES; mode++) {
            static const char format[] =
                "{\"type\":\"Shot\",\"seen\":%d,\"types\":{\"sg_v\":\"%s\"},"
                "\"rows\":[{\"id\":5,\"sg_v\":%s}]}";
            struct store s;
            char body[500];
            const char *kept;
            begin(&s, mode);
            snprintf(body, sizeof(body), format, 0, values[i].data_type, values[i].first);
            put(&s, FPTC__ROWS, body);
            stored(&s, mode);
            kept = store_row(&s, "Shot", 5, "typeof(sg_v) || ' ' || coalesce(sg_v, '')");
            if (values[i].kept && strcmp(kept, values[i].kept) != 0)
                fail_msg("%s %s is kept as %s", values[i].data_type, values[i].first, kept);
            snprintf(body, sizeof(body), format, 1, values[i].data_type, values[i].second);
            put(&s, FPTC__ROWS, body);
            if ((version_of(&s) == 1u << 20) != values[i].is_equal)
                fail_msg("%s %s and %s (%s)", values[i].data_type, values[i].first,
                         values[i].second, mode_names[mode]);
            store_close(&s);
        }
    }
}

static const struct {
    const char *data_type, *first, *second;
    int is_equal;
} links[] = {
    {"entity", "{\"type\":\"Asset\",\"id\":1,\"name\":\"x\"}", "{\"type\":\"Asset\",\"id\":1}", 1},
    {"entity", "{\"type\":\"Asset\",\"id\":1}", "{\"type\":\"Asset\",\"id\":2}", 0},
    {"entity", "{\"type\":\"Asset\",\"id\":1}", "{\"type\":\"Task\",\"id\":1}", 0},
    {"entity", "{\"type\":\"Asset\",\"id\":1}", "null", 0},
    {"entity", "null", "{\"type\":\"Asset\",\"id\":1}", 0},
    {"entity", "null", "null", 1},
    {"entity", "\"nonsense\"", "null", 1},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}]",
     "[{\"type\":\"A\",\"id\":1,\"name\":\"n\"},{\"type\":\"A\",\"id\":2}]", 1},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}]",
     "[{\"type\":\"A\",\"id\":2},{\"type\":\"A\",\"id\":1}]", 0},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1}]",
     "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}]", 0},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":2}]",
     "[{\"type\":\"A\",\"id\":1}]", 0},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1}]", "[]", 0},
    {"multi_entity", "[]", "null", 1},
    {"multi_entity", "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":1}]",
     "[{\"type\":\"A\",\"id\":1},{\"type\":\"A\",\"id\":1}]", 1},
};

static void test_links(void **state)
{
    size_t i;
    int mode;

    (void)state;
    for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        for (mode = 0; mode < MODES; mode++) {
            static const char format[] =
                "{\"type\":\"Shot\",\"seen\":%d,\"types\":{\"sg_l\":\"%s\"},"
                "\"rows\":[{\"id\":5,\"sg_l\":%s}]}";
            struct store s;
            char body[500];
            begin(&s, mode);
            snprintf(body, sizeof(body), format, 0, links[i].data_type, links[i].first);
            put(&s, FPTC__ROWS, body);
            stored(&s, mode);
            snprintf(body, sizeof(body), format, 1, links[i].data_type, links[i].second);
            put(&s, FPTC__ROWS, body);
            if ((version_of(&s) == 1u << 20) != links[i].is_equal)
                fail_msg("%s and %s (%s)", links[i].first, links[i].second, mode_names[mode]);
            store_close(&s);
        }
    }
}

/* --- versions, events, what is never stored --------------------------------------------------- */

/* Two contradicting rows in one record: neither can have been asked for after this commit. */
static void test_twice_in_a_record(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    put(&s, FPTC__ROWS,
        "{\"type\":\"Shot\",\"seen\":999,\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1,\"code\":"
        "\"a\"},{\"id\":1,\"code\":\"b\"}]}");
    assert_string_equal(store_row(&s, "Shot", 1, "code"), "a");
    assert_true(is_suspect(&s, "Shot", 1));
    store_close(&s);
}

static void test_versions_count_changes(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    put(&s, FPTC__ROWS,
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1,\"code\":\"a\"},"
        "{\"id\":2,\"code\":\"b\"},{\"id\":1,\"code\":\"a\"},{\"id\":3,\"code\":\"c\"}]}");
    assert_string_equal(store_row(&s, "Shot", 2, "_fptc_version"), "1048577");
    assert_string_equal(store_row(&s, "Shot", 3, "_fptc_version"),
                        "1048578"); /* the equal one has none */
    put(&s, FPTC__GONE, "{\"type\":\"Shot\",\"seen\":1,\"rows\":[{\"id\":3},{\"id\":9}]}");
    assert_string_equal(store_get(&s, "SELECT version FROM _fptc_gone WHERE id=3"), "2097152");
    assert_string_equal(store_get(&s, "SELECT version FROM _fptc_gone WHERE id=9"), "2097153");
    store_close(&s);
}

static void test_events(void **state)
{
    static const char body[] = "{\"type\":\"Shot\",\"seen\":%d,\"types\":{\"code\":\"text\"},"
                               "\"rows\":[{\"id\":5,\"code\":\"%s\"}],\"event\":\"%s\"}";
    char text[300];
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        snprintf(text, sizeof(text), body, 0, "a", "e1");
        put(&s, FPTC__ROWS, text);
        stored(&s, mode);
        /* Known already, whatever it says; equal content carries a new event all the same. */
        snprintf(text, sizeof(text), body, 1, "b", "e1");
        put(&s, FPTC__ROWS, text);
        snprintf(text, sizeof(text), body, 2, "b", "e2");
        put(&s, FPTC__ROWS, text);
        put(&s, FPTC__GONE,
            "{\"type\":\"Shot\",\"seen\":3,\"rows\":[{\"id\":5}],\"event\":\"e3\"}");
        assert_string_equal(
            store_get(&s, mode == STORED_BELOW
                              ? "SELECT version FROM base._fptc_event WHERE event='e1'"
                              : "SELECT version FROM main._fptc_event WHERE event='e1'"),
            "1048576");
        if (mode == STORED_BELOW)
            assert_string_equal(store_get(&s, "SELECT 1 FROM main._fptc_event WHERE event='e1'"),
                                "-");
        assert_string_equal(store_get(&s, "SELECT version FROM main._fptc_event WHERE event='e2'"),
                            "2097152");
        assert_string_equal(store_get(&s, "SELECT version FROM main._fptc_event WHERE event='e3'"),
                            "4194304");
        store_close(&s);
    }
}

static void test_never_stored(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    put(&s, FPTC__ROWS,
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\",\"image\":\"image\",\"id\":\"number\","
        "\"type\":\"text\",\"viewed_by_current_user\":\"checkbox\"},\"rows\":[{\"id\":1,"
        "\"code\":\"a\",\"image\":\"https://x/?sig=secret\",\"extra\":\"not in types\"}]}");
    assert_string_equal(store_get(&s, "SELECT group_concat(name) FROM pragma_table_info('Shot')"),
                        "id,_fptc_version,_fptc_fieldset,code");
    assert_string_equal(store_get(&s, "SELECT fields FROM _fptc_fieldset"), "[\"code\"]");
    assert_string_equal(store_get(&s, "SELECT group_concat(field) FROM _fptc_field"), "code");
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_twice_in_a_record),
        cmocka_unit_test(test_versions_count_changes),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_never_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
