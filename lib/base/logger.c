/* logger.c: see logger.h. */
#include "base/logger.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 2048u

void fptc__log_line(const struct fptc__logger *logger, int32_t level, const char *format, ...)
{
    char text[LINE_MAX_BYTES + 5];
    size_t n = LINE_MAX_BYTES;
    va_list args;
    int wanted;

    if (!logger || !logger->fn || level > logger->level)
        return;
    va_start(args, format);
    wanted = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (wanted < 0)
        return;
    if ((size_t)wanted > LINE_MAX_BYTES) {
        /* Never cut inside a character: callers show these lines in UTF-8 windows. */
        while (n > 0 && ((unsigned char)text[n] & 0xc0u) == 0x80u)
            n--;
        text[n] = '\0';
    }
    logger->fn(level, text, logger->payload);
}
