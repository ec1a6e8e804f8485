/* dropping.c: dropping what the cache holds of a project. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "base/error.h"
#include "base/limits.h"
#include "store/compact.h"
#include "store/drop.h"
#include "view/lookup.h"
#include "view/mutation.h"

/* Event ids that a refusal names. */
#define EVENTS_NAMED 5

struct drop_task {
    struct fptc__task task;
    int64_t project_id;
};

static void destroy_drop(struct fptc__task *task)
{
    free(task);
}

/* -------------------------------------------------------------------------------- writes without an end */

struct unsettled {
    struct fptc__view *home; /* NULL: it cannot be read, and may have every row */
    int64_t project_id;
    int n;
    char events[EVENTS_NAMED * 34];
};

static int is_of_project(const struct unsettled *u, const struct fptc__mutation *m,
                         const char *data)
{
    fptc__json *values = NULL;
    const fptc__json *project;
    int is_its = u->home == NULL;

    if (m->id != 0 && u->home != NULL)
        is_its = fptc__view_has(u->home, FPTC__HOME, m->type, m->id, NULL);
    if (!is_its && data != NULL &&
        fptc__json_parse(data, strlen(data), "data", &values, NULL) == FPTC_OK) {
        project = fptc__json_get(values, "project");
        is_its = fptc__json_get_int(project, "id") == u->project_id;
    }
    fptc__json_free(values);
    return is_its;
}

static int note_unsettled(const struct fptc__mutation *m, const char *data, void *payload)
{
    struct unsettled *u = payload;
    size_t at = strlen(u->events);

    if (!is_of_project(u, m, data))
        return 0;
    if (u->n++ < EVENTS_NAMED)
        snprintf(u->events + at, sizeof(u->events) - at, " %s", m->event);
    return 0;
}

/* The outbox is looked at with the project's view standing still; both are views of the handle. */
static fptc_status check_outbox(struct fptc__work *home, const struct drop_task *t, fptc_error *err)
{
    struct unsettled u = {.project_id = t->project_id};
    struct fptc__open_view *outbox = NULL;
    fptc_status status = fptc__view_get(t->task.cache, "outbox", &outbox, err);

    if (status != FPTC_OK)
        return status;
    if (fptc__view_refresh(home->session.view, 0, NULL) == FPTC_OK)
        u.home = home->session.view;
    status = fptc__view_refresh(outbox->view, 0, err);
    if (status == FPTC_OK) {
        fptc__view_begin(outbox->view);
        if (u.home != NULL)
            fptc__view_begin(u.home);
        status = fptc__mutation_each_unsettled(outbox->view, note_unsettled, &u, err);
        if (u.home != NULL)
            fptc__view_end(u.home);
        fptc__view_end(outbox->view);
    }
    fptc__view_put(t->task.cache, outbox);
    if (status == FPTC_OK && u.n > 0)
        status = fptc__fail(err, FPTC_ESTATE,
                            "project %" PRId64 " has %d writes whose end is not known; repeat them "
                            "with their event ids first:%s%s",
                            t->project_id, u.n, u.events, u.n > EVENTS_NAMED ? " ..." : "");
    return status;
}

/* ------------------------------------------------------------------------------- what `site` says of it */

struct keys {
    fptc__json *list;
    size_t len; /* of the prefix */
    int failed;
};

/* "schema@101" and "schema@101:Shot", not "schema@1012". */
static int note_key(const char *key, const char *value, void *payload)
{
    struct keys *k = payload;

    (void)value;
    if (key[k->len] == '\0' || key[k->len] == ':')
        k->failed = !fptc__json_append(k->list, fptc__json_new_text(key)) || k->failed;
    return k->failed;
}

static fptc_status forget_keys(struct fptc__work *site, const fptc__json *keys, int64_t asof_ms,
                               fptc_error *err)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    const fptc__json *key;
    fptc_status status = FPTC_OK;

    for (key = fptc__json_first(keys); key != NULL && status == FPTC_OK;
         key = fptc__json_next(key)) {
        fptc__json *body = fptc__json_new_object();
        int ok = fptc__json_set(body, "key", fptc__json_copy(key));

        ok = fptc__json_set(body, "value", fptc__json_new_null()) && ok;
        ok = fptc__json_set(body, "asof", fptc__json_new_int(asof_ms)) && ok;
        status =
            ok ? fptc__records_add_json(&records, FPTC__CONFIG, body, err) : fptc__fail_nomem(err);
        fptc__json_free(body);
    }
    if (status == FPTC_OK && records.n > 0)
        status = fptc__log_append(fptc__view_log(site->session.view, FPTC__HOME), &append,
                                  site->call, err);
    fptc__records_done(&records);
    return status;
}

/* The schema as the project showed it. */
static fptc_status forget_schema(struct fptc__work *site, int64_t project_id, int64_t asof_ms,
                                 fptc_error *err)
{
    char prefix[40];
    struct keys k = {fptc__json_new_array(), 0, 0};
    fptc_status status = fptc__view_refresh(site->session.view, 0, err);

    k.len = (size_t)snprintf(prefix, sizeof(prefix), "schema@%" PRId64, project_id);
    if (status == FPTC_OK) {
        fptc__view_begin(site->session.view);
        status = fptc__view_config_list(site->session.view, FPTC__HOME, prefix, note_key, &k, err);
        fptc__view_end(site->session.view);
    }
    if (status == FPTC_OK && k.failed)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = forget_keys(site, k.list, asof_ms, err);
    fptc__json_free(k.list);
    return status;
}

/* ---------------------------------------------------------------------------------- the order of the steps */

/* The drop is done: what follows it anybody can do, and is not the caller's trouble. */
static void follow_up(struct drop_task *t, const struct fptc__call *call,
                      const struct fptc__partition *p, int64_t asof_ms)
{
    struct fptc_cache *cache = t->task.cache;
    struct fptc__work site;
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__compact(p, call, &cache->logger, NULL, &err) != FPTC_OK)
        fptc__log_line(&cache->logger, FPTC_LOG_WARNING,
                       "%s is dropped; its empty base is for the next compaction: %s", p->name,
                       err.message);
    if (fptc__work_begin(&site, cache, call, "site", &err) != FPTC_OK ||
        forget_schema(&site, t->project_id, asof_ms, &err) != FPTC_OK)
        fptc__log_line(&cache->logger, FPTC_LOG_WARNING,
                       "the schema that project %" PRId64 " showed is still kept: %s",
                       t->project_id, err.message);
    fptc__work_end(&site);
    fptc__handle_has_committed(cache);
}

static fptc_status run_drop(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct drop_task *t = (struct drop_task *)task;
    struct fptc_cache *cache = task->cache;
    struct fptc__partition p;
    struct fptc__work home;
    char partition[64];
    uint64_t number;
    int64_t now_ms = 0;
    fptc_status status = fptc__handle_may_change(cache, "dropping", err);

    memset(&home, 0, sizeof(home));
    fptc__partition_name(t->project_id, partition);
    if (status == FPTC_OK)
        status = fptc__handle_may_read(cache, err);
    if (status == FPTC_OK)
        status = fptc__partition_at(cache->options.cache_dir, partition, &p, err);
    if (status == FPTC_OK)
        status = fptc__partition_exists(&p, err);
    if (status == FPTC_OK)
        status = fptc__work_begin(&home, cache, call, partition, err);
    if (status == FPTC_OK)
        status = check_outbox(&home, t, err);
    if (status == FPTC_OK)
        status = fptc__handle_now(cache, &now_ms, err);
    if (status == FPTC_OK)
        status = fptc__drop_append(&p, now_ms, call, &cache->logger, &number, err);
    if (status == FPTC_OK)
        follow_up(t, call, &p, now_ms);
    fptc__work_end(&home);
    return status;
}

fptc_status fptc_cache_drop(fptc_cache *cache, int64_t project_id, fptc_error *err)
{
    struct drop_task *t;
    fptc_status status = fptc__handle_check(cache, err);

    if (status != FPTC_OK)
        return status;
    if (project_id <= 0)
        return fptc__fail(err, FPTC_EUSAGE, "%" PRId64 " is no project", project_id);
    t = fptc__task_new(sizeof(*t), cache, run_drop, destroy_drop, err);
    if (t == NULL)
        return FPTC_ENOMEM;
    t->project_id = project_id;
    return fptc__task_run(&t->task, cache->options.deadline_ms, NULL, err);
}
