/*
 * commit.h: the codec of commit files and manifests: little-endian header, framed records, trailer.
 * Bytes and validity rule: lib/FORMAT.md. No I/O here.
 */
#ifndef FPTC_STORE_COMMIT_H
#define FPTC_STORE_COMMIT_H

#include "base/buf.h"
#include "store/record.h"

#define FPTC__WRITER_LEN 68         /* boot id (36) '-' random (16) + room; NUL-padded */
#define FPTC__COMMIT_HEADER_LEN 256 /* bytes of a file that fptc__commit_header_decode() wants */

struct fptc__commit_header {
    char partition[64];                /* "project-101" */
    char writer[FPTC__WRITER_LEN + 1]; /* who published it: unique per handle and per temp file */
    char host[64];                     /* for people */
    int64_t pid;
    uint64_t number;
    uint64_t prev; /* checksum of commit number-1's file; 0 when it was not known */
};

struct fptc__commit {
    struct fptc__commit_header head;
    struct fptc__record *records;
    size_t n_records;
    uint64_t checksum; /* of the whole file: the successor's `prev` */
    const char *file;  /* its bytes, in a pass of the log while the sink applies it; else NULL */
    size_t file_len;
    struct fptc__buf inflated; /* private: where record bodies live */
};

/* Appends the file's bytes to out. checksum (may be NULL) is that of the trailer. */
fptc_status fptc__commit_encode(const struct fptc__commit_header *head,
                                const struct fptc__record *records, size_t n_records,
                                struct fptc__buf *out, uint64_t *checksum, fptc_error *err);
/*
 * Decodes a file. FPTC_EDAMAGED when it fails the validity rule (a hole; the message says what and
 * names `path`), FPTC_EFORMAT when it is sound but of a newer format or with unknown feature bits.
 */
fptc_status fptc__commit_decode(const char *data, size_t len, const char *path, uint64_t number,
                                struct fptc__commit *out, fptc_error *err);
/* The header alone, from a file's first bytes: 1 if it passes its check, else 0 and *out is empty. */
int fptc__commit_header_decode(const char *data, size_t len, struct fptc__commit_header *out);
/* How many of these bytes are the commit that they begin with, and its number: for files that hold several.
   0 when they begin with none, or end before it does. Nothing else is checked. */
size_t fptc__commit_extent(const char *data, size_t len, uint64_t *out_number);
/* 1 when all that was before the commit is to be forgotten: record kind LOST. */
int fptc__commit_begins_anew(const struct fptc__commit *c);
void fptc__commit_done(struct fptc__commit *c); /* zeroed or decoded; may be called twice */

#endif
