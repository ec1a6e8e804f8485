/*
 * request_types.c: the entity types a request names (request.h). Filters are looked at loosely: what
 * is malformed is found when the plan is built.
 */
#include <string.h>

#include "base/datatype.h"
#include "base/limits.h"
#include "query/request.h"

struct walk {
    int (*each)(const char *type, void *payload);
    void *payload;
};

/* "a.Type.b.Type2.c": the parts at odd places are types. */
static int types_of_path(const char *path, const struct walk *w)
{
    char name[FPTC_NAME_BYTES_MAX + 1];
    size_t place = 0;
    int stop = 0;

    /* $FROM$Type.field is FPT's own business. */
    while (path && path[0] != '$' && !stop) {
        size_t len = strcspn(path, ".");

        if (place % 2 == 1 && path[len] == '.' && len < sizeof(name)) {
            memcpy(name, path, len);
            name[len] = '\0';
            if (fptc__is_name(name))
                stop = w->each(name, w->payload);
        }
        path = path[len] ? path + len + 1 : NULL;
        place++;
    }
    return stop;
}

/* depth: groups that may still be entered. */
static int types_of_filters(const fptc__json *v, const struct walk *w, unsigned depth)
{
    const fptc__json *c;
    int stop = 0;

    if (depth == 0)
        return 0;
    if (fptc__json_is_object(v)) {
        c = fptc__json_get(v, "conditions");
        v = c ? c : fptc__json_get(v, "filters");
    }
    if (!fptc__json_is_array(v))
        return 0;
    if (fptc__json_is_string(fptc__json_first(v)))
        return types_of_path(fptc__json_text(fptc__json_first(v)), w);
    for (c = fptc__json_first(v); c && !stop; c = fptc__json_next(c))
        stop = types_of_filters(c, w, depth - 1);
    return stop;
}

int fptc__request_types(const struct fptc__request *r, int (*each)(const char *type, void *payload),
                        void *payload)
{
    struct walk w = {each, payload};
    int stop = each(r->type, payload);
    size_t i;

    if (!stop && r->without_archived)
        stop = each("Project", payload);
    if (!stop)
        stop = types_of_filters(r->filters, &w, FPTC_FILTER_DEPTH_MAX + 2);
    for (i = 0; i < r->n_fields && !stop; i++)
        stop = types_of_path(r->fields[i], &w);
    for (i = 0; i < r->n_order && !stop; i++)
        stop = types_of_path(r->order[i].path, &w);
    return stop;
}
