/*
 * test_store_compact.c: compaction: the same state before and after, whoever else does it, whenever it
 * is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot_help.h"
#include "store/rollup.h"

static struct fptc__compact_stats stats;

/* The folder on local disk that compaction made last; seen by children, too. */
static char *local_dir;

static int noting_mkdir(const char *path, mode_t mode)
{
    if (sh_is_local(path))
        snprintf(local_dir, 1024, "%s", path);
    return sh_sys.mkdir(path, mode);
}

static int set_up(void **state)
{
    int status = sh_set_up(state);
    if (!local_dir)
        local_dir = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    local_dir[0] = '\0';
    fptc__sys.mkdir = noting_mkdir;
    return local_dir == MAP_FAILED ? -1 : status;
}

/* It was made, and it is gone. */
static void must_be_tidy(void)
{
    assert_int_not_equal(local_dir[0], '\0');
    assert_int_equal(access(local_dir, F_OK), -1);
}

static void must_be(const char *expected, const char *where)
{
    char *now = sh_state();
    if (strcmp(expected, now) != 0)
        fail_msg("%s: %s", where, state_difference(expected, now));
    free(now);
}

static const char *latest(void)
{
    static char content[FPTC_PATH_MAX];
    char path[FPTC_PATH_MAX + 20];
    ssize_t n;

    snprintf(path, sizeof(path), "%.4000s/latest.sqlite", sh_p.dir);
    n = readlink(path, content, sizeof(content) - 1);
    content[n < 0 ? 0 : n] = '\0';
    return content;
}

static void manifest_of(uint64_t base, struct fptc__manifest *m)
{
    if (fptc__manifest_read(&sh_p, base, m, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
}

static void must_point_at_newest(void)
{
    struct fptc__manifest m;
    manifest_of(sh_newest_base(), &m);
    assert_string_equal(latest() + strlen("files/"), m.snapshot);
}

static const char shot[] =
    "{\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"rows\":[{\"id\":%d,\"code\":\"%s\"}]}";

static void append_shot(int id, const char *code)
{
    char body[200];
    snprintf(body, sizeof(body), shot, id, code);
    sh_append(FPTC__ROWS, body);
}

/* --- folding ---------------------------------------------------------------------------------- */

static void test_nothing_to_fold(void **state)
{
    struct fptc__partition none;

    (void)state;
    sh_compact(&stats);
    assert_int_equal(stats.base + stats.folded, 0);
    assert_int_equal(sh_newest_base(), 0);
    assert_int_equal(sh_count("files"), 0);
    assert_string_equal(latest(), "");
    assert_int_equal(fptc__partition_at(sh_dir, "project-999", &none, &th_err), FPTC_OK);
    assert_int_equal(fptc__compact(&none, NULL, NULL, NULL, &th_err), FPTC_OK);
}

static void test_fold(void **state)
{
    struct fptc__manifest m;
    struct reader r;

    (void)state;
    append_shot(1, "a");
    append_shot(2, "b");
    sh_compact(&stats);
    assert_int_equal(stats.base, 2);
    assert_int_equal(stats.folded, 2);
    assert_int_equal(stats.rows, 2);
    manifest_of(2, &m);
    assert_int_equal(m.upto, 2);
    assert_int_equal(m.rows, 2);
    assert_int_equal(m.snapshot_bytes, stats.bytes);
    assert_true(m.asof_ms > 1700000000000);
    assert_true(m.prev != 0);
    must_point_at_newest();
    must_be_tidy();
    /* Read by the name that other tools use. */
    reader_open(&r);
    assert_int_equal(reader_refresh(&r), FPTC_OK);
    assert_int_equal(r.base.upto, 2);
    assert_string_equal(store_get(&r.store, "SELECT upto FROM base._fptc_format"), "2");
    assert_string_equal(store_row(&r.store, "Shot", 2, "code"), "b");
    reader_close(&r);
    /* Twice is once. */
    sh_compact(&stats);
    assert_int_equal(stats.folded, 0);
    assert_int_equal(stats.base, 2);
    assert_int_equal(sh_count("files"), 1);
    assert_int_equal(sh_count("bases"), 1);
}

/* Random histories, compacted at random moments, with a reader that follows all the time. */
static void test_same_state(void **state)
{
    struct dice d = {dice_seed()};
    struct reader r;
    char where[80];
    int i, folds = 0;

    (void)state;
    reader_open(&r);
    for (i = 0; i < 60; i++) {
        uint64_t number = sh_append_random(&d);
        char *expected, *followed;
        if (roll(&d, 4) == 0) {
            expected = sh_state();
            sh_compact(&stats);
            assert_int_equal(stats.base, number);
            folds++;
            snprintf(where, sizeof(where), "FPTC_SEED, commit %" PRIu64, number);
            must_be(expected, where);
            free(expected);
            must_point_at_newest();
        }
        if (roll(&d, 4) == 0) {
            assert_int_equal(reader_refresh(&r), FPTC_OK);
            followed = store_state(&r.store, 1);
            must_be(followed, "follower");
            free(followed);
        }
    }
    assert_true(folds > 0);
    reader_close(&r);
}

/* A damaged number is a hole: the base's number passes over it. */
static void test_hole_at_the_end(void **state)
{
    char path[FPTC_PATH_MAX];
    struct reader r;
    int fd;

    (void)state;
    append_shot(1, "a");
    assert_int_equal(fptc__partition_number_path(&sh_p, "log", 2, path, &th_err), FPTC_OK);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "rubbish", 7), 7);
    close(fd);
    sh_compact(&stats);
    assert_int_equal(stats.base, 2);
    reader_open(&r);
    assert_int_equal(reader_refresh(&r), FPTC_OK);
    assert_string_equal(store_get(&r.store, "SELECT upto FROM base._fptc_format"), "2");
    reader_close(&r);
    append_shot(3, "c");
    sh_compact(&stats);
    assert_int_equal(stats.base, 3);
    assert_int_equal(stats.rows, 2);
}

/* A commit that makes no sense to anybody is a hole for the compactor as it is for readers. */
static void test_refused_commit(void **state)
{
    char *expected;

    (void)state;
    append_shot(1, "a");
    sh_append(FPTC__ROWS, "{\"type\":\"no name\",\"types\":{},\"rows\":[]}");
    append_shot(3, "c");
    expected = sh_state();
    sh_compact(&stats);
    assert_int_equal(stats.base, 3);
    assert_int_equal(stats.rows, 2);
    must_be(expected, "after a refused commit");
    free(expected);
}

static int ask(uint64_t base, const char *sql)
{
    struct fptc__manifest m;
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db = NULL;
    int answer;

    manifest_of(base, &m);
    assert_int_equal(sqlite3_open_v2(sh_file(&m), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    answer = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

/* One whose first half is sound leaves nothing behind, neither rows nor columns, whatever came before. */
static void test_half_a_commit(void **state)
{
    static const char half[] =
        "{\"type\":\"Shot\",\"types\":{\"code\":\"text\",\"sg_new\":\"text\"},\"rows\":["
        "{\"id\":1,\"code\":\"x\"},{\"id\":7,\"code\":\"y\",\"sg_new\":\"n\"},{\"code\":\"no id\"}]}";
    char *expected;

    (void)state;
    append_shot(1, "a");
    sh_compact(&stats);
    append_shot(2, "b");
    sh_append(FPTC__ROWS, half);
    append_shot(3, "c");
    expected = sh_state();
    sh_compact(&stats);
    assert_int_equal(stats.base, 4);
    assert_int_equal(stats.rows, 3);
    must_be(expected, "after half a commit");
    assert_int_equal(ask(4, "SELECT count(*) FROM pragma_table_info('Shot') WHERE name='sg_new'"),
                     0);
    assert_int_equal(
        ask(4, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"), 1);
    free(expected);
}

static void test_newer_records(void **state)
{
    (void)state;
    append_shot(1, "a");
    sh_append(FPTC__FEED, "{}");
    assert_int_equal(fptc__compact(&sh_p, NULL, NULL, NULL, &th_err), FPTC_EFORMAT);
    assert_int_equal(sh_newest_base(), 0);
    assert_int_equal(sh_count("files"), 0);
}

static void test_old_answers_go(void **state)
{
    static const char body[] =
        "{\"hash\":\"%s\",\"type\":\"Shot\",\"types\":{\"code\":\"text\"},\"ids\":[1],"
        "\"touches\":[\"Shot\"],\"asof\":%" PRId64 "}";
    const int64_t day = 86400000;
    char text[300];
    struct reader r;

    (void)state;
    snprintf(text, sizeof(text), body, "old", (int64_t)1000);
    sh_append(FPTC__QUERY, text);
    snprintf(text, sizeof(text), body, "a day", 2000 + day - day);
    sh_append(FPTC__QUERY, text);
    snprintf(text, sizeof(text), "{\"key\":\"mirror:Shot\",\"value\":1,\"asof\":%" PRId64 "}",
             2000 + day);
    sh_append(FPTC__CONFIG, text);
    sh_compact(&stats);
    reader_open(&r);
    assert_int_equal(reader_refresh(&r), FPTC_OK);
    assert_string_equal(store_get(&r.store, "SELECT group_concat(hash) FROM main._fptc_query"),
                        "a day");
    reader_close(&r);
}

static void test_deadline(void **state)
{
    atomic_int cancelled = 1;
    struct fptc__call call = {.deadline_mono_ms = fptc__mono_ms() - 1};

    (void)state;
    append_shot(1, "a");
    assert_int_equal(fptc__compact(&sh_p, &call, NULL, NULL, &th_err), FPTC_EDEADLINE);
    call = (struct fptc__call){.cancelled = &cancelled};
    assert_int_equal(fptc__compact(&sh_p, &call, NULL, NULL, &th_err), FPTC_ECANCELLED);
    assert_int_equal(sh_newest_base(), 0);
    assert_int_equal(sh_count("files"), 0);
    must_be_tidy();
}

/* A damaged snapshot of the newest base: the next fold goes from the one before. */
static void test_damaged_base(void **state)
{
    struct fptc__manifest m;
    char *expected;
    int fd;

    (void)state;
    append_shot(1, "a");
    sh_compact(&stats);
    append_shot(2, "b");
    sh_compact(&stats);
    append_shot(3, "c");
    expected = sh_state();
    manifest_of(2, &m);
    fd = open(sh_file(&m), O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 9000), 1);
    close(fd);
    sh_compact(&stats);
    assert_int_equal(stats.base, 3);
    assert_int_equal(stats.rows, 3);
    must_be(expected, "after damage");
    free(expected);
}

/* --- others at the same time ------------------------------------------------------------------ */

static void *compact_in_thread(void *result)
{
    fptc_error err = FPTC_ERROR_INIT;
    *(fptc_status *)result = fptc__compact(&sh_p, NULL, NULL, NULL, &err);
    return NULL;
}

static void test_racing(void **state)
{
    struct dice d = {dice_seed()};
    int round, i;

    (void)state;
    fptc__sys.mkdir = sh_sys.mkdir;
    for (round = 0; round < 8; round++) {
        fptc_status results[4];
        pthread_t threads[4];
        char *expected;
        sh_append_random(&d);
        sh_append_random(&d);
        expected = sh_state();
        for (i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, compact_in_thread, &results[i]), 0);
        for (i = 0; i < 4; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (i = 0; i < 4; i++)
            assert_int_equal(results[i], FPTC_OK);
        assert_int_equal(sh_newest_base(), 2 * (round + 1));
        assert_int_equal(sh_count("files"), round + 1); /* the losers' are gone */
        must_be(expected, "after a race");
        must_point_at_newest();
        free(expected);
    }
}

/* --- at a bad moment: things happen just before or after the manifest's link ------------------- */

static int (*at_link)(const char *from, const char *to);

static int hooked_link(const char *from, const char *to)
{
    return strstr(to, "/bases/") ? at_link(from, to) : sh_sys.link(from, to);
}

static void remove_files(void)
{
    char path[FPTC_PATH_MAX + 300];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%.4000s/files", sh_p.dir);
    dir = opendir(path);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof(path), "%.4000s/files/%s", sh_p.dir, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(dir);
}

/* Who slept: retirement has removed the file that no base named. */
static int removed_meanwhile(const char *from, const char *to)
{
    remove_files();
    return sh_sys.link(from, to);
}

static void test_put_back(void **state)
{
    struct fptc__manifest m;
    char *expected;

    (void)state;
    append_shot(1, "a");
    expected = sh_state();
    fptc__sys.link = hooked_link;
    at_link = removed_meanwhile;
    sh_compact(&stats);
    assert_int_equal(stats.base, 1);
    manifest_of(1, &m);
    assert_int_equal(access(sh_file(&m), R_OK), 0);
    must_be(expected, "put back");
    free(expected);
}

static int rival_first(const char *from, const char *to)
{
    fptc__sys.link = sh_sys.link;
    sh_compact(&stats); /* a whole compaction by somebody else */
    return sh_sys.link(from, to);
}

static void test_lost_race(void **state)
{
    struct fptc__manifest m;
    struct fptc__compact_stats mine = {0, 0, 0, 0, 0};
    char *expected;

    (void)state;
    append_shot(1, "a");
    expected = sh_state();
    fptc__sys.link = hooked_link;
    at_link = rival_first;
    assert_int_equal(fptc__compact(&sh_p, NULL, NULL, &mine, &th_err), FPTC_OK);
    assert_int_equal(stats.folded, 1);
    assert_int_equal(mine.folded, 0);
    assert_int_equal(mine.base, 1);
    assert_int_equal(sh_count("files"), 1);
    manifest_of(1, &m);
    assert_int_equal(access(sh_file(&m), R_OK), 0);
    must_be(expected, "after the rival");
    free(expected);
}

/* --- roll-ups meanwhile --- */

/* The state without the number of the last commit: one without records moves only that. */
static char *state_now(void)
{
    static const char before[] = "format|i1|tproject-101|i";
    char *state = sh_state(), *at = strstr(state, before);

    assert_non_null(at);
    at += strlen(before);
    memmove(at, at + strspn(at, "0123456789"), strlen(at) - strspn(at, "0123456789") + 1);
    return state;
}

static void must_still_be(const char *expected, const char *where)
{
    char *now = state_now();
    if (strcmp(expected, now) != 0)
        fail_msg("%s: %s", where, state_difference(expected, now));
    free(now);
}

static void roll_up(void)
{
    if (fptc__rollup(&sh_p, NULL, NULL, NULL, &th_err) != FPTC_OK)
        fail_msg("%s", th_err.message);
}

/* The base is the head already: a commit without records makes room for one. Twice is once all the same. */
static void test_no_number_left(void **state)
{
    struct fptc__manifest m;
    char *expected;

    (void)state;
    append_shot(1, "a");
    append_shot(2, "b");
    roll_up();
    expected = state_now();
    sh_compact(&stats);
    assert_int_equal(stats.folded, 2);
    assert_int_equal(stats.base, 3);
    assert_int_equal(stats.rows, 2);
    assert_int_equal(sh_newest_base(), 3);
    manifest_of(3, &m);
    assert_int_equal(m.snapshot_upto, 2);
    must_still_be(expected, "after the rewrite");
    must_point_at_newest();
    sh_compact(&stats);
    assert_int_equal(stats.folded, 0);
    assert_int_equal(sh_newest_base(), 3);
    free(expected);
}

/* Rewrites with roll-ups below and above, and readers on either side of them. */
static void test_from_rollups(void **state)
{
    struct dice d = {dice_seed()};
    struct reader r;
    int i;

    (void)state;
    reader_open(&r);
    for (i = 0; i < 40; i++) {
        char *expected, *followed;
        sh_append_random(&d);
        expected = state_now();
        if (roll(&d, 3) == 0)
            roll_up();
        if (roll(&d, 8) == 0)
            sh_compact(&stats);
        must_still_be(expected, "FPTC_SEED, a new reader");
        if (roll(&d, 3) == 0) {
            assert_int_equal(reader_refresh(&r), FPTC_OK);
            followed = store_state(&r.store, 1);
            must_be(followed, "follower");
            free(followed);
        }
        free(expected);
    }
    reader_close(&r);
}

static int rival_rolls_up(const char *from, const char *to)
{
    fptc__sys.link = sh_sys.link;
    roll_up();
    return sh_sys.link(from, to);
}

static int rival_rolls_up_beyond(const char *from, const char *to)
{
    fptc__sys.link = sh_sys.link;
    append_shot(4, "d");
    roll_up();
    return sh_sys.link(from, to);
}

/* Under steady appends a roll-up always lands while the snapshot is being written. */
static void test_passed_by_rollups(void **state)
{
    int (*const rivals[])(const char *, const char *) = {rival_rolls_up, rival_rolls_up_beyond};
    struct fptc__manifest m;
    size_t i;

    (void)state;
    append_shot(1, "a");
    append_shot(2, "b");
    roll_up();
    append_shot(3, "c");
    for (i = 0; i < 2; i++) {
        uint64_t head = 3 + 2 * i;
        char *expected;
        fptc__sys.link = hooked_link;
        at_link = rivals[i];
        sh_compact(&stats);
        assert_int_equal(sh_newest_base(), stats.base);
        manifest_of(stats.base, &m);
        assert_int_equal(m.snapshot_upto, head); /* ours, not the one that the roll-up named */
        assert_true(m.upto > head);
        /* by a name that no deletion has looked at; the first one goes where no base has it */
        assert_int_equal(strtoull(m.snapshot, NULL, 10), m.upto);
        must_point_at_newest();
        expected = sh_state();
        assert_non_null(strstr(expected, i == 0 ? "c" : "d"));
        append_shot(9, "x");
        free(expected);
    }
}

/* A rival goes further: our older base changes nothing, and latest.sqlite does not go back. */
static int rival_beyond(const char *from, const char *to)
{
    fptc__sys.link = sh_sys.link;
    append_shot(2, "b");
    sh_compact(&stats);
    return sh_sys.link(from, to);
}

static void test_older_base_after_newer(void **state)
{
    struct fptc__compact_stats mine = {0, 0, 0, 0, 0};
    struct reader r;

    (void)state;
    append_shot(1, "a");
    fptc__sys.link = hooked_link;
    at_link = rival_beyond;
    assert_int_equal(fptc__compact(&sh_p, NULL, NULL, &mine, &th_err), FPTC_OK);
    assert_int_equal(sh_newest_base(), 2);
    must_point_at_newest();
    reader_open(&r);
    assert_int_equal(reader_refresh(&r), FPTC_OK);
    assert_string_equal(store_row(&r.store, "Shot", 2, "code"), "b");
    reader_close(&r);
}

/* Somebody with a newer base swaps the symlink first, and ours comes last. */
static int rival_swaps_first(const char *from, const char *to)
{
    if (strstr(to, "latest.sqlite")) {
        fptc__sys.rename = sh_sys.rename;
        append_shot(2, "b");
        sh_compact(&stats);
    }
    return sh_sys.rename(from, to);
}

static void test_latest_never_goes_back(void **state)
{
    (void)state;
    append_shot(1, "a");
    fptc__sys.rename = rival_swaps_first;
    assert_int_equal(fptc__compact(&sh_p, NULL, NULL, NULL, &th_err), FPTC_OK);
    assert_int_equal(sh_newest_base(), 2);
    must_point_at_newest();
}

static int reply_lost(const char *from, const char *to)
{
    assert_int_equal(sh_sys.link(from, to), 0);
    errno = EIO;
    return -1;
}

static void test_reply_lost(void **state)
{
    char *expected;

    (void)state;
    append_shot(1, "a");
    expected = sh_state();
    fptc__sys.link = hooked_link;
    at_link = reply_lost;
    sh_compact(&stats);
    assert_int_equal(sh_newest_base(), 1);
    assert_int_equal(sh_count("files"), 1);
    must_be(expected, "reply lost");
    free(expected);
}

/* --- killed ----------------------------------------------------------------------------------- */

/* The process stops at the n-th call that changes the shared directory, before or after doing it. */
static int calls_left, dies_after;

static void step(int done)
{
    if (done == dies_after && calls_left-- == 0)
        _exit(42);
}

#define MORTAL(name, parameters, arguments)                                                        \
    static int mortal_##name parameters                                                            \
    {                                                                                              \
        int result;                                                                                \
        step(0);                                                                                   \
        result = sh_sys.name arguments;                                                            \
        step(1);                                                                                   \
        return result;                                                                             \
    }
MORTAL(open, (const char *path, int flags, mode_t mode), (path, flags, mode))
MORTAL(close, (int fd), (fd))
MORTAL(fsync, (int fd), (fd))
MORTAL(link, (const char *from, const char *to), (from, to))
MORTAL(unlink, (const char *path), (path))
MORTAL(rename, (const char *from, const char *to), (from, to))
MORTAL(symlink, (const char *content, const char *path), (content, path))

static ssize_t mortal_write(int fd, const void *data, size_t n)
{
    ssize_t done;
    step(0);
    done = sh_sys.write(fd, data, n / 2 ? n / 2 : n); /* torn */
    step(1);
    return done;
}

/* 42: it died; 0: it lived to the end. */
static int compact_in_child(int n, int after)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        calls_left = n;
        dies_after = after;
        fptc__sys.open = mortal_open;
        fptc__sys.close = mortal_close;
        fptc__sys.fsync = mortal_fsync;
        fptc__sys.link = mortal_link;
        fptc__sys.unlink = mortal_unlink;
        fptc__sys.rename = mortal_rename;
        fptc__sys.symlink = mortal_symlink;
        fptc__sys.write = mortal_write;
        _exit(fptc__compact(&sh_p, NULL, NULL, NULL, &th_err) == FPTC_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void kill_everywhere(int after)
{
    int n, result = 42;
    uint64_t bases = 0;
    int died_with_base = 0, died_without = 0;

    for (n = 0; result == 42; n++) {
        uint64_t head;
        char *expected;
        append_shot(1 + n, "x");
        expected = sh_state();
        head = bases = sh_newest_base();
        result = compact_in_child(n, after);
        assert_true(result == 42 || result == 0);
        if (local_dir[0])
            sh_remove_tree(local_dir);       /* what nobody else can clean up */
        must_be(expected, "after the kill"); /* whatever it left: readers see the same */
        if (sh_newest_base() > bases)
            died_with_base++;
        else
            died_without++;
        sh_compact(&stats); /* and the next one does it */
        assert_true(sh_newest_base() > head);
        must_be(expected, "after the next");
        must_point_at_newest();
        free(expected);
    }
    assert_true(died_without > 10);
    assert_true(died_with_base > 3);
}

static void test_killed_before_each_call(void **state)
{
    (void)state;
    kill_everywhere(0);
}

static void test_killed_after_each_call(void **state)
{
    (void)state;
    kill_everywhere(1);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, set_up, sh_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIR(test_nothing_to_fold),
        WITH_DIR(test_fold),
        WITH_DIR(test_same_state),
        WITH_DIR(test_hole_at_the_end),
        WITH_DIR(test_refused_commit),
        WITH_DIR(test_half_a_commit),
        WITH_DIR(test_newer_records),
        WITH_DIR(test_old_answers_go),
        WITH_DIR(test_deadline),
        WITH_DIR(test_damaged_base),
        WITH_DIR(test_racing),
        WITH_DIR(test_put_back),
        WITH_DIR(test_lost_race),
        WITH_DIR(test_no_number_left),
        WITH_DIR(test_from_rollups),
        WITH_DIR(test_passed_by_rollups),
        WITH_DIR(test_older_base_after_newer),
        WITH_DIR(test_latest_never_goes_back),
        WITH_DIR(test_reply_lost),
        WITH_DIR(test_killed_before_each_call),
        WITH_DIR(test_killed_after_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
