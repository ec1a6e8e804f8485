/*
 * mutation.h: what the outbox partition says of a write, read from its view, and its records.
 */
#ifndef FPTC_VIEW_MUTATION_H
#define FPTC_VIEW_MUTATION_H

#include "view/view.h"

enum fptc__mutation_state {
    FPTC__MUTATION_NONE = -1,
    FPTC__MUTATION_INTENT = 0,
    FPTC__MUTATION_ATTEMPTED = 1, /* sent or about to be; unknown until settled or refused */
    FPTC__MUTATION_SETTLED = 2,
    FPTC__MUTATION_REFUSED = 3,
    FPTC__MUTATION_DROPPED = 4 /* by a person, for ever */
};

struct fptc__mutation {
    enum fptc__mutation_state state;
    char event[33];
    char verb[16];
    char type[256];
    int64_t id;         /* the row: as intended, or as settled */
    char partition[64]; /* of a settled one */
    int64_t attempt_asof_ms;
    char writer[80]; /* who attempted it */
    int64_t version; /* of the intent: the order of the outbox */
    int64_t attempts;
    int64_t decided_asof_ms; /* a person's last decision about it; 0: none */
    char batch[33];          /* of a caller's that it is one of; "" of none, and of a settled one */
    char who[300];           /* whose write it is; "" of a settled one */
    char why[16];            /* of a refused one: "refused", "conflict" or "uncertain" */
    char text[400];          /* and FPT's words, or what was found */
};

/* Between fptc__view_begin() and end of the outbox view. State NONE when the event is not known. */
fptc_status fptc__mutation_find(struct fptc__view *outbox, const char *event,
                                struct fptc__mutation *out, fptc_error *err);
/* The id that a create behind goes by until it is settled: minus the first 13 hexadecimal digits of its event id, exact in
   a double. 0: the event id cannot be told by one. Ids of FPT are positive. */
int64_t fptc__provisional_id(const char *event);
/* The create that goes, or went, by this id; out->id is FPT's once it is settled. FPTC_MISS if there is none. */
fptc_status fptc__mutation_of_provisional(struct fptc__view *outbox, int64_t id,
                                          struct fptc__mutation *out, fptc_error *err);
/* The intent as it was recorded; NULL in *out of a settled one. */
fptc_status fptc__mutation_body(struct fptc__view *outbox, const char *event, fptc__json **out,
                                fptc_error *err);
/* Writes to one entity, other than `event`, whose intents are between two versions. */
struct fptc__entity_writes {
    const char *type;
    int64_t id;
    const char *event;
    int64_t after, before;
    int64_t alias; /* the other id that the row goes by; 0: none */
};
/* The first of them that has no end. FPTC_MISS if there is none. */
fptc_status fptc__mutation_unsettled(struct fptc__view *outbox,
                                     const struct fptc__entity_writes *of,
                                     struct fptc__mutation *out, fptc_error *err);
/* Calls each(mutation, its intent as JSON, payload) for those of them that have no end, in order; non-zero stops. One
   look at the outbox, however many they are. */
fptc_status fptc__mutation_each_waiting(struct fptc__view *outbox,
                                        const struct fptc__entity_writes *of,
                                        int (*each)(const struct fptc__mutation *m,
                                                    const char *body, void *payload),
                                        void *payload, fptc_error *err);
/* The first of them that is settled and wrote one of the members of `data`. FPTC_MISS. */
fptc_status fptc__mutation_overwritten(struct fptc__view *outbox,
                                       const struct fptc__entity_writes *of, const fptc__json *data,
                                       struct fptc__mutation *out, fptc_error *err);
/* Calls each(its intent as JSON, payload) for those of them that were refused or dropped, in order; non-zero stops. */
fptc_status fptc__mutation_each_given_up(struct fptc__view *outbox,
                                         const struct fptc__entity_writes *of,
                                         int (*each)(const char *body, void *payload),
                                         void *payload, fptc_error *err);
/* The settled create, other than `event`, that made this row. FPTC_MISS if there is none. */
fptc_status fptc__mutation_maker(struct fptc__view *outbox, const char *type, int64_t id,
                                 const char *event, struct fptc__mutation *out, fptc_error *err);
/* The greatest id of the type that a settled create names; 0: none. */
fptc_status fptc__mutation_max_id(struct fptc__view *outbox, const char *type, int64_t *out,
                                  fptc_error *err);
/* The commit of the outbox up to which every write has an end, or is older than FPTC_QUIET_MS: what FPT
   says from now on shows them. */
fptc_status fptc__mutation_horizon(struct fptc__view *outbox, int64_t now_ms, int64_t *out,
                                   fptc_error *err);
/* Whether a write to one of the types (array; what is no text in it is skipped) came or was settled
   after commit `since` of the outbox; 1 also when that is no longer known. */
fptc_status fptc__mutation_since(struct fptc__view *outbox, int64_t since, const fptc__json *types,
                                 int *out, fptc_error *err);
/* Calls each(mutation, its intent as JSON or NULL, payload) for every unsettled write in order; non-zero
   stops. */
fptc_status fptc__mutation_each_unsettled(struct fptc__view *outbox,
                                          int (*each)(const struct fptc__mutation *m,
                                                      const char *body, void *payload),
                                          void *payload, fptc_error *err);
/* Calls each(mutation, payload) for every settled create that was sent more than once, the last time after `since_ms`;
   non-zero stops. */
fptc_status fptc__mutation_each_resent(struct fptc__view *outbox, int64_t since_ms,
                                       int (*each)(const struct fptc__mutation *m, void *payload),
                                       void *payload, fptc_error *err);
/* Counts those of a batch that have no end. */
fptc_status fptc__mutation_count_batch(struct fptc__view *outbox, const char *batch, int64_t *out,
                                       fptc_error *err);
/* Counts unsettled and refused writes. */
fptc_status fptc__mutation_counts(struct fptc__view *outbox, int64_t *out_unsettled,
                                  int64_t *out_refused, fptc_error *err);

#endif
