/*
 * store_help.h: what the tests of the journal share: a temporary cache directory with one partition, a
 * sink that keeps the list of config keys it was told, and a compaction that puts that list into a
 * JSON file, so that a key that was applied twice is seen (the sink reads real snapshots, too).
 */
#ifndef FPTC_TESTS_STORE_HELP_H
#define FPTC_TESTS_STORE_HELP_H

#include <stddef.h>
#include <stdint.h>

#include "store/compact.h"
#include "store/log.h"
#include "store/publish.h"

extern struct fptc__sys_table help_sys; /* libc's own calls */
extern char help_dir[FPTC_PATH_MAX];    /* the cache directory */
extern struct fptc__partition help_p;   /* project-101 */
extern fptc_error help_err;             /* for calls whose failure the test does not look at */
/* From help_watch_deletion() on: changes of bases/ made for others to see, in all and before the first commit went. */
extern struct help_deletion {
    int n_changes, n_changes_before, n_commits_gone;
} help_deletion;
void help_watch_deletion(void);

int help_set_up(void **state); /* cmocka fixtures */
int help_tear_down(void **state);

/* The state that commits describe: each key as often as it was applied, in order. */
struct model {
    char **keys;
    size_t n, cap;
    int n_resets;
    const char *forbidden; /* a ghost's key */
    int saw_forbidden;
    fptc_status apply_status; /* FPTC_OK: none */
    fptc_status reset_status; /* FPTC_OK: none; returned once */
    uint64_t last_applied;
};
void model_done(struct model *m);
size_t model_count(const struct model *m, const char *key);
struct fptc__log_sink model_sink(struct model *m);

/* A log with a model behind it; warnings are kept (the last one) and counted. */
struct actor {
    struct model model;
    struct fptc__log_sink sink;
    struct fptc__logger logger;
    struct fptc__log *log;
    int n_warnings;
    char warning[2048];
};
void actor_open(struct actor *a); /* of help_p */
void actor_close(struct actor *a);
fptc_status actor_put(struct actor *a, const char *key, uint64_t *out_number);
/* Opens a new log, refreshes, counts the key, closes. */
size_t fresh_count(const char *key);
uint64_t fresh_head(void);

/* Records with one config key. */
void one_key(struct fptc__records *records, const char *key);
/* Appends with a log of its own: another process, as far as the protocol can tell. */
uint64_t other_puts(const char *key);
/* Folds all into a new base; 0 when there was nothing to fold. */
uint64_t other_compacts(void);
void other_retires(void); /* with no grace */
/* Publishes log/<number> with one key, whatever the bases say: a ghost. */
fptc_status put_raw(uint64_t number, const char *key, uint64_t prev);

void write_file(const char *sub, uint64_t number, const void *data, size_t n);
void remove_number(const char *sub, uint64_t number);
int number_exists(const char *sub, uint64_t number);
int count_entries(const char *sub);

#endif
