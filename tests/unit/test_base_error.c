/* test_base_error.c: messages keep their reason, are cut between characters, and may quote themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void test_size_is_for_ever(void **state)
{
    (void)state;
    assert_int_equal(sizeof(fptc_error), 512);
}

static void test_fail_fills(void **state)
{
    fptc_error err;

    (void)state;
    memset(&err, 0x5a, sizeof(err));
    assert_int_equal(fptc__fail(&err, FPTC_EUSAGE, "field %s of %d", "code", 7), FPTC_EUSAGE);
    assert_int_equal(err.status, FPTC_EUSAGE);
    assert_int_equal(err.sys_errno, 0);
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.curl_code, 0);
    assert_true(err.line > 0);
    assert_string_equal(err.message, "field code of 7");
}

static void test_null_err(void **state)
{
    (void)state;
    assert_int_equal(fptc__fail(NULL, FPTC_EIO, "x"), FPTC_EIO);
    assert_int_equal(fptc__fail_errno(NULL, ENOSPC, "x"), FPTC_ENOSPC);
    fptc__error_clear(NULL);
}

static void test_fail_quotes_itself(void **state)
{
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    (void)fptc__fail(&err, FPTC_EIO, "inner");
    (void)fptc__fail(&err, FPTC_ENET, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
    (void)fptc__fail_errno(&err, EIO, "again (%s)", err.message);
    assert_non_null(strstr(err.message, "again (outer (inner)): "));
}

/* A text of n bytes, then two-byte characters far over the end. */
static void fail_with_prefix(fptc_error *err, size_t n)
{
    char text[1200];
    size_t i;

    memset(text, 'a', n);
    for (i = n; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[i] = '\0';
    (void)fptc__fail(err, FPTC_EUSAGE, "%s", text);
}

static void test_cut_between_characters(void **state)
{
    fptc_error err;
    size_t n;

    (void)state;
    for (n = 0; n < 4; n++) {
        size_t len;

        fail_with_prefix(&err, n);
        len = strlen(err.message);
        /* 491 bytes fit; a character that would not end there is left out whole. */
        assert_int_equal(len, n % 2 ? 491 : 490);
        assert_int_equal((unsigned char)err.message[len - 1], 0xa9);
    }
}

static void test_exact_fit(void **state)
{
    char text[600];
    fptc_error err;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[491] = '\0';
    (void)fptc__fail(&err, FPTC_EUSAGE, "%s", text);
    assert_string_equal(err.message, text);
}

static void test_errno_survives_long_path(void **state)
{
    char path[900];
    fptc_error err;

    (void)state;
    memset(path, 'p', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(fptc__fail_errno(&err, EDQUOT, "cannot write %s", path), FPTC_ENOSPC);
    assert_int_equal(err.sys_errno, EDQUOT);
    assert_int_equal(strlen(err.message), 491);
    assert_non_null(strstr(err.message, strerror(EDQUOT)));
}

static void test_status_of_errno(void **state)
{
    static const struct {
        int sys_errno;
        fptc_status status;
    } rows[] = {
        {ENOSPC, FPTC_ENOSPC}, {EDQUOT, FPTC_ENOSPC}, {EACCES, FPTC_EACCESS}, {EPERM, FPTC_EACCESS},
        {EROFS, FPTC_EACCESS}, {ENOENT, FPTC_ENOENT}, {ENOTDIR, FPTC_ENOENT}, {ENOMEM, FPTC_ENOMEM},
        {EIO, FPTC_EIO},       {ESTALE, FPTC_EIO},    {EMFILE, FPTC_EIO},     {EINTR, FPTC_EIO},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(fptc__status_of_errno(rows[i].sys_errno), rows[i].status);
}

static void test_where(void **state)
{
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    (void)fptc__fail_errno(&err, EIO, "cannot read x");
    assert_int_equal(fptc__error_where(&err, "commit %d", 17), FPTC_EIO);
    assert_non_null(strstr(err.message, ": commit 17"));
    assert_int_equal(err.sys_errno, EIO);
    fail_with_prefix(&err, 1);
    (void)fptc__error_where(&err, "commit");
    assert_int_equal(strlen(err.message), 491);
    assert_null(strstr(err.message, ":"));
}

static void test_clear(void **state)
{
    fptc_error err;
    fptc_error zero = FPTC_ERROR_INIT;

    (void)state;
    (void)fptc__fail_errno(&err, EIO, "x");
    fptc__error_clear(&err);
    assert_memory_equal(&err, &zero, sizeof(err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_is_for_ever),
        cmocka_unit_test(test_fail_fills),
        cmocka_unit_test(test_null_err),
        cmocka_unit_test(test_fail_quotes_itself),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_exact_fit),
        cmocka_unit_test(test_errno_survives_long_path),
        cmocka_unit_test(test_status_of_errno),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
