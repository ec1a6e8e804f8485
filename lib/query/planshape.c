/* planshape.c: see planshape.h. */
#include "query/planshape.h"

#include <stdlib.h>
#include <string.h>

#include "query/choices.h"
#include "query/leaf.h"

struct fptc__shape *fptc__shape_new(void)
{
    struct fptc__shape *shape = calloc(1, sizeof(*shape));

    if (!shape)
        return NULL;
    atomic_init(&shape->refs, 1);
    fptc__scratch_init(&shape->scratch);
    return shape;
}

void fptc__shape_take(struct fptc__shape *shape)
{
    atomic_fetch_add(&shape->refs, 1);
}

void fptc__shape_drop(struct fptc__shape *shape)
{
    if (!shape || atomic_fetch_sub(&shape->refs, 1) > 1)
        return;
    fptc__scratch_done(&shape->scratch);
    free(shape);
}

/* A text and its end, which no name contains. */
static void put_text(struct fptc__buf *out, const char *text)
{
    fptc__buf_add(out, text, strlen(text) + 1);
}

static void put_flags(struct fptc__buf *out, int a, int b, int c, int d)
{
    fptc__buf_addc(out, (char)('@' + a + 2 * b + 4 * c + 8 * d));
}

/* A count that decides how many parameters there are; long lists are one. */
static void put_count(struct fptc__buf *out, size_t n)
{
    fptc__buf_add_u32(out, n > FPTC__IN_VALUES_MAX ? FPTC__IN_VALUES_MAX + 1 : (uint32_t)n);
}

/* How many links there are of each type: the types are parameters. */
static void put_links(struct fptc__buf *out, const struct fptc__leaf *leaf)
{
    size_t run = 0;
    size_t i;

    for (i = 0; i < leaf->n_links; i++) {
        run++;
        if (i + 1 == leaf->n_links || strcmp(leaf->links[i].type, leaf->links[i + 1].type) != 0) {
            put_count(out, run);
            run = 0;
        }
    }
    fptc__buf_add_u32(out, 0);
}

static void put_leaf(struct fptc__buf *out, const struct fptc__filter *f)
{
    const struct fptc__leaf *leaf = f->leaf;
    const char *first = leaf->n_values > 0 ? leaf->values[0].text : NULL;

    put_text(out, f->path);
    fptc__buf_addc(out, (char)leaf->relation);
    put_flags(out, leaf->is_negated, leaf->has_null, leaf->is_closed, first && !*first);
    put_text(out, leaf->why_not ? leaf->why_not : "");
    put_count(out, leaf->n_values);
    put_links(out, leaf);
}

static void put_filter(struct fptc__buf *out, const struct fptc__filter *f)
{
    const struct fptc__filter *m;

    if (f->kind == FPTC__FILTER_LEAF) {
        fptc__buf_addc(out, 'L');
        put_leaf(out, f);
        return;
    }
    fptc__buf_addc(out, f->kind == FPTC__FILTER_AND ? '&' : '|');
    for (m = f->first; m; m = m->next)
        put_filter(out, m);
    fptc__buf_addc(out, '.');
}

void fptc__shape_key(const struct fptc__schema *schema, const struct fptc__request *request,
                     const struct fptc__plan *plan, const struct fptc__filter *f,
                     struct fptc__buf *out)
{
    size_t i;

    fptc__buf_add_u64(out, fptc__schema_generation(schema));
    put_text(out, request->type);
    put_flags(out, plan->is_retired_only, plan->without_archived, plan->limit > 0, plan->page > 1);
    put_flags(out, plan->n_project_ids == 1, f != NULL, 0, 0);
    for (i = 0; i < request->n_fields; i++)
        put_text(out, request->fields[i]);
    fptc__buf_addc(out, '\0');
    for (i = 0; i < request->n_order; i++) {
        put_text(out, request->order[i].path);
        put_flags(out, request->order[i].is_descending, 0, 0, 0);
    }
    fptc__buf_addc(out, '\0');
    if (f)
        put_filter(out, f);
}
