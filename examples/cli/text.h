/*
 * text.h: growing text, for everything the command puts together before it prints or sends it.
 * Without memory the command ends: it has nothing to save.
 */
#ifndef FPTC_CLI_TEXT_H
#define FPTC_CLI_TEXT_H

#include <stddef.h>

struct text {
    char *bytes; /* NUL-terminated once something was added */
    size_t length;
    size_t capacity;
};

#define TEXT_INIT                                                                                  \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

/* malloc() and strdup() that end the command instead of failing. */
void *cli_alloc(size_t n_bytes);
char *cli_copy(const char *text, size_t length);

void text_done(struct text *t);
void text_add(struct text *t, const char *bytes, size_t length);
void text_put(struct text *t, const char *string);
void text_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text, "" when nothing was added. */
const char *text_string(const struct text *t);

/* Adds a JSON string with its quotes. */
void text_add_json(struct text *t, const char *string);
/* Adds text for people: control characters, which could speak to a terminal, become spaces. */
void text_add_plain(struct text *t, const char *string);
/* Adds a duration for people: "850 ms", "3.2 s", "12 min", "5.1 h", "3.0 days". */
void text_add_duration(struct text *t, double seconds);

/* Characters in a string, which is what a terminal counts. */
size_t text_width(const char *string);

/* Reads a whole file, or standard input for "-", into `t`. Returns 0, or errno. */
int text_read(struct text *t, const char *path);

#endif
