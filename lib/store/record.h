/*
 * record.h: what a commit says. Every record is a kind and a JSON body; the bodies are part of the
 * on-disk format (lib/FORMAT.md) and may only gain members. Replaying any record twice changes
 * nothing.
 *
 * Common members: `asof` milliseconds since the epoch by the *file server's* clock, taken before the
 * request was sent; `seen` the head of this partition's log before the request was sent (0: unknown,
 * which is always safe); `types` an object field -> FPT data type, the field set that each row holds.
 *
 * rows    {"type":"Shot","seen":41,"asof":1763781234567,"types":{"code":"text","project":"entity"},
 *          "rows":[{"id":862,"code":"sh010","project":{"type":"Project","id":101,"name":"Big"}}],
 *          "event":"<32 hex>"}            event: only for a write of ours; one row then
 *         Rows are whole: every field of `types` is present (null included), as FPT's REST gave it,
 *         links as {"type","id","name"}. Every link seen is also an observation of its target's name.
 * gone    {"type":"Shot","seen":41,"asof":…,"rows":[{"id":5,"updated_at":"…","moved_to":"project-102"}],
 *          "event":"…"}                    updated_at, moved_to, event optional
 * cover   {"type":"Shot","types":{…},"asof":…,"mark":"2026-11-22T03:27:48Z","max_id":4711,
 *          "audited":…,"seen":41,"walk":41}  this partition's rows of the type are complete as of `asof`;
 *                                          seen: the head before the first of them was asked for;
 *                                          audited: when every row was read last, not only changed ones;
 *                                          walk: the head before the first of them was asked for; only
 *                                          where it ends such a reading, not where it catches up;
 *                                          mark is FPT's clock; {"type":"Shot","drop":true} withdraws
 * query   {"hash":"<32 hex>","text":"<canonical query>","type":"Shot","touches":["Shot","Sequence"],
 *          "types":{…},"seen":41,"ids":[…],"asof":…} the ordered ids FPT answered a query with; touches
 *                                          may end with {"outbox":17}: its head before the question
 *                                          (fptc__mutation_horizon), where other partitions decide too
 * config  {"key":"schema:Shot","value":…,"asof":…}   value null deletes the key. Keys: schema (the types),
 *                                          schema:<Type>, schema@<project>, schema@<project>:<Type>,
 *                                          mirror:<Type>; and effect:<Type>, whatever the value: a write to another
 *                                          type changed rows of this one at FPT, of which nothing is known
 * mutate  {"event":"…","verb":"create"|"update"|"delete"|"revive","type":"Shot","id":0,"data":{…},
 *          "who":"script:NAME","host":"…","pid":1,"asof":…,
 *          "known":4711,                   of a create: the greatest id of the type that was known
 *          "marker":"sg_event",            of a create: the field of `data` that holds the event id
 *          "saw":{…},                      of an update: what the cache had of the fields of `data`
 *          "behind":true,                  its caller does not wait: readers show it until it has an end; the id of a
 *                                          create is then its provisional one (fptc__provisional_id)
 *          "partition":"project-101",      behind: where the row lives, if that is known
 *          "policy":"overwrite"|"merge",   behind, of an update: what is done about fields that others changed since
 *                                          `saw`; absent: it is refused
 *          "batch":"<32 hex>","place":0,"of":3}  of one request with others, which FPT takes whole or not at all
 * attempt {"events":["…"],"no":1,"writer":"<writer id>","asof":…,
 *          "known":4712,                    of a create: as in its intent, but now
 *          "left":["sg_status_list"]}       of an update: fields that are not sent, for others have changed them
 * settle  {"event":"…","id":1234,"partition":"project-101","asof":…,
 *          "by":"answer"|"marker"|"match"|"state",   how it is known
 *          "no":1,                          counts only while that attempt is the last; absent: any
 *          "fields":["code"],               of an update: what it wrote
 *          "left":["sg_status_list"]}       and what it left alone, for others had changed that (policy "merge")
 * refuse  {"event":"…","status":400,"text":"FPT's words","asof":…,
 *          "why":"refused"|"conflict"|"uncertain"|"unsent", "no":1}   conflict and uncertain: what was found, for a
 *                                          person; unsent: attempt `no` did not reach FPT, it waits again
 * decide  {"event":"…","verdict":"retry"|"drop","no":1,"data":{…},"who":"script:NAME","asof":…}
 *                                          no: the attempts that there were; data, of a retry: instead of the
 *                                          intent's
 * usage   {"batch":"<32 hex>","wishes":[{"type":"Version","wish":"entity link,created_at desc",
 *          "uses":50}],"asof":…}          what was asked of this partition; only indexes follow from it.
 *         A wish is parts "field word", comma between: first those that must be equal (`link` a single
 *         link, `equal`, `fold` a text whatever its case), then what is ordered (asc, desc, fold-asc,
 *         fold-desc), or `range` or `scan` (part of a text); or `links` alone (members of a multi link).
 * dropped {"asof":…}                       the only record of its commit: everything before it is forgotten,
 *                                          as by an empty base of that number
 * lost    {"upto":41,"commits":"7, 9-12","asof":…}   the first record of its commit: those commits could not be
 *                                          read any more, and everything before this one is forgotten;
 *                                          upto is this commit's number
 * feed: reserved for later; a reader that meets it becomes read-only.
 */
#ifndef FPTC_STORE_RECORD_H
#define FPTC_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum fptc__kind {
    FPTC__ROWS = 1,
    FPTC__GONE = 2,
    FPTC__MUTATE = 3,
    FPTC__ATTEMPT = 4,
    FPTC__SETTLE = 5,
    FPTC__REFUSE = 6,
    FPTC__COVER = 7,
    FPTC__QUERY = 8,
    FPTC__FEED = 9,
    FPTC__CONFIG = 10,
    FPTC__DROPPED = 11,
    FPTC__BASE = 12, /* only in bases/<S>: the manifest */
    FPTC__USAGE = 13,
    FPTC__LOST = 14,
    FPTC__DECIDE = 15
};

/* One record, its body as text; `body` is owned by whoever made the record. */
struct fptc__record {
    uint16_t kind;
    const char *body;
    size_t len;
};

/* A growing list of records that owns its bodies. Zero-initialise; done() frees. */
struct fptc__records {
    struct fptc__record *list;
    size_t n, cap;
    size_t bytes; /* sum of the bodies */
    size_t rows;  /* rows named by rows and gone records: bounded by FPTC_COMMIT_ROWS_MAX */
};
/* Adds a record whose body is `text` (copied). */
fptc_status fptc__records_add(struct fptc__records *list, uint16_t kind, const char *text,
                              size_t len, size_t n_rows, fptc_error *err);
/* The same from a JSON value, which stays the caller's. n_rows: length of its "rows" member. */
fptc_status fptc__records_add_json(struct fptc__records *list, uint16_t kind,
                                   const fptc__json *body, fptc_error *err);
void fptc__records_done(struct fptc__records *list);

#endif
