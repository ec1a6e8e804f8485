/*
 * holder.h: who does the upkeep of a partition, elected by a claim that moves: the symlink
 *
 *   partitions/<p>/holder -> "<boot id>.<process name space>:<process id>:<16 hex>:<host>:<beat>"
 *
 * swapped for one of the next beat every few seconds, by a thread that does nothing else, so that neither
 * a long compaction nor an unlink that hangs stops it. One holder may hold any number of partitions.
 *
 * Rules:
 *  1. Where there is no link, the first to make one holds.
 *  2. Another's link is judged by change as seen on one's own monotonic clock (claim.h): unchanged for
 *     stale_ms, it is replaced. Nobody's clock is compared with anybody's.
 *  3. Before each beat the holder looks: another's link, and it stands down; none, and 1 decides.
 *  4. Who could not beat for stale_ms does not count himself a holder until he has seen his link again.
 *  5. Who ends takes his link down: the next need not wait.
 *
 * Between 2 and 3 there are two holders. They waste work and harm nothing: what they do rests on the rules
 * of the log. Where no link can be made (a read-only mount) nobody holds.
 */
#ifndef FPTC_SHARE_HOLDER_H
#define FPTC_SHARE_HOLDER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

struct fptc__holder_times {
    int64_t beat_ms, stale_ms;
};

struct fptc__holder;
fptc_status fptc__holder_new(const struct fptc__holder_times *times, struct fptc__holder **out,
                             fptc_error *err);
/* Takes its links down, waiting FPTC_HOLDER_LEAVE_MS at most; then its thread is left to it. NULL: nothing. */
void fptc__holder_free(struct fptc__holder *h);

/*
 * dir: the partition's directory. FPTC_OK: held; each is given back, or lost. FPTC_MISS: somebody else holds it
 * and was seen to be alive just now. FPTC_PENDING: somebody else's link is there and not judged yet: ask again,
 * within two beats for the time between to count. Else the link cannot be made: FPTC_EACCESS, ...
 * lost: set to 1 when the partition is not held any more; NULL, or valid until fptc__holder_free().
 */
fptc_status fptc__holder_take(struct fptc__holder *h, const char *dir, atomic_int *lost,
                              fptc_error *err);
void fptc__holder_give(struct fptc__holder *h, const char *dir);
void fptc__holder_give_all(struct fptc__holder *h);
/* 1 while it is held, as far as the last beat tells. */
int fptc__holder_has(struct fptc__holder *h, const char *dir);

/* What the link says, for people. */
struct fptc__holder_link {
    char id[17]; /* the random part */
    char host[64];
    int64_t pid;
    uint64_t beat;
    int64_t made_ms; /* file server's clock */
};
/* FPTC_MISS: there is none, or something else. */
fptc_status fptc__holder_read(const char *dir, struct fptc__holder_link *out, fptc_error *err);

#endif
