/*
 * apply_gone.c: deletions. A tombstone stays until the row comes back.
 */
#include <string.h>

#include "base/error.h"
#include "store/apply_page.h"

/* A tombstone says the same unless the record knows something else. */
static int equal_gone(const struct fptc__stored *s, int column, const char *told)
{
    const char *text = (const char *)sqlite3_column_text(s->stmt, column);

    return !told || (text && strcmp(text, told) == 0);
}

/* What the tombstone will say: the record's words, or those that stood there already. */
struct words {
    char *updated, *moved; /* sqlite3_free */
};

static fptc_status keep_text(const struct fptc__stored *s, int column, const char *told, char **out,
                             fptc_error *err)
{
    const char *text = told;

    if (!text && s->what == FPTC__TOMBSTONE)
        text = (const char *)sqlite3_column_text(s->stmt, column);
    *out = text ? sqlite3_mprintf("%s", text) : NULL;
    return text && !*out ? fptc__fail_nomem(err) : FPTC_OK;
}

static fptc_status put_gone(struct fptc__page *p, int64_t version, const struct words *words,
                            fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(p->t, FPTC__GONE_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, p->shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, p->id);
    (void)sqlite3_bind_int64(stmt, 3, version);
    (void)sqlite3_bind_text(stmt, 4, words->updated, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 5, words->moved, -1, SQLITE_STATIC);
    status = fptc__tables_step(p->t, stmt, "storing a tombstone", err);
    (void)sqlite3_clear_bindings(stmt);
    p->shape->has_gone[FPTC__DELTA] = 1;
    p->shape->is_touched = 1;
    return status;
}

static fptc_status take_gone(struct fptc__page *p, const struct fptc__stored *s,
                             const struct words *words, int64_t *version, fptc_error *err)
{
    fptc_status status = fptc__tables_next_version(p->t, version, err);

    if (status == FPTC_OK)
        status = fptc__page_replaced(p, s, err);
    if (status == FPTC_OK && s->what == FPTC__ROW && s->side == FPTC__DELTA) {
        (void)sqlite3_bind_int64(p->shape->drop, 1, p->id);
        status = fptc__tables_step(p->t, p->shape->drop, "dropping a row", err);
        if (status == FPTC_OK)
            status = fptc__page_drop_links(p, err);
    }
    if (status == FPTC_OK)
        status = put_gone(p, *version, words, err);
    /* A row that moved to another partition is still alive for those who link to it. */
    if (status == FPTC_OK && !words->moved)
        status = fptc__name_gone(p->t, p->shape->type, p->id, err);
    return status;
}

/* Looks at what is stored, and leaves it. */
static fptc_status look(struct fptc__page *p, const fptc__json *row, struct fptc__stored *s,
                        struct words *words, int *equal, fptc_error *err)
{
    const char *updated = fptc__json_get_text(row, "updated_at");
    const char *moved = fptc__json_get_text(row, "moved_to");
    fptc_status status = fptc__stored_find(p, s, err);

    if (status == FPTC_OK && s->what == FPTC__TOMBSTONE)
        *equal = equal_gone(s, 1, updated) && equal_gone(s, 2, moved);
    if (status == FPTC_OK)
        status = keep_text(s, 1, updated, &words->updated, err);
    if (status == FPTC_OK)
        status = keep_text(s, 2, moved, &words->moved, err);
    fptc__stored_leave(s);
    return status;
}

static fptc_status apply_gone_row(struct fptc__page *p, const fptc__json *row, fptc_error *err)
{
    struct words words = {NULL, NULL};
    struct fptc__stored s;
    enum fptc__verdict verdict = FPTC__KEEP;
    int equal = 0;
    int64_t version = 0;
    fptc_status status = fptc__page_row(p, row, err);

    if (status == FPTC_OK)
        status = look(p, row, &s, &words, &equal, err);
    if (status == FPTC_OK) {
        version = s.version;
        verdict = fptc__page_judge(p, &s, equal, fptc__json_get_text(row, "updated_at"));
        status = fptc__page_suspect(p, &s, verdict, 0, err);
    }
    if (status == FPTC_OK && verdict == FPTC__TAKE)
        status = take_gone(p, &s, &words, &version, err);
    sqlite3_free(words.updated);
    sqlite3_free(words.moved);
    return status == FPTC_OK ? fptc__page_event(p, version, err) : status;
}

fptc_status fptc__apply_gone(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const fptc__json *row;
    struct fptc__page p;
    fptc_status status = fptc__page_start(t, body, &p, err);

    if (status == FPTC_OK)
        status = fptc__page_ready(&p, err);
    row = fptc__json_first(fptc__json_get(body, "rows"));
    for (; status == FPTC_OK && row; row = fptc__json_next(row))
        status = apply_gone_row(&p, row, err);
    return status;
}
