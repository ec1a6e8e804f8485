/* summarysql.c: the statements of a summary (summary.h). */
#include <string.h>

#include "base/error.h"
#include "query/compile.h"
#include "query/summarizing.h"
#include "query/usage.h"

static fptc_status check_leaves(const struct fptc__check *c, struct fptc__filter *f)
{
    struct fptc__filter *m;
    fptc_status status = FPTC_OK;

    if (f->kind == FPTC__FILTER_LEAF)
        return fptc__leaf_check(c, f);
    for (m = f->first; m && !status; m = m->next)
        status = check_leaves(c, m);
    return status;
}

/* Whether the condition says what every row of the project's partition fulfils. */
static int is_project(const struct fptc__plan *plan, const struct fptc__filter *f)
{
    const struct fptc__leaf *leaf = f->leaf;

    return plan->is_project_type && plan->project_id > 0 && f->kind == FPTC__FILTER_LEAF &&
           strcmp(f->path, "project") == 0 && leaf->kind == FPTC__KIND_LINK &&
           (leaf->relation == FPTC__IS || leaf->relation == FPTC__IN) && !leaf->is_negated &&
           !leaf->has_null && leaf->n_links == 1 && strcmp(leaf->links[0].type, "Project") == 0 &&
           leaf->links[0].id == plan->project_id;
}

/* Takes that condition out, so that an index on the grouped column alone is enough. */
static struct fptc__filter *without_project(struct fptc__summary *s, struct fptc__filter *f)
{
    struct fptc__filter **at;

    if (!f || is_project(s->plan, f)) {
        s->is_of_project = f != NULL;
        return NULL;
    }
    for (at = &f->first; f->kind == FPTC__FILTER_AND && *at; at = &(*at)->next) {
        if (is_project(s->plan, *at)) {
            *at = (*at)->next;
            f->n_members--;
            s->is_of_project = 1;
            break;
        }
    }
    return f->kind == FPTC__FILTER_AND && f->n_members == 0 ? NULL : f;
}

/* The value, or NULL where FPT sees none: `""` is null (A§3.2). */
static void put_value(struct fptc__sqltext *s, const struct fptc__fieldpath *at)
{
    int is_text = at->field->class_of == FPTC__TEXT;

    fptc__sql_add(s, is_text ? "nullif(" : "");
    fptc__columns_put_value(s, at);
    fptc__sql_add(s, is_text ? ", '')" : "");
}

static void put_call(struct fptc__sqltext *s, const char *sign, const char *function,
                     const struct fptc__fieldpath *at)
{
    fptc__sql_addf(s, ", %s%s(", sign, function);
    put_value(s, at);
    fptc__sql_add(s, ")");
}

/* A link to what is gone reads as null (A§1.6). */
static void put_link_count(struct fptc__sqltext *s, const char *sign,
                           const struct fptc__fieldpath *at)
{
    fptc__sql_addf(s, ", %scount(CASE WHEN NOT fptc_gone(", sign);
    fptc__sql_column(s, 0, at->field->name, "__type");
    fptc__sql_add(s, ", ");
    fptc__sql_column(s, 0, at->field->name, "__id");
    fptc__sql_add(s, ") THEN ");
    fptc__sql_column(s, 0, at->field->name, "__id");
    fptc__sql_add(s, " END)");
}

static void put_checks(struct fptc__sqltext *s, const char *sign, const struct fptc__fieldpath *at,
                       int value)
{
    fptc__sql_addf(s, ", %scount(CASE WHEN ", sign);
    fptc__columns_put_value(s, at);
    fptc__sql_addf(s, " = %d THEN 1 END)", value);
}

static void put_partials(struct fptc__sqltext *s, const char *sign,
                         const struct fptc__summary_field *f, const struct fptc__fieldpath *at)
{
    switch (f->type) {
    case FPTC__COUNT:
        if (at->field->class_of == FPTC__LINK && !at->is_link_id)
            put_link_count(s, sign, at);
        else
            put_call(s, sign, "count", at);
        break;
    case FPTC__SUM:
        put_call(s, sign, "sum", at);
        break;
    case FPTC__AVERAGE:
        put_call(s, sign, "sum", at);
        put_call(s, sign, "count", at);
        break;
    case FPTC__MAXIMUM:
    case FPTC__LATEST:
        put_call(s, sign, "max", at);
        break;
    case FPTC__MINIMUM:
    case FPTC__EARLIEST:
        put_call(s, sign, "min", at);
        break;
    case FPTC__CHECKED:
    case FPTC__UNCHECKED:
        put_checks(s, sign, at, f->type == FPTC__CHECKED);
        break;
    case FPTC__RECORD_COUNT:
    case FPTC__PERCENTAGE:
    case FPTC__STATUS_PERCENTAGE:
    case FPTC__STATUS_PERCENTAGE_AS_FLOAT:
    case FPTC__STATUS_LIST:
        break;
    }
}

static void put_group_by(struct fptc__sqltext *s, const struct fptc__summary *summary)
{
    size_t column = 1;
    size_t i;

    for (i = 0; i < summary->n_groups; i++) {
        fptc__sql_addf(s, "%s%zu", i ? ", " : " GROUP BY ", ++column);
        if (summary->groups[i].kind == FPTC__GROUP_LINK)
            fptc__sql_addf(s, ", %zu", ++column);
    }
}

static void put_statement(struct fptc__sqltext *s, const struct fptc__summarizing *z,
                          struct fptc__filter *filter, enum fptc__half half)
{
    const struct fptc__summary *summary = z->summary;
    const char *sign = half == FPTC__HALF_REPLACED ? "-" : "";
    char from[FPTC__HALF_BYTES];
    size_t i;

    fptc__half_name(summary->plan->type, half, from);
    fptc__compile_tables(s, from, filter);
    fptc__sql_end_tables(s);
    fptc__sql_addf(s, "SELECT %scount(*)", sign);
    for (i = 0; i < summary->n_groups; i++)
        fptc__columns_put(s, &z->group_at[i]);
    for (i = 0; i < summary->n_fields; i++)
        put_partials(s, sign, &summary->fields[i], &z->field_at[i]);
    fptc__sql_addf(s, " FROM \"%s\" AS t0", from);
    if (filter) {
        fptc__sql_add(s, " WHERE ");
        fptc__compile_where(s, filter);
    }
    put_group_by(s, summary);
}

static fptc_status write_half(struct fptc__summarizing *z, struct fptc__filter *filter,
                              enum fptc__half half)
{
    struct fptc__summary *summary = z->summary;
    struct fptc__sqltext s;
    fptc_status failed;

    fptc__sqltext_init(&s, z->check.scratch);
    put_statement(&s, z, filter, half);
    failed = s.text.failed;
    summary->sql[half] =
        fptc__sqltext_take(&s, z->check.scratch, &summary->params[half], &summary->n_params[half]);
    if (summary->sql[half])
        return FPTC_OK;
    if (failed != FPTC_ELIMIT)
        return fptc__fail_nomem(z->check.err);
    fptc__summary_pass_through(summary, "more conditions than SQLite takes");
    return FPTC_OK;
}

/* Other rows, or their life, decide what a row of the snapshot says. */
static int is_elsewhere(const struct fptc__fieldpath *at)
{
    return at->n_hops > 0 || at->is_link_id;
}

/* Counts and sums can be taken away from, the greatest and the least cannot. */
static void judge_halves(struct fptc__summarizing *z, const struct fptc__filter *filter)
{
    struct fptc__summary *s = z->summary;
    size_t i;

    s->is_taken_away = s->is_kept = filter == NULL;
    s->is_total = filter == NULL && s->n_groups == 0;
    for (i = 0; i < s->n_fields; i++) {
        enum fptc__summary_type type = s->fields[i].type;

        if (type == FPTC__MAXIMUM || type == FPTC__MINIMUM || type == FPTC__EARLIEST ||
            type == FPTC__LATEST)
            s->is_taken_away = 0;
        if (s->fields[i].n_columns > 0)
            s->is_total = 0;
        if (s->fields[i].n_columns > 0 &&
            (is_elsewhere(&z->field_at[i]) || z->field_at[i].field->class_of == FPTC__LINK))
            s->is_kept = 0;
    }
    for (i = 0; i < s->n_groups; i++) {
        if (is_elsewhere(&z->group_at[i]))
            s->is_kept = 0;
    }
}

/* plan->usages: those of the rows alone know nothing of the groups. */
static void put_usage(struct fptc__summarizing *z, struct fptc__filter *filter)
{
    struct fptc__planning p;

    memset(&p, 0, sizeof(p));
    p.plan = p.shared = z->summary->plan;
    p.keep = z->check.scratch;
    p.check = z->check;
    p.filter = filter;
    fptc__planning_usage_grouped(&p, z->group_at, z->summary->n_groups);
}

fptc_status fptc__summarizing_sql(struct fptc__summarizing *z)
{
    struct fptc__filter *filter = NULL;
    fptc_status status =
        fptc__filter_parse(z->request->find.filters, z->check.scratch, &filter, z->check.err);

    if (!status && filter)
        status = check_leaves(&z->check, filter);
    if (status)
        return status;
    put_usage(z, filter);
    filter = without_project(z->summary, filter);
    judge_halves(z, filter);
    status = write_half(z, filter, FPTC__HALF_OVERLAY);
    if (status || !z->summary->is_taken_away)
        return status ? status : write_half(z, filter, FPTC__HALF_BASE);
    status = write_half(z, filter, FPTC__HALF_WHOLE);
    return status ? status : write_half(z, filter, FPTC__HALF_REPLACED);
}
