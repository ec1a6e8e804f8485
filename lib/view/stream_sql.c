/*
 * stream_sql.c: one statement of the caller's own over the views of all types. It may read those views
 * and nothing below them, call functions, and nothing else: what the authorizer below does not name is
 * refused, and so is whatever SQLite itself does not call read-only.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/streaming.h"

/* One value; and the text of the statement. */
#define VALUE_BYTES_MAX (64 * 1024 * 1024)
#define SQL_BYTES_MAX (1024 * 1024)

/* A table of a snapshot or an overlay, named by the statement itself and not by one of our views, would
   show only half of the rows. Where no column of a view is used (count), SQLite names the table below it
   as if the statement had. */
static int may_read(const struct fptc__view *v, const char *table, const char *column,
                    const char *schema, const char *within)
{
    size_t i;

    if (schema == NULL || (within != NULL && fptc__shape_is(v, within)) ||
        (column[0] == '\0' && fptc__shape_is(v, table)))
        return 1;
    for (i = 0; i < v->n_parts; i++) {
        if (strcmp(schema, v->parts[i].base_schema) == 0 ||
            strcmp(schema, v->parts[i].delta_schema) == 0)
            return 0;
    }
    return 1;
}

/* Both would hand out or take in addresses of this process. */
static int may_call(const char *function)
{
    return strcmp(function, "load_extension") != 0 && strcmp(function, "fts3_tokenizer") != 0;
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *schema,
                     const char *within)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return may_call(b) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_READ:
        return may_read(ctx, a, b, schema, within) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int is_blank(const char *text)
{
    while (isspace((unsigned char)*text) || *text == ';')
        text++;
    return *text == '\0';
}

/* 1 when nothing but blanks and comments follows the statement. */
static int is_alone(sqlite3 *db, const char *tail)
{
    sqlite3_stmt *next = NULL;
    int is_empty = is_blank(tail) || (sqlite3_prepare_v2(db, tail, -1, &next, &tail) == SQLITE_OK &&
                                      next == NULL && is_blank(tail));

    sqlite3_finalize(next);
    return is_empty;
}

/* What tables there are, for who named another. */
static void add_types(const struct fptc__view *v, struct fptc__buf *text)
{
    size_t i;

    fptc__buf_adds(text, "; there are");
    for (i = 0; i < v->n_shapes && text->len < 380; i++) {
        if (strstr(v->shapes[i], "__") == NULL)
            fptc__buf_addf(text, " %s", v->shapes[i]);
    }
}

fptc_status fptc__stream_sql_fail(struct fptc__stream *s, fptc_error *err)
{
    sqlite3 *db = s->view->db;
    int code = sqlite3_errcode(db) & 0xff;
    struct fptc__buf text;
    fptc_status status;

    if (s->is_late || (code != SQLITE_AUTH && code != SQLITE_ERROR && code != SQLITE_TOOBIG))
        return fptc__stream_fail(s, NULL, err);
    fptc__buf_init(&text, 4096);
    fptc__buf_addf(&text, "%.300s", sqlite3_errmsg(db));
    if (code == SQLITE_AUTH)
        fptc__buf_adds(&text, ": one SELECT over FPT's types is allowed, named as they are");
    else if (strncmp(fptc__buf_text(&text), "no such table", 13) == 0)
        add_types(s->view, &text);
    status = fptc__fail(err, FPTC_EUSAGE, "%s", fptc__buf_text(&text));
    fptc__buf_done(&text);
    return status;
}

static fptc_status prepare(struct fptc__stream *s, const char *sql, fptc_error *err)
{
    sqlite3 *db = s->view->db;
    const char *tail = "";
    fptc_status status = FPTC_OK;

    if (strlen(sql) > SQL_BYTES_MAX)
        return fptc__fail(err, FPTC_EUSAGE, "the statement is longer than %d bytes", SQL_BYTES_MAX);
    if (sqlite3_prepare_v2(db, sql, -1, &s->stmt, &tail) != SQLITE_OK)
        status = fptc__stream_sql_fail(s, err);
    else if (s->stmt == NULL)
        status = fptc__fail(err, FPTC_EUSAGE, "there is no statement in \"%.80s\"", sql);
    else if (!is_alone(db, tail))
        status = fptc__fail(err, FPTC_EUSAGE, "more than one statement: \"%.80s\" follows", tail);
    else if (!sqlite3_stmt_readonly(s->stmt) || sqlite3_column_count(s->stmt) == 0)
        status = fptc__fail(err, FPTC_EUSAGE, "the statement is no SELECT");
    else if (sqlite3_bind_parameter_count(s->stmt) > 0)
        status =
            fptc__fail(err, FPTC_EUSAGE, "the statement has parameters; write the values into it");
    return status;
}

/* Names of columns, which a cursor must tell apart: the second "id" becomes "id:1". */
static fptc_status start_rows(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err)
{
    size_t n = (size_t)sqlite3_column_count(s->stmt), i, k;
    char **names = calloc(n, sizeof(*names));
    fptc_status status = names == NULL ? fptc__fail_nomem(err) : FPTC_OK;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        const char *name = sqlite3_column_name(s->stmt, (int)i);
        int same = 0;

        for (k = 0; k < i && name != NULL; k++)
            same += strcmp(sqlite3_column_name(s->stmt, (int)k), name) == 0;
        names[i] = same == 0 ? sqlite3_mprintf("%s", name) : sqlite3_mprintf("%s:%d", name, same);
        if (names[i] == NULL)
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK)
        status = fptc__rows_init(rows, NULL, (const char *const *)names, n, err);
    for (i = 0; i < n && names != NULL; i++)
        sqlite3_free(names[i]);
    free(names);
    s->n_columns = n;
    return status;
}

fptc_status fptc__stream_sql(struct fptc__view *view, const char *sql, int64_t until_mono_ms,
                             struct fptc__rows *rows, struct fptc__stream **out, fptc_error *err)
{
    struct fptc__stream *s = NULL;
    size_t i;
    fptc_status status = fptc__stream_new(view, until_mono_ms, &s, err);

    *out = NULL;
    for (i = 0; i < view->n_parts && status == FPTC_OK; i++)
        status = fptc__shape_all(view, &view->parts[i], err);
    if (status == FPTC_OK && view->n_shapes == 0)
        status =
            fptc__fail(err, FPTC_ENODATA, "the cache holds nothing of %s", view->parts[0].at.name);
    if (status == FPTC_OK) {
        (void)sqlite3_limit(view->db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
        sqlite3_set_authorizer(view->db, authorize, view);
        status = prepare(s, sql, err);
        sqlite3_set_authorizer(view->db, NULL, NULL); /* our own look-ups come next */
    }
    if (status == FPTC_OK)
        status = start_rows(s, rows, err);
    if (status == FPTC_OK) {
        status = fptc__stream_prime(s, err);
        if (status != FPTC_OK)
            fptc__rows_done(rows);
    }
    if (status != FPTC_OK)
        fptc__stream_abandon(s);
    else
        *out = s;
    return status;
}

/* Bytes that follow the first of a character, -1 when no character begins so. */
static int n_following(unsigned char c)
{
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c < 0xe0)
        return 1;
    if (c >= 0xe0 && c < 0xf0)
        return 2;
    return c >= 0xf0 && c < 0xf5 ? 3 : -1;
}

static int is_utf8(const unsigned char *text, size_t n)
{
    size_t i = 0;

    while (i < n) {
        int more = n_following(text[i++]);

        if (more < 0)
            return 0;
        for (; more > 0; more--) {
            if (i == n || (text[i++] & 0xc0) != 0x80)
                return 0;
        }
    }
    return 1;
}

/* Bytes, which no table of ours holds, are shown as hexadecimal digits. */
static void set_bytes(struct fptc__rows *rows, sqlite3_stmt *stmt, int at, struct fptc__cell *cell)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = sqlite3_column_blob(stmt, at);
    size_t n = (size_t)sqlite3_column_bytes(stmt, at), i;
    struct fptc__buf hex;

    fptc__buf_init(&hex, 2 * VALUE_BYTES_MAX + 1);
    for (i = 0; i < n; i++) {
        fptc__buf_addc(&hex, digits[bytes[i] >> 4]);
        fptc__buf_addc(&hex, digits[bytes[i] & 15]);
    }
    cell->text = fptc__rows_text(rows, fptc__buf_text(&hex), hex.len);
    rows->is_out_of_memory |= hex.failed != FPTC_OK;
    fptc__buf_done(&hex);
}

static void set_value(struct fptc__rows *rows, sqlite3_stmt *stmt, int at, struct fptc__cell *cell)
{
    const unsigned char *text;
    size_t n;

    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        cell->kind = FPTC_KIND_INT;
        cell->i = sqlite3_column_int64(stmt, at);
        cell->d = (double)cell->i;
        break;
    case SQLITE_FLOAT:
        cell->kind = FPTC_KIND_FLOAT;
        cell->d = sqlite3_column_double(stmt, at);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        cell->kind = FPTC_KIND_TEXT;
        text = sqlite3_column_blob(stmt, at);
        n = (size_t)sqlite3_column_bytes(stmt, at);
        if (sqlite3_column_type(stmt, at) == SQLITE_TEXT && is_utf8(text, n))
            cell->text = fptc__rows_text(rows, n == 0 ? "" : (const char *)text, n);
        else
            set_bytes(rows, stmt, at, cell);
        break;
    default:
        cell->kind = FPTC_KIND_NULL;
        break;
    }
}

fptc_status fptc__stream_sql_row(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err)
{
    struct fptc__row *row = fptc__rows_add(rows, 0);
    size_t i;

    for (i = 0; i < s->n_columns && row != NULL; i++)
        set_value(rows, s->stmt, (int)i, &row->cells[i]);
    return row == NULL || rows->is_out_of_memory ? fptc__fail_nomem(err) : FPTC_OK;
}
