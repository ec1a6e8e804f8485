/* test_base_json_write.c: building with failures in any place, printing, numbers in any locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"

static void assert_prints(const fptc__json *v, const char *want)
{
    struct fptc__buf out;

    fptc__buf_init(&out, 100000);
    fptc__json_print(v, &out);
    assert_int_equal(out.failed, 0);
    assert_string_equal(fptc__buf_text(&out), want);
    fptc__buf_done(&out);
}

static void assert_double_prints(double v, const char *want)
{
    struct fptc__buf out;

    fptc__buf_init(&out, 1000);
    fptc__json_put_double(&out, v);
    assert_string_equal(fptc__buf_text(&out), want);
    fptc__buf_done(&out);
}

static void test_text(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"", "\"\""},
        {"abc", "\"abc\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    };
    struct fptc__buf out;
    size_t i;

    (void)state;
    fptc__buf_init(&out, 1000);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__buf_clear(&out);
        fptc__json_put_text(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(fptc__buf_text(&out), rows[i].want);
    }
    fptc__buf_clear(&out);
    fptc__json_put_text(&out, "a\0b", 3);
    assert_string_equal(fptc__buf_text(&out), "\"a\\u0000b\"");
    fptc__buf_done(&out);
}

static void test_doubles(void **state)
{
    (void)state;
    assert_double_prints(0, "0");
    assert_double_prints(-0.0, "0");
    assert_double_prints(1e15, "1000000000000000");
    assert_double_prints(9007199254740991.0, "9007199254740991");
    assert_double_prints(9007199254740992.0, "9007199254740992");
    assert_double_prints(-9007199254740992.0, "-9007199254740992");
    assert_double_prints(0.1, "0.1");
    assert_double_prints(-1.5, "-1.5");
    assert_double_prints(0.1 + 0.2, "0.30000000000000004");
    assert_double_prints(23.976, "23.976");
    assert_double_prints(1e300, "1e+300");
    assert_double_prints(5e-324, "4.94065645841247e-324");
    assert_double_prints((double)NAN, "null");
    assert_double_prints((double)INFINITY, "1e999");
    assert_double_prints(-(double)INFINITY, "-1e999");
}

static void check_reads_back(double v)
{
    struct fptc__buf out;
    fptc__json *back = NULL;
    fptc_error err;

    fptc__buf_init(&out, 1000);
    fptc__json_put_double(&out, v);
    assert_int_equal(fptc__json_parse(out.data, out.len, "x", &back, &err), FPTC_OK);
    assert_true(fptc__json_double(back) == v);
    fptc__json_free(back);
    fptc__buf_done(&out);
}

static void test_doubles_read_back(void **state)
{
    double v = 1.0 / 3.0;
    int i;

    (void)state;
    check_reads_back(DBL_MAX);
    check_reads_back(DBL_MIN);
    check_reads_back(DBL_TRUE_MIN);
    for (i = 0; i < 2000; i++) {
        check_reads_back(v);
        check_reads_back(-1.0 / v);
        v *= -1.37;
    }
}

/* Needs a locale with another decimal point; LOCPATH may offer one. */
static void test_locale_does_not_matter(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    int found = 0;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!setlocale(LC_ALL, names[i]) || strcmp(localeconv()->decimal_point, ".") == 0)
            continue;
        found++;
        assert_double_prints(1234567.25, "1234567.25");
        assert_double_prints(1.5e300, "1.5e+300");
        assert_double_prints(123456, "123456");
        check_reads_back(0.1 + 0.2);
        check_reads_back(1.5);
    }
    setlocale(LC_ALL, "C");
    if (!found) {
        print_message(
            "skipped: no locale here writes numbers with a comma (package locales-all)\n");
        skip();
    }
}

static void test_build_and_print(void **state)
{
    fptc__json *v = fptc__json_new_object();
    fptc__json *list = fptc__json_new_array();

    (void)state;
    assert_true(fptc__json_append(list, fptc__json_new_int(-3)));
    assert_true(fptc__json_append(list, fptc__json_new_double(0.5)));
    assert_true(fptc__json_append(list, fptc__json_new_text("q\"")));
    assert_true(fptc__json_append(list, fptc__json_new_object()));
    assert_true(fptc__json_set(v, "list", list));
    assert_true(fptc__json_set(v, "yes", fptc__json_new_bool(4)));
    assert_true(fptc__json_set(v, "no", fptc__json_new_bool(0)));
    assert_true(fptc__json_set(v, "k\n", fptc__json_new_null()));
    assert_true(fptc__json_set(v, "id", fptc__json_new_int(9007199254740991)));
    assert_prints(v, "{\"list\":[-3,0.5,\"q\\\"\",{}],\"yes\":true,\"no\":false,\"k\\n\":null,"
                     "\"id\":9007199254740991}");
    fptc__json_free(v);
    assert_prints(NULL, "null");
}

static void test_numbers_stay_as_spelled(void **state)
{
    static const char *const rows[][2] = {
        {"[1,1.0,-2e3,{\"a\":2.50,\"b\":[7,-7.0]},\"1.0\"]",
         "[1,1.0,-2000.0,{\"a\":2.5,\"b\":[7,-7.0]},\"1.0\"]"},
        {"{\"\\\"9.0\\\\\":3,\"x\":4.0,\"x\":5, \"t\":true , \"e\":1E2}",
         "{\"\\\"9.0\\\\\":3,\"x\":4.0,\"x\":5,\"t\":true,\"e\":100.0}"},
        {"3.0", "3.0"},
        {"\"3.0\"", "\"3.0\""},
        {"{}", "{}"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__json *v = NULL;
        struct fptc__buf out;

        assert_int_equal(fptc__json_parse_as_spelled(rows[i][0], strlen(rows[i][0]), "x", &v, NULL),
                         FPTC_OK);
        fptc__buf_init(&out, 1000);
        fptc__json_print(v, &out);
        assert_string_equal(fptc__buf_text(&out), rows[i][1]);
        fptc__buf_done(&out);
        fptc__json_free(v);
    }
}

static void test_floats_stay_floats(void **state)
{
    static const char text[] = "{\"a\":{\"x\":1},\"b\":7}";
    fptc__json *v = NULL, *copy;
    struct fptc__buf b;

    (void)state;
    assert_int_equal(fptc__json_parse(text, sizeof(text) - 1, "test", &v, NULL), FPTC_OK);
    assert_true(fptc__json_make_float((fptc__json *)(uintptr_t)fptc__json_get(v, "a"), 2));
    assert_true(fptc__json_make_float((fptc__json *)(uintptr_t)fptc__json_get(v, "b"), 1e300));
    copy = fptc__json_copy(v);
    fptc__json_free(v);
    assert_true(fptc__json_is_number(fptc__json_get(copy, "a")));
    assert_int_equal(fptc__json_get_int(copy, "a"), 2);
    fptc__buf_init(&b, 1000);
    fptc__json_print(copy, &b);
    assert_string_equal(fptc__buf_text(&b), "{\"a\":2.0,\"b\":1e+300}");
    fptc__buf_done(&b);
    fptc__json_free(copy);
}

static void test_set_replaces(void **state)
{
    fptc__json *v = fptc__json_new_object();

    (void)state;
    assert_true(fptc__json_set(v, "a", fptc__json_new_int(1)));
    assert_true(fptc__json_set(v, "A", fptc__json_new_int(2)));
    assert_true(fptc__json_set(v, "a", fptc__json_new_int(3)));
    assert_int_equal(fptc__json_size(v), 2);
    assert_int_equal(fptc__json_get_int(v, "a"), 3);
    assert_int_equal(fptc__json_get_int(v, "A"), 2);
    fptc__json_free(v);
}

static void test_refused_children_are_freed(void **state)
{
    fptc__json *object = fptc__json_new_object();
    fptc__json *array = fptc__json_new_array();

    (void)state;
    assert_false(fptc__json_set(NULL, "a", fptc__json_new_int(1)));
    assert_false(fptc__json_set(array, "a", fptc__json_new_int(1)));
    assert_false(fptc__json_set(object, NULL, fptc__json_new_int(1)));
    assert_false(fptc__json_set(object, "a", NULL));
    assert_false(fptc__json_append(NULL, fptc__json_new_int(1)));
    assert_false(fptc__json_append(object, fptc__json_new_int(1)));
    assert_false(fptc__json_append(array, NULL));
    assert_null(fptc__json_new_text(NULL));
    assert_prints(object, "{}");
    assert_prints(array, "[]");
    fptc__json_free(object);
    fptc__json_free(array);
}

static void test_copy_and_detach(void **state)
{
    static const char text[] = "{\"a\":[1,2,3],\"b\":{\"c\":\"x\"}}";
    fptc__json *v = NULL;
    fptc__json *copy, *list, *part;

    (void)state;
    assert_int_equal(fptc__json_parse(text, strlen(text), "x", &v, NULL), FPTC_OK);
    copy = fptc__json_copy(v);
    assert_true(fptc__json_equal(v, copy));
    assert_null(fptc__json_copy(NULL));
    list = fptc__json_detach(v, fptc__json_get(v, "a"));
    assert_prints(v, "{\"b\":{\"c\":\"x\"}}");
    part = fptc__json_detach(list, fptc__json_next(fptc__json_next(fptc__json_first(list))));
    assert_int_equal(fptc__json_int(part), 3);
    assert_true(fptc__json_append(list, part));
    part = fptc__json_detach(list, fptc__json_first(list));
    assert_true(fptc__json_append(list, part));
    assert_prints(list, "[2,3,1]");
    assert_null(fptc__json_detach(v, list));
    assert_null(fptc__json_detach(NULL, list));
    assert_null(fptc__json_detach(v, NULL));
    assert_true(fptc__json_set(v, "z", list));
    assert_string_equal(fptc__json_key(list), "z");
    assert_prints(copy, text);
    fptc__json_free(v);
    fptc__json_free(copy);
}

static void test_print_is_bounded(void **state)
{
    fptc__json *v = fptc__json_new_array();
    struct fptc__buf out;
    unsigned i;

    (void)state;
    fptc__buf_init(&out, 100000);
    for (i = 1; i < FPTC_JSON_DEPTH_MAX; i++) {
        fptc__json *outer = fptc__json_new_array();

        assert_true(fptc__json_append(outer, v));
        v = outer;
    }
    fptc__json_print(v, &out);
    assert_int_equal(out.failed, 0);
    assert_int_equal(out.len, 2 * FPTC_JSON_DEPTH_MAX);
    fptc__buf_clear(&out);
    {
        fptc__json *outer = fptc__json_new_array();

        assert_true(fptc__json_append(outer, v));
        v = outer;
    }
    fptc__json_print(v, &out);
    assert_int_equal(out.failed, FPTC_ELIMIT);
    fptc__buf_done(&out);
    fptc__buf_init(&out, 7);
    fptc__json_print(v, &out);
    assert_int_equal(out.failed, FPTC_ELIMIT);
    assert_int_equal(out.len, 7);
    fptc__buf_done(&out);
    fptc__json_free(v);
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

/* Builds freely and checks once; 1 when everything is in it. */
static int build(fptc__json **out)
{
    fptc__json *v = fptc__json_new_object();
    fptc__json *list = fptc__json_new_array();
    int done = 1;

    done &= fptc__json_append(list, fptc__json_new_text("x"));
    done &= fptc__json_append(list, fptc__json_new_int(1));
    done &= fptc__json_set(v, "list", list);
    done &= fptc__json_set(v, "a", fptc__json_new_bool(1));
    done &= fptc__json_set(v, "a", fptc__json_new_null());
    *out = v;
    return done;
}

static void test_out_of_memory(void **state)
{
    cJSON_Hooks hooks = {limited_malloc, free};
    fptc__json *v = NULL;
    fptc__json *copy = NULL;
    int done = 0;
    int n;

    (void)state;
    cJSON_InitHooks(&hooks);
    for (n = 0; !done && n < 100; n++) {
        fptc__json_free(v);
        allocations_left = n;
        done = build(&v);
    }
    assert_true(done && n > 5);
    for (n = 0; !copy && n < 100; n++) {
        allocations_left = n;
        copy = fptc__json_copy(v);
    }
    cJSON_InitHooks(NULL);
    assert_true(n > 5);
    assert_prints(copy, "{\"list\":[\"x\",1],\"a\":null}");
    fptc__json_free(v);
    fptc__json_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_read_back),
        cmocka_unit_test(test_locale_does_not_matter),
        cmocka_unit_test(test_build_and_print),
        cmocka_unit_test(test_numbers_stay_as_spelled),
        cmocka_unit_test(test_floats_stay_floats),
        cmocka_unit_test(test_set_replaces),
        cmocka_unit_test(test_refused_children_are_freed),
        cmocka_unit_test(test_copy_and_detach),
        cmocka_unit_test(test_print_is_bounded),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
