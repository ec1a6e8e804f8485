/*
 * wish.h: a wish for an index (record.h, kind usage) as the columns of that index. Wishes come from
 * anybody who may write to the directory: nothing of one gets into SQL but names that are known columns.
 */
#ifndef FPTC_STORE_WISH_H
#define FPTC_STORE_WISH_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/limits.h"

/* A link takes two columns. */
#define FPTC__WISH_COLUMNS_MAX 8

/* Column of a snapshot that holds a text field folded: "_fptc_fold_code". */
#define FPTC__FOLD_COLUMN "_fptc_fold_"

struct fptc__wish_column {
    char field[FPTC_NAME_BYTES_MAX + 1]; /* as wished for */
    const char *before, *after;          /* around it in the column's name: "_fptc_fold_", "__id" */
    int is_descending;
    int is_ordered; /* the direction matters */
};

struct fptc__wish {
    struct fptc__wish_column columns[FPTC__WISH_COLUMNS_MAX];
    size_t n;
};

/* 1 when the text is a wish that an index can fulfil. */
int fptc__wish_parse(const char *text, struct fptc__wish *out);
/* 1 when the type's table in that schema has all its fields; folded columns need not be there. */
int fptc__wish_fits(const struct fptc__wish *w, sqlite3 *db, const char *schema, const char *type);
/* 1 when an index for `longer` serves `w` as well. */
int fptc__wish_is_within(const struct fptc__wish *w, const struct fptc__wish *longer);
/* "_fptc_fold_code" of a column; plain: whatever is wished for. */
void fptc__wish_column_name(const struct fptc__wish_column *c, struct fptc__buf *out);
int fptc__wish_column_is_fold(const struct fptc__wish_column *c);
/* Name of the index of that wish: "_fptc_i_Version__entity_link__created_at_desc". */
void fptc__wish_index_name(const char *type, const char *text, struct fptc__buf *out);
/* CREATE INDEX for it. */
void fptc__wish_sql(const struct fptc__wish *w, const char *schema, const char *type,
                    const char *text, struct fptc__buf *out);

#endif
