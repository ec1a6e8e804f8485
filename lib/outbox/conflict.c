/*
 * conflict.c: updates behind are compared with FPT's rows before they are sent: field by field, what their
 * writer saw with what is there now (design §7). FPT has no conditional write: whoever changes a field between
 * that look and the request is overwritten.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/sending.h"
#include "outbox/written.h"

#define GIVEN_UP_MAX 32

struct comparing {
    struct fptc__sending *list;
    size_t n;
    const struct fptc__sending *first; /* of the type that is compared */
    const char *type;
};

/* FPTC_CONFLICT_OVERWRITE does not look, and what nothing was seen of cannot be compared. */
static int is_compared(const struct fptc__sending *s)
{
    return s->t->verb != FPTC_VERB_UPDATE || !s->t->terms.is_behind || s->member->is_compared ||
           s->t->terms.policy == FPTC_CONFLICT_OVERWRITE ||
           fptc__json_size(fptc__json_get(s->intent, "saw")) == 0;
}

/* Neither what was seen nor what is to be written. */
static int is_in_the_way(const fptc__json *written, const fptc__json *saw, const fptc__json *now)
{
    return saw != NULL && now != NULL &&
           fptc__json_get(written, "multi_entity_update_mode") == NULL &&
           !fptc__written_is(written, now) && !fptc__written_is(saw, now);
}

static void tell(struct fptc__sending *s, const char *fields)
{
    s->member->end =
        fptc__fail(&s->member->why, FPTC_ECONFLICT,
                   "somebody else has changed %s of %s %" PRId64
                   " since it was written here; retry event %s to overwrite it, or drop it",
                   fields, s->t->source->type, s->t->id, s->t->event);
}

/* Leaves out of an update what others have changed; 0: nothing is left, or no memory. */
static int merge(struct fptc__sending *s, const fptc__json *saw, const fptc__json *row)
{
    fptc__json *rest = fptc__json_new_object();
    const fptc__json *at;
    int ok = rest != NULL;

    for (at = fptc__json_first(s->t->data); at != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);

        if (!is_in_the_way(at, fptc__json_get(saw, field), fptc__json_get(row, field)))
            ok = fptc__json_set(rest, field, fptc__json_copy(at)) && ok;
    }
    if (!ok || fptc__json_size(rest) == 0) {
        fptc__json_free(rest);
        return 0;
    }
    fptc__json_free(s->member->merged);
    s->member->merged = rest;
    s->member->t.data = rest;
    return 1;
}

/* The newest of the writes to the row that came to nothing; the writer of a later one saw what they were to do. */
struct given_up {
    fptc__json *intents[GIVEN_UP_MAX];
    size_t n;
};

static int add_given_up(const char *body, void *payload)
{
    struct given_up *g = payload;
    fptc__json *intent = NULL;

    if (body == NULL || fptc__json_parse(body, strlen(body), "outbox", &intent, NULL) != FPTC_OK)
        return 0;
    fptc__json_free(g->intents[g->n % GIVEN_UP_MAX]);
    g->intents[g->n++ % GIVEN_UP_MAX] = intent;
    return 0;
}

/* Undoes one of them in what was seen. */
static void take_back(fptc__json *saw, const fptc__json *intent)
{
    const fptc__json *at, *before = fptc__json_get(intent, "saw");

    for (at = fptc__json_first(fptc__json_get(intent, "data")); at != NULL;
         at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const fptc__json *seen = fptc__json_get(saw, field), *was = fptc__json_get(before, field);

        if (seen != NULL && was != NULL && fptc__written_is(at, seen))
            (void)fptc__json_set(saw, field, fptc__json_copy(was));
    }
}

/* What FPT must show if nobody else has written; NULL: no memory. */
static fptc__json *expected_of(const struct fptc__sending *s)
{
    struct fptc__entity_writes of = fptc__writes_before(s->t, s->version);
    fptc__json *saw = fptc__json_copy(fptc__json_get(s->intent, "saw"));
    struct given_up g = {{NULL}, 0};
    size_t i;

    fptc__view_begin(s->t->outbox);
    (void)fptc__mutation_each_given_up(s->t->outbox, &of, add_given_up, &g, NULL);
    fptc__view_end(s->t->outbox);
    for (i = 0; i < GIVEN_UP_MAX && i < g.n; i++) {
        fptc__json *intent = g.intents[(g.n - 1 - i) % GIVEN_UP_MAX];

        take_back(saw, intent);
        fptc__json_free(intent);
    }
    return saw;
}

static void compare(struct fptc__sending *s, const fptc__json *row)
{
    fptc__json *saw = expected_of(s);
    const fptc__json *at;
    char fields[300] = "";
    size_t n = 0;

    s->member->is_compared = 1;
    for (at = fptc__json_first(s->t->data); at != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);

        if (n < sizeof(fields) &&
            is_in_the_way(at, fptc__json_get(saw, field), fptc__json_get(row, field)))
            n += (size_t)snprintf(fields + n, sizeof(fields) - n, "%s%s", n > 0 ? ", " : "", field);
    }
    if (n > 0 && (s->t->terms.policy != FPTC_CONFLICT_MERGE || !merge(s, saw, row)))
        tell(s, fields);
    fptc__json_free(saw);
}

static fptc_status take(void *payload, const fptc__json *row, int is_retired, fptc_error *err)
{
    struct comparing *c = payload;
    int64_t id = fptc__json_get_int(row, "id");
    size_t i;

    (void)is_retired;
    (void)err;
    for (i = 0; i < c->n; i++) {
        struct fptc__sending *s = &c->list[i];

        if (s->t->id == id && strcmp(s->t->source->type, c->type) == 0 && !is_compared(s))
            compare(s, row);
    }
    return FPTC_OK;
}

/* The ids of the type's rows that are to be compared; and the fields, each once. */
static fptc__json *ids_of(const struct comparing *c, struct fptc__buf *fields)
{
    fptc__json *ids = fptc__json_new_array(), *seen = fptc__json_new_object();
    const fptc__json *at;
    size_t i;

    fptc__buf_adds(fields, "id");
    for (i = 0; i < c->n; i++) {
        const struct fptc__sending *s = &c->list[i];

        if (is_compared(s) || strcmp(s->t->source->type, c->type) != 0)
            continue;
        (void)fptc__json_append(ids, fptc__json_new_int(s->t->id));
        for (at = fptc__json_first(s->t->data); at != NULL; at = fptc__json_next(at)) {
            if (fptc__json_get(seen, fptc__json_key(at)) == NULL &&
                fptc__json_set(seen, fptc__json_key(at), fptc__json_new_bool(1)))
                fptc__buf_addf(fields, ",%s", fptc__json_key(at));
        }
    }
    fptc__json_free(seen);
    return ids;
}

/* FPT does not let us read rows of the type: nothing is known of the row, so its update waits, and nothing else does. */
static void wait_for_reading(struct fptc__sending *s, const fptc_error *why)
{
    s->member->end = fptc__fail(&s->member->why, FPTC_PENDING,
                                "event %s could not be compared with FPT's row, and waits: %s",
                                s->t->event, why->message);
}

/* What is not there, or retired, is FPT's to refuse. */
static fptc_status compare_type(struct comparing *c, fptc_error *err)
{
    fptc__json *conditions = fptc__json_new_array(), *ids;
    struct fptc__buf fields;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status;
    size_t i;

    fptc__buf_init(&fields, FPTC_FILTER_BYTES_MAX);
    ids = ids_of(c, &fields);
    status = fptc__buf_check(&fields, "fields", &why);
    if (status == FPTC_OK) {
        const struct fptc__rows_above of = {0, conditions, fields.data, 0, take, c};

        status = fptc__json_append(conditions, fptc__condition("id", "in", ids))
                     ? fptc__read_above(c->first, &of, &why)
                     : fptc__fail_nomem(&why);
    } else {
        fptc__json_free(ids);
    }
    fptc__json_free(conditions);
    fptc__buf_done(&fields);
    for (i = 0; i < c->n; i++) {
        struct fptc__sending *s = &c->list[i];

        if (strcmp(s->t->source->type, c->type) != 0)
            continue;
        if (status == FPTC_EREFUSED && !is_compared(s))
            wait_for_reading(s, &why);
        s->member->is_compared = 1;
    }
    if (status == FPTC_OK || status == FPTC_EREFUSED)
        return FPTC_OK;
    if (err != NULL)
        *err = why;
    return status;
}

static fptc_status settle_these(const struct fptc__sending *list, size_t n,
                                const struct fptc__ending *e, fptc_error *err)
{
    size_t at;

    return fptc__settle_all(list, n, e, &at, err);
}

/* Records the conflicts, those of a batch in one commit, and moves them behind the writes that are sent. */
static size_t give_up(struct fptc__sending *list, size_t n)
{
    size_t n_left = n, i = 0, at;
    struct fptc__ending e = {.why = "conflict"};
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status;

    while (i < n_left) {
        struct fptc__sending s = list[i];

        if (s.member->end != FPTC_ECONFLICT) {
            i++;
            continue;
        }
        list[i] = list[--n_left];
        list[n_left] = s;
    }
    for (i = n_left; i < n; i = at) {
        e.text = list[i].member->why.message;
        at = list[i].t->terms.batch != NULL ? n : i + 1;
        status = settle_these(&list[i], at - i, &e, &why);
        for (; status < 0 && i < at; i++) {
            list[i].member->end = status;
            list[i].member->why = why;
        }
    }
    return n_left;
}

static void spread(struct fptc__sending *list, size_t n)
{
    const struct fptc__sending *first = NULL;
    size_t i;

    for (i = 0; i < n && first == NULL; i++) {
        if (list[i].member->end == FPTC_ECONFLICT)
            first = &list[i];
    }
    for (i = 0; i < n && first != NULL; i++) {
        list[i].member->end = FPTC_ECONFLICT;
        list[i].member->why = first->member->why;
    }
}

struct earlier {
    const struct fptc__through *t;
    struct fptc__mutation *first;
    int is_any;
};

static int take_earlier(const struct fptc__mutation *w, const char *body, void *payload)
{
    struct earlier *e = payload;

    (void)body;
    e->is_any = strcmp(w->who, e->t->identity) == 0 &&
                (e->t->terms.batch == NULL || strcmp(w->batch, e->t->terms.batch) != 0);
    if (e->is_any)
        *e->first = *w;
    return e->is_any;
}

/* Whether an earlier write of ours to the row, that does not go with this one, has no end. */
static int has_earlier(const struct fptc__sending *s, struct fptc__mutation *w)
{
    struct fptc__entity_writes of = fptc__writes_before(s->t, s->version);
    struct earlier e = {s->t, w, 0};

    (void)fptc__mutation_each_waiting(s->t->outbox, &of, take_earlier, &e, NULL);
    return e.is_any;
}

/*
 * What cannot be sent yet is not compared either:
 *  1. an update waits for the one before it, which is sent and whose answer is lost
 *  2. it is compared: FPT has neither what its writer saw, which is the other's, nor what it writes
 *  3. it would end as a conflict, and the other be done
 */
static void put_off(struct fptc__sending *list, size_t n)
{
    struct fptc__mutation w;
    size_t i;

    fptc__view_begin(list[0].t->outbox);
    for (i = 0; i < n; i++) {
        if (!is_compared(&list[i]) && has_earlier(&list[i], &w))
            list[i].member->end = fptc__busy(&w, &list[i].member->why);
    }
    fptc__view_end(list[0].t->outbox);
}

/* Moves what waits behind what is sent; of a batch all waits when one does. */
static size_t set_aside(struct fptc__sending *list, size_t n, int is_whole)
{
    size_t i = 0, n_left = n;

    while (i < n_left) {
        struct fptc__sending s = list[i];

        if (s.member->end != FPTC_PENDING) {
            i++;
            continue;
        }
        list[i] = list[--n_left];
        list[n_left] = s;
    }
    for (i = 0; i < n_left && is_whole && n_left < n; i++) {
        list[i].member->end = FPTC_PENDING;
        list[i].member->why = list[n_left].member->why;
    }
    return is_whole && n_left < n ? 0 : n_left;
}

fptc_status fptc__compare(struct fptc__sending *list, size_t *n, int is_whole, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    put_off(list, *n);
    *n = set_aside(list, *n, is_whole);
    for (i = 0; i < *n && status == FPTC_OK; i++) {
        struct comparing c = {list, *n, &list[i], list[i].t->source->type};

        if (!is_compared(&list[i]))
            status = compare_type(&c, err);
    }
    *n = set_aside(list, *n, is_whole);
    if (is_whole)
        spread(list, *n);
    *n = give_up(list, *n);
    return status;
}
