/* settle.c: what FPT did: the row into the cache, then the end into the outbox. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
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

/* The fields that the type is kept with and those that were sent: the caller gets both back. */
static char *whole_fields(const struct fptc__through *t)
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
    char *fields = whole_fields(s->t);
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

static fptc_status take_in(struct fptc__sending *s, int is_gone, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    fptc_status status;

    if (is_gone)
        return fptc__intake_gone(&s->in, s->out->id, NULL, NULL, err);
    status = spell_as_reads(t->source, s->out->row, err);
    if (status == FPTC_OK && !is_whole(t, s->out->row))
        status = read_whole(s, &s->out->row, err);
    if (status == FPTC_OK)
        status = keep_row(s, &s->in, err);
    return status;
}

void fptc__keep(struct fptc__sending *s, const char *event, int is_gone, char partition[64])
{
    const struct fptc__through *t = s->t;
    struct fptc__call patient = {0};
    struct fptc__session follow = *t->follow;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    follow.call = &patient; /* FPT has it: the caller's deadline no longer decides */
    s->in.follow = &follow;
    s->in.event = event;
    status = take_in(s, is_gone, &err);
    if (status == FPTC_OK)
        status = fptc__intake_commit(&s->in, &err);
    s->out->is_row_kept = status == FPTC_OK || status == FPTC_MISS;
    if (is_gone)
        snprintf(partition, 64, "%s", fptc__view_partition(follow.view, FPTC__HOME)->name);
    else
        fptc__row_partition(t->source, s->out->row, partition);
    if (status < 0)
        fptc__log_line(follow.logger, FPTC_LOG_WARNING,
                       "%s %" PRId64 " is written, but the cache could not take it in yet: %s",
                       t->source->type, s->out->id, err.message);
    s->in.follow = t->follow;
}

/* ------------------------------------------------------------------------------------ ends in the outbox */

struct check {
    const struct fptc__sending *s;
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
        status = fptc__rivals(c->s, c->ending->row, c->s->out->id, &n_rivals, err);
    return status;
}

/* Runs with the outbox at its head. FPTC_MISS: it has an end already. */
static fptc_status check_end(void *ctx, fptc_error *err)
{
    const struct check *c = ctx;
    struct fptc__mutation w;
    fptc_status status = fptc__mutation_find(c->s->t->outbox, c->s->t->event, &w, err);
    int is_answer = c->ending->by != NULL && strcmp(c->ending->by, "answer") == 0;

    if (status != FPTC_OK)
        return status;
    if (w.state == FPTC__MUTATION_SETTLED ||
        (c->ending->why != NULL && w.state == FPTC__MUTATION_REFUSED))
        return FPTC_MISS;
    if (!is_answer && c->ending->why == NULL && w.state != FPTC__MUTATION_ATTEMPTED)
        return fptc__fail(err, FPTC_PENDING, "event %s was decided meanwhile; repeat it", w.event);
    if (!is_answer && w.attempts != c->s->no)
        return fptc__fail(err, FPTC_PENDING,
                          "somebody else has sent event %s again; repeat it later", w.event);
    if (c->ending->by != NULL && c->s->t->verb == FPTC_VERB_CREATE)
        status = check_row(c, err);
    return status;
}

/* Not stopped by the caller's deadline: FPT has answered. */
static fptc_status append_end(const struct check *c, uint16_t kind, fptc__json *body,
                              fptc_error *err)
{
    struct check copy = *c;
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records, .check = check_end, .ctx = &copy};
    int is_answer = c->ending->by != NULL && strcmp(c->ending->by, "answer") == 0;
    struct fptc__call patient = {0};
    fptc_status status =
        body == NULL ? fptc__fail_nomem(err) : fptc__records_add_json(&records, kind, body, err);

    request.is_lookup = is_answer && c->s->t->verb != FPTC_VERB_CREATE;
    if (status == FPTC_OK)
        status =
            fptc__log_append(fptc__view_log(c->s->t->outbox, FPTC__HOME), &request, &patient, err);
    fptc__records_done(&records);
    fptc__json_free(body);
    return status;
}

fptc_status fptc__settle(const struct fptc__sending *s, const struct fptc__ending *e,
                         fptc_error *err)
{
    const struct check c = {s, e};

    return append_end(&c, FPTC__SETTLE, fptc__record_settle(s, e), err);
}

fptc_status fptc__settle_refused(const struct fptc__sending *s, const struct fptc__ending *e,
                                 fptc_error *err)
{
    const struct check c = {s, e};

    return append_end(&c, FPTC__REFUSE, fptc__record_refuse(s, e), err);
}
