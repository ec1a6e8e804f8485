#include "share/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

void fptc__turn_init(struct fptc__turn *t, const char *dir)
{
    memset(t, 0, sizeof(*t));
    fptc__claimant(t->id);
    if (snprintf(t->path, sizeof(t->path), "%s/lock", dir) >= (int)sizeof(t->path))
        t->path[0] = '\0'; /* too long: never held, the log is as safe without */
}

/* Breaks a claim that has not changed for long. A race by design: two hosts may both unlink, and the
   second may remove the claim that a third has just made. Then two append at once, which is safe. */
static void break_if_stale(struct fptc__turn *t)
{
    char now[FPTC__CLAIM_BYTES];

    fptc__claim_read(t->path, now);
    if (fptc__claim_watch(&t->rival, now, FPTC_LOCK_STALE_MS) >= FPTC_LOCK_STALE_MS &&
        now[0] != '\0')
        (void)fptc__sys.unlink(t->path);
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
        break_if_stale(t);
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
