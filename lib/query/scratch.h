/*
 * scratch.h: memory of one plan, freed as a whole. Everything that a plan points to lives here, so no
 * part of it is ever freed alone.
 *
 *  - fptc__scratch_init(&s)       empty
 *  - fptc__scratch_alloc(&s, n)   n zeroed bytes, aligned for anything; NULL when out of memory
 *  - s.failed                     1 once an allocation has failed: ask once at the end of a step
 *  - fptc__scratch_done(&s)       frees all of it
 */
#ifndef FPTC_QUERY_SCRATCH_H
#define FPTC_QUERY_SCRATCH_H

#include <stddef.h>

#include "base/buf.h"

struct fptc__scratch_chunk;

struct fptc__scratch {
    struct fptc__scratch_chunk *chunks; /* newest first */
    int failed;
};

void fptc__scratch_init(struct fptc__scratch *s);
void fptc__scratch_done(struct fptc__scratch *s);
void *fptc__scratch_alloc(struct fptc__scratch *s, size_t n);
/* An array of n elements; NULL as well when n * size would overflow. */
void *fptc__scratch_array(struct fptc__scratch *s, size_t n, size_t size);
char *fptc__scratch_text(struct fptc__scratch *s, const char *text, size_t len);
/* Copies the buffer's text and empties the buffer; NULL if the buffer had failed. */
char *fptc__scratch_take(struct fptc__scratch *s, struct fptc__buf *b);

#endif
