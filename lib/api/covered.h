/*
 * covered.h: answers from covered types: complete, of all their rows. Called by answer.c, and by whoever
 * computes on covered rows himself.
 */
#ifndef FPTC_API_COVERED_H
#define FPTC_API_COVERED_H

#include "api/answer.h"
#include "api/lists.h"
#include "view/lookup.h"

/* Of the types that decide an answer, the oldest. */
struct fptc__freshness {
    int64_t asof_ms;
    int64_t lists_ms; /* of the lists of links in it; INT64_MAX: it has none */
    enum fptc__lists lists;
    int has_suspects;
};

enum fptc__part fptc__answer_part(const struct fptc__answer *a, const char *type);
int fptc__answer_is_young(const struct fptc__answer *a, int64_t asof_ms);
int fptc__name_is_in(const fptc__json *list, const char *name);

/* ---- with the view begun ---- */

/* FPTC_MISS unless everything that the plan depends on is covered, whatever its age. */
fptc_status fptc__covered_look(struct fptc__answer *a, struct fptc__freshness *out,
                               fptc_error *err);
int fptc__covered_is_fresh(const struct fptc__answer *a, const struct fptc__freshness *f);
/* Source, age and completeness of an answer that was made from there, with warnings. */
void fptc__covered_claim(struct fptc__answer *a, struct fptc__freshness *f);

/* ---- begins the view itself ---- */

/* The plan's rows, of a streaming answer only what is known about them; FPTC_MISS when the cache cannot
   prove them fresh. */
fptc_status fptc__covered_find(struct fptc__answer *a, fptc_error *err);

#endif
