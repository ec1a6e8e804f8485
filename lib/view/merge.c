#include "view/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "view/idset.h"

static int compare_numbers(const struct fptc__cell *a, const struct fptc__cell *b)
{
    if (a->kind == FPTC_KIND_INT && b->kind == FPTC_KIND_INT)
        return (a->i > b->i) - (a->i < b->i);
    return (a->d > b->d) - (a->d < b->d);
}

/* As SQLite compares: numbers, then texts by their bytes; a null is greater than both (plan.h). */
static int compare_keys(const struct fptc__cell *a, const struct fptc__cell *b)
{
    int is_null = a->kind == FPTC_KIND_NULL, is_text = a->kind == FPTC_KIND_TEXT;

    if (is_null || b->kind == FPTC_KIND_NULL)
        return is_null - (b->kind == FPTC_KIND_NULL);
    if (is_text != (b->kind == FPTC_KIND_TEXT))
        return is_text ? 1 : -1;
    return is_text ? strcmp(a->text, b->text) : compare_numbers(a, b);
}

static int compare_rows(const void *one, const void *other, void *ctx)
{
    const struct fptc__row *a = one, *b = other;
    const struct fptc__plan *plan = ctx;
    size_t i;

    for (i = 0; i < plan->n_sort; i++) {
        int order = compare_keys(&a->keys[i], &b->keys[i]);

        if (order != 0)
            return plan->sort[i].is_descending ? -order : order;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static fptc_status check_once(const struct fptc__rows *rows, fptc_error *err)
{
    struct fptc__idset met = {NULL, 0, 0};
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < rows->n && status == FPTC_OK; i++) {
        if (fptc__idset_has(&met, rows->list[i].id))
            status = FPTC_MISS;
        else if (!fptc__idset_add(&met, rows->list[i].id))
            status = fptc__fail_nomem(err);
    }
    fptc__idset_clear(&met);
    return status;
}

void fptc__rows_cut(struct fptc__rows *rows, int64_t limit, int64_t page)
{
    int64_t n = (int64_t)rows->n, skip = 0;

    if (limit == 0)
        return;
    if (page > 1)
        skip = page - 1 > n / limit ? n : (page - 1) * limit;
    if (skip > n)
        skip = n;
    n = n - skip < limit ? n - skip : limit;
    if (n > 0)
        memmove(rows->list, rows->list + skip, (size_t)n * sizeof(*rows->list));
    rows->n = (size_t)n;
}

fptc_status fptc__rows_merge(struct fptc__rows *rows, const struct fptc__plan *plan,
                             fptc_error *err)
{
    struct fptc__plan order = *plan; /* qsort_r wants what it could change */
    fptc_status status = check_once(rows, err);

    if (status != FPTC_OK)
        return status;
    if (rows->n > 1)
        qsort_r(rows->list, rows->n, sizeof(*rows->list), compare_rows, &order);
    fptc__rows_cut(rows, plan->limit, plan->page);
    return FPTC_OK;
}
