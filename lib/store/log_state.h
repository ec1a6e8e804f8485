/*
 * log_state.h: what log.c, pass.c and append.c share: one struct, one mutex.
 *
 * Everything below `mutex` is read and written with it held, except the atomics, which are written
 * with it held and read by anybody. One thread at a time passes, one leads an append; both may be
 * under way together, and both let go of the mutex while they wait for the file server.
 */
#ifndef FPTC_STORE_LOG_STATE_H
#define FPTC_STORE_LOG_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/log.h"
#include "store/shun.h"

/* One append that has not returned yet; lives on its caller's stack. */
struct fptc__waiter {
    struct fptc__append *request;
    const struct fptc__call *call;
    struct fptc__waiter *next; /* in the queue, first come first served */
    struct fptc__waiter *next_in_group;
    int races;
    int is_in_flight; /* in the commit being published: its caller must not leave */
    int is_unclear;   /* was linked, and a base hides the number: look before giving up */
    int is_done;
    fptc_status status;
    fptc_error err;
};

struct fptc__log {
    struct fptc__partition p;
    struct fptc__log_sink sink;
    struct fptc__log_turn turn;
    int64_t appended_mono_ms; /* by us, last; 0: not yet */
    const struct fptc__logger *logger;
    int is_roller;
    int is_pinned;
    uint64_t pinned; /* the base it shows, if is_pinned */

    _Atomic uint64_t head, base, newest, holes; /* newest: the newest base that was listed */
    _Atomic int64_t refreshed_mono_ms;
    atomic_int is_read_only;

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a pass ended, a request is done, or nobody leads */

    int is_started;         /* the sink has been given a base */
    uint64_t head_checksum; /* of the commit `head`; 0: unknown (a hole, or an old base) */
    uint64_t dropped;       /* number of the last drop; 0: none */
    uint64_t bad_base;      /* newest base, known to be unusable: commits replace it; 0: none */
    fptc_error bad_why;     /* what was met there */
    struct fptc__shun *shun, own_shun; /* snapshots that are given up; its own, or its handle's */
    uint64_t irreplaceable; /* the newest base, while nothing leads around what is bad in it */

    int is_passing, is_held; /* is_held: this pass keeps the mutex (it goes back in history) */
    uint64_t passes_begun, passes_ended;
    fptc_status pass_status;
    fptc_error pass_err;

    int is_leading;
    struct fptc__waiter *queue;
};

/* One pass, by the one thread that may. Called and returns with the mutex. pass.c */
fptc_status fptc__log_run_pass(struct fptc__log *log, fptc_error *err);
/* A pass that begins after this call, ours or another thread's. Called and returns with the mutex. */
fptc_status fptc__log_pass(struct fptc__log *log, fptc_error *err);
/* Gives the sink its next commit, after a reset to nothing when all that was before it is lost. log.c */
fptc_status fptc__log_feed(struct fptc__log *log, const struct fptc__commit *commit,
                           fptc_error *err);
/* One that drops the partition. drop.c */
fptc_status fptc__log_drop(struct fptc__log *log, const struct fptc__commit *c, fptc_error *err);
/* Waits for `changed`, at most `ms` (0: no bound). */
void fptc__log_wait(struct fptc__log *log, int64_t ms);

#endif
