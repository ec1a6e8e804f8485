/* actors.c: what the operations of points.h are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "fault/points.h"
#include "store/rollup.h"

#define HOUR_S 3600

void (*told_try)(const char *key), (*told_ack)(const char *key);

void must(fptc_status status, const char *what)
{
    if (status >= 0)
        return;
    fprintf(stderr, "%s: %d %s\n", what, (int)status, th_err.message);
    fflush(NULL);
    _exit(9);
}

/* --- appending --- */

struct wanted_key {
    struct reader *r;
    const char *key;
};

/* Whether the key is there already: an append whose end was unclear must not be done twice. */
static fptc_status look_for_key(void *ctx, fptc_error *err)
{
    const struct wanted_key *wanted = ctx;
    fptc_status status = FPTC_OK;
    sqlite3_stmt *stmt = NULL;

    if (wanted->r->store.db == NULL)
        return FPTC_OK;
    if (sqlite3_prepare_v2(wanted->r->store.db, "SELECT 1 FROM main._fptc_config WHERE key = ?", -1,
                           &stmt, NULL) != SQLITE_OK)
        return fptc__sql_fail(wanted->r->store.db, "looking for a key", err);
    sqlite3_bind_text(stmt, 1, wanted->key, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        status = FPTC_MISS;
    sqlite3_finalize(stmt);
    return status;
}

fptc_status put_key(struct reader *r, const char *key, fptc_error *err)
{
    struct wanted_key wanted = {r, key};
    struct fptc__records records = {.list = NULL};
    struct fptc__append request = {
        .records = &records, .check = look_for_key, .ctx = &wanted, .is_lookup = 1};
    char body[256];
    int n = snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":1,\"asof\":1}", key);
    fptc_status status;

    if (told_try != NULL)
        told_try(key);
    status = fptc__records_add(&records, FPTC__CONFIG, body, (size_t)n, 0, err);
    if (status == FPTC_OK)
        status = fptc__log_append(r->log, &request, NULL, err);
    fptc__records_done(&records);
    if (status == FPTC_OK && told_ack != NULL)
        told_ack(key);
    return status;
}

void other_puts(const char *key)
{
    struct reader r;

    reader_open(&r);
    must(put_key(&r, key, &th_err), key);
    reader_close(&r);
}

void other_compacts(void)
{
    must(fptc__compact(&sh_p, NULL, NULL, NULL, &th_err), "another compacts");
}

static void other_rolls_up(void)
{
    must(fptc__rollup(&sh_p, NULL, NULL, NULL, &th_err), "another rolls up");
}

void attack_by_deletion(int kind)
{
    tree_age(sh_dir, HOUR_S);
    if (kind == 0) {
        other_puts("other1");
        other_rolls_up();
        other_puts("other2");
        other_compacts();
        other_puts("other3");
    }
    if (kind < 2)
        other_compacts();
    must(fptc__retire(&sh_p, 0, NULL, NULL, NULL, &th_err), "another deletes");
    if (kind == 0)
        other_puts("other4");
}

/* --- reading --- */

char *keys_read(struct reader *r)
{
    sqlite3_stmt *stmt = NULL;
    struct fptc__buf keys;
    char *text;

    must(reader_refresh(r), "a fresh reader");
    fptc__buf_init(&keys, 1u << 20);
    if (r->store.db != NULL) {
        if (sqlite3_prepare_v2(
                r->store.db,
                "SELECT key FROM main._fptc_config WHERE key <> 'dropped' ORDER BY key", -1, &stmt,
                NULL) != SQLITE_OK)
            must(fptc__sql_fail(r->store.db, "a fresh reader", &th_err), "a fresh reader");
        while (sqlite3_step(stmt) == SQLITE_ROW)
            fptc__buf_addf(&keys, "%s ", (const char *)sqlite3_column_text(stmt, 0));
        sqlite3_finalize(stmt);
    }
    text = strdup(fptc__buf_text(&keys));
    fptc__buf_done(&keys);
    return text;
}
