/*
 * queries.c: questions through the C API beside hand-written SQL on the same snapshot, in one run.
 *
 *     bench_queries CACHE_DIR ROWS [SECONDS [NAME]]
 *
 * CACHE_DIR was made by bench_dataset with ROWS; NAME: only questions whose name has that in it.
 *
 * Times are medians of calls that take turns; instructions (user space, all of the call) stand beside
 * them where the kernel tells them. Nothing passes or fails here.
 */
#include <inttypes.h>
#include <linux/perf_event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fptcache/fptcache.h"

#define ROUNDS_MAX 4000
#define PROJECT "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"

struct bench {
    fptc_cache *cache;
    sqlite3 *raw;
    int64_t rows;
    uint64_t random_state;
    double seconds;
    int counter; /* of instructions, or -1 */
};

/* One question: `least`..`most` is what its parameter is drawn from. */
struct question {
    const char *name;
    const char *type, *filters, *fields, *order;
    int64_t limit;
    const char *sql;
    int share;                        /* of ROWS in percent: the greatest parameter */
    const char *summaries, *grouping; /* NULL: rows are asked for */
};

#define COUNT "[{\"field\":\"id\",\"type\":\"count\"}]"
#define BY_STATUS "[{\"field\":\"sg_status_list\",\"type\":\"exact\"}]"

static const struct question questions[] = {
    {"row by id", "Shot", "[" PROJECT ",[\"id\",\"is\",%" PRId64 "]]",
     "code,sg_status_list,description,sg_cut_in,sg_sequence", NULL, 0,
     "SELECT id, code, sg_status_list, description, sg_cut_in, sg_sequence__type, sg_sequence__id "
     "FROM Shot WHERE id = %" PRId64,
     5, NULL, NULL},
    {"versions of a shot, latest 10", "Version",
     "[" PROJECT ",[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":%" PRId64 "}]]", "code,created_at",
     "-created_at", 10,
     "SELECT id, code, created_at FROM Version WHERE entity__type = 'Shot' AND entity__id = %" PRId64
     " ORDER BY created_at DESC, id LIMIT 10",
     5, NULL, NULL},
    {"deep link", "Version",
     "[" PROJECT ",[\"entity.Shot.sg_sequence.Sequence.code\",\"is\",\"x_%06" PRId64 "\"]]", "code",
     NULL, 0,
     "SELECT v.id, v.code FROM Sequence q JOIN Shot s ON s.sg_sequence__type = 'Sequence' AND "
     "s.sg_sequence__id = q.id JOIN Version v ON v.entity__type = 'Shot' AND v.entity__id = s.id "
     "WHERE q.code = 'x_%06" PRId64 "' ORDER BY v.id",
     1, NULL, NULL},
    {"multi-entity member", "Shot",
     "[" PROJECT ",[\"assets\",\"is\",{\"type\":\"Asset\",\"id\":%" PRId64 "}]]", "code", NULL, 0,
     "SELECT id, code FROM Shot WHERE id IN (SELECT id FROM Shot__assets WHERE link_type = 'Asset' "
     "AND link_id = %" PRId64 ") ORDER BY id",
     4, NULL, NULL},
    {"text contains", "Task", "[" PROJECT ",[\"content\",\"contains\",\"k_%06" PRId64 "\"]]",
     "content", NULL, 0,
     "SELECT id, content FROM Task WHERE content LIKE '%%k_%06" PRId64 "%%' ORDER BY id", 30, NULL,
     NULL},
    {"count of all tasks", "Task", "[" PROJECT "]", NULL, NULL, 0, "SELECT count(*) FROM Task", 30,
     COUNT, "[]"},
    {"tasks by status", "Task", "[" PROJECT "]", NULL, NULL, 0,
     "SELECT sg_status_list, count(*) FROM Task GROUP BY sg_status_list", 30, COUNT, BY_STATUS},
    {"versions by status", "Version", "[" PROJECT "]", NULL, NULL, 0,
     "SELECT sg_status_list, count(*) FROM Version GROUP BY sg_status_list", 60, COUNT, BY_STATUS},
    {"minutes of tasks by status", "Task", "[" PROJECT "]", NULL, NULL, 0,
     "SELECT sg_status_list, sum(est_in_mins) FROM Task GROUP BY sg_status_list", 30,
     "[{\"field\":\"est_in_mins\",\"type\":\"sum\"}]", BY_STATUS},
    {"versions of a shot by status", "Version",
     "[" PROJECT ",[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":%" PRId64 "}]]", NULL, NULL, 0,
     "SELECT sg_status_list, count(*) FROM Version WHERE entity__type = 'Shot' AND entity__id = %" PRId64
     " GROUP BY sg_status_list",
     5, COUNT, BY_STATUS},
};

static fptc_error err;

static void must(fptc_status status)
{
    if (status >= FPTC_OK)
        return;
    fprintf(stderr, "%s\n", err.message);
    exit(1);
}

static void must_sql(const struct bench *b, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return;
    fprintf(stderr, "%s\n", sqlite3_errmsg(b->raw));
    exit(1);
}

static int64_t draw(struct bench *b, int64_t most)
{
    b->random_state = b->random_state * 6364136223846793005u + 1442695040888963407u;
    return 1 + (int64_t)((b->random_state >> 33) % (uint64_t)most);
}

/* -------------------------------------------------------------------------------------------- measuring */

struct sample {
    double us;
    double instructions;
};

struct samples {
    struct sample list[ROUNDS_MAX];
    int n;
    int64_t rows;
};

static int open_counter(void)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    attr.inherit = 1;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double count_instructions(const struct bench *b)
{
    uint64_t n = 0;

    if (b->counter < 0 || read(b->counter, &n, sizeof(n)) != (ssize_t)sizeof(n))
        return 0;
    return (double)n;
}

static struct sample begin(const struct bench *b)
{
    struct sample s = {0, count_instructions(b)};

    s.us = now_us();
    return s;
}

static void end(const struct bench *b, struct sample start, struct samples *out)
{
    double us = now_us();

    out->list[out->n].us = us - start.us;
    out->list[out->n++].instructions = count_instructions(b) - start.instructions;
}

static int by_us(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return x->us < y->us ? -1 : x->us > y->us;
}

static struct sample median(struct samples *s)
{
    qsort(s->list, (size_t)s->n, sizeof(s->list[0]), by_us);
    return s->list[s->n / 2];
}

static void print_line(const struct bench *b, const char *name, struct samples *raw,
                       struct samples *ours)
{
    struct sample r = median(raw), o = median(ours);

    printf("%-32s %10.1f %10.1f %7.2f", name, r.us, o.us, o.us / r.us);
    if (b->counter >= 0)
        printf(" %12.0f %12.0f %7.2f", r.instructions, o.instructions,
               o.instructions / r.instructions);
    printf("  %d calls, %.1f rows\n", ours->n, (double)ours->rows / ours->n);
    if (raw->rows != ours->rows)
        printf("    (hand-written SQL gave %.1f rows: it does not see the overlay)\n",
               (double)raw->rows / raw->n);
}

/* ------------------------------------------------------------------------------------------ the two sides */

/* Hand-written: prepared once for a text with literals would flatter nobody; bound like ours is not
   possible for every question, so both sides get the text each time and the statement is prepared
   once per shape on our side, once per question here. */
static sqlite3_stmt *prepare_raw(struct bench *b, const struct question *q)
{
    char *pattern = sqlite3_mprintf("%s", q->sql), *at;
    sqlite3_stmt *stmt = NULL;
    static const char *const quoted[] = {"'%%k_%06" PRId64 "%%'", "'x_%06" PRId64 "'", "%" PRId64};
    size_t i;

    for (i = 0; i < 3; i++) {
        at = strstr(pattern, quoted[i]);
        if (at == NULL)
            continue;
        *at = '?';
        memmove(at + 1, at + strlen(quoted[i]), strlen(at + strlen(quoted[i])) + 1);
        break;
    }
    must_sql(b, sqlite3_prepare_v2(b->raw, pattern, -1, &stmt, NULL));
    sqlite3_free(pattern);
    return stmt;
}

static void bind_raw(const struct question *q, sqlite3_stmt *stmt, int64_t value)
{
    char text[64];

    if (strstr(q->sql, "k_%06") != NULL)
        snprintf(text, sizeof(text), "%%k_%06" PRId64 "%%", value);
    else
        snprintf(text, sizeof(text), "x_%06" PRId64, value);
    if (strstr(q->sql, "%06") != NULL)
        sqlite3_bind_text(stmt, 1, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_int64(stmt, 1, value);
}

static void ask_raw(struct bench *b, const struct question *q, sqlite3_stmt *stmt, int64_t value,
                    struct samples *out)
{
    struct sample start = begin(b);
    volatile size_t seen = 0;
    int rc, i;

    if (sqlite3_bind_parameter_count(stmt) > 0)
        bind_raw(q, stmt, value);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(stmt); i++)
            seen += (size_t)sqlite3_column_bytes(stmt, i);
        out->rows++;
    }
    must_sql(b, rc);
    sqlite3_reset(stmt);
    end(b, start, out);
}

/* What a summary says is one JSON text; its groups count as the rows. */
static void read_summary(fptc_result *result, struct samples *out)
{
    const char *at = fptc_result_json(result, NULL);

    if (at == NULL || strstr(at, "\"summaries\"") == NULL) {
        fprintf(stderr, "a summary without summaries\n");
        exit(1);
    }
    out->rows += strstr(at, "\"group_name\"") == NULL;
    while ((at = strstr(at + 1, "\"group_name\"")) != NULL)
        out->rows++;
}

static void read_rows(fptc_result *result, struct samples *out)
{
    volatile size_t seen = 0;
    size_t i;

    while (fptc_result_next(result) == FPTC_OK) {
        for (i = 0; i < fptc_result_n_fields(result); i++) {
            const char *text = fptc_result_text(result, fptc_result_field(result, i));

            seen += text == NULL ? 1 : strlen(text);
        }
        out->rows++;
    }
}

static void ask_ours(struct bench *b, const struct question *q, fptc_query *query, int64_t value,
                     struct samples *out)
{
    struct sample start = begin(b);
    fptc_result *result = NULL;
    char filters[400];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(filters, sizeof(filters), q->filters, value);
#pragma GCC diagnostic pop
    must(fptc_query_set_filters(query, filters, &err));
    if (q->summaries != NULL) {
        must(fptc_cache_summarize(b->cache, query, q->summaries, q->grouping, &result, &err));
        read_summary(result, out);
    } else {
        must(fptc_cache_find(b->cache, query, &result, &err));
        read_rows(result, out);
    }
    fptc_result_free(result);
    end(b, start, out);
}

static void run_question(struct bench *b, const struct question *q)
{
    static struct samples raw, ours;
    sqlite3_stmt *stmt = prepare_raw(b, q);
    fptc_query *query = NULL;
    double stop;
    int warm;

    must(fptc_query_new(q->type, &query, &err));
    if (q->fields != NULL)
        must(fptc_query_set_fields(query, q->fields, &err));
    must(fptc_query_set_order(query, q->order, &err));
    must(fptc_query_set_limit(query, q->limit, 0, &err));
    must(fptc_query_set_freshness(query, FPTC_MODE_ONLY_CACHE, 0, 0, &err));
    for (warm = 1; warm >= 0; warm--) {
        raw.n = ours.n = 0;
        raw.rows = ours.rows = 0;
        stop = now_us() + (warm ? 0.1 : b->seconds) * 1e6;
        while (now_us() < stop && ours.n < ROUNDS_MAX) {
            int64_t value = draw(b, b->rows * q->share / 100);

            ask_raw(b, q, stmt, value, &raw);
            ask_ours(b, q, query, value, &ours);
        }
    }
    print_line(b, q->name, &raw, &ours);
    fptc_query_free(query);
    sqlite3_finalize(stmt);
}

int main(int argc, char **argv)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    struct bench b = {NULL, NULL, 0, 42, 2, -1};
    char path[4096];
    size_t i;

    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: bench_queries CACHE_DIR ROWS [SECONDS [NAME]]\n");
        return 2;
    }
    b.rows = strtoll(argv[2], NULL, 10);
    if (argc > 3)
        b.seconds = strtod(argv[3], NULL);
    options.cache_dir = argv[1];
    must(fptc_cache_open(&options, &b.cache, &err));
    snprintf(path, sizeof(path), "%s/partitions/project-101/latest.sqlite", argv[1]);
    must_sql(&b, sqlite3_open_v2(path, &b.raw, SQLITE_OPEN_READONLY, NULL));
    b.counter = open_counter();
    printf("%-32s %10s %10s %7s", "", "raw us", "ours us", "ratio");
    printf(b.counter >= 0 ? " %12s %12s %7s\n" : "\n", "raw instr", "ours instr", "ratio");
    for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (argc < 5 || strstr(questions[i].name, argv[4]) != NULL)
            run_question(&b, &questions[i]);
    }
    sqlite3_close(b.raw);
    fptc_cache_close(b.cache);
    return 0;
}
