/*
 * store.c: appending and compacting beside what the disk alone takes, in one run.
 *
 *     bench_store DIR ROWS       DIR was made by bench_dataset with ROWS; it is changed
 *
 * Appends: one row alone, beside a bare write+fsync of as many bytes; then THREADS threads that share
 * commits. Compaction: 20,000 changed rows into the snapshot, beside a copy of it with fsync; a reader asks
 * all the while. Nothing passes or fails here.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
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

#define ALONE 200
#define THREADS 100
#define EACH 20
#define CHANGES 20000
#define FINDS_MAX 200000

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

/* ------------------------------------------------------------------------------------------- compaction */

struct reader {
    const char *dir;
    atomic_int stop;
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
        r->us[r->n++] = now_us() - start;
    }
    fptc_query_free(query);
    fptc_cache_close(cache);
    return NULL;
}

/* How a reader fares for as long as the work takes; the work's seconds. */
static double beside_reader(const char *dir, double (*work)(const char *dir), const char *name)
{
    struct reader r = {dir, 0, malloc(FINDS_MAX * sizeof(double)), 0};
    pthread_t thread;
    double seconds;

    if (r.us == NULL)
        exit(1);
    pthread_create(&thread, NULL, read_on, &r);
    seconds = work(dir);
    atomic_store(&r.stop, 1);
    pthread_join(thread, NULL);
    printf("%s: %.2f s; a reader's find meanwhile: median %.0f us, p99 %.0f us (%zu finds)\n", name,
           seconds, quantile(r.us, r.n, 0.5), quantile(r.us, r.n, 0.99), r.n);
    free(r.us);
    return seconds;
}

static double do_nothing(const char *dir)
{
    (void)dir;
    fptc__sleep_ms(2000);
    return 2.0;
}

static double copy_snapshot(const char *dir)
{
    char from[4200], to[4200], block[1 << 16];
    double start = now_us();
    ssize_t n;
    int in, out;

    snprintf(from, sizeof(from), "%s/partitions/project-101/latest.sqlite", dir);
    snprintf(to, sizeof(to), "%s/copy", dir);
    in = open(from, O_RDONLY);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0) {
        if (write(out, block, (size_t)n) != n)
            exit(1);
    }
    if (fsync(out) != 0)
        exit(1);
    close(in);
    close(out);
    unlink(to);
    return (now_us() - start) / 1e6;
}

static double compact(const char *dir)
{
    struct fptc__partition p;
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};
    double start = now_us();

    must(fptc__partition_at(dir, "project-101", &p, &err), "project-101");
    must(fptc__compact(&p, &call, &logger, &stats, &err), "compact");
    return (now_us() - start) / 1e6;
}

int main(int argc, char **argv)
{
    char command[9000];
    double copied, compacted;

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
    beside_reader(argv[1], do_nothing, "nothing");
    copied = beside_reader(argv[1], copy_snapshot, "copy of the snapshot");
    compacted = beside_reader(argv[1], compact, "compaction of 20,000 changes");
    printf("compaction to copy: %.1f\n", compacted / copied);
    return 0;
}
