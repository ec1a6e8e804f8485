/*
 * checksum.h: CRC-32 of records and pages, and the 64-bit checksum of whole files. Both from zlib;
 * they find damage, they do not stop a forger.
 */
#ifndef FPTC_BASE_CHECKSUM_H
#define FPTC_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t fptc__crc32(uint32_t start, const void *data, size_t n); /* start 0, or the sum so far */

/* Whole-file checksum: CRC-32 in the upper half, Adler-32 in the lower, fed in any pieces. */
uint64_t fptc__checksum_start(void);
uint64_t fptc__checksum_add(uint64_t sum, const void *data, size_t n);

#endif
