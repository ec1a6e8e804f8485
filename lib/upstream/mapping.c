/*
 * mapping.c: see mapping.h. A row is built from copies, so that the reply stays whole and a half-built
 * row is simply thrown away.
 */
#include "upstream/mapping.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

/* --- records --- */

/* "2021-06-16 08:55:04 UTC" is how creates spell what reads spell "2021-06-16T08:55:04Z" (A§1.9). */
static const char created_pattern[] = "dddd-dd-dd dd:dd:dd UTC";

static int is_created_spelling(const char *text)
{
    size_t i;

    for (i = 0; created_pattern[i]; i++) {
        if (created_pattern[i] == 'd' ? !isdigit((unsigned char)text[i])
                                      : text[i] != created_pattern[i])
            return 0;
    }
    return text[i] == '\0';
}

static fptc__json *copy_attribute(const fptc__json *value)
{
    const char *key = fptc__json_key(value);
    const char *text = fptc__json_text(value);
    char iso[21];

    if (!text || (strcmp(key, "created_at") != 0 && strcmp(key, "updated_at") != 0) ||
        !is_created_spelling(text))
        return fptc__json_copy(value);
    snprintf(iso, sizeof(iso), "%.10sT%.8sZ", text, text + 11);
    return fptc__json_new_text(iso);
}

/* {"type","id","name"} of a link and nothing else of it; NULL in *out when it is no link. */
static fptc_status map_link(const fptc__json *link, fptc__json **out, fptc_error *err)
{
    const char *type = fptc__json_get_text(link, "type");
    const fptc__json *id = fptc__json_get(link, "id");
    const fptc__json *name = fptc__json_get(link, "name");
    int done;

    *out = NULL;
    if (!type || !fptc__json_is_integer(id))
        return fptc__fail(err, FPTC_ESERVER, "a link without type and id");
    *out = fptc__json_new_object();
    done = fptc__json_set(*out, "type", fptc__json_new_text(type)) &&
           fptc__json_set(*out, "id", fptc__json_copy(id)) &&
           (!name || fptc__json_set(*out, "name", fptc__json_copy(name)));
    return done ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status map_links(const fptc__json *links, fptc__json **out, fptc_error *err)
{
    const fptc__json *link;
    fptc_status status = FPTC_OK;

    *out = fptc__json_new_array();
    for (link = fptc__json_first(links); link && status == FPTC_OK; link = fptc__json_next(link)) {
        fptc__json *mapped;

        status = map_link(link, &mapped, err);
        if (!fptc__json_append(*out, mapped) && status == FPTC_OK)
            status = fptc__fail_nomem(err);
    }
    if (!*out && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    return status;
}

static fptc_status map_relationship(const fptc__json *data, fptc__json **out, fptc_error *err)
{
    *out = NULL;
    if (fptc__json_is_object(data))
        return map_link(data, out, err);
    if (fptc__json_is_array(data))
        return map_links(data, out, err);
    if (!fptc__json_is_null(data))
        return fptc__fail(err, FPTC_ESERVER, "a relationship that is %s",
                          fptc__json_type_name(data));
    *out = fptc__json_new_null();
    return *out ? FPTC_OK : fptc__fail_nomem(err);
}

/* The row's own type and id stand above fields of these names. */
static int is_own_key(const char *key)
{
    return strcmp(key, "type") == 0 || strcmp(key, "id") == 0;
}

static fptc_status add_attributes(fptc__json *row, const fptc__json *attributes, fptc_error *err)
{
    const fptc__json *value;

    for (value = fptc__json_first(attributes); value; value = fptc__json_next(value)) {
        const char *key = fptc__json_key(value);

        if (!is_own_key(key) && !fptc__json_set(row, key, copy_attribute(value)))
            return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

static fptc_status add_relationships(fptc__json *row, const fptc__json *relationships,
                                     fptc_error *err)
{
    const fptc__json *r;
    fptc_status status = FPTC_OK;

    for (r = fptc__json_first(relationships); r && status == FPTC_OK; r = fptc__json_next(r)) {
        const char *key = fptc__json_key(r);
        const fptc__json *data = fptc__json_get(r, "data");
        fptc__json *mapped;

        if (!data || is_own_key(key))
            continue;
        status = map_relationship(data, &mapped, err);
        if (status != FPTC_OK) {
            fptc__json_free(mapped);
            (void)fptc__error_where(err, "field %s", key);
            return status;
        }
        if (!fptc__json_set(row, key, mapped))
            status = fptc__fail_nomem(err);
    }
    return status;
}

/* Absent is fine, anything but an object is not. */
static int is_members(const fptc__json *v)
{
    return !v || fptc__json_is_null(v) || fptc__json_is_object(v);
}

fptc_status fptc__map_record(const fptc__json *record, fptc__json **out_row, fptc_error *err)
{
    const char *type = fptc__json_get_text(record, "type");
    const fptc__json *id = fptc__json_get(record, "id");
    const fptc__json *attributes = fptc__json_get(record, "attributes");
    const fptc__json *relationships = fptc__json_get(record, "relationships");
    fptc__json *row;
    fptc_status status = FPTC_OK;

    *out_row = NULL;
    if (!type || type[0] == '\0' || !fptc__json_is_integer(id) || fptc__json_int(id) <= 0)
        return fptc__fail(err, FPTC_ESERVER, "a record without type and id");
    if (!is_members(attributes) || !is_members(relationships))
        return fptc__fail(err, FPTC_ESERVER,
                          "%s %lld: attributes or relationships of a wrong shape", type,
                          (long long)fptc__json_int(id));
    row = fptc__json_new_object();
    if (!fptc__json_set(row, "type", fptc__json_new_text(type)) ||
        !fptc__json_set(row, "id", fptc__json_copy(id)))
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = add_attributes(row, attributes, err);
    if (status == FPTC_OK)
        status = add_relationships(row, relationships, err);
    if (status == FPTC_OK)
        *out_row = row;
    else
        fptc__json_free(row);
    return status;
}

fptc_status fptc__map_list(const fptc__json *reply, fptc__json **out_rows, fptc_error *err)
{
    const fptc__json *data = fptc__json_get(reply, "data");
    const fptc__json *record;
    fptc__json *rows;
    fptc_status status = FPTC_OK;

    *out_rows = NULL;
    if (!fptc__json_is_array(data))
        return fptc__fail(err, FPTC_ESERVER, "a list without its array `data`");
    rows = fptc__json_new_array();
    if (!rows)
        return fptc__fail_nomem(err);
    for (record = fptc__json_first(data); record && status == FPTC_OK;
         record = fptc__json_next(record)) {
        fptc__json *row;

        status = fptc__map_record(record, &row, err);
        if (status == FPTC_OK && !fptc__json_append(rows, row))
            status = fptc__fail_nomem(err);
    }
    if (status == FPTC_OK)
        *out_rows = rows;
    else
        fptc__json_free(rows);
    return status;
}

/* --- errors --- */

/* One line being written: printable, single spaces, never more than fits, never cut in a character. */
struct line {
    char *out;
    size_t n; /* room, the NUL included */
    size_t len;
};

static void line_addc(struct line *l, char c)
{
    if ((unsigned char)c <= ' ' || c == 0x7f) {
        if (l->len == 0 || l->out[l->len - 1] == ' ')
            return;
        c = ' ';
    }
    if (l->len + 1 < l->n)
        l->out[l->len++] = c;
}

static void line_add(struct line *l, const char *text)
{
    while (*text)
        line_addc(l, *text++);
}

/* Length of the whole UTF-8 character at p, 0 when it is none. */
static size_t character(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1u : p[0] < 0xc2 ? 0u : p[0] < 0xe0 ? 2u : p[0] < 0xf0 ? 3u : 4u;
    size_t i;

    if (p[0] >= 0xf5 || len > n)
        return 0;
    for (i = 1; i < len; i++) {
        if ((p[i] & 0xc0u) != 0x80u)
            return 0;
    }
    return len;
}

/* Ends the line: what is not UTF-8 becomes '?', a cut character and spaces at the end go. */
static void line_end(struct line *l)
{
    size_t at = 0;

    while (at < l->len) {
        size_t len = character((const unsigned char *)l->out + at, l->len - at);

        if (len == 0 && l->len - at < 4 && l->len + 1 >= l->n)
            break;
        if (len == 0)
            l->out[at] = '?';
        at += len ? len : 1;
    }
    l->len = at;
    while (l->len > 0 && l->out[l->len - 1] == ' ')
        l->len--;
    l->out[l->len] = '\0';
}

/* The texts below an error's `source`, each with the key it hangs from. */
static void add_source(struct line *l, const fptc__json *source, const char *key, int depth)
{
    const fptc__json *v;
    const char *text = fptc__json_text(source);

    if (text) {
        line_add(l, "; ");
        line_add(l, key);
        line_add(l, ": ");
        line_add(l, text);
        return;
    }
    if (depth == 0)
        return;
    for (v = fptc__json_first(source); v; v = fptc__json_next(v))
        add_source(l, v, fptc__json_key(v) ? fptc__json_key(v) : key, depth - 1);
}

static int add_one_error(struct line *l, const fptc__json *error)
{
    const char *title = fptc__json_get_text(error, "title");
    const char *detail = fptc__json_get_text(error, "detail");

    if (!title && !detail)
        return 0;
    if (l->len > 0)
        line_add(l, "; ");
    line_add(l, detail && detail[0] ? detail : title ? title : "");
    add_source(l, fptc__json_get(error, "source"), "source", 4);
    return 1;
}

static int add_json_errors(struct line *l, const char *body, size_t len)
{
    fptc__json *reply = NULL;
    const fptc__json *error;
    int n = 0;

    if (fptc__json_parse(body, len, "FPT's error", &reply, NULL) != FPTC_OK)
        return 0;
    for (error = fptc__json_first(fptc__json_get(reply, "errors")); error;
         error = fptc__json_next(error))
        n += add_one_error(l, error);
    fptc__json_free(reply);
    return n > 0;
}

static const char *skip_to(const char *p, const char *end, const char *mark)
{
    size_t n = strlen(mark);

    while ((size_t)(end - p) >= n) {
        if (strncasecmp(p, mark, n) == 0)
            return p + n;
        p++;
    }
    return end;
}

/* p is at '<'; behind the tag, and behind all of a script, style or comment. */
static const char *skip_tag(const char *p, const char *end)
{
    size_t left = (size_t)(end - p);

    if (left >= 4 && strncmp(p, "<!--", 4) == 0)
        return skip_to(p, end, "-->");
    if (left >= 7 && strncasecmp(p, "<script", 7) == 0)
        return skip_to(p, end, "</script>");
    if (left >= 6 && strncasecmp(p, "<style", 6) == 0)
        return skip_to(p, end, "</style>");
    return skip_to(p, end, ">");
}

static const char *add_entity(struct line *l, const char *p, const char *end)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"&lt;", '<'},   {"&gt;", '>'},   {"&amp;", '&'},
                    {"&quot;", '"'}, {"&#39;", '\''}, {"&nbsp;", ' '}};
    size_t i;

    for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        size_t n = strlen(entities[i].name);

        if ((size_t)(end - p) >= n && strncmp(p, entities[i].name, n) == 0) {
            line_addc(l, entities[i].c);
            return p + n;
        }
    }
    line_addc(l, '&');
    return p + 1;
}

static void add_html(struct line *l, const char *body, size_t len)
{
    const char *end = body + len;
    const char *p = body;

    while (p < end && l->len + 1 < l->n) {
        if (*p == '<') {
            p = skip_tag(p, end);
            line_addc(l, ' ');
        } else if (*p == '&') {
            p = add_entity(l, p, end);
        } else {
            line_addc(l, *p++);
        }
    }
}

void fptc__map_error(const char *body, size_t len, char *out, size_t n)
{
    struct line l = {out, n, 0};

    if (n == 0)
        return;
    if (!body || !add_json_errors(&l, body, len))
        add_html(&l, body ? body : "", body ? len : 0);
    line_end(&l);
    if (l.len == 0)
        snprintf(out, n, "(no text)");
}
