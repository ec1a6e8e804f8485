/* batch.c: see batch.h. A number whose bytes were read and fail the check is a hole; an I/O error never is (S8). */
#include "store/batch.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

#define BATCH_BYTES (16u << 20)

static fptc_status read_bytes(const char *path, struct fptc__buf *out, fptc_error *err)
{
    fptc_status status = fptc__file_read(path, FPTC_COMMIT_BYTES_MAX, out, err);
    if (status == FPTC_ELIMIT)
        return fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it is too long", path);
    return status;
}

fptc_status fptc__log_check_partition(const struct fptc__log *log, struct fptc__commit *c,
                                      const char *path, fptc_error *err)
{
    if (strcmp(c->head.partition, log->p.name) == 0)
        return FPTC_OK;
    fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it belongs to partition %s", path,
               c->head.partition);
    fptc__commit_done(c);
    return FPTC_EDAMAGED;
}

static fptc_status read_once(struct fptc__log *log, const char *path, struct fptc__entry *out,
                             fptc_error *err)
{
    struct fptc__buf bytes;
    fptc__buf_init(&bytes, FPTC_COMMIT_BYTES_MAX);
    fptc_status status = read_bytes(path, &bytes, err);
    if (status == FPTC_OK)
        status = fptc__commit_decode(fptc__buf_text(&bytes), bytes.len, path, out->number,
                                     &out->commit, err);
    if (status == FPTC_OK)
        status = fptc__log_check_partition(log, &out->commit, path, err);
    if (status == FPTC_OK && log->is_roller) {
        out->bytes = bytes;
        out->commit.file = fptc__buf_text(&out->bytes);
        out->commit.file_len = out->bytes.len;
    } else {
        fptc__buf_done(&bytes);
    }
    return status;
}

/* FPTC_OK also for a hole; FPTC_MISS when there is no such number. */
static fptc_status read_commit(struct fptc__log *log, uint64_t number, struct fptc__entry *out,
                               fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    *out = (struct fptc__entry){.number = number};
    fptc_status status = fptc__partition_number_path(&log->p, "log", number, path, err);
    if (status == FPTC_OK)
        status = read_once(log, path, out, err);
    /* A verdict for ever deserves a second look: one bad transfer must not make a hole. */
    if (status == FPTC_EDAMAGED)
        status = read_once(log, path, out, err);
    if (status != FPTC_EDAMAGED)
        return status;
    fptc__log_line(log->logger, FPTC_LOG_WARNING, "commit %" PRIu64 " of %s is skipped: %s", number,
                   log->p.name, err->message);
    out->is_hole = 1;
    return FPTC_OK;
}

static fptc_status is_gone(struct fptc__log *log, uint64_t number, int *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = fptc__partition_number_path(&log->p, "log", number, path, err);
    if (status == FPTC_OK)
        status = fptc__file_info(path, NULL, NULL, err);
    *out = status == FPTC_MISS;
    return status == FPTC_MISS ? FPTC_OK : status;
}

fptc_status fptc__log_touch(struct fptc__log *log, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/log", log->p.dir);
    return status == FPTC_OK ? fptc__dir_touch(path, err) : status;
}

void fptc__batch_read(struct fptc__log *log, struct fptc__batch *b)
{
    b->end = FPTC_OK;
    while (b->n < FPTC__BATCH_COMMITS && b->bytes < BATCH_BYTES) {
        struct fptc__entry *e = &b->list[b->n];
        b->end = read_commit(log, b->known + 1 + b->n, e, &b->err);
        if (b->end != FPTC_OK)
            break;
        b->bytes += e->commit.inflated.len;
        b->n++;
    }
    if (b->end != FPTC_MISS)
        return;
    b->end = FPTC_END;
    if (b->n == 0 && b->known > 0) {
        fptc_status status = is_gone(log, b->known, &b->is_head_gone, &b->err);
        b->end = status == FPTC_OK ? FPTC_END : status;
    }
}

void fptc__batch_done(struct fptc__batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        fptc__commit_done(&b->list[i].commit);
        fptc__buf_done(&b->list[i].bytes);
    }
    b->n = b->bytes = 0;
    b->is_head_gone = 0;
}
