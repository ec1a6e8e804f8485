/* sql_rows.c: fptc_cache_sql: a statement of the caller's own, over a view that only its result reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/stream.h"

struct sql_task {
    struct fptc__task task;
    char partition[64];
    char *sql;
    int64_t until_mono_ms;
};

static void destroy_sql(struct fptc__task *task)
{
    free(((struct sql_task *)task)->sql);
    free(task);
}

/* FPTC_ENODATA unless the project has a partition: reading makes none. */
static fptc_status need_partition(const struct sql_task *t, fptc_error *err)
{
    struct fptc__partition at;
    fptc_status status =
        fptc__partition_at(t->task.cache->options.cache_dir, t->partition, &at, err);

    if (status == FPTC_OK)
        status = fptc__partition_exists(&at, err);
    return status == FPTC_MISS
               ? fptc__fail(err, FPTC_ENODATA, "the cache holds nothing of %s", t->partition)
               : status;
}

static fptc_status run_sql(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct sql_task *t = (struct sql_task *)task;
    struct fptc__stream *stream = NULL;
    struct fptc__view *view = NULL;
    int n = 0;
    struct fptc__handle_place at;
    fptc_status status = fptc__handle_may_read(task->cache, err);

    (void)call;
    if (status == FPTC_OK)
        status = need_partition(t, err);
    if (status == FPTC_OK)
        status = fptc__result_new(&task->result, err);
    if (status == FPTC_OK)
        status = fptc__handle_place(task->cache, t->partition, &at, err);
    if (status == FPTC_OK)
        status = fptc__stream_view(&at.place, &view, err);
    if (status != FPTC_OK)
        return status;
    do
        status =
            fptc__stream_sql(view, t->sql, t->until_mono_ms, &task->result->rows, &stream, err);
    while (status < 0 && n++ < FPTC_STALE_MAX && fptc__view_is_faulty(view) &&
           fptc__view_refresh(view, 0, err) == FPTC_OK && !fptc__view_is_faulty(view));
    if (status != FPTC_OK) {
        fptc__view_close(view);
        return status;
    }
    fptc__result_stream(task->result, stream);
    task->result->source = FPTC_SOURCE_CACHE;
    return FPTC_OK;
}

fptc_status fptc_cache_sql(fptc_cache *cache, int64_t project_id, const char *sql,
                           int64_t deadline_ms, fptc_result **out_result, fptc_error *err)
{
    struct sql_task *t;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (out_result == NULL || sql == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "sql or out_result is NULL");
    *out_result = NULL;
    if (project_id < 0 || deadline_ms < 0)
        return fptc__fail(err, FPTC_EUSAGE, "project and deadline must not be negative");
    t = fptc__task_new(sizeof(*t), cache, run_sql, destroy_sql, err);
    if (t == NULL)
        return FPTC_ENOMEM;
    t->task.is_question = 1;
    t->sql = strdup(sql);
    if (t->sql == NULL) {
        destroy_sql(&t->task);
        return fptc__fail_nomem(err);
    }
    fptc__partition_name(project_id, t->partition);
    if (deadline_ms == 0)
        deadline_ms = cache->options.deadline_ms;
    t->until_mono_ms = deadline_ms > 0 ? fptc__mono_ms() + deadline_ms : 0;
    return fptc__task_run(&t->task, deadline_ms, out_result, err);
}
