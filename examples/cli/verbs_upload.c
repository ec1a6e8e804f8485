/* verbs_upload.c: upload. */
#include "failure.h"
#include "progress.h"
#include "session.h"
#include "text.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void add_text(struct text *out, const char *name, const char *value)
{
    if (!value)
        return;
    text_format(out, ",\"%s\":", name);
    text_add_json(out, value);
}

/* What fptc_cache_upload() wants to know of where the file goes. */
static int target_of(const struct arguments *a, struct text *out)
{
    int64_t id = 0, deadline_ms = 0;
    int failed = arguments_id(a->words[1], &id);

    if (!failed)
        failed = arguments_duration(a, OPT_DEADLINE, &deadline_ms);
    if (failed)
        return failed;
    text_format(out, "{\"id\":%" PRId64 ",\"deadline_ms\":%" PRId64, id,
                deadline_ms > 0 ? deadline_ms : 0);
    add_text(out, "type", a->words[0]);
    add_text(out, "field", a->value[OPT_FIELD]);
    add_text(out, "display_name", a->value[OPT_NAME]);
    text_put(out, "}");
    return 0;
}

int verb_upload(const struct arguments *a)
{
    struct text target = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    int is_terminal = isatty(STDERR_FILENO);
    fptc_status status;
    int failed = target_of(a, &target);

    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        catch_interrupt();
        status = fptc_cache_upload(cache, a->words[2], text_string(&target), print_progress,
                                   &is_terminal, &result, &err);
        if (is_terminal)
            fputs("\r\033[K", stderr);
        failed = session_finish(a, status, result, &err);
    }
    text_done(&target);
    fptc_cache_close(cache);
    return failed;
}
