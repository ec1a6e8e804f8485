/*
 * filter.h: the filter as a tree, whatever way it was spelled: FPT's array of triples, its hash form
 * {"logical_operator","conditions"}, or shotgun_api3's {"filter_operator","filters"} (A§3.4).
 *
 * The tree is simplified while it is built, in ways that cannot change an answer: a group of one is
 * its member, a group inside one of its own kind is merged into it, an empty group inside an `and` is
 * dropped. An empty group beside others inside an `or` stays (an `and` without members): whether FPT
 * then means "every row" is not recorded.
 *
 * Nodes live in the scratch and point into the JSON they were parsed from. Walking recursively is
 * safe: no tree is deeper than FPTC_FILTER_DEPTH_MAX groups.
 */
#ifndef FPTC_QUERY_FILTER_H
#define FPTC_QUERY_FILTER_H

#include "base/json.h"
#include "query/scratch.h"

struct fptc__leaf;

enum fptc__filter_kind { FPTC__FILTER_AND, FPTC__FILTER_OR, FPTC__FILTER_LEAF };

struct fptc__filter {
    enum fptc__filter_kind kind;
    struct fptc__filter *next; /* sibling */

    struct fptc__filter *first; /* of a group */
    size_t n_members;

    const char *path; /* of a leaf: as spelled */
    const char *relation;
    const fptc__json **values; /* [path, relation, v] or, as api3 allows, [path, relation, v, w] */
    size_t n_values;
    int is_list;             /* values were given as a list, or loose */
    struct fptc__leaf *leaf; /* set by fptc__leaf_check() */

    unsigned height; /* compile.c: parentheses that its SQL needs */
    unsigned spill;  /* compile.c: number of the WITH table that holds it; 0: none */
};

/* *out is NULL when every row is asked for. FPTC_EUSAGE, FPTC_ENOMEM. */
fptc_status fptc__filter_parse(const fptc__json *json, struct fptc__scratch *scratch,
                               struct fptc__filter **out, fptc_error *err);

#endif
