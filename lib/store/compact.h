/*
 * compact.h: the rewrite: base copied to local disk, delta applied, checked, published as a new base;
 * and the deletion of what no base needs. Any number of processes may do either at any time.
 */
#ifndef FPTC_STORE_COMPACT_H
#define FPTC_STORE_COMPACT_H

#include "base/clock.h"
#include "base/logger.h"
#include "store/manifest.h"

struct fptc__compact_stats {
    uint64_t base;   /* base now in force */
    uint64_t folded; /* commits folded by this call; 0: nothing to do */
    int64_t rows, bytes;
    int64_t deleted; /* files and names removed */
};

/* Folds everything up to the head. FPTC_OK also when there was nothing to fold or somebody else's base
   won. Points latest.sqlite at the newest snapshot. */
fptc_status fptc__compact(const struct fptc__partition *p, const struct fptc__call *call,
                          const struct fptc__logger *logger, struct fptc__compact_stats *stats,
                          fptc_error *err);
/* Points latest.sqlite at the newest base's snapshot, or removes it when that is empty. Failures are
   logged: only people and other tools use the link. latest.c */
void fptc__latest_point(const struct fptc__partition *p, const struct fptc__logger *logger);
/* Who says which bases are pinned: their manifests and what these name stay. Writes at most `room` numbers,
   tells in *n how many there are. A failure, or more than room: nothing that could be pinned is deleted. */
struct fptc__pinned {
    void *ctx;
    fptc_status (*list)(void *ctx, const char *partition, uint64_t *out, size_t room, size_t *n,
                        fptc_error *err);
};
#define FPTC__PINS_MAX 1024
/* The pinned bases of a partition, as they were at one moment. */
struct fptc__pins {
    uint64_t list[FPTC__PINS_MAX];
    size_t n;
};
/* 1 when they are known. pinned may be NULL: none are. 0 is logged: then any base may be pinned. */
int fptc__pins_look(struct fptc__pins *pins, const struct fptc__pinned *pinned,
                    const char *partition, const struct fptc__logger *logger);
int fptc__pins_have(const struct fptc__pins *pins, uint64_t base);
/* Deletes what no base needs, only what is older than grace_ms by the file server's clock: FORMAT.md,
   "Deletion". pinned may be NULL: none are; it is asked after bases/ was listed. Failures to unlink are logged and skipped. */
fptc_status fptc__retire(const struct fptc__partition *p, int64_t grace_ms,
                         const struct fptc__pinned *pinned, const struct fptc__logger *logger,
                         struct fptc__compact_stats *stats, fptc_error *err);

#endif
