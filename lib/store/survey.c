/* survey.c: commits and bases of a partition, read one by one. The rules are at the top of survey.h. */
#include "store/survey.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/commit.h"

/* Bases that are looked at: what `bases/` keeps, and some that were not retired yet. */
#define BASES_LISTED 64

/* --- telling ---------------------------------------------------------------------------------- */

void fptc__survey_tell(struct fptc__survey *s, const char *file, const char *kind, const char *next,
                       const char *format, ...)
{
    char what[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    s->problems++;
    if (s->ear && s->ear->problem)
        s->ear->problem(s->ear->ctx, file, kind, next, what);
}

fptc_status fptc__survey_step(struct fptc__survey *s, int64_t bytes, fptc_error *err)
{
    fptc_status status = fptc__call_check(s->call, "checking a partition", err);

    s->bytes += bytes;
    if (status == FPTC_OK && s->ear && s->ear->step && s->ear->step(s->ear->ctx, bytes) != 0)
        status = fptc__fail(err, FPTC_ECANCELLED, "stopped while checking %s", s->p->name);
    return status;
}

/* --- commits ---------------------------------------------------------------------------------- */

static int room_for_commit(struct fptc__survey *s)
{
    struct fptc__survey_commit *grown;
    size_t cap = s->cap_commits ? 2 * s->cap_commits : 256;

    if (s->n_commits < s->cap_commits)
        return 1;
    grown = realloc(s->commits, cap * sizeof(*grown));
    if (!grown)
        return 0;
    s->commits = grown;
    s->cap_commits = cap;
    return 1;
}

struct listing {
    struct fptc__survey *survey;
    int failed;
};

static int note_commit(const char *name, void *payload)
{
    struct listing *l = payload;
    struct fptc__survey *s = l->survey;
    uint64_t number = 0;

    if (!fptc__partition_number(name, &number) || number == 0)
        return 0;
    l->failed = !room_for_commit(s);
    if (!l->failed)
        s->commits[s->n_commits++] = (struct fptc__survey_commit){.number = number};
    return l->failed;
}

static int by_number(const void *a, const void *b)
{
    const struct fptc__survey_commit *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* A directory that changes while it is read may show a name twice. */
static void sort_commits(struct fptc__survey *s)
{
    size_t from, to = 0;

    if (s->n_commits == 0)
        return;
    qsort(s->commits, s->n_commits, sizeof(*s->commits), by_number);
    for (from = 1; from < s->n_commits; from++) {
        if (s->commits[from].number != s->commits[to].number)
            s->commits[++to] = s->commits[from];
    }
    s->n_commits = to + 1;
}

static fptc_status list_commits(struct fptc__survey *s, fptc_error *err)
{
    char dir[FPTC_PATH_MAX];
    struct listing l = {s, 0};
    fptc_status status = fptc__path(dir, err, "%s/log", s->p->dir);

    if (status == FPTC_OK)
        status = fptc__dir_list(dir, note_commit, &l, err);
    if (status == FPTC_MISS) {
        fptc__survey_tell(s, dir, "missing", FPTC__NEXT_REPAIR, "the directory is not there");
        status = FPTC_OK;
    }
    if (l.failed)
        return fptc__fail_nomem(err);
    sort_commits(s);
    return status;
}

/* Every record must be an object of a kind that this build knows. */
static fptc_status check_records(const struct fptc__commit *c, fptc_error *err)
{
    size_t i;

    for (i = 0; i < c->n_records; i++) {
        const struct fptc__record *r = &c->records[i];
        fptc__json *body = NULL;
        fptc_status status;
        int is_object;

        if (r->kind == 0 || r->kind == FPTC__BASE || r->kind == FPTC__FEED ||
            r->kind > FPTC__DECIDE)
            return fptc__fail(err, FPTC_EFORMAT, "record %zu is of kind %d, which is not known",
                              i + 1, (int)r->kind);
        status = fptc__json_parse(r->body, r->len, "a record", &body, err);
        is_object = fptc__json_is_object(body);
        fptc__json_free(body);
        if (status == FPTC_ENOMEM)
            return status;
        if (status != FPTC_OK || !is_object)
            return fptc__fail(err, FPTC_EDAMAGED, "record %zu is no JSON object", i + 1);
    }
    return FPTC_OK;
}

static fptc_status decode(struct fptc__survey *s, const struct fptc__buf *bytes, const char *path,
                          struct fptc__survey_commit *at, fptc_error *err)
{
    struct fptc__commit c;
    fptc_status status =
        fptc__commit_decode(fptc__buf_text(bytes), bytes->len, path, at->number, &c, err);

    if (status == FPTC_OK && strcmp(c.head.partition, s->p->name) != 0)
        status = fptc__fail(err, FPTC_EDAMAGED, "it belongs to partition %s", c.head.partition);
    if (status == FPTC_OK)
        status = check_records(&c, err);
    if (status == FPTC_OK) {
        at->checksum = c.checksum;
        at->prev = c.head.prev;
    }
    fptc__commit_done(&c);
    return status;
}

static fptc_status read_commit(struct fptc__survey *s, struct fptc__survey_commit *at,
                               const char *path, fptc_error *err)
{
    struct fptc__buf bytes;
    fptc_status status;

    fptc__buf_init(&bytes, FPTC_COMMIT_BYTES_MAX);
    status = fptc__file_read(path, FPTC_COMMIT_BYTES_MAX, &bytes, err);
    if (status == FPTC_ELIMIT)
        status = fptc__fail(err, FPTC_EDAMAGED, "it is too long");
    if (status == FPTC_OK)
        status = decode(s, &bytes, path, at, err);
    if (status == FPTC_OK || status == FPTC_EDAMAGED || status == FPTC_EFORMAT) {
        fptc_status stepped =
            fptc__survey_step(s, (int64_t)bytes.len, status == FPTC_OK ? err : NULL);

        status = stepped == FPTC_OK ? status : stepped;
    }
    fptc__buf_done(&bytes);
    return status;
}

/* FPTC_OK whatever is wrong with the file. */
static fptc_status look_at_commit(struct fptc__survey *s, struct fptc__survey_commit *at,
                                  fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__partition_number_path(s->p, "log", at->number, path, err);

    if (status != FPTC_OK)
        return status;
    status = read_commit(s, at, path, &why);
    if (status == FPTC_EDAMAGED)
        status = read_commit(s, at, path, &why); /* one bad transfer must not count */
    s->files += status != FPTC_MISS;
    switch (status) {
    case FPTC_OK:
        return FPTC_OK;
    case FPTC_MISS:
        at->condition = FPTC__ABSENT;
        return FPTC_OK;
    case FPTC_EDAMAGED:
        at->condition = FPTC__BROKEN;
        fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR, "%s", why.message);
        return FPTC_OK;
    case FPTC_EFORMAT:
        at->condition = FPTC__NEWER;
        fptc__survey_tell(s, path, "newer", FPTC__NEXT_UPGRADE, "%s", why.message);
        return FPTC_OK;
    default:
        if (err)
            *err = why;
        return status;
    }
}

/* Names that vanished since they were listed were not there. */
static void forget_vanished(struct fptc__survey *s)
{
    size_t from, to = 0;

    for (from = 0; from < s->n_commits; from++) {
        if (s->commits[from].condition != FPTC__ABSENT)
            s->commits[to++] = s->commits[from];
    }
    s->n_commits = to;
}

static fptc_status survey_commits(struct fptc__survey *s, fptc_error *err)
{
    fptc_status status = list_commits(s, err);
    size_t i;

    for (i = 0; status == FPTC_OK && i < s->n_commits; i++)
        status = look_at_commit(s, &s->commits[i], err);
    forget_vanished(s);
    return status;
}

const struct fptc__survey_commit *fptc__survey_find(const struct fptc__survey *s, uint64_t number)
{
    struct fptc__survey_commit key = {.number = number};

    return s->n_commits == 0 ? NULL
                             : bsearch(&key, s->commits, s->n_commits, sizeof(key), by_number);
}

/* --- bases ------------------------------------------------------------------------------------ */

static fptc_status list_bases(const struct fptc__survey *s, uint64_t list[BASES_LISTED], size_t *n,
                              fptc_error *err)
{
    char dir[FPTC_PATH_MAX];
    uint64_t newest = 0;
    fptc_status status = fptc__path(dir, err, "%s/bases", s->p->dir);

    if (status == FPTC_OK)
        (void)fptc__dir_touch(dir, NULL);
    if (status == FPTC_OK)
        status = fptc__bases_newest(s->p, &newest, list, BASES_LISTED, n, err);
    if (*n > BASES_LISTED)
        *n = BASES_LISTED;
    return status;
}

int fptc__survey_is_listed(const struct fptc__survey *s, uint64_t base)
{
    uint64_t list[BASES_LISTED];
    size_t n = 0, i;

    if (list_bases(s, list, &n, NULL) != FPTC_OK)
        return 1;
    for (i = 0; i < n; i++) {
        if (list[i] == base)
            return 1;
    }
    return 0;
}

static fptc_status look_at_base(struct fptc__survey *s, struct fptc__survey_base *b,
                                fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_error why = FPTC_ERROR_INIT;
    uint64_t number = b->manifest.upto;
    int64_t bytes = 0;
    fptc_status status = fptc__partition_number_path(s->p, "bases", number, path, err);

    if (status != FPTC_OK)
        return status;
    (void)fptc__file_info(path, &bytes, NULL, NULL);
    status = fptc__manifest_read(s->p, number, &b->manifest, &why);
    b->manifest.upto = number;
    b->is_manifest_sound = status == FPTC_OK;
    s->files += status != FPTC_MISS;
    if (status == FPTC_OK) {
        status = fptc__survey_step(s, bytes, err);
        return status == FPTC_OK ? fptc__survey_base_files(s, b, err) : status;
    }
    b->condition = status == FPTC_MISS      ? FPTC__ABSENT
                   : status == FPTC_EFORMAT ? FPTC__NEWER
                                            : FPTC__BROKEN;
    if (status == FPTC_EDAMAGED)
        fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR, "%s", why.message);
    else if (status == FPTC_EFORMAT)
        fptc__survey_tell(s, path, "newer", FPTC__NEXT_UPGRADE, "%s", why.message);
    else if (status != FPTC_MISS && err)
        *err = why;
    return status == FPTC_EDAMAGED || status == FPTC_EFORMAT || status == FPTC_MISS ? FPTC_OK
                                                                                    : status;
}

/* Bases that went away while they were looked at are left out. */
static void forget_retired(struct fptc__survey *s)
{
    size_t from, to = 0;

    for (from = 0; from < s->n_bases; from++) {
        if (s->bases[from].condition != FPTC__ABSENT ||
            fptc__survey_is_listed(s, s->bases[from].manifest.upto))
            s->bases[to++] = s->bases[from];
    }
    s->n_bases = to;
}

static fptc_status survey_bases(struct fptc__survey *s, fptc_error *err)
{
    uint64_t list[BASES_LISTED];
    size_t n = 0, i;
    fptc_status status = list_bases(s, list, &n, err);

    if (status != FPTC_OK)
        return status;
    s->bases = calloc(n ? n : 1, sizeof(*s->bases));
    if (!s->bases)
        return fptc__fail_nomem(err);
    s->n_bases = n;
    for (i = 0; i < n; i++)
        s->bases[i].manifest.upto = list[i];
    for (i = 0; status == FPTC_OK && i < n; i++)
        status = look_at_base(s, &s->bases[i], err);
    forget_retired(s);
    return status;
}

/* --- how they fit together -------------------------------------------------------------------- */

/* Whether the number can be opened after all: a listing may miss a name. */
static int is_there(const struct fptc__survey *s, uint64_t number)
{
    char path[FPTC_PATH_MAX];

    return fptc__partition_number_path(s->p, "log", number, path, NULL) == FPTC_OK &&
           fptc__file_info(path, NULL, NULL, NULL) == FPTC_OK;
}

static void tell_missing(struct fptc__survey *s, uint64_t from, uint64_t to)
{
    char path[FPTC_PATH_MAX];

    if (fptc__partition_number_path(s->p, "log", from, path, NULL) != FPTC_OK)
        return;
    if (from == to)
        fptc__survey_tell(s, path, "missing", FPTC__NEXT_REPAIR, "commit %" PRIu64 " is lost",
                          from);
    else
        fptc__survey_tell(s, path, "missing", FPTC__NEXT_REPAIR,
                          "commits %" PRIu64 " to %" PRIu64 " are lost", from, to);
}

/* Whether newer bases than those that were looked at stand for it, so that it may have been deleted since. */
static int is_retired(const struct fptc__survey *s, uint64_t number)
{
    uint64_t list[BASES_LISTED];
    size_t n = 0;

    return list_bases(s, list, &n, NULL) == FPTC_OK && n > 1 && list[1] >= number;
}

/* Numbers above `floor` that ought to be there, up to the greatest that is, or the newest base. */
static void check_numbers(struct fptc__survey *s, uint64_t floor)
{
    uint64_t expected = floor + 1;
    size_t i;

    for (i = 0; i < s->n_commits; i++) {
        uint64_t number = s->commits[i].number;

        if (number < expected)
            continue;
        while (expected < number && is_there(s, expected))
            expected++;
        if (expected < number)
            tell_missing(s, expected, number - 1);
        expected = number + 1;
    }
    while (expected <= s->head && is_there(s, expected))
        expected++;
    if (expected <= s->head && !is_retired(s, s->head))
        tell_missing(s, expected, s->head);
}

/* The checksum that the commit after `number` names, as far as it is known: 0 if not. */
static uint64_t checksum_of(const struct fptc__survey *s, uint64_t number)
{
    const struct fptc__survey_commit *c = fptc__survey_find(s, number);
    size_t i;

    if (c)
        return c->condition == FPTC__SOUND ? c->checksum : 0;
    for (i = 0; i < s->n_bases; i++) {
        if (s->bases[i].manifest.upto == number && s->bases[i].is_manifest_sound)
            return s->bases[i].manifest.prev;
    }
    return 0;
}

static void check_chain(struct fptc__survey *s, uint64_t floor)
{
    char path[FPTC_PATH_MAX];
    size_t i;

    for (i = 0; i < s->n_commits; i++) {
        struct fptc__survey_commit *c = &s->commits[i];
        uint64_t before = c->number > floor ? checksum_of(s, c->number - 1) : 0;

        if (c->condition != FPTC__SOUND || !c->prev || !before || c->prev == before)
            continue;
        c->breaks_chain = 1;
        if (fptc__partition_number_path(s->p, "log", c->number, path, NULL) == FPTC_OK)
            fptc__survey_tell(s, path, "chain", FPTC__NEXT_REPAIR,
                              "it does not follow from commit %" PRIu64
                              ": the log was rolled back (file server or backup)",
                              c->number - 1);
    }
}

static void check_manifests(struct fptc__survey *s)
{
    char path[FPTC_PATH_MAX];
    size_t i;

    for (i = 0; i < s->n_bases; i++) {
        const struct fptc__survey_base *b = &s->bases[i];
        const struct fptc__survey_commit *c = fptc__survey_find(s, b->manifest.upto);

        if (!b->is_manifest_sound || !c || c->condition != FPTC__SOUND || !b->manifest.prev ||
            b->manifest.prev == c->checksum ||
            fptc__partition_number_path(s->p, "bases", b->manifest.upto, path, NULL) != FPTC_OK)
            continue;
        fptc__survey_tell(s, path, "chain", FPTC__NEXT_REPAIR,
                          "it was made from another commit %" PRIu64 " than the one in log/",
                          b->manifest.upto);
    }
}

/* The second newest base: what is above it is needed, or would be when the newest fails; but nothing is up
   to a drop. */
static uint64_t floor_of(const struct fptc__survey *s)
{
    uint64_t floor = s->n_bases > 1 ? s->bases[1].manifest.upto : 0;
    size_t i;

    for (i = 0; i < s->n_bases; i++) {
        if (s->bases[i].is_manifest_sound && s->bases[i].manifest.dropped > floor)
            floor = s->bases[i].manifest.dropped;
    }
    return floor;
}

/*
 * Commits that came after log/ was listed, as far as the newest base reaches: it may be a roll-up of them.
 * They end with the first that is not there.
 */
static fptc_status survey_newer_commits(struct fptc__survey *s, fptc_error *err)
{
    uint64_t newest = s->n_bases > 0 ? s->bases[0].manifest.upto : 0, floor = floor_of(s);
    uint64_t number = s->n_commits > 0 ? s->commits[s->n_commits - 1].number : 0;
    fptc_status status = FPTC_OK;

    if (number < floor && !is_there(s, number + 1))
        number = floor;
    while (status == FPTC_OK && ++number <= newest && is_there(s, number)) {
        if (!room_for_commit(s))
            return fptc__fail_nomem(err);
        s->commits[s->n_commits] = (struct fptc__survey_commit){.number = number};
        status = look_at_commit(s, &s->commits[s->n_commits++], err);
    }
    forget_vanished(s);
    return status;
}

static void fit_together(struct fptc__survey *s)
{
    uint64_t floor = floor_of(s);

    s->head = s->n_commits > 0 ? s->commits[s->n_commits - 1].number : 0;
    if (s->n_bases > 0 && s->bases[0].manifest.upto > s->head)
        s->head = s->bases[0].manifest.upto;
    check_numbers(s, floor);
    check_chain(s, floor);
    check_manifests(s);
}

/* Each sound snapshot against the next older sound one, in the end the empty beginning, and the commits
   between. */
static fptc_status compare_rows(struct fptc__survey *s, fptc_error *err)
{
    static const struct fptc__survey_base beginning;
    fptc_status status = FPTC_OK;
    size_t i, older;

    for (i = 0; status == FPTC_OK && i < s->n_bases; i++) {
        if (s->bases[i].condition != FPTC__SOUND)
            continue;
        for (older = i + 1; older < s->n_bases; older++) {
            if (s->bases[older].condition == FPTC__SOUND)
                break;
        }
        status = fptc__survey_rows(s, older < s->n_bases ? &s->bases[older] : &beginning,
                                   &s->bases[i], err);
    }
    return status;
}

/* How many commits above that base are not there, not sound, or of another history. */
static uint64_t lost_above(const struct fptc__survey *s, uint64_t base)
{
    uint64_t there = 0;
    size_t i;

    for (i = 0; i < s->n_commits; i++) {
        const struct fptc__survey_commit *c = &s->commits[i];

        there += c->number > base && c->condition != FPTC__BROKEN && !c->breaks_chain;
    }
    return s->head - base - there;
}

uint64_t fptc__survey_best_base(const struct fptc__survey *s, int *out_lost)
{
    uint64_t best = 0, least = lost_above(s, 0);
    size_t i;

    for (i = s->n_bases; i > 0; i--) {
        const struct fptc__survey_base *b = &s->bases[i - 1];
        uint64_t lost;

        if (b->condition != FPTC__SOUND)
            continue;
        lost = lost_above(s, b->manifest.upto);
        if (lost <= least) {
            least = lost;
            best = b->manifest.upto;
        }
    }
    *out_lost = least > 0;
    return best;
}

fptc_status fptc__survey_make(struct fptc__survey *s, int is_deep, fptc_error *err)
{
    struct fptc__server_clock clock;
    fptc_status status;

    memset(&clock, 0, sizeof(clock));
    if (fptc__server_now(&clock, s->p, &s->now_ms, NULL) != FPTC_OK)
        s->now_ms = 0;
    status = survey_commits(s, err);
    if (status == FPTC_OK)
        status = survey_bases(s, err);
    if (status == FPTC_OK)
        status = survey_newer_commits(s, err);
    if (status != FPTC_OK)
        return status;
    fit_together(s);
    status = fptc__survey_names(s, err);
    return status == FPTC_OK && is_deep ? compare_rows(s, err) : status;
}

void fptc__survey_done(struct fptc__survey *s)
{
    free(s->commits);
    free(s->bases);
    free(s->looked_at);
    s->looked_at = NULL;
    s->n_looked_at = 0;
    s->commits = NULL;
    s->bases = NULL;
    s->n_commits = s->n_bases = s->cap_commits = 0;
}
