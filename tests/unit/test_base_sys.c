/* test_base_sys.c: every entry of the table is filled, works, and can be replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/sys.h"

static void test_every_entry_is_filled(void **state)
{
    static const char zero[sizeof(void (*)(void))];
    const char *table = (const char *)&fptc__sys;
    size_t i;

    (void)state;
    assert_int_equal(sizeof(fptc__sys) % sizeof(zero), 0);
    for (i = 0; i < sizeof(fptc__sys); i += sizeof(zero))
        assert_memory_not_equal(table + i, zero, sizeof(zero));
}

static void test_open_passes_mode_and_flags(void **state)
{
    char data[4] = "";
    int fd;

    (void)state;
    fd = fptc__sys.open("/dev/zero", O_RDONLY | O_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(fptc__sys.read(fd, data, sizeof(data)), sizeof(data));
    assert_int_equal(fptc__sys.close(fd), 0);
    assert_int_equal(fptc__sys.close(fd), -1);
    assert_int_equal(errno, EBADF);
}

static int failing_fsync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void test_entries_can_be_replaced(void **state)
{
    struct fptc__sys_table saved = fptc__sys;

    (void)state;
    fptc__sys.fsync = failing_fsync;
    errno = 0;
    assert_int_equal(fptc__sys.fsync(0), -1);
    assert_int_equal(errno, EIO);
    fptc__sys = saved;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry_is_filled),
        cmocka_unit_test(test_open_passes_mode_and_flags),
        cmocka_unit_test(test_entries_can_be_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
