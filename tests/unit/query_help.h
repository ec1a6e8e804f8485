/*
 * query_help.h: a small site for tests of lib/query: a schema, the same as tables in memory, and a
 * runner that knows no more than plan.h promises. Compared with by literals, never by project code.
 */
#ifndef QUERY_HELP_H
#define QUERY_HELP_H

#include <sqlite3.h>

#include "query/choices.h"
#include "query/plancache.h"

/* 2026-03-04T12:00:00Z, a Wednesday */
#define HELP_NOW_MS 1772625600000LL

struct help_ask {
    const char *type;
    const char *filters;
    const char *fields;
    const char *order;
    int64_t limit;
    int64_t page;
};

/* NULL where one is taken: all living rows. */
struct help_scope {
    int is_retired_only;
    int without_archived;
};

struct fptc__schema *help_schema(void);
sqlite3 *help_database(void);
/* NULL with err filled when the request or the plan is refused. Also built by a shape kept from earlier
   questions of the test, which must give the same. */
struct fptc__plan *help_plan(const struct fptc__schema *schema, const struct help_ask *ask,
                             fptc_error *err);
/* By that cache alone; NULL: none. */
struct fptc__plan *help_plan_with(const struct fptc__schema *schema, struct fptc__plan_cache *plans,
                                  const struct help_ask *ask, const struct help_scope *scope,
                                  fptc_error *err);
/* Fails unless both say the same of everything but where it is kept. */
void help_compare(const struct fptc__plan *a, const struct fptc__plan *b);
/* Runs sql and writes the ids, "1,2,3", or the SQLite error, into out. */
void help_run(sqlite3 *db, const struct fptc__plan *plan, char *out, size_t size);
/* Fails unless help_run() gives those ids. */
void help_check(const struct fptc__schema *schema, sqlite3 *db, const struct help_ask *ask,
                const char *ids);
/* The whole first row of sql, as help_row() writes it; "not local" if there is no sql. */
void help_first(sqlite3 *db, const struct fptc__plan *plan, char *out, size_t size);
/* The whole first row of sql_by_id for the id, values joined by '|', NULL as "~". */
void help_row(sqlite3 *db, const struct fptc__plan *plan, int64_t id, char *out, size_t size);

#endif
