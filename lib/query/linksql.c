/*
 * linksql.c: conditions on links (leafsql.h). A link of class LINK is two columns of its row; those of
 * class LINKS are rows (id, link_type, link_id) of a table of their own, here named m. A link to a
 * retired row reads as null, or is not there (A§1.6, A§3.3): fptc_gone().
 */
#include <string.h>

#include "query/choices.h"
#include "query/leafsql.h"

/* Where the two halves of the link stand. */
struct place {
    struct fptc__sqltext *s;
    const struct fptc__leaf *leaf;
    size_t alias;
};

static void put_half(const struct place *p, const char *link, const char *links)
{
    if (p->leaf->kind == FPTC__KIND_LINKS)
        fptc__sql_add(p->s, links);
    else
        fptc__sql_column(p->s, p->alias, p->leaf->at.field->name, link);
}

static void put_type(const struct place *p)
{
    put_half(p, "__type", "m.link_type");
}

static void put_id(const struct place *p)
{
    put_half(p, "__id", "m.link_id");
}

/* fptc_gone(<type>, <id>), fptc_name(...) */
static void put_call(const struct place *p, const char *function)
{
    fptc__sql_addf(p->s, "%s(", function);
    put_type(p);
    fptc__sql_add(p->s, ", ");
    put_id(p);
    fptc__sql_add(p->s, ")");
}

static size_t ids_param(struct fptc__sqltext *s, const struct fptc__link_ref *links, size_t n)
{
    struct fptc__param p = {FPTC__PARAM_TEXT, 0, 0, NULL};
    struct fptc__buf b;
    size_t i;

    fptc__buf_init(&b, 24 * n + 8);
    for (i = 0; i < n; i++)
        fptc__buf_addf(&b, "%c%lld", i ? ',' : '[', (long long)links[i].id);
    fptc__buf_addc(&b, ']');
    if (b.failed && !s->text.failed)
        s->text.failed = b.failed;
    p.text = fptc__scratch_take(s->scratch, &b);
    return fptc__sql_param(s, &p);
}

/* The one link asked for, and its target lives: that is asked once, not for every row. */
static void put_one(const struct place *p)
{
    size_t type = fptc__sql_param_text(p->s, p->leaf->links[0].type);
    size_t id = fptc__sql_param_int(p->s, p->leaf->links[0].id);

    put_type(p);
    fptc__sql_addf(p->s, " = ?%zu AND ", type);
    put_id(p);
    fptc__sql_addf(p->s, " = ?%zu AND NOT fptc_gone(?%zu, ?%zu)", id, type, id);
}

/* n links of one type. */
static void put_ids(const struct place *p, const struct fptc__link_ref *links, size_t n)
{
    size_t i;

    put_type(p);
    fptc__sql_addf(p->s, " = ?%zu AND ", fptc__sql_param_text(p->s, links[0].type));
    put_id(p);
    if (n > FPTC__IN_VALUES_MAX) {
        fptc__sql_addf(p->s, " IN (SELECT value FROM json_each(?%zu))", ids_param(p->s, links, n));
    } else {
        fptc__sql_add(p->s, " IN (");
        for (i = 0; i < n; i++)
            fptc__sql_addf(p->s, i ? ", ?%zu" : "?%zu", fptc__sql_param_int(p->s, links[i].id));
        fptc__sql_add(p->s, ")");
    }
}

/* One of the links asked for, and its target lives. */
static void put_among(const struct place *p)
{
    const struct fptc__link_ref *links = p->leaf->links;
    size_t left = p->leaf->n_links;
    int has_many = strcmp(links[0].type, links[left - 1].type) != 0;

    if (left == 1) {
        put_one(p);
        return;
    }
    fptc__sql_add(p->s, has_many ? "(" : "");
    while (left > 0) {
        size_t n = 1;

        while (n < left && strcmp(links[n].type, links[0].type) == 0)
            n++;
        put_ids(p, links, n);
        links += n;
        left -= n;
        fptc__sql_add(p->s, left > 0 ? " OR " : "");
    }
    fptc__sql_add(p->s, has_many ? ") AND NOT " : " AND NOT ");
    put_call(p, "fptc_gone");
}

/* The link is there, its target lives, and its type or name fits. */
static void put_word(const struct place *p)
{
    size_t n = fptc__sql_param(p->s, &p->leaf->values[0]);

    if (p->leaf->relation == FPTC__TYPE_IS) {
        put_type(p);
        fptc__sql_addf(p->s, " = ?%zu", n);
    } else {
        int is_whole = p->leaf->relation == FPTC__NAME_IS;

        fptc__sql_addf(p->s, "%s%s(", is_whole ? "" : "instr(", FPTC__FOLD_NAME);
        put_call(p, "fptc_name");
        fptc__sql_addf(p->s, is_whole ? ") = ?%zu" : "), ?%zu) > 0", n);
    }
    fptc__sql_add(p->s, " AND NOT ");
    put_call(p, "fptc_gone");
}

static void put_unset(const struct place *p)
{
    put_id(p);
    fptc__sql_add(p->s, " IS NULL OR ");
    put_call(p, "fptc_gone");
}

static void put_single(const struct place *p)
{
    if (p->leaf->n_values > 0) {
        put_word(p);
        return;
    }
    if (p->leaf->n_links > 0)
        put_among(p);
    if (p->leaf->n_links > 0 && p->leaf->has_null)
        fptc__sql_add(p->s, " OR ");
    if (p->leaf->has_null)
        put_unset(p);
}

static void put_table(const struct place *p)
{
    fptc__sql_addf(p->s, "FROM \"%s__%s\" AS m WHERE ", p->leaf->at.type, p->leaf->at.field->name);
}

/* By the links' own index where they are named, else row by row. */
static void put_multi(const struct place *p)
{
    if (p->leaf->n_links > 0) {
        fptc__sql_addf(p->s, "t%zu.\"id\" IN (SELECT m.id ", p->alias);
        put_table(p);
        put_among(p);
    } else {
        fptc__sql_add(p->s, p->leaf->has_null ? "NOT EXISTS (SELECT 1 " : "EXISTS (SELECT 1 ");
        put_table(p);
        fptc__sql_addf(p->s, "m.id = t%zu.\"id\" AND ", p->alias);
        if (p->leaf->has_null) {
            fptc__sql_add(p->s, "NOT ");
            put_call(p, "fptc_gone");
        } else {
            put_word(p);
        }
    }
    fptc__sql_add(p->s, ")");
}

void fptc__linksql(struct fptc__sqltext *s, const struct fptc__leaf *leaf, size_t alias)
{
    struct place p = {s, leaf, alias};

    if (leaf->kind == FPTC__KIND_LINKS)
        put_multi(&p);
    else
        put_single(&p);
}
