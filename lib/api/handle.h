/*
 * handle.h: the inside of a handle (fptc_cache), shared by the files of this room only.
 */
#ifndef FPTC_API_HANDLE_H
#define FPTC_API_HANDLE_H

#include <pthread.h>

#include "base/clock.h"
#include "base/logger.h"
#include "query/plancache.h"
#include "query/request.h"
#include "query/schema.h"
#include "share/pin.h"
#include "store/compact.h"
#include "store/layout.h"
#include "store/shun.h"
#include "upstream/site.h"
#include "view/intake.h"
#include "view/pending.h"
#include "view/view.h"

#define FPTC__VIEWS_MAX 16

/* A view this handle has open. Kept while somebody uses it, and after that while there is room. */
struct fptc__open_view {
    char partition[64];
    int64_t project_id;      /* 0: none */
    struct fptc__view *view; /* NULL while somebody opens it, without the mutex */
    int n_users;
    int64_t used_mono_ms;
    int64_t n_own_commits;  /* of the handle, when this view was last refreshed */
    pthread_mutex_t flight; /* held by the thread that asks FPT on behalf of this view */
};

struct fptc__counters {
    int64_t from_cache, from_upstream, from_stale, writes;
};

/* The last look at the outbox (show_pending.c). */
struct fptc__outbox_look {
    struct fptc__pending *pending; /* NULL: there is no outbox */
    uint64_t head, checksum;       /* of the outbox, when they were read */
    int64_t looked_mono_ms;        /* 0: never */
    int64_t n_own_commits;         /* of the handle, then */
};

/* FPT did not answer: why, and until when it is not asked again for what the cache can tell (stale.c). */
struct fptc__silence {
    int64_t until_mono_ms;
    fptc_error why;
};

/* Places for the times of types' rechecks. */
#define FPTC__RECHECKS 64

struct fptc_cache {
    fptc_options options; /* strings owned by `strings` */
    char *strings[13];
    struct fptc__pin pin; /* id "": none; this handle then reads its bases and nothing else */
    struct fptc__logger logger;
    struct fptc__cache_info info;
    struct fptc__site *site;
    int64_t pid;
    struct fptc__shun shun; /* snapshots that no view of this handle reads any more; any thread */

    pthread_rwlock_t schema_lock;
    struct fptc__schema *schema;
    struct fptc__plan_cache *plans; /* of this schema; any thread */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct fptc__open_view *views[FPTC__VIEWS_MAX];
    struct fptc__server_clock clock;
    struct fptc__counters counters;
    struct fptc__outbox_look outbox;
    struct fptc__silence silence;
    struct fptc__upkeep *upkeep; /* hold.c; NULL until it is wanted */
    struct fptc__asked *asked;   /* asked.c; NULL until the first find */
    atomic_int leaves_writes;    /* it has left some in the outbox, to be sent later */
    int64_t n_own_commits;       /* writes and flights: other views of this handle have to look */
    _Atomic int64_t next_recheck_mono_ms[FPTC__RECHECKS]; /* kept.c */
    _Atomic int64_t
        distrust_before_ms; /* server time: coverage from before this misses a write of ours */
    int n_threads, n_idle, is_closing; /* job.c */
    int is_rolling_up;                 /* rollups.c */
    int64_t roll_up_mono_ms;           /* not before then */
    pthread_t last_left;               /* a thread that has left and is not joined yet, if any */
    int has_last_left;
    struct fptc__job *queue;
};

/* What one call works with. */
struct fptc__work {
    struct fptc_cache *cache;
    const struct fptc__call *call;
    struct fptc__open_view *open; /* the view of the call's partition */
    struct fptc__session session;
    struct fptc__open_view *others[FPTC__VIEWS_MAX]; /* whose logs the call writes to as well */
    int n_others;
    int shows_pending;             /* pending writes are shown in its answer: */
    struct fptc__pending *pending; /* as of a look before the view was refreshed; NULL: none */
};

/* handle.c */
fptc_status fptc__handle_check(const struct fptc_cache *cache, fptc_error *err);
int fptc__handle_is_pinned(const struct fptc_cache *cache);
/* FPTC_ESTATE for a pinned handle: `what` is what it may not do. */
fptc_status fptc__handle_may_change(const struct fptc_cache *cache, const char *what,
                                    fptc_error *err);
/* pinning.c: for deletion: which bases are pinned. */
struct fptc__pinned fptc__pins_of(const char *cache_dir);
/* Where a view of the partition reads. FPTC_ENODATA when this handle's pin does not hold it. */
struct fptc__handle_place {
    struct fptc__view_place place;
    struct fptc__view_bases bases;
};
fptc_status fptc__handle_place(struct fptc_cache *cache, const char *partition,
                               struct fptc__handle_place *out, fptc_error *err);
/* The same for a call that gives a result, which is NULL until it does. */
fptc_status fptc__handle_check_call(const struct fptc_cache *cache, struct fptc_result **out_result,
                                    fptc_error *err);
fptc_status fptc__view_get(struct fptc_cache *cache, const char *partition,
                           struct fptc__open_view **out, fptc_error *err);
void fptc__view_put(struct fptc_cache *cache, struct fptc__open_view *view);
/* Views that could not read their snapshots are refreshed: 1 when one of them can now. */
int fptc__handle_recover(struct fptc_cache *cache);
/* What a find needs of a handle when nothing has to be waited for. */
struct fptc__at_hand {
    struct fptc__open_view *open;
    int64_t now_ms;                /* file server's clock */
    int shows_pending;             /* in: they are wanted */
    struct fptc__pending *pending; /* out: the work's */
};
/* 1 when the view of that project (0: `site`) is open and was refreshed recently enough, the time is
   known, and the directory is known to be ours: nothing is waited for. With fptc__view_put(). */
int fptc__handle_at_hand(struct fptc_cache *cache, int64_t project_id, struct fptc__at_hand *out);

/* show_pending.c: what is pending, from a look at the outbox that is not older than the refresh interval, nor than
   what this handle wrote; on failure what was known before. With fptc__pending_drop(). */
fptc_status fptc__pending_look(struct fptc_cache *cache, struct fptc__pending **out,
                               fptc_error *err);
/* With the mutex held: 1 when there was such a look. */
int fptc__pending_at_hand(struct fptc_cache *cache, struct fptc__pending **out);
void fptc__pending_forget(struct fptc_cache *cache);
/* resolved.c: ids below 0 in a question become FPT's, where it has given one. */
fptc_status fptc__resolve_request(struct fptc_cache *cache, struct fptc__request *request,
                                  fptc_error *err);
/* Between begin and end of the work's view: its pending writes are shown, if it shows any. */
fptc_status fptc__work_show_pending(struct fptc__work *w, fptc_error *err);
/* Fills a call's work on that view. */
void fptc__work_on(struct fptc__work *w, struct fptc_cache *cache, const struct fptc__call *call,
                   struct fptc__open_view *open);
/* Opens the view of a partition and fills the session. End with fptc__work_end(). */
fptc_status fptc__work_begin(struct fptc__work *w, struct fptc_cache *cache,
                             const struct fptc__call *call, const char *partition, fptc_error *err);
void fptc__work_end(struct fptc__work *w);
/* Looks for commits of others when the last look is older than the refresh interval, for those that this
   handle made through another of its views at once. */
fptc_status fptc__work_refresh(struct fptc__work *w, fptc_error *err);
/* To be called after an acknowledgement. Rolls a log up, later, if that is due (rollups.c). */
void fptc__handle_has_committed(struct fptc_cache *cache);
void fptc__rollups_look(struct fptc_cache *cache);
fptc_status fptc__handle_now(struct fptc_cache *cache, int64_t *out_ms, fptc_error *err);
/* FPT has a write of ours that the cache has not taken in: what is covered now is asked anew. */
void fptc__handle_distrust(struct fptc_cache *cache);
/* Whether this handle may ask FPT and share the answer: credentials, and the realm is ours (claimed if
   it is free). FPTC_EAUTH, or FPTC_EEXIST for another realm's directory. */
fptc_status fptc__handle_may_ask(struct fptc_cache *cache, fptc_error *err);
/* 1 when the directory belongs to another realm than these credentials. */
int fptc__handle_is_stranger(struct fptc_cache *cache);
fptc_status fptc__handle_may_read(struct fptc_cache *cache, fptc_error *err); /* FPTC_EEXIST then */
int64_t fptc__handle_refresh_ms(const struct fptc_cache *cache);
/* A duration option: 0 is `normal`, FPTC_ZERO_MS is 0. */
int64_t fptc__duration(int64_t option, int64_t normal);

/* job.c: runs a task here when the call has no deadline, else on a thread of the library, which is left
   behind when the deadline passes. The task is freed by `destroy` in any case. */
struct fptc__task {
    fptc_status (*run)(struct fptc__task *task, const struct fptc__call *call, fptc_error *err);
    void (*destroy)(struct fptc__task *task); /* frees task and what it still owns */
    struct fptc_cache *cache;
    struct fptc_result *result; /* out; handed to the caller when in time */
    fptc_status late_status;    /* what the caller is told when it is late; 0: FPTC_EDEADLINE */
    int is_question;  /* it only reads: it may be run again when a file has gone meanwhile */
    int gives_always; /* the result is the caller's although the status is a failure */
};
fptc_status fptc__task_run(struct fptc__task *task, int64_t deadline_ms,
                           struct fptc_result **out_result, fptc_error *err);
/* Runs the task on a thread of the library soon, before the handle closes; nobody waits for it or hears of
   its end, so it must bound itself. 0 when no thread can be had: it is freed and never runs. */
int fptc__task_post(struct fptc__task *task);
void fptc__jobs_stop(struct fptc_cache *cache); /* waits for the threads left behind */
/* Zeroed task of `size` bytes; NULL and FPTC_ENOMEM in err. */
void *fptc__task_new(size_t size, struct fptc_cache *cache,
                     fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                        fptc_error *),
                     void (*destroy)(struct fptc__task *), fptc_error *err);
/* Makes a document the task's result. */
fptc_status fptc__task_document(struct fptc__task *task, const fptc__json *document,
                                fptc_error *err);

/* site_schema.c: the site's list of types, or the fields of one, from the cache or FPT. */
struct fptc__schema_topic {
    struct fptc__work *work;
    const char *type;    /* NULL: the list of types */
    int64_t project_id;  /* as that project shows it; 0: as the site does */
    int64_t believed_ms; /* what the cache has is taken up to this age; INT64_MAX: any */
    int may_ask;
    int must_be_young; /* an older one is no answer either when FPT may not or cannot be asked */
    fptc__json *value; /* out, the caller's: FPT's own object */
    int64_t age_ms;
    int32_t source;
};
/* FPTC_EUSAGE for an unknown type, with the nearest one; FPTC_ENODATA when FPT may not be asked. When it
   cannot be asked, FPTC_OK and source STALE, with the reason in err. */
fptc_status fptc__schema_find(struct fptc__schema_topic *t, fptc_error *err);
/* Puts a type's fields into the schema that plans are made with; is_newer: also in place of others. */
fptc_status fptc__schema_learn(struct fptc_cache *cache, const char *type, const fptc__json *fields,
                               int is_newer, fptc_error *err);
/* asked.c: counts what a plan that is answered from covered types filters and orders by; home: the
   partition of its project. 1: it is time to put the counts into the logs. */
struct fptc__asked;
int fptc__asked_count(struct fptc_cache *cache, const struct fptc__plan *plan, const char *home);
void fptc__asked_put(struct fptc_cache *cache, const struct fptc__call *call);
void fptc__asked_close(struct fptc_cache *cache);
void fptc__asked_free(struct fptc__asked *a);

/* mirror.c: fetches what changed of the types that are mirrored in a partition; *out_rows: rows taken. */
fptc_status fptc__mirror_follow(struct fptc_cache *cache, const struct fptc__call *call,
                                const char *partition, int64_t *out_rows, fptc_error *err);

/* kept.c: schema of a type, from the cache or FPT; and the field set that its rows are kept with. */
fptc_status fptc__schema_need(struct fptc__work *w, const char *type, int may_ask, fptc_error *err);
/* When something is not in the type's schema: FPT is asked, or whoever asked it within a minute (or
   max_age, if that is less), whether it is now. 1 when what is in memory is as young as that. */
int fptc__schema_recheck(struct fptc__work *w, const char *type);
fptc_status fptc__kept_types(struct fptc__work *w, const char *type, const char *const *asked,
                             size_t n_asked, fptc__json **out_types, int *out_is_project_type,
                             fptc_error *err);

#endif
