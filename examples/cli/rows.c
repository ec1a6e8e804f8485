/* rows.c: see rows.h. */
#include "rows.h"

#include "failure.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A link by its name, or by type and id while the name is not known. */
static void add_link(struct text *out, const fptc_result *result, const char *field, size_t index)
{
    const char *type = NULL;
    const char *name = NULL;
    int64_t id = 0;

    if (fptc_result_link(result, field, index, &type, &id, &name) != FPTC_OK)
        return;
    if (name && name[0])
        text_add_plain(out, name);
    else
        text_format(out, "%s %" PRId64, type ? type : "?", id);
}

static void add_cell(struct text *out, const fptc_result *result, const char *field)
{
    size_t n = fptc_result_n_links(result, field);
    const char *text;
    size_t i;

    switch (fptc_result_kind(result, field)) {
    case FPTC_KIND_INT:
        text_format(out, "%" PRId64, fptc_result_int64(result, field));
        break;
    case FPTC_KIND_FLOAT:
        text_format(out, "%.15g", fptc_result_double(result, field));
        break;
    case FPTC_KIND_BOOL:
        text_put(out, fptc_result_int64(result, field) ? "yes" : "no");
        break;
    case FPTC_KIND_LINK:
    case FPTC_KIND_LINKS:
        for (i = 0; i < n; i++) {
            text_put(out, i ? ", " : "");
            add_link(out, result, field, i);
        }
        break;
    case FPTC_KIND_TEXT:
    case FPTC_KIND_JSON:
        text = fptc_result_text(result, field);
        text_add_plain(out, text ? text : "");
        break;
    default:
        break;
    }
}

static void print_source(const fptc_result *result)
{
    static const char *const sources[] = {"", "from the cache", "from FPT",
                                          "STALE, from the cache: FPT could not be asked"};
    int32_t source = fptc_result_source(result);
    int64_t n = fptc_result_count(result);
    struct text line = TEXT_INIT;

    text_format(&line, "%" PRId64 " %s", n, n == 1 ? "row" : "rows");
    if (source >= FPTC_SOURCE_CACHE && source <= FPTC_SOURCE_STALE) {
        text_format(&line, " %s, ", sources[source]);
        text_add_duration(&line, (double)fptc_result_age_ms(result) / 1000);
        text_format(&line, " old, %s",
                    fptc_result_is_complete(result) ? "complete" : "not complete");
    }
    printf("%s\n", text_string(&line));
    text_done(&line);
}

void print_warnings(const fptc_result *result)
{
    const char *line = fptc_result_warnings(result);

    while (line && *line) {
        int n = (int)strcspn(line, "\n");
        complain("note: %.*s", n, line);
        line += n + (line[n] != '\0');
    }
}

static void print_json(fptc_result *result)
{
    const char *json = fptc_result_json(result, NULL);

    printf("%s\n", json ? json : "null");
}

/* The fields of the first row, each a heading; the result stands before the first row afterwards. */
static size_t add_headings(struct table *table, fptc_result *result)
{
    size_t n = 0;
    size_t i;

    fptc_result_rewind(result);
    if (fptc_result_next(result) == FPTC_OK)
        n = fptc_result_n_fields(result);
    table->n_columns = n + 1;
    table_add(table, "id");
    for (i = 0; i < n; i++)
        table_add(table, fptc_result_field(result, i));
    fptc_result_rewind(result);
    return n;
}

void print_rows(fptc_result *result, int is_json)
{
    struct table table = TABLE_INIT(1);
    struct text cell = TEXT_INIT;
    size_t n;
    size_t i;

    if (is_json) {
        print_json(result);
        return;
    }
    n = add_headings(&table, result);
    while (fptc_result_next(result) == FPTC_OK) {
        cell.length = 0;
        text_format(&cell, "%" PRId64, fptc_result_id(result));
        table_add(&table, text_string(&cell));
        for (i = 0; i < n; i++) {
            cell.length = 0;
            add_cell(&cell, result, table.cells[i + 1]);
            table_add(&table, text_string(&cell));
        }
    }
    if (fptc_result_count(result) > 0)
        table_print(&table, 0);
    print_source(result);
    table_done(&table);
    text_done(&cell);
}

void print_row(fptc_result *result, int is_json)
{
    struct table table = TABLE_INIT(2);
    struct text cell = TEXT_INIT;
    size_t i;

    if (is_json) {
        print_json(result);
        return;
    }
    fptc_result_rewind(result);
    if (fptc_result_next(result) == FPTC_OK) {
        text_format(&cell, "%" PRId64, fptc_result_id(result));
        table_add(&table, fptc_result_type(result));
        table_add(&table, text_string(&cell));
        for (i = 0; i < fptc_result_n_fields(result); i++) {
            const char *field = fptc_result_field(result, i);
            if (fptc_result_kind(result, field) == FPTC_KIND_ABSENT)
                continue;
            cell.length = 0;
            add_cell(&cell, result, field);
            table_add(&table, field);
            table_add(&table, text_string(&cell));
        }
        table_print(&table, 0);
    }
    print_source(result);
    table_done(&table);
    text_done(&cell);
}
