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
    void (*paused)(void);
    void (*made_local)(const char *path);
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

/* What is to become of one call. */
struct fate {
    int fails;      /* with errno, nothing is done */
    int is_lost;    /* done, and its caller is told `lost_errno` */
    int is_short;   /* half of the bytes */
    int dies_after; /* it is the last one */
    int lost_errno;
};

/* What a client says whose first try was carried out and whose second one was answered. */
static int errno_of_second_try(const char *name)
{
    static const char *const makers[] = {"open", "link", "symlink", "mkdir"};
    static const char *const removers[] = {"unlink", "rename", "rmdir"};
    size_t i;

    for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        if (strcmp(name, makers[i]) == 0)
            return EEXIST;
    }
    for (i = 0; i < sizeof(removers) / sizeof(removers[0]); i++) {
        if (strcmp(name, removers[i]) == 0)
            return ENOENT;
    }
    return EIO;
}

static int can_be_short(const char *name)
{
    return strcmp(name, "read") == 0 || strcmp(name, "pread") == 0 ||
           strcmp(name, "preadv2") == 0 || strcmp(name, "write") == 0;
}

/* With the mutex. */
static struct fate fate_of(const char *name, enum effect effect, int n)
{
    struct fate fate = {.lost_errno = state.sys_errno};
    int is_it = state.at != 0 && n == state.at;
    int is_change = effect == CHANGES || effect == REMOVES;

    if (state.action == COUNTED_FAIL)
        fate.fails = is_it && effect != SENDS && effect != NEVER_FAILS;
    else if (state.action == COUNTED_FAIL_WRITES)
        fate.fails = state.at != 0 && n >= state.at && effect == CHANGES;
    fate.is_lost = is_it && state.action == COUNTED_LOST && is_change;
    fate.is_short = is_it && state.action == COUNTED_SHORT && can_be_short(name);
    fate.dies_after = is_it && state.action == COUNTED_KILL_AFTER;
    if (fate.lost_errno == 0)
        fate.lost_errno = errno_of_second_try(name);
    if (state.hit == NULL &&
        (fate.fails || fate.is_lost || fate.is_short || (is_it && state.action == COUNTED_PAUSE)))
        state.hit = name;
    return fate;
}

static struct fate comes(const char *name, enum effect effect)
{
    enum counted_action action;
    struct fate fate;
    int is_it, n;

    pthread_mutex_lock(&state.mutex);
    n = note(name, effect);
    action = state.action;
    is_it = state.at != 0 && n == state.at;
    fate = fate_of(name, effect, n);
    if (is_it && action == COUNTED_POWER)
        power_off(); /* others wait for the mutex: nobody goes on meanwhile */
    if (is_it && (action == COUNTED_KILL_BEFORE || action == COUNTED_POWER))
        die();
    pthread_mutex_unlock(&state.mutex);
    if (is_it && action == COUNTED_STOP)
        (void)raise(SIGSTOP);
    if (is_it && action == COUNTED_PAUSE)
        state.paused();
    if (fate.fails)
        errno = state.sys_errno;
    return fate;
}

/* A compactor's own directory on local disk: whoever kills us should remove it. */
static void made_directory(const char *path)
{
    const char *mine = strstr(path, "/fptcache.");
    char line[512];
    int n;

    power_named(path);
    if ((mine == NULL || strchr(mine + 1, '/') == NULL) && strstr(path, "/fptcache-") == NULL)
        return;
    if (state.made_local != NULL) {
        state.made_local(path);
        return;
    }
    n = snprintf(line, sizeof(line), "local %s\n", path);
    (void)!write(1, line, (size_t)n);
}

/* `noted` runs after a call that was carried out; it may look at `result` and keeps errno. */
#define COUNTED(type, name, params, args, failure, effect, noted)                                  \
    static type counted_##name params                                                              \
    {                                                                                              \
        struct fate fate = comes(#name, effect);                                                   \
        type result;                                                                               \
        int kept;                                                                                  \
                                                                                                   \
        if (fate.fails)                                                                            \
            return failure;                                                                        \
        result = real.name args;                                                                   \
        kept = errno;                                                                              \
        noted;                                                                                     \
        if (fate.dies_after)                                                                       \
            die();                                                                                 \
        errno = kept;                                                                              \
        if (!fate.is_lost || result == failure)                                                    \
            return result;                                                                         \
        errno = fate.lost_errno;                                                                   \
        return failure;                                                                            \
    }

/* At least one byte: none would be the end of the file. */
#define CUT(n) (fate.is_short ? (n) - (n) / 2 : (n))
#define NOTHING (void)result
#define WHEN_DONE(call)                                                                            \
    if (result >= 0)                                                                               \
    call

COUNTED(ssize_t, read, (int fd, void *data, size_t n), (fd, data, CUT(n)), -1, READS, NOTHING)
COUNTED(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, CUT(n)), -1, CHANGES,
        WHEN_DONE(power_written(fd)))
COUNTED(ssize_t, pread, (int fd, void *data, size_t n, off_t offset), (fd, data, CUT(n), offset),
        -1, READS, NOTHING)
COUNTED(int, fsync, (int fd), (fd), -1, CHANGES, WHEN_DONE(power_synced(fd)))
COUNTED(int, fstat, (int fd, struct stat *out), (fd, out), -1, READS, NOTHING)
COUNTED(int, stat, (const char *path, struct stat *out), (path, out), -1, READS, NOTHING)
COUNTED(int, lstat, (const char *path, struct stat *out), (path, out), -1, READS, NOTHING)
COUNTED(int, statfs, (const char *path, struct statfs *out), (path, out), -1, READS, NOTHING)
COUNTED(int, chmod, (const char *path, mode_t mode), (path, mode), -1, CHANGES, NOTHING)
COUNTED(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, CHANGES, NOTHING)
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

/* A descriptor whose reply was lost is nobody's. */
static int counted_open(const char *path, int flags, mode_t mode)
{
    struct fate fate = comes("open", (flags & O_CREAT) != 0 ? CHANGES : READS);
    int fd, kept;

    if (fate.fails)
        return -1;
    fd = real.open(path, flags, mode);
    kept = errno;
    if (fd >= 0)
        power_opened(fd, path, flags);
    if (fate.dies_after)
        die();
    errno = kept;
    if (!fate.is_lost || fd < 0)
        return fd;
    (void)real.close(fd);
    errno = fate.lost_errno;
    return -1;
}

/* The library reads into one part. */
static ssize_t counted_preadv2(int fd, const struct iovec *parts, int n, off_t offset, int flags)
{
    struct fate fate = comes("preadv2", READS);
    struct iovec first = parts[0];
    ssize_t result;

    if (fate.fails)
        return -1;
    first.iov_len = CUT(first.iov_len);
    result = real.preadv2(fd, n == 1 ? &first : parts, n, offset, flags);
    if (fate.dies_after)
        die();
    return result;
}

/* The descriptor is gone whatever close says. */
static int counted_close(int fd)
{
    struct fate fate = comes("close", CHANGES);
    int result = real.close(fd);

    if (fate.dies_after)
        die();
    if (!fate.fails && !fate.is_lost)
        return result;
    errno = fate.fails ? state.sys_errno : fate.lost_errno;
    return -1;
}

/*
 * libcurl's way to FPT. Not of the library's table, but a process also dies before and after these:
 * a program's own function of that name comes before libc's. FPT goes on alone once it was sent.
 */
ssize_t send(int fd, const void *data, size_t n, int flags)
{
    struct fate fate = comes("send", SENDS);
    ssize_t result;

    result = syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
    if (fate.dies_after)
        die();
    return result;
}

ssize_t recv(int fd, void *data, size_t n, int flags)
{
    struct fate fate = comes("recv", NEVER_FAILS);
    ssize_t result;

    result = syscall(SYS_recvfrom, fd, data, n, flags, NULL, NULL);
    if (fate.dies_after)
        die();
    return result;
}

void counted_install(void)
{
    struct fptc__sys_table counted = fptc__sys;

    counted.open = counted_open;
    counted.close = counted_close;
    counted.read = counted_read;
    counted.write = counted_write;
    counted.pread = counted_pread;
    counted.preadv2 = counted_preadv2;
    counted.fsync = counted_fsync;
    counted.fstat = counted_fstat;
    counted.stat = counted_stat;
    counted.lstat = counted_lstat;
    counted.statfs = counted_statfs;
    counted.chmod = counted_chmod;
    counted.fchmod = counted_fchmod;
    counted.link = counted_link;
    counted.unlink = counted_unlink;
    counted.rename = counted_rename;
    counted.symlink = counted_symlink;
    counted.readlink = counted_readlink;
    counted.mkdir = counted_mkdir;
    counted.rmdir = counted_rmdir;
    counted.opendir = counted_opendir;
    counted.readdir = counted_readdir;
    counted.closedir = counted_closedir;
    counted.clock_gettime = counted_clock_gettime;
    counted.nanosleep = counted_nanosleep;
    counted.getrandom = counted_getrandom;
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

void counted_tell(void (*paused)(void), void (*made_local)(const char *path))
{
    state.paused = paused;
    state.made_local = made_local;
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
