/*
 * plan.h: a request checked against the schema and compiled: canonical form, what must be covered,
 * SQL with parameters for the cache, and the body for FPT. Pure; no I/O, no clock but the one given.
 *
 * SQL names tables by entity type ("Shot", "Shot__assets"): whoever runs it has views of those names
 * over snapshot and overlay (tables.h tells the columns). It may use functions that the runner
 * provides: fptc_fold(text) (fold.h; NULL of NULL), fptc_gone(type, id) (1 when that entity is known
 * to be retired or deleted: a link to it reads as null, A§1.6; else 0, of NULLs too) and
 * fptc_name(type, id) (display name of an entity, NULL if unknown). All three are deterministic
 * within a statement, and should be registered so. It also uses json_each().
 *
 * Result columns of `sql` and `sql_by_id`, in order: id, _fptc_version, then for every column of the
 * plan: TEXT, INTEGER, REAL, BOOL, JSON: one; NEVER: one, always NULL; LINK: type, id, as stored (the
 * runner, who looks up the name, drops a target that is gone); LINKS: one, the id of the row that owns
 * the list (NULL: no list), read with `links_sql` (the same holds for its targets).
 *
 * A plan of a project type that is not bound to one project (n_project_ids != 1) runs on several
 * partitions, whose rows the caller merges. Its `sql` has, behind the columns above, one hidden column
 * for each element of `sort`: the key as it is compared (its case folded). Rows come in that order:
 * NULL is greater than every value (last ascending, first descending), texts compare by their bytes,
 * equal keys by id ascending. With a limit, `sql` gives the first page * limit rows and no OFFSET: the
 * merged rows before the page are the caller's to leave out. Every other plan has n_sort 0; what its `sql`
 * has behind the columns is nobody's.
 *
 * A plan of a project type that is bound to one project says nothing of the rows' project in its `sql`
 * but that it is not gone: it must run on that project's partition, whose rows all have it.
 */
#ifndef FPTC_QUERY_PLAN_H
#define FPTC_QUERY_PLAN_H

#include "query/request.h"
#include "query/schema.h"

enum fptc__param_kind { FPTC__PARAM_NULL, FPTC__PARAM_INT, FPTC__PARAM_REAL, FPTC__PARAM_TEXT };

struct fptc__param {
    enum fptc__param_kind kind;
    int64_t i;
    double d;
    char *text;
};

struct fptc__column {
    char *name; /* as asked for: "code", "sg_sequence.Sequence.code" */
    enum fptc__class class_of;
    char *type;      /* the table it is read from, and its column there: */
    char *field;     /*   "Sequence", "code" */
    int is_float;    /* data type float: FPT's REST spells it as a string */
    int is_computed; /* may be missing in the table: then the runner's view has NULL there */
    char *links_sql; /* LINKS: "SELECT link_type, link_id FROM \"Shot__assets\" WHERE id = ?1
                                 ORDER BY pos" */
};

/* One field whose stored values the answer depends on. */
struct fptc__need {
    char *type;
    char *field;
};

/* Wish for an index (record.h, kind usage): what the question filters and orders by. */
struct fptc__usage {
    char *type;
    char *wish; /* "entity link,created_at desc" */
};

/* One key of the order, behind which ids decide. */
struct fptc__sort {
    int is_descending;
};

/* A link that is followed into rows of `target`: what those hold decides the answer. */
struct fptc__follow {
    char *type; /* that has the link */
    char *link;
    char *target;
    int is_list; /* the link is a multi_entity */
};

struct fptc__link_ref {
    const char *type;
    int64_t id;
};

/* Links that an `in` or `not_in` on a multi_entity names. Where none of them lives, what FPT answers is
   not known (A§3.3): it has to be asked. */
struct fptc__named {
    struct fptc__named *next;
    const struct fptc__link_ref *links;
    size_t n_links;
};

struct fptc__plan_own;

/*
 * Lists and texts belong to the plan's shape, which plans of one cache share (plancache.h): nobody
 * changes them. Valid until the plan is freed.
 */
struct fptc__plan {
    char *type;
    int is_project_type;
    int64_t project_id; /* of a top-level, and-ed `project is {Project, id}`; 0: none, or several */
    int64_t *project_ids; /* of such a `project is` or `project in [...]`: ascending, each once */
    size_t n_project_ids; /* 0: rows of any project */
    int is_unfiltered;    /* every row of the type in that project (or at all), no limit, no page */
    int is_clock_relative;
    int is_retired_only;  /* the trash: never local, and its rows are never kept as living ones */
    int without_archived; /* no rows of archived projects */
    int is_local;         /* 0: only FPT can answer (A§9.6); why_not says why */
    char *why_not;        /* "" when is_local */
    char *warnings;       /* what FPT drops silently, a line each; "" if nothing */

    struct fptc__need *needs; /* fields used by filters, order and the projection, of all types */
    size_t n_needs;
    char **row_types; /* types that decide which rows come and their own values: [0] == type */
    size_t n_row_types;
    char **link_types; /* types of links the answer may return (names come from them) */
    size_t n_link_types;
    struct fptc__follow *follows;
    size_t n_follows;

    struct fptc__usage *usages; /* none unless is_local */
    size_t n_usages;

    char *sql; /* NULL unless is_local */
    struct fptc__param *params;
    size_t n_params;
    struct fptc__named *named; /* NULL: none */
    char *sql_by_id;           /* the same columns of one row: WHERE t0.id = ?1; always there */
    struct fptc__column *columns;
    size_t n_columns;
    struct fptc__sort *sort; /* of the hidden columns */
    size_t n_sort;
    int has_unknown;  /* a field of the projection or order is not in the schema */
    int has_never;    /* a column of class NEVER was asked for (image, url ...) */
    int has_computed; /* a column that moves without updated_at (summary, calculated ...); not in
                             needs: whether a stored value will do is for the caller to say */

    char *rest_sort;     /* "code,-id"; "id" when no order was asked for */
    int64_t limit, page; /* a page without a limit has 500 rows; page 1 is 0 */

    struct fptc__plan_own *own; /* plan.c's */
};

struct fptc__plan_cache;

/*
 * Builds a plan. All types that fptc__request_types() names must be in the schema, else FPTC_ESTATE
 * names the missing one. FPTC_EUSAGE names the wrong type, field, operator or value in FPT's words
 * where they are recorded, with the nearest valid name. Fields of the projection and order that FPT
 * would drop silently are dropped with a warning. now_wall_ms: for clock-relative operators.
 * plans: shapes built before for the same schema; NULL: none.
 */
fptc_status fptc__plan_build(const struct fptc__schema *schema, struct fptc__plan_cache *plans,
                             const struct fptc__request *request, int64_t now_wall_ms,
                             struct fptc__plan **out, fptc_error *err);
void fptc__plan_free(struct fptc__plan *plan);

/* plantexts.c: made when first asked for, by one thread at a time; NULL when memory is short. */
const char *fptc__plan_canonical(const struct fptc__plan *plan); /* equal questions, equal text */
const char *fptc__plan_hash(const struct fptc__plan *plan);      /* of it, 32 hexadecimal digits */
/* {"logical_operator":..,"conditions":[..]} for _search. */
const fptc__json *fptc__plan_rest_filters(const struct fptc__plan *plan);

#endif
