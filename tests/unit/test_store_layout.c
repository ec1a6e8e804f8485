/* test_store_layout.c: names and directories, fptcache.json and its races, the file server's clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_help.h"

static void names(void **state)
{
    char name[64];
    (void)state;
    fptc__partition_name(0, name);
    assert_string_equal(name, "site");
    fptc__partition_name(101, name);
    assert_string_equal(name, "project-101");
    fptc__partition_name(INT64_MAX, name);
    assert_int_equal(fptc__partition_project(name), INT64_MAX);
    assert_int_equal(fptc__partition_project("project-101"), 101);
    assert_int_equal(fptc__partition_project("site"), 0);
    assert_int_equal(fptc__partition_project("project-"), 0);
    assert_int_equal(fptc__partition_project("project-1x"), 0);
    assert_int_equal(fptc__partition_project("project--1"), 0);
    assert_int_equal(fptc__partition_project("project-99999999999999999999"), 0);
}

static void names_lead_nowhere_else(void **state)
{
    static const char *const bad[] = {
        "",    ".",        "..",
        "a/b", "../site",  "a b",
        "a.b", "\xc3\xa9", "0123456789012345678901234567890123456789012345678901234567890123"};
    struct fptc__partition p;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(fptc__partition_at("/cache", bad[i], &p, &help_err), FPTC_EUSAGE);
    assert_int_equal(fptc__partition_at("/cache", "outbox", &p, &help_err), FPTC_OK);
    assert_string_equal(p.dir, "/cache/partitions/outbox");
    char *deep = malloc(FPTC_PATH_MAX);
    assert_non_null(deep);
    memset(deep, 'd', FPTC_PATH_MAX - 1);
    deep[FPTC_PATH_MAX - 30] = '\0';
    assert_int_equal(fptc__partition_at(deep, "site", &p, &help_err), FPTC_ELIMIT);
    free(deep);
}

static void numbers(void **state)
{
    char path[FPTC_PATH_MAX];
    uint64_t number = 0;
    struct fptc__partition p;
    (void)state;
    assert_int_equal(fptc__partition_at("/c", "site", &p, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_number_path(&p, "log", 42, path, &help_err), FPTC_OK);
    assert_string_equal(path, "/c/partitions/site/log/0000000000000042");
    assert_int_equal(fptc__partition_number("0000000000000042", &number), 1);
    assert_int_equal(number, 42);
    assert_int_equal(fptc__partition_number("12345678901234567", &number), 1);
    assert_true(number == 12345678901234567u);
    static const char *const bad[] = {"",
                                      "42",
                                      "000000000000004x",
                                      "0000000000000000",
                                      "00000000000000042",
                                      "99999999999999999999",
                                      ".tmp-00000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(fptc__partition_number(bad[i], &number), 0);
}

static int note(const char *name, void *payload)
{
    char *all = payload;
    strcat(all, name);
    strcat(all, " ");
    return strstr(name, "stop") != NULL;
}

static void partitions(void **state)
{
    static const char *const made[] = {"site", "outbox", "project-7"};
    struct fptc__partition p;
    char all[256] = "", path[FPTC_PATH_MAX + 64];
    (void)state;
    assert_int_equal(fptc__partition_at(help_dir, "project-9", &p, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_exists(&p, &help_err), FPTC_MISS);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fptc__partition_at(help_dir, made[i], &p, &help_err), FPTC_OK);
        assert_int_equal(fptc__partition_make(&p, &help_err), FPTC_OK);
        assert_int_equal(fptc__partition_make(&p, &help_err), FPTC_OK);
        assert_int_equal(fptc__partition_exists(&p, &help_err), FPTC_OK);
    }
    snprintf(path, sizeof(path), "%s/partitions/.snapshot", help_dir); /* filers have such */
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(fptc__partition_list(help_dir, note, all, &help_err), FPTC_OK);
    assert_string_equal(all, "outbox project-101 project-7 site ");
    /* An empty mount point is no cache, and does not become one. */
    assert_int_equal(fptc__partition_at("/tmp", "project-9", &p, &help_err), FPTC_OK);
    assert_int_equal(fptc__partition_make(&p, &help_err), FPTC_ENOENT);
    assert_non_null(strstr(help_err.message, "mounted"));
    assert_int_equal(access("/tmp/partitions", F_OK), -1);
    assert_int_equal(fptc__partition_list("/nonexistent", note, all, &help_err), FPTC_ENOENT);
}

/* --- fptcache.json --- */

static void make_and_read(void **state)
{
    struct fptc__cache_info info;
    (void)state;
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_ENOENT);
    assert_int_equal(fptc__cache_make(help_dir, "HTTPS://Studio.Shotgrid.Autodesk.COM//",
                                      "script:farm", &help_err),
                     FPTC_OK);
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_OK);
    assert_string_equal(info.site, "https://studio.shotgrid.autodesk.com");
    assert_string_equal(info.realm, "script:farm");
    assert_int_equal(info.format, 1);
    /* Again, by another spelling: fine. Without a realm: fine. Another site or realm: refused. */
    assert_int_equal(fptc__cache_make(help_dir, "https://studio.shotgrid.autodesk.com",
                                      "script:farm", &help_err),
                     FPTC_OK);
    assert_int_equal(
        fptc__cache_make(help_dir, "https://studio.shotgrid.autodesk.com/", "", &help_err),
        FPTC_OK);
    assert_int_equal(fptc__cache_make(help_dir, "https://other.example", "", &help_err),
                     FPTC_EEXIST);
    assert_non_null(strstr(help_err.message, "studio.shotgrid"));
    assert_non_null(strstr(help_err.message, "other.example"));
    assert_int_equal(
        fptc__cache_make(help_dir, "https://studio.shotgrid.autodesk.com", "user:eve", &help_err),
        FPTC_EEXIST);
    assert_int_equal(fptc__cache_make(help_dir, "//", "", &help_err), FPTC_EUSAGE);
}

static void the_path_of_a_site_keeps_its_case(void **state)
{
    struct fptc__cache_info info;
    (void)state;
    assert_int_equal(fptc__cache_make(help_dir, "http://LOCALHOST:8080/Base/", "", &help_err),
                     FPTC_OK);
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_OK);
    assert_string_equal(info.site, "http://localhost:8080/Base");
}

static void the_realm_comes_later(void **state)
{
    struct fptc__cache_info info;
    (void)state;
    assert_int_equal(fptc__cache_make(help_dir, "https://a.b", "", &help_err), FPTC_OK);
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_OK);
    assert_string_equal(info.realm, "");
    assert_int_equal(fptc__cache_claim_realm(help_dir, "first", &info, &help_err), FPTC_OK);
    assert_string_equal(info.realm, "first");
    assert_int_equal(fptc__cache_claim_realm(help_dir, "second", &info, &help_err), FPTC_OK);
    assert_string_equal(info.realm, "first"); /* another's has won: the caller compares */
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_OK);
    assert_string_equal(info.realm, "first");
    assert_string_equal(info.site, "https://a.b");
}

static void write_info(const char *name, const char *text)
{
    char path[FPTC_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", help_dir, name);
    unlink(path);
    assert_int_equal(fptc__file_create(path, text, strlen(text), 0666, &help_err), FPTC_OK);
}

static void damaged_and_newer(void **state)
{
    static const struct {
        const char *text;
        fptc_status status;
    } cases[] = {
        {"", FPTC_EDAMAGED},
        {"{", FPTC_EDAMAGED},
        {"[]", FPTC_EDAMAGED},
        {"{}", FPTC_EDAMAGED},
        {"{\"format\":1}", FPTC_EDAMAGED},
        {"{\"format\":1,\"site\":7,\"realm\":\"\"}", FPTC_EDAMAGED},
        {"{\"format\":0,\"site\":\"https://a\",\"realm\":\"\"}", FPTC_EDAMAGED},
        {"{\"format\":2,\"site\":\"https://a\",\"realm\":\"\"}", FPTC_EFORMAT},
        {"{\"format\":1e300,\"site\":\"https://a\",\"realm\":\"\"}", FPTC_EFORMAT},
        {"{\"format\":1,\"site\":\"https://a\",\"realm\":\"x\",\"more\":[1]}", FPTC_OK},
    };
    struct fptc__cache_info info;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_info("fptcache.json", cases[i].text);
        assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), cases[i].status);
        if (cases[i].status != FPTC_OK)
            assert_int_not_equal(fptc__cache_make(help_dir, "https://a", "", &help_err), FPTC_OK);
    }
    write_info("fptcache.json", "{\"format\":1,\"site\":\"https://a\",\"realm\":\"\"}");
    write_info("realm.json", "nonsense");
    assert_int_equal(fptc__cache_read(help_dir, &info, &help_err), FPTC_EDAMAGED);
    assert_non_null(strstr(help_err.message, "realm.json"));
}

static void *make_racing(void *payload)
{
    char site[64];
    int *result = payload;
    fptc_error err = FPTC_ERROR_INIT;
    snprintf(site, sizeof(site), "https://site-%d.example", *result);
    *result = (int)fptc__cache_make(help_dir, site, "", &err);
    return NULL;
}

static void one_of_many_makers_wins(void **state)
{
    pthread_t threads[8];
    int results[8], n_won = 0;
    (void)state;
    for (int i = 0; i < 8; i++) {
        results[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, make_racing, &results[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(results[i] == FPTC_OK || results[i] == FPTC_EEXIST);
        n_won += results[i] == FPTC_OK;
    }
    assert_int_equal(n_won, 1);
}

static int link_answer; /* 0: as it is; else the link is made and this errno answered */

static int odd_link(const char *from, const char *to)
{
    int status = help_sys.link(from, to);
    if (link_answer) {
        errno = link_answer;
        return -1;
    }
    return status;
}

static int failing_link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = EIO;
    return -1;
}

static void a_lost_reply_is_no_failure(void **state)
{
    (void)state;
    fptc__sys.link = odd_link;
    link_answer = EIO;
    assert_int_equal(fptc__cache_make(help_dir, "https://a.b", "r", &help_err), FPTC_OK);
    link_answer = 0;
}

static void a_failed_link_is_a_failure(void **state)
{
    (void)state;
    fptc__sys.link = failing_link;
    assert_int_equal(fptc__cache_make(help_dir, "https://a.b", "r", &help_err), FPTC_EIO);
    assert_non_null(strstr(help_err.message, "fptcache.json"));
    fptc__sys.link = help_sys.link;
    assert_int_equal(fptc__cache_make(help_dir, "https://a.b", "r", &help_err), FPTC_OK);
}

/* --- the server's clock --- */

static int64_t mono_ms; /* what the monotonic clock says */
static int64_t server_ms;

static int story_clock(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_BOOTTIME)
        return help_sys.clock_gettime(clock, out);
    out->tv_sec = (time_t)(mono_ms / 1000);
    out->tv_nsec = (long)(mono_ms % 1000) * 1000000;
    return 0;
}

static int story_fstat(int fd, struct stat *out)
{
    int status = help_sys.fstat(fd, out);
    out->st_mtim.tv_sec = (time_t)(server_ms / 1000);
    out->st_mtim.tv_nsec = (long)(server_ms % 1000) * 1000000;
    return status;
}

static void the_server_says_the_time(void **state)
{
    struct fptc__server_clock clock = {0};
    int64_t now = 0;
    (void)state;
    fptc__sys.clock_gettime = story_clock;
    fptc__sys.fstat = story_fstat;
    mono_ms = 5000;
    server_ms = 1700000000123;
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_int_equal(now, 1700000000123);
    assert_int_equal(clock.is_lower_bound, 0);
    assert_int_equal(count_entries("tmp"), 0); /* its file is gone again */
    /* Carried on for ten minutes, without another file. */
    server_ms = 1800000000000;
    mono_ms += 9 * 60 * 1000;
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_int_equal(now, 1700000000123 + 9 * 60 * 1000);
    mono_ms += 2 * 60 * 1000;
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_int_equal(now, 1800000000000);
}

static int refusing_open(const char *path, int flags, mode_t mode)
{
    if (flags & O_CREAT) {
        errno = EROFS;
        return -1;
    }
    return help_sys.open(path, flags, mode);
}

static void without_writing_it_is_a_lower_bound(void **state)
{
    struct fptc__server_clock clock = {0};
    int64_t now = 0, mtime = 0, before = 0;
    char path[FPTC_PATH_MAX];
    (void)state;
    other_puts("k");
    assert_int_equal(fptc__path(path, NULL, "%s/log", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_info(path, NULL, &mtime, &help_err), FPTC_OK);
    fptc__sys.open = refusing_open;
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_true(now >= mtime);
    assert_int_equal(clock.is_lower_bound, 1);
    before = now;
    /* As soon as writing works it is asked again. */
    fptc__sys.open = help_sys.open;
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_true(now >= before);
    assert_int_equal(clock.is_lower_bound, 0);
}

static void a_partition_without_anything_has_no_clock(void **state)
{
    struct fptc__server_clock clock = {0};
    struct fptc__partition p;
    int64_t now = 1;
    (void)state;
    assert_int_equal(fptc__partition_at("/proc/nothing", "site", &p, &help_err), FPTC_OK);
    assert_true(fptc__server_now(&clock, &p, &now, &help_err) < 0);
    assert_int_equal(now, 0);
    assert_int_equal(clock.server_ms, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(numbers),
        CASE(partitions),
        CASE(make_and_read),
        CASE(the_path_of_a_site_keeps_its_case),
        CASE(the_realm_comes_later),
        CASE(damaged_and_newer),
        CASE(one_of_many_makers_wins),
        CASE(a_lost_reply_is_no_failure),
        CASE(a_failed_link_is_a_failure),
        CASE(the_server_says_the_time),
        CASE(without_writing_it_is_a_lower_bound),
        CASE(a_partition_without_anything_has_no_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
