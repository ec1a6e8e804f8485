/* log.c: opening a log, what it knows, and sharing one pass among the threads that want one. */
#include "store/log.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/sys.h"
#include "store/drop.h"
#include "store/log_state.h"

static int make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return 0;
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
                 pthread_cond_init(condition, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    return !failed;
}

fptc_status fptc__log_open(const struct fptc__partition *p, const struct fptc__log_options *options,
                           struct fptc__log **out, fptc_error *err)
{
    *out = NULL;
    struct fptc__log *log = calloc(1, sizeof(*log));
    if (!log)
        return fptc__fail_nomem(err);
    log->p = *p;
    if (options && options->sink)
        log->sink = *options->sink;
    if (options && options->turn)
        log->turn = *options->turn;
    log->logger = options ? options->logger : NULL;
    fptc__shun_init(&log->own_shun);
    log->shun = options && options->shun ? options->shun : &log->own_shun;
    log->is_pinned = options && options->pinned;
    log->pinned = log->is_pinned ? *options->pinned : 0;
    if (!make_condition(&log->changed)) {
        free(log);
        return fptc__fail_nomem(err);
    }
    if (pthread_mutex_init(&log->mutex, NULL) != 0) {
        pthread_cond_destroy(&log->changed);
        free(log);
        return fptc__fail_nomem(err);
    }
    *out = log;
    return FPTC_OK;
}

fptc_status fptc__log_open_roller(const struct fptc__partition *p,
                                  const struct fptc__log_options *options, struct fptc__log **out,
                                  fptc_error *err)
{
    fptc_status status = fptc__log_open(p, options, out, err);
    if (status == FPTC_OK)
        (*out)->is_roller = 1;
    return status;
}

void fptc__log_close(struct fptc__log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->mutex);
    pthread_cond_destroy(&log->changed);
    fptc__shun_done(&log->own_shun);
    free(log);
}

void fptc__log_lock(struct fptc__log *log)
{
    pthread_mutex_lock(&log->mutex);
}

int fptc__log_try_lock(struct fptc__log *log)
{
    return pthread_mutex_trylock(&log->mutex) == 0;
}

void fptc__log_unlock(struct fptc__log *log)
{
    pthread_mutex_unlock(&log->mutex);
}

uint64_t fptc__log_head(struct fptc__log *log)
{
    return log->head;
}

uint64_t fptc__log_dropped(struct fptc__log *log)
{
    return log->dropped;
}

uint64_t fptc__log_head_checksum(struct fptc__log *log)
{
    return log->head_checksum;
}

uint64_t fptc__log_base(struct fptc__log *log)
{
    return log->base;
}

uint64_t fptc__log_newest_base(struct fptc__log *log)
{
    return log->newest;
}

int64_t fptc__log_refreshed_mono_ms(struct fptc__log *log)
{
    return log->refreshed_mono_ms;
}

uint64_t fptc__log_holes(struct fptc__log *log)
{
    return log->holes;
}

int fptc__log_is_read_only(struct fptc__log *log)
{
    return log->is_read_only;
}

void fptc__log_wait(struct fptc__log *log, int64_t ms)
{
    struct timespec until = {0, 0};
    if (ms <= 0) {
        pthread_cond_wait(&log->changed, &log->mutex);
        return;
    }
    fptc__sys.clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&log->changed, &log->mutex, &until);
}

static void pass_for_all(struct fptc__log *log)
{
    fptc_error err = FPTC_ERROR_INIT;
    log->is_passing = 1;
    log->passes_begun++;
    log->pass_status = fptc__log_run_pass(log, &err);
    log->pass_err = err;
    log->is_passing = 0;
    log->passes_ended = log->passes_begun;
    pthread_cond_broadcast(&log->changed);
}

fptc_status fptc__log_pass(struct fptc__log *log, fptc_error *err)
{
    /* A pass that is under way now may have looked before what our caller must see was published. */
    uint64_t wanted = log->passes_begun + 1;
    while (log->passes_ended < wanted) {
        if (log->is_passing)
            fptc__log_wait(log, 0);
        else
            pass_for_all(log);
    }
    if (log->pass_status != FPTC_OK && err)
        *err = log->pass_err;
    return log->pass_status;
}

fptc_status fptc__log_refresh(struct fptc__log *log, fptc_error *err)
{
    pthread_mutex_lock(&log->mutex);
    fptc_status status = fptc__log_pass(log, err);
    pthread_mutex_unlock(&log->mutex);
    return status;
}

/* --- the sink --- */

fptc_status fptc__log_feed(struct fptc__log *log, const struct fptc__commit *commit,
                           fptc_error *err)
{
    const struct fptc__manifest nothing = {.upto = commit->head.number - 1,
                                           .snapshot_upto = commit->head.number - 1};
    int is_lost = !log->is_roller && fptc__commit_begins_anew(commit);
    fptc_status status = FPTC_OK;
    if (fptc__commit_drops(commit))
        return fptc__log_drop(log, commit, err);
    if (is_lost && log->sink.reset)
        status = log->sink.reset(log->sink.ctx, &nothing, err);
    if (status == FPTC_OK && log->sink.apply)
        status = log->sink.apply(log->sink.ctx, commit, err);
    /* Between the two the sink holds no commit's state: the next pass begins anew. */
    if (status != FPTC_OK && is_lost)
        log->is_started = 0;
    return status;
}
