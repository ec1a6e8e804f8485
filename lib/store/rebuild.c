#include "store/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/drop.h"
#include "store/indexes.h"
#include "store/rollup_file.h"
#include "store/snapshot.h"
#include "store/tables.h"

/* Commits between two transactions of the local database, whose journal is in memory. */
#define BATCH_COMMITS 64u

static void remove_file(const char *path, const char *suffix)
{
    char name[FPTC_PATH_MAX];

    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    (void)fptc__file_remove(name, NULL);
}

void fptc__rebuild_done(struct fptc__rebuild *r)
{
    fptc__tables_close(r->tables);
    r->tables = NULL;
    (void)sqlite3_close(r->db);
    r->db = NULL;
    if (r->path[0]) {
        remove_file(r->path, "");
        remove_file(r->path, "-journal");
    }
    if (r->dir[0])
        (void)fptc__sys.rmdir(r->dir);
    r->path[0] = r->dir[0] = '\0';
}

/* dropped: the drop that an empty database begins with; 0: none. */
static fptc_status open_tables(struct fptc__rebuild *r, uint64_t dropped, int64_t asof_ms,
                               fptc_error *err)
{
    const struct fptc__tables_options o = {.db = r->db,
                                           .base = "main",
                                           .delta = "main",
                                           .dropped = dropped,
                                           .dropped_asof_ms = asof_ms};
    fptc_status status = fptc__tables_open(&o, r->p->name, &r->tables, err);

    return status == FPTC_OK ? fptc__sql_run(r->db, "BEGIN", err) : status;
}

fptc_status fptc__rebuild_begin(struct fptc__rebuild *r, const struct fptc__partition *p,
                                const struct fptc__call *call, const struct fptc__manifest *base,
                                fptc_error *err)
{
    fptc_status status;

    memset(r, 0, sizeof(*r));
    r->p = p;
    r->call = call;
    r->base = base;
    r->upto = base->snapshot_upto;
    r->last_checksum = base->prev;
    r->last_drop = base->last_drop;
    status = fptc__localdir_make(r->dir, err);
    if (status != FPTC_OK) {
        r->dir[0] = '\0';
        return status;
    }
    (void)snprintf(r->path, sizeof(r->path), "%s/rebuilt.sqlite", r->dir);
    status = base->snapshot[0] ? fptc__snapshot_copy(p, call, base, r->path, &r->db, err)
                               : fptc__snapshot_new(r->path, &r->db, err);
    return status == FPTC_OK ? open_tables(r, base->dropped, base->asof_ms, err) : status;
}

/* A new, empty database in place of what there was. */
static fptc_status start_anew(struct fptc__rebuild *r, uint64_t dropped, int64_t asof_ms,
                              fptc_error *err)
{
    fptc_status status;

    fptc__tables_close(r->tables);
    r->tables = NULL;
    (void)sqlite3_close(r->db);
    r->db = NULL;
    remove_file(r->path, "");
    remove_file(r->path, "-journal");
    status = fptc__snapshot_new(r->path, &r->db, err);
    return status == FPTC_OK ? open_tables(r, dropped, asof_ms, err) : status;
}

/* As fptc__log_drop(): what makes no sense is a hole. */
static fptc_status drop(struct fptc__rebuild *r, const struct fptc__commit *commit, fptc_error *err)
{
    int64_t asof_ms = fptc__commit_drop_asof(commit);

    if (asof_ms < 0)
        return FPTC_MISS;
    r->last_drop = commit->head.number;
    return start_anew(r, commit->head.number, asof_ms, err);
}

fptc_status fptc__rebuild_commit(struct fptc__rebuild *r, const struct fptc__commit *commit,
                                 fptc_error *err)
{
    fptc_status status = fptc__call_check(r->call, "rebuilding a base", err);

    if (status == FPTC_OK && fptc__commit_drops(commit))
        status = drop(r, commit, err);
    else if (status == FPTC_OK && fptc__commit_begins_anew(commit))
        status = start_anew(r, 0, 0, err);
    if (status == FPTC_OK && !fptc__commit_drops(commit))
        status = fptc__tables_apply(r->tables, commit, err);
    if (status == FPTC_MISS) /* its content makes no sense: a hole for every reader */
        status = fptc__tables_hole(r->tables, commit->head.number, err);
    if (status != FPTC_OK)
        return status;
    r->applied++;
    return r->applied % BATCH_COMMITS ? FPTC_OK : fptc__sql_run(r->db, "COMMIT; BEGIN", err);
}

/* FPTC_MISS when the number is passed over. */
static fptc_status apply_number(struct fptc__rebuild *r, uint64_t number, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__commit c;
    struct fptc__buf bytes;
    fptc_status status = fptc__partition_number_path(r->p, "log", number, path, err);

    memset(&c, 0, sizeof(c));
    fptc__buf_init(&bytes, FPTC_COMMIT_BYTES_MAX);
    if (status == FPTC_OK)
        status = fptc__file_read(path, FPTC_COMMIT_BYTES_MAX, &bytes, err);
    if (status == FPTC_OK)
        status = fptc__commit_decode(fptc__buf_text(&bytes), bytes.len, path, number, &c, err);
    fptc__buf_done(&bytes);
    if (status == FPTC_OK && strcmp(c.head.partition, r->p->name) != 0)
        status = FPTC_MISS;
    if (status == FPTC_OK)
        status = fptc__rebuild_commit(r, &c, err);
    r->last_checksum = status == FPTC_OK ? c.checksum : 0;
    fptc__commit_done(&c);
    return status == FPTC_ELIMIT || status == FPTC_EDAMAGED ? FPTC_MISS : status;
}

static fptc_status pass_over(struct fptc__rebuild *r, uint64_t upto, fptc_error *err)
{
    if (upto <= r->upto)
        return FPTC_OK;
    r->skipped += upto - r->upto;
    r->upto = upto;
    return fptc__tables_hole(r->tables, upto, err);
}

/* What a roll-up of the base says of the commits up to `upto`. Numbers that it leaves out are holes, which
   everybody passes over: they do not count as skipped here. */
static fptc_status apply_rollup(struct fptc__rebuild *r, const struct fptc__rollup_file *file,
                                uint64_t upto, fptc_error *err)
{
    struct fptc__rollup_reader reader = {.at = 0};
    uint64_t skipped = r->skipped, end = file->to < upto ? file->to : upto;
    fptc_status status = fptc__rollup_load(r->p, file, &reader, err);

    while (status == FPTC_OK) {
        struct fptc__commit c;

        memset(&c, 0, sizeof(c));
        status = fptc__rollup_next(&reader, file, r->upto, &c, err);
        if (status == FPTC_OK && c.head.number > end)
            status = FPTC_END;
        if (status == FPTC_OK)
            status = pass_over(r, c.head.number - 1, err);
        if (status == FPTC_OK)
            status = fptc__rebuild_commit(r, &c, err);
        if (status == FPTC_OK)
            r->upto = c.head.number;
        fptc__commit_done(&c);
    }
    fptc__rollup_done(&reader);
    if (status == FPTC_END)
        status = pass_over(r, end, err);
    r->skipped = skipped;
    return status;
}

fptc_status fptc__rebuild_apply(struct fptc__rebuild *r, uint64_t upto, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < r->base->n_rollups; i++) {
        if (r->base->rollups[i].to > r->upto && r->upto < upto)
            status = apply_rollup(r, &r->base->rollups[i], upto, err);
    }
    while (status == FPTC_OK && r->upto < upto) {
        status = apply_number(r, r->upto + 1, err);
        if (status == FPTC_MISS)
            status = pass_over(r, r->upto + 1, err);
        else
            r->upto++;
        if (status == FPTC_OK)
            status = fptc__call_check(r->call, "rebuilding a base", err);
    }
    return status;
}

fptc_status fptc__rebuild_close_tables(struct fptc__rebuild *r, fptc_error *err)
{
    fptc__tables_close(r->tables);
    r->tables = NULL;
    return fptc__sql_run(r->db, "COMMIT", err);
}

/* The last words to the database, which is closed afterwards. */
static fptc_status finish(struct fptc__rebuild *r, struct fptc__manifest *m,
                          const struct fptc__logger *logger, fptc_error *err)
{
    char *sql = sqlite3_mprintf("UPDATE _fptc_format SET upto=%llu", (unsigned long long)m->upto);
    fptc_status status = sql ? fptc__sql_run(r->db, sql, err) : fptc__fail_nomem(err);
    sqlite3 *db = r->db;

    sqlite3_free(sql);
    if (status == FPTC_OK)
        status = fptc__rebuild_close_tables(r, err);
    if (status == FPTC_OK)
        status = fptc__indexes_renew(db, logger, err);
    if (status != FPTC_OK)
        return status;
    r->db = NULL;
    return fptc__snapshot_finish(db, m, err);
}

fptc_status fptc__rebuild_publish(struct fptc__rebuild *r, struct fptc__manifest *m,
                                  const struct fptc__logger *logger, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = finish(r, m, logger, err);

    m->snapshot_upto = m->upto;
    m->last_drop = r->last_drop;
    m->n_rollups = 0;
    if (status == FPTC_OK)
        status = fptc__snapshot_put(r->p, r->call, r->path, m, err);
    if (status == FPTC_OK)
        status = fptc__manifest_publish(r->p, m, err);
    if (status == FPTC_OK || status == FPTC_MISS)
        if (fptc__path(path, err, "%s/files/%s", r->p->dir, m->snapshot) != FPTC_OK)
            return FPTC_ELIMIT;
    if (status == FPTC_MISS)
        (void)fptc__file_remove(path, NULL);
    if (status != FPTC_OK)
        return status;
    /* Who slept between the two may find that deletion took the file for a leftover. */
    status = fptc__file_info(path, NULL, NULL, err);
    return status == FPTC_MISS ? fptc__fail(err, FPTC_ERACE, "%s was removed: repair again", path)
                               : status;
}
