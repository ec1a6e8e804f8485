/* random_help.c: see random_help.h. */
#include "random_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h wants these and the one of the header before it */
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

uint32_t roll(struct dice *d, uint32_t n)
{
    uint64_t z = (d->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

uint64_t dice_seed(void)
{
    const char *text = getenv("FPTC_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)fptc__wall_ms();
    printf("FPTC_SEED=%" PRIu64 "\n", seed);
    return seed;
}

static const char *const types_of_rows[] = {"Shot", "Asset", "Note"};

static void random_link(struct dice *d, struct fptc__buf *out)
{
    static const char *const names[] = {"\"name\":\"Ann\"", "\"name\":\"Bob\"", "\"name\":null",
                                        "\"name\":\"Sh\\u00f6t \\\"x\\\"\""};
    fptc__buf_addf(out, "{\"type\":\"%s\",\"id\":%u,%s}", types_of_rows[roll(d, 3)], 1 + roll(d, 8),
                   names[roll(d, 4)]);
}

static void random_value(struct dice *d, const char *data_type, struct fptc__buf *out)
{
    static const char *const odd[] = {"null", "\"\"",  "\"007\"", "\" 12 \"",
                                      "1e17", "\"x\"", "true"};
    uint32_t i, n;

    if (roll(d, 4) == 0) {
        fptc__buf_adds(out, "null");
    } else if (strcmp(data_type, "entity") == 0) {
        random_link(d, out);
    } else if (strcmp(data_type, "multi_entity") == 0) {
        fptc__buf_addc(out, '[');
        for (i = 0, n = roll(d, 4); i < n; i++) {
            if (i)
                fptc__buf_addc(out, ',');
            random_link(d, out);
        }
        fptc__buf_addc(out, ']');
    } else if (strcmp(data_type, "float") == 0) {
        fptc__buf_addf(out, "\"%d.%07u\"", (int)roll(d, 3) - 1, roll(d, 3) * 1234567);
    } else if (strcmp(data_type, "checkbox") == 0) {
        fptc__buf_adds(out, roll(d, 2) ? "true" : "false");
    } else if (strcmp(data_type, "jsonb") == 0) {
        fptc__buf_adds(out, roll(d, 2) ? "{\"a\":1,\"b\":[2]}" : "{\"b\":[2],\"a\":1}");
    } else if (roll(d, 6) == 0) {
        fptc__buf_adds(out, odd[roll(d, 7)]);
    } else if (strcmp(data_type, "number") == 0) {
        fptc__buf_addf(out, "%u", roll(d, 3));
    } else {
        fptc__buf_addf(out, "\"v%u\"", roll(d, 3));
    }
}

struct random_field {
    const char *name, *data_type;
};

/* Fields of a record: a subset; sg_new comes late, sg_odd changes its data type. */
static size_t random_fields(struct dice *d, uint64_t number, struct random_field *out)
{
    static const struct random_field all[] = {
        {"code", "text"},      {"sg_n", "number"},
        {"sg_f", "float"},     {"sg_b", "checkbox"},
        {"project", "entity"}, {"assets", "multi_entity"},
        {"sg_j", "jsonb"},     {"sg_sum", "summary"},
        {"image", "image"},    {"cached_display_name", "text"},
    };
    static const char *const changing[] = {"text", "number", "entity", "multi_entity", "float"};
    size_t i, n = 0;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (roll(d, 8) != 0)
            out[n++] = all[i];
    }
    if (number > 10 && roll(d, 2))
        out[n++] = (struct random_field){"sg_new", "text"};
    if (roll(d, 3) == 0)
        out[n++] = (struct random_field){"sg_odd", changing[roll(d, 5)]};
    if (roll(d, 8) != 0)
        out[n++] = (struct random_field){"updated_at", "date_time"};
    return n;
}

static void add_common(struct dice *d, uint64_t number, const char *type, struct fptc__buf *out)
{
    fptc__buf_addf(out, "{\"type\":\"%s\",\"seen\":%u,\"asof\":%u", type,
                   roll(d, 3) ? (unsigned)(number - 1 - roll(d, number > 4 ? 4 : (uint32_t)number))
                              : roll(d, (uint32_t)number),
                   1000 + roll(d, 20));
    if (roll(d, 10) == 0)
        fptc__buf_addf(out, ",\"event\":\"ev%u\"", roll(d, 30));
}

static void add_types(const struct random_field *fields, size_t n, struct fptc__buf *out)
{
    size_t i;
    fptc__buf_adds(out, ",\"types\":{");
    for (i = 0; i < n; i++)
        fptc__buf_addf(out, "%s\"%s\":\"%s\"", i ? "," : "", fields[i].name, fields[i].data_type);
    fptc__buf_addc(out, '}');
}

static void random_rows(struct dice *d, uint64_t number, struct fptc__buf *out)
{
    struct random_field fields[16];
    size_t i, n = random_fields(d, number, fields);
    uint32_t r, rows = 1 + roll(d, 5), first = roll(d, 10);

    add_common(d, number, types_of_rows[roll(d, 3)], out);
    add_types(fields, n, out);
    fptc__buf_adds(out, ",\"rows\":[");
    for (r = 0; r < rows; r++) {
        fptc__buf_addf(out, "%s{\"id\":%u", r ? "," : "", 1 + (first + r) % 10);
        for (i = 0; i < n; i++) {
            if (roll(d, 12) == 0)
                continue; /* missing counts as null */
            fptc__buf_addf(out, ",\"%s\":", fields[i].name);
            if (strcmp(fields[i].name, "updated_at") == 0)
                fptc__buf_addf(out, "\"2026-01-01T00:00:%02uZ\"", roll(d, 12));
            else
                random_value(d, fields[i].data_type, out);
        }
        fptc__buf_addc(out, '}');
    }
    fptc__buf_adds(out, "]}");
}

static void random_gone(struct dice *d, uint64_t number, struct fptc__buf *out)
{
    uint32_t r, rows = 1 + roll(d, 2), first = roll(d, 10);

    add_common(d, number, types_of_rows[roll(d, 3)], out);
    fptc__buf_adds(out, ",\"rows\":[");
    for (r = 0; r < rows; r++) {
        fptc__buf_addf(out, "%s{\"id\":%u", r ? "," : "", 1 + (first + r) % 10);
        if (roll(d, 2))
            fptc__buf_addf(out, ",\"updated_at\":\"2026-01-01T00:00:%02uZ\"", roll(d, 12));
        if (roll(d, 4) == 0)
            fptc__buf_adds(out, ",\"moved_to\":\"project-102\"");
        fptc__buf_addc(out, '}');
    }
    fptc__buf_adds(out, "]}");
}

static uint16_t random_meta(struct dice *d, uint64_t number, struct fptc__buf *out)
{
    struct random_field fields[16];
    size_t n = random_fields(d, number, fields);
    unsigned asof = 1000 + roll(d, 20);

    switch (roll(d, 3)) {
    case 0:
        if (roll(d, 6) == 0) {
            fptc__buf_adds(out, "{\"type\":\"Shot\",\"drop\":true}");
            return FPTC__COVER;
        }
        fptc__buf_addf(out, "{\"type\":\"%s\",\"asof\":%u,\"mark\":\"m%u\",\"max_id\":%u",
                       types_of_rows[roll(d, 3)], asof, roll(d, 3), roll(d, 3));
        add_types(fields, n, out);
        fptc__buf_addc(out, '}');
        return FPTC__COVER;
    case 1:
        fptc__buf_addf(out, "{\"hash\":\"h%u\",\"text\":\"{}\",\"type\":\"%s\",\"asof\":%u",
                       roll(d, 4), types_of_rows[roll(d, 3)], asof);
        if (roll(d, 2))
            fptc__buf_addf(out, ",\"seen\":%u", roll(d, (uint32_t)number));
        fptc__buf_addf(out, ",\"touches\":[\"Shot\"],\"ids\":[%u,%u]", roll(d, 4), roll(d, 4));
        add_types(fields, n, out);
        fptc__buf_addc(out, '}');
        return FPTC__QUERY;
    default:
        fptc__buf_addf(out, "{\"key\":\"k%u\",\"value\":%s,\"asof\":%u}", roll(d, 4),
                       roll(d, 3) ? "{\"x\":1}" : "null", asof);
        return FPTC__CONFIG;
    }
}

static uint16_t random_mutation(struct dice *d, struct fptc__buf *out)
{
    unsigned event = roll(d, 12), asof = 1000 + roll(d, 20);

    switch (roll(d, 5)) {
    case 0:
        fptc__buf_addf(out,
                       "{\"event\":\"m%u\",\"verb\":\"update\",\"type\":\"Shot\",\"id\":%u,"
                       "\"data\":{\"code\":\"x\"},\"asof\":%u}",
                       event, roll(d, 5), asof);
        return FPTC__MUTATE;
    case 1:
        fptc__buf_addf(out,
                       "{\"events\":[\"m%u\",\"m%u\"],\"no\":%u,\"writer\":\"w%u\",\"asof\":%u}",
                       event, roll(d, 12), 1 + roll(d, 3), roll(d, 3), asof);
        return FPTC__ATTEMPT;
    case 2:
        fptc__buf_addf(out, "{\"event\":\"m%u\",\"id\":%u,\"partition\":\"project-101\"}", event,
                       roll(d, 5));
        return FPTC__SETTLE;
    case 3:
        fptc__buf_addf(out,
                       "{\"event\":\"m%u\",\"verdict\":\"%s\",\"no\":%u,\"data\":{\"code\":\"y\"},"
                       "\"who\":\"w\",\"asof\":%u}",
                       event, roll(d, 3) ? "retry" : "drop", 1 + roll(d, 3), asof);
        return FPTC__DECIDE;
    default:
        fptc__buf_addf(out, "{\"event\":\"m%u\",\"status\":400,\"text\":\"no\",\"asof\":%u}", event,
                       asof);
        return FPTC__REFUSE;
    }
}

void random_commit(struct dice *d, uint64_t number, uint32_t most, struct fptc__records *out)
{
    uint32_t i, n = 1 + roll(d, most);

    for (i = 0; i < n; i++) {
        struct fptc__buf body;
        uint16_t kind = FPTC__ROWS;
        uint32_t what = roll(d, 10);

        fptc__buf_init(&body, 1u << 24);
        if (what < 5)
            random_rows(d, number, &body);
        else if (what < 7)
            random_gone(d, number, &body), kind = FPTC__GONE;
        else if (what < 9)
            kind = random_meta(d, number, &body);
        else
            kind = random_mutation(d, &body);
        assert_int_equal(fptc__records_add(out, kind, fptc__buf_text(&body), body.len, 0, NULL),
                         FPTC_OK);
        fptc__buf_done(&body);
    }
}
