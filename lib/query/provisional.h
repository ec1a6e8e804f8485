/*
 * provisional.h: ids below 0, which rows go by until FPT has given them theirs, in data and in filters: those
 * of links, and of conditions on ids. FPT has none below 1.
 */
#ifndef FPTC_QUERY_PROVISIONAL_H
#define FPTC_QUERY_PROVISIONAL_H

#include "base/json.h"

int fptc__names_provisional(const fptc__json *v);
/* A copy in which real() has put others in their place: 1 and *out, or 0 to leave one as it is. NULL: no memory. */
fptc__json *fptc__with_real_ids(const fptc__json *v,
                                int (*real)(void *ctx, int64_t id, int64_t *out), void *ctx);

#endif
