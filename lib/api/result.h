/* result.h: the inside of a result: rows with a cursor, or one JSON document. */
#ifndef FPTC_API_RESULT_H
#define FPTC_API_RESULT_H

#include "view/rows.h"
#include "view/stream.h"

struct fptc_result {
    struct fptc__rows rows;
    size_t at;                   /* number of rows begun; the current one is at - 1 */
    int is_streaming;            /* rows then holds the current row only */
    struct fptc__stream *stream; /* NULL after its end */
    fptc_status end;             /* of a stream: why it ended */
    int32_t source;
    int64_t age_ms;
    int32_t is_complete;
    struct fptc__buf warnings; /* lines */
    char event_id[33];
    fptc_status
        unsent; /* of a write that waits: why it could not be sent; FPTC_OK: it was not tried */
    int is_document;
    struct fptc__buf document;
    struct fptc__buf json; /* what the last fptc_result_json() gave */
};

fptc_status fptc__result_new(struct fptc_result **out, fptc_error *err);
void fptc__result_warn(struct fptc_result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* An array of the warnings; NULL out of memory. */
fptc__json *fptc__result_warnings(const struct fptc_result *r);
/* Its rows come from the stream, which it takes over. */
void fptc__result_stream(struct fptc_result *r, struct fptc__stream *stream);
/* Makes it a document; the text is taken from `json`, which stays the caller's. */
fptc_status fptc__result_document(struct fptc_result *r, const fptc__json *json, fptc_error *err);

#endif
