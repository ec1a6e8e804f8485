/*
 * apply_page.c: a record's row against what is stored of it, and what rows and gone have in common.
 */
#include "store/apply_page.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

fptc_status fptc__page_start(struct fptc__tables *t, const fptc__json *body, struct fptc__page *p,
                             fptc_error *err)
{
    const char *type = fptc__json_get_text(body, "type");
    int64_t seen = fptc__json_get_int(body, "seen");

    memset(p, 0, sizeof(*p));
    p->t = t;
    p->event = fptc__json_get_text(body, "event");
    /* What a commit holds cannot have been asked for after it. */
    p->seen = seen < 0 ? 0 : (uint64_t)seen;
    if (p->seen >= t->number)
        p->seen = t->number - 1;
    if (!type)
        return fptc__refuse(t, err, "a record of rows names no type");
    if (!fptc__json_is_array(fptc__json_get(body, "rows")))
        return fptc__refuse(t, err, "a record of rows of %.80s has none", type);
    return fptc__shape_of(t, type, &p->shape, err);
}

fptc_status fptc__page_ready(struct fptc__page *p, fptc_error *err)
{
    p->updated_at = fptc__shape_find(p->shape, "updated_at");
    return fptc__shape_statements(p->t, p->shape, err);
}

fptc_status fptc__page_row(struct fptc__page *p, const fptc__json *row, fptc_error *err)
{
    const fptc__json *id = fptc__json_get(row, "id");

    if (!fptc__json_is_integer(id))
        return fptc__refuse(p->t, err, "a row of %s has no id", p->shape->type);
    p->id = fptc__json_int(id);
    return FPTC_OK;
}

/* --- finding what is stored ------------------------------------------------------------------- */

void fptc__stored_leave(struct fptc__stored *s)
{
    if (s->stmt)
        (void)sqlite3_reset(s->stmt);
    s->stmt = NULL;
}

static void read_updated(struct fptc__stored *s, int column)
{
    const char *text = column < 0 ? NULL : (const char *)sqlite3_column_text(s->stmt, column);

    s->has_updated = text && fptc__iso_to_ms(text, &s->updated_ms);
}

static fptc_status find_row(struct fptc__page *p, int side, struct fptc__stored *s, fptc_error *err)
{
    sqlite3_stmt *stmt = p->shape->get[side];
    fptc_status status;
    size_t at;

    if (!stmt)
        return FPTC_MISS;
    (void)sqlite3_bind_int64(stmt, 1, p->id);
    status = fptc__tables_first(p->t, stmt, "looking up a row", err);
    if (status != FPTC_OK)
        return status;
    s->what = FPTC__ROW;
    s->side = side;
    s->stmt = stmt;
    s->version = sqlite3_column_int64(stmt, 0);
    s->set_no = sqlite3_column_int64(stmt, 1);
    at = p->updated_at;
    read_updated(s, at < p->shape->n_columns ? p->shape->columns[at].plain_at[side] : -1);
    s->hides_row = side == FPTC__BELOW;
    return FPTC_OK;
}

static fptc_status find_tombstone(struct fptc__page *p, int side, struct fptc__stored *s,
                                  fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;

    if (!p->shape->has_gone[side])
        return FPTC_MISS;
    status = fptc__tables_stmt(p->t, FPTC__GONE_GET + side, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, p->shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, p->id);
    status = fptc__tables_first(p->t, stmt, "looking up a tombstone", err);
    if (status != FPTC_OK)
        return status;
    s->what = FPTC__TOMBSTONE;
    s->side = side;
    s->stmt = stmt;
    s->version = sqlite3_column_int64(stmt, 0);
    read_updated(s, 1);
    return FPTC_OK;
}

fptc_status fptc__stored_find(struct fptc__page *p, struct fptc__stored *s, fptc_error *err)
{
    fptc_status status = FPTC_MISS;
    int side;

    memset(s, 0, sizeof(*s));
    for (side = 0; status == FPTC_MISS && side < FPTC__SIDES; side++) {
        status = find_row(p, side, s, err);
        if (status == FPTC_MISS)
            status = find_tombstone(p, side, s, err);
    }
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* --- comparing -------------------------------------------------------------------------------- */

static int equal_link(sqlite3_stmt *stmt, int at, const fptc__json *value)
{
    const char *type, *stored;
    int64_t id;

    if (!fptc__cell_link(value, &type, &id))
        return at < 0 || sqlite3_column_type(stmt, at + 1) == SQLITE_NULL;
    if (at < 0 || sqlite3_column_type(stmt, at + 1) == SQLITE_NULL)
        return 0;
    stored = (const char *)sqlite3_column_text(stmt, at);
    return stored && strcmp(stored, type) == 0 && sqlite3_column_int64(stmt, at + 1) == id;
}

/* Steps to the next stored link: 1 when it is this one. */
static int next_is(sqlite3_stmt *stmt, const char *type, int64_t id)
{
    const char *stored;

    if (!stmt || sqlite3_step(stmt) != SQLITE_ROW)
        return 0;
    stored = (const char *)sqlite3_column_text(stmt, 0);
    return stored && strcmp(stored, type) == 0 && sqlite3_column_int64(stmt, 1) == id;
}

fptc_status fptc__page_equal_links(struct fptc__page *p, const struct fptc__column *c, int side,
                                   const fptc__json *value, int *out, fptc_error *err)
{
    sqlite3_stmt *stmt = c->links_get[side];
    const fptc__json *link;
    const char *type;
    int64_t id;
    int code = SQLITE_DONE;

    *out = 1;
    if (stmt)
        (void)sqlite3_bind_int64(stmt, 1, p->id);
    for (link = fptc__json_is_array(value) ? fptc__json_first(value) : NULL; link && *out;
         link = fptc__json_next(link)) {
        if (fptc__cell_link(link, &type, &id))
            *out = next_is(stmt, type, id);
    }
    if (stmt && *out) {
        code = sqlite3_step(stmt);
        *out = code == SQLITE_DONE;
    }
    code = stmt ? sqlite3_reset(stmt) : SQLITE_OK;
    return code == SQLITE_OK ? FPTC_OK : fptc__sql_fail(p->t->db, "comparing links", err);
}

static fptc_status equal_slot(struct fptc__page *p, const struct fptc__stored *s,
                              const struct fptc__slot *slot, int *out, fptc_error *err)
{
    const struct fptc__column *c = &p->shape->columns[slot->column];
    struct fptc__cell cell;
    fptc_status status;

    if (c->cls == FPTC__LINKS)
        return fptc__page_equal_links(p, c, s->side, slot->value, out, err);
    if (c->cls == FPTC__LINK) {
        *out = equal_link(s->stmt, c->link_at[s->side], slot->value);
        return FPTC_OK;
    }
    status = fptc__cell_of(c->cls, slot->value, &p->t->scratch, &cell, err);
    if (status == FPTC_OK)
        *out = c->plain_at[s->side] < 0
                   ? cell.kind == 0
                   : fptc__cell_equal(s->stmt, c->plain_at[s->side], c->cls, &cell);
    return status;
}

static int holds(const struct fptc__fieldset *set, size_t column)
{
    return set && column < set->n && set->has[column];
}

fptc_status fptc__stored_compare(struct fptc__page *p, const struct fptc__stored *s, int *equal,
                                 int *lacks, fptc_error *err)
{
    const struct fptc__fieldset *mine, *theirs;
    fptc_status status = fptc__fieldset_get(p->t, p->shape, s->set_no, &theirs, err);
    size_t i;

    *equal = 1;
    *lacks = 0;
    /* Looking one set up may move the others. */
    if (status == FPTC_OK)
        status = fptc__fieldset_get(p->t, p->shape, p->set_no, &mine, err);
    if (status == FPTC_OK)
        status = fptc__fieldset_get(p->t, p->shape, s->set_no, &theirs, err);
    for (i = 0; status == FPTC_OK && mine != theirs && i < p->shape->n_columns; i++) {
        if (holds(theirs, i) && !holds(mine, i) && !p->shape->columns[i].is_computed)
            *lacks = 1;
        if (holds(mine, i) && !holds(theirs, i))
            *equal = 0;
    }
    for (i = 0; status == FPTC_OK && *equal && i < p->n_slots; i++)
        status = equal_slot(p, s, &p->slots[i], equal, err);
    return status;
}

enum fptc__verdict fptc__page_judge(const struct fptc__page *p, const struct fptc__stored *s,
                                    int equal, const char *updated)
{
    int64_t ms;

    if (s->what == FPTC__NOTHING)
        return FPTC__TAKE;
    if (equal)
        return FPTC__SAME;
    if ((uint64_t)(s->version >> FPTC__VERSION_BITS) <= p->seen)
        return FPTC__TAKE;
    if (!updated || !s->has_updated || !fptc__iso_to_ms(updated, &ms) || ms == s->updated_ms)
        return FPTC__DOUBT;
    return ms > s->updated_ms ? FPTC__TAKE : FPTC__KEEP;
}

/* --- suspects, events, callbacks -------------------------------------------------------------- */

static fptc_status set_suspect(struct fptc__page *p, int is_suspect, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;

    if (!is_suspect && !p->shape->has_suspects)
        return FPTC_OK;
    status =
        fptc__tables_stmt(p->t, is_suspect ? FPTC__SUSPECT_PUT : FPTC__SUSPECT_DROP, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, p->shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, p->id);
    p->shape->has_suspects = 1;
    return fptc__tables_step(p->t, stmt, "marking a suspect row", err);
}

fptc_status fptc__page_suspect(struct fptc__page *p, const struct fptc__stored *s,
                               enum fptc__verdict verdict, int lacks, fptc_error *err)
{
    int confirmed =
        s->what == FPTC__NOTHING || (uint64_t)(s->version >> FPTC__VERSION_BITS) <= p->seen;

    if (lacks || verdict == FPTC__DOUBT)
        return set_suspect(p, 1, err);
    if (confirmed && (verdict == FPTC__TAKE || verdict == FPTC__SAME))
        return set_suspect(p, 0, err);
    return FPTC_OK;
}

fptc_status fptc__page_event(struct fptc__page *p, int64_t version, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = FPTC_MISS;
    int side;

    for (side = 0; p->event && status == FPTC_MISS && side < FPTC__SIDES; side++) {
        if (!p->t->schema[side])
            break;
        status = fptc__tables_stmt(p->t, FPTC__EVENT_GET + side, &stmt, err);
        if (status != FPTC_OK)
            return status;
        (void)sqlite3_bind_text(stmt, 1, p->event, -1, SQLITE_STATIC);
        status = fptc__tables_first(p->t, stmt, "looking up an event", err);
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
    }
    if (!p->event || status != FPTC_MISS)
        return p->event ? status : FPTC_OK;
    status = fptc__tables_stmt(p->t, FPTC__EVENT_PUT, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, p->event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, p->shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, p->id);
    (void)sqlite3_bind_int64(stmt, 4, version);
    status = fptc__tables_step(p->t, stmt, "storing an event", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

fptc_status fptc__page_replaced(struct fptc__page *p, const struct fptc__stored *s, fptc_error *err)
{
    struct fptc__tables *t = p->t;

    if (!s->hides_row || !t->options.replaced)
        return FPTC_OK;
    if (!fptc__tables_room(&t->replaced, &t->cap_replaced, t->n_replaced, sizeof(*t->replaced)))
        return fptc__fail_nomem(err);
    t->replaced[t->n_replaced].shape = p->shape;
    t->replaced[t->n_replaced++].id = p->id;
    return FPTC_OK;
}

fptc_status fptc__page_drop_links(struct fptc__page *p, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < p->shape->n_columns; i++) {
        sqlite3_stmt *stmt = p->shape->columns[i].links_drop;

        if (stmt) {
            (void)sqlite3_bind_int64(stmt, 1, p->id);
            status = fptc__tables_step(p->t, stmt, "dropping links", err);
        }
    }
    return status;
}
