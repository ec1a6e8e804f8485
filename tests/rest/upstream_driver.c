/*
 * upstream_driver.c: drives lib/upstream for test_upstream.py. One JSON object a line on stdin, one a
 * line on stdout; nothing secret ever is in its arguments.
 *
 *   {"do":"open", "site_url":..., "script_name":..., ...}     a site; replaces the one before
 *   {"do":"search", "type":..., "filters":..., "fields":..., "page_size":..., "page_number":...}
 *   {"do":"text_search", "text":..., "entity_types":..., "has_groups":..., "page_size":..., "page_number":...}
 *   {"do":"schema"|"create"|"update"|"delete", "type":..., "id":..., "data":...}
 *   {"do":"batch", "requests":[{"kind":1, "type":..., "id":..., "data":...}]}
 *   {"do":"threads", "n":8, "times":20, ... as search}        all at once on the one site
 *   {"do":"counts"} {"do":"retry_after"} {"do":"close"}
 *
 * Any of them with "deadline_ms", "send_by_ms" and "cancel_after_ms". The answer holds status, message, ms, and what
 * was asked for; "log" has the log lines since the last answer.
 */
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "upstream/site.h"

#define THREADS_MAX 64
#define BATCH_MAX 1024
#define LINE_BYTES_MAX (64u << 20)

static struct fptc__site *site;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static fptc__json *log_lines;

static const char *name_of(fptc_status status)
{
    static const struct {
        fptc_status status;
        const char *name;
    } names[] = {{FPTC_OK, "OK"},
                 {FPTC_MISS, "MISS"},
                 {FPTC_UNKNOWN, "UNKNOWN"},
                 {FPTC_EUSAGE, "EUSAGE"},
                 {FPTC_ENET, "ENET"},
                 {FPTC_ETLS, "ETLS"},
                 {FPTC_ESERVER, "ESERVER"},
                 {FPTC_EREFUSED, "EREFUSED"},
                 {FPTC_EAUTH, "EAUTH"},
                 {FPTC_EBUSY, "EBUSY"},
                 {FPTC_ENOMEM, "ENOMEM"},
                 {FPTC_ELIMIT, "ELIMIT"},
                 {FPTC_EDEADLINE, "EDEADLINE"},
                 {FPTC_ECANCELLED, "ECANCELLED"},
                 {FPTC_EINTERNAL, "EINTERNAL"}};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return "?";
}

/* A name server that hangs: takes the place of libc's for libcurl too. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *req,
                struct addrinfo **pai)
{
    (void)service;
    (void)req;
    *pai = NULL;
    if (name && strncmp(name, "hanging-dns", 11) == 0)
        fptc__sleep_ms(4000);
    return EAI_NONAME;
}

static void take_log(int32_t level, const char *text, void *payload)
{
    (void)level;
    (void)payload;
    pthread_mutex_lock(&log_lock);
    (void)fptc__json_append(log_lines, fptc__json_new_text(text));
    pthread_mutex_unlock(&log_lock);
}

/* --- a call with its bounds --- */

struct bounds {
    struct fptc__call call;
    atomic_int cancelled;
    int64_t cancel_after_ms;
    pthread_t thread;
};

static void *cancel_later(void *payload)
{
    struct bounds *b = payload;

    fptc__sleep_ms(b->cancel_after_ms);
    atomic_store(&b->cancelled, 1);
    return NULL;
}

static void bounds_begin(struct bounds *b, const fptc__json *order)
{
    int64_t deadline_ms = fptc__json_get_int(order, "deadline_ms");

    memset(b, 0, sizeof(*b));
    b->call.cancelled = &b->cancelled;
    if (deadline_ms > 0)
        b->call.deadline_mono_ms = fptc__mono_ms() + deadline_ms;
    if (fptc__json_get_int(order, "send_by_ms") > 0)
        b->call.send_by_mono_ms = fptc__mono_ms() + fptc__json_get_int(order, "send_by_ms");
    b->cancel_after_ms = fptc__json_get_int(order, "cancel_after_ms");
    if (b->cancel_after_ms > 0)
        pthread_create(&b->thread, NULL, cancel_later, b);
}

static void bounds_end(struct bounds *b)
{
    if (b->cancel_after_ms > 0)
        pthread_join(b->thread, NULL);
}

static void put_outcome(fptc__json *answer, fptc_status status, const fptc_error *err)
{
    (void)fptc__json_set(answer, "status", fptc__json_new_text(name_of(status)));
    (void)fptc__json_set(answer, "message", fptc__json_new_text(err->message));
    (void)fptc__json_set(answer, "err_status", fptc__json_new_text(name_of(err->status)));
    (void)fptc__json_set(answer, "http_status", fptc__json_new_int(err->http_status));
    (void)fptc__json_set(answer, "curl_code", fptc__json_new_int(err->curl_code));
}

/* --- orders --- */

static void do_open(const fptc__json *order, fptc__json *answer)
{
    static struct fptc__logger logger = {take_log, NULL, FPTC_LOG_DEBUG};
    struct fptc__client_options o = {0};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    fptc__site_close(site);
    o.site_url = fptc__json_get_text(order, "site_url");
    o.script_name = fptc__json_get_text(order, "script_name");
    o.script_key = fptc__json_get_text(order, "script_key");
    o.user_login = fptc__json_get_text(order, "user_login");
    o.user_password = fptc__json_get_text(order, "user_password");
    o.session_token = fptc__json_get_text(order, "session_token");
    o.sudo_as_login = fptc__json_get_text(order, "sudo_as_login");
    o.http_proxy = fptc__json_get_text(order, "http_proxy");
    o.ca_file = fptc__json_get_text(order, "ca_file");
    o.logger = &logger;
    status = fptc__site_open(&o, &site, &err);
    put_outcome(answer, status, &err);
    if (site)
        (void)fptc__json_set(answer, "identity", fptc__json_new_text(fptc__site_identity(site)));
}

static struct fptc__search search_of(const fptc__json *order)
{
    struct fptc__search search = {0};

    search.type = fptc__json_get_text(order, "type");
    search.filters = fptc__json_get(order, "filters");
    search.fields = fptc__json_get_text(order, "fields");
    search.sort = fptc__json_get_text(order, "sort");
    search.page_size = fptc__json_get_int(order, "page_size");
    search.page_number = fptc__json_get_int(order, "page_number");
    search.is_retired = fptc__json_is_true(fptc__json_get(order, "is_retired"));
    if (search.page_size == 0)
        search.page_size = 500;
    if (search.page_number == 0)
        search.page_number = 1;
    return search;
}

static void do_search(const fptc__json *order, fptc__json *answer)
{
    struct fptc__search search = search_of(order);
    struct fptc__page page = {0};
    struct bounds b;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    bounds_begin(&b, order);
    status = fptc__site_search(site, &search, &b.call, &page, &err);
    bounds_end(&b);
    put_outcome(answer, status, &err);
    if (page.rows) {
        (void)fptc__json_set(answer, "n", fptc__json_new_int((int64_t)fptc__json_size(page.rows)));
        (void)fptc__json_set(answer, "rows", page.rows);
        page.rows = NULL;
    }
    (void)fptc__json_set(answer, "is_last", fptc__json_new_bool(page.is_last));
    (void)fptc__json_set(answer, "date_ms", fptc__json_new_int(page.date_ms));
    fptc__page_done(&page);
}

static fptc_status text_search(const fptc__json *order, const struct fptc__call *call,
                               fptc__json **out, fptc_error *err)
{
    struct fptc__text_search search = {
        fptc__json_get_text(order, "text"), fptc__json_get(order, "entity_types"),
        fptc__json_is_true(fptc__json_get(order, "has_groups")),
        fptc__json_get_int(order, "page_size"), fptc__json_get_int(order, "page_number")};

    return fptc__site_text_search(site, &search, call, out, err);
}

static fptc_status batch(const fptc__json *order, const struct fptc__call *call, fptc__json **out,
                         fptc_error *err)
{
    static struct fptc__batch_request requests[BATCH_MAX];
    const fptc__json *r = fptc__json_first(fptc__json_get(order, "requests"));
    size_t n;

    for (n = 0; r && n < BATCH_MAX; n++, r = fptc__json_next(r)) {
        requests[n].kind = (int32_t)fptc__json_get_int(r, "kind");
        requests[n].type = fptc__json_get_text(r, "type");
        requests[n].id = fptc__json_get_int(r, "id");
        requests[n].data = fptc__json_get(r, "data");
    }
    return fptc__site_batch(site, requests, n, call, out, err);
}

static void do_one(const char *what, const fptc__json *order, fptc__json *answer)
{
    const char *type = fptc__json_get_text(order, "type");
    const fptc__json *data = fptc__json_get(order, "data");
    int64_t id = fptc__json_get_int(order, "id");
    fptc__json *got = NULL;
    struct bounds b;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    bounds_begin(&b, order);
    if (strcmp(what, "schema") == 0)
        status = fptc__site_schema(site, type, fptc__json_get_int(order, "project_id"), &b.call,
                                   &got, &err);
    else if (strcmp(what, "text_search") == 0)
        status = text_search(order, &b.call, &got, &err);
    else if (strcmp(what, "batch") == 0)
        status = batch(order, &b.call, &got, &err);
    else if (strcmp(what, "create") == 0)
        status = fptc__site_create(site, type, data, &b.call, &got, &err);
    else if (strcmp(what, "update") == 0)
        status = fptc__site_update(site, type, id, data, &b.call, &got, &err);
    else if (strcmp(what, "revive") == 0)
        status = fptc__site_revive(site, type, id, &b.call, &err);
    else
        status = fptc__site_delete(site, type, id, &b.call, &err);
    bounds_end(&b);
    put_outcome(answer, status, &err);
    if (got)
        (void)fptc__json_set(answer, "got", got);
}

static void do_counts(fptc__json *answer)
{
    struct fptc__site_counts c;

    fptc__site_counts(site, &c);
    (void)fptc__json_set(answer, "auth", fptc__json_new_int(c.auth));
    (void)fptc__json_set(answer, "schema", fptc__json_new_int(c.schema));
    (void)fptc__json_set(answer, "search", fptc__json_new_int(c.search));
    (void)fptc__json_set(answer, "text_search", fptc__json_new_int(c.text_search));
    (void)fptc__json_set(answer, "create", fptc__json_new_int(c.create));
    (void)fptc__json_set(answer, "update", fptc__json_new_int(c.update));
    (void)fptc__json_set(answer, "delete", fptc__json_new_int(c.delete_));
    (void)fptc__json_set(answer, "revive", fptc__json_new_int(c.revive));
    (void)fptc__json_set(answer, "batch", fptc__json_new_int(c.batch));
    (void)fptc__json_set(answer, "retried", fptc__json_new_int(c.retried));
    (void)fptc__json_set(answer, "bytes_received", fptc__json_new_int(c.bytes_received));
}

/* --- many threads --- */

struct worker {
    const fptc__json *order;
    fptc__json *statuses; /* own */
    int64_t n_rows;
    pthread_t thread;
};

static void *work(void *payload)
{
    struct worker *w = payload;
    struct fptc__search search = search_of(w->order);
    int64_t times = fptc__json_get_int(w->order, "times");
    int64_t i;

    for (i = 0; i < times; i++) {
        struct fptc__page page = {0};
        struct bounds b;
        fptc_error err = FPTC_ERROR_INIT;
        fptc_status status;

        bounds_begin(&b, w->order);
        status = fptc__site_search(site, &search, &b.call, &page, &err);
        bounds_end(&b);
        if (page.rows)
            w->n_rows += (int64_t)fptc__json_size(page.rows);
        fptc__page_done(&page);
        (void)fptc__json_append(w->statuses, fptc__json_new_text(name_of(status)));
    }
    return NULL;
}

static void do_threads(const fptc__json *order, fptc__json *answer)
{
    static struct worker workers[THREADS_MAX];
    int64_t n = fptc__json_get_int(order, "n");
    fptc__json *all = fptc__json_new_array();
    int64_t n_rows = 0;
    int64_t i;

    if (n > THREADS_MAX)
        n = THREADS_MAX;
    for (i = 0; i < n; i++) {
        workers[i].order = order;
        workers[i].statuses = fptc__json_new_array();
        workers[i].n_rows = 0;
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        n_rows += workers[i].n_rows;
        (void)fptc__json_append(all, workers[i].statuses);
    }
    (void)fptc__json_set(answer, "statuses", all);
    (void)fptc__json_set(answer, "n", fptc__json_new_int(n_rows));
}

/* --- lines --- */

static fptc__json *obey(const fptc__json *order)
{
    const char *what = fptc__json_get_text(order, "do");
    fptc__json *answer = fptc__json_new_object();
    int64_t began = fptc__mono_ms();

    if (!what)
        what = "";
    if (strcmp(what, "open") == 0) {
        do_open(order, answer);
    } else if (strcmp(what, "close") == 0) {
        fptc__site_close(site);
        site = NULL;
    } else if (!site) {
        (void)fptc__json_set(answer, "status", fptc__json_new_text("no site"));
    } else if (strcmp(what, "search") == 0) {
        do_search(order, answer);
    } else if (strcmp(what, "threads") == 0) {
        do_threads(order, answer);
    } else if (strcmp(what, "retry_after") == 0) {
        (void)fptc__json_set(answer, "left_ms",
                             fptc__json_new_int(fptc__site_retry_after_ms(site)));
    } else if (strcmp(what, "counts") == 0) {
        do_counts(answer);
    } else {
        do_one(what, order, answer);
    }
    (void)fptc__json_set(answer, "ms", fptc__json_new_int(fptc__mono_ms() - began));
    pthread_mutex_lock(&log_lock);
    (void)fptc__json_set(answer, "log", log_lines);
    log_lines = fptc__json_new_array();
    pthread_mutex_unlock(&log_lock);
    return answer;
}

static void print_answer(const fptc__json *answer)
{
    struct fptc__buf text;

    fptc__buf_init(&text, LINE_BYTES_MAX);
    fptc__json_print(answer, &text);
    puts(text.failed ? "{\"status\":\"too long\"}" : fptc__buf_text(&text));
    fflush(stdout);
    fptc__buf_done(&text);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    log_lines = fptc__json_new_array();
    while ((n = getline(&line, &room, stdin)) > 0) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc__json *order = NULL;
        fptc__json *answer;

        if (fptc__json_parse(line, (size_t)n, "order", &order, &err) != FPTC_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        answer = obey(order);
        print_answer(answer);
        fptc__json_free(answer);
        fptc__json_free(order);
    }
    fptc__site_close(site);
    fptc__json_free(log_lines);
    free(line);
    return 0;
}
