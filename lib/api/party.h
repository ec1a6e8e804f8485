/* party.h: writes that are done together, and what each of them works with. */
#ifndef FPTC_API_PARTY_H
#define FPTC_API_PARTY_H

#include "api/write.h"
#include "outbox/behind.h"
#include "outbox/whole.h"

struct fptc__party_home;
struct fptc__party_source;

struct fptc__party {
    struct fptc_cache *cache;
    const struct fptc__call *call;
    struct fptc__work outbox;
    struct fptc__party_home **homes; /* a partition that is worked with, each once */
    size_t n_homes;
    struct fptc__party_source **sources; /* a type in one of them, each once */
    size_t n_sources;
    struct fptc__member *members;
    struct fptc__recorded *recorded; /* of each member */
    char (*events)[33];
    size_t n, room;
};

/* For up to `room` members. With fptc__party_end(), whatever it returns. */
fptc_status fptc__party_begin(struct fptc__party *p, struct fptc_cache *cache,
                              const struct fptc__call *call, size_t room, fptc_error *err);
void fptc__party_end(struct fptc__party *p);
/* A write as its caller says it; it keeps `t`. `partition`: where the row lives ("": not known). */
fptc_status fptc__party_add(struct fptc__party *p, const struct fptc__intent *t,
                            const char *partition, fptc_error *err);
/* One that is in the outbox. FPTC_PENDING, FPTC_EREFUSED: it cannot be sent now. */
fptc_status fptc__party_add_recorded(struct fptc__party *p, const struct fptc__mutation *w,
                                     const char *partition, fptc_error *err);
/* Where the row will live of a create that goes by this id. */
void fptc__party_place(struct fptc__party *p, int64_t id, char partition[64]);
/* Whether one that is in the outbox may be sent, or looked up, now. */
int fptc__party_is_due(const struct fptc__party *p, const struct fptc__mutation *m);
/* Sends them with one request if they can be sent so (outbox/group.h); and tells the handle what came of it. */
fptc_status fptc__party_send(struct fptc__party *p, fptc_error *err);
/* The same of a caller's batch (outbox/whole.h): a new one; one that is in the outbox. */
fptc_status fptc__party_send_whole(struct fptc__party *p, fptc_error *err);
fptc_status fptc__party_finish_whole(struct fptc__party *p, int was_sent, fptc_error *err);
/* Records them in the outbox, to be sent later. */
fptc_status fptc__party_leave(struct fptc__party *p, fptc_error *err);

#endif
