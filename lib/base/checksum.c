/* checksum.c: see checksum.h. */
#include "base/checksum.h"

#include <zlib.h>

uint32_t fptc__crc32(uint32_t start, const void *data, size_t n)
{
    /* For data NULL zlib answers the initial value, not `start`. */
    if (n == 0)
        return start;
    return (uint32_t)crc32_z(start, data, n);
}

uint64_t fptc__checksum_start(void)
{
    return 1; /* CRC-32 of nothing is 0, Adler-32 of nothing is 1 */
}

uint64_t fptc__checksum_add(uint64_t sum, const void *data, size_t n)
{
    uint32_t crc = (uint32_t)(sum >> 32);
    uint32_t adler = (uint32_t)sum;

    if (n == 0)
        return sum;
    crc = (uint32_t)crc32_z(crc, data, n);
    adler = (uint32_t)adler32_z(adler, data, n);
    return (uint64_t)crc << 32 | adler;
}
