/*
 * failure.h: what goes to stderr, and the exit codes.
 */
#ifndef FPTC_CLI_FAILURE_H
#define FPTC_CLI_FAILURE_H

#include <fptcache/fptcache.h>

enum {
    EXIT_DONE = 0,
    EXIT_NOTHING = 1, /* known to be empty */
    EXIT_USAGE = 2,
    EXIT_NO_DATA = 3, /* nothing provable to show, or FPT cannot be reached */
    EXIT_REFUSED = 4, /* by FPT */
    EXIT_DAMAGED = 5,
    EXIT_DEADLINE = 6, /* or stopped by the user */
    EXIT_PENDING = 7,  /* pending or unknown */
    EXIT_CONFLICT = 8,
    EXIT_IO = 9
};

/* Prints "fptcache: ..." on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same; returns EXIT_USAGE, so that a caller can return it. */
int complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints what a call reported, and the next step; returns the exit code. */
int fail(fptc_status status, const fptc_error *err);

#endif
