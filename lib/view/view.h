/*
 * view.h: what a query runs on: one SQLite connection over the snapshot and overlay of a home
 * partition (a project, or `outbox`, or `site`) and, for projects, of `site` beside it.
 *
 * Owns the two logs and feeds their commits into in-memory overlays. SQL sees each entity type as one
 * temporary view of the type's name: rows of the snapshot that the overlay does not replace, and the
 * overlay's. Answers are copied out (rows.h) while the view is locked, so a view stands still for them.
 *
 * Locking, always in this order: home log, site log, view. The logs' callbacks hold their own log and
 * take the view; fptc__view_begin() takes all three. fptc__view_refresh() and appends are called with
 * none of them held.
 */
#ifndef FPTC_VIEW_VIEW_H
#define FPTC_VIEW_VIEW_H

#include "query/plan.h"
#include "store/log.h"
#include "view/rows.h"

struct fptc__view;

enum fptc__part { FPTC__HOME = 0, FPTC__SITE = 1 };

/* Bases that a view shows for ever, by part. */
struct fptc__view_bases {
    uint64_t list[2];
};
/* What a view is of. */
struct fptc__view_place {
    const char *cache_dir;
    const char *home;                     /* "project-101", "site" or "outbox" */
    const struct fptc__view_bases *bases; /* NULL: follows the logs */
    struct fptc__shun *shun; /* snapshots that the handle has given up; NULL: the view's own */
};
/* logger may be NULL; it must outlive the view. */
fptc_status fptc__view_open_at(const struct fptc__view_place *place,
                               const struct fptc__logger *logger, struct fptc__view **out,
                               fptc_error *err);
/* One that follows the logs. */
fptc_status fptc__view_open(const char *cache_dir, const char *home,
                            const struct fptc__logger *logger, struct fptc__view **out,
                            fptc_error *err);
void fptc__view_close(struct fptc__view *v);

/* Looks for commits of others, unless the last look is younger than max_age_ms (0: look now). A snapshot
   that could not be read since the last look is replaced by what is sound; where nothing is, it stays. */
fptc_status fptc__view_refresh(struct fptc__view *v, int64_t max_age_ms, fptc_error *err);
/* What could not be read since the last refresh is told to other views of the handle. Not between begin
   and end. */
void fptc__view_tell_faults(struct fptc__view *v);
/* 1 while a snapshot is attached of which something could not be read. */
int fptc__view_is_faulty(struct fptc__view *v);
/* 1 once every part has been read: older states stay readable when a later refresh fails. */
int fptc__view_is_usable(struct fptc__view *v);
void fptc__view_begin(struct fptc__view *v);
void fptc__view_end(struct fptc__view *v);
/* As begin, for a caller who must not wait: 0 when somebody else has the view. Until the end, what would
   have to wait for a file, or counts more than some 100,000 steps of SQLite, fails. */
int fptc__view_begin_now(struct fptc__view *v);
/* 1 when something failed for that reason since begin_now: nothing found since then counts. */
int fptc__view_was_refused(const struct fptc__view *v);
/* Whether every part was read less than max_age_ms before that monotonic time. */
int fptc__view_is_fresh(struct fptc__view *v, int64_t mono_ms, int64_t max_age_ms);

/* FPTC__SITE of a view whose home is `site` or `outbox` is its home. */
struct fptc__log *fptc__view_log(struct fptc__view *v, enum fptc__part part);
const struct fptc__partition *fptc__view_partition(const struct fptc__view *v,
                                                   enum fptc__part part);
/* The part where a type's rows live. */
enum fptc__part fptc__view_part_of(const struct fptc__view *v, int is_project_type);

/* Rows with the plan's columns, and none of them yet; needs no view. */
fptc_status fptc__view_no_rows(const struct fptc__plan *plan, struct fptc__rows *out,
                               fptc_error *err);

/* ---- everything below is called between begin and end ---- */

/* Runs a local plan: its rows, behind those that are in `out` already. FPTC_EDAMAGED names the damaged
   file. */
fptc_status fptc__view_find(struct fptc__view *v, const struct fptc__plan *plan,
                            struct fptc__rows *out, fptc_error *err);
/* Adds the one row `id` of the plan's columns to rows; FPTC_MISS if it is not there. Rows that were
   initialised with more columns keep those absent. */
fptc_status fptc__view_find_id(struct fptc__view *v, const struct fptc__plan *plan, int64_t id,
                               struct fptc__rows *out, fptc_error *err);
/* Rows of one type by version key (fptc_cache_changes). FPTC_MISS: nothing of the type is known. */
fptc_status fptc__view_changes(struct fptc__view *v, enum fptc__part part, const char *type,
                               int64_t since, int64_t limit, struct fptc__rows *out,
                               fptc_error *err);
/* One row with every stored field, as JSON text in out; FPTC_MISS. */
fptc_status fptc__view_row(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id,
                           struct fptc__rows *out, fptc_error *err);

/* Names from every observation: 1 known, 0 not. *out_name is valid until the next call, NULL for a
   retired entity (*out_is_gone 1). */
int fptc__view_name(struct fptc__view *v, const char *type, int64_t id, const char **out_name,
                    int *out_is_gone);

#endif
