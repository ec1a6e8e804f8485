/* filter.c: see filter.h. */
#include "query/filter.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "query/complaint.h"

struct parse {
    struct fptc__scratch *scratch;
    fptc_error *err;
};

static fptc_status parse_member(const struct parse *p, const fptc__json *v, unsigned depth,
                                struct fptc__filter **out);

static fptc_status no_condition(const struct parse *p, const fptc__json *v)
{
    char shown[FPTC__SHOWN_BYTES];

    return fptc__fail(p->err, FPTC_EUSAGE,
                      "Invalid condition: %s (expected [\"field\", \"operator\", value])",
                      fptc__show_json(v, shown));
}

static fptc_status parse_leaf(const struct parse *p, const fptc__json *v, struct fptc__filter **out)
{
    const fptc__json *path = fptc__json_first(v);
    const fptc__json *relation = path ? fptc__json_next(path) : NULL;
    const fptc__json *value = relation ? fptc__json_next(relation) : NULL;
    struct fptc__filter *f;

    if (!fptc__json_is_string(path) || !fptc__json_is_string(relation) || !value)
        return no_condition(p, v);
    f = fptc__scratch_alloc(p->scratch, sizeof(*f));
    if (!f)
        return fptc__fail_nomem(p->err);
    f->kind = FPTC__FILTER_LEAF;
    f->path = fptc__json_text(path);
    f->relation = fptc__json_text(relation);
    f->is_list = fptc__json_next(value) != NULL;
    if (!f->is_list && fptc__json_is_array(value)) {
        f->is_list = 1;
        f->n_values = fptc__json_size(value);
        value = fptc__json_first(value);
    } else {
        f->n_values = fptc__json_size(v) - 2;
    }
    f->values = fptc__scratch_array(p->scratch, f->n_values, sizeof(fptc__json *));
    if (!f->values)
        return fptc__fail_nomem(p->err);
    for (f->n_values = 0; value; value = fptc__json_next(value))
        f->values[f->n_values++] = value;
    *out = f;
    return FPTC_OK;
}

/* The list of a group's members, and its kind. */
static fptc_status open_group(const struct parse *p, const fptc__json *v,
                              enum fptc__filter_kind *out_kind, const fptc__json **out_list)
{
    const char *word = fptc__json_get_text(v, "logical_operator");
    int is_hash = word != NULL;
    char shown[FPTC__SHOWN_BYTES];

    *out_list = fptc__json_get(v, is_hash ? "conditions" : "filters");
    if (!is_hash)
        word = fptc__json_get_text(v, "filter_operator");
    if (!word)
        return fptc__fail(p->err, FPTC_EUSAGE, "Missing logical operator: %s",
                          fptc__show_json(v, shown));
    if (!fptc__json_is_array(*out_list))
        return fptc__fail(p->err, FPTC_EUSAGE, "Missing conditions parameter: %s",
                          fptc__show_json(v, shown));
    if (strcmp(word, "and") == 0 || (!is_hash && strcmp(word, "all") == 0))
        *out_kind = FPTC__FILTER_AND;
    else if (strcmp(word, "or") == 0 || (!is_hash && strcmp(word, "any") == 0))
        *out_kind = FPTC__FILTER_OR;
    else
        return fptc__fail(p->err, FPTC_EUSAGE, "Invalid logical operator: %.80s", word);
    return FPTC_OK;
}

/* Appends a member, or the members of a group of the same kind. */
static void add_member(struct fptc__filter *group, struct fptc__filter ***tail,
                       struct fptc__filter *member)
{
    if (member->kind != group->kind || member->n_members == 0) {
        **tail = member;
        *tail = &member->next;
        group->n_members++;
        return;
    }
    **tail = member->first;
    while (**tail)
        *tail = &(**tail)->next;
    group->n_members += member->n_members;
}

static struct fptc__filter *new_group(const struct parse *p, enum fptc__filter_kind kind)
{
    struct fptc__filter *g = fptc__scratch_alloc(p->scratch, sizeof(*g));

    if (g)
        g->kind = kind;
    return g;
}

/* depth: this group's own, 1 at the top. *out stays NULL for an empty group. */
static fptc_status parse_group(const struct parse *p, enum fptc__filter_kind kind,
                               const fptc__json *list, unsigned depth, struct fptc__filter **out)
{
    struct fptc__filter *group = new_group(p, kind);
    struct fptc__filter **tail;
    const fptc__json *v;
    int has_empty = 0;

    if (depth > FPTC_FILTER_DEPTH_MAX)
        return fptc__fail(p->err, FPTC_EUSAGE,
                          "filters are nested deeper than %u groups: FPT cannot answer that either",
                          FPTC_FILTER_DEPTH_MAX);
    if (!group)
        return fptc__fail_nomem(p->err);
    tail = &group->first;
    for (v = fptc__json_first(list); v; v = fptc__json_next(v)) {
        struct fptc__filter *member = NULL;
        fptc_status status = parse_member(p, v, depth, &member);

        if (status)
            return status;
        if (member)
            add_member(group, &tail, member);
        else
            has_empty = 1;
    }
    if (group->n_members == 0)
        return FPTC_OK;
    if (has_empty && kind == FPTC__FILTER_OR) {
        struct fptc__filter *empty = new_group(p, FPTC__FILTER_AND);

        if (!empty)
            return fptc__fail_nomem(p->err);
        add_member(group, &tail, empty);
    }
    *out = group->n_members == 1 ? group->first : group;
    return FPTC_OK;
}

static fptc_status parse_member(const struct parse *p, const fptc__json *v, unsigned depth,
                                struct fptc__filter **out)
{
    enum fptc__filter_kind kind = FPTC__FILTER_AND;
    const fptc__json *list = NULL;
    fptc_status status;

    if (fptc__json_is_array(v))
        return parse_leaf(p, v, out);
    if (!fptc__json_is_object(v))
        return no_condition(p, v);
    status = open_group(p, v, &kind, &list);
    return status ? status : parse_group(p, kind, list, depth + 1, out);
}

fptc_status fptc__filter_parse(const fptc__json *json, struct fptc__scratch *scratch,
                               struct fptc__filter **out, fptc_error *err)
{
    struct parse p = {scratch, err};

    *out = NULL;
    if (!json)
        return FPTC_OK;
    if (fptc__json_is_array(json)) {
        /* One condition where a list of them belongs is a common slip. */
        if (fptc__json_is_string(fptc__json_first(json)))
            return fptc__fail(
                err, FPTC_EUSAGE,
                "filters are a list of conditions: [[\"field\", \"operator\", value]]");
        return parse_group(&p, FPTC__FILTER_AND, json, 1, out);
    }
    return parse_member(&p, json, 0, out);
}
