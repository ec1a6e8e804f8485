/*
 * drop.h: a partition whose data is dropped. A commit of the one record `dropped` stands for an empty
 * base of its number: whoever applies it forgets all that came before. Then that base is published
 * ({"dropped":true}, no files), and deletion takes the rest. Numbers go on from there: a writer that
 * slept meets an occupied number, or a base above it, as always (protocol-attacks S12).
 *
 * Races:
 *  - another writer: one of both has the number; who lost appends behind. What was acknowledged behind
 *    the drop stays, what was before it goes.
 *  - a compactor: a base of number S holds commits 1..S, so one at or above the drop holds the drop, and
 *    one below it is not the greatest any more. Who folds a drop that nobody could publish (its dropper
 *    died) publishes the empty base for it.
 *  - a reader between two commits sees the state before or the empty one, as with any commit.
 *  - a load that began before the drop: its late coverage says with `seen` that rows of it are gone, and
 *    is passed over; its late rows are taken as suspects (apply_meta.c, apply_rows.c).
 */
#ifndef FPTC_STORE_DROP_H
#define FPTC_STORE_DROP_H

#include "base/logger.h"
#include "store/commit.h"
#include "store/layout.h"

/* Whether a record of it is `dropped`. */
int fptc__commit_drops(const struct fptc__commit *c);
/* When it says that it was dropped; -1: it is not the only record, or makes no sense (a hole). */
int64_t fptc__commit_drop_asof(const struct fptc__commit *c);
/* Appends the drop to what is there now; *out is its number, also when nothing came since an earlier one. */
fptc_status fptc__drop_append(const struct fptc__partition *p, int64_t asof_ms,
                              const struct fptc__call *call, const struct fptc__logger *logger,
                              uint64_t *out, fptc_error *err);

#endif
