/*
 * known.h: what lookups of a view found, remembered until a commit or a base comes in: coverage of
 * types, links that leave the project, display names. For this room, called between begin and end.
 * What was looked up after something was refused (fptc__view_begin_now) is not remembered.
 */
#ifndef FPTC_VIEW_KNOWN_H
#define FPTC_VIEW_KNOWN_H

#include "view/lookup.h"

/* Display names kept at most; a name that finds its place taken replaces the one there. */
#define FPTC__KNOWN_NAMES 1024

struct fptc__known_outside {
    char *type, *field, *target;
    int is_outside;
};

struct fptc__known_name {
    char *type; /* NULL: the place is free */
    int64_t id;
    char *name; /* NULL: not known, or it has none */
    int is_found, is_gone;
};

/* Whether a row of the type was updated at `since` or later. */
struct fptc__known_newer {
    enum fptc__part part;
    char *type;
    char since[24];
    int is_newer;
};

struct fptc__known {
    uint64_t generation; /* of the view, when this was true */
    struct fptc__known_cover *covers;
    size_t n_covers;
    struct fptc__known_outside *outside;
    size_t n_outside;
    struct fptc__known_newer *newer;
    size_t n_newer;
    struct fptc__known_name *names; /* FPTC__KNOWN_NAMES of them, or NULL */
};

void fptc__known_forget(struct fptc__known *k);
/* Types of a snapshot of which no row was updated at `since` or later; ends with a type NULL. */
struct fptc__known_older {
    char *type;
    char since[24];
};
void fptc__known_older_forget(struct fptc__known_older **list);
/* 1 and the answer if it is remembered, else 0. */
int fptc__known_outside(struct fptc__view *v, const struct fptc__follow *f, int *out_is_outside);
void fptc__known_outside_add(struct fptc__view *v, const struct fptc__follow *f, int is_outside);
/* The place of a name, whatever stands there; NULL: no memory, nothing is remembered. */
struct fptc__known_name *fptc__known_name(struct fptc__view *v, const char *type, int64_t id);
int fptc__known_name_is(const struct fptc__known_name *at, const char *type, int64_t id);
/* name may be NULL. */
void fptc__known_name_set(struct fptc__known_name *at, const char *type, int64_t id,
                          const char *name, int is_found, int is_gone);

#endif
