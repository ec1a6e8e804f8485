/*
 * outcome.c: what became of an attempt that nobody had an answer to (protocol-attacks W2, W3, W4, W7).
 *
 * Only once it is quiet: what was sent has then ended at FPT, so that what is not there never will be. The
 * caller sees to that; a rival create of the same values that is not quiet yet is waited for here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"
#include "outbox/sending.h"
#include "outbox/written.h"

#define MATCHES_TOLD_MAX 8

/* ------------------------------------------------------------------------------------ creates */

struct candidates {
    const struct fptc__sending *s;
    const fptc__json *intent;
    int is_by_marker;
    int n_sure, n_doubtful;
    int64_t told[MATCHES_TOLD_MAX]; /* the doubtful ones when none is sure */
    int n_told;
    fptc__json *row; /* the first sure one */
    int64_t last_id; /* of the sure ones */
    int is_gone;
};

/* Whether FPT says that we made the row: 1, 0, or -1 when it cannot be told. */
static int is_our_making(const char *identity, const fptc__json *data, const fptc__json *row)
{
    const char *sudo = strstr(identity, "+sudo:");
    const char *login = sudo != NULL ? sudo + strlen("+sudo:") : NULL;
    const char *found;

    if (fptc__json_get(data, "created_by") != NULL || fptc__json_get(row, "created_by") == NULL)
        return 1; /* as it was written, or the type has no such field */
    if (login == NULL && strncmp(identity, "user:", 5) == 0)
        login = identity + 5;
    if (login != NULL)
        found = fptc__json_get_text(row, "created_by.HumanUser.login");
    else if (strncmp(identity, "script:", 7) == 0)
        found = fptc__json_get_text(row, "created_by.ApiUser.firstname");
    else
        return -1;
    return found != NULL && strcmp(found, login != NULL ? login : identity + 7) == 0;
}

static void tell_id(struct candidates *c, int64_t id)
{
    if (c->n_told < MATCHES_TOLD_MAX)
        c->told[c->n_told++] = id;
}

static int is_taken(const struct fptc__sending *s, int64_t id)
{
    struct fptc__mutation w;
    fptc_status status;
    size_t i;

    for (i = 0; i < s->n_taken; i++) {
        if (s->taken[i] == id)
            return 1;
    }
    fptc__view_begin(s->t->outbox);
    status = fptc__mutation_maker(s->t->outbox, s->t->source->type, id, s->t->event, &w, NULL);
    fptc__view_end(s->t->outbox);
    return status == FPTC_OK;
}

static fptc_status judge(void *payload, const fptc__json *row, int is_retired, fptc_error *err)
{
    struct candidates *c = payload;
    const fptc__json *data = c->s->t->data;
    int64_t id = fptc__json_get_int(row, "id");
    enum fptc__agreement agreement =
        c->is_by_marker ? FPTC__AGREES : fptc__written_agrees(data, row);
    int is_ours = c->is_by_marker ? 1 : is_our_making(c->s->t->identity, data, row);

    if (agreement == FPTC__DIFFERS || is_ours == 0 || is_taken(c->s, id))
        return FPTC_OK;
    if (agreement == FPTC__RESEMBLES || is_ours < 0) {
        c->n_doubtful++;
        if (c->n_sure == 0)
            tell_id(c, id);
        return FPTC_OK;
    }
    if (c->n_sure++ == 0)
        c->n_told = 0;
    tell_id(c, id);
    if (id > c->last_id)
        c->last_id = id;
    if (c->row != NULL && fptc__json_get_int(c->row, "id") < id)
        return FPTC_OK;
    fptc__json_free(c->row);
    c->row = fptc__json_copy(row);
    c->is_gone = is_retired;
    return c->row == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

/* What every row that may be it has: FPT compares texts less strictly, so none is missed. */
static fptc__json *narrow(const struct candidates *c, const char *marker)
{
    const fptc__json *data = c->s->t->data;
    const fptc__json *project = fptc__json_get(data, "project");
    const char *name = fptc__written_name(data);
    fptc__json *conditions = fptc__json_new_array();
    int ok = conditions != NULL;

    if (marker != NULL)
        return fptc__json_append(conditions,
                                 fptc__condition(marker, "is", fptc__json_new_text(c->s->t->event)))
                   ? conditions
                   : (fptc__json_free(conditions), NULL);
    if (fptc__json_get_int(project, "id") > 0)
        ok = fptc__json_append(conditions,
                               fptc__condition("project", "is", fptc__json_copy(project)));
    if (name != NULL && ok)
        ok = fptc__json_append(conditions,
                               fptc__condition(name, "is", fptc__written_text(data, name)));
    if (ok)
        return conditions;
    fptc__json_free(conditions);
    return NULL;
}

static fptc_status find_candidates(struct candidates *c, fptc_error *err)
{
    const char *marker = fptc__json_get_text(c->intent, "marker");
    const fptc__json *at;
    struct fptc__buf fields;
    fptc__json *conditions;
    fptc_status status;
    int is_retired;

    c->is_by_marker = marker != NULL;
    conditions = narrow(c, marker);
    fptc__buf_init(&fields, FPTC_FILTER_BYTES_MAX);
    fptc__buf_adds(&fields,
                   "id,created_by,created_by.ApiUser.firstname,created_by.HumanUser.login");
    for (at = fptc__json_first(c->s->t->data); at != NULL; at = fptc__json_next(at))
        fptc__buf_addf(&fields, ",%s", fptc__json_key(at));
    status = conditions == NULL ? fptc__fail_nomem(err) : fptc__buf_check(&fields, "fields", err);
    for (is_retired = 0; is_retired <= 1 && status == FPTC_OK; is_retired++) {
        const struct fptc__rows_above of = {
            fptc__json_get_int(c->intent, "known"), conditions, fields.data, is_retired, judge, c};

        status = fptc__read_above(c->s, &of, err);
    }
    fptc__json_free(conditions);
    fptc__buf_done(&fields);
    return status;
}

struct rivals {
    const struct fptc__sending *s;
    const fptc__json *row;
    int64_t last_id;
    int n, is_any_under_way;
};

static int count_rival(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct rivals *r = payload;
    const struct fptc__through *t = r->s->t;
    fptc__json *intent = NULL, *data = NULL;
    struct fptc__mutation maker;

    if (m->state != FPTC__MUTATION_ATTEMPTED || strcmp(m->verb, "create") != 0 ||
        strcmp(m->type, t->source->type) != 0 || strcmp(m->event, t->event) == 0 || body == NULL ||
        fptc__json_parse(body, strlen(body), "outbox", &intent, NULL) != FPTC_OK)
        return 0;
    if (fptc__json_get_int(intent, "known") < r->last_id &&
        fptc__refs_resolve(t->outbox, fptc__json_get(intent, "data"), &data, &maker, NULL) ==
            FPTC_OK &&
        fptc__written_agrees(data, r->row) == FPTC__AGREES) {
        r->n += fptc__json_size(data) == fptc__json_size(t->data);
        r->is_any_under_way |= !fptc__write_is_due(m, r->s->asof_ms, t->quiet_ms);
    }
    fptc__json_free(data);
    fptc__json_free(intent);
    return 0;
}

fptc_status fptc__rivals(const struct fptc__sending *s, const fptc__json *row, int64_t last_id,
                         int *out_n, fptc_error *err)
{
    struct rivals r = {s, row, last_id, 0, 0};
    fptc_status status = fptc__mutation_each_unsettled(s->t->outbox, count_rival, &r, err);

    *out_n = r.n;
    if (status == FPTC_OK && r.is_any_under_way)
        return fptc__fail(err, FPTC_PENDING,
                          "another create of the same values is under way: whose row %s %" PRId64
                          " is cannot be told yet",
                          s->t->source->type, fptc__json_get_int(row, "id"));
    return status;
}

static void tell_several(const struct candidates *c, struct fptc__looked *out)
{
    const char *why = c->n_sure > 0 ? "match" : "resemble";
    size_t n = 0;
    int i;

    out->found = FPTC__FOUND_UNCERTAIN;
    n = (size_t)snprintf(out->text, sizeof(out->text),
                         "it may or may not be done: %d rows %s what was written, %s",
                         c->n_sure > 0 ? c->n_sure : c->n_doubtful, why, c->s->t->source->type);
    for (i = 0; i < c->n_told && n < sizeof(out->text); i++)
        n += (size_t)snprintf(out->text + n, sizeof(out->text) - n, "%s %" PRId64,
                              i == 0 ? "" : ",", c->told[i]);
    if (n < sizeof(out->text))
        snprintf(out->text + n, sizeof(out->text) - n,
                 "; look at them, then retry or drop event %s", c->s->t->event);
}

/* Equal creates may change places: what counts is that there are no more rows than creates. */
static fptc_status look_for_create(const struct fptc__sending *s, const fptc__json *intent,
                                   struct fptc__looked *out, fptc_error *err)
{
    struct candidates c = {.s = s, .intent = intent};
    int n_rivals = 0;
    fptc_status status = find_candidates(&c, err);

    if (status == FPTC_OK && c.n_sure > 0 && !c.is_by_marker) {
        fptc__view_begin(s->t->outbox);
        status = fptc__rivals(s, c.row, c.last_id, &n_rivals, err);
        fptc__view_end(s->t->outbox);
    }
    if (status == FPTC_OK && c.n_sure > 0 && c.n_sure <= 1 + n_rivals) {
        out->found = FPTC__FOUND_DONE;
        out->by = c.is_by_marker ? "marker" : "match";
        out->id = fptc__json_get_int(c.row, "id");
        out->row = c.row;
        out->is_gone = c.is_gone;
        return FPTC_OK;
    }
    if (status == FPTC_OK && c.n_sure + c.n_doubtful > 0)
        tell_several(&c, out);
    fptc__json_free(c.row);
    return status;
}

/* ----------------------------------------------------------------------- updates, deletes, revivals */

/* The field that is neither what was to be written nor what the cache had before; NULL: none. */
static const char *changed_field(const struct fptc__sending *s, const fptc__json *intent,
                                 const fptc__json *row)
{
    const fptc__json *saw = fptc__json_get(intent, "saw"), *at;

    for (at = fptc__json_first(s->t->data); at != NULL; at = fptc__json_next(at)) {
        const fptc__json *before = fptc__json_get(saw, fptc__json_key(at));
        const fptc__json *now = fptc__json_get(row, fptc__json_key(at));

        if (before != NULL && now != NULL &&
            fptc__json_get(at, "multi_entity_update_mode") == NULL && !fptc__written_is(at, now) &&
            !fptc__written_is(before, now))
            return fptc__json_key(at);
    }
    return NULL;
}

static fptc_status check_later_writes(const struct fptc__sending *s, struct fptc__looked *out,
                                      fptc_error *err)
{
    const struct fptc__through *t = s->t;
    const struct fptc__entity_writes of = {t->source->type, t->id,     t->event,
                                           s->version,      INT64_MAX, t->alias};
    struct fptc__mutation w;
    fptc_status status;

    fptc__view_begin(t->outbox);
    status = fptc__mutation_overwritten(t->outbox, &of, t->data, &w, err);
    fptc__view_end(t->outbox);
    if (status == FPTC_OK) {
        out->found = FPTC__FOUND_CONFLICT;
        snprintf(out->text, sizeof(out->text),
                 "a later write (event %s) has changed %s %" PRId64
                 " in the same fields; retry event %s to overwrite it, or drop it",
                 w.event, t->source->type, t->id, t->event);
    }
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status judge_update(const struct fptc__sending *s, const fptc__json *intent,
                                const fptc__json *row, struct fptc__looked *out, fptc_error *err)
{
    const char *field;

    if (fptc__written_agrees(s->t->data, row) == FPTC__AGREES) {
        out->found = FPTC__FOUND_DONE;
        return FPTC_OK;
    }
    field = changed_field(s, intent, row);
    if (field == NULL && !out->is_gone)
        return check_later_writes(s, out, err);
    out->found = FPTC__FOUND_CONFLICT;
    if (field != NULL)
        snprintf(out->text, sizeof(out->text),
                 "somebody else has changed %s of %s %" PRId64
                 " since; retry event %s to overwrite it, or drop it",
                 field, s->t->source->type, s->t->id, s->t->event);
    else
        snprintf(out->text, sizeof(out->text),
                 "%s %" PRId64 " was retired meanwhile; revive it and retry event %s, or drop it",
                 s->t->source->type, s->t->id, s->t->event);
    return FPTC_OK;
}

static fptc_status look_at_row(const struct fptc__sending *s, const fptc__json *intent,
                               struct fptc__looked *out, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    struct fptc__buf fields;
    const fptc__json *at;
    fptc_status status;

    fptc__buf_init(&fields, FPTC_FILTER_BYTES_MAX);
    fptc__buf_adds(&fields, "id,project");
    for (at = fptc__json_first(t->data); at != NULL; at = fptc__json_next(at))
        fptc__buf_addf(&fields, ",%s", fptc__json_key(at));
    status = fptc__buf_check(&fields, "fields", err);
    if (status == FPTC_OK)
        status = fptc__read_row(s, t->id, fields.data, 0, &out->row, err);
    if (status == FPTC_MISS && t->verb == FPTC_VERB_UPDATE) {
        status = fptc__read_row(s, t->id, fields.data, 1, &out->row, err);
        out->is_gone = status == FPTC_OK;
    } else if (status == FPTC_MISS) {
        out->is_gone = t->verb == FPTC_VERB_DELETE;
    }
    fptc__buf_done(&fields);
    out->by = "state";
    out->id = t->id;
    if (t->verb == FPTC_VERB_UPDATE && status != FPTC_MISS)
        return status == FPTC_OK ? judge_update(s, intent, out->row, out, err) : status;
    /* A delete is done when the row is not alive, a revival when it is; what is not there is FPT's to refuse. */
    if (status == (t->verb == FPTC_VERB_DELETE ? FPTC_MISS : FPTC_OK))
        out->found = FPTC__FOUND_DONE;
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__look_up(const struct fptc__sending *s, const fptc__json *intent,
                          struct fptc__looked *out, fptc_error *err)
{
    memset(out, 0, sizeof(*out));
    out->found = FPTC__FOUND_NOTHING;
    return s->t->verb == FPTC_VERB_CREATE ? look_for_create(s, intent, out, err)
                                          : look_at_row(s, intent, out, err);
}
