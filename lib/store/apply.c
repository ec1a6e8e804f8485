/*
 * apply.c: one commit, all or nothing.
 */
#include <inttypes.h>

#include "base/error.h"
#include "store/tables_apply.h"

typedef fptc_status (*apply_fn)(struct fptc__tables *t, const fptc__json *body, fptc_error *err);

static apply_fn function_of(uint16_t kind)
{
    switch (kind) {
    case FPTC__ROWS:
        return fptc__apply_rows;
    case FPTC__GONE:
        return fptc__apply_gone;
    case FPTC__MUTATE:
        return fptc__apply_mutate;
    case FPTC__ATTEMPT:
        return fptc__apply_attempt;
    case FPTC__SETTLE:
        return fptc__apply_settle;
    case FPTC__REFUSE:
        return fptc__apply_refuse;
    case FPTC__DECIDE:
        return fptc__apply_decide;
    case FPTC__COVER:
        return fptc__apply_cover;
    case FPTC__QUERY:
        return fptc__apply_query;
    case FPTC__CONFIG:
        return fptc__apply_config;
    case FPTC__USAGE:
        return fptc__apply_usage;
    case FPTC__LOST:
        return fptc__apply_lost;
    default:
        return NULL;
    }
}

/* Before anything is changed: a commit that this build does not understand whole is not applied. */
static fptc_status check_kinds(const struct fptc__commit *commit, fptc_error *err)
{
    size_t i;

    for (i = 0; i < commit->n_records; i++) {
        if (!function_of(commit->records[i].kind))
            return fptc__fail(err, FPTC_EFORMAT,
                              "commit %" PRIu64 " of %s has a record of kind %d, which this build "
                              "does not know; use a newer libfptcache",
                              commit->head.number, commit->head.partition,
                              (int)commit->records[i].kind);
    }
    return FPTC_OK;
}

/* What the parser has said about the text stays. */
static fptc_status refuse_json(struct fptc__tables *t, fptc_error *err)
{
    t->is_refused = 1;
    if (err)
        err->status = FPTC_EDAMAGED;
    return FPTC_EDAMAGED;
}

static fptc_status apply_record(struct fptc__tables *t, const struct fptc__record *record,
                                fptc_error *err)
{
    /* What was to be written may be sent again: FPT tells 1 from 1.0 (A§3.2). */
    int is_sent = record->kind == FPTC__MUTATE || record->kind == FPTC__DECIDE;
    fptc__json *body = NULL;
    fptc_status status = (is_sent ? fptc__json_parse_as_spelled : fptc__json_parse)(
        record->body, record->len, "a record", &body, err);

    if (status == FPTC_OK && !fptc__json_is_object(body))
        status =
            fptc__refuse(t, err, "the record is %s, not an object", fptc__json_type_name(body));
    else if (status == FPTC_OK)
        status = function_of(record->kind)(t, body, err);
    else if (status != FPTC_ENOMEM)
        status = refuse_json(t, err);
    fptc__json_free(body);
    return status;
}

static fptc_status put_touched(struct fptc__tables *t, const struct fptc__shape *shape,
                               fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__TOUCHED_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (int64_t)t->number);
    status = fptc__tables_step(t, stmt, "storing that a type changed", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* At the end only: until then _fptc_touched speaks of the commits before. */
static fptc_status finish(struct fptc__tables *t, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    sqlite3_stmt *stmt;
    size_t i;

    for (i = 0; status == FPTC_OK && i < t->n_shapes; i++) {
        if (t->shapes[i]->is_touched)
            status = put_touched(t, t->shapes[i], err);
    }
    if (status == FPTC_OK)
        status = fptc__tables_stmt(t, FPTC__UPTO_PUT, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_int64(stmt, 1, (int64_t)t->number);
    return fptc__tables_step(t, stmt, "storing the commit's number", err);
}

static fptc_status apply_records(struct fptc__tables *t, const struct fptc__commit *commit,
                                 fptc_error *err)
{
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < commit->n_records; i++) {
        status = apply_record(t, &commit->records[i], err);
        if (status != FPTC_OK)
            (void)fptc__error_where(err, "record %zu of commit %" PRIu64 " of %s", i + 1,
                                    commit->head.number, commit->head.partition);
    }
    return status == FPTC_OK ? finish(t, err) : status;
}

static void deliver(struct fptc__tables *t)
{
    size_t i;

    for (i = 0; i < t->n_shapes; i++) {
        if (t->shapes[i]->is_reshaped && t->options.reshaped)
            t->options.reshaped(t->options.ctx, t->shapes[i]->type);
        t->shapes[i]->is_reshaped = 0;
        t->shapes[i]->is_touched = 0;
    }
    for (i = 0; i < t->n_replaced; i++)
        t->options.replaced(t->options.ctx, t->replaced[i].shape->type, t->replaced[i].id);
    t->n_replaced = 0;
}

uint64_t fptc__tables_upto(const struct fptc__tables *t)
{
    return t->upto;
}

fptc_status fptc__tables_apply(struct fptc__tables *t, const struct fptc__commit *commit,
                               fptc_error *err)
{
    fptc_status status = check_kinds(commit, err);
    int is_outermost = sqlite3_get_autocommit(t->db);

    if (status != FPTC_OK || commit->head.number <= t->upto)
        return status;
    if (commit->head.number >> (63 - FPTC__VERSION_BITS) != 0)
        return fptc__fail(err, FPTC_EFORMAT, "commit number %" PRIu64 " is too great",
                          commit->head.number);
    t->number = commit->head.number;
    t->n_changed = 0;
    t->n_replaced = 0;
    t->is_refused = 0;
    status = fptc__sql_run(t->db, "SAVEPOINT _fptc_apply", err);
    if (status != FPTC_OK)
        return status;
    status = apply_records(t, commit, err);
    if (status == FPTC_OK)
        status = fptc__sql_run(t->db, "RELEASE _fptc_apply", err);
    if (status != FPTC_OK) {
        fptc__sql_undo(t->db, "_fptc_apply", is_outermost);
        fptc__tables_forget(t);
        return status == FPTC_EDAMAGED && t->is_refused ? FPTC_MISS : status;
    }
    t->upto = t->number;
    deliver(t);
    return FPTC_OK;
}
