/* failure.c: see failure.h. */
#include "failure.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

static void complain_args(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void complain_args(const char *format, va_list args)
{
    fputs("fptcache: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_args(format, args);
    va_end(args);
}

int complain_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain_args(format, args);
    va_end(args);
    return EXIT_USAGE;
}

/* What each failure means to a shell, and what a person can do about it that the library, which
   knows no command, cannot say. */
static const struct {
    fptc_status status;
    int exit_code;
    const char *next_step;
} outcomes[] = {
    {FPTC_MISS, EXIT_NOTHING, NULL},
    {FPTC_END, EXIT_NOTHING, NULL},
    {FPTC_PENDING, EXIT_PENDING, NULL},
    {FPTC_UNKNOWN, EXIT_PENDING, NULL},
    {FPTC_EUSAGE, EXIT_USAGE, NULL},
    {FPTC_EFORK, EXIT_USAGE, NULL},
    {FPTC_ESTATE, EXIT_USAGE, NULL},
    {FPTC_ENOENT, EXIT_IO, "a cache is made by: fptcache init DIR --site URL"},
    {FPTC_EEXIST, EXIT_USAGE, "one directory serves one site and one identity: choose another"},
    {FPTC_EFORMAT, EXIT_DAMAGED, "use the newest version of fptcache on every host"},
    {FPTC_EDAMAGED, EXIT_DAMAGED, NULL},
    {FPTC_ENET, EXIT_NO_DATA, "what the cache has is shown with: --mode only-cache"},
    {FPTC_ETLS, EXIT_NO_DATA, "the certificate's authority must be trusted by this host"},
    {FPTC_ESERVER, EXIT_NO_DATA, "what the cache has is shown with: --mode only-cache"},
    {FPTC_EREFUSED, EXIT_REFUSED, NULL},
    {FPTC_EAUTH, EXIT_REFUSED,
     "set FPTCACHE_SCRIPT_NAME and FPTCACHE_SCRIPT_KEY_FILE (or --script and --key-file)"},
    {FPTC_EBUSY, EXIT_NO_DATA, "FPT asks for patience: try later, or with a longer --deadline"},
    {FPTC_ENODATA, EXIT_NO_DATA, NULL},
    {FPTC_ECONFLICT, EXIT_CONFLICT, NULL},
    {FPTC_ELIMIT, EXIT_USAGE, NULL},
    {FPTC_EDEADLINE, EXIT_DEADLINE, NULL},
    {FPTC_ECANCELLED, EXIT_DEADLINE, "what was done so far is kept; the same command goes on"},
};

int fail(fptc_status status, const fptc_error *err)
{
    struct text message = TEXT_INIT;
    int exit_code = EXIT_IO;
    size_t i;

    text_add_plain(&message, err->message[0] ? err->message : fptc_status_name(status));
    complain("%s", text_string(&message));
    text_done(&message);
    for (i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (outcomes[i].status == status) {
            exit_code = outcomes[i].exit_code;
            if (outcomes[i].next_step)
                complain("%s", outcomes[i].next_step);
        }
    }
    return exit_code;
}
