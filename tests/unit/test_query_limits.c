/*
 * test_query_limits.c: filters that are deep, wide or wrong: FPT's own limits, SQLite's, and no crash on
 * anything. Compiled trees are compared with an evaluator of this file.
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

#define A20 "{\"type\":\"Asset\",\"id\":20}"

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

static void check_ask(const struct help_ask *ask, const char *ids)
{
    help_check(schema, db, ask, ids);
}

/* Builds `open` n times, middle, `close` n times. */
static char *nested(const char *open, size_t n, const char *middle, const char *close)
{
    size_t size = n * (strlen(open) + strlen(close)) + strlen(middle) + 1;
    char *out = malloc(size);
    char *at = out;
    size_t i;

    assert_non_null(out);
    for (i = 0; i < n; i++)
        at += snprintf(at, size - (size_t)(at - out), "%s", open);
    at += snprintf(at, size - (size_t)(at - out), "%s", middle);
    for (i = 0; i < n; i++)
        at += snprintf(at, size - (size_t)(at - out), "%s", close);
    return out;
}

#define AND "{\"logical_operator\":\"and\",\"conditions\":["
#define OR "{\"logical_operator\":\"or\",\"conditions\":["

/* 132 times `id > 0 and (id < 0 or (...))`, one more group: 265, FPT's own limit (A§3.4). Only the
   innermost condition decides, so a level lost in compiling shows. */
static void test_depth(void **state)
{
    static const char level[] = AND "[\"id\",\"greater_than\",0]," OR "[\"id\",\"less_than\",0],";
    static const char inner[] = AND "[\"id\",\"in\",[2,4]],[\"code\",\"is\",\"comp\"]]}";
    char *filters = nested(level, 132, inner, "]}]}");
    struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    check_ask(&ask, "2");
    free(filters);
    ask.filters = filters = nested(level, 133, "[\"id\",\"is\",2]", "]}]}");
    assert_null(help_plan(schema, &ask, &err));
    assert_int_equal(err.status, FPTC_EUSAGE);
    assert_non_null(strstr(err.message, "265"));
    free(filters);
    ask.filters = filters = nested(AND, 265, "[\"id\",\"is\",2]", "]}");
    check_ask(&ask, "2");
    free(filters);
    ask.filters = filters = nested(AND, 266, "[\"id\",\"is\",2]", "]}");
    assert_null(help_plan(schema, &ask, &err));
    assert_int_equal(err.status, FPTC_EUSAGE);
    free(filters);
    ask.filters = filters = nested("[", 400, "", "]");
    assert_null(help_plan(schema, &ask, &err));
    assert_int_equal(err.status, FPTC_EUSAGE);
    free(filters);
}

/* n pieces made by `format` from 0, 3, 6 ... with `before` and `after`. */
static char *wide(const char *before, const char *format, size_t n, const char *after)
{
    struct fptc__buf b;
    char piece[256];
    size_t i;

    fptc__buf_init(&b, 1u << 26);
    fptc__buf_adds(&b, before);
    for (i = 0; i < n; i++) {
        /* the formats are literals of this file */
        snprintf(piece, sizeof(piece), "%zu", 3 * i);
        fptc__buf_adds(&b, i ? "," : "");
        fptc__buf_add(&b, format, strcspn(format, "#"));
        fptc__buf_adds(&b, piece);
        fptc__buf_adds(&b, format + strcspn(format, "#") + 1);
    }
    fptc__buf_adds(&b, after);
    return fptc__buf_steal(&b);
}

static void test_width(void **state)
{
    static const struct {
        const char *before, *format, *after;
        size_t n;
        const char *ids;
    } rows[] = {
        {"[[\"id\",\"in\",[", "#", "]]]", 5000, "3"},
        {"[[\"id\",\"not_in\",[", "#", "]]]", 5000, "1,2,4,5"},
        {"[[\"sg_cut_in\",\"in\",[", "#", "]]]", 5000, "2,5"},
        {"[[\"code\",\"in\",[\"Comp\",", "\"x'#\"", "]]]", 5000, "2"},
        {"[[\"code\",\"not_in\",[\"Comp\",", "\"x'#\"", "]]]", 5000, "1,3,4,5"},
        {"[[\"sg_ratio\",\"in\",[", "#.0", "]]]", 5000, "2"},
        {"[[\"sg_sequence\",\"in\",[{\"type\":\"Sequence\",\"id\":11},",
         "{\"type\":\"Sequence\",\"id\":#}", "]]]", 5000, "2"},
        {"[[\"assets\",\"in\",[" A20 ",", "{\"type\":\"Asset\",\"id\":#}", "]]]", 5000, "1,2,3"},
        {"[[\"assets\",\"not_in\",[" A20 ",", "{\"type\":\"Asset\",\"id\":#}", "]]]", 5000, "4,5"},
        {"[" OR, "[\"id\",\"is\",#]", "]}]", 5000, "3"},
        {"[" OR, "[\"code\",\"contains\",\"x#\"]", "]}]", 5000, ""},
        {"[", "[\"id\",\"is_not\",#]", "]", 5000, "1,2,4,5"},
        {"[[\"id\",\"greater_than\",0]," OR "[\"id\",\"is\",2]," AND "[\"id\",\"is\",4]," OR
         "[\"sg_sequence.Sequence.project.Project.name\",\"is\",\"Demo\"],",
         "[\"id\",\"is\",#]", "]}]}]}]", 5000, "2,4"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        char *filters;
        struct help_ask ask = {"Shot", NULL, NULL, NULL, 0, 0};

        filters = wide(rows[i].before, rows[i].format, rows[i].n, rows[i].after);
        assert_non_null(filters);
        ask.filters = filters;
        check_ask(&ask, rows[i].ids);
        free(filters);
    }
}

/* A long list is one parameter, so that the statement stays the same for any length. */
static void test_long_lists_are_one_parameter(void **state)
{
    static const char *const formats[][3] = {
        {"[[\"id\",\"in\",[", "#", "]]]"},
        {"[[\"code\",\"in\",[", "\"#\"", "]]]"},
        {"[[\"sg_sequence\",\"in\",[", "{\"type\":\"Sequence\",\"id\":#}", "]]]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(formats); i++) {
        char *filters = wide(formats[i][0], formats[i][1], 101, formats[i][2]);
        struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &ask, &err);

        assert_non_null(plan);
        assert_int_equal(plan->n_params, i == 2 ? 2 : 1);
        assert_non_null(strstr(plan->sql, "json_each"));
        fptc__plan_free(plan);
        free(filters);
    }
}

/* More than SQLite takes is FPT's to answer. */
static void test_too_wide(void **state)
{
    char *filters = wide("[" OR, "[\"id\",\"is\",#]", 12000, "]}]");
    struct help_ask ask = {"Shot", filters, "code", NULL, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);

    (void)state;
    assert_non_null(plan);
    assert_int_equal(plan->is_local, 0);
    assert_null(plan->sql);
    assert_non_null(plan->sql_by_id);
    fptc__plan_free(plan);
    free(filters);
}

/* `depth` groups of `width` in each other, innermost a path over `hops` links that nothing fits, and
   one condition that decides. */
static void check_deep(size_t depth, size_t width, size_t hops)
{
    static const char *const paths_by_hops[] = {
        "code",
        "entity.Asset.code",
        "entity.Asset.parent.Asset.code",
        "entity.Asset.parent.Asset.parent.Asset.code",
        "entity.Asset.parent.Asset.parent.Asset.project.Project.name",
    };
    struct help_ask ask = {"Shot", NULL, NULL, NULL, 0, 0};
    struct fptc__buf b;
    size_t i, j;

    fptc__buf_init(&b, 1u << 24);
    for (i = 0; i < depth; i++) {
        fptc__buf_adds(&b, i % 2 ? OR : AND);
        for (j = 0; j < width; j++)
            fptc__buf_adds(&b, i % 2 ? "[\"id\",\"less_than\",0]," : "[\"id\",\"is_not\",9],");
    }
    fptc__buf_adds(&b, depth % 2 ? OR : AND);
    fptc__buf_addf(&b, "[\"%s\",\"is\",\"ZZZNOPE\"],[\"id\",\"is\",4]", paths_by_hops[hops]);
    for (i = 0; i < depth + 1; i++)
        fptc__buf_adds(&b, "]}");
    ask.filters = fptc__buf_text(&b);
    check_ask(&ask, depth % 2 ? "4" : "");
    fptc__buf_done(&b);
}

/* SQLite's parser has a stack of 100 symbols; whatever the shape, it must do. */
static void test_deep_and_wide(void **state)
{
    static const size_t widths[] = {15, 16, 40};
    size_t depth, i, hops;

    (void)state;
    for (hops = 0; hops <= 4; hops++) {
        for (depth = 1; depth < 24; depth++)
            check_deep(depth, 1, hops);
        for (i = 0; i < COUNT(widths); i++) {
            for (depth = 2; depth < 6; depth++)
                check_deep(depth, widths[i], hops);
        }
        check_deep(3, 260, hops);
    }
    check_deep(2, 2000, 3);
}

/* Small and deterministic; the seed is in the message of a failure. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A random tree over `id`, and the rows that fit by the rules of A§3.4; depth levels may follow. */
static unsigned put_random_tree(struct fptc__buf *out, uint64_t *seed, unsigned depth)
{
    uint64_t n = next_random(seed) % 4;
    int is_or = next_random(seed) % 2 == 1;
    unsigned rows = is_or ? 0 : 0x1f;
    uint64_t i;

    if (depth == 0 || n == 0) {
        unsigned id = (unsigned)(next_random(seed) % 5) + 1;
        int is_not = next_random(seed) % 2 == 1;

        fptc__buf_addf(out, "[\"id\",\"%s\",%u]", is_not ? "is_not" : "is", id);
        return is_not ? 0x1fu & ~(1u << (id - 1)) : 1u << (id - 1);
    }
    fptc__buf_adds(out, is_or ? OR : AND);
    for (i = 0; i < n; i++) {
        unsigned part;

        fptc__buf_adds(out, i ? "," : "");
        part = put_random_tree(out, seed, depth - 1);
        rows = is_or ? rows | part : rows & part;
    }
    fptc__buf_adds(out, "]}");
    return rows;
}

static void test_random_trees(void **state)
{
    uint64_t seed = 7;
    struct fptc__buf b;
    int i;

    (void)state;
    fptc__buf_init(&b, 1u << 22);
    for (i = 0; i < 2000; i++) {
        struct help_ask ask = {"Shot", NULL, NULL, NULL, 0, 0};
        char ids[32] = "";
        unsigned rows;
        unsigned id;

        fptc__buf_clear(&b);
        fptc__buf_addc(&b, '[');
        rows = put_random_tree(&b, &seed, (unsigned)(i % 12));
        fptc__buf_addc(&b, ']');
        for (id = 1; id <= 5; id++) {
            if (rows & (1u << (id - 1)))
                snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%u", ids[0] ? "," : "",
                         id);
        }
        ask.filters = fptc__buf_text(&b);
        check_ask(&ask, ids);
    }
    fptc__buf_done(&b);
}

static const char *const soup[] = {
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"and\"",
    "\"or\"",
    "\"logical_operator\"",
    "\"conditions\"",
    "\"filter_operator\"",
    "\"filters\"",
    "\"code\"",
    "\"is\"",
    "\"is_not\"",
    "\"in\"",
    "\"not_in\"",
    "\"between\"",
    "\"in_last\"",
    "\"DAY\"",
    "\"sg_sequence.Sequence.code\"",
    "\"assets\"",
    "\"project\"",
    "\"name_contains\"",
    "\"type_is\"",
    "null",
    "true",
    "1",
    "-1",
    "2.5",
    "1e300",
    "{\"type\":\"Asset\",\"id\":20}",
    "\"\"",
    "\"x\"",
    "\"2026-03-04\"",
    "\"sg_ratio\"",
    "\"created_at\"",
    "\"$FROM$Task.id\"",
    "\"a.b.c.d\"",
    "\"contains\"",
    "\"greater_than\"",
    "\"sg_cut_in\"",
    "\"flagged\"",
    "[\"id\",\"is\",1]",
    "[\"code\",\"in\",[\"a\",\"b\"]]",
    "{\"logical_operator\":\"or\",\"conditions\":[",
    "]}",
    "[\"sg_turnover_date\",\"in_calendar_week\",0]",
    "\\",
    "\"\\u0041\"",
    " ",
};

static const char *const values[] = {
    "null",
    "true",
    "\"\"",
    "\"x\"",
    "\"true\"",
    "1",
    "0",
    "-5",
    "2147483648",
    "1.0",
    "2.5",
    "\"42\"",
    "\"1.5\"",
    "\"2026-03-04\"",
    "\"2026-03-04T05:06:07Z\"",
    "[]",
    "[null]",
    "[1]",
    "[1,2]",
    "[\"a\",\"\"]",
    "[1,\"DAY\"]",
    "[3,\"MONTH\"]",
    "[0,\"DAY\"]",
    "[\"2026-03-01\",\"2026-03-04\"]",
    "{\"type\":\"Asset\",\"id\":20}",
    "[{\"type\":\"Asset\",\"id\":20},null]",
    "{\"id\":1}",
    "[[1]]",
    "\"255,0,0\"",
    "\"Asset\"",
    "[1.5,2.5]",
    "1e300",
    "\"1e999\"",
    "9007199254740993",
};

static const char *const paths[] = {
    "code",
    "sg_status_list",
    "sg_kind",
    "sg_color",
    "sg_cut_in",
    "sg_done",
    "sg_bid",
    "sg_timecode",
    "sg_ratio",
    "sg_cost",
    "sg_turnover_date",
    "created_at",
    "flagged",
    "project",
    "sg_sequence",
    "entity",
    "anything",
    "assets",
    "image",
    "sg_movie",
    "open_notes_count",
    "sg_uuid",
    "sg_json",
    "id",
    "sg_sequence.Sequence.code",
    "project.Project.id",
    "assets.Asset.code",
    "entity.Asset.parent",
    "entity.Asset.parent.Asset.parent.Asset.parent.Asset.parent.Asset.code",
    "nope",
};

static const char *const relations[] = {
    "is",
    "is_not",
    "in",
    "not_in",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "greater_than",
    "less_than",
    "between",
    "in_last",
    "not_in_last",
    "in_next",
    "in_calendar_day",
    "in_calendar_week",
    "in_calendar_month",
    "in_calendar_year",
    "type_is",
    "type_is_not",
    "name_is",
    "name_contains",
    "name_not_contains",
    "not_between",
    "bogus",
};

/* Whatever is asked: no crash, and a plan that says it is local has SQL that SQLite runs. */
static int try_filters(const char *filters, uint64_t seed)
{
    struct help_ask ask = {"Shot", filters, "code,sg_sequence.Sequence.code", "-code", 7, 2};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);
    char got[512];
    int is_local = plan && plan->is_local;

    if (!plan && err.status != FPTC_EUSAGE && err.status != FPTC_ELIMIT)
        fail_msg("seed %llu: %s: %d %s", (unsigned long long)seed, filters, (int)err.status,
                 err.message);
    if (plan) {
        assert_int_equal(plan->is_local, plan->sql != NULL);
        assert_int_equal(plan->is_local, plan->why_not[0] == '\0');
        help_run(db, plan, got, sizeof(got));
        if (is_local && got[0] && strspn(got, "0123456789,") != strlen(got))
            fail_msg("seed %llu: %s: %s", (unsigned long long)seed, filters, got);
    }
    fptc__plan_free(plan);
    return is_local;
}

/* Rounds of the random tests; many in long runs. */
static int rounds(void)
{
    return getenv("FPTC_LONG") ? 1000000 : 5000;
}

static void test_soup(void **state)
{
    uint64_t seed = 20260304;
    struct fptc__buf b;
    int i;

    (void)state;
    fptc__buf_init(&b, 1u << 16);
    for (i = 0; i < rounds(); i++) {
        uint64_t start = seed;
        uint64_t n = next_random(&seed) % 24;

        fptc__buf_clear(&b);
        for (; n > 0; n--)
            fptc__buf_adds(&b, soup[next_random(&seed) % COUNT(soup)]);
        try_filters(fptc__buf_text(&b), start);
    }
    fptc__buf_done(&b);
}

/* Every path with every operator and every value. */
static void test_all_combinations(void **state)
{
    char filters[512];
    size_t i, j, k;
    size_t n_local = 0;

    (void)state;
    for (i = 0; i < COUNT(paths); i++) {
        for (j = 0; j < COUNT(relations); j++) {
            for (k = 0; k < COUNT(values); k++) {
                snprintf(filters, sizeof(filters), "[[\"%s\",\"%s\",%s]]", paths[i], relations[j],
                         values[k]);
                n_local += (size_t)try_filters(filters, 0);
            }
        }
    }
    /* As many are answered here as when this was written; fewer means that something broke. */
    assert_in_range(n_local, 500, 25500);
}

/* A filter that is right, with bytes changed. */
static void test_mutations(void **state)
{
    static const char good[] =
        "{\"logical_operator\":\"or\",\"conditions\":[[\"code\",\"in\",[\"a\",\"b\"]],"
        "{\"filter_operator\":\"all\",\"filters\":[[\"sg_ratio\",\"between\",[1.5,2e3]],"
        "[\"entity\",\"is\",{\"type\":\"Asset\",\"id\":20}]]},[\"created_at\",\"in_last\",[2,\"DAY\"]]]}";
    static const char alphabet[] = "[]{},:\"\\01.e- ainx$";
    char filters[sizeof(good)];
    uint64_t seed = 42;
    int i;

    (void)state;
    for (i = 0; i < rounds(); i++) {
        uint64_t start = seed;
        uint64_t n = next_random(&seed) % 4 + 1;

        memcpy(filters, good, sizeof(good));
        for (; n > 0; n--)
            filters[next_random(&seed) % (sizeof(good) - 1)] =
                alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
        try_filters(filters, start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_long_lists_are_one_parameter),
        cmocka_unit_test(test_too_wide),
        cmocka_unit_test(test_deep_and_wide),
        cmocka_unit_test(test_random_trees),
        cmocka_unit_test(test_soup),
        cmocka_unit_test(test_all_combinations),
        cmocka_unit_test(test_mutations),
    };

    return cmocka_run_group_tests_name("query_limits", tests, set_up, tear_down);
}
