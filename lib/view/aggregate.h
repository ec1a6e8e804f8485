/* aggregate.h: summaries over a view: each half of the rows once, and their groups merged. */
#ifndef FPTC_VIEW_AGGREGATE_H
#define FPTC_VIEW_AGGREGATE_H

#include "query/summary.h"
#include "view/view.h"

/*
 * Runs a local summary, between fptc__view_begin() and fptc__view_end(). *out is FPT's
 * {"summaries":{..},"groups":[..]}. FPTC_MISS when what the rows hold has no known answer (choices.h):
 * the summary then passes through and says why. Else as fptc__view_find().
 */
fptc_status fptc__view_summarize(struct fptc__view *v, struct fptc__summary *s, fptc__json **out,
                                 fptc_error *err);

#endif
