#include "outbox/orphan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"
#include "outbox/sending.h"

/* The write, and those of its batch. */
struct family {
    struct fptc__view *outbox;
    const struct fptc__mutation *of;
    struct fptc__through_result out;
    struct fptc__mutation *list;
    struct fptc__through *writes;
    struct fptc__sending *sending;
    size_t n;
};

static fptc_status look(struct fptc__view *outbox, const struct fptc__mutation *m,
                        const fptc__json *intent, struct fptc__mutation *out_maker, fptc_error *err)
{
    return fptc__refs_look(outbox, strcmp(m->verb, "create") == 0 ? 0 : m->id,
                           fptc__json_get(intent, "data"), out_maker, err);
}

int fptc__is_orphan(struct fptc__view *outbox, const struct fptc__mutation *m,
                    const fptc__json *intent)
{
    struct fptc__mutation maker;

    return m->state == FPTC__MUTATION_INTENT &&
           look(outbox, m, intent, &maker, NULL) == FPTC_EREFUSED &&
           maker.state == FPTC__MUTATION_DROPPED;
}

static int take(const struct fptc__mutation *m, const char *body, void *payload)
{
    struct family *f = payload;
    int is_own = strcmp(m->event, f->of->event) == 0;

    (void)body;
    if (is_own || (f->of->batch[0] != '\0' && strcmp(m->batch, f->of->batch) == 0))
        f->list[f->n++] = *m;
    return f->n == FPTC_BATCH_OWN_MAX || (is_own && f->of->batch[0] == '\0');
}

/* Why it is refused; FPTC_OK: it need not be, any more. */
static fptc_status find(struct family *f, fptc_error *err)
{
    struct fptc__mutation maker;
    fptc__json *intent = NULL;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status;

    fptc__view_begin(f->outbox);
    status = fptc__mutation_each_unsettled(f->outbox, take, f, err);
    if (status == FPTC_OK)
        status = fptc__mutation_body(f->outbox, f->of->event, &intent, err);
    if (status == FPTC_OK)
        status = look(f->outbox, f->of, intent, &maker, &why);
    fptc__view_end(f->outbox);
    fptc__json_free(intent);
    if (status == FPTC_EREFUSED && err != NULL)
        *err = why;
    return status == FPTC_PENDING ? FPTC_OK : status;
}

static fptc_status refuse(struct family *f, const struct fptc__session *follow, fptc_error *err)
{
    const char *text = err != NULL ? err->message : "a row that it names was given up";
    const struct fptc__ending e = {.why = "refused", .text = text};
    fptc_error failed = FPTC_ERROR_INIT;
    int64_t now_ms;
    fptc_status status = follow->now(follow->ctx, &now_ms, &failed);
    size_t at, i;

    for (i = 0; i < f->n; i++) {
        f->writes[i].outbox = f->outbox;
        f->writes[i].follow = follow;
        f->writes[i].verb = fptc__verb_of(f->list[i].verb);
        f->writes[i].event = f->list[i].event;
        f->sending[i].t = &f->writes[i];
        f->sending[i].out = &f->out;
        f->sending[i].no = f->list[i].attempts;
        f->sending[i].asof_ms = now_ms;
    }
    if (status == FPTC_OK && f->n > 0)
        status = fptc__settle_all(f->sending, f->n, &e, &at, &failed);
    if (status == FPTC_OK || status == FPTC_MISS)
        return FPTC_EREFUSED;
    if (err != NULL)
        *err = failed;
    return status;
}

fptc_status fptc__orphan_refuse(struct fptc__view *outbox, const struct fptc__session *follow,
                                const struct fptc__mutation *m, fptc_error *err)
{
    size_t room = m->batch[0] != '\0' ? FPTC_BATCH_OWN_MAX : 1;
    struct family f = {.outbox = outbox, .of = m};
    fptc_status status;

    f.list = calloc(room, sizeof(*f.list));
    f.writes = calloc(room, sizeof(*f.writes));
    f.sending = calloc(room, sizeof(*f.sending));
    status = f.list == NULL || f.writes == NULL || f.sending == NULL ? fptc__fail_nomem(err)
                                                                     : find(&f, err);
    if (status == FPTC_EREFUSED)
        status = refuse(&f, follow, err);
    free(f.list);
    free(f.writes);
    free(f.sending);
    return status;
}
