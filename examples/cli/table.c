/* table.c: see table.h. */
#include "table.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Widest cell on a terminal: enough for a name, and a description does not fill the screen. */
#define CELL_WIDTH_MAX 48

void table_add(struct table *t, const char *text)
{
    if (t->n_cells == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 64;
        char **cells = cli_alloc(capacity * sizeof(*cells));
        if (t->n_cells)
            memcpy(cells, t->cells, t->n_cells * sizeof(*cells));
        free(t->cells);
        t->cells = cells;
        t->capacity = capacity;
    }
    if (!*text)
        text = "-";
    t->cells[t->n_cells++] = cli_copy(text, strlen(text));
}

/* Shortens a cell to `width` characters, the last one an ellipsis. */
static void cut(char *cell, size_t width)
{
    size_t n = 0;
    char *p;

    if (text_width(cell) <= width)
        return;
    for (p = cell; *p; p++) {
        n += ((unsigned char)*p & 0xc0u) != 0x80u;
        if (n == width) {
            /* Three bytes are there: this character and the rest that is cut off, or a wider one. */
            memcpy(p, strlen(p) >= 3 ? "\xe2\x80\xa6" : "~", strlen(p) >= 3 ? 4 : 2);
            return;
        }
    }
}

static int is_number(const char *cell)
{
    return cell[strspn(cell, "-0123456789.")] == '\0';
}

static void print_cell(const char *cell, size_t width, int is_right, int is_last)
{
    size_t fill = width - text_width(cell);

    if (is_right)
        printf("%*s%s", (int)fill, "", cell);
    else
        printf("%s%*s", cell, is_last ? 0 : (int)fill, "");
    fputs(is_last ? "\n" : "  ", stdout);
}

void table_print(const struct table *t, int indent)
{
    size_t *width = cli_alloc(t->n_columns * sizeof(*width));
    int *is_right = cli_alloc(t->n_columns * sizeof(*is_right));
    int is_terminal = isatty(STDOUT_FILENO);
    size_t i;

    for (i = 0; i < t->n_columns; i++) {
        width[i] = 0;
        is_right[i] = 1;
    }
    for (i = 0; i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        size_t n;
        if (is_terminal)
            cut(t->cells[i], CELL_WIDTH_MAX);
        n = text_width(t->cells[i]);
        width[column] = n > width[column] ? n : width[column];
        if (i >= t->n_columns && !is_number(t->cells[i]))
            is_right[column] = 0;
    }
    for (i = 0; i < t->n_cells; i++) {
        size_t column = i % t->n_columns;
        if (column == 0)
            printf("%*s", indent, "");
        print_cell(t->cells[i], width[column], is_right[column], column + 1 == t->n_columns);
    }
    free(width);
    free(is_right);
}

void table_done(struct table *t)
{
    size_t i;

    for (i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free(t->cells);
    t->cells = NULL;
    t->n_cells = 0;
    t->capacity = 0;
}
