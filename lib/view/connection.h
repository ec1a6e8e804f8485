/*
 * connection.h: the inside of a view, shared by the files of this room only: the connection, its two
 * parts, statements by text, and the temporary views that give a type its shape.
 */
#ifndef FPTC_VIEW_CONNECTION_H
#define FPTC_VIEW_CONNECTION_H

#include <pthread.h>
#include <sqlite3.h>

#include "query/summary.h"
#include "share/turn.h"
#include "store/snapshot.h"
#include "store/tables.h"
#include "view/idset.h"
#include "view/known.h"
#include "view/pending.h"
#include "view/view.h"

#define FPTC__STATEMENTS_MAX 64

/* What a snapshot says of a summary, less the first n_taken rows that were replaced (keptlines.c). */
struct fptc__kept_lines {
    char *sql;
    size_t n_taken;
    int is_too_long; /* not kept */
};

/* Rows of one type of one part that the overlay replaces. */
struct fptc__replaced {
    char *type;
    struct fptc__idset ids;
    int64_t *list;  /* the same in the order in which they came; ids.n of them */
    size_t cap;     /* of list */
    size_t n_known; /* fptc_replaced() leaves out so many of them */
    struct fptc__kept_lines *kept;
    size_t n_kept;
    int64_t n_rows; /* of the snapshot, replaced or not, if is_counted */
    int is_counted;
    struct fptc__idset pending; /* settled rows that pending ones hide, and the pending ones */
    int is_layered;             /* the type's shapes ask about them (layer.c) */
};

struct fptc__view_part {
    struct fptc__view *view;
    struct fptc__partition at;
    struct fptc__turn turn;
    struct fptc__log_turn log_turn;
    struct fptc__log *log;
    struct fptc__log_sink sink;
    struct fptc__manifest base;  /* what is attached as base_schema, if has_base */
    struct fptc__tables *tables; /* NULL until the first pass */
    const char *base_schema, *delta_schema;
    int has_base, has_delta;
    struct fptc__known_older *older; /* of the snapshot */
    struct fptc__replaced *replaced;
    size_t n_replaced;
    char **folds; /* fields that the snapshot keeps folded */
    size_t n_folds;
    struct fptc__tables *pending; /* rows as pending writes leave them; NULL: there are none */
    const char *pending_schema;
    uint64_t n_pending; /* commits in there: one for each row */
};

/* The display name of an entity as pending writes leave it. */
struct fptc__pending_name {
    char *type;
    int64_t id;
    char *name; /* NULL: it has none */
    int is_gone;
};

/* A create whose row is in the view, though the outbox that was read calls it pending. */
struct fptc__settled_here {
    int64_t provisional, id;
};

/* What the parts' pending tables were made from. */
struct fptc__layer {
    struct fptc__pending *of; /* NULL: nothing was made */
    uint64_t generation;      /* of the view */
    uint64_t number;          /* rises each time */
    int is_shown;
    size_t n;                         /* entities */
    struct fptc__pending_name *names; /* by type and id */
    size_t n_names, cap_names;
    struct fptc__settled_here *settled;
    size_t n_settled, cap_settled;
    const char **lacks; /* types of rows that are not known here, as `of` has them */
    size_t n_lacks, cap_lacks;
};

struct fptc__statement {
    char *sql;
    uint64_t hash; /* of sql */
    sqlite3_stmt *stmt;
    uint64_t used; /* for eviction */
    struct fptc__verdict verdict;
};

struct fptc__names;

struct fptc__view {
    sqlite3 *db;
    pthread_mutex_t mutex;
    const struct fptc__logger *logger;
    struct fptc__view_part parts[2];
    size_t n_parts;
    struct fptc__statement statements[FPTC__STATEMENTS_MAX];
    uint64_t clock;
    char **shapes; /* names of temporary views that exist */
    size_t n_shapes;
    int shapes_are_stale;
    struct fptc__buf name;              /* of the last look for one */
    int name_is_null, name_is_doubtful; /* doubtful: the look failed */
    struct fptc__vfs_owner owner;       /* is_hasty between begin_now and end */
    struct fptc__shun *shun;            /* its handle's; NULL: none */
    atomic_int n_faults_seen;           /* of owner.n_faults, when the view was last refreshed */
    uint64_t generation;                /* rises with every commit and base that comes in */
    struct fptc__known known;
    struct fptc__names *names; /* names.c; NULL: none yet */
    struct fptc__layer layer;
};

/* A prepared statement for the text, reset, without bindings; owned by the view. */
fptc_status fptc__view_prepare(struct fptc__view *v, const char *sql, sqlite3_stmt **out,
                               fptc_error *err);
/* The same, but the caller's own, to be finalised before the view closes. What runs is its sqlite3_sql(): the
   text as this view's snapshots serve it best (indexed.c). */
fptc_status fptc__view_compile(struct fptc__view *v, const char *sql, unsigned flags,
                               sqlite3_stmt **out, fptc_error *err);
void fptc__view_forget_statements(struct fptc__view *v);
void fptc__names_forget(struct fptc__view *v); /* names.c: its statements */
/* The part number of `part` in this view. */
struct fptc__view_part *fptc__view_at(struct fptc__view *v, enum fptc__part part);
/* Error of the connection; when a snapshot's page failed its check, names that file. */
fptc_status fptc__view_fail(struct fptc__view *v, const char *what, fptc_error *err);

/* replaced.c: whether a pending row that is shown takes the place of a settled one. */
int fptc__replaced_is_pending(const struct fptc__view *v, const struct fptc__replaced *of,
                              int64_t id);
/* shown.c: 0 unless they are shown. */
uint64_t fptc__layer_number(const struct fptc__view *v);
void fptc__sql_hidden(sqlite3_context *context, int n, sqlite3_value **args);
int fptc__pending_name_compare(const void *left, const void *right);
/* layer.c: */
/* Nothing of pending writes stays. And while they are shown: 1 and the name of an entity that one
   changes; and whether one touches the type. */
void fptc__layer_drop(struct fptc__view *v);
int fptc__layer_name(const struct fptc__view *v, const char *type, int64_t id,
                     const struct fptc__pending_name **out);
int fptc__layer_has_type(struct fptc__view_part *part, const char *type);

/* pendingrows.c: the row of one entity as its pending writes leave it. */
struct fptc__pending_op {
    const struct fptc__pending_write *write;
    struct fptc__view_part *part;
    int64_t id;       /* FPT's where it is known */
    int is_settled;   /* its row is in the view */
    fptc__json *data; /* NULL: the write's; else those with FPT's ids */
};
struct fptc__pending_row {
    const char *type;
    int64_t id;
    fptc__json *row;           /* whole; NULL: nothing of it is known */
    fptc__json *types;         /* of its fields */
    int is_gone, is_elsewhere; /* elsewhere: it moved to another project */
    int is_touched;            /* one of the writes could be shown, */
    int is_lacking;            /* ... or could not: the row is not known */
    const char *name;          /* display name, in row; NULL: none */
};
/* The n writes are to one entity, in order. FPT's row is read as it is settled: nothing is shown then. */
fptc_status fptc__pending_row_make(const struct fptc__pending_op *ops, size_t n,
                                   const struct fptc__schema *schema, struct fptc__pending_row *out,
                                   fptc_error *err);
void fptc__pending_row_done(struct fptc__pending_row *r);

/* replaced.c: a row of the snapshot has a newer state in the overlay; nothing is replaced any more. */
void fptc__view_on_replaced(void *ctx, const char *type, int64_t id);
void fptc__view_replaced_forget(struct fptc__view_part *part);
/* refresh.c: what the part's snapshot has met (fptc__log_sink). */
fptc_status fptc__view_on_fault(void *ctx, char out_name[160], fptc_error *err);
/* Reads that have failed for good. And `status`, unless one did since there were `before` of them, though
   whoever met it went on without an answer (names): then what it met. */
int fptc__view_n_faults(struct fptc__view *v);
fptc_status fptc__view_check_faults(struct fptc__view *v, int before, fptc_status status,
                                    fptc_error *err);

/* indexed.c: fields that the part's snapshot keeps folded; whether one of the view's does; and SQL that
   reads them instead of calling fptc_fold(). */
fptc_status fptc__view_folds_load(struct fptc__view_part *part, fptc_error *err);
void fptc__view_folds_forget(struct fptc__view_part *part);
int fptc__view_keeps_folded(const struct fptc__view *v, const char *field, size_t len);
void fptc__view_folded_sql(const struct fptc__view *v, const char *sql, struct fptc__buf *out);

/* shape.c: makes the temporary views of a type and of its multi-entity fields named in `fields` (all
   of them when NULL). FPTC_MISS when neither snapshot nor overlay has the type. */
fptc_status fptc__shape_type(struct fptc__view *v, struct fptc__view_part *part, const char *type,
                             fptc_error *err);
/* A half of a type that has its view, as a view of its own (query/summary.h). FPTC_MISS when the part
   has no such table. */
fptc_status fptc__shape_half(struct fptc__view_part *part, const char *type, enum fptc__half half,
                             fptc_error *err);
/* Appends a SELECT of the type's columns from its snapshot's or its overlay's table alone, NULL for those
   that only the other has. FPTC_MISS: there is no such table. */
fptc_status fptc__shape_put_half(struct fptc__view_part *part, enum fptc__half half,
                                 const char *type, struct fptc__buf *sql, fptc_error *err);
/* Appends `before` and the condition that a row of the snapshot is not replaced; 0 and nothing while the
   overlay replaces none of the type. */
int fptc__shape_put_alive(struct fptc__view_part *part, const char *type, const char *before,
                          struct fptc__buf *sql);
/* The views of every type of a part that have no view yet. */
fptc_status fptc__shape_all(struct fptc__view *v, struct fptc__view_part *part, fptc_error *err);
int fptc__shape_is(const struct fptc__view *v,
                   const char *name); /* 1: a view of this name exists */
void fptc__shape_forget(struct fptc__view *v);
int fptc__shape_has_table(struct fptc__view *v, const char *schema, const char *table);
/* run.c: makes the views of every type that the plan reads. FPTC_ENODATA: one is not there. */
fptc_status fptc__run_shape(struct fptc__view *v, const struct fptc__plan *plan, fptc_error *err);
/* Binds ?1 to ?n; texts must outlive the statement unless it copies them. 0 out of memory. */
int fptc__run_bind(sqlite3_stmt *stmt, const struct fptc__param *params, size_t n, int copies);
/* Adds the row that stmt stands on: id, version, then n columns; rows may have more, which stay absent. */
fptc_status fptc__run_row(struct fptc__view *v, struct fptc__rows *rows, sqlite3_stmt *stmt,
                          const struct fptc__column *columns, size_t n, fptc_error *err);
/* Rows with these columns; and one row by `sql`, whose ?1 is the id. FPTC_MISS if there is none. */
fptc_status fptc__run_rows(const char *type, const struct fptc__column *columns, size_t n,
                           struct fptc__rows *out, fptc_error *err);
struct fptc__by_id {
    const char *sql;
    const struct fptc__column *columns;
    size_t n_columns;
};
fptc_status fptc__run_by_id(struct fptc__view *v, const struct fptc__by_id *q, int64_t id,
                            struct fptc__rows *out, fptc_error *err);
struct fptc__idset *fptc__view_replaced(struct fptc__view_part *part, const char *type);
/* keptlines.c: brings them up to date: the SQL that reads them. FPTC_MISS: they are not kept. */
fptc_status fptc__kept_lines(struct fptc__view_part *part, struct fptc__replaced *of,
                             const struct fptc__summary *s, char *out, size_t size,
                             fptc_error *err);
void fptc__sql_replaced(sqlite3_context *context, int n, sqlite3_value **args);
void fptc__kept_lines_forget(struct fptc__view_part *part, struct fptc__replaced *of);
/* The same with what is known of the type's snapshot; NULL: no memory. */
struct fptc__replaced *fptc__view_replaced_of(struct fptc__view_part *part, const char *type);

#endif
