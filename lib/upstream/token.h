/*
 * token.h: the bearer token of one client: fetched when first needed, renewed before it ends, by one
 * thread at a time while the others wait. Refresh tokens are not used: they are single-use, and
 * logging in again costs the same one call (A§1.2).
 */
#ifndef FPTC_UPSTREAM_TOKEN_H
#define FPTC_UPSTREAM_TOKEN_H

#include <stdatomic.h>

#include "upstream/client.h"
#include "upstream/lane.h"

struct fptc__token;

/* Takes what it needs of the credential. *out is NULL when there is none (FPTC_OK). FPTC_EUSAGE for
   half a credential, for two, and for sudo_as_login alone. */
fptc_status fptc__token_open(const struct fptc__client_options *options, struct fptc__token **out,
                             fptc_error *err);
void fptc__token_close(struct fptc__token *t);

/* One need for a token. */
struct fptc__login {
    struct fptc__lane *lane; /* the caller's, idle */
    const struct fptc__wire *wire;
    const struct fptc__call *call;
    _Atomic int64_t *n_requests, *n_bytes; /* added to */
    /* out */
    char *bearer;        /* the caller's: fptc__secret_free() */
    uint64_t generation; /* for fptc__token_drop() */
    int64_t retry_after_ms;
    int is_passing;
};
/* FPTC_EAUTH with FPT's text; else as fptc__client_exchange(). */
fptc_status fptc__token_get(struct fptc__token *t, struct fptc__login *login, fptc_error *err);
/* FPT refused the token of this generation: the next get fetches another. */
void fptc__token_drop(struct fptc__token *t, uint64_t generation);
/* Hides the token itself, should FPT echo it, from a text that is scrubbed next. */
void fptc__token_hide(struct fptc__token *t, char *text);

#endif
