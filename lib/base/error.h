/*
 * error.h: filling the caller's fptc_error. The lowest layer writes the message once, naming the file,
 * entity, field or host and the next step; upper layers only add where it happened.
 */
#ifndef FPTC_BASE_ERROR_H
#define FPTC_BASE_ERROR_H

#include <stdint.h>

#include "fptcache/fptcache.h"

/* Sets status and message (printf style) and returns `status`. `err` may be NULL. */
#define fptc__fail(err, status, ...)                                                               \
    fptc__same((status), fptc__fail_at((err), (status), __LINE__, __VA_ARGS__))
/* Lets static analysers see which status a failure returns. */
static inline fptc_status fptc__same(fptc_status status, fptc_status returned)
{
    (void)returned;
    return status;
}
fptc_status fptc__fail_at(fptc_error *err, fptc_status status, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a failed system call: status from `sys_errno`, its text appended to the message. */
#define fptc__fail_errno(err, sys_errno, ...)                                                      \
    fptc__fail_errno_at((err), (sys_errno), __LINE__, __VA_ARGS__)
fptc_status fptc__fail_errno_at(fptc_error *err, int sys_errno, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* FPTC_ENOSPC, FPTC_EACCESS, FPTC_ENOENT, FPTC_ENOMEM or FPTC_EIO. */
fptc_status fptc__status_of_errno(int sys_errno);

/* Appends ": where" to the message of an error that a lower layer has set. Returns err's status. */
fptc_status fptc__error_where(fptc_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Out of memory, in one place. */
#define fptc__fail_nomem(err) fptc__fail((err), FPTC_ENOMEM, "out of memory")

void fptc__error_clear(fptc_error *err);

#endif
