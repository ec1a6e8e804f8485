/* summarizing.h: a summary while it is being built: summary.c checks it, summarysql.c writes its SQL. */
#ifndef FPTC_QUERY_SUMMARIZING_H
#define FPTC_QUERY_SUMMARIZING_H

#include "query/columns.h"
#include "query/leaf.h"
#include "query/summary.h"

struct fptc__summarizing {
    struct fptc__summary *summary;
    const struct fptc__summary_request *request;
    struct fptc__check check;
    struct fptc__fieldpath *field_at, *group_at; /* of the summary's fields and groups */
};

/* sql, params. More text than SQLite takes makes the plan pass through. */
fptc_status fptc__summarizing_sql(struct fptc__summarizing *z);

#endif
