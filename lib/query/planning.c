/* planning.c: see planning.h; what the answer depends on. */
#include "query/planning.h"

#include <string.h>

#include "base/error.h"

/* Whether FPT's order by that field is known (choices.h). */
static const char *why_not_sortable(const struct fptc__sort_key *k)
{
    if (k->at.has_multi)
        return "order through a multi_entity field";
    if (k->at.n_hops > FPTC__HOPS_MAX)
        return "order over too many links";
    if (k->kind == FPTC__KIND_FOREIGN || k->at.field->class_of == FPTC__NEVER)
        return "order by a data type that only FPT can sort";
    if (k->kind == FPTC__KIND_LINK || k->kind == FPTC__KIND_LINKS)
        return "order by an entity field";
    return NULL;
}

static int is_key(const struct fptc__planning *p, const char *path)
{
    size_t i;

    for (i = 0; i < p->n_keys; i++) {
        if (strcmp(p->keys[i].path, path) == 0)
            return 1;
    }
    return 0;
}

static fptc_status add_key(struct fptc__planning *p, const struct fptc__order_key *from)
{
    struct fptc__sort_key *k = &p->keys[p->n_keys];
    const char *near;
    const char *name;
    const char *why_not;

    if (is_key(p, from->path) || (p->n_keys > 0 && strcmp(k[-1].path, "id") == 0))
        return FPTC_OK;
    k->path = fptc__scratch_text(p->check.scratch, from->path, strlen(from->path));
    k->is_descending = from->is_descending;
    if (!k->path)
        return fptc__fail_nomem(p->check.err);
    switch (fptc__fieldpath_find(p->check.schema, p->shared->type, k->path, p->check.scratch,
                                 &k->at, &name)) {
    case FPTC__PATH_FOUND:
        break;
    case FPTC__PATH_NOT_LOADED:
        if (fptc__is_name(name))
            return fptc__fail(p->check.err, FPTC_ESTATE,
                              "the schema of type '%s' is not loaded (order by %.160s)", name,
                              k->path);
        name = k->path;
        /* fall through */
    case FPTC__PATH_UNKNOWN:
        p->picks.has_unknown = 1;
        near = fptc__schema_nearest(p->check.schema, k->at.type, name);
        fptc__buf_addf(&p->warnings, "order by %s.%.200s: no such field, no order.%s%s%s\n",
                       p->shared->type, k->path, near ? " Did you mean \"" : "", near ? near : "",
                       near ? "\"?" : "");
        return FPTC_OK;
    case FPTC__PATH_NO_MEMORY:
        return fptc__fail_nomem(p->check.err);
    }
    k->kind = fptc__kind_of(k->at.field->data_type);
    why_not = why_not_sortable(k);
    if (why_not)
        fptc__planning_pass_through(p, why_not, k->path);
    p->n_keys++;
    return FPTC_OK;
}

fptc_status fptc__planning_order(struct fptc__planning *p)
{
    const struct fptc__request *r = p->request;
    fptc_status status = FPTC_OK;
    size_t i;

    p->keys = fptc__scratch_array(p->check.scratch, r->n_order + 1, sizeof(*p->keys));
    if (!p->keys)
        return fptc__fail_nomem(p->check.err);
    for (i = 0; i < r->n_order && !status; i++)
        status = add_key(p, &r->order[i]);
    /* `id` ascending at the end is what any order has there. */
    if (p->n_keys > 0 && strcmp(p->keys[p->n_keys - 1].path, "id") == 0 &&
        !p->keys[p->n_keys - 1].is_descending)
        p->n_keys--;
    return status;
}

/* Room for one more in a list that doubles at powers of two: old places stay in the scratch. */
static void *grown(struct fptc__planning *p, void *list, size_t n, size_t size)
{
    void *more;

    if (n != 0 && (n & (n - 1)) != 0)
        return list;
    more = fptc__scratch_array(p->keep, n ? 2 * n : 1, size);
    if (more && n > 0)
        memcpy(more, list, n * size);
    return more;
}

static char *copy_text(struct fptc__planning *p, const char *text)
{
    return fptc__scratch_text(p->keep, text, strlen(text));
}

static void add_type(struct fptc__planning *p, char ***list, size_t *n, const char *type)
{
    char **more;
    size_t i;

    for (i = 0; i < *n; i++) {
        if ((*list)[i] && strcmp((*list)[i], type) == 0)
            return;
    }
    more = grown(p, *list, *n, sizeof(**list));
    if (!more)
        return;
    *list = more;
    more[(*n)++] = copy_text(p, type);
}

static void add_row_type(struct fptc__planning *p, const char *type)
{
    add_type(p, &p->shared->row_types, &p->shared->n_row_types, type);
}

static void add_need(struct fptc__planning *p, const char *type, const struct fptc__field *field)
{
    struct fptc__plan *plan = p->shared;
    struct fptc__need *more;
    size_t i;

    if (field->class_of == FPTC__NEVER || field->is_computed || strcmp(field->name, "id") == 0)
        return;
    for (i = 0; i < plan->n_needs; i++) {
        const struct fptc__need *n = &plan->needs[i];

        if (n->type && n->field && strcmp(n->type, type) == 0 && strcmp(n->field, field->name) == 0)
            return;
    }
    more = grown(p, plan->needs, plan->n_needs, sizeof(*more));
    if (!more)
        return;
    plan->needs = more;
    more += plan->n_needs++;
    more->type = copy_text(p, type);
    more->field = copy_text(p, field->name);
}

static void add_follow(struct fptc__planning *p, const struct fptc__hop *hop)
{
    struct fptc__plan *plan = p->shared;
    struct fptc__follow *more;
    size_t i;

    for (i = 0; i < plan->n_follows; i++) {
        const struct fptc__follow *f = &plan->follows[i];

        if (f->type && f->link && f->target && strcmp(f->type, hop->type) == 0 &&
            strcmp(f->link, hop->link->name) == 0 && strcmp(f->target, hop->target) == 0)
            return;
    }
    more = grown(p, plan->follows, plan->n_follows, sizeof(*more));
    if (!more)
        return;
    plan->follows = more;
    more += plan->n_follows++;
    more->type = copy_text(p, hop->type);
    more->link = copy_text(p, hop->link->name);
    more->target = copy_text(p, hop->target);
    more->is_list = hop->link->class_of == FPTC__LINKS;
}

static void add_path(struct fptc__planning *p, const struct fptc__fieldpath *at)
{
    size_t n = at->n_hops + (size_t)at->is_link_id;
    size_t i;

    for (i = 0; i < n; i++) {
        add_need(p, at->hops[i].type, at->hops[i].link);
        if (i >= at->n_hops)
            continue;
        add_row_type(p, at->hops[i].target);
        add_follow(p, &at->hops[i]);
    }
    if (!at->is_link_id)
        add_need(p, at->type, at->field);
}

/* A name decides which rows come: the types that may bear it, and where it is kept. */
static void add_names(struct fptc__planning *p, const struct fptc__field *link)
{
    size_t i;

    for (i = 0; i < link->n_valid_types; i++)
        add_row_type(p, link->valid_types[i]);
}

static void add_filter(struct fptc__planning *p, const struct fptc__filter *f)
{
    const struct fptc__leaf *leaf = f->leaf;
    const struct fptc__filter *m;

    for (m = f->first; m; m = m->next)
        add_filter(p, m);
    if (f->kind != FPTC__FILTER_LEAF || !leaf->at.field)
        return;
    add_path(p, &leaf->at);
    if (leaf->relation == FPTC__NAME_IS || leaf->relation == FPTC__NAME_CONTAINS)
        add_names(p, leaf->at.field);
}

/* Which projects are archived decides which rows come. */
static void add_archived(struct fptc__planning *p)
{
    const struct fptc__field *project =
        fptc__schema_field(p->check.schema, p->shared->type, "project");
    const struct fptc__field *archived = fptc__schema_field(p->check.schema, "Project", "archived");

    if (!project || !archived)
        return;
    add_need(p, p->shared->type, project);
    add_need(p, "Project", archived);
    add_row_type(p, "Project");
}

void fptc__planning_needs(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->shared;
    size_t i, j;

    add_row_type(p, plan->type);
    if (p->plan->without_archived)
        add_archived(p);
    if (p->filter)
        add_filter(p, p->filter);
    for (i = 0; i < p->n_keys; i++)
        add_path(p, &p->keys[i].at);
    for (i = 0; i < p->picks.n; i++) {
        const struct fptc__fieldpath *at = &p->picks.items[i].at;

        add_path(p, at);
        if (at->field->class_of != FPTC__LINK && at->field->class_of != FPTC__LINKS)
            continue;
        for (j = 0; j < at->field->n_valid_types; j++)
            add_type(p, &plan->link_types, &plan->n_link_types, at->field->valid_types[j]);
    }
}

static char *links_sql(struct fptc__planning *p, const struct fptc__fieldpath *at)
{
    struct fptc__buf b;

    fptc__buf_init(&b, 4096);
    fptc__buf_addf(&b, "SELECT link_type, link_id FROM \"%s__%s\" WHERE id = ?1 ORDER BY pos",
                   at->type, at->field->name);
    return fptc__scratch_take(p->keep, &b);
}

fptc_status fptc__planning_columns(struct fptc__planning *p)
{
    struct fptc__plan *plan = p->shared;
    size_t i;

    plan->columns = fptc__scratch_array(p->keep, p->picks.n + 1, sizeof(*plan->columns));
    if (!plan->columns)
        return fptc__fail_nomem(p->check.err);
    for (i = 0; i < p->picks.n; i++) {
        const struct fptc__fieldpath *at = &p->picks.items[i].at;
        struct fptc__column *c = &plan->columns[plan->n_columns++];

        c->name = copy_text(p, p->picks.items[i].name);
        c->class_of = at->field->class_of;
        c->type = copy_text(p, at->type);
        c->field = copy_text(p, at->field->name);
        c->is_float = strcmp(at->field->data_type, "float") == 0;
        c->is_computed = at->field->is_computed;
        if (c->class_of == FPTC__LINKS)
            c->links_sql = links_sql(p, at);
        plan->has_never |= c->class_of == FPTC__NEVER;
        plan->has_computed |= c->is_computed;
    }
    return p->keep->failed ? fptc__fail_nomem(p->check.err) : FPTC_OK;
}
