/*
 * pass.c: the pass (design §3, rule 2), the same for readers, writers and compactors.
 *
 *  1. Commits are read in batches without the mutex, then `bases/` is listed, then the batch is
 *     applied with the mutex. Nothing is applied before the listing that vouches for it: a reader of
 *     the sink never sees a ghost, not even for a moment.
 *  2. The listing vouches for a batch n+1.. when its base is <= n, the last number known before the
 *     batch was read: only numbers <= a base are ever deleted, so n+1 was never deleted and what was
 *     read is the real one (S3: comparing with the *last* number read would not be enough).
 *  3. A base or one of its files that is damaged, gone, or that this host cannot read is passed over for
 *     an older one and the commits after it; that says nothing about the file, so nothing is lost by it.
 *  4. The head goes back in one case only: the history itself was rolled back under us (async server,
 *     restored backup). Then the mutex is kept from the reset to the end of the pass.
 *  5. A base is entered by its snapshot only when that is ahead of the head; else the commits of its
 *     roll-ups above the head do, and the sink is not reset. They need no vouching: who made the base
 *     had it (2). A roll-up that holds the head's own commit with another checksum, or whose commits
 *     do not follow from it, is of another history (4).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/batch.h"
#include "store/rollup_file.h"

/* Bases looked at when the newest are damaged: all, unless nobody has deleted any for very long. */
#define BASES_LISTED 1024

#define warn(log, ...) fptc__log_line((log)->logger, FPTC_LOG_WARNING, __VA_ARGS__)

struct pass {
    struct fptc__batch *batch;
    int is_rebuilt;          /* history was found rolled back once: accept what is there */
    int is_cornered;         /* nothing leads around a base that cannot be used */
    char bad_file[160];      /* of a base: could not be used in this pass; "" if none */
    char avoided[160];       /* a file that had been given up before; "" if none */
    struct fptc__shun *shun; /* of the log */
};

static void io_begin(struct fptc__log *log)
{
    if (!log->is_held)
        pthread_mutex_unlock(&log->mutex);
}

static void io_end(struct fptc__log *log)
{
    if (!log->is_held)
        pthread_mutex_lock(&log->mutex);
}

/* --- applying, with the mutex --- */

static int breaks_chain(const struct fptc__log *log, const struct fptc__commit *c)
{
    return c->head.prev && log->head_checksum && c->head.prev != log->head_checksum;
}

/* The newest base cannot be used, and the older one with the commits after it does not lead to it. */
static fptc_status corner(const struct fptc__log *log, struct pass *pass, uint64_t number,
                          const char *why, fptc_error *err)
{
    char host[64];
    pass->is_cornered = 1;
    if (log->bad_why.status != FPTC_EIO)
        return fptc__fail(err, FPTC_EDAMAGED,
                          "base %" PRIu64 " of %s is damaged and commit %" PRIu64
                          " %s: run `fptcache repair`",
                          log->bad_base, log->p.dir, number, why);
    fptc__host_name(host, sizeof(host));
    *err = log->bad_why;
    return fptc__error_where(
        err,
        "host %s cannot go around it, for commit %" PRIu64 " of %s %s; if another"
        " host reads the file look at this one's mount, else `fptcache verify`",
        host, number, log->p.name, why);
}

/* FPTC_ERACE: the commit does not follow from what we know: history was rolled back. */
static fptc_status apply_one(struct fptc__log *log, struct pass *pass, struct fptc__entry *e,
                             fptc_error *err)
{
    fptc_status status = FPTC_OK;
    if (!e->is_hole && breaks_chain(log, &e->commit)) {
        if (log->bad_base > log->head)
            return corner(log, pass, e->number, "does not follow from the older base", err);
        if (!pass->is_rebuilt)
            return FPTC_ERACE;
        warn(log, "commit %" PRIu64 " of %s does not follow from the one before it: accepted",
             e->number, log->p.name);
    }
    if (!e->is_hole)
        status = fptc__log_feed(log, &e->commit, err);
    if (status == FPTC_MISS) {
        warn(log, "commit %" PRIu64 " of %s is skipped: its content makes no sense", e->number,
             log->p.name);
        e->is_hole = 1;
    } else if (status != FPTC_OK) {
        return status;
    }
    if (e->is_hole && log->sink.hole)
        status = log->sink.hole(log->sink.ctx, e->number, err);
    if (status < 0)
        return status;
    log->holes += (uint64_t)e->is_hole;
    log->head_checksum = e->is_hole ? 0 : e->commit.checksum;
    log->head = e->number;
    return FPTC_OK;
}

/* --- starting from a base --- */

/* FPTC_ERACE: the roll-up tells another history than the one that led to the head. */
static fptc_status check_head(const struct fptc__log *log, const struct pass *pass,
                              const struct fptc__commit *c)
{
    int differs = log->head_checksum && c->checksum != log->head_checksum;
    return differs && !pass->is_rebuilt ? FPTC_ERACE : FPTC_OK;
}

/* Numbers that a roll-up leaves out are holes. */
static fptc_status pass_over(struct fptc__log *log, uint64_t upto, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    if (upto <= log->head)
        return FPTC_OK;
    warn(log, "commits %" PRIu64 " to %" PRIu64 " of %s are skipped: they were damaged",
         log->head + 1, upto, log->p.name);
    if (log->sink.hole)
        status = log->sink.hole(log->sink.ctx, upto, err);
    if (status != FPTC_OK)
        return status;
    log->holes += upto - log->head;
    log->head = upto;
    log->head_checksum = 0;
    return FPTC_OK;
}

static fptc_status apply_rolled(struct fptc__log *log, struct pass *pass, struct fptc__entry *e,
                                fptc_error *err)
{
    e->number = e->commit.head.number;
    if (e->number < log->head)
        return FPTC_OK;
    if (e->number == log->head)
        return check_head(log, pass, &e->commit);
    fptc_status status = pass_over(log, e->number - 1, err);
    return status == FPTC_OK ? apply_one(log, pass, e, err) : status;
}

static fptc_status take_rollup(struct fptc__log *log, struct pass *pass,
                               const struct fptc__rollup_file *file, fptc_error *err)
{
    struct fptc__rollup_reader r = {.at = 0};
    io_begin(log);
    fptc_status status = fptc__rollup_load(&log->p, file, &r, err);
    io_end(log);
    uint64_t above = log->head > 0 ? log->head - 1 : 0;
    while (status == FPTC_OK) {
        struct fptc__entry e = {.number = 0};
        status = fptc__rollup_next(&r, file, above, &e.commit, err);
        if (status == FPTC_OK)
            status = fptc__log_check_partition(log, &e.commit, r.path, err);
        if (status == FPTC_OK)
            status = apply_rolled(log, pass, &e, err);
        fptc__commit_done(&e.commit);
    }
    fptc__rollup_done(&r);
    if (status != FPTC_END)
        return status;
    return pass_over(log, file->to, err);
}

static fptc_status reset(struct fptc__log *log, const struct fptc__manifest *m, fptc_error *err)
{
    fptc_status status = log->sink.reset ? log->sink.reset(log->sink.ctx, m, err) : FPTC_OK;
    if (status != FPTC_OK)
        return status;
    log->is_started = 1;
    log->dropped = m->last_drop;
    log->head = log->is_roller ? m->upto : m->snapshot_upto;
    log->head_checksum = log->head == m->upto ? m->prev : 0;
    return FPTC_OK;
}

/* What an older base and the commits after it may mend. */
static int is_unusable(fptc_status status)
{
    return status == FPTC_MISS || status == FPTC_EDAMAGED || status == FPTC_EIO;
}

/* Which of m's files cannot be used: who names it, too, need not be tried. */
static fptc_status blame(struct pass *pass, const char *name, fptc_status status)
{
    if (name[0] && is_unusable(status))
        snprintf(pass->bad_file, sizeof(pass->bad_file), "%s", name);
    return status;
}

static int is_blamed(const char *name, int64_t bytes, void *ctx)
{
    struct pass *pass = ctx;
    (void)bytes;
    if (!name[0] || !fptc__shun_has(pass->shun, name))
        return name[0] && strcmp(name, pass->bad_file) == 0;
    snprintf(pass->avoided, sizeof(pass->avoided), "%s", name);
    return 1;
}

/* Brings sink and head from wherever they are to the base's number, which is above the head. */
static fptc_status enter_base(struct fptc__log *log, struct pass *pass,
                              const struct fptc__manifest *m, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    if (fptc__manifest_files(m, is_blamed, pass))
        return fptc__fail(err, FPTC_EDAMAGED, "it names %s, which has been given up",
                          pass->avoided[0] ? pass->avoided : pass->bad_file);
    if (!log->is_started || log->head < m->snapshot_upto || log->is_roller)
        status = blame(pass, log->is_roller ? "" : m->snapshot, reset(log, m, err));
    for (size_t i = 0; i < m->n_rollups && status == FPTC_OK; i++)
        if (m->rollups[i].to > log->head)
            status = blame(pass, m->rollups[i].name, take_rollup(log, pass, &m->rollups[i], err));
    return status;
}

static fptc_status try_base(struct fptc__log *log, struct pass *pass, uint64_t number,
                            fptc_error *err)
{
    struct fptc__manifest m;
    io_begin(log);
    fptc_status status = fptc__manifest_read(&log->p, number, &m, err);
    io_end(log);
    if (status == FPTC_OK)
        status = enter_base(log, pass, &m, err);
    if (status == FPTC_EFORMAT)
        log->is_read_only = 1;
    if (status == FPTC_MISS)
        fptc__fail(err, FPTC_EDAMAGED, "base %" PRIu64 " of %s or a file of it is not there",
                   number, log->p.name);
    if (status != FPTC_OK)
        return status;
    log->base = number;
    if (m.prev && log->head == number)
        log->head_checksum = m.prev;
    return FPTC_OK;
}

static fptc_status list_bases(struct fptc__log *log, uint64_t list[BASES_LISTED], size_t *n,
                              fptc_error *err)
{
    uint64_t newest = 0;
    io_begin(log);
    fptc_status status = fptc__bases_newest(&log->p, &newest, list, BASES_LISTED, n, err);
    io_end(log);
    if (*n > BASES_LISTED)
        *n = BASES_LISTED;
    return status;
}

/* 1 when what could not be read is worth another look. */
static int may_look_again(struct pass *pass, fptc_status status, const fptc_error *err, int *n)
{
    if (status != FPTC_EIO || (*n)++ >= (err->sys_errno == ESTALE ? FPTC_STALE_MAX : 1))
        return 0;
    pass->bad_file[0] = '\0';
    return 1;
}

/*
 * Enters the newest base. One that has gone, is damaged or cannot be read, and is still the newest, is
 * passed over for the next older one, in the end for none at all: the commits after it replace it as
 * long as they are there (log->bad_base says how far they must reach). A head that is already past
 * such an older base is simply kept.
 */
static fptc_status start_over(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    uint64_t list[BASES_LISTED], newest = 0;
    size_t n = 0, skipped = 0;
    int n_again = 0;
    for (int i = 0; i < FPTC_PASS_RESTARTS_MAX; i++) {
        fptc_status status = list_bases(log, list, &n, err);
        if (status != FPTC_OK)
            return status;
        if (n > 0 && list[0] != newest) {
            newest = list[0];
            skipped = 0;
        }
        if (skipped > n)
            return fptc__fail(err, FPTC_EDAMAGED, "no base of %s can be used", log->p.dir);
        uint64_t candidate = skipped < n ? list[skipped] : 0;
        log->bad_base = skipped > 0 ? newest : 0;
        if (skipped > 0 && log->is_started && candidate <= log->head)
            return FPTC_OK;
        status = try_base(log, pass, candidate, err);
        if (may_look_again(pass, status, err, &n_again))
            continue;
        if (!is_unusable(status))
            return status;
        if (skipped == 0)
            log->bad_why = *err;
        warn(log, "base %" PRIu64 " of %s cannot be used: %s", candidate, log->p.name,
             err->message);
        skipped++;
    }
    return fptc__fail(err, FPTC_ERACE, "bases of %s kept disappearing", log->p.dir);
}

/* --- a batch --- */

/* FPTC_MISS: a base has passed us, start over. FPTC_ERACE: rolled back. FPTC_END: at the head. */
static fptc_status apply_batch(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    struct fptc__batch *b = pass->batch;
    if (b->newest > b->known && b->newest != log->bad_base)
        return FPTC_MISS;
    /* Vouched for (rule 2). An append of ours may have applied the first ones meanwhile. */
    for (size_t i = 0; i < b->n; i++) {
        fptc_status status =
            b->list[i].number <= log->head ? FPTC_OK : apply_one(log, pass, &b->list[i], err);
        if (status != FPTC_OK)
            return status;
    }
    if (b->end == FPTC_END && log->head < log->bad_base)
        return corner(log, pass, log->head + 1, "that would replace it has been deleted", err);
    /* A number above the base and below the head is never deleted: the server has forgotten it. */
    if (b->is_head_gone && b->newest < b->known && b->known == log->head && !pass->is_rebuilt)
        return FPTC_ERACE;
    if (b->end < 0 && err)
        *err = b->err;
    return b->end;
}

static fptc_status take_batch(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    struct fptc__batch *b = pass->batch;
    b->known = log->head;
    io_begin(log);
    fptc__batch_read(log, b);
    fptc_status listed = fptc__bases_newest(&log->p, &b->newest, NULL, 0, NULL, err);
    io_end(log);
    if (listed == FPTC_OK)
        log->newest = b->newest;
    fptc_status status = listed == FPTC_OK ? apply_batch(log, pass, err) : listed;
    if (status == FPTC_EFORMAT)
        log->is_read_only = 1;
    fptc__batch_done(b);
    return status;
}

/* From here to the end of the pass the mutex is kept: the sink goes back, and nobody may see how. */
static fptc_status rebuild(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    warn(log,
         "the log of %s was rolled back behind commit %" PRIu64
         " (file server or backup): it is read again",
         log->p.name, log->head);
    pass->is_rebuilt = log->is_held = 1;
    log->is_started = 0;
    log->refreshed_mono_ms = 0;
    return start_over(log, pass, err);
}

static fptc_status enter(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    fptc_status status = start_over(log, pass, err);
    return status == FPTC_ERACE && !pass->is_rebuilt ? rebuild(log, pass, err) : status;
}

/* Until the head. */
static fptc_status take_batches(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    for (int restarts = 0; status == FPTC_OK;) {
        status = take_batch(log, pass, err);
        if (status == FPTC_ERACE)
            status = rebuild(log, pass, err);
        if (status != FPTC_MISS)
            continue;
        status = ++restarts < FPTC_PASS_RESTARTS_MAX
                     ? enter(log, pass, err)
                     : fptc__fail(err, FPTC_ERACE, "bases of %s kept passing us", log->p.dir);
    }
    return status;
}

/* --- a base that can no longer be read --- */

/* From the newest base that can be used to the head that was shown, with the mutex kept. */
static fptc_status stand_again(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    uint64_t shown = log->head;
    log->is_held = 1;
    log->is_started = 0;
    fptc_status status = start_over(log, pass, err);
    if (status != FPTC_OK && !log->is_started) {
        log->is_started = 1; /* the sink is as it was */
        return status;
    }
    if (status == FPTC_OK)
        status = take_batches(log, pass, err);
    if (status == FPTC_END && log->head < shown)
        warn(log,
             "the log of %s ends at commit %" PRIu64 " and had %" PRIu64 ": it was rolled back",
             log->p.name, log->head, shown);
    if (status != FPTC_END) {
        log->is_started = 0; /* half way: the next pass begins again */
        log->refreshed_mono_ms = 0;
    }
    return status;
}

/* Nothing older leads to where we were: back to the bad one, most of which can be read. */
static fptc_status stand_on_bad(struct fptc__log *log, struct pass *pass, const char *name,
                                fptc_error *err)
{
    warn(log, "nothing replaces %s of %s: what is sound in it is read", name, log->p.name);
    log->irreplaceable = log->bad_base;
    fptc__shun_pardon(log->shun, name);
    pass->bad_file[0] = '\0';
    log->bad_base = 0;
    if (log->is_started)
        return take_batches(log, pass, err);
    return stand_again(log, pass, err);
}

/* FPTC_OK: nothing is wrong with the sink's base, or nothing better is to be had. FPTC_END: mended. */
static fptc_status mend(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    uint64_t list[BASES_LISTED];
    char name[160] = "";
    fptc_error fault = FPTC_ERROR_INIT;
    size_t n = 0;
    fptc_status met =
        log->sink.fault && log->is_started ? log->sink.fault(log->sink.ctx, name, &fault) : FPTC_OK;
    if (met == FPTC_OK)
        return FPTC_OK;
    fptc_status status = list_bases(log, list, &n, err);
    uint64_t newest = n > 0 ? list[0] : 0;
    if (status != FPTC_OK || (newest && newest == log->irreplaceable))
        return status;
    fptc__shun_note(log->shun, name, met);
    warn(log, "%s of %s is %s: %s", name, log->p.name,
         fptc__shun_has(log->shun, name) ? "given up" : "opened again", fault.message);
    status = stand_again(log, pass, err);
    if ((status != FPTC_EDAMAGED && !pass->is_cornered) || !fptc__shun_has(log->shun, name))
        return status;
    return stand_on_bad(log, pass, name, err);
}

static fptc_status pass_through(struct fptc__log *log, struct pass *pass, fptc_error *err)
{
    int64_t begun_mono_ms = fptc__mono_ms();
    if (log->head < log->bad_base)
        log->bad_base = 0; /* the damaged base was not replaced: perhaps it has been repaired */
    if (!log->is_started && log->head > 0)
        pass->is_rebuilt = log->is_held = 1; /* an earlier rebuild failed half way */
    io_begin(log);
    fptc_status status = fptc__log_touch(log, err);
    io_end(log);
    if (status == FPTC_MISS)
        status = FPTC_OK;
    if (status == FPTC_OK && !log->is_started)
        status = enter(log, pass, err);
    if (status == FPTC_OK)
        status = mend(log, pass, err);
    if (status == FPTC_OK)
        status = take_batches(log, pass, err);
    if (pass->is_cornered && pass->avoided[0])
        status = stand_on_bad(log, pass, pass->avoided, err);
    /* What is applied is compared with the base: that, too, may find that it can no longer be read. */
    if (status != FPTC_END && status != FPTC_EFORMAT && log->is_started) {
        fptc_status mended = mend(log, pass, err);
        status = mended == FPTC_OK ? status : mended;
    }
    if (status != FPTC_END)
        return status;
    log->refreshed_mono_ms = begun_mono_ms;
    return FPTC_OK;
}

/* A pinned log starts from its base, once, and looks at nothing else. */
static fptc_status show_pinned(struct fptc__log *log, fptc_error *err)
{
    int64_t begun_mono_ms = fptc__mono_ms();
    struct pass pass = {.batch = NULL, .shun = &log->own_shun};
    char name[160] = "";
    if (log->is_started && log->sink.fault && log->sink.fault(log->sink.ctx, name, NULL) != FPTC_OK)
        log->is_started = 0; /* opened once more: there is no other */
    fptc_status status = log->is_started ? FPTC_OK : try_base(log, &pass, log->pinned, err);
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_ENODATA,
                            "base %" PRIu64 " of %s has gone: the pin has ended; pin again",
                            log->pinned, log->p.dir);
    if (status == FPTC_OK)
        log->refreshed_mono_ms = begun_mono_ms;
    return status;
}

fptc_status fptc__log_run_pass(struct fptc__log *log, fptc_error *err)
{
    if (log->is_pinned)
        return show_pinned(log, err);
    struct pass pass = {.batch = calloc(1, sizeof(struct fptc__batch)), .shun = log->shun};
    fptc_status status = pass.batch ? pass_through(log, &pass, err) : fptc__fail_nomem(err);
    free(pass.batch);
    log->is_held = 0;
    return status;
}
