/* test_store_wish.c: wishes for indexes as columns; what no wish is; which index serves another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/wish.h"

static const char *sql_of(const char *text)
{
    static char out[4096];
    struct fptc__wish wish;
    struct fptc__buf sql;

    if (!fptc__wish_parse(text, &wish))
        return "no wish";
    fptc__buf_init(&sql, sizeof(out));
    fptc__wish_sql(&wish, "main", "Version", text, &sql);
    strncpy(out, fptc__buf_text(&sql), sizeof(out) - 1);
    fptc__buf_done(&sql);
    return out;
}

static void test_sql(void **state)
{
    (void)state;
    assert_string_equal(
        sql_of("entity link,created_at desc"),
        "CREATE INDEX \"main\".\"_fptc_i_Version__entity_link__created_at_desc\" ON "
        "\"Version\"(\"entity__id\", \"entity__type\", \"created_at\" DESC)");
    assert_string_equal(
        sql_of("sg_status_list fold,code fold-asc"),
        "CREATE INDEX \"main\".\"_fptc_i_Version__sg_status_list_fold__code_fold_asc\""
        " ON \"Version\"(\"_fptc_fold_sg_status_list\", \"_fptc_fold_code\")");
    assert_string_equal(sql_of("sg_cut_in range"),
                        "CREATE INDEX \"main\".\"_fptc_i_Version__sg_cut_in_range\" ON "
                        "\"Version\"(\"sg_cut_in\")");
    assert_string_equal(sql_of("code fold-desc"),
                        "CREATE INDEX \"main\".\"_fptc_i_Version__code_fold_desc\" ON "
                        "\"Version\"(\"_fptc_fold_code\" DESC)");
    assert_non_null(strstr(sql_of("flagged equal,code scan"), "\"flagged\", \"_fptc_fold_code\""));
}

static void test_no_wishes(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        ",",
        "code",
        "code ",
        " fold",
        "code fold,",
        ",code fold",
        "code fold,,code asc",
        "code folded",
        "code fol",
        "code  fold",
        "code fold x",
        "tags links", /* a multi link is indexed in any case */
        "co\"de fold",
        "code); DROP TABLE Shot; -- fold",
        "code\n fold",
        "_fptc_version asc",
        "sqlite_x asc",
        "1 asc",
        "a.b asc",
        "a link,b link,c link,d link,e link", /* ten columns */
    };
    char text[2 * FPTC_WISH_BYTES_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (strcmp(sql_of(bad[i]), "no wish") != 0)
            fail_msg("taken for a wish: %s", bad[i]);
    }
    memset(text, 'x', sizeof(text));
    memcpy(text + FPTC_WISH_BYTES_MAX - 4, " asc", 5);
    assert_string_not_equal(sql_of(text), "no wish");
    memset(text, 'x', sizeof(text));
    memcpy(text + FPTC_WISH_BYTES_MAX - 3, " asc", 5);
    assert_string_equal(sql_of(text), "no wish");
}

static int within(const char *a, const char *b)
{
    struct fptc__wish x, y;

    assert_true(fptc__wish_parse(a, &x));
    assert_true(fptc__wish_parse(b, &y));
    return fptc__wish_is_within(&x, &y);
}

static void test_within(void **state)
{
    (void)state;
    assert_true(within("entity link", "entity link"));
    assert_true(within("entity link", "entity link,created_at desc"));
    assert_false(within("entity link,created_at desc", "entity link"));
    assert_true(within("entity link,created_at range", "entity link,created_at desc"));
    assert_true(within("code equal", "code desc"));
    assert_false(within("entity link", "user link,entity link"));
    assert_false(within("code equal", "code fold"));
    assert_true(within("code scan", "code fold,sg_cut_in asc"));
    /* order: the same direction, and the id comes right behind it */
    assert_false(within("created_at asc", "created_at desc"));
    assert_true(within("created_at asc", "created_at range"));
    assert_false(within("created_at asc", "created_at asc,code fold-asc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql),
        cmocka_unit_test(test_no_wishes),
        cmocka_unit_test(test_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
