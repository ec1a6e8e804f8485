/*
 * thread.h: threads of the library, and waiting for each other with a bound that no wall clock moves.
 */
#ifndef FPTC_BASE_THREAD_H
#define FPTC_BASE_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

/* Starts a thread in which none of the host's signals is handled. out NULL: nobody will join it. */
fptc_status fptc__thread_start(void *(*run)(void *), void *ctx, pthread_t *out, fptc_error *err);
/* The calling thread, and no other of the process, gives way to all others from now on. */
void fptc__thread_give_way(void);

void fptc__cond_init(pthread_cond_t *cond);
/* With the mutex held: waits for the condition, at most that long. */
void fptc__cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms);

#endif
