/* aggregating.h: a summary while it is made, for aggregate.c and aggregate_read.c. */
#ifndef FPTC_VIEW_AGGREGATING_H
#define FPTC_VIEW_AGGREGATING_H

#include "query/scratch.h"
#include "view/connection.h"

/* Of a value that its field's list does not name. */
#define FPTC__NO_PLACE (-1)

/* The value of a group. */
struct fptc__agg_key {
    int is_null;
    const char *type;    /* LINK */
    int64_t id;          /* LINK: id; CODE: its place in the list; CHECKBOX: 0 or 1 */
    const char *text;    /* TEXT, CODE: the value; LINK: the name */
    const char *fold;    /* of text: what it is sorted by */
    const char *why_not; /* the answer is not known if a row has it; else NULL */
};

struct fptc__agg_partial {
    int has;
    int64_t i;
    const char *text; /* dates; else NULL */
};

struct fptc__agg_line {
    const struct fptc__summary *summary;
    int64_t n_rows;
    struct fptc__agg_key *keys;
    struct fptc__agg_partial *partials;
};

struct fptc__aggregate {
    struct fptc__view *view;
    struct fptc__view_part *part; /* that the summarised type lives in */
    struct fptc__summary *summary;
    size_t n_partials;
    struct fptc__scratch scratch;
    struct fptc__agg_line *list;
    size_t n, cap;
};

/* Its lines: what the snapshot, the overlay and pending rows say, each for itself. */
fptc_status fptc__aggregate_read(struct fptc__aggregate *t, fptc_error *err);

#endif
