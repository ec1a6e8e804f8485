#include "view/mutation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

#define COLUMNS                                                                                    \
    "event, state, verb, type, id, attempt_asof, attempt_writer, outcome, body, version, "         \
    "attempts, body->>'who', body->>'batch'"
enum { OUTCOME = 7, BODY, VERSION, ATTEMPTS, WHO, BATCH };

static void copy_text(char *out, size_t n, sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    snprintf(out, n, "%s", text == NULL ? "" : text);
}

static void copy_member(char *out, size_t n, const fptc__json *object, const char *name)
{
    const char *text = fptc__json_get_text(object, name);

    snprintf(out, n, "%s", text == NULL ? "" : text);
}

static fptc__json *column_json(sqlite3_stmt *stmt, int at)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);
    fptc__json *value = NULL;

    if (text == NULL ||
        fptc__json_parse_as_spelled(text, strlen(text), "outbox", &value, NULL) != FPTC_OK)
        return NULL;
    return value;
}

static void read_outcome(sqlite3_stmt *stmt, struct fptc__mutation *out)
{
    fptc__json *outcome = column_json(stmt, OUTCOME);

    if (fptc__json_get_int(outcome, "id") > 0)
        out->id = fptc__json_get_int(outcome, "id");
    copy_member(out->partition, sizeof(out->partition), outcome, "partition");
    copy_member(out->text, sizeof(out->text), outcome, "text");
    copy_member(out->why, sizeof(out->why), outcome, "why");
    out->decided_asof_ms = fptc__json_get_int(fptc__json_get(outcome, "decided"), "asof");
    fptc__json_free(outcome);
}

static void read_record(sqlite3_stmt *stmt, struct fptc__mutation *out)
{
    memset(out, 0, sizeof(*out));
    copy_text(out->event, sizeof(out->event), stmt, 0);
    out->state = (enum fptc__mutation_state)sqlite3_column_int(stmt, 1);
    copy_text(out->verb, sizeof(out->verb), stmt, 2);
    copy_text(out->type, sizeof(out->type), stmt, 3);
    out->id = sqlite3_column_int64(stmt, 4);
    out->attempt_asof_ms = sqlite3_column_int64(stmt, 5);
    copy_text(out->writer, sizeof(out->writer), stmt, 6);
    out->version = sqlite3_column_int64(stmt, VERSION);
    out->attempts = sqlite3_column_int64(stmt, ATTEMPTS);
    copy_text(out->who, sizeof(out->who), stmt, WHO);
    copy_text(out->batch, sizeof(out->batch), stmt, BATCH);
    read_outcome(stmt, out);
}

/* The writes that `where` lets through, in order: the overlay's word of an event hides the snapshot's. */
static fptc_status select_writes(struct fptc__view *v, const char *where, sqlite3_stmt **out,
                                 fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(v, FPTC__HOME);
    struct fptc__buf sql;
    fptc_status status;

    *out = NULL;
    if (part->tables == NULL)
        return FPTC_MISS;
    fptc__buf_init(&sql, 4096);
    fptc__buf_addf(&sql, "SELECT " COLUMNS " FROM %s._fptc_mutation WHERE %s", part->delta_schema,
                   where);
    if (part->has_base)
        fptc__buf_addf(&sql,
                       " UNION ALL SELECT " COLUMNS " FROM %s._fptc_mutation b WHERE %s AND NOT "
                       "EXISTS (SELECT 1 FROM %s._fptc_mutation d WHERE d.event = b.event)",
                       part->base_schema, where, part->delta_schema);
    fptc__buf_adds(&sql, " ORDER BY version");
    status = fptc__buf_check(&sql, "outbox", err);
    if (status == FPTC_OK)
        status = fptc__view_prepare(v, fptc__buf_text(&sql), out, err);
    fptc__buf_done(&sql);
    return status;
}

/* Steps the statement: FPTC_OK with a record, FPTC_MISS at the end. */
static fptc_status next_write(struct fptc__view *v, sqlite3_stmt *stmt, struct fptc__mutation *out,
                              fptc_error *err)
{
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        read_record(stmt, out);
        return FPTC_OK;
    }
    return rc == SQLITE_DONE ? FPTC_MISS : fptc__view_fail(v, "reading the outbox", err);
}

static fptc_status first_write(struct fptc__view *v, sqlite3_stmt *stmt, struct fptc__mutation *out,
                               fptc_error *err)
{
    fptc_status status = next_write(v, stmt, out, err);

    sqlite3_reset(stmt);
    return status;
}

static fptc_status select_event(struct fptc__view *outbox, const char *event, sqlite3_stmt **out,
                                fptc_error *err)
{
    fptc_status status = select_writes(outbox, "event = ?1", out, err);

    if (status == FPTC_OK)
        sqlite3_bind_text(*out, 1, event, -1, SQLITE_STATIC);
    return status;
}

fptc_status fptc__mutation_find(struct fptc__view *outbox, const char *event,
                                struct fptc__mutation *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    status = select_event(outbox, event, &stmt, err);
    if (status == FPTC_OK)
        status = first_write(outbox, stmt, out, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

#define PROVISIONAL_DIGITS 13

int64_t fptc__provisional_id(const char *event)
{
    int64_t id = 0;
    int i;

    for (i = 0; i < PROVISIONAL_DIGITS; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = event[i] == '\0' ? NULL : strchr(digits, event[i]);

        if (at == NULL)
            return 0;
        id = id * 16 + (at - digits);
    }
    return -id;
}

fptc_status fptc__mutation_of_provisional(struct fptc__view *outbox, int64_t id,
                                          struct fptc__mutation *out, fptc_error *err)
{
    char first[20], last[20]; /* event ids are the primary key: a range of it */
    sqlite3_stmt *stmt;
    fptc_status status;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    if (id >= 0 || id <= -(INT64_C(1) << 4 * PROVISIONAL_DIGITS))
        return FPTC_MISS;
    snprintf(first, sizeof(first), "%0*" PRIx64, PROVISIONAL_DIGITS, (uint64_t)-id);
    snprintf(last, sizeof(last), "%0*" PRIx64 "g", PROVISIONAL_DIGITS, (uint64_t)-id);
    status = select_writes(outbox, "event >= ?1 AND event < ?2 AND verb = 'create'", &stmt, err);
    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(stmt, 1, first, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, last, -1, SQLITE_STATIC);
    return first_write(outbox, stmt, out, err);
}

fptc_status fptc__mutation_body(struct fptc__view *outbox, const char *event, fptc__json **out,
                                fptc_error *err)
{
    struct fptc__mutation m;
    sqlite3_stmt *stmt;
    fptc_status status = select_event(outbox, event, &stmt, err);

    *out = NULL;
    if (status == FPTC_OK)
        status = next_write(outbox, stmt, &m, err);
    if (status == FPTC_OK)
        *out = column_json(stmt, BODY);
    if (stmt != NULL)
        sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static fptc_status select_entity(struct fptc__view *outbox, const char *where,
                                 const struct fptc__entity_writes *of, sqlite3_stmt **out,
                                 fptc_error *err)
{
    fptc_status status = select_writes(outbox, where, out, err);

    if (status != FPTC_OK)
        return status;
    sqlite3_bind_text(*out, 1, of->type, -1, SQLITE_STATIC);
    sqlite3_bind_text(*out, 2, of->event, -1, SQLITE_STATIC);
    sqlite3_bind_int64(*out, 3, of->id);
    sqlite3_bind_int64(*out, 4, of->after);
    sqlite3_bind_int64(*out, 5, of->before);
    sqlite3_bind_int64(*out, 6, of->alias != 0 ? of->alias : of->id);
    return FPTC_OK;
}

#define OF_ENTITY "type = ?1 AND id IN (?3, ?6) AND event <> ?2 AND version > ?4 AND version < ?5"

fptc_status fptc__mutation_unsettled(struct fptc__view *outbox,
                                     const struct fptc__entity_writes *of,
                                     struct fptc__mutation *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status;

    memset(out, 0, sizeof(*out));
    out->state = FPTC__MUTATION_NONE;
    status = select_entity(outbox, OF_ENTITY " AND state IN (0, 1)", of, &stmt, err);
    return status == FPTC_OK ? first_write(outbox, stmt, out, err) : status;
}

/* Calls each(mutation, its intent, payload) for what is selected. */
static fptc_status walk(struct fptc__view *outbox, sqlite3_stmt *stmt,
                        int (*each)(const struct fptc__mutation *m, const char *body,
                                    void *payload),
                        void *payload, fptc_error *err)
{
    struct fptc__mutation m;
    fptc_status status = FPTC_OK;

    while (status == FPTC_OK) {
        status = next_write(outbox, stmt, &m, err);
        if (status == FPTC_OK && each(&m, (const char *)sqlite3_column_text(stmt, BODY), payload))
            break;
    }
    sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__mutation_each_waiting(struct fptc__view *outbox,
                                        const struct fptc__entity_writes *of,
                                        int (*each)(const struct fptc__mutation *m,
                                                    const char *body, void *payload),
                                        void *payload, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = select_entity(outbox, OF_ENTITY " AND state IN (0, 1)", of, &stmt, err);

    if (status == FPTC_OK)
        return walk(outbox, stmt, each, payload, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static int has_common_field(const fptc__json *fields, const fptc__json *data)
{
    const fptc__json *at;

    for (at = fptc__json_first(fields); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_is_string(at) && fptc__json_get(data, fptc__json_text(at)) != NULL)
            return 1;
    }
    return 0;
}

fptc_status fptc__mutation_overwritten(struct fptc__view *outbox,
                                       const struct fptc__entity_writes *of, const fptc__json *data,
                                       struct fptc__mutation *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = select_entity(outbox, OF_ENTITY " AND state = 2", of, &stmt, err);
    int is_found = 0;

    while (status == FPTC_OK && !is_found) {
        status = next_write(outbox, stmt, out, err);
        if (status == FPTC_OK) {
            fptc__json *outcome = column_json(stmt, OUTCOME);

            is_found = has_common_field(fptc__json_get(outcome, "fields"), data);
            fptc__json_free(outcome);
        }
    }
    if (stmt != NULL)
        sqlite3_reset(stmt);
    return status;
}

fptc_status fptc__mutation_each_given_up(struct fptc__view *outbox,
                                         const struct fptc__entity_writes *of,
                                         int (*each)(const char *body, void *payload),
                                         void *payload, fptc_error *err)
{
    struct fptc__mutation m;
    sqlite3_stmt *stmt;
    fptc_status status = select_entity(outbox, OF_ENTITY " AND state IN (3, 4)", of, &stmt, err);

    while (status == FPTC_OK) {
        status = next_write(outbox, stmt, &m, err);
        if (status == FPTC_OK && each((const char *)sqlite3_column_text(stmt, BODY), payload))
            break;
    }
    if (stmt != NULL)
        sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__mutation_maker(struct fptc__view *outbox, const char *type, int64_t id,
                                 const char *event, struct fptc__mutation *out, fptc_error *err)
{
    const struct fptc__entity_writes of = {type, id, event, 0, INT64_MAX, 0};
    sqlite3_stmt *stmt;
    fptc_status status =
        select_entity(outbox, OF_ENTITY " AND state = 2 AND verb = 'create'", &of, &stmt, err);

    return status == FPTC_OK ? first_write(outbox, stmt, out, err) : status;
}

fptc_status fptc__mutation_max_id(struct fptc__view *outbox, const char *type, int64_t *out,
                                  fptc_error *err)
{
    struct fptc__view_part *part = fptc__view_at(outbox, FPTC__HOME);
    const char *schemas[2] = {part->delta_schema, part->has_base ? part->base_schema : NULL};
    sqlite3_stmt *stmt = NULL;
    char sql[160];
    fptc_status status = FPTC_OK;
    int i;

    *out = 0;
    for (i = 0; i < 2 && part->tables != NULL && schemas[i] != NULL && status == FPTC_OK; i++) {
        sqlite3_snprintf((int)sizeof(sql), sql,
                         "SELECT id FROM %s._fptc_mutation WHERE type = ?1 AND verb = 'create' AND "
                         "state = 2 ORDER BY id DESC LIMIT 1",
                         schemas[i]);
        status = fptc__view_prepare(outbox, sql, &stmt, err);
        if (status != FPTC_OK)
            break;
        sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
        if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) > *out)
            *out = sqlite3_column_int64(stmt, 0);
        sqlite3_reset(stmt);
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
                                                      const char *body, void *payload),
                                          void *payload, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = select_writes(outbox, "state IN (0, 1)", &stmt, err);

    if (status == FPTC_OK)
        return walk(outbox, stmt, each, payload, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__mutation_each_resent(struct fptc__view *outbox, int64_t since_ms,
                                       int (*each)(const struct fptc__mutation *m, void *payload),
                                       void *payload, fptc_error *err)
{
    struct fptc__mutation m;
    sqlite3_stmt *stmt;
    fptc_status status = select_writes(
        outbox, "state = 2 AND verb = 'create' AND attempts > 1 AND attempt_asof > ?1", &stmt, err);

    if (status == FPTC_OK)
        sqlite3_bind_int64(stmt, 1, since_ms);
    while (status == FPTC_OK) {
        status = next_write(outbox, stmt, &m, err);
        if (status == FPTC_OK && each(&m, payload))
            break;
    }
    if (stmt != NULL)
        sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}

struct batch_count {
    const char *batch;
    int64_t n;
};

static int count_one(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct batch_count *c = payload;

    (void)body;
    c->n += strcmp(m->batch, c->batch) == 0;
    return 0;
}

fptc_status fptc__mutation_count_batch(struct fptc__view *outbox, const char *batch, int64_t *out,
                                       fptc_error *err)
{
    struct batch_count c = {batch, 0};
    fptc_status status = fptc__mutation_each_unsettled(outbox, count_one, &c, err);

    *out = c.n;
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
