/* show_pending.c: the outbox's pending writes, as a handle last read them, and views that show them. */
#include "api/handle.h"

#include <string.h>

#include "base/error.h"

/* With the mutex held: 1 when the last look is young enough, also for what this handle wrote itself. */
static int is_fresh(const struct fptc_cache *cache, int64_t mono_ms)
{
    const struct fptc__outbox_look *at = &cache->outbox;

    return at->looked_mono_ms != 0 && at->n_own_commits == cache->n_own_commits &&
           mono_ms - at->looked_mono_ms < fptc__handle_refresh_ms(cache);
}

int fptc__pending_at_hand(struct fptc_cache *cache, struct fptc__pending **out)
{
    int is = fptc__handle_is_pinned(cache) || is_fresh(cache, fptc__mono_ms());

    *out = is ? fptc__pending_take(cache->outbox.pending) : NULL;
    return is;
}

/* What a look found takes the place of what one before it did. */
static struct fptc__pending *keep(struct fptc_cache *cache, const struct fptc__outbox_look *found)
{
    struct fptc__outbox_look *at = &cache->outbox;
    struct fptc__pending *old = found->pending, *kept;

    pthread_mutex_lock(&cache->mutex);
    if (found->looked_mono_ms >= at->looked_mono_ms) {
        old = at->pending;
        *at = *found;
    }
    kept = fptc__pending_take(at->pending);
    pthread_mutex_unlock(&cache->mutex);
    fptc__pending_drop(old);
    return kept;
}

static fptc_status exists(struct fptc_cache *cache, fptc_error *err)
{
    struct fptc__partition at;
    fptc_status status = fptc__partition_at(cache->options.cache_dir, "outbox", &at, err);

    return status == FPTC_OK ? fptc__partition_exists(&at, err) : status;
}

/* Reads them again when the outbox has changed since the last look. */
static fptc_status read_outbox(struct fptc_cache *cache, struct fptc__outbox_look *look,
                               int is_of_others, fptc_error *err)
{
    struct fptc__open_view *open = NULL;
    fptc_status status = fptc__view_get(cache, "outbox", &open, err);

    if (status == FPTC_OK)
        status =
            fptc__view_refresh(open->view, is_of_others ? fptc__handle_refresh_ms(cache) : 0, err);
    if (status == FPTC_OK) {
        struct fptc__log *log = fptc__view_log(open->view, FPTC__HOME);
        uint64_t head, checksum;

        fptc__view_begin(open->view);
        head = fptc__log_head(log);
        checksum = fptc__log_head_checksum(log);
        if (look->pending == NULL || look->head != head || look->checksum != checksum) {
            fptc__pending_drop(look->pending);
            look->pending = NULL;
            status = fptc__pending_read(open->view, &look->pending, err);
        }
        look->head = head;
        look->checksum = checksum;
        fptc__view_end(open->view);
    }
    fptc__view_put(cache, open);
    return status;
}

fptc_status fptc__pending_look(struct fptc_cache *cache, struct fptc__pending **out,
                               fptc_error *err)
{
    struct fptc__outbox_look look;
    int is_young, is_of_others;
    fptc_status status;

    *out = NULL;
    if (fptc__handle_is_pinned(cache))
        return FPTC_OK;
    pthread_mutex_lock(&cache->mutex);
    is_young = is_fresh(cache, fptc__mono_ms());
    look = cache->outbox;
    fptc__pending_take(look.pending);
    is_of_others = look.n_own_commits == cache->n_own_commits;
    look.n_own_commits = cache->n_own_commits;
    pthread_mutex_unlock(&cache->mutex);
    if (is_young) {
        *out = look.pending;
        return FPTC_OK;
    }
    look.looked_mono_ms = fptc__mono_ms();
    status = exists(cache, err);
    if (status == FPTC_OK)
        status = read_outbox(cache, &look, is_of_others, err);
    else if (status == FPTC_MISS)
        status = FPTC_OK;
    if (status != FPTC_OK) {
        *out = look.pending; /* what was known before */
        return status;
    }
    *out = keep(cache, &look);
    return FPTC_OK;
}

void fptc__pending_forget(struct fptc_cache *cache)
{
    fptc__pending_drop(cache->outbox.pending);
    cache->outbox.pending = NULL;
}

fptc_status fptc__work_show_pending(struct fptc__work *w, fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    fptc_status status;

    if (!w->shows_pending)
        return FPTC_OK;
    if (w->pending == NULL || w->pending->n == 0)
        return fptc__view_show_pending(w->session.view, NULL, NULL, err);
    pthread_rwlock_rdlock(&cache->schema_lock);
    status = fptc__view_show_pending(w->session.view, w->pending, cache->schema, err);
    pthread_rwlock_unlock(&cache->schema_lock);
    return status;
}
