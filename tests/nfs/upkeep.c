/* upkeep.c: the roles that keep a cache in shape through the public API: one round again and again, or holding. */
#include "fptcache/fptcache.h"
#include "nfs/load.h"

static int32_t until_over(const char *what, int64_t done, int64_t total, void *payload)
{
    (void)what;
    (void)done;
    (void)total;
    return is_over(payload);
}

static void maintain(const struct load *l, fptc_cache *cache)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    int64_t begun = now_us();

    if (fptc_cache_maintain(cache, &result, &err) != FPTC_OK)
        say("fail %s %d %s", l->role, (int)err.status, err.message);
    else
        say("maintained %s", fptc_result_json(result, NULL));
    fptc_result_free(result);
    say("round %lld", (long long)(now_us() - begun));
    fptc__sleep_ms(l->interval_ms);
}

static int with_cache(const struct load *l, int is_holder)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    struct load mine = *l;
    fptc_status status;

    options.cache_dir = l->dir;
    options.grace_ms = l->grace_ms > 0 ? l->grace_ms : 1;
    status = fptc_cache_open(&options, &cache, &err);
    if (status == FPTC_OK && is_holder)
        status = fptc_cache_hold(cache, until_over, &mine, &err);
    while (status == FPTC_OK && !is_holder && !is_over(l))
        maintain(l, cache);
    if (status != FPTC_OK && !is_over(l))
        say("fail %s %d %s", l->role, (int)status, err.message);
    fptc_cache_close(cache);
    return status != FPTC_OK && !is_over(l) && !l->retry;
}

int play_maintain(const struct load *l)
{
    return with_cache(l, 0);
}

int play_hold(const struct load *l)
{
    return with_cache(l, 1);
}
