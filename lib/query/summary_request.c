/* summary_request.c: a summary as it was spelled (summary.h). */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "query/complaint.h"
#include "query/summary.h"

/* FPT's own lists, in its order (A§1.7). */
static const char summary_types[] =
    "record_count, count, sum, maximum, minimum, average, earliest, latest, percentage, "
    "status_percentage, status_percentage_as_float, status_list, checked, unchecked";
static const char grouping_types[] =
    "exact, tens, hundreds, thousands, tensofthousands, hundredsofthousands, millions, day, week, "
    "month, quarter, year, clustered_date, oneday, fivedays, entitytype, firstletter";

/* 1 if the list, whose names stand between ", ", has the name. */
static int lists(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == len && memcmp(list, name, len) == 0)
            return 1;
        list += n;
        list += strspn(list, ", ");
    }
    return 0;
}

struct spelling {
    const char *what; /* FPT's name of the parameter */
    const char *types;
    int may_lack_type;
};
static const struct spelling summary_spelling = {"summary_fields", summary_types, 0};
static const struct spelling grouping_spelling = {"grouping", grouping_types, 1};

static fptc_status check_entry(const struct spelling *s, const fptc__json *entry, size_t at,
                               fptc_error *err)
{
    const fptc__json *field = fptc__json_get(entry, "field");
    const fptc__json *type = fptc__json_get(entry, "type");
    const char *direction = fptc__json_get_text(entry, "direction");
    char shown[FPTC__SHOWN_BYTES];

    if (!fptc__json_is_object(entry))
        return fptc__fail(err, FPTC_EUSAGE, "%s.%zu: expected {\"field\", \"type\"}, got %s: %s",
                          s->what, at, fptc__ruby_class(entry), fptc__show_json(entry, shown));
    if (!fptc__json_is_string(field))
        return fptc__fail(err, FPTC_EUSAGE, "%s.%zu.field: expected String, got %s: %s", s->what,
                          at, fptc__ruby_class(field), fptc__show_json(field, shown));
    if (!(s->may_lack_type && !type) &&
        (!fptc__json_is_string(type) || !lists(s->types, fptc__json_text(type))))
        return fptc__fail(err, FPTC_EUSAGE,
                          "Request Parameters invalid. %s.%zu.type %s: type must be one of: %s",
                          s->what, at, fptc__show_json(type, shown), s->types);
    if (fptc__json_get(entry, "direction") &&
        (!direction || (strcmp(direction, "asc") != 0 && strcmp(direction, "desc") != 0)))
        return fptc__fail(err, FPTC_EUSAGE, "%s.%zu.direction %s: it is asc or desc", s->what, at,
                          fptc__show_json(fptc__json_get(entry, "direction"), shown));
    return FPTC_OK;
}

static fptc_status read_list(const struct spelling *s, const char *text, fptc__json **out,
                             fptc_error *err)
{
    const fptc__json *entry;
    size_t len = text ? strlen(text) : 0;
    size_t at = 0;
    fptc_status status = FPTC_OK;

    if (len > FPTC_FILTER_BYTES_MAX)
        return fptc__fail(err, FPTC_ELIMIT, "%s are longer than %u bytes", s->what,
                          FPTC_FILTER_BYTES_MAX);
    if (len > 0)
        status = fptc__json_parse(text, len, s->what, out, err);
    if (!status && (len == 0 || fptc__json_is_null(*out))) {
        fptc__json_free(*out);
        *out = fptc__json_new_array();
        status = *out ? FPTC_OK : fptc__fail_nomem(err);
    }
    if (!status && !fptc__json_is_array(*out))
        status = fptc__fail(err, FPTC_EUSAGE, "%s must be an array, got %s", s->what,
                            fptc__ruby_class(*out));
    for (entry = fptc__json_first(*out); entry && !status; entry = fptc__json_next(entry))
        status = check_entry(s, entry, at++, err);
    return status;
}

/* Adds the paths of the entries to the list of names. */
static void put_paths(struct fptc__buf *csv, const fptc__json *entries)
{
    const fptc__json *entry;

    for (entry = fptc__json_first(entries); entry; entry = fptc__json_next(entry)) {
        const char *path = fptc__json_get_text(entry, "field");

        /* What cannot be a path is found when the summary is built. */
        if (path[0] && path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_.")] == '\0')
            fptc__buf_addf(csv, "%s%s", csv->len > 0 ? "," : "", path);
    }
}

static fptc_status set_fields(struct fptc__summary_request *r, fptc_error *err)
{
    struct fptc__buf csv;
    fptc_status status;

    fptc__buf_init(&csv, 2 * (size_t)FPTC_FILTER_BYTES_MAX);
    put_paths(&csv, r->fields);
    put_paths(&csv, r->grouping);
    status = fptc__buf_check(&csv, "summary_fields", err);
    if (!status)
        status = fptc__request_set_fields(&r->find, fptc__buf_text(&csv), err);
    fptc__buf_done(&csv);
    return status;
}

fptc_status fptc__summary_request_init(struct fptc__summary_request *r,
                                       const struct fptc__request *query, const char *summaries,
                                       const char *grouping, fptc_error *err)
{
    fptc_status status;

    memset(r, 0, sizeof(*r));
    status = fptc__request_copy(&r->find, query, err);
    if (!status)
        status = fptc__request_set_order(&r->find, NULL, err);
    if (!status) {
        r->find.limit = 0;
        r->find.page = 0;
        status = read_list(&summary_spelling, summaries, &r->fields, err);
    }
    if (!status)
        status = read_list(&grouping_spelling, grouping, &r->grouping, err);
    if (!status && fptc__json_size(r->fields) == 0)
        status =
            fptc__fail(err, FPTC_EUSAGE, "summary_fields: name at least one {\"field\", \"type\"}");
    if (!status)
        status = set_fields(r, err);
    if (status)
        fptc__summary_request_done(r);
    return status;
}

void fptc__summary_request_done(struct fptc__summary_request *r)
{
    fptc__request_done(&r->find);
    fptc__json_free(r->fields);
    fptc__json_free(r->grouping);
    memset(r, 0, sizeof(*r));
}
