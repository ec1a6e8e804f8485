/* tables_help.c: see tables_help.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/datatype.h"
#include "tables_help.h"

fptc_error th_err;

/* --- stores ----------------------------------------------------------------------------------- */

static void on_replaced(void *ctx, const char *type, int64_t id)
{
    struct told *told = ctx;
    assert_true(told->n_rows < 4096);
    snprintf(told->rows[told->n_rows++], 48, "%s %" PRId64, type, id);
}

static void on_reshaped(void *ctx, const char *type)
{
    struct told *told = ctx;
    assert_true(told->n_types < 256);
    snprintf(told->types[told->n_types++], 48, "%s", type);
}

static void open_dropped(struct store *s, uint64_t dropped, int64_t asof_ms)
{
    struct fptc__tables_options o = {.db = s->db,
                                     .dropped = dropped,
                                     .dropped_asof_ms = asof_ms,
                                     .base = s->is_overlay ? "base" : "main",
                                     .delta = "main",
                                     .replaced = on_replaced,
                                     .reshaped = on_reshaped,
                                     .ctx = &s->told};
    if (fptc__tables_open(&o, "project-101", &s->t, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
}

static void open_tables(struct store *s)
{
    open_dropped(s, 0, 0);
}

void store_open(struct store *s)
{
    memset(s, 0, sizeof(*s));
    assert_int_equal(fptc__sql_open_memory(&s->db, &th_err), FPTC_OK);
    open_tables(s);
}

void store_split(struct store *s)
{
    sqlite3 *whole;
    unsigned char *image, *copy;
    sqlite3_int64 bytes = 0;

    fptc__tables_close(s->t);
    image = sqlite3_serialize(s->db, "main", &bytes, 0);
    assert_non_null(image);
    copy = sqlite3_malloc64((sqlite3_uint64)bytes);
    memcpy(copy, image, (size_t)bytes);
    sqlite3_free(image);
    sqlite3_close(s->db);
    assert_int_equal(fptc__sql_open_memory(&whole, &th_err), FPTC_OK);
    assert_int_equal(fptc__sql_run(whole, "ATTACH ':memory:' AS base", &th_err), FPTC_OK);
    assert_int_equal(
        sqlite3_deserialize(whole, "base", copy, bytes, bytes,
                            SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY),
        SQLITE_OK);
    s->db = whole;
    s->is_overlay = 1;
    memset(&s->told, 0, sizeof(s->told));
    open_tables(s);
}

void store_drop(struct store *s, uint64_t number, int64_t asof_ms)
{
    int is_overlay = s->is_overlay;

    store_close(s);
    assert_int_equal(fptc__sql_open_memory(&s->db, &th_err), FPTC_OK);
    open_dropped(s, number, asof_ms);
    s->number = number;
    if (is_overlay)
        store_split(s);
}

void store_close(struct store *s)
{
    fptc__tables_close(s->t);
    assert_int_equal(sqlite3_close(s->db), SQLITE_OK);
    memset(s, 0, sizeof(*s));
}

fptc_status store_apply(struct store *s, uint64_t number, const struct fptc__record *records,
                        size_t n)
{
    struct fptc__commit commit;
    fptc_status status;

    memset(&commit, 0, sizeof(commit));
    snprintf(commit.head.partition, sizeof(commit.head.partition), "project-101");
    commit.head.number = number;
    commit.records = calloc(n ? n : 1, sizeof(*records));
    if (n)
        memcpy(commit.records, records, n * sizeof(*records));
    commit.n_records = n;
    status = fptc__tables_apply(s->t, &commit, &th_err);
    free(commit.records);
    if (status == FPTC_OK && number > s->number)
        s->number = number;
    return status;
}

fptc_status store_put_as(struct store *s, uint64_t number, uint16_t kind, const char *body)
{
    struct fptc__record record = {kind, body, strlen(body)};
    return store_apply(s, number, &record, 1);
}

fptc_status store_put(struct store *s, uint16_t kind, const char *body)
{
    return store_put_as(s, s->number + 1, kind, body);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Appends the rows of a query, a line each, its fields separated by '|'. */
static void dump(sqlite3 *db, const char *label, const char *sql, struct fptc__buf *out)
{
    sqlite3_stmt *stmt = NULL;
    int i;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        fptc__buf_adds(out, label);
        for (i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            static const char kinds[] = "?irtbn";
            fptc__buf_addf(out, "|%c%s", kinds[sqlite3_column_type(stmt, i)], text ? text : "");
        }
        fptc__buf_addc(out, '\n');
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* The table's columns as ",id,code,"; "" when there is no such table. To be freed by sqlite3_free. */
static char *column_list(struct store *s, const char *schema, const char *table)
{
    char *sql = sqlite3_mprintf("SELECT ',' || group_concat(name) || ',' FROM"
                                " pragma_table_info(%Q, %Q)",
                                table, schema);
    sqlite3_stmt *stmt = NULL;
    char *list;

    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    list = sqlite3_mprintf(
        "%s", sqlite3_column_text(stmt, 0) ? (const char *)sqlite3_column_text(stmt, 0) : "");
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return list;
}

static int has_table(struct store *s, const char *schema, const char *table)
{
    char *list = column_list(s, schema, table);
    int there = list[0] != '\0';

    sqlite3_free(list);
    return there;
}

static void add_columns(struct store *s, const char *schema, const char *type, const char *fields,
                        struct fptc__buf *sql)
{
    const char *at = fields;
    char name[300], column[320], *there = column_list(s, schema, type);

    for (; *at; at += strcspn(at, " ") + 1) {
        const char *tails[] = {"", "__type", "__id"};
        size_t i, n = strcspn(at, " ");
        snprintf(name, sizeof(name), "%.*s", (int)n, at);
        for (i = 0; i < 3; i++) {
            snprintf(column, sizeof(column), ",%s%s,", name, tails[i]);
            if (strstr(there, column))
                fptc__buf_addf(sql, ", \"%s%s\"", name, tails[i]);
            else
                fptc__buf_adds(sql, ", NULL");
        }
    }
    sqlite3_free(there);
}

/* Names of the type's fields, each followed by a blank, in order. */
static char *fields_of(struct store *s, const char *type, int links)
{
    struct fptc__buf out;
    sqlite3_stmt *stmt = NULL;

    fptc__buf_init(&out, 1u << 20);
    assert_int_equal(
        sqlite3_prepare_v2(s->db,
                           "SELECT field, data_type FROM main._fptc_field WHERE type=? ORDER BY 1",
                           -1, &stmt, NULL),
        SQLITE_OK);
    sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *field = (const char *)sqlite3_column_text(stmt, 0);
        const char *data_type = (const char *)sqlite3_column_text(stmt, 1);
        if ((fptc__class_of(data_type) == FPTC__LINKS) == links)
            fptc__buf_addf(&out, "%s ", field);
    }
    sqlite3_finalize(stmt);
    fptc__buf_addc(&out, '\0');
    return fptc__buf_steal(&out);
}

static void add_side(struct store *s, const char *schema, const char *type, const char *fields,
                     struct fptc__buf *sql)
{
    if (!has_table(s, schema, type)) {
        size_t i, n = 0;
        for (i = 0; fields[i]; i++)
            n += fields[i] == ' ' ? 3 : 0;
        fptc__buf_adds(sql, "SELECT NULL, NULL, NULL");
        for (i = 0; i < n; i++)
            fptc__buf_adds(sql, ", NULL");
        fptc__buf_adds(sql, " WHERE 0");
        return;
    }
    fptc__buf_adds(sql, "SELECT id, _fptc_version, _fptc_fieldset");
    add_columns(s, schema, type, fields, sql);
    fptc__buf_addf(sql, " FROM %s.", schema);
    fptc__sql_quote(sql, type);
    if (strcmp(schema, "base") == 0) {
        fptc__buf_addf(sql, " WHERE id NOT IN (SELECT id FROM main._fptc_gone WHERE type='%s')",
                       type);
        if (has_table(s, "main", type)) {
            fptc__buf_adds(sql, " AND id NOT IN (SELECT id FROM main.");
            fptc__sql_quote(sql, type);
            fptc__buf_addc(sql, ')');
        }
    }
}

static void dump_links(struct store *s, const char *type, const char *field, struct fptc__buf *out)
{
    struct fptc__buf sql;
    char table[600], label[700];

    snprintf(table, sizeof(table), "%s__%s", type, field);
    snprintf(label, sizeof(label), "links %s", table);
    fptc__buf_init(&sql, 1u << 20);
    if (has_table(s, "main", table)) {
        fptc__buf_adds(&sql, "SELECT id, pos, link_type, link_id FROM main.");
        fptc__sql_quote(&sql, table);
    }
    if (s->is_overlay && has_table(s, "base", table)) {
        if (sql.len)
            fptc__buf_adds(&sql, " UNION ALL ");
        fptc__buf_adds(&sql, "SELECT id, pos, link_type, link_id FROM base.");
        fptc__sql_quote(&sql, table);
        fptc__buf_addf(&sql, " WHERE id NOT IN (SELECT id FROM main._fptc_gone WHERE type='%s')",
                       type);
        if (has_table(s, "main", type))
            fptc__buf_addf(&sql, " AND id NOT IN (SELECT id FROM main.\"%s\")", type);
    }
    if (sql.len) {
        fptc__buf_adds(&sql, " ORDER BY 1, 2");
        dump(s->db, label, sql.data, out);
    }
    fptc__buf_done(&sql);
}

static void dump_type(struct store *s, const char *type, struct fptc__buf *out)
{
    char *fields = fields_of(s, type, 0), *links = fields_of(s, type, 1), *at;
    char label[300], field[300];
    struct fptc__buf sql;

    fptc__buf_init(&sql, 1u << 20);
    add_side(s, "main", type, fields, &sql);
    if (s->is_overlay) {
        fptc__buf_adds(&sql, " UNION ALL ");
        add_side(s, "base", type, fields, &sql);
    }
    fptc__buf_adds(&sql, " ORDER BY 1");
    snprintf(label, sizeof(label), "row %s", type);
    dump(s->db, label, sql.data, out);
    for (at = links; *at; at += strcspn(at, " ") + 1) {
        snprintf(field, sizeof(field), "%.*s", (int)strcspn(at, " "), at);
        dump_links(s, type, field, out);
    }
    fptc__buf_done(&sql);
    free(fields);
    free(links);
}

/* A table looked up by key in delta, then base. */
static void dump_keyed(struct store *s, const char *table, const char *columns, const char *key,
                       struct fptc__buf *out)
{
    struct fptc__buf sql;

    fptc__buf_init(&sql, 1u << 20);
    fptc__buf_addf(&sql, "SELECT %s FROM main.%s", columns, table);
    if (s->is_overlay) {
        fptc__buf_addf(&sql,
                       " UNION ALL SELECT %s FROM base.%s WHERE (%s) NOT IN"
                       " (SELECT %s FROM main.%s)",
                       columns, table, key, key, table);
        if (strcmp(table, "_fptc_gone") == 0) {
            sqlite3_stmt *stmt = NULL;
            sqlite3_prepare_v2(s->db, "SELECT DISTINCT type FROM base._fptc_gone", -1, &stmt, NULL);
            while (sqlite3_step(stmt) == SQLITE_ROW) {
                const char *type = (const char *)sqlite3_column_text(stmt, 0);
                if (has_table(s, "main", type))
                    fptc__buf_addf(&sql,
                                   " AND NOT (type='%s' AND id IN (SELECT id FROM main.\"%s\"))",
                                   type, type);
            }
            sqlite3_finalize(stmt);
        }
    }
    fptc__buf_adds(&sql, " ORDER BY 1, 2");
    dump(s->db, table, sql.data, out);
    fptc__buf_done(&sql);
}

char *store_state(struct store *s, int with_upto)
{
    static const char *const small[] = {
        "_fptc_field", "_fptc_fieldset", "_fptc_suspect", "_fptc_touched",
        "_fptc_cover", "_fptc_query",    "_fptc_config",
    };
    struct fptc__buf out;
    sqlite3_stmt *stmt = NULL;
    size_t i;

    fptc__buf_init(&out, 1u << 30);
    if (with_upto)
        dump(s->db, "format", "SELECT format, partition, upto FROM main._fptc_format", &out);
    for (i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT * FROM main.%s ORDER BY 1, 2", small[i]);
        dump(s->db, small[i], sql, &out);
    }
    sqlite3_prepare_v2(s->db, "SELECT DISTINCT type FROM main._fptc_field ORDER BY 1", -1, &stmt,
                       NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        dump_type(s, (const char *)sqlite3_column_text(stmt, 0), &out);
    sqlite3_finalize(stmt);
    dump_keyed(s, "_fptc_name", "type, id, name, is_gone, commit_no", "type, id", &out);
    dump_keyed(s, "_fptc_gone", "type, id, version, updated_at, moved_to", "type, id", &out);
    dump_keyed(s, "_fptc_event", "event, type, id, version", "event", &out);
    dump_keyed(s, "_fptc_mutation",
               "event, version, state, verb, type, id, body, attempts, attempt_asof,"
               " attempt_writer, outcome",
               "event", &out);
    assert_int_equal(out.failed, FPTC_OK);
    return fptc__buf_steal(&out);
}

const char *state_difference(const char *a, const char *b)
{
    static char text[2000];

    while (*a && *b) {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (n != m || strncmp(a, b, n) != 0)
            break;
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
    snprintf(text, sizeof(text), "\n  first:  %.*s\n  second: %.*s", (int)strcspn(a, "\n"), a,
             (int)strcspn(b, "\n"), b);
    return text;
}

const char *store_get(struct store *s, const char *sql)
{
    static char texts[8][4096];
    static int next;
    char *text = texts[next++ % 8];
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(s->db));
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *got = (const char *)sqlite3_column_text(stmt, 0);
        snprintf(text, 4096, "%s", got ? got : "");
    } else {
        snprintf(text, 4096, "-");
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return text;
}

const char *store_row(struct store *s, const char *type, int64_t id, const char *expression)
{
    char *sql;
    const char *got = "-";

    if (has_table(s, "main", type)) {
        sql = sqlite3_mprintf("SELECT %s FROM main.\"%w\" WHERE id=%lld", expression, type,
                              (long long)id);
        got = store_get(s, sql);
        sqlite3_free(sql);
    }
    if (strcmp(got, "-") != 0 || !s->is_overlay || !has_table(s, "base", type))
        return got;
    sql = sqlite3_mprintf("SELECT %s FROM base.\"%w\" WHERE id=%lld AND id NOT IN"
                          " (SELECT id FROM main._fptc_gone WHERE type=%Q)",
                          expression, type, (long long)id, type);
    got = store_get(s, sql);
    sqlite3_free(sql);
    return got;
}

/* --- modes ------------------------------------------------------------------------------------ */

const char *const mode_names[MODES] = {"in place", "stored in base", "stored in overlay"};

void begin(struct store *s, int mode)
{
    store_open(s);
    if (mode == STORED_ABOVE)
        store_split(s);
}

void stored(struct store *s, int mode)
{
    if (mode == STORED_BELOW)
        store_split(s);
    memset(&s->told, 0, sizeof(s->told));
}

void put(struct store *s, uint16_t kind, const char *body)
{
    if (store_put(s, kind, body) != FPTC_OK)
        fail_msg("%s: %s", body, th_err.message);
}
