/*
 * tables.c: the _fptc_ tables of a snapshot or overlay, and the statements on them. The records are
 * applied by apply.c and its kin.
 */
#include "store/tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

/* In the SQL below '@' stands for DELTA's schema and '#' for BASE's. */
static const char *const ddl[] = {
    "CREATE TABLE IF NOT EXISTS @._fptc_format(format INTEGER NOT NULL, partition TEXT NOT NULL,"
    " upto INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @._fptc_field(type TEXT NOT NULL, field TEXT NOT NULL,"
    " data_type TEXT NOT NULL, PRIMARY KEY(type, field)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_fieldset(no INTEGER PRIMARY KEY, type TEXT NOT NULL,"
    " fields TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @._fptc_cover(type TEXT PRIMARY KEY, fieldset INTEGER, asof INTEGER,"
    " mark TEXT, max_id INTEGER, audited INTEGER, commit_no INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_query(hash TEXT PRIMARY KEY, text TEXT, type TEXT,"
    " touches TEXT, fieldset INTEGER, ids TEXT, asof INTEGER, commit_no INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @._fptc_config(key TEXT PRIMARY KEY, value TEXT, asof INTEGER,"
    " commit_no INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @._fptc_touched(type TEXT PRIMARY KEY, commit_no INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_suspect(type TEXT NOT NULL, id INTEGER NOT NULL,"
    " PRIMARY KEY(type, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_name(type TEXT NOT NULL, id INTEGER NOT NULL, name TEXT,"
    " is_gone INTEGER NOT NULL, commit_no INTEGER NOT NULL, PRIMARY KEY(type, id)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_gone(type TEXT NOT NULL, id INTEGER NOT NULL,"
    " version INTEGER NOT NULL, updated_at TEXT, moved_to TEXT, PRIMARY KEY(type, id),"
    " UNIQUE(type, version)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_event(event TEXT PRIMARY KEY, type TEXT NOT NULL,"
    " id INTEGER NOT NULL, version INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_mutation(event TEXT PRIMARY KEY, version INTEGER NOT NULL,"
    " state INTEGER NOT NULL, verb TEXT, type TEXT, id INTEGER, body TEXT, attempts INTEGER NOT NULL,"
    " attempt_asof INTEGER, attempt_writer TEXT, outcome TEXT)",
    "CREATE TABLE IF NOT EXISTS @._fptc_usage(type TEXT NOT NULL, wish TEXT NOT NULL,"
    " batch TEXT NOT NULL, uses INTEGER NOT NULL, PRIMARY KEY(type, wish, batch)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS @._fptc_index(name TEXT PRIMARY KEY, type TEXT NOT NULL,"
    " wish TEXT NOT NULL, uses INTEGER NOT NULL, bytes INTEGER NOT NULL, is_fixed INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS @._fptc_mutation_state ON _fptc_mutation(state, version)",
    "CREATE INDEX IF NOT EXISTS @._fptc_mutation_entity ON _fptc_mutation(type, id)",
};

/* The tables that an overlay takes over whole. */
static const char *const copies[] = {
    "INSERT INTO @._fptc_format(format, partition, upto)"
    " SELECT format, partition, upto FROM #._fptc_format",
    "INSERT INTO @._fptc_field(type, field, data_type)"
    " SELECT type, field, data_type FROM #._fptc_field",
    "INSERT INTO @._fptc_fieldset(no, type, fields) SELECT no, type, fields FROM #._fptc_fieldset",
    "INSERT INTO @._fptc_cover(type, fieldset, asof, mark, max_id, audited, commit_no)"
    " SELECT type, fieldset, asof, mark, max_id, audited, commit_no FROM #._fptc_cover",
    "INSERT INTO @._fptc_query(hash, text, type, touches, fieldset, ids, asof, commit_no)"
    " SELECT hash, text, type, touches, fieldset, ids, asof, commit_no FROM #._fptc_query",
    "INSERT INTO @._fptc_config(key, value, asof, commit_no)"
    " SELECT key, value, asof, commit_no FROM #._fptc_config",
    "INSERT INTO @._fptc_touched(type, commit_no) SELECT type, commit_no FROM #._fptc_touched",
    "INSERT INTO @._fptc_suspect(type, id) SELECT type, id FROM #._fptc_suspect",
};

/* The same, of tables that a snapshot may lack: it was made before they were thought of. */
static const struct {
    const char *table, *copy;
} newer_copies[] = {
    {"_fptc_usage", "INSERT INTO @._fptc_usage(type, wish, batch, uses)"
                    " SELECT type, wish, batch, uses FROM #._fptc_usage"},
    {"_fptc_index", "INSERT INTO @._fptc_index(name, type, wish, uses, bytes, is_fixed)"
                    " SELECT name, type, wish, uses, bytes, is_fixed FROM #._fptc_index"},
};

#define MUTATION_COLUMNS                                                                           \
    "event, version, state, verb, type, id, body, attempts, attempt_asof, attempt_writer, outcome"

static const char *const stmt_sql[FPTC__STMTS] = {
    [FPTC__NAME_GET] = "SELECT name, is_gone, commit_no FROM @._fptc_name WHERE type=?1 AND id=?2",
    [FPTC__NAME_GET_BELOW] =
        "SELECT name, is_gone, commit_no FROM #._fptc_name WHERE type=?1 AND id=?2",
    [FPTC__NAME_PUT] = "INSERT OR REPLACE INTO @._fptc_name(type, id, name, is_gone, commit_no)"
                       " VALUES(?1, ?2, ?3, ?4, ?5)",
    [FPTC__GONE_GET] =
        "SELECT version, updated_at, moved_to FROM @._fptc_gone WHERE type=?1 AND id=?2",
    [FPTC__GONE_GET_BELOW] =
        "SELECT version, updated_at, moved_to FROM #._fptc_gone WHERE type=?1 AND id=?2",
    [FPTC__GONE_ANY] = "SELECT 1 FROM @._fptc_gone WHERE type=?1 LIMIT 1",
    [FPTC__GONE_ANY_BELOW] = "SELECT 1 FROM #._fptc_gone WHERE type=?1 LIMIT 1",
    [FPTC__GONE_PUT] =
        "INSERT OR REPLACE INTO @._fptc_gone(type, id, version, updated_at, moved_to)"
        " VALUES(?1, ?2, ?3, ?4, ?5)",
    [FPTC__GONE_DROP] = "DELETE FROM @._fptc_gone WHERE type=?1 AND id=?2",
    [FPTC__EVENT_GET] = "SELECT 1 FROM @._fptc_event WHERE event=?1",
    [FPTC__EVENT_GET_BELOW] = "SELECT 1 FROM #._fptc_event WHERE event=?1",
    [FPTC__EVENT_PUT] =
        "INSERT INTO @._fptc_event(event, type, id, version) VALUES(?1, ?2, ?3, ?4)",
    [FPTC__MUTATION_GET] =
        "SELECT state, attempts, attempt_asof FROM @._fptc_mutation WHERE event=?1",
    [FPTC__MUTATION_GET_BELOW] =
        "SELECT state, attempts, attempt_asof FROM #._fptc_mutation WHERE event=?1",
    [FPTC__MUTATION_COPY] = "INSERT INTO @._fptc_mutation(" MUTATION_COLUMNS
                            ") SELECT " MUTATION_COLUMNS " FROM #._fptc_mutation WHERE event=?1",
    [FPTC__MUTATION_PUT] = "INSERT INTO @._fptc_mutation(" MUTATION_COLUMNS ")"
                           " VALUES(?1, ?2, 0, ?3, ?4, ?5, ?6, 0, NULL, NULL, NULL)",
    [FPTC__MUTATION_ATTEMPT] =
        "UPDATE @._fptc_mutation SET state=1, attempts=?2, attempt_asof=?3, attempt_writer=?4,"
        " body=coalesce(json_patch(body, ?5), body) WHERE event=?1",
    [FPTC__MUTATION_SETTLE] =
        "UPDATE @._fptc_mutation SET state=2, id=coalesce(?3, id), body=NULL, outcome=?2"
        " WHERE event=?1",
    [FPTC__MUTATION_REFUSE] = "UPDATE @._fptc_mutation SET state=3, outcome=?2 WHERE event=?1",
    [FPTC__MUTATION_UNSENT] = "UPDATE @._fptc_mutation SET state=0, outcome=?2 WHERE event=?1",
    [FPTC__MUTATION_READ] = "SELECT body, outcome FROM @._fptc_mutation WHERE event=?1",
    [FPTC__MUTATION_DECIDE] =
        "UPDATE @._fptc_mutation SET state=?2, body=coalesce(?4, body), outcome=?5,"
        " attempt_asof=coalesce(max(attempt_asof, ?3), attempt_asof, ?3) WHERE event=?1",
    [FPTC__FIELD_LIST] = "SELECT field, data_type FROM @._fptc_field WHERE type=?1 ORDER BY field",
    [FPTC__FIELD_PUT] =
        "INSERT OR REPLACE INTO @._fptc_field(type, field, data_type) VALUES(?1, ?2, ?3)",
    [FPTC__SET_GET] = "SELECT fields FROM @._fptc_fieldset WHERE no=?1 AND type=?2",
    [FPTC__SET_FIND] =
        "SELECT min(no) FROM @._fptc_fieldset WHERE type=?1 AND fields=?2 HAVING count(*) > 0",
    [FPTC__SET_PUT] = "INSERT INTO @._fptc_fieldset(no, type, fields)"
                      " SELECT coalesce(max(no), 0) + 1, ?1, ?2 FROM @._fptc_fieldset RETURNING no",
    [FPTC__COVER_GET] =
        "SELECT fieldset, asof, mark, max_id, audited FROM @._fptc_cover WHERE type=?1",
    [FPTC__COVER_PUT] =
        "INSERT OR REPLACE INTO @._fptc_cover(type, fieldset, asof, mark, max_id, audited, commit_no)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FPTC__COVER_DROP] = "DELETE FROM @._fptc_cover WHERE type=?1",
    [FPTC__QUERY_GET] = "SELECT asof, ids, fieldset FROM @._fptc_query WHERE hash=?1",
    [FPTC__QUERY_PUT] =
        "INSERT OR REPLACE INTO @._fptc_query(hash, text, type, touches, fieldset, ids, asof,"
        " commit_no) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [FPTC__CONFIG_GET] = "SELECT asof, value FROM @._fptc_config WHERE key=?1",
    [FPTC__CONFIG_PUT] =
        "INSERT OR REPLACE INTO @._fptc_config(key, value, asof, commit_no) VALUES(?1, ?2, ?3, ?4)",
    [FPTC__DROPPED_GET] = "SELECT commit_no FROM @._fptc_config WHERE key='" FPTC__DROPPED_KEY "'",
    [FPTC__CONFIG_DROP] = "DELETE FROM @._fptc_config WHERE key=?1",
    [FPTC__EFFECT_DROP] = "DELETE FROM @._fptc_config WHERE key=?1 AND commit_no<=?2",
    [FPTC__TOUCHED_GET] = "SELECT commit_no FROM @._fptc_touched WHERE type=?1",
    [FPTC__TOUCHED_PUT] = "INSERT OR REPLACE INTO @._fptc_touched(type, commit_no) VALUES(?1, ?2)",
    [FPTC__SUSPECT_ANY] = "SELECT 1 FROM @._fptc_suspect WHERE type=?1 LIMIT 1",
    [FPTC__SUSPECT_PUT] = "INSERT OR IGNORE INTO @._fptc_suspect(type, id) VALUES(?1, ?2)",
    [FPTC__SUSPECT_DROP] = "DELETE FROM @._fptc_suspect WHERE type=?1 AND id=?2",
    [FPTC__USAGE_PUT] = "INSERT OR IGNORE INTO @._fptc_usage(type, wish, batch, uses)"
                        " SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM @._fptc_usage) < ?5",
    [FPTC__INDEX_LIST] = "SELECT wish FROM @._fptc_index WHERE type=?1 ORDER BY name",
    [FPTC__UPTO_PUT] = "UPDATE @._fptc_format SET upto=?1",
};

/* --- statements ------------------------------------------------------------------------------- */

static void expand(const struct fptc__tables *t, const char *sql, struct fptc__buf *out)
{
    const char *c;

    fptc__buf_init(out, 1u << 20);
    for (c = sql; *c != '\0'; c++) {
        if (*c == '@' || *c == '#')
            fptc__sql_quote(out, t->schema[*c == '@' ? FPTC__DELTA : FPTC__BELOW]);
        else
            fptc__buf_addc(out, *c);
    }
}

fptc_status fptc__tables_prepare(struct fptc__tables *t, const char *sql, size_t len,
                                 sqlite3_stmt **out, fptc_error *err)
{
    *out = NULL;
    if (sqlite3_prepare_v3(t->db, sql, (int)len + 1, SQLITE_PREPARE_PERSISTENT, out, NULL) !=
        SQLITE_OK)
        return fptc__sql_fail(t->db, sql, err);
    return FPTC_OK;
}

fptc_status fptc__tables_stmt(struct fptc__tables *t, int no, sqlite3_stmt **out, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status;

    *out = t->stmts[no];
    if (*out)
        return FPTC_OK;
    expand(t, stmt_sql[no], &sql);
    status = fptc__buf_check(&sql, "SQL text", err);
    if (status == FPTC_OK)
        status = fptc__tables_prepare(t, sql.data, sql.len, &t->stmts[no], err);
    fptc__buf_done(&sql);
    *out = t->stmts[no];
    return status;
}

fptc_status fptc__tables_step(struct fptc__tables *t, sqlite3_stmt *stmt, const char *what,
                              fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (sqlite3_step(stmt) != SQLITE_DONE)
        status = fptc__sql_fail(t->db, what, err);
    (void)sqlite3_reset(stmt);
    return status;
}

fptc_status fptc__tables_first(struct fptc__tables *t, sqlite3_stmt *stmt, const char *what,
                               fptc_error *err)
{
    fptc_status status;
    int code = sqlite3_step(stmt);

    if (code == SQLITE_ROW)
        return FPTC_OK;
    status = code == SQLITE_DONE ? FPTC_MISS : fptc__sql_fail(t->db, what, err);
    (void)sqlite3_reset(stmt);
    return status;
}

int fptc__tables_room(void *list, size_t *cap, size_t n, size_t size)
{
    void *old, *grown;
    size_t more;

    if (n < *cap)
        return 1;
    memcpy(&old, list, sizeof(old));
    more = *cap ? *cap * 2 : 8;
    grown = realloc(old, more * size);
    if (!grown)
        return 0;
    memcpy(list, &grown, sizeof(grown));
    *cap = more;
    return 1;
}

fptc_status fptc__tables_next_version(struct fptc__tables *t, int64_t *out, fptc_error *err)
{
    *out = 0;
    if (t->n_changed >= FPTC_COMMIT_ROWS_MAX)
        return fptc__refuse(t, err, "more than %u changed rows", FPTC_COMMIT_ROWS_MAX);
    *out = (int64_t)(t->number << FPTC__VERSION_BITS | t->n_changed);
    t->n_changed++;
    return FPTC_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static fptc_status run_expanded(struct fptc__tables *t, const char *sql, fptc_error *err)
{
    struct fptc__buf text;
    fptc_status status;

    expand(t, sql, &text);
    status = fptc__buf_check(&text, "SQL text", err);
    if (status == FPTC_OK)
        status = fptc__sql_run(t->db, text.data, err);
    fptc__buf_done(&text);
    return status;
}

/* Reads _fptc_format of one side. FPTC_MISS when it has no row. */
static fptc_status read_format(struct fptc__tables *t, int side, fptc_error *err)
{
    struct fptc__buf sql;
    sqlite3_stmt *stmt = NULL;
    fptc_status status;

    expand(t,
           side == FPTC__DELTA ? "SELECT format, partition, upto FROM @._fptc_format"
                               : "SELECT format, partition, upto FROM #._fptc_format",
           &sql);
    status = fptc__buf_check(&sql, "SQL text", err);
    if (status == FPTC_OK)
        status = fptc__tables_prepare(t, sql.data, sql.len, &stmt, err);
    if (status == FPTC_OK)
        status = fptc__tables_first(t, stmt, "reading the format of a snapshot", err);
    if (status == FPTC_OK) {
        const char *name = (const char *)sqlite3_column_text(stmt, 1);
        int format = sqlite3_column_int(stmt, 0);

        t->upto = (uint64_t)sqlite3_column_int64(stmt, 2);
        if (format != FPTC__SNAPSHOT_FORMAT)
            status =
                fptc__fail(err, FPTC_EFORMAT, "the snapshot has format %d, this build knows %d",
                           format, FPTC__SNAPSHOT_FORMAT);
        else if (!name || strcmp(name, t->partition) != 0)
            status = fptc__fail(err, FPTC_EDAMAGED, "the snapshot is of partition %s, not %s",
                                name ? name : "?", t->partition);
    }
    sqlite3_finalize(stmt);
    fptc__buf_done(&sql);
    return status;
}

static fptc_status write_format(struct fptc__tables *t, fptc_error *err)
{
    char *sql = sqlite3_mprintf("INSERT INTO \"%w\"._fptc_format VALUES(%d, %Q, 0)",
                                t->schema[FPTC__DELTA], FPTC__SNAPSHOT_FORMAT, t->partition);
    fptc_status status = sql ? fptc__sql_run(t->db, sql, err) : fptc__fail_nomem(err);

    sqlite3_free(sql);
    return status;
}

static fptc_status fill(struct fptc__tables *t, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < sizeof(ddl) / sizeof(ddl[0]); i++)
        status = run_expanded(t, ddl[i], err);
    if (status == FPTC_OK)
        status = read_format(t, FPTC__DELTA, err);
    if (status != FPTC_MISS)
        return status;
    if (!t->schema[FPTC__BELOW])
        return write_format(t, err);
    status = read_format(t, FPTC__BELOW, err);
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_EDAMAGED, "the snapshot does not say its format");
    for (i = 0; status == FPTC_OK && i < sizeof(copies) / sizeof(copies[0]); i++)
        status = run_expanded(t, copies[i], err);
    for (i = 0; status == FPTC_OK && i < sizeof(newer_copies) / sizeof(newer_copies[0]); i++) {
        if (sqlite3_table_column_metadata(t->db, t->schema[FPTC__BELOW], newer_copies[i].table,
                                          NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK)
            status = run_expanded(t, newer_copies[i].copy, err);
    }
    return status;
}

/* The last drop is kept as a setting: what was asked before it is told by it (apply_meta.c). */
static fptc_status read_dropped(struct fptc__tables *t, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = fptc__tables_stmt(t, FPTC__DROPPED_GET, &stmt, err);

    if (status != FPTC_OK)
        return status;
    status = fptc__tables_first(t, stmt, "reading the last drop", err);
    if (status == FPTC_OK)
        t->dropped = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status put_dropped(struct fptc__tables *t, fptc_error *err)
{
    char *sql = sqlite3_mprintf(
        "INSERT OR REPLACE INTO \"%w\"._fptc_config VALUES(%Q, '%llu', %lld, "
        "%llu); UPDATE \"%w\"._fptc_format SET upto = %llu",
        t->schema[FPTC__DELTA], FPTC__DROPPED_KEY, (unsigned long long)t->options.dropped,
        (long long)t->options.dropped_asof_ms, (unsigned long long)t->options.dropped,
        t->schema[FPTC__DELTA], (unsigned long long)t->options.dropped);
    fptc_status status = sql ? fptc__sql_run(t->db, sql, err) : fptc__fail_nomem(err);

    sqlite3_free(sql);
    t->upto = t->options.dropped;
    return status;
}

static char *copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);

    if (copy)
        memcpy(copy, text, n);
    return copy;
}

static fptc_status set_names(struct fptc__tables *t, const struct fptc__tables_options *o,
                             const char *partition, fptc_error *err)
{
    size_t n = strlen(partition);

    t->db = o->db;
    t->options = *o;
    fptc__buf_init(&t->scratch, FPTC_RECORD_BYTES_MAX);
    if (n >= sizeof(t->partition))
        return fptc__fail(err, FPTC_EUSAGE, "partition name %s is too long", partition);
    memcpy(t->partition, partition, n + 1);
    t->schema[FPTC__DELTA] = copy_text(o->delta);
    if (o->base && strcmp(o->base, o->delta) != 0)
        t->schema[FPTC__BELOW] = copy_text(o->base);
    if (!t->schema[FPTC__DELTA] ||
        (o->base && strcmp(o->base, o->delta) != 0 && !t->schema[FPTC__BELOW]))
        return fptc__fail_nomem(err);
    t->options.base = t->schema[FPTC__BELOW];
    t->options.delta = t->schema[FPTC__DELTA];
    return FPTC_OK;
}

fptc_status fptc__tables_open(const struct fptc__tables_options *options, const char *partition,
                              struct fptc__tables **out, fptc_error *err)
{
    struct fptc__tables *t = calloc(1, sizeof(*t));
    int is_outermost = sqlite3_get_autocommit(options->db);
    fptc_status status;

    *out = NULL;
    if (!t)
        return fptc__fail_nomem(err);
    status = set_names(t, options, partition, err);
    if (status == FPTC_OK)
        status = fptc__sql_run(t->db, "SAVEPOINT _fptc_open", err);
    if (status == FPTC_OK) {
        status = fill(t, err);
        if (status == FPTC_OK && options->dropped > 0)
            status = put_dropped(t, err);
        if (status == FPTC_OK)
            status = read_dropped(t, err);
        if (status == FPTC_OK &&
            sqlite3_exec(t->db, "RELEASE _fptc_open", NULL, NULL, NULL) != SQLITE_OK)
            status = fptc__sql_fail(t->db, "making the tables of a snapshot", err);
    }
    if (status != FPTC_OK) {
        fptc__tables_close(t); /* a statement that is under way would keep the savepoint */
        fptc__sql_undo(options->db, "_fptc_open", is_outermost);
        return status;
    }
    *out = t;
    return FPTC_OK;
}

void fptc__tables_forget(struct fptc__tables *t)
{
    size_t i;

    for (i = 0; i < t->n_shapes; i++)
        fptc__shape_free(t->shapes[i]);
    t->n_shapes = 0;
    t->n_replaced = 0;
    free(t->known_names);
    t->known_names = NULL;
}

void fptc__tables_close(struct fptc__tables *t)
{
    int i;

    if (!t)
        return;
    fptc__tables_forget(t);
    for (i = 0; i < FPTC__STMTS; i++)
        sqlite3_finalize(t->stmts[i]);
    free(t->shapes);
    free(t->replaced);
    fptc__buf_done(&t->scratch);
    free(t->schema[FPTC__DELTA]);
    free(t->schema[FPTC__BELOW]);
    free(t);
}
