/*
 * pin.h: claims on bases. CACHE/pins/<id> (32 hexadecimal digits) is a symbolic link whose content is
 *   {"bases":{"outbox":3,"project-101":41,"site":17},"ttl_ms":86400000,"host":"farm12","pid":4711,
 *    "sum":"<checksum of what stands before it>"}
 * A link is there whole or not at all, is read without an open, and so its mtime can be touched while
 * hosts that have read it are dead (N§3). A pin ends when the file server's clock is ttl past its mtime:
 * a dead host's pins end by themselves.
 *
 * Who pins (api/pinning.c) and who deletes (store/retire.c) each write before they read (S11):
 *   pinner    writes the pin, then lists bases/, and fails unless its base is still the *greatest*;
 *   deleter   lists bases/, then pins/, then removes names that were below another in that listing and
 *             that no pin names; what a name that stays speaks of stays.
 * If the deleter removes base B, its listing had a greater one. The greatest number never falls, so that
 * listing came after the pinner's, which came after the pin: the deleter, who lists pins later still,
 * has seen it. Neither pauses nor clocks matter, and a pinned base keeps its manifest.
 */
#ifndef FPTC_SHARE_PIN_H
#define FPTC_SHARE_PIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fptcache/fptcache.h"

/* Partitions in one pin: a project, `site` and `outbox`. */
#define FPTC__PIN_BASES_MAX 3
#define FPTC__PIN_ID_BYTES 33

struct fptc__pin {
    char id[FPTC__PIN_ID_BYTES];
    struct {
        char partition[64];
        uint64_t base; /* 0: it has none, and shows nothing */
    } bases[FPTC__PIN_BASES_MAX];
    size_t n_bases;
    int64_t ttl_ms;
    char host[64];
    int64_t pid;
    int64_t mtime_ms; /* server's clock: when it was made or touched last */
};

/* Puts "sum" before the last brace of a pin's content. */
void fptc__pin_seal(struct fptc__buf *content);
/* 1 when the text can be a pin's id. */
int fptc__pin_is_id(const char *text);
/* Adds a base; the room is a constant of the caller's. */
void fptc__pin_add(struct fptc__pin *pin, const char *partition, uint64_t base);
/* 1 and the base when the pin names the partition. */
int fptc__pin_base(const struct fptc__pin *pin, const char *partition, uint64_t *out);
/* Fills id, host, pid and mtime_ms, and publishes. A pin whose end is unknown (FPTC_EIO) expires. */
fptc_status fptc__pin_put(const char *cache_dir, struct fptc__pin *pin, fptc_error *err);
/* FPTC_MISS when there is none; FPTC_EDAMAGED. An expired one is read like another. */
fptc_status fptc__pin_read(const char *cache_dir, const char *id, struct fptc__pin *out,
                           fptc_error *err);
/* FPTC_MISS when there is none, or when it had expired before it was touched: somebody may have gone by
   that already. Then it is removed. */
fptc_status fptc__pin_touch(const char *cache_dir, const char *id, fptc_error *err);
fptc_status fptc__pin_remove(const char *cache_dir, const char *id,
                             fptc_error *err); /* FPTC_MISS */

/* Calls each(pin, payload) for every pin; non-zero stops. With `expires` those that are expired are
   removed and left out, and FPTC_EDAMAGED means that one cannot be understood: its bases are not known. */
fptc_status fptc__pin_list(const char *cache_dir, int expires,
                           int (*each)(const struct fptc__pin *pin, void *payload), void *payload,
                           fptc_error *err);

#endif
