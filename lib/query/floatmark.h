/*
 * floatmark.h: keeps 1 and 1.0 apart. FPT takes 1.0 for a float and refuses 1, and the other way
 * round for a number (A§3.2); a parsed JSON number no longer tells. So every number that is written
 * with a point or an exponent becomes {"$float": 1.0} before the text is parsed.
 */
#ifndef FPTC_QUERY_FLOATMARK_H
#define FPTC_QUERY_FLOATMARK_H

#include "base/json.h"

/* Appends the JSON text with its floats marked. Text that is not JSON stays not JSON. */
void fptc__floatmark(const char *json, size_t len, struct fptc__buf *out);
/* 1 for a marked number and for a number with a fraction; its value is put into *out_value. */
int fptc__float_of(const fptc__json *v, double *out_value);
/* Parses JSON with its floats marked. */
fptc_status fptc__parse_marked(const char *json, const char *what, fptc__json **out,
                               fptc_error *err);
/* Parses JSON into values whose floats are printed as floats again ("2.0"), whatever they are worth. */
fptc_status fptc__parse_with_floats(const char *json, const char *what, fptc__json **out,
                                    fptc_error *err);

#endif
