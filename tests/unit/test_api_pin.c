/*
 * test_api_pin.c: pinning while others publish bases and delete (protocol-attacks S11).
 * Seen to fail: `a_newer_base_meanwhile` when try_pin() does not look again (pinning.c);
 * `pins_are_listed_behind_bases` when remove_all() lists pins first (retire.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "fptcache/fptcache.h"
#include "share/pin.h"
#include "store_help.h"

static fptc_cache *cache;

static int set_up(void **state)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    if (help_set_up(state) != 0)
        return -1;
    options.cache_dir = help_dir;
    options.site_url = "https://studio.example";
    return fptc_cache_init(&options, &help_err) != FPTC_OK ||
           fptc_cache_open(&options, &cache, &help_err) != FPTC_OK;
}

static int tear_down(void **state)
{
    fptc_cache_close(cache);
    return help_tear_down(state);
}

static uint64_t pinned_base(const char *id)
{
    struct fptc__pin pin;
    uint64_t base = 0;

    assert_int_equal(fptc__pin_read(help_dir, id, &pin, &help_err), FPTC_OK);
    assert_true(fptc__pin_base(&pin, "project-101", &base));
    return base;
}

static int count_one(const struct fptc__pin *pin, void *payload)
{
    (void)pin;
    ++*(int *)payload;
    return 0;
}

static int n_publishing; /* so many pins are still to be met by a newer base */

static int story_symlink(const char *content, const char *path)
{
    if (strstr(path, "/pins/") && n_publishing > 0) {
        n_publishing--;
        other_puts("newer");
        other_compacts();
        other_retires();
    }
    return help_sys.symlink(content, path);
}

/* Between the look at bases/ and the pin: what is pinned is the newest all the same, and once. */
static void a_newer_base_meanwhile(void **state)
{
    char id[33];
    int n = 0;

    (void)state;
    other_puts("old");
    n_publishing = 3;
    fptc__sys.symlink = story_symlink;
    if (fptc_cache_pin(cache, 101, 0, id, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    assert_int_equal(n_publishing, 0);
    assert_int_equal(pinned_base(id), 4);
    assert_int_equal(fptc__pin_list(help_dir, 0, count_one, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 1);
}

static void others_win_for_ever(void **state)
{
    char id[33];
    int n = 0;

    (void)state;
    other_puts("old");
    n_publishing = FPTC_PIN_ATTEMPTS_MAX;
    fptc__sys.symlink = story_symlink;
    assert_int_equal(fptc_cache_pin(cache, 101, 0, id, &help_err), FPTC_ERACE);
    assert_string_equal(id, "");
    assert_int_equal(fptc__pin_list(help_dir, 0, count_one, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 0);
}

/* Random digits, which deflate to half. */
static void put_much(void)
{
    struct fptc__records records = {.list = NULL};
    struct fptc__append request = {.records = &records};
    struct fptc__buf body;
    struct actor a;
    char hex[33];

    fptc__buf_init(&body, 1 << 20);
    fptc__buf_adds(&body, "{\"key\":\"much\",\"value\":\"");
    for (int i = 0; i < 6000; i++) {
        fptc__random_hex32(hex);
        fptc__buf_adds(&body, hex);
    }
    fptc__buf_adds(&body, "\",\"asof\":1}");
    assert_int_equal(fptc__records_add(&records, FPTC__CONFIG, body.data, body.len, 0, &help_err),
                     FPTC_OK);
    actor_open(&a);
    assert_int_equal(fptc__log_append(a.log, &request, NULL, &help_err), FPTC_OK);
    actor_close(&a);
    fptc__records_done(&records);
    fptc__buf_done(&body);
}

/* Of which the library keeps 200 ms for itself; 3 ms are left of it. */
#define DEADLINE_MS 20000
#define PASSED_MS (DEADLINE_MS - 203)
static atomic_int has_passed;
static struct timespec begun;

/* The clock stands still; it moves once, when bases are looked at: then the deadline is known. */
static int stopped_clock(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_BOOTTIME)
        return help_sys.clock_gettime(clock, out);
    int64_t ns = begun.tv_nsec + (has_passed ? (int64_t)PASSED_MS * 1000000 : 0);
    out->tv_sec = begun.tv_sec + (time_t)(ns / 1000000000);
    out->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

static DIR *pass_at_bases(const char *path)
{
    if (strstr(path, "/project-101/bases"))
        has_passed = 1;
    return help_sys.opendir(path);
}

/* Each roll-up takes less than is there: what is pinned is the present all the same. */
static void roll_ups_cut_short(void **state)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *hasty = NULL;
    char id[33];

    (void)state;
    for (int i = 0; i < 4; i++)
        put_much();
    options.cache_dir = help_dir;
    options.deadline_ms = DEADLINE_MS;
    assert_int_equal(fptc_cache_open(&options, &hasty, &help_err), FPTC_OK);
    has_passed = 0;
    help_sys.clock_gettime(CLOCK_BOOTTIME, &begun);
    fptc__sys.clock_gettime = stopped_clock;
    fptc__sys.opendir = pass_at_bases;
    fptc_status status = fptc_cache_pin(hasty, 101, 0, id, &help_err);
    fptc__sys.clock_gettime = help_sys.clock_gettime;
    fptc__sys.opendir = help_sys.opendir;
    assert_true(has_passed);
    if (status != FPTC_OK)
        fail_msg("%s", help_err.message);
    assert_int_equal(pinned_base(id), 4);
    fptc_cache_close(hasty);
}

/* Many bases later the pinned one is there, name and all; without the pin it goes. */
static void a_pinned_base_stays(void **state)
{
    fptc_result *result = NULL;
    char id[33];

    (void)state;
    other_puts("old");
    assert_int_equal(fptc_cache_pin(cache, 101, 0, id, &help_err), FPTC_OK);
    for (int i = 0; i < FPTC_BASES_KEPT + 2; i++) {
        other_puts("newer");
        other_compacts();
    }
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *deletes = NULL;
    options.cache_dir = help_dir;
    options.grace_ms = FPTC_ZERO_MS;
    assert_int_equal(fptc_cache_open(&options, &deletes, &help_err), FPTC_OK);
    assert_int_equal(fptc_cache_compact(deletes, "project-101", &result, &help_err), FPTC_OK);
    fptc_result_free(result);
    assert_int_equal(pinned_base(id), 1);
    assert_true(number_exists("bases", 1));
    assert_false(number_exists("bases", 2));
    assert_int_equal(fptc_cache_unpin(cache, id, &help_err), FPTC_OK);
    assert_int_equal(fptc_cache_compact(deletes, "project-101", &result, &help_err), FPTC_OK);
    fptc_result_free(result);
    fptc_cache_close(deletes);
    assert_false(number_exists("bases", 1));
}

static int n_bases_listed, n_listed_before_pins;

static DIR *count_opendir(const char *path)
{
    n_bases_listed += strstr(path, "/bases") != NULL;
    return help_sys.opendir(path);
}

static fptc_status list_none(void *ctx, const char *partition, uint64_t *out, size_t room,
                             size_t *n, fptc_error *err)
{
    (void)ctx;
    (void)partition;
    (void)out;
    (void)room;
    (void)err;
    if (n_listed_before_pins < 0)
        n_listed_before_pins = n_bases_listed;
    *n = 0;
    return FPTC_OK;
}

static void pins_are_listed_behind_bases(void **state)
{
    const struct fptc__pinned pinned = {NULL, list_none};

    (void)state;
    other_puts("k");
    other_compacts();
    n_bases_listed = 0;
    n_listed_before_pins = -1;
    fptc__sys.opendir = count_opendir;
    assert_int_equal(fptc__retire(&help_p, 0, &pinned, NULL, NULL, &help_err), FPTC_OK);
    assert_true(n_listed_before_pins > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_newer_base_meanwhile), CASE(others_win_for_ever),          CASE(roll_ups_cut_short),
        CASE(a_pinned_base_stays),    CASE(pins_are_listed_behind_bases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
