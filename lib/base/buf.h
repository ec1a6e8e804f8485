/*
 * buf.h: growing byte buffer with a stated maximum and a sticky error: add calls need no checks, the
 * owner asks once at the end.
 *
 *  - fptc__buf_init(&b, max)   empty, no memory taken
 *  - fptc__buf_add...(&b, ...) appends, or sets b.failed and does nothing from then on
 *  - b.failed                  FPTC_ENOMEM or FPTC_ELIMIT; 0 while all is well
 *  - fptc__buf_done(&b)        frees; the buffer is empty again and may be reused
 *
 * Data is always followed by a NUL that `len` does not count (b.data is NULL while empty and unused;
 * fptc__buf_text() gives "" then).
 */
#ifndef FPTC_BASE_BUF_H
#define FPTC_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

struct fptc__buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;
    fptc_status failed;
};

void fptc__buf_init(struct fptc__buf *b, size_t max);
void fptc__buf_done(struct fptc__buf *b);
void fptc__buf_clear(struct fptc__buf *b);           /* len 0, memory kept, error forgotten */
void fptc__buf_cut(struct fptc__buf *b, size_t len); /* back to what it was at that length */
void fptc__buf_add(struct fptc__buf *b, const void *data, size_t n);
void fptc__buf_adds(struct fptc__buf *b, const char *text);
void fptc__buf_addc(struct fptc__buf *b, char c);
void fptc__buf_add_int(struct fptc__buf *b, int64_t v); /* in decimal */
void fptc__buf_addf(struct fptc__buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fptc__buf_add_u16(struct fptc__buf *b, uint16_t v); /* little-endian */
void fptc__buf_add_u32(struct fptc__buf *b, uint32_t v);
void fptc__buf_add_u64(struct fptc__buf *b, uint64_t v);
/* Room for n more bytes at the end; NULL after an error. Raise b->len by what was used. */
char *fptc__buf_reserve(struct fptc__buf *b, size_t n);
const char *fptc__buf_text(const struct fptc__buf *b);
/* The caller owns (frees) the bytes; the buffer is empty. NULL after an error. */
char *fptc__buf_steal(struct fptc__buf *b);
/* Sets err for a failed buffer, naming `what`; FPTC_OK if it has not failed. */
fptc_status fptc__buf_check(const struct fptc__buf *b, const char *what, fptc_error *err);

uint16_t fptc__get_u16(const void *p); /* little-endian, any alignment */
uint32_t fptc__get_u32(const void *p);
uint64_t fptc__get_u64(const void *p);

#endif
