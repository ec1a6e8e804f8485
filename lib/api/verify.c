/* verify.c: everything the directory holds, checked, and what is damaged repaired as far as it can be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/options.h"
#include "api/result.h"
#include "api/verify_claims.h"
#include "base/error.h"
#include "store/repair.h"

struct verify_task {
    struct fptc__task task;
    int repairs;
    fptc_progress_fn progress;
    void *payload;
    int64_t done, total;
    char partition[64]; /* the present one, "" for the directory itself */
    const struct fptc__call *call;
    fptc__json *problems, *rebuilt, *lost;
    int64_t files, bytes;
    int64_t now_ms; /* the file server's clock; 0: not known */
    int ok;         /* no memory ran out while the lists were made */
    fptc_status status;
    fptc_error *err;
};

static void destroy_verify(struct fptc__task *task)
{
    struct verify_task *t = (struct verify_task *)task;

    fptc__json_free(t->problems);
    fptc__json_free(t->rebuilt);
    fptc__json_free(t->lost);
    free(t);
}

/* --- what is told ----------------------------------------------------------------------------- */

static void add(struct verify_task *t, fptc__json *list, const char *const (*members)[2], size_t n)
{
    fptc__json *entry = fptc__json_new_object();
    int ok = 1;
    size_t i;

    for (i = 0; i < n; i++)
        ok = fptc__json_set(entry, members[i][0], fptc__json_new_text(members[i][1])) && ok;
    t->ok = fptc__json_append(list, entry) && ok && t->ok;
}

static void on_problem(void *ctx, const char *file, const char *kind, const char *next,
                       const char *what)
{
    struct verify_task *t = ctx;
    const char *const members[][2] = {{"file", file},
                                      {"partition", t->partition},
                                      {"kind", kind},
                                      {"what", what},
                                      {"next", next}};

    add(t, t->problems, members, sizeof(members) / sizeof(members[0]));
}

static void on_rebuilt(void *ctx, const char *partition, const char *what)
{
    struct verify_task *t = ctx;
    const char *const members[][2] = {{"partition", partition}, {"what", what}};

    add(t, t->rebuilt, members, 2);
}

static void on_lost(void *ctx, const char *partition, const char *kind, const char *what)
{
    struct verify_task *t = ctx;
    const char *const members[][2] = {{"partition", partition}, {"kind", kind}, {"what", what}};

    add(t, t->lost, members, 3);
}

static int on_step(void *ctx, int64_t bytes)
{
    struct verify_task *t = ctx;

    t->done += bytes;
    t->bytes += bytes;
    if (t->done > t->total)
        t->total = t->done; /* others went on writing */
    return t->progress ? t->progress(t->partition, t->done, t->total, t->payload) != 0 : 0;
}

/* --- partitions ------------------------------------------------------------------------------- */

static int add_size(const char *name, void *payload)
{
    struct verify_task *t = payload;
    struct fptc__partition p;

    if (fptc__partition_at(t->task.cache->options.cache_dir, name, &p, NULL) == FPTC_OK)
        t->total += fptc__survey_size(&p);
    return 0;
}

static fptc_status survey(struct verify_task *t, const struct fptc__partition *p,
                          const struct fptc__survey_ear *ear)
{
    struct fptc__survey s = {.p = p, .call = t->call, .ear = ear};
    fptc_status status = fptc__survey_make(&s, 1, t->err);

    t->files += s.files;
    fptc__survey_done(&s);
    return status;
}

static fptc_status check_claims(struct verify_task *t, const struct fptc__partition *p)
{
    struct fptc__claims_ear ear = {t, on_problem, t->repairs ? on_rebuilt : NULL,
                                   t->repairs ? on_lost : NULL, 0};
    fptc_status status =
        p ? fptc__verify_holder(p, &ear, t->err)
          : fptc__verify_pins(t->task.cache->options.cache_dir, t->now_ms, &ear, t->err);

    t->files += ear.files;
    return status;
}

/* Once: of any partition. */
static void look_at_clock(struct verify_task *t, const struct fptc__partition *p)
{
    struct fptc__server_clock clock = {0};

    if (t->now_ms == 0 && fptc__server_now(&clock, p, &t->now_ms, NULL) != FPTC_OK)
        t->now_ms = 0;
}

static int check_one(const char *name, void *payload)
{
    struct verify_task *t = payload;
    struct fptc_cache *cache = t->task.cache;
    const struct fptc__survey_ear ear = {t, on_problem, on_step};
    const struct fptc__pinned pinned = fptc__pins_of(cache->options.cache_dir);
    struct fptc__partition p;
    struct fptc__repair r = {.p = &p,
                             .call = t->call,
                             .logger = &cache->logger,
                             .pinned = &pinned,
                             .ctx = t,
                             .rebuilt = on_rebuilt,
                             .lost = on_lost};

    snprintf(t->partition, sizeof(t->partition), "%s", name);
    t->status = fptc__partition_at(cache->options.cache_dir, name, &p, t->err);
    if (t->status == FPTC_OK)
        t->status = t->repairs ? fptc__repair_partition(&r, &ear, t->err) : survey(t, &p, &ear);
    t->files += r.files;
    if (t->status == FPTC_OK) {
        look_at_clock(t, &p);
        t->status = check_claims(t, &p);
    }
    return t->status != FPTC_OK;
}

/* fptcache.json and realm.json: the handle has read them, but perhaps long ago. */
static fptc_status check_description(struct verify_task *t)
{
    struct fptc__cache_info info;
    fptc_error why = FPTC_ERROR_INIT;
    const char *dir = t->task.cache->options.cache_dir;
    fptc_status status = fptc__cache_read(dir, &info, &why);

    t->files++;
    if (status == FPTC_EDAMAGED || status == FPTC_ENOENT || status == FPTC_EFORMAT)
        on_problem(t, dir, status == FPTC_ENOENT ? "missing" : "damaged", FPTC__NEXT_REPAIR,
                   why.message);
    else if (status != FPTC_OK && t->err)
        *t->err = why;
    return status == FPTC_EDAMAGED || status == FPTC_ENOENT || status == FPTC_EFORMAT ? FPTC_OK
                                                                                      : status;
}

static fptc_status check_all(struct verify_task *t)
{
    const char *dir = t->task.cache->options.cache_dir;
    fptc_status status = check_description(t);

    if (status == FPTC_OK)
        status = fptc__partition_list(dir, add_size, t, t->err);
    if (status == FPTC_OK)
        status = fptc__partition_list(dir, check_one, t, t->err);
    if (status == FPTC_OK)
        status = t->status;
    t->partition[0] = '\0';
    return status == FPTC_OK ? check_claims(t, NULL) : status;
}

static fptc_status document(struct verify_task *t, fptc_error *err)
{
    fptc__json *d = fptc__json_new_object();
    int ok = fptc__json_set(d, "files", fptc__json_new_int(t->files));
    fptc_status status;

    ok = fptc__json_set(d, "bytes", fptc__json_new_int(t->bytes)) && ok;
    ok = fptc__json_set(d, "problems", fptc__json_copy(t->problems)) && ok;
    if (t->repairs) {
        ok = fptc__json_set(d, "rebuilt", fptc__json_copy(t->rebuilt)) && ok;
        ok = fptc__json_set(d, "lost", fptc__json_copy(t->lost)) && ok;
    }
    status = ok && t->ok ? fptc__task_document(&t->task, d, err) : fptc__fail_nomem(err);
    fptc__json_free(d);
    return status;
}

static fptc_status run_verify(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    struct verify_task *t = (struct verify_task *)task;
    size_t n;
    fptc_status status;

    t->call = call;
    t->err = err;
    status = check_all(t);
    if (status == FPTC_OK)
        status = document(t, err);
    n = fptc__json_size(t->problems);
    if (status != FPTC_OK || t->repairs || n == 0)
        return status;
    return fptc__fail(err, FPTC_EDAMAGED, "%zu problem%s in %s; `fptcache repair` mends them", n,
                      n == 1 ? "" : "s", task->cache->options.cache_dir);
}

/* restored: what was made anew of the directory's description before it could be opened; NULL: a check
   without repair. */
static fptc_status start(fptc_cache *cache, const char *restored, fptc_progress_fn progress,
                         void *payload, fptc_result **out_result, fptc_error *err)
{
    struct verify_task *t;

    t = fptc__task_new(sizeof(*t), cache, run_verify, destroy_verify, err);
    if (!t)
        return FPTC_ENOMEM;
    t->task.gives_always = 1;
    t->repairs = restored != NULL;
    t->progress = progress;
    t->payload = payload;
    t->problems = fptc__json_new_array();
    t->rebuilt = fptc__json_new_array();
    t->lost = fptc__json_new_array();
    t->ok = t->problems && t->rebuilt && t->lost;
    if (restored != NULL && restored[0] != '\0')
        on_rebuilt(t, "", restored);
    return fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err);
}

fptc_status fptc_cache_verify(fptc_cache *cache, fptc_progress_fn progress, void *payload,
                              fptc_result **out_result, fptc_error *err)
{
    fptc_status status = fptc__handle_check_call(cache, out_result, err);

    return status == FPTC_OK ? start(cache, NULL, progress, payload, out_result, err) : status;
}

/* --- repair ----------------------------------------------------------------------------------- */

fptc_status fptc_cache_repair(const fptc_options *options, fptc_progress_fn progress, void *payload,
                              fptc_result **out_result, fptc_error *err)
{
    fptc_cache *cache = NULL;
    char restored[512] = "";
    fptc_status status;

    fptc__error_clear(err);
    if (out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_result is NULL");
    *out_result = NULL;
    status = fptc__description_restore(options, restored, sizeof(restored), err);
    if (status == FPTC_OK)
        status = fptc_cache_open(options, &cache, err);
    if (status == FPTC_OK)
        status = start(cache, restored, progress, payload, out_result, err);
    fptc_cache_close(cache);
    return status;
}
