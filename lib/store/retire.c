/*
 * retire.c: deletion of what no base needs (design §3, R1). Any number of processes may do it at any
 * time, beside appends, reads, roll-ups and rewrites, with any grace: a deleted number is always at or
 * below a base that stays, and everybody lists `bases/` after looking for a number.
 *
 *  1. names in bases/ beyond the newest FPTC_BASES_KEPT, but not the newest sound one (its manifest can be
 *     read, its files are there with their sizes), nor the way around, nor pinned ones;
 *  2. commits up to the way around: the newest sound base that shares no file with the newest sound
 *     one. So each commit is in two files that one damage cannot both hit. (Only "up to the second
 *     newest base" would leave one: bases of one snapshot share it.)
 *  3. temps of bases, whatever their age, and bases/ listed again: while the greatest is not the one that it
 *     was at first, no file is removed. Who is about to publish a base that names files of others looks,
 *     between temp and link, whether the greatest is still the one he began with (rollup.c, d): he looked
 *     before our first listing, then his temp is gone, or after it, then what he names is named by the
 *     bases of our second listing, which is the very one whose manifests we read (model: files.pml).
 *  4. files that no base of that listing names, nor a pinned one. The file of a base that is not yet
 *     published has that base's number in its name: it stays unless the number is at or below the second
 *     greatest base of the first listing; then nobody will begin with that base. UNNAMED_MS is politeness;
 *  5. temps.
 *
 * Of a partition that was dropped, when the empty base is older than the grace, every name below it goes
 * but those of pinned bases, and every commit up to it: there is nothing that a second way could save.
 *
 * Before commits go, bases/ is changed once more: a client may not see names that came in one tick of the
 * server's clock with a change that it has seen, until the directory changes again (S14; seen on NFS 3).
 *
 * Pins are listed after bases/ and before names go: who pins a base makes sure afterwards that it is still
 * the greatest, so either he did before our listing, which then has his pin, or his base stays by rule 1.
 * Names go only below the eighth of those that are older than the grace (at most UNNAMED_MS): a listing of
 * bases/ that takes less than that never misses the base it began under, torn as it may be.
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
/* Bases that may lie about at once: those of UNNAMED_MS with a roll-up every second, and spare. */
#define BASES_LISTED 1024

#define warn(r, ...) fptc__log_line((r)->logger, FPTC_LOG_WARNING, __VA_ARGS__)

/* Names of files. */
struct names {
    char **list;
    size_t n, cap;
};

struct retire {
    const struct fptc__partition *p;
    const struct fptc__logger *logger;
    const struct fptc__pinned *pinned;
    int64_t now_ms, grace_ms;
    int64_t deleted;
    uint64_t bases[BASES_LISTED]; /* newest first */
    size_t n_bases;
    int has_all_bases;
    uint64_t greatest, second; /* bases, of the first listing */
    uint64_t sound, around;    /* the newest sound base, and the way around it; 0: none */
    uint64_t deletes;          /* commits up to here */
    uint64_t drop;             /* the newest old one; 0: none */
    struct fptc__pins pins;
    struct names used; /* files that bases name */
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

/* --- names of files --- */

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){.list = NULL};
}

static int names_have(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->list[i], name) == 0)
            return 1;
    return 0;
}

/* As fptc__manifest_files() wants it: 0, or FPTC_ENOMEM. */
static int names_add(const char *name, int64_t bytes, void *ctx)
{
    struct names *names = ctx;
    (void)bytes;
    if (names_have(names, name))
        return 0;
    if (names->n == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 64;
        char **list = realloc(names->list, cap * sizeof(*list));
        if (!list)
            return FPTC_ENOMEM;
        names->list = list;
        names->cap = cap;
    }
    names->list[names->n] = strdup(name);
    return names->list[names->n++] ? 0 : FPTC_ENOMEM;
}

static int names_clash(const char *name, int64_t bytes, void *ctx)
{
    (void)bytes;
    return names_have(ctx, name);
}

/* --- the bases --- */

static fptc_status list_bases(struct retire *r, fptc_error *err)
{
    uint64_t newest = 0;
    size_t n = 0;
    fptc_status status = fptc__bases_newest(r->p, &newest, r->bases, BASES_LISTED, &n, err);
    r->has_all_bases = n <= BASES_LISTED;
    r->n_bases = r->has_all_bases ? n : BASES_LISTED;
    return status;
}

static int is_sound(const struct retire *r, uint64_t base, struct fptc__manifest *m)
{
    return fptc__manifest_read(r->p, base, m, NULL) == FPTC_OK &&
           fptc__manifest_look(r->p, m, NULL) == FPTC_OK;
}

static int is_old_drop(const struct retire *r, uint64_t base)
{
    char path[FPTC_PATH_MAX];
    struct fptc__manifest m;
    return fptc__manifest_read(r->p, base, &m, NULL) == FPTC_OK && m.dropped == base &&
           fptc__partition_number_path(r->p, "bases", base, path, NULL) == FPTC_OK &&
           is_old(r, path, r->grace_ms);
}

/* Everything below the newest drop may go. */
static void find_drop(struct retire *r)
{
    for (size_t i = 0; i < r->n_bases && i < FPTC_BASES_KEPT; i++) {
        if (!is_old_drop(r, r->bases[i]))
            continue;
        r->drop = r->bases[i];
        if (r->around < r->bases[i])
            r->around = 0;
        if (r->deletes < r->bases[i])
            r->deletes = r->bases[i];
        return;
    }
}

/* Finds the way around, and how far it lets commits be deleted. */
static fptc_status find_around(struct retire *r, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__manifest m;
    struct names newest = {.list = NULL};
    uint64_t newest_snapshot = 0;
    int has_newest = 0, said = 0;
    for (size_t i = 0; i < r->n_bases && said == 0 && !r->deletes; i++) {
        if (!is_sound(r, r->bases[i], &m))
            continue;
        if (!has_newest) {
            has_newest = 1;
            r->sound = r->bases[i];
            newest_snapshot = m.snapshot[0] ? m.snapshot_upto : 0;
            said = fptc__manifest_files(&m, names_add, &newest);
            continue;
        }
        /* One snapshot may have two names (rollup.c, h). */
        if (fptc__manifest_files(&m, names_clash, &newest) ||
            (m.snapshot[0] && m.snapshot_upto == newest_snapshot))
            continue;
        if (!r->around)
            r->around = r->bases[i];
        if (fptc__partition_number_path(r->p, "bases", r->bases[i], path, NULL) == FPTC_OK &&
            is_old(r, path, r->grace_ms))
            r->deletes = r->bases[i];
    }
    names_done(&newest);
    return said ? fptc__fail_nomem(err) : FPTC_OK;
}

/* 0 when it cannot be known what is pinned. */
int fptc__pins_look(struct fptc__pins *pins, const struct fptc__pinned *pinned,
                    const char *partition, const struct fptc__logger *logger)
{
    fptc_error err = FPTC_ERROR_INIT;
    pins->n = 0;
    if (!pinned || !pinned->list)
        return 1;
    fptc_status status =
        pinned->list(pinned->ctx, partition, pins->list, FPTC__PINS_MAX, &pins->n, &err);
    if (status == FPTC_OK && pins->n <= FPTC__PINS_MAX)
        return 1;
    fptc__log_line(logger, FPTC_LOG_WARNING, "nothing that may be pinned is removed from %s: %s",
                   partition, status == FPTC_OK ? "there are too many pins" : err.message);
    pins->n = 0;
    return 0;
}

int fptc__pins_have(const struct fptc__pins *pins, uint64_t base)
{
    for (size_t i = 0; i < pins->n; i++)
        if (pins->list[i] == base)
            return 1;
    return 0;
}

static int is_settled(const struct retire *r, uint64_t base)
{
    char path[FPTC_PATH_MAX];
    int64_t grace_ms = r->grace_ms < UNNAMED_MS ? r->grace_ms : UNNAMED_MS;
    return fptc__partition_number_path(r->p, "bases", base, path, NULL) == FPTC_OK &&
           is_old(r, path, grace_ms);
}

static void remove_bases(struct retire *r)
{
    char path[FPTC_PATH_MAX];
    size_t n_settled = 0;
    for (size_t i = 0; i < r->n_bases; i++) {
        uint64_t base = r->bases[i];
        if (!is_settled(r, base))
            continue;
        int is_past = n_settled++ >= FPTC_BASES_KEPT || base < r->drop;
        if (is_past && base != r->sound && base != r->around && !fptc__pins_have(&r->pins, base) &&
            fptc__partition_number_path(r->p, "bases", base, path, NULL) == FPTC_OK)
            remove_file(r, path);
    }
}

/* --- commits --- */

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

/* Who saw bases/ without a name that came in the same tick of the server's clock as the change before (S14)
   sees all of them now; else an append below them, hours later, would find its number free. A name that is
   there was left by a crash, or is another's of this moment: its going is a change, too. */
static fptc_status change_bases(const struct retire *r, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/bases/.seen", r->p->dir);
    if (status == FPTC_OK)
        status = fptc__file_create(path, "", 0, 0666, err);
    return status == FPTC_OK || status == FPTC_EEXIST ? fptc__file_remove(path, err) : status;
}

/* Removes the commits <= most that are old. Listed first, for a directory that changes while it is being
   read may show names twice or not at all. */
static fptc_status remove_commits(struct retire *r, uint64_t most, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct numbers numbers = {.most = most};
    fptc_status status = fptc__path(path, err, "%s/log", r->p->dir);
    if (status != FPTC_OK)
        return status;
    numbers.list = malloc(NUMBERS_MAX * sizeof(*numbers.list));
    if (!numbers.list)
        return fptc__fail_nomem(err);
    status = fptc__dir_list(path, note_number, &numbers, err);
    int has_changed = 0;
    for (size_t i = 0; i < numbers.n && status == FPTC_OK; i++) {
        status = fptc__partition_number_path(r->p, "log", numbers.list[i], path, err);
        if (status != FPTC_OK || !is_old(r, path, r->grace_ms))
            continue;
        if (!has_changed)
            status = change_bases(r, err);
        has_changed = 1;
        if (status == FPTC_OK)
            remove_file(r, path);
    }
    free(numbers.list);
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* --- files --- */

/* FPTC_MISS when it cannot be known: then no file is removed. */
static fptc_status list_used(struct retire *r, fptc_error *err)
{
    struct fptc__manifest m;
    for (size_t i = 0; i < r->n_bases; i++) {
        fptc_error why = FPTC_ERROR_INIT;
        fptc_status status = fptc__manifest_read(r->p, r->bases[i], &m, &why);
        if (status < 0)
            warn(r, "no file of %s is removed: %s", r->p->name, why.message);
        if (status != FPTC_OK)
            return FPTC_MISS;
        if (fptc__manifest_files(&m, names_add, &r->used))
            return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

/* The base that a file was made for: "<S>-..." or "<from>-<S>-....rollup"; 0: it does not say. */
static uint64_t made_for(const char *name)
{
    char *end = NULL;
    uint64_t number = strtoull(name, &end, 10);
    if (*end == '-' && strstr(name, ".rollup"))
        number = strtoull(end + 1, &end, 10);
    return *end == '-' ? number : 0;
}

static int remove_unused(const char *name, void *payload)
{
    struct retire *r = payload;
    char path[FPTC_PATH_MAX];
    int64_t grace_ms = r->grace_ms > UNNAMED_MS ? r->grace_ms : UNNAMED_MS;
    if (!names_have(&r->used, name) && made_for(name) <= r->second &&
        fptc__path(path, NULL, "%s/files/%s", r->p->dir, name) == FPTC_OK &&
        is_old(r, path, grace_ms))
        remove_file(r, path);
    return 0;
}

/* Steps 3 and 4. */
static fptc_status remove_files(struct retire *r, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    int n_temps = 0;
    fptc_status status = fptc__base_temps_remove(r->p, &n_temps, err);
    r->deleted += n_temps;
    if (status == FPTC_OK)
        status = list_bases(r, err);
    if (status != FPTC_OK || !r->has_all_bases || r->n_bases == 0 || r->bases[0] != r->greatest)
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
    int n_temps = 0;
    fptc_status status = list_bases(r, err);
    int knows_pins =
        status == FPTC_OK && fptc__pins_look(&r->pins, r->pinned, r->p->name, r->logger);
    r->greatest = r->n_bases > 0 ? r->bases[0] : 0;
    r->second = r->n_bases > 1 ? r->bases[1] : 0;
    if (status == FPTC_OK)
        status = find_around(r, err);
    if (status == FPTC_OK)
        find_drop(r);
    if (r->second < r->drop)
        r->second = r->drop;
    if (status == FPTC_OK && knows_pins)
        remove_bases(r);
    if (status == FPTC_OK && r->deletes > 0)
        status = remove_commits(r, r->deletes, err);
    if (status == FPTC_OK && knows_pins)
        status = remove_files(r, err);
    if (status == FPTC_OK)
        status = fptc__temps_remove(r->p, r->now_ms, r->grace_ms, &n_temps, err);
    r->deleted += n_temps;
    return status;
}

fptc_status fptc__retire(const struct fptc__partition *p, int64_t grace_ms,
                         const struct fptc__pinned *pinned, const struct fptc__logger *logger,
                         struct fptc__compact_stats *stats, fptc_error *err)
{
    struct fptc__server_clock clock = {0};
    struct retire *r = calloc(1, sizeof(*r));
    if (!r)
        return fptc__fail_nomem(err);
    *r = (struct retire){.p = p, .logger = logger, .pinned = pinned, .grace_ms = grace_ms};
    fptc_status status = fptc__partition_exists(p, err);
    if (status == FPTC_OK)
        status = fptc__server_now(&clock, p, &r->now_ms, err);
    if (status == FPTC_OK)
        status = remove_all(r, err);
    if (stats)
        stats->deleted += r->deleted;
    names_done(&r->used);
    free(r);
    return status == FPTC_MISS ? FPTC_OK : status;
}
