#include "view/queryplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

/* Steps of SQLite's machine between two looks at the call's deadline. */
#define STEPS_PER_LOOK 10000
/* Lines of a plan whose depth is known; deeper ones are shown at the left. */
#define LINES_MAX 1024

void fptc__queryplan_done(struct fptc__queryplan *q)
{
    fptc__json_free(q->lines);
    fptc__json_free(q->indexes);
    free(q->sql);
    memset(q, 0, sizeof(*q));
}

static int add_once(fptc__json *list, const char *text, size_t n)
{
    char name[2 * FPTC_NAME_BYTES_MAX];
    const fptc__json *at;

    snprintf(name, sizeof(name), "%.*s", (int)n, text);
    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (strcmp(fptc__json_text(at), name) == 0)
            return 1;
    }
    return fptc__json_append(list, fptc__json_new_text(name));
}

/* "SEARCH Shot USING INDEX Shot_code (code=?)": what stands behind USING. */
static int add_index(struct fptc__queryplan *q, const char *line)
{
    static const char index[] = " INDEX ";
    const char *use = strstr(line, " USING ");
    const char *name;

    if (use == NULL)
        return 1;
    if (strstr(use, " INTEGER PRIMARY KEY") != NULL)
        return add_once(q->indexes, "rowid", 5);
    name = strstr(use, index);
    if (name == NULL)
        return 1;
    name += sizeof(index) - 1;
    return add_once(q->indexes, name, strcspn(name, " "));
}

struct depths {
    int id[LINES_MAX], depth[LINES_MAX];
    size_t n;
};

static int depth_of(struct depths *d, int id, int parent)
{
    int depth = 0;
    size_t i;

    for (i = 0; i < d->n; i++) {
        if (d->id[i] == parent)
            depth = d->depth[i] + 1;
    }
    if (d->n < LINES_MAX) {
        d->id[d->n] = id;
        d->depth[d->n++] = depth;
    }
    return depth;
}

static fptc_status add_lines(struct fptc__queryplan *q, sqlite3_stmt *stmt, fptc_error *err)
{
    struct depths depths;
    int ok = 1;

    depths.n = 0;
    while (ok && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 3);
        int depth = depth_of(&depths, sqlite3_column_int(stmt, 0), sqlite3_column_int(stmt, 1));
        char line[1024];

        snprintf(line, sizeof(line), "%*s%s", 2 * depth, "", text == NULL ? "" : text);
        ok = fptc__json_append(q->lines, fptc__json_new_text(line)) && add_index(q, line);
    }
    return ok ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status read_plan(struct fptc__view *v, const char *sql, struct fptc__queryplan *q,
                             fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    struct fptc__buf text;
    fptc_status status = FPTC_OK;

    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__buf_adds(&text, "EXPLAIN QUERY PLAN ");
    fptc__buf_adds(&text, sql);
    status = fptc__buf_check(&text, "SQL text", err);
    if (status == FPTC_OK)
        status = fptc__view_compile(v, text.data, 0, &stmt, err);
    if (status != FPTC_OK && sqlite3_errcode(v->db) == SQLITE_ERROR)
        status = FPTC_ENODATA; /* a field that is in no row yet has no column */
    if (status == FPTC_OK)
        status = add_lines(q, stmt, err);
    sqlite3_finalize(stmt);
    fptc__buf_done(&text);
    return status;
}

static int is_over(void *ctx)
{
    return fptc__call_check(ctx, "explaining", NULL) != FPTC_OK;
}

static fptc_status run(struct fptc__view *v, const struct fptc__plan *plan,
                       struct fptc__queryplan *q, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int64_t began = fptc__mono_ms();
    fptc_status status = fptc__view_compile(v, plan->sql, 0, &stmt, err);
    int rc = SQLITE_DONE;

    if (status != FPTC_OK)
        return status;
    q->sql = strdup(sqlite3_sql(stmt));
    (void)fptc__run_bind(stmt, plan->params, plan->n_params, 0);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        q->rows++;
    if (rc != SQLITE_DONE)
        status = fptc__view_fail(v, plan->type, err);
    q->rows_read = q->rows + sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
    q->steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
    q->ms = fptc__mono_ms() - began;
    sqlite3_finalize(stmt);
    return status;
}

fptc_status fptc__view_explain(struct fptc__view *v, const struct fptc__plan *plan,
                               const struct fptc__call *call, struct fptc__queryplan *out,
                               fptc_error *err)
{
    struct fptc__call bound = *call;
    fptc_status status = fptc__run_shape(v, plan, err);

    memset(out, 0, sizeof(*out));
    if (status != FPTC_OK)
        return status;
    out->lines = fptc__json_new_array();
    out->indexes = fptc__json_new_array();
    status = read_plan(v, plan->sql, out, err);
    sqlite3_progress_handler(v->db, STEPS_PER_LOOK, is_over, &bound);
    if (status == FPTC_OK)
        status = run(v, plan, out, err);
    sqlite3_progress_handler(v->db, 0, NULL, NULL);
    if (status == FPTC_ECANCELLED)
        status = fptc__call_check(call, "explaining the query", err);
    return status;
}
