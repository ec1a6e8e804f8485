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
#include "query/planshape.h"

struct fptc__sort_key {
    const char *path;
    struct fptc__fieldpath at;
    enum fptc__kind kind;
    int is_descending;
};

/* The box of a plan: all that is not of its shape. */
struct fptc__plan_own {
    struct fptc__plan plan; /* first: a plan is the beginning of its own part */
    struct fptc__scratch scratch;
    struct fptc__filter *filter; /* checked; NULL: every row */
    struct fptc__filters_ref *filters_ref;
    struct fptc__shape *shape;
    const char *canonical; /* plantexts.c, with the two below */
    char hash[33];
    fptc__json *rest_filters;
};

struct fptc__planning {
    struct fptc__plan *plan;    /* its own members: values, projects, limit, page */
    struct fptc__plan *shared;  /* those of its shape; NULL until it is built */
    struct fptc__scratch *keep; /* of the shape */
    const struct fptc__request *request;
    struct fptc__check check;    /* with the scratch of the plan's own part */
    struct fptc__filter *filter; /* NULL: every row */
    const char *why_not;         /* the first reason why only FPT can answer; NULL: none */
    const char *why_not_path;
    struct fptc__picks picks;
    struct fptc__sort_key *keys; /* those that count */
    size_t n_keys;
    struct fptc__buf warnings;
};

/* Only FPT can answer; the first reason is kept. */
void fptc__planning_pass_through(struct fptc__planning *p, const char *why_not, const char *path);

/* projects.c: is_project_type, project_ids, project_id, is_unfiltered */
fptc_status fptc__planning_projects(struct fptc__planning *p);
/* projects.c: whether rows of the trash or of archived projects can be told apart here. */
fptc_status fptc__planning_scope(struct fptc__planning *p);
/* projects.c: the condition that leaves out rows of archived projects, if they are to be left out. */
void fptc__projects_put_scope(struct fptc__sqltext *s, const struct fptc__planning *p);
/* keys: unknown fields dropped with a warning; nothing behind `id` decides anything. */
fptc_status fptc__planning_order(struct fptc__planning *p);
/* needs, row_types, link_types, follows. Out of memory shows in the scratch. */
void fptc__planning_needs(struct fptc__planning *p);
/* columns, has_never, has_computed */
fptc_status fptc__planning_columns(struct fptc__planning *p);
/* plansql.c: is_scan of the one condition, if it is the only one. */
void fptc__planning_scan(struct fptc__planning *p);
/* sql, sql_by_id, sort, and the plan's params */
fptc_status fptc__planning_sql(struct fptc__planning *p);
/* The params of a plan whose shape has its sql. */
fptc_status fptc__planning_params(struct fptc__planning *p);

#endif
