/*
 * site.h: what the library asks of FPT: schema, search, create, update, delete, revive. Policy lives here:
 * what may be repeated, what a status means, when to wait (A§1.10, A§9.14).
 */
#ifndef FPTC_UPSTREAM_SITE_H
#define FPTC_UPSTREAM_SITE_H

#include "base/json.h"
#include "upstream/client.h"

struct fptc__site;

fptc_status fptc__site_open(const struct fptc__client_options *options, struct fptc__site **out,
                            fptc_error *err);
void fptc__site_close(struct fptc__site *s);
/* Whose eyes: "script:NAME", "user:LOGIN" or "session:<first 16 hex of its hash>", with "+sudo:LOGIN"
   appended when set; "" without credentials. Makes no request. */
const char *fptc__site_identity(const struct fptc__site *s);

/* HTTP requests that reached the wire, by kind; retried: those among them that repeated another. */
struct fptc__site_counts {
    int64_t auth, schema, search, text_search, summarize, read, create, update, delete_, revive,
        batch, upload, retried, bytes_received;
};
void fptc__site_counts(struct fptc__site *s, struct fptc__site_counts *out);
/* For how long from now FPT wishes to be left alone: what is left of its last Retry-After (with a 429 or a
   503, to this handle), at most FPTC_RETRY_AFTER_MS_MAX; 0: it has not said so. Any thread. */
int64_t fptc__site_retry_after_ms(const struct fptc__site *s);

/* FPT's object of a type's fields (GET /schema/<type>/fields, its "data"), or of all types (GET /schema)
   when type is NULL; as a project shows it unless project_id is 0. FPTC_EUSAGE when FPT knows no such
   type; *out is then NULL. */
fptc_status fptc__site_schema(struct fptc__site *s, const char *type, int64_t project_id,
                              const struct fptc__call *call, fptc__json **out, fptc_error *err);

struct fptc__search {
    const char *type;
    const fptc__json *filters; /* hash form; NULL: every row */
    const char *fields;        /* comma list */
    const char *sort;          /* NULL: "id" */
    int64_t page_size;         /* 1..5000 */
    int64_t page_number;       /* from 1 */
    int is_retired;            /* the trash instead of the living rows */
    int without_archived;      /* no rows of archived projects */
};
struct fptc__page {
    fptc__json *rows; /* array of rows (mapping.h) */
    int is_last;      /* fewer rows than asked for: a short page ends, never a missing `next` */
    int64_t date_ms;  /* FPT's clock when it answered; 0 unknown */
};
/* Repeats 429, 502, 503, 504, resets and half replies with jittered back-off, at most
   FPTC_READ_ATTEMPTS_MAX times and within the deadline. FPTC_EREFUSED with FPT's text for 4xx. */
fptc_status fptc__site_search(struct fptc__site *s, const struct fptc__search *search,
                              const struct fptc__call *call, struct fptc__page *out,
                              fptc_error *err);
void fptc__page_done(struct fptc__page *page);

/* Rows whose names, or the names of what they link to, have every word (A§1.7). */
struct fptc__text_search {
    const char *text;
    const fptc__json *entity_types; /* {Type: filters}: lists of triples, or all of them groups */
    int has_groups;
    int64_t page_size;   /* 1..25 */
    int64_t page_number; /* from 1 */
};
/* site_text_search.c; repeated as a search is. *out_rows: [{"type","id","name","links":[type,name],"status"}]. */
fptc_status fptc__site_text_search(struct fptc__site *s, const struct fptc__text_search *search,
                                   const struct fptc__call *call, fptc__json **out_rows,
                                   fptc_error *err);
struct fptc__summarize {
    const char *type;
    const fptc__json *filters;  /* hash form; NULL: every row */
    const fptc__json *fields;   /* [{"field","type"}] */
    const fptc__json *grouping; /* [{"field","type","direction"}] */
    int without_archived;       /* no rows of archived projects */
};
/* site_summarize.c: FPT's {"summaries","groups"}; repeated as a search is. */
fptc_status fptc__site_summarize(struct fptc__site *s, const struct fptc__summarize *summarize,
                                 const struct fptc__call *call, fptc__json **out, fptc_error *err);

/*
 * Writes are sent exactly once, never repeated here (except after 401, which did nothing).
 * FPTC_OK; FPTC_EREFUSED: FPT said no (4xx), nothing was done; FPTC_ENET, FPTC_ETLS, FPTC_EAUTH,
 * FPTC_EBUSY (429), FPTC_EDEADLINE, FPTC_ECANCELLED, FPTC_ESERVER (the login failed): provably not
 * sent or not accepted; FPTC_UNKNOWN: sent, but no answer that says what became of it (time-out,
 * reset, half a reply, any 5xx), err says which.
 * *out_row: what FPT answered, maybe thin (a create), in the shape of mapping.h.
 */
fptc_status fptc__site_create(struct fptc__site *s, const char *type, const fptc__json *data,
                              const struct fptc__call *call, fptc__json **out_row, fptc_error *err);
fptc_status fptc__site_update(struct fptc__site *s, const char *type, int64_t id,
                              const fptc__json *data, const struct fptc__call *call,
                              fptc__json **out_row, fptc_error *err);
/* FPTC_MISS when FPT says the row is not there (already deleted, or never was). */
fptc_status fptc__site_delete(struct fptc__site *s, const char *type, int64_t id,
                              const struct fptc__call *call, fptc_error *err);
/* FPTC_MISS when FPT says that the row was not retired. */
fptc_status fptc__site_revive(struct fptc__site *s, const char *type, int64_t id,
                              const struct fptc__call *call, fptc_error *err);

enum { FPTC__BATCH_CREATE = 1, FPTC__BATCH_UPDATE, FPTC__BATCH_DELETE };
struct fptc__batch_request {
    int32_t kind; /* FPTC__BATCH_... */
    const char *type;
    int64_t id;             /* not of a create */
    const fptc__json *data; /* not of a delete */
};
/*
 * site_batch.c: one request for all of them, done all or none; sent once, with the statuses of the writes above
 * (FPTC_UNKNOWN as well when the answer is not of every one of them). A delete of a row that is not there is a
 * refusal here, and a create without the project it needs is "done" although no read reaches the row (A§1.8).
 * *out_rows: an array in their order: the row (thin for a create), `true` for a delete.
 */
fptc_status fptc__site_batch(struct fptc__site *s, const struct fptc__batch_request *requests,
                             size_t n, const struct fptc__call *call, fptc__json **out_rows,
                             fptc_error *err);

struct fptc__upload {
    const char *type;
    int64_t id;
    const char *field;        /* NULL: an Attachment of the row */
    const char *path;         /* of the file */
    const char *display_name; /* NULL: FPT's own choice */
    void (*tell)(void *payload, int64_t done_bytes, int64_t bytes); /* may be NULL */
    void *payload;
};
struct fptc__uploaded {
    int64_t attachment_id; /* 0: FPT did not tell */
    int64_t bytes, parts;
};
/*
 * site_upload.c: asks where to send the file, sends it, in parts if it is large, and has it attached
 * (A§1.11). Sending is repeated where that can do no harm: until it is attached, what storage has is
 * seen by nobody. Attaching is a write as above: sent once, FPTC_UNKNOWN when its answer is lost; after any other
 * failure nothing is attached. FPTC_EIO when the file cannot be read or changes meanwhile.
 */
fptc_status fptc__site_upload(struct fptc__site *s, const struct fptc__upload *upload,
                              const struct fptc__call *call, struct fptc__uploaded *out,
                              fptc_error *err);

#endif
