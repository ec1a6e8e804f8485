/* Upkeep by a handle: who does it when, what a hanging unlink holds up (nothing), and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/hold.h"
#include "base/json.h"
#include "store/rollup.h"
#include "store_help.h"

#define BEAT_MS 40
#define PATIENCE_MS 60000

static const char site[] = "http://127.0.0.1:1";
static fptc_error err;
static struct fptc__sys_table real;

/* --- what may go wrong with the system ------------------------------------------------------------ */

static atomic_int unlink_hangs, n_hanging, is_read_only;

/* As for a file that a dead host has read; only the deletion unlinks commits. */
static int odd_unlink(const char *path)
{
    if (atomic_load(&unlink_hangs) && strstr(path, "/log/") != NULL) {
        atomic_fetch_add(&n_hanging, 1);
        while (atomic_load(&unlink_hangs))
            (void)real.nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return real.unlink(path);
}

static int odd_symlink(const char *content, const char *path)
{
    if (!atomic_load(&is_read_only))
        return real.symlink(content, path);
    errno = EROFS;
    return -1;
}

static int set_up(void **state)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    if (help_set_up(state) != 0)
        return 1;
    options.cache_dir = help_dir;
    options.site_url = site;
    if (fptc_cache_init(&options, &err) != FPTC_OK)
        return 1;
    return 0;
}

/* --- helpers -------------------------------------------------------------------------------------- */

static fptc_cache *open_cache(int32_t hold)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_cache *cache = NULL;

    options.cache_dir = help_dir;
    options.hold = hold;
    options.grace_ms = FPTC_ZERO_MS;
    assert_int_equal(fptc_cache_open(&options, &cache, &err), FPTC_OK);
    return cache;
}

/* Opens the partition's view in the handle, as any question would. */
static void use_partition(fptc_cache *cache)
{
    fptc_result *result = NULL;

    assert_int_equal(fptc_cache_mirror_list(cache, &result, &err), FPTC_OK);
    fptc_result_free(result);
}

/* Commits enough for a roll-up. */
static void make_due(void)
{
    struct actor a;
    int i;

    actor_open(&a);
    for (i = 0; i < 1000 && !fptc__upkeep_is_due(&help_p); i++)
        assert_int_equal(actor_put(&a, "key", NULL), FPTC_OK);
    actor_close(&a);
    assert_true(fptc__upkeep_is_due(&help_p));
}

/* Roll-ups that have gone without a rewrite for twice as long as a holder would let them. */
static void make_overdue(void)
{
    enum { MUCH = 1 << 20 };
    char *text = malloc(MUCH + 1);
    struct actor a;
    int i;

    assert_non_null(text);
    memset(text, 'x', MUCH);
    text[MUCH] = '\0';
    actor_open(&a);
    for (i = 0; i < 4; i++) {
        struct fptc__records records = {0};
        struct fptc__append append = {.records = &records};
        fptc__json *body = fptc__json_new_object();

        assert_true(fptc__json_set(body, "key", fptc__json_new_text("much")));
        assert_true(fptc__json_set(body, "value", fptc__json_new_text(text)));
        assert_true(fptc__json_set(body, "asof", fptc__json_new_int(i)));
        assert_int_equal(fptc__records_add_json(&records, FPTC__CONFIG, body, &err), FPTC_OK);
        assert_int_equal(fptc__log_append(a.log, &append, NULL, &err), FPTC_OK);
        fptc__json_free(body);
        fptc__records_done(&records);
    }
    actor_close(&a);
    free(text);
    assert_int_equal(fptc__rollup(&help_p, NULL, NULL, NULL, &err), FPTC_OK);
    assert_int_equal(fptc__compact_is_due(&help_p), FPTC__OVERDUE);
}

/* The commit that the newest base's snapshot is of. */
static uint64_t rewritten(void)
{
    struct fptc__manifest m;
    uint64_t number = 0;

    assert_int_equal(fptc__bases_newest(&help_p, &number, NULL, 0, NULL, &err), FPTC_OK);
    return fptc__manifest_read(&help_p, number, &m, &err) == FPTC_OK && m.snapshot[0] != '\0'
               ? m.snapshot_upto
               : 0;
}

static uint64_t base(void)
{
    uint64_t number = 0;

    assert_int_equal(fptc__bases_newest(&help_p, &number, NULL, 0, NULL, &err), FPTC_OK);
    return number;
}

static uint64_t beat(void)
{
    struct fptc__holder_link link;

    return fptc__holder_read(help_p.dir, &link, NULL) == FPTC_OK ? link.beat : 0;
}

/* Waits until what a function tells is at least that. */
static void reaches(uint64_t (*tell)(void), uint64_t least)
{
    int64_t start = fptc__mono_ms();

    while (tell() < least && fptc__mono_ms() - start < PATIENCE_MS)
        fptc__sleep_ms(5);
    assert_true(tell() >= least);
}

static uint64_t hanging(void)
{
    return (uint64_t)atomic_load(&n_hanging);
}

static fptc__json *document(fptc_status status, fptc_result *result)
{
    fptc__json *json = NULL;
    const char *text = NULL;

    if (status != FPTC_OK)
        fail_msg("%d: %s", (int)status, err.message);
    text = fptc_result_json(result, NULL);
    assert_int_equal(fptc__json_parse(text, strlen(text), "document", &json, &err), FPTC_OK);
    fptc_result_free(result);
    return json;
}

static fptc__json *maintain(fptc_cache *cache)
{
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_maintain(cache, &result, &err);

    return document(status, result);
}

/* The entry of our partition in the document's list. */
static const fptc__json *entry_of(const fptc__json *json)
{
    const fptc__json *at = fptc__json_first(fptc__json_get(json, "partitions"));

    while (strcmp(fptc__json_text(fptc__json_get(at, "partition")), help_p.name) != 0)
        at = fptc__json_next(at);
    return at;
}

/* --- who does it ---------------------------------------------------------------------------------- */

static void never_means_never(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_DEFAULT);

    (void)state;
    use_partition(cache);
    make_due();
    fptc__sleep_ms(10 * BEAT_MS);
    assert_int_equal(base(), 0);
    assert_int_equal(beat(), 0);
    fptc_cache_close(cache);
}

static void auto_waits_for_work_and_does_it(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_AUTO);

    (void)state;
    use_partition(cache);
    other_puts("one");
    fptc__sleep_ms(10 * BEAT_MS);
    assert_int_equal(base(), 0); /* nothing was overdue */
    make_due();
    reaches(base, 1);
    fptc_cache_close(cache);
    assert_int_equal(beat(), 0);
    assert_false(fptc__upkeep_is_due(&help_p));
}

static void auto_leaves_it_to_who_holds(void **state)
{
    struct fptc__holder *other = NULL;
    fptc_cache *cache = open_cache(FPTC_HOLD_AUTO);

    (void)state;
    assert_int_equal(fptc__holder_new(&fptc__upkeep_times.holder, &other, &err), FPTC_OK);
    assert_int_equal(fptc__holder_take(other, help_p.dir, NULL, &err), FPTC_OK);
    use_partition(cache);
    make_due();
    reaches(beat, beat() + 60); /* for longer than a claim needs to go stale */
    assert_int_equal(base(), 0);
    fptc__holder_free(other);
    reaches(base, 1);
    fptc_cache_close(cache);
}

static void always_holds_every_partition(void **state)
{
    fptc_cache *cache;
    struct fptc__partition outbox;
    struct fptc__holder_link link;

    (void)state;
    assert_int_equal(fptc__partition_at(help_dir, "outbox", &outbox, &err), FPTC_OK);
    assert_int_equal(fptc__partition_make(&outbox, &err), FPTC_OK);
    cache = open_cache(FPTC_HOLD_ALWAYS);
    reaches(beat, 3);
    assert_int_equal(fptc__holder_read(outbox.dir, &link, &err), FPTC_OK);
    make_due();
    reaches(base, 1);
    fptc_cache_close(cache);
    assert_int_equal(beat(), 0);
    assert_int_equal(fptc__holder_read(outbox.dir, &link, &err), FPTC_MISS);
}

/* --- one round ------------------------------------------------------------------------------------ */

static int64_t told(const fptc__json *json, const char *what)
{
    return fptc__json_get_int(entry_of(json), what);
}

static void maintain_does_one_round_and_tells(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_NEVER);
    fptc__json *json;

    (void)state;
    make_due();
    json = maintain(cache);
    assert_string_equal(fptc__json_text(fptc__json_get(entry_of(json), "held")), "by us");
    assert_true(told(json, "rolled_up") > 0);
    assert_int_equal(told(json, "rewritten"), 0);
    assert_false(fptc__json_is_true(fptc__json_get(json, "deleting")));
    fptc__json_free(json);
    assert_true(base() > 0);
    assert_int_equal(beat(), 0);
    assert_int_equal(rewritten(), 0);
    make_overdue();
    json = maintain(cache);
    assert_true(told(json, "rewritten") > 0);
    fptc__json_free(json);
    assert_true(rewritten() > 0);
    other_puts("too few");
    json = maintain(cache);
    assert_int_equal(told(json, "rolled_up") + told(json, "rewritten"), 0);
    fptc__json_free(json);
    assert_false(number_exists("log", 1)); /* it deletes, too: a snapshot and roll-ups hold those */
    fptc_cache_close(cache);
}

static void auto_rewrites_what_is_overdue(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_AUTO);

    (void)state;
    use_partition(cache);
    make_overdue();
    reaches(rewritten, 1);
    fptc_cache_close(cache);
}

static void maintain_judges_a_claim_by_watching(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_NEVER);
    struct fptc__holder *other = NULL;
    char path[FPTC_PATH_MAX];
    fptc__json *json;

    (void)state;
    make_due();
    assert_int_equal(fptc__holder_new(&fptc__upkeep_times.holder, &other, &err), FPTC_OK);
    assert_int_equal(fptc__holder_take(other, help_p.dir, NULL, &err), FPTC_OK);
    json = maintain(cache);
    assert_string_equal(fptc__json_text(fptc__json_get(entry_of(json), "held")), "by another");
    fptc__json_free(json);
    assert_int_equal(base(), 0);
    fptc__holder_free(other);
    fptc_cache_close(cache);
    cache = open_cache(FPTC_HOLD_NEVER);
    assert_int_equal(fptc__path(path, &err, "%s/holder", help_p.dir), FPTC_OK);
    assert_int_equal(symlink("boot:1:0123456789abcdef:dead:7", path), 0);
    json = maintain(cache);
    assert_string_equal(fptc__json_text(fptc__json_get(entry_of(json), "held")), "by us");
    fptc__json_free(json);
    assert_true(base() > 0);
    fptc_cache_close(cache);
}

static void status_says_who_holds_and_what_is_overdue(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_NEVER);
    struct fptc__holder *other = NULL;
    const fptc__json *holder;
    fptc_result *result = NULL;
    fptc_status status;
    fptc__json *json;
    char host[64];

    (void)state;
    make_overdue();
    status = fptc_cache_status(cache, &result, &err);
    json = document(status, result);
    assert_true(fptc__json_is_null(fptc__json_get(entry_of(json), "holder")));
    assert_true(fptc__json_is_true(fptc__json_get(entry_of(json), "rewrite_overdue")));
    fptc__json_free(json);
    assert_int_equal(fptc__holder_new(&fptc__upkeep_times.holder, &other, &err), FPTC_OK);
    assert_int_equal(fptc__holder_take(other, help_p.dir, NULL, &err), FPTC_OK);
    status = fptc_cache_status(cache, &result, &err);
    json = document(status, result);
    holder = fptc__json_get(entry_of(json), "holder");
    fptc__host_name(host, sizeof(host));
    assert_string_equal(fptc__json_text(fptc__json_get(holder, "host")), host);
    assert_int_equal(fptc__json_int(fptc__json_get(holder, "pid")), getpid());
    assert_false(fptc__json_is_true(fptc__json_get(entry_of(json), "rewrite_overdue")));
    fptc__json_free(json);
    fptc__holder_free(other);
    fptc_cache_close(cache);
}

/* The nice value of each of our threads, as the kernel says. */
static int count_modest_threads(int *out_all)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *at;
    int n = 0;

    *out_all = 0;
    assert_non_null(dir);
    while ((at = readdir(dir)) != NULL) {
        if (at->d_name[0] == '.')
            continue;
        ++*out_all;
        n += getpriority(PRIO_PROCESS, (id_t)strtoul(at->d_name, NULL, 10)) == 10;
    }
    closedir(dir);
    return n;
}

/* How many of our threads would handle SIGTERM: none. */
static int count_open_to_signals(void)
{
    char path[64], line[128];
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *at;
    int n = 0;

    assert_non_null(dir);
    while ((at = readdir(dir)) != NULL) {
        unsigned long blocked = 0;
        FILE *f = NULL;

        if (at->d_name[0] == '.' || strtol(at->d_name, NULL, 10) == getpid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", at->d_name);
        f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
            if (strncmp(line, "SigBlk:", 7) == 0)
                blocked = strtoul(line + 7, NULL, 16);
        if (f != NULL)
            fclose(f);
        n += f != NULL && (blocked & (1UL << (SIGTERM - 1))) == 0;
    }
    closedir(dir);
    return n;
}

static void our_threads_end(void)
{
    int64_t start = fptc__mono_ms();
    int n_all = 0;

    while (count_modest_threads(&n_all) > 0 && fptc__mono_ms() - start < PATIENCE_MS)
        fptc__sleep_ms(5);
    assert_int_equal(count_modest_threads(&n_all), 0);
}

/* --- what goes wrong ------------------------------------------------------------------------------ */

/* Another process rewrites: then what the first snapshot holds may go. */
static void rewrite(void)
{
    other_puts("key");
    assert_int_equal(fptc__compact(&help_p, NULL, NULL, NULL, &err), FPTC_OK);
}

static void a_hanging_unlink_stops_neither_beat_nor_work_nor_close(void **state)
{
    fptc_cache *cache;
    uint64_t before;
    int64_t start;

    (void)state;
    rewrite();
    rewrite();
    atomic_store(&n_hanging, 0);
    atomic_store(&unlink_hangs, 1);
    cache = open_cache(FPTC_HOLD_ALWAYS);
    reaches(hanging, 1); /* commit 1 is being deleted, for ever */
    reaches(beat, beat() + 5);
    before = base();
    make_due();
    reaches(base, before + 1);
    assert_int_equal(hanging(), 1); /* nobody joined it there */
    start = fptc__mono_ms();
    fptc_cache_close(cache);
    assert_true(fptc__mono_ms() - start < FPTC_HOLDER_LEAVE_MS + 3000);
    assert_int_equal(beat(), 0); /* handed over all the same */
    assert_true(number_exists("log", 1));
    atomic_store(&unlink_hangs, 0);
    for (start = fptc__mono_ms(); number_exists("log", 1) && fptc__mono_ms() - start < PATIENCE_MS;)
        fptc__sleep_ms(5);
    assert_false(number_exists("log", 1)); /* the thread that was left behind has come through */
    our_threads_end();
}

static void a_read_only_mount_is_a_state(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_AUTO);
    fptc_result *result = NULL;

    (void)state;
    use_partition(cache);
    make_due();
    atomic_store(&is_read_only, 1);
    assert_int_equal(fptc_cache_maintain(cache, &result, &err), FPTC_EACCESS);
    assert_null(result);
    assert_non_null(strstr(err.message, "holder"));
    use_partition(cache); /* reads go on */
    atomic_store(&is_read_only, 0);
    fptc_cache_close(cache);
}

static void the_host_keeps_its_priority_and_its_signals(void **state)
{
    const int priority = getpriority(PRIO_PROCESS, 0);
    fptc_cache *cache = open_cache(FPTC_HOLD_ALWAYS);
    sigset_t set;
    int n_all;

    (void)state;
    reaches(beat, 2);
    assert_true(count_modest_threads(&n_all) >= 1);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), priority);
    if (getenv("FPTC_SANITIZE") == NULL || getenv("FPTC_SANITIZE")[0] == '\0')
        assert_int_equal(count_open_to_signals(), 0); /* a sanitizer has threads of its own */
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    assert_false(sigismember(&set, SIGTERM));
    fptc_cache_close(cache);
    our_threads_end();
}

static void a_child_refuses_and_leaves_the_parent_alone(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_ALWAYS);
    int status = 0;
    pid_t child;

    (void)state;
    reaches(beat, 2);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int refused = fptc_cache_maintain(cache, NULL, NULL) == FPTC_EFORK;

        fptc_cache_close(cache);
        _exit(refused && beat() > 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    reaches(beat, beat() + 2);
    fptc_cache_close(cache);
}

/* --- fptc_cache_hold ------------------------------------------------------------------------------ */

static int32_t until_it_has_folded(const char *what, int64_t done, int64_t total, void *payload)
{
    int64_t *calls = payload;

    assert_non_null(what);
    assert_true(done <= total);
    if (++*calls == 1)
        make_due();
    return base() > 0 || *calls > 200;
}

static int32_t not_for_ever(const char *what, int64_t done, int64_t total, void *payload)
{
    int64_t *calls = payload;

    (void)what;
    (void)done;
    (void)total;
    return ++*calls > 100;
}

static void hold_lasts_as_long_as_it_is_wanted(void **state)
{
    fptc_cache *cache = open_cache(FPTC_HOLD_NEVER);
    int64_t calls = 0;

    (void)state;
    assert_int_equal(fptc_cache_hold(cache, NULL, NULL, &err), FPTC_EUSAGE);
    assert_int_equal(fptc_cache_hold(cache, until_it_has_folded, &calls, &err), FPTC_OK);
    assert_true(base() > 0);
    assert_int_equal(beat(), 0);
    make_due();
    fptc__sleep_ms(10 * BEAT_MS);
    assert_true(fptc__upkeep_is_due(&help_p)); /* never again means never */
    calls = 0;
    atomic_store(&is_read_only, 1);
    assert_int_equal(fptc_cache_hold(cache, not_for_ever, &calls, &err), FPTC_EACCESS);
    atomic_store(&is_read_only, 0);
    fptc_cache_close(cache);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, help_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(never_means_never),
        TEST(auto_waits_for_work_and_does_it),
        TEST(auto_leaves_it_to_who_holds),
        TEST(auto_rewrites_what_is_overdue),
        TEST(always_holds_every_partition),
        TEST(maintain_does_one_round_and_tells),
        TEST(maintain_judges_a_claim_by_watching),
        TEST(status_says_who_holds_and_what_is_overdue),
        TEST(a_hanging_unlink_stops_neither_beat_nor_work_nor_close),
        TEST(a_read_only_mount_is_a_state),
        TEST(the_host_keeps_its_priority_and_its_signals),
        TEST(a_child_refuses_and_leaves_the_parent_alone),
        TEST(hold_lasts_as_long_as_it_is_wanted),
    };

    real = fptc__sys; /* once and for all: a thread that was left behind still reads it */
    fptc__sys.unlink = odd_unlink;
    fptc__sys.symlink = odd_symlink;
    fptc__upkeep_times =
        (struct fptc__upkeep_times){{BEAT_MS, 50 * BEAT_MS}, BEAT_MS, BEAT_MS, BEAT_MS, BEAT_MS};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
