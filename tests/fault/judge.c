/* judge.c: judge.py as a process that is asked again and again. */
#include "fault/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault/points.h"

static int judge_in, judge_out;
static pid_t judge_pid;

void judge_start(void)
{
    const char *source = getenv("FPTC_SOURCE_DIR");
    char script[4096];
    int in[2], out[2];

    if (source == NULL)
        fail_msg("FPTC_SOURCE_DIR is not set");
    snprintf(script, sizeof(script), "%s/tests/fault/judge.py", source);
    if (pipe(in) != 0 || pipe(out) != 0)
        abort();
    judge_pid = fork();
    if (judge_pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        unsetenv("LD_PRELOAD");
        execlp("python3", "python3", "-B", script, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    judge_in = in[1];
    judge_out = out[0];
}

static void read_line(char *line, size_t size)
{
    size_t n = 0;
    char c;

    while (read(judge_out, &c, 1) == 1 && c != '\n') {
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = '\0';
    if (n == 0)
        fail_msg("judge.py does not answer");
}

/* The keys, sorted, in `keys`; NULL, or the first problem. */
const char *judge(char *keys, size_t size)
{
    static char problem[1024];
    char line[1024];
    size_t n = 0;
    int put = snprintf(line, sizeof(line), "%.900s\n", sh_p.dir);

    problem[0] = keys[0] = '\0';
    if (write(judge_in, line, (size_t)put) != put)
        fail_msg("judge.py has ended");
    for (;;) {
        read_line(line, sizeof(line));
        if (strcmp(line, "end") == 0)
            return problem[0] != '\0' ? problem : NULL;
        if (strncmp(line, "key ", 4) == 0 && n + strlen(line) < size)
            n += (size_t)snprintf(keys + n, size - n, "%s ", line + 4);
        else if (problem[0] == '\0')
            snprintf(problem, sizeof(problem), "%.1000s", line);
    }
}

static int times_in(const char *keys, const char *key)
{
    size_t n = strlen(key);
    int times = 0;

    for (; (keys = strstr(keys, key)) != NULL; keys += n)
        times += keys[n] == ' ' && (times == 0 || keys[-1] == ' ');
    return times;
}

static int is_told(const struct told_keys *told, const char *key, size_t n)
{
    int i;

    for (i = 0; i < told->n; i++) {
        if (strlen(told->list[i]) == n && memcmp(told->list[i], key, n) == 0)
            return 1;
    }
    return 0;
}

/* Declarations, schemas, and the note that a repair leaves. */
static int is_of_library(const char *key, size_t n)
{
    return memchr(key, ':', n) != NULL || (n == 8 && memcmp(key, "repaired", n) == 0);
}

/* NULL, or what is wrong with the keys that the judge found. A ':' is in keys of the library's own. */
const char *keys_problem(const char *keys, const struct told_keys *tried,
                         const struct told_keys *acked)
{
    static char text[256];
    size_t n = 0, before_n;
    const char *at;
    int i;

    for (i = 0; i < acked->n; i++) {
        int times = times_in(keys, acked->list[i]);

        if (times == 1)
            continue;
        snprintf(text, sizeof(text), "acknowledged %s is there %d times", acked->list[i], times);
        return text;
    }
    for (at = keys; *at != '\0'; at += n + 1) {
        before_n = n;
        n = strcspn(at, " ");
        if (is_of_library(at, n))
            continue;
        if (!is_told(tried, at, n)) {
            snprintf(text, sizeof(text), "nobody wrote %.*s", (int)n, at);
            return text;
        }
        if (at > keys && n == before_n && memcmp(at - n - 1, at, n) == 0) {
            snprintf(text, sizeof(text), "%.*s is there twice", (int)n, at);
            return text;
        }
    }
    return NULL;
}

void judge_end(void)
{
    close(judge_in);
    close(judge_out);
    (void)waitpid(judge_pid, NULL, 0);
}
