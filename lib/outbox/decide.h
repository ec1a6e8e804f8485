/*
 * decide.h: what a person decides about a write that FPT refused, or that nobody has sent yet.
 *
 * Two who decide at once, or one against a sender: each looks with the outbox at its head (check in
 * decide.c), and nothing comes between that look and the commit. So the first decision stands, the second
 * finds another state and says which; a write that a sender has claimed meanwhile is not dropped under it.
 */
#ifndef FPTC_OUTBOX_DECIDE_H
#define FPTC_OUTBOX_DECIDE_H

#include "view/intake.h"
#include "view/writes.h"

struct fptc__decision {
    struct fptc__view *outbox;
    const struct fptc__session *follow;
    const char *event;
    int32_t verdict;        /* FPTC_VERDICT_* */
    const fptc__json *data; /* of a retry: instead of what was to be written; NULL: as it is */
    const char *identity;   /* who decides: of the writes of this identity only */
};
/* FPTC_MISS: there is no such write. FPTC_ESTATE: its state does not allow it. FPTC_EAUTH: another's. */
fptc_status fptc__decide(const struct fptc__decision *d, fptc_error *err);
/* "pending", "unknown", "settled", "refused", "conflict", "uncertain" or "dropped". */
const char *fptc__state_name(const struct fptc__kept_write *w);
/* What to do about it next, for people; "" when there is nothing to do. */
const char *fptc__next_step(const struct fptc__kept_write *w);

#endif
