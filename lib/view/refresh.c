/*
 * refresh.c: looking for commits of others, and going on when what is attached can no longer be read.
 *
 * A snapshot that has gone, or a page of it that is damaged, shows while rows are read. That read fails;
 * the next refresh takes the newest base again, or an older one and the commits after it (store/pass.c),
 * and then the same question is put once more (api/job.c).
 */
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/shun.h"
#include "view/connection.h"

/* 1 once a read has failed for good since the last refresh. */
static int has_new_fault(struct fptc__view *v)
{
    return atomic_load(&v->owner.n_faults) != atomic_load(&v->n_faults_seen);
}

/* With the view. */
static fptc_status fault_of(const struct fptc__view_part *part, fptc_error *err)
{
    return part->has_base ? fptc__snapshot_fault(part->view->db, part->base_schema, err) : FPTC_OK;
}

fptc_status fptc__view_on_fault(void *ctx, char out_name[160], fptc_error *err)
{
    struct fptc__view_part *part = ctx;
    fptc_status status;

    pthread_mutex_lock(&part->view->mutex);
    status = fault_of(part, err);
    memcpy(out_name, part->base.snapshot, sizeof(part->base.snapshot));
    pthread_mutex_unlock(&part->view->mutex);
    return status;
}

int fptc__view_n_faults(struct fptc__view *v)
{
    return atomic_load(&v->owner.n_faults);
}

fptc_status fptc__view_check_faults(struct fptc__view *v, int before, fptc_status status,
                                    fptc_error *err)
{
    size_t i;

    if (status < 0 || fptc__view_n_faults(v) == before)
        return status;
    for (i = 0; i < v->n_parts; i++) {
        fptc_status fault = fault_of(&v->parts[i], err);

        if (fault != FPTC_OK)
            return fault;
    }
    return fptc__fail(err, FPTC_EIO, "a snapshot of %s could not be read", v->parts[0].at.name);
}

void fptc__view_tell_faults(struct fptc__view *v)
{
    size_t i;

    for (i = 0; i < v->n_parts && v->shun != NULL; i++) {
        char name[160];
        fptc_status met = fptc__view_on_fault(&v->parts[i], name, NULL);

        if (met != FPTC_OK)
            fptc__shun_note(v->shun, name, met);
    }
}

int fptc__view_is_faulty(struct fptc__view *v)
{
    size_t i;
    int is = 0;

    pthread_mutex_lock(&v->mutex);
    for (i = 0; i < v->n_parts; i++)
        is |= fault_of(&v->parts[i], NULL) != FPTC_OK;
    pthread_mutex_unlock(&v->mutex);
    return is;
}

static int is_part_fresh(const struct fptc__view_part *part, int64_t mono_ms, int64_t max_age_ms)
{
    int64_t last = fptc__log_refreshed_mono_ms(part->log);

    return last != 0 && mono_ms - last < max_age_ms;
}

int fptc__view_is_fresh(struct fptc__view *v, int64_t mono_ms, int64_t max_age_ms)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (!is_part_fresh(&v->parts[i], mono_ms, max_age_ms))
            return 0;
    }
    return !has_new_fault(v);
}

int fptc__view_is_read_after(struct fptc__view *v, int64_t mono_ms)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (fptc__log_refreshed_mono_ms(v->parts[i].log) <= mono_ms)
            return 0;
    }
    return 1;
}

/* A number of a newer version lies ahead: the state before it is read on, and nothing is appended. */
static fptc_status refresh_log(struct fptc__view *v, struct fptc__log *log, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__log_refresh(log, &why);

    if (status == FPTC_EFORMAT && fptc__log_is_read_only(log) && fptc__log_head(log) > 0) {
        fptc__log_line(v->logger, FPTC_LOG_WARNING, "%s; what is before it is read", why.message);
        return FPTC_OK;
    }
    if (status != FPTC_OK && err)
        *err = why;
    return status;
}

fptc_status fptc__view_refresh(struct fptc__view *v, int64_t max_age_ms, fptc_error *err)
{
    int n_faults = fptc__view_n_faults(v), is_faulty = has_new_fault(v);
    fptc_status status = FPTC_OK;
    size_t i;

    for (i = 0; i < v->n_parts && status == FPTC_OK; i++) {
        if (is_faulty || !is_part_fresh(&v->parts[i], fptc__mono_ms(), max_age_ms))
            status = refresh_log(v, v->parts[i].log, err);
    }
    if (status == FPTC_OK)
        atomic_store(&v->n_faults_seen, n_faults);
    return status;
}
