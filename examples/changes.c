/*
 * changes.c: pages through everything that happened to the shots of a project, deletions included:
 * the way to feed a database, an index or a dashboard of your own.
 *
 *   cc changes.c -o changes $(pkg-config --cflags --libs fptcache)
 *   FPTCACHE_DIR=/mnt/studio/fptcache ./changes 101 0
 *
 * Keep the last version key; the next run starts there and sees only what is newer. No request is
 * made to FPT.
 */
#include <fptcache/fptcache.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    int64_t project = argc > 1 ? strtoll(argv[1], NULL, 10) : 101;
    int64_t since = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;
    int64_t n_rows = 1;

    if (fptc_options_from_environment(&options, &err) == FPTC_OK &&
        fptc_cache_open(&options, &cache, &err) == FPTC_OK) {
        while (n_rows > 0) { /* a page of at most 100; an empty one means: nothing newer */
            fptc_result *page = NULL;
            if (fptc_cache_changes(cache, "Shot", project, since, 100, &page, &err) != FPTC_OK)
                break;
            n_rows = fptc_result_count(page);
            while (fptc_result_next(page) == FPTC_OK) {
                int is_gone = fptc_result_change(page) != FPTC_CHANGE_ROW;
                const char *code = is_gone ? "(gone)" : fptc_result_text(page, "code");
                since = fptc_result_version(page); /* the next page begins after this one */
                printf("%lld Shot %lld %s\n", (long long)since, (long long)fptc_result_id(page),
                       code ? code : "");
            }
            fptc_result_free(page);
        }
    }
    if (err.status != FPTC_OK)
        fprintf(stderr, "changes: %s\n", err.message);
    else
        printf("next time: changes %lld %lld\n", (long long)project, (long long)since);
    fptc_cache_close(cache);
    return err.status == FPTC_OK ? 0 : 1;
}
