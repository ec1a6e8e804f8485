/* summary.c: see summary.h; what is checked, and what can be answered here (choices.h). */
#include "query/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "query/choices.h"
#include "query/summarizing.h"

/* Summary first: fptc__summary_free() finds the box by it. */
struct box {
    struct fptc__summary summary;
    struct fptc__scratch scratch;
};

struct summary_row {
    const char *name;
    enum fptc__summary_type type;
    size_t n_columns;
};
static const struct summary_row summaries[] = {
    {"record_count", FPTC__RECORD_COUNT, 0},
    {"count", FPTC__COUNT, 1},
    {"sum", FPTC__SUM, 1},
    {"maximum", FPTC__MAXIMUM, 1},
    {"minimum", FPTC__MINIMUM, 1},
    {"average", FPTC__AVERAGE, 2},
    {"earliest", FPTC__EARLIEST, 1},
    {"latest", FPTC__LATEST, 1},
    {"percentage", FPTC__PERCENTAGE, 0},
    {"status_percentage", FPTC__STATUS_PERCENTAGE, 0},
    {"status_percentage_as_float", FPTC__STATUS_PERCENTAGE_AS_FLOAT, 0},
    {"status_list", FPTC__STATUS_LIST, 0},
    {"checked", FPTC__CHECKED, 1},
    {"unchecked", FPTC__UNCHECKED, 1},
};

void fptc__half_name(const char *type, enum fptc__half half, char out[FPTC__HALF_BYTES])
{
    static const char *const names[FPTC__HALVES] = {"base",     "overlay", "whole",
                                                    "replaced", "hidden",  "pending"};

    snprintf(out, FPTC__HALF_BYTES, "%s@%s", type, names[half]);
}

void fptc__half_sql(const struct fptc__summary *s, enum fptc__half half, enum fptc__half *out_like,
                    struct fptc__buf *out)
{
    enum fptc__half like = half == FPTC__HALF_HIDDEN ? FPTC__HALF_REPLACED : FPTC__HALF_OVERLAY;
    const char *at = s->sql[like], *next;
    char from[FPTC__HALF_BYTES], to[FPTC__HALF_BYTES];

    *out_like = like;
    fptc__half_name(s->plan->type, like, from);
    fptc__half_name(s->plan->type, half, to);
    for (; at && (next = strstr(at, from)) != NULL; at = next + strlen(from)) {
        fptc__buf_add(out, at, (size_t)(next - at));
        fptc__buf_adds(out, to);
    }
    fptc__buf_adds(out, at ? at : "");
}

void fptc__summary_free(struct fptc__summary *s)
{
    struct box *b = (struct box *)s;

    if (!b)
        return;
    fptc__plan_free(s->plan);
    fptc__json_free(s->rest_fields);
    fptc__json_free(s->rest_grouping);
    fptc__scratch_done(&b->scratch);
    free(b);
}

void fptc__summary_pass_through(struct fptc__summary *s, const char *why_not)
{
    struct box *b = (struct box *)s;
    char *text;

    if (!s->plan->is_local)
        return;
    text = fptc__scratch_text(&b->scratch, why_not, strlen(why_not));
    s->plan->is_local = 0;
    s->plan->why_not = text ? text : s->plan->warnings; /* "" */
}

/* ------------------------------------------------------------------------------------------- fields */

static fptc_status no_field(const struct fptc__check *c, const char *path, const char *near)
{
    return fptc__fail(c->err, FPTC_EUSAGE, "API summarize() %s.%.160s doesn't exist.%s%s%s",
                      c->type, path, near ? " Did you mean \"" : "", near ? near : "",
                      near ? "\"?" : "");
}

static fptc_status find_path(const struct fptc__check *c, const char *path,
                             struct fptc__fieldpath *out)
{
    const char *name;

    switch (fptc__fieldpath_find(c->schema, c->type, path, c->scratch, out, &name)) {
    case FPTC__PATH_FOUND:
        return FPTC_OK;
    case FPTC__PATH_UNKNOWN:
        return no_field(c, path, fptc__schema_nearest(c->schema, out->type, name));
    case FPTC__PATH_NOT_LOADED:
        if (fptc__is_name(name))
            return fptc__fail(c->err, FPTC_ESTATE,
                              "the schema of type '%s' is not loaded (%s.%.160s)", name, c->type,
                              path);
        return no_field(c, path, NULL);
    case FPTC__PATH_NO_MEMORY:
        break;
    }
    return fptc__fail_nomem(c->err);
}

/* Paths whose values FPT's projection would drop, or that are not compiled. */
static const char *why_not_path(const struct fptc__fieldpath *at)
{
    if (at->has_multi)
        return "a summary through a multi_entity field";
    if (at->is_off_types || at->n_hops > FPTC__HOPS_MAX)
        return "a summary through links that its valid types do not name, or through too many";
    if (at->field->class_of == FPTC__NEVER ||
        fptc__kind_of(at->field->data_type) == FPTC__KIND_FOREIGN)
        return "a summary of a data type that only FPT can summarise";
    return NULL;
}

/* Whether the kind's summary of that type is known to the letter (choices.h). */
static int is_known(enum fptc__summary_type type, const struct fptc__fieldpath *at)
{
    enum fptc__kind kind = fptc__kind_of(at->field->data_type);
    int is_own = at->n_hops == 0 && !at->is_link_id;
    int is_integer = kind == FPTC__KIND_NUMBER || kind == FPTC__KIND_DURATION ||
                     strcmp(at->field->data_type, "timecode") == 0;

    switch (type) {
    case FPTC__RECORD_COUNT:
        return 1;
    case FPTC__COUNT:
        return kind != FPTC__KIND_CHECKBOX && kind != FPTC__KIND_LINKS &&
               kind != FPTC__KIND_EXACT && (kind != FPTC__KIND_LINK || is_own);
    case FPTC__SUM:
    case FPTC__MAXIMUM:
    case FPTC__MINIMUM:
        return is_integer;
    case FPTC__AVERAGE:
        return kind == FPTC__KIND_NUMBER;
    case FPTC__EARLIEST:
    case FPTC__LATEST:
        return kind == FPTC__KIND_DATE;
    case FPTC__CHECKED:
    case FPTC__UNCHECKED:
        return kind == FPTC__KIND_CHECKBOX && is_own;
    case FPTC__PERCENTAGE:
    case FPTC__STATUS_PERCENTAGE:
    case FPTC__STATUS_PERCENTAGE_AS_FLOAT:
    case FPTC__STATUS_LIST:
        break;
    }
    return 0;
}

static const struct summary_row *row_of(const char *type)
{
    size_t i = 0;

    while (strcmp(summaries[i].name, type) != 0) /* summary_request.c has checked it */
        i++;
    return &summaries[i];
}

/* One result a field: of two types on one, the last wins (A§1.7). */
static size_t place_of(const struct fptc__summary *s, const char *name)
{
    size_t i;

    for (i = 0; i < s->n_fields && strcmp(s->fields[i].name, name) != 0; i++)
        ;
    return i;
}

static fptc_status add_field(struct fptc__summarizing *z, const fptc__json *entry)
{
    struct fptc__summary *s = z->summary;
    const char *name = fptc__json_get_text(entry, "field");
    const struct summary_row *row = row_of(fptc__json_get_text(entry, "type"));
    size_t at = place_of(s, name);
    fptc_status status = find_path(&z->check, name, &z->field_at[at]);

    if (status)
        return status;
    s->fields[at].name = fptc__scratch_text(z->check.scratch, name, strlen(name));
    /* Every row has an id: its count is that of the rows, which SQLite counts anyway. */
    if (row->type == FPTC__COUNT && strcmp(name, "id") == 0)
        row = row_of("record_count");
    s->fields[at].type = row->type;
    s->fields[at].n_columns = row->n_columns;
    s->n_fields += at == s->n_fields;
    return s->fields[at].name ? FPTC_OK : fptc__fail_nomem(z->check.err);
}

static void judge_fields(struct fptc__summarizing *z)
{
    struct fptc__summary *s = z->summary;
    char why_not[160];
    size_t i;

    for (i = 0; i < s->n_fields; i++) {
        const char *path_problem = why_not_path(&z->field_at[i]);

        if (path_problem) {
            fptc__summary_pass_through(s, path_problem);
        } else if (!is_known(s->fields[i].type, &z->field_at[i])) {
            snprintf(why_not, sizeof(why_not), "%s of a %.40s field, as FPT computes it",
                     summaries[s->fields[i].type].name, z->field_at[i].field->data_type);
            fptc__summary_pass_through(s, why_not);
        }
    }
}

/* ------------------------------------------------------------------------------------------- groups */

static int names_step(const struct fptc__field *link)
{
    size_t i;

    for (i = 0; i < link->n_valid_types; i++) {
        if (strcmp(link->valid_types[i], FPTC__GROUP_NOT_BY_NAME) == 0)
            return 1;
    }
    return link->n_valid_types == 0;
}

static const char *why_not_group(struct fptc__group *g, const struct fptc__fieldpath *at,
                                 const char *type)
{
    const char *data_type = at->field->data_type;

    if (why_not_path(at))
        return why_not_path(at);
    if (!type || strcmp(type, "exact") != 0)
        return "a grouping of another type than exact";
    if (strcmp(data_type, "text") == 0) {
        g->kind = FPTC__GROUP_TEXT;
        return NULL;
    }
    if (strcmp(data_type, "checkbox") == 0) {
        g->kind = FPTC__GROUP_CHECKBOX;
        return NULL;
    }
    if (strcmp(data_type, "status_list") == 0 || strcmp(data_type, "list") == 0) {
        g->kind = FPTC__GROUP_CODE;
        g->is_status = strcmp(data_type, "status_list") == 0;
        return NULL;
    }
    if (strcmp(data_type, "entity") == 0) {
        g->kind = FPTC__GROUP_LINK;
        return names_step(at->field) ? "groups by an entity whose order is not its name" : NULL;
    }
    return "a grouping by a data type whose group names only FPT knows";
}

static fptc_status copy_values(struct fptc__scratch *scratch, const struct fptc__field *field,
                               struct fptc__group *g)
{
    g->values = fptc__scratch_array(scratch, field->n_values + 1, sizeof(*g->values));
    for (; g->values && g->n_values < field->n_values; g->n_values++) {
        const char *value = field->values[g->n_values];

        g->values[g->n_values] = fptc__scratch_text(scratch, value, strlen(value));
    }
    return scratch->failed ? FPTC_ENOMEM : FPTC_OK;
}

static fptc_status add_group(struct fptc__summarizing *z, const fptc__json *entry)
{
    struct fptc__summary *s = z->summary;
    struct fptc__group *g = &s->groups[s->n_groups];
    struct fptc__fieldpath *at = &z->group_at[s->n_groups];
    const char *name = fptc__json_get_text(entry, "field");
    const char *direction = fptc__json_get_text(entry, "direction");
    const char *why_not;
    fptc_status status = find_path(&z->check, name, at);

    if (status)
        return status;
    g->name = fptc__scratch_text(z->check.scratch, name, strlen(name));
    g->is_descending = direction && strcmp(direction, "desc") == 0;
    why_not = why_not_group(g, at, fptc__json_get_text(entry, "type"));
    if (why_not)
        fptc__summary_pass_through(s, why_not);
    s->n_groups++;
    if (!g->name || copy_values(z->check.scratch, at->field, g))
        return fptc__fail_nomem(z->check.err);
    return FPTC_OK;
}

/* --------------------------------------------------------------------------------------------- build */

static fptc_status make_lists(struct fptc__summarizing *z)
{
    const struct fptc__summary_request *r = z->request;
    struct fptc__scratch *scratch = z->check.scratch;
    size_t n = fptc__json_size(r->fields) + 1;
    size_t m = fptc__json_size(r->grouping) + 1;

    z->summary->fields = fptc__scratch_array(scratch, n, sizeof(*z->summary->fields));
    z->field_at = fptc__scratch_array(scratch, n, sizeof(*z->field_at));
    z->summary->groups = fptc__scratch_array(scratch, m, sizeof(*z->summary->groups));
    z->group_at = fptc__scratch_array(scratch, m, sizeof(*z->group_at));
    z->summary->rest_fields = fptc__json_copy(r->fields);
    z->summary->rest_grouping = fptc__json_copy(r->grouping);
    if (scratch->failed || !z->summary->rest_fields || !z->summary->rest_grouping)
        return fptc__fail_nomem(z->check.err);
    return FPTC_OK;
}

static fptc_status build(struct fptc__summarizing *z)
{
    const fptc__json *entry;
    fptc_status status = make_lists(z);

    for (entry = fptc__json_first(z->request->fields); entry && !status;
         entry = fptc__json_next(entry))
        status = add_field(z, entry);
    if (!status)
        judge_fields(z);
    if (z->summary->plan->without_archived)
        fptc__summary_pass_through(z->summary, "a summary without archived projects");
    for (entry = fptc__json_first(z->request->grouping); entry && !status;
         entry = fptc__json_next(entry))
        status = add_group(z, entry);
    if (!status && z->summary->plan->is_local)
        status = fptc__summarizing_sql(z);
    return status;
}

/* FPT names the method in what it says of a filter (GT 020). */
static void name_method(fptc_error *err)
{
    static const char read[] = "API read()";
    static const char summarize[] = "API summarize()";
    size_t longer = sizeof(summarize) - sizeof(read);
    size_t len = err ? strlen(err->message) : 0;

    if (len < sizeof(read) || strncmp(err->message, read, sizeof(read) - 1) != 0 ||
        len + longer >= sizeof(err->message))
        return;
    memmove(err->message + sizeof(summarize) - 1, err->message + sizeof(read) - 1,
            len - (sizeof(read) - 1) + 1);
    memcpy(err->message, summarize, sizeof(summarize) - 1);
}

fptc_status fptc__summary_build(const struct fptc__schema *schema,
                                const struct fptc__summary_request *request, int64_t now_wall_ms,
                                struct fptc__summary **out, fptc_error *err)
{
    struct box *b = calloc(1, sizeof(*b));
    struct fptc__summarizing z;
    fptc_status status;

    *out = NULL;
    if (!b)
        return fptc__fail_nomem(err);
    memset(&z, 0, sizeof(z));
    fptc__scratch_init(&b->scratch);
    z.summary = &b->summary;
    z.request = request;
    z.check = (struct fptc__check){schema, request->find.type, now_wall_ms, &b->scratch, err};
    status = fptc__plan_build(schema, NULL, &request->find, now_wall_ms, &b->summary.plan, err);
    if (!status)
        status = build(&z);
    if (status) {
        name_method(err);
        fptc__summary_free(&b->summary);
        return status;
    }
    if (!b->summary.plan->is_local) /* what a projection would leave out is FPT's to answer here */
        b->summary.plan->warnings[0] = '\0';
    *out = &b->summary;
    return FPTC_OK;
}
