/*
 * planshape.h: the part of a plan that its values do not change (plancache.h).
 */
#ifndef FPTC_QUERY_PLANSHAPE_H
#define FPTC_QUERY_PLANSHAPE_H

#include <stdatomic.h>

#include "query/filter.h"
#include "query/plan.h"

struct fptc__shape {
    atomic_int refs;
    struct fptc__scratch scratch; /* of everything below */
    struct fptc__plan shared;     /* members of one plan only are zero */
};

struct fptc__shape *fptc__shape_new(void); /* NULL: out of memory */
void fptc__shape_take(struct fptc__shape *shape);
void fptc__shape_drop(struct fptc__shape *shape); /* the last one frees it; NULL is nothing */

/* Appends the text that is equal for requests of one shape. `f` is checked, the plan's own members are
   there. */
void fptc__shape_key(const struct fptc__schema *schema, const struct fptc__request *request,
                     const struct fptc__plan *plan, const struct fptc__filter *f,
                     struct fptc__buf *out);

#endif
