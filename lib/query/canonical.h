/*
 * canonical.h: one text for every way to ask the same question: {"type","filters","order","limit",
 * "page"}. Two texts are equal only if FPT's answers must be; two different texts may still mean the
 * same, which only costs a second entry.
 *
 * Beyond what filter.h merges: members of a group are sorted bytewise and each kept once, so are the
 * values of `in` and `not_in`; links are reduced to {type,id}; lists of one are unwrapped where one
 * value belongs and the other way round. The projection is no part of it: it does not decide which
 * rows come (what must be covered for it is in the plan's needs).
 *
 * The text of the filters is FPT's hash form, so it is also what is sent.
 */
#ifndef FPTC_QUERY_CANONICAL_H
#define FPTC_QUERY_CANONICAL_H

#include "query/filter.h"

/* Appends the filters as one group; f NULL: an empty one. Leaves must have been checked. A buffer
   that is too small or memory that is short shows in out->failed. */
void fptc__canonical_filters(const struct fptc__filter *f, struct fptc__buf *out);
/* 128-bit FNV-1a, 32 hexadecimal digits. It only has to tell questions apart that people ask: the
   store keeps the text beside it, and the reader compares texts. */
void fptc__canonical_hash(const char *text, char out[33]);

#endif
