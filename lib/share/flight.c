#include "share/flight.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

static int claim(struct fptc__flight *f, const char *cache_dir)
{
    char dir[FPTC_PATH_MAX];
    int made = fptc__claim_make(f->path, f->id);

    if (made >= 0 || errno != ENOENT || fptc__path(dir, NULL, "%s/flights", cache_dir) != FPTC_OK ||
        fptc__dir_make_like(dir, cache_dir, NULL) != FPTC_OK)
        return made;
    return fptc__claim_make(f->path, f->id);
}

/* Until the claim that is there now has gone or changed hands. 1 landed, 0 waited long enough. */
static int wait_for_landing(const struct fptc__flight *f, const struct fptc__call *call)
{
    char first[FPTC__CLAIM_BYTES], now[FPTC__CLAIM_BYTES];
    int64_t until = fptc__mono_ms() + fptc__call_left_ms(call, 2 * FPTC_FLIGHT_WAIT_MS) / 2;
    int64_t pause_ms = 5;

    fptc__claim_read(f->path, first);
    while (fptc__mono_ms() < until && !fptc__claim_is_dead(first, f->id)) {
        fptc__claim_read(f->path, now);
        if (strcmp(first, now) != 0 || now[0] == '\0')
            return 1;
        fptc__sleep_ms(pause_ms);
        pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
    }
    return 0;
}

fptc_status fptc__flight_begin(struct fptc__flight *f, const char *cache_dir, const char *key,
                               const struct fptc__call *call)
{
    memset(f, 0, sizeof(*f));
    fptc__claimant(f->id);
    if (fptc__path(f->path, NULL, "%s/flights/%s", cache_dir, key) != FPTC_OK)
        return FPTC_OK;
    switch (claim(f, cache_dir)) {
    case 1:
        f->is_leader = 1;
        return FPTC_OK;
    case 0:
        if (wait_for_landing(f, call))
            return FPTC_MISS;
        (void)fptc__sys.unlink(f->path); /* its leader died or is stuck: the next may claim it */
        return FPTC_OK;
    default:
        return FPTC_OK; /* claims cannot be made here (read-only): ask without */
    }
}

void fptc__flight_end(struct fptc__flight *f)
{
    if (f->is_leader)
        fptc__claim_give(f->path, f->id);
    f->is_leader = 0;
}
