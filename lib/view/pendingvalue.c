/* pendingvalue.c: what is written as FPT would keep it (A§1.9), as far as that is known without asking it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/datatype.h"
#include "view/pending.h"

static int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fptc__json *text_value(const char *data_type, const char *text)
{
    fptc__json *value;
    char iso[21], *copy;
    int64_t ms;
    size_t n;

    while (is_blank(*text))
        text++;
    n = strlen(text);
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    if (n == 0)
        return fptc__json_new_null();
    copy = strndup(text, n);
    if (copy == NULL)
        return NULL;
    if (strcmp(data_type, "date_time") == 0 && fptc__iso_to_ms(copy, &ms)) {
        fptc__iso_from_ms(ms, iso);
        value = fptc__json_new_text(iso);
    } else {
        value = fptc__json_new_text(copy);
    }
    free(copy);
    return value;
}

/* ------------------------------------------------------------------------------------------------ lists */

static int is_same_link(const fptc__json *a, const fptc__json *b)
{
    const char *type = fptc__json_get_text(a, "type"), *other = fptc__json_get_text(b, "type");

    return type != NULL && other != NULL && strcmp(type, other) == 0 &&
           fptc__json_get_int(a, "id") == fptc__json_get_int(b, "id");
}

static int has_link(const fptc__json *list, const fptc__json *link)
{
    const fptc__json *at;

    for (at = fptc__json_first(list); at != NULL; at = fptc__json_next(at)) {
        if (is_same_link(at, link))
            return 1;
    }
    return 0;
}

/* Each of `from` that `list` lacks, unless `but` has it. */
static int add_links(fptc__json *list, const fptc__json *from, const fptc__json *but)
{
    const fptc__json *at;
    int ok = list != NULL;

    for (at = fptc__json_first(from); at != NULL && ok; at = fptc__json_next(at)) {
        if (!has_link(list, at) && !has_link(but, at))
            ok = fptc__json_append(list, fptc__json_copy(at));
    }
    return ok;
}

static fptc__json *list_value(const fptc__json *old, const fptc__json *written)
{
    const char *mode = fptc__json_get_text(written, "multi_entity_update_mode");
    const fptc__json *value = mode == NULL ? written : fptc__json_get(written, "value");
    fptc__json *list = fptc__json_new_array();
    int is_removed = mode != NULL && strcmp(mode, "remove") == 0, ok = 1;

    if (is_removed || (mode != NULL && strcmp(mode, "add") == 0))
        ok = add_links(list, fptc__json_is_array(old) ? old : NULL, is_removed ? value : NULL);
    if (ok && !is_removed)
        ok = add_links(list, fptc__json_is_array(value) ? value : NULL, NULL);
    if (ok)
        return list;
    fptc__json_free(list);
    return NULL;
}

fptc__json *fptc__pending_value(const char *data_type, const fptc__json *old,
                                const fptc__json *written)
{
    enum fptc__class class_of = fptc__class_of(data_type);

    if (class_of == FPTC__LINKS || fptc__json_get(written, "multi_entity_update_mode") != NULL)
        return list_value(old, written);
    if (class_of == FPTC__TEXT && fptc__json_is_string(written))
        return text_value(data_type, fptc__json_text(written));
    return fptc__json_copy(written);
}
