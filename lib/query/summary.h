/*
 * summary.h: a summary checked against the schema and compiled (FPT's `_summarize`, A§1.7). Pure.
 *
 * Rows are counted once in the snapshot and once in the overlay, and the groups merged by whoever runs
 * it: `sql[half]` reads a view "<Type>@<half>"; every other type is read as in plan.h. Of all rows of the
 * type the snapshot is counted whole, as fast as SQLite does that, and the few that are replaced are
 * taken away again (is_taken_away); else one by one it is asked which are. Columns, in order: the number of rows, of each group its value (LINK: type and id), of each summary its n_columns
 * partial results; of REPLACED all numbers negated. HIDDEN is
 * read as REPLACED is, PENDING as OVERLAY: fptc__half_sql(). Rows come in no order. With is_of_project the rows are those of the partition of
 * plan->project_id, of which there are none when the project is gone. What is gone (plan.h) still stands in a LINK.
 */
#ifndef FPTC_QUERY_SUMMARY_H
#define FPTC_QUERY_SUMMARY_H

#include "base/limits.h"
#include "query/plan.h"

enum fptc__summary_type {
    FPTC__RECORD_COUNT,
    FPTC__COUNT,
    FPTC__SUM,
    FPTC__MAXIMUM,
    FPTC__MINIMUM,
    FPTC__AVERAGE,
    FPTC__EARLIEST,
    FPTC__LATEST,
    FPTC__PERCENTAGE,
    FPTC__STATUS_PERCENTAGE,
    FPTC__STATUS_PERCENTAGE_AS_FLOAT,
    FPTC__STATUS_LIST,
    FPTC__CHECKED,
    FPTC__UNCHECKED
};

struct fptc__summary_field {
    const char *name; /* as asked for */
    enum fptc__summary_type type;
    size_t
        n_columns; /* partial results: none (the rows are counted anyway), one, or sum and count */
};

enum fptc__group_kind {
    FPTC__GROUP_TEXT,
    FPTC__GROUP_CODE,
    FPTC__GROUP_CHECKBOX,
    FPTC__GROUP_LINK
};

struct fptc__group {
    const char *name;
    enum fptc__group_kind kind;
    int is_descending;
    int is_status; /* CODE: sorted by their place in `values`; else by the text, where both agree */
    char **values; /* CODE: the field's valid values */
    size_t n_values;
};

enum fptc__half {
    FPTC__HALF_BASE,     /* the snapshot's rows that the overlay does not replace */
    FPTC__HALF_OVERLAY,  /* the overlay's */
    FPTC__HALF_WHOLE,    /* all of the snapshot's ... */
    FPTC__HALF_REPLACED, /* ... and those of them that the overlay replaces */
    FPTC__HALF_HIDDEN,   /* while pending rows are shown: those that only they replace ... */
    FPTC__HALF_PENDING,  /* ... and they */
    FPTC__HALVES
};
#define FPTC__HALF_BYTES (FPTC_NAME_BYTES_MAX + 16u)
/* "Shot@base", "Shot@overlay", "Shot@whole", "Shot@replaced" ...: no type is called so. */
void fptc__half_name(const char *type, enum fptc__half half, char out[FPTC__HALF_BYTES]);

struct fptc__summary;
/* The statement of a half that has none of its own, as that of the half it is read like (*out_like); empty when
   there is none. */
void fptc__half_sql(const struct fptc__summary *s, enum fptc__half half, enum fptc__half *out_like,
                    struct fptc__buf *out);

struct fptc__summary {
    struct fptc__plan *plan; /* its rows, and what they and the summaries depend on */
    struct fptc__summary_field *fields;
    size_t n_fields;
    struct fptc__group *groups; /* the outermost first */
    size_t n_groups;
    int is_taken_away; /* sql[] has WHOLE and REPLACED, else BASE; always OVERLAY */
    int is_kept;       /* what WHOLE and REPLACED say of a row of the snapshot never changes */
    int is_total;      /* is_taken_away, and nothing but the number of all rows is asked for */
    int is_of_project; /* sql leaves it to the runner that plan->project_id's rows are asked for */
    char *sql[FPTC__HALVES]; /* NULL unless plan->is_local */
    struct fptc__param *params[FPTC__HALVES];
    size_t n_params[FPTC__HALVES];
    fptc__json *rest_fields, *rest_grouping; /* for `_summarize` */
};

/* A summary as it was spelled. */
struct fptc__summary_request {
    struct fptc__request
        find; /* the query's filters; fields: all that are summarised or grouped by */
    fptc__json *fields, *grouping; /* arrays of {"field","type"[,"direction"]} */
};

/* Checks the syntax, and the types against FPT's lists (FPTC_EUSAGE in FPT's words). */
fptc_status fptc__summary_request_init(struct fptc__summary_request *r,
                                       const struct fptc__request *query, const char *summaries,
                                       const char *grouping, fptc_error *err);
void fptc__summary_request_done(struct fptc__summary_request *r);

/* As fptc__plan_build(). Where FPT's answer is not known to the letter (choices.h) the plan is not
   local and its why_not says so. */
fptc_status fptc__summary_build(const struct fptc__schema *schema,
                                const struct fptc__summary_request *request, int64_t now_wall_ms,
                                struct fptc__summary **out, fptc_error *err);
void fptc__summary_free(struct fptc__summary *s);
/* Makes a plan that was local pass through: what the rows show cannot be answered here. */
void fptc__summary_pass_through(struct fptc__summary *s, const char *why_not);

#endif
