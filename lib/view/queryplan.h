/* queryplan.h: how SQLite runs a plan on a view, and what that costs: for people who ask why. */
#ifndef FPTC_VIEW_QUERYPLAN_H
#define FPTC_VIEW_QUERYPLAN_H

#include "view/view.h"

struct fptc__queryplan {
    char *sql;           /* that ran: it may read what the snapshots keep for it */
    fptc__json *lines;   /* of EXPLAIN QUERY PLAN, nested ones indented */
    fptc__json *indexes; /* names of those used; "rowid" for look-ups by id */
    int64_t rows;        /* that came */
    int64_t rows_read;   /* those, and what scans without an index went through */
    int64_t steps;       /* of SQLite's machine */
    int64_t ms;          /* of running it, without copying the rows out */
};

/* Between begin and end. Runs the plan's SQL to its end. FPTC_ENODATA: the view has nothing of a type or
   of a field. */
fptc_status fptc__view_explain(struct fptc__view *v, const struct fptc__plan *plan,
                               const struct fptc__call *call, struct fptc__queryplan *out,
                               fptc_error *err);
void fptc__queryplan_done(struct fptc__queryplan *q);

#endif
