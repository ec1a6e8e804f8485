/*
 * manifest.h: bases. `bases/<S>` says which files hold commits 1..S: a snapshot of 1..X, and roll-ups of
 * X+1..S. The greatest name is the base. Body of its one record (kind BASE): lib/FORMAT.md, "Manifest".
 */
#ifndef FPTC_STORE_MANIFEST_H
#define FPTC_STORE_MANIFEST_H

#include "base/limits.h"
#include "store/layout.h"

/* One roll-up as a manifest names it. */
struct fptc__rollup_file {
    char name[80]; /* in files/ */
    uint64_t from, to;
    int64_t bytes, plain; /* plain: of its records, inflated */
    uint64_t checksum;
};

struct fptc__manifest {
    uint64_t upto;          /* S; 0: no base yet */
    uint64_t snapshot_upto; /* X; S when there are no roll-ups */
    char snapshot[160];     /* file name in files/, "" if none: 1..X left nothing */
    int64_t snapshot_bytes;
    uint64_t snapshot_checksum;
    int64_t rows;
    int64_t asof_ms;
    uint64_t prev;                                      /* checksum of commit S */
    struct fptc__rollup_file rollups[FPTC_ROLLUPS_MAX]; /* what they hold of 1..X is passed over */
    size_t n_rollups;
    uint64_t dropped; /* commit that dropped the partition, when 1..X is empty by that: X; else 0 */
    uint64_t last_drop; /* of 1..S, also when rows came since; 0: none, or not known */
};

/* Greatest base number, 0 if there is none. One opendir/readdir. Also fills the sorted list of the
   numbers there, newest first, when `list` is not NULL (room for n_list; *out_n the count found). */
fptc_status fptc__bases_newest(const struct fptc__partition *p, uint64_t *out_number,
                               uint64_t *list, size_t n_list, size_t *out_n, fptc_error *err);
/* Reads base S. FPTC_MISS if its name has gone meanwhile; FPTC_EDAMAGED; number 0 gives an empty one. */
fptc_status fptc__manifest_read(const struct fptc__partition *p, uint64_t number,
                                struct fptc__manifest *out, fptc_error *err);
/* Calls each(name, bytes, ctx) for every file in files/ that m names, until it says other than 0: that. */
int fptc__manifest_files(const struct fptc__manifest *m,
                         int (*each)(const char *name, int64_t bytes, void *ctx), void *ctx);
/* FPTC_OK when all of them are there with their sizes, FPTC_MISS when not; else it cannot be known. */
fptc_status fptc__manifest_look(const struct fptc__partition *p, const struct fptc__manifest *m,
                                fptc_error *err);
/* Publishes bases/<m->upto>. Without roll-ups its snapshot is of m->upto. FPTC_MISS when that number is taken by somebody else's. */
fptc_status fptc__manifest_publish(const struct fptc__partition *p, const struct fptc__manifest *m,
                                   fptc_error *err);
/* The same when it names files of other bases: FPTC_END, and nothing is published, when `from` is no longer
   the greatest base just before the link. */
fptc_status fptc__manifest_publish_from(const struct fptc__partition *p,
                                        const struct fptc__manifest *m, uint64_t from,
                                        fptc_error *err);

#endif
