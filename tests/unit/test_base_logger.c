/* test_base_logger.c: levels, silence, and long lines cut between characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "base/logger.h"

struct seen {
    int lines;
    int32_t level;
    char text[4096];
};

static void remember(int32_t level, const char *text, void *payload)
{
    struct seen *seen = payload;

    seen->lines++;
    seen->level = level;
    assert_true(strlen(text) < sizeof(seen->text));
    memcpy(seen->text, text, strlen(text) + 1);
}

static void test_levels(void **state)
{
    struct seen seen = {0};
    struct fptc__logger logger = {remember, &seen, FPTC_LOG_WARNING};

    (void)state;
    fptc__log_line(&logger, FPTC_LOG_INFO, "no %d", 1);
    assert_int_equal(seen.lines, 0);
    fptc__log_line(&logger, FPTC_LOG_WARNING, "yes %d", 2);
    fptc__log_line(&logger, FPTC_LOG_ERROR, "yes %d", 3);
    assert_int_equal(seen.lines, 2);
    assert_int_equal(seen.level, FPTC_LOG_ERROR);
    assert_string_equal(seen.text, "yes 3");
}

static void test_nobody_listens(void **state)
{
    struct fptc__logger logger = {NULL, NULL, FPTC_LOG_DEBUG};

    (void)state;
    fptc__log_line(&logger, FPTC_LOG_ERROR, "x");
    fptc__log_line(NULL, FPTC_LOG_ERROR, "x");
}

static void test_long_lines(void **state)
{
    struct seen seen = {0};
    struct fptc__logger logger = {remember, &seen, FPTC_LOG_DEBUG};
    char text[3001];
    size_t n;

    (void)state;
    for (n = 0; n < 3; n++) {
        size_t i;

        memset(text, 'a', n);
        for (i = n; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[i] = '\0';
        fptc__log_line(&logger, FPTC_LOG_INFO, "%s", text);
        assert_int_equal(strlen(seen.text), n + (2048 - n) / 3 * 3);
        assert_memory_equal(seen.text, text, strlen(seen.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
