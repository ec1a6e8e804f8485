/* secret.c: see secret.h. What is hidden is first overwritten in its full length, then shortened. */
#include "upstream/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define HIDDEN '\1'
#define SECRET_BYTES_MIN 4u
/* Shorter pieces of base64 are too likely to be an ordinary word. */
#define BASE64_CHARS_MIN 6u
#define FORM_BYTES_MAX (1u << 20)
/* "eyJ" is base64 for '{"': so begins a JSON web token. */
#define TOKEN_START "eyJ"
#define TOKEN_CHARS_MIN 20u

void fptc__secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* --- the forms of a secret --- */

/* The 6 bits at digit `at` of `shift` unknown bytes followed by the secret. */
static unsigned base64_digit(const unsigned char *secret, size_t shift, size_t at)
{
    size_t bit = at * 6;
    unsigned v = 0;
    unsigned i;

    for (i = 0; i < 6; i++, bit++)
        v = v << 1 | (unsigned)(secret[bit / 8 - shift] >> (7 - bit % 8) & 1);
    return v;
}

/* Those digits of base64 that the secret alone decides, `shift` bytes after a group's begin. Sets
   is_incomplete, or returns NULL for one that is too short. */
static char *base64_form(struct fptc__secrets *s, const char *secret, size_t shift)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = (shift * 8 + 5) / 6;
    size_t end = (shift + strlen(secret)) * 8 / 6;
    struct fptc__buf form;
    char *text;

    if (end - at < BASE64_CHARS_MIN)
        return NULL;
    fptc__buf_init(&form, FORM_BYTES_MAX);
    for (; at < end; at++)
        fptc__buf_addc(&form, digits[base64_digit((const unsigned char *)secret, shift, at)]);
    text = fptc__buf_steal(&form);
    if (!text)
        s->is_incomplete = 1;
    return text;
}

void fptc__secrets_add(struct fptc__secrets *s, const char *secret)
{
    size_t i;

    if (!secret || strlen(secret) < SECRET_BYTES_MIN)
        return;
    if (s->n == FPTC__SECRETS_MAX) {
        s->is_incomplete = 1;
        return;
    }
    s->forms[s->n][0] = strdup(secret);
    if (!s->forms[s->n][0])
        s->is_incomplete = 1;
    for (i = 1; i < FPTC__SECRET_FORMS; i++)
        s->forms[s->n][i] = base64_form(s, secret, i - 1);
    s->n++;
}

void fptc__secrets_done(struct fptc__secrets *s)
{
    size_t i, k;

    for (i = 0; i < s->n; i++) {
        for (k = 0; k < FPTC__SECRET_FORMS; k++)
            fptc__secret_free(s->forms[i][k]);
    }
    memset(s, 0, sizeof(*s));
}

/* --- escapes --- */

/* One character written as an escape: its bytes, and how long the escape is (0: there is none). */
struct escape {
    unsigned char bytes[4];
    size_t n;
    size_t len;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* n hexadecimal digits, -1 when they are not there. */
static long hex_number(const char *text, size_t n)
{
    long v = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

static struct escape code_point(long c, size_t len)
{
    struct escape e = {{0}, 1, len};

    e.bytes[0] = (unsigned char)c;
    if (c >= 0x80 && c < 0x800) {
        e.n = 2;
        e.bytes[0] = (unsigned char)(0xc0 | c >> 6);
        e.bytes[1] = (unsigned char)(0x80 | (c & 0x3f));
    } else if (c >= 0x800) {
        e.n = 3;
        e.bytes[0] = (unsigned char)(0xe0 | c >> 12);
        e.bytes[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        e.bytes[2] = (unsigned char)(0x80 | (c & 0x3f));
    }
    return e;
}

/* "&amp;", "&#38;", "&#x26;" */
static struct escape entity_at(const char *text)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    struct escape none = {{0}, 0, 0};
    size_t i;
    long c = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncasecmp(text, names[i].name, strlen(names[i].name)) == 0)
            return code_point(names[i].c, strlen(names[i].name));
    }
    if (text[1] != '#')
        return none;
    if (text[2] == 'x' || text[2] == 'X') {
        for (i = 3; i < 7 && hex_digit(text[i]) >= 0; i++)
            c = c * 16 + hex_digit(text[i]);
    } else {
        for (i = 2; i < 7 && text[i] >= '0' && text[i] <= '9'; i++)
            c = c * 10 + (text[i] - '0');
    }
    return text[i] == ';' && c > 0 && c < 0x10000 ? code_point(c, i + 1) : none;
}

static struct escape escape_at(const char *text)
{
    struct escape none = {{0}, 0, 0};
    long c;

    if (text[0] == '+')
        return code_point(' ', 1);
    if (text[0] == '&')
        return entity_at(text);
    if (text[0] == '%') {
        c = hex_number(text + 1, 2);
        if (c > 0) { /* a byte, not a character */
            struct escape byte = {{(unsigned char)c}, 1, 3};

            return byte;
        }
    }
    if (text[0] == '\\' && text[1] == 'u') {
        c = hex_number(text + 2, 4);
        return c > 0 ? code_point(c, 6) : none;
    }
    if (text[0] == '\\' && text[1])
        return code_point((unsigned char)text[1], 2);
    return none;
}

/* --- finding and hiding --- */

/* Case, and the two alphabets of base64, make no difference: hiding too much does no harm. */
static int fold(char c)
{
    if (c == '-')
        return '+';
    if (c == '_')
        return '/';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Length of the form at the begin of text, 0 when it is not there. */
static size_t match_plain(const char *form, const char *text)
{
    size_t n = 0;

    while (form[n] && fold(text[n]) == fold(form[n]))
        n++;
    return form[n] == '\0' ? n : 0;
}

/* The same, each character of the text being itself or an escape. */
static size_t match_escaped(const char *secret, const char *text)
{
    const char *at = text;

    while (*secret) {
        struct escape e = escape_at(at);

        if (e.len > 0 && strncmp(secret, (const char *)e.bytes, e.n) == 0) {
            secret += e.n;
            at += e.len;
        } else if (fold(*at) == fold(*secret)) {
            secret++;
            at++;
        } else {
            return 0;
        }
    }
    return (size_t)(at - text);
}

static void hide(const char *form, char *text, size_t (*match)(const char *, const char *))
{
    char *at;

    if (strlen(form) < SECRET_BYTES_MIN)
        return;
    for (at = text; *at; at++) {
        size_t n = match(form, at);

        if (n > 0)
            memset(at, HIDDEN, n);
    }
}

void fptc__secret_hide(const char *secret, char *text)
{
    hide(secret, text, match_plain);
}

static int is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-_.=+/", c));
}

static void hide_tokens(char *text)
{
    char *at = text;

    while ((at = strstr(at, TOKEN_START)) != NULL) {
        size_t n = 0;

        while (is_token_char(at[n]))
            n++;
        if (n >= TOKEN_CHARS_MIN)
            memset(at, HIDDEN, n);
        at++;
    }
}

static void cut(char *text)
{
    size_t n = FPTC__SCRUBBED_BYTES_MAX;

    if (strlen(text) <= n)
        return;
    while (n > 0 && ((unsigned char)text[n] & 0xc0u) == 0x80u)
        n--;
    text[n] = '\0';
}

/* Each run of hidden bytes becomes three stars at most. */
static void star_out(char *text)
{
    char *to = text;
    const char *from = text;
    size_t run = 0;

    for (; *from; from++) {
        run = *from == HIDDEN ? run + 1 : 0;
        if (run <= 3)
            *to++ = run ? '*' : *from;
    }
    *to = '\0';
}

void fptc__secrets_scrub(const struct fptc__secrets *s, char *text)
{
    size_t i, k;

    for (i = 0; i < s->n; i++) {
        for (k = 0; k < FPTC__SECRET_FORMS; k++) {
            if (s->forms[i][k])
                hide(s->forms[i][k], text, match_plain);
        }
        hide(s->forms[i][0], text, match_escaped);
    }
    hide_tokens(text);
    cut(text);
    star_out(text);
}
