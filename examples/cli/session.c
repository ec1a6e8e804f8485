/* session.c: see session.h. */
#include "session.h"

#include "document.h"
#include "failure.h"

static void print_log(int32_t level, const char *text, void *payload)
{
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    struct text line = TEXT_INIT;

    (void)payload;
    text_add_plain(&line, text);
    complain("%s: %s", level >= FPTC_LOG_ERROR && level <= FPTC_LOG_DEBUG ? names[level] : "log",
             text_string(&line));
    text_done(&line);
}

static int read_durations(const struct arguments *a, fptc_options *out)
{
    int failed = arguments_duration(a, OPT_MAX_AGE, &out->max_age_ms);

    if (!failed)
        failed = arguments_duration(a, OPT_DEADLINE, &out->deadline_ms);
    if (failed)
        return failed;
    if (a->value[OPT_MAX_AGE] && out->max_age_ms == 0)
        out->max_age_ms = FPTC_ZERO_MS;
    if (a->value[OPT_DEADLINE] && out->deadline_ms == 0)
        return complain_usage("--deadline 0 leaves no time; leave it out for no deadline");
    return 0;
}

/* The positions of these names are the values of FPTC_MODE_*, FPTC_WRITE_* and FPTC_HOLD_*. */
static int read_choices(const struct arguments *a, fptc_options *out)
{
    static const char *const modes[] = {"prefer-cache", "only-cache", "refresh", NULL};
    static const char *const writes[] = {"through", "behind", NULL};
    static const char *const holds[] = {"never", "auto", "always", NULL};
    int failed = arguments_choice(a, OPT_MODE, modes, &out->mode);

    if (!failed)
        failed = arguments_choice(a, OPT_WRITE, writes, &out->write_mode);
    if (!failed)
        failed = arguments_choice(a, OPT_HOLD, holds, &out->hold);
    return failed;
}

int session_options(const struct arguments *a, fptc_options *out)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    int failed;

    options.hold = FPTC_HOLD_AUTO;
    failed = read_durations(a, &options);
    if (!failed)
        failed = read_choices(a, &options);
    if (failed)
        return failed;
    options.cache_dir = a->value[OPT_CACHE];
    options.site_url = a->value[OPT_SITE];
    options.script_name = a->value[OPT_SCRIPT];
    options.script_key_file = a->value[OPT_KEY_FILE];
    options.marker_field = a->value[OPT_MARKER_FIELD];
    options.pin = a->value[OPT_PIN];
    options.log = print_log;
    options.log_level = a->value[OPT_VERBOSE] ? FPTC_LOG_DEBUG : FPTC_LOG_WARNING;
    if (fptc_options_from_environment(&options, &err) != FPTC_OK)
        return fail(err.status, &err);
    /* A key file on the command line goes before a key in the environment. */
    if (a->value[OPT_KEY_FILE])
        options.script_key = NULL;
    *out = options;
    return 0;
}

int session_open(const struct arguments *a, fptc_cache **out_cache)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    int failed = session_options(a, &options);

    *out_cache = NULL;
    if (failed)
        return failed;
    if (!options.cache_dir || !options.cache_dir[0])
        return complain_usage("which cache? Give --cache DIR, or set FPTCACHE_DIR");
    status = fptc_cache_open(&options, out_cache, &err);
    return status == FPTC_OK ? 0 : fail(status, &err);
}

int session_is_json(const struct arguments *a)
{
    return a->value[OPT_JSON] != NULL;
}

int session_finish(const struct arguments *a, fptc_status status, fptc_result *result,
                   const fptc_error *err)
{
    int failed = 0;

    if (status == FPTC_OK)
        print_document(result, session_is_json(a));
    else
        failed = fail(status, err);
    fptc_result_free(result);
    return failed;
}
