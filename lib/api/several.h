/*
 * several.h: answers from several partitions: of every project, or of those that a question names; and
 * of the rows that belong to no project, which `site` keeps.
 */
#ifndef FPTC_API_SEVERAL_H
#define FPTC_API_SEVERAL_H

#include "api/answer.h"

/* 1 when the plan's rows live in more than one partition. */
int fptc__plan_is_several(const struct fptc__plan *plan);
/* The plan's rows; FPTC_MISS unless every partition can prove them fresh. a->lacks_projectless tells that
   nothing else is missing than whether there are rows of no project. */
fptc_status fptc__several_find(struct fptc__answer *a, fptc_error *err);
/* Adds to `types` the fields that rows of the plan's type are kept with in the partitions it asks about:
   a row that FPT gives with fewer would not be whole there. */
fptc_status fptc__several_types(struct fptc__answer *a, fptc__json *types, fptc_error *err);

#endif
