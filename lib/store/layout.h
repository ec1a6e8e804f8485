/*
 * layout.h: where things are in a cache directory (design: CACHE/...), making and opening it, and the
 * file server's clock.
 *
 *   CACHE/fptcache.json                     format, site, realm: written once
 *   CACHE/partitions/<partition>/log/0000000000000042
 *                               /bases/0000000000000041
 *                               /files/<unique>.sqlite
 *                               /tmp/<unique>
 *                               /latest.sqlite -> files/...
 */
#ifndef FPTC_STORE_LAYOUT_H
#define FPTC_STORE_LAYOUT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/file.h"

/* A partition's directory. Copyable; holds no resources. */
struct fptc__partition {
    char dir[FPTC_PATH_MAX]; /* CACHE/partitions/project-101 */
    char name[64];           /* "project-101", "site", "outbox" */
};

/* "site" for project 0, else "project-<id>". */
void fptc__partition_name(int64_t project_id, char out[64]);
/* Project id of "project-101"; 0 for "site" and any other name. */
int64_t fptc__partition_project(const char *name);
/* Fills p; no I/O. */
fptc_status fptc__partition_at(const char *cache_dir, const char *name, struct fptc__partition *p,
                               fptc_error *err);
/* Makes its directories if they are not there (log bases files tmp). */
fptc_status fptc__partition_make(const struct fptc__partition *p, fptc_error *err);
/* FPTC_OK if it exists, FPTC_MISS if not. */
fptc_status fptc__partition_exists(const struct fptc__partition *p, fptc_error *err);
/* Names of all partitions, sorted: calls each(name, payload); non-zero stops. */
fptc_status fptc__partition_list(const char *cache_dir, int (*each)(const char *, void *),
                                 void *payload, fptc_error *err);
/* "<partition>/log/%016PRIu64" and the like; `sub` is "log" or "bases". */
fptc_status fptc__partition_number_path(const struct fptc__partition *p, const char *sub,
                                        uint64_t number, char out[FPTC_PATH_MAX], fptc_error *err);
/* The other way: 1 and the number if `name` is one, else 0. */
int fptc__partition_number(const char *name, uint64_t *out);
/* A name in tmp/ that nobody else has: host, process id, random. */
fptc_status fptc__partition_temp_path(const struct fptc__partition *p, char out[FPTC_PATH_MAX],
                                      fptc_error *err);

/* The one spelling of a site: lower-case host, no slash at the end. */
fptc_status fptc__site_normalise(const char *site, char out[512], fptc_error *err);

/* Contents of fptcache.json. realm is "" while nobody with credentials has used the directory. */
struct fptc__cache_info {
    int format;
    char site[512];
    char realm[512];
};
/* Writes fptcache.json if absent (by link: hosts may race) and makes partitions/. When it is there:
   FPTC_OK if site and realm agree, else FPTC_EEXIST saying both. */
fptc_status fptc__cache_make(const char *cache_dir, const char *site, const char *realm,
                             fptc_error *err);
/* FPTC_ENOENT, FPTC_EDAMAGED, FPTC_EFORMAT, ... The realm may live in a second file, realm.json, when
   it was not known at init; read and write of both is hidden here. */
fptc_status fptc__cache_read(const char *cache_dir, struct fptc__cache_info *out, fptc_error *err);
/* 1 when the directory holds partitions and its description is damaged or missing; *out then has what can
   still be read of it, "" what cannot. */
int fptc__cache_needs_restore(const char *cache_dir, struct fptc__cache_info *out, fptc_error *err);
/* Puts damaged descriptions aside (NAME.damaged-<hex>) and a new one in their place; `told` says so. */
fptc_status fptc__cache_restore(const char *cache_dir, const char *site, const char *realm,
                                char *told, size_t n, fptc_error *err);
/* Puts the realm there if none is yet; *out tells the one that holds now (another's may have won). */
fptc_status fptc__cache_claim_realm(const char *cache_dir, const char *realm,
                                    struct fptc__cache_info *out, fptc_error *err);

/*
 * The file server's clock: the mtime of a file just made, carried on with this host's monotonic clock
 * for at most 10 minutes. One per handle; zero-initialise. Where nothing can be written it falls back
 * to the greatest mtime seen and sets is_lower_bound.
 */
struct fptc__server_clock {
    int64_t server_ms, mono_ms;
    int is_lower_bound;
};
/* 1 and the time when it is carried on: nothing is asked. */
int fptc__server_now_carried(const struct fptc__server_clock *clock, int64_t mono_ms,
                             int64_t *out_ms);
fptc_status fptc__server_now(struct fptc__server_clock *clock, const struct fptc__partition *p,
                             int64_t *out_ms, fptc_error *err);

#endif
