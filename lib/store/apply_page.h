/*
 * apply_page.h: a rows or gone record while it is applied; shared by apply_rows.c, apply_gone.c and
 * apply_page.c.
 */
#ifndef FPTC_STORE_APPLY_PAGE_H
#define FPTC_STORE_APPLY_PAGE_H

#include "store/tables_apply.h"

enum { FPTC__NOTHING, FPTC__ROW, FPTC__TOMBSTONE }; /* what is stored */

/* Take the record, it says the same, keep what is stored, nobody can tell. */
enum fptc__verdict { FPTC__TAKE, FPTC__SAME, FPTC__KEEP, FPTC__DOUBT };

/* One field of the record: its column, and its value in the row under way. */
struct fptc__slot {
    size_t column;
    const fptc__json *value;
};

#define FPTC__NAME_FIELDS 6

/* A record being applied. */
struct fptc__page {
    struct fptc__tables *t;
    struct fptc__shape *shape;
    int64_t set_no; /* of the record */
    uint64_t seen;
    const char *event;
    struct fptc__slot *slots;
    size_t n_slots;
    const struct fptc__slot *name_slots[FPTC__NAME_FIELDS]; /* NULL: not in the record */
    size_t updated_at; /* column of that field, n_columns if there is none */
    int64_t id;        /* of the row under way */
};

/* What is stored of the row under way. While `stmt` is set it stands on it. */
struct fptc__stored {
    int what;
    int side;
    int64_t version;
    int64_t set_no;
    int has_updated;
    int64_t updated_ms;
    int hides_row; /* BASE has a row that nothing in DELTA hides yet */
    sqlite3_stmt *stmt;
};

fptc_status fptc__page_start(struct fptc__tables *t, const fptc__json *body, struct fptc__page *p,
                             fptc_error *err);
/* Prepares the statements of the type, once its tables are as the record needs them. */
fptc_status fptc__page_ready(struct fptc__page *p, fptc_error *err);
/* Takes the row's id. */
fptc_status fptc__page_row(struct fptc__page *p, const fptc__json *row, fptc_error *err);
/* What is stored of it: DELTA first, then BASE. Leave it before writing. */
fptc_status fptc__stored_find(struct fptc__page *p, struct fptc__stored *s, fptc_error *err);
void fptc__stored_leave(struct fptc__stored *s);
/*
 * *equal: the stored row holds every field of the record, with the same values. *lacks: it holds one
 * more. Computed fields come and go with the queries that ask for them and count only when both have
 * them.
 */
fptc_status fptc__stored_compare(struct fptc__page *p, const struct fptc__stored *s, int *equal,
                                 int *lacks, fptc_error *err);
/* Whether the stored links of a field are these, in this order. */
fptc_status fptc__page_equal_links(struct fptc__page *p, const struct fptc__column *c, int side,
                                   const fptc__json *value, int *out, fptc_error *err);
/* What the record says against what is stored; `updated` is the record's updated_at or NULL. */
enum fptc__verdict fptc__page_judge(const struct fptc__page *p, const struct fptc__stored *s,
                                    int equal, const char *updated);
/* Marks the row as suspect, or no longer so, or leaves it. */
fptc_status fptc__page_suspect(struct fptc__page *p, const struct fptc__stored *s,
                               enum fptc__verdict verdict, int lacks, fptc_error *err);
/* Remembers the record's event id with the row's version. */
fptc_status fptc__page_event(struct fptc__page *p, int64_t version, fptc_error *err);
/* A row of BASE is hidden from now on: to be told when the commit has succeeded. */
fptc_status fptc__page_replaced(struct fptc__page *p, const struct fptc__stored *s,
                                fptc_error *err);
/* Deletes the row's links from DELTA. */
fptc_status fptc__page_drop_links(struct fptc__page *p, fptc_error *err);

#endif
