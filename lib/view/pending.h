/*
 * pending.h: writes behind that have no end yet, shown on top of the settled rows of a view.
 *
 * What the outbox holds of them is read once (struct fptc__pending) and shared by all views of a handle. A
 * view keeps the rows that follow from it in tables of their own beside each part's, and shows them between
 * fptc__view_show_pending() and fptc__view_end(), and only then: whoever does not ask for them never meets
 * one. A view that shows them must have been refreshed after the outbox was read (design §7): then a write
 * is pending there, or its settled row is in the view, or both, which the row's event tells.
 */
#ifndef FPTC_VIEW_PENDING_H
#define FPTC_VIEW_PENDING_H

#include <stdatomic.h>

#include "query/provisional.h"
#include "view/view.h"

struct fptc__pending_write {
    char event[33], verb[16];
    char *type;
    int64_t id;         /* of the row; a create's own provisional one */
    char partition[64]; /* where the row lives; "": not known */
    int64_t version;    /* the order of the outbox */
    fptc__json *data;   /* NULL: none */
};

/* Does not change once it is made. */
struct fptc__pending {
    atomic_int refs;
    int64_t since_mono_ms; /* when it was read */
    struct fptc__pending_write *list;
    size_t n, cap;
};

/* Between begin and end of the outbox's view. Ids of creates that are settled are FPT's in it. */
fptc_status fptc__pending_read(struct fptc__view *outbox, struct fptc__pending **out,
                               fptc_error *err);
struct fptc__pending *
fptc__pending_take(struct fptc__pending *p); /* one more owner; of NULL: NULL */
void fptc__pending_drop(struct fptc__pending *p);

/* Between begin and end: shows them until the end. p NULL: there are none. The schema tells how values of
   fields are kept that no row has had yet. */
fptc_status fptc__view_show_pending(struct fptc__view *v, struct fptc__pending *p,
                                    const struct fptc__schema *schema, fptc_error *err);
/* Whether every part was last read after the monotonic time. */
int fptc__view_is_read_after(struct fptc__view *v, int64_t mono_ms);
/* While they are shown: 1 when the row is provisional, or has pending changes. */
int fptc__view_is_pending(struct fptc__view *v, const char *type, int64_t id);
/* While they are shown: 1 and FPT's id of a create that the outbox does not know as settled yet, but whose row
   is in the view (a struct fptc__view). */
int fptc__view_settled_id(void *view, int64_t provisional, int64_t *out);
/* Adds the ids of the type that pending writes touch, whether their rows show or not. */
fptc_status fptc__view_pending_ids(struct fptc__view *v, const char *type, fptc__json *out,
                                   fptc_error *err);

/* While they are shown: 1 when one changes a row of the type of which nothing is known here. */
int fptc__view_lacks_pending(const struct fptc__view *v, const char *type);
/* 1 and the row that came of that write, in one of the view's parts. */
int fptc__view_row_of_event(struct fptc__view *v, const char *event, int64_t *out_id);

/* pendingvalue.c: the value as FPT would keep it: texts trimmed, empty ones null, date_times in UTC, changes
   of a list carried out on what stands there (`old`, may be NULL). NULL: no memory. */
fptc__json *fptc__pending_value(const char *data_type, const fptc__json *old,
                                const fptc__json *written);

#endif
