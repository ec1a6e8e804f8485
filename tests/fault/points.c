/* points.c: see points.h. The process that runs the points stays single-threaded and calls nothing of
   the library but paths: whatever happens, happens in its children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/counted.h"
#include "crash/power.h"
#include "fault/judge.h"
#include "fault/points.h"

#define CALLS_MAX 4000
#define PATIENCE_MS 30000
#define FAILURES_SHOWN 8

enum way { FAILS, FAILS_ON, LOST, SHORT, DIES_BEFORE, DIES_AFTER, POWER, PAUSE, WAYS };
static const char *const way_names[] = {"fails",         "fails on",     "reply lost", "short",
                                        "killed before", "killed after", "power lost", "sleeps"};
static const enum counted_action actions[] = {
    COUNTED_FAIL,        COUNTED_FAIL_WRITES, COUNTED_LOST,  COUNTED_SHORT,
    COUNTED_KILL_BEFORE, COUNTED_KILL_AFTER,  COUNTED_POWER, COUNTED_PAUSE};

static const int failures[] = {EIO, ENOSPC, ESTALE, EINTR, EACCES, EDQUOT, EROFS};
static const int on_failures[] = {ENOSPC, EIO, EROFS, EDQUOT};
static const int losses[] = {0, EIO, ESTALE};
static const int sleeps[] = {0, 1, 2}; /* what the other does */
#define N(list) (sizeof(list) / sizeof((list)[0]))
struct point {
    const struct operation *operation;
    enum way way;
    int kind; /* the errno, or what the other does meanwhile */
    int at;
};

/* What a child tells: in memory that both see, so that a death loses nothing. */
static struct shared {
    struct told_keys tried, acked;
    int is_done, calls, is_hit, n_local;
    char hit[32], local[8][160];
    fptc_status status;
    fptc_error err;
    char said[512]; /* what was found wrong in the child */
    char keys[8192];
    char trace[65536];
} * shared;

static struct {
    char root[200], template_dir[256], cache_dir[256];
    int share, seed;               /* one of `share` points is tried */
    int to_parent[2], to_child[2]; /* pauses */
} run;

struct tally {
    const char *name;
    int n[WAYS], total, calls, errors;
};
static struct tally tallies[64];
static size_t n_tallies;

/* --- telling, in the child --- */

static void tell(struct told_keys *keys, const char *key)
{
    int at = __atomic_fetch_add(&keys->n, 1, __ATOMIC_SEQ_CST); /* threads tell, too */

    if (at >= KEYS_MAX)
        abort();
    snprintf(keys->list[at], sizeof(keys->list[0]), "%s", key);
}

static void tell_try(const char *key)
{
    tell(&shared->tried, key);
}

static void tell_ack(const char *key)
{
    tell(&shared->acked, key);
}

static void tell_local(const char *path)
{
    if (shared->n_local < (int)N(shared->local))
        snprintf(shared->local[shared->n_local++], sizeof(shared->local[0]), "%s", path);
}

static void sleep_until_woken(void)
{
    char c = 'p';

    if (write(run.to_parent[1], &c, 1) != 1 || read(run.to_child[0], &c, 1) != 1)
        _exit(8);
}

/* AddressSanitizer's, if it is there. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
static void child(const struct point *point)
{
    const struct operation *o = point->operation;

    close(run.to_parent[0]);
    close(run.to_child[1]);
    if (o->begin != NULL)
        o->begin();
    if (point->way == POWER)
        power_watch(run.cache_dir);
    counted_tell(sleep_until_woken, tell_local);
    counted_install();
    counted_arm(actions[point->way], point->at, point->kind);
    shared->status = o->run(&shared->err);
    shared->calls = counted_calls();
    shared->is_hit = counted_hit() != NULL;
    snprintf(shared->hit, sizeof(shared->hit), "%s", counted_hit() ? counted_hit() : "-");
    if (point->at == 0)
        snprintf(shared->trace, sizeof(shared->trace), "%s", counted_trace());
    counted_arm(COUNTED_ONLY, 0, 0);
    if (o->end != NULL)
        o->end();
    if (__lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0)
        snprintf(shared->said, sizeof(shared->said), "it leaks");
    shared->is_done = 1;
}

/* --- children --- */

static pid_t start(void)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        abort();
    return pid;
}

static int end_of(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* In a process of its own: what goes wrong there is not ours. 1 when it came to its end. */
static int apart(void (*work)(void))
{
    pid_t pid = start();
    int status;

    if (pid == 0) {
        work();
        fflush(NULL);
        _exit(0);
    }
    status = end_of(pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The other's keys are acknowledged, too. */
static const struct point *attacked;
static void attack(void)
{
    told_try = tell_try;
    told_ack = tell_ack;
    if (attacked->operation->attack != NULL)
        attacked->operation->attack(attacked->kind);
    else
        attack_by_deletion(attacked->kind);
}

/* Waits for the child's end; when it sleeps, the other has its way first. 0: it hangs. */
static int serve(const struct point *point, pid_t pid, int *status)
{
    struct pollfd from = {run.to_parent[0], POLLIN, 0};
    char c;
    int n;

    attacked = point;
    for (;;) {
        n = poll(&from, 1, PATIENCE_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0) {
            kill(pid, SIGKILL);
            *status = end_of(pid);
            return 0;
        }
        if (read(from.fd, &c, 1) != 1)
            break; /* it has ended */
        if (!apart(attack))
            snprintf(shared->said, sizeof(shared->said), "the other could not do its work");
        if (write(run.to_child[1], &c, 1) != 1)
            break;
    }
    *status = end_of(pid);
    return 1;
}

/* --- one point --- */

static const struct operation *repeated;
/* In a fresh process: reads, repeats the operation, appends. */
static void go_on(void)
{
    const struct operation *o = repeated;
    struct reader r;
    char *keys;
    const char *wrong;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    reader_open(&r);
    keys = keys_read(&r);
    wrong = o->after != NULL ? o->after(shared->is_done ? shared->status : FPTC_UNKNOWN) : NULL;
    snprintf(shared->keys, sizeof(shared->keys), "%s", keys);
    free(keys);
    told_try = tell_try;
    told_ack = tell_ack;
    if (wrong != NULL)
        snprintf(shared->said, sizeof(shared->said), "%s", wrong);
    if (o->begin != NULL)
        o->begin();
    status = o->run(&err);
    if (status < 0)
        snprintf(shared->said, sizeof(shared->said), "repeated: %d %.400s", (int)status,
                 err.message);
    if (o->end != NULL)
        o->end();
    status = put_key(&r, "afterwards", &err);
    if (status != FPTC_OK)
        snprintf(shared->said, sizeof(shared->said), "an append afterwards: %d %.400s", (int)status,
                 err.message);
    reader_close(&r);
}

static const char *check_status(const struct point *point)
{
    static char text[1024];
    fptc_status status = shared->status;

    if (status >= 0 || (point->way == PAUSE && status == FPTC_ERACE && point->operation->may_race))
        return NULL;
    if (point->way == PAUSE || point->way == SHORT || !shared->is_hit)
        snprintf(text, sizeof(text), "it failed: %d %.800s", (int)status, shared->err.message);
    else if (status != FPTC_EIO && status != FPTC_ENOENT && status != FPTC_ENOSPC &&
             status != FPTC_EACCESS)
        snprintf(text, sizeof(text), "its status: %d %.800s", (int)status, shared->err.message);
    else if (shared->err.status != status)
        snprintf(text, sizeof(text), "status %d, but in its words %d: %.800s", (int)status,
                 (int)shared->err.status, shared->err.message);
    else if (strchr(shared->err.message, '/') == NULL)
        snprintf(text, sizeof(text), "no path in: %.800s", shared->err.message);
    else
        return NULL;
    return text;
}

static const char *check_end(const struct point *point, int status)
{
    static char text[128];
    int may_die = point->way == DIES_BEFORE || point->way == DIES_AFTER || point->way == POWER;

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && may_die && !shared->is_done)
        return NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && shared->is_done)
        return check_status(point);
    snprintf(text, sizeof(text), "its end: %s %d", WIFSIGNALED(status) ? "signal" : "code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return text;
}

/* What is left is read, gone on with, and read again. NULL, or what is wrong. */
static const char *check_store(const struct point *point)
{
    static char keys[8192];
    const char *wrong = judge(keys, sizeof(keys));

    if (point->operation->drops)
        shared->acked.n = 0;
    if (wrong == NULL)
        wrong = keys_problem(keys, &shared->tried, &shared->acked);
    if (wrong != NULL && !point->operation->heals)
        return wrong;
    repeated = point->operation;
    if (!apart(go_on))
        return "a fresh process came to a bad end";
    if (shared->said[0] != '\0')
        return shared->said;
    if (!point->operation->heals && strcmp(shared->keys, keys) != 0) {
        snprintf(shared->said, sizeof(shared->said),
                 "a fresh reader finds %.220s, the judge %.220s", shared->keys, keys);
        return shared->said;
    }
    wrong = judge(keys, sizeof(keys));
    return wrong != NULL ? wrong : keys_problem(keys, &shared->tried, &shared->acked);
}

static void remove_local(void)
{
    int i;

    for (i = 0; i < shared->n_local; i++)
        sh_remove_tree(shared->local[i]);
    shared->n_local = 0;
}

static struct told_keys template_keys;
static void forget(void)
{
    memset(shared, 0, sizeof(*shared));
    shared->tried = shared->acked = template_keys;
}

/* Runs the child. NULL, or what is wrong with its end. */
static const char *meet(const struct point *point)
{
    const char *wrong;
    int status = 0;
    pid_t pid;

    sh_remove_tree(run.cache_dir);
    tree_copy(run.template_dir, run.cache_dir);
    if (pipe(run.to_parent) != 0 || pipe(run.to_child) != 0)
        abort();
    pid = start();
    if (pid == 0) {
        told_try = tell_try;
        told_ack = tell_ack;
        child(point);
        fflush(NULL);
        _exit(0);
    }
    close(run.to_parent[1]);
    close(run.to_child[0]);
    wrong = serve(point, pid, &status) ? check_end(point, status) : "it hangs";
    close(run.to_parent[0]);
    close(run.to_child[1]);
    return wrong == NULL && shared->said[0] != '\0' ? shared->said : wrong;
}

/* 1 when there was such a point, 0 when nothing came of it; -1 when it did not hold. */
static int one_point(const struct point *point, struct tally *tally)
{
    const char *wrong = meet(point);
    int was_met = !shared->is_done || shared->is_hit;

    tally->errors += shared->is_done && shared->status < 0;
    if (wrong == NULL)
        wrong = check_store(point);
    remove_local();
    if (wrong != NULL)
        print_error("%s: call %d (%s) %s, kind %d: %s\n", point->operation->name, point->at,
                    shared->is_done ? shared->hit : "?", way_names[point->way], point->kind, wrong);
    forget();
    tally->n[point->way] += was_met;
    tally->total += was_met;
    return wrong != NULL ? -1 : was_met;
}

/* --- all points of an operation --- */

struct call {
    char name[16];
    int is_change;
};

static int n_calls(struct call *calls)
{
    char *at, *rest = NULL;
    int n = 0;

    for (at = strtok_r(shared->trace, " ", &rest); at != NULL && n < CALLS_MAX;
         at = strtok_r(NULL, " ", &rest)) {
        size_t length = strlen(at);

        calls[n].is_change = at[length - 1] == '!';
        snprintf(calls[n].name, sizeof(calls[n].name), "%.*s",
                 (int)(length - (size_t)calls[n].is_change), at);
        n++;
    }
    return n;
}

static int is_one_of(const char *name, const char *const *list, size_t n)
{
    size_t i;

    for (i = 0; i < n && strcmp(name, list[i]) != 0; i++)
        ;
    return i < n;
}

/* What the way cannot do to a call, or what is the same as at the next one. */
static int can_meet(enum way way, const struct call *call)
{
    static const char *const harmless[] = {"clock_gettime", "getrandom", "nanosleep", "closedir",
                                           "recv"};
    static const char *const counted[] = {"read", "pread", "preadv2", "write"};

    if (is_one_of(call->name, harmless, N(harmless)))
        return 0;
    if (way == SHORT)
        return is_one_of(call->name, counted, N(counted));
    return way == FAILS || way == PAUSE || call->is_change;
}

static int n_kinds(enum way way, const int **list)
{
    static const int none[] = {0};
    static const struct {
        const int *list;
        size_t n;
    } kinds[WAYS] = {[FAILS] = {failures, N(failures)},
                     [FAILS_ON] = {on_failures, N(on_failures)},
                     [LOST] = {losses, N(losses)},
                     [PAUSE] = {sleeps, N(sleeps)}};

    *list = kinds[way].list != NULL ? kinds[way].list : none;
    return kinds[way].list != NULL ? (int)kinds[way].n : 1;
}

/* Whether the point is tried in this run: of the kinds of a way one at each call, and of those a share. */
static int is_drawn(int at, int way, int kind, int n_kinds)
{
    unsigned mixed = ((unsigned)(at * 131 + way * 31 + run.seed) * 2654435761u) >> 12;

    if (run.share == 1)
        return 1;
    return kind == (int)(mixed % (unsigned)n_kinds) &&
           mixed / (unsigned)n_kinds % (unsigned)run.share == 0;
}

static int points_of_call(const struct operation *o, int at, const struct call *call,
                          struct tally *tally)
{
    struct point point = {.operation = o, .at = at};
    int way, i, bad = 0;

    for (way = 0; way < WAYS; way++) {
        const int *list;
        int n = n_kinds((enum way)way, &list);

        if (!can_meet((enum way)way, call))
            continue;
        for (i = 0; i < n; i++) {
            point.way = (enum way)way;
            point.kind = list[i];
            if (is_drawn(at, way, i, n))
                bad += one_point(&point, tally) < 0;
        }
    }
    return bad;
}

static void prepare_it(void)
{
    told_try = tell_try;
    told_ack = tell_ack;
    attacked->operation->prepare();
}

static void points_run(const struct operation *o)
{
    struct point none = {o, FAILS, 0, 0};
    struct tally *tally = &tallies[n_tallies++];
    struct call *calls = calloc(CALLS_MAX, sizeof(*calls));
    const char *wrong;
    int at, bad = 0;

    assert_true(n_tallies <= N(tallies) && calls != NULL);
    memset(shared, 0, sizeof(*shared));
    tally->name = o->name;
    attacked = &none;
    sh_remove_tree(run.cache_dir);
    sh_remove_tree(run.template_dir);
    if (mkdir(run.cache_dir, 0777) != 0 || !apart(prepare_it) ||
        rename(run.cache_dir, run.template_dir) != 0)
        fail_msg("%s: the cache directory could not be prepared", o->name);
    template_keys = shared->acked;
    wrong = meet(&none);
    if (wrong != NULL)
        fail_msg("%s, with nothing amiss: %s", o->name, wrong);
    tally->calls = n_calls(calls);
    remove_local();
    forget();
    for (at = 1; at <= tally->calls && bad < FAILURES_SHOWN; at++)
        bad += points_of_call(o, at, &calls[at - 1], tally);
    free(calls);
    if (bad > 0 || tally->total < o->least / (4 * run.share))
        fail_msg("%s: %d points, of which %d did not hold", o->name, tally->total, bad);
}

static void points_table(void)
{
    struct tally sum = {.name = "all"};
    size_t i;
    int way;

    printf("%-24s %6s", "operation", "calls");
    for (way = 0; way < WAYS; way++)
        printf(" %13s", way_names[way]);
    printf(" %7s %7s\n", "points", "errors");
    for (i = 0; i <= n_tallies; i++) {
        const struct tally *t = i < n_tallies ? &tallies[i] : &sum;

        printf("%-24s %6d", t->name, t->calls);
        for (way = 0; way < WAYS; way++) {
            printf(" %13d", t->n[way]);
            sum.n[way] += i < n_tallies ? t->n[way] : 0;
        }
        printf(" %7d %7d\n", t->total, t->errors);
        if (i < n_tallies) {
            sum.total += t->total;
            sum.errors += t->errors;
            sum.calls += t->calls;
        }
    }
}

/* --- the whole run --- */

/* A point costs 20 ms, and several times that under AddressSanitizer. */
static void choose_share(void)
{
    const char *is_long = getenv("FPTC_LONG"), *sanitize = getenv("FPTC_SANITIZE"),
               *seed = getenv("FPTC_SEED");

    run.share = sanitize != NULL && sanitize[0] != '\0' ? 20 : 6;
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        run.share = 1;
    run.seed = seed != NULL ? atoi(seed) : (int)(time(NULL) % 1000000);
    printf("one point of %d, seed %d\n", run.share, run.seed); /* FPTC_SEED repeats it */
}

static int points_set_up(void **state)
{
    char place[] = "/dev/shm/fptc_points_XXXXXX", other[] = "/tmp/fptc_points_XXXXXX";
    char *made = access("/dev/shm", W_OK) == 0 ? mkdtemp(place) : mkdtemp(other);

    (void)state;
    if (made == NULL)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    choose_share();
    snprintf(run.root, sizeof(run.root), "%s", made);
    snprintf(run.template_dir, sizeof(run.template_dir), "%s/template", run.root);
    snprintf(run.cache_dir, sizeof(run.cache_dir), "%s/a cache", run.root);
    snprintf(sh_dir, FPTC_PATH_MAX, "%s", run.cache_dir);
    if (fptc__partition_at(sh_dir, "project-101", &sh_p, &th_err) != FPTC_OK)
        return -1;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    judge_start();
    return 0;
}

static int points_tear_down(void **state)
{
    (void)state;
    points_table();
    judge_end();
    sh_remove_tree(run.root);
    return munmap(shared, sizeof(*shared));
}

static void one_operation(void **state)
{
    points_run(*state);
}

int points_main(const struct operation *operations, size_t n, const char *only)
{
    struct CMUnitTest tests[N(tallies)];
    size_t i, n_tests = 0;

    for (i = 0; i < n && i < N(tests); i++) {
        if (only != NULL && strcmp(only, operations[i].name) != 0)
            continue;
        tests[n_tests] = (struct CMUnitTest){operations[i].name, one_operation, NULL, NULL,
                                             (void *)(uintptr_t)&operations[i]};
        n_tests++;
    }
    return _cmocka_run_group_tests("points", tests, n_tests, points_set_up, points_tear_down);
}
