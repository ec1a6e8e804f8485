#include "store/repair.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/compact.h"
#include "store/rebuild.h"

fptc_status fptc__repair_say(const struct fptc__repair *r, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    r->rebuilt(r->ctx, r->p->name, what);
    return FPTC_OK;
}

/* --- a new base ------------------------------------------------------------------------------- */

/* The number after which there is none. */
static fptc_status find_end(const struct fptc__repair *r, uint64_t from, uint64_t *out,
                            fptc_error *err)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(dir, err, "%s/log", r->p->dir);

    if (status == FPTC_OK)
        (void)fptc__dir_touch(dir, NULL);
    for (*out = from; status == FPTC_OK; (*out)++) {
        status = fptc__partition_number_path(r->p, "log", *out + 1, path, err);
        if (status == FPTC_OK)
            status = fptc__file_info(path, NULL, NULL, err);
        if (status == FPTC_MISS)
            return FPTC_OK;
    }
    return status;
}

/*
 * `newest` is the newest base that was known before the commits were looked at. When it is still the
 * newest afterwards, no number above it was deleted meanwhile, and what was read is real (rule 2).
 */
fptc_status fptc__repair_rebase(struct fptc__repair *r, const struct fptc__manifest *from,
                                uint64_t newest, fptc_error *err)
{
    struct fptc__manifest m;
    struct fptc__rebuild b;
    struct fptc__server_clock clock;
    uint64_t now = 0;
    fptc_status status;

    memset(&clock, 0, sizeof(clock));
    memset(&m, 0, sizeof(m));
    memset(&b, 0, sizeof(b));
    status = fptc__server_now(&clock, r->p, &m.asof_ms, err);
    if (status == FPTC_OK)
        status = find_end(r, from->upto, &m.upto, err);
    if (status == FPTC_OK)
        status = fptc__rebuild_begin(&b, r->p, r->call, from, err);
    if (status == FPTC_OK)
        status = fptc__rebuild_apply(&b, m.upto, err);
    if (status == FPTC_OK)
        status = fptc__bases_newest(r->p, &now, NULL, 0, NULL, err);
    if (status == FPTC_OK && (now != newest || b.skipped > 0))
        status = fptc__fail(err, FPTC_ERACE, "%s changed meanwhile: repair again", r->p->dir);
    m.prev = b.last_checksum;
    if (status == FPTC_OK)
        status = fptc__rebuild_publish(&b, &m, r->logger, err);
    fptc__rebuild_done(&b);
    if (status == FPTC_OK)
        return fptc__repair_say(r, "base %" PRIu64 " from base %" PRIu64 " and %" PRIu64 " commits",
                                m.upto, from->upto, m.upto - from->upto);
    /* Somebody else's base of that number may be a roll-up that names what is damaged. */
    return status == FPTC_MISS
               ? fptc__fail(err, FPTC_ERACE, "%s changed meanwhile: repair again", r->p->dir)
               : status;
}

/* --- what the new bases replace ---------------------------------------------------------------- */

static void remove_number(struct fptc__repair *r, const char *sub, uint64_t number)
{
    char path[FPTC_PATH_MAX];
    fptc_error why = FPTC_ERROR_INIT;

    if (fptc__partition_number_path(r->p, sub, number, path, NULL) != FPTC_OK)
        return;
    if (fptc__file_remove(path, &why) == FPTC_OK)
        (void)fptc__repair_say(r, "%s/%" PRIu64 " removed: nothing needs it", sub, number);
    else
        fptc__log_line(r->logger, FPTC_LOG_WARNING, "left behind: %s", why.message);
}

struct removal {
    struct fptc__repair *repair;
    const struct fptc__survey *survey;
    const char *wanted;
};

static int is_it(const char *name, int64_t bytes, void *ctx)
{
    (void)bytes;
    return strcmp(name, ((const struct removal *)ctx)->wanted) == 0;
}

/* Removes a file of a base that goes, unless a base that stays names it, too. */
static int remove_file(const char *name, int64_t bytes, void *ctx)
{
    struct removal *r = ctx;
    char path[FPTC_PATH_MAX];
    size_t i;

    (void)bytes;
    r->wanted = name;
    for (i = 0; i < r->survey->n_bases; i++) {
        const struct fptc__survey_base *b = &r->survey->bases[i];

        if (b->condition == FPTC__SOUND && fptc__manifest_files(&b->manifest, is_it, r))
            return 0;
    }
    if (fptc__path(path, NULL, "%s/files/%s", r->repair->p->dir, name) == FPTC_OK)
        (void)fptc__file_remove(path, NULL);
    return 0;
}

static void remove_files(struct fptc__repair *r, const struct fptc__survey *s,
                         const struct fptc__survey_base *b)
{
    struct removal removal = {r, s, NULL};

    if (b->is_manifest_sound)
        (void)fptc__manifest_files(&b->manifest, remove_file, &removal);
}

/*
 * Bases that are not sound and below the newest, which is; numbers up to the second newest that are not
 * sound. A name in bases/ goes before its file. is_restarted: what is below the second newest base does
 * not lead to it, and nobody may start there, but he who has pinned it and goes no further.
 */
static fptc_status clean_up(struct fptc__repair *r, const struct fptc__survey *s, int is_restarted,
                            fptc_error *err)
{
    uint64_t list[2] = {0, 0}, newest = 0;
    struct fptc__pins pins = {.n = 0};
    size_t n = 0, i;
    fptc_status status = fptc__bases_newest(r->p, &newest, list, 2, &n, err);
    int knows_pins = fptc__pins_look(&pins, r->pinned, r->p->name, r->logger);

    if (status != FPTC_OK || n == 0)
        return status;
    for (i = 0; i < s->n_bases; i++) {
        const struct fptc__survey_base *b = &s->bases[i];

        int stays = !is_restarted || !knows_pins || fptc__pins_have(&pins, b->manifest.upto);

        if (b->manifest.upto >= newest || (b->condition == FPTC__SOUND && stays))
            continue;
        remove_number(r, "bases", b->manifest.upto);
        if (b->condition != FPTC__SOUND)
            remove_files(r, s, b);
    }
    for (i = 0; n > 1 && i < s->n_commits; i++) {
        if (s->commits[i].number <= list[1] &&
            (s->commits[i].condition == FPTC__BROKEN || s->commits[i].breaks_chain))
            remove_number(r, "log", s->commits[i].number);
    }
    return FPTC_OK;
}

/* --- deciding --------------------------------------------------------------------------------- */

static int has_newer(const struct fptc__survey *s)
{
    size_t i;

    for (i = 0; i < s->n_commits; i++) {
        if (s->commits[i].condition == FPTC__NEWER)
            return 1;
    }
    for (i = 0; i < s->n_bases; i++) {
        if (s->bases[i].condition == FPTC__NEWER)
            return 1;
    }
    return 0;
}

/* Number of the second newest sound base; 0: there is none. */
static uint64_t second_sound(const struct fptc__survey *s)
{
    size_t i;
    int n = 0;

    for (i = 0; i < s->n_bases; i++) {
        if (s->bases[i].condition == FPTC__SOUND && ++n == 2)
            return s->bases[i].manifest.upto;
    }
    return 0;
}

/* Commits above the second newest sound base that are missing or damaged: the newest is all there is. */
static int has_thin_log(const struct fptc__survey *s)
{
    uint64_t floor = second_sound(s), there = 0;
    size_t i;

    for (i = 0; i < s->n_commits; i++)
        there += s->commits[i].number > floor && s->commits[i].condition == FPTC__SOUND &&
                 !s->commits[i].breaks_chain;
    return s->head - floor != there;
}

static const struct fptc__manifest *manifest_of(const struct fptc__survey *s, uint64_t base)
{
    static const struct fptc__manifest nothing;
    size_t i;

    for (i = 0; i < s->n_bases; i++) {
        if (s->bases[i].manifest.upto == base)
            return &s->bases[i].manifest;
    }
    return &nothing;
}

static fptc_status mend(struct fptc__repair *r, const struct fptc__survey *s, fptc_error *err)
{
    uint64_t newest = s->n_bases > 0 ? s->bases[0].manifest.upto : 0;
    int is_lost = 0, is_sound = s->n_bases == 0 || s->bases[0].condition == FPTC__SOUND;
    uint64_t best = fptc__survey_best_base(s, &is_lost);
    fptc_status status = FPTC_OK;

    is_lost = is_lost || s->has_folded_hole;
    if (is_lost) {
        status = fptc__repair_lost(r, s, manifest_of(s, best), err);
    } else if (!is_sound || has_thin_log(s)) {
        if (s->head == newest)
            status = fptc__repair_note(r, err);
        if (status == FPTC_OK)
            status = fptc__repair_rebase(r, manifest_of(s, best), newest, err);
    }
    if (status == FPTC_OK)
        status = clean_up(r, s, is_lost, err);
    if (status == FPTC_OK)
        fptc__latest_point(r->p, r->logger);
    return status;
}

fptc_status fptc__repair_partition(struct fptc__repair *r, const struct fptc__survey_ear *ear,
                                   fptc_error *err)
{
    struct fptc__survey s = {.p = r->p, .call = r->call, .ear = ear};
    fptc_status status = fptc__partition_make(r->p, err);

    if (status == FPTC_OK)
        status = fptc__survey_make(&s, 1, err);
    if (status == FPTC_OK && s.problems > 0 && has_newer(&s))
        status =
            fptc__fail(err, FPTC_EFORMAT,
                       "%s holds files of a newer version: repair it with that one", r->p->dir);
    else if (status == FPTC_OK && s.problems > 0)
        status = mend(r, &s, err);
    r->files = s.files;
    fptc__survey_done(&s);
    return status;
}
