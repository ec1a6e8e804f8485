/*
 * table_index.c: the indexes of a type's table in an overlay, the same as the snapshot's below it: a
 * question then finds its rows in both the same way, and both in the order that it asks for.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"
#include "store/wish.h"

static int has_folds(const struct fptc__shape *shape, const struct fptc__wish *w)
{
    size_t i, at;

    for (i = 0; i < w->n; i++) {
        at = fptc__shape_find(shape, w->columns[i].field);
        if (fptc__wish_column_is_fold(&w->columns[i]) &&
            (at == shape->n_columns || !shape->columns[at].has_fold[FPTC__DELTA]))
            return 0;
    }
    return 1;
}

static fptc_status run(struct fptc__tables *t, struct fptc__buf *sql, fptc_error *err)
{
    fptc_status status = fptc__buf_check(sql, "SQL text", err);

    if (status == FPTC_OK)
        status = fptc__sql_run(t->db, sql->data, err);
    fptc__buf_done(sql);
    return status;
}

static fptc_status make(struct fptc__tables *t, const struct fptc__shape *shape, const char *text,
                        fptc_error *err)
{
    struct fptc__buf sql;
    struct fptc__wish wish;

    if (!fptc__wish_parse(text, &wish) ||
        !fptc__wish_fits(&wish, t->db, t->schema[FPTC__DELTA], shape->type) ||
        !has_folds(shape, &wish))
        return FPTC_OK;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__wish_sql(&wish, t->schema[FPTC__DELTA], shape->type, text, &sql);
    return run(t, &sql, err);
}

/* The wishes that have an index, one text each line; a list that grows would move under its reader. */
static fptc_status list(struct fptc__tables *t, const struct fptc__shape *shape,
                        struct fptc__buf *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__INDEX_LIST, &stmt, err);
    int code = SQLITE_DONE;

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        fptc__buf_adds(out, text ? text : "");
        fptc__buf_addc(out, '\n');
    }
    if (code != SQLITE_DONE)
        status = fptc__sql_fail(t->db, "reading _fptc_index", err);
    (void)sqlite3_reset(stmt);
    return status == FPTC_OK ? fptc__buf_check(out, "_fptc_index", err) : status;
}

typedef fptc_status (*each_fn)(struct fptc__tables *t, const struct fptc__shape *shape,
                               const char *text, fptc_error *err);

static fptc_status each(struct fptc__tables *t, const struct fptc__shape *shape, each_fn fn,
                        fptc_error *err)
{
    struct fptc__buf texts;
    fptc_status status;
    char *at, *end;

    fptc__buf_init(&texts, FPTC_RECORD_BYTES_MAX);
    status = list(t, shape, &texts, err);
    for (at = texts.data; status == FPTC_OK && at && *at != '\0'; at = end + 1) {
        end = strchr(at, '\n');
        *end = '\0';
        status = fn(t, shape, at, err);
    }
    fptc__buf_done(&texts);
    return status;
}

fptc_status fptc__shape_indexes(struct fptc__tables *t, const struct fptc__shape *shape,
                                fptc_error *err)
{
    return shape->is_there[FPTC__BELOW] ? each(t, shape, make, err) : FPTC_OK;
}

static fptc_status drop(struct fptc__tables *t, const struct fptc__shape *shape, const char *text,
                        fptc_error *err)
{
    struct fptc__buf sql, name;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_init(&name, FPTC_PATH_MAX);
    fptc__wish_index_name(shape->type, text, &name);
    fptc__buf_adds(&sql, "DROP INDEX IF EXISTS ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(&sql, '.');
    fptc__sql_quote(&sql, fptc__buf_text(&name));
    fptc__buf_done(&name);
    return run(t, &sql, err);
}

fptc_status fptc__shape_no_indexes(struct fptc__tables *t, const struct fptc__shape *shape,
                                   fptc_error *err)
{
    char *sql = sqlite3_mprintf("DELETE FROM \"%w\"._fptc_index WHERE type=%Q",
                                t->schema[FPTC__DELTA], shape->type);
    fptc_status status = sql ? each(t, shape, drop, err) : fptc__fail_nomem(err);

    if (status == FPTC_OK)
        status = fptc__sql_run(t->db, sql, err);
    sqlite3_free(sql);
    return status;
}
