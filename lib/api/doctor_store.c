/* doctor_store.c: the cache in the directory, if there is one: overdue work, and what was left behind. */
#include <stdio.h>
#include <string.h>

#include "api/doctor.h"
#include "base/error.h"
#include "base/file.h"
#include "share/holder.h"
#include "store/layout.h"
#include "store/rollup.h"

/* A temp this old belongs to nobody who lives. */
#define LEFT_MS (24 * 3600 * INT64_C(1000))

struct survey {
    struct fptc__doctor *d;
    const struct fptc__partition *p;
    int64_t now_ms;
    int n_partitions, n_overdue, n_left;
};

static int note_temp(const char *name, void *payload)
{
    struct survey *s = payload;
    char path[FPTC_PATH_MAX];
    int64_t mtime_ms = 0;

    if (fptc__path(path, NULL, "%s/tmp/%s", s->p->dir, name) == FPTC_OK &&
        fptc__file_info(path, NULL, &mtime_ms, NULL) == FPTC_OK)
        s->n_left += s->now_ms - mtime_ms > LEFT_MS;
    return 0;
}

static int survey_one(const char *name, void *payload)
{
    struct survey *s = payload;
    struct fptc__partition p;
    struct fptc__holder_link link;
    char tmp[FPTC_PATH_MAX];

    if (fptc__partition_at(s->d->dir, name, &p, NULL) != FPTC_OK)
        return 0;
    s->p = &p;
    s->n_partitions++;
    s->n_overdue += fptc__compact_is_due(&p) == FPTC__OVERDUE &&
                    fptc__holder_read(p.dir, &link, NULL) != FPTC_OK;
    if (fptc__path(tmp, NULL, "%s/tmp", p.dir) == FPTC_OK)
        (void)fptc__dir_list(tmp, note_temp, s, NULL);
    return 0;
}

void fptc__doctor_store(struct fptc__doctor *d)
{
    struct fptc__cache_info info;
    struct survey s = {.d = d};
    char path[FPTC_PATH_MAX];

    if (fptc__cache_read(d->dir, &info, NULL) != FPTC_OK) {
        fptc__doctor_add(d, &(struct fptc__check){"cache", 0, NULL, FPTC__FINE,
                                                  "the directory is no cache yet",
                                                  "fptcache init DIR --site URL"});
        return;
    }
    if (fptc__doctor_path(d, path, "now") == FPTC_OK && fptc__doctor_put(d, "now", "") == 0)
        (void)fptc__file_info(path, NULL, &s.now_ms, NULL);
    (void)fptc__partition_list(d->dir, survey_one, &s, NULL);
    fptc__doctor_add(
        d, &(struct fptc__check){"cache", s.n_partitions, "partitions", FPTC__FINE, info.site, ""});
    fptc__doctor_add(
        d, &(struct fptc__check){
               "upkeep", s.n_overdue, "overdue", s.n_overdue ? FPTC__DOUBTFUL : FPTC__FINE,
               s.n_overdue ? "a rewrite is overdue, and nobody holds: opening gets slow"
                           : "no rewrite is overdue that nobody sees to",
               s.n_overdue ? "fptcache maintain (from cron), or fptcache hold" : ""});
    fptc__doctor_add(d, &(struct fptc__check){
                            "leftovers", s.n_left, "files", s.n_left ? FPTC__DOUBTFUL : FPTC__FINE,
                            s.n_left ? "temporary files of processes that died over a day ago"
                                     : "no temporary files of dead processes",
                            s.n_left ? "fptcache maintain" : ""});
}
