/* test_view_rows.c: cells from FPT's values, and rows as JSON in the shape of shotgun_api3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fptcache/fptcache.h"
#include "view/rows.h"

/* One cell of the class, filled from the JSON text, printed as a row. */
static void check(enum fptc__class class_of, const char *json, int32_t kind, const char *printed)
{
    static const char *const names[] = {"f"};
    struct fptc__rows rows = {0};
    struct fptc__buf out;
    fptc__json *value = NULL;
    char wanted[400];

    assert_int_equal(fptc__rows_init(&rows, "Shot", names, 1, NULL), FPTC_OK);
    assert_non_null(fptc__rows_add(&rows, 7));
    if (json != NULL)
        assert_int_equal(fptc__json_parse(json, strlen(json), "test", &value, NULL), FPTC_OK);
    fptc__rows_set_json(&rows, &rows.list[0].cells[0], class_of, value);
    fptc__json_free(value); /* the cell keeps copies */
    assert_int_equal(rows.list[0].cells[0].kind, kind);
    fptc__buf_init(&out, 4096);
    fptc__rows_print(&rows, 0, &out);
    snprintf(wanted, sizeof(wanted), "{\"type\":\"Shot\",\"id\":7%s%s}",
             printed[0] ? ",\"f\":" : "", printed);
    assert_string_equal(fptc__buf_text(&out), wanted);
    fptc__buf_done(&out);
    fptc__rows_done(&rows);
}

static void test_cells(void **state)
{
    (void)state;
    check(FPTC__TEXT, NULL, FPTC_KIND_ABSENT, "");
    check(FPTC__TEXT, "null", FPTC_KIND_NULL, "null");
    check(FPTC__TEXT, "\"\\u00e9 \\\" \\n\"", FPTC_KIND_TEXT, "\"\xc3\xa9 \\\" \\n\"");
    check(FPTC__INTEGER, "-2147483648", FPTC_KIND_INT, "-2147483648");
    check(FPTC__REAL, "\"2.5\"", FPTC_KIND_FLOAT, "2.5");
    check(FPTC__REAL, "\"25.0\"", FPTC_KIND_FLOAT, "25.0");
    check(FPTC__REAL, "\"0.000001\"", FPTC_KIND_FLOAT, "1e-06");
    check(FPTC__BOOL, "true", FPTC_KIND_BOOL, "true");
    check(FPTC__BOOL, "false", FPTC_KIND_BOOL, "false");
    check(FPTC__JSON, "{\"a\":[1,2]}", FPTC_KIND_JSON, "{\"a\":[1,2]}");
    check(FPTC__JSON, "0", FPTC_KIND_INT, "0");
}

static void test_links(void **state)
{
    (void)state;
    check(FPTC__LINK, "{\"type\":\"Asset\",\"id\":5,\"name\":\"A\"}", FPTC_KIND_LINK,
          "{\"type\":\"Asset\",\"id\":5,\"name\":\"A\"}");
    check(FPTC__LINK, "{\"type\":\"Asset\",\"id\":5}", FPTC_KIND_LINK,
          "{\"type\":\"Asset\",\"id\":5,\"name\":null}");
    check(FPTC__LINKS, "[]", FPTC_KIND_LINKS, "[]");
    check(FPTC__LINKS,
          "[{\"type\":\"A\",\"id\":1,\"name\":\"x\"},{\"type\":\"B\",\"id\":2,\"name\":\"y\"}]",
          FPTC_KIND_LINKS,
          "[{\"type\":\"A\",\"id\":1,\"name\":\"x\"},{\"type\":\"B\",\"id\":2,\"name\":\"y\"}]");
}

/* Many rows: what was taken earlier stays where it is. */
static void test_many(void **state)
{
    static const char *const names[] = {"code", "x"};
    struct fptc__rows rows = {0};
    char text[40];
    int64_t i;

    (void)state;
    assert_int_equal(fptc__rows_init(&rows, "Shot", names, 2, NULL), FPTC_OK);
    for (i = 1; i <= 5000; i++) {
        struct fptc__row *row = fptc__rows_add(&rows, i);

        assert_non_null(row);
        snprintf(text, sizeof(text), "row %lld", (long long)i);
        row->cells[0].text = fptc__rows_text(&rows, text, strlen(text));
        row->cells[0].kind = FPTC_KIND_TEXT;
    }
    for (i = 1; i <= 5000; i++) {
        snprintf(text, sizeof(text), "row %lld", (long long)i);
        assert_string_equal(rows.list[i - 1].cells[0].text, text);
        assert_int_equal(rows.list[i - 1].cells[1].kind, FPTC_KIND_ABSENT);
    }
    assert_int_equal(fptc__rows_column(&rows, "x"), 1);
    assert_int_equal(fptc__rows_column(&rows, "y"), 2);
    fptc__rows_done(&rows);
    fptc__rows_done(&rows); /* again does nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
