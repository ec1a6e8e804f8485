#include "store/shun.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

void fptc__shun_init(struct fptc__shun *s)
{
    memset(s->list, 0, sizeof(s->list));
    pthread_mutex_init(&s->mutex, NULL);
}

void fptc__shun_done(struct fptc__shun *s)
{
    pthread_mutex_destroy(&s->mutex);
}

/* What was met long ago counts no more, unless it is damage. */
static int is_old(const struct fptc__shunned *e)
{
    return !e->is_damaged && fptc__mono_ms() - e->met_mono_ms > FPTC_SHUN_MS;
}

/* With the mutex. */
static struct fptc__shunned *find(struct fptc__shun *s, const char *name)
{
    for (size_t i = 0; i < FPTC__SHUNNED_MAX; i++) {
        if (s->list[i].met_mono_ms && strcmp(s->list[i].name, name) == 0)
            return &s->list[i];
    }
    return NULL;
}

/* With the mutex: the place of a new entry. */
static struct fptc__shunned *oldest(struct fptc__shun *s)
{
    struct fptc__shunned *out = &s->list[0];
    for (size_t i = 1; i < FPTC__SHUNNED_MAX; i++) {
        if (s->list[i].met_mono_ms < out->met_mono_ms)
            out = &s->list[i];
    }
    memset(out, 0, sizeof(*out));
    return out;
}

void fptc__shun_note(struct fptc__shun *s, const char *name, fptc_status met)
{
    if (name[0] == '\0')
        return;
    pthread_mutex_lock(&s->mutex);
    struct fptc__shunned *e = find(s, name);
    int is_again = e != NULL && !is_old(e);
    if (e == NULL)
        e = oldest(s);
    snprintf(e->name, sizeof(e->name), "%s", name);
    e->is_damaged = e->is_damaged || met == FPTC_EDAMAGED;
    e->is_given_up = e->is_damaged || is_again;
    e->met_mono_ms = fptc__mono_ms();
    pthread_mutex_unlock(&s->mutex);
}

int fptc__shun_has(struct fptc__shun *s, const char *name)
{
    pthread_mutex_lock(&s->mutex);
    const struct fptc__shunned *e = find(s, name);
    int is = e != NULL && e->is_given_up && !is_old(e);
    pthread_mutex_unlock(&s->mutex);
    return is;
}

void fptc__shun_pardon(struct fptc__shun *s, const char *name)
{
    pthread_mutex_lock(&s->mutex);
    struct fptc__shunned *e = find(s, name);
    if (e != NULL)
        memset(e, 0, sizeof(*e));
    pthread_mutex_unlock(&s->mutex);
}
