#include "outbox/effects.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static int writes(const fptc__json *data, const char *const *fields)
{
    for (; *fields != NULL; fields++) {
        if (fptc__json_get(data, *fields) != NULL)
            return 1;
    }
    return 0;
}

static size_t add(struct fptc__effect *out, size_t n, const char *type, int is_of_site)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(out[i].type, type) == 0)
            return n;
    }
    out[n].type = type;
    out[n].is_of_site = is_of_site;
    return n + 1;
}

/* A Task's dates move the Tasks that wait for it, and those that wait for them (A§1.9). */
static size_t of_task(const fptc__json *data, struct fptc__effect *out, size_t n)
{
    static const char *const places[] = {"start_date", "due_date", "duration", "pinned", NULL};
    static const char *const orders[] = {"upstream_tasks", "downstream_tasks", NULL};

    if (writes(data, places) || writes(data, orders))
        n = add(out, n, "Task", 0);
    if (writes(data, orders))
        n = add(out, n, "TaskDependency", 1);
    return n;
}

size_t fptc__effects_of(int32_t verb, const char *type, const fptc__json *data,
                        struct fptc__effect out[FPTC__EFFECTS_MAX])
{
    int is_template = fptc__json_is_object(fptc__json_get(data, "task_template"));
    size_t n = 0;

    if (verb == FPTC_VERB_CREATE || verb == FPTC_VERB_UPDATE) {
        if (is_template && strcmp(type, "Task") != 0) { /* it becomes Tasks of the row (A§5.1) */
            n = add(out, n, "Task", 0);
            n = add(out, n, "TaskDependency", 1);
        }
        if (strcmp(type, "Task") == 0)
            n = of_task(data, out, n);
        if (strcmp(type, "Note") == 0 && fptc__json_get(data, "replies") != NULL)
            n = add(out, n, "Reply", 1); /* a bare list deletes the others (A§1.9) */
    }
    if (verb == FPTC_VERB_DELETE && strcmp(type, "Shot") == 0)
        n = add(out, n, "Version", 0); /* they retire with it (A§1.9) */
    if (verb == FPTC_VERB_DELETE && strcmp(type, "Task") == 0)
        n = add(out, n, "TaskDependency", 1); /* as well */
    return n;
}

static fptc_status note(struct fptc__intake *in, const struct fptc__effect *effect, int64_t asof_ms,
                        fptc_error *err)
{
    fptc__json *body = fptc__json_new_object();
    char key[300];
    fptc_status status;
    int ok;

    snprintf(key, sizeof(key), "effect:%s", effect->type);
    ok = fptc__json_set(body, "key", fptc__json_new_text(key));
    ok = fptc__json_set(body, "value", fptc__json_new_bool(1)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(asof_ms)) && ok;
    status =
        ok ? fptc__intake_record_in(in, fptc__view_part_of(in->follow->view, !effect->is_of_site),
                                    FPTC__CONFIG, body, err)
           : fptc__fail_nomem(err);
    fptc__json_free(body);
    return status;
}

fptc_status fptc__effects_note(struct fptc__intake *in, int32_t verb, const char *type,
                               const fptc__json *data, fptc_error *err)
{
    struct fptc__effect effects[FPTC__EFFECTS_MAX];
    size_t n = fptc__effects_of(verb, type, data, effects), i;
    int64_t asof_ms = 0;
    fptc_status status = n == 0 ? FPTC_OK : in->follow->now(in->follow->ctx, &asof_ms, err);

    for (i = 0; i < n && status == FPTC_OK; i++)
        status = note(in, &effects[i], asof_ms, err);
    return status;
}
