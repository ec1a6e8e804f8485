/* finishing.c: the writes in the outbox that nobody has finished: in their order, by whoever keeps it up. */
#include <stdlib.h>
#include <string.h>

#include "api/result.h"
#include "api/write.h"
#include "base/error.h"
#include "outbox/through.h"

/* In one round; the next one takes the others. */
#define FINISHED_AT_ONCE 1000

struct due {
    const char *identity;
    int64_t now_ms, quiet_ms;
    struct fptc__intent *list;
    size_t n, room;
    int is_short; /* of memory */
};

static int has_room(struct due *d)
{
    size_t room = d->room == 0 ? 16 : 2 * d->room;
    struct fptc__intent *more;

    if (d->n < d->room)
        return 1;
    more = realloc(d->list, room * sizeof(*more));
    if (more == NULL)
        return 0;
    d->list = more;
    d->room = room;
    return 1;
}

static int add_due(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct due *d = payload;
    struct fptc__intent intent = {.verb = fptc__verb_of(m->verb), .id = m->id, .is_recorded = 1};
    fptc__json *recorded = NULL;
    const fptc__json *data;

    if (strcmp(m->who, d->identity) != 0 || intent.verb == 0 || body == NULL ||
        !fptc__write_is_due(m, d->now_ms, d->quiet_ms) ||
        fptc__json_parse_as_spelled(body, strlen(body), "outbox", &recorded, NULL) != FPTC_OK)
        return 0;
    memcpy(intent.type, m->type, sizeof(intent.type));
    memcpy(intent.event, m->event, sizeof(intent.event));
    data = fptc__json_get(recorded, "data");
    if (fptc__json_is_object(data))
        intent.data = fptc__json_detach(recorded, data);
    fptc__json_free(recorded);
    d->is_short = !has_room(d);
    if (d->is_short) {
        fptc__json_free(intent.data);
        return 1;
    }
    d->list[d->n++] = intent;
    return d->n == FINISHED_AT_ONCE;
}

static fptc_status list_due(struct fptc_cache *cache, const struct fptc__call *call, struct due *d,
                            fptc_error *err)
{
    struct fptc__work outbox;
    fptc_status status = fptc__work_begin(&outbox, cache, call, "outbox", err);

    d->identity = fptc__site_identity(cache->site);
    d->quiet_ms = fptc__handle_quiet_ms(cache);
    if (status == FPTC_OK)
        status = fptc__handle_now(cache, &d->now_ms, err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(outbox.session.view, 0, err);
    if (status == FPTC_OK) {
        fptc__view_begin(outbox.session.view);
        status = fptc__mutation_each_unsettled(outbox.session.view, add_due, d, err);
        fptc__view_end(outbox.session.view);
    }
    fptc__work_end(&outbox);
    return status == FPTC_OK && d->is_short ? fptc__fail_nomem(err) : status;
}

/* FPT cannot be asked at all: the next ones would fare no better. */
static int is_hopeless(fptc_status status)
{
    switch (status) {
    case FPTC_ENET:
    case FPTC_ETLS:
    case FPTC_EAUTH:
    case FPTC_EBUSY:
    case FPTC_ESERVER:
    case FPTC_EDEADLINE:
    case FPTC_ECANCELLED:
    case FPTC_ENOSPC:
    case FPTC_EIO:
    case FPTC_ENOMEM:
        return 1;
    default:
        return 0;
    }
}

/* What ended is counted; what FPT refused is FPT's word and no failure of ours. */
static int has_end(fptc_status status)
{
    return status == FPTC_OK || status == FPTC_MISS || status == FPTC_EREFUSED ||
           status == FPTC_ECONFLICT;
}

fptc_status fptc__writes_finish(struct fptc_cache *cache, const struct fptc__call *call,
                                int64_t *out_n, fptc_error *err)
{
    struct due d = {.list = NULL};
    fptc_status status = list_due(cache, call, &d, err);
    size_t i;

    *out_n = 0;
    for (i = 0; i < d.n; i++) {
        struct fptc_result *result = NULL;
        fptc_error why = FPTC_ERROR_INIT;
        fptc_status end = status;

        if (status == FPTC_OK)
            status = end = fptc__call_check(call, "finishing writes", err);
        if (status == FPTC_OK) {
            end = fptc__write_run(cache, call, &d.list[i], &result, &why);
            *out_n += has_end(end);
            if (end != FPTC_OK)
                fptc__log_line(&cache->logger, end < 0 ? FPTC_LOG_WARNING : FPTC_LOG_INFO,
                               "event %s: %s", d.list[i].event, why.message);
        }
        if (status == FPTC_OK && is_hopeless(end)) {
            status = end;
            if (err != NULL)
                *err = why;
        }
        fptc_result_free(result);
        fptc__json_free(d.list[i].data);
    }
    free(d.list);
    return status;
}
