/*
 * snapshot_help.h: what the tests of snapshots, the VFS and compaction share: a temporary cache
 * directory with one partition, snapshots with known rows, appending, and a reader that follows the log
 * from the newest base as a view would.
 */
#ifndef FPTC_TESTS_SNAPSHOT_HELP_H
#define FPTC_TESTS_SNAPSHOT_HELP_H

#include "random_help.h"
#include "store/compact.h"
#include "store/log.h"
#include "store/snapshot.h"
#include "tables_help.h"

extern struct fptc__sys_table sh_sys; /* libc's own calls */
extern char sh_dir[FPTC_PATH_MAX];    /* the cache directory */
extern struct fptc__partition sh_p;   /* project-101 */

int sh_set_up(void **state); /* cmocka fixtures */
int sh_tear_down(void **state);
/* Removes a directory with all that is in it. */
void sh_remove_tree(const char *dir);
int sh_count(const char *sub); /* entries of a folder of the partition */
/* A place for a local file, removed with the rest. Static buffers, one per name's first letter. */
const char *sh_local(const char *name);
/* "<partition>/files/<name>". Static buffer. */
const char *sh_file(const struct fptc__manifest *m);

/* Seals a snapshot with Shots 1..rows into sh_p. Not published. */
void sh_build(int rows, struct fptc__manifest *m);
/* A row that sh_build makes, as "code|sg_n|sg_f|project__id|description". Static buffer. */
const char *sh_row(int id);
#define SH_ROW_SQL "code || '|' || sg_n || '|' || sg_f || '|' || project__id || '|' || description"

/* Appends a random commit to the log of sh_p; returns its number. */
uint64_t sh_append_random(struct dice *d);
uint64_t sh_append(uint16_t kind, const char *body);

/* Follows the log: a store whose base is the attached snapshot. */
struct reader {
    struct store store;
    struct fptc__log_sink sink;
    struct fptc__log *log;
    struct fptc__manifest base;
};
void reader_open(struct reader *r);
fptc_status reader_refresh(struct reader *r);
void reader_close(struct reader *r);
/* The whole state of sh_p, read afresh. To be freed. */
char *sh_state(void);
uint64_t sh_newest_base(void);
/* Folds and expects success. */
void sh_compact(struct fptc__compact_stats *stats);
/* 1 for a directory that a compaction makes on local disk for its own use. */
int sh_is_local(const char *path);

#endif
