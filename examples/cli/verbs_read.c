/* verbs_read.c: find, get, status. */
#include "failure.h"
#include "rows.h"
#include "session.h"
#include "verbs.h"

#include <inttypes.h>
#include <string.h>

/* What `get` shows when it is not told: of these, whatever the type has. */
static const char get_fields[] =
    "name,code,content,description,project,entity,sg_status_list,sg_task,step,task_assignees,"
    "sg_sequence,start_date,due_date,created_at,created_by,updated_at,updated_by";

/* Adds `project is N` to the user's filters, whichever way they are spelled. */
static void join_project(struct text *out, const char *filters, int64_t project)
{
    const char *rest = filters + strspn(filters, " \t\r\n");

    text_format(out, "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":%" PRId64 "}]", project);
    if (rest[0] == '[') {
        rest++;
        rest += strspn(rest, " \t\r\n");
        text_put(out, rest[0] == ']' ? "" : ",");
        text_put(out, rest);
    } else {
        text_put(out, rest[0] ? "," : "");
        text_put(out, rest);
        text_put(out, "]");
    }
}

/* Sets the filters as given first, so that a complaint is about what the user wrote. */
int query_filters(const struct arguments *a, fptc_query *query)
{
    struct text filters = TEXT_INIT;
    struct text joined = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    int64_t project = 0;
    int failed = arguments_text(a, OPT_FILTERS, &filters);

    if (!failed)
        failed = arguments_number(a, OPT_PROJECT, 1, &project);
    if (!failed && fptc_query_set_filters(query, text_string(&filters), &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed && project) {
        join_project(&joined, text_string(&filters), project);
        if (fptc_query_set_filters(query, text_string(&joined), &err) != FPTC_OK)
            failed = fail(err.status, &err);
    }
    text_done(&joined);
    text_done(&filters);
    return failed;
}

static int set_rest(const struct arguments *a, fptc_query *query)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;
    int64_t limit = 0;
    int64_t page = 0;
    int failed = arguments_number(a, OPT_LIMIT, 0, &limit);

    if (!failed)
        failed = arguments_number(a, OPT_PAGE, 1, &page);
    if (failed)
        return failed;
    if (a->value[OPT_FIELDS])
        status = fptc_query_set_fields(query, a->value[OPT_FIELDS], &err);
    if (status == FPTC_OK && a->value[OPT_ORDER])
        status = fptc_query_set_order(query, a->value[OPT_ORDER], &err);
    if (status == FPTC_OK)
        status = fptc_query_set_limit(query, limit, page, &err);
    if (status == FPTC_OK && a->value[OPT_HIDE_PENDING])
        status = fptc_query_set_pending(query, FPTC_HIDE_PENDING, &err);
    return status == FPTC_OK ? 0 : fail(status, &err);
}

int query_read(const struct arguments *a, fptc_query **out_query)
{
    fptc_error err = FPTC_ERROR_INIT;
    int failed;

    if (fptc_query_new(a->words[0], out_query, &err) != FPTC_OK)
        return fail(err.status, &err);
    failed = query_filters(a, *out_query);
    return failed ? failed : set_rest(a, *out_query);
}

int verb_find_rows(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *result = NULL;
    fptc_status status;
    int failed = query_read(a, &query);

    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        status = fptc_cache_find(cache, query, &result, &err);
        failed = status == FPTC_OK ? 0 : fail(status, &err);
    }
    if (!failed) {
        print_rows(result, session_is_json(a));
        if (!session_is_json(a))
            print_warnings(result);
        failed = fptc_result_count(result) > 0 ? EXIT_DONE : EXIT_NOTHING;
    }
    fptc_result_free(result);
    fptc_query_free(query);
    fptc_cache_close(cache);
    return failed;
}

/* The question of `get`: one id, some fields. */
static int make_get(const struct arguments *a, int64_t id, fptc_query **out_query)
{
    const char *fields = a->value[OPT_FIELDS] ? a->value[OPT_FIELDS] : get_fields;
    fptc_error err = FPTC_ERROR_INIT;
    struct text filters = TEXT_INIT;
    fptc_status status = fptc_query_new(a->words[0], out_query, &err);

    text_format(&filters, "[[\"id\",\"is\",%" PRId64 "]]", id);
    if (status == FPTC_OK)
        status = fptc_query_set_filters(*out_query, text_string(&filters), &err);
    if (status == FPTC_OK)
        status = fptc_query_set_fields(*out_query, fields, &err);
    text_done(&filters);
    return status == FPTC_OK ? 0 : fail(status, &err);
}

int verb_get(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *result = NULL;
    fptc_status status;
    int64_t id = 0;
    int failed = arguments_id(a->words[1], &id);

    if (!failed)
        failed = make_get(a, id, &query);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        status = fptc_cache_find(cache, query, &result, &err);
        failed = status == FPTC_OK ? 0 : fail(status, &err);
    }
    if (!failed && fptc_result_count(result) == 0 && !session_is_json(a)) {
        complain("there is no %s %" PRId64, a->words[0], id);
        failed = EXIT_NOTHING;
    } else if (!failed) {
        print_row(result, session_is_json(a));
        if (a->value[OPT_FIELDS] && !session_is_json(a))
            print_warnings(result);
        failed = fptc_result_count(result) > 0 ? EXIT_DONE : EXIT_NOTHING;
    }
    fptc_result_free(result);
    fptc_query_free(query);
    fptc_cache_close(cache);
    return failed;
}

int verb_status(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    int failed = session_open(a, &cache);

    if (!failed) {
        fptc_status status = fptc_cache_status(cache, &result, &err);

        failed = session_finish(a, status, result, &err);
    }
    fptc_cache_close(cache);
    return failed;
}
