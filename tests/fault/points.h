/*
 * points.h: one operation again and again, and something happens at its 1st, 2nd, 3rd ... system call:
 * it fails, its reply is lost, it is short, the process dies before or after it, the file server loses
 * power, or the process sleeps there while another appends, rolls up, compacts and deletes with no grace.
 *
 * Each time in a process of its own, on a copy of the same cache directory. What must hold each time:
 *  - no crash, no leak under AddressSanitizer, nothing that hangs;
 *  - success, or an error with a status that says so and words that name a path;
 *  - judge.py, which reads the store without the library: everything acknowledged (by the operation, by
 *    others before and while it slept) is there once, nothing twice, nothing that nobody wrote;
 *  - a fresh process reads what the judge reads, the operation succeeds when it is repeated there, an
 *    append succeeds, and the judge says the same again.
 */
#ifndef FPTC_TESTS_POINTS_H
#define FPTC_TESTS_POINTS_H

#include "unit/snapshot_help.h"

struct operation {
    const char *name;
    /* Fills the cache directory sh_dir that every point gets a copy of. */
    void (*prepare)(void);
    /* In the process, before its calls are counted: what it knows already. May be NULL. */
    void (*begin)(void);
    fptc_status (*run)(fptc_error *err);
    /* Frees what begin and run left; not counted. May be NULL. */
    void (*end)(void);
    /* In the fresh process, before the operation is repeated: NULL, or what is wrong. status is FPTC_UNKNOWN
       when the process died. May be NULL. */
    const char *(*after)(fptc_status status);
    /* What the other does meanwhile: kinds 0, 1 and 2; NULL: attack_by_deletion. */
    void (*attack)(int kind);
    int heals;    /* the store is damaged before: judged only when the operation was repeated */
    int drops;    /* what was there goes: only what is appended afterwards must be there */
    int may_race; /* after a sleep it may say FPTC_ERACE, as it is documented to */
    int least;    /* points that there must be at least in long runs: none would pass for nothing */
};

/* Goes through all points of the operations, a share of them unless FPTC_LONG=1 (FPTC_SEED: which), and
   prints a table: operation x points. `only`: the name of one, or NULL. */
int points_main(const struct operation *operations, size_t n, const char *only);

/* --- what operations are made of (actors.c) --- */

/* Appends a commit with the config key unless it is there. Acknowledged keys must never be lost. */
fptc_status put_key(struct reader *r, const char *key, fptc_error *err);
void must(fptc_status status, const char *what); /* ends the process, saying th_err's message */
/* Appends by a log of its own, as another process would. */
void other_puts(const char *key);
void other_compacts(void);
/* Everything becomes an hour older, as if the process slept that long; then another deletes with no grace.
   0: after it has appended and compacted twice, so that all that the sleeper knows may go; 1: after it has
   folded what there is; 2: and nothing else. */
void attack_by_deletion(int kind);
/* The keys of sh_p as the reader finds them now, sorted, a blank behind each. To be freed. */
char *keys_read(struct reader *r);
/* For points.c: what was tried, and acknowledged, from now on is told to these. */
extern void (*told_try)(const char *key), (*told_ack)(const char *key);

/* --- directories (tree.c) --- */

void tree_copy(const char *from, const char *to); /* with links and times */
void tree_age(const char *dir, int64_t seconds);

#endif
