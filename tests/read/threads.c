/*
 * threads.c: one handle and many threads, through the public header only.
 *
 *   read_threads mixed DIR NAME KEY SECONDS   8 threads find, write, ask for changes, sync, compact
 *   read_threads same DIR NAME KEY            8 threads ask the same question at once
 *   read_threads deadlines DIR NAME KEY       threads with deadlines against a slow site; then close
 *   read_threads fork DIR NAME KEY            a child of fork() is refused
 *
 * Exit status 0, or 1 with a line on stderr that says what was wrong.
 */
#include <fptcache/fptcache.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_THREADS 8

static fptc_cache *cache;
static atomic_int problems;
static atomic_int served[4]; /* by FPTC_SOURCE_ */
static double until;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void problem(const char *what, const fptc_error *err)
{
    fprintf(stderr, "%s: %s (%s)\n", what, err->message, fptc_status_name(err->status));
    atomic_fetch_add(&problems, 1);
}

static const char in_project[] = "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}]]";

struct question {
    const char *type, *filters, *fields;
    int64_t max_age_ms, deadline_ms;
    int32_t mode;
};

static fptc_status ask(const struct question *q, fptc_result **out, fptc_error *err)
{
    fptc_query *query = NULL;
    fptc_status status = fptc_query_new(q->type, &query, err);

    *out = NULL;
    if (status == FPTC_OK)
        status = fptc_query_set_filters(query, q->filters, err);
    if (status == FPTC_OK)
        status = fptc_query_set_fields(query, q->fields, err);
    if (status == FPTC_OK)
        status = fptc_query_set_freshness(query, q->mode, q->max_age_ms, q->deadline_ms, err);
    if (status == FPTC_OK)
        status = fptc_cache_find(cache, query, out, err);
    fptc_query_free(query);
    if (status == FPTC_OK)
        atomic_fetch_add(&served[fptc_result_source(*out)], 1);
    return status;
}

/* Every row is whole: its own id, a code, and links that can be read. */
static void read_all(fptc_result *result)
{
    fptc_error err = FPTC_ERROR_INIT;
    const char *type, *name;
    int64_t id;

    while (fptc_result_next(result) == FPTC_OK) {
        if (fptc_result_id(result) <= 0 || fptc_result_n_fields(result) == 0)
            problem("a row without id or fields", &err);
        (void)fptc_result_text(result, "code");
        (void)fptc_result_link(result, "sg_sequence", 0, &type, &id, &name);
    }
}

static void find_often(int which)
{
    static const struct question questions[] = {
        {"Shot", in_project, "code,sg_sequence,description", 0, 0, 0},
        {"Shot", in_project, "code,sg_sequence,description", 50, 0, 0},
        {"Shot", "[[\"sg_status_list\",\"is\",\"ip\"]]", "code,sg_sequence", 0, 0, 0},
        {"Asset", in_project, "code", 0, 2000, 0},
        {"Shot", in_project, "code", 0, 0, FPTC_MODE_REFRESH},
        {"HumanUser", "", "name", FPTC_ZERO_MS, 0, 0},
    };
    unsigned n = (unsigned)which;

    for (; now_s() < until; n++) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_result *result;

        if (ask(&questions[n % 6], &result, &err) == FPTC_OK)
            read_all(result);
        else if (err.status != FPTC_EDEADLINE)
            problem("find", &err);
        fptc_result_free(result);
    }
}

/* Creates, reads its own write back at once, deletes it again. */
static void write_often(int which)
{
    char data[200], filters[200];
    int n;

    for (n = 0; now_s() < until; n++) {
        struct question q = {"Shot", filters, "code", 0, 0, 0};
        fptc_error err = FPTC_ERROR_INIT;
        fptc_write *write = NULL;
        fptc_result *made = NULL, *found = NULL;
        int64_t id;

        snprintf(data, sizeof(data),
                 "{\"code\":\"thread %d %d\",\"project\":{\"type\":\"Project\",\"id\":101}}", which,
                 n);
        if (fptc_write_new(FPTC_VERB_CREATE, "Shot", 0, &write, &err) != FPTC_OK ||
            fptc_write_set_data(write, data, &err) != FPTC_OK ||
            fptc_cache_write(cache, write, &made, &err) != FPTC_OK ||
            fptc_result_next(made) != FPTC_OK)
            problem("create", &err);
        id = fptc_result_id(made);
        fptc_result_free(made);
        fptc_write_free(write);
        snprintf(filters, sizeof(filters),
                 "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":101}],[\"code\",\"is\","
                 "\"thread %d %d\"]]",
                 which, n);
        if (ask(&q, &found, &err) != FPTC_OK)
            problem("find of a row just made", &err);
        else if (fptc_result_count(found) != 1)
            problem("a row just made is not there", &err);
        fptc_result_free(found);
        made = NULL;
        if (fptc_write_new(FPTC_VERB_DELETE, "Shot", id, &write, &err) != FPTC_OK ||
            fptc_cache_write(cache, write, &made, &err) != FPTC_OK)
            problem("delete", &err);
        fptc_result_free(made);
        fptc_write_free(write);
        if (ask(&q, &found, &err) != FPTC_OK || fptc_result_count(found) != 0)
            problem("a row just deleted is still there", &err);
        fptc_result_free(found);
    }
}

static void read_changes(void)
{
    int64_t since = 0;

    while (now_s() < until) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_result *result = NULL;

        if (fptc_cache_changes(cache, "Shot", 101, since, 50, &result, &err) != FPTC_OK &&
            err.status != FPTC_ENODATA)
            problem("changes", &err);
        while (fptc_result_next(result) == FPTC_OK) {
            if (fptc_result_version(result) <= since)
                problem("a version came again", &err);
            since = fptc_result_version(result);
        }
        fptc_result_free(result);
    }
}

static void keep_up(void)
{
    while (now_s() < until) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_result *result = NULL;

        if (fptc_cache_sync(cache, 0, NULL, NULL, NULL, &err) != FPTC_OK)
            problem("sync", &err);
        if (fptc_cache_compact(cache, NULL, NULL, &err) != FPTC_OK)
            problem("compact", &err);
        if (fptc_cache_status(cache, &result, &err) != FPTC_OK)
            problem("status", &err);
        fptc_result_free(result);
    }
}

static void *run_mixed(void *payload)
{
    int which = *(int *)payload;

    switch (which) {
    case 0:
    case 1:
        write_often(which);
        break;
    case 2:
        read_changes();
        break;
    case 3:
        keep_up();
        break;
    default:
        find_often(which);
    }
    return NULL;
}

static void *run_same(void *payload)
{
    struct question q = {"Shot", in_project, "code",
                         0,      0,          *(int *)payload < 0 ? FPTC_MODE_REFRESH : 0};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result;

    if (ask(&q, &result, &err) != FPTC_OK)
        problem("find", &err);
    else if (fptc_result_count(result) == 0)
        problem("an empty answer", &err);
    fptc_result_free(result);
    return NULL;
}

static void *run_deadline(void *payload)
{
    struct question q = {"Shot", in_project, "code", FPTC_ZERO_MS, 50 + 50 * *(int *)payload, 0};
    double began = now_s(), took;
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result;

    if (*(int *)payload % 2 != 0)
        q.type = "Asset"; /* nothing of it is cached */
    if (ask(&q, &result, &err) == FPTC_OK && fptc_result_source(result) != FPTC_SOURCE_STALE)
        problem("an answer that cannot be here yet", &err);
    else if (result == NULL && err.status != FPTC_EDEADLINE)
        problem("deadline", &err);
    fptc_result_free(result);
    took = now_s() - began;
    if (took > (double)q.deadline_ms / 1000 + 0.3) {
        snprintf(err.message, sizeof(err.message), "%.3f s instead of %.3f s", took,
                 (double)q.deadline_ms / 1000);
        problem("deadline", &err);
    }
    return NULL;
}

static void run_threads(void *(*run)(void *), int sign)
{
    pthread_t threads[N_THREADS];
    int which[N_THREADS], i;

    for (i = 0; i < N_THREADS; i++) {
        which[i] = sign * (i + (sign < 0));
        if (pthread_create(&threads[i], NULL, run, &which[i]) != 0)
            abort();
    }
    for (i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* 0 as it should be. */
static int in_a_child(void)
{
    struct question q = {"Shot", in_project, "code", 0, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_result *result;
    int status = 1;
    pid_t child = fork();

    if (child == 0) {
        int wrong = ask(&q, &result, &err) != FPTC_EFORK || result != NULL;

        wrong |= fptc_cache_changes(cache, "Shot", 101, 0, 0, &result, &err) != FPTC_EFORK;
        wrong |= fptc_cache_sync(cache, 0, NULL, NULL, NULL, &err) != FPTC_EFORK;
        wrong |= fptc_cache_status(cache, &result, &err) != FPTC_EFORK;
        _exit(wrong);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        fprintf(stderr, "the child of fork() was not refused: %d\n", status);
    return status;
}

int main(int argc, char **argv)
{
    fptc_options options = FPTC_OPTIONS_INIT;
    fptc_error err = FPTC_ERROR_INIT;

    if (argc < 5)
        return 2;
    options.cache_dir = argv[2];
    options.script_name = argv[3];
    options.script_key = argv[4];
    options.refresh_ms = 20;
    if (fptc_cache_open(&options, &cache, &err) != FPTC_OK) {
        problem("open", &err);
        return 1;
    }
    until = now_s() + (argc > 5 ? atof(argv[5]) : 1);
    if (strcmp(argv[1], "mixed") == 0) {
        run_threads(run_mixed, 1);
    } else if (strcmp(argv[1], "same") == 0) {
        run_threads(run_same, 1);
    } else if (strcmp(argv[1], "refresh") == 0) {
        run_threads(run_same, -1);
    } else if (strcmp(argv[1], "deadlines") == 0) {
        run_threads(run_deadline, 1);
    } else if (strcmp(argv[1], "fork") == 0 && in_a_child() != 0) {
        atomic_fetch_add(&problems, 1);
    }
    fptc_cache_close(cache); /* also while calls left behind still run */
    printf("{\"cache\": %d, \"upstream\": %d, \"stale\": %d}\n", atomic_load(&served[1]),
           atomic_load(&served[2]), atomic_load(&served[3]));
    return atomic_load(&problems) != 0;
}
