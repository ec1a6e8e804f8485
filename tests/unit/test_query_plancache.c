/*
 * test_query_plancache.c: plans of one shape share all but their values, others share nothing. That a
 * plan of a kept shape says what a new one would is asked of every filter of the other query tests too
 * (query_help.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "query_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OR "{\"logical_operator\":\"or\",\"conditions\":["
#define P(id) "{\"type\":\"Project\",\"id\":" #id "}"
#define A(id) "{\"type\":\"Asset\",\"id\":" #id "}"
#define S(id) "{\"type\":\"Sequence\",\"id\":" #id "}"

static struct fptc__schema *schema;
static struct fptc__plan_cache *plans;

static int set_up(void **state)
{
    (void)state;
    schema = help_schema();
    plans = fptc__plan_cache_new();
    return schema && plans ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__plan_cache_free(plans);
    fptc__schema_free(schema);
    return 0;
}

static struct fptc__plan *plan_of(const struct help_ask *ask, const struct help_scope *scope)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan_with(schema, plans, ask, scope, &err);
    struct fptc__plan *plain = help_plan_with(schema, NULL, ask, scope, &err);

    if (!plan || !plain)
        fail_msg("%s: %s", ask->filters ? ask->filters : "", err.message);
    else
        help_compare(plan, plain);
    fptc__plan_free(plain);
    return plan;
}

/* sql_by_id belongs to the shape. */
static int share(const struct fptc__plan *a, const struct fptc__plan *b)
{
    return a->sql_by_id == b->sql_by_id;
}

/* Only the values differ, in ways that the text does not show. */
static void test_same_shape(void **state)
{
    static const char *const rows[][2] = {
        {"[[\"id\",\"is\",1]]", "[[\"id\",\"is\",2]]"},
        {"[[\"id\",\"is\",1]]", "[[\"id\",\"is\",[2]]]"},
        {"[[\"id\",\"in\",[1,2]]]", "[[\"id\",\"in\",[7,8]]]"},
        {"[[\"code\",\"contains\",\"a\"]]", "[[\"code\",\"contains\",\"\u00c9%_\"]]"},
        {"[[\"sg_ratio\",\"is\",1.0]]", "[[\"sg_ratio\",\"is\",\"2.5\"]]"},
        {"[[\"sg_cut_in\",\"between\",[1,2]]]", "[[\"sg_cut_in\",\"between\",[4,3]]]"},
        {"[[\"project\",\"is\"," P(70) "]]", "[[\"project\",\"is\"," P(71) "]]"},
        {"[[\"assets\",\"is\"," A(20) "]]", "[[\"assets\",\"is\"," A(21) "]]"},
        {"[[\"entity\",\"in\",[" A(20) "," S(10) "]]]",
         "[[\"entity\",\"in\",[" S(9) "," A(1) "]]]"},
        {"[[\"entity\",\"is\"," A(20) "]]", "[[\"entity\",\"is\"," S(10) "]]"},
        {"[[\"created_at\",\"in_last\",[1,\"DAY\"]]]",
         "[[\"created_at\",\"in_last\",[3,\"HOUR\"]]]"},
        {"[[\"project\",\"in\",[" P(1) "," P(2) "]]]",
         "[[\"project\",\"in\",[" P(4) "," P(3) "]]]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask one = {"Shot", rows[i][0], "code", "-code", 5, 2};
        struct help_ask other = {"Shot", rows[i][1], "code", "-code", 7, 3};
        struct fptc__plan *a = plan_of(&one, NULL);
        struct fptc__plan *b = plan_of(&other, NULL);

        if (!share(a, b) || a->sql != b->sql)
            fail_msg("%s and %s do not share", rows[i][0], rows[i][1]);
        assert_ptr_not_equal(a->params, b->params);
        assert_int_equal(b->page, 3);
        fptc__plan_free(a);
        fptc__plan_free(b);
    }
}

/* Each of these has a shape of its own. */
static const struct {
    struct help_ask ask;
    struct help_scope scope;
} others[] = {
    {{"Shot", NULL, NULL, NULL, 0, 0}, {0, 0}},
    {{"Task", NULL, NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", NULL, "code", NULL, 0, 0}, {0, 0}},
    {{"Shot", NULL, "code,sg_cut_in", NULL, 0, 0}, {0, 0}},
    {{"Shot", NULL, "sg_cut_in,code", NULL, 0, 0}, {0, 0}},
    {{"Shot", NULL, NULL, "code", 0, 0}, {0, 0}},
    {{"Shot", NULL, NULL, "-code", 0, 0}, {0, 0}},
    {{"Shot", NULL, NULL, NULL, 1, 0}, {0, 0}},
    {{"Shot", NULL, NULL, NULL, 1, 2}, {0, 0}},
    {{"Shot", NULL, NULL, NULL, 0, 0}, {1, 0}},
    {{"Shot", NULL, NULL, NULL, 0, 0}, {0, 1}},
    {{"Shot", "[[\"id\",\"is\",1]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"id\",\"is_not\",1]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"id\",\"is\",99999999999]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"id\",\"in\",[1]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"id\",\"in\",[1,2]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"code\",\"is\",\"a\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"code\",\"is\",\"\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"description\",\"is\",\"a\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"code\",\"contains\",\"a\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"code\",\"contains\",\"\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"project\",\"is\"," P(70) "]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"project\",\"is\",null]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"project\",\"in\",[" P(70) "," P(71) "]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"project\",\"in\",[" P(-1) "," P(71) "]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"entity\",\"in\",[" A(1) "," A(2) "," S(1) "]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"entity\",\"in\",[" A(1) "," S(1) "," S(2) "]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"entity\",\"in\",[" A(1) "," A(2) ",null]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"sg_color\",\"is\",\"1,2,3\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"sg_color\",\"is\",\"red\"]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"sg_cut_in\",\"between\",[1,null]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"sg_cut_in\",\"between\",[1,2]]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[[\"id\",\"is\",1],[\"id\",\"is\",2]]", NULL, NULL, 0, 0}, {0, 0}},
    {{"Shot", "[" OR "[\"id\",\"is\",1],[\"id\",\"is\",2]]}]", NULL, NULL, 0, 0}, {0, 0}},
};

static void test_other_shapes(void **state)
{
    struct fptc__plan *all[COUNT(others)];
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(others); i++) {
        all[i] = plan_of(&others[i].ask, &others[i].scope);
        for (k = 0; k < i; k++)
            assert_false(share(all[i], all[k]));
    }
    for (i = 0; i < COUNT(others); i++)
        fptc__plan_free(all[i]);
}

static void ids_filter(char *out, size_t size, int n)
{
    int i;

    snprintf(out, size, "[[\"id\",\"in\",[");
    for (i = 1; i <= n; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%d", i > 1 ? "," : "", i);
    snprintf(out + strlen(out), size - strlen(out), "]]]");
}

/* A list that is one parameter has one shape, whatever its length. */
static void test_long_lists(void **state)
{
    static const int lengths[] = {99, 100, 101, 300};
    struct fptc__plan *all[COUNT(lengths)];
    char filters[4096];
    struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lengths); i++) {
        ids_filter(filters, sizeof(filters), lengths[i]);
        all[i] = plan_of(&ask, NULL);
    }
    assert_false(share(all[0], all[1]));
    assert_false(share(all[1], all[2]));
    assert_true(share(all[2], all[3]));
    for (i = 0; i < COUNT(lengths); i++)
        fptc__plan_free(all[i]);
}

static struct fptc__plan *numbered(struct fptc__plan_cache *c, int n)
{
    char filters[8192] = "[";
    struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan;
    int i;

    for (i = 0; i <= n; i++)
        snprintf(filters + strlen(filters), sizeof(filters) - strlen(filters),
                 "%s[\"id\",\"is\",1]", i ? "," : "");
    snprintf(filters + strlen(filters), sizeof(filters) - strlen(filters), "]");
    plan = help_plan_with(schema, c, &ask, NULL, &err);
    assert_non_null(plan);
    return plan;
}

/* Beyond the most that are kept, the one not used for longest goes. */
static void test_room(void **state)
{
    struct fptc__plan_cache *c = fptc__plan_cache_new();
    struct fptc__plan *first = numbered(c, 0);
    struct fptc__plan *second = numbered(c, 1);
    int i;

    (void)state;
    for (i = 2; i < (int)FPTC__PLAN_SHAPES_MAX + 20; i++) {
        struct fptc__plan *again = numbered(c, 0);

        assert_true(share(first, again));
        fptc__plan_free(again);
        fptc__plan_free(numbered(c, i));
        assert_int_equal(fptc__plan_cache_size(c),
                         i < (int)FPTC__PLAN_SHAPES_MAX ? i + 1 : (int)FPTC__PLAN_SHAPES_MAX);
    }
    {
        struct fptc__plan *again = numbered(c, 1);

        assert_false(share(second, again));
        fptc__plan_free(again);
    }
    /* Plans outlive it. */
    fptc__plan_cache_free(c);
    assert_non_null(strstr(second->sql, "t0.\"id\" = ?2"));
    assert_string_equal(
        fptc__plan_canonical(first),
        "{\"type\":\"Shot\",\"filters\":{\"logical_operator\":\"and\","
        "\"conditions\":[[\"id\",\"is\",1]]},\"order\":\"\",\"limit\":0,\"page\":0}");
    fptc__plan_free(first);
    fptc__plan_free(second);
}

/* A type that is read again may have other fields. */
static void test_schema_moves_on(void **state)
{
    static const char fields[] = "{\"code\":{\"data_type\":\"list\"}}";
    struct help_ask ask = {"Task", NULL, "code,content", NULL, 0, 0};
    struct fptc__plan *before = plan_of(&ask, NULL);
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *after;
    fptc__json *json = NULL;

    (void)state;
    assert_int_equal(fptc__json_parse(fields, strlen(fields), "", &json, &err), FPTC_OK);
    assert_int_equal(fptc__schema_add(schema, "Task", json, &err), FPTC_OK);
    fptc__json_free(json);
    after = plan_of(&ask, NULL);
    assert_string_equal(before->columns[0].name, "content");
    assert_string_equal(after->columns[0].name, "code");
    fptc__plan_free(before);
    fptc__plan_free(after);
}

static void *build_many(void *payload)
{
    struct fptc__plan_cache *c = payload;
    int i;

    for (i = 0; i < 2000; i++) {
        struct fptc__plan *plan = numbered(c, i % 40 + i % 3);

        if (plan->n_params != (size_t)(i % 40 + i % 3 + 1))
            return payload;
        fptc__plan_free(plan);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fptc__plan_cache *c = fptc__plan_cache_new();
    pthread_t threads[4];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, build_many, c), 0);
    for (i = 0; i < COUNT(threads); i++) {
        void *failed = c;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fptc__plan_cache_size(c), 42);
    fptc__plan_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_shape), cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_long_lists), cmocka_unit_test(test_room),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_schema_moves_on),
    };

    return cmocka_run_group_tests_name("query_plancache", tests, set_up, tear_down);
}
