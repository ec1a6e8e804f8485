#include "share/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"

/* Content of the longest pin, with room: three partitions of 63 bytes, a host of 63. */
#define CONTENT_MAX 1024
/* How much longer than its ttl a pin counts for those who delete: attributes of a link may be read from
   an NFS client's cache (N§6: 60 s). */
#define EXPIRY_SLACK_MS (10 * 60 * 1000)

int fptc__pin_is_id(const char *text)
{
    return strlen(text) == FPTC__PIN_ID_BYTES - 1 &&
           strspn(text, "0123456789abcdef") == FPTC__PIN_ID_BYTES - 1;
}

void fptc__pin_add(struct fptc__pin *pin, const char *partition, uint64_t base)
{
    if (pin->n_bases == FPTC__PIN_BASES_MAX)
        return;
    (void)snprintf(pin->bases[pin->n_bases].partition, sizeof(pin->bases[0].partition), "%s",
                   partition);
    pin->bases[pin->n_bases++].base = base;
}

int fptc__pin_base(const struct fptc__pin *pin, const char *partition, uint64_t *out)
{
    size_t i;

    for (i = 0; i < pin->n_bases; i++) {
        if (strcmp(pin->bases[i].partition, partition) == 0) {
            *out = pin->bases[i].base;
            return 1;
        }
    }
    return 0;
}

static fptc_status path_of(const char *cache_dir, const char *id, char out[FPTC_PATH_MAX],
                           fptc_error *err)
{
    return fptc__path(out, err, "%s/pins/%s", cache_dir, id);
}

/* --- the checksum: a flipped digit would pin, and read, another base ---------------------------- */

static const char seal_head[] = ",\"sum\":\"", seal_tail[] = "\"}";
#define SEAL_BYTES (sizeof(seal_head) - 1 + 16 + sizeof(seal_tail) - 1)

static void seal_of(const char *text, size_t len, char out[SEAL_BYTES + 1])
{
    (void)snprintf(out, SEAL_BYTES + 1, "%s%016" PRIx64 "%s", seal_head,
                   fptc__checksum_add(fptc__checksum_start(), text, len), seal_tail);
}

void fptc__pin_seal(struct fptc__buf *content)
{
    char seal[SEAL_BYTES + 1];

    if (content->len == 0)
        return;
    content->len--;
    seal_of(content->data, content->len, seal);
    fptc__buf_adds(content, seal);
}

static int is_sealed(const char *text, size_t len)
{
    char seal[SEAL_BYTES + 1];

    if (len <= SEAL_BYTES)
        return 0;
    seal_of(text, len - SEAL_BYTES, seal);
    return memcmp(text + len - SEAL_BYTES, seal, SEAL_BYTES) == 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_content(const struct fptc__pin *pin, struct fptc__buf *out)
{
    size_t i;

    fptc__buf_adds(out, "{\"bases\":{");
    for (i = 0; i < pin->n_bases; i++)
        fptc__buf_addf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", pin->bases[i].partition,
                       pin->bases[i].base);
    fptc__buf_addf(out, "},\"ttl_ms\":%" PRId64 ",\"host\":", pin->ttl_ms);
    fptc__json_put_text(out, pin->host, strlen(pin->host));
    fptc__buf_addf(out, ",\"pid\":%" PRId64 "}", pin->pid);
    fptc__pin_seal(out);
}

static fptc_status link_there(const char *content, const char *path, fptc_error *err)
{
    char there[CONTENT_MAX];
    ssize_t n;

    if (fptc__sys.symlink(content, path) == 0)
        return FPTC_OK;
    if (errno != EEXIST)
        return fptc__fail_errno(err, errno, "cannot write the pin %s", path);
    /* The id is ours alone: the answer of an earlier, repeated call was lost. */
    n = fptc__sys.readlink(path, there, sizeof(there));
    return n == (ssize_t)strlen(content) && memcmp(there, content, (size_t)n) == 0
               ? FPTC_OK
               : fptc__fail(err, FPTC_EEXIST, "there is a pin %s already", path);
}

static fptc_status mtime_of(const char *path, int64_t *out, fptc_error *err)
{
    struct stat info;

    if (fptc__sys.lstat(path, &info) != 0)
        return errno == ENOENT ? FPTC_MISS
                               : fptc__fail_errno(err, errno, "cannot look at %s", path);
    *out = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
    return FPTC_OK;
}

static fptc_status publish(struct fptc__pin *pin, const char *dir, const char *path,
                           fptc_error *err)
{
    struct fptc__buf content;
    fptc_status status;

    fptc__buf_init(&content, CONTENT_MAX - 1);
    put_content(pin, &content);
    status = fptc__buf_check(&content, "a pin", err);
    if (status == FPTC_OK)
        status = fptc__dir_make(dir, err);
    if (status == FPTC_OK)
        status = link_there(fptc__buf_text(&content), path, err);
    if (status == FPTC_OK)
        status = fptc__dir_sync(dir, err);
    if (status == FPTC_OK)
        status = mtime_of(path, &pin->mtime_ms, err);
    fptc__buf_done(&content);
    return status == FPTC_MISS ? fptc__fail(err, FPTC_ERACE, "somebody removed %s", path) : status;
}

fptc_status fptc__pin_put(const char *cache_dir, struct fptc__pin *pin, fptc_error *err)
{
    char dir[FPTC_PATH_MAX], path[FPTC_PATH_MAX], host[256];
    fptc_status status = fptc__path(dir, err, "%s/pins", cache_dir);

    fptc__random_hex32(pin->id);
    fptc__host_name(host, sizeof(host));
    (void)snprintf(pin->host, sizeof(pin->host), "%.63s", host);
    pin->pid = fptc__process_id();
    if (status == FPTC_OK)
        status = path_of(cache_dir, pin->id, path, err);
    return status == FPTC_OK ? publish(pin, dir, path, err) : status;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int take_bases(const fptc__json *bases, struct fptc__pin *out)
{
    const fptc__json *at;

    if (!fptc__json_is_object(bases) || fptc__json_size(bases) > FPTC__PIN_BASES_MAX)
        return 0;
    for (at = fptc__json_first(bases); at != NULL; at = fptc__json_next(at)) {
        if (!fptc__json_is_integer(at) || fptc__json_int(at) < 0 ||
            strlen(fptc__json_key(at)) >= sizeof(out->bases[0].partition))
            return 0;
        fptc__pin_add(out, fptc__json_key(at), (uint64_t)fptc__json_int(at));
    }
    return 1;
}

static int parse(const char *text, size_t len, struct fptc__pin *out)
{
    fptc__json *body = NULL;
    const char *host;
    int ok = 0;

    if (is_sealed(text, len) && fptc__json_parse(text, len, "a pin", &body, NULL) == FPTC_OK) {
        host = fptc__json_get_text(body, "host");
        out->ttl_ms = fptc__json_get_int(body, "ttl_ms");
        out->pid = fptc__json_get_int(body, "pid");
        (void)snprintf(out->host, sizeof(out->host), "%s", host ? host : "");
        ok = out->ttl_ms > 0 && out->ttl_ms <= FPTC_PIN_TTL_MS_MAX &&
             take_bases(fptc__json_get(body, "bases"), out);
    }
    fptc__json_free(body);
    return ok;
}

/* FPTC_EDAMAGED: mtime_ms is filled in all the same. */
fptc_status fptc__pin_read(const char *cache_dir, const char *id, struct fptc__pin *out,
                           fptc_error *err)
{
    char path[FPTC_PATH_MAX], content[CONTENT_MAX];
    ssize_t n;
    fptc_status status = path_of(cache_dir, id, path, err);

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->id, sizeof(out->id), "%s", id);
    if (status == FPTC_OK)
        status = mtime_of(path, &out->mtime_ms, err);
    if (status != FPTC_OK)
        return status;
    n = fptc__sys.readlink(path, content, sizeof(content));
    if (n < 0 && errno == ENOENT)
        return FPTC_MISS;
    if (n < 0 && errno != EINVAL)
        return fptc__fail_errno(err, errno, "cannot read the pin %s", path);
    if (n < 0 || n == (ssize_t)sizeof(content) || !parse(content, (size_t)n, out))
        return fptc__fail(err, FPTC_EDAMAGED, "%s is no pin that this version understands", path);
    return FPTC_OK;
}

/* --- touching, removing ----------------------------------------------------------------------- */

fptc_status fptc__pin_remove(const char *cache_dir, const char *id, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    fptc_status status = path_of(cache_dir, id, path, err);

    if (status != FPTC_OK || fptc__sys.unlink(path) == 0)
        return status;
    return errno == ENOENT ? FPTC_MISS : fptc__fail_errno(err, errno, "cannot remove %s", path);
}

/* Both times are the server's. Touched within its ttl, it was expired for nobody before, and whoever
   looks later sees the new time. */
fptc_status fptc__pin_touch(const char *cache_dir, const char *id, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__pin pin;
    int64_t touched_ms = 0;
    fptc_status status = fptc__pin_read(cache_dir, id, &pin, err);

    if (status == FPTC_OK)
        status = path_of(cache_dir, id, path, err);
    if (status != FPTC_OK)
        return status;
    if (fptc__sys.utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? FPTC_MISS
                               : fptc__fail_errno(err, errno, "cannot touch the pin %s", path);
    status = mtime_of(path, &touched_ms, err);
    if (status == FPTC_OK && touched_ms - pin.mtime_ms >= pin.ttl_ms) {
        (void)fptc__pin_remove(cache_dir, id, NULL);
        status = FPTC_MISS;
    }
    return status;
}

/* --- listing ---------------------------------------------------------------------------------- */

struct listing {
    const char *cache_dir;
    int64_t now_ms; /* 0: nothing expires */
    int (*each)(const struct fptc__pin *pin, void *payload);
    void *payload;
    char (*ids)[FPTC__PIN_ID_BYTES];
    size_t n, cap;
    int is_full;
};

static int note_id(const char *name, void *payload)
{
    struct listing *l = payload;

    if (!fptc__pin_is_id(name))
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        void *more = realloc(l->ids, cap * sizeof(*l->ids));

        if (more == NULL) {
            l->is_full = 1;
            return 1;
        }
        l->ids = more;
        l->cap = cap;
    }
    memcpy(l->ids[l->n++], name, FPTC__PIN_ID_BYTES);
    return 0;
}

/* The server's clock, from a file made in the directory itself: an NFS client then lists it afresh. */
static fptc_status look_at_clock(const char *dir, int64_t *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX], hex[33];
    fptc_status status;

    fptc__random_hex32(hex);
    status = fptc__path(path, err, "%s/.now-%s", dir, hex);
    if (status == FPTC_OK)
        status = fptc__file_create(path, "", 0, 0666, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__file_info(path, NULL, out, err);
    (void)fptc__file_remove(path, NULL);
    return status == FPTC_MISS ? fptc__fail(err, FPTC_EIO, "%s has vanished", path) : status;
}

static fptc_status show(struct listing *l, const char *id, int *stop, fptc_error *err)
{
    struct fptc__pin pin;
    fptc_status status = fptc__pin_read(l->cache_dir, id, &pin, err);
    int64_t ttl_ms = status == FPTC_EDAMAGED ? FPTC_PIN_TTL_MS : pin.ttl_ms;

    if (status == FPTC_MISS)
        return FPTC_OK;
    if (status != FPTC_OK && status != FPTC_EDAMAGED)
        return status;
    if (l->now_ms > 0 && l->now_ms - pin.mtime_ms >= ttl_ms + EXPIRY_SLACK_MS) {
        status = fptc__pin_remove(l->cache_dir, id, err);
        return status == FPTC_MISS ? FPTC_OK : status;
    }
    if (status == FPTC_OK || l->now_ms == 0)
        *stop = l->each(&pin, l->payload);
    return l->now_ms > 0 ? status : FPTC_OK;
}

static fptc_status show_all(struct listing *l, const char *dir, fptc_error *err)
{
    fptc_status status = fptc__dir_list(dir, note_id, l, err);
    int stop = 0;
    size_t i;

    if (status == FPTC_OK && l->is_full)
        status = fptc__fail_nomem(err);
    for (i = 0; i < l->n && status == FPTC_OK && !stop; i++)
        status = show(l, l->ids[i], &stop, err);
    free(l->ids);
    return status;
}

fptc_status fptc__pin_list(const char *cache_dir, int expires,
                           int (*each)(const struct fptc__pin *pin, void *payload), void *payload,
                           fptc_error *err)
{
    struct listing l = {.cache_dir = cache_dir, .each = each, .payload = payload};
    char dir[FPTC_PATH_MAX];
    fptc_status status = fptc__path(dir, err, "%s/pins", cache_dir);

    if (status == FPTC_OK)
        status = fptc__dir_touch(dir, err);
    if (status == FPTC_OK && expires)
        status = look_at_clock(dir, &l.now_ms, err);
    if (status == FPTC_OK)
        status = show_all(&l, dir, err);
    return status == FPTC_MISS ? FPTC_OK : status;
}
