/*
 * plancache.h: what plans of one shape share. The shape of a request is everything that decides the SQL
 * text, columns, needs and types of its plan: type, fields, order, scope, whether there is a limit, and
 * the filter with its paths and operators, but of its values only their number and class. Building a
 * plan of a known shape checks its values and fills the parameters, no more.
 *
 * Shapes are immutable and counted: a plan outlives the cache it came from. Used by one schema only: a
 * type added to it makes shapes built before unknown. Any thread.
 */
#ifndef FPTC_QUERY_PLANCACHE_H
#define FPTC_QUERY_PLANCACHE_H

#include "query/planshape.h"

/* The least recently used shape makes room. */
#define FPTC__PLAN_SHAPES_MAX 256u
/* A shape whose key is longer is not kept: such a filter is not asked twice. */
#define FPTC__SHAPE_KEY_BYTES_MAX 16384u

struct fptc__plan_cache;

struct fptc__plan_cache *fptc__plan_cache_new(void); /* NULL: out of memory */
void fptc__plan_cache_free(struct fptc__plan_cache *c);
/* The shape of that key, counted for the caller; NULL if it is not known. */
struct fptc__shape *fptc__plan_cache_find(struct fptc__plan_cache *c, const struct fptc__buf *key);
/* Keeps a shape for others, unless memory is short or the key is long. */
void fptc__plan_cache_add(struct fptc__plan_cache *c, const struct fptc__buf *key,
                          struct fptc__shape *shape);
/* How many shapes are kept. */
size_t fptc__plan_cache_size(struct fptc__plan_cache *c);

#endif
