/*
 * test_api_pending.c: pending writes as a handle shows them, hides them, and never shows them; what it looks
 * at, and when. Everything comes from files that others write: no FPT is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fptcache/fptcache.h"
#include "store_help.h"
#include "view/view.h"

#define IN_101 "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"
#define TYPES "\"types\":{\"code\":\"text\",\"sg_cut\":\"number\",\"project\":\"entity\"}"
#define SHOT(id, code, cut) "{\"id\":" id ",\"code\":\"" code "\",\"sg_cut\":" cut "," IN_101 "}"
#define ROWS(row, more)                                                                            \
    "{\"type\":\"Shot\",\"seen\":99,\"asof\":1," TYPES ",\"rows\":[" row "]" more "}"
#define E(n) "100000000000" n "0000000000000000000"
#define WRITE(n, verb, id, data)                                                                   \
    "{\"event\":\"" E(                                                                             \
        n) "\",\"verb\":\"" verb "\",\"type\":\"Shot\",\"id\":" id ",\"data\":" data               \
           ",\"who\":\"script:me\",\"asof\":1000,\"behind\":true,\"partition\":\"project-101\"}"
#define NEW "-281474976710657"
#define IN_PROJECT "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]]"

static fptc_cache *cache;

static void put(const char *partition, uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    const struct fptc__call call = {0};
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, partition, NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_make(fptc__view_partition(v, FPTC__HOME), &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &help_err),
                     FPTC_OK);
    fptc__records_done(&records);
    fptc__view_close(v);
}

static void open_cache(int64_t refresh_ms)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    options.cache_dir = help_dir;
    options.mode = FPTC_MODE_ONLY_CACHE;
    options.refresh_ms = refresh_ms;
    fptc_cache_close(cache);
    cache = NULL;
    if (fptc_cache_open(&options, &cache, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
}

static int set_up(void **state)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    if (help_set_up(state) != 0)
        return -1;
    options.cache_dir = help_dir;
    options.site_url = "https://studio.example";
    if (fptc_cache_init(&options, &help_err) != FPTC_OK)
        return -1;
    put("site", FPTC__CONFIG,
        "{\"key\":\"schema:Shot\",\"asof\":1,\"value\":{\"code\":{\"data_type\":{\"value\":\"text\"}},"
        "\"sg_cut\":{\"data_type\":{\"value\":\"number\"}},\"project\":{\"data_type\":{\"value\":"
        "\"entity\"},\"properties\":{\"valid_types\":{\"value\":[\"Project\"]}}}}}");
    put("project-101", FPTC__ROWS, ROWS(SHOT("1", "a", "1") "," SHOT("2", "b", "2"), ""));
    put("project-101", FPTC__COVER,
        "{\"type\":\"Shot\"," TYPES ",\"asof\":1,\"mark\":\"\",\"max_id\":2,\"audited\":1}");
    open_cache(FPTC_ZERO_MS);
    return 0;
}

static int tear_down(void **state)
{
    fptc_cache_close(cache);
    cache = NULL;
    return help_tear_down(state);
}

static fptc_query *query_of(const char *filters)
{
    fptc_query *query = NULL;

    assert_int_equal(fptc_query_new("Shot", &query, &help_err), FPTC_OK);
    assert_int_equal(fptc_query_set_filters(query, filters, &help_err), FPTC_OK);
    assert_int_equal(fptc_query_set_fields(query, "code", &help_err), FPTC_OK);
    assert_int_equal(fptc_query_set_order(query, "code", &help_err), FPTC_OK);
    return query;
}

/* "a b *new": codes, pending ones with a star. */
static const char *ask(fptc_query *query)
{
    static char out[512];
    fptc_result *result = NULL;
    size_t n = 0;

    if (fptc_cache_find(cache, query, &result, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    out[0] = '\0';
    while (fptc_result_next(result) == FPTC_OK)
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s%s", n > 0 ? " " : "",
                              fptc_result_is_pending(result) ? "*" : "",
                              fptc_result_text(result, "code"));
    fptc_result_free(result);
    fptc_query_free(query);
    return out;
}

static const char *codes(void)
{
    return ask(query_of(IN_PROJECT));
}

static void write_some(void)
{
    put("outbox", FPTC__MUTATE, WRITE("1", "create", NEW, "{\"code\":\"new\"," IN_101 "}"));
    put("outbox", FPTC__MUTATE, WRITE("2", "update", "1", "{\"code\":\"z\"}"));
    put("outbox", FPTC__MUTATE, WRITE("3", "delete", "2", "null"));
}

static void test_show_and_hide(void **state)
{
    fptc_query *query;
    fptc_result *result = NULL;
    size_t n;

    (void)state;
    assert_string_equal(codes(), "a b");
    write_some();
    assert_string_equal(codes(), "*new *z");
    query = query_of(IN_PROJECT);
    assert_int_equal(fptc_query_set_pending(query, FPTC_HIDE_PENDING, &help_err), FPTC_OK);
    assert_string_equal(ask(query), "a b");
    query = query_of(IN_PROJECT);
    assert_int_equal(fptc_query_set_pending(query, 3, &help_err), FPTC_EUSAGE);
    assert_int_equal(fptc_query_set_pending(query, FPTC_SHOW_PENDING, &help_err), FPTC_OK);
    assert_int_equal(fptc_cache_find(cache, query, &result, &help_err), FPTC_OK);
    assert_non_null(strstr(fptc_result_json(result, &n), "\"pending\":[" NEW ",1]"));
    assert_int_equal(fptc_result_is_pending(result), 0); /* not on a row */
    fptc_result_free(result);
    fptc_query_free(query);
}

/* A through write under way shows its row when it is settled. */
static void test_through_is_not_pending(void **state)
{
    (void)state;
    put("outbox", FPTC__MUTATE,
        "{\"event\":\"" E(
            "1") "\",\"verb\":\"update\",\"type\":\"Shot\",\"id\":1,\"data\":{\"code\":\"z\"},"
                 "\"who\":\"script:me\",\"asof\":1000}");
    assert_string_equal(codes(), "a b");
}

/* Refused and dropped ones show no more. */
static void test_refused(void **state)
{
    (void)state;
    write_some();
    assert_string_equal(codes(), "*new *z");
    put("outbox", FPTC__ATTEMPT,
        "{\"events\":[\"" E("1") "\"],\"no\":1,\"writer\":\"x\",\"asof\":1001}");
    assert_string_equal(codes(), "*new *z");
    put("outbox", FPTC__REFUSE,
        "{\"event\":\"" E(
            "1") "\",\"status\":400,\"text\":\"no\",\"asof\":1002,\"why\":\"refused\"}");
    assert_string_equal(codes(), "*z");
    put("outbox", FPTC__DECIDE,
        "{\"event\":\"" E("2") "\",\"verdict\":\"drop\",\"who\":\"script:me\",\"asof\":1003}");
    assert_string_equal(codes(), "a");
}

static void test_never(void **state)
{
    fptc_query *query;
    fptc_result *result = NULL;
    int n = 0;

    (void)state;
    write_some();
    assert_string_equal(codes(), "*new *z");
    assert_int_equal(fptc_cache_changes(cache, "Shot", 101, 0, 0, &result, &help_err), FPTC_OK);
    while (fptc_result_next(result) == FPTC_OK) {
        n++;
        assert_int_equal(fptc_result_is_pending(result), 0);
        assert_string_equal(fptc_result_text(result, "code"), n == 1 ? "a" : "b");
    }
    assert_int_equal(n, 2);
    fptc_result_free(result);
    query = query_of(IN_PROJECT);
    assert_int_equal(fptc_query_set_streaming(query, 1, &help_err), FPTC_OK);
    assert_string_equal(ask(query), "a b");
    assert_int_equal(fptc_cache_sql(cache, 101, "SELECT count(*) AS n FROM Shot WHERE id > 0", 0,
                                    &result, &help_err),
                     FPTC_OK);
    assert_int_equal(fptc_result_next(result), FPTC_OK);
    assert_int_equal(fptc_result_int64(result, "n"), 2);
    fptc_result_free(result);
}

/* The project's view is young enough, but older than what the outbox says: it is read again, else the row of
   what is pending no more would be nowhere. */
static void test_view_is_read_behind_outbox(void **state)
{
    fptc_query *query;

    (void)state;
    open_cache(300);
    put("outbox", FPTC__MUTATE, WRITE("1", "create", NEW, "{\"code\":\"new\"," IN_101 "}"));
    assert_string_equal(codes(), "a b *new");
    usleep(350 * 1000);
    query = query_of(IN_PROJECT); /* looks at the project alone */
    assert_int_equal(fptc_query_set_pending(query, FPTC_HIDE_PENDING, &help_err), FPTC_OK);
    assert_string_equal(ask(query), "a b");
    put("project-101", FPTC__ROWS, ROWS(SHOT("3", "new", "3"), ",\"event\":\"" E("1") "\""));
    put("outbox", FPTC__SETTLE,
        "{\"event\":\"" E("1") "\",\"id\":3,\"partition\":\"project-101\",\"by\":\"answer\"}");
    assert_string_equal(codes(), "a b new");
}

/* A row of no project that is not made yet is seen where all projects are asked for, also as the first one. */
static void test_of_no_project(void **state)
{
    (void)state;
    put("site", FPTC__ROWS,
        "{\"type\":\"Project\",\"seen\":200,\"asof\":1,\"types\":{\"name\":\"text\"},\"rows\":[{\"id\":101,"
        "\"name\":\"P\"}]}");
    put("site", FPTC__COVER,
        "{\"type\":\"Project\",\"types\":{\"name\":\"text\"},\"asof\":1,\"mark\":\"\",\"max_id\":101,"
        "\"audited\":1}");
    put("site", FPTC__COVER,
        "{\"type\":\"Shot\"," TYPES ",\"asof\":1,\"mark\":\"\",\"max_id\":2,\"audited\":1}");
    assert_string_equal(ask(query_of("[]")), "a b");
    put("outbox", FPTC__MUTATE,
        "{\"event\":\"" E("1") "\",\"verb\":\"create\",\"type\":\"Shot\",\"id\":" NEW
                               ",\"data\":{\"code\":\"free\"},\"who\":\"script:me\",\"asof\":1000,"
                               "\"behind\":true,\"partition\":\"site\"}");
    assert_string_equal(ask(query_of("[]")), "a b *free");
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(test_show_and_hide, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_through_is_not_pending, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_never, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_view_is_read_behind_outbox, set_up, tear_down),
    cmocka_unit_test_setup_teardown(test_of_no_project, set_up, tear_down),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
