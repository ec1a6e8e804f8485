#include "base/thread.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/error.h"
#include "base/sys.h"

/* A tenth of what an ordinary thread gets. With 19, a hundredth, who holds on a render host that computes all
   day would hardly fold anything, and keep all others from it. */
#define NICE_OF_UPKEEP 10

fptc_status fptc__thread_start(void *(*run)(void *), void *ctx, pthread_t *out, fptc_error *err)
{
    sigset_t all, before;
    pthread_attr_t how;
    pthread_t thread;
    int rc;

    sigfillset(&all);
    pthread_attr_init(&how);
    if (out == NULL)
        pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread begins with its maker's */
    rc = pthread_create(&thread, &how, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&how);
    if (rc != 0)
        return fptc__fail_errno(err, rc, "starting a thread");
    if (out != NULL)
        *out = thread;
    return FPTC_OK;
}

void fptc__thread_give_way(void)
{
    /* Of the thread: Linux has one for each. */
    if (getpriority(PRIO_PROCESS, 0) < NICE_OF_UPKEEP)
        (void)setpriority(PRIO_PROCESS, 0, NICE_OF_UPKEEP);
}

void fptc__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void fptc__cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms)
{
    struct timespec until;

    if (ms <= 0)
        return;
    (void)fptc__sys.clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(cond, mutex, &until);
}
