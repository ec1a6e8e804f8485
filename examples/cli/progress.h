/*
 * progress.h: long calls on a terminal: a line that tells how far they are, and Ctrl-C.
 */
#ifndef FPTC_CLI_PROGRESS_H
#define FPTC_CLI_PROGRESS_H

#include <stdint.h>

/* From now on Ctrl-C and SIGTERM ask the call to stop: what it has done is kept, what it holds given back. */
void catch_interrupt(void);
/* For calls that take an fptc_progress_fn, with an int* as payload: 1 on a terminal, where one line is
   written over, 0 elsewhere. */
int32_t print_progress(const char *what, int64_t done, int64_t total, void *payload);

#endif
