/* write.h: a write as the files of this room hand it on. */
#ifndef FPTC_API_WRITE_H
#define FPTC_API_WRITE_H

#include "api/handle.h"

struct fptc__intent {
    int32_t verb;
    char type[256];
    int64_t id;
    fptc__json *data; /* NULL of a delete; of a batch what fptc__requests_read() gives */
    char event[33];
    int32_t mode;    /* FPTC_WRITE_THROUGH or FPTC_WRITE_BEHIND; 0 of one that is recorded */
    int32_t policy;  /* FPTC_CONFLICT_*; of the updates behind */
    int is_recorded; /* it is in the outbox: FPT alone judges its data */
};
/* write.c: sends it, or finds out what became of it, and puts FPT's row into the cache. *out_result may be
   set whatever the status is. */
fptc_status fptc__write_run(struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__intent *intent, struct fptc_result **out_result,
                            fptc_error *err);
/* FPTC_EUSAGE for data with an id or a field that the type's schema does not have, also when FPT is asked for it
   again. The view is that of `site`; the schema is known. */
fptc_status fptc__write_check(struct fptc__work *w, const struct fptc__intent *t, fptc_error *err);
/* finishing.c: finishes the writes of this identity that are in the outbox without an end and are due, in
   their order; *out_n: how many have one now. FPTC_OK also when FPT could not tell of some. */
fptc_status fptc__writes_finish(struct fptc_cache *cache, const struct fptc__call *call,
                                int64_t *out_n, fptc_error *err);
int64_t fptc__handle_quiet_ms(const struct fptc_cache *cache);

#endif
