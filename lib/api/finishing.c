/*
 * finishing.c: the writes in the outbox that have no end, by whoever keeps it up: in their order, those that wait
 * together as far as they can go together (outbox/group.h).
 *
 * A walk over the outbox takes what is due. A row's earliest write without an end stands in front of its later ones;
 * a write that names a row which is not made yet waits for another walk, so that each walk is a level of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/party.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "outbox/doubled.h"
#include "outbox/orphan.h"
#include "outbox/refs.h"
#include "view/idset.h"

/* In one walk; the next one takes the others. */
#define DUE_MAX 1000

/* A write that is due. */
struct due {
    struct fptc__mutation m;
    char partition[64]; /* "": not known */
    int64_t of;         /* writes of its batch */
    int is_alone;       /* cannot go with others */
    int is_orphan;      /* a row that it names is given up */
    int is_done;        /* with, in this walk */
};

struct walk {
    struct fptc_cache *cache;
    const struct fptc__call *call;
    struct fptc__view *outbox;
    const char *identity;
    int64_t now_ms, quiet_ms;
    int64_t after;            /* nothing can be done for those up to this version, in this walk */
    struct fptc__idset taken; /* rows whose first write without an end was met ... */
    struct fptc__idset own;   /* ... and that was one of this batch: */
    char batch[33];
    struct due *list;
    size_t n, room;
    int is_short; /* of memory */
    int64_t n_ended;
};

/* --- what is due ------------------------------------------------------------------------------ */

static int has_room(struct walk *w)
{
    size_t room = w->room == 0 ? 16 : 2 * w->room;
    struct due *more;

    if (w->n < w->room)
        return 1;
    more = realloc(w->list, room * sizeof(*more));
    if (more == NULL)
        return 0;
    w->list = more;
    w->room = room;
    return 1;
}

/* FNV-1a over type and id; rows that share a number wait for each other, which does no harm. */
static int64_t number_of(const struct walk *w, const struct fptc__mutation *m)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    struct fptc__mutation maker;
    int64_t id = m->id;
    const char *at;

    if (strcmp(m->verb, "create") != 0)
        (void)fptc__ref_resolve(w->outbox, m->id, &id, &maker, NULL);
    for (at = m->type; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    hash = (hash ^ (uint64_t)id) * UINT64_C(1099511628211);
    return (int64_t)(hash >> 1 | 1);
}

/* Whether it is the first of its row, or goes with that; a create through has no row yet that others could name. */
static int is_first(struct walk *w, const struct fptc__mutation *m)
{
    int64_t number;

    if (strcmp(w->batch, m->batch) != 0) {
        fptc__idset_clear(&w->own);
        memcpy(w->batch, m->batch, sizeof(w->batch));
    }
    if (m->id == 0)
        return 1;
    number = number_of(w, m);
    if (fptc__idset_has(&w->taken, number))
        return m->batch[0] != '\0' && fptc__idset_has(&w->own, number);
    w->is_short |= !fptc__idset_add(&w->taken, number) || !fptc__idset_add(&w->own, number);
    return 1;
}

/* Whether the rows that it names are there. */
static int is_ready(const struct walk *w, const struct fptc__mutation *m, const fptc__json *intent)
{
    struct fptc__mutation maker;
    fptc__json *data = NULL;
    int64_t id;
    fptc_status status = FPTC_OK;

    if (m->state == FPTC__MUTATION_ATTEMPTED)
        return 1;
    if (strcmp(m->verb, "create") != 0)
        status = fptc__ref_resolve(w->outbox, m->id, &id, &maker, NULL);
    if (status == FPTC_OK)
        status = fptc__refs_resolve(w->outbox, fptc__json_get(intent, "data"), &data, &maker, NULL);
    fptc__json_free(data);
    return status == FPTC_OK;
}

/* What was sent before is looked up by itself. A create without a project goes by itself, too: FPT says only then
   that the type needs one (A§1.8). */
static void fill(struct due *d, const fptc__json *intent)
{
    const char *partition = fptc__json_get_text(intent, "partition");
    int is_create = strcmp(d->m.verb, "create") == 0;

    snprintf(d->partition, sizeof(d->partition), "%s", partition != NULL ? partition : "");
    d->of = fptc__json_get_int(intent, "of");
    d->is_alone = d->m.state != FPTC__MUTATION_INTENT || strcmp(d->m.verb, "revive") == 0 ||
                  d->partition[0] == '\0' ||
                  (is_create && !fptc__json_is_object(
                                    fptc__json_get(fptc__json_get(intent, "data"), "project")));
}

/* A batch is listed to its end. */
static int is_full(const struct walk *w, const struct fptc__mutation *m)
{
    return w->n >= DUE_MAX &&
           (m->batch[0] == '\0' || strcmp(m->batch, w->list[w->n - 1].m.batch) != 0);
}

static int take(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct walk *w = payload;
    fptc__json *intent = NULL;
    struct due *d;
    int is_orphan, is_due = strcmp(m->who, w->identity) == 0 && is_first(w, m) && body != NULL &&
                            fptc__verb_of(m->verb) != 0 &&
                            fptc__write_is_due(m, w->now_ms, w->quiet_ms);

    if (is_full(w, m))
        return 1;
    if (!is_due || m->version <= w->after ||
        fptc__json_parse_as_spelled(body, strlen(body), "outbox", &intent, NULL) != FPTC_OK)
        return w->is_short;
    is_orphan = fptc__is_orphan(w->outbox, m, intent);
    if (!is_orphan && !is_ready(w, m, intent)) {
        fptc__json_free(intent);
        return w->is_short;
    }
    w->is_short |= !has_room(w);
    if (!w->is_short) {
        d = &w->list[w->n++];
        memset(d, 0, sizeof(*d));
        d->m = *m;
        d->is_orphan = is_orphan;
        fill(d, intent);
    }
    fptc__json_free(intent);
    return w->is_short;
}

static fptc_status list_due(struct walk *w, fptc_error *err)
{
    struct fptc__work outbox;
    fptc_status status = fptc__work_begin(&outbox, w->cache, w->call, "outbox", err);

    w->n = 0;
    w->identity = fptc__site_identity(w->cache->site);
    w->quiet_ms = fptc__handle_quiet_ms(w->cache);
    if (status == FPTC_OK)
        status = fptc__handle_now(w->cache, &w->now_ms, err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(outbox.session.view, 0, err);
    if (status == FPTC_OK) {
        w->outbox = outbox.session.view;
        fptc__view_begin(outbox.session.view);
        status = fptc__mutation_each_unsettled(outbox.session.view, take, w, err);
        fptc__view_end(outbox.session.view);
    }
    fptc__work_end(&outbox);
    fptc__idset_clear(&w->taken);
    fptc__idset_clear(&w->own);
    w->batch[0] = '\0';
    return status == FPTC_OK && w->is_short ? fptc__fail_nomem(err) : status;
}

/* --- doing it --------------------------------------------------------------------------------- */

/* FPT cannot be asked at all: the next ones would fare no better. */
static int is_hopeless(fptc_status status)
{
    switch (status) {
    case FPTC_ENET:
    case FPTC_ETLS:
    case FPTC_EAUTH:
    case FPTC_EBUSY:
    case FPTC_ESERVER:
    case FPTC_EDEADLINE:
    case FPTC_ECANCELLED:
    case FPTC_ENOSPC:
    case FPTC_EIO:
    case FPTC_ENOMEM:
        return 1;
    default:
        return 0;
    }
}

/* What ended is counted; what FPT refused is FPT's word and no failure of ours. FPTC_OK: go on. */
static fptc_status note(struct walk *w, const struct due *d, fptc_status end, const fptc_error *why,
                        fptc_error *err)
{
    w->n_ended +=
        end == FPTC_OK || end == FPTC_MISS || end == FPTC_EREFUSED || end == FPTC_ECONFLICT;
    if (end != FPTC_OK)
        fptc__log_line(&w->cache->logger, end < 0 ? FPTC_LOG_WARNING : FPTC_LOG_INFO,
                       "event %s: %s", d->m.event, why->message);
    if (!is_hopeless(end))
        return FPTC_OK;
    if (err != NULL)
        *err = *why;
    return end;
}

/* By itself: what was sent before, what cannot go with others, and what nobody knows the partition of. */
static fptc_status finish_one(struct walk *w, struct due *d, fptc_error *err)
{
    struct fptc__intent t = {.verb = fptc__verb_of(d->m.verb), .id = d->m.id, .is_recorded = 1};
    struct fptc_result *result = NULL;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status end;

    d->is_done = 1;
    memcpy(t.type, d->m.type, sizeof(t.type));
    memcpy(t.event, d->m.event, sizeof(t.event));
    end = fptc__intent_read(w->cache, w->call, &t, &why);
    if (end == FPTC_OK)
        end = fptc__write_run(w->cache, w->call, &t, &result, &why);
    if (end == FPTC_PENDING && result != NULL && result->unsent != FPTC_OK)
        why.status = end = result->unsent;
    fptc_result_free(result);
    fptc__json_free(t.data);
    return note(w, d, end, &why, err);
}

static fptc_status refuse_orphan(struct walk *w, struct due *d, fptc_error *err)
{
    struct fptc__work outbox;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status end = fptc__work_begin(&outbox, w->cache, w->call, "outbox", &why);

    d->is_done = 1;
    if (end == FPTC_OK)
        end = fptc__view_refresh(outbox.session.view, 0, &why);
    if (end == FPTC_OK)
        end = fptc__orphan_refuse(outbox.session.view, &outbox.session, &d->m, &why);
    fptc__work_end(&outbox);
    return end == FPTC_OK ? FPTC_OK : note(w, d, end, &why, err); /* OK: it is ready meanwhile */
}

/* Those that go with d: of its batch, or what waits in its partition. */
static size_t gather(struct walk *w, struct due *d, struct due **list)
{
    int is_batch = d->m.batch[0] != '\0';
    size_t n_most = is_batch ? FPTC_BATCH_OWN_MAX : FPTC_BATCH_REQUESTS_MAX, n = 0, i;

    for (i = (size_t)(d - w->list); i < w->n && n < n_most; i++) {
        struct due *at = &w->list[i];

        if (!at->is_done && !at->is_orphan && strcmp(at->m.batch, d->m.batch) == 0 &&
            (is_batch || (!at->is_alone && strcmp(at->partition, d->partition) == 0)))
            list[n++] = at;
    }
    return n;
}

static fptc_status schemas_of(struct walk *w, struct due **list, size_t n, fptc_error *err)
{
    struct fptc__work site;
    fptc_status status = fptc__work_begin(&site, w->cache, w->call, "site", err);
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        if (i == 0 || strcmp(list[i]->m.type, list[i - 1]->m.type) != 0)
            status = fptc__schema_need(&site, list[i]->m.type, 1, err);
    }
    fptc__work_end(&site);
    return status;
}

/* is_sent: they were not only looked up. */
static fptc_status note_all(struct walk *w, const struct fptc__party *p, struct due **list,
                            int is_sent, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < p->n; i++) {
        const struct fptc__member *m = &p->members[i];
        fptc_status end =
            m->end == FPTC_PENDING && m->out.unsent != FPTC_OK ? m->out.unsent : m->end;
        fptc_status one = note(w, list[i], end, &m->why, err);

        if (one == FPTC_OK && end == FPTC_UNKNOWN && is_sent) /* no time to send more */
            one = fptc__fail(err, end, "%s", m->why.message);
        if (one != FPTC_OK)
            status = one;
    }
    return status;
}

/* Of one in a batch FPT is asked where its row lives, when the cache did not know. */
static fptc_status find_place(struct walk *w, struct due *d, fptc_error *err)
{
    struct fptc__intent t = {.verb = fptc__verb_of(d->m.verb), .id = d->m.id, .is_recorded = 1};

    if (d->partition[0] != '\0' || d->m.id < 0)
        return FPTC_OK;
    memcpy(t.type, d->m.type, sizeof(t.type));
    return fptc__write_prepare(w->cache, w->call, &t, 1, d->partition, err);
}

/* In `list` are those that can be sent now. */
static fptc_status add_all(struct walk *w, struct fptc__party *p, struct due **list, size_t n,
                           fptc_error *err)
{
    fptc_status status = schemas_of(w, list, n, err);
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        fptc_error why = FPTC_ERROR_INIT;
        fptc_status added = find_place(w, list[i], &why);

        if (added == FPTC_OK)
            added = fptc__party_add_recorded(p, &list[i]->m, list[i]->partition, &why);
        if (added == FPTC_OK)
            list[p->n - 1] = list[i];
        else if (added == FPTC_ELIMIT && p->n == i && list[i]->m.batch[0] != '\0')
            status = fptc__fail(err, added, "%s", why.message);
        else if (is_hopeless(added))
            status = note(w, list[i], added, &why, err);
    }
    return status;
}

/* A batch of more projects than a process works with at once: which fields their rows are kept with is not told. */
static fptc_status add_wide(struct walk *w, struct fptc__party *p, struct due **list, size_t n,
                            fptc_error *err)
{
    fptc_status status;
    size_t i;

    for (i = 0; i < n; i++)
        fptc__partition_name(0, list[i]->partition);
    fptc__party_end(p);
    status = fptc__party_begin(p, w->cache, w->call, n, err);
    if (status == FPTC_OK)
        status = add_all(w, p, list, n, err);
    return status == FPTC_ELIMIT ? FPTC_OK : status; /* another time */
}

/* Those that can be sent now; of a caller's batch all or none. */
static fptc_status send_some(struct walk *w, struct due **list, size_t n, fptc_error *err)
{
    int is_batch = list[0]->m.batch[0] != '\0';
    int was_sent = list[0]->m.state == FPTC__MUTATION_ATTEMPTED;
    struct fptc__party p;
    fptc_status status = fptc__party_begin(&p, w->cache, w->call, n, err);

    if (status == FPTC_OK)
        status = add_all(w, &p, list, n, err);
    if (status == FPTC_ELIMIT && is_batch)
        status = add_wide(w, &p, list, n, err);
    if (status == FPTC_OK && p.n > 0 && (!is_batch || p.n == n)) {
        status = is_batch ? fptc__party_finish_whole(&p, was_sent, err) : fptc__party_send(&p, err);
        if (status == FPTC_OK)
            status = note_all(w, &p, list, !is_batch || !was_sent, err);
    }
    fptc__party_end(&p);
    return status;
}

/* How many of the batch have no end; 0: not known. */
static int64_t n_open_of(struct walk *w, const char *batch)
{
    struct fptc__work outbox;
    int64_t n = 0;

    if (fptc__work_begin(&outbox, w->cache, w->call, "outbox", NULL) == FPTC_OK) {
        fptc__view_begin(outbox.session.view);
        if (fptc__mutation_count_batch(outbox.session.view, batch, &n, NULL) != FPTC_OK)
            n = 0;
        fptc__view_end(outbox.session.view);
    }
    fptc__work_end(&outbox);
    return n;
}

/* What is left of a batch that was done: each by itself. While none of it has an end, but not all can be sent now, it
   waits for them. */
static fptc_status finish_part(struct walk *w, struct due **list, size_t n, fptc_error *err)
{
    int64_t n_open = n_open_of(w, list[0]->m.batch);
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < n && n_open > 0 && n_open < list[0]->of && status == FPTC_OK; i++)
        status = finish_one(w, list[i], err);
    return status;
}

static fptc_status finish_next(struct walk *w, struct due *d, fptc_error *err)
{
    struct due *list[FPTC_BATCH_OWN_MAX] = {d};
    fptc_status status = fptc__call_check(w->call, "finishing writes", err);
    size_t n, i;

    if (status != FPTC_OK)
        return status;
    if (d->is_orphan)
        return refuse_orphan(w, d, err);
    if (d->m.batch[0] == '\0' && d->is_alone)
        return finish_one(w, d, err);
    n = gather(w, d, list);
    if (n == 0)
        return FPTC_OK;
    for (i = 0; i < n; i++)
        list[i]->is_done = 1;
    if (d->m.batch[0] != '\0' && n != (size_t)d->of)
        return finish_part(w, list, n, err);
    return send_some(w, list, n, err);
}

static void tell_doubled(struct fptc_cache *cache, const fptc__json *list)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        struct fptc__buf ids;

        fptc__buf_init(&ids, FPTC_RECORD_BYTES_MAX);
        fptc__json_print(fptc__json_get(at, "ids"), &ids);
        fptc__log_line(&cache->logger, FPTC_LOG_ERROR,
                       "FPT has done the create of event %s twice: %s %s; look at them, and retire "
                       "what is too many",
                       fptc__json_get_text(at, "event"), fptc__json_get_text(at, "type"),
                       fptc__buf_text(&ids));
        fptc__buf_done(&ids);
    }
}

fptc_status fptc__writes_doubled(struct fptc_cache *cache, const struct fptc__call *call,
                                 fptc__json **out, fptc_error *err)
{
    struct fptc__doubled d = {.marker = cache->options.marker_field};
    struct fptc__work outbox;
    int64_t now_ms = 0;
    fptc_status status;

    *out = NULL;
    if (d.marker == NULL)
        return FPTC_OK;
    status = fptc__work_begin(&outbox, cache, call, "outbox", err);
    if (status == FPTC_OK)
        status = fptc__handle_now(cache, &now_ms, err);
    d.outbox = outbox.session.view;
    d.session = &outbox.session;
    d.since_ms = now_ms - FPTC_DOUBLED_FOR_MS;
    if (status == FPTC_OK)
        status = fptc__doubled_find(&d, out, err);
    tell_doubled(cache, *out);
    fptc__work_end(&outbox);
    return status;
}

static int see(const struct fptc__mutation *m, const char *body, void *payload)
{
    (void)m;
    (void)body;
    *(int *)payload = 1;
    return 1;
}

int fptc__writes_wait(struct fptc_cache *cache)
{
    const struct fptc__call call = {0};
    struct fptc__work outbox;
    int is_any = 0;

    if (fptc__work_begin(&outbox, cache, &call, "outbox", NULL) == FPTC_OK &&
        fptc__view_refresh(outbox.session.view, 0, NULL) == FPTC_OK) {
        fptc__view_begin(outbox.session.view);
        (void)fptc__mutation_each_unsettled(outbox.session.view, see, &is_any, NULL);
        fptc__view_end(outbox.session.view);
    }
    fptc__work_end(&outbox);
    return is_any;
}

fptc_status fptc__writes_finish(struct fptc_cache *cache, const struct fptc__call *call,
                                int64_t *out_n, fptc_error *err)
{
    struct walk w = {.cache = cache, .call = call};
    fptc_status status = FPTC_OK;
    int64_t before = -1;
    size_t i;

    while (status == FPTC_OK && (w.n_ended > before || w.n >= DUE_MAX)) {
        w.after = w.n_ended > before || w.n == 0 ? 0 : w.list[w.n - 1].m.version;
        before = w.n_ended;
        status = list_due(&w, err);
        for (i = 0; i < w.n && status == FPTC_OK; i++) {
            if (!w.list[i].is_done)
                status = finish_next(&w, &w.list[i], err);
        }
    }
    *out_n = w.n_ended;
    free(w.list);
    return status;
}
