/*
 * test_view_stream.c: rows one after the other from a view of their own: the state stays, memory is used
 * again, the bound holds, and a statement of the caller's sees the views and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store_help.h"
#include "view/stream.h"

#define PROJECT "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"
#define SHOTS(rows)                                                                                \
    "{\"type\":\"Shot\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\",\"project\":"           \
    "\"entity\"},\"rows\":[" rows "]}"

static fptc_error err;

static void put(const char *body)
{
    struct fptc__partition p;
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__partition_at(help_dir, "project-101", &p, &err), FPTC_OK);
    assert_int_equal(fptc__partition_make(&p, &err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, FPTC__ROWS, body, strlen(body), 2, &err), FPTC_OK);
    assert_int_equal(fptc__view_open(help_dir, "project-101", NULL, &v, &err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &err),
                     FPTC_OK);
    fptc__view_close(v);
    fptc__records_done(&records);
}

static struct fptc__stream *open_sql(const char *sql, int64_t until_mono_ms,
                                     struct fptc__rows *rows, fptc_status expected)
{
    struct fptc__stream *s = NULL;
    struct fptc__view *v = NULL;

    memset(rows, 0, sizeof(*rows));
    assert_int_equal(fptc__stream_view(
                         &(struct fptc__view_place){help_dir, "project-101", NULL, NULL}, &v, &err),
                     FPTC_OK);
    assert_int_equal(fptc__stream_sql(v, sql, until_mono_ms, rows, &s, &err), expected);
    if (expected != FPTC_OK) {
        assert_null(s);
        fptc__view_close(v);
    }
    return s;
}

static void two_shots(void)
{
    put(SHOTS("{\"id\":1,\"code\":\"a\"," PROJECT "},{\"id\":2,\"code\":\"b\"," PROJECT "}"));
}

static void test_state_stays(void **state)
{
    struct fptc__rows rows;
    struct fptc__stream *s;
    struct fptc__arena_chunk *arena;

    (void)state;
    two_shots();
    s = open_sql("SELECT id, code, project__id FROM Shot ORDER BY id", 0, &rows, FPTC_OK);
    assert_null(rows.type);
    assert_int_equal(rows.n_columns, 3);
    put(SHOTS("{\"id\":3,\"code\":\"c\"," PROJECT "},{\"id\":4,\"code\":\"d\"," PROJECT "}"));
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_OK);
    arena = rows.arena;
    assert_string_equal(rows.list[0].cells[1].text, "a");
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_OK);
    assert_int_equal(rows.n, 1);
    assert_ptr_equal(rows.arena, arena);
    assert_string_equal(rows.list[0].cells[1].text, "b");
    assert_int_equal(rows.list[0].cells[2].i, 101);
    assert_string_equal(rows.names[2], "project__id");
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_END);
    fptc__stream_close(s);
    fptc__rows_done(&rows);
    s = open_sql("SELECT group_concat(code) FROM (SELECT code FROM Shot ORDER BY id)", 0, &rows,
                 FPTC_OK);
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_OK);
    assert_string_equal(rows.list[0].cells[0].text, "a,b,c,d");
    fptc__stream_close(s);
    fptc__rows_done(&rows);
}

static void test_long_rows_are_let_go(void **state)
{
    struct fptc__rows rows;
    struct fptc__stream *s;
    struct fptc__arena_chunk *arena;
    int i;

    (void)state;
    two_shots();
    s = open_sql("WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c LIMIT 50) "
                 "SELECT x, printf('%.*c', x % 2 * 1000000, 'y') FROM c",
                 0, &rows, FPTC_OK);
    arena = rows.arena;
    for (i = 1; i <= 50; i++) {
        assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_OK);
        assert_int_equal(rows.list[0].cells[0].i, i);
        assert_int_equal(strlen(rows.list[0].cells[1].text) > 900000, i % 2);
        assert_int_equal(rows.arena == arena, i % 2 == 0);
    }
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_END);
    fptc__stream_close(s);
    fptc__rows_done(&rows);
}

static void test_bound(void **state)
{
    static const char endless[] =
        "WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c";
    struct fptc__rows rows;
    struct fptc__stream *s;
    int64_t began = fptc__mono_ms();

    (void)state;
    two_shots();
    s = open_sql(endless, began + 300, &rows, FPTC_OK);
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_EDEADLINE);
    assert_true(fptc__mono_ms() - began >= 300);
    assert_int_equal(fptc__stream_next(s, &rows, &err), FPTC_EDEADLINE);
    fptc__stream_close(s);
    fptc__rows_done(&rows);
}

static void test_only_reading(void **state)
{
    static const char *const refused[] = {
        "DELETE FROM Shot",
        "INSERT INTO home_delta.Shot(id) VALUES (9)",
        "SELECT * FROM home_delta.Shot",
        "SELECT value FROM site_delta._fptc_config",
        "CREATE TEMP TABLE t(x)",
        "ATTACH ':memory:' AS x",
        "PRAGMA user_version",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT 1; SELECT 2",
        "SELECT ?1",
        "",
    };
    struct fptc__rows rows;
    size_t i;

    (void)state;
    two_shots();
    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        (void)open_sql(refused[i], 0, &rows, FPTC_EUSAGE);
    fptc__stream_close(open_sql("SELECT count(*) FROM Shot;", 0, &rows, FPTC_OK));
    fptc__rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_state_stays, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_long_rows_are_let_go, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_bound, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_only_reading, help_set_up, help_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
