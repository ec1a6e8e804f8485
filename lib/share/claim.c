#include "share/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/localdir.h"
#include "base/symlink.h"
#include "base/sys.h"

void fptc__claimant(char out[FPTC__CLAIMANT_BYTES])
{
    char hex[33], boot[37];

    fptc__random_hex32(hex);
    fptc__boot_id(boot);
    snprintf(out, FPTC__CLAIMANT_BYTES, "%s.%lx:%lld:%.16s", boot, fptc__process_space(),
             (long long)fptc__process_id(), hex);
}

int fptc__claim_make(const char *path, const char *content)
{
    if (fptc__sys.symlink(content, path) == 0)
        return 1;
    return errno == EEXIST ? 0 : -1;
}

void fptc__claim_read(const char *path, char out[FPTC__CLAIM_BYTES])
{
    (void)fptc__symlink_read(path, out, FPTC__CLAIM_BYTES, NULL);
}

void fptc__claim_give(const char *path, const char *content)
{
    char now[FPTC__CLAIM_BYTES];

    fptc__claim_read(path, now);
    if (strcmp(now, content) == 0)
        (void)fptc__sys.unlink(path);
}

int fptc__claim_is_dead(const char *content, const char *own)
{
    size_t boot = strcspn(own, ":") + 1;
    char *end = NULL;
    long long pid;

    /* A boot that has no name could be any host's. */
    if (memchr(own, '-', boot) == NULL || strncmp(content, own, boot) != 0)
        return 0;
    pid = strtoll(content + boot, &end, 10);
    return pid > 0 && *end == ':' && !fptc__process_lives(pid);
}

int64_t fptc__claim_watch(struct fptc__claim_watch *w, const char *content, int64_t step_ms)
{
    int64_t now = fptc__mono_ms(), passed = now - w->looked_mono_ms;

    if (w->looked_mono_ms == 0 || strcmp(w->seen, content) != 0) {
        w->has_changed = w->looked_mono_ms != 0;
        w->unchanged_ms = 0;
        snprintf(w->seen, sizeof(w->seen), "%s", content);
    } else {
        w->unchanged_ms += passed < step_ms ? passed : step_ms;
    }
    w->looked_mono_ms = now;
    return w->unchanged_ms;
}
