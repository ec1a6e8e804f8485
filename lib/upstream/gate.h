/* gate.h: a lock and a change to wait for, within a call's deadline and until it is cancelled. */
#ifndef FPTC_UPSTREAM_GATE_H
#define FPTC_UPSTREAM_GATE_H

#include <pthread.h>

#include "base/clock.h"

struct fptc__gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

void fptc__gate_init(struct fptc__gate *t);
void fptc__gate_done(struct fptc__gate *t);
void fptc__gate_lock(struct fptc__gate *t);
void fptc__gate_unlock(struct fptc__gate *t);
void fptc__gate_wake_one(struct fptc__gate *t);
void fptc__gate_wake_all(struct fptc__gate *t);
/* With the lock held: FPTC_OK after a change or a moment, so look again; FPTC_EDEADLINE;
   FPTC_ECANCELLED. */
fptc_status fptc__gate_wait(struct fptc__gate *t, const struct fptc__call *call, const char *what,
                            fptc_error *err);

#endif
