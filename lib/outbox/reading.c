/* reading.c: rows of FPT for a look-up. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "outbox/sending.h"

#define PAGE_ROWS 500

fptc__json *fptc__condition(const char *path, const char *op, fptc__json *value)
{
    fptc__json *triple = fptc__json_new_array();
    int ok = fptc__json_append(triple, fptc__json_new_text(path));

    ok = fptc__json_append(triple, fptc__json_new_text(op)) && ok;
    ok = fptc__json_append(triple, value) && ok;
    if (ok)
        return triple;
    fptc__json_free(triple);
    return NULL;
}

/* Takes the conditions over. */
static fptc_status ask(const struct fptc__sending *s, struct fptc__search *search,
                       fptc__json *conditions, struct fptc__page *page, fptc_error *err)
{
    const struct fptc__session *f = s->t->follow;
    fptc__json *filters = fptc__json_new_object();
    fptc_status status = FPTC_OK;
    int ok = fptc__json_set(filters, "logical_operator", fptc__json_new_text("and"));

    ok = fptc__json_set(filters, "conditions", conditions) && ok;
    search->filters = filters;
    status = ok ? fptc__site_search(f->site, search, f->call, page, err) : fptc__fail_nomem(err);
    fptc__json_free(filters);
    return status;
}

fptc_status fptc__read_row(const struct fptc__sending *s, int64_t id, const char *fields,
                           int is_retired, fptc__json **out, fptc_error *err)
{
    struct fptc__search search = {s->t->source->type, NULL, fields, "id", 1, 1, is_retired, 0};
    struct fptc__page page = {NULL, 0, 0};
    fptc__json *conditions = fptc__json_new_array();
    fptc_status status = FPTC_OK;

    *out = NULL;
    if (!fptc__json_append(conditions, fptc__condition("id", "is", fptc__json_new_int(id)))) {
        fptc__json_free(conditions);
        return fptc__fail_nomem(err);
    }
    status = ask(s, &search, conditions, &page, err);
    if (status == FPTC_OK && fptc__json_size(page.rows) == 1)
        *out = fptc__json_detach(page.rows, fptc__json_first(page.rows));
    else if (status == FPTC_OK)
        status = FPTC_MISS;
    fptc__page_done(&page);
    return status;
}

fptc_status fptc__read_above(const struct fptc__sending *s, const struct fptc__rows_above *of,
                             fptc_error *err)
{
    struct fptc__search search = {s->t->source->type, NULL, of->fields,     "id",
                                  PAGE_ROWS,          1,    of->is_retired, 0};
    int64_t after = of->after;
    fptc_status status = FPTC_OK;
    int is_last = 0;

    while (status == FPTC_OK && !is_last) {
        struct fptc__page page = {NULL, 0, 0};
        fptc__json *conditions = fptc__json_copy(of->conditions);
        const fptc__json *row;

        if (!fptc__json_append(conditions,
                               fptc__condition("id", "greater_than", fptc__json_new_int(after)))) {
            fptc__json_free(conditions);
            return fptc__fail_nomem(err);
        }
        status = ask(s, &search, conditions, &page, err);
        is_last = page.is_last;
        for (row = fptc__json_first(page.rows); row != NULL && status == FPTC_OK;
             row = fptc__json_next(row)) {
            after = fptc__json_get_int(row, "id");
            status = of->each(of->payload, row, of->is_retired, err);
        }
        fptc__page_done(&page);
    }
    return status;
}
