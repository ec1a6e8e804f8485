/*
 * columns.h: the columns that a plan returns, by the rules of A§1.6 for what FPT drops silently, and
 * the expressions that read a field path from a row t0 without filtering it (projection and order).
 */
#ifndef FPTC_QUERY_COLUMNS_H
#define FPTC_QUERY_COLUMNS_H

#include "query/fieldpath.h"
#include "query/sqltext.h"

/* A column with the path it was found by. */
struct fptc__picked {
    const char *name; /* as asked for */
    struct fptc__fieldpath at;
};

struct fptc__picks {
    const struct fptc__schema *schema;
    struct fptc__scratch *scratch;
    struct fptc__buf *warnings;
    struct fptc__picked *items;
    size_t n;
    int has_unknown; /* a field was left out that the schema has not */
};

/* Fills items; "*" is every field of the type. What FPT would drop is left out with a warning. */
fptc_status fptc__columns_pick(struct fptc__picks *p, const struct fptc__request *request,
                               fptc_error *err);
/* Appends the tables that a path of many links is read through, if it is one: rows of `type`. Comes
   before the two below; paths are told apart by `number`, from 1. */
void fptc__columns_tables(struct fptc__sqltext *s, const char *type, struct fptc__fieldpath *at,
                          unsigned number);
/* Appends ", <expression>..." of one column. */
void fptc__columns_put(struct fptc__sqltext *s, const struct fptc__fieldpath *at);
/* Appends the expression that reads the scalar behind the path. */
void fptc__columns_put_value(struct fptc__sqltext *s, const struct fptc__fieldpath *at);

#endif
