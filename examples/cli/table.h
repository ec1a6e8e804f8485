/*
 * table.h: cells in columns, aligned when they are printed.
 */
#ifndef FPTC_CLI_TABLE_H
#define FPTC_CLI_TABLE_H

#include <stddef.h>

struct table {
    size_t n_columns;
    size_t n_cells;
    size_t capacity;
    char **cells; /* row by row, the headings first */
};

#define TABLE_INIT(n_columns)                                                                      \
    {                                                                                              \
        (n_columns), 0, 0, NULL                                                                    \
    }

/* Adds the next cell; the text is copied, and empty text shown as "-". */
void table_add(struct table *t, const char *text);
/* Prints it on stdout, each line after `indent` spaces. Long cells are cut for a terminal only. */
void table_print(const struct table *t, int indent);
void table_done(struct table *t);

#endif
