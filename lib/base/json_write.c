/* json_write.c: see json.h; building and printing (json.c: parsing and reading). */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53 */

fptc__json *fptc__json_new_object(void)
{
    return cJSON_CreateObject();
}

fptc__json *fptc__json_new_array(void)
{
    return cJSON_CreateArray();
}

fptc__json *fptc__json_new_text(const char *text)
{
    return text ? cJSON_CreateString(text) : NULL;
}

fptc__json *fptc__json_new_int(int64_t v)
{
    return cJSON_CreateNumber((double)v);
}

fptc__json *fptc__json_new_double(double v)
{
    return cJSON_CreateNumber(v);
}

fptc__json *fptc__json_new_bool(int v)
{
    return cJSON_CreateBool(v != 0);
}

fptc__json *fptc__json_new_null(void)
{
    return cJSON_CreateNull();
}

fptc__json *fptc__json_copy(const fptc__json *v)
{
    return v ? cJSON_Duplicate(v, 1) : NULL;
}

int fptc__json_set(fptc__json *object, const char *key, fptc__json *child)
{
    cJSON *old =
        cJSON_IsObject(object) && key ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;

    if (!child || !key || !cJSON_IsObject(object) || !cJSON_AddItemToObject(object, key, child)) {
        cJSON_Delete(child);
        return 0;
    }
    /* Added before the old one goes: a failure leaves the object as it was. */
    if (old)
        cJSON_Delete(cJSON_DetachItemViaPointer(object, old));
    return 1;
}

int fptc__json_append(fptc__json *array, fptc__json *child)
{
    if (!child || !cJSON_IsArray(array) || !cJSON_AddItemToArray(array, child)) {
        cJSON_Delete(child);
        return 0;
    }
    return 1;
}

fptc__json *fptc__json_array_of(fptc__json *object, const char *key)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);

    if (list)
        return list;
    list = cJSON_CreateArray();
    return fptc__json_set(object, key, list) ? list : NULL;
}

fptc__json *fptc__json_detach(fptc__json *parent, const fptc__json *child)
{
    cJSON *c = parent && child ? parent->child : NULL;

    while (c && c != child)
        c = c->next;
    return c ? cJSON_DetachItemViaPointer(parent, c) : NULL;
}

static void put_escape(struct fptc__buf *out, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    size_t i;

    for (i = 0; i + 1 < sizeof(named); i += 2) {
        if ((unsigned char)named[i] == c) {
            fptc__buf_addc(out, '\\');
            fptc__buf_addc(out, named[i + 1]);
            return;
        }
    }
    fptc__buf_addf(out, "\\u%04x", (unsigned)c);
}

void fptc__json_put_text(struct fptc__buf *out, const char *text, size_t len)
{
    size_t start = 0;
    size_t i;

    fptc__buf_addc(out, '"');
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        fptc__buf_add(out, text + start, i - start);
        put_escape(out, c);
        start = i + 1;
    }
    fptc__buf_add(out, text + start, len - start);
    fptc__buf_addc(out, '"');
}

/* The host may have set any locale: whatever stands for the decimal point becomes one. */
static void put_number_text(struct fptc__buf *out, const char *text)
{
    int in_point = 0;

    for (; *text; text++) {
        int plain = strchr("0123456789+-e", *text) != NULL;

        if (plain)
            fptc__buf_addc(out, *text);
        else if (!in_point)
            fptc__buf_addc(out, '.');
        in_point = !plain;
    }
}

void fptc__json_put_double(struct fptc__buf *out, double v)
{
    char text[64];
    int precision;

    if (!isfinite(v)) { /* 1e999 reads back as what it was */
        fptc__buf_adds(out, isnan(v) ? "null" : v > 0 ? "1e999" : "-1e999");
        return;
    }
    if (v >= -INTEGER_MAX && v <= INTEGER_MAX && (double)(int64_t)v == v) {
        fptc__buf_addf(out, "%lld", (long long)v);
        return;
    }
    for (precision = 15; precision <= 17; precision++) {
        double back;

        snprintf(text, sizeof(text), "%.*g", precision, v);
        back = strtod(text, NULL);
        if (back <= v && back >= v)
            break;
    }
    put_number_text(out, text);
}

void fptc__json_put_float(struct fptc__buf *out, double v)
{
    size_t start = out->len;

    fptc__json_put_double(out, v);
    if (!out->failed && !strpbrk(fptc__buf_text(out) + start, ".eE"))
        fptc__buf_adds(out, ".0");
}

int fptc__json_make_float(fptc__json *v, double value)
{
    struct fptc__buf text;
    char *copy;

    fptc__buf_init(&text, 400);
    fptc__json_put_float(&text, value);
    copy = text.failed ? NULL : cJSON_malloc(text.len + 1);
    if (copy) {
        memcpy(copy, fptc__buf_text(&text), text.len + 1);
        cJSON_Delete(v->child);
        cJSON_free(v->valuestring);
        v->child = NULL;
        v->type = cJSON_Number;
        v->valuedouble = value;
        v->valuestring = copy;
    }
    fptc__buf_done(&text);
    return copy != NULL;
}

static void print_value(const fptc__json *v, struct fptc__buf *out, unsigned depth);

static void print_members(const fptc__json *v, struct fptc__buf *out, unsigned depth)
{
    int is_object = cJSON_IsObject(v);
    const fptc__json *c;

    if (depth > FPTC_JSON_DEPTH_MAX) {
        if (!out->failed)
            out->failed = FPTC_ELIMIT;
        return;
    }
    fptc__buf_addc(out, is_object ? '{' : '[');
    for (c = v->child; c && !out->failed; c = c->next) {
        if (c != v->child)
            fptc__buf_addc(out, ',');
        if (is_object) {
            fptc__json_put_text(out, c->string, strlen(c->string));
            fptc__buf_addc(out, ':');
        }
        print_value(c, out, depth);
    }
    fptc__buf_addc(out, is_object ? '}' : ']');
}

static void print_value(const fptc__json *v, struct fptc__buf *out, unsigned depth)
{
    if (cJSON_IsObject(v) || cJSON_IsArray(v))
        print_members(v, out, depth + 1);
    else if (cJSON_IsString(v))
        fptc__json_put_text(out, v->valuestring, strlen(v->valuestring));
    else if (cJSON_IsNumber(v) && v->valuestring)
        fptc__buf_adds(out, v->valuestring); /* fptc__json_make_float() */
    else if (cJSON_IsNumber(v))
        fptc__json_put_double(out, v->valuedouble);
    else if (cJSON_IsBool(v))
        fptc__buf_adds(out, cJSON_IsTrue(v) ? "true" : "false");
    else
        fptc__buf_adds(out, "null");
}

void fptc__json_print(const fptc__json *v, struct fptc__buf *out)
{
    print_value(v, out, 0);
}
