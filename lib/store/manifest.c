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
    for (int i = 0; i < FPTC_STALE_MAX && status == FPTC_OK; i++) {
        l = (struct listing){.list = list, .room = n_list};
        status = fptc__dir_list(dir, note_base, &l, &why);
        if (status != FPTC_EIO || why.sys_errno != ESTALE)
            break;
        status = i + 1 < FPTC_STALE_MAX ? FPTC_OK : status;
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
static int take_name(const fptc__json *object, char *out, size_t room)
{
    const char *name = fptc__json_get_text(object, "name");
    if (!name || !name[0] || name[0] == '.' || strchr(name, '/') || strlen(name) >= room)
        return 0;
    memcpy(out, name, strlen(name) + 1);
    return 1;
}

static int take_snapshot(const fptc__json *object, struct fptc__manifest *out)
{
    const fptc__json *upto = fptc__json_get(object, "upto");
    out->snapshot_upto = upto ? (uint64_t)fptc__json_get_int(object, "upto") : out->upto;
    out->snapshot_bytes = fptc__json_get_int(object, "bytes");
    out->rows = fptc__json_get_int(object, "rows");
    return out->snapshot_bytes > 0 && out->snapshot_upto <= out->upto &&
           take_name(object, out->snapshot, sizeof(out->snapshot)) &&
           take_hex(object, "checksum", &out->snapshot_checksum);
}

static int take_rollup(const fptc__json *object, struct fptc__rollup_file *out)
{
    out->from = (uint64_t)fptc__json_get_int(object, "from");
    out->to = (uint64_t)fptc__json_get_int(object, "to");
    out->bytes = fptc__json_get_int(object, "bytes");
    out->plain = fptc__json_get_int(object, "plain");
    return out->from > 0 && out->from <= out->to && out->bytes >= 0 && out->plain >= 0 &&
           take_name(object, out->name, sizeof(out->name)) &&
           take_hex(object, "checksum", &out->checksum);
}

static int take_rollups(const fptc__json *list, struct fptc__manifest *out)
{
    for (const fptc__json *i = fptc__json_first(list); i; i = fptc__json_next(i)) {
        if (!take_rollup(i, &out->rollups[out->n_rollups]))
            return 0;
        out->n_rollups++;
    }
    return 1;
}

/* Whether the snapshot and the roll-ups hold 1..S together. */
static int holds_all(const struct fptc__manifest *m)
{
    for (size_t i = 1; i < m->n_rollups; i++)
        if (m->rollups[i].from != m->rollups[i - 1].to + 1)
            return 0;
    if (m->n_rollups == 0)
        return m->snapshot_upto == m->upto;
    return m->snapshot_upto <= m->upto && m->rollups[0].from <= m->snapshot_upto + 1 &&
           m->rollups[m->n_rollups - 1].to == m->upto;
}

static int take_files(const fptc__json *body, struct fptc__manifest *out)
{
    const fptc__json *snapshot = fptc__json_get(body, "snapshot");
    if (!take_rollups(fptc__json_get(body, "rollups"), out))
        return 0;
    if (fptc__json_is_null(snapshot))
        out->snapshot_upto = out->n_rollups ? out->rollups[0].from - 1 : out->upto;
    else if (!take_snapshot(snapshot, out))
        return 0;
    return holds_all(out);
}

/* Said of S itself; a base with roll-ups behind a drop shows it by where they begin. */
static int take_dropped(const fptc__json *body, struct fptc__manifest *out)
{
    int says = fptc__json_is_true(fptc__json_get(body, "dropped"));
    if (says || (!out->snapshot[0] && out->n_rollups > 0))
        out->dropped = out->snapshot_upto;
    int64_t last = fptc__json_get_int(body, "last_drop");
    out->last_drop = last > 0 && (uint64_t)last > out->dropped ? (uint64_t)last : out->dropped;
    if (out->last_drop > out->upto)
        return 0;
    return !says || (!out->snapshot[0] && out->n_rollups == 0);
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
        !fptc__json_is_array(rollups) || !take_hex(body, "prev", &out->prev))
        status = fptc__fail(err, FPTC_EDAMAGED, "%s is damaged: its content is no manifest", path);
    else if (fptc__json_size(rollups) > FPTC_ROLLUPS_MAX)
        status = fptc__fail(err, FPTC_EFORMAT,
                            "%s was written by a newer version: it names more than %d roll-ups",
                            path, FPTC_ROLLUPS_MAX);
    else if (!take_files(body, out) || !take_dropped(body, out))
        status =
            fptc__fail(err, FPTC_EDAMAGED,
                       "%s is damaged: its files do not hold commits 1 to %" PRIu64, path, number);
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
    fptc_status status = fptc__file_read(path, MANIFEST_BYTES_MAX, out, &why);
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

/* --- its files --- */

int fptc__manifest_files(const struct fptc__manifest *m,
                         int (*each)(const char *name, int64_t bytes, void *ctx), void *ctx)
{
    int said = m->snapshot[0] ? each(m->snapshot, m->snapshot_bytes, ctx) : 0;
    for (size_t i = 0; i < m->n_rollups && said == 0; i++)
        said = each(m->rollups[i].name, m->rollups[i].bytes, ctx);
    return said;
}

struct look {
    const struct fptc__partition *p;
    fptc_error *err;
};

static int look_at(const char *name, int64_t bytes, void *ctx)
{
    const struct look *l = ctx;
    char path[FPTC_PATH_MAX];
    int64_t there = 0;
    fptc_status status = fptc__path(path, l->err, "%s/files/%s", l->p->dir, name);
    if (status == FPTC_OK)
        status = fptc__file_info(path, &there, NULL, l->err);
    if (status == FPTC_OK && there != bytes)
        status = FPTC_MISS;
    return (int)status;
}

fptc_status fptc__manifest_look(const struct fptc__partition *p, const struct fptc__manifest *m,
                                fptc_error *err)
{
    struct look l = {p, err};
    return (fptc_status)fptc__manifest_files(m, look_at, &l);
}

/* --- publishing --- */

static void put_rollup(const struct fptc__rollup_file *r, struct fptc__buf *out)
{
    fptc__buf_adds(out, "{\"name\":");
    fptc__json_put_text(out, r->name, strlen(r->name));
    fptc__buf_addf(out,
                   ",\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"bytes\":%" PRId64
                   ",\"plain\":%" PRId64 ",\"checksum\":\"%016" PRIx64 "\"}",
                   r->from, r->to, r->bytes, r->plain, r->checksum);
}

static void put_body(const struct fptc__manifest *m, struct fptc__buf *out)
{
    fptc__buf_addf(out, "{\"upto\":%" PRIu64 ",\"snapshot\":", m->upto);
    if (m->snapshot[0]) {
        fptc__buf_adds(out, "{\"name\":");
        fptc__json_put_text(out, m->snapshot, strlen(m->snapshot));
        fptc__buf_addf(out,
                       ",\"upto\":%" PRIu64 ",\"bytes\":%" PRId64 ",\"checksum\":\"%016" PRIx64
                       "\",\"rows\":%" PRId64 "}",
                       m->n_rollups ? m->snapshot_upto : m->upto, m->snapshot_bytes,
                       m->snapshot_checksum, m->rows);
    } else {
        fptc__buf_adds(out, "null");
    }
    fptc__buf_adds(out, ",\"rollups\":[");
    for (size_t i = 0; i < m->n_rollups; i++) {
        if (i > 0)
            fptc__buf_addc(out, ',');
        put_rollup(&m->rollups[i], out);
    }
    fptc__buf_addf(out, "],\"asof\":%" PRId64 ",\"prev\":\"%016" PRIx64 "\"%s", m->asof_ms, m->prev,
                   m->dropped > 0 && m->dropped == m->upto ? ",\"dropped\":true" : "");
    if (m->last_drop > 0)
        fptc__buf_addf(out, ",\"last_drop\":%" PRIu64, m->last_drop);
    fptc__buf_addc(out, '}');
}

struct from {
    const struct fptc__partition *p;
    uint64_t base;
};

static fptc_status look_from(void *ctx, fptc_error *err)
{
    const struct from *from = ctx;
    uint64_t newest = 0;
    fptc_status status = fptc__bases_newest(from->p, &newest, NULL, 0, NULL, err);
    return status == FPTC_OK && newest != from->base ? FPTC_END : status;
}

static fptc_status publish(const struct fptc__partition *p, const struct fptc__manifest *m,
                           const struct fptc__publish_look *look, fptc_error *err)
{
    struct fptc__commit_header head;
    struct fptc__buf body;
    if (m->n_rollups > 0 && !holds_all(m))
        return fptc__fail(err, FPTC_EINTERNAL,
                          "files that leave out commits were to be base %" PRIu64, m->upto);
    fptc__writer_fill(&head, p);
    head.number = m->upto;
    head.prev = m->prev;
    fptc__buf_init(&body, MANIFEST_BYTES_MAX);
    put_body(m, &body);
    struct fptc__record record = {FPTC__BASE, fptc__buf_text(&body), body.len};
    fptc_status status = fptc__buf_check(&body, "a manifest", err);
    if (status == FPTC_OK && look)
        status = fptc__publish_base(p, &head, &record, look, err);
    else if (status == FPTC_OK)
        status = fptc__publish(p, "bases", &head, &record, 1, NULL, err);
    fptc__buf_done(&body);
    /* Gone again: newer bases came and its name was retired. Somebody else's base holds. */
    return status == FPTC_UNKNOWN ? FPTC_MISS : status;
}

fptc_status fptc__manifest_publish(const struct fptc__partition *p, const struct fptc__manifest *m,
                                   fptc_error *err)
{
    return publish(p, m, NULL, err);
}

fptc_status fptc__manifest_publish_from(const struct fptc__partition *p,
                                        const struct fptc__manifest *m, uint64_t from,
                                        fptc_error *err)
{
    struct from of = {p, from};
    const struct fptc__publish_look look = {&of, look_from};
    return publish(p, m, &look, err);
}
