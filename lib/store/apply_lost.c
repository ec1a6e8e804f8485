/*
 * apply_lost.c: what a reader forgets when commits before this one are lost to it: a hole, or a partition
 * that begins anew after a repair. Rows stay until they are read again; but nothing is known completely any
 * more, and no coverage or answer counts that was asked for before (FORMAT.md, "Lost history").
 */
#include <inttypes.h>

#include "base/error.h"
#include "store/tables_apply.h"

static fptc_status forget(struct fptc__tables *t, uint64_t number, fptc_error *err)
{
    const char *schema = t->schema[FPTC__DELTA];
    char *sql = sqlite3_mprintf("DELETE FROM \"%w\"._fptc_cover; DELETE FROM \"%w\"._fptc_query;"
                                "INSERT OR REPLACE INTO \"%w\"._fptc_config(key, value, asof,"
                                " commit_no) VALUES('hole', '%llu', 0, %llu)",
                                schema, schema, schema, (unsigned long long)number,
                                (unsigned long long)number);
    fptc_status status = sql ? fptc__sql_run(t->db, sql, err) : fptc__fail_nomem(err);

    sqlite3_free(sql);
    return status;
}

fptc_status fptc__tables_hole(struct fptc__tables *t, uint64_t number, fptc_error *err)
{
    return number <= t->upto ? FPTC_OK : forget(t, number, err);
}

/* Kept as the setting `lost`, for `changes`. */
fptc_status fptc__apply_lost(struct fptc__tables *t, const fptc__json *body, fptc_error *err)
{
    fptc__json *setting = fptc__json_new_object();
    int ok = fptc__json_set(setting, "key", fptc__json_new_text("lost"));
    fptc_status status;

    ok = fptc__json_set(setting, "value", fptc__json_copy(body)) && ok;
    ok =
        fptc__json_set(setting, "asof", fptc__json_new_int(fptc__json_get_int(body, "asof"))) && ok;
    status = ok ? fptc__apply_config(t, setting, err) : fptc__fail_nomem(err);
    fptc__json_free(setting);
    return status == FPTC_OK ? forget(t, t->number, err) : status;
}

fptc_status fptc__hole_number(struct fptc__tables *t, uint64_t *out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    fptc_status status = fptc__tables_stmt(t, FPTC__CONFIG_GET, &stmt, err);

    *out = 0;
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_text(stmt, 1, "hole", -1, SQLITE_STATIC);
    status = fptc__tables_first(t, stmt, "reading what is stored", err);
    if (status == FPTC_OK)
        *out = (uint64_t)sqlite3_column_int64(stmt, 1);
    (void)sqlite3_reset(stmt);
    return status == FPTC_MISS ? FPTC_OK : status;
}
