/* test_base_datatype.c: the class of every data type FPT has, per-caller fields, usable names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "base/datatype.h"

static void test_classes(void **state)
{
    static const struct {
        enum fptc__class class_;
        const char *names[16];
    } rows[] = {
        {FPTC__TEXT,
         {"text", "list", "status_list", "date", "date_time", "color", "uuid", "entity_type",
          "footage", "url_template", "system_task_type"}},
        {FPTC__INTEGER, {"number", "duration", "percent", "timecode"}},
        {FPTC__REAL, {"float", "currency"}},
        {FPTC__BOOL, {"checkbox"}},
        {FPTC__LINK, {"entity"}},
        {FPTC__LINKS, {"multi_entity", "addressing"}},
        {FPTC__NEVER, {"image", "url", "password"}},
        {FPTC__JSON,
         {"summary", "calculated", "pivot_column", "query", "jsonb", "serializable", "other",
          "tag_list", "", "Text", "some_new_type"}},
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (j = 0; j < 16 && rows[i].names[j]; j++)
            assert_int_equal(fptc__class_of(rows[i].names[j]), rows[i].class_);
    }
    assert_int_equal(fptc__class_of(NULL), FPTC__JSON);
}

static void test_computed(void **state)
{
    (void)state;
    assert_true(fptc__is_computed("summary"));
    assert_true(fptc__is_computed("calculated"));
    assert_true(fptc__is_computed("pivot_column"));
    assert_true(fptc__is_computed("query"));
    assert_false(fptc__is_computed("text"));
    assert_false(fptc__is_computed("jsonb"));
    assert_false(fptc__is_computed("some_new_type"));
    assert_false(fptc__is_computed(NULL));
}

static void test_per_caller_fields(void **state)
{
    static const char *const never[] = {
        "viewed_by_current_user",        "viewed_by_current_user_at",
        "read_by_current_user",          "current_user_favorite",
        "last_accessed_by_current_user", "accesses_by_current_user",
        "current_user_can_see",          "entity.Version.viewed_by_current_user",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        assert_int_equal(fptc__class_of_field(never[i], "checkbox"), FPTC__NEVER);
        assert_int_equal(fptc__class_of_field(never[i], "unheard_of"), FPTC__NEVER);
    }
    assert_int_equal(fptc__class_of_field("viewed_by_current_users", "checkbox"), FPTC__BOOL);
    assert_int_equal(fptc__class_of_field("code", "text"), FPTC__TEXT);
    assert_int_equal(fptc__class_of_field("sg_uploaded_movie", "url"), FPTC__NEVER);
}

static void test_names(void **state)
{
    static const char *const good[] = {"id",    "sg_status_list", "Shot",   "CustomEntity01",
                                       "x",     "fptc_x",         "sqlite", "sqlitex_",
                                       "step_0"};
    static const char *const bad[] = {"",
                                      "_fptc_x",
                                      "_x",
                                      "1a",
                                      "a b",
                                      "a-b",
                                      "a.b",
                                      "a\"b",
                                      "a;",
                                      "sqlite_x",
                                      "SQLite_x",
                                      "sqlite_",
                                      "\xc3\xa9t\xc3\xa9",
                                      "a\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(fptc__is_name(good[i]));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(fptc__is_name(bad[i]));
    assert_false(fptc__is_name(NULL));
}

static void test_name_length(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    assert_true(fptc__is_name(name));
    name[255] = 'n';
    name[256] = '\0';
    assert_false(fptc__is_name(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),           cmocka_unit_test(test_computed),
        cmocka_unit_test(test_per_caller_fields), cmocka_unit_test(test_names),
        cmocka_unit_test(test_name_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
