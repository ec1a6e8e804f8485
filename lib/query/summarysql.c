/* summarysql.c: the two statements of a summary (summary.h). */
#include <string.h>

#include "base/error.h"
#include "query/compile.h"
#include "query/summarizing.h"

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

static void put_call(struct fptc__sqltext *s, const char *function,
                     const struct fptc__fieldpath *at)
{
    fptc__sql_addf(s, ", %s(", function);
    put_value(s, at);
    fptc__sql_add(s, ")");
}

/* A link to what is gone reads as null (A§1.6). */
static void put_link_count(struct fptc__sqltext *s, const struct fptc__fieldpath *at)
{
    fptc__sql_add(s, ", count(CASE WHEN NOT fptc_gone(");
    fptc__sql_column(s, 0, at->field->name, "__type");
    fptc__sql_add(s, ", ");
    fptc__sql_column(s, 0, at->field->name, "__id");
    fptc__sql_add(s, ") THEN ");
    fptc__sql_column(s, 0, at->field->name, "__id");
    fptc__sql_add(s, " END)");
}

static void put_checks(struct fptc__sqltext *s, const struct fptc__fieldpath *at, int value)
{
    fptc__sql_add(s, ", count(CASE WHEN ");
    fptc__columns_put_value(s, at);
    fptc__sql_addf(s, " = %d THEN 1 END)", value);
}

static void put_partials(struct fptc__sqltext *s, const struct fptc__summary_field *f,
                         const struct fptc__fieldpath *at)
{
    switch (f->type) {
    case FPTC__COUNT:
        if (at->field->class_of == FPTC__LINK && !at->is_link_id)
            put_link_count(s, at);
        else
            put_call(s, "count", at);
        break;
    case FPTC__SUM:
        put_call(s, "sum", at);
        break;
    case FPTC__AVERAGE:
        put_call(s, "sum", at);
        put_call(s, "count", at);
        break;
    case FPTC__MAXIMUM:
    case FPTC__LATEST:
        put_call(s, "max", at);
        break;
    case FPTC__MINIMUM:
    case FPTC__EARLIEST:
        put_call(s, "min", at);
        break;
    case FPTC__CHECKED:
    case FPTC__UNCHECKED:
        put_checks(s, at, f->type == FPTC__CHECKED);
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
                          struct fptc__filter *filter, const char *from)
{
    const struct fptc__summary *summary = z->summary;
    size_t i;

    fptc__compile_tables(s, from, filter);
    fptc__sql_end_tables(s);
    fptc__sql_add(s, "SELECT count(*)");
    for (i = 0; i < summary->n_groups; i++)
        fptc__columns_put(s, &z->group_at[i]);
    for (i = 0; i < summary->n_fields; i++)
        put_partials(s, &summary->fields[i], &z->field_at[i]);
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
    char from[FPTC__HALF_BYTES];
    struct fptc__sqltext s;
    fptc_status failed;

    fptc__half_name(summary->plan->type, half, from);
    fptc__sqltext_init(&s, z->check.scratch);
    put_statement(&s, z, filter, from);
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

fptc_status fptc__summarizing_sql(struct fptc__summarizing *z)
{
    struct fptc__filter *filter = NULL;
    fptc_status status =
        fptc__filter_parse(z->request->find.filters, z->check.scratch, &filter, z->check.err);

    if (!status && filter)
        status = check_leaves(&z->check, filter);
    if (status)
        return status;
    filter = without_project(z->summary, filter);
    status = write_half(z, filter, FPTC__HALF_BASE);
    return status ? status : write_half(z, filter, FPTC__HALF_OVERLAY);
}
