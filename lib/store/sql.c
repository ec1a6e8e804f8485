/*
 * sql.c: the few things that every user of SQLite here needs: opening, running, quoting, errors.
 */
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "base/fold.h"
#include "base/limits.h"
#include "store/snapshot.h"
#include "store/tables.h"

static fptc_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return FPTC_ENOMEM;
    case SQLITE_FULL:
        return FPTC_ENOSPC;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return FPTC_EIO;
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return FPTC_EACCESS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FPTC_EDAMAGED;
    case SQLITE_TOOBIG:
        return FPTC_ELIMIT;
    case SQLITE_INTERRUPT:
        return FPTC_ECANCELLED;
    default:
        return FPTC_EINTERNAL;
    }
}

/* The snapshot that the failure comes from, if it is one: its VFS remembers. */
static fptc_status blame_snapshot(sqlite3 *db, fptc_error *err)
{
    const char *schema;
    fptc_status status = FPTC_OK;
    int i;

    for (i = 0; status == FPTC_OK; i++) {
        schema = sqlite3_db_name(db, i);
        if (!schema)
            break;
        status = fptc__snapshot_fault(db, schema, err);
    }
    return status;
}

fptc_status fptc__sql_fail(sqlite3 *db, const char *what, fptc_error *err)
{
    int code = sqlite3_extended_errcode(db);
    fptc_status status = status_of(code);

    if (status == FPTC_EDAMAGED || status == FPTC_EIO) {
        fptc_status fault = blame_snapshot(db, err);

        if (fault != FPTC_OK)
            return fault;
    }
    status = fptc__fail(err, status, "%.80s: %s (SQLite %d)", what, sqlite3_errmsg(db), code);
    if (err)
        err->sys_errno = (code & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
    return status;
}

fptc_status fptc__sql_run(sqlite3 *db, const char *sql, fptc_error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fptc__sql_fail(db, sql, err);
    return FPTC_OK;
}

void fptc__sql_undo(sqlite3 *db, const char *savepoint, int is_outermost)
{
    char sql[100];

    (void)sqlite3_snprintf((int)sizeof(sql), sql, "ROLLBACK TO %s; RELEASE %s", savepoint,
                           savepoint);
    (void)sqlite3_exec(db, is_outermost ? "ROLLBACK" : sql, NULL, NULL, NULL);
}

void fptc__sql_quote(struct fptc__buf *out, const char *name)
{
    const char *c;

    fptc__buf_addc(out, '"');
    for (c = name; *c != '\0'; c++) {
        if (*c == '"')
            fptc__buf_addc(out, '"');
        fptc__buf_addc(out, *c);
    }
    fptc__buf_addc(out, '"');
}

fptc_status fptc__sql_harden(sqlite3 *db, fptc_error *err)
{
    static const int off[] = {SQLITE_DBCONFIG_TRUSTED_SCHEMA,
                              SQLITE_DBCONFIG_ENABLE_TRIGGER,
                              SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
                              SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
                              SQLITE_DBCONFIG_DQS_DDL,
                              SQLITE_DBCONFIG_DQS_DML};
    size_t i;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);

    for (i = 0; code == SQLITE_OK && i < sizeof(off) / sizeof(off[0]); i++)
        code = sqlite3_db_config(db, off[i], 0, NULL);
    if (code != SQLITE_OK)
        return fptc__fail(err, FPTC_EINTERNAL, "SQLite %s refuses a safety setting (%d)",
                          sqlite3_libversion(), code);
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)FPTC_RECORD_BYTES_MAX);
    (void)sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
    return fptc__sql_run(
        db, "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON", err);
}

/* fptc_fold(text): fold.h; NULL of NULL. Innocuous: a view may call it where schemas are not trusted. */
static void sql_fold(sqlite3_context *context, int n, sqlite3_value **args)
{
    struct fptc__buf out;
    int64_t len;

    (void)n;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    fptc__buf_init(&out, FPTC_RESULT_BYTES_MAX);
    fptc__fold((const char *)sqlite3_value_text(args[0]), (size_t)sqlite3_value_bytes(args[0]),
               &out);
    len = (int64_t)out.len;
    if (out.failed != FPTC_OK)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, fptc__buf_text(&out), (int)len, SQLITE_TRANSIENT);
    fptc__buf_done(&out);
}

static fptc_status add_fold(sqlite3 *db, fptc_error *err)
{
    if (sqlite3_create_function_v2(db, "fptc_fold", 1,
                                   SQLITE_UTF8 | SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC, NULL,
                                   sql_fold, NULL, NULL, NULL) != SQLITE_OK)
        return fptc__sql_fail(db, "fptc_fold", err);
    return FPTC_OK;
}

fptc_status fptc__sql_open(const char *path, int flags, const char *vfs, sqlite3 **out,
                           fptc_error *err)
{
    sqlite3 *db = NULL;
    fptc_status status = FPTC_OK;

    *out = NULL;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
        status = db ? fptc__sql_fail(db, path, err) : fptc__fail_nomem(err);
    } else {
        status = fptc__sql_harden(db, err);
        if (status == FPTC_OK)
            status = add_fold(db, err);
    }
    if (status != FPTC_OK) {
        (void)sqlite3_close(db);
        return status;
    }
    *out = db;
    return FPTC_OK;
}

fptc_status fptc__sql_open_memory(sqlite3 **out, fptc_error *err)
{
    return fptc__sql_open(":memory:",
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY |
                              SQLITE_OPEN_URI,
                          NULL, out, err);
}
