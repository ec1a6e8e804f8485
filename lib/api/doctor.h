/* doctor.h: what the checks of a directory share (doctor.c order and document, doctor_alone.c what one host
   can measure, doctor_store.c the cache in it, doctor_peer.c what two measure together). */
#ifndef FPTC_API_DOCTOR_H
#define FPTC_API_DOCTOR_H

#include "base/json.h"
#include "base/limits.h"
#include "base/mount.h"

struct fptc__doctor {
    const char *dir;          /* the directory in question */
    char work[FPTC_PATH_MAX]; /* where files are made: dir/doctor-<name> */
    char id[33];
    int64_t until_mono_ms;
    struct fptc__mount mount;
    fptc__json *checks;
    int is_unsafe, is_out_of_memory;
};

struct fptc__check {
    const char *name;
    double value; /* with unit NULL: none */
    const char *unit;
    enum fptc__verdict_of verdict;
    const char *meaning, *next;
};
void fptc__doctor_add(struct fptc__doctor *d, const struct fptc__check *check);

void fptc__doctor_mount(struct fptc__doctor *d);
void fptc__doctor_alone(struct fptc__doctor *d);
void fptc__doctor_store(struct fptc__doctor *d);
/* Tells of this host's clock against that of a new file of that name; how far it is ahead. 0 or errno. */
int fptc__doctor_clock(struct fptc__doctor *d, const char *name, double *out_skew_s);
/* FPTC_EDEADLINE: nobody came. work becomes "" where the other host removes it. */
fptc_status fptc__doctor_peer(struct fptc__doctor *d, fptc_error *err);
/* "<work>/<name>" */
fptc_status fptc__doctor_path(const struct fptc__doctor *d, char out[FPTC_PATH_MAX],
                              const char *name);
/* A file of that name with that text. 0 or errno. */
int fptc__doctor_put(const struct fptc__doctor *d, const char *name, const char *text);
/* Links a temporary file with that text to the name; what the name holds afterwards goes to out ("":
   nothing). What link answered: 0 or errno. */
int fptc__doctor_link(const struct fptc__doctor *d, const char *name, const char *text,
                      char out[128]);
/* Text of a file, looked up anew; 0 when there is none. */
int fptc__doctor_get(const struct fptc__doctor *d, const char *name, char out[128]);

#endif
