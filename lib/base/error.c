/*
 * error.c: see error.h. Messages are formatted aside first, so that an argument may point into the
 * very error that is being filled.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX (sizeof(((fptc_error *)0)->message) - 1)

/* Cuts text to at most `most` bytes, never inside a character. text[most] must be readable. */
static void cut(char *text, size_t most)
{
    size_t n = strlen(text);

    if (n <= most)
        return;
    n = most;
    while (n > 0 && ((unsigned char)text[n] & 0xc0u) == 0x80u)
        n--;
    text[n] = '\0';
}

static void format_message(char *out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* out has MESSAGE_MAX + 5 bytes: cut() looks at the first byte of what does not fit. */
static void format_message(char *out, const char *format, va_list args)
{
    if (vsnprintf(out, MESSAGE_MAX + 5, format, args) < 0)
        out[0] = '\0';
}

static void fill(fptc_error *err, fptc_status status, int sys_errno, int line, const char *text)
{
    memset(err, 0, sizeof(*err));
    err->status = status;
    err->sys_errno = sys_errno;
    err->line = line;
    memcpy(err->message, text, strlen(text) + 1);
}

fptc_status fptc__fail_at(fptc_error *err, fptc_status status, int line, const char *format, ...)
{
    char text[MESSAGE_MAX + 5];
    va_list args;

    if (!err)
        return status;
    va_start(args, format);
    format_message(text, format, args);
    va_end(args);
    cut(text, MESSAGE_MAX);
    fill(err, status, 0, line, text);
    return status;
}

fptc_status fptc__fail_errno_at(fptc_error *err, int sys_errno, int line, const char *format, ...)
{
    fptc_status status = fptc__status_of_errno(sys_errno);
    char text[MESSAGE_MAX + 5];
    char why_bytes[128];
    char why[160];
    va_list args;

    if (!err)
        return status;
    va_start(args, format);
    format_message(text, format, args);
    va_end(args);
    snprintf(why, sizeof(why), ": %s", strerror_r(sys_errno, why_bytes, sizeof(why_bytes)));
    /* The reason is worth more than the end of a long path. */
    cut(text, MESSAGE_MAX - strlen(why));
    memcpy(text + strlen(text), why, strlen(why) + 1);
    fill(err, status, sys_errno, line, text);
    return status;
}

fptc_status fptc__status_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return FPTC_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return FPTC_EACCESS;
    case ENOENT:
    case ENOTDIR:
        return FPTC_ENOENT;
    case ENOMEM:
        return FPTC_ENOMEM;
    default:
        return FPTC_EIO;
    }
}

fptc_status fptc__error_where(fptc_error *err, const char *format, ...)
{
    char where[MESSAGE_MAX + 5];
    char text[2 * MESSAGE_MAX + 8];
    va_list args;

    if (!err)
        return FPTC_EINTERNAL;
    va_start(args, format);
    format_message(where, format, args);
    va_end(args);
    snprintf(text, sizeof(text), "%s: %s", err->message, where);
    cut(text, MESSAGE_MAX);
    memcpy(err->message, text, strlen(text) + 1);
    return err->status;
}

void fptc__error_clear(fptc_error *err)
{
    if (err)
        memset(err, 0, sizeof(*err));
}
