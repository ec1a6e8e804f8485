/* site_summarize.c: FPT's `_summarize` (A§1.7), a read like a search (site.h). */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "upstream/ask.h"

static fptc_status take_summary(fptc__json *reply, fptc__json **out, fptc_error *err)
{
    const fptc__json *data = fptc__json_get(reply, "data");

    if (!fptc__json_is_object(fptc__json_get(data, "summaries")) ||
        !fptc__json_is_array(fptc__json_get(data, "groups")))
        return fptc__fail(err, FPTC_ESERVER, "a summary without `summaries` and `groups`");
    *out = fptc__json_detach(reply, data);
    return FPTC_OK;
}

static void write_body(struct fptc__buf *b, const struct fptc__summarize *summarize)
{
    fptc__buf_adds(b, "{\"filters\":");
    if (summarize->filters)
        fptc__json_print(summarize->filters, b);
    else
        fptc__buf_adds(b, "{\"logical_operator\":\"and\",\"conditions\":[]}");
    fptc__buf_adds(b, ",\"summary_fields\":");
    fptc__json_print(summarize->fields, b);
    if (fptc__json_size(summarize->grouping) > 0) {
        fptc__buf_adds(b, ",\"grouping\":");
        fptc__json_print(summarize->grouping, b);
    }
    fptc__buf_addf(b, ",\"options\":{\"include_archived_projects\":%s}}",
                   summarize->without_archived ? "false" : "true");
}

fptc_status fptc__site_summarize(struct fptc__site *s, const struct fptc__summarize *summarize,
                                 const struct fptc__call *call, fptc__json **out, fptc_error *err)
{
    struct fptc__ask a;
    fptc_status status = fptc__ask_init(&a, "summarize", summarize->type, 0, err);

    *out = NULL;
    if (status == FPTC_OK) {
        write_body(&a.body, summarize);
        snprintf(a.path + strlen(a.path), sizeof(a.path) - strlen(a.path), "/_summarize");
        a.x.method = "POST";
        a.x.content_type = FPTC__QUERY_TYPE;
        a.count = &s->n_summarize;
        status = fptc__buf_check(&a.body, a.what, err);
    }
    if (status == FPTC_OK)
        status = fptc__ask_read(s, &a, take_summary, call, out, err);
    fptc__ask_done(&a);
    return status;
}
