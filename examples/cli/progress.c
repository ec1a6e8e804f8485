/* progress.c: see progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

void catch_interrupt(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* a second Ctrl-C ends the command at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int32_t print_progress(const char *what, int64_t done, int64_t total, void *payload)
{
    int *is_terminal = payload;

    if (*is_terminal && total > 0)
        fprintf(stderr, "\r\033[K%s: %" PRId64 " of %" PRId64, what, done, total);
    else if (*is_terminal)
        fprintf(stderr, "\r\033[K%s: %" PRId64, what, done);
    return is_interrupted;
}
