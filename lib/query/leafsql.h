/*
 * leafsql.h: one checked condition as an SQL expression over t0, the row that is asked for. It is true
 * or not true (false and NULL are the same to its users: nothing negates it).
 *
 * Links are followed inwards, t0 -> t1 -> ...: `f` points to T and its id is IN the ids of T's rows
 * that fit; of a multi_entity, the row's id is IN the owners of such links. Measured on a view that joins base and overlay by UNION ALL: a LEFT JOIN materialises the
 * whole target (18 ms for 100 rows of 100,000, 42 ms for a filter), the IN keeps the index of the link
 * (5 ms), and scalar subqueries look the target up by its primary key (0.3 ms).
 */
#ifndef FPTC_QUERY_LEAFSQL_H
#define FPTC_QUERY_LEAFSQL_H

#include "query/leaf.h"
#include "query/sqltext.h"

/* For leaves without why_not. */
void fptc__leafsql(struct fptc__sqltext *s, const struct fptc__leaf *leaf);
/* The tables that its SQL names, if it follows more links than can be nested: first_table and up,
   innermost first. */
unsigned fptc__leafsql_n_tables(const struct fptc__leaf *leaf);
void fptc__leafsql_tables(struct fptc__sqltext *s, const struct fptc__leaf *leaf);
/* Links that are nested in its outermost part. */
size_t fptc__leafsql_n_nested(const struct fptc__leaf *leaf);
/* linksql.c: the condition on a link's columns, of fields of class LINK and LINKS of t<alias>. */
void fptc__linksql(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias);

#endif
