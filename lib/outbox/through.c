#include "outbox/through.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

/* One write under way. */
struct sending {
    const struct fptc__through *t;
    struct fptc__through_result *out;
    char writer[33];           /* tells our attempt from everybody else's */
    int64_t asof_ms;           /* file server's time of the attempt */
    int64_t attempted_mono_ms; /* taken before the attempt was made */
};

const char *fptc__verb_name(int32_t verb)
{
    static const char *const names[] = {"", "create", "update", "delete", "revive"};

    return names[verb >= FPTC_VERB_CREATE && verb <= FPTC_VERB_REVIVE ? verb : 0];
}

/* ------------------------------------------------------------------------------- records of the outbox */

static fptc__json *mutate_body(const struct sending *s)
{
    const struct fptc__through *t = s->t;
    fptc__json *body = fptc__json_new_object();
    char host[256];
    int ok = fptc__json_set(body, "event", fptc__json_new_text(t->event));

    fptc__host_name(host, sizeof(host));
    ok = fptc__json_set(body, "verb", fptc__json_new_text(fptc__verb_name(t->verb))) && ok;
    ok = fptc__json_set(body, "type", fptc__json_new_text(t->source->type)) && ok;
    ok = fptc__json_set(body, "id", fptc__json_new_int(t->id)) && ok;
    ok = fptc__json_set(body, "data",
                        t->data == NULL ? fptc__json_new_null() : fptc__json_copy(t->data)) &&
         ok;
    ok = fptc__json_set(body, "who", fptc__json_new_text(t->identity)) && ok;
    ok = fptc__json_set(body, "host", fptc__json_new_text(host)) && ok;
    ok = fptc__json_set(body, "pid", fptc__json_new_int(fptc__process_id())) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(s->asof_ms)) && ok;
    if (ok)
        return body;
    fptc__json_free(body);
    return NULL;
}

static fptc__json *attempt_body(const struct sending *s)
{
    fptc__json *body = fptc__json_new_object();
    fptc__json *events = fptc__json_new_array();
    int ok = fptc__json_append(events, fptc__json_new_text(s->t->event));

    ok = fptc__json_set(body, "events", events) && ok;
    ok = fptc__json_set(body, "no", fptc__json_new_int(1)) && ok;
    ok = fptc__json_set(body, "writer", fptc__json_new_text(s->writer)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(s->asof_ms)) && ok;
    if (ok)
        return body;
    fptc__json_free(body);
    return NULL;
}

static fptc_status append(const struct sending *s, const struct fptc__records *records,
                          fptc_status (*check)(void *, fptc_error *), fptc_error *err)
{
    struct fptc__append request = {.records = records, .check = check};
    struct sending copy = *s;

    request.ctx = &copy;
    return fptc__log_append(fptc__view_log(s->t->outbox, FPTC__HOME), &request, s->t->follow->call,
                            err);
}

/* Settling and refusing must not be stopped by the caller's deadline: FPT has answered. */
static fptc_status append_end(const struct sending *s, uint16_t kind, const char *text,
                              fptc_error *err)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records};
    struct fptc__call patient = {0};
    fptc_status status = fptc__records_add(&records, kind, text, strlen(text), 0, err);

    if (status == FPTC_OK)
        status =
            fptc__log_append(fptc__view_log(s->t->outbox, FPTC__HOME), &request, &patient, err);
    fptc__records_done(&records);
    return status;
}

static fptc_status append_refuse(const struct sending *s, int http_status, const char *words,
                                 fptc_error *err)
{
    struct fptc__buf text;
    fptc_status status;

    fptc__buf_init(&text, 65536);
    fptc__buf_addf(&text, "{\"event\":\"%s\",\"status\":%d,\"text\":", s->t->event, http_status);
    fptc__json_put_text(&text, words, strlen(words));
    fptc__buf_addf(&text, ",\"asof\":%" PRId64 "}", s->asof_ms);
    status = fptc__buf_check(&text, "refusal", err);
    if (status == FPTC_OK)
        status = append_end(s, FPTC__REFUSE, text.data, err);
    fptc__buf_done(&text);
    return status;
}

static fptc_status append_settle(const struct sending *s, const char *partition, fptc_error *err)
{
    char text[256];

    snprintf(text, sizeof(text),
             "{\"event\":\"%s\",\"id\":%" PRId64 ",\"partition\":\"%s\",\"asof\":%" PRId64 "}",
             s->t->event, s->out->id, partition, s->asof_ms);
    return append_end(s, FPTC__SETTLE, text, err);
}

/* -------------------------------------------------------------------------------------- before sending */

static fptc_status busy(const struct fptc__mutation *w, fptc_error *err)
{
    return fptc__fail(err, FPTC_PENDING,
                      "an earlier %s of %s %" PRId64
                      " (event %s) has no known end yet; nothing was "
                      "sent; repeat this write later with its event id",
                      w->verb, w->type, w->id, w->event);
}

/* Runs with the outbox at its head: our claim stands only if nobody else's does (W1, W6). */
static fptc_status check_claim(void *ctx, fptc_error *err)
{
    const struct sending *s = ctx;
    struct fptc__mutation w;
    fptc_status status = fptc__mutation_find(s->t->outbox, s->t->event, &w, err);

    if (status != FPTC_OK)
        return status;
    if (w.state != FPTC__MUTATION_NONE && strcmp(w.writer, s->writer) == 0)
        return FPTC_MISS; /* our own records, of an append whose end was unclear */
    if (w.state != FPTC__MUTATION_NONE)
        return busy(&w, err);
    if (s->t->verb == FPTC_VERB_CREATE)
        return FPTC_OK;
    status =
        fptc__mutation_unsettled(s->t->outbox, s->t->source->type, s->t->id, s->t->event, &w, err);
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    return s->asof_ms - w.attempt_asof_ms < FPTC_QUIET_MS ? busy(&w, err) : FPTC_OK;
}

static fptc_status claim(struct sending *s, fptc_error *err)
{
    struct fptc__records records = {0};
    fptc__json *mutate, *attempt;
    fptc_status status = s->t->follow->now(s->t->follow->ctx, &s->asof_ms, err);

    if (status != FPTC_OK)
        return status;
    s->attempted_mono_ms = fptc__mono_ms();
    mutate = mutate_body(s);
    attempt = attempt_body(s);
    if (mutate == NULL || attempt == NULL)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__records_add_json(&records, FPTC__MUTATE, mutate, err);
    if (status == FPTC_OK)
        status = fptc__records_add_json(&records, FPTC__ATTEMPT, attempt, err);
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(s->t->outbox, FPTC__HOME), err);
    if (status == FPTC_OK)
        status = append(s, &records, check_claim, err);
    fptc__json_free(mutate);
    fptc__json_free(attempt);
    fptc__records_done(&records);
    return status;
}

/* The row of a settled write, from the cache where it has it; its id at least. */
static fptc_status replayed_row(struct sending *s, fptc_error *err)
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

/* A write that is known already: repeating it is free (W8). FPTC_MISS: it is new. */
static fptc_status replay(struct sending *s, fptc_error *err)
{
    struct fptc__view *outbox = s->t->outbox;
    struct fptc__mutation w;
    fptc_status status = fptc__view_refresh(outbox, 0, err);

    if (status != FPTC_OK)
        return status;
    fptc__view_begin(outbox);
    status = fptc__mutation_find(outbox, s->t->event, &w, err);
    fptc__view_end(outbox);
    if (status != FPTC_OK)
        return status;
    if (w.state != FPTC__MUTATION_NONE &&
        (strcmp(w.verb, fptc__verb_name(s->t->verb)) != 0 ||
         strcmp(w.type, s->t->source->type) != 0 || (s->t->id != 0 && s->t->id != w.id)))
        return fptc__fail(err, FPTC_EUSAGE,
                          "event %s is that of another write: %s %s %" PRId64
                          "; a new write needs an event id of its own",
                          w.event, w.verb, w.type, w.id);
    s->out->id = w.id;
    switch (w.state) {
    case FPTC__MUTATION_SETTLED:
        s->out->is_row_kept = 1;
        return s->t->verb == FPTC_VERB_DELETE ? FPTC_OK : replayed_row(s, err);
    case FPTC__MUTATION_REFUSED:
        return fptc__fail(err, FPTC_EREFUSED, "event %s was refused before: %s", w.event, w.text);
    case FPTC__MUTATION_DROPPED:
        return fptc__fail(err, FPTC_EREFUSED, "event %s was dropped, and is never sent again%s%s",
                          w.event, w.text[0] == '\0' ? "" : "; it had been refused: ", w.text);
    case FPTC__MUTATION_INTENT:
    case FPTC__MUTATION_ATTEMPTED:
        return fptc__fail(
            err, FPTC_UNKNOWN,
            "event %s was sent before and no answer is known; it may or may not be done", w.event);
    case FPTC__MUTATION_NONE:
    default:
        return FPTC_MISS;
    }
}

/* --------------------------------------------------------------------------------- sending, and after */

static fptc_status deliver(const struct sending *s, fptc__json **out_row, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    const struct fptc__session *f = t->follow;
    struct fptc__call call = *f->call;

    *out_row = NULL;
    call.send_by_mono_ms = s->attempted_mono_ms + FPTC_SEND_WINDOW_MS;
    switch (t->verb) {
    case FPTC_VERB_CREATE:
        return fptc__site_create(f->site, t->source->type, t->data, &call, out_row, err);
    case FPTC_VERB_UPDATE:
        return fptc__site_update(f->site, t->source->type, t->id, t->data, &call, out_row, err);
    case FPTC_VERB_REVIVE: /* FPT names the row only; read_whole() brings it */
        return fptc__site_revive(f->site, t->source->type, t->id, &call, err);
    default:
        return fptc__site_delete(f->site, t->source->type, t->id, &call, err);
    }
}

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
static fptc_status read_whole(const struct sending *s, fptc__json **row, fptc_error *err)
{
    const struct fptc__session *f = s->t->follow;
    fptc__json *filters = fptc__json_new_object();
    fptc__json *triple = fptc__json_new_array(), *conditions = fptc__json_new_array();
    char *fields = whole_fields(s->t);
    struct fptc__search search = {s->t->source->type, filters, fields, "id", 1, 1, 0, 0};
    struct fptc__page page = {NULL, 0, 0};
    fptc_status status = FPTC_OK;
    int ok = fptc__json_append(triple, fptc__json_new_text("id"));

    ok = fptc__json_append(triple, fptc__json_new_text("is")) && ok;
    ok = fptc__json_append(triple, fptc__json_new_int(s->out->id)) && ok;
    ok = fptc__json_append(conditions, triple) && ok;
    ok = fptc__json_set(filters, "logical_operator", fptc__json_new_text("and")) && ok;
    ok = fptc__json_set(filters, "conditions", conditions) && ok;
    status = !ok || fields == NULL ? fptc__fail_nomem(err)
                                   : fptc__site_search(f->site, &search, f->call, &page, err);
    if (status == FPTC_OK && fptc__json_size(page.rows) == 1) {
        fptc__json_free(*row);
        *row = fptc__json_detach(page.rows, fptc__json_first(page.rows));
    } else if (status == FPTC_OK) {
        status = FPTC_MISS; /* gone again already */
    }
    fptc__page_done(&page);
    fptc__json_free(filters);
    free(fields);
    return status;
}

static fptc_status keep_row(const struct sending *s, struct fptc__intake *in, fptc_error *err)
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

/* Puts what FPT did into the cache. The write itself has succeeded whatever happens here. */
static void keep(struct sending *s, struct fptc__intake *in, char partition[64])
{
    const struct fptc__through *t = s->t;
    struct fptc__call patient = {0};
    struct fptc__session follow = *t->follow;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;

    follow.call = &patient; /* FPT has it: the caller's deadline no longer decides */
    in->follow = &follow;
    in->event = t->event;
    if (t->verb == FPTC_VERB_DELETE) {
        status = fptc__intake_gone(in, t->id, NULL, NULL, &err);
    } else {
        status = spell_as_reads(t->source, s->out->row, &err);
        if (status == FPTC_OK && !is_whole(t, s->out->row))
            status = read_whole(s, &s->out->row, &err);
        if (status == FPTC_OK)
            status = keep_row(s, in, &err);
    }
    if (status == FPTC_OK)
        status = fptc__intake_commit(in, &err);
    s->out->is_row_kept = status == FPTC_OK || status == FPTC_MISS;
    if (t->verb == FPTC_VERB_DELETE)
        snprintf(partition, 64, "%s", fptc__view_partition(follow.view, FPTC__HOME)->name);
    else
        fptc__row_partition(t->source, s->out->row, partition);
    if (status < 0)
        fptc__log_line(follow.logger, FPTC_LOG_WARNING,
                       "%s %" PRId64 " is written, but the cache could not take it in yet: %s",
                       t->source->type, s->out->id, err.message);
    in->follow = t->follow;
}

/* FPT's answer is no: the outbox is told, so that nobody waits for this write. */
static fptc_status not_done(const struct sending *s, fptc_status status, fptc_error *err)
{
    fptc_error ignored = FPTC_ERROR_INIT;
    const char *words = err != NULL ? err->message : "not sent";

    if (status == FPTC_UNKNOWN)
        return status;
    (void)append_refuse(s, err != NULL ? err->http_status : 0, words, &ignored);
    return status;
}

fptc_status fptc__through(const struct fptc__through *t, struct fptc__through_result *out,
                          fptc_error *err)
{
    struct sending s = {.t = t, .out = out};
    struct fptc__intake in;
    fptc_error settle_err = FPTC_ERROR_INIT, own = FPTC_ERROR_INIT;
    char partition[64];
    fptc_status status, sent;

    memset(out, 0, sizeof(*out));
    fptc__random_hex32(s.writer);
    status = replay(&s, err);
    if (status != FPTC_MISS)
        return status;
    status = fptc__call_check(t->follow->call, "before sending the write", err);
    if (status == FPTC_OK) /* `seen`: before the request; and nothing may fail behind the claim */
        status = fptc__intake_begin(&in, t->follow, t->source, err);
    if (status == FPTC_OK)
        status = claim(&s, err);
    if (status != FPTC_OK)
        return status;
    sent = deliver(&s, &out->row, err != NULL ? err : &own);
    out->id = t->verb == FPTC_VERB_CREATE ? fptc__json_get_int(out->row, "id") : t->id;
    if (sent == FPTC_OK || sent == FPTC_MISS) {
        keep(&s, &in, partition);
        if (append_settle(&s, partition, &settle_err) != FPTC_OK)
            fptc__log_line(t->follow->logger, FPTC_LOG_WARNING,
                           "event %s is done but not settled: %s", t->event, settle_err.message);
    } else {
        sent = not_done(&s, sent, err != NULL ? err : &own);
    }
    fptc__intake_done(&in);
    return sent;
}
