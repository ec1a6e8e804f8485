/*
 * changes.c: whole rows: one by id, and a type's changes in version-key order with its tombstones, a
 * page at a time (design §5). A tombstone of the snapshot is hidden once the overlay has the row or a
 * newer tombstone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

/* Every stored field of a type as plan columns, and the SELECT of one row by id. */
struct all_columns {
    struct fptc__column *list;
    size_t n;
    struct fptc__buf sql;
};

static void all_columns_done(struct all_columns *all)
{
    size_t i;

    for (i = 0; i < all->n; i++) {
        free(all->list[i].name);
        free(all->list[i].links_sql);
    }
    free(all->list);
    fptc__buf_done(&all->sql);
}

static void add_quoted(struct fptc__buf *sql, const char *field, const char *suffix)
{
    fptc__buf_addf(sql, ", \"%s%s\"", field, suffix);
}

/* Field names were checked by fptc__is_name when their columns were made. */
static fptc_status add_column(struct all_columns *all, const char *type, const char *field,
                              const char *data_type, fptc_error *err)
{
    struct fptc__column *list = realloc(all->list, (all->n + 1) * sizeof(*list));
    struct fptc__column *column;
    struct fptc__buf links;

    if (list == NULL)
        return fptc__fail_nomem(err);
    all->list = list;
    column = &list[all->n++];
    memset(column, 0, sizeof(*column));
    column->name = strdup(field);
    column->class_of = fptc__class_of_field(field, data_type);
    if (column->class_of == FPTC__LINK) {
        add_quoted(&all->sql, field, "__type");
        add_quoted(&all->sql, field, "__id");
    } else if (column->class_of == FPTC__LINKS) {
        fptc__buf_adds(&all->sql, ", id");
        fptc__buf_init(&links, 4096);
        fptc__buf_addf(&links,
                       "SELECT link_type, link_id FROM \"%s__%s\" WHERE id = ?1 ORDER BY pos", type,
                       field);
        column->links_sql = fptc__buf_steal(&links);
        if (column->links_sql == NULL)
            return fptc__fail_nomem(err);
    } else {
        add_quoted(&all->sql, field, "");
    }
    return column->name == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

static fptc_status all_columns_of(struct fptc__view *v, struct fptc__view_part *part,
                                  const char *type, struct all_columns *all, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    char sql[160];
    fptc_status status;
    int rc = SQLITE_DONE;

    fptc__buf_adds(&all->sql, "SELECT id, _fptc_version");
    sqlite3_snprintf((int)sizeof(sql), sql,
                     "SELECT field, data_type FROM %s._fptc_field WHERE type = ?1 ORDER BY field",
                     part->delta_schema);
    status = fptc__view_prepare(v, sql, &stmt, err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    while (status == FPTC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        status = add_column(all, type, (const char *)sqlite3_column_text(stmt, 0),
                            (const char *)sqlite3_column_text(stmt, 1), err);
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, type, err);
    sqlite3_reset(stmt);
    fptc__buf_adds(&all->sql, " FROM ");
    fptc__sql_quote(&all->sql, type);
    fptc__buf_adds(&all->sql, " WHERE id = ?1");
    return status == FPTC_OK ? fptc__buf_check(&all->sql, type, err) : status;
}

static fptc_status start(struct fptc__view *v, struct fptc__view_part *part, const char *type,
                         struct all_columns *all, struct fptc__rows *out, fptc_error *err)
{
    fptc_status status = fptc__shape_type(v, part, type, err);

    if (status == FPTC_OK)
        status = all_columns_of(v, part, type, all, err);
    if (status == FPTC_OK && out->type == NULL)
        status = fptc__run_rows(type, all->list, all->n, out, err);
    return status;
}

static fptc_status run_all(struct fptc__view *v, const struct all_columns *all, int64_t id,
                           struct fptc__rows *out, fptc_error *err)
{
    const struct fptc__by_id q = {fptc__buf_text(&all->sql), all->list, all->n};

    return fptc__run_by_id(v, &q, id, out, err);
}

fptc_status fptc__view_row(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id,
                           struct fptc__rows *out, fptc_error *err)
{
    struct all_columns all = {NULL, 0, {0}};
    fptc_status status;

    fptc__buf_init(&all.sql, FPTC_RECORD_BYTES_MAX);
    status = start(v, fptc__view_at(v, part), type, &all, out, err);
    if (status == FPTC_OK)
        status = run_all(v, &all, id, out, err);
    all_columns_done(&all);
    return status;
}

/* SQL of (id, version, is_gone, moved_to) of a type after ?1 in version order, ?2 of them; type is ?3. */
static void changes_sql(struct fptc__view_part *part, const char *type, struct fptc__buf *sql)
{
    const char *delta = part->delta_schema;
    int overlay_has_type = fptc__shape_has_table(part->view, delta, type);

    fptc__buf_adds(sql, "SELECT id, _fptc_version AS at, 0, NULL FROM ");
    fptc__sql_quote(sql, type);
    fptc__buf_addf(sql,
                   " WHERE at > ?1 UNION ALL SELECT id, version, 1, moved_to "
                   "FROM %s._fptc_gone WHERE type = ?3 AND version > ?1",
                   delta);
    if (part->has_base) {
        fptc__buf_addf(sql,
                       " UNION ALL SELECT b.id, b.version, 1, b.moved_to FROM %s._fptc_gone b "
                       "WHERE b.type = ?3 AND b.version > ?1 AND NOT EXISTS (SELECT 1 FROM "
                       "%s._fptc_gone d WHERE d.type = b.type AND d.id = b.id)",
                       part->base_schema, delta);
        if (overlay_has_type) {
            fptc__buf_addf(sql, " AND NOT EXISTS (SELECT 1 FROM %s.", delta);
            fptc__sql_quote(sql, type);
            fptc__buf_adds(sql, " d WHERE d.id = b.id)");
        }
    }
    fptc__buf_adds(sql, " ORDER BY 2 LIMIT ?2");
}

struct change {
    int64_t id, version;
    int is_gone;
    char moved_to[64];
};

static fptc_status list_changes(struct fptc__view *v, struct fptc__view_part *part,
                                const char *type, const int64_t range[2], struct change *list,
                                size_t *n, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    struct fptc__buf sql;
    fptc_status status;
    int rc = SQLITE_DONE;

    *n = 0;
    fptc__buf_init(&sql, 65536);
    changes_sql(part, type, &sql);
    status = fptc__view_prepare(v, fptc__buf_text(&sql), &stmt, err);
    fptc__buf_done(&sql);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_int64(stmt, 1, range[0]);
    sqlite3_bind_int64(stmt, 2, range[1]);
    sqlite3_bind_text(stmt, 3, type, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct change *c = &list[(*n)++];
        const char *moved_to = (const char *)sqlite3_column_text(stmt, 3);

        c->id = sqlite3_column_int64(stmt, 0);
        c->version = sqlite3_column_int64(stmt, 1);
        c->is_gone = sqlite3_column_int(stmt, 2);
        sqlite3_snprintf((int)sizeof(c->moved_to), c->moved_to, "%s",
                         moved_to == NULL ? "" : moved_to);
    }
    if (rc != SQLITE_DONE)
        status = fptc__view_fail(v, type, err);
    sqlite3_reset(stmt);
    return status;
}

static fptc_status add_change(struct fptc__view *v, const struct all_columns *all,
                              const struct change *c, struct fptc__rows *out, fptc_error *err)
{
    struct fptc__row *row;

    if (!c->is_gone)
        return run_all(v, all, c->id, out, err);
    row = fptc__rows_add(out, c->id);
    if (row == NULL)
        return fptc__fail_nomem(err);
    row->version = c->version;
    row->change = c->moved_to[0] == '\0' ? FPTC_CHANGE_GONE : FPTC_CHANGE_MOVED;
    if (c->moved_to[0] != '\0')
        row->moved_to = fptc__rows_text(out, c->moved_to, strlen(c->moved_to));
    return FPTC_OK;
}

fptc_status fptc__view_changes(struct fptc__view *v, enum fptc__part part, const char *type,
                               int64_t since, int64_t limit, struct fptc__rows *out,
                               fptc_error *err)
{
    struct fptc__view_part *at = fptc__view_at(v, part);
    struct all_columns all = {NULL, 0, {0}};
    const int64_t range[2] = {since, limit};
    struct change *list = calloc((size_t)limit, sizeof(*list));
    size_t n = 0, i;
    fptc_status status;

    if (list == NULL)
        return fptc__fail_nomem(err);
    fptc__buf_init(&all.sql, FPTC_RECORD_BYTES_MAX);
    status = start(v, at, type, &all, out, err);
    if (status == FPTC_OK)
        status = list_changes(v, at, type, range, list, &n, err);
    for (i = 0; i < n && status == FPTC_OK; i++)
        status = add_change(v, &all, &list[i], out, err);
    free(list);
    all_columns_done(&all);
    return status;
}
