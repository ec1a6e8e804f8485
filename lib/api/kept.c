/*
 * kept.c: the schema of a type in memory, for plans, and the field set that the type's rows are kept
 * with: what `mirror` names, else the storable fields that were ever asked and the standard ones
 * (design §5.4). The set only grows, so a row never loses a field.
 */
#include <stdio.h>
#include <string.h>

#include "api/handle.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/lookup.h"

/* A recheck waits for FPT no longer, nor half of the time that its caller has. */
#define RECHECK_WAIT_MS 5000

fptc_status fptc__schema_need(struct fptc__work *w, const char *type, int may_ask, fptc_error *err)
{
    struct fptc__schema_topic topic = {
        .work = w, .type = type, .believed_ms = INT64_MAX, .may_ask = may_ask};
    fptc_status status;
    int has;

    pthread_rwlock_rdlock(&w->cache->schema_lock);
    has = fptc__schema_has(w->cache->schema, type);
    pthread_rwlock_unlock(&w->cache->schema_lock);
    if (has)
        return FPTC_OK;
    status = fptc__schema_find(&topic, err);
    if (status == FPTC_OK)
        status = fptc__schema_learn(w->cache, type, topic.value, 0, err);
    fptc__json_free(topic.value);
    return status;
}

/* When the type may be rechecked again, by its place among few: two types of one place take turns. */
static _Atomic int64_t *next_recheck(struct fptc_cache *cache, const char *type)
{
    uint32_t place = 2166136261u;

    for (; *type; type++)
        place = (place ^ (unsigned char)*type) * 16777619u;
    return &cache->next_recheck_mono_ms[place % FPTC__RECHECKS];
}

int fptc__schema_recheck(struct fptc__work *w, const char *type)
{
    _Atomic int64_t *next = next_recheck(w->cache, type);
    int64_t now_ms = fptc__mono_ms();
    int64_t pause_ms = fptc__duration(w->cache->options.max_age_ms, FPTC_SCHEMA_RECHECK_MS);
    const struct fptc__call *call = w->call;
    struct fptc__call bounded = *call;
    struct fptc__schema_topic topic = {.work = w, .type = type, .may_ask = 1, .must_be_young = 1};
    fptc_status status;

    if (pause_ms > FPTC_SCHEMA_RECHECK_MS)
        pause_ms = FPTC_SCHEMA_RECHECK_MS;
    if (now_ms < *next)
        return 0;
    topic.believed_ms = pause_ms;
    /* The question itself may be covered: an FPT that hangs must not take all its time. */
    bounded.deadline_mono_ms = now_ms + fptc__call_left_ms(call, 2 * RECHECK_WAIT_MS) / 2;
    w->call = &bounded;
    status = fptc__schema_find(&topic, NULL);
    w->call = call;
    *next = fptc__mono_ms() + (status == FPTC_OK ? pause_ms : FPTC_SCHEMA_RECHECK_MS);
    if (status == FPTC_OK)
        status = fptc__schema_learn(w->cache, type, topic.value, 1, NULL);
    fptc__json_free(topic.value);
    return status == FPTC_OK;
}

/* ---------------------------------------------------------------------------------- the kept field set */

/* Adds a field of the schema to the set, if it may be kept. With the schema lock held. */
static int keep_field(struct fptc_cache *cache, const char *type, const char *field,
                      int also_computed, fptc__json *types)
{
    const struct fptc__field *f = fptc__schema_field(cache->schema, type, field);

    if (f == NULL || f->class_of == FPTC__NEVER || (f->is_computed && !also_computed) ||
        strcmp(field, "id") == 0 || fptc__json_get(types, field) != NULL)
        return 1;
    return fptc__json_set(types, field, fptc__json_new_text(f->data_type));
}

static int keep_all(struct fptc_cache *cache, const char *type, fptc__json *types)
{
    size_t i;
    int ok = 1;

    for (i = 0; i < fptc__schema_n_fields(cache->schema, type); i++)
        ok = keep_field(cache, type, fptc__schema_field_at(cache->schema, type, i)->name, 0,
                        types) &&
             ok;
    return ok;
}

static int keep_list(struct fptc_cache *cache, const char *type, const fptc__json *list,
                     fptc__json *types)
{
    const fptc__json *at;
    int ok = 1;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_is_string(at))
            ok = keep_field(cache, type, fptc__json_text(at), 1, types) && ok;
    }
    return ok;
}

static const char *const STANDARD[] = {"project",    "cached_display_name", "created_at",
                                       "created_by", "updated_at",          "updated_by"};

fptc_status fptc__kept_types(struct fptc__work *w, const char *type, const char *const *asked,
                             size_t n_asked, fptc__json **out_types, int *out_is_project_type,
                             fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    struct fptc__view *view = w->session.view;
    enum fptc__part part;
    fptc__json *types = fptc__json_new_object(), *mirror = NULL, *known = NULL;
    char key[300];
    fptc_status status;
    size_t i;
    int ok = types != NULL;

    pthread_rwlock_rdlock(&cache->schema_lock);
    *out_is_project_type = fptc__schema_is_project_type(cache->schema, type);
    pthread_rwlock_unlock(&cache->schema_lock);
    part = fptc__view_part_of(view, *out_is_project_type);
    snprintf(key, sizeof(key), "mirror:%s", type);
    fptc__view_begin(view);
    status = fptc__view_config(view, part, key, &mirror, NULL, err);
    if (status == FPTC_OK || status == FPTC_MISS)
        status = fptc__view_known_fields(view, part, type, &known, err);
    fptc__view_end(view);
    pthread_rwlock_rdlock(&cache->schema_lock);
    for (i = 0; i < sizeof(STANDARD) / sizeof(STANDARD[0]); i++)
        ok = ok && keep_field(cache, type, STANDARD[i], 0, types);
    if (mirror != NULL && fptc__json_is_null(fptc__json_get(mirror, "fields")))
        ok = ok && keep_all(cache, type, types);
    ok = ok && keep_list(cache, type, fptc__json_get(mirror, "fields"), types);
    ok = ok && keep_list(cache, type, known, types);
    for (i = 0; i < n_asked; i++)
        ok = ok && keep_field(cache, type, asked[i], 1, types);
    pthread_rwlock_unlock(&cache->schema_lock);
    fptc__json_free(mirror);
    fptc__json_free(known);
    if (status == FPTC_OK && !ok)
        status = fptc__fail_nomem(err);
    if (status != FPTC_OK) {
        fptc__json_free(types);
        types = NULL;
    }
    *out_types = types;
    return status;
}
