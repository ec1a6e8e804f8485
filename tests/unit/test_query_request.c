/* test_query_request.c: what a caller may spell, and the types that it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/floatmark.h"
#include "query/request.h"

static void test_type(void **state)
{
    static const char *const wrong[] = {"", "Sh ot", "1Shot", "Shot\"", "sqlite_x", "_fptc_x"};
    struct fptc__request r;
    fptc_error err = FPTC_ERROR_INIT;
    size_t i;

    (void)state;
    assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
    assert_string_equal(r.type, "Shot");
    fptc__request_done(&r);
    fptc__request_done(&r);
    fptc__request_done(NULL);
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fptc__request_init(&r, wrong[i], &err), FPTC_EUSAGE);
        fptc__request_done(&r);
    }
    assert_int_equal(fptc__request_init(&r, NULL, &err), FPTC_EUSAGE);
    assert_string_equal(err.message, "Entity type '' does not exist.");
}

static void test_fields(void **state)
{
    static const struct {
        const char *csv;
        const char *joined; /* NULL: refused */
    } rows[] = {
        {NULL, ""},
        {"", ""},
        {"  ", ""},
        {"code", "code"},
        {" code , sg_status_list\t", "code|sg_status_list"},
        {"code,code,id,type,code", "code"}, /* id and type always come */
        {"sg_sequence.Sequence.code,*", "sg_sequence.Sequence.code|*"},
        {"a b", "a b"}, /* unknown names are dropped later, by the schema */
        {"code,", NULL},
        {",code", NULL},
        {"a,,b", NULL},
        {",", NULL},
    };
    struct fptc__request r;
    fptc_error err = FPTC_ERROR_INIT;
    size_t i, j;

    (void)state;
    assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char joined[256] = "";
        fptc_status status;

        assert_int_equal(fptc__request_set_fields(&r, "kept", &err), FPTC_OK);
        status = fptc__request_set_fields(&r, rows[i].csv, &err);
        for (j = 0; j < r.n_fields; j++)
            snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s", j ? "|" : "",
                     r.fields[j]);
        assert_int_equal(status, rows[i].joined ? FPTC_OK : FPTC_EUSAGE);
        /* refused: unchanged */
        assert_string_equal(joined, rows[i].joined ? rows[i].joined : "kept");
    }
    fptc__request_done(&r);
}

static void test_order(void **state)
{
    static const struct {
        const char *csv;
        const char *joined;
    } rows[] = {
        {NULL, ""},          {"", ""},           {"code", "code"},  {"code,-id", "code|-id"},
        {" -a , b", "-a|b"}, {"+code", NULL},    {"id desc", NULL}, {"-", NULL}, /* A§1.5 [R] */
        {"--code", NULL},    {"code,,id", NULL}, {"code,", NULL},
    };
    struct fptc__request r;
    fptc_error err = FPTC_ERROR_INIT;
    size_t i, j;

    (void)state;
    assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char joined[256] = "";
        fptc_status status;

        assert_int_equal(fptc__request_set_order(&r, "kept", &err), FPTC_OK);
        status = fptc__request_set_order(&r, rows[i].csv, &err);
        for (j = 0; j < r.n_order; j++)
            snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s%s",
                     j ? "|" : "", r.order[j].is_descending ? "-" : "", r.order[j].path);
        assert_int_equal(status, rows[i].joined ? FPTC_OK : FPTC_EUSAGE);
        if (!rows[i].joined)
            assert_non_null(strstr(err.message, "sort list is not valid"));
        assert_string_equal(joined, rows[i].joined ? rows[i].joined : "kept");
    }
    fptc__request_done(&r);
}

static void test_filters(void **state)
{
    static const struct {
        const char *json;
        fptc_status status;
    } rows[] = {
        {NULL, FPTC_OK},
        {"", FPTC_OK},
        {"null", FPTC_OK},
        {"[]", FPTC_OK},
        {"{}", FPTC_OK}, /* a group without an operator: found by the plan */
        {"[[\"code\",\"is\",\"x\"]]", FPTC_OK},
        {"5", FPTC_EUSAGE},
        {"1.5", FPTC_EUSAGE},
        {"\"x\"", FPTC_EUSAGE},
        {"[", FPTC_EUSAGE},
        {"[1,]", FPTC_EUSAGE},
        {"[\"\xff\"]", FPTC_EUSAGE},
    };
    struct fptc__request r;
    fptc_error err = FPTC_ERROR_INIT;
    size_t i;

    (void)state;
    assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(fptc__request_set_filters(&r, "[[\"kept\"]]", &err), FPTC_OK);
        assert_int_equal(fptc__request_set_filters(&r, rows[i].json, &err), rows[i].status);
        if (rows[i].status)
            assert_int_equal(fptc__json_size(r.filters), 1);
    }
    fptc__request_done(&r);
}

static void test_floats_are_marked(void **state)
{
    static const char *const rows[][2] = {
        {"[1,1.0,-2.5e3,\"1.0\",\"a\\\"1.0\",{\"1.5\":0}]",
         "[1,{\"$float\":1.0},{\"$float\":-2.5e3},\"1.0\",\"a\\\"1.0\",{\"1.5\":0}]"},
        {"1e5", "{\"$float\":1e5}"},
        {"", ""},
        {"\"unfinished 1.0", "\"unfinished 1.0"},
        {"\"\\", "\"\\"},
        {"[-]", "[-]"},
    };
    struct fptc__buf b;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fptc__buf_init(&b, 4096);
        fptc__floatmark(rows[i][0], strlen(rows[i][0]), &b);
        assert_string_equal(fptc__buf_text(&b), rows[i][1]);
        fptc__buf_done(&b);
    }
}

static void test_copy(void **state)
{
    struct fptc__request r, copy;
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&r, "[[\"a\",\"is\",1]]", &err), FPTC_OK);
    assert_int_equal(fptc__request_set_fields(&r, "a,b", &err), FPTC_OK);
    assert_int_equal(fptc__request_set_order(&r, "-a", &err), FPTC_OK);
    r.limit = 7;
    r.page = 3;
    assert_int_equal(fptc__request_copy(&copy, &r, &err), FPTC_OK);
    fptc__request_done(&r);
    assert_string_equal(copy.type, "Shot");
    assert_int_equal(fptc__json_size(copy.filters), 1);
    assert_string_equal(copy.fields[1], "b");
    assert_string_equal(copy.order[0].path, "a");
    assert_int_equal(copy.order[0].is_descending, 1);
    assert_int_equal(copy.limit, 7);
    assert_int_equal(copy.page, 3);
    fptc__request_done(&copy);
}

static int note_type(const char *type, void *payload)
{
    char *seen = payload;

    snprintf(seen + strlen(seen), 256 - strlen(seen), "%s ", type);
    return strcmp(type, "Stop") == 0;
}

static void test_types(void **state)
{
    static const struct {
        const char *filters, *fields, *order;
        const char *seen;
    } rows[] = {
        {NULL, NULL, NULL, "Shot "},
        {"[[\"sg_sequence.Sequence.code\",\"is\",1]]", "entity.Asset.code,code,a.B.c.D.e", "x.Y.z",
         "Shot Sequence Asset B D Y "},
        {"{\"logical_operator\":\"or\",\"conditions\":[[\"a.A.b\",\"is\",1],{\"filter_operator\":"
         "\"any\",\"filters\":[[\"c.C.d\",\"is\",1]]}]}",
         NULL, NULL, "Shot A C "},
        {"[[\"$FROM$Task.entity.id\",\"is\",1]]", NULL, NULL, "Shot "},
        {"[[\"a.Bad\\\"type.c\",\"is\",1],[\"a.\",\"is\",1],[\"...\",\"is\",1],[1],7,[[\"x.Y.z\"]]]",
         "a.Type", NULL, "Shot Y "},
        {"[[\"a.Stop.c\",\"is\",1],[\"a.Never.c\",\"is\",1]]", "a.Never.c", NULL, "Shot Stop "},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fptc__request r;
        fptc_error err = FPTC_ERROR_INIT;
        char seen[256] = "";
        int stopped;

        assert_int_equal(fptc__request_init(&r, "Shot", &err), FPTC_OK);
        assert_int_equal(fptc__request_set_filters(&r, rows[i].filters, &err), FPTC_OK);
        assert_int_equal(fptc__request_set_fields(&r, rows[i].fields, &err), FPTC_OK);
        assert_int_equal(fptc__request_set_order(&r, rows[i].order, &err), FPTC_OK);
        stopped = fptc__request_types(&r, note_type, seen);
        assert_string_equal(seen, rows[i].seen);
        assert_int_equal(stopped, strstr(seen, "Stop") != NULL);
        /* Which projects are archived is asked of their type. */
        seen[0] = '\0';
        r.without_archived = 1;
        (void)fptc__request_types(&r, note_type, seen);
        assert_memory_equal(seen, "Shot Project ", 13);
        fptc__request_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_floats_are_marked),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests_name("query_request", tests, NULL, NULL);
}
