/*
 * arguments.h: the command line: a verb, its words, and options that may stand before or after it.
 */
#ifndef FPTC_CLI_ARGUMENTS_H
#define FPTC_CLI_ARGUMENTS_H

#include "text.h"

#include <stdint.h>

enum option_id {
    OPT_CACHE, /* up to OPT_HELP: common, for every verb */
    OPT_PROJECT,
    OPT_JSON,
    OPT_MAX_AGE,
    OPT_MODE,
    OPT_WRITE,
    OPT_DEADLINE,
    OPT_HOLD,
    OPT_SCRIPT,
    OPT_KEY_FILE,
    OPT_PIN,
    OPT_MARKER_FIELD,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_SITE, /* from here on: for the verbs that name them */
    OPT_FILTERS,
    OPT_FIELDS,
    OPT_ORDER,
    OPT_LIMIT,
    OPT_PAGE,
    OPT_DATA,
    OPT_EVENT,
    OPT_TYPE,
    OPT_TYPES,
    OPT_PARTITION,
    OPT_FORMAT,
    OPT_OUTPUT,
    OPT_SUMMARIES,
    OPT_GROUP,
    OPT_PEER,
    OPT_TTL,
    OPT_YES,
    OPT_ALL,
    OPT_FIELD,
    OPT_NAME,
    OPT_ON_CONFLICT,
    OPT_ALL_REFUSED,
    OPT_BEFORE,
    OPT_HIDE_PENDING,
    OPT_COUNT
};

#define OPT_BIT(id) (UINT64_C(1) << (id))

#define WORDS_MAX 8

struct arguments {
    const char *verb; /* NULL when there is none */
    const char *words[WORDS_MAX];
    int n_words;
    const char *value[OPT_COUNT]; /* NULL when not given, "" for a flag that is */
};

/* Reads the command line. Returns 0, or 2 with the reason said on stderr. */
int arguments_read(int argc, char **argv, struct arguments *out);
/* Says on stderr which option does not belong to the verb; returns 0 when all do. */
int arguments_check(const struct arguments *a, uint64_t options_of_verb);

/* Each reads one option into *out, which keeps its value when the option is not given. All return 0,
   or 2 with the reason said on stderr. */
int arguments_duration(const struct arguments *a, enum option_id id, int64_t *out_ms);
int arguments_number(const struct arguments *a, enum option_id id, int64_t min, int64_t *out);
/* `names` ends with NULL; *out becomes the position of the name, counted from 1. */
int arguments_choice(const struct arguments *a, enum option_id id, const char *const *names,
                     int32_t *out);
/* The option's text itself, or the contents of "@file", or standard input for "-". */
int arguments_text(const struct arguments *a, enum option_id id, struct text *out);
/* An id given as a word. */
int arguments_id(const char *word, int64_t *out);

/* The name nearest to `word` among `names`, or NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names, int n_names);

#endif
