/* columns.c: see columns.h. */
#include "query/columns.h"

#include <string.h>

#include "base/error.h"
#include "query/choices.h"

static void warn_unknown(struct fptc__picks *p, const char *type, const char *path,
                         const struct fptc__fieldpath *at, const char *name)
{
    const char *near = fptc__schema_nearest(p->schema, at->type, name);

    p->has_unknown = 1;
    fptc__buf_addf(p->warnings, "%s.%.200s doesn't exist: left out.%s%s%s\n", type, path,
                   near ? " Did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Why FPT leaves a found path out of its answer (A§1.6, A§3.5); NULL if it does not. */
static const char *reason_to_drop(const struct fptc__fieldpath *at)
{
    size_t n_links = at->n_hops + (size_t)at->is_link_id;

    if (n_links == 0)
        return NULL;
    if (at->has_multi)
        return "a multi_entity field on the way";
    if (at->is_off_types)
        return "the link's valid types do not name that type";
    if (strcmp(at->field->data_type, "url") == 0)
        return "a url field behind a link";
    if (at->n_hops > FPTC__HOPS_MAX)
        return "too many links";
    return NULL;
}

static fptc_status pick(struct fptc__picks *p, const char *type, const char *path, fptc_error *err)
{
    struct fptc__picked *item = &p->items[p->n];
    const char *name;
    const char *reason;

    switch (fptc__fieldpath_find(p->schema, type, path, p->scratch, &item->at, &name)) {
    case FPTC__PATH_FOUND:
        break;
    case FPTC__PATH_UNKNOWN:
        warn_unknown(p, type, path, &item->at, name);
        return FPTC_OK;
    case FPTC__PATH_NOT_LOADED:
        /* FPT would leave these out: their schema is not needed. */
        if (item->at.is_off_types || item->at.has_multi || !fptc__is_name(name)) {
            fptc__buf_addf(p->warnings, "%s.%.200s: left out (no such path).\n", type, path);
            return FPTC_OK;
        }
        return fptc__fail(err, FPTC_ESTATE, "the schema of type '%s' is not loaded (%s.%.160s)",
                          name, type, path);
    case FPTC__PATH_NO_MEMORY:
        return fptc__fail_nomem(err);
    }
    reason = reason_to_drop(&item->at);
    if (reason) {
        fptc__buf_addf(p->warnings, "%s.%.200s: left out (%s).\n", type, path, reason);
        return FPTC_OK;
    }
    item->name = path;
    p->n++;
    return FPTC_OK;
}

static int is_picked(const struct fptc__picks *p, const char *name)
{
    size_t i;

    for (i = 0; i < p->n; i++) {
        if (strcmp(p->items[i].name, name) == 0)
            return 1;
    }
    return 0;
}

static fptc_status pick_all(struct fptc__picks *p, const char *type, fptc_error *err)
{
    size_t n = fptc__schema_n_fields(p->schema, type);
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < n && !status; i++) {
        const char *name = fptc__schema_field_at(p->schema, type, i)->name;

        if (strcmp(name, "id") != 0 && !is_picked(p, name))
            status = pick(p, type, name, err);
    }
    return status;
}

fptc_status fptc__columns_pick(struct fptc__picks *p, const struct fptc__request *request,
                               fptc_error *err)
{
    size_t most = request->n_fields + fptc__schema_n_fields(p->schema, request->type) + 1;
    fptc_status status = FPTC_OK;
    size_t i;

    p->n = 0;
    p->items = fptc__scratch_array(p->scratch, most, sizeof(*p->items));
    if (!p->items)
        return fptc__fail_nomem(err);
    for (i = 0; i < request->n_fields && !status; i++) {
        const char *name = request->fields[i];

        if (strcmp(name, "*") == 0)
            status = pick_all(p, request->type, err);
        else if (!is_picked(p, name))
            status = pick(p, request->type, name, err);
    }
    return status;
}

/* How often a path is cut (choices.h); the ids that its first n links lead to are then the table
   v<number>_<n>(id, at). */
static size_t n_cuts(const struct fptc__fieldpath *at)
{
    size_t n = at->n_hops + (size_t)at->is_link_id;

    return n > FPTC__HOPS_NESTED ? (n - 1) / FPTC__HOPS_NESTED : 0;
}

static void put_row_id(struct fptc__sqltext *s, const struct fptc__fieldpath *at, size_t n);

/* The id behind the first n links, from a table where there is one. */
static void put_start(struct fptc__sqltext *s, const struct fptc__fieldpath *at, size_t n)
{
    if (n % FPTC__HOPS_NESTED == 0 && n / FPTC__HOPS_NESTED <= n_cuts(at))
        fptc__sql_addf(s, "(SELECT v.at FROM v%u_%zu AS v WHERE v.id = t0.\"id\")", at->table, n);
    else
        put_row_id(s, at, n);
}

void fptc__columns_tables(struct fptc__sqltext *s, const char *type, struct fptc__fieldpath *at,
                          unsigned number)
{
    size_t n = n_cuts(at);
    size_t i;

    at->table = number;
    for (i = 1; i <= n; i++) {
        fptc__sql_table(s);
        fptc__sql_addf(s, "v%u_%zu(id, at) AS (SELECT t0.\"id\", ", number, i * FPTC__HOPS_NESTED);
        put_row_id(s, at, i * FPTC__HOPS_NESTED);
        fptc__sql_addf(s, " FROM \"%s\" AS t0)", type);
    }
}

/* The id of the row that the first n hops lead to; NULL when a link is empty or of another type. */
static void put_row_id(struct fptc__sqltext *s, const struct fptc__fieldpath *at, size_t n)
{
    const struct fptc__hop *hop = &at->hops[n - 1];
    size_t alias = n - 1;

    if (alias > 0)
        fptc__sql_add(s, "(SELECT ");
    fptc__sql_add(s, "CASE WHEN ");
    fptc__sql_column(s, alias, hop->link->name, "__type");
    fptc__sql_addf(s, " = '%s'", hop->target);
    if (n > at->n_hops) { /* the id itself is asked for: its row is not looked up */
        fptc__sql_add(s, " AND NOT fptc_gone(");
        fptc__sql_column(s, alias, hop->link->name, "__type");
        fptc__sql_add(s, ", ");
        fptc__sql_column(s, alias, hop->link->name, "__id");
        fptc__sql_add(s, ")");
    }
    fptc__sql_add(s, " THEN ");
    fptc__sql_column(s, alias, hop->link->name, "__id");
    fptc__sql_add(s, " END");
    if (alias > 0) {
        fptc__sql_addf(s, " FROM \"%s\" AS t%zu WHERE t%zu.\"id\" = ", hop->type, alias, alias);
        put_start(s, at, n - 1);
        fptc__sql_add(s, ")");
    }
}

/* One column of the row behind all hops. */
static void put_read(struct fptc__sqltext *s, const struct fptc__fieldpath *at, const char *column,
                     const char *suffix)
{
    if (at->n_hops == 0) {
        fptc__sql_column(s, 0, column, suffix);
        return;
    }
    fptc__sql_add(s, "(SELECT ");
    fptc__sql_column(s, at->n_hops, column, suffix);
    fptc__sql_addf(s, " FROM \"%s\" AS t%zu WHERE t%zu.\"id\" = ", at->type, at->n_hops,
                   at->n_hops);
    put_start(s, at, at->n_hops);
    fptc__sql_add(s, ")");
}

void fptc__columns_put_value(struct fptc__sqltext *s, const struct fptc__fieldpath *at)
{
    if (at->is_link_id)
        put_row_id(s, at, at->n_hops + 1);
    else
        put_read(s, at, at->field->name, "");
}

void fptc__columns_put(struct fptc__sqltext *s, const struct fptc__fieldpath *at)
{
    fptc__sql_add(s, ", ");
    switch (at->field->class_of) {
    case FPTC__NEVER:
        fptc__sql_add(s, "NULL");
        break;
    case FPTC__LINK:
        put_read(s, at, at->field->name, "__type");
        fptc__sql_add(s, ", ");
        put_read(s, at, at->field->name, "__id");
        break;
    case FPTC__LINKS:
        put_read(s, at, "id", "");
        /* Two lists are two statements: what a statement needs is remembered by its text. */
        fptc__sql_addf(s, " AS \"list %s\"", at->field->name);
        break;
    case FPTC__TEXT:
    case FPTC__INTEGER:
    case FPTC__REAL:
    case FPTC__BOOL:
    case FPTC__JSON:
        fptc__columns_put_value(s, at);
        break;
    }
}
