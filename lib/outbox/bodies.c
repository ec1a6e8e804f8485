/* bodies.c: the bodies of the outbox's records (store/record.h). */
#include <string.h>

#include "outbox/sending.h"
#include "view/lookup.h"

static fptc__json *whole(fptc__json *body, int ok)
{
    if (ok)
        return body;
    fptc__json_free(body);
    return NULL;
}

/* The greatest id of the type that is known to be taken: a row that is made from now on has a greater one. */
static int64_t known_id(const struct fptc__sending *s)
{
    const struct fptc__through *t = s->t;
    struct fptc__view *view = t->follow->view;
    enum fptc__part part = fptc__view_part_of(view, t->source->is_project_type);
    struct fptc__cover cover;
    int64_t known = 0, max_id = 0;

    fptc__view_begin(view);
    if (fptc__view_cover(view, part, t->source->type, &cover, NULL) == FPTC_OK)
        known = cover.max_id;
    fptc__cover_done(&cover);
    fptc__view_end(view);
    fptc__view_begin(t->outbox);
    if (fptc__mutation_max_id(t->outbox, t->source->type, &max_id, NULL) == FPTC_OK &&
        max_id > known)
        known = max_id;
    fptc__view_end(t->outbox);
    return known;
}

/* The values of `row` in the fields of `data`, over those that are in `saw`. */
static void see(fptc__json *saw, const fptc__json *data, const fptc__json *row)
{
    const fptc__json *at;

    for (at = fptc__json_first(data); at != NULL; at = fptc__json_next(at)) {
        const fptc__json *value = fptc__json_get(row, fptc__json_key(at));

        if (value != NULL)
            (void)fptc__json_set(saw, fptc__json_key(at), fptc__json_copy(value));
    }
}

struct seeing {
    fptc__json *saw;
    const fptc__json *data;
};

static int see_one(const struct fptc__mutation *m, const char *body, void *payload)
{
    const struct seeing *of = payload;
    fptc__json *intent = NULL;

    (void)m;
    if (body != NULL &&
        fptc__json_parse_as_spelled(body, strlen(body), "outbox", &intent, NULL) == FPTC_OK)
        see(of->saw, of->data, fptc__json_get(intent, "data"));
    fptc__json_free(intent);
    return 0;
}

/* What earlier writes that wait will make of them: their writers saw that, too. */
static void see_waiting(const struct fptc__through *t, fptc__json *saw)
{
    struct fptc__entity_writes of = fptc__writes_before(t, 0);
    struct seeing seeing = {saw, t->data};

    fptc__view_begin(t->outbox);
    (void)fptc__mutation_each_waiting(t->outbox, &of, see_one, &seeing, NULL);
    fptc__view_end(t->outbox);
}

/* What the cache has of the fields that an update writes; NULL: nothing. */
static fptc__json *seen_values(const struct fptc__sending *s)
{
    const struct fptc__through *t = s->t;
    struct fptc__view *view = t->follow->view;
    enum fptc__part part = fptc__view_part_of(view, t->source->is_project_type);
    fptc__json *row = NULL, *saw = NULL;
    struct fptc__rows rows = {0};
    struct fptc__buf text;

    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__view_begin(view);
    if (fptc__view_row(view, part, t->source->type, t->id, &rows, NULL) == FPTC_OK)
        fptc__rows_print(&rows, 0, &text);
    fptc__view_end(view);
    if (text.len > 0)
        (void)fptc__json_parse(text.data, text.len, "row", &row, NULL);
    saw = fptc__json_new_object();
    see(saw, t->data, row);
    if (t->terms.is_behind)
        see_waiting(t, saw);
    fptc__json_free(row);
    fptc__buf_done(&text);
    fptc__rows_done(&rows);
    return saw;
}

static int put_terms(const struct fptc__terms *terms, fptc__json *body)
{
    int ok = 1;

    if (terms->is_behind)
        ok = fptc__json_set(body, "behind", fptc__json_new_bool(1));
    if (terms->is_behind && terms->partition != NULL)
        ok = fptc__json_set(body, "partition", fptc__json_new_text(terms->partition)) && ok;
    if (terms->policy == FPTC_CONFLICT_OVERWRITE)
        ok = fptc__json_set(body, "policy", fptc__json_new_text("overwrite")) && ok;
    if (terms->policy == FPTC_CONFLICT_MERGE)
        ok = fptc__json_set(body, "policy", fptc__json_new_text("merge")) && ok;
    if (terms->batch != NULL) {
        ok = fptc__json_set(body, "batch", fptc__json_new_text(terms->batch)) && ok;
        ok = fptc__json_set(body, "place", fptc__json_new_int(terms->place)) && ok;
        ok = fptc__json_set(body, "of", fptc__json_new_int(terms->of)) && ok;
    }
    return ok;
}

fptc__json *fptc__record_mutate(const struct fptc__sending *s)
{
    const struct fptc__through *t = s->t;
    fptc__json *body = fptc__json_new_object(), *saw = NULL;
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
    if (t->verb == FPTC_VERB_CREATE) {
        ok = fptc__json_set(body, "known", fptc__json_new_int(known_id(s))) && ok;
        if (t->marker != NULL)
            ok = fptc__json_set(body, "marker", fptc__json_new_text(t->marker)) && ok;
    }
    if (t->verb == FPTC_VERB_UPDATE)
        saw = seen_values(s);
    if (saw != NULL)
        ok = fptc__json_set(body, "saw", saw) && ok;
    return whole(body, put_terms(&t->terms, body) && ok);
}

/* The names of fields that are in `data` and not in `others`: what a settled update leaves of its data. */
static fptc__json *field_names(const fptc__json *data, const fptc__json *others)
{
    fptc__json *names = fptc__json_new_array();
    const fptc__json *at;
    int ok = names != NULL;

    for (at = fptc__json_first(data); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_get(others, fptc__json_key(at)) == NULL)
            ok = fptc__json_append(names, fptc__json_new_text(fptc__json_key(at))) && ok;
    }
    return whole(names, ok);
}

/* The data of an update of which others have changed some; NULL: of any other. */
static const fptc__json *left_of(const struct fptc__sending *s)
{
    return s->member != NULL && s->member->merged != NULL ? fptc__json_get(s->intent, "data")
                                                          : NULL;
}

fptc__json *fptc__record_attempt(const struct fptc__sending *s)
{
    fptc__json *body = fptc__json_new_object();
    fptc__json *events = fptc__json_new_array();
    int is_again = s->version > 0 && s->t->verb == FPTC_VERB_CREATE;
    int64_t known = is_again ? known_id(s) : 0, was = fptc__json_get_int(s->intent, "known");
    int ok = fptc__json_append(events, fptc__json_new_text(s->t->event));

    ok = fptc__json_set(body, "events", events) && ok;
    ok = fptc__json_set(body, "no", fptc__json_new_int(s->no)) && ok;
    ok = fptc__json_set(body, "writer", fptc__json_new_text(s->writer)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(s->asof_ms)) && ok;
    if (is_again)
        ok = fptc__json_set(body, "known", fptc__json_new_int(known > was ? known : was)) && ok;
    if (left_of(s) != NULL)
        ok = fptc__json_set(body, "left", field_names(left_of(s), s->t->data)) && ok;
    return whole(body, ok);
}

fptc__json *fptc__record_settle(const struct fptc__sending *s, const struct fptc__ending *e)
{
    fptc__json *body = fptc__json_new_object();
    int ok = fptc__json_set(body, "event", fptc__json_new_text(s->t->event));

    ok = fptc__json_set(body, "id", fptc__json_new_int(s->out->id)) && ok;
    ok = fptc__json_set(body, "partition", fptc__json_new_text(s->partition)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(s->asof_ms)) && ok;
    ok = fptc__json_set(body, "by", fptc__json_new_text(e->by)) && ok;
    if (strcmp(e->by, "answer") != 0)
        ok = fptc__json_set(body, "no", fptc__json_new_int(s->no)) && ok;
    if (s->t->verb == FPTC_VERB_UPDATE)
        ok = fptc__json_set(body, "fields", field_names(s->t->data, NULL)) && ok;
    if (left_of(s) != NULL)
        ok = fptc__json_set(body, "left", field_names(left_of(s), s->t->data)) && ok;
    else if (fptc__json_get(s->intent, "left") != NULL)
        ok = fptc__json_set(body, "left", fptc__json_copy(fptc__json_get(s->intent, "left"))) && ok;
    return whole(body, ok);
}

fptc__json *fptc__record_refuse(const struct fptc__sending *s, const struct fptc__ending *e)
{
    fptc__json *body = fptc__json_new_object();
    int ok = fptc__json_set(body, "event", fptc__json_new_text(s->t->event));

    ok = fptc__json_set(body, "status", fptc__json_new_int(e->http_status)) && ok;
    ok = fptc__json_set(body, "text", fptc__json_new_text(e->text)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(s->asof_ms)) && ok;
    ok = fptc__json_set(body, "why", fptc__json_new_text(e->why)) && ok;
    if (strcmp(e->why, "unsent") == 0)
        ok = fptc__json_set(body, "no", fptc__json_new_int(s->no)) && ok;
    return whole(body, ok);
}
