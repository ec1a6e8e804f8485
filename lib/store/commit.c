/*
 * commit.c: the codec of commit files and manifests. Offsets and validity rule: lib/FORMAT.md,
 * "Commit file". The decoder trusts nothing: every length is bounded by the bytes that are there before
 * anything is read or allocated, and no byte outside [data, data + len) is ever touched.
 */
#include "store/commit.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/deflate.h"
#include "base/error.h"
#include "base/limits.h"

#define MAGIC "FPTCLOG1"
#define FORMAT 1u
#define KNOWN_FEATURES 0u
#define FLAG_DEFLATED 1u

enum {
    AT_FORMAT = 8,
    AT_HEADER_LEN = 10,
    AT_FEATURES = 12,
    AT_NUMBER = 16,
    AT_PREV = 24,
    AT_PID = 32,
    AT_COUNT = 40,
    AT_PAYLOAD = 48,
    AT_PARTITION = 56,
    AT_WRITER = 120,
    AT_HOST = 188,
    AT_CRC = 252,
    HEADER_LEN = FPTC__COMMIT_HEADER_LEN,
    HEADER_LEN_MAX = 4096,
    FRAME_LEN = 16,
    TRAILER_LEN = 8,
    /* Deflate cannot shrink below 1:1032; a greater promise is a lie that would cost memory. */
    DEFLATE_RATIO_MAX = 1032
};

static void put_u16(char *at, uint16_t v)
{
    for (int i = 0; i < 2; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

static void put_u32(char *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

static void put_u64(char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (char)(unsigned char)(v >> (8 * i));
}

/* --- encoding --- */

static void put_header(char *at, const struct fptc__commit_header *head, size_t n_records,
                       size_t payload)
{
    memset(at, 0, HEADER_LEN);
    memcpy(at, MAGIC, 8);
    put_u16(at + AT_FORMAT, FORMAT);
    put_u16(at + AT_HEADER_LEN, HEADER_LEN);
    put_u32(at + AT_FEATURES, 0);
    put_u64(at + AT_NUMBER, head->number);
    put_u64(at + AT_PREV, head->prev);
    put_u64(at + AT_PID, (uint64_t)head->pid);
    put_u32(at + AT_COUNT, (uint32_t)n_records);
    put_u64(at + AT_PAYLOAD, payload);
    memcpy(at + AT_PARTITION, head->partition, strnlen(head->partition, 63));
    memcpy(at + AT_WRITER, head->writer, strnlen(head->writer, FPTC__WRITER_LEN));
    memcpy(at + AT_HOST, head->host, strnlen(head->host, 63));
    put_u32(at + AT_CRC, fptc__crc32(0, at, AT_CRC));
}

static void put_frame(struct fptc__buf *out, const struct fptc__record *record, uint16_t flags,
                      const char *stored, size_t n)
{
    fptc__buf_add_u16(out, record->kind);
    fptc__buf_add_u16(out, flags);
    fptc__buf_add_u32(out, (uint32_t)n);
    fptc__buf_add_u32(out, (uint32_t)record->len);
    fptc__buf_add_u32(out, fptc__crc32(0, stored, n));
    fptc__buf_add(out, stored, n);
}

static void put_record(struct fptc__buf *out, const struct fptc__record *record,
                       struct fptc__buf *scratch)
{
    if (record->len <= FPTC_DEFLATE_BYTES_MIN) {
        put_frame(out, record, 0, record->body, record->len);
        return;
    }
    fptc__buf_clear(scratch);
    fptc__deflate(record->body, record->len, scratch);
    if (scratch->failed == FPTC_ENOMEM)
        out->failed = FPTC_ENOMEM;
    else if (scratch->failed || scratch->len >= record->len)
        put_frame(out, record, 0, record->body, record->len);
    else
        put_frame(out, record, FLAG_DEFLATED, scratch->data, scratch->len);
}

static fptc_status check_encodable(const struct fptc__record *records, size_t n_records,
                                   fptc_error *err)
{
    if (n_records > FPTC_COMMIT_RECORDS_MAX)
        return fptc__fail(err, FPTC_ELIMIT, "a commit holds at most %u records, not %zu",
                          FPTC_COMMIT_RECORDS_MAX, n_records);
    size_t sum = 0;
    for (size_t i = 0; i < n_records; i++) {
        if (records[i].len > FPTC_RECORD_BYTES_MAX - sum)
            return fptc__fail(err, FPTC_ELIMIT, "the records of a commit exceed %u bytes",
                              FPTC_RECORD_BYTES_MAX);
        sum += records[i].len;
    }
    return FPTC_OK;
}

fptc_status fptc__commit_encode(const struct fptc__commit_header *head,
                                const struct fptc__record *records, size_t n_records,
                                struct fptc__buf *out, uint64_t *checksum, fptc_error *err)
{
    fptc_status status = check_encodable(records, n_records, err);
    if (status != FPTC_OK)
        return status;
    size_t start = out->len;
    if (fptc__buf_reserve(out, HEADER_LEN))
        out->len += HEADER_LEN;
    struct fptc__buf scratch;
    fptc__buf_init(&scratch, FPTC_COMMIT_BYTES_MAX);
    for (size_t i = 0; i < n_records && !out->failed; i++)
        put_record(out, &records[i], &scratch);
    fptc__buf_done(&scratch);
    uint64_t sum = 0;
    if (!out->failed) {
        put_header(out->data + start, head, n_records, out->len - start - HEADER_LEN);
        sum = fptc__checksum_add(fptc__checksum_start(), out->data + start, out->len - start);
        fptc__buf_add_u64(out, sum);
    }
    if (checksum)
        *checksum = sum;
    return fptc__buf_check(out, "a commit", err);
}

/* --- decoding --- */

struct reader {
    const char *data;
    size_t len;
    const char *path;
    fptc_error *err;
};

static fptc_status damaged(const struct reader *r, const char *why)
{
    return fptc__fail(r->err, FPTC_EDAMAGED, "%s is damaged: %s", r->path, why);
}

static fptc_status too_new(const struct reader *r, const char *what, unsigned value)
{
    return fptc__fail(r->err, FPTC_EFORMAT,
                      "%s was written by a newer version: %s %u is not known here", r->path, what,
                      value);
}

/* Copies a NUL-padded field of `width` bytes; out has width + 1. */
static void get_text(const char *at, size_t width, char *out)
{
    size_t n = strnlen(at, width);
    memcpy(out, at, n);
    out[n] = '\0';
}

int fptc__commit_header_decode(const char *data, size_t len, struct fptc__commit_header *out)
{
    *out = (struct fptc__commit_header){.number = 0};
    if (len < HEADER_LEN || memcmp(data, MAGIC, 8) != 0 ||
        fptc__crc32(0, data, AT_CRC) != fptc__get_u32(data + AT_CRC))
        return 0;
    if (data[AT_PARTITION + 63] || data[AT_HOST + 63])
        return 0;
    get_text(data + AT_PARTITION, 63, out->partition);
    get_text(data + AT_WRITER, FPTC__WRITER_LEN, out->writer);
    get_text(data + AT_HOST, 63, out->host);
    out->pid = (int64_t)fptc__get_u64(data + AT_PID);
    out->number = fptc__get_u64(data + AT_NUMBER);
    out->prev = fptc__get_u64(data + AT_PREV);
    return 1;
}

/* What every format version will keep: magic, format, features, and the checksum at the end. */
static fptc_status check_envelope(const struct reader *r, uint64_t *checksum)
{
    if (r->len < HEADER_LEN + TRAILER_LEN)
        return damaged(r, r->len ? "it is too short" : "it is empty");
    if (r->len > FPTC_COMMIT_BYTES_MAX)
        return damaged(r, "it is too long");
    if (memcmp(r->data, MAGIC, 8) != 0)
        return damaged(r, "it does not begin with " MAGIC);
    size_t summed = r->len - TRAILER_LEN;
    *checksum = fptc__checksum_add(fptc__checksum_start(), r->data, summed);
    if (*checksum != fptc__get_u64(r->data + summed))
        return damaged(r, "its checksum is wrong");
    unsigned format = fptc__get_u16(r->data + AT_FORMAT);
    if (format > FORMAT)
        return too_new(r, "format", format);
    uint32_t features = fptc__get_u32(r->data + AT_FEATURES);
    if (features & ~KNOWN_FEATURES)
        return too_new(r, "feature set", features);
    return format == FORMAT ? FPTC_OK : damaged(r, "it has format 0");
}

static fptc_status check_header(const struct reader *r, uint64_t number,
                                struct fptc__commit_header *head, size_t *header_len)
{
    *header_len = fptc__get_u16(r->data + AT_HEADER_LEN);
    if (*header_len < HEADER_LEN || *header_len > HEADER_LEN_MAX ||
        *header_len > r->len - TRAILER_LEN)
        return damaged(r, "its header's length is wrong");
    if (!fptc__commit_header_decode(r->data, r->len, head))
        return damaged(r, "its header fails its check");
    if (head->number != number)
        return damaged(r, "its header has another number than its name");
    if (fptc__get_u64(r->data + AT_PAYLOAD) != r->len - TRAILER_LEN - *header_len)
        return damaged(r, "its length is not the header's");
    return FPTC_OK;
}

/* Checks the frame at *at against the bytes left and the plain bytes allowed, without its body. */
static fptc_status check_frame(const struct reader *r, size_t at, size_t end, size_t plain_left)
{
    if (end - at < FRAME_LEN)
        return damaged(r, "a record is cut");
    uint16_t flags = fptc__get_u16(r->data + at + 2);
    size_t stored = fptc__get_u32(r->data + at + 4);
    size_t plain = fptc__get_u32(r->data + at + 8);
    if (stored > end - at - FRAME_LEN)
        return damaged(r, "a record is cut");
    if (flags & ~FLAG_DEFLATED)
        return too_new(r, "record flag", flags);
    if (plain > plain_left)
        return damaged(r, "its records are too long");
    if ((flags & FLAG_DEFLATED) ? plain / DEFLATE_RATIO_MAX > stored : plain != stored)
        return damaged(r, "a record's lengths disagree");
    if (fptc__crc32(0, r->data + at + FRAME_LEN, stored) != fptc__get_u32(r->data + at + 12))
        return damaged(r, "a record's checksum is wrong");
    return FPTC_OK;
}

/* Appends the body of the checked frame at `at` and a NUL to the commit's own memory. */
static fptc_status take_body(const struct reader *r, size_t at, struct fptc__commit *out)
{
    uint16_t flags = fptc__get_u16(r->data + at + 2);
    size_t stored = fptc__get_u32(r->data + at + 4);
    size_t plain = fptc__get_u32(r->data + at + 8);
    struct fptc__buf *bodies = &out->inflated;
    fptc_error inner = FPTC_ERROR_INIT;
    if (!(flags & FLAG_DEFLATED))
        fptc__buf_add(bodies, r->data + at + FRAME_LEN, stored);
    else if (fptc__inflate(r->data + at + FRAME_LEN, stored, plain, bodies, &inner) ==
             FPTC_EDAMAGED)
        return damaged(r, "a record does not inflate");
    fptc__buf_addc(bodies, '\0');
    struct fptc__record *record = &out->records[out->n_records++];
    record->kind = fptc__get_u16(r->data + at);
    record->len = plain;
    return fptc__buf_check(bodies, r->path, r->err);
}

static fptc_status take_records(const struct reader *r, size_t at, struct fptc__commit *out)
{
    size_t end = r->len - TRAILER_LEN;
    size_t count = fptc__get_u32(r->data + AT_COUNT);
    size_t plain_left = FPTC_RECORD_BYTES_MAX;
    if (count > FPTC_COMMIT_RECORDS_MAX || count > (end - at) / FRAME_LEN)
        return damaged(r, "it has too many records");
    out->records = calloc(count ? count : 1, sizeof(*out->records));
    if (!out->records)
        return fptc__fail_nomem(r->err);
    for (size_t i = 0; i < count; i++) {
        fptc_status status = check_frame(r, at, end, plain_left);
        if (status == FPTC_OK)
            status = take_body(r, at, out);
        if (status != FPTC_OK)
            return status;
        plain_left -= out->records[i].len;
        at += FRAME_LEN + fptc__get_u32(r->data + at + 4);
    }
    return at == end ? FPTC_OK : damaged(r, "bytes follow its last record");
}

/* The bodies' memory has stopped moving: let the records point into it. */
static void point_at_bodies(struct fptc__commit *c)
{
    const char *body = fptc__buf_text(&c->inflated);
    for (size_t i = 0; i < c->n_records; i++) {
        c->records[i].body = body;
        body += c->records[i].len + 1;
    }
}

fptc_status fptc__commit_decode(const char *data, size_t len, const char *path, uint64_t number,
                                struct fptc__commit *out, fptc_error *err)
{
    const struct reader r = {data, len, path, err};
    size_t header_len = 0;
    *out = (struct fptc__commit){.records = NULL};
    fptc__buf_init(&out->inflated, FPTC_RECORD_BYTES_MAX + (size_t)FPTC_COMMIT_RECORDS_MAX);
    fptc_status status = check_envelope(&r, &out->checksum);
    if (status == FPTC_OK)
        status = check_header(&r, number, &out->head, &header_len);
    if (status == FPTC_OK)
        status = take_records(&r, header_len, out);
    if (status == FPTC_OK)
        point_at_bodies(out);
    else
        fptc__commit_done(out);
    return status;
}

size_t fptc__commit_extent(const char *data, size_t len, uint64_t *out_number)
{
    if (len < HEADER_LEN + TRAILER_LEN || memcmp(data, MAGIC, 8) != 0)
        return 0;
    size_t header_len = fptc__get_u16(data + AT_HEADER_LEN);
    uint64_t payload = fptc__get_u64(data + AT_PAYLOAD);
    if (header_len < HEADER_LEN || header_len > HEADER_LEN_MAX || payload > len ||
        header_len + TRAILER_LEN > len - (size_t)payload)
        return 0;
    *out_number = fptc__get_u64(data + AT_NUMBER);
    return header_len + (size_t)payload + TRAILER_LEN;
}

void fptc__commit_done(struct fptc__commit *c)
{
    free(c->records);
    fptc__buf_done(&c->inflated);
    *c = (struct fptc__commit){.records = NULL};
}

int fptc__commit_begins_anew(const struct fptc__commit *c)
{
    return c->n_records > 0 && c->records[0].kind == FPTC__LOST;
}
