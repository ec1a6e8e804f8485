/* Directories on local disk: where TMPDIR says, ours alone, and cleared of what killed processes have left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/localdir.h"

static char root[64];
static fptc_error err;

static void run(const char *what, const char *path, const char *rest)
{
    char command[1024];

    snprintf(command, sizeof(command), "%s %s%s", what, path, rest);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/fptc-local-XXXXXX");
    return mkdtemp(root) == NULL || setenv("TMPDIR", root, 1) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("TMPDIR");
    run("rm -r", root, "");
    return 0;
}

static void make(char out[FPTC__LOCALDIR_BYTES])
{
    assert_int_equal(fptc__localdir_make(out, &err), FPTC_OK);
}

static void the_parent(char out[128], const char *rest)
{
    snprintf(out, 128, "%s/fptcache.%lu%s", root, (unsigned long)geteuid(), rest);
}

static void test_it_is_where_tmpdir_says(void **state)
{
    char dir[FPTC__LOCALDIR_BYTES], other[FPTC__LOCALDIR_BYTES], parent[128];
    struct stat st;

    (void)state;
    the_parent(parent, "/");
    make(dir);
    make(other);
    assert_memory_equal(dir, parent, strlen(parent));
    assert_string_not_equal(dir, other);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_a_tmpdir_of_no_use_is_passed_over(void **state)
{
    char dir[FPTC__LOCALDIR_BYTES];
    static const char *const useless[] = {"", "here"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        setenv("TMPDIR", useless[i], 1);
        make(dir);
        assert_memory_equal(dir, "/tmp/", 5);
        assert_int_equal(rmdir(dir), 0);
    }
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_int_equal(fptc__localdir_make(dir, &err), FPTC_ENOENT);
    assert_non_null(strstr(err.message, "TMPDIR"));
}

/* What a process that was killed while it compacted leaves. */
static void leave_one(char out[FPTC__LOCALDIR_BYTES])
{
    int fds[2], status = 0;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char dir[FPTC__LOCALDIR_BYTES] = "";

        make(dir);
        run("touch", dir, "/0.sqlite");
        _exit(write(fds[1], dir, sizeof(dir)) == sizeof(dir) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(fds[0], out, FPTC__LOCALDIR_BYTES), FPTC__LOCALDIR_BYTES);
    close(fds[0]);
    close(fds[1]);
}

static void test_what_the_dead_left_is_cleared(void **state)
{
    char dead[FPTC__LOCALDIR_BYTES], living[FPTC__LOCALDIR_BYTES], dir[FPTC__LOCALDIR_BYTES];

    (void)state;
    make(living);
    run("touch", living, "/0.sqlite");
    leave_one(dead);
    assert_int_equal(access(dead, F_OK), 0);
    make(dir);
    assert_int_equal(access(dead, F_OK), -1);
    run("test -f", living, "/0.sqlite");
}

static void test_another_name_space_is_left_alone(void **state)
{
    char dead[FPTC__LOCALDIR_BYTES], dir[FPTC__LOCALDIR_BYTES], parent[128], *dash;

    (void)state;
    leave_one(dead);
    the_parent(parent, "/1");
    dash = strchr(dead + strlen(parent), '-');
    assert_non_null(dash);
    assert_true(strlen(parent) + strlen(dash) < sizeof(parent));
    strcat(parent, dash); /* as process name space 1 would call it */
    assert_int_equal(rename(dead, parent), 0);
    make(dir);
    assert_int_equal(access(parent, F_OK), 0);
}

/* Somebody puts a link where our directory would be: what it leads to is not ours to clear. */
static void test_a_trap_is_not_stepped_into(void **state)
{
    char parent[128], dir[FPTC__LOCALDIR_BYTES], dead[FPTC__LOCALDIR_BYTES];

    (void)state;
    leave_one(dead);
    the_parent(parent, "");
    run("mv", parent, " $TMPDIR/theirs");
    run("ln -s theirs", parent, "");
    make(dir);
    assert_null(strstr(dir, "fptcache."));
    run("ls -d", root, "/theirs/*-* > /dev/null");
    run("rm", parent, "");
    run("mv $TMPDIR/theirs", parent, "");
    run("chmod 0777", parent, ""); /* and this others may fill */
    make(dir);
    assert_null(strstr(dir, "fptcache."));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_where_tmpdir_says),       TEST(test_a_tmpdir_of_no_use_is_passed_over),
        TEST(test_what_the_dead_left_is_cleared), TEST(test_another_name_space_is_left_alone),
        TEST(test_a_trap_is_not_stepped_into),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
