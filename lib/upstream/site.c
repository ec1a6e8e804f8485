/*
 * site.c: see site.h; opening and reads. site_write.c has the writes. What may be asked again:
 *   1. A read, after 408, 429, 502, 503, 504, after a connection that broke, and after an answer that
 *      is not what was asked for (half of it, a proxy's page).
 *   2. A site that cannot be reached at all is not tried again here: its callers have older answers.
 */
#include "upstream/site.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "upstream/ask.h"
#include "upstream/digest.h"
#include "upstream/mapping.h"

#define PAGE_SIZE_MAX 5000
/* First wait before a read is repeated; doubled each time, less up to half by chance, so that a farm
   does not come back in one wave. */
#define BACKOFF_FIRST_MS 250
#define SLEEP_SLICE_MS 50

/* --- opening --- */

static int given(const char *text)
{
    return text && text[0];
}

static char *make_identity(const struct fptc__client_options *o)
{
    struct fptc__buf text;
    char hash[65];

    fptc__buf_init(&text, 1u << 20);
    if (given(o->script_name)) {
        fptc__buf_addf(&text, "script:%s", o->script_name);
    } else if (given(o->user_login)) {
        fptc__buf_addf(&text, "user:%s", o->user_login);
    } else if (given(o->session_token)) {
        fptc__sha256_hex(o->session_token, strlen(o->session_token), hash);
        fptc__buf_addf(&text, "session:%.16s", hash);
    } else {
        return strdup("");
    }
    if (given(o->sudo_as_login))
        fptc__buf_addf(&text, "+sudo:%s", o->sudo_as_login);
    return fptc__buf_steal(&text);
}

fptc_status fptc__site_open(const struct fptc__client_options *options, struct fptc__site **out,
                            fptc_error *err)
{
    struct fptc__site *s = calloc(1, sizeof(*s));
    fptc_status status;

    *out = NULL;
    if (!s)
        return fptc__fail_nomem(err);
    if (options->logger)
        s->logger = *options->logger;
    status = fptc__client_open(options, &s->client, err);
    if (status == FPTC_OK) {
        s->identity = make_identity(options);
        if (!s->identity)
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK)
        *out = s;
    else
        fptc__site_close(s);
    return status;
}

void fptc__site_close(struct fptc__site *s)
{
    if (!s)
        return;
    fptc__client_close(s->client);
    free(s->identity);
    free(s);
}

const char *fptc__site_identity(const struct fptc__site *s)
{
    return s->identity;
}

void fptc__site_counts(struct fptc__site *s, struct fptc__site_counts *out)
{
    struct fptc__client_counts client;

    fptc__client_counts(s->client, &client);
    memset(out, 0, sizeof(*out));
    out->auth = client.auth;
    out->bytes_received = client.bytes_received;
    out->schema = atomic_load(&s->n_schema);
    out->search = atomic_load(&s->n_search);
    out->text_search = atomic_load(&s->n_text_search);
    out->summarize = atomic_load(&s->n_summarize);
    out->create = atomic_load(&s->n_create);
    out->update = atomic_load(&s->n_update);
    out->delete_ = atomic_load(&s->n_delete);
    out->revive = atomic_load(&s->n_revive);
    out->batch = atomic_load(&s->n_batch);
    out->upload = atomic_load(&s->n_upload);
    out->retried = atomic_load(&s->n_retried);
}

int64_t fptc__site_retry_after_ms(const struct fptc__site *s)
{
    int64_t left_ms = atomic_load(&s->wanted_until_mono_ms) - fptc__mono_ms();

    if (left_ms <= 0)
        return 0;
    return left_ms < FPTC_RETRY_AFTER_MS_MAX ? left_ms : FPTC_RETRY_AFTER_MS_MAX;
}

/* What an answer that is not 2xx means to a read; nothing was done, whatever it says. */
static fptc_status judge_read(struct fptc__site *s, struct fptc__ask *a, fptc_error *err)
{
    int http = a->x.http_status;

    if (http >= 200 && http < 300)
        return FPTC_OK;
    a->is_passing = http == 408 || http == 429 || http == 502 || http == 503 || http == 504;
    if (http == 429 || http == 503)
        return fptc__ask_say(s, a, FPTC_EBUSY, "is too busy", err);
    if (http == 401)
        return fptc__ask_say(s, a, FPTC_EAUTH, "did not accept the credentials", err);
    if (http >= 400 && http < 500 && http != 408)
        return fptc__ask_say(s, a, FPTC_EREFUSED, "refused it", err);
    return fptc__ask_say(s, a, FPTC_ESERVER, "failed", err);
}

/* --- reads --- */

static fptc_status take_reply(struct fptc__site *s, struct fptc__ask *a, fptc__take_fn take,
                              fptc__json **out, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc__json *reply = NULL;
    fptc_status status =
        fptc__json_parse(fptc__buf_text(&a->x.reply), a->x.reply.len, "reply", &reply, &why);

    if (status == FPTC_OK) {
        fptc__buf_done(&a->x.reply); /* text and tree and rows at once would be too much */
        status = take(reply, out, &why);
    }
    fptc__json_free(reply);
    if (status == FPTC_OK)
        return FPTC_OK;
    if (status == FPTC_ENOMEM)
        return fptc__fail_nomem(err);
    /* Neither the reply nor a part of it goes into the message: it may be anything. */
    fptc__client_scrub(s->client, why.message);
    a->is_passing = 1;
    fptc__fail(err, FPTC_ESERVER, "%s: FPT's answer is not what it should be (%s)", a->what,
               why.message);
    err->http_status = a->x.http_status;
    return FPTC_ESERVER;
}

static fptc_status read_once(struct fptc__site *s, struct fptc__ask *a, fptc__take_fn take,
                             const struct fptc__call *call, fptc__json **out, fptc_error *err)
{
    fptc_status status = fptc__ask_once(s, a, call, err);

    if (status != FPTC_OK) {
        a->is_passing = a->x.is_passing || status == FPTC_EBUSY;
        if (status == FPTC_ESERVER && err->http_status >= 502 && err->http_status <= 504)
            a->is_passing = 1;
        fptc__error_where(err, "%s", a->what);
        return status;
    }
    a->is_passing = 0;
    status = judge_read(s, a, err);
    if (status == FPTC_OK)
        status = take_reply(s, a, take, out, err);
    return status;
}

int fptc__ask_wait(int next, int64_t retry_after_ms, const struct fptc__call *call)
{
    int64_t most = (int64_t)BACKOFF_FIRST_MS << (next - 2);
    int64_t ms = most - (int64_t)(fptc__random_u64() % (uint64_t)(most / 2));
    int64_t until;

    if (retry_after_ms > ms)
        ms = retry_after_ms;
    if (ms >= fptc__call_left_ms(call, FPTC_EXCHANGE_MS))
        return 0;
    until = fptc__mono_ms() + ms;
    while (fptc__mono_ms() < until) {
        int64_t left = until - fptc__mono_ms();

        if (fptc__call_check(call, "", NULL) != FPTC_OK)
            return 0;
        fptc__sleep_ms(left < SLEEP_SLICE_MS ? left : SLEEP_SLICE_MS);
    }
    return 1;
}

fptc_status fptc__ask_read(struct fptc__site *s, struct fptc__ask *a, fptc__take_fn take,
                           const struct fptc__call *call, fptc__json **out, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status;
    int attempt;

    a->x.is_read = 1;
    for (attempt = 1;; attempt++) {
        status = read_once(s, a, take, call, out, &why);
        if (status == FPTC_OK || !a->is_passing || attempt == FPTC_READ_ATTEMPTS_MAX)
            break;
        if (!fptc__ask_wait(attempt + 1, a->x.retry_after_ms, call))
            break;
        fptc__log_line(&s->logger, FPTC_LOG_INFO, "asking again: %s", why.message);
        atomic_fetch_add(&s->n_retried, 1);
    }
    if (status != FPTC_OK && call && call->cancelled && atomic_load(call->cancelled))
        status = fptc__fail(&why, FPTC_ECANCELLED, "%s: cancelled by the caller", a->what);
    if (status != FPTC_OK && err)
        *err = why;
    return status;
}

static fptc_status take_data(fptc__json *reply, fptc__json **out, fptc_error *err)
{
    const fptc__json *data = fptc__json_get(reply, "data");

    if (!fptc__json_is_object(data))
        return fptc__fail(err, FPTC_ESERVER, "a schema without its object `data`");
    *out = fptc__json_detach(reply, data);
    return FPTC_OK;
}

/* Types are matched loosely in a path (A§1.1): /schema/shots/fields are the fields of Shot, which is no
   answer to what the fields of `shots` are. */
static int is_of_type(const fptc__json *fields, const char *type)
{
    const fptc__json *of = fptc__json_get(fptc__json_first(fields), "entity_type");
    const char *name = fptc__json_get_text(of, "value");

    return !name || strcmp(name, type) == 0;
}

static fptc_status schema_init(struct fptc__ask *a, const char *type, int64_t project_id,
                               fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t len;

    if (type)
        status = fptc__ask_init(a, "schema of", type, 0, err);
    else
        fptc__ask_init_at(a, "schema", "/schema");
    if (status != FPTC_OK)
        return status;
    if (type)
        snprintf(a->path, sizeof(a->path), FPTC__API "/schema/%s/fields", type);
    len = strlen(a->path);
    if (project_id)
        snprintf(a->path + len, sizeof(a->path) - len, "?project_id=%lld", (long long)project_id);
    a->x.method = "GET";
    return FPTC_OK;
}

fptc_status fptc__site_schema(struct fptc__site *s, const char *type, int64_t project_id,
                              const struct fptc__call *call, fptc__json **out, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__ask a;
    fptc_status status;

    *out = NULL;
    status = schema_init(&a, type, project_id, err);
    if (status != FPTC_OK)
        return status;
    a.count = &s->n_schema;
    status = fptc__ask_read(s, &a, take_data, call, out, &why);
    if (status == FPTC_EREFUSED && type && why.http_status == 404 && fptc__ask_code(&a) != 0)
        why.status = status = FPTC_EUSAGE;
    if (status == FPTC_OK && type && !is_of_type(*out, type)) {
        fptc__json_free(*out);
        *out = NULL;
        status = fptc__fail(&why, FPTC_EUSAGE, "Entity type '%s' does not exist.", type);
    }
    if (status != FPTC_OK && err)
        *err = why;
    fptc__ask_done(&a);
    return status;
}

static fptc_status take_rows(fptc__json *reply, fptc__json **out, fptc_error *err)
{
    return fptc__map_list(reply, out, err);
}

static void write_search(struct fptc__buf *b, const struct fptc__search *search)
{
    const char *fields = given(search->fields) ? search->fields : "id";
    const char *sort = given(search->sort) ? search->sort : "id";

    fptc__buf_adds(b, "{\"filters\":");
    if (search->filters)
        fptc__json_print(search->filters, b);
    else
        fptc__buf_adds(b, "{\"logical_operator\":\"and\",\"conditions\":[]}");
    fptc__buf_adds(b, ",\"fields\":");
    fptc__json_put_text(b, fields, strlen(fields));
    fptc__buf_adds(b, ",\"sort\":");
    fptc__json_put_text(b, sort, strlen(sort));
    fptc__buf_addf(b, ",\"page\":{\"size\":%lld,\"number\":%lld}", (long long)search->page_size,
                   (long long)search->page_number);
    fptc__buf_addf(b, ",\"options\":{\"return_only\":\"%s\",\"include_archived_projects\":%s}}",
                   search->is_retired ? "retired" : "active",
                   search->without_archived ? "false" : "true");
}

static fptc_status search_init(struct fptc__ask *a, const struct fptc__search *search,
                               fptc_error *err)
{
    fptc_status status = fptc__ask_init(a, "search", search->type, 0, err);

    if (status != FPTC_OK)
        return status;
    if (search->page_size < 1 || search->page_size > PAGE_SIZE_MAX || search->page_number < 1)
        return fptc__fail(err, FPTC_EUSAGE, "%s: page size %lld, number %lld; 1 to %d, from 1",
                          a->what, (long long)search->page_size, (long long)search->page_number,
                          PAGE_SIZE_MAX);
    if (search->filters && !fptc__json_is_object(search->filters))
        return fptc__fail(err, FPTC_EUSAGE, "%s: filters must be a group, not %s", a->what,
                          fptc__json_type_name(search->filters));
    write_search(&a->body, search);
    snprintf(a->path + strlen(a->path), sizeof(a->path) - strlen(a->path), "/_search");
    a->x.method = "POST";
    a->x.content_type = FPTC__QUERY_TYPE;
    return fptc__buf_check(&a->body, a->what, err);
}

fptc_status fptc__site_search(struct fptc__site *s, const struct fptc__search *search,
                              const struct fptc__call *call, struct fptc__page *out,
                              fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status = search_init(&a, search, err);

    memset(out, 0, sizeof(*out));
    a.count = &s->n_search;
    if (status == FPTC_OK)
        status = fptc__ask_read(s, &a, take_rows, call, &out->rows, err);
    if (status == FPTC_OK) {
        out->is_last = (int64_t)fptc__json_size(out->rows) < search->page_size;
        out->date_ms = a.x.date_ms;
    }
    fptc__ask_done(&a);
    return status;
}

void fptc__page_done(struct fptc__page *page)
{
    if (!page)
        return;
    fptc__json_free(page->rows);
    memset(page, 0, sizeof(*page));
}
