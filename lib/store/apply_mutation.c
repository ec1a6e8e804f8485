/*
 * apply_mutation.c: the outbox: intents and what became of them. The first record of its kind wins, so
 * that records which come twice, or late, change nothing.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

enum { INTENT, ATTEMPTED, SETTLED, REFUSED, DROPPED };

struct mutation {
    int is_there;
    int side;
    int state;
    int64_t attempts, attempt_asof;
};

static fptc_status find(struct fptc__tables *t, const char *event, struct mutation *m,
                        fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = FPTC_MISS;
    int side;

    memset(m, 0, sizeof(*m));
    for (side = 0; status == FPTC_MISS && side < FPTC__SIDES && t->schema[side]; side++) {
        status = fptc__tables_stmt(t, FPTC__MUTATION_GET + side, &stmt, err);
        if (status != FPTC_OK)
            return status;
        (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
        status = fptc__tables_first(t, stmt, "looking up a mutation", err);
        if (status == FPTC_OK) {
            m->is_there = 1;
            m->side = side;
            m->state = sqlite3_column_int(stmt, 0);
            m->attempts = sqlite3_column_int64(stmt, 1);
            m->attempt_asof = sqlite3_column_int64(stmt, 2);
        }
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
    }
    return status == FPTC_MISS ? FPTC_OK : status;
}

/* Brings a mutation of BASE to DELTA, where it can be changed. */
static fptc_status own(struct fptc__tables *t, const char *event, const struct mutation *m,
                       fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;

    if (m->side == FPTC__DELTA)
        return FPTC_OK;
    status = fptc__tables_stmt(t, FPTC__MUTATION_COPY, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "copying a mutation", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* Nothing changes it any more. */
static int is_over(const struct mutation *m)
{
    return m->state == SETTLED || m->state == DROPPED;
}

static fptc_status event_of(struct fptc__tables *t, const fptc__json *body, const char **out,
                            fptc_error *err)
{
    *out = fptc__json_get_text(body, "event");
    if (*out)
        return FPTC_OK;
    return fptc__refuse(t, err, "a record of a mutation has no event id");
}

fptc_status fptc__apply_mutate(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    struct fptc__buf text;
    struct mutation m;
    sqlite3_stmt *stmt;
    const char *event;
    int64_t version;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || m.is_there)
        return status;
    status = fptc__tables_next_version(t, &version, err);
    if (status == FPTC_OK)
        status = fptc__tables_stmt(t, FPTC__MUTATION_PUT, &stmt, err);
    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__json_print(body, &text);
    status = fptc__buf_check(&text, "a mutation", err);
    if (status == FPTC_OK) {
        (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2, version);
        (void)sqlite3_bind_text(stmt, 3, fptc__json_get_text(body, "verb"), -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(stmt, 4, fptc__json_get_text(body, "type"), -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 5, fptc__json_get_int(body, "id"));
        (void)sqlite3_bind_text(stmt, 6, text.data, (int)text.len, SQLITE_STATIC);
        status = fptc__tables_step(t, stmt, "storing a mutation", err);
        (void)sqlite3_clear_bindings(stmt);
    }
    fptc__buf_done(&text);
    return status;
}

/* What an attempt says anew of the intent. NULL in *out: nothing. */
static fptc_status patch_of(const fptc__json *body, fptc__json **out, fptc_error *err)
{
    static const char *const members[] = {"known", "left"};
    size_t i;
    int ok = 1;

    *out = NULL;
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const fptc__json *value = fptc__json_get(body, members[i]);

        if (value && !*out)
            *out = fptc__json_new_object();
        if (value)
            ok = fptc__json_set(*out, members[i], fptc__json_copy(value)) && ok;
    }
    return ok ? FPTC_OK : fptc__fail_nomem(err);
}

/* A claim counts only when it is the next: of two with the same number the first holds. */
static fptc_status attempt(struct fptc__tables *t, const char *event, const fptc__json *body,
                           fptc_error *err)
{
    int64_t no = fptc__json_get_int(body, "no");
    fptc__json *patch = NULL;
    struct fptc__buf text;
    struct mutation m;
    sqlite3_stmt *stmt;
    fptc_status status = find(t, event, &m, err);

    if (status != FPTC_OK || !m.is_there || is_over(&m) || no <= m.attempts)
        return status;
    status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = fptc__tables_stmt(t, FPTC__MUTATION_ATTEMPT, &stmt, err);
    if (status == FPTC_OK)
        status = patch_of(body, &patch, err);
    if (status != FPTC_OK) {
        fptc__json_free(patch);
        return status;
    }
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    if (patch) {
        fptc__json_print(patch, &text);
        (void)sqlite3_bind_text(stmt, 5, fptc__buf_text(&text), -1, SQLITE_STATIC);
    }
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, no);
    (void)sqlite3_bind_int64(stmt, 3, fptc__json_get_int(body, "asof"));
    (void)sqlite3_bind_text(stmt, 4, fptc__json_get_text(body, "writer"), -1, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "storing an attempt", err);
    (void)sqlite3_clear_bindings(stmt);
    fptc__buf_done(&text);
    fptc__json_free(patch);
    return status;
}

fptc_status fptc__apply_attempt(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const fptc__json *event = fptc__json_first(fptc__json_get(body, "events"));
    fptc_status status = FPTC_OK;

    for (; status == FPTC_OK && event; event = fptc__json_next(event)) {
        if (fptc__json_text(event))
            status = attempt(t, fptc__json_text(event), body, err);
    }
    return status;
}

/* The outcome: the members of `body` named here, as an object. */
static fptc_status outcome_text(const fptc__json *body, const char *const *members,
                                struct fptc__buf *out, fptc_error *err)
{
    fptc__json *outcome = fptc__json_new_object();
    const fptc__json *value;
    int ok = outcome != NULL;

    for (; ok && *members; members++) {
        value = fptc__json_get(body, *members);
        if (value)
            ok = fptc__json_set(outcome, *members, fptc__json_copy(value));
    }
    if (ok)
        fptc__json_print(outcome, out);
    fptc__json_free(outcome);
    return ok ? fptc__buf_check(out, "an outcome", err) : fptc__fail_nomem(err);
}

/* id: the row that a settled create has made; 0: as intended. */
static fptc_status put_outcome(struct fptc__tables *t, int no, const char *event, int64_t id,
                               const struct fptc__buf *text, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, no, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, text->data, (int)text->len, SQLITE_STATIC);
    if (id > 0)
        (void)sqlite3_bind_int64(stmt, 3, id);
    status = fptc__tables_step(t, stmt, "storing an outcome", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* What was looked up about one attempt says nothing once another has begun (`no`). */
fptc_status fptc__apply_settle(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    static const char *const members[] = {"id", "partition", "by", "fields", "left", NULL};
    int64_t no = fptc__json_get_int(body, "no");
    struct fptc__buf text;
    struct mutation m;
    const char *event;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || !m.is_there || is_over(&m) || (no > 0 && no != m.attempts))
        return status;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = outcome_text(body, members, &text, err);
    if (status == FPTC_OK)
        status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = put_outcome(t, FPTC__MUTATION_SETTLE, event, fptc__json_get_int(body, "id"), &text,
                             err);
    fptc__buf_done(&text);
    return status;
}

/* What provably did not reach FPT waits again; said of the last attempt, while it has no other end. */
static int is_unsent(const struct mutation *m, const fptc__json *body, int *out_counts)
{
    const char *why = fptc__json_get_text(body, "why");
    int is = why && strcmp(why, "unsent") == 0;

    *out_counts = m->state == ATTEMPTED && fptc__json_get_int(body, "no") == m->attempts;
    return is;
}

/* A refusal older than the last attempt is about an earlier one, which was answered already. */
static int is_late(const struct mutation *m, const fptc__json *body)
{
    int64_t asof = fptc__json_get_int(body, "asof");

    return asof > 0 && asof < m->attempt_asof;
}

fptc_status fptc__apply_refuse(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    static const char *const members[] = {"status", "text", "why", NULL};
    struct fptc__buf text;
    struct mutation m;
    const char *event;
    int no = FPTC__MUTATION_REFUSE, counts;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || !m.is_there || is_over(&m) || m.state == REFUSED)
        return status;
    if (is_unsent(&m, body, &counts))
        no = FPTC__MUTATION_UNSENT;
    else
        counts = !is_late(&m, body);
    if (!counts)
        return FPTC_OK;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = outcome_text(body, members, &text, err);
    if (status == FPTC_OK)
        status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = put_outcome(t, no, event, 0, &text, err);
    fptc__buf_done(&text);
    return status;
}

/* --- what a person decides -------------------------------------------------------------------- */

/* Whether the verdict fits: on the mutation as it was when the person looked at it (`no`), so that a record
   which comes late decides nothing that happened since. */
static int counts(const struct mutation *m, const fptc__json *body, int *out_state)
{
    const char *verdict = fptc__json_get_text(body, "verdict");
    int is_drop = verdict && strcmp(verdict, "drop") == 0;

    *out_state = is_drop ? DROPPED : INTENT;
    if (!m->is_there || (!is_drop && (!verdict || strcmp(verdict, "retry") != 0)))
        return 0;
    if (fptc__json_get(body, "no") && fptc__json_get_int(body, "no") != m->attempts)
        return 0;
    return m->state == REFUSED || (is_drop && m->state == INTENT);
}

/* What is stored of it, as objects; the caller frees both. */
static fptc_status read_texts(struct fptc__tables *t, const char *event, fptc__json **intent,
                              fptc__json **outcome, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__MUTATION_READ, &stmt, err);
    const char *text;

    *intent = *outcome = NULL;
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    status = fptc__tables_first(t, stmt, "reading a mutation", err);
    text = status == FPTC_OK ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text)
        (void)fptc__json_parse_as_spelled(text, strlen(text), "a mutation", intent, NULL);
    text = status == FPTC_OK ? (const char *)sqlite3_column_text(stmt, 1) : NULL;
    if (text)
        (void)fptc__json_parse(text, strlen(text), "an outcome", outcome, NULL);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    if (!fptc__json_is_object(*outcome)) {
        fptc__json_free(*outcome);
        *outcome = fptc__json_new_object();
    }
    return status == FPTC_OK && !*outcome ? fptc__fail_nomem(err) : status;
}

/* Who wants a conflict sent again wants to overwrite. */
static int overwrites(const fptc__json *body, const fptc__json *outcome)
{
    const char *verdict = fptc__json_get_text(body, "verdict");
    const char *why = fptc__json_get_text(outcome, "why");

    return verdict && why && strcmp(verdict, "retry") == 0 && strcmp(why, "conflict") == 0;
}

/* Adds who decided what, and when, to the outcome; and new data, or another policy, to the intent. What an attempt before
   has left out (`left`) says nothing of what is sent now: it is compared anew. */
static fptc_status decided(const fptc__json *body, fptc__json *intent, fptc__json *outcome,
                           fptc_error *err)
{
    static const char *const members[] = {"verdict", "who", "asof"};
    const fptc__json *data = fptc__json_get(body, "data");
    fptc__json *last = fptc__json_new_object();
    int ok = 1;
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (fptc__json_get(body, members[i]))
            ok = fptc__json_set(last, members[i],
                                fptc__json_copy(fptc__json_get(body, members[i]))) &&
                 ok;
    }
    ok = fptc__json_set(outcome, "decided", last) && ok;
    if (fptc__json_is_object(data) && fptc__json_is_object(intent))
        ok = fptc__json_set(intent, "data", fptc__json_copy(data)) && ok;
    if (fptc__json_get(intent, "left"))
        fptc__json_free(fptc__json_detach(intent, fptc__json_get(intent, "left")));
    if (overwrites(body, outcome) && fptc__json_is_object(intent))
        ok = fptc__json_set(intent, "policy", fptc__json_new_text("overwrite")) && ok;
    return ok ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status put_decided(struct fptc__tables *t, const char *event, int state,
                               const fptc__json *body, const struct fptc__buf *texts,
                               fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__MUTATION_DECIDE, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, state);
    if (state == INTENT) /* a refusal from before this says nothing of it any more */
        (void)sqlite3_bind_int64(stmt, 3, fptc__json_get_int(body, "asof"));
    if (texts[0].len > 0)
        (void)sqlite3_bind_text(stmt, 4, texts[0].data, (int)texts[0].len, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 5, texts[1].data, (int)texts[1].len, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "storing a decision", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

static fptc_status decide(struct fptc__tables *t, const char *event, int state,
                          const fptc__json *body, fptc_error *err)
{
    fptc__json *intent, *outcome;
    struct fptc__buf texts[2]; /* either may be the sum of two records */
    fptc_status status = read_texts(t, event, &intent, &outcome, err);
    size_t i;

    for (i = 0; i < 2; i++)
        fptc__buf_init(&texts[i], 3u * FPTC_RECORD_BYTES_MAX);
    if (status == FPTC_OK)
        status = decided(body, intent, outcome, err);
    if (status == FPTC_OK && intent)
        fptc__json_print(intent, &texts[0]);
    if (status == FPTC_OK)
        fptc__json_print(outcome, &texts[1]);
    for (i = 0; i < 2 && status == FPTC_OK; i++)
        status = fptc__buf_check(&texts[i], "a decision", err);
    if (status == FPTC_OK)
        status = put_decided(t, event, state, body, texts, err);
    for (i = 0; i < 2; i++)
        fptc__buf_done(&texts[i]);
    fptc__json_free(intent);
    fptc__json_free(outcome);
    return status;
}

fptc_status fptc__apply_decide(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    struct mutation m;
    const char *event;
    int state;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || !counts(&m, body, &state))
        return status;
    status = own(t, event, &m, err);
    return status == FPTC_OK ? decide(t, event, state, body, err) : status;
}
