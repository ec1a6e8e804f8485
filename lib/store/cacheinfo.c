/*
 * cacheinfo.c: fptcache.json and realm.json, which say whose data a cache directory holds. Each is
 * written once, by put-if-absent, and never changed: hosts may race, one wins, all read the winner.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/json.h"
#include "store/layout.h"

#define FORMAT 1
#define INFO_BYTES_MAX 65536u

static const char info_name[] = "fptcache.json";
static const char realm_name[] = "realm.json";

/* Lower-case scheme and host, no trailing slash. */
fptc_status fptc__site_normalise(const char *site, char out[512], fptc_error *err)
{
    size_t n = strlen(site);
    while (n > 0 && site[n - 1] == '/')
        n--;
    if (n == 0 || n > 511)
        return fptc__fail(err, FPTC_EUSAGE, "\"%.80s\" is not a site: give its URL", site);
    memcpy(out, site, n);
    out[n] = '\0';
    char *host = strstr(out, "://");
    char *end = strchr(host ? host + 3 : out, '/');
    for (char *c = out; *c && c != end; c++)
        if (*c >= 'A' && *c <= 'Z') /* not tolower(): the host program's locale has no say */
            *c = (char)(*c - 'A' + 'a');
    return FPTC_OK;
}

/* Puts `text` as dir/name unless that is there. What holds afterwards is for the caller to read. */
static fptc_status put_if_absent(const char *dir, const char *name, const struct fptc__buf *text,
                                 fptc_error *err)
{
    char path[FPTC_PATH_MAX], temp[FPTC_PATH_MAX], random[33];
    fptc_status status = FPTC_EEXIST;
    /* FPTC_EEXIST of a name that nobody else has: the reply to our own creation was lost. */
    for (int i = 0; i < 2 && status == FPTC_EEXIST; i++) {
        fptc__random_hex32(random);
        status = fptc__path(temp, err, "%s/.tmp-%s", dir, random);
        if (status == FPTC_OK)
            status = fptc__file_create(temp, fptc__buf_text(text), text->len, 0666, err);
    }
    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/%s", dir, name);
    if (status != FPTC_OK)
        return status;
    if (fptc__sys.link(temp, path) != 0 && errno != EEXIST) {
        /* The reply may have been lost: only a name that is not there is a failure. */
        int failed = errno;
        if (fptc__dir_touch(dir, NULL) != FPTC_OK ||
            fptc__file_info(path, NULL, NULL, NULL) != FPTC_OK)
            status = fptc__fail_errno(err, failed, "cannot create %s", path);
    }
    if (status == FPTC_OK)
        status = fptc__dir_sync(dir, err);
    (void)fptc__file_remove(temp, NULL);
    return status;
}

/* Of "format\nsite\nrealm", what is absent as "". */
static void put_checksum(int64_t format, const char *site, const char *realm, char out[17])
{
    char text[1100];
    int n = snprintf(text, sizeof(text), "%" PRId64 "\n%s\n%s", format, site ? site : "",
                     realm ? realm : "");
    uint64_t sum = fptc__checksum_add(fptc__checksum_start(), text,
                                      (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
    (void)snprintf(out, 17, "%016" PRIx64, sum);
}

/* Directories made before there was a checksum have none. */
static int is_sound(const fptc__json *v)
{
    const char *said = fptc__json_get_text(v, "checksum");
    char sum[17];
    if (!said)
        return 1;
    put_checksum(fptc__json_get_int(v, "format"), fptc__json_get_text(v, "site"),
                 fptc__json_get_text(v, "realm"), sum);
    return strcmp(said, sum) == 0;
}

/* Reads dir/name and checks that it is an object of a known format. FPTC_MISS when it is not there. */
static fptc_status read_json(const char *dir, const char *name, fptc__json **out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf text;
    *out = NULL;
    fptc__buf_init(&text, INFO_BYTES_MAX);
    fptc_status status = fptc__path(path, err, "%s/%s", dir, name);
    if (status == FPTC_OK)
        status = fptc__file_read(path, INFO_BYTES_MAX, &text, err);
    if (status == FPTC_ELIMIT)
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it is too long", path);
    if (status == FPTC_OK &&
        fptc__json_parse(fptc__buf_text(&text), text.len, path, out, NULL) != FPTC_OK)
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: not JSON", path);
    fptc__buf_done(&text);
    if (status != FPTC_OK)
        return status;
    int64_t format = fptc__json_get_int(*out, "format");
    if (!is_sound(*out))
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it fails its checksum", path);
    else if (format < 1)
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it names no format", path);
    else if (format > FORMAT)
        status = fptc__fail(err, FPTC_EFORMAT, "%s has format %d; this version knows %d", path,
                            (int)(format < 1000000 ? format : 1000000), FORMAT);
    if (status != FPTC_OK) {
        fptc__json_free(*out);
        *out = NULL;
    }
    return status;
}

static fptc_status take_text(const fptc__json *v, const char *key, char out[512], const char *dir,
                             fptc_error *err)
{
    const char *text = fptc__json_get_text(v, key);
    if (!text || strlen(text) > 511)
        return fptc__fail(err, FPTC_EDAMAGED,
                          "%s: the description of the cache has no proper \"%s\"", dir, key);
    memcpy(out, text, strlen(text) + 1);
    return FPTC_OK;
}

static fptc_status read_realm(const char *cache_dir, char out[512], fptc_error *err)
{
    fptc__json *v = NULL;
    fptc_status status = read_json(cache_dir, realm_name, &v, err);
    if (status == FPTC_MISS)
        return FPTC_OK;
    if (status == FPTC_OK)
        status = take_text(v, "realm", out, cache_dir, err);
    fptc__json_free(v);
    return status;
}

fptc_status fptc__cache_read(const char *cache_dir, struct fptc__cache_info *out, fptc_error *err)
{
    fptc__json *v = NULL;
    *out = (struct fptc__cache_info){.format = 0};
    fptc_status status = fptc__dir_touch(cache_dir, err);
    if (status == FPTC_OK)
        status = read_json(cache_dir, info_name, &v, err);
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_ENOENT, "%s is not a cache directory: it has no %s",
                            cache_dir, info_name);
    if (status == FPTC_OK)
        status = take_text(v, "site", out->site, cache_dir, err);
    if (status == FPTC_OK)
        status = take_text(v, "realm", out->realm, cache_dir, err);
    fptc__json_free(v);
    if (status == FPTC_OK && out->realm[0] == '\0')
        status = read_realm(cache_dir, out->realm, err);
    if (status == FPTC_OK)
        out->format = FORMAT;
    else
        *out = (struct fptc__cache_info){.format = 0};
    return status;
}

static void put_member(struct fptc__buf *text, const char *key, const char *value)
{
    fptc__buf_addf(text, ",\"%s\":", key);
    fptc__json_put_text(text, value, strlen(value));
}

/* site NULL: realm.json. */
static fptc_status put_info(const char *cache_dir, const char *site, const char *realm,
                            fptc_error *err)
{
    struct fptc__buf text;
    fptc__buf_init(&text, INFO_BYTES_MAX);
    fptc__buf_addf(&text, "{\"format\":%d", FORMAT);
    if (site)
        put_member(&text, "site", site);
    put_member(&text, "realm", realm);
    char sum[17];
    put_checksum(FORMAT, site, realm, sum);
    put_member(&text, "checksum", sum);
    fptc__buf_adds(&text, "}\n");
    const char *name = site ? info_name : realm_name;
    fptc_status status = fptc__buf_check(&text, name, err);
    if (status == FPTC_OK)
        status = put_if_absent(cache_dir, name, &text, err);
    fptc__buf_done(&text);
    return status;
}

fptc_status fptc__cache_claim_realm(const char *cache_dir, const char *realm,
                                    struct fptc__cache_info *out, fptc_error *err)
{
    if (strlen(realm) > 511)
        return fptc__fail(err, FPTC_ELIMIT, "the realm is longer than 511 bytes");
    fptc_status status = fptc__cache_read(cache_dir, out, err);
    if (status != FPTC_OK || out->realm[0] || !realm[0])
        return status;
    status = put_info(cache_dir, NULL, realm, err);
    return status == FPTC_OK ? fptc__cache_read(cache_dir, out, err) : status;
}

fptc_status fptc__cache_make(const char *cache_dir, const char *site, const char *realm,
                             fptc_error *err)
{
    char wanted[512], path[FPTC_PATH_MAX];
    struct fptc__cache_info info;
    fptc_status status = fptc__site_normalise(site, wanted, err);
    if (status == FPTC_OK && strlen(realm) > 511)
        status = fptc__fail(err, FPTC_ELIMIT, "the realm is longer than 511 bytes");
    if (status == FPTC_OK)
        status = fptc__path(path, err, "%s/partitions", cache_dir);
    if (status == FPTC_OK)
        status = fptc__dir_make(cache_dir, err);
    if (status == FPTC_OK)
        status = fptc__dir_make_like(path, cache_dir, err);
    if (status != FPTC_OK)
        return status;
    status = fptc__cache_read(cache_dir, &info, err);
    if (status == FPTC_ENOENT)
        status = put_info(cache_dir, wanted, realm, err);
    /* Read back in any case: another host's may have won. */
    if (status == FPTC_OK)
        status = fptc__cache_claim_realm(cache_dir, realm, &info, err);
    if (status != FPTC_OK)
        return status;
    if (strcmp(info.site, wanted) != 0 || (realm[0] && strcmp(info.realm, realm) != 0))
        return fptc__fail(err, FPTC_EEXIST,
                          "%s is the cache of %s (realm \"%s\"), not of %s (realm \"%s\")",
                          cache_dir, info.site, info.realm, wanted, realm);
    return FPTC_OK;
}

/* --- repair --- */

static int is_damage(fptc_status status)
{
    return status == FPTC_EDAMAGED || status == FPTC_ENOENT;
}

/* One of the two files: what it says of itself; FPTC_MISS when there is none. */
static fptc_status look(const char *dir, const char *name, struct fptc__cache_info *out,
                        fptc_error *err)
{
    fptc__json *v = NULL;
    fptc_status status = read_json(dir, name, &v, err);
    if (status == FPTC_OK && strcmp(name, info_name) == 0)
        status = take_text(v, "site", out->site, dir, err);
    if (status == FPTC_OK)
        status = take_text(v, "realm", out->realm, dir, err);
    fptc__json_free(v);
    return status;
}

int fptc__cache_needs_restore(const char *cache_dir, struct fptc__cache_info *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__cache_info info = {.format = 0}, realm = {.format = 0};
    if (fptc__path(path, err, "%s/partitions", cache_dir) != FPTC_OK ||
        fptc__dir_touch(path, NULL) != FPTC_OK || !is_damage(fptc__cache_read(cache_dir, out, err)))
        return 0;
    if (look(cache_dir, info_name, &info, NULL) != FPTC_OK)
        info = (struct fptc__cache_info){.format = 0};
    if (look(cache_dir, realm_name, &realm, NULL) != FPTC_OK)
        realm.realm[0] = '\0';
    *out = info;
    if (!out->realm[0])
        memcpy(out->realm, realm.realm, sizeof(out->realm));
    fptc__error_clear(err);
    return 1;
}

/* Out of the way when it is damaged: its bytes stay for people to look at. */
static fptc_status put_aside(const char *dir, const char *name, char *told, size_t n,
                             fptc_error *err)
{
    char path[FPTC_PATH_MAX], aside[FPTC_PATH_MAX], random[33];
    struct fptc__cache_info info;
    fptc_status status = look(dir, name, &info, NULL);
    if (status != FPTC_EDAMAGED)
        return FPTC_OK;
    fptc__random_hex32(random);
    random[8] = '\0';
    status = fptc__path(path, err, "%s/%s", dir, name);
    if (status == FPTC_OK)
        status = fptc__path(aside, err, "%s/%s.damaged-%s", dir, name, random);
    if (status == FPTC_OK && fptc__sys.rename(path, aside) != 0 && errno != ENOENT)
        status = fptc__fail_errno(err, errno, "cannot put %s aside", path);
    size_t at = strlen(told);
    (void)snprintf(told + at, n - at, "%s was damaged and is put aside as %s.damaged-%s; ", name,
                   name, random);
    return status;
}

/* A realm.json that is not needed any more harms nothing: the realm is the same. */
fptc_status fptc__cache_restore(const char *cache_dir, const char *site, const char *realm,
                                char *told, size_t n, fptc_error *err)
{
    struct fptc__cache_info info;
    char wanted[512];
    told[0] = '\0';
    fptc_status status = fptc__site_normalise(site, wanted, err);
    if (status == FPTC_OK)
        status = put_aside(cache_dir, info_name, told, n, err);
    if (status == FPTC_OK)
        status = put_aside(cache_dir, realm_name, told, n, err);
    if (status == FPTC_OK)
        status = fptc__cache_read(cache_dir, &info, err);
    if (status == FPTC_ENOENT)
        status = put_info(cache_dir, wanted, realm, err);
    if (status == FPTC_OK)
        status = fptc__cache_claim_realm(cache_dir, realm, &info, err);
    size_t at = strlen(told);
    (void)snprintf(told + at, n - at, "the cache of %s, filled by %s", wanted, realm);
    return status;
}
