/*
 * replaced.c: which rows of a snapshot the overlay replaces, by type.
 */
#include <stdlib.h>
#include <string.h>

#include "view/connection.h"

struct fptc__replaced *fptc__view_replaced_of(struct fptc__view_part *part, const char *type)
{
    struct fptc__replaced *list;
    size_t i;

    for (i = 0; i < part->n_replaced; i++) {
        if (strcmp(part->replaced[i].type, type) == 0)
            return &part->replaced[i];
    }
    list = realloc(part->replaced, (part->n_replaced + 1) * sizeof(*list));
    if (list == NULL)
        return NULL;
    part->replaced = list;
    memset(&list[part->n_replaced], 0, sizeof(*list));
    list[part->n_replaced].type = strdup(type);
    if (list[part->n_replaced].type == NULL)
        return NULL;
    return &list[part->n_replaced++];
}

struct fptc__idset *fptc__view_replaced(struct fptc__view_part *part, const char *type)
{
    struct fptc__replaced *replaced = fptc__view_replaced_of(part, type);

    return replaced == NULL ? NULL : &replaced->ids;
}

void fptc__view_replaced_forget(struct fptc__view_part *part)
{
    size_t i;

    for (i = 0; i < part->n_replaced; i++) {
        free(part->replaced[i].type);
        fptc__kept_lines_forget(part, &part->replaced[i]);
        fptc__idset_clear(&part->replaced[i].ids);
        fptc__idset_clear(&part->replaced[i].pending);
        free(part->replaced[i].list);
    }
    free(part->replaced);
    part->replaced = NULL;
    part->n_replaced = 0;
}

int fptc__replaced_is_pending(const struct fptc__view *v, const struct fptc__replaced *of,
                              int64_t id)
{
    return v->layer.is_shown && fptc__idset_has(&of->pending, id);
}

static int add_replaced(struct fptc__replaced *of, int64_t id)
{
    size_t n = of->ids.n;

    if (n == of->cap) {
        size_t cap = of->cap == 0 ? 64 : 2 * of->cap;
        int64_t *list = realloc(of->list, cap * sizeof(*list));

        if (list == NULL)
            return 0;
        of->list = list;
        of->cap = cap;
    }
    if (!fptc__idset_add(&of->ids, id))
        return 0;
    if (of->ids.n > n)
        of->list[n] = id;
    return 1;
}

/* A row of the snapshot has a newer state in the overlay. Out of memory is remembered as a stale shape:
   the next query then fails instead of showing both states. */
void fptc__view_on_replaced(void *ctx, const char *type, int64_t id)
{
    struct fptc__view_part *part = ctx;
    struct fptc__replaced *of = fptc__view_replaced_of(part, type);

    if (of == NULL || of->ids.n == 0)
        part->view->shapes_are_stale = 1;
    if (of == NULL || !add_replaced(of, id))
        part->has_delta = -1;
}
