/* fieldpath.c: see fieldpath.h. */
#include "query/fieldpath.h"

#include <string.h>

/* Splits a copy of the path at its dots; *out_n parts. NULL: out of memory. */
static char **split(struct fptc__scratch *scratch, const char *path, size_t *out_n)
{
    char *copy = fptc__scratch_text(scratch, path, strlen(path));
    const char *p;
    char **parts;
    size_t n = 1;

    for (p = path; *p; p++)
        n += *p == '.';
    parts = copy ? fptc__scratch_array(scratch, n, sizeof(*parts)) : NULL;
    if (!parts)
        return NULL;
    for (*out_n = 0; *out_n < n; (*out_n)++) {
        parts[*out_n] = copy;
        copy += strcspn(copy, ".");
        *copy++ = '\0';
    }
    return parts;
}

static int names_type(const struct fptc__field *link, const char *type)
{
    size_t i;

    for (i = 0; i < link->n_valid_types; i++) {
        if (strcmp(link->valid_types[i], type) == 0)
            return 1;
    }
    return link->n_valid_types == 0;
}

static enum fptc__path_problem follow(const struct fptc__schema *schema, char **parts,
                                      struct fptc__hop *hop, struct fptc__fieldpath *out,
                                      const char **out_name)
{
    hop->type = out->type;
    hop->link = fptc__schema_field(schema, out->type, parts[0]);
    hop->target = parts[1];
    *out_name = parts[0];
    if (!hop->link || (hop->link->class_of != FPTC__LINK && hop->link->class_of != FPTC__LINKS))
        return FPTC__PATH_UNKNOWN;
    out->has_multi |= hop->link->class_of == FPTC__LINKS;
    out->is_off_types |= !names_type(hop->link, hop->target);
    out->type = hop->target;
    *out_name = hop->target;
    return fptc__schema_has(schema, hop->target) ? FPTC__PATH_FOUND : FPTC__PATH_NOT_LOADED;
}

enum fptc__path_problem fptc__fieldpath_find(const struct fptc__schema *schema, const char *type,
                                             const char *path, struct fptc__scratch *scratch,
                                             struct fptc__fieldpath *out, const char **out_name)
{
    enum fptc__path_problem problem = FPTC__PATH_FOUND;
    struct fptc__hop *hops;
    char **parts;
    size_t n = 0;
    size_t i;

    memset(out, 0, sizeof(*out));
    out->type = type;
    *out_name = path;
    parts = split(scratch, path, &n);
    hops = parts ? fptc__scratch_array(scratch, n, sizeof(*hops)) : NULL;
    if (!hops)
        return FPTC__PATH_NO_MEMORY;
    out->hops = hops;
    if (n % 2 == 0)
        return FPTC__PATH_UNKNOWN;
    for (i = 0; i + 1 < n && problem == FPTC__PATH_FOUND; i += 2)
        problem = follow(schema, parts + i, &hops[out->n_hops++], out, out_name);
    if (problem != FPTC__PATH_FOUND)
        return problem;
    *out_name = parts[n - 1];
    out->field = fptc__schema_field(schema, out->type, parts[n - 1]);
    if (!out->field)
        return FPTC__PATH_UNKNOWN;
    if (out->n_hops > 0 && strcmp(out->field->name, "id") == 0) {
        out->n_hops--;
        out->is_link_id = 1;
    }
    return FPTC__PATH_FOUND;
}
