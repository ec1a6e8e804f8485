/*
 * doubled.h: creates that FPT has done twice. That can be when a host stood still between its last look at the clock
 * and the wire, for longer than the quiet period (design §11.7): somebody else has sent the create again by then.
 * Rows that carry their event id tell it; whose they are a person decides.
 */
#ifndef FPTC_OUTBOX_DOUBLED_H
#define FPTC_OUTBOX_DOUBLED_H

#include "view/intake.h"

struct fptc__doubled {
    struct fptc__view *outbox;
    const struct fptc__session *session;
    const char *marker; /* the field that has the event id */
    int64_t since_ms;   /* last attempts after this, by the file server's clock */
};
/* An array of {"type","event","ids"}; the creates that were sent once are not asked for. */
fptc_status fptc__doubled_find(const struct fptc__doubled *d, fptc__json **out, fptc_error *err);

#endif
