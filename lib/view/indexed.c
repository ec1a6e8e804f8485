/*
 * indexed.c: what the snapshots are indexed by (store/indexes.h), and texts that they keep folded.
 *
 * A plan compares fptc_fold(t0."code"). Where a snapshot of the view keeps that field folded, the
 * statement reads t0."_fptc_fold_code" instead, which an index may be on. The views that shape.c makes
 * have that column for every table with the field, whatever type t0 is: computed where it is not kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/wish.h"
#include "view/connection.h"
#include "view/lookup.h"

#define CALL "fptc_fold(t"

static int has_index_table(const struct fptc__view_part *part)
{
    return part->has_base &&
           sqlite3_table_column_metadata(part->view->db, part->base_schema, "_fptc_index", NULL,
                                         NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static fptc_status list_statement(struct fptc__view_part *part, sqlite3_stmt **out, fptc_error *err)
{
    char *sql = sqlite3_mprintf("SELECT type, wish, name, uses, bytes, is_fixed FROM %s._fptc_index"
                                " ORDER BY type, name",
                                part->base_schema);
    fptc_status status = FPTC_OK;

    *out = NULL;
    if (sql == NULL)
        return fptc__fail_nomem(err);
    if (sqlite3_prepare_v2(part->view->db, sql, -1, out, NULL) != SQLITE_OK)
        status = fptc__view_fail(part->view, "reading the list of indexes", err);
    sqlite3_free(sql);
    return status;
}

/* ------------------------------------------------------------------------------------ folded columns */

static int has_field(const struct fptc__view_part *part, const char *field, size_t len)
{
    size_t i;

    for (i = 0; i < part->n_folds; i++) {
        if (strlen(part->folds[i]) == len && strncmp(part->folds[i], field, len) == 0)
            return 1;
    }
    return 0;
}

int fptc__view_keeps_folded(const struct fptc__view *v, const char *field, size_t len)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (has_field(&v->parts[i], field, len))
            return 1;
    }
    return 0;
}

static fptc_status add_field(struct fptc__view_part *part, const char *field, fptc_error *err)
{
    char **more;

    if (has_field(part, field, strlen(field)))
        return FPTC_OK;
    more = realloc(part->folds, (part->n_folds + 1) * sizeof(*more));
    if (more == NULL)
        return fptc__fail_nomem(err);
    part->folds = more;
    more[part->n_folds] = strdup(field);
    if (more[part->n_folds] == NULL)
        return fptc__fail_nomem(err);
    part->n_folds++;
    return FPTC_OK;
}

void fptc__view_folds_forget(struct fptc__view_part *part)
{
    while (part->n_folds > 0)
        free(part->folds[--part->n_folds]);
    free(part->folds);
    part->folds = NULL;
}

static fptc_status add_wish(struct fptc__view_part *part, const char *text, fptc_error *err)
{
    struct fptc__wish wish;
    fptc_status status = FPTC_OK;
    size_t i;

    if (text == NULL || !fptc__wish_parse(text, &wish))
        return FPTC_OK;
    for (i = 0; i < wish.n && status == FPTC_OK; i++) {
        if (fptc__wish_column_is_fold(&wish.columns[i]))
            status = add_field(part, wish.columns[i].field, err);
    }
    return status;
}

fptc_status fptc__view_folds_load(struct fptc__view_part *part, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;
    int rc = SQLITE_DONE;

    fptc__view_folds_forget(part);
    if (!has_index_table(part))
        return FPTC_OK;
    status = list_statement(part, &stmt, err);
    while (status == FPTC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        status = add_wish(part, (const char *)sqlite3_column_text(stmt, 1), err);
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(part->view, "reading the list of indexes", err);
    sqlite3_finalize(stmt);
    return status;
}

/* At `fptc_fold(t<n>."<field>")` of a field that is kept folded: the length of the call; else 0. */
static size_t call_at(const struct fptc__view *v, const char *sql, size_t *alias_len,
                      const char **field, size_t *field_len)
{
    const char *at = sql + sizeof(CALL) - 1, *end;

    if (strncmp(sql, CALL, sizeof(CALL) - 1) != 0)
        return 0;
    *alias_len = 1 + strspn(at, "0123456789");
    at += *alias_len - 1;
    if (at[0] != '.' || at[1] != '"')
        return 0;
    *field = at + 2;
    end = strchr(*field, '"');
    if (end == NULL || end[1] != ')')
        return 0;
    *field_len = (size_t)(end - *field);
    return fptc__view_keeps_folded(v, *field, *field_len) ? (size_t)(end + 2 - sql) : 0;
}

void fptc__view_folded_sql(const struct fptc__view *v, const char *sql, struct fptc__buf *out)
{
    const char *next, *field = NULL;
    size_t n, alias_len = 0, field_len = 0;

    while ((next = strstr(sql, CALL)) != NULL) {
        fptc__buf_add(out, sql, (size_t)(next - sql));
        n = call_at(v, next, &alias_len, &field, &field_len);
        if (n > 0) {
            fptc__buf_add(out, next + sizeof(CALL) - 2, alias_len);
            fptc__buf_adds(out, ".\"" FPTC__FOLD_COLUMN);
            fptc__buf_add(out, field, field_len);
            fptc__buf_addc(out, '"');
        } else {
            n = sizeof(CALL) - 1;
            fptc__buf_add(out, next, n);
        }
        sql = next + n;
    }
    fptc__buf_adds(out, sql);
}

/* ---------------------------------------------------------------------------------- what status says */

fptc_status fptc__view_indexes(struct fptc__view *v, enum fptc__part part, fptc__json **out,
                               fptc_error *err)
{
    struct fptc__view_part *p = fptc__view_at(v, part);
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;
    int ok, rc = SQLITE_DONE;

    *out = fptc__json_new_array();
    if (has_index_table(p))
        status = list_statement(p, &stmt, err);
    while (stmt != NULL && status == FPTC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        fptc__json *entry = fptc__json_new_object();
        const char *type = (const char *)sqlite3_column_text(stmt, 0);
        const char *wish = (const char *)sqlite3_column_text(stmt, 1);
        const char *name = (const char *)sqlite3_column_text(stmt, 2);

        ok = fptc__json_set(entry, "type", fptc__json_new_text(type ? type : ""));
        ok = fptc__json_set(entry, "by", fptc__json_new_text(wish ? wish : "")) && ok;
        ok = fptc__json_set(entry, "name", fptc__json_new_text(name ? name : "")) && ok;
        ok = fptc__json_set(entry, "uses", fptc__json_new_int(sqlite3_column_int64(stmt, 3))) && ok;
        ok =
            fptc__json_set(entry, "bytes", fptc__json_new_int(sqlite3_column_int64(stmt, 4))) && ok;
        if (!fptc__json_append(*out, entry) || !ok)
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, "reading the list of indexes", err);
    sqlite3_finalize(stmt);
    return status;
}
