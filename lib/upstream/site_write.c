/*
 * site_write.c: see site.h; create, update, delete, revive. Each is sent once (lane.h says how that is made
 * certain). What follows is FPTC_UNKNOWN unless it proves that the write was done or was not.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "upstream/ask.h"
#include "upstream/mapping.h"

/* FPT's code for "row not there" (A§1.10). */
#define CODE_NOT_THERE 104

fptc_status fptc__ask_unknown(const struct fptc__ask *a, const char *why, fptc_error *err)
{
    fptc_error before = *err;

    fptc__fail(err, FPTC_UNKNOWN, "%s: sent, but it is not known what became of it: %s", a->what,
               why);
    err->http_status = before.http_status ? before.http_status : a->x.http_status;
    err->curl_code = before.curl_code;
    return FPTC_UNKNOWN;
}

/* What an answer means to a write: only 2xx did it, only 4xx surely did not. */
static fptc_status judge_write(struct fptc__site *s, const struct fptc__ask *a, fptc_error *err)
{
    int http = a->x.http_status;
    fptc_error why = FPTC_ERROR_INIT;

    if (http >= 200 && http < 300)
        return FPTC_OK;
    if (http == 429)
        return fptc__ask_say(s, a, FPTC_EBUSY, "is too busy and did not take it", err);
    if (http == 401)
        return fptc__ask_say(s, a, FPTC_EAUTH, "did not accept the credentials", err);
    /* 408: some balancers say so when the server behind them was slow, perhaps at work. */
    if (http >= 400 && http < 500 && http != 408)
        return fptc__ask_say(s, a, FPTC_EREFUSED, "refused it", err);
    fptc__ask_say(s, a, FPTC_ESERVER, "answered", &why);
    return fptc__ask_unknown(a, why.message, err);
}

fptc_status fptc__ask_write(struct fptc__site *s, struct fptc__ask *a,
                            const struct fptc__call *call, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status;

    a->x.is_read = 0;
    status = fptc__ask_once(s, a, call, &why);
    if (status == FPTC_OK)
        return judge_write(s, a, err);
    if (a->x.sent != FPTC__NOT_SENT) {
        *err = why;
        return fptc__ask_unknown(a, why.message, err);
    }
    fptc__error_where(&why, "%s, not sent", a->what);
    *err = why;
    return status;
}

/* The row that FPT answered; id: the one it must be, 0 for a new one. */
static fptc_status take_row(const struct fptc__ask *a, int64_t id, fptc__json **out_row,
                            fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc__json *reply = NULL;
    fptc_status status =
        fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, &why);

    if (status == FPTC_OK)
        status = fptc__map_record(fptc__json_get(reply, "data"), out_row, &why);
    fptc__json_free(reply);
    if (status == FPTC_OK && id != 0 && fptc__json_get_int(*out_row, "id") != id) {
        fptc__json_free(*out_row);
        *out_row = NULL;
        status = fptc__fail(&why, FPTC_ESERVER, "the answer is another row");
    }
    return status == FPTC_OK ? FPTC_OK : fptc__ask_unknown(a, why.message, err);
}

static fptc_status write_row(struct fptc__site *s, struct fptc__ask *a, const fptc__json *data,
                             const struct fptc__call *call, fptc_error *err)
{
    fptc_status status;

    if (!fptc__json_is_object(data))
        return fptc__fail(err, FPTC_EUSAGE, "%s: data must be an object, not %s", a->what,
                          fptc__json_type_name(data));
    a->x.content_type = FPTC__JSON_TYPE;
    fptc__json_print(data, &a->body);
    status = fptc__buf_check(&a->body, a->what, err);
    if (status == FPTC_OK)
        status = fptc__ask_write(s, a, call, err);
    return status;
}

fptc_status fptc__ask_end(struct fptc__ask *a, fptc_status status, const fptc_error *why,
                          fptc_error *err)
{
    fptc__ask_done(a);
    if (status != FPTC_OK && err)
        *err = *why;
    return status;
}

fptc_status fptc__site_create(struct fptc__site *s, const char *type, const fptc__json *data,
                              const struct fptc__call *call, fptc__json **out_row, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status = fptc__ask_init(&a, "create", type, 0, &why);

    a.x.method = "POST";
    a.count = &s->n_create;
    *out_row = NULL;
    if (status == FPTC_OK)
        status = write_row(s, &a, data, call, &why);
    if (status == FPTC_OK)
        status = take_row(&a, 0, out_row, &why);
    return fptc__ask_end(&a, status, &why, err);
}

fptc_status fptc__site_update(struct fptc__site *s, const char *type, int64_t id,
                              const fptc__json *data, const struct fptc__call *call,
                              fptc__json **out_row, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status = fptc__ask_init(&a, "update", type, id > 0 ? id : -1, &why);

    a.x.method = "PUT";
    a.count = &s->n_update;
    *out_row = NULL;
    if (status == FPTC_OK)
        status = write_row(s, &a, data, call, &why);
    if (status == FPTC_OK)
        status = take_row(&a, id, out_row, &why);
    return fptc__ask_end(&a, status, &why, err);
}

/* 2xx for a delete: 204 without a body, or JSON; a page of something in between proves nothing. */
static fptc_status judge_deleted(const struct fptc__ask *a, fptc_error *err)
{
    fptc__json *reply = NULL;
    fptc_status status;

    if (a->x.reply.len == 0)
        return FPTC_OK;
    status = fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, NULL);
    fptc__json_free(reply);
    return status == FPTC_OK ? FPTC_OK : fptc__ask_unknown(a, "the answer is not FPT's", err);
}

fptc_status fptc__site_delete(struct fptc__site *s, const char *type, int64_t id,
                              const struct fptc__call *call, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status = fptc__ask_init(&a, "delete", type, id > 0 ? id : -1, &why);

    a.x.method = "DELETE";
    a.count = &s->n_delete;
    if (status == FPTC_OK)
        status = fptc__ask_write(s, &a, call, &why);
    if (status == FPTC_OK)
        status = judge_deleted(&a, &why);
    if (status == FPTC_EREFUSED && why.http_status == 404 && fptc__ask_code(&a) == CODE_NOT_THERE)
        why.status = status = FPTC_MISS;
    return fptc__ask_end(&a, status, &why, err);
}

/* FPTC_MISS: it lives, and did before. */
static fptc_status judge_revived(const struct fptc__ask *a, int64_t id, fptc_error *err)
{
    fptc__json *reply = NULL;
    const fptc__json *did = NULL;
    fptc_status status =
        fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, NULL);

    if (status == FPTC_OK)
        did = fptc__json_get(fptc__json_get(reply, "meta"), "did_revive");
    if (!fptc__json_is_bool(did) || fptc__json_get_int(fptc__json_get(reply, "data"), "id") != id)
        status = fptc__ask_unknown(a, "the answer is not FPT's", err);
    else
        status = fptc__json_is_true(did)
                     ? FPTC_OK
                     : fptc__fail(err, FPTC_MISS, "%s: the row was not retired", a->what);
    fptc__json_free(reply);
    return status;
}

fptc_status fptc__site_revive(struct fptc__site *s, const char *type, int64_t id,
                              const struct fptc__call *call, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status = fptc__ask_init(&a, "revive", type, id > 0 ? id : -1, &why);
    size_t len = strlen(a.path);

    snprintf(a.path + len, sizeof(a.path) - len, "?revive=1");
    a.x.method = "POST";
    a.x.content_type = FPTC__JSON_TYPE;
    a.count = &s->n_revive;
    fptc__buf_adds(&a.body, "{}"); /* FPT ignores it; a POST without any upsets some proxies */
    if (status == FPTC_OK)
        status = fptc__buf_check(&a.body, a.what, &why);
    if (status == FPTC_OK)
        status = fptc__ask_write(s, &a, call, &why);
    if (status == FPTC_OK)
        status = judge_revived(&a, id, &why);
    return fptc__ask_end(&a, status, &why, err);
}
