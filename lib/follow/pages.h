/* pages.h: walking FPT's pages, for the files of this room. */
#ifndef FPTC_FOLLOW_PAGES_H
#define FPTC_FOLLOW_PAGES_H

#include "view/intake.h"

/* {"logical_operator":"and","conditions":[]}; NULL: no memory. */
fptc__json *fptc__filter_all(void);
/* Adds [path, op, value] to such a group, taking value over. 1 done, 0 no memory. */
int fptc__filter_add(fptc__json *group, const char *path, const char *op, fptc__json *value);
/* The group "project is P" of a source; "project is null" of a project type without one; else without
   conditions. */
fptc__json *fptc__filter_source(const struct fptc__source *source);

/* Every row that the filters let through, in id order, page after page: `id > last` instead of page
   numbers, so that rows that come or go meanwhile shift nothing (A§9.10). */
struct fptc__walk {
    const char *type;
    const fptc__json *filters; /* a group */
    const char *fields;
    int is_retired;
    int64_t page_size;
    int64_t after_id; /* in and out: start behind this id */
    int64_t date_ms;  /* out: FPT's clock at the first page */
    int is_done;      /* out */
};
/* The next page; w->is_done when it was the last. The caller frees page. */
fptc_status fptc__walk_next(const struct fptc__session *f, struct fptc__walk *w,
                            struct fptc__page *page, fptc_error *err);

/* Where catching up begins. fetch_changes.c */
struct fptc__since {
    int64_t date_ms; /* FPT's clock: everything older is known */
    int64_t max_id;
    int64_t audited_ms;    /* when every row was read last */
    int skip_equal;        /* leave out rows the view has already: it must be up to date */
    struct fptc__log *log; /* as fptc__intake::home_log; NULL: the view's */
    uint64_t seen;         /* head of the home partition when all that is known was asked for */
    const fptc__json *cover_types; /* what the coverage may claim; NULL: the source's */
    int is_walk; /* the end of a walk of every row, begun when the head was this: */
    uint64_t walk_seen;
};
struct fptc__fetch_stats;
/* Reads what changed since, living and retired, and publishes the coverage as of its own beginning. */
fptc_status fptc__changes_since(const struct fptc__session *f, const struct fptc__source *source,
                                const struct fptc__since *since, struct fptc__fetch_stats *stats,
                                fptc_error *err);

#endif
