/*
 * vfs_local.c: the VFS that local databases are built through: the process's default one, but each page gets
 * its checksum as SQLite writes it, and is checked as SQLite reads it. So what is copied to files/ in the end
 * (snapshot.c) is what was read of a sound snapshot or written by SQLite, and nothing that a disk made of it.
 *
 * Pages that SQLite leaves out when the file grows (free ones) are written as zeroes, with their checksums.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "store/snapshot.h"

/* Stands behind what the default VFS keeps of an open file. */
struct seals {
    sqlite3_io_methods methods;      /* its own but for three */
    const sqlite3_io_methods *plain; /* its own */
    sqlite3_int64 bytes;             /* all below are whole pages with checksums */
};

static sqlite3_vfs *standard, local_vfs;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char vfs_name[48]; /* "" when SQLite refused it */

static int plain_bytes(void)
{
    return (standard->szOsFile + 15) / 16 * 16;
}

static struct seals *seals_of(sqlite3_file *f)
{
    void *at = (char *)f + plain_bytes();

    return at;
}

/* Parts of the header only are read, too, before the whole first page. */
static int local_read(sqlite3_file *f, void *out, int n, sqlite3_int64 offset)
{
    int code = seals_of(f)->plain->xRead(f, out, n, offset);

    if (code == SQLITE_OK && n == FPTC__PAGE_BYTES &&
        !fptc__page_is_sound(out, (uint32_t)(offset / FPTC__PAGE_BYTES) + 1))
        return SQLITE_CORRUPT;
    return code;
}

static int write_page(sqlite3_file *f, const void *data, sqlite3_int64 offset)
{
    unsigned char page[FPTC__PAGE_BYTES] = {0};
    struct seals *s = seals_of(f);
    int code;

    if (data)
        memcpy(page, data, sizeof(page));
    fptc__page_seal(page, (uint32_t)(offset / FPTC__PAGE_BYTES) + 1);
    code = s->plain->xWrite(f, page, FPTC__PAGE_BYTES, offset);
    if (code == SQLITE_OK && offset == s->bytes)
        s->bytes += FPTC__PAGE_BYTES;
    return code;
}

static int local_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 offset)
{
    int code =
        n == FPTC__PAGE_BYTES && offset % FPTC__PAGE_BYTES == 0 ? SQLITE_OK : SQLITE_IOERR_WRITE;

    while (code == SQLITE_OK && seals_of(f)->bytes < offset)
        code = write_page(f, NULL, seals_of(f)->bytes);
    return code == SQLITE_OK ? write_page(f, data, offset) : code;
}

static int local_truncate(sqlite3_file *f, sqlite3_int64 bytes)
{
    struct seals *s = seals_of(f);
    int code = s->plain->xTruncate(f, bytes);

    if (code == SQLITE_OK && bytes < s->bytes)
        s->bytes = bytes;
    return code;
}

static int local_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags,
                      int *out_flags)
{
    int code = standard->xOpen(standard, path, f, flags, out_flags);
    struct seals *s = seals_of(f);

    (void)vfs;
    if (code != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB))
        return code;
    s->plain = f->pMethods;
    s->methods = *s->plain;
    s->methods.iVersion = 1; /* no mmap */
    s->methods.xRead = local_read;
    s->methods.xWrite = local_write;
    s->methods.xTruncate = local_truncate;
    code = s->plain->xFileSize(f, &s->bytes);
    f->pMethods = &s->methods;
    return code; /* SQLite closes what has methods */
}

static void register_vfs(void)
{
    char name[sizeof(vfs_name)];

    standard = sqlite3_vfs_find(NULL);
    if (!standard)
        return;
    (void)snprintf(name, sizeof(name), "fptcache-local-%" PRIxPTR, (uintptr_t)&local_vfs);
    local_vfs = *standard; /* its other methods look at nothing else */
    local_vfs.pNext = NULL;
    local_vfs.zName = vfs_name;
    local_vfs.szOsFile = plain_bytes() + (int)sizeof(struct seals);
    local_vfs.xOpen = local_open;
    memcpy(vfs_name, name, sizeof(name));
    if (sqlite3_vfs_register(&local_vfs, 0) != SQLITE_OK)
        vfs_name[0] = '\0';
}

const char *fptc__vfs_local_name(void)
{
    (void)pthread_once(&once, register_vfs);
    return vfs_name[0] ? vfs_name : NULL;
}
