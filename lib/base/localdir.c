#include "base/localdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/symlink.h"

/* Longer ones are not used: the names below must fit. */
#define TMPDIR_BYTES_MAX 128

static const char *local_disk(void)
{
    const char *named = getenv("TMPDIR");

    return named != NULL && named[0] == '/' && strlen(named) <= TMPDIR_BYTES_MAX ? named : P_tmpdir;
}

unsigned long fptc__process_space(void)
{
    char text[64];

    if (fptc__symlink_read("/proc/self/ns/pid", text, sizeof(text), NULL) != FPTC_OK)
        return 0;
    return strtoul(text + strcspn(text, "0123456789"), NULL, 10);
}

/* A directory, not a link to one, and nobody's but ours: nothing in it was put there by others. */
static int is_ours(const char *path)
{
    int fd = fptc__sys.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    struct stat st;
    int ours;

    if (fd < 0)
        return 0;
    ours = fptc__sys.fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
    (void)fptc__sys.close(fd);
    return ours;
}

static int remove_file(const char *name, void *payload)
{
    char path[FPTC_PATH_MAX];

    if (fptc__path(path, NULL, "%s/%s", (const char *)payload, name) == FPTC_OK)
        (void)fptc__file_remove(path, NULL);
    return 0;
}

struct leftovers {
    const char *parent;
    unsigned long space;
};

static int clear_one(const char *name, void *payload)
{
    const struct leftovers *l = payload;
    char path[FPTC_PATH_MAX], *rest = NULL;
    unsigned long space = strtoul(name, &rest, 10);

    if (space == l->space && space != 0 && *rest == '-' &&
        !fptc__process_lives(strtoll(rest + 1, NULL, 10)) &&
        fptc__path(path, NULL, "%s/%s", l->parent, name) == FPTC_OK) {
        (void)fptc__dir_list(path, remove_file, path, NULL);
        (void)fptc__sys.rmdir(path);
    }
    return 0;
}

fptc_status fptc__localdir_make(char out[FPTC__LOCALDIR_BYTES], fptc_error *err)
{
    char parent[FPTC__LOCALDIR_BYTES / 2 + 64], hex[33];
    struct leftovers l = {parent, fptc__process_space()};

    fptc__random_hex32(hex);
    (void)snprintf(parent, sizeof(parent), "%s/fptcache.%lu", local_disk(),
                   (unsigned long)geteuid());
    (void)fptc__sys.mkdir(parent, 0700);
    if (is_ours(parent)) {
        (void)fptc__dir_list(parent, clear_one, &l, NULL);
        (void)snprintf(out, FPTC__LOCALDIR_BYTES, "%s/%lu-%lld-%.16s", parent, l.space,
                       (long long)fptc__process_id(), hex);
    } else {
        (void)snprintf(out, FPTC__LOCALDIR_BYTES, "%s/fptcache-%s", local_disk(), hex);
    }
    if (fptc__sys.mkdir(out, 0700) == 0)
        return FPTC_OK;
    return fptc__fail_errno(err, errno, "cannot make the directory %s (TMPDIR names another place)",
                            out);
}
