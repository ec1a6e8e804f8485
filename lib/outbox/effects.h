/*
 * effects.h: what FPT changes by itself when it carries out a write: other rows than the one written. Nobody is told
 * which; so their types count as changed in their partition, until somebody has caught them up.
 */
#ifndef FPTC_OUTBOX_EFFECTS_H
#define FPTC_OUTBOX_EFFECTS_H

#include "view/intake.h"

#define FPTC__EFFECTS_MAX 4

struct fptc__effect {
    const char *type;
    int is_of_site; /* a type without a project: its rows are in `site` */
};
/* Pure. `data` as it was sent; NULL: none. How many. */
size_t fptc__effects_of(int32_t verb, const char *type, const fptc__json *data,
                        struct fptc__effect out[FPTC__EFFECTS_MAX]);
/* Says so in the commit that takes in the row: `effect:<Type>` (record.h). To be called once FPT has answered. */
fptc_status fptc__effects_note(struct fptc__intake *in, int32_t verb, const char *type,
                               const fptc__json *data, fptc_error *err);

#endif
