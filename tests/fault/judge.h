/*
 * judge.h: what is in the partition sh_p by judge.py, which reads it without the library, and whether that is
 * what was told.
 */
#ifndef FPTC_TESTS_JUDGE_H
#define FPTC_TESTS_JUDGE_H

#include <stddef.h>

#define KEYS_MAX 64

struct told_keys {
    int n;
    char list[KEYS_MAX][48];
};

void judge_start(void);
void judge_end(void);
/* The keys, sorted, a blank behind each, in `keys`; NULL, or the first problem. Static buffer. */
const char *judge(char *keys, size_t size);
/* NULL, or what is wrong with these keys. One with a ':' is the library's own. Static buffer. */
const char *keys_problem(const char *keys, const struct told_keys *tried,
                         const struct told_keys *acked);

#endif
