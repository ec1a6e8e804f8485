/* adjust.h: pending writes in answers that do not come from covered rows. */
#ifndef FPTC_API_ADJUST_H
#define FPTC_API_ADJUST_H

#include "api/answer.h"

/* Into the rows of an answer that FPT gave, now or before; what they cannot be put into gets a warning. Begins
   the view. */
fptc_status fptc__answer_add_pending(struct fptc__answer *a, fptc_error *err);

#endif
