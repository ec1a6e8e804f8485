/*
 * ask.h: one thing asked of FPT, the part that reads and writes share: its names, its exchange, its
 * count, and how FPT's refusal is worded. Only site.c and the files site_*.c use it.
 */
#ifndef FPTC_UPSTREAM_ASK_H
#define FPTC_UPSTREAM_ASK_H

#include <stdatomic.h>

#include "upstream/site.h"

#define FPTC__API "/api/v1.1"
/* Filters in hash form (A§1.4). */
#define FPTC__QUERY_TYPE "application/vnd+shotgun.api3_hash+json"
#define FPTC__JSON_TYPE "application/json"
#define FPTC__ASK_WHAT_BYTES 320u
#define FPTC__ASK_PATH_BYTES 2048u

struct fptc__site {
    struct fptc__client *client;
    char *identity;
    struct fptc__logger logger;
    _Atomic int64_t n_schema, n_search, n_text_search, n_summarize, n_create, n_update, n_delete,
        n_revive, n_batch, n_upload, n_retried;
    _Atomic int64_t wanted_until_mono_ms; /* FPT's last Retry-After */
};

/* One thing asked of FPT. */
struct fptc__ask {
    char what[FPTC__ASK_WHAT_BYTES]; /* "search Shot", for messages */
    char path[FPTC__ASK_PATH_BYTES];
    struct fptc__exchange x;
    struct fptc__buf body;
    _Atomic int64_t *count;
    int is_passing; /* worth another try */
};

/* "verb Type" or "verb Type id" (id 0: none), at FPTC__API "/entity/...". FPTC_EUSAGE for a type or id
   that can be none. Whatever it returns, *a is good for fptc__ask_done(). */
fptc_status fptc__ask_init(struct fptc__ask *a, const char *verb, const char *type, int64_t id,
                           fptc_error *err);
/* The same for what belongs to no one type, at FPTC__API + path. */
void fptc__ask_init_at(struct fptc__ask *a, const char *what, const char *path);
void fptc__ask_done(struct fptc__ask *a);
/* The one exchange, as fptc__client_exchange(); counts it. With a content type, a->body is sent. */
fptc_status fptc__ask_once(struct fptc__site *s, struct fptc__ask *a, const struct fptc__call *call,
                           fptc_error *err);
/* Takes what was asked for out of a reply; FPTC_ESERVER when it is not in there. */
typedef fptc_status (*fptc__take_fn)(fptc__json *reply, fptc__json **out, fptc_error *err);
/* A read: asked again when that may help (site.c), and its reply taken apart. */
fptc_status fptc__ask_read(struct fptc__site *s, struct fptc__ask *a, fptc__take_fn take,
                           const struct fptc__call *call, fptc__json **out, fptc_error *err);
/* Waits before attempt `next` (from 2). 0: no time for it, or the caller has cancelled. */
int fptc__ask_wait(int next, int64_t retry_after_ms, const struct fptc__call *call);
/* A write: sent once (site_write.c). FPTC_OK: FPT said 2xx. err is not NULL. */
fptc_status fptc__ask_write(struct fptc__site *s, struct fptc__ask *a,
                            const struct fptc__call *call, fptc_error *err);
/* FPTC_UNKNOWN: sent, and no answer says what became of it; `why` may be err's own message. err is not NULL. */
fptc_status fptc__ask_unknown(const struct fptc__ask *a, const char *why, fptc_error *err);
/* The end of a write: frees *a, and gives the caller (err may be NULL) why it failed. Returns status. */
fptc_status fptc__ask_end(struct fptc__ask *a, fptc_status status, const fptc_error *why,
                          fptc_error *err);
/* Fills err with "what: FPT verdict (status): its own text, scrubbed" and returns status. */
fptc_status fptc__ask_say(struct fptc__site *s, const struct fptc__ask *a, fptc_status status,
                          const char *verdict, fptc_error *err);
/* The code of FPT's first error, 0 when the reply is not FPT's. */
int64_t fptc__ask_code(const struct fptc__ask *a);

#endif
