/* linkoperand.c: values of conditions on entity and multi_entity fields (leaf.h, A§3.2, A§3.3). */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fold.h"
#include "query/choices.h"
#include "query/complaint.h"
#include "query/leaf.h"

static fptc_status not_an_entity(const struct fptc__check *c, const struct fptc__filter *f,
                                 const char *what, const fptc__json *v)
{
    char shown[FPTC__SHOWN_BYTES];

    return fptc__fail(c->err, FPTC_EUSAGE,
                      "API read() invalid/missing entity hash%s: %s (%s.%.80s)", what,
                      fptc__show_json(v, shown), c->type, f->path);
}

/* {"type":"Shot","id":5}; other members do not matter. */
static fptc_status read_link(const struct fptc__check *c, const struct fptc__filter *f,
                             struct fptc__leaf *leaf, const fptc__json *v)
{
    struct fptc__link_ref *link = &leaf->links[leaf->n_links];

    if (!fptc__json_is_object(v)) {
        if (leaf->kind == FPTC__KIND_LINKS && !fptc__json_is_string(v))
            return not_an_entity(c, f, "", v);
        return fptc__wrong_class(c, f, fptc__kind_classes(leaf->kind), v);
    }
    link->type = fptc__json_get_text(v, "type");
    if (!link->type)
        return not_an_entity(c, f, " string 'type'", v);
    if (!fptc__json_is_integer(fptc__json_get(v, "id")))
        return not_an_entity(c, f, " integer 'id'", v);
    link->id = fptc__json_get_int(v, "id");
    leaf->n_links++;
    return FPTC_OK;
}

static int compare_links(const void *a, const void *b)
{
    const struct fptc__link_ref *x = a;
    const struct fptc__link_ref *y = b;
    int order = strcmp(x->type, y->type);

    return order ? order : (x->id > y->id) - (x->id < y->id);
}

/* Sorts the links, drops doubles, and says so if they are of more types than SQL is made for. */
static void tidy(struct fptc__leaf *leaf)
{
    size_t n = 0;
    size_t n_types = 0;
    size_t i;

    if (leaf->n_links == 0)
        return;
    qsort(leaf->links, leaf->n_links, sizeof(*leaf->links), compare_links);
    for (i = 0; i < leaf->n_links; i++) {
        if (n > 0 && compare_links(&leaf->links[n - 1], &leaf->links[i]) == 0)
            continue;
        n_types += n == 0 || strcmp(leaf->links[n - 1].type, leaf->links[i].type) != 0;
        leaf->links[n++] = leaf->links[i];
    }
    leaf->n_links = n;
    if (n_types > FPTC__IN_TYPES_MAX)
        leaf->why_not = "links of too many types";
}

static fptc_status read_links(const struct fptc__check *c, const struct fptc__filter *f,
                              struct fptc__leaf *leaf)
{
    fptc_status status = FPTC_OK;
    size_t i;

    leaf->links = fptc__scratch_array(c->scratch, f->n_values, sizeof(*leaf->links));
    if (!leaf->links)
        return fptc__fail_nomem(c->err);
    for (i = 0; i < f->n_values && !status; i++) {
        if (fptc__json_is_null(f->values[i]))
            leaf->has_null = 1;
        else
            status = read_link(c, f, leaf, f->values[i]);
    }
    if (!status)
        tidy(leaf);
    if (leaf->has_null && f->n_values > 1 && leaf->kind == FPTC__KIND_LINKS)
        leaf->why_not = "null among the values of `in`";
    return status;
}

/* type_is, name_is, name_contains: a text, or null for type_is. */
static fptc_status read_word(const struct fptc__check *c, const struct fptc__filter *f,
                             struct fptc__leaf *leaf)
{
    int is_type = leaf->relation == FPTC__TYPE_IS;
    const char *fold = FPTC__FOLD_NAME;
    const fptc__json *v;
    struct fptc__buf b;
    const char *text;
    fptc_status status = fptc__single_value(c, f, &v);

    if (status)
        return status;
    text = fptc__json_text(v);
    if (is_type && fptc__json_is_null(v)) {
        leaf->has_null = 1;
        return FPTC_OK;
    }
    if (!text)
        return fptc__wrong_class(c, f, is_type ? "String, NilClass" : "String", v);
    if (!is_type && leaf->at.field->n_valid_types == 0)
        leaf->why_not = "names of entities of any type";
    fptc__buf_init(&b, 2 * strlen(text));
    if (!is_type && *fold)
        fptc__fold(text, strlen(text), &b);
    else
        fptc__buf_adds(&b, text);
    leaf->values = fptc__scratch_array(c->scratch, 1, sizeof(*leaf->values));
    if (leaf->values)
        leaf->values[0].text = fptc__scratch_take(c->scratch, &b);
    fptc__buf_done(&b);
    if (!leaf->values || !leaf->values[0].text)
        return fptc__fail_nomem(c->err);
    leaf->values[0].kind = FPTC__PARAM_TEXT;
    leaf->n_values = 1;
    return FPTC_OK;
}

fptc_status fptc__linkoperand_read(const struct fptc__check *c, const struct fptc__filter *f,
                                   struct fptc__leaf *leaf)
{
    if (leaf->relation == FPTC__IS && f->n_values != 1)
        return fptc__wrong_count(c, f, "a 1-element array");
    if (f->n_values == 0)
        return fptc__wrong_count(c, f, "at least a 1-element array");
    if (leaf->relation == FPTC__IS || leaf->relation == FPTC__IN)
        return read_links(c, f, leaf);
    return read_word(c, f, leaf);
}
