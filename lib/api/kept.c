/*
 * kept.c: the schema of a type, fetched once for everybody (config "schema:<Type>" of `site`), and the
 * field set that the type's rows are kept with: what `mirror` names, else the storable fields that were
 * ever asked and the standard ones (design §5.4). The set only grows, so a row never loses a field.
 */
#include <stdio.h>
#include <string.h>

#include "api/handle.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/lookup.h"

static fptc_status site_view(struct fptc__work *w, struct fptc__open_view **out, fptc_error *err)
{
    fptc_status status = fptc__view_get(w->cache, "site", out, err);

    if (status == FPTC_OK)
        status = fptc__view_refresh((*out)->view, fptc__handle_refresh_ms(w->cache), err);
    if (status != FPTC_OK) {
        fptc__view_put(w->cache, *out);
        *out = NULL;
    }
    return status;
}

static fptc_status add_schema(struct fptc_cache *cache, const char *type, const fptc__json *fields,
                              fptc_error *err)
{
    fptc_status status;

    pthread_rwlock_wrlock(&cache->schema_lock);
    status = fptc__schema_has(cache->schema, type)
                 ? FPTC_OK
                 : fptc__schema_add(cache->schema, type, fields, err);
    pthread_rwlock_unlock(&cache->schema_lock);
    return status;
}

static fptc_status share_schema(struct fptc__open_view *site, const char *type,
                                const fptc__json *fields, int64_t asof_ms,
                                const struct fptc__call *call)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    fptc__json *body = fptc__json_new_object();
    char key[300];
    fptc_status status;
    int ok;

    snprintf(key, sizeof(key), "schema:%s", type);
    ok = fptc__json_set(body, "key", fptc__json_new_text(key));
    ok = fptc__json_set(body, "value", fptc__json_copy(fields)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(asof_ms)) && ok;
    status = ok ? fptc__records_add_json(&records, FPTC__CONFIG, body, NULL) : FPTC_ENOMEM;
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(site->view, FPTC__HOME), NULL);
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(site->view, FPTC__HOME), &append, call, NULL);
    fptc__json_free(body);
    fptc__records_done(&records);
    return status;
}

static fptc_status ask_schema(struct fptc__work *w, struct fptc__open_view *site, const char *type,
                              fptc_error *err)
{
    fptc__json *fields = NULL;
    int64_t asof_ms = 0;
    int is_stranger = fptc__handle_is_stranger(w->cache);
    fptc_status status = is_stranger ? FPTC_OK : fptc__handle_may_ask(w->cache, err);

    if (status == FPTC_OK)
        status = fptc__site_schema(w->cache->site, type, w->call, &fields, err);
    if (status == FPTC_OK)
        status = add_schema(w->cache, type, fields, err);
    if (status == FPTC_OK && !is_stranger && fptc__handle_now(w->cache, &asof_ms, NULL) == FPTC_OK)
        (void)share_schema(site, type, fields, asof_ms, w->call); /* others would only ask again */
    fptc__json_free(fields);
    return status;
}

static fptc_status cached_schema(struct fptc__open_view *site, const char *key, fptc__json **out,
                                 fptc_error *err)
{
    fptc_status status;

    fptc__view_begin(site->view);
    status = fptc__view_config(site->view, FPTC__HOME, key, out, NULL, err);
    fptc__view_end(site->view);
    return status;
}

fptc_status fptc__schema_need(struct fptc__work *w, const char *type, int may_ask, fptc_error *err)
{
    struct fptc__open_view *site = NULL;
    fptc__json *fields = NULL;
    char key[300];
    fptc_status status;
    int has;

    pthread_rwlock_rdlock(&w->cache->schema_lock);
    has = fptc__schema_has(w->cache->schema, type);
    pthread_rwlock_unlock(&w->cache->schema_lock);
    if (has)
        return FPTC_OK;
    status = site_view(w, &site, err);
    if (status != FPTC_OK)
        return status;
    snprintf(key, sizeof(key), "schema:%s", type);
    status = cached_schema(site, key, &fields, err);
    if (status == FPTC_MISS && fptc__view_refresh(site->view, 0, NULL) == FPTC_OK)
        status = cached_schema(site, key, &fields, err);
    if (status == FPTC_OK)
        status = add_schema(w->cache, type, fields, err);
    else if (status == FPTC_MISS && may_ask)
        status = ask_schema(w, site, type, err);
    else if (status == FPTC_MISS)
        status =
            fptc__fail(err, FPTC_ENODATA,
                       "the cache does not know the fields of %s yet, and FPT may not be asked "
                       "(only-cache)",
                       type);
    fptc__json_free(fields);
    fptc__view_put(w->cache, site);
    return status;
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
