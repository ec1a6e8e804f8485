#include "share/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/sys.h"

void fptc__turn_init(struct fptc__turn *t, const char *dir)
{
    memset(t, 0, sizeof(*t));
    fptc__claimant(t->id);
    (void)snprintf(t->dir, sizeof(t->dir), "%s", dir);
    if (snprintf(t->path, sizeof(t->path), "%s/lock", dir) >= (int)sizeof(t->path))
        t->path[0] = '\0'; /* too long: never held, the log is as safe without */
}

/* Whether somebody's claim is there. One that has not changed for long, or whose process on this host has
   gone, is broken. A race by design: two hosts may both unlink, and the second may remove the claim that a
   third has just made. Then two append at once, which is safe. */
static int is_anybodys(struct fptc__turn *t)
{
    char now[FPTC__CLAIM_BYTES];

    fptc__claim_read(t->path, now);
    int is_stale = fptc__claim_watch(&t->rival, now, FPTC_LOCK_STALE_MS) >= FPTC_LOCK_STALE_MS;
    if (now[0] != '\0' && (is_stale || fptc__claim_is_dead(now, t->id)))
        (void)fptc__sys.unlink(t->path);
    return now[0] != '\0';
}

void fptc__turn_take(void *turn)
{
    struct fptc__turn *t = turn;
    int64_t start = fptc__mono_ms();

    while (t->path[0] != '\0') {
        int made = fptc__claim_make(t->path, t->id);

        t->is_held = made > 0;
        if (made != 0 || fptc__mono_ms() - start >= FPTC_LOCK_WAIT_MS)
            return;
        (void)is_anybodys(t);
        fptc__sleep_ms(2 + (int64_t)(fptc__random_u64() % 8));
    }
}

void fptc__turn_give(void *turn)
{
    struct fptc__turn *t = turn;

    if (t->is_held)
        fptc__claim_give(t->path, t->id);
    t->is_held = 0;
}

void fptc__turn_yield(void *turn, int64_t most_ms)
{
    struct fptc__turn *t = turn;
    int64_t start = fptc__mono_ms();

    while (t->path[0] != '\0' && fptc__mono_ms() - start <= most_ms) {
        (void)fptc__dir_touch(t->dir, NULL); /* else NFS shows yesterday's claim (N§6) */
        if (!is_anybodys(t))
            return;
        fptc__sleep_ms(2 + (int64_t)(fptc__random_u64() % 8));
    }
}
