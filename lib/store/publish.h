/*
 * publish.h: the one mechanism for everything shared (design §3): a new name, linked to a unique temp
 * that is written once and linked to one number only.
 */
#ifndef FPTC_STORE_PUBLISH_H
#define FPTC_STORE_PUBLISH_H

#include "store/commit.h"
#include "store/layout.h"

/*
 * Publishes one commit-format file as <partition>/<sub>/<number>. `head->writer` must be unique to this
 * call: it is how the winner is known. Steps: temp in tmp/, write, fsync, close, link, fsync of the
 * directory; then, whatever link answered, open the number and compare the writer.
 * FPTC_OK: the number holds our bytes. FPTC_MISS: the number holds somebody else's. FPTC_UNKNOWN: it
 * was linked, by us or another, and is gone again: a base must be above it. Makes the partition's
 * directories when they are not there.
 * Failures leave the number's fate to the caller's check: FPTC_EIO etc. The temp is left for
 * fptc__temps_remove(), off the caller's path.
 */
fptc_status fptc__publish(const struct fptc__partition *p, const char *sub,
                          const struct fptc__commit_header *head,
                          const struct fptc__record *records, size_t n_records,
                          uint64_t *out_checksum, fptc_error *err);
/*
 * The same for a base that names files which others may delete. Each temp has a name of its own kind, and
 * between its writing and its link look() is called: only FPTC_OK lets it be linked, anything else is
 * returned. Deletion unlinks such temps whatever their age before it looks what is named (retire.c): who
 * sleeps between the look and the link finds his temp gone, and must look again.
 */
#define FPTC__BASE_TEMP "base-"
struct fptc__publish_look {
    void *ctx;
    fptc_status (*look)(void *ctx, fptc_error *err);
};
fptc_status fptc__publish_base(const struct fptc__partition *p,
                               const struct fptc__commit_header *head,
                               const struct fptc__record *record,
                               const struct fptc__publish_look *look, fptc_error *err);
/* Unlinks all such temps. */
fptc_status fptc__base_temps_remove(const struct fptc__partition *p, int *out_removed,
                                    fptc_error *err);
/* Fills in who we are (a fresh writer id, host, process) and the partition; number and prev are 0. */
void fptc__writer_fill(struct fptc__commit_header *head, const struct fptc__partition *p);
/* Unlinks temps of this partition that are older than grace_ms by the server's clock. */
fptc_status fptc__temps_remove(const struct fptc__partition *p, int64_t now_ms, int64_t grace_ms,
                               int *out_removed, fptc_error *err);

#endif
