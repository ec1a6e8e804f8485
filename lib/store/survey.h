/*
 * survey.h: a look at everything a partition has on disk: every commit, every base with its files, and
 * whether they fit together. It changes nothing, and may be made beside writers, compactors and
 * deletion: a name that goes away because newer bases stand for it is no problem.
 *
 * 1. Numbers in log/ are read before `bases/` is listed. Only numbers up to the second newest base are
 *    ever deleted, so one that is missing above the second newest base of that listing is lost; of those that
 *    came after log/ was read, unless newer bases by now stand for them.
 * 2. A name in bases/ goes before its files: a file that is missing counts only when its base is still
 *    listed afterwards.
 */
#ifndef FPTC_STORE_SURVEY_H
#define FPTC_STORE_SURVEY_H

#include "base/clock.h"
#include "base/logger.h"
#include "store/manifest.h"

enum fptc__condition {
    FPTC__SOUND = 0,
    FPTC__BROKEN, /* damaged */
    FPTC__ABSENT,
    FPTC__NEWER /* of a format, or with a kind, that this build does not know */
};

struct fptc__survey_commit {
    uint64_t number, checksum, prev;
    enum fptc__condition condition;
    int breaks_chain; /* does not follow from its predecessor */
};

struct fptc__survey_base {
    struct fptc__manifest manifest; /* upto is its number in any case */
    enum fptc__condition condition; /* of the manifest and all its files together */
    int is_manifest_sound;
};

/* A file in files/ that was looked at. */
struct fptc__survey_file {
    char name[160];
    enum fptc__condition condition;
};

/* Who is told. `next`: what can be done about it. `file`: its path. */
struct fptc__survey_ear {
    void *ctx;
    void (*problem)(void *ctx, const char *file, const char *kind, const char *next,
                    const char *what);
    /* So many bytes more are read; non-zero stops the survey with FPTC_ECANCELLED. May be NULL. */
    int (*step)(void *ctx, int64_t bytes);
};

struct fptc__survey {
    const struct fptc__partition *p;
    const struct fptc__call *call;
    const struct fptc__survey_ear *ear;
    struct fptc__survey_commit *commits; /* those in log/, by number */
    size_t n_commits, cap_commits;
    struct fptc__survey_base *bases; /* newest first */
    size_t n_bases;
    uint64_t head; /* greatest number of either */
    int64_t files, bytes;
    int64_t now_ms; /* the file server's clock; 0: not known, nothing is called old */
    int64_t problems;
    struct fptc__survey_file *looked_at; /* files: bases share them */
    size_t n_looked_at;
    int has_folded_hole; /* the newest base was made over a damaged commit, and nobody has said so yet */
};

/* Zero the struct and fill in p, call and ear first. is_deep: also whether each snapshot says what its
   commits say. FPTC_OK whatever was found; a failure says why it could not be looked at. */
fptc_status fptc__survey_make(struct fptc__survey *s, int is_deep, fptc_error *err);
void fptc__survey_done(struct fptc__survey *s);
/* Bytes that a survey of the partition will read, for a progress bar. */
int64_t fptc__survey_size(const struct fptc__partition *p);

/* The commit of that number, or NULL. */
const struct fptc__survey_commit *fptc__survey_find(const struct fptc__survey *s, uint64_t number);
/* Number of the greatest base (0: none, the beginning) from which every commit up to the head is there
   and sound; *out_lost is 1 when there is no such base: then the best there is, by what is lost above. */
uint64_t fptc__survey_best_base(const struct fptc__survey *s, int *out_lost);

/* --- what the files of the survey share --- */

void fptc__survey_tell(struct fptc__survey *s, const char *file, const char *kind, const char *next,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
fptc_status fptc__survey_step(struct fptc__survey *s, int64_t bytes, fptc_error *err);
/* Whether bases/ still lists the number, looked up afresh. */
int fptc__survey_is_listed(const struct fptc__survey *s, uint64_t base);
/* survey_files.c: all the files that a sound manifest names. */
fptc_status fptc__survey_base_files(struct fptc__survey *s, struct fptc__survey_base *b,
                                    fptc_error *err);
/* survey_rows.c: whether the snapshot of base `newer` says what `older` and the commits between say; one
   that does not is no sound base any more. */
fptc_status fptc__survey_rows(struct fptc__survey *s, const struct fptc__survey_base *older,
                              const struct fptc__survey_base *newer, fptc_error *err);
/* survey_names.c: latest.sqlite, files that nobody names. */
fptc_status fptc__survey_names(struct fptc__survey *s, fptc_error *err);

#define FPTC__NEXT_REPAIR "fptcache repair"
#define FPTC__NEXT_UPGRADE "use a newer libfptcache"
#define FPTC__NEXT_COMPACT "fptcache compact"

#endif
