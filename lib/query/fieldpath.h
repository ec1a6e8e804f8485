/*
 * fieldpath.h: "field" or "link.Type.field" (A§3.5) looked up in the schema. Every name in the result
 * is the schema's own, so it may stand in SQL as an identifier.
 *
 * The id behind a link is the link's own id: "project.Project.id" is one hop less and is_link_id.
 */
#ifndef FPTC_QUERY_FIELDPATH_H
#define FPTC_QUERY_FIELDPATH_H

#include "query/schema.h"
#include "query/scratch.h"

struct fptc__hop {
    const char *type; /* that has the link */
    const struct fptc__field *link;
    const char *target; /* type on the other side */
};

struct fptc__fieldpath {
    const char *type; /* that has the field */
    const struct fptc__field *field;
    const struct fptc__hop *hops;
    size_t n_hops;
    int is_link_id;   /* the last hop's own id is meant; that hop is not followed */
    int has_multi;    /* a hop is a multi_entity */
    unsigned table;   /* columns.c: number of the WITH tables of a long path; 0: none */
    int is_off_types; /* a hop leads to a type that the link's valid_types do not name */
};

enum fptc__path_problem {
    FPTC__PATH_FOUND,
    FPTC__PATH_UNKNOWN,    /* no such field, not a link where one is needed, or no path at all */
    FPTC__PATH_NOT_LOADED, /* the schema of a type on the way is not there: *out_name */
    FPTC__PATH_NO_MEMORY
};

/* On FPTC__PATH_UNKNOWN out->type and *out_name are the type and the name that it has no field of; on
   FPTC__PATH_NOT_LOADED *out_name is the type. */
enum fptc__path_problem fptc__fieldpath_find(const struct fptc__schema *schema, const char *type,
                                             const char *path, struct fptc__scratch *scratch,
                                             struct fptc__fieldpath *out, const char **out_name);

#endif
