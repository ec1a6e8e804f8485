/* wish.c: see wish.h. */
#include "store/wish.h"

#include <string.h>

#include "base/datatype.h"
#include "store/tables.h"

/* The words of a wish. A link is looked up by id first: that tells its rows apart best. */
static const struct {
    const char *word;
    const char *before, *after, *second; /* second: another column of the field */
    int is_descending, is_ordered;
} words[] = {
    {"link", "", "__id", "__type", 0, 0},
    {"equal", "", "", NULL, 0, 0},
    {"range", "", "", NULL, 0, 0},
    {"asc", "", "", NULL, 0, 1},
    {"desc", "", "", NULL, 1, 1},
    {"fold", FPTC__FOLD_COLUMN, "", NULL, 0, 0},
    {"scan", FPTC__FOLD_COLUMN, "", NULL, 0, 0},
    {"fold-asc", FPTC__FOLD_COLUMN, "", NULL, 0, 1},
    {"fold-desc", FPTC__FOLD_COLUMN, "", NULL, 1, 1},
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

static int add(struct fptc__wish *w, const char *field, size_t word, const char *after)
{
    struct fptc__wish_column *c = &w->columns[w->n];

    if (w->n == FPTC__WISH_COLUMNS_MAX)
        return 0;
    memcpy(c->field, field, sizeof(c->field));
    c->before = words[word].before;
    c->after = after;
    c->is_descending = words[word].is_descending;
    c->is_ordered = words[word].is_ordered;
    w->n++;
    return 1;
}

/* "created_at desc": the text up to `end`. */
static int parse_part(const char *text, const char *end, struct fptc__wish *w)
{
    const char *gap = memchr(text, ' ', (size_t)(end - text));
    char field[FPTC_NAME_BYTES_MAX + 1] = "";
    size_t i = 0, n;

    if (!gap || (size_t)(gap - text) >= sizeof(field))
        return 0;
    memcpy(field, text, (size_t)(gap - text));
    n = (size_t)(end - gap) - 1;
    while (i < N_WORDS && (strlen(words[i].word) != n || strncmp(words[i].word, gap + 1, n) != 0))
        i++;
    if (i == N_WORDS || !fptc__is_name(field) || !add(w, field, i, words[i].after))
        return 0;
    return !words[i].second || add(w, field, i, words[i].second);
}

int fptc__wish_parse(const char *text, struct fptc__wish *out)
{
    memset(out, 0, sizeof(*out));
    if (strlen(text) > FPTC_WISH_BYTES_MAX)
        return 0;
    for (;;) {
        const char *end = strchr(text, ',');

        if (!parse_part(text, end ? end : text + strlen(text), out))
            return 0;
        if (!end)
            return 1;
        text = end + 1;
    }
}

int fptc__wish_column_is_fold(const struct fptc__wish_column *c)
{
    return c->before[0] != '\0';
}

void fptc__wish_column_name(const struct fptc__wish_column *c, struct fptc__buf *out)
{
    fptc__buf_addf(out, "%s%s%s", c->before, c->field, c->after);
}

static int has_column(sqlite3 *db, const char *schema, const char *type,
                      const struct fptc__wish_column *c)
{
    struct fptc__buf name;
    int has;

    fptc__buf_init(&name, 1024);
    fptc__buf_addf(&name, "%s%s", c->field, c->after);
    has = sqlite3_table_column_metadata(db, schema, type, fptc__buf_text(&name), NULL, NULL, NULL,
                                        NULL, NULL) == SQLITE_OK;
    fptc__buf_done(&name);
    return has;
}

int fptc__wish_fits(const struct fptc__wish *w, sqlite3 *db, const char *schema, const char *type)
{
    size_t i, k;

    for (i = 0; i < w->n; i++) {
        if (!has_column(db, schema, type, &w->columns[i]))
            return 0;
        for (k = 0; k < i; k++) {
            if (strcmp(w->columns[k].field, w->columns[i].field) == 0 &&
                strcmp(w->columns[k].after, w->columns[i].after) == 0)
                return 0;
        }
    }
    return w->n > 0;
}

int fptc__wish_is_within(const struct fptc__wish *w, const struct fptc__wish *longer)
{
    size_t i;

    if (w->n > longer->n)
        return 0;
    for (i = 0; i < w->n; i++) {
        const struct fptc__wish_column *a = &w->columns[i], *b = &longer->columns[i];

        if (strcmp(a->field, b->field) != 0 || strcmp(a->before, b->before) != 0 ||
            strcmp(a->after, b->after) != 0 ||
            (a->is_ordered && a->is_descending != b->is_descending))
            return 0;
        /* What is ordered ends with the id: nothing may come between. */
        if (a->is_ordered && i + 1 == w->n && longer->n > w->n)
            return 0;
    }
    return 1;
}

void fptc__wish_index_name(const char *type, const char *text, struct fptc__buf *out)
{
    fptc__buf_addf(out, "_fptc_i_%s__", type);
    for (; *text != '\0'; text++) {
        if (*text == ',')
            fptc__buf_adds(out, "__");
        else
            fptc__buf_addc(out, (char)(*text == ' ' || *text == '-' ? '_' : *text));
    }
}

void fptc__wish_sql(const struct fptc__wish *w, const char *schema, const char *type,
                    const char *text, struct fptc__buf *out)
{
    struct fptc__buf name;
    size_t i;

    fptc__buf_init(&name, 4096);
    fptc__wish_index_name(type, text, &name);
    fptc__buf_adds(out, "CREATE INDEX ");
    fptc__sql_quote(out, schema);
    fptc__buf_addc(out, '.');
    fptc__sql_quote(out, fptc__buf_text(&name));
    fptc__buf_adds(out, " ON ");
    fptc__sql_quote(out, type);
    for (i = 0; i < w->n; i++) {
        fptc__buf_done(&name);
        fptc__buf_init(&name, 4096);
        fptc__wish_column_name(&w->columns[i], &name);
        fptc__buf_adds(out, i ? ", " : "(");
        fptc__sql_quote(out, fptc__buf_text(&name));
        fptc__buf_adds(out, w->columns[i].is_descending ? " DESC" : "");
    }
    fptc__buf_addc(out, ')');
    fptc__buf_done(&name);
}
