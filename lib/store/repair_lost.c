/* repair_lost.c: commits are lost: what is left is kept, and what is not is said. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/deflate.h"
#include "base/error.h"
#include "base/limits.h"
#include "store/rebuild.h"
#include "store/repair.h"
#include "store/tables.h"

/* Of a record: kind, flags, two lengths, checksum. */
#define FRAME_BYTES 16u

struct salvage {
    struct fptc__repair *repair;
    struct fptc__rebuild left; /* the best base and every commit above it that can be read */
    const char *numbers;       /* those lost, for people */
    int is_outbox;
};

/* --- which commits ---------------------------------------------------------------------------- */

static int is_left(const struct fptc__survey *s, uint64_t number)
{
    const struct fptc__survey_commit *c = fptc__survey_find(s, number);

    return c && c->condition != FPTC__BROKEN && !c->breaks_chain;
}

/* The first number at or after `at`, up to the head, that is lost (or, wants_left, that is left). The
   numbers that are not there at all are passed over in one step. */
static uint64_t next_such(const struct fptc__survey *s, uint64_t at, int wants_left)
{
    size_t i;

    if (!wants_left) {
        while (at <= s->head && is_left(s, at))
            at++;
        return at;
    }
    for (i = 0; i < s->n_commits; i++) {
        uint64_t number = s->commits[i].number;

        if (number >= at && is_left(s, number))
            return number;
    }
    return s->head + 1;
}

/* "7, 9-12" */
static void list_lost(const struct fptc__survey *s, uint64_t base, struct fptc__buf *out)
{
    uint64_t from = next_such(s, base + 1, 0), to;

    while (from <= s->head) {
        to = next_such(s, from, 1) - 1;
        if (out->len > 0)
            fptc__buf_adds(out, ", ");
        fptc__buf_addf(out, "%" PRIu64, from);
        if (to > from)
            fptc__buf_addf(out, "-%" PRIu64, to);
        from = next_such(s, to + 1, 0);
    }
}

/* --- what they said, as far as it can be read -------------------------------------------------- */

static int is_known_event(const struct salvage *g, const char *event)
{
    sqlite3_stmt *stmt = NULL;
    int known = 0;

    if (sqlite3_prepare_v2(g->left.db, "SELECT 1 FROM _fptc_mutation WHERE event=?1", -1, &stmt,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC) == SQLITE_OK)
        known = sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    return known;
}

/* Event ids in a text of a damaged commit that nothing else tells of. */
static void tell_events(const struct salvage *g, const char *at, size_t n, uint64_t number)
{
    static const char key[] = "\"event\":\"";
    const char *end = at + n;
    char event[33], what[128];

    while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1)) != NULL) {
        size_t length = 0;

        at += sizeof(key) - 1;
        while (length < 32 && at + length < end && isxdigit((unsigned char)at[length]))
            length++;
        if (length < 32)
            continue;
        memcpy(event, at, 32);
        event[32] = '\0';
        if (is_known_event(g, event))
            continue;
        (void)snprintf(what, sizeof(what), "event %s, named in commit %" PRIu64, event, number);
        g->repair->lost(g->repair->ctx, g->repair->p->name, "mutation", what);
    }
}

/* The records of a damaged commit, as far as their frames lead from one to the next. */
static void tell_records(const struct salvage *g, const struct fptc__buf *bytes, uint64_t number)
{
    const char *text = fptc__buf_text(bytes);
    size_t at = FPTC__COMMIT_HEADER_LEN;

    tell_events(g, text, bytes->len, number);
    while (at + FRAME_BYTES <= bytes->len) {
        int is_deflated = fptc__get_u16(text + at + 2) & 1;
        size_t stored = fptc__get_u32(text + at + 4), plain = fptc__get_u32(text + at + 8);
        struct fptc__buf body;

        at += FRAME_BYTES;
        if (stored > bytes->len - at || plain / 1032 > stored)
            return;
        fptc__buf_init(&body, FPTC_RECORD_BYTES_MAX);
        if (is_deflated)
            (void)fptc__inflate(text + at, stored, plain, &body, NULL);
        tell_events(g, fptc__buf_text(&body), body.len, number);
        fptc__buf_done(&body);
        at += stored;
    }
}

static fptc_status read_damaged(const struct salvage *g, const struct fptc__survey *s,
                                uint64_t base)
{
    size_t i;

    for (i = 0; i < s->n_commits; i++) {
        char path[FPTC_PATH_MAX];
        struct fptc__buf bytes;

        if (s->commits[i].number <= base || s->commits[i].condition != FPTC__BROKEN ||
            fptc__partition_number_path(g->repair->p, "log", s->commits[i].number, path, NULL) !=
                FPTC_OK)
            continue;
        fptc__buf_init(&bytes, FPTC_COMMIT_BYTES_MAX);
        if (fptc__file_read(path, FPTC_COMMIT_BYTES_MAX, &bytes, NULL) == FPTC_OK)
            tell_records(g, &bytes, s->commits[i].number);
        fptc__buf_done(&bytes);
    }
    return FPTC_OK;
}

/* Tells the first column of a query's rows as lost. */
static fptc_status tell_rows(const struct salvage *g, const char *kind, const char *sql,
                             fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(g->left.db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return fptc__sql_fail(g->left.db, "reading what is left", err);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        if (text)
            g->repair->lost(g->repair->ctx, g->repair->p->name, kind, text);
    }
    sqlite3_finalize(stmt);
    return FPTC_OK;
}

/* --- the commit that says so ------------------------------------------------------------------ */

/* {"key":..,"value":..,"asof":..} of each setting: who mirrors what, and the schema. */
static fptc_status add_settings(const struct salvage *g, struct fptc__records *out, fptc_error *err)
{
    static const char sql[] =
        "SELECT json_object('key', key, 'value', json(value), 'asof', asof) FROM _fptc_config"
        " WHERE key NOT IN ('dropped', 'hole', 'lost', 'repaired') AND json_valid(value) ORDER BY key";
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;

    if (sqlite3_prepare_v2(g->left.db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return fptc__sql_fail(g->left.db, "reading what is left", err);
    while (status == FPTC_OK && sqlite3_step(stmt) == SQLITE_ROW &&
           out->n < FPTC_COMMIT_RECORDS_MAX - 1) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);

        status = text ? fptc__records_add(out, FPTC__CONFIG, text, strlen(text), 0, err)
                      : fptc__fail_nomem(err);
    }
    sqlite3_finalize(stmt);
    return status;
}

static fptc_status add_lost(const struct salvage *g, uint64_t number, struct fptc__records *out,
                            fptc_error *err)
{
    struct fptc__server_clock clock;
    struct fptc__buf body;
    int64_t now_ms = 0;
    fptc_status status;

    memset(&clock, 0, sizeof(clock));
    status = fptc__server_now(&clock, g->repair->p, &now_ms, err);
    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&body, 1u << 20);
    if (g->is_outbox)
        fptc__buf_adds(&body, "{\"key\":\"lost\",\"value\":");
    fptc__buf_addf(&body, "{\"upto\":%" PRIu64 ",\"commits\":", number);
    fptc__json_put_text(&body, g->numbers, strlen(g->numbers));
    fptc__buf_addf(&body, ",\"asof\":%" PRId64 "}", now_ms);
    if (g->is_outbox)
        fptc__buf_addf(&body, ",\"asof\":%" PRId64 "}", now_ms);
    status = fptc__buf_check(&body, "a record", err);
    if (status == FPTC_OK)
        status = fptc__records_add(out, g->is_outbox ? FPTC__CONFIG : FPTC__LOST, body.data,
                                   body.len, 0, err);
    fptc__buf_done(&body);
    return status;
}

/* What others appended meanwhile is taken in first. The outbox does not begin anew: whoever knows more of
   it is right. */
static fptc_status make(void *ctx, uint64_t number, struct fptc__records *out, fptc_error *err)
{
    struct salvage *g = ctx;
    fptc_status status = fptc__rebuild_apply(&g->left, number - 1, err);

    if (status == FPTC_OK)
        status = add_lost(g, number, out, err);
    return status == FPTC_OK && !g->is_outbox ? add_settings(g, out, err) : status;
}

/* --- the base of it --------------------------------------------------------------------------- */

static fptc_status publish(struct salvage *g, const struct fptc__repair_append *a,
                           struct fptc__manifest *m, fptc_error *err)
{
    struct fptc__repair *r = g->repair;
    const struct fptc__manifest nothing = {.upto = a->number - 1, .snapshot_upto = a->number - 1};
    struct fptc__rebuild fresh;
    struct fptc__rebuild *from = &g->left;
    struct fptc__server_clock clock;
    struct fptc__commit c;
    fptc_status status;

    memset(&clock, 0, sizeof(clock));
    memset(&fresh, 0, sizeof(fresh));
    memset(m, 0, sizeof(*m));
    status = fptc__server_now(&clock, r->p, &m->asof_ms, err);
    if (status == FPTC_OK)
        status = fptc__repair_read(r, a->number, &c, err);
    if (status != FPTC_OK)
        return status == FPTC_MISS
                   ? fptc__fail(err, FPTC_ERACE, "%s changed: repair again", r->p->dir)
                   : status;
    if (!g->is_outbox) {
        status = fptc__rebuild_begin(&fresh, r->p, r->call, &nothing, err);
        from = &fresh;
    }
    if (status == FPTC_OK)
        status = fptc__rebuild_commit(from, &c, err);
    fptc__commit_done(&c);
    m->upto = a->number;
    m->prev = a->checksum;
    if (status == FPTC_OK)
        status = fptc__rebuild_publish(from, m, r->logger, err);
    fptc__rebuild_done(&fresh);
    return status;
}

static fptc_status tell_lost(const struct salvage *g, const struct fptc__survey *s, uint64_t base,
                             fptc_error *err)
{
    struct fptc__repair *r = g->repair;
    fptc_status status;

    r->lost(r->ctx, r->p->name, "commits", g->numbers);
    status = read_damaged(g, s, base);
    if (status == FPTC_OK && !g->is_outbox)
        status =
            tell_rows(g, "coverage", "SELECT DISTINCT type FROM _fptc_field ORDER BY type", err);
    if (status == FPTC_OK && g->is_outbox)
        status = tell_rows(g, "mutation",
                           "SELECT 'event ' || event || ', ' || coalesce(verb, '') || ' ' ||"
                           " coalesce(type, '') || ': kept, its end is not known'"
                           " FROM _fptc_mutation WHERE state < 2 ORDER BY version",
                           err);
    if (status == FPTC_OK && !g->is_outbox)
        r->lost(r->ctx, r->p->name, "history",
                "cursors of changes start again with version 0; see `fptcache mirror ls` for "
                "declarations that stood in those commits");
    return status;
}

fptc_status fptc__repair_lost(struct fptc__repair *r, const struct fptc__survey *s,
                              const struct fptc__manifest *best, fptc_error *err)
{
    struct salvage g = {.repair = r, .is_outbox = strcmp(r->p->name, "outbox") == 0};
    struct fptc__repair_append a = {&g, make, 0, 0};
    struct fptc__manifest m;
    struct fptc__buf numbers;
    fptc_status status;

    fptc__buf_init(&numbers, 1u << 19);
    list_lost(s, best->upto, &numbers);
    if (numbers.len == 0) /* the newest base was made over a hole, whose file may have gone since */
        fptc__buf_addf(&numbers, "damaged ones below %" PRIu64, s->head);
    g.numbers = fptc__buf_text(&numbers);
    status = fptc__repair_fill(r, s, err);
    if (status == FPTC_OK)
        status = fptc__rebuild_begin(&g.left, r->p, r->call, best, err);
    if (status == FPTC_OK)
        status = fptc__repair_append(r, &a, err);
    if (status == FPTC_OK)
        status = tell_lost(&g, s, best->upto, err);
    if (status == FPTC_OK)
        status = publish(&g, &a, &m, err);
    fptc__rebuild_done(&g.left);
    if (status == FPTC_OK) {
        status = fptc__repair_say(r, "base %" PRIu64 " from what is left", m.upto);
        /* A second base above it: what is below may be deleted. */
        if (status == FPTC_OK)
            status = fptc__repair_note(r, err);
        if (status == FPTC_OK)
            status = fptc__repair_rebase(r, &m, m.upto, err);
    }
    fptc__buf_done(&numbers);
    return status == FPTC_MISS ? fptc__fail(err, FPTC_ERACE, "%s changed: repair again", r->p->dir)
                               : status;
}
