/*
 * fuzz_manifest.c: bases/<S> and roll-ups as a hostile or broken host may write them. A manifest that is
 * accepted names only plain files, which hold the commits up to S; a roll-up gives commits in order, of
 * the numbers in its name, and ends.
 *
 * An input is a text up to the first NUL, the body of the manifest, and then commits, each after two bytes that
 * say how long it is. 'R' as the first byte: all of it is the manifest's file as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_seal.h"
#include "store/manifest.h"
#include "store/rollup_file.h"

#define NUMBER 12
#define COMMITS_MAX 16

static void check_name(const char *name)
{
    if (!name[0] || name[0] == '.' || strchr(name, '/'))
        fuzz_die("a name that leads elsewhere", name);
}

static void check_manifest(const struct fptc__manifest *m)
{
    uint64_t next = 0;
    size_t i;

    if (m->upto != NUMBER || m->snapshot_upto > NUMBER || m->n_rollups > FPTC_ROLLUPS_MAX)
        fuzz_die("numbers that cannot be", "");
    if (m->snapshot[0])
        check_name(m->snapshot);
    for (i = 0; i < m->n_rollups; i++) {
        const struct fptc__rollup_file *r = &m->rollups[i];

        check_name(r->name);
        if (r->from > r->to || (i > 0 && r->from != next) ||
            (i == 0 && r->from > m->snapshot_upto + 1))
            fuzz_die("a gap between roll-ups", r->name);
        next = r->to + 1;
    }
    if (m->dropped && (m->dropped != m->snapshot_upto || m->snapshot[0]))
        fuzz_die("a drop that leaves a snapshot", m->snapshot);
    if (m->last_drop < m->dropped || m->last_drop > m->upto)
        fuzz_die("a last drop that cannot be", "");
    if (next ? next != NUMBER + 1 : m->snapshot_upto != NUMBER)
        fuzz_die("commits that no file holds", "");
}

static void check_status(fptc_status status, const fptc_error *err)
{
    if (status != FPTC_OK && status != FPTC_EDAMAGED && status != FPTC_EFORMAT)
        fuzz_die("reading fails", err->message);
    if (status != FPTC_OK && !err->message[0])
        fuzz_die("an error without words", "");
}

static void read_manifest(const void *file, size_t size)
{
    static struct fptc__manifest m;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;

    fuzz_write("bases", "0000000000000012", file, size);
    status = fptc__manifest_read(fuzz_partition(), NUMBER, &m, &err);
    check_status(status, &err);
    if (status != FPTC_OK)
        return;
    check_manifest(&m);
    (void)fptc__manifest_look(fuzz_partition(), &m, &err);
}

static void read_body(const char *body)
{
    struct fptc__commit_header head = {.number = NUMBER};
    struct fptc__record record = {FPTC__BASE, body, strlen(body)};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__buf file;

    snprintf(head.partition, sizeof(head.partition), "project-101");
    fptc__buf_init(&file, 64u << 20);
    if (fptc__commit_encode(&head, &record, 1, &file, NULL, &err) != FPTC_OK)
        fuzz_die("encoding fails", err.message);
    read_manifest(file.data, file.len);
    fptc__buf_done(&file);
}

static void read_rollup(const struct fptc__buf *bytes, uint64_t above)
{
    struct fptc__rollup_file file = {.name = "2-12-fuzz.rollup", .from = 2, .to = NUMBER};
    struct fptc__rollup_reader reader = {.at = 0};
    struct fptc__commit commit;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status;
    uint64_t last = above > 1 ? above : 1;

    file.bytes = (int64_t)bytes->len;
    file.checksum =
        fptc__checksum_add(fptc__checksum_start(), bytes->len ? bytes->data : "", bytes->len);
    fuzz_write("files", file.name, bytes->len ? bytes->data : "", bytes->len);
    status = fptc__rollup_load(fuzz_partition(), &file, &reader, &err);
    check_status(status, &err);
    while (status == FPTC_OK) {
        status = fptc__rollup_next(&reader, &file, above, &commit, &err);
        if (status == FPTC_OK && (commit.head.number <= last || commit.head.number > NUMBER))
            fuzz_die("a number that is not its turn", "");
        last = commit.head.number;
        fptc__commit_done(&commit);
    }
    if (status != FPTC_END)
        check_status(status, &err);
    fptc__rollup_done(&reader);
}

/* The commits of a roll-up: numbers ascend by what their first bytes say; 'R' keeps one as it is. */
static void join_commits(const uint8_t *data, size_t size, struct fptc__buf *out)
{
    uint64_t number = 1;
    int n;

    for (n = 0; n < COMMITS_MAX && size >= 2; n++) {
        size_t length = ((size_t)data[0] | (size_t)data[1] << 8) % (size - 1);

        data += 2;
        size -= 2;
        number += length > 16 ? 1 + data[16] % 2u : 1;
        if (length > 0 && data[0] == 'R')
            fptc__buf_add(out, (const char *)data, length);
        else
            fuzz_seal_commit(data, length, number, out);
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t length = end ? (size_t)(end - data) : size;
    struct fptc__buf rollup;
    char *body;

    if (size > 0 && data[0] == 'R') {
        read_manifest(data + 1, size - 1);
        return 0;
    }
    body = malloc(length + 1);
    if (!body)
        abort();
    memcpy(body, data, length);
    body[length] = '\0';
    read_body(body);
    fptc__buf_init(&rollup, 64u << 20);
    if (end)
        join_commits(end + 1, size - length - 1, &rollup);
    read_rollup(&rollup, length % 4);
    fptc__buf_done(&rollup);
    free(body);
    return 0;
}
