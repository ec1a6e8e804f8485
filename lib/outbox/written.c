#include "outbox/written.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* FPT keeps 6 decimals. */
#define REAL_STEP 1e-6

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The text without white space at its ends. */
static const char *trimmed(const char *text, size_t *len)
{
    size_t n;

    while (is_blank(*text))
        text++;
    n = strlen(text);
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    *len = n;
    return text;
}

/* Null, "", a text of blanks, [] and nothing at all are one to FPT. */
static int is_empty(const fptc__json *value)
{
    size_t len = 0;

    if (value == NULL || fptc__json_is_null(value))
        return 1;
    if (fptc__json_is_string(value)) {
        (void)trimmed(fptc__json_text(value), &len);
        return len == 0;
    }
    return fptc__json_is_array(value) && fptc__json_size(value) == 0;
}

static int is_real(const fptc__json *value, double *out)
{
    const char *text = fptc__json_text(value);
    char *end = NULL;

    if (fptc__json_is_number(value)) {
        *out = fptc__json_double(value);
        return 1;
    }
    if (text == NULL || *text == '\0')
        return 0;
    *out = strtod(text, &end);
    return *end == '\0';
}

static int is_same_text(const char *a, const char *b)
{
    size_t a_len, b_len;
    int64_t a_ms, b_ms;

    a = trimmed(a, &a_len);
    b = trimmed(b, &b_len);
    if (a_len == b_len && memcmp(a, b, a_len) == 0)
        return 1;
    return fptc__iso_to_ms(a, &a_ms) && fptc__iso_to_ms(b, &b_ms) && a_ms == b_ms;
}

static int is_link(const fptc__json *value)
{
    return fptc__json_is_object(value) && fptc__json_get_text(value, "type") != NULL &&
           fptc__json_is_number(fptc__json_get(value, "id"));
}

static int is_same_link(const fptc__json *a, const fptc__json *b)
{
    return is_link(b) && fptc__json_get_int(a, "id") == fptc__json_get_int(b, "id") &&
           strcmp(fptc__json_get_text(a, "type"), fptc__json_get_text(b, "type")) == 0;
}

static int has_element(const fptc__json *list, const fptc__json *element)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (fptc__written_is(element, at))
            return 1;
    }
    return 0;
}

/* How many of `some` are in `list`, and whether that is all, or none, of them. */
static int n_elements_in(const fptc__json *some, const fptc__json *list)
{
    const fptc__json *at;
    int n = 0;

    for (at = fptc__json_first(some); at != NULL; at = fptc__json_next(at))
        n += has_element(list, at);
    return n;
}

static int is_same_set(const fptc__json *written, const fptc__json *read)
{
    return n_elements_in(written, read) == (int)fptc__json_size(written) &&
           n_elements_in(read, written) == (int)fptc__json_size(read);
}

/* {"multi_entity_update_mode":"add","value":[...]} */
static int is_delta_done(const fptc__json *written, const char *mode, const fptc__json *read)
{
    const fptc__json *value = fptc__json_get(written, "value");
    int n = n_elements_in(value, read);

    if (strcmp(mode, "remove") == 0)
        return n == 0;
    if (strcmp(mode, "add") == 0)
        return n == (int)fptc__json_size(value);
    return is_same_set(value, read);
}

/* FPT adds members of its own to what is neither a link nor a list. */
static int has_members(const fptc__json *written, const fptc__json *read)
{
    const fptc__json *at;

    if (!fptc__json_is_object(read))
        return 0;
    for (at = fptc__json_first(written); at != NULL; at = fptc__json_next(at)) {
        if (!fptc__written_is(at, fptc__json_get(read, fptc__json_key(at))))
            return 0;
    }
    return 1;
}

int fptc__written_is(const fptc__json *written, const fptc__json *read)
{
    const char *mode = fptc__json_get_text(written, "multi_entity_update_mode");
    double a, b;

    if (mode != NULL)
        return is_delta_done(written, mode, read);
    if (is_empty(written) || is_empty(read))
        return is_empty(written) && is_empty(read);
    if (is_link(written))
        return is_same_link(written, read);
    if (fptc__json_is_object(written))
        return has_members(written, read);
    if (fptc__json_is_array(written))
        return fptc__json_is_array(read) && is_same_set(written, read);
    if (fptc__json_is_string(written) && fptc__json_is_string(read) &&
        is_same_text(fptc__json_text(written), fptc__json_text(read)))
        return 1;
    if (is_real(written, &a) && is_real(read, &b))
        return fabs(a - b) <= REAL_STEP / 2 + fabs(a) * 1e-12;
    return fptc__json_equal(written, read);
}

const char *fptc__written_name(const fptc__json *data)
{
    static const char *const names[] = {"code", "content", "name", "title", "subject", "login"};
    size_t i, len;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = fptc__json_get_text(data, names[i]);

        if (text != NULL && (trimmed(text, &len), len > 0))
            return names[i];
    }
    return NULL;
}

fptc__json *fptc__written_text(const fptc__json *data, const char *field)
{
    const char *text = fptc__json_get_text(data, field);
    fptc__json *value;
    char *copy;
    size_t len;

    if (text == NULL)
        return NULL;
    text = trimmed(text, &len);
    copy = strndup(text, len);
    value = copy == NULL ? NULL : fptc__json_new_text(copy);
    free(copy);
    return value;
}

enum fptc__agreement fptc__written_agrees(const fptc__json *data, const fptc__json *row)
{
    const char *name = fptc__written_name(data);
    const fptc__json *at;
    int all = 1, resembles = 1, n_telling = name != NULL;

    for (at = fptc__json_first(data); at != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const fptc__json *read = fptc__json_get(row, field);

        if (read == NULL)
            continue;
        n_telling += is_link(at) && strcmp(field, "project") != 0;
        if (fptc__written_is(at, read))
            continue;
        all = 0;
        if (is_link(at) || (name != NULL && strcmp(field, name) == 0))
            resembles = 0;
    }
    if (all)
        return FPTC__AGREES;
    return resembles && n_telling > 0 ? FPTC__RESEMBLES : FPTC__DIFFERS;
}
