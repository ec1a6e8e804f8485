/* clock.c: see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sys.h"

#define MS_PER_DAY 86400000LL
/* 0000-01-01 and 9999-12-31T23:59:59.999: what four digits of a year can say. */
#define ISO_MS_MIN (-62167219200000LL)
#define ISO_MS_MAX 253402300799999LL

static int64_t ms_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

int64_t fptc__mono_ms(void)
{
    struct timespec now = {0, 0};

    if (fptc__sys.clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        fptc__sys.clock_gettime(CLOCK_MONOTONIC, &now);
    return ms_of(&now);
}

int64_t fptc__wall_ms(void)
{
    struct timespec now = {0, 0};

    fptc__sys.clock_gettime(CLOCK_REALTIME, &now);
    return ms_of(&now);
}

void fptc__sleep_ms(int64_t ms)
{
    struct timespec wait;
    struct timespec left = {0, 0};

    if (ms <= 0)
        return;
    wait.tv_sec = (time_t)(ms / 1000);
    wait.tv_nsec = (long)(ms % 1000) * 1000000L;
    while (fptc__sys.nanosleep(&wait, &left) != 0 && errno == EINTR)
        wait = left;
}

/* Reads up to n bytes of a small file of the kernel's; bytes read, 0 when it is not there. */
static size_t read_kernel_file(const char *path, void *out, size_t n)
{
    int fd = fptc__sys.open(path, O_RDONLY | O_CLOEXEC, 0);
    ssize_t got;

    if (fd < 0)
        return 0;
    do
        got = fptc__sys.read(fd, out, n);
    while (got < 0 && errno == EINTR);
    fptc__sys.close(fd);
    return got < 0 ? 0 : (size_t)got;
}

static void random_bytes(void *out, size_t n)
{
    for (;;) {
        ssize_t got = fptc__sys.getrandom(out, n, 0);

        if (got == (ssize_t)n)
            return;
        if (got >= 0 || errno == EINTR)
            continue;
        /* Forbidden or unknown here (seccomp): the device gives the same bytes. */
        if (read_kernel_file("/dev/urandom", out, n) == n)
            return;
        fptc__sleep_ms(10);
    }
}

uint64_t fptc__random_u64(void)
{
    uint64_t v = 0;

    random_bytes(&v, sizeof(v));
    return v;
}

void fptc__random_hex32(char out[33])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    size_t i;

    random_bytes(bytes, sizeof(bytes));
    for (i = 0; i < sizeof(bytes); i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15u];
    }
    out[32] = '\0';
}

void fptc__boot_id(char out[37])
{
    size_t got = read_kernel_file("/proc/sys/kernel/random/boot_id", out, 36);

    if (got != 36) {
        memset(out, '0', 32);
        out[32] = '\0';
        return;
    }
    out[36] = '\0';
}

void fptc__host_name(char *out, size_t n)
{
    if (n == 0)
        return;
    /* A name that is too long may come without its NUL. */
    if (gethostname(out, n) != 0 && errno != ENAMETOOLONG)
        out[0] = '\0';
    out[n - 1] = '\0';
}

int64_t fptc__process_id(void)
{
    return (int64_t)getpid();
}

int fptc__process_lives(int64_t pid)
{
    return pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

int64_t fptc__call_left_ms(const struct fptc__call *call, int64_t most)
{
    int64_t left;

    if (!call || call->deadline_mono_ms == 0)
        return most;
    left = call->deadline_mono_ms - fptc__mono_ms();
    if (left < 0)
        left = 0;
    return left < most ? left : most;
}

fptc_status fptc__call_check(const struct fptc__call *call, const char *what, fptc_error *err)
{
    if (!call)
        return FPTC_OK;
    if (call->cancelled && atomic_load(call->cancelled))
        return fptc__fail(err, FPTC_ECANCELLED, "%s: cancelled by the caller", what);
    if (call->deadline_mono_ms != 0 && fptc__mono_ms() >= call->deadline_mono_ms)
        return fptc__fail(err, FPTC_EDEADLINE, "%s: the deadline passed", what);
    return FPTC_OK;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; the year begins in March here, so that
   the leap day is its last. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

static char *put_digits(char *at, int v, int n, char after)
{
    int i;

    for (i = n - 1; i >= 0; i--) {
        at[i] = (char)('0' + v % 10);
        v /= 10;
    }
    at[n] = after;
    return at + n + 1;
}

void fptc__iso_from_ms(int64_t ms, char out[21])
{
    int64_t within, days;
    int year, month, day, seconds;
    char *at = out;

    if (ms < ISO_MS_MIN)
        ms = ISO_MS_MIN;
    if (ms > ISO_MS_MAX)
        ms = ISO_MS_MAX;
    within = ms % MS_PER_DAY;
    if (within < 0)
        within += MS_PER_DAY;
    days = (ms - within) / MS_PER_DAY;
    seconds = (int)(within / 1000);
    civil_from_days(days, &year, &month, &day);
    at = put_digits(at, year, 4, '-');
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, day, 2, 'T');
    at = put_digits(at, seconds / 3600, 2, ':');
    at = put_digits(at, seconds / 60 % 60, 2, ':');
    at = put_digits(at, seconds % 60, 2, 'Z');
    *at = '\0';
}

/* Exactly n digits at **at, as a number within low..high; moves on. 0 when they are not there. */
static int take_number(const char **at, int n, int low, int high, int *out)
{
    int v = 0;
    int i;

    for (i = 0; i < n; i++) {
        char c = (*at)[i];

        if (c < '0' || c > '9')
            return 0;
        v = v * 10 + (c - '0');
    }
    *at += n;
    *out = v;
    return v >= low && v <= high;
}

static int take_char(const char **at, char c)
{
    if (**at != c)
        return 0;
    (*at)++;
    return 1;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int take_date(const char **at, int64_t *out_ms)
{
    int year, month, day;

    if (!take_number(at, 4, 0, 9999, &year) || !take_char(at, '-'))
        return 0;
    if (!take_number(at, 2, 1, 12, &month) || !take_char(at, '-'))
        return 0;
    if (!take_number(at, 2, 1, days_of_month(year, month), &day))
        return 0;
    *out_ms = days_from_civil(year, month, day) * MS_PER_DAY;
    return 1;
}

/* Digits behind the point; those after the third are dropped. */
static int take_fraction(const char **at, int64_t *ms)
{
    int64_t unit = 100;

    if (!take_char(at, '.'))
        return 1;
    if (**at < '0' || **at > '9')
        return 0;
    while (**at >= '0' && **at <= '9') {
        *ms += unit * (**at - '0');
        unit /= 10;
        (*at)++;
    }
    return 1;
}

static int take_time(const char **at, int64_t *ms)
{
    int hour, minute, second;

    if (!take_number(at, 2, 0, 23, &hour) || !take_char(at, ':'))
        return 0;
    if (!take_number(at, 2, 0, 59, &minute) || !take_char(at, ':'))
        return 0;
    if (!take_number(at, 2, 0, 59, &second))
        return 0;
    *ms += ((hour * 60LL + minute) * 60 + second) * 1000;
    return take_fraction(at, ms);
}

/* "Z", " UTC", "+02:00", "-0500". */
static int take_zone(const char **at, int64_t *ms)
{
    int sign, hour, minute;

    if (take_char(at, 'Z'))
        return 1;
    if (strncmp(*at, " UTC", 4) == 0) {
        *at += 4;
        return 1;
    }
    if (**at != '+' && **at != '-')
        return 0;
    sign = **at == '+' ? 1 : -1;
    (*at)++;
    if (!take_number(at, 2, 0, 23, &hour))
        return 0;
    (void)take_char(at, ':');
    if (!take_number(at, 2, 0, 59, &minute))
        return 0;
    *ms -= sign * (hour * 60LL + minute) * 60000;
    return 1;
}

int fptc__iso_to_ms(const char *text, int64_t *out_ms)
{
    const char *at = text;
    int64_t ms = 0;

    *out_ms = 0;
    if (!text || !take_date(&at, &ms))
        return 0;
    if (*at != '\0') {
        if (!take_char(&at, 'T') && !take_char(&at, ' '))
            return 0;
        if (!take_time(&at, &ms) || !take_zone(&at, &ms) || *at != '\0')
            return 0;
    }
    *out_ms = ms;
    return 1;
}
