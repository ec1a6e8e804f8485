/*
 * canonical.c: see canonical.h. Lists are written in the order given, then their pieces are sorted in
 * place, so that memory stays a multiple of the text whatever the nesting.
 */
#include "query/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/floatmark.h"
#include "query/leaf.h"

/* One element of a list that is being written; text stays valid until the list is put in order. */
struct piece {
    const char *text;
    size_t start;
    size_t len;
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a;
    const struct piece *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->text, y->text, n);

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Puts the n pieces at the end of `out` into order, each once, commas between. Returns their number. */
static size_t sort_pieces(struct piece *pieces, size_t n, struct fptc__buf *out)
{
    size_t start = pieces[0].start;
    size_t len = out->len - start;
    char *copy = out->failed ? NULL : malloc(len);
    size_t kept = 0;
    size_t i;

    if (!copy) {
        if (!out->failed)
            out->failed = FPTC_ENOMEM;
        return n;
    }
    memcpy(copy, out->data + start, len);
    for (i = 0; i < n; i++)
        pieces[i].text = copy + (pieces[i].start - start);
    qsort(pieces, n, sizeof(*pieces), compare_pieces);
    out->len = start;
    for (i = 0; i < n; i++) {
        if (i > 0 && compare_pieces(&pieces[i - 1], &pieces[i]) == 0)
            continue;
        if (kept++ > 0)
            fptc__buf_addc(out, ',');
        fptc__buf_add(out, pieces[i].text, pieces[i].len);
    }
    free(copy);
    return kept;
}

static struct piece *new_pieces(size_t n, struct fptc__buf *out)
{
    struct piece *pieces = calloc(n ? n : 1, sizeof(*pieces));

    if (!pieces && !out->failed)
        out->failed = FPTC_ENOMEM;
    return pieces;
}

static void put_link(const fptc__json *v, struct fptc__buf *out)
{
    const char *type = fptc__json_get_text(v, "type");

    fptc__buf_adds(out, "{\"type\":");
    fptc__json_put_text(out, type, strlen(type));
    fptc__buf_addf(out, ",\"id\":%lld}", (long long)fptc__json_get_int(v, "id"));
}

static void put_value(const struct fptc__leaf *leaf, const fptc__json *v, struct fptc__buf *out)
{
    int is_link = leaf->kind == FPTC__KIND_LINK || leaf->kind == FPTC__KIND_LINKS;
    double d;

    if (is_link && fptc__json_get_text(v, "type") && fptc__json_get(v, "id")) {
        put_link(v, out);
    } else if (fptc__float_of(v, &d)) {
        /* A float as a string: the JSON number 1.0 would be sent as 1, which FPT refuses. */
        if (leaf->kind == FPTC__KIND_FLOAT)
            fptc__buf_addc(out, '"');
        fptc__json_put_float(out, d);
        if (leaf->kind == FPTC__KIND_FLOAT)
            fptc__buf_addc(out, '"');
    } else {
        fptc__json_print(v, out);
    }
}

static void put_values(const struct fptc__filter *f, struct fptc__buf *out)
{
    int is_set = f->leaf->kind != FPTC__KIND_FOREIGN && f->leaf->relation == FPTC__IN;
    struct piece *pieces = new_pieces(f->n_values, out);
    size_t i;

    fptc__buf_addc(out, '[');
    for (i = 0; pieces && i < f->n_values; i++) {
        if (i > 0 && !is_set)
            fptc__buf_addc(out, ',');
        pieces[i].start = out->len;
        put_value(f->leaf, f->values[i], out);
        pieces[i].len = out->len - pieces[i].start;
    }
    if (pieces && is_set && f->n_values > 0)
        sort_pieces(pieces, f->n_values, out);
    fptc__buf_addc(out, ']');
    free(pieces);
}

/* 1: a list, as FPT wants it, whatever was given. FPT's own affairs stay as they were given. */
static int wants_list(const struct fptc__filter *f)
{
    if (f->leaf->kind == FPTC__KIND_FOREIGN || (f->leaf->why_not && f->n_values != 1))
        return f->is_list;
    return f->leaf->relation == FPTC__IN || f->n_values != 1;
}

static void put_leaf(const struct fptc__filter *f, struct fptc__buf *out)
{
    fptc__buf_addc(out, '[');
    fptc__json_put_text(out, f->path, strlen(f->path));
    fptc__buf_addc(out, ',');
    fptc__json_put_text(out, f->relation, strlen(f->relation));
    fptc__buf_addc(out, ',');
    if (wants_list(f))
        put_values(f, out);
    else
        put_value(f->leaf, f->values[0], out);
    fptc__buf_addc(out, ']');
}

static void put_group(const struct fptc__filter *f, struct fptc__buf *out)
{
    const char *head = f->kind == FPTC__FILTER_AND
                           ? "{\"logical_operator\":\"and\",\"conditions\":["
                           : "{\"logical_operator\":\"or\",\"conditions\":[";
    struct piece *pieces = new_pieces(f->n_members, out);
    size_t start = out->len;
    const struct fptc__filter *m;
    size_t n = 0;

    fptc__buf_adds(out, head);
    for (m = f->first; pieces && m; m = m->next, n++) {
        pieces[n].start = out->len;
        if (m->kind == FPTC__FILTER_LEAF)
            put_leaf(m, out);
        else
            put_group(m, out);
        pieces[n].len = out->len - pieces[n].start;
    }
    if (n > 0 && sort_pieces(pieces, n, out) == 1 && !out->failed) {
        /* All members were the same: the group is that member. */
        size_t len = out->len - start - strlen(head);

        memmove(out->data + start, out->data + start + strlen(head), len);
        out->len = start + len;
        out->data[out->len] = '\0';
    } else {
        fptc__buf_adds(out, "]}");
    }
    free(pieces);
}

void fptc__canonical_filters(const struct fptc__filter *f, struct fptc__buf *out)
{
    size_t start = out->len;
    char *inner;

    if (f && f->kind != FPTC__FILTER_LEAF)
        put_group(f, out);
    else if (f)
        put_leaf(f, out);
    if (out->failed || (f && out->data[start] == '{'))
        return;
    /* A single condition still needs a group around it. */
    inner = f ? strdup(out->data + start) : strdup("");
    out->len = start;
    fptc__buf_adds(out, "{\"logical_operator\":\"and\",\"conditions\":[");
    fptc__buf_adds(out, inner ? inner : "");
    fptc__buf_adds(out, "]}");
    if (!inner)
        out->failed = FPTC_ENOMEM;
    free(inner);
}

void fptc__canonical_hash(const char *text, char out[33])
{
    uint64_t high = 0x6c62272e07bb0142u; /* FNV's 128-bit offset basis */
    uint64_t low = 0x62b821756295c58du;

    for (; *text; text++) {
        uint64_t a, b;

        low ^= (unsigned char)*text;
        /* Times the prime 2^88 + 0x13b, in halves of 32 bits. */
        a = (low & 0xffffffffu) * 0x13bu;
        b = (low >> 32) * 0x13bu + (a >> 32);
        high = high * 0x13bu + (b >> 32) + (low << 24);
        low = (b << 32) | (a & 0xffffffffu);
    }
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)high, (unsigned long long)low);
}
