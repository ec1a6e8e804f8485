/*
 * clock.h: monotonic time of this host (CLOCK_BOOTTIME, which counts suspend), waiting, randomness,
 * and the context of a call that may block. Wall clocks are never used for decisions.
 */
#ifndef FPTC_BASE_CLOCK_H
#define FPTC_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "fptcache/fptcache.h"

int64_t fptc__mono_ms(void);
/* CLOCK_REALTIME; for messages, for file names that people read, and where FPT's filters need "now". */
int64_t fptc__wall_ms(void);
void fptc__sleep_ms(int64_t ms);
uint64_t fptc__random_u64(void); /* from the kernel; never fails (it aborts nothing: it blocks) */
/* 32 lower-case hexadecimal digits and a NUL. */
void fptc__random_hex32(char out[33]);
/* Boot id of this kernel, 36 characters, or 32 zeros where /proc is not there. */
void fptc__boot_id(char out[37]);
void fptc__host_name(char *out, size_t n);
int64_t fptc__process_id(void);
/* 0 when this kernel surely has no such process (in our name space of processes). */
int fptc__process_lives(int64_t pid);

/* How long a call may take and whether its caller still wants it. Zeroed: no bound. */
struct fptc__call {
    int64_t deadline_mono_ms;    /* 0: none */
    const atomic_int *cancelled; /* NULL: never; non-zero: stop at the next safe place */
    int64_t send_by_mono_ms;     /* 0: none; a write not sent by then never is (§7) */
};
/* Milliseconds left, clamped to 0..most; `most` when there is no deadline. */
int64_t fptc__call_left_ms(const struct fptc__call *call, int64_t most);
/* FPTC_OK, FPTC_EDEADLINE or FPTC_ECANCELLED; `what` says what was being done. */
fptc_status fptc__call_check(const struct fptc__call *call, const char *what, fptc_error *err);

/* "2026-11-22T03:27:48Z" <-> milliseconds since the epoch, UTC. parse: 0 when it is not such a text. */
void fptc__iso_from_ms(int64_t ms, char out[21]);
int fptc__iso_to_ms(const char *text, int64_t *out_ms);

#endif
