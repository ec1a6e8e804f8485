/*
 * plan.c: see plan.h; the order of the steps. What a plan's values decide lives in a scratch of its own,
 * everything else in its shape, which is found or built.
 */
#include "query/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "query/plancache.h"
#include "query/planning.h"
#include "query/usage.h"

/* Longer keys than the cache keeps end here. */
#define KEY_BYTES_MAX (FPTC__SHAPE_KEY_BYTES_MAX + 1u)

void fptc__plan_free(struct fptc__plan *plan)
{
    struct fptc__plan_own *own = plan ? plan->own : NULL;

    if (!own)
        return;
    fptc__json_free(own->rest_filters);
    fptc__filters_drop(own->filters_ref);
    fptc__shape_drop(own->shape);
    fptc__scratch_done(&own->scratch);
    free(own);
}

void fptc__planning_pass_through(struct fptc__planning *p, const char *why_not, const char *path)
{
    if (p->why_not)
        return;
    p->why_not = why_not;
    p->why_not_path = path;
}

static fptc_status note_named(struct fptc__planning *p, const struct fptc__leaf *leaf)
{
    struct fptc__named *named;

    if (leaf->kind != FPTC__KIND_LINKS || leaf->relation != FPTC__IN || leaf->n_links == 0)
        return FPTC_OK;
    named = fptc__scratch_alloc(p->check.scratch, sizeof(*named));
    if (!named)
        return fptc__fail_nomem(p->check.err);
    named->links = leaf->links;
    named->n_links = leaf->n_links;
    named->next = p->plan->named;
    p->plan->named = named;
    return FPTC_OK;
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
        return note_named(p, f->leaf);
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

/* The plan's own members. */
static fptc_status check_request(struct fptc__planning *p)
{
    const struct fptc__request *r = p->request;
    fptc_error *err = p->check.err;
    fptc_status status;

    p->plan->is_retired_only = r->is_retired_only;
    p->plan->without_archived = r->without_archived;
    if (!fptc__schema_has(p->check.schema, r->type))
        return fptc__fail(err, FPTC_ESTATE, "the schema of type '%s' is not loaded", r->type);
    status = check_paging(p);
    if (!status)
        status = fptc__filter_parse(r->filters, p->check.scratch, &p->filter, err);
    if (!status && p->filter)
        status = check_filter(p, p->filter);
    if (!status)
        status = fptc__planning_projects(p);
    if (!status)
        fptc__planning_scan(p);
    return status;
}

static fptc_status put_sort(struct fptc__planning *p)
{
    struct fptc__buf sort;
    size_t i;

    fptc__buf_init(&sort, 1u << 20);
    for (i = 0; i < p->n_keys; i++) {
        fptc__buf_adds(&sort, i ? "," : "");
        fptc__buf_adds(&sort, p->keys[i].is_descending ? "-" : "");
        fptc__buf_adds(&sort, p->keys[i].path);
    }
    if (p->n_keys == 0)
        fptc__buf_adds(&sort, "id");
    if (sort.failed)
        return fptc__buf_check(&sort, "order", p->check.err);
    p->shared->rest_sort = fptc__scratch_take(p->keep, &sort);
    return FPTC_OK;
}

static fptc_status put_why_not(struct fptc__planning *p)
{
    struct fptc__buf b;

    fptc__buf_init(&b, 1024);
    if (p->why_not)
        fptc__buf_addf(&b, "%s%s%.200s", p->why_not, *p->why_not_path ? ": " : "", p->why_not_path);
    p->shared->is_local = p->why_not == NULL;
    p->shared->why_not = fptc__scratch_take(p->keep, &b);
    return fptc__buf_check(&p->warnings, "warnings", p->check.err);
}

static fptc_status fill_shape(struct fptc__planning *p)
{
    struct fptc__plan *shared = p->shared;
    fptc_status status;

    shared->type = fptc__scratch_text(p->keep, p->request->type, strlen(p->request->type));
    shared->is_project_type = p->plan->is_project_type;
    if (!shared->type)
        return fptc__fail_nomem(p->check.err);
    status = fptc__planning_scope(p);
    if (!status)
        status = fptc__planning_order(p);
    if (!status)
        status = fptc__columns_pick(&p->picks, p->request, p->check.err);
    if (status)
        return status;
    fptc__planning_needs(p);
    status = fptc__planning_columns(p);
    if (!status)
        status = fptc__planning_sql(p);
    if (!status)
        status = put_sort(p);
    if (!status)
        status = put_why_not(p);
    if (status)
        return status;
    shared->has_unknown = p->picks.has_unknown;
    fptc__planning_usage(p);
    shared->warnings = fptc__scratch_take(p->keep, &p->warnings);
    if (p->keep->failed || p->check.scratch->failed || !shared->warnings || !shared->why_not)
        return fptc__fail_nomem(p->check.err);
    return FPTC_OK;
}

/* The plan's own scratch also holds what is only needed while its shape is built. */
static fptc_status build_shape(struct fptc__planning *p, struct fptc__shape **out)
{
    struct fptc__shape *shape = fptc__shape_new();
    fptc_status status;

    if (!shape)
        return fptc__fail_nomem(p->check.err);
    p->shared = &shape->shared;
    p->keep = &shape->scratch;
    p->picks.schema = p->check.schema;
    p->picks.scratch = p->check.scratch;
    p->picks.warnings = &p->warnings;
    fptc__buf_init(&p->warnings, 1u << 20);
    status = fill_shape(p);
    fptc__buf_done(&p->warnings);
    if (status) {
        fptc__shape_drop(shape);
        return status;
    }
    *out = shape;
    return FPTC_OK;
}

static fptc_status find_shape(struct fptc__planning *p, struct fptc__plan_cache *plans,
                              struct fptc__shape **out)
{
    struct fptc__buf key;
    fptc_status status = FPTC_OK;

    *out = NULL;
    fptc__buf_init(&key, KEY_BYTES_MAX);
    if (plans)
        fptc__shape_key(p->check.schema, p->request, p->plan, p->filter, &key);
    if (plans && !key.failed)
        *out = fptc__plan_cache_find(plans, &key);
    if (!*out) {
        status = build_shape(p, out);
        if (!status && plans && !key.failed)
            fptc__plan_cache_add(plans, &key, *out);
    } else if ((*out)->shared.is_local) {
        p->shared = &(*out)->shared;
        status = fptc__planning_params(p);
    }
    fptc__buf_done(&key);
    return status;
}

static void adopt(struct fptc__plan *plan, const struct fptc__plan *shared)
{
    struct fptc__plan mine = *plan;

    *plan = *shared;
    plan->project_id = mine.project_id;
    plan->project_ids = mine.project_ids;
    plan->n_project_ids = mine.n_project_ids;
    plan->is_unfiltered = mine.is_unfiltered;
    plan->is_clock_relative = mine.is_clock_relative;
    plan->is_retired_only = mine.is_retired_only;
    plan->without_archived = mine.without_archived;
    plan->params = mine.params;
    plan->n_params = mine.n_params;
    plan->named = mine.named;
    plan->limit = mine.limit;
    plan->page = mine.page;
    plan->own = mine.own;
}

fptc_status fptc__plan_build(const struct fptc__schema *schema, struct fptc__plan_cache *plans,
                             const struct fptc__request *request, int64_t now_wall_ms,
                             struct fptc__plan **out, fptc_error *err)
{
    struct fptc__plan_own *own = calloc(1, sizeof(*own));
    struct fptc__planning p;
    fptc_status status;

    *out = NULL;
    if (!own)
        return fptc__fail_nomem(err);
    memset(&p, 0, sizeof(p));
    fptc__scratch_init(&own->scratch);
    own->plan.own = own;
    own->filters_ref = fptc__filters_take(request->filters_ref);
    p.plan = &own->plan;
    p.request = request;
    p.check = (struct fptc__check){schema, request->type, now_wall_ms, &own->scratch, err};
    status = check_request(&p);
    if (!status)
        status = find_shape(&p, plans, &own->shape);
    if (status) {
        fptc__plan_free(&own->plan);
        return status;
    }
    own->filter = p.filter;
    adopt(&own->plan, &own->shape->shared);
    *out = &own->plan;
    return FPTC_OK;
}
