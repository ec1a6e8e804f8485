/*
 * turn.h: waiting one's turn to append, by a symlink `lock` -> "<id>:<beat>" in the partition. For
 * efficiency only: after a bounded wait the caller goes on without it, and safety rests on the rules of
 * the log. Symbolic links need no open, so a dead host's delegation delays nobody (N§3, N§4).
 */
#ifndef FPTC_SHARE_TURN_H
#define FPTC_SHARE_TURN_H

#include <stdint.h>

#include "base/limits.h"

struct fptc__turn {
    char path[FPTC_PATH_MAX];
    char id[80]; /* unique to this handle */
    int is_held;
    char seen[80]; /* the rival's claim last met ... */
    int64_t
        seen_since_mono_ms; /* ... and since when: one take waits less than a claim needs to go stale */
};

/* dir: the partition's directory. */
void fptc__turn_init(struct fptc__turn *t, const char *dir);
/* Takes the turn, or gives up after FPTC_LOCK_WAIT_MS; a claim unchanged for FPTC_LOCK_STALE_MS is
   broken. Signature fits struct fptc__log_turn. */
void fptc__turn_take(void *turn);
void fptc__turn_give(void *turn);

#endif
