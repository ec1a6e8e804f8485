/* test_outbox_written.c: whether a row shows what was written, as FPT keeps it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "outbox/written.h"

static fptc__json *parsed(const char *text)
{
    fptc__json *value = NULL;

    assert_int_equal(fptc__json_parse(text, strlen(text), text, &value, NULL), FPTC_OK);
    return value;
}

static int is(const char *written, const char *read)
{
    fptc__json *a = parsed(written), *b = parsed(read);
    int same = fptc__written_is(a, b);

    fptc__json_free(a);
    fptc__json_free(b);
    return same;
}

#define SHOT(id) "{\"type\":\"Shot\",\"id\":" id "}"
#define NAMED(id) "{\"type\":\"Shot\",\"id\":" id ",\"name\":\"n\"}"
#define MODE(mode, value) "{\"multi_entity_update_mode\":\"" mode "\",\"value\":[" value "]}"

static void test_values(void **state)
{
    static const struct {
        const char *written, *read;
        int same;
    } rows[] = {
        {"\"sh010\"", "\"sh010\"", 1},
        {"\"  sh010\\n\"", "\"sh010\"", 1},
        {"\"sh010\"", "\"SH010\"", 0},
        {"\"a  b\"", "\"a b\"", 0},
        {"\"\"", "null", 1},
        {"\"  \"", "null", 1},
        {"null", "[]", 1},
        {"null", "\"x\"", 0},
        {"\"x\"", "null", 0},
        {"0", "null", 0},
        {"false", "null", 0},
        {"false", "false", 1},
        {"true", "false", 0},
        {"1", "1.0", 1},
        {"0.1234567", "0.123457", 1},
        {"0.1234567", "\"0.123457\"", 1},
        {"0.12345", "0.12346", 0},
        {"0.000002", "0.000001", 0},
        {"25", "\"25.0\"", 1},
        {"\"2021-06-16T08:55:04Z\"", "\"2021-06-16 08:55:04 UTC\"", 1},
        {"\"2021-06-16T08:55:04Z\"", "\"2021-06-16T08:55:05Z\"", 0},
        {"\"2021-06-16\"", "\"2021-06-16\"", 1},
        {SHOT("5"), NAMED("5"), 1},
        {SHOT("5"), NAMED("6"), 0},
        {SHOT("5"), "{\"type\":\"Asset\",\"id\":5}", 0},
        {SHOT("5"), "null", 0},
        {"[" SHOT("5") "," SHOT("6") "]", "[" NAMED("6") "," NAMED("5") "]", 1},
        {"[" SHOT("5") "," SHOT("5") "]", "[" NAMED("5") "]", 1},
        {"[" SHOT("5") "]", "[" NAMED("5") "," NAMED("6") "]", 0},
        {"[" SHOT("5") "," SHOT("6") "]", "[" NAMED("5") "]", 0},
        {"[]", "[]", 1},
        {"[]", "[" NAMED("5") "]", 0},
        {MODE("add", SHOT("5")), "[" NAMED("5") "," NAMED("6") "]", 1},
        {MODE("add", SHOT("5")), "[" NAMED("6") "]", 0},
        {MODE("remove", SHOT("5")), "[" NAMED("6") "]", 1},
        {MODE("remove", SHOT("5")), "[" NAMED("5") "]", 0},
        {MODE("remove", SHOT("5")), "[]", 1},
        {MODE("set", SHOT("5")), "[" NAMED("5") "]", 1},
        {MODE("set", SHOT("5")), "[" NAMED("5") "," NAMED("6") "]", 0},
        {"{\"url\":\"http://x\"}", "{\"url\":\"http://x\",\"id\":7,\"name\":\"x\"}", 1},
        {"{\"url\":\"http://x\"}", "{\"url\":\"http://y\"}", 0},
        {"{\"url\":\"http://x\"}", "\"http://x\"", 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is(rows[i].written, rows[i].read) != rows[i].same)
            fail_msg("%s, read as %s: not %d", rows[i].written, rows[i].read, rows[i].same);
    }
}

static enum fptc__agreement agrees(const char *data, const char *row)
{
    fptc__json *a = parsed(data), *b = parsed(row);
    enum fptc__agreement agreement = fptc__written_agrees(a, b);

    fptc__json_free(a);
    fptc__json_free(b);
    return agreement;
}

#define P "\"project\":{\"type\":\"Project\",\"id\":101}"

static void test_rows(void **state)
{
    static const char *const data = "{" P ",\"code\":\" v1 \",\"entity\":" SHOT("5") ",\"sg_n\":1}";

    (void)state;
    assert_int_equal(
        agrees(data, "{\"id\":9," P ",\"code\":\"v1\",\"entity\":" NAMED("5") ",\"sg_n\":1}"),
        FPTC__AGREES);
    /* A field that may not be read, or is not there any more, tells nothing. */
    assert_int_equal(agrees(data, "{" P ",\"code\":\"v1\",\"entity\":" SHOT("5") "}"),
                     FPTC__AGREES);
    assert_int_equal(agrees(data, "{" P ",\"code\":\"v1\",\"entity\":" SHOT("5") ",\"sg_n\":2}"),
                     FPTC__RESEMBLES);
    assert_int_equal(agrees(data, "{" P ",\"code\":\"v2\",\"entity\":" SHOT("5") ",\"sg_n\":1}"),
                     FPTC__DIFFERS);
    assert_int_equal(agrees(data, "{" P ",\"code\":\"v1\",\"entity\":" SHOT("6") ",\"sg_n\":1}"),
                     FPTC__DIFFERS);
    /* Without a name the links tell, the project alone does not. */
    assert_int_equal(agrees("{" P ",\"entity\":" SHOT("5") ",\"sg_n\":1}",
                            "{" P ",\"entity\":" SHOT("5") ",\"sg_n\":2}"),
                     FPTC__RESEMBLES);
    assert_int_equal(agrees("{" P ",\"sg_n\":1}", "{" P ",\"sg_n\":2}"), FPTC__DIFFERS);
}

static void test_name(void **state)
{
    fptc__json *data = parsed("{\"sg_x\":\"a\",\"name\":\" \",\"content\":\" do it \"}");
    fptc__json *none = parsed("{\"code\":7,\"sg_x\":\"a\"}");
    fptc__json *text = fptc__written_text(data, "content");

    (void)state;
    assert_string_equal(fptc__written_name(data), "content");
    assert_string_equal(fptc__json_text(text), "do it");
    assert_null(fptc__written_name(none));
    assert_null(fptc__written_text(none, "code"));
    fptc__json_free(text);
    fptc__json_free(data);
    fptc__json_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
