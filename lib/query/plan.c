/*
 * plan.c: see plan.h; the order of the steps. The plan and everything it points to live in one
 * scratch and are freed with it; only the JSON of rest_filters is a thing of its own.
 */
#include "query/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "query/canonical.h"
#include "query/planning.h"
#include "query/usage.h"

#define CANONICAL_BYTES_MAX (4 * (size_t)FPTC_FILTER_BYTES_MAX)

/* Plan first: fptc__plan_free() finds the box by it. */
struct box {
    struct fptc__plan plan;
    struct fptc__scratch scratch;
};

void fptc__plan_free(struct fptc__plan *plan)
{
    struct box *b = (struct box *)plan;

    if (!b)
        return;
    fptc__json_free(plan->rest_filters);
    fptc__scratch_done(&b->scratch);
    free(b);
}

void fptc__planning_pass_through(struct fptc__planning *p, const char *why_not, const char *path)
{
    struct fptc__buf b;

    if (!p->plan->is_local)
        return;
    p->plan->is_local = 0;
    fptc__buf_init(&b, 1024);
    fptc__buf_addf(&b, "%s%s%.200s", why_not, *path ? ": " : "", path);
    p->plan->why_not = fptc__scratch_take(p->check.scratch, &b);
}

static fptc_status check_filter(struct fptc__planning *p, struct fptc__filter *f)
{
    fptc_status status = FPTC_OK;
    struct fptc__filter *m;

    if (f->kind == FPTC__FILTER_LEAF) {
        status = fptc__leaf_check(&p->check, f);
        if (status)
            return status;
        p->plan->is_clock_relative |= f->leaf->is_clock_relative;
        if (f->leaf->why_not)
            fptc__planning_pass_through(p, f->leaf->why_not, f->path);
        return FPTC_OK;
    }
    for (m = f->first; m && !status; m = m->next)
        status = check_filter(p, m);
    if (f->n_members == 0)
        fptc__planning_pass_through(p, "an empty group beside others in an `or`", "");
    return status;
}

/* A page without a size has FPT's; the first page is the beginning. */
static fptc_status check_paging(struct fptc__planning *p)
{
    const struct fptc__request *r = p->request;
    struct fptc__plan *plan = p->plan;

    if (r->limit < 0)
        return fptc__fail(p->check.err, FPTC_EUSAGE, "limit must not be negative: %lld",
                          (long long)r->limit);
    if (r->page < 0)
        return fptc__fail(p->check.err, FPTC_EUSAGE, "page must not be negative: %lld",
                          (long long)r->page);
    plan->limit = r->limit == 0 && r->page > 0 ? FPTC__PAGE_SIZE : r->limit;
    plan->page = r->page == 1 ? 0 : r->page;
    return FPTC_OK;
}

/* The project that a condition which every row must meet names; 0 if none. */
static int64_t project_of(const struct fptc__filter *f)
{
    const struct fptc__leaf *leaf = f->leaf;

    if (f->kind != FPTC__FILTER_LEAF || leaf->is_negated || leaf->why_not ||
        (leaf->relation != FPTC__IS && leaf->relation != FPTC__IN))
        return 0;
    if (strcmp(f->path, "project") == 0 && leaf->kind == FPTC__KIND_LINK && leaf->n_links == 1 &&
        !leaf->has_null && strcmp(leaf->links[0].type, "Project") == 0)
        return leaf->links[0].id;
    if (strcmp(f->path, "project.Project.id") == 0 && leaf->n_values == 1 &&
        leaf->values[0].kind == FPTC__PARAM_INT)
        return leaf->values[0].i;
    return 0;
}

static void find_project(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->plan;
    const struct fptc__filter *f = p->filter;
    const struct fptc__filter *m = NULL;
    int is_all = f == NULL;

    plan->is_project_type = fptc__schema_is_project_type(p->check.schema, plan->type);
    if (f && f->kind == FPTC__FILTER_LEAF) {
        plan->project_id = project_of(f);
        is_all = plan->project_id != 0;
    } else if (f && f->kind == FPTC__FILTER_AND) {
        for (m = f->first; m && plan->project_id == 0; m = m->next)
            plan->project_id = project_of(m);
    }
    if (plan->project_id < 0)
        plan->project_id = 0;
    plan->is_unfiltered = is_all && plan->limit == 0 && plan->page == 0;
}

static void put_sort(const struct fptc__planning *p, struct fptc__buf *out, const char *separator)
{
    size_t i;

    for (i = 0; i < p->n_keys; i++) {
        fptc__buf_adds(out, i ? separator : "");
        fptc__buf_adds(out, p->keys[i].is_descending ? "-" : "");
        fptc__buf_adds(out, p->keys[i].path);
    }
}

/* Canonical text and hash; filters and sort as FPT takes them. */
static fptc_status write_texts(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->plan;
    struct fptc__buf filters, text, sort;
    fptc_status status;

    fptc__buf_init(&filters, CANONICAL_BYTES_MAX);
    fptc__buf_init(&text, CANONICAL_BYTES_MAX + 65536);
    fptc__buf_init(&sort, 1u << 20);
    fptc__canonical_filters(p->filter, &filters);
    put_sort(p, &sort, ",");
    fptc__buf_addf(&text, "{\"type\":\"%s\",\"filters\":", plan->type);
    fptc__buf_add(&text, filters.data, filters.len);
    fptc__buf_adds(&text, ",\"order\":");
    fptc__json_put_text(&text, fptc__buf_text(&sort), sort.len);
    fptc__buf_addf(&text, ",\"limit\":%lld,\"page\":%lld}", (long long)plan->limit,
                   (long long)plan->page);
    status = fptc__buf_check(&filters, "filters", p->check.err);
    if (!status)
        status = fptc__buf_check(&text, "canonical query", p->check.err);
    if (!status)
        status = fptc__buf_check(&sort, "order", p->check.err);
    /* Our own text is JSON: only memory can be missing. */
    if (!status && fptc__json_parse(filters.data, filters.len, "canonical filters",
                                    &plan->rest_filters, NULL) != FPTC_OK)
        status = fptc__fail_nomem(p->check.err);
    if (!status) {
        plan->canonical = fptc__scratch_take(p->check.scratch, &text);
        plan->rest_sort = p->n_keys ? fptc__scratch_take(p->check.scratch, &sort)
                                    : fptc__scratch_text(p->check.scratch, "id", 2);
        if (plan->canonical && plan->rest_sort)
            fptc__canonical_hash(plan->canonical, plan->hash);
    }
    fptc__buf_done(&filters);
    fptc__buf_done(&text);
    fptc__buf_done(&sort);
    return status;
}

static fptc_status build(struct fptc__planning *p)
{
    const struct fptc__request *r = p->request;
    struct fptc__plan *plan = p->plan;
    fptc_error *err = p->check.err;
    fptc_status status;

    plan->is_local = 1;
    plan->type = fptc__scratch_text(p->check.scratch, r->type, strlen(r->type));
    if (!plan->type)
        return fptc__fail_nomem(err);
    p->check.type = plan->type;
    if (!fptc__schema_has(p->check.schema, plan->type))
        return fptc__fail(err, FPTC_ESTATE, "the schema of type '%s' is not loaded", plan->type);
    status = check_paging(p);
    if (!status)
        status = fptc__filter_parse(r->filters, p->check.scratch, &p->filter, err);
    if (!status && p->filter)
        status = check_filter(p, p->filter);
    if (!status)
        status = fptc__planning_order(p);
    if (!status)
        status = fptc__columns_pick(&p->picks, r, err);
    if (status)
        return status;
    find_project(p);
    fptc__planning_needs(p);
    status = fptc__planning_columns(p);
    if (!status)
        status = fptc__planning_sql(p);
    return status ? status : write_texts(p);
}

static fptc_status finish(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->plan;
    fptc_status status = fptc__buf_check(&p->warnings, "warnings", p->check.err);

    if (status)
        return status;
    plan->warnings = fptc__scratch_take(p->check.scratch, &p->warnings);
    if (plan->is_local)
        plan->why_not = fptc__scratch_text(p->check.scratch, "", 0);
    fptc__planning_usage(p);
    if (p->check.scratch->failed || !plan->why_not || !plan->warnings)
        return fptc__fail_nomem(p->check.err);
    return FPTC_OK;
}

fptc_status fptc__plan_build(const struct fptc__schema *schema, const struct fptc__request *request,
                             int64_t now_wall_ms, struct fptc__plan **out, fptc_error *err)
{
    struct box *b = calloc(1, sizeof(*b));
    struct fptc__planning p;
    fptc_status status;

    *out = NULL;
    if (!b)
        return fptc__fail_nomem(err);
    memset(&p, 0, sizeof(p));
    fptc__scratch_init(&b->scratch);
    fptc__buf_init(&p.warnings, 1u << 20);
    p.plan = &b->plan;
    p.request = request;
    p.check = (struct fptc__check){schema, NULL, now_wall_ms, &b->scratch, err};
    p.picks.schema = schema;
    p.picks.scratch = &b->scratch;
    p.picks.warnings = &p.warnings;
    status = build(&p);
    if (!status)
        status = finish(&p);
    fptc__buf_done(&p.warnings);
    if (status)
        fptc__plan_free(&b->plan);
    else
        *out = &b->plan;
    return status;
}
