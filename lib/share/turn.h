/*
 * turn.h: waiting one's turn to append, by a claim `lock` in the partition. For efficiency only: after a
 * bounded wait the caller goes on without it, and safety rests on the rules of the log.
 */
#ifndef FPTC_SHARE_TURN_H
#define FPTC_SHARE_TURN_H

#include <stdint.h>

#include "base/limits.h"
#include "share/claim.h"

struct fptc__turn {
    char dir[FPTC_PATH_MAX], path[FPTC_PATH_MAX];
    char id[FPTC__CLAIMANT_BYTES]; /* unique to this handle */
    int is_held;
    struct fptc__claim_watch
        rival; /* over several takes: one waits less than a claim needs to go stale */
};

/* dir: the partition's directory. */
void fptc__turn_init(struct fptc__turn *t, const char *dir);
/* Takes the turn, or gives up after FPTC_LOCK_WAIT_MS; a claim unchanged for FPTC_LOCK_STALE_MS,
   or of a process of this host that has gone, is broken. Signature fits struct fptc__log_turn. */
void fptc__turn_take(void *turn);
void fptc__turn_give(void *turn);
/* Lets whoever has the turn go first, for most_ms and as long as a claim is respected: who loses every race because
   its host is slow gets through, and a dead host costs each writer that once. */
void fptc__turn_yield(void *turn, int64_t most_ms);

#endif
