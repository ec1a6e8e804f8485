/* outbox.c: what the outbox holds as a document, and what a person decides about it. Asks FPT nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/query.h"
#include "api/result.h"
#include "api/write.h"
#include "base/error.h"
#include "base/limits.h"
#include "outbox/decide.h"
#include "outbox/refs.h"
#include "outbox/through.h"

struct outbox_task {
    struct fptc__task task;
    char event[33]; /* "": any */
    unsigned states;
    int64_t limit;
    int32_t verdict;
    fptc__json *data;
};

static void destroy_outbox(struct fptc__task *task)
{
    fptc__json_free(((struct outbox_task *)task)->data);
    free(task);
}

/* --------------------------------------------------------------------------------------- the document */

struct listing {
    struct fptc__view *outbox;
    const char *identity;
    fptc__json *list;
    int failed;
};

static fptc__json *time_of(int64_t ms)
{
    char iso[21];

    if (ms <= 0)
        return fptc__json_new_null();
    fptc__iso_from_ms(ms, iso);
    return fptc__json_new_text(iso);
}

static int set_copy(fptc__json *entry, const char *key, const fptc__json *value)
{
    return fptc__json_set(entry, key,
                          value == NULL ? fptc__json_new_null() : fptc__json_copy(value));
}

/* The row: as the write named it, by its provisional id maybe, or as FPT made it. */
static fptc__json *row_of(const struct fptc__kept_write *w)
{
    int64_t id = w->state == FPTC__MUTATION_SETTLED ? fptc__json_get_int(w->outcome, "id") : w->id;

    return id != 0 ? fptc__json_new_int(id) : fptc__json_new_null();
}

/* What FPT said, or what a look-up found: {"http_status","text"}. */
static fptc__json *said_of(const struct fptc__kept_write *w)
{
    const char *text = fptc__json_get_text(w->outcome, "text");
    fptc__json *said;
    int ok;

    if (text == NULL)
        return fptc__json_new_null();
    said = fptc__json_new_object();
    ok = fptc__json_set(said, "http_status",
                        fptc__json_new_int(fptc__json_get_int(w->outcome, "status")));
    if (fptc__json_set(said, "text", fptc__json_new_text(text)) && ok)
        return said;
    fptc__json_free(said);
    return NULL;
}

static fptc__json *decided_of(const struct fptc__kept_write *w)
{
    const fptc__json *last = fptc__json_get(w->outcome, "decided");
    fptc__json *decided;
    int ok;

    if (last == NULL)
        return fptc__json_new_null();
    decided = fptc__json_new_object();
    ok = set_copy(decided, "verdict", fptc__json_get(last, "verdict"));
    ok = set_copy(decided, "who", fptc__json_get(last, "who")) && ok;
    if (fptc__json_set(decided, "when", time_of(fptc__json_get_int(last, "asof"))) && ok)
        return decided;
    fptc__json_free(decided);
    return NULL;
}

/* Of one that waits for a row that was refused: that one comes first. */
static const char *next_of(const struct listing *l, const struct fptc__kept_write *w,
                           fptc_error *why)
{
    struct fptc__mutation maker;
    int64_t id = strcmp(w->verb, "create") == 0 ? 0 : w->id;

    if (w->state == FPTC__MUTATION_INTENT &&
        fptc__refs_look(l->outbox, id, fptc__json_get(w->intent, "data"), &maker, why) ==
            FPTC_EREFUSED)
        return why->message;
    return fptc__next_step(w);
}

static int put_entry(const struct listing *l, const struct fptc__kept_write *w, fptc__json *entry)
{
    const char *who = fptc__json_get_text(w->intent, "who");
    int is_mine = who != NULL && strcmp(who, l->identity) == 0;
    int is_behind = fptc__json_is_true(fptc__json_get(w->intent, "behind"));
    fptc_error why = FPTC_ERROR_INIT;
    const char *next = next_of(l, w, &why);
    int ok = fptc__json_set(entry, "event", fptc__json_new_text(w->event));

    ok = fptc__json_set(entry, "state", fptc__json_new_text(fptc__state_name(w))) && ok;
    ok = fptc__json_set(entry, "verb", fptc__json_new_text(w->verb)) && ok;
    ok = fptc__json_set(entry, "type", fptc__json_new_text(w->type)) && ok;
    ok = fptc__json_set(entry, "id", row_of(w)) && ok;
    ok = fptc__json_set(entry, "behind", fptc__json_new_bool(is_behind)) && ok;
    ok = set_copy(entry, "batch", fptc__json_get(w->intent, "batch")) && ok;
    ok = set_copy(entry, "data", fptc__json_get(w->intent, "data")) && ok;
    ok = set_copy(entry, "who", fptc__json_get(w->intent, "who")) && ok;
    ok = fptc__json_set(entry, "mine", fptc__json_new_bool(is_mine)) && ok;
    ok = set_copy(entry, "host", fptc__json_get(w->intent, "host")) && ok;
    ok = set_copy(entry, "pid", fptc__json_get(w->intent, "pid")) && ok;
    ok = fptc__json_set(entry, "when", time_of(fptc__json_get_int(w->intent, "asof"))) && ok;
    ok = fptc__json_set(entry, "attempts", fptc__json_new_int(w->attempts)) && ok;
    ok = fptc__json_set(entry, "last_attempt", time_of(w->attempts > 0 ? w->attempt_asof_ms : 0)) &&
         ok;
    ok = fptc__json_set(entry, "said", said_of(w)) && ok;
    ok = fptc__json_set(entry, "decided", decided_of(w)) && ok;
    return fptc__json_set(entry, "next",
                          next[0] == '\0' ? fptc__json_new_null() : fptc__json_new_text(next)) &&
           ok;
}

static int add_entry(struct fptc__kept_write *w, void *payload)
{
    struct listing *l = payload;
    fptc__json *entry = fptc__json_new_object();
    int ok = put_entry(l, w, entry);

    l->failed = !fptc__json_append(l->list, entry) || !ok;
    return l->failed;
}

static fptc_status list(struct outbox_task *t, struct fptc__work *w, fptc__json *document,
                        fptc_error *err)
{
    struct fptc__view *view = w->session.view;
    struct listing l = {view, fptc__site_identity(w->cache->site), fptc__json_new_array(), 0};
    const struct fptc__writes_filter filter = {t->event[0] == '\0' ? NULL : t->event, t->states,
                                               t->limit};
    fptc_status status = fptc__view_refresh(view, 0, err);
    int more = 0, ok;

    if (status == FPTC_OK) {
        fptc__view_begin(view);
        status = fptc__writes_each(view, &filter, add_entry, &l, &more, err);
        fptc__view_end(view);
    }
    ok = !l.failed;
    ok = fptc__json_set(document, "writes", l.list) && ok;
    ok = fptc__json_set(document, "more", fptc__json_new_bool(more)) && ok;
    return status == FPTC_OK && !ok ? fptc__fail_nomem(err) : status;
}

static fptc_status run_list(struct fptc__task *task, const struct fptc__call *call, fptc_error *err)
{
    struct outbox_task *t = (struct outbox_task *)task;
    fptc__json *document = fptc__json_new_object();
    struct fptc__work w;
    fptc_status status = fptc__handle_may_read(task->cache, err);

    memset(&w, 0, sizeof(w));
    if (status == FPTC_OK)
        status = fptc__work_begin(&w, task->cache, call, "outbox", err);
    if (status == FPTC_OK)
        status = list(t, &w, document, err);
    fptc__work_end(&w);
    if (status == FPTC_OK)
        status = fptc__task_document(task, document, err);
    fptc__json_free(document);
    return status;
}

/* ----------------------------------------------------------------------------------------- the filter */

/* 0: there is no such state. */
static unsigned states_of(const char *name)
{
    const unsigned refused = FPTC__STATE_BIT(FPTC__MUTATION_REFUSED);

    if (name != NULL && strcmp(name, "all") == 0)
        return ~0u;
    if (name != NULL && strcmp(name, "refused") == 0)
        return refused;
    if (name != NULL && strcmp(name, "open") == 0)
        return refused | FPTC__STATE_BIT(FPTC__MUTATION_INTENT) |
               FPTC__STATE_BIT(FPTC__MUTATION_ATTEMPTED);
    return 0;
}

static fptc_status read_event(struct outbox_task *t, const char *event, fptc_error *err)
{
    fptc_status status = fptc__check_event_id(event, err);

    if (status == FPTC_OK)
        memcpy(t->event, event, sizeof(t->event));
    return status;
}

static fptc_status read_member(struct outbox_task *t, const fptc__json *at, fptc_error *err)
{
    const char *key = fptc__json_key(at);

    if (strcmp(key, "event") == 0)
        return read_event(t, fptc__json_text(at), err);
    if (strcmp(key, "state") == 0) {
        t->states = states_of(fptc__json_text(at));
        return t->states != 0
                   ? FPTC_OK
                   : fptc__fail(err, FPTC_EUSAGE, "state is \"open\", \"refused\" or \"all\"");
    }
    if (strcmp(key, "limit") != 0)
        return fptc__fail(err, FPTC_EUSAGE,
                          "the filter has \"%.40s\"; it may have state, event and limit", key);
    t->limit = fptc__json_int(at);
    if (!fptc__json_is_integer(at) || t->limit < 1 || t->limit > FPTC_OUTBOX_LIST_MAX)
        return fptc__fail(err, FPTC_EUSAGE, "limit is a whole number from 1 to %d",
                          FPTC_OUTBOX_LIST_MAX);
    return FPTC_OK;
}

/* Without a state: what has no end yet; but a write that is asked for by name whatever its state is. */
static fptc_status read_filter(struct outbox_task *t, const char *json, fptc_error *err)
{
    fptc__json *filter = NULL;
    const fptc__json *at;
    fptc_status status = FPTC_OK;

    if (json != NULL)
        status = fptc__json_parse(json, strlen(json), "filter", &filter, err);
    if (status == FPTC_OK && json != NULL && !fptc__json_is_object(filter))
        status = fptc__fail(err, FPTC_EUSAGE, "the filter must be an object, it is %s",
                            fptc__json_type_name(filter));
    t->limit = FPTC_OUTBOX_LIST_MAX;
    t->states = states_of(fptc__json_get(filter, "event") != NULL ? "all" : "open");
    for (at = fptc__json_first(filter); at != NULL && status == FPTC_OK; at = fptc__json_next(at))
        status = read_member(t, at, err);
    fptc__json_free(filter);
    return status;
}

static fptc_status new_task(fptc_cache *cache,
                            fptc_status (*run)(struct fptc__task *, const struct fptc__call *,
                                               fptc_error *),
                            struct outbox_task **out, fptc_error *err)
{
    *out = fptc__task_new(sizeof(**out), cache, run, destroy_outbox, err);
    return *out == NULL ? FPTC_ENOMEM : FPTC_OK;
}

fptc_status fptc_cache_outbox(fptc_cache *cache, const char *filter, fptc_result **out_result,
                              fptc_error *err)
{
    struct outbox_task *t;
    fptc_status status = fptc__handle_check_call(cache, out_result, err);

    if (status == FPTC_OK)
        status = new_task(cache, run_list, &t, err);
    if (status != FPTC_OK)
        return status;
    status = read_filter(t, filter, err);
    if (status == FPTC_OK)
        return fptc__task_run(&t->task, cache->options.deadline_ms, out_result, err);
    destroy_outbox(&t->task);
    return status;
}

/* --------------------------------------------------------------------------------------- the decision */

/* Fields that the type does not have are told now, where the schema is known; else by FPT. */
static fptc_status check_edit(struct fptc__work *outbox, const struct outbox_task *t,
                              fptc_error *err)
{
    struct fptc__view *view = outbox->session.view;
    struct fptc__intent intent = {.data = t->data};
    struct fptc__mutation m;
    struct fptc__work site;
    fptc_status status = fptc__view_refresh(view, 0, err);

    if (status != FPTC_OK)
        return status;
    fptc__view_begin(view);
    status = fptc__mutation_find(view, t->event, &m, err);
    fptc__view_end(view);
    if (status != FPTC_OK || m.state == FPTC__MUTATION_NONE)
        return status;
    intent.verb = fptc__verb_of(m.verb);
    snprintf(intent.type, sizeof(intent.type), "%s", m.type);
    status = fptc__work_begin(&site, outbox->cache, outbox->call, "site", err);
    if (status == FPTC_OK && fptc__schema_need(&site, intent.type, 0, NULL) == FPTC_OK)
        status = fptc__write_check(&site, &intent, err);
    fptc__work_end(&site);
    return status;
}

static fptc_status run_decide(struct fptc__task *task, const struct fptc__call *call,
                              fptc_error *err)
{
    const struct outbox_task *t = (const struct outbox_task *)task;
    struct fptc_cache *cache = task->cache;
    struct fptc__work w;
    fptc_status status = fptc__handle_may_change(cache, "deciding about writes", err);

    memset(&w, 0, sizeof(w));
    if (status == FPTC_OK)
        status = fptc__handle_may_read(cache, err);
    if (status == FPTC_OK)
        status = fptc__work_begin(&w, cache, call, "outbox", err);
    if (status == FPTC_OK && t->data != NULL)
        status = check_edit(&w, t, err);
    if (status == FPTC_OK) {
        const struct fptc__decision decision = {w.session.view, &w.session,
                                                t->event,       t->verdict,
                                                t->data,        fptc__site_identity(cache->site)};

        status = fptc__decide(&decision, err);
    }
    fptc__work_end(&w);
    if (status == FPTC_OK)
        fptc__handle_has_committed(cache);
    return status;
}

static fptc_status read_decision(struct outbox_task *t, const char *event, int32_t verdict,
                                 const char *data, fptc_error *err)
{
    fptc_status status = read_event(t, event, err);

    t->verdict = verdict;
    if (status == FPTC_OK && verdict != FPTC_VERDICT_RETRY && verdict != FPTC_VERDICT_DROP)
        status = fptc__fail(err, FPTC_EUSAGE, "unknown verdict %d", (int)verdict);
    if (status == FPTC_OK && data != NULL && verdict == FPTC_VERDICT_DROP)
        status = fptc__fail(err, FPTC_EUSAGE, "what is dropped takes no data");
    if (status == FPTC_OK && data != NULL)
        status = fptc__data_read(data, &t->data, err);
    return status;
}

fptc_status fptc_cache_outbox_decide(fptc_cache *cache, const char *event_id, int32_t verdict,
                                     const char *data, fptc_error *err)
{
    struct outbox_task *t;
    fptc_status status = fptc__handle_check(cache, err);

    if (status == FPTC_OK)
        status = new_task(cache, run_decide, &t, err);
    if (status != FPTC_OK)
        return status;
    status = read_decision(t, event_id, verdict, data, err);
    if (status == FPTC_OK)
        return fptc__task_run(&t->task, cache->options.deadline_ms, NULL, err);
    destroy_outbox(&t->task);
    return status;
}
