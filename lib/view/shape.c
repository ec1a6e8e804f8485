/*
 * shape.c: the temporary views through which SQL sees a type: rows of the snapshot that the overlay
 * does not replace, then the overlay's (+2 to +9 % over the plain table, design §5). Where the overlay
 * has nothing of the type the view is the plain table, which SQLite flattens away.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/wish.h"
#include "view/connection.h"

/* Column names of schema.table, in order, appended with their quotes and commas removed; n 0: none. */
struct columns {
    char **names;
    size_t n;
};

static void columns_done(struct columns *c)
{
    size_t i;

    for (i = 0; i < c->n; i++)
        free(c->names[i]);
    free(c->names);
    c->names = NULL;
    c->n = 0;
}

static int columns_has(const struct columns *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->n; i++) {
        if (strcmp(c->names[i], name) == 0)
            return 1;
    }
    return 0;
}

static fptc_status columns_add(struct columns *c, const char *name, fptc_error *err)
{
    char **names = realloc(c->names, (c->n + 1) * sizeof(*names));

    if (names == NULL)
        return fptc__fail_nomem(err);
    c->names = names;
    names[c->n] = strdup(name);
    if (names[c->n] == NULL)
        return fptc__fail_nomem(err);
    c->n++;
    return FPTC_OK;
}

static fptc_status columns_read(struct fptc__view *v, const char *schema, const char *table,
                                struct columns *out, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status;
    int rc;

    status = fptc__view_prepare(v, "SELECT name FROM pragma_table_info(?1, ?2) ORDER BY cid", &stmt,
                                err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, schema, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && status == FPTC_OK)
        status = columns_add(out, (const char *)sqlite3_column_text(stmt, 0), err);
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, table, err);
    sqlite3_reset(stmt);
    return status;
}

int fptc__shape_has_table(struct fptc__view *v, const char *schema, const char *table)
{
    struct columns c = {NULL, 0};
    fptc_status status = columns_read(v, schema, table, &c, NULL);
    int has = status == FPTC_OK && c.n > 0;

    columns_done(&c);
    return has;
}

/* A text that is kept folded elsewhere is folded here: NULL unless the column is one of those. */
static const char *field_of_fold(const char *column, const struct columns *have)
{
    const char *field = column + sizeof(FPTC__FOLD_COLUMN) - 1;

    if (strncmp(column, FPTC__FOLD_COLUMN, sizeof(FPTC__FOLD_COLUMN) - 1) != 0 ||
        !columns_has(have, field))
        return NULL;
    return field;
}

/* As the column is declared where the table has it; "": without a type. */
static const char *declared_type(struct fptc__view_part *part, const char *table,
                                 const char *column)
{
    const char *schemas[3] = {part->has_base ? part->base_schema : NULL,
                              part->has_delta ? part->delta_schema : NULL,
                              part->pending != NULL ? part->pending_schema : NULL};
    const char *type = NULL;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (schemas[i] != NULL &&
            sqlite3_table_column_metadata(part->view->db, schemas[i], table, column, &type, NULL,
                                          NULL, NULL, NULL) == SQLITE_OK)
            return type == NULL ? "" : type;
    }
    return "";
}

/* With the type that it has elsewhere: SQLite looks into a view of several tables only if their columns are
   compared in the same way. */
static void add_missing(struct fptc__buf *sql, struct fptc__view_part *part, const char *table,
                        const char *column, const struct columns *have)
{
    const char *field = field_of_fold(column, have);
    int is_fold = strncmp(column, FPTC__FOLD_COLUMN, sizeof(FPTC__FOLD_COLUMN) - 1) == 0;
    const char *type = is_fold ? "TEXT" : declared_type(part, table, column);

    fptc__buf_adds(sql, type[0] != '\0' ? "CAST(" : "");
    fptc__buf_adds(sql, field != NULL ? "fptc_fold(" : "NULL");
    if (field != NULL)
        fptc__sql_quote(sql, field);
    fptc__buf_adds(sql, field != NULL ? ")" : "");
    if (type[0] != '\0')
        fptc__buf_addf(sql, " AS %s)", type);
    fptc__buf_adds(sql, " AS ");
}

/* "SELECT <all of wanted, NULL where have lacks one> FROM schema.table" */
static void add_select(struct fptc__buf *sql, struct fptc__view_part *part, const char *schema,
                       const char *table, const struct columns *wanted, const struct columns *have)
{
    size_t i;

    fptc__buf_adds(sql, "SELECT ");
    for (i = 0; i < wanted->n; i++) {
        if (i > 0)
            fptc__buf_adds(sql, ", ");
        if (!columns_has(have, wanted->names[i]))
            add_missing(sql, part, table, wanted->names[i], have);
        fptc__sql_quote(sql, wanted->names[i]);
    }
    fptc__buf_addf(sql, " FROM %s.", schema);
    fptc__sql_quote(sql, table);
}

struct shape {
    const char *type;  /* whose rows may be replaced */
    const char *table; /* the type, or a multi-entity field's table */
    struct columns base, delta, pending, all;
};

int fptc__shape_put_alive(struct fptc__view_part *part, const char *type, const char *before,
                          struct fptc__buf *sql)
{
    const struct fptc__idset *ids = fptc__view_replaced(part, type);
    size_t slot = 0;

    if (ids == NULL || (ids->n == 0 && !fptc__layer_has_type(part, type)))
        return 0;
    while (ids != &part->replaced[slot].ids)
        slot++;
    fptc__buf_addf(sql, "%sfptc_alive(%d, %d, id)", before, part == &part->view->parts[0] ? 0 : 1,
                   (int)slot);
    return 1;
}

static void put_call(struct fptc__view_part *part, const char *type, const char *before,
                     const char *after, struct fptc__buf *sql)
{
    fptc__buf_addf(sql, "%s(%d, %d%s", before, part == &part->view->parts[0] ? 0 : 1,
                   (int)(fptc__view_replaced_of(part, type) - part->replaced), after);
}

/* REPLACED only where something is. */
static void add_half(struct fptc__view_part *part, const struct shape *s, enum fptc__half half,
                     struct fptc__buf *sql)
{
    if (half == FPTC__HALF_PENDING) {
        add_select(sql, part, part->pending_schema, s->table, &s->all, &s->pending);
        fptc__buf_adds(sql, " WHERE fptc_pending()");
        return;
    }
    if (half == FPTC__HALF_OVERLAY) {
        add_select(sql, part, part->delta_schema, s->table, &s->all, &s->delta);
        if (fptc__layer_has_type(part, s->type))
            put_call(part, s->type, " WHERE fptc_settled", ", id)", sql);
        return;
    }
    add_select(sql, part, part->base_schema, s->table, &s->all, &s->base);
    if (half == FPTC__HALF_BASE)
        (void)fptc__shape_put_alive(part, s->type, " WHERE ", sql);
    else if (half == FPTC__HALF_REPLACED || half == FPTC__HALF_HIDDEN)
        put_call(part, s->type,
                 half == FPTC__HALF_HIDDEN
                     ? " WHERE id IN (SELECT value FROM json_each(fptc_hidden"
                     : " WHERE id IN (SELECT value FROM json_each(fptc_replaced",
                 ")))", sql);
}

static void begin_view(const char *name, struct fptc__buf *sql)
{
    fptc__buf_adds(sql, "CREATE TEMP VIEW ");
    fptc__sql_quote(sql, name);
    fptc__buf_adds(sql, " AS ");
}

static void shape_sql(struct fptc__view_part *part, const struct shape *s, struct fptc__buf *sql)
{
    begin_view(s->table, sql);
    if (s->base.n > 0)
        add_half(part, s, FPTC__HALF_BASE, sql);
    if (s->base.n > 0 && s->delta.n > 0)
        fptc__buf_adds(sql, " UNION ALL ");
    if (s->delta.n > 0)
        add_half(part, s, FPTC__HALF_OVERLAY, sql);
    if (s->pending.n == 0)
        return;
    fptc__buf_adds(sql, s->base.n > 0 || s->delta.n > 0 ? " UNION ALL " : "");
    add_half(part, s, FPTC__HALF_PENDING, sql);
}

int fptc__shape_is(const struct fptc__view *v, const char *name)
{
    size_t i;

    for (i = 0; i < v->n_shapes; i++) {
        if (strcmp(v->shapes[i], name) == 0)
            return 1;
    }
    return 0;
}

static fptc_status remember_shape(struct fptc__view *v, const char *name, fptc_error *err)
{
    struct columns shapes = {v->shapes, v->n_shapes};
    fptc_status status = columns_add(&shapes, name, err);

    v->shapes = shapes.names;
    v->n_shapes = shapes.n;
    return status;
}

void fptc__shape_forget(struct fptc__view *v)
{
    size_t i;

    for (i = 0; i < v->n_shapes; i++) {
        struct fptc__buf sql;

        fptc__buf_init(&sql, 4096);
        fptc__buf_adds(&sql, "DROP VIEW temp.");
        fptc__sql_quote(&sql, v->shapes[i]);
        (void)fptc__sql_run(v->db, fptc__buf_text(&sql), NULL);
        fptc__buf_done(&sql);
        free(v->shapes[i]);
    }
    free(v->shapes);
    v->shapes = NULL;
    v->n_shapes = 0;
    v->shapes_are_stale = 0;
}

/* For every field that some snapshot of the view keeps folded: its folded column. */
static fptc_status add_folds(struct fptc__view *v, struct columns *all, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i, n = all->n;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        const char *field = all->names[i];
        char name[sizeof(FPTC__FOLD_COLUMN) + FPTC_NAME_BYTES_MAX];

        if (!fptc__view_keeps_folded(v, field, strlen(field)))
            continue;
        sqlite3_snprintf((int)sizeof(name), name, FPTC__FOLD_COLUMN "%s", field);
        if (!columns_has(all, name))
            status = columns_add(all, name, err);
    }
    return status;
}

static fptc_status shape_columns(struct fptc__view_part *part, struct shape *s, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    const struct columns *each[3] = {&s->base, &s->delta, &s->pending};
    size_t i, k;

    if (part->has_base)
        status = columns_read(part->view, part->base_schema, s->table, &s->base, err);
    if (status == FPTC_OK && part->has_delta)
        status = columns_read(part->view, part->delta_schema, s->table, &s->delta, err);
    if (status == FPTC_OK && part->pending != NULL)
        status = columns_read(part->view, part->pending_schema, s->table, &s->pending, err);
    for (k = 0; k < 3; k++) {
        for (i = 0; i < each[k]->n && status == FPTC_OK; i++) {
            if (!columns_has(&s->all, each[k]->names[i]))
                status = columns_add(&s->all, each[k]->names[i], err);
        }
    }
    return status == FPTC_OK ? add_folds(part->view, &s->all, err) : status;
}

static void shape_done(struct shape *s)
{
    columns_done(&s->base);
    columns_done(&s->delta);
    columns_done(&s->pending);
    columns_done(&s->all);
}

fptc_status fptc__shape_put_half(struct fptc__view_part *part, enum fptc__half half,
                                 const char *type, struct fptc__buf *sql, fptc_error *err)
{
    struct shape s = {type, type, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    fptc_status status = shape_columns(part, &s, err);
    const struct columns *have = half == FPTC__HALF_OVERLAY ? &s.delta : &s.base;

    if (status == FPTC_OK && have->n == 0)
        status = FPTC_MISS;
    if (status == FPTC_OK)
        add_select(sql, part, half == FPTC__HALF_OVERLAY ? part->delta_schema : part->base_schema,
                   type, &s.all, have);
    shape_done(&s);
    return status;
}

static fptc_status make_view(struct fptc__view *v, const char *name, struct fptc__buf *sql,
                             fptc_error *err)
{
    fptc_status status = fptc__buf_check(sql, name, err);

    if (status == FPTC_OK)
        status = fptc__sql_run(v->db, fptc__buf_text(sql), err);
    if (status == FPTC_OK)
        status = remember_shape(v, name, err);
    return status;
}

/* FPTC_MISS when neither has the table. */
static fptc_status shape_table(struct fptc__view_part *part, const char *type, const char *table,
                               fptc_error *err)
{
    struct fptc__view *v = part->view;
    struct shape s = {type, table, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct fptc__buf sql;
    fptc_status status;

    if (fptc__shape_is(v, table))
        return FPTC_OK;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    status = shape_columns(part, &s, err);
    if (status == FPTC_OK && s.all.n == 0)
        status = FPTC_MISS;
    if (status == FPTC_OK) {
        shape_sql(part, &s, &sql);
        status = make_view(v, table, &sql, err);
    }
    shape_done(&s);
    fptc__buf_done(&sql);
    return status;
}

/* The multi-entity tables of a type, as the field list of the overlay knows them, or that of pending rows. */
static fptc_status add_link_tables(struct fptc__view_part *part, const char *schema,
                                   const char *type, struct columns *out, fptc_error *err)
{
    struct fptc__view *v = part->view;
    sqlite3_stmt *stmt = NULL;
    char sql[200];
    fptc_status status;
    int rc;

    sqlite3_snprintf((int)sizeof(sql), sql,
                     "SELECT ?1 || '__' || field, data_type FROM %s._fptc_field WHERE type = ?1",
                     schema);
    status = fptc__view_prepare(v, sql, &stmt, err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && status == FPTC_OK) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);

        if (fptc__class_of((const char *)sqlite3_column_text(stmt, 1)) == FPTC__LINKS &&
            !columns_has(out, name))
            status = columns_add(out, name, err);
    }
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, type, err);
    sqlite3_reset(stmt);
    return status;
}

static fptc_status list_link_tables(struct fptc__view_part *part, const char *type,
                                    struct columns *out, fptc_error *err)
{
    fptc_status status = add_link_tables(part, part->delta_schema, type, out, err);

    if (status == FPTC_OK && part->pending != NULL)
        status = add_link_tables(part, part->pending_schema, type, out, err);
    return status;
}

fptc_status fptc__shape_type(struct fptc__view *v, struct fptc__view_part *part, const char *type,
                             fptc_error *err)
{
    struct columns tables = {NULL, 0};
    fptc_status status;
    size_t i;

    if (v->shapes_are_stale) {
        fptc__view_forget_statements(v);
        fptc__shape_forget(v);
    }
    if (fptc__shape_is(v, type))
        return FPTC_OK;
    if (part->tables == NULL)
        return FPTC_MISS;
    status = shape_table(part, type, type, err);
    if (status != FPTC_OK)
        return status;
    status = list_link_tables(part, type, &tables, err);
    for (i = 0; i < tables.n && status == FPTC_OK; i++) {
        status = shape_table(part, type, tables.names[i], err);
        if (status == FPTC_MISS)
            status = FPTC_OK;
    }
    if (status != FPTC_OK)
        v->shapes_are_stale = 1; /* else its lists would come from the snapshot alone */
    columns_done(&tables);
    return status;
}

static fptc_status list_types(struct fptc__view_part *part, struct columns *out, fptc_error *err)
{
    struct fptc__view *v = part->view;
    sqlite3_stmt *stmt = NULL;
    char sql[100];
    fptc_status status;
    int rc;

    sqlite3_snprintf((int)sizeof(sql), sql, "SELECT DISTINCT type FROM %s._fptc_field",
                     part->delta_schema);
    status = fptc__view_prepare(v, sql, &stmt, err);
    if (status != FPTC_OK)
        return status;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && status == FPTC_OK)
        status = columns_add(out, (const char *)sqlite3_column_text(stmt, 0), err);
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(v, "reading types", err);
    sqlite3_reset(stmt);
    return status;
}

fptc_status fptc__shape_all(struct fptc__view *v, struct fptc__view_part *part, fptc_error *err)
{
    struct columns types = {NULL, 0};
    fptc_status status = part->tables == NULL ? FPTC_OK : list_types(part, &types, err);
    size_t i;

    for (i = 0; i < types.n && status == FPTC_OK; i++) {
        status = fptc__shape_type(v, part, types.names[i], err);
        if (status == FPTC_MISS)
            status = FPTC_OK; /* only its fields are known */
    }
    columns_done(&types);
    return status;
}

static int has_half(const struct fptc__view_part *part, const char *type, enum fptc__half half)
{
    const char *schema = part->has_base ? part->base_schema : NULL;

    if (half == FPTC__HALF_OVERLAY)
        schema = part->has_delta ? part->delta_schema : NULL;
    if (half == FPTC__HALF_PENDING)
        schema = part->pending != NULL ? part->pending_schema : NULL;
    return schema != NULL && sqlite3_table_column_metadata(part->view->db, schema, type, NULL, NULL,
                                                           NULL, NULL, NULL, NULL) == SQLITE_OK;
}

fptc_status fptc__shape_half(struct fptc__view_part *part, const char *type, enum fptc__half half,
                             fptc_error *err)
{
    struct shape s = {type, type, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    char name[FPTC__HALF_BYTES];
    struct fptc__buf sql;
    fptc_status status;

    if (half >= FPTC__HALF_HIDDEN &&
        !(part->view->layer.is_shown && fptc__layer_has_type(part, type)))
        return FPTC_MISS;
    fptc__half_name(type, half, name);
    if (!has_half(part, type, half) || fptc__shape_is(part->view, name))
        return has_half(part, type, half) ? FPTC_OK : FPTC_MISS;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    status = shape_columns(part, &s, err);
    if (status == FPTC_OK) {
        begin_view(name, &sql);
        add_half(part, &s, half, &sql);
        status = make_view(part->view, name, &sql, err);
    }
    shape_done(&s);
    fptc__buf_done(&sql);
    return status;
}
