/* verbs_sql.c: sql, explain. */
#include "document.h"
#include "failure.h"
#include "json.h"
#include "rows.h"
#include "session.h"
#include "table.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of a statement, unless --deadline says otherwise. */
#define SQL_DEADLINE_MS 60000

/* The statement: the word itself, or the contents of "@file", or standard input for "-". */
static int read_statement(const char *word, struct text *out)
{
    int failed;

    if (word[0] != '@' && strcmp(word, "-") != 0) {
        text_put(out, word);
        return 0;
    }
    failed = text_read(out, word[0] == '@' ? word + 1 : word);
    if (failed) {
        complain("cannot read %s: %s", word, strerror(failed));
        return EXIT_IO;
    }
    if (memchr(text_string(out), '\0', out->length))
        return complain_usage("%s is not text", word);
    return 0;
}

int rows_ended(fptc_result *result, fptc_status status)
{
    const char *warnings = fptc_result_warnings(result);
    const char *last = strrchr(warnings, '\n');
    fptc_error err = FPTC_ERROR_INIT;

    if (status == FPTC_END)
        return 0;
    snprintf(err.message, sizeof(err.message), "%s", last ? last + 1 : warnings);
    return fail(status, &err);
}

static int print_lines(fptc_result *result, int64_t *n)
{
    fptc_status status;

    while ((status = fptc_result_next(result)) == FPTC_OK) {
        const char *json = fptc_result_row_json(result, NULL);

        printf("%s\n", json ? json : "null");
        ++*n;
    }
    return rows_ended(result, status);
}

static void add_value(struct text *out, const fptc_result *result, const char *column)
{
    switch (fptc_result_kind(result, column)) {
    case FPTC_KIND_INT:
        text_format(out, "%" PRId64, fptc_result_int64(result, column));
        break;
    case FPTC_KIND_FLOAT:
        text_format(out, "%.15g", fptc_result_double(result, column));
        break;
    case FPTC_KIND_TEXT:
        text_add_plain(out, fptc_result_text(result, column));
        break;
    default:
        break;
    }
}

static int print_table(fptc_result *result, int64_t *n)
{
    size_t n_columns = fptc_result_n_fields(result);
    struct table table = TABLE_INIT(n_columns);
    struct text cell = TEXT_INIT;
    fptc_status status;
    size_t i;

    for (i = 0; i < n_columns; i++)
        table_add(&table, fptc_result_field(result, i));
    while ((status = fptc_result_next(result)) == FPTC_OK) {
        for (i = 0; i < n_columns; i++) {
            cell.length = 0;
            add_value(&cell, result, fptc_result_field(result, i));
            table_add(&table, cell.length ? text_string(&cell) : "");
        }
        ++*n;
    }
    if (status == FPTC_END)
        table_print(&table, 0);
    table_done(&table);
    text_done(&cell);
    return rows_ended(result, status);
}

int verb_sql(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct text sql = TEXT_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    int64_t project = 0, deadline_ms = SQL_DEADLINE_MS, n = 0;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed)
        failed = arguments_duration(a, OPT_DEADLINE, &deadline_ms);
    if (!failed)
        failed = read_statement(a->words[0], &sql);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed &&
        fptc_cache_sql(cache, project, text_string(&sql), deadline_ms, &result, &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed)
        failed = session_is_json(a) ? print_lines(result, &n) : print_table(result, &n);
    if (!failed)
        failed = n > 0 ? EXIT_DONE : EXIT_NOTHING;
    fptc_result_free(result);
    fptc_cache_close(cache);
    text_done(&sql);
    return failed;
}

/* ---------------------------------------------------------------------------------------------- explain */

static const char *text_of(const struct json *object, const char *key)
{
    const struct json *member = json_member(object, key);

    return member && member->text ? member->text : "";
}

static void print_covered(const struct json *list)
{
    const struct json *type;
    const struct json *field;

    for (type = list ? list->child : NULL; type; type = type->next) {
        struct text line = TEXT_INIT;
        const struct json *missing = json_member(type, "fields_missing");

        text_format(&line, "covered    %s in %s, %s s old", text_of(type, "type"),
                    text_of(type, "partition"), text_of(type, "age_s"));
        for (field = missing ? missing->child : NULL; field; field = field->next)
            text_format(&line, "%s %s", field == missing->child ? ", without" : ",", field->text);
        printf("%s\n", text_string(&line));
        text_done(&line);
    }
}

/* The elements of a list, each after `heading` or below it. */
static void print_list(const char *heading, const struct json *list)
{
    const struct json *at;

    for (at = list ? list->child : NULL; at; at = at->next) {
        struct text value = TEXT_INIT;

        text_add_plain(&value, at->text ? at->text : "null");
        printf("%-10s %s\n", at == list->child ? heading : "", text_string(&value));
        text_done(&value);
    }
}

static void print_cost(const struct json *document)
{
    if (json_member(document, "rows"))
        printf("%-10s %s rows, %s read, %s steps, %s s\n", "here", text_of(document, "rows"),
               text_of(document, "rows_read"), text_of(document, "steps"),
               text_of(document, "seconds"));
}

static void print_explanation(fptc_result *result)
{
    size_t length = 0;
    const char *text = fptc_result_json(result, &length);
    struct json *document = text ? json_read(text, length) : NULL;

    if (!document) {
        printf("%s\n", text ? text : "null");
        return;
    }
    printf("%-10s %s\n", "question", text_of(document, "canonical"));
    printf("%-10s %s\n", "answer", text_of(document, "answer"));
    if (text_of(document, "why_not")[0])
        printf("%-10s %s\n", "because", text_of(document, "why_not"));
    print_covered(json_member(document, "covered"));
    if (text_of(document, "sql")[0])
        printf("%-10s %s\n", "SQL", text_of(document, "sql"));
    print_list("parameters", json_member(document, "params"));
    print_list("plan", json_member(document, "plan"));
    print_list("indexes", json_member(document, "indexes"));
    print_cost(document);
    print_list("note", json_member(document, "warnings"));
    json_free(document);
}

int verb_explain(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *result = NULL;
    int failed = query_read(a, &query);

    if (!failed)
        failed = session_open(a, &cache);
    if (!failed && fptc_cache_explain(cache, query, &result, &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed && session_is_json(a))
        print_document(result, 1);
    else if (!failed)
        print_explanation(result);
    fptc_result_free(result);
    fptc_query_free(query);
    fptc_cache_close(cache);
    return failed;
}
