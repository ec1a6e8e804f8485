#include "api/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

fptc_status fptc__result_new(struct fptc_result **out, fptc_error *err)
{
    struct fptc_result *r = calloc(1, sizeof(*r));

    *out = r;
    if (r == NULL)
        return fptc__fail_nomem(err);
    fptc__buf_init(&r->warnings, 1u << 20);
    fptc__buf_init(&r->document, FPTC_RESULT_BYTES_MAX);
    fptc__buf_init(&r->json, FPTC_RESULT_BYTES_MAX);
    return FPTC_OK;
}

void fptc_result_free(fptc_result *result)
{
    if (result == NULL)
        return;
    fptc__stream_close(result->stream);
    fptc__rows_done(&result->rows);
    fptc__buf_done(&result->warnings);
    fptc__buf_done(&result->document);
    fptc__buf_done(&result->json);
    free(result);
}

void fptc__result_warn(struct fptc_result *r, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (r->warnings.len > 0)
        fptc__buf_addc(&r->warnings, '\n');
    fptc__buf_adds(&r->warnings, line);
}

fptc__json *fptc__result_warnings(const struct fptc_result *r)
{
    fptc__json *list = fptc__json_new_array();
    const char *line = fptc__buf_text(&r->warnings);
    char text[512];

    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        size_t n = len < sizeof(text) ? len : sizeof(text) - 1;

        memcpy(text, line, n);
        text[n] = '\0';
        if (!fptc__json_append(list, fptc__json_new_text(text))) {
            fptc__json_free(list);
            return NULL;
        }
        line += len + (line[len] == '\n');
    }
    return list;
}

void fptc__result_stream(struct fptc_result *r, struct fptc__stream *stream)
{
    r->stream = stream;
    r->is_streaming = 1;
    r->end = FPTC_END;
}

fptc_status fptc__result_document(struct fptc_result *r, const fptc__json *json, fptc_error *err)
{
    if (json == NULL)
        return fptc__fail_nomem(err);
    r->is_document = 1;
    fptc__json_print(json, &r->document);
    return fptc__buf_check(&r->document, "document", err);
}

/* ------------------------------------------------------------------------------------------ the cursor */

static const struct fptc__row *current(const fptc_result *r)
{
    return r == NULL || r->at == 0 || r->at > r->rows.n ? NULL : &r->rows.list[r->at - 1];
}

static fptc_status next_of_stream(fptc_result *r)
{
    fptc_error err = FPTC_ERROR_INIT;

    if (r->stream == NULL)
        return r->end;
    r->end = fptc__stream_next(r->stream, &r->rows, &err);
    r->at = r->end == FPTC_OK ? 1 : 0;
    if (r->end == FPTC_OK)
        return FPTC_OK;
    fptc__rows_clear(&r->rows);
    if (r->end != FPTC_END)
        fptc__result_warn(r, "%s", err.message);
    fptc__stream_close(r->stream);
    r->stream = NULL;
    return r->end;
}

fptc_status fptc_result_next(fptc_result *result)
{
    if (result != NULL && result->is_streaming)
        return next_of_stream(result);
    if (result == NULL || result->at >= result->rows.n) {
        if (result != NULL)
            result->at = result->rows.n + 1;
        return FPTC_END;
    }
    result->at++;
    return FPTC_OK;
}

void fptc_result_rewind(fptc_result *result)
{
    if (result != NULL && !result->is_streaming)
        result->at = 0;
}

int64_t fptc_result_count(const fptc_result *result)
{
    if (result != NULL && result->is_streaming)
        return -1;
    return result == NULL ? 0 : (int64_t)result->rows.n;
}

int32_t fptc_result_source(const fptc_result *result)
{
    return result == NULL ? 0 : result->source;
}

int64_t fptc_result_age_ms(const fptc_result *result)
{
    return result == NULL ? 0 : result->age_ms;
}

int32_t fptc_result_is_complete(const fptc_result *result)
{
    return result != NULL && result->is_complete;
}

const char *fptc_result_warnings(const fptc_result *result)
{
    return result == NULL ? "" : fptc__buf_text(&result->warnings);
}

const char *fptc_result_event_id(const fptc_result *result)
{
    return result == NULL ? "" : result->event_id;
}

int64_t fptc_result_id(const fptc_result *result)
{
    const struct fptc__row *row = current(result);

    return row == NULL ? 0 : row->id;
}

const char *fptc_result_type(const fptc_result *result)
{
    return current(result) == NULL || result->rows.type == NULL ? "" : result->rows.type;
}

int64_t fptc_result_version(const fptc_result *result)
{
    const struct fptc__row *row = current(result);

    return row == NULL ? 0 : row->version;
}

int32_t fptc_result_change(const fptc_result *result)
{
    const struct fptc__row *row = current(result);

    return row == NULL ? 0 : row->change;
}

int32_t fptc_result_is_pending(const fptc_result *result)
{
    const struct fptc__row *row = current(result);

    return row != NULL && (row->is_pending || row->id < 0);
}

size_t fptc_result_n_fields(const fptc_result *result)
{
    int knows = result != NULL && (result->is_streaming || current(result) != NULL);

    return knows ? result->rows.n_columns : 0;
}

const char *fptc_result_field(const fptc_result *result, size_t index)
{
    return index < fptc_result_n_fields(result) ? result->rows.names[index] : "";
}

static const struct fptc__cell *cell_of(const fptc_result *r, const char *field)
{
    const struct fptc__row *row = current(r);
    size_t at;

    if (row == NULL || field == NULL)
        return NULL;
    at = fptc__rows_column(&r->rows, field);
    return at == r->rows.n_columns ? NULL : &row->cells[at];
}

int32_t fptc_result_kind(const fptc_result *result, const char *field)
{
    const struct fptc__cell *cell = cell_of(result, field);

    return cell == NULL ? FPTC_KIND_ABSENT : cell->kind;
}

const char *fptc_result_text(const fptc_result *result, const char *field)
{
    const struct fptc__cell *cell = cell_of(result, field);

    if (cell == NULL) {
        const struct fptc__row *row = current(result);

        return row != NULL && field != NULL && strcmp(field, "moved_to") == 0 ? row->moved_to
                                                                              : NULL;
    }
    return cell->kind == FPTC_KIND_LINK ? cell->links[0].name : cell->text;
}

int64_t fptc_result_int64(const fptc_result *result, const char *field)
{
    const struct fptc__cell *cell = cell_of(result, field);

    return cell != NULL && (cell->kind == FPTC_KIND_INT || cell->kind == FPTC_KIND_BOOL) ? cell->i
                                                                                         : 0;
}

double fptc_result_double(const fptc_result *result, const char *field)
{
    const struct fptc__cell *cell = cell_of(result, field);

    return cell != NULL && (cell->kind == FPTC_KIND_INT || cell->kind == FPTC_KIND_FLOAT) ? cell->d
                                                                                          : 0;
}

size_t fptc_result_n_links(const fptc_result *result, const char *field)
{
    const struct fptc__cell *cell = cell_of(result, field);

    return cell != NULL && (cell->kind == FPTC_KIND_LINK || cell->kind == FPTC_KIND_LINKS)
               ? (size_t)cell->i
               : 0;
}

fptc_status fptc_result_link(const fptc_result *result, const char *field, size_t index,
                             const char **out_type, int64_t *out_id, const char **out_name)
{
    static const struct fptc__link none = {NULL, 0, NULL};
    int is_there = index < fptc_result_n_links(result, field);
    const struct fptc__link *link = is_there ? &cell_of(result, field)->links[index] : &none;

    if (out_type != NULL)
        *out_type = link->type;
    if (out_id != NULL)
        *out_id = link->id;
    if (out_name != NULL)
        *out_name = link->name;
    return is_there ? FPTC_OK : FPTC_MISS;
}

/* ---------------------------------------------------------------------------------------------- JSON */

static const char *finish_json(fptc_result *r, size_t *out_length)
{
    if (out_length != NULL)
        *out_length = r->json.failed == FPTC_OK ? r->json.len : 0;
    return r->json.failed == FPTC_OK ? fptc__buf_text(&r->json) : NULL;
}

const char *fptc_result_row_json(fptc_result *result, size_t *out_length)
{
    if (out_length != NULL)
        *out_length = 0;
    if (current(result) == NULL)
        return NULL;
    fptc__buf_clear(&result->json);
    fptc__rows_print(&result->rows, result->at - 1, &result->json);
    return finish_json(result, out_length);
}

static void print_warnings(const fptc_result *r, struct fptc__buf *out)
{
    const char *line = fptc__buf_text(&r->warnings);
    int n = 0;

    fptc__buf_addc(out, '[');
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");

        if (n++ > 0)
            fptc__buf_addc(out, ',');
        fptc__json_put_text(out, line, len);
        line += len + (line[len] == '\n');
    }
    fptc__buf_addc(out, ']');
}

/* ids of pending rows */
static void print_pending(const fptc_result *r, struct fptc__buf *out)
{
    size_t i;
    int n = 0;

    fptc__buf_adds(out, ",\"pending\":[");
    for (i = 0; i < r->rows.n; i++) {
        if (r->rows.list[i].is_pending || r->rows.list[i].id < 0)
            fptc__buf_addf(out, "%s%lld", n++ > 0 ? "," : "", (long long)r->rows.list[i].id);
    }
    fptc__buf_addc(out, ']');
}

const char *fptc_result_json(fptc_result *result, size_t *out_length)
{
    static const char *const sources[] = {"", "cache", "upstream", "stale"};
    struct fptc__buf *out;
    size_t i;

    if (out_length != NULL)
        *out_length = 0;
    if (result == NULL || result->is_streaming)
        return NULL;
    out = &result->json;
    fptc__buf_clear(out);
    if (result->is_document) {
        fptc__buf_add(out, fptc__buf_text(&result->document), result->document.len);
        return finish_json(result, out_length);
    }
    fptc__buf_adds(out, "{\"rows\":[");
    for (i = 0; i < result->rows.n; i++) {
        if (i > 0)
            fptc__buf_addc(out, ',');
        fptc__rows_print(&result->rows, i, out);
    }
    fptc__buf_addf(out, "],\"source\":\"%s\",\"age_s\":", sources[result->source & 3]);
    fptc__json_put_double(out, (double)result->age_ms / 1000.0);
    fptc__buf_addf(out, ",\"complete\":%s,\"warnings\":", result->is_complete ? "true" : "false");
    print_warnings(result, out);
    print_pending(result, out);
    if (result->event_id[0] != '\0')
        fptc__buf_addf(out, ",\"event_id\":\"%s\"", result->event_id);
    fptc__buf_addc(out, '}');
    return finish_json(result, out_length);
}
