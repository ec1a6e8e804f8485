/* gate.c: see gate.h. Nobody wakes a waiter whose caller cancels, so it looks for itself now and then. */
#include "upstream/gate.h"

#include "base/sys.h"

#define MOMENT_MS 50

void fptc__gate_init(struct fptc__gate *t)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void fptc__gate_done(struct fptc__gate *t)
{
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

void fptc__gate_lock(struct fptc__gate *t)
{
    pthread_mutex_lock(&t->lock);
}

void fptc__gate_unlock(struct fptc__gate *t)
{
    pthread_mutex_unlock(&t->lock);
}

void fptc__gate_wake_one(struct fptc__gate *t)
{
    pthread_cond_signal(&t->changed);
}

void fptc__gate_wake_all(struct fptc__gate *t)
{
    pthread_cond_broadcast(&t->changed);
}

fptc_status fptc__gate_wait(struct fptc__gate *t, const struct fptc__call *call, const char *what,
                            fptc_error *err)
{
    int64_t ms = fptc__call_left_ms(call, MOMENT_MS);
    fptc_status status = fptc__call_check(call, what, err);
    struct timespec until;

    if (status != FPTC_OK)
        return status;
    fptc__sys.clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&t->changed, &t->lock, &until);
    return FPTC_OK;
}
