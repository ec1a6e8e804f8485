#include "view/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "view/streaming.h"

/* Steps of SQLite's machine between two looks at the clock: well below a millisecond. */
#define STEPS_PER_LOOK 10000

fptc_status fptc__stream_view(const struct fptc__view_place *place, struct fptc__view **out,
                              fptc_error *err)
{
    fptc_status status = fptc__view_open_at(place, NULL, out, err);

    if (status == FPTC_OK)
        status = fptc__sql_run((*out)->db, "PRAGMA temp_store=FILE", err);
    if (status == FPTC_OK)
        status = fptc__view_refresh(*out, 0, err);
    if (status != FPTC_OK) {
        fptc__view_close(*out);
        *out = NULL;
    }
    return status;
}

static int is_over(void *ctx)
{
    struct fptc__stream *s = ctx;

    s->is_late = s->until_mono_ms != 0 && fptc__mono_ms() >= s->until_mono_ms;
    return s->is_late;
}

fptc_status fptc__stream_new(struct fptc__view *view, int64_t until_mono_ms,
                             struct fptc__stream **out, fptc_error *err)
{
    struct fptc__stream *s = calloc(1, sizeof(*s));

    *out = s;
    if (s == NULL)
        return fptc__fail_nomem(err);
    s->view = view;
    s->pid = fptc__process_id();
    s->until_mono_ms = until_mono_ms;
    sqlite3_progress_handler(view->db, STEPS_PER_LOOK, is_over, s);
    return FPTC_OK;
}

void fptc__stream_abandon(struct fptc__stream *s)
{
    size_t i;

    if (s == NULL)
        return;
    sqlite3_finalize(s->stmt);
    sqlite3_progress_handler(s->view->db, 0, NULL, NULL);
    for (i = 0; i < s->n_columns && s->columns != NULL; i++) {
        free(s->columns[i].name);
        free(s->columns[i].links_sql);
    }
    free(s->columns);
    free(s);
}

/* A child of fork() shares the files with its parent and leaves them to it. */
void fptc__stream_close(struct fptc__stream *s)
{
    struct fptc__view *view = s == NULL ? NULL : s->view;

    if (s == NULL || s->pid != fptc__process_id())
        return;
    fptc__stream_abandon(s);
    fptc__view_close(view);
}

fptc_status fptc__stream_fail(struct fptc__stream *s, const char *what, fptc_error *err)
{
    if (s->is_late)
        return fptc__fail(err, FPTC_EDEADLINE,
                          "the rows of %.80s were not read within the deadline",
                          what == NULL ? "the statement" : what);
    return fptc__view_fail(s->view, what, err);
}

fptc_status fptc__stream_prime(struct fptc__stream *s, fptc_error *err)
{
    int n_faults = fptc__view_n_faults(s->view);

    s->first = sqlite3_step(s->stmt);
    s->has_first = 1;
    return fptc__view_check_faults(s->view, n_faults, FPTC_OK, err);
}

/* Of a plan's columns, what reading needs. */
static fptc_status keep_columns(struct fptc__stream *s, const struct fptc__plan *plan,
                                fptc_error *err)
{
    size_t i;

    s->columns = calloc(plan->n_columns + 1, sizeof(*s->columns));
    if (s->columns == NULL)
        return fptc__fail_nomem(err);
    s->n_columns = plan->n_columns;
    for (i = 0; i < plan->n_columns; i++) {
        const struct fptc__column *from = &plan->columns[i];

        s->columns[i].class_of = from->class_of;
        s->columns[i].name = strdup(from->name);
        if (from->links_sql != NULL)
            s->columns[i].links_sql = strdup(from->links_sql);
        if (s->columns[i].name == NULL ||
            (from->links_sql != NULL && s->columns[i].links_sql == NULL))
            return fptc__fail_nomem(err);
    }
    return FPTC_OK;
}

static fptc_status start_plan(struct fptc__stream *s, const struct fptc__plan *plan,
                              struct fptc__rows *rows, fptc_error *err)
{
    fptc_status status = fptc__run_shape(s->view, plan, err);

    if (status == FPTC_OK)
        status = keep_columns(s, plan, err);
    if (status == FPTC_OK)
        status = fptc__view_compile(s->view, plan->sql, 0, &s->stmt, err);
    if (status == FPTC_OK && !fptc__run_bind(s->stmt, plan->params, plan->n_params, 1))
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK)
        status = fptc__stream_prime(s, err);
    return status == FPTC_OK ? fptc__run_rows(plan->type, s->columns, s->n_columns, rows, err)
                             : status;
}

fptc_status fptc__stream_find(struct fptc__view *view, const struct fptc__plan *plan,
                              int64_t until_mono_ms, struct fptc__rows *rows,
                              struct fptc__stream **out, fptc_error *err)
{
    struct fptc__stream *s = NULL;
    fptc_status status = fptc__stream_new(view, until_mono_ms, &s, err);

    *out = NULL;
    if (status == FPTC_OK)
        status = start_plan(s, plan, rows, err);
    if (status != FPTC_OK)
        fptc__stream_abandon(s);
    else
        *out = s;
    return status;
}

static int step(struct fptc__stream *s)
{
    int rc = s->has_first ? s->first : sqlite3_step(s->stmt);

    s->has_first = 0;
    return rc;
}

static fptc_status copy_row(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err)
{
    return s->columns == NULL
               ? fptc__stream_sql_row(s, rows, err)
               : fptc__run_row(s->view, rows, s->stmt, s->columns, s->n_columns, err);
}

static fptc_status take_row(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err)
{
    int rc = step(s);

    if (rc == SQLITE_ROW)
        return copy_row(s, rows, err);
    if (rc == SQLITE_DONE)
        return FPTC_END;
    return s->columns == NULL ? fptc__stream_sql_fail(s, err)
                              : fptc__stream_fail(s, rows->type, err);
}

fptc_status fptc__stream_next(struct fptc__stream *s, struct fptc__rows *rows, fptc_error *err)
{
    int n_faults = fptc__view_n_faults(s->view);
    fptc_status status;

    fptc__rows_clear(rows);
    if (s->pid != fptc__process_id())
        return fptc__fail(err, FPTC_EFORK, "these rows belong to the parent of this process");
    if (is_over(s))
        return fptc__stream_fail(s, rows->type, err);
    status = take_row(s, rows, err);
    status = fptc__view_check_faults(s->view, n_faults, status, err);
    s->n_given += status == FPTC_OK;
    if (status != FPTC_EIO && status != FPTC_ENOENT && status != FPTC_EDAMAGED)
        return status;
    fptc__view_tell_faults(s->view);
    (void)fptc__error_where(err, "the rows end after %" PRId64 ": ask again", s->n_given);
    return status;
}
