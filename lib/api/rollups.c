/*
 * rollups.c: a process that appended rolls the log up when that is due: afterwards, on a thread of the
 * library, one log at a time, and for a short while only. Nobody waits for it, and nobody is told when it
 * fails: whoever appends next tries again.
 */
#include <stdlib.h>

#include "api/handle.h"
#include "base/limits.h"
#include "store/rollup.h"

struct roll_up_task {
    struct fptc__task task;
    struct fptc__partition partition;
};

static void done(struct fptc_cache *cache, int came_to_something)
{
    pthread_mutex_lock(&cache->mutex);
    cache->is_rolling_up = 0;
    cache->roll_up_mono_ms = came_to_something ? 0 : fptc__mono_ms() + FPTC_ROLLUP_AGAIN_MS;
    pthread_mutex_unlock(&cache->mutex);
}

static fptc_status run(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct roll_up_task *t = (struct roll_up_task *)task;
    const struct fptc__call mine = {.deadline_mono_ms = fptc__mono_ms() + FPTC_ROLLUP_MS,
                                    .cancelled = call->cancelled};
    struct fptc__compact_stats stats = {0, 0, 0, 0, 0};
    fptc_status status = fptc__rollup(&t->partition, &mine, &task->cache->logger, &stats, err);

    done(task->cache, status == FPTC_OK && stats.folded > 0);
    return status;
}

static void destroy(struct fptc__task *task)
{
    free(task);
}

/* With the mutex held: the first log of an open view that is due. */
static int find_due(struct fptc_cache *cache, struct fptc__partition *out)
{
    int i, part;

    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        struct fptc__view *view = cache->views[i] == NULL ? NULL : cache->views[i]->view;

        for (part = FPTC__HOME; view != NULL && part <= FPTC__SITE; part++) {
            if (!fptc__rollup_is_due_of(fptc__view_log(view, (enum fptc__part)part)))
                continue;
            *out = *fptc__view_partition(view, (enum fptc__part)part);
            return 1;
        }
    }
    return 0;
}

void fptc__rollups_look(struct fptc_cache *cache)
{
    struct fptc__partition partition;
    struct roll_up_task *t;
    int is_due;

    pthread_mutex_lock(&cache->mutex);
    is_due = !cache->is_rolling_up && !cache->is_closing &&
             fptc__mono_ms() >= cache->roll_up_mono_ms && find_due(cache, &partition);
    cache->is_rolling_up |= is_due;
    pthread_mutex_unlock(&cache->mutex);
    if (!is_due)
        return;
    t = fptc__task_new(sizeof(*t), cache, run, destroy, NULL);
    if (t != NULL)
        t->partition = partition;
    if (t == NULL || !fptc__task_post(&t->task))
        done(cache, 0);
}
