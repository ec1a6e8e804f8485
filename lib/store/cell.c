/*
 * cell.c: values as FPT's REST gives them, turned into what a column keeps, and compared with it.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "store/tables_apply.h"

/* --- numbers ---------------------------------------------------------------------------------- */

/* FPT keeps floats at 6 decimals. Above 2^33 a double has fewer than that. */
static double round6(double v)
{
    double r;

    if (!(fabs(v) < 8589934592.0))
        return v;
    r = round(v * 1e6) / 1e6;
    return r == 0 ? 0 : r; /* no negative zero */
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number in SQLite's grammar, cut into its parts. */
struct numeral {
    const char *start;
    size_t len;    /* without white space */
    size_t n_int;  /* digits before the point */
    size_t n_frac; /* and after it */
    int has_point, has_exponent;
};

static int cut_numeral(const char *text, struct numeral *n)
{
    const char *c = text;

    memset(n, 0, sizeof(*n));
    while (is_space(*c))
        c++;
    n->start = c;
    if (*c == '-' || *c == '+')
        c++;
    for (; is_digit(*c); c++)
        n->n_int++;
    if (*c == '.') {
        n->has_point = 1;
        for (c++; is_digit(*c); c++)
            n->n_frac++;
    }
    if (n->n_int + n->n_frac == 0)
        return 0;
    if (*c == 'e' || *c == 'E') {
        c++;
        if (*c == '-' || *c == '+')
            c++;
        if (!is_digit(*c))
            return 0;
        n->has_exponent = 1;
        while (is_digit(*c))
            c++;
    }
    n->len = (size_t)(c - n->start);
    while (is_space(*c))
        c++;
    return *c == '\0';
}

/* Digits only, at most 18 of them: fits in 64 bits. */
static int64_t small_integer(const char *digits, size_t n)
{
    int64_t v = 0;
    size_t i;

    for (i = 0; i < n; i++)
        v = v * 10 + (digits[i] - '0');
    return v;
}

/* Any numeral, through the JSON parser, which knows no locale. */
static double slow_double(const struct numeral *n)
{
    struct fptc__buf text;
    fptc__json *v = NULL;
    const char *c = n->start;
    double d = 0;
    size_t i = 0;

    fptc__buf_init(&text, 1u << 20);
    if (*c == '-')
        fptc__buf_addc(&text, '-');
    if (*c == '-' || *c == '+')
        i = 1;
    while (i < n->len && c[i] == '0' && i + 1 < n->len && is_digit(c[i + 1]))
        i++;
    if (i < n->len && c[i] == '.')
        fptc__buf_addc(&text, '0');
    for (; i < n->len; i++) {
        if (c[i] == '.' && (i + 1 >= n->len || !is_digit(c[i + 1])))
            continue;
        fptc__buf_addc(&text, c[i]);
    }
    if (!text.failed && fptc__json_parse(text.data, text.len, "a number", &v, NULL) == FPTC_OK)
        d = fptc__json_double(v);
    fptc__json_free(v);
    fptc__buf_done(&text);
    return d;
}

char fptc__number_of_text(const char *text, int64_t *out_i, double *out_d)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    struct numeral n;
    const char *digits;
    int64_t whole;
    int sign;

    if (!cut_numeral(text, &n))
        return 0;
    sign = n.start[0] == '-' ? -1 : 1;
    digits = n.start + (n.start[0] == '-' || n.start[0] == '+');
    if (!n.has_point && !n.has_exponent && n.n_int <= 18) {
        *out_i = sign * small_integer(digits, n.n_int);
        return 'i';
    }
    *out_d = 0;
    if (!n.has_exponent && n.n_int + n.n_frac <= 15 && n.n_frac <= 12) {
        /* Both parts are exact in a double, so the one division rounds correctly. */
        whole = small_integer(digits, n.n_int) * (int64_t)tens[n.n_frac] +
                small_integer(digits + n.n_int + 1, n.n_frac);
        *out_d = sign * ((double)whole / tens[n.n_frac]);
        return 'd';
    }
    *out_d = slow_double(&n);
    return 'd';
}

/* --- values ----------------------------------------------------------------------------------- */

static fptc_status text_of(const fptc__json *value, struct fptc__buf *scratch,
                           struct fptc__cell *out, fptc_error *err)
{
    out->kind = 't';
    out->text = fptc__json_text(value);
    if (out->text)
        return FPTC_OK;
    fptc__buf_clear(scratch);
    fptc__json_print(value, scratch);
    out->text = fptc__buf_text(scratch);
    return fptc__buf_check(scratch, "a value", err);
}

/* What is no number stays text, as it is. */
static fptc_status number_of(enum fptc__class cls, const fptc__json *value,
                             struct fptc__buf *scratch, struct fptc__cell *out, fptc_error *err)
{
    const char *text = fptc__json_text(value);

    if (text) {
        out->kind = fptc__number_of_text(text, &out->i, &out->d);
    } else if (fptc__json_is_integer(value)) {
        out->kind = 'i';
        out->i = fptc__json_int(value);
    } else if (fptc__json_is_number(value)) {
        out->kind = 'd';
        out->d = fptc__json_double(value);
    } else if (fptc__json_is_bool(value)) {
        out->kind = 'i';
        out->i = fptc__json_is_true(value);
    }
    if (out->kind == 0)
        return text_of(value, scratch, out, err);
    if (cls == FPTC__REAL) {
        out->d = round6(out->kind == 'i' ? (double)out->i : out->d);
        out->kind = 'd';
    } else if (out->kind == 'd' && fabs(out->d) < 9e18 && out->d == floor(out->d)) {
        /* As an INTEGER column would keep it. */
        out->i = (int64_t)out->d;
        out->kind = 'i';
    }
    return FPTC_OK;
}

fptc_status fptc__cell_of(enum fptc__class cls, const fptc__json *value, struct fptc__buf *scratch,
                          struct fptc__cell *out, fptc_error *err)
{
    memset(out, 0, sizeof(*out));
    if (!value || fptc__json_is_null(value))
        return FPTC_OK;
    switch (cls) {
    case FPTC__INTEGER:
    case FPTC__BOOL:
    case FPTC__REAL:
        return number_of(cls, value, scratch, out, err);
    case FPTC__TEXT:
        return text_of(value, scratch, out, err);
    case FPTC__JSON:
        out->kind = 't';
        fptc__buf_clear(scratch);
        fptc__json_print(value, scratch);
        out->text = fptc__buf_text(scratch);
        return fptc__buf_check(scratch, "a value", err);
    case FPTC__NEVER:
    case FPTC__LINK:
    case FPTC__LINKS:
        break;
    }
    return FPTC_OK;
}

int fptc__cell_bind(sqlite3_stmt *stmt, int parameter, const struct fptc__cell *cell)
{
    if (cell->kind == 'i')
        return sqlite3_bind_int64(stmt, parameter, cell->i);
    if (cell->kind == 'd')
        return sqlite3_bind_double(stmt, parameter, cell->d);
    if (cell->kind == 't')
        return sqlite3_bind_text(stmt, parameter, cell->text, -1, SQLITE_TRANSIENT);
    return sqlite3_bind_null(stmt, parameter);
}

/* The same JSON with its members in another order is the same value. */
static int same_json(const char *a, const char *b)
{
    fptc__json *left = NULL, *right = NULL;
    int same = 0;

    if (fptc__json_parse(a, strlen(a), "a stored value", &left, NULL) == FPTC_OK &&
        fptc__json_parse(b, strlen(b), "a value", &right, NULL) == FPTC_OK)
        same = fptc__json_equal(left, right);
    fptc__json_free(left);
    fptc__json_free(right);
    return same;
}

static int equal_text(sqlite3_stmt *stmt, int column, enum fptc__class cls, const char *text)
{
    const char *stored;

    if (sqlite3_column_type(stmt, column) != SQLITE_TEXT)
        return 0;
    stored = (const char *)sqlite3_column_text(stmt, column);
    if (!stored)
        return 0;
    return strcmp(stored, text) == 0 || (cls == FPTC__JSON && same_json(stored, text));
}

int fptc__cell_equal(sqlite3_stmt *stmt, int column, enum fptc__class cls,
                     const struct fptc__cell *cell)
{
    int type = sqlite3_column_type(stmt, column);

    if (cell->kind == 0)
        return type == SQLITE_NULL;
    if (cell->kind == 't')
        return equal_text(stmt, column, cls, cell->text);
    if (type == SQLITE_INTEGER && cell->kind == 'i')
        return sqlite3_column_int64(stmt, column) == cell->i;
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        return sqlite3_column_double(stmt, column) ==
               (cell->kind == 'i' ? (double)cell->i : cell->d);
    return 0;
}

int fptc__cell_link(const fptc__json *value, const char **type, int64_t *id)
{
    const fptc__json *id_value = fptc__json_get(value, "id");

    *type = fptc__json_get_text(value, "type");
    *id = fptc__json_int(id_value);
    return *type && fptc__json_is_integer(id_value);
}
