#include "share/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"

void fptc__turn_init(struct fptc__turn *t, const char *dir)
{
    char hex[33];

    memset(t, 0, sizeof(*t));
    fptc__random_hex32(hex);
    snprintf(t->id, sizeof(t->id), "%s:%lld", hex, (long long)fptc__process_id());
    if (snprintf(t->path, sizeof(t->path), "%s/lock", dir) >= (int)sizeof(t->path))
        t->path[0] = '\0'; /* too long: never held, the log is as safe without */
}

/* Reads whose claim it is; empty if there is none. */
static void read_claim(const struct fptc__turn *t, char *out)
{
    ssize_t n = fptc__sys.readlink(t->path, out, sizeof(t->id) - 1);

    out[n > 0 ? n : 0] = '\0';
}

/* Breaks a claim that has not changed for long. A race by design: two hosts may both unlink, and the
   second may remove the claim that a third has just made. Then two append at once, which is safe. */
static void break_if_stale(struct fptc__turn *t)
{
    char now[sizeof(t->id)];

    read_claim(t, now);
    if (now[0] == '\0' || strcmp(t->seen, now) != 0) {
        memcpy(t->seen, now, sizeof(t->seen));
        t->seen_since_mono_ms = fptc__mono_ms();
    } else if (fptc__mono_ms() - t->seen_since_mono_ms >= FPTC_LOCK_STALE_MS) {
        (void)fptc__sys.unlink(t->path);
    }
}

void fptc__turn_take(void *turn)
{
    struct fptc__turn *t = turn;
    int64_t start = fptc__mono_ms();

    while (t->path[0] != '\0') {
        if (fptc__sys.symlink(t->id, t->path) == 0) {
            t->is_held = 1;
            return;
        }
        if (errno != EEXIST || fptc__mono_ms() - start >= FPTC_LOCK_WAIT_MS)
            return;
        break_if_stale(t);
        fptc__sleep_ms(2 + (int64_t)(fptc__random_u64() % 8));
    }
}

void fptc__turn_give(void *turn)
{
    struct fptc__turn *t = turn;
    char now[sizeof(t->id)];

    if (!t->is_held)
        return;
    t->is_held = 0;
    read_claim(t, now);
    if (strcmp(now, t->id) == 0)
        (void)fptc__sys.unlink(t->path);
}
