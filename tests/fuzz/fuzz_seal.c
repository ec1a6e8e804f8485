/* fuzz_seal.c: see fuzz_seal.h. */
#include "fuzz/fuzz_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "fptcache/fptcache.h"
#include "store/commit.h"
#include "unit/snapshot_help.h"

#define HEADER 256
#define RECORD 16
#define RECORDS_MAX 64

void fuzz_die(const char *what, const char *text)
{
    fprintf(stderr, "fuzz: %s: %.2000s\n", what, text);
    abort();
}

static void put_le(unsigned char *at, uint64_t value, int n)
{
    int i;

    for (i = 0; i < n; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Seals the records in n bytes; returns how many there are. */
static uint32_t seal_records(unsigned char *at, size_t n, size_t *used)
{
    uint32_t count = 0;

    *used = 0;
    while (n - *used >= RECORD && count < RECORDS_MAX) {
        unsigned char *record = at + *used;
        size_t room = n - *used - RECORD;
        size_t stored = get32(record + 4) % (room + 1);

        put_le(record + 4, stored, 4);
        if ((record[2] & 1) == 0)
            put_le(record + 8, stored, 4);
        put_le(record + 12, fptc__crc32(0, record + RECORD, stored), 4);
        *used += RECORD + stored;
        count++;
    }
    return count;
}

void fuzz_seal_commit(const uint8_t *data, size_t size, uint64_t number, struct fptc__buf *out)
{
    size_t body = size > HEADER ? size - HEADER : 0;
    unsigned char *file = calloc(1, HEADER + body + 8);
    uint32_t count;

    if (!file)
        abort();
    memcpy(file, data, size);
    memcpy(file, "FPTCLOG1", 8);
    put_le(file + 8, 1, 2);
    put_le(file + 10, HEADER, 2);
    put_le(file + 12, 0, 4);
    put_le(file + 16, number, 8);
    count = seal_records(file + HEADER, body, &body);
    put_le(file + 40, count, 4);
    put_le(file + 48, body, 8);
    snprintf((char *)file + 56, 64, "project-101");
    file[187] = file[255] = 0;
    memset(file + 180, 0, 8);
    file[251] = 0;
    put_le(file + 252, fptc__crc32(0, file, 252), 4);
    put_le(file + HEADER + body, fptc__checksum_add(fptc__checksum_start(), file, HEADER + body),
           8);
    fptc__buf_add(out, (const char *)file, HEADER + body + 8);
    free(file);
}

static void remove_place(void)
{
    (void)sh_tear_down(NULL);
}

const struct fptc__partition *fuzz_partition(void)
{
    static int is_there;

    if (!is_there) {
        if (sh_set_up(NULL) != 0)
            fuzz_die("no place for files", th_err.message);
        atexit(remove_place);
        is_there = 1;
    }
    return &sh_p;
}

void fuzz_write(const char *sub, const char *name, const void *data, size_t n)
{
    char path[FPTC_PATH_MAX];
    FILE *f;

    snprintf(path, sizeof(path), "%.3800s/%s/%s", fuzz_partition()->dir, sub, name);
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
        fuzz_die("cannot write", path);
}
