/*
 * table_alter.c: makes DELTA's tables of a type and their columns, and adds what new fields need.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"
#include "store/wish.h"

static const char *declared_type(enum fptc__class cls)
{
    switch (cls) {
    case FPTC__INTEGER:
    case FPTC__BOOL:
        return "INTEGER";
    case FPTC__REAL:
        return "REAL";
    case FPTC__TEXT:
    case FPTC__JSON:
        return "TEXT";
    case FPTC__NEVER:
    case FPTC__LINK:
    case FPTC__LINKS:
        break;
    }
    return NULL;
}

/* Clashing names (a field "a__id" beside a link "a", say) are the record's fault, not SQLite's. */
static fptc_status run(struct fptc__tables *t, const struct fptc__shape *shape,
                       struct fptc__buf *sql, fptc_error *err)
{
    fptc_status status = fptc__buf_check(sql, "SQL text", err);

    if (status == FPTC_OK && sqlite3_exec(t->db, sql->data, NULL, NULL, NULL) != SQLITE_OK) {
        if ((sqlite3_errcode(t->db) & 0xff) == SQLITE_ERROR)
            status = fptc__refuse(t, err, "the fields of %s do not fit a table: %s", shape->type,
                                  sqlite3_errmsg(t->db));
        else
            status = fptc__sql_fail(t->db, "shaping the tables of a type", err);
    }
    fptc__buf_done(sql);
    return status;
}

static void add_name(struct fptc__buf *sql, const char *name, const char *tail)
{
    struct fptc__buf whole;

    fptc__buf_init(&whole, FPTC_PATH_MAX);
    fptc__buf_addf(&whole, "%s%s", name, tail);
    fptc__sql_quote(sql, fptc__buf_text(&whole));
    fptc__buf_done(&whole);
}

/* The definitions of a column's home in the type's table; `before` goes in front of each. */
static void define(struct fptc__buf *sql, const struct fptc__column *c, const char *before)
{
    if (declared_type(c->cls)) {
        fptc__buf_adds(sql, before);
        fptc__sql_quote(sql, c->field);
        fptc__buf_addf(sql, " %s", declared_type(c->cls));
    } else if (c->cls == FPTC__LINK) {
        fptc__buf_adds(sql, before);
        add_name(sql, c->field, "__type");
        fptc__buf_addf(sql, " TEXT%s", before);
        add_name(sql, c->field, "__id");
        fptc__buf_adds(sql, " INTEGER");
    }
}

static void note_home(struct fptc__column *c)
{
    if (declared_type(c->cls)) {
        c->has_plain[FPTC__DELTA] = 1;
        c->affinity = declared_type(c->cls)[0];
    } else if (c->cls == FPTC__LINK) {
        c->has_link[FPTC__DELTA] = 1;
    }
}

static fptc_status create_table(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status;
    size_t i;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_adds(&sql, "CREATE TABLE ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(&sql, '.');
    fptc__sql_quote(&sql, shape->type);
    fptc__buf_adds(&sql, "(id INTEGER PRIMARY KEY, _fptc_version INTEGER, _fptc_fieldset INTEGER");
    for (i = 0; i < shape->n_columns; i++) {
        define(&sql, &shape->columns[i], ", ");
        if (shape->columns[i].has_fold[FPTC__BELOW]) {
            fptc__buf_adds(&sql, ", ");
            add_name(&sql, FPTC__FOLD_COLUMN, shape->columns[i].field);
            fptc__buf_adds(&sql, " TEXT");
        }
    }
    fptc__buf_adds(&sql, "); CREATE UNIQUE INDEX ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_adds(&sql, ".");
    add_name(&sql, "_fptc_v_", shape->type);
    fptc__buf_adds(&sql, " ON ");
    fptc__sql_quote(&sql, shape->type);
    fptc__buf_adds(&sql, "(_fptc_version)");
    status = run(t, shape, &sql, err);
    for (i = 0; status == FPTC_OK && i < shape->n_columns; i++) {
        note_home(&shape->columns[i]);
        shape->columns[i].has_fold[FPTC__DELTA] = shape->columns[i].has_fold[FPTC__BELOW];
    }
    shape->is_there[FPTC__DELTA] = status == FPTC_OK;
    return status == FPTC_OK ? fptc__shape_indexes(t, shape, err) : status;
}

static fptc_status create_links(struct fptc__tables *t, const struct fptc__shape *shape,
                                struct fptc__column *c, fptc_error *err)
{
    struct fptc__buf sql, name;
    fptc_status status;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_init(&name, FPTC_PATH_MAX);
    fptc__buf_addf(&name, "%s__%s", shape->type, c->field);
    fptc__buf_adds(&sql, "CREATE TABLE ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(&sql, '.');
    fptc__sql_quote(&sql, fptc__buf_text(&name));
    fptc__buf_adds(&sql, "(id INTEGER NOT NULL, pos INTEGER NOT NULL, link_type TEXT NOT NULL,"
                         " link_id INTEGER NOT NULL, PRIMARY KEY(id, pos)) WITHOUT ROWID;"
                         " CREATE INDEX ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(&sql, '.');
    add_name(&sql, "_fptc_l_", fptc__buf_text(&name));
    fptc__buf_adds(&sql, " ON ");
    fptc__sql_quote(&sql, fptc__buf_text(&name));
    fptc__buf_adds(&sql, "(link_type, link_id, id)");
    fptc__buf_done(&name);
    status = run(t, shape, &sql, err);
    c->has_links[FPTC__DELTA] = status == FPTC_OK;
    return status;
}

static void begin_alter(struct fptc__tables *t, const struct fptc__shape *shape,
                        struct fptc__buf *sql)
{
    fptc__buf_adds(sql, "ALTER TABLE ");
    fptc__sql_quote(sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(sql, '.');
    fptc__sql_quote(sql, shape->type);
    fptc__buf_addc(sql, ' ');
}

static fptc_status add_home(struct fptc__tables *t, const struct fptc__shape *shape,
                            struct fptc__column *c, fptc_error *err)
{
    struct fptc__buf sql, before;
    fptc_status status;

    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__buf_init(&before, FPTC_RECORD_BYTES_MAX);
    fptc__buf_addc(&before, ';');
    begin_alter(t, shape, &before);
    fptc__buf_adds(&before, "ADD COLUMN ");
    define(&sql, c, fptc__buf_text(&before));
    fptc__buf_done(&before);
    status = run(t, shape, &sql, err);
    if (status == FPTC_OK)
        note_home(c);
    return status;
}

/*
 * A field whose class changed so that its column's declared type would convert new values (text "007"
 * in an INTEGER column becomes 7) gets a column without a type, which keeps old and new as they are.
 */
static fptc_status untype_home(struct fptc__tables *t, const struct fptc__shape *shape,
                               struct fptc__column *c, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status = fptc__shape_no_indexes(t, shape, err); /* they would keep the old column */

    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    begin_alter(t, shape, &sql);
    fptc__buf_adds(&sql, "RENAME COLUMN ");
    fptc__sql_quote(&sql, c->field);
    fptc__buf_adds(&sql, " TO _fptc_old;");
    begin_alter(t, shape, &sql);
    fptc__buf_adds(&sql, "ADD COLUMN ");
    fptc__sql_quote(&sql, c->field);
    fptc__buf_adds(&sql, "; UPDATE ");
    fptc__sql_quote(&sql, t->schema[FPTC__DELTA]);
    fptc__buf_addc(&sql, '.');
    fptc__sql_quote(&sql, shape->type);
    fptc__buf_adds(&sql, " SET ");
    fptc__sql_quote(&sql, c->field);
    fptc__buf_adds(&sql, "=_fptc_old;");
    begin_alter(t, shape, &sql);
    fptc__buf_adds(&sql, "DROP COLUMN _fptc_old");
    status = run(t, shape, &sql, err);
    if (status == FPTC_OK)
        c->affinity = 'N';
    return status;
}

static fptc_status alter_column(struct fptc__tables *t, const struct fptc__shape *shape,
                                struct fptc__column *c, fptc_error *err)
{
    const char *type = declared_type(c->cls);

    if (c->cls == FPTC__LINKS)
        return c->has_links[FPTC__DELTA] ? FPTC_OK : create_links(t, shape, c, err);
    if (c->cls == FPTC__LINK)
        return c->has_link[FPTC__DELTA] ? FPTC_OK : add_home(t, shape, c, err);
    if (!type)
        return FPTC_OK;
    if (!c->has_plain[FPTC__DELTA])
        return add_home(t, shape, c, err);
    return c->affinity == 'N' || c->affinity == type[0] ? FPTC_OK : untype_home(t, shape, c, err);
}

fptc_status fptc__shape_alter(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    shape->is_reshaped = 1;
    if (!shape->is_there[FPTC__DELTA])
        status = create_table(t, shape, err);
    for (i = 0; status == FPTC_OK && i < shape->n_columns; i++)
        status = alter_column(t, shape, &shape->columns[i], err);
    return status;
}
