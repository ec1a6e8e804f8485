/* test_base_buf.c: growth, the limit, the sticky error, the closing NUL, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int reallocs_left = -1; /* negative: never fail */

static void *limited_realloc(void *p, size_t n)
{
    if (reallocs_left == 0)
        return NULL;
    if (reallocs_left > 0)
        reallocs_left--;
    return realloc(p, n);
}

/* The unit itself, with its only allocation replaced. */
#define realloc limited_realloc
#include "base/buf.c"
#undef realloc

static int set_up(void **state)
{
    (void)state;
    reallocs_left = -1;
    return 0;
}

static void test_starts_empty(void **state)
{
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, 100);
    assert_null(b.data);
    assert_string_equal(fptc__buf_text(&b), "");
    fptc__buf_add(&b, NULL, 0);
    assert_null(b.data);
    assert_int_equal(fptc__buf_check(&b, "x", NULL), FPTC_OK);
    fptc__buf_done(&b);
    fptc__buf_done(NULL);
}

static void test_adds(void **state)
{
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, 1000);
    fptc__buf_adds(&b, "ab");
    fptc__buf_addc(&b, 'c');
    fptc__buf_add(&b, "d\0e", 3);
    fptc__buf_addf(&b, "%d-%s", 42, "x");
    fptc__buf_addf(&b, "%s", "");
    assert_int_equal(b.len, 10);
    assert_memory_equal(fptc__buf_text(&b), "abcd\0e42-x", 11);
    fptc__buf_done(&b);
    assert_null(b.data);
}

static void test_little_endian(void **state)
{
    static const unsigned char want[] = {0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x0e,
                                         0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0xf7};
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, 1000);
    fptc__buf_add_u16(&b, 0x0102);
    fptc__buf_add_u32(&b, 0x03040506);
    fptc__buf_add_u64(&b, 0xf708090a0b0c0d0eu);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));
    assert_int_equal(fptc__get_u16(b.data), 0x0102);
    assert_int_equal(fptc__get_u32(b.data + 2), 0x03040506);
    assert_true(fptc__get_u64(b.data + 6) == 0xf708090a0b0c0d0eu);
    fptc__buf_done(&b);
}

static void test_limit_is_exact_and_sticky(void **state)
{
    struct fptc__buf b;
    fptc_error err;

    (void)state;
    fptc__buf_init(&b, 5);
    fptc__buf_adds(&b, "12345");
    assert_int_equal(b.failed, 0);
    fptc__buf_addc(&b, '6');
    assert_int_equal(b.failed, FPTC_ELIMIT);
    assert_string_equal(fptc__buf_text(&b), "12345");
    assert_null(fptc__buf_reserve(&b, 0));
    assert_int_equal(fptc__buf_check(&b, "the answer", &err), FPTC_ELIMIT);
    assert_string_equal(err.message, "the answer is longer than 5 bytes");
    fptc__buf_clear(&b);
    assert_int_equal(b.failed, 0);
    fptc__buf_addf(&b, "%d", 123456);
    assert_int_equal(b.failed, FPTC_ELIMIT);
    assert_int_equal(b.len, 0);
    fptc__buf_done(&b);
    assert_int_equal(b.max, 5);
}

static void test_sizes_that_would_wrap(void **state)
{
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, SIZE_MAX);
    fptc__buf_addc(&b, 'x');
    assert_null(fptc__buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.failed, FPTC_ELIMIT);
    fptc__buf_done(&b);
}

static void test_grows(void **state)
{
    struct fptc__buf b;
    size_t i;

    (void)state;
    fptc__buf_init(&b, 100000);
    for (i = 0; i < 100000; i++)
        fptc__buf_addc(&b, (char)('a' + i % 26));
    assert_int_equal(b.failed, 0);
    for (i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + (int)(i % 26));
    assert_true(b.cap <= 100001);
    fptc__buf_addc(&b, 'x');
    assert_int_equal(b.failed, FPTC_ELIMIT);
    fptc__buf_done(&b);
}

static void test_reserve(void **state)
{
    struct fptc__buf b;
    char *at;

    (void)state;
    fptc__buf_init(&b, 1000);
    fptc__buf_adds(&b, "x");
    at = fptc__buf_reserve(&b, 4);
    memcpy(at, "abcd", 4);
    b.len += 2;
    assert_string_equal(fptc__buf_text(&b), "xab");
    at = fptc__buf_reserve(&b, 200);
    memset(at, 'y', 200);
    b.len += 200;
    assert_int_equal(b.data[203], '\0');
    fptc__buf_done(&b);
}

static void test_steal(void **state)
{
    struct fptc__buf b;
    char *text;

    (void)state;
    fptc__buf_init(&b, 8);
    text = fptc__buf_steal(&b);
    assert_string_equal(text, "");
    free(text);
    fptc__buf_adds(&b, "abc");
    text = fptc__buf_steal(&b);
    assert_string_equal(text, "abc");
    free(text);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    fptc__buf_adds(&b, "123456789");
    assert_null(fptc__buf_steal(&b));
    assert_int_equal(b.failed, FPTC_ELIMIT);
    fptc__buf_done(&b);
}

static void test_out_of_memory(void **state)
{
    char big[500];
    struct fptc__buf b;
    fptc_error err;

    (void)state;
    memset(big, 'b', sizeof(big));
    fptc__buf_init(&b, 10000);
    reallocs_left = 1;
    fptc__buf_adds(&b, "kept");
    fptc__buf_add(&b, big, sizeof(big));
    assert_int_equal(b.failed, FPTC_ENOMEM);
    reallocs_left = -1;
    fptc__buf_adds(&b, "ignored");
    assert_string_equal(fptc__buf_text(&b), "kept");
    assert_int_equal(fptc__buf_check(&b, "x", &err), FPTC_ENOMEM);
    assert_string_equal(err.message, "x: out of memory");
    assert_null(fptc__buf_steal(&b));
    assert_int_equal(b.failed, FPTC_ENOMEM);
    fptc__buf_done(&b);
    reallocs_left = 0;
    assert_null(fptc__buf_steal(&b));
    assert_int_equal(b.failed, FPTC_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_starts_empty, set_up),
        cmocka_unit_test_setup(test_adds, set_up),
        cmocka_unit_test_setup(test_little_endian, set_up),
        cmocka_unit_test_setup(test_limit_is_exact_and_sticky, set_up),
        cmocka_unit_test_setup(test_sizes_that_would_wrap, set_up),
        cmocka_unit_test_setup(test_grows, set_up),
        cmocka_unit_test_setup(test_reserve, set_up),
        cmocka_unit_test_setup(test_steal, set_up),
        cmocka_unit_test_setup(test_out_of_memory, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
