/*
 * verbs.h: one function per verb; each returns the exit code.
 */
#ifndef FPTC_CLI_VERBS_H
#define FPTC_CLI_VERBS_H

#include "arguments.h"

#include <fptcache/fptcache.h>

struct verb {
    const char *name;
    int (*run)(const struct arguments *a);
    int n_words_min;
    int n_words_max;
    uint64_t options;     /* besides the common ones */
    const char *synopsis; /* after "fptcache " */
    const char *purpose;  /* one line */
    const char *details;  /* more lines for `help VERB` */
};

/* help.c: every verb, in the order of the overview. */
extern const struct verb verbs[];
extern const int n_verbs;

const struct verb *verb_find(const char *name);
int verb_unknown(const char *name);
void print_overview(void);
void print_help(const struct verb *verb);

int verb_init(const struct arguments *a);
int verb_mirror(const struct arguments *a);
int verb_sync(const struct arguments *a);
int verb_find_rows(const struct arguments *a);
int verb_summarize(const struct arguments *a);
int verb_explain(const struct arguments *a);
int verb_sql(const struct arguments *a);
int verb_export(const struct arguments *a);
int verb_get(const struct arguments *a);
int verb_search(const struct arguments *a);
int verb_schema(const struct arguments *a);
int verb_create(const struct arguments *a);
int verb_update(const struct arguments *a);
int verb_delete(const struct arguments *a);
int verb_revive(const struct arguments *a);
int verb_batch(const struct arguments *a);
int verb_resolve(const struct arguments *a);
int verb_outbox(const struct arguments *a);
int verb_upload(const struct arguments *a);
int verb_compact(const struct arguments *a);
int verb_maintain(const struct arguments *a);
int verb_hold(const struct arguments *a);
int verb_verify(const struct arguments *a);
int verb_repair(const struct arguments *a);
int verb_doctor(const struct arguments *a);
int verb_pin(const struct arguments *a);
int verb_drop(const struct arguments *a);
int verb_status(const struct arguments *a);
int verb_version(const struct arguments *a);
int verb_help(const struct arguments *a);

/* verbs_read.c: --filters and --project as the query's filters; 0 or an exit code. */
int query_filters(const struct arguments *a, fptc_query *query);
/* The whole question of `find`: its type and every option; to be freed by the caller in any case. */
int query_read(const struct arguments *a, fptc_query **out_query);
/* verbs_sql.c: after the last row of a streaming result: 0, or the exit code of what stopped it. */
int rows_ended(fptc_result *result, fptc_status status);

#endif
