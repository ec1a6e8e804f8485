/*
 * json.h: the one door to cJSON, and the writing of JSON text. A value is the library's own node; the
 * rest of the code walks it with these functions only. Numbers are doubles: integers are exact up to
 * 2^53, far above any id.
 */
#ifndef FPTC_BASE_JSON_H
#define FPTC_BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fptcache/fptcache.h"

typedef struct cJSON fptc__json;

/* Parses exactly one value (white space around it allowed). FPTC_EUSAGE with the place when it is not
   JSON, FPTC_ELIMIT when nested too deep, FPTC_ENOMEM. `what` names the text in the message. */
fptc_status fptc__json_parse(const char *text, size_t len, const char *what, fptc__json **out,
                             fptc_error *err);
/* The same; a number spelled with a point or an exponent is printed as one again (2.0), whatever it is worth. */
fptc_status fptc__json_parse_as_spelled(const char *text, size_t len, const char *what,
                                        fptc__json **out, fptc_error *err);
void fptc__json_free(fptc__json *v);

int fptc__json_is_object(const fptc__json *v); /* all: 0 for NULL */
int fptc__json_is_array(const fptc__json *v);
int fptc__json_is_string(const fptc__json *v);
int fptc__json_is_number(const fptc__json *v);
int fptc__json_is_integer(const fptc__json *v); /* a number without fraction, |v| <= 2^53 */
int fptc__json_is_bool(const fptc__json *v);
int fptc__json_is_true(const fptc__json *v);
int fptc__json_is_null(const fptc__json *v);
const char *
fptc__json_type_name(const fptc__json *v); /* "a string", "an object" ..., for messages */

const char *fptc__json_text(const fptc__json *v); /* of a string, else NULL */
double fptc__json_double(const fptc__json *v);    /* of a number, else 0 */
int64_t fptc__json_int(const fptc__json *v);      /* of a number, clamped, else 0 */
const char *fptc__json_key(const fptc__json *v);  /* name of an object's member, else NULL */
const fptc__json *fptc__json_get(const fptc__json *object, const char *key); /* NULL if absent */
const char *fptc__json_get_text(const fptc__json *object,
                                const char *key);                      /* NULL unless a string */
int64_t fptc__json_get_int(const fptc__json *object, const char *key); /* 0 unless a number */
size_t fptc__json_size(const fptc__json *v); /* elements of an array or object */
/* for (c = fptc__json_first(v); c; c = fptc__json_next(c)) walks an array or an object. */
const fptc__json *fptc__json_first(const fptc__json *v);
const fptc__json *fptc__json_next(const fptc__json *v);
int fptc__json_equal(const fptc__json *a, const fptc__json *b); /* deep; object order ignored */

/* Building: each returns NULL when out of memory; `set`/`append` take the child over, free it on
   failure and accept NULL (then they fail): build freely, check the root once. */
fptc__json *fptc__json_new_object(void);
fptc__json *fptc__json_new_array(void);
fptc__json *fptc__json_new_text(const char *text);
fptc__json *fptc__json_new_int(int64_t v);
fptc__json *fptc__json_new_double(double v);
fptc__json *fptc__json_new_bool(int v);
fptc__json *fptc__json_new_null(void);
fptc__json *fptc__json_copy(const fptc__json *v);
int fptc__json_set(fptc__json *object, const char *key, fptc__json *child); /* 1 done, 0 not */
int fptc__json_append(fptc__json *array, fptc__json *child);                /* 1 done, 0 not */
/* The array that is a member of the object, put there if there is none; NULL: no memory. */
fptc__json *fptc__json_array_of(fptc__json *object, const char *key);
/* Turns the value, whatever it was, into a number that is printed with a point (2.0); 0 out of memory. */
int fptc__json_make_float(fptc__json *v, double value);
/* Takes a member or element out of its parent and gives it to the caller. */
fptc__json *fptc__json_detach(fptc__json *parent, const fptc__json *child);

/* Writing, compact, straight into a buffer. */
void fptc__json_print(const fptc__json *v, struct fptc__buf *out);
void fptc__json_put_text(struct fptc__buf *out, const char *text, size_t len); /* quoted, escaped */
void fptc__json_put_double(struct fptc__buf *out, double v); /* shortest that reads back the same */
void fptc__json_put_float(struct fptc__buf *out,
                          double v); /* the same, with a point: "2.5", "1.0" */

#endif
