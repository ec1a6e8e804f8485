/*
 * faults.c: one operation again and again, with its 1st, 2nd, 3rd ... system call failing.
 *
 *   crash_faults DIR SITE ERRNO HOW PLACE STRIDE PREPARE OPERATION -- AFTERWARDS...
 *
 * HOW: once (that call fails), writes (from there on every call
 * that makes, names or writes something fails).
 * PLACE: same (always DIR), cold (a new cache DIR/<k> each time). STRIDE: every n-th call is tried.
 * PREPARE: done before, without failures, words separated by '+'; "-": nothing, then the opening is part of the operation.
 * "{K}" in an operation is the number of the call. Each time, with a new handle:
 *   "point K NAME STATUS ERR_STATUS WARNED MESSAGE" of the operation; then, without failures and with
 *   the same handle, each of AFTERWARDS: "then WORD STATUS MESSAGE".
 * Ends when the operation makes fewer than K calls: "points N".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crash/counted.h"
#include "crash/ops.h"

#define CALLS_MAX 3000

struct campaign {
    const char *dir, *site;
    int sys_errno;
    enum counted_action action;
    int is_cold, stride;
    char **words; /* what is prepared, the operation, "--", and what is done afterwards */
};

static const struct {
    const char *name;
    int value;
} errnos[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EACCES", EACCES},
              {"ESTALE", ESTALE}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}};

static int errno_of(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
        if (strcmp(errnos[i].name, name) == 0)
            return errnos[i].value;
    }
    fprintf(stderr, "unknown errno %s\n", name);
    exit(9);
}

/* The word with each "{K}" replaced. */
static void fill_in(char *out, size_t size, const char *word, int k)
{
    size_t n = 0;

    while (*word != '\0' && n + 16 < size) {
        if (strncmp(word, "{K}", 3) != 0) {
            out[n++] = *word++;
            continue;
        }
        n += (size_t)snprintf(out + n, size - n, "%d", k);
        word += 3;
    }
    out[n] = '\0';
}

static void afterwards(struct ops *ops, char **words, int k)
{
    for (; *words != NULL; words++) {
        char word[512];
        fptc_error err = FPTC_ERROR_INIT;
        fptc_status status;

        fill_in(word, sizeof(word), *words, k);
        status = ops_run(ops, word, &err);
        say("then %s %d %s", word, (int)status, err.message);
    }
}

/* 1 while there was a call to fail. */
static int one_point(const struct campaign *c, int k)
{
    char dir[4096], word[512], hit[64] = "", *rest = NULL, *at;
    struct ops ops = {.dir = dir, .site = c->site};
    fptc_error err = FPTC_ERROR_INIT;
    fptc_status status = FPTC_OK;

    snprintf(dir, sizeof(dir), "%s", c->dir);
    if (c->is_cold) {
        int n = snprintf(dir, sizeof(dir), "%s/%d", c->dir, k);

        status =
            n < (int)sizeof(dir) && mkdir(dir, 0777) == 0 ? ops_run(&ops, "init", &err) : FPTC_EIO;
    }
    fill_in(word, sizeof(word), c->words[0], k);
    for (at = strtok_r(word, "+", &rest); at != NULL; at = strtok_r(NULL, "+", &rest)) {
        if (status == FPTC_OK && strcmp(at, "-") != 0)
            status = ops_run(&ops, at, &err);
    }
    if (status != FPTC_OK) {
        fprintf(stderr, "%s: %s: %d %s\n", dir, word, (int)status, err.message);
        exit(9);
    }
    fill_in(word, sizeof(word), c->words[1], k);
    counted_arm(c->action, k, c->sys_errno);
    status = ops_run(&ops, word, &err);
    if (counted_hit() != NULL)
        snprintf(hit, sizeof(hit), "%s", counted_hit());
    else if (counted_calls() >= k)
        snprintf(hit, sizeof(hit), "-"); /* a call of a kind that cannot fail */
    counted_arm(COUNTED_ONLY, 0, 0);
    if (hit[0] != '\0') {
        say("point %d %s %d %d %d %s", k, hit, (int)status, (int)err.status, ops_warned(),
            err.message);
        afterwards(&ops, c->words + 3, k);
    }
    ops_close(&ops);
    return hit[0] != '\0';
}

int main(int argc, char **argv)
{
    char root[4096] = "";
    struct campaign c;
    int k, n = 0;

    if (argc < 10 || realpath(argv[1], root) == NULL || strcmp(argv[9], "--") != 0) {
        fprintf(stderr,
                "usage: crash_faults DIR SITE ERRNO HOW PLACE STRIDE PREPARE OPERATION -- ...\n");
        return 9;
    }
    c.dir = root;
    c.site = argv[2];
    c.sys_errno = errno_of(argv[3]);
    c.action = strcmp(argv[4], "writes") == 0 ? COUNTED_FAIL_WRITES : COUNTED_FAIL;
    c.is_cold = strcmp(argv[5], "cold") == 0;
    c.stride = atoi(argv[6]) > 0 ? atoi(argv[6]) : 1;
    c.words = argv + 7;
    counted_install();
    for (k = 1; k < CALLS_MAX && one_point(&c, k); k += c.stride)
        n++;
    say("points %d", n);
    return 0;
}
