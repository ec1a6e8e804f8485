/* waiting.c: a write that waits in the outbox, and the ids of rows that are not made yet. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/party.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"

/* --- recording -------------------------------------------------------------------------------- */

static fptc_status add_intent(struct fptc__party *p, const struct fptc__intent *t, fptc_error *err)
{
    char partition[64] = "";
    fptc_status status = fptc__write_prepare(p->cache, p->call, t, 0, partition, err);

    if (status == FPTC_OK && t->id < 0)
        fptc__party_place(p, t->id, partition);
    return status == FPTC_OK ? fptc__party_add(p, t, partition, err) : status;
}

/* Its row is what it shall be: FPT has said nothing. */
static void mark_pending(struct fptc_result *r)
{
    size_t i;

    for (i = 0; i < r->rows.n; i++)
        r->rows.list[i].is_pending = 1;
    r->source = FPTC_SOURCE_CACHE;
    r->is_complete = 0;
}

fptc_status fptc__write_behind(struct fptc_cache *cache, const struct fptc__call *call,
                               const struct fptc__intent *intent, struct fptc_result **out_result,
                               fptc_error *err)
{
    struct fptc__party p;
    const struct fptc__member *m;
    fptc_status status = fptc__party_begin(&p, cache, call, 1, err);

    m = p.members;
    if (status == FPTC_OK)
        status = add_intent(&p, intent, err);
    if (status == FPTC_OK)
        status = fptc__party_leave(&p, err);
    if (status == FPTC_OK) {
        status = m->end;
        if (err != NULL)
            *err = m->why;
        if (status >= 0 && fptc__write_result(cache, intent, &m->out, m->t.source->types,
                                              out_result, err) != FPTC_OK)
            status = FPTC_ENOMEM;
        if (status == FPTC_PENDING)
            mark_pending(*out_result);
    }
    fptc__party_end(&p);
    return status;
}

/* --- the rows' own ids ------------------------------------------------------------------------ */

/* FPTC_PENDING: *out_maker is not settled. */
static fptc_status resolve(struct fptc__work *outbox, const struct fptc__intent *t,
                           struct fptc__intent *out, struct fptc__mutation *out_maker,
                           fptc_error *err)
{
    struct fptc__view *view = outbox->session.view;
    fptc_status status = fptc__view_refresh(view, 0, err);

    fptc__view_begin(view);
    if (status == FPTC_OK && t->verb != FPTC_VERB_CREATE)
        status = fptc__ref_resolve(view, t->id, &out->id, out_maker, err);
    if (status == FPTC_OK)
        status = fptc__refs_resolve(view, t->data, &out->data, out_maker, err);
    fptc__view_end(view);
    return status;
}

fptc_status fptc__intent_read(struct fptc_cache *cache, const struct fptc__call *call,
                              struct fptc__intent *t, fptc_error *err)
{
    struct fptc__work outbox;
    fptc__json *intent = NULL;
    const fptc__json *data;
    fptc_status status = fptc__work_begin(&outbox, cache, call, "outbox", err);

    if (status == FPTC_OK) {
        fptc__view_begin(outbox.session.view);
        status = fptc__mutation_body(outbox.session.view, t->event, &intent, err);
        fptc__view_end(outbox.session.view);
    }
    data = fptc__json_get(intent, "data");
    if (fptc__json_is_object(data))
        t->data = fptc__json_detach(intent, data);
    fptc__json_free(intent);
    fptc__work_end(&outbox);
    return status;
}

/* Finishes a create that others need. */
static fptc_status finish_maker(struct fptc_cache *cache, const struct fptc__call *call, int depth,
                                const struct fptc__mutation *maker, fptc_error *err)
{
    struct fptc__intent t = {.verb = FPTC_VERB_CREATE, .is_recorded = 1, .depth = depth};
    struct fptc_result *result = NULL;
    fptc_status status;

    if (depth > FPTC_MAKERS_DEPTH_MAX)
        return fptc__fail(err, FPTC_PENDING, "more than %d rows wait for each other",
                          FPTC_MAKERS_DEPTH_MAX);
    memcpy(t.type, maker->type, sizeof(t.type));
    memcpy(t.event, maker->event, sizeof(t.event));
    status = fptc__intent_read(cache, call, &t, err);
    if (status == FPTC_OK)
        status = fptc__write_run(cache, call, &t, &result, err);
    fptc_result_free(result);
    fptc__json_free(t.data);
    return status;
}

/* Whatever is known of the maker: nothing of the write itself was sent. */
static fptc_status waits_for(const struct fptc__mutation *maker, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;

    if (err != NULL)
        why = *err;
    return fptc__fail(err, FPTC_PENDING,
                      "it needs %s %" PRId64 ", which is not made yet (event %s): %.300s; nothing "
                      "was sent; repeat it later",
                      maker->type, fptc__provisional_id(maker->event), maker->event,
                      why.message[0] != '\0' ? why.message : "its end is not known");
}

/* FPTC_PENDING: *out_maker is to be made first. */
static fptc_status resolve_now(struct fptc_cache *cache, const struct fptc__call *call,
                               const struct fptc__intent *t, struct fptc__intent *out,
                               struct fptc__mutation *out_maker, fptc_error *err)
{
    struct fptc__work outbox;
    fptc_status status = fptc__work_begin(&outbox, cache, call, "outbox", err);

    if (status == FPTC_OK)
        status = resolve(&outbox, t, out, out_maker, err);
    fptc__work_end(&outbox);
    return status;
}

fptc_status fptc__intent_resolve(struct fptc_cache *cache, const struct fptc__call *call,
                                 const struct fptc__intent *t, struct fptc__intent *out,
                                 fptc_error *err)
{
    struct fptc__mutation maker;
    char last[33] = "";
    fptc_status status, made;

    *out = *t;
    out->data = NULL;
    out->id = t->verb == FPTC_VERB_CREATE ? 0 : t->id;
    if ((t->id >= 0 || t->verb == FPTC_VERB_CREATE) && !fptc__refs_any(t->data)) {
        out->data = t->data != NULL ? fptc__json_copy(t->data) : NULL;
        return t->data != NULL && out->data == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    }
    for (;;) { /* each time another one */
        status = resolve_now(cache, call, t, out, &maker, err);
        if (status != FPTC_PENDING)
            return status;
        if (strcmp(last, maker.event) == 0)
            return waits_for(&maker, err);
        memcpy(last, maker.event, sizeof(last));
        made = finish_maker(cache, call, t->depth + 1, &maker, err);
        if (made == FPTC_PENDING || made == FPTC_UNKNOWN)
            return waits_for(&maker, err);
        if (made != FPTC_OK && made != FPTC_EREFUSED)
            return made;
    }
}
