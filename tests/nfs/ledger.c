/* ledger.c: what a writer writes, and which of it a log holds. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "fptcache/fptcache.h"
#include "nfs/load.h"

#define TYPES "{\"code\":\"number\",\"description\":\"text\",\"project\":\"entity\"}"
#define PROJECT "{\"type\":\"Project\",\"id\":101,\"name\":\"Big\"}"

/* ------------------------------------------------------------------------------------- what is there */

static void note_key(struct ledger *ledger, const char *key)
{
    int writer = 0, index = 0;

    if (key == NULL || sscanf(key, "w%d-%d", &writer, &index) != 2 || writer < 0 ||
        writer >= WRITERS_MAX || index < 0 || index >= INDEX_MAX)
        return;
    if (ledger->there[writer] == NULL)
        ledger->there[writer] = calloc(1, INDEX_MAX);
    if (ledger->there[writer] != NULL)
        ledger->there[writer][index] = 1;
}

int ledger_has(const struct ledger *ledger, int64_t writer, int64_t index)
{
    return ledger->there[writer] != NULL && ledger->there[writer][index];
}

void ledger_done(struct ledger *ledger)
{
    size_t i;

    for (i = 0; i < WRITERS_MAX; i++) {
        free(ledger->there[i]);
        ledger->there[i] = NULL;
    }
}

/* By any SQLite: that is what a snapshot promises. */
static int read_keys(struct ledger *ledger, const char *path)
{
    char uri[FPTC_PATH_MAX + 32];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int code;

    (void)snprintf(uri, sizeof(uri), "file:%s?immutable=1", path);
    code = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, "SELECT key FROM _fptc_config", -1, &stmt, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
            note_key(ledger, (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return code == SQLITE_DONE;
}

static fptc_status ledger_reset(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct ledger *ledger = ctx, fresh = {.l = ledger->l};
    char path[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/files/%s", ledger->l->p.dir, base->snapshot);

    if (status == FPTC_OK && base->snapshot[0] != '\0' && !read_keys(&fresh, path))
        status = fptc__fail(err, FPTC_MISS, "%s has gone or is damaged", path);
    if (status != FPTC_OK) {
        ledger_done(&fresh);
        return status;
    }
    ledger_done(ledger);
    memcpy(ledger->there, fresh.there, sizeof(ledger->there));
    return FPTC_OK;
}

static fptc_status ledger_apply(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct ledger *ledger = ctx;
    size_t i;

    for (i = 0; i < commit->n_records; i++) {
        const struct fptc__record *r = &commit->records[i];
        fptc__json *body = NULL;

        if (r->kind != FPTC__CONFIG)
            continue;
        if (fptc__json_parse(r->body, r->len, "a config record", &body, err) != FPTC_OK)
            return FPTC_EDAMAGED;
        note_key(ledger, fptc__json_get_text(body, "key"));
        fptc__json_free(body);
    }
    return FPTC_OK;
}

struct fptc__log_sink ledger_sink(struct ledger *ledger)
{
    return (struct fptc__log_sink){.ctx = ledger, .reset = ledger_reset, .apply = ledger_apply};
}

/* ------------------------------------------------------------------------------------ what is written */

static void put_row(struct fptc__buf *out, int64_t id, int64_t code, int64_t pad)
{
    int64_t i;

    fptc__buf_addf(
        out, "{\"id\":%" PRId64 ",\"code\":%" PRId64 ",\"project\":" PROJECT ",\"description\":\"",
        id, code);
    for (i = 0; i < pad; i++)
        fptc__buf_addc(out, (char)('a' + (id * 7 + i * i) % 26));
    fptc__buf_adds(out, "\"}");
}

static fptc_status add(struct fptc__records *out, uint16_t kind, struct fptc__buf *body,
                       int64_t rows, fptc_error *err)
{
    fptc_status status = fptc__buf_check(body, "a record", err);

    if (status == FPTC_OK)
        status = fptc__records_add(out, kind, body->data, body->len, (size_t)rows, err);
    fptc__buf_done(body);
    return status;
}

fptc_status ledger_records(const struct load *l, int64_t writer, int64_t index, uint64_t seen,
                           struct fptc__records *out, fptc_error *err)
{
    const int64_t first = writer * IDS_PER_WRITER;
    struct fptc__buf body;
    fptc_status status;
    int64_t i;

    memset(out, 0, sizeof(*out));
    fptc__buf_init(&body, 1u << 20);
    fptc__buf_addf(&body,
                   "{\"key\":\"w%" PRId64 "-%06" PRId64 "\",\"value\":%" PRId64 ",\"asof\":%" PRId64
                   "}",
                   writer, index, index, fptc__wall_ms());
    status = add(out, FPTC__CONFIG, &body, 0, err);
    fptc__buf_init(&body, 8u << 20);
    fptc__buf_addf(&body,
                   "{\"type\":\"Shot\",\"seen\":%" PRIu64 ",\"asof\":%" PRId64 ",\"types\":" TYPES
                   ",\"rows\":[",
                   seen, fptc__wall_ms());
    for (i = 1; i <= l->batch; i++) {
        put_row(&body, first + i, index, 0);
        fptc__buf_addc(&body, ',');
    }
    put_row(&body, first + LEDGER + index, index, l->pad);
    fptc__buf_adds(&body, "]}");
    if (status == FPTC_OK)
        return add(out, FPTC__ROWS, &body, l->batch + 1, err);
    fptc__buf_done(&body);
    return status;
}

/* ---------------------------------------------------------------------------------------- a new cache */

static int append_one(const struct load *l, const char *partition, uint16_t kind, const char *body)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records};
    struct fptc__partition p;
    struct fptc__log *log = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__partition_at(l->dir, partition, &p, &err);

    if (status == FPTC_OK)
        status = fptc__partition_make(&p, &err);
    if (status == FPTC_OK)
        status = fptc__log_open(&p, NULL, &log, &err);
    if (status == FPTC_OK)
        status = fptc__records_add(&records, kind, body, strlen(body), 0, &err);
    if (status == FPTC_OK)
        status = fptc__log_append(log, &request, NULL, &err);
    fptc__log_close(log);
    fptc__records_done(&records);
    if (status != FPTC_OK)
        say("fail init %d %s", (int)status, err.message);
    return status != FPTC_OK;
}

int play_init(const struct load *l)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;

    options.cache_dir = l->dir;
    options.site_url = "http://127.0.0.1:9";
    if (fptc_cache_init(&options, &err) != FPTC_OK) {
        say("fail init %d %s", (int)err.status, err.message);
        return 1;
    }
    return append_one(
               l, "site", FPTC__CONFIG,
               "{\"key\":\"schema:Shot\",\"asof\":1,\"value\":{"
               "\"code\":{\"data_type\":\"number\"},\"description\":{\"data_type\":\"text\"},"
               "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}}") ||
           append_one(l, "project-101", FPTC__COVER,
                      "{\"type\":\"Shot\",\"types\":" TYPES ",\"asof\":1,\"mark\":"
                      "\"2026-11-01T00:00:00Z\",\"max_id\":1,\"audited\":1}");
}
