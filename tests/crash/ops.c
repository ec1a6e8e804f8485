#include "crash/ops.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROJECT 101

static int has_warnings;

static void put(const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(1, data, n);

        if (done <= 0)
            _exit(9);
        data += done;
        n -= (size_t)done;
    }
}

void say(const char *format, ...)
{
    char line[2048];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (n < 0)
        _exit(9);
    if ((size_t)n > sizeof(line) - 2)
        n = (int)sizeof(line) - 2;
    line[n] = '\n';
    put(line, (size_t)n + 1);
}

static void say_json(const char *what, fptc_result *result)
{
    size_t n = 0;
    const char *json = fptc_result_json(result, &n);
    char head[64];

    snprintf(head, sizeof(head), "%s %d ", what, (int)fptc_result_source(result));
    put(head, strlen(head));
    put(json == NULL ? "" : json, n);
    has_warnings = json != NULL && strstr(json, "\"warnings\":[\"") != NULL;
    put("\n", 1);
}

int ops_warned(void)
{
    return has_warnings;
}

static void log_line(int32_t level, const char *text, void *payload)
{
    (void)payload;
    say("log %d %s", (int)level, text);
}

static void fill(const struct ops *ops, fptc_options *options)
{
    options->cache_dir = ops->dir;
    options->site_url = ops->site;
    options->script_name = getenv("FPTCACHE_SCRIPT_NAME");
    options->script_key = getenv("FPTCACHE_SCRIPT_KEY");
    options->refresh_ms = FPTC_ZERO_MS;
    options->grace_ms = FPTC_ZERO_MS;
    options->deadline_ms = ops->deadline_ms;
    options->quiet_ms = ops->quiet_ms;
    options->log = log_line;
}

static fptc_status need_open(struct ops *ops, fptc_error *err)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    if (ops->cache != NULL)
        return FPTC_OK;
    fill(ops, &options);
    return fptc_cache_open(&options, &ops->cache, err);
}

void ops_close(struct ops *ops)
{
    fptc_cache_close(ops->cache);
    ops->cache = NULL;
}

static fptc_status op_init(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_options options = FPTC_OPTIONS_INIT;

    (void)argument;
    fill(ops, &options);
    return fptc_cache_init(&options, err);
}

static fptc_status op_open(struct ops *ops, const char *argument, fptc_error *err)
{
    (void)argument;
    return need_open(ops, err);
}

static fptc_status op_close(struct ops *ops, const char *argument, fptc_error *err)
{
    (void)argument;
    (void)err;
    ops_close(ops);
    return FPTC_OK;
}

static fptc_status op_pause(struct ops *ops, const char *argument, fptc_error *err)
{
    (void)ops;
    (void)argument;
    (void)err;
    say("pause");
    return raise(SIGSTOP) == 0 ? FPTC_OK : FPTC_EINTERNAL;
}

static fptc_status op_deadline(struct ops *ops, const char *argument, fptc_error *err)
{
    (void)err;
    ops->deadline_ms = atoll(argument);
    return FPTC_OK;
}

static fptc_status op_quiet(struct ops *ops, const char *argument, fptc_error *err)
{
    (void)err;
    ops->quiet_ms = atoll(argument);
    return FPTC_OK;
}

/* --- writes --- */

static fptc_status carry_out(struct ops *ops, fptc_write *write, const char *what, fptc_error *err)
{
    fptc_result *result = NULL;
    fptc_status status;

    say("try %s %s", fptc_write_event_id(write), what);
    status = fptc_cache_write(ops->cache, write, &result, err);
    if (status == FPTC_OK) {
        int64_t id = fptc_result_next(result) == FPTC_OK ? fptc_result_id(result) : 0;

        say("ack %s %" PRId64 " %s", fptc_write_event_id(write), id, what);
    } else {
        say("nak %d %s %s: %s", (int)status, fptc_write_event_id(write), what,
            err != NULL ? err->message : "");
    }
    fptc_result_free(result);
    return status;
}

/* Left in the outbox is as good as done. */
static fptc_status leave(struct ops *ops, fptc_write *write, const char *what, fptc_error *err)
{
    fptc_result *result = NULL;
    fptc_status status = fptc_write_set_mode(write, FPTC_WRITE_BEHIND, err);

    say("try %s %s", fptc_write_event_id(write), what);
    if (status == FPTC_OK)
        status = fptc_cache_write(ops->cache, write, &result, err);
    if (status == FPTC_PENDING)
        say("ack %s 0 %s", fptc_write_event_id(write), what);
    fptc_result_free(result);
    return status == FPTC_PENDING ? FPTC_OK : status;
}

static fptc_status one_write(struct ops *ops, int32_t verb, int64_t id, const char *event,
                             const char *data, const char *what, fptc_error *err)
{
    fptc_write *write = NULL;
    fptc_status status = need_open(ops, err);

    if (status == FPTC_OK)
        status = fptc_write_new(verb, "Version", id, &write, err);
    if (status == FPTC_OK && data != NULL)
        status = fptc_write_set_data(write, data, err);
    if (status == FPTC_OK && event != NULL)
        status = fptc_write_set_event_id(write, event, err);
    if (status == FPTC_OK)
        status = carry_out(ops, write, what, err);
    fptc_write_free(write);
    return status;
}

static void create_data(const char *code, char *out, size_t size)
{
    snprintf(out, size,
             "{\"code\":\"%s\",\"description\":\"of %s\",\"project\":{\"type\":\"Project\","
             "\"id\":%d}}",
             code, code, PROJECT);
}

static fptc_status op_create(struct ops *ops, const char *argument, fptc_error *err)
{
    const char *colon = strchr(argument, ':');
    int n = colon == NULL ? 1 : atoi(colon + 1), i;
    int length = colon == NULL ? (int)strlen(argument) : (int)(colon - argument);
    fptc_status status = FPTC_OK;

    for (i = 0; i < n && status == FPTC_OK; i++) {
        char code[256], data[1024];

        snprintf(code, sizeof(code), "%.*s.%d", length, argument, i);
        create_data(code, data, sizeof(data));
        status = one_write(ops, FPTC_VERB_CREATE, 0, NULL, data, code, err);
    }
    return status;
}

static fptc_status op_leave(struct ops *ops, const char *argument, fptc_error *err)
{
    const char *colon = strchr(argument, ':');
    int n = colon == NULL ? 1 : atoi(colon + 1), i;
    int length = colon == NULL ? (int)strlen(argument) : (int)(colon - argument);
    fptc_status status = need_open(ops, err);

    for (i = 0; i < n && status == FPTC_OK; i++) {
        fptc_write *write = NULL;
        char code[256], data[1024];

        snprintf(code, sizeof(code), "%.*s.%d", length, argument, i);
        create_data(code, data, sizeof(data));
        status = fptc_write_new(FPTC_VERB_CREATE, "Version", 0, &write, err);
        if (status == FPTC_OK)
            status = fptc_write_set_data(write, data, err);
        if (status == FPTC_OK)
            status = leave(ops, write, code, err);
        fptc_write_free(write);
    }
    return status;
}

/* Creates CODE.0 to CODE.2 as one batch. */
static fptc_status op_whole(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_write *write = NULL;
    char code[256], data[1024], requests[4096] = "[";
    fptc_status status = need_open(ops, err);
    size_t n = 1;
    int i;

    for (i = 0; i < 3; i++) {
        snprintf(code, sizeof(code), "%s.%d", argument, i);
        create_data(code, data, sizeof(data));
        n += (size_t)snprintf(requests + n, sizeof(requests) - n,
                              "%s{\"request_type\":\"create\",\"entity_type\":\"Version\","
                              "\"data\":%s}",
                              i == 0 ? "" : ",", data);
    }
    snprintf(requests + n, sizeof(requests) - n, "]");
    if (status == FPTC_OK)
        status = fptc_write_new(FPTC_VERB_BATCH, NULL, 0, &write, err);
    if (status == FPTC_OK)
        status = fptc_write_set_data(write, requests, err);
    if (status == FPTC_OK)
        status = carry_out(ops, write, argument, err);
    fptc_write_free(write);
    return status;
}

/* The create of a process that died, once more with its event id. */
static fptc_status op_repeat(struct ops *ops, const char *argument, fptc_error *err)
{
    char event[33] = "", code[256] = "", data[1024];
    fptc_status status;

    (void)sscanf(argument, "%32[^:]:%255s", event, code);
    create_data(code, data, sizeof(data));
    status = one_write(ops, FPTC_VERB_CREATE, 0, event, data, code, err);
    return status == FPTC_UNKNOWN ? FPTC_OK : status; /* as it should be */
}

static fptc_status op_update(struct ops *ops, const char *argument, fptc_error *err)
{
    const char *colon = strchr(argument, ':');
    char data[1024];

    snprintf(data, sizeof(data), "{\"description\":\"%s\"}", colon == NULL ? "" : colon + 1);
    return one_write(ops, FPTC_VERB_UPDATE, atoll(argument), NULL, data, argument, err);
}

static fptc_status op_delete(struct ops *ops, const char *argument, fptc_error *err)
{
    return one_write(ops, FPTC_VERB_DELETE, atoll(argument), NULL, NULL, argument, err);
}

/* --- mirrors, upkeep --- */

static fptc_status op_mirror(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_status status = need_open(ops, err);

    return status == FPTC_OK
               ? fptc_cache_mirror_add(ops->cache, PROJECT, argument, "code,description", err)
               : status;
}

static fptc_status op_sync(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_status status = need_open(ops, err);

    (void)argument;
    return status == FPTC_OK ? fptc_cache_sync(ops->cache, 0, NULL, NULL, NULL, err) : status;
}

static fptc_status op_compact(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_status status = need_open(ops, err);

    (void)argument;
    return status == FPTC_OK ? fptc_cache_compact(ops->cache, NULL, NULL, err) : status;
}

static fptc_status op_maintain(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_status status = need_open(ops, err);

    (void)argument;
    return status == FPTC_OK ? fptc_cache_maintain(ops->cache, NULL, err) : status;
}

/* --- reading --- */

static fptc_status tell(const char *what, fptc_status status, fptc_result *result)
{
    if (status == FPTC_OK)
        say_json(what, result);
    fptc_result_free(result);
    return status;
}

static fptc_status op_status(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_result *result = NULL;
    fptc_status status = need_open(ops, err);

    (void)argument;
    if (status == FPTC_OK)
        status = fptc_cache_status(ops->cache, &result, err);
    return tell("status", status, result);
}

static fptc_status op_changes(struct ops *ops, const char *argument, fptc_error *err)
{
    fptc_result *result = NULL;
    fptc_status status = need_open(ops, err);

    if (status == FPTC_OK)
        status = fptc_cache_changes(ops->cache, argument, PROJECT, 0, 10000, &result, err);
    return tell("changes", status, result);
}

static fptc_status set_mode(fptc_query *query, const char *mode, fptc_error *err)
{
    if (strcmp(mode, "only") == 0)
        return fptc_query_set_freshness(query, FPTC_MODE_ONLY_CACHE, 0, 0, err);
    if (strcmp(mode, "fresh") == 0)
        return fptc_query_set_freshness(query, FPTC_MODE_PREFER_CACHE, FPTC_ZERO_MS, 0, err);
    if (strcmp(mode, "refresh") == 0)
        return fptc_query_set_freshness(query, FPTC_MODE_REFRESH, 0, 0, err);
    return FPTC_OK;
}

static fptc_status op_find(struct ops *ops, const char *argument, fptc_error *err)
{
    char type[64] = "", mode[64] = "", code[256] = "", filters[512];
    fptc_query *query = NULL;
    fptc_result *result = NULL;
    fptc_status status = need_open(ops, err);

    has_warnings = 0;
    (void)sscanf(argument, "%63[^:]:%63[^:]:%255s", type, mode, code);
    snprintf(filters, sizeof(filters),
             "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":%d}]%s%s%s]", PROJECT,
             code[0] ? ",[\"code\",\"is\",\"" : "", code, code[0] ? "\"]" : "");
    if (status == FPTC_OK)
        status = fptc_query_new(type, &query, err);
    if (status == FPTC_OK)
        status = fptc_query_set_filters(query, filters, err);
    if (status == FPTC_OK)
        status = fptc_query_set_fields(query, "code,description", err);
    if (status == FPTC_OK)
        status = set_mode(query, mode, err);
    if (status == FPTC_OK)
        status = fptc_cache_find(ops->cache, query, &result, err);
    fptc_query_free(query);
    return tell("find", status, result);
}

/* --- */

static const struct {
    const char *name;
    fptc_status (*run)(struct ops *ops, const char *argument, fptc_error *err);
} table[] = {
    {"init", op_init},         {"open", op_open},     {"close", op_close},
    {"pause", op_pause},       {"create", op_create}, {"update", op_update},
    {"delete", op_delete},     {"mirror", op_mirror}, {"sync", op_sync},
    {"compact", op_compact},   {"status", op_status}, {"changes", op_changes},
    {"find", op_find},         {"repeat", op_repeat}, {"deadline", op_deadline},
    {"quiet", op_quiet},       {"leave", op_leave},   {"whole", op_whole},
    {"maintain", op_maintain},
};

fptc_status ops_run(struct ops *ops, const char *word, fptc_error *err)
{
    size_t length = strcspn(word, "="), i;
    const char *argument = word[length] == '=' ? word + length + 1 : "";

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strlen(table[i].name) == length && strncmp(table[i].name, word, length) == 0)
            return table[i].run(ops, argument, err);
    }
    fprintf(stderr, "unknown operation %s\n", word);
    _exit(9);
}
