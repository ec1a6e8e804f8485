/* resolve.c: FPT's id of a row that was created behind. Asks FPT nothing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "view/mutation.h"

struct resolve_task {
    struct fptc__task task;
    int64_t id;
};

static fptc_status judge(const struct fptc__mutation *m, int64_t id, fptc_error *err)
{
    switch (m->state) {
    case FPTC__MUTATION_SETTLED:
        return FPTC_OK;
    case FPTC__MUTATION_INTENT:
        return fptc__fail(err, FPTC_PENDING, "%s %" PRId64 " is not sent to FPT yet: event %s",
                          m->type, id, m->event);
    case FPTC__MUTATION_ATTEMPTED:
        return fptc__fail(err, FPTC_UNKNOWN,
                          "%s %" PRId64
                          " was sent, and what became of it is not known yet: event %s",
                          m->type, id, m->event);
    case FPTC__MUTATION_REFUSED:
        return fptc__fail(err, strcmp(m->why, "uncertain") == 0 ? FPTC_UNKNOWN : FPTC_EREFUSED,
                          "%s %" PRId64 ": event %s: %s", m->type, id, m->event, m->text);
    case FPTC__MUTATION_DROPPED:
        return fptc__fail(err, FPTC_EREFUSED, "%s %" PRId64 " was dropped: event %s", m->type, id,
                          m->event);
    case FPTC__MUTATION_NONE:
    default:
        return fptc__fail(err, FPTC_MISS, "%" PRId64 " is the id of no create behind", id);
    }
}

static fptc_status look(struct fptc__view *outbox, int64_t id, struct fptc__mutation *out,
                        fptc_error *err)
{
    fptc_status status;

    fptc__view_begin(outbox);
    status = fptc__mutation_of_provisional(outbox, id, out, err);
    fptc__view_end(outbox);
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* What is settled stays so: only what is not yet is worth a look at the log. */
static fptc_status find(struct fptc__work *w, int64_t id, struct fptc__mutation *out,
                        fptc_error *err)
{
    struct fptc__view *outbox = w->session.view;
    fptc_status status = look(outbox, id, out, err);

    if (status != FPTC_OK || out->state == FPTC__MUTATION_SETTLED)
        return status;
    status = fptc__view_refresh(outbox, 0, err);
    return status == FPTC_OK ? look(outbox, id, out, err) : status;
}

/* The result has one row, which has FPT's id. */
static fptc_status run_resolve(struct fptc__task *task, const struct fptc__call *call,
                               fptc_error *err)
{
    const struct resolve_task *t = (const struct resolve_task *)task;
    struct fptc__mutation m = {.state = FPTC__MUTATION_NONE};
    struct fptc__work w;
    fptc_status status = fptc__handle_may_read(task->cache, err);

    memset(&w, 0, sizeof(w));
    if (status == FPTC_OK)
        status = fptc__work_begin(&w, task->cache, call, "outbox", err);
    if (status == FPTC_OK)
        status = find(&w, t->id, &m, err);
    fptc__work_end(&w);
    if (status == FPTC_OK)
        status = judge(&m, t->id, err);
    if (status == FPTC_OK)
        status = fptc__result_new(&task->result, err);
    if (status == FPTC_OK)
        status = fptc__rows_init(&task->result->rows, m.type, NULL, 0, err);
    if (status == FPTC_OK && fptc__rows_add(&task->result->rows, m.id) == NULL)
        status = fptc__fail_nomem(err);
    return status;
}

static void destroy_resolve(struct fptc__task *task)
{
    free(task);
}

fptc_status fptc_cache_resolve(fptc_cache *cache, int64_t id, int64_t *out_id, fptc_error *err)
{
    struct resolve_task *t;
    struct fptc_result *result = NULL;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (out_id == NULL || id == 0)
        return fptc__fail(err, FPTC_EUSAGE, out_id == NULL ? "out_id is NULL" : "0 is no id");
    *out_id = id > 0 ? id : 0;
    if (id > 0)
        return FPTC_OK;
    t = fptc__task_new(sizeof(*t), cache, run_resolve, destroy_resolve, err);
    if (t == NULL)
        return FPTC_ENOMEM;
    t->id = id;
    t->task.is_question = 1;
    status = fptc__task_run(&t->task, cache->options.deadline_ms, &result, err);
    if (status == FPTC_OK && fptc_result_next(result) == FPTC_OK)
        *out_id = fptc_result_id(result);
    fptc_result_free(result);
    return status;
}
