#include "outbox/decide.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"

/* ------------------------------------------------------------------------------ states, for people */

static const struct {
    enum fptc__mutation_state state;
    const char *why; /* of a refusal; NULL: any */
    const char *name, *next;
} states[] = {
    {FPTC__MUTATION_INTENT, NULL, "pending",
     "it is sent by the next round of upkeep of a process with its credentials; or drop it"},
    {FPTC__MUTATION_ATTEMPTED, NULL, "unknown",
     "what became of it is looked up once FPT must be done with it; repeat the write with its event "
     "id to ask"},
    {FPTC__MUTATION_SETTLED, NULL, "settled", ""},
    {FPTC__MUTATION_REFUSED, "conflict", "conflict",
     "look at the row: others have written to it since; retry it, edit it, or drop it"},
    {FPTC__MUTATION_REFUSED, "uncertain", "uncertain",
     "look at the rows that are named: if one of them is what was written, drop it; if none is, "
     "retry it"},
    {FPTC__MUTATION_REFUSED, NULL, "refused",
     "edit it, or retry it once the reason is gone, or drop it"},
    {FPTC__MUTATION_DROPPED, NULL, "dropped", ""},
};

static size_t state_of(const struct fptc__kept_write *w)
{
    const char *why = fptc__json_get_text(w->outcome, "why");
    size_t i = 0;

    while (i + 1 < sizeof(states) / sizeof(states[0]) &&
           (states[i].state != w->state ||
            (states[i].why != NULL && (why == NULL || strcmp(why, states[i].why) != 0))))
        i++;
    return i;
}

const char *fptc__state_name(const struct fptc__kept_write *w)
{
    return states[state_of(w)].name;
}

const char *fptc__next_step(const struct fptc__kept_write *w)
{
    return states[state_of(w)].next;
}

/* ------------------------------------------------------------------------------------ the decision */

/* One decision under way. */
struct deciding {
    const struct fptc__decision *d;
    struct fptc__kept_write
        *list; /* the write and the others of its batch, as they were when it was begun */
    size_t n;
    int64_t asof_ms;
};

static int take_found(struct fptc__kept_write *w, void *payload)
{
    struct fptc__kept_write *out = payload;

    *out = *w;
    w->intent = w->outcome = NULL;
    return 1;
}

/* With the view begun, or the outbox at its head. State NONE: there is no such write. */
static fptc_status find(const struct fptc__decision *d, const char *event,
                        struct fptc__kept_write *out, fptc_error *err)
{
    const struct fptc__writes_filter filter = {event, ~0u, 1};
    int more;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    return fptc__writes_each(d->outbox, &filter, take_found, out, &more, err);
}

static const char *batch_of(const struct fptc__kept_write *w)
{
    return fptc__json_get_text(w->intent, "batch");
}

/* Another of the batch that may be decided about. */
static int take_other(struct fptc__kept_write *w, void *payload)
{
    struct deciding *g = payload;
    const char *batch = batch_of(w);

    if (batch == NULL || strcmp(batch, batch_of(&g->list[0])) != 0 ||
        strcmp(w->event, g->list[0].event) == 0 || g->n == FPTC_BATCH_OWN_MAX)
        return 0;
    return take_found(w, &g->list[g->n++]) == 0;
}

/* With the view begun. A batch is sent whole, so whatever is decided about one of it is about all. */
static fptc_status find_all(struct deciding *g, fptc_error *err)
{
    static const struct fptc__writes_filter others = {
        NULL, FPTC__STATE_BIT(FPTC__MUTATION_REFUSED) | FPTC__STATE_BIT(FPTC__MUTATION_INTENT),
        INT64_MAX - 1};
    fptc_status status = find(g->d, g->d->event, &g->list[0], err);
    int more;

    g->n = 1;
    if (status == FPTC_OK && batch_of(&g->list[0]) != NULL)
        status = fptc__writes_each(g->d->outbox, &others, take_other, g, &more, err);
    return status;
}

static fptc_status may_decide(const struct fptc__decision *d, const struct fptc__kept_write *w,
                              fptc_error *err)
{
    const char *who = fptc__json_get_text(w->intent, "who");
    int is_drop = d->verdict == FPTC_VERDICT_DROP;

    if (w->state == FPTC__MUTATION_NONE)
        return fptc__fail(err, FPTC_MISS, "there is no write with event id %s in the outbox",
                          d->event);
    if (w->state != FPTC__MUTATION_REFUSED && !(is_drop && w->state == FPTC__MUTATION_INTENT))
        return fptc__fail(err, FPTC_ESTATE, "event %s is %s, which can not be %s%s%s", w->event,
                          fptc__state_name(w), is_drop ? "dropped" : "sent again",
                          fptc__next_step(w)[0] != '\0' ? ": " : "", fptc__next_step(w));
    if (who == NULL || strcmp(who, d->identity) != 0)
        return fptc__fail(err, FPTC_EAUTH,
                          "event %s is a write of %s: only they decide about it, and these are "
                          "the credentials of %s",
                          w->event, who == NULL ? "somebody else" : who,
                          d->identity[0] != '\0' ? d->identity : "nobody");
    if (d->data != NULL && strcmp(w->event, d->event) == 0 &&
        !fptc__json_is_object(fptc__json_get(w->intent, "data")))
        return fptc__fail(err, FPTC_EUSAGE, "event %s is a %s, which has no data to edit", w->event,
                          w->verb);
    return FPTC_OK;
}

/* Of a batch, one that waits already is left as it is. */
static int is_decided(const struct deciding *g, const struct fptc__kept_write *w)
{
    return w != &g->list[0] && g->d->verdict != FPTC_VERDICT_DROP &&
           w->state == FPTC__MUTATION_INTENT;
}

/* Our own record, of an append whose end was unclear. */
static int is_ours(const struct deciding *g, const struct fptc__kept_write *was,
                   const struct fptc__kept_write *w)
{
    const fptc__json *decided = fptc__json_get(w->outcome, "decided");
    const char *who = fptc__json_get_text(decided, "who");

    return who != NULL && strcmp(who, g->d->identity) == 0 &&
           fptc__json_get_int(decided, "asof") == g->asof_ms && w->attempts == was->attempts &&
           w->state != was->state;
}

/* What it shall say names rows that are there, or on their way, and that do not wait for this one. */
static fptc_status check_data(const struct fptc__decision *d, const struct fptc__kept_write *w,
                              fptc_error *err)
{
    struct fptc__mutation maker;
    int64_t id = strcmp(w->verb, "create") == 0 ? fptc__provisional_id(w->event) : 0;
    fptc_status status;

    if (d->data == NULL || strcmp(w->event, d->event) != 0)
        return FPTC_OK;
    if (id != 0 && fptc__refs_lead_to(d->outbox, d->data, id))
        return fptc__fail(err, FPTC_EUSAGE,
                          "event %s creates %s %" PRId64 ": what it says can name neither that "
                          "row nor one that waits for it",
                          w->event, w->type, id);
    status = fptc__refs_look(d->outbox, 0, d->data, &maker, err);
    return status == FPTC_PENDING ? FPTC_OK : status;
}

/* FPTC_MISS: it is decided, by our own records. */
static fptc_status check_one(const struct deciding *g, const struct fptc__kept_write *was,
                             fptc_error *err)
{
    struct fptc__kept_write now;
    fptc_status status = find(g->d, was->event, &now, err);

    if (status == FPTC_OK && is_ours(g, was, &now))
        status = FPTC_MISS;
    else if (status == FPTC_OK && !is_decided(g, was))
        status = may_decide(g->d, &now, err);
    if (status == FPTC_OK)
        status = check_data(g->d, was, err);
    if (status == FPTC_OK && now.attempts != was->attempts)
        status =
            fptc__fail(err, FPTC_ESTATE,
                       "event %s has been sent again meanwhile; look at it once more", was->event);
    fptc__kept_write_done(&now);
    return status;
}

/* Runs with the outbox at its head. */
static fptc_status check(void *ctx, fptc_error *err)
{
    const struct deciding *g = ctx;
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < g->n && status == FPTC_OK; i++)
        status = check_one(g, &g->list[i], err);
    return status;
}

/* A create that is told by its event id in a field of its own keeps that. */
static fptc__json *data_of(const struct deciding *g)
{
    const char *marker = fptc__json_get_text(g->list[0].intent, "marker");
    fptc__json *data = fptc__json_copy(g->d->data);

    if (marker == NULL || fptc__json_set(data, marker, fptc__json_new_text(g->d->event)))
        return data;
    fptc__json_free(data);
    return NULL;
}

static fptc__json *decide_body(const struct deciding *g, const struct fptc__kept_write *w)
{
    const struct fptc__decision *d = g->d;
    const char *verdict = d->verdict == FPTC_VERDICT_DROP ? "drop" : "retry";
    fptc__json *body = fptc__json_new_object();
    int ok = fptc__json_set(body, "event", fptc__json_new_text(w->event));

    ok = fptc__json_set(body, "verdict", fptc__json_new_text(verdict)) && ok;
    ok = fptc__json_set(body, "no", fptc__json_new_int(w->attempts)) && ok;
    if (d->data != NULL && w == &g->list[0])
        ok = fptc__json_set(body, "data", data_of(g)) && ok;
    ok = fptc__json_set(body, "who", fptc__json_new_text(d->identity)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(g->asof_ms)) && ok;
    if (ok)
        return body;
    fptc__json_free(body);
    return NULL;
}

static fptc_status append(struct deciding *g, fptc_error *err)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records, .check = check, .ctx = g};
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < g->n && status == FPTC_OK; i++) {
        fptc__json *body = is_decided(g, &g->list[i]) ? NULL : decide_body(g, &g->list[i]);

        if (body != NULL)
            status = fptc__records_add_json(&records, FPTC__DECIDE, body, err);
        else if (!is_decided(g, &g->list[i]))
            status = fptc__fail_nomem(err);
        fptc__json_free(body);
    }
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(g->d->outbox, FPTC__HOME), &request,
                                  g->d->follow->call, err);
    fptc__records_done(&records);
    return status;
}

fptc_status fptc__decide(const struct fptc__decision *d, fptc_error *err)
{
    struct deciding g = {.d = d, .list = calloc(FPTC_BATCH_OWN_MAX, sizeof(*g.list))};
    fptc_status status =
        g.list == NULL ? fptc__fail_nomem(err) : fptc__view_refresh(d->outbox, 0, err);
    size_t i;

    if (status == FPTC_OK) {
        fptc__view_begin(d->outbox);
        status = find_all(&g, err);
        fptc__view_end(d->outbox);
    }
    for (i = 0; i < g.n && status == FPTC_OK; i++)
        status = is_decided(&g, &g.list[i]) ? FPTC_OK : may_decide(d, &g.list[i], err);
    if (status == FPTC_OK)
        status = d->follow->now(d->follow->ctx, &g.asof_ms, err);
    if (status == FPTC_OK)
        status = append(&g, err);
    for (i = 0; i < g.n; i++)
        fptc__kept_write_done(&g.list[i]);
    free(g.list);
    return status;
}
