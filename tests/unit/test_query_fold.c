/* test_query_fold.c: case folding, by literals from Unicode's CaseFolding.txt (status C and S). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/fold.h"

static void check(const char *text, size_t len, const char *folded, size_t folded_len)
{
    struct fptc__buf b;

    fptc__buf_init(&b, 4096);
    fptc__fold(text, len, &b);
    assert_int_equal(b.failed, FPTC_OK);
    assert_int_equal(b.len, folded_len);
    assert_memory_equal(fptc__buf_text(&b), folded, folded_len + 1);
    fptc__buf_done(&b);
}

static void test_letters(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"abcXYZ019_%", "abcxyz019_%"},
        {"@[`{", "@[`{"},                                         /* beside the letters of ASCII */
        {"\u00c0\u00d6\u00d8\u00de", "\u00e0\u00f6\u00f8\u00fe"}, /* Latin-1 */
        {"\u00d7\u00f7\u00df", "\u00d7\u00f7\u00df"},             /* signs, and sharp s stays */
        {"\u1e9e", "\u00df"},                                     /* capital sharp s */
        {"\u0100\u0101\u0139\u013a\u0178", "\u0101\u0101\u013a\u013a\u00ff"},
        {"\u0130", "\u0130"}, /* folds to two letters: stays */
        {"\u0131", "\u0131"},
        {"\u017f", "s"},      /* long s */
        {"\u023a", "\u2c65"}, /* two bytes to three */
        {"\u00b5", "\u03bc"}, /* micro to mu */
        {"\u0391\u03a9\u03c2\u03c3\u0386", "\u03b1\u03c9\u03c3\u03c3\u03ac"}, /* final sigma too */
        {"\u0410\u042f\u0401\u0460\u04c0", "\u0430\u044f\u0451\u0461\u04cf"},
        {"\u0531\u0556", "\u0561\u0586"},
        {"\u1e00\u1f08\u1f88", "\u1e01\u1f00\u1f80"},
        {"\u2126\u212a\u212b", "\u03c9k\u00e5"},      /* ohm, kelvin, angstrom */
        {"\uff21\uff3a\uff41", "\uff41\uff5a\uff41"}, /* full width */
        {"\u6f22\u5b57 \U0001f600", "\u6f22\u5b57 \U0001f600"},
        {"\u10a0\u1c90\u13a0\uab70", "\u2d00\u10d0\u13a0\u13a0"}, /* Georgian; Cherokee's upper */
        {"\u2160\u24b6\u2c00\u2c80", "\u2170\u24d0\u2c30\u2c81"},
        {"\U00010400\U0001e900", "\U00010428\U0001e922"}, /* four bytes: Deseret, Adlam */
        {"E\u0301 \u00c9", "e\u0301 \u00e9"}, /* a combining mark stays a letter of its own */
        {"STRASSE Stra\u00dfe", "strasse stra\u00dfe"}, /* sharp s is no ss */
        {"\ufb01\u0149\u01f0", "\ufb01\u0149\u01f0"},   /* ligatures and the like stay */
        {"H\u00c9llo W\u00d6rld", "h\u00e9llo w\u00f6rld"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i][0], strlen(rows[i][0]), rows[i][1], strlen(rows[i][1]));
}

/* Copied as they are, byte by byte; the letters around them are folded. */
static void test_invalid_bytes(void **state)
{
    (void)state;
    check("A\xff"
          "B",
          3,
          "a\xff"
          "b",
          3);
    check("\xc3", 1, "\xc3", 1); /* cut */
    check("\xc3Z", 2, "\xc3z", 2);
    check("\xe1\xb8", 2, "\xe1\xb8", 2);
    check("\xc1\x81", 2, "\xc1\x81", 2); /* overlong A */
    check("\xe0\x81\x81", 3, "\xe0\x81\x81", 3);
    check("\xf0\x9f\x98", 3, "\xf0\x9f\x98", 3);
    check("\xf0\x80\x81\x81", 4, "\xf0\x80\x81\x81", 4);
    check("\xf0\x90\x90", 3, "\xf0\x90\x90", 3);
    check("\xf5\x90\x90\x80", 4, "\xf5\x90\x90\x80", 4);
    check("A\0B", 3, "a\0b", 3);
}

/* Folding a folded text changes nothing: else stored and asked texts could miss each other. */
static void test_all_letters_twice(void **state)
{
    struct fptc__buf once, twice;
    uint32_t c;

    (void)state;
    fptc__buf_init(&once, 16);
    fptc__buf_init(&twice, 16);
    for (c = 0x80; c < 0x110000; c++) {
        char text[4];
        size_t n = 2;

        if (c < 0x800) {
            text[0] = (char)(0xc0 | (c >> 6));
        } else if (c < 0x10000) {
            text[0] = (char)(0xe0 | (c >> 12));
            text[1] = (char)(0x80 | ((c >> 6) & 0x3f));
            n = 3;
        } else {
            text[0] = (char)(0xf0 | (c >> 18));
            text[1] = (char)(0x80 | ((c >> 12) & 0x3f));
            text[2] = (char)(0x80 | ((c >> 6) & 0x3f));
            n = 4;
        }
        text[n - 1] = (char)(0x80 | (c & 0x3f));
        fptc__buf_clear(&once);
        fptc__buf_clear(&twice);
        fptc__fold(text, n, &once);
        fptc__fold(once.data, once.len, &twice);
        assert_int_equal(once.len, twice.len);
        assert_memory_equal(once.data, twice.data, once.len);
    }
    fptc__buf_done(&once);
    fptc__buf_done(&twice);
}

static void test_buffer_too_small(void **state)
{
    struct fptc__buf b;

    (void)state;
    fptc__buf_init(&b, 3);
    fptc__fold("ABCD", 4, &b);
    assert_int_equal(b.failed, FPTC_ELIMIT);
    fptc__buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_invalid_bytes),
        cmocka_unit_test(test_all_letters_twice),
        cmocka_unit_test(test_buffer_too_small),
    };

    return cmocka_run_group_tests_name("query_fold", tests, NULL, NULL);
}
