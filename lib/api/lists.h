/*
 * lists.h: lists of links that may be the other side of a link kept elsewhere: Shot.tasks changes with
 * Task.entity, and the Shot's updated_at does not move. Only reading every row again brings such a list up
 * to date; until then it is as old as that reading.
 */
#ifndef FPTC_API_LISTS_H
#define FPTC_API_LISTS_H

#include "api/answer.h"
#include "view/lookup.h"

/* What is known to have happened to the lists of an answer since they were read. */
enum fptc__lists {
    FPTC__LISTS_STILL,    /* nothing, or it has no lists */
    FPTC__LISTS_MOVED,    /* a list shown may have changed: the answer is not complete */
    FPTC__LISTS_DECISIVE, /* one that decides which rows come may have: the rows may be wrong */
};

/* ---- with the view begun ---- */

int fptc__need_is_list(const struct fptc__answer *a, const struct fptc__need *need);
/* Of one type's rows, which were read whole as `cover` tells. */
enum fptc__lists fptc__lists_since_audit(struct fptc__answer *a, const char *type,
                                         const struct fptc__cover *cover);
/* Of a stored query: since the commit that stored it. */
enum fptc__lists fptc__lists_since_commit(struct fptc__answer *a, int64_t commit_no);

#endif
