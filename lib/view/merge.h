/* merge.h: rows of several partitions as one list, in the order of a plan's hidden sort keys. */
#ifndef FPTC_VIEW_MERGE_H
#define FPTC_VIEW_MERGE_H

#include "query/plan.h"
#include "view/rows.h"

/* Sorts the rows and keeps the plan's page of them. FPTC_MISS when a row is there twice: it moved from
   one partition to another, and which of the two is right cannot be told. */
fptc_status fptc__rows_merge(struct fptc__rows *rows, const struct fptc__plan *plan,
                             fptc_error *err);
/* The rows before the page and behind it go. */
void fptc__rows_cut(struct fptc__rows *rows, int64_t limit, int64_t page);

#endif
