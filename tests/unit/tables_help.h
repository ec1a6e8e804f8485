/*
 * tables_help.h: what the tests of tables and snapshots share: databases in memory with tables in them,
 * commits from JSON texts, and the whole state of "delta, then base" as one text to compare.
 */
#ifndef FPTC_TESTS_TABLES_HELP_H
#define FPTC_TESTS_TABLES_HELP_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/tables.h"

extern fptc_error th_err;

/* What the callbacks told. */
struct told {
    char rows[4096][48]; /* "Shot 12" */
    size_t n_rows;
    char types[256][48];
    size_t n_types;
};

/* A database in memory. In place: schema "main" only. Overlay: "base" below, "main" written. */
struct store {
    sqlite3 *db;
    struct fptc__tables *t;
    int is_overlay;
    uint64_t number; /* of the last commit applied by store_put */
    struct told told;
};
/* An empty in-place store; an overlay over an empty base is made by store_split. */
void store_open(struct store *s);
/* Turns what an in-place store holds into the base of an overlay. */
void store_split(struct store *s);
/* What the store is after commit `number`, which drops the partition: anew, in place or as an overlay over the
   snapshot that remembers the drop. */
void store_drop(struct store *s, uint64_t number, int64_t asof_ms);
void store_close(struct store *s);

/* Applies one commit of one record (or several: store_apply) with the given number. */
fptc_status store_put_as(struct store *s, uint64_t number, uint16_t kind, const char *body);
fptc_status store_put(struct store *s, uint16_t kind, const char *body); /* the next number */
fptc_status store_apply(struct store *s, uint64_t number, const struct fptc__record *records,
                        size_t n);

/* All that the tables say, merged, as text; with_upto 0 leaves out which commit it is. */
char *store_state(struct store *s, int with_upto);
/* First line where two states differ, for messages. Static buffer. */
const char *state_difference(const char *a, const char *b);
/* One text value by SQL ('@' is the delta schema), "" for null, "-" for no row. Static buffer. */
const char *store_get(struct store *s, const char *sql);
/* What a merged row of the type says, by SQL expression over its columns; "-" for no such row. */
const char *store_row(struct store *s, const char *type, int64_t id, const char *expression);

/* The three places where what is stored may stand when a record comes. */
enum { IN_PLACE, STORED_BELOW, STORED_ABOVE, MODES };
extern const char *const mode_names[MODES];
/* Begins a store whose next commits are "what is stored"; then comes stored(). */
void begin(struct store *s, int mode);
void stored(struct store *s, int mode);
void put(struct store *s, uint16_t kind, const char *body); /* must succeed */

/* Bodies of records about Shot 5 with a code and an updated_at. */
#define SHOT_TYPES "\"types\":{\"code\":\"text\",\"updated_at\":\"date_time\"}"
#define UPDATED(s) "\"updated_at\":\"2026-01-01T00:00:" s "Z\""
#define SHOT_ROWS(seen, members)                                                                   \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1," SHOT_TYPES ",\"rows\":[{\"id\":5," members  \
    "}]}"
#define SHOT_GONE(seen, members)                                                                   \
    "{\"type\":\"Shot\",\"seen\":" seen ",\"asof\":1,\"rows\":[{\"id\":5" members "}]}"
#define CODE_A "\"code\":\"a\","
#define CODE_B "\"code\":\"b\","

#endif
