/*
 * calendar.h: dates and times as FPT's filters take them, in UTC and by the proleptic Gregorian
 * calendar, without libc's time functions (they look at the host's zone). Results are the texts that
 * the cache stores, "2026-03-04" and "2026-03-04T05:06:07Z": comparing them compares the times.
 */
#ifndef FPTC_QUERY_CALENDAR_H
#define FPTC_QUERY_CALENDAR_H

#include <stdint.h>

#include "query/relation.h"

#define FPTC__TIME_BYTES 21

/* 1 for a valid "YYYY-MM-DD". */
int fptc__is_date(const char *text);

enum fptc__time_form {
    FPTC__TIME_GOOD,
    FPTC__TIME_BAD,
    FPTC__TIME_UNUSUAL /* may be one of ISO 8601's other forms */
};
/* Date, or date "T" time, with or without fraction (cut) and zone (none: UTC). */
enum fptc__time_form fptc__time_parse(const char *text, char out[FPTC__TIME_BYTES]);

/* "HOUR", "DAY", "WEEK", "MONTH", "YEAR" -> 0..4, -1 for anything else. */
int fptc__time_unit(const char *name);

/* What a clock-relative operator asks for: low <= value and value < high, or <= high if is_closed. */
struct fptc__window {
    char low[FPTC__TIME_BYTES];
    char high[FPTC__TIME_BYTES];
    int is_closed;
};
/* IN_LAST, IN_NEXT: count > 0 units of fptc__time_unit(). */
void fptc__window_relative(enum fptc__relation relation, int64_t count, int unit, int64_t now_ms,
                           int is_date, struct fptc__window *out);
/* IN_CALENDAR_*: the bucket `offset` away from the current one. */
void fptc__window_calendar(enum fptc__relation relation, int64_t offset, int64_t now_ms,
                           int is_date, struct fptc__window *out);

#endif
