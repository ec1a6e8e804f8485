/*
 * names.c: the display name of an entity, from every observation. The part that keeps the type's own rows
 * knows best; the other has only met links to it. Of each part the overlay knows better than the snapshot.
 * One statement for each type, which asks them in that order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "view/connection.h"

/* Statements kept; types beyond that share the last place. */
#define TYPES_MAX 32

struct fptc__name_statement {
    char *type;
    sqlite3_stmt *stmt;
};

struct fptc__names {
    struct fptc__name_statement list[TYPES_MAX];
    size_t n;
};

static void drop(struct fptc__name_statement *at)
{
    sqlite3_finalize(at->stmt);
    free(at->type);
    memset(at, 0, sizeof(*at));
}

void fptc__names_forget(struct fptc__view *v)
{
    size_t i;

    for (i = 0; v->names != NULL && i < v->names->n; i++)
        drop(&v->names->list[i]);
    free(v->names);
    v->names = NULL;
}

/* Whether the part has rows of the type, not only links to it; doubtful when that cannot be told. */
static int keeps_type(struct fptc__view *v, const struct fptc__view_part *part, const char *type)
{
    char sql[100];
    sqlite3_stmt *stmt;
    int rc;

    sqlite3_snprintf((int)sizeof(sql), sql, "SELECT 1 FROM %s._fptc_field WHERE type = ?1 LIMIT 1",
                     part->delta_schema);
    v->name_is_doubtful |= fptc__view_prepare(v, sql, &stmt, NULL) != FPTC_OK;
    if (stmt == NULL)
        return 0;
    sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    rc = sqlite3_step(stmt);
    v->name_is_doubtful |= rc != SQLITE_ROW && rc != SQLITE_DONE;
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW;
}

static void add_look(struct fptc__buf *sql, const char *schema)
{
    fptc__buf_addf(sql, "%sSELECT name, is_gone FROM %s._fptc_name WHERE type = ?1 AND id = ?2",
                   sql->len > 0 ? " UNION ALL " : "", schema);
}

static void add_looks(struct fptc__view *v, const char *type, struct fptc__buf *sql)
{
    int pass;
    size_t i;

    for (pass = 0; pass < (v->n_parts > 1 ? 2 : 1); pass++) {
        for (i = 0; i < v->n_parts; i++) {
            struct fptc__view_part *part = &v->parts[i];

            if (part->tables == NULL ||
                (v->n_parts > 1 && keeps_type(v, part, type) != (pass == 0)))
                continue;
            add_look(sql, part->delta_schema);
            if (part->has_base)
                add_look(sql, part->base_schema);
        }
    }
    fptc__buf_adds(sql, " LIMIT 1");
}

/* The place for a type's statement: its own, or an empty one. */
static struct fptc__name_statement *place_of(struct fptc__names *names, const char *type)
{
    size_t i;

    for (i = 0; i < names->n; i++) {
        if (strcmp(names->list[i].type, type) == 0)
            return &names->list[i];
    }
    if (names->n == TYPES_MAX)
        drop(&names->list[--names->n]);
    return &names->list[names->n];
}

/* NULL: nothing was read yet, or it is doubtful. */
static sqlite3_stmt *statement_of(struct fptc__view *v, const char *type)
{
    struct fptc__name_statement *at;
    struct fptc__buf sql;

    if (v->shapes_are_stale)
        fptc__names_forget(v); /* a type may be kept now that was not */
    if (v->names == NULL)
        v->names = calloc(1, sizeof(*v->names));
    at = v->names == NULL ? NULL : place_of(v->names, type);
    v->name_is_doubtful |= at == NULL;
    if (at == NULL || at->stmt != NULL)
        return at == NULL ? NULL : at->stmt;
    fptc__buf_init(&sql, 4096);
    add_looks(v, type, &sql);
    at->type = strdup(type);
    v->name_is_doubtful |= at->type == NULL;
    if (sql.len > sizeof(" LIMIT 1"))
        v->name_is_doubtful |=
            sqlite3_prepare_v3(v->db, fptc__buf_text(&sql), -1, SQLITE_PREPARE_PERSISTENT,
                               &at->stmt, NULL) != SQLITE_OK;
    if (at->stmt != NULL && !v->name_is_doubtful && !fptc__view_was_refused(v)) {
        sqlite3_bind_text(at->stmt, 1, at->type, -1, SQLITE_STATIC);
        v->names->n++;
    } else {
        drop(at);
    }
    fptc__buf_done(&sql);
    return at->stmt;
}

/* The name is copied: a statement left open would hold its tables. */
static int find_name(struct fptc__view *v, const char *type, int64_t id, int *out_is_gone)
{
    sqlite3_stmt *stmt = statement_of(v, type);
    int rc;

    *out_is_gone = 0;
    if (stmt == NULL)
        return 0;
    sqlite3_bind_int64(stmt, 2, id);
    rc = sqlite3_step(stmt);
    v->name_is_doubtful |= rc != SQLITE_ROW && rc != SQLITE_DONE;
    if (rc == SQLITE_ROW) {
        *out_is_gone = sqlite3_column_int(stmt, 1);
        fptc__buf_clear(&v->name);
        v->name_is_null = sqlite3_column_type(stmt, 0) == SQLITE_NULL;
        if (!v->name_is_null)
            fptc__buf_adds(&v->name, (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_reset(stmt);
    return rc == SQLITE_ROW;
}

int fptc__view_name(struct fptc__view *v, const char *type, int64_t id, const char **out_name,
                    int *out_is_gone)
{
    struct fptc__known_name *at;
    const struct fptc__pending_name *pending;
    int found;

    if (v->layer.is_shown && fptc__layer_name(v, type, id, &pending)) {
        *out_name = pending->name;
        *out_is_gone = pending->is_gone;
        return 1;
    }
    at = fptc__known_name(v, type, id);
    if (fptc__known_name_is(at, type, id)) {
        *out_name = at->name;
        *out_is_gone = at->is_gone;
        return at->is_found;
    }
    v->name_is_doubtful = 0;
    found = find_name(v, type, id, out_is_gone);
    *out_name = found && !v->name_is_null ? fptc__buf_text(&v->name) : NULL;
    if (!v->name_is_doubtful && !fptc__view_was_refused(v))
        fptc__known_name_set(at, type, id, *out_name, found, *out_is_gone);
    return found;
}
