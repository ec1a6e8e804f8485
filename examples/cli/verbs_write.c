/* verbs_write.c: create, update, delete, revive. */
#include "failure.h"
#include "json.h"
#include "rows.h"
#include "session.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Adds the project of --project to a create that names none. The library has accepted `data`. */
static void add_project(struct text *out, const struct text *data, int64_t project)
{
    struct json *object = json_read(text_string(data), data->length);
    const char *rest = text_string(data);

    if (object && object->kind == JSON_OBJECT && !json_member(object, "project")) {
        rest = strchr(rest, '{') + 1;
        text_format(out, "{\"project\":{\"type\":\"Project\",\"id\":%" PRId64 "}%s", project,
                    object->child ? "," : "");
    }
    text_put(out, rest);
    json_free(object);
}

static int set_data(const struct arguments *a, fptc_write *write, int is_create)
{
    struct text data = TEXT_INIT;
    struct text joined = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    int64_t project = 0;
    int failed = arguments_text(a, OPT_DATA, &data);

    if (!failed)
        failed = arguments_number(a, OPT_PROJECT, 1, &project);
    if (!failed && !a->value[OPT_DATA])
        failed = complain_usage("%s needs --data JSON, for instance --data '{\"code\":\"sh010\"}'",
                                a->verb);
    if (!failed && fptc_write_set_data(write, text_string(&data), &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed && is_create && project) {
        add_project(&joined, &data, project);
        if (fptc_write_set_data(write, text_string(&joined), &err) != FPTC_OK)
            failed = fail(err.status, &err);
    }
    text_done(&joined);
    text_done(&data);
    return failed;
}

/* Pending and unknown are neither done nor failed: the event id is what the user needs next. */
static int report_unsettled(const struct arguments *a, fptc_status status, fptc_result *result,
                            const fptc_write *write, const fptc_error *err)
{
    int failed = fail(status, err);

    if (session_is_json(a) && result)
        printf("%s\n", fptc_result_json(result, NULL));
    complain("to ask what became of it, and not to do it twice, repeat the same command with "
             "--event %s",
             fptc_write_event_id(write));
    return failed;
}

static int carry_out(const struct arguments *a, fptc_cache *cache, fptc_write *write, int is_revive)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_write(cache, write, &result, &err);
    int failed = 0;

    if (status == FPTC_MISS) {
        if (session_is_json(a) && result && fptc_result_count(result) > 0)
            print_row(result, 1);
        complain(is_revive ? "%s %s was not retired" : "there is no %s %s", a->words[0],
                 a->n_words > 1 ? a->words[1] : "");
        failed = EXIT_NOTHING;
    } else if (status > 0) {
        failed = report_unsettled(a, status, result, write, &err);
    } else if (status < 0) {
        failed = fail(status, &err);
    } else {
        if (session_is_json(a) || fptc_result_count(result) > 0)
            print_row(result, session_is_json(a));
        else
            printf("%s %s: deleted\n", a->words[0], a->words[1]);
        if (!session_is_json(a))
            print_warnings(result);
    }
    fptc_result_free(result);
    return failed;
}

static int run_write(const struct arguments *a, int32_t verb)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_write *write = NULL;
    int64_t id = 0;
    int failed = verb == FPTC_VERB_CREATE ? 0 : arguments_id(a->words[1], &id);

    if (failed)
        return failed;
    if (fptc_write_new(verb, a->words[0], id, &write, &err) != FPTC_OK)
        return fail(err.status, &err);
    if (verb == FPTC_VERB_CREATE || verb == FPTC_VERB_UPDATE)
        failed = set_data(a, write, verb == FPTC_VERB_CREATE);
    if (!failed && a->value[OPT_EVENT] &&
        fptc_write_set_event_id(write, a->value[OPT_EVENT], &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed)
        failed = carry_out(a, cache, write, verb == FPTC_VERB_REVIVE);
    fptc_write_free(write);
    fptc_cache_close(cache);
    return failed;
}

int verb_create(const struct arguments *a)
{
    return run_write(a, FPTC_VERB_CREATE);
}

int verb_update(const struct arguments *a)
{
    return run_write(a, FPTC_VERB_UPDATE);
}

int verb_delete(const struct arguments *a)
{
    return run_write(a, FPTC_VERB_DELETE);
}

int verb_revive(const struct arguments *a)
{
    return run_write(a, FPTC_VERB_REVIVE);
}
