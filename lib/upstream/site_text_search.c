/* site_text_search.c: FPT's search in names (A§1.7). */
#include <string.h>

#include "upstream/ask.h"
#include "upstream/mapping.h"

/* Filters as lists of triples. */
#define TRIPLES_TYPE "application/vnd+shotgun.api3_array+json"

static fptc_status take_matches(fptc__json *reply, fptc__json **out, fptc_error *err)
{
    return fptc__map_list(reply, out, err);
}

static fptc_status text_search_init(struct fptc__ask *a, const struct fptc__text_search *search,
                                    fptc_error *err)
{
    fptc__ask_init_at(a, "text search", "/entity/_text_search");
    fptc__buf_adds(&a->body, "{\"text\":");
    fptc__json_put_text(&a->body, search->text, strlen(search->text));
    fptc__buf_adds(&a->body, ",\"entity_types\":");
    fptc__json_print(search->entity_types, &a->body);
    fptc__buf_addf(&a->body, ",\"page\":{\"size\":%lld,\"number\":%lld}}",
                   (long long)search->page_size, (long long)search->page_number);
    a->x.method = "POST";
    a->x.content_type = search->has_groups ? FPTC__QUERY_TYPE : TRIPLES_TYPE;
    return fptc__buf_check(&a->body, a->what, err);
}

fptc_status fptc__site_text_search(struct fptc__site *s, const struct fptc__text_search *search,
                                   const struct fptc__call *call, fptc__json **out_rows,
                                   fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status = text_search_init(&a, search, err);

    *out_rows = NULL;
    a.count = &s->n_text_search;
    if (status == FPTC_OK)
        status = fptc__ask_read(s, &a, take_matches, call, out_rows, err);
    fptc__ask_done(&a);
    return status;
}
