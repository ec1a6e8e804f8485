/*
 * json.c: see json.h; parsing and reading. json_write.c has building and printing. cJSON is lenient,
 * and it reads past texts that are not NUL-terminated (CVE-2023-53154, CVE-2023-26819), so nothing
 * reaches it before scan() has passed it: UTF-8, no U+0000, strict numbers and white space, brackets
 * that close, bounded nesting.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53 */
/* cJSON copies a number into 64 bytes; a double needs 17 digits. */
#define NUMBER_BYTES_MAX 60u

struct scan {
    const unsigned char *text;
    size_t len;
    size_t at;
    unsigned depth;
    int too_deep;
    const char *problem; /* NULL while all is well; `at` is its place */
};

/* Length of the UTF-8 character at p, 0 when it is none (overlong, surrogate, cut). */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1u : p[0] < 0xe0 ? 2u : p[0] < 0xf0 ? 3u : 4u;
    size_t i;

    if (p[0] >= 0xf5 || (p[0] >= 0x80 && p[0] < 0xc2) || n < len)
        return 0;
    for (i = 1; i < len; i++) {
        if ((p[i] & 0xc0u) != 0x80u)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return len;
}

static void scan_problem(struct scan *s, const char *problem)
{
    if (!s->problem)
        s->problem = problem;
}

/* s->at is behind the backslash. cJSON takes four characters that are no digits for U+0000. */
static void scan_escape(struct scan *s)
{
    const unsigned char *p = s->text + s->at;
    size_t i;

    if (s->at >= s->len)
        return;
    for (i = 1; p[0] == 'u' && i <= 4; i++) {
        if (i >= s->len - s->at || !isxdigit(p[i]))
            scan_problem(s, "bad escape in a string");
    }
    if (s->problem)
        return;
    if (p[0] == 'u' && memcmp(p + 1, "0000", 4) == 0)
        scan_problem(s, "U+0000 in a string");
    else
        s->at++;
}

/* s->at is behind the opening quote; ends behind the closing one. */
static void scan_string(struct scan *s)
{
    while (s->at < s->len && !s->problem) {
        unsigned char c = s->text[s->at];
        size_t n = 1;

        if (c == '"') {
            s->at++;
            return;
        }
        if (c < 0x20)
            scan_problem(s, "control character in a string");
        if (c >= 0x80)
            n = utf8_length(s->text + s->at, s->len - s->at);
        if (n == 0)
            scan_problem(s, "not UTF-8");
        if (s->problem)
            return;
        s->at += n;
        if (c == '\\')
            scan_escape(s);
    }
    scan_problem(s, "string without an end");
}

static size_t scan_digits(struct scan *s)
{
    size_t start = s->at;

    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        s->at++;
    return s->at - start;
}

static int scan_one_of(struct scan *s, const char *chars)
{
    if (s->at >= s->len || s->text[s->at] == '\0' || !strchr(chars, s->text[s->at]))
        return 0;
    s->at++;
    return 1;
}

/* cJSON takes what strtod takes: "01", "1.", "1e". */
static void scan_number(struct scan *s)
{
    size_t start = s->at;
    size_t whole, first;
    int good;

    (void)scan_one_of(s, "-");
    first = s->at;
    whole = scan_digits(s);
    good = whole == 1 || (whole > 1 && s->text[first] != '0');
    if (good && scan_one_of(s, "."))
        good = scan_digits(s) > 0;
    if (good && scan_one_of(s, "eE")) {
        (void)scan_one_of(s, "+-");
        good = scan_digits(s) > 0;
    }
    if (good && s->at - start <= NUMBER_BYTES_MAX)
        return;
    s->at = start;
    scan_problem(s, good ? "number of too many digits" : "bad number");
}

static void scan_bracket(struct scan *s, unsigned char c)
{
    if (c == '[' || c == '{') {
        s->depth++;
        s->too_deep = s->depth > FPTC_JSON_DEPTH_MAX;
        if (s->too_deep)
            scan_problem(s, "nested too deep");
    } else if (s->depth == 0) {
        scan_problem(s, "bracket closed that was not open");
    } else {
        s->depth--;
    }
    if (!s->problem)
        s->at++;
}

static void scan_one(struct scan *s)
{
    unsigned char c = s->text[s->at];

    if (c == '"') {
        s->at++;
        scan_string(s);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        scan_number(s);
    } else if (c == '[' || c == '{' || c == ']' || c == '}') {
        scan_bracket(s, c);
    } else if (c == ',' || c == ':' || (c >= 'a' && c <= 'z')) {
        s->at++;
    } else if (!scan_one_of(s, " \t\r\n")) {
        scan_problem(s, "unexpected character");
    }
}

static fptc_status scan(const char *text, size_t len, const char *what, fptc_error *err)
{
    struct scan s = {0};

    s.text = (const unsigned char *)text;
    s.len = len;
    while (s.at < s.len && !s.problem)
        scan_one(&s);
    if (s.depth > 0)
        scan_problem(&s, "it ends before everything is closed");
    if (s.too_deep)
        return fptc__fail(err, FPTC_ELIMIT, "%s: nested deeper than %u levels at byte %zu", what,
                          FPTC_JSON_DEPTH_MAX, s.at);
    if (s.problem)
        return fptc__fail(err, FPTC_EUSAGE, "%s: not JSON at byte %zu: %s", what, s.at, s.problem);
    return FPTC_OK;
}

static size_t skip_space(const char *text, size_t len, size_t at)
{
    while (at < len && strchr(" \t\r\n", text[at]) && text[at] != '\0')
        at++;
    return at;
}

/* cJSON reads numbers with strtod, which in a host with a German locale stops at the point. This sets
   the calling thread's locale only. *no_memory tells why NULL was returned. */
static cJSON *parse_in_c_locale(const char *text, size_t len, const char **end, int *no_memory)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    cJSON *v = NULL;

    *no_memory = !c_locale;
    if (!c_locale)
        return NULL;
    before = uselocale(c_locale);
    errno = 0;
    v = cJSON_ParseWithLengthOpts(text, len, end, 0);
    *no_memory = !v && errno == ENOMEM;
    uselocale(before);
    freelocale(c_locale);
    return v;
}

fptc_status fptc__json_parse(const char *text, size_t len, const char *what, fptc__json **out,
                             fptc_error *err)
{
    const char *end = text;
    fptc_status status = scan(text, len, what, err);
    size_t start, at;
    int no_memory;

    *out = NULL;
    if (status != FPTC_OK)
        return status;
    start = skip_space(text, len, 0);
    if (start == len)
        return fptc__fail(err, FPTC_EUSAGE, "%s: empty, expected JSON", what);
    *out = parse_in_c_locale(text + start, len - start, &end, &no_memory);
    if (no_memory)
        return fptc__fail(err, FPTC_ENOMEM, "%s: out of memory", what);
    at = (size_t)(end - text);
    if (*out)
        at = skip_space(text, len, at);
    if (*out && at == len)
        return FPTC_OK;
    fptc__json_free(*out);
    *out = NULL;
    return fptc__fail(err, FPTC_EUSAGE, "%s: not JSON at byte %zu", what, at);
}

/* Behind the next number of a text that is JSON; 1 when it is spelled as a float. */
static int next_number(const char *text, size_t len, size_t *at)
{
    int is_float = 0;

    while (*at < len && text[*at] != '-' && !(text[*at] >= '0' && text[*at] <= '9')) {
        if (text[*at] == '"') {
            for (++*at; *at < len && text[*at] != '"'; ++*at)
                *at += text[*at] == '\\';
        }
        ++*at;
    }
    for (; *at < len && text[*at] != '\0' && strchr("+-.0123456789eE", text[*at]); ++*at)
        is_float |= strchr(".eE", text[*at]) != NULL;
    return is_float;
}

/* The tree has the numbers in the order of the text. */
static int keep_spelling(fptc__json *v, const char *text, size_t len, size_t *at)
{
    fptc__json *c;

    if (cJSON_IsNumber(v))
        return !next_number(text, len, at) || fptc__json_make_float(v, v->valuedouble);
    for (c = v->child; c; c = c->next)
        if (!keep_spelling(c, text, len, at))
            return 0;
    return 1;
}

fptc_status fptc__json_parse_as_spelled(const char *text, size_t len, const char *what,
                                        fptc__json **out, fptc_error *err)
{
    fptc_status status = fptc__json_parse(text, len, what, out, err);
    size_t at = 0;

    if (status != FPTC_OK || keep_spelling(*out, text, len, &at))
        return status;
    fptc__json_free(*out);
    *out = NULL;
    return fptc__fail(err, FPTC_ENOMEM, "%s: out of memory", what);
}

void fptc__json_free(fptc__json *v)
{
    cJSON_Delete(v);
}

int fptc__json_is_object(const fptc__json *v)
{
    return cJSON_IsObject(v);
}

int fptc__json_is_array(const fptc__json *v)
{
    return cJSON_IsArray(v);
}

int fptc__json_is_string(const fptc__json *v)
{
    return cJSON_IsString(v);
}

int fptc__json_is_number(const fptc__json *v)
{
    return cJSON_IsNumber(v);
}

static int is_integer(double v)
{
    return v >= -INTEGER_MAX && v <= INTEGER_MAX && (double)(int64_t)v == v;
}

int fptc__json_is_integer(const fptc__json *v)
{
    return cJSON_IsNumber(v) && is_integer(v->valuedouble);
}

int fptc__json_is_bool(const fptc__json *v)
{
    return cJSON_IsBool(v);
}

int fptc__json_is_true(const fptc__json *v)
{
    return cJSON_IsTrue(v);
}

int fptc__json_is_null(const fptc__json *v)
{
    return cJSON_IsNull(v);
}

const char *fptc__json_type_name(const fptc__json *v)
{
    if (cJSON_IsObject(v))
        return "an object";
    if (cJSON_IsArray(v))
        return "an array";
    if (cJSON_IsString(v))
        return "a string";
    if (cJSON_IsNumber(v))
        return "a number";
    if (cJSON_IsBool(v))
        return "a boolean";
    return v ? "null" : "nothing";
}

const char *fptc__json_text(const fptc__json *v)
{
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

double fptc__json_double(const fptc__json *v)
{
    return cJSON_IsNumber(v) ? v->valuedouble : 0.0;
}

int64_t fptc__json_int(const fptc__json *v)
{
    double d = fptc__json_double(v);

    if (isnan(d))
        return 0;
    /* 2^63 itself is a double, INT64_MAX is not. */
    if (d >= 9223372036854775808.0)
        return INT64_MAX;
    if (d <= -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)d;
}

const char *fptc__json_key(const fptc__json *v)
{
    return v ? v->string : NULL;
}

static cJSON *member(const fptc__json *object, const char *key)
{
    if (!cJSON_IsObject(object) || !key)
        return NULL;
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const fptc__json *fptc__json_get(const fptc__json *object, const char *key)
{
    return member(object, key);
}

const char *fptc__json_get_text(const fptc__json *object, const char *key)
{
    return fptc__json_text(member(object, key));
}

int64_t fptc__json_get_int(const fptc__json *object, const char *key)
{
    return fptc__json_int(member(object, key));
}

const fptc__json *fptc__json_first(const fptc__json *v)
{
    return cJSON_IsArray(v) || cJSON_IsObject(v) ? v->child : NULL;
}

const fptc__json *fptc__json_next(const fptc__json *v)
{
    return v ? v->next : NULL;
}

size_t fptc__json_size(const fptc__json *v)
{
    const fptc__json *c;
    size_t n = 0;

    for (c = fptc__json_first(v); c; c = fptc__json_next(c))
        n++;
    return n;
}

static int equal_arrays(const fptc__json *a, const fptc__json *b)
{
    const fptc__json *x = a->child;
    const fptc__json *y = b->child;

    while (x && y && fptc__json_equal(x, y)) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

/* Equal sizes, every member of a equal in b, every key of b in a: the last only for doubled keys. */
static int equal_objects(const fptc__json *a, const fptc__json *b)
{
    const fptc__json *x;
    const fptc__json *y = b->child;

    if (fptc__json_size(a) != fptc__json_size(b))
        return 0;
    for (x = a->child; x; x = x->next) {
        /* Mostly both are in the same order, which spares the search. */
        const fptc__json *other =
            strcmp(x->string, y->string) == 0 ? y : fptc__json_get(b, x->string);

        if (!other || !fptc__json_equal(x, other))
            return 0;
        if (other != y && !fptc__json_get(a, y->string))
            return 0;
        y = y->next;
    }
    return 1;
}

int fptc__json_equal(const fptc__json *a, const fptc__json *b)
{
    if (!a || !b)
        return a == b;
    if ((a->type & 0xff) != (b->type & 0xff))
        return 0;
    if (cJSON_IsNumber(a))
        return a->valuedouble <= b->valuedouble && a->valuedouble >= b->valuedouble;
    if (cJSON_IsString(a))
        return strcmp(a->valuestring, b->valuestring) == 0;
    if (cJSON_IsArray(a))
        return equal_arrays(a, b);
    if (cJSON_IsObject(a))
        return equal_objects(a, b);
    return 1;
}
