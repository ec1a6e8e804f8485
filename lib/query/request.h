/*
 * request.h: a question as the caller spelled it, before any schema is known: type, filters, fields,
 * order, limit, page, scope. Only its syntax is checked here.
 */
#ifndef FPTC_QUERY_REQUEST_H
#define FPTC_QUERY_REQUEST_H

#include <stdatomic.h>

#include "base/json.h"

/* Parsed filters, shared by copies of a request and by its plans; the last one frees them. */
struct fptc__filters_ref {
    atomic_int refs;
    fptc__json *json;
};

struct fptc__order_key {
    char *path;
    int is_descending;
};

struct fptc__request {
    char *type;
    const fptc__json *filters; /* as given (floats marked: floatmark.h); NULL: every row */
    struct fptc__filters_ref *filters_ref; /* which owns them */
    char **fields; /* without id and type, in the order given, no name twice */
    size_t n_fields;
    struct fptc__order_key *order;
    size_t n_order;
    int64_t limit;         /* 0: all */
    int64_t page;          /* 0: the first `limit` rows */
    int names_provisional; /* ids below 0 are among the filters (provisional.h) */
    int is_retired_only;   /* rows of the trash */
    int without_archived;  /* no rows of archived projects */
};

fptc_status fptc__request_init(struct fptc__request *r, const char *type, fptc_error *err);
void fptc__request_done(struct fptc__request *r);
fptc_status fptc__request_copy(struct fptc__request *to, const struct fptc__request *from,
                               fptc_error *err);
/* One more owner (of NULL: none); one less. */
struct fptc__filters_ref *fptc__filters_take(struct fptc__filters_ref *filters);
void fptc__filters_drop(struct fptc__filters_ref *filters);
/* Each replaces what was there; on failure the request is unchanged. */
fptc_status fptc__request_set_filters(struct fptc__request *r, const char *json, fptc_error *err);
fptc_status fptc__request_set_fields(struct fptc__request *r, const char *csv, fptc_error *err);
fptc_status fptc__request_set_order(struct fptc__request *r, const char *csv, fptc_error *err);
/* Filters as a request has them (floats marked), which it takes over, also on failure. */
fptc_status fptc__request_take_filters(struct fptc__request *r, fptc__json *filters,
                                       fptc_error *err);
/* Calls each(type, payload) for every entity type named by the request: its own and those in dotted
   paths of filters, fields and order ("sg_sequence.Sequence.code" names Sequence), and Project where
   archived ones are left out. Their schemas are
   needed by fptc__plan_build(). Types may come more than once; non-zero stops. */
int fptc__request_types(const struct fptc__request *r, int (*each)(const char *type, void *payload),
                        void *payload);

#endif
