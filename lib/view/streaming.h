/* streaming.h: the inside of a stream, for stream.c and stream_sql.c only. */
#ifndef FPTC_VIEW_STREAMING_H
#define FPTC_VIEW_STREAMING_H

#include "view/connection.h"
#include "view/stream.h"

struct fptc__stream {
    struct fptc__view *view;
    sqlite3_stmt *stmt;
    struct fptc__column *columns; /* of a plan; NULL: the statement's own */
    size_t n_columns;
    int64_t pid;
    int64_t until_mono_ms; /* 0: no bound */
    int is_late;
    int first; /* what the first step gave, if has_first */
    int has_first;
    int64_t n_given; /* rows */
};

/* An empty stream over the view, with its bound in force. */
fptc_status fptc__stream_new(struct fptc__view *view, int64_t until_mono_ms,
                             struct fptc__stream **out, fptc_error *err);
/* Closes all but the view. */
void fptc__stream_abandon(struct fptc__stream *s);
/* Steps to the first row, which sorting and grouping read everything for: fails only when a snapshot cannot
   be read. */
fptc_status fptc__stream_prime(struct fptc__stream *s, fptc_error *err);
/* What SQLite's failure means for a stream. */
fptc_status fptc__stream_fail(struct fptc__stream *s, const char *what, fptc_error *err);
/* stream_sql.c: what SQLite's failure means for a statement of the caller's; and the row it stands on. */
fptc_status fptc__stream_sql_fail(struct fptc__stream *s, fptc_error *err);
fptc_status fptc__stream_sql_row(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err);

#endif
