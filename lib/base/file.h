/*
 * file.h: whole-file and directory operations over the table of system calls, with errors that name
 * the path. EINTR and short transfers are handled here and nowhere else.
 */
#ifndef FPTC_BASE_FILE_H
#define FPTC_BASE_FILE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/sys.h"

/* Reads a whole file. FPTC_MISS when there is none; FPTC_ELIMIT above max bytes; FPTC_EIO ... */
fptc_status fptc__file_read(const char *path, size_t max, struct fptc__buf *out, fptc_error *err);
/* Creates path (it must not exist: FPTC_EEXIST), writes, syncs and closes it, checking each. On
   failure the file is removed if it was made here. A file of mode 0666 is for all who share the directory
   (mode.h); any other mode is subject to the umask. */
fptc_status fptc__file_create(const char *path, const void *data, size_t n, mode_t mode,
                              fptc_error *err);
/* An open file being made, for large ones: create, add ..., then finish (sync + close). */
fptc_status fptc__file_start(const char *path, mode_t mode, int *out_fd, fptc_error *err);
fptc_status fptc__file_add(int fd, const char *path, const void *data, size_t n, fptc_error *err);
fptc_status fptc__file_finish(int fd, const char *path, fptc_error *err);
/* 1 when the n bytes were had at once, without waiting for a disk or a server; else 0. */
int fptc__file_pread_now(int fd, void *data, size_t n, int64_t offset);
/* pread of exactly n bytes; *out_got < n only at the end of the file. */
fptc_status fptc__file_pread(int fd, const char *path, void *data, size_t n, int64_t offset,
                             size_t *out_got, fptc_error *err);
fptc_status fptc__file_open(const char *path, int *out_fd,
                            fptc_error *err); /* read only; FPTC_MISS */
void fptc__file_close(int fd);
fptc_status fptc__file_size(int fd, const char *path, int64_t *out_bytes, fptc_error *err);
/* Size and mtime by name; FPTC_MISS when there is none. Outputs may be NULL. */
fptc_status fptc__file_info(const char *path, int64_t *out_bytes, int64_t *out_mtime_ms,
                            fptc_error *err);
/* Unlinks; a name that is not there is FPTC_OK. */
fptc_status fptc__file_remove(const char *path, fptc_error *err);
/* The same for a file that other hosts may have read. An NFSv4 unlink that waits for a dead reader's delegation
   (N§3) keeps the directory locked on this host: nobody here makes a name in it meanwhile. Opening the file
   for writing waits for the delegation first, and locks nothing. */
fptc_status fptc__file_remove_shared(const char *path, fptc_error *err);

/* Makes the directory and its parents; existing ones are FPTC_OK. */
fptc_status fptc__dir_make(const char *path, fptc_error *err);
/* The same for directories of a cache: they get the permissions of `model`, the cache directory (mode.h). */
fptc_status fptc__dir_make_like(const char *path, const char *model, fptc_error *err);
fptc_status fptc__dir_sync(const char *path, fptc_error *err);
/* opendir + closedir: makes look-ups in it fresh over NFS (N§6). FPTC_MISS when there is none. */
fptc_status fptc__dir_touch(const char *path, fptc_error *err);
/* Calls each(name, payload) for every entry but ".", ".." and ".nfs*"; non-zero stops the walk.
   FPTC_MISS when there is no directory. */
fptc_status fptc__dir_list(const char *path, int (*each)(const char *name, void *payload),
                           void *payload, fptc_error *err);

/* snprintf that fails with FPTC_ELIMIT instead of cutting. out has FPTC_PATH_MAX bytes. */
fptc_status fptc__path(char *out, fptc_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
