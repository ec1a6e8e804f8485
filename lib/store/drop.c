#include "store/drop.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "store/log_state.h"

int fptc__commit_drops(const struct fptc__commit *c)
{
    for (size_t i = 0; i < c->n_records; i++) {
        if (c->records[i].kind == FPTC__DROPPED)
            return 1;
    }
    return 0;
}

int64_t fptc__commit_drop_asof(const struct fptc__commit *c)
{
    const struct fptc__record *r = c->records;
    fptc__json *body = NULL;
    int64_t asof_ms = -1;
    if (c->n_records == 1 && fptc__json_parse(r->body, r->len, "a drop", &body, NULL) == FPTC_OK &&
        fptc__json_is_integer(fptc__json_get(body, "asof")))
        asof_ms = fptc__json_get_int(body, "asof");
    fptc__json_free(body);
    return asof_ms;
}

/* --- applying --- */

fptc_status fptc__log_drop(struct fptc__log *log, const struct fptc__commit *c, fptc_error *err)
{
    struct fptc__manifest empty = {.upto = c->head.number,
                                   .snapshot_upto = c->head.number,
                                   .dropped = c->head.number,
                                   .asof_ms = fptc__commit_drop_asof(c),
                                   .prev = c->checksum};
    fptc_status status = FPTC_OK;
    if (empty.asof_ms < 0)
        return FPTC_MISS;
    if (log->sink.reset)
        status = log->sink.reset(log->sink.ctx, &empty, err);
    if (status == FPTC_OK)
        log->dropped = c->head.number;
    return status;
}

/* --- appending --- */

struct dropping {
    struct fptc__log *log;
    uint64_t before; /* the last drop when we began */
};

/* Ours after an unclear end; or another's, which has done the same since we began. */
static fptc_status check_done(void *ctx, fptc_error *err)
{
    const struct dropping *d = ctx;
    (void)err;
    return fptc__log_dropped(d->log) > d->before ? FPTC_MISS : FPTC_OK;
}

/* A log of our own: its commits hold nothing of other threads. */
static fptc_status append(struct fptc__log *log, int64_t asof_ms, const struct fptc__call *call,
                          uint64_t *out, fptc_error *err)
{
    struct dropping d = {log, fptc__log_dropped(log)};
    struct fptc__records records = {.list = NULL};
    struct fptc__append request = {.records = &records, .check = check_done, .ctx = &d};
    char body[48];
    int n = snprintf(body, sizeof(body), "{\"asof\":%" PRId64 "}", asof_ms);
    fptc_status status = fptc__records_add(&records, FPTC__DROPPED, body, (size_t)n, 0, err);
    if (status == FPTC_OK)
        status = fptc__log_append(log, &request, call, err);
    fptc__records_done(&records);
    *out = request.number ? request.number : fptc__log_dropped(log);
    return status;
}

fptc_status fptc__drop_append(const struct fptc__partition *p, int64_t asof_ms,
                              const struct fptc__call *call, const struct fptc__logger *logger,
                              uint64_t *out, fptc_error *err)
{
    const struct fptc__log_options options = {.logger = logger};
    struct fptc__log *log = NULL;
    fptc_status status = fptc__log_open(p, &options, &log, err);
    *out = 0;
    if (status == FPTC_OK)
        status = fptc__log_refresh(log, err);
    if (status == FPTC_OK) {
        *out = fptc__log_head(log);
        if (*out > 0 && *out != fptc__log_dropped(log))
            status = append(log, asof_ms, call, out, err);
    }
    fptc__log_close(log);
    return status;
}
