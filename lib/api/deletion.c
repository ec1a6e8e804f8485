#include "api/deletion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/thread.h"
#include "store/compact.h"

struct waiting {
    struct waiting *next;
    struct fptc__partition partition;
};

struct fptc__deletion {
    char cache_dir[FPTC_PATH_MAX]; /* it may outlive the handle */
    int64_t grace_ms;
    pthread_mutex_t log_mutex;
    struct fptc__logger theirs; /* fn NULL once the handle is closed; guarded by log_mutex */
    struct fptc__logger ours;   /* hands lines on to it */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct waiting *first;
    int has_thread, is_ending;
    int n_owners; /* the caller and the thread; the last one frees */
    int64_t deleted;
};

static void hand_on(int32_t level, const char *text, void *payload)
{
    struct fptc__deletion *d = payload;

    pthread_mutex_lock(&d->log_mutex);
    fptc__log_line(&d->theirs, level, "%s", text);
    pthread_mutex_unlock(&d->log_mutex);
}

fptc_status fptc__deletion_new(const char *cache_dir, const struct fptc__logger *logger,
                               int64_t grace_ms, struct fptc__deletion **out, fptc_error *err)
{
    struct fptc__deletion *d = calloc(1, sizeof(*d));

    *out = d;
    if (d == NULL)
        return fptc__fail_nomem(err);
    (void)snprintf(d->cache_dir, sizeof(d->cache_dir), "%s", cache_dir);
    d->grace_ms = grace_ms;
    d->theirs = *logger;
    d->ours = (struct fptc__logger){hand_on, d, logger->level};
    d->n_owners = 1;
    pthread_mutex_init(&d->log_mutex, NULL);
    pthread_mutex_init(&d->mutex, NULL);
    fptc__cond_init(&d->changed);
    return FPTC_OK;
}

/* With the mutex held. */
static void drop_waiting(struct fptc__deletion *d)
{
    while (d->first != NULL) {
        struct waiting *next = d->first->next;

        free(d->first);
        d->first = next;
    }
}

/* With the mutex held, which it gives up. */
static void release(struct fptc__deletion *d)
{
    int is_last = --d->n_owners == 0;

    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    if (!is_last)
        return;
    drop_waiting(d);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->mutex);
    pthread_mutex_destroy(&d->log_mutex);
    free(d);
}

/* The first one stays in the list while it is at work, so that nobody has it done twice. */
static void *keep_deleting(void *ctx)
{
    struct fptc__deletion *d = ctx;
    const struct fptc__pinned pinned = fptc__pins_of(d->cache_dir);

    fptc__thread_give_way();
    pthread_mutex_lock(&d->mutex);
    while (d->first != NULL && !d->is_ending) {
        struct waiting *at = d->first;
        struct fptc__compact_stats stats;
        fptc_error err = FPTC_ERROR_INIT;
        fptc_status status;

        memset(&stats, 0, sizeof(stats));
        pthread_mutex_unlock(&d->mutex);
        status = fptc__retire(&at->partition, d->grace_ms, &pinned, &d->ours, &stats, &err);
        if (status < 0)
            fptc__log_line(&d->ours, FPTC_LOG_WARNING, "old files of %s are not deleted: %s",
                           at->partition.name, err.message);
        pthread_mutex_lock(&d->mutex);
        d->deleted += stats.deleted;
        d->first = at->next;
        free(at);
    }
    d->has_thread = 0;
    release(d);
    return NULL;
}

/* With the mutex held. */
static fptc_status start(struct fptc__deletion *d, fptc_error *err)
{
    fptc_status status;

    if (d->has_thread)
        return FPTC_OK;
    status = fptc__thread_start(keep_deleting, d, NULL, err);
    if (status == FPTC_OK) {
        d->has_thread = 1;
        d->n_owners++;
    }
    return status;
}

fptc_status fptc__deletion_post(struct fptc__deletion *d, const struct fptc__partition *p,
                                fptc_error *err)
{
    struct waiting **last;
    fptc_status status = FPTC_OK;

    pthread_mutex_lock(&d->mutex);
    for (last = &d->first; *last != NULL; last = &(*last)->next) {
        if (strcmp((*last)->partition.dir, p->dir) == 0)
            break;
    }
    if (*last == NULL) {
        *last = calloc(1, sizeof(**last));
        if (*last == NULL)
            status = fptc__fail_nomem(err);
        else
            (*last)->partition = *p;
    }
    if (status == FPTC_OK)
        status = start(d, err);
    pthread_mutex_unlock(&d->mutex);
    return status;
}

int fptc__deletion_wait(struct fptc__deletion *d, const struct fptc__call *call, int64_t ms,
                        int64_t *out_deleted)
{
    int64_t until = fptc__mono_ms() + fptc__call_left_ms(call, ms);
    int is_done;

    pthread_mutex_lock(&d->mutex);
    while (d->has_thread && fptc__mono_ms() < until &&
           fptc__call_check(call, "deleting", NULL) == FPTC_OK)
        fptc__cond_wait_ms(&d->changed, &d->mutex, 100);
    is_done = !d->has_thread;
    *out_deleted = d->deleted;
    d->deleted = 0;
    pthread_mutex_unlock(&d->mutex);
    return is_done;
}

void fptc__deletion_free(struct fptc__deletion *d)
{
    int64_t until = fptc__mono_ms() + FPTC_HOLDER_LEAVE_MS;

    if (d == NULL)
        return;
    pthread_mutex_lock(&d->mutex);
    d->is_ending = 1;
    while (d->has_thread && fptc__mono_ms() < until)
        fptc__cond_wait_ms(&d->changed, &d->mutex, until - fptc__mono_ms());
    pthread_mutex_unlock(&d->mutex);
    pthread_mutex_lock(&d->log_mutex);
    d->theirs.fn = NULL;
    pthread_mutex_unlock(&d->log_mutex);
    pthread_mutex_lock(&d->mutex);
    release(d);
}
