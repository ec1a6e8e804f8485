/*
 * json.h: reads JSON that the library wrote, or that the library has already accepted, into a tree.
 */
#ifndef FPTC_CLI_JSON_H
#define FPTC_CLI_JSON_H

#include "text.h"

#include <stddef.h>

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_kind kind;
    char *key;          /* of a member of an object */
    char *text;         /* of a number or string; UTF-8, without escapes */
    struct json *child; /* first element or member */
    struct json *next;  /* sibling */
};

/* NULL when the text is not JSON. */
struct json *json_read(const char *text, size_t length);
void json_free(struct json *node);
/* A member of an object by name; NULL when there is none. */
const struct json *json_member(const struct json *object, const char *key);

/* Adds a value as JSON text. */
void json_add(struct text *out, const struct json *node);

#endif
