/* usage.c: see usage.h. */
#include "query/usage.h"

#include <string.h>

/* How a field is used; the words are those of record.h. */
struct part {
    const char *field;
    const char *word;
};

struct own {
    struct part equal[FPTC__USAGE_EQUAL_MAX];
    size_t n_equal;
    struct part other; /* a range, or a text that is searched */
};

static void add(struct fptc__planning *p, const char *type, const struct part *parts, size_t n)
{
    struct fptc__plan *plan = p->shared;
    struct fptc__usage *u;
    struct fptc__buf wish;
    size_t i;

    if (n == 0 || plan->n_usages == FPTC__USAGES_MAX)
        return;
    fptc__buf_init(&wish, 4096);
    for (i = 0; i < n; i++)
        fptc__buf_addf(&wish, "%s%s %s", i ? "," : "", parts[i].field, parts[i].word);
    u = &plan->usages[plan->n_usages++];
    u->type = fptc__scratch_text(p->keep, type, strlen(type));
    u->wish = fptc__scratch_take(p->keep, &wish);
}

/* Conditions that name one value, or some: an index finds their rows. */
static const char *word_of(const struct fptc__leaf *leaf, int *is_equal)
{
    int is_text = *fptc__kind_fold(leaf->kind) != '\0';

    *is_equal = 0;
    if (leaf->is_negated || leaf->has_null || leaf->why_not)
        return NULL;
    if (leaf->kind == FPTC__KIND_LINK || leaf->kind == FPTC__KIND_LINKS) {
        *is_equal = leaf->n_links == 1 && leaf->kind == FPTC__KIND_LINK;
        if (leaf->n_links == 0)
            return NULL;
        return leaf->kind == FPTC__KIND_LINK ? "link" : "links";
    }
    switch (leaf->relation) {
    case FPTC__IS:
    case FPTC__IN:
        *is_equal = leaf->n_values == 1 && leaf->kind != FPTC__KIND_FLOAT &&
                    leaf->kind != FPTC__KIND_CURRENCY;
        return is_text ? "fold" : *is_equal ? "equal" : "range";
    case FPTC__CONTAINS:
    case FPTC__STARTS_WITH:
    case FPTC__ENDS_WITH:
        return is_text ? "scan" : NULL;
    case FPTC__GREATER_THAN:
    case FPTC__LESS_THAN:
    case FPTC__BETWEEN:
    case FPTC__IN_LAST:
    case FPTC__IN_NEXT:
    case FPTC__IN_CALENDAR_DAY:
    case FPTC__IN_CALENDAR_WEEK:
    case FPTC__IN_CALENDAR_MONTH:
    case FPTC__IN_CALENDAR_YEAR:
        return is_text ? "fold" : "range";
    case FPTC__TYPE_IS:
    case FPTC__NAME_IS:
    case FPTC__NAME_CONTAINS:
        break;
    }
    return NULL;
}

/* In a project's partition every row has that project. */
static int is_partition(const struct fptc__planning *p, const char *type, const char *field)
{
    return strcmp(field, "project") == 0 && fptc__schema_is_project_type(p->check.schema, type);
}

/* The links followed on the way, each on its type. Returns the part of what is behind them. */
static int part_of(struct fptc__planning *p, const struct fptc__leaf *leaf, struct part *out,
                   int *is_equal)
{
    const struct fptc__fieldpath *at = &leaf->at;
    const char *word = at->field ? word_of(leaf, is_equal) : NULL;
    size_t i;

    if (!word)
        return 0;
    for (i = 0; i < at->n_hops; i++) {
        const struct part hop = {at->hops[i].link->name,
                                 at->hops[i].link->class_of == FPTC__LINKS ? "links" : "link"};

        if (!is_partition(p, at->hops[i].type, hop.field))
            add(p, at->hops[i].type, &hop, 1);
    }
    out->field = at->is_link_id ? at->hops[at->n_hops].link->name : at->field->name;
    out->word = at->is_link_id ? "link" : word;
    return strcmp(out->field, "id") != 0 && !is_partition(p, at->type, out->field);
}

/* Every row must meet it. */
static void take_own(struct fptc__planning *p, const struct fptc__leaf *leaf, struct own *own)
{
    struct part part;
    int is_equal;

    if (!part_of(p, leaf, &part, &is_equal))
        return;
    if (leaf->at.n_hops > 0 || strcmp(part.word, "links") == 0)
        add(p, leaf->at.type, &part, 1);
    else if (is_equal && own->n_equal < FPTC__USAGE_EQUAL_MAX)
        own->equal[own->n_equal++] = part;
    else if (!own->other.field || strcmp(own->other.word, "scan") == 0)
        own->other = part;
}

static void take_member(struct fptc__planning *p, const struct fptc__filter *f, unsigned depth)
{
    const struct fptc__filter *m;
    struct part part;
    int is_equal;

    if (f->kind == FPTC__FILTER_LEAF) {
        if (part_of(p, f->leaf, &part, &is_equal))
            add(p, f->leaf->at.type, &part, 1);
        return;
    }
    for (m = f->first; m && depth > 0 && p->shared->n_usages < FPTC__USAGES_MAX; m = m->next)
        take_member(p, m, depth - 1);
}

/* One spelling for both orders of the same conditions. */
static void sort_equal(struct own *own)
{
    struct part first = own->equal[0];

    if (own->n_equal < 2 || strcmp(first.field, own->equal[1].field) <= 0)
        return;
    own->equal[0] = own->equal[1];
    own->equal[1] = first;
}

/* The order's own fields, up to the first that is read through a link. */
static size_t put_order(const struct fptc__planning *p, struct part *out)
{
    size_t n;

    for (n = 0; n < p->n_keys && n < FPTC__USAGE_ORDER_MAX; n++) {
        const struct fptc__sort_key *k = &p->keys[n];
        int is_text = *fptc__kind_fold(k->kind) != '\0';

        if (k->at.n_hops > 0 || k->at.is_link_id || strcmp(k->at.field->name, "id") == 0)
            break;
        out[n].field = k->at.field->name;
        if (is_text)
            out[n].word = k->is_descending ? "fold-desc" : "fold-asc";
        else
            out[n].word = k->is_descending ? "desc" : "asc";
    }
    return n;
}

/* Equality, then the order where only the first rows are wanted, else what else narrows the rows. */
static void put_own(struct fptc__planning *p, struct own *own)
{
    struct part parts[FPTC__USAGE_EQUAL_MAX + FPTC__USAGE_ORDER_MAX + 1];
    size_t n = own->n_equal, ordered = 0;

    sort_equal(own);
    memcpy(parts, own->equal, sizeof(own->equal));
    if (p->plan->limit > 0 && (n > 0 || !own->other.field))
        ordered = put_order(p, parts + n);
    if (ordered == 0 && own->other.field && (n == 0 || strcmp(own->other.word, "scan") != 0))
        parts[n + ordered++] = own->other;
    add(p, p->shared->type, parts, n + ordered);
}

void fptc__planning_usage(struct fptc__planning *p)
{
    const struct fptc__filter *f = p->filter, *m;
    struct own own;

    memset(&own, 0, sizeof(own));
    if (!p->shared->is_local)
        return;
    p->shared->usages = fptc__scratch_array(p->keep, FPTC__USAGES_MAX, sizeof(*p->shared->usages));
    if (!p->shared->usages)
        return;
    if (f && f->kind == FPTC__FILTER_LEAF)
        take_own(p, f->leaf, &own);
    else if (f && f->kind == FPTC__FILTER_OR)
        take_member(p, f, 2);
    for (m = f && f->kind == FPTC__FILTER_AND ? f->first : NULL; m; m = m->next) {
        if (m->kind == FPTC__FILTER_LEAF)
            take_own(p, m->leaf, &own);
        else
            take_member(p, m, 2);
    }
    put_own(p, &own);
}
