/*
 * test_api_doctor.c: what doctor says of an ordinary directory, of two that meet, and of file systems that
 * no cache may live on: links that are always told to be done, none at all, no symbolic links, no writing.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "store_help.h"

static fptc__json *document;

static fptc_status see(const char *peer, int64_t deadline_ms, fptc__json **out, fptc_error *err)
{
    fptc_result *result = NULL;
    fptc_status status = fptc_doctor(help_dir, peer, deadline_ms, &result, err);
    size_t n = 0;
    const char *text = status == FPTC_OK ? fptc_result_json(result, &n) : NULL;

    *out = NULL;
    if (text != NULL)
        assert_int_equal(fptc__json_parse(text, n, "document", out, NULL), FPTC_OK);
    else
        assert_null(result);
    fptc_result_free(result);
    return status;
}

static int is_safe(const fptc__json *doc)
{
    return fptc__json_is_true(fptc__json_get(doc, "safe"));
}

/* "ok", "warn", "bad" of a check, "" where there is none. */
static const char *verdict_of(const fptc__json *doc, const char *name)
{
    const fptc__json *at;

    for (at = fptc__json_first(fptc__json_get(doc, "checks")); at != NULL;
         at = fptc__json_next(at)) {
        if (strcmp(fptc__json_text(fptc__json_get(at, "name")), name) != 0)
            continue;
        assert_true(strlen(fptc__json_text(fptc__json_get(at, "meaning"))) > 5);
        if (strcmp(fptc__json_text(fptc__json_get(at, "verdict")), "ok") != 0 &&
            strcmp(name, "power loss of the server") != 0)
            assert_true(strlen(fptc__json_text(fptc__json_get(at, "next"))) > 5);
        return fptc__json_text(fptc__json_get(at, "verdict"));
    }
    return "";
}

/* Whether a check's meaning has those words. */
static int says(const fptc__json *doc, const char *words)
{
    const fptc__json *at;

    for (at = fptc__json_first(fptc__json_get(doc, "checks")); at != NULL; at = fptc__json_next(at))
        if (strstr(fptc__json_text(fptc__json_get(at, "meaning")), words) != NULL)
            return 1;
    return 0;
}

static int note_doctor(const char *name, void *payload)
{
    *(int *)payload += strncmp(name, "doctor-", 7) == 0;
    return 0;
}

static void nothing_is_left(void)
{
    int n = 0;

    assert_int_equal(fptc__dir_list(help_dir, note_doctor, &n, &help_err), FPTC_OK);
    assert_int_equal(n, 0);
}

static void look(void)
{
    fptc__json_free(document);
    if (see(NULL, 0, &document, &help_err) != FPTC_OK)
        fail_msg("%s", help_err.message);
    fptc__sys = help_sys;
    nothing_is_left();
}

static int tear_down(void **state)
{
    fptc__sys = help_sys;
    fptc__json_free(document);
    document = NULL;
    return help_tear_down(state);
}

static void test_plain(void **state)
{
    static const char *const names[] = {"write and fsync", "append",     "exclusive link",
                                        "symlink swap",    "clock skew", "free space",
                                        "permissions",     "cache"};
    size_t i;

    (void)state;
    look();
    assert_true(is_safe(document));
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_not_equal(verdict_of(document, names[i]), "");
    assert_string_equal(verdict_of(document, "exclusive link"), "ok");
    assert_string_equal(verdict_of(document, "symlink swap"), "ok");
    assert_string_equal(verdict_of(document, "clock skew"), "ok");
}

static void test_a_cache(void **state)
{
    char path[FPTC_PATH_MAX + 32];
    struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};

    (void)state;
    assert_int_equal(fptc__cache_make(help_dir, "https://studio.example", "", &help_err), FPTC_OK);
    other_puts("one");
    look();
    assert_string_equal(verdict_of(document, "upkeep"), "ok");
    assert_string_equal(verdict_of(document, "leftovers"), "ok");
    snprintf(path, sizeof(path), "%s/tmp/left", help_p.dir);
    assert_int_equal(fptc__file_create(path, "x", 1, 0666, &help_err), FPTC_OK);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    look();
    assert_string_equal(verdict_of(document, "leftovers"), "warn");
    assert_true(is_safe(document));
}

/* --- broken file systems --- */

static int lying_link(const char *from, const char *to)
{
    (void)help_sys.link(from, to);
    return 0;
}

static int no_link(const char *from, const char *to)
{
    (void)from, (void)to;
    errno = EPERM;
    return -1;
}

/* As rename() would: the name goes to whoever came last. */
static int taking_link(const char *from, const char *to)
{
    (void)unlink(to);
    return help_sys.link(from, to);
}

static int no_symlink(const char *content, const char *path)
{
    (void)content, (void)path;
    errno = EOPNOTSUPP;
    return -1;
}

static int no_mkdir(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    errno = EROFS;
    return -1;
}

static int full_write_calls;
static ssize_t full_write(int fd, const void *data, size_t n)
{
    (void)fd, (void)data, (void)n;
    full_write_calls++;
    errno = ENOSPC;
    return -1;
}

static void is_bad(const char *name)
{
    look();
    assert_false(is_safe(document));
    assert_string_equal(verdict_of(document, name), "bad");
}

static void test_broken(void **state)
{
    (void)state;
    fptc__sys.link = lying_link;
    is_bad("exclusive link");
    fptc__sys.link = no_link;
    is_bad("exclusive link");
    fptc__sys.link = taking_link;
    is_bad("exclusive link");
    fptc__sys.symlink = no_symlink;
    is_bad("symlink swap");
    assert_string_equal(verdict_of(document, "exclusive link"), "ok");
    fptc__sys.mkdir = no_mkdir;
    is_bad("writing");
    fptc__sys.write = full_write;
    is_bad("write and fsync");
    assert_true(full_write_calls > 0);
}

static void test_wrong_use(void **state)
{
    fptc_result *result = NULL;

    (void)state;
    assert_int_equal(fptc_doctor("/nowhere/at/all", NULL, 0, &result, &help_err), FPTC_ENOENT);
    assert_non_null(strstr(help_err.message, "/nowhere/at/all"));
    assert_int_equal(fptc_doctor(help_dir, "../x", 0, &result, &help_err), FPTC_EUSAGE);
    assert_int_equal(fptc_doctor(help_dir, "", 0, &result, &help_err), FPTC_EUSAGE);
    assert_int_equal(fptc_doctor(NULL, NULL, 0, &result, &help_err), FPTC_EUSAGE);
    assert_int_equal(fptc_doctor(help_dir, NULL, -1, &result, &help_err), FPTC_EUSAGE);
    assert_null(result);
}

/* --- two that meet --- */

struct side {
    pthread_t thread;
    fptc_status status;
    fptc_error err;
    fptc__json *document;
};

static void *run_side(void *ctx)
{
    struct side *s = ctx;

    s->status = see("pair", 60000, &s->document, &s->err);
    return NULL;
}

static void meet(struct side sides[2])
{
    int i;

    memset(sides, 0, 2 * sizeof(*sides));
    for (i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&sides[i].thread, NULL, run_side, &sides[i]), 0);
    for (i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(sides[i].thread, NULL), 0);
        if (sides[i].status != FPTC_OK)
            fail_msg("%s", sides[i].err.message);
    }
}

static void test_two(void **state)
{
    static const char *const names[] = {"visibility of new names", "exclusive link between hosts",
                                        "symlink swap between hosts", "clocks of the hosts"};
    struct side sides[2];
    size_t i, k;

    (void)state;
    meet(sides);
    for (i = 0; i < 2; i++) {
        assert_true(is_safe(sides[i].document));
        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            assert_string_equal(verdict_of(sides[i].document, names[k]), "ok");
    }
    assert_true((verdict_of(sides[0].document, "attribute cache")[0] != '\0') !=
                (verdict_of(sides[1].document, "attribute cache")[0] != '\0'));
    for (i = 0; i < 2; i++)
        fptc__json_free(sides[i].document);
    nothing_is_left();
}

static void test_two_with_a_broken_link(void **state)
{
    struct side sides[2];
    int i;

    (void)state;
    fptc__sys.link = taking_link;
    meet(sides);
    fptc__sys = help_sys;
    assert_false(is_safe(sides[0].document) && is_safe(sides[1].document));
    for (i = 0; i < 2; i++)
        fptc__json_free(sides[i].document);
    nothing_is_left();
}

/* As NFS with `nocto`, or NFS 3 and two changes in one tick: b's first name is there and not seen until the
   directory is changed from here. */
static _Atomic int was_hidden, is_stirred;

static int stale_stat(const char *path, struct stat *out)
{
    if (!is_stirred && strstr(path, "/name-b-0") != NULL) {
        was_hidden |= help_sys.stat(path, out) == 0;
        errno = ENOENT;
        return -1;
    }
    return help_sys.stat(path, out);
}

static int stirring_unlink(const char *path)
{
    is_stirred |= was_hidden && strstr(path, "/stir-a-") != NULL;
    return help_sys.unlink(path);
}

static void test_a_late_host(void **state)
{
    struct side sides[2];
    int i, n_late = 0, n_other = 0;

    (void)state;
    was_hidden = is_stirred = 0;
    fptc__sys.stat = stale_stat;
    fptc__sys.unlink = stirring_unlink;
    meet(sides);
    fptc__sys = help_sys;
    for (i = 0; i < 2; i++) {
        assert_true(is_safe(sides[i].document));
        assert_string_equal(verdict_of(sides[i].document, "visibility of new names"), "warn");
        n_late += says(sides[i].document, "not seen here in 5 s");
        n_other += says(sides[i].document, "not seen by the other host in 5 s");
        fptc__json_free(sides[i].document);
    }
    assert_int_equal(n_late, 1);
    assert_int_equal(n_other, 1);
    nothing_is_left();
}

static void test_nobody_comes(void **state)
{
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    assert_int_equal(see("alone", 200, &document, &err), FPTC_EDEADLINE);
    assert_non_null(strstr(err.message, "the other host did not come"));
    nothing_is_left();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, help_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_plain),       CASE(test_a_cache),      CASE(test_broken),
        CASE(test_wrong_use),   CASE(test_two),          CASE(test_two_with_a_broken_link),
        CASE(test_a_late_host), CASE(test_nobody_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
