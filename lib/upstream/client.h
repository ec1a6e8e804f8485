/*
 * client.h: one HTTP exchange with the site through libcurl: one connection pool, one token per
 * handle, deadlines, gzip, verified HTTPS. Knows nothing of entities. The credential never leaves the
 * client (client.c, token.c, lane.c): not in messages, not in URLs, not in logs.
 */
#ifndef FPTC_UPSTREAM_CLIENT_H
#define FPTC_UPSTREAM_CLIENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/logger.h"

struct fptc__client;
struct fptc__file_body;

struct fptc__client_options {
    const char *site_url; /* "https://x" or "http://127.0.0.1:port" (loopback only) */
    const char *script_name, *script_key;
    const char *user_login, *user_password;
    const char *session_token;
    const char *sudo_as_login;
    const char *http_proxy;
    const char *ca_file;
    const struct fptc__logger *logger;
};

/* What became of an exchange, as far as the sender can know. */
enum fptc__sent { FPTC__NOT_SENT, FPTC__MAYBE_SENT, FPTC__ANSWERED };

struct fptc__exchange {
    /* in */
    const char *method;       /* "GET", "POST", "PUT", "DELETE" */
    const char *path;         /* "/api/v1.1/entity/shots/_search?x=y", already escaped */
    const char *content_type; /* NULL without a body */
    const char *body;
    size_t body_len;
    struct fptc__file_body *file; /* in place of body: from a file, lane.h; NULL: none */
    const char
        *elsewhere;   /* where to, in place of the site and `path`: no token goes there, and it is
                              for no message or log; NULL: the site */
    int is_private;   /* what follows the ? of `path` is for no log either */
    int is_anonymous; /* no token: GET /api/v1.1 */
    int is_read;      /* harmless when it arrives twice; 0 (a write): sent once, see lane.h */
    /* out */
    int http_status;
    struct fptc__buf reply; /* decoded bytes */
    int64_t date_ms;        /* the reply's Date header, 0 if absent */
    int64_t retry_after_ms; /* Retry-After, 0 if absent */
    char etag[256];         /* without its quotes; "" if absent */
    enum fptc__sent sent;
    int n_sent;     /* how often this request reached the wire: 2 after a renewed token */
    int is_passing; /* it failed in a way that often passes: a reset, half a reply */
};

/* Copies the options. FPTC_EUSAGE for http to anything but loopback, or half a credential, or two. Plain
   http never goes through the proxy. No request. */
fptc_status fptc__client_open(const struct fptc__client_options *options, struct fptc__client **out,
                              fptc_error *err);
void fptc__client_close(struct fptc__client *c);
int fptc__client_has_credentials(const struct fptc__client *c);
/*
 * One exchange; FPTC_OK when FPT answered at all, whatever its status. Fetches or renews the token
 * first, and once more after a 401 with code 102 (the request was not carried out then). FPTC_EAUTH,
 * FPTC_ENET, FPTC_ETLS, FPTC_EDEADLINE, FPTC_ECANCELLED, FPTC_ENOMEM; FPTC_ELIMIT for a reply above
 * FPTC_REPLY_BYTES_MAX; FPTC_ESERVER for a redirect, for what is not HTTP, and when the login answers
 * with neither a token nor a refusal; FPTC_EBUSY when the login answers 429 or 503.
 * At most FPTC_REQUESTS_AT_ONCE at a time. Any thread.
 */
fptc_status fptc__client_exchange(struct fptc__client *c, struct fptc__exchange *x,
                                  const struct fptc__call *call, fptc_error *err);
void fptc__exchange_done(struct fptc__exchange *x); /* frees the reply */

/* Stars out every credential of this client in a text that FPT sent, before it goes into a message,
   and cuts the text to a message's length. */
void fptc__client_scrub(struct fptc__client *c, char *text);

struct fptc__client_counts {
    int64_t auth, requests, bytes_received;
};
void fptc__client_counts(struct fptc__client *c, struct fptc__client_counts *out);

#endif
