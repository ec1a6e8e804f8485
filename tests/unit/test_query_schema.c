/* test_query_schema.c: filling and asking the schema, FPT's own shape and the flat one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "query/schema.h"

static fptc_status add(struct fptc__schema *s, const char *type, const char *json, fptc_error *err)
{
    fptc__json *fields = NULL;
    fptc_status status;

    assert_int_equal(fptc__json_parse(json, strlen(json), "fields", &fields, err), FPTC_OK);
    status = fptc__schema_add(s, type, fields, err);
    fptc__json_free(fields);
    return status;
}

/* As GET /schema/Shot/fields gives it (A§4.1). */
static const char wrapped[] =
    "{\"code\":{\"name\":{\"value\":\"Shot Code\",\"editable\":true},"
    "\"data_type\":{\"value\":\"text\",\"editable\":false},\"properties\":{\"default_value\":"
    "{\"value\":null,\"editable\":false}}},"
    "\"sg_sequence\":{\"data_type\":{\"value\":\"entity\",\"editable\":false},\"properties\":"
    "{\"valid_types\":{\"value\":[\"Sequence\",\"Episode\"],\"editable\":true}}},"
    "\"project\":{\"data_type\":{\"value\":\"entity\"},\"properties\":{\"valid_types\":"
    "{\"value\":[\"Project\"]}}},"
    "\"open_notes_count\":{\"data_type\":{\"value\":\"summary\"}},"
    "\"viewed_by_current_user\":{\"data_type\":{\"value\":\"list\"}},"
    "\"no_type\":{},\"bad name\":{\"data_type\":{\"value\":\"text\"}},"
    "\"x\\\"; DROP TABLE y; --\":{\"data_type\":{\"value\":\"text\"}},"
    "\"sg_brand_new\":{\"data_type\":{\"value\":\"from_the_future\"}}}";

static void test_shapes(void **state)
{
    struct fptc__schema *s = fptc__schema_new();
    fptc_error err = FPTC_ERROR_INIT;
    const struct fptc__field *f;

    (void)state;
    assert_int_equal(add(s, "Shot", wrapped, &err), FPTC_OK);
    assert_true(fptc__schema_has(s, "Shot"));
    assert_false(fptc__schema_has(s, "shot"));
    f = fptc__schema_field(s, "Shot", "code");
    assert_non_null(f);
    assert_string_equal(f->data_type, "text");
    assert_int_equal(f->class_of, FPTC__TEXT);
    assert_int_equal(f->n_valid_types, 0);
    f = fptc__schema_field(s, "Shot", "sg_sequence");
    assert_int_equal(f->class_of, FPTC__LINK);
    assert_int_equal(f->n_valid_types, 2);
    assert_string_equal(f->valid_types[1], "Episode");
    assert_int_equal(fptc__schema_field(s, "Shot", "open_notes_count")->is_computed, 1);
    assert_int_equal(fptc__schema_field(s, "Shot", "viewed_by_current_user")->class_of,
                     FPTC__NEVER);
    assert_int_equal(fptc__schema_field(s, "Shot", "sg_brand_new")->class_of, FPTC__JSON);
    assert_int_equal(fptc__schema_field(s, "Shot", "no_type")->class_of, FPTC__JSON);
    assert_null(fptc__schema_field(s, "Shot", "bad name"));
    assert_null(fptc__schema_field(s, "Shot", "nope"));
    assert_null(fptc__schema_field(s, "Nope", "code"));
    /* id was added: 7 usable names and it */
    assert_int_equal(fptc__schema_field(s, "Shot", "id")->class_of, FPTC__INTEGER);
    assert_int_equal(fptc__schema_n_fields(s, "Shot"), 8);
    assert_int_equal(fptc__schema_n_fields(s, "Nope"), 0);
    assert_null(fptc__schema_field_at(s, "Shot", 8));
    assert_true(fptc__schema_is_project_type(s, "Shot"));
    fptc__schema_free(s);
}

static void test_flat_and_replaced(void **state)
{
    struct fptc__schema *s = fptc__schema_new();
    fptc_error err = FPTC_ERROR_INIT;
    size_t i;

    (void)state;
    assert_int_equal(add(s, "Task", "{\"content\":{\"data_type\":\"text\"}}", &err), FPTC_OK);
    assert_int_equal(add(s, "Task",
                         "{\"id\":{\"data_type\":\"number\"},\"step\":{\"data_type\":\"entity\","
                         "\"valid_types\":[\"Step\",7,\"bad type\"]}}",
                         &err),
                     FPTC_OK);
    assert_null(fptc__schema_field(s, "Task", "content"));
    assert_int_equal(fptc__schema_n_fields(s, "Task"), 2);
    assert_int_equal(fptc__schema_field(s, "Task", "step")->n_valid_types, 1);
    assert_false(fptc__schema_is_project_type(s, "Task"));
    for (i = 0; i < 200; i++) {
        char name[16];

        snprintf(name, sizeof(name), "T%zu", i * 37 % 200);
        assert_int_equal(add(s, name, "{\"a\":{\"data_type\":\"text\"}}", &err), FPTC_OK);
    }
    for (i = 0; i < 200; i++) {
        char name[16];

        snprintf(name, sizeof(name), "T%zu", i);
        assert_non_null(fptc__schema_field(s, name, "a"));
    }
    fptc__schema_free(s);
    fptc__schema_free(NULL);
}

static void test_refused(void **state)
{
    struct fptc__schema *s = fptc__schema_new();
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    assert_int_equal(add(s, "Sh ot", "{}", &err), FPTC_EUSAGE);
    assert_int_equal(add(s, "x\";", "{}", &err), FPTC_EUSAGE);
    assert_int_equal(add(s, "Shot", "[]", &err), FPTC_EUSAGE);
    assert_int_equal(fptc__schema_add(s, NULL, NULL, &err), FPTC_EUSAGE);
    assert_int_equal(fptc__schema_add(s, "Shot", NULL, &err), FPTC_EUSAGE);
    assert_false(fptc__schema_has(s, "Shot"));
    fptc__schema_free(s);
}

static void test_nearest(void **state)
{
    static const char *const rows[][2] = {
        {"cod", "code"},
        {"codde", "code"},
        {"sg_sequnce", "sg_sequence"},
        {"porject", "project"},
        {"Code", "code"},
        {"zzz", NULL},
        {"", NULL},
        {"completely_different_name", NULL},
    };
    struct fptc__schema *s = fptc__schema_new();
    fptc_error err = FPTC_ERROR_INIT;
    char longer[400];
    size_t i;

    (void)state;
    assert_int_equal(add(s, "Shot", wrapped, &err), FPTC_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *near = fptc__schema_nearest(s, "Shot", rows[i][0]);

        if (rows[i][1])
            assert_string_equal(near, rows[i][1]);
        else
            assert_null(near);
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(fptc__schema_nearest(s, "Shot", longer));
    assert_null(fptc__schema_nearest(s, "Nope", "code"));
    fptc__schema_free(s);
}

static void test_nearest_key(void **state)
{
    static const char types[] = "{\"Shot\":{},\"Asset\":{},\"Version\":1,\"PublishedFile\":null}";
    static const char *const rows[][2] = {
        {"Shott", "Shot"},      {"shots", "Shot"},
        {"Versoin", "Version"}, {"asset", "Asset"},
        {"Playlist", NULL},     {"", NULL},
        {"Zq", NULL},           {"PublishdFile", "PublishedFile"}};
    fptc__json *object = NULL;
    char longer[FPTC_NAME_BYTES_MAX + 2];
    size_t i;

    (void)state;
    assert_int_equal(fptc__json_parse(types, strlen(types), "types", &object, NULL), FPTC_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *near = fptc__nearest_key(object, rows[i][0]);

        if (rows[i][1])
            assert_string_equal(near, rows[i][1]);
        else
            assert_null(near);
    }
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(fptc__nearest_key(object, longer));
    /* A key that is too long to be a name is none. */
    assert_int_equal(fptc__json_set(object, longer, fptc__json_new_null()), 1);
    assert_string_equal(fptc__nearest_key(object, "Shott"), "Shot");
    fptc__json_free(object);
    assert_null(fptc__nearest_key(NULL, "Shot"));
}

/* The recorded schema of a real site: 116 types (A§4.1); not there in a stranger's clone. */
static void test_recorded_schema(void **state)
{
    const char *shared = getenv("FPTC_SHARED");
    struct fptc__schema *s;
    fptc_error err = FPTC_ERROR_INIT;
    fptc__json *all = NULL;
    const fptc__json *type;
    struct fptc__buf b;
    char path[1024];
    char piece[65536];
    size_t n;
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/data/fpt-schema.json", shared ? shared : "");
    f = fopen(path, "rb");
    if (!f) {
        print_message("no %s\n", path);
        skip();
    }
    fptc__buf_init(&b, 1u << 26);
    for (n = fread(piece, 1, sizeof(piece), f); n > 0; n = fread(piece, 1, sizeof(piece), f))
        fptc__buf_add(&b, piece, n);
    fclose(f);
    assert_int_equal(fptc__json_parse(b.data, b.len, "schema", &all, &err), FPTC_OK);
    fptc__buf_done(&b);
    s = fptc__schema_new();
    for (type = fptc__json_first(all); type; type = fptc__json_next(type))
        assert_int_equal(fptc__schema_add(s, fptc__json_key(type), type, &err), FPTC_OK);
    assert_int_equal(fptc__json_size(all), 116);
    assert_int_equal(fptc__schema_field(s, "Task", "task_assignees")->class_of, FPTC__LINKS);
    assert_int_equal(fptc__schema_field(s, "Version", "sg_status_list")->class_of, FPTC__TEXT);
    assert_int_equal(fptc__schema_field(s, "Note", "note_links")->n_valid_types > 10, 1);
    assert_true(fptc__schema_is_project_type(s, "Shot"));
    assert_false(fptc__schema_is_project_type(s, "HumanUser"));
    fptc__json_free(all);
    fptc__schema_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),      cmocka_unit_test(test_flat_and_replaced),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_key), cmocka_unit_test(test_recorded_schema),
    };

    return cmocka_run_group_tests_name("query_schema", tests, NULL, NULL);
}
