/*
 * aggregate.c: see aggregate.h. Through the view that joins snapshot and overlay SQLite would first
 * write every row into a table of its own; so each half is grouped alone, and what they say is merged:
 *   1. a line is what one half says of one combination of group values;
 *   2. lines are sorted by those values and settled to one of each: a group is a run of neighbours;
 *   3. the tree is built from the runs, and a group's summaries from all of its lines.
 */
#include "view/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "query/choices.h"
#include "view/aggregating.h"

#define EXACT_MAX ((int64_t)1 << 53) /* integers that a double, and so JSON, holds */

static fptc_status unknown(struct fptc__aggregate *t, const char *why_not)
{
    fptc__summary_pass_through(t->summary, why_not);
    return FPTC_MISS;
}

/* ------------------------------------------------------------------------------------------- sorting */

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_texts(const struct fptc__agg_key *a, const struct fptc__agg_key *b)
{
    int c = strcmp(a->fold, b->fold);

    return c != 0 ? c : strcmp(a->text, b->text);
}

static int compare_values(const struct fptc__group *g, const struct fptc__agg_key *a,
                          const struct fptc__agg_key *b)
{
    int c;

    switch (g->kind) {
    case FPTC__GROUP_LINK:
        c = compare_texts(a, b);
        if (c == 0)
            c = strcmp(a->type, b->type);
        return c != 0 ? c : order_of(a->id, b->id);
    case FPTC__GROUP_CODE:
        c = g->is_status ? order_of(a->id, b->id) : 0;
        return c != 0 ? c : compare_texts(a, b);
    case FPTC__GROUP_TEXT:
        return compare_texts(a, b);
    case FPTC__GROUP_CHECKBOX:
    default:
        return order_of(a->id, b->id);
    }
}

/* Null is greater than every value (choices.h). */
static int compare_keys(const struct fptc__group *g, const struct fptc__agg_key *a,
                        const struct fptc__agg_key *b)
{
    int c = a->is_null || b->is_null ? a->is_null - b->is_null : compare_values(g, a, b);

    return g->is_descending ? -c : c;
}

static int compare_lines(const void *left, const void *right)
{
    const struct fptc__agg_line *a = left;
    const struct fptc__agg_line *b = right;
    int c = 0;
    size_t i;

    for (i = 0; i < a->summary->n_groups && c == 0; i++)
        c = compare_keys(&a->summary->groups[i], &a->keys[i], &b->keys[i]);
    return c;
}

/* Whether two neighbours could stand the other way round, or be one, as far as anybody knows. */
static const char *doubt(const struct fptc__group *g, const struct fptc__agg_key *a,
                         const struct fptc__agg_key *b)
{
    if (a->is_null || b->is_null)
        return NULL;
    if (g->kind == FPTC__GROUP_TEXT && strcmp(a->fold, b->fold) == 0)
        return "groups of texts that differ in case only";
    if (g->kind == FPTC__GROUP_CODE && !g->is_status &&
        (a->id == FPTC__NO_PLACE || b->id == FPTC__NO_PLACE || (a->id < b->id) == g->is_descending))
        return "groups by a list whose order is not that of its texts";
    return NULL;
}

/* ------------------------------------------------------------------------------------------- merging */

static void merge_partial(enum fptc__summary_type type, struct fptc__agg_partial *into,
                          const struct fptc__agg_partial *more)
{
    int is_greatest = type == FPTC__MAXIMUM || type == FPTC__LATEST;
    int c;

    if (!more->has)
        return;
    if (!into->has) {
        *into = *more;
        return;
    }
    if (type != FPTC__MAXIMUM && type != FPTC__MINIMUM && type != FPTC__EARLIEST &&
        type != FPTC__LATEST) {
        into->i += more->i;
        return;
    }
    c = more->text != NULL ? strcmp(more->text, into->text) : order_of(more->i, into->i);
    if (is_greatest ? c > 0 : c < 0)
        *into = *more;
}

/* Two decimals hold it, or nobody knows how it is rounded. */
static fptc_status put_average(struct fptc__aggregate *t, const struct fptc__agg_partial *p,
                               fptc__json **out)
{
    int64_t sum = p[0].has ? p[0].i : 0;
    int64_t n = p[1].i;
    int64_t hundredths;

    if (sum > EXACT_MAX || sum < -EXACT_MAX || (n > 0 && sum * 100 % n != 0))
        return unknown(t, "an average whose rounding only FPT knows");
    hundredths = n > 0 ? sum * 100 / n : 0;
    *out = fptc__json_new_double((double)hundredths / 100.0);
    return FPTC_OK;
}

static fptc_status put_result(struct fptc__aggregate *t, const struct fptc__summary_field *f,
                              int64_t n_rows, const struct fptc__agg_partial *p, fptc__json **out)
{
    int64_t number = f->type == FPTC__RECORD_COUNT ? n_rows : p->has ? p->i : 0;

    if (f->type == FPTC__AVERAGE)
        return put_average(t, p, out);
    if (f->type == FPTC__EARLIEST || f->type == FPTC__LATEST) {
        if (!p->has)
            return unknown(t, "the earliest or latest of no dates");
        *out = fptc__json_new_text(p->text);
        return FPTC_OK;
    }
    if (number > EXACT_MAX || number < -EXACT_MAX)
        return unknown(t, "a number too great for JSON");
    *out = fptc__json_new_int(number);
    return FPTC_OK;
}

/* The summaries of all the lines from `from` to before `to`. */
static fptc_status put_summaries(struct fptc__aggregate *t, size_t from, size_t to,
                                 fptc__json *into, fptc_error *err)
{
    const struct fptc__summary *s = t->summary;
    fptc__json *results = fptc__json_new_object();
    fptc_status status = FPTC_OK;
    int64_t n_rows = 0;
    size_t i, k, at = 0;
    int ok = 1;

    for (i = from; i < to; i++)
        n_rows += t->list[i].n_rows;
    for (k = 0; k < s->n_fields && status == FPTC_OK; k++) {
        struct fptc__agg_partial p[2] = {{0, 0, NULL}, {0, 0, NULL}};
        fptc__json *result = NULL;
        size_t n;

        for (i = from; i < to; i++) {
            for (n = 0; n < s->fields[k].n_columns && n < 2; n++)
                merge_partial(s->fields[k].type, &p[n], &t->list[i].partials[at + n]);
        }
        at += s->fields[k].n_columns;
        status = put_result(t, &s->fields[k], n_rows, p, &result);
        ok = status != FPTC_OK || (fptc__json_set(results, s->fields[k].name, result) && ok);
    }
    ok = fptc__json_set(into, "summaries", results) && ok;
    return status != FPTC_OK || ok ? status : fptc__fail_nomem(err);
}

static fptc__json *value_of(const struct fptc__group *g, const struct fptc__agg_key *k)
{
    fptc__json *link;

    if (k->is_null)
        return fptc__json_new_null();
    if (g->kind == FPTC__GROUP_CHECKBOX)
        return fptc__json_new_bool(k->id != 0);
    if (g->kind != FPTC__GROUP_LINK)
        return fptc__json_new_text(k->text);
    link = fptc__json_new_object();
    if (!fptc__json_set(link, "type", fptc__json_new_text(k->type)) ||
        !fptc__json_set(link, "id", fptc__json_new_int(k->id)) ||
        !fptc__json_set(link, "name", fptc__json_new_text(k->text)) ||
        !fptc__json_set(link, "valid", fptc__json_new_text("valid"))) {
        fptc__json_free(link);
        return NULL;
    }
    return link;
}

static const char *name_of(const struct fptc__group *g, const struct fptc__agg_key *k)
{
    if (k->is_null)
        return "";
    if (g->kind == FPTC__GROUP_CHECKBOX)
        return k->id != 0 ? "[X]" : "[ ]";
    return k->text;
}

static fptc_status put_groups(struct fptc__aggregate *t, size_t level, size_t from, size_t to,
                              fptc__json *into, fptc_error *err);

static fptc_status put_group(struct fptc__aggregate *t, size_t level, size_t from, size_t to,
                             fptc__json *groups, fptc_error *err)
{
    const struct fptc__group *g = &t->summary->groups[level];
    const struct fptc__agg_key *k = &t->list[from].keys[level];
    fptc__json *group = fptc__json_new_object();
    int ok = fptc__json_set(group, "group_name", fptc__json_new_text(name_of(g, k))) &&
             fptc__json_set(group, "group_value", value_of(g, k));
    fptc_status status = ok ? put_summaries(t, from, to, group, err) : fptc__fail_nomem(err);

    if (status == FPTC_OK && level + 1 < t->summary->n_groups)
        status = put_groups(t, level + 1, from, to, group, err);
    if (!fptc__json_append(groups, group) && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    return status;
}

static fptc_status put_groups(struct fptc__aggregate *t, size_t level, size_t from, size_t to,
                              fptc__json *into, fptc_error *err)
{
    const struct fptc__group *g = &t->summary->groups[level];
    fptc__json *groups = fptc__json_new_array();
    fptc_status status = FPTC_OK;
    size_t next;

    for (; from < to && status == FPTC_OK; from = next) {
        const struct fptc__agg_key *k = &t->list[from].keys[level];

        for (next = from + 1; next < to && compare_keys(g, k, &t->list[next].keys[level]) == 0;)
            next++;
        if (next < to && doubt(g, k, &t->list[next].keys[level]) != NULL)
            status = unknown(t, doubt(g, k, &t->list[next].keys[level]));
        if (status == FPTC_OK)
            status = put_group(t, level, from, next, groups, err);
    }
    if (!fptc__json_set(into, "groups", groups) && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    return status;
}

static void merge_line(const struct fptc__summary *s, struct fptc__agg_line *into,
                       const struct fptc__agg_line *more)
{
    size_t i, k, at = 0;

    into->n_rows += more->n_rows;
    for (i = 0; i < s->n_fields; i++) {
        for (k = 0; k < s->fields[i].n_columns; k++, at++)
            merge_partial(s->fields[i].type, &into->partials[at], &more->partials[at]);
    }
}

/* Sorted, one line of one combination, and none of no rows: those that the overlay replaced. */
static fptc_status settle(struct fptc__aggregate *t)
{
    size_t i, k, n = 0;

    if (t->n > 1)
        qsort(t->list, t->n, sizeof(*t->list), compare_lines);
    for (i = 0; i < t->n; i++) {
        if (n > 0 && compare_lines(&t->list[n - 1], &t->list[i]) == 0) {
            merge_line(t->summary, &t->list[n - 1], &t->list[i]);
            continue;
        }
        if (n > 0 && t->list[n - 1].n_rows == 0)
            n--;
        t->list[n++] = t->list[i];
    }
    if (n > 0 && t->list[n - 1].n_rows == 0)
        n--;
    t->n = n;
    for (i = 0; i < n; i++) {
        for (k = 0; k < t->summary->n_groups; k++) {
            if (t->list[i].keys[k].why_not != NULL)
                return unknown(t, t->list[i].keys[k].why_not);
        }
    }
    return FPTC_OK;
}

static fptc_status build(struct fptc__aggregate *t, fptc__json **out, fptc_error *err)
{
    fptc_status status = settle(t);

    if (status != FPTC_OK)
        return status;
    *out = fptc__json_new_object();
    status = put_summaries(t, 0, t->n, *out, err);
    if (status == FPTC_OK && t->summary->n_groups > 0)
        status = put_groups(t, 0, 0, t->n, *out, err);
    else if (status == FPTC_OK && !fptc__json_set(*out, "groups", fptc__json_new_array()))
        status = fptc__fail_nomem(err);
    if (status != FPTC_OK) {
        fptc__json_free(*out);
        *out = NULL;
    }
    return status;
}

/* A link to what is gone reads as null: then no row is the project's. */
static int has_no_rows(struct fptc__view *v, const struct fptc__summary *s)
{
    const char *name;
    int is_gone = 0;

    if (s->is_of_project)
        (void)fptc__view_name(v, "Project", s->plan->project_id, &name, &is_gone);
    return is_gone;
}

/* The home, unless it has nothing of the type. */
static struct fptc__view_part *part_of(struct fptc__view *v, const struct fptc__plan *plan)
{
    struct fptc__view_part *home = fptc__view_at(v, FPTC__HOME);

    if (v->n_parts > 1 && fptc__shape_half(home, plan->type, FPTC__HALF_OVERLAY, NULL) != FPTC_OK &&
        fptc__shape_half(home, plan->type, FPTC__HALF_WHOLE, NULL) != FPTC_OK &&
        fptc__shape_half(home, plan->type, FPTC__HALF_PENDING, NULL) != FPTC_OK)
        return fptc__view_at(v, FPTC__SITE);
    return home;
}

fptc_status fptc__view_summarize(struct fptc__view *v, struct fptc__summary *s, fptc__json **out,
                                 fptc_error *err)
{
    struct fptc__aggregate t = {v, NULL, s, 0, {NULL, 0}, NULL, 0, 0};
    int n_faults = fptc__view_n_faults(v);
    fptc_status status = fptc__run_shape(v, s->plan, err);
    size_t i;

    *out = NULL;
    fptc__scratch_init(&t.scratch);
    for (i = 0; i < s->n_fields; i++)
        t.n_partials += s->fields[i].n_columns;
    if (status == FPTC_OK && !has_no_rows(v, s)) {
        t.part = part_of(v, s->plan);
        status = fptc__aggregate_read(&t, err);
        status = fptc__view_check_faults(v, n_faults, status, err);
    }
    if (status == FPTC_OK)
        status = build(&t, out, err);
    free(t.list);
    fptc__scratch_done(&t.scratch);
    return status;
}
