/* verbs_export.c: export: rows into a file as they come, JSON lines or CSV (RFC 4180). */
#include "failure.h"
#include "rows.h"
#include "session.h"
#include "verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Rows between two looks of the progress line. */
#define ROWS_PER_LOOK 1000

/* Where the rows go: standard output, or a file that gets its name when it is complete. */
struct target {
    FILE *file;
    const char *path; /* NULL: standard output */
    struct text part; /* the name until then */
};

static int target_open(const struct arguments *a, struct target *t)
{
    t->path = a->value[OPT_OUTPUT];
    t->file = stdout;
    if (!t->path || strcmp(t->path, "-") == 0) {
        t->path = NULL;
        return 0;
    }
    text_format(&t->part, "%s.part-%ld", t->path, (long)getpid());
    t->file = fopen(text_string(&t->part), "wx");
    if (t->file)
        return 0;
    complain("cannot write %s: %s", text_string(&t->part), strerror(errno));
    text_done(&t->part);
    return EXIT_IO;
}

/* Gives the file its name when all went well, else removes it. */
static int target_close(struct target *t, int failed)
{
    int broken = 0;

    if (t->path && t->file) {
        broken = fflush(t->file) != 0 || ferror(t->file) || fsync(fileno(t->file)) != 0;
        broken = fclose(t->file) != 0 || broken;
        if (!failed && !broken && rename(text_string(&t->part), t->path) != 0)
            broken = 1;
        if (broken && !failed) {
            complain("cannot write %s: %s", t->path, strerror(errno));
            failed = EXIT_IO;
        }
        if (failed)
            (void)unlink(text_string(&t->part));
    }
    text_done(&t->part);
    return failed;
}

/* -------------------------------------------------------------------------------------------------- CSV */

static void put_csv(struct text *line, const char *value)
{
    const char *at;

    if (!value[strcspn(value, ",\"\r\n")]) {
        text_put(line, value);
        return;
    }
    text_put(line, "\"");
    for (at = value; *at; at++) {
        if (*at == '"')
            text_put(line, "\"");
        text_add(line, at, 1);
    }
    text_put(line, "\"");
}

/* Links as Type:id, lists of them with a semicolon between. */
static void put_links(struct text *line, const fptc_result *result, const char *field)
{
    size_t n = fptc_result_n_links(result, field);
    size_t i;

    for (i = 0; i < n; i++) {
        const char *type = NULL;
        int64_t id = 0;

        (void)fptc_result_link(result, field, i, &type, &id, NULL);
        text_format(line, "%s%s:%" PRId64, i ? ";" : "", type, id);
    }
}

static void put_cell(struct text *line, const fptc_result *result, const char *field)
{
    switch (fptc_result_kind(result, field)) {
    case FPTC_KIND_INT:
        text_format(line, "%" PRId64, fptc_result_int64(result, field));
        break;
    case FPTC_KIND_FLOAT:
        text_format(line, "%.15g", fptc_result_double(result, field));
        break;
    case FPTC_KIND_BOOL:
        text_put(line, fptc_result_int64(result, field) ? "true" : "false");
        break;
    case FPTC_KIND_LINK:
    case FPTC_KIND_LINKS:
        put_links(line, result, field);
        break;
    case FPTC_KIND_TEXT:
    case FPTC_KIND_JSON:
        put_csv(line, fptc_result_text(result, field));
        break;
    default:
        break;
    }
}

/* The fields that the rows have; those asked for while there is none. */
static void put_headings(struct text *line, const fptc_result *result, const char *asked)
{
    size_t n = fptc_result_n_fields(result);
    size_t i;

    text_put(line, "id");
    for (i = 0; i < n; i++) {
        text_put(line, ",");
        put_csv(line, fptc_result_field(result, i));
    }
    if (n == 0 && asked[0]) {
        text_put(line, ",");
        text_put(line, asked);
    }
    text_put(line, "\r\n");
}

static void put_csv_row(struct text *line, const fptc_result *result)
{
    size_t n = fptc_result_n_fields(result);
    size_t i;

    text_format(line, "%" PRId64, fptc_result_id(result));
    for (i = 0; i < n; i++) {
        text_put(line, ",");
        put_cell(line, result, fptc_result_field(result, i));
    }
    text_put(line, "\r\n");
}

/* ------------------------------------------------------------------------------------- what is exported */

/* Every field that the cache keeps of the type; "*", which asks FPT, while it keeps none. */
static void stored_fields(fptc_cache *cache, const char *type, int64_t project, struct text *out)
{
    int64_t partitions[2] = {project, 0};
    size_t i, k;

    for (i = 0; i < 2 && !out->length; i++) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_result *result = NULL;

        if (fptc_cache_changes(cache, type, partitions[i], 0, 1, &result, &err) == FPTC_OK &&
            fptc_result_next(result) == FPTC_OK) {
            for (k = 0; k < fptc_result_n_fields(result); k++)
                text_format(out, "%s%s", k ? "," : "", fptc_result_field(result, k));
        }
        fptc_result_free(result);
    }
    if (!out->length)
        text_put(out, "*");
}

/* How many rows there will be, for the progress line: 0 while filters make that unknown. */
static int64_t expected_rows(const struct arguments *a, fptc_cache *cache, int64_t project)
{
    struct text sql = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    int64_t n = 0;

    if (a->value[OPT_FILTERS] || a->value[OPT_LIMIT])
        return 0;
    text_format(&sql, "SELECT count(*) AS n FROM \"%s\"", a->words[0]);
    if (fptc_cache_sql(cache, project, text_string(&sql), 0, &result, &err) == FPTC_OK &&
        fptc_result_next(result) == FPTC_OK)
        n = fptc_result_int64(result, "n");
    fptc_result_free(result);
    text_done(&sql);
    return n;
}

static void show_progress(const char *type, int64_t done, int64_t total)
{
    if (done < 0)
        fputs("\r\033[K", stderr);
    else if (total > 0)
        fprintf(stderr, "\r\033[K%s: %" PRId64 " of %" PRId64 " (%d %%)", type, done, total,
                (int)(done >= total ? 100 : done * 100 / total));
    else
        fprintf(stderr, "\r\033[K%s: %" PRId64, type, done);
}

struct export
{
    const struct arguments *a;
    int is_csv;
    int64_t project;
    struct text fields;
    struct target target;
};

static int write_rows(struct export *e, fptc_result *result, int64_t total)
{
    int is_terminal = isatty(STDERR_FILENO) && e->target.path;
    struct text line = TEXT_INIT;
    fptc_status status;
    int64_t n = 0;
    int failed;

    while ((status = fptc_result_next(result)) == FPTC_OK && !ferror(e->target.file)) {
        const char *json = e->is_csv ? "" : fptc_result_row_json(result, NULL);

        line.length = 0;
        if (e->is_csv && n == 0)
            put_headings(&line, result, "");
        if (e->is_csv)
            put_csv_row(&line, result);
        else
            text_format(&line, "%s\n", json ? json : "null");
        fwrite(text_string(&line), 1, line.length, e->target.file);
        if (n++ % ROWS_PER_LOOK == 0 && is_terminal)
            show_progress(e->a->words[0], n, total);
    }
    line.length = 0;
    if (e->is_csv && n == 0)
        put_headings(&line, result, text_string(&e->fields));
    fwrite(text_string(&line), 1, line.length, e->target.file);
    if (is_terminal)
        show_progress(e->a->words[0], -1, 0);
    failed = status == FPTC_OK ? 0 : rows_ended(result, status);
    if (!failed && n == 0)
        failed = EXIT_NOTHING;
    text_done(&line);
    return failed;
}

static int export_rows(struct export *e, fptc_cache *cache, fptc_query *query)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    int failed = 0;

    if (e->a->value[OPT_FIELDS])
        text_put(&e->fields, e->a->value[OPT_FIELDS]);
    else
        stored_fields(cache, e->a->words[0], e->project, &e->fields);
    if (fptc_query_set_fields(query, text_string(&e->fields), &err) != FPTC_OK ||
        fptc_query_set_streaming(query, 1, &err) != FPTC_OK ||
        fptc_cache_find(cache, query, &result, &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed)
        failed = target_open(e->a, &e->target);
    if (!failed) {
        failed = write_rows(e, result, expected_rows(e->a, cache, e->project));
        print_warnings(result);
        /* An empty export is an export: its file is made. */
        if (target_close(&e->target, failed == EXIT_NOTHING ? 0 : failed) == EXIT_IO)
            failed = EXIT_IO;
    }
    fptc_result_free(result);
    return failed;
}

int verb_export(const struct arguments *a)
{
    static const char *const formats[] = {"jsonl", "csv", NULL};
    struct export e = {.a = a, .fields = TEXT_INIT, .target = {.part = TEXT_INIT}};
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    int32_t format = 0;
    int failed = arguments_choice(a, OPT_FORMAT, formats, &format);

    if (!failed && format == 0)
        failed = complain_usage("which format? Write: fptcache export %s --format jsonl (or csv)",
                                a->words[0]);
    e.is_csv = format == 2;
    if (!failed)
        failed = arguments_number(a, OPT_PROJECT, 1, &e.project);
    if (!failed)
        failed = query_read(a, &query);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed)
        failed = export_rows(&e, cache, query);
    fptc_query_free(query);
    fptc_cache_close(cache);
    text_done(&e.fields);
    return failed;
}
