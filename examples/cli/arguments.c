/* arguments.c: see arguments.h. */
#include "arguments.h"

#include "failure.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int has_value;
} options[OPT_COUNT] = {
    [OPT_CACHE] = {"--cache", 1},
    [OPT_PROJECT] = {"--project", 1},
    [OPT_JSON] = {"--json", 0},
    [OPT_MAX_AGE] = {"--max-age", 1},
    [OPT_MODE] = {"--mode", 1},
    [OPT_WRITE] = {"--write", 1},
    [OPT_DEADLINE] = {"--deadline", 1},
    [OPT_HOLD] = {"--hold", 1},
    [OPT_SCRIPT] = {"--script", 1},
    [OPT_KEY_FILE] = {"--key-file", 1},
    [OPT_VERBOSE] = {"--verbose", 0},
    [OPT_HELP] = {"--help", 0},
    [OPT_SITE] = {"--site", 1},
    [OPT_FILTERS] = {"--filters", 1},
    [OPT_FIELDS] = {"--fields", 1},
    [OPT_ORDER] = {"--order", 1},
    [OPT_LIMIT] = {"--limit", 1},
    [OPT_PAGE] = {"--page", 1},
    [OPT_DATA] = {"--data", 1},
    [OPT_EVENT] = {"--event", 1},
    [OPT_TYPE] = {"--type", 1},
    [OPT_TYPES] = {"--types", 1},
    [OPT_PARTITION] = {"--partition", 1},
    [OPT_FORMAT] = {"--format", 1},
    [OPT_OUTPUT] = {"--output", 1},
    [OPT_SUMMARIES] = {"--summaries", 1},
    [OPT_GROUP] = {"--group", 1},
    [OPT_PEER] = {"--peer", 1},
    [OPT_PIN] = {"--pin", 1},
    [OPT_TTL] = {"--ttl", 1},
    [OPT_YES] = {"--yes", 0},
    [OPT_ALL] = {"--all", 0},
    [OPT_ON_CONFLICT] = {"--on-conflict", 1},
    [OPT_ALL_REFUSED] = {"--all-refused", 0},
    [OPT_BEFORE] = {"--before", 1},
    [OPT_HIDE_PENDING] = {"--hide-pending", 0},
    [OPT_MARKER_FIELD] = {"--marker-field", 1},
    [OPT_FIELD] = {"--field", 1},
    [OPT_NAME] = {"--name", 1},
};

#define NAME_MAX_COMPARED 40

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Slips that turn `a` into `b`: a letter more, less or another, or two neighbours swapped. */
static int distance(const char *a, const char *b)
{
    int d[NAME_MAX_COMPARED + 1][NAME_MAX_COMPARED + 1];
    int n_a = (int)strlen(a);
    int n_b = (int)strlen(b);
    int i, j;

    if (n_a > NAME_MAX_COMPARED || n_b > NAME_MAX_COMPARED)
        return NAME_MAX_COMPARED;
    for (i = 0; i <= n_a; i++)
        d[i][0] = i;
    for (j = 0; j <= n_b; j++)
        d[0][j] = j;
    for (i = 1; i <= n_a; i++) {
        for (j = 1; j <= n_b; j++) {
            d[i][j] = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(d[i][j], least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n_a][n_b];
}

const char *nearest_name(const char *word, const char *const *names, int n_names)
{
    const char *nearest = NULL;
    int best = 4;
    int i;

    for (i = 0; i < n_names; i++) {
        int d = distance(word, names[i]);
        /* "--field" means "--fields" sooner than something as long with another ending. */
        if (strlen(word) > 3 && strncmp(word, names[i], strlen(word)) == 0)
            d = 0;
        if (d < best && d < (int)strlen(word)) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

/* Says what is wrong with an unknown option, without what follows "=": it may be a secret. */
static int unknown_option(const char *given)
{
    const char *names[OPT_COUNT];
    char *name = cli_copy(given, strcspn(given, "="));
    const char *nearest;
    int i;

    for (i = 0; i < OPT_COUNT; i++)
        names[i] = options[i].name;
    nearest = nearest_name(name, names, OPT_COUNT);
    if (nearest)
        complain("there is no option %s; did you mean %s?", name, nearest);
    else
        complain("there is no option %s; `fptcache help` lists them", name);
    free(name);
    return EXIT_USAGE;
}

static int find_option(const char *given, size_t length)
{
    int i;

    if (length == 2 && strncmp(given, "-h", 2) == 0)
        return OPT_HELP;
    if (length == 2 && strncmp(given, "-v", 2) == 0)
        return OPT_VERBOSE;
    for (i = 0; i < OPT_COUNT; i++)
        if (strlen(options[i].name) == length && strncmp(given, options[i].name, length) == 0)
            return i;
    return -1;
}

/* Takes the option at argv[*index], with the word after it when that is its value. */
static int take_option(int argc, char **argv, int *index, struct arguments *out)
{
    const char *given = argv[*index];
    size_t length = strcspn(given, "=");
    int id = find_option(given, length);

    if (id < 0)
        return unknown_option(given);
    if (out->value[id])
        return complain_usage("%s is given twice", options[id].name);
    if (!options[id].has_value) {
        if (given[length])
            return complain_usage("%s takes no value", options[id].name);
        out->value[id] = "";
        return 0;
    }
    if (given[length]) {
        out->value[id] = given + length + 1;
    } else {
        if (*index + 1 >= argc)
            return complain_usage("%s needs a value", options[id].name);
        out->value[id] = argv[++*index];
    }
    return 0;
}

static int take_word(const char *word, struct arguments *out)
{
    if (!out->verb) {
        out->verb = word;
        return 0;
    }
    if (out->n_words == WORDS_MAX)
        return complain_usage("there are too many words; `fptcache help %s` tells which it takes",
                              out->verb);
    out->words[out->n_words++] = word;
    return 0;
}

/* "-7" is a word: the id of a row that FPT has given none yet. */
static int is_number(const char *word)
{
    return word[strspn(word, "0123456789")] == '\0';
}

int arguments_read(int argc, char **argv, struct arguments *out)
{
    int only_words = 0;
    int i;
    int failed = 0;

    memset(out, 0, sizeof(*out));
    for (i = 1; i < argc && !failed; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = 1;
        else if (!only_words && strcmp(argv[i], "--version") == 0 && !out->verb)
            out->verb = "version";
        else if (!only_words && argv[i][0] == '-' && argv[i][1] && !is_number(argv[i] + 1))
            failed = take_option(argc, argv, &i, out);
        else
            failed = take_word(argv[i], out);
    }
    return failed;
}

/* An option of another verb, maybe meant as one of this. */
static int foreign_option(const struct arguments *a, const char *name, uint64_t options_of_verb)
{
    const char *names[OPT_COUNT];
    const char *nearest;
    int n = 0, i;

    for (i = 0; i < OPT_COUNT; i++)
        if (i <= OPT_HELP || (options_of_verb & OPT_BIT(i)))
            names[n++] = options[i].name;
    nearest = nearest_name(name, names, n);
    return complain_usage("%s is not an option of `%s`%s%s%s; see `fptcache help %s`", name,
                          a->verb, nearest ? "; did you mean `" : "", nearest ? nearest : "",
                          nearest ? "`?" : "", a->verb);
}

int arguments_check(const struct arguments *a, uint64_t options_of_verb)
{
    int i;

    for (i = OPT_HELP + 1; i < OPT_COUNT; i++)
        if (a->value[i] && !(options_of_verb & OPT_BIT(i)))
            return foreign_option(a, options[i].name, options_of_verb);
    return 0;
}

int arguments_duration(const struct arguments *a, enum option_id id, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *text = a->value[id];
    char *end = NULL;
    long long n;
    size_t i;

    if (!text)
        return 0;
    errno = 0;
    n = isdigit((unsigned char)text[0]) ? strtoll(text, &end, 10) : -1;
    for (i = 0; n >= 0 && !errno && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0 && n <= INT64_MAX / units[i].ms) {
            *out_ms = n * units[i].ms;
            return 0;
        }
    }
    if (n == 0 && end && !*end) {
        *out_ms = 0;
        return 0;
    }
    return complain_usage("%s %s is no duration; write for instance 500ms, 30s, 5m, 2h or 1d",
                          options[id].name, text);
}

static int read_number(const char *text, int64_t *out)
{
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]))
        return 0;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return !errno && !*end;
}

int arguments_number(const struct arguments *a, enum option_id id, int64_t min, int64_t *out)
{
    int64_t n = 0;

    if (!a->value[id])
        return 0;
    if (!read_number(a->value[id], &n) || n < min)
        return complain_usage("%s %s is not a whole number from %lld on", options[id].name,
                              a->value[id], (long long)min);
    *out = n;
    return 0;
}

int arguments_choice(const struct arguments *a, enum option_id id, const char *const *names,
                     int32_t *out)
{
    struct text all = TEXT_INIT;
    int i;

    if (!a->value[id])
        return 0;
    for (i = 0; names[i]; i++) {
        if (strcmp(a->value[id], names[i]) == 0) {
            *out = i + 1;
            text_done(&all);
            return 0;
        }
        text_format(&all, "%s%s", i ? ", " : "", names[i]);
    }
    complain("%s %s is none of %s", options[id].name, a->value[id], text_string(&all));
    text_done(&all);
    return EXIT_USAGE;
}

int arguments_text(const struct arguments *a, enum option_id id, struct text *out)
{
    const char *value = a->value[id];
    const char *path;
    int failed;

    if (!value)
        return 0;
    if (value[0] != '@' && strcmp(value, "-") != 0) {
        text_put(out, value);
        return 0;
    }
    path = value[0] == '@' ? value + 1 : value;
    failed = text_read(out, path);
    if (failed) {
        complain("%s: cannot read %s: %s", options[id].name, path, strerror(failed));
        return EXIT_IO;
    }
    if (memchr(text_string(out), '\0', out->length))
        return complain_usage("%s: %s is not text", options[id].name, path);
    return 0;
}

int arguments_id(const char *word, int64_t *out)
{
    int is_provisional = word[0] == '-';

    if (!read_number(word + is_provisional, out) || *out < 1)
        return complain_usage(
            "%s is no id; an id is a whole number from 1 on, or below 0 while FPT "
            "has given none",
            word);
    if (is_provisional)
        *out = -*out;
    return 0;
}
