/* answer.h: making one answer: from covered rows, from a stored query, from FPT's own rows. */
#ifndef FPTC_API_ANSWER_H
#define FPTC_API_ANSWER_H

#include "api/handle.h"
#include "api/result.h"
#include "follow/fetch.h"
#include "query/plan.h"

struct fptc__answer;

/* A question about rows that is not answered with the rows themselves. */
struct fptc__question {
    /* The plan of the rows, with the schema locked; it stays the asker's. */
    fptc_status (*plan)(void *asked, const struct fptc__schema *schema, struct fptc__plan **out,
                        fptc_error *err);
    /* From covered rows of the wanted age, with the view begun; FPTC_MISS: they do not tell. */
    fptc_status (*from_view)(struct fptc__answer *a, fptc_error *err);
    /* By FPT; nothing is kept. */
    fptc_status (*from_site)(struct fptc__answer *a, fptc_error *err);
    void *asked;
};

struct fptc__answer {
    const struct fptc__question *question; /* NULL: the rows are asked for */
    struct fptc__work *work;
    const struct fptc__plan *plan;
    const struct fptc__request *request;
    struct fptc__plan *own; /* the same rows' own fields only, no linked ones: for stored queries */
    struct fptc__plan *wide; /* of a page: what FPT is asked while writes are pending (adjust.h) */
    int64_t max_age_ms;
    int is_any_age;        /* the newest provable answer will do (only-cache, outage) */
    int is_hasty;          /* nothing may be waited for: FPTC_MISS then */
    int lacks_projectless; /* out: only whether rows have no project is not known (several.h) */
    int is_streaming; /* covered rows are not copied: fptc__answer_stream() opens a stream of them */
    int64_t until_mono_ms; /* bound of reading it; 0: none */
    int is_covered;        /* out: every type it depends on is covered, whatever its age */
    int64_t began_ms;      /* file server's clock when the question was put ... */
    int64_t now_ms;        /* ... and when the cache was last looked at */
    fptc__json *types;
    struct fptc__source source;
    struct fptc_result *result;
};

/* now_ms: file server's clock. Nothing is waited for. */
fptc_status fptc__answer_begin_at(struct fptc__answer *a, struct fptc__work *w,
                                  const struct fptc__plan *plan, int64_t now_ms, fptc_error *err);
fptc_status fptc__answer_begin(struct fptc__answer *a, struct fptc__work *w,
                               const struct fptc__plan *plan, const struct fptc__request *request,
                               int64_t max_age_ms, fptc_error *err);
void fptc__answer_done(struct fptc__answer *a);
void fptc__answer_count(struct fptc_cache *cache, int32_t source); /* for `status` */
/* 1 and the words for it when nothing came since the partition was dropped. */
int fptc__says_dropped(struct fptc__work *w, char out[120]);
/* FPTC_MISS when the cache cannot prove an answer of the wanted age. */
fptc_status fptc__answer_from_cache(struct fptc__answer *a, fptc_error *err);
/* streaming.c: covered rows as a stream over a view of its own. FPTC_MISS when they are not covered in
   what that view has read. `told`: bytes of the warnings from before coverage was first looked at. */
fptc_status fptc__answer_stream(struct fptc__answer *a, size_t told, fptc_error *err);
/* The rows of the same question as FPT answered it last; FPTC_MISS. */
fptc_status fptc__answer_from_stored_query(struct fptc__answer *a, fptc_error *err);
/* FPT's rows as they came; source UPSTREAM. */
fptc_status fptc__answer_from_json(struct fptc__answer *a, const fptc__json *rows, fptc_error *err);
/* Asks FPT for this caller alone and keeps nothing. */
fptc_status fptc__answer_pass_through(struct fptc__answer *a, fptc_error *err);
/* Before FPT is asked: what the stored query has to remember of the outbox. */
void fptc__answer_note_outbox(struct fptc__answer *a);
int fptc__answer_type_is_fresh(struct fptc__answer *a, const char *type);

/* find.c: the types' schemas, and the plan. */
fptc_status fptc__plan_make(struct fptc__work *w, const struct fptc__request *request, int may_ask,
                            struct fptc__plan **out, fptc_error *err);
/* stale.c: whether a failure to reach FPT may be answered from what the cache has. */
int fptc__is_outage(fptc_status status);
/* What the caller is told when FPT could not be asked and the cache has nothing either. */
fptc_status fptc__not_provable(fptc_status why, fptc_error *err);
/* The newest answer that the cache can give, with a warning of *err, for which FPT could not be asked; else that. */
fptc_status fptc__answer_stale(struct fptc__answer *a, fptc_status why, fptc_error *err);
/* Such an answer when FPT did not answer a moment ago, unless it must be as fresh as can be; else FPTC_MISS. */
fptc_status fptc__answer_in_silence(struct fptc__answer *a);
/* What came of asking FPT; `why`: of a failure. */
void fptc__silence_note(struct fptc_cache *cache, fptc_status asked, const fptc_error *why);
/* deadlinks.c: whether an `in` names rows of a multi_entity that are all gone; with the view begun. */
int fptc__answer_names_only_dead(const struct fptc__answer *a);
/* find.c: one question, from its schema to its answer. */
struct fptc__asking {
    const struct fptc__question *question; /* NULL: a find */
    const struct fptc__request *request;
    struct fptc__plan *plan; /* in and out; NULL: to be made. The asker's */
    int32_t mode;            /* not FPTC_MODE_DEFAULT */
    int64_t max_age_ms;
    int is_streaming; /* as in an answer */
    int hides_pending;
    int has_looked; /* at the outbox, before the request's ids below 0 were resolved: */
    struct fptc__pending *pending;
    int is_overtaken; /* out, with FPTC_MISS: they have to be resolved again */
    int64_t until_mono_ms;
};
fptc_status fptc__ask_question(struct fptc_cache *cache, const struct fptc__call *call,
                               struct fptc__asking *asking, struct fptc_result **out,
                               fptc_error *err);
/* resolved.c: the same, with FPT's ids in the place of those below 0, where it has given them. `request`, which
   is asking's own, is changed. */
fptc_status fptc__ask_resolved(struct fptc_cache *cache, const struct fptc__call *call,
                               struct fptc__asking *asking, struct fptc__request *request,
                               struct fptc_result **out, fptc_error *err);
/* Between a plan and its answer: 1 when one has got its id since. Begins the view. */
int fptc__is_overtaken(struct fptc__work *w, const struct fptc__request *request);

#endif
