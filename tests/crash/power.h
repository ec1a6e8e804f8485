/*
 * power.h: what a power failure of the file server may take away, in the worst case that POSIX allows:
 * every name whose directory was not synced after it was made, and the content of every file that was
 * not synced after it was written. Only files of this process, and only below one directory, count.
 * Names removed or renamed are not brought back.
 */
#ifndef FPTC_TESTS_POWER_H
#define FPTC_TESTS_POWER_H

void power_watch(const char *root); /* NULL or never called: nothing is noted */
void power_opened(int fd, const char *path, int flags);
void power_written(int fd);
void power_synced(int fd);
void power_named(const char *path); /* link, symlink, mkdir, or the target of a rename */
void power_removed(const char *path);
void power_off(void); /* undoes; the caller then dies */

#endif
