/* plancache.c: see plancache.h. A table of chains, each entry with the time of its last use. */
#include "query/plancache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 512u

struct entry {
    struct entry *next;
    uint64_t hash;
    uint64_t last_used;
    struct fptc__shape *shape;
    size_t key_len;
    char key[];
};

struct fptc__plan_cache {
    pthread_mutex_t mutex; /* guards what follows */
    struct entry *chains[CHAINS];
    size_t n;
    uint64_t now; /* counts uses */
};

struct fptc__plan_cache *fptc__plan_cache_new(void)
{
    struct fptc__plan_cache *c = calloc(1, sizeof(*c));

    if (c && pthread_mutex_init(&c->mutex, NULL) != 0) {
        free(c);
        c = NULL;
    }
    return c;
}

static void entry_free(struct entry *e)
{
    fptc__shape_drop(e->shape);
    free(e);
}

void fptc__plan_cache_free(struct fptc__plan_cache *c)
{
    size_t i;

    if (!c)
        return;
    for (i = 0; i < CHAINS; i++) {
        while (c->chains[i]) {
            struct entry *e = c->chains[i];

            c->chains[i] = e->next;
            entry_free(e);
        }
    }
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static uint64_t hash_of(const struct fptc__buf *key)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    size_t i;

    for (i = 0; i < key->len; i++)
        h = (h ^ (unsigned char)key->data[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

static struct entry *find(const struct fptc__plan_cache *c, uint64_t hash,
                          const struct fptc__buf *key)
{
    struct entry *e = c->chains[hash % CHAINS];

    while (e &&
           (e->hash != hash || e->key_len != key->len || memcmp(e->key, key->data, key->len) != 0))
        e = e->next;
    return e;
}

struct fptc__shape *fptc__plan_cache_find(struct fptc__plan_cache *c, const struct fptc__buf *key)
{
    struct fptc__shape *shape = NULL;
    uint64_t hash = hash_of(key);
    struct entry *e;

    pthread_mutex_lock(&c->mutex);
    e = find(c, hash, key);
    if (e) {
        e->last_used = ++c->now;
        shape = e->shape;
        fptc__shape_take(shape);
    }
    pthread_mutex_unlock(&c->mutex);
    return shape;
}

static void drop_oldest(struct fptc__plan_cache *c)
{
    struct entry **oldest = NULL;
    struct entry **at;
    struct entry *e;
    size_t i;

    for (i = 0; i < CHAINS; i++) {
        for (at = &c->chains[i]; *at; at = &(*at)->next) {
            if (!oldest || (*at)->last_used < (*oldest)->last_used)
                oldest = at;
        }
    }
    if (!oldest)
        return;
    e = *oldest;
    *oldest = e->next;
    entry_free(e);
    c->n--;
}

void fptc__plan_cache_add(struct fptc__plan_cache *c, const struct fptc__buf *key,
                          struct fptc__shape *shape)
{
    struct entry *e = NULL;

    if (key->len <= FPTC__SHAPE_KEY_BYTES_MAX)
        e = malloc(sizeof(*e) + key->len);
    if (!e)
        return;
    e->hash = hash_of(key);
    e->shape = shape;
    e->key_len = key->len;
    memcpy(e->key, key->data, key->len);
    fptc__shape_take(shape);
    pthread_mutex_lock(&c->mutex);
    if (find(c, e->hash, key)) { /* another thread was as fast */
        entry_free(e);
    } else {
        if (c->n == FPTC__PLAN_SHAPES_MAX)
            drop_oldest(c);
        e->last_used = ++c->now;
        e->next = c->chains[e->hash % CHAINS];
        c->chains[e->hash % CHAINS] = e;
        c->n++;
    }
    pthread_mutex_unlock(&c->mutex);
}

size_t fptc__plan_cache_size(struct fptc__plan_cache *c)
{
    size_t n;

    pthread_mutex_lock(&c->mutex);
    n = c->n;
    pthread_mutex_unlock(&c->mutex);
    return n;
}
