/*
 * rows.h: the rows of an answer, in memory: typed cells, and strings in one arena. Filled from SQLite
 * (run.c) or from FPT's rows as JSON; read by the result cursor of the API.
 */
#ifndef FPTC_VIEW_ROWS_H
#define FPTC_VIEW_ROWS_H

#include "base/buf.h"
#include "base/datatype.h"
#include "base/json.h"

struct fptc__link {
    const char *type;
    int64_t id;
    const char *name; /* NULL: not known */
};

struct fptc__cell {
    int32_t kind; /* FPTC_KIND_* */
    int64_t i;    /* INT, BOOL; number of links */
    double d;
    const char *text;               /* TEXT, JSON */
    const struct fptc__link *links; /* LINK, LINKS */
};

struct fptc__row {
    int64_t id;
    int64_t version;
    int32_t change;           /* FPTC_CHANGE_* */
    int is_pending;           /* it is not, or not like this, at FPT yet */
    const char *moved_to;     /* of a row that moved: its new partition; else NULL */
    struct fptc__cell *cells; /* n_columns */
    struct fptc__cell *keys;  /* what rows of several partitions are sorted by; else NULL */
};

struct fptc__arena_chunk;

struct fptc__rows {
    const char *type;
    const char **names; /* of columns */
    size_t n_columns;
    struct fptc__row *list;
    size_t n, cap;
    struct fptc__arena_chunk *arena;
    struct fptc__arena_chunk *kept; /* holds the end of type and names, ... */
    size_t kept_used;               /* ... which is here */
    int is_out_of_memory;           /* sticky; checked once at the end */
};

/* Columns are copied; type may be NULL: rows of no entity. FPTC_ENOMEM. Zeroed rows may be freed. */
fptc_status fptc__rows_init(struct fptc__rows *r, const char *type, const char *const *names,
                            size_t n_columns, fptc_error *err);
/* The same, name by name: begin (0: no memory), n_columns names, then named. */
int fptc__rows_begin(struct fptc__rows *r, const char *type, size_t n_columns);
void fptc__rows_name(struct fptc__rows *r, const char *name);
fptc_status fptc__rows_named(struct fptc__rows *r, fptc_error *err);
void fptc__rows_done(struct fptc__rows *r);
/* Forgets the rows and keeps the columns. */
void fptc__rows_clear(struct fptc__rows *r);
/* A new row with every cell ABSENT; NULL out of memory. Earlier pointers to rows become invalid. */
struct fptc__row *fptc__rows_add(struct fptc__rows *r, int64_t id);
/* A copy of a row of others, column by column of the same name; NULL out of memory. Not its keys. */
struct fptc__row *fptc__rows_add_copy(struct fptc__rows *r, const struct fptc__rows *from,
                                      size_t index);
void fptc__rows_copy_cell(struct fptc__rows *r, struct fptc__cell *to,
                          const struct fptc__cell *from);
/* Copies into the arena; NULL out of memory or for NULL. */
const char *fptc__rows_text(struct fptc__rows *r, const char *text, size_t len);
struct fptc__cell *fptc__rows_cells(struct fptc__rows *r, size_t n);
struct fptc__link *fptc__rows_links(struct fptc__rows *r, size_t n);
/* A cell that holds JSON text of a string becomes the string. */
fptc_status fptc__rows_unquote(struct fptc__rows *r, struct fptc__cell *cell, fptc_error *err);
/* Sets a cell from FPT's value by its class; NULL makes it absent. */
void fptc__rows_set_json(struct fptc__rows *r, struct fptc__cell *cell, enum fptc__class class_of,
                         const fptc__json *value);
/* The class by which a value of unknown type is kept: from the value itself. */
enum fptc__class fptc__class_of_value(const fptc__json *value);
/* {"type":..,"id":..,field:value...} in the shape of shotgun_api3; rows of no entity: {column:value...}. */
void fptc__rows_print(const struct fptc__rows *r, size_t index, struct fptc__buf *out);
/* Column by name, n_columns if there is none. */
size_t fptc__rows_column(const struct fptc__rows *r, const char *name);

#endif
