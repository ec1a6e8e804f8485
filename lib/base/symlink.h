/*
 * symlink.h: symbolic links as words in the name space: read without an open, swapped without a moment
 * in which there is none, and never held up by a delegation (N§3, N§4).
 */
#ifndef FPTC_BASE_SYMLINK_H
#define FPTC_BASE_SYMLINK_H

#include <stddef.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

/* What it says, NUL-terminated; "" unless FPTC_OK. FPTC_MISS: there is none; FPTC_ELIMIT: it is longer. */
fptc_status fptc__symlink_read(const char *path, char *out, size_t n, fptc_error *err);
/* Puts one that says `content` in place of what is at `path`, by way of the name `temp`. */
fptc_status fptc__symlink_swap(const char *path, const char *temp, const char *content,
                               fptc_error *err);
/* When it was made, by the file server's clock. FPTC_MISS: there is nothing. */
fptc_status fptc__symlink_made(const char *path, int64_t *out_mtime_ms, fptc_error *err);

#endif
