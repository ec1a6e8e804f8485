/*
 * tables.h: the tables of a snapshot (lib/FORMAT.md, "Snapshot") and how commits change them. The same
 * code serves compaction (one database, changed in place) and a reader's overlay (base read-only, the
 * changes in a second, in-memory schema).
 *
 * Per type "Shot":        table "Shot"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, _fptc_fieldset
 *   INTEGER, <columns>): TEXT/INTEGER/REAL columns by class; a link f has f__type TEXT, f__id INTEGER;
 *   unique index on _fptc_version.
 * Per multi-entity field: table "Shot__assets"(id, pos, link_type, link_id, PRIMARY KEY(id,pos))
 *   WITHOUT ROWID, index (link_type, link_id, id).
 * Big, looked up in delta then base:
 *   _fptc_name(type, id, name, is_gone, commit_no)   PRIMARY KEY(type,id); display names of everything
 *                  seen; commit_no: when the entry last changed
 *   _fptc_gone(type, id, version, updated_at, moved_to)    PRIMARY KEY(type,id); UNIQUE(type,version)
 *   _fptc_event(event PRIMARY KEY, type, id, version)      rows that our writes made
 *   _fptc_mutation(event PRIMARY KEY, version, state, verb, type, id, body, attempts, attempt_asof,
 *                  attempt_writer, outcome)      state: 0 intent, 1 attempted, 2 settled, 3 refused,
 *                  4 dropped
 * Small, copied into delta whole when it begins:
 *   _fptc_format(format, partition, upto)        one row
 *   _fptc_field(type, field, data_type, PRIMARY KEY(type,field))   columns that exist
 *   _fptc_fieldset(no INTEGER PRIMARY KEY, type, fields)           JSON array, sorted
 *   _fptc_cover(type PRIMARY KEY, fieldset, asof, mark, max_id, audited, commit_no)
 *   _fptc_query(hash PRIMARY KEY, text, type, touches, fieldset, ids, asof, commit_no)
 *   _fptc_config(key PRIMARY KEY, value, asof, commit_no)
 *   _fptc_touched(type PRIMARY KEY, commit_no)   last commit that changed a row of the type
 *   _fptc_suspect(type, id, PRIMARY KEY(type,id))  older-or-newer not provable: read again first
 *   _fptc_usage(type, wish, batch, uses, PRIMARY KEY(type,wish,batch))   what was asked; halved, and in
 *                  batch '' only, at each rewrite
 *   _fptc_index(name PRIMARY KEY, type, wish, uses, bytes, is_fixed)     indexes of a snapshot (indexes.h)
 *
 * Rules for a row of a record with `seen`, against what is stored (protocol-attacks C1):
 *   nothing stored, or stored change <= seen   take it; equal content changes nothing (no new version)
 *   stored change > seen, updated_at greater   take it
 *   stored change > seen, content equal        nothing
 *   stored change > seen, updated_at less      keep the stored row
 *   stored change > seen, else                 keep the stored row, mark it suspect
 *   a field set that lacks fields of the stored row's: as above, and the row is marked suspect
 * The same for `gone`, with the stored row's or the tombstone's change and updated_at. A row taken or
 * confirmed by a record with seen >= its change is no longer suspect.
 * Version key of a change: commit number << 20 | index, index counting the commit's changed rows.
 * More, on names, covers, queries and mutations: lib/FORMAT.md, "Snapshot".
 */
#ifndef FPTC_STORE_TABLES_H
#define FPTC_STORE_TABLES_H

#include <sqlite3.h>

#include "store/commit.h"

#define FPTC__VERSION_ROW_BITS 20 /* of a version key, the lower ones */
/* The setting that tells the last drop: its value is the commit's number. */
#define FPTC__DROPPED_KEY "dropped"

struct fptc__tables; /* opaque: statement cache and names */

struct fptc__tables_options {
    sqlite3 *db;
    const char *base;  /* schema that holds a snapshot, NULL if there is none */
    const char *delta; /* schema that is written; equal to base: in place */
    uint64_t dropped;  /* without a base: the drop that the state begins with; 0: none */
    int64_t dropped_asof_ms;
    /* Told of every row of base that delta now replaces or deletes. May be NULL. */
    void (*replaced)(void *ctx, const char *type, int64_t id);
    /* Told when delta gets its first table of a type, or a column more. May be NULL. */
    void (*reshaped)(void *ctx, const char *type);
    void *ctx;
};

/* Makes the _fptc_ tables in delta where they are not there, and copies the small ones from base. */
fptc_status fptc__tables_open(const struct fptc__tables_options *options, const char *partition,
                              struct fptc__tables **out, fptc_error *err);
void fptc__tables_close(struct fptc__tables *t);
/*
 * Applies one commit, all or nothing. FPTC_EFORMAT for kinds this version does not know. FPTC_MISS, with
 * FPTC_EDAMAGED and the record in err, when its content makes no sense to any reader: a log makes a hole
 * of it. FPTC_EDAMAGED itself means that the base is damaged; the message names the file.
 */
fptc_status fptc__tables_apply(struct fptc__tables *t, const struct fptc__commit *commit,
                               fptc_error *err);
/* Commit `number` is a hole: what was known completely before it is so no more. Within the caller's
   transaction, if any. */
fptc_status fptc__tables_hole(struct fptc__tables *t, uint64_t number, fptc_error *err);
/* Number of the last commit that the tables hold. A commit up to it is already in them: applying it
   again does nothing. */
uint64_t fptc__tables_upto(const struct fptc__tables *t);

/*
 * Opens ':memory:' for attaching snapshots and for an overlay: defensive, untrusted schemas, no
 * triggers, no extensions, no mmap, URIs on, extended result codes. SQLite takes no lock of its own
 * (NOMUTEX): one thread at a time may use it. It knows the function fptc_fold(text) (base/fold.h).
 * fptc__sql_open: the same for a file (SQLITE_OPEN_ flags; vfs NULL: the default one).
 */
fptc_status fptc__sql_open_memory(sqlite3 **out, fptc_error *err);
fptc_status fptc__sql_open(const char *path, int flags, const char *vfs, sqlite3 **out,
                           fptc_error *err);
fptc_status fptc__sql_harden(sqlite3 *db, fptc_error *err);
/* Runs SQL without parameters on db; the message names the SQL's first words on failure. */
fptc_status fptc__sql_run(sqlite3 *db, const char *sql, fptc_error *err);
/* Takes back what was done since SAVEPOINT `savepoint`, which began the transaction if is_outermost
   (sqlite3_get_autocommit() before it). Plain ROLLBACK then: RELEASE reads, and a page that cannot be read
   would keep the transaction open. Harmless when SQLite has rolled back already. */
void fptc__sql_undo(sqlite3 *db, const char *savepoint, int is_outermost);
/* FPTC status and message of db's last error, `what` in front. When a snapshot is to blame (damage, I/O)
   the message names its file instead. */
fptc_status fptc__sql_fail(sqlite3 *db, const char *what, fptc_error *err);
/* Appends "name" quoted as an SQL identifier. */
void fptc__sql_quote(struct fptc__buf *out, const char *name);

#endif
