/*
 * flight.h: many that miss on the same thing wait for the one that asks (threads, processes and hosts
 * alike): a claim CACHE/flights/<key> is there while somebody asks.
 * Advisory: who cannot wait, finds the claim of a process of this host that is dead, or one unchanged
 * for long asks itself, which costs a visit and harms nothing.
 */
#ifndef FPTC_SHARE_FLIGHT_H
#define FPTC_SHARE_FLIGHT_H

#include "base/clock.h"
#include "base/limits.h"
#include "share/claim.h"

struct fptc__flight {
    char path[FPTC_PATH_MAX];
    char id[FPTC__CLAIMANT_BYTES];
    int is_leader;
};

/*
 * FPTC_OK: we lead; end with fptc__flight_end(). FPTC_MISS: somebody else's flight has landed while we
 * waited: look at the cache again. Waits at most FPTC_FLIGHT_WAIT_MS and half of what the call's deadline
 * leaves, so that time to ask remains; after that we lead without the claim.
 */
fptc_status fptc__flight_begin(struct fptc__flight *f, const char *cache_dir, const char *key,
                               const struct fptc__call *call);
void fptc__flight_end(struct fptc__flight *f);

#endif
