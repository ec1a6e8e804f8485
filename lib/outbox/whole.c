#include "outbox/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "outbox/sending.h"

/* One member and what FPT shows of it. */
struct part {
    struct fptc__sending s;
    struct fptc__looked looked;
};

/* Rows of its type that creates before the i-th were found to be: equal ones take one each. */
static size_t taken_before(const struct part *parts, size_t i, int64_t *ids)
{
    size_t n = 0, at;

    for (at = 0; at < i; at++) {
        if (parts[at].s.t->verb == FPTC_VERB_CREATE && parts[at].looked.id > 0 &&
            strcmp(parts[at].s.t->source->type, parts[i].s.t->source->type) == 0)
            ids[n++] = parts[at].looked.id;
    }
    return n;
}

static fptc_status look(struct part *parts, size_t n, fptc_error *err)
{
    int64_t *ids = calloc(n, sizeof(*ids));
    fptc_status status = ids == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        parts[i].s.taken = ids;
        parts[i].s.n_taken = taken_before(parts, i, ids);
        status = fptc__look_up(&parts[i].s, parts[i].s.intent, &parts[i].looked, err);
        parts[i].s.taken = NULL;
        parts[i].s.n_taken = 0;
    }
    free(ids);
    return status;
}

static size_t n_found(const struct part *parts, size_t n, int of_creates, enum fptc__found found)
{
    size_t n_all = 0, i;

    for (i = 0; i < n; i++)
        n_all += (!of_creates || parts[i].s.t->verb == FPTC_VERB_CREATE) &&
                 parts[i].looked.found == found;
    return n_all;
}

/* FPT did all of them or none. A row that is made tells which; without one, what all of them show together: an
   update that others have written over since shows nothing. */
static enum fptc__found judge(const struct part *parts, size_t n)
{
    if (n_found(parts, n, 1, FPTC__FOUND_UNCERTAIN) > 0)
        return FPTC__FOUND_UNCERTAIN;
    if (n_found(parts, n, 1, FPTC__FOUND_DONE) > 0)
        return n_found(parts, n, 1, FPTC__FOUND_NOTHING) > 0 ? FPTC__FOUND_UNCERTAIN
                                                             : FPTC__FOUND_DONE;
    if (n_found(parts, n, 1, FPTC__FOUND_NOTHING) > 0)
        return FPTC__FOUND_NOTHING;
    if (n_found(parts, n, 0, FPTC__FOUND_CONFLICT) > 0)
        return FPTC__FOUND_CONFLICT;
    return n_found(parts, n, 0, FPTC__FOUND_NOTHING) > 0 ? FPTC__FOUND_NOTHING : FPTC__FOUND_DONE;
}

static void end_all(struct part *parts, size_t n, fptc_status status, const fptc_error *why)
{
    size_t i;

    for (i = 0; i < n; i++) {
        parts[i].s.member->end = status;
        parts[i].s.member->why = *why;
    }
}

/* The ends of all in one commit: part of a batch with an end would be no batch. */
static void settle(struct part *parts, size_t n, const struct fptc__ending *e, fptc_status end,
                   fptc_error *why)
{
    struct fptc__sending *list = calloc(n, sizeof(*list));
    fptc_status status = list == NULL ? fptc__fail_nomem(why) : FPTC_OK;
    size_t at, i;

    for (i = 0; i < n && status == FPTC_OK; i++)
        list[i] = parts[i].s;
    if (status == FPTC_OK)
        status = fptc__settle_all(list, n, e, &at, why);
    end_all(parts, n, status == FPTC_OK ? end : status, why);
    free(list);
}

static void tell(const struct part *parts, size_t n, enum fptc__found found, fptc_error *why)
{
    const char *text = "some of its rows were found and others were not";
    size_t i;

    for (i = 0; i < n; i++) {
        if (parts[i].looked.found == found && parts[i].looked.text[0] != '\0')
            text = parts[i].looked.text;
    }
    (void)fptc__fail(why, found == FPTC__FOUND_CONFLICT ? FPTC_ECONFLICT : FPTC_UNKNOWN,
                     "batch %s: %s", parts[0].s.t->terms.batch, text);
}

static void give_to_a_person(struct part *parts, size_t n, enum fptc__found found)
{
    int is_conflict = found == FPTC__FOUND_CONFLICT;
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ending e = {.why = is_conflict ? "conflict" : "uncertain"};
    char text[sizeof(why.message)];

    tell(parts, n, found, &why);
    snprintf(text, sizeof(text), "%s", why.message);
    e.text = text;
    settle(parts, n, &e, why.status, &why);
}

/* One row of it into the cache: as it was found, or as FPT has it now. */
static void keep(struct part *p, struct fptc__intake *in)
{
    struct fptc__sending *s = &p->s;

    s->out->id = p->looked.id > 0 ? p->looked.id : s->t->id;
    s->is_gone = p->looked.is_gone || s->t->verb == FPTC_VERB_DELETE;
    s->out->row = p->looked.row;
    p->looked.row = NULL;
    if (fptc__intake_begin(in, s->t->follow, s->t->source, NULL) == FPTC_OK) {
        s->in = in;
        fptc__keep(s, 1, 0);
    }
    fptc__intake_done(in);
    s->in = NULL;
}

static void settle_done(struct part *parts, size_t n)
{
    struct fptc__intake in = {NULL};
    struct fptc__ending e = {.by = "state"};
    fptc_error why = FPTC_ERROR_INIT;
    size_t i;

    for (i = 0; i < n; i++) {
        if (parts[i].looked.found == FPTC__FOUND_DONE && parts[i].s.t->verb == FPTC_VERB_CREATE)
            e.by = parts[i].looked.by;
    }
    for (i = 0; i < n; i++)
        keep(&parts[i], &in);
    settle(parts, n, &e, FPTC_OK, &why);
}

static fptc_status look_and_settle(struct part *parts, size_t n, fptc_error *err)
{
    enum fptc__found found;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = look(parts, n, &why);

    if (status != FPTC_OK) {
        fptc_error all = FPTC_ERROR_INIT;

        status = fptc__fail(&all, FPTC_UNKNOWN,
                            "batch %s was sent before and it could not be found out yet what "
                            "became of it: %s",
                            parts[0].s.t->terms.batch, why.message);
        end_all(parts, n, status, &all);
        return FPTC_OK;
    }
    found = judge(parts, n);
    if (found == FPTC__FOUND_NOTHING)
        return FPTC_MISS;
    if (found == FPTC__FOUND_DONE)
        settle_done(parts, n);
    else
        give_to_a_person(parts, n, found);
    (void)err;
    return FPTC_OK;
}

fptc_status fptc__whole_finish(struct fptc__member *members, size_t n, int was_sent,
                               fptc_error *err)
{
    const struct fptc__session *follow = members[0].t.follow;
    struct part *parts = calloc(n, sizeof(*parts));
    int64_t now_ms = 0;
    fptc_status status =
        parts == NULL ? fptc__fail_nomem(err) : follow->now(follow->ctx, &now_ms, err);
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        parts[i].s.t = &members[i].t;
        parts[i].s.out = &members[i].out;
        parts[i].s.member = &members[i];
        parts[i].s.intent = members[i].intent;
        parts[i].s.version = members[i].version;
        parts[i].s.no = members[i].attempts;
        parts[i].s.asof_ms = now_ms;
        members[i].is_compared |= was_sent;
    }
    if (status == FPTC_OK && was_sent)
        status = look_and_settle(parts, n, err);
    else if (status == FPTC_OK)
        status = FPTC_MISS;
    for (i = 0; i < n && parts != NULL; i++)
        fptc__json_free(parts[i].looked.row);
    free(parts);
    return status == FPTC_MISS ? fptc__group_run(members, n, 1, err) : status;
}

/* ------------------------------------------------------------------------------------------ a new one */

static fptc_status repeat(struct fptc__member *members, size_t n, fptc_error *err)
{
    struct fptc__view *outbox = members[0].t.outbox;
    fptc_status status = fptc__view_refresh(outbox, 0, err);
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        struct fptc__sending s = {.t = &members[i].t, .out = &members[i].out};
        struct fptc__mutation known;

        s.t = &members[i].t;
        members[i].t.terms.is_behind = 1; /* it is not finished one by one */
        members[i].end = fptc__replay(&s, &known, &members[i].why);
        members[i].t.terms.is_behind = 0;
        if (known.state == FPTC__MUTATION_NONE)
            return members[i].end;
    }
    return FPTC_OK;
}

fptc_status fptc__whole_send(struct fptc__member *members, size_t n, fptc_error *err)
{
    fptc_status status = repeat(members, n, err);
    size_t i;

    if (status != FPTC_MISS)
        return status;
    status = FPTC_OK;
    for (i = 0; i < n && status == FPTC_OK; i++)
        status = fptc__finish_before(&members[i].t, INT64_MAX, err);
    return status == FPTC_OK ? fptc__group_run(members, n, 1, err) : status;
}
