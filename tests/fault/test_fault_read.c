/*
 * test_fault_read.c: every read of a snapshot goes wrong, one after the other, in each way to read: find,
 * summarize, stream, changes, one row, SQL.
 *
 * What must hold each time: the right answer, at once where opening the file again helps (a stale handle,
 * a restarted server, one bad transfer, one short read), after the next refresh where the file has gone or
 * a page is damaged for good or gives EIO or ESTALE on every read (an older base and the commits after it);
 * a stream that has begun ends with a status instead, and the next one, or the one after that, reads on. The
 * head never goes back. With nothing older to go back to, the failure names the file, the page, the host that
 * cannot read it and the next step, and what is sound can still be read.
 *
 * Seen to fail: files that cannot be read are never given up (shun.c); start_over() passes EIO on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/shun.h"
#include "unit/store_help.h"
#include "view/aggregate.h"
#include "view/stream.h"

#define ROWS 160
#define READS_MAX 1000
#define FDS 1024

/* ------------------------------------------------------------------------------------ what goes wrong */

enum way {
    STALE,
    STALE_NINE,
    RESTART,
    EIO_ONCE,
    SHORT,
    GARBLED,
    GONE, /* from here on: for ever */
    DAMAGED,
    EIO_FOR_EVER,
    STALE_FOR_EVER,
    WAYS
};
static const char *const way_names[] = {
    "stale",        "stale nine times", "server restarted", "EIO once",     "short",
    "garbled once", "file gone",        "damaged",          "EIO for ever", "stale for ever"};

static struct {
    enum way way;
    int at, reads, hits; /* at: which pread of a snapshot, from 1; 0: none */
    int is_of_snapshot[FDS];
    int is_forgotten[FDS]; /* the server knows this descriptor no more */
    off_t damaged_at;      /* -1: no page */
} fault;

/* What the handle of these views and streams would keep. */
static struct fptc__shun shun;

static char newest_path[FPTC_PATH_MAX], spare_path[FPTC_PATH_MAX];

static int odd_open(const char *path, int flags, mode_t mode)
{
    int fd = help_sys.open(path, flags, mode);

    if (fd >= 0 && fd < FDS) {
        fault.is_of_snapshot[fd] = strcmp(path, newest_path) == 0;
        fault.is_forgotten[fd] = 0;
    }
    return fd;
}

static ssize_t fail_with(int sys_errno)
{
    errno = sys_errno;
    return -1;
}

static void strike(off_t at)
{
    size_t i;

    fault.hits++;
    if (fault.way == GONE)
        (void)unlink(newest_path);
    if (fault.way == GONE || fault.way == RESTART) {
        for (i = 0; i < FDS; i++)
            fault.is_forgotten[i] = fault.is_of_snapshot[i];
    }
    if (fault.way >= DAMAGED)
        fault.damaged_at = at;
}

static ssize_t odd_pread(int fd, void *data, size_t n, off_t at)
{
    int is_hit;
    ssize_t got;

    if (!fault.is_of_snapshot[fd])
        return help_sys.pread(fd, data, n, at);
    fault.reads++;
    is_hit = fault.at > 0 && fault.reads >= fault.at &&
             fault.reads < fault.at + (fault.way == STALE_NINE ? 9 : 1);
    if (is_hit)
        strike(at);
    if (fault.is_forgotten[fd] || (is_hit && (fault.way == STALE || fault.way == STALE_NINE)))
        return fail_with(ESTALE);
    if (is_hit && fault.way == EIO_ONCE)
        return fail_with(EIO);
    if (is_hit && fault.way == SHORT)
        return 0;
    if (at == fault.damaged_at && fault.way != DAMAGED)
        return fail_with(fault.way == EIO_FOR_EVER ? EIO : ESTALE);
    got = help_sys.pread(fd, data, n, at);
    if (got > 100 && ((is_hit && fault.way == GARBLED) || at == fault.damaged_at))
        ((unsigned char *)data)[got / 2] ^= 0x10;
    return got;
}

static void arm(enum way way, int at)
{
    fault.way = way;
    fault.at = at;
    fault.reads = fault.hits = 0;
    fault.damaged_at = -1;
    fptc__sys.open = odd_open;
    fptc__sys.pread = odd_pread;
}

static void disarm(void)
{
    fptc__sys = help_sys;
    fault.at = 0;
    fault.damaged_at = -1;
    if (access(newest_path, F_OK) != 0)
        assert_int_equal(link(spare_path, newest_path), 0);
}

/* ------------------------------------------------------------------------------------- what is stored */

static struct fptc__schema *schema;
static struct fptc__plan *plan;
static struct fptc__summary *summary;

#define PROJECT "{\"type\":\"Project\",\"id\":101}"

static void put_rows(int from, int to, const char *code)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v = NULL;
    struct fptc__buf b;
    int i;

    fptc__buf_init(&b, 1u << 22);
    fptc__buf_adds(
        &b, "{\"type\":\"Shot\",\"seen\":99,\"asof\":1,\"types\":{\"code\":\"text\",\"note\":"
            "\"text\",\"project\":\"entity\",\"sg_sequence\":\"entity\"},\"rows\":[");
    for (i = from; i <= to; i++)
        fptc__buf_addf(&b,
                       "%s{\"id\":%d,\"code\":\"%s%03d\",\"note\":\"%0300d\",\"project\":" PROJECT
                       ",\"sg_sequence\":{\"type\":\"Sequence\",\"id\":%d,\"name\":\"s%d\"}}",
                       i == from ? "" : ",", i, code, (i * 7) % ROWS, i, i % 40, i % 40);
    fptc__buf_adds(&b, "]}");
    assert_int_equal(fptc__partition_make(&help_p, &help_err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, FPTC__ROWS, fptc__buf_text(&b), b.len,
                                       (uint32_t)(to - from + 1), &help_err),
                     FPTC_OK);
    assert_int_equal(fptc__view_open(help_dir, help_p.name, NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &help_err),
                     FPTC_OK);
    fptc__view_close(v);
    fptc__records_done(&records);
    fptc__buf_done(&b);
}

static void compact(void)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};
    struct fptc__manifest m;

    assert_int_equal(fptc__compact(&help_p, &call, &logger, &stats, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, stats.base, &m, &help_err), FPTC_OK);
    snprintf(newest_path, sizeof(newest_path), "%.3000s/files/%.200s", help_p.dir, m.snapshot);
    snprintf(spare_path, sizeof(spare_path), "%.3000s/spare", help_dir);
    (void)unlink(spare_path);
    assert_int_equal(link(newest_path, spare_path), 0);
}

/* Two bases, and commits after each; the older is whole again with those. */
static void two_bases(void)
{
    put_rows(1, ROWS - 20, "a");
    compact();
    put_rows(ROWS - 19, ROWS - 10, "b");
    put_rows(5, 9, "c");
    compact();
    put_rows(ROWS - 9, ROWS, "d");
    put_rows(7, 11, "e");
}

static void make_questions(void)
{
    static const char fields[] =
        "{\"code\":{\"data_type\":\"text\"},\"note\":{\"data_type\":\"text\"},"
        "\"sg_sequence\":{\"data_type\":\"entity\",\"valid_types\":[\"Sequence\"]},"
        "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}";
    struct fptc__summary_request s;
    struct fptc__request r;
    fptc__json *json = NULL;

    schema = fptc__schema_new();
    assert_int_equal(fptc__json_parse(fields, strlen(fields), "schema", &json, NULL), FPTC_OK);
    assert_int_equal(fptc__schema_add(schema, "Shot", json, NULL), FPTC_OK);
    fptc__json_free(json);
    assert_int_equal(fptc__request_init(&r, "Shot", &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_filters(&r, "[[\"project\",\"is\"," PROJECT "]]", &help_err),
                     FPTC_OK);
    assert_int_equal(fptc__request_set_fields(&r, "code,sg_sequence", &help_err), FPTC_OK);
    assert_int_equal(fptc__request_set_order(&r, "code", &help_err), FPTC_OK);
    assert_int_equal(fptc__plan_build(schema, NULL, &r, 0, &plan, &help_err), FPTC_OK);
    assert_true(plan->is_local);
    assert_int_equal(fptc__summary_request_init(&s, &r, "[{\"field\":\"id\",\"type\":\"maximum\"}]",
                                                "[{\"field\":\"sg_sequence\",\"type\":\"exact\"}]",
                                                &help_err),
                     FPTC_OK);
    assert_int_equal(fptc__summary_build(schema, &s, 0, &summary, &help_err), FPTC_OK);
    assert_true(summary->plan->is_local);
    fptc__summary_request_done(&s);
    fptc__request_done(&r);
}

/* ----------------------------------------------------------------------------------------- ways to read */

static void print_rows(const struct fptc__rows *rows, struct fptc__buf *out)
{
    size_t i;

    for (i = 0; i < rows->n; i++)
        fptc__rows_print(rows, i, out);
}

static fptc_status by_find(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    struct fptc__rows rows;
    fptc_status status;

    memset(&rows, 0, sizeof(rows));
    fptc__view_begin(v);
    status = fptc__view_find(v, plan, &rows, err);
    fptc__view_end(v);
    print_rows(&rows, out);
    fptc__rows_done(&rows);
    return status;
}

static fptc_status by_summary(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    fptc__json *answer = NULL;
    fptc_status status;

    fptc__view_begin(v);
    status = fptc__view_summarize(v, summary, &answer, err);
    fptc__view_end(v);
    if (status == FPTC_OK)
        fptc__json_print(answer, out);
    fptc__json_free(answer);
    return status;
}

static fptc_status by_changes(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    struct fptc__rows rows;
    fptc_status status;

    memset(&rows, 0, sizeof(rows));
    fptc__view_begin(v);
    status = fptc__view_changes(v, FPTC__HOME, "Shot", 0, 100000, &rows, err);
    fptc__view_end(v);
    print_rows(&rows, out);
    fptc__rows_done(&rows);
    return status;
}

static fptc_status by_row(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    struct fptc__rows rows;
    fptc_status status = FPTC_OK;
    int id;

    memset(&rows, 0, sizeof(rows));
    fptc__view_begin(v);
    for (id = 1; id <= ROWS && status == FPTC_OK; id += 5)
        status = fptc__view_row(v, FPTC__HOME, "Shot", id, &rows, err);
    fptc__view_end(v);
    print_rows(&rows, out);
    fptc__rows_done(&rows);
    return status;
}

/* Rows until the end or a failure; *n is how many. The view is the stream's unless it did not begin. */
static fptc_status drain(struct fptc__stream *s, struct fptc__rows *rows, struct fptc__buf *out,
                         int *n, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    while (status == FPTC_OK) {
        status = fptc__stream_next(s, rows, err);
        if (status == FPTC_OK) {
            print_rows(rows, out);
            ++*n;
        }
    }
    fptc__stream_close(s);
    return status == FPTC_END ? FPTC_OK : status;
}

static fptc_status begin_stream(struct fptc__view *v, int is_sql, struct fptc__rows *rows,
                                struct fptc__stream **out, fptc_error *err)
{
    return is_sql ? fptc__stream_sql(v, "SELECT id, code, note FROM Shot ORDER BY id", 0, rows, out,
                                     err)
                  : fptc__stream_find(v, plan, 0, rows, out, err);
}

/* As api/streaming.c does: a stream that did not begin is begun again with what is sound. A view is given
   up by its stream, so each stream has one of its own. */
static fptc_status by_stream_of(int is_sql, struct fptc__buf *out, fptc_error *err)
{
    struct fptc__view *v = NULL;
    struct fptc__stream *s = NULL;
    struct fptc__rows rows;
    int n = 0, i;
    fptc_status status = FPTC_EIO;

    memset(&rows, 0, sizeof(rows));
    for (i = 0; i < 3 && status != FPTC_OK; i++)
        status = fptc__stream_view(&(struct fptc__view_place){help_dir, help_p.name, NULL, &shun},
                                   &v, err);
    if (status == FPTC_OK)
        status = begin_stream(v, is_sql, &rows, &s, err);
    if (status != FPTC_OK && v != NULL && fptc__view_is_faulty(v) &&
        fptc__view_refresh(v, 0, err) == FPTC_OK)
        status = begin_stream(v, is_sql, &rows, &s, err);
    if (status != FPTC_OK) {
        fptc__view_close(v);
    } else {
        status = drain(s, &rows, out, &n, err);
        if (status != FPTC_OK && strstr(err->message, "the rows end after") == NULL)
            fail_msg("a stream ends with %d %s", (int)status, err->message);
    }
    fptc__rows_done(&rows);
    return status;
}

static fptc_status by_stream(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    (void)v;
    return by_stream_of(0, out, err);
}

static fptc_status by_sql(struct fptc__view *v, struct fptc__buf *out, fptc_error *err)
{
    (void)v;
    return by_stream_of(1, out, err);
}

static const struct {
    const char *name;
    fptc_status (*ask)(struct fptc__view *, struct fptc__buf *, fptc_error *);
    int is_stream;
} readings[] = {{"find", by_find, 0}, {"summarize", by_summary, 0}, {"changes", by_changes, 0},
                {"row", by_row, 0},   {"stream", by_stream, 1},     {"sql", by_sql, 1}};
#define READINGS (sizeof(readings) / sizeof(readings[0]))
static char *answers[READINGS];

static char *ask(size_t which, struct fptc__view *v, fptc_status *status, fptc_error *err)
{
    struct fptc__buf out;

    fptc__buf_init(&out, 1u << 26);
    memset(err, 0, sizeof(*err));
    *status = readings[which].ask(v, &out, err);
    return fptc__buf_steal(&out);
}

/* The view, whatever it takes: an opening that fails is repeated, as a caller's next call would be. */
static struct fptc__view *look(int *n_failed)
{
    struct fptc__view *v = NULL;
    fptc_status status = FPTC_EIO;
    int i;

    assert_int_equal(
        fptc__view_open_at(&(struct fptc__view_place){help_dir, help_p.name, NULL, &shun}, NULL, &v,
                           &help_err),
        FPTC_OK);
    for (i = 0; i < 3 && status != FPTC_OK; i++) {
        status = fptc__view_refresh(v, 0, &help_err);
        *n_failed += status != FPTC_OK;
    }
    if (status != FPTC_OK)
        fail_msg("refresh: %s", help_err.message);
    return v;
}

struct tally {
    int points, at_once, after_refresh, ended;
};

/* One question with the fault at its `at`-th read; 0 when it made fewer. */
static int one_point(size_t which, enum way way, int at, struct tally *t)
{
    const char *name = readings[which].name;
    struct fptc__view *v;
    fptc_error err;
    fptc_status status;
    uint64_t head;
    int n_failed = 0, i;
    char *text;

    arm(way, at);
    fptc__shun_init(&shun);
    v = look(&n_failed);
    head = fptc__log_head(fptc__view_log(v, FPTC__HOME));
    text = ask(which, v, &status, &err);
    for (i = 0; i < 3 && status != FPTC_OK; i++) {
        n_failed++;
        if (readings[which].is_stream) {
            assert_int_equal(strncmp(text, answers[which], strlen(text)), 0); /* a beginning */
            t->ended += fault.hits > 0;
        }
        if (!readings[which].is_stream && !fptc__view_is_faulty(v))
            fail_msg("%s, %s at %d: %d %s", name, way_names[way], at, (int)status, err.message);
        free(text);
        if (fptc__view_refresh(v, 0, &err) != FPTC_OK)
            fail_msg("%s, %s at %d: no recovery: %s", name, way_names[way], at, err.message);
        assert_true(fptc__log_head(fptc__view_log(v, FPTC__HOME)) >= head);
        text = ask(which, v, &status, &err);
    }
    if (status != FPTC_OK || strcmp(text, answers[which]) != 0)
        fail_msg("%s, %s at %d: %d %s\n%.300s\n  instead of\n%.300s", name, way_names[way], at,
                 (int)status, err.message, text, answers[which]);
    if (way < GONE && n_failed > 0)
        fail_msg("%s, %s at %d: was seen: %s", name, way_names[way], at, help_err.message);
    t->points++;
    t->at_once += n_failed == 0;
    t->after_refresh += n_failed > 0;
    free(text);
    fptc__view_close(v);
    i = fault.hits;
    disarm();
    fptc__shun_done(&shun);
    return i > 0;
}

static void all_points(enum way way)
{
    /* Every read, and in short runs every third of the ways that differ least. */
    int stride = getenv("FPTC_LONG") == NULL && way != STALE && way != GONE && way != DAMAGED &&
                         way != EIO_FOR_EVER
                     ? 3
                     : 1,
        at;
    int n_seen = 0, n_ended = 0;
    struct tally t;
    size_t which;

    for (which = 0; which < READINGS; which++) {
        memset(&t, 0, sizeof(t));
        for (at = 1; at < READS_MAX && one_point(which, way, at, &t); at += stride)
            ;
        print_message(
            "%s, %s: %d reads, %d right at once, %d after another look (%d streams ended)\n",
            readings[which].name, way_names[way], t.points - 1, t.at_once, t.after_refresh,
            t.ended);
        assert_in_range(t.points, 5, READS_MAX - 1);
        if (way < GONE)
            assert_int_equal(t.after_refresh, 0);
        else
            n_seen += t.after_refresh, n_ended += t.ended;
    }
    if (way >= GONE)
        assert_true(n_seen > 10 && n_ended > 0);
}

static int set_up(void **state)
{
    int failed = help_set_up(state), n_failed = 0;
    struct fptc__view *v;
    size_t i;

    fptc__shun_init(&shun);
    make_questions();
    two_bases();
    v = look(&n_failed);
    for (i = 0; i < READINGS; i++) {
        fptc_error err;
        fptc_status status;

        answers[i] = ask(i, v, &status, &err);
        assert_int_equal(status, FPTC_OK);
        assert_true(strlen(answers[i]) > 200);
    }
    fptc__view_close(v);
    return failed || n_failed;
}

static int tear_down(void **state)
{
    size_t i;

    disarm();
    for (i = 0; i < READINGS; i++)
        free(answers[i]);
    fptc__summary_free(summary);
    fptc__plan_free(plan);
    fptc__schema_free(schema);
    return help_tear_down(state);
}

static void test_what_passes(void **state)
{
    int way;

    (void)state;
    for (way = 0; way < GONE; way++)
        all_points((enum way)way);
}

static void test_gone(void **state)
{
    (void)state;
    all_points(GONE);
}

static void test_damaged(void **state)
{
    (void)state;
    all_points(DAMAGED);
}

static void test_unreadable(void **state)
{
    (void)state;
    all_points(EIO_FOR_EVER);
    all_points(STALE_FOR_EVER);
}

/* That it says which file, where, and what to do. */
static void check_words(enum way way, fptc_status status, const char *message)
{
    char host[64];

    fptc__host_name(host, sizeof(host));
    assert_int_equal(status, way == DAMAGED ? FPTC_EDAMAGED : FPTC_EIO);
    assert_non_null(strstr(message, newest_path));
    assert_non_null(strstr(message, "page "));
    if (way == DAMAGED) {
        assert_non_null(strstr(message, "`fptcache repair`"));
    } else {
        assert_non_null(strstr(message, host));
        assert_non_null(strstr(message, "look at this one's mount, else run `fptcache verify`"));
    }
}

/* One find with a page bad for good, and nothing sound to start from: 1 when the find met it. */
static int it_is_named(enum way way, int at)
{
    int n_failed = 0;
    struct fptc__view *v;
    fptc_status status;
    fptc_error err;
    uint64_t head;
    int is_met;

    fptc__shun_init(&shun);
    arm(way, 0);
    v = look(&n_failed);
    head = fptc__log_head(fptc__view_log(v, FPTC__HOME));
    arm(way, at);
    free(ask(0, v, &status, &err));
    is_met = status != FPTC_OK;
    if (is_met) {
        check_words(way, status, err.message);
        assert_int_equal(fptc__view_refresh(v, 0, &err), FPTC_OK); /* the same base once more */
        assert_true(fptc__view_is_usable(v));
        assert_int_equal(fptc__log_head(fptc__view_log(v, FPTC__HOME)), head);
        free(ask(0, v, &status, &err));
        check_words(way, status, err.message);
        assert_int_equal(fptc__view_refresh(v, 0, &err), FPTC_OK);
        assert_int_equal(fptc__log_head(fptc__view_log(v, FPTC__HOME)), head);
        free(ask(0, v, &status, &err));
        check_words(way, status, err.message);
        free(ask(3, v, &status, &err)); /* rows by id: some are on sound pages, none is wrong */
        assert_true(status == (way == DAMAGED ? FPTC_EDAMAGED : FPTC_EIO) || status == FPTC_OK);
        fault.damaged_at = -1; /* the host can read it again */
        free(ask(0, v, &status, &err));
        assert_int_equal(status, FPTC_OK);
    }
    fptc__view_close(v);
    disarm();
    fptc__shun_done(&shun);
    return is_met;
}

/* The commits that led from the older base to the newest have been deleted, and so has that base. */
static void test_nothing_older(void **state)
{
    static const enum way ways[] = {DAMAGED, EIO_FOR_EVER, STALE_FOR_EVER};
    size_t i;

    (void)state;
    remove_number("bases", 1);
    remove_number("log", 1);
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        int at, n_named = 0;

        for (at = 1; at < 12; at++)
            n_named += it_is_named(ways[i], at);
        assert_true(n_named > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_older, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
