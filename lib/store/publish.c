/*
 * publish.c: a new name, and who owns it.
 *
 *  1. Bytes are encoded once; the writer id in their header is what tells ours from others'.
 *  2. A temp is written once and linked to one number only (S7b): a LINK that a cut-off host sends
 *     late goes by file handle and can then only make what it always was going to make.
 *  3. What link answers proves nothing, either way: replies are lost, and a call repeated by the
 *     kernel says EEXIST of its own success. The number is opened and its writer compared.
 *  4. Temps are unlinked by fptc__temps_remove(): same inode as the commit, so an unlink here could
 *     wait for a dead reader's delegation (S9).
 */
#include "store/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/symlink.h"

/* Fresh temps of one publish: each lost to a deletion with a short grace, or to a stale handle. */
#define TEMPS_MAX 10
/* Openings of one file that cannot be read, and temps that cannot be written. */
#define UNREADABLE_MAX 2

void fptc__writer_fill(struct fptc__commit_header *head, const struct fptc__partition *p)
{
    char boot[37], random[33];
    fptc__boot_id(boot);
    fptc__random_hex32(random);
    *head = (struct fptc__commit_header){.pid = fptc__process_id()};
    snprintf(head->partition, sizeof(head->partition), "%s", p->name);
    snprintf(head->writer, sizeof(head->writer), "%s-%.16s", boot, random);
    fptc__host_name(head->host, sizeof(head->host));
}

struct publish {
    const struct fptc__partition *p;
    const struct fptc__commit_header *head;
    struct fptc__buf bytes;
    int n_unwritten;          /* temps that met an I/O error */
    char dir[FPTC_PATH_MAX];  /* of the number */
    char path[FPTC_PATH_MAX]; /* the number */
    const struct fptc__publish_look *look;
};

static fptc_status temp_path(const struct publish *pub, char temp[FPTC_PATH_MAX], fptc_error *err)
{
    char plain[FPTC_PATH_MAX];
    fptc_status status = fptc__partition_temp_path(pub->p, plain, err);
    if (status != FPTC_OK)
        return status;
    return fptc__path(temp, err, "%s/tmp/%s%s", pub->p->dir, pub->look ? FPTC__BASE_TEMP : "",
                      strrchr(plain, '/') + 1);
}

/*
 * 1 when a temp that was not written may be written anew: its name is there (the reply to our own
 * creation was lost); NFSv3 has forgotten the open file, because a deletion took it; or an I/O error,
 * once: NFSv4 says it of a file that was open when a partition outlived the lease. What a failed fsync
 * covers is never linked.
 */
static int is_worth_another(struct publish *pub, fptc_status status, int sys_errno)
{
    return status == FPTC_EEXIST ||
           (status == FPTC_EIO && (sys_errno == ESTALE || ++pub->n_unwritten < UNREADABLE_MAX));
}

static fptc_status write_temp(const struct publish *pub, char temp[FPTC_PATH_MAX], fptc_error *err)
{
    fptc_status status = temp_path(pub, temp, err);
    if (status == FPTC_OK)
        status = fptc__file_create(temp, pub->bytes.data, pub->bytes.len, 0666, err);
    return status;
}

/* One look at the number. FPTC_OK ours, FPTC_MISS somebody else's, FPTC_UNKNOWN nothing there. */
static fptc_status look(const struct publish *pub, fptc_error *err)
{
    char bytes[FPTC__COMMIT_HEADER_LEN];
    struct fptc__commit_header found;
    size_t got = 0;
    int fd = -1;
    fptc_status status = fptc__file_open(pub->path, &fd, err);
    if (status == FPTC_MISS)
        return FPTC_UNKNOWN;
    if (status == FPTC_OK)
        status = fptc__file_pread(fd, pub->path, bytes, sizeof(bytes), 0, &got, err);
    fptc__file_close(fd);
    if (status != FPTC_OK)
        return status;
    if (!fptc__commit_header_decode(bytes, got, &found))
        return FPTC_MISS; /* a hole, or a newer format: not ours */
    return strcmp(found.writer, pub->head->writer) == 0 ? FPTC_OK : FPTC_MISS;
}

static fptc_status look_patiently(const struct publish *pub, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;
    for (int i = 0; i < FPTC_STALE_MAX; i++) {
        status = look(pub, &why);
        if (status != FPTC_EIO || (why.sys_errno != ESTALE && i + 1 >= UNREADABLE_MAX))
            break;
        (void)fptc__dir_touch(pub->dir, NULL);
    }
    if (status < 0 && err) {
        *err = why;
        (void)fptc__error_where(err, "cannot tell who published it");
    }
    return status;
}

/*
 * Links a fresh temp and finds out what became of it. *again: the link did not happen for a reason
 * that another temp may not meet.
 */
static fptc_status link_once(struct publish *pub, int *again, fptc_error *err)
{
    char temp[FPTC_PATH_MAX];
    fptc_error unsynced = FPTC_ERROR_INIT, unwritten = FPTC_ERROR_INIT;
    *again = 0;
    fptc_status status = write_temp(pub, temp, &unwritten);
    if (status < 0 && err)
        *err = unwritten;
    if (status == FPTC_ENOENT) {
        fptc_status made = fptc__partition_make(pub->p, err);
        *again = made == FPTC_OK;
        return *again ? status : made;
    }
    *again = is_worth_another(pub, status, unwritten.sys_errno);
    if (status == FPTC_OK && pub->look)
        status = pub->look->look(pub->look->ctx, err);
    if (status != FPTC_OK)
        return status;
    int failed = fptc__sys.link(temp, pub->path) == 0 ? 0 : errno;
    /* Before the look: the opening of the directory makes the look-up fresh (N§6). */
    fptc_status synced = fptc__dir_sync(pub->dir, &unsynced);
    status = look_patiently(pub, err);
    if (status == FPTC_OK && synced != FPTC_OK)
        return fptc__fail_errno(err, unsynced.sys_errno,
                                "%s is published, but perhaps not for long", pub->path);
    if (status != FPTC_UNKNOWN || failed == 0 || failed == EEXIST)
        return status;
    if (failed == ENOENT)
        (void)fptc__partition_make(pub->p, NULL);
    *again = failed == ENOENT || failed == EINTR || failed == ESTALE;
    return fptc__fail_errno(err, failed, "cannot publish %s", pub->path);
}

static fptc_status publish(struct publish *pub, const char *sub, const struct fptc__record *records,
                           size_t n_records, uint64_t *out_checksum, fptc_error *err)
{
    int again = 1;
    fptc__buf_init(&pub->bytes, FPTC_COMMIT_BYTES_MAX);
    fptc_status status = fptc__path(pub->dir, err, "%s/%s", pub->p->dir, sub);
    if (status == FPTC_OK)
        status = fptc__partition_number_path(pub->p, sub, pub->head->number, pub->path, err);
    if (status == FPTC_OK)
        status = fptc__commit_encode(pub->head, records, n_records, &pub->bytes, out_checksum, err);
    if (status == FPTC_OK)
        for (int i = 0; i < TEMPS_MAX && again; i++)
            status = link_once(pub, &again, err);
    fptc__buf_done(&pub->bytes);
    return status;
}

fptc_status fptc__publish(const struct fptc__partition *p, const char *sub,
                          const struct fptc__commit_header *head,
                          const struct fptc__record *records, size_t n_records,
                          uint64_t *out_checksum, fptc_error *err)
{
    struct publish pub = {.p = p, .head = head};
    return publish(&pub, sub, records, n_records, out_checksum, err);
}

fptc_status fptc__publish_base(const struct fptc__partition *p,
                               const struct fptc__commit_header *head,
                               const struct fptc__record *record,
                               const struct fptc__publish_look *look, fptc_error *err)
{
    struct publish pub = {.p = p, .head = head, .look = look};
    return publish(&pub, "bases", record, 1, NULL, err);
}
/* --- leftovers --- */

struct sweep {
    char dir[FPTC_PATH_MAX];
    const char *kind; /* what the names begin with */
    int64_t now_ms, grace_ms;
    int removed;
    fptc_status status; /* first failure */
    fptc_error *err;
};

static int sweep_one(const char *name, void *payload)
{
    struct sweep *s = payload;
    char path[FPTC_PATH_MAX];
    int64_t mtime_ms = 0;
    fptc_error why = FPTC_ERROR_INIT;
    if (strncmp(name, s->kind, strlen(s->kind)) != 0)
        return 0;
    fptc_status status = fptc__path(path, &why, "%s/%s", s->dir, name);
    if (status == FPTC_OK)
        status = fptc__symlink_made(path, &mtime_ms, &why); /* also of a link that leads nowhere */
    if (status == FPTC_MISS || (status == FPTC_OK && s->now_ms - mtime_ms < s->grace_ms))
        return 0;
    if (status == FPTC_OK)
        status = fptc__file_remove_shared(path, &why);
    if (status == FPTC_OK)
        s->removed++;
    else if (s->status == FPTC_OK)
        s->status = fptc__fail(s->err, status, "%s", why.message);
    return 0;
}

static fptc_status sweep(struct sweep *s, const struct fptc__partition *p, int *out_removed)
{
    fptc_status status = fptc__path(s->dir, s->err, "%s/tmp", p->dir);
    if (status == FPTC_OK)
        status = fptc__dir_list(s->dir, sweep_one, s, s->err);
    if (out_removed)
        *out_removed = s->removed;
    if (status == FPTC_MISS)
        return FPTC_OK;
    return status == FPTC_OK ? s->status : status;
}

fptc_status fptc__temps_remove(const struct fptc__partition *p, int64_t now_ms, int64_t grace_ms,
                               int *out_removed, fptc_error *err)
{
    struct sweep s = {.kind = "", .now_ms = now_ms, .grace_ms = grace_ms, .err = err};
    return sweep(&s, p, out_removed);
}

fptc_status fptc__base_temps_remove(const struct fptc__partition *p, int *out_removed,
                                    fptc_error *err)
{
    struct sweep s = {.kind = FPTC__BASE_TEMP, .now_ms = INT64_MAX, .err = err};
    return sweep(&s, p, out_removed);
}
