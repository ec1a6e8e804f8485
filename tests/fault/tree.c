/* tree.c: copies of a directory tree, and its ageing. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/points.h"

static const char *copy_from, *copy_to;
static int64_t age_s;

static void give_up(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    abort();
}

static void copy_bytes(const char *from, const char *to)
{
    char piece[65536];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC),
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (in < 0 || out < 0)
        give_up("cannot copy", from);
    while ((n = read(in, piece, sizeof(piece))) > 0) {
        if (write(out, piece, (size_t)n) != n)
            give_up("cannot write", to);
    }
    close(in);
    close(out);
}

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    char to[PATH_MAX], content[PATH_MAX];
    ssize_t n;

    (void)where;
    snprintf(to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
    if (type == FTW_D) {
        if (mkdir(to, 0777) != 0)
            give_up("cannot make", to);
        return 0;
    }
    if (type == FTW_SL) {
        n = readlink(path, content, sizeof(content) - 1);
        content[n > 0 ? n : 0] = '\0';
        if (symlink(content, to) != 0)
            give_up("cannot make", to);
    } else {
        copy_bytes(path, to);
    }
    if (utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) != 0)
        give_up("cannot date", to);
    return 0;
}

void tree_copy(const char *from, const char *to)
{
    copy_from = from;
    copy_to = to;
    if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
        give_up("cannot copy", from);
}

static int age_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};

    (void)type;
    (void)where;
    times[1].tv_sec -= age_s;
    (void)utimensat(AT_FDCWD, path, times,
                    AT_SYMLINK_NOFOLLOW); /* a temp may have gone meanwhile */
    return 0;
}

void tree_age(const char *dir, int64_t seconds)
{
    age_s = seconds;
    (void)nftw(dir, age_one, 16, FTW_PHYS);
}
