/*
 * search.c: fptc_cache_text_search(). How FPT ranks names is its own, so FPT is asked each time and
 * nothing is kept. The filters of each type are checked first, as those of a find are.
 */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "base/error.h"
#include "base/limits.h"
#include "query/floatmark.h"

/* FPT's own bound on a page, and what it gives when none is named (A§1.7). */
#define PAGE_ROWS_MAX 25

struct search_task {
    struct fptc__task task;
    char *text;
    struct fptc__request *requests; /* one for each type */
    size_t n_requests;
    int64_t limit, page;
};

static void destroy_search(struct fptc__task *task)
{
    struct search_task *s = (struct search_task *)task;
    size_t i;

    for (i = 0; i < s->n_requests; i++)
        fptc__request_done(&s->requests[i]);
    free(s->requests);
    free(s->text);
    free(s);
}

/* ------------------------------------------------------------------------------------------- the request */

static fptc_status take_type(struct fptc__request *request, const fptc__json *entry,
                             fptc_error *err)
{
    struct fptc__buf filters;
    fptc_status status = fptc__request_init(request, fptc__json_key(entry), err);

    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&filters, FPTC_FILTER_BYTES_MAX);
    if (fptc__json_size(entry) > 0 || !fptc__json_is_array(entry))
        fptc__json_print(entry, &filters);
    status = fptc__buf_check(&filters, "filters", err);
    if (status == FPTC_OK)
        status = fptc__request_set_filters(request, fptc__buf_text(&filters), err);
    fptc__buf_done(&filters);
    return status == FPTC_OK ? status : fptc__error_where(err, "%s", fptc__json_key(entry));
}

static fptc_status take_types(struct search_task *s, const char *json, fptc_error *err)
{
    fptc__json *types = NULL;
    const fptc__json *at;
    fptc_status status = fptc__parse_marked(json, "entity_types", &types, err);

    if (status != FPTC_OK)
        return status;
    if (!fptc__json_is_object(types) || fptc__json_size(types) == 0)
        status = fptc__fail(err, FPTC_EUSAGE,
                            "entity_types must be filled: {\"Shot\":[filters], \"Asset\":[]}");
    s->requests = calloc(fptc__json_size(types) + 1, sizeof(*s->requests));
    if (s->requests == NULL && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    for (at = fptc__json_first(types); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        status = take_type(&s->requests[s->n_requests], at, err);
        s->n_requests++;
    }
    fptc__json_free(types);
    return status;
}

/* The filters of one type in FPT's spelling. Without filters nothing is there to be checked. */
static fptc_status add_filters(struct fptc__work *w, const struct fptc__request *request,
                               fptc__json *types, int has_groups, fptc_error *err)
{
    struct fptc__plan *plan = NULL;
    fptc__json *filters = NULL;
    fptc_status status = FPTC_OK;

    if (request->filters != NULL || has_groups)
        status = fptc__plan_make(w, request, 1, &plan, err);
    if (status != FPTC_OK)
        return status;
    filters =
        plan == NULL ? fptc__json_new_array() : fptc__json_copy(fptc__plan_rest_filters(plan));
    if (!fptc__json_set(types, request->type, filters))
        status = fptc__fail_nomem(err);
    fptc__plan_free(plan);
    return status;
}

/* ------------------------------------------------------------------------------------------- the answer */

static fptc_status give(const fptc__json *rows, struct fptc_result **out, fptc_error *err)
{
    fptc__json *document = fptc__json_new_object();
    int ok = fptc__json_set(document, "matches", fptc__json_copy(rows));
    fptc_status status = fptc__result_new(out, err);

    ok = fptc__json_set(document, "source", fptc__json_new_text("upstream")) && ok;
    if (status == FPTC_OK)
        status = fptc__result_document(*out, ok ? document : NULL, err);
    if (status == FPTC_OK)
        (*out)->source = FPTC_SOURCE_UPSTREAM;
    fptc__json_free(document);
    return status;
}

static fptc_status may_ask(struct fptc_cache *cache, fptc_error *err)
{
    if (cache->options.mode == FPTC_MODE_ONLY_CACHE)
        return fptc__fail(err, FPTC_ENODATA,
                          "a text search is FPT's to answer, and it may not be asked (only-cache)");
    return fptc__handle_is_stranger(cache) ? FPTC_OK : fptc__handle_may_ask(cache, err);
}

static fptc_status run_search(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    struct search_task *s = (struct search_task *)task;
    struct fptc__work w;
    fptc__json *types = fptc__json_new_object(), *rows = NULL;
    struct fptc__text_search search = {s->text, types, 0, s->limit, s->page};
    fptc_status status = fptc__work_begin(&w, task->cache, call, "site", err);
    size_t i;

    if (status == FPTC_OK)
        status = may_ask(task->cache, err);
    for (i = 0; i < s->n_requests && status == FPTC_OK; i++)
        status = fptc__resolve_request(task->cache, &s->requests[i], err);
    for (i = 0; i < s->n_requests; i++)
        search.has_groups = search.has_groups || s->requests[i].filters != NULL;
    for (i = 0; i < s->n_requests && status == FPTC_OK; i++)
        status = add_filters(&w, &s->requests[i], types, search.has_groups, err);
    if (status == FPTC_OK)
        status = fptc__site_text_search(task->cache->site, &search, call, &rows, err);
    if (status == FPTC_OK)
        status = give(rows, &task->result, err);
    fptc__json_free(rows);
    fptc__json_free(types);
    fptc__work_end(&w);
    return status;
}

static fptc_status check(const char *text, const char *entity_types, int64_t limit, int64_t page,
                         fptc_error *err)
{
    if (text == NULL || text[strspn(text, " \t\r\n")] == '\0')
        return fptc__fail(err, FPTC_EUSAGE, "text must be filled");
    if (entity_types == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "entity_types is missing");
    if (limit < 0 || limit > PAGE_ROWS_MAX)
        return fptc__fail(err, FPTC_EUSAGE,
                          "size must be less than or equal to %d, it is %lld; ask for more by page",
                          PAGE_ROWS_MAX, (long long)limit);
    if (page < 0)
        return fptc__fail(err, FPTC_EUSAGE, "page %lld: pages count from 1", (long long)page);
    return FPTC_OK;
}

fptc_status fptc_cache_text_search(fptc_cache *cache, const char *text, const char *entity_types,
                                   int64_t limit, int64_t page, fptc_result **out_result,
                                   fptc_error *err)
{
    struct search_task *s;
    fptc_status status = fptc__handle_check_call(cache, out_result, err);

    if (status != FPTC_OK)
        return status;
    status = check(text, entity_types, limit, page, err);
    if (status != FPTC_OK)
        return status;
    s = fptc__task_new(sizeof(*s), cache, run_search, destroy_search, err);
    if (s == NULL)
        return FPTC_ENOMEM;
    s->task.is_question = 1;
    s->limit = limit == 0 ? PAGE_ROWS_MAX : limit;
    s->page = page == 0 ? 1 : page;
    s->text = strdup(text);
    status = s->text == NULL ? fptc__fail_nomem(err) : take_types(s, entity_types, err);
    if (status != FPTC_OK) {
        destroy_search(&s->task);
        return status;
    }
    return fptc__task_run(&s->task, cache->options.deadline_ms, out_result, err);
}
