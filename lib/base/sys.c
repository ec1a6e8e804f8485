/* sys.c: the table filled with libc's own functions. */
#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/* libc's open() is variadic and so has another type. */
static int open_with_mode(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

struct fptc__sys_table fptc__sys = {
    .open = open_with_mode,
    .close = close,
    .read = read,
    .write = write,
    .pread = pread,
    .preadv2 = preadv2,
    .fsync = fsync,
    .fstat = fstat,
    .stat = stat,
    .lstat = lstat,
    .statfs = statfs,
    .chmod = chmod,
    .fchmod = fchmod,
    .utimensat = utimensat,
    .link = link,
    .unlink = unlink,
    .rename = rename,
    .symlink = symlink,
    .readlink = readlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .opendir = opendir,
    .readdir = readdir,
    .closedir = closedir,
    .clock_gettime = clock_gettime,
    .nanosleep = nanosleep,
    .getrandom = getrandom,
};
