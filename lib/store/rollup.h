/*
 * rollup.h: the small gear of compaction: the commits above the base become one file, and when they do;
 * and when the large gear, the rewrite (compact.h), is due.
 */
#ifndef FPTC_STORE_ROLLUP_H
#define FPTC_STORE_ROLLUP_H

#include "store/compact.h"
#include "store/log.h"

/*
 * Folds the commits above the newest base into a roll-up, merges it with roll-ups of a like size, and
 * publishes the base at the head. FPTC_OK also when there was nothing to fold (stats->folded 0) or somebody
 * else's base won. With a deadline no more is folded or merged than can be written by then, so the base may
 * end below the head; FPTC_EDEADLINE when reading alone took too long. At most FPTC_ROLLUP_BYTES_MAX are
 * folded by one call. stats->bytes: written.
 */
fptc_status fptc__rollup(const struct fptc__partition *p, const struct fptc__call *call,
                         const struct fptc__logger *logger, struct fptc__compact_stats *stats,
                         fptc_error *err);
/*
 * The same for a rewrite that bases have passed: publishes a base with the snapshot of `with` (name, bytes,
 * checksum, rows, snapshot_upto are looked at) and the roll-ups above it. The base names it by a name of its
 * own, which becomes that of `with`. FPTC_MISS when a base has a newer snapshot already.
 */
fptc_status fptc__rollup_onto(const struct fptc__partition *p, struct fptc__manifest *with,
                              const struct fptc__call *call, const struct fptc__logger *logger,
                              struct fptc__compact_stats *stats, fptc_error *err);

/* 1 when FPTC_ROLLUP_COMMITS are above the newest base. A listing of bases/ and a look for one name; of an
   open log: no I/O, as of its last pass or append. */
int fptc__rollup_is_due(const struct fptc__partition *p);
int fptc__rollup_is_due_of(struct fptc__log *log);

enum fptc__due { FPTC__NOT_DUE, FPTC__DUE, FPTC__OVERDUE };
/* Whether the newest base's roll-ups deserve a rewrite (limits.h); overdue at twice that. Reads one manifest;
   what cannot be read is not due. */
enum fptc__due fptc__compact_is_due(const struct fptc__partition *p);
/* 1 when it is due, or will be once so many rows that were appended just now are rolled up, too: who has
   loaded them may rewrite at once. */
int fptc__compact_is_due_after(const struct fptc__partition *p, int64_t rows);

#endif
