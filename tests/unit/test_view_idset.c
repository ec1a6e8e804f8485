/* test_view_idset.c: the set of replaced ids against a plain table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "view/idset.h"

static void test_empty(void **state)
{
    struct fptc__idset s = {NULL, 0, 0};

    (void)state;
    assert_int_equal(fptc__idset_has(&s, 1), 0);
    assert_int_equal(fptc__idset_add(&s, 0), 1); /* no id: never in it */
    assert_int_equal(fptc__idset_has(&s, 0), 0);
    assert_int_equal(s.n, 0);
    fptc__idset_clear(&s);
}

static void test_against_a_table(void **state)
{
    static unsigned char in[20000];
    struct fptc__idset s = {NULL, 0, 0};
    uint64_t random = 7;
    size_t i, n = 0;

    (void)state;
    for (i = 0; i < 15000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        int64_t id = (int64_t)((random >> 33) % sizeof(in));

        assert_int_equal(fptc__idset_add(&s, id), 1);
        n += id != 0 && !in[id];
        in[id] = id != 0;
        assert_int_equal(s.n, n);
    }
    for (i = 0; i < sizeof(in); i++)
        assert_int_equal(fptc__idset_has(&s, (int64_t)i), in[i]);
    fptc__idset_clear(&s);
    assert_int_equal(fptc__idset_has(&s, 5), 0);
    assert_int_equal(fptc__idset_add(&s, 5), 1);
    assert_int_equal(fptc__idset_has(&s, 5), 1);
    fptc__idset_clear(&s);
}

/* Ids far apart, as dense as they come, and those that differ in high bits only. */
static void test_patterns(void **state)
{
    struct fptc__idset s = {NULL, 0, 0};
    int64_t id;
    int shift;

    (void)state;
    for (shift = 0; shift < 56; shift += 4) {
        for (id = 1; id < 100; id++)
            assert_int_equal(fptc__idset_add(&s, id << shift), 1);
        for (id = 1; id < 100; id++)
            assert_int_equal(fptc__idset_has(&s, id << shift), 1);
    }
    assert_int_equal(fptc__idset_has(&s, 1000003), 0);
    fptc__idset_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_against_a_table),
        cmocka_unit_test(test_patterns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
