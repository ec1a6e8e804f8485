/* sending.h: one write under way, for the files of this room. */
#ifndef FPTC_OUTBOX_SENDING_H
#define FPTC_OUTBOX_SENDING_H

#include "outbox/group.h"
#include "outbox/through.h"

struct fptc__sending {
    const struct fptc__through *t;
    struct fptc__through_result *out;
    char writer[33];             /* tells our attempt from everybody else's */
    int64_t no;                  /* of the attempt that is ours, or that is looked up */
    int64_t decided_asof_ms;     /* the decision that its data is of; 0: none */
    int64_t version;             /* of an intent that is in the outbox already; 0: it is new */
    int64_t asof_ms;             /* file server's time of the attempt, or of the look-up */
    int64_t attempted_mono_ms;   /* taken before the attempt was made */
    struct fptc__member *member; /* of a group; NULL: of none */
    const fptc__json *intent;    /* as it was recorded, of one in the outbox */
    int is_read;                 /* the row was read after it was answered */
    struct fptc__intake *in;     /* may be that of others, too */
    int is_gone;                 /* the row is not alive (any more) */
    char partition[64];          /* where the row lives */
    const int64_t *taken;        /* rows that a look-up for it leaves out */
    size_t n_taken;
};

/* bodies.c: the bodies of the outbox's records; NULL: no memory. */
fptc__json *fptc__record_mutate(const struct fptc__sending *s);
fptc__json *fptc__record_attempt(const struct fptc__sending *s);
struct fptc__ending {
    const char *by;  /* of a settle: "answer", "marker", "match", "state" */
    const char *why; /* of a refusal: "refused", "conflict", "uncertain", "unsent" */
    const char *text;
    int http_status;
};
fptc__json *fptc__record_settle(const struct fptc__sending *s, const struct fptc__ending *e);
fptc__json *fptc__record_refuse(const struct fptc__sending *s, const struct fptc__ending *e);

/* promise.c: the row that a write behind will make, as far as it is known here; NULL: no memory. version: of a write
   that is in the outbox already; 0: it is new. */
fptc__json *fptc__promised(const struct fptc__through *t, int64_t version);

/* attempt.c: an attempt of ours in the outbox; with the intent when it is new. FPTC_PENDING, nothing sent:
   an earlier write to the row has no end yet, or somebody else is at this one. */
fptc_status fptc__claim(struct fptc__sending *s, fptc_error *err);
/* The same for n writes of one outbox, all or none; *out_at: the one that may not be, then. */
fptc_status fptc__claim_all(struct fptc__sending *list, size_t n, size_t *out_at, fptc_error *err);
/* The other writes to the row with intents below the version; 0: all of them. */
struct fptc__entity_writes fptc__writes_before(const struct fptc__through *t, int64_t version);
fptc_status fptc__busy(const struct fptc__mutation *w, fptc_error *err);

/* through.c: a write that is known already: repeating it is free (W8). FPTC_MISS: it is new, if its state is NONE.
   FPTC_PENDING, nothing done: one behind has no end yet. */
fptc_status fptc__replay(struct fptc__sending *s, struct fptc__mutation *w, fptc_error *err);

/* behind.c: some of a batch are known, and some are not: FPTC_EUSAGE. */
fptc_status fptc__other_batch(const struct fptc__through *t, fptc_error *err);

/* send.c: the end of the window of its attempt, on our own clock: well before the attempt is quiet. */
int64_t fptc__send_by(const struct fptc__sending *s);
/* Sends it once, within the window of its attempt. */
fptc_status fptc__send(const struct fptc__sending *s, fptc__json **out_row, fptc_error *err);

/* reading.c: FPT's rows. [path, op, value], which takes the value over; NULL: no memory. */
fptc__json *fptc__condition(const char *path, const char *op, fptc__json *value);
/* One living or retired row. FPTC_MISS: there is none. */
fptc_status fptc__read_row(const struct fptc__sending *s, int64_t id, const char *fields,
                           int is_retired, fptc__json **out, fptc_error *err);
struct fptc__rows_above {
    int64_t after; /* ids above this */
    const fptc__json *conditions;
    const char *fields;
    int is_retired;
    fptc_status (*each)(void *payload, const fptc__json *row, int is_retired, fptc_error *err);
    void *payload;
};
fptc_status fptc__read_above(const struct fptc__sending *s, const struct fptc__rows_above *of,
                             fptc_error *err);

/* settle.c: what FPT did with n writes of one intake goes into the cache, in one commit of each partition; the
   writes themselves have succeeded whatever happens here. is_answer: FPT's answers, not what was found later. */
void fptc__keep(struct fptc__sending *list, size_t n, int is_answer);
/* The fields that the type is kept with and those that were sent: the caller gets both back. NULL: no memory. */
char *fptc__whole_fields(const struct fptc__through *t);
/* Appends the end, a settle or a refusal. Of one that a look-up found: only while the attempt looked up is the last one. A create
   never settles on a row that another has settled on. FPTC_PENDING: it may not be, now. */
fptc_status fptc__settle(const struct fptc__sending *s, const struct fptc__ending *e,
                         fptc_error *err);
/* The same end of n writes, in one commit: all or none; *out_at: the one that may not be, then. */
fptc_status fptc__settle_all(const struct fptc__sending *list, size_t n,
                             const struct fptc__ending *e, size_t *out_at, fptc_error *err);

/* outcome.c: what became of an attempt. */
enum fptc__found {
    FPTC__FOUND_NOTHING, /* it did nothing, and never will */
    FPTC__FOUND_DONE,
    FPTC__FOUND_CONFLICT, /* somebody else changed the row */
    FPTC__FOUND_UNCERTAIN /* several rows may be it */
};
struct fptc__looked {
    enum fptc__found found;
    const char *by;  /* of DONE */
    int64_t id;      /* of DONE: the row */
    fptc__json *row; /* of DONE: the fields that were written; the caller frees it */
    int is_gone;     /* of DONE: the row is in the trash */
    char text[400];  /* of CONFLICT and UNCERTAIN */
};
/* FPTC_PENDING: it cannot be told yet. `intent`: as it was recorded. */
fptc_status fptc__look_up(const struct fptc__sending *s, const fptc__json *intent,
                          struct fptc__looked *out, fptc_error *err);
/* Whether the row, or one like it up to `last_id`, could be that of another create that has no end: FPTC_PENDING
   while one is not yet quiet; else *out_n is how many. */
fptc_status fptc__rivals(const struct fptc__sending *s, const fptc__json *row, int64_t last_id,
                         int *out_n, fptc_error *err);

/* The row that FPT answered with settles another create of the same values: *why. */
fptc_status fptc__taken(const struct fptc__sending *s, const fptc_error *why, fptc_error *err);

/* conflict.c: updates behind with FPT's rows: those that others got in the way of have an end then, and are behind
   the first *n. is_whole: if there is one, it is that of all. */
fptc_status fptc__compare(struct fptc__sending *list, size_t *n, int is_whole, fptc_error *err);

/* finish.c: a write that is in the outbox without an end. */
fptc_status fptc__finish(const struct fptc__sending *s, const struct fptc__mutation *m,
                         fptc_error *err);
/* Finishes the earlier writes to the row. FPTC_PENDING: one of them has no end yet. */
fptc_status fptc__finish_before(const struct fptc__through *t, int64_t before, fptc_error *err);
/* Sends what is claimed, keeps and settles it, or records FPT's refusal. */
fptc_status fptc__send_claimed(struct fptc__sending *s, fptc_error *err);

#endif
