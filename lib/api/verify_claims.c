#include "api/verify_claims.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/symlink.h"
#include "share/holder.h"
#include "share/pin.h"
#include "store/manifest.h"
#include "store/survey.h"

/* Deletion removes a pin ten minutes after its end; so much later it is a leftover. */
#define LONG_AGO_MS FPTC_PIN_TTL_MS
#define NEXT_PIN "pin again: fptcache pin add"

/* --- pins ------------------------------------------------------------------------------------- */

struct pins {
    const char *dir;
    int64_t now_ms;
    struct fptc__claims_ear *ear;
    fptc_error *err;
    fptc_status status;
};

/* 1 when bases/ lists it no more. 0: nothing was pinned. */
static int has_gone(const char *dir, const char *partition, uint64_t base)
{
    char path[FPTC_PATH_MAX];
    struct fptc__partition p;

    return base > 0 && (fptc__partition_at(dir, partition, &p, NULL) != FPTC_OK ||
                        (fptc__partition_number_path(&p, "bases", base, path, NULL) == FPTC_OK &&
                         fptc__file_info(path, NULL, NULL, NULL) == FPTC_MISS));
}

static void remove_pin(const struct pins *all, const char *id, const char *what)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__pin_remove(all->dir, id, &why);

    if (status == FPTC_OK)
        all->ear->rebuilt(all->ear->ctx, "", what);
    else if (status != FPTC_MISS)
        all->ear->lost(all->ear->ctx, "", "pin", why.message);
}

static void tell(const struct pins *all, const char *id, const char *next, const char *what)
{
    char path[FPTC_PATH_MAX];

    if (fptc__path(path, NULL, "%s/pins/%s", all->dir, id) == FPTC_OK)
        all->ear->problem(all->ear->ctx, path, "pin", next, what);
}

static void on_senseless(const struct pins *all, const char *id)
{
    char what[200];

    snprintf(
        what, sizeof(what),
        "pin %s cannot be understood: for a day it keeps every base from deletion, but nobody can"
        " read by it",
        id);
    tell(all, id, FPTC__NEXT_REPAIR, what);
    if (all->ear->lost == NULL)
        return;
    all->ear->lost(all->ear->ctx, "", "pin", what);
    remove_pin(all, id, "a pin that could not be understood is removed: " NEXT_PIN);
}

static void on_old(const struct pins *all, const struct fptc__pin *pin)
{
    char what[160];

    snprintf(what, sizeof(what), "pin %s ended %" PRId64 " hours ago and is still there", pin->id,
             (all->now_ms - pin->mtime_ms - pin->ttl_ms) / 3600000);
    tell(all, pin->id, FPTC__NEXT_REPAIR, what);
    if (all->ear->lost != NULL)
        remove_pin(all, pin->id, "a pin that has ended is removed");
}

/* What a pin has lost no repair brings back; where nothing is left to keep it goes. */
static void on_gone(const struct pins *all, const struct fptc__pin *pin, size_t i, int is_all)
{
    char what[256];

    snprintf(what, sizeof(what), "base %" PRIu64 " of %s has gone, which pin %s is to keep",
             pin->bases[i].base, pin->bases[i].partition, pin->id);
    tell(all, pin->id, NEXT_PIN, what);
    if (all->ear->lost == NULL)
        return;
    all->ear->lost(all->ear->ctx, pin->bases[i].partition, "pin", what);
    if (is_all)
        remove_pin(all, pin->id, "a pin without any base is removed");
}

static void check_bases(const struct pins *all, const struct fptc__pin *pin)
{
    struct fptc__pin again;
    size_t i, n = 0, n_gone = 0, last = 0;

    for (i = 0; i < pin->n_bases; i++) {
        n += pin->bases[i].base > 0;
        if (has_gone(all->dir, pin->bases[i].partition, pin->bases[i].base)) {
            n_gone++;
            last = i;
        }
    }
    /* A pin that came too late is taken back by who made it. */
    if (n_gone > 0 && fptc__pin_read(all->dir, pin->id, &again, NULL) == FPTC_OK)
        on_gone(all, pin, last, n_gone == n);
}

static int check_pin(const char *name, void *payload)
{
    struct pins *all = payload;
    struct fptc__pin pin;

    if (!fptc__pin_is_id(name))
        return 0;
    all->ear->files++;
    all->status = fptc__pin_read(all->dir, name, &pin, all->err);
    if (all->status == FPTC_EDAMAGED)
        on_senseless(all, name);
    else if (all->status == FPTC_OK && all->now_ms > 0 &&
             all->now_ms - pin.mtime_ms > pin.ttl_ms + LONG_AGO_MS)
        on_old(all, &pin);
    else if (all->status == FPTC_OK)
        check_bases(all, &pin);
    if (all->status == FPTC_EDAMAGED || all->status == FPTC_MISS)
        all->status = FPTC_OK;
    return all->status != FPTC_OK;
}

fptc_status fptc__verify_pins(const char *cache_dir, int64_t now_ms, struct fptc__claims_ear *ear,
                              fptc_error *err)
{
    struct pins all = {cache_dir, now_ms, ear, err, FPTC_OK};
    char dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(dir, err, "%s/pins", cache_dir);

    if (status == FPTC_OK)
        status = fptc__dir_list(dir, check_pin, &all, err);
    if (status == FPTC_MISS)
        return FPTC_OK;
    return status == FPTC_OK ? all.status : status;
}

/* --- who holds -------------------------------------------------------------------------------- */

/* All parts there: holder_read() takes the last ones of anything. */
static int makes_sense(const struct fptc__holder_link *link)
{
    return strlen(link->id) == 16 && strspn(link->id, "0123456789abcdef") == 16 && link->pid > 0 &&
           link->beat > 0;
}

fptc_status fptc__verify_holder(const struct fptc__partition *p, struct fptc__claims_ear *ear,
                                fptc_error *err)
{
    static const char what[] =
        "it does not say who does the upkeep; others wait 30 s for it to move";
    struct fptc__holder_link link;
    fptc_error why = FPTC_ERROR_INIT;
    char path[FPTC_PATH_MAX];
    int64_t made_ms = 0;
    fptc_status status = fptc__path(path, err, "%s/holder", p->dir);

    if (status == FPTC_OK)
        status = fptc__symlink_made(path, &made_ms, err);
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    ear->files++;
    status = fptc__holder_read(p->dir, &link, &why);
    if (status == FPTC_OK && makes_sense(&link))
        return FPTC_OK;
    if (status < 0 &&
        why.sys_errno != EINVAL) { /* EINVAL: something else than a link stands there */
        if (err)
            *err = why;
        return status;
    }
    if (fptc__symlink_made(path, &made_ms, NULL) == FPTC_MISS)
        return FPTC_OK; /* it was being taken down */
    ear->problem(ear->ctx, path, "link", FPTC__NEXT_REPAIR, what);
    if (ear->lost == NULL)
        return FPTC_OK;
    if (fptc__file_remove(path, &why) == FPTC_OK)
        ear->rebuilt(ear->ctx, p->name, "the link of a holder that says nothing is removed");
    else
        ear->lost(ear->ctx, p->name, "link", why.message);
    return FPTC_OK;
}
