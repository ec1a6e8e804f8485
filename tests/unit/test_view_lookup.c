/*
 * test_view_lookup.c: what a view says of coverage, suspects, stored queries, names, links that leave
 * the project, and of the outbox; before and after compaction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/sys.h"
#include "store_help.h"
#include "view/lookup.h"
#include "view/mutation.h"

#define TYPES                                                                                      \
    "\"types\":{\"code\":\"text\",\"project\":\"entity\",\"sg_sequence\":\"entity\","              \
    "\"updated_at\":\"date_time\"}"
#define IN_101 "\"project\":{\"type\":\"Project\",\"id\":101,\"name\":\"P\"}"

static struct fptc__view *open_view(const char *home)
{
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, home, NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    return v;
}

/* One commit of one record, by another process. */
static void put(const char *partition, uint16_t kind, const char *body)
{
    struct fptc__partition p;
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v;
    fptc_error err = FPTC_ERROR_INIT;

    assert_int_equal(fptc__partition_at(help_dir, partition, &p, &err), FPTC_OK);
    assert_int_equal(fptc__partition_make(&p, &err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &err), FPTC_OK);
    v = open_view(partition);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &err),
                     FPTC_OK);
    fptc__view_close(v);
    fptc__records_done(&records);
}

static void compact(const char *partition)
{
    struct fptc__partition p;
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    assert_int_equal(fptc__partition_at(help_dir, partition, &p, &help_err), FPTC_OK);
    assert_int_equal(fptc__compact(&p, &call, &logger, &stats, &help_err), FPTC_OK);
}

static void test_coverage(void **state)
{
    struct fptc__cover cover;
    struct fptc__view *v;
    int round;

    (void)state;
    v = open_view("project-101");
    fptc__view_begin(v);
    assert_int_equal(fptc__view_cover(v, FPTC__HOME, "Shot", &cover, NULL), FPTC_MISS);
    fptc__view_end(v);
    fptc__view_close(v);
    put("project-101", FPTC__COVER,
        "{\"type\":\"Shot\"," TYPES ",\"asof\":2000,\"mark\":\"2026-01-01T00:00:00Z\","
        "\"max_id\":9,\"audited\":1000}");
    for (round = 0; round < 2; round++) {
        v = open_view("project-101");
        fptc__view_begin(v);
        assert_int_equal(fptc__view_cover(v, FPTC__HOME, "Shot", &cover, NULL), FPTC_OK);
        assert_int_equal(cover.asof_ms, 2000);
        assert_int_equal(cover.audited_ms, 1000);
        assert_int_equal(cover.max_id, 9);
        assert_string_equal(cover.mark, "2026-01-01T00:00:00Z");
        assert_int_equal(fptc__json_size(cover.fields), 4);
        fptc__cover_done(&cover);
        assert_int_equal(fptc__view_cover(v, FPTC__SITE, "Shot", &cover, NULL), FPTC_MISS);
        fptc__view_end(v);
        fptc__view_close(v);
        compact("project-101");
    }
}

static int links_outside(struct fptc__view *v, const char *type, const char *link,
                         const char *target, int is_list)
{
    char names[3][32];
    const struct fptc__follow follow = {names[0], names[1], names[2], is_list};

    snprintf(names[0], sizeof(names[0]), "%s", type);
    snprintf(names[1], sizeof(names[1]), "%s", link);
    snprintf(names[2], sizeof(names[2]), "%s", target);
    return fptc__view_links_outside(v, &follow);
}

static void test_links_outside(void **state)
{
    struct fptc__view *v;
    int round;

    (void)state;
    put("project-101", FPTC__ROWS,
        "{\"type\":\"Sequence\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\",\"project\":"
        "\"entity\"},\"rows\":[{\"id\":5,\"code\":\"s\"," IN_101
        "},{\"id\":6,\"code\":\"g\"," IN_101 "}]}");
    put("project-101", FPTC__ROWS,
        "{\"type\":\"Shot\",\"seen\":0,\"asof\":1," TYPES
        ",\"rows\":[{\"id\":1,\"code\":\"a\"," IN_101
        ",\"sg_sequence\":{\"type\":\"Sequence\",\"id\":5,\"name\":\"s\"},\"updated_at\":null},"
        "{\"id\":2,\"code\":\"b\"," IN_101 ",\"sg_sequence\":{\"type\":\"Sequence\",\"id\":6,"
        "\"name\":\"g\"},\"updated_at\":null},{\"id\":3,\"code\":\"c\"," IN_101
        ",\"sg_sequence\":null,\"updated_at\":null}]}");
    put("project-101", FPTC__ROWS,
        "{\"type\":\"Note\",\"seen\":0,\"asof\":1,\"types\":{\"note_links\":\"multi_entity\","
        "\"project\":\"entity\"},\"rows\":[{\"id\":1," IN_101
        ",\"note_links\":[{\"type\":\"Sequence\",\"id\":5,\"name\":\"s\"},"
        "{\"type\":\"Sequence\",\"id\":6,\"name\":\"g\"}]},{\"id\":2," IN_101
        ",\"note_links\":[]}]}");
    /* A retired target is no row of another project: the link reads as null. */
    put("project-101", FPTC__GONE,
        "{\"type\":\"Sequence\",\"seen\":9,\"asof\":1,\"rows\":[{\"id\":6}]}");
    for (round = 0; round < 2; round++) {
        v = open_view("project-101");
        fptc__view_begin(v);
        assert_int_equal(links_outside(v, "Shot", "sg_sequence", "Sequence", 0), 0);
        assert_int_equal(links_outside(v, "Shot", "sg_sequence", "Asset", 0), 1);
        assert_int_equal(links_outside(v, "Shot", "no_such_field", "Sequence", 0), 1);
        assert_int_equal(links_outside(v, "Note", "note_links", "Sequence", 1), 0);
        assert_int_equal(links_outside(v, "Note", "no_such_field", "Sequence", 1), 1);
        fptc__view_end(v);
        fptc__view_close(v);
        compact("project-101");
    }
    put("project-101", FPTC__GONE,
        "{\"type\":\"Sequence\",\"seen\":99,\"asof\":1,\"rows\":[{\"id\":5,\"moved_to\":"
        "\"project-102\"}]}");
    for (round = 0; round < 2; round++) {
        v = open_view("project-101");
        fptc__view_begin(v);
        assert_int_equal(links_outside(v, "Shot", "sg_sequence", "Sequence", 0), 1);
        assert_int_equal(links_outside(v, "Note", "note_links", "Sequence", 1), 1);
        fptc__view_end(v);
        fptc__view_close(v);
        compact("project-101");
    }
}

static ssize_t would_wait(int fd, const struct iovec *parts, int n, off_t offset, int flags)
{
    (void)fd, (void)parts, (void)n, (void)offset;
    assert_int_equal(flags, RWF_NOWAIT);
    errno = EAGAIN;
    return -1;
}

/* Who must not wait is refused what lies on the server, and nothing that he found counts later. */
static void test_without_waiting(void **state)
{
    const char *name = NULL;
    struct fptc__view *v;
    int64_t n = 0;
    int is_gone = 0;

    (void)state;
    put("project-101", FPTC__ROWS,
        "{\"type\":\"Sequence\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\",\"project\":"
        "\"entity\",\"cached_display_name\":\"text\"},\"rows\":[{\"id\":5,\"code\":\"s\","
        "\"cached_display_name\":\"named\"," IN_101 "}]}");
    compact("project-101");
    v = open_view("project-101");
    fptc__sys.preadv2 = would_wait;
    assert_int_equal(fptc__view_begin_now(v), 1);
    assert_int_equal(fptc__view_begin_now(v), 0); /* somebody has it */
    assert_int_equal(fptc__view_was_refused(v), 0);
    assert_int_equal(fptc__view_name(v, "Sequence", 5, &name, &is_gone), 0);
    assert_int_equal(fptc__view_was_refused(v), 1);
    fptc__view_end(v);
    assert_int_equal(fptc__view_begin_now(v), 1);
    assert_int_not_equal(fptc__view_count(v, FPTC__HOME, "Sequence", &n, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_was_refused(v), 1);
    fptc__view_end(v);
    fptc__view_begin(v);
    assert_int_equal(fptc__view_name(v, "Sequence", 5, &name, &is_gone), 1);
    assert_string_equal(name, "named");
    assert_int_equal(fptc__view_count(v, FPTC__HOME, "Sequence", &n, &help_err), FPTC_OK);
    assert_int_equal(n, 1);
    fptc__view_end(v);
    /* What SQLite has in its memory needs no waiting. */
    assert_int_equal(fptc__view_begin_now(v), 1);
    assert_int_equal(fptc__view_count(v, FPTC__HOME, "Sequence", &n, &help_err), FPTC_OK);
    assert_int_equal(fptc__view_was_refused(v), 0);
    fptc__view_end(v);
    fptc__view_close(v);
}

#define ROW(updated, code) ROW_SEEN("0", updated, code)
#define ROW_SEEN(seen, updated, code)                                                              \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," TYPES                                       \
    ",\"rows\":[{\"id\":1,\"code\":\"" code "\"," IN_101                                           \
    ",\"sg_sequence\":null,\"updated_at\":\"" updated "\"}]}"

static void test_suspects(void **state)
{
    struct fptc__view *v = open_view("project-101");

    (void)state;
    put("project-101", FPTC__ROWS, ROW("2026-01-01T00:00:00Z", "one"));
    put("project-101", FPTC__ROWS, ROW("2026-01-01T00:00:00Z", "two"));
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    fptc__view_begin(v);
    assert_int_equal(fptc__view_is_suspect(v, FPTC__HOME, "Shot", 1), 1);
    assert_int_equal(fptc__view_is_suspect(v, FPTC__HOME, "Shot", 2), 0);
    assert_int_equal(fptc__view_is_suspect(v, FPTC__SITE, "Shot", 1), 0);
    fptc__view_end(v);
    put("project-101", FPTC__ROWS, ROW_SEEN("2", "2026-01-01T00:00:00Z", "three")); /* read again */
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    fptc__view_begin(v);
    assert_int_equal(fptc__view_is_suspect(v, FPTC__HOME, "Shot", 1), 0);
    fptc__view_end(v);
    fptc__view_close(v);
}

#define QUERY(seen, outbox)                                                                        \
    "{\"hash\":\"00000000000000000000000000000001\",\"text\":\"q\",\"type\":\"Shot\",\"touches\":" \
    "[\"Shot\"" outbox "]," TYPES ",\"seen\":" seen ",\"ids\":[1],\"asof\":5}"

static void check_query(int is_there, int is_untouched, int64_t outbox_seen)
{
    struct fptc__view *v = open_view("project-101");
    struct fptc__stored_query q;
    fptc_status status;

    fptc__view_begin(v);
    status = fptc__view_query(v, FPTC__HOME, "00000000000000000000000000000001", "q", &q, NULL);
    assert_int_equal(status, is_there ? FPTC_OK : FPTC_MISS);
    if (is_there) {
        assert_int_equal(q.is_untouched, is_untouched);
        assert_int_equal(q.outbox_seen, outbox_seen);
        fptc__stored_query_done(&q);
    }
    assert_int_equal(
        fptc__view_query(v, FPTC__HOME, "00000000000000000000000000000001", "other", &q, NULL),
        FPTC_MISS);
    fptc__view_end(v);
    fptc__view_close(v);
}

static void test_stored_queries(void **state)
{
    (void)state;
    put("project-101", FPTC__ROWS, ROW("2026-01-01T00:00:00Z", "one"));
    put("project-101", FPTC__QUERY, QUERY("0", ""));
    check_query(0, 0, 0); /* overtaken: a commit it had not seen touched its type */
    put("project-101", FPTC__QUERY, QUERY("2", ",{\"outbox\":17}"));
    check_query(1, 1, 17);
    compact("project-101");
    check_query(1, 1, 17);
    put("project-101", FPTC__ROWS, ROW("2026-01-01T00:00:05Z", "changed"));
    check_query(1, 0, 17);
}

static void check_outbox(int64_t now_ms, int64_t horizon, int64_t since, const char *types, int is)
{
    struct fptc__view *v = open_view("outbox");
    fptc__json *list = NULL;
    int64_t found = -1;
    int is_written = -1;

    assert_int_equal(fptc__json_parse(types, strlen(types), "types", &list, NULL), FPTC_OK);
    fptc__view_begin(v);
    assert_int_equal(fptc__mutation_horizon(v, now_ms, &found, &help_err), FPTC_OK);
    assert_int_equal(fptc__mutation_since(v, since, list, &is_written, &help_err), FPTC_OK);
    fptc__view_end(v);
    fptc__view_close(v);
    fptc__json_free(list);
    assert_int_equal(found, horizon);
    assert_int_equal(is_written, is);
}

#define SHOT_HEADS "[\"Shot\",{\"outbox\":1}]"

static void test_outbox(void **state)
{
    const int64_t later = 1000 + FPTC_QUIET_MS;

    (void)state;
    check_outbox(1000, 0, 0, SHOT_HEADS, 0);
    put("outbox", FPTC__MUTATE,
        "{\"event\":\"e1\",\"verb\":\"update\",\"type\":\"Shot\",\"id\":1,\"data\":{},\"asof\":900}");
    check_outbox(1000, 0, 0, SHOT_HEADS, 1); /* under way: what FPT says now may not show it */
    put("outbox", FPTC__ATTEMPT, "{\"events\":[\"e1\"],\"no\":1,\"writer\":\"w\",\"asof\":900}");
    check_outbox(1000, 0, 0, SHOT_HEADS, 1);
    check_outbox(later, 2, 2, SHOT_HEADS, 0); /* nobody waits for it any more */
    put("outbox", FPTC__SETTLE,
        "{\"event\":\"e1\",\"id\":1,\"partition\":\"project-101\",\"asof\":950}");
    check_outbox(1000, 3, 0, SHOT_HEADS, 1);
    check_outbox(1000, 3, 1, SHOT_HEADS, 0);
    check_outbox(1000, 3, 0, "[\"Asset\"]", 0);
    compact("outbox");
    check_outbox(1000, 3, 3, SHOT_HEADS, 0);
    check_outbox(1000, 3, 2, SHOT_HEADS,
                 1); /* the order of what is in the snapshot is not looked up */
}

#define INTENT(event, verb, id)                                                                    \
    "{\"event\":\"" event "\",\"verb\":\"" verb "\",\"type\":\"Shot\",\"id\":" id                  \
    ",\"data\":{\"code\":\"x\"},\"who\":\"script:w\",\"asof\":900}"
#define TRIED(event) "{\"events\":[\"" event "\"],\"no\":1,\"writer\":\"w\",\"asof\":900}"
#define DONE(event, id, more)                                                                      \
    "{\"event\":\"" event "\",\"id\":" id ",\"partition\":\"project-101\",\"asof\":950" more "}"

/* The event that is found, "" for none. */
static const char *first_unsettled(struct fptc__view *v, const char *event, int64_t after,
                                   int64_t before)
{
    static struct fptc__mutation m;
    const struct fptc__entity_writes of = {"Shot", 1, event, after, before, 0};
    fptc_status status = fptc__mutation_unsettled(v, &of, &m, &help_err);

    assert_true(status == FPTC_OK || status == FPTC_MISS);
    return status == FPTC_OK ? m.event : "";
}

static void check_writes(void)
{
    struct fptc__view *v = open_view("outbox");
    const struct fptc__entity_writes of = {"Shot", 1, "e2", 0, INT64_MAX, 0};
    fptc__json *code = NULL, *other = NULL, *body = NULL;
    struct fptc__mutation m;
    int64_t max_id = -1, first;

    assert_int_equal(fptc__json_parse("{\"code\":1}", 10, "x", &code, NULL), FPTC_OK);
    assert_int_equal(fptc__json_parse("{\"name\":1}", 10, "x", &other, NULL), FPTC_OK);
    fptc__view_begin(v);
    assert_int_equal(fptc__mutation_find(v, "e2", &m, &help_err), FPTC_OK);
    assert_string_equal(m.who, "script:w");
    first = m.version;
    assert_string_equal(first_unsettled(v, "", 0, INT64_MAX), "e2");
    assert_string_equal(first_unsettled(v, "e2", 0, INT64_MAX), "e3");
    assert_string_equal(first_unsettled(v, "", first, INT64_MAX), "e3");
    assert_string_equal(first_unsettled(v, "e3", 0, first), "");
    assert_int_equal(fptc__mutation_overwritten(v, &of, code, &m, &help_err), FPTC_OK);
    assert_string_equal(m.event, "e1");
    assert_int_equal(fptc__mutation_overwritten(v, &of, other, &m, &help_err), FPTC_MISS);
    assert_int_equal(fptc__mutation_maker(v, "Shot", 77, "e2", &m, &help_err), FPTC_OK);
    assert_string_equal(m.event, "e4");
    assert_int_equal(fptc__mutation_maker(v, "Shot", 77, "e4", &m, &help_err), FPTC_MISS);
    assert_int_equal(fptc__mutation_maker(v, "Shot", 1, "e2", &m, &help_err), FPTC_MISS);
    assert_int_equal(fptc__mutation_max_id(v, "Shot", &max_id, &help_err), FPTC_OK);
    assert_int_equal(max_id, 77);
    assert_int_equal(fptc__mutation_body(v, "e2", &body, &help_err), FPTC_OK);
    assert_int_equal(fptc__json_get_int(body, "asof"), 900);
    fptc__json_free(body);
    assert_int_equal(fptc__mutation_body(v, "e1", &body, &help_err), FPTC_OK);
    assert_null(body); /* settled */
    fptc__view_end(v);
    fptc__view_close(v);
    fptc__json_free(code);
    fptc__json_free(other);
}

/* The order of an entity's writes, and who made a row: the snapshot's word, the overlay's, and both. */
static void test_writes(void **state)
{
    (void)state;
    put("outbox", FPTC__MUTATE, INTENT("e1", "update", "1"));
    put("outbox", FPTC__ATTEMPT, TRIED("e1"));
    put("outbox", FPTC__MUTATE, INTENT("e2", "update", "1"));
    put("outbox", FPTC__ATTEMPT, TRIED("e2"));
    compact("outbox"); /* the snapshot has e1 without an end, the overlay settles it */
    put("outbox", FPTC__SETTLE, DONE("e1", "1", ",\"fields\":[\"sg_x\",\"code\"]"));
    put("outbox", FPTC__MUTATE, INTENT("e3", "delete", "1"));
    put("outbox", FPTC__MUTATE, INTENT("e4", "create", "0"));
    put("outbox", FPTC__ATTEMPT, TRIED("e4"));
    put("outbox", FPTC__SETTLE, DONE("e4", "77", ""));
    put("outbox", FPTC__MUTATE, INTENT("e5", "delete", "999999"));
    put("outbox", FPTC__SETTLE, DONE("e5", "999999", ""));
    check_writes();
    compact("outbox");
    check_writes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_coverage, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_links_outside, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_without_waiting, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_suspects, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_stored_queries, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox, help_set_up, help_tear_down),
        cmocka_unit_test_setup_teardown(test_writes, help_set_up, help_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
