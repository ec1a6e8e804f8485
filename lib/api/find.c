/*
 * find.c: the order of the steps of a find (design §5): covered -> stored query -> FPT -> the newest
 * provable answer. It does none of them itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/adjust.h"
#include "api/covered.h"
#include "api/query.h"
#include "api/several.h"
#include "base/error.h"
#include "base/limits.h"
#include "share/flight.h"
#include "view/lookup.h"

/* Flights of others waited for in one find before it asks itself. */
#define FLIGHTS_JOINED_MAX 3

struct find_task {
    struct fptc__task task;
    struct fptc__request request;
    struct fptc__asking asking;
};

/* ---------------------------------------------------------------------------------- schema and plan */

struct needed {
    struct fptc__work *work;
    int may_ask;
    fptc_status status;
    fptc_error *err;
};

static int need_type(const char *type, void *payload)
{
    struct needed *n = payload;

    n->status = fptc__schema_need(n->work, type, n->may_ask, n->err);
    return n->status != FPTC_OK;
}

static fptc_status build_plan(struct fptc_cache *cache, const struct fptc__asking *asking,
                              struct fptc__plan **out, fptc_error *err)
{
    const struct fptc__question *q = asking->question;
    fptc_status status;

    pthread_rwlock_rdlock(&cache->schema_lock);
    status = q != NULL ? q->plan(q->asked, cache->schema, out, err)
                       : fptc__plan_build(cache->schema, cache->plans, asking->request,
                                          fptc__wall_ms(), out, err);
    pthread_rwlock_unlock(&cache->schema_lock);
    return status;
}

static int recheck_type(const char *type, void *payload)
{
    return !fptc__schema_recheck(payload, type);
}

/* Whether a schema of today may know what ours does not: a new field, another data type. */
static int lacks_something(fptc_status status, const struct fptc__plan *plan)
{
    return status == FPTC_EUSAGE || (status == FPTC_OK && plan != NULL && plan->has_unknown);
}

static fptc_status make_plan(struct fptc__work *w, const struct fptc__asking *asking, int may_ask,
                             struct fptc__plan **out, fptc_error *err)
{
    struct needed n = {w, may_ask, FPTC_OK, err};
    fptc_status status;

    if (fptc__request_types(asking->request, need_type, &n))
        return n.status;
    status = build_plan(w->cache, asking, out, err);
    if (!may_ask || asking->question != NULL || !lacks_something(status, *out) ||
        fptc__request_types(asking->request, recheck_type, w))
        return status;
    fptc__plan_free(*out);
    fptc__error_clear(err);
    return build_plan(w->cache, asking, out, err);
}

fptc_status fptc__plan_make(struct fptc__work *w, const struct fptc__request *request, int may_ask,
                            struct fptc__plan **out, fptc_error *err)
{
    return make_plan(w, &(struct fptc__asking){.request = request}, may_ask, out, err);
}

/* A plan if every schema is loaded, else FPTC_MISS; nothing is waited for. */
static fptc_status plan_at_hand(struct fptc_cache *cache, const struct fptc__request *request,
                                struct fptc__plan **out, fptc_error *err)
{
    fptc_status status = build_plan(cache, &(struct fptc__asking){.request = request}, out, err);

    if (!lacks_something(status, *out))
        return status == FPTC_ESTATE ? FPTC_MISS : status;
    fptc__plan_free(*out);
    *out = NULL;
    return FPTC_MISS;
}

/* The plan of a question that has none yet: schemas may be asked for. */
static fptc_status need_plan(struct fptc_cache *cache, struct fptc__asking *asking,
                             const struct fptc__call *call, fptc_error *err)
{
    struct fptc__work site;
    fptc_status status;

    if (asking->plan != NULL)
        return FPTC_OK;
    status = fptc__work_begin(&site, cache, call, "site", err);
    if (status == FPTC_OK)
        status = fptc__not_provable(
            make_plan(&site, asking, asking->mode != FPTC_MODE_ONLY_CACHE, &asking->plan, err),
            err);
    fptc__work_end(&site);
    return status;
}

/* ------------------------------------------------------------------------------------------ asking FPT */

/* The types and fields that this answer's rows are to be kept with. */
static fptc_status make_source(struct fptc__answer *a, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    const char **asked = calloc(plan->n_needs + plan->n_columns + 1, sizeof(*asked));
    size_t i, n = 0;
    fptc_status status;

    if (asked == NULL)
        return fptc__fail_nomem(err);
    for (i = 0; i < plan->n_needs; i++) {
        if (strcmp(plan->needs[i].type, plan->type) == 0)
            asked[n++] = plan->needs[i].field;
    }
    for (i = 0; i < plan->n_columns; i++)
        asked[n++] = plan->columns[i].name;
    status =
        fptc__kept_types(a->work, plan->type, asked, n, &a->types, &a->source.is_project_type, err);
    free(asked);
    if (status == FPTC_OK && fptc__plan_is_several(plan))
        status = fptc__several_types(a, a->types, err);
    a->source.type = plan->type;
    a->source.project_id = plan->is_project_type ? plan->project_id : 0;
    a->source.types = a->types;
    return status;
}

/* Rows of which it is not known whether older data overwrote newer: FPT is asked for them again. */
static fptc_status reread_suspects(struct fptc__answer *a, const struct fptc__source *source,
                                   fptc_error *err)
{
    struct fptc__view *view = a->work->session.view;
    fptc__json *ids = NULL;
    fptc_status status;

    fptc__view_begin(view);
    status = fptc__view_suspects(view, fptc__view_part_of(view, source->is_project_type),
                                 source->type, &ids, err);
    fptc__view_end(view);
    if (status == FPTC_OK && fptc__json_size(ids) > 0) {
        status = fptc__fetch_ids(&a->work->session, source, ids, err);
        if (status == FPTC_OK)
            status = fptc__view_refresh(view, 0, err);
    }
    fptc__json_free(ids);
    return status;
}

/* Brings the rows of covered types up to date. */
static fptc_status catch_up(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__fetch_stats stats = {0, 0, 0};
    fptc_status status = fptc__handle_may_ask(a->work->cache, err);
    size_t i;

    if (status == FPTC_OK)
        status = fptc__view_refresh(a->work->session.view, 0, err);
    for (i = 0; i < a->plan->n_row_types && status == FPTC_OK; i++) {
        struct fptc__source source = {a->plan->row_types[i], 0, a->plan->project_id, NULL};
        fptc__json *types = NULL;

        if (fptc__answer_type_is_fresh(a, source.type))
            continue; /* somebody's flight has just landed */
        status =
            fptc__kept_types(a->work, source.type, NULL, 0, &types, &source.is_project_type, err);
        source.types = types;
        if (!source.is_project_type)
            source.project_id = 0;
        if (status == FPTC_OK)
            status = reread_suspects(a, &source, err);
        if (status == FPTC_OK)
            status = fptc__fetch_covered(&a->work->session, &source, &stats, err);
        fptc__json_free(types);
    }
    if (status == FPTC_OK)
        status = fptc__view_refresh(a->work->session.view, 0, err);
    return status;
}

/* The other partitions are covered and fresh: FPT is asked for the rows that belong to no project. */
static fptc_status ask_projectless(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__fetch_stats stats = {0, 0, 0};
    fptc_status status = fptc__handle_may_ask(a->work->cache, err);

    if (status == FPTC_OK)
        status = make_source(a, err);
    if (status == FPTC_OK)
        status = fptc__fetch_source(&a->work->session, &a->source, NULL, &stats, err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(a->work->session.view, 0, err);
    fptc__json_free(a->types);
    a->types = NULL;
    return status;
}

static fptc_status ask(struct fptc__answer *a, fptc_error *err)
{
    fptc_error commit_err = FPTC_ERROR_INIT;
    fptc__json *rows = NULL;
    fptc_status status = fptc__handle_may_ask(a->work->cache, err);

    if (status == FPTC_EEXIST)
        return fptc__answer_pass_through(a,
                                         err); /* another realm: nothing of it may be kept here */
    if (status == FPTC_OK)
        status = make_source(a, err);
    if (status == FPTC_OK)
        (void)fptc__answer_read_lacking(a, NULL); /* else a warning tells */
    if (status == FPTC_OK)
        fptc__answer_note_outbox(a);
    if (status == FPTC_OK)
        status = fptc__fetch_query(&a->work->session, &a->source, a->plan, &rows, &commit_err, err);
    if (status == FPTC_OK)
        status = fptc__answer_from_json(a, rows, err);
    if (status == FPTC_OK && commit_err.status != FPTC_OK)
        fptc__result_warn(a->result, "the answer could not be kept: %s", commit_err.message);
    if (status == FPTC_OK) {
        (void)fptc__view_refresh(a->work->session.view, 0, NULL);
        status = fptc__answer_add_pending(a, err);
    }
    fptc__json_free(rows);
    return status;
}

/* ------------------------------------------------------------------------------------- order of the steps */

/* Whether only the directory fails (full, read-only, a bad disk): FPT is asked for the answer itself. */
static int is_cache_failure(fptc_status status)
{
    return status == FPTC_EIO || status == FPTC_ENOENT || status == FPTC_ENOSPC ||
           status == FPTC_EACCESS || status == FPTC_ERACE || status == FPTC_EFORMAT;
}

/* What a flight is for: catching up a partition's type, or one query. */
static void flight_key(const struct fptc__answer *a, char out[160])
{
    const char *partition = fptc__view_partition(a->work->session.view, FPTC__HOME)->name;
    const char *hash = a->is_covered ? a->plan->type : fptc__plan_hash(a->plan);

    snprintf(out, 160, "%s-%.60s", partition, hash ? hash : a->plan->type);
}

/* Asks FPT, or waits for somebody who asks the same already and looks again (design §5.4). */
static fptc_status answer_by_flight(struct fptc__answer *a, int32_t mode, fptc_error *err)
{
    struct fptc__flight flight;
    char key[160];
    fptc_status status = FPTC_MISS;
    int waits, leads = 0;

    memset(&flight, 0, sizeof(flight));
    flight_key(a, key);
    for (waits = 0; status == FPTC_MISS && !leads && waits < FLIGHTS_JOINED_MAX; waits++) {
        leads = fptc__flight_begin(&flight, a->work->cache->options.cache_dir, key,
                                   a->work->call) == FPTC_OK;
        /* Somebody may have landed with it, also without our waiting. */
        (void)fptc__view_refresh(a->work->session.view, 0, NULL);
        if (mode != FPTC_MODE_REFRESH)
            status = fptc__answer_from_cache(a, err);
    }
    if (status == FPTC_MISS && mode != FPTC_MODE_REFRESH && a->is_covered) {
        status = catch_up(a, err);
        if (status == FPTC_OK)
            status = fptc__answer_from_cache(a, err);
        if (is_cache_failure(status))
            status = FPTC_MISS;
    }
    if (status == FPTC_MISS && mode != FPTC_MODE_REFRESH && a->lacks_projectless) {
        status = ask_projectless(a, err);
        if (status == FPTC_OK)
            status = fptc__answer_from_cache(a, err);
        if (is_cache_failure(status))
            status = FPTC_MISS;
    }
    if (status == FPTC_MISS)
        status =
            a->question != NULL ? a->question->from_site(a, err) : fptc__answer_widely(a, ask, err);
    fptc__handle_has_committed(a->work->cache);
    fptc__flight_end(&flight);
    return status;
}

static fptc_status answer_only_cache(struct fptc__answer *a, fptc_error *err)
{
    char words[120];
    fptc_status status;

    a->max_age_ms = INT64_MAX;
    a->is_any_age = 1;
    status = fptc__answer_from_cache(a, err);
    if (status == FPTC_MISS && fptc__view_refresh(a->work->session.view, 0, NULL) == FPTC_OK)
        status = fptc__answer_from_cache(a, err);
    if (status != FPTC_MISS)
        return status;
    if (fptc__says_dropped(a->work, words))
        return fptc__fail(err, FPTC_ENODATA, "%s", words);
    if (fptc__handle_is_pinned(a->work->cache))
        return fptc__fail(err, FPTC_ENODATA, "not in what pin %s holds%s%s", a->work->cache->pin.id,
                          a->plan->is_local ? "" : ": ", a->plan->why_not);
    return fptc__fail(err, FPTC_ENODATA,
                      "not in the cache, and FPT may not be asked (only-cache)%s%s",
                      a->plan->is_local ? "" : ": ", a->plan->why_not);
}

/* Who is not of the cache's realm sees nothing of it, and leaves nothing in it. */
static fptc_status answer_stranger(struct fptc__answer *a, int32_t mode, fptc_error *err)
{
    if (mode == FPTC_MODE_ONLY_CACHE)
        return fptc__fail(err, FPTC_ENODATA, "%s belongs to another identity",
                          a->work->cache->options.cache_dir);
    return fptc__not_provable(a->question != NULL ? a->question->from_site(a, err)
                                                  : fptc__answer_pass_through(a, err),
                              err);
}

static fptc_status answer(struct fptc__answer *a, int32_t mode, fptc_error *err)
{
    fptc_status status = fptc__answer_widen(a, err);

    if (status != FPTC_OK)
        return status;
    if (fptc__handle_is_stranger(a->work->cache))
        return answer_stranger(a, mode, err);
    if (mode == FPTC_MODE_ONLY_CACHE)
        return answer_only_cache(a, err);
    status = mode != FPTC_MODE_REFRESH ? fptc__answer_from_cache(a, err) : FPTC_MISS;
    if (status == FPTC_MISS && mode != FPTC_MODE_REFRESH)
        status = fptc__answer_in_silence(a);
    if (status != FPTC_MISS)
        return fptc__is_outage(status) ? fptc__answer_stale(a, status, err) : status;
    /* What is not kept nobody need wait for. */
    status = a->question != NULL && !a->is_covered ? a->question->from_site(a, err)
                                                   : answer_by_flight(a, mode, err);
    fptc__silence_note(a->work->cache, status, err);
    return fptc__is_outage(status) ? fptc__answer_stale(a, status, err) : status;
}

/* Before the view is (design §7). */
static fptc_status look_at_outbox(struct fptc__work *home, const struct fptc__asking *asking,
                                  fptc_error *err)
{
    if (asking->has_looked)
        home->pending = fptc__pending_take(asking->pending);
    else if (home->shows_pending)
        return fptc__pending_look(home->cache, &home->pending, err);
    return FPTC_OK;
}

/* What could not be looked at, or is gone. */
static void warn_of_state(struct fptc__answer *a, const fptc_error *unread,
                          const fptc_error *outbox_unread)
{
    char words[120];

    if (fptc__says_dropped(a->work, words))
        fptc__result_warn(a->result, "%s", words);
    if (unread != NULL)
        fptc__result_warn(a->result, "commits of others could not be read: %s", unread->message);
    if (outbox_unread != NULL)
        fptc__result_warn(a->result, "pending writes could not be read: %s",
                          outbox_unread->message);
}

/* That of a question is its own to free. */
static void drop_plan(struct fptc__asking *asking)
{
    if (asking->question == NULL)
        fptc__plan_free(asking->plan);
    asking->plan = NULL;
}

fptc_status fptc__ask_question(struct fptc_cache *cache, const struct fptc__call *call,
                               struct fptc__asking *asking, struct fptc_result **out,
                               fptc_error *err)
{
    const struct fptc__plan *plan;
    struct fptc__work home;
    struct fptc__answer a;
    char partition[64];
    int is_due = 0;
    fptc_error outbox_err = FPTC_ERROR_INIT;
    fptc_status refreshed = FPTC_OK, looked = FPTC_OK;
    fptc_status status = need_plan(cache, asking, call, err);

    memset(&home, 0, sizeof(home));
    memset(&a, 0, sizeof(a));
    plan = asking->plan;
    if (status != FPTC_OK || plan == NULL)
        return status;
    fptc__partition_name(plan->is_project_type ? plan->project_id : 0, partition);
    status = fptc__work_begin(&home, cache, call, partition, err);
    home.shows_pending = !asking->hides_pending && !asking->is_streaming;
    if (status == FPTC_OK)
        looked = look_at_outbox(&home, asking, &outbox_err);
    if (status == FPTC_OK)
        refreshed = asking->has_looked ? fptc__view_refresh(home.session.view, 0, err)
                                       : fptc__work_refresh(&home, err);
    if (status == FPTC_OK && refreshed != FPTC_OK && !fptc__view_is_usable(home.session.view))
        status = refreshed;
    if (status == FPTC_OK)
        status = fptc__answer_begin(&a, &home, plan, asking->request, asking->max_age_ms, err);
    a.question = asking->question;
    a.is_streaming = asking->is_streaming;
    a.until_mono_ms = asking->until_mono_ms;
    if (status == FPTC_OK)
        warn_of_state(&a, refreshed == FPTC_OK ? NULL : err,
                      looked == FPTC_OK ? NULL : &outbox_err);
    asking->is_overtaken = status == FPTC_OK && fptc__is_overtaken(&home, asking->request);
    if (status == FPTC_OK)
        status = asking->is_overtaken ? FPTC_MISS : answer(&a, asking->mode, err);
    if (status == FPTC_OK) {
        *out = a.result;
        a.result = NULL;
        fptc__error_clear(err); /* what went wrong on the way is among the warnings */
        fptc__answer_count(cache, (*out)->source);
        is_due = a.is_covered && fptc__asked_count(cache, plan, partition);
    }
    fptc__answer_done(&a);
    fptc__work_end(&home);
    if (is_due)
        fptc__asked_put(cache, call);
    if (asking->is_overtaken)
        drop_plan(asking);
    return status;
}

static fptc_status run_find(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct find_task *f = (struct find_task *)task;

    return fptc__ask_resolved(task->cache, call, &f->asking, &f->request, &task->result, err);
}

static void destroy_find(struct fptc__task *task)
{
    struct find_task *f = (struct find_task *)task;

    fptc__plan_free(f->asking.plan);
    fptc__request_done(&f->request);
    free(f);
}

/* What is covered and fresh, on the caller's own thread: FPTC_MISS when that is not so or cannot be told
   at once. With a deadline nothing is waited for. */
static fptc_status find_at_hand(struct fptc_cache *cache, const struct fptc__asking *f,
                                int is_bounded, struct fptc_result **out_result, fptc_error *err)
{
    const struct fptc__plan *plan = f->plan;
    const struct fptc__call call = {0};
    struct fptc__at_hand at_hand = {.shows_pending = !f->hides_pending};
    struct fptc__work work;
    struct fptc__answer a;
    char partition[64];
    int is_due = 0;
    fptc_status status;

    if (f->mode == FPTC_MODE_REFRESH || fptc__plan_is_several(plan) ||
        !fptc__handle_at_hand(cache, plan->is_project_type ? plan->project_id : 0, &at_hand))
        return FPTC_MISS;
    fptc__work_on(&work, cache, &call, at_hand.open);
    work.shows_pending = at_hand.shows_pending;
    work.pending = at_hand.pending;
    status = fptc__answer_begin_at(&a, &work, plan, at_hand.now_ms, err);
    a.is_hasty = is_bounded;
    a.is_any_age = f->mode == FPTC_MODE_ONLY_CACHE;
    a.max_age_ms = a.is_any_age ? INT64_MAX : f->max_age_ms;
    if (status == FPTC_OK)
        status = fptc__covered_find(&a, err);
    if (status == FPTC_OK) {
        *out_result = a.result;
        a.result = NULL;
        fptc__answer_count(cache, (*out_result)->source);
        fptc__partition_name(plan->is_project_type ? plan->project_id : 0, partition);
        is_due = fptc__asked_count(cache, plan, partition);
    }
    fptc__answer_done(&a);
    fptc__work_end(&work);
    if (is_due && !is_bounded)
        fptc__asked_put(cache, &call);
    /* A task finds the way around what cannot be read. */
    return status == FPTC_EIO || status == FPTC_ENOENT || status == FPTC_EDAMAGED ? FPTC_MISS
                                                                                  : status;
}

/* The way of every find that may have to wait: as a task. */
static fptc_status find_by_task(struct fptc_cache *cache, const fptc_query *query,
                                const struct fptc__asking *known, int64_t deadline_ms,
                                struct fptc_result **out_result, fptc_error *err)
{
    struct find_task *task = fptc__task_new(sizeof(*task), cache, run_find, destroy_find, err);
    fptc_status status;

    if (task == NULL) {
        fptc__plan_free(known->plan);
        return FPTC_ENOMEM;
    }
    task->task.is_question = 1;
    task->asking = *known;
    task->asking.request = &task->request;
    status = fptc__request_copy(&task->request, &query->request, err);
    if (status != FPTC_OK) {
        destroy_find(&task->task);
        return status;
    }
    return fptc__task_run(&task->task, deadline_ms, out_result, err);
}

fptc_status fptc_cache_find(fptc_cache *cache, const fptc_query *query, fptc_result **out_result,
                            fptc_error *err)
{
    struct fptc__asking f;
    int64_t deadline_ms;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (query == NULL || out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "query or out_result is NULL");
    *out_result = NULL;
    memset(&f, 0, sizeof(f));
    f.mode = fptc__query_mode(query, cache);
    f.max_age_ms = fptc__query_max_age_ms(query, cache);
    f.is_streaming = query->is_streaming;
    f.hides_pending = query->hides_pending;
    deadline_ms = fptc__query_deadline_ms(query, cache);
    f.until_mono_ms = deadline_ms > 0 ? fptc__mono_ms() + deadline_ms : 0;
    status = query->request.names_provisional ? FPTC_MISS /* FPT may have given them others */
                                              : plan_at_hand(cache, &query->request, &f.plan, err);
    if (status == FPTC_OK && f.is_streaming)
        status = FPTC_MISS; /* the stream's own view is opened first */
    if (status == FPTC_OK)
        status = find_at_hand(cache, &f, deadline_ms > 0, out_result, err);
    if (status == FPTC_MISS) {
        fptc__error_clear(err);
        return find_by_task(cache, query, &f, deadline_ms, out_result, err);
    }
    fptc__plan_free(f.plan);
    return status;
}
