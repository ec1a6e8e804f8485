/* explain.c: fptc_cache_explain: how a query would be answered now, and what it costs here. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covered.h"
#include "api/query.h"
#include "api/several.h"
#include "base/error.h"
#include "view/lookup.h"
#include "view/queryplan.h"

struct explain_task {
    struct fptc__task task;
    struct fptc__request request;
    int32_t mode;
    int64_t max_age_ms;
};

/* What is being said about one query. */
struct explanation {
    struct fptc__answer answer;
    struct fptc__work home;
    struct fptc__plan *plan;
    fptc__json *document;
    struct fptc__buf why_not; /* the first reason found */
    int is_ok;                /* 0: out of memory */
};

static void put(struct explanation *e, const char *key, fptc__json *value)
{
    e->is_ok &= fptc__json_set(e->document, key, value);
}

static void say_why_not(struct explanation *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say_why_not(struct explanation *e, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (e->why_not.len == 0)
        fptc__buf_adds(&e->why_not, text);
}

/* ------------------------------------------------------------------------------------------- coverage */

static fptc__json *missing_fields(const struct explanation *e, const char *type,
                                  const struct fptc__cover *cover)
{
    fptc__json *list = fptc__json_new_array();
    size_t i;

    for (i = 0; i < e->plan->n_needs; i++) {
        const struct fptc__need *need = &e->plan->needs[i];

        if (strcmp(need->type, type) == 0 && strcmp(need->field, "id") != 0 &&
            strcmp(need->field, "type") != 0 && !fptc__name_is_in(cover->fields, need->field) &&
            !fptc__name_is_in(list, need->field))
            (void)fptc__json_append(list, fptc__json_new_text(need->field));
    }
    return list;
}

static void look_at_cover(struct explanation *e, const char *type, const char *partition,
                          const struct fptc__cover *cover, fptc__json *entry)
{
    struct fptc__answer *a = &e->answer;
    fptc__json *missing = missing_fields(e, type, cover);
    int64_t age_ms = a->now_ms > cover->asof_ms ? a->now_ms - cover->asof_ms : 0;

    if (fptc__json_size(missing) > 0)
        say_why_not(e, "%s is kept without the field %s", type,
                    fptc__json_text(fptc__json_first(missing)));
    else if (age_ms > a->max_age_ms)
        say_why_not(e, "%s in %s is older than max_age: FPT is asked for its changes first", type,
                    partition);
    e->is_ok &= fptc__json_set(entry, "age_s", fptc__json_new_double((double)age_ms / 1000.0));
    e->is_ok &= fptc__json_set(entry, "fields_missing", missing);
}

/* One type that decides the answer: an element of "covered" when it is. */
static fptc_status look_at_type(struct explanation *e, const char *type, fptc__json *covered,
                                fptc_error *err)
{
    struct fptc__view *view = e->home.session.view;
    enum fptc__part part = fptc__answer_part(&e->answer, type);
    const char *partition = fptc__view_partition(view, part)->name;
    fptc__json *suspects = NULL, *entry;
    struct fptc__cover cover;
    fptc_status status = fptc__view_cover(view, part, type, &cover, err);

    if (status == FPTC_MISS)
        say_why_not(e, "%s is not kept whole in %s: see `mirror`", type, partition);
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    entry = fptc__json_new_object();
    e->is_ok &= fptc__json_set(entry, "type", fptc__json_new_text(type));
    e->is_ok &= fptc__json_set(entry, "partition", fptc__json_new_text(partition));
    look_at_cover(e, type, partition, &cover, entry);
    e->is_ok &= fptc__json_append(covered, entry);
    fptc__cover_done(&cover);
    status = fptc__view_suspects(view, part, type, &suspects, err);
    if (fptc__json_size(suspects) > 0 && !e->answer.is_any_age)
        say_why_not(e, "rows of %s have to be read again first (%s)", type, partition);
    fptc__json_free(suspects);
    if (fptc__view_has_effect(view, part, type) && !e->answer.is_any_age)
        say_why_not(e, "a write changed rows of %s at FPT: it is asked for the changes in %s first",
                    type, partition);
    return status;
}

static fptc_status look_at_types(struct explanation *e, fptc__json *covered, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    fptc__view_begin(e->home.session.view);
    for (i = 0; i < e->plan->n_row_types && status == FPTC_OK; i++)
        status = look_at_type(e, e->plan->row_types[i], covered, err);
    fptc__view_end(e->home.session.view);
    return status;
}

/* One of several projects that the query names, with its view in place of the first. */
static fptc_status look_at_project(struct explanation *e, int64_t id, fptc__json *covered,
                                   fptc_error *err)
{
    struct fptc__work site = e->home;
    struct fptc__partition at;
    char partition[64];
    fptc_status status;

    fptc__partition_name(id, partition);
    status = fptc__partition_at(site.cache->options.cache_dir, partition, &at, err);
    if (status == FPTC_OK)
        status = fptc__partition_exists(&at, err);
    if (status == FPTC_MISS)
        say_why_not(e, "nothing of %s is kept", partition);
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    memset(&e->home, 0, sizeof(e->home));
    status = fptc__work_begin(&e->home, site.cache, site.call, partition, err);
    if (status == FPTC_OK)
        status = fptc__work_refresh(&e->home, err);
    if (status == FPTC_OK)
        status = look_at_types(e, covered, err);
    fptc__work_end(&e->home);
    e->home = site;
    return status;
}

static fptc_status describe_coverage(struct explanation *e, fptc_error *err)
{
    const struct fptc__plan *plan = e->plan;
    fptc__json *covered = fptc__json_new_array();
    fptc_status status = FPTC_OK;
    size_t i;

    if (!plan->is_local)
        say_why_not(e, "%s", plan->why_not);
    if (plan->has_never)
        say_why_not(e, "a field is asked for that is never kept (image, url)");
    if (plan->has_computed)
        say_why_not(e, "a field is asked for that FPT computes");
    if (!fptc__plan_is_several(plan))
        status = look_at_types(e, covered, err);
    for (i = 0; i < plan->n_project_ids && fptc__plan_is_several(plan) && status == FPTC_OK; i++)
        status = look_at_project(e, plan->project_ids[i], covered, err);
    put(e, "covered", covered);
    return status;
}

/* --------------------------------------------------------------------------------------------- answer */

/* Where the rows would come from; nothing is copied out of covered ones but of several partitions. */
static fptc_status describe_answer(struct explanation *e, int32_t mode, fptc_error *err)
{
    const char *from = mode == FPTC_MODE_ONLY_CACHE ? "none" : "upstream";
    fptc_status status = FPTC_MISS;

    if (fptc__handle_is_stranger(e->home.cache)) {
        say_why_not(e, "%s belongs to another identity", e->home.cache->options.cache_dir);
    } else if (mode == FPTC_MODE_REFRESH) {
        say_why_not(e, "mode is refresh");
    } else {
        e->answer.is_streaming = 1;
        status = fptc__plan_is_several(e->plan) ? fptc__several_find(&e->answer, err)
                                                : fptc__covered_find(&e->answer, err);
    }
    if (status == FPTC_OK) {
        from = "cache";
        fptc__buf_clear(&e->why_not);
    } else if (status == FPTC_MISS && mode != FPTC_MODE_REFRESH &&
               !fptc__handle_is_stranger(e->home.cache)) {
        say_why_not(e,
                    fptc__plan_is_several(e->plan)
                        ? "not every project's %s is kept whole and young enough"
                        : "a link of %s leads out of the project",
                    e->plan->type);
        status = fptc__answer_from_stored_query(&e->answer, err);
        from = status == FPTC_OK ? "stored query" : from;
    }
    put(e, "answer", fptc__json_new_text(from));
    put(e, "why_not", fptc__json_new_text(fptc__buf_text(&e->why_not)));
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* ----------------------------------------------------------------------------------------- SQL and cost */

static fptc__json *params_of(const struct fptc__plan *plan)
{
    fptc__json *list = fptc__json_new_array();
    size_t i;
    int ok = 1;

    for (i = 0; i < plan->n_params; i++) {
        const struct fptc__param *p = &plan->params[i];
        fptc__json *value = p->kind == FPTC__PARAM_INT    ? fptc__json_new_int(p->i)
                            : p->kind == FPTC__PARAM_REAL ? fptc__json_new_double(p->d)
                            : p->kind == FPTC__PARAM_TEXT ? fptc__json_new_text(p->text)
                                                          : fptc__json_new_null();

        ok = fptc__json_append(list, value) && ok;
    }
    if (ok)
        return list;
    fptc__json_free(list);
    return NULL;
}

/* What the cache holds is run through, covered or not; "rows" counts what came of it. */
static fptc_status describe_sql(struct explanation *e, const struct fptc__call *call,
                                fptc_error *err)
{
    struct fptc__queryplan q = {0};
    fptc_status status = FPTC_ENODATA;

    if (e->plan->is_local && !fptc__plan_is_several(e->plan)) {
        fptc__view_begin(e->home.session.view);
        status = fptc__work_show_pending(&e->home, err);
        if (status == FPTC_OK)
            status = fptc__view_explain(e->home.session.view, e->plan, call, &q, err);
        fptc__view_end(e->home.session.view);
    }
    put(e, "sql",
        e->plan->is_local ? fptc__json_new_text(q.sql ? q.sql : e->plan->sql)
                          : fptc__json_new_null());
    put(e, "params", e->plan->is_local ? params_of(e->plan) : fptc__json_new_array());
    if (status == FPTC_OK) {
        put(e, "plan", fptc__json_copy(q.lines));
        put(e, "indexes", fptc__json_copy(q.indexes));
        put(e, "rows_read", fptc__json_new_int(q.rows_read));
        put(e, "steps", fptc__json_new_int(q.steps));
        put(e, "rows", fptc__json_new_int(q.rows));
        put(e, "seconds", fptc__json_new_double((double)q.ms / 1000.0));
    }
    fptc__queryplan_done(&q);
    return status == FPTC_ENODATA ? FPTC_OK : status;
}

/* ------------------------------------------------------------------------------------ order of the steps */

static fptc_status describe(struct explanation *e, int32_t mode, const struct fptc__call *call,
                            fptc_error *err)
{
    const char *canonical = fptc__plan_canonical(e->plan);
    fptc_status status;

    e->is_ok &= canonical != NULL;
    put(e, "canonical", fptc__json_new_text(canonical ? canonical : ""));
    put(e, "local", fptc__json_new_bool(e->plan->is_local));
    status = describe_coverage(e, err);
    if (status == FPTC_OK)
        status = describe_answer(e, mode, err);
    if (status == FPTC_OK)
        status = describe_sql(e, call, err);
    put(e, "warnings", fptc__result_warnings(e->answer.result));
    if (status == FPTC_OK && !e->is_ok)
        status = fptc__fail_nomem(err);
    return status;
}

static fptc_status begin(struct explanation *e, struct explain_task *t,
                         const struct fptc__call *call, fptc_error *err)
{
    struct fptc__work site;
    char partition[64];
    fptc_status status = fptc__work_begin(&site, t->task.cache, call, "site", err);

    if (status == FPTC_OK)
        status = fptc__resolve_request(t->task.cache, &t->request, err);
    if (status == FPTC_OK)
        status =
            fptc__plan_make(&site, &t->request, t->mode != FPTC_MODE_ONLY_CACHE, &e->plan, err);
    fptc__work_end(&site);
    if (status != FPTC_OK || e->plan == NULL)
        return status;
    fptc__partition_name(e->plan->is_project_type ? e->plan->project_id : 0, partition);
    status = fptc__work_begin(&e->home, t->task.cache, call, partition, err);
    e->home.shows_pending = 1;
    if (status == FPTC_OK)
        (void)fptc__pending_look(t->task.cache, &e->home.pending, NULL);
    if (status == FPTC_OK)
        status = fptc__work_refresh(&e->home, err);
    if (status == FPTC_OK)
        status = fptc__answer_begin(&e->answer, &e->home, e->plan, &t->request, t->max_age_ms, err);
    return status;
}

static fptc_status run_explain(struct fptc__task *task, const struct fptc__call *call,
                               fptc_error *err)
{
    struct explain_task *t = (struct explain_task *)task;
    struct explanation e;
    fptc_status status;

    memset(&e, 0, sizeof(e));
    e.is_ok = 1;
    e.document = fptc__json_new_object();
    fptc__buf_init(&e.why_not, 4096);
    status = begin(&e, t, call, err);
    if (status == FPTC_OK) {
        e.answer.is_any_age = t->mode == FPTC_MODE_ONLY_CACHE;
        if (e.answer.is_any_age)
            e.answer.max_age_ms = INT64_MAX;
        status = describe(&e, t->mode, call, err);
    }
    if (status == FPTC_OK)
        status = fptc__task_document(task, e.document, err);
    fptc__answer_done(&e.answer);
    fptc__plan_free(e.plan);
    fptc__work_end(&e.home);
    fptc__json_free(e.document);
    fptc__buf_done(&e.why_not);
    return status;
}

static void destroy_explain(struct fptc__task *task)
{
    fptc__request_done(&((struct explain_task *)task)->request);
    free(task);
}

fptc_status fptc_cache_explain(fptc_cache *cache, const fptc_query *query, fptc_result **out_result,
                               fptc_error *err)
{
    struct explain_task *t;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (query == NULL || out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "query or out_result is NULL");
    *out_result = NULL;
    t = fptc__task_new(sizeof(*t), cache, run_explain, destroy_explain, err);
    if (t == NULL)
        return FPTC_ENOMEM;
    t->task.is_question = 1;
    t->mode = fptc__query_mode(query, cache);
    t->max_age_ms = fptc__query_max_age_ms(query, cache);
    status = fptc__request_copy(&t->request, &query->request, err);
    if (status != FPTC_OK) {
        destroy_explain(&t->task);
        return status;
    }
    return fptc__task_run(&t->task, fptc__query_deadline_ms(query, cache), out_result, err);
}
