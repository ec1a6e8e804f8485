/*
 * site_upload.c: see site.h. Three steps (A§1.11):
 *   1. FPT says where to (GET .../_upload), and opens an upload in parts if it is asked to;
 *   2. the bytes go there (storage.c), the address of each further part is asked for when it is due;
 *   3. FPT attaches them (POST .../_upload): the write. It would attach nothing as readily, so the bytes
 *      are known to be there first.
 * What ends before 3 has attached nothing; parts that are left are given up, for storage keeps them else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/datatype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "upstream/ask.h"
#include "upstream/media_type.h"
#include "upstream/storage.h"

/* Giving parts up must not hold a caller who has cancelled. */
#define ABORT_MS 5000
/* Attachments of the row that are looked at for ours. */
#define ATTACHMENTS 10

struct uploading {
    struct fptc__site *s;
    const struct fptc__upload *u;
    const struct fptc__call *call;
    const char *filename;
    int fd;
    int64_t bytes, mtime_ms, part_bytes;
    int64_t done_bytes; /* of the parts before */
    char what[FPTC__ASK_WHAT_BYTES];
    int in_parts;
    fptc__json *begun; /* what FPT answered to step 1 */
    char *url;         /* of the part that is due */
    char *link, *next; /* where its address came from (NULL: step 1), and the one after it */
    fptc__json *etags;
};

/* ------------------------------------------------------------------------------------------ questions */

static fptc_status take_whole(fptc__json *reply, fptc__json **out, fptc_error *err)
{
    const fptc__json *links = fptc__json_get(reply, "links");

    if (fptc__json_get_text(links, "upload") == NULL)
        return fptc__fail(err, FPTC_ESERVER, "no address to send the file to");
    *out = fptc__json_copy(reply);
    return *out == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

/* A link that FPT gave is a path of the site, to be followed as it stands. */
static fptc_status ask_at(struct uploading *up, struct fptc__ask *a, const char *link,
                          const char *more, fptc_error *err)
{
    fptc__ask_init_at(a, up->what, "");
    a->count = &up->s->n_upload;
    a->x.is_private = 1;
    if (link == NULL || link[0] != '/' || strpbrk(link, " \t\r\n") ||
        (size_t)snprintf(a->path, sizeof(a->path), "%s%s", link, more) >= sizeof(a->path))
        return fptc__fail(err, FPTC_ESERVER, "%s: FPT's answer has no link to go on with",
                          up->what);
    return FPTC_OK;
}

static const char *complete_link(const struct uploading *up)
{
    return fptc__json_get_text(fptc__json_get(up->begun, "links"), "complete_upload");
}

static void put_escaped(struct fptc__buf *out, const char *text)
{
    const char *at;

    for (at = text; *at; at++) {
        if (strchr("-._~", *at) || (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') ||
            (*at >= 'a' && *at <= 'z'))
            fptc__buf_addf(out, "%c", *at);
        else
            fptc__buf_addf(out, "%%%02X", (unsigned char)*at);
    }
}

/* --------------------------------------------------------------------------------- 1. where to send it */

static fptc_status begin_path(const struct uploading *up, struct fptc__ask *a, fptc_error *err)
{
    struct fptc__buf path;
    fptc_status status;

    fptc__buf_init(&path, sizeof(a->path) - 1);
    fptc__buf_adds(&path, a->path);
    if (up->u->field != NULL)
        fptc__buf_addf(&path, "/%s", up->u->field);
    fptc__buf_adds(&path, "/_upload?filename=");
    put_escaped(&path, up->filename);
    if (up->in_parts)
        fptc__buf_adds(&path, "&multipart_upload=true");
    status = fptc__buf_check(&path, "file name", err);
    if (status == FPTC_OK)
        snprintf(a->path, sizeof(a->path), "%s", fptc__buf_text(&path));
    fptc__buf_done(&path);
    return status;
}

/* The site's own storage takes no parts, and says so. */
static int takes_no_parts(const struct fptc__ask *a)
{
    fptc__json *reply = NULL;
    const fptc__json *source;
    int is_so;

    if (fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, NULL) !=
        FPTC_OK)
        return 0;
    source = fptc__json_get(fptc__json_first(fptc__json_get(reply, "errors")), "source");
    is_so = fptc__json_get(source, "multipart_upload") != NULL;
    fptc__json_free(reply);
    return is_so;
}

static fptc_status take_link(char **place, const char *text, fptc_error *err)
{
    free(*place);
    *place = text == NULL ? NULL : strdup(text);
    return text != NULL && *place == NULL ? fptc__fail_nomem(err) : FPTC_OK;
}

static fptc_status take_address(struct uploading *up, const fptc__json *reply, fptc_error *err)
{
    const fptc__json *links = fptc__json_get(reply, "links");
    fptc_status status = take_link(&up->url, fptc__json_get_text(links, "upload"), err);

    if (status == FPTC_OK)
        status = take_link(&up->next, fptc__json_get_text(links, "get_next_part"), err);
    return status;
}

static fptc_status begin_once(struct uploading *up, int *in_one, fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status =
        fptc__ask_init(&a, "upload to", up->u->type, up->u->id > 0 ? up->u->id : -1, err);

    *in_one = 0;
    a.count = &up->s->n_upload;
    a.x.method = "GET";
    if (status == FPTC_OK) {
        snprintf(up->what, sizeof(up->what), "%s", a.what);
        status = begin_path(up, &a, err);
    }
    if (status == FPTC_OK)
        status = fptc__ask_read(up->s, &a, take_whole, up->call, &up->begun, err);
    if (status == FPTC_EREFUSED && up->in_parts)
        *in_one = takes_no_parts(&a);
    fptc__ask_done(&a);
    return status;
}

static fptc_status begin(struct uploading *up, fptc_error *err)
{
    fptc_status status;
    int in_one;

    fptc__json_free(up->begun);
    up->begun = NULL;
    status = begin_once(up, &in_one, err);
    if (in_one) {
        up->in_parts = 0;
        up->part_bytes = up->bytes;
        fptc__error_clear(err);
        status = begin_once(up, &in_one, err);
    }
    if (status != FPTC_OK)
        return status;
    if (!fptc__json_is_object(fptc__json_get(up->begun, "data")) || complete_link(up) == NULL)
        return fptc__fail(err, FPTC_ESERVER, "%s: FPT's answer does not say how to go on",
                          up->what);
    return take_address(up, up->begun, err);
}

/* ---------------------------------------------------------------------------------------- 2. the bytes */

static void tell(void *payload, int64_t sent_bytes)
{
    struct uploading *up = payload;

    if (up->u->tell != NULL)
        up->u->tell(up->u->payload, up->done_bytes + sent_bytes, up->bytes);
}

static const fptc__json *info(const struct uploading *up)
{
    return fptc__json_get(up->begun, "data");
}

static int is_site_storage(const struct uploading *up)
{
    const char *service = fptc__json_get_text(info(up), "storage_service");

    return service != NULL && strcmp(service, "sg") == 0;
}

/* The site's own storage names what it keeps only now; attaching wants these names. */
static fptc_status take_names(struct uploading *up, const struct fptc__buf *text, fptc_error *err)
{
    fptc__json *reply = NULL, *data = fptc__json_copy(info(up));
    const fptc__json *at;
    int ok = data != NULL;
    fptc_status status = fptc__json_parse(fptc__buf_text(text), text->len, "reply", &reply, NULL);

    if (status != FPTC_OK || !fptc__json_is_object(fptc__json_get(reply, "data")))
        status =
            fptc__fail(err, FPTC_ESERVER, "%s: the site does not say what it has stored", up->what);
    for (at = fptc__json_first(fptc__json_get(reply, "data")); at != NULL; at = fptc__json_next(at))
        ok = fptc__json_set(data, fptc__json_key(at), fptc__json_copy(at)) && ok;
    if (status == FPTC_OK && (!ok || !fptc__json_set(up->begun, "data", fptc__json_copy(data))))
        status = fptc__fail_nomem(err);
    fptc__json_free(data);
    fptc__json_free(reply);
    return status;
}

static fptc_status send_stretch(struct uploading *up, int64_t bytes, int *is_expired,
                                fptc_error *err)
{
    struct fptc__file_body file = {up->fd, up->u->path, up->done_bytes, bytes, tell,
                                   up,     0,           FPTC_ERROR_INIT};
    struct fptc__stored stored = {.what = up->what, .url = up->url, .file = &file};
    fptc_status status;

    stored.is_site = is_site_storage(up);
    stored.media_type = fptc__media_type(up->filename);
    status = fptc__store_file(up->s, &stored, up->call, err);
    *is_expired = status != FPTC_OK && stored.is_expired;
    if (status == FPTC_OK && stored.is_site)
        status = take_names(up, &stored.reply, err);
    fptc__buf_done(&stored.reply);
    if (status == FPTC_OK && up->in_parts && stored.etag[0] == '\0')
        status = fptc__fail(err, FPTC_ESERVER, "%s: FPT's storage service gave a part no name",
                            up->what);
    if (status == FPTC_OK && up->in_parts &&
        !fptc__json_append(up->etags, fptc__json_new_text(stored.etag)))
        status = fptc__fail_nomem(err);
    return status;
}

/* Storage keeps parts that are never put together, and nobody lists them. */
static void give_up_parts(struct uploading *up)
{
    atomic_int never = 0;
    struct fptc__call call = {fptc__mono_ms() + ABORT_MS, &never, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status;

    if (!up->in_parts || info(up) == NULL || complete_link(up) == NULL)
        return;
    status = ask_at(up, &a, complete_link(up), "/multipart_abort", &err);
    a.x.method = "POST";
    a.x.content_type = FPTC__JSON_TYPE;
    fptc__json_print(info(up), &a.body);
    if (status == FPTC_OK)
        status = fptc__ask_write(up->s, &a, &call, &err);
    if (status != FPTC_OK)
        fptc__log_line(&up->s->logger, FPTC_LOG_WARNING, "parts of an upload are left behind: %s",
                       err.message);
    fptc__ask_done(&a);
}

/* The address of a part: of the next one, or once more of this one. */
static fptc_status ask_address(struct uploading *up, const char *link, fptc_error *err)
{
    fptc__json *reply = NULL;
    struct fptc__ask a;
    fptc_status status = ask_at(up, &a, link, "", err);

    a.x.method = "GET";
    if (status == FPTC_OK)
        status = fptc__ask_read(up->s, &a, take_whole, up->call, &reply, err);
    fptc__ask_done(&a);
    if (status == FPTC_OK)
        status = take_address(up, reply, err);
    fptc__json_free(reply);
    return status;
}

/* An address that has expired: that of the first part is had by beginning again. */
static fptc_status renew(struct uploading *up, fptc_error *err)
{
    fptc__error_clear(err);
    if (up->link != NULL)
        return ask_address(up, up->link, err);
    give_up_parts(up);
    return begin(up, err);
}

static fptc_status next_part(struct uploading *up, fptc_error *err)
{
    free(up->link);
    up->link = up->next;
    up->next = NULL;
    return ask_address(up, up->link, err);
}

/* An address may have expired on the way here: then another one, once. */
static fptc_status send_part(struct uploading *up, int64_t *out_bytes, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int64_t left = up->bytes - up->done_bytes;
    int is_expired = 0, attempt;

    for (attempt = 0; attempt == 0 || (attempt == 1 && is_expired); attempt++) {
        if (is_expired)
            status = renew(up, err);
        *out_bytes = left < up->part_bytes ? left : up->part_bytes;
        is_expired = 0;
        if (status == FPTC_OK)
            status = send_stretch(up, *out_bytes, &is_expired, err);
    }
    return status;
}

static fptc_status send_all(struct uploading *up, struct fptc__uploaded *out, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    int64_t bytes;

    while (status == FPTC_OK && up->done_bytes < up->bytes) {
        if (up->done_bytes > 0)
            status = next_part(up, err);
        if (status == FPTC_OK)
            status = send_part(up, &bytes, err);
        if (status == FPTC_OK) {
            up->done_bytes += bytes;
            out->parts++;
            tell(up, 0);
        }
    }
    return status;
}

static fptc_status check_unchanged(const struct uploading *up, fptc_error *err)
{
    int64_t bytes = 0, mtime_ms = 0;
    fptc_status status = fptc__file_info(up->u->path, &bytes, &mtime_ms, err);

    if (status == FPTC_OK && bytes == up->bytes && mtime_ms == up->mtime_ms)
        return FPTC_OK;
    if (status < 0)
        return status;
    return fptc__fail(err, FPTC_EIO,
                      "%s: changed while it was sent; nothing was attached; upload it again when "
                      "nobody writes to it",
                      up->u->path);
}

/* ------------------------------------------------------------------------------------- 3. attaching it */

static fptc__json *complete_body(const struct uploading *up)
{
    fptc__json *body = fptc__json_new_object(), *data = fptc__json_new_object();
    fptc__json *about = fptc__json_copy(info(up));
    int ok = fptc__json_set(body, "upload_data", data);

    if (up->u->display_name != NULL)
        ok = fptc__json_set(data, "display_name", fptc__json_new_text(up->u->display_name)) && ok;
    if (up->in_parts)
        ok = fptc__json_set(about, "etags", fptc__json_copy(up->etags)) && ok;
    ok = fptc__json_set(body, "upload_info", about) && ok;
    if (ok)
        return body;
    fptc__json_free(body);
    return NULL;
}

static fptc_status complete(struct uploading *up, fptc_error *err)
{
    fptc__json *body = complete_body(up);
    struct fptc__ask a;
    fptc_status status = ask_at(up, &a, complete_link(up), "", err);

    a.x.method = "POST";
    a.x.content_type = FPTC__JSON_TYPE;
    if (body == NULL && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    fptc__json_print(body, &a.body);
    if (status == FPTC_OK)
        status = fptc__buf_check(&a.body, up->what, err);
    if (status == FPTC_OK)
        status = fptc__ask_write(up->s, &a, up->call, err);
    fptc__json_free(body);
    fptc__ask_done(&a);
    return status;
}

/* ---------------------------------------------------------------------------- what it has become there */

static fptc_status read_rows(struct uploading *up, const char *type, const char *condition,
                             const char *fields, struct fptc__page *page)
{
    struct fptc__search search = {type, NULL, fields, "-id", ATTACHMENTS, 1, 0, 0};
    fptc__json *filters = NULL;
    char text[FPTC_NAME_BYTES_MAX + 160];
    fptc_status status;

    snprintf(text, sizeof(text), "{\"logical_operator\":\"and\",\"conditions\":[%s]}", condition);
    status = fptc__json_parse(text, strlen(text), "filters", &filters, NULL);
    search.filters = filters;
    if (status == FPTC_OK)
        status = fptc__site_search(up->s, &search, up->call, page, NULL);
    fptc__json_free(filters);
    return status;
}

/* The newest of the row's Attachments that has our file's name. */
static int64_t attachment_of_row(struct uploading *up)
{
    struct fptc__page page = {NULL, 0, 0};
    const fptc__json *row;
    char condition[FPTC_NAME_BYTES_MAX + 96];
    int64_t id = 0;

    snprintf(condition, sizeof(condition),
             "[\"attachment_links\",\"is\",{\"type\":\"%s\",\"id\":%lld}]", up->u->type,
             (long long)up->u->id);
    if (read_rows(up, "Attachment", condition, "filename,original_fname", &page) == FPTC_OK) {
        for (row = fptc__json_first(page.rows); id == 0 && row != NULL;
             row = fptc__json_next(row)) {
            const char *name = fptc__json_get_text(row, "filename");

            if (name == NULL)
                name = fptc__json_get_text(row, "original_fname");
            if (name != NULL && strcmp(name, up->filename) == 0)
                id = fptc__json_get_int(row, "id");
        }
    }
    fptc__page_done(&page);
    return id;
}

/* A file field names its Attachment; a list of them has the newest with the greatest id. */
static int64_t attachment_of_field(struct uploading *up)
{
    struct fptc__page page = {NULL, 0, 0};
    const fptc__json *value, *at;
    char condition[64];
    int64_t id = 0;

    snprintf(condition, sizeof(condition), "[\"id\",\"is\",%lld]", (long long)up->u->id);
    if (read_rows(up, up->u->type, condition, up->u->field, &page) == FPTC_OK) {
        value = fptc__json_get(fptc__json_first(page.rows), up->u->field);
        id = fptc__json_is_object(value) ? fptc__json_get_int(value, "id") : 0;
        for (at = fptc__json_is_array(value) ? fptc__json_first(value) : NULL; at != NULL;
             at = fptc__json_next(at))
            id = fptc__json_get_int(at, "id") > id ? fptc__json_get_int(at, "id") : id;
    }
    fptc__page_done(&page);
    return id;
}

static int64_t attachment_id(struct uploading *up)
{
    const char *upload_type = fptc__json_get_text(info(up), "upload_type");

    if (upload_type != NULL && strcmp(upload_type, "Thumbnail") == 0)
        return 0; /* a picture field shows an address only */
    return up->u->field == NULL ? attachment_of_row(up) : attachment_of_field(up);
}

/* -------------------------------------------------------------------------------- the order of the steps */

static fptc_status open_file(struct uploading *up, fptc_error *err)
{
    const char *slash = strrchr(up->u->path, '/');
    fptc_status status = fptc__file_open(up->u->path, &up->fd, err);
    size_t got = 0;
    char byte;

    up->filename = slash == NULL ? up->u->path : slash + 1;
    if (status == FPTC_MISS)
        return fptc__fail(err, FPTC_ENOENT, "%s: there is no such file", up->u->path);
    if (status == FPTC_OK)
        status = fptc__file_pread(up->fd, up->u->path, &byte, 1, 0, &got, err);
    if (status == FPTC_OK)
        status = fptc__file_info(up->u->path, &up->bytes, &up->mtime_ms, err);
    if (status == FPTC_OK && (got == 0 || up->bytes == 0))
        status = fptc__fail(err, FPTC_EUSAGE, "%s: an empty file cannot be uploaded", up->u->path);
    up->in_parts = up->bytes > FPTC_PART_BYTES;
    up->part_bytes = FPTC_PART_BYTES;
    if (up->bytes / FPTC_PARTS_MAX >= FPTC_PART_BYTES)
        up->part_bytes = up->bytes / FPTC_PARTS_MAX + 1;
    return status;
}

static fptc_status check_request(const struct fptc__upload *u, fptc_error *err)
{
    if (u->field != NULL && !fptc__is_name(u->field))
        return fptc__fail(err, FPTC_EUSAGE, "upload to %.80s: \"%.80s\" is no field", u->type,
                          u->field);
    return FPTC_OK;
}

static fptc_status run(struct uploading *up, struct fptc__uploaded *out, fptc_error *err)
{
    fptc_status status = begin(up, err);

    if (status != FPTC_OK)
        return status;
    status = send_all(up, out, err);
    if (status == FPTC_OK)
        status = check_unchanged(up, err);
    if (status == FPTC_OK)
        status = complete(up, err);
    if (status < 0) /* when the end is unknown they may be put together now */
        give_up_parts(up);
    if (status == FPTC_OK) {
        out->attachment_id = attachment_id(up);
        out->bytes = up->bytes;
    }
    return status;
}

fptc_status fptc__site_upload(struct fptc__site *s, const struct fptc__upload *upload,
                              const struct fptc__call *call, struct fptc__uploaded *out,
                              fptc_error *err)
{
    struct uploading up = {.s = s, .u = upload, .call = call, .fd = -1};
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = check_request(upload, &why);

    memset(out, 0, sizeof(*out));
    up.etags = fptc__json_new_array();
    if (status == FPTC_OK && up.etags == NULL)
        status = fptc__fail_nomem(&why);
    if (status == FPTC_OK)
        status = open_file(&up, &why);
    if (status == FPTC_OK)
        status = run(&up, out, &why);
    if (up.fd >= 0)
        fptc__file_close(up.fd);
    fptc__json_free(up.etags);
    fptc__json_free(up.begun);
    free(up.url);
    free(up.link);
    free(up.next);
    if (status < 0 && call && call->cancelled && atomic_load(call->cancelled))
        status = fptc__fail(&why, FPTC_ECANCELLED,
                            "%s: cancelled by the caller; nothing was attached", up.what);
    if (status != FPTC_OK && err)
        *err = why;
    return status;
}
