/*
 * apply_rows.c: rows against what is stored: older never overwrites newer (the rules are in tables.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/apply_page.h"

/* --- writing ---------------------------------------------------------------------------------- */

static fptc_status put_links(struct fptc__page *p, const struct fptc__slot *slot, fptc_error *err)
{
    sqlite3_stmt *stmt = p->shape->columns[slot->column].links_put;
    const fptc__json *link;
    fptc_status status = FPTC_OK;
    const char *type;
    int64_t id, pos = 0;

    link = fptc__json_is_array(slot->value) ? fptc__json_first(slot->value) : NULL;
    for (; status == FPTC_OK && link; link = fptc__json_next(link)) {
        if (!fptc__cell_link(link, &type, &id))
            continue;
        (void)sqlite3_bind_int64(stmt, 1, p->id);
        (void)sqlite3_bind_int64(stmt, 2, pos++);
        (void)sqlite3_bind_text(stmt, 3, type, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 4, id);
        status = fptc__tables_step(p->t, stmt, "storing a link", err);
    }
    return status;
}

/* The links of one field; those that stay as they are cost a look and no write. */
static fptc_status replace_links(struct fptc__page *p, size_t column, int has_old, fptc_error *err)
{
    const struct fptc__column *c = &p->shape->columns[column];
    const struct fptc__slot *slot = NULL;
    fptc_status status = FPTC_OK;
    int equal = 0;
    size_t i;

    for (i = 0; c->cls == FPTC__LINKS && i < p->n_slots; i++) {
        if (p->slots[i].column == column)
            slot = &p->slots[i];
    }
    if (has_old && slot)
        status = fptc__page_equal_links(p, c, FPTC__DELTA, slot->value, &equal, err);
    if (status == FPTC_OK && has_old && !equal) {
        (void)sqlite3_bind_int64(c->links_drop, 1, p->id);
        status = fptc__tables_step(p->t, c->links_drop, "dropping links", err);
    }
    return status == FPTC_OK && slot && !equal ? put_links(p, slot, err) : status;
}

static fptc_status bind_slot(struct fptc__page *p, const struct fptc__slot *slot, fptc_error *err)
{
    const struct fptc__column *c = &p->shape->columns[slot->column];
    sqlite3_stmt *put = p->shape->put;
    struct fptc__cell cell;
    fptc_status status = FPTC_OK;
    const char *type;
    int64_t id;
    int code = SQLITE_OK;

    if (c->cls == FPTC__LINK && fptc__cell_link(slot->value, &type, &id)) {
        code = sqlite3_bind_text(put, c->put_link, type, -1, SQLITE_STATIC);
        if (code == SQLITE_OK)
            code = sqlite3_bind_int64(put, c->put_link + 1, id);
    } else if (c->cls != FPTC__LINK && c->cls != FPTC__LINKS) {
        status = fptc__cell_of(c->cls, slot->value, &p->t->scratch, &cell, err);
        if (status == FPTC_OK)
            code = fptc__cell_bind(put, c->put_plain, &cell);
    }
    if (status == FPTC_OK && code != SQLITE_OK)
        status = fptc__sql_fail(p->t->db, "binding a value", err);
    return status;
}

/* has_old: DELTA holds the row already, perhaps with links. */
static fptc_status put_row(struct fptc__page *p, int64_t version, int has_old, fptc_error *err)
{
    sqlite3_stmt *put = p->shape->put;
    fptc_status status = FPTC_OK;
    size_t i;

    (void)sqlite3_clear_bindings(put);
    (void)sqlite3_bind_int64(put, 1, p->id);
    (void)sqlite3_bind_int64(put, 2, version);
    (void)sqlite3_bind_int64(put, 3, p->set_no);
    for (i = 0; status == FPTC_OK && i < p->n_slots; i++)
        status = bind_slot(p, &p->slots[i], err);
    if (status == FPTC_OK)
        status = fptc__tables_step(p->t, put, "storing a row", err);
    for (i = 0; status == FPTC_OK && i < p->shape->n_columns; i++) {
        if (p->shape->columns[i].links_drop)
            status = replace_links(p, i, has_old, err);
    }
    return status;
}

static fptc_status drop_tombstone(struct fptc__page *p, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(p->t, FPTC__GONE_DROP, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, p->shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, p->id);
    return fptc__tables_step(p->t, stmt, "dropping a tombstone", err);
}

static fptc_status take_row(struct fptc__page *p, const struct fptc__stored *s, int64_t *version,
                            fptc_error *err)
{
    fptc_status status = fptc__tables_next_version(p->t, version, err);

    if (status == FPTC_OK)
        status = fptc__page_replaced(p, s, err);
    if (status == FPTC_OK && s->what == FPTC__TOMBSTONE && s->side == FPTC__DELTA)
        status = drop_tombstone(p, err);
    if (status == FPTC_OK)
        status = put_row(p, *version, s->what == FPTC__ROW && s->side == FPTC__DELTA, err);
    p->shape->is_touched = 1;
    return status;
}

/* --- names ------------------------------------------------------------------------------------ */

static fptc_status see_link(struct fptc__page *p, const fptc__json *link, fptc_error *err)
{
    struct fptc__sighting s = {NULL, 0, fptc__json_get_text(link, "name"), p->seen, 0};

    return fptc__cell_link(link, &s.type, &s.id) ? fptc__name_seen(p->t, &s, err) : FPTC_OK;
}

static fptc_status see_links(struct fptc__page *p, fptc_error *err)
{
    const fptc__json *link;
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < p->n_slots; i++) {
        const struct fptc__column *c = &p->shape->columns[p->slots[i].column];

        if (c->cls == FPTC__LINK)
            status = see_link(p, p->slots[i].value, err);
        if (c->cls != FPTC__LINKS || !fptc__json_is_array(p->slots[i].value))
            continue;
        for (link = fptc__json_first(p->slots[i].value); status == FPTC_OK && link;
             link = fptc__json_next(link))
            status = see_link(p, link, err);
    }
    return status;
}

static int is_slot_of(const struct fptc__page *p, const struct fptc__slot *slot, const char *field)
{
    return strcmp(p->shape->columns[slot->column].field, field) == 0;
}

/* Where the row's own name may stand: what FPT itself keeps, else the field that identifies it. */
static void find_name_slots(struct fptc__page *p)
{
    static const char *const fields[FPTC__NAME_FIELDS] = {
        "cached_display_name", "code", "content", "name", "subject", "title"};
    size_t i, k;

    for (i = 0; i < FPTC__NAME_FIELDS; i++) {
        p->name_slots[i] = NULL;
        for (k = 0; k < p->n_slots; k++) {
            if (is_slot_of(p, &p->slots[k], fields[i]))
                p->name_slots[i] = &p->slots[k];
        }
    }
}

static const char *own_name(const struct fptc__page *p)
{
    const char *name = NULL;
    size_t i;

    for (i = 0; !name && i < FPTC__NAME_FIELDS; i++)
        name = p->name_slots[i] ? fptc__json_text(p->name_slots[i]->value) : NULL;
    return name;
}

static fptc_status see_row(struct fptc__page *p, enum fptc__verdict verdict, fptc_error *err)
{
    struct fptc__sighting s = {p->shape->type, p->id, own_name(p), p->seen, verdict == FPTC__TAKE};

    /* A row that was not believed is no witness of its name either. */
    return verdict == FPTC__TAKE || verdict == FPTC__SAME ? fptc__name_seen(p->t, &s, err)
                                                          : FPTC_OK;
}

/* --- a row ------------------------------------------------------------------------------------ */

/* Members usually come in the order of the fields before: the search begins at the one expected. */
static size_t find_slot(const struct fptc__page *p, const char *key, size_t expected)
{
    size_t i, k;

    for (k = 0; key && k < p->n_slots; k++) {
        i = expected + k < p->n_slots ? expected + k : expected + k - p->n_slots;
        if (is_slot_of(p, &p->slots[i], key))
            return i;
    }
    return p->n_slots;
}

static void fill_slots(struct fptc__page *p, const fptc__json *row)
{
    const fptc__json *member;
    size_t i, next = 0;

    for (i = 0; i < p->n_slots; i++)
        p->slots[i].value = NULL;
    for (member = fptc__json_first(row); member; member = fptc__json_next(member)) {
        i = find_slot(p, fptc__json_key(member), next);
        if (i == p->n_slots)
            continue;
        p->slots[i].value = member;
        next = i + 1 < p->n_slots ? i + 1 : 0;
    }
}

/* Asked for before the last drop, which may have taken what said that it is gone, or newer. */
static int is_of_dropped(const struct fptc__page *p, const struct fptc__stored *s)
{
    return s->what == FPTC__NOTHING && p->seen < p->t->dropped;
}

static fptc_status apply_row(struct fptc__page *p, const fptc__json *row, fptc_error *err)
{
    struct fptc__stored s;
    enum fptc__verdict verdict = FPTC__KEEP;
    int equal = 0, lacks = 0;
    int64_t version;
    fptc_status status = fptc__page_row(p, row, err);

    if (status != FPTC_OK)
        return status;
    fill_slots(p, row);
    status = fptc__stored_find(p, &s, err);
    if (status == FPTC_OK && s.what == FPTC__ROW)
        status = fptc__stored_compare(p, &s, &equal, &lacks, err);
    fptc__stored_leave(&s);
    if (status == FPTC_OK) {
        verdict = fptc__page_judge(p, &s, equal, fptc__json_get_text(row, "updated_at"));
        status = fptc__page_suspect(p, &s, verdict, lacks || is_of_dropped(p, &s), err);
    }
    version = s.version;
    if (status == FPTC_OK && verdict == FPTC__TAKE)
        status = take_row(p, &s, &version, err);
    if (status == FPTC_OK)
        status = see_row(p, verdict, err);
    if (status == FPTC_OK)
        status = see_links(p, err);
    return status == FPTC_OK ? fptc__page_event(p, version, err) : status;
}

/* The record's fields that are stored, each with its column. */
static fptc_status start_slots(struct fptc__page *p, const fptc__json *types, fptc_error *err)
{
    const fptc__json *member;
    const struct fptc__fieldset *set;
    fptc_status status = fptc__fieldset_get(p->t, p->shape, p->set_no, &set, err);
    size_t at;

    if (status != FPTC_OK)
        return status;
    p->slots = calloc(p->shape->n_columns + 1, sizeof(*p->slots));
    if (!p->slots)
        return fptc__fail_nomem(err);
    for (member = fptc__json_first(types); member; member = fptc__json_next(member)) {
        at = fptc__shape_find(p->shape, fptc__json_key(member));
        if (!set || at >= set->n || !set->has[at] || p->n_slots >= p->shape->n_columns)
            continue;
        p->slots[p->n_slots++].column = at;
    }
    find_name_slots(p);
    return FPTC_OK;
}

fptc_status fptc__apply_rows(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const fptc__json *row, *types = fptc__json_get(body, "types");
    struct fptc__page p;
    fptc_status status = fptc__page_start(t, body, &p, err);

    if (status == FPTC_OK)
        status = fptc__shape_grow(t, p.shape, types, &p.set_no, err);
    if (status == FPTC_OK)
        status = fptc__page_ready(&p, err);
    if (status == FPTC_OK)
        status = start_slots(&p, types, err);
    row = fptc__json_first(fptc__json_get(body, "rows"));
    for (; status == FPTC_OK && row; row = fptc__json_next(row))
        status = apply_row(&p, row, err);
    free(p.slots);
    return status;
}
