/*
 * lookup.h: what the cache knows about what it knows: coverage, stored queries, configuration, field
 * sets, suspects. All of it is called between fptc__view_begin() and fptc__view_end().
 */
#ifndef FPTC_VIEW_LOOKUP_H
#define FPTC_VIEW_LOOKUP_H

#include "view/idset.h"
#include "view/view.h"

struct fptc__cover {
    fptc__json *fields; /* array of names */
    int64_t asof_ms;    /* file server's clock */
    int64_t audited_ms; /* when every row was read, not only those whose updated_at had moved */
    char mark[32];      /* FPT's clock: where the sweep by updated_at goes on */
    int64_t max_id;
    int64_t commit_no;
};
/* FPTC_MISS when the type is not covered. */
fptc_status fptc__view_cover(struct fptc__view *v, enum fptc__part part, const char *type,
                             struct fptc__cover *out, fptc_error *err);
void fptc__cover_done(struct fptc__cover *c);

/* The same, remembered by the view: *out is valid until the next call. */
struct fptc__known_cover {
    char *type;
    enum fptc__part part;
    int is_covered, has_suspects;
    struct fptc__cover cover;
};
fptc_status fptc__view_known_cover(struct fptc__view *v, enum fptc__part part, const char *type,
                                   const struct fptc__known_cover **out, fptc_error *err);

/* What a caller found out about the rows of a statement, kept beside it until a commit comes in. */
struct fptc__verdict {
    uint64_t generation, schema; /* of the view and of the caller's schema, when it was found out */
    uint64_t layer;              /* of the pending writes that were shown then; 0: none */
    fptc_status status;
    int64_t asof_ms, lists_ms;
    int lists, has_suspects, leaves_project;
};
/* 1 and the verdict if there is one; 0: find out and keep it. */
int fptc__view_verdict(struct fptc__view *v, const char *sql, uint64_t schema,
                       struct fptc__verdict *out);
/* For a statement that was prepared before; else nothing is kept. */
void fptc__view_keep_verdict(struct fptc__view *v, const char *sql,
                             const struct fptc__verdict *verdict);

struct fptc__stored_query {
    fptc__json *ids;     /* array: id, or [id, {"dotted.Path.field": value}] */
    fptc__json *fields;  /* array of names: what each row held */
    fptc__json *touches; /* array of types that decide the answer, and {"outbox": its head then} */
    int64_t asof_ms;
    int64_t commit_no;
    int64_t outbox_seen; /* -1: not known */
    int is_untouched;    /* no later commit of this part changed a row of its types */
};
/* FPTC_MISS when it is not there (or another text has the same hash). */
fptc_status fptc__view_query(struct fptc__view *v, enum fptc__part part, const char *hash,
                             const char *text, struct fptc__stored_query *out, fptc_error *err);
void fptc__stored_query_done(struct fptc__stored_query *q);

/* Value of a config key; FPTC_MISS. asof_ms may be NULL. */
fptc_status fptc__view_config(struct fptc__view *v, enum fptc__part part, const char *key,
                              fptc__json **out, int64_t *out_asof_ms, fptc_error *err);
/* The part's last drop, by number and time (may be NULL); 0: it never was dropped. */
uint64_t fptc__view_dropped(struct fptc__view *v, enum fptc__part part, int64_t *out_asof_ms);
/* Calls each(key, value text) for keys with the prefix, in order; non-zero stops. */
fptc_status fptc__view_config_list(struct fptc__view *v, enum fptc__part part, const char *prefix,
                                   int (*each)(const char *key, const char *value, void *payload),
                                   void *payload, fptc_error *err);
/* Array of all field names that rows of the type were ever stored with; empty if none. */
fptc_status fptc__view_known_fields(struct fptc__view *v, enum fptc__part part, const char *type,
                                    fptc__json **out, fptc_error *err);
/* Array of {type, by, name, uses, bytes}: the indexes of the part's snapshot beyond those every type has. */
fptc_status fptc__view_indexes(struct fptc__view *v, enum fptc__part part, fptc__json **out,
                               fptc_error *err);
/* Array of the covered types, sorted. */
fptc_status fptc__view_covered_types(struct fptc__view *v, enum fptc__part part, fptc__json **out,
                                     fptc_error *err);
/* Array of ids of the type's suspect rows. */
fptc_status fptc__view_suspects(struct fptc__view *v, enum fptc__part part, const char *type,
                                fptc__json **out, fptc_error *err);
/* The names of the fields that the settled row is kept with; NULL when there is none, or it cannot be told. */
fptc__json *fptc__view_fields_of(struct fptc__view *v, enum fptc__part part, const char *type,
                                 int64_t id);
int fptc__view_is_suspect(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id);
/* 1 when FPT has changed rows of the type by itself since they were asked for (outbox/effects.h), or it cannot be told. */
int fptc__view_has_effect(struct fptc__view *v, enum fptc__part part, const char *type);
/* 1 when a row of the type that came in had an updated_at of `since` (ISO, UTC) or later, or when that
   cannot be told; 0 when not, also when nothing of the type is here. */
int fptc__view_has_newer(struct fptc__view *v, enum fptc__part part, const char *type,
                         const char *since);
/* The last commit that changed a row of the type; 0: none. */
int64_t fptc__view_touched(struct fptc__view *v, enum fptc__part part, const char *type);
/* Living rows of the type; 0 when there are none. */
fptc_status fptc__view_count(struct fptc__view *v, enum fptc__part part, const char *type,
                             int64_t *out, fptc_error *err);
/* 1 when the type has that living row; *out_updated_at (may be NULL) gets its updated_at or "". */
int fptc__view_has(struct fptc__view *v, enum fptc__part part, const char *type, int64_t id,
                   char out_updated_at[32]);
/* 1 when a row of the home part links that way to a living row that is not in this part: what stands in
   that row is then not to be had here. Also 1 when it cannot be found out. */
int fptc__view_links_outside(struct fptc__view *v, const struct fptc__follow *follow);
/* Array of the ids of the type's living rows that `seen` lacks. */
fptc_status fptc__view_ids_missing(struct fptc__view *v, enum fptc__part part, const char *type,
                                   const struct fptc__idset *seen, fptc__json **out,
                                   fptc_error *err);
/* 1 unless the stored row equals `row` (a value of record.h) in every field of `types`. */
int fptc__view_differs(struct fptc__view *v, enum fptc__part part, const char *type,
                       const fptc__json *types, const fptc__json *row);

#endif
