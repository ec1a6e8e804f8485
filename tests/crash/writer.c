/*
 * writer.c: a process that does a few things with a cache and dies, stops or loses power at its k-th
 * system call.
 *
 *   crash_writer DIR SITE MODE K OPERATION...
 *
 * MODE: count, before, after (SIGKILL), stop (SIGSTOP), power (what was not synced is gone). K counts
 * from the word `begin` among the operations, else from the start. The credentials come from
 * FPTCACHE_SCRIPT_NAME and FPTCACHE_SCRIPT_KEY. Operations: see ops.h. At the end: "trace NAME...",
 * "calls N"; a failed operation ends the process with "fail OPERATION STATUS MESSAGE" and code 3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/counted.h"
#include "crash/ops.h"
#include "crash/power.h"

static enum counted_action action_of(const char *mode)
{
    static const char *const modes[] = {"count", "before", "after", "stop", "power"};
    size_t i;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i], mode) == 0)
            return (enum counted_action)i;
    }
    fprintf(stderr, "unknown mode %s\n", mode);
    exit(9);
}

static void tell_calls(void)
{
    const char *trace = counted_trace();
    size_t n = strlen(trace), done = 0;

    (void)!write(1, "trace ", 6);
    while (done < n) {
        ssize_t put = write(1, trace + done, n - done);

        if (put <= 0)
            exit(9);
        done += (size_t)put;
    }
    say("%s", "");
    say("calls %d", counted_calls());
}

int main(int argc, char **argv)
{
    char root[4096] = "";
    struct ops ops = {.deadline_ms = 0};
    int i, at;

    if (argc < 6 || realpath(argv[1], root) == NULL) {
        fprintf(stderr, "usage: crash_writer DIR SITE MODE K OPERATION...; DIR must exist\n");
        return 9;
    }
    ops.dir = root;
    ops.site = argv[2];
    at = atoi(argv[4]);
    counted_install();
    if (action_of(argv[3]) == COUNTED_POWER)
        power_watch(root);
    for (i = 5; i < argc && strcmp(argv[i], "begin") != 0; i++)
        ;
    counted_arm(action_of(argv[3]), i == argc ? at : 0, 0);
    for (i = 5; i < argc; i++) {
        fptc_error err = FPTC_ERROR_INIT;
        fptc_status status = FPTC_OK;

        if (strcmp(argv[i], "begin") == 0)
            counted_arm(action_of(argv[3]), at, 0);
        else
            status = ops_run(&ops, argv[i], &err);
        if (status != FPTC_OK) {
            say("fail %s %d %s", argv[i], (int)status, err.message);
            return 3;
        }
    }
    ops_close(&ops);
    tell_calls();
    return 0;
}
