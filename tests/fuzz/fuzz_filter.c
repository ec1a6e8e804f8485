/*
 * fuzz_filter.c: filters, fields and order as anybody may write them: whatever they are, a plan or an
 * error comes of it, and the SQL of a plan is SQL that SQLite prepares and runs. For libFuzzer (preset
 * `fuzz`); replay.c runs the same on the files of corpus/filter, by any compiler.
 *
 * An input is text: the type, the fields, the order, "limit page", each on a line of its own; the rest
 * is the filters. A piece that is missing is empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "query/floatmark.h"
#include "unit/query_help.h"

static void die(const char *what, const char *text)
{
    fprintf(stderr, "fuzz_filter: %s: %.2000s\n", what, text);
    abort();
}

/* Cuts a line off; the end of the text is the end of the last one. */
static char *line(char **at)
{
    char *start = *at;
    char *end = start + strcspn(start, "\n");

    *at = *end ? end + 1 : end;
    *end = '\0';
    return start;
}

static int64_t number(const char *text, char **end)
{
    return (int64_t)strtol(text, end, 10) & 0xffff;
}

static void must_prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s\n", sqlite3_errmsg(db));
        die("SQL that SQLite refuses", sql);
    }
    sqlite3_finalize(stmt);
}

/* A JSON number that is written as a float and is whole loses its point on the way to FPT. */
static int has_floats(const char *filters)
{
    struct fptc__buf marked;
    int has;

    fptc__buf_init(&marked, 1u << 26);
    fptc__floatmark(filters, strlen(filters), &marked);
    has = marked.failed || marked.len != strlen(filters);
    fptc__buf_done(&marked);
    return has;
}

/* What is sent to FPT is the question that was asked: planned again, it has the same name. */
static void check_sent(const struct fptc__schema *schema, const struct help_ask *ask,
                       const struct fptc__plan *plan)
{
    struct help_ask sent = *ask;
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *again;
    struct fptc__buf b;

    if (has_floats(ask->filters))
        return;
    fptc__buf_init(&b, 1u << 26);
    fptc__json_print(fptc__plan_rest_filters(plan), &b);
    sent.filters = fptc__buf_text(&b);
    again = help_plan(schema, &sent, &err);
    if (!again)
        die(err.message, sent.filters);
    if (strcmp(fptc__plan_canonical(again), fptc__plan_canonical(plan)) != 0) {
        fprintf(stderr, "%s\n%s\n", fptc__plan_canonical(plan), fptc__plan_canonical(again));
        die("sent is another question", sent.filters);
    }
    fptc__plan_free(again);
    fptc__buf_done(&b);
}

static void check_plan(sqlite3 *db, const struct fptc__plan *plan)
{
    char got[4096];
    size_t i;

    if (plan->is_local != (plan->sql != NULL) || plan->is_local != (plan->why_not[0] == '\0'))
        die("local without SQL, or the other way round", fptc__plan_canonical(plan));
    must_prepare(db, plan->sql_by_id);
    for (i = 0; i < plan->n_columns; i++) {
        if (plan->columns[i].links_sql)
            must_prepare(db, plan->columns[i].links_sql);
    }
    if (!plan->is_local)
        return;
    must_prepare(db, plan->sql);
    help_run(db, plan, got, sizeof(got));
    if (got[strspn(got, "0123456789,-")])
        die("SQL that does not run", got);
}

static void check(const struct fptc__schema *schema, sqlite3 *db, const struct help_ask *ask)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, ask, &err);

    if (!plan) {
        if (err.status != FPTC_EUSAGE && err.status != FPTC_ELIMIT && err.status != FPTC_ESTATE)
            die("neither a plan nor a complaint", err.message);
        if (err.message[0] == '\0')
            die("an error without words", ask->filters);
        return;
    }
    check_plan(db, plan);
    check_sent(schema, ask, plan);
    fptc__plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fptc__schema *schema;
    static sqlite3 *db;
    struct help_ask ask = {0};
    char *text = malloc(size + 1);
    char *at = text;
    char *rest;

    if (!schema) {
        schema = help_schema();
        db = help_database();
    }
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    ask.type = line(&at);
    ask.fields = line(&at);
    ask.order = line(&at);
    ask.limit = number(line(&at), &rest);
    ask.page = ask.limit ? number(rest, &rest) : 0;
    ask.filters = at;
    check(schema, db, &ask);
    free(text);
    return 0;
}
