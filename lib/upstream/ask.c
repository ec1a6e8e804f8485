/* ask.c: see ask.h. */
#include "upstream/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/datatype.h"
#include "base/error.h"
#include "base/limits.h"
#include "upstream/mapping.h"
#include "upstream/secret.h"

fptc_status fptc__ask_init(struct fptc__ask *a, const char *verb, const char *type, int64_t id,
                           fptc_error *err)
{
    memset(a, 0, sizeof(*a));
    if (!type || !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "%s: \"%.80s\" is no entity type", verb,
                          type ? type : "");
    fptc__buf_init(&a->body, FPTC_FILTER_BYTES_MAX * 2);
    if (id == 0) {
        snprintf(a->what, sizeof(a->what), "%s %s", verb, type);
        snprintf(a->path, sizeof(a->path), FPTC__API "/entity/%s", type);
        return FPTC_OK;
    }
    if (id < 0)
        return fptc__fail(err, FPTC_EUSAGE, "%s %s: %lld is no id", verb, type, (long long)id);
    snprintf(a->what, sizeof(a->what), "%s %s %lld", verb, type, (long long)id);
    snprintf(a->path, sizeof(a->path), FPTC__API "/entity/%s/%lld", type, (long long)id);
    return FPTC_OK;
}

void fptc__ask_init_at(struct fptc__ask *a, const char *what, const char *path)
{
    memset(a, 0, sizeof(*a));
    fptc__buf_init(&a->body, FPTC_FILTER_BYTES_MAX * 2);
    snprintf(a->what, sizeof(a->what), "%s", what);
    snprintf(a->path, sizeof(a->path), FPTC__API "%s", path);
}

void fptc__ask_done(struct fptc__ask *a)
{
    fptc__exchange_done(&a->x);
    fptc__buf_done(&a->body);
}

static void keep_retry_after(struct fptc__site *s, const struct fptc__exchange *x,
                             fptc_status status)
{
    int is_refusal = status != FPTC_OK || x->http_status == 429 || x->http_status == 503;

    if (is_refusal && x->retry_after_ms > 0 && !x->elsewhere)
        atomic_store(&s->wanted_until_mono_ms, fptc__mono_ms() + x->retry_after_ms);
}

fptc_status fptc__ask_once(struct fptc__site *s, struct fptc__ask *a, const struct fptc__call *call,
                           fptc_error *err)
{
    fptc_status status;

    fptc__exchange_done(&a->x);
    a->x.path = a->path;
    if (a->x.content_type) {
        a->x.body = fptc__buf_text(&a->body);
        a->x.body_len = a->body.len;
    }
    status = fptc__client_exchange(s->client, &a->x, call, err);
    keep_retry_after(s, &a->x, status);
    atomic_fetch_add(a->count, a->x.n_sent);
    if (a->x.n_sent > 1)
        atomic_fetch_add(&s->n_retried, a->x.n_sent - 1);
    return status;
}

fptc_status fptc__ask_say(struct fptc__site *s, const struct fptc__ask *a, fptc_status status,
                          const char *verdict, fptc_error *err)
{
    char text[FPTC__UNSCRUBBED_BYTES];

    fptc__map_error(a->x.reply.data, a->x.reply.len, text, sizeof(text));
    fptc__client_scrub(s->client, text);
    fptc__fail(err, status, "%s: FPT %s (%d): %s", a->what, verdict, a->x.http_status, text);
    err->http_status = a->x.http_status;
    return status;
}

int64_t fptc__ask_code(const struct fptc__ask *a)
{
    fptc__json *reply = NULL;
    int64_t code;

    if (fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, NULL) !=
        FPTC_OK)
        return 0;
    code = fptc__json_get_int(fptc__json_first(fptc__json_get(reply, "errors")), "code");
    fptc__json_free(reply);
    return code;
}
