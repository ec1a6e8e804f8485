#include "query/provisional.h"

#include <string.h>

static int is_negative(const fptc__json *v)
{
    return fptc__json_is_integer(v) && fptc__json_int(v) < 0;
}

static int is_link(const fptc__json *v)
{
    return fptc__json_get_text(v, "type") != NULL && is_negative(fptc__json_get(v, "id"));
}

/* "id", "entity.Shot.id" */
static int is_id_path(const char *path)
{
    const char *last = path == NULL ? NULL : strrchr(path, '.');

    return path != NULL && strcmp(last == NULL ? path : last + 1, "id") == 0;
}

/* ["id","is",-5], ["id","in",[-5,6]]; {"path":"id","relation":"is","values":[-5]} */
static int is_id_condition(const fptc__json *v)
{
    return fptc__json_is_array(v) ? is_id_path(fptc__json_text(fptc__json_first(v)))
                                  : is_id_path(fptc__json_get_text(v, "path"));
}

static int names(const fptc__json *v, int is_of_ids)
{
    const fptc__json *at;

    if (is_link(v) || (is_of_ids && is_negative(v)))
        return 1;
    is_of_ids |= is_id_condition(v);
    for (at = fptc__json_first(v); at != NULL; at = fptc__json_next(at)) {
        if (names(at, is_of_ids))
            return 1;
    }
    return 0;
}

int fptc__names_provisional(const fptc__json *v)
{
    return names(v, 0);
}

struct replacing {
    int (*real)(void *ctx, int64_t id, int64_t *out);
    void *ctx;
};

static fptc__json *real_id(const struct replacing *r, const fptc__json *v)
{
    int64_t id;

    return r->real(r->ctx, fptc__json_int(v), &id) ? fptc__json_new_int(id) : fptc__json_copy(v);
}

static fptc__json *replaced(const struct replacing *r, const fptc__json *v, int is_of_ids)
{
    fptc__json *copy;
    const fptc__json *at;
    int ok = 1, is_of_link = is_link(v);

    if (is_of_ids && is_negative(v))
        return real_id(r, v);
    if (!fptc__json_is_object(v) && !fptc__json_is_array(v))
        return fptc__json_copy(v);
    is_of_ids |= is_id_condition(v);
    copy = fptc__json_is_object(v) ? fptc__json_new_object() : fptc__json_new_array();
    for (at = fptc__json_first(v); at != NULL && ok; at = fptc__json_next(at)) {
        const char *key = fptc__json_key(at);
        fptc__json *value =
            is_of_link && strcmp(key, "id") == 0 ? real_id(r, at) : replaced(r, at, is_of_ids);

        ok = fptc__json_is_object(copy) ? fptc__json_set(copy, key, value)
                                        : fptc__json_append(copy, value);
    }
    if (ok)
        return copy;
    fptc__json_free(copy);
    return NULL;
}

fptc__json *fptc__with_real_ids(const fptc__json *v,
                                int (*real)(void *ctx, int64_t id, int64_t *out), void *ctx)
{
    const struct replacing r = {real, ctx};

    return replaced(&r, v, 0);
}
