/*
 * rows.h: a result's rows for people or for programs.
 */
#ifndef FPTC_CLI_ROWS_H
#define FPTC_CLI_ROWS_H

#include <fptcache/fptcache.h>

/* A table, and a last line with the source, the age and whether it is complete; JSON with `is_json`. */
void print_rows(fptc_result *result, int is_json);
/* One row, a field a line, and the same last line; JSON with `is_json`. */
void print_row(fptc_result *result, int is_json);
/* What FPT would have dropped or done silently, on stderr; JSON has it inside. */
void print_warnings(const fptc_result *result);

#endif
