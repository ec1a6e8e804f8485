/*
 * token.c: see token.h. When a login fails, those who waited for it share its failure instead of
 * trying a wrong password one after the other (sites lock people out after a few attempts).
 */
#include "upstream/token.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "upstream/gate.h"
#include "upstream/mapping.h"
#include "upstream/secret.h"

#define LOGIN_PATH "/api/v1.1/auth/access_token"
#define FORM_BYTES_MAX (1u << 20)
#define REPLY_BYTES_MAX (1u << 20)
/* FPT's have 415 to 527 characters. */
#define BEARER_CHARS_MAX 16384u
/* Renewed this early, or at half its life if that is later (A§1.2: other clients 60 to 180 s). */
#define EARLY_MS 90000
#define LIFE_DEFAULT_S 600
#define LIFE_MAX_S 86400

struct fptc__token {
    struct fptc__gate gate; /* guards all below but form and who, which never change */
    char *form;             /* the login request: holds the credential */
    char *who;              /* for messages: "script 'pipeline'" */
    char *bearer;
    uint64_t generation;
    int64_t renew_mono_ms;
    int is_renewing;
    uint64_t n_renewals;
    fptc_status last_status; /* of the last renewal, with its message */
    fptc_error last_err;
};

/* --- the login request --- */

static int given(const char *text)
{
    return text && text[0];
}

static fptc_status check_pair(const char *a, const char *b, const char *names, fptc_error *err)
{
    if (given(a) == given(b))
        return FPTC_OK;
    return fptc__fail(err, FPTC_EUSAGE, "half a credential: %s are needed both", names);
}

static fptc_status check_credential(const struct fptc__client_options *o, fptc_error *err)
{
    int kinds = given(o->script_name) + given(o->user_login) + given(o->session_token);
    fptc_status status = check_pair(o->script_name, o->script_key, "script_name and its key", err);

    if (status == FPTC_OK)
        status = check_pair(o->user_login, o->user_password, "user_login and user_password", err);
    if (status != FPTC_OK)
        return status;
    if (kinds > 1)
        return fptc__fail(err, FPTC_EUSAGE,
                          "more than one credential: give a script, a user or a session token");
    if (kinds == 0 && given(o->sudo_as_login))
        return fptc__fail(err, FPTC_EUSAGE, "sudo_as_login needs a credential beside it");
    return FPTC_OK;
}

static void add_pair(struct fptc__buf *form, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(NULL, value, 0);

    if (!escaped) {
        form->failed = FPTC_ENOMEM;
        return;
    }
    fptc__buf_addf(form, "%s%s=%s", form->len ? "&" : "", name, escaped);
    explicit_bzero(escaped, strlen(escaped));
    curl_free(escaped);
}

static void add_sudo(struct fptc__buf *form, const char *login)
{
    struct fptc__buf scope;

    fptc__buf_init(&scope, FORM_BYTES_MAX);
    fptc__buf_addf(&scope, "sudo_as_login:%s", login);
    add_pair(form, "scope", fptc__buf_text(&scope));
    fptc__buf_done(&scope);
}

static void write_form(const struct fptc__client_options *o, struct fptc__buf *form,
                       struct fptc__buf *who)
{
    if (given(o->script_name)) {
        add_pair(form, "grant_type", "client_credentials");
        add_pair(form, "client_id", o->script_name);
        add_pair(form, "client_secret", o->script_key);
        fptc__buf_addf(who, "script '%s'", o->script_name);
    } else if (given(o->user_login)) {
        add_pair(form, "grant_type", "password");
        add_pair(form, "username", o->user_login);
        add_pair(form, "password", o->user_password);
        fptc__buf_addf(who, "user '%s'", o->user_login);
    } else {
        add_pair(form, "grant_type", "session_token");
        add_pair(form, "session_token", o->session_token);
        fptc__buf_adds(who, "the session token");
    }
    if (given(o->sudo_as_login)) {
        add_sudo(form, o->sudo_as_login);
        fptc__buf_addf(who, " as '%s'", o->sudo_as_login);
    }
}

fptc_status fptc__token_open(const struct fptc__client_options *options, struct fptc__token **out,
                             fptc_error *err)
{
    fptc_status status = check_credential(options, err);
    struct fptc__buf form, who;
    struct fptc__token *t;

    *out = NULL;
    if (status != FPTC_OK)
        return status;
    if (!given(options->script_name) && !given(options->user_login) &&
        !given(options->session_token))
        return FPTC_OK;
    t = calloc(1, sizeof(*t));
    if (!t)
        return fptc__fail_nomem(err);
    fptc__gate_init(&t->gate);
    fptc__buf_init(&form, FORM_BYTES_MAX);
    fptc__buf_init(&who, FORM_BYTES_MAX);
    write_form(options, &form, &who);
    t->form = fptc__buf_steal(&form);
    t->who = fptc__buf_steal(&who);
    if (!t->form || !t->who) {
        fptc__token_close(t);
        return fptc__fail_nomem(err);
    }
    *out = t;
    return FPTC_OK;
}

void fptc__token_close(struct fptc__token *t)
{
    if (!t)
        return;
    fptc__secret_free(t->form);
    fptc__secret_free(t->bearer);
    free(t->who);
    fptc__gate_done(&t->gate);
    free(t);
}

/* --- one login --- */

/* What may stand in a header: FPT's are base64 with dots. Anything else could end the header. */
static int is_bearer(const char *text)
{
    size_t n = strlen(text);
    const char *p;

    for (p = text; *p; p++) {
        if (*p <= ' ' || *p > '~')
            return 0;
    }
    return n > 0 && n <= BEARER_CHARS_MAX;
}

static fptc_status read_grant(const struct fptc__request *r, const struct fptc__wire *wire,
                              char **out_bearer, int64_t *out_life_s, fptc_error *err)
{
    fptc__json *grant = NULL;
    const char *text = NULL;
    fptc_status status = FPTC_OK;

    if (fptc__json_parse(fptc__buf_text(r->reply), r->reply->len, "grant", &grant, NULL) == FPTC_OK)
        text = fptc__json_get_text(grant, "access_token");
    if (!text || !is_bearer(text))
        status =
            fptc__fail(err, FPTC_ESERVER, "%s: the login gave no token; is site_url an FPT site?",
                       wire->base_url);
    else if (!(*out_bearer = strdup(text)))
        status = fptc__fail_nomem(err);
    *out_life_s = fptc__json_get_int(grant, "expires_in");
    if (*out_life_s <= 0)
        *out_life_s = LIFE_DEFAULT_S;
    if (*out_life_s > LIFE_MAX_S)
        *out_life_s = LIFE_MAX_S;
    fptc__json_free(grant);
    return status;
}

static fptc_status login_refused(const struct fptc__token *t, const struct fptc__login *login,
                                 const struct fptc__request *r, fptc_error *err)
{
    int http = r->http_status;
    char text[FPTC__UNSCRUBBED_BYTES];
    fptc_status status;

    fptc__map_error(fptc__buf_text(r->reply), r->reply->len, text, sizeof(text));
    fptc__secrets_scrub(&login->wire->secrets, text);
    if (http == 400 || http == 401 || http == 403)
        status = fptc__fail(err, FPTC_EAUTH, "%s: FPT did not accept %s: %s", login->wire->base_url,
                            t->who, text);
    else
        status = fptc__fail(err, http == 429 || http == 503 ? FPTC_EBUSY : FPTC_ESERVER,
                            "%s: the login of %s answered %d: %s", login->wire->base_url, t->who,
                            http, text);
    if (err)
        err->http_status = http;
    return status;
}

static fptc_status fetch(struct fptc__token *t, struct fptc__login *login, char **out_bearer,
                         int64_t *out_life_s, fptc_error *err)
{
    struct fptc__request r = {0};
    struct fptc__buf reply;
    fptc_status status;

    fptc__buf_init(&reply, REPLY_BYTES_MAX);
    r.method = "POST";
    r.path = LOGIN_PATH;
    r.content_type = "application/x-www-form-urlencoded";
    r.body = t->form;
    r.body_len = strlen(t->form);
    r.is_read = 1;
    r.reply = &reply;
    status = fptc__lane_perform(login->lane, login->wire, &r, login->call, err);
    atomic_fetch_add(login->n_requests, r.n_sent);
    atomic_fetch_add(login->n_bytes, r.received_bytes);
    login->retry_after_ms = r.retry_after_ms;
    login->is_passing = r.is_passing;
    if (status == FPTC_OK && r.http_status >= 200 && r.http_status < 300) {
        status = read_grant(&r, login->wire, out_bearer, out_life_s, err);
        login->is_passing = status == FPTC_ESERVER;
    } else if (status == FPTC_OK)
        status = login_refused(t, login, &r, err);
    if (reply.data)
        explicit_bzero(reply.data, reply.len);
    fptc__buf_done(&reply);
    return status;
}

/* --- sharing it --- */

/* With the lock held, which is let go while FPT is asked. */
static fptc_status renew(struct fptc__token *t, struct fptc__login *login, fptc_error *err)
{
    int64_t asked_mono_ms = fptc__mono_ms();
    int64_t life_s = 0;
    char *bearer = NULL;
    fptc_status status;

    fptc__error_clear(err);
    t->is_renewing = 1;
    t->n_renewals++;
    fptc__gate_unlock(&t->gate);
    status = fetch(t, login, &bearer, &life_s, err);
    fptc__gate_lock(&t->gate);
    t->is_renewing = 0;
    t->last_status = status;
    t->last_err = *err;
    if (status == FPTC_OK) {
        int64_t half_ms = life_s * 500;

        fptc__secret_free(t->bearer);
        t->bearer = bearer;
        t->generation++;
        t->renew_mono_ms =
            asked_mono_ms + life_s * 1000 - (half_ms < EARLY_MS ? half_ms : EARLY_MS);
    }
    fptc__gate_wake_all(&t->gate);
    return status;
}

static int is_good(const struct fptc__token *t)
{
    return t->bearer && fptc__mono_ms() < t->renew_mono_ms;
}

/* Another thread's own deadline or cancelling says nothing about the credential. */
static int is_shared_failure(fptc_status status)
{
    return status < 0 && status != FPTC_EDEADLINE && status != FPTC_ECANCELLED;
}

static fptc_status get_locked(struct fptc__token *t, struct fptc__login *login, fptc_error *err)
{
    uint64_t waited_for = 0;

    while (!is_good(t)) {
        fptc_status status = FPTC_OK;

        if (t->is_renewing) {
            waited_for = t->n_renewals;
            status = fptc__gate_wait(&t->gate, login->call, "waiting for FPT's login", err);
        } else if (waited_for == t->n_renewals && is_shared_failure(t->last_status)) {
            *err = t->last_err;
            status = t->last_status;
        } else {
            status = renew(t, login, err);
            /* A token of no life at all is used once all the same. */
            if (status == FPTC_OK)
                break;
        }
        if (status != FPTC_OK)
            return status;
    }
    login->generation = t->generation;
    login->bearer = strdup(t->bearer);
    return login->bearer ? FPTC_OK : fptc__fail_nomem(err);
}

fptc_status fptc__token_get(struct fptc__token *t, struct fptc__login *login, fptc_error *err)
{
    fptc_error own = FPTC_ERROR_INIT;
    fptc_status status;

    login->bearer = NULL;
    login->retry_after_ms = 0;
    login->is_passing = 0;
    fptc__gate_lock(&t->gate);
    status = get_locked(t, login, &own);
    fptc__gate_unlock(&t->gate);
    if (status != FPTC_OK && err)
        *err = own;
    return status;
}

void fptc__token_drop(struct fptc__token *t, uint64_t generation)
{
    fptc__gate_lock(&t->gate);
    if (t->generation == generation)
        t->renew_mono_ms = 0;
    fptc__gate_unlock(&t->gate);
}

void fptc__token_hide(struct fptc__token *t, char *text)
{
    fptc__gate_lock(&t->gate);
    if (t->bearer)
        fptc__secret_hide(t->bearer, text);
    fptc__gate_unlock(&t->gate);
}
