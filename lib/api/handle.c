#include "api/handle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

int64_t fptc__duration(int64_t option, int64_t normal)
{
    if (option == 0)
        return normal;
    return option < 0 ? 0 : option;
}

int64_t fptc__handle_refresh_ms(const struct fptc_cache *cache)
{
    return fptc__duration(cache->options.refresh_ms, 1000);
}

fptc_status fptc__handle_check(const struct fptc_cache *cache, fptc_error *err)
{
    fptc__error_clear(err);
    if (cache == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "the handle is NULL");
    if (cache->pid != fptc__process_id())
        return fptc__fail(err, FPTC_EFORK,
                          "this handle belongs to process %" PRId64 "; open a new one after fork",
                          cache->pid);
    return FPTC_OK;
}

int fptc__handle_is_pinned(const struct fptc_cache *cache)
{
    return cache->pin.id[0] != '\0';
}

fptc_status fptc__handle_may_change(const struct fptc_cache *cache, const char *what,
                                    fptc_error *err)
{
    if (!fptc__handle_is_pinned(cache))
        return FPTC_OK;
    return fptc__fail(err, FPTC_ESTATE,
                      "%s: this handle is pinned (pin %s) and only reads; use one without a pin",
                      what, cache->pin.id);
}

fptc_status fptc__handle_place(struct fptc_cache *cache, const char *partition,
                               struct fptc__handle_place *out, fptc_error *err)
{
    memset(out, 0, sizeof(*out));
    out->place.cache_dir = cache->options.cache_dir;
    out->place.home = partition;
    out->place.shun = &cache->shun;
    if (!fptc__handle_is_pinned(cache))
        return FPTC_OK;
    out->place.bases = &out->bases;
    if (!fptc__pin_base(&cache->pin, partition, &out->bases.list[FPTC__HOME]) ||
        !fptc__pin_base(&cache->pin, "site", &out->bases.list[FPTC__SITE]))
        return fptc__fail(err, FPTC_ENODATA,
                          "%s is not in pin %s: this handle reads what is pinned and nothing else",
                          partition, cache->pin.id);
    return FPTC_OK;
}

fptc_status fptc__handle_check_call(const struct fptc_cache *cache, struct fptc_result **out_result,
                                    fptc_error *err)
{
    fptc_status status = fptc__handle_check(cache, err);

    if (out_result == NULL && status == FPTC_OK)
        return fptc__fail(err, FPTC_EUSAGE, "out_result is NULL");
    if (out_result != NULL)
        *out_result = NULL;
    return status;
}

/* ------------------------------------------------------------------------------------------ open views */

static void view_free(struct fptc__open_view *open)
{
    if (open == NULL)
        return;
    fptc__view_close(open->view);
    pthread_mutex_destroy(&open->flight);
    free(open);
}

/* With the mutex held: the slot of the partition, else a free one, else the longest unused, else -1. */
static int slot_for(struct fptc_cache *cache, const char *partition)
{
    int i, spare = -1;

    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        struct fptc__open_view *open = cache->views[i];

        if (open != NULL && strcmp(open->partition, partition) == 0)
            return i;
    }
    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        const struct fptc__open_view *open = cache->views[i];

        if (open == NULL)
            return i;
        if (open->n_users == 0 &&
            (spare < 0 || open->used_mono_ms < cache->views[spare]->used_mono_ms))
            spare = i;
    }
    return spare;
}

/* The place in the handle; its view is opened by open_place(). */
static struct fptc__open_view *place_new(const char *partition)
{
    struct fptc__open_view *open = calloc(1, sizeof(*open));

    if (open == NULL)
        return NULL;
    pthread_mutex_init(&open->flight, NULL);
    memcpy(open->partition, partition, strlen(partition) + 1);
    open->project_id = fptc__partition_project(partition);
    open->n_users = 1;
    return open;
}

/* With the mutex held, which it gives up meanwhile: opening and closing touch the file server. Others who
   want the partition wait for it. */
static fptc_status open_place(struct fptc_cache *cache, int slot, struct fptc__open_view *leaving,
                              fptc_error *err)
{
    struct fptc__open_view *open = cache->views[slot];
    struct fptc__view *view = NULL;
    struct fptc__handle_place at;
    fptc_status status;

    pthread_mutex_unlock(&cache->mutex);
    view_free(leaving);
    status = fptc__handle_place(cache, open->partition, &at, err);
    if (status == FPTC_OK)
        status = fptc__view_open_at(&at.place, &cache->logger, &view, err);
    pthread_mutex_lock(&cache->mutex);
    if (status == FPTC_OK)
        open->view = view;
    else
        cache->views[slot] = NULL;
    pthread_cond_broadcast(&cache->changed);
    if (status != FPTC_OK)
        view_free(open);
    return status;
}

/* With the mutex held: an open view of the partition, or NULL: then *out_slot is the place for one (-1: no
   room). Waits while another thread opens it. */
static struct fptc__open_view *find_view(struct fptc_cache *cache, const char *partition,
                                         int *out_slot)
{
    for (;;) {
        struct fptc__open_view *open;

        *out_slot = slot_for(cache, partition);
        open = *out_slot < 0 ? NULL : cache->views[*out_slot];
        if (open == NULL || strcmp(open->partition, partition) != 0)
            return NULL;
        if (open->view != NULL)
            return open;
        pthread_cond_wait(&cache->changed, &cache->mutex);
    }
}

/* With the mutex held. */
static fptc_status add_view(struct fptc_cache *cache, int slot, const char *partition,
                            struct fptc__open_view **out, fptc_error *err)
{
    struct fptc__open_view *leaving = cache->views[slot];
    struct fptc__open_view *open = place_new(partition);
    fptc_status status;

    if (open == NULL)
        return fptc__fail_nomem(err);
    cache->views[slot] = open;
    status = open_place(cache, slot, leaving, err);
    if (status == FPTC_OK)
        *out = open;
    return status;
}

fptc_status fptc__view_get(struct fptc_cache *cache, const char *partition,
                           struct fptc__open_view **out, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int slot;

    pthread_mutex_lock(&cache->mutex);
    *out = find_view(cache, partition, &slot);
    if (*out != NULL)
        (*out)->n_users++;
    else if (slot < 0)
        status = fptc__fail(err, FPTC_ELIMIT, "more than %d partitions are in use at once",
                            FPTC__VIEWS_MAX);
    else
        status = add_view(cache, slot, partition, out, err);
    if (*out != NULL)
        (*out)->used_mono_ms = fptc__mono_ms();
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

void fptc__view_put(struct fptc_cache *cache, struct fptc__open_view *view)
{
    if (view == NULL)
        return;
    pthread_mutex_lock(&cache->mutex);
    view->n_users--;
    pthread_mutex_unlock(&cache->mutex);
}

int fptc__handle_recover(struct fptc_cache *cache)
{
    struct fptc__open_view *open[FPTC__VIEWS_MAX];
    int i, n = 0, n_mended = 0;

    pthread_mutex_lock(&cache->mutex);
    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        if (cache->views[i] == NULL || cache->views[i]->view == NULL)
            continue;
        open[n] = cache->views[i];
        open[n++]->n_users++;
    }
    pthread_mutex_unlock(&cache->mutex);
    for (i = 0; i < n; i++) {
        if (fptc__view_is_faulty(open[i]->view) &&
            fptc__view_refresh(open[i]->view, 0, NULL) == FPTC_OK)
            n_mended += !fptc__view_is_faulty(open[i]->view);
        fptc__view_put(cache, open[i]);
    }
    return n_mended > 0;
}

/* With the mutex held: the view of the project, if it is open and shows all it should. */
static struct fptc__open_view *fresh_view(struct fptc_cache *cache, int64_t project_id,
                                          int64_t mono_ms)
{
    int i;

    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        struct fptc__open_view *open = cache->views[i];

        if (open != NULL && open->view != NULL && open->project_id == project_id &&
            (project_id != 0 || strcmp(open->partition, "site") == 0))
            return open->n_own_commits == cache->n_own_commits &&
                           fptc__view_is_fresh(open->view, mono_ms, fptc__handle_refresh_ms(cache))
                       ? open
                       : NULL;
    }
    return NULL;
}

/* With the mutex held. */
static int is_ours(const struct fptc_cache *cache)
{
    const char *identity = fptc__site_identity(cache->site);

    return identity[0] == '\0' || strcmp(identity, cache->info.realm) == 0;
}

int fptc__handle_at_hand(struct fptc_cache *cache, int64_t project_id, struct fptc__at_hand *out)
{
    int64_t mono_ms = fptc__mono_ms();

    pthread_mutex_lock(&cache->mutex);
    out->open = NULL;
    out->pending = NULL;
    if (is_ours(cache) && fptc__server_now_carried(&cache->clock, mono_ms, &out->now_ms) &&
        (!out->shows_pending || fptc__pending_at_hand(cache, &out->pending)))
        out->open = fresh_view(cache, project_id, mono_ms);
    if (out->open != NULL && out->pending != NULL &&
        !fptc__view_is_read_after(out->open->view, out->pending->since_mono_ms))
        out->open = NULL;
    if (out->open != NULL) {
        out->open->n_users++;
        out->open->used_mono_ms = mono_ms;
    }
    pthread_mutex_unlock(&cache->mutex);
    if (out->open == NULL)
        fptc__pending_drop(out->pending);
    return out->open != NULL;
}

/* --------------------------------------------------------------------------------- what a call works with */

fptc_status fptc__handle_now(struct fptc_cache *cache, int64_t *out_ms, fptc_error *err)
{
    const fptc_options *options = &cache->options;
    struct fptc__server_clock clock;
    struct fptc__partition site;
    char path[FPTC_PATH_MAX];
    fptc_status status;

    *out_ms = 0;
    pthread_mutex_lock(&cache->mutex);
    clock = cache->clock;
    pthread_mutex_unlock(&cache->mutex);
    if (fptc__server_now_carried(&clock, fptc__mono_ms(), out_ms))
        return FPTC_OK;
    status = fptc__partition_at(options->cache_dir, "site", &site, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__server_now(&clock, &site, out_ms, err); /* may touch the server: not locked */
    if (status != FPTC_OK &&
        fptc__path(path, NULL, "%s/fptcache.json", options->cache_dir) == FPTC_OK &&
        fptc__file_info(path, NULL, out_ms, NULL) == FPTC_OK) {
        /* A new cache that cannot be written to: nothing in it is older than its description. */
        fptc__error_clear(err);
        return FPTC_OK;
    }
    pthread_mutex_lock(&cache->mutex);
    if (clock.mono_ms > cache->clock.mono_ms)
        cache->clock = clock;
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

void fptc__handle_distrust(struct fptc_cache *cache)
{
    int64_t now_ms = 0;

    if (fptc__handle_now(cache, &now_ms, NULL) != FPTC_OK)
        now_ms = INT64_MAX;
    pthread_mutex_lock(&cache->mutex);
    cache->distrust_before_ms = now_ms;
    pthread_mutex_unlock(&cache->mutex);
}

/* Another partition's log: that of its view, which stays open until the call ends. */
static fptc_status log_of(void *ctx, const char *partition, struct fptc__log **out, fptc_error *err)
{
    struct fptc__work *w = ctx;
    struct fptc__open_view *open;
    fptc_status status = fptc__view_get(w->cache, partition, &open, err);

    if (status != FPTC_OK || open == NULL)
        return status;
    pthread_mutex_lock(&w->cache->mutex);
    if (w->n_others < FPTC__VIEWS_MAX)
        w->others[w->n_others++] = open;
    else
        status = fptc__fail(err, FPTC_ELIMIT, "one call writes to more than %d partitions",
                            FPTC__VIEWS_MAX);
    pthread_mutex_unlock(&w->cache->mutex);
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(open->view, FPTC__HOME), err);
    else
        fptc__view_put(w->cache, open);
    *out = fptc__view_log(open->view, FPTC__HOME);
    return status;
}

static fptc_status work_now(void *ctx, int64_t *out_ms, fptc_error *err)
{
    return fptc__handle_now(((struct fptc__work *)ctx)->cache, out_ms, err);
}

void fptc__work_on(struct fptc__work *w, struct fptc_cache *cache, const struct fptc__call *call,
                   struct fptc__open_view *open)
{
    memset(w, 0, sizeof(*w));
    w->cache = cache;
    w->call = call;
    w->open = open;
    w->session.view = open->view;
    w->session.site = cache->site;
    w->session.logger = &cache->logger;
    w->session.call = call;
    w->session.ctx = w;
    w->session.log_of = log_of;
    w->session.now = work_now;
}

fptc_status fptc__work_begin(struct fptc__work *w, struct fptc_cache *cache,
                             const struct fptc__call *call, const char *partition, fptc_error *err)
{
    struct fptc__open_view *open = NULL;
    fptc_status status;

    memset(w, 0, sizeof(*w));
    w->cache = cache;
    w->call = call;
    status = fptc__view_get(cache, partition, &open, err);
    if (status == FPTC_OK && open != NULL)
        fptc__work_on(w, cache, call, open);
    return status;
}

void fptc__handle_has_committed(struct fptc_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    cache->n_own_commits++;
    pthread_mutex_unlock(&cache->mutex);
    fptc__rollups_look(cache);
}

fptc_status fptc__work_refresh(struct fptc__work *w, fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    int64_t n, seen;
    fptc_status status;
    int is_due =
        w->pending != NULL && !fptc__view_is_read_after(w->open->view, w->pending->since_mono_ms);

    pthread_mutex_lock(&cache->mutex);
    n = cache->n_own_commits;
    seen = w->open->n_own_commits;
    pthread_mutex_unlock(&cache->mutex);
    status = fptc__view_refresh(w->open->view,
                                n == seen && !is_due ? fptc__handle_refresh_ms(cache) : 0, err);
    pthread_mutex_lock(&cache->mutex);
    if (status == FPTC_OK && w->open->n_own_commits < n)
        w->open->n_own_commits = n;
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

void fptc__work_end(struct fptc__work *w)
{
    if (w->cache == NULL)
        return;
    while (w->n_others > 0)
        fptc__view_put(w->cache, w->others[--w->n_others]);
    fptc__view_put(w->cache, w->open);
    fptc__pending_drop(w->pending);
    w->pending = NULL;
    w->open = NULL;
}

fptc_status fptc__handle_may_ask(struct fptc_cache *cache, fptc_error *err)
{
    const char *identity = fptc__site_identity(cache->site);
    struct fptc__cache_info info;
    fptc_status status = fptc__handle_may_change(cache, "asking FPT", err);

    if (status != FPTC_OK)
        return status;
    if (identity[0] == '\0')
        return fptc__fail(err, FPTC_EAUTH,
                          "no credentials for %s: set script_name and script_key_file "
                          "(FPTCACHE_SCRIPT_NAME, FPTCACHE_SCRIPT_KEY_FILE)",
                          cache->info.site);
    pthread_mutex_lock(&cache->mutex);
    info = cache->info;
    pthread_mutex_unlock(&cache->mutex);
    if (info.realm[0] == '\0') {
        status = fptc__cache_claim_realm(cache->options.cache_dir, identity, &info, err);
        pthread_mutex_lock(&cache->mutex);
        if (status == FPTC_OK)
            cache->info = info;
        pthread_mutex_unlock(&cache->mutex);
    }
    if (status == FPTC_OK && strcmp(info.realm, identity) != 0)
        return fptc__fail(err, FPTC_EEXIST,
                          "%s holds what %s may see; %s needs a cache directory of its own",
                          cache->options.cache_dir, info.realm, identity);
    return status;
}

int fptc__handle_is_stranger(struct fptc_cache *cache)
{
    const char *identity = fptc__site_identity(cache->site);
    struct fptc__cache_info info;

    pthread_mutex_lock(&cache->mutex);
    info = cache->info;
    pthread_mutex_unlock(&cache->mutex);
    if (identity[0] == '\0')
        return 0;
    if (info.realm[0] == '\0' &&
        fptc__cache_read(cache->options.cache_dir, &info, NULL) == FPTC_OK &&
        info.realm[0] != '\0') {
        pthread_mutex_lock(&cache->mutex);
        cache->info = info;
        pthread_mutex_unlock(&cache->mutex);
    }
    return info.realm[0] != '\0' && strcmp(info.realm, identity) != 0;
}

fptc_status fptc__handle_may_read(struct fptc_cache *cache, fptc_error *err)
{
    if (!fptc__handle_is_stranger(cache))
        return FPTC_OK;
    return fptc__fail(err, FPTC_EEXIST, "%s belongs to another identity than %s",
                      cache->options.cache_dir, fptc__site_identity(cache->site));
}
