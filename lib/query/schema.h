/*
 * schema.h: the site's schema as far as it is known: types and their fields. Pure: it is filled from
 * FPT's own JSON (GET /schema/<Type>/fields) that somebody else fetched or read from the cache.
 */
#ifndef FPTC_QUERY_SCHEMA_H
#define FPTC_QUERY_SCHEMA_H

#include "base/datatype.h"
#include "base/json.h"

struct fptc__field {
    char *name;
    char *data_type; /* FPT's: "status_list" */
    enum fptc__class class_of;
    int is_computed;    /* value moves without updated_at */
    char **valid_types; /* of links; n_valid_types 0 when FPT names none */
    size_t n_valid_types;
    char **values; /* of lists and status lists, in the site's order */
    size_t n_values;
};

struct fptc__schema; /* types by name; not thread-safe while being filled */

struct fptc__schema *fptc__schema_new(void); /* NULL: out of memory */
void fptc__schema_free(struct fptc__schema *s);
/* Adds or replaces one type. `fields` is FPT's object field name -> {"data_type":{"value":..},
   "properties":{"valid_types":{"value":[..]}}..}; the flat spelling {"data_type":"text",..} is taken
   too. The field `id` is added when FPT does not list it. */
fptc_status fptc__schema_add(struct fptc__schema *s, const char *type, const fptc__json *fields,
                             fptc_error *err);
/* A number that changes with every type that is added or replaced. */
uint64_t fptc__schema_generation(const struct fptc__schema *s);
int fptc__schema_has(const struct fptc__schema *s, const char *type);
/* NULL if the type is not loaded or has no such field. Valid until the type is replaced. */
const struct fptc__field *fptc__schema_field(const struct fptc__schema *s, const char *type,
                                             const char *field);
size_t fptc__schema_n_fields(const struct fptc__schema *s, const char *type);
const struct fptc__field *fptc__schema_field_at(const struct fptc__schema *s, const char *type,
                                                size_t index);
/* 1 when the type's rows belong to a project (it has an entity field `project`). */
int fptc__schema_is_project_type(const struct fptc__schema *s, const char *type);
/* The nearest field name of the type (for messages), NULL if none is near. */
const char *fptc__schema_nearest(const struct fptc__schema *s, const char *type, const char *field);
/* The same among an object's keys: types of a list, fields of FPT's own JSON. */
const char *fptc__nearest_key(const fptc__json *object, const char *name);

#endif
