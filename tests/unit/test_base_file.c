/* test_base_file.c: files and directories in a real temporary directory, with every call failing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"

static struct fptc__sys_table saved;
static char dir[FPTC_PATH_MAX];
static char file[FPTC_PATH_MAX + 16];
static char other[FPTC_PATH_MAX + 16];

/* What the replaced calls do: each counts, then fails `faults` times with `fault`. */
static int fault;
static int faults;
static int calls;

static int set_up(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    saved = fptc__sys;
    fault = faults = calls = 0;
    snprintf(dir, sizeof(dir), "%s/fptc_file_XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        return -1;
    snprintf(file, sizeof(file), "%s/file", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
    return 0;
}

static int remove_entry(const char *name, void *payload)
{
    char path[FPTC_PATH_MAX];

    (void)payload;
    if (fptc__path(path, NULL, "%s/%s", dir, name) == FPTC_OK)
        remove(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__sys = saved;
    if (fptc__dir_list(dir, remove_entry, NULL, NULL) != FPTC_OK)
        return -1;
    return rmdir(dir);
}

static int faulty(void)
{
    calls++;
    if (faults <= 0)
        return 0;
    faults--;
    errno = fault;
    return 1;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    assert_true(flags & O_CLOEXEC);
    return faulty() ? -1 : saved.open(path, flags, mode);
}

static ssize_t faulty_read(int fd, void *data, size_t n)
{
    return faulty() ? -1 : saved.read(fd, data, n > 3 ? 3 : n);
}

static ssize_t faulty_write(int fd, const void *data, size_t n)
{
    return faulty() ? -1 : saved.write(fd, data, n > 3 ? 3 : n);
}

static ssize_t faulty_pread(int fd, void *data, size_t n, off_t offset)
{
    return faulty() ? -1 : saved.pread(fd, data, n > 3 ? 3 : n, offset);
}

static ssize_t write_nothing(int fd, const void *data, size_t n)
{
    (void)fd;
    (void)data;
    (void)n;
    return 0;
}

static int faulty_fsync(int fd)
{
    return faulty() ? -1 : saved.fsync(fd);
}

/* Like Linux: the descriptor is gone all the same. */
static int faulty_close(int fd)
{
    int closed = saved.close(fd);

    assert_int_equal(closed, 0);
    return faulty() ? -1 : closed;
}

static void put(const char *path, const char *text)
{
    fptc_error err = FPTC_ERROR_INIT;

    if (fptc__file_create(path, text, strlen(text), 0666, &err) != FPTC_OK)
        fail_msg("%s", err.message);
}

static void assert_holds(const char *path, const char *text)
{
    struct fptc__buf out;
    fptc_error err = FPTC_ERROR_INIT;

    fptc__buf_init(&out, 1000000);
    if (fptc__file_read(path, 1000000, &out, &err) != FPTC_OK)
        fail_msg("%s", err.message);
    assert_string_equal(fptc__buf_text(&out), text);
    fptc__buf_done(&out);
}

static void test_create_and_read(void **state)
{
    struct stat st;
    fptc_error err;

    (void)state;
    put(file, "hello");
    assert_holds(file, "hello");
    assert_int_equal(fptc__file_create(file, "x", 1, 0666, &err), FPTC_EEXIST);
    assert_non_null(strstr(err.message, file));
    assert_holds(file, "hello");
    assert_int_equal(fptc__file_create(other, NULL, 0, 0600, &err), FPTC_OK);
    assert_holds(other, "");
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_read_limits(void **state)
{
    struct fptc__buf out;
    fptc_error err;

    (void)state;
    put(file, "0123456789");
    fptc__buf_init(&out, 100);
    assert_int_equal(fptc__file_read(file, 10, &out, &err), FPTC_OK);
    assert_int_equal(fptc__file_read(file, 9, &out, &err), FPTC_ELIMIT);
    assert_non_null(strstr(err.message, file));
    assert_string_equal(fptc__buf_text(&out), "0123456789");
    assert_int_equal(fptc__file_read(file, 10, &out, &err), FPTC_OK);
    assert_string_equal(fptc__buf_text(&out), "01234567890123456789");
    fptc__buf_done(&out);
    fptc__buf_init(&out, 10);
    assert_int_equal(fptc__file_read(file, 100, &out, &err), FPTC_OK);
    assert_int_equal(fptc__file_read(file, 100, &out, &err), FPTC_ELIMIT);
    assert_int_equal(out.failed, 0);
    fptc__buf_addc(&out, 'x');
    assert_int_equal(fptc__file_read(file, 100, &out, &err), FPTC_ELIMIT);
    fptc__buf_done(&out);
}

static void test_missing(void **state)
{
    struct fptc__buf out;
    int64_t bytes = 1;
    int64_t ms = 1;
    int fd = 5;

    (void)state;
    fptc__buf_init(&out, 100);
    assert_int_equal(fptc__file_read(file, 10, &out, NULL), FPTC_MISS);
    assert_int_equal(fptc__file_open(file, &fd, NULL), FPTC_MISS);
    assert_int_equal(fd, -1);
    fptc__file_close(fd);
    assert_int_equal(fptc__file_info(file, &bytes, &ms, NULL), FPTC_MISS);
    assert_int_equal(bytes, 0);
    assert_int_equal(ms, 0);
    assert_int_equal(fptc__file_remove(file, NULL), FPTC_OK);
    assert_int_equal(fptc__dir_touch(file, NULL), FPTC_MISS);
    assert_int_equal(fptc__dir_list(file, remove_entry, NULL, NULL), FPTC_MISS);
}

static void test_read_interrupted_and_short(void **state)
{
    (void)state;
    put(file, "0123456789");
    fptc__sys.read = faulty_read;
    fault = EINTR;
    faults = 5;
    assert_holds(file, "0123456789");
    assert_true(calls > 8);
    fptc__sys.open = faulty_open;
    faults = 3;
    assert_holds(file, "0123456789");
}

static int lying_fstat(int fd, struct stat *out)
{
    int failed = saved.fstat(fd, out);

    out->st_size = calls;
    return failed;
}

static void test_size_is_only_a_hint(void **state)
{
    (void)state;
    put(file, "0123456789");
    fptc__sys.fstat = lying_fstat;
    for (calls = 0; calls < 20; calls++)
        assert_holds(file, "0123456789");
    calls = -1;
    assert_holds(file, "0123456789");
}

static void test_read_fails(void **state)
{
    struct fptc__buf out;
    fptc_error err;

    (void)state;
    put(file, "0123456789");
    fptc__buf_init(&out, 100);
    fptc__buf_adds(&out, "kept");
    fptc__sys.read = faulty_read;
    fault = ESTALE;
    faults = FPTC_STALE_MAX - 1;
    assert_int_equal(fptc__file_read(file, 10, &out, &err), FPTC_OK);
    fptc__buf_cut(&out, 4);
    faults = FPTC_STALE_MAX;
    assert_int_equal(fptc__file_read(file, 10, &out, &err), FPTC_EIO);
    assert_int_equal(err.sys_errno, ESTALE);
    assert_non_null(strstr(err.message, file));
    assert_string_equal(fptc__buf_text(&out), "kept");
    fptc__sys.open = faulty_open;
    fault = EACCES;
    faults = 1;
    assert_int_equal(fptc__file_read(file, 10, &out, &err), FPTC_EACCESS);
    assert_int_equal(fptc__file_read(dir, 10, &out, &err), FPTC_EIO);
    fptc__buf_done(&out);
}

static void test_write_interrupted_and_short(void **state)
{
    (void)state;
    fptc__sys.write = faulty_write;
    fault = EINTR;
    faults = 4;
    put(file, "0123456789");
    assert_holds(file, "0123456789");
    assert_int_equal(calls, 8);
}

static void assert_create_fails(fptc_status status, int sys_errno)
{
    fptc_error err = FPTC_ERROR_INIT;

    assert_int_equal(fptc__file_create(file, "0123456789", 10, 0666, &err), status);
    assert_int_equal(err.sys_errno, sys_errno);
    assert_non_null(strstr(err.message, file));
    assert_int_equal(access(file, F_OK), -1);
}

static void test_create_fails_and_removes(void **state)
{
    (void)state;
    fptc__sys.write = faulty_write;
    fault = ENOSPC;
    faults = 1;
    assert_create_fails(FPTC_ENOSPC, ENOSPC);
    fptc__sys.write = write_nothing;
    assert_create_fails(FPTC_EIO, 0);
    fptc__sys = saved;
    fptc__sys.fsync = faulty_fsync;
    fault = EIO;
    faults = 1;
    calls = 0;
    assert_create_fails(FPTC_EIO, EIO);
    assert_int_equal(calls, 1);
    fault = EINTR;
    faults = 1;
    calls = 0;
    assert_create_fails(FPTC_EIO, EINTR);
    assert_int_equal(calls, 1);
    fptc__sys = saved;
    fptc__sys.close = faulty_close;
    fault = EDQUOT;
    faults = 1;
    calls = 0;
    assert_create_fails(FPTC_ENOSPC, EDQUOT);
    assert_int_equal(calls, 1);
}

static void test_close_interrupted_is_closed(void **state)
{
    (void)state;
    fptc__sys.close = faulty_close;
    fault = EINTR;
    faults = 1;
    put(file, "x");
    assert_int_equal(calls, 1);
    assert_holds(file, "x");
}

static void test_no_descriptor_leaks(void **state)
{
    int before = dup(0);
    int after;
    int fd;
    fptc_error err;

    (void)state;
    close(before);
    test_create_fails_and_removes(state);
    fptc__sys = saved;
    test_read_fails(state);
    fptc__sys = saved;
    fptc__sys.fsync = faulty_fsync;
    fault = EIO;
    faults = 1;
    assert_int_equal(fptc__dir_sync(dir, &err), FPTC_EIO);
    assert_int_equal(fptc__file_start(other, 0666, &fd, &err), FPTC_OK);
    faults = 1;
    assert_int_equal(fptc__file_finish(fd, other, &err), FPTC_EIO);
    after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

static void test_in_pieces(void **state)
{
    char data[8];
    size_t got;
    int64_t bytes;
    fptc_error err;
    int fd;

    (void)state;
    assert_int_equal(fptc__file_start(file, 0666, &fd, &err), FPTC_OK);
    assert_int_equal(fptc__file_add(fd, file, "0123", 4, &err), FPTC_OK);
    assert_int_equal(fptc__file_add(fd, file, NULL, 0, &err), FPTC_OK);
    assert_int_equal(fptc__file_add(fd, file, "456789", 6, &err), FPTC_OK);
    assert_int_equal(fptc__file_finish(fd, file, &err), FPTC_OK);
    assert_int_equal(fptc__file_open(file, &fd, &err), FPTC_OK);
    assert_int_equal(fptc__file_size(fd, file, &bytes, &err), FPTC_OK);
    assert_int_equal(bytes, 10);
    fptc__sys.pread = faulty_pread;
    fault = EINTR;
    faults = 2;
    assert_int_equal(fptc__file_pread(fd, file, data, 8, 1, &got, &err), FPTC_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(data, "12345678", 8);
    assert_int_equal(fptc__file_pread(fd, file, data, 8, 6, &got, &err), FPTC_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(data, "6789", 4);
    fault = EIO;
    faults = 1;
    assert_int_equal(fptc__file_pread(fd, file, data, 8, 0, &got, &err), FPTC_EIO);
    assert_int_equal(got, 0);
    fptc__file_close(fd);
    assert_int_equal(fptc__file_size(-1, file, &bytes, &err), FPTC_EIO);
}

static void test_info_and_remove(void **state)
{
    int64_t bytes, ms;
    struct stat st;

    (void)state;
    put(file, "abc");
    assert_int_equal(fptc__file_info(file, &bytes, &ms, NULL), FPTC_OK);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(bytes, 3);
    assert_int_equal(ms / 1000, st.st_mtim.tv_sec);
    assert_int_equal(ms % 1000, st.st_mtim.tv_nsec / 1000000);
    assert_int_equal(fptc__file_info(file, NULL, NULL, NULL), FPTC_OK);
    assert_int_equal(fptc__file_remove(file, NULL), FPTC_OK);
    assert_int_equal(access(file, F_OK), -1);
    assert_int_not_equal(fptc__file_remove(dir, NULL), FPTC_OK);
}

static int is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void test_dir_make(void **state)
{
    char path[FPTC_PATH_MAX];
    char cwd[FPTC_PATH_MAX];
    fptc_error err;

    (void)state;
    assert_int_equal(fptc__path(path, &err, "%s/a/b//c/", dir), FPTC_OK);
    assert_int_equal(fptc__dir_make(path, &err), FPTC_OK);
    assert_true(is_dir(path));
    assert_int_equal(fptc__dir_make(path, &err), FPTC_OK);
    assert_int_equal(fptc__dir_make("/", &err), FPTC_OK);
    assert_int_equal(fptc__dir_make("", &err), FPTC_ENOENT);
    put(file, "x");
    assert_int_equal(fptc__dir_make(file, &err), FPTC_EEXIST);
    assert_int_equal(fptc__path(path, &err, "%s/x/y", file), FPTC_OK);
    assert_int_equal(fptc__dir_make(path, &err), FPTC_ENOENT);
    assert_int_equal(err.sys_errno, ENOTDIR);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(fptc__dir_make("rel/x", &err), FPTC_OK);
    assert_true(is_dir("rel/x"));
    assert_int_equal(rmdir("rel/x") | rmdir("rel"), 0);
    assert_int_equal(rmdir("a/b/c") | rmdir("a/b") | rmdir("a"), 0);
    assert_int_equal(chdir(cwd), 0);
}

static int mkdir_of_old_server(const char *path, mode_t mode)
{
    struct stat st;

    if (stat(path, &st) == 0) {
        errno = EROFS;
        return -1;
    }
    return faulty() ? -1 : saved.mkdir(path, mode);
}

static void test_dir_make_where_the_server_does_not_look(void **state)
{
    fptc_error err;

    (void)state;
    fptc__sys.mkdir = mkdir_of_old_server;
    assert_int_equal(fptc__dir_make(dir, &err), FPTC_OK);
    assert_int_equal(fptc__dir_make(other, &err), FPTC_OK);
    assert_true(is_dir(other));
    assert_int_equal(rmdir(other), 0);
    fault = ENOSPC;
    faults = 1;
    assert_int_equal(fptc__dir_make(other, &err), FPTC_ENOSPC);
    assert_non_null(strstr(err.message, other));
}

static void test_dir_sync_and_touch(void **state)
{
    fptc_error err;

    (void)state;
    assert_int_equal(fptc__dir_sync(dir, &err), FPTC_OK);
    assert_int_equal(fptc__dir_touch(dir, &err), FPTC_OK);
    put(file, "x");
    assert_int_equal(fptc__dir_sync(file, &err), FPTC_ENOENT);
    assert_int_equal(fptc__dir_touch(file, &err), FPTC_ENOENT);
    fptc__sys.fsync = faulty_fsync;
    fault = EINVAL;
    faults = 1;
    assert_int_equal(fptc__dir_sync(dir, &err), FPTC_OK);
    fault = EIO;
    faults = 1;
    calls = 0;
    assert_int_equal(fptc__dir_sync(dir, &err), FPTC_EIO);
    assert_int_equal(calls, 1);
}

struct listing {
    int n;
    int stop_after;
    char names[200];
};

static int note(const char *name, void *payload)
{
    struct listing *listing = payload;

    strncat(listing->names, name, 20);
    listing->n++;
    return listing->n == listing->stop_after;
}

static struct dirent *faulty_readdir(DIR *d)
{
    return faulty() ? NULL : saved.readdir(d);
}

static void test_dir_list(void **state)
{
    static const char *const names[] = {".nfs0001", ".hidden", "x"};
    struct listing all = {0};
    struct listing one = {0, 1, ""};
    struct listing cut = {0};
    fptc_error err;
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        char path[FPTC_PATH_MAX];

        assert_int_equal(fptc__path(path, NULL, "%s/%s", dir, names[i]), FPTC_OK);
        put(path, "");
    }
    assert_int_equal(fptc__dir_list(dir, note, &all, &err), FPTC_OK);
    assert_int_equal(all.n, 2);
    assert_non_null(strstr(all.names, ".hidden"));
    assert_int_equal(fptc__dir_list(dir, note, &one, &err), FPTC_OK);
    assert_int_equal(one.n, 1);
    fptc__sys.readdir = faulty_readdir;
    fault = ESTALE;
    faults = 1;
    assert_int_equal(fptc__dir_list(dir, note, &cut, &err), FPTC_EIO);
    assert_int_equal(err.sys_errno, ESTALE);
    fptc__sys = saved;
    remove_entry(".nfs0001", NULL);
}

static void test_path(void **state)
{
    char out[FPTC_PATH_MAX];
    char longest[FPTC_PATH_MAX + 1];
    fptc_error err;

    (void)state;
    memset(longest, 'p', sizeof(longest));
    longest[FPTC_PATH_MAX - 1] = '\0';
    assert_int_equal(fptc__path(out, &err, "%s", longest), FPTC_OK);
    assert_string_equal(out, longest);
    longest[FPTC_PATH_MAX - 1] = 'p';
    longest[FPTC_PATH_MAX] = '\0';
    assert_int_equal(fptc__path(out, &err, "%s", longest), FPTC_ELIMIT);
    assert_string_equal(out, "");
    assert_int_equal(fptc__dir_make(longest, &err), FPTC_ELIMIT);
}

static char order[64];

static int noting_open(const char *path, int flags, mode_t mode)
{
    if ((flags & O_ACCMODE) == O_WRONLY && !(flags & O_CREAT))
        (void)strcat(order, "open ");
    return saved.open(path, flags, mode);
}

static int noting_unlink(const char *path)
{
    (void)strcat(order, "unlink ");
    return saved.unlink(path);
}

/* The opening calls delegations back; without the right to it the file goes all the same. */
static void a_shared_file_is_opened_before_it_goes(void **state)
{
    (void)state;
    assert_int_equal(fptc__file_create(file, "x", 1, 0444, NULL), FPTC_OK);
    fptc__sys.open = noting_open;
    fptc__sys.unlink = noting_unlink;
    order[0] = '\0';
    assert_int_equal(fptc__file_remove_shared(file, NULL), FPTC_OK);
    assert_string_equal(order, "open unlink ");
    assert_int_equal(access(file, F_OK), -1);
    assert_int_equal(fptc__file_remove_shared(file, NULL), FPTC_OK);
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_shared_file_is_opened_before_it_goes),
        FILE_TEST(test_create_and_read),
        FILE_TEST(test_read_limits),
        FILE_TEST(test_missing),
        FILE_TEST(test_read_interrupted_and_short),
        FILE_TEST(test_size_is_only_a_hint),
        FILE_TEST(test_read_fails),
        FILE_TEST(test_write_interrupted_and_short),
        FILE_TEST(test_create_fails_and_removes),
        FILE_TEST(test_close_interrupted_is_closed),
        FILE_TEST(test_no_descriptor_leaks),
        FILE_TEST(test_in_pieces),
        FILE_TEST(test_info_and_remove),
        FILE_TEST(test_dir_make),
        FILE_TEST(test_dir_make_where_the_server_does_not_look),
        FILE_TEST(test_dir_sync_and_touch),
        FILE_TEST(test_dir_list),
        FILE_TEST(test_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
