/* shown.c: what a view shows of pending writes (layer.c), as SQL and others ask about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

uint64_t fptc__layer_number(const struct fptc__view *v)
{
    return v->layer.is_shown ? v->layer.number : 0;
}

static struct fptc__replaced *of_type(struct fptc__view_part *part, const char *type)
{
    size_t i;

    for (i = 0; i < part->n_replaced; i++) {
        if (strcmp(part->replaced[i].type, type) == 0)
            return &part->replaced[i];
    }
    return NULL;
}

int fptc__layer_has_type(struct fptc__view_part *part, const char *type)
{
    const struct fptc__replaced *of = part->pending == NULL ? NULL : of_type(part, type);

    return of != NULL && of->is_layered;
}

int fptc__view_is_pending(struct fptc__view *v, const char *type, int64_t id)
{
    const struct fptc__replaced *of;
    size_t i;

    for (i = 0; i < v->n_parts && v->layer.is_shown; i++) {
        of = of_type(&v->parts[i], type);
        if (of != NULL && fptc__idset_has(&of->pending, id))
            return 1;
    }
    return 0;
}

int fptc__pending_name_compare(const void *left, const void *right)
{
    const struct fptc__pending_name *a = left, *b = right;
    int c = strcmp(a->type, b->type);

    return c != 0 ? c : (a->id > b->id) - (a->id < b->id);
}

int fptc__layer_name(const struct fptc__view *v, const char *type, int64_t id,
                     const struct fptc__pending_name **out)
{
    struct fptc__pending_name key = {(char *)(uintptr_t)type, id, NULL, 0};

    *out = v->layer.n_names == 0 ? NULL
                                 : bsearch(&key, v->layer.names, v->layer.n_names,
                                           sizeof(*v->layer.names), fptc__pending_name_compare);
    return *out != NULL;
}

int fptc__view_settled_id(void *view, int64_t provisional, int64_t *out)
{
    const struct fptc__layer *l = &((struct fptc__view *)view)->layer;
    size_t i;

    for (i = 0; i < l->n_settled; i++) {
        *out = l->settled[i].id;
        if (l->settled[i].provisional == provisional)
            return 1;
    }
    return 0;
}

int fptc__view_lacks_pending(const struct fptc__view *v, const char *type)
{
    size_t i;

    for (i = 0; i < v->layer.n_lacks && v->layer.is_shown; i++) {
        if (strcmp(v->layer.lacks[i], type) == 0)
            return 1;
    }
    return 0;
}

fptc_status fptc__view_pending_ids(struct fptc__view *v, const char *type, fptc__json *out,
                                   fptc_error *err)
{
    const struct fptc__replaced *of;
    size_t i, k;

    for (i = 0; i < v->n_parts && v->layer.is_shown; i++) {
        of = of_type(&v->parts[i], type);
        for (k = 0; of != NULL && k < of->pending.cap; k++) {
            if (of->pending.slots[k] != 0 &&
                !fptc__json_append(out, fptc__json_new_int(of->pending.slots[k])))
                return fptc__fail_nomem(err);
        }
    }
    return FPTC_OK;
}

/* fptc_hidden(part, slot): the settled rows that only pending ones replace, as a JSON array of ids. */
void fptc__sql_hidden(sqlite3_context *context, int n, sqlite3_value **args)
{
    struct fptc__view *v = sqlite3_user_data(context);
    const struct fptc__view_part *part = &v->parts[sqlite3_value_int(args[0]) != 0];
    size_t i, slot = (size_t)sqlite3_value_int64(args[1]);
    const struct fptc__replaced *of = slot < part->n_replaced ? &part->replaced[slot] : NULL;
    struct fptc__buf out;

    (void)n;
    fptc__buf_init(&out, FPTC_RESULT_BYTES_MAX);
    fptc__buf_addc(&out, '[');
    for (i = 0; of != NULL && i < of->pending.cap; i++) {
        int64_t id = of->pending.slots[i];

        if (id > 0 && !fptc__idset_has(&of->ids, id))
            fptc__buf_addf(&out, "%s%lld", out.len > 1 ? "," : "", (long long)id);
    }
    fptc__buf_addc(&out, ']');
    if (out.failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, out.data, (int)out.len, SQLITE_TRANSIENT);
    fptc__buf_done(&out);
}
