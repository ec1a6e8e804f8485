/*
 * layout.c: where a partition's files are, making and finding partitions. No file here is ever
 * replaced: directories are made, never renamed nor removed.
 */
#include "store/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char project_prefix[] = "project-";

void fptc__partition_name(int64_t project_id, char out[64])
{
    if (project_id == 0)
        snprintf(out, 64, "site");
    else
        snprintf(out, 64, "%s%" PRId64, project_prefix, project_id);
}

int64_t fptc__partition_project(const char *name)
{
    size_t n = sizeof(project_prefix) - 1;
    if (strncmp(name, project_prefix, n) != 0 || name[n] < '1' || name[n] > '9')
        return 0;
    char *end = NULL;
    errno = 0;
    int64_t id = strtoll(name + n, &end, 10);
    return errno || *end ? 0 : id;
}

/* Letters, digits, '-' and '_', of ASCII only: the host program's locale has no say. */
static int is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* One path component that cannot lead elsewhere. */
static int is_partition_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > 63)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!is_plain(name[i]))
            return 0;
    return 1;
}

fptc_status fptc__partition_at(const char *cache_dir, const char *name, struct fptc__partition *p,
                               fptc_error *err)
{
    *p = (struct fptc__partition){.dir = ""};
    if (!is_partition_name(name))
        return fptc__fail(err, FPTC_EUSAGE, "\"%.80s\" is not the name of a partition", name);
    fptc_status status = fptc__path(p->dir, err, "%s/partitions/%s", cache_dir, name);
    if (status == FPTC_OK && strlen(p->dir) + 64 > FPTC_PATH_MAX)
        status = fptc__fail(err, FPTC_ELIMIT, "%.300s...: the path is too long", cache_dir);
    if (status == FPTC_OK)
        snprintf(p->name, sizeof(p->name), "%s", name);
    else
        p->dir[0] = '\0';
    return status;
}

/* Only in a cache that is there: an empty mount point must not become one, where writes would be acknowledged and
   never be seen again. */
static fptc_status must_be_mounted(const struct fptc__partition *p, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status =
        fptc__path(path, err, "%.*s", (int)(strlen(p->dir) - strlen(p->name)), p->dir);
    if (status != FPTC_OK || fptc__dir_touch(path, NULL) != FPTC_MISS)
        return status;
    return fptc__fail(err, FPTC_ENOENT,
                      "%s is not there: is its file system mounted? (a new cache is made by init)",
                      path);
}

fptc_status fptc__partition_make(const struct fptc__partition *p, fptc_error *err)
{
    static const char *const subs[] = {"tmp", "files", "bases", "log"};
    char path[FPTC_PATH_MAX], cache[FPTC_PATH_MAX];
    size_t below = strlen("/partitions/") + strlen(p->name);
    fptc_status status = fptc__path(cache, err, "%.*s", (int)(strlen(p->dir) - below), p->dir);
    if (status == FPTC_OK)
        status = must_be_mounted(p, err);
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]) && status == FPTC_OK; i++) {
        status = fptc__path(path, err, "%s/%s", p->dir, subs[i]);
        if (status == FPTC_OK)
            status = fptc__dir_make_like(path, cache, err);
    }
    /* The names must outlive a crash of the server, as the commits in them will. */
    if (status == FPTC_OK)
        status = fptc__dir_sync(p->dir, err);
    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/..", p->dir);
    return status == FPTC_OK ? fptc__dir_sync(path, err) : status;
}

fptc_status fptc__partition_exists(const struct fptc__partition *p, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = fptc__path(path, err, "%s/log", p->dir);
    return status == FPTC_OK ? fptc__dir_touch(path, err) : status;
}

/* --- all partitions --- */

struct names {
    char (*list)[64];
    size_t n, cap;
    int failed;
};

static int note_name(const char *name, void *payload)
{
    struct names *names = payload;
    if (!is_partition_name(name))
        return 0;
    if (names->n == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 64;
        char(*bigger)[64] = realloc(names->list, cap * sizeof(*bigger));
        if (!bigger) {
            names->failed = 1;
            return 1;
        }
        names->list = bigger;
        names->cap = cap;
    }
    snprintf(names->list[names->n++], sizeof(*names->list), "%s", name);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

fptc_status fptc__partition_list(const char *cache_dir, int (*each)(const char *, void *),
                                 void *payload, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct names names = {.list = NULL};
    fptc_status status = fptc__path(path, err, "%s/partitions", cache_dir);
    if (status == FPTC_OK)
        status = fptc__dir_list(path, note_name, &names, err);
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_ENOENT, "%s does not exist: not a cache directory", path);
    if (status == FPTC_OK && names.failed)
        status = fptc__fail_nomem(err);
    if (status == FPTC_OK && names.n)
        qsort(names.list, names.n, sizeof(*names.list), compare_names);
    for (size_t i = 0; status == FPTC_OK && i < names.n; i++)
        if (each(names.list[i], payload))
            break;
    free(names.list);
    return status;
}

fptc_status fptc__partition_number_path(const struct fptc__partition *p, const char *sub,
                                        uint64_t number, char out[FPTC_PATH_MAX], fptc_error *err)
{
    return fptc__path(out, err, "%s/%s/%016" PRIu64, p->dir, sub, number);
}

int fptc__partition_number(const char *name, uint64_t *out)
{
    size_t n = strlen(name);
    *out = 0;
    if (n < 16 || n > 19 || (n > 16 && name[0] == '0'))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        *out = *out * 10 + (uint64_t)(name[i] - '0');
    }
    return *out > 0;
}

fptc_status fptc__partition_temp_path(const struct fptc__partition *p, char out[FPTC_PATH_MAX],
                                      fptc_error *err)
{
    char host[64], random[33];
    fptc__host_name(host, sizeof(host));
    fptc__random_hex32(random);
    for (char *c = host; *c; c++)
        if (!is_plain(*c))
            *c = '_';
    return fptc__path(out, err, "%s/tmp/%s.%" PRId64 ".%.16s", p->dir, host, fptc__process_id(),
                      random);
}

/* --- the file server's clock --- */

#define CLOCK_CARRIED_MS (10 * 60 * 1000)

/* Milliseconds of a file just made: the server stamps it, whatever this host's clock says. */
static fptc_status stamp_new_file(const struct fptc__partition *p, int64_t *out_ms, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct stat st;
    int fd = -1;
    fptc_status status = FPTC_EEXIST;
    /* EEXIST of a name that nobody else has: the reply to our own creation was lost. */
    for (int i = 0; i < 2 && status == FPTC_EEXIST; i++) {
        status = fptc__partition_temp_path(p, path, err);
        if (status == FPTC_OK)
            status = fptc__file_start(path, 0666, &fd, err);
    }
    if (status != FPTC_OK)
        return status;
    if (fptc__sys.fstat(fd, &st) == 0)
        *out_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    else
        status = fptc__fail_errno(err, errno, "cannot stat %s", path);
    fptc__file_close(fd);
    (void)fptc__file_remove(path, NULL);
    return status;
}

/* Nothing can be written: the greatest time that the server is known to have shown. */
static fptc_status greatest_mtime(const struct fptc__partition *p, int64_t *out_ms)
{
    static const char *const subs[] = {"log", "bases", "tmp", "files"};
    char path[FPTC_PATH_MAX];
    int found = *out_ms > 0;
    for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
        int64_t mtime_ms = 0;
        if (fptc__path(path, NULL, "%s/%s", p->dir, subs[i]) == FPTC_OK &&
            fptc__file_info(path, NULL, &mtime_ms, NULL) == FPTC_OK) {
            found = 1;
            *out_ms = mtime_ms > *out_ms ? mtime_ms : *out_ms;
        }
    }
    return found ? FPTC_OK : FPTC_MISS;
}

int fptc__server_now_carried(const struct fptc__server_clock *clock, int64_t mono_ms,
                             int64_t *out_ms)
{
    int64_t passed_ms = mono_ms - clock->mono_ms;
    *out_ms = clock->server_ms + passed_ms;
    return clock->server_ms > 0 && !clock->is_lower_bound && passed_ms < CLOCK_CARRIED_MS;
}

fptc_status fptc__server_now(struct fptc__server_clock *clock, const struct fptc__partition *p,
                             int64_t *out_ms, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    int64_t mono_ms = fptc__mono_ms(), now_ms = 0;
    if (fptc__server_now_carried(clock, mono_ms, out_ms))
        return FPTC_OK;
    fptc_status status = stamp_new_file(p, &now_ms, &why);
    if (status == FPTC_ENOENT && fptc__partition_make(p, &why) == FPTC_OK)
        status = stamp_new_file(p, &now_ms, &why);
    int is_lower_bound = status != FPTC_OK;
    if (is_lower_bound) {
        now_ms = clock->server_ms;
        status = greatest_mtime(p, &now_ms);
    }
    *out_ms = 0;
    if (status != FPTC_OK)
        return fptc__fail(err, why.status, "%s", why.message);
    /* It never goes back, not even when the carried time ran ahead of the server's. */
    clock->server_ms = now_ms > clock->server_ms ? now_ms : clock->server_ms;
    clock->mono_ms = mono_ms;
    clock->is_lower_bound = is_lower_bound;
    *out_ms = clock->server_ms;
    return FPTC_OK;
}
