/*
 * snapshot_attach.c: reading snapshots: attaching them, refusing those that hold what no snapshot
 * holds, and saying which file a failed query stumbled on.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/snapshot.h"
#include "store/tables.h"

/* A path as SQLite's URIs want it: "file://" + the path with '?', '#', '%' and the like escaped. */
static void add_uri(struct fptc__buf *out, const char *path)
{
    const char *c;

    fptc__buf_adds(out, path[0] == '/' ? "file://" : "file:");
    for (c = path; *c != '\0'; c++) {
        int plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("/-_.", *c) != NULL;

        if (plain)
            fptc__buf_addc(out, *c);
        else
            fptc__buf_addf(out, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

fptc_status fptc__snapshot_fault(sqlite3 *db, const char *schema, fptc_error *err)
{
    struct fptc__vfs_fault fault;
    char host[64];

    memset(&fault, 0, sizeof(fault));
    if (sqlite3_file_control(db, schema, FPTC__VFS_FAULT, &fault) != SQLITE_OK ||
        fault.status == FPTC_OK)
        return FPTC_OK;
    if (fault.sys_errno != 0) {
        fptc__host_name(host, sizeof(host));
        return fptc__fail_errno(err, fault.sys_errno,
                                "page %" PRId64
                                " of %s %s on host %s (if another host reads it look at"
                                " this one's mount, else run `fptcache verify`)",
                                fault.page, fault.path, fault.what, host);
    }
    return fptc__fail(err, fault.status, "page %" PRId64 " of %s %s; run `fptcache repair`",
                      fault.page, fault.path, fault.what);
}

/* A failure of SQLite's, with the file's whole path. */
static fptc_status fail_at(sqlite3 *db, const char *schema, const char *path, fptc_error *err)
{
    fptc_status status = fptc__snapshot_fault(db, schema, err);

    if (status != FPTC_OK)
        return status;
    status = fptc__sql_fail(db, "reading a snapshot", err);
    (void)fptc__error_where(err, "%s", path);
    return status;
}

/* --- what a snapshot may hold ----------------------------------------------------------------- */

/* Ordinary tables and indexes. Anything else could run code of the file's author when it is read. */
#define FOREIGN_OBJECTS                                                                            \
    "SELECT type, name FROM \"%w\".sqlite_schema"                                                  \
    " WHERE type NOT IN ('table', 'index') OR (type = 'table' AND rootpage = 0)"                   \
    " UNION ALL SELECT 'generated column', m.name || '.' || x.name"                                \
    " FROM \"%w\".sqlite_schema AS m, pragma_table_xinfo(m.name, %Q) AS x"                         \
    " WHERE m.type = 'table' AND x.hidden <> 0 LIMIT 1"

fptc_status fptc__snapshot_check_schema(sqlite3 *db, const char *schema, const char *path,
                                        fptc_error *err)
{
    char *sql = sqlite3_mprintf(FOREIGN_OBJECTS, schema, schema, schema);
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;
    int code;

    if (!sql)
        return fptc__fail_nomem(err);
    code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is no snapshot: it holds the %.20s %.80s", path,
                            (const char *)sqlite3_column_text(stmt, 0),
                            (const char *)sqlite3_column_text(stmt, 1));
    else if (code != SQLITE_DONE)
        status = fail_at(db, schema, path, err);
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return status;
}

/* --- attaching -------------------------------------------------------------------------------- */

/* Why SQLite could not open it: a file that was never open has no fault to ask for. */
static fptc_status explain(sqlite3 *db, const char *schema, const char *path, fptc_error *err)
{
    int code = sqlite3_errcode(db) & 0xff;
    fptc_status status;

    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return fptc__fail(err, FPTC_EDAMAGED, "%s: its first page is damaged", path);
    if (code == SQLITE_CANTOPEN) {
        status = fptc__file_info(path, NULL, NULL, err);
        if (status != FPTC_OK)
            return status;
        return fptc__fail(err, FPTC_EIO, "%s cannot be opened", path);
    }
    return fail_at(db, schema, path, err);
}

static fptc_status run_attach(sqlite3 *db, const char *uri, const char *schema, const char *path,
                              fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    if (sqlite3_prepare_v2(db, "ATTACH ?1 AS ?2", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 1, uri, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 2, schema, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_DONE)
        status = explain(db, schema, path, err);
    sqlite3_finalize(stmt);
    return status;
}

static void detach(sqlite3 *db, const char *schema)
{
    char *sql = sqlite3_mprintf("DETACH %Q", schema);

    if (sql)
        (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
}

static fptc_status check_size(const char *path, const struct fptc__manifest *m, fptc_error *err)
{
    int64_t bytes = 0;
    fptc_status status = fptc__file_info(path, &bytes, NULL, err);

    if (status == FPTC_OK && bytes != m->snapshot_bytes)
        status =
            fptc__fail(err, FPTC_EDAMAGED, "%s has %" PRId64 " bytes, its manifest says %" PRId64,
                       path, bytes, m->snapshot_bytes);
    return status;
}

fptc_status fptc__snapshot_attach(const struct fptc__partition *p, const struct fptc__manifest *m,
                                  sqlite3 *db, const char *schema, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf uri;
    fptc_status status = fptc__path(path, err, "%s/files/%s", p->dir, m->snapshot);

    if (status == FPTC_OK)
        status = check_size(path, m, err);
    if (status != FPTC_OK)
        return status;
    if (!fptc__vfs_name())
        return fptc__fail(err, FPTC_EINTERNAL, "SQLite refused the VFS of snapshots");
    fptc__buf_init(&uri, 4 * FPTC_PATH_MAX);
    add_uri(&uri, path);
    fptc__buf_addf(&uri, "?vfs=%s&immutable=1&mode=ro", fptc__vfs_name());
    status = fptc__buf_check(&uri, "the URI of a snapshot", err);
    if (status == FPTC_OK)
        status = run_attach(db, uri.data, schema, path, err);
    fptc__buf_done(&uri);
    if (status != FPTC_OK)
        return status;
    status = fptc__snapshot_check_schema(db, schema, path, err);
    if (status != FPTC_OK)
        detach(db, schema);
    return status;
}
