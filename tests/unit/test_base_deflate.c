/* test_base_deflate.c: what goes in comes out, lengths are exact, damage is found, bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"

#define BIG (3u * 1024u * 1024u + 17u)

/* Half noise, half repetition, always the same. */
static void fill(unsigned char *data, size_t n)
{
    uint32_t seed = 12345;
    size_t i;

    for (i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = i / 1000 % 2 ? (unsigned char)(seed >> 24) : (unsigned char)(i % 7);
    }
}

static void round_trip(size_t n)
{
    unsigned char *data = malloc(n + 1);
    struct fptc__buf small, plain;
    fptc_error err;

    fill(data, n);
    fptc__buf_init(&small, 2 * BIG);
    fptc__buf_init(&plain, n + 3);
    fptc__buf_adds(&plain, "abc");
    fptc__deflate(n ? data : NULL, n, &small);
    assert_int_equal(small.failed, 0);
    assert_int_equal(fptc__inflate(small.data, small.len, n, &plain, &err), FPTC_OK);
    assert_int_equal(plain.len, n + 3);
    assert_memory_equal(plain.data + 3, data, n);
    assert_int_equal(plain.data[plain.len], 0);
    fptc__buf_done(&small);
    fptc__buf_done(&plain);
    free(data);
}

static void test_round_trips(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, 65537, 131072, BIG};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        round_trip(sizes[i]);
}

static void test_wrong_length_is_damage(void **state)
{
    static const size_t sizes[] = {1, 100, 65536, 70000};
    unsigned char data[70000];
    size_t i;

    (void)state;
    fill(data, sizeof(data));
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct fptc__buf small, plain;
        fptc_error err;

        fptc__buf_init(&small, 200000);
        fptc__buf_init(&plain, 200000);
        fptc__buf_adds(&plain, "abc");
        fptc__deflate(data, sizes[i], &small);
        assert_int_equal(fptc__inflate(small.data, small.len, sizes[i] - 1, &plain, &err),
                         FPTC_EDAMAGED);
        assert_int_equal(fptc__inflate(small.data, small.len, sizes[i] + 1, &plain, &err),
                         FPTC_EDAMAGED);
        assert_int_equal(plain.failed, 0);
        assert_string_equal(fptc__buf_text(&plain), "abc");
        fptc__buf_done(&small);
        fptc__buf_done(&plain);
    }
}

static void test_cut_or_longer_stream_is_damage(void **state)
{
    unsigned char data[3000];
    struct fptc__buf small, plain;
    fptc_error err;
    size_t n;

    (void)state;
    fill(data, sizeof(data));
    fptc__buf_init(&small, 10000);
    fptc__buf_init(&plain, 10000);
    fptc__deflate(data, sizeof(data), &small);
    for (n = 0; n < small.len; n++) {
        assert_int_equal(fptc__inflate(small.data, n, sizeof(data), &plain, &err), FPTC_EDAMAGED);
        assert_int_equal(plain.len, 0);
    }
    fptc__buf_addc(&small, 'x');
    assert_int_equal(fptc__inflate(small.data, small.len, sizeof(data), &plain, &err),
                     FPTC_EDAMAGED);
    fptc__buf_done(&small);
    fptc__buf_done(&plain);
}

static void test_flipped_bits_are_damage(void **state)
{
    unsigned char data[300];
    struct fptc__buf small, plain;
    fptc_error err;
    size_t bit;

    (void)state;
    fill(data, sizeof(data));
    fptc__buf_init(&small, 10000);
    fptc__buf_init(&plain, 10000);
    fptc__deflate(data, sizeof(data), &small);
    for (bit = 0; bit < small.len * 8; bit++) {
        fptc_status status;

        small.data[bit / 8] = (char)(small.data[bit / 8] ^ 1 << bit % 8);
        fptc__buf_clear(&plain);
        status = fptc__inflate(small.data, small.len, sizeof(data), &plain, &err);
        /* A few header bits mean nothing to the reader; the content must be right then. */
        if (status == FPTC_OK)
            assert_memory_equal(plain.data, data, sizeof(data));
        else
            assert_int_equal(status, FPTC_EDAMAGED);
        small.data[bit / 8] = (char)(small.data[bit / 8] ^ 1 << bit % 8);
    }
    fptc__buf_done(&small);
    fptc__buf_done(&plain);
}

static void test_bounds(void **state)
{
    unsigned char data[5000];
    struct fptc__buf small, tight, plain;
    fptc_error err;

    (void)state;
    fill(data, sizeof(data));
    fptc__buf_init(&small, 10000);
    fptc__deflate(data, sizeof(data), &small);
    fptc__buf_init(&tight, small.len);
    fptc__deflate(data, sizeof(data), &tight);
    assert_int_equal(tight.failed, 0);
    assert_int_equal(tight.len, small.len);
    fptc__buf_done(&tight);
    fptc__buf_init(&tight, small.len - 1);
    fptc__deflate(data, sizeof(data), &tight);
    assert_int_equal(tight.failed, FPTC_ELIMIT);
    fptc__deflate(data, sizeof(data), &tight);
    assert_int_equal(fptc__inflate(small.data, small.len, 5000, &tight, &err), FPTC_ELIMIT);
    fptc__buf_init(&plain, 4999);
    assert_int_equal(fptc__inflate(small.data, small.len, 5000, &plain, &err), FPTC_ELIMIT);
    fptc__buf_done(&small);
    fptc__buf_done(&tight);
    fptc__buf_done(&plain);
}

static void test_hostile_length_takes_no_memory(void **state)
{
    struct fptc__buf small, plain;
    fptc_error err;

    (void)state;
    fptc__buf_init(&small, 1000);
    fptc__buf_init(&plain, SIZE_MAX);
    fptc__deflate("x", 1, &small);
    assert_int_equal(fptc__inflate(small.data, small.len, SIZE_MAX / 4, &plain, &err),
                     FPTC_EDAMAGED);
    assert_int_equal(plain.cap, 0);
    fptc__buf_done(&small);
    fptc__buf_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_wrong_length_is_damage),
        cmocka_unit_test(test_cut_or_longer_stream_is_damage),
        cmocka_unit_test(test_flipped_bits_are_damage),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_hostile_length_takes_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
