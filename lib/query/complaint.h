/*
 * complaint.h: FPT's own words for what is wrong with a request, where they are recorded (A§1.10, and
 * the error texts of A§3). Values are shown as Ruby prints them, cut where they are long.
 */
#ifndef FPTC_QUERY_COMPLAINT_H
#define FPTC_QUERY_COMPLAINT_H

#include "base/json.h"

#define FPTC__SHOWN_BYTES 120

/* "nil", "1", "2.5", "\"text\"", "[...]"; returns out, FPTC__SHOWN_BYTES bytes. */
const char *fptc__show_json(const fptc__json *v, char *out);
/* "NilClass", "Integer", "Float", "String", "TrueClass", "FalseClass", "Array", "Hash". */
const char *fptc__ruby_class(const fptc__json *v);

#endif
