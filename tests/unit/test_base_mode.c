/*
 * test_base_mode.c: users with different umasks share a directory: what each makes the others can read,
 * write and remove, as the mode of the cache directory says; a private one stays private.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mode.h"
#include "share/flight.h"
#include "store/compact.h"
#include "store_help.h"
#include "view/view.h"

/* Users that need no entry in any list; root may become them. */
#define ANNA 51001
#define BERT 51002
#define GROUP 52001
#define SITE "https://studio.example"

static mode_t mode_of(const char *name)
{
    char path[FPTC_PATH_MAX];
    struct stat st;

    snprintf(path, sizeof(path), "%.3000s/%.500s", help_dir, name);
    if (lstat(path, &st) != 0)
        fail_msg("%s: %s", path, strerror(errno));
    return st.st_mode & 07777;
}

static void append(const char *key)
{
    struct fptc__records records = {0};
    struct fptc__append request = {.records = &records};
    struct fptc__call call = {0};
    struct fptc__view *v = NULL;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    one_key(&records, key);
    if (fptc__view_open(help_dir, help_p.name, NULL, &v, &err) != FPTC_OK)
        fail_msg("%s", err.message);
    status = fptc__view_refresh(v, 0, &err);
    if (status == FPTC_OK)
        status = fptc__log_append(fptc__view_log(v, FPTC__HOME), &request, &call, &err);
    if (status != FPTC_OK)
        fail_msg("%s: %s", key, err.message);
    fptc__view_close(v);
    fptc__records_done(&records);
}

static void compact(void)
{
    struct fptc__compact_stats stats;
    struct fptc__call call = {0};
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__compact(&help_p, &call, NULL, &stats, &err) != FPTC_OK)
        fail_msg("compact: %s", err.message);
}

/* What help_set_up() has made goes. */
static void begin_empty(void)
{
    char command[FPTC_PATH_MAX + 32];

    snprintf(command, sizeof(command), "rm -rf '%s/partitions'", help_dir);
    assert_int_equal(system(command), 0);
}

/* A cache in help_dir with that mode, used with that umask. */
static void use(mode_t mode, mode_t mask)
{
    struct fptc__flight flight;
    struct fptc__call call = {0};
    fptc_error err = FPTC_ERROR_INIT;
    mode_t before;

    begin_empty();
    assert_int_equal(chmod(help_dir, mode), 0);
    before = umask(mask);
    if (fptc__cache_make(help_dir, SITE, "", &err) != FPTC_OK)
        fail_msg("%s", err.message);
    append("one");
    compact();
    append("two");
    memset(&flight, 0, sizeof(flight));
    assert_int_equal(fptc__flight_begin(&flight, help_dir, "k", &call), FPTC_OK);
    fptc__flight_end(&flight);
    umask(before);
}

static void all_have(mode_t dirs, mode_t files)
{
    static const char *const all_dirs[] = {
        "partitions",
        "flights",
        "partitions/project-101",
        "partitions/project-101/log",
        "partitions/project-101/bases",
        "partitions/project-101/files",
        "partitions/project-101/tmp",
    };
    size_t i;

    for (i = 0; i < sizeof(all_dirs) / sizeof(all_dirs[0]); i++) {
        if (mode_of(all_dirs[i]) != dirs)
            fail_msg("%s: %o instead of %o", all_dirs[i], mode_of(all_dirs[i]), dirs);
    }
    assert_int_equal(mode_of("fptcache.json"), files);
    assert_int_equal(mode_of("partitions/project-101/log/0000000000000001"), files);
    assert_int_equal(mode_of("partitions/project-101/log/0000000000000002"), files);
    assert_int_equal(mode_of("partitions/project-101/bases/0000000000000001"), files);
    assert_int_equal(mode_of("partitions/project-101/latest.sqlite") & 0777, 0777); /* a symlink */
}

static int note_mode(const char *name, void *payload)
{
    char path[600];

    snprintf(path, sizeof(path), "partitions/project-101/files/%.400s", name);
    *(mode_t *)payload = mode_of(path);
    return 0;
}

static mode_t mode_of_snapshot(void)
{
    char path[FPTC_PATH_MAX + 8];
    mode_t mode = 0;

    snprintf(path, sizeof(path), "%s/files", help_p.dir);
    assert_int_equal(fptc__dir_list(path, note_mode, &mode, &help_err), FPTC_OK);
    return mode;
}

static void shared_as(mode_t dirs, mode_t mask, mode_t files)
{
    use(dirs, mask);
    all_have(dirs, files);
    assert_int_equal(mode_of_snapshot(), files);
}

static void test_group(void **state)
{
    (void)state;
    shared_as(02770, 077, 0660);
}

static void test_private(void **state)
{
    (void)state;
    shared_as(0700, 0, 0600);
}

static void test_readers(void **state)
{
    (void)state;
    shared_as(02755, 077, 0644);
}

/* All may add, only owners may remove from a sticky directory itself: in what is below, all may. */
static void test_sticky(void **state)
{
    (void)state;
    use(01777, 022);
    all_have(0777, 0666);
}

/* Who died between making a directory and sharing it shares it when he comes again. */
static void test_after_a_crash(void **state)
{
    char path[FPTC_PATH_MAX + 16];

    (void)state;
    use(02770, 077);
    snprintf(path, sizeof(path), "%s/tmp", help_p.dir);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(fptc__partition_make(&help_p, &help_err), FPTC_OK);
    assert_int_equal(mode_of("partitions/project-101/tmp"), 02770);
}

static int failing_fchmod(int fd, mode_t mode)
{
    (void)fd, (void)mode;
    errno = EIO;
    return -1;
}

static int refusing_fchmod(int fd, mode_t mode)
{
    (void)fd, (void)mode;
    errno = EPERM;
    return -1;
}

/* A commit that others could not read would stop them: it is not published. */
static void test_failing(void **state)
{
    char path[FPTC_PATH_MAX + 16];
    mode_t before = umask(077);

    (void)state;
    assert_int_equal(chmod(help_dir, 0770), 0);
    snprintf(path, sizeof(path), "%s/x", help_dir);
    fptc__sys.fchmod = failing_fchmod;
    assert_int_equal(fptc__file_create(path, "x", 1, 0666, &help_err), FPTC_EIO);
    assert_non_null(strstr(help_err.message, path));
    assert_int_equal(access(path, F_OK), -1);
    fptc__sys.fchmod = refusing_fchmod; /* a file system without such bits */
    assert_int_equal(fptc__file_create(path, "x", 1, 0666, &help_err), FPTC_OK);
    fptc__sys = help_sys;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fptc__file_create(path, "x", 1, 0600, &help_err), FPTC_OK);
    assert_int_equal(mode_of("x"), 0600); /* not for all */
    umask(before);
}

/* `work` as another user of the group; its assertions count here. */
static void as(uid_t user, void (*work)(void))
{
    const gid_t group = GROUP;
    int ended = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        umask(077);
        if (setgroups(1, &group) != 0 || setgid(user) != 0 || setuid(user) != 0)
            _exit(2);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
}

static void begin_cache(void)
{
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__cache_make(help_dir, SITE, "", &err) != FPTC_OK)
        _exit(3);
    append("of anna");
    compact();
    append("of anna, too");
}

static void go_on(void)
{
    struct fptc__compact_stats stats;
    char path[FPTC_PATH_MAX];

    if (fptc__cache_make(help_dir, SITE, "", &help_err) != FPTC_OK)
        _exit(3);
    append("of bert");
    compact();
    if (fptc__retire(&help_p, 0, NULL, NULL, &stats, &help_err) != FPTC_OK)
        _exit(4);
    if (fptc__partition_number_path(&help_p, "log", 2, path, &help_err) != FPTC_OK ||
        access(path, F_OK) != 0 || fptc__file_remove(path, &help_err) != FPTC_OK)
        _exit(4);
}

static void read_all(void)
{
    if (fresh_count("of anna") != 1 || fresh_count("of bert") != 1)
        _exit(5);
    append("of anna again");
}

static void be_refused(void)
{
    if (fptc__file_create("/proc/self/none", "", 0, 0666, NULL) == FPTC_OK ||
        access(help_dir, R_OK) == 0)
        _exit(6);
}

static void test_two_users(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("test_two_users: only root can become two users: skipped\n");
        skip();
    }
    begin_empty();
    assert_int_equal(chown(help_dir, 0, GROUP), 0);
    assert_int_equal(chmod(help_dir, 02770), 0);
    as(ANNA, begin_cache);
    as(BERT, go_on);
    as(ANNA, read_all);
    assert_int_equal(mode_of("partitions/project-101/log"), 02770);
    assert_int_equal(chmod(help_dir, 0700), 0);
    as(BERT, be_refused);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_group),   CASE(test_private),       CASE(test_readers),   CASE(test_sticky),
        CASE(test_failing), CASE(test_after_a_crash), CASE(test_two_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
