/*
 * snapshot.h: snapshot files: building a local database whose pages have checksums in their 8 reserved bytes
 * from the first, putting it into files/ under a unique name, and attaching one through the read-only VFS.
 */
#ifndef FPTC_STORE_SNAPSHOT_H
#define FPTC_STORE_SNAPSHOT_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "store/manifest.h"

/* A snapshot's pages: the last 8 bytes of each hold CRC-32 of the rest, begun with the page number, and
   a tag. */
#define FPTC__PAGE_BYTES 8192
#define FPTC__PAGE_RESERVED 8
#define FPTC__PAGE_TAG "FPTp"
#define FPTC__SNAPSHOT_ID 0x46505443 /* SQLite's application_id: "FPTC" */

/* Creates an empty local database with 8 KiB pages and 8 reserved bytes, and opens it for building. */
fptc_status fptc__snapshot_new(const char *local_path, sqlite3 **out, fptc_error *err);
/* Copies the snapshot of m to local_path, checking its whole-file checksum, and opens it for building.
   FPTC_MISS when the file has gone. */
fptc_status fptc__snapshot_copy(const struct fptc__partition *p, const struct fptc__call *call,
                                const struct fptc__manifest *m, const char *local_path,
                                sqlite3 **out, fptc_error *err);
/* Opens a local database, whose pages have their checksums, for building. */
fptc_status fptc__snapshot_open(const char *local_path, sqlite3 **out, fptc_error *err);
/* Whether a local database that is open keeps a journal, as it does from the first. Without one what fails
   cannot be taken back: ROLLBACK leaves anything; the database is to be thrown away. */
fptc_status fptc__snapshot_journal(sqlite3 *db, int has_one, fptc_error *err);
/* Finishes db: statistics, count of rows (m->rows). Closes it in every case. */
fptc_status fptc__snapshot_finish(sqlite3 *db, struct fptc__manifest *m, fptc_error *err);
/* Gives m's snapshot a second name in files/, a new unique one from m->upto, and m that one. The directory
   is not synced. FPTC_MISS: the snapshot is gone. */
fptc_status fptc__snapshot_link(const struct fptc__partition *p, struct fptc__manifest *m,
                                fptc_error *err);
/* Copies a finished local_path to files/, and syncs it; FPTC_EDAMAGED when a page fails its checksum. Fills
   m->snapshot (a new unique name from m->upto, unless one is set already), snapshot_bytes,
   snapshot_checksum: the same file gives the same bytes each time. On failure the copy is removed. */
fptc_status fptc__snapshot_put(const struct fptc__partition *p, const struct fptc__call *call,
                               const char *local_path, struct fptc__manifest *m, fptc_error *err);
/* Both: finish, then put. */
fptc_status fptc__snapshot_seal(const struct fptc__partition *p, sqlite3 *db,
                                const char *local_path, struct fptc__manifest *m, fptc_error *err);
/* ATTACHes m's snapshot as `schema` of db (opened with SQLITE_OPEN_URI), immutable, read-only, through
   our VFS. FPTC_MISS when the file has gone, FPTC_EDAMAGED when its size is not the manifest's or it
   holds anything but tables and indexes. On failure nothing stays attached. */
fptc_status fptc__snapshot_attach(const struct fptc__partition *p, const struct fptc__manifest *m,
                                  sqlite3 *db, const char *schema, fptc_error *err);
/* FPTC_EDAMAGED, naming path, when the schema holds views, triggers, virtual tables or generated columns. */
fptc_status fptc__snapshot_check_schema(sqlite3 *db, const char *schema, const char *path,
                                        fptc_error *err);
/* What reading the attached snapshot met and could not mend by opening the file again: FPTC_OK nothing, FPTC_EDAMAGED or FPTC_EIO with the file and
   page in the message; FPTC_OK too for a schema that is no snapshot. fptc__sql_fail() asks it for every
   schema, so a failing query names the file by itself. */
fptc_status fptc__snapshot_fault(sqlite3 *db, const char *schema, fptc_error *err);

/* --- vfs.c --- */
/* sqlite3_file_control() operation that copies out what an open snapshot met. */
#define FPTC__VFS_FAULT 0x46505443
struct fptc__vfs_fault {
    fptc_status status; /* 0: nothing */
    const char *path;   /* valid while the file is attached */
    int64_t page;
    int sys_errno;
    char what[32];
};
/* sqlite3_file_control() operation that gives an open snapshot a struct fptc__vfs_owner, what it shares
   with who attached it: while is_hasty, pages that cannot be had without waiting are refused
   (SQLITE_IOERR_READ, no fault). n_faults counts reads that failed for good. */
#define FPTC__VFS_OWNER 0x46505444
struct fptc__vfs_owner {
    int is_hasty, has_refused;
    atomic_int n_faults;
};
/* Writes or checks the reserved bytes of a page; numbers begin with 1. */
void fptc__page_seal(unsigned char *page, uint32_t number);
int fptc__page_is_sound(const unsigned char *page, uint32_t number);
/* vfs_local.c: name of the VFS that local databases are built through; NULL if SQLite refuses it. */
const char *fptc__vfs_local_name(void);
/* Name of our read-only VFS, registered on first use; NULL if SQLite refuses it. */
const char *fptc__vfs_name(void);

#endif
