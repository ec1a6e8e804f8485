/*
 * client.c: see client.h. Decides the order of an exchange (a lane, a token, the request, once more
 * after a refused token) and owns the lanes; lane.c talks to libcurl, token.c logs in.
 */
#include "upstream/client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "upstream/gate.h"
#include "upstream/lane.h"
#include "upstream/token.h"

/* FPT's code for "authentication" (A§1.10). */
#define CODE_AUTH 102

struct fptc__client {
    struct fptc__wire wire;
    struct fptc__token *token; /* NULL without credentials */
    struct fptc__logger logger;
    struct fptc__gate gate; /* guards lanes and is_busy */
    struct fptc__lane *lanes[FPTC_REQUESTS_AT_ONCE];
    int is_busy[FPTC_REQUESTS_AT_ONCE];
    _Atomic int64_t n_auth, n_requests, n_bytes;
};

/* --- opening --- */

static fptc_status open_inside(struct fptc__client *c, const struct fptc__client_options *options,
                               fptc_error *err)
{
    fptc_status status =
        fptc__wire_init(&c->wire, options->site_url, options->http_proxy, options->ca_file, err);

    if (status == FPTC_OK)
        status = fptc__token_open(options, &c->token, err);
    if (status != FPTC_OK)
        return status;
    fptc__secrets_add(&c->wire.secrets, options->script_key);
    fptc__secrets_add(&c->wire.secrets, options->user_password);
    fptc__secrets_add(&c->wire.secrets, options->session_token);
    fptc__secrets_add(&c->wire.secrets, c->wire.proxy_password);
    return c->wire.secrets.is_incomplete ? fptc__fail_nomem(err) : FPTC_OK;
}

fptc_status fptc__client_open(const struct fptc__client_options *options, struct fptc__client **out,
                              fptc_error *err)
{
    struct fptc__client *c = calloc(1, sizeof(*c));
    fptc_status status;

    *out = NULL;
    if (!c)
        return fptc__fail_nomem(err);
    fptc__gate_init(&c->gate);
    if (options->logger)
        c->logger = *options->logger;
    status = open_inside(c, options, err);
    if (status == FPTC_OK)
        *out = c;
    else
        fptc__client_close(c);
    return status;
}

void fptc__client_close(struct fptc__client *c)
{
    size_t i;

    if (!c)
        return;
    for (i = 0; i < FPTC_REQUESTS_AT_ONCE; i++)
        fptc__lane_close(c->lanes[i]);
    fptc__token_close(c->token);
    fptc__wire_done(&c->wire);
    fptc__gate_done(&c->gate);
    free(c);
}

int fptc__client_has_credentials(const struct fptc__client *c)
{
    return c->token != NULL;
}

void fptc__client_scrub(struct fptc__client *c, char *text)
{
    if (c->token)
        fptc__token_hide(c->token, text);
    fptc__secrets_scrub(&c->wire.secrets, text);
}

void fptc__client_counts(struct fptc__client *c, struct fptc__client_counts *out)
{
    out->auth = atomic_load(&c->n_auth);
    out->requests = atomic_load(&c->n_requests);
    out->bytes_received = atomic_load(&c->n_bytes);
}

/* --- lanes --- */

/* The first idle one: those that were used last have a warm connection. -1: all are busy. */
static int idle_lane(const struct fptc__client *c)
{
    int i;

    for (i = 0; i < FPTC_REQUESTS_AT_ONCE; i++) {
        if (!c->is_busy[i])
            return i;
    }
    return -1;
}

static fptc_status lane_take(struct fptc__client *c, const struct fptc__call *call, int *out_index,
                             fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int i;

    fptc__gate_lock(&c->gate);
    while ((i = idle_lane(c)) < 0 && status == FPTC_OK)
        status = fptc__gate_wait(&c->gate, call, "waiting for other requests to FPT", err);
    if (status == FPTC_OK && !c->lanes[i])
        status = fptc__lane_open(&c->lanes[i], err);
    if (status == FPTC_OK)
        c->is_busy[i] = 1;
    fptc__gate_unlock(&c->gate);
    *out_index = i;
    return status;
}

static void lane_give_back(struct fptc__client *c, int index)
{
    fptc__gate_lock(&c->gate);
    c->is_busy[index] = 0;
    fptc__gate_wake_one(&c->gate);
    fptc__gate_unlock(&c->gate);
}

/* --- an exchange --- */

static void log_request(const struct fptc__client *c, const struct fptc__wire *wire,
                        const struct fptc__exchange *x, int64_t began_mono_ms, fptc_status status)
{
    long long ms = (long long)(fptc__mono_ms() - began_mono_ms);
    const char *where = x->elsewhere ? wire->base_url : x->path;
    int n = (int)(x->is_private ? strcspn(where, "?") : strlen(where));

    if (status == FPTC_OK)
        fptc__log_line(&c->logger, FPTC_LOG_DEBUG, "%s %.*s: %d, %zu bytes, %lld ms", x->method, n,
                       where, x->http_status, x->reply.len, ms);
    else
        fptc__log_line(&c->logger, FPTC_LOG_INFO, "%s %.*s: status %d after %lld ms", x->method, n,
                       where, (int)status, ms);
}

static enum fptc__sent sent_of(const struct fptc__request *r)
{
    if (r->is_answered)
        return FPTC__ANSWERED;
    return r->n_sent > 0 ? FPTC__MAYBE_SENT : FPTC__NOT_SENT;
}

/* The request itself, with the token that was got for it. */
static fptc_status send_once(struct fptc__client *c, struct fptc__lane *lane,
                             const struct fptc__wire *wire, const char *bearer,
                             struct fptc__exchange *x, const struct fptc__call *call,
                             fptc_error *err)
{
    int64_t began_mono_ms = fptc__mono_ms();
    struct fptc__request r = {0};
    fptc_status status;

    r.method = x->method;
    r.path = x->path;
    r.content_type = x->content_type;
    r.body = x->body;
    r.body_len = x->body_len;
    r.file = x->file;
    r.bearer = bearer;
    r.is_read = x->is_read;
    r.reply = &x->reply;
    status = fptc__lane_perform(lane, wire, &r, call, err);
    atomic_fetch_add(&c->n_requests, r.n_sent);
    atomic_fetch_add(&c->n_bytes, r.received_bytes);
    x->http_status = r.http_status;
    x->date_ms = r.date_ms;
    x->retry_after_ms = r.retry_after_ms;
    x->is_passing = r.is_passing;
    x->n_sent += r.n_sent;
    x->sent = sent_of(&r);
    snprintf(x->etag, sizeof(x->etag), "%s", r.etag);
    log_request(c, wire, x, began_mono_ms, status);
    return status;
}

/* 401 with code 102: FPT looked at the token and stopped there. */
static int is_token_refused(const struct fptc__exchange *x)
{
    fptc__json *reply = NULL;
    int64_t code;

    if (x->http_status != 401 ||
        fptc__json_parse(fptc__buf_text(&x->reply), x->reply.len, "reply", &reply, NULL) != FPTC_OK)
        return 0;
    code = fptc__json_get_int(fptc__json_first(fptc__json_get(reply, "errors")), "code");
    fptc__json_free(reply);
    return code == CODE_AUTH;
}

static fptc_status get_token(struct fptc__client *c, struct fptc__login *login,
                             struct fptc__exchange *x, fptc_error *err)
{
    fptc_status status = fptc__token_get(c->token, login, err);

    x->sent = FPTC__NOT_SENT;
    if (status != FPTC_OK) {
        x->is_passing = login->is_passing;
        x->retry_after_ms = login->retry_after_ms;
    }
    return status;
}

static fptc_status exchange_on(struct fptc__client *c, struct fptc__lane *lane,
                               struct fptc__exchange *x, const struct fptc__call *call,
                               fptc_error *err)
{
    struct fptc__login login = {0};
    fptc_status status;
    int attempt;

    if (x->is_anonymous)
        return send_once(c, lane, &c->wire, NULL, x, call, err);
    login.lane = lane;
    login.wire = &c->wire;
    login.call = call;
    login.n_requests = &c->n_auth;
    login.n_bytes = &c->n_bytes;
    for (attempt = 0;; attempt++) {
        status = get_token(c, &login, x, err);
        if (status != FPTC_OK)
            return status;
        status = send_once(c, lane, &c->wire, login.bearer, x, call, err);
        fptc__secret_free(login.bearer);
        if (status != FPTC_OK || attempt > 0 || !is_token_refused(x))
            return status;
        fptc__token_drop(c->token, login.generation);
        fptc__log_line(&c->logger, FPTC_LOG_INFO, "FPT refused the token: logging in again");
    }
}

/* To an address that FPT gave: signed, so without a token. */
static fptc_status exchange_elsewhere(struct fptc__client *c, struct fptc__lane *lane,
                                      struct fptc__exchange *x, const struct fptc__call *call,
                                      fptc_error *err)
{
    struct fptc__wire wire;
    fptc_status status = fptc__wire_elsewhere(&c->wire, x->elsewhere, &wire, &x->path, err);

    if (status == FPTC_OK)
        status = send_once(c, lane, &wire, NULL, x, call, err);
    fptc__wire_elsewhere_done(&wire);
    return status;
}

static void clear_outputs(struct fptc__exchange *x)
{
    fptc__buf_init(&x->reply, FPTC_REPLY_BYTES_MAX);
    x->http_status = x->n_sent = x->is_passing = 0;
    x->date_ms = x->retry_after_ms = 0;
    x->etag[0] = '\0';
    x->sent = FPTC__NOT_SENT;
}

fptc_status fptc__client_exchange(struct fptc__client *c, struct fptc__exchange *x,
                                  const struct fptc__call *call, fptc_error *err)
{
    fptc_status status;
    int index;

    clear_outputs(x);
    if (!x->is_anonymous && !c->token)
        return fptc__fail(err, FPTC_EAUTH,
                          "%s: no credentials were given; set script_name and its key",
                          c->wire.base_url);
    status = lane_take(c, call, &index, err);
    if (status != FPTC_OK)
        return status;
    status = x->elsewhere ? exchange_elsewhere(c, c->lanes[index], x, call, err)
                          : exchange_on(c, c->lanes[index], x, call, err);
    lane_give_back(c, index);
    if (status != FPTC_OK && err)
        fptc__client_scrub(c, err->message);
    return status;
}

void fptc__exchange_done(struct fptc__exchange *x)
{
    fptc__buf_done(&x->reply);
}
