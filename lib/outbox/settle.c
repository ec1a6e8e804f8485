/* settle.c: what FPT did: the row into the cache, then the end into the outbox. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/effects.h"
#include "outbox/sending.h"

/* Replies of writes may spell date_times "2021-06-16 08:55:04 UTC" (A§1.9); reads never do. */
static fptc_status spell_as_reads(const struct fptc__source *source, fptc__json *row,
                                  fptc_error *err)
{
    const fptc__json *at;

    for (at = fptc__json_first(source->types); at != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at), *data_type = fptc__json_text(at);
        const char *text = fptc__json_get_text(row, field);
        char iso[21];
        int64_t ms;

        if (data_type == NULL || strcmp(data_type, "date_time") != 0 || text == NULL ||
            !fptc__iso_to_ms(text, &ms))
            continue;
        fptc__iso_from_ms(ms, iso);
        if (!fptc__json_set(row, field, fptc__json_new_text(iso)))
            return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

/* What was sent belongs to the reply, too, and only a read spells fields that are not kept as reads do. */
static int is_whole(const struct fptc__through *t, const fptc__json *row)
{
    const fptc__json *at;

    for (at = fptc__json_first(t->source->types); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_get(row, fptc__json_key(at)) == NULL)
            return 0;
    }
    for (at = fptc__json_first(t->verb == FPTC_VERB_CREATE ? t->data : NULL); at != NULL;
         at = fptc__json_next(at)) {
        if (fptc__json_get(t->source->types, fptc__json_key(at)) == NULL)
            return 0;
    }
    return 1;
}

char *fptc__whole_fields(const struct fptc__through *t)
{
    char *kept = fptc__source_fields(t->source);
    const fptc__json *at;
    struct fptc__buf csv;

    fptc__buf_init(&csv, FPTC_FILTER_BYTES_MAX);
    fptc__buf_adds(&csv, kept != NULL ? kept : "id");
    for (at = fptc__json_first(t->data); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_get(t->source->types, fptc__json_key(at)) == NULL)
            fptc__buf_addf(&csv, ",%s", fptc__json_key(at));
    }
    free(kept);
    return fptc__buf_steal(&csv);
}

/* FPT's whole row: a create answers with a thin one, an update with all fields (A§1.9). */
static fptc_status read_whole(const struct fptc__sending *s, fptc__json **row, fptc_error *err)
{
    fptc__json *read = NULL;
    char *fields = fptc__whole_fields(s->t);
    fptc_status status = fields == NULL ? fptc__fail_nomem(err)
                                        : fptc__read_row(s, s->out->id, fields, 0, &read, err);

    if (status == FPTC_OK) {
        fptc__json_free(*row);
        *row = read;
    }
    free(fields);
    return status; /* FPTC_MISS: gone again already */
}

static fptc_status keep_row(const struct fptc__sending *s, struct fptc__intake *in, fptc_error *err)
{
    const struct fptc__session *f = s->t->follow;
    enum fptc__part part = fptc__view_part_of(f->view, s->t->source->is_project_type);
    const struct fptc__partition *home = fptc__view_partition(f->view, part);
    fptc__json *one = fptc__json_new_array();
    char partition[64];
    fptc_status status;
    int was_here;

    fptc__view_begin(f->view);
    was_here = fptc__view_has(f->view, part, s->t->source->type, s->out->id, NULL);
    fptc__view_end(f->view);
    if (!fptc__json_append(one, fptc__json_copy(s->out->row))) {
        fptc__json_free(one);
        return fptc__fail_nomem(err);
    }
    status = fptc__intake_rows(in, one, err);
    fptc__row_partition(s->t->source, s->out->row, partition);
    if (status == FPTC_OK && was_here && strcmp(partition, home->name) != 0)
        status = fptc__intake_gone(in, s->out->id, fptc__json_get_text(s->out->row, "updated_at"),
                                   partition, err);
    fptc__json_free(one);
    return status;
}

static fptc_status take_in(const struct fptc__sending *s, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    fptc_status status;

    if (s->is_gone)
        return fptc__intake_gone(s->in, s->out->id, NULL, NULL, err);
    status = spell_as_reads(t->source, s->out->row, err);
    if (status == FPTC_OK && !s->is_read && !is_whole(t, s->out->row))
        status = read_whole(s, &s->out->row, err);
    if (status == FPTC_OK)
        status = keep_row(s, s->in, err);
    return status;
}

static void not_kept(const struct fptc__sending *s, const fptc_error *why)
{
    s->out->is_row_kept = 0;
    fptc__log_line(s->t->follow->logger, FPTC_LOG_WARNING,
                   "%s %" PRId64 " is written, but the cache could not take it in yet: %s",
                   s->t->source->type, s->out->id, why->message);
}

static void note_partition(struct fptc__sending *s)
{
    if (s->is_gone)
        snprintf(s->partition, sizeof(s->partition), "%s",
                 fptc__view_partition(s->t->follow->view, FPTC__HOME)->name);
    else
        fptc__row_partition(s->t->source, s->out->row, s->partition);
}

/* A later write of the batch has answered with the row, too. */
static int is_answered_later(const struct fptc__sending *list, size_t n, size_t at)
{
    const struct fptc__through *t = list[at].t;
    size_t i;

    for (i = 0; i < n && t->verb != FPTC_VERB_CREATE; i++) {
        if (list[i].member > list[at].member && list[i].out->id == list[at].out->id &&
            strcmp(list[i].t->source->type, t->source->type) == 0)
            return 1;
    }
    return 0;
}

static fptc_status note_effects(const struct fptc__sending *s, fptc_error *err)
{
    const struct fptc__through *t = s->t;

    return fptc__effects_note(s->in, t->verb, t->source->type, t->data, err);
}

void fptc__keep(struct fptc__sending *list, size_t n, int is_answer)
{
    struct fptc__intake *in = list[0].in;
    const struct fptc__session *given = in->follow;
    struct fptc__call patient = {0};
    struct fptc__session follow = *given;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    size_t i;

    follow.call = &patient; /* FPT has it: the caller's deadline no longer decides */
    in->follow = &follow;
    for (i = 0; i < n; i++) {
        in->source = list[i].t->source;
        in->event = is_answer ? list[i].t->event : NULL;
        status = is_answered_later(list, n, i) ? FPTC_OK : take_in(&list[i], &err);
        if (status == FPTC_OK)
            status = note_effects(&list[i], &err);
        note_partition(&list[i]);
        list[i].out->is_row_kept = 1;
        if (status < 0)
            not_kept(&list[i], &err);
    }
    status = fptc__intake_commit(in, &err);
    for (i = 0; i < n && status < 0; i++)
        not_kept(&list[i], &err);
    in->follow = given;
}

/* ------------------------------------------------------------------------------------ ends in the outbox */

struct check {
    const struct fptc__sending *s;
    const struct fptc__ending *ending;
};

struct checks {
    const struct fptc__sending *list;
    size_t n, at; /* at: the one that is looked at, or was found wanting */
    const struct fptc__ending *ending;
};

/* A row settles one create only (W4): of two equal ones each would take the other's else. */
static fptc_status check_row(const struct check *c, fptc_error *err)
{
    const struct fptc__through *t = c->s->t;
    struct fptc__mutation w;
    fptc_status status =
        fptc__mutation_maker(t->outbox, t->source->type, c->s->out->id, t->event, &w, err);
    int n_rivals = 0;

    if (status == FPTC_OK)
        return fptc__fail(err, FPTC_PENDING,
                          "%s %" PRId64 " is settled as that of event %s; repeat event %s later",
                          t->source->type, c->s->out->id, w.event, t->event);
    if (status == FPTC_MISS)
        status = FPTC_OK;
    if (status == FPTC_OK && strcmp(c->ending->by, "match") == 0)
        status = fptc__rivals(c->s, c->s->out->row, c->s->out->id, &n_rivals, err);
    return status;
}

/* FPTC_MISS: it has an end already. */
static fptc_status check_one(const struct check *c, fptc_error *err)
{
    struct fptc__mutation w;
    fptc_status status = fptc__mutation_find(c->s->t->outbox, c->s->t->event, &w, err);
    const char *why = c->ending->why;
    int is_answer = c->ending->by != NULL && strcmp(c->ending->by, "answer") == 0;

    if (status != FPTC_OK)
        return status;
    if (w.state == FPTC__MUTATION_SETTLED || (why != NULL && w.state == FPTC__MUTATION_REFUSED))
        return FPTC_MISS;
    if (!is_answer && why == NULL && w.state != FPTC__MUTATION_ATTEMPTED)
        return fptc__fail(err, FPTC_PENDING, "event %s was decided meanwhile; repeat it", w.event);
    if (!is_answer && w.attempts != c->s->no)
        return fptc__fail(err, FPTC_PENDING,
                          "somebody else has sent event %s again; repeat it later", w.event);
    if (c->ending->by != NULL && c->s->t->verb == FPTC_VERB_CREATE)
        status = check_row(c, err);
    return status;
}

/* Runs with the outbox at its head. FPTC_MISS: they have an end already. */
static fptc_status check_end(void *ctx, fptc_error *err)
{
    struct checks *all = ctx;
    fptc_status status = FPTC_OK;
    size_t n_open = 0;

    for (all->at = 0; all->at < all->n; all->at++) {
        const struct check one = {&all->list[all->at], all->ending};

        status = check_one(&one, err);
        if (status != FPTC_OK && status != FPTC_MISS)
            return status;
        n_open += status == FPTC_OK;
    }
    return n_open > 0 ? FPTC_OK : FPTC_MISS;
}

static fptc_status add_end(struct fptc__records *records, const struct fptc__sending *s,
                           const struct fptc__ending *e, fptc_error *err)
{
    fptc__json *body = e->by != NULL ? fptc__record_settle(s, e) : fptc__record_refuse(s, e);
    uint16_t kind = e->by != NULL ? FPTC__SETTLE : FPTC__REFUSE;
    fptc_status status =
        body == NULL ? fptc__fail_nomem(err) : fptc__records_add_json(records, kind, body, err);

    fptc__json_free(body);
    return status;
}

/* Not stopped by the caller's deadline: FPT has answered. */
fptc_status fptc__settle_all(const struct fptc__sending *list, size_t n,
                             const struct fptc__ending *e, size_t *out_at, fptc_error *err)
{
    struct checks all = {list, n, n, e};
    struct fptc__records records = {0};
    struct fptc__append request = {
        .records = &records, .check = check_end, .ctx = &all, .is_lookup = 1};
    struct fptc__call patient = {0};
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        status = add_end(&records, &list[i], e, err);
        request.is_lookup &=
            e->by != NULL && strcmp(e->by, "answer") == 0 && list[i].t->verb != FPTC_VERB_CREATE;
    }
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(list[0].t->outbox, FPTC__HOME), &request, &patient,
                                  err);
    fptc__records_done(&records);
    *out_at = all.at;
    return status;
}

fptc_status fptc__settle(const struct fptc__sending *s, const struct fptc__ending *e,
                         fptc_error *err)
{
    size_t at;

    return fptc__settle_all(s, 1, e, &at, err);
}
