/* leaf.c: see leaf.h; field and operator. operand.c and linkoperand.c read the values. */
#include "query/leaf.h"

#include <string.h>

#include "base/error.h"
#include "query/choices.h"
#include "query/complaint.h"

fptc_status fptc__wrong_class(const struct fptc__check *c, const struct fptc__filter *f,
                              const char *classes, const fptc__json *v)
{
    char shown[FPTC__SHOWN_BYTES];

    return fptc__fail(c->err, FPTC_EUSAGE,
                      "API read() %s.%.80s expected [%s] data type(s) but got %s: %s", c->type,
                      f->path, classes, fptc__ruby_class(v), fptc__show_json(v, shown));
}

static void show_values(const struct fptc__filter *f, char *out, size_t size)
{
    char shown[FPTC__SHOWN_BYTES];
    struct fptc__buf b;
    size_t i;

    fptc__buf_init(&b, size - 1);
    fptc__buf_addc(&b, '[');
    for (i = 0; i < f->n_values && i < 3; i++) {
        fptc__buf_adds(&b, i ? ", " : "");
        fptc__buf_adds(&b, fptc__show_json(f->values[i], shown));
    }
    fptc__buf_adds(&b, i < f->n_values ? ", ...]" : "]");
    memcpy(out, fptc__buf_text(&b), b.len + 1);
    fptc__buf_done(&b);
}

fptc_status fptc__wrong_count(const struct fptc__check *c, const struct fptc__filter *f,
                              const char *what)
{
    char shown[4 * FPTC__SHOWN_BYTES];

    show_values(f, shown, sizeof(shown));
    return fptc__fail(c->err, FPTC_EUSAGE, "API read() '%s' 'relation' expects %s: %s (%s.%.80s)",
                      f->relation, what, shown, c->type, f->path);
}

fptc_status fptc__single_value(const struct fptc__check *c, const struct fptc__filter *f,
                               const fptc__json **out)
{
    if (f->n_values != 1)
        return fptc__wrong_count(c, f, "a 1-element array");
    *out = f->values[0];
    return FPTC_OK;
}

static fptc_status no_field(const struct fptc__check *c, const struct fptc__filter *f,
                            const struct fptc__fieldpath *at, const char *name)
{
    const char *near = fptc__schema_nearest(c->schema, at->type, name);

    return fptc__fail(c->err, FPTC_EUSAGE, "API read() %s.%.160s doesn't exist.%s%s%s", c->type,
                      f->path, near ? " Did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static fptc_status find_field(const struct fptc__check *c, const struct fptc__filter *f,
                              struct fptc__leaf *leaf)
{
    const char *name;

    switch (fptc__fieldpath_find(c->schema, c->type, f->path, c->scratch, &leaf->at, &name)) {
    case FPTC__PATH_FOUND:
        return FPTC_OK;
    case FPTC__PATH_UNKNOWN:
        return no_field(c, f, &leaf->at, name);
    case FPTC__PATH_NOT_LOADED:
        if (!fptc__is_name(name))
            return fptc__fail(c->err, FPTC_EUSAGE, "API read() %s.%.160s doesn't exist.", c->type,
                              f->path);
        return fptc__fail(c->err, FPTC_ESTATE, "the schema of type '%s' is not loaded (%s.%.160s)",
                          name, c->type, f->path);
    case FPTC__PATH_NO_MEMORY:
        break;
    }
    return fptc__fail_nomem(c->err);
}

static fptc_status find_relation(const struct fptc__check *c, const struct fptc__filter *f,
                                 struct fptc__leaf *leaf)
{
    const struct fptc__relation_row *row = fptc__relation_find(leaf->kind, f->relation);

    if (row) {
        leaf->relation = row->positive;
        leaf->is_negated = row->is_negated;
        return FPTC_OK;
    }
    if (fptc__relation_is_foreign(f->relation)) {
        leaf->why_not = "an operator that only FPT knows";
        return FPTC_OK;
    }
    return fptc__fail(c->err, FPTC_EUSAGE,
                      "API read() %s.%.80s's '%s' data type doesn't support '%.60s' 'relation'. "
                      "Valid relations: [%s]",
                      c->type, f->path, leaf->at.field->data_type, f->relation,
                      fptc__relation_names(leaf->kind));
}

static enum fptc__kind kind_of(const struct fptc__fieldpath *at)
{
    if (at->field->class_of == FPTC__NEVER)
        return FPTC__KIND_FOREIGN;
    /* Called text by the schema, and filters on it are ignored (A§3.1). */
    if (strcmp(at->type, "PageSetting") == 0 && strcmp(at->field->name, "settings_json") == 0)
        return FPTC__KIND_FOREIGN;
    return fptc__kind_of(at->field->data_type);
}

/* Whether links on the way leave the answer open (choices.h). */
static const char *why_not_through_links(const struct fptc__leaf *leaf)
{
    if (leaf->at.n_hops == 0 && !leaf->at.is_link_id)
        return NULL;
    if (leaf->at.n_hops > FPTC__HOPS_MAX)
        return "a linked field over too many links";
    if (leaf->has_null)
        return "null through a link";
    if (leaf->is_negated && leaf->at.hops[0].link->class_of == FPTC__LINK)
        return "a negative operator through an entity field";
    if (leaf->is_negated && leaf->at.is_off_types)
        return "a negative operator through a link to a type that it does not name";
    return NULL;
}

fptc_status fptc__leaf_check(const struct fptc__check *c, struct fptc__filter *f)
{
    struct fptc__leaf *leaf = fptc__scratch_alloc(c->scratch, sizeof(*leaf));
    fptc_status status;

    if (!leaf)
        return fptc__fail_nomem(c->err);
    f->leaf = leaf;
    leaf->kind = FPTC__KIND_FOREIGN;
    if (f->path[0] == '$') {
        leaf->why_not = "a path that only FPT understands ($FROM$)";
        return FPTC_OK;
    }
    status = find_field(c, f, leaf);
    if (status)
        return status;
    leaf->kind = kind_of(&leaf->at);
    if (leaf->kind == FPTC__KIND_FOREIGN) {
        leaf->why_not = "a filter on a data type that only FPT can filter";
        return FPTC_OK;
    }
    status = find_relation(c, f, leaf);
    if (status || leaf->why_not)
        return status;
    if (leaf->kind == FPTC__KIND_LINK || leaf->kind == FPTC__KIND_LINKS)
        status = fptc__linkoperand_read(c, f, leaf);
    else
        status = fptc__operand_read(c, f, leaf);
    if (!status && !leaf->why_not)
        leaf->why_not = why_not_through_links(leaf);
    return status;
}
