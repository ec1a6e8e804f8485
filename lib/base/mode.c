#include "base/mode.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

/* A file system that has no such bits, or lets only some set them, is taken as it is. */
static int is_without_modes(int failed)
{
    return failed == EPERM || failed == ENOSYS || failed == EOPNOTSUPP || failed == EINVAL ||
           failed == EROFS;
}

mode_t fptc__mode_of_dir(const char *dir)
{
    struct stat st;

    return fptc__sys.stat(dir, &st) == 0 ? st.st_mode & 02777 : 0;
}

static mode_t mode_of_dir_with(const char *path)
{
    char dir[FPTC_PATH_MAX];
    char *slash;

    if (fptc__path(dir, NULL, "%s", path) != FPTC_OK)
        return 0;
    slash = strrchr(dir, '/');
    if (slash == NULL)
        return fptc__mode_of_dir(".");
    slash[slash == dir] = '\0';
    return fptc__mode_of_dir(dir);
}

int fptc__mode_share_file(int fd, const char *path)
{
    mode_t wanted = mode_of_dir_with(path) & 0666;
    struct stat st;

    if (wanted == 0 || fptc__sys.fstat(fd, &st) != 0 || (st.st_mode & 0777) == wanted ||
        fptc__sys.fchmod(fd, wanted) == 0 || is_without_modes(errno))
        return 0;
    return errno;
}

int fptc__mode_share_dir(const char *path, const struct stat *st, mode_t wanted, int is_new)
{
    mode_t has = st->st_mode & 02777;

    if (wanted == 0 || (is_new ? has == wanted : (has & wanted) == wanted) ||
        fptc__sys.chmod(path, is_new ? wanted : has | wanted) == 0 || is_without_modes(errno))
        return 0;
    return errno;
}
