/*
 * table_fieldset.c: which fields a row holds, by number.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/tables_apply.h"

/* Adds to the cache; takes over `has` in every case. */
static fptc_status keep_set(struct fptc__shape *shape, int64_t no, unsigned char *has, size_t n,
                            const struct fptc__fieldset **out, fptc_error *err)
{
    struct fptc__fieldset *set;

    if (!fptc__tables_room(&shape->sets, &shape->cap_sets, shape->n_sets, sizeof(*set))) {
        free(has);
        return fptc__fail_nomem(err);
    }
    set = &shape->sets[shape->n_sets++];
    set->no = no;
    set->n = n;
    set->has = has;
    *out = set;
    return FPTC_OK;
}

static fptc_status parse_set(struct fptc__shape *shape, const char *text, unsigned char *has,
                             fptc_error *err)
{
    fptc__json *names = NULL;
    const fptc__json *name;
    fptc_status status = fptc__json_parse(text, strlen(text), "a field set", &names, err);
    size_t i;

    for (name = fptc__json_first(names); name; name = fptc__json_next(name)) {
        i = fptc__json_text(name) ? fptc__shape_find(shape, fptc__json_text(name))
                                  : shape->n_columns;
        if (i < shape->n_columns)
            has[i] = 1;
    }
    fptc__json_free(names);
    return status == FPTC_EUSAGE ? FPTC_EDAMAGED : status;
}

fptc_status fptc__fieldset_get(struct fptc__tables *t, struct fptc__shape *shape, int64_t no,
                               const struct fptc__fieldset **out, fptc_error *err)
{
    sqlite3_stmt *stmt;
    unsigned char *has;
    fptc_status status;
    size_t i;

    *out = NULL;
    for (i = 0; i < shape->n_sets; i++) {
        if (shape->sets[i].no == no) {
            *out = &shape->sets[i];
            return FPTC_OK;
        }
    }
    status = fptc__tables_stmt(t, FPTC__SET_GET, &stmt, err);
    if (status != FPTC_OK)
        return status;
    (void)sqlite3_bind_int64(stmt, 1, no);
    (void)sqlite3_bind_text(stmt, 2, shape->type, -1, SQLITE_STATIC);
    status = fptc__tables_first(t, stmt, "reading a field set", err);
    if (status != FPTC_OK)
        return status == FPTC_MISS ? FPTC_OK : status;
    has = calloc(shape->n_columns + 1, 1);
    if (has && sqlite3_column_text(stmt, 0))
        status = parse_set(shape, (const char *)sqlite3_column_text(stmt, 0), has, err);
    else
        status = fptc__fail_nomem(err);
    (void)sqlite3_reset(stmt);
    if (status != FPTC_OK) {
        free(has);
        return status;
    }
    return keep_set(shape, no, has, shape->n_columns, out, err);
}

static int compare_texts(const void *a, const void *b)
{
    const char *left, *right;

    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return strcmp(left, right);
}

static fptc_status set_text(const struct fptc__shape *shape, const unsigned char *has,
                            struct fptc__buf *out, fptc_error *err)
{
    const char **names = calloc(shape->n_columns + 1, sizeof(*names));
    size_t i, n = 0;

    if (!names)
        return fptc__fail_nomem(err);
    for (i = 0; i < shape->n_columns; i++) {
        if (has[i])
            names[n++] = shape->columns[i].field;
    }
    qsort(names, n, sizeof(*names), compare_texts);
    fptc__buf_addc(out, '[');
    for (i = 0; i < n; i++) {
        if (i > 0)
            fptc__buf_addc(out, ',');
        fptc__json_put_text(out, names[i], strlen(names[i]));
    }
    fptc__buf_addc(out, ']');
    free(names);
    return fptc__buf_check(out, "a field set", err);
}

/* The number of the set with this text: found, else made. */
static fptc_status number_set(struct fptc__tables *t, const struct fptc__shape *shape,
                              const char *text, int64_t *out, fptc_error *err)
{
    static const int stmts[] = {FPTC__SET_FIND, FPTC__SET_PUT};
    fptc_status status = FPTC_MISS;
    sqlite3_stmt *stmt;
    size_t i;

    for (i = 0; status == FPTC_MISS && i < 2; i++) {
        status = fptc__tables_stmt(t, stmts[i], &stmt, err);
        if (status != FPTC_OK)
            break;
        (void)sqlite3_bind_text(stmt, 1, shape->type, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
        status = fptc__tables_first(t, stmt, "numbering a field set", err);
        if (status == FPTC_OK)
            *out = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
    }
    return status;
}

static int same_set(const struct fptc__fieldset *set, const unsigned char *has, size_t n)
{
    size_t i;

    if (memcmp(set->has, has, set->n) != 0)
        return 0;
    for (i = set->n; i < n; i++) {
        if (has[i])
            return 0;
    }
    return 1;
}

fptc_status fptc__fieldset_no(struct fptc__tables *t, struct fptc__shape *shape, unsigned char *has,
                              int64_t *out, fptc_error *err)
{
    const struct fptc__fieldset *kept;
    struct fptc__buf text;
    fptc_status status;
    size_t i;

    for (i = 0; i < shape->n_sets; i++) {
        if (same_set(&shape->sets[i], has, shape->n_columns)) {
            *out = shape->sets[i].no;
            free(has);
            return FPTC_OK;
        }
    }
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    status = set_text(shape, has, &text, err);
    if (status == FPTC_OK)
        status = number_set(t, shape, text.data, out, err);
    fptc__buf_done(&text);
    if (status != FPTC_OK) {
        free(has);
        return status;
    }
    return keep_set(shape, *out, has, shape->n_columns, &kept, err);
}
