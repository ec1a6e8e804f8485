/*
 * document.h: the library's JSON documents (status, mirrors, what a sync did) for people.
 */
#ifndef FPTC_CLI_DOCUMENT_H
#define FPTC_CLI_DOCUMENT_H

#include "json.h"

#include <fptcache/fptcache.h>

/* Prints the result of a call that returns a document: as it is with `is_json`, else laid out. */
void print_document(fptc_result *result, int is_json);
/* One value of a document, laid out. */
void print_part(const struct json *value);

#endif
