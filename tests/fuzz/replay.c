/*
 * replay.c: gives files to a fuzz target, one after the other. Without arguments: every file of
 * tests/fuzz/corpus/FUZZ_CORPUS. The name of a file is printed before it is tried.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX (1u << 20)

static int replay(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    uint8_t *copy;
    size_t n;

    if (!f) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return 1;
    }
    n = fread(data, 1, sizeof(data), f);
    fclose(f);
    printf("%s: %zu bytes\n", path, n);
    fflush(stdout);
    /* of its own size, so that a sanitizer sees a byte read behind it */
    copy = malloc(n ? n : 1);
    if (!copy)
        return 1;
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return 0;
}

static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    int failed = 0;
    int n = 0;

    if (!dir) {
        fprintf(stderr, "replay: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    for (entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path)) {
            fprintf(stderr, "replay: %s/%s: the path is too long\n", folder, entry->d_name);
            failed = 1;
            continue;
        }
        failed |= replay(path);
        n++;
    }
    closedir(dir);
    printf("%d files\n", n);
    return failed || n < 10;
}

int main(int argc, char **argv)
{
    const char *source = getenv("FPTC_SOURCE_DIR");
    char folder[4096];
    int failed = 0;
    int i;

    for (i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    if (argc > 1)
        return failed;
    if (!source) {
        fprintf(stderr, "replay: set FPTC_SOURCE_DIR, or name files\n");
        return 1;
    }
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/" FUZZ_CORPUS, source);
    return replay_folder(folder);
}
