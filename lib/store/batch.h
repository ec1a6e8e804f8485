/*
 * batch.h: commits read ahead of the head, without the log's mutex, before anything vouches for them
 * (pass.c applies them).
 */
#ifndef FPTC_STORE_BATCH_H
#define FPTC_STORE_BATCH_H

#include "store/log_state.h"

#define FPTC__BATCH_COMMITS 64

struct fptc__entry {
    uint64_t number;
    int is_hole;
    struct fptc__commit commit;
    struct fptc__buf bytes; /* kept for a roller only */
};

struct fptc__batch {
    uint64_t known; /* head before the batch was read */
    struct fptc__entry list[FPTC__BATCH_COMMITS];
    size_t n, bytes;
    fptc_status end; /* FPTC_OK: full, more may follow; FPTC_END: no such number; else a failure */
    fptc_error err;
    int is_head_gone; /* the file of `known` has vanished */
    uint64_t newest;  /* base listed after reading */
};

/* Reads from known + 1 on. How it ended stands in b->end, and is judged when what came before is applied. */
void fptc__batch_read(struct fptc__log *log, struct fptc__batch *b);
void fptc__batch_done(struct fptc__batch *b);
/* Opens the directory log/: an NFS client looks names up afresh then. FPTC_MISS when there is none. */
fptc_status fptc__log_touch(struct fptc__log *log, fptc_error *err);
/* FPTC_EDAMAGED when the commit, read from path, is another partition's; it is done away with then. */
fptc_status fptc__log_check_partition(const struct fptc__log *log, struct fptc__commit *c,
                                      const char *path, fptc_error *err);

#endif
