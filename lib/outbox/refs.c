#include "outbox/refs.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

fptc_status fptc__ref_resolve(struct fptc__view *outbox, int64_t id, int64_t *out,
                              struct fptc__mutation *out_maker, fptc_error *err)
{
    fptc_status status;

    *out = id;
    if (id >= 0)
        return FPTC_OK;
    status = fptc__mutation_of_provisional(outbox, id, out_maker, err);
    if (status == FPTC_MISS)
        return fptc__fail(err, FPTC_EUSAGE, "no create of this cache goes by the id %" PRId64, id);
    if (status != FPTC_OK)
        return status;
    switch (out_maker->state) {
    case FPTC__MUTATION_SETTLED:
        *out = out_maker->id;
        return FPTC_OK;
    case FPTC__MUTATION_REFUSED:
    case FPTC__MUTATION_DROPPED:
        return fptc__fail(err, FPTC_EREFUSED,
                          "%s %" PRId64 " is not there: its create (event %s) was %s%s%s; decide "
                          "about that one first (fptcache outbox)",
                          out_maker->type, id, out_maker->event,
                          out_maker->state == FPTC__MUTATION_DROPPED ? "dropped" : "refused",
                          out_maker->text[0] == '\0' ? "" : ": ", out_maker->text);
    case FPTC__MUTATION_INTENT:
    case FPTC__MUTATION_ATTEMPTED:
    case FPTC__MUTATION_NONE:
    default:
        return fptc__fail(err, FPTC_PENDING, "%s %" PRId64 " (event %s) is not settled yet",
                          out_maker->type, id, out_maker->event);
    }
}

/* ------------------------------------------------------------------------------------------- its links */

static int64_t id_of(const fptc__json *link)
{
    return fptc__json_get_text(link, "type") != NULL ? fptc__json_get_int(link, "id") : 0;
}

/* The links of a field's value: the value, or the list in it; what lies deeper is the user's own. */
static const fptc__json *links_of(const fptc__json *value)
{
    return fptc__json_get_text(value, "multi_entity_update_mode") != NULL
               ? fptc__json_get(value, "value")
               : value;
}

static int each_name(const fptc__json *data, int (*each)(int64_t id, void *payload), void *payload)
{
    const fptc__json *field, *link;
    int stop = 0;

    for (field = fptc__json_first(data); field != NULL && !stop; field = fptc__json_next(field)) {
        const fptc__json *links = links_of(field);

        if (id_of(links) < 0)
            stop = each(id_of(links), payload);
        for (link = fptc__json_is_array(links) ? fptc__json_first(links) : NULL;
             link != NULL && !stop; link = fptc__json_next(link)) {
            if (id_of(link) < 0)
                stop = each(id_of(link), payload);
        }
    }
    return stop;
}

static int is_any(int64_t id, void *payload)
{
    (void)id;
    (void)payload;
    return 1;
}

int fptc__refs_any(const fptc__json *data)
{
    return fptc__json_is_object(data) && each_name(data, is_any, NULL);
}

/* ------------------------------------------------------------------------------------ whether they are there */

struct looking {
    struct fptc__view *outbox;
    struct fptc__mutation *maker;
    fptc_status worst;
    fptc_error *why;
};

/* Of two that are not there the one that is worse: not known, not to be, not yet. */
static int is_worse(fptc_status status, fptc_status than)
{
    static const fptc_status order[] = {FPTC_OK, FPTC_PENDING, FPTC_EREFUSED};
    size_t n = sizeof(order) / sizeof(order[0]), a = 0, b = 0;

    while (a < n && order[a] != status)
        a++;
    while (b < n && order[b] != than)
        b++;
    return a > b;
}

static int look(int64_t id, void *payload)
{
    struct looking *l = payload;
    struct fptc__mutation maker;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__ref_resolve(l->outbox, id, &id, &maker, &why);

    if (is_worse(status, l->worst)) {
        l->worst = status;
        *l->maker = maker;
        if (l->why != NULL)
            *l->why = why;
    }
    return 0;
}

fptc_status fptc__refs_look(struct fptc__view *outbox, int64_t id, const fptc__json *data,
                            struct fptc__mutation *out_maker, fptc_error *err)
{
    struct looking l = {outbox, out_maker, FPTC_OK, err};

    if (id < 0)
        (void)look(id, &l);
    if (fptc__json_is_object(data))
        (void)each_name(data, look, &l);
    return l.worst;
}

struct leading {
    struct fptc__view *outbox;
    int64_t to;
    int depth;
};

static int leads(int64_t id, void *payload)
{
    struct leading *l = payload;
    struct fptc__mutation maker;
    fptc__json *intent = NULL;
    int is_so = id == l->to || l->depth == FPTC_MAKERS_DEPTH_MAX;

    if (is_so || fptc__ref_resolve(l->outbox, id, &id, &maker, NULL) != FPTC_PENDING ||
        fptc__mutation_body(l->outbox, maker.event, &intent, NULL) != FPTC_OK)
        return is_so;
    l->depth++;
    is_so = each_name(fptc__json_get(intent, "data"), leads, l);
    l->depth--;
    fptc__json_free(intent);
    return is_so;
}

int fptc__refs_lead_to(struct fptc__view *outbox, const fptc__json *data, int64_t id)
{
    struct leading l = {outbox, id, 0};

    return fptc__json_is_object(data) && each_name(data, leads, &l);
}

/* ----------------------------------------------------------------------------------- the rows' own ids */

struct resolving {
    struct fptc__view *outbox;
    struct fptc__mutation *maker;
};

/* A copy of it, with the row's own id if it is a link; NULL: *status says why. */
static fptc__json *resolve_link(const struct resolving *r, const fptc__json *link,
                                fptc_status *status, fptc_error *err)
{
    fptc__json *out = fptc__json_copy(link);
    int64_t id = id_of(link);

    if (out == NULL)
        *status = fptc__fail_nomem(err);
    if (*status == FPTC_OK && id < 0) {
        *status = fptc__ref_resolve(r->outbox, id, &id, r->maker, err);
        if (*status == FPTC_OK && !fptc__json_set(out, "id", fptc__json_new_int(id)))
            *status = fptc__fail_nomem(err);
    }
    if (*status == FPTC_OK)
        return out;
    fptc__json_free(out);
    return NULL;
}

static fptc__json *resolve_links(const struct resolving *r, const fptc__json *links,
                                 fptc_status *status, fptc_error *err)
{
    fptc__json *out;
    const fptc__json *at;

    if (!fptc__json_is_array(links))
        return resolve_link(r, links, status, err);
    out = fptc__json_new_array();
    for (at = fptc__json_first(links); at != NULL && *status == FPTC_OK; at = fptc__json_next(at)) {
        fptc__json *link = resolve_link(r, at, status, err);

        if (*status == FPTC_OK && !fptc__json_append(out, link))
            *status = fptc__fail_nomem(err);
    }
    return out;
}

static fptc__json *resolve_field(const struct resolving *r, const fptc__json *value,
                                 fptc_status *status, fptc_error *err)
{
    const fptc__json *links = links_of(value);
    fptc__json *out;

    if (links == value || links == NULL)
        return resolve_links(r, value, status, err);
    out = fptc__json_copy(value);
    if (!fptc__json_set(out, "value", resolve_links(r, links, status, err)) && *status == FPTC_OK)
        *status = fptc__fail_nomem(err);
    return out;
}

fptc_status fptc__refs_resolve(struct fptc__view *outbox, const fptc__json *data, fptc__json **out,
                               struct fptc__mutation *out_maker, fptc_error *err)
{
    const struct resolving r = {outbox, out_maker};
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    *out = NULL;
    if (!fptc__json_is_object(data))
        return FPTC_OK;
    *out = fptc__json_new_object();
    for (at = fptc__json_first(data); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        fptc__json *value = resolve_field(&r, at, &status, err);

        if (!fptc__json_set(*out, fptc__json_key(at), value) && status == FPTC_OK)
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK && *out == NULL)
        status = fptc__fail_nomem(err);
    if (status != FPTC_OK) {
        fptc__json_free(*out);
        *out = NULL;
    }
    return status;
}

int64_t fptc__ref_alias(struct fptc__view *outbox, const char *type, int64_t id)
{
    struct fptc__mutation maker;

    if (id <= 0 || fptc__mutation_maker(outbox, type, id, "", &maker, NULL) != FPTC_OK)
        return 0;
    return fptc__provisional_id(maker.event);
}
