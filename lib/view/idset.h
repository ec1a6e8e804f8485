/* idset.h: a set of row ids (> 0), for "this row of the snapshot is replaced": about 10 ns a look. */
#ifndef FPTC_VIEW_IDSET_H
#define FPTC_VIEW_IDSET_H

#include <stddef.h>
#include <stdint.h>

struct fptc__idset {
    int64_t *slots; /* open addressing, 0 is free */
    size_t n, cap;  /* cap is 0 or a power of two */
};

int fptc__idset_add(struct fptc__idset *s, int64_t id); /* 1 done or there already, 0 no memory */
int fptc__idset_has(const struct fptc__idset *s, int64_t id);
void fptc__idset_clear(struct fptc__idset *s); /* frees; may be used again */

#endif
