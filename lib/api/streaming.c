/* streaming.c: covered rows one after the other, from a view that only this result reads. */
#include <string.h>

#include "api/covered.h"
#include "base/error.h"
#include "base/limits.h"
#include "view/stream.h"

/* With the work's view replaced by the stream's own, which may have read later commits: what is covered,
   how old and how complete it is are asked of the very state that the rows come from. */
static fptc_status stream_from(struct fptc__answer *a, struct fptc__view *view, size_t told,
                               fptc_error *err)
{
    struct fptc__view *shared = a->work->session.view;
    struct fptc__stream *stream = NULL;
    fptc_status status;

    fptc__buf_cut(&a->result->warnings, told);
    a->work->session.view = view;
    status = fptc__covered_find(a, err);
    a->work->session.view = shared;
    if (status == FPTC_OK)
        status = fptc__stream_find(view, a->plan, a->until_mono_ms, &a->result->rows, &stream, err);
    if (status == FPTC_OK)
        fptc__result_stream(a->result, stream);
    return status;
}

fptc_status fptc__answer_stream(struct fptc__answer *a, size_t told, fptc_error *err)
{
    const char *home = fptc__view_partition(a->work->session.view, FPTC__HOME)->name;
    struct fptc__view *view = NULL;
    struct fptc__handle_place at;
    int n = 0;
    fptc_status status = fptc__handle_place(a->work->cache, home, &at, err);

    if (status == FPTC_OK)
        status = fptc__stream_view(&at.place, &view, err);
    if (status == FPTC_OK)
        status = stream_from(a, view, told, err);
    while (status < 0 && n++ < FPTC_STALE_MAX && fptc__view_is_faulty(view) &&
           fptc__view_refresh(view, 0, err) == FPTC_OK && !fptc__view_is_faulty(view)) {
        fptc__rows_done(&a->result->rows);
        status = stream_from(a, view, told, err);
    }
    if (status != FPTC_OK) {
        fptc__view_close(view);
        fptc__rows_done(&a->result->rows);
    }
    return status == FPTC_ENODATA ? FPTC_MISS : status;
}
