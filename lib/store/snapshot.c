/*
 * snapshot.c: making snapshot files: a local database is built through a VFS that gives each page its
 * checksum, finished, and copied to files/, each page checked once more.
 */
#include "store/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "store/tables.h"

#define CHUNK_BYTES (32 * FPTC__PAGE_BYTES)

/*
 * The local file is thrown away when anything fails, so nothing is synced. The journal is in memory:
 * SAVEPOINT needs one to roll back. Commits keep it short.
 */
static const char build_pragmas[] =
    "PRAGMA page_size=8192; PRAGMA auto_vacuum=NONE; PRAGMA locking_mode=EXCLUSIVE;"
    " PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536";
static const char format_pragmas[] = "PRAGMA application_id=0x46505443; PRAGMA user_version=1";
_Static_assert(FPTC__PAGE_BYTES == 8192 && FPTC__SNAPSHOT_ID == 0x46505443, "as above");

/* --- building --------------------------------------------------------------------------------- */

static fptc_status set_up(sqlite3 *db, fptc_error *err)
{
    int reserved = FPTC__PAGE_RESERVED;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved) != SQLITE_OK)
        return fptc__fail(err, FPTC_EINTERNAL, "SQLite %s cannot reserve bytes of a page",
                          sqlite3_libversion());
    return fptc__sql_run(db, build_pragmas, err);
}

static fptc_status open_local(const char *path, int flags, sqlite3 **out, fptc_error *err)
{
    const char *vfs = fptc__vfs_local_name();
    fptc_status status;

    *out = NULL;
    if (!vfs)
        return fptc__fail(err, FPTC_EINTERNAL, "SQLite refused the VFS of local databases");
    status = fptc__sql_open(path, flags | SQLITE_OPEN_READWRITE, vfs, out, err);
    if (status == FPTC_OK)
        status = set_up(*out, err);
    if (status != FPTC_OK) {
        (void)sqlite3_close(*out);
        *out = NULL;
    }
    return status;
}

fptc_status fptc__snapshot_open(const char *local_path, sqlite3 **out, fptc_error *err)
{
    return open_local(local_path, 0, out, err);
}

fptc_status fptc__snapshot_journal(sqlite3 *db, int has_one, fptc_error *err)
{
    fptc_status status;

    /* Defensive, SQLite does not go without one. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    status =
        fptc__sql_run(db, has_one ? "PRAGMA journal_mode=MEMORY" : "PRAGMA journal_mode=OFF", err);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return status;
}

fptc_status fptc__snapshot_new(const char *local_path, sqlite3 **out, fptc_error *err)
{
    fptc_status status = open_local(local_path, SQLITE_OPEN_CREATE, out, err);

    if (status == FPTC_OK)
        status = fptc__sql_run(*out, format_pragmas, err);
    if (status != FPTC_OK) {
        (void)sqlite3_close(*out);
        *out = NULL;
    }
    return status;
}

/* --- copying ---------------------------------------------------------------------------------- */

/* A copy under way. */
struct copy {
    const struct fptc__call *call;
    const char *from, *to;
    int from_fd, to_fd;
    int is_local; /* what is copied is a local database: its pages are checked on the way */
    int64_t bytes;
    uint64_t checksum; /* of what was written */
    unsigned char *chunk;
};

static fptc_status check_chunk(const struct copy *c, size_t n, fptc_error *err)
{
    uint32_t number = (uint32_t)(c->bytes / FPTC__PAGE_BYTES) + 1;
    size_t at;

    if (n % FPTC__PAGE_BYTES != 0)
        return fptc__fail(err, FPTC_EINTERNAL, "%s is not made of whole pages", c->from);
    for (at = 0; at < n; at += FPTC__PAGE_BYTES, number++) {
        if (!fptc__page_is_sound(c->chunk + at, number))
            return fptc__fail(err, FPTC_EDAMAGED,
                              "page %" PRIu32 " of %s, on local disk, fails its checksum: not"
                              " published; try again, with TMPDIR on another disk",
                              number, c->from);
    }
    return FPTC_OK;
}

static fptc_status copy_chunks(struct copy *c, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t got = CHUNK_BYTES;

    c->checksum = fptc__checksum_start();
    while (status == FPTC_OK && got == CHUNK_BYTES) {
        status = fptc__call_check(c->call, "copying a snapshot", err);
        if (status != FPTC_OK)
            break;
        status = fptc__file_pread(c->from_fd, c->from, c->chunk, CHUNK_BYTES, c->bytes, &got, err);
        if (status == FPTC_OK && c->is_local)
            status = check_chunk(c, got, err);
        if (status == FPTC_OK)
            status = fptc__file_add(c->to_fd, c->to, c->chunk, got, err);
        c->checksum = fptc__checksum_add(c->checksum, c->chunk, got);
        c->bytes += (int64_t)got;
    }
    return status;
}

/* Copies c->from to the new file c->to; removes that on failure. `syncs`: it must survive a crash. */
static fptc_status copy_file(struct copy *c, int syncs, fptc_error *err)
{
    fptc_status status;

    c->from_fd = c->to_fd = -1;
    c->chunk = malloc(CHUNK_BYTES);
    status = c->chunk ? fptc__file_open(c->from, &c->from_fd, err) : fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__file_start(c->to, syncs ? 0666 : 0600, &c->to_fd, err);
    if (status == FPTC_OK) {
        status = copy_chunks(c, err);
        if (status == FPTC_OK && syncs)
            status = fptc__file_finish(c->to_fd, c->to, err);
        else
            fptc__file_close(c->to_fd);
        if (status != FPTC_OK)
            (void)fptc__file_remove(c->to, NULL);
    }
    if (c->from_fd >= 0)
        fptc__file_close(c->from_fd);
    free(c->chunk);
    c->chunk = NULL;
    return status;
}

fptc_status fptc__snapshot_copy(const struct fptc__partition *p, const struct fptc__call *call,
                                const struct fptc__manifest *m, const char *local_path,
                                sqlite3 **out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct copy c;
    fptc_status status;

    *out = NULL;
    memset(&c, 0, sizeof(c));
    status = fptc__path(path, err, "%s/files/%s", p->dir, m->snapshot);
    if (status != FPTC_OK)
        return status;
    c.call = call;
    c.from = path;
    c.to = local_path;
    status = copy_file(&c, 0, err);
    if (status == FPTC_EEXIST)
        status = fptc__fail_errno(err, EIO, "cannot make the copy %s", local_path);
    if (status != FPTC_OK)
        return status;
    if (c.bytes != m->snapshot_bytes || c.checksum != m->snapshot_checksum)
        status = fptc__fail(err, FPTC_EDAMAGED,
                            "%s fails its checksum (%" PRId64 " of %" PRId64 " bytes)", path,
                            c.bytes, m->snapshot_bytes);
    if (status == FPTC_OK)
        status = fptc__snapshot_open(local_path, out, err);
    if (status == FPTC_OK)
        status = fptc__snapshot_check_schema(*out, "main", path, err);
    if (status != FPTC_OK) {
        (void)sqlite3_close(*out);
        *out = NULL;
        (void)fptc__file_remove(local_path, NULL);
    }
    return status;
}

/* --- finishing -------------------------------------------------------------------------------- */

/* What broke in SQLite's memory has sound page checksums: the program that we live in may do that. */
static fptc_status check_structure(sqlite3 *db, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;
    const char *text;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        status = fptc__sql_fail(db, "checking a new snapshot", err);
    } else {
        text = (const char *)sqlite3_column_text(stmt, 0);
        if (!text || strcmp(text, "ok") != 0)
            status = fptc__fail(err, FPTC_EDAMAGED, "a new snapshot is damaged: %.200s",
                                text ? text : "?");
    }
    sqlite3_finalize(stmt);
    return status;
}

static fptc_status count_table(sqlite3 *db, const char *table, int64_t *rows, fptc_error *err)
{
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    if (!sql)
        return fptc__fail_nomem(err);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        status = fptc__sql_fail(db, "counting rows", err);
    else
        *rows += sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return status;
}

/* The rows of all types. Tables of links have "__" in their names. */
static fptc_status count_rows(sqlite3 *db, int64_t *rows, fptc_error *err)
{
    static const char sql[] = "SELECT name FROM sqlite_schema WHERE type='table' AND"
                              " name NOT GLOB '_fptc_*' AND name NOT GLOB 'sqlite_*' AND"
                              " instr(name, '__') = 0";
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    *rows = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return fptc__sql_fail(db, "listing the tables of a snapshot", err);
    while (status == FPTC_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);

        status = name ? count_table(db, name, rows, err) : fptc__fail_nomem(err);
    }
    sqlite3_finalize(stmt);
    return status;
}

/*
 * What SQLite plans with. Within the limit it guesses the rows of a table from each of its indexes, by
 * half too few or too many; then it scans the table where an index that covers the question is a tenth of
 * it. One number for all indexes of a table keeps them comparable.
 */
static fptc_status analyse(sqlite3 *db, fptc_error *err)
{
    static const char sql[] =
        "PRAGMA analysis_limit=1000; ANALYZE;"
        "UPDATE sqlite_stat1 SET stat = (SELECT max(CAST(s.stat AS INTEGER)) FROM sqlite_stat1 AS s "
        "WHERE s.tbl = sqlite_stat1.tbl) || substr(stat, instr(stat, ' ')) "
        "WHERE idx IS NOT NULL AND instr(stat, ' ') > 0";

    return fptc__sql_run(db, sql, err);
}

fptc_status fptc__snapshot_finish(sqlite3 *db, struct fptc__manifest *m, fptc_error *err)
{
    fptc_status status = analyse(db, err);

    if (status == FPTC_OK)
        status = count_rows(db, &m->rows, err);
    if (status == FPTC_OK)
        status = check_structure(db, err);
    if (sqlite3_close(db) != SQLITE_OK) {
        (void)sqlite3_close_v2(db); /* lets go when the last statement does */
        if (status == FPTC_OK)
            status = fptc__fail(err, FPTC_EINTERNAL, "a new snapshot is still in use");
    }
    return status;
}

static fptc_status put_as_named(const struct fptc__partition *p, const struct fptc__call *call,
                                const char *local_path, struct fptc__manifest *m, fptc_error *err)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    struct copy c = {.call = call, .from = local_path, .to = path, .is_local = 1};
    fptc_status status = fptc__path(dir, err, "%s/files", p->dir);

    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/%s", dir, m->snapshot);
    if (status != FPTC_OK)
        return status;
    status = copy_file(&c, 1, err);
    if (status == FPTC_OK) {
        status = fptc__dir_sync(dir, err);
        if (status != FPTC_OK)
            (void)fptc__file_remove(path, NULL);
    }
    m->snapshot_bytes = c.bytes;
    m->snapshot_checksum = c.checksum;
    return status == FPTC_MISS ? fptc__fail(err, FPTC_EIO, "%s has gone", local_path) : status;
}

static void name_snapshot(struct fptc__manifest *m, uint64_t number)
{
    char hex[33];

    fptc__random_hex32(hex);
    (void)snprintf(m->snapshot, sizeof(m->snapshot), "%" PRIu64 "-%.16s.sqlite", number, hex);
}

fptc_status fptc__snapshot_put(const struct fptc__partition *p, const struct fptc__call *call,
                               const char *local_path, struct fptc__manifest *m, fptc_error *err)
{
    int is_new = m->snapshot[0] == '\0', i;
    fptc_status status = FPTC_EEXIST;

    if (!is_new)
        return put_as_named(p, call, local_path, m, err);
    /* FPTC_EEXIST of a name that nobody else has: the reply to our own creation was lost. */
    for (i = 0; i < 2 && status == FPTC_EEXIST; i++) {
        name_snapshot(m, m->upto);
        status = put_as_named(p, call, local_path, m, err);
    }
    return status;
}

fptc_status fptc__snapshot_link(const struct fptc__partition *p, struct fptc__manifest *m,
                                fptc_error *err)
{
    char from[FPTC_PATH_MAX], to[FPTC_PATH_MAX];
    fptc_status status = fptc__path(from, err, "%s/files/%s", p->dir, m->snapshot);
    int failed;

    name_snapshot(m, m->upto);
    if (status == FPTC_OK)
        status = fptc__path(to, err, "%s/files/%s", p->dir, m->snapshot);
    if (status != FPTC_OK)
        return status;
    failed = fptc__sys.link(from, to) == 0 ? 0 : errno;
    /* A reply may be lost: nobody else has that name. */
    if (failed == 0 || fptc__file_info(to, NULL, NULL, NULL) == FPTC_OK)
        return FPTC_OK;
    return failed == ENOENT ? FPTC_MISS : fptc__fail_errno(err, failed, "cannot link %s", to);
}

fptc_status fptc__snapshot_seal(const struct fptc__partition *p, sqlite3 *db,
                                const char *local_path, struct fptc__manifest *m, fptc_error *err)
{
    fptc_status status = fptc__snapshot_finish(db, m, err);

    m->snapshot[0] = '\0';
    return status == FPTC_OK ? fptc__snapshot_put(p, NULL, local_path, m, err) : status;
}
