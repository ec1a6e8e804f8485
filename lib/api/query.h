/* query.h: the inside of a query and of a write. */
#ifndef FPTC_API_QUERY_H
#define FPTC_API_QUERY_H

#include "query/request.h"

struct fptc_query {
    struct fptc__request request;
    int32_t mode;
    int64_t max_age_ms, deadline_ms;
};

struct fptc_write {
    int32_t verb;
    char *type;
    int64_t id;
    fptc__json *data;
    char event_id[33];
    int64_t deadline_ms;
};

#endif
