/*
 * lane.h: one request at a time over one libcurl handle and the connection it keeps. The only file of
 * the library that knows libcurl's options and codes.
 *
 * A write is sent once, for certain. libcurl repeats a request by itself when a *reused* connection
 * closes before a byte of an answer came (Curl_retry_request in its lib/transfer.c): it takes that for
 * a connection that had gone stale. But
 *   1. the server reads the whole request,
 *   2. commits it,
 *   3. dies or resets the connection without a byte
 * looks the same, and the second copy of a create would be a second row. So a write never reuses a
 * connection (CURLOPT_FRESH_CONNECT: the rule above does not apply to new ones; it also means that a
 * write cannot fail because an idle connection had gone), there is only HTTP/1.1 (HTTP/2 repeats
 * refused streams), no redirect is followed, no challenge answered, and CURLOPT_PREREQFUNCTION, which
 * libcurl calls before each time it begins to send, refuses the second time whatever the reason.
 */
#ifndef FPTC_UPSTREAM_LANE_H
#define FPTC_UPSTREAM_LANE_H

#include "base/buf.h"
#include "base/clock.h"
#include "upstream/wire.h"

/* A stretch of a file as the body of a request: read while it is sent, never held. */
struct fptc__file_body {
    int fd;
    const char *path; /* for messages */
    int64_t offset, bytes;
    void (*tell)(void *payload,
                 int64_t sent_bytes); /* now and then while it is sent; may be NULL */
    void *payload;
    /* out */
    int64_t sent_bytes;
    fptc_error err; /* why the file could not be read; FPTC_OK: it could */
};

#define FPTC__ETAG_BYTES 256

struct fptc__request {
    /* in */
    const char *method, *path;
    const char *content_type; /* NULL without a body */
    const char *body;
    size_t body_len;
    struct fptc__file_body *file; /* in place of body; NULL: none */
    const char *bearer;           /* NULL: none */
    int is_read;
    /* out */
    int http_status;
    struct fptc__buf *reply;         /* the caller's, cleared first; as it came */
    int64_t date_ms, retry_after_ms; /* 0: absent */
    char etag[FPTC__ETAG_BYTES];     /* without its quotes; "": absent */
    int64_t received_bytes;
    int n_sent;      /* how often sending was begun; 0: provably nothing left this host */
    int is_answered; /* a whole answer came */
    int is_passing;  /* failed in a way that often passes */
};

struct fptc__lane;

fptc_status fptc__lane_open(struct fptc__lane **out, fptc_error *err);
void fptc__lane_close(struct fptc__lane *lane);
/* FPTC_OK with a whole answer of any status below 300 or above 399. FPTC_ENET, FPTC_ETLS, FPTC_EAUTH
   (the proxy's), FPTC_EDEADLINE, FPTC_ECANCELLED, FPTC_ESERVER (redirect, not HTTP), FPTC_ELIMIT,
   FPTC_ENOMEM. Returns soon after the deadline or the cancelling. One thread at a time. */
fptc_status fptc__lane_perform(struct fptc__lane *lane, const struct fptc__wire *wire,
                               struct fptc__request *r, const struct fptc__call *call,
                               fptc_error *err);

#endif
