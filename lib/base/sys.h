/*
 * sys.h: the only system calls of the library, behind one replaceable table (the idea of SQLite's
 * aSyscall[]). Production code calls fptc__sys.name(...) with libc's own signatures; tests replace
 * entries to fail, delay, count or kill at the n-th call. Nothing outside lib/base calls libc's file
 * functions.
 */
#ifndef FPTC_BASE_SYS_H
#define FPTC_BASE_SYS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>

struct fptc__sys_table {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*read)(int fd, void *data, size_t n);
    ssize_t (*write)(int fd, const void *data, size_t n);
    ssize_t (*pread)(int fd, void *data, size_t n, off_t offset);
    ssize_t (*preadv2)(int fd, const struct iovec *parts, int n, off_t offset, int flags);
    int (*fsync)(int fd);
    int (*fstat)(int fd, struct stat *out);
    int (*stat)(const char *path, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    int (*statfs)(const char *path, struct statfs *out);
    int (*chmod)(const char *path, mode_t mode);
    int (*fchmod)(int fd, mode_t mode);
    int (*utimensat)(int dir, const char *path, const struct timespec times[2], int flags);
    int (*link)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*rename)(const char *from, const char *to);
    int (*symlink)(const char *content, const char *path);
    ssize_t (*readlink)(const char *path, char *out, size_t n);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    DIR *(*opendir)(const char *path);
    struct dirent *(*readdir)(DIR *dir);
    int (*closedir)(DIR *dir);
    int (*clock_gettime)(clockid_t clock, struct timespec *out);
    int (*nanosleep)(const struct timespec *wait, struct timespec *left);
    ssize_t (*getrandom)(void *out, size_t n, unsigned flags);
};

extern struct fptc__sys_table fptc__sys;

#endif
