/*
 * calendar.c: see calendar.h. A moment is seconds since the epoch. The conversions between days and
 * civil dates are Howard Hinnant's well-known ones (eras of 400 years that begin in March).
 */
#include "query/calendar.h"

#include <stdio.h>
#include <string.h>

#include "query/choices.h"

#define DAY_S 86400
#define MOMENT_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define MOMENT_MAX 253402300799   /* 9999-12-31T23:59:59Z */
/* Longer than from one end of the calendar to the other, in the smallest unit. */
#define COUNT_MAX 100000000

struct civil {
    int64_t year;
    int64_t month; /* 1..12 */
    int64_t day;   /* 1..31 */
};

enum { UNIT_HOUR, UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_YEAR };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_of(struct civil c)
{
    int64_t y = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static struct civil civil_of(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct civil c;

    c.day = doy - (153 * mp + 2) / 5 + 1;
    c.month = mp < 10 ? mp + 3 : mp - 9;
    c.year = yoe + era * 400 + (c.month <= 2);
    return c;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static void print_moment(int64_t moment, int is_date, char out[FPTC__TIME_BYTES])
{
    char text[64];
    struct civil c;
    int64_t s;

    if (moment < MOMENT_MIN)
        moment = MOMENT_MIN;
    if (moment > MOMENT_MAX)
        moment = MOMENT_MAX;
    c = civil_of(floor_div(moment, DAY_S));
    s = moment - floor_div(moment, DAY_S) * DAY_S;
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)c.year, (int)c.month,
             (int)c.day, (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    memcpy(out, text, FPTC__TIME_BYTES - 1);
    out[is_date ? 10 : FPTC__TIME_BYTES - 1] = '\0';
}

/* Reads n digits at *at; -1 if they are not all there. */
static int64_t read_digits(const char **at, int n)
{
    int64_t v = 0;

    for (; n > 0; n--, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        v = 10 * v + (**at - '0');
    }
    return v;
}

static int read_char(const char **at, char c)
{
    if (**at != c)
        return 0;
    (*at)++;
    return 1;
}

static int read_date(const char **at, int64_t *out_days)
{
    struct civil c;

    c.year = read_digits(at, 4);
    if (c.year < 1 || !read_char(at, '-'))
        return 0;
    c.month = read_digits(at, 2);
    if (c.month < 1 || c.month > 12 || !read_char(at, '-'))
        return 0;
    c.day = read_digits(at, 2);
    if (c.day < 1 || c.day > days_in_month(c.year, c.month))
        return 0;
    *out_days = days_of(c);
    return 1;
}

/* "HH:MM[:SS[.fff]]" */
static int read_clock(const char **at, int64_t *out_s)
{
    int64_t h = read_digits(at, 2);
    int64_t m = h >= 0 && read_char(at, ':') ? read_digits(at, 2) : -1;
    int64_t s = 0;

    if (m >= 0 && read_char(at, ':')) {
        s = read_digits(at, 2);
        if (s >= 0 && (read_char(at, '.') || read_char(at, ','))) {
            if (read_digits(at, 1) < 0)
                return 0;
            while (**at >= '0' && **at <= '9')
                (*at)++;
        }
    }
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
        return 0;
    *out_s = h * 3600 + m * 60 + s;
    return 1;
}

/* "", "Z", "+HH", "+HHMM", "+HH:MM": seconds east of UTC. */
static int read_zone(const char **at, int64_t *out_s)
{
    int64_t sign = **at == '-' ? -1 : 1;
    int64_t h, m = 0;

    *out_s = 0;
    if (**at == '\0' || read_char(at, 'Z'))
        return 1;
    if (!read_char(at, '+') && !read_char(at, '-'))
        return 0;
    h = read_digits(at, 2);
    if (h >= 0 && (read_char(at, ':') || **at != '\0'))
        m = read_digits(at, 2);
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return 0;
    *out_s = sign * (h * 3600 + m * 60);
    return 1;
}

int fptc__is_date(const char *text)
{
    int64_t days;

    return read_date(&text, &days) && *text == '\0';
}

/* Digits and ISO 8601's signs only, in a length that one of its forms has. */
static int may_be_iso(const char *text)
{
    size_t n = strlen(text);

    return n >= 7 && n < 40 && strspn(text, "0123456789WTZ:.,+-") == n &&
           strspn(text, "0123456789") < n;
}

enum fptc__time_form fptc__time_parse(const char *text, char out[FPTC__TIME_BYTES])
{
    const char *at = text;
    int64_t days = 0, s = 0, zone = 0;
    int good = read_date(&at, &days);

    if (good && *at != '\0')
        good = read_char(&at, 'T') && read_clock(&at, &s) && read_zone(&at, &zone);
    if (good && *at == '\0') {
        print_moment(days * DAY_S + s - zone, 0, out);
        return FPTC__TIME_GOOD;
    }
    return may_be_iso(text) ? FPTC__TIME_UNUSUAL : FPTC__TIME_BAD;
}

int fptc__time_unit(const char *name)
{
    static const char *const names[] = {"HOUR", "DAY", "WEEK", "MONTH", "YEAR"};
    int i;

    for (i = 0; name && i < 5; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

static int64_t shift_months(int64_t moment, int64_t months)
{
    int64_t days = floor_div(moment, DAY_S);
    struct civil c = civil_of(days);
    int64_t month = c.year * 12 + c.month - 1 + months;
    int64_t last;

    c.year = floor_div(month, 12);
    if (c.year < 1)
        return MOMENT_MIN;
    if (c.year > 9999)
        return MOMENT_MAX;
    c.month = month - c.year * 12 + 1;
    last = days_in_month(c.year, c.month);
    if (c.day > last)
        c.day = last;
    return days_of(c) * DAY_S + (moment - days * DAY_S);
}

static int64_t shift(int64_t moment, int64_t count, int unit)
{
    static const int64_t seconds[] = {3600, DAY_S, 7 * DAY_S};

    if (count > COUNT_MAX)
        count = COUNT_MAX;
    if (count < -COUNT_MAX)
        count = -COUNT_MAX;
    if (unit <= UNIT_WEEK)
        return moment + count * seconds[unit];
    return shift_months(moment, unit == UNIT_YEAR ? 12 * count : count);
}

void fptc__window_relative(enum fptc__relation relation, int64_t count, int unit, int64_t now_ms,
                           int is_date, struct fptc__window *out)
{
    int64_t now = floor_div(now_ms, 1000);

    out->is_closed = 1;
    if (relation == FPTC__IN_LAST) {
        print_moment(shift(now, -count, unit), is_date, out->low);
        print_moment(now, is_date, out->high);
    } else {
        print_moment(now, is_date, out->low);
        print_moment(shift(now, count, unit), is_date, out->high);
    }
}

/* The beginning of the bucket that holds `days`. */
static int64_t bucket_start(int64_t days, int unit)
{
    struct civil c = civil_of(days);

    if (unit == UNIT_WEEK) /* 1970-01-01 was a Thursday */
        return days - ((days + 4 - FPTC__WEEK_STARTS) % 7 + 7) % 7;
    if (unit == UNIT_YEAR)
        c.month = 1;
    if (unit == UNIT_MONTH || unit == UNIT_YEAR)
        c.day = 1;
    return days_of(c);
}

void fptc__window_calendar(enum fptc__relation relation, int64_t offset, int64_t now_ms,
                           int is_date, struct fptc__window *out)
{
    int unit = relation == FPTC__IN_CALENDAR_DAY     ? UNIT_DAY
               : relation == FPTC__IN_CALENDAR_WEEK  ? UNIT_WEEK
               : relation == FPTC__IN_CALENDAR_MONTH ? UNIT_MONTH
                                                     : UNIT_YEAR;
    int64_t days = floor_div(floor_div(now_ms, 1000), DAY_S);
    int64_t start = bucket_start(days, unit) * DAY_S;

    out->is_closed = 0;
    print_moment(shift(start, offset, unit), is_date, out->low);
    print_moment(shift(start, offset + 1, unit), is_date, out->high);
}
