/*
 * rollup.c: the roll-up. Any number of processes may do it at any time, beside everything else.
 *
 *  1. pass      a log whose sink keeps the bytes of the commits above base B: B+1 .. n, vouched for by a
 *               listing of `bases/` afterwards, so that no ghost is folded (S4). The base must be sound:
 *               else an older one is entered, as a reader does.
 *  2. file      files/<from>-n-<random>.rollup, synced. Nobody knows it yet: a crash leaves a file that
 *               no base names, which retirement removes.
 *  3. publish   bases/n, naming B's snapshot, B's roll-ups and ours. Somebody else's base of that number
 *               holds the same commits: our file goes. A greater base harms nothing.
 *  4. look      afterwards, for what happened while we slept between 1 and 3.
 *
 * Races, and what ends each (tests/unit/test_store_rollup.c):
 *  a. Two roll up at once. Both read B, both write a file of B+1..n. Put-if-absent lets one have bases/n;
 *     the other removes its own file, which has a name of its own. With n' > n both stand. [two_at_once]
 *  b. A ghost. We know B; another folds n+1 into base n+1, deletes it, and a sleeper links a ghost n+1.
 *     We read it. The listing at the end of the pass shows n+1 > B: thrown away. [ghosts_are_not_folded]
 *  c. A roller sleeps for hours between 2 and 3. Its file, which no base named, was deleted. keep_there()
 *     looks for it after publishing, and writes the same bytes under the same name. [file_taken]
 *     A deletion that itself sleeps between its look and its unlink takes only files of a number that is
 *     below the second greatest base (retire.c, 4): then ours is not the base.
 *  d. The same, and bases between B and n came, so that the *other* files which bases/n names were deleted
 *     with their last name. look_after() finds them gone, and a new base is made at once, from the newest
 *     sound one; commits above that are still there (retire.c, 2). But a deletion may sleep before its
 *     unlink, so that our look still finds them (model F1). Hence the greatest base is looked at between
 *     the writing of the manifest's temp and its link, and deletion unlinks all such temps before it
 *     looks what bases name: who slept from the look on has no temp to link, and looks again.
 *     [others_files_taken, a_sleeper_has_no_temp]
 *  e. A rewrite lands between B and n while we are between 1 and 3: our base, the greater, would name the
 *     old snapshot and undo the rewrite. look_after() finds a base between B and n with a newer snapshot,
 *     and a base that names that is made. Who dies just then leaves the rewrite undone, and due again.
 *     [rewrite_between]
 *  f. A late, older base: nobody begins below the greatest number; its file goes with its name. [late]
 *  g. A rewrite that is passed by roll-ups: compact.c comes here, to fptc__rollup_onto(). When n is a base
 *     already there is no number left to publish at; a commit without records makes one. [no_number_left]
 *  h. A snapshot that no base names yet, or none of the newest, as in e and g, is old by its number: a deletion
 *     asleep before its unlink may take it after we named it. So it is named by a second name, with
 *     the number of our base, which protects it as it does the roll-up's own file (c). [snapshot_taken]
 */
#include "store/rollup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/rollup_file.h"
#include "store/snapshot.h"

/* Rounds of one call, and times that a file which somebody removed is put back. */
#define ROUNDS_MAX 4
#define PUT_BACK_MAX 3

struct roller {
    const struct fptc__partition *p;
    const struct fptc__call *call;
    const struct fptc__logger *logger;
    struct fptc__log *log;
    struct fptc__manifest base; /* entered */
    uint64_t greatest;          /* base when the pass ended: it, unless that is damaged */
    struct fptc__buf bytes;     /* the commits above it */
    int64_t plain, n_commits;
    size_t bytes_max;           /* that this call may write */
    int is_full;                /* more is above than that */
    struct fptc__manifest with; /* its snapshot is to be named; none while has_with is 0 */
    int has_with;
    struct fptc__manifest next; /* what is published */
};

/* --- the sink: the commits above the base, as bytes --- */

static fptc_status on_base(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct roller *r = ctx;
    fptc_status status = fptc__manifest_look(r->p, base, err);
    if (status != FPTC_OK)
        return status;
    r->base = *base;
    r->plain = 0;
    r->n_commits = 0;
    r->is_full = 0;
    fptc__buf_clear(&r->bytes);
    return FPTC_OK;
}

static fptc_status on_commit(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct roller *r = ctx;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__call_check(r->call, "rolling up", &why);
    if (status != FPTC_OK && status != FPTC_EDEADLINE) {
        if (err)
            *err = why;
        return status;
    }
    if (!commit->file)
        return fptc__fail(err, FPTC_EINTERNAL, "an append of our own: to be read in the next pass");
    /* Late, a slow host takes at least what makes a roll-up due: else it would begin for nothing for ever. */
    if (commit->file_len > r->bytes_max - r->bytes.len ||
        (status == FPTC_EDEADLINE && r->n_commits >= FPTC_ROLLUP_COMMITS)) {
        r->is_full = 1;
        return fptc__fail(err, FPTC_ELIMIT, "more commits than one roll-up takes");
    }
    fptc__buf_add(&r->bytes, commit->file, commit->file_len);
    r->plain += (int64_t)commit->inflated.len;
    r->n_commits++;
    return fptc__buf_check(&r->bytes, "a roll-up", err);
}

static fptc_status pass(struct roller *r, fptc_error *err)
{
    fptc_status status = fptc__log_refresh(r->log, err);
    return status == FPTC_ELIMIT && r->is_full ? FPTC_OK : status;
}

/* Race g: the head is a base already, and another is wanted. */
static fptc_status move_head(struct roller *r, fptc_error *err)
{
    struct fptc__records none = {.list = NULL};
    struct fptc__append request = {.records = &none, .may_be_empty = 1};
    fptc_status status = fptc__log_append(r->log, &request, r->call, err);
    return status == FPTC_OK ? pass(r, err) : status;
}

/* --- merging --- */

/* Of what power of the fan-out so many bytes are. */
static int tier(int64_t bytes)
{
    int n = 0;
    for (; bytes >= FPTC_ROLLUP_FANOUT; bytes /= FPTC_ROLLUP_FANOUT)
        n++;
    return n;
}

/*
 * The first of the roll-ups that become one with the new piece; n when none does. Smaller tiers at the end
 * always do, and those of the piece's own tier when there are as many as make it the next: so whatever is
 * written again rises a tier, and the tiers left never rise from old to new, less than the fan-out of each.
 */
static size_t merge_from(const struct fptc__rollup_file *list, size_t n, int64_t piece,
                         int64_t bytes_max)
{
    size_t from = n;
    int64_t sum = piece;
    for (;;) {
        size_t at = from;
        int64_t more = 0;
        int own = tier(sum);
        while (at > 0 && tier(list[at - 1].bytes) < own)
            more += list[--at].bytes;
        size_t smaller = at;
        while (at > 0 && tier(list[at - 1].bytes) == own && smaller - at < FPTC_ROLLUP_FANOUT - 1)
            more += list[--at].bytes;
        if (smaller - at < FPTC_ROLLUP_FANOUT - 1) {
            for (; at < smaller; at++)
                more -= list[at].bytes;
        }
        if (at == from || sum + more > bytes_max)
            return from;
        from = at;
        sum += more;
    }
}

/* Puts the bytes of roll-ups from..n-1 of the base before the new piece. */
static fptc_status merge(struct roller *r, const struct fptc__rollup_file *list, size_t n,
                         fptc_error *err)
{
    struct fptc__buf all;
    fptc_status status = FPTC_OK;
    fptc__buf_init(&all, FPTC_ROLLUP_BYTES_MAX);
    for (size_t i = 0; i < n && status == FPTC_OK; i++) {
        struct fptc__rollup_reader old = {.at = 0};
        status = fptc__rollup_load(r->p, &list[i], &old, err);
        if (status == FPTC_OK)
            fptc__buf_add(&all, fptc__buf_text(&old.bytes), old.bytes.len);
        r->plain += list[i].plain;
        fptc__rollup_done(&old);
    }
    fptc__buf_add(&all, fptc__buf_text(&r->bytes), r->bytes.len);
    if (status == FPTC_OK)
        status = fptc__buf_check(&all, "a roll-up", err);
    fptc__buf_done(&r->bytes);
    r->bytes = all;
    return status;
}

/* --- the new base --- */

static void take_snapshot(struct fptc__manifest *to, const struct fptc__manifest *from)
{
    memcpy(to->snapshot, from->snapshot, sizeof(to->snapshot));
    to->snapshot_upto = from->snapshot_upto;
    to->snapshot_bytes = from->snapshot_bytes;
    to->snapshot_checksum = from->snapshot_checksum;
    to->rows = from->rows;
}

/* A rewrite may have been retired while we slept: then we go on without it. */
static int is_snapshot_gone(const struct roller *r, const struct fptc__manifest *of)
{
    struct fptc__manifest m = {.upto = 0};
    take_snapshot(&m, of);
    return fptc__manifest_look(r->p, &m, NULL) == FPTC_MISS;
}

/* Of the last FPTC_ROLLUP_FANOUT roll-ups and the new piece. */
static size_t n_bytes(const struct fptc__rollup_file *last, const struct roller *r)
{
    size_t n = r->bytes.len;
    for (int i = 0; i < FPTC_ROLLUP_FANOUT; i++)
        n += (size_t)last[i].bytes;
    return n;
}

/* The base's roll-ups that reach above the snapshot, then ours. FPTC_MISS: there is no room for it. */
static fptc_status gather(struct roller *r, fptc_error *err)
{
    struct fptc__manifest *m = &r->next;
    size_t n = 0;
    take_snapshot(m, r->has_with ? &r->with : &r->base);
    for (size_t i = 0; i < r->base.n_rollups; i++)
        if (r->base.rollups[i].to > m->snapshot_upto)
            m->rollups[n++] = r->base.rollups[i];
    size_t from = merge_from(m->rollups, n, (int64_t)r->bytes.len, (int64_t)r->bytes_max);
    if (from == FPTC_ROLLUPS_MAX && n_bytes(m->rollups + n - FPTC_ROLLUP_FANOUT, r) <= r->bytes_max)
        from -= FPTC_ROLLUP_FANOUT;
    if (from == FPTC_ROLLUPS_MAX)
        return FPTC_MISS;
    fptc_status status = merge(r, m->rollups + from, n - from, err);
    struct fptc__rollup_file *file = &m->rollups[from];
    uint64_t begin = from < n ? file->from : r->base.upto + 1;
    *file = (struct fptc__rollup_file){.from = begin, .to = m->upto, .plain = r->plain};
    m->n_rollups = from + 1;
    return status;
}

static struct fptc__rollup_file *own_file(struct roller *r)
{
    return &r->next.rollups[r->next.n_rollups - 1];
}

static void remove_file(struct roller *r, const char *name)
{
    char path[FPTC_PATH_MAX];
    if (fptc__path(path, NULL, "%s/files/%s", r->p->dir, name) == FPTC_OK)
        (void)fptc__file_remove(path, NULL);
}

/* Race h, then the roll-up. FPTC_END: the snapshot has gone. */
static fptc_status put_files(struct roller *r, fptc_error *err)
{
    fptc_status status = r->has_with ? fptc__snapshot_link(r->p, &r->next, err) : FPTC_OK;
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_END : status;
    return fptc__rollup_put(r->p, &r->bytes, own_file(r), err);
}

/* FPTC_OK published, FPTC_MISS somebody else's base has the number, FPTC_END others have come: both times our
   file is gone. */
static fptc_status publish(struct roller *r, fptc_error *err)
{
    struct fptc__manifest there;
    if (r->next.dropped)
        return fptc__manifest_publish(r->p, &r->next, err);
    fptc_status status = put_files(r, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__manifest_publish_from(r->p, &r->next, r->greatest, err);
    if (status < 0) {
        if (fptc__manifest_read(r->p, r->next.upto, &there, NULL) != FPTC_OK)
            return status; /* nobody knows: the file stays */
        int is_ours = there.n_rollups == r->next.n_rollups &&
                      strcmp(there.rollups[there.n_rollups - 1].name, own_file(r)->name) == 0;
        status = is_ours ? FPTC_OK : FPTC_MISS;
    }
    if (status != FPTC_MISS && status != FPTC_END)
        return status;
    remove_file(r, own_file(r)->name);
    if (r->has_with)
        remove_file(r, r->next.snapshot);
    return status;
}

/* Whether the base entered names a snapshot as new as the one to be named: its roll-ups begin above that. */
static int has_own_snapshot(const struct roller *r)
{
    return r->has_with && r->base.snapshot_upto >= r->with.snapshot_upto;
}

/* What is to be published: FPTC_MISS when there is nothing. */
static fptc_status plan(struct roller *r, int must_move, fptc_error *err)
{
    fptc_status status = pass(r, err);
    if (status == FPTC_OK && !has_own_snapshot(r) && must_move &&
        fptc__log_head(r->log) <= fptc__log_newest_base(r->log) && !r->is_full)
        status = move_head(r, err);
    if (status != FPTC_OK)
        return status;
    if (has_own_snapshot(r)) /* asked again: a base may have been entered while the head moved */
        return FPTC_MISS;
    r->greatest = fptc__log_newest_base(r->log);
    r->next.upto = fptc__log_head(r->log);
    r->next.prev = fptc__log_head_checksum(r->log);
    r->next.last_drop = fptc__log_dropped(r->log);
    if (r->next.upto <= fptc__log_newest_base(r->log))
        return FPTC_MISS;
    if (fptc__log_dropped(r->log) == r->next.upto) {
        r->next.dropped = r->next.snapshot_upto = r->next.upto; /* whoever dropped it died */
        return FPTC_OK;
    }
    if (r->next.upto <= r->base.upto)
        return FPTC_MISS;
    if (r->has_with && is_snapshot_gone(r, &r->with))
        r->has_with = 0;
    return gather(r, err);
}

/* FPTC_OK published, FPTC_MISS nothing to do or somebody else did it. */
static fptc_status round_of(struct roller *r, int must_move, fptc_error *err)
{
    const struct fptc__log_sink sink = {.ctx = r, .reset = on_base, .apply = on_commit};
    const struct fptc__log_options options = {.sink = &sink, .logger = r->logger};
    struct fptc__server_clock clock = {0};
    r->next = (struct fptc__manifest){.upto = 0};
    fptc_status status = fptc__log_open_roller(r->p, &options, &r->log, err);
    if (status != FPTC_OK)
        return status;
    /* The time goes first: what was committed by then is in the base. */
    status = fptc__server_now(&clock, r->p, &r->next.asof_ms, err);
    if (status == FPTC_OK)
        status = plan(r, must_move, err);
    fptc__log_close(r->log);
    r->log = NULL;
    return status == FPTC_OK ? publish(r, err) : status;
}

/* --- afterwards --- */

/* Race c. The directory is opened first: a name looked up before may be remembered as there. */
static fptc_status keep_there(struct roller *r, fptc_error *err)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/files/%s", r->p->dir, own_file(r)->name);
    if (status == FPTC_OK)
        status = fptc__path(dir, err, "%s/files", r->p->dir);
    for (int tries = 0; status == FPTC_OK && tries < PUT_BACK_MAX; tries++) {
        (void)fptc__dir_touch(dir, NULL);
        status = fptc__file_info(path, NULL, NULL, err);
        if (status != FPTC_MISS)
            return status;
        fptc__log_line(r->logger, FPTC_LOG_WARNING, "%s had been removed and is put back", path);
        status = fptc__rollup_put(r->p, &r->bytes, own_file(r), err);
    }
    return status;
}

/* Race e: takes the newest snapshot of the bases that came between the one we began with and ours. 1: there
   is one. */
static int has_been_rewritten(struct roller *r, const uint64_t *list, size_t n)
{
    const uint64_t known = r->next.snapshot_upto;
    uint64_t best = known;
    for (size_t i = 0; i < n && list[i] > r->base.upto; i++) {
        struct fptc__manifest m;
        if (list[i] >= r->next.upto || fptc__manifest_read(r->p, list[i], &m, NULL) != FPTC_OK ||
            m.snapshot_upto <= best || is_snapshot_gone(r, &m))
            continue;
        best = m.snapshot_upto;
        r->with = m;
        r->has_with = 1;
    }
    return best > known;
}

/* FPTC_MISS: the base that we made must be followed by another (races d and e). */
static fptc_status look_after(struct roller *r, fptc_error *err)
{
    uint64_t list[4 * FPTC_BASES_KEPT], newest = 0;
    size_t n = 0;
    fptc_status status = keep_there(r, err);
    if (status == FPTC_OK)
        status = fptc__bases_newest(r->p, &newest, list, 4 * (size_t)FPTC_BASES_KEPT, &n, err);
    if (status != FPTC_OK || newest > r->next.upto)
        return status; /* somebody else's is the base: what is wrong with it is not ours to see */
    if (n > 4 * (size_t)FPTC_BASES_KEPT)
        n = 4 * (size_t)FPTC_BASES_KEPT;
    if (has_been_rewritten(r, list, n))
        return FPTC_MISS;
    return fptc__manifest_look(r->p, &r->next, err);
}

static fptc_status roll(struct roller *r, struct fptc__compact_stats *stats, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int must_move = 0;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        status = round_of(r, must_move || r->has_with, err);
        stats->base = r->base.upto;
        if (status == FPTC_END)
            continue;
        if (status != FPTC_OK)
            return status;
        stats->base = r->next.upto;
        stats->folded += r->next.upto - r->base.upto;
        if (r->next.dropped) {
            fptc__latest_point(r->p, r->logger);
            return FPTC_OK;
        }
        stats->bytes += own_file(r)->bytes;
        status = look_after(r, err);
        if (status != FPTC_MISS)
            return status;
        must_move = 1;
    }
    return status == FPTC_END ? FPTC_MISS : status;
}

static fptc_status run(struct roller *r, struct fptc__compact_stats *stats, fptc_error *err)
{
    int64_t ms = fptc__call_left_ms(r->call, FPTC_ROLLUP_BYTES_MAX / FPTC_ROLLUP_BYTES_PER_MS);
    struct fptc__compact_stats mine = {.base = 0};
    r->bytes_max = (size_t)ms * FPTC_ROLLUP_BYTES_PER_MS;
    fptc__buf_init(&r->bytes, FPTC_ROLLUP_BYTES_MAX);
    fptc_status status = fptc__call_check(r->call, "rolling up", err);
    if (status == FPTC_OK)
        status = roll(r, &mine, err);
    fptc__buf_done(&r->bytes);
    if (r->has_with && status == FPTC_OK)
        fptc__latest_point(r->p, r->logger);
    if (stats) {
        mine.deleted = stats->deleted;
        *stats = mine;
    }
    return status;
}

fptc_status fptc__rollup_onto(const struct fptc__partition *p, struct fptc__manifest *with,
                              const struct fptc__call *call, const struct fptc__logger *logger,
                              struct fptc__compact_stats *stats, fptc_error *err)
{
    struct roller *r = calloc(1, sizeof(*r));
    if (!r)
        return fptc__fail_nomem(err);
    r->p = p;
    r->call = call;
    r->logger = logger;
    r->has_with = with != NULL;
    if (with)
        take_snapshot(&r->with, with);
    fptc_status status = run(r, stats, err);
    if (with && status == FPTC_OK && r->next.snapshot_upto == with->snapshot_upto &&
        r->next.snapshot_checksum == with->snapshot_checksum)
        take_snapshot(with, &r->next);
    free(r);
    return status;
}

fptc_status fptc__rollup(const struct fptc__partition *p, const struct fptc__call *call,
                         const struct fptc__logger *logger, struct fptc__compact_stats *stats,
                         fptc_error *err)
{
    fptc_status status = fptc__rollup_onto(p, NULL, call, logger, stats, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}
