#include "outbox/whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "outbox/sending.h"

/* One member and what FPT shows of it. */
struct part {
    struct fptc__sending s;
    struct fptc__through own; /* with `rest` for data, while it is looked up */
    fptc__json *rest;         /* what no later write of the batch writes over */
    int is_hidden;            /* a later one leaves nothing of it to be seen */
    struct fptc__looked looked;
};

static int is_same_row(const struct part *a, const struct part *b)
{
    return a->s.t->verb != FPTC_VERB_CREATE && b->s.t->verb != FPTC_VERB_CREATE &&
           a->s.t->id == b->s.t->id && strcmp(a->s.t->source->type, b->s.t->source->type) == 0;
}

/* A row that is written twice shows the last values only. */
static fptc_status leave_rest(struct part *parts, size_t n, size_t i, fptc_error *err)
{
    struct part *p = &parts[i];
    const fptc__json *at;
    size_t later;

    p->own = *p->s.t;
    p->rest = p->own.data != NULL ? fptc__json_copy(p->own.data) : NULL;
    if (p->own.data != NULL && p->rest == NULL)
        return fptc__fail_nomem(err);
    for (later = i + 1; later < n; later++) {
        if (!is_same_row(p, &parts[later]))
            continue;
        p->is_hidden |= parts[later].s.t->verb == FPTC_VERB_DELETE;
        for (at = fptc__json_first(parts[later].s.t->data); at != NULL; at = fptc__json_next(at)) {
            const fptc__json *over = fptc__json_get(p->rest, fptc__json_key(at));

            if (over != NULL)
                fptc__json_free(fptc__json_detach(p->rest, over));
        }
        p->is_hidden |= p->rest != NULL && fptc__json_size(p->rest) == 0;
    }
    p->own.data = p->rest;
    return FPTC_OK;
}

static fptc_status look_at(struct part *parts, size_t n, size_t i, fptc_error *err)
{
    struct part *p = &parts[i];
    struct fptc__sending s = p->s;
    fptc_status status = leave_rest(parts, n, i, err);

    if (status != FPTC_OK || p->is_hidden)
        return status;
    s.t = &p->own;
    return fptc__look_up(&s, p->s.intent, &p->looked, err);
}

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
        status = look_at(parts, n, i, err);
        parts[i].s.taken = NULL;
        parts[i].s.n_taken = 0;
    }
    free(ids);
    return status;
}

/* How many of the creates, or of the others, show it. */
static size_t n_found(const struct part *parts, size_t n, int of_creates, enum fptc__found found)
{
    size_t n_all = 0, i;

    for (i = 0; i < n; i++)
        n_all += (parts[i].s.t->verb == FPTC_VERB_CREATE) == of_creates && !parts[i].is_hidden &&
                 parts[i].looked.found == found;
    return n_all;
}

static int is_by_marker(const struct part *parts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (parts[i].looked.by != NULL && strcmp(parts[i].looked.by, "marker") == 0)
            return 1;
    }
    return 0;
}

static int has_deleted(const struct part *parts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (parts[i].s.t->verb == FPTC_VERB_DELETE && parts[i].looked.found == FPTC__FOUND_DONE)
            return 1;
    }
    return 0;
}

/*
 * FPT did all of them or none. A row with our marker tells which. A row that only matches may be that of another create,
 * of which nothing is known either: then no write may show that nothing was done. Without creates the others tell
 * together; a row that is gone would be in the way of sending all of it again.
 */
static enum fptc__found judge(const struct part *parts, size_t n)
{
    size_t made = n_found(parts, n, 1, FPTC__FOUND_DONE),
           not_made = n_found(parts, n, 1, FPTC__FOUND_NOTHING),
           not_done = n_found(parts, n, 0, FPTC__FOUND_NOTHING);

    if (n_found(parts, n, 1, FPTC__FOUND_UNCERTAIN) > 0 || (made > 0 && not_made > 0))
        return FPTC__FOUND_UNCERTAIN;
    if (made > 0)
        return not_done > 0 && !is_by_marker(parts, n) ? FPTC__FOUND_UNCERTAIN : FPTC__FOUND_DONE;
    if (not_made > 0)
        return FPTC__FOUND_NOTHING;
    if (n_found(parts, n, 0, FPTC__FOUND_CONFLICT) > 0)
        return FPTC__FOUND_CONFLICT;
    if (not_done > 0)
        return has_deleted(parts, n) ? FPTC__FOUND_UNCERTAIN : FPTC__FOUND_NOTHING;
    return FPTC__FOUND_DONE;
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
    const char *text = "some of it seems to be done, and some not; look at its rows, then retry or "
                       "drop it";
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
    int is_delete = s->t->verb == FPTC_VERB_DELETE;

    s->out->id = p->looked.id > 0 ? p->looked.id : s->t->id;
    s->is_gone =
        p->looked.is_gone || (is_delete && p->looked.found == FPTC__FOUND_DONE && !p->is_hidden);
    s->out->row = p->looked.row;
    p->looked.row = NULL;
    fptc__row_partition(s->t->source, s->out->row, s->partition);
    if (!s->is_gone && s->out->row == NULL)
        return; /* a later one tells of the row */
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

static void part_done(struct part *p)
{
    fptc__json_free(p->looked.row);
    fptc__json_free(p->rest);
}

/* FPTC_MISS: nothing of it was done. */
static fptc_status look_and_settle(struct part *parts, size_t n)
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
        status = look_and_settle(parts, n);
    else if (status == FPTC_OK)
        status = FPTC_MISS;
    for (i = 0; i < n && parts != NULL; i++)
        part_done(&parts[i]);
    free(parts);
    return status == FPTC_MISS ? fptc__group_run(members, n, 1, err) : status;
}

/* ------------------------------------------------------------------------------------------ a new one */

/* FPTC_MISS: it is new. */
static fptc_status repeat(struct fptc__member *members, size_t n, fptc_error *err)
{
    fptc_status status = fptc__view_refresh(members[0].t.outbox, 0, err);
    size_t n_new = 0, i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        struct fptc__sending s = {.t = &members[i].t, .out = &members[i].out};
        struct fptc__mutation known;

        members[i].t.terms.is_behind = 1; /* it is not finished one by one */
        members[i].end = fptc__replay(&s, &known, &members[i].why);
        members[i].t.terms.is_behind = 0;
        n_new += known.state == FPTC__MUTATION_NONE;
    }
    if (status != FPTC_OK || n_new == 0)
        return status;
    return n_new == n ? FPTC_MISS : fptc__other_batch(&members[0].t, err);
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
