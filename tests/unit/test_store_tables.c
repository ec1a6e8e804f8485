/* test_store_tables.c: the tables as a whole: overlay and in place say the same, replays change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_help.h"
#include "tables_help.h"

#define COMMITS 40

static int rounds(void)
{
    return getenv("FPTC_LONG") ? 2000 : 48;
}

static void must_apply(struct store *s, uint64_t number, const struct fptc__records *r)
{
    if (store_apply(s, number, r->list, r->n) != FPTC_OK)
        fail_msg("commit %" PRIu64 ": %s", number, th_err.message);
}

static int compare_told(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Exactly the rows of base that are not visible any more were told, each once. */
static void check_told(struct store *s)
{
    static const char *const types[] = {"Asset", "Note", "Shot"};
    size_t i, n = 0;

    qsort(s->told.rows, s->told.n_rows, sizeof(s->told.rows[0]), compare_told);
    for (i = 1; i < s->told.n_rows; i++)
        assert_string_not_equal(s->told.rows[i - 1], s->told.rows[i]);
    for (i = 0; i < 3; i++) {
        char sql[400];
        if (strcmp(store_get(s, "SELECT 1"), "1") != 0 ||
            strcmp(store_row(s, types[i], -1, "1"), "-") != 0)
            continue;
        snprintf(sql, sizeof(sql), "SELECT 1 FROM base.sqlite_schema WHERE name='%s'", types[i]);
        if (strcmp(store_get(s, sql), "1") != 0)
            continue;
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM base.%s WHERE id IN (SELECT id FROM main._fptc_gone WHERE"
                 " type='%s')",
                 types[i], types[i]);
        n += (size_t)atoi(store_get(s, sql));
        snprintf(sql, sizeof(sql), "SELECT 1 FROM main.sqlite_schema WHERE name='%s'", types[i]);
        if (strcmp(store_get(s, sql), "1") != 0)
            continue;
        snprintf(sql, sizeof(sql),
                 "SELECT count(*) FROM base.%s WHERE id IN (SELECT id FROM main.%s)", types[i],
                 types[i]);
        n += (size_t)atoi(store_get(s, sql));
    }
    assert_int_equal(s->told.n_rows, n);
}

static void must_be_same(struct store *a, struct store *b, const char *where, uint64_t seed)
{
    char *x = store_state(a, 1), *y = store_state(b, 1);
    if (strcmp(x, y) != 0)
        fail_msg("FPTC_SEED=%" PRIu64 " %s %s", seed, where, state_difference(x, y));
    free(x);
    free(y);
}

/* --- replays ---------------------------------------------------------------------------------- */

/*
 * Two ways for a record to come twice. A commit that is applied again is known by its number: nothing
 * happens, however much came after it. A record that was appended again (its first end was unclear)
 * comes in a later commit: directly after the first nothing changes but the number. (A whole commit
 * repeated may change something: when two of its records contradict each other about one row.)
 */
static void replay(uint64_t seed, int is_overlay)
{
    struct dice d = {seed};
    struct store s;
    struct fptc__records history[COMMITS];
    uint64_t number = 0;
    size_t i;

    store_open(&s);
    if (is_overlay)
        store_split(&s);
    for (i = 0; i < COMMITS; i++) {
        char *once, *twice;
        memset(&history[i], 0, sizeof(history[i]));
        random_commit(&d, ++number, 1, &history[i]);
        must_apply(&s, number, &history[i]);
        once = store_state(&s, 0);
        must_apply(&s, ++number, &history[i]);
        twice = store_state(&s, 0);
        if (strcmp(once, twice) != 0)
            fail_msg("FPTC_SEED=%" PRIu64 " commit %zu: %s", seed, i,
                     state_difference(once, twice));
        free(once);
        once = store_state(&s, 1);
        for (uint64_t k = 1 + roll(&d, (uint32_t)number); k <= number; k++)
            must_apply(&s, k, &history[(k - 1) / 2]);
        free(twice);
        twice = store_state(&s, 1);
        assert_string_equal(once, twice);
        free(once);
        free(twice);
    }
    for (i = 0; i < COMMITS; i++)
        fptc__records_done(&history[i]);
    store_close(&s);
}

static void test_replay_changes_nothing(void **state)
{
    uint64_t seed = dice_seed();
    int i;

    (void)state;
    for (i = 0; i < rounds() / 6; i++)
        replay(seed + (uint64_t)i, i % 2);
}

/* --- overlay and in place --------------------------------------------------------------------- */

/* One random history; a second store is split at `split` (0: an overlay over an empty base). */
static void compare_histories(uint64_t seed, uint64_t split)
{
    struct dice d = {seed};
    struct store whole, parted;
    uint64_t number;

    store_open(&whole);
    store_open(&parted);
    for (number = 1; number <= COMMITS; number++) {
        struct fptc__records r = {.list = NULL};
        char where[80];

        if (number == split + 1)
            store_split(&parted);
        random_commit(&d, number, 3, &r);
        must_apply(&whole, number, &r);
        must_apply(&parted, number, &r);
        snprintf(where, sizeof(where), "split %" PRIu64 " commit %" PRIu64, split, number);
        if (roll(&d, 8) == 0 || number == COMMITS)
            must_be_same(&whole, &parted, where, seed);
        fptc__records_done(&r);
    }
    if (parted.is_overlay)
        check_told(&parted);
    store_close(&whole);
    store_close(&parted);
}

static void test_overlay_is_in_place(void **state)
{
    uint64_t seed = dice_seed();
    struct dice d = {seed};
    int i;

    (void)state;
    for (i = 0; i < rounds(); i++)
        compare_histories(seed + (uint64_t)i, roll(&d, COMMITS));
}

/* --- opening ---------------------------------------------------------------------------------- */

static fptc_status reopen(struct store *s, const char *partition)
{
    struct fptc__tables_options o = {.db = s->db, .base = "main", .delta = "main"};
    fptc__tables_close(s->t);
    s->t = NULL;
    memset(&th_err, 0, sizeof(th_err));
    return fptc__tables_open(&o, partition, &s->t, &th_err);
}

static const char one_row[] =
    "{\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1,"
    "\"code\":\"a\"}]}";

static void test_reopen(void **state)
{
    struct store s;
    char *before, *after;

    (void)state;
    store_open(&s);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    before = store_state(&s, 1);
    assert_int_equal(reopen(&s, "project-101"), FPTC_OK);
    after = store_state(&s, 1);
    assert_string_equal(before, after);
    assert_int_equal(fptc__tables_upto(s.t), 1);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    assert_int_equal(fptc__tables_upto(s.t), 2);
    free(before);
    free(after);
    store_close(&s);
}

static void test_open_refuses_others(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    assert_int_equal(reopen(&s, "project-102"), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, "project-101"));
    assert_int_equal(fptc__sql_run(s.db, "UPDATE _fptc_format SET format=2", &th_err), FPTC_OK);
    assert_int_equal(reopen(&s, "project-101"), FPTC_EFORMAT);
    assert_non_null(strstr(th_err.message, "format 2"));
    store_close(&s);
}

/* A name in the base's own tables is not believed either: it ends up in SQL. */
static void test_bad_name_in_base(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    assert_int_equal(
        fptc__sql_run(s.db, "INSERT INTO _fptc_field VALUES('Shot', 'x\"y', 'text')", &th_err),
        FPTC_OK);
    store_split(&s);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, "x\"y"));
    store_close(&s);
}

/* Damage in the numbers of field sets makes rows unequal to everything, never a crash. */
static void test_lost_fieldset(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    assert_int_equal(fptc__sql_run(s.db, "UPDATE Shot SET _fptc_fieldset=99", &th_err), FPTC_OK);
    store_split(&s);
    s.number = 1;
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    assert_string_equal(store_get(&s, "SELECT group_concat(id) FROM main._fptc_suspect"), "1");
    store_close(&s);
}

/* --- shapes ----------------------------------------------------------------------------------- */

static const char *columns(struct store *s)
{
    return store_get(
        s, "SELECT group_concat(name || ':' || type) FROM pragma_table_info('Shot', 'main')");
}

/* New fields come as columns; each change of shape is told once a commit. */
static void test_grow(void **state)
{
    struct store s;

    (void)state;
    store_open(&s);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    assert_int_equal(store_put(&s, FPTC__ROWS, one_row), FPTC_OK);
    assert_int_equal(s.told.n_types, 1);
    store_split(&s);
    /* The overlay's table has the columns of base, too. */
    assert_int_equal(store_put_as(&s, 3, FPTC__ROWS,
                                  "{\"type\":\"Shot\",\"seen\":2,\"types\":{\"sg_f\":\"float\","
                                  "\"sg_e\":\"entity\"},\"rows\":[{\"id\":2,\"sg_f\":\"1.5\"}]}"),
                     FPTC_OK);
    assert_string_equal(columns(&s),
                        "id:INTEGER,_fptc_version:INTEGER,_fptc_fieldset:INTEGER,code:TEXT,"
                        "sg_f:REAL,sg_e__type:TEXT,sg_e__id:INTEGER");
    assert_int_equal(s.told.n_types, 1);
    assert_string_equal(s.told.types[0], "Shot");
    assert_string_equal(store_get(&s, "SELECT fields FROM main._fptc_fieldset WHERE no=2"),
                        "[\"sg_e\",\"sg_f\"]");
    store_close(&s);
}

/* A field that changes its data type keeps old and new values exactly as they were given. */
static void test_changed_data_type(void **state)
{
    static const char *const steps[][2] = {
        {"number", "7"},
        {"text", "\"007\""},
        {"float", "\"2.50\""},
        {"text", "\"1e3\""},
        {"entity", "{\"type\":\"Asset\",\"id\":3}"},
        {"multi_entity", "[{\"type\":\"Asset\",\"id\":4}]"},
        {"checkbox", "true"},
    };
    struct store s;
    char body[300];
    size_t i;

    (void)state;
    store_open(&s);
    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        snprintf(
            body, sizeof(body),
            "{\"type\":\"Shot\",\"seen\":%zu,\"types\":{\"x\":\"%s\"},\"rows\":[{\"id\":%zu,\"x\":%s}]}",
            i, steps[i][0], i, steps[i][1]);
        assert_int_equal(store_put(&s, FPTC__ROWS, body), FPTC_OK);
    }
    assert_string_equal(
        store_get(&s, "SELECT group_concat(typeof(x) || ' ' || coalesce(x, '') || ' ' ||"
                      " coalesce(x__id, '')) FROM Shot"),
        "integer 7 ,text 007 ,real 2.5 ,text 1e3 ,null  3,null  ,integer 1 ");
    assert_string_equal(store_get(&s, "SELECT id || ' ' || link_id FROM Shot__x"), "5 4");
    assert_string_equal(store_get(&s, "SELECT data_type FROM _fptc_field"), "checkbox");
    assert_non_null(strstr(columns(&s), "x:"));
    store_close(&s);
}

/* --- all or nothing --------------------------------------------------------------------------- */

static void must_refuse(struct store *s, uint16_t kind, const char *body, fptc_status expected,
                        const char *word)
{
    fptc_status got;

    memset(&th_err, 0, sizeof(th_err));
    got = store_put(s, kind, body);
    if (got != (expected == FPTC_EDAMAGED ? FPTC_MISS : expected) || th_err.status != expected ||
        !strstr(th_err.message, word))
        fail_msg("%s: status %d, message: %s", body, got, th_err.message);
}

static void test_refused_records(void **state)
{
    static const struct {
        uint16_t kind;
        const char *body, *word;
    } bad[] = {
        {FPTC__ROWS, "{\"type\":\"Shot\"", "record 1 of commit"},
        {FPTC__ROWS, "[]", "array"},
        {FPTC__ROWS, "{\"rows\":[]}", "type"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{}}", "Shot"},
        {FPTC__ROWS, "{\"type\":\"Sh\\\"ot\",\"types\":{},\"rows\":[]}", "Sh\"ot"},
        {FPTC__ROWS, "{\"type\":\"_fptc_name\",\"types\":{},\"rows\":[]}", "_fptc_name"},
        {FPTC__ROWS, "{\"type\":\"sqlite_schema\",\"types\":{},\"rows\":[]}", "sqlite_schema"},
        {FPTC__ROWS, "{\"type\":\"Shot__x\",\"types\":{},\"rows\":[]}", "Shot__x"},
        {FPTC__ROWS, "{\"type\":\"shot\",\"types\":{},\"rows\":[]}", "differ only in case"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"a b\":\"text\"},\"rows\":[]}", "a b"},
        {FPTC__ROWS,
         "{\"type\":\"Shot\",\"types\":{\"x\\\"); DROP TABLE Shot; --\":\"text\"},\"rows\":[]}",
         "DROP"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"x\":7},\"rows\":[]}", "data type"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{\"CODE\":\"text\"},\"rows\":[]}",
         "differ only in case"},
        {FPTC__ROWS,
         "{\"type\":\"Shot\",\"types\":{\"a\":\"entity\",\"a__id\":\"number\"},\"rows\":[]}",
         "do not fit"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"rows\":[{\"id\":1}]}", "field types"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[{\"code\":\"x\"}]}", "no id"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[{\"id\":\"1\"}]}", "no id"},
        {FPTC__ROWS, "{\"type\":\"Shot\",\"types\":{},\"rows\":[7]}", "no id"},
        {FPTC__GONE, "{\"type\":\"Shot\",\"rows\":[{}]}", "no id"},
        {FPTC__COVER, "{\"types\":{}}", "type"},
        {FPTC__COVER, "{\"type\":\"Shot\"}", "field types"},
        {FPTC__QUERY, "{\"type\":\"Shot\",\"types\":{}}", "hash"},
        {FPTC__CONFIG, "{\"value\":1}", "key"},
        {FPTC__USAGE, "{\"wishes\":[]}", "batch"},
        {FPTC__MUTATE, "{}", "event"},
        {FPTC__SETTLE, "{}", "event"},
        {FPTC__REFUSE, "{}", "event"},
        {FPTC__DECIDE, "{}", "event"},
    };
    size_t i;
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        char *before, *after;
        begin(&s, mode);
        put(&s, FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05")));
        stored(&s, mode);
        before = store_state(&s, 1);
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            must_refuse(&s, bad[i].kind, bad[i].body, FPTC_EDAMAGED, bad[i].word);
        for (i = 0; i < 20; i++) {
            if (i == 0 || (i > FPTC__CONFIG && i < FPTC__USAGE) || i > FPTC__DECIDE ||
                i == FPTC__FEED)
                must_refuse(&s, (uint16_t)i, "{}", FPTC_EFORMAT, "kind");
        }
        after = store_state(&s, 1);
        assert_string_equal(before, after);
        assert_int_equal(s.told.n_rows + s.told.n_types, 0);
        put(&s, FPTC__ROWS, SHOT_ROWS("1", CODE_B UPDATED("06"))); /* and it goes on */
        assert_string_equal(store_row(&s, "Shot", 5, "code"), "b");
        free(before);
        free(after);
        store_close(&s);
    }
}

/* Good records before the bad one leave no trace: rows, tables, columns, names, callbacks. */
static void test_all_or_nothing(void **state)
{
    static const char *const good[] = {
        SHOT_ROWS("1", CODE_B UPDATED("06")),
        "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"sg_new\":\"text\",\"sg_m\":\"multi_entity\"},"
        "\"rows\":[{\"id\":8,\"sg_new\":\"x\",\"sg_m\":[{\"type\":\"Task\",\"id\":1,\"name\":\"n\"}]}]}",
        "{\"type\":\"Brand\",\"seen\":1,\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":1}]}",
    };
    int mode;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        struct store s;
        struct fptc__record records[4];
        char *before, *after;
        int i;
        begin(&s, mode);
        put(&s, FPTC__ROWS, SHOT_ROWS("0", CODE_A UPDATED("05")));
        stored(&s, mode);
        before = store_state(&s, 1);
        for (i = 0; i < 3; i++)
            records[i] = (struct fptc__record){FPTC__ROWS, good[i], strlen(good[i])};
        records[3] = (struct fptc__record){FPTC__MUTATE, "{}", 2};
        assert_int_equal(store_apply(&s, 2, records, 4), FPTC_MISS);
        assert_int_equal(th_err.status, FPTC_EDAMAGED);
        assert_non_null(strstr(th_err.message, "record 4 of commit 2"));
        after = store_state(&s, 1);
        if (strcmp(before, after) != 0)
            fail_msg("%s: %s", mode_names[mode], state_difference(before, after));
        assert_string_equal(store_get(&s, "SELECT 1 FROM main.sqlite_schema WHERE name IN"
                                          " ('Brand', 'Shot__sg_m')"),
                            "-");
        assert_int_equal(s.told.n_rows + s.told.n_types, 0);
        assert_int_equal(store_apply(&s, 2, records, 3), FPTC_OK);
        assert_string_equal(store_row(&s, "Shot", 8, "sg_new"), "x");
        assert_string_equal(
            store_get(&s, "SELECT name FROM main._fptc_name WHERE type='Task' AND id=1"), "n");
        assert_int_equal(s.told.n_rows, mode == STORED_BELOW);
        assert_int_equal(s.told.n_types, 2);
        free(before);
        free(after);
        store_close(&s);
    }
}

/* --- the door --------------------------------------------------------------------------------- */

static void test_memory_is_hardened(void **state)
{
    sqlite3 *db;
    int on = -1;

    (void)state;
    assert_int_equal(fptc__sql_open_memory(&db, &th_err), FPTC_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &on), SQLITE_OK);
    assert_int_equal(on, 1);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1, &on), SQLITE_OK);
    assert_int_equal(on, 0);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, -1, &on),
                     SQLITE_OK);
    assert_int_equal(on, 0);
    assert_int_equal(fptc__sql_run(db, "SELECT \"no such column\"", &th_err), FPTC_EINTERNAL);
    assert_non_null(strstr(th_err.message, "no such column"));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_quote(void **state)
{
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, 100);
    fptc__sql_quote(&b, "a\"b");
    assert_string_equal(b.data, "\"a\"\"b\"");
    fptc__buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_changes_nothing),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_open_refuses_others),
        cmocka_unit_test(test_bad_name_in_base),
        cmocka_unit_test(test_lost_fieldset),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_changed_data_type),
        cmocka_unit_test(test_refused_records),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_memory_is_hardened),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_overlay_is_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
