#include "share/holder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/symlink.h"
#include "base/thread.h"
#include "share/claim.h"

#define HOST_BYTES 64

/* A partition that is held, or that somebody else's link is watched of. Freed with the holder only. */
struct seat {
    struct seat *next;
    enum { WATCHED, HELD, LEAVING } state;
    int n_takers;
    uint64_t beat;
    int64_t beaten_mono_ms; /* when the last beat that succeeded began */
    int64_t due_mono_ms;    /* the next */
    atomic_int *lost;
    struct fptc__claim_watch rival;
    char dir[];
};

struct fptc__holder {
    struct fptc__holder_times times;
    char id[FPTC__CLAIMANT_BYTES + HOST_BYTES + 2]; /* "<claimant>:<host>:" */
    size_t id_len;
    char temp[24]; /* what the next link is called before the swap */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct seat *seats;
    int has_thread, is_ending;
    int n_owners; /* the caller and the thread; the last one frees */
};

/* --- the link --------------------------------------------------------------------------------- */

struct link_path {
    char path[FPTC_PATH_MAX], temp[FPTC_PATH_MAX];
};

static fptc_status link_at(const struct fptc__holder *h, const char *dir, struct link_path *out,
                           fptc_error *err)
{
    fptc_status status = fptc__path(out->path, err, "%s/holder", dir);

    return status == FPTC_OK ? fptc__path(out->temp, err, "%s/tmp/%s", dir, h->temp) : status;
}

/* Opening the directory first makes an NFS client look the name up afresh. */
static fptc_status read_link(const char *dir, const char *path, char out[FPTC__CLAIM_BYTES],
                             fptc_error *err)
{
    fptc_status status = fptc__dir_touch(dir, err);

    out[0] = '\0';
    if (status == FPTC_MISS)
        return fptc__fail(err, FPTC_ENOENT, "there is no %s", dir);
    if (status == FPTC_OK)
        status = fptc__symlink_read(path, out, FPTC__CLAIM_BYTES, err);
    if (status != FPTC_ELIMIT)
        return status;
    fptc__error_clear(err); /* not ours, whatever it says, and no reason to let nobody hold */
    return FPTC_OK;
}

static int is_ours(const struct fptc__holder *h, const char *content)
{
    return strncmp(content, h->id, h->id_len) == 0;
}

static void content_of(const struct fptc__holder *h, uint64_t beat, char out[FPTC__CLAIM_BYTES])
{
    snprintf(out, FPTC__CLAIM_BYTES, "%s%" PRIu64, h->id, beat);
}

/* FPTC_OK: it is ours now. FPTC_PENDING: somebody was faster. */
static fptc_status make_link(const struct fptc__holder *h, const char *path, uint64_t beat,
                             fptc_error *err)
{
    char content[FPTC__CLAIM_BYTES];

    content_of(h, beat, content);
    switch (fptc__claim_make(path, content)) {
    case 1:
        return FPTC_OK;
    case 0:
        return FPTC_PENDING;
    default:
        return fptc__fail_errno(err, errno, "cannot make the symlink %s", path);
    }
}

/* Puts ours in place of whatever is there. A temp of that name is left of a swap that failed. */
static fptc_status swap_link(const struct fptc__holder *h, const struct link_path *at,
                             uint64_t beat, fptc_error *err)
{
    char content[FPTC__CLAIM_BYTES];
    fptc_status status;

    content_of(h, beat, content);
    status = fptc__symlink_swap(at->path, at->temp, content, err);
    if (status != FPTC_OK && err != NULL && err->sys_errno == EEXIST) {
        (void)fptc__sys.unlink(at->temp);
        status = fptc__symlink_swap(at->path, at->temp, content, err);
    }
    return status;
}

/* FPTC_OK: still ours, and has moved on. FPTC_MISS: another's. Else it is not known. */
static fptc_status beat_once(const struct fptc__holder *h, const char *dir, uint64_t beat)
{
    char content[FPTC__CLAIM_BYTES];
    fptc_error err = FPTC_ERROR_INIT;
    struct link_path at;
    fptc_status status = link_at(h, dir, &at, &err);

    if (status != FPTC_OK)
        return status;
    status = read_link(dir, at.path, content, &err);
    if (status == FPTC_MISS)
        return make_link(h, at.path, beat, &err) == FPTC_OK ? FPTC_OK : FPTC_MISS;
    if (status != FPTC_OK)
        return status;
    return is_ours(h, content) ? swap_link(h, &at, beat, &err) : FPTC_MISS;
}

static void take_down(const struct fptc__holder *h, const char *dir)
{
    char content[FPTC__CLAIM_BYTES];
    struct link_path at;

    if (link_at(h, dir, &at, NULL) == FPTC_OK &&
        read_link(dir, at.path, content, NULL) == FPTC_OK && is_ours(h, content))
        fptc__claim_give(at.path, content);
}

/* --- the thread that beats: with the mutex held but for the calls above ----------------------- */

static void tell_lost(const struct seat *seat)
{
    if (seat->lost != NULL)
        atomic_store(seat->lost, 1);
}

static void stand_down(struct seat *seat)
{
    if (seat->state == HELD)
        seat->state = WATCHED;
    memset(&seat->rival, 0, sizeof(seat->rival));
    tell_lost(seat);
    seat->lost = NULL;
    seat->n_takers = 0;
}

static void beat(struct fptc__holder *h, struct seat *seat)
{
    int64_t began = fptc__mono_ms();
    uint64_t next = seat->beat + 1;
    fptc_status status;

    pthread_mutex_unlock(&h->mutex);
    status = beat_once(h, seat->dir, next);
    pthread_mutex_lock(&h->mutex);
    seat->due_mono_ms = began + h->times.beat_ms;
    if (status == FPTC_OK) {
        seat->beat = next;
        seat->beaten_mono_ms = began;
    } else if (status == FPTC_MISS) {
        stand_down(seat);
    } else if (began - seat->beaten_mono_ms >= h->times.stale_ms) {
        tell_lost(seat);
    }
}

static void leave(struct fptc__holder *h, struct seat *seat)
{
    pthread_mutex_unlock(&h->mutex);
    take_down(h, seat->dir);
    pthread_mutex_lock(&h->mutex);
    seat->state = WATCHED;
    memset(&seat->rival, 0, sizeof(seat->rival));
    pthread_cond_broadcast(&h->changed);
}

/* The seat to be seen to next, and when; NULL: there is nothing to do. Leaving goes first. */
static struct seat *next_seat(const struct fptc__holder *h, int64_t *out_due_mono_ms)
{
    struct seat *at, *first = NULL;

    *out_due_mono_ms = INT64_MAX;
    for (at = h->seats; at != NULL; at = at->next) {
        int64_t due = at->state == LEAVING ? 0 : at->due_mono_ms;

        if (at->state != WATCHED && (first == NULL || due < *out_due_mono_ms)) {
            first = at;
            *out_due_mono_ms = due;
        }
    }
    return first;
}

/* With the mutex held, which it gives up. */
static void release(struct fptc__holder *h)
{
    int is_last = --h->n_owners == 0;

    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->mutex);
    if (!is_last)
        return;
    while (h->seats != NULL) {
        struct seat *next = h->seats->next;

        free(h->seats);
        h->seats = next;
    }
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

static void *keep_beating(void *ctx)
{
    struct fptc__holder *h = ctx;

    pthread_mutex_lock(&h->mutex);
    for (;;) {
        int64_t due = 0, now = fptc__mono_ms();
        struct seat *seat = next_seat(h, &due);

        if (seat == NULL && h->is_ending)
            break;
        if (seat == NULL)
            pthread_cond_wait(&h->changed, &h->mutex);
        else if (seat->state == LEAVING)
            leave(h, seat);
        else if (due <= now)
            beat(h, seat);
        else
            fptc__cond_wait_ms(&h->changed, &h->mutex, due - now);
    }
    h->has_thread = 0;
    release(h);
    return NULL;
}

/* --- taking, giving --------------------------------------------------------------------------- */

fptc_status fptc__holder_new(const struct fptc__holder_times *times, struct fptc__holder **out,
                             fptc_error *err)
{
    struct fptc__holder *h = calloc(1, sizeof(*h));
    char claimant[FPTC__CLAIMANT_BYTES], host[HOST_BYTES];
    size_t i;

    *out = h;
    if (h == NULL)
        return fptc__fail_nomem(err);
    h->times = *times;
    h->n_owners = 1;
    pthread_mutex_init(&h->mutex, NULL);
    fptc__cond_init(&h->changed);
    fptc__claimant(claimant);
    fptc__host_name(host, sizeof(host));
    for (i = 0; host[i] != '\0'; i++) {
        if (host[i] == ':' || host[i] == '/' || (unsigned char)host[i] <= ' ')
            host[i] = '-';
    }
    snprintf(h->id, sizeof(h->id), "%s:%s:", claimant, host);
    h->id_len = strlen(h->id);
    snprintf(h->temp, sizeof(h->temp), "hold-%s", strrchr(claimant, ':') + 1);
    return FPTC_OK;
}

/* With the mutex held. */
static struct seat *find_seat(const struct fptc__holder *h, const char *dir)
{
    struct seat *at = h->seats;

    while (at != NULL && strcmp(at->dir, dir) != 0)
        at = at->next;
    return at;
}

static struct seat *add_seat(struct fptc__holder *h, const char *dir)
{
    size_t n = strlen(dir) + 1;
    struct seat *seat = calloc(1, sizeof(*seat) + n);

    if (seat == NULL)
        return NULL;
    memcpy(seat->dir, dir, n);
    seat->next = h->seats;
    h->seats = seat;
    return seat;
}

static int is_held(const struct fptc__holder *h, const struct seat *seat)
{
    return seat->state == HELD && fptc__mono_ms() - seat->beaten_mono_ms < h->times.stale_ms;
}

/* Rules 1 and 2; without the mutex. *out_beat: what our link says then. */
static fptc_status try_link(const struct fptc__holder *h, const char *dir,
                            struct fptc__claim_watch *rival, fptc_error *err)
{
    char content[FPTC__CLAIM_BYTES];
    struct link_path at;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = link_at(h, dir, &at, err);

    if (status != FPTC_OK)
        return status;
    status = read_link(dir, at.path, content, err);
    if (status == FPTC_MISS)
        return make_link(h, at.path, 1, err);
    if (status != FPTC_OK || is_ours(h, content))
        return status;
    if (fptc__claim_watch(rival, content, 2 * h->times.beat_ms) < h->times.stale_ms &&
        !fptc__claim_is_dead(content, h->id))
        return rival->has_changed && rival->unchanged_ms < 2 * h->times.beat_ms ? FPTC_MISS
                                                                                : FPTC_PENDING;
    status = swap_link(h, &at, 1, &why);
    if (status != FPTC_OK && err != NULL)
        *err = why;
    return status;
}

/* With the mutex held. */
static fptc_status sit_down(struct fptc__holder *h, struct seat *seat, atomic_int *lost,
                            fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (!h->has_thread)
        status = fptc__thread_start(keep_beating, h, NULL, err);
    if (status == FPTC_OK && !h->has_thread) {
        h->has_thread = 1;
        h->n_owners++;
    }
    if (status != FPTC_OK) {
        pthread_mutex_unlock(&h->mutex);
        take_down(h, seat->dir);
        pthread_mutex_lock(&h->mutex);
        return status;
    }
    seat->n_takers++;
    if (lost != NULL)
        seat->lost = lost;
    if (seat->state == HELD)
        return FPTC_OK;
    seat->state = HELD;
    seat->beat = 1;
    seat->beaten_mono_ms = fptc__mono_ms();
    seat->due_mono_ms = seat->beaten_mono_ms + h->times.beat_ms;
    pthread_cond_broadcast(&h->changed);
    return FPTC_OK;
}

fptc_status fptc__holder_take(struct fptc__holder *h, const char *dir, atomic_int *lost,
                              fptc_error *err)
{
    struct fptc__claim_watch rival;
    struct seat *seat;
    fptc_status status;

    pthread_mutex_lock(&h->mutex);
    seat = find_seat(h, dir);
    if (seat == NULL)
        seat = add_seat(h, dir);
    if (seat == NULL) {
        status = fptc__fail_nomem(err);
    } else if (seat->state != WATCHED) {
        status = is_held(h, seat) ? sit_down(h, seat, lost, err) : FPTC_PENDING;
    } else {
        rival = seat->rival;
        pthread_mutex_unlock(&h->mutex);
        status = try_link(h, dir, &rival, err);
        pthread_mutex_lock(&h->mutex);
        seat->rival = rival;
        if (status == FPTC_OK)
            status = sit_down(h, seat, lost, err);
    }
    pthread_mutex_unlock(&h->mutex);
    return status;
}

/* With the mutex held: whether the thread has yet to leave the seat; every one when it is NULL; and to end. */
static int is_leaving(const struct fptc__holder *h, const struct seat *seat)
{
    int64_t due;

    if (!h->has_thread)
        return 0;
    if (seat != NULL)
        return seat->state == LEAVING;
    return h->is_ending || next_seat(h, &due) != NULL;
}

static void wait_until_left(struct fptc__holder *h, const struct seat *seat)
{
    int64_t until = fptc__mono_ms() + FPTC_HOLDER_LEAVE_MS;

    pthread_cond_broadcast(&h->changed);
    while (fptc__mono_ms() < until && is_leaving(h, seat))
        fptc__cond_wait_ms(&h->changed, &h->mutex, until - fptc__mono_ms());
}

void fptc__holder_give(struct fptc__holder *h, const char *dir)
{
    struct seat *seat;

    pthread_mutex_lock(&h->mutex);
    seat = find_seat(h, dir);
    if (seat != NULL && seat->n_takers > 0 && --seat->n_takers == 0) {
        seat->lost = NULL;
        if (seat->state == HELD) {
            seat->state = LEAVING;
            wait_until_left(h, seat);
        }
    }
    pthread_mutex_unlock(&h->mutex);
}

int fptc__holder_has(struct fptc__holder *h, const char *dir)
{
    const struct seat *seat;
    int has;

    pthread_mutex_lock(&h->mutex);
    seat = find_seat(h, dir);
    has = seat != NULL && is_held(h, seat);
    pthread_mutex_unlock(&h->mutex);
    return has;
}

/* With the mutex held. */
static void leave_all(struct fptc__holder *h)
{
    struct seat *at;

    for (at = h->seats; at != NULL; at = at->next) {
        at->lost = NULL;
        at->n_takers = 0;
        if (at->state == HELD)
            at->state = LEAVING;
    }
    wait_until_left(h, NULL);
}

void fptc__holder_give_all(struct fptc__holder *h)
{
    pthread_mutex_lock(&h->mutex);
    leave_all(h);
    pthread_mutex_unlock(&h->mutex);
}

void fptc__holder_free(struct fptc__holder *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->mutex);
    h->is_ending = 1;
    leave_all(h);
    release(h);
}

/* --- for people ------------------------------------------------------------------------------- */

/* Takes the text after the last colon off `content`. */
static const char *last_part(char *content)
{
    char *colon = strrchr(content, ':');

    if (colon == NULL)
        return "";
    *colon = '\0';
    return colon + 1;
}

fptc_status fptc__holder_read(const char *dir, struct fptc__holder_link *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX], content[FPTC__CLAIM_BYTES];
    fptc_status status = fptc__path(path, err, "%s/holder", dir);

    memset(out, 0, sizeof(*out));
    if (status == FPTC_OK)
        status = read_link(dir, path, content, err);
    if (status == FPTC_OK)
        status = fptc__symlink_made(path, &out->made_ms, err);
    if (status != FPTC_OK)
        return status;
    out->beat = strtoull(last_part(content), NULL, 10);
    snprintf(out->host, sizeof(out->host), "%s", last_part(content));
    snprintf(out->id, sizeof(out->id), "%s", last_part(content));
    out->pid = strtoll(last_part(content), NULL, 10);
    return out->id[0] == '\0' ? FPTC_MISS : FPTC_OK;
}
