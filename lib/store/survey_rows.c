/* survey_rows.c: whether a snapshot says what the one before it and the commits between say. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "store/rebuild.h"
#include "store/snapshot.h"
#include "store/survey.h"
#include "store/tables.h"

/* Tables of types, of their lists, and those _fptc_ tables that follow from the log alone: answers are
   dropped when they are old, counts of what was asked are halved, indexes are chosen. */
#define TABLES                                                                                     \
    "SELECT name FROM base.sqlite_schema WHERE type='table' UNION"                                 \
    " SELECT name FROM main.sqlite_schema WHERE type='table'"                                      \
    " EXCEPT VALUES('_fptc_format'),('_fptc_field'),('_fptc_fieldset'),('_fptc_query'),"           \
    "('_fptc_usage'),('_fptc_index'),('_fptc_touched'),('sqlite_stat1'),('sqlite_stat4'),"         \
    "('sqlite_sequence')"
/* Numbers of field sets are each file's own; folded texts are there for indexes only. */
#define COLUMNS                                                                                    \
    "SELECT group_concat('\"' || name || '\"') FROM pragma_table_info(%Q, 'base')"                 \
    " WHERE name NOT IN ('_fptc_fieldset', 'fieldset') AND name NOT GLOB '_fptc_fold_*'"
#define DIFFERENCE                                                                                 \
    "SELECT (SELECT count(*) FROM (SELECT %s FROM base.\"%w\" EXCEPT SELECT %s FROM main.\"%w\"))" \
    " + (SELECT count(*) FROM (SELECT %s FROM main.\"%w\" EXCEPT SELECT %s FROM base.\"%w\"))"

/* Its first value as text, or NULL; *out_stmt is the caller's to finalize. */
static const char *first(sqlite3 *db, const char *sql, sqlite3_stmt **out_stmt)
{
    *out_stmt = NULL;
    if (!sql || sqlite3_prepare_v2(db, sql, -1, out_stmt, NULL) != SQLITE_OK ||
        sqlite3_step(*out_stmt) != SQLITE_ROW)
        return NULL;
    return (const char *)sqlite3_column_text(*out_stmt, 0);
}

/* The time of a drop is the drop's own or its base's, whichever was read. */
#define DROPPED                                                                                    \
    "UPDATE main._fptc_config SET asof = coalesce((SELECT asof FROM base._fptc_config"             \
    " WHERE key='" FPTC__DROPPED_KEY "'), asof) WHERE key='" FPTC__DROPPED_KEY "'"

/* Rows of the table that only one side has; -1 when a side lacks the table or a column of it. */
static int64_t count_differences(sqlite3 *db, const char *table)
{
    sqlite3_stmt *columns_stmt, *stmt = NULL;
    char *sql = sqlite3_mprintf(COLUMNS, table), *difference = NULL;
    const char *columns = first(db, sql, &columns_stmt);
    int64_t n = -1;

    if (columns)
        difference = sqlite3_mprintf(DIFFERENCE, columns, table, columns, table, columns, table,
                                     columns, table);
    if (difference && first(db, difference, &stmt))
        n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_finalize(columns_stmt);
    sqlite3_free(difference);
    sqlite3_free(sql);
    return n;
}

/* No base with that snapshot is sound. */
static void condemn(struct fptc__survey *s, const char *snapshot)
{
    size_t i;

    for (i = 0; i < s->n_bases; i++) {
        if (strcmp(s->bases[i].manifest.snapshot, snapshot) == 0)
            s->bases[i].condition = FPTC__BROKEN;
    }
}

static fptc_status compare(struct fptc__survey *s, sqlite3 *db, const char *path,
                           const struct fptc__survey_base *newer, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    if (sqlite3_prepare_v2(db, TABLES, -1, &stmt, NULL) != SQLITE_OK)
        return fptc__sql_fail(db, "listing the tables of a snapshot", err);
    while (status == FPTC_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(stmt, 0);
        int64_t n = table ? count_differences(db, table) : -1;

        status = fptc__call_check(s->call, "comparing rows", err);
        if (status != FPTC_OK || n == 0)
            continue;
        condemn(s, newer->manifest.snapshot);
        fptc__survey_tell(s, path, "differs", FPTC__NEXT_REPAIR,
                          "table %.80s is not what base and commits before it say (%" PRId64
                          " rows differ)",
                          table ? table : "?", n);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* Whether every commit between is there and sound: else there is nothing to compare with. */
static int is_whole(const struct fptc__survey *s, uint64_t from, uint64_t to)
{
    for (; from < to; from++) {
        const struct fptc__survey_commit *c = fptc__survey_find(s, from + 1);

        if (!c || c->condition != FPTC__SOUND || c->breaks_chain)
            return 0;
    }
    return 1;
}

fptc_status fptc__survey_rows(struct fptc__survey *s, const struct fptc__survey_base *older,
                              const struct fptc__survey_base *newer, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__rebuild r;
    fptc_status status = fptc__path(path, err, "%s/files/%s", s->p->dir, newer->manifest.snapshot);

    if (status != FPTC_OK || !newer->manifest.snapshot[0] ||
        newer->manifest.snapshot_upto <= older->manifest.snapshot_upto ||
        !is_whole(s, older->manifest.upto, newer->manifest.snapshot_upto))
        return status;
    status = fptc__rebuild_begin(&r, s->p, s->call, &older->manifest, err);
    if (status == FPTC_OK)
        status = fptc__rebuild_apply(&r, newer->manifest.snapshot_upto, err);
    if (status == FPTC_OK)
        status = fptc__rebuild_close_tables(&r, err);
    if (status == FPTC_OK && r.skipped == 0)
        status = fptc__snapshot_attach(s->p, &newer->manifest, r.db, "base", err);
    if (status == FPTC_OK && r.skipped == 0)
        status = fptc__sql_run(r.db, DROPPED, err);
    if (status == FPTC_OK && r.skipped == 0)
        status = compare(s, r.db, path, newer, err);
    fptc__rebuild_done(&r);
    /* Retired or deleted meanwhile: others have newer bases. */
    return status == FPTC_MISS || status == FPTC_EDAMAGED ? FPTC_OK : status;
}
