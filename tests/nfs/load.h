/*
 * load.h: the load of the tests on NFS: one process that plays a role in a cache directory that other
 * hosts use, too. The harness (run.py) starts it by a command on a host and reads its lines.
 *
 * What is written is made to be checked. Commit i of writer W has, all in one:
 *   a config record  W-<i>         there once, in the commit that was acknowledged
 *   a ledger row     Shot of its own id, code i: rows 0 .. i without a gap, whoever reads
 *   `batch` stamp rows             always the same ids, all of code i: a half commit shows
 */
#ifndef FPTC_TESTS_NFS_LOAD_H
#define FPTC_TESTS_NFS_LOAD_H

#include <stdint.h>

#include "store/layout.h"
#include "store/log.h"
#include "store/record.h"

#define WRITERS_MAX 128
#define INDEX_MAX 20000
/* Ids of a writer's rows: its stamps from 1, its ledger from LEDGER. */
#define IDS_PER_WRITER 1000000
#define LEDGER 1000

struct load {
    const char *role, *dir, *name;
    struct fptc__partition p;
    int64_t writer;             /* w3: 3 */
    int64_t count;              /* operations at most; 0: until it is over */
    int64_t first;              /* a writer's first index */
    int64_t batch;              /* stamp rows of a commit */
    int64_t pad;                /* bytes of text in a ledger row */
    int64_t interval_ms;        /* between two operations */
    int64_t grace_ms;           /* of deletion */
    int64_t age;                /* 1: make every file look days old before deleting */
    int64_t retry;              /* 1: a failed append is tried again until it is over */
    int64_t rollup;             /* 1: a writer rolls up when it is due */
    int64_t threads;            /* that append together */
    int64_t stop_op, stop_call; /* the process stops itself before that call of that operation */
};

/* One line to the harness, whole and at once. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t now_us(void); /* monotonic */
/* Once the harness has put the file `over` into the cache directory; asked at most ten times a second. */
int is_over(const struct load *l);
/* Around operation `op`: arms the stop, and tells how many system calls the operation made. */
void op_begin(const struct load *l, int64_t op);
void op_end(const struct load *l, int64_t op);

int play_append(const struct load *l);
int play_read(const struct load *l);
int play_stream(const struct load *l);
int play_pin(const struct load *l);
int play_ask(const struct load *l);
int play_maintain(const struct load *l);
int play_hold(const struct load *l);

/* ledger.c: what is written, and what a log says is there. */
struct ledger {
    const struct load *l;
    unsigned char *there[WRITERS_MAX];
    int64_t own[WRITERS_MAX]; /* number of the writer's last commit */
};
struct fptc__log_sink ledger_sink(struct ledger *ledger);
void ledger_done(struct ledger *ledger);
int ledger_has(const struct ledger *ledger, int64_t writer, int64_t index);
fptc_status ledger_records(const struct load *l, int64_t writer, int64_t index, uint64_t seen,
                           struct fptc__records *out, fptc_error *err);
/* Makes the cache: schema and coverage, so that every question about Shots can be answered. */
int play_init(const struct load *l);

#endif
