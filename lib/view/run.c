/*
 * run.c: steps a compiled query and copies its rows out as typed cells. Link names come from every
 * observation (fptc__view_name); a link to a retired entity reads as null or drops out (A§1.6).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

int fptc__run_bind(sqlite3_stmt *stmt, const struct fptc__param *params, size_t n, int copies)
{
    size_t i;
    int rc = SQLITE_OK;

    for (i = 0; i < n; i++) {
        const struct fptc__param *p = &params[i];
        int at = (int)i + 1;

        switch (p->kind) {
        case FPTC__PARAM_INT:
            sqlite3_bind_int64(stmt, at, p->i);
            break;
        case FPTC__PARAM_REAL:
            sqlite3_bind_double(stmt, at, p->d);
            break;
        case FPTC__PARAM_TEXT:
            rc |=
                sqlite3_bind_text(stmt, at, p->text, -1, copies ? SQLITE_TRANSIENT : SQLITE_STATIC);
            break;
        case FPTC__PARAM_NULL:
        default:
            sqlite3_bind_null(stmt, at);
            break;
        }
    }
    return rc == SQLITE_OK;
}

/* One link as SQLite gives it: 1 if it shows, 0 if it is null or its target is retired. */
static int read_link(struct fptc__view *v, struct fptc__rows *rows, sqlite3_stmt *stmt, int at,
                     struct fptc__link *out)
{
    const char *type = (const char *)sqlite3_column_text(stmt, at);
    const char *name = NULL;
    int is_gone = 0;

    if (type == NULL || sqlite3_column_type(stmt, at + 1) == SQLITE_NULL)
        return 0;
    out->type = fptc__rows_text(rows, type, strlen(type));
    out->id = sqlite3_column_int64(stmt, at + 1);
    (void)fptc__view_name(v, type, out->id, &name, &is_gone);
    out->name = name == NULL ? NULL : fptc__rows_text(rows, name, strlen(name));
    return !is_gone && out->type != NULL;
}

static void set_link(struct fptc__view *v, struct fptc__rows *rows, sqlite3_stmt *stmt, int at,
                     struct fptc__cell *cell)
{
    struct fptc__link *link = fptc__rows_links(rows, 1);

    if (link == NULL || !read_link(v, rows, stmt, at, link))
        return;
    cell->kind = FPTC_KIND_LINK;
    cell->links = link;
    cell->i = 1;
}

/* Room for one more link; the old array stays behind in the arena. */
static struct fptc__link *grow_links(struct fptc__rows *rows, struct fptc__link *links, size_t n,
                                     size_t *cap)
{
    struct fptc__link *bigger;

    if (n < *cap)
        return links;
    bigger = fptc__rows_links(rows, *cap == 0 ? 8 : *cap * 2);
    if (bigger != NULL && n > 0)
        memcpy(bigger, links, n * sizeof(*links));
    *cap = *cap == 0 ? 8 : *cap * 2;
    return bigger;
}

/* The list that row `owner` holds. */
static fptc_status set_links(struct fptc__view *v, struct fptc__rows *rows, const char *sql,
                             int64_t owner, struct fptc__cell *cell, fptc_error *err)
{
    struct fptc__link *links = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t n = 0, cap = 0;
    fptc_status status = fptc__view_prepare(v, sql, &stmt, err);
    int rc;

    if (status != FPTC_OK)
        return status;
    sqlite3_bind_int64(stmt, 1, owner);
    rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW && status == FPTC_OK) {
        links = grow_links(rows, links, n, &cap);
        if (links == NULL)
            status = fptc__fail_nomem(err);
        else
            n += (size_t)read_link(v, rows, stmt, 0, &links[n]);
        rc = sqlite3_step(stmt);
    }
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, "reading links", err);
    sqlite3_reset(stmt);
    cell->kind = FPTC_KIND_LINKS;
    cell->links = links;
    cell->i = (int64_t)n;
    return status;
}

static void set_text(struct fptc__rows *rows, sqlite3_stmt *stmt, int at, int32_t kind,
                     struct fptc__cell *cell)
{
    cell->text = fptc__rows_text(rows, (const char *)sqlite3_column_text(stmt, at),
                                 (size_t)sqlite3_column_bytes(stmt, at));
    if (cell->text != NULL)
        cell->kind = kind;
}

static fptc_status set_cell(struct fptc__view *v, struct fptc__rows *rows, sqlite3_stmt *stmt,
                            const struct fptc__column *column, int at, struct fptc__cell *cell,
                            fptc_error *err)
{
    cell->kind = FPTC_KIND_NULL;
    if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
        return FPTC_OK;
    switch (column->class_of) {
    case FPTC__INTEGER:
    case FPTC__BOOL:
        cell->kind = column->class_of == FPTC__BOOL ? FPTC_KIND_BOOL : FPTC_KIND_INT;
        cell->i = sqlite3_column_int64(stmt, at);
        cell->d = (double)cell->i;
        break;
    case FPTC__REAL:
        cell->kind = FPTC_KIND_FLOAT;
        cell->d = sqlite3_column_double(stmt, at);
        break;
    case FPTC__LINK:
        set_link(v, rows, stmt, at, cell);
        break;
    case FPTC__LINKS:
        return set_links(v, rows, column->links_sql, sqlite3_column_int64(stmt, at), cell, err);
    case FPTC__JSON:
        set_text(rows, stmt, at, FPTC_KIND_JSON, cell);
        if (cell->text != NULL && cell->text[0] == '"')
            return fptc__rows_unquote(rows, cell, err);
        break;
    case FPTC__TEXT:
    case FPTC__NEVER:
    default:
        set_text(rows, stmt, at, FPTC_KIND_TEXT, cell);
        break;
    }
    return FPTC_OK;
}

fptc_status fptc__run_row(struct fptc__view *v, struct fptc__rows *rows, sqlite3_stmt *stmt,
                          const struct fptc__column *columns, size_t n, fptc_error *err)
{
    struct fptc__row *row = fptc__rows_add(rows, sqlite3_column_int64(stmt, 0));
    fptc_status status = FPTC_OK;
    size_t i;
    int at = 2;

    if (row == NULL)
        return fptc__fail_nomem(err);
    row->version = sqlite3_column_int64(stmt, 1);
    if (v->layer.is_shown && rows->type != NULL && fptc__view_is_pending(v, rows->type, row->id)) {
        row->is_pending = 1;
        row->version = 0; /* of no commit */
    }
    for (i = 0; i < n && status == FPTC_OK; i++) {
        status = set_cell(v, rows, stmt, &columns[i], at, &row->cells[i], err);
        at += columns[i].class_of == FPTC__LINK ? 2 : 1;
    }
    return rows->is_out_of_memory ? fptc__fail_nomem(err) : status;
}

/* The hidden columns behind the plan's, into the row that was added last. */
static fptc_status add_keys(struct fptc__rows *rows, sqlite3_stmt *stmt, size_t n, fptc_error *err)
{
    struct fptc__row *row = &rows->list[rows->n - 1];
    int at = sqlite3_column_count(stmt) - (int)n;
    size_t i;

    row->keys = fptc__rows_cells(rows, n);
    for (i = 0; i < n && row->keys != NULL; i++, at++) {
        struct fptc__cell *key = &row->keys[i];

        key->kind = FPTC_KIND_NULL;
        key->d = sqlite3_column_double(stmt, at);
        key->i = sqlite3_column_int64(stmt, at);
        if (sqlite3_column_type(stmt, at) == SQLITE_INTEGER)
            key->kind = FPTC_KIND_INT;
        else if (sqlite3_column_type(stmt, at) == SQLITE_FLOAT)
            key->kind = FPTC_KIND_FLOAT;
        else if (sqlite3_column_type(stmt, at) != SQLITE_NULL)
            set_text(rows, stmt, at, FPTC_KIND_TEXT, key);
    }
    return rows->is_out_of_memory ? fptc__fail_nomem(err) : FPTC_OK;
}

fptc_status fptc__run_shape(struct fptc__view *v, const struct fptc__plan *plan, fptc_error *err)
{
    size_t i;

    for (i = 0; i < plan->n_row_types; i++) {
        struct fptc__view_part *part = fptc__view_at(v, FPTC__HOME);
        fptc_status status = fptc__shape_type(v, part, plan->row_types[i], err);

        if (status == FPTC_MISS && v->n_parts > 1)
            status = fptc__shape_type(v, fptc__view_at(v, FPTC__SITE), plan->row_types[i], err);
        if (status == FPTC_MISS)
            return fptc__fail(err, FPTC_ENODATA, "the cache holds nothing of type %s in %s",
                              plan->row_types[i], v->parts[0].at.name);
        if (status != FPTC_OK)
            return status;
    }
    return FPTC_OK;
}

fptc_status fptc__view_no_rows(const struct fptc__plan *plan, struct fptc__rows *out,
                               fptc_error *err)
{
    return fptc__run_rows(plan->type, plan->columns, plan->n_columns, out, err);
}

fptc_status fptc__view_find(struct fptc__view *v, const struct fptc__plan *plan,
                            struct fptc__rows *out, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_DONE, n_faults = fptc__view_n_faults(v);
    fptc_status status = out->type == NULL ? fptc__view_no_rows(plan, out, err) : FPTC_OK;

    if (status == FPTC_OK)
        status = fptc__run_shape(v, plan, err);
    if (status == FPTC_OK)
        status = fptc__view_prepare(v, plan->sql, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)fptc__run_bind(stmt, plan->params, plan->n_params, 0);
    while (status == FPTC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        status = fptc__run_row(v, out, stmt, plan->columns, plan->n_columns, err);
        if (status == FPTC_OK && plan->n_sort > 0)
            status = add_keys(out, stmt, plan->n_sort, err);
    }
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, plan->type, err);
    sqlite3_reset(stmt);
    return fptc__view_check_faults(v, n_faults, status, err);
}

fptc_status fptc__run_by_id(struct fptc__view *v, const struct fptc__by_id *q, int64_t id,
                            struct fptc__rows *out, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc, n_faults = fptc__view_n_faults(v);
    fptc_status status = fptc__view_prepare(v, q->sql, &stmt, err);

    if (status != FPTC_OK)
        return status;
    sqlite3_bind_int64(stmt, 1, id);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        status = fptc__run_row(v, out, stmt, q->columns, q->n_columns, err);
    else
        status = rc == SQLITE_DONE ? FPTC_MISS : fptc__view_fail(v, out->type, err);
    sqlite3_reset(stmt);
    return fptc__view_check_faults(v, n_faults, status, err);
}

fptc_status fptc__run_rows(const char *type, const struct fptc__column *columns, size_t n,
                           struct fptc__rows *out, fptc_error *err)
{
    size_t i;

    if (fptc__rows_begin(out, type, n)) {
        for (i = 0; i < n; i++)
            fptc__rows_name(out, columns[i].name);
    }
    return fptc__rows_named(out, err);
}

fptc_status fptc__view_find_id(struct fptc__view *v, const struct fptc__plan *plan, int64_t id,
                               struct fptc__rows *out, fptc_error *err)
{
    const struct fptc__by_id by_id = {plan->sql_by_id, plan->columns, plan->n_columns};
    fptc_status status = FPTC_OK;

    if (out->type == NULL)
        status = fptc__view_no_rows(plan, out, err);
    if (status == FPTC_OK)
        status = fptc__run_shape(v, plan, err);
    if (status == FPTC_OK)
        status = fptc__run_by_id(v, &by_id, id, out, err);
    return status;
}
