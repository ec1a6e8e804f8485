/*
 * group.h: writes that wait in the outbox, sent with one request (A§1.8): what waits of one partition, in an
 * order in which none needs another of them; or a batch of one caller, which FPT takes whole or not at all.
 *
 * FPT refuses a request for any of its writes. Unless it is a caller's batch it is then sent again in halves, until
 * the one that FPT refuses is alone (W5); each time with claims of its own, so that a death anywhere in between
 * leaves attempts of which nobody knows, as that of a single write does.
 */
#ifndef FPTC_OUTBOX_GROUP_H
#define FPTC_OUTBOX_GROUP_H

#include "outbox/through.h"

/* A write as its intent says, with the rows' own ids. */
struct fptc__recorded {
    fptc__json *intent;
    fptc__json *data; /* NULL: it has none */
    int64_t id;       /* 0 of a create */
    int64_t alias;    /* the provisional id that the row went by; 0: none */
    struct fptc__terms terms;
};
/* FPTC_PENDING: it needs a row that is not made yet, or has just been settled; FPTC_EREFUSED: one that was refused. */
fptc_status fptc__recorded_read(struct fptc__view *outbox, const struct fptc__mutation *m,
                                struct fptc__recorded *out, fptc_error *err);
void fptc__recorded_done(struct fptc__recorded *r);

struct fptc__member {
    struct fptc__through t;
    const fptc__json *intent; /* as it was recorded; NULL of a new one */
    int64_t version;          /* of the intent; 0: it is new, and recorded with the claim */
    int64_t attempts;         /* that there were */
    int64_t decided_asof_ms;  /* the last decision about it; 0: none */
    int is_compared;          /* with what its writer saw, or need not be */
    fptc__json *
        merged; /* what is written of an update that others got in the way of; the caller frees it */
    /* out */
    struct fptc__through_result out; /* the caller frees the row */
    fptc_status end;                 /* as of fptc__through() */
    fptc_error why;
};
/* All of one outbox view. Fails only when nothing was tried. */
fptc_status fptc__group_run(struct fptc__member *members, size_t n, int is_whole, fptc_error *err);

#endif
