/* verbs_check.c: verify, repair. */
#include "document.h"
#include "failure.h"
#include "session.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_CELLS 30

struct bar {
    int is_shown;
    int64_t percent; /* drawn last; -1: nothing yet */
    char what[64];
};

/* One line that is written over, on a terminal only, and only when it changes. */
static int32_t draw(const char *what, int64_t done, int64_t total, void *payload)
{
    struct bar *bar = payload;
    int64_t percent = total > 0 ? done * 100 / total : 100;
    int cells = (int)(percent * BAR_CELLS / 100), i;

    if (!bar->is_shown || (percent == bar->percent && strcmp(what, bar->what) == 0))
        return 0;
    bar->percent = percent;
    snprintf(bar->what, sizeof(bar->what), "%s", what);
    fputs("\r\033[K[", stderr);
    for (i = 0; i < BAR_CELLS; i++)
        fputc(i < cells ? '#' : '.', stderr);
    fprintf(stderr, "] %3" PRId64 "%% %s", percent, what);
    return 0;
}

static struct bar bar_begin(void)
{
    struct bar bar = {isatty(STDERR_FILENO), -1, ""};

    return bar;
}

static void bar_end(const struct bar *bar)
{
    if (bar->is_shown)
        fputs("\r\033[K", stderr);
}

int verb_verify(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    struct bar bar = bar_begin();
    int failed = session_open(a, &cache);

    if (!failed) {
        fptc_status status = fptc_cache_verify(cache, draw, &bar, &result, &err);

        bar_end(&bar);
        if (result)
            print_document(result, session_is_json(a));
        if (status != FPTC_OK)
            failed = fail(status, &err);
    }
    fptc_result_free(result);
    fptc_cache_close(cache);
    return failed;
}

int verb_repair(const struct arguments *a)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    struct bar bar = bar_begin();
    fptc_status status;
    int failed = session_options(a, &options);

    if (failed)
        return failed;
    if (!options.cache_dir || !options.cache_dir[0])
        return complain_usage("which cache? Give --cache DIR, or set FPTCACHE_DIR");
    status = fptc_cache_repair(&options, draw, &bar, &result, &err);
    bar_end(&bar);
    return session_finish(a, status, result, &err);
}
