/* deflate.c: see deflate.h. zlib counts in unsigned int, so both sides are fed in pieces. */
#define ZLIB_CONST
#include "base/deflate.h"

#include <string.h>
#include <zlib.h>

#include "base/error.h"

#define PIECE (64u * 1024u)
#define INPUT_PIECE (1u << 30)
/* No deflate stream shrinks its text further than this (zlib's own figure is 1032). */
#define RATIO_MAX 1040u

/* Gives the stream its next piece of input; the rest stays in *n. */
static void feed(z_stream *z, const unsigned char **in, size_t *n)
{
    size_t piece = *n < INPUT_PIECE ? *n : INPUT_PIECE;

    if (z->avail_in > 0 || piece == 0)
        return;
    z->next_in = *in;
    z->avail_in = (uInt)piece;
    *in += piece;
    *n -= piece;
}

/* Room for output, without asking for more than `most`; 0 when out is full or failed. */
static size_t offer(z_stream *z, struct fptc__buf *out, size_t most)
{
    size_t room = most < PIECE ? most : PIECE;
    char *at = fptc__buf_reserve(out, room);

    if (!at)
        return 0;
    z->next_out = (unsigned char *)at;
    z->avail_out = (uInt)room;
    return room;
}

void fptc__deflate(const void *data, size_t n, struct fptc__buf *out)
{
    const unsigned char *in = data;
    z_stream z;
    size_t left = n;
    int state = Z_OK;

    if (out->failed)
        return;
    memset(&z, 0, sizeof(z));
    if (deflateInit(&z, 1) != Z_OK) {
        out->failed = FPTC_ENOMEM;
        return;
    }
    while (state == Z_OK) {
        size_t spare = out->max - out->len;
        size_t room = offer(&z, out, spare > 0 ? spare : 1);

        if (room == 0)
            break;
        feed(&z, &in, &left);
        state = deflate(&z, left > 0 ? Z_NO_FLUSH : Z_FINISH);
        out->len += room - z.avail_out;
        if (state == Z_BUF_ERROR)
            state = Z_OK; /* needs more room, not a failure */
    }
    deflateEnd(&z);
    if (state != Z_STREAM_END && !out->failed)
        out->failed = FPTC_ENOMEM;
    (void)fptc__buf_text(out); /* closes with the NUL */
}

/* Inflates up to `plain` bytes; 1 when the stream ended exactly there with nothing behind it. */
static int inflate_exactly(z_stream *z, const unsigned char *in, size_t n, size_t plain,
                           struct fptc__buf *out)
{
    size_t end = out->len + plain;
    unsigned char extra;
    int state = Z_OK;

    while (state == Z_OK) {
        size_t room = end - out->len;

        if (room > 0) {
            room = offer(z, out, room);
            if (room == 0)
                return 0;
        } else {
            /* The end mark may still be unread; a byte that appears here is one too many. */
            z->next_out = &extra;
            z->avail_out = 1;
        }
        feed(z, &in, &n);
        state = inflate(z, Z_NO_FLUSH);
        if (room == 0 && z->avail_out == 0)
            return 0;
        if (room > 0)
            out->len += room - z->avail_out;
    }
    if (state == Z_MEM_ERROR)
        out->failed = FPTC_ENOMEM;
    return state == Z_STREAM_END && out->len == end && z->avail_in == 0 && n == 0;
}

fptc_status fptc__inflate(const void *data, size_t n, size_t plain, struct fptc__buf *out,
                          fptc_error *err)
{
    size_t start = out->len;
    z_stream z;
    int whole;

    if (out->failed)
        return fptc__buf_check(out, "inflated data", err);
    /* A hostile length must not cost memory before the stream has shown anything. */
    if (plain / RATIO_MAX > n)
        return fptc__fail(err, FPTC_EDAMAGED, "%zu compressed bytes cannot hold %zu", n, plain);
    memset(&z, 0, sizeof(z));
    if (inflateInit(&z) != Z_OK)
        return fptc__fail_nomem(err);
    whole = inflate_exactly(&z, data, n, plain, out);
    inflateEnd(&z);
    if (!whole) {
        out->len = start;
        if (out->failed)
            return fptc__buf_check(out, "inflated data", err);
        return fptc__fail(err, FPTC_EDAMAGED, "compressed data is damaged or not %zu bytes long",
                          plain);
    }
    (void)fptc__buf_text(out);
    return FPTC_OK;
}
