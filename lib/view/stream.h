/*
 * stream.h: rows one after the other, in memory that does not grow with their number. A stream owns a
 * view of its own, so it stands still while others commit, compact or delete, needs no lock, and may
 * outlive the handle it came from. What it reads stays readable as long as the snapshot's file is open;
 * a file that a file server takes away all the same fails the stream (FPTC_EIO), never its rows.
 */
#ifndef FPTC_VIEW_STREAM_H
#define FPTC_VIEW_STREAM_H

#include "view/view.h"

struct fptc__stream;

/* A view for one stream: read once, sorting in temporary files instead of memory. */
fptc_status fptc__stream_view(const struct fptc__view_place *place, struct fptc__view **out,
                              fptc_error *err);

/*
 * Both start reading `view`, which then belongs to the stream (on failure it stays the caller's), and
 * initialise rows. until_mono_ms bounds all reading; 0: no bound.
 * _find: the rows of a local plan, which is not needed afterwards.
 * _sql: one statement that only reads, FPTC_EUSAGE with SQLite's text for any other. rows->type is NULL.
 */
fptc_status fptc__stream_find(struct fptc__view *view, const struct fptc__plan *plan,
                              int64_t until_mono_ms, struct fptc__rows *rows,
                              struct fptc__stream **out, fptc_error *err);
fptc_status fptc__stream_sql(struct fptc__view *view, const char *sql, int64_t until_mono_ms,
                             struct fptc__rows *rows, struct fptc__stream **out, fptc_error *err);

/* Puts the next row into rows in place of the last one. FPTC_END after the last; FPTC_EDEADLINE,
   FPTC_EFORK in a child of the process that opened it, FPTC_EIO, FPTC_EDAMAGED. */
fptc_status fptc__stream_next(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err);
void fptc__stream_close(struct fptc__stream *s);

#endif
