/*
 * mode.h: permissions in a directory that many users share. The mode of the cache directory decides:
 * what is made in it gets its bits for owner, group and others, and its setgid bit, whatever the umask of
 * who makes it (git's core.sharedRepository). umask() is never called: it is the whole process's.
 */
#ifndef FPTC_BASE_MODE_H
#define FPTC_BASE_MODE_H

#include <sys/stat.h>

/* Permissions and setgid of a directory; 0 when they cannot be told. */
mode_t fptc__mode_of_dir(const char *dir);
/* A file just made, which nobody looks for yet: the bits for reading and writing of the directory it is
   in. 0 or errno; 0 too where the file system has no such bits or does not let us. */
int fptc__mode_share_file(int fd, const char *path);
/* A directory, as stat() shows it: the bits of `wanted` if it was made just now, else those that it lacks.
   wanted 0: as the umask leaves it. 0 or errno, as above. */
int fptc__mode_share_dir(const char *path, const struct stat *st, mode_t wanted, int is_new);

#endif
