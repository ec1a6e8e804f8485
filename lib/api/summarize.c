/* summarize.c: a summary as a question (answer.h): what it is made of, from the view or by FPT. */
#include <stdlib.h>
#include <string.h>

#include "api/adjust.h"
#include "api/query.h"
#include "base/error.h"
#include "view/aggregate.h"

struct summarize_task {
    struct fptc__task task;
    struct fptc__summary_request request;
    struct fptc__summary *summary;
    fptc__json *data; /* {"summaries","groups"} */
    int32_t mode;
    int64_t max_age_ms;
    int hides_pending;
};

static fptc_status plan(void *asked, const struct fptc__schema *schema, struct fptc__plan **out,
                        fptc_error *err)
{
    struct summarize_task *t = asked;
    struct fptc__summary *made = NULL;
    fptc_status status = fptc__summary_build(schema, &t->request, fptc__wall_ms(), &made, err);

    fptc__summary_free(t->summary); /* of the question as it was put before */
    t->summary = made;
    *out = made == NULL ? NULL : made->plan;
    return status;
}

static fptc_status from_view(struct fptc__answer *a, fptc_error *err)
{
    struct summarize_task *t = a->question->asked;

    return fptc__view_summarize(a->work->session.view, t->summary, &t->data, err);
}

static fptc_status from_site(struct fptc__answer *a, fptc_error *err)
{
    struct summarize_task *t = a->question->asked;
    const struct fptc__plan *rows = t->summary->plan;
    struct fptc__summarize summarize = {rows->type, fptc__plan_rest_filters(rows),
                                        t->summary->rest_fields, t->summary->rest_grouping,
                                        rows->without_archived};
    fptc_status status = fptc__handle_may_ask(a->work->cache, err);

    if (status != FPTC_OK && status != FPTC_EEXIST) /* another realm's directory: nothing is kept */
        return status;
    status = fptc__site_summarize(a->work->cache->site, &summarize, a->work->call, &t->data, err);
    a->result->source = FPTC_SOURCE_UPSTREAM;
    a->result->is_complete = 1;
    a->result->age_ms = 0;
    if (status == FPTC_OK)
        status = fptc__answer_add_pending(a, err);
    return status;
}

static fptc_status write_document(struct summarize_task *t, fptc_error *err)
{
    static const char *const sources[] = {"", "cache", "upstream", "stale"};
    struct fptc_result *r = t->task.result;
    int ok = fptc__json_set(t->data, "source", fptc__json_new_text(sources[r->source & 3]));

    ok = fptc__json_set(t->data, "age_s", fptc__json_new_double((double)r->age_ms / 1000.0)) && ok;
    ok = fptc__json_set(t->data, "complete", fptc__json_new_bool(r->is_complete)) && ok;
    ok = fptc__json_set(t->data, "warnings", fptc__result_warnings(r)) && ok;
    return ok ? fptc__result_document(r, t->data, err) : fptc__fail_nomem(err);
}

static fptc_status run_summarize(struct fptc__task *task, const struct fptc__call *call,
                                 fptc_error *err)
{
    struct summarize_task *t = (struct summarize_task *)task;
    const struct fptc__question question = {plan, from_view, from_site, t};
    struct fptc__asking asking = {.question = &question,
                                  .request = &t->request.find,
                                  .mode = t->mode,
                                  .max_age_ms = t->max_age_ms,
                                  .hides_pending = t->hides_pending};
    fptc_status status =
        fptc__ask_resolved(task->cache, call, &asking, &t->request.find, &task->result, err);

    return status == FPTC_OK ? write_document(t, err) : status;
}

static void destroy_summarize(struct fptc__task *task)
{
    struct summarize_task *t = (struct summarize_task *)task;

    fptc__summary_request_done(&t->request);
    fptc__summary_free(t->summary);
    fptc__json_free(t->data);
    free(t);
}

fptc_status fptc_cache_summarize(fptc_cache *cache, const fptc_query *query, const char *summaries,
                                 const char *grouping, fptc_result **out_result, fptc_error *err)
{
    struct summarize_task *t;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (query == NULL || summaries == NULL || out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "query, summaries or out_result is NULL");
    *out_result = NULL;
    t = fptc__task_new(sizeof(*t), cache, run_summarize, destroy_summarize, err);
    if (t == NULL)
        return FPTC_ENOMEM;
    t->task.is_question = 1;
    t->mode = fptc__query_mode(query, cache);
    t->max_age_ms = fptc__query_max_age_ms(query, cache);
    t->hides_pending = query->hides_pending;
    if (query->request.is_retired_only)
        status =
            fptc__fail(err, FPTC_EUSAGE, "FPT summarizes no retired rows: ask for living ones");
    if (status == FPTC_OK)
        status = fptc__summary_request_init(&t->request, &query->request, summaries, grouping, err);
    if (status != FPTC_OK) {
        destroy_summarize(&t->task);
        return status;
    }
    return fptc__task_run(&t->task, fptc__query_deadline_ms(query, cache), out_result, err);
}
