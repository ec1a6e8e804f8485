/*
 * refs.h: ids that rows go by until their creates are settled, in what other writes say. They stay in the
 * intent as they were given; FPT is told the rows' own.
 */
#ifndef FPTC_OUTBOX_REFS_H
#define FPTC_OUTBOX_REFS_H

#include "view/mutation.h"

/*
 * Between fptc__view_begin() and end of the outbox view. FPTC_OK: *out is FPT's id, a positive one is itself.
 * FPTC_PENDING: its create has no end yet; FPTC_EREFUSED: it will have no row; *out_maker says which create.
 * FPTC_EUSAGE: there is no such create.
 */
fptc_status fptc__ref_resolve(struct fptc__view *outbox, int64_t id, int64_t *out,
                              struct fptc__mutation *out_maker, fptc_error *err);
/*
 * What a write says: an object of fields. Its names are the links with an id below 0 that are a field's value, or stand
 * in its list, also in one that says what shall become of it; what lies deeper is of the user's own making.
 */
int fptc__refs_any(const fptc__json *data); /* whether it names any */
/* Whether the rows that a write names are there, its own row (id; 0 of a create) among them: as of fptc__ref_resolve(),
   the worst of all: FPTC_EUSAGE, then FPTC_EREFUSED, then FPTC_PENDING. */
fptc_status fptc__refs_look(struct fptc__view *outbox, int64_t id, const fptc__json *data,
                            struct fptc__mutation *out_maker, fptc_error *err);
/* Whether the rows that it names need, each for its own create, the one that goes by `id`, or are too deep to tell. */
int fptc__refs_lead_to(struct fptc__view *outbox, const fptc__json *data, int64_t id);
/* A copy of what a write says, with the rows' own ids. NULL of NULL. As above for the first one that has none. */
fptc_status fptc__refs_resolve(struct fptc__view *outbox, const fptc__json *data, fptc__json **out,
                               struct fptc__mutation *out_maker, fptc_error *err);
/* The provisional id that FPT's row went by, if its create is known here; 0: none. */
int64_t fptc__ref_alias(struct fptc__view *outbox, const char *type, int64_t id);

#endif
