/* send.c: one write to FPT, once. */
#include <string.h>

#include "base/limits.h"
#include "outbox/sending.h"

static const char *const verb_names[] = {"", "create", "update", "delete", "revive"};
#define N_VERBS ((int32_t)(sizeof(verb_names) / sizeof(verb_names[0])))

const char *fptc__verb_name(int32_t verb)
{
    return verb_names[verb > 0 && verb < N_VERBS ? verb : 0];
}

int32_t fptc__verb_of(const char *name)
{
    int32_t verb = N_VERBS - 1;

    while (verb > 0 && strcmp(verb_names[verb], name) != 0)
        verb--;
    return verb;
}

int64_t fptc__send_by(const struct fptc__sending *s)
{
    int64_t half_ms = s->t->quiet_ms / 2;

    return s->attempted_mono_ms + (half_ms < FPTC_SEND_WINDOW_MS ? half_ms : FPTC_SEND_WINDOW_MS);
}

fptc_status fptc__send(const struct fptc__sending *s, fptc__json **out_row, fptc_error *err)
{
    const struct fptc__through *t = s->t;
    const struct fptc__session *f = t->follow;
    struct fptc__call call = *f->call;

    *out_row = NULL;
    call.send_by_mono_ms = fptc__send_by(s);
    switch (t->verb) {
    case FPTC_VERB_CREATE:
        return fptc__site_create(f->site, t->source->type, t->data, &call, out_row, err);
    case FPTC_VERB_UPDATE:
        return fptc__site_update(f->site, t->source->type, t->id, t->data, &call, out_row, err);
    case FPTC_VERB_REVIVE: /* FPT names the row only: it is read afterwards (settle.c) */
        return fptc__site_revive(f->site, t->source->type, t->id, &call, err);
    default:
        return fptc__site_delete(f->site, t->source->type, t->id, &call, err);
    }
}
