/* verbs_doctor.c: doctor. */
#include "document.h"
#include "failure.h"
#include "session.h"
#include "verbs.h"

#include <string.h>

/* The document is the library's: what a check says stands in it with its quotes escaped. */
static int is_safe(fptc_result *result)
{
    const char *text = fptc_result_json(result, NULL);

    return text != NULL && strstr(text, "\"safe\":true") != NULL;
}

int verb_doctor(const struct arguments *a)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    const char *dir;
    fptc_status status;
    int failed = session_options(a, &options);

    if (failed)
        return failed;
    dir = a->n_words > 0 ? a->words[0] : options.cache_dir;
    if (!dir || !dir[0])
        return complain_usage("which directory? Write: fptcache doctor DIR");
    status = fptc_doctor(dir, a->value[OPT_PEER], options.deadline_ms, &result, &err);
    if (status != FPTC_OK) {
        failed = fail(status, &err);
    } else {
        print_document(result, session_is_json(a));
        if (!is_safe(result)) {
            complain("%s is not safe for a cache: see what is bad", dir);
            failed = EXIT_IO;
        }
    }
    fptc_result_free(result);
    return failed;
}
