/* snapshot_help.c: see snapshot_help.h. */
#include "snapshot_help.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka.h wants these and the two of the header before it */
#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fptc__sys_table sh_sys;
char sh_dir[FPTC_PATH_MAX];
struct fptc__partition sh_p;

/* --- places ----------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void sh_remove_tree(const char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int sh_set_up(void **state)
{
    char partitions[FPTC_PATH_MAX + 32];
    char place[] = "/dev/shm/fptc_snapshot_XXXXXX", other[] = "/tmp/fptc_snapshot_XXXXXX";
    char *made = access("/dev/shm", W_OK) == 0 ? mkdtemp(place) : mkdtemp(other);

    (void)state;
    sh_sys = fptc__sys;
    if (!made)
        return -1;
    /* What a URI must escape, and more. */
    snprintf(sh_dir, sizeof(sh_dir), "%s/a b?c#d%%41&e='f\";\xc3\xa4", made);
    snprintf(partitions, sizeof(partitions), "%s/partitions", sh_dir);
    if (mkdir(sh_dir, 0700) != 0 || mkdir(partitions, 0700) != 0 ||
        fptc__partition_at(sh_dir, "project-101", &sh_p, &th_err) != FPTC_OK ||
        fptc__partition_make(&sh_p, &th_err) != FPTC_OK)
        return -1;
    return 0;
}

int sh_tear_down(void **state)
{
    char *slash;

    (void)state;
    fptc__sys = sh_sys;
    slash = strrchr(sh_dir, '/');
    *slash = '\0';
    sh_remove_tree(sh_dir);
    return 0;
}

int sh_count(const char *sub)
{
    char path[FPTC_PATH_MAX];
    struct dirent *entry;
    DIR *dir;
    int n = 0;

    snprintf(path, sizeof(path), "%.4000s/%s", sh_p.dir, sub);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

const char *sh_local(const char *name)
{
    static char paths[26][FPTC_PATH_MAX];
    char *path = paths[(name[0] - 'a') % 26];
    snprintf(path, FPTC_PATH_MAX, "%.4000s/%s", sh_dir, name);
    return path;
}

const char *sh_file(const struct fptc__manifest *m)
{
    static char path[FPTC_PATH_MAX];
    snprintf(path, sizeof(path), "%.3800s/files/%s", sh_p.dir, m->snapshot);
    return path;
}

/* --- known snapshots -------------------------------------------------------------------------- */

/* Every 50th row's description does not fit a page. */
static size_t description(int id, char *out)
{
    size_t i, n = id % 50 == 0 ? 20000 : (size_t)(id % 40);
    for (i = 0; i < n; i++)
        out[i] = (char)('a' + ((size_t)id + i) % 23);
    out[n] = '\0';
    return n;
}

const char *sh_row(int id)
{
    static char text[21000];
    char long_text[20001];
    description(id, long_text);
    snprintf(text, sizeof(text), "sh%05d|%d|%d.5|%d|%s", id, id * 7, id, 100 + id % 3, long_text);
    return text;
}

static void add_rows(struct fptc__tables *t, int rows)
{
    char text[20001];
    struct fptc__buf body;
    struct fptc__record record;
    struct fptc__commit commit;
    int id;

    fptc__buf_init(&body, 1u << 30);
    fptc__buf_adds(
        &body,
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\",\"sg_n\":\"number\",\"sg_f\":\"float\","
        "\"project\":\"entity\",\"description\":\"text\",\"assets\":\"multi_entity\"},\"rows\":[");
    for (id = 1; id <= rows; id++) {
        description(id, text);
        fptc__buf_addf(&body,
                       "%s{\"id\":%d,\"code\":\"sh%05d\",\"sg_n\":%d,\"sg_f\":\"%d.5\",\"project\":"
                       "{\"type\":\"Project\",\"id\":%d,\"name\":\"p\"},\"description\":\"%s\","
                       "\"assets\":[{\"type\":\"Asset\",\"id\":%d,\"name\":\"a\"}]}",
                       id > 1 ? "," : "", id, id, id * 7, id, 100 + id % 3, text, id % 9);
    }
    fptc__buf_adds(&body, "]}");
    memset(&commit, 0, sizeof(commit));
    record = (struct fptc__record){FPTC__ROWS, body.data, body.len};
    commit.head.number = 1;
    commit.records = &record;
    commit.n_records = 1;
    if (fptc__tables_apply(t, &commit, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
    fptc__buf_done(&body);
}

void sh_build(int rows, struct fptc__manifest *m)
{
    struct fptc__tables_options o = {.base = "main", .delta = "main"};
    const char *local = sh_local("build.sqlite");
    struct fptc__tables *t;

    unlink(local);
    memset(m, 0, sizeof(*m));
    m->upto = 1;
    if (fptc__snapshot_new(local, &o.db, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
    assert_int_equal(fptc__tables_open(&o, "project-101", &t, &th_err), FPTC_OK);
    if (rows > 0)
        add_rows(t, rows);
    fptc__tables_close(t);
    if (fptc__snapshot_seal(&sh_p, o.db, local, m, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
    unlink(local);
}

/* --- the log ---------------------------------------------------------------------------------- */

static uint64_t append(const struct fptc__records *records)
{
    struct fptc__append request = {.records = records};
    struct fptc__log_options options = {.sink = NULL};
    struct fptc__log *log;

    if (fptc__log_open(&sh_p, &options, &log, &th_err) != FPTC_OK ||
        fptc__log_append(log, &request, NULL, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
    fptc__log_close(log);
    return request.number;
}

uint64_t sh_append_random(struct dice *d)
{
    struct fptc__records records = {.list = NULL};
    struct fptc__log_options options = {.sink = NULL};
    struct fptc__log *log;
    uint64_t number;

    assert_int_equal(fptc__log_open(&sh_p, &options, &log, &th_err), FPTC_OK);
    assert_int_equal(fptc__log_refresh(log, &th_err), FPTC_OK);
    number = fptc__log_head(log) + 1;
    fptc__log_close(log);
    random_commit(d, number, 3, &records);
    assert_int_equal(append(&records), number);
    fptc__records_done(&records);
    return number;
}

uint64_t sh_append(uint16_t kind, const char *body)
{
    struct fptc__records records = {.list = NULL};
    uint64_t number;

    assert_int_equal(fptc__records_add(&records, kind, body, strlen(body), 1, &th_err), FPTC_OK);
    number = append(&records);
    fptc__records_done(&records);
    return number;
}

/* --- reading ---------------------------------------------------------------------------------- */

static fptc_status reader_reset(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct reader *r = ctx;
    struct fptc__tables_options o = {.delta = "main"};
    struct fptc__tables *t = NULL;
    fptc_status status = fptc__sql_open_memory(&o.db, err);

    if (status == FPTC_OK && base->snapshot[0]) {
        o.base = "base";
        status = fptc__snapshot_attach(&sh_p, base, o.db, "base", err);
    }
    if (status == FPTC_OK)
        status = fptc__tables_open(&o, "project-101", &t, err);
    if (status != FPTC_OK) {
        sqlite3_close(o.db);
        return status;
    }
    if (r->store.db)
        store_close(&r->store);
    r->store.db = o.db;
    r->store.t = t;
    r->store.is_overlay = base->snapshot[0] != '\0';
    r->base = *base;
    return FPTC_OK;
}

static fptc_status reader_apply(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct reader *r = ctx;
    return fptc__tables_apply(r->store.t, commit, err);
}

static fptc_status reader_hole(void *ctx, uint64_t number, fptc_error *err)
{
    return fptc__tables_hole(((struct reader *)ctx)->store.t, number, err);
}

void reader_open(struct reader *r)
{
    struct fptc__log_options options = {.sink = &r->sink};

    memset(r, 0, sizeof(*r));
    r->sink = (struct fptc__log_sink){
        .ctx = r, .reset = reader_reset, .apply = reader_apply, .hole = reader_hole};
    if (fptc__log_open(&sh_p, &options, &r->log, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
}

fptc_status reader_refresh(struct reader *r)
{
    return fptc__log_refresh(r->log, &th_err);
}

void reader_close(struct reader *r)
{
    fptc__log_close(r->log);
    if (r->store.db)
        store_close(&r->store);
}

char *sh_state(void)
{
    struct reader r;
    char *state;

    reader_open(&r);
    if (reader_refresh(&r) != FPTC_OK)
        fail_msg("%s", th_err.message);
    if (!r.store.db)
        fail_msg("the reader's sink was never reset");
    state = store_state(&r.store, 1);
    reader_close(&r);
    return state;
}

uint64_t sh_newest_base(void)
{
    uint64_t newest = 0;
    if (fptc__bases_newest(&sh_p, &newest, NULL, 0, NULL, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
    return newest;
}

void sh_compact(struct fptc__compact_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    if (fptc__compact(&sh_p, NULL, NULL, stats, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
}

int sh_is_local(const char *path)
{
    const char *mine = strstr(path, "/fptcache.");

    return (mine != NULL && strchr(mine + 1, '/') != NULL) ||
           strncmp(path, "/tmp/fptcache-", 14) == 0;
}
