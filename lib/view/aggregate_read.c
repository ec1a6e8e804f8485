/* aggregate_read.c: what each half of a type's rows says of a summary, as lines. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fold.h"
#include "base/limits.h"
#include "query/choices.h"
#include "view/aggregating.h"

static const char *fold(struct fptc__aggregate *t, const char *text)
{
    struct fptc__buf out;

    fptc__buf_init(&out, FPTC_RESULT_BYTES_MAX);
    fptc__fold(text, strlen(text), &out);
    return fptc__scratch_take(&t->scratch, &out);
}

static void set_text(struct fptc__aggregate *t, struct fptc__agg_key *k, const char *text)
{
    k->text = fptc__scratch_text(&t->scratch, text, strlen(text));
    k->fold = fold(t, text);
}

static int64_t place_of(const struct fptc__group *g, const char *value)
{
    size_t i;

    for (i = 0; i < g->n_values; i++) {
        if (strcmp(g->values[i], value) == 0)
            return (int64_t)i;
    }
    return FPTC__NO_PLACE;
}

/* A link to what is gone reads as null (A§1.6). */
static void read_link(struct fptc__aggregate *t, sqlite3_stmt *stmt, int column,
                      struct fptc__agg_key *k)
{
    const char *type = (const char *)sqlite3_column_text(stmt, column);
    const char *name = NULL;
    int is_gone = 0;

    k->is_null = type == NULL || sqlite3_column_type(stmt, column + 1) == SQLITE_NULL;
    if (k->is_null)
        return;
    k->type = fptc__scratch_text(&t->scratch, type, strlen(type));
    k->id = sqlite3_column_int64(stmt, column + 1);
    (void)fptc__view_name(t->view, type, k->id, &name, &is_gone);
    k->is_null = is_gone;
    if (is_gone)
        return;
    if (name == NULL)
        k->why_not = "groups by an entity whose name is not known";
    else if (strcmp(k->type, FPTC__GROUP_NOT_BY_NAME) == 0)
        k->why_not = "groups by an entity whose order is not its name";
    set_text(t, k, name == NULL ? "" : name);
}

static void read_key(struct fptc__aggregate *t, sqlite3_stmt *stmt, const struct fptc__group *g,
                     int column, struct fptc__agg_key *k)
{
    const char *text;

    if (g->kind == FPTC__GROUP_LINK) {
        read_link(t, stmt, column, k);
        return;
    }
    k->is_null = sqlite3_column_type(stmt, column) == SQLITE_NULL;
    if (g->kind == FPTC__GROUP_CHECKBOX) {
        k->id = sqlite3_column_int64(stmt, column) != 0;
        return;
    }
    text = (const char *)sqlite3_column_text(stmt, column);
    if (text == NULL || text[0] == '\0') { /* FPT has no empty text (A§3.2) */
        k->is_null = 1;
        return;
    }
    set_text(t, k, text);
    if (g->kind == FPTC__GROUP_CODE) {
        k->id = place_of(g, text);
        if (k->id == FPTC__NO_PLACE && g->is_status)
            k->why_not = "groups by a status that its field's valid values do not name";
    }
}

static void read_partial(struct fptc__aggregate *t, sqlite3_stmt *stmt, int column,
                         struct fptc__agg_partial *p)
{
    const char *text;

    p->has = sqlite3_column_type(stmt, column) != SQLITE_NULL;
    p->i = sqlite3_column_int64(stmt, column);
    if (sqlite3_column_type(stmt, column) != SQLITE_TEXT)
        return;
    text = (const char *)sqlite3_column_text(stmt, column);
    p->text = fptc__scratch_text(&t->scratch, text, strlen(text));
}

static struct fptc__agg_line *new_line(struct fptc__aggregate *t)
{
    struct fptc__agg_line *line;

    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct fptc__agg_line *list = realloc(t->list, cap * sizeof(*list));

        if (list == NULL)
            return NULL;
        t->list = list;
        t->cap = cap;
    }
    line = &t->list[t->n];
    line->summary = t->summary;
    line->keys = fptc__scratch_array(&t->scratch, t->summary->n_groups + 1, sizeof(*line->keys));
    line->partials = fptc__scratch_array(&t->scratch, t->n_partials + 1, sizeof(*line->partials));
    if (line->keys == NULL || line->partials == NULL)
        return NULL;
    t->n++;
    return line;
}

static fptc_status read_line(struct fptc__aggregate *t, sqlite3_stmt *stmt, fptc_error *err)
{
    struct fptc__agg_line *line = new_line(t);
    int column = 1;
    size_t i;

    if (line == NULL)
        return fptc__fail_nomem(err);
    line->n_rows = sqlite3_column_int64(stmt, 0);
    for (i = 0; i < t->summary->n_groups; i++) {
        const struct fptc__group *g = &t->summary->groups[i];

        read_key(t, stmt, g, column, &line->keys[i]);
        column += g->kind == FPTC__GROUP_LINK ? 2 : 1;
    }
    for (i = 0; i < t->n_partials; i++)
        read_partial(t, stmt, column++, &line->partials[i]);
    return t->scratch.failed ? fptc__fail_nomem(err) : FPTC_OK;
}

static fptc_status read_lines(struct fptc__aggregate *t, const char *sql,
                              const struct fptc__param *params, size_t n_params, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    fptc_status status = fptc__view_prepare(t->view, sql, &stmt, err);
    int rc = SQLITE_DONE;

    if (status != FPTC_OK)
        return status;
    (void)fptc__run_bind(stmt, params, n_params, 0);
    while (status == FPTC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        status = read_line(t, stmt, err);
    if (status == FPTC_OK && rc != SQLITE_DONE)
        status = fptc__view_fail(t->view, t->summary->plan->type, err);
    sqlite3_reset(stmt);
    return status;
}

static fptc_status read_half(struct fptc__aggregate *t, enum fptc__half half, fptc_error *err)
{
    const struct fptc__summary *s = t->summary;
    fptc_status status = fptc__shape_half(t->part, s->plan->type, half, err);

    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    return read_lines(t, s->sql[half], s->params[half], s->n_params[half], err);
}

/* Of pending rows that are shown, and of those that they hide. */
static fptc_status read_shown(struct fptc__aggregate *t, enum fptc__half half, fptc_error *err)
{
    const struct fptc__summary *s = t->summary;
    fptc_status status = fptc__shape_half(t->part, s->plan->type, half, err);
    enum fptc__half like;
    struct fptc__buf sql;

    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    fptc__half_sql(s, half, &like, &sql);
    status = fptc__buf_check(&sql, "SQL text", err);
    if (status == FPTC_OK && sql.len > 0)
        status = read_lines(t, sql.data, s->params[like], s->n_params[like], err);
    fptc__buf_done(&sql);
    return status;
}

/* The number of the snapshot's rows, which is counted once, less those that are replaced. */
static fptc_status read_total(struct fptc__aggregate *t, struct fptc__replaced *of, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    struct fptc__agg_line *line;

    if (!of->is_counted) {
        status = read_half(t, FPTC__HALF_WHOLE, err);
        if (status == FPTC_OK) {
            of->n_rows = t->n > 0 ? t->list[0].n_rows : 0;
            of->is_counted = 1;
        }
        t->n = 0;
    }
    if (status != FPTC_OK)
        return status;
    line = new_line(t);
    if (line == NULL)
        return fptc__fail_nomem(err);
    line->n_rows = of->n_rows - (int64_t)of->ids.n;
    return FPTC_OK;
}

static fptc_status read_snapshot(struct fptc__aggregate *t, fptc_error *err)
{
    const struct fptc__summary *s = t->summary;
    struct fptc__replaced *of = fptc__view_replaced_of(t->part, s->plan->type);
    char kept[120];
    fptc_status status;

    if (of == NULL)
        return fptc__fail_nomem(err);
    if (s->is_total)
        return read_total(t, of, err);
    if (!s->is_taken_away)
        return read_half(t, FPTC__HALF_BASE, err);
    status = s->is_kept ? fptc__kept_lines(t->part, of, s, kept, sizeof(kept), err) : FPTC_MISS;
    if (status != FPTC_MISS)
        return status == FPTC_OK ? read_lines(t, kept, NULL, 0, err) : status;
    status = read_half(t, FPTC__HALF_WHOLE, err);
    if (status == FPTC_OK && of->ids.n > 0)
        status = read_half(t, FPTC__HALF_REPLACED, err);
    return status;
}

fptc_status fptc__aggregate_read(struct fptc__aggregate *t, fptc_error *err)
{
    fptc_status status = read_snapshot(t, err);

    if (status == FPTC_OK)
        status = read_half(t, FPTC__HALF_OVERLAY, err);
    if (status == FPTC_OK)
        status = read_shown(t, FPTC__HALF_HIDDEN, err);
    return status == FPTC_OK ? read_shown(t, FPTC__HALF_PENDING, err) : status;
}
