/*
 * test_outbox_decide.c: what the outbox holds, before and after compaction; and deciding about a write
 * while others decide, or send, at the same time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "outbox/decide.h"
#include "store_help.h"

#define EVENT(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define A EVENT("a")
#define B EVENT("b")
#define C EVENT("c")
#define D EVENT("d")
#define MUTATE(event, more)                                                                        \
    "{\"event\":\"" event "\",\"verb\":\"update\",\"type\":\"Shot\",\"id\":5,\"data\":"            \
    "{\"code\":\"x\"},\"who\":\"script:me\",\"host\":\"h\",\"pid\":7,\"asof\":1000" more "}"
#define ATTEMPT(event, no)                                                                         \
    "{\"events\":[\"" event "\"],\"no\":" no ",\"writer\":\"w" no "\",\"asof\":1" no "00}"
#define REFUSE(event, no)                                                                          \
    "{\"event\":\"" event "\",\"status\":400,\"text\":\"no\",\"asof\":1" no "00}"

static struct fptc__view *outbox;

/* One commit of one record; through a view of its own, as another process would. */
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

/* From now on they are read from a snapshot. */
static void fold(void)
{
    const struct fptc__call call = {0};
    struct fptc__logger logger = {0};
    struct fptc__compact_stats stats;

    assert_int_equal(
        fptc__compact(fptc__view_partition(outbox, FPTC__HOME), &call, &logger, &stats, &help_err),
        FPTC_OK);
    fptc__view_close(outbox);
    assert_int_equal(fptc__view_open(help_dir, "outbox", NULL, &outbox, &help_err), FPTC_OK);
}

/* a refused, b unknown, c settled, d never sent. */
static int set_up(void **state)
{
    if (help_set_up(state) != 0 ||
        fptc__view_open(help_dir, "outbox", NULL, &outbox, &help_err) != FPTC_OK)
        return 1;
    commit(FPTC__MUTATE, MUTATE(A, ""));
    commit(FPTC__ATTEMPT, ATTEMPT(A, "1"));
    commit(FPTC__REFUSE, REFUSE(A, "1"));
    commit(FPTC__MUTATE, MUTATE(B, ""));
    commit(FPTC__ATTEMPT, ATTEMPT(B, "1"));
    commit(FPTC__MUTATE, MUTATE(C, ""));
    commit(FPTC__SETTLE, "{\"event\":\"" C "\",\"id\":5,\"partition\":\"project-101\"}");
    commit(FPTC__MUTATE, MUTATE(D, ""));
    return 0;
}

static int tear_down(void **state)
{
    fptc__view_close(outbox);
    return help_tear_down(state);
}

static int add_name(struct fptc__kept_write *w, void *payload)
{
    char *out = payload;
    size_t n = strlen(out);
    const char *code = fptc__json_get_text(fptc__json_get(w->intent, "data"), "code");

    snprintf(out + n, 200 - n, "%c %s %s, ", w->event[0], fptc__state_name(w),
             code == NULL ? "-" : code);
    return 0;
}

/* "d pending x, c settled -, ": those of the states, the newest first. */
static const char *list(unsigned states, const char *event, int64_t limit)
{
    const struct fptc__writes_filter filter = {event, states, limit};
    static char out[200];
    int more = -1;

    out[0] = '\0';
    assert_int_equal(fptc__view_refresh(outbox, 0, &help_err), FPTC_OK);
    fptc__view_begin(outbox);
    assert_int_equal(fptc__writes_each(outbox, &filter, add_name, out, &more, &help_err), FPTC_OK);
    fptc__view_end(outbox);
    snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s", more ? "more" : "");
    return out;
}

/* The file server's time of a decision; `meanwhile`, if set, is what somebody else does just then. */
static void (*meanwhile)(void);

static fptc_status now(void *ctx, int64_t *out_ms, fptc_error *err)
{
    (void)ctx;
    (void)err;
    *out_ms = 2000;
    if (meanwhile != NULL)
        meanwhile();
    return FPTC_OK;
}

static fptc_status decide_as(const char *identity, const char *event, int32_t verdict,
                             const char *data)
{
    const struct fptc__call call = {0};
    const struct fptc__session session = {.view = outbox, .call = &call, .now = now};
    fptc__json *fields = NULL;
    fptc_status status;

    if (data != NULL)
        assert_int_equal(fptc__json_parse(data, strlen(data), "data", &fields, &help_err), FPTC_OK);
    status = fptc__decide(
        &(struct fptc__decision){outbox, &session, event, verdict, fields, identity}, &help_err);
    fptc__json_free(fields);
    return status;
}

static fptc_status decide(const char *event, int32_t verdict, const char *data)
{
    return decide_as("script:me", event, verdict, data);
}

static void test_list(void **state)
{
    const unsigned refused = FPTC__STATE_BIT(FPTC__MUTATION_REFUSED);
    int round;

    (void)state;
    for (round = 0; round < 2; round++) {
        assert_string_equal(list(~0u, NULL, 9),
                            "d pending x, c settled -, b unknown x, a refused x, ");
        assert_string_equal(list(~0u, NULL, 2), "d pending x, c settled -, more");
        assert_string_equal(list(~0u, NULL, 4),
                            "d pending x, c settled -, b unknown x, a refused x, ");
        assert_string_equal(list(refused, NULL, 9), "a refused x, ");
        assert_string_equal(list(~0u, B, 9), "b unknown x, ");
        assert_string_equal(list(refused, B, 9), "");
        fold();
    }
    assert_int_equal(decide(A, FPTC_VERDICT_RETRY, "{\"code\":\"y\"}"), FPTC_OK);
    assert_string_equal(list(~0u, NULL, 9), "d pending x, c settled -, b unknown x, a pending y, ");
    assert_string_equal(list(refused, NULL, 9), "");
}

static void test_names_of_states(void **state)
{
    static const struct {
        enum fptc__mutation_state state;
        const char *outcome, *name, *next;
    } cases[] = {
        {FPTC__MUTATION_REFUSED, "{\"why\":\"refused\"}", "refused", "edit it"},
        {FPTC__MUTATION_REFUSED, "{\"why\":\"conflict\"}", "conflict", "others have written"},
        {FPTC__MUTATION_REFUSED, "{\"why\":\"uncertain\"}", "uncertain", "rows that are named"},
        {FPTC__MUTATION_REFUSED, "{\"why\":\"newer\"}", "refused", "edit it"},
        {FPTC__MUTATION_INTENT, "{\"why\":\"conflict\"}", "pending", "drop it"},
        {FPTC__MUTATION_DROPPED, "{\"why\":\"conflict\"}", "dropped", ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fptc__kept_write w = {.state = cases[i].state};

        assert_int_equal(fptc__json_parse(cases[i].outcome, strlen(cases[i].outcome), "outcome",
                                          &w.outcome, &help_err),
                         FPTC_OK);
        assert_string_equal(fptc__state_name(&w), cases[i].name);
        assert_non_null(strstr(fptc__next_step(&w), cases[i].next));
        fptc__kept_write_done(&w);
    }
}

static void test_what_may_be_decided(void **state)
{
    static const struct {
        const char *event;
        int32_t verdict;
        fptc_status status;
        const char *word;
    } cases[] = {
        {EVENT("e"), FPTC_VERDICT_RETRY, FPTC_MISS, "no write"},
        {B, FPTC_VERDICT_RETRY, FPTC_ESTATE, "unknown"},
        {B, FPTC_VERDICT_DROP, FPTC_ESTATE, "unknown"},
        {C, FPTC_VERDICT_RETRY, FPTC_ESTATE, "settled"},
        {C, FPTC_VERDICT_DROP, FPTC_ESTATE, "settled"},
        {D, FPTC_VERDICT_RETRY, FPTC_ESTATE, "pending"},
        {D, FPTC_VERDICT_DROP, FPTC_OK, NULL},
        {D, FPTC_VERDICT_RETRY, FPTC_ESTATE, "dropped"},
        {A, FPTC_VERDICT_RETRY, FPTC_OK, NULL},
        {A, FPTC_VERDICT_RETRY, FPTC_ESTATE, "pending"},
        {A, FPTC_VERDICT_DROP, FPTC_OK, NULL},
    };
    size_t i;

    (void)state;
    assert_int_equal(decide_as("script:other", A, FPTC_VERDICT_RETRY, NULL), FPTC_EAUTH);
    assert_non_null(strstr(help_err.message, "script:me"));
    assert_int_equal(decide_as("", A, FPTC_VERDICT_DROP, NULL), FPTC_EAUTH);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(decide(cases[i].event, cases[i].verdict, NULL), cases[i].status);
        if (cases[i].word != NULL && strstr(help_err.message, cases[i].word) == NULL)
            fail_msg("%zu: %s", i, help_err.message);
    }
    assert_string_equal(list(~0u, NULL, 9), "d dropped x, c settled -, b unknown x, a dropped x, ");
}

static int read_mark(struct fptc__kept_write *w, void *payload)
{
    const char *mark = fptc__json_get_text(fptc__json_get(w->intent, "data"), "sg_event");

    snprintf(payload, 40, "%s", mark == NULL ? "" : mark);
    return 0;
}

/* A delete has nothing to edit; a create that is told by a field keeps its event id there. */
static void test_edits(void **state)
{
    const struct fptc__writes_filter filter = {EVENT("f"), ~0u, 1};
    char marked[40] = "";
    int more;

    (void)state;
    commit(FPTC__MUTATE,
           "{\"event\":\"" EVENT("e") "\",\"verb\":\"delete\",\"type\":\"Shot\","
                                      "\"id\":5,\"data\":null,\"who\":\"script:me\",\"asof\":1}");
    commit(FPTC__REFUSE, REFUSE(EVENT("e"), "1"));
    assert_int_equal(decide(EVENT("e"), FPTC_VERDICT_RETRY, "{\"code\":\"y\"}"), FPTC_EUSAGE);
    assert_int_equal(decide(EVENT("e"), FPTC_VERDICT_RETRY, NULL), FPTC_OK);
    commit(FPTC__MUTATE, MUTATE(EVENT("f"), ",\"marker\":\"sg_event\""));
    commit(FPTC__REFUSE, REFUSE(EVENT("f"), "1"));
    assert_int_equal(decide(EVENT("f"), FPTC_VERDICT_RETRY, "{\"code\":\"y\"}"), FPTC_OK);
    assert_string_equal(list(~0u, EVENT("f"), 1), "f pending y, ");
    fptc__view_begin(outbox);
    assert_int_equal(fptc__writes_each(outbox, &filter, read_mark, marked, &more, &help_err),
                     FPTC_OK);
    fptc__view_end(outbox);
    assert_string_equal(marked, EVENT("f"));
}

static void drop_a(void)
{
    commit(FPTC__DECIDE, "{\"event\":\"" A "\",\"verdict\":\"drop\",\"no\":1,\"who\":\"script:me\","
                         "\"asof\":1999}");
}

static void retry_a_and_be_refused(void)
{
    commit(FPTC__DECIDE, "{\"event\":\"" A "\",\"verdict\":\"retry\",\"no\":1,\"who\":"
                         "\"script:me\",\"asof\":1999}");
    commit(FPTC__ATTEMPT, "{\"events\":[\"" A "\"],\"no\":2,\"writer\":\"w\",\"asof\":2100}");
    commit(FPTC__REFUSE, "{\"event\":\"" A "\",\"status\":400,\"text\":\"no\",\"asof\":2100}");
}

static void claim_d(void)
{
    commit(FPTC__ATTEMPT, ATTEMPT(D, "1"));
}

static void do_as_we_do(void)
{
    commit(FPTC__DECIDE, "{\"event\":\"" A "\",\"verdict\":\"retry\",\"no\":1,\"who\":"
                         "\"script:me\",\"asof\":2000}");
}

/* Somebody else is a moment earlier, after we have looked and before our commit. */
static void test_others_at_the_same_time(void **state)
{
    (void)state;
    meanwhile = claim_d;
    assert_int_equal(decide(D, FPTC_VERDICT_DROP, NULL), FPTC_ESTATE);
    meanwhile = retry_a_and_be_refused;
    assert_int_equal(decide(A, FPTC_VERDICT_DROP, NULL), FPTC_ESTATE);
    assert_non_null(strstr(help_err.message, "sent again meanwhile"));
    meanwhile = drop_a; /* no: 1, of what was refused before: passed over */
    assert_int_equal(decide(A, FPTC_VERDICT_RETRY, NULL), FPTC_OK);
    meanwhile = NULL;
    assert_string_equal(list(~0u, NULL, 9), "d unknown x, c settled -, b unknown x, a pending x, ");
}

static void test_another_was_first(void **state)
{
    (void)state;
    meanwhile = drop_a;
    assert_int_equal(decide(A, FPTC_VERDICT_RETRY, NULL), FPTC_ESTATE);
    meanwhile = NULL;
    assert_string_equal(list(~0u, A, 9), "a dropped x, ");
}

/* The end of our append was not told: our record is there, and is not written twice. */
static void test_our_own_record(void **state)
{
    uint64_t head;

    (void)state;
    meanwhile = do_as_we_do;
    assert_int_equal(decide(A, FPTC_VERDICT_RETRY, NULL), FPTC_OK);
    meanwhile = NULL;
    assert_int_equal(fptc__view_refresh(outbox, 0, &help_err), FPTC_OK);
    head = fptc__log_head(fptc__view_log(outbox, FPTC__HOME));
    assert_int_equal(head, 9);
    assert_string_equal(list(~0u, A, 9), "a pending x, ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
        cmocka_unit_test(test_names_of_states),
        cmocka_unit_test_setup_teardown(test_what_may_be_decided, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_edits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others_at_the_same_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_was_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_our_own_record, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
