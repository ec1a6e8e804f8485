/*
 * job.c: deadlines that hold although a hard NFS mount may block a thread for minutes: the call's work
 * runs on a thread of the library, the caller waits on a condition and leaves the thread behind
 * (protocol-attacks S15). Idle threads are kept for the next call.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/thread.h"

/* Of a deadline, what is kept for the answer when FPT has not answered. */
#define SPARE_MS 200

struct fptc__job {
    struct fptc__job *next; /* in the queue */
    struct fptc__task *task;
    int64_t deadline_mono_ms;   /* the caller's */
    int64_t work_until_mono_ms; /* a little earlier: time for a stale answer instead */
    atomic_int cancelled;
    int n_owners; /* the caller and the worker; the last one frees. Guarded by the cache's mutex */
    int is_done;
    fptc_status status;
    fptc_error err;
};

void *fptc__task_new(size_t size, struct fptc_cache *cache,
                     fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                        fptc_error *),
                     void (*destroy)(struct fptc__task *), fptc_error *err)
{
    struct fptc__task *task = calloc(1, size);

    if (task == NULL) {
        (void)fptc__fail_nomem(err);
        return NULL;
    }
    task->cache = cache;
    task->run = run;
    task->destroy = destroy;
    return task;
}

fptc_status fptc__task_document(struct fptc__task *task, const fptc__json *document,
                                fptc_error *err)
{
    fptc_status status = fptc__result_new(&task->result, err);

    return status == FPTC_OK ? fptc__result_document(task->result, document, err) : status;
}

static fptc_status hand_over(struct fptc__task *task, fptc_status status,
                             struct fptc_result **out_result)
{
    if (out_result != NULL && (status >= 0 || task->gives_always)) {
        *out_result = task->result;
        task->result = NULL;
    }
    fptc_result_free(task->result);
    task->result = NULL;
    task->destroy(task);
    return status;
}

/* With the mutex held. */
static void job_release(struct fptc__job *job)
{
    if (--job->n_owners > 0)
        return;
    if (job->task != NULL)
        (void)hand_over(job->task, FPTC_OK, NULL);
    free(job);
}

/* What a file that cannot be read may lead to. */
static int is_of_files(fptc_status status)
{
    return status == FPTC_EIO || status == FPTC_ENOENT || status == FPTC_EDAMAGED ||
           status == FPTC_ENODATA;
}

/* A question whose files went or failed while they were read is put again, to what is left. */
static fptc_status run_task(struct fptc__task *task, const struct fptc__call *call,
                            fptc_error *out_err)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = task->run(task, call, &err);
    int i;

    for (i = 1; task->is_question && is_of_files(status) && i < FPTC_STALE_MAX; i++) {
        if (fptc__call_check(call, "reading", NULL) != FPTC_OK ||
            (!fptc__handle_recover(task->cache) && err.sys_errno != ESTALE))
            break;
        fptc_result_free(task->result);
        task->result = NULL;
        fptc__error_clear(&err);
        status = task->run(task, call, &err);
    }
    if (out_err != NULL)
        *out_err = err;
    return status;
}

static void run_job(struct fptc_cache *cache, struct fptc__job *job)
{
    struct fptc__call call = {.deadline_mono_ms = job->work_until_mono_ms,
                              .cancelled = &job->cancelled};
    fptc_status status;

    pthread_mutex_unlock(&cache->mutex);
    status = run_task(job->task, &call, &job->err);
    pthread_mutex_lock(&cache->mutex);
    job->status = status;
    job->is_done = 1;
    pthread_cond_broadcast(&cache->changed);
    job_release(job);
}

/* With the mutex held, which it gives up: who leaves joins the one that left before, so that at most one
   thread waits to be joined and none is alive after close. */
static void leave(struct fptc_cache *cache)
{
    pthread_t before = cache->last_left;
    int has_before = cache->has_last_left;

    cache->last_left = pthread_self();
    cache->has_last_left = 1;
    cache->n_threads--;
    pthread_cond_broadcast(&cache->changed);
    pthread_mutex_unlock(&cache->mutex);
    if (has_before)
        pthread_join(before, NULL);
}

static void *work(void *ctx)
{
    struct fptc_cache *cache = ctx;

    pthread_mutex_lock(&cache->mutex);
    while (!cache->is_closing || cache->queue != NULL) {
        struct fptc__job *job = cache->queue;

        if (job != NULL) {
            cache->queue = job->next;
            run_job(cache, job);
            continue;
        }
        if (cache->n_idle >= FPTC_IDLE_THREADS_MAX)
            break;
        cache->n_idle++;
        pthread_cond_wait(&cache->changed, &cache->mutex);
        cache->n_idle--;
    }
    leave(cache);
    return NULL;
}

/* With the mutex held: somebody will take the job. */
static fptc_status start_worker(struct fptc_cache *cache, fptc_error *err)
{
    pthread_t thread;
    const struct fptc__job *waiting;
    fptc_status status;
    int n_waiting = 0;

    for (waiting = cache->queue; waiting != NULL; waiting = waiting->next)
        n_waiting++;
    if (cache->n_idle > n_waiting) {
        pthread_cond_broadcast(&cache->changed);
        return FPTC_OK;
    }
    status = fptc__thread_start(work, cache, &thread, err);
    if (status == FPTC_OK)
        cache->n_threads++;
    return status;
}

/* With the mutex held: waits until the job is done or its deadline has passed. */
static void wait_for(struct fptc_cache *cache, struct fptc__job *job)
{
    while (!job->is_done) {
        int64_t left = job->deadline_mono_ms - fptc__mono_ms();

        if (left <= 0)
            return;
        fptc__cond_wait_ms(&cache->changed, &cache->mutex, left);
    }
}

static fptc_status run_bounded(struct fptc__task *task, int64_t deadline_ms,
                               struct fptc_result **out_result, fptc_error *err)
{
    struct fptc_cache *cache = task->cache;
    struct fptc__job *job = calloc(1, sizeof(*job)), **last;
    fptc_status task_late = task->late_status == 0 ? FPTC_EDEADLINE : task->late_status;
    fptc_status status;

    if (job == NULL) {
        task->destroy(task);
        return fptc__fail_nomem(err);
    }
    job->task = task;
    job->deadline_mono_ms = fptc__mono_ms() + deadline_ms;
    job->work_until_mono_ms =
        job->deadline_mono_ms - (deadline_ms < 1000 ? deadline_ms / 5 : SPARE_MS);
    job->n_owners = 2;
    pthread_mutex_lock(&cache->mutex);
    status = start_worker(cache, err);
    if (status != FPTC_OK) {
        job->n_owners = 1;
        job_release(job);
        pthread_mutex_unlock(&cache->mutex);
        return status;
    }
    for (last = &cache->queue; *last != NULL; last = &(*last)->next)
        ;
    *last = job;
    wait_for(cache, job);
    if (job->is_done) {
        status = job->status;
        if (err != NULL)
            *err = job->err;
        (void)hand_over(task, status, out_result);
        job->task = NULL;
    } else {
        atomic_store(&job->cancelled, 1);
        status = fptc__fail(err, task_late,
                            "not finished within %lld ms; the file server or FPT is slow",
                            (long long)deadline_ms);
    }
    job_release(job);
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

fptc_status fptc__task_run(struct fptc__task *task, int64_t deadline_ms,
                           struct fptc_result **out_result, fptc_error *err)
{
    struct fptc__call call = {0};
    fptc_status status;

    if (deadline_ms > 0)
        return run_bounded(task, deadline_ms, out_result, err);
    status = run_task(task, &call, err);
    return hand_over(task, status, out_result);
}

int fptc__task_post(struct fptc__task *task)
{
    struct fptc_cache *cache = task->cache;
    struct fptc__job *job = calloc(1, sizeof(*job)), **last = &cache->queue;
    fptc_error err = FPTC_ERROR_INIT;
    int is_posted;

    pthread_mutex_lock(&cache->mutex);
    is_posted = job != NULL && !cache->is_closing && start_worker(cache, &err) == FPTC_OK;
    if (is_posted) {
        job->task = task;
        job->n_owners = 1;
        while (*last != NULL)
            last = &(*last)->next;
        *last = job;
    }
    pthread_mutex_unlock(&cache->mutex);
    if (!is_posted) {
        free(job);
        task->destroy(task);
    }
    return is_posted;
}

void fptc__jobs_stop(struct fptc_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    cache->is_closing = 1;
    pthread_cond_broadcast(&cache->changed);
    while (cache->n_threads > 0)
        pthread_cond_wait(&cache->changed, &cache->mutex);
    pthread_mutex_unlock(&cache->mutex);
    if (cache->has_last_left)
        pthread_join(cache->last_left, NULL);
}
