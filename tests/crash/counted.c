#include "crash/counted.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "crash/power.h"

#define TRACE_BYTES (4 * 1024 * 1024)

/* What a call does. A full disk still lets files be removed; the last two are never failed. */
enum effect { READS, CHANGES, REMOVES, SENDS, NEVER_FAILS };

static struct fptc__sys_table real;
static struct {
    pthread_mutex_t mutex;
    enum counted_action action;
    int at, sys_errno, calls;
    const char *hit;
    char trace[TRACE_BYTES];
    size_t trace_len;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void die(void)
{
    for (;;)
        (void)raise(SIGKILL);
}

/* With the mutex. */
static int note(const char *name, enum effect effect)
{
    size_t room = sizeof(state.trace) - state.trace_len;
    int n = snprintf(state.trace + state.trace_len, room, "%s%s ", name,
                     effect == READS || effect == NEVER_FAILS ? "" : "!");

    if (n > 0 && (size_t)n < room)
        state.trace_len += (size_t)n;
    return ++state.calls;
}

/* 1: the call is to fail with errno. *dies_after: it is the last one. */
static int comes(const char *name, enum effect effect, int *dies_after)
{
    enum counted_action action;
    int fails = 0, is_it, n;

    pthread_mutex_lock(&state.mutex);
    n = note(name, effect);
    action = state.action;
    is_it = state.at != 0 && n == state.at;
    if (action == COUNTED_FAIL)
        fails = is_it && effect != SENDS && effect != NEVER_FAILS;
    else if (action == COUNTED_FAIL_WRITES)
        fails = state.at != 0 && n >= state.at && effect == CHANGES;
    if (fails && state.hit == NULL)
        state.hit = name;
    if (is_it && action == COUNTED_POWER)
        power_off(); /* others wait for the mutex: nobody goes on meanwhile */
    if (is_it && (action == COUNTED_KILL_BEFORE || action == COUNTED_POWER))
        die();
    pthread_mutex_unlock(&state.mutex);
    if (is_it && action == COUNTED_STOP)
        (void)raise(SIGSTOP);
    *dies_after = is_it && action == COUNTED_KILL_AFTER;
    if (fails)
        errno = state.sys_errno;
    return fails;
}

/* A compactor's own directory on local disk: whoever kills us should remove it. */
static void made_directory(const char *path)
{
    static const char prefix[] = P_tmpdir "/fptcache-";
    char line[256];
    int n;

    power_named(path);
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return;
    n = snprintf(line, sizeof(line), "local %s\n", path);
    (void)!write(1, line, (size_t)n);
}

/* `noted` runs after a call that was carried out; it may look at `result` and keeps errno. */
#define COUNTED(type, name, params, args, failure, effect, noted)                                  \
    static type counted_##name params                                                              \
    {                                                                                              \
        int dies_after = 0, kept;                                                                  \
        type result;                                                                               \
                                                                                                   \
        if (comes(#name, effect, &dies_after))                                                     \
            return failure;                                                                        \
        result = real.name args;                                                                   \
        kept = errno;                                                                              \
        noted;                                                                                     \
        if (dies_after)                                                                            \
            die();                                                                                 \
        errno = kept;                                                                              \
        return result;                                                                             \
    }

#define NOTHING (void)result
#define WHEN_DONE(call)                                                                            \
    if (result >= 0)                                                                               \
    call

COUNTED(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode), -1,
        (flags & O_CREAT) != 0 ? CHANGES : READS, WHEN_DONE(power_opened(result, path, flags)))
COUNTED(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n), -1, READS, NOTHING)
COUNTED(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), -1, CHANGES,
        WHEN_DONE(power_written(fd)))
COUNTED(ssize_t, pread, (int fd, void *data, size_t n, off_t offset), (fd, data, n, offset), -1,
        READS, NOTHING)
COUNTED(ssize_t, preadv2, (int fd, const struct iovec *parts, int n, off_t offset, int flags),
        (fd, parts, n, offset, flags), -1, READS, NOTHING)
COUNTED(int, fsync, (int fd), (fd), -1, CHANGES, WHEN_DONE(power_synced(fd)))
COUNTED(int, fstat, (int fd, struct stat *out), (fd, out), -1, READS, NOTHING)
COUNTED(int, stat, (const char *path, struct stat *out), (path, out), -1, READS, NOTHING)
COUNTED(int, link, (const char *from, const char *to), (from, to), -1, CHANGES,
        WHEN_DONE(power_named(to)))
COUNTED(int, unlink, (const char *path), (path), -1, REMOVES, WHEN_DONE(power_removed(path)))
COUNTED(int, rename, (const char *from, const char *to), (from, to), -1, CHANGES,
        WHEN_DONE(power_removed(from)))
COUNTED(int, symlink, (const char *content, const char *path), (content, path), -1, CHANGES,
        WHEN_DONE(power_named(path)))
COUNTED(ssize_t, readlink, (const char *path, char *out, size_t n), (path, out, n), -1, READS,
        NOTHING)
COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, CHANGES,
        WHEN_DONE(made_directory(path)))
COUNTED(int, rmdir, (const char *path), (path), -1, REMOVES, WHEN_DONE(power_removed(path)))
COUNTED(DIR *, opendir, (const char *path), (path), NULL, READS, NOTHING)
COUNTED(struct dirent *, readdir, (DIR * dir), (dir), NULL, READS, NOTHING)
COUNTED(int, closedir, (DIR * dir), (dir), -1, NEVER_FAILS, NOTHING)
COUNTED(int, clock_gettime, (clockid_t clock, struct timespec *out), (clock, out), -1, NEVER_FAILS,
        NOTHING)
COUNTED(int, nanosleep, (const struct timespec *wait, struct timespec *left), (wait, left), -1,
        NEVER_FAILS, NOTHING)
COUNTED(ssize_t, getrandom, (void *out, size_t n, unsigned flags), (out, n, flags), -1, NEVER_FAILS,
        NOTHING)

/* The descriptor is gone whatever close says. */
static int counted_close(int fd)
{
    int dies_after = 0;
    int fails = comes("close", CHANGES, &dies_after);
    int result = real.close(fd);

    if (dies_after)
        die();
    if (!fails)
        return result;
    errno = state.sys_errno;
    return -1;
}

/*
 * libcurl's way to FPT. Not of the library's table, but a process also dies before and after these:
 * a program's own function of that name comes before libc's. FPT goes on alone once it was sent.
 */
ssize_t send(int fd, const void *data, size_t n, int flags)
{
    int dies_after = 0;
    ssize_t result;

    (void)comes("send", SENDS, &dies_after);
    result = syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
    if (dies_after)
        die();
    return result;
}

ssize_t recv(int fd, void *data, size_t n, int flags)
{
    int dies_after = 0;
    ssize_t result;

    (void)comes("recv", NEVER_FAILS, &dies_after);
    result = syscall(SYS_recvfrom, fd, data, n, flags, NULL, NULL);
    if (dies_after)
        die();
    return result;
}

void counted_install(void)
{
    struct fptc__sys_table counted = {
        .open = counted_open,
        .close = counted_close,
        .read = counted_read,
        .write = counted_write,
        .pread = counted_pread,
        .preadv2 = counted_preadv2,
        .fsync = counted_fsync,
        .fstat = counted_fstat,
        .stat = counted_stat,
        .link = counted_link,
        .unlink = counted_unlink,
        .rename = counted_rename,
        .symlink = counted_symlink,
        .readlink = counted_readlink,
        .mkdir = counted_mkdir,
        .rmdir = counted_rmdir,
        .opendir = counted_opendir,
        .readdir = counted_readdir,
        .closedir = counted_closedir,
        .clock_gettime = counted_clock_gettime,
        .nanosleep = counted_nanosleep,
        .getrandom = counted_getrandom,
    };

    real = fptc__sys;
    fptc__sys = counted;
}

void counted_arm(enum counted_action action, int at, int sys_errno)
{
    pthread_mutex_lock(&state.mutex);
    state.action = action;
    state.at = at;
    state.sys_errno = sys_errno;
    state.calls = 0;
    state.hit = NULL;
    state.trace_len = 0;
    state.trace[0] = '\0';
    pthread_mutex_unlock(&state.mutex);
}

int counted_calls(void)
{
    return state.calls;
}

const char *counted_hit(void)
{
    return state.hit;
}

const char *counted_trace(void)
{
    return state.trace;
}
