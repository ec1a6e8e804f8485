/* options.h: reading the caller's fptc_options safely, and copying them into a handle. */
#ifndef FPTC_API_OPTIONS_H
#define FPTC_API_OPTIONS_H

#include "api/handle.h"

/* Copies what `from` has of the struct this version knows; FPTC_EUSAGE for a struct_size that does not
   fit. Pointers still belong to the caller. */
fptc_status fptc__options_read(const fptc_options *from, fptc_options *out, fptc_error *err);
/* Duplicates every string into the handle. */
fptc_status fptc__options_keep(struct fptc_cache *cache, const fptc_options *from, fptc_error *err);
/* The key in options->script_key_file, into a buffer that the caller wipes. */
fptc_status fptc__options_key(const fptc_options *options, char *out, size_t n, fptc_error *err);
/* open.c: makes fptcache.json or realm.json anew when they are damaged or missing, which takes the site and
   the credentials in `options`; `told` says what was done, "" when they are sound. */
fptc_status fptc__description_restore(const fptc_options *options, char *told, size_t n,
                                      fptc_error *err);

#endif
