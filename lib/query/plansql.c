/* plansql.c: the statements of a plan (planning.h). */
#include <string.h>

#include "base/error.h"
#include "query/planning.h"

static void put_select(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    size_t i;

    fptc__sql_add(s, "SELECT t0.\"id\", t0.\"_fptc_version\"");
    for (i = 0; i < p->picks.n; i++)
        fptc__columns_put(s, &p->picks.items[i].at);
    fptc__sql_addf(s, " FROM \"%s\" AS t0 WHERE ", p->plan->type);
}

/* FPT's tie-break is `id` ascending whatever the keys (A§1.6). */
static void put_order(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    int has_id = 0;
    size_t i;

    fptc__sql_add(s, " ORDER BY ");
    for (i = 0; i < p->n_keys; i++) {
        const struct fptc__sort_key *k = &p->keys[i];
        const char *fold = fptc__kind_fold(k->kind);
        int is_id = strcmp(k->path, "id") == 0;

        if (*fold)
            fptc__sql_addf(s, "%s(", fold);
        fptc__columns_put_value(s, &k->at);
        fptc__sql_add(s, *fold ? ")" : "");
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

static void put_limit(struct fptc__sqltext *s, const struct fptc__plan *plan)
{
    int64_t skip = 0;

    if (plan->limit == 0)
        return;
    fptc__sql_addf(s, " LIMIT ?%zu", fptc__sql_param_int(s, plan->limit));
    if (plan->page > 1)
        skip =
            plan->page - 1 > INT64_MAX / plan->limit ? INT64_MAX : (plan->page - 1) * plan->limit;
    if (skip > 0)
        fptc__sql_addf(s, " OFFSET ?%zu", fptc__sql_param_int(s, skip));
}

static fptc_status write_by_id(struct fptc__planning *p)
{
    struct fptc__param *params = NULL;
    struct fptc__sqltext s;
    size_t n = 0;

    fptc__sqltext_init(&s, p->check.scratch);
    put_select(&s, p);
    fptc__sql_add(&s, "t0.\"id\" = ?1");
    p->plan->sql_by_id = fptc__sqltext_take(&s, &params, &n);
    if (p->plan->sql_by_id)
        return FPTC_OK;
    if (p->check.scratch->failed)
        return fptc__fail_nomem(p->check.err);
    return fptc__fail(p->check.err, FPTC_ELIMIT, "too many fields asked for: %zu", p->picks.n);
}

fptc_status fptc__planning_sql(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->plan;
    fptc_status status = write_by_id(p);
    struct fptc__sqltext s;
    fptc_status failed;

    if (status || !plan->is_local)
        return status;
    fptc__sqltext_init(&s, p->check.scratch);
    fptc__compile_with(&s, plan->type, p->filter);
    put_select(&s, p);
    fptc__compile_where(&s, p->filter);
    put_order(&s, p);
    put_limit(&s, plan);
    failed = s.text.failed;
    plan->sql = fptc__sqltext_take(&s, &plan->params, &plan->n_params);
    if (plan->sql)
        return FPTC_OK;
    if (failed != FPTC_ELIMIT)
        return fptc__fail_nomem(p->check.err);
    fptc__planning_pass_through(p, "more conditions than SQLite takes", "");
    return FPTC_OK;
}
