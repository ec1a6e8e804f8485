/*
 * doctor_peer.c: what two hosts measure together. Both run the same steps on one directory; the first to
 * make the symbolic link `a` is host a, the other b. No step needs the other's clock: what is timed is there
 * and back again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/doctor.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#define ROUNDS 20
#define RACES 200
#define RACES_AT_ONCE 20
#define SWAPS 50
#define POLL_MS 1
/* What is made is to be seen in this time by opening its directory, which is how the store looks. With `nocto`
   that shows nothing, and with NFS 3 not the second change in one tick of the server's clock: after this time a
   host stirs the directory before each look, and goes on. */
#define SEEN_WAIT_MS 5000
#define STIR_AFTER_MS 1000
#define STIR_MS 50
/* Waiting for a name without opening its directory: this long, then it is told that it takes longer. */
#define CACHED_WAIT_MS 5000
/* Before that name is made; the absence of it must be known by then. */
#define HEAD_START_MS 500
#define ASK_OTHERS "keep the cache on a file system that does, as NFS and local ones do"

struct meeting {
    struct fptc__doctor *d;
    char me, other;
    int is_late; /* here what is new is not seen in SEEN_WAIT_MS */
};

/* What is done to the directory before each look at it. */
enum look { LOOK, OPEN_AND_LOOK, STIR_AND_LOOK };

static void step_name(char out[64], const char *step, char who, int i)
{
    (void)snprintf(out, 64, "%s-%c-%d", step, who, i);
}

/* When the name was made, by the server's clock; 0 when it is not there. Not its mtime: an exclusive CREATE
   keeps its verifier in that for a moment. */
static int64_t made_ms(const struct meeting *m, const char *name)
{
    char path[FPTC_PATH_MAX];
    struct stat st;

    if (fptc__doctor_path(m->d, path, name) != FPTC_OK || fptc__sys.stat(path, &st) != 0)
        return 0;
    return (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
}

/* Makes and removes a name: whatever the client believes of the directory, it then asks the server. The
   server's time, 0 when it is not known. */
static int64_t stir(const struct meeting *m)
{
    char name[64], path[FPTC_PATH_MAX];
    int64_t server_ms = 0;

    step_name(name, "stir", m->me, 0);
    if (fptc__doctor_put(m->d, name, "") == 0 && fptc__doctor_path(m->d, path, name) == FPTC_OK) {
        server_ms = made_ms(m, name);
        (void)fptc__file_remove(path, NULL);
    }
    return server_ms;
}

static void prepare(const struct meeting *m, enum look how)
{
    if (how == STIR_AND_LOOK)
        (void)stir(m);
    if (how != LOOK)
        (void)fptc__dir_touch(m->d->work, NULL);
}

static int exists(const struct meeting *m, const char *name, enum look how)
{
    char path[FPTC_PATH_MAX];

    prepare(m, how);
    return fptc__doctor_path(m->d, path, name) == FPTC_OK &&
           fptc__file_info(path, NULL, NULL, NULL) == FPTC_OK;
}

/* 0 once the name is there, ETIMEDOUT when it is not after that time, or when all the time is over. */
static int wait_for(const struct meeting *m, const char *name, enum look how, int64_t wait_ms)
{
    int64_t until_mono_ms = fptc__mono_ms() + wait_ms;

    while (!exists(m, name, how)) {
        int64_t now_mono_ms = fptc__mono_ms();

        if (now_mono_ms >= until_mono_ms || now_mono_ms >= m->d->until_mono_ms)
            return ETIMEDOUT;
        fptc__sleep_ms(how == STIR_AND_LOOK ? STIR_MS : POLL_MS);
    }
    return 0;
}

static int say(const struct meeting *m, const char *step, int i)
{
    char name[64];

    step_name(name, step, m->me, i);
    return fptc__doctor_put(m->d, name, "");
}

/* Whatever the mount shows. */
static int hear(const struct meeting *m, const char *step, int i)
{
    char name[64];

    step_name(name, step, m->other, i);
    if (!m->is_late && wait_for(m, name, OPEN_AND_LOOK, STIR_AFTER_MS) == 0)
        return 0;
    return wait_for(m, name, STIR_AND_LOOK, INT32_MAX);
}

/* Both have come this far. */
static int together(const struct meeting *m, const char *step, int i)
{
    int failed = say(m, step, i);

    return failed ? failed : hear(m, step, i);
}

static fptc_status lost(const struct meeting *m, const char *step, int failed, fptc_error *err)
{
    if (failed != ETIMEDOUT)
        return fptc__fail_errno(err, failed, "%s: %s", m->d->work, step);
    return fptc__fail(
        err, FPTC_EDEADLINE,
        "%s: the other host did not come, or stopped at \"%s\"; start both within two "
        "minutes, with the same name",
        m->d->work, step);
}

static fptc_status meet(struct meeting *m, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    int failed;

    m->me = 'a';
    m->other = 'b';
    if (fptc__doctor_path(m->d, path, "a") != FPTC_OK)
        return fptc__fail(err, FPTC_ELIMIT, "%s: the path is too long", m->d->work);
    failed = fptc__sys.symlink(m->d->id, path) == 0 ? 0 : errno;
    if (failed == EEXIST && fptc__doctor_path(m->d, path, "b") == FPTC_OK) {
        m->me = 'b';
        m->other = 'a';
        failed = fptc__sys.symlink(m->d->id, path) == 0 ? 0 : errno;
        if (failed == EEXIST)
            return fptc__fail(err, FPTC_EEXIST,
                              "%s: two hosts have met there already; take another name",
                              m->d->work);
    }
    if (!failed)
        failed = together(m, "hello", 0);
    return failed ? lost(m, "hello", failed, err) : FPTC_OK;
}

/* One name of the other's; once one was there for long and was not seen by opening the directory, that is
   not waited for again. */
static int hear_name(struct meeting *m, int i)
{
    char name[64];
    int failed;

    step_name(name, "name", m->other, i);
    if (!m->is_late && wait_for(m, name, OPEN_AND_LOOK, SEEN_WAIT_MS) == 0)
        return 0;
    failed = wait_for(m, name, STIR_AND_LOOK, INT32_MAX);
    if (!failed)
        m->is_late |= stir(m) - made_ms(m, name) > SEEN_WAIT_MS / 2;
    return failed;
}

/* Why this host is late, as far as its mount tells. */
static const char *why_late(const struct meeting *m, const char **next)
{
    if (fptc__mount_has(&m->d->mount, "vers=3") && !fptc__mount_has(&m->d->mount, "nocto")) {
        *next = "mount it with vers=4.2, or with lookupcache=pos";
        return "not seen here in 5 s: in NFS 3 two changes in one tick of the server's clock look "
               "like one, and the second shows with the next";
    }
    *next = "mount it without nocto and with the default attribute cache";
    return "not seen here in 5 s: what others make shows later, by up to the attribute cache's time";
}

static void tell_of_names(const struct meeting *m, int is_other_late, double most, double mean)
{
    int is_slow = m->is_late || is_other_late || most > SEEN_WAIT_MS;
    const char *next = !is_slow        ? ""
                       : is_other_late ? "see what doctor says on the other host"
                                       : "look at the network and the server";
    const char *why = is_other_late ? "not seen by the other host in 5 s" : "";
    char meaning[300];

    if (m->is_late)
        why = why_late(m, &next);
    (void)snprintf(meaning, sizeof(meaning),
                   "longest time for a new name there and one back, the directory opened before "
                   "each look; %.1f ms on average%s%s",
                   mean, why[0] != '\0' ? "; one was " : "", why);
    fptc__doctor_add(m->d,
                     &(struct fptc__check){"visibility of new names", most, "ms",
                                           is_slow ? FPTC__DOUBTFUL : FPTC__FINE, meaning, next});
}

/* What the other put under that step's name, once both have put theirs. */
static int exchange(const struct meeting *m, const char *step, const char *mine, char theirs[128])
{
    char name[64];
    int failed;

    step_name(name, step, m->me, 1);
    failed = fptc__doctor_put(m->d, name, mine);
    if (!failed)
        failed = together(m, step, 0);
    step_name(name, step, m->other, 1);
    if (!failed && !fptc__doctor_get(m->d, name, theirs))
        failed = ENOENT;
    return failed;
}

/* A name there, and one back. */
static int measure_names(struct meeting *m)
{
    double most = 0, sum = 0;
    char theirs[128];
    int i, failed = 0;

    for (i = 0; i < ROUNDS && !failed; i++) {
        int64_t began = fptc__mono_ms();
        double took;

        if (m->me == 'b')
            failed = hear_name(m, i);
        if (!failed)
            failed = say(m, "name", i);
        if (!failed && m->me == 'a')
            failed = hear_name(m, i);
        took = (double)(fptc__mono_ms() - began);
        sum += took;
        most = took > most ? took : most;
    }
    if (!failed)
        failed = exchange(m, "late", m->is_late ? "late" : "no", theirs);
    if (!failed)
        tell_of_names(m, strcmp(theirs, "late") == 0, most, sum / ROUNDS);
    return failed;
}

static void tell_of_cache(const struct meeting *m, double took, int is_late)
{
    char meaning[300], most[80] = "";

    if (m->d->mount.kind == FPTC__MOUNT_NFS)
        (void)snprintf(most, sizeof(most), "; by this mount's options it is up to %d s",
                       (int)fptc__mount_number(&m->d->mount, "acdirmax", 60));
    (void)snprintf(meaning, sizeof(meaning),
                   is_late ? "a new name was not seen in that time where its directory was not "
                             "opened anew%s; the library opens it"
                           : "a new name was seen after that time where its directory was not "
                             "opened anew%s; the library opens it",
                   is_late ? most : "");
    fptc__doctor_add(m->d,
                     &(struct fptc__check){"attribute cache", took, is_late ? "ms or more" : "ms",
                                           FPTC__FINE, meaning, ""});
}

/* The same without opening the directory, once: what the attribute cache holds back. b makes the name, and
   its age when a sees it is told by the server's clock. */
static int measure_cache(struct meeting *m)
{
    int failed = together(m, "cache", 0);

    if (!failed && m->me == 'b') {
        fptc__sleep_ms(HEAD_START_MS);
        failed = say(m, "cached", 0);
    }
    if (!failed && m->me == 'a') {
        int is_late = wait_for(m, "cached-b-0", LOOK, HEAD_START_MS + CACHED_WAIT_MS) != 0;

        tell_of_cache(m, is_late ? CACHED_WAIT_MS : (double)(stir(m) - made_ms(m, "cached-b-0")),
                      is_late);
    }
    return failed ? failed : together(m, "cached-end", 0);
}

/* Who has which of the names: one letter each. What of it cannot be. */
static int race(const struct meeting *m, char won[RACES + 1], int *out_n_odd)
{
    char held[128], name[64];
    const char me[2] = {m->me, '\0'};
    int i, failed = 0;

    for (i = 0; i < RACES && !failed; i++) {
        if (i % RACES_AT_ONCE == 0)
            failed = together(m, "races", i);
        if (!failed) {
            (void)snprintf(name, sizeof(name), "race-%d", i);
            failed = fptc__doctor_link(m->d, name, me, held);
            *out_n_odd += (failed == 0) != (held[0] == m->me);
            won[i] = held[0] != '\0' ? held[0] : '-';
        }
        if (failed == EEXIST)
            failed = 0;
    }
    return failed;
}

/* Races for names; what each holds must be the same when it is looked at again. */
static int measure_links(struct meeting *m)
{
    char won[RACES + 1], held[128], name[64];
    int i, n_mine = 0, n_odd = 0, failed = race(m, won, &n_odd);

    if (!failed)
        failed = together(m, "races-end", 0);
    for (i = 0; i < RACES && !failed; i++) {
        (void)snprintf(name, sizeof(name), "race-%d", i);
        n_odd += !fptc__doctor_get(m->d, name, held) || held[0] != won[i];
        n_mine += won[i] == m->me;
    }
    if (!failed)
        failed = together(m, "races-seen", 0);
    if (!failed)
        fptc__doctor_add(
            m->d,
            &(struct fptc__check){
                "exclusive link between hosts", n_odd ? n_odd : n_mine,
                n_odd ? "wrong" : "won here", n_odd ? FPTC__UNSAFE : FPTC__FINE,
                n_odd ? "of 200 races for a name some had two winners or none, or "
                        "what a name held changed: commits would be lost"
                : n_mine == 0 || n_mine == RACES
                    ? "one host was first with all of 200 names, and both see it: they hardly met"
                    : "200 races for a name, each with one winner that both see",
                n_odd                            ? ASK_OTHERS
                : n_mine == 0 || n_mine == RACES ? "run it again when neither host is busy"
                                                 : ""});
    return failed;
}

static int swap_to(const struct meeting *m, int i)
{
    char from[FPTC_PATH_MAX], to[FPTC_PATH_MAX], content[16];

    (void)snprintf(content, sizeof(content), "%d", i);
    if (fptc__doctor_path(m->d, from, "swap-new") != FPTC_OK ||
        fptc__doctor_path(m->d, to, "swap") != FPTC_OK)
        return ENAMETOOLONG;
    return fptc__sys.symlink(content, from) == 0 && fptc__sys.rename(from, to) == 0 ? 0 : errno;
}

/* What the link says now; -1: it is not there, though it never went. */
static int read_swap(const struct meeting *m, enum look how)
{
    char path[FPTC_PATH_MAX], content[16];
    ssize_t got;

    prepare(m, how);
    if (fptc__doctor_path(m->d, path, "swap") != FPTC_OK)
        return -1;
    got = fptc__sys.readlink(path, content, sizeof(content) - 1);
    content[got > 0 ? got : 0] = '\0';
    return got > 0 ? (int)strtol(content, NULL, 10) : -1;
}

struct watch {
    int last, n_states, n_odd, is_late;
};

/* The link from 0 to SWAPS. */
static int watch_swaps(const struct meeting *m, struct watch *w)
{
    int64_t began = fptc__mono_ms();

    while (w->last < SWAPS) {
        int now = read_swap(m, w->is_late ? STIR_AND_LOOK : OPEN_AND_LOOK);

        w->n_odd += now < w->last;
        w->n_states += now > w->last;
        w->last = now > w->last ? now : w->last;
        if (fptc__mono_ms() > m->d->until_mono_ms)
            return ETIMEDOUT;
        w->is_late = w->last < SWAPS && fptc__mono_ms() - began > SEEN_WAIT_MS;
    }
    w->is_late = fptc__mono_ms() - began > SEEN_WAIT_MS;
    return 0;
}

static void tell_of_swaps(const struct meeting *m, const struct watch *w)
{
    const char *next = w->n_odd ? "look at the file server" : "";
    const char *why = "gone or older for a moment";
    char meaning[300];

    if (w->is_late)
        why = why_late(m, &next);
    if (w->is_late || w->n_odd)
        (void)snprintf(meaning, sizeof(meaning),
                       "a link renamed over another was %s; heartbeats look dead, and work is done "
                       "twice",
                       why);
    else
        (void)snprintf(
            meaning, sizeof(meaning),
            "50 renames over a link, %d states of it seen from here, none lost, none old",
            w->n_states);
    fptc__doctor_add(
        m->d, &(struct fptc__check){"symlink swap between hosts", w->n_odd, "backwards",
                                    next[0] != '\0' ? FPTC__DOUBTFUL : FPTC__FINE, meaning, next});
}

/* b watches a's link. */
static int measure_swaps(struct meeting *m)
{
    struct watch seen = {0, 0, 0, 0};
    int failed = m->me == 'a' ? swap_to(m, 0) : 0, i;

    if (!failed)
        failed = together(m, "swaps", 0);
    for (i = 1; i <= SWAPS && !failed && m->me == 'a'; i++)
        failed = swap_to(m, i);
    if (!failed && m->me == 'b')
        failed = watch_swaps(m, &seen);
    if (!failed)
        failed = together(m, "swaps-end", 0);
    if (!failed && m->me == 'b')
        tell_of_swaps(m, &seen);
    if (!failed && m->me == 'a')
        fptc__doctor_add(
            m->d, &(struct fptc__check){"symlink swap between hosts", SWAPS, "swaps", FPTC__FINE,
                                        "made here; what they look like the other host tells", ""});
    return failed;
}

/* Each against the clock of new files, and so against the other. */
static int compare_clocks(struct meeting *m)
{
    char mine[64], theirs[128];
    double skew_s = 0;
    int failed = fptc__doctor_clock(m->d, m->me == 'a' ? "clock-a" : "clock-b", &skew_s);

    (void)snprintf(mine, sizeof(mine), "%.3f", skew_s);
    if (!failed)
        failed = exchange(m, "skew", mine, theirs);
    if (!failed) {
        double apart_s = skew_s - strtod(theirs, NULL);
        int is_far = apart_s > 300 || apart_s < -300;

        fptc__doctor_add(
            m->d, &(struct fptc__check){"clocks of the hosts", apart_s, "s",
                                        is_far ? FPTC__DOUBTFUL : FPTC__FINE,
                                        "this host's against the other's; no age depends on it",
                                        is_far ? "set both clocks (NTP)" : ""});
    }
    return failed;
}

fptc_status fptc__doctor_peer(struct fptc__doctor *d, fptc_error *err)
{
    static const struct {
        const char *name;
        int (*run)(struct meeting *);
    } steps[] = {{"visibility", measure_names},
                 {"attribute cache", measure_cache},
                 {"links", measure_links},
                 {"symbolic links", measure_swaps},
                 {"clocks", compare_clocks}};
    struct meeting m = {.d = d};
    fptc_status status = meet(&m, err);
    size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == FPTC_OK; i++) {
        int failed = steps[i].run(&m);

        if (failed)
            status = lost(&m, steps[i].name, failed, err);
    }
    /* a cleans up when b has seen everything; a change in a tick of its own shows it the last name. */
    if (status == FPTC_OK && m.me == 'a')
        (void)hear(&m, "end", 0);
    if (status == FPTC_OK && m.me == 'b' && say(&m, "end", 0) == 0) {
        fptc__sleep_ms(STIR_MS);
        (void)stir(&m);
        d->work[0] = '\0';
    }
    return status;
}
