/* power.c: every entry is one name made by this process; its inode ties the names of a file together. */
#include "crash/power.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 8192
#define FDS_MAX 4096

struct name {
    char *path;
    dev_t dev;
    ino_t ino;
    int is_synced; /* the directory was, since the name was made */
    int is_dirty;  /* the content was not, since it was written */
};

static struct {
    pthread_mutex_t mutex;
    char root[PATH_MAX];
    struct name names[NAMES_MAX];
    size_t n;
    char *fd_path[FDS_MAX]; /* directories and files below the root, as they were opened */
} watched = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int is_below_root(const char *path)
{
    size_t n = strlen(watched.root);

    return n > 0 && strncmp(path, watched.root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

void power_watch(const char *root)
{
    snprintf(watched.root, sizeof(watched.root), "%s", root);
}

static void add_name(const char *path, int is_dirty)
{
    struct stat st;
    struct name *name = &watched.names[watched.n];

    if (!is_below_root(path) || lstat(path, &st) != 0)
        return;
    if (watched.n == NAMES_MAX) {
        fprintf(stderr, "power.c: more than %d names\n", NAMES_MAX);
        abort();
    }
    name->path = strdup(path);
    name->dev = st.st_dev;
    name->ino = st.st_ino;
    name->is_synced = 0;
    name->is_dirty = is_dirty;
    watched.n++;
}

/* Tells all names of the open file. */
static void set_dirty(int fd, int is_dirty)
{
    struct stat st;
    size_t i;

    if (watched.root[0] == '\0' || fstat(fd, &st) != 0)
        return;
    for (i = 0; i < watched.n; i++) {
        if (watched.names[i].dev == st.st_dev && watched.names[i].ino == st.st_ino)
            watched.names[i].is_dirty = is_dirty;
    }
}

void power_opened(int fd, const char *path, int flags)
{
    pthread_mutex_lock(&watched.mutex);
    if (fd < FDS_MAX) {
        free(watched.fd_path[fd]);
        watched.fd_path[fd] = watched.root[0] != '\0' ? realpath(path, NULL) : NULL;
    }
    if ((flags & O_CREAT) != 0)
        add_name(path, 1);
    pthread_mutex_unlock(&watched.mutex);
}

void power_written(int fd)
{
    pthread_mutex_lock(&watched.mutex);
    set_dirty(fd, 1);
    pthread_mutex_unlock(&watched.mutex);
}

static int is_parent(const char *dir, const char *path)
{
    size_t n = strlen(dir);

    return strncmp(dir, path, n) == 0 && path[n] == '/' && strchr(path + n + 1, '/') == NULL;
}

void power_synced(int fd)
{
    const char *dir = fd < FDS_MAX ? watched.fd_path[fd] : NULL;
    size_t i;

    pthread_mutex_lock(&watched.mutex);
    set_dirty(fd, 0);
    for (i = 0; dir != NULL && i < watched.n; i++) {
        if (is_parent(dir, watched.names[i].path))
            watched.names[i].is_synced = 1;
    }
    pthread_mutex_unlock(&watched.mutex);
}

void power_named(const char *path)
{
    pthread_mutex_lock(&watched.mutex);
    add_name(path, 0);
    pthread_mutex_unlock(&watched.mutex);
}

void power_removed(const char *path)
{
    size_t i;

    pthread_mutex_lock(&watched.mutex);
    for (i = 0; i < watched.n; i++) {
        if (strcmp(watched.names[i].path, path) == 0)
            watched.names[i].is_synced = 1; /* nothing to undo any more */
    }
    pthread_mutex_unlock(&watched.mutex);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* A name lost before its directory was: content first, for a lost name may not be the only one. */
void power_off(void)
{
    size_t i;

    for (i = 0; i < watched.n; i++) {
        if (watched.names[i].is_dirty && truncate(watched.names[i].path, 0) != 0)
            continue; /* this name of it has gone */
    }
    for (i = 0; i < watched.n; i++) {
        if (!watched.names[i].is_synced)
            (void)nftw(watched.names[i].path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}
