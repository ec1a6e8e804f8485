#include "share/flight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int claim(struct fptc__flight *f, const char *cache_dir)
{
    char dir[FPTC_PATH_MAX];

    if (fptc__sys.symlink(f->id, f->path) == 0)
        return 1;
    if (errno != ENOENT || fptc__path(dir, NULL, "%s/flights", cache_dir) != FPTC_OK ||
        fptc__dir_make(dir, NULL) != FPTC_OK)
        return errno == EEXIST ? 0 : -1;
    if (fptc__sys.symlink(f->id, f->path) == 0)
        return 1;
    return errno == EEXIST ? 0 : -1;
}

static void read_claim(const struct fptc__flight *f, char *out, size_t n)
{
    ssize_t got = fptc__sys.readlink(f->path, out, n - 1);

    out[got > 0 ? got : 0] = '\0';
}

/* A claim of this boot of this host whose process is no more. */
static int is_dead(const struct fptc__flight *f, const char *claimed)
{
    size_t boot = strcspn(f->id, ":") + 1;

    return strncmp(f->id, claimed, boot) == 0 &&
           !fptc__process_lives(strtoll(claimed + boot, NULL, 10));
}

/* Until the claim that is there now has gone or changed hands. 1 landed, 0 waited long enough. */
static int wait_for_landing(const struct fptc__flight *f, const struct fptc__call *call)
{
    char first[sizeof(f->id)], now[sizeof(f->id)];
    int64_t until = fptc__mono_ms() + fptc__call_left_ms(call, 2 * FPTC_FLIGHT_WAIT_MS) / 2;
    int64_t pause_ms = 5;

    read_claim(f, first, sizeof(first));
    while (fptc__mono_ms() < until && !is_dead(f, first)) {
        read_claim(f, now, sizeof(now));
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
    char hex[33], boot[37];

    memset(f, 0, sizeof(*f));
    fptc__random_hex32(hex);
    fptc__boot_id(boot);
    snprintf(f->id, sizeof(f->id), "%s:%lld:%.16s", boot, (long long)fptc__process_id(), hex);
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
    char now[sizeof(f->id)];

    if (!f->is_leader)
        return;
    f->is_leader = 0;
    read_claim(f, now, sizeof(now));
    if (strcmp(now, f->id) == 0)
        (void)fptc__sys.unlink(f->path);
}
