/*
 * write.c: sets the status of a shot, in FPT and in the cache.
 *
 *   cc write.c -o write $(pkg-config --cflags --libs fptcache)
 *   FPTCACHE_DIR=/mnt/studio/fptcache ./write 862 fin
 *
 * A write has an event id from the start. If FPT's answer is lost, do not write again: carry the same
 * event id out once more, which does nothing twice.
 */
#include <fptcache/fptcache.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_write *write = NULL;
    fptc_result *row = NULL;
    fptc_status status = FPTC_EUSAGE;
    char data[80];

    if (argc != 3) {
        fprintf(stderr, "usage: write SHOT_ID STATUS\n");
        return 2;
    }
    snprintf(data, sizeof(data), "{\"sg_status_list\":\"%.20s\"}", argv[2]);

    if (fptc_options_from_environment(&options, &err) == FPTC_OK &&
        fptc_cache_open(&options, &cache, &err) == FPTC_OK &&
        fptc_write_new(FPTC_VERB_UPDATE, "Shot", strtoll(argv[1], NULL, 10), &write, &err) ==
            FPTC_OK &&
        fptc_write_set_data(write, data, &err) == FPTC_OK)
        status = fptc_cache_write(cache, write, &row, &err);

    if (status == FPTC_OK && fptc_result_next(row) == FPTC_OK)
        printf("%s\n", fptc_result_row_json(row, NULL)); /* the row as FPT has it now */
    else if (status == FPTC_UNKNOWN || status == FPTC_PENDING)
        printf("not settled yet; ask again with the event id %s\n", fptc_write_event_id(write));
    else
        fprintf(stderr, "write: %s\n", err.message); /* FPT's own words, if FPT said no */

    fptc_result_free(row);
    fptc_write_free(write);
    fptc_cache_close(cache);
    return status == FPTC_OK ? 0 : 1;
}
