/*
 * retire.c: deletion of what no base needs (design §3, R1). Any number of processes may do it at any
 * time, beside appends, reads and compactions, with any grace: a deleted number is always at or below
 * a base that stays, and everybody lists `bases/` after looking for a number.
 *
 * Order: names in bases/ beyond the newest FPTC_BASES_KEPT; commits; snapshot files that no base
 * names; temps. A name in bases/ goes before its file, so that who lists it after pinning knows.
 *
 * More careful than the rule asks for:
 *  - commits go only up to the second newest *sound* base (manifest readable, snapshot there and of
 *    its size), counted from when that base was published: a damaged one leaves a way around it;
 *  - a snapshot file that no base names is kept for UNNAMED_MS whatever the grace: it may be that of a
 *    compactor which has copied it and not yet published its manifest.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/compact.h"
#include "store/publish.h"

#define UNNAMED_MS (10 * 60 * 1000)
/* Numbers removed by one call; the next call goes on. */
#define NUMBERS_MAX 16384
/* Bases whose snapshots are known to be in use; more than that lie about only while the grace lasts. */
#define BASES_LISTED 64

#define warn(r, ...) fptc__log_line((r)->logger, FPTC_LOG_WARNING, __VA_ARGS__)

struct retire {
    const struct fptc__partition *p;
    const struct fptc__logger *logger;
    int64_t now_ms, grace_ms;
    int64_t deleted;
    uint64_t bases[BASES_LISTED]; /* newest first */
    size_t n_bases;
    char (*used)[160]; /* snapshot names of the listed bases */
    size_t n_used;
};

static int is_old(const struct retire *r, const char *path, int64_t grace_ms)
{
    int64_t mtime_ms = 0;
    return fptc__file_info(path, NULL, &mtime_ms, NULL) == FPTC_OK &&
           r->now_ms - mtime_ms >= grace_ms;
}

static void remove_file(struct retire *r, const char *path)
{
    fptc_error err = FPTC_ERROR_INIT;
    if (fptc__file_remove_shared(path, &err) == FPTC_OK)
        r->deleted++;
    else
        warn(r, "left behind: %s", err.message);
}

/* --- numbers: log/ and bases/ --- */

struct numbers {
    uint64_t most; /* only these are wanted */
    uint64_t *list;
    size_t n;
};

static int note_number(const char *name, void *payload)
{
    struct numbers *numbers = payload;
    uint64_t number = 0;
    if (fptc__partition_number(name, &number) && number <= numbers->most)
        numbers->list[numbers->n++] = number;
    return numbers->n == NUMBERS_MAX;
}

/* Removes the numbers of sub/ that are <= most and old. Listed first, for a directory that changes
   while it is being read may show names twice or not at all. */
static fptc_status remove_numbers(struct retire *r, const char *sub, uint64_t most, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct numbers numbers = {.most = most};
    fptc_status status = fptc__path(path, err, "%s/%s", r->p->dir, sub);
    if (status != FPTC_OK)
        return status;
    numbers.list = malloc(NUMBERS_MAX * sizeof(*numbers.list));
    if (!numbers.list)
        return fptc__fail_nomem(err);
    status = fptc__dir_list(path, note_number, &numbers, err);
    for (size_t i = 0; i < numbers.n && status == FPTC_OK; i++) {
        status = fptc__partition_number_path(r->p, sub, numbers.list[i], path, err);
        if (status == FPTC_OK && is_old(r, path, r->grace_ms))
            remove_file(r, path);
    }
    free(numbers.list);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static int is_sound(const struct retire *r, uint64_t base)
{
    char path[FPTC_PATH_MAX];
    struct fptc__manifest m;
    int64_t bytes = 0;
    if (fptc__manifest_read(r->p, base, &m, NULL) != FPTC_OK)
        return 0;
    if (!m.snapshot[0])
        return 1;
    return fptc__path(path, NULL, "%s/files/%s", r->p->dir, m.snapshot) == FPTC_OK &&
           fptc__file_info(path, &bytes, NULL, NULL) == FPTC_OK && bytes == m.snapshot_bytes;
}

/* The greatest number whose commit nobody needs: the second sound base that is old enough; 0: none. */
static uint64_t commits_floor(const struct retire *r)
{
    char path[FPTC_PATH_MAX];
    int n_sound = 0;
    for (size_t i = 0; i < r->n_bases; i++) {
        if (!is_sound(r, r->bases[i]) || ++n_sound < 2)
            continue;
        if (fptc__partition_number_path(r->p, "bases", r->bases[i], path, NULL) == FPTC_OK &&
            is_old(r, path, r->grace_ms))
            return r->bases[i];
    }
    return 0;
}

/* --- snapshot files --- */

/* FPTC_MISS when it cannot be known: then no file is removed. */
static fptc_status list_used(struct retire *r, fptc_error *err)
{
    r->used = calloc(BASES_LISTED, sizeof(*r->used));
    if (!r->used)
        return fptc__fail_nomem(err);
    for (size_t i = 0; i < r->n_bases; i++) {
        struct fptc__manifest m;
        fptc_error why = FPTC_ERROR_INIT;
        fptc_status status = fptc__manifest_read(r->p, r->bases[i], &m, &why);
        if (status < 0) {
            warn(r, "no snapshot of %s is removed: %s", r->p->name, why.message);
            return FPTC_MISS;
        }
        /* FPTC_MISS: another process has just retired the name. */
        if (status == FPTC_OK)
            memcpy(r->used[r->n_used++], m.snapshot, sizeof(m.snapshot));
    }
    return FPTC_OK;
}

static int remove_unused(const char *name, void *payload)
{
    struct retire *r = payload;
    char path[FPTC_PATH_MAX];
    int64_t grace_ms = r->grace_ms > UNNAMED_MS ? r->grace_ms : UNNAMED_MS;
    for (size_t i = 0; i < r->n_used; i++)
        if (strcmp(r->used[i], name) == 0)
            return 0;
    if (fptc__path(path, NULL, "%s/files/%s", r->p->dir, name) == FPTC_OK &&
        is_old(r, path, grace_ms))
        remove_file(r, path);
    return 0;
}

static fptc_status list_bases(struct retire *r, size_t *n, fptc_error *err)
{
    uint64_t newest = 0;
    fptc_status status = fptc__bases_newest(r->p, &newest, r->bases, BASES_LISTED, n, err);
    r->n_bases = *n < BASES_LISTED ? *n : BASES_LISTED;
    return status;
}

static fptc_status remove_files(struct retire *r, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    size_t n = 0;
    fptc_status status = list_bases(r, &n, err);
    if (status != FPTC_OK || n > BASES_LISTED)
        return status;
    status = list_used(r, err);
    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/files", r->p->dir);
    if (status == FPTC_OK)
        status = fptc__dir_list(path, remove_unused, r, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* --- all of it --- */

static fptc_status remove_all(struct retire *r, fptc_error *err)
{
    size_t n = 0;
    int n_temps = 0;
    fptc_status status = list_bases(r, &n, err);
    uint64_t floor = commits_floor(r);
    if (status == FPTC_OK && n > FPTC_BASES_KEPT)
        status = remove_numbers(r, "bases", r->bases[FPTC_BASES_KEPT - 1] - 1, err);
    if (status == FPTC_OK && floor > 0)
        status = remove_numbers(r, "log", floor, err);
    if (status == FPTC_OK)
        status = remove_files(r, err);
    if (status == FPTC_OK)
        status = fptc__temps_remove(r->p, r->now_ms, r->grace_ms, &n_temps, err);
    r->deleted += n_temps;
    return status;
}

fptc_status fptc__retire(const struct fptc__partition *p, int64_t grace_ms,
                         const struct fptc__logger *logger, struct fptc__compact_stats *stats,
                         fptc_error *err)
{
    struct retire r = {.p = p, .logger = logger, .grace_ms = grace_ms};
    struct fptc__server_clock clock = {0};
    fptc_status status = fptc__partition_exists(p, err);
    if (status == FPTC_MISS)
        return FPTC_OK;
    if (status == FPTC_OK)
        status = fptc__server_now(&clock, p, &r.now_ms, err);
    if (status == FPTC_OK)
        status = remove_all(&r, err);
    free(r.used);
    if (stats)
        stats->deleted += r.deleted;
    return status;
}
