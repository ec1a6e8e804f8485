/* verbs_site.c: schema, search: what FPT says of itself and of names. */
#include "failure.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What `search` looks through when it is not told. */
static const char search_types[] = "Asset,Sequence,Shot,Task,Version";

/* --- schema --- */

/* The value of a leaf {"value": v, "editable": b} below `object`; NULL when there is none. */
static const struct json *leaf(const struct json *object, const char *key)
{
    const struct json *member = object ? json_member(object, key) : NULL;

    return member ? json_member(member, "value") : NULL;
}

static void add_values(struct text *out, const struct json *value)
{
    const struct json *child;

    if (!value)
        return;
    if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
        text_put(out, value->kind == JSON_TRUE ? "yes" : "no");
    if (value->text)
        text_add_plain(out, value->text);
    for (child = value->child; child; child = child->next) {
        text_put(out, child == value->child ? "" : ", ");
        text_add_plain(out, child->key ? child->key : "");
        text_put(out, child->key ? " = " : "");
        add_values(out, child);
    }
}

static void add_cell(struct table *table, const struct json *value)
{
    struct text cell = TEXT_INIT;

    add_values(&cell, value);
    table_add(table, text_string(&cell));
    text_done(&cell);
}

static void print_types(const struct json *types)
{
    struct table table = TABLE_INIT(3);
    const struct json *type;

    table_add(&table, "type");
    table_add(&table, "name");
    table_add(&table, "visible");
    for (type = types->child; type; type = type->next) {
        table_add(&table, type->key);
        add_cell(&table, leaf(type, "name"));
        add_cell(&table, leaf(type, "visible"));
    }
    table_print(&table, 0);
    table_done(&table);
}

/* What a field may hold: the types it links to, or the values it takes. */
static const struct json *choices(const struct json *field)
{
    const struct json *properties = json_member(field, "properties");
    const struct json *types = leaf(properties, "valid_types");

    return types ? types : leaf(properties, "valid_values");
}

static void print_fields(const struct json *fields)
{
    static const char *const headings[] = {"field", "data type", "name", "editable", "holds"};
    struct table table = TABLE_INIT(5);
    const struct json *field;
    size_t i;

    for (i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        table_add(&table, headings[i]);
    for (field = fields->child; field; field = field->next) {
        table_add(&table, field->key);
        add_cell(&table, leaf(field, "data_type"));
        add_cell(&table, leaf(field, "name"));
        add_cell(&table, leaf(field, "editable"));
        add_cell(&table, choices(field));
    }
    table_print(&table, 0);
    table_done(&table);
}

static void add_line(struct table *table, const char *key, const struct json *value)
{
    table_add(table, key);
    add_cell(table, value);
}

/* Every leaf of one field, those of its properties among them. */
static void print_field(const struct json *field)
{
    struct table table = TABLE_INIT(2);
    const struct json *member;
    const struct json *property;

    table_add(&table, "field");
    table_add(&table, field->key);
    for (member = field->child; member; member = member->next) {
        if (strcmp(member->key, "properties") != 0) {
            add_line(&table, member->key, json_member(member, "value"));
            continue;
        }
        for (property = member->child; property; property = property->next)
            add_line(&table, property->key, json_member(property, "value"));
    }
    table_print(&table, 0);
    table_done(&table);
}

static size_t print_schema(const struct arguments *a, const struct json *document)
{
    if (session_is_json(a))
        return 1;
    if (a->n_words == 0)
        print_types(document);
    else if (a->n_words == 1)
        print_fields(document);
    else if (document->child)
        print_field(document->child);
    return 1;
}

/* Prints a document: as it is, or drawn by `print`, which tells how much there was of it. */
static int print_result(const struct arguments *a, fptc_result *result,
                        size_t (*print)(const struct arguments *a, const struct json *document))
{
    size_t length = 0;
    const char *text = fptc_result_json(result, &length);
    struct json *document = text ? json_read(text, length) : NULL;
    size_t n = document ? print(a, document) : 0;

    if (session_is_json(a) || !document)
        printf("%s\n", text ? text : "null");
    json_free(document);
    return n > 0 ? EXIT_DONE : EXIT_NOTHING;
}

int verb_schema(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    fptc_status status;
    int64_t project = 0;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        status = fptc_cache_schema(cache, a->words[0], a->words[1], project, &result, &err);
        failed = status == FPTC_OK ? 0 : fail(status, &err);
    }
    if (!failed && fptc_result_source(result) == FPTC_SOURCE_STALE)
        complain("note: this is old; %s", fptc_result_warnings(result));
    if (!failed)
        failed = print_result(a, result, print_schema);
    fptc_result_free(result);
    fptc_cache_close(cache);
    return failed;
}

/* --- search --- */

/* "Shot,Asset" as {"Shot":[..],"Asset":[..]}, each with the condition on the project, if any. */
static void spell_types(struct text *out, const char *names, int64_t project)
{
    const char *at = names;

    text_put(out, "{");
    while (*at) {
        size_t n = strcspn(at, ",");
        char *name = cli_copy(at, n);

        text_put(out, at == names ? "" : ",");
        text_add_json(out, name);
        text_put(out, ":[");
        if (project)
            text_format(out, "[\"project\",\"is\",{\"type\":\"Project\",\"id\":%" PRId64 "}]",
                        project);
        text_put(out, "]");
        free(name);
        at += n + (at[n] == ',');
    }
    text_put(out, "}");
}

static int read_types(const struct arguments *a, struct text *out)
{
    struct text given = TEXT_INIT;
    int64_t project = 0;
    int failed = arguments_number(a, OPT_PROJECT, 1, &project);

    if (!failed)
        failed = arguments_text(a, OPT_TYPES, &given);
    if (!failed && text_string(&given)[0] == '{') {
        if (project)
            failed = complain_usage("--project goes with names of types; write the project into "
                                    "the filters of --types");
        text_put(out, text_string(&given));
    } else if (!failed) {
        spell_types(out, given.length ? text_string(&given) : search_types, project);
    }
    text_done(&given);
    return failed;
}

static void print_table_of(const struct json *matches)
{
    static const char *const headings[] = {"type", "id", "name", "status", "linked to"};
    struct table table = TABLE_INIT(5);
    const struct json *match;
    size_t i;

    for (i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        table_add(&table, headings[i]);
    for (match = matches->child; match; match = match->next) {
        const struct json *links = json_member(match, "links");
        const struct json *link = links ? links->child : NULL;

        add_cell(&table, json_member(match, "type"));
        add_cell(&table, json_member(match, "id"));
        add_cell(&table, json_member(match, "name"));
        add_cell(&table, json_member(match, "status"));
        add_cell(&table, link ? link->next : NULL);
    }
    table_print(&table, 0);
    table_done(&table);
}

static size_t print_matches(const struct arguments *a, const struct json *document)
{
    const struct json *matches = json_member(document, "matches");
    const struct json *match;
    size_t n = 0;

    for (match = matches ? matches->child : NULL; match; match = match->next)
        n++;
    if (session_is_json(a))
        return n;
    if (n > 0)
        print_table_of(matches);
    printf("%zu %s from FPT\n", n, n == 1 ? "match" : "matches");
    return n;
}

int verb_search(const struct arguments *a)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;
    struct text types = TEXT_INIT;
    fptc_status status;
    int64_t limit = 0;
    int64_t page = 0;
    int failed = arguments_number(a, OPT_LIMIT, 1, &limit);

    if (!failed)
        failed = arguments_number(a, OPT_PAGE, 1, &page);
    if (!failed)
        failed = read_types(a, &types);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed) {
        status = fptc_cache_text_search(cache, a->words[0], text_string(&types), limit, page,
                                        &result, &err);
        failed = status == FPTC_OK ? 0 : fail(status, &err);
    }
    if (!failed)
        failed = print_result(a, result, print_matches);
    fptc_result_free(result);
    text_done(&types);
    fptc_cache_close(cache);
    return failed;
}
