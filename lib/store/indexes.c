/*
 * indexes.c: see indexes.h.
 *
 *  1. gather   standard links, wishes with their uses, indexes that are there.
 *  2. choose   in that order, within the limits. Bytes of what is not there yet are estimated from the
 *              texts' lengths; of what is there, known from when it was made.
 *  3. drop     what was not chosen, then folded columns that no index is on.
 *  4. make     folded columns and indexes, and note what they took.
 *  5. halve    the counts.
 */
#include "store/indexes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/datatype.h"
#include "base/error.h"
#include "store/tables.h"
#include "store/wish.h"

/* Rows whose folded texts are made in one transaction: it bounds the journal, which is in memory. */
#define FOLD_ROWS 20000

static const char *const standard[][2] = {
    {"PublishedFile", "entity link"},  {"PublishedFile", "task link"},
    {"PublishedFile", "version link"}, {"Shot", "sg_sequence link"},
    {"Task", "entity link"},           {"Task", "step link"},
    {"Version", "entity link"},        {"Version", "sg_task link"},
};

struct candidate {
    char *type, *text;
    struct fptc__wish wish;
    int64_t uses, bytes;
    int is_fixed, is_there, is_chosen;
};

struct renewal {
    sqlite3 *db;
    const struct fptc__logger *logger;
    struct candidate *list;
    size_t n, cap;
    int64_t budget;
};

/* --- gathering -------------------------------------------------------------------------------- */

static fptc_status add(struct renewal *r, const char *type, const char *text,
                       struct candidate **out, fptc_error *err)
{
    struct candidate *c;
    size_t i;

    for (i = 0; i < r->n; i++) {
        *out = &r->list[i];
        if (strcmp(r->list[i].type, type) == 0 && strcmp(r->list[i].text, text) == 0)
            return FPTC_OK;
    }
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;

        c = realloc(r->list, cap * sizeof(*c));
        if (!c)
            return fptc__fail_nomem(err);
        r->list = c;
        r->cap = cap;
    }
    c = &r->list[r->n];
    memset(c, 0, sizeof(*c));
    c->type = strdup(type);
    c->text = strdup(text);
    *out = c;
    r->n++;
    return c->type && c->text ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status add_standard(struct renewal *r, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    struct candidate *c;
    size_t i;

    for (i = 0; status == FPTC_OK && i < sizeof(standard) / sizeof(standard[0]); i++) {
        status = add(r, standard[i][0], standard[i][1], &c, err);
        if (status == FPTC_OK)
            c->is_fixed = 1;
    }
    return status;
}

/* type, wish, uses, bytes (NULL: of a wish, not of an index that is there), most used first. */
static const char gather_sql[] =
    "SELECT type, wish, sum(uses) AS n, NULL FROM _fptc_usage GROUP BY type, wish HAVING n >= ?1"
    " UNION ALL SELECT type, wish, 0, bytes FROM _fptc_index ORDER BY n DESC, type, wish LIMIT ?2";

static fptc_status gather(struct renewal *r, fptc_error *err)
{
    fptc_status status = add_standard(r, err);
    sqlite3_stmt *stmt = NULL;
    struct candidate *c;
    int code = SQLITE_ROW;

    if (status == FPTC_OK && sqlite3_prepare_v2(r->db, gather_sql, -1, &stmt, NULL) != SQLITE_OK)
        status = fptc__sql_fail(r->db, "reading the counts of what was asked", err);
    (void)sqlite3_bind_int64(stmt, 1, FPTC_INDEX_USES_MIN);
    (void)sqlite3_bind_int64(stmt, 2, 2 * (int64_t)FPTC_WISHES_MAX);
    while (status == FPTC_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(stmt, 0);
        const char *text = (const char *)sqlite3_column_text(stmt, 1);

        status = type && text ? add(r, type, text, &c, err) : fptc__fail_nomem(err);
        if (status == FPTC_OK) {
            c->uses += sqlite3_column_int64(stmt, 2);
            c->is_there |= sqlite3_column_type(stmt, 3) != SQLITE_NULL;
            c->bytes += sqlite3_column_int64(stmt, 3);
        }
    }
    if (status == FPTC_OK && code != SQLITE_DONE)
        status = fptc__sql_fail(r->db, "reading the counts of what was asked", err);
    sqlite3_finalize(stmt);
    return status;
}

/* --- choosing --------------------------------------------------------------------------------- */

static fptc_status get_int(sqlite3 *db, const char *sql, int64_t *out, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    *out = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        status = fptc__sql_fail(db, sql, err);
    else
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return status;
}

static fptc_status bytes_used(sqlite3 *db, int64_t *out, fptc_error *err)
{
    return get_int(
        db,
        "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count AS p,"
        " pragma_freelist_count AS f, pragma_page_size AS s",
        out, err);
}

static int has_fold(const struct renewal *r, const struct candidate *c, size_t column)
{
    struct fptc__buf name;
    int has;

    fptc__buf_init(&name, 1024);
    fptc__wish_column_name(&c->wish.columns[column], &name);
    has = sqlite3_table_column_metadata(r->db, "main", c->type, fptc__buf_text(&name), NULL, NULL,
                                        NULL, NULL, NULL) == SQLITE_OK;
    fptc__buf_done(&name);
    return has;
}

/* A row's share: a few bytes for the entry, its id, and the texts; those of a folded column twice. */
static fptc_status estimate(const struct renewal *r, struct candidate *c, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status;
    size_t i;

    fptc__buf_init(&sql, 1u << 20);
    fptc__buf_adds(&sql, "SELECT 11 * count(*)");
    for (i = 0; i < c->wish.n; i++) {
        const struct fptc__wish_column *w = &c->wish.columns[i];
        struct fptc__buf name;

        fptc__buf_init(&name, 1024);
        fptc__buf_addf(&name, "%s%s", w->field, w->after);
        fptc__buf_adds(&sql, " + coalesce(sum(length(CAST(");
        fptc__sql_quote(&sql, fptc__buf_text(&name));
        fptc__buf_addf(&sql, " AS BLOB))), 0) * %d",
                       fptc__wish_column_is_fold(w) && !has_fold(r, c, i) ? 2 : 1);
        fptc__buf_done(&name);
    }
    fptc__buf_adds(&sql, " FROM main.");
    fptc__sql_quote(&sql, c->type);
    status = fptc__buf_check(&sql, "SQL text", err);
    if (status == FPTC_OK)
        status = get_int(r->db, sql.data, &c->bytes, err);
    fptc__buf_done(&sql);
    return status;
}

/* Whether a chosen index serves it. */
static int is_served(const struct renewal *r, const struct candidate *c)
{
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct candidate *other = &r->list[i];

        if (other->is_chosen && strcmp(other->type, c->type) == 0 &&
            fptc__wish_is_within(&c->wish, &other->wish))
            return 1;
    }
    return 0;
}

/* Bytes of the chosen indexes that it would replace, because it serves as well; gives them up if asked. */
static int64_t replaced_bytes(struct renewal *r, const struct candidate *c, int gives_up)
{
    int64_t bytes = 0;
    size_t i;

    for (i = 0; i < r->n; i++) {
        struct candidate *other = &r->list[i];

        if (!other->is_chosen || strcmp(other->type, c->type) != 0 ||
            !fptc__wish_is_within(&other->wish, &c->wish))
            continue;
        bytes += other->bytes;
        if (gives_up)
            other->is_chosen = 0;
    }
    return bytes;
}

static unsigned count_wished(const struct renewal *r, const char *type)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < r->n; i++)
        n += r->list[i].is_chosen && !r->list[i].is_fixed && strcmp(r->list[i].type, type) == 0;
    return n;
}

static int is_possible(const struct renewal *r, struct candidate *c)
{
    return fptc__is_name(c->type) && !strstr(c->type, "__") &&
           fptc__wish_parse(c->text, &c->wish) && fptc__wish_fits(&c->wish, r->db, "main", c->type);
}

static fptc_status consider(struct renewal *r, struct candidate *c, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (!is_possible(r, c) || is_served(r, c) ||
        (!c->is_fixed && count_wished(r, c->type) >= FPTC_INDEXES_MAX))
        return FPTC_OK;
    if (!c->is_there)
        status = estimate(r, c, err);
    if (status != FPTC_OK)
        return status;
    if (c->bytes > r->budget + replaced_bytes(r, c, 0)) {
        fptc__log_line(r->logger, FPTC_LOG_INFO, "no room for an index of %s on %s", c->type,
                       c->text);
        return FPTC_OK;
    }
    r->budget += replaced_bytes(r, c, 1) - c->bytes;
    c->is_chosen = 1;
    return FPTC_OK;
}

static fptc_status choose(struct renewal *r, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < r->n; i++)
        status = consider(r, &r->list[i], err);
    return status;
}

/* --- dropping --------------------------------------------------------------------------------- */

static fptc_status run(sqlite3 *db, struct fptc__buf *sql, fptc_error *err)
{
    fptc_status status = fptc__buf_check(sql, "SQL text", err);

    if (status == FPTC_OK)
        status = fptc__sql_run(db, sql->data, err);
    fptc__buf_done(sql);
    return status;
}

static fptc_status drop_index(const struct renewal *r, const struct candidate *c, fptc_error *err)
{
    struct fptc__buf name;
    fptc_status status;
    char *sql;

    fptc__buf_init(&name, 4096);
    fptc__wish_index_name(c->type, c->text, &name);
    sql = sqlite3_mprintf("DROP INDEX IF EXISTS main.\"%w\";"
                          " DELETE FROM _fptc_index WHERE type=%Q AND wish=%Q",
                          fptc__buf_text(&name), c->type, c->text);
    fptc__buf_done(&name);
    status = sql ? fptc__sql_run(r->db, sql, err) : fptc__fail_nomem(err);
    sqlite3_free(sql);
    return status;
}

static int is_fold_used(const struct renewal *r, const char *type, const char *field)
{
    size_t i, k;

    for (i = 0; i < r->n; i++) {
        const struct candidate *c = &r->list[i];

        for (k = 0; c->is_chosen && k < c->wish.n; k++) {
            if (strcmp(c->type, type) == 0 && fptc__wish_column_is_fold(&c->wish.columns[k]) &&
                strcmp(c->wish.columns[k].field, field) == 0)
                return 1;
        }
    }
    return 0;
}

static const char folds_sql[] =
    "SELECT m.name, substr(x.name, length(?1) + 1) FROM main.sqlite_schema AS m,"
    " pragma_table_info(m.name, 'main') AS x"
    " WHERE m.type='table' AND substr(x.name, 1, length(?1)) = ?1";

/* The ALTER TABLEs are collected first: none runs while the schema is being read. */
static fptc_status drop_folds(const struct renewal *r, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    struct fptc__buf sql;
    fptc_status status = FPTC_OK;
    int code = SQLITE_DONE;

    fptc__buf_init(&sql, 1u << 24);
    if (sqlite3_prepare_v2(r->db, folds_sql, -1, &stmt, NULL) != SQLITE_OK)
        status = fptc__sql_fail(r->db, "listing folded columns", err);
    (void)sqlite3_bind_text(stmt, 1, FPTC__FOLD_COLUMN, -1, SQLITE_STATIC);
    while (status == FPTC_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *type = (const char *)sqlite3_column_text(stmt, 0);
        const char *field = (const char *)sqlite3_column_text(stmt, 1);

        if (!type || !field || is_fold_used(r, type, field))
            continue;
        fptc__buf_adds(&sql, "ALTER TABLE main.");
        fptc__sql_quote(&sql, type);
        fptc__buf_adds(&sql, " DROP COLUMN \"" FPTC__FOLD_COLUMN);
        fptc__buf_addf(&sql, "%s\"; ", field);
    }
    if (status == FPTC_OK && code != SQLITE_DONE)
        status = fptc__sql_fail(r->db, "listing folded columns", err);
    sqlite3_finalize(stmt);
    if (status == FPTC_OK && sql.len > 0)
        return run(r->db, &sql, err);
    fptc__buf_done(&sql);
    return status;
}

static fptc_status drop_unchosen(const struct renewal *r, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < r->n; i++) {
        if (r->list[i].is_there && !r->list[i].is_chosen)
            status = drop_index(r, &r->list[i], err);
    }
    return status == FPTC_OK ? drop_folds(r, err) : status;
}

/* --- making ----------------------------------------------------------------------------------- */

static fptc_status fill_fold(const struct renewal *r, const char *type, const char *field,
                             fptc_error *err)
{
    char *sql = sqlite3_mprintf("SELECT max(id) FROM (SELECT id FROM main.\"%w\" WHERE id > ?1"
                                " ORDER BY id LIMIT %d)",
                                type, FOLD_ROWS);
    sqlite3_stmt *next = NULL;
    fptc_status status = sql ? FPTC_OK : fptc__fail_nomem(err);
    int64_t from = INT64_MIN;

    if (sql && sqlite3_prepare_v2(r->db, sql, -1, &next, NULL) != SQLITE_OK)
        status = fptc__sql_fail(r->db, "folding texts", err);
    sqlite3_free(sql);
    while (status == FPTC_OK) {
        int64_t to;

        (void)sqlite3_bind_int64(next, 1, from);
        if (sqlite3_step(next) != SQLITE_ROW || sqlite3_column_type(next, 0) == SQLITE_NULL)
            break;
        to = sqlite3_column_int64(next, 0);
        (void)sqlite3_reset(next);
        sql = sqlite3_mprintf("UPDATE main.\"%w\" SET \"" FPTC__FOLD_COLUMN "%w\"=fptc_fold(\"%w\")"
                              " WHERE id > %lld AND id <= %lld",
                              type, field, field, (long long)from, (long long)to);
        status = sql ? fptc__sql_run(r->db, sql, err) : fptc__fail_nomem(err);
        sqlite3_free(sql);
        from = to;
    }
    sqlite3_finalize(next);
    return status;
}

static fptc_status make_folds(const struct renewal *r, const struct candidate *c, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < c->wish.n; i++) {
        const char *field = c->wish.columns[i].field;
        char *sql;

        if (!fptc__wish_column_is_fold(&c->wish.columns[i]) || has_fold(r, c, i))
            continue;
        sql = sqlite3_mprintf("ALTER TABLE main.\"%w\" ADD COLUMN \"" FPTC__FOLD_COLUMN "%w\" TEXT",
                              c->type, field);
        status = sql ? fptc__sql_run(r->db, sql, err) : fptc__fail_nomem(err);
        sqlite3_free(sql);
        if (status == FPTC_OK)
            status = fill_fold(r, c->type, field, err);
    }
    return status;
}

static fptc_status note(const struct renewal *r, const struct candidate *c, fptc_error *err)
{
    struct fptc__buf name;
    fptc_status status;
    char *sql;

    fptc__buf_init(&name, 4096);
    fptc__wish_index_name(c->type, c->text, &name);
    sql = sqlite3_mprintf(
        "INSERT OR REPLACE INTO _fptc_index(name, type, wish, uses, bytes, is_fixed)"
        " VALUES(%Q, %Q, %Q, %lld, %lld, %d)",
        fptc__buf_text(&name), c->type, c->text, (long long)c->uses, (long long)c->bytes,
        c->is_fixed);
    fptc__buf_done(&name);
    status = sql ? fptc__sql_run(r->db, sql, err) : fptc__fail_nomem(err);
    sqlite3_free(sql);
    return status;
}

static fptc_status make(const struct renewal *r, struct candidate *c, fptc_error *err)
{
    struct fptc__buf sql;
    int64_t before, after;
    fptc_status status = bytes_used(r->db, &before, err);

    if (status == FPTC_OK)
        status = make_folds(r, c, err);
    if (status == FPTC_OK) {
        fptc__buf_init(&sql, 1u << 20);
        fptc__wish_sql(&c->wish, "main", c->type, c->text, &sql);
        status = run(r->db, &sql, err);
    }
    if (status == FPTC_OK)
        status = bytes_used(r->db, &after, err);
    if (status == FPTC_OK)
        c->bytes = after - before;
    return status;
}

static fptc_status make_chosen(const struct renewal *r, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < r->n; i++) {
        struct candidate *c = &r->list[i];

        if (c->is_chosen && !c->is_there)
            status = make(r, c, err);
        if (status ==
            FPTC_EINTERNAL) { /* SQL that SQLite does not take: too many columns, a name */
            fptc__log_line(r->logger, FPTC_LOG_WARNING, "no index of %s on %s: %s", c->type,
                           c->text, err ? err->message : "");
            c->is_chosen = 0;
            status = FPTC_OK;
            fptc__error_clear(err);
        }
        if (status == FPTC_OK && c->is_chosen)
            status = note(r, c, err);
    }
    return status;
}

/* --- the steps -------------------------------------------------------------------------------- */

/* In one row a wish; those that nobody wishes for any more vanish. */
static const char halve[] =
    "BEGIN; CREATE TEMP TABLE halved AS SELECT type, wish, sum(uses) / 2 AS uses FROM _fptc_usage"
    " GROUP BY type, wish; DELETE FROM _fptc_usage;"
    " INSERT INTO _fptc_usage(type, wish, batch, uses) SELECT type, wish, '', uses FROM temp.halved"
    " WHERE uses > 0; DROP TABLE temp.halved; COMMIT";

static fptc_status set_budget(struct renewal *r, fptc_error *err)
{
    int64_t all, indexes = 0;
    fptc_status status = bytes_used(r->db, &all, err);

    if (status == FPTC_OK)
        status = get_int(r->db, "SELECT coalesce(sum(bytes), 0) FROM _fptc_index", &indexes, err);
    r->budget = (all - indexes) / 100 * FPTC_INDEX_PERCENT;
    if (r->budget < FPTC_INDEX_BYTES_MIN)
        r->budget = FPTC_INDEX_BYTES_MIN;
    return status;
}

fptc_status fptc__indexes_renew(sqlite3 *db, const struct fptc__logger *logger, fptc_error *err)
{
    struct renewal r = {db, logger, NULL, 0, 0, 0};
    fptc_status status = set_budget(&r, err);
    size_t i;

    if (status == FPTC_OK)
        status = gather(&r, err);
    if (status == FPTC_OK)
        status = choose(&r, err);
    if (status == FPTC_OK)
        status = drop_unchosen(&r, err);
    if (status == FPTC_OK)
        status = make_chosen(&r, err);
    if (status == FPTC_OK)
        status = fptc__sql_run(db, halve, err);
    for (i = 0; i < r.n; i++) {
        free(r.list[i].type);
        free(r.list[i].text);
    }
    free(r.list);
    return status;
}
