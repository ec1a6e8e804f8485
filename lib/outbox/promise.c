/* promise.c: what a write behind will make of its row, for its caller: the values that were written, and lists that it
   adds to or removes from as they will be. */
#include <string.h>

#include "base/limits.h"
#include "outbox/sending.h"
#include "view/pending.h"

static const char *mode_of(const fptc__json *value)
{
    return fptc__json_get_text(value, "multi_entity_update_mode");
}

struct list {
    const char *field;
    fptc__json *value; /* as it is before the write; NULL: empty */
    int is_known;
};

static int is_whole(const fptc__json *value)
{
    const char *mode = mode_of(value);

    return fptc__json_is_array(value) || (mode != NULL && strcmp(mode, "set") == 0);
}

static void change(struct list *l, const fptc__json *written)
{
    fptc__json *value;

    if (written == NULL)
        return;
    value = fptc__pending_value("multi_entity", l->value, written);
    l->is_known = value != NULL && (l->is_known || is_whole(written));
    fptc__json_free(l->value);
    l->value = value;
}

/* What the cache has; a row that is not made yet has an empty list. */
static void see_kept(struct list *l, const struct fptc__through *t)
{
    struct fptc__view *view = t->follow->view;
    enum fptc__part part = fptc__view_part_of(view, t->source->is_project_type);
    struct fptc__rows rows = {0};
    fptc__json *row = NULL;
    const fptc__json *value;
    struct fptc__buf text;

    l->is_known = t->id < 0;
    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__view_begin(view);
    if (t->id > 0 && fptc__view_row(view, part, t->source->type, t->id, &rows, NULL) == FPTC_OK)
        fptc__rows_print(&rows, 0, &text);
    fptc__view_end(view);
    if (text.len > 0)
        (void)fptc__json_parse(text.data, text.len, "row", &row, NULL);
    value = fptc__json_get(row, l->field);
    if (fptc__json_is_array(value)) {
        l->value = fptc__json_detach(row, value);
        l->is_known = 1;
    }
    fptc__json_free(row);
    fptc__buf_done(&text);
    fptc__rows_done(&rows);
}

static int change_by(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct list *l = payload;
    fptc__json *intent = NULL;

    (void)m;
    if (body != NULL &&
        fptc__json_parse_as_spelled(body, strlen(body), "outbox", &intent, NULL) == FPTC_OK)
        change(l, fptc__json_get(fptc__json_get(intent, "data"), l->field));
    fptc__json_free(intent);
    return 0;
}

static void see_waiting(struct list *l, const struct fptc__through *t, int64_t version)
{
    struct fptc__entity_writes of = fptc__writes_before(t, version);

    fptc__view_begin(t->outbox);
    (void)fptc__mutation_each_waiting(t->outbox, &of, change_by, l, NULL);
    fptc__view_end(t->outbox);
}

fptc__json *fptc__promised(const struct fptc__through *t, int64_t version)
{
    fptc__json *row = t->data != NULL ? fptc__json_copy(t->data) : fptc__json_new_object();
    const fptc__json *at, *next;
    int ok = row != NULL;

    for (at = fptc__json_first(row); at != NULL && ok; at = next) {
        struct list l = {fptc__json_key(at), NULL, 0};

        next = fptc__json_next(at);
        if (mode_of(at) == NULL)
            continue;
        see_kept(&l, t);
        see_waiting(&l, t, version);
        change(&l, at);
        if (l.is_known)
            ok = fptc__json_set(row, fptc__json_key(at), l.value);
        else
            fptc__json_free(fptc__json_detach(row, at));
        if (!l.is_known)
            fptc__json_free(l.value);
    }
    if (ok)
        return row;
    fptc__json_free(row);
    return NULL;
}
