/*
 * site_schema.c: the site's schema, asked of FPT once for everybody and kept as settings of the partition
 * `site`: "schema" is the list of types, "schema:Shot" the fields of one; "schema@101" and
 * "schema@101:Shot" are the same as project 101 shows them.
 *
 * Finds believe a kept schema whatever its age; fptc_cache_schema() believes it for a while
 * (FPTC_SCHEMA_BELIEVED_MS, or the handle's max_age if that is longer), then asks again; while FPT
 * cannot be asked, what is kept is the answer, marked stale.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "base/error.h"
#include "base/limits.h"
#include "share/flight.h"
#include "view/lookup.h"

/* Flights of others waited for before FPT is asked all the same. */
#define FLIGHTS_JOINED_MAX 3

/* What a topic works on while it is being found out. */
struct inquiry {
    struct fptc__schema_topic *topic;
    struct fptc__open_view *site;
    char key[FPTC_NAME_BYTES_MAX + 64];
    fptc__json *kept; /* what the cache has of it, whatever its age */
    int64_t kept_asof_ms;
};

static void name_key(const struct fptc__schema_topic *t, const char *separator, char *out, size_t n)
{
    char project[32] = "";

    if (t->project_id != 0)
        snprintf(project, sizeof(project), "@%" PRId64, t->project_id);
    snprintf(out, n, "schema%s%s%s", project, t->type == NULL ? "" : separator,
             t->type == NULL ? "" : t->type);
}

static fptc_status site_view(struct fptc__work *w, struct fptc__open_view **out, fptc_error *err)
{
    fptc_status status = fptc__view_get(w->cache, "site", out, err);

    if (status == FPTC_OK)
        status = fptc__view_refresh((*out)->view, fptc__handle_refresh_ms(w->cache), err);
    if (status != FPTC_OK) {
        fptc__view_put(w->cache, *out);
        *out = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------------------------ what the cache has */

static fptc_status take_kept(struct inquiry *q, fptc_error *err)
{
    fptc__json *value = NULL;
    int64_t asof_ms = 0;
    fptc_status status;

    fptc__view_begin(q->site->view);
    status = fptc__view_config(q->site->view, FPTC__HOME, q->key, &value, &asof_ms, err);
    fptc__view_end(q->site->view);
    if (status == FPTC_OK) {
        fptc__json_free(q->kept);
        q->kept = value;
        q->kept_asof_ms = asof_ms;
    }
    return status;
}

static int64_t age_of(struct inquiry *q)
{
    int64_t now_ms = 0;

    if (fptc__handle_now(q->topic->work->cache, &now_ms, NULL) != FPTC_OK)
        return INT64_MAX;
    return now_ms > q->kept_asof_ms ? now_ms - q->kept_asof_ms : 0;
}

static fptc_status give_kept(struct inquiry *q, int64_t age_ms, int32_t source)
{
    q->topic->value = q->kept;
    q->kept = NULL;
    q->topic->source = source;
    q->topic->age_ms = age_ms;
    return FPTC_OK;
}

/* FPTC_MISS when the cache does not have it, or not as young as it has to be. */
static fptc_status from_cache(struct inquiry *q, int64_t most_ms, fptc_error *err)
{
    fptc_status status = take_kept(q, err);
    int64_t age_ms;

    if (status != FPTC_OK)
        return status;
    if (most_ms == INT64_MAX)
        return give_kept(q, 0, FPTC_SOURCE_CACHE);
    age_ms = age_of(q);
    return age_ms < most_ms ? give_kept(q, age_ms, FPTC_SOURCE_CACHE) : FPTC_MISS;
}

static void keep(struct inquiry *q, int64_t asof_ms)
{
    struct fptc__records records = {0};
    struct fptc__append append = {.records = &records};
    fptc__json *body = fptc__json_new_object();
    fptc_status status;
    int ok;

    ok = fptc__json_set(body, "key", fptc__json_new_text(q->key));
    ok = fptc__json_set(body, "value", fptc__json_copy(q->topic->value)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(asof_ms)) && ok;
    status = ok ? fptc__records_add_json(&records, FPTC__CONFIG, body, NULL) : FPTC_ENOMEM;
    if (status == FPTC_OK)
        status = fptc__partition_make(fptc__view_partition(q->site->view, FPTC__HOME), NULL);
    if (status == FPTC_OK) /* if it fails, others only ask again */
        (void)fptc__log_append(fptc__view_log(q->site->view, FPTC__HOME), &append,
                               q->topic->work->call, NULL);
    fptc__json_free(body);
    fptc__records_done(&records);
}

/* ------------------------------------------------------------------------------------------ asking FPT */

/* The site's list of types, for messages and for knowing that a type is none. NULL: not to be had. */
static fptc__json *list_of_types(struct inquiry *q, int may_ask)
{
    struct fptc__schema_topic list = {.work = q->topic->work,
                                      .believed_ms = FPTC_SCHEMA_RECHECK_MS,
                                      .may_ask = may_ask,
                                      .must_be_young = 1};

    return fptc__schema_find(&list, NULL) == FPTC_OK ? list.value : NULL;
}

static fptc_status no_type(const char *type, const fptc__json *types, fptc_error *err)
{
    const char *near = fptc__nearest_key(types, type);

    return fptc__fail(err, FPTC_EUSAGE, "Entity type '%s' does not exist.%s%s%s", type,
                      near == NULL ? "" : " Did you mean \"", near == NULL ? "" : near,
                      near == NULL ? "" : "\"?");
}

/* FPTC_EUSAGE without a request when the types are known and this is none of them. */
static fptc_status check_type(struct inquiry *q, fptc_error *err)
{
    fptc__json *types = q->topic->type == NULL ? NULL : list_of_types(q, 0);
    fptc_status status = FPTC_OK;

    if (types != NULL && fptc__json_get(types, q->topic->type) == NULL)
        status = no_type(q->topic->type, types, err);
    fptc__json_free(types);
    return status;
}

static fptc_status ask(struct inquiry *q, fptc_error *err)
{
    struct fptc__schema_topic *t = q->topic;
    struct fptc_cache *cache = t->work->cache;
    int is_stranger = fptc__handle_is_stranger(cache);
    int64_t asof_ms = 0;
    fptc_status status = is_stranger ? FPTC_OK : fptc__handle_may_ask(cache, err);
    fptc_status dated = status == FPTC_OK ? fptc__handle_now(cache, &asof_ms, NULL) : status;

    if (status == FPTC_OK)
        status = check_type(q, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__site_schema(cache->site, t->type, t->project_id, t->work->call, &t->value, err);
    if (status == FPTC_EUSAGE && t->type != NULL) {
        fptc__json *types = list_of_types(q, 1);

        if (types != NULL)
            status = no_type(t->type, types, err);
        fptc__json_free(types);
    }
    if (status != FPTC_OK)
        return status;
    t->source = FPTC_SOURCE_UPSTREAM;
    t->age_ms = 0;
    if (!is_stranger && dated == FPTC_OK)
        keep(q, asof_ms);
    return FPTC_OK;
}

/* Asks FPT, or waits for somebody who asks the same already and looks again. */
static fptc_status ask_by_flight(struct inquiry *q, fptc_error *err)
{
    const struct fptc__work *w = q->topic->work;
    struct fptc__flight flight;
    char key[FPTC_NAME_BYTES_MAX + 64];
    fptc_status status = FPTC_MISS;
    int waits, leads = 0;

    if (fptc__handle_is_stranger(w->cache))
        return ask(q, err); /* another realm: no trace of it is left here */
    memset(&flight, 0, sizeof(flight));
    name_key(q->topic, "-", key, sizeof(key));
    for (waits = 0; status == FPTC_MISS && !leads && waits < FLIGHTS_JOINED_MAX; waits++) {
        leads = fptc__flight_begin(&flight, w->cache->options.cache_dir, key, w->call) == FPTC_OK;
        /* Somebody may have landed with it, also without our waiting. */
        (void)fptc__view_refresh(q->site->view, 0, NULL);
        status = from_cache(q, q->topic->believed_ms, err);
    }
    if (status == FPTC_MISS)
        status = ask(q, err);
    fptc__flight_end(&flight);
    return status;
}

/* ------------------------------------------------------------------------------------- order of the steps */

static fptc_status not_known(const struct fptc__schema_topic *t, fptc_error *err)
{
    return fptc__fail(err, FPTC_ENODATA,
                      "the cache does not know the %s%s yet, and FPT may not be asked (only-cache)",
                      t->type == NULL ? "types of the site" : "fields of ",
                      t->type == NULL ? "" : t->type);
}

static fptc_status find(struct inquiry *q, fptc_error *err)
{
    const struct fptc__schema_topic *t = q->topic;
    fptc_status status = from_cache(q, t->believed_ms, err);
    int64_t age_ms;

    if (status == FPTC_MISS && fptc__view_refresh(q->site->view, 0, NULL) == FPTC_OK)
        status = from_cache(q, t->believed_ms, err);
    if (status != FPTC_MISS)
        return status;
    if (!t->may_ask) {
        if (q->kept == NULL || t->must_be_young)
            return not_known(t, err);
        return give_kept(q, age_of(q), FPTC_SOURCE_CACHE);
    }
    status = ask_by_flight(q, err);
    if (!fptc__is_outage(status) || q->kept == NULL || t->must_be_young)
        return status;
    age_ms = age_of(q);
    if (age_ms > fptc__duration(t->work->cache->options.stale_max_ms, INT64_MAX))
        return status;
    return give_kept(q, age_ms, FPTC_SOURCE_STALE);
}

fptc_status fptc__schema_find(struct fptc__schema_topic *t, fptc_error *err)
{
    struct inquiry q = {.topic = t};
    fptc_status status = site_view(t->work, &q.site, err);

    if (status != FPTC_OK)
        return status;
    name_key(t, ":", q.key, sizeof(q.key));
    status = find(&q, err);
    fptc__json_free(q.kept);
    fptc__view_put(t->work->cache, q.site);
    return status;
}

fptc_status fptc__schema_learn(struct fptc_cache *cache, const char *type, const fptc__json *fields,
                               int is_newer, fptc_error *err)
{
    fptc_status status;

    pthread_rwlock_wrlock(&cache->schema_lock);
    status = !is_newer && fptc__schema_has(cache->schema, type)
                 ? FPTC_OK
                 : fptc__schema_add(cache->schema, type, fields, err);
    pthread_rwlock_unlock(&cache->schema_lock);
    return status;
}

/* ---------------------------------------------------------------------------------------- fptc_cache_schema */

struct schema_task {
    struct fptc__task task;
    char type[FPTC_NAME_BYTES_MAX + 1];  /* "": all types */
    char field[FPTC_NAME_BYTES_MAX + 1]; /* "": all fields */
    int64_t project_id;
};

static int64_t believed_ms(const fptc_options *options)
{
    int64_t max_age_ms = fptc__duration(options->max_age_ms, FPTC_SCHEMA_BELIEVED_MS);

    if (options->mode == FPTC_MODE_REFRESH || max_age_ms == 0)
        return 0;
    return max_age_ms > FPTC_SCHEMA_BELIEVED_MS ? max_age_ms : FPTC_SCHEMA_BELIEVED_MS;
}

/* What is known of the type; asked for again when it lacks the field and is not quite new. */
static fptc_status find_field(struct fptc__schema_topic *t, const char *field, fptc_error *err)
{
    fptc_status status = fptc__schema_find(t, err);

    if (status != FPTC_OK || field[0] == '\0' || fptc__json_get(t->value, field) != NULL ||
        t->source != FPTC_SOURCE_CACHE || t->age_ms < FPTC_SCHEMA_RECHECK_MS)
        return status;
    fptc__json_free(t->value);
    t->value = NULL;
    t->believed_ms = FPTC_SCHEMA_RECHECK_MS;
    return fptc__schema_find(t, err);
}

static fptc_status pick_field(struct fptc__schema_topic *t, const char *field, fptc_error *err)
{
    const fptc__json *found = fptc__json_get(t->value, field);
    const char *near = fptc__nearest_key(t->value, field);
    fptc__json *one;

    if (found == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "API schema_field_read() %s.%s doesn't exist.%s%s%s",
                          t->type, field, near == NULL ? "" : " Did you mean \"",
                          near == NULL ? "" : near, near == NULL ? "" : "\"?");
    one = fptc__json_new_object();
    if (!fptc__json_set(one, field, fptc__json_copy(found))) {
        fptc__json_free(one);
        return fptc__fail_nomem(err);
    }
    fptc__json_free(t->value);
    t->value = one;
    return FPTC_OK;
}

static fptc_status give(const struct fptc__schema_topic *t, const fptc_error *outage,
                        struct fptc_result **out, fptc_error *err)
{
    fptc_status status = fptc__result_new(out, err);

    if (status == FPTC_OK)
        status = fptc__result_document(*out, t->value, err);
    if (status != FPTC_OK)
        return status;
    (*out)->source = t->source;
    (*out)->age_ms = t->age_ms;
    (*out)->is_complete = 1;
    if (t->source == FPTC_SOURCE_STALE)
        fptc__result_warn(*out, "FPT could not be asked: %s", outage->message);
    fptc__error_clear(err);
    return FPTC_OK;
}

static fptc_status run_schema(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    struct schema_task *s = (struct schema_task *)task;
    struct fptc_cache *cache = task->cache;
    fptc_error why = FPTC_ERROR_INIT;
    struct fptc__work w;
    struct fptc__schema_topic t = {.work = &w,
                                   .type = s->type[0] == '\0' ? NULL : s->type,
                                   .project_id = s->project_id,
                                   .believed_ms = believed_ms(&cache->options),
                                   .may_ask = cache->options.mode != FPTC_MODE_ONLY_CACHE};
    fptc_status status = fptc__work_begin(&w, cache, call, "site", &why);

    if (status == FPTC_OK)
        status = fptc__not_provable(find_field(&t, s->field, &why), &why);
    if (status == FPTC_OK && t.type != NULL && t.project_id == 0)
        status = fptc__schema_learn(cache, t.type, t.value, t.source == FPTC_SOURCE_UPSTREAM, &why);
    if (status == FPTC_OK && s->field[0] != '\0')
        status = pick_field(&t, s->field, &why);
    if (status == FPTC_OK)
        status = give(&t, &why, &task->result, err);
    else if (err != NULL)
        *err = why;
    fptc__json_free(t.value);
    fptc__work_end(&w);
    return status;
}

static void destroy_schema(struct fptc__task *task)
{
    free(task);
}

fptc_status fptc_cache_schema(fptc_cache *cache, const char *type, const char *field,
                              int64_t project_id, fptc_result **out_result, fptc_error *err)
{
    struct schema_task *s;
    fptc_status status = fptc__handle_check_call(cache, out_result, err);

    if (status != FPTC_OK)
        return status;
    if (type != NULL && !fptc__is_name(type))
        return fptc__fail(err, FPTC_EUSAGE, "Entity type '%.80s' does not exist.", type);
    if (field != NULL && (type == NULL || field[0] == '\0' || strlen(field) > FPTC_NAME_BYTES_MAX))
        return fptc__fail(err, FPTC_EUSAGE, "a field is one of a type: \"%.80s\" of %s", field,
                          type == NULL ? "no type" : type);
    if (project_id < 0)
        return fptc__fail(err, FPTC_EUSAGE, "%lld is no project", (long long)project_id);
    s = fptc__task_new(sizeof(*s), cache, run_schema, destroy_schema, err);
    if (s == NULL)
        return FPTC_ENOMEM;
    s->task.is_question = 1;
    snprintf(s->type, sizeof(s->type), "%s", type == NULL ? "" : type);
    snprintf(s->field, sizeof(s->field), "%s", field == NULL ? "" : field);
    s->project_id = project_id;
    return fptc__task_run(&s->task, cache->options.deadline_ms, out_result, err);
}
