/*
 * plantexts.c: the texts of a plan that an answer from coverage does not need (plan.h): canonical form,
 * its hash, and the filters as FPT takes them.
 */
#include <string.h>

#include "base/limits.h"
#include "query/canonical.h"
#include "query/floatmark.h"
#include "query/planning.h"
#include "query/provisional.h"

#define CANONICAL_BYTES_MAX (4 * (size_t)FPTC_FILTER_BYTES_MAX)

static void put_scope(const struct fptc__plan *plan, struct fptc__buf *out)
{
    if (plan->is_retired_only)
        fptc__buf_adds(out, ",\"retired_only\":true");
    if (plan->without_archived)
        fptc__buf_adds(out, ",\"include_archived_projects\":false");
}

/* {"type","filters","order","limit","page"} and what is unusual of the scope. */
static char *write_canonical(const struct fptc__plan *plan)
{
    struct fptc__plan_own *own = plan->own;
    const char *order = strcmp(plan->rest_sort, "id") == 0 ? "" : plan->rest_sort;
    struct fptc__buf text;

    fptc__buf_init(&text, CANONICAL_BYTES_MAX + 65536);
    fptc__buf_addf(&text, "{\"type\":\"%s\",\"filters\":", plan->type);
    fptc__canonical_filters(own->filter, &text);
    fptc__buf_adds(&text, ",\"order\":");
    fptc__json_put_text(&text, order, strlen(order));
    fptc__buf_addf(&text, ",\"limit\":%lld,\"page\":%lld", (long long)plan->limit,
                   (long long)plan->page);
    put_scope(plan, &text);
    fptc__buf_addc(&text, '}');
    return fptc__scratch_take(&own->scratch, &text);
}

const char *fptc__plan_canonical(const struct fptc__plan *plan)
{
    struct fptc__plan_own *own = plan->own;

    if (!own->canonical)
        own->canonical = write_canonical(plan);
    return own->canonical;
}

const char *fptc__plan_hash(const struct fptc__plan *plan)
{
    const char *canonical = fptc__plan_canonical(plan);

    if (!canonical)
        return NULL;
    if (!plan->own->hash[0])
        fptc__canonical_hash(canonical, plan->own->hash);
    return plan->own->hash;
}

static int nothing(void *ctx, int64_t id, int64_t *out)
{
    (void)ctx;
    (void)id;
    *out = 0;
    return 1;
}

/* FPT knows no row by an id below 0, and takes no number beyond 32 bits. */
static fptc__json *without_provisional(fptc__json *filters)
{
    fptc__json *replaced;

    if (!fptc__names_provisional(filters))
        return filters;
    replaced = fptc__with_real_ids(filters, nothing, NULL);
    fptc__json_free(filters);
    return replaced;
}

const fptc__json *fptc__plan_rest_filters(const struct fptc__plan *plan)
{
    struct fptc__plan_own *own = plan->own;
    struct fptc__buf text;

    if (own->rest_filters)
        return own->rest_filters;
    fptc__buf_init(&text, CANONICAL_BYTES_MAX);
    fptc__canonical_filters(own->filter, &text);
    /* Our own text is JSON: only memory can be missing. */
    if (!text.failed)
        (void)fptc__parse_with_floats(fptc__buf_text(&text), "canonical filters",
                                      &own->rest_filters, NULL);
    fptc__buf_done(&text);
    own->rest_filters = without_provisional(own->rest_filters);
    return own->rest_filters;
}
