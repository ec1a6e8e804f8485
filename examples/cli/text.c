/* text.c: see text.h. */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *cli_alloc(size_t n_bytes)
{
    void *memory = malloc(n_bytes ? n_bytes : 1);

    if (!memory) {
        fputs("fptcache: out of memory\n", stderr);
        exit(9);
    }
    return memory;
}

char *cli_copy(const char *text, size_t length)
{
    char *copy = cli_alloc(length + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void text_done(struct text *t)
{
    free(t->bytes);
    memset(t, 0, sizeof(*t));
}

static void reserve(struct text *t, size_t more)
{
    size_t capacity = t->capacity ? t->capacity : 256;
    char *bytes;

    if (t->length + more + 1 <= t->capacity)
        return;
    while (capacity < t->length + more + 1)
        capacity *= 2;
    bytes = cli_alloc(capacity);
    if (t->length)
        memcpy(bytes, t->bytes, t->length);
    free(t->bytes);
    t->bytes = bytes;
    t->capacity = capacity;
}

void text_add(struct text *t, const char *bytes, size_t length)
{
    reserve(t, length);
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
    t->bytes[t->length] = '\0';
}

void text_put(struct text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

void text_format(struct text *t, const char *format, ...)
{
    va_list args;
    va_list again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        reserve(t, (size_t)n);
        vsnprintf(t->bytes + t->length, (size_t)n + 1, format, again);
        t->length += (size_t)n;
    }
    va_end(again);
}

const char *text_string(const struct text *t)
{
    return t->length ? t->bytes : "";
}

void text_add_json(struct text *t, const char *string)
{
    const char *p;

    text_put(t, "\"");
    for (p = string; *p; p++) {
        if (*p == '"' || *p == '\\')
            text_format(t, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            text_format(t, "\\u%04x", (unsigned)*p);
        else
            text_add(t, p, 1);
    }
    text_put(t, "\"");
}

void text_add_plain(struct text *t, const char *string)
{
    const unsigned char *p;

    for (p = (const unsigned char *)string; *p; p++) {
        if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) { /* U+0080 to U+009F are control, too */
            text_put(t, " ");
            p++;
        } else if (*p < 0x20 || *p == 0x7f) {
            text_put(t, " ");
        } else {
            text_add(t, (const char *)p, 1);
        }
    }
}

void text_add_duration(struct text *t, double seconds)
{
    if (seconds < 0.9995)
        text_format(t, "%.0f ms", seconds * 1000);
    else if (seconds < 120)
        text_format(t, "%.1f s", seconds);
    else if (seconds < 7200)
        text_format(t, "%.0f min", seconds / 60);
    else if (seconds < 172800)
        text_format(t, "%.1f h", seconds / 3600);
    else
        text_format(t, "%.1f days", seconds / 86400);
}

size_t text_width(const char *string)
{
    size_t n = 0;

    for (; *string; string++)
        n += ((unsigned char)*string & 0xc0u) != 0x80u;
    return n;
}

int text_read(struct text *t, const char *path)
{
    int is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "r");
    char bytes[8192];
    size_t n;
    int failed = 0;

    if (!file)
        return errno;
    errno = 0;
    while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
        text_add(t, bytes, n);
    if (ferror(file))
        failed = errno ? errno : EIO;
    if (!is_stdin)
        fclose(file);
    return failed;
}
