/*
 * queries.c: questions through the C API beside hand-written SQL on the same snapshot, in one run.
 *
 *     bench_queries CACHE_DIR ROWS [SECONDS]      CACHE_DIR was made by bench_dataset with ROWS
 *     bench_queries --calls N CACHE_DIR ROWS      a fixed number of calls, for callgrind (run.sh)
 *     bench_queries --warm CACHE_DIR ROWS         asks until the next snapshot has the indexes that the
 *                                                 questions want, and makes that snapshot
 *
 * A line for each question, its columns apart by tabs: name, calls, rows a call of both sides, microseconds
 * of both sides (medians of calls that take turns), their ratio. Nothing passes or fails here. The hand-written SQL is prepared
 * once and reads the snapshot alone, not the overlay; ours is the whole call from the filter's text to the freed result.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fptcache/fptcache.h"

#define ROUNDS_MAX 4000
/* Handles put the counts of so many questions into the log when they close. */
#define WARM_CALLS 100
#define PROJECT "[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]"

struct bench {
    fptc_cache *cache;
    sqlite3 *raw;
    int64_t rows;
    uint64_t random_state;
    double seconds;
    int calls; /* of each question; 0: as many as there is time for */
};

/* One question; `share` of ROWS in percent is the greatest value that its parameter is drawn from. */
struct question {
    const char *name;
    const char *type, *filters, *fields, *order;
    int64_t limit;
    const char *sql_folded; /* for a snapshot that keeps the text folded; NULL: the same */
    const char *sql;
    const char *prefix; /* of the parameter of the SQL, a text; NULL: a number */
    int share;
    const char *summaries, *grouping; /* NULL: rows are asked for */
};

#define COUNT "[{\"field\":\"id\",\"type\":\"count\"}]"
#define BY_STATUS "[{\"field\":\"sg_status_list\",\"type\":\"exact\"}]"
#define DEEP_LINK(CODE)                                                                            \
    "SELECT v.id, v.code FROM Sequence q JOIN Shot s ON s.sg_sequence__type = 'Sequence' AND "     \
    "s.sg_sequence__id = q.id JOIN Version v ON v.entity__type = 'Shot' AND v.entity__id = s.id "  \
    "WHERE q." CODE " = ? ORDER BY v.id"

static const struct question questions[] = {
    {"row by id", "Shot", "[" PROJECT ",[\"id\",\"is\",%" PRId64 "]]",
     "code,sg_status_list,description,sg_cut_in,sg_sequence", NULL, 0, NULL,
     "SELECT id, code, sg_status_list, description, sg_cut_in, sg_sequence__type, sg_sequence__id "
     "FROM Shot WHERE id = ?",
     NULL, 5, NULL, NULL},
    {"versions of a shot, latest 10", "Version",
     "[" PROJECT ",[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":%" PRId64 "}]]", "code,created_at",
     "-created_at", 10, NULL,
     "SELECT id, code, created_at FROM Version WHERE entity__type = 'Shot' AND entity__id = ? "
     "ORDER BY created_at DESC, id LIMIT 10",
     NULL, 5, NULL, NULL},
    {"deep link", "Version",
     "[" PROJECT ",[\"entity.Shot.sg_sequence.Sequence.code\",\"is\",\"x_%06" PRId64 "\"]]", "code",
     NULL, 0, DEEP_LINK("_fptc_fold_code"), DEEP_LINK("code"), "x_", 1, NULL, NULL},
    {"multi-entity member", "Shot",
     "[" PROJECT ",[\"assets\",\"is\",{\"type\":\"Asset\",\"id\":%" PRId64 "}]]", "code", NULL, 0,
     NULL,
     "SELECT id, code FROM Shot WHERE id IN (SELECT id FROM Shot__assets WHERE link_type = 'Asset' "
     "AND link_id = ?) ORDER BY id",
     NULL, 4, NULL, NULL},
    {"text contains", "Task", "[" PROJECT ",[\"content\",\"contains\",\"k_%06" PRId64 "\"]]",
     "content", NULL, 0,
     "SELECT id, content FROM Task WHERE id IN (SELECT id FROM Task WHERE "
     "instr(_fptc_fold_content, ?) > 0) ORDER BY id",
     "SELECT id, content FROM Task WHERE content LIKE '%' || ? || '%' ORDER BY id", "k_", 30, NULL,
     NULL},
    {"count of all tasks", "Task", "[" PROJECT "]", NULL, NULL, 0, NULL,
     "SELECT count(*) FROM Task", NULL, 30, COUNT, "[]"},
    {"tasks by status", "Task", "[" PROJECT "]", NULL, NULL, 0, NULL,
     "SELECT sg_status_list, count(*) FROM Task GROUP BY sg_status_list", NULL, 30, COUNT,
     BY_STATUS},
    {"minutes of tasks by status", "Task", "[" PROJECT "]", NULL, NULL, 0, NULL,
     "SELECT sg_status_list, sum(est_in_mins) FROM Task GROUP BY sg_status_list", NULL, 30,
     "[{\"field\":\"est_in_mins\",\"type\":\"sum\"}]", BY_STATUS},
    {"versions of a shot by status", "Version",
     "[" PROJECT ",[\"entity\",\"is\",{\"type\":\"Shot\",\"id\":%" PRId64 "}]]", NULL, NULL, 0,
     NULL,
     "SELECT sg_status_list, count(*) FROM Version WHERE entity__type = 'Shot' AND entity__id = ? "
     "GROUP BY sg_status_list",
     NULL, 5, COUNT, BY_STATUS},
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

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

struct samples {
    double us[ROUNDS_MAX];
    int n;
    int64_t rows;
};

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(struct samples *s)
{
    qsort(s->us, (size_t)s->n, sizeof(s->us[0]), by_size);
    return s->us[s->n / 2];
}

static void print_line(const char *name, struct samples *raw, struct samples *ours)
{
    double r = median(raw), o = median(ours);

    printf("%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\n", name, ours->n, (double)raw->rows / raw->n,
           (double)ours->rows / ours->n, r, o, o / r);
    fflush(stdout);
}

/* ------------------------------------------------------------------------------------------ the two sides */

static sqlite3_stmt *prepare_raw(struct bench *b, const struct question *q)
{
    sqlite3_stmt *stmt = NULL;

    if (q->sql_folded == NULL ||
        sqlite3_prepare_v2(b->raw, q->sql_folded, -1, &stmt, NULL) != SQLITE_OK)
        must_sql(b, sqlite3_prepare_v2(b->raw, q->sql, -1, &stmt, NULL));
    return stmt;
}

static int64_t raw_call(struct bench *b, const struct question *q, sqlite3_stmt *stmt,
                        int64_t value)
{
    volatile size_t seen = 0;
    int64_t rows = 0;
    char text[64];
    int rc, i;

    if (q->prefix == NULL && sqlite3_bind_parameter_count(stmt) > 0) {
        sqlite3_bind_int64(stmt, 1, value);
    } else if (q->prefix != NULL) {
        snprintf(text, sizeof(text), "%s%06" PRId64, q->prefix, value);
        sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    }
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(stmt); i++)
            seen += (size_t)sqlite3_column_bytes(stmt, i);
        rows++;
    }
    must_sql(b, rc);
    sqlite3_reset(stmt);
    return rows;
}

/* What a summary says is one JSON text; its groups count as the rows. */
static int64_t read_summary(fptc_result *result)
{
    const char *at = fptc_result_json(result, NULL);
    int64_t groups = 0;

    while (at != NULL && (at = strstr(at + 1, "\"group_name\"")) != NULL)
        groups++;
    return groups > 0 ? groups : 1;
}

static int64_t read_rows(fptc_result *result)
{
    volatile size_t seen = 0;
    int64_t rows = 0;
    size_t i;

    while (fptc_result_next(result) == FPTC_OK) {
        for (i = 0; i < fptc_result_n_fields(result); i++) {
            const char *text = fptc_result_text(result, fptc_result_field(result, i));

            seen += text == NULL ? 1 : strlen(text);
        }
        rows++;
    }
    return rows;
}

static int64_t our_call(struct bench *b, const struct question *q, fptc_query *query, int64_t value)
{
    fptc_result *result = NULL;
    char filters[400];
    int64_t rows;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(filters, sizeof(filters), q->filters, value);
#pragma GCC diagnostic pop
    must(fptc_query_set_filters(query, filters, &err));
    if (q->summaries != NULL) {
        must(fptc_cache_summarize(b->cache, query, q->summaries, q->grouping, &result, &err));
        rows = read_summary(result);
    } else {
        must(fptc_cache_find(b->cache, query, &result, &err));
        rows = read_rows(result);
    }
    fptc_result_free(result);
    return rows;
}

/* These two are what callgrind counts (run.sh): each stays a function. */
__attribute__((noinline, noclone)) static void ask_raw(struct bench *b, const struct question *q,
                                                       sqlite3_stmt *stmt, int64_t value,
                                                       struct samples *out)
{
    double start = now_us();

    out->rows += raw_call(b, q, stmt, value);
    out->us[out->n++] = now_us() - start;
}

__attribute__((noinline, noclone)) static void ask_ours(struct bench *b, const struct question *q,
                                                        fptc_query *query, int64_t value,
                                                        struct samples *out)
{
    double start = now_us();

    out->rows += our_call(b, q, query, value);
    out->us[out->n++] = now_us() - start;
}

static fptc_query *make_query(const struct question *q)
{
    fptc_query *query = NULL;

    must(fptc_query_new(q->type, &query, &err));
    if (q->fields != NULL)
        must(fptc_query_set_fields(query, q->fields, &err));
    must(fptc_query_set_order(query, q->order, &err));
    must(fptc_query_set_limit(query, q->limit, 0, &err));
    must(fptc_query_set_freshness(query, FPTC_MODE_ONLY_CACHE, 0, 0, &err));
    return query;
}

static int64_t draw_value(struct bench *b, const struct question *q)
{
    return draw(b, b->rows * q->share / 100);
}

/* Warm calls first: caches, and plans of a shape. */
__attribute__((noinline, noclone)) static void run_question(struct bench *b,
                                                            const struct question *q)
{
    static struct samples raw, ours;
    sqlite3_stmt *stmt = prepare_raw(b, q);
    fptc_query *query = make_query(q);
    double stop = now_us() + 0.1 * 1e6;
    int i;

    for (i = 0; i == 0 || (i < ROUNDS_MAX && now_us() < stop); i++) {
        int64_t value = draw_value(b, q);

        (void)raw_call(b, q, stmt, value);
        (void)our_call(b, q, query, value);
    }
    raw.n = ours.n = 0;
    raw.rows = ours.rows = 0;
    stop = now_us() + b->seconds * 1e6;
    while (b->calls > 0 ? ours.n < b->calls : ours.n < ROUNDS_MAX && now_us() < stop) {
        int64_t value = draw_value(b, q);

        ask_raw(b, q, stmt, value, &raw);
        ask_ours(b, q, query, value, &ours);
    }
    print_line(q->name, &raw, &ours);
    fptc_query_free(query);
    sqlite3_finalize(stmt);
}

static void run(struct bench *b, const char *dir)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    char path[4096];
    size_t i;

    options.cache_dir = dir;
    must(fptc_cache_open(&options, &b->cache, &err));
    snprintf(path, sizeof(path), "%s/partitions/project-101/latest.sqlite", dir);
    must_sql(b, sqlite3_open_v2(path, &b->raw, SQLITE_OPEN_READONLY, NULL));
    for (i = 0; i < N_QUESTIONS; i++)
        run_question(b, &questions[i]);
    sqlite3_close(b->raw);
    fptc_cache_close(b->cache);
}

/* A handle of its own for each question: its counts go into the log when it closes. */
static void warm(struct bench *b, const char *dir)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    size_t i;
    int n;

    options.cache_dir = dir;
    for (i = 0; i < N_QUESTIONS; i++) {
        fptc_query *query = make_query(&questions[i]);

        must(fptc_cache_open(&options, &b->cache, &err));
        for (n = 0; n < WARM_CALLS; n++)
            (void)our_call(b, &questions[i], query, draw_value(b, &questions[i]));
        fptc_query_free(query);
        fptc_cache_close(b->cache);
    }
    must(fptc_cache_open(&options, &b->cache, &err));
    must(fptc_cache_compact(b->cache, "project-101", NULL, &err));
    fptc_cache_close(b->cache);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_queries [--warm | --calls N] CACHE_DIR ROWS [SECONDS]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct bench b = {NULL, NULL, 0, 42, 2, 0};
    int is_warm = argc > 1 && strcmp(argv[1], "--warm") == 0;
    int is_counted = argc > 2 && strcmp(argv[1], "--calls") == 0;
    int at = 1 + is_warm + 2 * is_counted;

    if (argc - at != 2 && argc - at != 3)
        return usage();
    b.rows = strtoll(argv[at + 1], NULL, 10);
    if (is_counted)
        b.calls = (int)strtol(argv[2], NULL, 10);
    if (argc - at == 3)
        b.seconds = strtod(argv[at + 2], NULL);
    if (b.rows < 100 || b.calls < 0 || b.calls > ROUNDS_MAX)
        return usage();
    if (is_warm)
        warm(&b, argv[at]);
    else
        run(&b, argv[at]);
    return 0;
}
