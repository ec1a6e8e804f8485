/* upkeep.c: compaction, status, and the change feed of one partition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/hold.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mount.h"
#include "store/compact.h"
#include "store/tables.h"
#include "view/lookup.h"
#include "view/mutation.h"

struct upkeep_task {
    struct fptc__task task;
    char partition[64]; /* "": all */
    char type[FPTC_NAME_BYTES_MAX + 1];
    int64_t project_id, since, limit;
};

static void destroy_upkeep(struct fptc__task *task)
{
    free(task);
}

/* What is done with each partition. */
struct round {
    struct upkeep_task *task;
    const struct fptc__call *call;
    fptc__json *list;
    fptc_error *err;
    fptc_status status;
};

/* ---------------------------------------------------------------------------------------------- compact */

static int compact_one(const char *name, void *payload)
{
    struct round *r = payload;
    struct fptc_cache *cache = r->task->task.cache;
    struct fptc__compact_stats stats = {0, 0, 0, 0, 0};
    struct fptc__partition partition;
    const struct fptc__pinned pinned = fptc__pins_of(cache->options.cache_dir);
    int64_t start = fptc__mono_ms();
    fptc__json *entry = fptc__json_new_object();
    int ok;

    r->status = fptc__partition_at(cache->options.cache_dir, name, &partition, r->err);
    if (r->status == FPTC_OK)
        r->status = fptc__compact(&partition, r->call, &cache->logger, &stats, r->err);
    if (r->status == FPTC_OK)
        r->status = fptc__retire(&partition, fptc__duration(cache->options.grace_ms, FPTC_GRACE_MS),
                                 &pinned, &cache->logger, &stats, r->err);
    ok = fptc__json_set(entry, "partition", fptc__json_new_text(name));
    ok = fptc__json_set(entry, "base", fptc__json_new_int((int64_t)stats.base)) && ok;
    ok = fptc__json_set(entry, "folded", fptc__json_new_int((int64_t)stats.folded)) && ok;
    ok = fptc__json_set(entry, "rows", fptc__json_new_int(stats.rows)) && ok;
    ok = fptc__json_set(entry, "bytes", fptc__json_new_int(stats.bytes)) && ok;
    ok = fptc__json_set(entry, "deleted", fptc__json_new_int(stats.deleted)) && ok;
    ok = fptc__json_set(entry, "seconds",
                        fptc__json_new_double((double)(fptc__mono_ms() - start) / 1000.0)) &&
         ok;
    if ((!fptc__json_append(r->list, entry) || !ok) && r->status == FPTC_OK)
        r->status = fptc__fail_nomem(r->err);
    return r->status != FPTC_OK;
}

static fptc_status run_compact(struct fptc__task *task, const struct fptc__call *call,
                               fptc_error *err)
{
    struct upkeep_task *t = (struct upkeep_task *)task;
    struct round r = {t, call, fptc__json_new_array(), err, FPTC_OK};
    struct fptc__partition partition;
    fptc_status status = fptc__handle_may_change(task->cache, "compacting", err);

    if (status != FPTC_OK) {
        fptc__json_free(r.list);
        return status;
    }
    if (t->partition[0] == '\0') {
        status = fptc__partition_list(task->cache->options.cache_dir, compact_one, &r, err);
    } else {
        status = fptc__partition_at(task->cache->options.cache_dir, t->partition, &partition, err);
        if (status == FPTC_OK)
            status = fptc__partition_exists(&partition, err);
        if (status == FPTC_OK)
            (void)compact_one(t->partition, &r);
        else if (status == FPTC_MISS)
            (void)fptc__fail(err, FPTC_MISS, "there is no partition %s", t->partition);
    }
    if (status == FPTC_OK)
        status = r.status;
    if (status == FPTC_OK)
        status = fptc__task_document(task, r.list, err);
    fptc__json_free(r.list);
    return status;
}

static fptc_status upkeep_task(fptc_cache *cache,
                               fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                                  fptc_error *),
                               struct upkeep_task **out, fptc_error *err)
{
    fptc_status status = fptc__handle_check(cache, err);

    *out = NULL;
    if (status != FPTC_OK)
        return status;
    *out = fptc__task_new(sizeof(**out), cache, run, destroy_upkeep, err);
    return *out == NULL ? FPTC_ENOMEM : FPTC_OK;
}

fptc_status fptc_cache_compact(fptc_cache *cache, const char *partition, fptc_result **out_result,
                               fptc_error *err)
{
    struct upkeep_task *t;
    fptc_status status = upkeep_task(cache, run_compact, &t, err);

    if (out_result != NULL)
        *out_result = NULL;
    if (status != FPTC_OK)
        return status;
    snprintf(t->partition, sizeof(t->partition), "%s", partition == NULL ? "" : partition);
    return fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err);
}

/* ----------------------------------------------------------------------------------------------- status */

static fptc_status add_covers(struct fptc__work *w, fptc__json *entry, int64_t now_ms,
                              fptc_error *err)
{
    fptc__json *covers = fptc__json_new_array(), *types = NULL;
    const fptc__json *at;
    fptc_status status = fptc__view_covered_types(w->session.view, FPTC__HOME, &types, err);

    for (at = fptc__json_first(types); at != NULL && status == FPTC_OK; at = fptc__json_next(at)) {
        fptc__json *cover = fptc__json_new_object();
        struct fptc__cover c;
        int64_t rows = 0;
        int ok = fptc__json_set(cover, "type", fptc__json_copy(at));

        status = fptc__view_cover(w->session.view, FPTC__HOME, fptc__json_text(at), &c, err);
        if (status == FPTC_OK)
            status = fptc__view_count(w->session.view, FPTC__HOME, fptc__json_text(at), &rows, err);
        ok = fptc__json_set(cover, "rows", fptc__json_new_int(rows)) && ok;
        ok = fptc__json_set(cover, "fields",
                            fptc__json_new_int((int64_t)fptc__json_size(c.fields))) &&
             ok;
        ok = fptc__json_set(cover, "age_s",
                            fptc__json_new_double((double)(now_ms - c.asof_ms) / 1000.0)) &&
             ok;
        fptc__cover_done(&c);
        if (!fptc__json_append(covers, cover) || !ok)
            status = fptc__fail_nomem(err);
    }
    fptc__json_free(types);
    if (!fptc__json_set(entry, "coverage", covers) && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    return status;
}

static fptc_status add_indexes(struct fptc__work *w, fptc__json *entry, fptc_error *err)
{
    fptc__json *indexes = NULL;
    fptc_status status = fptc__view_indexes(w->session.view, FPTC__HOME, &indexes, err);

    if (!fptc__json_set(entry, "indexes", indexes) && status == FPTC_OK)
        status = fptc__fail_nomem(err);
    return status;
}

/* The commit that dropped it last; 0: none. */
static int64_t dropped_of(struct fptc__work *w)
{
    uint64_t number;

    fptc__view_begin(w->session.view);
    number = fptc__view_dropped(w->session.view, FPTC__HOME, NULL);
    fptc__view_end(w->session.view);
    return (int64_t)number;
}

static fptc_status describe(struct fptc__work *w, fptc__json *entry, fptc_error *err)
{
    struct fptc__log *log = fptc__view_log(w->session.view, FPTC__HOME);
    int64_t now_ms = 0;
    fptc_status status = fptc__view_refresh(w->session.view, 0, err);
    int ok = fptc__json_set(entry, "head", fptc__json_new_int((int64_t)fptc__log_head(log)));

    ok = fptc__json_set(entry, "base", fptc__json_new_int((int64_t)fptc__log_base(log))) && ok;
    ok = fptc__json_set(entry, "commits_since_base",
                        fptc__json_new_int((int64_t)(fptc__log_head(log) - fptc__log_base(log)))) &&
         ok;
    if (!fptc__json_set(entry, "dropped", fptc__json_new_int(dropped_of(w))))
        ok = 0;
    ok = fptc__json_set(entry, "damaged", fptc__json_new_int((int64_t)fptc__log_holes(log))) && ok;
    if (status == FPTC_OK && !ok)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__handle_now(w->cache, &now_ms, err);
    if (status == FPTC_OK)
        status = fptc__upkeep_describe(w->cache, fptc__view_partition(w->session.view, FPTC__HOME),
                                       entry, err);
    if (status != FPTC_OK)
        return status;
    fptc__view_begin(w->session.view);
    status = add_covers(w, entry, now_ms, err);
    if (status == FPTC_OK)
        status = add_indexes(w, entry, err);
    fptc__view_end(w->session.view);
    return status;
}

static int describe_one(const char *name, void *payload)
{
    struct round *r = payload;
    fptc__json *entry;
    struct fptc__work w;
    uint64_t base;

    if (fptc__handle_is_pinned(r->task->task.cache) &&
        !fptc__pin_base(&r->task->task.cache->pin, name, &base))
        return 0; /* this handle does not look at it */
    entry = fptc__json_new_object();
    if (!fptc__json_set(entry, "partition", fptc__json_new_text(name)))
        r->status = fptc__fail_nomem(r->err);
    if (r->status == FPTC_OK)
        r->status = fptc__work_begin(&w, r->task->task.cache, r->call, name, r->err);
    if (r->status == FPTC_OK) {
        r->status = describe(&w, entry, r->err);
        fptc__work_end(&w);
    }
    if (!fptc__json_append(r->list, entry) && r->status == FPTC_OK)
        r->status = fptc__fail_nomem(r->err);
    return r->status != FPTC_OK;
}

static fptc_status add_outbox(struct upkeep_task *t, const struct fptc__call *call,
                              fptc__json *document, fptc_error *err)
{
    fptc__json *entry = fptc__json_new_object();
    struct fptc__work w;
    int64_t unsettled = 0, refused = 0;
    fptc_status status = fptc__work_begin(&w, t->task.cache, call, "outbox", err);

    if (status == FPTC_OK) {
        status = fptc__view_refresh(w.session.view, 0, err);
        fptc__view_begin(w.session.view);
        if (status == FPTC_OK)
            status = fptc__mutation_counts(w.session.view, &unsettled, &refused, err);
        fptc__view_end(w.session.view);
        fptc__work_end(&w);
    }
    if (!fptc__json_set(entry, "unknown", fptc__json_new_int(unsettled)) ||
        !fptc__json_set(entry, "refused", fptc__json_new_int(refused)) ||
        !fptc__json_set(document, "outbox", entry))
        return fptc__fail_nomem(err);
    return status;
}

static int add_counters(struct fptc_cache *cache, fptc__json *document)
{
    fptc__json *answers = fptc__json_new_object(), *requests = fptc__json_new_object();
    struct fptc__site_counts c;
    struct fptc__counters n;
    int ok;

    fptc__site_counts(cache->site, &c);
    pthread_mutex_lock(&cache->mutex);
    n = cache->counters;
    pthread_mutex_unlock(&cache->mutex);
    ok = fptc__json_set(answers, "cache", fptc__json_new_int(n.from_cache));
    ok = fptc__json_set(answers, "upstream", fptc__json_new_int(n.from_upstream)) && ok;
    ok = fptc__json_set(answers, "stale", fptc__json_new_int(n.from_stale)) && ok;
    ok = fptc__json_set(answers, "writes", fptc__json_new_int(n.writes)) && ok;
    ok = fptc__json_set(requests, "auth", fptc__json_new_int(c.auth)) && ok;
    ok = fptc__json_set(requests, "schema", fptc__json_new_int(c.schema)) && ok;
    ok = fptc__json_set(requests, "search", fptc__json_new_int(c.search)) && ok;
    ok = fptc__json_set(requests, "text_search", fptc__json_new_int(c.text_search)) && ok;
    ok = fptc__json_set(requests, "summarize", fptc__json_new_int(c.summarize)) && ok;
    ok = fptc__json_set(requests, "create", fptc__json_new_int(c.create)) && ok;
    ok = fptc__json_set(requests, "update", fptc__json_new_int(c.update)) && ok;
    ok = fptc__json_set(requests, "delete", fptc__json_new_int(c.delete_)) && ok;
    ok = fptc__json_set(requests, "revive", fptc__json_new_int(c.revive)) && ok;
    ok = fptc__json_set(requests, "batch", fptc__json_new_int(c.batch)) && ok;
    ok = fptc__json_set(requests, "upload", fptc__json_new_int(c.upload)) && ok;
    ok = fptc__json_set(requests, "retried", fptc__json_new_int(c.retried)) && ok;
    ok = fptc__json_set(requests, "bytes_received", fptc__json_new_int(c.bytes_received)) && ok;
    ok = fptc__json_set(document, "answers", answers) && ok;
    return fptc__json_set(document, "requests", requests) && ok;
}

/* {"type","source","point","options","findings":[{"what","verdict","meaning","next"}]} */
static int add_mount(const struct fptc_cache *cache, fptc__json *document)
{
    static const char *const verdicts[] = {"ok", "warn", "bad"};
    fptc__json *entry = fptc__json_new_object(), *findings = fptc__json_new_array();
    struct fptc__finding list[FPTC__FINDINGS_MAX];
    struct fptc__mount m;
    size_t n = 0, i;
    int ok;

    if (fptc__mount_of(cache->options.cache_dir, &m, NULL) == FPTC_OK)
        n = fptc__mount_judge(&m, list);
    ok = fptc__json_set(entry, "type", fptc__json_new_text(m.type));
    ok = fptc__json_set(entry, "source", fptc__json_new_text(m.source)) && ok;
    ok = fptc__json_set(entry, "point", fptc__json_new_text(m.point)) && ok;
    ok = fptc__json_set(entry, "options", fptc__json_new_text(m.options)) && ok;
    for (i = 0; i < n; i++) {
        fptc__json *one = fptc__json_new_object();

        ok = fptc__json_set(one, "what", fptc__json_new_text(list[i].what)) && ok;
        ok = fptc__json_set(one, "verdict", fptc__json_new_text(verdicts[list[i].verdict])) && ok;
        ok = fptc__json_set(one, "meaning", fptc__json_new_text(list[i].meaning)) && ok;
        ok = fptc__json_set(one, "next", fptc__json_new_text(list[i].next)) && ok;
        ok = fptc__json_append(findings, one) && ok;
    }
    ok = fptc__json_set(entry, "findings", findings) && ok;
    return fptc__json_set(document, "mount", entry) && ok;
}

static fptc_status run_status(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    struct upkeep_task *t = (struct upkeep_task *)task;
    struct fptc_cache *cache = task->cache;
    fptc__json *document = fptc__json_new_object();
    struct round r = {t, call, fptc__json_new_array(), err, FPTC_OK};
    fptc_status status = fptc__partition_list(cache->options.cache_dir, describe_one, &r, err);
    int ok = fptc__json_set(document, "cache_dir", fptc__json_new_text(cache->options.cache_dir));

    ok = fptc__json_set(document, "site", fptc__json_new_text(cache->info.site)) && ok;
    ok = fptc__json_set(document, "realm", fptc__json_new_text(cache->info.realm)) && ok;
    ok = fptc__json_set(document, "format", fptc__json_new_int(cache->info.format)) && ok;
    if (fptc__handle_is_pinned(cache))
        ok = fptc__json_set(document, "pin", fptc__json_new_text(cache->pin.id)) && ok;
    ok = fptc__json_set(document, "version", fptc__json_new_text(FPTC_VERSION_STRING)) && ok;
    ok = fptc__json_set(document, "partitions", r.list) && ok;
    ok = add_counters(cache, document) && ok;
    ok = add_mount(cache, document) && ok;
    if (status == FPTC_OK || status == FPTC_MISS)
        status = r.status;
    if (status == FPTC_OK)
        status = add_outbox(t, call, document, err);
    if (status == FPTC_OK)
        status = ok ? fptc__task_document(task, document, err) : fptc__fail_nomem(err);
    fptc__json_free(document);
    return status;
}

fptc_status fptc_cache_status(fptc_cache *cache, fptc_result **out_result, fptc_error *err)
{
    struct upkeep_task *t;
    fptc_status status;

    if (out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_result is NULL");
    *out_result = NULL;
    status = upkeep_task(cache, run_status, &t, err);
    return status == FPTC_OK ? fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err)
                             : status;
}

/* ---------------------------------------------------------------------------------------------- changes */

/* A version from behind the end is of a history that is not here any more: a backup was restored, the
   directory was made anew, or it was never this one's. Others' newest commits are looked for first. */
static fptc_status check_since(struct fptc__work *w, const struct upkeep_task *t, fptc_error *err)
{
    struct fptc__log *log = fptc__view_log(w->session.view, FPTC__HOME);
    uint64_t commit = (uint64_t)t->since >> FPTC__VERSION_ROW_BITS;
    fptc_status status = FPTC_OK;

    if (commit > fptc__log_head(log))
        status = fptc__view_refresh(w->session.view, 0, err);
    if (status == FPTC_OK && commit > fptc__log_head(log))
        status =
            fptc__fail(err, FPTC_ESTATE,
                       "the history up to version %lld of %s is lost (it ends with commit %llu): "
                       "start again with version 0",
                       (long long)t->since, fptc__view_partition(w->session.view, FPTC__HOME)->name,
                       (unsigned long long)fptc__log_head(log));
    if (status == FPTC_OK && t->since > 0 && commit <= (uint64_t)dropped_of(w))
        status = fptc__fail(
            err, FPTC_ESTATE, "%s was dropped after version %lld: start again with version 0",
            fptc__view_partition(w->session.view, FPTC__HOME)->name, (long long)t->since);
    return status;
}

/* What was lost: up to which commit a repair has said so, and the greatest that is damaged. */
static fptc_status read_lost(struct fptc__work *w, const char *key, fptc__json **out,
                             fptc_error *err)
{
    fptc_status status = fptc__view_config(w->session.view, FPTC__HOME, key, out, NULL, err);

    return status == FPTC_MISS ? FPTC_OK : status;
}

/* Never silence about lost history (protocol-attacks V2): what the lost commits said of rows that are no
   more is not known to anybody. Damage that was not repaired is an error; after a repair whoever read
   before it has to start again. With the view begun. */
static fptc_status check_lost(struct fptc__work *w, const struct upkeep_task *t, fptc_error *err)
{
    const char *partition = fptc__view_partition(w->session.view, FPTC__HOME)->name;
    fptc__json *lost = NULL, *hole = NULL;
    int64_t upto;
    fptc_status status = read_lost(w, "lost", &lost, err);

    if (status == FPTC_OK)
        status = read_lost(w, "hole", &hole, err);
    upto = fptc__json_get_int(lost, "upto");
    if (status == FPTC_OK && fptc__json_int(hole) > upto)
        status = fptc__fail(err, FPTC_EDAMAGED,
                            "commit %lld of %s is damaged, and what it changed is not known: run "
                            "fptcache repair, then start again with version 0",
                            (long long)fptc__json_int(hole), partition);
    else if (status == FPTC_OK && t->since > 0 && t->since >> FPTC__VERSION_ROW_BITS <= upto)
        status = fptc__fail(err, FPTC_ESTATE,
                            "commits %s of %s were lost, and with them what happened up to version "
                            "%lld: start again with version 0",
                            fptc__json_get_text(lost, "commits"), partition, (long long)t->since);
    fptc__json_free(lost);
    fptc__json_free(hole);
    return status;
}

static fptc_status run_changes(struct fptc__task *task, const struct fptc__call *call,
                               fptc_error *err)
{
    struct upkeep_task *t = (struct upkeep_task *)task;
    struct fptc__work w;
    char partition[64];
    fptc_status status = fptc__handle_may_read(task->cache, err);

    memset(&w, 0, sizeof(w));
    fptc__partition_name(t->project_id, partition);
    if (status == FPTC_OK)
        status = fptc__work_begin(&w, task->cache, call, partition, err);
    if (status == FPTC_OK)
        status = fptc__result_new(&task->result, err);
    if (status == FPTC_OK)
        status = fptc__work_refresh(&w, err);
    if (status == FPTC_OK)
        status = check_since(&w, t, err);
    if (status == FPTC_OK) {
        fptc__view_begin(w.session.view);
        status = check_lost(&w, t, err);
        if (status == FPTC_OK)
            status = fptc__view_changes(w.session.view, FPTC__HOME, t->type, t->since, t->limit,
                                        &task->result->rows, err);
        fptc__view_end(w.session.view);
    }
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_ENODATA, "the cache holds no %s in %s", t->type, partition);
    if (status == FPTC_OK) {
        task->result->source = FPTC_SOURCE_CACHE;
        task->result->is_complete = 1;
    }
    fptc__work_end(&w);
    return status;
}

fptc_status fptc_cache_changes(fptc_cache *cache, const char *type, int64_t project_id,
                               int64_t since, int64_t limit, fptc_result **out_result,
                               fptc_error *err)
{
    struct upkeep_task *t;
    fptc_status status;

    fptc__error_clear(err);
    if (out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_result is NULL");
    *out_result = NULL;
    if (type == NULL || !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "\"%s\" cannot be an entity type",
                          type == NULL ? "" : type);
    if (project_id < 0 || since < 0 || limit < 0 || limit > 10000)
        return fptc__fail(err, FPTC_EUSAGE,
                          "project, since and limit must not be negative, limit not above 10000");
    status = upkeep_task(cache, run_changes, &t, err);
    if (status != FPTC_OK)
        return status;
    t->task.is_question = 1;
    t->task.is_question = 1;
    snprintf(t->type, sizeof(t->type), "%s", type);
    t->project_id = project_id;
    t->since = since;
    t->limit = limit == 0 ? 1000 : limit;
    return fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err);
}
