/*
 * tables_apply.h: what tables.c, table_shape.c and the apply_*.c files share. Nobody else includes it.
 *
 * Two sides hold state: DELTA, which is written, and BASE, a snapshot below it that is only read. A row
 * or tombstone in DELTA hides everything BASE says about the same (type, id). In place there is no
 * BASE side: the snapshot itself is DELTA.
 */
#ifndef FPTC_STORE_TABLES_APPLY_H
#define FPTC_STORE_TABLES_APPLY_H

#include "base/datatype.h"
#include "store/tables.h"

enum { FPTC__DELTA = 0, FPTC__BELOW = 1, FPTC__SIDES = 2 };

#define FPTC__SNAPSHOT_FORMAT 1
#define FPTC__VERSION_BITS 20

/* Statements on the _fptc_ tables, prepared when first used. The SQL is in tables.c. */
enum fptc__stmt_no {
    FPTC__NAME_GET, /* of DELTA; + FPTC__BELOW: the same of BASE */
    FPTC__NAME_GET_BELOW,
    FPTC__NAME_PUT,
    FPTC__GONE_GET,
    FPTC__GONE_GET_BELOW,
    FPTC__GONE_ANY,
    FPTC__GONE_ANY_BELOW,
    FPTC__GONE_PUT,
    FPTC__GONE_DROP,
    FPTC__EVENT_GET,
    FPTC__EVENT_GET_BELOW,
    FPTC__EVENT_PUT,
    FPTC__MUTATION_GET,
    FPTC__MUTATION_GET_BELOW,
    FPTC__MUTATION_COPY, /* from BASE to DELTA */
    FPTC__MUTATION_PUT,
    FPTC__MUTATION_ATTEMPT,
    FPTC__MUTATION_SETTLE,
    FPTC__MUTATION_REFUSE,
    FPTC__MUTATION_UNSENT,
    FPTC__MUTATION_READ,
    FPTC__MUTATION_DECIDE,
    FPTC__FIELD_LIST,
    FPTC__FIELD_PUT,
    FPTC__SET_GET,
    FPTC__SET_FIND,
    FPTC__SET_PUT,
    FPTC__COVER_GET,
    FPTC__COVER_PUT,
    FPTC__COVER_DROP,
    FPTC__QUERY_GET,
    FPTC__QUERY_PUT,
    FPTC__CONFIG_GET,
    FPTC__CONFIG_PUT,
    FPTC__CONFIG_DROP,
    FPTC__EFFECT_DROP,
    FPTC__TOUCHED_GET,
    FPTC__TOUCHED_PUT,
    FPTC__SUSPECT_ANY,
    FPTC__SUSPECT_PUT,
    FPTC__SUSPECT_DROP,
    FPTC__USAGE_PUT,
    FPTC__INDEX_LIST,
    FPTC__DROPPED_GET,
    FPTC__UPTO_PUT,
    FPTC__STMTS
};

/* One field of a type. A field whose data type changed may have more than one home. */
struct fptc__column {
    char *field;
    char *data_type; /* as _fptc_field says now */
    enum fptc__class cls;
    int is_computed;
    char affinity;              /* of DELTA's column: 'T', 'I', 'R', 'N' none; 0 no such column */
    int has_link[FPTC__SIDES];  /* columns <f>__type and <f>__id */
    int has_plain[FPTC__SIDES]; /* column <f> */
    int has_fold[FPTC__SIDES];  /* column _fptc_fold_<f>, always fptc_fold(<f>) */
    int has_links[FPTC__SIDES]; /* table <Type>__<f> */
    int plain_at[FPTC__SIDES];  /* place in the result of get[side], -1 if not there */
    int link_at[FPTC__SIDES];
    int put_plain, put_link; /* parameter numbers of `put`, 0 if none */
    sqlite3_stmt *links_get[FPTC__SIDES], *links_put, *links_drop;
};

/* A field set: which of the shape's columns a row holds. */
struct fptc__fieldset {
    int64_t no;
    size_t n; /* columns the shape had then; those behind are not held */
    unsigned char *has;
};

/* A type, as its tables are on both sides. Lives in the cache of struct fptc__tables. */
struct fptc__shape {
    char *type;
    struct fptc__column *columns;
    size_t n_columns, cap_columns;
    struct fptc__fieldset *sets;
    size_t n_sets, cap_sets;
    int is_there[FPTC__SIDES]; /* the type's table */
    int has_gone[FPTC__SIDES]; /* tombstones of the type */
    int has_suspects;
    int is_touched;  /* by the commit under way */
    int is_reshaped; /* by the commit under way */
    sqlite3_stmt *get[FPTC__SIDES], *put, *drop;
};

struct fptc__replaced_row {
    const struct fptc__shape *shape;
    int64_t id;
};

struct fptc__tables {
    sqlite3 *db;
    char *schema[FPTC__SIDES]; /* BASE's is NULL in place or without a snapshot */
    struct fptc__tables_options options;
    char partition[64];
    uint64_t upto;      /* last commit these tables hold */
    uint64_t dropped;   /* the last drop; 0: none */
    uint64_t number;    /* commit under way */
    uint64_t n_changed; /* rows it has changed so far */
    int is_refused;     /* it failed by what it says, not by what happened here */
    struct fptc__shape **shapes;
    size_t n_shapes, cap_shapes;
    struct fptc__replaced_row *replaced; /* told after success */
    size_t n_replaced, cap_replaced;
    struct fptc__known_name *known_names; /* apply_names.c */
    struct fptc__buf scratch;
    sqlite3_stmt *stmts[FPTC__STMTS];
};

/* Fails because of the record's content: the same for every reader, for ever. */
#define fptc__refuse(t, err, ...)                                                                  \
    ((t)->is_refused = 1, fptc__fail((err), FPTC_EDAMAGED, __VA_ARGS__))

/* tables.c */
fptc_status fptc__tables_stmt(struct fptc__tables *t, int no, sqlite3_stmt **out, fptc_error *err);
/* Steps a statement that returns no row, and resets it. */
fptc_status fptc__tables_step(struct fptc__tables *t, sqlite3_stmt *stmt, const char *what,
                              fptc_error *err);
/* Steps to the first row: FPTC_OK (the caller resets), FPTC_MISS (reset already), or a failure. */
fptc_status fptc__tables_first(struct fptc__tables *t, sqlite3_stmt *stmt, const char *what,
                               fptc_error *err);
fptc_status fptc__tables_prepare(struct fptc__tables *t, const char *sql, size_t len,
                                 sqlite3_stmt **out, fptc_error *err);
/* Room for one more element of `size` bytes; 1 done, 0 out of memory. */
int fptc__tables_room(void *list, size_t *cap, size_t n, size_t size);
/* Version key of the next change of the commit under way. */
fptc_status fptc__tables_next_version(struct fptc__tables *t, int64_t *out, fptc_error *err);
/* Forgets what is cached from the tables (after a rollback, and at the end). */
void fptc__tables_forget(struct fptc__tables *t);

/* table_shape.c */
fptc_status fptc__shape_of(struct fptc__tables *t, const char *type, struct fptc__shape **out,
                           fptc_error *err);
/* Makes tables and columns for these fields where they are missing; *out_set is the record's set. */
fptc_status fptc__shape_grow(struct fptc__tables *t, struct fptc__shape *shape,
                             const fptc__json *types, int64_t *out_set, fptc_error *err);
/* Index of a field, or n_columns. */
size_t fptc__shape_find(const struct fptc__shape *shape, const char *field);
void fptc__shape_free(struct fptc__shape *shape);

/* table_fieldset.c */
/* The field set of a number, NULL if there is none such; valid until the next call. */
fptc_status fptc__fieldset_get(struct fptc__tables *t, struct fptc__shape *shape, int64_t no,
                               const struct fptc__fieldset **out, fptc_error *err);
/* Number of the set `has` (one byte a column, malloc), which is taken over. */
fptc_status fptc__fieldset_no(struct fptc__tables *t, struct fptc__shape *shape, unsigned char *has,
                              int64_t *out, fptc_error *err);

/* table_stmts.c */
/* Prepares the statements on the rows of a type where they are not yet. */
fptc_status fptc__shape_statements(struct fptc__tables *t, struct fptc__shape *shape,
                                   fptc_error *err);

/* table_index.c: DELTA's table of the type gets the indexes that BASE's has, or loses all that it has
   been given by wishes; the next rewrite makes them again. */
fptc_status fptc__shape_indexes(struct fptc__tables *t, const struct fptc__shape *shape,
                                fptc_error *err);
fptc_status fptc__shape_no_indexes(struct fptc__tables *t, const struct fptc__shape *shape,
                                   fptc_error *err);

/* table_alter.c */
/* Brings DELTA's tables to what the classes of the columns need. */
fptc_status fptc__shape_alter(struct fptc__tables *t, struct fptc__shape *shape, fptc_error *err);

/* cell.c */
struct fptc__cell {
    char kind; /* 0 null, 'i' integer, 'd' real, 't' text */
    int64_t i;
    double d;
    const char *text;
};
/* The value as a column of that class keeps it. Text may live in `scratch`, until its next use. */
fptc_status fptc__cell_of(enum fptc__class cls, const fptc__json *value, struct fptc__buf *scratch,
                          struct fptc__cell *out, fptc_error *err);
int fptc__cell_bind(sqlite3_stmt *stmt, int parameter, const struct fptc__cell *cell);
int fptc__cell_equal(sqlite3_stmt *stmt, int column, enum fptc__class cls,
                     const struct fptc__cell *cell);
/* A link {"type","id"}: 1, else 0. */
int fptc__cell_link(const fptc__json *value, const char **type, int64_t *id);
/* A text that is a number in SQLite's grammar: 'i' or 'd', else 0. Locale-free. */
char fptc__number_of_text(const char *text, int64_t *out_i, double *out_d);

/* apply_rows.c, apply_names.c, apply_meta.c, apply_mutation.c: one record each */
fptc_status fptc__apply_rows(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_gone(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_cover(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_query(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_config(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
/* apply_lost.c: that it was; what is forgotten has gone by then. And the greatest number that is lost, which every coverage and answer
   must be younger than; 0: none. */
fptc_status fptc__apply_lost(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__hole_number(struct fptc__tables *t, uint64_t *out, fptc_error *err);
fptc_status fptc__apply_usage(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_mutate(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_attempt(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_settle(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_refuse(struct fptc__tables *t, const fptc__json *body, fptc_error *err);
fptc_status fptc__apply_decide(struct fptc__tables *t, const fptc__json *body, fptc_error *err);

/* What is known of a display name. */
struct fptc__sighting {
    const char *type;
    int64_t id;
    const char *name; /* NULL: not told */
    uint64_t seen;
    int is_row; /* it comes with a row that was taken: right whatever `seen` says */
};
fptc_status fptc__name_seen(struct fptc__tables *t, const struct fptc__sighting *s,
                            fptc_error *err);
fptc_status fptc__name_gone(struct fptc__tables *t, const char *type, int64_t id, fptc_error *err);

#endif
