/* written.h: whether a row shows what was written: FPT trims texts, keeps 6 decimals, and orders links
   (protocol-attacks W3). Pure. */
#ifndef FPTC_OUTBOX_WRITTEN_H
#define FPTC_OUTBOX_WRITTEN_H

#include "base/json.h"

/* One value as it was written against one that was read; NULL: not there. */
int fptc__written_is(const fptc__json *written, const fptc__json *read);
/* How a row agrees with what was written; fields that the row lacks are passed over. */
enum fptc__agreement {
    FPTC__DIFFERS,
    FPTC__RESEMBLES, /* its name and its links agree, something else does not */
    FPTC__AGREES
};
enum fptc__agreement fptc__written_agrees(const fptc__json *data, const fptc__json *row);
/* The field among `data` that names a row ("code"), with a text in it; NULL: none. */
const char *fptc__written_name(const fptc__json *data);
/* A member of `data` as FPT keeps a text: trimmed. NULL: no text, or no memory. */
fptc__json *fptc__written_text(const fptc__json *data, const char *field);

#endif
