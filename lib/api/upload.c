/*
 * upload.c: fptc_cache_upload(). A file goes to FPT and nothing of it into the cache, so neither the
 * directory nor the outbox is asked (but for the id of a row that was created behind); it runs on the caller's thread, which `progress` is called on.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"

/* A caller is told of progress about this often. */
#define TELL_MS 100

struct watch {
    fptc_progress_fn progress;
    void *payload;
    const char *path;
    int64_t told_mono_ms;
    atomic_int cancelled;
};

static void tell(void *payload, int64_t done_bytes, int64_t bytes)
{
    struct watch *w = payload;
    int64_t now_ms = fptc__mono_ms();

    if (w->progress == NULL || (done_bytes < bytes && now_ms - w->told_mono_ms < TELL_MS))
        return;
    w->told_mono_ms = now_ms;
    if (w->progress(w->path, done_bytes, bytes, w->payload) != 0)
        atomic_store(&w->cancelled, 1);
}

/* ------------------------------------------------------------------------------------------- the request */

static fptc_status take_member(const fptc__json *at, struct fptc__upload *u, int64_t *deadline_ms,
                               fptc_error *err)
{
    const char *name = fptc__json_key(at);
    const char **text = strcmp(name, "type") == 0           ? &u->type
                        : strcmp(name, "field") == 0        ? &u->field
                        : strcmp(name, "display_name") == 0 ? &u->display_name
                                                            : NULL;
    int64_t *number = strcmp(name, "id") == 0            ? &u->id
                      : strcmp(name, "deadline_ms") == 0 ? deadline_ms
                                                         : NULL;

    if (text == NULL && number == NULL)
        return fptc__fail(err, FPTC_EUSAGE,
                          "upload: there is no \"%.80s\"; there are type, id, field, display_name "
                          "and deadline_ms",
                          name);
    if (fptc__json_is_null(at))
        return FPTC_OK;
    if (text != NULL ? !fptc__json_is_string(at) : !fptc__json_is_integer(at))
        return fptc__fail(err, FPTC_EUSAGE, "upload: %s must be %s, not %s", name,
                          text != NULL ? "a string" : "a whole number", fptc__json_type_name(at));
    if (text != NULL)
        *text = fptc__json_text(at);
    else
        *number = fptc__json_int(at);
    return FPTC_OK;
}

static fptc_status take_target(const fptc__json *target, struct fptc__upload *u,
                               int64_t *deadline_ms, fptc_error *err)
{
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    if (!fptc__json_is_object(target))
        return fptc__fail(err, FPTC_EUSAGE,
                          "upload: the target must be an object such as "
                          "{\"type\":\"Version\",\"id\":12}, not %s",
                          fptc__json_type_name(target));
    for (at = fptc__json_first(target); at != NULL && status == FPTC_OK; at = fptc__json_next(at))
        status = take_member(at, u, deadline_ms, err);
    if (status == FPTC_OK && (u->type == NULL || u->id == 0))
        status = fptc__fail(err, FPTC_EUSAGE,
                            "upload: the target needs a type and an id: "
                            "{\"type\":\"Version\",\"id\":12}");
    if (status == FPTC_OK && *deadline_ms < 0)
        status = fptc__fail(err, FPTC_EUSAGE, "upload: deadline_ms is negative");
    return status;
}

/* -------------------------------------------------------------------------------------------- the answer */

static fptc_status give(const struct fptc__upload *u, const struct fptc__uploaded *done,
                        struct fptc_result **out, fptc_error *err)
{
    fptc__json *document = fptc__json_new_object(), *attachment = fptc__json_new_null();
    fptc_status status;
    int ok = 1;

    if (done->attachment_id > 0) {
        fptc__json_free(attachment);
        attachment = fptc__json_new_object();
        ok = fptc__json_set(attachment, "type", fptc__json_new_text("Attachment"));
        ok = fptc__json_set(attachment, "id", fptc__json_new_int(done->attachment_id)) && ok;
    }
    ok = fptc__json_set(document, "attachment", attachment) && ok;
    ok = fptc__json_set(document, "type", fptc__json_new_text(u->type)) && ok;
    ok = fptc__json_set(document, "id", fptc__json_new_int(u->id)) && ok;
    ok = fptc__json_set(document, "field",
                        u->field == NULL ? fptc__json_new_null() : fptc__json_new_text(u->field)) &&
         ok;
    ok = fptc__json_set(document, "bytes", fptc__json_new_int(done->bytes)) && ok;
    ok = fptc__json_set(document, "parts", fptc__json_new_int(done->parts)) && ok;
    status = fptc__result_new(out, err);
    if (status == FPTC_OK)
        status = fptc__result_document(*out, ok ? document : NULL, err);
    if (status == FPTC_OK)
        (*out)->source = FPTC_SOURCE_UPSTREAM;
    fptc__json_free(document);
    return status;
}

static fptc_status may_upload(const struct fptc_cache *cache, fptc_error *err)
{
    if (cache->options.mode == FPTC_MODE_ONLY_CACHE)
        return fptc__fail(err, FPTC_ENODATA,
                          "an upload goes to FPT, which may not be asked (only-cache)");
    return fptc__handle_may_change(cache, "uploading", err);
}

static fptc_status run(struct fptc_cache *cache, struct fptc__upload *u, int64_t deadline_ms,
                       struct fptc_result **out_result, fptc_error *err)
{
    struct watch *watch = u->payload;
    struct fptc__call call = {.cancelled = &watch->cancelled};
    struct fptc__uploaded done;
    fptc_status status;

    if (deadline_ms > 0)
        call.deadline_mono_ms = fptc__mono_ms() + deadline_ms;
    status = fptc__site_upload(cache->site, u, &call, &done, err);
    if (status == FPTC_OK || status == FPTC_UNKNOWN)
        fptc__handle_distrust(cache);
    if (status == FPTC_UNKNOWN)
        fptc__error_where(err, "look whether it has come before you upload it again");
    return status == FPTC_OK && out_result != NULL ? give(u, &done, out_result, err) : status;
}

/* Of a row that was created behind: FPT's. FPTC_PENDING: it has none yet. */
static fptc_status find_row(struct fptc_cache *cache, struct fptc__upload *u, fptc_error *err)
{
    int64_t id = u->id;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc_cache_resolve(cache, id, &u->id, &why);

    if (status == FPTC_OK)
        return FPTC_OK;
    if (status == FPTC_MISS)
        status = FPTC_EUSAGE;
    return fptc__fail(err, status == FPTC_UNKNOWN ? FPTC_PENDING : status,
                      "upload: nothing was sent: %s", why.message);
}

fptc_status fptc_cache_upload(fptc_cache *cache, const char *path, const char *target,
                              fptc_progress_fn progress, void *payload, fptc_result **out_result,
                              fptc_error *err)
{
    struct watch watch = {.progress = progress, .payload = payload, .path = path};
    struct fptc__upload u = {.path = path, .tell = tell, .payload = &watch};
    fptc__json *parsed = NULL;
    int64_t deadline_ms = 0;
    fptc_status status = fptc__handle_check(cache, err);

    if (out_result != NULL)
        *out_result = NULL;
    if (status != FPTC_OK)
        return status;
    if (path == NULL || path[0] == '\0' || target == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "upload: path or target is missing");
    status = may_upload(cache, err);
    if (status == FPTC_OK)
        status = fptc__json_parse(target, strlen(target), "target", &parsed, err);
    if (status == FPTC_OK)
        status = take_target(parsed, &u, &deadline_ms, err);
    if (status == FPTC_OK)
        status = find_row(cache, &u, err);
    if (status == FPTC_OK)
        status = run(cache, &u, deadline_ms, out_result, err);
    fptc__json_free(parsed);
    return status;
}
