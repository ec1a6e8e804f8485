#include "view/idset.h"

#include <stdlib.h>

static size_t slot_of(const struct fptc__idset *s, int64_t id)
{
    size_t at = (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (s->cap - 1);

    while (s->slots[at] != 0 && s->slots[at] != id)
        at = (at + 1) & (s->cap - 1);
    return at;
}

static int grow(struct fptc__idset *s)
{
    struct fptc__idset bigger = {NULL, s->n, s->cap == 0 ? 64 : s->cap * 2};
    size_t i;

    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return 0;
    for (i = 0; i < s->cap; i++) {
        if (s->slots[i] != 0)
            bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
    }
    free(s->slots);
    *s = bigger;
    return 1;
}

int fptc__idset_add(struct fptc__idset *s, int64_t id)
{
    size_t at;

    if (id == 0)
        return 1;
    if (2 * (s->n + 1) > s->cap && !grow(s))
        return 0;
    at = slot_of(s, id);
    if (s->slots[at] == 0) {
        s->slots[at] = id;
        s->n++;
    }
    return 1;
}

int fptc__idset_has(const struct fptc__idset *s, int64_t id)
{
    return s->n > 0 && id != 0 && s->slots[slot_of(s, id)] == id;
}

void fptc__idset_clear(struct fptc__idset *s)
{
    free(s->slots);
    s->slots = NULL;
    s->n = s->cap = 0;
}
