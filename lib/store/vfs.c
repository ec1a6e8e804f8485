/*
 * vfs.c: the read-only VFS that snapshots are read through. No locks, no journals, no mmap; every page
 * is checked against the checksum in its reserved bytes before SQLite sees it. A page found sound is not
 * checked again for a while: SQLite's cache is small, and of a query that reads its pages once more the
 * checks took three quarters of the time.
 *
 * A descriptor that the file server knows no more (ESTALE), and a page that cannot be read or fails its
 * check, are tried again with the file opened anew, a bounded number of times.
 *
 * What went wrong is remembered by the open file, since SQLite's own codes cannot name a file:
 * sqlite3_file_control(FPTC__VFS_FAULT) copies it out (fptc__snapshot_fault).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "store/snapshot.h"

/* How long pages found sound are taken for sound. */
#define TRUST_MS 60000
/* Looks at a page that cannot be read, or fails its checksum: the second by a new descriptor. */
#define LOOKS_MAX 2

/* SQLite's view of an open snapshot; it allocates szOsFile bytes for us. */
struct snapshot_file {
    sqlite3_file base; /* first: SQLite casts */
    int fd;
    const char *path; /* SQLite keeps it until xClose */
    struct fptc__vfs_fault fault;
    struct fptc__vfs_owner *owner; /* who attached it, or NULL */
    unsigned char *sound;          /* a bit for each page found sound; NULL: none is noted */
    int64_t n_pages;
    int64_t sound_since_ms; /* the oldest of those bits */
};

static struct snapshot_file *file_of(sqlite3_file *f)
{
    void *whole = f;

    return whole;
}

/* --- pages ------------------------------------------------------------------------------------ */

static uint32_t page_checksum(const unsigned char *page, uint32_t number)
{
    return fptc__crc32(number, page, FPTC__PAGE_BYTES - FPTC__PAGE_RESERVED);
}

void fptc__page_seal(unsigned char *page, uint32_t number)
{
    uint32_t sum = page_checksum(page, number);
    unsigned char *tail = page + FPTC__PAGE_BYTES - FPTC__PAGE_RESERVED;
    int i;

    for (i = 0; i < 4; i++)
        tail[i] = (unsigned char)(sum >> (8 * i));
    memcpy(tail + 4, FPTC__PAGE_TAG, 4);
}

int fptc__page_is_sound(const unsigned char *page, uint32_t number)
{
    const unsigned char *tail = page + FPTC__PAGE_BYTES - FPTC__PAGE_RESERVED;

    return memcmp(tail + 4, FPTC__PAGE_TAG, 4) == 0 &&
           fptc__get_u32(tail) == page_checksum(page, number);
}

/* --- an open file ----------------------------------------------------------------------------- */

static int damaged(struct snapshot_file *f, int64_t offset, const char *what)
{
    f->fault.status = FPTC_EDAMAGED;
    f->fault.path = f->path;
    f->fault.page = offset / FPTC__PAGE_BYTES + 1;
    (void)snprintf(f->fault.what, sizeof(f->fault.what), "%s", what);
    return SQLITE_CORRUPT;
}

static int unreadable(struct snapshot_file *f, int64_t offset, const fptc_error *err)
{
    f->fault.status = err->status;
    f->fault.path = f->path;
    f->fault.page = offset / FPTC__PAGE_BYTES + 1;
    f->fault.sys_errno = err->sys_errno;
    (void)snprintf(f->fault.what, sizeof(f->fault.what), "cannot be read");
    errno = err->sys_errno;
    return SQLITE_IOERR_READ;
}

static int file_close(sqlite3_file *f)
{
    fptc__file_close(file_of(f)->fd);
    free(file_of(f)->sound);
    return SQLITE_OK;
}

/* Whether page `number`, from 1 on, was found sound of late. */
static int is_known_sound(struct snapshot_file *f, int64_t number)
{
    int64_t now_ms;

    if (f->sound == NULL || number > f->n_pages)
        return 0;
    now_ms = fptc__mono_ms();
    if (now_ms - f->sound_since_ms > TRUST_MS) {
        memset(f->sound, 0, (size_t)f->n_pages / 8 + 1);
        f->sound_since_ms = now_ms;
    }
    return f->sound[number / 8] >> (number % 8) & 1;
}

/* What FORMAT.md says of the header. Another text encoding, or format of the schema, SQLite refuses, but
   not as damage. */
static int is_first_page(const unsigned char *page)
{
    static const unsigned char shape[] = {0x20, 0, 1, 1, FPTC__PAGE_RESERVED}; /* from byte 16 */
    static const unsigned char vacuum_and_utf8[] = {0, 0, 0, 0, 0, 0, 0, 1};   /* from byte 52 */
    const int has_known_schema = (page[44] | page[45] | page[46]) == 0 && page[47] <= 4;

    return has_known_schema && memcmp(page + 16, shape, sizeof(shape)) == 0 &&
           memcmp(page + 52, vacuum_and_utf8, sizeof(vacuum_and_utf8)) == 0;
}

static int check_page(struct snapshot_file *f, const unsigned char *page, int64_t offset)
{
    int64_t number = offset / FPTC__PAGE_BYTES + 1;

    if (is_known_sound(f, number))
        return SQLITE_OK;
    if (!fptc__page_is_sound(page, (uint32_t)number))
        return damaged(f, offset, "fails its checksum");
    if (number == 1 && !is_first_page(page))
        return damaged(f, offset, "is no snapshot's first page");
    if (f->sound != NULL && number <= f->n_pages)
        f->sound[number / 8] |= (unsigned char)(1u << (number % 8));
    return SQLITE_OK;
}

/* Without memory every page is checked each time. */
static void note_sound(struct snapshot_file *f)
{
    int64_t bytes = 0;

    if (fptc__file_size(f->fd, f->path, &bytes, NULL) != FPTC_OK)
        return;
    f->n_pages = bytes / FPTC__PAGE_BYTES;
    f->sound = calloc((size_t)f->n_pages / 8 + 1, 1);
    f->sound_since_ms = fptc__mono_ms();
}

/* --- reading a page ---------------------------------------------------------------------------- */

/* A page that ends early must not become zeroes: SQLite takes those for an empty page. */
static int look_at_page(struct snapshot_file *f, unsigned char *page, int64_t offset)
{
    fptc_error err = FPTC_ERROR_INIT;
    size_t got = 0;

    if (fptc__file_pread(f->fd, f->path, page, FPTC__PAGE_BYTES, offset, &got, &err) != FPTC_OK)
        return unreadable(f, offset, &err);
    if (got < FPTC__PAGE_BYTES) {
        memset(page + got, 0, FPTC__PAGE_BYTES - got);
        return damaged(f, offset, "ends early");
    }
    return check_page(f, page, offset);
}

static fptc_status open_patiently(const char *path, int *out_fd)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    int n = 0;

    do
        status = fptc__file_open(path, out_fd, &err);
    while (status == FPTC_EIO && err.sys_errno == ESTALE && ++n < FPTC_STALE_MAX);
    return status;
}

/* The file again, under its name: a file of that name never changes, so what was read of it still holds.
   0 when it is not there or cannot be opened. */
static int open_again(struct snapshot_file *f)
{
    char dir[FPTC_PATH_MAX];
    char *slash;
    int fd = -1;

    if (fptc__path(dir, NULL, "%s", f->path) != FPTC_OK)
        return 0;
    slash = strrchr(dir, '/');
    if (slash != NULL)
        *slash = '\0';
    (void)fptc__dir_touch(dir, NULL); /* the look-up is fresh then (N§6) */
    if (open_patiently(f->path, &fd) != FPTC_OK)
        return 0;
    fptc__file_close(f->fd);
    f->fd = fd;
    return 1;
}

/* What fails is looked at again through a new descriptor: a server that was restarted knows the old one no
   more, and one bad transfer is no damage. */
static int read_patiently(struct snapshot_file *f, unsigned char *page, int64_t offset)
{
    int code = look_at_page(f, page, offset), i;

    if (code == SQLITE_OK && f->fault.page == offset / FPTC__PAGE_BYTES + 1)
        memset(&f->fault, 0, sizeof(f->fault)); /* it can be read again */
    for (i = 1; code != SQLITE_OK; i++) {
        if (i >= (f->fault.sys_errno == ESTALE ? FPTC_STALE_MAX : LOOKS_MAX) || !open_again(f))
            break;
        memset(&f->fault, 0, sizeof(f->fault));
        code = look_at_page(f, page, offset);
    }
    if (code != SQLITE_OK && f->owner != NULL)
        atomic_fetch_add(&f->owner->n_faults, 1);
    return code;
}

static int read_page(struct snapshot_file *f, unsigned char *page, int64_t offset)
{
    if (f->owner == NULL || !f->owner->is_hasty)
        return read_patiently(f, page, offset);
    if (!fptc__file_pread_now(f->fd, page, FPTC__PAGE_BYTES, offset) ||
        check_page(f, page, offset) != SQLITE_OK) {
        memset(&f->fault, 0, sizeof(f->fault));
        f->owner->has_refused = 1;
        return SQLITE_IOERR_READ;
    }
    return SQLITE_OK;
}

/* SQLite reads whole pages; parts of one while it opens, and of overflow pages in some builds. */
static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
    unsigned char page[FPTC__PAGE_BYTES];
    int64_t within = offset % FPTC__PAGE_BYTES;
    int code;

    if (n == FPTC__PAGE_BYTES && within == 0)
        return read_page(file_of(file), out, offset);
    if (n < 0 || within + n > FPTC__PAGE_BYTES)
        return SQLITE_IOERR_READ;
    code = read_page(file_of(file), page, offset - within);
    memcpy(out, page + within, (size_t)n);
    return code;
}

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 offset)
{
    (void)f, (void)data, (void)n, (void)offset;
    return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 bytes)
{
    (void)f, (void)bytes;
    return SQLITE_READONLY;
}

static int file_sync(sqlite3_file *f, int flags)
{
    (void)f, (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct snapshot_file *f = file_of(file);
    fptc_error err = FPTC_ERROR_INIT;
    int64_t bytes = 0;

    int i;

    for (i = 0; i < FPTC_STALE_MAX; i++) {
        if (fptc__file_size(f->fd, f->path, &bytes, &err) == FPTC_OK) {
            *out = bytes;
            return SQLITE_OK;
        }
        if (err.sys_errno != ESTALE || !open_again(f))
            break;
    }
    (void)unreadable(f, 0, &err);
    if (f->owner != NULL)
        atomic_fetch_add(&f->owner->n_faults, 1);
    return SQLITE_IOERR_FSTAT;
}

static int file_lock(sqlite3_file *f, int level)
{
    (void)f, (void)level;
    return SQLITE_OK;
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    if (op == FPTC__VFS_FAULT) {
        memcpy(arg, &file_of(file)->fault, sizeof(struct fptc__vfs_fault));
        return SQLITE_OK;
    }
    if (op == FPTC__VFS_OWNER) {
        file_of(file)->owner = arg;
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f)
{
    (void)f;
    return 4096;
}

static int file_traits(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods file_methods = {
    1, /* no shared memory, no mmap */
    file_close,
    file_read,
    file_write,
    file_truncate,
    file_sync,
    file_size,
    file_lock,
    file_lock,
    file_check_lock,
    file_control,
    file_sector,
    file_traits,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
};

/* --- the VFS ---------------------------------------------------------------------------------- */

/* Page size and the rest must be ours before SQLite believes them: other sizes go unchecked. */
static int check_first_page(struct snapshot_file *f)
{
    unsigned char page[FPTC__PAGE_BYTES];
    int code = read_page(f, page, 0);

    if (code != SQLITE_OK)
        return code;
    if (memcmp(page, "SQLite format 3", 16) != 0 || page[16] != FPTC__PAGE_BYTES >> 8 ||
        page[17] != 0 || page[18] != 1 || page[19] != 1 || page[20] != FPTC__PAGE_RESERVED)
        return damaged(f, 0, "is not a snapshot");
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct snapshot_file *f = file_of(file);
    int code;

    (void)vfs;
    memset(f, 0, sizeof(*f));
    f->fd = -1;
    if (!path || !(flags & SQLITE_OPEN_READONLY) || !(flags & SQLITE_OPEN_MAIN_DB))
        return SQLITE_CANTOPEN;
    f->path = path;
    if (open_patiently(path, &f->fd) != FPTC_OK)
        return SQLITE_CANTOPEN;
    code = check_first_page(f);
    if (code != SQLITE_OK) {
        fptc__file_close(f->fd);
        return code;
    }
    note_sound(f);
    f->base.pMethods = &file_methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs, (void)path, (void)sync;
    return SQLITE_IOERR_DELETE;
}

/* A snapshot has no journal and no wal, whatever lies beside it. */
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs, (void)path, (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
    size_t len = strlen(path);

    (void)vfs;
    if (n <= 0 || len >= (size_t)n)
        return SQLITE_CANTOPEN;
    memcpy(out, path, len + 1);
    return SQLITE_OK;
}

/* What has nothing to do with files is the business of the process's default VFS. */
static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out)
{
    sqlite3_vfs *standard = vfs->pAppData;

    return standard->xRandomness(standard, n, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    sqlite3_vfs *standard = vfs->pAppData;

    return standard->xSleep(standard, us);
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_vfs *standard = vfs->pAppData;

    return standard->xCurrentTime(standard, out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    if (n > 0)
        out[0] = '\0';
    return 0;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sqlite3_vfs snapshot_vfs;
static char vfs_name[48]; /* "" when SQLite refused it */

/* The name carries an address: another copy of this library in the process has its own. */
static void register_vfs(void)
{
    sqlite3_vfs *standard = sqlite3_vfs_find(NULL);
    char name[sizeof(vfs_name)];

    if (!standard)
        return;
    (void)snprintf(name, sizeof(name), "fptcache-%" PRIxPTR, (uintptr_t)&snapshot_vfs);
    memcpy(vfs_name, name, sizeof(name));
    snapshot_vfs.iVersion = 1;
    snapshot_vfs.szOsFile = (int)sizeof(struct snapshot_file);
    snapshot_vfs.mxPathname = FPTC_PATH_MAX;
    snapshot_vfs.zName = vfs_name;
    snapshot_vfs.pAppData = standard;
    snapshot_vfs.xOpen = vfs_open;
    snapshot_vfs.xDelete = vfs_delete;
    snapshot_vfs.xAccess = vfs_access;
    snapshot_vfs.xFullPathname = vfs_full_path;
    snapshot_vfs.xRandomness = vfs_randomness;
    snapshot_vfs.xSleep = vfs_sleep;
    snapshot_vfs.xCurrentTime = vfs_time;
    snapshot_vfs.xGetLastError = vfs_last_error;
    if (sqlite3_vfs_register(&snapshot_vfs, 0) != SQLITE_OK)
        vfs_name[0] = '\0';
}

const char *fptc__vfs_name(void)
{
    (void)pthread_once(&once, register_vfs);
    return vfs_name[0] ? vfs_name : NULL;
}
