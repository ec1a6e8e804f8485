/*
 * asked.c: counts what is asked of the covered types, and now and then puts the counts into the logs of
 * their partitions (record.h, kind usage): the next snapshot is indexed by them. Nobody waits for that,
 * and nobody is told when it fails: a directory that cannot be written to is read all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "base/limits.h"

struct asked {
    char partition[64];
    char *type, *wish;
    int64_t uses;
};

struct fptc__asked {
    struct asked list[FPTC_USAGE_COUNTED_MAX];
    size_t n;
    int64_t n_finds;       /* that wished for anything, since the counts were put away last */
    int64_t put_mono_ms;   /* when that was; 0: never */
    int64_t n_own_commits; /* of the handle, then */
};

static void forget(struct fptc__asked *a)
{
    while (a->n > 0) {
        a->n--;
        free(a->list[a->n].type);
        free(a->list[a->n].wish);
    }
}

void fptc__asked_free(struct fptc__asked *a)
{
    if (a == NULL)
        return;
    forget(a);
    free(a);
}

/* --- counting --------------------------------------------------------------------------------- */

static void add(struct fptc__asked *a, const char *partition, const struct fptc__usage *u)
{
    struct asked *entry = a->list;
    char *type, *wish;
    size_t i;

    for (i = 0; i < a->n; i++, entry++) {
        if (strcmp(entry->wish, u->wish) == 0 && strcmp(entry->type, u->type) == 0 &&
            strcmp(entry->partition, partition) == 0) {
            entry->uses++;
            return;
        }
    }
    if (a->n == FPTC_USAGE_COUNTED_MAX)
        return;
    type = strdup(u->type);
    wish = strdup(u->wish);
    if (type == NULL || wish == NULL) {
        free(type);
        free(wish);
        return;
    }
    entry = &a->list[a->n++];
    memcpy(entry->partition, partition, strlen(partition) + 1);
    entry->type = type;
    entry->wish = wish;
    entry->uses = 1;
}

static int is_due(const struct fptc_cache *cache, const struct fptc__asked *a)
{
    if (a->put_mono_ms != 0 && fptc__mono_ms() - a->put_mono_ms < FPTC_USAGE_EVERY_MS)
        return 0;
    return a->n_finds >= FPTC_USAGE_FINDS ||
           (a->n_finds >= FPTC_USAGE_FINDS_MIN && cache->n_own_commits > a->n_own_commits);
}

int fptc__asked_count(struct fptc_cache *cache, const struct fptc__plan *plan, const char *home)
{
    int is_project[FPTC_USAGE_PLAN_MAX];
    struct fptc__asked *a;
    size_t i, n = plan->n_usages < FPTC_USAGE_PLAN_MAX ? plan->n_usages : FPTC_USAGE_PLAN_MAX;
    int due = 0;

    if (n == 0 || fptc__handle_is_pinned(cache))
        return 0;
    pthread_rwlock_rdlock(&cache->schema_lock);
    for (i = 0; i < n; i++)
        is_project[i] = fptc__schema_is_project_type(cache->schema, plan->usages[i].type);
    pthread_rwlock_unlock(&cache->schema_lock);
    pthread_mutex_lock(&cache->mutex);
    if (cache->asked == NULL)
        cache->asked = calloc(1, sizeof(*cache->asked));
    a = cache->asked;
    if (a != NULL) {
        a->n_finds++;
        for (i = 0; i < n; i++)
            add(a, is_project[i] ? home : "site", &plan->usages[i]);
        due = is_due(cache, a);
    }
    pthread_mutex_unlock(&cache->mutex);
    return due;
}

/* --- putting away ----------------------------------------------------------------------------- */

static fptc__json *wishes_of(const struct fptc__asked *a, const char *partition, int64_t times)
{
    fptc__json *list = fptc__json_new_array();
    size_t i;

    for (i = 0; i < a->n; i++) {
        fptc__json *entry;

        if (strcmp(a->list[i].partition, partition) != 0)
            continue;
        entry = fptc__json_new_object();
        (void)fptc__json_set(entry, "type", fptc__json_new_text(a->list[i].type));
        (void)fptc__json_set(entry, "wish", fptc__json_new_text(a->list[i].wish));
        (void)fptc__json_set(entry, "uses", fptc__json_new_int(a->list[i].uses * times));
        (void)fptc__json_append(list, entry);
    }
    return list;
}

static fptc_status make_record(struct fptc_cache *cache, const struct fptc__asked *a,
                               const char *partition, int64_t times, struct fptc__records *out)
{
    fptc__json *body = fptc__json_new_object();
    int64_t now_ms = 0;
    char batch[33];
    fptc_status status = fptc__handle_now(cache, &now_ms, NULL);

    fptc__random_hex32(batch);
    (void)fptc__json_set(body, "batch", fptc__json_new_text(batch));
    (void)fptc__json_set(body, "asof", fptc__json_new_int(now_ms));
    if (!fptc__json_set(body, "wishes", wishes_of(a, partition, times)))
        status = FPTC_ENOMEM;
    if (status == FPTC_OK)
        status = fptc__records_add_json(out, FPTC__USAGE, body, NULL);
    fptc__json_free(body);
    return status;
}

/* Into a partition that is there: nobody's question makes one. */
static void put(struct fptc_cache *cache, const struct fptc__asked *a, const char *partition,
                int64_t times, const struct fptc__call *call)
{
    struct fptc__open_view *open = NULL;
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc__view_get(cache, partition, &open, &err);

    if (status == FPTC_OK)
        status = fptc__partition_exists(fptc__view_partition(open->view, FPTC__HOME), &err);
    if (status == FPTC_OK)
        status = make_record(cache, a, partition, times, &records);
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(open->view, FPTC__HOME), &append, call, &err);
    if (status != FPTC_OK)
        fptc__log_line(&cache->logger, FPTC_LOG_INFO, "counts of questions are not kept in %s: %s",
                       partition, err.message);
    fptc__view_put(cache, open);
    fptc__records_done(&records);
}

/* The counts so far, taken over; the handle begins again. NULL: none. */
static struct fptc__asked *take(struct fptc_cache *cache)
{
    struct fptc__asked *taken, *fresh = calloc(1, sizeof(*fresh));

    pthread_mutex_lock(&cache->mutex);
    taken = cache->asked;
    if (taken != NULL && fresh != NULL) {
        fresh->put_mono_ms = fptc__mono_ms();
        fresh->n_own_commits = cache->n_own_commits;
        cache->asked = fresh;
        fresh = NULL;
    } else {
        taken = NULL;
    }
    pthread_mutex_unlock(&cache->mutex);
    free(fresh);
    return taken;
}

static void put_all(struct fptc_cache *cache, int64_t times, const struct fptc__call *call)
{
    struct fptc__asked *a = take(cache);
    size_t i, k;

    for (i = 0; a != NULL && i < a->n; i++) {
        for (k = 0; k < i && strcmp(a->list[k].partition, a->list[i].partition) != 0; k++)
            ;
        if (k == i)
            put(cache, a, a->list[i].partition, times, call);
    }
    fptc__asked_free(a);
}

void fptc__asked_put(struct fptc_cache *cache, const struct fptc__call *call)
{
    if (!fptc__handle_is_stranger(cache))
        put_all(cache, 1, call);
}

/* A handle of a few questions, as a command's, commits for them only now and then, so that a farm of them
   makes one commit for FPTC_USAGE_FINDS questions; and then for as many as went without. */
void fptc__asked_close(struct fptc_cache *cache)
{
    struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() + FPTC_USAGE_CLOSE_MS};
    const struct fptc__asked *a = cache->asked;
    int64_t times = 1;

    if (a == NULL || a->n == 0 || fptc__handle_is_stranger(cache) ||
        (a->put_mono_ms != 0 && fptc__mono_ms() - a->put_mono_ms < FPTC_USAGE_EVERY_MS))
        return;
    if (a->n_finds < FPTC_USAGE_FINDS_MIN) {
        if (a->n_finds == 0 || (int64_t)(fptc__random_u64() % FPTC_USAGE_FINDS) >= a->n_finds)
            return;
        times = FPTC_USAGE_FINDS / a->n_finds;
    }
    put_all(cache, times, &call);
}
