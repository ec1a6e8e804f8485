/* survey_files.c: the files that a manifest names: size, checksum of the whole, checksum of every page,
   SQLite's own checks, and what the file says it is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "store/rollup_file.h"
#include "store/snapshot.h"
#include "store/survey.h"
#include "store/tables.h"

#define CHUNK_BYTES (32 * FPTC__PAGE_BYTES)

/* --- bytes ------------------------------------------------------------------------------------ */

struct reading {
    struct fptc__survey *survey;
    const char *path;
    int64_t bytes, bad_pages, first_bad_page;
    uint64_t checksum;
};

static void check_pages(struct reading *r, const unsigned char *chunk, size_t n)
{
    size_t at;

    for (at = 0; at < n; at += FPTC__PAGE_BYTES) {
        int64_t page = (r->bytes + (int64_t)at) / FPTC__PAGE_BYTES + 1;

        if (n - at >= FPTC__PAGE_BYTES && fptc__page_is_sound(chunk + at, (uint32_t)page))
            continue;
        if (r->bad_pages++ == 0)
            r->first_bad_page = page;
    }
}

/* Reads the file from end to end. FPTC_MISS when it is not there. */
static fptc_status read_through(struct reading *r, int has_pages, fptc_error *err)
{
    unsigned char *chunk = malloc(CHUNK_BYTES);
    size_t got = CHUNK_BYTES;
    int fd = -1;
    fptc_status status = chunk ? fptc__file_open(r->path, &fd, err) : fptc__fail_nomem(err);

    r->checksum = fptc__checksum_start();
    while (status == FPTC_OK && got == CHUNK_BYTES) {
        status = fptc__file_pread(fd, r->path, chunk, CHUNK_BYTES, r->bytes, &got, err);
        if (status != FPTC_OK)
            break;
        if (has_pages)
            check_pages(r, chunk, got);
        r->checksum = fptc__checksum_add(r->checksum, chunk, got);
        r->bytes += (int64_t)got;
        status = fptc__survey_step(r->survey, (int64_t)got, err);
    }
    if (fd >= 0)
        fptc__file_close(fd);
    free(chunk);
    return status;
}

/* --- SQLite ----------------------------------------------------------------------------------- */

static int64_t get_int(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* The partition is checked where tables are opened; here only what they do not look at. */
static fptc_status check_format(sqlite3 *db, const struct fptc__manifest *m, const char *partition,
                                fptc_error *err)
{
    char *sql =
        sqlite3_mprintf("SELECT count(*) FROM base._fptc_format WHERE partition=%Q", partition);
    fptc_status status = FPTC_OK;
    int64_t upto = get_int(db, "SELECT upto FROM base._fptc_format");

    if (!sql)
        return fptc__fail_nomem(err);
    if (get_int(db, "PRAGMA base.application_id") != FPTC__SNAPSHOT_ID)
        status = fptc__fail(err, FPTC_EDAMAGED, "its application_id is not that of a snapshot");
    else if (get_int(db, sql) != 1)
        status = fptc__fail(err, FPTC_EDAMAGED, "it is not of partition %s", partition);
    else if (upto < 0 || (uint64_t)upto > m->snapshot_upto)
        status =
            fptc__fail(err, FPTC_EDAMAGED, "it holds the commits up to %" PRId64 ", not %" PRIu64,
                       upto, m->snapshot_upto);
    sqlite3_free(sql);
    return status;
}

/* A base made over a hole knows of it. What was lost there has to be said: see repair_lost.c. */
static void check_history(struct fptc__survey *s, sqlite3 *db, const char *path)
{
    int64_t hole = get_int(db, "SELECT value FROM base._fptc_config WHERE key='hole'");
    int64_t lost = get_int(db, "SELECT value->>'upto' FROM base._fptc_config WHERE key='lost'");

    if (hole <= 0 || hole <= lost)
        return;
    s->has_folded_hole = 1;
    fptc__survey_tell(s, path, "lost", FPTC__NEXT_REPAIR,
                      "commit %" PRId64 " was damaged when this was made", hole);
}

static fptc_status check_integrity(sqlite3 *db, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = FPTC_OK;
    const char *text = NULL;

    if (sqlite3_prepare_v2(db, "PRAGMA base.integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        status = fptc__sql_fail(db, "checking a snapshot", err);
    else
        text = (const char *)sqlite3_column_text(stmt, 0);
    if (status == FPTC_OK && (!text || strcmp(text, "ok") != 0))
        status = fptc__fail(err, FPTC_EDAMAGED, "SQLite finds: %.200s", text ? text : "nothing");
    sqlite3_finalize(stmt);
    return status;
}

static fptc_status check_database(struct fptc__survey *s, const struct fptc__manifest *m,
                                  const char *path, fptc_error *err)
{
    sqlite3 *db = NULL;
    fptc_status status = fptc__sql_open_memory(&db, err);

    if (status == FPTC_OK)
        status = fptc__snapshot_attach(s->p, m, db, "base", err);
    if (status == FPTC_OK)
        status = check_format(db, m, s->p->name, err);
    if (status == FPTC_OK)
        status = check_integrity(db, err);
    if (status == FPTC_OK && m == &s->bases[0].manifest)
        check_history(s, db, path);
    (void)sqlite3_close(db);
    return status;
}

/* --- a file of a base ------------------------------------------------------------------------- */

/* A file that is not there: nothing, when its base went as well. */
static fptc_status tell_absent(struct fptc__survey *s, const struct fptc__survey_base *b,
                               const char *path, enum fptc__condition *out)
{
    *out = FPTC__ABSENT;
    if (fptc__survey_is_listed(s, b->manifest.upto))
        fptc__survey_tell(s, path, "missing", FPTC__NEXT_REPAIR,
                          "base %" PRIu64 " names it, and it is not there", b->manifest.upto);
    return FPTC_OK;
}

static fptc_status look_at_snapshot(struct fptc__survey *s, const struct fptc__survey_base *b,
                                    enum fptc__condition *out, fptc_error *err)
{
    const struct fptc__manifest *m = &b->manifest;
    char path[FPTC_PATH_MAX];
    struct reading r = {.survey = s, .path = path};
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__path(path, err, "%s/files/%s", s->p->dir, m->snapshot);

    if (status == FPTC_OK)
        status = read_through(&r, 1, err);
    if (status == FPTC_MISS)
        return tell_absent(s, b, path, out);
    if (status != FPTC_OK)
        return status;
    s->files++;
    *out = FPTC__BROKEN;
    if (r.bytes != m->snapshot_bytes)
        fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR,
                          "it has %" PRId64 " bytes, its manifest says %" PRId64, r.bytes,
                          m->snapshot_bytes);
    else if (r.bad_pages > 0)
        fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR,
                          "%" PRId64 " of its pages fail their checksum, page %" PRId64 " first",
                          r.bad_pages, r.first_bad_page);
    else if (r.checksum != m->snapshot_checksum)
        fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR,
                          "it fails the checksum in its manifest");
    else
        *out = FPTC__SOUND;
    if (*out != FPTC__SOUND)
        return FPTC_OK;
    status = check_database(s, m, path, &why);
    if (status == FPTC_OK)
        return FPTC_OK;
    if (status == FPTC_MISS)
        return tell_absent(s, b, path, out);
    if (status != FPTC_EDAMAGED) {
        if (err)
            *err = why;
        return status;
    }
    *out = FPTC__BROKEN;
    fptc__survey_tell(s, path, "damaged", FPTC__NEXT_REPAIR, "%s", why.message);
    return FPTC_OK;
}

/* --- roll-ups --------------------------------------------------------------------------------- */

/* A roll-up while its commits are read, and what the newest base's own tell of lost ones. */
struct rolled {
    struct fptc__survey *survey;
    uint64_t next; /* least number that may come */
    int is_newest;
};

static int says_lost(const struct fptc__commit *c)
{
    static const char setting[] = "{\"key\":\"lost\"";
    size_t i;

    for (i = 0; i < c->n_records; i++) {
        if (c->records[i].kind == FPTC__CONFIG && c->records[i].len >= sizeof(setting) - 1 &&
            memcmp(c->records[i].body, setting, sizeof(setting) - 1) == 0)
            return 1;
    }
    return fptc__commit_begins_anew(c);
}

/* A number that is left out was a hole when the roll-up was made. */
static void note_left_out(struct rolled *r, const char *path, uint64_t upto)
{
    if (upto < r->next || !r->is_newest)
        return;
    r->survey->has_folded_hole = 1;
    fptc__survey_tell(r->survey, path, "lost", FPTC__NEXT_REPAIR,
                      "commit %" PRIu64 " was damaged when this was made", upto);
}

static fptc_status read_rolled(struct rolled *r, const struct fptc__rollup_file *file,
                               struct fptc__rollup_reader *reader, fptc_error *err)
{
    const char *partition = r->survey->p->name;
    fptc_status status = FPTC_OK;

    while (status == FPTC_OK) {
        struct fptc__commit c;

        memset(&c, 0, sizeof(c));
        status = fptc__rollup_next(reader, file, 0, &c, err);
        if (status == FPTC_OK && strcmp(c.head.partition, partition) != 0)
            status = fptc__fail(err, FPTC_EDAMAGED, "commit %" PRIu64 " in it is of partition %s",
                                c.head.number, c.head.partition);
        if (status == FPTC_OK) {
            if (!says_lost(&c))
                note_left_out(r, reader->path, c.head.number - 1);
            r->next = c.head.number + 1;
        }
        fptc__commit_done(&c);
    }
    if (status == FPTC_END)
        note_left_out(r, reader->path, file->to);
    return status == FPTC_END ? FPTC_OK : status;
}

static fptc_status look_at_rollup(struct fptc__survey *s, const struct fptc__survey_base *b,
                                  const struct fptc__rollup_file *file, enum fptc__condition *out,
                                  fptc_error *err)
{
    struct fptc__rollup_reader reader = {.at = 0};
    struct rolled r = {s, file->from, b == &s->bases[0]};
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__rollup_load(s->p, file, &reader, &why), stepped;

    if (status == FPTC_OK)
        status = read_rolled(&r, file, &reader, &why);
    s->files += status != FPTC_MISS;
    *out = status == FPTC_OK ? FPTC__SOUND : status == FPTC_EFORMAT ? FPTC__NEWER : FPTC__BROKEN;
    if (status == FPTC_MISS)
        status = tell_absent(s, b, reader.path, out);
    else if (status == FPTC_EDAMAGED || status == FPTC_EFORMAT)
        fptc__survey_tell(s, reader.path, status == FPTC_EFORMAT ? "newer" : "damaged",
                          status == FPTC_EFORMAT ? FPTC__NEXT_UPGRADE : FPTC__NEXT_REPAIR, "%s",
                          why.message);
    else if (status != FPTC_OK && err)
        *err = why;
    stepped = fptc__survey_step(s, (int64_t)reader.bytes.len, err);
    fptc__rollup_done(&reader);
    if (status == FPTC_EDAMAGED || status == FPTC_EFORMAT)
        status = FPTC_OK;
    return status == FPTC_OK ? stepped : status;
}

/* --- all files of a base ---------------------------------------------------------------------- */

/* The entry of that name; *is_new: it was not looked at before. NULL: no memory. */
static struct fptc__survey_file *entry_of(struct fptc__survey *s, const char *name, int *is_new)
{
    struct fptc__survey_file *list;
    size_t i;

    *is_new = 0;
    for (i = 0; i < s->n_looked_at; i++) {
        if (strcmp(s->looked_at[i].name, name) == 0)
            return &s->looked_at[i];
    }
    list = realloc(s->looked_at, (s->n_looked_at + 1) * sizeof(*list));
    if (!list)
        return NULL;
    s->looked_at = list;
    memset(&list[s->n_looked_at], 0, sizeof(*list));
    (void)snprintf(list[s->n_looked_at].name, sizeof(list->name), "%s", name);
    *is_new = 1;
    return &list[s->n_looked_at++];
}

/* file NULL: the snapshot. The worst of a base's files is what the base is. */
static fptc_status look_at(struct fptc__survey *s, struct fptc__survey_base *b,
                           const struct fptc__rollup_file *file, fptc_error *err)
{
    int is_new;
    struct fptc__survey_file *at = entry_of(s, file ? file->name : b->manifest.snapshot, &is_new);
    fptc_status status = FPTC_OK;

    if (!at)
        return fptc__fail_nomem(err);
    if (is_new)
        status = file ? look_at_rollup(s, b, file, &at->condition, err)
                      : look_at_snapshot(s, b, &at->condition, err);
    if (at->condition != FPTC__SOUND)
        b->condition = at->condition;
    return status;
}

fptc_status fptc__survey_base_files(struct fptc__survey *s, struct fptc__survey_base *b,
                                    fptc_error *err)
{
    fptc_status status = b->manifest.snapshot[0] ? look_at(s, b, NULL, err) : FPTC_OK;
    size_t i;

    for (i = 0; status == FPTC_OK && i < b->manifest.n_rollups; i++)
        status = look_at(s, b, &b->manifest.rollups[i], err);
    return status;
}
