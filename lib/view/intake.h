/*
 * intake.h: rows that FPT gave, on their way into the logs: each into the partition of its project,
 * with the head that was known before the request (protocol-attacks C1), rows first and what is said
 * about them last (C3).
 */
#ifndef FPTC_VIEW_INTAKE_H
#define FPTC_VIEW_INTAKE_H

#include "store/record.h"
#include "upstream/site.h"
#include "view/view.h"

/* What a call works with: the view of its partition, the site, and the handle behind them. */
struct fptc__session {
    struct fptc__view *view;
    struct fptc__site *site;
    const struct fptc__logger *logger;
    const struct fptc__call *call;
    void *ctx;
    /* The log of a partition that the view does not show; made if it is not there. */
    fptc_status (*log_of)(void *ctx, const char *partition, struct fptc__log **out,
                          fptc_error *err);
    /* Before a question whose answer other partitions decide too: fptc__mutation_horizon(). */
    int notes_outbox;
    int64_t outbox_seen;
    /* File server's time, before a request. */
    fptc_status (*now)(void *ctx, int64_t *out_ms, fptc_error *err);
};

/* One type with the field set that its rows are kept with. */
struct fptc__source {
    const char *type;
    int is_project_type;
    int64_t project_id;      /* 0: the whole site; of a project type: the rows without one */
    const fptc__json *types; /* object: field -> FPT data type */
};

#define FPTC__INTAKE_PARTITIONS_MAX 64

struct fptc__intake_batch {
    char partition[64];
    struct fptc__records records;
};

struct fptc__intake {
    const struct fptc__session *follow;
    const struct fptc__source *source;
    uint64_t seen[2]; /* of the view's parts */
    int64_t asof_ms;
    int skip_equal;    /* leave out rows that the view already has */
    const char *event; /* of a write of ours, or NULL */
    struct fptc__log
        *home_log; /* append the home partition's records here, not to the view's log */
    struct fptc__intake_batch *batches;
    size_t n_batches;
    int64_t n_rows, n_gone;
};

/* Before the request is sent: notes heads and time. */
fptc_status fptc__intake_begin(struct fptc__intake *in, const struct fptc__session *f,
                               const struct fptc__source *source, fptc_error *err);
/* Takes an array of rows (mapping.h), all of them whole. */
fptc_status fptc__intake_rows(struct fptc__intake *in, const fptc__json *rows, fptc_error *err);
/* An entity of the home partition is gone; updated_at and moved_to may be NULL. */
fptc_status fptc__intake_gone(struct fptc__intake *in, int64_t id, const char *updated_at,
                              const char *moved_to, fptc_error *err);
/* Head of the home partition before the first request; and that there was an earlier one. */
uint64_t fptc__intake_seen(const struct fptc__intake *in);
void fptc__intake_seen_before(struct fptc__intake *in, uint64_t seen);
/* Adds a record to that part's partition, behind the rows. */
fptc_status fptc__intake_record_in(struct fptc__intake *in, enum fptc__part part, uint16_t kind,
                                   const fptc__json *body, fptc_error *err);
/* The same, to that of the source. */
fptc_status fptc__intake_record(struct fptc__intake *in, uint16_t kind, const fptc__json *body,
                                fptc_error *err);
/* Appends all of it, other partitions first. Durable when FPTC_OK. */
fptc_status fptc__intake_commit(struct fptc__intake *in, fptc_error *err);
void fptc__intake_done(struct fptc__intake *in);

/* Partition of a row by its project; "site" for types and rows without one. */
void fptc__row_partition(const struct fptc__source *source, const fptc__json *row, char out[64]);
/* "id,code,project": the fields of a source as FPT takes them. Freed by the caller; NULL no memory. */
char *fptc__source_fields(const struct fptc__source *source);

#endif
