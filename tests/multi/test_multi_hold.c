/*
 * test_multi_hold.c: several processes that may do the upkeep of one partition, with commits going on.
 *
 *   auto    three processes with hold=auto, whose compactions are slow (each fsync waits); the one that
 *           holds is killed (SIGKILL) again and again: another takes its place within the bound
 *   always  two processes in fptc_cache_hold(): the one that holds is stopped (SIGSTOP), deposed, and stands
 *           down when it is continued; the one that holds then ends (SIGTERM): the other has it at once
 *
 * Writers are those of test_multi_append; check_store.py judges in the end that nothing was lost. What
 * the killed ones left on local disk is gone after the last compaction.
 *
 * Seen to fail: "auto" when a link is never judged stale; "always" when a holder beats without looking whose
 * the link is (the deposed one writes over the other's), and when it leaves its link behind at the end.
 *
 * Usage: test_multi_hold                   runs it all
 *        test_multi_hold ROLE DIRECTORY    one process of it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/hold.h"
#include "unit/store_help.h"

#define BEAT_MS 50
#define STALE_MS 1000
#define LOOK_MS 100
/* What a busy machine may add to any wait. */
#define SLACK_MS 8000
#define AUTOS 3
#define NEVER_MS 60000

extern char **environ;

static struct fptc__upkeep_times times = {{BEAT_MS, STALE_MS}, LOOK_MS, LOOK_MS, LOOK_MS, LOOK_MS};

static int n_kills(void)
{
    return getenv("FPTC_LONG") ? 60 : 3;
}

/* --- the processes -------------------------------------------------------------------------------- */

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static int slow_fsync(int fd)
{
    usleep(60000);
    return help_sys.fsync(fd);
}

static void complain(int32_t level, const char *text, void *payload)
{
    (void)level;
    fprintf(stderr, "%s %d: %s\n", (const char *)payload, (int)getpid(), text);
}

static fptc_cache *open_cache(const char *dir, int32_t hold, char *role)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *result = NULL;

    options.cache_dir = dir;
    options.hold = hold;
    options.grace_ms = FPTC_ZERO_MS;
    options.log = complain;
    options.log_payload = role;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK ||
        fptc_cache_mirror_list(cache, &result, &err) != FPTC_OK)
        complain(0, err.message, role);
    fptc_result_free(result);
    return cache;
}

static int32_t until_over(const char *what, int64_t done, int64_t total, void *payload)
{
    (void)what;
    (void)done;
    (void)total;
    (void)payload;
    return is_over;
}

static int play(char *role, const char *dir)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;
    fptc_cache *cache;

    help_sys = fptc__sys;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed run leaves nobody behind */
    (void)signal(SIGTERM, on_term);
    fptc__upkeep_times = times;
    if (strcmp(role, "auto") == 0) {
        fptc__sys.fsync = slow_fsync;
        cache = open_cache(dir, FPTC_HOLD_AUTO, role);
        while (!is_over)
            usleep(20000);
    } else {
        cache = open_cache(dir, FPTC_HOLD_NEVER, role);
        status = fptc_cache_hold(cache, until_over, NULL, &err);
    }
    fptc_cache_close(cache);
    if (status != FPTC_OK)
        complain(0, err.message, role);
    return cache == NULL || status != FPTC_OK;
}

/* --- starting them, and ending them --------------------------------------------------------------- */

static pid_t start(char *const arguments[])
{
    pid_t pid = 0;

    assert_int_equal(posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ), 0);
    return pid;
}

static pid_t start_role(const char *role)
{
    char self[] = "/proc/self/exe", role_text[16], dir[FPTC_PATH_MAX];
    char *arguments[] = {self, role_text, dir, NULL};

    snprintf(role_text, sizeof(role_text), "%s", role);
    memcpy(dir, help_dir, sizeof(dir));
    return start(arguments);
}

static void must_end_well(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGTERM), 0);
    must_end_well(pid);
}

/* A writer of test_multi_append, one after the other: 1,000 commits each. */
struct writers {
    pid_t pid;
    int n;
};

static void write_on(struct writers *w)
{
    char program[FPTC_PATH_MAX], role[] = "writer", name[16], dir[FPTC_PATH_MAX];
    char *arguments[] = {program, role, dir, name, NULL};
    int status = 0;
    ssize_t n;

    if (w->pid != 0) {
        pid_t ended = waitpid(w->pid, &status, WNOHANG);

        assert_int_not_equal(ended, -1);
        if (ended == 0)
            return;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    n = readlink("/proc/self/exe", program, sizeof(program) - 32);
    assert_true(n > 0);
    program[n] = '\0';
    memcpy(strrchr(program, '/') + 1, "test_multi_append", sizeof("test_multi_append"));
    memcpy(dir, help_dir, sizeof(dir));
    snprintf(name, sizeof(name), "w%d", ++w->n);
    w->pid = start(arguments);
}

static void stop_writing(struct writers *w)
{
    must_end_well(w->pid);
    w->pid = 0;
}

/* --- watching ------------------------------------------------------------------------------------- */

static pid_t holder(void)
{
    struct fptc__holder_link link;

    return fptc__holder_read(help_p.dir, &link, NULL) == FPTC_OK ? (pid_t)link.pid : 0;
}

/* Waits until somebody holds who is not `other`; whoever it is. *out_ms: how long that took. */
static pid_t somebody_but(pid_t other, struct writers *w, int64_t *out_ms)
{
    int64_t began = fptc__mono_ms();

    for (;;) {
        pid_t pid = holder();

        *out_ms = fptc__mono_ms() - began;
        if (pid != 0 && pid != other)
            return pid;
        assert_true(*out_ms < NEVER_MS);
        write_on(w);
        usleep(2000);
    }
}

static void check_store(int n_writers)
{
    char command[4 * FPTC_PATH_MAX];
    const char *source = getenv("FPTC_SOURCE_DIR");
    int n = snprintf(command, sizeof(command),
                     "env -u LD_PRELOAD python3 -B %s/tests/multi/check_store.py %s",
                     source ? source : ".", help_p.dir);

    for (int i = 1; i <= n_writers; i++)
        n += snprintf(command + n, sizeof(command) - (size_t)n, " %s/w%d", help_dir, i);
    fflush(stdout);
    assert_int_equal(system(command), 0);
}

/* --- auto ----------------------------------------------------------------------------------------- */

/* Kills the one that holds while it does; for how long nobody else did. -1: it had just ended. */
static int64_t kill_holder(pid_t autos[AUTOS], struct writers *w)
{
    int64_t waited;
    pid_t victim = somebody_but(0, w, &waited);
    int status = 0;

    assert_int_equal(kill(victim, SIGKILL), 0);
    assert_int_equal(waitpid(victim, &status, 0), victim);
    for (int i = 0; i < AUTOS; i++) {
        if (autos[i] == victim)
            autos[i] = start_role("auto");
    }
    if (holder() != victim)
        return -1;
    (void)somebody_but(victim, w, &waited);
    return waited;
}

/* They did not only elect each other. */
static void wait_for_base(void)
{
    uint64_t base = 0;
    int64_t began = fptc__mono_ms();

    while (base == 0 && fptc__mono_ms() - began < NEVER_MS) {
        assert_int_equal(fptc__bases_newest(&help_p, &base, NULL, 0, NULL, &help_err), FPTC_OK);
        usleep(10000);
    }
    assert_true(base > 0);
}

static void another_takes_the_place_of_a_killed_one(void **state)
{
    pid_t autos[AUTOS];
    struct writers w = {0, 0};
    int64_t waited, longest = 0, shortest = NEVER_MS;
    int kills = 0, tries = 0;

    (void)state;
    for (int i = 0; i < AUTOS; i++)
        autos[i] = start_role("auto");
    while (kills < n_kills()) {
        assert_true(++tries < 20 * n_kills());
        waited = kill_holder(autos, &w);
        kills += waited >= 0;
        longest = waited > longest ? waited : longest;
        shortest = waited >= 0 && waited < shortest ? waited : shortest;
    }
    printf("%d of %d holders were killed while they held; another came after %lld to %lld ms\n",
           kills, tries, (long long)shortest, (long long)longest);
    /* Dead and of our own host: nobody waits until its beat is stale. */
    assert_true(shortest < STALE_MS / 2);
    assert_true(longest < 2 * BEAT_MS + LOOK_MS + SLACK_MS);
    stop_writing(&w);
    wait_for_base();
    for (int i = 0; i < AUTOS; i++)
        end(autos[i]);
    check_store(w.n);
}

/* --- always --------------------------------------------------------------------------------------- */

/* Neither the one that was stopped nor anybody else takes it from the new one, while that goes on beating. */
static void must_keep_it(pid_t pid)
{
    struct fptc__holder_link link;
    uint64_t first = 0;
    int64_t began = fptc__mono_ms();

    do {
        assert_int_equal(fptc__holder_read(help_p.dir, &link, NULL), FPTC_OK);
        assert_int_equal(link.pid, pid);
        first = first == 0 ? link.beat : first;
        usleep(2000);
    } while (link.beat < first + 10 && fptc__mono_ms() - began < NEVER_MS);
    assert_true(link.beat >= first + 10);
}

static void a_stopped_one_is_deposed_and_stands_down(void **state)
{
    pid_t first = start_role("always"), second;
    struct writers w = {0, 0};
    int64_t waited;

    (void)state;
    assert_int_equal(somebody_but(0, &w, &waited), first);
    second = start_role("always");
    must_keep_it(first);
    assert_int_equal(kill(first, SIGSTOP), 0);
    assert_int_equal(somebody_but(first, &w, &waited), second);
    printf("the stopped holder was deposed after %lld ms\n", (long long)waited);
    assert_true(waited >= STALE_MS / 2);
    assert_true(waited < STALE_MS + 2 * BEAT_MS + LOOK_MS + SLACK_MS);
    assert_int_equal(kill(first, SIGCONT), 0);
    must_keep_it(second);
    assert_int_equal(kill(second, SIGTERM), 0);
    assert_int_equal(somebody_but(second, &w, &waited), first);
    printf("the one that ended was followed after %lld ms\n", (long long)waited);
    must_end_well(second);
    must_keep_it(first);
    end(first);
    assert_int_equal(holder(), 0);
    stop_writing(&w);
    check_store(w.n);
}

/* --- the whole ------------------------------------------------------------------------------------ */

static char local[FPTC_PATH_MAX];

static int set_up(void **state)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    if (help_set_up(state) != 0 || fptc__path(local, NULL, "%s/local", help_dir) != FPTC_OK ||
        fptc__dir_make(local, NULL) != FPTC_OK || setenv("TMPDIR", local, 1) != 0)
        return 1;
    options.cache_dir = help_dir;
    options.site_url = "http://127.0.0.1:1";
    return fptc_cache_init(&options, NULL) != FPTC_OK;
}

static int count(const char *name, void *payload)
{
    (void)name;
    ++*(int *)payload;
    return 0;
}

/* A compaction of this process, and nothing is left of those that were killed. */
static int tear_down(void **state)
{
    char path[FPTC_PATH_MAX];
    int n = 0;

    other_puts("last");
    if (fptc__compact(&help_p, NULL, NULL, NULL, NULL) != FPTC_OK ||
        fptc__path(path, NULL, "%s/fptcache.%lu", local, (unsigned long)geteuid()) != FPTC_OK ||
        fptc__dir_list(path, count, &n, NULL) != FPTC_OK || n != 0)
        return 1;
    unsetenv("TMPDIR");
    return help_tear_down(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_takes_the_place_of_a_killed_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stopped_one_is_deposed_and_stands_down, set_up,
                                        tear_down),
    };

    if (argc == 3)
        return play(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
