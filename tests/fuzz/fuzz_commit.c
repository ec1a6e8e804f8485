/*
 * fuzz_commit.c: commit files as a hostile or broken host may write them, and what comes of applying them.
 * Whatever the bytes are, decoding says OK, damaged or newer; and a commit that decodes is applied whole
 * or not at all, and does the same to a snapshot as to an overlay. Its last record does nothing when it comes
 * again under the next number, as after an append whose end was unclear. A drop leaves nothing but that it was,
 * in the snapshot of its base as in a reader's memory, and no coverage or answer from before it counts after it.
 *
 * An input is a first byte and the rest. 'R': the rest is a file as it is. 'S': the same, its checksums and
 * lengths put right. Anything else: the rest is lines "<kind> <body>", a record each; an empty line ends a
 * commit. Those commits are encoded by the library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_seal.h"
#include "store/commit.h"
#include "store/drop.h"
#include "unit/tables_help.h"

#define RECORDS_MAX 32
#define COMMITS_MAX 16
#define ROWS_MAX 64

/* A snapshot that is changed in place, and an overlay over an empty snapshot. */
static struct store in_place, overlay;
static uint64_t last_drop;

/* A record of a sound writer's names a row once; `lost` forgets each time (FORMAT.md). */
static int may_come_again(const struct fptc__record *record)
{
    const fptc__json *one, *other;
    fptc__json *body = NULL;
    int ok = record->kind != FPTC__LOST &&
             fptc__json_parse(record->body, record->len, "a record", &body, NULL) == FPTC_OK &&
             fptc__json_size(fptc__json_get(body, "rows")) <= ROWS_MAX;

    one = ok ? fptc__json_first(fptc__json_get(body, "rows")) : NULL;
    for (; one; one = fptc__json_next(one))
        for (other = fptc__json_next(one); other; other = fptc__json_next(other))
            ok = ok && fptc__json_get_int(one, "id") != fptc__json_get_int(other, "id");
    fptc__json_free(body);
    return ok;
}

/* As the log does for its sink (store/drop.c): FPTC_MISS is a hole. */
static fptc_status drop(const struct fptc__commit *c, uint64_t number)
{
    int64_t asof_ms = fptc__commit_drop_asof(c);

    if (asof_ms < 0)
        return FPTC_MISS;
    store_drop(&in_place, number, asof_ms);
    store_drop(&overlay, number, asof_ms);
    last_drop = number;
    return FPTC_OK;
}

/* A coverage or an answer that was asked for before the drop says nothing of what came after it. */
static int is_of_dropped(const struct fptc__commit *c)
{
    const struct fptc__record *record = c->records;
    fptc__json *body = NULL;
    int is = c->n_records == 1 && (record->kind == FPTC__COVER || record->kind == FPTC__QUERY) &&
             fptc__json_parse(record->body, record->len, "a record", &body, NULL) == FPTC_OK &&
             !fptc__json_is_true(fptc__json_get(body, "drop")) &&
             (uint64_t)fptc__json_get_int(body, "seen") < last_drop;

    fptc__json_free(body);
    return is;
}

/* *before: the state that was, replaced by the one that is. The number after this one is used, too. */
static void apply(const struct fptc__commit *c, uint64_t number, char **before)
{
    const struct fptc__record *records = c->records;
    size_t n = c->n_records;
    int is_drop = fptc__commit_drops(c);
    fptc_status status = is_drop ? drop(c, number) : store_apply(&in_place, number, records, n);
    fptc_status beside = is_drop ? status : store_apply(&overlay, number, records, n);
    char *after, *other;

    if (status != FPTC_OK && status != FPTC_MISS && status != FPTC_EFORMAT)
        fuzz_die("applying fails", th_err.message);
    if (beside != status)
        fuzz_die("an overlay fails in another way", th_err.message);
    if (status == FPTC_OK && !is_drop && n > 0 && may_come_again(&records[n - 1]) &&
        store_apply(&in_place, number + 1, &records[n - 1], 1) != FPTC_OK)
        fuzz_die("the second time fails", th_err.message);
    after = store_state(&in_place, 0);
    other = store_state(&overlay, 0);
    if (status != FPTC_OK && strcmp(*before, after) != 0)
        fuzz_die("half applied", state_difference(*before, after));
    if (is_of_dropped(c) && strcmp(*before, after) != 0)
        fuzz_die("what was asked before the drop counts", state_difference(*before, after));
    if (strcmp(after, other) != 0)
        fuzz_die("an overlay, or the second time, differs", state_difference(after, other));
    free(other);
    free(*before);
    *before = after;
}

static void decode_and_apply(const char *data, size_t size, uint64_t number, char **before)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__commit_header head;
    struct fptc__commit commit;
    uint64_t said = 0;
    size_t extent = fptc__commit_extent(data, size, &said);
    fptc_status status = fptc__commit_decode(data, size, "a file", number, &commit, &err);

    (void)fptc__commit_header_decode(data, size, &head);
    if (status != FPTC_OK && status != FPTC_EDAMAGED && status != FPTC_EFORMAT)
        fuzz_die("decoding fails", err.message);
    if (status != FPTC_OK && !err.message[0])
        fuzz_die("an error without words", "");
    if (extent > size || (status == FPTC_OK && (extent != size || said != number)))
        fuzz_die("a sound file of another length or number", err.message);
    if (status == FPTC_OK)
        apply(&commit, number, before);
    fptc__commit_done(&commit);
}

static void encode(const struct fptc__record *records, size_t n, uint64_t number, char **before)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__commit_header head = {.number = number, .pid = 1};
    struct fptc__buf file;

    snprintf(head.partition, sizeof(head.partition), "project-101");
    snprintf(head.writer, sizeof(head.writer), "fuzz");
    fptc__buf_init(&file, 64u << 20);
    if (fptc__commit_encode(&head, records, n, &file, NULL, &err) != FPTC_OK)
        fuzz_die("encoding fails", err.message);
    decode_and_apply(fptc__buf_text(&file), file.len, number, before);
    fptc__buf_done(&file);
}

/* Takes records off *at up to an empty line. */
static size_t read_records(char **at, struct fptc__record *records)
{
    size_t n = 0;

    while (**at && n < RECORDS_MAX) {
        char *line = *at, *body;
        size_t length = strcspn(line, "\n");

        *at = line[length] ? line + length + 1 : line + length;
        line[length] = '\0';
        if (length == 0)
            break;
        records[n].kind = (uint16_t)strtoul(line, &body, 10);
        body += *body == ' ';
        records[n].body = body;
        records[n].len = strlen(body);
        n++;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fptc__record records[RECORDS_MAX];
    struct fptc__buf file;
    char *text, *at, *state;
    uint64_t number;

    if (size == 0)
        return 0;
    last_drop = 0;
    store_open(&in_place);
    store_open(&overlay);
    store_split(&overlay);
    state = store_state(&in_place, 0);
    text = malloc(size);
    if (!text)
        abort();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    fptc__buf_init(&file, 64u << 20);
    if (data[0] == 'S')
        fuzz_seal_commit(data + 1, size - 1, 1, &file);
    if (data[0] == 'R')
        decode_and_apply(text, size - 1, 1, &state);
    else if (data[0] == 'S')
        decode_and_apply(fptc__buf_text(&file), file.len, 1, &state);
    else
        for (at = text, number = 1; *at && number <= 2 * COMMITS_MAX; number += 2)
            encode(records, read_records(&at, records), number, &state);
    fptc__buf_done(&file);
    free(text);
    free(state);
    store_close(&in_place);
    store_close(&overlay);
    return 0;
}
