/*
 * manifest.h: bases. `bases/<S>` says which files hold commits 1..S. The greatest name is the base.
 * Body of its one record (kind BASE):
 *   {"upto":41,"snapshot":{"name":"41-<hex>.sqlite","bytes":…,"checksum":"<16 hex>","rows":…},
 *    "rollups":[],"asof":…,"prev":"<16 hex: checksum of commit 41>"}     snapshot null: empty partition
 */
#ifndef FPTC_STORE_MANIFEST_H
#define FPTC_STORE_MANIFEST_H

#include "store/layout.h"

struct fptc__manifest {
    uint64_t upto;      /* S; 0: no base yet */
    char snapshot[160]; /* file name in files/, "" if none */
    int64_t snapshot_bytes;
    uint64_t snapshot_checksum;
    int64_t rows;
    int64_t asof_ms;
    uint64_t prev; /* checksum of commit S */
};

/* Greatest base number, 0 if there is none. One opendir/readdir. Also fills the sorted list of the
   numbers there, newest first, when `list` is not NULL (room for n_list; *out_n the count found). */
fptc_status fptc__bases_newest(const struct fptc__partition *p, uint64_t *out_number,
                               uint64_t *list, size_t n_list, size_t *out_n, fptc_error *err);
/* Reads base S. FPTC_MISS if its name has gone meanwhile; FPTC_EDAMAGED; number 0 gives an empty one. */
fptc_status fptc__manifest_read(const struct fptc__partition *p, uint64_t number,
                                struct fptc__manifest *out, fptc_error *err);
/* Publishes bases/<m->upto>. FPTC_MISS when that number is taken by somebody else's. */
fptc_status fptc__manifest_publish(const struct fptc__partition *p, const struct fptc__manifest *m,
                                   fptc_error *err);

#endif
