/*
 * writes.h: what the outbox holds, write by write, for people.
 */
#ifndef FPTC_VIEW_WRITES_H
#define FPTC_VIEW_WRITES_H

#include "view/mutation.h"

#define FPTC__STATE_BIT(state) (1u << (state))

struct fptc__writes_filter {
    const char *event; /* NULL: any */
    unsigned states;   /* FPTC__STATE_BIT of each */
    int64_t limit;
};

struct fptc__kept_write {
    char event[33];
    enum fptc__mutation_state state;
    char verb[16];
    char type[256];
    int64_t id; /* the row: as intended; 0 of a create */
    int64_t attempts, attempt_asof_ms;
    fptc__json *intent;  /* as it was recorded; NULL of a settled one */
    fptc__json *outcome; /* NULL: none yet */
};
void fptc__kept_write_done(struct fptc__kept_write *w);

/* Between fptc__view_begin() and end of the outbox view: calls each(write, payload), the newest intent first; what
   it leaves in the write is freed. Non-zero stops. *out_more: there are more than `limit`. */
fptc_status fptc__writes_each(struct fptc__view *outbox, const struct fptc__writes_filter *filter,
                              int (*each)(struct fptc__kept_write *w, void *payload), void *payload,
                              int *out_more, fptc_error *err);

#endif
