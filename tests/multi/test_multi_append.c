/*
 * test_multi_append.c: processes that append, compact, delete without grace, read, are stopped and are
 * killed, all at once; then check_store.py looks at what is left, without the library.
 *
 *   w1      appends as fast as it can
 *   w2      the same, but is stopped and continued at random: the sleeping writer of S1, for real
 *   w3      the same, but is killed (SIGKILL) at random and started again where it was told it was
 *   two compactors, one of which also deletes with a grace of zero; in a second run they only write
 *   JSON lists, which is a hundred times faster: bases pass a stopped writer then as a matter of course
 *   two rollers, one of which also deletes with a grace of zero, and is stopped and continued at random
 *   a reader that refreshes continually: its head never goes back, and every key that was acknowledged
 *   before a refresh began is there after it
 *
 * Seen to fail, each within a second or two: without the listing of bases/ after the link, or with it
 * before the link; with the link's winner not compared; without the check of the base in the pass.
 *
 * Each append carries a unique config key and looks for it before each attempt, so that a key must be
 * there exactly once, whatever happened to the replies.
 *
 * Usage: test_multi_append                       runs it all
 *        test_multi_append ROLE DIRECTORY NAME   one process of it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/rollup.h"
#include "unit/store_help.h"

#define WRITERS 3

extern char **environ;

static int n_each(void)
{
    return getenv("FPTC_LONG") ? 10000 : 1000;
}

static void path_of(const char *dir, const char *name, char out[FPTC_PATH_MAX])
{
    assert_int_equal(fptc__path(out, NULL, "%s/%s", dir, name), FPTC_OK);
}

static int is_over(const char *dir)
{
    char path[FPTC_PATH_MAX];
    path_of(dir, "over", path);
    return access(path, F_OK) == 0;
}

/* --- writers --- */

static int count_lines(const char *path)
{
    char line[128];
    int n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        n += strchr(line, '\n') != NULL;
    if (f)
        fclose(f);
    return n;
}

struct wanted {
    struct actor *a;
    const char *key;
};

static fptc_status is_there(void *ctx, fptc_error *err)
{
    const struct wanted *w = ctx;
    (void)err;
    return model_count(&w->a->model, w->key) ? FPTC_MISS : FPTC_OK;
}

static int complain(const char *who, fptc_status status, const fptc_error *err)
{
    fprintf(stderr, "%s: status %d: %s\n", who, (int)status, err->message);
    return 1;
}

static int write_one(struct actor *a, const char *name, int i, int ack_fd)
{
    char key[64], line[128];
    struct fptc__records records;
    fptc_error err = FPTC_ERROR_INIT;
    snprintf(key, sizeof(key), "%s-%06d", name, i);
    struct wanted wanted = {a, key};
    one_key(&records, key);
    struct fptc__append request = {
        .records = &records, .check = is_there, .ctx = &wanted, .is_lookup = 1};
    fptc_status status = fptc__log_append(a->log, &request, NULL, &err);
    fptc__records_done(&records);
    if (status != FPTC_OK)
        return complain(name, status, &err);
    int n = snprintf(line, sizeof(line), "%s %" PRIu64 "\n", key, request.number);
    return write(ack_fd, line, (size_t)n) != n;
}

static int writer(const char *dir, const char *name)
{
    char path[FPTC_PATH_MAX];
    struct actor a;
    int failed = 0;
    path_of(dir, name, path);
    int first = count_lines(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    actor_open(&a);
    for (int i = first; i < n_each() && !failed; i++)
        failed = write_one(&a, name, i, fd);
    actor_close(&a);
    close(fd);
    return failed;
}

/* --- compactors --- */

/* 0 folded something, -1 there was nothing to fold, 1 failed. */
static int compact(const char *name)
{
    if (name[0] == 'm')
        return other_compacts() ? 0 : -1;
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__compact_stats stats = {.base = 0};
    fptc_status status = fptc__compact(&help_p, NULL, NULL, &stats, &err);
    if (status != FPTC_OK)
        return complain(name, status, &err);
    return stats.folded ? 0 : -1;
}

static int compactor(const char *dir, const char *name)
{
    int deletes = name[1] == '1';
    while (!is_over(dir)) {
        fptc_error err = FPTC_ERROR_INIT;
        int outcome = compact(name);
        if (outcome > 0)
            return 1;
        fptc_status status = deletes ? fptc__retire(&help_p, 0, NULL, NULL, NULL, &err) : FPTC_OK;
        if (status != FPTC_OK)
            return complain(name, status, &err);
        usleep(outcome ? 2000 : 100);
    }
    return 0;
}

/* --- rollers --- */

static int roller(const char *dir, const char *name)
{
    int n = 0;
    while (!is_over(dir)) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__compact_stats stats = {.base = 0};
        fptc_status status = fptc__rollup(&help_p, NULL, NULL, &stats, &err);
        if (status == FPTC_OK && name[1] == '1')
            status = fptc__retire(&help_p, 0, NULL, NULL, NULL, &err);
        if (status != FPTC_OK)
            return complain(name, status, &err);
        n += stats.folded > 0;
        usleep(3000);
    }
    printf("%s: %d roll-ups\n", name, n);
    return n == 0;
}

/* --- the reader --- */

struct seen {
    unsigned char *there[WRITERS]; /* by index of key */
    int n_acked[WRITERS];          /* lines read from the writers' files */
    uint64_t head;
    size_t n_refreshes;
};

static void take_stock(const struct actor *a, struct seen *s)
{
    for (int w = 0; w < WRITERS; w++)
        memset(s->there[w], 0, (size_t)n_each());
    for (size_t i = 0; i < a->model.n; i++) {
        int w = 0, index = 0;
        if (sscanf(a->model.keys[i], "w%d-%d", &w, &index) == 2 && w >= 1 && w <= WRITERS &&
            index >= 0 && index < n_each())
            s->there[w - 1][index] = 1;
    }
}

static int refresh_and_look(struct actor *a, struct seen *s, const char *dir)
{
    char path[FPTC_PATH_MAX], name[16];
    fptc_error err = FPTC_ERROR_INIT;
    for (int w = 0; w < WRITERS; w++) {
        snprintf(name, sizeof(name), "w%d", w + 1);
        path_of(dir, name, path);
        s->n_acked[w] = count_lines(path);
    }
    fptc_status status = fptc__log_refresh(a->log, &err);
    if (status != FPTC_OK)
        return complain("reader", status, &err);
    uint64_t head = fptc__log_head(a->log);
    if (head < s->head) {
        fprintf(stderr, "reader: the head went back from %" PRIu64 " to %" PRIu64 "\n", s->head,
                head);
        return 1;
    }
    s->head = head;
    s->n_refreshes++;
    take_stock(a, s);
    for (int w = 0; w < WRITERS; w++)
        for (int i = 0; i < s->n_acked[w]; i++)
            if (!s->there[w][i]) {
                fprintf(stderr,
                        "reader: w%d-%06d was acknowledged and is not there at head %" PRIu64 "\n",
                        w + 1, i, head);
                return 1;
            }
    return 0;
}

static int reader(const char *dir, const char *name)
{
    struct actor a;
    struct seen s = {.head = 0};
    int failed = 0;
    (void)name;
    for (int w = 0; w < WRITERS; w++)
        s.there[w] = calloc((size_t)n_each(), 1);
    actor_open(&a);
    while (!failed && !is_over(dir))
        failed = refresh_and_look(&a, &s, dir);
    if (!failed)
        failed = refresh_and_look(&a, &s, dir);
    if (a.n_warnings) {
        fprintf(stderr, "reader: %d warnings, the last: %s\n", a.n_warnings, a.warning);
        failed = 1;
    }
    printf("reader: %zu refreshes, %d resets, head %" PRIu64 "\n", s.n_refreshes, a.model.n_resets,
           s.head);
    actor_close(&a);
    for (int w = 0; w < WRITERS; w++)
        free(s.there[w]);
    return failed;
}

static int play(const char *role, const char *dir, const char *name)
{
    help_sys = fptc__sys;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed run leaves nobody behind */
    snprintf(help_dir, FPTC_PATH_MAX, "%s", dir);
    if (fptc__partition_at(dir, "project-101", &help_p, NULL) != FPTC_OK)
        return 1;
    if (strcmp(role, "writer") == 0)
        return writer(dir, name);
    if (strcmp(role, "roller") == 0)
        return roller(dir, name);
    return strcmp(role, "compactor") == 0 ? compactor(dir, name) : reader(dir, name);
}

/* --- the whole --- */

static pid_t start(const char *role, const char *name)
{
    char self[] = "/proc/self/exe", role_text[16], name_text[16], dir[FPTC_PATH_MAX];
    char *arguments[] = {self, role_text, dir, name_text, NULL};
    pid_t pid = 0;
    snprintf(role_text, sizeof(role_text), "%s", role);
    snprintf(name_text, sizeof(name_text), "%s", name);
    memcpy(dir, help_dir, sizeof(dir));
    assert_int_equal(posix_spawn(&pid, self, NULL, NULL, arguments, environ), 0);
    return pid;
}

/* 1 when it has ended (well: an assertion), 0 when it still runs. */
static int has_ended(pid_t pid)
{
    int status = 0;
    pid_t found = waitpid(pid, &status, WNOHANG);
    assert_int_not_equal(found, -1);
    if (found == 0)
        return 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return 1;
}

static void must_end(pid_t pid)
{
    while (!has_ended(pid))
        usleep(2000);
}

static useconds_t some_us(unsigned most)
{
    return (useconds_t)(fptc__random_u64() % most);
}

static void stop_for_a_while(pid_t pid)
{
    if (kill(pid, SIGSTOP) != 0)
        return;
    usleep(some_us(40000));
    assert_int_equal(kill(pid, SIGCONT), 0);
}

/* Stops w2 and the roller, and kills w3, until all writers have ended. */
static void disturb(const pid_t w[WRITERS], pid_t roller_pid, int *n_stops, int *n_kills)
{
    const pid_t w1 = w[0], w2 = w[1];
    pid_t w3 = w[2];
    int ended[WRITERS] = {0}, status = 0;
    while (!ended[0] || !ended[1] || !ended[2]) {
        usleep(some_us(10000));
        ended[0] = ended[0] || has_ended(w1);
        ended[1] = ended[1] || has_ended(w2);
        ended[2] = ended[2] || has_ended(w3);
        if (!ended[1]) {
            stop_for_a_while(w2);
            ++*n_stops;
        }
        stop_for_a_while(roller_pid);
        if (!ended[2] && *n_kills < 25 && kill(w3, SIGKILL) == 0) {
            assert_int_equal(waitpid(w3, &status, 0), w3);
            if (WIFEXITED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0); /* it was faster */
                ended[2] = 1;
                continue;
            }
            w3 = start("writer", "w3");
            ++*n_kills;
        }
    }
}

static int check_from_outside(const char *more)
{
    char command[8 * FPTC_PATH_MAX];
    const char *source = getenv("FPTC_SOURCE_DIR");
    snprintf(command, sizeof(command),
             "env -u LD_PRELOAD python3 -B %s/tests/multi/check_store.py %s %s/w1 %s/w2 %s/w3 %s",
             source ? source : ".", help_p.dir, help_dir, help_dir, help_dir, more);
    fflush(stdout);
    return system(command);
}

/* The checker can fail: a key that was never written, said to be acknowledged. */
static void lose_one(void)
{
    char path[FPTC_PATH_MAX];
    path_of(help_dir, "w9", path);
    assert_int_equal(fptc__file_create(path, "w9-000000 1\n", 12, 0666, &help_err), FPTC_OK);
    assert_int_not_equal(check_from_outside(path), 0);
}

static void run_all(const char *first, const char *second)
{
    char path[FPTC_PATH_MAX];
    int n_stops = 0, n_kills = 0;
    pid_t r = start("reader", "r");
    pid_t c1 = start("compactor", first), c2 = start("compactor", second);
    pid_t r1 = start("roller", "r1"), r2 = start("roller", "r2");
    const pid_t w[WRITERS] = {start("writer", "w1"), start("writer", "w2"), start("writer", "w3")};
    disturb(w, r2, &n_stops, &n_kills);
    path_of(help_dir, "over", path);
    assert_int_equal(fptc__file_create(path, "", 0, 0666, &help_err), FPTC_OK);
    must_end(r);
    must_end(c1);
    must_end(c2);
    must_end(r1);
    must_end(r2);
    printf("w2 was stopped %d times, w3 killed %d times\n", n_stops, n_kills);
    assert_int_equal(check_from_outside(""), 0);
    lose_one();
}

static void nothing_is_lost_and_nothing_is_twice(void **state)
{
    (void)state;
    run_all("c1", "c2");
}

static void the_same_with_a_fast_compaction(void **state)
{
    (void)state;
    run_all("m1", "m2");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_lost_and_nothing_is_twice, help_set_up,
                                        help_tear_down),
        cmocka_unit_test_setup_teardown(the_same_with_a_fast_compaction, help_set_up,
                                        help_tear_down),
    };
    if (argc == 4)
        return play(argv[1], argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
