/* random_help.h: random histories for tests, reproducible by their seed. */
#ifndef FPTC_TESTS_RANDOM_HELP_H
#define FPTC_TESTS_RANDOM_HELP_H

#include <stdint.h>

#include "store/record.h"

struct dice {
    uint64_t state;
};
uint32_t roll(struct dice *d, uint32_t n); /* 0 .. n-1 */
uint64_t dice_seed(void);                  /* FPTC_SEED or the clock; printed */

/* Writes a random commit of 1 to `most` records; number is its own. A record names a row once. */
void random_commit(struct dice *d, uint64_t number, uint32_t most, struct fptc__records *out);

#endif
