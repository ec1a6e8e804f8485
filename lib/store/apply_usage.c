/*
 * apply_usage.c: usage records. They say nothing about rows: a wish that makes no sense is passed over,
 * and what is too much is not kept.
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

static int is_sane(const fptc__json *entry)
{
    const char *type = fptc__json_get_text(entry, "type");
    const char *wish = fptc__json_get_text(entry, "wish");

    return type && wish && fptc__is_name(type) && wish[0] != '\0' &&
           strlen(wish) <= FPTC_WISH_BYTES_MAX && fptc__json_get_int(entry, "uses") > 0;
}

static fptc_status put(struct fptc__tables *t, const fptc__json *entry, const char *batch,
                       fptc_error *err)
{
    int64_t uses = fptc__json_get_int(entry, "uses");
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__USAGE_PUT, &stmt, err);

    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, fptc__json_get_text(entry, "type"), -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, fptc__json_get_text(entry, "wish"), -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, batch, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 4, uses < FPTC_USAGE_COUNT_MAX ? uses : FPTC_USAGE_COUNT_MAX);
    (void)sqlite3_bind_int64(stmt, 5, FPTC_WISHES_MAX);
    status = fptc__tables_step(t, stmt, "storing what was asked", err);
    (void)sqlite3_clear_bindings(stmt);
    return status;
}

fptc_status fptc__apply_usage(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    const fptc__json *entry = fptc__json_first(fptc__json_get(body, "wishes"));
    const char *batch = fptc__json_get_text(body, "batch");
    fptc_status status = FPTC_OK;
    unsigned n;

    if (!batch || batch[0] == '\0')
        return fptc__refuse(t, err, "a usage record has no batch");
    for (n = 0; entry && n < FPTC_USAGE_WISHES_MAX && status == FPTC_OK; n++) {
        if (is_sane(entry))
            status = put(t, entry, batch, err);
        entry = fptc__json_next(entry);
    }
    return status;
}
