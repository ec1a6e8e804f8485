/*
 * compact.c: the rewrite. The base's snapshot is copied to local disk, the commits above it (in roll-ups,
 * then in the log) are applied in place, and the result is published as a new base. Nobody is kept from
 * anything meanwhile.
 *
 *  1. pass      fptc__log_refresh: base B, its roll-ups, commits up to n, and `bases/` listed again
 *               afterwards, so no ghost is folded (protocol-attacks S4).
 *  2. file      files/n-<random>.sqlite, synced. Nobody knows it yet: a crash leaves a file that no
 *               base names, which retirement removes.
 *  3. publish   bases/n. A base of that number with a snapshot of n holds the same: our file goes. A
 *               newer base harms nothing: the greatest number is the base.
 *  4. look      whether a roll-up took n, or a greater number, with the snapshot that we began with: under
 *               a steady stream of appends one always does. Then a base above it is made that names our
 *               snapshot and the roll-ups of what came after n (rollup.c, g; test_passed_by_rollups).
 *  5. look      whether the file is still there: who slept for hours between 2 and 3 may find that
 *               retirement took it for a leftover. Then it is put there again, the same bytes under
 *               the same name, which is ours alone.
 *  6. latest.sqlite is pointed at the newest snapshot.
 *
 * After a failure in 3 the base may or may not be there (a reply was lost); then the file stays, too.
 */
#include "store/compact.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/localdir.h"
#include "store/indexes.h"
#include "store/log.h"
#include "store/rollup.h"
#include "store/snapshot.h"
#include "store/tables.h"

/* A transaction of the local database ends after so much: it bounds a journal, which is in memory. */
#define BATCH_BYTES (8u * 1024u * 1024u)
#define BATCH_COMMITS 256u
/* Steps of SQLite's machine between two looks whether the work is still wanted. */
#define ASK_EVERY 20000
/* Times that a snapshot which somebody removed is put back, and that it is looked for in the newest base. */
#define PUT_BACK_MAX 3
#define LOOKS_MAX 4

struct compactor {
    const struct fptc__partition *p;
    const struct fptc__call *call;
    const struct fptc__logger *logger;
    char dir[FPTC__LOCALDIR_BYTES]; /* ours alone, on local disk */
    int has_dir;
    unsigned n_files;                      /* local databases made so far */
    char local[FPTC__LOCALDIR_BYTES + 32]; /* the present one, "" if none */
    sqlite3 *db;
    struct fptc__tables *tables;
    size_t batch_bytes, batch_commits;
    uint64_t from; /* the snapshot that was copied is of */
    int has_journal, needs_journal;
};

/* --- the local database ----------------------------------------------------------------------- */

static void remove_local(const char *path)
{
    char journal[FPTC__LOCALDIR_BYTES + 64];

    if (path[0] == '\0')
        return;
    (void)fptc__file_remove(path, NULL);
    (void)snprintf(journal, sizeof(journal), "%s-journal", path);
    (void)fptc__file_remove(journal, NULL);
}

static fptc_status make_dir(struct compactor *c, fptc_error *err)
{
    fptc_status status = fptc__localdir_make(c->dir, err);

    c->has_dir = status == FPTC_OK;
    return status;
}

static void close_local(struct compactor *c)
{
    fptc__tables_close(c->tables);
    c->tables = NULL;
    (void)sqlite3_close(c->db);
    c->db = NULL;
    remove_local(c->local);
    c->local[0] = '\0';
}

static void compactor_done(struct compactor *c)
{
    close_local(c);
    if (c->has_dir)
        (void)fptc__sys.rmdir(c->dir);
    c->has_dir = 0;
}

static fptc_status open_tables(const struct compactor *c, const struct fptc__manifest *base,
                               struct compactor *fresh, fptc_error *err)
{
    const struct fptc__tables_options o = {.db = fresh->db,
                                           .base = "main",
                                           .delta = "main",
                                           .dropped = base->dropped,
                                           .dropped_asof_ms = base->asof_ms};
    fptc_status status = fptc__tables_open(&o, c->p->name, &fresh->tables, err);

    return status == FPTC_OK ? fptc__sql_run(fresh->db, "BEGIN", err) : status;
}

/* --- the sink --------------------------------------------------------------------------------- */

/* SQLite asks now and then while it works: 1 ends that, with FPTC_ECANCELLED. */
static int is_unwanted(void *call)
{
    return fptc__call_check(call, "compacting", NULL) != FPTC_OK;
}

/* All or nothing: the new database is ready before the old one goes. */
static fptc_status sink_reset(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct compactor *c = ctx, fresh;
    fptc_status status;

    memset(&fresh, 0, sizeof(fresh));
    status = fptc__call_check(c->call, "compacting", err);
    if (status != FPTC_OK)
        return status;
    (void)snprintf(fresh.local, sizeof(fresh.local), "%s/%u.sqlite", c->dir, c->n_files++);
    status = base->snapshot[0] == '\0'
                 ? fptc__snapshot_new(fresh.local, &fresh.db, err)
                 : fptc__snapshot_copy(c->p, c->call, base, fresh.local, &fresh.db, err);
    if (status == FPTC_OK)
        sqlite3_progress_handler(fresh.db, ASK_EVERY, is_unwanted, (void *)(uintptr_t)c->call);
    if (status == FPTC_OK && !c->has_journal)
        status = fptc__snapshot_journal(fresh.db, 0, err);
    if (status == FPTC_OK)
        status = open_tables(c, base, &fresh, err);
    if (status != FPTC_OK) {
        close_local(&fresh);
        return status;
    }
    close_local(c);
    c->db = fresh.db;
    c->tables = fresh.tables;
    c->batch_bytes = c->batch_commits = 0;
    c->from = base->snapshot_upto;
    memcpy(c->local, fresh.local, sizeof(c->local));
    return FPTC_OK;
}

static fptc_status sink_apply(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct compactor *c = ctx;
    fptc_status status = fptc__call_check(c->call, "compacting", err);
    size_t i;

    if (status == FPTC_OK)
        status = fptc__tables_apply(c->tables, commit, err);
    if (status == FPTC_MISS && !c->has_journal) {
        c->needs_journal = 1;
        return fptc__fail(err, FPTC_EINTERNAL, "half of a commit was applied");
    }
    if (status != FPTC_OK)
        return status;
    for (i = 0; i < commit->n_records; i++)
        c->batch_bytes += commit->records[i].len;
    if (c->batch_bytes < BATCH_BYTES && ++c->batch_commits < BATCH_COMMITS)
        return FPTC_OK;
    c->batch_bytes = c->batch_commits = 0;
    return fptc__sql_run(c->db, "COMMIT; BEGIN", err);
}

static fptc_status sink_hole(void *ctx, uint64_t number, fptc_error *err)
{
    return fptc__tables_hole(((struct compactor *)ctx)->tables, number, err);
}

/* --- the steps -------------------------------------------------------------------------------- */

/* Answers older than a day, by the newest time the partition knows, are not worth their bytes. */
static const char prune[] =
    "DELETE FROM _fptc_query WHERE asof < (SELECT max(asof) FROM (SELECT asof FROM _fptc_query"
    " UNION ALL SELECT asof FROM _fptc_cover UNION ALL SELECT asof FROM _fptc_config)) - 86400000";

/* The last words to the local database; it is closed afterwards, but stays. */
static fptc_status finish_local(struct compactor *c, struct fptc__manifest *m, fptc_error *err)
{
    char *sql = sqlite3_mprintf("%s; UPDATE _fptc_format SET upto=%llu; COMMIT", prune,
                                (unsigned long long)m->upto);
    fptc_status status = sql ? fptc__sql_run(c->db, sql, err) : fptc__fail_nomem(err);
    sqlite3 *db = c->db;

    sqlite3_free(sql);
    fptc__tables_close(c->tables);
    c->tables = NULL;
    if (status == FPTC_OK)
        status =
            fptc__snapshot_journal(db, 1, err); /* an index that cannot be made is taken back */
    if (status == FPTC_OK)
        status = fptc__indexes_renew(db, c->logger, err);
    if (status != FPTC_OK)
        return status;
    c->db = NULL;
    return fptc__snapshot_finish(db, m, err);
}

static void remove_snapshot(const struct compactor *c, const char *name)
{
    char path[FPTC_PATH_MAX];

    if (fptc__path(path, NULL, "%s/files/%s", c->p->dir, name) == FPTC_OK)
        (void)fptc__file_remove(path, NULL);
}

/* Step 5. The directory is opened first: a name looked up before may be remembered as there. */
static fptc_status keep_there(struct compactor *c, struct fptc__manifest *m, fptc_error *err)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/files/%s", c->p->dir, m->snapshot);
    int tries;

    if (status == FPTC_OK)
        status = fptc__path(dir, err, "%s/files", c->p->dir);
    for (tries = 0; status == FPTC_OK && tries < PUT_BACK_MAX; tries++) {
        (void)fptc__dir_touch(dir, NULL);
        status = fptc__file_info(path, NULL, NULL, err);
        if (status != FPTC_MISS)
            return status;
        fptc__log_line(c->logger, FPTC_LOG_WARNING, "%s had been removed and is put back", path);
        status = fptc__snapshot_put(c->p, c->call, c->local, m, err);
    }
    return status;
}

/* Step 3: FPTC_OK published, FPTC_MISS another base has the number. */
static fptc_status publish(struct compactor *c, const struct fptc__manifest *m, fptc_error *err)
{
    struct fptc__manifest there;
    fptc_status status = fptc__manifest_publish(c->p, m, err);

    if (status == FPTC_OK || status == FPTC_MISS)
        return status;
    if (fptc__manifest_read(c->p, m->upto, &there, NULL) != FPTC_OK)
        return status; /* nobody knows: the file stays */
    return strcmp(there.snapshot, m->snapshot) == 0 ? FPTC_OK : FPTC_MISS;
}

/* Whose snapshot the newest base has: FPTC_OK ours, FPTC_MISS another's as new, FPTC_END an older one. */
static fptc_status whose(const struct compactor *c, const struct fptc__manifest *m, fptc_error *err)
{
    struct fptc__manifest there;
    uint64_t newest = 0;
    fptc_status status = FPTC_MISS;
    int tries;

    for (tries = 0; tries < LOOKS_MAX && status == FPTC_MISS; tries++) {
        status = fptc__bases_newest(c->p, &newest, NULL, 0, NULL, err);
        if (status == FPTC_OK)
            status = fptc__manifest_read(c->p, newest, &there, err);
    }
    if (status != FPTC_OK)
        return status;
    if (strcmp(there.snapshot, m->snapshot) == 0)
        return FPTC_OK;
    return there.snapshot_upto >= m->upto ? FPTC_MISS : FPTC_END;
}

/* Step 4: brings our snapshot into the newest base. */
static fptc_status bring_in(struct compactor *c, struct fptc__manifest *m,
                            struct fptc__compact_stats *stats, fptc_error *err)
{
    struct fptc__compact_stats rolled = {0, 0, 0, 0, 0};
    fptc_status status = whose(c, m, err);
    int tries;

    m->snapshot_upto = m->upto;
    for (tries = 0; status == FPTC_END && tries < LOOKS_MAX; tries++) {
        status = keep_there(c, m, err);
        if (status == FPTC_OK)
            status = fptc__rollup_onto(c->p, m, c->call, c->logger, &rolled, err);
        if (status == FPTC_OK || status == FPTC_MISS)
            status = whose(c, m, err);
        stats->base = rolled.base;
    }
    return status == FPTC_END
               ? fptc__fail(err, FPTC_ERACE, "bases of %s kept passing us", c->p->dir)
               : status;
}

static fptc_status seal_and_publish(struct compactor *c, struct fptc__manifest *m,
                                    struct fptc__compact_stats *stats, fptc_error *err)
{
    fptc_status status = finish_local(c, m, err), published;
    char first_name[sizeof(m->snapshot)];

    if (status == FPTC_OK)
        status = fptc__call_check(c->call, "compacting", err);
    if (status == FPTC_OK)
        status = fptc__snapshot_put(c->p, c->call, c->local, m, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__call_check(c->call, "compacting", err);
    if (status != FPTC_OK) {
        remove_snapshot(c, m->snapshot);
        return status;
    }
    published = publish(c, m, err);
    if (published < 0)
        return published;
    stats->base = m->upto;
    memcpy(first_name, m->snapshot, sizeof(first_name));
    status = bring_in(c, m, stats, err);
    if (published == FPTC_MISS && status >= 0)
        remove_snapshot(c, first_name); /* no base names it so */
    if (status == FPTC_MISS) {
        stats->folded = 0;
        return FPTC_OK;
    }
    stats->rows = m->rows;
    stats->bytes = m->snapshot_bytes;
    return status == FPTC_OK ? keep_there(c, m, err) : status;
}

/* 1 when the roll-ups hold nothing but commits that only moved the head (rollup.c, g). */
static int are_empty(const struct fptc__manifest *m)
{
    int64_t plain = 0;
    size_t i;

    for (i = 0; i < m->n_rollups; i++)
        plain += m->rollups[i].plain;
    return plain == 0;
}

/* Whether there may be anything above the snapshot: saves copying it for nothing. */
static int has_work(const struct fptc__partition *p, uint64_t *base)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    struct fptc__manifest m;

    if (fptc__bases_newest(p, base, NULL, 0, NULL, NULL) != FPTC_OK ||
        fptc__manifest_read(p, *base, &m, NULL) != FPTC_OK || !are_empty(&m) ||
        fptc__path(dir, NULL, "%s/log", p->dir) != FPTC_OK ||
        fptc__partition_number_path(p, "log", *base + 1, path, NULL) != FPTC_OK)
        return 1; /* the pass will say what is wrong */
    (void)fptc__dir_touch(dir, NULL);
    return fptc__file_info(path, NULL, NULL, NULL) != FPTC_MISS;
}

/* A base of that number by somebody else says the same. */
static fptc_status publish_dropped(struct compactor *c, const struct fptc__manifest *m,
                                   fptc_error *err)
{
    fptc_status status = publish(c, m, err);

    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status fold(struct compactor *c, struct fptc__log *log,
                        struct fptc__compact_stats *stats, fptc_error *err)
{
    struct fptc__server_clock clock;
    struct fptc__manifest m;
    uint64_t base;
    fptc_status status;

    memset(&m, 0, sizeof(m));
    memset(&clock, 0, sizeof(clock));
    /* The time goes first: what was committed by then is in the base. */
    status = fptc__server_now(&clock, c->p, &m.asof_ms, err);
    if (status == FPTC_OK)
        status = fptc__log_refresh(log, err);
    if (status != FPTC_OK)
        return status;
    m.upto = fptc__log_head(log);
    m.prev = fptc__log_head_checksum(log);
    m.last_drop = fptc__log_dropped(log);
    base = fptc__log_base(log);
    stats->base = base;
    if (fptc__log_dropped(log) == m.upto && m.upto > base) {
        m.dropped = m.snapshot_upto = m.upto; /* no files: nothing is left */
        stats->folded = m.upto - base;
        stats->base = m.upto;
        return publish_dropped(c, &m, err);
    }
    if (m.upto <= c->from || !c->db)
        return FPTC_OK;
    stats->folded = m.upto - c->from;
    status = seal_and_publish(c, &m, stats, err);
    if (status != FPTC_OK)
        stats->base = base;
    return status;
}

static fptc_status read_and_fold(struct compactor *c, struct fptc__compact_stats *stats,
                                 fptc_error *err)
{
    const struct fptc__log_sink sink = {
        .ctx = c, .reset = sink_reset, .apply = sink_apply, .hole = sink_hole};
    const struct fptc__log_options options = {.sink = &sink, .logger = c->logger};
    struct fptc__log *log = NULL;
    fptc_status status = fptc__log_open(c->p, &options, &log, err);

    if (status == FPTC_OK)
        status = fold(c, log, stats, err);
    fptc__log_close(log);
    return status;
}

/*
 * Without a journal, which would hold as much memory as pages are changed, nothing can be taken back: what
 * fails ends the compaction. Only a commit whose content makes no sense must be left out alone: once one is
 * met all begins again, with a journal.
 */
static fptc_status compact(struct compactor *c, struct fptc__compact_stats *stats, fptc_error *err)
{
    fptc_status status = make_dir(c, err);

    if (status == FPTC_OK)
        status = read_and_fold(c, stats, err);
    if (c->needs_journal) {
        c->has_journal = 1;
        fptc__error_clear(err);
        status = read_and_fold(c, stats, err);
    }
    return status;
}

fptc_status fptc__compact(const struct fptc__partition *p, const struct fptc__call *call,
                          const struct fptc__logger *logger, struct fptc__compact_stats *stats,
                          fptc_error *err)
{
    struct fptc__compact_stats mine;
    struct compactor c;
    fptc_status status = FPTC_OK;

    memset(&mine, 0, sizeof(mine));
    memset(&c, 0, sizeof(c));
    c.p = p;
    c.call = call;
    c.logger = logger;
    if (has_work(p, &mine.base)) {
        status = compact(&c, &mine, err);
        compactor_done(&c);
    }
    if (stats) {
        mine.deleted = stats->deleted;
        *stats = mine;
    }
    if (status == FPTC_OK)
        fptc__latest_point(p, logger);
    return status;
}
