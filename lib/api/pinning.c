/* pinning.c: pinning the present of a project, keeping a pin alive, ending and listing pins. */
#include "share/pin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "store/log.h"
#include "store/rollup.h"

struct pin_task {
    struct fptc__task task;
    int64_t project_id;
    struct fptc__pin pin; /* id: of the one that is asked for; else as it shall be, and was made */
};

static void destroy_pin(struct fptc__task *task)
{
    free(task);
}

/* ------------------------------------------------------------------------------------------- pinning */

/* The greatest base of each partition of the pin. */
static fptc_status look_at_bases(const struct fptc_cache *cache, struct fptc__pin *pin,
                                 fptc_error *err)
{
    struct fptc__partition p;
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < pin->n_bases && status == FPTC_OK; i++) {
        status = fptc__partition_at(cache->options.cache_dir, pin->bases[i].partition, &p, err);
        if (status == FPTC_OK)
            status = fptc__bases_newest(&p, &pin->bases[i].base, NULL, 0, NULL, err);
    }
    return status;
}

static fptc_status find_head(const struct fptc__partition *p, const struct fptc_cache *cache,
                             uint64_t *out, fptc_error *err)
{
    const struct fptc__log_options options = {.logger = &cache->logger};
    struct fptc__log *log = NULL;
    fptc_status status = fptc__log_open(p, &options, &log, err);

    if (status == FPTC_OK)
        status = fptc__log_refresh(log, err);
    *out = status == FPTC_OK ? fptc__log_head(log) : 0;
    fptc__log_close(log);
    return status;
}

/* One roll-up takes what its time allows, and may find that another came first. */
static fptc_status fold_one(const struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__partition *p, fptc_error *err)
{
    uint64_t head = 0, base = 0;
    fptc_status status = find_head(p, cache, &head, err);
    int tries;

    if (status == FPTC_OK)
        status = fptc__bases_newest(p, &base, NULL, 0, NULL, err);
    for (tries = 0; status == FPTC_OK && base < head; tries++) {
        status = fptc__call_check(call, "pinning", err);
        if (status == FPTC_OK && tries == FPTC_PIN_ATTEMPTS_MAX)
            status = fptc__fail(err, FPTC_ERACE,
                                "%s could not be rolled up to commit %" PRIu64
                                ": try again later, or with a longer deadline",
                                p->name, head);
        if (status == FPTC_OK)
            status = fptc__rollup(p, call, &cache->logger, NULL, err);
        if (status == FPTC_OK)
            status = fptc__bases_newest(p, &base, NULL, 0, NULL, err);
    }
    return status;
}

/* So that the newest base is the present: all that was committed when the call began. */
static fptc_status fold(struct fptc_cache *cache, const struct fptc__call *call,
                        const struct fptc__pin *pin, fptc_error *err)
{
    struct fptc__partition p;
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < pin->n_bases && status == FPTC_OK; i++) {
        status = fptc__partition_at(cache->options.cache_dir, pin->bases[i].partition, &p, err);
        if (status == FPTC_OK)
            status = fptc__partition_exists(&p, err);
        if (status == FPTC_OK)
            status = fold_one(cache, call, &p, err);
        if (status == FPTC_MISS)
            status = FPTC_OK;
    }
    return status;
}

static int is_same(const struct fptc__pin *a, const struct fptc__pin *b)
{
    size_t i;

    for (i = 0; i < a->n_bases; i++) {
        if (a->bases[i].base != b->bases[i].base)
            return 0;
    }
    return 1;
}

/* Writes the pin, then looks again (share/pin.h says why). FPTC_MISS: there is a newer base. */
static fptc_status try_pin(const struct fptc_cache *cache, struct fptc__pin *pin, fptc_error *err)
{
    struct fptc__pin now;
    fptc_status status = look_at_bases(cache, pin, err);

    if (status == FPTC_OK)
        status = fptc__pin_put(cache->options.cache_dir, pin, err);
    if (status != FPTC_OK)
        return status;
    now = *pin;
    status = look_at_bases(cache, &now, err);
    if (status == FPTC_OK && is_same(pin, &now))
        return FPTC_OK;
    (void)fptc__pin_remove(cache->options.cache_dir, pin->id, NULL);
    return status == FPTC_OK ? FPTC_MISS : status;
}

/* Nobody waits any more: then nobody would end the pin. */
static fptc_status hand_over(struct pin_task *t, const struct fptc__call *call, fptc_error *err)
{
    fptc_status status = fptc__call_check(call, "pinning", err);

    if (status == FPTC_OK)
        status = fptc__result_new(&t->task.result, err);
    if (status == FPTC_OK)
        memcpy(t->task.result->event_id, t->pin.id, sizeof(t->pin.id));
    else
        (void)fptc__pin_remove(t->task.cache->options.cache_dir, t->pin.id, NULL);
    return status;
}

static fptc_status run_pin(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct pin_task *t = (struct pin_task *)task;
    struct fptc_cache *cache = task->cache;
    char partition[64];
    fptc_status status = fptc__handle_may_change(cache, "pinning", err);
    int tries;

    /* In the order in which a view reads them. */
    fptc__partition_name(t->project_id, partition);
    fptc__pin_add(&t->pin, "outbox", 0);
    if (t->project_id != 0)
        fptc__pin_add(&t->pin, partition, 0);
    fptc__pin_add(&t->pin, "site", 0);
    if (status == FPTC_OK)
        status = fptc__handle_may_read(cache, err);
    if (status == FPTC_OK)
        status = fold(cache, call, &t->pin, err);
    if (status != FPTC_OK)
        return status;
    status = FPTC_MISS;
    for (tries = 0; tries < FPTC_PIN_ATTEMPTS_MAX && status == FPTC_MISS; tries++) {
        status = fptc__call_check(call, "pinning", err);
        if (status == FPTC_OK)
            status = try_pin(cache, &t->pin, err);
    }
    if (status == FPTC_MISS)
        return fptc__fail(err, FPTC_ERACE, "others published newer bases of %s %d times in a row",
                          partition, FPTC_PIN_ATTEMPTS_MAX);
    return status == FPTC_OK ? hand_over(t, call, err) : status;
}

static fptc_status new_task(fptc_cache *cache, const char *id,
                            fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                               fptc_error *),
                            struct pin_task **out, fptc_error *err)
{
    fptc_status status = fptc__handle_check(cache, err);

    *out = NULL;
    if (status != FPTC_OK)
        return status;
    if (id != NULL && !fptc__pin_is_id(id))
        return fptc__fail(err, FPTC_EUSAGE,
                          "\"%.40s\" cannot be a pin: its id has 32 hexadecimal digits", id);
    *out = fptc__task_new(sizeof(**out), cache, run, destroy_pin, err);
    if (*out == NULL)
        return FPTC_ENOMEM;
    if (id != NULL)
        memcpy((*out)->pin.id, id, sizeof((*out)->pin.id));
    return FPTC_OK;
}

fptc_status fptc_cache_pin(fptc_cache *cache, int64_t project_id, int64_t ttl_ms, char out_id[33],
                           fptc_error *err)
{
    struct pin_task *t;
    struct fptc_result *result = NULL;
    fptc_status status;

    if (out_id == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_id is NULL");
    out_id[0] = '\0';
    if (project_id < 0 || ttl_ms < 0 || ttl_ms > FPTC_PIN_TTL_MS_MAX)
        return fptc__fail(err, FPTC_EUSAGE,
                          "project and ttl must not be negative, the ttl not above 30 days");
    status = new_task(cache, NULL, run_pin, &t, err);
    if (status != FPTC_OK)
        return status;
    t->project_id = project_id;
    t->pin.ttl_ms = ttl_ms == 0 ? FPTC_PIN_TTL_MS : ttl_ms;
    status = fptc__task_run(&t->task, cache->options.deadline_ms, &result, err);
    if (status == FPTC_OK)
        memcpy(out_id, result->event_id, FPTC__PIN_ID_BYTES);
    fptc_result_free(result);
    return status;
}

/* ----------------------------------------------------------------------------------- touching, ending */

static fptc_status run_touch(struct fptc__task *task, const struct fptc__call *call,
                             fptc_error *err)
{
    const struct pin_task *t = (const struct pin_task *)task;

    (void)call;
    return fptc__pin_touch(task->cache->options.cache_dir, t->pin.id, err);
}

static fptc_status run_unpin(struct fptc__task *task, const struct fptc__call *call,
                             fptc_error *err)
{
    const struct pin_task *t = (const struct pin_task *)task;

    (void)call;
    return fptc__pin_remove(task->cache->options.cache_dir, t->pin.id, err);
}

static fptc_status by_id(fptc_cache *cache, const char *id,
                         fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                            fptc_error *),
                         fptc_error *err)
{
    struct pin_task *t;
    fptc_status status = new_task(cache, id == NULL ? "" : id, run, &t, err);

    return status == FPTC_OK ? fptc__task_run(&t->task, cache->options.deadline_ms, NULL, err)
                             : status;
}

fptc_status fptc_cache_pin_touch(fptc_cache *cache, const char *id, fptc_error *err)
{
    return by_id(cache, id, run_touch, err);
}

fptc_status fptc_cache_unpin(fptc_cache *cache, const char *id, fptc_error *err)
{
    return by_id(cache, id, run_unpin, err);
}

/* ------------------------------------------------------------------------------------- for deletion */

struct pinned_bases {
    const char *partition;
    uint64_t *out;
    size_t room, n;
};

static int note_base(const struct fptc__pin *pin, void *payload)
{
    struct pinned_bases *b = payload;
    uint64_t base;

    if (!fptc__pin_base(pin, b->partition, &base))
        return 0;
    if (b->n < b->room)
        b->out[b->n] = base;
    b->n++;
    return 0;
}

static fptc_status list_pinned(void *ctx, const char *partition, uint64_t *out, size_t room,
                               size_t *n, fptc_error *err)
{
    struct pinned_bases b = {partition, out, room, 0};
    fptc_status status = fptc__pin_list(ctx, 1, note_base, &b, err);

    *n = b.n;
    return status;
}

struct fptc__pinned fptc__pins_of(const char *cache_dir)
{
    return (struct fptc__pinned){(void *)(uintptr_t)cache_dir, list_pinned};
}

/* -------------------------------------------------------------------------------------------- listing */

struct pin_list {
    fptc__json *list;
    int64_t now_ms;
    int failed;
};

static int add_pin(const struct fptc__pin *pin, void *payload)
{
    struct pin_list *l = payload;
    fptc__json *entry = fptc__json_new_object(), *bases = fptc__json_new_object();
    double age_s = (double)(l->now_ms - pin->mtime_ms) / 1000.0;
    double left_s = (double)pin->ttl_ms / 1000.0 - age_s;
    int ok = fptc__json_set(entry, "id", fptc__json_new_text(pin->id));
    size_t i;

    for (i = 0; i < pin->n_bases; i++)
        ok = fptc__json_set(bases, pin->bases[i].partition,
                            fptc__json_new_int((int64_t)pin->bases[i].base)) &&
             ok;
    ok = fptc__json_set(entry, "bases", bases) && ok;
    ok = fptc__json_set(entry, "host", fptc__json_new_text(pin->host)) && ok;
    ok = fptc__json_set(entry, "pid", fptc__json_new_int(pin->pid)) && ok;
    ok = fptc__json_set(entry, "touched_s", fptc__json_new_double(age_s > 0 ? age_s : 0)) && ok;
    ok = fptc__json_set(entry, "ends_in_s", fptc__json_new_double(left_s > 0 ? left_s : 0)) && ok;
    l->failed = !fptc__json_append(l->list, entry) || !ok;
    return l->failed;
}

static fptc_status run_pins(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct pin_list l = {fptc__json_new_array(), 0, 0};
    fptc_status status = fptc__handle_now(task->cache, &l.now_ms, err);

    (void)call;
    if (status == FPTC_OK)
        status = fptc__pin_list(task->cache->options.cache_dir, 0, add_pin, &l, err);
    if (status == FPTC_OK && l.failed)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__task_document(task, l.list, err);
    fptc__json_free(l.list);
    return status;
}

fptc_status fptc_cache_pins(fptc_cache *cache, fptc_result **out_result, fptc_error *err)
{
    struct pin_task *t;
    fptc_status status = fptc__handle_check_call(cache, out_result, err);

    if (status == FPTC_OK)
        status = new_task(cache, NULL, run_pins, &t, err);
    return status == FPTC_OK ? fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err)
                             : status;
}
