/*
 * store.c: appending and compacting beside what the disk alone takes, in one run.
 *
 *     bench_store DIR ROWS       DIR was made by bench_dataset with ROWS; it is changed
 *
 * Appends: one row alone, beside a bare write+fsync of as many bytes; then THREADS threads that share
 * commits. Roll-up: of 20,000 changed rows, beside a copy of the file that it writes. Compaction: the same
 * rows into the snapshot, beside a copy of it, and beside a copy into which SQLite alone puts the same rows
 * (no JSON, no names, no rules, no checksums; journal and syncs off, one fsync at the end). A reader asks all the while.
 * CPU is that of the thread which works. Nothing passes or fails here.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fptcache/fptcache.h"
#include "store/compact.h"
#include "store/log.h"
#include "store/rollup.h"

#define ALONE 200
#define THREADS 100
#define EACH 20
#define CHANGES 20000
#define FINDS_MAX 4000000

static fptc_error err;

static void must(fptc_status status, const char *what)
{
    if (status == FPTC_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double quantile(double *list, size_t n, double q)
{
    qsort(list, n, sizeof(*list), by_value);
    return list[(size_t)((double)(n - 1) * q)];
}

/* ---------------------------------------------------------------------------------------------- appends */

static void row_record(char out[600], int64_t id)
{
    snprintf(
        out, 600,
        "{\"type\":\"Shot\",\"seen\":0,\"asof\":1,\"types\":{\"code\":\"text\",\"description\":\"text\"},"
        "\"rows\":[{\"id\":%" PRId64 ",\"code\":\"bench_%" PRId64 "\",\"description\":\"%s\"}]}",
        id, id, "one row of some two hundred bytes, as a tool writes it when an artist saves");
}

static void append_row(struct fptc__log *log, int64_t id)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records};
    struct fptc__call call = {0};
    fptc_error mine;
    char body[600];

    row_record(body, id);
    if (fptc__records_add(&records, FPTC__ROWS, body, strlen(body), 1, &mine) != FPTC_OK ||
        fptc__log_append(log, &request, &call, &mine) != FPTC_OK) {
        fprintf(stderr, "append: %s\n", mine.message);
        exit(1);
    }
    fptc__records_done(&records);
}

static void bare_write(const char *dir, int n)
{
    char path[4200], body[600];
    int fd;

    row_record(body, n);
    snprintf(path, sizeof(path), "%s/bare-%d", dir, n);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, body, strlen(body)) < 0 || fsync(fd) != 0 || close(fd) != 0) {
        perror(path);
        exit(1);
    }
    unlink(path);
}

struct crowd {
    struct fptc__log *log;
    atomic_llong next;
};

static void *append_some(void *payload)
{
    struct crowd *c = payload;
    int i;

    for (i = 0; i < EACH; i++)
        append_row(c->log, 70000000 + (int64_t)atomic_fetch_add(&c->next, 1));
    return NULL;
}

static struct fptc__log *open_log(const char *dir, const char *name)
{
    struct fptc__log_options options = {0};
    struct fptc__partition p;
    struct fptc__log *log;

    must(fptc__partition_at(dir, name, &p, &err), name);
    must(fptc__partition_make(&p, &err), name);
    must(fptc__log_open(&p, &options, &log, &err), name);
    must(fptc__log_refresh(log, &err), name);
    return log;
}

static void measure_appends(const char *dir)
{
    static double bare[ALONE], ours[ALONE];
    pthread_t threads[THREADS];
    struct crowd c = {open_log(dir, "project-900"), 0};
    double start, each;
    int i;

    for (i = 0; i < ALONE; i++) {
        start = now_us();
        bare_write(dir, i);
        bare[i] = now_us() - start;
        start = now_us();
        append_row(c.log, i + 1);
        ours[i] = now_us() - start;
    }
    start = now_us();
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, append_some, &c);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    each = (now_us() - start) / (THREADS * EACH);
    printf(
        "bare write+fsync %.0f us; append alone %.0f us = %.1f; %d threads at once %.0f us a write = %.2f\n",
        quantile(bare, ALONE, 0.5), quantile(ours, ALONE, 0.5),
        quantile(ours, ALONE, 0.5) / quantile(bare, ALONE, 0.5), THREADS, each,
        each / quantile(bare, ALONE, 0.5));
    fptc__log_close(c.log);
}

/* ------------------------------------------------------------------------------------------- the reader */

struct reader {
    const char *dir;
    atomic_int is_ready, stop; /* ready: the changed rows are in its overlay */
    double *us;
    size_t n;
};

static void *read_on(void *payload)
{
    struct reader *r = payload;
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *result;
    fptc_error mine;
    char filters[200];
    uint64_t id = 1;

    options.cache_dir = r->dir;
    if (fptc_cache_open(&options, &cache, &mine) != FPTC_OK ||
        fptc_query_new("Shot", &query, &mine) != FPTC_OK ||
        fptc_query_set_fields(query, "code,sg_status_list", &mine) != FPTC_OK ||
        fptc_query_set_freshness(query, FPTC_MODE_ONLY_CACHE, 0, 0, &mine) != FPTC_OK)
        exit(1);
    while (!atomic_load(&r->stop) && r->n < FINDS_MAX) {
        double start = now_us();

        id = id * 48271 % 2147483647;
        snprintf(filters, sizeof(filters),
                 "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}],[\"id\",\"is\",%" PRIu64
                 "]]",
                 1 + id % 500);
        if (fptc_query_set_filters(query, filters, &mine) != FPTC_OK ||
            fptc_cache_find(cache, query, &result, &mine) != FPTC_OK) {
            fprintf(stderr, "reader: %s\n", mine.message);
            exit(1);
        }
        fptc_result_free(result);
        if (atomic_exchange(&r->is_ready, 1))
            r->us[r->n++] = now_us() - start;
    }
    fptc_query_free(query);
    fptc_cache_close(cache);
    return NULL;
}

struct took {
    double seconds, cpu;
};

/* How a reader fares for as long as the work takes. */
static struct took beside_reader(const char *dir, void (*work)(const char *dir), const char *name)
{
    struct reader r = {dir, 0, 0, malloc(FINDS_MAX * sizeof(double)), 0};
    struct took took;
    char copy[4200];
    pthread_t thread;
    double start, cpu;

    if (r.us == NULL)
        exit(1);
    pthread_create(&thread, NULL, read_on, &r);
    while (!atomic_load(&r.is_ready))
        fptc__sleep_ms(10);
    start = now_us();
    cpu = cpu_us();
    work(dir);
    took.seconds = (now_us() - start) / 1e6;
    took.cpu = (cpu_us() - cpu) / 1e6;
    atomic_store(&r.stop, 1);
    pthread_join(thread, NULL);
    snprintf(copy, sizeof(copy), "%s/copy", dir);
    unlink(copy);
    printf(
        "%s: %.3f s, %.3f of CPU; a reader's find meanwhile: median %.0f us, p99 %.0f us (%zu finds)\n",
        name, took.seconds, took.cpu, r.n > 0 ? quantile(r.us, r.n, 0.5) : 0,
        r.n > 0 ? quantile(r.us, r.n, 0.99) : 0, r.n);
    fflush(stdout);
    free(r.us);
    return took;
}

static void compare(const char *name, struct took ours, const char *other, struct took theirs)
{
    printf("%s to %s: %.2f, by CPU %.2f\n", name, other, ours.seconds / theirs.seconds,
           ours.cpu / theirs.cpu);
}

/* -------------------------------------------------------------------------------------------- the works */

static struct fptc__partition project;
static char old_snapshot[4200], new_snapshot[4200], rollup_file[4200];
static sqlite3 *changes; /* in memory: the rows that compaction put into the new snapshot */

static void do_nothing(const char *dir)
{
    (void)dir;
    fptc__sleep_ms(2000);
}

/* DIR/copy. */
static void copy_file(const char *from, const char *dir, int syncs)
{
    static char block[1 << 20];
    char to[4200];
    ssize_t n;
    int in, out;

    snprintf(to, sizeof(to), "%s/copy", dir);
    in = open(from, O_RDONLY);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0666);
    while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0) {
        if (write(out, block, (size_t)n) != n)
            exit(1);
    }
    if (in < 0 || out < 0 || n < 0 || (syncs && fsync(out) != 0)) {
        perror(from);
        exit(1);
    }
    close(in);
    close(out);
}

static void copy_snapshot(const char *dir)
{
    copy_file(old_snapshot, dir, 0);
}

static void copy_and_sync_snapshot(const char *dir)
{
    copy_file(old_snapshot, dir, 1);
}

static void copy_and_sync_rollup(const char *dir)
{
    copy_file(rollup_file, dir, 1);
}

static void roll_up(const char *dir)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    (void)dir;
    must(fptc__rollup(&project, &call, &logger, &stats, &err), "roll-up");
}

static void compact(const char *dir)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    (void)dir;
    must(fptc__compact(&project, &call, &logger, &stats, &err), "compact");
}

static void sql(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = sqlite3_vmprintf(format, args);
    va_end(args);
    if (text == NULL || sqlite3_exec(changes, text, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(changes));
        exit(1);
    }
    sqlite3_free(text);
}

/* Each with its table of links. */
static const char *const types[][2] = {
    {"Version", NULL}, {"Task", "Task__task_assignees"}, {"Shot", "Shot__assets"}};

static void take_changes(void)
{
    size_t i;

    if (sqlite3_open_v2(":memory:", &changes,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                        NULL) != SQLITE_OK)
        exit(1);
    sql("ATTACH 'file:%q?immutable=1' AS old; ATTACH 'file:%q?immutable=1' AS new", old_snapshot,
        new_snapshot);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        sql("CREATE TABLE main.%s AS SELECT * FROM new.%s WHERE _fptc_version >"
            " (SELECT max(_fptc_version) FROM old.%s) ORDER BY _fptc_version",
            types[i][0], types[i][0], types[i][0]);
        if (types[i][1])
            sql("CREATE TABLE main.%s AS SELECT * FROM new.%s WHERE id IN (SELECT id FROM main.%s)",
                types[i][1], types[i][1], types[i][0]);
    }
    sql("DETACH old; DETACH new");
}

/* What it costs somebody who has the rows in memory already, in the columns that they go to. */
static void copy_and_put_rows(const char *dir)
{
    char path[4200];
    size_t i;
    int fd;

    copy_file(old_snapshot, dir, 0);
    snprintf(path, sizeof(path), "%s/copy", dir);
    sql("ATTACH %Q AS copy; PRAGMA copy.journal_mode=OFF; PRAGMA copy.synchronous=OFF;"
        " PRAGMA copy.cache_size=-65536; BEGIN",
        path);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        sql("INSERT OR REPLACE INTO copy.%s SELECT * FROM main.%s", types[i][0], types[i][0]);
        if (types[i][1])
            sql("DELETE FROM copy.%s WHERE id IN (SELECT id FROM main.%s);"
                " INSERT INTO copy.%s SELECT * FROM main.%s",
                types[i][1], types[i][0], types[i][1], types[i][1]);
    }
    sql("COMMIT; DETACH copy");
    fd = open(path, O_RDONLY);
    if (fd < 0 || fsync(fd) != 0)
        exit(1);
    close(fd);
}

/* ----------------------------------------------------------------------------------- rewrite and roll-up */

static void latest(const char *dir, char out[4200])
{
    char path[4200];

    snprintf(path, sizeof(path), "%s/partitions/project-101/latest.sqlite", dir);
    if (realpath(path, out) == NULL)
        exit(1);
}

/* The last roll-up that the newest base names. */
static void find_rollup(const char *dir)
{
    struct fptc__manifest m;
    uint64_t base;

    must(fptc__bases_newest(&project, &base, NULL, 0, NULL, &err), "bases");
    must(fptc__manifest_read(&project, base, &m, &err), "base");
    if (m.n_rollups == 0)
        exit(1);
    snprintf(rollup_file, sizeof(rollup_file), "%s/partitions/project-101/files/%s", dir,
             m.rollups[m.n_rollups - 1].name);
}

static void measure_compaction(const char *dir)
{
    struct took copied, synced, put, compacted, rolled, rollup_copied;

    must(fptc__partition_at(dir, "project-101", &project, &err), "project-101");
    latest(dir, old_snapshot);
    beside_reader(dir, do_nothing, "nothing");
    rolled = beside_reader(dir, roll_up, "roll-up of 20,000 changes");
    find_rollup(dir);
    rollup_copied = beside_reader(dir, copy_and_sync_rollup, "copy of the roll-up, fsync");
    copied = beside_reader(dir, copy_snapshot, "copy of the snapshot");
    synced = beside_reader(dir, copy_and_sync_snapshot, "copy of the snapshot, fsync");
    compacted = beside_reader(dir, compact, "compaction of 20,000 changes");
    latest(dir, new_snapshot);
    take_changes();
    put = beside_reader(dir, copy_and_put_rows, "copy, the same rows by SQL, fsync");
    sqlite3_close(changes);
    compare("roll-up", rolled, "copy, fsync", rollup_copied);
    compare("compaction", compacted, "copy", copied);
    compare("compaction", compacted, "copy, fsync", synced);
    compare("compaction", compacted, "copy, SQL, fsync", put);
}

int main(int argc, char **argv)
{
    char command[9000];

    if (argc != 3) {
        fprintf(stderr, "usage: bench_store DIR ROWS\n");
        return 2;
    }
    measure_appends(argv[1]);
    snprintf(command, sizeof(command), "%.*sbench_dataset --change %d %s %s",
             (int)(strrchr(argv[0], '/') ? strrchr(argv[0], '/') - argv[0] + 1 : 0), argv[0],
             CHANGES, argv[1], argv[2]);
    if (system(command) != 0)
        return 1;
    measure_compaction(argv[1]);
    return 0;
}
