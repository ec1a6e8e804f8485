/* write.h: a write as the files of this room hand it on. */
#ifndef FPTC_API_WRITE_H
#define FPTC_API_WRITE_H

#include "api/handle.h"
#include "outbox/through.h"

struct fptc__intent {
    int32_t verb;
    char type[256];
    int64_t id;
    fptc__json *data; /* NULL of a delete; of a batch what fptc__requests_read() gives */
    char event[33];
    int is_recorded; /* it is in the outbox: FPT alone judges its data */
    int depth;       /* of the writes that need it to be done first */
    struct fptc__terms terms;
};
/* write.c: sends it, or finds out what became of it, and puts FPT's row into the cache. *out_result may be
   set whatever the status is. */
fptc_status fptc__write_run(struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__intent *intent, struct fptc_result **out_result,
                            fptc_error *err);
/* write.c: the type's schema, from the cache if it is there, and what it says of the data; and the partition of the
   row. may_ask: FPT is asked where else nobody knows; without it `partition` is "" then. */
fptc_status fptc__write_prepare(struct fptc_cache *cache, const struct fptc__call *call,
                                const struct fptc__intent *t, int may_ask, char partition[64],
                                fptc_error *err);
/* write.c: the row, and the event id, of a write that ended as `done` says. */
fptc_status fptc__write_result(struct fptc_cache *cache, const struct fptc__intent *t,
                               const struct fptc__through_result *done, const fptc__json *types,
                               struct fptc_result **out, fptc_error *err);
/* own_batch.c: a batch: its requests are the intent's data. */
fptc_status fptc__batch_run(struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__intent *intent, struct fptc_result **out_result,
                            fptc_error *err);
/* waiting.c: records a write in the outbox, to be sent later: FPTC_PENDING. */
fptc_status fptc__write_behind(struct fptc_cache *cache, const struct fptc__call *call,
                               const struct fptc__intent *intent, struct fptc_result **out_result,
                               fptc_error *err);
/* waiting.c: the intent with the rows' own ids; creates that it needs are finished first. FPTC_PENDING: one of them
   has no end yet. The caller frees out->data. */
fptc_status fptc__intent_resolve(struct fptc_cache *cache, const struct fptc__call *call,
                                 const struct fptc__intent *t, struct fptc__intent *out,
                                 fptc_error *err);
/* waiting.c: what the outbox says of the event. The caller frees t->data. */
fptc_status fptc__intent_read(struct fptc_cache *cache, const struct fptc__call *call,
                              struct fptc__intent *t, fptc_error *err);
/* FPTC_EUSAGE for data with an id or a field that the type's schema does not have, also when FPT is asked for it
   again. The view is that of `site`; the schema is known. */
fptc_status fptc__write_check(struct fptc__work *w, const struct fptc__intent *t, fptc_error *err);
/* finishing.c: finishes the writes of this identity that are in the outbox without an end and are due, in
   their order; *out_n: how many have one now. FPTC_OK also when FPT could not tell of some. */
fptc_status fptc__writes_finish(struct fptc_cache *cache, const struct fptc__call *call,
                                int64_t *out_n, fptc_error *err);
/* finishing.c: creates that FPT has done twice, told in the log; *out: fptc__doubled_find(). */
fptc_status fptc__writes_doubled(struct fptc_cache *cache, const struct fptc__call *call,
                                 fptc__json **out, fptc_error *err);
/* finishing.c: whether there is one; 0 when that cannot be told. */
int fptc__writes_wait(struct fptc_cache *cache);
int64_t fptc__handle_quiet_ms(const struct fptc_cache *cache);
/* write.c: the field that takes the event id of a create, where the type has it. */
const char *fptc__handle_marker(struct fptc_cache *cache, const char *type);

#endif
