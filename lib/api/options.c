#include "api/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

#define KEY_BYTES_MAX 4096

fptc_status fptc__options_read(const fptc_options *from, fptc_options *out, fptc_error *err)
{
    const unsigned char *bytes = (const unsigned char *)from;
    size_t i;

    memset(out, 0, sizeof(*out));
    if (from == NULL || from->struct_size < 2 * sizeof(uint32_t))
        return fptc__fail(err, FPTC_EUSAGE,
                          "options are NULL or were not started from "
                          "FPTC_OPTIONS_INIT");
    for (i = sizeof(*out); i < from->struct_size; i++) {
        if (bytes[i] != 0)
            return fptc__fail(
                err, FPTC_EUSAGE,
                "the caller was built for a newer fptcache and sets an option that %s "
                "does not know",
                FPTC_VERSION_STRING);
    }
    memcpy(out, from, from->struct_size < sizeof(*out) ? from->struct_size : sizeof(*out));
    out->struct_size = (uint32_t)sizeof(*out);
    return FPTC_OK;
}

/* The string fields, in the order of fptc_cache.strings. */
static void string_fields(fptc_options *o, const char **fields[13])
{
    fields[0] = &o->cache_dir;
    fields[1] = &o->site_url;
    fields[2] = &o->script_name;
    fields[3] = &o->script_key;
    fields[4] = &o->script_key_file;
    fields[5] = &o->user_login;
    fields[6] = &o->user_password;
    fields[7] = &o->session_token;
    fields[8] = &o->sudo_as_login;
    fields[9] = &o->http_proxy;
    fields[10] = &o->ca_file;
    fields[11] = &o->pin;
    fields[12] = &o->marker_field;
}

fptc_status fptc__options_keep(struct fptc_cache *cache, const fptc_options *from, fptc_error *err)
{
    const char **fields[13];
    size_t i;

    cache->options = *from;
    string_fields(&cache->options, fields);
    for (i = 0; i < 13; i++) {
        if (*fields[i] == NULL || **fields[i] == '\0') {
            *fields[i] = NULL;
            continue;
        }
        cache->strings[i] = strdup(*fields[i]);
        if (cache->strings[i] == NULL)
            return fptc__fail_nomem(err);
        *fields[i] = cache->strings[i];
    }
    return FPTC_OK;
}

fptc_status fptc__options_key(const fptc_options *options, char *out, size_t n, fptc_error *err)
{
    struct fptc__buf text;
    struct stat info;
    fptc_status status;

    if (fptc__sys.stat(options->script_key_file, &info) == 0 && (info.st_mode & 077) != 0)
        return fptc__fail(err, FPTC_EUSAGE,
                          "%s can be read by others; make its mode 0600 (chmod 600) first",
                          options->script_key_file);
    fptc__buf_init(&text, KEY_BYTES_MAX);
    status = fptc__file_read(options->script_key_file, KEY_BYTES_MAX, &text, err);
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_EUSAGE, "script_key_file %s does not exist",
                            options->script_key_file);
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL)
        text.len--;
    if (status == FPTC_OK && (text.len == 0 || text.len >= n))
        status = fptc__fail(err, FPTC_EUSAGE, "script_key_file %s holds no key",
                            options->script_key_file);
    if (status == FPTC_OK) {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
    if (text.data != NULL)
        memset(text.data, 0, text.cap);
    fptc__buf_done(&text);
    return status;
}

/* Only fields that the caller's struct has: an older, smaller one is not written beyond its end. */
static void from_environment(fptc_options *options, const char **field, const char *name)
{
    size_t end = (size_t)((const char *)field - (const char *)options) + sizeof(*field);

    if (end <= options->struct_size && *field == NULL)
        *field = getenv(name);
}

fptc_status fptc_options_from_environment(fptc_options *options, fptc_error *err)
{
    fptc_options known;
    fptc_status status;

    fptc__error_clear(err);
    status = fptc__options_read(options, &known, err);
    if (status != FPTC_OK)
        return status;
    from_environment(options, &options->cache_dir, "FPTCACHE_DIR");
    from_environment(options, &options->site_url, "FPTCACHE_SITE");
    from_environment(options, &options->script_name, "FPTCACHE_SCRIPT_NAME");
    from_environment(options, &options->script_key, "FPTCACHE_SCRIPT_KEY");
    from_environment(options, &options->script_key_file, "FPTCACHE_SCRIPT_KEY_FILE");
    from_environment(options, &options->pin, "FPTCACHE_PIN");
    return FPTC_OK;
}
