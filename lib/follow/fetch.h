/*
 * fetch.h: asking FPT and keeping the answer: one query, the whole of a type, what changed of it since,
 * rows that became suspect.
 */
#ifndef FPTC_FOLLOW_FETCH_H
#define FPTC_FOLLOW_FETCH_H

#include "query/plan.h"
#include "view/idset.h"
#include "view/intake.h"

/* Asks FPT a query and commits rows, `query`, and `cover` when it was a whole walk of a project's type.
   *out_rows: FPT's rows in its order, with all fields asked for, whether or not they could be kept;
   *out_commit_err (may be NULL) tells why they could not. */
fptc_status fptc__fetch_query(const struct fptc__session *f, const struct fptc__source *source,
                              const struct fptc__plan *plan, fptc__json **out_rows,
                              fptc_error *out_commit_err, fptc_error *err);

/* Asks and keeps nothing. *out_date_ms (may be NULL): FPT's clock at the first page, 0 unknown. */
fptc_status fptc__fetch_rows(const struct fptc__session *f, const struct fptc__source *source,
                             const struct fptc__plan *plan, fptc__json **out_rows,
                             int64_t *out_date_ms, fptc_error *err);

struct fptc__fetch_stats {
    int64_t rows, changed, gone;
};
struct fptc__progress {
    fptc_progress_fn fn; /* NULL: nobody listens */
    void *payload;
};

/* For `sync`: changes when the type is covered with all of the source's fields, else everything. */
fptc_status fptc__fetch_source(const struct fptc__session *f, const struct fptc__source *source,
                               const struct fptc__progress *progress,
                               struct fptc__fetch_stats *stats, fptc_error *err);
/* For a find: brings a covered type up to date, with the fields that its coverage has. */
fptc_status fptc__fetch_covered(const struct fptc__session *f, const struct fptc__source *source,
                                struct fptc__fetch_stats *stats, fptc_error *err);
/* Walks every row of the source by id, several pages in flight, catches up from the mark taken before,
   and publishes its coverage. */
fptc_status fptc__fetch_all(const struct fptc__session *f, const struct fptc__source *source,
                            const struct fptc__progress *progress, struct fptc__fetch_stats *stats,
                            fptc_error *err);
/* Changes since the coverage's mark: one request for the living, one for the trash. FPTC_MISS when the
   type is not covered or cannot be followed by updated_at. */
fptc_status fptc__fetch_changes(const struct fptc__session *f, const struct fptc__source *source,
                                struct fptc__fetch_stats *stats, fptc_error *err);
/* After a walk of a source: rows that are kept and that it did not meet (ids in `met`) are read again,
   wherever they live now; stats->gone counts them. */
fptc_status fptc__settle_missing(const struct fptc__session *f, const struct fptc__source *source,
                                 const struct fptc__idset *met, struct fptc__fetch_stats *stats,
                                 fptc_error *err);
/* Reads these rows again; ids that FPT does not return are gone. */
fptc_status fptc__fetch_ids(const struct fptc__session *f, const struct fptc__source *source,
                            const fptc__json *ids, fptc_error *err);

#endif
