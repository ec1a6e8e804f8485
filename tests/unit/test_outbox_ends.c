/*
 * test_outbox_ends.c: claims and ends of writes while others claim, settle and send the same ones: what is
 * decided with the outbox at its head. Others commit through views of their own, unseen by ours until then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "outbox/sending.h"
#include "store_help.h"

#define ME "script:me"
#define QUIET_MS 1000
#define INTENT(event, verb, id, who)                                                               \
    "{\"event\":\"" event "\",\"verb\":\"" verb "\",\"type\":\"Shot\",\"id\":" id                  \
    ",\"data\":{\"code\":\"x\"},\"who\":\"" who "\",\"asof\":1000,\"known\":7}"
#define TRIED(event, no, asof)                                                                     \
    "{\"events\":[\"" event "\"],\"no\":" no ",\"writer\":\"other\",\"asof\":" asof "}"
#define DONE(event, id)                                                                            \
    "{\"event\":\"" event "\",\"id\":" id ",\"partition\":\"project-101\",\"by\":\"answer\"}"

static struct fptc__view *outbox, *home;
static int64_t now_ms;
static fptc__json *data, *row;

static fptc_status tell_now(void *ctx, int64_t *out_ms, fptc_error *err)
{
    (void)ctx;
    (void)err;
    *out_ms = now_ms;
    return FPTC_OK;
}

static void commit(uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    const struct fptc__call call = {0};
    struct fptc__view *v = NULL;

    assert_int_equal(fptc__view_open(help_dir, "outbox", NULL, &v, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_make(fptc__view_partition(v, FPTC__HOME), &help_err), FPTC_OK);
    assert_int_equal(fptc__view_refresh(v, 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 0, &help_err), FPTC_OK);
    assert_int_equal(fptc__log_append(fptc__view_log(v, FPTC__HOME), &append, &call, &help_err),
                     FPTC_OK);
    fptc__records_done(&records);
    fptc__view_close(v);
}

static int set_up(void **state)
{
    if (help_set_up(state) != 0 ||
        fptc__view_open(help_dir, "outbox", NULL, &outbox, &help_err) != FPTC_OK ||
        fptc__view_open(help_dir, "project-101", NULL, &home, &help_err) != FPTC_OK)
        return 1;
    now_ms = 1500;
    data = row = NULL;
    (void)fptc__json_parse("{\"code\":\"x\"}", 12, "data", &data, NULL);
    (void)fptc__json_parse("{\"id\":77,\"code\":\"x\"}", 20, "row", &row, NULL);
    return data == NULL || row == NULL;
}

static int tear_down(void **state)
{
    fptc__json_free(data);
    fptc__json_free(row);
    fptc__view_close(outbox);
    fptc__view_close(home);
    return help_tear_down(state);
}

/* One write under way here. */
struct ours {
    struct fptc__call call;
    struct fptc__session follow;
    struct fptc__source source;
    struct fptc__through through;
    struct fptc__through_result out;
    struct fptc__sending s;
};

static struct fptc__sending *ours(struct ours *o, int32_t verb, const char *event, int64_t no)
{
    memset(o, 0, sizeof(*o));
    o->follow.view = home;
    o->follow.call = &o->call;
    o->follow.now = tell_now;
    o->source.type = "Shot";
    o->source.is_project_type = 1;
    o->through.outbox = outbox;
    o->through.follow = &o->follow;
    o->through.source = &o->source;
    o->through.verb = verb;
    o->through.id = verb == FPTC_VERB_CREATE ? 0 : 5;
    o->through.data = data;
    o->through.event = event;
    o->through.identity = ME;
    o->through.quiet_ms = QUIET_MS;
    o->out.id = verb == FPTC_VERB_CREATE ? 77 : 5;
    o->out.row = row;
    o->s.t = &o->through;
    o->s.out = &o->out;
    o->s.no = no;
    o->s.asof_ms = now_ms;
    snprintf(o->s.writer, sizeof(o->s.writer), "me");
    return &o->s;
}

static fptc_status claimed_as_of(int32_t verb, const char *event, int64_t version, int64_t no,
                                 int64_t decided_asof_ms)
{
    struct ours o;
    struct fptc__sending *s = ours(&o, verb, event, no);

    s->version = version;
    s->decided_asof_ms = decided_asof_ms;
    return fptc__claim(s, &help_err);
}

static fptc_status claimed(int32_t verb, const char *event, int64_t version, int64_t no)
{
    return claimed_as_of(verb, event, version, no, 0);
}

static fptc_status settled(int32_t verb, const char *event, int64_t no, const char *by)
{
    struct ours o;
    const struct fptc__ending e = {.by = by};

    return fptc__settle(ours(&o, verb, event, no), &e, &help_err);
}

static struct fptc__mutation found(const char *event)
{
    struct fptc__mutation m;

    assert_int_equal(fptc__view_refresh(outbox, 0, &help_err), FPTC_OK);
    fptc__view_begin(outbox);
    assert_int_equal(fptc__mutation_find(outbox, event, &m, &help_err), FPTC_OK);
    fptc__view_end(outbox);
    return m;
}

/* Two have found that attempt 1 did nothing: one of them sends again. */
static void test_one_claims_again(void **state)
{
    int64_t version;

    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    version = found("a").version;
    commit(FPTC__ATTEMPT, TRIED("a", "2", "1400"));
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", version, 2), FPTC_PENDING);
    assert_string_equal(found("a").writer, "other");
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", version, 3), FPTC_OK);
    assert_string_equal(found("a").writer, "me");
    commit(FPTC__SETTLE, DONE("a", "77"));
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", version, 4), FPTC_PENDING);
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", 0, 1), FPTC_PENDING);
}

/* Earlier writes to the row: ours are finished first, however old; others' hold us up until they are quiet. */
static void test_order(void **state)
{
    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "update", "5", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    assert_int_equal(claimed(FPTC_VERB_UPDATE, "b", 0, 1), FPTC_PENDING);
    assert_int_equal(found("b").state, FPTC__MUTATION_NONE);
    commit(FPTC__SETTLE, DONE("a", "5"));
    commit(FPTC__MUTATE, INTENT("c", "update", "5", "script:them"));
    commit(FPTC__ATTEMPT, TRIED("c", "1", "1000"));
    assert_int_equal(claimed(FPTC_VERB_UPDATE, "b", 0, 1), FPTC_PENDING);
    now_ms = 1000 + QUIET_MS;
    assert_int_equal(claimed(FPTC_VERB_UPDATE, "b", 0, 1), FPTC_OK);
    /* The earlier of two does not wait for the later one. */
    assert_int_equal(claimed(FPTC_VERB_UPDATE, "c", found("c").version, 2), FPTC_OK);
}

/* W4: a row settles one create, whoever comes second. */
static void test_one_row_settles_one(void **state)
{
    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    (void)found("a");
    commit(FPTC__MUTATE, INTENT("b", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("b", "1", "100"));
    commit(FPTC__SETTLE, DONE("b", "77"));
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_PENDING);
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "answer"), FPTC_PENDING);
    assert_int_equal(found("a").state, FPTC__MUTATION_ATTEMPTED);
    assert_int_equal(settled(FPTC_VERB_CREATE, "b", 1, "match"), FPTC_OK); /* it is, already */
}

/* What was found about attempt 1 says nothing once there is a second; FPT's own answer always does. */
static void test_a_later_attempt(void **state)
{
    struct ours o;
    const struct fptc__ending e = {.why = "uncertain", .text = "two rows"};

    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    (void)found("a");
    commit(FPTC__ATTEMPT, TRIED("a", "2", "1400"));
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_PENDING);
    assert_int_equal(fptc__settle(ours(&o, FPTC_VERB_CREATE, "a", 1), &e, &help_err), FPTC_PENDING);
    assert_int_equal(found("a").state, FPTC__MUTATION_ATTEMPTED);
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "answer"), FPTC_OK);
    assert_int_equal(found("a").state, FPTC__MUTATION_SETTLED);
    assert_int_equal(found("a").id, 77);
}

/* Another create of the same values that began after the look-up may have made the row. */
static void test_rivals(void **state)
{
    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    (void)found("a");
    commit(FPTC__MUTATE, INTENT("b", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("b", "1", "1000"));
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_PENDING);
    assert_int_equal(found("a").state, FPTC__MUTATION_ATTEMPTED);
    now_ms = 1000 + QUIET_MS;
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_OK);
    assert_int_equal(found("a").state, FPTC__MUTATION_SETTLED);
}

/* A person has decided meanwhile. */
static void test_a_decision(void **state)
{
    (void)state;
    commit(FPTC__MUTATE, INTENT("a", "create", "0", ME));
    commit(FPTC__ATTEMPT, TRIED("a", "1", "100"));
    (void)found("a");
    commit(FPTC__REFUSE, "{\"event\":\"a\",\"status\":0,\"text\":\"t\",\"asof\":100}");
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_PENDING);
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", found("a").version, 2), FPTC_PENDING);
    commit(FPTC__DECIDE, "{\"event\":\"a\",\"verdict\":\"retry\",\"no\":1,\"asof\":200}");
    assert_int_equal(settled(FPTC_VERB_CREATE, "a", 1, "match"), FPTC_PENDING);
    /* What was read before is not sent: it may have been edited. */
    assert_int_equal(claimed(FPTC_VERB_CREATE, "a", found("a").version, 2), FPTC_PENDING);
    assert_int_equal(claimed_as_of(FPTC_VERB_CREATE, "a", found("a").version, 2, 200), FPTC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_claims_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_row_settles_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rivals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_decision, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
