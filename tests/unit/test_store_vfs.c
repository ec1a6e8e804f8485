/* test_store_vfs.c: reading damaged and failing snapshots: right rows or an error that names the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot_help.h"

#define ROWS 120

static int flips(void)
{
    return getenv("FPTC_LONG") ? 20000 : 400;
}

/* --- reading everything ----------------------------------------------------------------------- */

struct reading {
    int n_right; /* rows that were as they were made */
    int n_wrong; /* rows that were not */
    fptc_status status;
};

static void read_rows(sqlite3 *db, const char *sql, struct reading *out)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(stmt, 1);
            if (text && strcmp(text, sh_row(sqlite3_column_int(stmt, 0))) == 0)
                out->n_right++;
            else
                out->n_wrong++;
        }
    }
    if (code != SQLITE_DONE)
        out->status = fptc__sql_fail(db, "reading everything", &th_err);
    sqlite3_finalize(stmt);
}

/* By the table and by an index, as a view would. */
static struct reading read_all(const struct fptc__manifest *m)
{
    struct reading r = {0, 0, FPTC_OK};
    sqlite3 *db;

    memset(&th_err, 0, sizeof(th_err));
    assert_int_equal(fptc__sql_open_memory(&db, &th_err), FPTC_OK);
    r.status = fptc__snapshot_attach(&sh_p, m, db, "base", &th_err);
    if (r.status == FPTC_OK)
        read_rows(db, "SELECT id, " SH_ROW_SQL " FROM base.Shot", &r);
    if (r.status == FPTC_OK)
        read_rows(db,
                  "SELECT id, " SH_ROW_SQL " FROM base.Shot WHERE _fptc_version > 0"
                  " ORDER BY _fptc_version",
                  &r);
    if (r.status == FPTC_OK)
        read_rows(db,
                  "SELECT s.id, " SH_ROW_SQL " FROM base.Shot__assets a JOIN base.Shot s ON"
                  " s.id=a.id WHERE a.link_type='Asset' AND a.link_id BETWEEN 0 AND 9",
                  &r);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return r;
}

static void must_be_right(const struct fptc__manifest *m)
{
    struct reading r = read_all(m);

    if (r.status != FPTC_OK)
        fail_msg("%s", th_err.message);
    assert_int_equal(r.n_right, 3 * ROWS);
    assert_int_equal(r.n_wrong, 0);
}

static void poke(const char *path, off_t at, unsigned char mask)
{
    int fd = open(path, O_RDWR);
    unsigned char c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= mask;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void test_flipped_bytes(void **state)
{
    struct dice d = {dice_seed()};
    struct fptc__manifest m;
    int i, n_errors = 0;

    (void)state;
    sh_build(ROWS, &m);
    must_be_right(&m);
    for (i = 0; i < flips(); i++) {
        off_t at =
            i < 200 ? i : (off_t)roll(&d, (uint32_t)m.snapshot_bytes); /* all of the header */
        unsigned char mask = (unsigned char)(1u << roll(&d, 8));
        struct reading r;
        poke(sh_file(&m), at, mask);
        r = read_all(&m);
        if (r.n_wrong > 0 || (r.status == FPTC_OK && r.n_right != 3 * ROWS))
            fail_msg("byte %lld ^ %d: %d right, %d wrong rows", (long long)at, mask, r.n_right,
                     r.n_wrong);
        if (r.status != FPTC_OK &&
            (r.status != FPTC_EDAMAGED || !strstr(th_err.message, m.snapshot)))
            fail_msg("byte %lld ^ %d: status %d, %s", (long long)at, mask, r.status,
                     th_err.message);
        n_errors += r.status != FPTC_OK;
        poke(sh_file(&m), at, mask);
    }
    must_be_right(&m);
    assert_true(n_errors > flips() / 5); /* those queries do not read every page */
}

/* A page that is sound but stands in another's place. */
static void test_misplaced_pages(void **state)
{
    struct fptc__manifest m;
    unsigned char a[8192], b[8192];
    int fd, page, last;

    (void)state;
    sh_build(ROWS, &m);
    last = (int)(m.snapshot_bytes / 8192);
    for (page = 2; page < last; page++) {
        struct reading r;
        fd = open(sh_file(&m), O_RDWR);
        assert_int_equal(pread(fd, a, 8192, (page - 1) * 8192), 8192);
        assert_int_equal(pread(fd, b, 8192, page * 8192), 8192);
        assert_int_equal(pwrite(fd, b, 8192, (page - 1) * 8192), 8192);
        r = read_all(&m);
        assert_int_equal(r.n_wrong, 0);
        if (r.status == FPTC_OK)
            assert_int_equal(r.n_right, 3 * ROWS);
        assert_int_equal(pwrite(fd, a, 8192, (page - 1) * 8192), 8192);
        close(fd);
    }
    must_be_right(&m);
}

/* A commit that meets damage below it fails as such. It must not look like a commit that nobody can make
   sense of: that one is skipped for ever. */
static fptc_status apply_over(const struct fptc__manifest *m, const char *body)
{
    struct fptc__tables_options o = {.base = "base", .delta = "main"};
    struct fptc__tables *t = NULL;
    fptc_status status;
    struct fptc__record record = {FPTC__ROWS, body, strlen(body)};
    struct fptc__commit commit;

    memset(&commit, 0, sizeof(commit));
    commit.head.number = 2;
    commit.records = &record;
    commit.n_records = 1;
    assert_int_equal(fptc__sql_open_memory(&o.db, &th_err), FPTC_OK);
    status = fptc__snapshot_attach(&sh_p, m, o.db, "base", &th_err);
    if (status == FPTC_OK)
        status = fptc__tables_open(&o, "project-101", &t, &th_err);
    if (status == FPTC_OK)
        status = fptc__tables_apply(t, &commit, &th_err);
    fptc__tables_close(t);
    sqlite3_close(o.db);
    return status;
}

static void test_damage_under_a_commit(void **state)
{
    struct fptc__buf body;
    struct fptc__manifest m;
    off_t at;
    int i, n_damaged = 0;

    (void)state;
    fptc__buf_init(&body, 1u << 20);
    fptc__buf_adds(
        &body,
        "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\",\"assets\":\"multi_entity\","
        "\"sg_x\":\"text\"},\"rows\":[");
    for (i = 1; i <= ROWS; i++)
        fptc__buf_addf(&body,
                       "%s{\"id\":%d,\"code\":\"x\",\"assets\":[{\"type\":\"Asset\",\"id\":1,"
                       "\"name\":\"b\"}]}",
                       i > 1 ? "," : "", i);
    fptc__buf_adds(&body, "]}");
    sh_build(ROWS, &m);
    assert_int_equal(apply_over(&m, body.data), FPTC_OK);
    for (at = 4000; at < m.snapshot_bytes; at += 8192) {
        fptc_status status;
        poke(sh_file(&m), at, 4);
        memset(&th_err, 0, sizeof(th_err));
        status = apply_over(&m, body.data);
        if (status != FPTC_OK && (status != FPTC_EDAMAGED || !strstr(th_err.message, m.snapshot)))
            fail_msg("byte %lld: status %d, %s", (long long)at, status, th_err.message);
        n_damaged += status != FPTC_OK;
        poke(sh_file(&m), at, 4);
    }
    assert_true(n_damaged > 5);
    fptc__buf_done(&body);
}

/* Cut after it was attached: the size was right then. */
static void test_truncated_under_us(void **state)
{
    struct fptc__manifest m;
    int64_t left;

    (void)state;
    sh_build(ROWS, &m);
    for (left = m.snapshot_bytes - 1; left > 0; left -= 5000) {
        struct reading r = {0, 0, FPTC_OK};
        sqlite3 *db;
        sh_build(ROWS, &m);
        assert_int_equal(fptc__sql_open_memory(&db, &th_err), FPTC_OK);
        assert_int_equal(fptc__snapshot_attach(&sh_p, &m, db, "base", &th_err), FPTC_OK);
        assert_int_equal(truncate(sh_file(&m), left), 0);
        read_rows(db, "SELECT id, " SH_ROW_SQL " FROM base.Shot", &r);
        assert_int_equal(r.n_wrong, 0);
        if (r.status == FPTC_OK)
            assert_int_equal(r.n_right, ROWS);
        else if (r.status != FPTC_EDAMAGED || !strstr(th_err.message, m.snapshot))
            fail_msg("%" PRId64 " bytes left: %s", left, th_err.message);
        sqlite3_close(db);
        unlink(sh_file(&m));
    }
}

/* --- failing reads ---------------------------------------------------------------------------- */

static int reads_until_failure, failures_left, failure;

static ssize_t failing_pread(int fd, void *data, size_t n, off_t at)
{
    if (reads_until_failure-- <= 0 && failures_left-- > 0) {
        errno = failure;
        return -1;
    }
    return sh_sys.pread(fd, data, n, at);
}

static ssize_t slow_pread(int fd, void *data, size_t n, off_t at)
{
    return sh_sys.pread(fd, data, n > 1000 ? 1000 : n, at);
}

/* What is mended by opening the file again, and what is not. */
static void failing_reads(int sys_errno, int times, int is_mended)
{
    struct fptc__manifest m;
    int n, n_failed = 0;

    sh_build(ROWS, &m);
    failure = sys_errno;
    for (n = 0;; n++) {
        struct reading r;
        reads_until_failure = n;
        failures_left = times;
        fptc__sys.pread = failing_pread;
        r = read_all(&m);
        fptc__sys.pread = sh_sys.pread;
        assert_int_equal(r.n_wrong, 0);
        /* SQLite does without its statistics when they cannot be read. */
        if (r.status == FPTC_OK)
            assert_int_equal(r.n_right, 3 * ROWS);
        else if (is_mended || r.status == FPTC_EDAMAGED || !strstr(th_err.message, m.snapshot))
            fail_msg("read %d, errno %d: status %d, %s", n, failure, r.status, th_err.message);
        n_failed += r.status != FPTC_OK;
        if (failures_left == times)
            break;
    }
    assert_true(n > 10);
    assert_true(is_mended ? n_failed == 0 : n_failed > 10);
    must_be_right(&m);
    unlink(sh_file(&m));
}

static void test_failing_reads(void **state)
{
    (void)state;
    failing_reads(EIO, 1, 1);
    failing_reads(ESTALE, FPTC_STALE_MAX - 1, 1);
    failing_reads(EIO, 1000, 0);
    failing_reads(ESTALE, 1000, 0);
    failing_reads(ENOMEM, 1000, 0);
}

static void test_short_reads(void **state)
{
    struct fptc__manifest m;

    (void)state;
    sh_build(ROWS, &m);
    fptc__sys.pread = slow_pread;
    must_be_right(&m);
}

/* --- the VFS itself --------------------------------------------------------------------------- */

static void test_name(void **state)
{
    (void)state;
    assert_non_null(fptc__vfs_name());
    assert_ptr_equal(fptc__vfs_name(), fptc__vfs_name());
    assert_non_null(strstr(fptc__vfs_name(), "fptcache-"));
    assert_non_null(sqlite3_vfs_find(fptc__vfs_name()));
    assert_string_not_equal(sqlite3_vfs_find(NULL)->zName, fptc__vfs_name());
}

/* A journal beside a snapshot is somebody's mistake: it is not played back. */
static void test_reads_only(void **state)
{
    struct fptc__manifest m;
    char beside[FPTC_PATH_MAX + 20];
    sqlite3_vfs *vfs = sqlite3_vfs_find(fptc__vfs_name());
    sqlite3 *db = NULL;
    int there = 1;

    (void)state;
    sh_build(ROWS, &m);
    snprintf(beside, sizeof(beside), "%s-journal", sh_file(&m));
    close(open(beside, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(vfs->xAccess(vfs, beside, SQLITE_ACCESS_EXISTS, &there), SQLITE_OK);
    assert_int_equal(there, 0);
    assert_int_not_equal(vfs->xDelete(vfs, beside, 0), SQLITE_OK);
    assert_int_equal(access(beside, F_OK), 0);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READWRITE, fptc__vfs_name()),
                     SQLITE_CANTOPEN);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READONLY, fptc__vfs_name()),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "SELECT count(*) FROM Shot; SELECT random(); SELECT datetime()",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE x(a)", NULL, NULL, NULL), SQLITE_READONLY);
    sqlite3_close(db);
}

/* Parts of a page, as other builds of SQLite ask for them, are checked like whole ones. What was found
   sound is taken for sound for a while, also after others were not. */
static void test_partial_reads(void **state)
{
    struct fptc__manifest m;
    unsigned char whole[8192], part[100];
    sqlite3_file *file = NULL;
    sqlite3 *db;

    (void)state;
    sh_build(ROWS, &m);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READONLY, fptc__vfs_name()),
                     SQLITE_OK);
    assert_int_equal(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
    assert_int_equal(file->pMethods->xRead(file, whole, 8192, 8192), SQLITE_OK);
    assert_int_equal(file->pMethods->xRead(file, part, 100, 8192 + 500), SQLITE_OK);
    assert_memory_equal(whole + 500, part, 100);
    assert_int_equal(file->pMethods->xRead(file, part, 100, 8192 * 2 - 50), SQLITE_IOERR_READ);
    assert_int_equal(file->pMethods->xWrite(file, part, 100, 0), SQLITE_READONLY);
    assert_int_equal(file->pMethods->xTruncate(file, 0), SQLITE_READONLY);
    poke(sh_file(&m), 2 * 8192 + 7000, 1); /* in the page, not in the part */
    assert_int_equal(file->pMethods->xRead(file, part, 100, 2 * 8192 + 500), SQLITE_CORRUPT);
    assert_int_equal(fptc__snapshot_fault(db, "main", &th_err), FPTC_EDAMAGED);
    assert_non_null(strstr(th_err.message, "page 3 of "));
    assert_int_equal(file->pMethods->xRead(file, part, 100, 2 * 8192 + 500), SQLITE_CORRUPT);
    poke(sh_file(&m), 8192 + 7000, 1);
    assert_int_equal(file->pMethods->xRead(file, part, 100, 8192 + 500), SQLITE_OK);
    sqlite3_close(db);
}

static struct fptc__manifest shared;

static void *count_in_thread(void *result)
{
    fptc_error err = FPTC_ERROR_INIT;
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;

    if (fptc__sql_open_memory(&db, &err) == FPTC_OK &&
        fptc__snapshot_attach(&sh_p, &shared, db, "base", &err) == FPTC_OK &&
        sqlite3_prepare_v2(db, "SELECT count(*) FROM base.Shot WHERE sg_n=id*7", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        *(int *)result = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return NULL;
}

static void test_threads(void **state)
{
    int counts[4] = {0, 0, 0, 0}, i;
    pthread_t threads[4];

    (void)state;
    sh_build(ROWS, &shared);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_in_thread, &counts[i]), 0);
    for (i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (i = 0; i < 4; i++)
        assert_int_equal(counts[i], ROWS);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, sh_set_up, sh_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(test_threads), /* first: it also registers the VFS */
        WITH_DIR(test_flipped_bytes),
        WITH_DIR(test_misplaced_pages),
        WITH_DIR(test_damage_under_a_commit),
        WITH_DIR(test_truncated_under_us),
        WITH_DIR(test_failing_reads),
        WITH_DIR(test_short_reads),
        cmocka_unit_test(test_name),
        WITH_DIR(test_reads_only),
        WITH_DIR(test_partial_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
