/* verbs_upkeep.c: init, mirror, sync, compact, maintain, hold. */
#include "failure.h"
#include "progress.h"
#include "session.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int verb_init(const struct arguments *a)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    struct text line = TEXT_INIT;
    int failed = session_options(a, &options);

    if (failed)
        return failed;
    if (a->n_words > 0 && a->value[OPT_CACHE])
        return complain_usage("the directory is given twice: %s and --cache %s", a->words[0],
                              a->value[OPT_CACHE]);
    if (a->n_words > 0)
        options.cache_dir = a->words[0];
    if (!options.cache_dir || !options.cache_dir[0])
        return complain_usage("which directory? Write: fptcache init DIR --site URL");
    if (!options.site_url || !options.site_url[0])
        return complain_usage("which site? Write: fptcache init %s --site URL", options.cache_dir);
    if (fptc_cache_init(&options, &err) != FPTC_OK)
        return fail(err.status, &err);
    if (session_is_json(a)) {
        text_put(&line, "{\"cache\":");
        text_add_json(&line, options.cache_dir);
        text_put(&line, ",\"site\":");
        text_add_json(&line, options.site_url);
        text_put(&line, "}");
    } else {
        text_format(&line, "%s is a cache of %s", options.cache_dir, options.site_url);
    }
    printf("%s\n", text_string(&line));
    text_done(&line);
    return 0;
}

/* Adds or removes each type of a list separated by commas. */
static int change_mirrors(const struct arguments *a, fptc_cache *cache, int is_add)
{
    const char *at = a->value[OPT_TYPE];
    fptc_error err = FPTC_ERROR_INIT;
    int64_t project = 0;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    while (!failed && *at) {
        size_t length = strcspn(at, ",");
        struct text type = TEXT_INIT;
        fptc_status status;
        text_add(&type, at, length);
        if (is_add)
            status = fptc_cache_mirror_add(cache, project, text_string(&type), a->value[OPT_FIELDS],
                                           &err);
        else
            status = fptc_cache_mirror_rm(cache, project, text_string(&type), &err);
        if (status == FPTC_MISS) {
            complain("%s is not mirrored; `fptcache mirror ls` tells what is", text_string(&type));
            failed = EXIT_NOTHING;
        } else if (status != FPTC_OK) {
            failed = fail(status, &err);
        }
        text_done(&type);
        at += length + (at[length] == ',');
    }
    return failed;
}

static int list_mirrors(const struct arguments *a, fptc_cache *cache)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_mirror_list(cache, &result, &err);

    return session_finish(a, status, result, &err);
}

int verb_mirror(const struct arguments *a)
{
    static const char *const names[] = {"add", "rm", "ls"};
    fptc_cache *cache = NULL;
    int is_list = strcmp(a->words[0], "ls") == 0;
    int is_add = strcmp(a->words[0], "add") == 0;
    const char *nearest = nearest_name(a->words[0], names, 3);
    int failed = 0;

    if (!is_list && !is_add && strcmp(a->words[0], "rm") != 0)
        return complain_usage("there is no `mirror %s`; did you mean `mirror %s`?", a->words[0],
                              nearest ? nearest : "ls");
    if (!is_list && (!a->value[OPT_TYPE] || !a->value[OPT_TYPE][0]))
        return complain_usage("which type? Write: fptcache mirror %s --type T", a->words[0]);
    failed = session_open(a, &cache);
    if (!failed && !is_list)
        failed = change_mirrors(a, cache, is_add);
    if (!failed)
        failed = list_mirrors(a, cache);
    fptc_cache_close(cache);
    return failed;
}

int verb_sync(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    int is_terminal = isatty(STDERR_FILENO);
    int64_t project = 0;
    fptc_status status;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        catch_interrupt();
        status = fptc_cache_sync(cache, project, print_progress, &is_terminal, &result, &err);
        if (is_terminal)
            fputs("\r\033[K", stderr);
        failed = session_finish(a, status, result, &err);
    }
    fptc_cache_close(cache);
    return failed;
}

int verb_compact(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    fptc_status status;
    int failed = session_open(a, &cache);

    if (failed)
        return failed;
    status = fptc_cache_compact(cache, a->value[OPT_PARTITION], &result, &err);
    if (status == FPTC_MISS) {
        complain("there is no partition %s; `fptcache status` lists them",
                 a->value[OPT_PARTITION] ? a->value[OPT_PARTITION] : "");
        failed = EXIT_NOTHING;
    } else {
        failed = session_finish(a, status, result, &err);
    }
    fptc_cache_close(cache);
    return failed;
}

int verb_maintain(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    fptc_status status;
    int failed = session_open(a, &cache);

    if (failed)
        return failed;
    status = fptc_cache_maintain(cache, &result, &err);
    failed = session_finish(a, status, result, &err);
    fptc_cache_close(cache);
    return failed;
}

int verb_hold(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    int is_terminal = isatty(STDERR_FILENO);
    fptc_status status;
    int failed = session_open(a, &cache);

    if (failed)
        return failed;
    catch_interrupt();
    status = fptc_cache_hold(cache, print_progress, &is_terminal, &err);
    if (is_terminal)
        fputs("\r\033[K", stderr);
    if (status != FPTC_OK)
        failed = fail(status, &err);
    fptc_cache_close(cache);
    return failed;
}
