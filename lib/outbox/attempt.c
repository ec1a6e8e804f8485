/* attempt.c: before sending: an attempt that is ours alone (protocol-attacks W1, W6). */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "outbox/sending.h"

fptc_status fptc__busy(const struct fptc__mutation *w, fptc_error *err)
{
    return fptc__fail(err, FPTC_PENDING,
                      "an earlier %s of %s %" PRId64
                      " (event %s) has no known end yet; nothing was "
                      "sent; repeat this write later with its event id",
                      w->verb, w->type, w->id, w->event);
}

int fptc__write_is_due(const struct fptc__mutation *m, int64_t now_ms, int64_t quiet_ms)
{
    return m->state == FPTC__MUTATION_INTENT ||
           (m->state == FPTC__MUTATION_ATTEMPTED && now_ms - m->attempt_asof_ms >= quiet_ms);
}

struct fptc__entity_writes fptc__writes_before(const struct fptc__through *t, int64_t version)
{
    const struct fptc__entity_writes of = {
        t->source->type, t->id, t->event, 0, version > 0 ? version : INT64_MAX, t->alias};

    return of;
}

static int is_of_batch(const struct fptc__mutation *w, const char *batch)
{
    return batch != NULL && strcmp(w->batch, batch) == 0;
}

/* Looking for an earlier write that stands in the way of one. */
struct ordering {
    const struct fptc__sending *s;
    struct fptc__mutation *first;
    int is_any;
};

static int is_in_the_way(const struct fptc__mutation *w, const char *body, void *payload)
{
    struct ordering *o = payload;
    const struct fptc__through *t = o->s->t;

    (void)body;
    o->is_any =
        !is_of_batch(w, t->terms.batch) &&
        (strcmp(w->who, t->identity) == 0 || !fptc__write_is_due(w, o->s->asof_ms, t->quiet_ms));
    if (o->is_any)
        *o->first = *w;
    return o->is_any;
}

/* Of the earlier writes to the row only those may stand open that go with this one, and those of others, once they
   are quiet: nobody here may send them. */
static fptc_status check_order(const struct fptc__sending *s, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    struct fptc__entity_writes of = fptc__writes_before(t, s->version);
    struct fptc__mutation w;
    struct ordering o = {s, &w, 0};
    fptc_status status;

    if (t->verb == FPTC_VERB_CREATE)
        return FPTC_OK;
    status = fptc__mutation_each_waiting(t->outbox, &of, is_in_the_way, &o, err);
    return status == FPTC_OK && o.is_any ? fptc__busy(&w, err) : status;
}

struct claim {
    const struct fptc__sending *list;
    size_t n, at; /* at: the one that is looked at, or was found wanting */
};

static fptc_status check_one(const struct fptc__sending *s, fptc_error *err)
{
    struct fptc__mutation w;
    fptc_status status = fptc__mutation_find(s->t->outbox, s->t->event, &w, err);

    if (status != FPTC_OK)
        return status;
    if (w.attempts == s->no && strcmp(w.writer, s->writer) == 0)
        return FPTC_MISS; /* our own records, of an append whose end was unclear */
    if (s->version == 0 && w.state != FPTC__MUTATION_NONE)
        return fptc__busy(&w, err);
    if (s->version > 0 && w.decided_asof_ms != s->decided_asof_ms)
        return fptc__fail(err, FPTC_PENDING,
                          "somebody has decided about event %s meanwhile; repeat it later",
                          w.event);
    if (s->version > 0 && (w.attempts != s->no - 1 || (w.state != FPTC__MUTATION_INTENT &&
                                                       w.state != FPTC__MUTATION_ATTEMPTED)))
        return fptc__fail(err, FPTC_PENDING, "somebody else is finishing event %s; repeat it later",
                          w.event);
    return check_order(s, err);
}

/* Runs with the outbox at its head: our claim stands only if nobody else's does. */
static fptc_status check_claim(void *ctx, fptc_error *err)
{
    struct claim *c = ctx;
    fptc_status status = FPTC_OK;

    for (c->at = 0; c->at < c->n; c->at++) {
        status = check_one(&c->list[c->at], err);
        if (status != FPTC_OK)
            return status;
    }
    return status;
}

static fptc_status add(struct fptc__records *records, uint16_t kind, fptc__json *body,
                       fptc_error *err)
{
    fptc_status status =
        body == NULL ? fptc__fail_nomem(err) : fptc__records_add_json(records, kind, body, err);

    fptc__json_free(body);
    return status;
}

static fptc_status add_records(struct fptc__records *records, const struct fptc__sending *list,
                               size_t n, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        if (list[i].version == 0)
            status = add(records, FPTC__MUTATE, fptc__record_mutate(&list[i]), err);
        if (status == FPTC_OK)
            status = add(records, FPTC__ATTEMPT, fptc__record_attempt(&list[i]), err);
    }
    return status;
}

fptc_status fptc__claim_all(struct fptc__sending *list, size_t n, size_t *out_at, fptc_error *err)
{
    const struct fptc__through *t = list[0].t;
    struct claim c = {list, n, n};
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records, .check = check_claim, .ctx = &c};
    int64_t now_ms;
    fptc_status status = t->follow->now(t->follow->ctx, &now_ms, err);
    size_t i;

    if (status != FPTC_OK)
        return status;
    for (i = 0; i < n; i++) {
        list[i].asof_ms = now_ms;
        list[i].attempted_mono_ms = fptc__mono_ms();
    }
    status = add_records(&records, list, n, err);
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(t->outbox, FPTC__HOME), err);
    if (status == FPTC_OK)
        status =
            fptc__log_append(fptc__view_log(t->outbox, FPTC__HOME), &request, t->follow->call, err);
    fptc__records_done(&records);
    *out_at = c.at;
    return status;
}

fptc_status fptc__claim(struct fptc__sending *s, fptc_error *err)
{
    size_t at;

    return fptc__claim_all(s, 1, &at, err);
}
