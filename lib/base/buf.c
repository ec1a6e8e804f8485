/*
 * buf.c: see buf.h. Invariant: data is NULL with cap 0, or cap > len, so that the closing NUL has a
 * place; max bounds len, not cap.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define FIRST_CAP 64u

void fptc__buf_init(struct fptc__buf *b, size_t max)
{
    memset(b, 0, sizeof(*b));
    /* Room for the NUL must not wrap around. */
    b->max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2;
}

void fptc__buf_done(struct fptc__buf *b)
{
    if (!b)
        return;
    free(b->data);
    fptc__buf_init(b, b->max);
}

void fptc__buf_clear(struct fptc__buf *b)
{
    b->len = 0;
    b->failed = FPTC_OK;
    if (b->data)
        b->data[0] = '\0';
}

static size_t next_cap(const struct fptc__buf *b, size_t need)
{
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;

    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    /* Doubling beyond max would only waste memory: need is at most max + 1. */
    return cap > b->max + 1 ? b->max + 1 : cap;
}

/* Makes room for n more bytes and a NUL. 1 done, 0 failed. */
static int ensure(struct fptc__buf *b, size_t n)
{
    char *grown;
    size_t cap;

    if (b->failed)
        return 0;
    assert(b->len <= b->max);
    if (n > b->max - b->len) {
        b->failed = FPTC_ELIMIT;
        return 0;
    }
    if (b->data && n < b->cap - b->len)
        return 1;
    cap = next_cap(b, b->len + n + 1);
    grown = realloc(b->data, cap);
    if (!grown) {
        b->failed = FPTC_ENOMEM;
        return 0;
    }
    b->data = grown;
    b->cap = cap;
    b->data[b->len] = '\0';
    return 1;
}

void fptc__buf_cut(struct fptc__buf *b, size_t len)
{
    if (b->failed || len >= b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

void fptc__buf_add(struct fptc__buf *b, const void *data, size_t n)
{
    if (n == 0 || !ensure(b, n))
        return;
    memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void fptc__buf_adds(struct fptc__buf *b, const char *text)
{
    fptc__buf_add(b, text, strlen(text));
}

void fptc__buf_addc(struct fptc__buf *b, char c)
{
    fptc__buf_add(b, &c, 1);
}

void fptc__buf_add_int(struct fptc__buf *b, int64_t v)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0)
        *--at = '-';
    fptc__buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void fptc__buf_addf(struct fptc__buf *b, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 && !b->failed)
        b->failed = FPTC_ELIMIT;
    if (n <= 0 || !ensure(b, (size_t)n))
        return;
    va_start(args, format);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

static void put_le(unsigned char *out, uint64_t v, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = (unsigned char)(v >> (8 * i) & 0xffu);
}

static uint64_t get_le(const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint64_t v = 0;
    size_t i;

    for (i = 0; i < n; i++)
        v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

void fptc__buf_add_u16(struct fptc__buf *b, uint16_t v)
{
    unsigned char bytes[2];

    put_le(bytes, v, sizeof(bytes));
    fptc__buf_add(b, bytes, sizeof(bytes));
}

void fptc__buf_add_u32(struct fptc__buf *b, uint32_t v)
{
    unsigned char bytes[4];

    put_le(bytes, v, sizeof(bytes));
    fptc__buf_add(b, bytes, sizeof(bytes));
}

void fptc__buf_add_u64(struct fptc__buf *b, uint64_t v)
{
    unsigned char bytes[8];

    put_le(bytes, v, sizeof(bytes));
    fptc__buf_add(b, bytes, sizeof(bytes));
}

char *fptc__buf_reserve(struct fptc__buf *b, size_t n)
{
    if (!ensure(b, n))
        return NULL;
    /* For the caller who uses all of it; fptc__buf_text() sees to the others. */
    b->data[b->len + n] = '\0';
    return b->data + b->len;
}

const char *fptc__buf_text(const struct fptc__buf *b)
{
    if (!b->data)
        return "";
    if (b->data[b->len] != '\0')
        b->data[b->len] = '\0';
    return b->data;
}

char *fptc__buf_steal(struct fptc__buf *b)
{
    fptc_status failed;
    char *data = NULL;

    if (ensure(b, 0)) {
        data = b->data;
        data[b->len] = '\0';
        b->data = NULL;
    }
    failed = b->failed;
    fptc__buf_done(b);
    b->failed = failed; /* the owner may still ask why */
    return data;
}

fptc_status fptc__buf_check(const struct fptc__buf *b, const char *what, fptc_error *err)
{
    switch (b->failed) {
    case FPTC_OK:
        return FPTC_OK;
    case FPTC_ELIMIT:
        return fptc__fail(err, FPTC_ELIMIT, "%s is longer than %zu bytes", what, b->max);
    case FPTC_ENOMEM:
        return fptc__fail(err, FPTC_ENOMEM, "%s: out of memory", what);
    default:
        return fptc__fail(err, b->failed, "%s: buffer failed with status %d", what, (int)b->failed);
    }
}

uint16_t fptc__get_u16(const void *p)
{
    return (uint16_t)get_le(p, 2);
}

uint32_t fptc__get_u32(const void *p)
{
    return (uint32_t)get_le(p, 4);
}

uint64_t fptc__get_u64(const void *p)
{
    return get_le(p, 8);
}
