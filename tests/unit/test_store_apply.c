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

enum { IN_PLACE, STORED_BELOW, STORED_ABOVE, MODES };
static const char *const mode_names[] = {"in place", "stored in base", "stored in overlay"};

/* Begins a store whose next commits are "what is stored"; then comes stored(). */
static void begin(struct store *s, int mode)
{
    store_open(s);
    if (mode == STORED_ABOVE)
        store_split(s);
}

static void stored(struct store *s, int mode)
{
    if (mode == STORED_BELOW)
        store_split(s);
    memset(&s->told, 0, sizeof(s->told));
}

static void put(struct store *s, uint16_t kind, const char *body)
{
    if (store_put(s, kind, body) != FPTC_OK)
        fail_msg("%s: %s", body, th_err.message);
}

static int is_suspect(struct store *s, const char *type, int id)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT 1 FROM main._fptc_suspect WHERE type='%s' AND id=%d", type,
             id);
    return strcmp(store_get(s, sql), "1") == 0;
}

/* --- rows and gone against what is stored ----------------------------------------------------- */

#define TYPES "\"types\":{\"code\":\"text\",\"updated_at\":\"date_time\"}"
#define AT(s) "\"updated_at\":\"2026-01-01T00:00:" s "Z\""
#define ROWS(seen, members)                                                                        \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," TYPES ",\"rows\":[{\"id\":5," members "}]}"
#define GONE(seen, members)                                                                        \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1,\"rows\":[{\"id\":5" members "}]}"
#define A "\"code\":\"a\","
#define B "\"code\":\"b\","

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
    {"nothing stored: row taken", {{0, NULL}}, {FPTC__ROWS, ROWS("0", A AT("05"))}, "a", 0, 1},
    {"nothing stored: gone taken", {{0, NULL}}, {FPTC__GONE, GONE("0", "")}, "-", 0, 1},

    {"change <= seen: taken",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("1", B AT("05"))},
     "b",
     0,
     1},
    {"change <= seen: taken though updated_at is less",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("1", B AT("01"))},
     "b",
     0,
     1},
    {"change <= seen: equal content is no change",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("1", A AT("05"))},
     "a",
     0,
     0},
    {"change <= seen: gone taken",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__GONE, GONE("1", "")},
     "-",
     0,
     1},

    {"change > seen, updated_at greater: taken",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("06"))},
     "b",
     0,
     1},
    {"change > seen, equal: nothing",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", A AT("05"))},
     "a",
     0,
     0},
    {"change > seen, updated_at less: kept",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("04"))},
     "a",
     0,
     0},
    {"change > seen, updated_at equal, content not: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("05"))},
     "a",
     1,
     0},
    {"change > seen, record without updated_at: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", B "\"updated_at\":null")},
     "a",
     1,
     0},
    {"change > seen, stored without updated_at: suspect",
     {{FPTC__ROWS, ROWS("0", A "\"updated_at\":null")}},
     {FPTC__ROWS, ROWS("0", B AT("06"))},
     "a",
     1,
     0},
    {"change > seen, updated_at is no time: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("0", B "\"updated_at\":\"later\"")},
     "a",
     1,
     0},
    {"seen above the commit itself counts as the one before",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, ROWS("999", B AT("05"))},
     "b",
     0,
     1},

    {"change > seen: gone, updated_at greater: taken",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__GONE, GONE("0", "," AT("06"))},
     "-",
     0,
     1},
    {"change > seen: gone, updated_at less: kept",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__GONE, GONE("0", "," AT("04"))},
     "a",
     0,
     0},
    {"change > seen: gone, updated_at equal: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__GONE, GONE("0", "," AT("05"))},
     "a",
     1,
     0},
    {"change > seen: gone without updated_at: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__GONE, GONE("0", "")},
     "a",
     1,
     0},

    {"tombstone <= seen: row returns",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__ROWS, ROWS("1", B AT("01"))},
     "b",
     0,
     1},
    {"tombstone > seen, updated_at greater: row returns",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("06"))},
     "b",
     0,
     1},
    {"tombstone > seen, updated_at less: stays gone",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("04"))},
     "-",
     0,
     0},
    {"tombstone > seen, updated_at equal: suspect",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__ROWS, ROWS("0", B AT("05"))},
     "-",
     1,
     0},
    {"tombstone > seen without updated_at: suspect",
     {{FPTC__GONE, GONE("0", "")}},
     {FPTC__ROWS, ROWS("0", B AT("06"))},
     "-",
     1,
     0},
    {"tombstone and gone again: nothing",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__GONE, GONE("1", "," AT("05"))},
     "-",
     0,
     0},
    {"tombstone and gone that knows less: nothing",
     {{FPTC__GONE, GONE("0", "," AT("05"))}},
     {FPTC__GONE, GONE("1", "")},
     "-",
     0,
     0},
    {"tombstone and gone that knows more: taken",
     {{FPTC__GONE, GONE("0", "")}},
     {FPTC__GONE, GONE("1", "," AT("05"))},
     "-",
     0,
     1},

    {"row, gone, and an older row: stays gone",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__GONE, GONE("1", "," AT("06"))}},
     {FPTC__ROWS, ROWS("1", A AT("05"))},
     "-",
     0,
     0},
    {"row, gone, and the row restored: returns",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__GONE, GONE("1", "," AT("06"))}},
     {FPTC__ROWS, ROWS("2", A AT("07"))},
     "a",
     0,
     1},

    {"suspect, then confirmed",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__ROWS, ROWS("0", B AT("05"))}},
     {FPTC__ROWS, ROWS("2", A AT("05"))},
     "a",
     0,
     0},
    {"suspect, then taken by one that saw it",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__ROWS, ROWS("0", B AT("05"))}},
     {FPTC__ROWS, ROWS("1", B AT("05"))},
     "b",
     0,
     1},
    {"suspect, then confirmed by one that had not seen it: stays",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__ROWS, ROWS("0", B AT("05"))}},
     {FPTC__ROWS, ROWS("0", A AT("05"))},
     "a",
     1,
     0},
    {"suspect, then gone by one that saw it",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}, {FPTC__ROWS, ROWS("0", B AT("05"))}},
     {FPTC__GONE, GONE("2", "")},
     "-",
     0,
     1},

    {"fewer fields, change <= seen: taken and suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\"},"
                  "\"rows\":[{\"id\":5,\"code\":\"b\"}]}"},
     "b",
     1,
     1},
    {"fewer fields, equal: nothing but suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\"},"
                  "\"rows\":[{\"id\":5,\"code\":\"a\"}]}"},
     "a",
     1,
     0},
    {"more fields, change <= seen: taken",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\",\"sg_x\":\"text\","
                  "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5," A AT("05") "}]}"},
     "a",
     0,
     1},
    {"more fields, change > seen: suspect",
     {{FPTC__ROWS, ROWS("0", A AT("05"))}},
     {FPTC__ROWS, "{\"type\":\"Shot\",\"seen\":0,\"types\":{\"code\":\"text\",\"sg_x\":\"text\","
                  "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5," A AT("05") "}]}"},
     "a",
     1,
     0},
    {"a computed field that is not asked for is not missed",
     {{FPTC__ROWS,
       "{\"type\":\"Shot\",\"seen\":0,\"types\":{\"code\":\"text\",\"sg_s\":\"summary\","
       "\"updated_at\":\"date_time\"},\"rows\":[{\"id\":5,\"sg_s\":3," A AT("05") "}]}"}},
     {FPTC__ROWS, ROWS("1", A AT("05"))},
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

/* --- names ------------------------------------------------------------------------------------ */

/* "name is_gone commit" of Asset 7. */
static const char *name_of(struct store *s)
{
    static const char q[] =
        "SELECT coalesce(name, 'NULL') || ' ' || is_gone || ' ' || commit_no FROM "
        "%s._fptc_name WHERE type='Asset' AND id=7";
    char sql[300];
    const char *got;

    snprintf(sql, sizeof(sql), q, "main");
    got = store_get(s, sql);
    if (strcmp(got, "-") == 0 && s->is_overlay) {
        snprintf(sql, sizeof(sql), q, "base");
        got = store_get(s, sql);
    }
    return got;
}

#define LINK(seen, id, name)                                                                       \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"types\":{\"sg_a\":\"entity\"},\"rows\":[{\"id\":" id   \
    ",\"sg_a\":{\"type\":\"Asset\",\"id\":7,\"name\":" name "}}]}"
#define LINKS(seen, id, name)                                                                      \
    "{\"type\":\"Shot\",\"seen\":" seen                                                            \
    ",\"types\":{\"sg_m\":\"multi_entity\"},\"rows\":[{\"id\":" id                                 \
    ",\"sg_m\":[{\"type\":\"Asset\",\"id\":7,\"name\":" name "}]}]}"
#define ASSET(seen, types, members)                                                                \
    "{\"type\":\"Asset\",\"seen\":" seen ",\"types\":{" types "},\"rows\":[{\"id\":7," members "}]}"
#define CODE ASSET("0", "\"code\":\"text\"", "\"code\":\"row\"")

static const struct {
    const char *name;
    struct {
        uint16_t kind;
        const char *body;
    } before[2], record;
    const char *expected;
} sightings[] = {
    {"a link names its target", {{0, NULL}}, {FPTC__ROWS, LINK("0", "1", "\"n\"")}, "n 0 1"},
    {"one of many links, too", {{0, NULL}}, {FPTC__ROWS, LINKS("0", "1", "\"n\"")}, "n 0 1"},
    {"a link without a name says nothing", {{0, NULL}}, {FPTC__ROWS, LINK("0", "1", "null")}, "-"},
    {"a row names itself by its code", {{0, NULL}}, {FPTC__ROWS, CODE}, "row 0 1"},
    {"by FPT's own name first",
     {{0, NULL}},
     {FPTC__ROWS, ASSET("0", "\"code\":\"text\",\"cached_display_name\":\"text\"",
                        "\"code\":\"c\",\"cached_display_name\":\"d\"")},
     "d 0 1"},
    {"by its content, subject, title",
     {{0, NULL}},
     {FPTC__ROWS,
      ASSET("0", "\"title\":\"text\",\"content\":\"text\"", "\"title\":\"t\",\"content\":\"c\"")},
     "c 0 1"},
    {"the same name changes nothing",
     {{FPTC__ROWS, LINK("0", "1", "\"n\"")}},
     {FPTC__ROWS, LINK("1", "2", "\"n\"")},
     "n 0 1"},
    {"a later look changes it",
     {{FPTC__ROWS, LINK("0", "1", "\"n\"")}},
     {FPTC__ROWS, LINK("1", "2", "\"m\"")},
     "m 0 2"},
    {"an earlier look does not",
     {{FPTC__ROWS, LINK("0", "1", "\"n\"")}},
     {FPTC__ROWS, LINK("0", "2", "\"m\"")},
     "n 0 1"},
    {"a row that is taken always does",
     {{FPTC__ROWS, LINK("0", "1", "\"n\"")}},
     {FPTC__ROWS, CODE},
     "row 0 2"},
    {"a row that is not believed does not",
     {{FPTC__ROWS, ASSET("0",
                         "\"code\":\"text\",\"updated_at\":"
                         "\"date_time\"",
                         "\"code\":\"new\"," AT("05"))}},
     {FPTC__ROWS,
      ASSET("0", "\"code\":\"text\",\"updated_at\":\"date_time\"", "\"code\":\"old\"," AT("04"))},
     "new 0 1"},
    {"gone is noted",
     {{FPTC__ROWS, CODE}},
     {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7}]}"},
     "row 1 2"},
    {"gone of a row never seen, too",
     {{0, NULL}},
     {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":0,\"rows\":[{\"id\":7}]}"},
     "NULL 1 1"},
    {"gone to another partition is not gone",
     {{FPTC__ROWS, CODE}},
     {FPTC__GONE,
      "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7,\"moved_to\":\"project-102\"}]}"},
     "row 0 1"},
    {"an earlier look does not bring it back",
     {{FPTC__ROWS, CODE}, {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7}]}"}},
     {FPTC__ROWS, LINK("1", "2", "\"row\"")},
     "row 1 2"},
    {"a later one does",
     {{FPTC__ROWS, CODE}, {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7}]}"}},
     {FPTC__ROWS, LINK("2", "2", "\"row\"")},
     "row 0 3"},
    {"even without a name",
     {{FPTC__ROWS, CODE}, {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7}]}"}},
     {FPTC__ROWS, LINK("2", "2", "null")},
     "row 0 3"},
    {"a row that returns does",
     {{FPTC__ROWS, CODE}, {FPTC__GONE, "{\"type\":\"Asset\",\"seen\":1,\"rows\":[{\"id\":7}]}"}},
     {FPTC__ROWS, ASSET("2", "\"code\":\"text\"", "\"code\":\"back\"")},
     "back 0 3"},
};

static void test_names(void **state)
{
    size_t i, k;
    int mode;

    (void)state;
    for (i = 0; i < sizeof(sightings) / sizeof(sightings[0]); i++) {
        for (mode = 0; mode < MODES; mode++) {
            struct store s;
            begin(&s, mode);
            for (k = 0; k < 2 && sightings[i].before[k].body; k++)
                put(&s, sightings[i].before[k].kind, sightings[i].before[k].body);
            stored(&s, mode);
            put(&s, sightings[i].record.kind, sightings[i].record.body);
            if (strcmp(name_of(&s), sightings[i].expected) != 0)
                fail_msg("%s (%s): %s, not %s", sightings[i].name, mode_names[mode], name_of(&s),
                         sightings[i].expected);
            store_close(&s);
        }
    }
}

/* --- cover, query, config --------------------------------------------------------------------- */

#define COVER(asof, fields, mark)                                                                  \
    "{\"type\":\"Shot\",\"types\":{" fields "},\"asof\":" asof ",\"mark\":\"" mark                 \
    "\",\"max_id\":9}"
#define F1 "\"code\":\"text\""
#define F2 F1 ",\"sg_n\":\"number\",\"sg_m\":\"multi_entity\",\"sg_e\":\"entity\""

static void test_cover(void **state)
{
    static const char get[] =
        "SELECT mark || ' ' || asof || ' ' || commit_no || ' ' || max_id FROM "
        "main._fptc_cover WHERE type='Shot'";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__COVER, COVER("100", F2, "m1"));
        stored(&s, mode);
        assert_string_equal(store_get(&s, get), "m1 100 1 9");
        put(&s, FPTC__COVER, COVER("100", F2, "m1")); /* the same: nothing */
        assert_string_equal(store_get(&s, get), "m1 100 1 9");
        put(&s, FPTC__COVER, COVER("99", F2, "older"));
        assert_string_equal(store_get(&s, get), "m1 100 1 9");
        put(&s, FPTC__COVER, COVER("99", F1, "older, fewer"));
        assert_string_equal(store_get(&s, get), "m1 100 1 9");
        put(&s, FPTC__COVER, COVER("101", F1, "newer"));
        assert_string_equal(store_get(&s, get), "newer 101 5 9");
        put(&s, FPTC__COVER, COVER("50", F2, "wider")); /* older, but more fields */
        assert_string_equal(store_get(&s, get), "wider 50 6 9");
        put(&s, FPTC__COVER, "{\"type\":\"Shot\",\"drop\":true}");
        assert_string_equal(store_get(&s, get), "-");
        assert_string_equal(store_get(&s, "SELECT 1 FROM main._fptc_touched"), "-");
        store_close(&s);
    }
}

/* The tables of a type that is covered and has no rows are there all the same. */
static void test_cover_makes_tables(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    put(&s, FPTC__COVER, COVER("100", F2, "m"));
    assert_string_equal(
        store_get(&s, "SELECT group_concat(name || ' ' || type) FROM pragma_table_info('Shot')"),
        "id INTEGER,_fptc_version INTEGER,_fptc_fieldset INTEGER,code TEXT,sg_n INTEGER,"
        "sg_e__type TEXT,sg_e__id INTEGER");
    assert_string_equal(store_get(&s, "SELECT count(*) FROM Shot__sg_m"), "0");
    assert_int_equal(s.told.n_types, 1);
    store_close(&s);
}

#define QUERY(asof, ids, more)                                                                         \
    "{\"hash\":\"h\",\"text\":\"{}\",\"type\":\"Shot\",\"touches\":[\"Shot\",\"Task\"],\"types\":{" F1 \
    "},"                                                                                               \
    "\"ids\":" ids ",\"asof\":" asof more "}"

static void test_query(void **state)
{
    static const char get[] = "SELECT ids || ' ' || asof || ' ' || commit_no FROM main._fptc_query";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__QUERY, QUERY("100", "[3,1]", ""));
        stored(&s, mode);
        assert_string_equal(store_get(&s, get), "[3,1] 100 1");
        assert_string_equal(store_get(&s, "SELECT touches FROM main._fptc_query"),
                            "[\"Shot\",\"Task\"]");
        put(&s, FPTC__QUERY, QUERY("100", "[3,1]", "")); /* the same answer: its commit stays */
        put(&s, FPTC__QUERY, QUERY("99", "[7]", ""));
        assert_string_equal(store_get(&s, get), "[3,1] 100 1");
        put(&s, FPTC__QUERY, QUERY("100", "[4]", ""));
        assert_string_equal(store_get(&s, get), "[4] 100 4");
        put(&s, FPTC__QUERY, QUERY("200", "[4]", ""));
        assert_string_equal(store_get(&s, get), "[4] 200 5");
        /* Asked for before a commit that touched the type: older than it looks. */
        put(&s, FPTC__ROWS, ROWS("5", A AT("01")));
        put(&s, FPTC__QUERY, QUERY("300", "[5]", ",\"seen\":5"));
        assert_string_equal(store_get(&s, get), "[4] 200 5");
        put(&s, FPTC__QUERY, QUERY("300", "[5]", ",\"seen\":6"));
        assert_string_equal(store_get(&s, get), "[5] 300 8");
        store_close(&s);
    }
}

/* The rows of an answer, in the same commit, do not make the answer old. */
static void test_query_with_its_rows(void **state)
{
    struct store s;
    const char *rows = ROWS("0", A AT("01")), *query = QUERY("300", "[5]", ",\"seen\":0");
    struct fptc__record records[2] = {{FPTC__ROWS, rows, strlen(rows)},
                                      {FPTC__QUERY, query, strlen(query)}};

    (void)state;
    store_open(&s);
    assert_int_equal(store_apply(&s, 1, records, 2), FPTC_OK);
    assert_string_equal(store_get(&s, "SELECT ids FROM _fptc_query"), "[5]");
    store_close(&s);
}

static void test_config(void **state)
{
    static const char get[] =
        "SELECT value || ' ' || asof || ' ' || commit_no FROM main._fptc_config";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":{\"a\":[1]},\"asof\":100}");
        stored(&s, mode);
        assert_string_equal(store_get(&s, get), "{\"a\":[1]} 100 1");
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":{\"a\":[1]},\"asof\":100}");
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":\"old\",\"asof\":99}");
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":null,\"asof\":99}");
        assert_string_equal(store_get(&s, get), "{\"a\":[1]} 100 1");
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":\"new\",\"asof\":100}");
        assert_string_equal(store_get(&s, get), "\"new\" 100 5");
        put(&s, FPTC__CONFIG, "{\"key\":\"schema:Shot\",\"value\":null,\"asof\":101}");
        assert_string_equal(store_get(&s, get), "-");
        store_close(&s);
    }
}

/* --- mutations -------------------------------------------------------------------------------- */

#define MUTATE                                                                                     \
    "{\"event\":\"m\",\"verb\":\"update\",\"type\":\"Shot\",\"id\":5,\"data\":{\"code\":\"x\"}}"
#define ATTEMPT(no, asof)                                                                          \
    "{\"events\":[\"other\",\"m\"],\"no\":" no ",\"writer\":\"w" no "\",\"asof\":" asof "}"
#define SETTLE "{\"event\":\"m\",\"id\":77,\"partition\":\"project-101\",\"asof\":1}"
#define REFUSE(asof) "{\"event\":\"m\",\"status\":400,\"text\":\"no\",\"asof\":" asof "}"

static const char *mutation(struct store *s)
{
    return store_get(s, "SELECT state || ' ' || version || ' ' || attempts || ' ' ||"
                        " coalesce(attempt_writer, '') || ' ' || coalesce(outcome, '') || ' ' ||"
                        " (body IS NOT NULL) FROM main._fptc_mutation WHERE event='m'");
}

static void test_mutations(void **state)
{
    static const char *const refused = "3 1048576 1 w1 {\"status\":400,\"text\":\"no\"} 1";
    static const char *const settled = "2 1048576 2 w2 {\"id\":77,\"partition\":\"project-101\"} 0";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__MUTATE, MUTATE);
        stored(&s, mode);
        put(&s, FPTC__MUTATE, "{\"event\":\"m\",\"verb\":\"delete\",\"type\":\"Shot\",\"id\":6}");
        assert_string_equal(mutation(&s), mode == STORED_BELOW ? "-" : "0 1048576 0   1");
        put(&s, FPTC__ATTEMPT, ATTEMPT("1", "100"));
        assert_string_equal(mutation(&s), "1 1048576 1 w1  1");
        put(&s, FPTC__ATTEMPT, "{\"events\":[\"m\"],\"no\":1,\"writer\":\"rival\",\"asof\":101}");
        assert_string_equal(mutation(&s), "1 1048576 1 w1  1"); /* the first claim holds */
        put(&s, FPTC__REFUSE, REFUSE("100"));
        assert_string_equal(mutation(&s), refused);
        put(&s, FPTC__ATTEMPT, ATTEMPT("1", "100")); /* late copy of what is answered */
        assert_string_equal(mutation(&s), refused);
        put(&s, FPTC__ATTEMPT, ATTEMPT("2", "200"));
        put(&s, FPTC__REFUSE, REFUSE("100")); /* of the first attempt */
        assert_string_equal(store_get(&s, "SELECT state FROM main._fptc_mutation"), "1");
        put(&s, FPTC__SETTLE, SETTLE);
        assert_string_equal(store_get(&s, "SELECT state FROM main._fptc_mutation"), "2");
        put(&s, FPTC__ATTEMPT, ATTEMPT("3", "300"));
        put(&s, FPTC__REFUSE, REFUSE("300"));
        put(&s, FPTC__SETTLE, "{\"event\":\"m\",\"id\":78,\"partition\":\"x\"}");
        put(&s, FPTC__MUTATE, MUTATE);
        if (strncmp(mutation(&s), settled, 10) != 0 || !strstr(mutation(&s), "\"id\":77"))
            fail_msg("%s", mutation(&s));
        assert_string_equal(store_get(&s, "SELECT body IS NULL FROM main._fptc_mutation"), "1");
        /* Events that nobody knows are passed over. */
        put(&s, FPTC__SETTLE, "{\"event\":\"unknown\",\"id\":1}");
        assert_string_equal(store_get(&s, "SELECT count(*) FROM main._fptc_mutation"), "1");
        store_close(&s);
    }
}

/* --- all or nothing --------------------------------------------------------------------------- */

static void must_refuse(struct store *s, uint16_t kind, const char *body, fptc_status expected,
                        const char *word)
{
    fptc_status got;

    memset(&th_err, 0, sizeof(th_err));
    got = store_put(s, kind, body);
    if (got != (expected == FPTC_EDAMAGED ? FPTC_MISS : expected) || th_err.status != expected ||
        !strstr(th_err.message, word))
        fail_msg("%s: status %d, message: %s", body, got, th_err.message);
}

static void test_refused_records(void **state)
{
    static const struct {
        uint16_t kind;
        const char *body, *word;
    } bad[] = {
        {FPTC__ROWS, "{\"type\":\"Shot\"", "record 1 of commit"},
        {FPTC__ROWS, "[]", "array"},
        {FPTC__ROWS, "{\"rows\":[]}", "type"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{}}", "Shot"},
        {FPTC__ROWS, "{\"type\":\"Sh\\\"ot\",\"types\":{},\"rows\":[]}", "Sh\"ot"},
        {FPTC__ROWS, "{\"type\":\"_fptc_name\",\"types\":{},\"rows\":[]}", "_fptc_name"},
        {FPTC__ROWS, "{\"type\":\"sqlite_schema\",\"types\":{},\"rows\":[]}", "sqlite_schema"},
        {FPTC__ROWS, "{\"type\":\"Shot__x\",\"types\":{},\"rows\":[]}", "Shot__x"},
        {FPTC__ROWS, "{\"type\":\"shot\",\"types\":{},\"rows\":[]}", "differ only in case"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"a b\":\"text\"},\"rows\":[]}", "a b"},
        {FPTC__ROWS,
         "{\"type\":\"Shot\",\"types\":{\"x\\\"); DROP TABLE Shot; --\":\"text\"},\"rows\":[]}",
         "DROP"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"x\":7},\"rows\":[]}", "data type"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"CODE\":\"text\"},\"rows\":[]}",
         "differ only in case"},
        {FPTC__ROWS,
         "{\"type\":\"Shot\",\"types\":{\"a\":\"entity\",\"a__id\":\"number\"},\"rows\":[]}",
         "do not fit"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"rows\":[{\"id\":1}]}", "field types"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[{\"code\":\"x\"}]}", "no id"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[{\"id\":\"1\"}]}", "no id"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[7]}", "no id"},
        {FPTC__GONE, "{\"type\":\"Shot\",\"rows\":[{}]}", "no id"},
        {FPTC__COVER, "{\"types\":{}}", "type"},
        {FPTC__COVER, "{\"type\":\"Shot\"}", "field types"},
        {FPTC__QUERY, "{\"type\":\"Shot\",\"types\":{}}", "hash"},
        {FPTC__CONFIG, "{\"value\":1}", "key"},
        {FPTC__MUTATE, "{}", "event"},
        {FPTC__SETTLE, "{}", "event"},
        {FPTC__REFUSE, "{}", "event"},
    };
    size_t i;
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        char *before, *after;
        begin(&s, mode);
        put(&s, FPTC__ROWS, ROWS("0", A AT("05")));
        stored(&s, mode);
        before = store_state(&s, 1);
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            must_refuse(&s, bad[i].kind, bad[i].body, FPTC_EDAMAGED, bad[i].word);
        for (i = 0; i < 20; i++) {
            if (i == 0 || i > FPTC__CONFIG || i == FPTC__FEED)
                must_refuse(&s, (uint16_t)i, "{}", FPTC_EFORMAT, "kind");
        }
        after = store_state(&s, 1);
        assert_string_equal(before, after);
        assert_int_equal(s.told.n_rows + s.told.n_types, 0);
        put(&s, FPTC__ROWS, ROWS("1", B AT("06"))); /* and it goes on */
        assert_string_equal(store_row(&s, "Shot", 5, "code"), "b");
        free(before);
        free(after);
        store_close(&s);
    }
}

/* Good records before the bad one leave no trace: rows, tables, columns, names, callbacks. */
static void test_all_or_nothing(void **state)
{
    static const char *const good[] = {
        ROWS("1", B AT("06")),
        "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"sg_new\":\"text\",\"sg_m\":\"multi_entity\"},"
        "\"rows\":[{\"id\":8,\"sg_new\":\"x\",\"sg_m\":[{\"type\":\"Task\",\"id\":1,\"name\":\"n\"}]}]}",
        "{\"type\":\"Brand\",\"seen\":1,\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1}]}",
    };
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        struct fptc__record records[4];
        char *before, *after;
        int i;
        begin(&s, mode);
        put(&s, FPTC__ROWS, ROWS("0", A AT("05")));
        stored(&s, mode);
        before = store_state(&s, 1);
        for (i = 0; i < 3; i++)
            records[i] = (struct fptc__record){FPTC__ROWS, good[i], strlen(good[i])};
        records[3] = (struct fptc__record){FPTC__MUTATE, "{}", 2};
        assert_int_equal(store_apply(&s, 2, records, 4), FPTC_MISS);
        assert_int_equal(th_err.status, FPTC_EDAMAGED);
        assert_non_null(strstr(th_err.message, "record 4 of commit 2"));
        after = store_state(&s, 1);
        if (strcmp(before, after) != 0)
            fail_msg("%s: %s", mode_names[mode], state_difference(before, after));
        assert_string_equal(store_get(&s, "SELECT 1 FROM main.sqlite_schema WHERE name IN"
                                          " ('Brand', 'Shot__sg_m')"),
                            "-");
        assert_int_equal(s.told.n_rows + s.told.n_types, 0);
        assert_int_equal(store_apply(&s, 2, records, 3), FPTC_OK);
        assert_string_equal(store_row(&s, "Shot", 8, "sg_new"), "x");
        assert_int_equal(s.told.n_rows, mode == STORED_BELOW);
        assert_int_equal(s.told.n_types, 2);
        free(before);
        free(after);
        store_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_versions_count_changes),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_never_stored),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_cover_makes_tables),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_with_its_rows),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_refused_records),
        cmocka_unit_test(test_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
