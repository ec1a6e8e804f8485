/*
 * rollup_file.h: the codec of roll-ups: commit files one after the other (lib/FORMAT.md, "A roll-up").
 */
#ifndef FPTC_STORE_ROLLUP_FILE_H
#define FPTC_STORE_ROLLUP_FILE_H

#include "store/commit.h"
#include "store/manifest.h"

/* A roll-up in memory, walked through from its beginning. Zero-initialise. */
struct fptc__rollup_reader {
    char path[FPTC_PATH_MAX];
    struct fptc__buf bytes;
    size_t at;
    uint64_t next; /* least number that may come */
};
/* Reads it whole and checks size and checksum. FPTC_MISS when it has gone, FPTC_EDAMAGED. */
fptc_status fptc__rollup_load(const struct fptc__partition *p, const struct fptc__rollup_file *file,
                              struct fptc__rollup_reader *out, fptc_error *err);
/* The next commit above `above`, which out->file points at while the reader lives; numbers that are left
   out are holes. FPTC_END after the last; FPTC_EDAMAGED, FPTC_EFORMAT as fptc__commit_decode(). */
fptc_status fptc__rollup_next(struct fptc__rollup_reader *r, const struct fptc__rollup_file *file,
                              uint64_t above, struct fptc__commit *out, fptc_error *err);
void fptc__rollup_done(struct fptc__rollup_reader *r);
/* Writes these bytes as a new file of file->from to file->to and syncs it; fills in name (a new unique one,
   unless one is set already), bytes and checksum. On failure nothing stays. */
fptc_status fptc__rollup_put(const struct fptc__partition *p, const struct fptc__buf *bytes,
                             struct fptc__rollup_file *file, fptc_error *err);

#endif
