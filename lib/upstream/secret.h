/*
 * secret.h: keeps credentials out of what people read. Our own texts never hold one; but FPT's error,
 * a proxy's page or a redirect may echo what it was sent, so every text from outside is scrubbed
 * before it goes into a message.
 */
#ifndef FPTC_UPSTREAM_SECRET_H
#define FPTC_UPSTREAM_SECRET_H

#include <stddef.h>

#define FPTC__SECRETS_MAX 4u
/* The secret itself, and what base64 makes of it at each of its three alignments. */
#define FPTC__SECRET_FORMS 4u
/* A scrubbed text is cut to this: more than fits into a message. See fptc__secrets_scrub(). */
#define FPTC__SCRUBBED_BYTES_MAX 600u
/* What scrubs take: a text cut to this beforehand may end in half a secret, far behind the cut above. */
#define FPTC__UNSCRUBBED_BYTES 8192u

/* What must not be shown. Zeroed: nothing. */
struct fptc__secrets {
    char
        *forms[FPTC__SECRETS_MAX][FPTC__SECRET_FORMS]; /* [0] is the secret, unused ones are NULL */
    size_t n;
    int is_incomplete; /* memory ran out: do not work without the rest */
};

/* NULL is nothing. Below 4 bytes too: starring out every "a" would tell more than it hides. */
void fptc__secrets_add(struct fptc__secrets *s, const char *secret);
void fptc__secrets_done(struct fptc__secrets *s);
/*
 * Replaces by "***" each secret as it is, escaped for a URL, JSON or HTML, or inside base64, and
 * whatever looks like a bearer token; then cuts the text. In this order: had it been cut before, half
 * a secret could be left at its end; were stars shorter than what they hide, the end of a longer text
 * could move up to where it is shown.
 */
void fptc__secrets_scrub(const struct fptc__secrets *s, char *text);
/* Hides one more secret, exactly as it is written, from a text that is scrubbed next. */
void fptc__secret_hide(const char *secret, char *text);

/* Wipes before it frees; NULL is nothing. */
void fptc__secret_free(char *secret);

#endif
