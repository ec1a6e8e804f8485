/*
 * verbs.h: one function per verb; each returns the exit code.
 */
#ifndef FPTC_CLI_VERBS_H
#define FPTC_CLI_VERBS_H

#include "arguments.h"

struct verb {
    const char *name;
    int (*run)(const struct arguments *a);
    int n_words_min;
    int n_words_max;
    uint32_t options;     /* besides the common ones */
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
int verb_get(const struct arguments *a);
int verb_search(const struct arguments *a);
int verb_schema(const struct arguments *a);
int verb_create(const struct arguments *a);
int verb_update(const struct arguments *a);
int verb_delete(const struct arguments *a);
int verb_compact(const struct arguments *a);
int verb_status(const struct arguments *a);
int verb_version(const struct arguments *a);
int verb_help(const struct arguments *a);

#endif
