/* verbs_outbox.c: outbox ls, show, retry, edit, drop. */
#include "document.h"
#include "failure.h"
#include "json.h"
#include "session.h"
#include "table.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const columns[] = {"event", "state", "verb",     "type", "id",
                                      "who",   "when",  "attempts", "said"};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void print_table(const struct json *writes)
{
    struct table table = TABLE_INIT(N_COLUMNS);
    const struct json *row, *value;
    size_t i;

    for (i = 0; i < N_COLUMNS; i++)
        table_add(&table, columns[i]);
    for (row = writes->child; row; row = row->next) {
        for (i = 0; i < N_COLUMNS; i++) {
            struct text cell = TEXT_INIT;
            value = json_member(row, columns[i]);
            if (value && value->kind == JSON_OBJECT)
                value = json_member(value, "text");
            text_add_plain(&cell, value && value->text ? value->text : "");
            table_add(&table, text_string(&cell));
            text_done(&cell);
        }
    }
    table_print(&table, 0);
    table_done(&table);
}

/* What would be written is shown as it can be given to `outbox edit`. */
static void print_write(const struct json *write)
{
    const struct json *data = json_member(write, "data");
    struct text text = TEXT_INIT;

    print_part(write);
    if (data && data->kind == JSON_OBJECT) {
        json_add(&text, data);
        printf("as JSON:\n  %s\n", text_string(&text));
    }
    text_done(&text);
}

static void print_writes(const struct json *document, int is_list)
{
    const struct json *writes = json_member(document, "writes");
    const struct json *more = json_member(document, "more");

    if (!is_list)
        print_write(writes->child);
    else if (writes->child)
        print_table(writes);
    else
        printf("none\n");
    if (more && more->kind == JSON_TRUE)
        complain("there are more; these are the newest");
}

/* Prints the writes that the filter names: all of them, or what there is to say about one. */
static int print(const struct arguments *a, fptc_cache *cache, const char *filter, int is_list)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result = NULL;
    fptc_status status = fptc_cache_outbox(cache, filter, &result, &err);
    struct json *document = NULL;
    size_t length = 0;
    const char *text;
    int failed = 0;

    if (status != FPTC_OK)
        return fail(status, &err);
    text = fptc_result_json(result, &length);
    document = text ? json_read(text, length) : NULL;
    if (!is_list && document && !json_member(document, "writes")->child) {
        complain("there is no write %s; `fptcache outbox ls --all` lists them", a->words[1]);
        failed = EXIT_NOTHING;
    } else if (session_is_json(a) || !document) {
        printf("%s\n", text ? text : "null");
    } else {
        print_writes(document, is_list);
    }
    json_free(document);
    fptc_result_free(result);
    return failed;
}

static int print_one(const struct arguments *a, fptc_cache *cache)
{
    struct text filter = TEXT_INIT;
    int failed;

    text_put(&filter, "{\"event\":");
    text_add_json(&filter, a->words[1]);
    text_put(&filter, "}");
    failed = print(a, cache, text_string(&filter), 0);
    text_done(&filter);
    return failed;
}

static int decide(const struct arguments *a, fptc_cache *cache, int32_t verdict, const char *data)
{
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = fptc_cache_outbox_decide(cache, a->words[1], verdict, data, &err);

    return status == FPTC_OK ? print_one(a, cache) : fail(status, &err);
}

static int run_edit(const struct arguments *a, fptc_cache *cache)
{
    struct text data = TEXT_INIT;
    int failed = arguments_text(a, OPT_DATA, &data);

    if (!failed)
        failed = decide(a, cache, FPTC_VERDICT_RETRY, text_string(&data));
    text_done(&data);
    return failed;
}

static int run_ls(const struct arguments *a, fptc_cache *cache)
{
    return print(a, cache, a->value[OPT_ALL] ? "{\"state\":\"all\"}" : NULL, 1);
}

/* "2026-11-22T03:27:48Z", which sorts as time does; without --before the end of time. */
static int read_before(const struct arguments *a, char out[32])
{
    int64_t age_ms = 0;
    int failed = arguments_duration(a, OPT_BEFORE, &age_ms);
    time_t then = time(NULL) - (time_t)(age_ms / 1000);
    struct tm utc;

    snprintf(out, 32, "9999");
    if (!failed && a->value[OPT_BEFORE] && gmtime_r(&then, &utc))
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return failed;
}

static const char *text_of(const struct json *write, const char *key)
{
    const struct json *value = json_member(write, key);

    return value && value->text ? value->text : "";
}

/* One decision about all that FPT refused. */
struct sweep {
    int32_t verdict;
    const char *done;    /* in words */
    char before[32];     /* written by then */
    struct text decided; /* events and batches, by this command */
    int n;
};

static int has(const struct text *ids, const char *id)
{
    return id[0] && strstr(text_string(ids), id) != NULL;
}

/* Those that FPT refused. Who has a conflict, or may have been written, is decided about one by one. What was sent
   again meanwhile and refused again has had its turn. */
static int is_meant(const struct sweep *s, const struct json *write)
{
    const struct json *mine = json_member(write, "mine");

    return strcmp(text_of(write, "state"), "refused") == 0 && mine && mine->kind == JSON_TRUE &&
           strcmp(text_of(write, "when"), s->before) <= 0 &&
           !has(&s->decided, text_of(write, "event"));
}

static void tell_decided(const struct arguments *a, const struct sweep *s, const struct json *write)
{
    struct text line = TEXT_INIT;

    if (session_is_json(a)) {
        json_add(&line, write);
    } else {
        text_add_plain(&line, text_of(write, "event"));
        text_format(&line, " %s: %s %s %s of %s: ", s->done, text_of(write, "verb"),
                    text_of(write, "type"), text_of(write, "id"), text_of(write, "when"));
        text_add_plain(&line, text_of(json_member(write, "said"), "text"));
    }
    printf("%s\n", text_string(&line));
    text_done(&line);
}

static int decide_listed(const struct arguments *a, fptc_cache *cache, const struct json *writes,
                         struct sweep *s)
{
    const struct json *write;

    for (write = writes->child; write; write = write->next) {
        fptc_error err = FPTC_ERROR_INIT;
        const char *event = text_of(write, "event"), *batch = text_of(write, "batch");
        fptc_status status = FPTC_OK;

        if (!is_meant(s, write))
            continue;
        if (!has(&s->decided, batch)) /* all of a batch are decided with one */
            status = fptc_cache_outbox_decide(cache, event, s->verdict, NULL, &err);
        if (status == FPTC_MISS || status == FPTC_ESTATE) /* somebody else was faster */
            continue;
        if (status != FPTC_OK)
            return fail(status, &err);
        s->n++;
        text_format(&s->decided, "%s %s ", event, batch);
        tell_decided(a, s, write);
    }
    return 0;
}

static int sweep_refused(const struct arguments *a, fptc_cache *cache, int32_t verdict,
                         const char *done)
{
    struct sweep s = {.verdict = verdict, .done = done, .decided = TEXT_INIT};
    int failed = read_before(a, s.before);
    int n_before = -1;

    /* A list has so many writes at most, and what is decided is in none any more. */
    while (!failed && s.n > n_before) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_result *result = NULL;
        struct json *document = NULL;
        size_t length = 0;

        n_before = s.n;
        if (fptc_cache_outbox(cache, "{\"state\":\"refused\"}", &result, &err) != FPTC_OK)
            failed = fail(err.status, &err);
        if (result && fptc_result_json(result, &length))
            document = json_read(fptc_result_json(result, &length), length);
        if (document)
            failed = decide_listed(a, cache, json_member(document, "writes"), &s);
        json_free(document);
        fptc_result_free(result);
    }
    if (!failed && !session_is_json(a))
        printf("%d %s\n", s.n, done);
    text_done(&s.decided);
    return failed;
}

static int run_retry(const struct arguments *a, fptc_cache *cache)
{
    return a->value[OPT_ALL_REFUSED]
               ? sweep_refused(a, cache, FPTC_VERDICT_RETRY, "to be sent again")
               : decide(a, cache, FPTC_VERDICT_RETRY, NULL);
}

static int run_drop(const struct arguments *a, fptc_cache *cache)
{
    return a->value[OPT_ALL_REFUSED] ? sweep_refused(a, cache, FPTC_VERDICT_DROP, "dropped")
                                     : decide(a, cache, FPTC_VERDICT_DROP, NULL);
}

static const struct {
    const char *name;
    int (*run)(const struct arguments *a, fptc_cache *cache);
} deeds[] = {
    {"ls", run_ls},     {"show", print_one}, {"retry", run_retry},
    {"edit", run_edit}, {"drop", run_drop},
};
#define N_DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* What stands on the command line besides the deed must fit it. */
static int check_words(const struct arguments *a)
{
    const char *what = a->words[0];
    int is_ls = strcmp(what, "ls") == 0, is_edit = strcmp(what, "edit") == 0;

    if ((a->value[OPT_ALL_REFUSED] || a->value[OPT_BEFORE]) &&
        ((strcmp(what, "drop") != 0 && strcmp(what, "retry") != 0) || a->n_words != 1 ||
         !a->value[OPT_ALL_REFUSED]))
        return complain_usage(
            "write it as: fptcache outbox retry|drop --all-refused [--before AGE]");
    if ((is_ls || a->value[OPT_ALL_REFUSED]) != (a->n_words == 1))
        return complain_usage(is_ls ? "`outbox %s` takes no event id"
                                    : "which write? Write: fptcache outbox %s EVENT",
                              what);
    if (a->value[OPT_ALL] && !is_ls)
        return complain_usage("--all is for `outbox ls`");
    if (is_edit != (a->value[OPT_DATA] != NULL))
        return complain_usage(is_edit
                                  ? "which fields? Write: fptcache outbox edit EVENT --data JSON"
                                  : "--data is for `outbox edit`");
    return 0;
}

int verb_outbox(const struct arguments *a)
{
    const char *names[N_DEEDS];
    fptc_cache *cache = NULL;
    const char *nearest;
    size_t i, at = N_DEEDS;
    int failed;

    for (i = 0; i < N_DEEDS; i++) {
        names[i] = deeds[i].name;
        if (strcmp(a->words[0], names[i]) == 0)
            at = i;
    }
    nearest = nearest_name(a->words[0], names, (int)N_DEEDS);
    if (at == N_DEEDS)
        return complain_usage("there is no `outbox %s`; did you mean `outbox %s`?", a->words[0],
                              nearest ? nearest : "ls");
    failed = check_words(a);
    if (!failed)
        failed = session_open(a, &cache);
    if (!failed)
        failed = deeds[at].run(a, cache);
    fptc_cache_close(cache);
    return failed;
}
