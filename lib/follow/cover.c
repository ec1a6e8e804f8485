#include "follow/cover.h"

#include <string.h>

#include "base/error.h"

fptc_status fptc__cover_record(struct fptc__intake *in, const struct fptc__since *marks,
                               fptc_error *err)
{
    fptc__json *body = fptc__json_new_object();
    char mark[21] = "";
    int ok = fptc__json_set(body, "type", fptc__json_new_text(in->source->type));
    fptc_status status;

    if (marks->date_ms > 0)
        fptc__iso_from_ms(marks->date_ms, mark);
    ok = fptc__json_set(body, "types", fptc__json_copy(in->source->types)) && ok;
    ok = fptc__json_set(body, "asof", fptc__json_new_int(in->asof_ms)) && ok;
    ok = fptc__json_set(body, "seen", fptc__json_new_int((int64_t)fptc__intake_seen(in))) && ok;
    ok = fptc__json_set(body, "mark", fptc__json_new_text(mark)) && ok;
    ok = fptc__json_set(body, "max_id", fptc__json_new_int(marks->max_id)) && ok;
    ok = fptc__json_set(body, "audited", fptc__json_new_int(marks->audited_ms)) && ok;
    if (marks->is_walk)
        ok = fptc__json_set(body, "walk", fptc__json_new_int((int64_t)marks->walk_seen)) && ok;
    status = ok ? fptc__intake_record(in, FPTC__COVER, body, err) : fptc__fail_nomem(err);
    fptc__json_free(body);
    return status;
}

int64_t fptc__max_id(const fptc__json *rows, int64_t least)
{
    const fptc__json *row;

    for (row = fptc__json_first(rows); row != NULL; row = fptc__json_next(row)) {
        int64_t id = fptc__json_get_int(row, "id");

        if (id > least)
            least = id;
    }
    return least;
}

static int has_text(const fptc__json *list, const char *text)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (fptc__json_is_string(at) && strcmp(fptc__json_text(at), text) == 0)
            return 1;
    }
    return 0;
}

int fptc__covers(const fptc__json *covered, const fptc__json *types)
{
    const fptc__json *at;

    for (at = fptc__json_first(types); at != NULL; at = fptc__json_next(at)) {
        if (strcmp(fptc__json_key(at), "id") != 0 && !has_text(covered, fptc__json_key(at)))
            return 0;
    }
    return 1;
}
