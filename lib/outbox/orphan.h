/*
 * orphan.h: writes that name a row whose create a person has dropped: they can never be done as they are. They end as
 * refused, with that as the reason, so that a person edits or drops them; a caller's batch as a whole.
 */
#ifndef FPTC_OUTBOX_ORPHAN_H
#define FPTC_OUTBOX_ORPHAN_H

#include "view/intake.h"
#include "view/mutation.h"

/* Between fptc__view_begin() and end of the outbox view: whether the write, whose intent this is, is one. */
int fptc__is_orphan(struct fptc__view *outbox, const struct fptc__mutation *m,
                    const fptc__json *intent);
/* FPTC_EREFUSED: it is refused now, *err says why. FPTC_PENDING: somebody is at it. */
fptc_status fptc__orphan_refuse(struct fptc__view *outbox, const struct fptc__session *follow,
                                const struct fptc__mutation *m, fptc_error *err);

#endif
