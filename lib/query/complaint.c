/* complaint.c: see complaint.h. */
#include "query/complaint.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "query/floatmark.h"

/* Longer than this and the rest of the message would not fit. */
#define SHOWN_MAX (FPTC__SHOWN_BYTES - 4)

static void cut(struct fptc__buf *b, char *out)
{
    const char *text = fptc__buf_text(b);
    size_t n = b->len;

    if (n > SHOWN_MAX) {
        n = SHOWN_MAX;
        while (n > 0 && ((unsigned char)text[n] & 0xc0u) == 0x80u)
            n--;
    }
    memcpy(out, text, n);
    memcpy(out + n, n < b->len ? "..." : "", n < b->len ? 4u : 1u);
}

const char *fptc__show_json(const fptc__json *v, char *out)
{
    struct fptc__buf b;
    double value;

    fptc__buf_init(&b, 2 * (size_t)FPTC_FILTER_BYTES_MAX);
    if (!v || fptc__json_is_null(v))
        fptc__buf_adds(&b, "nil");
    else if (fptc__float_of(v, &value))
        fptc__json_put_float(&b, value);
    else
        fptc__json_print(v, &b);
    if (b.failed)
        snprintf(out, FPTC__SHOWN_BYTES, "%s", "...");
    else
        cut(&b, out);
    fptc__buf_done(&b);
    return out;
}

const char *fptc__ruby_class(const fptc__json *v)
{
    double value;

    if (!v || fptc__json_is_null(v))
        return "NilClass";
    if (fptc__json_is_bool(v))
        return fptc__json_is_true(v) ? "TrueClass" : "FalseClass";
    if (fptc__float_of(v, &value))
        return "Float";
    if (fptc__json_is_number(v))
        return "Integer";
    if (fptc__json_is_string(v))
        return "String";
    return fptc__json_is_array(v) ? "Array" : "Hash";
}
