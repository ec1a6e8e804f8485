/* verbs_summarize.c: summarize. Lists of the command line become the JSON of fptc_cache_summarize(). */
#include "document.h"
#include "failure.h"
#include "session.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static void put_string(struct text *out, const char *key, const char *bytes, size_t length)
{
    char *copy = cli_copy(bytes, length);

    text_format(out, "\"%s\":", key);
    text_add_json(out, copy);
    free(copy);
}

/* "-due_date:month": a leading minus is for groups only. */
static void put_entry(struct text *out, const char *entry, size_t length, const char *normal_type)
{
    const char *colon = memchr(entry, ':', length);
    size_t name = colon ? (size_t)(colon - entry) : length;
    int is_descending = name > 0 && entry[0] == '-';

    text_put(out, out->length > 1 ? ",{" : "{");
    put_string(out, "field", entry + is_descending, name - (size_t)is_descending);
    text_put(out, ",");
    if (colon)
        put_string(out, "type", colon + 1, length - name - 1);
    else
        put_string(out, "type", normal_type, strlen(normal_type));
    if (is_descending)
        text_put(out, ",\"direction\":\"desc\"");
    text_put(out, "}");
}

static void put_list(struct text *out, const char *list, const char *normal_type)
{
    text_put(out, "[");
    while (list && *list) {
        size_t length = strcspn(list, ",");

        put_entry(out, list, length, normal_type);
        list += length + (list[length] == ',');
    }
    text_put(out, "]");
}

int verb_summarize(const struct arguments *a)
{
    const char *summaries = a->value[OPT_SUMMARIES] ? a->value[OPT_SUMMARIES] : "id:count";
    struct text fields = TEXT_INIT;
    struct text groups = TEXT_INIT;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_cache *cache = NULL;
    fptc_query *query = NULL;
    fptc_result *result = NULL;
    int failed = 0;

    if (fptc_query_new(a->words[0], &query, &err) != FPTC_OK)
        return fail(err.status, &err);
    put_list(&fields, summaries, "count");
    put_list(&groups, a->value[OPT_GROUP], "exact");
    failed = query_filters(a, query);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed && fptc_cache_summarize(cache, query, text_string(&fields), text_string(&groups),
                                        &result, &err) != FPTC_OK)
        failed = fail(err.status, &err);
    if (!failed)
        print_document(result, session_is_json(a));
    fptc_result_free(result);
    fptc_query_free(query);
    fptc_cache_close(cache);
    text_done(&fields);
    text_done(&groups);
    return failed;
}
