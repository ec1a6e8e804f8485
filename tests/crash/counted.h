/*
 * counted.h: the library's table of system calls, counted; at a chosen call the process dies, stops,
 * pauses, loses power or is told of a failure.
 *
 * The calls of all threads share one count, from 1. libcurl's send and recv are counted, too, but never
 * failed. SQLite's own calls are not in the table: it writes only to local temporary files.
 */
#ifndef FPTC_TESTS_COUNTED_H
#define FPTC_TESTS_COUNTED_H

enum counted_action {
    COUNTED_ONLY,
    COUNTED_KILL_BEFORE, /* SIGKILL instead of the call */
    COUNTED_KILL_AFTER,  /* SIGKILL when the call has been carried out */
    COUNTED_STOP,        /* SIGSTOP before the call; SIGCONT goes on */
    COUNTED_POWER, /* before the call: what was not synced is undone (power.h), then SIGKILL */
    COUNTED_FAIL,  /* this call fails, nothing is done */
    COUNTED_FAIL_WRITES, /* from here on every call fails that makes, names or writes something */
    COUNTED_LOST,  /* this call is carried out, and fails: 0 as errno is what a second try says */
    COUNTED_SHORT, /* this read or write is of half the bytes */
    COUNTED_PAUSE  /* before the call, counted_tell()'s function is called */
};

/* Puts the wrappers into fptc__sys. Once, before the first call into the library. */
void counted_install(void);
/* Begins to count anew; the `at`-th call from now meets the action. at 0: never. */
void counted_arm(enum counted_action action, int at, int sys_errno);
/* paused: for COUNTED_PAUSE. made_local: of a directory made on local disk; NULL: "local PATH" is printed. */
void counted_tell(void (*paused)(void), void (*made_local)(const char *path));
int counted_calls(void);       /* since the last counted_arm() */
const char *counted_hit(void); /* name of the first call that failed; NULL: none yet */
/* Names of the calls since counted_arm(), separated by blanks; those that change something end in '!'. */
const char *counted_trace(void);

#endif
