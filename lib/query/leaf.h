/*
 * leaf.h: one condition of a filter, checked against the schema: field, operator and typed values.
 * What FPT would refuse is FPTC_EUSAGE in FPT's words; what only FPT can answer gets a why_not.
 */
#ifndef FPTC_QUERY_LEAF_H
#define FPTC_QUERY_LEAF_H

#include "query/calendar.h"
#include "query/fieldpath.h"
#include "query/filter.h"
#include "query/plan.h"
#include "query/relation.h"

struct fptc__leaf {
    struct fptc__fieldpath at; /* at.field is NULL for a path that is FPT's own ($FROM$...) */
    enum fptc__kind kind;
    enum fptc__relation relation; /* the positive one */
    int is_negated;
    const char *why_not; /* NULL: the cache can answer it */
    int is_clock_relative;

    struct fptc__param *values; /* scalars; of BETWEEN and the windows: two, the lower one first */
    size_t n_values;
    struct fptc__link_ref *links; /* sorted by type, then id, each once */
    size_t n_links;
    int is_of_partition; /* every row of the partition that the plan runs on meets it (projects.c) */
    int is_scan;         /* a text searched for where nothing else narrows the rows (plansql.c) */
    int has_null;        /* a null value matches */
    int is_closed;       /* of a window: the second value belongs to it */

    unsigned first_table; /* compile.c: number of the WITH table of its innermost links */
    unsigned n_tables;
};

/* What a check needs. */
struct fptc__check {
    const struct fptc__schema *schema;
    const char *type;
    int64_t now_ms;
    struct fptc__scratch *scratch;
    fptc_error *err;
};

/* Fills f->leaf. FPTC_EUSAGE, FPTC_ESTATE (a schema is missing), FPTC_ENOMEM. */
fptc_status fptc__leaf_check(const struct fptc__check *c, struct fptc__filter *f);

/* operand.c: the values of f into leaf, whose field and operator are known. */
fptc_status fptc__operand_read(const struct fptc__check *c, const struct fptc__filter *f,
                               struct fptc__leaf *leaf);
/* linkoperand.c: the same for links. */
fptc_status fptc__linkoperand_read(const struct fptc__check *c, const struct fptc__filter *f,
                                   struct fptc__leaf *leaf);

/* `API read() Shot.code expected [String, NilClass] data type(s) but got Integer: 1` */
fptc_status fptc__wrong_class(const struct fptc__check *c, const struct fptc__filter *f,
                              const char *classes, const fptc__json *v);
/* `API read() 'between' 'relation' expects a 2-element array: [...]` */
fptc_status fptc__wrong_count(const struct fptc__check *c, const struct fptc__filter *f,
                              const char *what);
/* The single value of an operator that takes one; a list of one is unwrapped, as FPT does. */
fptc_status fptc__single_value(const struct fptc__check *c, const struct fptc__filter *f,
                               const fptc__json **out);

#endif
