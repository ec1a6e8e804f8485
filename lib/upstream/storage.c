/* storage.c: see storage.h. */
#include "upstream/storage.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

/* What storage answers with holds the signature: of all of it only the name of the error goes on. */
static void error_name(const struct fptc__buf *reply, char *out, size_t n)
{
    const char *at = reply->len > 0 ? strstr(fptc__buf_text(reply), "<Code>") : NULL;
    size_t len =
        at == NULL
            ? 0
            : strspn(at + 6, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    out[0] = '\0';
    if (len > 0 && len < 64 && at[6 + len] == '<')
        snprintf(out, n, ": %.*s", (int)len, at + 6);
}

/* *again: the same may go well in a moment. */
static fptc_status judge(struct fptc__site *s, struct fptc__stored *f, const struct fptc__ask *a,
                         int *again, fptc_error *err)
{
    int http = a->x.http_status;
    char name[80];

    if (http >= 200 && http < 300)
        return FPTC_OK;
    *again = http == 408 || http == 429 || (http >= 500 && http <= 504 && http != 501);
    f->is_expired = http == 403;
    if (f->is_site)
        return fptc__ask_say(s, a, *again ? FPTC_EBUSY : FPTC_EREFUSED, "did not take the file",
                             err);
    error_name(&a->x.reply, name, sizeof(name));
    fptc__fail(err, *again ? FPTC_EBUSY : FPTC_EREFUSED,
               "%s: FPT's storage service did not take the file (%d%s)", a->what, http, name);
    err->http_status = http;
    return err->status;
}

static fptc_status store_once(struct fptc__site *s, struct fptc__stored *f, struct fptc__ask *a,
                              const struct fptc__call *call, int *again, fptc_error *err)
{
    fptc_status status;

    f->is_expired = *again = 0;
    status = fptc__ask_once(s, a, call, err);
    if (status == FPTC_OK)
        return judge(s, f, a, again, err);
    *again = status == FPTC_ENET || a->x.is_passing;
    fptc__error_where(err, "%s", a->what);
    return status;
}

/* The path of an address of the site, which is where it goes whatever host it names. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");

    return host == NULL ? url : host + 3 + strcspn(host + 3, "/");
}

static fptc_status begin(struct fptc__site *s, struct fptc__stored *f, struct fptc__ask *a,
                         fptc_error *err)
{
    const char *path = path_of(f->url);

    fptc__ask_init_at(a, f->what, "");
    a->count = &s->n_upload;
    a->x.method = "PUT";
    a->x.content_type = f->media_type;
    a->x.file = f->file;
    a->x.is_private = 1;
    if (!f->is_site) {
        a->x.elsewhere = f->url;
        return FPTC_OK;
    }
    if (path[0] != '/' || strpbrk(path, " \t\r\n") || strlen(path) >= sizeof(a->path))
        return fptc__fail(err, FPTC_ESERVER, "%s: FPT gave no path to send the file to", f->what);
    snprintf(a->path, sizeof(a->path), "%s", path);
    return FPTC_OK;
}

fptc_status fptc__store_file(struct fptc__site *s, struct fptc__stored *f,
                             const struct fptc__call *call, fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status = begin(s, f, &a, err);
    int attempt = 1, again = 0;

    while (status == FPTC_OK) {
        status = store_once(s, f, &a, call, &again, err);
        if (status == FPTC_OK || !again || attempt == FPTC_READ_ATTEMPTS_MAX)
            break;
        attempt++;
        if (!fptc__ask_wait(attempt, a.x.retry_after_ms, call))
            break;
        fptc__log_line(&s->logger, FPTC_LOG_INFO, "sending again: %s", err->message);
        atomic_fetch_add(&s->n_retried, 1);
        status = FPTC_OK;
    }
    snprintf(f->etag, sizeof(f->etag), "%s", a.x.etag);
    f->reply = a.x.reply;
    fptc__buf_init(&a.x.reply, FPTC_REPLY_BYTES_MAX);
    fptc__ask_done(&a);
    return status;
}
