/*
 * fuzz_seal.h: puts the checksums of a commit file right, so that hostile bytes get past them; and a place
 * for files.
 */
#ifndef FUZZ_SEAL_H
#define FUZZ_SEAL_H

#include "store/layout.h"

/* The bytes as a commit file of this number: magic, format, lengths, counts, checksums. Records are taken
   as they are framed; the last one is cut off at the end. */
void fuzz_seal_commit(const uint8_t *data, size_t size, uint64_t number, struct fptc__buf *out);
/* A partition "project-101" in a fresh directory, in memory where that is possible; removed at exit. */
const struct fptc__partition *fuzz_partition(void);
/* Writes sub/name of it, over what is there. */
void fuzz_write(const char *sub, const char *name, const void *data, size_t n);
void fuzz_die(const char *what, const char *text) __attribute__((noreturn));

#endif
