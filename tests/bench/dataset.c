/*
 * dataset.c: fills a cache with rows straight through the store, without a site.
 *
 *     bench_dataset DIR ROWS [SEED]         makes DIR: project-101 and site, covered and compacted
 *     bench_dataset --change N DIR ROWS     N rows of DIR change: commits behind the snapshot
 *
 * Of ROWS rows 60 % are Versions, 30 % Tasks, 5 % Shots, 4 % Assets, 1 % Sequences.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fptcache/fptcache.h"
#include "store/compact.h"
#include "store/log.h"
#include "store/record.h"

#define ROWS_PER_COMMIT 5000
#define COMMITS_PER_BASE 40
#define PROJECT "{\"type\":\"Project\",\"id\":101,\"name\":\"Big\"}"

static const char *const statuses[] = {"wtg", "rdy", "ip", "rev", "apr", "fin", "omt", "hld"};
static fptc_error err;
static uint64_t random_state = 1;

static uint64_t draw(uint64_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % below;
}

static void must(fptc_status status, const char *what)
{
    if (status == FPTC_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

/* ----------------------------------------------------------------------------------------- what a row is */

struct sizes {
    int64_t versions, tasks, shots, assets, sequences, people;
};

static struct sizes sizes_of(int64_t rows)
{
    struct sizes n = {rows * 60 / 100, rows * 30 / 100, rows * 5 / 100,
                      rows * 4 / 100,  rows / 100,      200};

    return n;
}

static void put_link(struct fptc__buf *out, const char *field, const char *type, const char *name,
                     uint64_t id)
{
    fptc__buf_addf(out, ",\"%s\":{\"type\":\"%s\",\"id\":%" PRIu64 ",\"name\":\"%s%06" PRIu64 "\"}",
                   field, type, id, name, id);
}

static void put_links(struct fptc__buf *out, const char *field, const char *type, const char *name,
                      uint64_t n, uint64_t most)
{
    uint64_t first = 1 + draw(most), i;

    fptc__buf_addf(out, ",\"%s\":[", field);
    for (i = 0; i < n && first + i <= most; i++)
        fptc__buf_addf(out, "%s{\"type\":\"%s\",\"id\":%" PRIu64 ",\"name\":\"%s%06" PRIu64 "\"}",
                       i > 0 ? "," : "", type, first + i, name, first + i);
    fptc__buf_addc(out, ']');
}

static void put_common(struct fptc__buf *out, const struct sizes *n, const char *field,
                       const char *prefix, int64_t id)
{
    uint64_t day = draw(365 * 3), second = draw(86400);

    fptc__buf_addf(out,
                   "{\"id\":%" PRId64 ",\"%s\":\"%s%06" PRId64 "\",\"sg_status_list\":\"%s\","
                   "\"description\":\"%s of the harbour, take %d, %s light\",\"project\":" PROJECT,
                   id, field, prefix, id, statuses[draw(8)], draw(2) ? "view" : "close-up",
                   (int)draw(1000), draw(3) ? "evening" : "morning");
    put_link(out, "created_by", "HumanUser", "user", 1 + draw((uint64_t)n->people));
    fptc__buf_addf(
        out,
        ",\"created_at\":\"20%02d-%02d-%02dT%02d:%02d:%02dZ\",\"updated_at\":\"2026-05-%02dT10:%02d:%02dZ\"",
        (int)(23 + day / 365), (int)(1 + day % 365 / 31), (int)(1 + day % 28), (int)(second / 3600),
        (int)(second / 60 % 60), (int)(second % 60), (int)(1 + draw(28)), (int)draw(60),
        (int)draw(60));
}

static void put_version(struct fptc__buf *out, const struct sizes *n, int64_t id)
{
    put_common(out, n, "code", "ver_", id);
    put_link(out, "entity", "Shot", "sh_", 1 + draw((uint64_t)n->shots));
    put_link(out, "sg_task", "Task", "task_", 1 + draw((uint64_t)n->tasks));
    put_link(out, "user", "HumanUser", "user", 1 + draw((uint64_t)n->people));
    fptc__buf_addf(out, ",\"sg_first_frame\":%d,\"sg_last_frame\":%d,\"client_approved\":%s}", 1001,
                   (int)(1001 + draw(300)), draw(4) ? "false" : "true");
}

static void put_task(struct fptc__buf *out, const struct sizes *n, int64_t id)
{
    put_common(out, n, "content", "task_", id);
    put_link(out, "entity", "Shot", "sh_", 1 + draw((uint64_t)n->shots));
    put_links(out, "task_assignees", "HumanUser", "user", 1 + draw(2), (uint64_t)n->people);
    fptc__buf_addf(out, ",\"est_in_mins\":%d,\"due_date\":\"2026-%02d-%02d\"}", (int)draw(9600),
                   (int)(1 + draw(12)), (int)(1 + draw(28)));
}

static void put_shot(struct fptc__buf *out, const struct sizes *n, int64_t id)
{
    put_common(out, n, "code", "sh_", id);
    put_link(out, "sg_sequence", "Sequence", "sq_", 1 + draw((uint64_t)n->sequences));
    put_links(out, "assets", "Asset", "asset_", draw(6), (uint64_t)n->assets);
    fptc__buf_addf(out, ",\"sg_cut_in\":%d,\"sg_cut_order\":%d}", (int)draw(2000), (int)draw(500));
}

static void put_plain(struct fptc__buf *out, const struct sizes *n, int64_t id)
{
    put_common(out, n, "code", "x_", id);
    fptc__buf_addc(out, '}');
}

#define COMMON_TYPES                                                                               \
    "\"sg_status_list\":\"status_list\",\"description\":\"text\",\"project\":\"entity\","          \
    "\"created_by\":\"entity\",\"created_at\":\"date_time\",\"updated_at\":\"date_time\""
#define COMMON_SCHEMA                                                                              \
    "\"sg_status_list\":{\"data_type\":\"status_list\",\"valid_values\":[\"wtg\",\"rdy\",\"ip\","  \
    "\"rev\",\"apr\",\"fin\",\"omt\",\"hld\"]},\"description\":{\"data_type\":\"text\"},"          \
    "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]},"                        \
    "\"created_by\":{\"data_type\":\"entity\",\"valid_types\":[\"HumanUser\"]},"                   \
    "\"created_at\":{\"data_type\":\"date_time\"},\"updated_at\":{\"data_type\":\"date_time\"}"

struct kind {
    const char *type, *types, *schema;
    void (*put)(struct fptc__buf *out, const struct sizes *n, int64_t id);
    size_t count; /* offset in struct sizes */
};

static const struct kind kinds[] = {
    {"Version",
     "\"code\":\"text\",\"entity\":\"entity\",\"sg_task\":\"entity\",\"user\":\"entity\","
     "\"sg_first_frame\":\"number\",\"sg_last_frame\":\"number\",\"client_approved\":\"checkbox\"",
     "\"code\":{\"data_type\":\"text\"},\"entity\":{\"data_type\":\"entity\",\"valid_types\":[\"Shot\"]},"
     "\"sg_task\":{\"data_type\":\"entity\",\"valid_types\":[\"Task\"]},"
     "\"user\":{\"data_type\":\"entity\",\"valid_types\":[\"HumanUser\"]},"
     "\"sg_first_frame\":{\"data_type\":\"number\"},\"sg_last_frame\":{\"data_type\":\"number\"},"
     "\"client_approved\":{\"data_type\":\"checkbox\"}",
     put_version, offsetof(struct sizes, versions)},
    {"Task",
     "\"content\":\"text\",\"entity\":\"entity\",\"task_assignees\":\"multi_entity\","
     "\"est_in_mins\":\"duration\",\"due_date\":\"date\"",
     "\"content\":{\"data_type\":\"text\"},\"entity\":{\"data_type\":\"entity\",\"valid_types\":[\"Shot\"]},"
     "\"task_assignees\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"HumanUser\"]},"
     "\"est_in_mins\":{\"data_type\":\"duration\"},\"due_date\":{\"data_type\":\"date\"}",
     put_task, offsetof(struct sizes, tasks)},
    {"Shot",
     "\"code\":\"text\",\"sg_sequence\":\"entity\",\"assets\":\"multi_entity\",\"sg_cut_in\":\"number\","
     "\"sg_cut_order\":\"number\"",
     "\"code\":{\"data_type\":\"text\"},\"sg_sequence\":{\"data_type\":\"entity\",\"valid_types\":[\"Sequence\"]},"
     "\"assets\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]},"
     "\"sg_cut_in\":{\"data_type\":\"number\"},\"sg_cut_order\":{\"data_type\":\"number\"}",
     put_shot, offsetof(struct sizes, shots)},
    {"Asset", "\"code\":\"text\"", "\"code\":{\"data_type\":\"text\"}", put_plain,
     offsetof(struct sizes, assets)},
    {"Sequence", "\"code\":\"text\"", "\"code\":{\"data_type\":\"text\"}", put_plain,
     offsetof(struct sizes, sequences)},
};

static int64_t count_of(const struct kind *k, const struct sizes *n)
{
    int64_t count;

    memcpy(&count, (const char *)n + k->count, sizeof(count));
    return count;
}

/* --------------------------------------------------------------------------------------------- the store */

static void append(struct fptc__log *log, uint16_t kind, struct fptc__buf *body, size_t rows)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records};
    struct fptc__call call = {0};

    must(fptc__buf_check(body, "a record", &err), "record");
    must(fptc__records_add(&records, kind, body->data, body->len, rows, &err), "record");
    must(fptc__log_append(log, &request, &call, &err), "append");
    fptc__records_done(&records);
}

static void compact(const struct fptc__partition *p)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    struct fptc__logger logger = {0};

    must(fptc__compact(p, &call, &logger, &stats, &err), "compact");
    must(fptc__retire(p, 0, NULL, &logger, &stats, &err), "retire");
}

static struct fptc__log *open_log(const char *dir, const char *name, struct fptc__partition *p)
{
    struct fptc__log_options options = {0};
    struct fptc__log *log;

    must(fptc__partition_at(dir, name, p, &err), name);
    must(fptc__partition_make(p, &err), name);
    must(fptc__log_open(p, &options, &log, &err), name);
    must(fptc__log_refresh(log, &err), name);
    return log;
}

/* One record of rows first..first+n of a kind, in this order or, with pick, any of them. */
static void append_rows(struct fptc__log *log, const struct kind *k, const struct sizes *n,
                        int64_t first, int64_t rows, int is_pick)
{
    struct fptc__buf body;
    int64_t i;

    fptc__buf_init(&body, 512u << 20);
    fptc__buf_addf(&body,
                   "{\"type\":\"%s\",\"seen\":%" PRIu64 ",\"asof\":%" PRId64
                   ",\"types\":{%s," COMMON_TYPES "},\"rows\":[",
                   k->type, fptc__log_head(log), fptc__wall_ms(), k->types);
    for (i = 0; i < rows; i++) {
        if (i > 0)
            fptc__buf_addc(&body, ',');
        k->put(&body, n, is_pick ? 1 + (int64_t)draw((uint64_t)count_of(k, n)) : first + i);
    }
    fptc__buf_adds(&body, "]}");
    append(log, FPTC__ROWS, &body, (size_t)rows);
    fptc__buf_done(&body);
}

static void append_cover(struct fptc__log *log, const char *type, const char *types, int64_t max_id)
{
    struct fptc__buf body;
    int64_t now = fptc__wall_ms();

    fptc__buf_init(&body, 1u << 20);
    fptc__buf_addf(&body,
                   "{\"type\":\"%s\",\"types\":{%s},\"asof\":%" PRId64
                   ",\"mark\":\"2026-11-01T00:00:00Z\",\"max_id\":%" PRId64 ",\"audited\":%" PRId64
                   "}",
                   type, types, now, max_id, now);
    append(log, FPTC__COVER, &body, 0);
    fptc__buf_done(&body);
}

static void append_schema(struct fptc__log *log, const char *type, const char *fields)
{
    struct fptc__buf body;

    fptc__buf_init(&body, 1u << 20);
    fptc__buf_addf(&body, "{\"key\":\"schema:%s\",\"value\":{%s},\"asof\":%" PRId64 "}", type,
                   fields, fptc__wall_ms());
    append(log, FPTC__CONFIG, &body, 0);
    fptc__buf_done(&body);
}

static void fill_site(const char *dir, const struct sizes *n)
{
    static const char people[] =
        "\"name\":\"text\",\"login\":\"text\",\"updated_at\":\"date_time\"";
    static const char projects[] =
        "\"name\":\"text\",\"archived\":\"checkbox\",\"updated_at\":\"date_time\"";
    struct fptc__partition p;
    struct fptc__log *log = open_log(dir, "site", &p);
    struct fptc__buf body, fields;
    size_t i;
    int64_t id;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fptc__buf_init(&fields, 1u << 20);
        fptc__buf_addf(&fields, "%s," COMMON_SCHEMA, kinds[i].schema);
        append_schema(log, kinds[i].type, fptc__buf_text(&fields));
        fptc__buf_done(&fields);
    }
    append_schema(log, "HumanUser",
                  "\"name\":{\"data_type\":\"text\"},\"login\":{\"data_type\":\"text\"},"
                  "\"updated_at\":{\"data_type\":\"date_time\"}");
    append_schema(log, "Project",
                  "\"name\":{\"data_type\":\"text\"},\"archived\":{\"data_type\":\"checkbox\"},"
                  "\"updated_at\":{\"data_type\":\"date_time\"}");
    fptc__buf_init(&body, 64u << 20);
    fptc__buf_addf(
        &body, "{\"type\":\"HumanUser\",\"seen\":0,\"asof\":%" PRId64 ",\"types\":{%s},\"rows\":[",
        fptc__wall_ms(), people);
    for (id = 1; id <= n->people; id++)
        fptc__buf_addf(&body,
                       "%s{\"id\":%" PRId64 ",\"name\":\"user%06" PRId64 "\",\"login\":\"u%" PRId64
                       "\",\"updated_at\":\"2026-05-01T00:00:00Z\"}",
                       id > 1 ? "," : "", id, id, id);
    fptc__buf_adds(&body, "]}");
    append(log, FPTC__ROWS, &body, (size_t)n->people);
    fptc__buf_done(&body);
    fptc__buf_init(&body, 1u << 20);
    fptc__buf_addf(&body,
                   "{\"type\":\"Project\",\"seen\":0,\"asof\":%" PRId64
                   ",\"types\":{%s},\"rows\":[{\"id\":101,\"name\":\"Big\",\"archived\":false,"
                   "\"updated_at\":\"2026-05-01T00:00:00Z\"}]}",
                   fptc__wall_ms(), projects);
    append(log, FPTC__ROWS, &body, 1);
    fptc__buf_done(&body);
    append_cover(log, "HumanUser", people, n->people);
    append_cover(log, "Project", projects, 101);
    fptc__log_close(log);
    compact(&p);
}

static void fill_project(const char *dir, const struct sizes *n)
{
    struct fptc__partition p;
    struct fptc__log *log = open_log(dir, "project-101", &p);
    int64_t commits = 0, first;
    struct fptc__buf types;
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int64_t count = count_of(&kinds[i], n);

        for (first = 1; first <= count; first += ROWS_PER_COMMIT) {
            int64_t rows =
                count - first + 1 < ROWS_PER_COMMIT ? count - first + 1 : ROWS_PER_COMMIT;

            append_rows(log, &kinds[i], n, first, rows, 0);
            if (++commits % COMMITS_PER_BASE == 0)
                compact(&p);
        }
        fptc__buf_init(&types, 1u << 20);
        fptc__buf_addf(&types, "%s," COMMON_TYPES, kinds[i].types);
        append_cover(log, kinds[i].type, fptc__buf_text(&types), count);
        fptc__buf_done(&types);
    }
    fptc__log_close(log);
    compact(&p);
}

static void change(const char *dir, const struct sizes *n, int64_t rows)
{
    struct fptc__partition p;
    struct fptc__log *log = open_log(dir, "project-101", &p);

    random_state = 77 + fptc__log_head(log); /* other rows each time */
    append_rows(log, &kinds[0], n, 0, rows * 60 / 100, 1);
    append_rows(log, &kinds[1], n, 0, rows * 30 / 100, 1);
    append_rows(log, &kinds[2], n, 0, rows * 10 / 100, 1);
    fptc__log_close(log);
}

int main(int argc, char **argv)
{
    int is_change = argc == 5 && strcmp(argv[1], "--change") == 0;
    char **at = is_change ? argv + 3 : argv + 1;
    fptc_options options = FPTC_OPTIONS_INIT;
    struct sizes n;

    if (!is_change && argc != 3 && argc != 4) {
        fprintf(stderr, "usage: bench_dataset DIR ROWS [SEED] | --change N DIR ROWS\n");
        return 2;
    }
    n = sizes_of(strtoll(at[1], NULL, 10));
    if (is_change) {
        change(at[0], &n, strtoll(argv[2], NULL, 10));
        return 0;
    }
    random_state = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
    options.cache_dir = at[0];
    options.site_url = "http://127.0.0.1:9";
    must(fptc_cache_init(&options, &err), "init");
    fill_site(at[0], &n);
    fill_project(at[0], &n);
    return 0;
}
