#include "api/lists.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

/* FPT's clock and the file server's are compared through a request: that much may lie between them. */
#define CLOCKS_MARGIN_MS 5000

/* Whether the plan reads the list to decide which rows come, not only to show it. */
static int is_decisive(const struct fptc__plan *plan, const struct fptc__need *need)
{
    char word[2 * FPTC_NAME_BYTES_MAX + 8];
    const char *canonical;

    if (plan->sql != NULL) {
        snprintf(word, sizeof(word), "\"%s__%s\"", need->type, need->field);
        return strstr(plan->sql, word) != NULL;
    }
    canonical = fptc__plan_canonical(plan);
    snprintf(word, sizeof(word), "%s\"", need->field);
    return canonical == NULL || strstr(canonical, word) != NULL;
}

/* With the schema lock held: whether rows of `type` can have links to `target`. */
static int can_link(const struct fptc__schema *schema, const char *type, const char *target)
{
    size_t i, k;

    for (i = 0; i < fptc__schema_n_fields(schema, type); i++) {
        const struct fptc__field *f = fptc__schema_field_at(schema, type, i);

        if (f->class_of != FPTC__LINK && f->class_of != FPTC__LINKS)
            continue;
        for (k = 0; k < f->n_valid_types; k++) {
            if (strcmp(f->valid_types[k], target) == 0)
                return 1;
        }
        if (f->n_valid_types == 0)
            return 1;
    }
    return 0;
}

/* Calls each(part, type) for the types whose rows may hold the other side; stops at 1. */
static int any_other_side(struct fptc__answer *a, const struct fptc__need *need,
                          int (*each)(struct fptc__view *v, enum fptc__part part, const char *type,
                                      const void *since),
                          const void *since)
{
    struct fptc_cache *cache = a->work->cache;
    struct fptc__view *v = a->work->session.view;
    const struct fptc__field *field;
    int found = 0;
    size_t i;

    pthread_rwlock_rdlock(&cache->schema_lock);
    field = fptc__schema_field(cache->schema, need->type, need->field);
    for (i = 0; field != NULL && i < field->n_valid_types && !found; i++) {
        const char *type = field->valid_types[i];
        int is_home = fptc__schema_is_project_type(cache->schema, type);
        int is_loaded =
            fptc__schema_has(cache->schema, type); /* else nobody knows where it is kept */

        if (is_loaded && !can_link(cache->schema, type, need->type))
            continue;
        found = ((is_home || !is_loaded) && each(v, FPTC__HOME, type, since)) ||
                (!is_home && each(v, fptc__view_part_of(v, 0), type, since));
    }
    pthread_rwlock_unlock(&cache->schema_lock);
    return found;
}

int fptc__need_is_list(const struct fptc__answer *a, const struct fptc__need *need)
{
    struct fptc_cache *cache = a->work->cache;
    const struct fptc__field *field;
    int is;

    pthread_rwlock_rdlock(&cache->schema_lock);
    field = fptc__schema_field(cache->schema, need->type, need->field);
    is = field != NULL && field->class_of == FPTC__LINKS;
    pthread_rwlock_unlock(&cache->schema_lock);
    return is;
}

static enum fptc__lists worst(struct fptc__answer *a, const char *type,
                              int (*each)(struct fptc__view *v, enum fptc__part part,
                                          const char *type, const void *since),
                              const void *since)
{
    enum fptc__lists found = FPTC__LISTS_STILL;
    size_t i;

    for (i = 0; i < a->plan->n_needs && found != FPTC__LISTS_DECISIVE; i++) {
        const struct fptc__need *need = &a->plan->needs[i];

        if ((type != NULL && strcmp(need->type, type) != 0) || !fptc__need_is_list(a, need) ||
            !any_other_side(a, need, each, since))
            continue;
        found = is_decisive(a->plan, need) ? FPTC__LISTS_DECISIVE : FPTC__LISTS_MOVED;
    }
    return found;
}

static int has_newer(struct fptc__view *v, enum fptc__part part, const char *type,
                     const void *since)
{
    return fptc__view_has_newer(v, part, type, since);
}

/* The rows were read at audited_ms of the file server's clock; the mark is FPT's at asof_ms. */
enum fptc__lists fptc__lists_since_audit(struct fptc__answer *a, const char *type,
                                         const struct fptc__cover *cover)
{
    char since[21];
    int64_t mark_ms = 0;

    if (!fptc__iso_to_ms(cover->mark, &mark_ms))
        mark_ms = cover->asof_ms;
    fptc__iso_from_ms(cover->audited_ms + mark_ms - cover->asof_ms - CLOCKS_MARGIN_MS, since);
    return worst(a, type, has_newer, since);
}

/* Numbers of another part's log say nothing here: what is kept there shows after max_age. */
static int is_touched(struct fptc__view *v, enum fptc__part part, const char *type,
                      const void *since)
{
    return part == FPTC__HOME && fptc__view_touched(v, part, type) > *(const int64_t *)since;
}

enum fptc__lists fptc__lists_since_commit(struct fptc__answer *a, int64_t commit_no)
{
    return worst(a, NULL, is_touched, &commit_no);
}
