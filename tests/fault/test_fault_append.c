/*
 * test_fault_append.c: every system call of an append fails, one after the other, in every way that a
 * file server knows: not done, done but the reply was lost, half done, interrupted, and "from now on".
 *
 * What must hold each time: success, and the record is there exactly once; or a clean error that says
 * what and where. In both cases everything acknowledged before is there, the same handle goes on, and
 * a fresh one opens. The number of injections is counted: a table that is no longer called would make
 * this test pass for nothing.
 *
 * Seen to fail: with fsync of the temp or of the directory unchecked; with try_again() after an error of
 * publish (acknowledged and there twice); with a failed listing of bases/ after the link ignored
 * (acknowledged and there not at all).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/store_help.h"

enum way { NOT_DONE, REPLY_LOST, HALF, EVER_AFTER };

static struct {
    enum way way;
    int sys_errno;
    int at;           /* which call, from 1 */
    int calls;        /* seen so far */
    int hits;         /* failed so far */
    const char *name; /* the call that was hit first */
    int unsynced;     /* the file, kept open, of an fsync that failed; 0: a directory */
} fault;

/* 1 when this call is to fail. */
static int strikes(const char *name)
{
    int n = ++fault.calls;
    if (!fault.at || n < fault.at || (n > fault.at && fault.way != EVER_AFTER))
        return 0;
    if (!fault.hits++)
        fault.name = name;
    errno = fault.sys_errno;
    return 1;
}

/* A call that fails; it may have been done. One that really failed says so itself. */
#define FAIL_AFTER(call)                                                                           \
    do {                                                                                           \
        if (fault.way == REPLY_LOST && (call) < 0)                                                 \
            return -1;                                                                             \
        errno = fault.sys_errno;                                                                   \
        return -1;                                                                                 \
    } while (0)

static int odd_open(const char *path, int flags, mode_t mode)
{
    if (!strikes("open"))
        return help_sys.open(path, flags, mode);
    if (fault.way == REPLY_LOST) {
        int fd = help_sys.open(path, flags, mode);
        if (fd < 0)
            return -1;
        help_sys.close(fd);
    }
    errno = fault.sys_errno;
    return -1;
}

/* The descriptor is gone whatever close says. */
static int odd_close(int fd)
{
    int status = help_sys.close(fd);
    return strikes("close") ? -1 : status;
}

static ssize_t odd_read(int fd, void *data, size_t n)
{
    if (!strikes("read"))
        return help_sys.read(fd, data, n);
    return fault.way == HALF ? help_sys.read(fd, data, n / 2 + 1) : -1;
}

static ssize_t odd_write(int fd, const void *data, size_t n)
{
    if (!strikes("write"))
        return help_sys.write(fd, data, n);
    if (fault.way == HALF)
        return help_sys.write(fd, data, n / 2 + 1);
    FAIL_AFTER(help_sys.write(fd, data, n / 2 + 1));
}

static ssize_t odd_pread(int fd, void *data, size_t n, off_t offset)
{
    if (!strikes("pread"))
        return help_sys.pread(fd, data, n, offset);
    return fault.way == HALF ? help_sys.pread(fd, data, n / 2 + 1, offset) : -1;
}

static int odd_fsync(int fd)
{
    struct stat file;
    if (!strikes("fsync"))
        return help_sys.fsync(fd);
    if (help_sys.fstat(fd, &file) == 0 && S_ISREG(file.st_mode))
        fault.unsynced = dup(fd);
    FAIL_AFTER(help_sys.fsync(fd));
}

static int odd_fstat(int fd, struct stat *out)
{
    return strikes("fstat") ? -1 : help_sys.fstat(fd, out);
}

static int odd_stat(const char *path, struct stat *out)
{
    return strikes("stat") ? -1 : help_sys.stat(path, out);
}

static int odd_link(const char *from, const char *to)
{
    if (!strikes("link"))
        return help_sys.link(from, to);
    FAIL_AFTER(help_sys.link(from, to));
}

static int odd_unlink(const char *path)
{
    if (!strikes("unlink"))
        return help_sys.unlink(path);
    FAIL_AFTER(help_sys.unlink(path));
}

static int odd_mkdir(const char *path, mode_t mode)
{
    if (!strikes("mkdir"))
        return help_sys.mkdir(path, mode);
    FAIL_AFTER(help_sys.mkdir(path, mode));
}

static DIR *odd_opendir(const char *path)
{
    return strikes("opendir") ? NULL : help_sys.opendir(path);
}

static struct dirent *odd_readdir(DIR *dir)
{
    return strikes("readdir") ? NULL : help_sys.readdir(dir);
}

static int odd_closedir(DIR *dir)
{
    int status = help_sys.closedir(dir);
    return strikes("closedir") ? -1 : status;
}

static void arm(enum way way, int sys_errno, int at)
{
    memset(&fault, 0, sizeof(fault));
    fault.way = way;
    fault.sys_errno = sys_errno;
    fault.at = at;
    fptc__sys.open = odd_open;
    fptc__sys.close = odd_close;
    fptc__sys.read = odd_read;
    fptc__sys.write = odd_write;
    fptc__sys.pread = odd_pread;
    fptc__sys.fsync = odd_fsync;
    fptc__sys.fstat = odd_fstat;
    fptc__sys.stat = odd_stat;
    fptc__sys.link = odd_link;
    fptc__sys.unlink = odd_unlink;
    fptc__sys.mkdir = odd_mkdir;
    fptc__sys.opendir = odd_opendir;
    fptc__sys.readdir = odd_readdir;
    fptc__sys.closedir = odd_closedir;
}

/* --- the bodies: each leaves an actor that is about to append --- */

static void warm(struct actor *a)
{
    other_puts("one");
    other_compacts();
    other_puts("two");
    actor_open(a);
    assert_int_equal(fptc__log_refresh(a->log, &help_err), FPTC_OK);
}

static void behind(struct actor *a)
{
    warm(a);
    other_puts("three");
}

static void cold(struct actor *a)
{
    other_puts("one");
    other_compacts();
    other_puts("two");
    actor_open(a);
}

static void absent(struct actor *a)
{
    assert_int_equal(fptc__partition_at(help_dir, "project-5", &help_p, NULL), FPTC_OK);
    actor_open(a);
}

/* A base passes us between the pass and the link: the longest way through an append (S1). */
static int fold_then_link(const char *from, const char *to)
{
    static int is_telling;
    if (!is_telling && strstr(to, "/log/0000000000000003")) {
        struct fptc__sys_table odd = fptc__sys;
        is_telling = 1;
        fptc__sys = help_sys;
        if (!number_exists("bases", 4)) {
            other_puts("three");
            other_compacts();
            other_puts("four");
            other_compacts();
            other_retires();
        }
        fptc__sys = odd;
        is_telling = 0;
    }
    return odd_link(from, to);
}

static void overtaken(struct actor *a)
{
    warm(a);
}

/* --- one injection --- */

/* FPTC_EEXIST: a directory that mkdir called there and nobody finds. */
static void must_be_clean(fptc_status status)
{
    assert_true(status == FPTC_EIO || status == FPTC_ENOSPC || status == FPTC_EACCESS ||
                status == FPTC_ENOENT || status == FPTC_EEXIST);
    assert_true(strlen(help_err.message) > 10);
    assert_int_equal(help_err.status, status);
}

static void must_go_on(struct actor *a, size_t n_before)
{
    uint64_t number = 0;
    assert_int_equal(actor_put(a, "after", &number), FPTC_OK);
    assert_int_equal(fresh_count("after"), 1);
    assert_int_equal(fptc__log_holes(a->log), 0);
    assert_int_equal(fresh_head(), number);
    if (n_before > 0) {
        assert_int_equal(fresh_count("one"), 1);
        assert_int_equal(fresh_count("two"), 1);
    }
}

/* What a failed fsync covers may be gone after a power cut: it is never acknowledged. Another temp may
   be, with an fsync of its own. (In `overtaken` our first temp is deleted before it is linked, so one
   fsync covers nothing.) */
static void must_be_synced(fptc_status status, uint64_t number)
{
    char path[FPTC_PATH_MAX];
    struct stat file, unsynced;
    if (!fault.hits || strcmp(fault.name, "fsync") != 0)
        return;
    /* NFSv4 says EIO once, of a file that was opened before a partition. */
    if (fault.unsynced && fault.way != EVER_AFTER && fault.sys_errno == EIO)
        assert_int_equal(status, FPTC_OK);
    if (status != FPTC_OK)
        return;
    assert_int_not_equal(fault.unsynced, 0);
    assert_int_equal(fptc__partition_number_path(&help_p, "log", number, path, NULL), FPTC_OK);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(fstat(fault.unsynced, &unsynced), 0);
    assert_int_not_equal(file.st_ino, unsynced.st_ino);
}

/* 1 when the fault was met, 0 when the append has fewer calls than that. */
static int inject(void (*prepare)(struct actor *), enum way way, int sys_errno, int at)
{
    struct actor a;
    void *state = NULL;
    assert_int_equal(help_set_up(&state), 0);
    prepare(&a);
    size_t n_before = a.model.n + (prepare == cold);
    arm(way, sys_errno, at);
    if (prepare == overtaken)
        fptc__sys.link = fold_then_link;
    uint64_t number = 0;
    fptc_status status = actor_put(&a, "k", &number);
    fptc__sys = help_sys;
    int hits = fault.hits;
    size_t n = fresh_count("k");
    if (hits == 0)
        assert_int_equal(status, FPTC_OK);
    if (status == FPTC_OK && n != 1)
        print_error("%s: call %d (%s), way %d, errno %d: acknowledged and there %zu times\n",
                    __func__, at, fault.name, (int)way, sys_errno, n);
    if (status == FPTC_OK)
        assert_int_equal(n, 1);
    else
        must_be_clean(status);
    assert_true(n <= 1);
    if (prepare != overtaken)
        must_be_synced(status, number);
    if (fault.unsynced > 0)
        close(fault.unsynced);
    must_go_on(&a, n_before);
    actor_close(&a);
    assert_int_equal(help_tear_down(&state), 0);
    return hits > 0;
}

static int inject_everywhere(void (*prepare)(struct actor *), enum way way, int sys_errno)
{
    int at = 1;
    while (inject(prepare, way, sys_errno, at))
        at++;
    return at - 1;
}

static void every_call_fails(void (*prepare)(struct actor *), int n_least)
{
    static const struct {
        enum way way;
        int sys_errno;
    } faults[] = {
        {NOT_DONE, EIO},   {NOT_DONE, ENOSPC},   {NOT_DONE, ESTALE},   {NOT_DONE, EINTR},
        {REPLY_LOST, EIO}, {REPLY_LOST, EEXIST}, {REPLY_LOST, ESTALE}, {HALF, EIO},
        {EVER_AFTER, EIO}, {EVER_AFTER, ENOSPC}, {EVER_AFTER, EROFS},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        int n = inject_everywhere(prepare, faults[i].way, faults[i].sys_errno);
        assert_true(n >= n_least);
    }
}

static void warm_append(void **state)
{
    (void)state;
    every_call_fails(warm, 25);
}

static void append_behind_the_head(void **state)
{
    (void)state;
    every_call_fails(behind, 30);
}

static void first_append_of_a_process(void **state)
{
    (void)state;
    every_call_fails(cold, 35);
}

static void first_append_of_a_partition(void **state)
{
    (void)state;
    every_call_fails(absent, 35);
}

static void append_that_a_base_overtakes(void **state)
{
    (void)state;
    every_call_fails(overtaken, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warm_append),
        cmocka_unit_test(append_behind_the_head),
        cmocka_unit_test(first_append_of_a_process),
        cmocka_unit_test(first_append_of_a_partition),
        cmocka_unit_test(append_that_a_base_overtakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
