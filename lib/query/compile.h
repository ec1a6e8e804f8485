/*
 * compile.h: a checked filter tree as SQL. SQLite bounds an expression's depth (1,000) and its
 * parser's stack (100 symbols, about three for a parenthesis), so groups are written as shallow trees
 * of short chains, and what would still be too deep becomes a table of its own:
 *     WITH g1(id) AS (SELECT t0."id" FROM "Shot" AS t0 WHERE ...) ... WHERE t0."id" IN (SELECT id FROM g1)
 */
#ifndef FPTC_QUERY_COMPILE_H
#define FPTC_QUERY_COMPILE_H

#include "query/leafsql.h"

/* Appends the tables, if any is needed, for rows of `type`. Must come before fptc__compile_where(). */
void fptc__compile_tables(struct fptc__sqltext *s, const char *type, struct fptc__filter *f);
/* Appends the expression; "1" for no filter. */
void fptc__compile_where(struct fptc__sqltext *s, const struct fptc__filter *f);

#endif
