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

/* One value of it: with the row's own id if it is a link. */
static fptc_status resolve(struct fptc__view *outbox, const fptc__json *value, fptc__json **out,
                           struct fptc__mutation *out_maker, fptc_error *err)
{
    int is_object = fptc__json_is_object(value), is_list = fptc__json_is_array(value);
    int64_t id = fptc__json_get_text(value, "type") != NULL ? fptc__json_get_int(value, "id") : 0;
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    *out = is_object ? fptc__json_new_object()
           : is_list ? fptc__json_new_array()
                     : fptc__json_copy(value);
    if (*out == NULL)
        return fptc__fail_nomem(err);
    for (at = is_object || is_list ? fptc__json_first(value) : NULL;
         at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        fptc__json *child = NULL;

        status = resolve(outbox, at, &child, out_maker, err);
        if (status == FPTC_OK && !(is_object ? fptc__json_set(*out, fptc__json_key(at), child)
                                             : fptc__json_append(*out, child)))
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK && id < 0)
        status = fptc__ref_resolve(outbox, id, &id, out_maker, err);
    if (status == FPTC_OK && id > 0 && id != fptc__json_get_int(value, "id") &&
        !fptc__json_set(*out, "id", fptc__json_new_int(id)))
        status = fptc__fail_nomem(err);
    if (status != FPTC_OK) {
        fptc__json_free(*out);
        *out = NULL;
    }
    return status;
}

fptc_status fptc__refs_resolve(struct fptc__view *outbox, const fptc__json *data, fptc__json **out,
                               struct fptc__mutation *out_maker, fptc_error *err)
{
    *out = NULL;
    return data == NULL ? FPTC_OK : resolve(outbox, data, out, out_maker, err);
}

int64_t fptc__ref_alias(struct fptc__view *outbox, const char *type, int64_t id)
{
    struct fptc__mutation maker;

    if (id <= 0 || fptc__mutation_maker(outbox, type, id, "", &maker, NULL) != FPTC_OK)
        return 0;
    return fptc__provisional_id(maker.event);
}
