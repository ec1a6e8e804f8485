/* fold.h: case folding of text as comparisons and sorts need it: FPT ignores case (A§3.2). */
#ifndef FPTC_BASE_FOLD_H
#define FPTC_BASE_FOLD_H

#include "base/buf.h"

/* Appends the folded UTF-8 text: simple (one to one) folding of all of Unicode's letters (choices.h);
   anything else, invalid bytes included, is copied as it is. */
void fptc__fold(const char *text, size_t len, struct fptc__buf *out);

#endif
