#include "view/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "view/connection.h"

static void name_clear(struct fptc__known_name *at)
{
    free(at->type);
    free(at->name);
    memset(at, 0, sizeof(*at));
}

void fptc__known_forget(struct fptc__known *k)
{
    size_t i;

    for (i = 0; i < k->n_covers; i++) {
        fptc__cover_done(&k->covers[i].cover);
        free(k->covers[i].type);
    }
    for (i = 0; i < k->n_outside; i++) {
        free(k->outside[i].type);
        free(k->outside[i].field);
        free(k->outside[i].target);
    }
    for (i = 0; k->names != NULL && i < FPTC__KNOWN_NAMES; i++)
        name_clear(&k->names[i]);
    for (i = 0; i < k->n_newer; i++)
        free(k->newer[i].type);
    free(k->newer);
    free(k->covers);
    free(k->outside);
    free(k->names);
    memset(k, 0, sizeof(*k));
}

/* What is remembered of the view as it is now. */
static struct fptc__known *current(struct fptc__view *v)
{
    if (v->known.generation != v->generation) {
        fptc__known_forget(&v->known);
        v->known.generation = v->generation;
    }
    return &v->known;
}

/* ------------------------------------------------------------------------------------- coverage */

static fptc_status look_up(struct fptc__view *v, struct fptc__known_cover *c, fptc_error *err)
{
    fptc__json *suspects = NULL;
    fptc_status status = fptc__view_cover(v, c->part, c->type, &c->cover, err);

    c->is_covered = status == FPTC_OK;
    if (status == FPTC_OK)
        status = fptc__view_suspects(v, c->part, c->type, &suspects, err);
    c->has_suspects = fptc__json_size(suspects) > 0 || fptc__view_has_effect(v, c->part, c->type);
    fptc__json_free(suspects);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status add_cover(struct fptc__view *v, enum fptc__part part, const char *type,
                             const struct fptc__known_cover **out, fptc_error *err)
{
    struct fptc__known *k = &v->known;
    struct fptc__known_cover *list = realloc(k->covers, (k->n_covers + 1) * sizeof(*list));
    struct fptc__known_cover *c;
    fptc_status status;

    if (list == NULL)
        return fptc__fail_nomem(err);
    k->covers = list;
    c = &list[k->n_covers];
    memset(c, 0, sizeof(*c));
    c->part = part;
    c->type = strdup(type);
    status = c->type == NULL ? fptc__fail_nomem(err) : look_up(v, c, err);
    if (status != FPTC_OK) {
        fptc__cover_done(&c->cover);
        free(c->type);
        return status;
    }
    k->n_covers++;
    *out = c;
    return c->is_covered ? FPTC_OK : FPTC_MISS;
}

fptc_status fptc__view_known_cover(struct fptc__view *v, enum fptc__part part, const char *type,
                                   const struct fptc__known_cover **out, fptc_error *err)
{
    const struct fptc__known *k = current(v);
    size_t i;

    *out = NULL;
    for (i = 0; i < k->n_covers; i++) {
        if (k->covers[i].part == part && strcmp(k->covers[i].type, type) == 0) {
            *out = &k->covers[i];
            return k->covers[i].is_covered ? FPTC_OK : FPTC_MISS;
        }
    }
    return add_cover(v, part, type, out, err);
}

/* ------------------------------------------------------------------------ links that leave the project */

int fptc__known_outside(struct fptc__view *v, const struct fptc__follow *f, int *out_is_outside)
{
    const struct fptc__known *k = current(v);
    size_t i;

    for (i = 0; i < k->n_outside; i++) {
        const struct fptc__known_outside *o = &k->outside[i];

        if (strcmp(o->type, f->type) == 0 && strcmp(o->field, f->link) == 0 &&
            strcmp(o->target, f->target) == 0) {
            *out_is_outside = o->is_outside;
            return 1;
        }
    }
    return 0;
}

void fptc__known_outside_add(struct fptc__view *v, const struct fptc__follow *f, int is_outside)
{
    struct fptc__known *k = current(v);
    struct fptc__known_outside *list = realloc(k->outside, (k->n_outside + 1) * sizeof(*list));
    struct fptc__known_outside o = {NULL, NULL, NULL, is_outside};

    if (list == NULL)
        return;
    k->outside = list;
    if (fptc__view_was_refused(v))
        return;
    o.type = strdup(f->type);
    o.field = strdup(f->link);
    o.target = strdup(f->target);
    if (o.type != NULL && o.field != NULL && o.target != NULL) {
        list[k->n_outside++] = o;
        return;
    }
    free(o.type);
    free(o.field);
    free(o.target);
}

/* ---------------------------------------------------------------------------------- what was updated */

void fptc__known_older_forget(struct fptc__known_older **list)
{
    struct fptc__known_older *at;

    for (at = *list; at != NULL && at->type != NULL; at++)
        free(at->type);
    free(*list);
    *list = NULL;
}

/* A snapshot stays as it is: that none was updated since then is still so for any later time. */
static int is_older(const struct fptc__known_older *list, const char *type, const char *since)
{
    for (; list != NULL && list->type != NULL; list++) {
        if (strcmp(list->type, type) == 0 && strcmp(list->since, since) <= 0)
            return 1;
    }
    return 0;
}

static void add_older(struct fptc__known_older **list, const char *type, const char *since)
{
    struct fptc__known_older *more;
    size_t n = 0;

    while (*list != NULL && (*list)[n].type != NULL)
        n++;
    more = realloc(*list, (n + 2) * sizeof(*more));
    if (more == NULL)
        return;
    *list = more;
    memset(&more[n + 1], 0, sizeof(*more));
    more[n].type = strdup(type);
    snprintf(more[n].since, sizeof(more[n].since), "%s", since);
}

/* Newest versions first: where one was updated, it is soon found. */
static int is_updated(struct fptc__view *v, const char *schema, const char *type, const char *since)
{
    sqlite3_stmt *stmt = NULL;
    char *sql;
    int rc = SQLITE_ERROR;

    if (!fptc__shape_has_table(v, schema, type))
        return 0;
    sql = sqlite3_mprintf("SELECT 1 FROM %s.\"%w\" WHERE updated_at >= ?1 "
                          "ORDER BY _fptc_version DESC LIMIT 1",
                          schema, type);
    if (sql != NULL && fptc__view_prepare(v, sql, &stmt, NULL) == FPTC_OK) {
        sqlite3_bind_text(stmt, 1, since, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        sqlite3_reset(stmt);
    }
    sqlite3_free(sql);
    return rc != SQLITE_DONE;
}

static int find_newer(struct fptc__view *v, struct fptc__view_part *part, const char *type,
                      const char *since)
{
    if (part->tables == NULL || is_updated(v, part->delta_schema, type, since))
        return 1;
    if (!part->has_base || is_older(part->older, type, since))
        return 0;
    if (is_updated(v, part->base_schema, type, since))
        return 1;
    if (!fptc__view_was_refused(v))
        add_older(&part->older, type, since);
    return 0;
}

int fptc__view_has_newer(struct fptc__view *v, enum fptc__part part, const char *type,
                         const char *since)
{
    struct fptc__known *k = current(v);
    struct fptc__known_newer *list, *at;
    size_t i;

    for (i = 0; i < k->n_newer; i++) {
        at = &k->newer[i];
        if (at->part == part && strcmp(at->type, type) == 0 && strcmp(at->since, since) == 0)
            return at->is_newer;
    }
    list = realloc(k->newer, (k->n_newer + 1) * sizeof(*list));
    if (list == NULL)
        return 1;
    k->newer = list;
    at = &list[k->n_newer];
    at->part = part;
    at->type = strdup(type);
    snprintf(at->since, sizeof(at->since), "%s", since);
    at->is_newer = find_newer(v, fptc__view_at(v, part), type, since);
    if (at->type == NULL || fptc__view_was_refused(v)) {
        free(at->type);
        return 1;
    }
    k->n_newer++;
    return at->is_newer;
}

/* ---------------------------------------------------------------------------------------------- names */

struct fptc__known_name *fptc__known_name(struct fptc__view *v, const char *type, int64_t id)
{
    struct fptc__known *k = current(v);
    uint64_t hash = (uint64_t)id;

    if (k->names == NULL)
        k->names = calloc(FPTC__KNOWN_NAMES, sizeof(*k->names));
    for (; *type != '\0'; type++)
        hash = (hash ^ (unsigned char)*type) * UINT64_C(0x9e3779b97f4a7c15);
    return k->names == NULL ? NULL : &k->names[(hash >> 32) % FPTC__KNOWN_NAMES];
}

int fptc__known_name_is(const struct fptc__known_name *at, const char *type, int64_t id)
{
    return at != NULL && at->type != NULL && at->id == id && strcmp(at->type, type) == 0;
}

void fptc__known_name_set(struct fptc__known_name *at, const char *type, int64_t id,
                          const char *name, int is_found, int is_gone)
{
    if (at == NULL)
        return;
    name_clear(at);
    at->type = strdup(type);
    at->name = name == NULL ? NULL : strdup(name);
    at->id = id;
    at->is_found = is_found;
    at->is_gone = is_gone;
    if (at->type == NULL || (name != NULL && at->name == NULL))
        name_clear(at);
}
