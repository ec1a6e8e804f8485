/*
 * shun.h: snapshot files that are given up: damaged ones for good, those that this host cannot read for
 * some time, and only once they could not be read twice: a server that was away for a minute is no reason
 * to read an older base and thousands of commits.
 *
 * One list serves all logs of a handle, so that what one view has met no stream begins with again. Names
 * of files are never used twice. Any thread.
 */
#ifndef FPTC_STORE_SHUN_H
#define FPTC_STORE_SHUN_H

#include <pthread.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

/* Files remembered: of each partition that a handle reads at most two matter. The oldest is forgotten. */
#define FPTC__SHUNNED_MAX 16

struct fptc__shun {
    pthread_mutex_t mutex;
    struct fptc__shunned {
        char name[160];
        int64_t met_mono_ms; /* when it was met last; 0: no entry */
        int is_given_up, is_damaged;
    } list[FPTC__SHUNNED_MAX];
};

void fptc__shun_init(struct fptc__shun *s);
void fptc__shun_done(struct fptc__shun *s);
/* What reading the file has met: FPTC_EDAMAGED, or that it could not be read. */
void fptc__shun_note(struct fptc__shun *s, const char *name, fptc_status met);
/* 1 when the file is given up. */
int fptc__shun_has(struct fptc__shun *s, const char *name);
/* Nothing replaces it: it is read again, as far as it can be. */
void fptc__shun_pardon(struct fptc__shun *s, const char *name);

#endif
