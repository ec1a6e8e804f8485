/* sqltext.c: see sqltext.h. */
#include "query/sqltext.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fptc__sqltext_init(struct fptc__sqltext *s, struct fptc__scratch *scratch)
{
    memset(s, 0, sizeof(*s));
    fptc__buf_init(&s->text, FPTC__SQL_BYTES_MAX);
    s->scratch = scratch;
}

void fptc__sqltext_done(struct fptc__sqltext *s)
{
    fptc__buf_done(&s->text);
    free(s->params);
    s->params = NULL;
    s->n_params = 0;
    s->cap = 0;
}

void fptc__sql_add(struct fptc__sqltext *s, const char *text)
{
    if (!s->is_mute)
        fptc__buf_adds(&s->text, text);
}

/* Only for short pieces made of names and numbers. */
void fptc__sql_addf(struct fptc__sqltext *s, const char *format, ...)
{
    char piece[2048];
    va_list args;
    int n;

    if (s->is_mute)
        return;
    va_start(args, format);
    n = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(piece))
        s->text.failed = s->text.failed ? s->text.failed : FPTC_ELIMIT;
    else
        fptc__buf_add(&s->text, piece, (size_t)n);
}

void fptc__sql_column(struct fptc__sqltext *s, size_t alias, const char *field, const char *suffix)
{
    if (!s->is_mute)
        fptc__sql_addf(s, "t%zu.\"%s%s\"", alias, field, suffix);
}

void fptc__sql_table(struct fptc__sqltext *s)
{
    fptc__sql_add(s, s->has_tables ? ", " : "WITH ");
    s->has_tables = 1;
}

void fptc__sql_end_tables(struct fptc__sqltext *s)
{
    fptc__sql_add(s, s->has_tables ? " " : "");
}

static int grow(struct fptc__sqltext *s)
{
    size_t cap = s->cap ? 2 * s->cap : 16;
    struct fptc__param *params;

    if (s->n_params < s->cap)
        return 1;
    params = realloc(s->params, cap * sizeof(*params));
    if (!params)
        return 0;
    s->params = params;
    s->cap = cap;
    return 1;
}

size_t fptc__sql_param(struct fptc__sqltext *s, const struct fptc__param *p)
{
    if (s->n_params >= FPTC__SQL_PARAMS_MAX && !s->text.failed)
        s->text.failed = FPTC_ELIMIT;
    if (!s->text.failed && !grow(s))
        s->text.failed = FPTC_ENOMEM;
    if (s->text.failed)
        return 1;
    s->params[s->n_params++] = *p;
    return s->n_params;
}

size_t fptc__sql_param_text(struct fptc__sqltext *s, const char *text)
{
    struct fptc__param p = {FPTC__PARAM_TEXT, 0, 0, NULL};

    p.text = fptc__scratch_text(s->scratch, text, strlen(text));
    if (!p.text && !s->text.failed)
        s->text.failed = FPTC_ENOMEM;
    return fptc__sql_param(s, &p);
}

size_t fptc__sql_param_int(struct fptc__sqltext *s, int64_t v)
{
    struct fptc__param p = {FPTC__PARAM_INT, 0, 0, NULL};

    p.i = v;
    return fptc__sql_param(s, &p);
}

char *fptc__sqltext_take(struct fptc__sqltext *s, struct fptc__scratch *keep,
                         struct fptc__param **out_params, size_t *out_n)
{
    struct fptc__param *params = NULL;
    char *text = NULL;

    if (!s->text.failed)
        params = fptc__scratch_array(s->scratch, s->n_params + 1, sizeof(*params));
    if (params) {
        if (s->n_params > 0)
            memcpy(params, s->params, s->n_params * sizeof(*params));
        text = fptc__scratch_take(keep, &s->text);
        *out_params = params;
        *out_n = text ? s->n_params : 0;
    }
    fptc__sqltext_done(s);
    return text;
}
