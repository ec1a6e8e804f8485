/*
 * whole.h: a batch of one caller: all of it is done, or none. FPT sees to that; what is left here is to find out
 * which of the two it was, when its answer was lost, and that nobody sends a part of it.
 */
#ifndef FPTC_OUTBOX_WHOLE_H
#define FPTC_OUTBOX_WHOLE_H

#include "outbox/group.h"

/* A new one: sent, and waited for. Of one that is known already the ends are what became of it (W8); FPTC_PENDING
   says that it has none yet: that is for fptc__whole_finish(). */
fptc_status fptc__whole_send(struct fptc__member *members, size_t n, fptc_error *err);
/* All of one that is in the outbox without an end, and due: looked up if it was sent, and sent (again) if it did
   nothing. */
fptc_status fptc__whole_finish(struct fptc__member *members, size_t n, int was_sent,
                               fptc_error *err);

#endif
