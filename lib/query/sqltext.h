/*
 * sqltext.h: SQL text with its parameters while it is being written. Every value is a parameter,
 * numbered so that it may be named twice; identifiers are names of the schema, which
 * fptc__is_name() has passed. Sticky errors: ask text.failed once at the end; FPTC_ELIMIT means
 * more text or parameters than SQLite takes.
 */
#ifndef FPTC_QUERY_SQLTEXT_H
#define FPTC_QUERY_SQLTEXT_H

#include "query/plan.h"
#include "query/scratch.h"

/* SQLite's own default is 1,000,000 bytes. */
#define FPTC__SQL_BYTES_MAX 990000u
/* SQLite takes 32,766, but looks each constant up among all before it: 8,000 conditions took it a
   second to prepare, 4,000 a quarter. FPT is known to take 5,000 (A§3.4). */
#define FPTC__SQL_PARAMS_MAX 10000u

struct fptc__sqltext {
    struct fptc__buf text;
    int is_mute;                /* only the parameters are wanted: the text is known */
    struct fptc__param *params; /* on the heap until fptc__sqltext_take() */
    size_t n_params;
    size_t cap;
    int has_tables;                /* a WITH clause is open */
    struct fptc__scratch *scratch; /* of what parameters point to */
};

void fptc__sqltext_init(struct fptc__sqltext *s, struct fptc__scratch *scratch);
void fptc__sqltext_done(struct fptc__sqltext *s);
void fptc__sql_add(struct fptc__sqltext *s, const char *text);
void fptc__sql_addf(struct fptc__sqltext *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends a column: t3."code", or t3."project__id" with a suffix. */
void fptc__sql_column(struct fptc__sqltext *s, size_t alias, const char *field, const char *suffix);
/* Before each table of a WITH clause, and behind the last. */
void fptc__sql_table(struct fptc__sqltext *s);
void fptc__sql_end_tables(struct fptc__sqltext *s);
/* A new parameter; its number. Texts must outlive s (they are in the scratch). */
size_t fptc__sql_param(struct fptc__sqltext *s, const struct fptc__param *p);
size_t fptc__sql_param_text(struct fptc__sqltext *s, const char *text);
size_t fptc__sql_param_int(struct fptc__sqltext *s, int64_t v);
/* Copies the parameters into the scratch and the text into `keep`; NULL when something had failed. */
char *fptc__sqltext_take(struct fptc__sqltext *s, struct fptc__scratch *keep,
                         struct fptc__param **out_params, size_t *out_n);

#endif
