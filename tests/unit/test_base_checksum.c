/* test_base_checksum.c: the published check values, and pieces sum up to the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "base/checksum.h"

static const char digits[] = "123456789";

static void test_check_values(void **state)
{
    uint64_t sum = fptc__checksum_add(fptc__checksum_start(), digits, 9);

    (void)state;
    assert_int_equal(fptc__crc32(0, digits, 9), 0xcbf43926u);
    assert_int_equal(sum >> 32, 0xcbf43926u);
    assert_int_equal(sum & 0xffffffffu, 0x091e01deu);
}

static void test_pieces(void **state)
{
    uint64_t whole = fptc__checksum_add(fptc__checksum_start(), digits, 9);
    size_t i;

    (void)state;
    for (i = 0; i <= 9; i++) {
        uint32_t crc = fptc__crc32(fptc__crc32(0, digits, i), digits + i, 9 - i);
        uint64_t sum = fptc__checksum_add(fptc__checksum_start(), digits, i);

        assert_int_equal(crc, 0xcbf43926u);
        assert_int_equal(fptc__checksum_add(sum, digits + i, 9 - i), whole);
    }
}

static void test_nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(fptc__crc32(0x1234u, NULL, 0), 0x1234u);
    assert_int_equal(fptc__checksum_add(0x1234567890u, NULL, 0), 0x1234567890u);
    assert_int_equal(fptc__checksum_start(), 1);
}

static void test_every_flipped_bit_shows(void **state)
{
    uint64_t whole = fptc__checksum_add(fptc__checksum_start(), digits, 9);
    unsigned bit;

    (void)state;
    for (bit = 0; bit < 72; bit++) {
        unsigned char data[9];

        memcpy(data, digits, 9);
        data[bit / 8] = (unsigned char)(data[bit / 8] ^ 1u << bit % 8);
        assert_int_not_equal(fptc__checksum_add(fptc__checksum_start(), data, 9), whole);
        assert_int_not_equal(fptc__crc32(0, data, 9), 0xcbf43926u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_values),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_nothing_changes_nothing),
        cmocka_unit_test(test_every_flipped_bit_shows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
