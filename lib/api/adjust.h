/* adjust.h: pending writes in answers that do not come from covered rows. */
#ifndef FPTC_API_ADJUST_H
#define FPTC_API_ADJUST_H

#include "api/answer.h"

/* Into the rows of an answer that FPT gave, now or before; what they cannot be put into gets a warning. Begins
   the view. */
fptc_status fptc__answer_add_pending(struct fptc__answer *a, fptc_error *err);
/* Ids of rows that pending writes touch and that are kept without a field of the question: what they are, only FPT
   can tell. Begins the view. */
fptc_status fptc__answer_lacking(struct fptc__answer *a, fptc__json **out, fptc_error *err);
/* Asks FPT for them, with what the answer's source names. */
fptc_status fptc__answer_read_lacking(struct fptc__answer *a, fptc_error *err);
/* Pending writes take rows out of a page and put others into it, so that all behind them move: makes the plan of
   the rows from the first one to a few behind the page. And `ask` with that plan, if there is one; its rows of
   the page stay. */
fptc_status fptc__answer_widen(struct fptc__answer *a, fptc_error *err);
fptc_status fptc__answer_widely(struct fptc__answer *a,
                                fptc_status (*ask)(struct fptc__answer *a, fptc_error *err),
                                fptc_error *err);

#endif
