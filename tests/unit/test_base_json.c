/* test_base_json.c: what is accepted and refused, with the place; exact values; walking; equality. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"

/* From the heap and without a NUL, so that a sanitizer sees any read past the end. */
static fptc_status parse_n(const char *text, size_t len, fptc__json **out, fptc_error *err)
{
    char *copy = malloc(len ? len : 1);
    fptc_status status;

    memcpy(copy, text, len);
    status = fptc__json_parse(copy, len, "reply", out, err);
    free(copy);
    return status;
}

static fptc__json *parse(const char *text)
{
    fptc__json *v = NULL;
    fptc_error err;

    if (parse_n(text, strlen(text), &v, &err) != FPTC_OK)
        print_error("%s\n", err.message);
    assert_non_null(v);
    return v;
}

static void test_types(void **state)
{
    static const struct {
        const char *text;
        const char *name;
    } rows[] = {
        {"{}", "an object"},   {"[]", "an array"},     {"\"\"", "a string"}, {"0", "a number"},
        {"true", "a boolean"}, {"false", "a boolean"}, {"null", "null"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *v = parse(rows[i].text);

        assert_string_equal(fptc__json_type_name(v), rows[i].name);
        assert_int_equal(fptc__json_is_object(v), i == 0);
        assert_int_equal(fptc__json_is_array(v), i == 1);
        assert_int_equal(fptc__json_is_string(v), i == 2);
        assert_int_equal(fptc__json_is_number(v), i == 3);
        assert_int_equal(fptc__json_is_integer(v), i == 3);
        assert_int_equal(fptc__json_is_bool(v), i == 4 || i == 5);
        assert_int_equal(fptc__json_is_true(v), i == 4);
        assert_int_equal(fptc__json_is_null(v), i == 6);
        fptc__json_free(v);
    }
    assert_string_equal(fptc__json_type_name(NULL), "nothing");
}

static void test_accepted(void **state)
{
    static const char *const rows[] = {
        " \t\r\n1\n",
        "-0",
        "1.5e+10",
        "1E5",
        "[1,2,[3]]",
        "{\"a\":{\"b\":[]}}",
        "[ ]",
        "{ \"a\" : 1 , \"b\" : 2 }",
        "\"\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9 \\ud83d\\ude00\"",
        "\"[[[{{{\"",
        "\"\\\\u0000\"", /* a backslash and then letters */
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xef\xbf\xbf \xf4\x8f\xbf\xbf\"",
        "\"\x7f\"",
        "[null, null,9999999999999999999999999999999999999999999999912345678]",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        fptc__json_free(parse(rows[i]));
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "x",
        "tru",
        "nul",
        "True",
        "NaN",
        "Infinity",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"1\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "[1}",
        "{\"a\":1]",
        "[1 2]",
        "1 2",
        "1,",
        "[]]",
        "{}{}",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "00",
        "0x10",
        "1-2",
        "\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "\"\n\"",
        "\"\t\"",
        "[1,\f2]",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "{\"\\u0000\":1}",
        "// x\n1",
        "[1]/**/",
        "'a'",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xc3(\"",
        "\"\xc0\x80\"",
        "\"\xc1\xbf\"",
        "\"\xe0\x9f\xbf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\x80\"",
        "\xc3\xa9",
        "[\xa0]",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111111",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *v = NULL;
        fptc_error err;

        if (parse_n(rows[i], strlen(rows[i]), &v, &err) != FPTC_EUSAGE)
            fail_msg("row %zu not refused: %s", i, rows[i]);
        assert_null(v);
        assert_memory_equal(err.message, "reply: ", 7);
    }
}

static void test_embedded_nul(void **state)
{
    fptc__json *v = NULL;
    fptc_error err;

    (void)state;
    assert_int_equal(parse_n("1\0", 2, &v, &err), FPTC_EUSAGE);
    assert_int_equal(parse_n("\0", 1, &v, &err), FPTC_EUSAGE);
    assert_int_equal(parse_n("\"a\0b\"", 5, &v, &err), FPTC_EUSAGE);
    assert_int_equal(parse_n("[1,\0 2]", 7, &v, &err), FPTC_EUSAGE);
}

static void test_place(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"[\"ab\xff\"]", "reply: not JSON at byte 4: not UTF-8"},
        {"[\"ab\\u0000\"]", "reply: not JSON at byte 5: U+0000 in a string"},
        {"[1,02]", "reply: not JSON at byte 3: bad number"},
        {"[1] x", "reply: not JSON at byte 4"},
        {"  [1 2]", "reply: not JSON at byte 5"},
        {"[1,2", "reply: not JSON at byte 4: it ends before everything is closed"},
        {"  ", "reply: empty, expected JSON"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *v = NULL;
        fptc_error err;

        assert_int_equal(parse_n(rows[i].text, strlen(rows[i].text), &v, &err), FPTC_EUSAGE);
        assert_string_equal(err.message, rows[i].message);
    }
}

static fptc_status parse_nested(size_t depth, char open, char close)
{
    char *text = malloc(2 * depth);
    fptc__json *v = NULL;
    fptc_error err;
    fptc_status status;

    memset(text, open, depth);
    memset(text + depth, close, depth);
    status = fptc__json_parse(text, 2 * depth, "x", &v, &err);
    fptc__json_free(v);
    free(text);
    return status;
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(FPTC_JSON_DEPTH_MAX, '[', ']'), FPTC_OK);
    assert_int_equal(parse_nested(FPTC_JSON_DEPTH_MAX + 1, '[', ']'), FPTC_ELIMIT);
    assert_int_equal(parse_nested(1000000, '[', ']'), FPTC_ELIMIT);
    assert_int_equal(parse_nested(1000000, '{', '}'), FPTC_ELIMIT);
}

static void test_strings(void **state)
{
    fptc__json *v = parse("\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\\/\xe2\x82\xac\"");

    (void)state;
    assert_string_equal(fptc__json_text(v), "\xc3\xa9\xf0\x9f\x98\x80\n\"\\/\xe2\x82\xac");
    fptc__json_free(v);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t i;
        int is_integer;
    } rows[] = {
        {"0", 0, 1},
        {"-17", -17, 1},
        {"2147483648", 2147483648, 1},
        {"9007199254740991", 9007199254740991, 1},
        {"9007199254740992", 9007199254740992, 1},
        {"-9007199254740992", -9007199254740992, 1},
        {"9007199254740994", 9007199254740994, 0},
        {"1.5", 1, 0},
        {"-1.5", -1, 0},
        {"1e3", 1000, 1},
        {"1e30", INT64_MAX, 0},
        {"-1e30", INT64_MIN, 0},
        {"9223372036854775808", INT64_MAX, 0},
        {"1e999", INT64_MAX, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *v = parse(rows[i].text);

        assert_int_equal(fptc__json_int(v), rows[i].i);
        assert_int_equal(fptc__json_is_integer(v), rows[i].is_integer);
        assert_true(fptc__json_double(v) == strtod(rows[i].text, NULL));
        fptc__json_free(v);
    }
}

static void test_wrong_type_answers(void **state)
{
    fptc__json *v = parse("[1,\"x\",{\"a\":1}]");
    const fptc__json *number = fptc__json_first(v);
    const fptc__json *text = fptc__json_next(number);

    (void)state;
    assert_null(fptc__json_text(number));
    assert_int_equal(fptc__json_int(text), 0);
    assert_true(fptc__json_double(text) == 0.0);
    assert_null(fptc__json_get(v, "a"));
    assert_null(fptc__json_key(number));
    assert_null(fptc__json_first(text));
    assert_int_equal(fptc__json_size(text), 0);
    fptc__json_free(v);
    assert_null(fptc__json_text(NULL));
    assert_null(fptc__json_get(NULL, "a"));
    assert_null(fptc__json_first(NULL));
    assert_null(fptc__json_next(NULL));
    assert_null(fptc__json_key(NULL));
    assert_int_equal(fptc__json_size(NULL), 0);
    assert_int_equal(fptc__json_is_object(NULL), 0);
    fptc__json_free(NULL);
}

static void test_members(void **state)
{
    fptc__json *v = parse("{\"id\":7,\"Code\":\"a\",\"code\":\"b\",\"none\":null}");
    const fptc__json *c;
    char keys[64] = "";

    (void)state;
    assert_int_equal(fptc__json_get_int(v, "id"), 7);
    assert_string_equal(fptc__json_get_text(v, "code"), "b");
    assert_string_equal(fptc__json_get_text(v, "Code"), "a");
    assert_null(fptc__json_get(v, "CODE"));
    assert_null(fptc__json_get_text(v, "id"));
    assert_int_equal(fptc__json_get_int(v, "code"), 0);
    assert_true(fptc__json_is_null(fptc__json_get(v, "none")));
    assert_null(fptc__json_get(v, NULL));
    for (c = fptc__json_first(v); c; c = fptc__json_next(c))
        strncat(keys, fptc__json_key(c), 10);
    assert_string_equal(keys, "idCodecodenone");
    assert_int_equal(fptc__json_size(v), 4);
    fptc__json_free(v);
}

static void test_equal(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        int equal;
    } rows[] = {
        {"1", "1.0", 1},
        {"1", "2", 0},
        {"1", "\"1\"", 0},
        {"true", "false", 0},
        {"null", "null", 1},
        {"null", "false", 0},
        {"\"a\"", "\"A\"", 0},
        {"[1,2]", "[1,2]", 1},
        {"[1,2]", "[2,1]", 0},
        {"[1,2]", "[1,2,3]", 0},
        {"[]", "{}", 0},
        {"{\"a\":1,\"b\":[2,{\"c\":3}]}", "{\"b\":[2,{\"c\":3}],\"a\":1}", 1},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", 0},
        {"{\"a\":1}", "{\"A\":1}", 0},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0},
        {"{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2}", 0},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":1}", 0},
        {"0.1", "0.10000000000000001", 1},
        {"0.1", "0.1000000000000001", 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *a = parse(rows[i].a);
        fptc__json *b = parse(rows[i].b);

        if (fptc__json_equal(a, b) != rows[i].equal || fptc__json_equal(b, a) != rows[i].equal)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        assert_true(fptc__json_equal(a, a));
        assert_false(fptc__json_equal(a, NULL));
        fptc__json_free(a);
        fptc__json_free(b);
    }
    assert_true(fptc__json_equal(NULL, NULL));
}

/* Every cut and every changed byte of a text: never a crash, never half a value. */
static void test_broken_texts(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,\"x\\u00e9\xc3\xa9\"],\"b\":{\"c\":null,\"d\":true}}";
    static const char bytes[] = "\"\\{}[],:0-e. u\x01\xff";
    size_t len = sizeof(text) - 1;
    size_t i, j;

    (void)state;
    for (i = 0; i < len; i++) {
        fptc__json *v = NULL;
        fptc_error err;

        assert_int_equal(parse_n(text, i, &v, &err), FPTC_EUSAGE);
        assert_null(v);
        for (j = 0; j < sizeof(bytes); j++) {
            char broken[sizeof(text)];
            fptc_status status;

            memcpy(broken, text, sizeof(text));
            broken[i] = bytes[j];
            status = parse_n(broken, len, &v, &err);
            assert_true(status == FPTC_OK || status == FPTC_EUSAGE);
            assert_int_equal(status == FPTC_OK, v != NULL);
            fptc__json_free(v);
        }
    }
}

static int allocations_left;

static void *limited_malloc(size_t n)
{
    if (allocations_left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    allocations_left--;
    return malloc(n);
}

static void test_out_of_memory(void **state)
{
    static const char text[] = "{\"a\":[1,\"x\",{\"b\":null}]}";
    cJSON_Hooks hooks = {limited_malloc, free};
    fptc_status status = FPTC_ENOMEM;
    int n;

    (void)state;
    cJSON_InitHooks(&hooks);
    for (n = 0; status != FPTC_OK && n < 100; n++) {
        fptc__json *v = NULL;
        fptc_error err;

        allocations_left = n;
        status = parse_n(text, sizeof(text) - 1, &v, &err);
        assert_true(status == FPTC_OK || status == FPTC_ENOMEM);
        assert_int_equal(status == FPTC_OK, v != NULL);
        fptc__json_free(v);
    }
    cJSON_InitHooks(NULL);
    assert_int_equal(status, FPTC_OK);
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_embedded_nul),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_wrong_type_answers),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_broken_texts),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
