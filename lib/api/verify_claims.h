/* verify_claims.h: what `verify` looks at beside the files: pins, and who holds a partition. */
#ifndef FPTC_API_VERIFY_CLAIMS_H
#define FPTC_API_VERIFY_CLAIMS_H

#include "base/clock.h"
#include "store/layout.h"

/* Who is told. `lost`, `rebuilt`: of a repair; NULL: it is a look only. */
struct fptc__claims_ear {
    void *ctx;
    void (*problem)(void *ctx, const char *file, const char *kind, const char *next,
                    const char *what);
    void (*rebuilt)(void *ctx, const char *partition, const char *what);
    void (*lost)(void *ctx, const char *partition, const char *kind, const char *what);
    int64_t files; /* out: links looked at */
};

/* Pins that cannot be understood, whose bases have gone, or that ended long ago. A repair removes them, but
   not one that still keeps another base. */
fptc_status fptc__verify_pins(const char *cache_dir, int64_t now_ms, struct fptc__claims_ear *ear,
                              fptc_error *err);
/* The symlink `holder` of a partition. A repair removes one that says nothing. */
fptc_status fptc__verify_holder(const struct fptc__partition *p, struct fptc__claims_ear *ear,
                                fptc_error *err);

#endif
