/*
 * test_store_indexes.c: which indexes the next snapshot has after what was asked; within which limits;
 * that texts kept folded always are what they should be; and that a stock SQLite is at home in the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot_help.h"

#define ENTITY_CREATED "_fptc_i_Version__entity_link__created_at_desc"
#define FIELDS                                                                                     \
    "\"types\":{\"code\":\"text\",\"entity\":\"entity\",\"created_at\":\"date_time\","             \
    "\"sg_n\":\"number\",\"tags\":\"multi_entity\"}"

static struct fptc__compact_stats stats;

/* One value of the newest snapshot, as a program sees it that knows nothing of us. "" for no row. */
static const char *ask(const char *sql)
{
    static char out[4][4096];
    static int turn;
    char *to = out[turn++ % 4];
    struct fptc__manifest m;
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;

    assert_int_equal(fptc__manifest_read(&sh_p, sh_newest_base(), &m, &th_err), FPTC_OK);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    to[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
        snprintf(to, sizeof(out[0]), "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return to;
}

static const char *indexes(void)
{
    return ask(
        "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE type='index'"
        " AND name GLOB '_fptc_i_*' ORDER BY name)");
}

/* Every version of Version 1..n; code "Name<n> Ä". */
static void put_versions(int n, const char *code)
{
    struct fptc__buf b;
    int i;

    fptc__buf_init(&b, 1u << 26);
    fptc__buf_addf(&b, "{\"type\":\"Version\",\"seen\":999999," FIELDS ",\"rows\":[");
    for (i = 1; i <= n; i++)
        fptc__buf_addf(
            &b,
            "%s{\"id\":%d,\"code\":\"%s%d \u00c4\",\"entity\":{\"type\":\"Shot\",\"id\":%d},"
            "\"created_at\":\"2026-01-%02dT00:00:00Z\",\"sg_n\":%d,\"tags\":[]}",
            i > 1 ? "," : "", i, code, i, i % 7, i % 28 + 1, i);
    fptc__buf_adds(&b, "]}");
    sh_append(FPTC__ROWS, fptc__buf_text(&b));
    fptc__buf_done(&b);
}

static void put_use(const char *type, const char *wish, int uses, int batch)
{
    char body[1000];

    snprintf(
        body, sizeof(body),
        "{\"batch\":\"%032d\",\"asof\":1,\"wishes\":[{\"type\":\"%s\",\"wish\":\"%s\",\"uses\":%d}]}",
        batch, type, wish, uses);
    sh_append(FPTC__USAGE, body);
}

static const char *uses(const char *wish)
{
    char *sql = sqlite3_mprintf("SELECT sum(uses) FROM _fptc_usage WHERE wish=%Q", wish);
    const char *text = ask(sql);

    sqlite3_free(sql);
    return text;
}

static void test_follow_counts(void **state)
{
    (void)state;
    put_versions(100, "Name");
    sh_compact(&stats);
    assert_string_equal(indexes(), "_fptc_i_Version__entity_link"); /* a standard link */
    put_use("Version", "entity link,created_at desc", 50, 1);
    put_use("Version", "entity link,created_at desc", 50, 1); /* said twice: counts once */
    put_use("Version", "entity link,created_at desc", 7, 2);
    put_use("Version", "sg_n range", 9, 3); /* too seldom */
    put_use("Version", "tags links", 90, 4);
    put_use("Shot", "code fold", 90, 5); /* no such table */
    put_use("Version", "nothing equal", 90, 6);
    put_use("Version", "code\\\" fold", 90, 7);
    sh_compact(&stats);
    assert_string_equal(indexes(), ENTITY_CREATED); /* it serves the standard link as well */
    assert_string_equal(ask("SELECT uses FROM _fptc_index"), "57");
    assert_true(strtoll(ask("SELECT bytes FROM _fptc_index"), NULL, 10) >= 8192);
    assert_string_equal(uses("entity link,created_at desc"), "28");
    assert_string_equal(uses("sg_n range"), "4");
    put_use("Version", "sg_n range", 6, 8); /* with those of before: often enough */
    sh_compact(&stats);
    assert_string_equal(indexes(), ENTITY_CREATED " _fptc_i_Version__sg_n_range");
    put_versions(100, "Other");
    sh_compact(&stats);
    put_versions(100, "Third");
    sh_compact(&stats);
    assert_string_equal(uses("sg_n range"), "1");
    assert_string_equal(indexes(),
                        ENTITY_CREATED " _fptc_i_Version__sg_n_range"); /* there is room */
}

#define WRONG_FOLDS                                                                                \
    "SELECT count(*) FROM Version WHERE _fptc_fold_code IS NOT"                                    \
    " replace(replace(lower(code), 'Ä', 'ä'), 'É', 'é')"

/* _fptc_fold_code is fptc_fold(code): of rows there before, changed, new, null, and gone. */
static void test_folded_texts(void **state)
{
    (void)state;
    put_versions(50, "Name");
    put_use("Version", "code fold", 20, 1);
    sh_compact(&stats);
    assert_string_equal(indexes(), "_fptc_i_Version__code_fold _fptc_i_Version__entity_link");
    assert_string_equal(ask("SELECT _fptc_fold_code FROM Version WHERE id=7"), "name7 \u00e4");
    assert_string_equal(ask(WRONG_FOLDS), "0");
    put_versions(20, "CHANGED");
    sh_append(FPTC__ROWS,
              "{\"type\":\"Version\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":900,"
              "\"code\":\"\u00c9\"},{\"id\":901,\"code\":null}]}");
    sh_append(FPTC__GONE, "{\"type\":\"Version\",\"rows\":[{\"id\":3}]}");
    sh_compact(&stats);
    assert_string_equal(ask(WRONG_FOLDS), "0");
    assert_string_equal(ask("SELECT _fptc_fold_code FROM Version WHERE id=20"), "changed20 \u00e4");
    assert_string_equal(ask("SELECT _fptc_fold_code FROM Version WHERE id=900"), "\u00e9");
    assert_string_equal(ask("SELECT group_concat(id) FROM Version WHERE _fptc_fold_code IS NULL"),
                        "901");
    /* a reader's overlay above it */
    put_versions(2, "Above");
    {
        struct reader r;

        reader_open(&r);
        assert_int_equal(reader_refresh(&r), FPTC_OK);
        assert_string_equal(
            store_get(&r.store, "SELECT _fptc_fold_code FROM main.Version WHERE id=2"),
            "above2 \u00e4");
        assert_string_equal(
            store_get(
                &r.store,
                "SELECT count(*) FROM main.sqlite_schema WHERE name GLOB '_fptc_i_Version__*'"),
            "2");
        reader_close(&r);
    }
}

/* A field whose data type changes gets another column: no index may hold the old one. */
static void test_data_type_changes(void **state)
{
    (void)state;
    put_versions(50, "Name");
    put_use("Version", "sg_n range", 20, 1);
    put_use("Version", "code fold", 20, 2);
    sh_compact(&stats);
    sh_append(FPTC__ROWS, "{\"type\":\"Version\",\"types\":{\"sg_n\":\"text\",\"code\":\"number\"},"
                          "\"rows\":[{\"id\":900,\"sg_n\":\"007\",\"code\":12}]}");
    sh_compact(&stats);
    assert_string_equal(ask("SELECT sg_n FROM Version WHERE id=900"), "007");
    assert_string_equal(ask("SELECT _fptc_fold_code FROM Version WHERE id=900"), "12");
    assert_string_equal(ask(WRONG_FOLDS), "0");
    assert_string_equal(ask("PRAGMA integrity_check"), "ok");
    assert_non_null(strstr(indexes(), "_fptc_i_Version__sg_n_range"));
}

/* Twenty-four wishes of which none serves another. */
static void put_many(int uses, int batch)
{
    static const char *const fields[] = {"code", "created_at", "sg_n"};
    static const char *const ends[] = {"asc", "desc", "fold-asc", "fold-desc"};
    char wish[200];
    int i;

    for (i = 0; i < 24; i++) {
        int first = i % 3, second = (first + 1 + i / 3 % 2) % 3;

        snprintf(wish, sizeof(wish), "%s equal,%s equal,%s %s", fields[first], fields[second],
                 fields[3 - first - second], ends[i / 6]);
        put_use("Version", wish, uses - i, batch + i);
    }
}

static void test_limits(void **state)
{
    (void)state;
    put_versions(50, "Name");
    put_many(100, 1);
    sh_compact(&stats);
    assert_string_equal(ask("SELECT count(*) FROM _fptc_index WHERE NOT is_fixed"), "12");
    assert_string_equal(ask("SELECT min(uses) FROM _fptc_index WHERE NOT is_fixed"), "89");
    assert_string_equal(ask("PRAGMA integrity_check"), "ok");
}

/* What is asked most is indexed while there is room: 30 % of the rest. */
static void test_budget(void **state)
{
    int64_t all, taken;

    (void)state;
    put_versions(60000, "A name that is long enough to count: it makes the index dear ");
    put_use("Version", "code fold", 1000, 1); /* would take more than there is */
    put_use("Version", "sg_n range", 100, 2);
    sh_compact(&stats);
    assert_null(strstr(indexes(), "code_fold"));
    assert_non_null(strstr(indexes(), "sg_n_range"));
    taken = strtoll(ask("SELECT sum(bytes) FROM _fptc_index"), NULL, 10);
    all = stats.bytes;
    assert_true(taken > 500000 && taken <= (all - taken) / 100 * 30);
    assert_string_equal(ask("SELECT count(*) FROM pragma_table_info('Version') WHERE name GLOB"
                            " '_fptc_fold_*'"),
                        "0");
}

/* A wish that displaces an index takes its folded column away, too. */
static void test_displaced(void **state)
{
    (void)state;
    put_versions(50, "Name");
    put_use("Version", "code scan", 20, 1);
    put_use("Version", "created_at equal,code fold", 20, 2);
    sh_compact(&stats);
    assert_non_null(strstr(indexes(), "code_scan"));
    put_use("Version", "tags links", 20, 3);
    sh_compact(&stats);
    assert_non_null(strstr(indexes(), "code_scan"));
    put_many(1000, 10);
    sh_compact(&stats);
    assert_null(strstr(indexes(), "code_scan"));
    assert_null(strstr(ask("SELECT sql FROM sqlite_schema WHERE name='Version'"), "_fptc_fold_"));
    assert_string_equal(ask("PRAGMA integrity_check"), "ok");
}

/* Whoever may write to the directory may wish for anything. */
static void test_hostile(void **state)
{
    struct fptc__buf b;
    int i, k;

    (void)state;
    put_versions(10, "Name");
    for (k = 0; k < 12; k++) {
        fptc__buf_init(&b, 1u << 26);
        fptc__buf_addf(&b, "{\"batch\":\"%d\",\"wishes\":[7,null,[],{\"type\":\"Version\"},", k);
        for (i = 0; i < 5000; i++)
            fptc__buf_addf(
                &b, "{\"type\":\"Version\",\"wish\":\"f%d_%d asc\",\"uses\":9007199254740991},", i,
                k);
        fptc__buf_adds(&b, "{\"type\":\"Version\",\"wish\":\"sg_n asc\",\"uses\":-1}]}");
        sh_append(FPTC__USAGE, fptc__buf_text(&b));
        fptc__buf_done(&b);
    }
    put_use("_fptc_name", "name asc", 1000, 1);
    put_use("sqlite_schema", "name asc", 1000, 2);
    put_use("Version__tags", "link_id asc", 1000, 3);
    sh_compact(&stats);
    assert_string_equal(indexes(), "_fptc_i_Version__entity_link");
    assert_string_equal(ask("SELECT count(*) FROM _fptc_usage"), "2048");
    assert_string_equal(ask("SELECT max(uses) FROM _fptc_usage"), "500000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sh_set_up, sh_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_follow_counts), TEST(test_folded_texts), TEST(test_data_type_changes),
        TEST(test_limits),        TEST(test_budget),       TEST(test_displaced),
        TEST(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
