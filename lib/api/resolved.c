/*
 * resolved.c: ids below 0 in questions, which rows go by until FPT has given them theirs.
 *
 * The outbox is looked at first, then the ids are resolved, then the views are read: what was pending at the
 * look is found under FPT's id by its event where it is settled meanwhile, and what is resolved is in the views.
 */
#include "api/answer.h"
#include "base/error.h"
#include "view/mutation.h"

/* Times that rows of a question may get their ids while it is answered. */
#define RESOLVED_MAX 10

struct resolving {
    struct fptc_cache *cache;
    struct fptc__view *outbox;
    struct fptc__work *work;
    int n_found;
};

/* A create that the outbox does not call settled: its row may be in its partition already. */
static int find_row(struct resolving *r, const struct fptc__mutation *m, int64_t *out)
{
    struct fptc__open_view *open = NULL;
    fptc__json *intent = NULL;
    const char *partition;
    int is_found = 0;

    fptc__view_begin(r->outbox);
    (void)fptc__mutation_body(r->outbox, m->event, &intent, NULL);
    fptc__view_end(r->outbox);
    partition = fptc__json_get_text(intent, "partition");
    if (partition != NULL && fptc__view_get(r->cache, partition, &open, NULL) == FPTC_OK &&
        fptc__view_refresh(open->view, 0, NULL) == FPTC_OK) {
        fptc__view_begin(open->view);
        is_found = fptc__view_row_of_event(open->view, m->event, out);
        fptc__view_end(open->view);
    }
    fptc__view_put(r->cache, open);
    fptc__json_free(intent);
    return is_found;
}

static int find_real(void *ctx, int64_t id, int64_t *out)
{
    struct resolving *r = ctx;
    struct fptc__mutation m;
    fptc_status status;
    int is_found;

    fptc__view_begin(r->outbox);
    status = fptc__mutation_of_provisional(r->outbox, id, &m, NULL);
    fptc__view_end(r->outbox);
    *out = m.id;
    is_found =
        status == FPTC_OK && (m.state == FPTC__MUTATION_SETTLED
                                  ? m.id > 0
                                  : m.state == FPTC__MUTATION_ATTEMPTED && find_row(r, &m, out));
    r->n_found += is_found;
    return is_found;
}

static fptc_status replace_ids(struct resolving *r, struct fptc__request *request, fptc_error *err)
{
    fptc__json *filters = fptc__with_real_ids(request->filters, find_real, r);

    if (filters == NULL)
        return fptc__fail_nomem(err);
    if (r->n_found > 0)
        return fptc__request_take_filters(request, filters, err);
    fptc__json_free(filters);
    return FPTC_OK;
}

fptc_status fptc__resolve_request(struct fptc_cache *cache, struct fptc__request *request,
                                  fptc_error *err)
{
    struct resolving r = {.cache = cache};
    struct fptc__open_view *open = NULL;
    fptc_status status;

    if (!request->names_provisional || fptc__handle_is_stranger(cache))
        return FPTC_OK;
    status = fptc__view_get(cache, "outbox", &open, err);
    if (status == FPTC_ENODATA) /* not among what is pinned */
        return FPTC_OK;
    if (status == FPTC_OK)
        status = fptc__view_refresh(open->view, 0, err);
    if (status == FPTC_OK) {
        r.outbox = open->view;
        status = replace_ids(&r, request, err);
    }
    fptc__view_put(cache, open);
    return status;
}

static int find_settled(void *ctx, int64_t id, int64_t *out)
{
    struct resolving *r = ctx;

    r->n_found += fptc__view_settled_id(r->work->session.view, id, out);
    return 0;
}

int fptc__is_overtaken(struct fptc__work *w, const struct fptc__request *request)
{
    struct resolving r = {.work = w};

    if (!request->names_provisional || w->pending == NULL)
        return 0;
    fptc__view_begin(w->session.view);
    if (fptc__work_show_pending(w, NULL) == FPTC_OK)
        fptc__json_free(fptc__with_real_ids(request->filters, find_settled, &r));
    fptc__view_end(w->session.view);
    return r.n_found > 0;
}

fptc_status fptc__ask_resolved(struct fptc_cache *cache, const struct fptc__call *call,
                               struct fptc__asking *asking, struct fptc__request *request,
                               struct fptc_result **out, fptc_error *err)
{
    fptc_status status;
    int n = 0;

    do {
        fptc__pending_drop(asking->pending);
        asking->pending = NULL;
        asking->has_looked = request->names_provisional && !asking->hides_pending &&
                             fptc__pending_look(cache, &asking->pending, NULL) == FPTC_OK;
        status = fptc__resolve_request(cache, request, err);
        if (status == FPTC_OK)
            status = fptc__ask_question(cache, call, asking, out, err);
    } while (status == FPTC_MISS && asking->is_overtaken && n++ < RESOLVED_MAX);
    fptc__pending_drop(asking->pending);
    asking->pending = NULL;
    return status;
}
