/* test_query_calendar.c: dates, times and windows, by literals that a paper calendar gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "query/calendar.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int is_date;
    } rows[] = {
        {"2026-03-04", 1},  {"2024-02-29", 1}, {"2000-02-29", 1},  {"0001-01-01", 1},
        {"9999-12-31", 1},  {"2026-02-29", 0}, {"1900-02-29", 0},  {"2026-04-31", 0},
        {"2026-13-01", 0},  {"2026-00-01", 0}, {"2026-01-00", 0},  {"0000-01-01", 0},
        {"2026-3-04", 0},   {"2026-03-4", 0},  {"2026-03-04 ", 0}, {" 2026-03-04", 0},
        {"2026-03-04T", 0}, {"", 0},           {"2026", 0},        {"-026-03-04", 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        if (fptc__is_date(rows[i].text) != rows[i].is_date)
            fail_msg("%s", rows[i].text);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        enum fptc__time_form form;
        const char *time;
    } rows[] = {
        {"2026-03-04T05:06:07Z", FPTC__TIME_GOOD, "2026-03-04T05:06:07Z"},
        {"2026-03-04T05:06:07", FPTC__TIME_GOOD, "2026-03-04T05:06:07Z"},
        {"2026-03-04", FPTC__TIME_GOOD, "2026-03-04T00:00:00Z"},
        {"2026-03-04T05:06", FPTC__TIME_GOOD, "2026-03-04T05:06:00Z"},
        {"2026-03-04T05:06:07.999Z", FPTC__TIME_GOOD, "2026-03-04T05:06:07Z"},
        {"2026-03-04T05:06:07+05:00", FPTC__TIME_GOOD, "2026-03-04T00:06:07Z"},
        {"2026-03-04T05:06:07-0800", FPTC__TIME_GOOD, "2026-03-04T13:06:07Z"},
        {"2026-03-01T00:30:00+01", FPTC__TIME_GOOD, "2026-02-28T23:30:00Z"},
        {"2024-02-28T23:30:00-01", FPTC__TIME_GOOD, "2024-02-29T00:30:00Z"},
        {"2025-12-31T23:30:00-01:30", FPTC__TIME_GOOD, "2026-01-01T01:00:00Z"},
        {"1969-12-31T23:59:59Z", FPTC__TIME_GOOD, "1969-12-31T23:59:59Z"},
        {"1600-02-29T12:00:00Z", FPTC__TIME_GOOD, "1600-02-29T12:00:00Z"},
        {"0001-01-01T00:00:00+10", FPTC__TIME_GOOD, "0001-01-01T00:00:00Z"}, /* clamped */
        {"9999-12-31T23:59:59-10", FPTC__TIME_GOOD, "9999-12-31T23:59:59Z"},
        {"20260304T050607Z", FPTC__TIME_UNUSUAL, ""},
        {"2026-W10-3", FPTC__TIME_UNUSUAL, ""},
        {"2026-063", FPTC__TIME_UNUSUAL, ""},
        {"2026-03-04T24:00:00Z", FPTC__TIME_UNUSUAL, ""},
        {"2026-03-04T05:06:07.Z", FPTC__TIME_UNUSUAL, ""},
        {"2026-03-04 05:06:07", FPTC__TIME_BAD, ""},
        {"2026-03-04T05:06:07 UTC", FPTC__TIME_BAD, ""},
        {"1772600767", FPTC__TIME_BAD, ""},
        {"", FPTC__TIME_BAD, ""},
        {"now", FPTC__TIME_BAD, ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        char time[FPTC__TIME_BYTES] = "";

        if (fptc__time_parse(rows[i].text, time) != rows[i].form || strcmp(time, rows[i].time) != 0)
            fail_msg("%s: %s", rows[i].text, time);
    }
}

#define WED 1772625600000LL  /* 2026-03-04T12:00:00Z, a Wednesday */
#define MON 1772409600000LL  /* 2026-03-02T00:00:00Z */
#define SUN 1772409599999LL  /* 2026-03-01T23:59:59.999Z */
#define LEAP 1711886400000LL /* 2024-03-31T12:00:00Z */
#define OLD (-86400500LL)    /* 1969-12-30T23:59:59.5Z, a Tuesday */

static void test_calendar_windows(void **state)
{
    static const struct {
        enum fptc__relation relation;
        int64_t offset, now_ms;
        const char *low, *high;
    } rows[] = {
        {FPTC__IN_CALENDAR_DAY, 0, WED, "2026-03-04", "2026-03-05"},
        {FPTC__IN_CALENDAR_DAY, -4, WED, "2026-02-28", "2026-03-01"},
        {FPTC__IN_CALENDAR_WEEK, 0, WED, "2026-03-02", "2026-03-09"},
        {FPTC__IN_CALENDAR_WEEK, 0, MON, "2026-03-02", "2026-03-09"},
        {FPTC__IN_CALENDAR_WEEK, 0, SUN, "2026-02-23", "2026-03-02"},
        {FPTC__IN_CALENDAR_WEEK, 1, SUN, "2026-03-02", "2026-03-09"},
        {FPTC__IN_CALENDAR_WEEK, 0, OLD, "1969-12-29", "1970-01-05"},
        {FPTC__IN_CALENDAR_MONTH, 0, LEAP, "2024-03-01", "2024-04-01"},
        {FPTC__IN_CALENDAR_MONTH, -1, LEAP, "2024-02-01", "2024-03-01"},
        {FPTC__IN_CALENDAR_MONTH, 10, WED, "2027-01-01", "2027-02-01"},
        {FPTC__IN_CALENDAR_MONTH, -3, WED, "2025-12-01", "2026-01-01"},
        {FPTC__IN_CALENDAR_YEAR, 0, WED, "2026-01-01", "2027-01-01"},
        {FPTC__IN_CALENDAR_YEAR, -2, WED, "2024-01-01", "2025-01-01"},
        {FPTC__IN_CALENDAR_YEAR, -5000, WED, "0001-01-01", "0001-01-01"},
        {FPTC__IN_CALENDAR_YEAR, 9000, WED, "9999-12-31", "9999-12-31"},
    };
    struct fptc__window w;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc__window_calendar(rows[i].relation, rows[i].offset, rows[i].now_ms, 1, &w);
        assert_string_equal(w.low, rows[i].low);
        assert_string_equal(w.high, rows[i].high);
        assert_int_equal(w.is_closed, 0);
    }
    fptc__window_calendar(FPTC__IN_CALENDAR_DAY, 0, WED, 0, &w);
    assert_string_equal(w.low, "2026-03-04T00:00:00Z");
    assert_string_equal(w.high, "2026-03-05T00:00:00Z");
}

static void test_relative_windows(void **state)
{
    static const struct {
        enum fptc__relation relation;
        int64_t count;
        const char *unit;
        int64_t now_ms;
        const char *low, *high;
    } rows[] = {
        {FPTC__IN_LAST, 1, "HOUR", WED, "2026-03-04T11:00:00Z", "2026-03-04T12:00:00Z"},
        {FPTC__IN_NEXT, 36, "HOUR", WED, "2026-03-04T12:00:00Z", "2026-03-06T00:00:00Z"},
        {FPTC__IN_LAST, 5, "DAY", WED, "2026-02-27T12:00:00Z", "2026-03-04T12:00:00Z"},
        {FPTC__IN_NEXT, 2, "WEEK", WED, "2026-03-04T12:00:00Z", "2026-03-18T12:00:00Z"},
        {FPTC__IN_LAST, 1, "MONTH", LEAP, "2024-02-29T12:00:00Z", "2024-03-31T12:00:00Z"},
        {FPTC__IN_LAST, 13, "MONTH", LEAP, "2023-02-28T12:00:00Z", "2024-03-31T12:00:00Z"},
        {FPTC__IN_NEXT, 1, "YEAR", WED, "2026-03-04T12:00:00Z", "2027-03-04T12:00:00Z"},
        {FPTC__IN_LAST, 1, "DAY", OLD, "1969-12-29T23:59:59Z", "1969-12-30T23:59:59Z"},
        {FPTC__IN_LAST, INT64_MAX, "YEAR", WED, "0001-01-01T00:00:00Z", "2026-03-04T12:00:00Z"},
        {FPTC__IN_NEXT, INT64_MAX, "WEEK", WED, "2026-03-04T12:00:00Z", "9999-12-31T23:59:59Z"},
    };
    struct fptc__window w;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc__window_relative(rows[i].relation, rows[i].count, fptc__time_unit(rows[i].unit),
                              rows[i].now_ms, 0, &w);
        assert_string_equal(w.low, rows[i].low);
        assert_string_equal(w.high, rows[i].high);
        assert_int_equal(w.is_closed, 1);
    }
    assert_int_equal(fptc__time_unit("day"), -1);
    assert_int_equal(fptc__time_unit("FORTNIGHT"), -1);
    assert_int_equal(fptc__time_unit(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_calendar_windows),
        cmocka_unit_test(test_relative_windows),
    };

    return cmocka_run_group_tests_name("query_calendar", tests, NULL, NULL);
}
