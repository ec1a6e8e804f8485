/*
 * usage.h: what a plan filters and orders by, as wishes for indexes (record.h, kind usage): of its own
 * type one for all conditions that every row must meet and the order, equality first; of the types
 * behind links, and of the members of an `or`, one for each condition.
 */
#ifndef FPTC_QUERY_USAGE_H
#define FPTC_QUERY_USAGE_H

#include "base/limits.h"
#include "query/planning.h"

#define FPTC__USAGES_MAX FPTC_USAGE_PLAN_MAX
/* Columns of one wish that equality takes; the order or a range comes behind them. */
#define FPTC__USAGE_EQUAL_MAX 2
#define FPTC__USAGE_ORDER_MAX 2

/* plan->usages. Out of memory shows in the scratch. */
void fptc__planning_usage(struct fptc__planning *p);

#endif
