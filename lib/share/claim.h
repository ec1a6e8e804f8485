/*
 * claim.h: a claim is a symlink whose content says whose it is: one call makes it with its content, of
 * several who try one succeeds, and no dead host delays who reads or removes it. Claims save work; nobody
 * rests his safety on one.
 */
#ifndef FPTC_SHARE_CLAIM_H
#define FPTC_SHARE_CLAIM_H

#include <stdint.h>

/* "<boot id>.<process name space>:<process id>:<16 hexadecimal digits>", unique to whoever made it. */
#define FPTC__CLAIMANT_BYTES 80
/* What any claim may say, with what its kind puts after the claimant. */
#define FPTC__CLAIM_BYTES 192

void fptc__claimant(char out[FPTC__CLAIMANT_BYTES]);
/* 1 made, 0 somebody's is there, -1 it cannot be made here (errno says why). */
int fptc__claim_make(const char *path, const char *content);
/* What it says; "" when there is none, or none that can be read. */
void fptc__claim_read(const char *path, char out[FPTC__CLAIM_BYTES]);
/* Removes it if it says just that. */
void fptc__claim_give(const char *path, const char *content);
/* A claim of our boot of our host whose process is no more; own: any claimant of ours. */
int fptc__claim_is_dead(const char *content, const char *own);

/*
 * Judging another's claim by change, on one's own clock. Only time that was really watched counts: of two
 * looks at most `step_ms` lie between them, so that neither our own sleep nor a file server that held
 * both of us up makes a claim look old.
 */
struct fptc__claim_watch {
    char seen[FPTC__CLAIM_BYTES];
    int64_t looked_mono_ms, unchanged_ms;
    int has_changed; /* it was seen to say two things: somebody was alive then */
};
/* Takes note of what the claim says now; for how long it has said that. */
int64_t fptc__claim_watch(struct fptc__claim_watch *w, const char *content, int64_t step_ms);

#endif
