#include "outbox/behind.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "outbox/refs.h"
#include "outbox/sending.h"

struct recording {
    struct fptc__sending *list;
    size_t n;
};

/* What it names has to be there, or on its way. */
static fptc_status check_names(const struct fptc__through *t, fptc_error *err)
{
    struct fptc__mutation maker;
    fptc_status status =
        fptc__refs_look(t->outbox, t->verb != FPTC_VERB_CREATE ? t->id : 0, t->data, &maker, err);

    return status == FPTC_PENDING ? FPTC_OK : status;
}

/* Of two creates that would go by one id the second needs another event id. */
static fptc_status check_id(const struct fptc__through *t, fptc_error *err)
{
    struct fptc__mutation other;
    fptc_status status;

    if (t->verb != FPTC_VERB_CREATE)
        return FPTC_OK;
    if (t->id == 0)
        return fptc__fail(err, FPTC_EUSAGE, "event %s cannot name a create behind: take another id",
                          t->event);
    status = fptc__mutation_of_provisional(t->outbox, t->id, &other, err);
    if (status == FPTC_OK)
        return fptc__fail(err, FPTC_EUSAGE,
                          "event %s begins as event %s does: take another id for this write",
                          t->event, other.event);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__other_batch(const struct fptc__through *t, fptc_error *err)
{
    return fptc__fail(err, FPTC_EUSAGE,
                      "batch %s is known with other requests; a new one needs an event id of its "
                      "own",
                      t->terms.batch != NULL ? t->terms.batch : t->event);
}

/* Runs with the outbox at its head. FPTC_MISS: they are there. */
static fptc_status check(void *ctx, fptc_error *err)
{
    const struct recording *r = ctx;
    struct fptc__mutation w;
    fptc_status status = FPTC_OK;
    size_t n_known = 0, i;

    for (i = 0; i < r->n && status == FPTC_OK; i++) {
        status = fptc__mutation_find(r->list[i].t->outbox, r->list[i].t->event, &w, err);
        n_known += status == FPTC_OK && w.state != FPTC__MUTATION_NONE;
    }
    if (status == FPTC_OK && n_known > 0)
        return n_known == r->n ? FPTC_MISS : fptc__other_batch(r->list[0].t, err);
    for (i = 0; i < r->n && status == FPTC_OK; i++) {
        status = check_id(r->list[i].t, err);
        if (status == FPTC_OK)
            status = check_names(r->list[i].t, err);
    }
    return status;
}

static fptc_status append(struct recording *r, fptc_error *err)
{
    const struct fptc__through *t = r->list[0].t;
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records, .check = check, .ctx = r};
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < r->n && status == FPTC_OK; i++) {
        fptc__json *body = fptc__record_mutate(&r->list[i]);

        status = body == NULL ? fptc__fail_nomem(err)
                              : fptc__records_add_json(&records, FPTC__MUTATE, body, err);
        fptc__json_free(body);
    }
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(t->outbox, FPTC__HOME), err);
    if (status == FPTC_OK)
        status =
            fptc__log_append(fptc__view_log(t->outbox, FPTC__HOME), &request, t->follow->call, err);
    fptc__records_done(&records);
    return status;
}

/* What its caller gets. */
static fptc_status promise(struct fptc__member *m, int64_t id, int64_t version, fptc_error *err)
{
    fptc__json *row = fptc__promised(&m->t, version);

    m->out.id = id;
    fptc__json_free(m->out.row);
    m->out.row = row;
    if (!fptc__json_set(row, "id", fptc__json_new_int(id)))
        return fptc__fail_nomem(err);
    m->end = fptc__fail(&m->why, FPTC_PENDING,
                        "event %s is in the outbox, and is sent by whoever keeps it", m->t.event);
    return FPTC_OK;
}

/* FPTC_MISS: it is new. */
static fptc_status repeat(struct fptc__member *m, fptc_error *err)
{
    struct fptc__sending s = {.t = &m->t, .out = &m->out};
    struct fptc__mutation known;

    m->end = fptc__replay(&s, &known, &m->why);
    if (m->end == FPTC_PENDING)
        return promise(m, known.id, known.version, err);
    return m->end == FPTC_MISS && known.state == FPTC__MUTATION_NONE ? FPTC_MISS : FPTC_OK;
}

/* The ids by which the row is known here: its own, if it has one. */
static void name_row(struct fptc__through *t)
{
    struct fptc__mutation maker;
    int64_t id;

    fptc__view_begin(t->outbox);
    if (t->verb == FPTC_VERB_CREATE) {
        t->id = fptc__provisional_id(t->event);
    } else if (t->id > 0) {
        t->alias = fptc__ref_alias(t->outbox, t->source->type, t->id);
    } else if (fptc__ref_resolve(t->outbox, t->id, &id, &maker, NULL) == FPTC_OK) {
        t->alias = t->id;
        t->id = id;
    }
    fptc__view_end(t->outbox);
}

static fptc_status record(struct fptc__member *members, size_t n, fptc_error *err)
{
    const struct fptc__session *follow = members[0].t.follow;
    struct recording r = {calloc(n, sizeof(*r.list)), n};
    int64_t now_ms = 0;
    fptc_status status = r.list == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    size_t i;

    if (status == FPTC_OK)
        status = follow->now(follow->ctx, &now_ms, err);
    for (i = 0; i < n && status == FPTC_OK; i++) {
        r.list[i].t = &members[i].t;
        r.list[i].out = &members[i].out;
        r.list[i].asof_ms = now_ms;
    }
    if (status == FPTC_OK)
        status = append(&r, err);
    for (i = 0; i < n && status == FPTC_OK; i++)
        status = promise(&members[i], members[i].t.id, 0, err);
    free(r.list);
    return status;
}

fptc_status fptc__behind(struct fptc__member *members, size_t n, fptc_error *err)
{
    fptc_status status = fptc__view_refresh(members[0].t.outbox, 0, err);
    size_t n_new = 0, i;

    for (i = 0; i < n; i++)
        name_row(&members[i].t);
    for (i = 0; i < n && status == FPTC_OK; i++) {
        status = repeat(&members[i], err);
        n_new += status == FPTC_MISS;
        status = status == FPTC_MISS ? FPTC_OK : status;
    }
    if (status != FPTC_OK || n_new == 0)
        return status;
    return n_new == n ? record(members, n, err) : fptc__other_batch(&members[0].t, err);
}
