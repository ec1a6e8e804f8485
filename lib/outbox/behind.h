/*
 * behind.h: writes whose callers do not wait: they are durable in the outbox, in their order, and are sent by
 * whoever keeps the outbox (group.h).
 */
#ifndef FPTC_OUTBOX_BEHIND_H
#define FPTC_OUTBOX_BEHIND_H

#include "outbox/group.h"

/*
 * Records n writes in one commit, or none. The end of each member is FPTC_PENDING, its id the provisional one of
 * a create, its row what was written; or what became of it, when its event is known already (W8).
 * FPTC_EUSAGE: one of them names a create that is not known; FPTC_EREFUSED: one that was refused.
 */
fptc_status fptc__behind(struct fptc__member *members, size_t n, fptc_error *err);

#endif
