/* own_batch.c: a batch of one caller: its requests as writes that FPT takes all or none. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/party.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "upstream/digest.h"

struct batch {
    struct fptc_cache *cache;
    const struct fptc__call *call;
    const struct fptc__intent *intent; /* its data: the requests (requests.c) */
    struct fptc__intent *list;
    char (*places)[64]; /* partition of each row; "": not known */
    size_t n;
};

/* --- its requests ----------------------------------------------------------------------------- */

/* The same for whoever repeats the batch. */
static void event_of(const char *batch, size_t place, char out[33])
{
    char text[64], digest[65];
    int len = snprintf(text, sizeof(text), "%s:%zu", batch, place);

    fptc__sha256_hex(text, (size_t)len, digest);
    memcpy(out, digest, 32);
    out[32] = '\0';
}

static fptc_status read_request(struct batch *b, const fptc__json *request, size_t place,
                                fptc_error *err)
{
    struct fptc__intent *t = &b->list[place];
    const fptc__json *data = fptc__json_get(request, "data");

    t->verb = fptc__verb_of(fptc__json_get_text(request, "verb"));
    t->id = fptc__json_get_int(request, "id");
    snprintf(t->type, sizeof(t->type), "%s", fptc__json_get_text(request, "type"));
    event_of(b->intent->event, place, t->event);
    t->terms = b->intent->terms;
    t->terms.batch = b->intent->event;
    t->terms.place = (int64_t)place;
    t->terms.of = (int64_t)b->n;
    t->data = data != NULL ? fptc__json_copy(data) : NULL;
    return data != NULL && t->data == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

static fptc_status read_requests(struct batch *b, fptc_error *err)
{
    const fptc__json *at = fptc__json_first(b->intent->data);
    fptc_status status;
    size_t i;

    b->n = fptc__json_size(b->intent->data);
    b->list = calloc(b->n, sizeof(*b->list));
    b->places = calloc(b->n, sizeof(*b->places));
    status = b->list == NULL || b->places == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    for (i = 0; i < b->n && status == FPTC_OK; i++, at = fptc__json_next(at))
        status = read_request(b, at, i, err);
    return status;
}

static void done(struct batch *b)
{
    size_t i;

    for (i = 0; i < b->n && b->list != NULL; i++)
        fptc__json_free(b->list[i].data);
    free(b->list);
    free(b->places);
}

/* FPT makes a row that nobody can read of a create in a batch without the project it needs (A§1.8). */
static fptc_status check_project(struct fptc_cache *cache, const struct fptc__intent *t,
                                 fptc_error *err)
{
    int needs;

    pthread_rwlock_rdlock(&cache->schema_lock);
    needs = fptc__schema_is_project_type(cache->schema, t->type) &&
            fptc__schema_field(cache->schema, t->type, "project") != NULL;
    pthread_rwlock_unlock(&cache->schema_lock);
    if (t->verb != FPTC_VERB_CREATE || !needs ||
        fptc__json_is_object(fptc__json_get(t->data, "project")))
        return FPTC_OK;
    return fptc__fail(err, FPTC_EUSAGE, "API create() missing 'project' attribute (%s)", t->type);
}

static fptc_status prepare(struct batch *b, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < b->n && status == FPTC_OK; i++) {
        struct fptc__intent *t = &b->list[i], own = *t;

        if (!t->terms.is_behind) {
            status = fptc__intent_resolve(b->cache, b->call, t, &own, err);
            fptc__json_free(t->data);
            *t = own;
        }
        if (status == FPTC_OK)
            status = fptc__write_prepare(b->cache, b->call, t, 0, b->places[i], err);
        if (status == FPTC_OK)
            status = check_project(b->cache, t, err);
        if (status < 0)
            (void)fptc__error_where(err, "request %zu of the batch", i);
    }
    return status;
}

/* --- where rows live that the cache does not know --------------------------------------------- */

static fptc__json *ids_of(const struct batch *b, const char *type)
{
    fptc__json *ids = fptc__json_new_array();
    size_t i;

    for (i = 0; i < b->n; i++) {
        if (b->places[i][0] == '\0' && strcmp(b->list[i].type, type) == 0)
            (void)fptc__json_append(ids, fptc__json_new_int(b->list[i].id));
    }
    return ids;
}

static void place(struct batch *b, const char *type, const fptc__json *rows)
{
    const fptc__json *row;
    size_t i;

    for (i = 0; i < b->n; i++) {
        if (b->places[i][0] != '\0' || strcmp(b->list[i].type, type) != 0)
            continue;
        fptc__partition_name(0, b->places[i]); /* there is no such row, or it has no project */
        for (row = fptc__json_first(rows); row != NULL; row = fptc__json_next(row)) {
            if (fptc__json_get_int(row, "id") == b->list[i].id)
                fptc__partition_name(fptc__json_get_int(fptc__json_get(row, "project"), "id"),
                                     b->places[i]);
        }
    }
}

/* With one request for all rows of a type. */
static fptc_status ask_type(struct batch *b, const char *type, fptc_error *err)
{
    struct fptc__search search = {type, NULL, "project", "id", FPTC_BATCH_OWN_MAX, 1, 0, 0};
    struct fptc__page page = {NULL, 0, 0};
    fptc__json *filters = fptc__json_new_object(), *conditions = fptc__json_new_array();
    fptc__json *condition = fptc__json_new_array();
    fptc_status status;
    int ok = fptc__json_append(condition, fptc__json_new_text("id"));

    ok = fptc__json_append(condition, fptc__json_new_text("in")) && ok;
    ok = fptc__json_append(condition, ids_of(b, type)) && ok;
    ok = fptc__json_append(conditions, condition) && ok;
    ok = fptc__json_set(filters, "logical_operator", fptc__json_new_text("and")) && ok;
    ok = fptc__json_set(filters, "conditions", conditions) && ok;
    search.filters = filters;
    status = ok ? fptc__site_search(b->cache->site, &search, b->call, &page, err)
                : fptc__fail_nomem(err);
    if (status == FPTC_OK)
        place(b, type, page.rows);
    fptc__page_done(&page);
    fptc__json_free(filters);
    return status;
}

static fptc_status ask_places(struct batch *b, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < b->n && status == FPTC_OK; i++) {
        if (b->places[i][0] == '\0')
            status = ask_type(b, b->list[i].type, err);
    }
    return status;
}

/* --- its ends --------------------------------------------------------------------------------- */

static const char *state_of(fptc_status end)
{
    switch (end) {
    case FPTC_OK:
    case FPTC_MISS:
        return "settled";
    case FPTC_PENDING:
        return "pending";
    case FPTC_UNKNOWN:
        return "unknown";
    default:
        return "refused";
    }
}

static int put_member(fptc__json *list, const struct fptc__member *m)
{
    fptc__json *entry = fptc__json_new_object();
    fptc__json *row = m->out.row != NULL ? fptc__json_copy(m->out.row) : fptc__json_new_null();
    int ok = fptc__json_set(entry, "event", fptc__json_new_text(m->t.event));

    ok = fptc__json_set(entry, "state", fptc__json_new_text(state_of(m->end))) && ok;
    ok = fptc__json_set(entry, "verb", fptc__json_new_text(fptc__verb_name(m->t.verb))) && ok;
    ok = fptc__json_set(entry, "type", fptc__json_new_text(m->t.source->type)) && ok;
    ok =
        fptc__json_set(entry, "id", fptc__json_new_int(m->out.id != 0 ? m->out.id : m->t.id)) && ok;
    if (m->out.row != NULL)
        ok = fptc__json_set(row, "type", fptc__json_new_text(m->t.source->type)) && ok;
    ok = fptc__json_set(entry, "row", row) && ok;
    return fptc__json_append(list, entry) && ok;
}

/* The status of all of them is that of the first that is not done. */
static fptc_status tell(const struct fptc__party *p, const struct fptc__intent *intent,
                        struct fptc_result **out, fptc_error *err)
{
    fptc__json *list = fptc__json_new_array();
    fptc_status end = FPTC_OK, status;
    size_t i;
    int ok = list != NULL;

    for (i = 0; i < p->n; i++) {
        const struct fptc__member *m = &p->members[i];

        ok = put_member(list, m) && ok;
        if (end == FPTC_OK && m->end != FPTC_OK && m->end != FPTC_MISS) {
            end = m->end;
            if (err != NULL)
                *err = m->why;
        }
    }
    status = ok ? fptc__result_new(out, err) : fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__result_document(*out, list, err);
    if (status == FPTC_OK)
        memcpy((*out)->event_id, intent->event, sizeof(intent->event));
    fptc__json_free(list);
    return status == FPTC_OK ? end : status;
}

/* --- how wide it is --------------------------------------------------------------------------- */

static size_t n_partitions(const struct batch *b)
{
    size_t n = 0, i, j;

    for (i = 0; i < b->n; i++) {
        for (j = 0; strcmp(b->places[j], b->places[i]) != 0;)
            j++;
        n += j == i;
    }
    return n;
}

static fptc_status too_wide(const struct batch *b, fptc_error *err)
{
    return fptc__fail(err, FPTC_ELIMIT,
                      "the batch writes to %zu projects, and a process works with %d partitions at "
                      "once, some of them its own: nothing was recorded or sent; make several "
                      "batches of it, of a dozen projects each",
                      n_partitions(b), FPTC__VIEWS_MAX);
}

/* --- doing it --------------------------------------------------------------------------------- */

/* One that was begun before, and whose end is not known: as its writes are in the outbox. */
static fptc_status finish(struct batch *b, const struct fptc__party *begun,
                          struct fptc_result **out, fptc_error *err)
{
    struct fptc__party p;
    fptc_status status = fptc__party_begin(&p, b->cache, b->call, b->n, err);
    int was_sent = 0;
    size_t i;

    if (status == FPTC_OK)
        status = ask_places(b, err);
    for (i = 0; i < b->n && status == FPTC_OK; i++) {
        struct fptc__mutation m;

        fptc__view_begin(p.outbox.session.view);
        status = fptc__mutation_find(p.outbox.session.view, b->list[i].event, &m, err);
        fptc__view_end(p.outbox.session.view);
        if (status == FPTC_OK && m.state != FPTC__MUTATION_INTENT &&
            m.state != FPTC__MUTATION_ATTEMPTED)
            break; /* it is not there, or has an end meanwhile */
        if (status == FPTC_OK && strcmp(m.who, fptc__site_identity(b->cache->site)) != 0)
            status = fptc__fail(err, FPTC_UNKNOWN,
                                "event %s is a write of %s: only they find out what became of it",
                                m.event, m.who);
        was_sent |= m.state == FPTC__MUTATION_ATTEMPTED;
        if (status == FPTC_OK && !fptc__party_is_due(&p, &m))
            break;
        if (status == FPTC_OK)
            status = fptc__party_add_recorded(&p, &m, b->places[i], err);
    }
    if (status == FPTC_OK && p.n == b->n)
        status = fptc__party_finish_whole(&p, was_sent, err);
    if (status == FPTC_OK)
        status = tell(p.n == b->n ? &p : begun, b->intent, out, err);
    fptc__party_end(&p);
    return status;
}

static fptc_status run(struct batch *b, struct fptc__party *p, struct fptc_result **out,
                       fptc_error *err)
{
    int is_behind = b->intent->terms.is_behind, is_open = 0;
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < b->n && status == FPTC_OK; i++) {
        if (b->places[i][0] == '\0' && b->list[i].id < 0)
            fptc__party_place(p, b->list[i].id, b->places[i]);
        status = fptc__party_add(p, &b->list[i], b->places[i], err);
    }
    if (status == FPTC_ELIMIT)
        return too_wide(b, err);
    if (status == FPTC_OK)
        status = is_behind ? fptc__party_leave(p, err) : fptc__party_send_whole(p, err);
    for (i = 0; i < p->n; i++)
        is_open |= p->members[i].end == FPTC_PENDING && p->members[i].out.row == NULL;
    if (status == FPTC_OK && is_open && !is_behind)
        return finish(b, p, out, err);
    return status == FPTC_OK ? tell(p, b->intent, out, err) : status;
}

static int is_known(struct fptc__party *p, const char *event)
{
    struct fptc__mutation m;
    fptc_status status;

    fptc__view_begin(p->outbox.session.view);
    status = fptc__mutation_find(p->outbox.session.view, event, &m, NULL);
    fptc__view_end(p->outbox.session.view);
    return status == FPTC_OK && m.state != FPTC__MUTATION_NONE;
}

fptc_status fptc__batch_run(struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__intent *intent, struct fptc_result **out_result,
                            fptc_error *err)
{
    struct batch b = {.cache = cache, .call = call, .intent = intent};
    struct fptc__party p;
    fptc_status status = read_requests(&b, err);

    if (status == FPTC_OK)
        status = prepare(&b, err);
    if (status == FPTC_OK) {
        status = fptc__party_begin(&p, cache, call, b.n, err);
        if (status == FPTC_OK && !intent->terms.is_behind && !is_known(&p, b.list[0].event))
            status = ask_places(&b, err);
        if (status == FPTC_OK)
            status = run(&b, &p, out_result, err);
        fptc__party_end(&p);
    }
    done(&b);
    return status;
}
