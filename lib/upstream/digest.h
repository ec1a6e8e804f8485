/* digest.h: SHA-256 (FIPS 180-4), for naming a credential without telling it. */
#ifndef FPTC_UPSTREAM_DIGEST_H
#define FPTC_UPSTREAM_DIGEST_H

#include <stddef.h>

/* 64 lower-case hexadecimal digits and a NUL. */
void fptc__sha256_hex(const void *data, size_t n, char out[65]);

#endif
