/* test_base_mount.c: real lines of mountinfo, what they mean to us, and lines that nobody should write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mount.h"
#include "random_help.h"

/* As kernels write them: a root, an automount, NFS 4.2, 3 with nolock, soft, bind mounts, blanks, SMB ... */
static const char mountinfo[] =
    "22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:5 - proc proc rw\n"
    "27 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n"
    "90 27 0:48 / /mnt/projects rw,relatime shared:50 - nfs4 filer:/projects "
    "rw,vers=4.2,rsize=1048576,wsize=1048576,namlen=255,hard,proto=tcp,timeo=600,retrans=2,sec=sys,"
    "clientaddr=10.0.0.2,local_lock=none,addr=10.0.0.1\n"
    "91 27 0:49 /cache /srv/my\\040cache\\134\\011x rw,relatime - nfs 10.0.0.1:/export "
    "rw,vers=3,rsize=65536,soft,nolock,proto=tcp,timeo=50,retrans=1,mountvers=3,local_lock=all,"
    "addr=10.0.0.1\n"
    "92 27 0:50 / /mnt/lazy rw,relatime shared:7 master:3 - nfs4 filer:/x "
    "rw,vers=4.1,nocto,softerr,acregmin=60,acregmax=60,acdirmin=60,acdirmax=60,lookupcache=pos\n"
    "93 27 8:2 /home/a /mnt/bind rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
    "94 27 0:51 / /mnt/win rw,relatime - cifs //nas/x rw,vers=3.1.1,cache=strict,username=u\n"
    "95 27 0:52 / / rw,relatime - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/u,workdir=/w\n"
    "96 27 0:53 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw,inode64\n"
    "97 27 0:54 / /mnt/s rw,nosuid,nodev,relatime - fuse.sshfs u@h: rw,user_id=0,group_id=0\n"
    "98 27 0:55 / /mnt/gl rw,relatime - glusterish vol rw\n"
    "99 27 0:56 / /mnt/ro ro,relatime - nfs4 filer:/y rw,vers=4.0,noac,local_lock=posix\n";

static struct fptc__mount find(int64_t id)
{
    struct fptc__mount m;

    assert_true(fptc__mount_parse(mountinfo, sizeof(mountinfo) - 1, id, &m));
    return m;
}

/* "unsafe:SMB doubtful:soft", in the order in which they are told. */
static const char *judged(int64_t id)
{
    static const char *const words[] = {"fine", "doubtful", "unsafe"};
    static char text[1000];
    struct fptc__finding list[FPTC__FINDINGS_MAX];
    struct fptc__mount m = find(id);
    size_t n = fptc__mount_judge(&m, list), i, len = 0;

    text[0] = '\0';
    for (i = 0; i < n; i++) {
        assert_true(strlen(list[i].meaning) > 5);
        assert_true(list[i].verdict == FPTC__FINE || strlen(list[i].next) > 5);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%s", i > 0 ? " " : "",
                                words[list[i].verdict], list[i].what);
    }
    return text;
}

static void test_fields(void **state)
{
    struct fptc__mount m = find(90);

    (void)state;
    assert_int_equal(m.kind, FPTC__MOUNT_NFS);
    assert_string_equal(m.type, "nfs4");
    assert_string_equal(m.source, "filer:/projects");
    assert_string_equal(m.point, "/mnt/projects");
    assert_true(fptc__mount_has(&m, "hard"));
    assert_true(fptc__mount_has(&m, "rw"));
    assert_true(fptc__mount_has(&m, "vers"));
    assert_true(fptc__mount_has(&m, "vers=4.2"));
    assert_true(fptc__mount_has(&m, "vers=4"));
    assert_false(fptc__mount_has(&m, "vers=3"));
    assert_false(fptc__mount_has(&m, "ver"));
    assert_false(fptc__mount_has(&m, "ard"));
    assert_false(fptc__mount_has(&m, "timeo=6"));
    assert_int_equal(fptc__mount_number(&m, "timeo", -1), 600);
    assert_int_equal(fptc__mount_number(&m, "acregmax", -1), -1);
    assert_int_equal(fptc__mount_number(&m, "sec", -1), -1);
    m = find(91);
    assert_string_equal(m.point, "/srv/my cache\\\tx");
    assert_string_equal(find(93).point, "/mnt/bind");
    assert_string_equal(find(27).point, "/");
    assert_false(fptc__mount_parse(mountinfo, sizeof(mountinfo) - 1, 9, &m));
    assert_false(fptc__mount_parse("", 0, 9, &m));
}

static void test_meanings(void **state)
{
    (void)state;
    assert_string_equal(judged(90), "fine:NFS");
    assert_string_equal(judged(91),
                        "doubtful:soft fine:local_lock=all fine:nolock fine:vers=3 fine:NFS");
    assert_string_equal(judged(92), "doubtful:softerr doubtful:nocto doubtful:acregmin "
                                    "doubtful:acdirmin fine:lookupcache=pos fine:NFS");
    assert_string_equal(judged(93), "fine:local disk");
    assert_string_equal(judged(94), "unsafe:SMB");
    assert_string_equal(judged(95), "doubtful:overlay");
    assert_string_equal(judged(96), "doubtful:memory");
    assert_string_equal(judged(97), "doubtful:FUSE");
    assert_string_equal(judged(98), "doubtful:unknown file system");
    assert_string_equal(judged(99), "doubtful:ro fine:local_lock=posix fine:noac fine:NFS");
}

static void test_text(void **state)
{
    struct fptc__mount m = find(99);
    char text[400];

    (void)state;
    fptc__mount_text(&m, text, sizeof(text));
    assert_string_equal(text,
                        "nfs4 filer:/y on /mnt/ro (ro,relatime,rw,vers=4.0,noac,local_lock=posix)");
    memset(&m, 0, sizeof(m));
    m.magic = 0x6969;
    fptc__mount_text(&m, text, sizeof(text));
    assert_string_equal(text, "file system 0x6969");
}

/* Bytes changed, lines cut, options without end: read to the letter or not at all, never beyond. */
static void test_anything(void **state)
{
    struct dice d = {dice_seed()};
    struct fptc__mount m;
    int i;

    (void)state;
    for (i = 0; i < 20000; i++) {
        size_t n = 1 + roll(&d, sizeof(mountinfo) - 1);
        char *text = malloc(n);
        int k;

        memcpy(text, mountinfo, n);
        for (k = 0; k < 8; k++)
            text[roll(&d, (uint32_t)n)] = " \\,=-0\n\0"[roll(&d, 8)];
        if (fptc__mount_parse(text, n, 20 + roll(&d, 80), &m)) {
            struct fptc__finding list[FPTC__FINDINGS_MAX];
            char told[100];

            assert_true(strlen(m.options) < sizeof(m.options) && m.options[0] == ',');
            (void)fptc__mount_judge(&m, list);
            (void)fptc__mount_number(&m, "timeo", 0);
            fptc__mount_text(&m, told, sizeof(told));
        }
        free(text);
    }
}

static void test_too_long(void **state)
{
    size_t n = 100000;
    char *text = malloc(n);
    struct fptc__mount m;

    (void)state;
    memset(text, 'x', n);
    memcpy(text, "7 1 0:1 / /", 11);
    memcpy(text + 50000, " rw - nfs4 s rw,vers=3,", 23);
    assert_true(fptc__mount_parse(text, n, 7, &m));
    assert_int_equal(strlen(m.point), sizeof(m.point) - 1);
    assert_true(fptc__mount_has(&m, "vers=3"));
    assert_int_equal(strlen(m.options), sizeof(m.options) - 1);
    free(text);
}

static void test_this_host(void **state)
{
    struct fptc__finding list[FPTC__FINDINGS_MAX];
    struct fptc__mount m;
    fptc_error err = FPTC_ERROR_INIT;

    (void)state;
    assert_int_equal(fptc__mount_of("/proc", &m, &err), FPTC_OK);
    assert_string_equal(m.type, "proc");
    assert_int_equal(m.magic, 0x9fa0);
    assert_true(fptc__mount_judge(&m, list) > 0);
    assert_int_equal(list[0].verdict, FPTC__DOUBTFUL);
    assert_int_equal(fptc__mount_of("/tmp", &m, &err), FPTC_OK);
    assert_true(m.bytes_free >= 0 && m.bytes >= m.bytes_free);
    assert_int_not_equal(fptc__mount_of("/nowhere/at/all", &m, &err), FPTC_OK);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),   cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_text),     cmocka_unit_test(test_anything),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_this_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
