/*
 * find.c: asks for the shots of a project that are in progress.
 *
 *   cc find.c -o find $(pkg-config --cflags --libs fptcache)
 *   FPTCACHE_DIR=/mnt/studio/fptcache ./find 101
 *
 * The second time, and in every other process, the answer comes out of the directory.
 */
#include <fptcache/fptcache.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    fptc_options options = FPTC_OPTIONS_INIT; /* zero everywhere: every option has a default */
    fptc_error err = FPTC_ERROR_INIT;         /* filled by the call that fails */
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *shots = NULL;
    char filters[160];

    snprintf(filters, sizeof(filters),
             "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":%ld}],"
             "[\"sg_status_list\",\"is\",\"ip\"]]",
             argc > 1 ? strtol(argv[1], NULL, 10) : 101L);

    /* FPTCACHE_DIR and the credentials come from the environment, because we ask for it here. */
    if (fptc_options_from_environment(&options, &err) == FPTC_OK &&
        fptc_cache_open(&options, &cache, &err) == FPTC_OK &&
        fptc_query_new("Shot", &query, &err) == FPTC_OK &&
        fptc_query_set_filters(query, filters, &err) == FPTC_OK &&
        fptc_query_set_fields(query, "code,sg_sequence", &err) == FPTC_OK &&
        fptc_query_set_order(query, "code", &err) == FPTC_OK &&
        fptc_cache_find(cache, query, &shots, &err) == FPTC_OK) {
        while (fptc_result_next(shots) == FPTC_OK) {
            /* A link reads as its name; NULL means that the field is empty. */
            const char *sequence = fptc_result_text(shots, "sg_sequence");
            const char *code = fptc_result_text(shots, "code");
            printf("%-12s %s\n", sequence ? sequence : "-", code ? code : "-");
        }
        printf("%lld shots, %s, %lld ms old\n", (long long)fptc_result_count(shots),
               fptc_result_source(shots) == FPTC_SOURCE_UPSTREAM ? "from FPT" : "from the cache",
               (long long)fptc_result_age_ms(shots));
    } else {
        fprintf(stderr, "find: %s\n", err.message);
    }
    fptc_result_free(shots); /* freeing NULL does nothing, so one way out is enough */
    fptc_query_free(query);
    fptc_cache_close(cache);
    return err.status == FPTC_OK ? 0 : 1;
}
