/*
 * session.h: from the command line and the environment to an open cache.
 */
#ifndef FPTC_CLI_SESSION_H
#define FPTC_CLI_SESSION_H

#include "arguments.h"

#include <fptcache/fptcache.h>

/* Both return 0 or an exit code, with the reason said on stderr. */
int session_options(const struct arguments *a, fptc_options *out);
int session_open(const struct arguments *a, fptc_cache **out_cache);

/* 1 when the verb shall print JSON. */
int session_is_json(const struct arguments *a);

/* Ends a call that returns a document: prints and frees it, or says why there is none. 0 or an exit code. */
int session_finish(const struct arguments *a, fptc_status status, fptc_result *result,
                   const fptc_error *err);

#endif
