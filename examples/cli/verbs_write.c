/* verbs_write.c: create, update, delete, revive, batch, resolve. */
#include "failure.h"
#include "json.h"
#include "rows.h"
#include "session.h"
#include "table.h"
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

static int set_requests(const struct arguments *a, fptc_write *write)
{
    struct text requests = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    int error = text_read(&requests, a->words[0]);
    int failed = 0;

    if (error) {
        complain("cannot read %s: %s", a->words[0], strerror(error));
        failed = EXIT_IO;
    } else if (fptc_write_set_data(write, text_string(&requests), &err) != FPTC_OK) {
        failed = fail(err.status, &err);
    }
    text_done(&requests);
    return failed;
}

static int set_policy(const struct arguments *a, fptc_write *write)
{
    static const char *const policies[] = {"fail", "overwrite", "merge", NULL};
    fptc_error err = FPTC_ERROR_INIT;
    int32_t policy = FPTC_CONFLICT_DEFAULT;
    int failed = arguments_choice(a, OPT_ON_CONFLICT, policies, &policy);

    if (!failed && fptc_write_set_on_conflict(write, policy, &err) != FPTC_OK)
        failed = fail(err.status, &err);
    return failed;
}

/* The requests of a batch, each with what became of it. */
static void print_requests(fptc_result *result)
{
    static const char *const columns[] = {"verb", "type", "id", "state", "event"};
    const size_t n = sizeof(columns) / sizeof(columns[0]);
    struct table table = TABLE_INIT(sizeof(columns) / sizeof(columns[0]));
    size_t length = 0, i;
    const char *text = fptc_result_json(result, &length);
    struct json *list = text ? json_read(text, length) : NULL;
    const struct json *row;

    for (i = 0; i < n; i++)
        table_add(&table, columns[i]);
    for (row = list ? list->child : NULL; row; row = row->next) {
        for (i = 0; i < n; i++) {
            const struct json *value = json_member(row, columns[i]);

            table_add(&table, value && value->text ? value->text : "");
        }
    }
    table_print(&table, 0);
    table_done(&table);
    json_free(list);
}

/* What a write that is done, or durable in the outbox, came to. */
static void print_done(const struct arguments *a, fptc_result *result, int32_t verb,
                       const char *deed)
{
    if (session_is_json(a))
        printf("%s\n", fptc_result_json(result, NULL));
    else if (verb == FPTC_VERB_BATCH)
        print_requests(result);
    else if (fptc_result_count(result) > 0)
        print_row(result, 0);
    else
        printf("%s %s: %s\n", a->words[0], a->words[1], deed);
    if (!session_is_json(a))
        print_warnings(result);
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

/* A write behind is durable: nothing is left to do for whoever wrote it. */
static int is_accepted(const struct arguments *a, fptc_status status)
{
    const char *mode = a->value[OPT_WRITE];

    return status == FPTC_PENDING && mode && strcmp(mode, "behind") == 0;
}

static int carry_out(const struct arguments *a, fptc_cache *cache, fptc_write *write, int32_t verb)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_write(cache, write, &result, &err);
    int failed = 0;

    if (is_accepted(a, status)) {
        print_done(a, result, verb, "to be deleted");
        complain("pending: event %s; FPT gets it from whoever keeps the cache up",
                 fptc_write_event_id(write));
        failed = EXIT_PENDING;
    } else if (status == FPTC_MISS) {
        if (session_is_json(a) && result && fptc_result_count(result) > 0)
            print_row(result, 1);
        complain(verb == FPTC_VERB_REVIVE ? "%s %s was not retired" : "there is no %s %s",
                 a->words[0], a->n_words > 1 ? a->words[1] : "");
        failed = EXIT_NOTHING;
    } else if (status > 0) {
        failed = report_unsettled(a, status, result, write, &err);
    } else if (status < 0) {
        failed = fail(status, &err);
    } else {
        print_done(a, result, verb, "deleted");
    }
    fptc_result_free(result);
    return failed;
}

static int run_write(const struct arguments *a, int32_t verb)
{
    int has_id = verb != FPTC_VERB_CREATE && verb != FPTC_VERB_BATCH;
    const char *type = verb == FPTC_VERB_BATCH ? NULL : a->words[0];
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_write *write = NULL;
    int64_t id = 0;
    int failed = has_id ? arguments_id(a->words[1], &id) : 0;

    if (failed)
        return failed;
    if (fptc_write_new(verb, type, id, &write, &err) != FPTC_OK)
        return fail(err.status, &err);
    if (verb == FPTC_VERB_CREATE || verb == FPTC_VERB_UPDATE)
        failed = set_data(a, write, verb == FPTC_VERB_CREATE);
    else if (verb == FPTC_VERB_BATCH)
        failed = set_requests(a, write);
    if (!failed)
        failed = set_policy(a, write);
    if (!failed && a->value[OPT_EVENT] &&
        fptc_write_set_event_id(write, a->value[OPT_EVENT], &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed)
        failed = carry_out(a, cache, write, verb);
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

int verb_batch(const struct arguments *a)
{
    return run_write(a, FPTC_VERB_BATCH);
}

int verb_resolve(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    int64_t id = 0, found = 0;
    fptc_status status;
    int failed = arguments_id(a->words[0], &id);

    if (!failed)
        failed = session_open(a, &cache);
    if (failed)
        return failed;
    status = fptc_cache_resolve(cache, id, &found, &err);
    if (status != FPTC_OK)
        failed = fail(status, &err);
    else if (session_is_json(a))
        printf("{\"id\":%" PRId64 "}\n", found);
    else
        printf("%" PRId64 "\n", found);
    fptc_cache_close(cache);
    return failed;
}
