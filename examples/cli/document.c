/*
 * document.c: lays a JSON document out without knowing its keys, so that what a later library adds
 * is shown as well: members of an object as lines, an array of objects as a table.
 */
#include "document.h"

#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24
#define INDENT 2

static void print_list(const struct json *list, int indent);
static void print_node(const struct json *node, int indent);

/* "as_of_age_s" is a number of seconds called "as of age". */
static int is_seconds(const char *key)
{
    size_t n = key ? strlen(key) : 0;

    return key && ((n > 2 && strcmp(key + n - 2, "_s") == 0) || strcmp(key, "seconds") == 0);
}

static void add_key(struct text *out, const char *key)
{
    size_t n = strlen(key);
    size_t i;

    if (is_seconds(key) && key[n - 2] == '_')
        n -= 2;
    for (i = 0; i < n; i++)
        text_add(out, key[i] == '_' ? " " : key + i, 1);
}

static void add_value(struct text *out, const struct json *node)
{
    const struct json *child;

    if (node->kind == JSON_NULL)
        text_put(out, "-");
    else if (node->kind == JSON_TRUE || node->kind == JSON_FALSE)
        text_put(out, node->kind == JSON_TRUE ? "yes" : "no");
    else if (node->kind == JSON_NUMBER && is_seconds(node->key))
        text_add_duration(out, strtod(node->text, NULL));
    else if (node->text)
        text_add_plain(out, node->text);
    for (child = node->child; child; child = child->next) {
        if (child != node->child)
            text_put(out, ", ");
        if (child->key) {
            add_key(out, child->key);
            text_put(out, " ");
        }
        add_value(out, child);
    }
}

static int is_list_of_objects(const struct json *node)
{
    return node->kind == JSON_ARRAY && node->child && node->child->kind == JSON_OBJECT;
}

/* Whether the value fits on its key's line. */
static int is_line(const struct json *node)
{
    const struct json *child;

    if (node->kind == JSON_OBJECT)
        return !node->child;
    for (child = node->child; node->kind == JSON_ARRAY && child; child = child->next)
        if (child->child)
            return 0;
    return 1;
}

/* Whether a member of this name is a list of objects in some row: it gets a table of its own. */
static int is_list_in_some_row(const struct json *list, const char *key)
{
    const struct json *row;
    const struct json *member;

    for (row = list->child; row; row = row->next) {
        member = json_member(row, key);
        if (member && is_list_of_objects(member))
            return 1;
    }
    return 0;
}

static size_t collect_columns(const struct json *list, const char **columns)
{
    const struct json *row;
    const struct json *cell;
    size_t n = 0;
    size_t i;

    for (row = list->child; row; row = row->next) {
        for (cell = row->child; cell; cell = cell->next) {
            for (i = 0; i < n && cell->key && strcmp(columns[i], cell->key) != 0; i++)
                ;
            if (i == n && n < COLUMNS_MAX && cell->key && !is_list_in_some_row(list, cell->key))
                columns[n++] = cell->key;
        }
    }
    return n;
}

/* The lists inside the rows, each called by its row's first member: "project-101, coverage:". */
static void print_inner_lists(const struct json *list, int indent)
{
    struct text title = TEXT_INIT;
    const struct json *row;
    const struct json *member;

    for (row = list->child; row; row = row->next) {
        for (member = row->child; member; member = member->next) {
            if (!member->key || !is_list_of_objects(member))
                continue;
            title.length = 0;
            add_value(&title, row->child);
            text_put(&title, ", ");
            add_key(&title, member->key);
            printf("%*s%s:\n", indent, "", text_string(&title));
            print_list(member, indent + INDENT);
        }
    }
    text_done(&title);
}

static void print_list(const struct json *list, int indent)
{
    const char *columns[COLUMNS_MAX];
    size_t n = collect_columns(list, columns);
    struct table table = TABLE_INIT(n);
    struct text cell = TEXT_INIT;
    const struct json *row;
    size_t i;

    for (i = 0; i < n; i++) {
        cell.length = 0;
        add_key(&cell, columns[i]);
        table_add(&table, text_string(&cell));
    }
    for (row = list->child; row; row = row->next) {
        for (i = 0; i < n; i++) {
            const struct json *value = json_member(row, columns[i]);
            cell.length = 0;
            if (value)
                add_value(&cell, value);
            table_add(&table, text_string(&cell));
        }
    }
    table_print(&table, indent);
    print_inner_lists(list, indent);
    table_done(&table);
    text_done(&cell);
}

static void print_lines(const struct json *object, int indent)
{
    struct table table = TABLE_INIT(2);
    struct text cell = TEXT_INIT;
    const struct json *member;

    for (member = object->child; member; member = member->next) {
        if (!is_line(member))
            continue;
        cell.length = 0;
        add_key(&cell, member->key);
        table_add(&table, text_string(&cell));
        cell.length = 0;
        add_value(&cell, member);
        table_add(&table, text_string(&cell));
    }
    table_print(&table, indent);
    table_done(&table);
    text_done(&cell);
}

static void print_object(const struct json *object, int indent)
{
    struct text key = TEXT_INIT;
    const struct json *member;

    print_lines(object, indent);
    for (member = object->child; member; member = member->next) {
        if (is_line(member))
            continue;
        key.length = 0;
        add_key(&key, member->key);
        printf("%*s%s:\n", indent, "", text_string(&key));
        print_node(member, indent + INDENT);
    }
    text_done(&key);
}

static void print_node(const struct json *node, int indent)
{
    struct text value = TEXT_INIT;
    const struct json *child;

    if (is_list_of_objects(node)) {
        print_list(node, indent);
    } else if (node->kind == JSON_OBJECT) {
        print_object(node, indent);
    } else if (node->kind == JSON_ARRAY && !is_line(node)) {
        for (child = node->child; child; child = child->next)
            print_node(child, indent);
    } else {
        add_value(&value, node);
        printf("%*s%s\n", indent, "", value.length ? text_string(&value) : "none");
    }
    text_done(&value);
}

void print_part(const struct json *value)
{
    print_node(value, 0);
}

void print_document(fptc_result *result, int is_json)
{
    size_t length = 0;
    const char *text = fptc_result_json(result, &length);
    struct json *document = !is_json && text ? json_read(text, length) : NULL;

    if (document)
        print_node(document, 0);
    else
        printf("%s\n", text ? text : "null");
    json_free(document);
}
