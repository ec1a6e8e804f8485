/* record.c: growing lists of records. A list owns its bodies; a commit borrows them. */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

static fptc_status grow(struct fptc__records *list, fptc_error *err)
{
    if (list->n < list->cap)
        return FPTC_OK;
    if (list->n >= FPTC_COMMIT_RECORDS_MAX)
        return fptc__fail(err, FPTC_ELIMIT, "a commit holds at most %u records",
                          FPTC_COMMIT_RECORDS_MAX);
    size_t cap = list->cap ? list->cap * 2 : 8;
    struct fptc__record *bigger = realloc(list->list, cap * sizeof(*bigger));
    if (!bigger)
        return fptc__fail_nomem(err);
    list->list = bigger;
    list->cap = cap;
    return FPTC_OK;
}

/* Takes `body` over, also on failure. */
static fptc_status add_owned(struct fptc__records *list, struct fptc__record record, char *body,
                             size_t n_rows, fptc_error *err)
{
    fptc_status status = FPTC_OK;
    if (list->rows + n_rows > FPTC_COMMIT_ROWS_MAX)
        status =
            fptc__fail(err, FPTC_ELIMIT, "a commit changes at most %u rows", FPTC_COMMIT_ROWS_MAX);
    if (status == FPTC_OK)
        status = grow(list, err);
    if (status != FPTC_OK) {
        free(body);
        return status;
    }
    record.body = body;
    list->list[list->n++] = record;
    list->bytes += record.len;
    list->rows += n_rows;
    return FPTC_OK;
}

fptc_status fptc__records_add(struct fptc__records *list, uint16_t kind, const char *text,
                              size_t len, size_t n_rows, fptc_error *err)
{
    if (len > FPTC_RECORD_BYTES_MAX)
        return fptc__fail(err, FPTC_ELIMIT, "a record holds at most %u bytes",
                          FPTC_RECORD_BYTES_MAX);
    char *body = malloc(len + 1);
    if (!body)
        return fptc__fail_nomem(err);
    if (len)
        memcpy(body, text, len);
    body[len] = '\0';
    return add_owned(list, (struct fptc__record){.kind = kind, .len = len}, body, n_rows, err);
}

fptc_status fptc__records_add_json(struct fptc__records *list, uint16_t kind,
                                   const fptc__json *body, fptc_error *err)
{
    struct fptc__buf text;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__json_print(body, &text);
    fptc_status status = fptc__buf_check(&text, "a record", err);
    size_t len = text.len;
    char *owned = status == FPTC_OK ? fptc__buf_steal(&text) : NULL;
    if (status == FPTC_OK && !owned)
        status = fptc__fail_nomem(err);
    fptc__buf_done(&text);
    if (status != FPTC_OK)
        return status;
    size_t n_rows = fptc__json_size(fptc__json_get(body, "rows"));
    return add_owned(list, (struct fptc__record){.kind = kind, .len = len}, owned, n_rows, err);
}

void fptc__records_done(struct fptc__records *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((void *)(uintptr_t)list->list[i].body);
    free(list->list);
    *list = (struct fptc__records){0};
}
