/*
 * operand.c: values of scalar conditions (leaf.h), by the rules of A§3.2: what coerces, what is refused
 * and in which words, what means null.
 */
#include <string.h>

#include "base/error.h"
#include "base/fold.h"
#include "query/choices.h"
#include "query/complaint.h"
#include "query/floatmark.h"
#include "query/leaf.h"

#define INT32_LEAST (-2147483648LL)
#define INT32_MOST 2147483647LL

/* One value while it is being read. */
struct reading {
    const struct fptc__check *c;
    const struct fptc__filter *f;
    struct fptc__leaf *leaf;
    const fptc__json *v;
    struct fptc__param out;
};

static fptc_status wrong_class(const struct reading *r)
{
    return fptc__wrong_class(r->c, r->f, fptc__kind_classes(r->leaf->kind), r->v);
}

static fptc_status wrong_data(const struct reading *r)
{
    return fptc__fail(r->c->err, FPTC_EUSAGE,
                      "Invalid data for '%s' data type. Value: %.120s (%s.%.80s)",
                      r->leaf->at.field->data_type, fptc__json_text(r->v), r->c->type, r->f->path);
}

static void pass_through(struct reading *r, const char *why_not)
{
    if (!r->leaf->why_not)
        r->leaf->why_not = why_not;
}

static fptc_status set_text(struct reading *r, const char *text, int is_folded)
{
    struct fptc__buf b;

    fptc__buf_init(&b, 2 * strlen(text));
    if (is_folded)
        fptc__fold(text, strlen(text), &b);
    else
        fptc__buf_adds(&b, text);
    r->out.kind = FPTC__PARAM_TEXT;
    r->out.text = fptc__scratch_take(r->c->scratch, &b);
    return r->out.text ? FPTC_OK : fptc__fail_nomem(r->c->err);
}

static void set_int(struct reading *r, int64_t v)
{
    r->out.kind = FPTC__PARAM_INT;
    r->out.i = v;
    if ((v < INT32_LEAST && strcmp(r->leaf->at.field->name, "id") != 0) || v > INT32_MOST)
        pass_through(r, "a number beyond 32 bits");
}

static int is_color(const char *text)
{
    int parts = 0;

    for (;; text++) {
        size_t n = strspn(text, "0123456789");

        if (n < 1 || n > 3)
            return 0;
        text += n;
        parts++;
        if (*text != ',')
            return *text == '\0' && parts == 3;
    }
}

static fptc_status read_text(struct reading *r)
{
    const char *text = fptc__json_text(r->v);
    const struct fptc__fieldpath *at = &r->leaf->at;

    if (!text)
        return wrong_class(r);
    if (strcmp(at->field->data_type, "color") == 0 && strcmp(at->type, "Task") != 0 && *text &&
        !is_color(text))
        pass_through(r, "a color that is not r,g,b");
    return set_text(r, text, *fptc__kind_fold(r->leaf->kind) != '\0');
}

static fptc_status read_date(struct reading *r)
{
    const char *text = fptc__json_text(r->v);

    if (!text)
        return wrong_class(r);
    if (*text && !fptc__is_date(text))
        return fptc__fail(r->c->err, FPTC_EUSAGE,
                          "Invalid date format: %.80s. Correct format is: 2011-01-21 (%s.%.80s)",
                          text, r->c->type, r->f->path);
    return set_text(r, text, 0);
}

static fptc_status read_date_time(struct reading *r)
{
    const char *text = fptc__json_text(r->v);
    char time[FPTC__TIME_BYTES] = "";

    if (!text)
        return wrong_class(r);
    switch (fptc__time_parse(text, time)) {
    case FPTC__TIME_BAD:
        return fptc__fail(r->c->err, FPTC_EUSAGE,
                          "Invalid date time format: %.80s. Correct format is 2011-01-21T13:26:09Z "
                          "(UTC), 2011-01-21T13:26:09-07:00 (UTC Offset) or any ISO8601 compatible "
                          "string. (%s.%.80s)",
                          text, r->c->type, r->f->path);
    case FPTC__TIME_UNUSUAL:
        pass_through(r, "an unusual spelling of a time");
        break;
    case FPTC__TIME_GOOD:
        break;
    }
    return set_text(r, time, 0);
}

static fptc_status read_checkbox(struct reading *r)
{
    const char *text = fptc__json_text(r->v);

    if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return wrong_data(r);
    if (!text && !fptc__json_is_bool(r->v))
        return wrong_class(r);
    set_int(r, text ? text[0] == 't' : fptc__json_is_true(r->v));
    return FPTC_OK;
}

/* A JSON number in a string, blanks around it allowed; NULL if it is none. The caller frees it. */
static fptc__json *number_in(const char *text)
{
    fptc__json *v = NULL;
    double d;

    if (fptc__parse_marked(text, "", &v, NULL) != FPTC_OK)
        return NULL;
    if (!fptc__json_is_integer(v) && !fptc__float_of(v, &d)) {
        fptc__json_free(v);
        return NULL;
    }
    return v;
}

static fptc_status read_whole_float(struct reading *r, double d)
{
    if (r->leaf->kind != FPTC__KIND_DURATION)
        return wrong_class(r);
    /* Truncated toward zero, as FPT does. */
    set_int(r, d > -9e15 && d < 9e15 ? (int64_t)d : INT64_MAX);
    return FPTC_OK;
}

/* number, duration, percent, timecode */
static fptc_status read_whole(struct reading *r)
{
    const char *text = fptc__json_text(r->v);
    fptc__json *number;
    double d;

    if (fptc__float_of(r->v, &d))
        return read_whole_float(r, d);
    if (fptc__json_is_integer(r->v)) {
        set_int(r, fptc__json_int(r->v));
        return FPTC_OK;
    }
    if (!text || r->leaf->kind == FPTC__KIND_WHOLE)
        return wrong_class(r);
    number = number_in(text);
    if (!number)
        return wrong_data(r);
    if (fptc__json_is_integer(number))
        set_int(r, fptc__json_int(number));
    else
        pass_through(r, "a fraction in a string");
    fptc__json_free(number);
    return FPTC_OK;
}

/* To the 6 decimals that FPT keeps; beyond 9e12 a double has no sixth decimal. */
static double rounded(double d)
{
    if (d < -9e12 || d > 9e12)
        return d;
    return (double)(int64_t)(d * 1e6 + (d < 0 ? -0.5 : 0.5)) / 1e6;
}

/* float, currency */
static fptc_status read_real(struct reading *r)
{
    const char *text = fptc__json_text(r->v);
    fptc__json *number = text ? number_in(text) : NULL;
    const fptc__json *v = text ? number : r->v;
    double d = 0;

    if (text && !number)
        return wrong_data(r);
    if (!fptc__float_of(v, &d)) {
        if (!fptc__json_is_integer(v) || (!text && r->leaf->kind == FPTC__KIND_FLOAT))
            return wrong_class(r);
        d = fptc__json_double(v);
    }
    r->out.kind = FPTC__PARAM_REAL;
    r->out.d = rounded(d);
    fptc__json_free(number);
    return FPTC_OK;
}

static fptc_status read_value(struct reading *r)
{
    switch (r->leaf->kind) {
    case FPTC__KIND_TEXT:
    case FPTC__KIND_CODE:
    case FPTC__KIND_EXACT:
        return read_text(r);
    case FPTC__KIND_NUMBER:
    case FPTC__KIND_DURATION:
    case FPTC__KIND_WHOLE:
        return read_whole(r);
    case FPTC__KIND_FLOAT:
    case FPTC__KIND_CURRENCY:
        return read_real(r);
    case FPTC__KIND_DATE:
        return read_date(r);
    case FPTC__KIND_DATE_TIME:
        return read_date_time(r);
    case FPTC__KIND_CHECKBOX:
        return read_checkbox(r);
    case FPTC__KIND_LINK:
    case FPTC__KIND_LINKS:
    case FPTC__KIND_FOREIGN:
        break;
    }
    return fptc__fail(r->c->err, FPTC_EINTERNAL, "no scalar kind");
}

/* Null, or the empty string where FPT takes it for null. */
static int is_empty(const struct reading *r)
{
    const char *text = fptc__json_text(r->v);
    enum fptc__kind kind = r->leaf->kind;

    if (kind == FPTC__KIND_CHECKBOX)
        return 0;
    if (fptc__json_is_null(r->v))
        return 1;
    return text && *text == '\0' &&
           (kind == FPTC__KIND_TEXT || kind == FPTC__KIND_CODE || kind == FPTC__KIND_EXACT ||
            kind == FPTC__KIND_DATE);
}

static void keep(struct reading *r)
{
    r->leaf->values[r->leaf->n_values++] = r->out;
    memset(&r->out, 0, sizeof(r->out));
}

static fptc_status read_is(struct reading *r)
{
    fptc_status status = fptc__single_value(r->c, r->f, &r->v);

    if (status)
        return status;
    if (is_empty(r)) {
        r->leaf->has_null = 1;
        return FPTC_OK;
    }
    status = read_value(r);
    keep(r);
    return status;
}

static fptc_status read_in(struct reading *r)
{
    fptc_status status = FPTC_OK;
    size_t i;

    if (r->f->n_values == 0)
        return fptc__wrong_count(r->c, r->f, "at least a 1-element array");
    for (i = 0; i < r->f->n_values && !status; i++) {
        r->v = r->f->values[i];
        if (is_empty(r)) {
            /* "" matches nothing on text (A§3.2). */
            if (fptc__json_is_null(r->v) || r->leaf->kind != FPTC__KIND_TEXT)
                pass_through(r, "null among the values of `in`");
            continue;
        }
        status = read_value(r);
        keep(r);
    }
    return status;
}

/* contains, starts_with, ends_with, greater_than, less_than */
static fptc_status read_one(struct reading *r)
{
    fptc_status status = fptc__single_value(r->c, r->f, &r->v);

    if (status)
        return status;
    if (is_empty(r) && (fptc__json_is_null(r->v) || r->leaf->kind != FPTC__KIND_TEXT)) {
        pass_through(r, "null for an operator that compares");
        return FPTC_OK;
    }
    status = read_value(r);
    keep(r);
    return status;
}

static int is_less(const struct fptc__param *a, const struct fptc__param *b)
{
    switch (a->kind) {
    case FPTC__PARAM_INT:
        return a->i < b->i;
    case FPTC__PARAM_REAL:
        return a->d < b->d;
    case FPTC__PARAM_TEXT:
        return strcmp(a->text, b->text) < 0;
    case FPTC__PARAM_NULL:
        break;
    }
    return 0;
}

/* A null end leaves no values: no row is between. */
static fptc_status read_between(struct reading *r)
{
    struct fptc__param *ends = r->leaf->values;
    fptc_status status = FPTC_OK;
    int has_null = 0;
    size_t i;

    if (r->f->n_values != 2)
        return fptc__wrong_count(r->c, r->f, "a 2-element array");
    for (i = 0; i < 2 && !status; i++) {
        r->v = r->f->values[i];
        if (is_empty(r)) {
            has_null = 1;
            continue;
        }
        status = read_value(r);
        keep(r);
    }
    if (status)
        return status;
    if (has_null) {
        r->leaf->n_values = 0;
    } else if (is_less(&ends[1], &ends[0])) {
        struct fptc__param swap = ends[0];

        ends[0] = ends[1];
        ends[1] = swap;
    }
    return FPTC_OK;
}

static fptc_status set_window(struct reading *r, const struct fptc__window *w)
{
    fptc_status status = set_text(r, w->low, 0);

    keep(r);
    if (!status)
        status = set_text(r, w->high, 0);
    keep(r);
    r->leaf->is_closed = w->is_closed;
    r->leaf->is_clock_relative = 1;
    return status;
}

static fptc_status read_relative(struct reading *r)
{
    const struct fptc__filter *f = r->f;
    struct fptc__window w;
    int unit;

    r->leaf->is_clock_relative = 1;
    if (f->n_values != 2)
        return fptc__wrong_count(r->c, f, "a 2-element array");
    unit = fptc__time_unit(fptc__json_text(f->values[1]));
    if (unit < 0) {
        char shown[FPTC__SHOWN_BYTES];

        return fptc__fail(r->c->err, FPTC_EUSAGE,
                          "API read() '%s' 'relation' doesn't support the %s time unit (%s.%.80s) "
                          "Valid time units: [\"HOUR\", \"DAY\", \"WEEK\", \"MONTH\", \"YEAR\"]",
                          f->relation, fptc__show_json(f->values[1], shown), r->c->type, f->path);
    }
    if (!fptc__json_is_integer(f->values[0]) || fptc__json_int(f->values[0]) <= 0)
        return fptc__wrong_count(r->c, f, "at a positive Integer time unit");
    if (unit == 0 && r->leaf->kind == FPTC__KIND_DATE)
        pass_through(r, "hours on a date");
    fptc__window_relative(r->leaf->relation, fptc__json_int(f->values[0]), unit, r->c->now_ms,
                          r->leaf->kind == FPTC__KIND_DATE, &w);
    return set_window(r, &w);
}

static fptc_status read_calendar(struct reading *r)
{
    struct fptc__window w;
    fptc_status status = fptc__single_value(r->c, r->f, &r->v);

    if (status)
        return status;
    if (!fptc__json_is_integer(r->v))
        return fptc__wrong_class(r->c, r->f, "Integer", r->v);
    fptc__window_calendar(r->leaf->relation, fptc__json_int(r->v), r->c->now_ms,
                          r->leaf->kind == FPTC__KIND_DATE, &w);
    return set_window(r, &w);
}

fptc_status fptc__operand_read(const struct fptc__check *c, const struct fptc__filter *f,
                               struct fptc__leaf *leaf)
{
    struct reading r = {c, f, leaf, NULL, {FPTC__PARAM_NULL, 0, 0, NULL}};

    leaf->values = fptc__scratch_array(c->scratch, f->n_values + 2, sizeof(*leaf->values));
    if (!leaf->values)
        return fptc__fail_nomem(c->err);
    switch (leaf->relation) {
    case FPTC__IS:
        return read_is(&r);
    case FPTC__IN:
        return read_in(&r);
    case FPTC__BETWEEN:
        return read_between(&r);
    case FPTC__IN_LAST:
    case FPTC__IN_NEXT:
        return read_relative(&r);
    case FPTC__IN_CALENDAR_DAY:
    case FPTC__IN_CALENDAR_WEEK:
    case FPTC__IN_CALENDAR_MONTH:
    case FPTC__IN_CALENDAR_YEAR:
        return read_calendar(&r);
    case FPTC__CONTAINS:
    case FPTC__STARTS_WITH:
    case FPTC__ENDS_WITH:
    case FPTC__GREATER_THAN:
    case FPTC__LESS_THAN:
        return read_one(&r);
    case FPTC__TYPE_IS:
    case FPTC__NAME_IS:
    case FPTC__NAME_CONTAINS:
        break;
    }
    return fptc__fail(c->err, FPTC_EINTERNAL, "no scalar relation");
}
