/*
 * site_batch.c: see site.h; many writes in one request, done all or none (A§1.8). FPTC_UNKNOWN unless the
 * answer tells of every one of them what was asked: a batch of which a part is certain there is not.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "upstream/ask.h"
#include "upstream/mapping.h"

static const char *const kind_names[] = {"", "create", "update", "delete"};

/* --- the request --- */

static fptc_status check_request(const struct fptc__batch_request *r, size_t place, fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status;
    int has_id = r->kind != FPTC__BATCH_CREATE;

    if (r->kind < FPTC__BATCH_CREATE || r->kind > FPTC__BATCH_DELETE)
        return fptc__fail(err, FPTC_EUSAGE, "batch: request %zu: %d is no kind", place, r->kind);
    status = fptc__ask_init(&a, kind_names[r->kind], r->type, has_id ? (r->id > 0 ? r->id : -1) : 0,
                            err);
    fptc__ask_done(&a);
    if (status == FPTC_OK && r->kind != FPTC__BATCH_DELETE && !fptc__json_is_object(r->data))
        status = fptc__fail(err, FPTC_EUSAGE, "%s %s: data must be an object, not %s",
                            kind_names[r->kind], r->type, fptc__json_type_name(r->data));
    return status == FPTC_OK ? FPTC_OK : fptc__error_where(err, "request %zu of the batch", place);
}

static void put_request(struct fptc__buf *body, const struct fptc__batch_request *r)
{
    fptc__buf_addf(body, "{\"request_type\":\"%s\",\"entity\":\"%s\"", kind_names[r->kind],
                   r->type);
    if (r->kind != FPTC__BATCH_CREATE)
        fptc__buf_addf(body, ",\"record_id\":%lld", (long long)r->id);
    if (r->kind != FPTC__BATCH_DELETE) {
        fptc__buf_adds(body, ",\"data\":");
        fptc__json_print(r->data, body);
    }
    fptc__buf_adds(body, "}");
}

static fptc_status put_requests(struct fptc__ask *a, const struct fptc__batch_request *requests,
                                size_t n, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    fptc__buf_adds(&a->body, "{\"requests\":[");
    for (i = 0; i < n && status == FPTC_OK; i++) {
        status = check_request(&requests[i], i, err);
        if (status != FPTC_OK)
            break;
        if (i > 0)
            fptc__buf_adds(&a->body, ",");
        put_request(&a->body, &requests[i]);
    }
    fptc__buf_adds(&a->body, "]}");
    return status == FPTC_OK ? fptc__buf_check(&a->body, a->what, err) : status;
}

/* --- the answer --- */

static fptc_status take_deleted(const fptc__json *part, const struct fptc__batch_request *r,
                                fptc__json **out, fptc_error *err)
{
    const char *type = fptc__json_get_text(part, "type");

    if (!type || strcmp(type, r->type) != 0 || fptc__json_get_int(part, "id") != r->id ||
        !fptc__json_is_true(fptc__json_get(part, "did_delete")))
        return fptc__fail(err, FPTC_ESERVER, "it does not say that the row was deleted");
    *out = fptc__json_new_bool(1);
    return *out ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status take_part(const fptc__json *part, const struct fptc__batch_request *r,
                             fptc__json **out, fptc_error *err)
{
    fptc_status status;

    *out = NULL;
    if (r->kind == FPTC__BATCH_DELETE)
        return take_deleted(part, r, out, err);
    status = fptc__map_record(fptc__json_get(part, "data"), out, err);
    if (status == FPTC_OK &&
        (strcmp(fptc__json_get_text(*out, "type"), r->type) != 0 ||
         (r->kind == FPTC__BATCH_UPDATE && fptc__json_get_int(*out, "id") != r->id)))
        status = fptc__fail(err, FPTC_ESERVER, "it is another row");
    return status;
}

static fptc_status take_parts(const fptc__json *data, const struct fptc__batch_request *requests,
                              size_t n, fptc__json *rows, fptc_error *err)
{
    const fptc__json *part = fptc__json_first(data);
    fptc_status status = FPTC_OK;
    size_t i;

    if (!fptc__json_is_array(data) || fptc__json_size(data) != n)
        return fptc__fail(err, FPTC_ESERVER, "the answer is not a list of %zu", n);
    for (i = 0; i < n && status == FPTC_OK; i++, part = fptc__json_next(part)) {
        fptc__json *row = NULL;

        status = take_part(part, &requests[i], &row, err);
        if (status != FPTC_OK) {
            fptc__json_free(row);
            return fptc__error_where(err, "answer to request %zu of the batch", i);
        }
        if (!fptc__json_append(rows, row))
            status = fptc__fail_nomem(err);
    }
    return status;
}

static fptc_status take_rows(const struct fptc__ask *a, const struct fptc__batch_request *requests,
                             size_t n, fptc__json **out_rows, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc__json *reply = NULL;
    fptc__json *rows = fptc__json_new_array();
    fptc_status status =
        rows ? fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, &why)
             : fptc__fail_nomem(&why);

    if (status == FPTC_OK)
        status = take_parts(fptc__json_get(reply, "data"), requests, n, rows, &why);
    fptc__json_free(reply);
    if (status == FPTC_OK) {
        *out_rows = rows;
        return FPTC_OK;
    }
    fptc__json_free(rows);
    return fptc__ask_unknown(a, why.message, err);
}

fptc_status fptc__site_batch(struct fptc__site *s, const struct fptc__batch_request *requests,
                             size_t n, const struct fptc__call *call, fptc__json **out_rows,
                             fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    char what[FPTC__ASK_WHAT_BYTES];
    struct fptc__ask a;
    fptc_status status;

    *out_rows = NULL;
    snprintf(what, sizeof(what), "batch of %zu", n);
    fptc__ask_init_at(&a, what, "/entity/_batch");
    a.x.method = "POST";
    a.x.content_type = FPTC__JSON_TYPE;
    a.count = &s->n_batch;
    status = n > 0 ? put_requests(&a, requests, n, &why)
                   : fptc__fail(&why, FPTC_EUSAGE, "batch: it has no requests");
    if (status == FPTC_OK)
        status = fptc__ask_write(s, &a, call, &why);
    if (status == FPTC_OK)
        status = take_rows(&a, requests, n, out_rows, &why);
    return fptc__ask_end(&a, status, &why, err);
}
