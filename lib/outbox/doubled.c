#include "outbox/doubled.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/sending.h"

struct doubled {
    const struct fptc__doubled *d;
    fptc__json *events; /* {type: [event]} of those that were sent more than once */
    fptc__json *ids;    /* {event: [id]} of the rows of one type */
    fptc__json *list;
    int is_short; /* of memory */
};

static int note_event(const struct fptc__mutation *m, void *payload)
{
    struct doubled *g = payload;
    fptc__json *list = fptc__json_array_of(g->events, m->type);

    g->is_short |= list == NULL || !fptc__json_append(list, fptc__json_new_text(m->event));
    return g->is_short;
}

static fptc_status note_row(void *payload, const fptc__json *row, int is_retired, fptc_error *err)
{
    struct doubled *g = payload;
    const char *event = fptc__json_get_text(row, g->d->marker);
    fptc__json *list = event == NULL ? NULL : fptc__json_array_of(g->ids, event);

    (void)is_retired;
    if (event == NULL)
        return FPTC_OK;
    return list != NULL &&
                   fptc__json_append(list, fptc__json_new_int(fptc__json_get_int(row, "id")))
               ? FPTC_OK
               : fptc__fail_nomem(err);
}

static fptc_status ask(struct doubled *g, const char *type, fptc__json *events, fptc_error *err)
{
    const struct fptc__source source = {type, 0, 0, NULL};
    const struct fptc__through t = {.follow = g->d->session, .source = &source};
    const struct fptc__sending s = {.t = &t};
    fptc__json *conditions = fptc__json_new_array();
    const struct fptc__rows_above of = {0, conditions, g->d->marker, 0, note_row, g};
    fptc_status status = fptc__json_append(conditions, fptc__condition(g->d->marker, "in", events))
                             ? fptc__read_above(&s, &of, err)
                             : fptc__fail_nomem(err);

    fptc__json_free(conditions);
    return status;
}

static int tell(struct doubled *g, const char *type)
{
    const fptc__json *at;
    int ok = 1;

    for (at = fptc__json_first(g->ids); at != NULL && ok; at = fptc__json_next(at)) {
        fptc__json *entry;

        if (fptc__json_size(at) < 2)
            continue;
        entry = fptc__json_new_object();
        ok = fptc__json_set(entry, "type", fptc__json_new_text(type));
        ok = fptc__json_set(entry, "event", fptc__json_new_text(fptc__json_key(at))) && ok;
        ok = fptc__json_set(entry, "ids", fptc__json_copy(at)) && ok;
        ok = fptc__json_append(g->list, entry) && ok;
    }
    return ok;
}

/* The rows of one type, some hundred events at a time. */
static fptc_status find_type(struct doubled *g, const fptc__json *events, fptc_error *err)
{
    const fptc__json *at = fptc__json_first(events);
    const char *type = fptc__json_key(events);
    fptc_status status = FPTC_OK;

    while (at != NULL && status == FPTC_OK) {
        fptc__json *some = fptc__json_new_array();
        int n;

        for (n = 0; at != NULL && n < FPTC_BATCH_REQUESTS_MAX; n++, at = fptc__json_next(at))
            (void)fptc__json_append(some, fptc__json_copy(at));
        g->ids = fptc__json_new_object();
        status = ask(g, type, some, err);
        if (status == FPTC_OK && !tell(g, type))
            status = fptc__fail_nomem(err);
        fptc__json_free(g->ids);
    }
    return status;
}

fptc_status fptc__doubled_find(const struct fptc__doubled *d, fptc__json **out, fptc_error *err)
{
    struct doubled g = {.d = d, .events = fptc__json_new_object(), .list = fptc__json_new_array()};
    const fptc__json *at;
    fptc_status status;

    fptc__view_begin(d->outbox);
    status = fptc__mutation_each_resent(d->outbox, d->since_ms, note_event, &g, err);
    fptc__view_end(d->outbox);
    if (status == FPTC_OK && (g.is_short || g.list == NULL))
        status = fptc__fail_nomem(err);
    for (at = fptc__json_first(g.events); at != NULL && status == FPTC_OK; at = fptc__json_next(at))
        status = find_type(&g, at, err);
    fptc__json_free(g.events);
    *out = g.list;
    if (status != FPTC_OK) {
        fptc__json_free(g.list);
        *out = NULL;
    }
    return status;
}
