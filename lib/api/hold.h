/*
 * hold.h: upkeep by this handle: rounds (round.c), and the thread that does them (hold.c).
 */
#ifndef FPTC_API_HOLD_H
#define FPTC_API_HOLD_H

#include "api/deletion.h"
#include "api/handle.h"
#include "share/holder.h"

/* How often things are done; tests put shorter times there, before they open a handle. */
struct fptc__upkeep_times {
    struct fptc__holder_times holder;
    int64_t
        first_ms; /* from opening a handle to its first look: who closes it before does nothing */
    int64_t look_ms;   /* between two looks for work that is overdue */
    int64_t retire_ms; /* between two deletions, of a holder */
    int64_t outbox_ms; /* between two looks for writes that wait */
};
extern struct fptc__upkeep_times fptc__upkeep_times;

struct fptc__upkeep {
    struct fptc_cache *cache;
    struct fptc__holder *holder;
    struct fptc__deletion *deletion;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    pthread_t thread;
    int has_thread, is_ending;
    int n_holding;          /* calls of fptc_cache_hold() */
    int32_t mode;           /* FPTC_HOLD_*: what the thread does */
    int is_awaited;         /* not to wait for the next look */
    int64_t n_held, n_seen; /* partitions, in the last round */
    char doing[160];
    fptc_status status; /* of the last round */
    fptc_error err;
    int64_t looked_mono_ms, followed_mono_ms, retired_mono_ms; /* last time, by the thread */
    int64_t doubled_mono_ms;
    int64_t send_mono_ms; /* nothing of the outbox is sent before then */
    int n_send_failures;  /* since something was */
    atomic_int stops;     /* what is being done is not wanted any more, or is another's to do */
};

/* The handle's; made when there is none yet. */
fptc_status fptc__upkeep_of(struct fptc_cache *cache, struct fptc__upkeep **out, fptc_error *err);

/* open.c: by the option hold; before and after the threads of calls have gone. */
fptc_status fptc__upkeep_start(struct fptc_cache *cache, fptc_error *err);
void fptc__upkeep_stop(struct fptc_cache *cache);
void fptc__upkeep_free(struct fptc_cache *cache);
/* maintain.c: who holds the partition, and whether its upkeep is overdue, into its entry in status. */
fptc_status fptc__upkeep_describe(struct fptc_cache *cache, const struct fptc__partition *p,
                                  fptc__json *entry, fptc_error *err);

/* One round over the partitions. */
struct fptc__round {
    struct fptc__upkeep *upkeep;
    const struct fptc__call *call;
    const char *only; /* partition; NULL: all */
    int sends;        /* what waits in the outbox */
    int is_timid; /* only partitions that the handle has open, and only while they have work overdue */
    int keeps;    /* what was taken is not given back */
    int follows;   /* fetches what changed of the mirrored types */
    int retires;   /* also where nothing was folded */
    int is_silent; /* what goes wrong is of interest to nobody but the log */
    void (*tell)(struct fptc__upkeep *u, const char *doing, const char *partition);
    fptc__json *list; /* an entry for each partition; NULL: not wanted */
    /* out */
    int64_t n_seen, n_held;
    int n_undecided;    /* held by somebody who may be alive: look again within a beat */
    fptc_status status; /* the first failure; the others have been done all the same */
    fptc_error err;
};
void fptc__round(struct fptc__round *r);
/* Whether a partition has work that is not to wait for a holder. */
int fptc__upkeep_is_due(const struct fptc__partition *p);

#endif
