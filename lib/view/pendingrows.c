/*
 * pendingrows.c: the row of one entity as its pending writes leave it: the settled row, if it is known, and
 * each write on top. What FPT would compute from a write stays as it was.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

void fptc__pending_row_done(struct fptc__pending_row *r)
{
    fptc__json_free(r->row);
    fptc__json_free(r->types);
    memset(r, 0, sizeof(*r));
}

/* -------------------------------------------------------------------------------------- the settled row */

static fptc_status read_settled(struct fptc__view_part *part, struct fptc__pending_row *r,
                                fptc_error *err)
{
    struct fptc__view *v = part->view;
    enum fptc__part which = part == &v->parts[0] ? FPTC__HOME : FPTC__SITE;
    struct fptc__rows rows = {0};
    struct fptc__buf text;
    fptc_status status;

    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = fptc__view_row(v, which, r->type, r->id, &rows, err);
    if (status == FPTC_OK) {
        fptc__rows_print(&rows, 0, &text);
        status = fptc__buf_check(&text, "row", err);
    }
    if (status == FPTC_OK)
        status = fptc__json_parse(text.data, text.len, "row", &r->row, err);
    fptc__buf_done(&text);
    fptc__rows_done(&rows);
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* -------------------------------------------------------------------------------------------- data types */

/* By the value alone, as FPT's REST spells it. */
static const char *guess(const fptc__json *value)
{
    if (fptc__json_get_text(value, "type") != NULL)
        return "entity";
    if (fptc__json_is_array(value) || fptc__json_get(value, "multi_entity_update_mode") != NULL)
        return "multi_entity";
    if (fptc__json_is_bool(value))
        return "checkbox";
    if (fptc__json_is_integer(value))
        return "number";
    return fptc__json_is_number(value) ? "float" : "text";
}

/* What rows of the type are kept with, else what the schema says. */
static fptc_status add_type(struct fptc__view_part *part, const struct fptc__schema *schema,
                            struct fptc__pending_row *r, const char *field, const fptc__json *value,
                            fptc_error *err)
{
    const struct fptc__field *known =
        schema == NULL ? NULL : fptc__schema_field(schema, r->type, field);
    sqlite3_stmt *stmt = NULL;
    const char *data_type = NULL;
    char sql[100];
    fptc_status status;
    int ok;

    if (fptc__json_get(r->types, field) != NULL)
        return FPTC_OK;
    sqlite3_snprintf((int)sizeof(sql), sql,
                     "SELECT data_type FROM %s._fptc_field WHERE type = ?1 AND field = ?2",
                     part->delta_schema);
    status = fptc__view_prepare(part->view, sql, &stmt, err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 1, r->type, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, field, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        data_type = (const char *)sqlite3_column_text(stmt, 0);
    if (data_type == NULL)
        data_type = known != NULL ? known->data_type : guess(value);
    ok = fptc__json_set(r->types, field, fptc__json_new_text(data_type));
    sqlite3_reset(stmt);
    return ok ? FPTC_OK : fptc__fail_nomem(err);
}

/* The fields of an object: a row or the data of a write. */
static fptc_status add_types(struct fptc__view_part *part, const struct fptc__schema *schema,
                             struct fptc__pending_row *r, const fptc__json *fields, fptc_error *err)
{
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    for (at = fptc__json_first(fields); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        if (strcmp(fptc__json_key(at), "id") != 0 && strcmp(fptc__json_key(at), "type") != 0)
            status = add_type(part, schema, r, fptc__json_key(at), at, err);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ names */

/* The field that names a row (lib/FORMAT.md, "Names"), with a text in it; NULL: none. */
static const char *naming_field(const fptc__json *row)
{
    static const char *const fields[] = {
        "cached_display_name", "code", "content", "name", "subject", "title"};
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fptc__json_get_text(row, fields[i]) != NULL)
            return fields[i];
    }
    return NULL;
}

/* FPT's own word for the row, unless a field is written that says the same. */
static fptc_status drop_stale_name(struct fptc__pending_row *r, const fptc__json *data,
                                   fptc_error *err)
{
    const char *name = fptc__json_get_text(r->row, "cached_display_name");
    const fptc__json *at;

    for (at = fptc__json_first(data); at != NULL && name != NULL; at = fptc__json_next(at)) {
        const char *old = fptc__json_get_text(r->row, fptc__json_key(at));

        if (old != NULL && strcmp(old, name) == 0)
            return fptc__json_set(r->row, "cached_display_name", fptc__json_new_null())
                       ? FPTC_OK
                       : fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

/* --------------------------------------------------------------------------------------------- the writes */

static fptc_status apply_data(const struct fptc__pending_op *op, const struct fptc__schema *schema,
                              struct fptc__pending_row *r, fptc_error *err)
{
    const fptc__json *data = op->data != NULL ? op->data : op->write->data, *at;
    fptc_status status = add_types(op->part, schema, r, data, err);

    if (status == FPTC_OK)
        status = drop_stale_name(r, data, err);
    for (at = fptc__json_first(data); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const char *data_type = fptc__json_get_text(r->types, field);

        if (data_type != NULL &&
            !fptc__json_set(r->row, field,
                            fptc__pending_value(data_type, fptc__json_get(r->row, field), at)))
            status = fptc__fail_nomem(err);
    }
    return status;
}

static fptc_status begin_row(struct fptc__pending_row *r, fptc_error *err)
{
    fptc__json_free(r->row);
    r->row = fptc__json_new_object();
    return fptc__json_set(r->row, "id", fptc__json_new_int(r->id)) ? FPTC_OK
                                                                   : fptc__fail_nomem(err);
}

static fptc_status apply_op(const struct fptc__pending_op *op, const struct fptc__schema *schema,
                            struct fptc__pending_row *r, fptc_error *err)
{
    const char *verb = op->write->verb;
    fptc_status status = FPTC_OK;

    if (op->is_settled)
        return FPTC_OK;
    if (strcmp(verb, "delete") == 0) {
        r->is_gone = r->is_touched = 1;
    } else if (strcmp(verb, "revive") == 0) {
        r->is_gone = 0;
        r->is_touched |= r->row != NULL;
        r->is_lacking |= r->row == NULL;
    } else {
        if (strcmp(verb, "create") == 0)
            status = begin_row(r, err);
        if (status == FPTC_OK && r->row != NULL)
            status = apply_data(op, schema, r, err);
        r->is_touched |= r->row != NULL;
        r->is_lacking |= r->row == NULL;
    }
    return status;
}

/* A row of a project's partition whose project is now another one shows there once it is settled. */
static int is_elsewhere(const struct fptc__pending_op *op, const fptc__json *row)
{
    int64_t home = fptc__partition_project(op->part->at.name);
    const fptc__json *project = fptc__json_get(row, "project");

    return home != 0 && fptc__json_is_object(project) && fptc__json_get_int(project, "id") != home;
}

fptc_status fptc__pending_row_make(const struct fptc__pending_op *ops, size_t n,
                                   const struct fptc__schema *schema, struct fptc__pending_row *out,
                                   fptc_error *err)
{
    fptc_status status = FPTC_OK;
    const char *field;
    size_t i;

    memset(out, 0, sizeof(*out));
    out->type = ops[0].write->type;
    out->id = ops[0].id;
    out->types = fptc__json_new_object();
    if (out->types == NULL)
        return fptc__fail_nomem(err);
    if (out->id > 0)
        status = read_settled(ops[0].part, out, err);
    if (status == FPTC_OK)
        status = add_types(ops[0].part, schema, out, out->row, err);
    for (i = 0; i < n && status == FPTC_OK; i++)
        status = apply_op(&ops[i], schema, out, err);
    if (status != FPTC_OK)
        return status;
    out->is_elsewhere = out->row != NULL && is_elsewhere(&ops[0], out->row);
    field = naming_field(out->row);
    out->name = field == NULL ? NULL : fptc__json_get_text(out->row, field);
    return FPTC_OK;
}
