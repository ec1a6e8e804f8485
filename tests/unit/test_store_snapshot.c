/* test_store_snapshot.c: making, copying and attaching snapshots, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checksum.h"
#include "snapshot_help.h"

#define ROWS 300

static char *read_whole(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *data = malloc(64u << 20);

    assert_non_null(f);
    *n = fread(data, 1, 64u << 20, f);
    fclose(f);
    return data;
}

static void write_whole(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static sqlite3 *memory(void)
{
    sqlite3 *db;
    assert_int_equal(fptc__sql_open_memory(&db, &th_err), FPTC_OK);
    return db;
}

static int count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int n;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

/* --- the file --------------------------------------------------------------------------------- */

static void test_file(void **state)
{
    struct fptc__manifest m;
    unsigned char *data;
    uint64_t sum;
    size_t n, at;
    uint32_t page = 1;

    (void)state;
    sh_build(ROWS, &m);
    data = (unsigned char *)read_whole(sh_file(&m), &n);
    assert_int_equal(m.rows, ROWS);
    assert_int_equal(m.snapshot_bytes, n);
    sum = fptc__checksum_add(fptc__checksum_start(), data, n);
    assert_true(m.snapshot_checksum == sum);
    assert_int_equal(data[16] << 8 | data[17], 8192);
    assert_int_equal(data[18], 1); /* rollback journal, not wal */
    assert_int_equal(data[19], 1);
    assert_int_equal(data[20], 8); /* reserved */
    assert_int_equal(data[55], 0); /* no auto_vacuum */
    assert_int_equal(data[63], 1); /* user_version */
    assert_memory_equal(data + 68, "FPTC", 4);
    for (at = 0; at < n; at += 8192, page++) {
        assert_true(fptc__page_is_sound(data + at, page));
        assert_false(fptc__page_is_sound(data + at, page + 1));
        assert_memory_equal(data + at + 8188, FPTC__PAGE_TAG, 4);
        assert_int_equal(fptc__get_u32(data + at + 8184), fptc__crc32(page, data + at, 8184));
    }
    assert_non_null(strstr(m.snapshot, "1-"));
    assert_int_equal(strlen(m.snapshot), strlen("1-0123456789abcdef.sqlite"));
    free(data);
}

/* Putting it again under the same name gives the same bytes: what compaction's last step relies on. */
static void test_same_bytes(void **state)
{
    struct fptc__manifest m, again;
    const char *local = sh_local("again.sqlite");
    char path[FPTC_PATH_MAX];
    char *a, *b;
    size_t n, k;

    (void)state;
    sh_build(20, &m);
    snprintf(path, sizeof(path), "%s", sh_file(&m));
    a = read_whole(path, &n);
    write_whole(local, a, n);
    again = m;
    assert_int_equal(fptc__snapshot_put(&sh_p, NULL, local, &again, &th_err),
                     FPTC_EEXIST); /* never replaced */
    unlink(path);
    assert_int_equal(fptc__snapshot_put(&sh_p, NULL, local, &again, &th_err), FPTC_OK);
    b = read_whole(path, &k);
    assert_int_equal(n, k);
    assert_memory_equal(a, b, n);
    assert_memory_equal(&m, &again, sizeof(m));
    unlink(local);
    free(a);
    free(b);
}

static void test_an_unwanted_copy(void **state)
{
    static const atomic_int cancelled = 1;
    const struct fptc__call call = {.cancelled = &cancelled};
    struct fptc__manifest m, again;
    const char *local = sh_local("unwanted.sqlite");
    sqlite3 *db = NULL;
    char *bytes;
    size_t n;

    (void)state;
    sh_build(20, &m);
    assert_int_equal(fptc__snapshot_copy(&sh_p, &call, &m, local, &db, &th_err), FPTC_ECANCELLED);
    assert_null(db);
    assert_int_equal(access(local, F_OK), -1);
    bytes = read_whole(sh_file(&m), &n);
    write_whole(local, bytes, n);
    again = m;
    again.snapshot[0] = '\0';
    assert_int_equal(fptc__snapshot_put(&sh_p, &call, local, &again, &th_err), FPTC_ECANCELLED);
    assert_int_equal(sh_count("files"), 1); /* that of m */
    unlink(local);
    free(bytes);
}

/* --- other readers ---------------------------------------------------------------------------- */

static void test_stock_cli(void **state)
{
    static const char check[] =
        "SELECT count(*) || ' ' || sum(sg_n) || ' ' || (SELECT count(*) FROM"
        " Shot__assets) FROM Shot; PRAGMA integrity_check;";
    char plain[FPTC_PATH_MAX], command[2 * FPTC_PATH_MAX], out[200], expected[100];
    struct fptc__manifest m;
    FILE *pipe_in;
    size_t n;

    (void)state;
    sh_build(ROWS, &m);
    /* The awkward directory is for us; the shell gets a plain name. */
    snprintf(plain, sizeof(plain), "/tmp/fptc_cli_%d.sqlite", (int)getpid());
    assert_int_equal(symlink(sh_file(&m), plain), 0);
    snprintf(command, sizeof(command), "sqlite3 -readonly 'file:%s?immutable=1' \"%s\" 2>&1", plain,
             check);
    pipe_in = popen(command, "r");
    n = fread(out, 1, sizeof(out) - 1, pipe_in);
    out[n] = '\0';
    if (WEXITSTATUS(pclose(pipe_in)) == 127) {
        unlink(plain);
        print_message("skipped: no sqlite3 command here\n");
        skip();
    }
    snprintf(expected, sizeof(expected), "%d %d %d\nok\n", ROWS, 7 * ROWS * (ROWS + 1) / 2, ROWS);
    assert_string_equal(out, expected);
    unlink(plain);
}

/* Any SQLite without our VFS: the reserved bytes are just reserved. */
static void test_stock_library(void **state)
{
    struct fptc__manifest m;
    sqlite3 *db;

    (void)state;
    sh_build(ROWS, &m);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(count(db, "SELECT count(*) FROM Shot WHERE sg_n = id * 7"), ROWS);
    assert_int_equal(count(db, "SELECT count(*) FROM sqlite_stat1"),
                     count(db, "SELECT count(*) FROM sqlite_stat1 WHERE tbl != ''"));
    assert_true(count(db, "SELECT count(*) FROM sqlite_stat1") > 0);
    sqlite3_close(db);
}

/* --- attaching -------------------------------------------------------------------------------- */

static void test_attach(void **state)
{
    struct fptc__manifest m, other;
    sqlite3 *db = memory();

    (void)state;
    sh_build(ROWS, &m);
    sh_build(3, &other);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_OK);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &other, db, "we ird\"", &th_err), FPTC_OK);
    assert_int_equal(count(db, "SELECT count(*) FROM base.Shot"), ROWS);
    assert_int_equal(count(db, "SELECT count(*) FROM \"we ird\"\"\".Shot"), 3);
    assert_int_equal(fptc__sql_run(db, "DELETE FROM base.Shot", &th_err), FPTC_EACCESS);
    assert_int_equal(fptc__snapshot_fault(db, "base", &th_err), FPTC_OK);
    assert_int_equal(fptc__snapshot_fault(db, "main", &th_err), FPTC_OK);
    assert_int_equal(fptc__snapshot_fault(db, "no such", &th_err), FPTC_OK);
    assert_int_equal(fptc__sql_run(db, "DETACH base", &th_err), FPTC_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The file may go while it is attached; and it may have gone before. */
static void test_attach_gone(void **state)
{
    struct fptc__manifest m;
    sqlite3 *db = memory();

    (void)state;
    sh_build(ROWS, &m);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_OK);
    unlink(sh_file(&m));
    assert_int_equal(count(db, "SELECT count(*) FROM base.Shot WHERE sg_n > 0"), ROWS);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "again", &th_err), FPTC_MISS);
    assert_int_equal(count(db, "SELECT count(*) FROM pragma_database_list"), 2);
    sqlite3_close(db);
}

static void test_attach_damaged(void **state)
{
    struct fptc__manifest m;
    sqlite3 *db = memory();
    char *data;
    size_t n;

    (void)state;
    sh_build(ROWS, &m);
    data = read_whole(sh_file(&m), &n);
    m.snapshot_bytes++;
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, m.snapshot));
    m.snapshot_bytes--;
    data[16] = 0x10; /* another page size: its pages could not be checked */
    write_whole(sh_file(&m), data, n);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, m.snapshot));
    memset(data, 'x', n);
    write_whole(sh_file(&m), data, n);
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_EDAMAGED);
    assert_int_equal(truncate(sh_file(&m), 0), 0);
    m.snapshot_bytes = 0;
    assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_EDAMAGED);
    assert_int_equal(count(db, "SELECT count(*) FROM pragma_database_list"), 1);
    sqlite3_close(db);
    free(data);
}

/* --- foreign objects -------------------------------------------------------------------------- */

static void test_hostile_schema(void **state)
{
    static const char *const hostile[] = {
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER tr AFTER INSERT ON Shot BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE vt USING fts5(a)",
        "CREATE VIRTUAL TABLE vt USING dbstat(main)",
        "ALTER TABLE Shot ADD COLUMN g TEXT GENERATED ALWAYS AS (zeroblob(1000000000))",
        "CREATE TABLE other(a, b AS (a) STORED)",
    };
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        const char *local = sh_local("hostile.sqlite");
        struct fptc__manifest m;
        sqlite3 *db, *copy = NULL;
        char *data;
        sh_build(3, &m);
        data = read_whole(sh_file(&m), &n);
        write_whole(local, data, n);
        free(data);
        assert_int_equal(sqlite3_open_v2(local, &db, SQLITE_OPEN_READWRITE, fptc__vfs_local_name()),
                         SQLITE_OK);
        if (sqlite3_exec(db, hostile[i], NULL, NULL, NULL) != SQLITE_OK) {
            print_message("not possible here: %s (%s)\n", hostile[i], sqlite3_errmsg(db));
            sqlite3_close(db);
            unlink(local);
            continue;
        }
        sqlite3_close(db);
        m.snapshot[0] = '\0';
        assert_int_equal(fptc__snapshot_put(&sh_p, NULL, local, &m, &th_err), FPTC_OK);
        unlink(local);
        db = memory();
        if (fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err) != FPTC_EDAMAGED ||
            !strstr(th_err.message, m.snapshot))
            fail_msg("%s: %s", hostile[i], th_err.message);
        assert_int_equal(count(db, "SELECT count(*) FROM pragma_database_list"), 1);
        assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &copy, &th_err),
                         FPTC_EDAMAGED);
        assert_null(copy);
        assert_int_equal(access(local, F_OK), -1);
        sqlite3_close(db);
    }
}

/* --- copying ---------------------------------------------------------------------------------- */

static void test_copy(void **state)
{
    const char *local = sh_local("copy.sqlite");
    struct fptc__manifest m;
    sqlite3 *db = NULL;
    char *data;
    size_t n;

    (void)state;
    sh_build(ROWS, &m);
    assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &th_err), FPTC_OK);
    assert_int_equal(count(db, "SELECT count(*) FROM Shot"), ROWS);
    assert_int_equal(fptc__sql_run(db, "DELETE FROM Shot WHERE id=1", &th_err), FPTC_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    unlink(local);
    data = read_whole(sh_file(&m), &n);
    data[n / 2] ^= 1;
    write_whole(sh_file(&m), data, n);
    assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &th_err), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, m.snapshot));
    assert_null(db);
    assert_int_equal(access(local, F_OK), -1);
    unlink(sh_file(&m));
    assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &th_err), FPTC_MISS);
    free(data);
}

static fptc_status seal(const char *local, const char *data, size_t n)
{
    struct fptc__manifest m = {.upto = 8};
    sqlite3 *db = NULL;
    fptc_status status;

    write_whole(local, data, n);
    status = fptc__snapshot_open(local, &db, &th_err);
    if (status == FPTC_OK)
        status = fptc__snapshot_seal(&sh_p, db, local, &m, &th_err);
    unlink(local);
    return status;
}

/* A local database with any page lost, or a bit of it, or another page in its place, is not sealed: whether
   SQLite meets it or not. */
static void test_finish_checks(void **state)
{
    const char *local = sh_local("finish.sqlite");
    struct fptc__manifest m;
    size_t n, at;
    char *data;
    int way;

    (void)state;
    sh_build(ROWS, &m);
    data = read_whole(sh_file(&m), &n);
    assert_true(n / 8192 > 20);
    for (at = 0; at < n; at += 8192) {
        for (way = 0; way < 3; way++) {
            char kept[8192];

            memcpy(kept, data + at, 8192);
            if (way == 0)
                memset(data + at, 0, 8192);
            if (way == 1)
                data[at + 8192 - 9 - at / 8192] ^= 4;
            if (way == 2)
                memcpy(data + at, data + (at == 0 ? 8192 : 0), 8192);
            if (seal(local, data, n) == FPTC_OK || (at > 0 && th_err.status != FPTC_EDAMAGED))
                fail_msg("page %zu, %d: %s", at / 8192 + 1, way, th_err.message);
            memcpy(data + at, kept, 8192);
        }
    }
    assert_int_equal(sh_count("files"), 1);
    assert_int_equal(seal(local, data, n), FPTC_OK);
    assert_int_equal(sh_count("files"), 2);
    free(data);
}

/* Pages come and go, more than the cache holds or fewer, kept or rolled back: each has its checksum in the end,
   also those that SQLite has never written. */
static void test_pages_come_and_go(void **state)
{
    static const char *const works[] = {
        "BEGIN; %s; CREATE TABLE t AS SELECT randomblob(30000) FROM Shot; DELETE FROM u; COMMIT",
        "BEGIN; %s; SAVEPOINT s; CREATE TABLE t AS SELECT randomblob(30000) FROM Shot;"
        " ROLLBACK TO s; DELETE FROM u; COMMIT",
        "BEGIN; %s; ROLLBACK; BEGIN; %s; CREATE TABLE t AS SELECT id FROM Shot; DELETE FROM u; COMMIT",
    };
    static const char make[] =
        "CREATE TABLE u(a); INSERT INTO u SELECT randomblob(9000 + id * 500) FROM Shot";
    static const char small_cache[] = "PRAGMA secure_delete=0; PRAGMA cache_size=10";
    static const char large_cache[] = "PRAGMA secure_delete=0";
    const char *local = sh_local("grow.sqlite");
    struct fptc__manifest m;
    sqlite3 *db = NULL;
    char *sql;
    size_t i;

    (void)state;
    for (i = 0; i < 2 * sizeof(works) / sizeof(works[0]); i++) {
        sh_build(50, &m);
        assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &th_err), FPTC_OK);
        assert_int_equal(fptc__sql_run(db, i & 1 ? small_cache : large_cache, &th_err), FPTC_OK);
        sql = sqlite3_mprintf(works[i / 2], make, make);
        if (fptc__sql_run(db, sql, &th_err) != FPTC_OK)
            fail_msg("%s: %s", sql, th_err.message);
        m.snapshot[0] = '\0';
        if (fptc__snapshot_seal(&sh_p, db, local, &m, &th_err) != FPTC_OK)
            fail_msg("%s: %s", sql, th_err.message);
        sqlite3_free(sql);
        db = memory();
        assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_OK);
        assert_int_equal(count(db, "SELECT count(*) FROM base.Shot"), 50);
        assert_int_equal(
            count(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"), 1);
        sqlite3_close(db);
        unlink(local);
    }
}

/* What SQLite reads of a local database that is open is checked, too. */
static void test_damage_under_way(void **state)
{
    const char *local = sh_local("under.sqlite");
    struct fptc__manifest m;
    sqlite3 *db = NULL;
    char *data;
    size_t n, at;

    (void)state;
    sh_build(ROWS, &m);
    assert_int_equal(fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &th_err), FPTC_OK);
    data = read_whole(local, &n);
    for (at = 2 * 8192; at < n; at += 8192)
        data[at + 8000] ^= 1;
    write_whole(local, data, n);
    assert_int_equal(fptc__sql_run(db, "UPDATE Shot SET sg_n = sg_n + 1", &th_err), FPTC_EDAMAGED);
    sqlite3_close(db);
    unlink(local);
    free(data);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, sh_set_up, sh_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(test_file),
        WITH_DIR(test_an_unwanted_copy),
        WITH_DIR(test_same_bytes),
        WITH_DIR(test_stock_cli),
        WITH_DIR(test_stock_library),
        WITH_DIR(test_attach),
        WITH_DIR(test_attach_gone),
        WITH_DIR(test_attach_damaged),
        WITH_DIR(test_hostile_schema),
        WITH_DIR(test_copy),
        WITH_DIR(test_finish_checks),
        WITH_DIR(test_pages_come_and_go),
        WITH_DIR(test_damage_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
