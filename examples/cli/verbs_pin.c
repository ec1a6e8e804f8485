/* verbs_pin.c: pin, drop. */
#include "failure.h"
#include "session.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int add_pin(const struct arguments *a, fptc_cache *cache)
{
    fptc_error err = FPTC_ERROR_INIT;
    int64_t project = 0, ttl_ms = 0;
    char id[33];
    fptc_status status;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed)
        failed = arguments_duration(a, OPT_TTL, &ttl_ms);
    if (failed)
        return failed;
    status = fptc_cache_pin(cache, project, ttl_ms, id, &err);
    if (status != FPTC_OK)
        return fail(status, &err);
    printf(session_is_json(a) ? "{\"id\":\"%s\"}\n" : "%s\n", id);
    return 0;
}

static int change_pin(const struct arguments *a, fptc_cache *cache, int is_touch)
{
    fptc_error err = FPTC_ERROR_INIT;
    const char *id = a->words[1];
    fptc_status status =
        is_touch ? fptc_cache_pin_touch(cache, id, &err) : fptc_cache_unpin(cache, id, &err);

    if (status == FPTC_MISS) {
        complain("there is no pin %s, or it has ended; `fptcache pin ls` lists them", id);
        return EXIT_NOTHING;
    }
    return status == FPTC_OK ? 0 : fail(status, &err);
}

static int list_pins(const struct arguments *a, fptc_cache *cache)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_pins(cache, &result, &err);

    return session_finish(a, status, result, &err);
}

int verb_pin(const struct arguments *a)
{
    static const char *const names[] = {"add", "touch", "rm", "ls"};
    fptc_cache *cache = NULL;
    const char *what = a->words[0];
    int is_touch = strcmp(what, "touch") == 0, is_rm = strcmp(what, "rm") == 0;
    int is_add = strcmp(what, "add") == 0;
    const char *nearest = nearest_name(what, names, 4);
    int failed;

    if (!is_touch && !is_rm && !is_add && strcmp(what, "ls") != 0)
        return complain_usage("there is no `pin %s`; did you mean `pin %s`?", what,
                              nearest ? nearest : "ls");
    if ((is_touch || is_rm) != (a->n_words == 2))
        return complain_usage(a->n_words == 2 ? "`pin %s` takes no id"
                                              : "which pin? Write: fptcache pin %s ID",
                              what);
    failed = session_open(a, &cache);
    if (!failed && is_add)
        failed = add_pin(a, cache);
    else if (!failed && (is_touch || is_rm))
        failed = change_pin(a, cache, is_touch);
    else if (!failed)
        failed = list_pins(a, cache);
    fptc_cache_close(cache);
    return failed;
}

int verb_drop(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    int64_t project = 0;
    fptc_status status;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed && project == 0)
        return complain_usage("which project? Write: fptcache drop --project ID --yes");
    if (!failed && !a->value[OPT_YES])
        return complain_usage("this drops all that the cache holds of project %" PRId64
                              ", for everybody; say --yes if that is meant",
                              project);
    if (!failed)
        failed = session_open(a, &cache);
    if (failed)
        return failed;
    status = fptc_cache_drop(cache, project, &err);
    if (status == FPTC_MISS) {
        complain("the cache holds nothing of project %" PRId64, project);
        failed = EXIT_NOTHING;
    } else if (status != FPTC_OK) {
        failed = fail(status, &err);
    } else if (session_is_json(a)) {
        printf("{\"dropped\":%" PRId64 "}\n", project);
    } else {
        printf("project %" PRId64 " is dropped; its files go after the grace\n", project);
    }
    fptc_cache_close(cache);
    return failed;
}
