/* rollup_file.c: roll-ups: reading one, its commits, writing one. */
#include "store/rollup_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/limits.h"

/* Openings while the server says ESTALE: Dovecot's bound. */
#define STALE_MAX 10

/* --- reading --- */

static fptc_status damaged(const struct fptc__rollup_reader *r, const char *why, fptc_error *err)
{
    return fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: %s", r->path, why);
}

static fptc_status read_once(const struct fptc__rollup_file *file, struct fptc__rollup_reader *out,
                             fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;
    fptc__buf_done(&out->bytes);
    fptc__buf_init(&out->bytes, FPTC_ROLLUP_BYTES_MAX);
    for (int i = 0; i < STALE_MAX; i++) {
        status = fptc__file_read(out->path, FPTC_ROLLUP_BYTES_MAX, &out->bytes, &why);
        if (status != FPTC_EIO || why.sys_errno != ESTALE)
            break;
    }
    if (status == FPTC_ELIMIT || (status == FPTC_OK && (int64_t)out->bytes.len != file->bytes))
        return damaged(out, "its size is not the manifest's", err);
    if (status < 0 && err)
        *err = why;
    if (status == FPTC_OK && fptc__checksum_add(fptc__checksum_start(), fptc__buf_text(&out->bytes),
                                                out->bytes.len) != file->checksum)
        return damaged(out, "its checksum is wrong", err);
    return status;
}

/* Steps over the next commit, whatever is in it: its bytes and number. FPTC_END after the last. */
static fptc_status step(struct fptc__rollup_reader *r, const struct fptc__rollup_file *file,
                        const char **data, size_t *len, uint64_t *number, fptc_error *err)
{
    if (r->at == r->bytes.len)
        return FPTC_END;
    *data = r->bytes.data + r->at;
    *len = fptc__commit_extent(*data, r->bytes.len - r->at, number);
    if (*len == 0 || *number < r->next || *number > file->to)
        return damaged(r, "its commits are not those of its name", err);
    r->at += *len;
    r->next = *number + 1;
    return FPTC_OK;
}

static void rewind_to_start(struct fptc__rollup_reader *r, const struct fptc__rollup_file *file)
{
    r->at = 0;
    r->next = file->from;
}

/* All numbers are looked at before the first commit is used: what is not there is a hole, for ever. */
static fptc_status check_numbers(struct fptc__rollup_reader *r,
                                 const struct fptc__rollup_file *file, fptc_error *err)
{
    const char *data;
    size_t len;
    uint64_t number = 0;
    fptc_status status = FPTC_OK;
    rewind_to_start(r, file);
    while (status == FPTC_OK)
        status = step(r, file, &data, &len, &number, err);
    rewind_to_start(r, file);
    return status == FPTC_END ? FPTC_OK : status;
}

fptc_status fptc__rollup_load(const struct fptc__partition *p, const struct fptc__rollup_file *file,
                              struct fptc__rollup_reader *out, fptc_error *err)
{
    fptc_status status = fptc__path(out->path, err, "%s/files/%s", p->dir, file->name);
    if (status == FPTC_OK)
        status = read_once(file, out, err);
    /* A second look: one bad transfer must not cost a base. */
    if (status == FPTC_EDAMAGED)
        status = read_once(file, out, err);
    return status == FPTC_OK ? check_numbers(out, file, err) : status;
}

fptc_status fptc__rollup_next(struct fptc__rollup_reader *r, const struct fptc__rollup_file *file,
                              uint64_t above, struct fptc__commit *out, fptc_error *err)
{
    const char *data = NULL;
    size_t len = 0;
    uint64_t number = 0;
    fptc_status status = FPTC_OK;
    *out = (struct fptc__commit){.records = NULL};
    while (status == FPTC_OK && number <= above)
        status = step(r, file, &data, &len, &number, err);
    if (status == FPTC_OK)
        status = fptc__commit_decode(data, len, r->path, number, out, err);
    out->file = data;
    out->file_len = len;
    return status;
}

void fptc__rollup_done(struct fptc__rollup_reader *r)
{
    fptc__buf_done(&r->bytes);
}

/* --- writing --- */

static fptc_status put_as_named(const struct fptc__partition *p, const struct fptc__buf *bytes,
                                const char *name, fptc_error *err)
{
    char path[FPTC_PATH_MAX], dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(dir, err, "%s/files", p->dir);
    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/%s", dir, name);
    if (status == FPTC_OK)
        status = fptc__file_create(path, bytes->len ? bytes->data : "", bytes->len, 0666, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__dir_sync(dir, err);
    if (status != FPTC_OK)
        (void)fptc__file_remove(path, NULL);
    return status;
}

fptc_status fptc__rollup_put(const struct fptc__partition *p, const struct fptc__buf *bytes,
                             struct fptc__rollup_file *file, fptc_error *err)
{
    char hex[33];
    file->bytes = (int64_t)bytes->len;
    file->checksum =
        fptc__checksum_add(fptc__checksum_start(), bytes->len ? bytes->data : "", bytes->len);
    if (file->name[0])
        return put_as_named(p, bytes, file->name, err);
    fptc_status status = FPTC_EEXIST;
    /* FPTC_EEXIST of a name that nobody else has: the reply to our own creation was lost. */
    for (int i = 0; i < 2 && status == FPTC_EEXIST; i++) {
        fptc__random_hex32(hex);
        snprintf(file->name, sizeof(file->name), "%" PRIu64 "-%" PRIu64 "-%.16s.rollup", file->from,
                 file->to, hex);
        status = put_as_named(p, bytes, file->name, err);
    }
    return status;
}
