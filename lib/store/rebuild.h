/*
 * rebuild.h: a database on local disk, made from a base and the commits that are still there: to compare
 * a snapshot with (survey_rows.c), and to make a sound one from (repair.c).
 *
 *  - fptc__rebuild_begin()   copies the base's snapshot; none: an empty database. The manifest stays the
 *                            caller's until done()
 *  - fptc__rebuild_apply()   applies the commits above it up to a number: those of the base's roll-ups,
 *                            then those in log/
 *  - fptc__rebuild_commit()  applies one more commit, which need not be in log/
 *  - fptc__rebuild_done()    removes it; zeroed or begun; may be called twice
 */
#ifndef FPTC_STORE_REBUILD_H
#define FPTC_STORE_REBUILD_H

#include <sqlite3.h>

#include "base/clock.h"
#include "base/localdir.h"
#include "base/logger.h"
#include "store/commit.h"
#include "store/manifest.h"

struct fptc__tables;

struct fptc__rebuild {
    const struct fptc__partition *p;
    const struct fptc__call *call;
    char dir[FPTC__LOCALDIR_BYTES],
        path[FPTC__LOCALDIR_BYTES + 32]; /* ours alone; "" when not there */
    sqlite3 *db;                         /* NULL before begin */
    struct fptc__tables *tables;
    const struct fptc__manifest *base;
    uint64_t upto;    /* last number looked at */
    uint64_t applied; /* commits applied by this */
    uint64_t skipped; /* passed over: not there, or not sound */
    uint64_t last_drop;
    uint64_t last_checksum; /* of the last commit applied; 0: none */
};

fptc_status fptc__rebuild_begin(struct fptc__rebuild *r, const struct fptc__partition *p,
                                const struct fptc__call *call, const struct fptc__manifest *base,
                                fptc_error *err);
/* What is missing or damaged is passed over, and counted. */
fptc_status fptc__rebuild_apply(struct fptc__rebuild *r, uint64_t upto, fptc_error *err);
fptc_status fptc__rebuild_commit(struct fptc__rebuild *r, const struct fptc__commit *commit,
                                 fptc_error *err);
/* Ends the transaction: db can be read, and written to, by SQL. */
fptc_status fptc__rebuild_close_tables(struct fptc__rebuild *r, fptc_error *err);
/* Finishes the database as the snapshot of m (its upto, prev and asof are set), puts it into files/ and
   publishes the base. FPTC_MISS when somebody else's base has the number: ours is removed. */
fptc_status fptc__rebuild_publish(struct fptc__rebuild *r, struct fptc__manifest *m,
                                  const struct fptc__logger *logger, fptc_error *err);
void fptc__rebuild_done(struct fptc__rebuild *r);

#endif
