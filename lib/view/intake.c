#include "view/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/lookup.h"

fptc_status fptc__intake_begin(struct fptc__intake *in, const struct fptc__session *f,
                               const struct fptc__source *source, fptc_error *err)
{
    memset(in, 0, sizeof(*in));
    in->follow = f;
    in->source = source;
    in->seen[FPTC__HOME] = fptc__log_head(fptc__view_log(f->view, FPTC__HOME));
    in->seen[FPTC__SITE] = fptc__log_head(fptc__view_log(f->view, FPTC__SITE));
    return f->now(f->ctx, &in->asof_ms, err);
}

void fptc__intake_done(struct fptc__intake *in)
{
    size_t i;

    for (i = 0; i < in->n_batches; i++)
        fptc__records_done(&in->batches[i].records);
    free(in->batches);
    in->batches = NULL;
    in->n_batches = 0;
}

void fptc__row_partition(const struct fptc__source *source, const fptc__json *row, char out[64])
{
    const fptc__json *project = fptc__json_get(row, "project");

    fptc__partition_name(source->is_project_type ? fptc__json_get_int(project, "id") : 0, out);
}

char *fptc__source_fields(const struct fptc__source *source)
{
    struct fptc__buf csv;
    const fptc__json *at;

    fptc__buf_init(&csv, FPTC_FILTER_BYTES_MAX);
    fptc__buf_adds(&csv, "id");
    for (at = fptc__json_first(source->types); at != NULL; at = fptc__json_next(at)) {
        if (strcmp(fptc__json_key(at), "id") != 0)
            fptc__buf_addf(&csv, ",%s", fptc__json_key(at));
    }
    return fptc__buf_steal(&csv);
}

/* Which part of the view shows the partition; -1: neither. */
static int part_of(const struct fptc__intake *in, const char *partition)
{
    int part;

    for (part = FPTC__HOME; part <= FPTC__SITE; part++) {
        const struct fptc__partition *at =
            fptc__view_partition(in->follow->view, (enum fptc__part)part);

        if (strcmp(at->name, partition) == 0)
            return part;
    }
    return -1;
}

static fptc_status batch_of(struct fptc__intake *in, const char *partition,
                            struct fptc__intake_batch **out, fptc_error *err)
{
    struct fptc__intake_batch *list;
    size_t i;

    for (i = 0; i < in->n_batches; i++) {
        if (strcmp(in->batches[i].partition, partition) == 0) {
            *out = &in->batches[i];
            return FPTC_OK;
        }
    }
    list = realloc(in->batches, (in->n_batches + 1) * sizeof(*list));
    if (list == NULL)
        return fptc__fail_nomem(err);
    in->batches = list;
    *out = &list[in->n_batches++];
    memset(*out, 0, sizeof(**out));
    snprintf((*out)->partition, sizeof((*out)->partition), "%s", partition);
    return FPTC_OK;
}

static uint64_t seen_of(const struct fptc__intake *in, const char *partition)
{
    int part = part_of(in, partition);

    return part < 0 ? 0 : in->seen[part];
}

static enum fptc__part home_part(const struct fptc__intake *in)
{
    return fptc__view_part_of(in->follow->view, in->source->is_project_type);
}

uint64_t fptc__intake_seen(const struct fptc__intake *in)
{
    return in->seen[home_part(in)];
}

void fptc__intake_seen_before(struct fptc__intake *in, uint64_t seen)
{
    if (seen < in->seen[home_part(in)])
        in->seen[home_part(in)] = seen;
}

/* {"type":..,"seen":..,"asof":..[,"event":..],  -- the members that rows and gone share */
static void open_body(const struct fptc__intake *in, const char *partition, struct fptc__buf *out)
{
    fptc__buf_adds(out, "{\"type\":");
    fptc__json_put_text(out, in->source->type, strlen(in->source->type));
    fptc__buf_addf(out, ",\"seen\":%llu,\"asof\":%lld,", (unsigned long long)seen_of(in, partition),
                   (long long)in->asof_ms);
    if (in->event != NULL)
        fptc__buf_addf(out, "\"event\":\"%s\",", in->event);
}

/* The row with exactly the fields of the source: what FPT left out is null (whole or absent, C2). */
static void print_row(const struct fptc__intake *in, const fptc__json *row, struct fptc__buf *out)
{
    const fptc__json *at;

    fptc__buf_addf(out, "{\"id\":%lld", (long long)fptc__json_get_int(row, "id"));
    for (at = fptc__json_first(in->source->types); at != NULL; at = fptc__json_next(at)) {
        const char *field = fptc__json_key(at);
        const fptc__json *value = fptc__json_get(row, field);

        if (strcmp(field, "id") == 0)
            continue;
        fptc__buf_addc(out, ',');
        fptc__json_put_text(out, field, strlen(field));
        fptc__buf_addc(out, ':');
        if (value == NULL)
            fptc__buf_adds(out, "null");
        else
            fptc__json_print(value, out);
    }
    fptc__buf_addc(out, '}');
}

static int is_known(const struct fptc__intake *in, const char *partition, const fptc__json *row)
{
    int part = part_of(in, partition);

    return in->skip_equal && part >= 0 &&
           !fptc__view_differs(in->follow->view, (enum fptc__part)part, in->source->type,
                               in->source->types, row);
}

/* One `rows` record for the rows of one partition, from *at on, at most a page of them. */
static fptc_status add_page(struct fptc__intake *in, const char *partition, const fptc__json **at,
                            fptc_error *err)
{
    struct fptc__intake_batch *batch;
    struct fptc__buf body;
    size_t n = 0;
    fptc_status status = batch_of(in, partition, &batch, err);

    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&body, FPTC_RECORD_BYTES_MAX);
    open_body(in, partition, &body);
    fptc__buf_adds(&body, "\"types\":");
    fptc__json_print(in->source->types, &body);
    fptc__buf_adds(&body, ",\"rows\":[");
    for (; *at != NULL && n < FPTC_PAGE_ROWS; *at = fptc__json_next(*at)) {
        char home[64];

        fptc__row_partition(in->source, *at, home);
        if (strcmp(home, partition) != 0 || is_known(in, partition, *at))
            continue;
        if (n++ > 0)
            fptc__buf_addc(&body, ',');
        print_row(in, *at, &body);
    }
    fptc__buf_adds(&body, "]}");
    status = fptc__buf_check(&body, "rows", err);
    if (status == FPTC_OK && n > 0)
        status = fptc__records_add(&batch->records, FPTC__ROWS, body.data, body.len, n, err);
    in->n_rows += (int64_t)n;
    fptc__buf_done(&body);
    return status;
}

/* Whether an earlier row of the array is of the same partition: each partition is walked once. */
static int is_walked(const struct fptc__intake *in, const fptc__json *rows, const fptc__json *row)
{
    const fptc__json *at;
    char wanted[64], name[64];

    fptc__row_partition(in->source, row, wanted);
    for (at = fptc__json_first(rows); at != row; at = fptc__json_next(at)) {
        fptc__row_partition(in->source, at, name);
        if (strcmp(name, wanted) == 0)
            return 1;
        if (in->source->project_id == 0 && !in->source->is_project_type)
            return 1;
    }
    return 0;
}

fptc_status fptc__intake_rows(struct fptc__intake *in, const fptc__json *rows, fptc_error *err)
{
    const fptc__json *row;
    fptc_status status = FPTC_OK;

    if (in->skip_equal)
        fptc__view_begin(in->follow->view);
    for (row = fptc__json_first(rows); row != NULL && status == FPTC_OK;
         row = fptc__json_next(row)) {
        const fptc__json *at = row;
        char partition[64];

        if (is_walked(in, rows, row))
            continue;
        fptc__row_partition(in->source, row, partition);
        while (at != NULL && status == FPTC_OK)
            status = add_page(in, partition, &at, err);
    }
    if (in->skip_equal)
        fptc__view_end(in->follow->view);
    return status;
}

fptc_status fptc__intake_gone(struct fptc__intake *in, int64_t id, const char *updated_at,
                              const char *moved_to, fptc_error *err)
{
    const struct fptc__partition *home = fptc__view_partition(
        in->follow->view, fptc__view_part_of(in->follow->view, in->source->is_project_type));
    struct fptc__intake_batch *batch;
    struct fptc__buf body;
    fptc_status status = batch_of(in, home->name, &batch, err);

    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&body, FPTC_RECORD_BYTES_MAX);
    open_body(in, home->name, &body);
    fptc__buf_addf(&body, "\"rows\":[{\"id\":%lld", (long long)id);
    if (updated_at != NULL && updated_at[0] != '\0') {
        fptc__buf_adds(&body, ",\"updated_at\":");
        fptc__json_put_text(&body, updated_at, strlen(updated_at));
    }
    if (moved_to != NULL)
        fptc__buf_addf(&body, ",\"moved_to\":\"%s\"", moved_to);
    fptc__buf_adds(&body, "}]}");
    status = fptc__buf_check(&body, "gone", err);
    if (status == FPTC_OK)
        status = fptc__records_add(&batch->records, FPTC__GONE, body.data, body.len, 1, err);
    in->n_gone++;
    fptc__buf_done(&body);
    return status;
}

fptc_status fptc__intake_record_in(struct fptc__intake *in, enum fptc__part part, uint16_t kind,
                                   const fptc__json *body, fptc_error *err)
{
    const struct fptc__partition *at = fptc__view_partition(in->follow->view, part);
    struct fptc__intake_batch *batch;
    fptc_status status = batch_of(in, at->name, &batch, err);

    if (status != FPTC_OK)
        return status;
    return fptc__records_add_json(&batch->records, kind, body, err);
}

fptc_status fptc__intake_record(struct fptc__intake *in, uint16_t kind, const fptc__json *body,
                                fptc_error *err)
{
    return fptc__intake_record_in(in, home_part(in), kind, body, err);
}

static fptc_status commit_batch(struct fptc__intake *in, struct fptc__intake_batch *batch,
                                fptc_error *err)
{
    const struct fptc__session *f = in->follow;
    struct fptc__append append = {.records = &batch->records};
    struct fptc__log *log = NULL;
    int part = part_of(in, batch->partition);
    fptc_status status = FPTC_OK;

    if (batch->records.n == 0)
        return FPTC_OK;
    if (part >= 0 && in->home_log != NULL &&
        part == (int)fptc__view_part_of(f->view, in->source->is_project_type))
        log = in->home_log;
    else if (part >= 0)
        log = fptc__view_log(f->view, (enum fptc__part)part);
    else
        status = f->log_of(f->ctx, batch->partition, &log, err);
    if (status == FPTC_OK && part >= 0)
        status = fptc__partition_make(fptc__view_partition(f->view, (enum fptc__part)part), err);
    if (status == FPTC_OK)
        status = fptc__log_append(log, &append, f->call, err);
    return status;
}

/* Home last: what a record there says of rows elsewhere is true by then (C3). */
fptc_status fptc__intake_commit(struct fptc__intake *in, fptc_error *err)
{
    const char *home = fptc__view_partition(in->follow->view, FPTC__HOME)->name;
    fptc_status status = FPTC_OK;
    size_t i;
    int is_home;

    for (is_home = 0; is_home <= 1; is_home++) {
        for (i = 0; i < in->n_batches && status == FPTC_OK; i++) {
            if ((strcmp(in->batches[i].partition, home) == 0) == is_home)
                status = commit_batch(in, &in->batches[i], err);
        }
    }
    return status;
}
