#include "api/covered.h"
#include "api/several.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

enum fptc__part fptc__answer_part(const struct fptc__answer *a, const char *type)
{
    struct fptc_cache *cache = a->work->cache;
    int is_project_type;

    pthread_rwlock_rdlock(&cache->schema_lock);
    is_project_type = fptc__schema_is_project_type(cache->schema, type);
    pthread_rwlock_unlock(&cache->schema_lock);
    return fptc__view_part_of(a->work->session.view, is_project_type);
}

int fptc__name_is_in(const fptc__json *list, const char *name)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_is_string(at) && strcmp(fptc__json_text(at), name) == 0)
            return 1;
    }
    return 0;
}

/* With the view begun: FPTC_MISS unless the type is covered with every field the plan needs of it. */
static fptc_status look_at_type(struct fptc__answer *a, const char *type,
                                struct fptc__freshness *out, fptc_error *err)
{
    const struct fptc__known_cover *known;
    size_t i;
    fptc_status status = fptc__view_known_cover(a->work->session.view, fptc__answer_part(a, type),
                                                type, &known, err);

    if (status != FPTC_OK)
        return status;
    out->asof_ms = known->cover.asof_ms;
    out->has_suspects = known->has_suspects;
    for (i = 0; i < a->plan->n_needs && status == FPTC_OK; i++) {
        const struct fptc__need *need = &a->plan->needs[i];

        if (strcmp(need->type, type) == 0 && strcmp(need->field, "id") != 0 &&
            strcmp(need->field, "type") != 0 && !fptc__name_is_in(known->cover.fields, need->field))
            status = FPTC_MISS;
        if (strcmp(need->type, type) == 0 && fptc__need_is_list(a, need))
            out->lists_ms = known->cover.audited_ms;
    }
    if (status == FPTC_OK && out->lists_ms != INT64_MAX)
        out->lists = fptc__lists_since_audit(a, type, &known->cover);
    return status;
}

/* What FPT was asked for since the question was put is young, however long it took. */
int fptc__answer_is_young(const struct fptc__answer *a, int64_t asof_ms)
{
    int is_of_age = a->now_ms - asof_ms <= a->max_age_ms;

    return a->is_any_age ? is_of_age
                         : (is_of_age || asof_ms >= a->began_ms) &&
                               asof_ms > a->work->cache->distrust_before_ms;
}

int fptc__covered_is_fresh(const struct fptc__answer *a, const struct fptc__freshness *f)
{
    return (a->is_any_age || !f->has_suspects) && fptc__answer_is_young(a, f->asof_ms);
}

int fptc__answer_type_is_fresh(struct fptc__answer *a, const char *type)
{
    struct fptc__freshness f = {0, INT64_MAX, FPTC__LISTS_STILL, 0};
    fptc_status status;

    fptc__view_begin(a->work->session.view);
    status = look_at_type(a, type, &f, NULL);
    fptc__view_end(a->work->session.view);
    return status == FPTC_OK && fptc__covered_is_fresh(a, &f);
}

/* A row of another project stands in none of our parts: what it holds only FPT can say. */
static int leaves_project(struct fptc__answer *a)
{
    const struct fptc__plan *plan = a->plan;
    size_t i;

    for (i = 0; i < plan->n_follows; i++) {
        const struct fptc__follow *f = &plan->follows[i];

        if (fptc__answer_part(a, f->type) == FPTC__HOME &&
            fptc__answer_part(a, f->target) == FPTC__HOME &&
            fptc__view_links_outside(a->work->session.view, f))
            return 1;
    }
    return 0;
}

/* The oldest of the types that decide the answer. */
static fptc_status look_at_types(struct fptc__answer *a, struct fptc__freshness *out,
                                 fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    fptc_status status = FPTC_OK;
    size_t i;

    out->asof_ms = out->lists_ms = INT64_MAX;
    out->has_suspects = 0;
    out->lists = FPTC__LISTS_STILL;
    for (i = 0; i < plan->n_row_types && status == FPTC_OK; i++) {
        struct fptc__freshness one = {0, INT64_MAX, FPTC__LISTS_STILL, 0};

        status = look_at_type(a, plan->row_types[i], &one, err);
        if (one.asof_ms < out->asof_ms)
            out->asof_ms = one.asof_ms;
        if (one.lists_ms < out->lists_ms)
            out->lists_ms = one.lists_ms;
        if (one.lists > out->lists)
            out->lists = one.lists;
        out->has_suspects |= one.has_suspects;
    }
    return status;
}

static uint64_t schema_of(struct fptc_cache *cache)
{
    uint64_t generation;

    pthread_rwlock_rdlock(&cache->schema_lock);
    generation = fptc__schema_generation(cache->schema);
    pthread_rwlock_unlock(&cache->schema_lock);
    return generation;
}

/* The same SQL over the same commits and schema: the same types, fields and links decide. */
fptc_status fptc__covered_look(struct fptc__answer *a, struct fptc__freshness *out, fptc_error *err)
{
    const struct fptc__plan *plan = a->plan;
    struct fptc__view *v = a->work->session.view;
    struct fptc__verdict verdict;
    uint64_t schema;

    if (!plan->is_local || plan->has_never || plan->has_computed || fptc__answer_names_only_dead(a))
        return FPTC_MISS;
    schema = schema_of(a->work->cache);
    if (fptc__view_verdict(v, plan->sql, schema, &verdict)) {
        out->asof_ms = verdict.asof_ms;
        out->lists_ms = verdict.lists_ms;
        out->lists = (enum fptc__lists)verdict.lists;
        out->has_suspects = verdict.has_suspects;
    } else {
        memset(&verdict, 0, sizeof(verdict));
        verdict.status = look_at_types(a, out, err);
        verdict.schema = schema;
        verdict.leaves_project =
            verdict.status == FPTC_OK && plan->is_project_type && leaves_project(a);
        verdict.asof_ms = out->asof_ms;
        verdict.lists_ms = out->lists_ms;
        verdict.lists = (int)out->lists;
        verdict.has_suspects = out->has_suspects;
        if (verdict.status == FPTC_OK || verdict.status == FPTC_MISS)
            fptc__view_keep_verdict(v, plan->sql, &verdict);
    }
    if (verdict.leaves_project || (out->lists == FPTC__LISTS_DECISIVE && !a->is_any_age))
        return FPTC_MISS; /* catching up would not help: FPT is asked */
    return verdict.status;
}

static int is_loaded(const struct fptc__answer *a, const char *type)
{
    struct fptc_cache *cache = a->work->cache;
    int is;

    pthread_rwlock_rdlock(&cache->schema_lock);
    is = fptc__schema_has(cache->schema, type);
    pthread_rwlock_unlock(&cache->schema_lock);
    return is;
}

static fptc_status cover_of(struct fptc__answer *a, const char *type,
                            const struct fptc__known_cover **out)
{
    enum fptc__part part = fptc__answer_part(a, type);
    fptc_status status = fptc__view_known_cover(a->work->session.view, part, type, out, NULL);

    if (status == FPTC_MISS && !is_loaded(a, type)) /* then nobody knows where it belongs */
        status = fptc__view_known_cover(
            a->work->session.view, part == FPTC__HOME ? FPTC__SITE : FPTC__HOME, type, out, NULL);
    return status;
}

/* Complete only if the names and the life of everything linked are known too, and as freshly
   (protocol-attacks C6); the answer is then as old as the oldest of them. */
static int links_are_covered(struct fptc__answer *a, int64_t *asof_ms)
{
    int64_t oldest_ms = *asof_ms;
    size_t i;

    for (i = 0; i < a->plan->n_link_types; i++) {
        const char *type = a->plan->link_types[i];
        const struct fptc__known_cover *known;
        int64_t asof_of_type_ms;

        if (cover_of(a, type, &known) != FPTC_OK) {
            fptc__result_warn(
                a->result, "names of linked %s are as last seen: the type is not mirrored", type);
            return 0;
        }
        asof_of_type_ms = known->cover.asof_ms;
        if (!fptc__answer_is_young(a, asof_of_type_ms)) {
            fptc__result_warn(a->result, "names of linked %s are as of %lld s ago", type,
                              (long long)((a->now_ms - asof_of_type_ms) / 1000));
            return 0;
        }
        if (asof_of_type_ms < oldest_ms)
            oldest_ms = asof_of_type_ms;
    }
    *asof_ms = oldest_ms;
    return 1;
}

static int lists_are_young(struct fptc__answer *a, const struct fptc__freshness *f,
                           int64_t *asof_ms)
{
    if (f->lists_ms == INT64_MAX)
        return 1;
    if (f->lists != FPTC__LISTS_STILL || !fptc__answer_is_young(a, f->lists_ms)) {
        fptc__result_warn(
            a->result,
            "lists of links are as of %lld s ago where only their other side has changed",
            (long long)((a->now_ms - f->lists_ms) / 1000));
        return 0;
    }
    if (f->lists_ms < *asof_ms)
        *asof_ms = f->lists_ms;
    return 1;
}

void fptc__covered_claim(struct fptc__answer *a, struct fptc__freshness *f)
{
    a->result->source = FPTC_SOURCE_CACHE;
    a->result->is_complete =
        links_are_covered(a, &f->asof_ms) && lists_are_young(a, f, &f->asof_ms) && !f->has_suspects;
    a->result->age_ms = a->now_ms > f->asof_ms ? a->now_ms - f->asof_ms : 0;
}

fptc_status fptc__covered_find(struct fptc__answer *a, fptc_error *err)
{
    struct fptc__freshness f = {0, INT64_MAX, FPTC__LISTS_STILL, 0};
    fptc_status status;

    a->is_covered = 0;
    if (fptc__plan_is_several(a->plan))
        return FPTC_MISS;
    if (!a->is_hasty)
        fptc__view_begin(a->work->session.view);
    else if (!fptc__view_begin_now(a->work->session.view))
        return FPTC_MISS;
    status = fptc__work_show_pending(a->work, err);
    if (status == FPTC_OK)
        status = fptc__covered_look(a, &f, err);
    a->is_covered = status == FPTC_OK;
    if (status == FPTC_OK && !fptc__covered_is_fresh(a, &f))
        status = FPTC_MISS;
    if (status == FPTC_OK && !a->is_streaming)
        status = a->question != NULL
                     ? a->question->from_view(a, err)
                     : fptc__view_find(a->work->session.view, a->plan, &a->result->rows, err);
    if (fptc__view_was_refused(a->work->session.view))
        status = FPTC_MISS;
    if (status == FPTC_OK)
        fptc__covered_claim(a, &f);
    else
        fptc__rows_done(&a->result->rows);
    fptc__view_end(a->work->session.view);
    return status == FPTC_ENODATA ? FPTC_MISS : status;
}
