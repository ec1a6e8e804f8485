/* floatmark.c: see floatmark.h. */
#include "query/floatmark.h"

#include <string.h>

#include "base/error.h"

#define MARK "$float"
/* A marked float is 12 bytes longer; the shortest is "0.0" or "0e0". */
#define MARKED_PER_BYTE 5u

/* Length of the string literal at text[0] == '"', without checking its inside. */
static size_t string_length(const char *text, size_t len)
{
    size_t n = 1;

    while (n < len && text[n] != '"')
        n += text[n] == '\\' && n + 1 < len ? 2u : 1u;
    return n < len ? n + 1 : len;
}

static int in_number(char c)
{
    return (c >= '0' && c <= '9') || (c != '\0' && strchr("+-.eE", c) != NULL);
}

static size_t number_length(const char *text, size_t len, int *out_is_float)
{
    size_t n;

    *out_is_float = 0;
    for (n = 0; n < len && in_number(text[n]); n++)
        *out_is_float |= text[n] == '.' || text[n] == 'e' || text[n] == 'E';
    return n;
}

void fptc__floatmark(const char *json, size_t len, struct fptc__buf *out)
{
    size_t start = 0; /* of what is not yet copied */
    size_t at = 0;

    while (at < len) {
        int is_float = 0;
        size_t n = 1;

        if (json[at] == '"')
            n = string_length(json + at, len - at);
        else if (json[at] == '-' || (json[at] >= '0' && json[at] <= '9'))
            n = number_length(json + at, len - at, &is_float);
        if (is_float) {
            fptc__buf_add(out, json + start, at - start);
            fptc__buf_adds(out, "{\"" MARK "\":");
            fptc__buf_add(out, json + at, n);
            fptc__buf_addc(out, '}');
            start = at + n;
        }
        at += n;
    }
    fptc__buf_add(out, json + start, len - start);
}

int fptc__float_of(const fptc__json *v, double *out_value)
{
    const fptc__json *inner = fptc__json_is_object(v) ? fptc__json_get(v, MARK) : NULL;

    if (!inner && fptc__json_is_number(v) && !fptc__json_is_integer(v))
        inner = v;
    if (!fptc__json_is_number(inner))
        return 0;
    *out_value = fptc__json_double(inner);
    return 1;
}

fptc_status fptc__parse_marked(const char *json, const char *what, fptc__json **out,
                               fptc_error *err)
{
    size_t len = strlen(json);
    struct fptc__buf marked;
    fptc_status status;

    fptc__buf_init(&marked, MARKED_PER_BYTE * len + 1);
    fptc__floatmark(json, len, &marked);
    status = fptc__buf_check(&marked, what, err);
    if (status == FPTC_OK)
        status = fptc__json_parse(fptc__buf_text(&marked), marked.len, what, out, err);
    fptc__buf_done(&marked);
    return status;
}

static int unmark(fptc__json *v)
{
    const fptc__json *at;
    double value;

    if (fptc__json_is_object(v) && fptc__float_of(v, &value))
        return fptc__json_make_float(v, value);
    for (at = fptc__json_first(v); at; at = fptc__json_next(at)) {
        if (!unmark((fptc__json *)(uintptr_t)at))
            return 0;
    }
    return 1;
}

fptc_status fptc__parse_with_floats(const char *json, const char *what, fptc__json **out,
                                    fptc_error *err)
{
    fptc_status status = fptc__parse_marked(json, what, out, err);

    if (status == FPTC_OK && !unmark(*out)) {
        fptc__json_free(*out);
        *out = NULL;
        status = fptc__fail_nomem(err);
    }
    return status;
}
