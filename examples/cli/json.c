/* json.c: see json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200

struct reader {
    const char *at;
    const char *end;
};

static struct json *read_value(struct reader *r, int depth);

static void skip_space(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

static int take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return 0;
    r->at++;
    return 1;
}

static void add_utf8(struct text *t, unsigned long c)
{
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t i;

    for (i = n - 1; i > 0; i--) {
        bytes[i] = (char)(0x80u | (c & 0x3fu));
        c >>= 6;
    }
    bytes[0] = (char)(first[n] | c);
    text_add(t, bytes, n);
}

static int read_hex(struct reader *r, unsigned long *out)
{
    char digits[5] = {0};
    char *end = NULL;

    if (r->end - r->at < 4)
        return 0;
    memcpy(digits, r->at, 4);
    *out = strtoul(digits, &end, 16);
    r->at += 4;
    return end == digits + 4;
}

/* What follows "\u": one code unit, or two that make a character together. */
static int read_unicode(struct reader *r, struct text *out)
{
    unsigned long c = 0;
    unsigned long low = 0;

    if (!read_hex(r, &c))
        return 0;
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        if (!read_hex(r, &low) || low < 0xdc00 || low > 0xdfff)
            return 0;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xd800 && c < 0xe000) {
        c = 0xfffd;
    }
    add_utf8(out, c ? c : 0xfffd);
    return 1;
}

static int read_escape(struct reader *r, struct text *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (r->at == r->end)
        return 0;
    c = *r->at++;
    if (c == 'u')
        return read_unicode(r, out);
    found = c ? strchr(names, c) : NULL;
    if (found)
        text_add(out, meanings + (found - names), 1);
    return found != NULL;
}

static char *read_string(struct reader *r)
{
    struct text out = TEXT_INIT;

    text_put(&out, "");
    while (r->at < r->end && *r->at != '"') {
        if (*r->at != '\\') {
            text_add(&out, r->at++, 1);
            continue;
        }
        r->at++;
        if (!read_escape(r, &out))
            break;
    }
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        return out.bytes;
    }
    text_done(&out);
    return NULL;
}

static int read_members(struct reader *r, struct json *parent, char closing, int depth)
{
    struct json **link = &parent->child;

    if (take(r, closing))
        return 1;
    do {
        char *key = NULL;
        if (closing == '}') {
            key = take(r, '"') ? read_string(r) : NULL;
            if (!key || !take(r, ':')) {
                free(key);
                return 0;
            }
        }
        *link = read_value(r, depth + 1);
        if (!*link) {
            free(key);
            return 0;
        }
        (*link)->key = key;
        link = &(*link)->next;
    } while (take(r, ','));
    return take(r, closing);
}

static int read_scalar(struct reader *r, struct json *node)
{
    static const struct {
        const char *word;
        enum json_kind kind;
    } words[] = {{"null", JSON_NULL}, {"true", JSON_TRUE}, {"false", JSON_FALSE}};
    size_t length = 0;
    size_t i;

    while (r->at + length < r->end && r->at[length] &&
           strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", r->at[length]))
        length++;
    for (i = 0; i < 3; i++) {
        if (length == strlen(words[i].word) && memcmp(r->at, words[i].word, length) == 0) {
            node->kind = words[i].kind;
            r->at += length;
            return 1;
        }
    }
    if (!length || !strchr("-0123456789", *r->at))
        return 0;
    node->kind = JSON_NUMBER;
    node->text = cli_copy(r->at, length);
    r->at += length;
    return 1;
}

static struct json *read_value(struct reader *r, int depth)
{
    struct json *node;
    int is_good = 0;

    if (depth > DEPTH_MAX)
        return NULL;
    node = cli_alloc(sizeof(*node));
    memset(node, 0, sizeof(*node));
    if (take(r, '{')) {
        node->kind = JSON_OBJECT;
        is_good = read_members(r, node, '}', depth);
    } else if (take(r, '[')) {
        node->kind = JSON_ARRAY;
        is_good = read_members(r, node, ']', depth);
    } else if (take(r, '"')) {
        node->kind = JSON_STRING;
        node->text = read_string(r);
        is_good = node->text != NULL;
    } else {
        is_good = read_scalar(r, node);
    }
    if (is_good)
        return node;
    json_free(node);
    return NULL;
}

struct json *json_read(const char *text, size_t length)
{
    struct reader r = {text, text + length};
    struct json *node = read_value(&r, 0);

    skip_space(&r);
    if (node && r.at != r.end) {
        json_free(node);
        node = NULL;
    }
    return node;
}

void json_free(struct json *node)
{
    while (node) {
        struct json *next = node->next;
        json_free(node->child);
        free(node->key);
        free(node->text);
        free(node);
        node = next;
    }
}

const struct json *json_member(const struct json *object, const char *key)
{
    const struct json *node;

    for (node = object->child; node; node = node->next)
        if (node->key && strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

void json_add(struct text *out, const struct json *node)
{
    static const char *const words[] = {"null", "false", "true"};
    const struct json *child;

    if (node->kind <= JSON_TRUE)
        text_put(out, words[node->kind]);
    else if (node->kind == JSON_STRING)
        text_add_json(out, node->text);
    else if (node->kind == JSON_NUMBER)
        text_put(out, node->text);
    else
        text_put(out, node->kind == JSON_ARRAY ? "[" : "{");
    for (child = node->child; child; child = child->next) {
        text_put(out, child == node->child ? "" : ",");
        if (child->key) {
            text_add_json(out, child->key);
            text_put(out, ":");
        }
        json_add(out, child);
    }
    if (node->kind >= JSON_ARRAY)
        text_put(out, node->kind == JSON_ARRAY ? "]" : "}");
}
