#include "follow/pages.h"

#include <string.h>

#include "base/error.h"

fptc__json *fptc__filter_all(void)
{
    fptc__json *group = fptc__json_new_object();

    if (!fptc__json_set(group, "logical_operator", fptc__json_new_text("and")) ||
        !fptc__json_set(group, "conditions", fptc__json_new_array())) {
        fptc__json_free(group);
        return NULL;
    }
    return group;
}

/* The array of conditions, which fptc__filter_all() made last. */
static int add_condition(fptc__json *group, fptc__json *condition)
{
    fptc__json *list = NULL;
    const fptc__json *conditions = fptc__json_get(group, "conditions");

    if (group != NULL && conditions != NULL)
        list = fptc__json_detach(group, conditions);
    if (!fptc__json_append(list, condition)) {
        fptc__json_free(list);
        return 0;
    }
    return fptc__json_set(group, "conditions", list);
}

int fptc__filter_add(fptc__json *group, const char *path, const char *op, fptc__json *value)
{
    fptc__json *triple = fptc__json_new_array();

    if (!fptc__json_append(triple, fptc__json_new_text(path)) ||
        !fptc__json_append(triple, fptc__json_new_text(op))) {
        fptc__json_free(value);
        fptc__json_free(triple);
        return 0;
    }
    if (!fptc__json_append(triple, value)) {
        fptc__json_free(triple);
        return 0;
    }
    return add_condition(group, triple);
}

fptc__json *fptc__filter_source(const struct fptc__source *source)
{
    fptc__json *group = fptc__filter_all();
    fptc__json *project;

    if (group == NULL || (source->project_id == 0 && !source->is_project_type))
        return group;
    if (source->project_id == 0) {
        if (fptc__filter_add(group, "project", "is", fptc__json_new_null()))
            return group;
        fptc__json_free(group);
        return NULL;
    }
    project = fptc__json_new_object();
    if (!fptc__json_set(project, "type", fptc__json_new_text("Project")) ||
        !fptc__json_set(project, "id", fptc__json_new_int(source->project_id))) {
        fptc__json_free(project);
        project = NULL;
    }
    if (!fptc__filter_add(group, "project", "is", project)) {
        fptc__json_free(group);
        return NULL;
    }
    return group;
}

/* The walk's filters and "id greater_than after_id". */
static fptc__json *filters_from(const struct fptc__walk *w)
{
    fptc__json *group = fptc__filter_all();

    if (fptc__json_size(fptc__json_get(w->filters, "conditions")) > 0 &&
        !add_condition(group, fptc__json_copy(w->filters))) {
        fptc__json_free(group);
        return NULL;
    }
    if (w->after_id > 0 &&
        !fptc__filter_add(group, "id", "greater_than", fptc__json_new_int(w->after_id))) {
        fptc__json_free(group);
        return NULL;
    }
    return group;
}

fptc_status fptc__walk_next(const struct fptc__session *f, struct fptc__walk *w,
                            struct fptc__page *page, fptc_error *err)
{
    struct fptc__search search = {w->type,      NULL, w->fields,     "id",
                                  w->page_size, 1,    w->is_retired, 0};
    fptc__json *filters = filters_from(w);
    const fptc__json *row;
    fptc_status status;

    memset(page, 0, sizeof(*page));
    if (filters == NULL)
        return fptc__fail_nomem(err);
    search.filters = filters;
    status = fptc__site_search(f->site, &search, f->call, page, err);
    fptc__json_free(filters);
    if (status != FPTC_OK)
        return status;
    if (w->date_ms == 0)
        w->date_ms = page->date_ms;
    for (row = fptc__json_first(page->rows); row != NULL; row = fptc__json_next(row)) {
        int64_t id = fptc__json_get_int(row, "id");

        if (id > w->after_id)
            w->after_id = id;
    }
    w->is_done = page->is_last;
    return FPTC_OK;
}
