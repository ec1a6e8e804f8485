/*
 * repair_append.c: commits of a repair. They go on the greatest number there is plus one, without a state
 * below them: the log may not be readable. After the link `bases/` is listed, as for every append; who
 * lost the race, or finds a base above, does it again: every record is harmless twice.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/publish.h"
#include "store/repair.h"

static int note_greatest(const char *name, void *payload)
{
    uint64_t *greatest = payload, number = 0;

    if (fptc__partition_number(name, &number) && number > *greatest)
        *greatest = number;
    return 0;
}

static fptc_status find_head(const struct fptc__repair *r, uint64_t *out, fptc_error *err)
{
    static const char *const subs[] = {"log", "bases"};
    char dir[FPTC_PATH_MAX];
    fptc_status status = FPTC_OK;
    size_t i;

    *out = 0;
    for (i = 0; status == FPTC_OK && i < 2; i++) {
        status = fptc__path(dir, err, "%s/%s", r->p->dir, subs[i]);
        if (status == FPTC_OK)
            status = fptc__dir_list(dir, note_greatest, out, err);
        status = status == FPTC_MISS ? FPTC_OK : status;
    }
    return status;
}

fptc_status fptc__repair_read(const struct fptc__repair *r, uint64_t number,
                              struct fptc__commit *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf bytes;
    fptc_status status = fptc__partition_number_path(r->p, "log", number, path, err);

    memset(out, 0, sizeof(*out));
    fptc__buf_init(&bytes, FPTC_COMMIT_BYTES_MAX);
    if (status == FPTC_OK)
        status = fptc__file_read(path, FPTC_COMMIT_BYTES_MAX, &bytes, err);
    if (status == FPTC_OK)
        status = fptc__commit_decode(fptc__buf_text(&bytes), bytes.len, path, number, out, err);
    fptc__buf_done(&bytes);
    return status == FPTC_EDAMAGED || status == FPTC_ELIMIT ? FPTC_MISS : status;
}

/* 0 when it is not known. */
static uint64_t checksum_of(const struct fptc__repair *r, uint64_t number)
{
    struct fptc__commit c;
    uint64_t checksum = 0;

    if (fptc__repair_read(r, number, &c, NULL) == FPTC_OK)
        checksum = c.checksum;
    fptc__commit_done(&c);
    return checksum;
}

/* FPTC_OK: the number is ours, and no base hides it. FPTC_MISS: again. */
static fptc_status put(struct fptc__repair *r, const struct fptc__records *records, uint64_t number,
                       uint64_t *out_checksum, fptc_error *err)
{
    struct fptc__commit_header head;
    uint64_t newest = 0;
    fptc_status status;

    fptc__writer_fill(&head, r->p);
    head.number = number;
    head.prev = checksum_of(r, number - 1);
    status = fptc__publish(r->p, "log", &head, records->list, records->n, out_checksum, err);
    if (status == FPTC_MISS || status == FPTC_UNKNOWN)
        return FPTC_MISS;
    if (status == FPTC_OK)
        status = fptc__bases_newest(r->p, &newest, NULL, 0, NULL, err);
    return status == FPTC_OK && newest >= number ? FPTC_MISS : status;
}

fptc_status fptc__repair_append(struct fptc__repair *r, struct fptc__repair_append *a,
                                fptc_error *err)
{
    fptc_status status = FPTC_MISS;
    int i;

    for (i = 0; i < FPTC_APPEND_RACES_MAX && status == FPTC_MISS; i++) {
        struct fptc__records records;
        uint64_t head = 0;

        memset(&records, 0, sizeof(records));
        status = fptc__call_check(r->call, "repairing", err);
        if (status == FPTC_OK)
            status = find_head(r, &head, err);
        if (status == FPTC_OK)
            status = a->make(a->ctx, head + 1, &records, err);
        if (status == FPTC_OK)
            status = put(r, &records, head + 1, &a->checksum, err);
        a->number = head + 1;
        fptc__records_done(&records);
    }
    return status == FPTC_MISS ? fptc__fail(err, FPTC_ERACE, "others won %s every time", r->p->dir)
                               : status;
}

/* --- a commit that says nothing --------------------------------------------------------------- */

static fptc_status make_note(void *ctx, uint64_t number, struct fptc__records *out, fptc_error *err)
{
    struct fptc__repair *r = ctx;
    struct fptc__server_clock clock;
    struct fptc__buf body;
    int64_t now_ms = 0;
    fptc_status status;

    memset(&clock, 0, sizeof(clock));
    status = fptc__server_now(&clock, r->p, &now_ms, err);
    if (status != FPTC_OK)
        return status;
    fptc__buf_init(&body, 1024);
    fptc__buf_addf(&body,
                   "{\"key\":\"repaired\",\"value\":{\"commit\":%" PRIu64 "},\"asof\":%" PRId64 "}",
                   number, now_ms);
    status = fptc__records_add(out, FPTC__CONFIG, fptc__buf_text(&body), body.len, 0, err);
    fptc__buf_done(&body);
    return status;
}

fptc_status fptc__repair_note(struct fptc__repair *r, fptc_error *err)
{
    struct fptc__repair_append a = {r, make_note, 0, 0};

    return fptc__repair_append(r, &a, err);
}

fptc_status fptc__repair_fill(struct fptc__repair *r, const struct fptc__survey *s, fptc_error *err)
{
    uint64_t number = s->n_bases > 0 ? s->bases[0].manifest.upto : 0;
    fptc_status status = FPTC_OK;

    while (status == FPTC_OK && ++number < s->head) {
        struct fptc__records records;
        uint64_t checksum;

        if (fptc__survey_find(s, number))
            continue;
        memset(&records, 0, sizeof(records));
        status = make_note(r, number, &records, err);
        if (status == FPTC_OK)
            status = put(r, &records, number, &checksum, err);
        /* FPTC_MISS: a writer was first; its commit is there now, and that is all that is wanted. */
        status = status == FPTC_MISS ? FPTC_OK : status;
        fptc__records_done(&records);
    }
    return status;
}
