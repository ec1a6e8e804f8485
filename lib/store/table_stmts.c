/*
 * table_stmts.c: the statements that read and write the rows of one type.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"
#include "store/wish.h"

static void add_table(struct fptc__buf *sql, const char *schema, const char *type,
                      const char *field)
{
    struct fptc__buf name;

    fptc__buf_init(&name, FPTC_PATH_MAX);
    fptc__buf_addf(&name, "%s%s%s", type, field ? "__" : "", field ? field : "");
    fptc__sql_quote(sql, schema);
    fptc__buf_addc(sql, '.');
    fptc__sql_quote(sql, fptc__buf_text(&name));
    fptc__buf_done(&name);
}

static void add_column_name(struct fptc__buf *sql, const char *field, const char *tail)
{
    struct fptc__buf name;

    fptc__buf_init(&name, FPTC_PATH_MAX);
    fptc__buf_addf(&name, "%s%s", field, tail);
    fptc__buf_adds(sql, ", ");
    fptc__sql_quote(sql, fptc__buf_text(&name));
    fptc__buf_done(&name);
}

static fptc_status finish(struct fptc__tables *t, struct fptc__buf *sql, sqlite3_stmt **out,
                          fptc_error *err)
{
    fptc_status status = fptc__buf_check(sql, "SQL text", err);

    if (status == FPTC_OK)
        status = fptc__tables_prepare(t, sql->data, sql->len, out, err);
    fptc__buf_done(sql);
    return status;
}

static fptc_status make_get(struct fptc__tables *t, struct fptc__shape *shape, int side,
                            fptc_error *err)
{
    struct fptc__buf sql;
    struct fptc__column *c;
    size_t i;
    int at = 2;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_adds(&sql, "SELECT _fptc_version, _fptc_fieldset");
    for (i = 0; i < shape->n_columns; i++) {
        c = &shape->columns[i];
        c->plain_at[side] = c->link_at[side] = -1;
        if (c->has_plain[side]) {
            c->plain_at[side] = at++;
            add_column_name(&sql, c->field, "");
        }
        if (c->has_link[side]) {
            c->link_at[side] = at;
            at += 2;
            add_column_name(&sql, c->field, "__type");
            add_column_name(&sql, c->field, "__id");
        }
    }
    fptc__buf_adds(&sql, " FROM ");
    add_table(&sql, t->schema[side], shape->type, NULL);
    fptc__buf_adds(&sql, " WHERE id=?1");
    return finish(t, &sql, &shape->get[side], err);
}

/* Folded texts: each is made of the parameter that its field is. */
static void add_folds(const struct fptc__shape *shape, struct fptc__buf *names,
                      struct fptc__buf *values)
{
    size_t i;

    for (i = 0; i < shape->n_columns; i++) {
        const struct fptc__column *c = &shape->columns[i];

        if (!c->has_fold[FPTC__DELTA] || !c->put_plain)
            continue;
        add_column_name(names, FPTC__FOLD_COLUMN, c->field);
        fptc__buf_addf(values, ", fptc_fold(?%d)", c->put_plain);
    }
}

static fptc_status make_put(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err)
{
    struct fptc__buf sql, folds;
    struct fptc__column *c;
    size_t i;
    int at = 3, k;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_init(&folds, FPTC_RECORD_BYTES_MAX);
    fptc__buf_adds(&sql, "INSERT OR REPLACE INTO ");
    add_table(&sql, t->schema[FPTC__DELTA], shape->type, NULL);
    fptc__buf_adds(&sql, "(id, _fptc_version, _fptc_fieldset");
    for (i = 0; i < shape->n_columns; i++) {
        c = &shape->columns[i];
        c->put_plain = c->put_link = 0;
        if (c->has_plain[FPTC__DELTA]) {
            c->put_plain = ++at;
            add_column_name(&sql, c->field, "");
        }
        if (c->has_link[FPTC__DELTA]) {
            c->put_link = at + 1;
            at += 2;
            add_column_name(&sql, c->field, "__type");
            add_column_name(&sql, c->field, "__id");
        }
    }
    add_folds(shape, &sql, &folds);
    fptc__buf_adds(&sql, ") VALUES(?1");
    for (k = 2; k <= at; k++)
        fptc__buf_addf(&sql, ", ?%d", k);
    fptc__buf_addf(&sql, "%s)", fptc__buf_text(&folds));
    fptc__buf_done(&folds);
    return finish(t, &sql, &shape->put, err);
}

/* A table of the type (of the field's links, when there is a field) and the SQL around its name. */
struct around {
    int side;
    const char *type, *field;
    const char *before, *after;
};

static fptc_status make(struct fptc__tables *t, struct around a, sqlite3_stmt **out,
                        fptc_error *err)
{
    struct fptc__buf sql;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_adds(&sql, a.before);
    add_table(&sql, t->schema[a.side], a.type, a.field);
    fptc__buf_adds(&sql, a.after);
    return finish(t, &sql, out, err);
}

static fptc_status make_links(struct fptc__tables *t, const struct fptc__shape *shape,
                              struct fptc__column *c, fptc_error *err)
{
    struct around get = {0, shape->type, c->field, "SELECT link_type, link_id FROM ",
                         " WHERE id=?1 ORDER BY pos"};
    const struct around put = {FPTC__DELTA, shape->type, c->field, "INSERT INTO ",
                               "(id, pos, link_type, link_id) VALUES(?1, ?2, ?3, ?4)"};
    const struct around drop = {FPTC__DELTA, shape->type, c->field, "DELETE FROM ", " WHERE id=?1"};
    fptc_status status = FPTC_OK;

    for (get.side = 0; status == FPTC_OK && get.side < FPTC__SIDES; get.side++) {
        if (c->has_links[get.side])
            status = make(t, get, &c->links_get[get.side], err);
    }
    if (status == FPTC_OK && c->has_links[FPTC__DELTA])
        status = make(t, put, &c->links_put, err);
    if (status == FPTC_OK && c->has_links[FPTC__DELTA])
        status = make(t, drop, &c->links_drop, err);
    return status;
}

fptc_status fptc__shape_statements(struct fptc__tables *t, struct fptc__shape *shape,
                                   fptc_error *err)
{
    const struct around drop = {FPTC__DELTA, shape->type, NULL, "DELETE FROM ", " WHERE id=?1"};
    fptc_status status = FPTC_OK;
    size_t i;
    int side;

    if (shape->get[FPTC__DELTA] || shape->get[FPTC__BELOW])
        return FPTC_OK;
    for (side = 0; status == FPTC_OK && side < FPTC__SIDES; side++) {
        if (shape->is_there[side])
            status = make_get(t, shape, side, err);
    }
    for (i = 0; status == FPTC_OK && i < shape->n_columns; i++)
        status = make_links(t, shape, &shape->columns[i], err);
    if (status != FPTC_OK || !shape->is_there[FPTC__DELTA])
        return status;
    status = make_put(t, shape, err);
    if (status == FPTC_OK)
        status = make(t, drop, &shape->drop, err);
    return status;
}
