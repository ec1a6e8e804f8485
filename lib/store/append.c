/*
 * append.c: appending (design §3, rule 3) with group commit.
 *
 * One round of the leader:
 *  1. a pass: the sink is at the head n;
 *  2. with the mutex, the checks of the waiting requests; those that go on form the group;
 *  3. without the mutex, publish n + 1, whose header is compared with ours afterwards, and *then*
 *     list `bases/`. Before the link a look would prove nothing: a LINK can wait in the kernel of a
 *     cut-off host for days (S1).
 *  4. base <= n: nobody has deleted n + 1 before the listing, so what was read there decides: ours is
 *     committed, another's is a lost race. base > n: the number may be a ghost that nobody will ever
 *     read, or ours may be folded already: the next round's checks look for the records, and those
 *     that are not there are appended again (S6).
 *
 * Requests of one group are in one commit, so a check sees nothing of its group's other members. A
 * check that is more than a look-up (fptc__append.is_lookup) is therefore alone of its kind in a
 * commit, and its records come first: as if it had been appended just before the others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/log_state.h"
#include "store/publish.h"

/* Plain bytes of a group: well below a commit's bound even when nothing can be deflated. */
#define GROUP_BYTES_MAX (FPTC_COMMIT_BYTES_MAX / 4)
/* A caller's flag of cancellation is looked at this often while it waits. */
#define LOOK_AGAIN_MS 20
/* Longest sleep between two lost races. */
#define BACKOFF_MS_MAX 64

struct group {
    struct fptc__waiter *first, *last;
    size_t n_records, bytes, rows;
    int has_claim; /* a member whose check is more than a look-up; it is the first */
};

/* What became of one publication. */
struct outcome {
    struct fptc__commit_header head;
    struct fptc__record *records; /* bodies are the requests' */
    size_t n_records;
    uint64_t checksum;
    uint64_t base; /* listed after the link */
    fptc_status status;
    fptc_error err;
};

/* --- the queue --- */

static void enqueue(struct fptc__log *log, struct fptc__waiter *w)
{
    struct fptc__waiter **at = &log->queue;
    while (*at)
        at = &(*at)->next;
    *at = w;
}

static void finish(struct fptc__log *log, struct fptc__waiter *w, fptc_status status,
                   const fptc_error *err)
{
    struct fptc__waiter **at = &log->queue;
    while (*at && *at != w)
        at = &(*at)->next;
    if (*at)
        *at = w->next;
    w->status = status;
    if (err)
        w->err = *err;
    w->is_in_flight = 0;
    w->is_done = 1;
    pthread_cond_broadcast(&log->changed);
}

static void finish_all(struct fptc__log *log, fptc_status status, const fptc_error *err)
{
    while (log->queue)
        finish(log, log->queue, status, err);
}

static void finish_group(struct fptc__log *log, const struct group *g, fptc_status status,
                         const fptc_error *err)
{
    for (struct fptc__waiter *w = g->first, *next; w; w = next) {
        next = w->next_in_group;
        finish(log, w, status, err);
    }
}

static int is_claim(const struct fptc__waiter *w)
{
    return w->request->check && !w->request->is_lookup;
}

/* --- choosing a group; with the mutex, the sink at the head --- */

static int fits(const struct group *g, const struct fptc__waiter *w)
{
    const struct fptc__records *r = w->request->records;
    if (!g->first)
        return 1; /* alone it must be tried: the encoder says what is too much */
    return !(g->has_claim && is_claim(w)) && g->n_records + r->n <= FPTC_COMMIT_RECORDS_MAX &&
           g->rows + r->rows <= FPTC_COMMIT_ROWS_MAX && g->bytes + r->bytes <= GROUP_BYTES_MAX;
}

static void join(struct group *g, struct fptc__waiter *w)
{
    if (is_claim(w)) {
        w->next_in_group = g->first;
        g->first = w;
        g->has_claim = 1;
    } else {
        w->next_in_group = NULL;
        if (g->last)
            g->last->next_in_group = w;
        else
            g->first = w;
    }
    if (!w->next_in_group)
        g->last = w;
    g->n_records += w->request->records->n;
    g->rows += w->request->records->rows;
    g->bytes += w->request->records->bytes;
    w->is_in_flight = 1;
}

/* 1 when the request is to be appended; else it is finished. */
static int passes_check(struct fptc__log *log, struct fptc__waiter *w)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = w->request->check ? w->request->check(w->request->ctx, &err) : FPTC_OK;
    if (status == FPTC_MISS)
        finish(log, w, FPTC_OK, NULL);
    else if (status != FPTC_OK)
        finish(log, w, status, &err);
    if (status != FPTC_OK)
        return 0;
    /* After the check: what an unclear end left behind is worth finding even when time is up. */
    w->is_unclear = 0;
    status = fptc__call_check(w->call, "appending to the log", &err);
    if (status != FPTC_OK)
        finish(log, w, status, &err);
    return status == FPTC_OK;
}

static struct group choose(struct fptc__log *log)
{
    struct group g = {.first = NULL};
    for (struct fptc__waiter *w = log->queue, *next; w; w = next) {
        next = w->next;
        if (fits(&g, w) && passes_check(log, w))
            join(&g, w);
    }
    return g;
}

/* --- one publication; without the mutex --- */

static fptc_status gather(const struct group *g, struct outcome *o)
{
    size_t n = 0;
    o->records = malloc((g->n_records ? g->n_records : 1) * sizeof(*o->records));
    if (!o->records)
        return fptc__fail_nomem(&o->err);
    for (const struct fptc__waiter *w = g->first; w; w = w->next_in_group) {
        const struct fptc__records *r = w->request->records;
        if (r->n > 0) /* a request may be for the number alone: then it has no list */
            memcpy(o->records + n, r->list, r->n * sizeof(*r->list));
        n += r->n;
    }
    o->n_records = n;
    return FPTC_OK;
}

static void publish_and_look(struct fptc__log *log, struct outcome *o)
{
    o->status =
        fptc__publish(&log->p, "log", &o->head, o->records, o->n_records, &o->checksum, &o->err);
    if (o->status < 0)
        return;
    /*
     * The race that this listing ends (S1, model "design"; test_sleeping_writer):
     *   1. we know head n, and sleep
     *   2. another publishes n+1, folds it into base n+1, publishes n+2, folds again, deletes n+1
     *   3. we wake and link n+1: success, for the name is free
     *   4. nobody starts below base n+2: our records are lost, unless we look at bases/ now
     * The listing must come after the link has answered, never before.
     */
    fptc_status listed = fptc__bases_newest(&log->p, &o->base, NULL, 0, NULL, &o->err);
    if (listed != FPTC_OK)
        o->status = listed; /* linked, but unproven: an error, not an acknowledgement */
}

/* --- what it means; with the mutex --- */

/* Our commit is the real n + 1 (rule 3): the sink need not read it back. */
static void apply_own(struct fptc__log *log, const struct outcome *o)
{
    struct fptc__commit c = {
        .head = o->head, .records = o->records, .n_records = o->n_records, .checksum = o->checksum};
    /* A pass, or a rebuild, of another thread may have moved the head meanwhile. */
    if (!log->is_started || log->head != o->head.number - 1 || log->head_checksum != o->head.prev)
        return;
    /* A failure here takes nothing back: the next pass reads the number and reports it. */
    if (fptc__log_feed(log, &c, NULL) != FPTC_OK)
        return;
    log->head_checksum = o->checksum;
    log->head = o->head.number;
}

static void try_again(struct fptc__log *log, const struct group *g, int is_unclear)
{
    fptc_error err = FPTC_ERROR_INIT;
    for (struct fptc__waiter *w = g->first, *next; w; w = next) {
        next = w->next_in_group;
        w->is_in_flight = 0;
        w->is_unclear = is_unclear;
        if (++w->races < FPTC_APPEND_RACES_MAX)
            continue;
        fptc__fail(&err, FPTC_ERACE, "others won %s %d times in a row", log->p.dir, w->races);
        finish(log, w, FPTC_ERACE, &err);
    }
}

static void decide(struct fptc__log *log, const struct group *g, const struct outcome *o)
{
    if (o->status < 0) {
        finish_group(log, g, o->status, &o->err);
    } else if (o->base >= o->head.number) {
        try_again(log, g, 1);
    } else if (o->status != FPTC_OK) {
        try_again(log, g, 0);
    } else {
        log->newest = o->base;
        log->appended_mono_ms = fptc__mono_ms();
        apply_own(log, o);
        for (struct fptc__waiter *w = g->first; w; w = w->next_in_group)
            w->request->number = o->head.number;
        finish_group(log, g, FPTC_OK, NULL);
    }
}

static void publish_group(struct fptc__log *log, const struct group *g)
{
    struct outcome o = {.status = FPTC_OK};
    fptc__writer_fill(&o.head, &log->p);
    o.head.number = log->head + 1;
    o.head.prev = log->head_checksum;
    o.status = gather(g, &o);
    pthread_mutex_unlock(&log->mutex);
    if (o.status == FPTC_OK)
        publish_and_look(log, &o);
    pthread_mutex_lock(&log->mutex);
    decide(log, g, &o);
    free(o.records);
}

/* --- leading --- */

static void round_of(struct fptc__log *log)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__log_pass(log, &err);
    if (status == FPTC_OK && log->is_read_only)
        status =
            fptc__fail(&err, FPTC_EFORMAT,
                       "%s was written by a newer version: this one only reads it", log->p.dir);
    if (status != FPTC_OK) {
        finish_all(log, status, &err);
        return;
    }
    struct group g = choose(log);
    if (g.first)
        publish_group(log, &g);
}

/* Who appends again and again leaves no gap to a slower host: it looks for the lock, which costs a rare
   writer nothing. At most half of the caller's time goes there. */
static void let_others(struct fptc__log *log, const struct fptc__call *call)
{
    int64_t most_ms = fptc__call_left_ms(call, 2 * FPTC_LOCK_STALE_MS) / 2;

    if (!log->turn.yield || !log->appended_mono_ms ||
        fptc__mono_ms() - log->appended_mono_ms > FPTC_LOCK_STALE_MS)
        return;
    pthread_mutex_unlock(&log->mutex);
    log->turn.yield(log->turn.ctx, most_ms);
    pthread_mutex_lock(&log->mutex);
}

/* After lost races: a random pause, then perhaps the lock. Neither is needed for safety. */
static int await_turn(struct fptc__log *log, const struct fptc__waiter *own)
{
    int shift = own->races < 6 ? own->races : 6;
    int has_turn = own->races >= FPTC_LOCK_AFTER_RACES && log->turn.take;
    if (own->races == 0)
        let_others(log, own->call);
    if (own->races < FPTC_LOCK_AFTER_RACES)
        return 0;
    int64_t most = (int64_t)1 << shift;
    int64_t ms =
        (int64_t)(fptc__random_u64() % (uint64_t)(most < BACKOFF_MS_MAX ? most : BACKOFF_MS_MAX));
    pthread_mutex_unlock(&log->mutex);
    if (has_turn)
        log->turn.take(log->turn.ctx);
    else
        fptc__sleep_ms(fptc__call_left_ms(own->call, ms));
    pthread_mutex_lock(&log->mutex);
    return has_turn;
}

/* Rounds until the leader's own request is done; what then still waits is led by another thread. */
static void lead(struct fptc__log *log, const struct fptc__waiter *own)
{
    log->is_leading = 1;
    while (!own->is_done) {
        int has_turn = await_turn(log, own);
        round_of(log);
        if (has_turn) {
            pthread_mutex_unlock(&log->mutex);
            log->turn.give(log->turn.ctx);
            pthread_mutex_lock(&log->mutex);
        }
    }
    log->is_leading = 0;
    pthread_cond_broadcast(&log->changed);
}

/* Waits for a leader to finish w, becomes one, or gives up while w is not in a commit. */
static void follow(struct fptc__log *log, struct fptc__waiter *w)
{
    fptc_error err = FPTC_ERROR_INIT;
    while (!w->is_done) {
        fptc_status status = FPTC_OK;
        if (!log->is_leading) {
            lead(log, w);
            continue;
        }
        if (!w->is_in_flight && !w->is_unclear)
            status = fptc__call_check(w->call, "waiting for the log", &err);
        if (status != FPTC_OK)
            finish(log, w, status, &err);
        else
            fptc__log_wait(log, LOOK_AGAIN_MS);
    }
}

fptc_status fptc__log_append(struct fptc__log *log, struct fptc__append *request,
                             const struct fptc__call *call, fptc_error *err)
{
    struct fptc__waiter w = {.request = request, .call = call};
    request->number = 0;
    if (request->records->n == 0 && !request->may_be_empty)
        return fptc__fail(err, FPTC_EUSAGE, "nothing to append");
    if (log->is_pinned)
        return fptc__fail(err, FPTC_ESTATE, "%s is pinned here: it is only read", log->p.name);
    fptc_status status = fptc__call_check(call, "appending to the log", err);
    if (status != FPTC_OK)
        return status;
    pthread_mutex_lock(&log->mutex);
    enqueue(log, &w);
    follow(log, &w);
    pthread_mutex_unlock(&log->mutex);
    if (w.status != FPTC_OK && err)
        *err = w.err;
    return w.status;
}
