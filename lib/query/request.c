/* request.c: see request.h. Syntax only: what the names mean is asked when the plan is built. */
#include "query/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/datatype.h"
#include "base/error.h"
#include "base/limits.h"
#include "query/complaint.h"
#include "query/floatmark.h"
#include "query/provisional.h"

struct fptc__filters_ref *fptc__filters_take(struct fptc__filters_ref *filters)
{
    if (filters)
        atomic_fetch_add(&filters->refs, 1);
    return filters;
}

void fptc__filters_drop(struct fptc__filters_ref *filters)
{
    if (!filters || atomic_fetch_sub(&filters->refs, 1) > 1)
        return;
    fptc__json_free(filters->json);
    free(filters);
}

/* Takes the JSON over, also when memory is short. */
static fptc_status own_filters(struct fptc__request *r, fptc__json *json, fptc_error *err)
{
    struct fptc__filters_ref *ref = json ? calloc(1, sizeof(*ref)) : NULL;

    if (json && !ref) {
        fptc__json_free(json);
        return fptc__fail_nomem(err);
    }
    if (ref) {
        atomic_init(&ref->refs, 1);
        ref->json = json;
    }
    fptc__filters_drop(r->filters_ref);
    r->filters_ref = ref;
    r->filters = json;
    r->names_provisional = fptc__names_provisional(json);
    return FPTC_OK;
}

fptc_status fptc__request_take_filters(struct fptc__request *r, fptc__json *filters,
                                       fptc_error *err)
{
    return filters ? own_filters(r, filters, err) : fptc__fail_nomem(err);
}

fptc_status fptc__request_init(struct fptc__request *r, const char *type, fptc_error *err)
{
    memset(r, 0, sizeof(*r));
    if (!fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "Entity type '%.80s' does not exist.",
                          type ? type : "");
    r->type = strdup(type);
    return r->type ? FPTC_OK : fptc__fail_nomem(err);
}

static void free_fields(char **fields, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free(fields[i]);
    free(fields);
}

static void free_order(struct fptc__order_key *order, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free(order[i].path);
    free(order);
}

void fptc__request_done(struct fptc__request *r)
{
    if (!r)
        return;
    fptc__filters_drop(r->filters_ref);
    free_fields(r->fields, r->n_fields);
    free_order(r->order, r->n_order);
    free(r->type);
    memset(r, 0, sizeof(*r));
}

static int copy_lists(struct fptc__request *to, const struct fptc__request *from)
{
    to->fields = calloc(from->n_fields + 1, sizeof(*to->fields));
    to->order = calloc(from->n_order + 1, sizeof(*to->order));
    if (!to->fields || !to->order)
        return 0;
    for (; to->n_fields < from->n_fields; to->n_fields++) {
        to->fields[to->n_fields] = strdup(from->fields[to->n_fields]);
        if (!to->fields[to->n_fields])
            return 0;
    }
    for (; to->n_order < from->n_order; to->n_order++) {
        to->order[to->n_order].is_descending = from->order[to->n_order].is_descending;
        to->order[to->n_order].path = strdup(from->order[to->n_order].path);
        if (!to->order[to->n_order].path)
            return 0;
    }
    return 1;
}

fptc_status fptc__request_copy(struct fptc__request *to, const struct fptc__request *from,
                               fptc_error *err)
{
    fptc_status status = fptc__request_init(to, from->type, err);

    if (status)
        return status;
    to->limit = from->limit;
    to->page = from->page;
    to->is_retired_only = from->is_retired_only;
    to->without_archived = from->without_archived;
    to->filters_ref = fptc__filters_take(from->filters_ref);
    to->filters = from->filters;
    to->names_provisional = from->names_provisional;
    if (!copy_lists(to, from)) {
        fptc__request_done(to);
        return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

fptc_status fptc__request_set_filters(struct fptc__request *r, const char *json, fptc_error *err)
{
    size_t len = json ? strlen(json) : 0;
    fptc__json *filters = NULL;
    fptc_status status;
    double number;

    if (len > FPTC_FILTER_BYTES_MAX)
        return fptc__fail(err, FPTC_ELIMIT, "filters are longer than %u bytes",
                          FPTC_FILTER_BYTES_MAX);
    if (len > 0) {
        status = fptc__parse_marked(json, "filters", &filters, err);
        if (status)
            return status;
    }
    /* `null` is no filter, as in the official client's signature. */
    if (filters && fptc__json_is_null(filters)) {
        fptc__json_free(filters);
        filters = NULL;
    }
    if (filters && ((!fptc__json_is_array(filters) && !fptc__json_is_object(filters)) ||
                    fptc__float_of(filters, &number))) {
        status = fptc__fail(err, FPTC_EUSAGE, "filters: expected a list or a group, got %s",
                            fptc__ruby_class(filters));
        fptc__json_free(filters);
        return status;
    }
    return own_filters(r, filters, err);
}

/* The next name of a comma list with the blanks around it cut off; 0 at the end. */
static int next_name(const char **at, const char **out_name, size_t *out_len)
{
    const char *p = *at;
    const char *end;

    if (!p)
        return 0;
    p += strspn(p, " \t\n");
    *out_len = strcspn(p, ",");
    end = p + *out_len;
    *at = *end ? end + 1 : NULL;
    while (*out_len > 0 && strchr(" \t\n", p[*out_len - 1]))
        (*out_len)--;
    *out_name = p;
    return 1;
}

static size_t count_names(const char *csv)
{
    size_t n = 1;

    for (; *csv; csv++)
        n += *csv == ',';
    return n;
}

/* Every row has id and type, asked for or not. */
static int is_wanted(char **fields, size_t n, const char *name, size_t len)
{
    size_t i;

    if ((len == 2 && memcmp(name, "id", 2) == 0) || (len == 4 && memcmp(name, "type", 4) == 0))
        return 0;
    for (i = 0; i < n; i++) {
        if (strlen(fields[i]) == len && memcmp(fields[i], name, len) == 0)
            return 0;
    }
    return 1;
}

fptc_status fptc__request_set_fields(struct fptc__request *r, const char *csv, fptc_error *err)
{
    const char *at = csv && csv[strspn(csv, " \t\n")] ? csv : NULL;
    char **fields = calloc(at ? count_names(at) : 1, sizeof(*fields));
    fptc_status status = FPTC_OK;
    const char *name;
    size_t n = 0;
    size_t len;

    if (!fields)
        return fptc__fail_nomem(err);
    while (!status && next_name(&at, &name, &len)) {
        if (len == 0) {
            status = fptc__fail(err, FPTC_EUSAGE, "fields '%.200s': a name is empty", csv);
        } else if (is_wanted(fields, n, name, len)) {
            fields[n] = strndup(name, len);
            status = fields[n] ? FPTC_OK : fptc__fail_nomem(err);
            n += fields[n] != NULL;
        }
    }
    if (status) {
        free_fields(fields, n);
        return status;
    }
    free_fields(r->fields, r->n_fields);
    r->fields = fields;
    r->n_fields = n;
    return FPTC_OK;
}

/* FPT takes "f1,-f2"; "+f", blanks inside and empty names are its 400 (A§1.5). */
static fptc_status fill_key(struct fptc__order_key *key, const char *name, size_t len,
                            fptc_error *err)
{
    key->is_descending = len > 0 && name[0] == '-';
    if (key->is_descending) {
        name++;
        len--;
    }
    if (len == 0 || name[0] == '-' || name[0] == '+' || strcspn(name, " \t\n") < len)
        return fptc__fail(err, FPTC_EUSAGE, "sort list is not valid: '%.*s'",
                          len < 80 ? (int)len : 80, name);
    key->path = strndup(name, len);
    return key->path ? FPTC_OK : fptc__fail_nomem(err);
}

fptc_status fptc__request_set_order(struct fptc__request *r, const char *csv, fptc_error *err)
{
    const char *at = csv && csv[strspn(csv, " \t\n")] ? csv : NULL;
    struct fptc__order_key *order = calloc(at ? count_names(at) : 1, sizeof(*order));
    fptc_status status = FPTC_OK;
    const char *name;
    size_t n = 0;
    size_t len;

    if (!order)
        return fptc__fail_nomem(err);
    while (!status && next_name(&at, &name, &len)) {
        status = fill_key(&order[n], name, len, err);
        n += !status;
    }
    if (status) {
        free_order(order, n);
        return status;
    }
    free_order(r->order, r->n_order);
    r->order = order;
    r->n_order = n;
    return FPTC_OK;
}
