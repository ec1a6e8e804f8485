/*
 * ops.h: what the programs of tests/crash do with a cache, one word an operation. Every line they print
 * is written at once with write(2), so that a line that was read is known to have come before the death.
 */
#ifndef FPTC_TESTS_OPS_H
#define FPTC_TESTS_OPS_H

#include "fptcache/fptcache.h"

struct ops {
    const char *dir, *site;
    fptc_cache *cache; /* opened by the first operation that needs it */
    int64_t deadline_ms, quiet_ms;
};

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Runs one: init | open | close | mirror=TYPE | sync | compact | status | pause
 *   create=CODE:COUNT     prints "try EVENT CODE", then "ack EVENT ID CODE" or "nak STATUS EVENT CODE"
 *   repeat=EVENT:CODE     that create once more; an unknown outcome is no failure of it
 *   leave=CODE:COUNT      the same behind: "ack EVENT 0 CODE" once it is in the outbox
 *   whole=CODE            CODE.0 to CODE.2 in one batch; "ack EVENT 0 CODE"
 *   maintain              one round of upkeep, which sends what was left
 *   update=ID:TEXT delete=ID   of a Version; "try EVENT ID", then "ack EVENT ID"
 *   find=TYPE:MODE[:CODE] "find SOURCE JSON"; MODE only (cache), fresh (age 0), refresh, prefer
 *   changes=TYPE          "changes JSON"
 *   deadline=MS quiet=MS  of the handle opened next
 * A failure is filled into err; the status is that of the library.
 */
fptc_status ops_run(struct ops *ops, const char *word, fptc_error *err);
int ops_warned(void); /* whether the last find came with a warning */
void ops_close(struct ops *ops);

#endif
