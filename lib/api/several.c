#include "api/several.h"

#include <stdlib.h>
#include <string.h>

#include "api/covered.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/merge.h"

struct several {
    struct fptc__answer *a;
    int64_t *ids; /* of the projects */
    size_t n;
    int64_t age_ms; /* of the oldest part */
    int is_complete;
};

int fptc__plan_is_several(const struct fptc__plan *plan)
{
    return plan->is_project_type && plan->n_project_ids != 1;
}

/* ------------------------------------------------------------------------------------- which projects */

static fptc_status take_ids(struct several *s, const fptc__json *ids, fptc_error *err)
{
    const fptc__json *at;

    s->ids = calloc(fptc__json_size(ids) + 1, sizeof(*s->ids));
    if (s->ids == NULL)
        return fptc__fail_nomem(err);
    for (at = fptc__json_first(ids); at != NULL; at = fptc__json_next(at))
        s->ids[s->n++] = fptc__json_int(at);
    return FPTC_OK;
}

/* Every project there is, archived ones too, as `site` knows them. */
static fptc_status all_projects(struct several *s, fptc_error *err)
{
    struct fptc__view *site = s->a->work->session.view;
    struct fptc__idset none = {NULL, 0, 0};
    struct fptc__freshness f = {0, INT64_MAX, FPTC__LISTS_STILL, 0};
    const struct fptc__known_cover *known;
    fptc__json *ids = NULL;
    fptc_status status;

    fptc__view_begin(site);
    status = fptc__view_known_cover(site, FPTC__HOME, "Project", &known, err);
    if (status == FPTC_OK) {
        f.asof_ms = known->cover.asof_ms;
        f.has_suspects = known->has_suspects;
        if (!fptc__covered_is_fresh(s->a, &f))
            status = FPTC_MISS;
    }
    if (status == FPTC_OK)
        status = fptc__view_ids_missing(site, FPTC__HOME, "Project", &none, &ids, err);
    fptc__view_end(site);
    if (status == FPTC_OK)
        status = take_ids(s, ids, err);
    s->age_ms = s->a->now_ms - f.asof_ms;
    s->is_complete = !f.has_suspects;
    fptc__json_free(ids);
    return status;
}

static fptc_status list_projects(struct several *s, fptc_error *err)
{
    const struct fptc__plan *plan = s->a->plan;

    s->is_complete = 1;
    if (plan->n_project_ids == 0)
        return all_projects(s, err);
    s->ids = calloc(plan->n_project_ids, sizeof(*s->ids));
    if (s->ids == NULL)
        return fptc__fail_nomem(err);
    memcpy(s->ids, plan->project_ids, plan->n_project_ids * sizeof(*s->ids));
    s->n = plan->n_project_ids;
    return FPTC_OK;
}

static fptc_status partition_of(const struct several *s, size_t i, struct fptc__partition *out,
                                fptc_error *err)
{
    char name[64];

    fptc__partition_name(s->ids[i], name);
    return fptc__partition_at(s->a->work->cache->options.cache_dir, name, out, err);
}

/* FPTC_MISS when one has no partition yet, before any of them is opened. */
static fptc_status check_partitions(const struct several *s, fptc_error *err)
{
    struct fptc__partition p;
    fptc_status status = s->n <= FPTC_PARTITIONS_MERGED_MAX ? FPTC_OK : FPTC_MISS;
    size_t i;

    for (i = 0; i < s->n && status == FPTC_OK; i++) {
        status = partition_of(s, i, &p, err);
        if (status == FPTC_OK)
            status = fptc__partition_exists(&p, err);
    }
    return status;
}

struct retired {
    const struct several *s;
    int is_found;
};

/* Stops at the partition of a project that is gone. */
static int note_retired(const char *partition, void *payload)
{
    struct retired *r = payload;
    int64_t id = fptc__partition_project(partition);
    const char *name;

    if (id != 0)
        (void)fptc__view_name(r->s->a->work->session.view, "Project", id, &name, &r->is_found);
    return r->is_found;
}

/* Rows outlive their project and are then of none, of which the partition of such rows has not heard:
   FPTC_MISS, or what there is for who wants that. */
static fptc_status check_retired(struct several *s, fptc_error *err)
{
    struct fptc__view *site = s->a->work->session.view;
    struct retired r = {s, 0};
    fptc_status status;

    fptc__view_begin(site);
    status = fptc__partition_list(s->a->work->cache->options.cache_dir, note_retired, &r, err);
    fptc__view_end(site);
    if (status != FPTC_OK && status != FPTC_MISS)
        return status;
    if (r.is_found)
        s->is_complete = 0;
    return r.is_found && !s->a->is_any_age ? FPTC_MISS : FPTC_OK;
}

/* ------------------------------------------------------------------------------------ one after another */

/* Adds the rows of the partition that `part` works with, and what they are worth. */
static fptc_status add_part(struct several *s, struct fptc__answer *part, fptc_error *err)
{
    struct fptc__view *view = part->work->session.view;
    struct fptc_result *result = s->a->result;
    struct fptc__freshness f = {0, INT64_MAX, FPTC__LISTS_STILL, 0};
    fptc_status status;

    fptc__view_begin(view);
    status = fptc__work_show_pending(part->work, err);
    if (status == FPTC_OK)
        status = fptc__covered_look(part, &f, err);
    if (status == FPTC_OK && !fptc__covered_is_fresh(part, &f))
        status = FPTC_MISS;
    if (status == FPTC_OK)
        status = fptc__view_find(view, part->plan, &result->rows, err);
    if (status == FPTC_OK && s->is_complete) {
        fptc__covered_claim(part, &f);
        s->is_complete = result->is_complete;
    }
    fptc__view_end(view);
    if (s->a->now_ms - f.asof_ms > s->age_ms)
        s->age_ms = s->a->now_ms - f.asof_ms;
    return status;
}

static fptc_status add_project(struct several *s, size_t i, fptc_error *err)
{
    struct fptc__answer part = *s->a;
    struct fptc__partition p;
    struct fptc__work work;
    fptc_status status = partition_of(s, i, &p, err);

    memset(&work, 0, sizeof(work));
    if (status == FPTC_OK)
        status = fptc__work_begin(&work, s->a->work->cache, s->a->work->call, p.name, err);
    work.shows_pending = s->a->work->shows_pending;
    work.pending = fptc__pending_take(s->a->work->pending);
    if (status == FPTC_OK)
        status = fptc__work_refresh(&work, err);
    part.work = &work;
    if (status == FPTC_OK)
        status = add_part(s, &part, err);
    fptc__work_end(&work);
    return status;
}

/* Rows of no project: that there are none must be known too. */
static fptc_status add_projectless(struct several *s, fptc_error *err)
{
    struct fptc__view *site = s->a->work->session.view;
    struct fptc__freshness f = {0, INT64_MAX, FPTC__LISTS_STILL, 0};
    const struct fptc__known_cover *known;
    int64_t n = 0;
    fptc_status status;

    fptc__view_begin(site);
    status = fptc__work_show_pending(s->a->work, err);
    if (status == FPTC_OK)
        status = fptc__view_known_cover(site, FPTC__HOME, s->a->plan->type, &known, err);
    if (status == FPTC_OK) {
        f.asof_ms = known->cover.asof_ms;
        f.has_suspects = known->has_suspects;
        if (!fptc__covered_is_fresh(s->a, &f))
            status = FPTC_MISS;
    }
    s->a->lacks_projectless = status == FPTC_MISS;
    if (status == FPTC_OK)
        status = fptc__view_count(site, FPTC__HOME, s->a->plan->type, &n, err);
    fptc__view_end(site);
    if (status == FPTC_OK && n > 0)
        return add_part(s, s->a, err);
    if (s->a->now_ms - f.asof_ms > s->age_ms)
        s->age_ms = s->a->now_ms - f.asof_ms;
    s->is_complete = s->is_complete && !f.has_suspects;
    return status;
}

/* ------------------------------------------------------------------------------- what is asked of FPT */

struct wanted {
    struct fptc__answer *a;
    fptc__json *types;
    int64_t n; /* partitions looked at */
    fptc_status status;
    fptc_error *err;
};

static int has_project(const struct fptc__plan *plan, int64_t id)
{
    size_t i;

    for (i = 0; i < plan->n_project_ids; i++) {
        if (plan->project_ids[i] == id)
            return 1;
    }
    return plan->n_project_ids == 0;
}

static int add_types(struct wanted *t, const fptc__json *more)
{
    const fptc__json *at;
    int ok = 1;

    for (at = fptc__json_first(more); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_get(t->types, fptc__json_key(at)) == NULL)
            ok = fptc__json_set(t->types, fptc__json_key(at), fptc__json_copy(at)) && ok;
    }
    return ok;
}

static int add_kept(const char *partition, void *payload)
{
    struct wanted *t = payload;
    int64_t project_id = fptc__partition_project(partition);
    fptc__json *more = NULL;
    struct fptc__work work;
    int is_project_type;

    if (project_id == 0 || !has_project(t->a->plan, project_id))
        return 0;
    memset(&work, 0, sizeof(work));
    t->status = fptc__work_begin(&work, t->a->work->cache, t->a->work->call, partition, t->err);
    if (t->status == FPTC_OK)
        t->status = fptc__work_refresh(&work, t->err);
    if (t->status == FPTC_OK)
        t->status =
            fptc__kept_types(&work, t->a->plan->type, NULL, 0, &more, &is_project_type, t->err);
    if (t->status == FPTC_OK && !add_types(t, more))
        t->status = fptc__fail_nomem(t->err);
    fptc__json_free(more);
    fptc__work_end(&work);
    return t->status != FPTC_OK || ++t->n >= FPTC_PARTITIONS_MERGED_MAX;
}

fptc_status fptc__several_types(struct fptc__answer *a, fptc__json *types, fptc_error *err)
{
    struct wanted t = {a, types, 0, FPTC_OK, err};
    fptc_status status = fptc__partition_list(a->work->cache->options.cache_dir, add_kept, &t, err);

    return status == FPTC_OK || status == FPTC_MISS ? t.status : status;
}

/* -------------------------------------------------------------------------------------- the whole answer */

/* The view of `site` is the caller's home: it is begun and ended for itself, never with another. */
fptc_status fptc__several_find(struct fptc__answer *a, fptc_error *err)
{
    struct several s = {a, NULL, 0, 0, 1};
    fptc_status status = a->plan->is_local ? list_projects(&s, err) : FPTC_MISS;
    size_t i, n_warned = a->result->warnings.len;

    a->lacks_projectless = 0;
    if (status == FPTC_OK)
        status = check_partitions(&s, err);
    if (status == FPTC_OK && a->plan->n_project_ids == 0)
        status = check_retired(&s, err);
    for (i = 0; i < s.n && status == FPTC_OK; i++)
        status = add_project(&s, i, err);
    if (status == FPTC_OK && a->plan->n_project_ids == 0)
        status = add_projectless(&s, err);
    if (status == FPTC_OK && a->result->rows.type == NULL)
        status = fptc__view_no_rows(a->plan, &a->result->rows, err);
    if (status == FPTC_OK)
        status = fptc__rows_merge(&a->result->rows, a->plan, err);
    free(s.ids);
    if (status == FPTC_OK) {
        a->result->source = FPTC_SOURCE_CACHE;
        a->result->is_complete = s.is_complete;
        a->result->age_ms = s.age_ms > 0 ? s.age_ms : 0;
    } else {
        fptc__rows_done(&a->result->rows);
        fptc__buf_cut(&a->result->warnings, n_warned);
    }
    return status == FPTC_ENODATA ? FPTC_MISS : status;
}
