#include "api/party.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "outbox/refs.h"

struct fptc__party_home {
    char partition[64];
    struct fptc__work work;
};

struct fptc__party_source {
    char type[256];
    const struct fptc__party_home *home;
    struct fptc__source source;
    fptc__json *types;
};

fptc_status fptc__party_begin(struct fptc__party *p, struct fptc_cache *cache,
                              const struct fptc__call *call, size_t room, fptc_error *err)
{
    fptc_status status = FPTC_OK;

    memset(p, 0, sizeof(*p));
    p->cache = cache;
    p->call = call;
    p->room = room;
    p->members = calloc(room, sizeof(*p->members));
    p->recorded = calloc(room, sizeof(*p->recorded));
    p->events = calloc(room, sizeof(*p->events));
    p->homes = calloc(room, sizeof(struct fptc__party_home *));
    p->sources = calloc(room, sizeof(struct fptc__party_source *));
    if (p->members == NULL || p->recorded == NULL || p->events == NULL || p->homes == NULL ||
        p->sources == NULL)
        return fptc__fail_nomem(err);
    status = fptc__work_begin(&p->outbox, cache, call, "outbox", err);
    return status == FPTC_OK ? fptc__view_refresh(p->outbox.session.view, 0, err) : status;
}

void fptc__party_end(struct fptc__party *p)
{
    size_t i;

    for (i = 0; i < p->n; i++) {
        fptc__json_free(p->members[i].out.row);
        fptc__json_free(p->members[i].merged);
        fptc__recorded_done(&p->recorded[i]);
    }
    for (i = 0; i < p->n_sources; i++) {
        fptc__json_free(p->sources[i]->types);
        free(p->sources[i]);
    }
    for (i = 0; i < p->n_homes; i++) {
        fptc__work_end(&p->homes[i]->work);
        free(p->homes[i]);
    }
    fptc__work_end(&p->outbox);
    free(p->sources);
    free(p->homes);
    free(p->events);
    free(p->recorded);
    free(p->members);
    memset(p, 0, sizeof(*p));
}

static fptc_status home_of(struct fptc__party *p, const char *partition,
                           struct fptc__party_home **out, fptc_error *err)
{
    struct fptc__party_home *home;
    fptc_status status;
    size_t i;

    for (i = 0; i < p->n_homes; i++) {
        if (strcmp(p->homes[i]->partition, partition) == 0) {
            *out = p->homes[i];
            return FPTC_OK;
        }
    }
    home = calloc(1, sizeof(*home));
    if (home == NULL)
        return fptc__fail_nomem(err);
    snprintf(home->partition, sizeof(home->partition), "%s", partition);
    status = fptc__work_begin(&home->work, p->cache, p->call, partition, err);
    if (status == FPTC_OK) /* `seen` is the head now */
        status = fptc__view_refresh(home->work.session.view, 0, err);
    if (status != FPTC_OK) {
        fptc__work_end(&home->work);
        free(home);
        return status;
    }
    p->homes[p->n_homes++] = *out = home;
    return FPTC_OK;
}

static fptc_status source_of(struct fptc__party *p, const char *type, struct fptc__party_home *home,
                             struct fptc__party_source **out, fptc_error *err)
{
    struct fptc__party_source *s;
    fptc_status status;
    size_t i;

    for (i = 0; i < p->n_sources; i++) {
        if (p->sources[i]->home == home && strcmp(p->sources[i]->type, type) == 0) {
            *out = p->sources[i];
            return FPTC_OK;
        }
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return fptc__fail_nomem(err);
    snprintf(s->type, sizeof(s->type), "%s", type);
    s->home = home;
    s->source.type = s->type;
    status =
        fptc__kept_types(&home->work, s->type, NULL, 0, &s->types, &s->source.is_project_type, err);
    if (status != FPTC_OK) {
        free(s);
        return status;
    }
    s->source.types = s->types;
    p->sources[p->n_sources++] = *out = s;
    return FPTC_OK;
}

/* The next member, with what it works with. */
static fptc_status add(struct fptc__party *p, const char *type, const char *partition,
                       struct fptc__party_home **out_home, struct fptc__member **out,
                       fptc_error *err)
{
    struct fptc__member *m = &p->members[p->n];
    struct fptc__party_source *source = NULL;
    struct fptc__party_home *home = NULL;
    fptc_status status = home_of(p, partition[0] != '\0' ? partition : "site", &home, err);

    if (status == FPTC_OK)
        status = source_of(p, type, home, &source, err);
    *out_home = home;
    if (status != FPTC_OK)
        return status;
    memset(m, 0, sizeof(*m));
    m->t.outbox = p->outbox.session.view;
    m->t.follow = &home->work.session;
    m->t.source = &source->source;
    m->t.event = p->events[p->n];
    m->t.identity = fptc__site_identity(p->cache->site);
    m->t.quiet_ms = fptc__handle_quiet_ms(p->cache);
    *out = m;
    return FPTC_OK;
}

fptc_status fptc__party_add(struct fptc__party *p, const struct fptc__intent *t,
                            const char *partition, fptc_error *err)
{
    struct fptc__party_home *home;
    struct fptc__member *m;
    fptc_status status = add(p, t->type, partition, &home, &m, err);

    if (status != FPTC_OK)
        return status;
    memcpy(p->events[p->n++], t->event, sizeof(t->event));
    m->t.verb = t->verb;
    m->t.id = t->id;
    m->t.data = t->data;
    m->t.marker = t->verb == FPTC_VERB_CREATE ? fptc__handle_marker(p->cache, t->type) : NULL;
    if (m->t.marker != NULL && fptc__json_get(t->data, m->t.marker) != NULL)
        m->t.marker = NULL; /* its caller writes that */
    if (m->t.marker != NULL && !fptc__json_set(t->data, m->t.marker, fptc__json_new_text(t->event)))
        return fptc__fail_nomem(err);
    if (m->t.id > 0) { /* earlier writes to the row may name it so */
        fptc__view_begin(m->t.outbox);
        m->t.alias = fptc__ref_alias(m->t.outbox, t->type, t->id);
        fptc__view_end(m->t.outbox);
    }
    m->t.terms = t->terms;
    m->t.terms.partition = partition[0] != '\0' ? home->partition : NULL;
    return FPTC_OK;
}

fptc_status fptc__party_add_recorded(struct fptc__party *p, const struct fptc__mutation *w,
                                     const char *partition, fptc_error *err)
{
    struct fptc__recorded *r = &p->recorded[p->n];
    struct fptc__party_home *home;
    struct fptc__member *m;
    fptc_status status = add(p, w->type, partition, &home, &m, err);

    if (status == FPTC_OK)
        status = fptc__recorded_read(p->outbox.session.view, w, r, err);
    if (status != FPTC_OK) {
        fptc__recorded_done(r);
        return status;
    }
    memcpy(p->events[p->n++], w->event, sizeof(w->event));
    m->t.verb = fptc__verb_of(w->verb);
    m->t.id = r->id;
    m->t.alias = r->alias;
    m->t.data = r->data;
    m->t.marker = fptc__json_get_text(r->intent, "marker");
    m->t.terms = r->terms;
    m->intent = r->intent;
    m->version = w->version;
    m->attempts = w->attempts;
    m->decided_asof_ms = w->decided_asof_ms;
    return FPTC_OK;
}

void fptc__party_place(struct fptc__party *p, int64_t id, char partition[64])
{
    struct fptc__view *outbox = p->outbox.session.view;
    struct fptc__mutation maker;
    fptc__json *intent = NULL;
    const char *name;

    fptc__view_begin(outbox);
    if (fptc__mutation_of_provisional(outbox, id, &maker, NULL) == FPTC_OK &&
        fptc__mutation_body(outbox, maker.event, &intent, NULL) == FPTC_OK) {
        name = intent != NULL ? fptc__json_get_text(intent, "partition") : maker.partition;
        snprintf(partition, 64, "%s", name != NULL ? name : "");
    }
    fptc__view_end(outbox);
    fptc__json_free(intent);
}

int fptc__party_is_due(const struct fptc__party *p, const struct fptc__mutation *m)
{
    int64_t now_ms = 0;

    return fptc__handle_now(p->cache, &now_ms, NULL) == FPTC_OK &&
           fptc__write_is_due(m, now_ms, fptc__handle_quiet_ms(p->cache));
}

/* Later finds of this handle look at what it has done. */
static void tell_handle(struct fptc__party *p)
{
    int n_done = 0, n_lost = 0;
    size_t i;

    for (i = 0; i < p->n; i++) {
        int is_done = p->members[i].end == FPTC_OK || p->members[i].end == FPTC_MISS;

        n_done += is_done;
        n_lost += is_done && !p->members[i].out.is_row_kept;
    }
    if (n_lost > 0)
        fptc__handle_distrust(p->cache);
    for (i = 0; i < p->n_homes && n_done > 0; i++)
        (void)fptc__view_refresh(p->homes[i]->work.session.view, 0, NULL);
    fptc__handle_has_committed(p->cache);
    pthread_mutex_lock(&p->cache->mutex);
    p->cache->counters.writes += n_done;
    pthread_mutex_unlock(&p->cache->mutex);
}

fptc_status fptc__party_send(struct fptc__party *p, fptc_error *err)
{
    fptc_status status = fptc__group_run(p->members, p->n, 0, err);

    if (status == FPTC_OK) /* else nothing was tried, and no member has an end */
        tell_handle(p);
    return status;
}

fptc_status fptc__party_send_whole(struct fptc__party *p, fptc_error *err)
{
    fptc_status status = fptc__whole_send(p->members, p->n, err);

    if (status == FPTC_OK) /* else nothing was tried, and no member has an end */
        tell_handle(p);
    return status;
}

fptc_status fptc__party_finish_whole(struct fptc__party *p, int was_sent, fptc_error *err)
{
    fptc_status status = fptc__whole_finish(p->members, p->n, was_sent, err);

    if (status == FPTC_OK) /* else nothing was tried, and no member has an end */
        tell_handle(p);
    return status;
}

fptc_status fptc__party_leave(struct fptc__party *p, fptc_error *err)
{
    fptc_status status = fptc__behind(p->members, p->n, err);

    atomic_store(&p->cache->leaves_writes, 1);
    fptc__handle_has_committed(p->cache);
    return status;
}
