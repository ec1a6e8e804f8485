/*
 * planning.h: a plan while it is being built. plan.c has the order of the steps, planning.c those that
 * say what must be covered, projects.c those that say in which projects, plansql.c those that write SQL.
 */
#ifndef FPTC_QUERY_PLANNING_H
#define FPTC_QUERY_PLANNING_H

#include "query/choices.h"
#include "query/columns.h"
#include "query/compile.h"
#include "query/leaf.h"

struct fptc__sort_key {
    const char *path;
    struct fptc__fieldpath at;
    enum fptc__kind kind;
    int is_descending;
};

struct fptc__planning {
    struct fptc__plan *plan;
    const struct fptc__request *request;
    struct fptc__check check;
    struct fptc__filter *filter; /* NULL: every row */
    struct fptc__picks picks;
    struct fptc__sort_key *keys; /* those that count */
    size_t n_keys;
    struct fptc__buf warnings;
};

/* Only FPT can answer; the first reason is kept. */
void fptc__planning_pass_through(struct fptc__planning *p, const char *why_not, const char *path);

/* keys: unknown fields dropped with a warning; nothing behind `id` decides anything. */
fptc_status fptc__planning_order(struct fptc__planning *p);
/* is_project_type, project_ids, project_id, is_unfiltered */
fptc_status fptc__planning_projects(struct fptc__planning *p);
/* needs, row_types, link_types. Out of memory shows in the scratch. */
void fptc__planning_needs(struct fptc__planning *p);
/* columns, has_never, has_computed */
fptc_status fptc__planning_columns(struct fptc__planning *p);
/* sql, params, sql_by_id */
fptc_status fptc__planning_sql(struct fptc__planning *p);

#endif
