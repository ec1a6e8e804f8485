/* requests.c: the writes of a batch as its caller spells them, in one plain shape. */
#include <stdlib.h>
#include <string.h>

#include "api/query.h"
#include "base/datatype.h"
#include "base/error.h"
#include "base/limits.h"
#include "outbox/through.h"
#include "query/floatmark.h"

/* One request under way: what the caller said, and what becomes of it. */
struct request {
    size_t place;
    int32_t verb;
    const char *type;
    const fptc__json *id, *data, *modes;
    fptc__json *out;
};

#define wrong(r, err, ...)                                                                         \
    ((void)fptc__fail((err), FPTC_EUSAGE, __VA_ARGS__),                                            \
     fptc__error_where((err), "request %zu of the batch", (r)->place))

static fptc_status read_verb(struct request *r, const char *name, fptc_error *err)
{
    r->verb = name == NULL ? 0 : fptc__verb_of(name);
    if (r->verb == FPTC_VERB_CREATE || r->verb == FPTC_VERB_UPDATE || r->verb == FPTC_VERB_DELETE)
        return FPTC_OK;
    return wrong(r, err, "request_type is \"create\", \"update\" or \"delete\"");
}

static fptc_status read_member(struct request *r, const fptc__json *at, fptc_error *err)
{
    const char *key = fptc__json_key(at);

    if (strcmp(key, "request_type") == 0)
        return read_verb(r, fptc__json_text(at), err);
    if (strcmp(key, "entity_type") == 0)
        r->type = fptc__json_text(at);
    else if (strcmp(key, "entity_id") == 0)
        r->id = at;
    else if (strcmp(key, "data") == 0)
        r->data = at;
    else if (strcmp(key, "multi_entity_update_modes") == 0)
        r->modes = at;
    else
        return wrong(r, err,
                     "\"%.60s\" is no member; there are request_type, entity_type, entity_id, data "
                     "and multi_entity_update_modes",
                     key);
    return FPTC_OK;
}

static fptc_status check(const struct request *r, fptc_error *err)
{
    int is_create = r->verb == FPTC_VERB_CREATE, is_delete = r->verb == FPTC_VERB_DELETE;

    if (r->verb == 0)
        return wrong(r, err, "it has no request_type");
    if (r->type == NULL || !fptc__is_name(r->type))
        return wrong(r, err, "\"%.80s\" cannot be an entity type", r->type == NULL ? "" : r->type);
    if (is_create && r->id != NULL)
        return wrong(r, err, "a create has no entity_id: FPT gives it");
    if (!is_create && (!fptc__json_is_integer(r->id) || fptc__json_int(r->id) == 0))
        return wrong(r, err, "%s needs the entity_id of its row",
                     is_delete ? "a delete" : "an update");
    if (is_delete && (r->data != NULL || r->modes != NULL))
        return wrong(r, err, "a delete has no data");
    if (!is_delete && !fptc__json_is_object(r->data))
        return wrong(r, err, "data must be an object of fields, it is %s",
                     r->data == NULL ? "missing" : fptc__json_type_name(r->data));
    if (r->modes != NULL && (is_create || !fptc__json_is_object(r->modes)))
        return wrong(r, err, "multi_entity_update_modes is an object, of an update");
    return FPTC_OK;
}

/* {"multi_entity_update_mode":"add","value":[…]} in place of the list (A§1.9). */
static fptc_status put_mode(const struct request *r, fptc__json *data, const fptc__json *mode,
                            fptc_error *err)
{
    const char *field = fptc__json_key(mode), *name = fptc__json_text(mode);
    const fptc__json *value = fptc__json_get(data, field);
    fptc__json *delta;
    int ok;

    if (name == NULL ||
        (strcmp(name, "add") != 0 && strcmp(name, "remove") != 0 && strcmp(name, "set") != 0))
        return wrong(r, err, "the multi_entity_update_mode of %s is \"add\", \"remove\" or \"set\"",
                     field);
    if (!fptc__json_is_array(value))
        return wrong(r, err, "%s has a multi_entity_update_mode, so its data must be a list",
                     field);
    delta = fptc__json_new_object();
    ok = fptc__json_set(delta, "multi_entity_update_mode", fptc__json_new_text(name));
    ok = fptc__json_set(delta, "value", fptc__json_copy(value)) && ok;
    fptc__json_free(fptc__json_detach(data, value));
    return fptc__json_set(data, field, delta) && ok ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status put_data(struct request *r, fptc_error *err)
{
    fptc__json *data = fptc__json_copy(r->data);
    const fptc__json *mode;
    fptc_status status = data == NULL ? fptc__fail_nomem(err) : FPTC_OK;

    for (mode = fptc__json_first(r->modes); mode != NULL && status == FPTC_OK;
         mode = fptc__json_next(mode))
        status = put_mode(r, data, mode, err);
    if (status != FPTC_OK) {
        fptc__json_free(data);
        return status;
    }
    return fptc__json_set(r->out, "data", data) ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status put(struct request *r, fptc_error *err)
{
    int ok = fptc__json_set(r->out, "verb", fptc__json_new_text(fptc__verb_name(r->verb)));

    ok = fptc__json_set(r->out, "type", fptc__json_new_text(r->type)) && ok;
    ok = fptc__json_set(r->out, "id", fptc__json_new_int(fptc__json_int(r->id))) && ok;
    if (!ok)
        return fptc__fail_nomem(err);
    return r->verb == FPTC_VERB_DELETE ? FPTC_OK : put_data(r, err);
}

static fptc_status read_request(const fptc__json *from, size_t place, fptc__json *list,
                                fptc_error *err)
{
    struct request r = {.place = place};
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    if (!fptc__json_is_object(from))
        return wrong(&r, err, "it must be an object, it is %s", fptc__json_type_name(from));
    for (at = fptc__json_first(from); at != NULL && status == FPTC_OK; at = fptc__json_next(at))
        status = read_member(&r, at, err);
    if (status == FPTC_OK)
        status = check(&r, err);
    if (status != FPTC_OK)
        return status;
    r.out = fptc__json_new_object();
    status = put(&r, err);
    if (status != FPTC_OK) {
        fptc__json_free(r.out);
        return status;
    }
    return fptc__json_append(list, r.out) ? FPTC_OK : fptc__fail_nomem(err);
}

fptc_status fptc__requests_read(const char *json, fptc__json **out, fptc_error *err)
{
    fptc__json *asked = NULL;
    fptc__json *list = fptc__json_new_array();
    const fptc__json *at;
    fptc_error unheard = FPTC_ERROR_INIT;
    size_t place = 0;
    fptc_status status;

    if (err == NULL)
        err = &unheard;
    status = list == NULL ? fptc__fail_nomem(err)
                          : fptc__parse_with_floats(json, "requests", &asked, err);

    *out = NULL;
    if (status == FPTC_OK && (!fptc__json_is_array(asked) || fptc__json_size(asked) == 0))
        status = fptc__fail(err, FPTC_EUSAGE, "a batch is a list of requests; this is %s",
                            fptc__json_is_array(asked) ? "empty" : fptc__json_type_name(asked));
    if (status == FPTC_OK && fptc__json_size(asked) > FPTC_BATCH_OWN_MAX)
        status = fptc__fail(err, FPTC_EUSAGE,
                            "a batch has at most %d requests, this one %zu: make several",
                            FPTC_BATCH_OWN_MAX, fptc__json_size(asked));
    for (at = fptc__json_first(asked); at != NULL && status == FPTC_OK; at = fptc__json_next(at))
        status = read_request(at, place++, list, err);
    fptc__json_free(asked);
    if (status == FPTC_OK)
        *out = list;
    else
        fptc__json_free(list);
    return status;
}
