/* open.c: making a cache directory, opening and closing a handle. */
#include <stdlib.h>
#include <string.h>

#include "api/handle.h"
#include "api/hold.h"
#include "api/options.h"
#include "base/error.h"
#include "base/mount.h"
#include "base/thread.h"

#define KEY_MAX 4096

static fptc_status open_site(struct fptc_cache *cache, const char *site_url, fptc_error *err)
{
    const fptc_options *o = &cache->options;
    struct fptc__client_options client;
    char key[KEY_MAX] = "";
    fptc_status status = FPTC_OK;

    memset(&client, 0, sizeof(client));
    client.site_url = site_url;
    client.script_name = o->script_name;
    client.script_key = o->script_key;
    client.user_login = o->user_login;
    client.user_password = o->user_password;
    client.session_token = o->session_token;
    client.sudo_as_login = o->sudo_as_login;
    client.http_proxy = o->http_proxy;
    client.ca_file = o->ca_file;
    client.logger = &cache->logger;
    if (o->script_key == NULL && o->script_key_file != NULL) {
        status = fptc__options_key(o, key, sizeof(key), err);
        client.script_key = key;
    }
    if (status == FPTC_OK)
        status = fptc__site_open(&client, &cache->site, err);
    memset(key, 0, sizeof(key));
    return status;
}

static void handle_free(struct fptc_cache *cache)
{
    size_t i;

    if (cache->pid == fptc__process_id()) /* its threads are not here after fork */
        fptc__upkeep_free(cache);
    for (i = 0; i < FPTC__VIEWS_MAX; i++) {
        if (cache->views[i] != NULL) {
            fptc__view_close(cache->views[i]->view);
            pthread_mutex_destroy(&cache->views[i]->flight);
            free(cache->views[i]);
        }
    }
    fptc__pending_forget(cache);
    fptc__asked_free(cache->asked);
    fptc__site_close(cache->site);
    fptc__plan_cache_free(cache->plans);
    fptc__schema_free(cache->schema);
    for (i = 0; i < sizeof(cache->strings) / sizeof(cache->strings[0]); i++) {
        if (cache->strings[i] != NULL)
            memset(cache->strings[i], 0, strlen(cache->strings[i])); /* keys among them */
        free(cache->strings[i]);
    }
    pthread_cond_destroy(&cache->changed);
    pthread_mutex_destroy(&cache->mutex);
    fptc__shun_done(&cache->shun);
    pthread_rwlock_destroy(&cache->schema_lock);
    free(cache);
}

static fptc_status handle_new(const fptc_options *options, struct fptc_cache **out, fptc_error *err)
{
    struct fptc_cache *cache = calloc(1, sizeof(*cache));

    *out = cache;
    if (cache == NULL)
        return fptc__fail_nomem(err);
    pthread_rwlock_init(&cache->schema_lock, NULL);
    pthread_mutex_init(&cache->mutex, NULL);
    fptc__shun_init(&cache->shun);
    fptc__cond_init(&cache->changed);
    cache->pid = fptc__process_id();
    cache->logger.fn = options->log;
    cache->logger.payload = options->log_payload;
    cache->logger.level = options->log_level == 0 ? FPTC_LOG_WARNING : options->log_level;
    cache->schema = fptc__schema_new();
    cache->plans = fptc__plan_cache_new();
    if (cache->schema == NULL || cache->plans == NULL)
        return fptc__fail_nomem(err);
    return fptc__options_keep(cache, options, err);
}

static fptc_status check_options(const fptc_options *o, fptc_error *err)
{
    if (o->cache_dir == NULL || o->cache_dir[0] == '\0')
        return fptc__fail(err, FPTC_EUSAGE,
                          "no cache directory: set options.cache_dir (--cache DIR, FPTCACHE_DIR)");
    if (o->mode < FPTC_MODE_DEFAULT || o->mode > FPTC_MODE_REFRESH)
        return fptc__fail(err, FPTC_EUSAGE, "unknown mode %d", (int)o->mode);
    if (o->hold < FPTC_HOLD_DEFAULT || o->hold > FPTC_HOLD_ALWAYS)
        return fptc__fail(err, FPTC_EUSAGE, "unknown hold %d", (int)o->hold);
    if (o->write_mode < FPTC_WRITE_DEFAULT || o->write_mode > FPTC_WRITE_BEHIND)
        return fptc__fail(err, FPTC_EUSAGE, "unknown write mode %d", (int)o->write_mode);
    if (o->deadline_ms < 0)
        return fptc__fail(err, FPTC_EUSAGE, "deadline_ms must not be negative");
    return FPTC_OK;
}

fptc_status fptc_cache_init(const fptc_options *options, fptc_error *err)
{
    fptc_options known;
    struct fptc_cache *cache = NULL;
    fptc_status status;

    fptc__error_clear(err);
    status = fptc__options_read(options, &known, err);
    if (status == FPTC_OK)
        status = check_options(&known, err);
    if (status == FPTC_OK && (known.site_url == NULL || known.site_url[0] == '\0'))
        status = fptc__fail(err, FPTC_EUSAGE,
                            "no site: set options.site_url (--site URL, FPTCACHE_SITE)");
    if (status == FPTC_OK)
        status = handle_new(&known, &cache, err);
    if (status == FPTC_OK)
        status = open_site(cache, known.site_url, err); /* checks URL and credentials; no request */
    if (status == FPTC_OK)
        status = fptc__cache_make(known.cache_dir, known.site_url, fptc__site_identity(cache->site),
                                  err);
    if (cache != NULL)
        handle_free(cache);
    return status;
}

fptc_status fptc__description_restore(const fptc_options *options, char *told, size_t n,
                                      fptc_error *err)
{
    fptc_options known;
    struct fptc_cache *cache = NULL;
    struct fptc__cache_info info;
    fptc_status status = fptc__options_read(options, &known, err);

    told[0] = '\0';
    if (status == FPTC_OK)
        status = check_options(&known, err);
    if (status == FPTC_OK && !fptc__cache_needs_restore(known.cache_dir, &info, err))
        return FPTC_OK; /* opening it says what else may be wrong */
    if (status == FPTC_OK && info.site[0] == '\0' && known.site_url == NULL)
        status =
            fptc__fail(err, FPTC_EUSAGE,
                       "fptcache.json of %s cannot be read: say which site it is of (--site URL)",
                       known.cache_dir);
    if (status == FPTC_OK)
        status = handle_new(&known, &cache, err);
    if (status == FPTC_OK)
        status = open_site(cache, info.site[0] ? info.site : known.site_url, err);
    if (status == FPTC_OK && info.realm[0] == '\0' && fptc__site_identity(cache->site)[0] == '\0')
        status = fptc__fail(err, FPTC_EAUTH,
                            "whose eyes filled %s cannot be read: repair it with their credentials",
                            known.cache_dir);
    if (status == FPTC_OK)
        status = fptc__cache_restore(known.cache_dir, info.site[0] ? info.site : known.site_url,
                                     info.realm[0] ? info.realm : fptc__site_identity(cache->site),
                                     told, n, err);
    if (cache != NULL)
        handle_free(cache);
    return status;
}

/* The handle's own site, if it names one, must be the directory's. */
static fptc_status check_site(struct fptc_cache *cache, fptc_error *err)
{
    char ours[512];
    fptc_status status;

    if (cache->options.site_url == NULL)
        return FPTC_OK;
    status = fptc__site_normalise(cache->options.site_url, ours, err);
    if (status != FPTC_OK || strcmp(ours, cache->info.site) == 0)
        return status;
    return fptc__fail(err, FPTC_EEXIST, "%s is a cache of %s, not of %s", cache->options.cache_dir,
                      cache->info.site, cache->options.site_url);
}

/* The pin of the options, if there is one. */
static fptc_status read_pin(struct fptc_cache *cache, fptc_error *err)
{
    const char *id = cache->options.pin;
    fptc_status status;

    if (id == NULL)
        return FPTC_OK;
    if (!fptc__pin_is_id(id))
        return fptc__fail(err, FPTC_EUSAGE,
                          "\"%s\" cannot be a pin: its id has 32 hexadecimal digits", id);
    status = fptc__pin_read(cache->options.cache_dir, id, &cache->pin, err);
    cache->options.mode = FPTC_MODE_ONLY_CACHE;
    cache->options.hold = FPTC_HOLD_NEVER;
    if (status == FPTC_MISS)
        status = fptc__fail(err, FPTC_ENODATA, "there is no pin %s in %s: it has ended; pin again",
                            id, cache->options.cache_dir);
    return status;
}

static fptc_status open_handle(struct fptc_cache *cache, fptc_error *err)
{
    fptc_status status = fptc__cache_read(cache->options.cache_dir, &cache->info, err);

    if (status == FPTC_OK)
        status = check_site(cache, err);
    if (status == FPTC_OK)
        status = read_pin(cache, err);
    if (status == FPTC_OK)
        status = open_site(cache, cache->info.site, err);
    return status == FPTC_OK ? fptc__upkeep_start(cache, err) : status;
}

/* Once for each handle: what is doubtful about what the directory is mounted on, and can harm who shares it. */
static void tell_mount(const struct fptc_cache *cache)
{
    struct fptc__finding list[FPTC__FINDINGS_MAX];
    struct fptc__mount mount;
    size_t n, i;

    if (cache->logger.fn == NULL ||
        fptc__mount_of(cache->options.cache_dir, &mount, NULL) != FPTC_OK ||
        mount.kind == FPTC__MOUNT_MEMORY || mount.kind == FPTC__MOUNT_OVERLAY)
        return;
    n = fptc__mount_judge(&mount, list);
    for (i = 0; i < n && list[i].verdict != FPTC__FINE; i++)
        fptc__log_line(&cache->logger, FPTC_LOG_WARNING, "%s is on %s (%s): %s; %s",
                       cache->options.cache_dir, mount.type[0] ? mount.type : "an unknown mount",
                       list[i].what, list[i].meaning, list[i].next);
}

fptc_status fptc_cache_open(const fptc_options *options, fptc_cache **out_cache, fptc_error *err)
{
    fptc_options known;
    struct fptc_cache *cache = NULL;
    fptc_status status;

    fptc__error_clear(err);
    if (out_cache == NULL)
        return fptc__fail(err, FPTC_EUSAGE, "out_cache is NULL");
    *out_cache = NULL;
    status = fptc__options_read(options, &known, err);
    if (status == FPTC_OK)
        status = check_options(&known, err);
    if (status == FPTC_OK)
        status = handle_new(&known, &cache, err);
    if (status == FPTC_OK)
        status = open_handle(cache, err);
    if (status != FPTC_OK) {
        if (cache != NULL)
            handle_free(cache);
        return status;
    }
    tell_mount(cache);
    *out_cache = cache;
    return FPTC_OK;
}

void fptc_cache_close(fptc_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->pid == fptc__process_id()) {
        fptc__upkeep_stop(cache);
        fptc__jobs_stop(cache);
        fptc__asked_close(cache);
    }
    handle_free(cache);
}
