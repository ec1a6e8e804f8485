/*
 * apply_names.c: display names. Every link and every row seen is an observation of a name; one that
 * was asked for before the entry last changed, and differs, is old news.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/tables_apply.h"

/* Names looked up last, so that the 5,000 links of a page to one project cost one look-up. */
#define KNOWN_NAMES 1024u
#define KNOWN_TYPE_BYTES 32
#define KNOWN_NAME_BYTES 80

struct fptc__known_name {
    int64_t id;
    char type[KNOWN_TYPE_BYTES]; /* "" for an empty slot */
    char name[KNOWN_NAME_BYTES];
};

struct entry {
    int is_there;
    int is_gone;
    int is_same; /* as the name asked for */
    uint64_t commit_no;
    char *old; /* the stored name, when it must be kept; sqlite3_free */
};

static struct fptc__known_name *slot_of(struct fptc__tables *t, const char *type, int64_t id)
{
    uint64_t hash = (uint64_t)id * 0x9E3779B97F4A7C15u;
    const char *c;

    if (!t->known_names)
        t->known_names = calloc(KNOWN_NAMES, sizeof(*t->known_names));
    if (!t->known_names)
        return NULL; /* only slower */
    for (c = type; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001B3u;
    return &t->known_names[(hash >> 32) % KNOWN_NAMES];
}

static int is_known(const struct fptc__known_name *slot, const struct fptc__sighting *s)
{
    return slot && slot->id == s->id && strcmp(slot->type, s->type) == 0 &&
           (!s->name || strcmp(slot->name, s->name) == 0);
}

/* Remembers a living name; name NULL forgets whatever the slot holds. */
static void remember(struct fptc__known_name *slot, const char *type, int64_t id, const char *name)
{
    if (!slot)
        return;
    slot->type[0] = '\0';
    if (!name || strlen(type) >= KNOWN_TYPE_BYTES || strlen(name) >= KNOWN_NAME_BYTES)
        return;
    slot->id = id;
    memcpy(slot->type, type, strlen(type) + 1);
    memcpy(slot->name, name, strlen(name) + 1);
}

static fptc_status look_up(struct fptc__tables *t, const char *type, int64_t id, const char *name,
                           struct entry *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = FPTC_MISS;
    int side;

    memset(out, 0, sizeof(*out));
    for (side = 0; status == FPTC_MISS && side < FPTC__SIDES; side++) {
        if (!t->schema[side])
            break;
        status = fptc__tables_stmt(t, FPTC__NAME_GET + side, &stmt, err);
        if (status != FPTC_OK)
            return status;
        (void)sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2, id);
        status = fptc__tables_first(t, stmt, "looking up a name", err);
        if (status == FPTC_OK) {
            const char *stored = (const char *)sqlite3_column_text(stmt, 0);

            out->is_there = 1;
            out->is_gone = sqlite3_column_int(stmt, 1);
            out->commit_no = (uint64_t)sqlite3_column_int64(stmt, 2);
            out->is_same = !name || (stored && strcmp(stored, name) == 0);
            if (!name && stored)
                out->old = sqlite3_mprintf("%s", stored);
            if (!name && stored && !out->old)
                status = fptc__fail_nomem(err);
        }
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
    }
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status put(struct fptc__tables *t, const char *type, int64_t id, const char *name,
                       int is_gone, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__NAME_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, id);
    if (name)
        (void)sqlite3_bind_text(stmt, 3, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 4, is_gone);
    (void)sqlite3_bind_int64(stmt, 5, (int64_t)t->number);
    status = fptc__tables_step(t, stmt, "storing a name", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

fptc_status fptc__name_seen(struct fptc__tables *t, const struct fptc__sighting *s, fptc_error *err)
{
    struct fptc__known_name *slot = slot_of(t, s->type, s->id);
    struct entry e;
    fptc_status status;

    if (is_known(slot, s))
        return FPTC_OK;
    status = look_up(t, s->type, s->id, s->name, &e, err);
    if (status == FPTC_OK && !(e.is_there && e.is_same && !e.is_gone)) {
        /* A sighting without a name can only bring an entry back. */
        int wanted = e.is_there ? s->is_row || s->seen >= e.commit_no : s->name != NULL;

        if (!wanted) {
            sqlite3_free(e.old);
            return FPTC_OK;
        }
        status = put(t, s->type, s->id, s->name ? s->name : e.old, 0, err);
    }
    if (status == FPTC_OK)
        remember(slot, s->type, s->id, s->name ? s->name : e.old);
    sqlite3_free(e.old);
    return status;
}

fptc_status fptc__name_gone(struct fptc__tables *t, const char *type, int64_t id, fptc_error *err)
{
    struct entry e;
    fptc_status status = look_up(t, type, id, NULL, &e, err);

    if (status == FPTC_OK)
        status = put(t, type, id, e.old, 1, err);
    remember(slot_of(t, type, id), "", 0, NULL);
    sqlite3_free(e.old);
    return status;
}
