/* mirror.c: declarations of what is kept whole (config "mirror:<Type>"), and bringing it up to date. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"
#include "follow/fetch.h"
#include "query/request.h"
#include "store/rollup.h"
#include "view/lookup.h"

struct mirror_task {
    struct fptc__task task;
    int64_t project_id;
    char type[FPTC_NAME_BYTES_MAX + 1];
    char *fields;
    int is_removal;
    struct fptc__progress progress;
};

static void destroy_mirror(struct fptc__task *task)
{
    free(((struct mirror_task *)task)->fields);
    free(task);
}

static fptc_status mirror_task(fptc_cache *cache, int64_t project_id, const char *type,
                               fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                                  fptc_error *),
                               struct mirror_task **out, fptc_error *err)
{
    fptc_status status = fptc__handle_check(cache, err);

    *out = NULL;
    if (status != FPTC_OK)
        return status;
    if (project_id < 0)
        return fptc__fail(err, FPTC_EUSAGE, "project id %lld is negative", (long long)project_id);
    if (type != NULL && !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "\"%s\" cannot be an entity type", type);
    *out = fptc__task_new(sizeof(**out), cache, run, destroy_mirror, err);
    if (*out == NULL)
        return FPTC_ENOMEM;
    (*out)->project_id = project_id;
    snprintf((*out)->type, sizeof((*out)->type), "%s", type == NULL ? "" : type);
    return FPTC_OK;
}

/* --------------------------------------------------------------------------------- declaring, withdrawing */

/* The names as a JSON array, each a field of the type that can be kept; NULL fields: null. */
static fptc_status fields_value(struct fptc__work *w, const struct mirror_task *t, fptc__json **out,
                                fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    struct fptc__request names;
    fptc__json *list = NULL;
    size_t i;
    fptc_status status;

    if (t->fields == NULL) {
        *out = fptc__json_new_null();
        return *out == NULL ? fptc__fail_nomem(err) : FPTC_OK;
    }
    status = fptc__request_init(&names, t->type, err);
    if (status != FPTC_OK)
        return status;
    list = fptc__json_new_array();
    status = fptc__request_set_fields(&names, t->fields, err);
    pthread_rwlock_rdlock(&cache->schema_lock);
    for (i = 0; i < names.n_fields && status == FPTC_OK; i++) {
        const struct fptc__field *field =
            fptc__schema_field(cache->schema, t->type, names.fields[i]);

        if (field == NULL)
            status = fptc__fail(err, FPTC_EUSAGE, "%s.%s doesn't exist", t->type, names.fields[i]);
        else if (field->class_of == FPTC__NEVER)
            status = fptc__fail(err, FPTC_EUSAGE,
                                "%s.%s (%s) is never kept: its value is signed for "
                                "each reader",
                                t->type, field->name, field->data_type);
        else if (!fptc__json_append(list, fptc__json_new_text(field->name)))
            status = fptc__fail_nomem(err);
    }
    pthread_rwlock_unlock(&cache->schema_lock);
    fptc__request_done(&names);
    if (status != FPTC_OK)
        fptc__json_free(list);
    else
        *out = list;
    return status;
}

static fptc_status append_config(struct fptc__work *w, enum fptc__part part, const char *key,
                                 fptc__json *value, fptc_error *err)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    fptc__json *body = fptc__json_new_object();
    int64_t now_ms = 0;
    fptc_status status = fptc__handle_now(w->cache, &now_ms, err);
    int ok = fptc__json_set(body, "key", fptc__json_new_text(key));

    ok = fptc__json_set(body, "value", value) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(now_ms)) && ok;
    if (status == FPTC_OK && !ok)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__records_add_json(&records, FPTC__CONFIG, body, err);
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(w->session.view, part), err);
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(w->session.view, part), &append, w->call, err);
    fptc__json_free(body);
    fptc__records_done(&records);
    return status;
}

static fptc_status check_scope(struct fptc__work *w, const struct mirror_task *t, fptc_error *err)
{
    int is_project_type;

    pthread_rwlock_rdlock(&w->cache->schema_lock);
    is_project_type = fptc__schema_is_project_type(w->cache->schema, t->type);
    pthread_rwlock_unlock(&w->cache->schema_lock);
    if (is_project_type && t->project_id == 0)
        return fptc__fail(err, FPTC_EUSAGE, "%s belongs to projects: say which one (--project ID)",
                          t->type);
    return FPTC_OK;
}

static fptc_status run_mirror(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    struct mirror_task *t = (struct mirror_task *)task;
    struct fptc__work w;
    fptc__json *value = NULL, *old = NULL;
    enum fptc__part part = FPTC__HOME;
    char partition[64], key[300];
    fptc_status status = fptc__handle_may_change(task->cache, "declaring", err);

    memset(&w, 0, sizeof(w));
    fptc__partition_name(t->project_id, partition);
    snprintf(key, sizeof(key), "mirror:%s", t->type);
    if (status == FPTC_OK)
        status = fptc__handle_may_read(task->cache, err);
    if (status == FPTC_OK)
        status = fptc__work_begin(&w, task->cache, call, partition, err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(w.session.view, 0, err);
    if (status == FPTC_OK)
        status = fptc__schema_need(&w, t->type, 1, err);
    if (status == FPTC_OK)
        status = check_scope(&w, t, err);
    if (status == FPTC_OK) {
        int is_project_type;

        pthread_rwlock_rdlock(&w.cache->schema_lock);
        is_project_type = fptc__schema_is_project_type(w.cache->schema, t->type);
        pthread_rwlock_unlock(&w.cache->schema_lock);
        part = fptc__view_part_of(w.session.view, is_project_type);
    }
    if (status == FPTC_OK && t->is_removal) {
        fptc__view_begin(w.session.view);
        status = fptc__view_config(w.session.view, part, key, &old, NULL, err);
        fptc__view_end(w.session.view);
        if (status == FPTC_OK)
            status = append_config(&w, part, key, fptc__json_new_null(), err);
    } else if (status == FPTC_OK) {
        fptc__json *wrapped = fptc__json_new_object();

        status = fields_value(&w, t, &value, err);
        if (status == FPTC_OK && fptc__json_set(wrapped, "fields", value))
            status = append_config(&w, part, key, wrapped, err);
        else
            fptc__json_free(wrapped);
    }
    fptc__json_free(old);
    fptc__work_end(&w);
    return status;
}

fptc_status fptc_cache_mirror_add(fptc_cache *cache, int64_t project_id, const char *type,
                                  const char *fields, fptc_error *err)
{
    struct mirror_task *t;
    fptc_status status =
        mirror_task(cache, project_id, type == NULL ? "" : type, run_mirror, &t, err);

    if (status != FPTC_OK)
        return status;
    if (fields != NULL && (t->fields = strdup(fields)) == NULL) {
        destroy_mirror(&t->task);
        return fptc__fail_nomem(err);
    }
    return fptc__task_run(&t->task, cache->options.deadline_ms, NULL, err);
}

fptc_status fptc_cache_mirror_rm(fptc_cache *cache, int64_t project_id, const char *type,
                                 fptc_error *err)
{
    struct mirror_task *t;
    fptc_status status =
        mirror_task(cache, project_id, type == NULL ? "" : type, run_mirror, &t, err);

    if (status != FPTC_OK)
        return status;
    t->is_removal = 1;
    return fptc__task_run(&t->task, cache->options.deadline_ms, NULL, err);
}

/* ------------------------------------------------------------------------------ all declarations there are */

struct declarations {
    struct fptc_cache *cache;
    const struct fptc__call *call;
    fptc_error *err;
    fptc_status status;
    /* What to do with each; the view is refreshed and not begun. */
    fptc_status (*each)(struct fptc__work *w, int64_t project_id, const char *type,
                        const fptc__json *value, void *payload, fptc_error *err);
    void *payload;
    int64_t only_project; /* 0: all */
    int64_t n;
    fptc__json *found; /* of the partition at hand: [[type, value], ...] */
};

static int collect(const char *key, const char *value, void *payload)
{
    struct declarations *d = payload;
    fptc__json *pair = fptc__json_new_array(), *parsed = NULL;
    int ok = fptc__json_parse(value, strlen(value), key, &parsed, d->err) == FPTC_OK;

    ok = fptc__json_append(pair, fptc__json_new_text(strchr(key, ':') + 1)) && ok;
    ok = fptc__json_append(pair, parsed) && ok;
    if (!fptc__json_append(d->found, pair) || !ok)
        d->status = fptc__fail_nomem(d->err);
    return d->status != FPTC_OK;
}

static fptc_status visit(struct declarations *d, struct fptc__work *w, int64_t project_id)
{
    const fptc__json *at;

    d->found = fptc__json_new_array();
    d->status = fptc__view_refresh(w->session.view, 0, d->err);
    if (d->status == FPTC_OK) {
        fptc_status status;

        fptc__view_begin(w->session.view);
        status = fptc__view_config_list(w->session.view, FPTC__HOME, "mirror:", collect, d, d->err);
        fptc__view_end(w->session.view);
        if (status != FPTC_OK)
            d->status = status;
    }
    for (at = fptc__json_first(d->found); at != NULL && d->status == FPTC_OK;
         at = fptc__json_next(at)) {
        const fptc__json *type = fptc__json_first(at);

        d->n++;
        d->status = d->each(w, project_id, fptc__json_text(type), fptc__json_next(type), d->payload,
                            d->err);
    }
    fptc__json_free(d->found);
    d->found = NULL;
    return d->status;
}

static int visit_partition(const char *name, void *payload)
{
    struct declarations *d = payload;
    int64_t project_id = fptc__partition_project(name);
    struct fptc__work w;

    if (strcmp(name, "outbox") == 0 ||
        (d->only_project != 0 && project_id != 0 && project_id != d->only_project))
        return 0;
    d->status = fptc__work_begin(&w, d->cache, d->call, name, d->err);
    if (d->status == FPTC_OK)
        d->status = visit(d, &w, project_id);
    fptc__work_end(&w);
    return d->status != FPTC_OK;
}

static fptc_status for_declarations(struct declarations *d)
{
    fptc_status status =
        fptc__partition_list(d->cache->options.cache_dir, visit_partition, d, d->err);

    return status == FPTC_OK || status == FPTC_MISS ? d->status : status;
}

/* ------------------------------------------------------------------------------------------------- listing */

static fptc_status list_one(struct fptc__work *w, int64_t project_id, const char *type,
                            const fptc__json *value, void *payload, fptc_error *err)
{
    fptc__json *entry = fptc__json_new_object(), *age = NULL;
    struct fptc__cover cover;
    int64_t rows = 0, now_ms = 0;
    fptc_status status, covered;
    int ok;

    status = fptc__handle_now(w->cache, &now_ms, err);
    fptc__view_begin(w->session.view);
    covered = fptc__view_cover(w->session.view, FPTC__HOME, type, &cover, err);
    if (covered == FPTC_OK)
        age = fptc__json_new_double((double)(now_ms - cover.asof_ms) / 1000.0);
    if (status == FPTC_OK)
        status = fptc__view_count(w->session.view, FPTC__HOME, type, &rows, err);
    fptc__view_end(w->session.view);
    fptc__cover_done(&cover);
    ok = fptc__json_set(entry, "project", fptc__json_new_int(project_id));
    ok = fptc__json_set(entry, "type", fptc__json_new_text(type)) && ok;
    ok = fptc__json_set(entry, "fields", fptc__json_copy(fptc__json_get(value, "fields"))) && ok;
    ok = fptc__json_set(entry, "as_of_age_s", age == NULL ? fptc__json_new_null() : age) && ok;
    ok = fptc__json_set(entry, "rows", fptc__json_new_int(rows)) && ok;
    if (!fptc__json_append(payload, entry) || !ok)
        return fptc__fail_nomem(err);
    return status;
}

static fptc_status run_list(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    fptc__json *list = fptc__json_new_array();
    struct declarations d = {task->cache, call, err, FPTC_OK, list_one, list, 0, 0, NULL};
    fptc_status status = for_declarations(&d);

    if (status == FPTC_OK)
        status = fptc__task_document(task, list, err);
    fptc__json_free(list);
    return status;
}

fptc_status fptc_cache_mirror_list(fptc_cache *cache, fptc_result **out_result, fptc_error *err)
{
    struct mirror_task *t;
    fptc_status status;

    if (out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_result is NULL");
    *out_result = NULL;
    status = mirror_task(cache, 0, NULL, run_list, &t, err);
    return status == FPTC_OK ? fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err)
                             : status;
}

/* --------------------------------------------------------------------------------------------------- sync */

struct sync {
    struct fptc__progress progress;
    fptc__json *types;
    int64_t rows;
};

static int64_t requests_of(struct fptc_cache *cache)
{
    struct fptc__site_counts c;

    fptc__site_counts(cache->site, &c);
    return c.auth + c.schema + c.search + c.text_search + c.read + c.create + c.update + c.delete_ +
           c.revive;
}

static fptc_status report(struct sync *s, const struct fptc__source *source,
                          const struct fptc__fetch_stats *stats, int64_t requests, fptc_error *err)
{
    fptc__json *entry = fptc__json_new_object();
    int ok = fptc__json_set(entry, "project", fptc__json_new_int(source->project_id));

    ok = fptc__json_set(entry, "type", fptc__json_new_text(source->type)) && ok;
    ok = fptc__json_set(entry, "rows", fptc__json_new_int(stats->rows)) && ok;
    ok = fptc__json_set(entry, "changed", fptc__json_new_int(stats->changed)) && ok;
    ok = fptc__json_set(entry, "gone", fptc__json_new_int(stats->gone)) && ok;
    ok = fptc__json_set(entry, "requests", fptc__json_new_int(requests)) && ok;
    return fptc__json_append(s->types, entry) && ok ? FPTC_OK : fptc__fail_nomem(err);
}

/* What was loaded does not stay in every reader's memory, nor in thousands of files. */
static fptc_status fold(struct fptc__work *w, int64_t rows, fptc_error *err)
{
    const struct fptc__partition *p = fptc__view_partition(w->session.view, FPTC__HOME);

    if (fptc__compact_is_due_after(p, rows))
        return fptc__compact(p, w->call, &w->cache->logger, NULL, err);
    return fptc__rollup_is_due(p) ? fptc__rollup(p, w->call, &w->cache->logger, NULL, err)
                                  : FPTC_OK;
}

static fptc_status sync_one(struct fptc__work *w, int64_t project_id, const char *type,
                            const fptc__json *value, void *payload, fptc_error *err)
{
    struct sync *s = payload;
    struct fptc__source source = {type, 0, project_id, NULL};
    struct fptc__fetch_stats stats = {0, 0, 0};
    fptc__json *types = NULL;
    int64_t before = requests_of(w->cache);
    fptc_status status = fptc__schema_need(w, type, 1, err);

    (void)value;
    if (status == FPTC_OK)
        status = fptc__kept_types(w, type, NULL, 0, &types, &source.is_project_type, err);
    source.types = types;
    pthread_mutex_lock(&w->open->flight);
    if (status == FPTC_OK)
        status = fptc__fetch_source(&w->session, &source, &s->progress, &stats, err);
    pthread_mutex_unlock(&w->open->flight);
    s->rows += stats.changed;
    if (status == FPTC_OK)
        status = fold(w, stats.changed, err);
    fptc__handle_has_committed(w->cache);
    if (status == FPTC_OK) /* a tool sees at once what it has fetched itself */
        status = fptc__view_refresh(w->session.view, 0, err);
    if (status == FPTC_OK)
        status = report(s, &source, &stats, requests_of(w->cache) - before, err);
    fptc__json_free(types);
    return status;
}

static fptc_status run_sync(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    const struct mirror_task *t = (const struct mirror_task *)task;
    struct sync s = {t->progress, fptc__json_new_array(), 0};
    struct declarations d = {task->cache, call, err, FPTC_OK, sync_one, &s, t->project_id, 0, NULL};
    int64_t before = requests_of(task->cache), start = fptc__mono_ms();
    fptc__json *document = fptc__json_new_object();
    fptc_status status = fptc__handle_may_ask(task->cache, err);
    int ok;

    if (status == FPTC_OK)
        status = for_declarations(&d);
    if (status == FPTC_OK && d.n == 0)
        status = fptc__fail(err, FPTC_ENODATA,
                            "nothing is declared to be mirrored; say what with mirror add");
    ok = fptc__json_set(document, "types", s.types);
    ok = fptc__json_set(document, "requests",
                        fptc__json_new_int(requests_of(task->cache) - before)) &&
         ok;
    ok = fptc__json_set(document, "rows", fptc__json_new_int(s.rows)) && ok;
    ok = fptc__json_set(document, "seconds",
                        fptc__json_new_double((double)(fptc__mono_ms() - start) / 1000.0)) &&
         ok;
    if (status == FPTC_OK)
        status = ok ? fptc__task_document(task, document, err) : fptc__fail_nomem(err);
    fptc__json_free(document);
    return status;
}

fptc_status fptc__mirror_follow(struct fptc_cache *cache, const struct fptc__call *call,
                                const char *partition, int64_t *out_rows, fptc_error *err)
{
    struct sync s = {{NULL, NULL}, fptc__json_new_array(), 0};
    struct declarations d = {cache, call, err, FPTC_OK, sync_one, &s, 0, 0, NULL};

    (void)visit_partition(partition, &d);
    fptc__json_free(s.types);
    *out_rows = s.rows;
    return d.status;
}

fptc_status fptc_cache_sync(fptc_cache *cache, int64_t project_id, fptc_progress_fn progress,
                            void *payload, fptc_result **out_result, fptc_error *err)
{
    struct mirror_task *t;
    fptc_status status = mirror_task(cache, project_id, NULL, run_sync, &t, err);

    if (out_result != NULL)
        *out_result = NULL;
    if (status != FPTC_OK)
        return status;
    t->progress.fn = progress;
    t->progress.payload = payload;
    return fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err);
}
