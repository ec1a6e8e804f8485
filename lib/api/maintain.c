/* maintain.c: one round of upkeep, for cron or a farm job; and what status says of it. */
#include <stdlib.h>
#include <string.h>

#include "api/hold.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "store/rollup.h"

static fptc_status run_maintain(struct fptc__task *task, const struct fptc__call *call,
                                fptc_error *err)
{
    struct fptc__round r = {.call = call, .follows = 1, .retires = 1};
    fptc__json *document = fptc__json_new_object();
    int64_t start = fptc__mono_ms(), deleted = 0;
    fptc_status status = fptc__upkeep_of(task->cache, &r.upkeep, err);
    int ok, is_done = 1;

    r.list = fptc__json_new_array();
    if (status == FPTC_OK && r.list != NULL) {
        fptc__round(&r);
        is_done = fptc__deletion_wait(r.upkeep->deletion, call, FPTC_MAINTAIN_DELETE_MS, &deleted);
        status = r.status;
        if (status != FPTC_OK && err != NULL)
            *err = r.err;
    }
    ok = fptc__json_set(document, "partitions", r.list);
    ok = fptc__json_set(document, "deleted", fptc__json_new_int(deleted)) && ok;
    ok = fptc__json_set(document, "deleting", fptc__json_new_bool(!is_done)) && ok;
    ok = fptc__json_set(document, "seconds",
                        fptc__json_new_double((double)(fptc__mono_ms() - start) / 1000.0)) &&
         ok;
    if (status == FPTC_OK)
        status = ok ? fptc__task_document(task, document, err) : fptc__fail_nomem(err);
    fptc__json_free(document);
    return status;
}

static void destroy_maintain(struct fptc__task *task)
{
    free(task);
}

fptc_status fptc_cache_maintain(fptc_cache *cache, fptc_result **out_result, fptc_error *err)
{
    struct fptc__task *task;
    fptc_status status = fptc__handle_check(cache, err);

    if (status == FPTC_OK)
        status = fptc__handle_may_change(cache, "upkeep", err);

    if (out_result != NULL)
        *out_result = NULL;
    if (status != FPTC_OK)
        return status;
    task = fptc__task_new(sizeof(*task), cache, run_maintain, destroy_maintain, err);
    return task == NULL ? FPTC_ENOMEM
                        : fptc__task_run(task, cache->options.deadline_ms, out_result, err);
}

/* --- status ----------------------------------------------------------------------------------- */

fptc_status fptc__upkeep_describe(struct fptc_cache *cache, const struct fptc__partition *p,
                                  fptc__json *entry, fptc_error *err)
{
    struct fptc__holder_link link;
    fptc__json *holder = NULL;
    int64_t now_ms = 0, age_ms = 0;
    fptc_status status = fptc__handle_now(cache, &now_ms, err);
    int is_held, ok = 1;

    if (status != FPTC_OK)
        return status;
    is_held = fptc__holder_read(p->dir, &link, NULL) == FPTC_OK;
    if (is_held) {
        age_ms = now_ms > link.made_ms ? now_ms - link.made_ms : 0;
        holder = fptc__json_new_object();
        ok = fptc__json_set(holder, "id", fptc__json_new_text(link.id));
        ok = fptc__json_set(holder, "host", fptc__json_new_text(link.host)) && ok;
        ok = fptc__json_set(holder, "pid", fptc__json_new_int(link.pid)) && ok;
        ok = fptc__json_set(holder, "beat", fptc__json_new_int((int64_t)link.beat)) && ok;
        ok = fptc__json_set(holder, "beat_age_s", fptc__json_new_double((double)age_ms / 1000.0)) &&
             ok;
    }
    ok = fptc__json_set(entry, "holder", is_held ? holder : fptc__json_new_null()) && ok;
    ok = fptc__json_set(entry, "rewrite_overdue",
                        fptc__json_new_bool((!is_held || age_ms > FPTC_HOLDER_STALE_MS) &&
                                            fptc__compact_is_due(p) == FPTC__OVERDUE)) &&
         ok;
    return ok ? FPTC_OK : fptc__fail_nomem(err);
}
