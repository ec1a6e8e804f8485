/*
 * test_fault_compact.c: every system call of a compaction fails, one after the other: not done, done but
 * the reply was lost, half done, and "from now on".
 *
 * What must hold each time: the call says what and where, or succeeds; readers see the same state as
 * before; the base is the old one or a whole new one; nothing stays on local disk; the next compaction
 * succeeds. SQLite's own calls on the local copy do not go through the table and are not failed here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/snapshot_help.h"

enum way { NOT_DONE, REPLY_LOST, EVER_AFTER, WAYS };
static const char *const way_names[] = {"not done", "reply lost", "ever after"};

static struct {
    enum way way;
    int sys_errno;
    int at;    /* which call, from 1; 0: none */
    int calls; /* seen so far */
    int hits;
    const char *name;
} fault;

static char local_dir[1024];

static int strikes(const char *name)
{
    int n = ++fault.calls;
    if (!fault.at || n < fault.at || (n > fault.at && fault.way != EVER_AFTER))
        return 0;
    if (!fault.hits++)
        fault.name = name;
    return 1;
}

/* The failing form of a call that returns 0 or -1 (or a count). */
#define ODD(type, name, parameters, arguments)                                                     \
    static type odd_##name parameters                                                              \
    {                                                                                              \
        if (!strikes(#name))                                                                       \
            return sh_sys.name arguments;                                                          \
        if (fault.way == REPLY_LOST)                                                               \
            (void)!sh_sys.name arguments;                                                          \
        errno = fault.sys_errno;                                                                   \
        return -1;                                                                                 \
    }
ODD(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n))
ODD(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
ODD(ssize_t, pread, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
ODD(int, fsync, (int fd), (fd))
ODD(int, fstat, (int fd, struct stat *out), (fd, out))
ODD(int, stat, (const char *path, struct stat *out), (path, out))
ODD(int, link, (const char *from, const char *to), (from, to))
ODD(int, unlink, (const char *path), (path))
ODD(int, rename, (const char *from, const char *to), (from, to))
ODD(int, symlink, (const char *content, const char *path), (content, path))
ODD(ssize_t, readlink, (const char *path, char *out, size_t n), (path, out, n))

/* A descriptor that nobody gets must not leak here. */
static int odd_open(const char *path, int flags, mode_t mode)
{
    if (!strikes("open"))
        return sh_sys.open(path, flags, mode);
    if (fault.way == REPLY_LOST) {
        int fd = sh_sys.open(path, flags, mode);
        if (fd >= 0)
            sh_sys.close(fd);
    }
    errno = fault.sys_errno;
    return -1;
}

static int odd_close(int fd)
{
    int status = sh_sys.close(fd);
    if (!strikes("close"))
        return status;
    errno = fault.sys_errno;
    return -1;
}

static DIR *odd_opendir(const char *path)
{
    if (!strikes("opendir"))
        return sh_sys.opendir(path);
    errno = fault.sys_errno;
    return NULL;
}

static struct dirent *odd_readdir(DIR *dir)
{
    if (!strikes("readdir"))
        return sh_sys.readdir(dir);
    errno = fault.sys_errno;
    return NULL;
}

/* The local folder is made for real or not at all; it must go again. */
static int odd_mkdir(const char *path, mode_t mode)
{
    if (sh_is_local(path))
        snprintf(local_dir, sizeof(local_dir), "%s", path);
    if (!strikes("mkdir"))
        return sh_sys.mkdir(path, mode);
    errno = fault.sys_errno;
    return -1;
}

static void arm(enum way way, int sys_errno, int at)
{
    memset(&fault, 0, sizeof(fault));
    fault.way = way;
    fault.sys_errno = sys_errno;
    fault.at = at;
    fptc__sys.read = odd_read;
    fptc__sys.write = odd_write;
    fptc__sys.pread = odd_pread;
    fptc__sys.fsync = odd_fsync;
    fptc__sys.fstat = odd_fstat;
    fptc__sys.stat = odd_stat;
    fptc__sys.link = odd_link;
    fptc__sys.unlink = odd_unlink;
    fptc__sys.rename = odd_rename;
    fptc__sys.symlink = odd_symlink;
    fptc__sys.readlink = odd_readlink;
    fptc__sys.open = odd_open;
    fptc__sys.close = odd_close;
    fptc__sys.opendir = odd_opendir;
    fptc__sys.readdir = odd_readdir;
    fptc__sys.mkdir = odd_mkdir;
}

static void disarm(void)
{
    fptc__sys = sh_sys;
}

static void append_shot(int id)
{
    char body[200];
    snprintf(
        body, sizeof(body),
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":%d,\"code\":\"c\"}]}",
        id);
    sh_append(FPTC__ROWS, body);
}

static void must_be(const char *expected, const char *when)
{
    char *now = sh_state();
    if (strcmp(expected, now) != 0)
        fail_msg("%s %d (%s, %s): %s %s", when, fault.at, fault.name, way_names[fault.way],
                 th_err.message, state_difference(expected, now));
    free(now);
}

/* The newest base has its snapshot: readers would find a way around it, but they should not have to. */
static void check_base(void)
{
    struct fptc__manifest m;

    assert_int_equal(fptc__manifest_read(&sh_p, sh_newest_base(), &m, &th_err), FPTC_OK);
    if (access(sh_file(&m), R_OK) != 0)
        fail_msg("call %d (%s, %s): %s has gone", fault.at, fault.name, way_names[fault.way],
                 sh_file(&m));
}

/* After an unlink or rmdir failed the leftovers are ours to remove. */
static void check_local(void)
{
    int may_stay = fault.hits > 0 && (strcmp(fault.name, "unlink") == 0 || fault.way == EVER_AFTER);

    if (local_dir[0] && access(local_dir, F_OK) == 0) {
        if (!may_stay)
            fail_msg("call %d (%s, %s): %s is still there", fault.at, fault.name,
                     way_names[fault.way], local_dir);
        sh_remove_tree(local_dir);
    }
    local_dir[0] = '\0';
}

/* In a directory of its own, with one base: the number of calls is the same each time. */
static int fail_at(enum way way, int sys_errno, int at)
{
    struct fptc__compact_stats stats;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    uint64_t before;
    char *expected;

    assert_int_equal(sh_set_up(NULL), 0);
    append_shot(900);
    sh_compact(&stats);
    append_shot(1);
    append_shot(2);
    expected = sh_state();
    before = sh_newest_base();
    memset(&stats, 0, sizeof(stats));
    arm(way, sys_errno, at);
    status = fptc__compact(&sh_p, NULL, NULL, &stats, &err);
    disarm();
    if (fault.hits == 0)
        assert_int_equal(status, FPTC_OK);
    if (status != FPTC_OK && err.message[0] == '\0')
        fail_msg("call %d (%s): status %d without words", at, fault.name, status);
    if (status == FPTC_OK && stats.folded > 0)
        assert_true(sh_newest_base() > before);
    must_be(expected, "after call");
    check_local();
    check_base();
    sh_compact(&stats);
    assert_int_equal(sh_newest_base(), 3);
    must_be(expected, "after the next, call");
    free(expected);
    sh_tear_down(NULL);
    return fault.hits > 0;
}

static void test_each_call(void **state)
{
    static const int errnos[] = {EIO, ENOSPC, ESTALE};
    int total = 0;
    enum way way;

    (void)state;
    for (way = NOT_DONE; way < WAYS; way++) {
        int at = 1;
        while (fail_at(way, errnos[at % 3], at))
            at++;
        total += at - 1;
        assert_true(at > 60); /* else nothing was tried */
    }
    printf("%d failures\n", total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
