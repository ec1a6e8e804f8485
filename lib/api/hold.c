/*
 * hold.c: who does the upkeep, by the option hold and by fptc_cache_hold(): one thread of the handle, which
 * gives way to all others, does the rounds; the heartbeat (share/holder.h) and the deletion (deletion.h)
 * have threads of their own.
 */
#include "api/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/thread.h"

/* Between two calls of a caller's progress function. */
#define TELL_MS 200

struct fptc__upkeep_times fptc__upkeep_times = {
    .holder = {FPTC_HOLDER_BEAT_MS, FPTC_HOLDER_STALE_MS},
    .first_ms = FPTC_HOLD_FIRST_MS,
    .look_ms = FPTC_HOLD_LOOK_MS,
    .retire_ms = FPTC_HOLD_RETIRE_MS,
    .outbox_ms = FPTC_OUTBOX_LOOK_MS,
};

/* --- making one, and its end ------------------------------------------------------------------ */

static void upkeep_free(struct fptc__upkeep *u)
{
    if (u == NULL)
        return;
    fptc__holder_free(u->holder);
    fptc__deletion_free(u->deletion);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->mutex);
    free(u);
}

static fptc_status upkeep_new(struct fptc_cache *cache, struct fptc__upkeep **out, fptc_error *err)
{
    struct fptc__upkeep *u = calloc(1, sizeof(*u));
    fptc_status status;

    *out = u;
    if (u == NULL)
        return fptc__fail_nomem(err);
    u->cache = cache;
    u->mode = FPTC_HOLD_NEVER;
    pthread_mutex_init(&u->mutex, NULL);
    fptc__cond_init(&u->changed);
    status = fptc__holder_new(&fptc__upkeep_times.holder, &u->holder, err);
    if (status == FPTC_OK)
        status = fptc__deletion_new(cache->options.cache_dir, &cache->logger,
                                    fptc__duration(cache->options.grace_ms, FPTC_GRACE_MS),
                                    &u->deletion, err);
    if (status != FPTC_OK) {
        upkeep_free(u);
        *out = NULL;
    }
    return status;
}

fptc_status fptc__upkeep_of(struct fptc_cache *cache, struct fptc__upkeep **out, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    pthread_mutex_lock(&cache->mutex);
    if (cache->upkeep == NULL)
        status = upkeep_new(cache, &cache->upkeep, err);
    *out = cache->upkeep;
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* With the mutex held: what the thread should be doing. */
static int32_t wanted(const struct fptc__upkeep *u)
{
    if (u->is_ending)
        return FPTC_HOLD_NEVER;
    return u->n_holding > 0 ? FPTC_HOLD_ALWAYS : u->cache->options.hold;
}

static void tell(struct fptc__upkeep *u, const char *doing, const char *partition)
{
    pthread_mutex_lock(&u->mutex);
    snprintf(u->doing, sizeof(u->doing), "%s %s", doing, partition);
    pthread_mutex_unlock(&u->mutex);
}

/* With the mutex held: whether something is due that is done every so often, and then from now again. */
static int comes_round(int64_t *last_mono_ms, int64_t every_ms)
{
    int64_t now = fptc__mono_ms();

    if (*last_mono_ms != 0 && now - *last_mono_ms < every_ms)
        return 0;
    *last_mono_ms = now;
    return 1;
}

/* With the mutex held, which it gives up meanwhile. Milliseconds until the next one. */
static int64_t do_round(struct fptc__upkeep *u)
{
    int is_holder = u->mode == FPTC_HOLD_ALWAYS;
    int64_t max_age_ms = fptc__duration(u->cache->options.max_age_ms, FPTC_MAX_AGE_MS);
    struct fptc__call call = {.cancelled = &u->stops};
    struct fptc__round r = {.upkeep = u,
                            .call = &call,
                            .is_timid = !is_holder,
                            .keeps = is_holder,
                            .is_silent = !is_holder,
                            .sends = is_holder || atomic_load(&u->cache->leaves_writes),
                            .tell = tell};
    int is_full = comes_round(&u->looked_mono_ms, fptc__upkeep_times.look_ms);

    atomic_store(&u->stops, 0);
    r.only = is_full ? NULL : "outbox";
    if (is_holder && is_full) {
        r.follows = comes_round(&u->followed_mono_ms, max_age_ms);
        r.retires = comes_round(&u->retired_mono_ms, fptc__upkeep_times.retire_ms);
    }
    pthread_mutex_unlock(&u->mutex);
    fptc__round(&r);
    pthread_mutex_lock(&u->mutex);
    if (is_full) {
        u->n_seen = r.n_seen;
        u->n_held = r.n_held;
        u->status = r.status;
        u->err = r.err;
    }
    u->doing[0] = '\0';
    pthread_cond_broadcast(&u->changed);
    if (r.n_undecided > 0)
        return fptc__upkeep_times.holder.beat_ms;
    return r.sends ? fptc__upkeep_times.outbox_ms : fptc__upkeep_times.look_ms;
}

/* A tenth more or less, so that processes started together do not look together for ever. */
static int64_t about(int64_t ms)
{
    return ms - ms / 10 + (int64_t)(fptc__random_u64() % (uint64_t)(ms / 5 + 1));
}

/* With the mutex held, which it gives up meanwhile: the claims go when it is not to be a holder any more. */
static int64_t change_mode(struct fptc__upkeep *u)
{
    int was_holder = u->mode == FPTC_HOLD_ALWAYS;

    if (was_holder) {
        pthread_mutex_unlock(&u->mutex);
        fptc__holder_give_all(u->holder);
        pthread_mutex_lock(&u->mutex);
    }
    u->mode = wanted(u);
    u->n_held = u->n_seen = 0;
    u->looked_mono_ms = 0;
    u->status = FPTC_OK;
    pthread_cond_broadcast(&u->changed);
    return fptc__mono_ms() + (u->mode == FPTC_HOLD_ALWAYS ? 0 : about(fptc__upkeep_times.first_ms));
}

static void *keep_up(void *ctx)
{
    struct fptc__upkeep *u = ctx;
    int64_t next_mono_ms = 0;

    fptc__thread_give_way();
    pthread_mutex_lock(&u->mutex);
    while (!u->is_ending || u->mode != FPTC_HOLD_NEVER) {
        int64_t wait_ms = next_mono_ms - fptc__mono_ms();

        if (wanted(u) != u->mode)
            next_mono_ms = change_mode(u);
        else if (u->mode == FPTC_HOLD_NEVER)
            pthread_cond_wait(&u->changed, &u->mutex);
        else if (wait_ms > 0)
            fptc__cond_wait_ms(&u->changed, &u->mutex, wait_ms);
        else
            next_mono_ms = fptc__mono_ms() + about(do_round(u));
    }
    pthread_mutex_unlock(&u->mutex);
    return NULL;
}

/* With the mutex held. */
static fptc_status start(struct fptc__upkeep *u, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (!u->has_thread)
        status = fptc__thread_start(keep_up, u, &u->thread, err);
    u->has_thread = status == FPTC_OK;
    return status;
}

fptc_status fptc__upkeep_start(struct fptc_cache *cache, fptc_error *err)
{
    struct fptc__upkeep *u;
    fptc_status status;

    if (cache->options.hold != FPTC_HOLD_AUTO && cache->options.hold != FPTC_HOLD_ALWAYS) {
        cache->options.hold = FPTC_HOLD_NEVER;
        return FPTC_OK;
    }
    status = fptc__upkeep_of(cache, &u, err);
    if (status != FPTC_OK)
        return status;
    pthread_mutex_lock(&u->mutex);
    status = start(u, err);
    pthread_mutex_unlock(&u->mutex);
    return status;
}

void fptc__upkeep_stop(struct fptc_cache *cache)
{
    struct fptc__upkeep *u = cache->upkeep;

    if (u == NULL)
        return;
    pthread_mutex_lock(&u->mutex);
    u->is_ending = 1;
    atomic_store(&u->stops, 1);
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->mutex);
    if (u->has_thread)
        pthread_join(u->thread, NULL);
}

void fptc__upkeep_free(struct fptc_cache *cache)
{
    upkeep_free(cache->upkeep);
    cache->upkeep = NULL;
}

/* --- fptc_cache_hold -------------------------------------------------------------------------- */

/* What the caller is shown, with the mutex held. */
static void describe(const struct fptc__upkeep *u, char *out, size_t n)
{
    if (u->doing[0] != '\0')
        snprintf(out, n, "%s", u->doing);
    else if (u->n_held == u->n_seen)
        snprintf(out, n, "holding");
    else
        snprintf(out, n, "standing by: another holds");
}

/* With the mutex held, which it gives up meanwhile: until progress() has had enough, or nothing can be held
   here. */
static fptc_status keep_telling(struct fptc__upkeep *u, fptc_progress_fn progress, void *payload,
                                fptc_error *err)
{
    for (;;) {
        char doing[sizeof(u->doing)];
        int64_t n_held = u->n_held, n_seen = u->n_seen;
        int32_t stop;

        if (u->mode == FPTC_HOLD_ALWAYS && u->status == FPTC_EACCESS && n_held == 0) {
            if (err != NULL)
                *err = u->err;
            return u->status;
        }
        describe(u, doing, sizeof(doing));
        pthread_mutex_unlock(&u->mutex);
        stop = progress(doing, n_held, n_seen, payload);
        pthread_mutex_lock(&u->mutex);
        if (stop != 0)
            return FPTC_OK;
        fptc__cond_wait_ms(&u->changed, &u->mutex, TELL_MS);
    }
}

fptc_status fptc_cache_hold(fptc_cache *cache, fptc_progress_fn progress, void *payload,
                            fptc_error *err)
{
    struct fptc__upkeep *u;
    fptc_status status = fptc__handle_check(cache, err);

    if (status == FPTC_OK && progress == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "progress is NULL: it alone ends the holding");
    if (status == FPTC_OK)
        status = fptc__handle_may_change(cache, "holding", err);
    if (status == FPTC_OK)
        status = fptc__upkeep_of(cache, &u, err);
    if (status != FPTC_OK)
        return status;
    pthread_mutex_lock(&u->mutex);
    status = start(u, err);
    if (status == FPTC_OK) {
        u->n_holding++;
        atomic_store(&u->stops, u->mode != FPTC_HOLD_ALWAYS);
        pthread_cond_broadcast(&u->changed);
        status = keep_telling(u, progress, payload, err);
        u->n_holding--;
        atomic_store(&u->stops, wanted(u) != FPTC_HOLD_ALWAYS);
        pthread_cond_broadcast(&u->changed);
        while (u->mode == FPTC_HOLD_ALWAYS && wanted(u) != FPTC_HOLD_ALWAYS)
            pthread_cond_wait(&u->changed, &u->mutex);
    }
    pthread_mutex_unlock(&u->mutex);
    return status;
}
