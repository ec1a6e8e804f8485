/* store_help.c: see store_help.h. */
#include "store_help.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h wants these and the two of the header before it */
#include <cmocka.h>

#include <ftw.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"

struct fptc__sys_table help_sys;
char help_dir[FPTC_PATH_MAX];
struct fptc__partition help_p;
fptc_error help_err;

int help_set_up(void **state)
{
    const char *base = getenv("TMPDIR");
    char place[FPTC_PATH_MAX];
    (void)state;
    help_sys = fptc__sys;
    /* A RAM disk where there is one: these tests are about order, not about disks. */
    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(place, sizeof(place), "%s/fptc_store_XXXXXX", base);
    if (!mkdtemp(place))
        return -1;
    memcpy(help_dir, place, sizeof(place));
    fptc__error_clear(&help_err);
    char partitions[FPTC_PATH_MAX + 16];
    snprintf(partitions, sizeof(partitions), "%s/partitions", help_dir);
    return fptc__dir_make(partitions, NULL) == FPTC_OK &&
                   fptc__partition_at(help_dir, "project-101", &help_p, NULL) == FPTC_OK &&
                   fptc__partition_make(&help_p, NULL) == FPTC_OK
               ? 0
               : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int help_tear_down(void **state)
{
    (void)state;
    if (memcmp(&fptc__sys, &help_sys, sizeof(help_sys)) != 0)
        fptc__sys = help_sys;
    return nftw(help_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the model --- */

static void forget(char **keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(keys[i]);
    free(keys);
}

void model_done(struct model *m)
{
    forget(m->keys, m->n);
    m->keys = NULL;
    m->n = m->cap = 0;
}

static void add_key(struct model *m, const char *key)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->keys = realloc(m->keys, m->cap * sizeof(*m->keys));
        assert_non_null(m->keys);
    }
    m->keys[m->n] = strdup(key);
    assert_non_null(m->keys[m->n++]);
    if (m->forbidden && strcmp(m->forbidden, key) == 0)
        m->saw_forbidden = 1;
}

size_t model_count(const struct model *m, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += strcmp(m->keys[i], key) == 0;
    return n;
}

struct help_deletion help_deletion;

static int watched_open(const char *path, int flags, mode_t mode)
{
    help_deletion.n_changes += strstr(path, "/bases/.seen") != NULL;
    return help_sys.open(path, flags, mode);
}

static int watched_unlink(const char *path)
{
    if (strstr(path, "/log/") && help_deletion.n_commits_gone++ == 0)
        help_deletion.n_changes_before = help_deletion.n_changes;
    return help_sys.unlink(path);
}

void help_watch_deletion(void)
{
    memset(&help_deletion, 0, sizeof(help_deletion));
    fptc__sys.open = watched_open;
    fptc__sys.unlink = watched_unlink;
}

/* The keys of a real snapshot, as an array; by any SQLite, for that is what a snapshot promises. */
static fptc_status read_sqlite(const char *path, fptc__json **out, fptc_error *err)
{
    char uri[FPTC_PATH_MAX + 32];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int code = SQLITE_OK;
    snprintf(uri, sizeof(uri), "file:%s?immutable=1", path);
    if (access(path, F_OK) != 0)
        return FPTC_MISS;
    *out = fptc__json_new_array();
    code = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, "SELECT key FROM _fptc_config", -1, &stmt, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
            fptc__json_append(*out,
                              fptc__json_new_text((const char *)sqlite3_column_text(stmt, 0)));
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    if (code == SQLITE_DONE)
        return FPTC_OK;
    fptc__json_free(*out);
    *out = NULL;
    return fptc__fail(err, access(path, F_OK) == 0 ? FPTC_EDAMAGED : FPTC_MISS, "%s: SQLite %d",
                      path, code);
}

static fptc_status read_keys(const struct fptc__manifest *base, fptc__json **out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf text;
    *out = NULL;
    if (!base->snapshot[0])
        return FPTC_OK;
    fptc__buf_init(&text, 64u << 20);
    fptc_status status = fptc__path(path, err, "%s/files/%s", help_p.dir, base->snapshot);
    if (status == FPTC_OK)
        status = fptc__file_read(path, 64u << 20, &text, err);
    if (status == FPTC_OK && text.len > 6 && memcmp(text.data, "SQLite", 6) == 0) {
        fptc__buf_done(&text);
        return read_sqlite(path, out, err);
    }
    if (status == FPTC_OK && fptc__json_parse(fptc__buf_text(&text), text.len, path, out, err))
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged", path);
    fptc__buf_done(&text);
    return status;
}

static fptc_status model_reset(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct model *m = ctx;
    fptc__json *keys = NULL;
    fptc_status status = m->reset_status;
    m->reset_status = FPTC_OK;
    if (status != FPTC_OK)
        return fptc__fail(err, status, "this reset was told to fail");
    status = read_keys(base, &keys, err);
    if (status != FPTC_OK)
        return status;
    model_done(m);
    for (const fptc__json *k = fptc__json_first(keys); k; k = fptc__json_next(k))
        add_key(m, fptc__json_text(k));
    fptc__json_free(keys);
    m->n_resets++;
    m->last_applied = base->snapshot_upto;
    return FPTC_OK;
}

static fptc_status model_apply(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct model *m = ctx;
    if (m->apply_status != FPTC_OK)
        return fptc__fail(err, m->apply_status, "this apply was told to fail");
    assert_true(commit->head.number > m->last_applied);
    m->last_applied = commit->head.number;
    for (size_t i = 0; i < commit->n_records; i++) {
        fptc__json *body = NULL;
        if (commit->records[i].kind != FPTC__CONFIG)
            continue;
        assert_int_equal(
            fptc__json_parse(commit->records[i].body, commit->records[i].len, "body", &body, err),
            FPTC_OK);
        add_key(m, fptc__json_get_text(body, "key"));
        fptc__json_free(body);
    }
    return FPTC_OK;
}

struct fptc__log_sink model_sink(struct model *m)
{
    return (struct fptc__log_sink){.ctx = m, .reset = model_reset, .apply = model_apply};
}

/* --- actors --- */

static void keep_warning(int32_t level, const char *text, void *payload)
{
    struct actor *a = payload;
    (void)level;
    a->n_warnings++;
    snprintf(a->warning, sizeof(a->warning), "%s", text);
}

void actor_open(struct actor *a)
{
    *a = (struct actor){.logger = {.fn = keep_warning, .level = FPTC_LOG_WARNING}};
    a->logger.payload = a;
    a->sink = model_sink(&a->model);
    struct fptc__log_options options = {.sink = &a->sink, .logger = &a->logger};
    assert_int_equal(fptc__log_open(&help_p, &options, &a->log, &help_err), FPTC_OK);
}

void actor_close(struct actor *a)
{
    fptc__log_close(a->log);
    a->log = NULL;
    model_done(&a->model);
}

void one_key(struct fptc__records *records, const char *key)
{
    char body[256];
    int n = snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":\"%s\",\"asof\":1}", key, key);
    *records = (struct fptc__records){.list = NULL};
    assert_int_equal(fptc__records_add(records, FPTC__CONFIG, body, (size_t)n, 0, &help_err),
                     FPTC_OK);
}

fptc_status actor_put(struct actor *a, const char *key, uint64_t *out_number)
{
    struct fptc__records records;
    one_key(&records, key);
    struct fptc__append request = {.records = &records};
    fptc_status status = fptc__log_append(a->log, &request, NULL, &help_err);
    fptc__records_done(&records);
    if (out_number)
        *out_number = request.number;
    return status;
}

size_t fresh_count(const char *key)
{
    struct actor a;
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    size_t n = model_count(&a.model, key);
    actor_close(&a);
    return n;
}

uint64_t fresh_head(void)
{
    struct actor a;
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    uint64_t head = fptc__log_head(a.log);
    actor_close(&a);
    return head;
}

uint64_t other_puts(const char *key)
{
    struct actor a;
    uint64_t number = 0;
    actor_open(&a);
    assert_int_equal(actor_put(&a, key, &number), FPTC_OK);
    actor_close(&a);
    return number;
}

static void write_keys(const struct model *m, struct fptc__manifest *out)
{
    char path[FPTC_PATH_MAX], random[33];
    struct fptc__buf text;
    fptc__buf_init(&text, 64u << 20);
    fptc__buf_addc(&text, '[');
    for (size_t i = 0; i < m->n; i++)
        fptc__buf_addf(&text, "%s\"%s\"", i ? "," : "", m->keys[i]);
    fptc__buf_addc(&text, ']');
    fptc__random_hex32(random);
    snprintf(out->snapshot, sizeof(out->snapshot), "%" PRIu64 "-%s.json", out->upto, random);
    out->snapshot_bytes = (int64_t)text.len;
    out->rows = (int64_t)m->n;
    assert_int_equal(fptc__path(path, NULL, "%s/files/%s", help_p.dir, out->snapshot), FPTC_OK);
    assert_int_equal(fptc__file_create(path, text.data, text.len, 0666, &help_err), FPTC_OK);
    fptc__buf_done(&text);
}

uint64_t other_compacts(void)
{
    struct actor a;
    struct fptc__manifest m = {.upto = 0};
    actor_open(&a);
    assert_int_equal(fptc__log_refresh(a.log, &help_err), FPTC_OK);
    if (fptc__log_head(a.log) > fptc__log_base(a.log)) {
        m.upto = fptc__log_head(a.log);
        m.prev = fptc__log_head_checksum(a.log);
        write_keys(&a.model, &m);
        assert_true(fptc__manifest_publish(&help_p, &m, &help_err) >= 0);
    }
    actor_close(&a);
    return m.upto;
}

void other_retires(void)
{
    assert_int_equal(fptc__retire(&help_p, 0, NULL, NULL, NULL, &help_err), FPTC_OK);
}

fptc_status put_raw(uint64_t number, const char *key, uint64_t prev)
{
    struct fptc__commit_header head;
    struct fptc__records records;
    fptc__writer_fill(&head, &help_p);
    head.number = number;
    head.prev = prev;
    one_key(&records, key);
    fptc_status status =
        fptc__publish(&help_p, "log", &head, records.list, records.n, NULL, &help_err);
    fptc__records_done(&records);
    return status;
}

/* --- files --- */

static void number_path(const char *sub, uint64_t number, char out[FPTC_PATH_MAX])
{
    assert_int_equal(fptc__partition_number_path(&help_p, sub, number, out, NULL), FPTC_OK);
}

void write_file(const char *sub, uint64_t number, const void *data, size_t n)
{
    char path[FPTC_PATH_MAX];
    number_path(sub, number, path);
    assert_int_equal(fptc__file_create(path, data, n, 0666, &help_err), FPTC_OK);
}

void remove_number(const char *sub, uint64_t number)
{
    char path[FPTC_PATH_MAX];
    number_path(sub, number, path);
    assert_int_equal(unlink(path), 0);
}

int number_exists(const char *sub, uint64_t number)
{
    char path[FPTC_PATH_MAX];
    number_path(sub, number, path);
    return access(path, F_OK) == 0;
}

static int count_one(const char *name, void *payload)
{
    (void)name;
    ++*(int *)payload;
    return 0;
}

int count_entries(const char *sub)
{
    char path[FPTC_PATH_MAX];
    int n = 0;
    assert_int_equal(fptc__path(path, NULL, "%s/%s", help_p.dir, sub), FPTC_OK);
    assert_int_equal(fptc__dir_list(path, count_one, &n, NULL), FPTC_OK);
    return n;
}
