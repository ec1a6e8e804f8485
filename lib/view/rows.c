#include "view/rows.h"
#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* The first chunk is for an answer of a row or two, and of a size that malloc gives and takes quickly (to
   1,032 bytes with its head); each is twice as big as the one before. */
#define CHUNK_BYTES_FIRST 960
#define CHUNK_BYTES 65536

struct fptc__arena_chunk {
    struct fptc__arena_chunk *next;
    size_t used, cap;
    max_align_t data[];
};

static void *arena_take(struct fptc__rows *r, size_t n)
{
    struct fptc__arena_chunk *chunk = r->arena;
    char *at;

    n = (n + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    if (chunk == NULL || chunk->cap - chunk->used < n) {
        size_t cap = chunk == NULL ? CHUNK_BYTES_FIRST : 2 * chunk->cap;

        if (cap > CHUNK_BYTES)
            cap = CHUNK_BYTES;
        if (cap < n)
            cap = n;
        chunk = malloc(sizeof(*chunk) + cap);
        if (chunk == NULL) {
            r->is_out_of_memory = 1;
            return NULL;
        }
        chunk->next = r->arena;
        chunk->used = 0;
        chunk->cap = cap;
        r->arena = chunk;
    }
    at = (char *)chunk->data + chunk->used;
    chunk->used += n;
    return at;
}

int fptc__rows_begin(struct fptc__rows *r, const char *type, size_t n_columns)
{
    memset(r, 0, sizeof(*r));
    r->type = fptc__rows_text(r, type, type == NULL ? 0 : strlen(type));
    r->names = arena_take(r, (n_columns + 1) * sizeof(*r->names));
    return !r->is_out_of_memory;
}

void fptc__rows_name(struct fptc__rows *r, const char *name)
{
    r->names[r->n_columns++] = fptc__rows_text(r, name, strlen(name));
}

fptc_status fptc__rows_named(struct fptc__rows *r, fptc_error *err)
{
    if (r->is_out_of_memory) {
        fptc__rows_done(r);
        return fptc__fail_nomem(err);
    }
    r->kept = r->arena;
    r->kept_used = r->arena->used;
    return FPTC_OK;
}

fptc_status fptc__rows_init(struct fptc__rows *r, const char *type, const char *const *names,
                            size_t n_columns, fptc_error *err)
{
    size_t i;

    if (fptc__rows_begin(r, type, n_columns)) {
        for (i = 0; i < n_columns; i++)
            fptc__rows_name(r, names[i]);
    }
    return fptc__rows_named(r, err);
}

void fptc__rows_clear(struct fptc__rows *r)
{
    struct fptc__arena_chunk *chunk = r->arena;

    while (chunk != r->kept) {
        struct fptc__arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    r->arena = r->kept;
    if (r->kept != NULL)
        r->kept->used = r->kept_used;
    r->n = 0;
    r->is_out_of_memory = 0;
}

void fptc__rows_done(struct fptc__rows *r)
{
    while (r->arena != NULL) {
        struct fptc__arena_chunk *next = r->arena->next;

        free(r->arena);
        r->arena = next;
    }
    free(r->list);
    memset(r, 0, sizeof(*r));
}

struct fptc__cell *fptc__rows_cells(struct fptc__rows *r, size_t n)
{
    struct fptc__cell *cells = arena_take(r, (n + 1) * sizeof(*cells));

    if (cells != NULL)
        memset(cells, 0, (n + 1) * sizeof(*cells));
    return cells;
}

struct fptc__row *fptc__rows_add(struct fptc__rows *r, int64_t id)
{
    struct fptc__row *row;

    if (r->n == r->cap) {
        size_t cap = r->cap == 0 ? 16 : r->cap * 2;
        struct fptc__row *list = realloc(r->list, cap * sizeof(*list));

        if (list == NULL) {
            r->is_out_of_memory = 1;
            return NULL;
        }
        r->list = list;
        r->cap = cap;
    }
    row = &r->list[r->n];
    memset(row, 0, sizeof(*row));
    row->id = id;
    row->change = FPTC_CHANGE_ROW;
    row->cells = fptc__rows_cells(r, r->n_columns);
    if (row->cells == NULL)
        return NULL;
    r->n++;
    return row;
}

const char *fptc__rows_text(struct fptc__rows *r, const char *text, size_t len)
{
    char *copy;

    if (text == NULL)
        return NULL;
    copy = arena_take(r, len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

struct fptc__link *fptc__rows_links(struct fptc__rows *r, size_t n)
{
    struct fptc__link *links = arena_take(r, (n + 1) * sizeof(*links));

    if (links != NULL)
        memset(links, 0, (n + 1) * sizeof(*links));
    return links;
}

static void set_text(struct fptc__rows *r, struct fptc__cell *cell, int32_t kind, const char *text)
{
    cell->text = fptc__rows_text(r, text, strlen(text));
    cell->kind = cell->text == NULL ? FPTC_KIND_NULL : kind;
}

static void set_link(struct fptc__rows *r, struct fptc__link *link, const fptc__json *value)
{
    const char *type = fptc__json_get_text(value, "type");
    const char *name = fptc__json_get_text(value, "name");

    link->type = fptc__rows_text(r, type == NULL ? "" : type, type == NULL ? 0 : strlen(type));
    link->id = fptc__json_get_int(value, "id");
    link->name = name == NULL ? NULL : fptc__rows_text(r, name, strlen(name));
}

static void set_links(struct fptc__rows *r, struct fptc__cell *cell, const fptc__json *value)
{
    struct fptc__link *links = fptc__rows_links(r, fptc__json_size(value));
    const fptc__json *at;
    int64_t n = 0;

    if (links == NULL)
        return;
    for (at = fptc__json_first(value); at != NULL; at = fptc__json_next(at))
        set_link(r, &links[n++], at);
    cell->links = links;
    cell->i = n;
    cell->kind = FPTC_KIND_LINKS;
}

static void set_any(struct fptc__rows *r, struct fptc__cell *cell, const fptc__json *value)
{
    struct fptc__buf text;

    if (fptc__json_is_string(value)) {
        set_text(r, cell, FPTC_KIND_TEXT, fptc__json_text(value));
        return;
    }
    fptc__buf_init(&text, FPTC_RESULT_BYTES_MAX);
    fptc__json_print(value, &text);
    if (text.failed != FPTC_OK)
        r->is_out_of_memory = 1;
    else
        set_text(r, cell, FPTC_KIND_JSON, fptc__buf_text(&text));
    fptc__buf_done(&text);
}

fptc_status fptc__rows_unquote(struct fptc__rows *r, struct fptc__cell *cell, fptc_error *err)
{
    fptc__json *value = NULL;
    fptc_status status =
        fptc__json_parse(cell->text, strlen(cell->text), "stored value", &value, err);

    if (status == FPTC_OK && fptc__json_is_string(value))
        set_text(r, cell, FPTC_KIND_TEXT, fptc__json_text(value));
    fptc__json_free(value);
    return status;
}

enum fptc__class fptc__class_of_value(const fptc__json *value)
{
    if (fptc__json_is_bool(value))
        return FPTC__BOOL;
    if (fptc__json_is_integer(value))
        return FPTC__INTEGER;
    if (fptc__json_is_number(value))
        return FPTC__REAL;
    if (fptc__json_get_text(value, "type") != NULL && fptc__json_get(value, "id") != NULL)
        return FPTC__LINK;
    return FPTC__JSON;
}

void fptc__rows_set_json(struct fptc__rows *r, struct fptc__cell *cell, enum fptc__class class_of,
                         const fptc__json *value)
{
    if (value == NULL)
        return;
    cell->kind = FPTC_KIND_NULL;
    if (fptc__json_is_null(value))
        return;
    if (fptc__json_is_bool(value)) {
        cell->kind = FPTC_KIND_BOOL;
        cell->i = fptc__json_is_true(value);
    } else if (class_of == FPTC__REAL) {
        cell->kind = FPTC_KIND_FLOAT;
        cell->d = fptc__json_is_string(value) ? fptc__real_of_text(fptc__json_text(value))
                                              : fptc__json_double(value);
    } else if (fptc__json_is_integer(value)) {
        cell->kind = FPTC_KIND_INT;
        cell->i = fptc__json_int(value);
        cell->d = fptc__json_double(value);
    } else if (class_of == FPTC__LINK && fptc__json_is_object(value)) {
        struct fptc__link *link = fptc__rows_links(r, 1);

        if (link == NULL)
            return;
        set_link(r, link, value);
        cell->links = link;
        cell->i = 1;
        cell->kind = FPTC_KIND_LINK;
    } else if (class_of == FPTC__LINKS && fptc__json_is_array(value)) {
        set_links(r, cell, value);
    } else {
        set_any(r, cell, value);
    }
}

static void print_link(const struct fptc__link *link, struct fptc__buf *out)
{
    fptc__buf_adds(out, "{\"type\":");
    fptc__json_put_text(out, link->type, strlen(link->type));
    fptc__buf_adds(out, ",\"id\":");
    fptc__buf_add_int(out, link->id);
    fptc__buf_adds(out, ",\"name\":");
    if (link->name == NULL)
        fptc__buf_adds(out, "null");
    else
        fptc__json_put_text(out, link->name, strlen(link->name));
    fptc__buf_addc(out, '}');
}

static void print_links(const struct fptc__cell *cell, struct fptc__buf *out)
{
    int64_t i;

    fptc__buf_addc(out, '[');
    for (i = 0; i < cell->i; i++) {
        if (i > 0)
            fptc__buf_addc(out, ',');
        print_link(&cell->links[i], out);
    }
    fptc__buf_addc(out, ']');
}

/* 25.0, not 25: readers tell integers and floats apart. */
static void print_float(double d, struct fptc__buf *out)
{
    size_t start = out->len;

    fptc__json_put_double(out, d);
    if (out->failed == FPTC_OK && strpbrk(fptc__buf_text(out) + start, ".eEnN") == NULL)
        fptc__buf_adds(out, ".0");
}

static void print_cell(const struct fptc__cell *cell, struct fptc__buf *out)
{
    switch (cell->kind) {
    case FPTC_KIND_TEXT:
        fptc__json_put_text(out, cell->text, strlen(cell->text));
        break;
    case FPTC_KIND_INT:
        fptc__buf_add_int(out, cell->i);
        break;
    case FPTC_KIND_FLOAT:
        print_float(cell->d, out);
        break;
    case FPTC_KIND_BOOL:
        fptc__buf_adds(out, cell->i ? "true" : "false");
        break;
    case FPTC_KIND_LINK:
        print_link(&cell->links[0], out);
        break;
    case FPTC_KIND_LINKS:
        print_links(cell, out);
        break;
    case FPTC_KIND_JSON:
        fptc__buf_adds(out, cell->text);
        break;
    default:
        fptc__buf_adds(out, "null");
        break;
    }
}

static void print_entity(const struct fptc__rows *r, const struct fptc__row *row,
                         struct fptc__buf *out)
{
    fptc__buf_adds(out, "\"type\":");
    fptc__json_put_text(out, r->type, strlen(r->type));
    fptc__buf_adds(out, ",\"id\":");
    fptc__buf_add_int(out, row->id);
    if (row->change != FPTC_CHANGE_ROW)
        fptc__buf_adds(out, ",\"_gone\":true");
    if (row->moved_to != NULL) {
        fptc__buf_adds(out, ",\"_moved_to\":");
        fptc__json_put_text(out, row->moved_to, strlen(row->moved_to));
    }
}

void fptc__rows_print(const struct fptc__rows *r, size_t index, struct fptc__buf *out)
{
    const struct fptc__row *row = &r->list[index];
    const char *between = r->type == NULL ? "" : ",";
    size_t i;

    fptc__buf_addc(out, '{');
    if (r->type != NULL)
        print_entity(r, row, out);
    for (i = 0; i < r->n_columns; i++) {
        if (row->cells[i].kind == FPTC_KIND_ABSENT)
            continue;
        fptc__buf_adds(out, between);
        between = ",";
        fptc__json_put_text(out, r->names[i], strlen(r->names[i]));
        fptc__buf_addc(out, ':');
        print_cell(&row->cells[i], out);
    }
    fptc__buf_addc(out, '}');
}

size_t fptc__rows_column(const struct fptc__rows *r, const char *name)
{
    size_t i = 0;

    while (i < r->n_columns && strcmp(r->names[i], name) != 0)
        i++;
    return i;
}

/* ------------------------------------------------------------------------------------------- rows of others */

static const char *copy_text(struct fptc__rows *r, const char *text)
{
    return fptc__rows_text(r, text, text == NULL ? 0 : strlen(text));
}

void fptc__rows_copy_cell(struct fptc__rows *r, struct fptc__cell *to,
                          const struct fptc__cell *from)
{
    int is_link = from->kind == FPTC_KIND_LINK || from->kind == FPTC_KIND_LINKS;
    struct fptc__link *links = is_link && from->i > 0 ? fptc__rows_links(r, (size_t)from->i) : NULL;
    int64_t i;

    *to = *from;
    to->text = is_link ? NULL : copy_text(r, from->text);
    to->links = links;
    for (i = 0; i < from->i && links != NULL; i++) {
        links[i].type = copy_text(r, from->links[i].type);
        links[i].id = from->links[i].id;
        links[i].name = copy_text(r, from->links[i].name);
    }
}

struct fptc__row *fptc__rows_add_copy(struct fptc__rows *r, const struct fptc__rows *from,
                                      size_t index)
{
    const struct fptc__row *old = &from->list[index];
    struct fptc__row *row = fptc__rows_add(r, old->id);
    size_t i, at;

    if (row == NULL)
        return NULL;
    row->version = old->version;
    row->is_pending = old->is_pending;
    for (i = 0; i < r->n_columns; i++) {
        at = fptc__rows_column(from, r->names[i]);
        if (at < from->n_columns)
            fptc__rows_copy_cell(r, &row->cells[i], &old->cells[at]);
    }
    return r->is_out_of_memory ? NULL : row;
}
