/*
 * load.c: one process of the load.
 *
 *     nfs_load ROLE DIR NAME [option=number ...]
 *
 *     init     makes the cache                      append   writes until it is over, tells each acknowledgement
 *     compact  rewrites again and again             delete   deletes again and again
 *     rollup   makes roll-ups again and again
 *     maintain asks the library for one round of upkeep again and again; hold: holds (upkeep.c)
 *     read     asks for all rows again and again    stream   reads one state slowly, row after row
 *     pin      pins the present, reads it from a pinned handle many times, and lets it go, again and again
 *     ask      asks for one row again and again, and tells how long that takes
 *
 * NAME is w<n> for a writer, anything else for others. Options are the numbers of struct load. All but
 * init end when a file `over` is in DIR, with exit status 0 when nothing was wrong.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/handle.h"
#include "crash/counted.h"
#include "nfs/load.h"
#include "share/turn.h"
#include "store/rollup.h"

#define LOOK_MS 100
#define OLD_DAYS 40

int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void say(const char *format, ...)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    char line[1024];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    n = n < (int)sizeof(line) - 1 ? n : (int)sizeof(line) - 2;
    line[n] = '\n';
    pthread_mutex_lock(&mutex);
    if (write(1, line, (size_t)n + 1) < 0)
        _exit(3); /* nobody listens any more */
    pthread_mutex_unlock(&mutex);
}

static int note_over(const char *name, void *payload)
{
    *(int *)payload = strcmp(name, "over") == 0;
    return *(int *)payload;
}

int is_over(const struct load *l)
{
    static _Atomic int64_t looked_us;
    static _Atomic int found;
    int over = 0;

    if (!found && now_us() - looked_us >= LOOK_MS * 1000) {
        looked_us = now_us();
        if (fptc__dir_list(l->dir, note_over, &over, NULL) == FPTC_OK && over)
            found = 1;
    }
    return found;
}

void op_begin(const struct load *l, int64_t op)
{
    if (l->stop_op > 0)
        counted_arm(COUNTED_STOP, op == l->stop_op ? (int)l->stop_call : 0, 0);
}

void op_end(const struct load *l, int64_t op)
{
    if (l->stop_op > 0 && op <= l->stop_op) {
        say("op %" PRId64 " calls %d", op, counted_calls());
        counted_arm(COUNTED_ONLY, 0, 0);
    }
}

/* -------------------------------------------------------------------------------------------- appends */

struct crowd {
    const struct load *l;
    struct fptc__log *log;
    struct ledger *ledger;
    atomic_int failed;
};

struct one {
    struct crowd *c;
    int64_t writer, index;
};

static fptc_status is_there(void *ctx, fptc_error *err)
{
    const struct one *one = ctx;

    (void)err;
    return ledger_has(one->c->ledger, one->writer, one->index) ? FPTC_MISS : FPTC_OK;
}

static fptc_status append_once(struct one *one, fptc_error *err)
{
    struct crowd *c = one->c;
    struct fptc__records records;
    struct fptc__append request = {
        .records = &records, .check = is_there, .ctx = one, .is_lookup = 1};
    uint64_t seen = fptc__log_head(c->log), own = (uint64_t)c->ledger->own[one->writer];
    int64_t begun = now_us();
    fptc_status status =
        ledger_records(c->l, one->writer, one->index, seen > own ? seen : own, &records, err);

    if (status == FPTC_OK)
        status = fptc__log_append(c->log, &request, NULL, err);
    fptc__records_done(&records);
    if (status == FPTC_OK) {
        say("ack w%" PRId64 "-%06" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64, one->writer,
            one->index, request.number, fptc__wall_ms(), now_us() - begun);
        c->ledger->own[one->writer] =
            request.number ? (int64_t)request.number : (int64_t)fptc__log_head(c->log);
    }
    return status;
}

/* 1 when it is acknowledged. */
static int append_one(struct one *one)
{
    const struct load *l = one->c->l;
    fptc_error err = FPTC_ERROR_INIT;

    while (append_once(one, &err) != FPTC_OK) {
        say("fail w%" PRId64 "-%06" PRId64 " %d %s", one->writer, one->index, (int)err.status,
            err.message);
        if (!l->retry)
            one->c->failed = 1;
        if (!l->retry || is_over(l))
            return 0;
        fptc__sleep_ms(100);
    }
    return 1;
}

/* As the library does behind an acknowledgement: within 50 ms, and never a writer's error. */
static void roll_up(const struct load *l)
{
    const struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() + 50};
    struct fptc__compact_stats stats = {0};

    if (fptc__rollup(&l->p, &call, NULL, &stats, NULL) == FPTC_OK && stats.folded)
        say("rolled %" PRIu64 " folded %" PRIu64 " 0", stats.base, stats.folded);
}

static void *append_some(void *payload)
{
    struct one *one = payload;
    const struct load *l = one->c->l;
    int64_t op = 1, first = one->index;

    while (!is_over(l) && (l->count == 0 || op <= l->count) && first + op <= INDEX_MAX) {
        one->index = first + op - 1;
        op_begin(l, op);
        if (!append_one(one))
            break;
        op_end(l, op++);
        if (l->rollup && fptc__rollup_is_due_of(one->c->log))
            roll_up(l);
        if (l->interval_ms > 0)
            fptc__sleep_ms(l->interval_ms);
    }
    return NULL;
}

int play_append(const struct load *l)
{
    static struct ledger ledger;
    static struct one ones[WRITERS_MAX];
    pthread_t threads[WRITERS_MAX];
    struct fptc__turn turn;
    const struct fptc__log_turn how = {&turn, fptc__turn_take, fptc__turn_give, fptc__turn_yield};
    struct fptc__log_sink sink = ledger_sink(&ledger);
    const struct fptc__log_options options = {.sink = &sink, .turn = &how};
    struct crowd c = {.l = l, .ledger = &ledger};
    fptc_error err = FPTC_ERROR_INIT;
    int64_t i;

    ledger.l = l;
    fptc__turn_init(&turn, l->p.dir);
    /* Refreshed, for `seen` must not be below what the writer before us in our place has written. */
    if (fptc__log_open(&l->p, &options, &c.log, &err) != FPTC_OK ||
        fptc__log_refresh(c.log, &err) != FPTC_OK) {
        say("fail open %d %s", (int)err.status, err.message);
        return 1;
    }
    for (i = 0; i < l->threads; i++)
        ones[i] = (struct one){&c, l->writer + i, l->first};
    for (i = 1; i < l->threads; i++)
        pthread_create(&threads[i], NULL, append_some, &ones[i]);
    append_some(&ones[0]);
    for (i = 1; i < l->threads; i++)
        pthread_join(threads[i], NULL);
    fptc__log_close(c.log);
    ledger_done(&ledger);
    return c.failed;
}

/* ------------------------------------------------------------------------- rewriting and deleting */

typedef fptc_status fold_fn(const struct fptc__partition *, const struct fptc__call *,
                            const struct fptc__logger *, struct fptc__compact_stats *,
                            fptc_error *);

static int fold_once(const struct load *l, fold_fn *fold, const char *word, fptc_error *err)
{
    struct fptc__compact_stats stats = {0};
    int64_t begun = now_us();

    if (fold(&l->p, NULL, NULL, &stats, err) != FPTC_OK)
        return 1;
    if (stats.folded)
        say("%s %" PRIu64 " folded %" PRIu64 " %" PRId64, word, stats.base, stats.folded,
            now_us() - begun);
    return 0;
}

static int compact_once(const struct load *l, fptc_error *err)
{
    return fold_once(l, fptc__compact, "base", err);
}

static int rollup_once(const struct load *l, fptc_error *err)
{
    return fold_once(l, fptc__rollup, "rolled", err);
}

static int make_old(const char *name, void *payload)
{
    const char *dir = payload;
    char path[FPTC_PATH_MAX];
    const struct timespec old = {time(NULL) - OLD_DAYS * 86400, 0};
    const struct timespec times[2] = {old, old};

    if (fptc__path(path, NULL, "%s/%s", dir, name) == FPTC_OK)
        (void)utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static void make_all_old(const struct load *l)
{
    static const char *const folders[] = {"log", "bases", "files", "tmp"};
    char path[FPTC_PATH_MAX];
    size_t i;

    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (fptc__path(path, NULL, "%s/%s", l->p.dir, folders[i]) == FPTC_OK)
            (void)fptc__dir_list(path, make_old, path, NULL);
}

static int delete_once(const struct load *l, fptc_error *err)
{
    struct fptc__compact_stats stats = {0};
    const struct fptc__pinned pinned = fptc__pins_of(l->dir);
    int64_t begun = now_us();

    if (l->age)
        make_all_old(l);
    if (fptc__retire(&l->p, l->grace_ms, &pinned, NULL, &stats, err) != FPTC_OK)
        return 1;
    if (stats.deleted)
        say("deleted %" PRId64 " %" PRId64, stats.deleted, now_us() - begun);
    return 0;
}

static int play_upkeep(const struct load *l, int (*once)(const struct load *, fptc_error *))
{
    int64_t op = 0;
    int failed = 0;

    while (!is_over(l) && (l->count == 0 || op < l->count)) {
        fptc_error err = FPTC_ERROR_INIT;

        op_begin(l, ++op);
        if (once(l, &err)) {
            say("fail %s %d %s", l->role, (int)err.status, err.message);
            failed = !l->retry;
        }
        op_end(l, op);
        if (failed)
            break;
        fptc__sleep_ms(l->interval_ms);
    }
    return failed;
}

/* ------------------------------------------------------------------------------------------- the whole */

static int64_t *option_of(struct load *l, const char *name, size_t n)
{
    const struct {
        const char *name;
        int64_t *value;
    } options[] = {
        {"count", &l->count},
        {"first", &l->first},
        {"batch", &l->batch},
        {"pad", &l->pad},
        {"interval_ms", &l->interval_ms},
        {"grace_ms", &l->grace_ms},
        {"age", &l->age},
        {"retry", &l->retry},
        {"rollup", &l->rollup},
        {"threads", &l->threads},
        {"stop_op", &l->stop_op},
        {"stop_call", &l->stop_call},
    };
    size_t i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
            return options[i].value;
    return NULL;
}

static int read_options(struct load *l, int n, char **list)
{
    int i;

    for (i = 0; i < n; i++) {
        const char *equals = strchr(list[i], '=');
        int64_t *value = equals ? option_of(l, list[i], (size_t)(equals - list[i])) : NULL;

        if (value == NULL)
            return 0;
        *value = strtoll(equals + 1, NULL, 10);
    }
    return l->threads >= 1 && l->writer + l->threads <= WRITERS_MAX && l->batch < LEDGER;
}

static int play_compact(const struct load *l)
{
    return play_upkeep(l, compact_once);
}

static int play_rollup(const struct load *l)
{
    return play_upkeep(l, rollup_once);
}

static int play_delete(const struct load *l)
{
    return play_upkeep(l, delete_once);
}

static int play(const struct load *l)
{
    static const struct {
        const char *name;
        int (*play)(const struct load *l);
    } roles[] = {
        {"init", play_init},     {"append", play_append}, {"compact", play_compact},
        {"rollup", play_rollup}, {"delete", play_delete}, {"maintain", play_maintain},
        {"hold", play_hold},     {"pin", play_pin},       {"read", play_read},
        {"stream", play_stream}, {"ask", play_ask},
    };
    size_t i;

    for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(l->role, roles[i].name) == 0)
            return roles[i].play(l);
    return 2;
}

int main(int argc, char **argv)
{
    struct load l = {.batch = 4, .threads = 1};
    int status;

    if (argc < 4) {
        fprintf(stderr, "usage: nfs_load ROLE DIR NAME [option=number ...]\n");
        return 2;
    }
    l.role = argv[1];
    l.dir = argv[2];
    l.name = argv[3];
    l.writer = l.name[0] == 'w' ? strtoll(l.name + 1, NULL, 10) : 0;
    if (!read_options(&l, argc - 4, argv + 4) ||
        fptc__partition_at(l.dir, "project-101", &l.p, NULL) != FPTC_OK) {
        fprintf(stderr, "nfs_load: no such option, or a value out of bounds\n");
        return 2;
    }
    if (l.stop_op > 0)
        counted_install();
    say("pid %d", (int)getpid());
    status = play(&l);
    say("done %d", status);
    return status;
}
