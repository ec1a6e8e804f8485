/*
 * apply_meta.c: cover, query and config records. An effect is a setting that a coverage ends.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

/* Binds a member's JSON text, NULL when it is absent or null. */
static fptc_status bind_json(sqlite3_stmt *stmt, int parameter, const fptc__json *value,
                             fptc_error *err)
{
    struct fptc__buf text;
    fptc_status status;

    if (!value || fptc__json_is_null(value)) {
        (void)sqlite3_bind_null(stmt, parameter);
        return FPTC_OK;
    }
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__json_print(value, &text);
    status = fptc__buf_check(&text, "a record's member", err);
    if (status == FPTC_OK && sqlite3_bind_text(stmt, parameter, fptc__buf_text(&text), -1,
                                               SQLITE_TRANSIENT) != SQLITE_OK)
        status = fptc__fail_nomem(err);
    fptc__buf_done(&text);
    return status;
}

static void bind_text(sqlite3_stmt *stmt, int parameter, const char *text)
{
    (void)sqlite3_bind_text(stmt, parameter, text, -1, SQLITE_STATIC); /* NULL binds null */
}

static void bind_int(sqlite3_stmt *stmt, int parameter, const fptc__json *value)
{
    if (fptc__json_is_number(value))
        (void)sqlite3_bind_int64(stmt, parameter, fptc__json_int(value));
    else
        (void)sqlite3_bind_null(stmt, parameter);
}

/* 1 when a stored text is the text of a JSON value (both absent counts). */
static int same_text(sqlite3_stmt *stmt, int column, const fptc__json *value)
{
    const char *stored = (const char *)sqlite3_column_text(stmt, column);
    struct fptc__buf text;
    int same;

    if (!value || fptc__json_is_null(value) || !stored)
        return !stored && (!value || fptc__json_is_null(value));
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__json_print(value, &text);
    same = strcmp(stored, fptc__buf_text(&text)) == 0;
    fptc__buf_done(&text);
    return same;
}

/* Steps a statement whose parameter 1 is `key`: FPTC_OK on its row, FPTC_MISS, or a failure. */
static fptc_status get(struct fptc__tables *t, int no, const char *key, sqlite3_stmt **out,
                       fptc_error *err)
{
    fptc_status status = fptc__tables_stmt(t, no, out, err);

    if (status != FPTC_OK)
        return status;
    bind_text(*out, 1, key);
    return fptc__tables_first(t, *out, "reading what is stored", err);
}

static fptc_status drop(struct fptc__tables *t, int no, const char *key, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, no, &stmt, err);

    if (status != FPTC_OK)
        return status;
    bind_text(stmt, 1, key);
    return fptc__tables_step(t, stmt, "dropping an entry", err);
}

/* --- cover ------------------------------------------------------------------------------------ */

static fptc_status is_strict_superset(struct fptc__tables *t, struct fptc__shape *shape,
                                      int64_t set_no, int64_t stored_no, int *out, fptc_error *err)
{
    const struct fptc__fieldset *stored, *mine;
    fptc_status status = fptc__fieldset_get(t, shape, stored_no, &stored, err);
    size_t i;

    *out = 0;
    if (status == FPTC_OK)
        status = fptc__fieldset_get(t, shape, set_no, &mine, err);
    if (status == FPTC_OK)
        status =
            fptc__fieldset_get(t, shape, stored_no, &stored, err); /* the other may have moved it */
    if (status != FPTC_OK || set_no == stored_no)
        return status;
    *out = 1;
    for (i = 0; stored && i < stored->n; i++) {
        if (stored->has[i] && !(mine && i < mine->n && mine->has[i]))
            *out = 0;
    }
    return status;
}

struct stored_cover {
    int is_there;
    int is_same;
    int64_t set_no, asof;
};

static fptc_status find_cover(struct fptc__tables *t, const char *type, const fptc__json *body,
                              struct stored_cover *out, fptc_error *err)
{
    const char *mark = fptc__json_get_text(body, "mark"), *stored;
    sqlite3_stmt *stmt;
    fptc_status status = get(t, FPTC__COVER_GET, type, &stmt, err);

    memset(out, 0, sizeof(*out));
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    stored = (const char *)sqlite3_column_text(stmt, 2);
    out->is_there = 1;
    out->set_no = sqlite3_column_int64(stmt, 0);
    out->asof = sqlite3_column_int64(stmt, 1);
    out->is_same = (!mark ? !stored : stored && strcmp(stored, mark) == 0) &&
                   sqlite3_column_int64(stmt, 3) == fptc__json_get_int(body, "max_id") &&
                   sqlite3_column_int64(stmt, 4) == fptc__json_get_int(body, "audited");
    (void)sqlite3_reset(stmt);
    return FPTC_OK;
}

/* --- effects ----------------------------------------------------------------------------------- */

static const char effect_prefix[] = "effect:";

/* FPT has changed rows of the type besides those that are known: every answer that depends on it is of before, by
   the order of the log and not by anybody's clock. */
static fptc_status touch(struct fptc__tables *t, const char *type, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__TOUCHED_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    bind_text(stmt, 1, type);
    (void)sqlite3_bind_int64(stmt, 2, (int64_t)t->number);
    status = fptc__tables_step(t, stmt, "storing that a type changed", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* A coverage whose first row was asked for after the effect was known has it. */
static fptc_status drop_effect(struct fptc__tables *t, const char *type, const fptc__json *body,
                               fptc_error *err)
{
    char key[sizeof(effect_prefix) + FPTC_NAME_BYTES_MAX];
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__EFFECT_DROP, &stmt, err);

    if (status != FPTC_OK)
        return status;
    snprintf(key, sizeof(key), "%s%s", effect_prefix, type);
    bind_text(stmt, 1, key);
    (void)sqlite3_bind_int64(stmt, 2, fptc__json_get_int(body, "seen"));
    status = fptc__tables_step(t, stmt, "dropping an effect", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

static fptc_status put_cover(struct fptc__tables *t, const char *type, const fptc__json *body,
                             int64_t set_no, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__COVER_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    bind_text(stmt, 1, type);
    (void)sqlite3_bind_int64(stmt, 2, set_no);
    (void)sqlite3_bind_int64(stmt, 3, fptc__json_get_int(body, "asof"));
    bind_text(stmt, 4, fptc__json_get_text(body, "mark"));
    bind_int(stmt, 5, fptc__json_get(body, "max_id"));
    bind_int(stmt, 6, fptc__json_get(body, "audited"));
    (void)sqlite3_bind_int64(stmt, 7, (int64_t)t->number);
    status = fptc__tables_step(t, stmt, "storing a coverage", err);
    (void)sqlite3_clear_bindings(stmt);
    return status == FPTC_OK ? drop_effect(t, type, body, err) : status;
}

/* Whether something was lost since what the record speaks of was asked for: `member` names the head then.
   A catch-up, which names none, says nothing where there is no coverage to catch up with. */
static fptc_status is_overtaken_by_loss(struct fptc__tables *t, const fptc__json *body,
                                        const char *member, int *out, fptc_error *err)
{
    const fptc__json *seen = fptc__json_get(body, member);
    uint64_t hole = 0;
    fptc_status status = fptc__hole_number(t, &hole, err);

    *out = hole > 0 && (!fptc__json_is_number(seen) || (uint64_t)fptc__json_int(seen) < hole);
    return status;
}

/* What was asked before the last drop speaks of rows that are gone. */
static int is_of_dropped(const struct fptc__tables *t, const fptc__json *body)
{
    return (uint64_t)fptc__json_get_int(body, "seen") < t->dropped;
}

/* Taken when as new as the stored one, or when it covers more fields. The tables come in any case. */
fptc_status fptc__apply_cover(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const char *type = fptc__json_get_text(body, "type");
    struct fptc__shape *shape;
    struct stored_cover stored;
    int64_t set_no = 0, asof = fptc__json_get_int(body, "asof");
    int wider = 0;
    fptc_status status;

    if (!type)
        return fptc__refuse(t, err, "a coverage names no type");
    if (fptc__json_is_true(fptc__json_get(body, "drop")))
        return drop(t, FPTC__COVER_DROP, type, err);
    if (is_of_dropped(t, body))
        return FPTC_OK;
    status = fptc__shape_of(t, type, &shape, err);
    if (status == FPTC_OK)
        status = fptc__shape_grow(t, shape, fptc__json_get(body, "types"), &set_no, err);
    if (status == FPTC_OK)
        status = find_cover(t, type, body, &stored, err);
    if (status != FPTC_OK)
        return status;
    if (!stored.is_there) {
        status = is_overtaken_by_loss(t, body, "walk", &wider, err);
        if (status != FPTC_OK || wider)
            return status;
    } else {
        status = is_strict_superset(t, shape, set_no, stored.set_no, &wider, err);
        if (status != FPTC_OK || (asof < stored.asof && !wider) ||
            (asof == stored.asof && stored.is_same && set_no == stored.set_no))
            return status;
    }
    return put_cover(t, type, body, set_no, err);
}

/* --- query ------------------------------------------------------------------------------------ */

/* Whether a commit between the question and this one touched a type that the answer depends on. */
static fptc_status is_overtaken(struct fptc__tables *t, const fptc__json *body, int *out,
                                fptc_error *err)
{
    const fptc__json *type = fptc__json_first(fptc__json_get(body, "touches"));
    int64_t seen = fptc__json_get_int(body, "seen");
    fptc_status status = FPTC_OK;
    sqlite3_stmt *stmt;

    *out = 0;
    if (!fptc__json_is_number(fptc__json_get(body, "seen")))
        return FPTC_OK;
    for (; type && !*out && status == FPTC_OK; type = fptc__json_next(type)) {
        if (!fptc__json_text(type))
            continue;
        status = get(t, FPTC__TOUCHED_GET, fptc__json_text(type), &stmt, err);
        if (status == FPTC_OK)
            *out = sqlite3_column_int64(stmt, 0) > seen;
        else if (status == FPTC_MISS)
            status = FPTC_OK;
        (void)sqlite3_reset(stmt);
    }
    return status;
}

/* Whether the stored answer is newer, or this very one. */
static fptc_status is_answered(struct fptc__tables *t, const char *hash, const fptc__json *body,
                               int *out, fptc_error *err)
{
    int64_t asof = fptc__json_get_int(body, "asof"), stored;
    sqlite3_stmt *stmt;
    fptc_status status = get(t, FPTC__QUERY_GET, hash, &stmt, err);

    *out = 0;
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    stored = sqlite3_column_int64(stmt, 0);
    *out = asof < stored || (asof == stored && same_text(stmt, 1, fptc__json_get(body, "ids")));
    (void)sqlite3_reset(stmt);
    return FPTC_OK;
}

static fptc_status put_query(struct fptc__tables *t, const char *hash, const fptc__json *body,
                             int64_t set_no, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__QUERY_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    bind_text(stmt, 1, hash);
    bind_text(stmt, 2, fptc__json_get_text(body, "text"));
    bind_text(stmt, 3, fptc__json_get_text(body, "type"));
    status = bind_json(stmt, 4, fptc__json_get(body, "touches"), err);
    (void)sqlite3_bind_int64(stmt, 5, set_no);
    if (status == FPTC_OK)
        status = bind_json(stmt, 6, fptc__json_get(body, "ids"), err);
    (void)sqlite3_bind_int64(stmt, 7, fptc__json_get_int(body, "asof"));
    (void)sqlite3_bind_int64(stmt, 8, (int64_t)t->number);
    if (status == FPTC_OK)
        status = fptc__tables_step(t, stmt, "storing an answer", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

fptc_status fptc__apply_query(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const char *hash = fptc__json_get_text(body, "hash");
    const char *type = fptc__json_get_text(body, "type");
    struct fptc__shape *shape;
    int64_t set_no = 0;
    int skip = 0;
    fptc_status status;

    if (!hash || !type)
        return fptc__refuse(t, err, "a query record has no hash or no type");
    if (is_of_dropped(t, body))
        return FPTC_OK;
    status = is_overtaken(t, body, &skip, err);
    if (status == FPTC_OK && !skip)
        status = is_overtaken_by_loss(t, body, "seen", &skip, err);
    if (status == FPTC_OK && !skip)
        status = is_answered(t, hash, body, &skip, err);
    if (status != FPTC_OK || skip)
        return status;
    status = fptc__shape_of(t, type, &shape, err);
    if (status == FPTC_OK)
        status = fptc__shape_grow(t, shape, fptc__json_get(body, "types"), &set_no, err);
    return status == FPTC_OK ? put_query(t, hash, body, set_no, err) : status;
}

/* --- config ----------------------------------------------------------------------------------- */

static fptc_status put_config(struct fptc__tables *t, const char *key, const fptc__json *value,
                              const fptc__json *asof, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__CONFIG_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    bind_text(stmt, 1, key);
    status = bind_json(stmt, 2, value, err);
    (void)sqlite3_bind_int64(stmt, 3, fptc__json_int(asof));
    (void)sqlite3_bind_int64(stmt, 4, (int64_t)t->number);
    if (status == FPTC_OK)
        status = fptc__tables_step(t, stmt, "storing a setting", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

/* The last one counts, whatever its `asof`: a coverage is of before or after it by commits. */
static fptc_status apply_effect(struct fptc__tables *t, const char *key, const fptc__json *body,
                                fptc_error *err)
{
    fptc__json *value = fptc__json_new_bool(1);
    fptc_status status = value == NULL
                             ? fptc__fail_nomem(err)
                             : put_config(t, key, value, fptc__json_get(body, "asof"), err);

    fptc__json_free(value);
    return status == FPTC_OK ? touch(t, key + sizeof(effect_prefix) - 1, err) : status;
}

fptc_status fptc__apply_config(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const char *key = fptc__json_get_text(body, "key");
    const fptc__json *value = fptc__json_get(body, "value");
    const fptc__json *asof = fptc__json_get(body, "asof");
    sqlite3_stmt *stmt;
    fptc_status status;
    int skip;

    if (!key)
        return fptc__refuse(t, err, "a config record has no key");
    if (strncmp(key, effect_prefix, sizeof(effect_prefix) - 1) == 0)
        return apply_effect(t, key, body, err);
    if (strcmp(key, FPTC__DROPPED_KEY) == 0)
        return FPTC_OK; /* only a drop says so */
    status = get(t, FPTC__CONFIG_GET, key, &stmt, err);
    if (status == FPTC_OK) {
        skip = fptc__json_is_number(asof) && fptc__json_int(asof) < sqlite3_column_int64(stmt, 0);
        skip = skip ||
               (fptc__json_int(asof) == sqlite3_column_int64(stmt, 0) && same_text(stmt, 1, value));
        (void)sqlite3_reset(stmt);
        if (skip)
            return FPTC_OK;
    } else if (status != FPTC_MISS) {
        return status;
    }
    if (!value || fptc__json_is_null(value))
        return drop(t, FPTC__CONFIG_DROP, key, err);
    return put_config(t, key, value, asof, err);
}
