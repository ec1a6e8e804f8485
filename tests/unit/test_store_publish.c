/*
 * test_store_publish.c: one winner per number, whatever link answers; temps; manifests and the listing
 * of bases. Seen to fail: `race` and `lost replies` when look() compares nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_help.h"

static fptc_status publish(uint64_t number, fptc_error *err)
{
    struct fptc__commit_header head;
    const struct fptc__record record = {FPTC__CONFIG, "{\"key\":\"k\"}", 11};
    fptc__writer_fill(&head, &help_p);
    head.number = number;
    return fptc__publish(&help_p, "log", &head, &record, 1, NULL, err);
}

static void who_we_are(void **state)
{
    struct fptc__commit_header a, b;
    (void)state;
    fptc__writer_fill(&a, &help_p);
    fptc__writer_fill(&b, &help_p);
    assert_string_equal(a.partition, "project-101");
    assert_string_not_equal(a.writer, b.writer);
    assert_true(strlen(a.writer) > 40);
    assert_int_equal(a.pid, getpid());
    assert_true(a.host[0] != '\0');
}

/* --- races --- */

#define RACERS 8
#define NUMBERS 60

static atomic_int n_winners[NUMBERS + 1], n_odd;
static pthread_barrier_t start;

static void *race_for_all(void *payload)
{
    (void)payload;
    for (uint64_t number = 1; number <= NUMBERS; number++) {
        fptc_error err = FPTC_ERROR_INIT;
        pthread_barrier_wait(&start);
        fptc_status status = publish(number, &err);
        n_winners[number] += status == FPTC_OK;
        n_odd += status != FPTC_OK && status != FPTC_MISS;
    }
    return NULL;
}

static void race(void **state)
{
    pthread_t threads[RACERS];
    (void)state;
    n_odd = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race_for_all, NULL), 0);
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&start);
    assert_int_equal(n_odd, 0);
    for (int i = 1; i <= NUMBERS; i++) {
        assert_int_equal(n_winners[i], 1);
        n_winners[i] = 0;
    }
    assert_int_equal(fresh_head(), NUMBERS);
}

/* --- what link answers --- */

static int answer, is_done;

static int odd_link(const char *from, const char *to)
{
    if (is_done)
        help_sys.link(from, to);
    errno = answer;
    return answer ? -1 : 0;
}

static void answers(void **state)
{
    static const struct {
        int answer, is_done;
        fptc_status status;
    } cases[] = {
        {EEXIST, 1, FPTC_OK},     {EIO, 1, FPTC_OK},         {ENOENT, 1, FPTC_OK},
        {ETIMEDOUT, 1, FPTC_OK},  {ESTALE, 1, FPTC_OK},      {EEXIST, 0, FPTC_UNKNOWN},
        {0, 0, FPTC_UNKNOWN},     {EIO, 0, FPTC_EIO},        {ENOSPC, 0, FPTC_ENOSPC},
        {EDQUOT, 0, FPTC_ENOSPC}, {EACCES, 0, FPTC_EACCESS}, {EPERM, 0, FPTC_EACCESS},
        {EMLINK, 0, FPTC_EIO},    {ENOENT, 0, FPTC_ENOENT},  {EINTR, 0, FPTC_EIO},
    };
    (void)state;
    fptc__sys.link = odd_link;
    for (uint64_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        answer = cases[i].answer;
        is_done = cases[i].is_done;
        assert_int_equal(publish(i + 1, &help_err), cases[i].status);
        assert_int_equal(number_exists("log", i + 1), is_done);
        if (cases[i].status < 0)
            assert_non_null(strstr(help_err.message, "/log/"));
    }
    /* Success for somebody else's file would be odd, and is not believed. */
    fptc__sys.link = help_sys.link;
    assert_int_equal(publish(90, &help_err), FPTC_OK);
    fptc__sys.link = odd_link;
    answer = is_done = 0;
    assert_int_equal(publish(90, &help_err), FPTC_MISS);
}

static void a_damaged_number_is_somebody_elses(void **state)
{
    (void)state;
    write_file("log", 1, "", 0);
    assert_int_equal(publish(1, &help_err), FPTC_MISS);
}

/* --- temps --- */

static int temp_errno, temps_left;

static int refusing_open(const char *path, int flags, mode_t mode)
{
    if (strstr(path, "/tmp/") && (flags & O_CREAT) && temps_left-- > 0) {
        errno = temp_errno;
        return -1;
    }
    return help_sys.open(path, flags, mode);
}

static void an_unwritable_temp_is_named(void **state)
{
    static const struct {
        int temp_errno;
        fptc_status status;
    } cases[] = {
        {ENOSPC, FPTC_ENOSPC}, {EACCES, FPTC_EACCESS}, {EROFS, FPTC_EACCESS}, {EIO, FPTC_EIO}};
    (void)state;
    fptc__sys.open = refusing_open;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        temp_errno = cases[i].temp_errno;
        temps_left = temp_errno == EIO ? 2 : 1; /* after one I/O error it is written anew */
        assert_int_equal(publish(1, &help_err), cases[i].status);
        assert_non_null(strstr(help_err.message, "/tmp/"));
        assert_false(number_exists("log", 1));
    }
}

static int n_links;

/* A deletion without grace takes the temp away before it is linked. */
static int bereft_link(const char *from, const char *to)
{
    if (n_links++ < 3)
        unlink(from);
    return help_sys.link(from, to);
}

static void a_deleted_temp_is_written_again(void **state)
{
    (void)state;
    n_links = 0;
    fptc__sys.link = bereft_link;
    assert_int_equal(publish(1, &help_err), FPTC_OK);
    assert_int_equal(n_links, 4);
    assert_int_equal(fresh_head(), 1);
    n_links = -100;
    assert_int_equal(publish(2, &help_err), FPTC_ENOENT); /* not for ever */
}

static int stale_syncs, lost_writes;

/* What NFSv4 says of it once the lease has run out. */
static ssize_t lost_write(int fd, const void *data, size_t n)
{
    if (lost_writes-- > 0) {
        errno = EBADF;
        return -1;
    }
    return help_sys.write(fd, data, n);
}

static int stale_fsync(int fd)
{
    if (stale_syncs-- > 0) {
        errno = ESTALE;
        return -1;
    }
    return help_sys.fsync(fd);
}

static void a_temp_deleted_while_it_is_written_is_written_again(void **state)
{
    (void)state;
    stale_syncs = 3;
    fptc__sys.fsync = stale_fsync;
    assert_int_equal(publish(1, &help_err), FPTC_OK);
    assert_int_equal(fresh_head(), 1);
    stale_syncs = 1000;
    assert_int_equal(publish(2, &help_err), FPTC_EIO);
    stale_syncs = 0;
    lost_writes = 3;
    fptc__sys.write = lost_write;
    assert_int_equal(publish(2, &help_err), FPTC_OK);
    assert_int_equal(fresh_head(), 2);
    lost_writes = 1000;
    assert_int_equal(publish(3, &help_err), FPTC_EIO);
}

static void temps_go_when_they_are_old(void **state)
{
    int n = -1;
    int64_t now = 0;
    struct fptc__server_clock clock = {0};
    (void)state;
    assert_int_equal(publish(1, &help_err), FPTC_OK);
    assert_int_equal(publish(1, &help_err), FPTC_MISS);
    assert_int_equal(count_entries("tmp"), 2); /* not on the caller's path (S9) */
    assert_int_equal(fptc__server_now(&clock, &help_p, &now, &help_err), FPTC_OK);
    assert_int_equal(fptc__temps_remove(&help_p, now, 60000, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 0);
    assert_int_equal(fptc__temps_remove(&help_p, now + 60001, 60000, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 2);
    assert_int_equal(count_entries("tmp"), 0);
    assert_int_equal(fresh_head(), 1);
}

static void modes_follow_the_cache(void **state)
{
    char path[FPTC_PATH_MAX];
    struct stat st;
    mode_t old = umask(077);
    (void)state;
    assert_int_equal(chmod(help_dir, 0775), 0);
    assert_int_equal(fptc__partition_at(help_dir, "project-55", &help_p, &help_err), FPTC_OK);
    assert_int_equal(publish(1, &help_err), FPTC_OK);
    umask(old);
    assert_int_equal(fptc__partition_number_path(&help_p, "log", 1, path, NULL), FPTC_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0664);
    assert_int_equal(fptc__path(path, NULL, "%s/log", help_p.dir), FPTC_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0775);
}

/* --- manifests --- */

static void manifests_come_back(void **state)
{
    const struct fptc__manifest m = {.upto = 41,
                                     .snapshot = "41-0011.sqlite",
                                     .snapshot_bytes = 8192,
                                     .snapshot_checksum = 0xfedcba9876543210u,
                                     .rows = 7,
                                     .asof_ms = 1763781234567,
                                     .prev = 0x0123456789abcdefu};
    const struct fptc__manifest empty = {.upto = 42};
    struct fptc__manifest found;
    (void)state;
    assert_int_equal(fptc__manifest_publish(&help_p, &m, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, 41, &found, &help_err), FPTC_OK);
    assert_int_equal(found.upto, 41);
    assert_string_equal(found.snapshot, m.snapshot);
    assert_int_equal(found.snapshot_bytes, m.snapshot_bytes);
    assert_true(found.snapshot_checksum == m.snapshot_checksum && found.prev == m.prev);
    assert_int_equal(found.rows, 7);
    assert_int_equal(found.asof_ms, m.asof_ms);
    assert_int_equal(fptc__manifest_publish(&help_p, &empty, &help_err), FPTC_OK);
    assert_int_equal(fptc__manifest_read(&help_p, 42, &found, &help_err), FPTC_OK);
    assert_string_equal(found.snapshot, "");
    assert_int_equal(fptc__manifest_read(&help_p, 43, &found, &help_err), FPTC_MISS);
    assert_int_equal(fptc__manifest_read(&help_p, 0, &found, &help_err), FPTC_OK);
    assert_int_equal(found.upto, 0);
}

static fptc_status read_manifest_of(uint64_t number, uint16_t kind, const char *body)
{
    struct fptc__commit_header head;
    struct fptc__manifest found;
    const struct fptc__record record = {kind, body, strlen(body)};
    fptc__writer_fill(&head, &help_p);
    head.number = number;
    assert_int_equal(fptc__publish(&help_p, "bases", &head, &record, 1, NULL, &help_err), FPTC_OK);
    return fptc__manifest_read(&help_p, number, &found, &help_err);
}

static void odd_manifests(void **state)
{
#define TAIL ",\"rollups\":[],\"asof\":1,\"prev\":\"0000000000000000\"}"
#define NAMED(name)                                                                                \
    "{\"upto\":9,\"snapshot\":{\"name\":\"" name                                                   \
    "\",\"bytes\":1,\"checksum\":\"0000000000000000\",\"rows\":0}" TAIL
    static const char *const bad[] = {
        "{}",
        "nonsense",
        "{\"upto\":8,\"snapshot\":null" TAIL,
        "{\"upto\":9,\"snapshot\":null,\"asof\":1,\"prev\":\"0000000000000000\"}",
        "{\"upto\":9,\"snapshot\":null,\"rollups\":[],\"asof\":1,\"prev\":\"00000000000000zz\"}",
        "{\"upto\":9,\"snapshot\":{}" TAIL,
        "{\"upto\":9" TAIL,
        NAMED("../../etc/passwd"),
        NAMED(".hidden"),
        NAMED(""),
    };
    (void)state;
    assert_int_equal(read_manifest_of(8, FPTC__BASE, NAMED("ok")), FPTC_EDAMAGED); /* upto 9 */
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_manifest_of(9, FPTC__BASE, bad[i]), FPTC_EDAMAGED);
        assert_non_null(strstr(help_err.message, "bases/0000000000000009"));
        remove_number("bases", 9);
    }
    assert_int_equal(read_manifest_of(9, FPTC__BASE, NAMED("ok")), FPTC_OK);
    remove_number("bases", 9);
    assert_int_equal(read_manifest_of(9, FPTC__ROWS, "{}"), FPTC_EFORMAT);
    write_file("bases", 10, "rubbish", 7);
    struct fptc__manifest found;
    assert_int_equal(fptc__manifest_read(&help_p, 10, &found, &help_err), FPTC_EDAMAGED);
}

static void bases_are_listed_newest_first(void **state)
{
    uint64_t newest = 99, list[3];
    size_t n = 99;
    char path[FPTC_PATH_MAX];
    (void)state;
    assert_int_equal(fptc__bases_newest(&help_p, &newest, list, 3, &n, &help_err), FPTC_OK);
    assert_int_equal(newest, 0);
    assert_int_equal(n, 0);
    for (uint64_t i = 1; i <= 7; i++)
        write_file("bases", i * 11 % 8, "", 0); /* 3 6 1 4 7 2 5 */
    assert_int_equal(fptc__path(path, NULL, "%s/bases/README", help_p.dir), FPTC_OK);
    assert_int_equal(fptc__file_create(path, "", 0, 0666, &help_err), FPTC_OK);
    assert_int_equal(fptc__bases_newest(&help_p, &newest, list, 3, &n, &help_err), FPTC_OK);
    assert_int_equal(newest, 7);
    assert_int_equal(n, 7);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(list[i], 7 - i);
    assert_int_equal(fptc__bases_newest(&help_p, &newest, NULL, 0, NULL, &help_err), FPTC_OK);
    assert_int_equal(newest, 7);
}

static int stale_left;

static DIR *stale_opendir(const char *path)
{
    if (stale_left-- > 0) {
        errno = ESTALE;
        return NULL;
    }
    return help_sys.opendir(path);
}

static void a_stale_listing_is_repeated(void **state)
{
    uint64_t newest = 0;
    (void)state;
    write_file("bases", 5, "", 0);
    fptc__sys.opendir = stale_opendir;
    stale_left = 9;
    assert_int_equal(fptc__bases_newest(&help_p, &newest, NULL, 0, NULL, &help_err), FPTC_OK);
    assert_int_equal(newest, 5);
    stale_left = 10;
    assert_int_equal(fptc__bases_newest(&help_p, &newest, NULL, 0, NULL, &help_err), FPTC_EIO);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, help_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_we_are),
        CASE(race),
        CASE(answers),
        CASE(a_damaged_number_is_somebody_elses),
        CASE(an_unwritable_temp_is_named),
        CASE(a_deleted_temp_is_written_again),
        CASE(a_temp_deleted_while_it_is_written_is_written_again),
        CASE(temps_go_when_they_are_old),
        CASE(modes_follow_the_cache),
        CASE(manifests_come_back),
        CASE(odd_manifests),
        CASE(bases_are_listed_newest_first),
        CASE(a_stale_listing_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
