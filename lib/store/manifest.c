/* manifest.c: bases: listing them, reading one, publishing one. Format: lib/FORMAT.md, "Manifest". */
#include "store/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "store/publish.h"

#define MANIFEST_BYTES_MAX (1u << 20)
/* Openings while the server says ESTALE: Dovecot's bound. */
#define STALE_MAX 10

/* --- listing --- */

struct listing {
    uint64_t newest;
    uint64_t *list; /* newest first */
    size_t room, n, found;
};

static int note_base(const char *name, void *payload)
{
    struct listing *l = payload;
    uint64_t number = 0;
    if (!fptc__partition_number(name, &number))
        return 0;
    l->found++;
    if (number > l->newest)
        l->newest = number;
    if (!l->list || l->room == 0)
        return 0;
    size_t at = l->n < l->room ? l->n++ : l->room - 1;
    if (at == l->room - 1 && l->found > l->room && l->list[at] >= number)
        return 0;
    for (; at > 0 && l->list[at - 1] < number; at--)
        l->list[at] = l->list[at - 1];
    l->list[at] = number;
    return 0;
}

fptc_status fptc__bases_newest(const struct fptc__partition *p, uint64_t *out_number,
                               uint64_t *list, size_t n_list, size_t *out_n, fptc_error *err)
{
    char dir[FPTC_PATH_MAX];
    struct listing l = {.list = list, .room = n_list};
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = fptc__path(dir, &why, "%s/bases", p->dir);
    for (int i = 0; i < STALE_MAX && status == FPTC_OK; i++) {
        l = (struct listing){.list = list, .room = n_list};
        status = fptc__dir_list(dir, note_base, &l, &why);
        if (status != FPTC_EIO || why.sys_errno != ESTALE)
            break;
        status = i + 1 < STALE_MAX ? FPTC_OK : status;
    }
    if (status == FPTC_MISS) {
        l = (struct listing){.list = list};
        status = FPTC_OK;
    }
    *out_number = status == FPTC_OK ? l.newest : 0;
    if (out_n)
        *out_n = status == FPTC_OK ? l.found : 0;
    if (status != FPTC_OK && err)
        *err = why;
    return status;
}

/* --- reading --- */

static int take_hex(const fptc__json *object, const char *key, uint64_t *out)
{
    const char *text = fptc__json_get_text(object, key);
    char *end = NULL;
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return 0;
    *out = strtoull(text, &end, 16);
    return 1;
}

/* A plain name in files/, which leads nowhere else. */
static int take_name(const fptc__json *object, struct fptc__manifest *out)
{
    const char *name = fptc__json_get_text(object, "name");
    if (!name || !name[0] || name[0] == '.' || strchr(name, '/') ||
        strlen(name) >= sizeof(out->snapshot))
        return 0;
    memcpy(out->snapshot, name, strlen(name) + 1);
    return 1;
}

static int take_snapshot(const fptc__json *object, struct fptc__manifest *out)
{
    if (fptc__json_is_null(object))
        return 1;
    out->snapshot_bytes = fptc__json_get_int(object, "bytes");
    out->rows = fptc__json_get_int(object, "rows");
    return out->snapshot_bytes > 0 && take_name(object, out) &&
           take_hex(object, "checksum", &out->snapshot_checksum);
}

static fptc_status parse_body(const struct fptc__record *record, const char *path, uint64_t number,
                              struct fptc__manifest *out, fptc_error *err)
{
    fptc__json *body = NULL;
    fptc_status status = fptc__json_parse(record->body, record->len, path, &body, err);
    if (status == FPTC_ENOMEM)
        return status;
    const fptc__json *rollups = fptc__json_get(body, "rollups");
    out->upto = number;
    out->asof_ms = fptc__json_get_int(body, "asof");
    if (status != FPTC_OK || (uint64_t)fptc__json_get_int(body, "upto") != number ||
        !fptc__json_is_array(rollups) || !take_hex(body, "prev", &out->prev) ||
        !take_snapshot(fptc__json_get(body, "snapshot"), out))
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: its content is no manifest", path);
    else if (fptc__json_size(rollups) > 0)
        status = fptc__fail(err, FPTC_EFORMAT,
                            "%s was written by a newer version: roll-ups are not known here", path);
    fptc__json_free(body);
    return status;
}

static fptc_status parse(const struct fptc__buf *bytes, const char *path, uint64_t number,
                         struct fptc__manifest *out, fptc_error *err)
{
    struct fptc__commit c;
    fptc_status status =
        fptc__commit_decode(fptc__buf_text(bytes), bytes->len, path, number, &c, err);
    if (status == FPTC_OK && (c.n_records != 1 || c.records[0].kind != FPTC__BASE))
        status = fptc__fail(err, FPTC_EFORMAT, "%s is no manifest that this version knows", path);
    if (status == FPTC_OK)
        status = parse_body(&c.records[0], path, number, out, err);
    fptc__commit_done(&c);
    return status;
}

static fptc_status read_bytes(const char *path, struct fptc__buf *out, fptc_error *err)
{
    fptc_error why = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;
    for (int i = 0; i < STALE_MAX; i++) {
        status = fptc__file_read(path, MANIFEST_BYTES_MAX, out, &why);
        if (status != FPTC_EIO || why.sys_errno != ESTALE)
            break;
    }
    if (status == FPTC_ELIMIT)
        return fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: it is too long", path);
    if (status < 0 && err)
        *err = why;
    return status;
}

fptc_status fptc__manifest_read(const struct fptc__partition *p, uint64_t number,
                                struct fptc__manifest *out, fptc_error *err)
{
    char path[FPTC_PATH_MAX];
    struct fptc__buf bytes;
    *out = (struct fptc__manifest){.upto = 0};
    if (number == 0)
        return FPTC_OK;
    fptc__buf_init(&bytes, MANIFEST_BYTES_MAX);
    fptc_status status = fptc__partition_number_path(p, "bases", number, path, err);
    if (status == FPTC_OK)
        status = read_bytes(path, &bytes, err);
    if (status == FPTC_OK)
        status = parse(&bytes, path, number, out, err);
    fptc__buf_done(&bytes);
    if (status != FPTC_OK)
        *out = (struct fptc__manifest){.upto = 0};
    return status;
}

/* --- publishing --- */

static void put_body(const struct fptc__manifest *m, struct fptc__buf *out)
{
    fptc__buf_addf(out, "{\"upto\":%" PRIu64 ",\"snapshot\":", m->upto);
    if (m->snapshot[0]) {
        fptc__buf_adds(out, "{\"name\":");
        fptc__json_put_text(out, m->snapshot, strlen(m->snapshot));
        fptc__buf_addf(
            out, ",\"bytes\":%" PRId64 ",\"checksum\":\"%016" PRIx64 "\",\"rows\":%" PRId64 "}",
            m->snapshot_bytes, m->snapshot_checksum, m->rows);
    } else {
        fptc__buf_adds(out, "null");
    }
    fptc__buf_addf(out, ",\"rollups\":[],\"asof\":%" PRId64 ",\"prev\":\"%016" PRIx64 "\"}",
                   m->asof_ms, m->prev);
}

fptc_status fptc__manifest_publish(const struct fptc__partition *p, const struct fptc__manifest *m,
                                   fptc_error *err)
{
    struct fptc__commit_header head;
    struct fptc__buf body;
    fptc__writer_fill(&head, p);
    head.number = m->upto;
    head.prev = m->prev;
    fptc__buf_init(&body, MANIFEST_BYTES_MAX);
    put_body(m, &body);
    struct fptc__record record = {FPTC__BASE, fptc__buf_text(&body), body.len};
    fptc_status status = fptc__buf_check(&body, "a manifest", err);
    if (status == FPTC_OK)
        status = fptc__publish(p, "bases", &head, &record, 1, NULL, err);
    fptc__buf_done(&body);
    /* Gone again: newer bases came and its name was retired. Somebody else's base holds. */
    return status == FPTC_UNKNOWN ? FPTC_MISS : status;
}
