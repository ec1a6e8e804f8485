/*
 * fuzz_snapshot.c: pages of a snapshot as a hostile host may write them, attached through the library's VFS,
 * queried, followed by an overlay and rewritten. Nothing may come of it but rows or an error.
 *
 * An input is a byte and patches of a sound snapshot. The byte: 0 leaves the seals of the pages as they are,
 * else they are put right, so that SQLite sees what stands there; with bit 1 there is a rewrite, too. A patch:
 * page, two bytes of offset, length, bytes. Page 255: the page named by the next byte becomes a copy of the one
 * after.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_seal.h"
#include "unit/snapshot_help.h"

#define ROWS 51
#define STEPS_PER_LOOK 1000
#define LOOKS_MAX 400
#define BODY (FPTC__PAGE_BYTES - FPTC__PAGE_RESERVED)

static struct fptc__manifest manifest;
static unsigned char *sound, *file;
static size_t n_pages;
static int n_looks;
static volatile unsigned seen; /* so that every byte of an answer is read */

static void build(void)
{
    FILE *f;
    size_t bytes;

    (void)fuzz_partition();
    sh_build(ROWS, &manifest);
    bytes = (size_t)manifest.snapshot_bytes;
    sound = malloc(bytes);
    file = malloc(bytes);
    f = fopen(sh_file(&manifest), "rb");
    if (!sound || !file || !f || fread(sound, 1, bytes, f) != bytes)
        fuzz_die("cannot read", sh_file(&manifest));
    fclose(f);
    n_pages = bytes / FPTC__PAGE_BYTES;
}

/* Returns whether anything is other than it was. */
static int patch(const uint8_t *data, size_t size, int is_sealed)
{
    size_t bytes = n_pages * FPTC__PAGE_BYTES;
    size_t i;

    memcpy(file, sound, bytes);
    while (size >= 4) {
        size_t page = data[0] % n_pages;
        size_t offset = ((size_t)data[1] | (size_t)data[2] << 8) % BODY;
        size_t length = data[3] % 64;
        int is_copy = data[0] == 255;

        if (is_copy) {
            memcpy(file + data[1] % n_pages * FPTC__PAGE_BYTES,
                   sound + data[2] % n_pages * FPTC__PAGE_BYTES, FPTC__PAGE_BYTES);
            length = 0;
        }
        length = length < size - 4 ? length : size - 4;
        length = length < BODY - offset ? length : BODY - offset;
        memcpy(file + page * FPTC__PAGE_BYTES + offset, data + 4, length);
        data += 4 + length;
        size -= 4 + length;
    }
    for (i = 0; i < n_pages && is_sealed; i++)
        if (memcmp(file + i * FPTC__PAGE_BYTES, sound + i * FPTC__PAGE_BYTES, FPTC__PAGE_BYTES))
            fptc__page_seal(file + i * FPTC__PAGE_BYTES, (uint32_t)i + 1);
    return memcmp(file, sound, bytes) != 0;
}

static int on_steps(void *ctx)
{
    (void)ctx;
    return ++n_looks > LOOKS_MAX;
}

/* Steps through a statement, looking at every value; 1 when it came to its end. */
static int walk(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    int i, k;

    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        for (i = 0; code == SQLITE_ROW && i < sqlite3_column_count(stmt); i++) {
            const unsigned char *text = sqlite3_column_text(stmt, i);
            int n = sqlite3_column_bytes(stmt, i);

            for (k = 0; text && k < n; k++)
                seen += text[k];
        }
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE;
}

static const char *const statements[] = {
    "SELECT * FROM base.\"Shot\" ORDER BY id",
    "SELECT * FROM base.\"Shot\" WHERE _fptc_version > 1048580 ORDER BY _fptc_version LIMIT 20",
    "SELECT max(_fptc_version) FROM base.\"Shot\"",
    "SELECT id, fptc_fold(code) FROM base.\"Shot\" WHERE code LIKE '%00%' ORDER BY code DESC",
    "SELECT * FROM base.\"Shot\" WHERE id IN (5, 50, 51) AND project__id = 101",
    "SELECT s.id, link_type, link_id FROM base.\"Shot\" s JOIN base.\"Shot__assets\" USING (id)",
    "SELECT id FROM base.\"Shot__assets\" WHERE link_type = 'Asset' AND link_id IN (1, 2, 3)",
    "SELECT * FROM base._fptc_name WHERE type = 'Asset' ORDER BY id",
    "SELECT project__id, count(*), sum(sg_n), avg(sg_f) FROM base.\"Shot\" GROUP BY 1",
    "SELECT * FROM base._fptc_cover, base._fptc_config, base._fptc_index",
    "SELECT * FROM base._fptc_gone WHERE version > 0 ORDER BY version",
    "SELECT count(*) FROM base._fptc_event, base._fptc_mutation",
};

/* Returns whether all of it went well. */
static int follow(sqlite3 *db, const char *base, const char *delta)
{
    static const char body[] =
        "{\"type\":\"Shot\",\"seen\":1,\"types\":{\"code\":\"text\",\"sg_n\":\"number\","
        "\"assets\":\"multi_entity\"},\"rows\":[{\"id\":5,\"code\":\"x\",\"sg_n\":1,\"assets\":[]},"
        "{\"id\":50,\"code\":\"y\",\"sg_n\":2,\"assets\":[{\"type\":\"Asset\",\"id\":3,\"name\":\"b\"}]}]}";
    static const char gone[] = "{\"type\":\"Shot\",\"seen\":1,\"rows\":[{\"id\":7}]}";
    struct fptc__record records[] = {{FPTC__ROWS, body, sizeof(body) - 1},
                                     {FPTC__GONE, gone, sizeof(gone) - 1}};
    struct fptc__commit commit = {.head = {.number = 2}, .records = records, .n_records = 2};
    struct fptc__tables_options o = {.db = db, .base = base, .delta = delta};
    struct fptc__tables *t = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__tables_open(&o, "project-101", &t, &err);

    if (status == FPTC_OK)
        status = fptc__tables_apply(t, &commit, &err);
    if (status != FPTC_OK && !err.message[0])
        fuzz_die("an error without words", "");
    fptc__tables_close(t);
    return status == FPTC_OK;
}

static int read_all(void)
{
    fptc_error err = FPTC_ERROR_INIT;
    sqlite3 *db = NULL;
    int is_well = 1;
    size_t i;

    if (fptc__sql_open_memory(&db, &err) != FPTC_OK)
        fuzz_die("no memory", err.message);
    if (fptc__snapshot_attach(&sh_p, &manifest, db, "base", &err) != FPTC_OK) {
        if (err.status != FPTC_EDAMAGED && err.status != FPTC_EIO)
            fuzz_die("attaching fails in another way", err.message);
        sqlite3_close(db);
        return 0;
    }
    sqlite3_progress_handler(db, STEPS_PER_LOOK, on_steps, NULL);
    for (i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        n_looks = 0;
        is_well &= walk(db, statements[i]);
    }
    n_looks = 0;
    is_well &= follow(db, "base", "main");
    if (sqlite3_close(db) != SQLITE_OK)
        fuzz_die("something stays open", sqlite3_errmsg(db));
    return is_well;
}

/* The first half of a rewrite: copy, apply, finish. */
static void rewrite(void)
{
    const char *local = sh_local("fuzz.sqlite");
    struct fptc__manifest m = manifest;
    fptc_error err = FPTC_ERROR_INIT;
    sqlite3 *db = NULL;

    (void)remove(local);
    if (fptc__snapshot_copy(&sh_p, NULL, &m, local, &db, &err) != FPTC_OK)
        return;
    n_looks = 0;
    sqlite3_progress_handler(db, STEPS_PER_LOOK, on_steps, NULL);
    (void)follow(db, "main", "main");
    (void)fptc__snapshot_finish(db, &m, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes;
    int is_sealed, is_changed, is_well;

    if (!sound)
        build();
    if (size == 0)
        return 0;
    bytes = n_pages * FPTC__PAGE_BYTES;
    is_sealed = data[0] != 0;
    is_changed = patch(data + 1, size - 1, is_sealed);
    fuzz_write("files", manifest.snapshot, file, bytes);
    manifest.snapshot_checksum = fptc__checksum_add(fptc__checksum_start(), file, bytes);
    is_well = read_all();
    if (!is_changed && !is_well)
        fuzz_die("a sound snapshot cannot be read", th_err.message);
    if (data[0] & 2)
        rewrite();
    return 0;
}
