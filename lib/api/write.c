/* write.c: the order of the steps of a write; the steps are in outbox/through.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/query.h"
#include "api/result.h"
#include "api/write.h"
#include "base/error.h"
#include "base/limits.h"
#include "outbox/through.h"
#include "view/lookup.h"

/* Above this many projects FPT is asked where a row lives. */
#define PARTITIONS_LOOKED_AT_MAX 8

struct write_task {
    struct fptc__task task;
    struct fptc__intent intent;
};

/* An unknown field or an id in the data is an error before any request. */
static fptc_status check_data(struct fptc__work *w, const struct fptc__intent *t, fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    pthread_rwlock_rdlock(&cache->schema_lock);
    for (at = fptc__json_first(t->data); at != NULL && status == FPTC_OK;
         at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const char *nearest = fptc__schema_nearest(cache->schema, t->type, field);

        if (strcmp(field, "id") == 0 || strcmp(field, "type") == 0)
            status = fptc__fail(err, FPTC_EUSAGE, "%s.%s cannot be written", t->type, field);
        else if (fptc__schema_field(cache->schema, t->type, field) == NULL)
            status = fptc__fail(err, FPTC_EUSAGE, "API %s() %s.%s doesn't exist.%s%s%s",
                                fptc__verb_name(t->verb), t->type, field,
                                nearest == NULL ? "" : " Did you mean \"",
                                nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    }
    pthread_rwlock_unlock(&cache->schema_lock);
    return status;
}

fptc_status fptc__write_check(struct fptc__work *w, const struct fptc__intent *t, fptc_error *err)
{
    fptc_status status = check_data(w, t, err);

    if (status != FPTC_EUSAGE || !fptc__schema_recheck(w, t->type))
        return status;
    fptc__error_clear(err);
    return check_data(w, t, err);
}

/* Looking for a row's project in the cache: a visit saved is worth opening some partitions. */
struct project_search {
    struct fptc_cache *cache;
    const char *type;
    int64_t id;
    int64_t project; /* out; -1: none of those looked at has the row */
    int n_looked;
};

static int look_in_partition(const char *name, void *payload)
{
    struct project_search *s = payload;
    struct fptc__open_view *open = NULL;

    if (fptc__partition_project(name) == 0)
        return 0;
    if (s->n_looked++ >= PARTITIONS_LOOKED_AT_MAX)
        return 1;
    if (fptc__view_get(s->cache, name, &open, NULL) != FPTC_OK || open == NULL)
        return 0;
    if (fptc__view_refresh(open->view, fptc__handle_refresh_ms(s->cache), NULL) == FPTC_OK) {
        fptc__view_begin(open->view);
        if (fptc__view_has(open->view, FPTC__HOME, s->type, s->id, NULL))
            s->project = fptc__partition_project(name);
        fptc__view_end(open->view);
    }
    fptc__view_put(s->cache, open);
    return s->project >= 0;
}

static int64_t project_of_kept_row(struct fptc_cache *cache, const char *type, int64_t id)
{
    struct project_search s = {cache, type, id, -1, 0};

    (void)fptc__partition_list(cache->options.cache_dir, look_in_partition, &s, NULL);
    return s.project;
}

/* FPT knows the project of a row that is not kept; is_retired: of one in the trash. 0 in *out: it has none,
   or there is no such row. */
static fptc_status ask_project(struct fptc__work *w, const struct fptc__intent *t, int is_retired,
                               int64_t *out, fptc_error *err)
{
    char text[128];
    fptc__json *filters = NULL;
    struct fptc__search search = {t->type, NULL, "project", "id", 1, 1, is_retired, 0};
    struct fptc__page page = {NULL, 0, 0};
    fptc_status status;

    snprintf(text, sizeof(text),
             "{\"logical_operator\":\"and\",\"conditions\":[[\"id\",\"is\",%lld]]}",
             (long long)t->id);
    status = fptc__json_parse(text, strlen(text), "filters", &filters, err);
    search.filters = filters;
    if (status == FPTC_OK)
        status = fptc__site_search(w->cache->site, &search, w->call, &page, err);
    *out = fptc__json_get_int(fptc__json_get(fptc__json_first(page.rows), "project"), "id");
    fptc__page_done(&page);
    fptc__json_free(filters);
    return status;
}

/* The partition whose view this write works with. It has to be known beforehand: which fields the row is
   kept with, and what was `seen` of it, are told by its own partition only. */
static fptc_status find_partition(struct fptc__work *w, const struct fptc__intent *t, int may_ask,
                                  char out[64], fptc_error *err)
{
    struct fptc_cache *cache = w->cache;
    int64_t project;
    int is_project_type;
    fptc_status status = FPTC_OK;

    pthread_rwlock_rdlock(&cache->schema_lock);
    is_project_type = fptc__schema_is_project_type(cache->schema, t->type);
    pthread_rwlock_unlock(&cache->schema_lock);
    if (!is_project_type)
        project = 0;
    else if (t->verb == FPTC_VERB_CREATE)
        project = fptc__json_get_int(fptc__json_get(t->data, "project"), "id");
    else /* where it lives now, also when it is about to move */
        project = project_of_kept_row(cache, t->type, t->id);
    out[0] = '\0';
    if (project < 0 && !may_ask)
        return FPTC_OK;
    if (project < 0)
        status = ask_project(w, t, t->verb == FPTC_VERB_REVIVE, &project, err);
    if (status == FPTC_OK && project == 0 && is_project_type && t->verb == FPTC_VERB_REVIVE)
        status = ask_project(w, t, 0, &project, err); /* it lives, then, or never was */
    fptc__partition_name(project < 0 ? 0 : project, out);
    return status;
}

/* By the field set that the row is kept with, else by the schema, else by the value itself. */
static enum fptc__class class_of(struct fptc_cache *cache, const struct fptc__intent *t,
                                 const fptc__json *types, const char *name, const fptc__json *value)
{
    const char *data_type = fptc__json_get_text(types, name);
    enum fptc__class class_of =
        data_type != NULL ? fptc__class_of(data_type) : fptc__class_of_value(value);
    const struct fptc__field *field;

    pthread_rwlock_rdlock(&cache->schema_lock);
    field = fptc__schema_field(cache->schema, t->type, name);
    if (data_type == NULL && field != NULL && field->class_of != FPTC__NEVER)
        class_of = field->class_of;
    pthread_rwlock_unlock(&cache->schema_lock);
    return class_of;
}

fptc_status fptc__write_result(struct fptc_cache *cache, const struct fptc__intent *t,
                               const struct fptc__through_result *done, const fptc__json *types,
                               struct fptc_result **out, fptc_error *err)
{
    const fptc__json *at;
    const char **names = calloc(fptc__json_size(done->row) + 1, sizeof(*names));
    struct fptc__rows *rows;
    struct fptc__row *row;
    size_t n = 0, i;
    fptc_status status = names == NULL ? fptc__fail_nomem(err) : fptc__result_new(out, err);

    for (at = fptc__json_first(done->row); at != NULL && status == FPTC_OK;
         at = fptc__json_next(at)) {
        if (strcmp(fptc__json_key(at), "id") != 0 && strcmp(fptc__json_key(at), "type") != 0)
            names[n++] = fptc__json_key(at);
    }
    if (status == FPTC_OK) {
        rows = &(*out)->rows;
        status = fptc__rows_init(rows, t->type, names, n, err);
        row = status == FPTC_OK && done->row != NULL ? fptc__rows_add(rows, done->id) : NULL;
        for (i = 0; row != NULL && i < n; i++) {
            const fptc__json *value = fptc__json_get(done->row, names[i]);

            fptc__rows_set_json(rows, &row->cells[i], class_of(cache, t, types, names[i], value),
                                value);
        }
    }
    free(names);
    if (*out != NULL) {
        memcpy((*out)->event_id, t->event, sizeof(t->event));
        (*out)->source = FPTC_SOURCE_UPSTREAM;
        (*out)->is_complete = 1;
        (*out)->unsent = done->unsent;
    }
    return status;
}

int64_t fptc__handle_quiet_ms(const struct fptc_cache *cache)
{
    return fptc__duration(cache->options.quiet_ms, FPTC_QUIET_MS);
}

const char *fptc__handle_marker(struct fptc_cache *cache, const char *type)
{
    const char *marker = cache->options.marker_field;
    int has;

    if (marker == NULL)
        return NULL;
    pthread_rwlock_rdlock(&cache->schema_lock);
    has = fptc__schema_field(cache->schema, type, marker) != NULL;
    pthread_rwlock_unlock(&cache->schema_lock);
    return has ? marker : NULL;
}

static fptc_status send_write(struct fptc__work *home, struct fptc__work *outbox,
                              const struct fptc__intent *t, struct fptc_result **out_result,
                              fptc_error *err)
{
    struct fptc_cache *cache = home->cache;
    struct fptc__source source = {t->type, 0, 0, NULL};
    struct fptc__through_result done = {.row = NULL};
    struct fptc__through through;
    fptc__json *types = NULL;
    fptc_status status =
        fptc__kept_types(home, t->type, NULL, 0, &types, &source.is_project_type, err);

    source.types = types;
    memset(&through, 0, sizeof(through));
    through.outbox = outbox->session.view;
    through.follow = &home->session;
    through.source = &source;
    through.verb = t->verb;
    through.id = t->id;
    through.data = t->data;
    through.event = t->event;
    through.identity = fptc__site_identity(cache->site);
    through.marker = fptc__handle_marker(cache, t->type);
    through.quiet_ms = fptc__handle_quiet_ms(cache);
    if (status == FPTC_OK)
        status = fptc__through(&through, &done, err);
    if (status == FPTC_OK || status == FPTC_MISS) {
        if (!done.is_row_kept)
            fptc__handle_distrust(cache);
        (void)fptc__view_refresh(home->session.view, 0, NULL);
        fptc__handle_has_committed(cache);
    }
    if (status >= 0 && fptc__write_result(cache, t, &done, types, out_result, err) != FPTC_OK)
        status = FPTC_ENOMEM;
    fptc__json_free(done.row);
    fptc__json_free(types);
    return status;
}

fptc_status fptc__write_prepare(struct fptc_cache *cache, const struct fptc__call *call,
                                const struct fptc__intent *t, int may_ask, char partition[64],
                                fptc_error *err)
{
    struct fptc__work site;
    fptc_status status = fptc__work_begin(&site, cache, call, "site", err);

    if (status == FPTC_OK)
        status = fptc__handle_may_ask(cache, err);
    if (status == FPTC_OK)
        status = fptc__schema_need(&site, t->type, 1, err);
    if (status == FPTC_OK && !t->is_recorded)
        status = fptc__write_check(&site, t, err);
    if (status == FPTC_OK)
        status = find_partition(&site, t, may_ask, partition, err);
    fptc__work_end(&site);
    return status;
}

/* With the rows' own ids. */
static fptc_status run_resolved(struct fptc_cache *cache, const struct fptc__call *call,
                                const struct fptc__intent *intent, struct fptc_result **out_result,
                                fptc_error *err)
{
    struct fptc__work home, outbox;
    char partition[64] = "site";
    fptc_status status = fptc__write_prepare(cache, call, intent, 1, partition, err);

    memset(&home, 0, sizeof(home));
    memset(&outbox, 0, sizeof(outbox));
    if (status == FPTC_OK)
        status = fptc__work_begin(&outbox, cache, call, "outbox", err);
    if (status == FPTC_OK)
        status = fptc__work_begin(&home, cache, call, partition, err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(home.session.view, 0, err); /* `seen` is the head now */
    if (status == FPTC_OK)
        status = send_write(&home, &outbox, intent, out_result, err);
    fptc__work_end(&home);
    fptc__work_end(&outbox);
    pthread_mutex_lock(&cache->mutex);
    cache->counters.writes += status == FPTC_OK;
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

fptc_status fptc__write_run(struct fptc_cache *cache, const struct fptc__call *call,
                            const struct fptc__intent *intent, struct fptc_result **out_result,
                            fptc_error *err)
{
    struct fptc__intent own;
    fptc_status status;

    if (intent->terms.is_behind && !intent->is_recorded)
        return fptc__write_behind(cache, call, intent, out_result, err);
    status = fptc__intent_resolve(cache, call, intent, &own, err);
    if (status == FPTC_OK)
        status = run_resolved(cache, call, &own, out_result, err);
    fptc__json_free(own.data);
    return status;
}

static fptc_status run_write(struct fptc__task *task, const struct fptc__call *call,
                             fptc_error *err)
{
    const struct write_task *t = (const struct write_task *)task;
    fptc_status status = fptc__handle_may_change(task->cache, "writing", err);

    if (status != FPTC_OK)
        return status;
    return t->intent.verb == FPTC_VERB_BATCH
               ? fptc__batch_run(task->cache, call, &t->intent, &task->result, err)
               : fptc__write_run(task->cache, call, &t->intent, &task->result, err);
}

static void destroy_write(struct fptc__task *task)
{
    fptc__json_free(((struct write_task *)task)->intent.data);
    free(task);
}

/* The caller left before the end: all it can be told is the event id. */
static fptc_status only_event(const char *event, fptc_result **out_result, fptc_error *err)
{
    fptc_status status = fptc__result_new(out_result, err);

    if (status == FPTC_OK)
        memcpy((*out_result)->event_id, event, 33);
    return status;
}

static fptc_status check_write(const struct fptc_cache *cache, const struct fptc_write *w,
                               fptc_error *err)
{
    int is_behind = fptc__write_mode(w, cache) == FPTC_WRITE_BEHIND;

    if (w->data == NULL && w->verb != FPTC_VERB_DELETE && w->verb != FPTC_VERB_REVIVE)
        return fptc__fail(err, FPTC_EUSAGE,
                          "a create, update or batch needs data: fptc_write_set_data()");
    if (!is_behind && w->policy != FPTC_CONFLICT_DEFAULT && w->policy != FPTC_CONFLICT_OVERWRITE)
        return fptc__fail(err, FPTC_EUSAGE,
                          "a write through overwrites; set another policy for a write behind only");
    return FPTC_OK;
}

fptc_status fptc_cache_write(fptc_cache *cache, fptc_write *write, fptc_result **out_result,
                             fptc_error *err)
{
    struct write_task *task;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (write == NULL || out_result == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "write or out_result is NULL");
    *out_result = NULL;
    status = check_write(cache, write, err);
    if (status != FPTC_OK)
        return status;
    task = fptc__task_new(sizeof(*task), cache, run_write, destroy_write, err);
    if (task == NULL)
        return FPTC_ENOMEM;
    task->task.late_status = FPTC_UNKNOWN;
    task->intent.verb = write->verb;
    task->intent.id = write->id;
    task->intent.terms.is_behind = fptc__write_mode(write, cache) == FPTC_WRITE_BEHIND;
    task->intent.terms.policy = write->policy;
    snprintf(task->intent.type, sizeof(task->intent.type), "%s", write->type);
    memcpy(task->intent.event, write->event_id, sizeof(task->intent.event));
    if (write->data != NULL) {
        task->intent.data = fptc__json_copy(write->data);
        if (task->intent.data == NULL) {
            destroy_write(&task->task);
            return fptc__fail_nomem(err);
        }
    }
    status = fptc__task_run(
        &task->task, write->deadline_ms != 0 ? write->deadline_ms : cache->options.deadline_ms,
        out_result, err);
    if (status > 0 && *out_result == NULL &&
        only_event(write->event_id, out_result, NULL) != FPTC_OK)
        return FPTC_ENOMEM;
    return status;
}
