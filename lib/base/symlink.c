#include "base/symlink.h"

#include <errno.h>

#include "base/error.h"
#include "base/sys.h"

fptc_status fptc__symlink_read(const char *path, char *out, size_t n, fptc_error *err)
{
    ssize_t got = fptc__sys.readlink(path, out, n);

    if (got >= 0 && (size_t)got < n) {
        out[got] = '\0';
        return FPTC_OK;
    }
    out[0] = '\0';
    if (got >= 0)
        return fptc__fail(err, FPTC_ELIMIT, "the symlink %s is longer than %zu bytes", path, n - 1);
    if (errno == ENOENT)
        return FPTC_MISS;
    return fptc__fail_errno(err, errno, "cannot read the symlink %s", path);
}

fptc_status fptc__symlink_swap(const char *path, const char *temp, const char *content,
                               fptc_error *err)
{
    fptc_status status;

    if (fptc__sys.symlink(content, temp) != 0)
        return fptc__fail_errno(err, errno, "cannot make the symlink %s", temp);
    if (fptc__sys.rename(temp, path) == 0)
        return FPTC_OK;
    status = fptc__fail_errno(err, errno, "cannot point %s at %s", path, content);
    (void)fptc__sys.unlink(temp);
    return status;
}

fptc_status fptc__symlink_made(const char *path, int64_t *out_mtime_ms, fptc_error *err)
{
    struct stat st;

    *out_mtime_ms = 0;
    if (fptc__sys.lstat(path, &st) != 0)
        return errno == ENOENT ? FPTC_MISS : fptc__fail_errno(err, errno, "cannot stat %s", path);
    *out_mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return FPTC_OK;
}
