#include "api/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/datatype.h"
#include "base/error.h"
#include "query/floatmark.h"

fptc_status fptc_query_new(const char *type, fptc_query **out_query, fptc_error *err)
{
    fptc_query *q;
    fptc_status status;

    fptc__error_clear(err);
    if (out_query == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_query is NULL");
    *out_query = NULL;
    if (type == NULL || !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "\"%s\" cannot be an entity type",
                          type == NULL ? "" : type);
    q = calloc(1, sizeof(*q));
    if (q == NULL)
        return fptc__fail_nomem(err);
    status = fptc__request_init(&q->request, type, err);
    if (status != FPTC_OK) {
        free(q);
        return status;
    }
    *out_query = q;
    return FPTC_OK;
}

void fptc_query_free(fptc_query *query)
{
    if (query == NULL)
        return;
    fptc__request_done(&query->request);
    free(query);
}

static fptc_status need(const void *object, fptc_error *err)
{
    fptc__error_clear(err);
    return object == NULL ? fptc__fail(err, FPTC_EUSAGE, "the object is NULL") : FPTC_OK;
}

fptc_status fptc_query_set_filters(fptc_query *query, const char *json, fptc_error *err)
{
    fptc_status status = need(query, err);

    return status == FPTC_OK ? fptc__request_set_filters(&query->request, json, err) : status;
}

fptc_status fptc_query_set_fields(fptc_query *query, const char *fields, fptc_error *err)
{
    fptc_status status = need(query, err);

    return status == FPTC_OK ? fptc__request_set_fields(&query->request, fields, err) : status;
}

fptc_status fptc_query_set_order(fptc_query *query, const char *order, fptc_error *err)
{
    fptc_status status = need(query, err);

    return status == FPTC_OK ? fptc__request_set_order(&query->request, order, err) : status;
}

fptc_status fptc_query_set_limit(fptc_query *query, int64_t limit, int64_t page, fptc_error *err)
{
    fptc_status status = need(query, err);

    if (status != FPTC_OK)
        return status;
    if (limit < 0 || page < 0)
        return fptc__fail(err, FPTC_EUSAGE, "limit %lld and page %lld must not be negative",
                          (long long)limit, (long long)page);
    query->request.limit = limit;
    query->request.page = page;
    return FPTC_OK;
}

fptc_status fptc_query_set_scope(fptc_query *query, int32_t retired_only, int32_t include_archived,
                                 fptc_error *err)
{
    fptc_status status = need(query, err);

    if (status != FPTC_OK)
        return status;
    query->request.is_retired_only = retired_only != 0;
    query->request.without_archived = include_archived == 0;
    return FPTC_OK;
}

fptc_status fptc_query_set_freshness(fptc_query *query, int32_t mode, int64_t max_age_ms,
                                     int64_t deadline_ms, fptc_error *err)
{
    fptc_status status = need(query, err);

    if (status != FPTC_OK)
        return status;
    if (mode < FPTC_MODE_DEFAULT || mode > FPTC_MODE_REFRESH)
        return fptc__fail(err, FPTC_EUSAGE, "unknown mode %d", (int)mode);
    query->mode = mode;
    query->max_age_ms = max_age_ms;
    query->deadline_ms = deadline_ms;
    return FPTC_OK;
}

int32_t fptc__query_mode(const struct fptc_query *query, const struct fptc_cache *cache)
{
    int32_t mode = query->mode != FPTC_MODE_DEFAULT ? query->mode : cache->options.mode;

    if (fptc__handle_is_pinned(cache))
        return FPTC_MODE_ONLY_CACHE;
    return mode == FPTC_MODE_DEFAULT ? FPTC_MODE_PREFER_CACHE : mode;
}

int64_t fptc__query_max_age_ms(const struct fptc_query *query, const struct fptc_cache *cache)
{
    return fptc__duration(query->max_age_ms != 0 ? query->max_age_ms : cache->options.max_age_ms,
                          FPTC_MAX_AGE_MS);
}

int64_t fptc__query_deadline_ms(const struct fptc_query *query, const struct fptc_cache *cache)
{
    return query->deadline_ms != 0 ? query->deadline_ms : cache->options.deadline_ms;
}

fptc_status fptc_query_set_streaming(fptc_query *query, int32_t is_streaming, fptc_error *err)
{
    fptc_status status = need(query, err);

    if (status == FPTC_OK)
        query->is_streaming = is_streaming != 0;
    return status;
}

fptc_status fptc_query_set_pending(fptc_query *query, int32_t pending, fptc_error *err)
{
    fptc_status status = need(query, err);

    if (status != FPTC_OK)
        return status;
    if (pending != FPTC_SHOW_PENDING && pending != FPTC_HIDE_PENDING)
        return fptc__fail(err, FPTC_EUSAGE, "pending is FPTC_SHOW_PENDING or FPTC_HIDE_PENDING");
    query->hides_pending = pending == FPTC_HIDE_PENDING;
    return FPTC_OK;
}

static fptc_status check_new_write(int32_t verb, const char *type, int64_t id, fptc_error *err)
{
    if (verb < FPTC_VERB_CREATE || verb > FPTC_VERB_BATCH)
        return fptc__fail(err, FPTC_EUSAGE, "unknown verb %d", (int)verb);
    if (verb == FPTC_VERB_BATCH)
        return type == NULL && id == 0
                   ? FPTC_OK
                   : fptc__fail(err, FPTC_EUSAGE, "a batch has no type and no id: its requests do");
    if (type == NULL || !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "\"%s\" cannot be an entity type",
                          type == NULL ? "" : type);
    if ((verb == FPTC_VERB_CREATE) != (id == 0))
        return fptc__fail(err, FPTC_EUSAGE, "%s",
                          verb == FPTC_VERB_CREATE
                              ? "a create has no id: FPT gives it"
                              : "an update, delete or revive needs the id of its row");
    return FPTC_OK;
}

fptc_status fptc_write_new(int32_t verb, const char *type, int64_t id, fptc_write **out_write,
                           fptc_error *err)
{
    fptc_write *w;
    fptc_status status;

    fptc__error_clear(err);
    if (out_write == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_write is NULL");
    *out_write = NULL;
    status = check_new_write(verb, type, id, err);
    if (status != FPTC_OK)
        return status;
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        return fptc__fail_nomem(err);
    w->type = strdup(type == NULL ? "" : type);
    if (w->type == NULL) {
        free(w);
        return fptc__fail_nomem(err);
    }
    w->verb = verb;
    w->id = id;
    fptc__random_hex32(w->event_id);
    *out_write = w;
    return FPTC_OK;
}

void fptc_write_free(fptc_write *write)
{
    if (write == NULL)
        return;
    free(write->type);
    fptc__json_free(write->data);
    free(write);
}

fptc_status fptc__data_read(const char *json, fptc__json **out, fptc_error *err)
{
    fptc_status status = fptc__parse_with_floats(json, "data", out, err);

    if (status != FPTC_OK || fptc__json_is_object(*out))
        return status;
    status = fptc__fail(err, FPTC_EUSAGE, "data must be an object of fields, it is %s",
                        fptc__json_type_name(*out));
    fptc__json_free(*out);
    *out = NULL;
    return status;
}

fptc_status fptc_write_set_data(fptc_write *write, const char *json, fptc_error *err)
{
    fptc__json *data = NULL;
    fptc_status status = need(write, err);

    if (status != FPTC_OK)
        return status;
    if (write->verb == FPTC_VERB_DELETE || write->verb == FPTC_VERB_REVIVE)
        return fptc__fail(err, FPTC_EUSAGE, "a delete or revive has no data");
    if (json == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "data is NULL");
    status = write->verb == FPTC_VERB_BATCH ? fptc__requests_read(json, &data, err)
                                            : fptc__data_read(json, &data, err);
    if (status != FPTC_OK)
        return status;
    fptc__json_free(write->data);
    write->data = data;
    return FPTC_OK;
}

fptc_status fptc__check_event_id(const char *event_id, fptc_error *err)
{
    if (event_id != NULL && strlen(event_id) == 32 && strspn(event_id, "0123456789abcdef") == 32)
        return FPTC_OK;
    return fptc__fail(err, FPTC_EUSAGE,
                      "an event id is 32 hexadecimal characters, as "
                      "fptc_result_event_id() gives them");
}

fptc_status fptc_write_set_event_id(fptc_write *write, const char *event_id, fptc_error *err)
{
    fptc_status status = need(write, err);

    if (status == FPTC_OK)
        status = fptc__check_event_id(event_id, err);
    if (status == FPTC_OK)
        memcpy(write->event_id, event_id, 33);
    return status;
}

const char *fptc_write_event_id(const fptc_write *write)
{
    return write == NULL ? "" : write->event_id;
}

fptc_status fptc_write_set_deadline(fptc_write *write, int64_t deadline_ms, fptc_error *err)
{
    fptc_status status = need(write, err);

    if (status != FPTC_OK)
        return status;
    if (deadline_ms < 0)
        return fptc__fail(err, FPTC_EUSAGE, "the deadline must not be negative");
    write->deadline_ms = deadline_ms;
    return FPTC_OK;
}

fptc_status fptc_write_set_mode(fptc_write *write, int32_t mode, fptc_error *err)
{
    fptc_status status = need(write, err);

    if (status != FPTC_OK)
        return status;
    if (mode < FPTC_WRITE_DEFAULT || mode > FPTC_WRITE_BEHIND)
        return fptc__fail(err, FPTC_EUSAGE, "unknown write mode %d", (int)mode);
    write->mode = mode;
    return FPTC_OK;
}

fptc_status fptc_write_set_on_conflict(fptc_write *write, int32_t policy, fptc_error *err)
{
    fptc_status status = need(write, err);

    if (status != FPTC_OK)
        return status;
    if (policy < FPTC_CONFLICT_DEFAULT || policy > FPTC_CONFLICT_MERGE)
        return fptc__fail(err, FPTC_EUSAGE, "unknown policy %d", (int)policy);
    write->policy = policy;
    return FPTC_OK;
}

int32_t fptc__write_mode(const struct fptc_write *write, const struct fptc_cache *cache)
{
    int32_t mode = write->mode != FPTC_WRITE_DEFAULT ? write->mode : cache->options.write_mode;

    return mode == FPTC_WRITE_DEFAULT ? FPTC_WRITE_THROUGH : mode;
}
