/* pending.c: what the outbox says of writes behind that have no end yet. */
#include "view/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "view/mutation.h"

struct fptc__pending *fptc__pending_take(struct fptc__pending *p)
{
    if (p != NULL)
        atomic_fetch_add(&p->refs, 1);
    return p;
}

void fptc__pending_drop(struct fptc__pending *p)
{
    size_t i;

    if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    for (i = 0; i < p->n; i++) {
        free(p->list[i].type);
        fptc__json_free(p->list[i].data);
    }
    free(p->list);
    free(p);
}

struct reading {
    struct fptc__view *outbox;
    struct fptc__pending *p;
    fptc_status status;
    fptc_error *err;
};

static fptc_status add(struct fptc__pending *p, const struct fptc__mutation *m, fptc__json *body,
                       fptc_error *err)
{
    const char *partition = fptc__json_get_text(body, "partition");
    const fptc__json *data = fptc__json_get(body, "data");
    struct fptc__pending_write *w;

    if (p->n == p->cap) {
        size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
        struct fptc__pending_write *list = realloc(p->list, cap * sizeof(*list));

        if (list == NULL)
            return fptc__fail_nomem(err);
        p->list = list;
        p->cap = cap;
    }
    w = &p->list[p->n];
    memset(w, 0, sizeof(*w));
    memcpy(w->event, m->event, sizeof(w->event));
    memcpy(w->verb, m->verb, sizeof(w->verb));
    w->id = m->id;
    w->version = m->version;
    snprintf(w->partition, sizeof(w->partition), "%s", partition == NULL ? "" : partition);
    w->type = strdup(m->type);
    if (w->type == NULL)
        return fptc__fail_nomem(err);
    p->n++;
    if (fptc__json_is_object(data))
        w->data = fptc__json_detach(body, data);
    return FPTC_OK;
}

static int add_unsettled(const struct fptc__mutation *m, const char *text, void *payload)
{
    struct reading *r = payload;
    fptc__json *body = NULL;

    if (text == NULL || strstr(text, "\"behind\"") == NULL)
        return 0;
    r->status = fptc__json_parse(text, strlen(text), "outbox", &body, r->err);
    if (r->status == FPTC_OK && fptc__json_is_true(fptc__json_get(body, "behind")))
        r->status = add(r->p, m, body, r->err);
    fptc__json_free(body);
    return r->status != FPTC_OK;
}

/* FPT's id, once the create is settled. */
static int real_id(void *ctx, int64_t provisional, int64_t *out)
{
    struct reading *r = ctx;
    struct fptc__mutation m;
    fptc_status status = fptc__mutation_of_provisional(r->outbox, provisional, &m, NULL);

    if (status < 0)
        r->status = status;
    *out = m.id;
    return status == FPTC_OK && m.state == FPTC__MUTATION_SETTLED && m.id > 0;
}

static void resolve(struct reading *r, struct fptc__pending_write *w)
{
    fptc__json *data;
    int64_t id;

    if (w->id < 0 && strcmp(w->verb, "create") != 0 && real_id(r, w->id, &id))
        w->id = id;
    if (!fptc__names_provisional(w->data))
        return;
    data = fptc__with_real_ids(w->data, real_id, r);
    if (data == NULL) {
        r->status = fptc__fail_nomem(r->err);
        return;
    }
    fptc__json_free(w->data);
    w->data = data;
}

fptc_status fptc__pending_read(struct fptc__view *outbox, struct fptc__pending **out,
                               fptc_error *err)
{
    struct reading r = {outbox, calloc(1, sizeof(*r.p)), FPTC_OK, err};
    fptc_status status;
    size_t i;

    *out = NULL;
    if (r.p == NULL)
        return fptc__fail_nomem(err);
    atomic_init(&r.p->refs, 1);
    status = fptc__mutation_each_unsettled(outbox, add_unsettled, &r, err);
    for (i = 0; i < r.p->n && r.status == FPTC_OK && status == FPTC_OK; i++)
        resolve(&r, &r.p->list[i]);
    r.p->since_mono_ms = fptc__mono_ms();
    if (status == FPTC_OK && r.status == FPTC_OK) {
        *out = r.p;
        return FPTC_OK;
    }
    fptc__pending_drop(r.p);
    return status != FPTC_OK ? status : r.status;
}
