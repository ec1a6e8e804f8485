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
#define SWAPS 50
#define POLL_MS 1
/* Waiting for a name without opening its directory: this long, then it is told that it takes longer. */
#define CACHED_WAIT_MS 8000
#define ASK_OTHERS "keep the cache on a file system that does, as NFS and local ones do"

struct meeting {
    struct fptc__doctor *d;
    char me, other;
};

static int exists(const struct meeting *m, const char *name, int opens)
{
    char path[FPTC_PATH_MAX];

    if (opens)
        (void)fptc__dir_touch(m->d->work, NULL);
    return fptc__doctor_path(m->d, path, name) == FPTC_OK &&
           fptc__file_info(path, NULL, NULL, NULL) == FPTC_OK;
}

/* 0 once the name is there, ETIMEDOUT when it is not by then. */
static int wait_for(const struct meeting *m, const char *name, int opens, int64_t until_mono_ms)
{
    while (!exists(m, name, opens)) {
        if (fptc__mono_ms() >= until_mono_ms)
            return ETIMEDOUT;
        fptc__sleep_ms(POLL_MS);
    }
    return 0;
}

static void step_name(char out[64], const char *step, char who, int i)
{
    (void)snprintf(out, 64, "%s-%c-%d", step, who, i);
}

static int say(const struct meeting *m, const char *step, int i)
{
    char name[64];

    step_name(name, step, m->me, i);
    return fptc__doctor_put(m->d, name, "");
}

static int hear(const struct meeting *m, const char *step, int i)
{
    char name[64];

    step_name(name, step, m->other, i);
    return wait_for(m, name, 1, m->d->until_mono_ms);
}

/* Both have come this far. */
static int together(const struct meeting *m, const char *step)
{
    int failed = say(m, step, 0);

    return failed ? failed : hear(m, step, 0);
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
        failed = together(m, "hello");
    return failed ? lost(m, "hello", failed, err) : FPTC_OK;
}

/* A name there, and one back. */
static int measure_names(const struct meeting *m)
{
    double most = 0, sum = 0;
    int i, failed = 0;

    for (i = 0; i < ROUNDS && !failed; i++) {
        int64_t began = fptc__mono_ms();

        if (m->me == 'b')
            failed = hear(m, "name", i);
        if (!failed)
            failed = say(m, "name", i);
        if (!failed && m->me == 'a')
            failed = hear(m, "name", i);
        sum += (double)(fptc__mono_ms() - began);
        if ((double)(fptc__mono_ms() - began) > most)
            most = (double)(fptc__mono_ms() - began);
    }
    if (!failed) {
        char meaning[200];

        (void)snprintf(
            meaning, sizeof(meaning),
            "longest time for a new name there and one back, the directory opened before "
            "each look; %.1f ms on average",
            sum / ROUNDS);
        fptc__doctor_add(
            m->d,
            &(struct fptc__check){
                "visibility of new names", most, "ms", most > 5000 ? FPTC__DOUBTFUL : FPTC__FINE,
                meaning, most > 5000 ? "look at the mount's attribute cache and the server" : ""});
    }
    return failed;
}

/* The same without opening the directory, once: what the attribute cache holds back. b makes the name. */
static int measure_cache(const struct meeting *m)
{
    int64_t began;
    int failed = 0;

    (void)exists(m, "cached-b-0", 0); /* that it is absent is remembered from here on */
    failed = together(m, "cache");
    began = fptc__mono_ms();
    if (!failed && m->me == 'b')
        failed = say(m, "cached", 0);
    if (!failed && m->me == 'a') {
        int late = wait_for(m, "cached-b-0", 0, began + CACHED_WAIT_MS);
        double took = (double)(fptc__mono_ms() - began);

        fptc__doctor_add(
            m->d,
            &(struct fptc__check){"attribute cache", took, "ms", FPTC__FINE,
                                  late ? "a new name was not seen in that time where its directory "
                                         "was not opened anew; the library opens it"
                                       : "a new name was seen after that time where its directory "
                                         "was not opened anew; the library opens it",
                                  ""});
    }
    return failed ? failed : together(m, "cached-end");
}

/* Who has which of the names: one letter each. */
static int measure_links(const struct meeting *m)
{
    char mine[RACES + 1], held[128], name[64];
    const char me[2] = {m->me, '\0'};
    int i, n_mine = 0, n_odd = 0, failed = together(m, "races");

    for (i = 0; i < RACES && !failed; i++) {
        int answer;

        (void)snprintf(name, sizeof(name), "race-%d", i);
        answer = fptc__doctor_link(m->d, name, me, held);
        if (answer != 0 && answer != EEXIST)
            failed = answer;
        mine[i] = held[0] != '\0' ? held[0] : '-';
        n_mine += held[0] == m->me;
        n_odd += (answer == 0) != (held[0] == m->me);
    }
    if (!failed)
        failed = together(m, "races-end");
    /* What each has must be the same when it is looked at again, and some must be the other's. */
    for (i = 0; i < RACES && !failed; i++) {
        (void)snprintf(name, sizeof(name), "race-%d", i);
        n_odd += !fptc__doctor_get(m->d, name, held) || held[0] != mine[i];
    }
    if (!failed)
        failed = together(m, "races-seen");
    if (!failed)
        fptc__doctor_add(m->d,
                         &(struct fptc__check){
                             "exclusive link between hosts", n_odd ? n_odd : n_mine,
                             n_odd ? "wrong" : "won here", n_odd ? FPTC__UNSAFE : FPTC__FINE,
                             n_odd ? "of 200 races for a name some had two winners or none, or "
                                     "what a name held changed: commits would be lost"
                                   : "200 races for a name, each with one winner that both see",
                             n_odd ? ASK_OTHERS : ""});
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
static int read_swap(const struct meeting *m)
{
    char path[FPTC_PATH_MAX], content[16];
    ssize_t got;

    (void)fptc__dir_touch(m->d->work, NULL);
    if (fptc__doctor_path(m->d, path, "swap") != FPTC_OK)
        return -1;
    got = fptc__sys.readlink(path, content, sizeof(content) - 1);
    content[got > 0 ? got : 0] = '\0';
    return got > 0 ? (int)strtol(content, NULL, 10) : -1;
}

/* b watches a's link go from 0 to SWAPS; a waits for each fifth to be seen. */
static int measure_swaps(const struct meeting *m)
{
    int failed = m->me == 'a' ? swap_to(m, 0) : 0, i, last = 0, n_odd = 0;

    if (!failed)
        failed = together(m, "swaps");
    for (i = 1; i <= SWAPS && !failed && m->me == 'a'; i++)
        failed = swap_to(m, i);
    while (!failed && m->me == 'b' && last < SWAPS) {
        int now = read_swap(m);

        n_odd += now < last;
        last = now > last ? now : last;
        if (fptc__mono_ms() > m->d->until_mono_ms)
            failed = ETIMEDOUT;
    }
    if (!failed)
        failed = together(m, "swaps-end");
    if (!failed && m->me == 'b')
        fptc__doctor_add(m->d,
                         &(struct fptc__check){
                             "symlink swap between hosts", n_odd, "backwards",
                             n_odd ? FPTC__DOUBTFUL : FPTC__FINE,
                             n_odd ? "a link renamed over another was gone or older for a moment: "
                                     "heartbeats look dead, and work is done twice"
                                   : "50 renames over a link seen from here, none lost, none old",
                             ""});
    if (!failed && m->me == 'a')
        fptc__doctor_add(
            m->d, &(struct fptc__check){"symlink swap between hosts", SWAPS, "swaps", FPTC__FINE,
                                        "made here; what they look like the other host tells", ""});
    return failed;
}

/* The clocks of both against the server's, as far as each can see. */
static int compare_clocks(const struct meeting *m)
{
    char name[64], mine[64], theirs[128], path[FPTC_PATH_MAX];
    int64_t server_ms = 0, wall_ms = fptc__wall_ms();
    int failed = fptc__doctor_put(m->d, m->me == 'a' ? "clock-a" : "clock-b", "");

    if (!failed && fptc__doctor_path(m->d, path, m->me == 'a' ? "clock-a" : "clock-b") == FPTC_OK)
        (void)fptc__file_info(path, NULL, &server_ms, NULL);
    (void)snprintf(mine, sizeof(mine), "%" PRId64, wall_ms - server_ms);
    (void)snprintf(name, sizeof(name), "skew-%c", m->me);
    if (!failed)
        failed = fptc__doctor_put(m->d, name, mine);
    if (!failed)
        failed = together(m, "skew");
    (void)snprintf(name, sizeof(name), "skew-%c", m->other);
    if (!failed && fptc__doctor_get(m->d, name, theirs)) {
        double apart_s = (double)(wall_ms - server_ms - strtoll(theirs, NULL, 10)) / 1000.0;

        fptc__doctor_add(m->d, &(struct fptc__check){
                                   "clocks of the hosts", apart_s, "s",
                                   apart_s > 300 || apart_s < -300 ? FPTC__DOUBTFUL : FPTC__FINE,
                                   "this host's against the other's; no age depends on it",
                                   apart_s > 300 || apart_s < -300 ? "set both clocks (NTP)" : ""});
    }
    return failed;
}

fptc_status fptc__doctor_peer(struct fptc__doctor *d, fptc_error *err)
{
    static const struct {
        const char *name;
        int (*run)(const struct meeting *);
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
    /* a cleans up when b has seen everything. */
    if (status == FPTC_OK && m.me == 'a')
        (void)hear(&m, "end", 0);
    if (status == FPTC_OK && m.me == 'b' && say(&m, "end", 0) == 0)
        d->work[0] = '\0';
    return status;
}
