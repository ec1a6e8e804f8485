/*
 * file.c: see file.h. Rules:
 *  1. EINTR of open, read and write is tried again; that of fsync is a failure like any other.
 *  2. After a failed fsync nothing is tried again: the kernel may have dropped the pages and would
 *     then answer "done" (fsyncgate).
 *  3. Reading a whole file, its size by name, and the opening of a directory are repeated while the
 *     server says ESTALE: each time the path is looked up anew. Nothing that changes something is.
 *  4. close is checked where data was written: NFS reports late write errors there. The descriptor
 *     is gone whatever it answers, so close is never called twice.
 *  5. EBADF of our own descriptor is ESTALE: an NFSv4 client says it of a file that it could not open
 *     anew after its lease had run out, because somebody had deleted it meanwhile (tests/nfs, pause).
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/mode.h"

#define READ_PIECE (256u * 1024u)

/* 1 while a look that failed is worth another: interrupted, or by a handle that the server has forgotten. */
static int may_look_again(int *n_stale)
{
    return errno == EINTR || (errno == ESTALE && ++*n_stale < FPTC_STALE_MAX);
}

static int open_retrying(const char *path, int flags, mode_t mode)
{
    int fd;

    do
        fd = fptc__sys.open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

fptc_status fptc__file_open(const char *path, int *out_fd, fptc_error *err)
{
    *out_fd = open_retrying(path, O_RDONLY, 0);
    if (*out_fd >= 0)
        return FPTC_OK;
    *out_fd = -1;
    if (errno == ENOENT)
        return FPTC_MISS;
    return fptc__fail_errno(err, errno, "cannot open %s", path);
}

void fptc__file_close(int fd)
{
    if (fd >= 0)
        fptc__sys.close(fd);
}

fptc_status fptc__file_size(int fd, const char *path, int64_t *out_bytes, fptc_error *err)
{
    struct stat st;

    *out_bytes = 0;
    if (fptc__sys.fstat(fd, &st) != 0)
        return fptc__fail_errno(err, errno, "cannot stat %s", path);
    *out_bytes = (int64_t)st.st_size;
    return FPTC_OK;
}

static int io_errno(void)
{
    return errno == EBADF ? ESTALE : errno;
}

/* One read that is not interrupted: bytes got, 0 at the end of the file, -1 with errno. */
static ssize_t read_some(int fd, void *data, size_t n)
{
    ssize_t got;

    do
        got = fptc__sys.read(fd, data, n);
    while (got < 0 && errno == EINTR);
    return got;
}

/* One read into out, of at most `room` bytes. *end is set at the end of the file. */
static fptc_status read_piece(int fd, const char *path, size_t room, struct fptc__buf *out,
                              int *end, fptc_error *err)
{
    char *at = fptc__buf_reserve(out, room);
    ssize_t got;

    if (!at)
        return fptc__buf_check(out, path, err);
    got = read_some(fd, at, room);
    if (got < 0)
        return fptc__fail_errno(err, io_errno(), "cannot read %s", path);
    out->len += (size_t)got;
    *end = got == 0;
    return FPTC_OK;
}

/* Full: the file must end here. */
static fptc_status check_end(int fd, const char *path, size_t limit, fptc_error *err)
{
    char extra;
    ssize_t got = read_some(fd, &extra, 1);

    if (got < 0)
        return fptc__fail_errno(err, io_errno(), "cannot read %s", path);
    if (got > 0)
        return fptc__fail(err, FPTC_ELIMIT, "%s is longer than %zu bytes", path, limit);
    return FPTC_OK;
}

/* The size is only a hint (a file may grow, NFS attributes may be old): the end is where read says. */
static fptc_status read_all(int fd, const char *path, size_t limit, struct fptc__buf *out,
                            fptc_error *err)
{
    size_t start = out->len;
    fptc_status status;
    int64_t hint = 0;
    size_t piece = READ_PIECE;
    int end = 0;

    status = fptc__file_size(fd, path, &hint, err);
    if (status == FPTC_OK && hint > 0 && (uint64_t)hint < limit)
        piece = (size_t)hint + 1;
    while (status == FPTC_OK && !end) {
        size_t left = limit - (out->len - start);

        if (left == 0)
            return check_end(fd, path, limit, err);
        status = read_piece(fd, path, piece < left ? piece : left, out, &end, err);
        /* What the hint promised is asked for first, then the rest piece by piece. */
        if (out->len - start >= (uint64_t)hint)
            piece = READ_PIECE;
        else
            piece = (size_t)hint + 1 - (out->len - start);
    }
    return status;
}

static fptc_status read_once(const char *path, size_t limit, struct fptc__buf *out, fptc_error *err)
{
    size_t start = out->len;
    int fd = -1;
    fptc_status status = fptc__file_open(path, &fd, err);

    if (status != FPTC_OK)
        return status;
    status = read_all(fd, path, limit, out, err);
    fptc__file_close(fd);
    if (status != FPTC_OK)
        out->len = start;
    return status;
}

fptc_status fptc__file_read(const char *path, size_t max, struct fptc__buf *out, fptc_error *err)
{
    size_t limit = out->max - out->len < max ? out->max - out->len : max;
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = FPTC_EIO;
    int i;

    if (out->failed)
        return fptc__buf_check(out, path, err);
    why.sys_errno = ESTALE;
    for (i = 0; status == FPTC_EIO && why.sys_errno == ESTALE && i < FPTC_STALE_MAX; i++)
        status = read_once(path, limit, out, &why);
    if (status < 0 && err)
        *err = why;
    (void)fptc__buf_text(out);
    return status;
}

/* Before the file has the name that others look for. */
static fptc_status share(const char *path, int *fd, fptc_error *err)
{
    int failed = fptc__mode_share_file(*fd, path);

    if (!failed)
        return FPTC_OK;
    fptc__sys.close(*fd);
    fptc__sys.unlink(path);
    *fd = -1;
    return fptc__fail_errno(err, failed, "cannot set the permissions of %s", path);
}

fptc_status fptc__file_start(const char *path, mode_t mode, int *out_fd, fptc_error *err)
{
    *out_fd = open_retrying(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (*out_fd >= 0)
        return mode == 0666 ? share(path, out_fd, err) : FPTC_OK;
    *out_fd = -1;
    if (errno == EEXIST)
        return fptc__fail(err, FPTC_EEXIST, "%s exists already", path);
    return fptc__fail_errno(err, errno, "cannot create %s", path);
}

fptc_status fptc__file_add(int fd, const char *path, const void *data, size_t n, fptc_error *err)
{
    const char *at = data;
    size_t left = n;

    while (left > 0) {
        ssize_t put = fptc__sys.write(fd, at, left);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fptc__fail_errno(err, io_errno(), "cannot write %s", path);
        if (put == 0)
            return fptc__fail(err, FPTC_EIO, "cannot write %s: the file system took nothing", path);
        at += put;
        left -= (size_t)put;
    }
    return FPTC_OK;
}

/* Linux has closed the descriptor even when it says EINTR, and everything was synced before. */
static int close_synced(int fd)
{
    if (fptc__sys.close(fd) == 0 || errno == EINTR)
        return 0;
    return io_errno();
}

fptc_status fptc__file_finish(int fd, const char *path, fptc_error *err)
{
    int failed;

    if (fptc__sys.fsync(fd) != 0) {
        failed = io_errno();
        fptc__sys.close(fd);
        return fptc__fail_errno(err, failed, "cannot sync %s", path);
    }
    failed = close_synced(fd);
    if (failed)
        return fptc__fail_errno(err, failed, "cannot close %s", path);
    return FPTC_OK;
}

fptc_status fptc__file_create(const char *path, const void *data, size_t n, mode_t mode,
                              fptc_error *err)
{
    fptc_status status;
    int fd = -1;

    status = fptc__file_start(path, mode, &fd, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__file_add(fd, path, data, n, err);
    if (status == FPTC_OK)
        status = fptc__file_finish(fd, path, err);
    else
        fptc__file_close(fd);
    if (status != FPTC_OK)
        fptc__sys.unlink(path); /* best effort: the first failure is the one to report */
    return status;
}

fptc_status fptc__file_pread(int fd, const char *path, void *data, size_t n, int64_t offset,
                             size_t *out_got, fptc_error *err)
{
    char *at = data;
    size_t done = 0;

    *out_got = 0;
    while (done < n) {
        ssize_t got = fptc__sys.pread(fd, at + done, n - done, (off_t)(offset + (int64_t)done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fptc__fail_errno(err, io_errno(), "cannot read %s", path);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *out_got = done;
    return FPTC_OK;
}

int fptc__file_pread_now(int fd, void *data, size_t n, int64_t offset)
{
    const struct iovec whole = {data, n};

    return fptc__sys.preadv2(fd, &whole, 1, (off_t)offset, RWF_NOWAIT) == (ssize_t)n;
}

fptc_status fptc__file_info(const char *path, int64_t *out_bytes, int64_t *out_mtime_ms,
                            fptc_error *err)
{
    struct stat st;
    int n_stale = 0, failed;

    do
        failed = fptc__sys.stat(path, &st) != 0 ? errno : 0;
    while (failed && may_look_again(&n_stale));
    if (failed)
        memset(&st, 0, sizeof(st));
    if (out_bytes)
        *out_bytes = (int64_t)st.st_size;
    if (out_mtime_ms)
        *out_mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (failed == ENOENT)
        return FPTC_MISS;
    if (failed)
        return fptc__fail_errno(err, failed, "cannot stat %s", path);
    return FPTC_OK;
}

fptc_status fptc__file_remove(const char *path, fptc_error *err)
{
    if (fptc__sys.unlink(path) == 0 || errno == ENOENT)
        return FPTC_OK;
    return fptc__fail_errno(err, errno, "cannot remove %s", path);
}

fptc_status fptc__file_remove_shared(const char *path, fptc_error *err)
{
    int fd = open_retrying(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);

    fptc__file_close(fd);
    return fptc__file_remove(path, err);
}

/* mkdir; 0 or errno. Whatever it says, a directory that is there is what was wanted: NFS clients skip
   the look-up, so the server may answer EACCES or EROFS for one that exists. */
static int make_one(const char *path, mode_t wanted)
{
    struct stat st;
    int failed = fptc__sys.mkdir(path, 0777) == 0 ? 0 : errno;

    if (failed == ENOENT || (failed == 0 && wanted == 0))
        return failed;
    if (fptc__sys.stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? fptc__mode_share_dir(path, &st, wanted, failed == 0) : failed;
    if (failed == 0)
        return errno;
    /* Something is there, and what it is could not be seen: that is the failure, not its being there. */
    return failed == EEXIST && errno != ENOENT ? errno : failed;
}

/* Walks up until a directory can be made or is there, then down again. 0 or errno; `path` is cut at
   the directory that failed. */
static int make_chain(char *path, mode_t wanted)
{
    size_t len = strlen(path);
    int failed = make_one(path, wanted);

    while (failed == ENOENT) {
        char *slash = strrchr(path, '/');

        if (!slash || slash == path)
            return failed;
        *slash = '\0';
        failed = make_one(path, wanted);
    }
    while (failed == 0 && strlen(path) < len) {
        path[strlen(path)] = '/';
        failed = make_one(path, wanted);
    }
    return failed;
}

static fptc_status make_dirs(const char *path, mode_t wanted, fptc_error *err)
{
    char chain[FPTC_PATH_MAX];
    fptc_status status = fptc__path(chain, err, "%s", path);
    size_t len = strlen(chain);
    int failed;

    if (status != FPTC_OK)
        return status;
    while (len > 1 && chain[len - 1] == '/')
        chain[--len] = '\0';
    failed = make_chain(chain, wanted);
    if (failed == EEXIST)
        return fptc__fail(err, FPTC_EEXIST, "%s exists and is not a directory", chain);
    if (failed)
        return fptc__fail_errno(err, failed, "cannot make directory %s", chain);
    return FPTC_OK;
}

fptc_status fptc__dir_make(const char *path, fptc_error *err)
{
    return make_dirs(path, 0, err);
}

fptc_status fptc__dir_make_like(const char *path, const char *model, fptc_error *err)
{
    return make_dirs(path, fptc__mode_of_dir(model), err);
}

fptc_status fptc__dir_sync(const char *path, fptc_error *err)
{
    int fd = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
    int failed = 0;

    if (fd < 0)
        return fptc__fail_errno(err, errno, "cannot open directory %s", path);
    /* EINVAL: this file system has nothing to sync in a directory. */
    if (fptc__sys.fsync(fd) != 0 && errno != EINVAL)
        failed = errno;
    if (failed) {
        fptc__sys.close(fd);
        return fptc__fail_errno(err, failed, "cannot sync directory %s", path);
    }
    failed = close_synced(fd);
    if (failed)
        return fptc__fail_errno(err, failed, "cannot close directory %s", path);
    return FPTC_OK;
}

static fptc_status open_dir(const char *path, DIR **out, fptc_error *err)
{
    do
        *out = fptc__sys.opendir(path);
    while (!*out && errno == EINTR);
    if (*out)
        return FPTC_OK;
    if (errno == ENOENT)
        return FPTC_MISS;
    return fptc__fail_errno(err, errno, "cannot open directory %s", path);
}

fptc_status fptc__dir_touch(const char *path, fptc_error *err)
{
    DIR *dir = NULL;
    int n_stale = 0;
    fptc_status status;

    do
        status = open_dir(path, &dir, err);
    while (status == FPTC_EIO && may_look_again(&n_stale));
    if (status == FPTC_OK)
        fptc__sys.closedir(dir);
    return status;
}

/* ".nfs*" are names an NFS client gives to files removed while open. */
static int is_skipped(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strncmp(name, ".nfs", 4) == 0;
}

fptc_status fptc__dir_list(const char *path, int (*each)(const char *name, void *payload),
                           void *payload, fptc_error *err)
{
    DIR *dir = NULL;
    fptc_status status = open_dir(path, &dir, err);
    int stop = 0;

    while (status == FPTC_OK && !stop) {
        struct dirent *entry;

        errno = 0;
        entry = fptc__sys.readdir(dir);
        if (!entry && errno == EINTR)
            continue;
        if (!entry && errno != 0)
            status = fptc__fail_errno(err, errno, "cannot list directory %s", path);
        if (!entry)
            break;
        if (!is_skipped(entry->d_name))
            stop = each(entry->d_name, payload);
    }
    if (dir)
        fptc__sys.closedir(dir);
    return status;
}

fptc_status fptc__path(char *out, fptc_error *err, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out, FPTC_PATH_MAX, format, args);
    va_end(args);
    if (n >= 0 && n < FPTC_PATH_MAX)
        return FPTC_OK;
    fptc__fail(err, FPTC_ELIMIT, "path longer than %d bytes: %.200s...", FPTC_PATH_MAX - 1,
               n < 0 ? "" : out);
    out[0] = '\0';
    return FPTC_ELIMIT;
}
