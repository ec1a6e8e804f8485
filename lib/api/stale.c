/* stale.c: answers while FPT cannot be asked (design §5.5). */
#include "api/answer.h"
#include "api/options.h"
#include "api/result.h"
#include "base/error.h"
#include "base/limits.h"

int fptc__is_outage(fptc_status status)
{
    return status == FPTC_ENET || status == FPTC_ETLS || status == FPTC_ESERVER ||
           status == FPTC_EBUSY || status == FPTC_EAUTH || status == FPTC_EDEADLINE;
}

fptc_status fptc__not_provable(fptc_status why, fptc_error *err)
{
    if (!fptc__is_outage(why) || why == FPTC_EAUTH || why == FPTC_EDEADLINE)
        return why;
    return fptc__fail(err, FPTC_ENODATA, "not in the cache, and FPT could not be asked: %s",
                      err != NULL ? err->message : "");
}

fptc_status fptc__answer_stale(struct fptc__answer *a, fptc_status why, fptc_error *err)
{
    fptc_error outage = FPTC_ERROR_INIT;
    fptc_status status;

    if (err != NULL)
        outage = *err;
    a->max_age_ms = fptc__duration(a->work->cache->options.stale_max_ms, INT64_MAX);
    a->is_any_age = 1;
    status = fptc__answer_from_cache(a, err);
    if (status == FPTC_OK) {
        a->result->source = FPTC_SOURCE_STALE;
        fptc__result_warn(a->result, "FPT could not be asked: %s", outage.message);
        return FPTC_OK;
    }
    if (status != FPTC_MISS)
        return status;
    if (err != NULL)
        *err = outage;
    return fptc__not_provable(why, err);
}

/*
 * FPT did not answer a moment ago. Each question would wait for all attempts anew, and FPT would get them from every
 * process of every host: so who can be answered from the cache is, until FPT is asked again.
 */
void fptc__silence_note(struct fptc_cache *cache, fptc_status asked, const fptc_error *why)
{
    int is_silent = asked == FPTC_ENET || asked == FPTC_ESERVER || asked == FPTC_EBUSY;
    int64_t half_ms = FPTC_SILENCE_MS / 2;

    if (!is_silent && asked != FPTC_OK)
        return;
    pthread_mutex_lock(&cache->mutex);
    cache->silence.until_mono_ms =
        is_silent ? fptc__mono_ms() + half_ms + (int64_t)(fptc__random_u64() % (uint64_t)half_ms)
                  : 0;
    if (is_silent && why != NULL)
        cache->silence.why = *why;
    pthread_mutex_unlock(&cache->mutex);
}

static int is_silent(struct fptc_cache *cache, fptc_error *why)
{
    int lasts;

    pthread_mutex_lock(&cache->mutex);
    lasts = fptc__mono_ms() < cache->silence.until_mono_ms;
    if (lasts)
        *why = cache->silence.why;
    pthread_mutex_unlock(&cache->mutex);
    return lasts;
}

fptc_status fptc__answer_in_silence(struct fptc__answer *a)
{
    int64_t max_age_ms = a->max_age_ms;
    int is_any_age = a->is_any_age;
    fptc_error why = FPTC_ERROR_INIT;

    if (max_age_ms == 0 || !is_silent(a->work->cache, &why))
        return FPTC_MISS;
    if (fptc__answer_stale(a, why.status, &why) == FPTC_OK)
        return FPTC_OK;
    a->max_age_ms = max_age_ms;
    a->is_any_age = is_any_age;
    return FPTC_MISS;
}
