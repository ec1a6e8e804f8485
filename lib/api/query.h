/* query.h: the inside of a query and of a write. */
#ifndef FPTC_API_QUERY_H
#define FPTC_API_QUERY_H

#include "api/handle.h"
#include "query/request.h"

struct fptc_query {
    struct fptc__request request;
    int32_t mode, is_streaming, hides_pending;
    int64_t max_age_ms, deadline_ms;
};

/* What a query says, else the handle's options, else what they stand for. */
int32_t fptc__query_mode(const struct fptc_query *query, const struct fptc_cache *cache);
int64_t fptc__query_max_age_ms(const struct fptc_query *query, const struct fptc_cache *cache);
int64_t fptc__query_deadline_ms(const struct fptc_query *query, const struct fptc_cache *cache);

struct fptc_write {
    int32_t verb;
    char *type;
    int64_t id;
    fptc__json *data;
    char event_id[33];
    int64_t deadline_ms;
    int32_t mode, policy; /* 0: not said */
};
/* FPTC_WRITE_THROUGH or FPTC_WRITE_BEHIND: what the write says, else the handle's options. */
int32_t fptc__write_mode(const struct fptc_write *write, const struct fptc_cache *cache);

/* FPTC_EUSAGE when it is none. */
fptc_status fptc__check_event_id(const char *event_id, fptc_error *err);
/* The field values of a write, as its caller spells them. */
fptc_status fptc__data_read(const char *json, fptc__json **out, fptc_error *err);
/* requests.c: the requests of a batch: [{"verb":"create"|"update"|"delete","type","id","data"}]; id: 0 of a create,
   below 0 of a row that FPT has given none yet; no data of a delete; lists that are added to or removed from as
   FPT takes them: {"multi_entity_update_mode":"add","value":[…]}. */
fptc_status fptc__requests_read(const char *json, fptc__json **out, fptc_error *err);

#endif
