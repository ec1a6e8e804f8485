/*
 * mount.h: what a directory is on, and what that means to us: the file system's type and the mount's
 * options, from statfs() and /proc/self/mountinfo, judged by one table (mount.c). Nothing here decides
 * whether a cache works: that is measured (api/doctor.c). It says what cannot be measured.
 */
#ifndef FPTC_BASE_MOUNT_H
#define FPTC_BASE_MOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

enum fptc__mount_kind {
    FPTC__MOUNT_UNKNOWN, /* not in our table: untested */
    FPTC__MOUNT_LOCAL,   /* a disk of this host */
    FPTC__MOUNT_MEMORY,
    FPTC__MOUNT_NFS,
    FPTC__MOUNT_SMB,
    FPTC__MOUNT_FUSE,
    FPTC__MOUNT_OVERLAY
};

struct fptc__mount {
    enum fptc__mount_kind kind;
    char type[32];             /* "nfs4", "ext4"; "" when only its number is known */
    int64_t magic;             /* f_type of statfs(); 0: not known */
    char source[256];          /* "filer:/projects" */
    char point[256];           /* where it is mounted; of a bind mount, that */
    char options[2048];        /* ",rw,vers=4.2,...,": a comma before and behind each */
    int64_t bytes_free, bytes; /* of statfs(), for us; -1: not known */
};

enum fptc__verdict_of { FPTC__FINE, FPTC__DOUBTFUL, FPTC__UNSAFE };

/* One thing that a mount's type or options mean. Texts are static. */
struct fptc__finding {
    enum fptc__verdict_of verdict;
    const char *what; /* "soft", "nocto", "vers=3", "SMB" */
    const char *meaning, *next;
};
#define FPTC__FINDINGS_MAX 16

/* Fills out from the text of /proc/self/mountinfo, which may be anything: the line of the mount `id`. 1 when
   there is one. What is too long is cut. */
int fptc__mount_parse(const char *text, size_t n, int64_t id, struct fptc__mount *out);
/* The value of "name=123", `missing` without one. 1 and 0 for plain options: fptc__mount_has(). */
int64_t fptc__mount_number(const struct fptc__mount *m, const char *name, int64_t missing);
int fptc__mount_has(const struct fptc__mount *m, const char *option);
/* What it means, worst first; the number of findings, at least 1. */
size_t fptc__mount_judge(const struct fptc__mount *m, struct fptc__finding out[FPTC__FINDINGS_MAX]);
/* What the directory is on. FPTC_OK also when only a part of it could be found out. */
fptc_status fptc__mount_of(const char *dir, struct fptc__mount *out, fptc_error *err);
/* "nfs4 filer:/projects on /mnt/projects (vers=4.2,hard)" */
void fptc__mount_text(const struct fptc__mount *m, char *out, size_t n);

#endif
