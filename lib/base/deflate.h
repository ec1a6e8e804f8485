/* deflate.h: zlib's raw memory-to-memory compression, bounded on both sides. */
#ifndef FPTC_BASE_DEFLATE_H
#define FPTC_BASE_DEFLATE_H

#include "base/buf.h"

/* Appends the zlib stream of data to out (level 1: logs want speed). Failure is sticky in out. */
void fptc__deflate(const void *data, size_t n, struct fptc__buf *out);
/* Appends exactly `plain` bytes to out, or fails with FPTC_EDAMAGED (the caller names the file). */
fptc_status fptc__inflate(const void *data, size_t n, size_t plain, struct fptc__buf *out,
                          fptc_error *err);

#endif
