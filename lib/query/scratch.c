/* scratch.c: see scratch.h. Chunks are never moved, so what was handed out stays where it is. */
#include "query/scratch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A plan of a known shape needs no more than two of the first, whose size malloc gives and takes quickly
   (to 1,032 bytes with its head); then each chunk is twice as large as the one before. */
#define FIRST_BYTES 960u
#define CHUNK_BYTES_MAX 16384u
#define ALIGNMENT 16u

struct fptc__scratch_chunk {
    struct fptc__scratch_chunk *next;
    size_t used;
    size_t size;
    _Alignas(ALIGNMENT) char data[];
};

void fptc__scratch_init(struct fptc__scratch *s)
{
    s->chunks = NULL;
    s->failed = 0;
}

void fptc__scratch_done(struct fptc__scratch *s)
{
    struct fptc__scratch_chunk *next;

    for (; s->chunks; s->chunks = next) {
        next = s->chunks->next;
        free(s->chunks);
    }
    s->failed = 0;
}

static struct fptc__scratch_chunk *chunk_with_room(struct fptc__scratch *s, size_t n)
{
    struct fptc__scratch_chunk *c = s->chunks;
    size_t size = c && c->next ? 2 * c->size : FIRST_BYTES;

    if (c && c->size - c->used >= n)
        return c;
    if (size > CHUNK_BYTES_MAX)
        size = CHUNK_BYTES_MAX;
    if (size < n)
        size = n;
    c = malloc(sizeof(*c) + size); /* glibc's calloc has no quick way */
    if (!c)
        return NULL;
    c->used = 0;
    c->size = size;
    c->next = s->chunks;
    s->chunks = c;
    return c;
}

void *fptc__scratch_alloc(struct fptc__scratch *s, size_t n)
{
    struct fptc__scratch_chunk *c = NULL;
    void *out;

    if (n <= SIZE_MAX / 2) {
        n = (n + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
        c = chunk_with_room(s, n);
    }
    if (!c) {
        s->failed = 1;
        return NULL;
    }
    out = memset(c->data + c->used, 0, n);
    c->used += n;
    return out;
}

void *fptc__scratch_array(struct fptc__scratch *s, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        s->failed = 1;
        return NULL;
    }
    return fptc__scratch_alloc(s, n * size);
}

char *fptc__scratch_text(struct fptc__scratch *s, const char *text, size_t len)
{
    char *out = fptc__scratch_alloc(s, len + 1);

    if (out && len > 0)
        memcpy(out, text, len);
    return out;
}

char *fptc__scratch_take(struct fptc__scratch *s, struct fptc__buf *b)
{
    char *out = NULL;

    if (!b->failed)
        out = fptc__scratch_text(s, fptc__buf_text(b), b->len);
    else if (b->failed == FPTC_ENOMEM)
        s->failed = 1;
    fptc__buf_done(b);
    return out;
}
