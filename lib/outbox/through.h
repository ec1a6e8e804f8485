/*
 * through.h: a write that waits for FPT: intent and attempt in one commit of the outbox, then FPT, then
 * the row in its partition (carrying the event id), then `settle` (design §7, protocol-attacks W1-W8).
 *
 * What a crash leaves behind, step by step:
 *  1 before the intent is durable       nothing was sent; the caller has no answer
 *  2 intent + attempt, not sent         an attempt whose end is unknown
 *  3 sent, no answer                    the same; FPT may have it
 *  4 answered, row not committed        the same; FPT has it, the next catch-up brings the row
 *  5 row committed, not settled         the row is there; the outbox still calls the write unknown
 * From 2 on, whoever has the same identity finishes it once the quiet period is over (finish.c): FPT is
 * asked what became of the attempt, and only when it did nothing is another one made.
 */
#ifndef FPTC_OUTBOX_THROUGH_H
#define FPTC_OUTBOX_THROUGH_H

#include "view/intake.h"
#include "view/lookup.h"
#include "view/mutation.h"

/* What its caller wants of a write, beyond what it says. */
struct fptc__terms {
    int is_behind;
    int32_t policy;        /* FPTC_CONFLICT_*, of an update behind */
    const char *partition; /* behind: where the row lives; NULL: not known */
    const char *batch;     /* of one request with others; NULL: by itself */
    int64_t place, of;     /* in there, from 0 */
};

struct fptc__through {
    struct fptc__view *outbox;
    const struct fptc__session *follow; /* its view shows the row's partition, if that is known */
    const struct fptc__source *source;  /* the row's type, with the fields it is kept with */
    int32_t verb;                       /* FPTC_VERB_* */
    int64_t id;
    int64_t alias; /* the provisional id that the row went by; 0: none */
    const fptc__json
        *data; /* NULL for a delete or revive; of a write in the outbox its own is taken */
    const char *event;
    struct fptc__terms terms;
    const char *identity; /* whose write it is */
    const char *marker;   /* field of the type that takes the event id of a create; NULL: none */
    int64_t quiet_ms;     /* after this an unanswered attempt has ended at FPT */
};

struct fptc__through_result {
    fptc__json *row; /* FPT's row in full where it could be read; NULL of a delete */
    int64_t id;
    int is_row_kept; /* 0: FPT has it, but the cache could not take the row in */
    fptc_status
        unsent; /* why a write of the outbox could not be sent; FPTC_OK: it was, or was not tried */
};

/* Statuses as fptc_cache_write() documents them. */
fptc_status fptc__through(const struct fptc__through *t, struct fptc__through_result *out,
                          fptc_error *err);
const char *fptc__verb_name(int32_t verb);
int32_t fptc__verb_of(const char *name); /* 0: none of them */
/* Whether a write without an end may be looked up, or sent again, now. */
int fptc__write_is_due(const struct fptc__mutation *m, int64_t now_ms, int64_t quiet_ms);

#endif
