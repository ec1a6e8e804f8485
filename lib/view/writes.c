#include "view/writes.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "view/connection.h"

#define COLUMNS "event, state, verb, type, id, attempts, attempt_asof, body, outcome, version"
#define WHERE "(?1 IS NULL OR event = ?1) AND (?2 >> state) & 1"

void fptc__kept_write_done(struct fptc__kept_write *w)
{
    fptc__json_free(w->intent);
    fptc__json_free(w->outcome);
    w->intent = w->outcome = NULL;
}

static void copy_text(char *out, size_t n, sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    snprintf(out, n, "%s", text == NULL ? "" : text);
}

/* NULL: there is none, or it makes no sense. */
static fptc__json *json_of(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);
    fptc__json *value = NULL;

    if (text != NULL)
        (void)fptc__json_parse_as_spelled(text, strlen(text), "the outbox", &value, NULL);
    return value;
}

static void read_write(sqlite3_stmt *stmt, struct fptc__kept_write *out)
{
    memset(out, 0, sizeof(*out));
    copy_text(out->event, sizeof(out->event), stmt, 0);
    out->state = (enum fptc__mutation_state)sqlite3_column_int(stmt, 1);
    copy_text(out->verb, sizeof(out->verb), stmt, 2);
    copy_text(out->type, sizeof(out->type), stmt, 3);
    out->id = sqlite3_column_int64(stmt, 4);
    out->attempts = sqlite3_column_int64(stmt, 5);
    out->attempt_asof_ms = sqlite3_column_int64(stmt, 6);
    out->intent = json_of(stmt, 7);
    out->outcome = json_of(stmt, 8);
}

/* The overlay's, and the snapshot's that are not in the overlay. */
static fptc_status prepare(struct fptc__view *outbox, struct fptc__view_part *part,
                           sqlite3_stmt **out, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status;

    fptc__buf_init(&sql, 4096);
    fptc__buf_addf(&sql, "SELECT " COLUMNS " FROM %s._fptc_mutation WHERE " WHERE,
                   part->delta_schema);
    if (part->has_base)
        fptc__buf_addf(
            &sql,
            " UNION ALL SELECT " COLUMNS " FROM %s._fptc_mutation b WHERE " WHERE
            " AND NOT EXISTS (SELECT 1 FROM %s._fptc_mutation d WHERE d.event = b.event)",
            part->base_schema, part->delta_schema);
    fptc__buf_adds(&sql, " ORDER BY version DESC LIMIT ?3");
    status = fptc__view_prepare(outbox, fptc__buf_text(&sql), out, err);
    fptc__buf_done(&sql);
    return status;
}

fptc_status fptc__writes_each(struct fptc__view *outbox, const struct fptc__writes_filter *filter,
                              int (*each)(struct fptc__kept_write *w, void *payload), void *payload,
                              int *out_more, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    struct fptc__kept_write w;
    sqlite3_stmt *stmt = NULL;
    fptc_status status;
    int64_t n = 0;
    int rc = SQLITE_DONE, is_stopped = 0;

    *out_more = 0;
    if (part->tables == NULL)
        return FPTC_OK;
    status = prepare(outbox, part, &stmt, err);
    if (status != FPTC_OK)
        return status;
    if (filter->event != NULL)
        sqlite3_bind_text(stmt, 1, filter->event, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, filter->states);
    sqlite3_bind_int64(stmt, 3, filter->limit + 1);
    while (!is_stopped && !*out_more && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        *out_more = n++ == filter->limit;
        if (*out_more)
            break;
        read_write(stmt, &w);
        is_stopped = each(&w, payload);
        fptc__kept_write_done(&w);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = fptc__view_fail(outbox, "reading the outbox", err);
    sqlite3_reset(stmt);
    return status;
}
