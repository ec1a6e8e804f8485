#include "outbox/decide.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"

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
    struct fptc__kept_write found; /* as it was when the decision was begun */
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
static fptc_status find(const struct fptc__decision *d, struct fptc__kept_write *out,
                        fptc_error *err)
{
    const struct fptc__writes_filter filter = {d->event, ~0u, 1};
    int more;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    return fptc__writes_each(d->outbox, &filter, take_found, out, &more, err);
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
        return fptc__fail(err, FPTC_ESTATE, "event %s is %s, which can not be %s%s%s", d->event,
                          fptc__state_name(w), is_drop ? "dropped" : "sent again",
                          fptc__next_step(w)[0] != '\0' ? ": " : "", fptc__next_step(w));
    if (who == NULL || strcmp(who, d->identity) != 0)
        return fptc__fail(err, FPTC_EAUTH,
                          "event %s is a write of %s: only they decide about it, and these are "
                          "the credentials of %s",
                          d->event, who == NULL ? "somebody else" : who,
                          d->identity[0] != '\0' ? d->identity : "nobody");
    if (d->data != NULL && !fptc__json_is_object(fptc__json_get(w->intent, "data")))
        return fptc__fail(err, FPTC_EUSAGE, "event %s is a %s, which has no data to edit", d->event,
                          w->verb);
    return FPTC_OK;
}

/* Our own record, of an append whose end was unclear. */
static int is_ours(const struct deciding *g, const struct fptc__kept_write *w)
{
    const fptc__json *decided = fptc__json_get(w->outcome, "decided");
    const char *who = fptc__json_get_text(decided, "who");

    return who != NULL && strcmp(who, g->d->identity) == 0 &&
           fptc__json_get_int(decided, "asof") == g->asof_ms && w->attempts == g->found.attempts &&
           w->state != g->found.state;
}

/* Runs with the outbox at its head. */
static fptc_status check(void *ctx, fptc_error *err)
{
    const struct deciding *g = ctx;
    struct fptc__kept_write now;
    fptc_status status = find(g->d, &now, err);

    if (status == FPTC_OK && is_ours(g, &now))
        status = FPTC_MISS;
    else if (status == FPTC_OK)
        status = may_decide(g->d, &now, err);
    if (status == FPTC_OK && now.attempts != g->found.attempts)
        status =
            fptc__fail(err, FPTC_ESTATE,
                       "event %s has been sent again meanwhile; look at it once more", g->d->event);
    fptc__kept_write_done(&now);
    return status;
}

/* A create that is told by its event id in a field of its own keeps that. */
static fptc__json *data_of(const struct deciding *g)
{
    const char *marker = fptc__json_get_text(g->found.intent, "marker");
    fptc__json *data = fptc__json_copy(g->d->data);

    if (marker == NULL || fptc__json_set(data, marker, fptc__json_new_text(g->d->event)))
        return data;
    fptc__json_free(data);
    return NULL;
}

static fptc__json *decide_body(const struct deciding *g)
{
    const struct fptc__decision *d = g->d;
    const char *verdict = d->verdict == FPTC_VERDICT_DROP ? "drop" : "retry";
    fptc__json *body = fptc__json_new_object();
    int ok = fptc__json_set(body, "event", fptc__json_new_text(d->event));

    ok = fptc__json_set(body, "verdict", fptc__json_new_text(verdict)) && ok;
    ok = fptc__json_set(body, "no", fptc__json_new_int(g->found.attempts)) && ok;
    if (d->data != NULL)
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
    fptc__json *body = decide_body(g);
    fptc_status status = body == NULL ? fptc__fail_nomem(err)
                                      : fptc__records_add_json(&records, FPTC__DECIDE, body, err);

    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(g->d->outbox, FPTC__HOME), &request,
                                  g->d->follow->call, err);
    fptc__json_free(body);
    fptc__records_done(&records);
    return status;
}

fptc_status fptc__decide(const struct fptc__decision *d, fptc_error *err)
{
    struct deciding g = {.d = d};
    fptc_status status = fptc__view_refresh(d->outbox, 0, err);

    if (status != FPTC_OK)
        return status;
    fptc__view_begin(d->outbox);
    status = find(d, &g.found, err);
    fptc__view_end(d->outbox);
    if (status == FPTC_OK)
        status = may_decide(d, &g.found, err);
    if (status == FPTC_OK)
        status = d->follow->now(d->follow->ctx, &g.asof_ms, err);
    if (status == FPTC_OK)
        status = append(&g, err);
    fptc__kept_write_done(&g.found);
    return status;
}
