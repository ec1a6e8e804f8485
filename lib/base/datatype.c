/* datatype.c: see datatype.h. */
#include "base/datatype.h"

#include <string.h>

#include "base/limits.h"

struct type_row {
    const char *name;
    enum fptc__class class_;
    int is_computed;
};

static const struct type_row types[] = {
    {"text", FPTC__TEXT, 0},
    {"entity", FPTC__LINK, 0},
    {"multi_entity", FPTC__LINKS, 0},
    {"number", FPTC__INTEGER, 0},
    {"date_time", FPTC__TEXT, 0},
    {"checkbox", FPTC__BOOL, 0},
    {"image", FPTC__NEVER, 0},
    {"pivot_column", FPTC__JSON, 1},
    {"list", FPTC__TEXT, 0},
    {"summary", FPTC__JSON, 1},
    {"status_list", FPTC__TEXT, 0},
    {"date", FPTC__TEXT, 0},
    {"url", FPTC__NEVER, 0},
    {"float", FPTC__REAL, 0},
    {"duration", FPTC__INTEGER, 0},
    {"percent", FPTC__INTEGER, 0},
    {"color", FPTC__TEXT, 0},
    {"entity_type", FPTC__TEXT, 0},
    {"serializable", FPTC__JSON, 0},
    {"timecode", FPTC__INTEGER, 0},
    {"calculated", FPTC__JSON, 1},
    {"query", FPTC__JSON, 1},
    {"url_template", FPTC__TEXT, 0},
    {"uuid", FPTC__TEXT, 0},
    {"currency", FPTC__REAL, 0},
    {"password", FPTC__NEVER, 0},
    {"jsonb", FPTC__JSON, 0},
    {"footage", FPTC__TEXT, 0},
    {"tag_list", FPTC__JSON, 0},
    {"addressing", FPTC__LINKS, 0},
    {"system_task_type", FPTC__TEXT, 0},
};

/* Values that differ from caller to caller (A§4.3): showing one's to another would be wrong. */
static const char *const per_caller[] = {
    "viewed_by_current_user", "viewed_by_current_user_at",     "read_by_current_user",
    "current_user_favorite",  "last_accessed_by_current_user", "accesses_by_current_user",
    "current_user_can_see",
};

static const struct type_row *find_type(const char *data_type)
{
    size_t i;

    for (i = 0; data_type && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, data_type) == 0)
            return &types[i];
    }
    return NULL;
}

static int is_per_caller(const char *field)
{
    size_t i;

    for (i = 0; i < sizeof(per_caller) / sizeof(per_caller[0]); i++) {
        if (strcmp(per_caller[i], field) == 0)
            return 1;
    }
    return 0;
}

enum fptc__class fptc__class_of(const char *data_type)
{
    const struct type_row *row = find_type(data_type);

    return row ? row->class_ : FPTC__JSON;
}

enum fptc__class fptc__class_of_field(const char *field, const char *data_type)
{
    const char *dot = strrchr(field, '.');

    /* A dotted field ("entity.Version.viewed_by_current_user") is its last part's value. */
    if (is_per_caller(dot ? dot + 1 : field))
        return FPTC__NEVER;
    return fptc__class_of(data_type);
}

int fptc__is_computed(const char *data_type)
{
    const struct type_row *row = find_type(data_type);

    return row ? row->is_computed : 0;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* SQLite keeps these for itself in any case; the locale must have no say in it. */
static int begins_with_sqlite(const char *name)
{
    static const char reserved[] = "sqlite_";
    size_t i;

    for (i = 0; reserved[i]; i++) {
        char c = name[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != reserved[i])
            return 0;
    }
    return 1;
}

int fptc__is_name(const char *name)
{
    size_t i;

    /* Names beginning with "_fptc_" fall here too: '_' is no letter. */
    if (!name || !is_letter(name[0]) || begins_with_sqlite(name))
        return 0;
    for (i = 1; name[i]; i++) {
        int digit = name[i] >= '0' && name[i] <= '9';

        if (i >= FPTC_NAME_BYTES_MAX || (!is_letter(name[i]) && !digit && name[i] != '_'))
            return 0;
    }
    return 1;
}

/* A small exponent: sign and at most three digits. */
static int atoi_bounded(const char *c)
{
    int sign = *c == '-' ? -1 : 1, v = 0, i;

    if (*c == '-' || *c == '+')
        c++;
    for (i = 0; i < 3 && c[i] >= '0' && c[i] <= '9'; i++)
        v = v * 10 + (c[i] - '0');
    return sign * v;
}

/* Digits go into an integer below 2^53 and one power of ten: exact for the 15 digits FPT keeps. */
double fptc__real_of_text(const char *text)
{
    const char *c = text;
    double digits = 0, scale = 1;
    int exponent = 0, sign = 1, seen_point = 0;

    if (*c == '-' || *c == '+')
        sign = *c++ == '-' ? -1 : 1;
    for (; (*c >= '0' && *c <= '9') || (*c == '.' && !seen_point); c++) {
        if (*c == '.') {
            seen_point = 1;
        } else {
            digits = digits * 10 + (*c - '0');
            exponent -= seen_point;
        }
    }
    if (*c == 'e' || *c == 'E')
        exponent += atoi_bounded(c + 1);
    for (; exponent > 0 && scale < 1e300; exponent--)
        scale *= 10;
    if (exponent == 0)
        return sign * digits * scale;
    for (; exponent < 0 && scale < 1e300; exponent++)
        scale *= 10;
    return sign * digits / scale;
}
