/*
 * schema.c: see schema.h. Two sorted arrays and binary search: a site has a hundred types with a
 * hundred fields each, filled once and asked many times.
 */
#include "query/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

struct type_entry {
    char *name;
    struct fptc__field *fields; /* sorted by name */
    size_t n_fields;
};

struct fptc__schema {
    struct type_entry *types; /* sorted by name */
    size_t n_types;
    size_t cap;
    uint64_t generation;
};

struct fptc__schema *fptc__schema_new(void)
{
    return calloc(1, sizeof(struct fptc__schema));
}

static void names_done(char **names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static void field_done(struct fptc__field *f)
{
    names_done(f->valid_types, f->n_valid_types);
    names_done(f->values, f->n_values);
    free(f->name);
    free(f->data_type);
}

static void type_done(struct type_entry *t)
{
    size_t i;

    for (i = 0; i < t->n_fields; i++)
        field_done(&t->fields[i]);
    free(t->fields);
    free(t->name);
}

void fptc__schema_free(struct fptc__schema *s)
{
    size_t i;

    if (!s)
        return;
    for (i = 0; i < s->n_types; i++)
        type_done(&s->types[i]);
    free(s->types);
    free(s);
}

/* A leaf of FPT's schema is {"value": v, "editable": b}; the flat spelling has v itself. */
static const fptc__json *unwrap(const fptc__json *v)
{
    return fptc__json_is_object(v) ? fptc__json_get(v, "value") : v;
}

static const fptc__json *list_of(const fptc__json *field, const char *name)
{
    const fptc__json *properties = fptc__json_get(field, "properties");
    const fptc__json *v = fptc__json_get(properties ? properties : field, name);

    v = unwrap(v);
    return fptc__json_is_array(v) ? v : NULL;
}

static int is_any_text(const char *text)
{
    return text != NULL;
}

/* Copies the elements that `is_good`. On failure what was filled so far is for names_done(). */
static int fill_names(char ***names, size_t *n, const fptc__json *list,
                      int (*is_good)(const char *text))
{
    const fptc__json *v;

    if (fptc__json_size(list) == 0)
        return 1;
    *names = calloc(fptc__json_size(list), sizeof(**names));
    if (!*names)
        return 0;
    for (v = fptc__json_first(list); v; v = fptc__json_next(v)) {
        const char *text = fptc__json_text(v);

        if (!is_good(text))
            continue;
        (*names)[*n] = strdup(text);
        if (!(*names)[*n])
            return 0;
        ++*n;
    }
    return 1;
}

static int fill_field(struct fptc__field *f, const char *name, const char *data_type,
                      const fptc__json *from)
{
    f->name = strdup(name);
    f->data_type = strdup(data_type);
    f->class_of = fptc__class_of_field(name, data_type);
    f->is_computed = fptc__is_computed(data_type);
    return f->name && f->data_type &&
           fill_names(&f->valid_types, &f->n_valid_types, list_of(from, "valid_types"),
                      fptc__is_name) &&
           fill_names(&f->values, &f->n_values, list_of(from, "valid_values"), is_any_text);
}

static int compare_fields(const void *a, const void *b)
{
    return strcmp(((const struct fptc__field *)a)->name, ((const struct fptc__field *)b)->name);
}

/* `id` is in every type, listed or not; its data type is a plain number. */
static int add_id(struct type_entry *t)
{
    size_t i;

    for (i = 0; i < t->n_fields; i++) {
        if (strcmp(t->fields[i].name, "id") == 0)
            return 1;
    }
    return fill_field(&t->fields[t->n_fields++], "id", "number", NULL);
}

static int fill_type(struct type_entry *t, const char *name, const fptc__json *fields)
{
    const fptc__json *v;

    t->name = strdup(name);
    t->fields = calloc(fptc__json_size(fields) + 1, sizeof(*t->fields));
    if (!t->name || !t->fields)
        return 0;
    for (v = fptc__json_first(fields); v; v = fptc__json_next(v)) {
        const char *data_type = fptc__json_text(unwrap(fptc__json_get(v, "data_type")));

        /* A name that cannot be a column cannot be asked for either. */
        if (!fptc__is_name(fptc__json_key(v)))
            continue;
        if (!fill_field(&t->fields[t->n_fields++], fptc__json_key(v),
                        data_type ? data_type : "unknown", v))
            return 0;
    }
    if (!add_id(t))
        return 0;
    qsort(t->fields, t->n_fields, sizeof(*t->fields), compare_fields);
    return 1;
}

/* Index of the type, or where it belongs. */
static size_t place_of(const struct fptc__schema *s, const char *type, int *out_found)
{
    size_t low = 0;
    size_t high = s->n_types;

    *out_found = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(type, s->types[middle].name);

        if (order == 0) {
            *out_found = 1;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int grow(struct fptc__schema *s)
{
    size_t cap = s->cap ? 2 * s->cap : 32;
    struct type_entry *types;

    if (s->n_types < s->cap)
        return 1;
    types = realloc(s->types, cap * sizeof(*types));
    if (!types)
        return 0;
    s->types = types;
    s->cap = cap;
    return 1;
}

fptc_status fptc__schema_add(struct fptc__schema *s, const char *type, const fptc__json *fields,
                             fptc_error *err)
{
    struct type_entry entry = {NULL, NULL, 0};
    size_t at;
    int found;

    if (!fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "Entity type '%s' does not exist.", type ? type : "");
    if (!fptc__json_is_object(fields))
        return fptc__fail(err, FPTC_EUSAGE, "schema of %s: expected an object, got %s", type,
                          fptc__json_type_name(fields));
    if (!fill_type(&entry, type, fields) || !grow(s)) {
        type_done(&entry);
        return fptc__fail_nomem(err);
    }
    at = place_of(s, type, &found);
    if (found) {
        type_done(&s->types[at]);
    } else {
        memmove(&s->types[at + 1], &s->types[at], (s->n_types - at) * sizeof(s->types[0]));
        s->n_types++;
    }
    s->types[at] = entry;
    s->generation++;
    return FPTC_OK;
}

uint64_t fptc__schema_generation(const struct fptc__schema *s)
{
    return s->generation;
}

static const struct type_entry *find_type(const struct fptc__schema *s, const char *type)
{
    int found;
    size_t at = place_of(s, type, &found);

    return found ? &s->types[at] : NULL;
}

int fptc__schema_has(const struct fptc__schema *s, const char *type)
{
    return find_type(s, type) != NULL;
}

const struct fptc__field *fptc__schema_field(const struct fptc__schema *s, const char *type,
                                             const char *field)
{
    const struct type_entry *t = find_type(s, type);
    size_t low = 0;
    size_t high = t ? t->n_fields : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(field, t->fields[middle].name);

        if (order == 0)
            return &t->fields[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t fptc__schema_n_fields(const struct fptc__schema *s, const char *type)
{
    const struct type_entry *t = find_type(s, type);

    return t ? t->n_fields : 0;
}

const struct fptc__field *fptc__schema_field_at(const struct fptc__schema *s, const char *type,
                                                size_t index)
{
    const struct type_entry *t = find_type(s, type);

    return t && index < t->n_fields ? &t->fields[index] : NULL;
}

int fptc__schema_is_project_type(const struct fptc__schema *s, const char *type)
{
    const struct fptc__field *f = fptc__schema_field(s, type, "project");

    return f && f->class_of == FPTC__LINK;
}

/* Edit distance (insert, delete, replace) of two names of at most FPTC_NAME_BYTES_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[FPTC_NAME_BYTES_MAX + 1];
    size_t n = strlen(b);
    size_t i, j;

    for (j = 0; j <= n; j++)
        row[j] = j;
    for (i = 0; a[i]; i++) {
        size_t diagonal = row[0]++;

        for (j = 0; j < n; j++) {
            size_t best = diagonal + (a[i] != b[j]);

            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

/* The nearest name so far. */
struct nearest {
    const char *wanted;
    size_t len;
    size_t best; /* farther than this is no help */
    const char *name;
};

static struct nearest nearest_to(const char *wanted)
{
    size_t len = strlen(wanted);
    struct nearest n = {wanted, len, len / 3 + 2, NULL};

    if (len == 0 || len > FPTC_NAME_BYTES_MAX)
        n.best = 0;
    return n;
}

static void consider(struct nearest *n, const char *name)
{
    size_t d;

    if (n->best == 0 || strlen(name) > FPTC_NAME_BYTES_MAX)
        return;
    d = distance(n->wanted, name);
    /* Replacing every letter is no likeness. */
    if (d < n->best && d < n->len) {
        n->best = d;
        n->name = name;
    }
}

const char *fptc__schema_nearest(const struct fptc__schema *s, const char *type, const char *field)
{
    const struct type_entry *t = find_type(s, type);
    struct nearest n = nearest_to(field);
    size_t i;

    for (i = 0; t && i < t->n_fields; i++)
        consider(&n, t->fields[i].name);
    return n.name;
}

const char *fptc__nearest_key(const fptc__json *object, const char *name)
{
    struct nearest n = nearest_to(name);
    const fptc__json *v;

    for (v = fptc__json_first(object); v; v = fptc__json_next(v))
        consider(&n, fptc__json_key(v));
    return n.name;
}
