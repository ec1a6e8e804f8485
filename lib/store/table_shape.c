/*
 * table_shape.c: what a type's tables look like on both sides, kept in memory with the statements that
 * read and write its rows, and its field sets.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"
#include "store/wish.h"

/* --- freeing ---------------------------------------------------------------------------------- */

static void finalize(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
    *stmt = NULL;
}

static void drop_statements(struct fptc__shape *shape)
{
    size_t i;

    finalize(&shape->get[FPTC__DELTA]);
    finalize(&shape->get[FPTC__BELOW]);
    finalize(&shape->put);
    finalize(&shape->drop);
    for (i = 0; i < shape->n_columns; i++) {
        finalize(&shape->columns[i].links_get[FPTC__DELTA]);
        finalize(&shape->columns[i].links_get[FPTC__BELOW]);
        finalize(&shape->columns[i].links_put);
        finalize(&shape->columns[i].links_drop);
    }
}

void fptc__shape_free(struct fptc__shape *shape)
{
    size_t i;

    if (!shape)
        return;
    drop_statements(shape);
    for (i = 0; i < shape->n_columns; i++) {
        free(shape->columns[i].field);
        free(shape->columns[i].data_type);
    }
    for (i = 0; i < shape->n_sets; i++)
        free(shape->sets[i].has);
    free(shape->columns);
    free(shape->sets);
    free(shape->type);
    free(shape);
}

/* --- columns ---------------------------------------------------------------------------------- */

size_t fptc__shape_find(const struct fptc__shape *shape, const char *field)
{
    size_t i;

    for (i = 0; i < shape->n_columns; i++) {
        if (strcmp(shape->columns[i].field, field) == 0)
            break;
    }
    return i;
}

static char *copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);

    if (copy)
        memcpy(copy, text, n);
    return copy;
}

static fptc_status set_class(struct fptc__column *c, const char *data_type, fptc_error *err)
{
    char *copy = copy_text(data_type);

    if (!copy)
        return fptc__fail_nomem(err);
    free(c->data_type);
    c->data_type = copy;
    c->cls = fptc__class_of_field(c->field, data_type);
    c->is_computed = fptc__is_computed(data_type);
    return FPTC_OK;
}

static fptc_status add_column(struct fptc__shape *shape, const char *field, const char *data_type,
                              fptc_error *err)
{
    struct fptc__column *c;
    size_t i;

    for (i = 0; i < shape->n_columns; i++) {
        if (sqlite3_stricmp(shape->columns[i].field, field) == 0)
            return fptc__fail(err, FPTC_EDAMAGED, "fields %s and %s of %s differ only in case",
                              field, shape->columns[i].field, shape->type);
    }
    if (!fptc__tables_room(&shape->columns, &shape->cap_columns, shape->n_columns, sizeof(*c)))
        return fptc__fail_nomem(err);
    c = &shape->columns[shape->n_columns];
    memset(c, 0, sizeof(*c));
    c->field = copy_text(field);
    if (!c->field)
        return fptc__fail_nomem(err);
    shape->n_columns++;
    return set_class(c, data_type, err);
}

/* --- reading what is there -------------------------------------------------------------------- */

static fptc_status load_fields(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__FIELD_LIST, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
    while (status == FPTC_OK) {
        int code = sqlite3_step(stmt);
        const char *field, *data_type;

        if (code == SQLITE_DONE)
            break;
        if (code != SQLITE_ROW) {
            status = fptc__sql_fail(t->db, "reading _fptc_field", err);
            break;
        }
        field = (const char *)sqlite3_column_text(stmt, 0);
        data_type = (const char *)sqlite3_column_text(stmt, 1);
        if (!field || !data_type)
            status = fptc__fail_nomem(err);
        else if (!fptc__is_name(field))
            status = fptc__fail(err, FPTC_EDAMAGED, "_fptc_field names a field %.80s", field);
        else
            status = add_column(shape, field, data_type, err);
    }
    (void)sqlite3_reset(stmt);
    return status;
}

/* Which home a column of the type's table is: notes it with the field it belongs to. */
static void note_column(struct fptc__shape *shape, int side, const char *name, const char *declared)
{
    size_t i, n = strlen(name);
    struct fptc__column *c;

    for (i = 0; i < shape->n_columns; i++) {
        c = &shape->columns[i];
        if (strcmp(c->field, name) == 0) {
            c->has_plain[side] = 1;
            if (side == FPTC__DELTA)
                c->affinity = declared[0] == '\0' ? 'N' : declared[0];
        }
        if (strncmp(name, FPTC__FOLD_COLUMN, sizeof(FPTC__FOLD_COLUMN) - 1) == 0 &&
            strcmp(name + sizeof(FPTC__FOLD_COLUMN) - 1, c->field) == 0)
            c->has_fold[side] = 1;
        if (n > 4 && strcmp(name + n - 4, "__id") == 0 && strlen(c->field) == n - 4 &&
            strncmp(c->field, name, n - 4) == 0)
            c->has_link[side] = 1;
    }
}

static fptc_status load_table(struct fptc__tables *t, struct fptc__shape *shape, int side,
                              fptc_error *err)
{
    char *sql = sqlite3_mprintf("PRAGMA \"%w\".table_info(\"%w\")", t->schema[side], shape->type);
    sqlite3_stmt *stmt = NULL;
    fptc_status status;
    int code = SQLITE_ROW;

    if (!sql)
        return fptc__fail_nomem(err);
    status = fptc__tables_prepare(t, sql, strlen(sql), &stmt, err);
    while (status == FPTC_OK && code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(stmt, 1);
            const char *declared = (const char *)sqlite3_column_text(stmt, 2);

            shape->is_there[side] = 1;
            if (name)
                note_column(shape, side, name, declared ? declared : "");
        } else if (code != SQLITE_DONE) {
            status = fptc__sql_fail(t->db, "reading the columns of a type", err);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return status;
}

/* One scan of the schema finds the links tables, and a table that differs in case only. */
static fptc_status load_names(struct fptc__tables *t, struct fptc__shape *shape, int side,
                              fptc_error *err)
{
    char *sql;
    sqlite3_stmt *stmt = NULL;
    fptc_status status;
    size_t n = strlen(shape->type), i;

    sql = sqlite3_mprintf("SELECT name FROM \"%w\".sqlite_schema WHERE type='table' AND"
                          " (name=%Q COLLATE NOCASE OR substr(name,1,%d)='%q__')",
                          t->schema[side], shape->type, (int)n + 2, shape->type);
    if (!sql)
        return fptc__fail_nomem(err);
    status = fptc__tables_prepare(t, sql, strlen(sql), &stmt, err);
    while (status == FPTC_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);

        if (!name)
            status = fptc__fail_nomem(err);
        else if (strlen(name) == n && strcmp(name, shape->type) != 0)
            status = fptc__refuse(t, err, "types %s and %s differ only in case", shape->type, name);
        i = name && strlen(name) > n + 2 ? fptc__shape_find(shape, name + n + 2) : shape->n_columns;
        if (i < shape->n_columns)
            shape->columns[i].has_links[side] = 1;
    }
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return status;
}

/* Whether a statement with the type as its parameter finds anything. */
static fptc_status load_flag(struct fptc__tables *t, int no, const struct fptc__shape *shape,
                             int *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, no, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
    status = fptc__tables_first(t, stmt, "looking for rows of a type", err);
    *out = status == FPTC_OK;
    (void)sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status load(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err)
{
    fptc_status status = load_fields(t, shape, err);
    int side;

    for (side = 0; status == FPTC_OK && side < FPTC__SIDES; side++) {
        if (!t->schema[side])
            continue;
        status = load_table(t, shape, side, err);
        if (status == FPTC_OK)
            status = load_names(t, shape, side, err);
        if (status == FPTC_OK)
            status = load_flag(t, FPTC__GONE_ANY + side, shape, &shape->has_gone[side], err);
    }
    if (status == FPTC_OK)
        status = load_flag(t, FPTC__SUSPECT_ANY, shape, &shape->has_suspects, err);
    return status;
}

fptc_status fptc__shape_of(struct fptc__tables *t, const char *type, struct fptc__shape **out,
                           fptc_error *err)
{
    struct fptc__shape *shape;
    fptc_status status;
    size_t i;

    *out = NULL;
    for (i = 0; i < t->n_shapes; i++) {
        if (strcmp(t->shapes[i]->type, type) == 0) {
            *out = t->shapes[i];
            return FPTC_OK;
        }
    }
    /* "__" parts the type from the field in the names of links tables. */
    if (!fptc__is_name(type) || strstr(type, "__"))
        return fptc__refuse(t, err, "%.80s is no name of a type", type);
    shape = calloc(1, sizeof(*shape));
    if (!shape || !fptc__tables_room(&t->shapes, &t->cap_shapes, t->n_shapes, sizeof(void *))) {
        free(shape);
        return fptc__fail_nomem(err);
    }
    shape->type = copy_text(type);
    status = shape->type ? load(t, shape, err) : fptc__fail_nomem(err);
    if (status != FPTC_OK) {
        fptc__shape_free(shape);
        return status;
    }
    t->shapes[t->n_shapes++] = shape;
    *out = shape;
    return FPTC_OK;
}

/* --- growing ---------------------------------------------------------------------------------- */

static fptc_status put_field(struct fptc__tables *t, const struct fptc__shape *shape,
                             const char *field, const char *data_type, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__FIELD_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, field, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, data_type, -1, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "storing a field", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* One member of `types`. *changed: the column is new or has another data type. */
static fptc_status take_field(struct fptc__tables *t, struct fptc__shape *shape,
                              const fptc__json *member, int *changed, fptc_error *err)
{
    const char *field = fptc__json_key(member), *data_type = fptc__json_text(member);
    size_t at;
    fptc_status status;

    if (!data_type)
        return fptc__refuse(t, err, "field %.80s of %s has no data type", field ? field : "?",
                            shape->type);
    if (!field || !fptc__is_name(field))
        return fptc__refuse(t, err, "%.80s is no name of a field of %s", field ? field : "?",
                            shape->type);
    if (strcmp(field, "id") == 0 || strcmp(field, "type") == 0 ||
        fptc__class_of_field(field, data_type) == FPTC__NEVER)
        return FPTC_OK;
    at = fptc__shape_find(shape, field);
    if (at < shape->n_columns && strcmp(shape->columns[at].data_type, data_type) == 0)
        return FPTC_OK;
    *changed = 1;
    status = at < shape->n_columns ? set_class(&shape->columns[at], data_type, err)
                                   : add_column(shape, field, data_type, err);
    if (status == FPTC_EDAMAGED)
        t->is_refused = 1;
    return status == FPTC_OK ? put_field(t, shape, field, data_type, err) : status;
}

/* After the fields were taken: each has the data type that `types` says, unless it says two. */
static fptc_status check_said_once(struct fptc__tables *t, const struct fptc__shape *shape,
                                   const fptc__json *types, fptc_error *err)
{
    const fptc__json *member;

    for (member = fptc__json_first(types); member; member = fptc__json_next(member)) {
        size_t at = fptc__shape_find(shape, fptc__json_key(member));

        if (at < shape->n_columns &&
            strcmp(shape->columns[at].data_type, fptc__json_text(member)) != 0)
            return fptc__refuse(t, err, "field %.80s of %s has two data types",
                                fptc__json_key(member), shape->type);
    }
    return FPTC_OK;
}

static fptc_status collect_set(const struct fptc__shape *shape, const fptc__json *types,
                               unsigned char **out, fptc_error *err)
{
    const fptc__json *member;
    unsigned char *has = calloc(shape->n_columns + 1, 1);
    size_t at;

    *out = NULL;
    if (!has)
        return fptc__fail_nomem(err);
    for (member = fptc__json_first(types); member; member = fptc__json_next(member)) {
        if (fptc__class_of_field(fptc__json_key(member), fptc__json_text(member)) == FPTC__NEVER)
            continue;
        at = fptc__shape_find(shape, fptc__json_key(member));
        if (at < shape->n_columns)
            has[at] = 1;
    }
    *out = has;
    return FPTC_OK;
}

fptc_status fptc__shape_grow(struct fptc__tables *t, struct fptc__shape *shape,
                             const fptc__json *types, int64_t *out_set, fptc_error *err)
{
    const fptc__json *member;
    unsigned char *has = NULL;
    fptc_status status = FPTC_OK;
    int changed = !shape->is_there[FPTC__DELTA];

    *out_set = 0;
    if (!fptc__json_is_object(types))
        return fptc__refuse(t, err, "a record of %s says no field types", shape->type);
    for (member = fptc__json_first(types); status == FPTC_OK && member;
         member = fptc__json_next(member))
        status = take_field(t, shape, member, &changed, err);
    if (status == FPTC_OK && changed)
        status = check_said_once(t, shape, types, err);
    if (status == FPTC_OK && changed) {
        drop_statements(shape);
        status = fptc__shape_alter(t, shape, err);
    }
    if (status == FPTC_OK)
        status = collect_set(shape, types, &has, err);
    return status == FPTC_OK ? fptc__fieldset_no(t, shape, has, out_set, err) : status;
}
