/* compile.c: see compile.h. */
#include "query/compile.h"

/* Members of a group that are chained without parentheses between them. */
#define CHAIN 16u
/* Parentheses inside a member; above it, the member becomes a table. With the levels of its group
   on top this stays far below what the parser can hold. */
#define HEIGHT_MAX 14u

/* Levels of chains of chains that n members need. */
static unsigned levels(size_t n)
{
    unsigned k = 1;

    for (; n > CHAIN; n = (n + CHAIN - 1) / CHAIN)
        k++;
    return k;
}

/* A link followed nests a SELECT. */
static unsigned leaf_height(const struct fptc__leaf *leaf)
{
    return 3 + 3 * (unsigned)fptc__leafsql_n_nested(leaf);
}

/* Sets height and spill, members before their group; *n counts the tables. */
static void measure(struct fptc__filter *f, unsigned *n)
{
    struct fptc__filter *m;
    unsigned height = 0;

    if (f->kind == FPTC__FILTER_LEAF) {
        f->height = leaf_height(f->leaf);
        f->leaf->first_table = *n + 1;
        f->leaf->n_tables = fptc__leafsql_n_tables(f->leaf);
        *n += f->leaf->n_tables;
        return;
    }
    for (m = f->first; m; m = m->next) {
        measure(m, n);
        if (m->height > HEIGHT_MAX) {
            m->spill = ++*n;
            m->height = 2;
        }
        if (m->height > height)
            height = m->height;
    }
    f->height = height + levels(f->n_members);
}

static void put_node(struct fptc__sqltext *s, const struct fptc__filter *f);

static void put_member(struct fptc__sqltext *s, const struct fptc__filter *m)
{
    if (m->spill)
        fptc__sql_addf(s, "t0.\"id\" IN (SELECT id FROM g%u)", m->spill);
    else
        put_node(s, m);
}

/* Writes the next n members from *at on; `step` of them belong to each member of this chain. */
static void put_chain(struct fptc__sqltext *s, const struct fptc__filter **at, size_t n,
                      size_t step, const char *word)
{
    int is_first = 1;

    fptc__sql_add(s, "(");
    while (n > 0) {
        size_t part = n < step ? n : step;

        fptc__sql_add(s, is_first ? "" : word);
        is_first = 0;
        if (part > 1) {
            put_chain(s, at, part, step / CHAIN, word);
        } else {
            put_member(s, *at);
            *at = (*at)->next;
        }
        n -= part;
    }
    fptc__sql_add(s, ")");
}

/* f itself is written here even if it is a table for its group. */
static void put_node(struct fptc__sqltext *s, const struct fptc__filter *f)
{
    const struct fptc__filter *at = f->first;
    size_t step = 1;

    if (f->kind == FPTC__FILTER_LEAF) {
        fptc__leafsql(s, f->leaf);
        return;
    }
    while (step * CHAIN < f->n_members)
        step *= CHAIN;
    put_chain(s, &at, f->n_members, step, f->kind == FPTC__FILTER_AND ? " AND " : " OR ");
}

/* Tables in the order of their numbers: a table only names lower ones. DISTINCT, though no id comes
   twice: else SQLite writes the statement out for each arm of the view, at every table again. */
static void put_tables(struct fptc__sqltext *s, const char *type, const struct fptc__filter *f)
{
    const struct fptc__filter *m;

    if (f->kind == FPTC__FILTER_LEAF)
        fptc__leafsql_tables(s, f->leaf);
    for (m = f->first; m; m = m->next) {
        put_tables(s, type, m);
        if (!m->spill)
            continue;
        fptc__sql_table(s);
        fptc__sql_addf(s, "g%u(id) AS (SELECT DISTINCT t0.\"id\" FROM \"%s\" AS t0 WHERE ",
                       m->spill, type);
        put_node(s, m);
        fptc__sql_add(s, ")");
    }
}

void fptc__compile_tables(struct fptc__sqltext *s, const char *type, struct fptc__filter *f)
{
    unsigned n = 0;

    if (!f)
        return;
    measure(f, &n);
    put_tables(s, type, f);
}

void fptc__compile_where(struct fptc__sqltext *s, const struct fptc__filter *f)
{
    if (!f)
        fptc__sql_add(s, "1");
    else
        put_node(s, f);
}
