/* logger.h: lines to the caller's callback. The library never prints. Never pass a credential. */
#ifndef FPTC_BASE_LOGGER_H
#define FPTC_BASE_LOGGER_H

#include "fptcache/fptcache.h"

struct fptc__logger {
    fptc_log_fn fn; /* NULL: nobody listens */
    void *payload;
    int32_t level;
};

void fptc__log_line(const struct fptc__logger *logger, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
