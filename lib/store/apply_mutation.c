/*
 * apply_mutation.c: the outbox: intents and what became of them. The first record of its kind wins, so
 * that records which come twice, or late, change nothing.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

enum { INTENT, ATTEMPTED, SETTLED, REFUSED };

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

/* A claim counts only when it is the next: of two with the same number the first holds. */
static fptc_status attempt(struct fptc__tables *t, const char *event, const fptc__json *body,
                           fptc_error *err)
{
    int64_t no = fptc__json_get_int(body, "no");
    struct mutation m;
    sqlite3_stmt *stmt;
    fptc_status status = find(t, event, &m, err);

    if (status != FPTC_OK || !m.is_there || m.state == SETTLED || no <= m.attempts)
        return status;
    status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = fptc__tables_stmt(t, FPTC__MUTATION_ATTEMPT, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, no);
    (void)sqlite3_bind_int64(stmt, 3, fptc__json_get_int(body, "asof"));
    (void)sqlite3_bind_text(stmt, 4, fptc__json_get_text(body, "writer"), -1, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "storing an attempt", err);
    (void)sqlite3_clear_bindings(stmt);
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

static fptc_status put_outcome(struct fptc__tables *t, int no, const char *event,
                               const struct fptc__buf *text, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, no, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, text->data, (int)text->len, SQLITE_STATIC);
    status = fptc__tables_step(t, stmt, "storing an outcome", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

fptc_status fptc__apply_settle(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    static const char *const members[] = {"id", "partition", NULL};
    struct fptc__buf text;
    struct mutation m;
    const char *event;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || !m.is_there || m.state == SETTLED)
        return status;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = outcome_text(body, members, &text, err);
    if (status == FPTC_OK)
        status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = put_outcome(t, FPTC__MUTATION_SETTLE, event, &text, err);
    fptc__buf_done(&text);
    return status;
}

/* A refusal older than the last attempt is about an earlier one, which was answered already. */
fptc_status fptc__apply_refuse(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    static const char *const members[] = {"status", "text", NULL};
    int64_t asof = fptc__json_get_int(body, "asof");
    struct fptc__buf text;
    struct mutation m;
    const char *event;
    fptc_status status = event_of(t, body, &event, err);

    if (status == FPTC_OK)
        status = find(t, event, &m, err);
    if (status != FPTC_OK || !m.is_there || m.state == SETTLED || m.state == REFUSED ||
        (asof > 0 && asof < m.attempt_asof))
        return status;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = outcome_text(body, members, &text, err);
    if (status == FPTC_OK)
        status = own(t, event, &m, err);
    if (status == FPTC_OK)
        status = put_outcome(t, FPTC__MUTATION_REFUSE, event, &text, err);
    fptc__buf_done(&text);
    return status;
}
