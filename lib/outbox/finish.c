/*
 * finish.c: a write that is in the outbox without an end: looked up, and sent again when the attempt did
 * nothing. By any process of the identity whose write it is (W9), at any time, several at once:
 *
 *  1. the attempt n is quiet: nothing of it is on its way any more (W2)
 *  2. earlier writes to the row are finished first (W6)
 *  3. FPT is asked. Found: the row into the cache, `settle` of attempt n. Not found: attempt n + 1 is
 *     claimed, and sent.
 *
 * Two that do so at once find the same, for n is quiet. Both may append a settle: the first counts. Of two
 * claims the second finds n + 1 attempts instead of n under the outbox's head, and is not made (attempt.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "outbox/sending.h"

/* FPT's answer is no. What provably was not sent at all ends so only for a caller who is told it, and may
   then do it again; a write that is finished for others stays in the outbox. */
static fptc_status not_done(const struct fptc__sending *s, fptc_status status, fptc_error *err)
{
    fptc_error why = *err, ignored = FPTC_ERROR_INIT;
    int waits = s->version > 0 && status != FPTC_EREFUSED;
    const struct fptc__ending e = {
        .why = waits ? "unsent" : "refused", .http_status = err->http_status, .text = why.message};

    if (status == FPTC_UNKNOWN)
        return status;
    (void)fptc__settle(s, &e, &ignored);
    if (!waits)
        return status;
    s->out->unsent = status;
    return fptc__fail(err, FPTC_PENDING, "event %s could not be sent: %s", s->t->event,
                      why.message);
}

/*
 * The row of the answer settles another create of the same values (settle.c, check_row()):
 *  1. FPT makes the row, and its answer waits with us for longer than the quiet period;
 *  2. the other create, of which nothing came, is looked up, and settled with this row;
 *  3. we would tell our caller that it is done: two creates, one row.
 * So the end is not known yet: finishing this one finds or makes another row.
 */
fptc_status fptc__taken(const struct fptc__sending *s, const fptc_error *why, fptc_error *err)
{
    fptc__json_free(s->out->row);
    s->out->row = NULL;
    return fptc__fail(err, FPTC_UNKNOWN, "event %s was sent, and its answer came too late: %s",
                      s->t->event, why->message);
}

fptc_status fptc__send_claimed(struct fptc__sending *s, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    fptc_error settle_err = FPTC_ERROR_INIT;
    const struct fptc__ending e = {.by = "answer"};
    fptc_status sent = fptc__send(s, &s->out->row, err), settled;

    s->out->id = t->verb == FPTC_VERB_CREATE ? fptc__json_get_int(s->out->row, "id") : t->id;
    if (sent != FPTC_OK && sent != FPTC_MISS)
        return not_done(s, sent, err);
    s->is_gone = t->verb == FPTC_VERB_DELETE;
    fptc__keep(s, 1, 1);
    settled = fptc__settle(s, &e, &settle_err);
    if (settled == FPTC_PENDING)
        return fptc__taken(s, &settle_err, err);
    if (settled != FPTC_OK)
        fptc__log_line(t->follow->logger, FPTC_LOG_WARNING, "event %s is done but not settled: %s",
                       t->event, settle_err.message);
    return sent;
}

/* What a look-up read only to tell whose the row is. */
static fptc__json *without_paths(const fptc__json *row)
{
    fptc__json *copy = row == NULL ? NULL : fptc__json_copy(row);
    const fptc__json *at = fptc__json_first(copy), *next;

    for (; at != NULL; at = next) {
        next = fptc__json_next(at);
        if (strchr(fptc__json_key(at), '.') != NULL)
            fptc__json_free(fptc__json_detach(copy, at));
    }
    return copy;
}

/* It is done: the row, as a read of ours and without the event, which only the settle may give it. */
static fptc_status settle_found(struct fptc__sending *s, struct fptc__looked *found,
                                fptc_error *err)
{
    const struct fptc__ending e = {.by = found->by};
    fptc_status status;

    s->out->id = found->id;
    s->out->row = without_paths(found->row);
    s->is_gone = found->is_gone;
    fptc__keep(s, 1, 0);
    status = fptc__settle(s, &e, err);
    if (status != FPTC_OK || s->t->verb == FPTC_VERB_DELETE) {
        fptc__json_free(s->out->row);
        s->out->row = NULL;
    }
    return status;
}

static fptc_status give_to_a_person(const struct fptc__sending *s, const struct fptc__looked *found,
                                    fptc_error *err)
{
    int is_conflict = found->found == FPTC__FOUND_CONFLICT;
    const struct fptc__ending e = {.why = is_conflict ? "conflict" : "uncertain",
                                   .text = found->text};
    fptc_status status = fptc__settle(s, &e, err);

    if (status != FPTC_OK)
        return status;
    return fptc__fail(err, is_conflict ? FPTC_ECONFLICT : FPTC_UNKNOWN, "event %s: %s", s->t->event,
                      found->text);
}

/* FPTC_MISS: the attempt did nothing. */
static fptc_status look_up(struct fptc__sending *s, const fptc__json *intent, fptc_error *err)
{
    struct fptc__looked found;
    fptc_status status = fptc__look_up(s, intent, &found, err);

    if (status != FPTC_OK) {
        fptc_error why = *err;

        status =
            fptc__fail(err, FPTC_UNKNOWN,
                       "event %s was sent before and it could not be found out yet what became "
                       "of it: %s",
                       s->t->event, why.message);
    } else if (found.found == FPTC__FOUND_DONE) {
        status = settle_found(s, &found, err);
    } else if (found.found == FPTC__FOUND_NOTHING) {
        status = FPTC_MISS;
    } else {
        status = give_to_a_person(s, &found, err);
    }
    fptc__json_free(found.row);
    return status;
}

/* It is not at FPT: sent, once more or for the first time. */
static fptc_status send_recorded(struct fptc__sending *s, const struct fptc__mutation *m,
                                 fptc_error *err)
{
    struct fptc__member member = {.t = *s->t, .out = *s->out};
    fptc_status status;

    member.intent = s->intent;
    member.version = m->version;
    member.attempts = m->attempts;
    member.decided_asof_ms = m->decided_asof_ms;
    member.is_compared = m->state == FPTC__MUTATION_ATTEMPTED;
    status = fptc__group_run(&member, 1, 0, err);
    fptc__json_free(member.merged);
    *s->out = member.out;
    if (status != FPTC_OK)
        return status;
    if (err != NULL)
        *err = member.why;
    return member.end;
}

/* Whether none of its batch has an end: they are looked up and sent together. FPT has done that of which some has. */
static int is_waited_for(const struct fptc__through *t)
{
    int64_t n_open = 0;
    fptc_status status;

    if (t->terms.batch == NULL || t->terms.of == 1)
        return 0;
    fptc__view_begin(t->outbox);
    status = fptc__mutation_count_batch(t->outbox, t->terms.batch, &n_open, NULL);
    fptc__view_end(t->outbox);
    return status != FPTC_OK || n_open == t->terms.of;
}

/* `seen`: before anything is asked. */
static fptc_status look_up_with_intake(struct fptc__sending *s, fptc_error *err)
{
    struct fptc__intake in = {NULL};
    fptc_status status = fptc__intake_begin(&in, s->t->follow, s->t->source, err);

    s->in = &in;
    if (status == FPTC_OK)
        status = look_up(s, s->intent, err);
    fptc__intake_done(&in);
    s->in = NULL;
    return status;
}

static fptc_status look_up_and_send(struct fptc__sending *s, const struct fptc__mutation *m,
                                    fptc_error *err)
{
    const struct fptc__through *t = s->t;
    fptc_status status = fptc__finish_before(t, m->version, err);

    s->version = m->version;
    s->no = m->attempts;
    if (status == FPTC_OK && is_waited_for(t))
        return fptc__fail(err, FPTC_PENDING,
                          "event %s is one of batch %s, which goes as a whole: whoever keeps the "
                          "outbox sends it",
                          m->event, t->terms.batch);
    if (status == FPTC_OK && m->state == FPTC__MUTATION_ATTEMPTED) {
        status = look_up_with_intake(s, err);
        if (status != FPTC_MISS)
            return status;
        status = FPTC_OK;
    }
    return status == FPTC_OK ? send_recorded(s, m, err) : status;
}

/* With the data that is in the outbox: that was sent, whoever repeats it now. */
static fptc_status finish_due(const struct fptc__sending *s, const struct fptc__mutation *m,
                              fptc_error *err)
{
    struct fptc__through own = *s->t;
    struct fptc__sending again = *s;
    struct fptc__recorded recorded;
    fptc_status status = fptc__recorded_read(own.outbox, m, &recorded, err);

    if (status == FPTC_OK) {
        own.id = recorded.id;
        own.alias = recorded.alias;
        own.data = recorded.data;
        own.terms = recorded.terms;
        own.marker = fptc__json_get_text(recorded.intent, "marker");
        again.t = &own;
        again.intent = recorded.intent;
        status = look_up_and_send(&again, m, err);
    }
    fptc__recorded_done(&recorded);
    return status;
}

fptc_status fptc__finish(const struct fptc__sending *s, const struct fptc__mutation *m,
                         fptc_error *err)
{
    const struct fptc__through *t = s->t;
    struct fptc__sending due = *s;
    fptc_status status = t->follow->now(t->follow->ctx, &due.asof_ms, err);
    int64_t left_ms = m->attempt_asof_ms + t->quiet_ms - due.asof_ms;

    if (status != FPTC_OK)
        return status;
    if (strcmp(m->who, t->identity) != 0)
        return fptc__fail(err, FPTC_UNKNOWN,
                          "event %s is a write of %s: only they find out what became of it",
                          m->event, m->who);
    if (!fptc__write_is_due(m, due.asof_ms, t->quiet_ms))
        return fptc__fail(err, FPTC_UNKNOWN,
                          "event %s was sent before and no answer is known; it may or may not be "
                          "done; what became of it can be found out in %" PRId64 " s",
                          m->event, left_ms / 1000 + 1);
    return finish_due(&due, m, err);
}

fptc_status fptc__finish_before(const struct fptc__through *t, int64_t before, fptc_error *err)
{
    struct fptc__entity_writes of = fptc__writes_before(t, before);
    fptc_status status = FPTC_OK;

    while (t->verb != FPTC_VERB_CREATE && status == FPTC_OK) {
        struct fptc__through earlier = *t;
        struct fptc__through_result out = {.row = NULL};
        struct fptc__sending s = {.t = &earlier, .out = &out};
        struct fptc__mutation w;
        fptc_error why = FPTC_ERROR_INIT;

        fptc__view_begin(t->outbox);
        status = fptc__mutation_unsettled(t->outbox, &of, &w, err);
        fptc__view_end(t->outbox);
        if (status != FPTC_OK)
            break;
        of.after = w.version;
        if (strcmp(w.who, t->identity) != 0)
            continue; /* not ours to send: attempt.c says when it no longer holds us up */
        earlier.event = w.event;
        earlier.verb = fptc__verb_of(w.verb);
        fptc__random_hex32(s.writer);
        if (earlier.verb == 0)
            return fptc__busy(&w, err);
        (void)fptc__finish(&s, &w, &why);
        fptc__json_free(out.row);
    }
    return status == FPTC_MISS ? FPTC_OK : status;
}
