/*
 * deletion.h: files that no base needs are deleted by a thread of their own: an unlink may hang for as long
 * as a dead reader's delegation (N§3: 103 s), and neither a round of upkeep nor a heartbeat waits for it.
 */
#ifndef FPTC_API_DELETION_H
#define FPTC_API_DELETION_H

#include "base/clock.h"
#include "base/logger.h"
#include "store/layout.h"

struct fptc__deletion;
fptc_status fptc__deletion_new(const char *cache_dir, const struct fptc__logger *logger,
                               int64_t grace_ms, struct fptc__deletion **out, fptc_error *err);
/* Has the partition seen to soon; one that is waiting already does so once. */
fptc_status fptc__deletion_post(struct fptc__deletion *d, const struct fptc__partition *p,
                                fptc_error *err);
/* Waits until nothing is left to do, that long at most and as long as the call may take: 1 done. Files deleted
   since the last time it said so. */
int fptc__deletion_wait(struct fptc__deletion *d, const struct fptc__call *call, int64_t ms,
                        int64_t *out_deleted);
/* Ends it after the partition at hand, waiting FPTC_HOLDER_LEAVE_MS at most; then its thread is left to it,
   and says nothing any more. NULL: nothing. */
void fptc__deletion_free(struct fptc__deletion *d);

#endif
