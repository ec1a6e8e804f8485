/* cover.h: the record that says a type is complete, and the mark where its following goes on. */
#ifndef FPTC_FOLLOW_COVER_H
#define FPTC_FOLLOW_COVER_H

#include "follow/pages.h"
#include "view/intake.h"

/* Adds the `cover` record of in->source as of in->asof_ms. Of the marks: date_ms, FPT's clock before the
   first page was read; 0 (unknown): the mark stays empty, and the next catch-up walks everything. max_id.
   audited_ms: when every row was last read, not only those whose updated_at had moved. is_walk: it ends
   such a reading, and then walk_seen. */
fptc_status fptc__cover_record(struct fptc__intake *in, const struct fptc__since *marks,
                               fptc_error *err);
/* Greatest id of the rows, at least `least`. */
int64_t fptc__max_id(const fptc__json *rows, int64_t least);
/* 1 when every name in `fields` (array) or member of `types` (object) stands in `covered` (array). */
int fptc__covers(const fptc__json *covered, const fptc__json *types);

#endif
