#include "outbox/group.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"
#include "outbox/sending.h"

/* ------------------------------------------------------------------------------ what is in the outbox */

static int32_t policy_of(const fptc__json *intent)
{
    const char *policy = fptc__json_get_text(intent, "policy");

    if (policy != NULL && strcmp(policy, "overwrite") == 0)
        return FPTC_CONFLICT_OVERWRITE;
    return policy != NULL && strcmp(policy, "merge") == 0 ? FPTC_CONFLICT_MERGE
                                                          : FPTC_CONFLICT_FAIL;
}

static void read_terms(struct fptc__recorded *r)
{
    r->terms.is_behind = fptc__json_is_true(fptc__json_get(r->intent, "behind"));
    r->terms.policy = policy_of(r->intent);
    r->terms.partition = fptc__json_get_text(r->intent, "partition");
    r->terms.batch = fptc__json_get_text(r->intent, "batch");
    r->terms.place = fptc__json_get_int(r->intent, "place");
    r->terms.of = fptc__json_get_int(r->intent, "of");
}

/* What its writer saw of links, too, is compared with FPT's rows. */
static void resolve_saw(struct fptc__view *outbox, fptc__json *intent)
{
    struct fptc__mutation maker;
    fptc__json *saw = NULL;

    if (fptc__refs_resolve(outbox, fptc__json_get(intent, "saw"), &saw, &maker, NULL) == FPTC_OK &&
        saw != NULL)
        (void)fptc__json_set(intent, "saw", saw);
}

/* Of an attempt before: what others had changed, and was not sent. */
static void leave_out(fptc__json *data, const fptc__json *left)
{
    const fptc__json *at, *field;

    for (at = fptc__json_first(left); at != NULL; at = fptc__json_next(at)) {
        field = fptc__json_text(at) != NULL ? fptc__json_get(data, fptc__json_text(at)) : NULL;
        if (field != NULL)
            fptc__json_free(fptc__json_detach(data, field));
    }
}

fptc_status fptc__recorded_read(struct fptc__view *outbox, const struct fptc__mutation *m,
                                struct fptc__recorded *out, fptc_error *err)
{
    struct fptc__mutation maker;
    const fptc__json *data;
    fptc_status status;

    memset(out, 0, sizeof(*out));
    fptc__view_begin(outbox);
    status = fptc__mutation_body(outbox, m->event, &out->intent, err);
    if (status == FPTC_OK && out->intent == NULL)
        status =
            fptc__fail(err, FPTC_PENDING, "event %s has just been settled; repeat it", m->event);
    data = fptc__json_get(out->intent, "data");
    if (status == FPTC_OK && fptc__json_is_object(data))
        status = fptc__refs_resolve(outbox, data, &out->data, &maker, err);
    if (status == FPTC_OK) {
        resolve_saw(outbox, out->intent);
        leave_out(out->data, fptc__json_get(out->intent, "left"));
    }
    if (status == FPTC_OK && strcmp(m->verb, "create") != 0) {
        status = fptc__ref_resolve(outbox, m->id, &out->id, &maker, err);
        out->alias = m->id < 0 ? m->id : fptc__ref_alias(outbox, m->type, m->id);
    }
    fptc__view_end(outbox);
    read_terms(out);
    return status;
}

void fptc__recorded_done(struct fptc__recorded *r)
{
    fptc__json_free(r->intent);
    fptc__json_free(r->data);
    memset(r, 0, sizeof(*r));
}

/* ------------------------------------------------------------------------------------------- the request */

static void end(struct fptc__sending *list, size_t n, fptc_status status, const fptc_error *why)
{
    size_t i;

    for (i = 0; i < n; i++) {
        list[i].member->end = status;
        list[i].member->why = *why;
    }
}

/* Moves one out of the first n; n - 1. */
static size_t take_out(struct fptc__sending *list, size_t n, size_t at)
{
    struct fptc__sending gone = list[at];

    list[at] = list[n - 1];
    list[n - 1] = gone;
    return n - 1;
}

static fptc_status send_together(struct fptc__sending *list, size_t n, fptc_error *err)
{
    static const int32_t kinds[] = {0, FPTC__BATCH_CREATE, FPTC__BATCH_UPDATE, FPTC__BATCH_DELETE};
    const struct fptc__session *f = list[0].t->follow;
    struct fptc__batch_request *requests = calloc(n, sizeof(*requests));
    struct fptc__call call = *f->call;
    fptc__json *rows = NULL;
    const fptc__json *at, *next;
    fptc_status status;
    size_t i;

    if (requests == NULL)
        return fptc__fail_nomem(err);
    call.send_by_mono_ms = fptc__send_by(&list[0]);
    for (i = 0; i < n; i++) {
        const struct fptc__through *t = list[i].t;

        requests[i].kind = kinds[t->verb];
        requests[i].type = t->source->type;
        requests[i].id = t->id;
        requests[i].data = t->data;
    }
    status = fptc__site_batch(f->site, requests, n, &call, &rows, err);
    free(requests);
    for (i = 0, at = fptc__json_first(rows); i < n && status == FPTC_OK; i++, at = next) {
        next = fptc__json_next(at);
        list[i].is_gone = list[i].t->verb == FPTC_VERB_DELETE;
        if (!list[i].is_gone)
            list[i].out->row = fptc__json_detach(rows, at);
        list[i].out->id = list[i].t->verb == FPTC_VERB_CREATE
                              ? fptc__json_get_int(list[i].out->row, "id")
                              : list[i].t->id;
    }
    fptc__json_free(rows);
    return status;
}

/* ----------------------------------------------------------------------------------- reading them back */

struct reading_back {
    struct fptc__sending *list;
    size_t n;
    const struct fptc__sending *first; /* of the type that is read */
    const char *type;
};

static fptc_status take_back(void *payload, const fptc__json *row, int is_retired, fptc_error *err)
{
    struct reading_back *r = payload;
    int64_t id = fptc__json_get_int(row, "id");
    size_t i;

    for (i = 0; i < r->n; i++) {
        struct fptc__sending *s = &r->list[i];
        fptc__json *copy;

        if (s->out->id != id || strcmp(s->t->source->type, r->type) != 0)
            continue;
        copy = fptc__json_copy(row);
        if (copy == NULL)
            return fptc__fail_nomem(err);
        fptc__json_free(s->out->row);
        s->out->row = copy;
        s->is_gone = is_retired;
        s->is_read = 1;
    }
    return FPTC_OK;
}

/* The ids that FPT gave to the creates of one type, and the fields that they were made with. */
static fptc__json *ids_of(const struct reading_back *r, struct fptc__buf *fields)
{
    fptc__json *ids = fptc__json_new_array();
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct fptc__sending *s = &r->list[i];
        char *own;

        if (s->is_read || s->t->verb != FPTC_VERB_CREATE ||
            strcmp(s->t->source->type, r->type) != 0)
            continue;
        own = fptc__whole_fields(s->t);
        fptc__buf_addf(fields, "%s%s", fields->len > 0 ? "," : "", own != NULL ? own : "id");
        free(own);
        if (!fptc__json_append(ids, fptc__json_new_int(s->out->id)))
            break;
    }
    return ids;
}

/* The comma list without what stands in it twice. */
static void put_once(const char *csv, struct fptc__buf *out)
{
    while (*csv != '\0') {
        size_t len = strcspn(csv, ",");
        const char *at = fptc__buf_text(out);
        int is_there = 0;

        while (*at != '\0' && !is_there) {
            size_t n = strcspn(at, ",");

            is_there = n == len && memcmp(at, csv, n) == 0;
            at += n + (at[n] == ',');
        }
        if (!is_there && len > 0)
            fptc__buf_addf(out, "%s%.*s", out->len > 0 ? "," : "", (int)len, csv);
        csv += len + (csv[len] == ',');
    }
}

static fptc_status read_back_type(struct reading_back *r, int is_retired, fptc_error *err)
{
    struct fptc__buf all, fields;
    fptc__json *conditions = fptc__json_new_array(), *ids;
    fptc_status status = FPTC_OK;
    int ok;

    fptc__buf_init(&all, FPTC_REPLY_BYTES_MAX);
    fptc__buf_init(&fields, FPTC_FILTER_BYTES_MAX);
    ids = ids_of(r, &all);
    put_once(fptc__buf_text(&all), &fields);
    if (fptc__json_size(ids) > 0) {
        struct fptc__rows_above of = {0,          conditions, fptc__buf_text(&fields),
                                      is_retired, take_back,  r};

        ok = fptc__json_append(conditions, fptc__condition("id", "in", ids));
        status = ok ? fptc__read_above(r->first, &of, err) : fptc__fail_nomem(err);
    } else {
        fptc__json_free(ids);
    }
    fptc__json_free(conditions);
    fptc__buf_done(&all);
    fptc__buf_done(&fields);
    return status;
}

static int needs_reading(const struct fptc__sending *s)
{
    return s->t->verb == FPTC_VERB_CREATE && !s->is_read;
}

/* Answers of a batch are thin, and may name rows that nobody can read (A§1.8): each is read. FPTC_OK: what is not
   is_read by then is not there. */
static fptc_status read_back(struct fptc__sending *list, size_t n, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int is_retired;
    size_t i;

    for (is_retired = 0; is_retired <= 1; is_retired++) {
        for (i = 0; i < n && status == FPTC_OK; i++) {
            struct reading_back r = {list, n, &list[i], list[i].t->source->type};
            size_t j = 0;

            while (j < i && strcmp(list[j].t->source->type, r.type) != 0)
                j++;
            if (j == i)
                status = read_back_type(&r, is_retired, err);
        }
    }
    return status;
}

/* -------------------------------------------------------------------------------------------- the ends */

static void refuse_phantom(struct fptc__sending *s)
{
    struct fptc__ending e = {.why = "refused"};
    fptc_error ignored = FPTC_ERROR_INIT;

    s->member->end = fptc__fail(&s->member->why, FPTC_EREFUSED,
                                "create %s: FPT answered with id %" PRId64
                                ", which no read finds: it has made no row that anybody can see",
                                s->t->source->type, s->out->id);
    fptc__json_free(s->out->row);
    s->out->row = NULL;
    e.text = s->member->why.message;
    (void)fptc__settle(s, &e, &ignored);
}

/* Brings those of the first one's intake together; how many. */
static size_t of_one_intake(struct fptc__sending *list, size_t n)
{
    size_t n_same = 1, i;

    for (i = 1; i < n; i++) {
        struct fptc__sending other = list[n_same];

        if (list[i].in != list[0].in)
            continue;
        list[n_same++] = list[i];
        list[i] = other;
    }
    return n_same;
}

/* Into the cache, partition by partition. */
static void keep(struct fptc__sending *list, size_t n)
{
    size_t n_same;

    for (; n > 0; list += n_same, n -= n_same) {
        n_same = of_one_intake(list, n);
        fptc__keep(list, n_same, 1);
    }
}

/* Which rows FPT has made is not known: it is looked up later what became of these. */
static size_t not_read(struct fptc__sending *list, size_t n, int is_whole, const fptc_error *why)
{
    fptc_error err = FPTC_ERROR_INIT;
    size_t i = 0;

    (void)fptc__fail(&err, FPTC_UNKNOWN, "FPT says it is done, but its rows could not be read: %s",
                     why->message);
    while (i < n) {
        if (!is_whole && !needs_reading(&list[i])) {
            i++;
            continue;
        }
        end(&list[i], 1, FPTC_UNKNOWN, &err);
        fptc__json_free(list[i].out->row);
        list[i].out->row = NULL;
        n = take_out(list, n, i);
    }
    return n;
}

static void settle_answered(struct fptc__sending *list, size_t n)
{
    const struct fptc__ending e = {.by = "answer"};
    fptc_status status = FPTC_PENDING;
    fptc_error err = FPTC_ERROR_INIT;
    size_t at;

    while (n > 0 && status == FPTC_PENDING) {
        status = fptc__settle_all(list, n, &e, &at, &err);
        if (status != FPTC_PENDING)
            break;
        list[at].member->end = fptc__taken(&list[at], &err, &list[at].member->why);
        n = take_out(list, n, at);
    }
    if (n > 0 && status != FPTC_OK)
        fptc__log_line(list[0].t->follow->logger, FPTC_LOG_WARNING,
                       "%d writes are done but not settled: %s", (int)n, err.message);
    fptc__error_clear(&err);
    end(list, n, FPTC_OK, &err);
}

/* FPT has done all of them. */
static void took(struct fptc__sending *list, size_t n, int is_whole)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = read_back(list, n, &err);
    size_t n_read = n, i = 0;

    if (status != FPTC_OK)
        n = n_read = not_read(list, n, is_whole, &err);
    while (i < n_read) {
        if (needs_reading(&list[i]))
            n_read = take_out(list, n_read, i);
        else
            i++;
    }
    if (n_read > 0) {
        keep(list, n_read);
        settle_answered(list, n_read);
    }
    for (i = n_read; i < n; i++)
        refuse_phantom(&list[i]);
}

static void refuse_all(struct fptc__sending *list, size_t n, fptc_status status,
                       const fptc_error *why)
{
    int is_new = list[0].version == 0, waits = !is_new && status != FPTC_EREFUSED;
    const struct fptc__ending e = {
        .why = waits ? "unsent" : "refused", .http_status = why->http_status, .text = why->message};
    fptc_error ignored = FPTC_ERROR_INIT;
    size_t at, i;

    (void)fptc__settle_all(list, n, &e, &at, &ignored);
    end(list, n, waits ? FPTC_PENDING : status, why);
    for (i = 0; i < n && waits; i++)
        list[i].out->unsent = status;
}

/* Claims them; the number of those that are. */
static size_t claim(struct fptc__sending *list, size_t n, int is_whole)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = FPTC_PENDING;
    size_t at, i;

    for (i = 0; i < n; i++)
        list[i].no++;
    while (n > 0 && status == FPTC_PENDING) {
        fptc__error_clear(&err);
        status = fptc__claim_all(list, n, &at, &err);
        if (status == FPTC_PENDING && !is_whole && at < n) {
            end(&list[at], 1, status, &err);
            n = take_out(list, n, at);
        } else if (status != FPTC_OK) {
            end(list, n, status, &err);
            n = 0;
        }
    }
    return n;
}

static void run(struct fptc__sending *list, size_t n, int is_whole);

static void run_halves(struct fptc__sending *list, size_t n)
{
    run(list, n / 2, 0);
    run(list + n / 2, n - n / 2, 0);
}

/* By itself, as any single write: FPT says more of it then. */
static void run_one(struct fptc__sending *s)
{
    s->member->end = fptc__send_claimed(s, &s->member->why);
}

static void run_claimed(struct fptc__sending *list, size_t n, int is_whole)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    if (n == 1 && !is_whole) {
        run_one(&list[0]);
        return;
    }
    status = send_together(list, n, &err);
    if (status == FPTC_OK)
        took(list, n, is_whole);
    else if (status == FPTC_EREFUSED && !is_whole)
        run_halves(list, n);
    else if (status == FPTC_UNKNOWN)
        end(list, n, status, &err);
    else
        refuse_all(list, n, status, &err);
}

/* One intake for the writes of each session. */
static fptc_status begin_intakes(struct fptc__sending *list, size_t n, struct fptc__intake *ins,
                                 fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i, j;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        for (j = 0; list[j].t->follow != list[i].t->follow;)
            j++;
        list[i].in = &ins[j];
        if (j == i)
            status = fptc__intake_begin(&ins[i], list[i].t->follow, list[i].t->source, err);
    }
    return status;
}

static void run(struct fptc__sending *list, size_t n, int is_whole)
{
    struct fptc__intake *ins = calloc(n, sizeof(*ins));
    fptc_error err = FPTC_ERROR_INIT;
    size_t n_all = n, i;
    /* `seen`: before the request; and nothing may fail behind the claim */
    fptc_status status = ins == NULL ? fptc__fail_nomem(&err) : begin_intakes(list, n, ins, &err);

    if (status != FPTC_OK)
        end(list, n, status, &err);
    else
        n = claim(list, n, is_whole);
    if (status == FPTC_OK && n > 0)
        run_claimed(list, n, is_whole);
    for (i = 0; i < n_all && ins != NULL; i++)
        fptc__intake_done(&ins[i]);
    free(ins);
}

fptc_status fptc__group_run(struct fptc__member *members, size_t n, int is_whole, fptc_error *err)
{
    const struct fptc__through *t = &members[0].t;
    struct fptc__sending *list = calloc(n, sizeof(*list));
    fptc_status status;
    size_t i;

    if (list == NULL)
        return fptc__fail_nomem(err);
    for (i = 0; i < n; i++) {
        list[i].t = &members[i].t;
        list[i].out = &members[i].out;
        list[i].member = &members[i];
        list[i].intent = members[i].intent;
        list[i].version = members[i].version;
        list[i].no = members[i].attempts;
        list[i].decided_asof_ms = members[i].decided_asof_ms;
        fptc__random_hex32(list[i].writer);
        members[i].end = FPTC_OK;
    }
    status = fptc__call_check(t->follow->call, "before sending writes", err);
    if (status == FPTC_OK)
        status = fptc__compare(list, &n, is_whole, err);
    if (status == FPTC_OK && n > 0)
        run(list, n, is_whole);
    free(list);
    return status;
}
