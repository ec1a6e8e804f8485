/* test_store_apply_meta.c: names, coverage, answers, settings and mutations, in the same three places. */
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
#define NAMED "\"code\":\"text\",\"sg_x\":\"text\",\"updated_at\":\"date_time\""
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
                         "\"code\":\"new\"," UPDATED("05"))}},
     {FPTC__ROWS, ASSET("0", "\"code\":\"text\",\"updated_at\":\"date_time\"",
                        "\"code\":\"old\"," UPDATED("04"))},
     "new 0 1"},
    {"not even when its name is older than the row's last change",
     {{FPTC__ROWS, ASSET("0", NAMED, "\"code\":\"new\",\"sg_x\":\"1\"," UPDATED("05"))},
      {FPTC__ROWS, ASSET("1", NAMED, "\"code\":\"new\",\"sg_x\":\"2\"," UPDATED("06"))}},
     {FPTC__ROWS, ASSET("1", NAMED, "\"code\":\"old\",\"sg_x\":\"1\"," UPDATED("05"))},
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
        put(&s, FPTC__ROWS, SHOT_ROWS("5", CODE_A UPDATED("01")));
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
    const char *rows = SHOT_ROWS("0", CODE_A UPDATED("01")),
               *query = QUERY("300", "[5]", ",\"seen\":0");
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

#define EFFECT(asof) "{\"key\":\"effect:Shot\",\"value\":null,\"asof\":" asof "}"
#define COVER_SEEN(asof, seen)                                                                     \
    "{\"type\":\"Shot\",\"types\":{" F1 "},\"asof\":" asof ",\"seen\":" seen "}"

/* A coverage ends it whose rows were asked for after it was known; clocks have no say. */
static void test_effects(void **state)
{
    static const char get[] = "SELECT value || ' ' || commit_no FROM main._fptc_config";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__QUERY, QUERY("100", "[3,1]", ""));
        put(&s, FPTC__CONFIG, EFFECT("100"));
        stored(&s, mode);
        assert_string_equal(store_get(&s, get), "true 2");
        put(&s, FPTC__CONFIG, EFFECT("50")); /* by a host whose clock is behind */
        assert_string_equal(store_get(&s, get), "true 3");
        assert_string_equal(
            store_get(&s, "SELECT commit_no FROM main._fptc_touched WHERE type='Shot'"), "3");
        put(&s, FPTC__COVER, COVER_SEEN("500", "2")); /* asked for before the second */
        put(&s, FPTC__COVER, "{\"type\":\"Shot\",\"types\":{" F1 "},\"asof\":600}");
        put(&s, FPTC__COVER, "{\"type\":\"Task\",\"types\":{" F1 "},\"asof\":1,\"seen\":3}");
        assert_string_equal(store_get(&s, get), "true 3");
        put(&s, FPTC__QUERY, QUERY("300", "[5]", ",\"seen\":2"));
        assert_string_equal(store_get(&s, "SELECT ids FROM main._fptc_query"), "[3,1]");
        put(&s, FPTC__COVER, COVER_SEEN("700", "3"));
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

#define DECIDE(verdict, no, more)                                                                  \
    "{\"event\":\"m\",\"verdict\":\"" verdict "\",\"no\":" no more ",\"who\":\"w\",\"asof\":150}"
#define DECIDED(verdict) "\"decided\":{\"verdict\":\"" verdict "\",\"who\":\"w\",\"asof\":150}}"

/* "state attempts attempt_asof code outcome" of the mutation m. */
static const char *decided(struct store *s)
{
    return store_get(s, "SELECT state || ' ' || attempts || ' ' || coalesce(attempt_asof, '-') ||"
                        " ' ' || CASE WHEN body LIKE '%\"code\":\"y\"%' THEN 'y' WHEN body LIKE"
                        " '%\"code\":\"x\"%' THEN 'x' ELSE '-' END || ' ' || coalesce(outcome, '')"
                        " FROM main._fptc_mutation WHERE event='m'");
}

/* A dead letter is edited and sent again, refused again, dropped; nothing wakes it after that. */
static void test_decisions(void **state)
{
    static const char *const refused = "3 1 100 x {\"status\":400,\"text\":\"no\"}";
    static const char *const retried =
        "0 1 150 y {\"status\":400,\"text\":\"no\"," DECIDED("retry");
    static const char *const again = "3 2 200 y {\"status\":400,\"text\":\"no\"}";
    static const char *const dropped = "4 2 200 y {\"status\":400,\"text\":\"no\"," DECIDED("drop");
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__MUTATE, MUTATE);
        put(&s, FPTC__ATTEMPT, ATTEMPT("1", "100"));
        put(&s, FPTC__DECIDE, DECIDE("retry", "1", "")); /* sent, and its end unknown */
        put(&s, FPTC__DECIDE, DECIDE("drop", "1", ""));
        assert_string_equal(decided(&s), "1 1 100 x ");
        put(&s, FPTC__REFUSE, REFUSE("100"));
        stored(&s, mode);
        put(&s, FPTC__DECIDE, DECIDE("retry", "2", "")); /* of another attempt */
        put(&s, FPTC__DECIDE, DECIDE("forget", "1", ""));
        if (mode != STORED_BELOW)
            assert_string_equal(decided(&s), refused);
        put(&s, FPTC__DECIDE, DECIDE("retry", "1", ",\"data\":{\"code\":\"y\"}"));
        assert_string_equal(decided(&s), retried);
        put(&s, FPTC__REFUSE, REFUSE("100")); /* a late copy of what was decided upon */
        put(&s, FPTC__DECIDE, DECIDE("retry", "1", ",\"data\":{\"code\":\"x\"}"));
        assert_string_equal(decided(&s), retried);
        put(&s, FPTC__ATTEMPT, ATTEMPT("2", "200"));
        put(&s, FPTC__REFUSE, REFUSE("200"));
        put(&s, FPTC__DECIDE, DECIDE("retry", "1", "")); /* a late copy of the first decision */
        assert_string_equal(decided(&s), again);
        put(&s, FPTC__DECIDE, DECIDE("drop", "2", ""));
        assert_string_equal(decided(&s), dropped);
        put(&s, FPTC__ATTEMPT, ATTEMPT("3", "300"));
        put(&s, FPTC__REFUSE, REFUSE("300"));
        put(&s, FPTC__SETTLE, SETTLE);
        put(&s, FPTC__DECIDE, DECIDE("retry", "2", ""));
        put(&s, FPTC__MUTATE, MUTATE);
        assert_string_equal(decided(&s), dropped);
        put(&s, FPTC__DECIDE, "{\"event\":\"unknown\",\"verdict\":\"drop\"}");
        assert_string_equal(store_get(&s, "SELECT count(*) FROM main._fptc_mutation"), "1");
        store_close(&s);
    }
}

/* What was never sent may be dropped; what is settled may not. */
static void test_drop_of_an_intent(void **state)
{
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__MUTATE, MUTATE);
        stored(&s, mode);
        put(&s, FPTC__DECIDE, DECIDE("drop", "0", ""));
        assert_string_equal(decided(&s), "4 0 - x {" DECIDED("drop"));
        put(&s, FPTC__MUTATE, "{\"event\":\"n\",\"verb\":\"delete\",\"type\":\"Shot\",\"id\":6}");
        put(&s, FPTC__SETTLE, "{\"event\":\"n\",\"id\":6,\"partition\":\"project-101\"}");
        put(&s, FPTC__DECIDE, "{\"event\":\"n\",\"verdict\":\"drop\"}");
        assert_string_equal(store_get(&s, "SELECT state FROM main._fptc_mutation WHERE event='n'"),
                            "2");
        store_close(&s);
    }
}

/* What a look-up found counts while the attempt that it was about is the last one. */
static void test_settled_by_look_up(void **state)
{
    static const char *const get =
        "SELECT state || ' ' || id || ' ' || coalesce(outcome, '') FROM main._fptc_mutation";
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        begin(&s, mode);
        put(&s, FPTC__MUTATE,
            "{\"event\":\"m\",\"verb\":\"create\",\"type\":\"Shot\",\"id\":0,\"data\":{}}");
        stored(&s, mode);
        put(&s, FPTC__ATTEMPT, ATTEMPT("2", "100"));
        put(&s, FPTC__SETTLE,
            "{\"event\":\"m\",\"id\":70,\"partition\":\"x\",\"no\":1,\"by\":\"match\"}");
        assert_string_equal(store_get(&s, get), "1 0 ");
        put(&s, FPTC__REFUSE,
            "{\"event\":\"m\",\"status\":0,\"text\":\"two\",\"why\":\"uncertain\",\"asof\":100}");
        assert_string_equal(store_get(&s, get),
                            "3 0 {\"status\":0,\"text\":\"two\",\"why\":\"uncertain\"}");
        put(&s, FPTC__SETTLE,
            "{\"event\":\"m\",\"id\":71,\"partition\":\"x\",\"no\":2,\"by\":\"match\","
            "\"fields\":[\"code\"]}");
        assert_string_equal(
            store_get(&s, get),
            "2 71 {\"id\":71,\"partition\":\"x\",\"by\":\"match\",\"fields\":[\"code\"]}");
        store_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cover),
        cmocka_unit_test(test_cover_makes_tables),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_with_its_rows),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_settled_by_look_up),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_drop_of_an_intent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
