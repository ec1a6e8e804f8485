#include "view/lookup.h"
#include "base/error.h"
#include "base/limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/connection.h"

/* Prepares `format` with the part's overlay schema in place of every %s (two at most), and binds ?1. */
static fptc_status ask(struct fptc__view *v, enum fptc__part part, const char *format,
                       const char *text, sqlite3_stmt **out, fptc_error *err)
{
    struct fptc__view_part *at = fptc__view_at(v, part);
    char *sql;
    fptc_status status;

    *out = NULL;
    if (at->tables == NULL)
        return FPTC_MISS; /* no pass yet: nothing is known */
    sql = sqlite3_mprintf(format, at->delta_schema, at->delta_schema);
    if (sql == NULL)
        return fptc__fail_nomem(err);
    status = fptc__view_prepare(v, sql, out, err);
    sqlite3_free(sql);
    if (status == FPTC_OK && text != NULL)
        sqlite3_bind_text(*out, 1, text, -1, SQLITE_STATIC);
    return status;
}

/* Steps to the first row. FPTC_MISS if there is none; the statement is reset unless FPTC_OK. */
static fptc_status first(struct fptc__view *v, sqlite3_stmt *stmt, const char *what,
                         fptc_error *err)
{
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW)
        return FPTC_OK;
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? FPTC_MISS : fptc__view_fail(v, what, err);
}

static fptc_status column_json(sqlite3_stmt *stmt, int at, fptc__json **out, fptc_error *err)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    if (text == NULL)
        text = "null";
    return fptc__json_parse(text, strlen(text), "stored value", out, err);
}

fptc_status fptc__view_cover(struct fptc__view *v, enum fptc__part part, const char *type,
                             struct fptc__cover *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    const char *mark;
    fptc_status status;

    memset(out, 0, sizeof(*out));
    status = ask(
        v, part,
        "SELECT s.fields, c.asof, c.mark, c.max_id, c.commit_no, c.audited FROM %s._fptc_cover c "
        "JOIN %s._fptc_fieldset s ON s.no = c.fieldset WHERE c.type = ?1",
        type, &stmt, err);
    if (status == FPTC_OK)
        status = first(v, stmt, "reading coverage", err);
    if (status != FPTC_OK)
        return status;
    status = column_json(stmt, 0, &out->fields, err);
    out->asof_ms = sqlite3_column_int64(stmt, 1);
    mark = (const char *)sqlite3_column_text(stmt, 2);
    snprintf(out->mark, sizeof(out->mark), "%s", mark == NULL ? "" : mark);
    out->max_id = sqlite3_column_int64(stmt, 3);
    out->commit_no = sqlite3_column_int64(stmt, 4);
    out->audited_ms = sqlite3_column_int64(stmt, 5);
    sqlite3_reset(stmt);
    return status;
}

void fptc__cover_done(struct fptc__cover *c)
{
    fptc__json_free(c->fields);
    c->fields = NULL;
}

static fptc_status is_untouched(struct fptc__view *v, enum fptc__part part, const char *touches,
                                struct fptc__stored_query *q, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = ask(v, part,
                             "SELECT max(t.commit_no) FROM json_each(?1) j JOIN %s._fptc_touched t "
                             "ON t.type = j.value",
                             touches, &stmt, err);

    if (status != FPTC_OK)
        return status;
    status = first(v, stmt, "reading stored queries", err);
    if (status != FPTC_OK)
        return status;
    q->is_untouched = sqlite3_column_int64(stmt, 0) <= q->commit_no;
    sqlite3_reset(stmt);
    return FPTC_OK;
}

static int64_t outbox_seen(const fptc__json *touches)
{
    const fptc__json *at;

    for (at = fptc__json_first(touches); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_get(at, "outbox") != NULL)
            return fptc__json_get_int(at, "outbox");
    }
    return -1;
}

fptc_status fptc__view_query(struct fptc__view *v, enum fptc__part part, const char *hash,
                             const char *text, struct fptc__stored_query *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;
    char *touches = NULL;

    memset(out, 0, sizeof(*out));
    status = ask(v, part,
                 "SELECT q.ids, s.fields, q.asof, q.commit_no, q.touches FROM %s._fptc_query q "
                 "JOIN %s._fptc_fieldset s ON s.no = q.fieldset WHERE q.hash = ?1 AND q.text = ?2",
                 hash, &stmt, err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
    status = first(v, stmt, "reading stored queries", err);
    if (status != FPTC_OK)
        return status;
    status = column_json(stmt, 0, &out->ids, err);
    if (status == FPTC_OK)
        status = column_json(stmt, 1, &out->fields, err);
    out->asof_ms = sqlite3_column_int64(stmt, 2);
    out->commit_no = sqlite3_column_int64(stmt, 3);
    if (status == FPTC_OK)
        status = column_json(stmt, 4, &out->touches, err);
    touches = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 4));
    sqlite3_reset(stmt);
    out->outbox_seen = outbox_seen(out->touches);
    if (status == FPTC_OK && touches == NULL)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = is_untouched(v, part, touches, out, err);
    sqlite3_free(touches);
    if (status != FPTC_OK)
        fptc__stored_query_done(out);
    return status;
}

void fptc__stored_query_done(struct fptc__stored_query *q)
{
    fptc__json_free(q->ids);
    fptc__json_free(q->fields);
    fptc__json_free(q->touches);
    q->ids = q->fields = q->touches = NULL;
}

fptc_status fptc__view_config(struct fptc__view *v, enum fptc__part part, const char *key,
                              fptc__json **out, int64_t *out_asof_ms, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status =
        ask(v, part, "SELECT value, asof FROM %s._fptc_config WHERE key = ?1", key, &stmt, err);

    *out = NULL;
    if (status == FPTC_OK)
        status = first(v, stmt, key, err);
    if (status != FPTC_OK)
        return status;
    status = column_json(stmt, 0, out, err);
    if (out_asof_ms != NULL)
        *out_asof_ms = sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    return status;
}

uint64_t fptc__view_dropped(struct fptc__view *v, enum fptc__part part, int64_t *out_asof_ms)
{
    fptc__json *value = NULL;
    uint64_t number = 0;

    if (out_asof_ms != NULL)
        *out_asof_ms = 0;
    if (fptc__view_config(v, part, FPTC__DROPPED_KEY, &value, out_asof_ms, NULL) == FPTC_OK)
        number = (uint64_t)fptc__json_int(value);
    fptc__json_free(value);
    return number;
}

fptc_status fptc__view_config_list(struct fptc__view *v, enum fptc__part part, const char *prefix,
                                   int (*each)(const char *key, const char *value, void *payload),
                                   void *payload, fptc_error *err)
{
    sqlite3_stmt *stmt;
    int rc = SQLITE_DONE, stop = 0;
    fptc_status status = ask(v, part,
                             "SELECT key, value FROM %s._fptc_config WHERE substr(key, 1, "
                             "length(?1)) = ?1 ORDER BY key",
                             prefix, &stmt, err);

    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    while (!stop && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        stop = each((const char *)sqlite3_column_text(stmt, 0),
                    (const char *)sqlite3_column_text(stmt, 1), payload);
    if (!stop && rc != SQLITE_DONE)
        status = fptc__view_fail(v, "reading configuration", err);
    sqlite3_reset(stmt);
    return status;
}

/* Runs a statement whose first column becomes an array of texts (or integers). */
static fptc_status to_array(struct fptc__view *v, sqlite3_stmt *stmt, const char *what,
                            fptc__json **out, fptc_error *err)
{
    fptc__json *list = fptc__json_new_array();
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        fptc__json *at = sqlite3_column_type(stmt, 0) == SQLITE_INTEGER
                             ? fptc__json_new_int(sqlite3_column_int64(stmt, 0))
                             : fptc__json_new_text((const char *)sqlite3_column_text(stmt, 0));

        if (!fptc__json_append(list, at)) {
            sqlite3_reset(stmt);
            fptc__json_free(list);
            return fptc__fail_nomem(err);
        }
    }
    sqlite3_reset(stmt);
    if (rc != SQLITE_DONE || list == NULL) {
        fptc__json_free(list);
        return list == NULL ? fptc__fail_nomem(err) : fptc__view_fail(v, what, err);
    }
    *out = list;
    return FPTC_OK;
}

static fptc_status ask_array(struct fptc__view *v, enum fptc__part part, const char *sql,
                             const char *type, fptc__json **out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = ask(v, part, sql, type, &stmt, err);

    *out = NULL;
    if (status == FPTC_OK)
        return to_array(v, stmt, type == NULL ? "coverage" : type, out, err);
    if (status != FPTC_MISS)
        return status;
    *out = fptc__json_new_array();
    return *out == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

fptc_status fptc__view_known_fields(struct fptc__view *v, enum fptc__part part, const char *type,
                                    fptc__json **out, fptc_error *err)
{
    return ask_array(v, part, "SELECT field FROM %s._fptc_field WHERE type = ?1 ORDER BY field",
                     type, out, err);
}

fptc_status fptc__view_covered_types(struct fptc__view *v, enum fptc__part part, fptc__json **out,
                                     fptc_error *err)
{
    return ask_array(v, part, "SELECT type FROM %s._fptc_cover ORDER BY type", NULL, out, err);
}

fptc_status fptc__view_suspects(struct fptc__view *v, enum fptc__part part, const char *type,
                                fptc__json **out, fptc_error *err)
{
    return ask_array(v, part, "SELECT id FROM %s._fptc_suspect WHERE type = ?1 ORDER BY id", type,
                     out, err);
}

int64_t fptc__view_touched(struct fptc__view *v, enum fptc__part part, const char *type)
{
    sqlite3_stmt *stmt;
    int64_t number = 0;

    if (ask(v, part, "SELECT commit_no FROM %s._fptc_touched WHERE type = ?1", type, &stmt, NULL) !=
        FPTC_OK)
        return 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return number;
}

int fptc__view_is_suspect(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id)
{
    sqlite3_stmt *stmt;
    int is_suspect;

    if (ask(v, part, "SELECT 1 FROM %s._fptc_suspect WHERE type = ?1 AND id = ?2", type, &stmt,
            NULL) != FPTC_OK)
        return 0;
    sqlite3_bind_int64(stmt, 2, id);
    is_suspect = sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_reset(stmt);
    return is_suspect;
}

fptc__json *fptc__view_fields_of(struct fptc__view *v, enum fptc__part part, const char *type,
                                 int64_t id)
{
    struct fptc__view_part *at = fptc__view_at(v, part);
    const char *schemas[2] = {at->delta_schema, at->has_base ? at->base_schema : NULL};
    fptc__json *fields = NULL;
    sqlite3_stmt *stmt;
    char *sql;
    int i;

    for (i = 0; i < 2 && fields == NULL && at->tables != NULL && schemas[i] != NULL; i++) {
        if (!fptc__shape_has_table(v, schemas[i], type))
            continue;
        sql = sqlite3_mprintf("SELECT s.fields FROM %s.\"%w\" t JOIN %s._fptc_fieldset s "
                              "ON s.no = t._fptc_fieldset WHERE t.id = ?1",
                              schemas[i], type, schemas[i]);
        if (sql != NULL && fptc__view_prepare(v, sql, &stmt, NULL) == FPTC_OK) {
            sqlite3_bind_int64(stmt, 1, id);
            if (sqlite3_step(stmt) == SQLITE_ROW)
                (void)column_json(stmt, 0, &fields, NULL);
            sqlite3_reset(stmt);
        }
        sqlite3_free(sql);
    }
    return fields;
}

/* Prepares "<head> "type" <tail>"; FPTC_MISS when the type is not there. */
static fptc_status ask_type(struct fptc__view *v, enum fptc__part part, const char *head,
                            const char *type, const char *tail, sqlite3_stmt **out)
{
    char *sql;
    fptc_status status = fptc__shape_type(v, fptc__view_at(v, part), type, NULL);

    if (status != FPTC_OK)
        return status;
    sql = sqlite3_mprintf("%s \"%w\" %s", head, type, tail);
    status = sql == NULL ? FPTC_ENOMEM : fptc__view_prepare(v, sql, out, NULL);
    sqlite3_free(sql);
    return status;
}

fptc_status fptc__view_count(struct fptc__view *v, enum fptc__part part, const char *type,
                             int64_t *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = ask_type(v, part, "SELECT count(*) FROM", type, "", &stmt);

    *out = 0;
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : fptc__view_fail(v, type, err);
    status = first(v, stmt, type, err);
    if (status == FPTC_OK)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return status;
}

int fptc__view_has(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id,
                   char out_updated_at[32])
{
    sqlite3_stmt *stmt;
    int has;

    if (ask_type(v, part, "SELECT * FROM", type, "WHERE id = ?1", &stmt) != FPTC_OK)
        return 0;
    sqlite3_bind_int64(stmt, 1, id);
    has = sqlite3_step(stmt) == SQLITE_ROW;
    if (has && out_updated_at != NULL) {
        int i, n = sqlite3_column_count(stmt);

        out_updated_at[0] = '\0';
        for (i = 0; i < n; i++) {
            if (strcmp(sqlite3_column_name(stmt, i), "updated_at") == 0 &&
                sqlite3_column_type(stmt, i) == SQLITE_TEXT)
                snprintf(out_updated_at, 32, "%s", (const char *)sqlite3_column_text(stmt, i));
        }
    }
    sqlite3_reset(stmt);
    return has;
}

static char *links_sql(const struct fptc__follow *f)
{
    char *link = f->is_list ? sqlite3_mprintf("%w__%w", f->type, f->link) : NULL;
    char *sql;

    if (f->is_list)
        sql = sqlite3_mprintf(
            "SELECT 1 FROM \"%w\" a WHERE a.link_type = ?1 AND NOT EXISTS (SELECT 1 "
            "FROM \"%w\" b WHERE b.id = a.link_id) AND NOT fptc_gone(?1, "
            "a.link_id) LIMIT 1",
            link ? link : "", f->target);
    else
        sql = sqlite3_mprintf(
            "SELECT 1 FROM \"%w\" a WHERE a.\"%w__type\" = ?1 AND NOT EXISTS (SELECT 1 "
            "FROM \"%w\" b WHERE b.id = a.\"%w__id\") AND NOT fptc_gone(?1, "
            "a.\"%w__id\") LIMIT 1",
            f->type, f->link, f->target, f->link, f->link);
    sqlite3_free(link);
    return sql;
}

int fptc__view_links_outside(struct fptc__view *v, const struct fptc__follow *follow)
{
    struct fptc__view_part *home = fptc__view_at(v, FPTC__HOME);
    sqlite3_stmt *stmt = NULL;
    char *sql;
    int is_outside = 1, rc = SQLITE_ERROR;
    int is_shown = v->layer.is_shown && (fptc__layer_has_type(home, follow->type) ||
                                         fptc__layer_has_type(home, follow->target));

    if (!is_shown && fptc__known_outside(v, follow, &is_outside))
        return is_outside;
    if (fptc__shape_type(v, home, follow->type, NULL) != FPTC_OK ||
        fptc__shape_type(v, home, follow->target, NULL) != FPTC_OK)
        return 1;
    sql = links_sql(follow);
    if (sql != NULL && fptc__view_prepare(v, sql, &stmt, NULL) == FPTC_OK) {
        sqlite3_bind_text(stmt, 1, follow->target, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        sqlite3_reset(stmt);
    }
    sqlite3_free(sql);
    is_outside = rc != SQLITE_DONE;
    if (!is_shown && (rc == SQLITE_DONE || rc == SQLITE_ROW))
        fptc__known_outside_add(v, follow, is_outside);
    return is_outside;
}

fptc_status fptc__view_ids_missing(struct fptc__view *v, enum fptc__part part, const char *type,
                                   const struct fptc__idset *seen, fptc__json **out,
                                   fptc_error *err)
{
    fptc__json *list = fptc__json_new_array();
    sqlite3_stmt *stmt;
    int rc, is_nomem = list == NULL;
    fptc_status status = ask_type(v, part, "SELECT id FROM", type, "", &stmt);

    *out = list;
    if (status == FPTC_MISS)
        return list == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    if (status != FPTC_OK)
        return fptc__view_fail(v, type, err);
    while (!is_nomem && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(stmt, 0);

        if (!fptc__idset_has(seen, id))
            is_nomem = !fptc__json_append(list, fptc__json_new_int(id));
    }
    if (!is_nomem && rc != SQLITE_DONE)
        status = fptc__view_fail(v, type, err);
    sqlite3_reset(stmt);
    return is_nomem ? fptc__fail_nomem(err) : status;
}

static int links_equal(const struct fptc__cell *a, const struct fptc__cell *b)
{
    int64_t i;

    for (i = 0; i < a->i; i++) {
        if (a->links[i].id != b->links[i].id || strcmp(a->links[i].type, b->links[i].type) != 0)
            return 0;
    }
    return 1;
}

static int cells_equal(const struct fptc__cell *a, const struct fptc__cell *b)
{
    if (a->kind != b->kind || a->i != b->i)
        return 0;
    if (a->kind == FPTC_KIND_FLOAT)
        return fabs(a->d - b->d) < 5e-7;
    if (a->kind == FPTC_KIND_LINK || a->kind == FPTC_KIND_LINKS)
        return links_equal(a, b);
    return a->text == NULL || strcmp(a->text, b->text) == 0;
}

int fptc__view_differs(struct fptc__view *v, enum fptc__part part, const char *type,
                       const fptc__json *types, const fptc__json *row)
{
    struct fptc__rows stored = {0}, fresh = {0};
    const fptc__json *at;
    int64_t id = fptc__json_get_int(row, "id");
    int differs = fptc__view_row(v, part, type, id, &stored, NULL) != FPTC_OK ||
                  fptc__rows_init(&fresh, type, stored.names, stored.n_columns, NULL) != FPTC_OK ||
                  fptc__rows_add(&fresh, id) == NULL;

    for (at = fptc__json_first(types); at != NULL && !differs; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const fptc__json *value = fptc__json_get(row, field);
        size_t column = fptc__rows_column(&stored, field);
        enum fptc__class class_of = fptc__class_of_field(field, fptc__json_text(at));

        if (strcmp(field, "id") == 0 || class_of == FPTC__NEVER)
            continue;
        if (column == stored.n_columns) {
            differs = 1;
            continue;
        }
        if (value == NULL)
            fresh.list[0].cells[column].kind = FPTC_KIND_NULL;
        else
            fptc__rows_set_json(&fresh, &fresh.list[0].cells[column], class_of, value);
        differs = !cells_equal(&stored.list[0].cells[column], &fresh.list[0].cells[column]);
    }
    fptc__rows_done(&stored);
    fptc__rows_done(&fresh);
    return differs;
}

int fptc__view_has_effect(struct fptc__view *v, enum fptc__part part, const char *type)
{
    char key[sizeof("effect:") + FPTC_NAME_BYTES_MAX];
    fptc__json *value = NULL;
    fptc_status status;

    snprintf(key, sizeof(key), "effect:%s", type);
    status = fptc__view_config(v, part, key, &value, NULL, NULL);
    fptc__json_free(value);
    return status != FPTC_MISS;
}
