/*
 * progress.c: mirrors the shots of a project and shows how far it is. The callback can also stop the
 * work; what was fetched until then is kept, and the next sync goes on there.
 *
 *   cc progress.c -o progress $(pkg-config --cflags --libs fptcache)
 *   FPTCACHE_DIR=/mnt/studio/fptcache ./progress 101 20000
 */
#include <fptcache/fptcache.h>

#include <stdio.h>
#include <stdlib.h>

struct limit {
    int64_t n_rows_max; /* stop after so many rows; 0: never */
};

/* Called on this thread, now and then. Non-zero asks the sync to stop. */
static int32_t show(const char *what, int64_t done, int64_t total, void *payload)
{
    const struct limit *limit = payload;

    if (total > 0) /* 0: not known yet */
        fprintf(stderr, "%s: %lld of %lld\n", what, (long long)done, (long long)total);
    else
        fprintf(stderr, "%s: %lld\n", what, (long long)done);
    return limit->n_rows_max > 0 && done >= limit->n_rows_max;
}

int main(int argc, char **argv)
{
    struct limit limit = {argc > 2 ? strtoll(argv[2], NULL, 10) : 0};
    int64_t project = argc > 1 ? strtoll(argv[1], NULL, 10) : 101;
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_result *report = NULL;
    fptc_status status = fptc_options_from_environment(&options, &err);

    if (status == FPTC_OK)
        status = fptc_cache_open(&options, &cache, &err);
    if (status == FPTC_OK) /* declares for everybody that all shots are kept, with every field */
        status = fptc_cache_mirror_add(cache, project, "Shot", NULL, &err);
    if (status == FPTC_OK)
        status = fptc_cache_sync(cache, project, show, &limit, &report, &err);

    if (status == FPTC_OK)
        printf("%s\n", fptc_result_json(report, NULL));
    else if (status == FPTC_ECANCELLED)
        printf("stopped; run it again to go on\n");
    else
        fprintf(stderr, "progress: %s\n", err.message);
    fptc_result_free(report);
    fptc_cache_close(cache);
    return status == FPTC_OK || status == FPTC_ECANCELLED ? 0 : 1;
}
