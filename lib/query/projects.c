/*
 * projects.c: the projects that a plan's rows can be of (planning.h): those named by a condition that
 * every row must meet; of several such conditions the one that names the fewest. And the scope: the
 * trash, and archived projects.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "query/planning.h"

/* Whether a condition lists the projects that a row may be of; nothing else is such a list. */
static int names_projects(const struct fptc__filter *f)
{
    const struct fptc__leaf *leaf = f->leaf;
    size_t i;

    if (f->kind != FPTC__FILTER_LEAF || leaf->is_negated || leaf->why_not || leaf->has_null ||
        (leaf->relation != FPTC__IS && leaf->relation != FPTC__IN))
        return 0;
    if (strcmp(f->path, "project.Project.id") == 0)
        return leaf->n_values > 0 && leaf->values[0].kind == FPTC__PARAM_INT;
    if (strcmp(f->path, "project") != 0 || leaf->kind != FPTC__KIND_LINK || leaf->n_links == 0)
        return 0;
    for (i = 0; i < leaf->n_links; i++) {
        if (strcmp(leaf->links[i].type, "Project") != 0)
            return 0;
    }
    return 1;
}

static size_t n_named(const struct fptc__leaf *leaf)
{
    return leaf->n_links > 0 ? leaf->n_links : leaf->n_values;
}

static struct fptc__leaf *best_of(const struct fptc__filter *f)
{
    struct fptc__leaf *best = NULL;
    const struct fptc__filter *m;

    if (!f || f->kind == FPTC__FILTER_OR)
        return NULL;
    if (f->kind == FPTC__FILTER_LEAF)
        return names_projects(f) ? f->leaf : NULL;
    for (m = f->first; m; m = m->next) {
        if (names_projects(m) && (!best || n_named(m->leaf) < n_named(best)))
            best = m->leaf;
    }
    return best;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* No project has an id below 1. */
static fptc_status take_ids(struct fptc__planning *p, const struct fptc__leaf *leaf)
{
    struct fptc__plan *plan = p->plan;
    size_t n = n_named(leaf);
    size_t kept = 0;
    size_t i;
    int64_t *ids = fptc__scratch_array(p->check.scratch, n, sizeof(*ids));

    if (!ids)
        return fptc__fail_nomem(p->check.err);
    for (i = 0; i < n; i++)
        ids[i] = leaf->n_links > 0 ? leaf->links[i].id : leaf->values[i].i;
    qsort(ids, n, sizeof(*ids), compare_ids);
    for (i = 0; i < n; i++) {
        if (ids[i] > 0 && (kept == 0 || ids[kept - 1] != ids[i]))
            ids[kept++] = ids[i];
    }
    plan->project_ids = ids;
    plan->n_project_ids = kept;
    return FPTC_OK;
}

fptc_status fptc__planning_projects(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->plan;
    struct fptc__leaf *leaf = best_of(p->filter);
    fptc_status status = FPTC_OK;

    plan->is_project_type = fptc__schema_is_project_type(p->check.schema, p->request->type);
    if (leaf)
        status = take_ids(p, leaf);
    if (plan->n_project_ids == 1)
        plan->project_id = plan->project_ids[0];
    if (leaf && plan->n_project_ids == 1 && plan->is_project_type)
        leaf->is_of_partition = n_named(leaf) == 1;
    plan->is_unfiltered =
        (!p->filter || (p->filter->kind == FPTC__FILTER_LEAF && plan->project_id != 0)) &&
        plan->limit == 0 && plan->page == 0 && !plan->is_retired_only && !plan->without_archived;
    return status;
}

/* The rows of projects are those of types with an entity field `project` (choices.h). */
static const char *why_not_without_archived(const struct fptc__planning *p)
{
    const struct fptc__field *archived;

    if (!p->plan->without_archived)
        return NULL;
    if (!p->plan->is_project_type)
        return "archived projects of a type without a project";
    archived = fptc__schema_field(p->check.schema, "Project", "archived");
    return archived && archived->class_of == FPTC__BOOL ? NULL : "projects that have no `archived`";
}

fptc_status fptc__planning_scope(struct fptc__planning *p)
{
    const char *why_not = why_not_without_archived(p);

    if (p->plan->without_archived && !fptc__schema_has(p->check.schema, "Project"))
        return fptc__fail(p->check.err, FPTC_ESTATE,
                          "the schema of type 'Project' is not loaded (archived projects)");
    if (p->plan->is_retired_only)
        why_not = "retired rows";
    if (why_not)
        fptc__planning_pass_through(p, why_not, "");
    return FPTC_OK;
}

void fptc__projects_put_scope(struct fptc__sqltext *s, const struct fptc__planning *p)
{
    if (p->plan->without_archived)
        fptc__sql_add(s, " AND (t0.\"project__type\" IS NOT 'Project' OR t0.\"project__id\" NOT IN "
                         "(SELECT p.\"id\" FROM \"Project\" AS p WHERE p.\"archived\" = 1))");
}
