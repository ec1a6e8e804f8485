/*
 * deadlinks.c: questions that name only retired rows of a multi_entity field. FPT's answer depends on the
 * field (A§3.3), so only FPT can give it.
 */
#include "api/answer.h"

static int is_dead(struct fptc__view *v, const struct fptc__named *named)
{
    size_t i;

    for (i = 0; i < named->n_links; i++) {
        const struct fptc__link_ref *link = &named->links[i];
        const char *name;
        int is_gone = 0;

        (void)fptc__view_name(v, link->type, link->id, &name, &is_gone);
        if (!is_gone)
            return 0;
    }
    return 1;
}

int fptc__answer_names_only_dead(const struct fptc__answer *a)
{
    const struct fptc__named *named;

    for (named = a->plan->named; named != NULL; named = named->next) {
        if (is_dead(a->work->session.view, named))
            return 1;
    }
    return 0;
}
