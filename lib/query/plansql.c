/* plansql.c: the statements of a plan (planning.h). */
#include <string.h>

#include "base/error.h"
#include "query/planning.h"

/* Tables of long paths in the columns and the order. */
static void put_path_tables(struct fptc__sqltext *s, const struct fptc__planning *p, int has_keys)
{
    size_t i;

    for (i = 0; i < p->picks.n; i++)
        fptc__columns_tables(s, p->shared->type, &p->picks.items[i].at, (unsigned)i + 1);
    for (i = 0; i < p->n_keys && has_keys; i++)
        fptc__columns_tables(s, p->shared->type, &p->keys[i].at, (unsigned)(p->picks.n + i) + 1);
}

static void put_columns(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    size_t i;

    fptc__sql_add(s, "SELECT t0.\"id\", t0.\"_fptc_version\"");
    for (i = 0; i < p->picks.n; i++)
        fptc__columns_put(s, &p->picks.items[i].at);
}

static void put_from(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    fptc__sql_addf(s, " FROM \"%s\" AS t0 WHERE ", p->shared->type);
}

/* Rows of several partitions will be merged. */
static int is_for_merging(const struct fptc__plan *plan)
{
    return plan->is_project_type && plan->n_project_ids != 1;
}

static void put_key(struct fptc__sqltext *s, const struct fptc__sort_key *k)
{
    const char *fold = fptc__kind_fold(k->kind);

    if (*fold)
        fptc__sql_addf(s, "%s(", fold);
    fptc__columns_put_value(s, &k->at);
    fptc__sql_add(s, *fold ? ")" : "");
}

/* FPT's tie-break is `id` ascending whatever the keys (A§1.6). */
static void put_order(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    int has_id = 0;
    size_t i;

    fptc__sql_add(s, " ORDER BY ");
    for (i = 0; i < p->n_keys; i++) {
        const struct fptc__sort_key *k = &p->keys[i];
        int is_id = strcmp(k->path, "id") == 0;

        put_key(s, k);
        fptc__sql_add(s, k->is_descending ? " DESC" : " ASC");
        if (!is_id)
            fptc__sql_add(s, k->is_descending ? " " FPTC__NULLS_DESCENDING
                                              : " " FPTC__NULLS_ASCENDING);
        has_id |= is_id;
        fptc__sql_add(s, ", ");
    }
    if (has_id) /* the comma behind the last key */
        s->text.len -= s->text.failed ? 0 : 2;
    else
        fptc__sql_add(s, "t0.\"id\" ASC");
}

static int64_t times(int64_t limit, int64_t pages)
{
    return pages > INT64_MAX / limit ? INT64_MAX : limit * pages;
}

/* A merger finds the page among the first rows of each partition. */
static void put_limit(struct fptc__sqltext *s, const struct fptc__plan *plan)
{
    int is_merged = is_for_merging(plan);
    int64_t skip;

    if (plan->limit == 0)
        return;
    skip = plan->page > 1 ? times(plan->limit, plan->page - 1) : 0;
    fptc__sql_addf(s, " LIMIT ?%zu",
                   fptc__sql_param_int(s, is_merged && skip > 0 ? times(plan->limit, plan->page)
                                                                : plan->limit));
    if (skip > 0 && !is_merged)
        fptc__sql_addf(s, " OFFSET ?%zu", fptc__sql_param_int(s, skip));
}

/* What rows are sorted by is selected too: for who merges them (plan.h), and because SQLite then reads
   the first rows of snapshot and overlay by their indexes. */
static void put_keys(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    size_t i;

    for (i = 0; i < p->n_keys; i++) {
        fptc__sql_add(s, ", ");
        put_key(s, &p->keys[i]);
    }
}

static fptc_status put_sort(struct fptc__sqltext *s, struct fptc__planning *p)
{
    struct fptc__plan *shared = p->shared;
    size_t i;

    if (is_for_merging(p->plan) || p->plan->limit > 0)
        put_keys(s, p);
    if (!is_for_merging(p->plan))
        return FPTC_OK;
    shared->sort = fptc__scratch_array(p->keep, p->n_keys + 1, sizeof(*shared->sort));
    if (!shared->sort)
        return fptc__fail_nomem(p->check.err);
    for (i = 0; i < p->n_keys; i++)
        shared->sort[i].is_descending = p->keys[i].is_descending;
    shared->n_sort = p->n_keys;
    return FPTC_OK;
}

static fptc_status write_by_id(struct fptc__planning *p)
{
    struct fptc__param *params = NULL;
    struct fptc__sqltext s;
    size_t n = 0;

    fptc__sqltext_init(&s, p->check.scratch);
    put_path_tables(&s, p, 0);
    fptc__sql_end_tables(&s);
    put_columns(&s, p);
    put_from(&s, p);
    fptc__sql_add(&s, "t0.\"id\" = ?1");
    p->shared->sql_by_id = fptc__sqltext_take(&s, p->keep, &params, &n);
    if (p->shared->sql_by_id)
        return FPTC_OK;
    if (p->check.scratch->failed || p->keep->failed)
        return fptc__fail_nomem(p->check.err);
    return fptc__fail(p->check.err, FPTC_ELIMIT, "too many fields asked for: %zu", p->picks.n);
}

static int is_text_search(const struct fptc__leaf *leaf)
{
    return (leaf->relation == FPTC__CONTAINS || leaf->relation == FPTC__STARTS_WITH ||
            leaf->relation == FPTC__ENDS_WITH) &&
           !leaf->why_not && !leaf->is_negated && leaf->at.n_hops == 0 && !leaf->at.is_link_id &&
           *fptc__kind_fold(leaf->kind) && *leaf->values[0].text;
}

/* With a limit the first rows are found sooner one by one. */
void fptc__planning_scan(struct fptc__planning *p)
{
    struct fptc__filter *f = p->filter, *m, *rest = NULL;
    size_t n = 0;

    if (!f || f->kind == FPTC__FILTER_OR || p->plan->limit > 0)
        return;
    for (m = f->kind == FPTC__FILTER_LEAF ? f : f->first; m; m = m->next) {
        if (m->kind == FPTC__FILTER_LEAF && m->leaf->is_of_partition)
            continue;
        rest = m;
        n++;
    }
    if (n == 1 && rest->kind == FPTC__FILTER_LEAF && is_text_search(rest->leaf))
        rest->leaf->is_scan = 1;
}

/* Everything behind the columns: what has parameters comes in the same order here as in the text. */
static void put_rest(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    fptc__compile_where(s, p->filter);
    fptc__projects_put_scope(s, p);
    if (!s->is_mute)
        put_order(s, p);
    put_limit(s, p->plan);
}

fptc_status fptc__planning_params(struct fptc__planning *p)
{
    struct fptc__sqltext s;
    char *text;

    fptc__sqltext_init(&s, p->check.scratch);
    s.is_mute = 1;
    fptc__compile_tables(&s, p->shared->type, p->filter);
    put_rest(&s, p);
    text = fptc__sqltext_take(&s, p->check.scratch, &p->plan->params, &p->plan->n_params);
    return text ? FPTC_OK : fptc__fail_nomem(p->check.err);
}

fptc_status fptc__planning_sql(struct fptc__planning *p)
{
    fptc_status status = write_by_id(p);
    struct fptc__plan *shared = p->shared;
    struct fptc__sqltext s;
    fptc_status failed;

    if (status || p->why_not)
        return status;
    fptc__sqltext_init(&s, p->check.scratch);
    fptc__compile_tables(&s, shared->type, p->filter);
    put_path_tables(&s, p, 1);
    fptc__sql_end_tables(&s);
    put_columns(&s, p);
    status = put_sort(&s, p);
    put_from(&s, p);
    put_rest(&s, p);
    failed = s.text.failed;
    shared->sql = fptc__sqltext_take(&s, p->keep, &p->plan->params, &p->plan->n_params);
    if (shared->sql || status)
        return status;
    if (failed != FPTC_ELIMIT)
        return fptc__fail_nomem(p->check.err);
    shared->n_sort = 0;
    fptc__planning_pass_through(p, "more conditions than SQLite takes", "");
    return FPTC_OK;
}
