#include "view/mutation.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

#define COLUMNS "event, state, verb, type, id, attempt_asof, attempt_writer, outcome"

static void copy_text(char *out, size_t n, sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    snprintf(out, n, "%s", text == NULL ? "" : text);
}

static void read_outcome(sqlite3_stmt *stmt, struct fptc__mutation *out)
{
    const char *text = (const char *)sqlite3_column_text(stmt, 7);
    fptc__json *outcome = NULL;
    const char *partition, *words;

    if (text == NULL || fptc__json_parse(text, strlen(text), "outcome", &outcome, NULL) != FPTC_OK)
        return;
    partition = fptc__json_get_text(outcome, "partition");
    words = fptc__json_get_text(outcome, "text");
    if (fptc__json_get_int(outcome, "id") > 0)
        out->id = fptc__json_get_int(outcome, "id");
    snprintf(out->partition, sizeof(out->partition), "%s", partition == NULL ? "" : partition);
    snprintf(out->text, sizeof(out->text), "%s", words == NULL ? "" : words);
    fptc__json_free(outcome);
}

static void read_record(sqlite3_stmt *stmt, struct fptc__mutation *out)
{
    copy_text(out->event, sizeof(out->event), stmt, 0);
    out->state = (enum fptc__mutation_state)sqlite3_column_int(stmt, 1);
    copy_text(out->verb, sizeof(out->verb), stmt, 2);
    copy_text(out->type, sizeof(out->type), stmt, 3);
    out->id = sqlite3_column_int64(stmt, 4);
    out->attempt_asof_ms = sqlite3_column_int64(stmt, 5);
    copy_text(out->writer, sizeof(out->writer), stmt, 6);
    read_outcome(stmt, out);
}

/* Runs `format` with a schema in place of each %s. FPTC_MISS when it has no row. */
static fptc_status read_one(struct fptc__view *v, const char *format, const char *schema,
                            const char *texts[3], int64_t id, struct fptc__mutation *out,
                            fptc_error *err)
{
    char *sql = sqlite3_mprintf(format, schema, schema);
    sqlite3_stmt *stmt = NULL;
    fptc_status status =
        sql == NULL ? fptc__fail_nomem(err) : fptc__view_prepare(v, sql, &stmt, err);
    int rc, i;

    sqlite3_free(sql);
    if (status != FPTC_OK)
        return status;
    for (i = 0; i < 2; i++) {
        if (texts[i] != NULL)
            sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_STATIC);
    }
    if (id != 0)
        sqlite3_bind_int64(stmt, 3, id);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        read_record(stmt, out);
    else
        status = rc == SQLITE_DONE ? FPTC_MISS : fptc__view_fail(v, "reading the outbox", err);
    sqlite3_reset(stmt);
    return status;
}

fptc_status fptc__mutation_find(struct fptc__view *outbox, const char *event,
                                struct fptc__mutation *out, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    const char *texts[3] = {event, NULL, NULL};
    static const char by_event[] = "SELECT " COLUMNS " FROM %s._fptc_mutation WHERE event = ?1";
    fptc_status status = FPTC_MISS;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    if (part->tables != NULL)
        status = read_one(outbox, by_event, part->delta_schema, texts, 0, out, err);
    if (status == FPTC_MISS && part->has_base)
        status = read_one(outbox, by_event, part->base_schema, texts, 0, out, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__mutation_unsettled(struct fptc__view *outbox, const char *type, int64_t id,
                                     const char *event, struct fptc__mutation *out, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    const char *texts[3] = {type, event, NULL};
    static const char unsettled[] =
        "SELECT " COLUMNS " FROM %s._fptc_mutation WHERE type = ?1 AND id = ?3 AND event <> ?2 "
        "AND state IN (0, 1) ORDER BY version DESC LIMIT 1";
    fptc_status status = FPTC_MISS;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    if (part->tables != NULL)
        status = read_one(outbox, unsettled, part->delta_schema, texts, id, out, err);
    if (status == FPTC_MISS && part->has_base) {
        struct fptc__mutation newer;

        /* A settle newer than the snapshot lives in the overlay: the snapshot's word is then old. */
        status = read_one(outbox, unsettled, part->base_schema, texts, id, out, err);
        if (status == FPTC_OK)
            status = fptc__mutation_find(outbox, out->event, &newer, err);
        if (status == FPTC_OK && newer.state != FPTC__MUTATION_INTENT &&
            newer.state != FPTC__MUTATION_ATTEMPTED)
            status = FPTC_MISS;
    }
    return status;
}

fptc_status fptc__mutation_horizon(struct fptc__view *outbox, int64_t now_ms, int64_t *out,
                                   fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    const char *schemas[2] = {part->delta_schema, part->has_base ? part->base_schema : NULL};
    sqlite3_stmt *stmt = NULL;
    char sql[160];
    fptc_status status = FPTC_OK;
    int i;

    *out = (int64_t)fptc__log_head(part->log);
    for (i = 0; i < 2 && part->tables != NULL && status == FPTC_OK; i++) {
        if (schemas[i] == NULL)
            continue;
        sqlite3_snprintf((int)sizeof(sql), sql,
                         "SELECT min(version) >> 20 FROM %s._fptc_mutation WHERE state IN (0, 1) "
                         "AND coalesce(attempt_asof, ?1) > ?1 - ?2",
                         schemas[i]);
        status = fptc__view_prepare(outbox, sql, &stmt, err);
        if (status != FPTC_OK)
            break;
        sqlite3_bind_int64(stmt, 1, now_ms);
        sqlite3_bind_int64(stmt, 2, FPTC_QUIET_MS);
        if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL &&
            sqlite3_column_int64(stmt, 0) <= *out)
            *out = sqlite3_column_int64(stmt, 0) - 1;
        sqlite3_reset(stmt);
    }
    return status;
}

fptc_status fptc__mutation_since(struct fptc__view *outbox, int64_t since, const fptc__json *types,
                                 int *out, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    const fptc__json *type;
    sqlite3_stmt *stmt = NULL;
    char sql[120];
    fptc_status status = FPTC_OK;

    *out = since < (int64_t)part->base.snapshot_upto; /* the snapshot is not searched */
    if (part->tables == NULL)
        return FPTC_OK;
    sqlite3_snprintf((int)sizeof(sql), sql,
                     "SELECT 1 FROM %s._fptc_mutation WHERE type = ?1 AND version >> 20 > ?3",
                     part->delta_schema);
    for (type = fptc__json_first(types); type != NULL && !*out && status == FPTC_OK;
         type = fptc__json_next(type)) {
        if (!fptc__json_is_string(type))
            continue;
        status = fptc__view_prepare(outbox, sql, &stmt, err);
        if (status != FPTC_OK)
            break;
        sqlite3_bind_text(stmt, 1, fptc__json_text(type), -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, since);
        *out = sqlite3_step(stmt) == SQLITE_ROW;
        sqlite3_reset(stmt);
    }
    return status;
}

fptc_status fptc__mutation_each_unsettled(struct fptc__view *outbox,
                                          int (*each)(const struct fptc__mutation *m,
                                                      const char *data, void *payload),
                                          void *payload, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    struct fptc__mutation m;
    struct fptc__buf sql;
    sqlite3_stmt *stmt = NULL;
    fptc_status status;
    int rc = SQLITE_DONE;

    if (part->tables == NULL)
        return FPTC_OK;
    fptc__buf_init(&sql, 4096);
    fptc__buf_addf(&sql, "SELECT " COLUMNS ", body FROM %s._fptc_mutation WHERE state IN (0, 1)",
                   part->delta_schema);
    if (part->has_base)
        fptc__buf_addf(&sql,
                       " UNION ALL SELECT " COLUMNS
                       ", body FROM %s._fptc_mutation b WHERE state IN "
                       "(0, 1) AND NOT EXISTS (SELECT 1 FROM %s._fptc_mutation d WHERE d.event = "
                       "b.event)",
                       part->base_schema, part->delta_schema);
    status = fptc__view_prepare(outbox, fptc__buf_text(&sql), &stmt, err);
    fptc__buf_done(&sql);
    if (status != FPTC_OK)
        return status;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        memset(&m, 0, sizeof(m));
        read_record(stmt, &m);
        if (each(&m, (const char *)sqlite3_column_text(stmt, 8), payload))
            break;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = fptc__view_fail(outbox, "reading the outbox", err);
    sqlite3_reset(stmt);
    return status;
}

fptc_status fptc__mutation_counts(struct fptc__view *outbox, int64_t *out_unsettled,
                                  int64_t *out_refused, fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    struct fptc__buf sql;
    sqlite3_stmt *stmt = NULL;
    fptc_status status;

    *out_unsettled = *out_refused = 0;
    if (part->tables == NULL)
        return FPTC_OK;
    fptc__buf_init(&sql, 4096);
    fptc__buf_addf(&sql,
                   "SELECT coalesce(sum(state IN (0, 1)), 0), coalesce(sum(state = 3), 0) FROM "
                   "(SELECT state FROM %s._fptc_mutation",
                   part->delta_schema);
    if (part->has_base)
        fptc__buf_addf(&sql,
                       " UNION ALL SELECT state FROM %s._fptc_mutation b WHERE NOT EXISTS "
                       "(SELECT 1 FROM %s._fptc_mutation d WHERE d.event = b.event)",
                       part->base_schema, part->delta_schema);
    fptc__buf_addc(&sql, ')');
    status = fptc__view_prepare(outbox, fptc__buf_text(&sql), &stmt, err);
    fptc__buf_done(&sql);
    if (status != FPTC_OK)
        return status;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *out_unsettled = sqlite3_column_int64(stmt, 0);
        *out_refused = sqlite3_column_int64(stmt, 1);
    } else {
        status = fptc__view_fail(outbox, "reading the outbox", err);
    }
    sqlite3_reset(stmt);
    return status;
}
