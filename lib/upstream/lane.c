/*
 * lane.c: see lane.h. Every option is set anew for each request after curl_easy_reset(), which keeps
 * the connection, the TLS session and the names looked up. CURLOPT_VERBOSE is never set: it would show
 * the Authorization header.
 */
#include "upstream/lane.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"

#define USER_AGENT "libfptcache/" FPTC_VERSION_STRING
/* How long a caller who cancels may have to wait. */
#define CANCEL_CHECK_MS 50
/* libcurl's timers and ours may differ by this when a deadline is reached. */
#define TIMER_SLACK_MS 20

struct fptc__lane {
    CURL *easy;
    CURLM *multi; /* drives this one easy handle and keeps its connection */
    struct curl_slist *headers;
    CURLcode setup; /* first option that failed */
    struct fptc__request *r;
    const struct fptc__call *call;
    char why[CURL_ERROR_SIZE];
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

/* Never undone: another user of libcurl in this process may still need it (S§5.4). */
static void init_global(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

fptc_status fptc__lane_open(struct fptc__lane **out, fptc_error *err)
{
    struct fptc__lane *lane;

    *out = NULL;
    pthread_once(&global_once, init_global);
    if (global_code != CURLE_OK)
        return fptc__fail(err, FPTC_EINTERNAL, "libcurl cannot start: %s",
                          curl_easy_strerror(global_code));
    lane = calloc(1, sizeof(*lane));
    if (!lane)
        return fptc__fail_nomem(err);
    lane->easy = curl_easy_init();
    lane->multi = curl_multi_init();
    if (!lane->easy || !lane->multi) {
        fptc__lane_close(lane);
        return fptc__fail_nomem(err);
    }
    /* One is in use at most; the older one goes when a write has opened another. */
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, 1L);
    *out = lane;
    return FPTC_OK;
}

void fptc__lane_close(struct fptc__lane *lane)
{
    if (!lane)
        return;
    curl_easy_cleanup(lane->easy);
    curl_multi_cleanup(lane->multi);
    curl_slist_free_all(lane->headers);
    free(lane);
}

/* --- setting up --- */

static void set_long(struct fptc__lane *lane, CURLoption option, int64_t value)
{
    if (lane->setup == CURLE_OK)
        lane->setup = curl_easy_setopt(lane->easy, option, (long)value);
}

static void set_text(struct fptc__lane *lane, CURLoption option, const char *value)
{
    if (lane->setup == CURLE_OK)
        lane->setup = curl_easy_setopt(lane->easy, option, value);
}

static void add_header(struct fptc__lane *lane, const char *name, const char *value)
{
    struct fptc__buf line;
    struct curl_slist *grown = NULL;

    fptc__buf_init(&line, 1u << 20);
    fptc__buf_addf(&line, "%s%s", name, value);
    if (!line.failed)
        grown = curl_slist_append(lane->headers, fptc__buf_text(&line));
    if (grown)
        lane->headers = grown;
    else
        lane->setup = CURLE_OUT_OF_MEMORY;
    if (line.data)
        explicit_bzero(line.data, line.len);
    fptc__buf_done(&line);
}

static size_t take_bytes(char *data, size_t size, size_t n, void *payload)
{
    struct fptc__lane *lane = payload;

    fptc__buf_add(lane->r->reply, data, size * n);
    return lane->r->reply->failed ? 0 : size * n;
}

static size_t give_bytes(char *data, size_t size, size_t n, void *payload)
{
    struct fptc__file_body *f = ((struct fptc__lane *)payload)->r->file;
    int64_t left = f->bytes - f->sent_bytes;
    size_t want = (int64_t)(size * n) > left ? (size_t)left : size * n;
    size_t got = 0;

    if (want == 0)
        return 0;
    if (fptc__file_pread(f->fd, f->path, data, want, f->offset + f->sent_bytes, &got, &f->err) !=
        FPTC_OK)
        return CURL_READFUNC_ABORT;
    if (got < want) {
        (void)fptc__fail(&f->err, FPTC_EIO, "%s: became shorter while it was sent", f->path);
        return CURL_READFUNC_ABORT;
    }
    f->sent_bytes += (int64_t)got;
    return got;
}

/* A write whose time to be sent is over: its attempt no longer stands for it (§7). */
static int is_too_late(const struct fptc__lane *lane)
{
    const struct fptc__call *call = lane->call;

    return !lane->r->is_read && call != NULL && call->send_by_mono_ms != 0 &&
           fptc__mono_ms() >= call->send_by_mono_ms;
}

/* Called by libcurl each time it is about to send: the last moment to stay "not sent". */
static int before_sending(void *payload, char *to, char *from, int to_port, int from_port)
{
    struct fptc__lane *lane = payload;
    int is_first = lane->r->n_sent == 0;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    if (is_first && (fptc__call_check(lane->call, "", NULL) != FPTC_OK || is_too_late(lane)))
        return CURL_PREREQFUNC_ABORT;
    if (!is_first && !lane->r->is_read)
        return CURL_PREREQFUNC_ABORT;
    lane->r->n_sent++;
    return CURL_PREREQFUNC_OK;
}

static void set_where(struct fptc__lane *lane, const struct fptc__wire *wire)
{
    struct fptc__buf url;

    fptc__buf_init(&url, 1u << 20);
    fptc__buf_addf(&url, "%s%s", wire->base_url, lane->r->path);
    if (url.failed)
        lane->setup = CURLE_OUT_OF_MEMORY;
    set_text(lane, CURLOPT_URL, fptc__buf_text(&url));
    fptc__buf_done(&url);
    set_text(lane, CURLOPT_PROTOCOLS_STR, wire->is_plain ? "http" : "https");
    set_long(lane, CURLOPT_DISALLOW_USERNAME_IN_URL, 1);
    set_long(lane, CURLOPT_FOLLOWLOCATION, 0);
    set_long(lane, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(lane, CURLOPT_FRESH_CONNECT, !lane->r->is_read);
    set_long(lane, CURLOPT_TCP_KEEPALIVE, 1);
    /* Set even when empty: otherwise libcurl reads http_proxy and no_proxy from the environment. */
    set_text(lane, CURLOPT_PROXY, wire->proxy && !wire->is_plain ? wire->proxy : "");
    set_text(lane, CURLOPT_NOPROXY, "");
    if (wire->proxy_user) {
        set_text(lane, CURLOPT_PROXYUSERNAME, wire->proxy_user);
        set_text(lane, CURLOPT_PROXYPASSWORD, wire->proxy_password);
    }
}

static void set_trust(struct fptc__lane *lane, const struct fptc__wire *wire)
{
    set_long(lane, CURLOPT_SSL_VERIFYPEER, 1);
    set_long(lane, CURLOPT_SSL_VERIFYHOST, 2);
    set_long(lane, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_long(lane, CURLOPT_PROXY_SSL_VERIFYPEER, 1);
    set_long(lane, CURLOPT_PROXY_SSL_VERIFYHOST, 2);
    if (!wire->ca_file)
        return;
    /* This file alone: the system's folder would stay trusted beside it. */
    set_text(lane, CURLOPT_CAINFO, wire->ca_file);
    set_text(lane, CURLOPT_CAPATH, NULL);
    set_text(lane, CURLOPT_PROXY_CAINFO, wire->ca_file);
    set_text(lane, CURLOPT_PROXY_CAPATH, NULL);
}

/* A file takes as long as it takes, as long as it gets on. */
static int64_t exchange_ms(struct fptc__lane *lane)
{
    int has_deadline = lane->call != NULL && lane->call->deadline_mono_ms != 0;

    if (lane->r->file == NULL)
        return fptc__call_left_ms(lane->call, FPTC_EXCHANGE_MS);
    set_long(lane, CURLOPT_LOW_SPEED_LIMIT, 1);
    set_long(lane, CURLOPT_LOW_SPEED_TIME, FPTC_STALL_MS / 1000);
    return fptc__call_left_ms(lane->call, has_deadline ? INT32_MAX : FPTC_FILE_EXCHANGE_MS);
}

/* 0 means "no bound" to libcurl, so a bound is at least 1. */
static void set_bounds(struct fptc__lane *lane)
{
    int64_t left = exchange_ms(lane);

    if (left < 1)
        left = 1;
    set_long(lane, CURLOPT_NOSIGNAL, 1);
    set_long(lane, CURLOPT_TIMEOUT_MS, left);
    set_long(lane, CURLOPT_CONNECTTIMEOUT_MS, left < FPTC_CONNECT_MS ? left : FPTC_CONNECT_MS);
    /* A name server that hangs: leave the look-up thread behind instead of waiting for it. */
    set_long(lane, CURLOPT_QUICK_EXIT, 1);
}

static void set_large(struct fptc__lane *lane, CURLoption option, int64_t value)
{
    if (lane->setup == CURLE_OK)
        lane->setup = curl_easy_setopt(lane->easy, option, (curl_off_t)value);
}

static void set_what(struct fptc__lane *lane)
{
    struct fptc__request *r = lane->r;

    if (r->file) {
        set_long(lane, CURLOPT_UPLOAD, 1);
        set_large(lane, CURLOPT_INFILESIZE_LARGE, r->file->bytes);
        curl_easy_setopt(lane->easy, CURLOPT_READFUNCTION, give_bytes);
        curl_easy_setopt(lane->easy, CURLOPT_READDATA, lane);
    } else if (r->body) {
        set_long(lane, CURLOPT_POST, 1);
        set_text(lane, CURLOPT_POSTFIELDS, r->body);
        set_large(lane, CURLOPT_POSTFIELDSIZE_LARGE, (int64_t)r->body_len);
    } else {
        set_long(lane, CURLOPT_HTTPGET, 1);
    }
    set_text(lane, CURLOPT_CUSTOMREQUEST, r->method);
    set_text(lane, CURLOPT_USERAGENT, USER_AGENT);
    set_text(lane, CURLOPT_ACCEPT_ENCODING, "");
    add_header(lane, "Accept: ", "application/json");
    add_header(lane, "Expect:", ""); /* none: no second try after a 417, no waiting for a 100 */
    if (r->content_type)
        add_header(lane, "Content-Type: ", r->content_type);
    if (r->bearer)
        add_header(lane, "Authorization: Bearer ", r->bearer);
    if (lane->setup == CURLE_OK)
        lane->setup = curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
}

static void set_callbacks(struct fptc__lane *lane)
{
    lane->why[0] = '\0';
    curl_easy_setopt(lane->easy, CURLOPT_ERRORBUFFER, lane->why);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEDATA, lane);
    curl_easy_setopt(lane->easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(lane->easy, CURLOPT_PREREQDATA, lane);
}

/* --- performing --- */

static CURLcode result_of(struct fptc__lane *lane)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE && message->easy_handle == lane->easy)
            return message->data.result;
    }
    return CURLE_ABORTED_BY_CALLBACK;
}

static CURLcode drive(struct fptc__lane *lane)
{
    int running = 1;
    CURLMcode code = curl_multi_add_handle(lane->multi, lane->easy);

    while (code == CURLM_OK && running) {
        code = curl_multi_perform(lane->multi, &running);
        if (code != CURLM_OK || !running)
            break;
        if (lane->r->file && lane->r->file->tell)
            lane->r->file->tell(lane->r->file->payload, lane->r->file->sent_bytes);
        if (fptc__call_check(lane->call, "", NULL) == FPTC_ECANCELLED)
            break;
        code = curl_multi_poll(lane->multi, NULL, 0, CANCEL_CHECK_MS, NULL);
    }
    if (code == CURLM_OK)
        return result_of(lane);
    return code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
}

static int64_t header_date_ms(struct fptc__lane *lane, const char *name)
{
    struct curl_header *header;
    time_t seconds = -1;

    if (curl_easy_header(lane->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        seconds = curl_getdate(header->value, NULL);
    return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

/* Seconds, or a date by the server's own clock. */
static int64_t header_retry_ms(struct fptc__lane *lane)
{
    struct curl_header *header;
    char *end;
    long long seconds;
    int64_t at;

    if (curl_easy_header(lane->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return 0;
    seconds = strtoll(header->value, &end, 10);
    if (end != header->value && *end == '\0')
        return seconds <= 0 ? 0 : seconds > INT32_MAX ? (int64_t)INT32_MAX * 1000 : seconds * 1000;
    at = header_date_ms(lane, "Retry-After");
    if (at == 0)
        return 0;
    at -= lane->r->date_ms ? lane->r->date_ms : fptc__wall_ms();
    return at > 0 ? at : 0;
}

static void take_etag(struct fptc__lane *lane)
{
    struct curl_header *header;
    const char *from;
    size_t n;

    if (curl_easy_header(lane->easy, "ETag", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return;
    from = header->value + (header->value[0] == '"');
    n = strcspn(from, "\"\r\n"); /* libcurl gives an empty value as its line end */
    if (n < sizeof(lane->r->etag))
        snprintf(lane->r->etag, sizeof(lane->r->etag), "%.*s", (int)n, from);
}

static void take_answer(struct fptc__lane *lane)
{
    long status = 0;
    curl_off_t bytes = 0;

    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(lane->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
    lane->r->http_status = (int)status;
    lane->r->received_bytes = (int64_t)bytes;
    lane->r->date_ms = header_date_ms(lane, "Date");
    lane->r->retry_after_ms = header_retry_ms(lane);
    take_etag(lane);
}

/* --- what went wrong --- */

/* A handshake that was cut off is the network's; any other is about trust or versions. */
static fptc_status handshake_status(const char *why)
{
    int is_cut = strstr(why, "SYSCALL") || strstr(why, "reset") || strstr(why, "unexpected eof");

    return is_cut ? FPTC_ENET : FPTC_ETLS;
}

static int is_unreadable(const struct fptc__lane *lane)
{
    return lane->r->file != NULL && lane->r->file->err.status != FPTC_OK;
}

static fptc_status status_of(const struct fptc__lane *lane, CURLcode code)
{
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY:
        return FPTC_ENOMEM;
    case CURLE_WRITE_ERROR:
        return lane->r->reply->failed ? lane->r->reply->failed : FPTC_ENET;
    case CURLE_OPERATION_TIMEDOUT:
        if (fptc__call_left_ms(lane->call, FPTC_EXCHANGE_MS) <= TIMER_SLACK_MS)
            return FPTC_EDEADLINE;
        return FPTC_ENET;
    case CURLE_ABORTED_BY_CALLBACK: {
        if (is_unreadable(lane))
            return lane->r->file->err.status;
        fptc_status stopped = fptc__call_check(lane->call, "", NULL);

        if (stopped == FPTC_OK && lane->r->n_sent == 0 && is_too_late(lane))
            return FPTC_EDEADLINE;
        return stopped != FPTC_OK && lane->r->n_sent <= 1 ? stopped : FPTC_ENET;
    }
    case CURLE_SSL_CONNECT_ERROR:
        return handshake_status(lane->why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return FPTC_ETLS;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* so libcurl calls an answer without a status line */
        return FPTC_ESERVER;
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
    case CURLE_URL_MALFORMAT:
        return FPTC_EINTERNAL;
    default:
        return FPTC_ENET;
    }
}

/* Cut off on its way, and likely to come through the next time. */
static int is_passing(CURLcode code)
{
    return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
           code == CURLE_PARTIAL_FILE || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_WEIRD_SERVER_REPLY ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WRITE_ERROR;
}

/* libcurl's words, without the space that some of them end in. */
static const char *why_text(struct fptc__lane *lane, CURLcode code)
{
    size_t n = strlen(lane->why);

    while (n > 0 && lane->why[n - 1] == ' ')
        lane->why[--n] = '\0';
    return n > 0 ? lane->why : curl_easy_strerror(code);
}

static const char *what_passed(const struct fptc__lane *lane)
{
    if (lane->r->n_sent)
        return "the deadline passed before the answer came";
    if (is_too_late(lane) && fptc__call_check(lane->call, "", NULL) == FPTC_OK)
        return "the send window of this write (half its quiet period) passed before the request was sent: "
               "nothing was done, and it can be tried again; is the quiet period too short?";
    return "the deadline passed before the request was sent";
}

static fptc_status failed(struct fptc__lane *lane, const struct fptc__wire *wire, CURLcode code,
                          fptc_error *err)
{
    const char *why = why_text(lane, code);
    fptc_status status = status_of(lane, code);
    long proxy_status = 0;

    lane->r->is_passing = is_passing(code) && (status == FPTC_ENET || status == FPTC_ESERVER);
    curl_easy_getinfo(lane->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (is_unreadable(lane)) {
        if (err)
            *err = lane->r->file->err;
    } else if (status == FPTC_EDEADLINE)
        fptc__fail(err, status, "%s: %s", wire->base_url, what_passed(lane));
    else if (status == FPTC_ECANCELLED)
        fptc__fail(err, status, "%s: cancelled by the caller", wire->base_url);
    else if (status == FPTC_ELIMIT)
        fptc__fail(err, status, "%s: the reply is larger than %u bytes", wire->base_url,
                   FPTC_REPLY_BYTES_MAX);
    else if (proxy_status >= 300 && lane->r->n_sent == 0) {
        lane->r->is_passing = 0;
        status = proxy_status == 407 ? FPTC_EAUTH : FPTC_ENET;
        fptc__fail(err, status, "%s: the proxy %s answered %ld%s", wire->base_url, wire->proxy,
                   proxy_status,
                   proxy_status == 407 ? ": it wants another user name and password" : "");
    } else
        fptc__fail(err, status, "%s: %s", wire->base_url, why);
    if (err)
        err->curl_code = (int32_t)code;
    return status;
}

/* A moved site is for people to decide on: following would carry the credential elsewhere. */
static fptc_status redirected(struct fptc__lane *lane, const struct fptc__wire *wire,
                              fptc_error *err)
{
    char text[FPTC__UNSCRUBBED_BYTES] = "nowhere";
    char *to = NULL;
    fptc_status status;

    curl_easy_getinfo(lane->easy, CURLINFO_REDIRECT_URL, &to);
    if (to)
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(to, "?#"), to);
    if (lane->r->bearer)
        fptc__secret_hide(lane->r->bearer, text);
    fptc__secrets_scrub(&wire->secrets, text);
    status = fptc__fail(err, FPTC_ESERVER, "%s: answered %d, a redirect to %s; is site_url right?",
                        wire->base_url, lane->r->http_status, text);
    if (err)
        err->http_status = lane->r->http_status;
    return status;
}

static void begin(struct fptc__lane *lane, struct fptc__request *r, const struct fptc__call *call)
{
    lane->r = r;
    lane->call = call;
    lane->setup = CURLE_OK;
    fptc__buf_clear(r->reply);
    r->http_status = r->n_sent = r->is_answered = r->is_passing = 0;
    r->date_ms = r->retry_after_ms = r->received_bytes = 0;
    r->etag[0] = '\0';
    if (r->file) {
        r->file->sent_bytes = 0;
        fptc__error_clear(&r->file->err);
    }
}

static void end(struct fptc__lane *lane)
{
    curl_multi_remove_handle(lane->multi, lane->easy);
    curl_easy_reset(lane->easy); /* forgets the bearer, and pointers to what is the caller's */
    curl_slist_free_all(lane->headers);
    lane->headers = NULL;
    lane->r = NULL;
    lane->call = NULL;
}

fptc_status fptc__lane_perform(struct fptc__lane *lane, const struct fptc__wire *wire,
                               struct fptc__request *r, const struct fptc__call *call,
                               fptc_error *err)
{
    fptc_status status = fptc__call_check(call, wire->base_url, err);
    CURLcode code;

    begin(lane, r, call);
    if (status != FPTC_OK) {
        end(lane);
        return status;
    }
    set_callbacks(lane);
    set_where(lane, wire);
    set_trust(lane, wire);
    set_bounds(lane);
    set_what(lane);
    code = lane->setup == CURLE_OK ? drive(lane) : lane->setup;
    take_answer(lane);
    if (code != CURLE_OK) {
        status = failed(lane, wire, code, err);
    } else {
        r->is_answered = 1;
        if (r->http_status >= 300 && r->http_status < 400)
            status = redirected(lane, wire, err);
    }
    end(lane);
    return status;
}
