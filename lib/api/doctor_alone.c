/* doctor_alone.c: what one host can measure of a directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/doctor.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/thread.h"

#define ROUNDS 20
#define RACES 50
#define RACERS 4
#define ASK_OTHERS                                                                                 \
    "use a file system with hard links and symbolic links, as NFS and local ones have"

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *list, int n)
{
    qsort(list, (size_t)n, sizeof(*list), compare_numbers);
    return list[n / 2];
}

static double now_ms(void)
{
    struct timespec t = {0, 0};

    (void)fptc__sys.clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* `what` failed with that errno. */
static void add_failed(struct fptc__doctor *d, const char *name, const char *what, int failed)
{
    char meaning[300], text[100];

    if (strerror_r(failed, text, sizeof(text)) == NULL)
        text[0] = '\0';
    (void)snprintf(meaning, sizeof(meaning), "%s: %s", what,
                   strerror_r(failed, text, sizeof(text)));
    fptc__doctor_add(d,
                     &(struct fptc__check){.name = name,
                                           .verdict = FPTC__UNSAFE,
                                           .meaning = meaning,
                                           .next = failed == EACCES || failed == EROFS
                                                       ? "give this user the right to write there"
                                                       : ASK_OTHERS});
}

/* A small file: written, synced, closed. */
static int measure_writes(struct fptc__doctor *d)
{
    char name[32], text[513];
    double took[ROUNDS];
    int i, failed = 0;

    memset(text, 'x', 512);
    text[512] = '\0';
    for (i = 0; i < ROUNDS && !failed; i++) {
        double began = now_ms();

        (void)snprintf(name, sizeof(name), "write-%d", i);
        failed = fptc__doctor_put(d, name, text);
        took[i] = now_ms() - began;
    }
    if (failed) {
        add_failed(d, "write and fsync", "a small file cannot be written", failed);
        return 0;
    }
    fptc__doctor_add(d, &(struct fptc__check){"write and fsync", median(took, ROUNDS), "ms",
                                              FPTC__FINE,
                                              "the least that a durable write costs here", ""});
    return 1;
}

/* A name that is there must stay as it is. */
static int measure_link(struct fptc__doctor *d)
{
    char held[128];
    int failed = fptc__doctor_link(d, "link", "first", held);

    if (failed || strcmp(held, "first") != 0) {
        add_failed(d, "exclusive link", "a file cannot be given a name by link()",
                   failed ? failed : ENOENT);
        return 0;
    }
    failed = fptc__doctor_link(d, "link", "second", held);
    if (failed == EEXIST && strcmp(held, "first") == 0)
        return 1;
    fptc__doctor_add(
        d, &(struct fptc__check){"exclusive link", 0, NULL, FPTC__UNSAFE,
                                 failed == 0
                                     ? "link() to a name that is taken says it was done: two hosts "
                                       "would both believe that a commit is theirs"
                                     : "a name that is taken does not keep what it holds",
                                 ASK_OTHERS});
    return 0;
}

/* The whole append: temp, fsync, link, fsync of the directory, a look at who has the name. */
static void measure_appends(struct fptc__doctor *d)
{
    double took[ROUNDS];
    char name[32], held[128];
    int i, failed = 0;

    for (i = 0; i < ROUNDS && !failed; i++) {
        double began = now_ms();

        (void)snprintf(name, sizeof(name), "append-%d", i);
        failed = fptc__doctor_link(d, name, d->id, held);
        took[i] = now_ms() - began;
    }
    if (failed)
        add_failed(d, "append", "a commit cannot be published", failed);
    else
        fptc__doctor_add(d, &(struct fptc__check){"append", median(took, ROUNDS), "ms", FPTC__FINE,
                                                  "what each commit costs here", ""});
}

struct racer {
    const struct fptc__doctor *d;
    int number, n_won, n_odd;
};

static void *race(void *ctx)
{
    struct racer *r = ctx;
    char name[32], mine[16], held[128];
    int i;

    (void)snprintf(mine, sizeof(mine), "%d", r->number);
    for (i = 0; i < RACES; i++) {
        int failed;

        (void)snprintf(name, sizeof(name), "race-%d", i);
        failed = fptc__doctor_link(r->d, name, mine, held);
        r->n_won += strcmp(held, mine) == 0;
        r->n_odd += (failed == 0) != (strcmp(held, mine) == 0) || (failed && failed != EEXIST);
    }
    return NULL;
}

static void measure_races(struct fptc__doctor *d)
{
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    int i, n = 0, n_won = 0, n_odd = 0;

    memset(racers, 0, sizeof(racers));
    for (i = 0; i < RACERS; i++) {
        racers[n].d = d;
        racers[n].number = i;
        if (fptc__thread_start(race, &racers[n], &threads[n], NULL) == FPTC_OK)
            n++;
    }
    for (i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        n_won += racers[i].n_won;
        n_odd += racers[i].n_odd;
    }
    if (n_won == RACES && n_odd == 0)
        fptc__doctor_add(
            d, &(struct fptc__check){"exclusive link", RACES, "races", FPTC__FINE,
                                     "each had one winner, among threads of this host",
                                     "measure it between two hosts: doctor --peer NAME on both"});
    else if (n_won == RACES)
        fptc__doctor_add(d, &(struct fptc__check){
                                "exclusive link", n_odd, "odd answers", FPTC__DOUBTFUL,
                                "each race had one winner, and link() told some of them otherwise: "
                                "answers are lost here; the content decides",
                                ""});
    else
        fptc__doctor_add(d, &(struct fptc__check){"exclusive link", n_won, "winners", FPTC__UNSAFE,
                                                  "races for one name had not one winner each",
                                                  ASK_OTHERS});
}

static int swap_symlink(const struct fptc__doctor *d, const char *content, char out[128])
{
    char from[FPTC_PATH_MAX], to[FPTC_PATH_MAX];
    ssize_t got;

    out[0] = '\0';
    if (fptc__doctor_path(d, from, "symlink-new") != FPTC_OK ||
        fptc__doctor_path(d, to, "symlink") != FPTC_OK)
        return ENAMETOOLONG;
    if (fptc__sys.symlink(content, from) != 0 || fptc__sys.rename(from, to) != 0)
        return errno;
    got = fptc__sys.readlink(to, out, 127);
    out[got > 0 ? got : 0] = '\0';
    return got < 0 ? errno : 0;
}

static void measure_symlinks(struct fptc__doctor *d)
{
    double took[ROUNDS];
    char content[16], found[128];
    int i, failed = 0, n_wrong = 0;

    for (i = 0; i < ROUNDS && !failed; i++) {
        double began = now_ms();

        (void)snprintf(content, sizeof(content), "%d", i);
        failed = swap_symlink(d, content, found);
        took[i] = now_ms() - began;
        n_wrong += strcmp(content, found) != 0;
    }
    if (failed)
        add_failed(d, "symlink swap", "a symbolic link cannot be made, renamed or read", failed);
    else
        fptc__doctor_add(
            d, &(struct fptc__check){
                   "symlink swap", median(took, ROUNDS), "ms", n_wrong ? FPTC__UNSAFE : FPTC__FINE,
                   n_wrong ? "a symbolic link renamed over another still shows the old one"
                           : "what a heartbeat costs; seen at once on this host",
                   n_wrong ? ASK_OTHERS : ""});
}

int fptc__doctor_clock(struct fptc__doctor *d, const char *name, double *out_skew_s)
{
    char path[FPTC_PATH_MAX], meaning[200];
    int64_t server_ms = 0, before_ms = fptc__wall_ms();
    int failed = fptc__doctor_put(d, name, ""), is_far;
    double skew_s;

    if (!failed && (fptc__doctor_path(d, path, name) != FPTC_OK ||
                    fptc__file_info(path, NULL, &server_ms, NULL) != FPTC_OK))
        failed = EIO;
    if (failed)
        return failed;
    skew_s = (double)(before_ms + fptc__wall_ms() - 2 * server_ms) / 2000.0;
    is_far = skew_s > 300 || skew_s < -300;
    (void)snprintf(
        meaning, sizeof(meaning),
        "how far this host's clock is ahead of that of new files, which is %s; ages are told by that "
        "of files alone",
        skew_s > 1 || skew_s < -1 ? "the file server's" : "the file server's or the same");
    fptc__doctor_add(
        d, &(struct fptc__check){
               "clock skew", skew_s, "s", is_far ? FPTC__DOUBTFUL : FPTC__FINE, meaning,
               is_far ? "set this host's clock (NTP): relative dates in filters use it" : ""});
    *out_skew_s = skew_s;
    return 0;
}

static void tell_of_exports(struct fptc__doctor *d)
{
    if (d->mount.kind != FPTC__MOUNT_NFS && d->mount.kind != FPTC__MOUNT_UNKNOWN)
        return;
    fptc__doctor_add(d,
                     &(struct fptc__check){
                         "power loss of the server", 0, NULL, FPTC__DOUBTFUL,
                         "whether it keeps what it said was written cannot be seen from here: an "
                         "`async` export loses it",
                         "see that the export says sync (exportfs -v, or the filer's manual)"});
}

static void measure_space(struct fptc__doctor *d)
{
    double free_mb = (double)d->mount.bytes_free / 1e6;
    int is_little = d->mount.bytes_free < (INT64_C(1) << 30);

    if (d->mount.bytes_free < 0)
        return;
    fptc__doctor_add(d,
                     &(struct fptc__check){
                         "free space", free_mb, "MB", is_little ? FPTC__DOUBTFUL : FPTC__FINE,
                         is_little ? "little: a rewrite needs room for a second copy of a project"
                                   : "for this user",
                         is_little ? "make room, or move the cache" : ""});
}

static void tell_of_modes(struct fptc__doctor *d)
{
    struct stat st;
    char meaning[200];
    int lacks_setgid;

    if (fptc__sys.stat(d->dir, &st) != 0)
        return;
    lacks_setgid = (st.st_mode & 0020) != 0 && (st.st_mode & S_ISGID) == 0;
    (void)snprintf(meaning, sizeof(meaning), "mode %04o of group %ld%s",
                   (unsigned)st.st_mode & 07777, (long)st.st_gid,
                   lacks_setgid ? "; without setgid new files are of their makers' own groups"
                                : "; what is made in it gets the same, whatever the umask");
    fptc__doctor_add(d, &(struct fptc__check){
                            "permissions", 0, NULL, lacks_setgid ? FPTC__DOUBTFUL : FPTC__FINE,
                            meaning, lacks_setgid ? "chgrp GROUP and chmod 2770 (or 2775)" : ""});
}

void fptc__doctor_alone(struct fptc__doctor *d)
{
    double skew_s;

    if (measure_writes(d)) {
        if (measure_link(d)) {
            measure_appends(d);
            measure_races(d);
        }
        measure_symlinks(d);
        (void)fptc__doctor_clock(d, "clock", &skew_s);
    }
    tell_of_exports(d);
    measure_space(d);
    tell_of_modes(d);
}
