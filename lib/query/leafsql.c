/* leafsql.c: see leafsql.h; scalars and the way through links. */
#include "query/leafsql.h"

#include <string.h>

#include "query/choices.h"

/* Floats are kept at 6 decimals; half of the last one tells them apart whatever their rounding. */
#define HALF_STEP 5e-7

static int is_multi(const struct fptc__hop *hop)
{
    return hop->link->class_of == FPTC__LINKS;
}

static void put_link_half(struct fptc__sqltext *s, const struct fptc__hop *hop, size_t alias,
                          const char *half)
{
    if (is_multi(hop))
        fptc__sql_addf(s, "m.link_%s", half + 2);
    else
        fptc__sql_column(s, alias, hop->link->name, half);
}

/* The value to compare: the column, with its case folded where case does not count. */
static void put_operand(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    const char *fold = fptc__kind_fold(leaf->kind);

    if (*fold)
        fptc__sql_addf(s, "%s(", fold);
    if (leaf->at.is_link_id)
        put_link_half(s, &leaf->at.hops[leaf->at.n_hops], alias, "__id");
    else
        fptc__sql_column(s, alias, leaf->at.field->name, "");
    if (*fold)
        fptc__sql_add(s, ")");
}

static int is_real(const struct fptc__leaf *leaf)
{
    return leaf->kind == FPTC__KIND_FLOAT || leaf->kind == FPTC__KIND_CURRENCY;
}

static size_t param_moved(struct fptc__sqltext *s, const struct fptc__param *p, double by)
{
    struct fptc__param moved = *p;

    if (moved.kind == FPTC__PARAM_REAL)
        moved.d += by;
    return fptc__sql_param(s, &moved);
}

static void put_between(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias,
                        const struct fptc__param *low, const struct fptc__param *high)
{
    put_operand(s, leaf, alias);
    fptc__sql_addf(s, " BETWEEN ?%zu", param_moved(s, low, -HALF_STEP));
    fptc__sql_addf(s, " AND ?%zu", param_moved(s, high, HALF_STEP));
}

static void put_is(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    if (!leaf->has_null && is_real(leaf)) {
        put_between(s, leaf, alias, &leaf->values[0], &leaf->values[0]);
        return;
    }
    if (leaf->has_null) {
        fptc__sql_column(s, alias, leaf->at.field->name, "");
        fptc__sql_add(s, " IS NULL");
        return;
    }
    put_operand(s, leaf, alias);
    fptc__sql_addf(s, " = ?%zu", fptc__sql_param(s, &leaf->values[0]));
}

/* One parameter for all values: a JSON list, read by json_each. */
static size_t param_list(struct fptc__sqltext *s, const struct fptc__leaf *leaf)
{
    struct fptc__param p = {FPTC__PARAM_TEXT, 0, 0, NULL};
    struct fptc__buf b;
    size_t i;

    fptc__buf_init(&b, 4 * (size_t)FPTC__SQL_BYTES_MAX * 16);
    fptc__buf_addc(&b, '[');
    for (i = 0; i < leaf->n_values; i++) {
        const struct fptc__param *v = &leaf->values[i];

        fptc__buf_adds(&b, i ? "," : "");
        if (v->kind == FPTC__PARAM_TEXT)
            fptc__json_put_text(&b, v->text, strlen(v->text));
        else if (v->kind == FPTC__PARAM_REAL)
            fptc__json_put_double(&b, v->d);
        else
            fptc__buf_addf(&b, "%lld", (long long)v->i);
    }
    fptc__buf_addc(&b, ']');
    if (b.failed && !s->text.failed)
        s->text.failed = b.failed;
    p.text = fptc__scratch_take(s->scratch, &b);
    return fptc__sql_param(s, &p);
}

static void put_real_in(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    fptc__sql_addf(s, "EXISTS (SELECT 1 FROM json_each(?%zu) AS j WHERE ", param_list(s, leaf));
    put_operand(s, leaf, alias);
    fptc__sql_addf(s, " BETWEEN j.value - %g AND j.value + %g)", HALF_STEP, HALF_STEP);
}

static void put_in(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    size_t i;

    if (leaf->n_values == 0) {
        fptc__sql_add(s, "0");
        return;
    }
    if (is_real(leaf)) {
        put_real_in(s, leaf, alias);
        return;
    }
    put_operand(s, leaf, alias);
    if (leaf->n_values > FPTC__IN_VALUES_MAX) {
        fptc__sql_addf(s, " IN (SELECT value FROM json_each(?%zu))", param_list(s, leaf));
        return;
    }
    fptc__sql_add(s, " IN (");
    for (i = 0; i < leaf->n_values; i++)
        fptc__sql_addf(s, i ? ", ?%zu" : "?%zu", fptc__sql_param(s, &leaf->values[i]));
    fptc__sql_add(s, ")");
}

/* contains, starts_with, ends_with: by position, so no letter is a wildcard. */
static void put_substring(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    size_t p;

    if (*leaf->values[0].text == '\0') { /* has any value */
        fptc__sql_column(s, alias, leaf->at.field->name, "");
        fptc__sql_add(s, " IS NOT NULL");
        return;
    }
    p = fptc__sql_param(s, &leaf->values[0]);
    fptc__sql_add(s, leaf->relation == FPTC__ENDS_WITH ? "substr(" : "instr(");
    put_operand(s, leaf, alias);
    if (leaf->relation == FPTC__ENDS_WITH)
        fptc__sql_addf(s, ", -length(?%zu)) = ?%zu", p, p);
    else
        fptc__sql_addf(s, ", ?%zu)%s", p, leaf->relation == FPTC__CONTAINS ? " > 0" : " = 1");
}

/* Values that differ by less than half a step are equal. */
static void put_compare(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    int is_greater = leaf->relation == FPTC__GREATER_THAN;

    put_operand(s, leaf, alias);
    fptc__sql_addf(s, is_greater ? " > ?%zu" : " < ?%zu",
                   param_moved(s, &leaf->values[0], is_greater ? HALF_STEP : -HALF_STEP));
}

static void put_window(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    if (leaf->n_values != 2) { /* between with a null end */
        fptc__sql_add(s, "0");
    } else if (leaf->relation == FPTC__BETWEEN || leaf->is_closed) {
        put_between(s, leaf, alias, &leaf->values[0], &leaf->values[1]);
    } else {
        put_operand(s, leaf, alias);
        fptc__sql_addf(s, " >= ?%zu AND ", fptc__sql_param(s, &leaf->values[0]));
        put_operand(s, leaf, alias);
        fptc__sql_addf(s, " < ?%zu", fptc__sql_param(s, &leaf->values[1]));
    }
}

static void put_scalar(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    switch (leaf->relation) {
    case FPTC__IS:
        put_is(s, leaf, alias);
        break;
    case FPTC__IN:
        put_in(s, leaf, alias);
        break;
    case FPTC__CONTAINS:
    case FPTC__STARTS_WITH:
    case FPTC__ENDS_WITH:
        put_substring(s, leaf, alias);
        break;
    case FPTC__GREATER_THAN:
    case FPTC__LESS_THAN:
        put_compare(s, leaf, alias);
        break;
    case FPTC__BETWEEN:
    case FPTC__IN_LAST:
    case FPTC__IN_NEXT:
    case FPTC__IN_CALENDAR_DAY:
    case FPTC__IN_CALENDAR_WEEK:
    case FPTC__IN_CALENDAR_MONTH:
    case FPTC__IN_CALENDAR_YEAR:
        put_window(s, leaf, alias);
        break;
    case FPTC__TYPE_IS:
    case FPTC__NAME_IS:
    case FPTC__NAME_CONTAINS:
        break; /* links' own */
    }
}

/* `t0 links to a row of type T and that link`: the caller closes n parentheses and goes on. */
static size_t put_hop(struct fptc__sqltext *s, const struct fptc__hop *hop, size_t alias)
{
    if (is_multi(hop)) {
        fptc__sql_addf(s,
                       "t%zu.\"id\" IN (SELECT m.id FROM \"%s__%s\" AS m WHERE m.link_type = '%s'",
                       alias, hop->type, hop->link->name, hop->target);
        return 1;
    }
    fptc__sql_column(s, alias, hop->link->name, "__type");
    fptc__sql_addf(s, " = '%s'", hop->target);
    return 0;
}

static void close_all(struct fptc__sqltext *s, size_t n)
{
    for (; n > 0; n--)
        fptc__sql_add(s, ")");
}

/* The partition's rows have that project, unless it is gone: a link to it then reads as null (A§1.6). */
static void put_partition(struct fptc__sqltext *s, const struct fptc__leaf *leaf)
{
    int64_t id = leaf->n_links > 0 ? leaf->links[0].id : leaf->values[0].i;

    fptc__sql_addf(s, "NOT fptc_gone('Project', ?%zu)", fptc__sql_param_int(s, id));
}

static void put_condition(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    const struct fptc__hop *hop = &leaf->at.hops[leaf->at.n_hops];
    size_t n_open;

    if (leaf->is_of_partition) {
        put_partition(s, leaf);
        return;
    }
    if (leaf->kind == FPTC__KIND_LINK || leaf->kind == FPTC__KIND_LINKS) {
        fptc__linksql(s, leaf, alias);
        return;
    }
    if (!leaf->at.is_link_id) {
        put_scalar(s, leaf, alias);
        return;
    }
    /* A link to a retired row reads as null (A§1.6). */
    n_open = put_hop(s, hop, alias);
    fptc__sql_add(s, " AND NOT fptc_gone(");
    put_link_half(s, hop, alias, "__type");
    fptc__sql_add(s, ", ");
    put_link_half(s, hop, alias, "__id");
    fptc__sql_add(s, ") AND ");
    put_scalar(s, leaf, alias);
    close_all(s, n_open);
}

/* Where the part that begins at the link `from` ends: nested no deeper than SQLite's parser takes. */
static size_t part_end(const struct fptc__fieldpath *at, size_t from)
{
    size_t depth = 0;
    size_t i;

    for (i = from; i < at->n_hops; i++) {
        depth += is_multi(&at->hops[i]) ? 2 : 1;
        if (depth > FPTC__HOPS_NESTED)
            break;
    }
    return i;
}

unsigned fptc__leafsql_n_tables(const struct fptc__leaf *leaf)
{
    size_t at = part_end(&leaf->at, 0);
    unsigned n = leaf->is_scan ? 1 : 0;

    for (; at < leaf->at.n_hops; at = part_end(&leaf->at, at))
        n++;
    return n;
}

size_t fptc__leafsql_n_nested(const struct fptc__leaf *leaf)
{
    size_t end = part_end(&leaf->at, 0);
    size_t depth = 0;
    size_t i;

    for (i = 0; i < end; i++)
        depth += is_multi(&leaf->at.hops[i]) ? 2 : 1;
    return depth;
}

/* The links from..end, then the condition, or the table of what lies behind `end`. */
static void put_part(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t from,
                     unsigned inner)
{
    size_t end = part_end(&leaf->at, from);
    size_t n_open = 0;
    size_t i;

    for (i = from; i < end; i++) {
        const struct fptc__hop *hop = &leaf->at.hops[i];

        n_open += put_hop(s, hop, i) + 1;
        fptc__sql_add(s, " AND ");
        put_link_half(s, hop, i, "__id");
        fptc__sql_addf(s, " IN (SELECT t%zu.\"id\" FROM \"%s\" AS t%zu WHERE ", i + 1, hop->target,
                       i + 1);
    }
    if (end < leaf->at.n_hops || leaf->is_scan)
        fptc__sql_addf(s, "t%zu.\"id\" IN (SELECT id FROM g%u)", end, inner);
    else
        put_condition(s, leaf, end);
    close_all(s, n_open);
}

/* The ids alone come from an index on the text, if there is one, in a third of the time. MATERIALIZED: once
   for snapshot and overlay. */
static void put_scan(struct fptc__sqltext *s, const struct fptc__leaf *leaf)
{
    fptc__sql_table(s);
    fptc__sql_addf(s, "g%u(id) AS MATERIALIZED (SELECT t1.\"id\" FROM \"%s\" AS t1 WHERE ",
                   leaf->first_table, leaf->at.type);
    put_condition(s, leaf, 1);
    fptc__sql_add(s, ")");
}

void fptc__leafsql_tables(struct fptc__sqltext *s, const struct fptc__leaf *leaf)
{
    size_t starts[FPTC__HOPS_MAX] = {0};
    size_t n = 0;
    size_t at = part_end(&leaf->at, 0);
    unsigned i;

    if (leaf->is_scan) {
        put_scan(s, leaf);
        return;
    }

    for (; at < leaf->at.n_hops && n < FPTC__HOPS_MAX; at = part_end(&leaf->at, at))
        starts[n++] = at;
    for (i = 0; i < n; i++) {
        size_t from = starts[n - 1 - i];

        fptc__sql_table(s);
        fptc__sql_addf(s, "g%u(id) AS (SELECT t%zu.\"id\" FROM \"%s\" AS t%zu WHERE ",
                       leaf->first_table + i, from, leaf->at.hops[from].type, from);
        put_part(s, leaf, from, leaf->first_table + i - 1);
        fptc__sql_add(s, ")");
    }
}

void fptc__leafsql(struct fptc__sqltext *s, const struct fptc__leaf *leaf)
{
    fptc__sql_add(s, leaf->is_negated ? "((" : "(");
    put_part(s, leaf, 0, leaf->first_table + leaf->n_tables - 1);
    /* The complement, null rows included (A§3.2). */
    fptc__sql_add(s, leaf->is_negated ? ") IS NOT TRUE)" : ")");
}
