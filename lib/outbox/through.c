#include "outbox/through.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"
#include "outbox/sending.h"

/* The row of a settled write, from the cache where it has it; its id at least. */
static fptc_status replayed_row(const struct fptc__sending *s, fptc_error *err)
{
    struct fptc__view *view = s->t->follow->view;
    enum fptc__part part = fptc__view_part_of(view, s->t->source->is_project_type);
    struct fptc__rows rows = {0};
    struct fptc__buf text;
    fptc_status status;

    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__view_begin(view);
    if (fptc__view_row(view, part, s->t->source->type, s->out->id, &rows, NULL) == FPTC_OK)
        fptc__rows_print(&rows, 0, &text);
    else
        fptc__buf_addf(&text, "{\"id\":%" PRId64 "}", s->out->id);
    fptc__view_end(view);
    status = fptc__buf_check(&text, "row", err);
    if (status == FPTC_OK)
        status = fptc__json_parse(text.data, text.len, "row", &s->out->row, err);
    fptc__buf_done(&text);
    fptc__rows_done(&rows);
    return status;
}

static fptc_status refused_before(const struct fptc__mutation *w, fptc_error *err)
{
    if (strcmp(w->why, "conflict") == 0)
        return fptc__fail(err, FPTC_ECONFLICT, "event %s: %s", w->event, w->text);
    if (strcmp(w->why, "uncertain") == 0)
        return fptc__fail(err, FPTC_UNKNOWN, "event %s: %s", w->event, w->text);
    return fptc__fail(err, FPTC_EREFUSED, "event %s was refused before: %s", w->event, w->text);
}

/* Known by another of its ids, too. */
static int is_same_row(const struct fptc__through *t, const struct fptc__mutation *w)
{
    return t->verb == FPTC_VERB_CREATE || t->id == 0 || t->id == w->id || t->alias == w->id;
}

fptc_status fptc__replay(struct fptc__sending *s, struct fptc__mutation *w, fptc_error *err)
{
    struct fptc__view *outbox = s->t->outbox;
    fptc_status status;

    fptc__view_begin(outbox);
    status = fptc__mutation_find(outbox, s->t->event, w, err);
    fptc__view_end(outbox);
    if (status != FPTC_OK)
        return status;
    if (w->state != FPTC__MUTATION_NONE &&
        (strcmp(w->verb, fptc__verb_name(s->t->verb)) != 0 ||
         strcmp(w->type, s->t->source->type) != 0 || !is_same_row(s->t, w)))
        return fptc__fail(err, FPTC_EUSAGE,
                          "event %s is that of another write: %s %s %" PRId64
                          "; a new write needs an event id of its own",
                          w->event, w->verb, w->type, w->id);
    s->out->id = w->id;
    switch (w->state) {
    case FPTC__MUTATION_SETTLED:
        s->out->is_row_kept = 1;
        return s->t->verb == FPTC_VERB_DELETE ? FPTC_OK : replayed_row(s, err);
    case FPTC__MUTATION_REFUSED:
        return refused_before(w, err);
    case FPTC__MUTATION_DROPPED:
        return fptc__fail(err, FPTC_EREFUSED, "event %s was dropped, and is never sent again%s%s",
                          w->event, w->text[0] == '\0' ? "" : "; it had been refused: ", w->text);
    case FPTC__MUTATION_INTENT:
    case FPTC__MUTATION_ATTEMPTED:
        return s->t->terms.is_behind ? FPTC_PENDING : fptc__finish(s, w, err);
    case FPTC__MUTATION_NONE:
    default:
        return FPTC_MISS;
    }
}

static fptc_status send_new(struct fptc__sending *s, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    struct fptc__intake in = {NULL};
    fptc_status status = fptc__call_check(t->follow->call, "before sending the write", err);

    s->no = 1;
    s->in = &in;
    if (status == FPTC_OK)
        status = fptc__finish_before(t, INT64_MAX, err);
    if (status == FPTC_OK) /* `seen`: before the request; and nothing may fail behind the claim */
        status = fptc__intake_begin(&in, t->follow, t->source, err);
    if (status == FPTC_OK)
        status = fptc__claim(s, err);
    if (status == FPTC_OK)
        status = fptc__send_claimed(s, err);
    fptc__intake_done(&in);
    s->in = NULL;
    return status;
}

/* The data of a create with its event id in the marker field; NULL: no memory. */
static fptc__json *marked(const struct fptc__through *t)
{
    fptc__json *data = fptc__json_copy(t->data);

    if (fptc__json_set(data, t->marker, fptc__json_new_text(t->event)))
        return data;
    fptc__json_free(data);
    return NULL;
}

fptc_status fptc__through(const struct fptc__through *t, struct fptc__through_result *out,
                          fptc_error *err)
{
    struct fptc__through own = *t;
    struct fptc__sending s = {.t = &own, .out = out};
    struct fptc__mutation known;
    fptc_error unheard = FPTC_ERROR_INIT;
    fptc__json *data = NULL;
    fptc_status status;

    if (err == NULL)
        err = &unheard;
    memset(out, 0, sizeof(*out));
    fptc__random_hex32(s.writer);
    status = fptc__view_refresh(own.outbox, 0, err);
    if (status != FPTC_OK)
        return status;
    if (own.alias == 0) {
        fptc__view_begin(own.outbox);
        own.alias = fptc__ref_alias(own.outbox, own.source->type, own.id);
        fptc__view_end(own.outbox);
    }
    status = fptc__replay(&s, &known, err);
    if (status != FPTC_MISS || known.state != FPTC__MUTATION_NONE)
        return status;
    if (t->verb != FPTC_VERB_CREATE || fptc__json_get(t->data, t->marker ? t->marker : "") != NULL)
        own.marker = NULL;
    if (own.marker != NULL) {
        data = marked(&own);
        if (data == NULL)
            return fptc__fail_nomem(err);
        own.data = data;
    }
    status = send_new(&s, err);
    fptc__json_free(data);
    return status;
}
