/*
 * log.h: one partition's log as one process sees it: the pass, the append with its check after the
 * link, and group commit. The rules and why they are so: design §3, protocol-attacks S1-S8.
 *
 * A log feeds exactly one sink, which keeps the state that the commits describe. Callbacks of the sink
 * and preconditions run with the log locked; who reads the sink's state from elsewhere holds the lock
 * (fptc__log_lock). Publishing itself runs unlocked, so readers are not held up by a slow server.
 */
#ifndef FPTC_STORE_LOG_H
#define FPTC_STORE_LOG_H

#include "base/clock.h"
#include "base/logger.h"
#include "store/commit.h"
#include "store/manifest.h"

struct fptc__log;
struct fptc__shun;

struct fptc__log_sink {
    void *ctx;
    /* Forget everything and start from the snapshot of this base, which is the state after
       base->snapshot_upto (0: from nothing); the commits of its roll-ups come through apply. With
       base->dropped it is the empty state behind a drop. All or nothing: a failure leaves the sink as it
       was. FPTC_MISS or FPTC_EDAMAGED: the snapshot has gone or is damaged; another base is tried.
       FPTC_EFORMAT makes the log read-only. */
    fptc_status (*reset)(void *ctx, const struct fptc__manifest *base, fptc_error *err);
    /* The next commit. Numbers come in order; holes are skipped. All or nothing; any failure ends the
       pass before this commit, FPTC_EFORMAT also makes the log read-only. FPTC_MISS: the file is sound
       but its content makes no sense to anybody; it becomes a hole (never say so of a failure of the
       sink's own: it would drop a commit). err may be NULL. */
    fptc_status (*apply)(void *ctx, const struct fptc__commit *commit, fptc_error *err);
    /* Optional: what reading the base has met since its reset. FPTC_OK nothing; FPTC_EDAMAGED: its file is
       damaged, an older base and the commits after it are tried; any other: its file cannot be read, the
       newest base is taken again, and when that is met again, an older one, too (shun.h). The next pass
       sees to that; out_name gets the file's name, err what was met. */
    fptc_status (*fault)(void *ctx, char out_name[160], fptc_error *err);
    /* The next number is a hole: nothing before it is known to be complete. May be NULL. A commit with a
       `lost` record needs no such word: reset comes before it, with an empty base. */
    fptc_status (*hole)(void *ctx, uint64_t number, fptc_error *err);
};

/* How to wait one's turn after lost races (design: a symlink lock, efficiency only); optional. */
struct fptc__log_turn {
    void *ctx;
    void (*take)(void *ctx);
    void (*give)(void *ctx);
    void (*yield)(void *ctx,
                  int64_t most_ms); /* before an append that follows closely on another */
};

struct fptc__log_options {
    const struct fptc__log_sink *sink; /* NULL: only numbers are kept (tests, tools) */
    const struct fptc__log_turn *turn; /* NULL: no lock */
    const struct fptc__logger *logger; /* NULL: silent; holes and damage are warnings */
    const uint64_t
        *pinned; /* NULL: follows the log; else it shows that base for ever, 0: nothing */
    struct fptc__shun *shun; /* what other logs of the handle have given up; NULL: its own list */
};

/* Opens; no I/O beyond remembering the place. The partition need not exist yet for reading. */
fptc_status fptc__log_open(const struct fptc__partition *p, const struct fptc__log_options *options,
                           struct fptc__log **out, fptc_error *err);
/* The same for who rolls up: reset is told of every base that is entered, whose commits do not come through
   apply, and apply is given the bytes of the commits above it (commit->file). */
fptc_status fptc__log_open_roller(const struct fptc__partition *p,
                                  const struct fptc__log_options *options, struct fptc__log **out,
                                  fptc_error *err);
void fptc__log_close(struct fptc__log *log);

void fptc__log_lock(struct fptc__log *log);
int fptc__log_try_lock(struct fptc__log *log); /* 1 when it is ours now */
void fptc__log_unlock(struct fptc__log *log);

/*
 * The pass. Applies what is new; afterwards the sink holds exactly the state of some commit that was
 * the head at some moment during the call, and never an older one than before. If another thread's
 * pass began after this call did, that one is joined instead. A partition that does not exist is an
 * empty log. On any failure the sink still holds some commit's exact state. FPTC_ERACE after
 * FPTC_PASS_RESTARTS_MAX restarts; FPTC_EFORMAT while a number that this version does not understand
 * lies ahead; FPTC_EDAMAGED when no base can be used and the commits that would replace it are gone,
 * FPTC_EIO when that is because this host cannot read its files.
 * A sink whose base can no longer be read is started again and brought to where it was with the log kept
 * locked: nobody sees it go back. Where nothing sound is left to start from it stays as it is, and what is
 * not damaged in it can still be read.
 * The one way back: a log whose own past was rolled back (server crash with an async export, restored
 * backup) is read again from its base, with a warning.
 */
fptc_status fptc__log_refresh(struct fptc__log *log, fptc_error *err);
uint64_t fptc__log_head(struct fptc__log *log); /* last number the sink knows */
/* Checksum of the head's file, which its successor names as `prev`; 0 when unknown (a hole, an old
   base). With head it must be read under the lock: a base of a compactor carries both. */
uint64_t fptc__log_head_checksum(struct fptc__log *log);
uint64_t fptc__log_base(struct fptc__log *log); /* the base that was entered last */
/* The newest base when bases were last listed; it may be below the head that was known then. */
uint64_t fptc__log_newest_base(struct fptc__log *log);
/* Number of the last drop; 0: none. */
uint64_t fptc__log_dropped(struct fptc__log *log);
/* Start of the last complete pass; 0: never, or the history was just found to be rolled back. */
int64_t fptc__log_refreshed_mono_ms(struct fptc__log *log);
uint64_t fptc__log_holes(struct fptc__log *log);   /* damaged numbers met so far */
int fptc__log_is_read_only(struct fptc__log *log); /* 1: met a newer format or an unknown kind */

/*
 * One request to append. Records of requests that wait at the same time share a commit; a request is
 * never split. `check`, if given, runs with the log locked and the sink at the head, before each
 * attempt: FPTC_OK goes on; FPTC_MISS means "already there" and ends the append with FPTC_OK and
 * number 0; any other status ends it with that status. Nothing comes between a passed check and the
 * commit, so a check may be a claim ("nobody has an attempt open"); it must find its own records first,
 * for they may be there already (an unclear end). At most one such request is in a commit.
 */
struct fptc__append {
    const struct fptc__records *records;
    fptc_status (*check)(void *ctx, fptc_error *err);
    void *ctx;
    int is_lookup; /* check only looks for these very records: any number of such share a commit */
    int may_be_empty; /* records may hold none: a commit that only moves the head */
    uint64_t number;  /* out: the commit that holds them, 0 if they were there already */
};
/*
 * Returns FPTC_OK only when the records are durable and no base hides their number (rule 3). After an
 * unclear end (base above our number) the records are looked for through `check`, else appended again:
 * every record is harmless twice. FPTC_ERACE, FPTC_EDEADLINE (the records may still become durable),
 * FPTC_EIO, FPTC_ENOSPC, FPTC_EACCESS, FPTC_EFORMAT when the log is read-only, FPTC_ESTATE when it is
 * pinned to a base.
 */
fptc_status fptc__log_append(struct fptc__log *log, struct fptc__append *request,
                             const struct fptc__call *call, fptc_error *err);

#endif
