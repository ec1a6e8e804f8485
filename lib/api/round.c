/*
 * round.c: one round of upkeep: each partition is claimed, and what is due there is done: changes of the
 * mirrored types are fetched, commits folded, files deleted (by a thread of its own).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/hold.h"
#include "api/result.h"
#include "api/write.h"
#include "base/error.h"
#include "base/limits.h"
#include "store/rollup.h"

/* What a round does in one partition. */
struct visit {
    struct fptc__round *round;
    struct fptc__partition partition;
    int is_judged; /* whether somebody else's claim has been */
    int64_t followed, finished, rolled_up, start_mono_ms;
    struct fptc__compact_stats rewrite;
    const char *state;
    fptc__json *doubled; /* creates that FPT has done twice; NULL: none, or not looked at */
};

static struct fptc_cache *cache_of(const struct fptc__round *r)
{
    return r->upkeep->cache;
}

static void fails(struct fptc__round *r, const char *partition, fptc_status status,
                  const fptc_error *err)
{
    if (status == FPTC_ECANCELLED && atomic_load(&r->upkeep->stops))
        return; /* asked to stop, or deposed */
    fptc__log_line(&cache_of(r)->logger, r->is_silent ? FPTC_LOG_INFO : FPTC_LOG_WARNING,
                   "upkeep of %s: %s", partition, err->message);
    if (r->status != FPTC_OK)
        return;
    r->status = status;
    r->err = *err;
}

static void tell(const struct visit *v, const char *doing)
{
    if (v->round->tell != NULL)
        v->round->tell(v->round->upkeep, doing, v->partition.name);
}

/* --- the work --------------------------------------------------------------------------------- */

static int is_outbox(const char *name)
{
    return strcmp(name, "outbox") == 0;
}

/* When FPT could not be asked it is left alone for a while: the longer the oftener that happened, not all at the
   same time, and as long as it said (Retry-After). */
static void back_off(struct fptc__upkeep *u, fptc_status status)
{
    int64_t ms = fptc__upkeep_times.outbox_ms, told_ms;
    int i;

    if (status == FPTC_OK) {
        u->n_send_failures = 0;
        return;
    }
    for (i = 0; i < u->n_send_failures && ms < FPTC_OUTBOX_BACKOFF_MS_MAX; i++)
        ms *= 2;
    u->n_send_failures++;
    ms = ms < FPTC_OUTBOX_BACKOFF_MS_MAX ? ms : FPTC_OUTBOX_BACKOFF_MS_MAX;
    ms = ms / 2 + (int64_t)(fptc__random_u64() % (uint64_t)(ms / 2 + 1));
    told_ms = fptc__site_retry_after_ms(u->cache->site);
    u->send_mono_ms = fptc__mono_ms() + (told_ms > ms ? told_ms : ms);
}

/* Now and then, and whenever somebody waits for the report. */
static int looks_for_doubled(const struct fptc__round *r)
{
    struct fptc__upkeep *u = r->upkeep;
    int64_t now = fptc__mono_ms();

    if (r->list == NULL && u->doubled_mono_ms != 0 &&
        now - u->doubled_mono_ms < FPTC_DOUBLED_LOOK_MS)
        return 0;
    if (r->list == NULL)
        u->doubled_mono_ms = now;
    return 1;
}

/* What somebody has left in the outbox; at once where somebody waits for the report. */
static fptc_status finish(struct visit *v, fptc_error *err)
{
    struct fptc__upkeep *u = v->round->upkeep;
    fptc_status status = FPTC_OK;

    if (v->round->list == NULL && fptc__mono_ms() < u->send_mono_ms)
        return FPTC_OK;
    tell(v, "finishing writes of");
    status = fptc__handle_may_ask(u->cache, err);
    if (status == FPTC_OK)
        status = fptc__writes_finish(u->cache, v->round->call, &v->finished, err);
    if (v->round->list == NULL)
        back_off(u, status);
    if (status == FPTC_OK && looks_for_doubled(v->round))
        status = fptc__writes_doubled(u->cache, v->round->call, &v->doubled, err);
    return status;
}

static fptc_status follow(struct visit *v, fptc_error *err)
{
    struct fptc__round *r = v->round;
    fptc_status status;

    if (fptc__site_identity(cache_of(r)->site)[0] == '\0')
        return FPTC_OK;
    if (is_outbox(v->partition.name))
        return r->follows || r->sends ? finish(v, err) : FPTC_OK;
    if (!r->follows)
        return FPTC_OK;
    tell(v, "following");
    status = fptc__handle_may_ask(cache_of(r), err);
    if (status == FPTC_OK)
        status = fptc__mirror_follow(cache_of(r), r->call, v->partition.name, &v->followed, err);
    return status;
}

/* The small gear first: the large one is measured by what that has rolled up. */
static fptc_status fold(struct visit *v, fptc_error *err)
{
    struct fptc__round *r = v->round;
    const struct fptc__logger *logger = &cache_of(r)->logger;
    struct fptc__compact_stats stats;
    fptc_status status = FPTC_OK;

    memset(&stats, 0, sizeof(stats));
    if (fptc__rollup_is_due(&v->partition)) {
        tell(v, "rolling up");
        status = fptc__rollup(&v->partition, r->call, logger, &stats, err);
        v->rolled_up = (int64_t)stats.folded;
    }
    if (status == FPTC_OK && fptc__compact_is_due(&v->partition) != FPTC__NOT_DUE) {
        tell(v, "rewriting");
        status = fptc__compact(&v->partition, r->call, logger, &v->rewrite, err);
    }
    return status;
}

/* A step that fails keeps none of the others from being done. */
static void work(struct visit *v)
{
    struct fptc__round *r = v->round;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = follow(v, &err);

    if (status < 0)
        fails(r, v->partition.name, status, &err);
    status = fold(v, &err);
    if (status < 0)
        fails(r, v->partition.name, status, &err);
    if (!r->retires && v->rewrite.folded == 0)
        return;
    status = fptc__deletion_post(r->upkeep->deletion, &v->partition, &err);
    if (status < 0)
        fails(r, v->partition.name, status, &err);
}

/* --- one partition ---------------------------------------------------------------------------- */

static void report(const struct visit *v)
{
    fptc__json *entry = fptc__json_new_object();
    int ok = fptc__json_set(entry, "partition", fptc__json_new_text(v->partition.name));

    ok = fptc__json_set(entry, "held", fptc__json_new_text(v->state)) && ok;
    ok = fptc__json_set(entry, "fetched", fptc__json_new_int(v->followed)) && ok;
    ok = fptc__json_set(entry, "finished", fptc__json_new_int(v->finished)) && ok;
    if (v->doubled != NULL)
        ok = fptc__json_set(entry, "doubled", fptc__json_copy(v->doubled)) && ok;
    ok = fptc__json_set(entry, "rolled_up", fptc__json_new_int(v->rolled_up)) && ok;
    ok = fptc__json_set(entry, "rewritten", fptc__json_new_int((int64_t)v->rewrite.folded)) && ok;
    ok = fptc__json_set(
             entry, "seconds",
             fptc__json_new_double((double)(fptc__mono_ms() - v->start_mono_ms) / 1000.0)) &&
         ok;
    if (!fptc__json_append(v->round->list, entry) || !ok)
        v->round->status = fptc__fail_nomem(&v->round->err);
}

/* Ours, anew or since an earlier round. */
static fptc_status claim(const struct visit *v, fptc_error *err)
{
    struct fptc__round *r = v->round;

    if (r->keeps && fptc__holder_has(r->upkeep->holder, v->partition.dir))
        return FPTC_OK;
    return fptc__holder_take(r->upkeep->holder, v->partition.dir, &r->upkeep->stops, err);
}

static void visit(struct visit *v)
{
    struct fptc__round *r = v->round;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = claim(v, &err);

    v->is_judged = status != FPTC_PENDING;
    v->state = status == FPTC_OK ? "by us" : "by another";
    if (status < 0) {
        fails(r, v->partition.name, status, &err);
    } else if (status == FPTC_OK) {
        work(v);
        r->n_held++;
        if (!r->keeps)
            fptc__holder_give(r->upkeep->holder, v->partition.dir);
    } else {
        r->n_undecided++;
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

int fptc__upkeep_is_due(const struct fptc__partition *p)
{
    return fptc__rollup_is_due(p) || fptc__compact_is_due(p) == FPTC__OVERDUE;
}

struct names {
    char (*list)[64];
    size_t n, room;
    int is_short; /* of memory */
};

static int add_name(const char *name, void *payload)
{
    struct names *names = payload;

    if (names->n == names->room) {
        size_t room = names->room == 0 ? 64 : 2 * names->room;
        void *more = realloc(names->list, room * sizeof(*names->list));

        if (more == NULL) {
            names->is_short = 1;
            return 1;
        }
        names->list = more;
        names->room = room;
    }
    snprintf(names->list[names->n++], sizeof(*names->list), "%s", name);
    return 0;
}

/* Those this handle works with: a tool minds what it uses itself. */
static void add_open(struct fptc_cache *cache, struct names *names)
{
    int i;

    pthread_mutex_lock(&cache->mutex);
    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        if (cache->views[i] != NULL && strcmp(cache->views[i]->partition, "site") != 0)
            (void)add_name(cache->views[i]->partition, names);
    }
    pthread_mutex_unlock(&cache->mutex);
    (void)add_name("site", names);
}

static fptc_status list_names(const struct fptc__round *r, struct names *names, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (r->only != NULL)
        (void)add_name(r->only, names);
    else if (r->is_timid)
        add_open(cache_of(r), names);
    else
        status = fptc__partition_list(cache_of(r)->options.cache_dir, add_name, names, err);
    if (status == FPTC_OK && names->is_short)
        status = fptc__fail_nomem(err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static void visit_name(struct fptc__round *r, const char *name, int *out_is_judged)
{
    struct visit v = {.round = r, .is_judged = 1, .start_mono_ms = fptc__mono_ms()};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status =
        fptc__partition_at(cache_of(r)->options.cache_dir, name, &v.partition, &err);

    if (status == FPTC_OK)
        status = fptc__partition_exists(&v.partition, &err);
    if (status < 0)
        fails(r, name, status, &err);
    if (status == FPTC_OK && (!r->is_timid || fptc__upkeep_is_due(&v.partition) ||
                              (r->sends && is_outbox(name) && fptc__writes_wait(cache_of(r))))) {
        visit(&v);
        if (r->list != NULL && v.is_judged)
            report(&v);
        fptc__json_free(v.doubled);
    }
    *out_is_judged = v.is_judged;
}

static int may_go_on(struct fptc__round *r)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__call_check(r->call, "upkeep", &err);

    if (status != FPTC_OK)
        fails(r, "the cache", status, &err);
    return status == FPTC_OK;
}

void fptc__round(struct fptc__round *r)
{
    struct names names = {NULL, 0, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = list_names(r, &names, &err);
    size_t i, left;

    if (status != FPTC_OK)
        fails(r, "the cache", status, &err);
    r->n_seen = (int64_t)names.n;
    for (left = names.n; left > 0 && may_go_on(r);) {
        size_t n = 0;

        r->n_undecided = 0;
        for (i = 0; i < left && may_go_on(r); i++) {
            int is_judged = 1;

            visit_name(r, names.list[i], &is_judged);
            if (!is_judged)
                memmove(names.list[n++], names.list[i], sizeof(*names.list));
        }
        left = r->list == NULL ? 0 : n; /* who is to report waits until it is known who lives */
        if (left > 0)
            fptc__sleep_ms(fptc__upkeep_times.holder.beat_ms / 2);
    }
    free(names.list);
}
