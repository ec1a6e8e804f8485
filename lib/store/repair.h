/*
 * repair.h: brings a damaged partition back to service from what is left of it.
 *
 * Nothing that has a name is written to: new commits and new bases come, under numbers above all that
 * were ever there, and what they replace goes only afterwards. A crash at any step leaves what was there
 * before, or a sound base more; doing it again does the rest. Others may read and write meanwhile.
 *
 *  - Every commit above some sound base is there: that base and those commits make a new base. When the
 *    head is a base already, a commit that only notes the repair comes first. Nothing is lost.
 *  - Else commits are lost. A partition of rows starts again: a commit with `lost` (FORMAT.md, "Lost
 *    history") and its settings, and a base of it: what was known completely is so no more and is
 *    fetched from FPT again; cursors of `changes` from before are told to start again. The outbox keeps
 *    every mutation that can still be read.
 */
#ifndef FPTC_STORE_REPAIR_H
#define FPTC_STORE_REPAIR_H

#include "store/commit.h"
#include "store/compact.h"
#include "store/survey.h"

struct fptc__repair {
    const struct fptc__partition *p;
    const struct fptc__call *call;
    const struct fptc__logger *logger;
    const struct fptc__pinned *pinned; /* NULL: no base is */
    int64_t files;                     /* out: looked at */
    void *ctx;
    /* What was made anew, and what is lost: kind is "commits", "coverage", "mutation", "history". */
    void (*rebuilt)(void *ctx, const char *partition, const char *what);
    void (*lost)(void *ctx, const char *partition, const char *kind, const char *what);
};

/* FPTC_OK when all is sound now, whatever was lost; FPTC_EFORMAT when newer files are in the way. */
fptc_status fptc__repair_partition(struct fptc__repair *r, const struct fptc__survey_ear *ear,
                                   fptc_error *err);

/* --- between repair.c and its kin --- */

fptc_status fptc__repair_say(const struct fptc__repair *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* repair_append.c: puts a commit of these records on the greatest number + 1, whatever can be read
   below. make() gives the records for a number; they are freed here. */
struct fptc__repair_append {
    void *ctx;
    fptc_status (*make)(void *ctx, uint64_t number, struct fptc__records *out, fptc_error *err);
    uint64_t number, checksum; /* out */
};
fptc_status fptc__repair_append(struct fptc__repair *r, struct fptc__repair_append *a,
                                fptc_error *err);
/* Puts a commit that says nothing on each number above the newest base that is missing below the
   greatest: else a writer would take it for the next one. */
fptc_status fptc__repair_fill(struct fptc__repair *r, const struct fptc__survey *s,
                              fptc_error *err);
/* Reads commit `number` whole: FPTC_MISS when it is not there or not sound. fptc__commit_done(). */
fptc_status fptc__repair_read(const struct fptc__repair *r, uint64_t number,
                              struct fptc__commit *out, fptc_error *err);
/* repair_lost.c */
fptc_status fptc__repair_lost(struct fptc__repair *r, const struct fptc__survey *s,
                              const struct fptc__manifest *best, fptc_error *err);
/* A base at the head, from a sound one and all commits above it. */
fptc_status fptc__repair_rebase(struct fptc__repair *r, const struct fptc__manifest *from,
                                uint64_t newest, fptc_error *err);
/* A commit that only says that there was a repair. */
fptc_status fptc__repair_note(struct fptc__repair *r, fptc_error *err);

#endif
