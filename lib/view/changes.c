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
    struct fptc__buf sql; /* "SELECT id, _fptc_version, ..." without FROM */
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

fptc_status fptc__view_row(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id,
                           struct fptc__rows *out, fptc_error *err)
{
    struct all_columns all = {NULL, 0, {0}};
    fptc_status status;

    fptc__buf_init(&all.sql, FPTC_RECORD_BYTES_MAX);
    status = start(v, fptc__view_at(v, part), type, &all, out, err);
    if (status == FPTC_OK) {
        fptc__buf_adds(&all.sql, " FROM ");
        fptc__sql_quote(&all.sql, type);
        fptc__buf_adds(&all.sql, " WHERE id = ?1");
        status = fptc__buf_check(&all.sql, type, err);
    }
    if (status == FPTC_OK) {
        const struct fptc__by_id q = {fptc__buf_text(&all.sql), all.list, all.n};

        status = fptc__run_by_id(v, &q, id, out, err);
    }
    all_columns_done(&all);
    return status;
}

/* --------------------------------------------------------------------------------- changes, in order */

/* Rows and tombstones of the snapshot and of the overlay: four lists, each in version-key order by an
   index, of which the least version is taken again and again. */
struct change_source {
    sqlite3_stmt *stmt;
    int is_on_row;
    int is_gone; /* tombstones: id, version, moved_to */
};

#define SOURCES_MAX 4

struct merge {
    struct fptc__view *view;
    struct fptc__view_part *part;
    const char *type;
    const struct all_columns *all;
    struct change_source sources[SOURCES_MAX];
    size_t n;
};

/* FPTC_MISS: that half has no rows of the type. */
static fptc_status put_rows_sql(const struct merge *m, enum fptc__half half, struct fptc__buf *sql,
                                fptc_error *err)
{
    fptc_status status;

    fptc__buf_adds(sql, fptc__buf_text(&m->all->sql));
    fptc__buf_adds(sql, " FROM (");
    status = fptc__shape_put_half(m->part, half, m->type, sql, err);
    fptc__buf_adds(sql, ") WHERE _fptc_version > ?1");
    if (half == FPTC__HALF_BASE)
        (void)fptc__shape_put_alive(m->part, m->type, " AND ", sql);
    fptc__buf_adds(sql, " ORDER BY _fptc_version");
    return status;
}

/* A tombstone of the snapshot is hidden once the overlay has the row or a newer tombstone. */
static void put_gone_sql(const struct merge *m, int is_delta, struct fptc__buf *sql)
{
    const char *delta = m->part->delta_schema;

    fptc__buf_addf(sql,
                   "SELECT id, version, moved_to FROM %s._fptc_gone AS g WHERE type = ?2 AND "
                   "version > ?1",
                   is_delta ? delta : m->part->base_schema);
    if (!is_delta) {
        fptc__buf_addf(sql,
                       " AND NOT EXISTS (SELECT 1 FROM %s._fptc_gone AS d WHERE d.type = g.type "
                       "AND d.id = g.id)",
                       delta);
        if (fptc__shape_has_table(m->view, delta, m->type)) {
            fptc__buf_addf(sql, " AND NOT EXISTS (SELECT 1 FROM %s.", delta);
            fptc__sql_quote(sql, m->type);
            fptc__buf_adds(sql, " AS d WHERE d.id = g.id)");
        }
    }
    fptc__buf_adds(sql, " ORDER BY version");
}

/* Steps to the source's next change. */
static fptc_status advance(struct merge *m, struct change_source *source, fptc_error *err)
{
    int rc = sqlite3_step(source->stmt);

    source->is_on_row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? FPTC_OK : fptc__view_fail(m->view, m->type, err);
}

/* Its own statement: those that the view keeps may be dropped while rows are read. */
static fptc_status open_source(struct merge *m, const char *sql, int is_gone, int64_t since,
                               fptc_error *err)
{
    struct change_source *source = &m->sources[m->n];

    if (sqlite3_prepare_v2(m->view->db, sql, -1, &source->stmt, NULL) != SQLITE_OK)
        return fptc__view_fail(m->view, m->type, err);
    m->n++;
    source->is_gone = is_gone;
    sqlite3_bind_int64(source->stmt, 1, since);
    if (is_gone)
        sqlite3_bind_text(source->stmt, 2, m->type, -1, SQLITE_STATIC);
    return advance(m, source, err);
}

static fptc_status add_source(struct merge *m, int is_delta, int is_gone, int64_t since,
                              fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status = FPTC_OK;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    if (is_gone)
        put_gone_sql(m, is_delta, &sql);
    else
        status = put_rows_sql(m, is_delta ? FPTC__HALF_OVERLAY : FPTC__HALF_BASE, &sql, err);
    if (status == FPTC_OK)
        status = fptc__buf_check(&sql, m->type, err);
    if (status == FPTC_OK)
        status = open_source(m, fptc__buf_text(&sql), is_gone, since, err);
    fptc__buf_done(&sql);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status open_sources(struct merge *m, int64_t since, fptc_error *err)
{
    int which = m->part->has_base ? 0 : 2;
    fptc_status status = FPTC_OK;

    for (; which < SOURCES_MAX && status == FPTC_OK; which++)
        status = add_source(m, which / 2, which % 2, since, err);
    return status;
}

static struct change_source *least(struct merge *m)
{
    struct change_source *found = NULL;
    size_t i;

    for (i = 0; i < m->n; i++) {
        struct change_source *source = &m->sources[i];

        if (source->is_on_row && (found == NULL || sqlite3_column_int64(source->stmt, 1) <
                                                       sqlite3_column_int64(found->stmt, 1)))
            found = source;
    }
    return found;
}

static fptc_status add_change(struct merge *m, const struct change_source *source,
                              struct fptc__rows *out, fptc_error *err)
{
    const char *moved_to;
    struct fptc__row *row;

    if (!source->is_gone)
        return fptc__run_row(m->view, out, source->stmt, m->all->list, m->all->n, err);
    row = fptc__rows_add(out, sqlite3_column_int64(source->stmt, 0));
    if (row == NULL)
        return fptc__fail_nomem(err);
    moved_to = (const char *)sqlite3_column_text(source->stmt, 2);
    row->version = sqlite3_column_int64(source->stmt, 1);
    row->change = moved_to == NULL ? FPTC_CHANGE_GONE : FPTC_CHANGE_MOVED;
    if (moved_to != NULL)
        row->moved_to = fptc__rows_text(out, moved_to, strlen(moved_to));
    return FPTC_OK;
}

static fptc_status read_changes(struct merge *m, int64_t since, int64_t limit,
                                struct fptc__rows *out, fptc_error *err)
{
    /* One transaction: without it each name that is looked up begins and ends one. */
    fptc_status status = fptc__sql_run(m->view->db, "BEGIN", err);
    struct change_source *source;
    size_t i;

    if (status != FPTC_OK)
        return status;
    status = open_sources(m, since, err);
    source = status == FPTC_OK ? least(m) : NULL;

    while (source != NULL && status == FPTC_OK && (int64_t)out->n < limit) {
        status = add_change(m, source, out, err);
        if (status == FPTC_OK)
            status = advance(m, source, err);
        source = least(m);
    }
    for (i = 0; i < m->n; i++)
        sqlite3_finalize(m->sources[i].stmt);
    if (fptc__sql_run(m->view->db, "COMMIT", NULL) != FPTC_OK)
        (void)fptc__sql_run(m->view->db, "ROLLBACK", NULL); /* what cannot be read keeps it open */
    return status;
}

fptc_status fptc__view_changes(struct fptc__view *v, enum fptc__part part, const char *type,
                               int64_t since, int64_t limit, struct fptc__rows *out,
                               fptc_error *err)
{
    struct all_columns all = {NULL, 0, {0}};
    struct merge m = {v, fptc__view_at(v, part), type, &all, {{NULL, 0, 0}}, 0};
    int n_faults = fptc__view_n_faults(v);
    fptc_status status;

    fptc__buf_init(&all.sql, FPTC_RECORD_BYTES_MAX);
    status = start(v, m.part, type, &all, out, err);
    if (status == FPTC_OK)
        status = read_changes(&m, since, limit, out, err);
    all_columns_done(&all);
    return fptc__view_check_faults(v, n_faults, status, err);
}
