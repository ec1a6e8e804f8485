#include "view/view.h"
#include "base/error.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/snapshot.h"
#include "view/connection.h"

/* Steps of SQLite's machine that a caller who must not wait may use: about a millisecond. */
#define HASTY_STEPS 100000

/* Of each part; and while another base of it takes the place of the first. */
static const char *const BASE_SCHEMAS[4] = {"home", "site", "home_2", "site_2"};
static const char *const DELTA_SCHEMAS[4] = {"home_delta", "site_delta", "home_delta_2",
                                             "site_delta_2"};
static const char *const PENDING_SCHEMAS[2] = {"home_pending", "site_pending"};

struct fptc__view_part *fptc__view_at(struct fptc__view *v, enum fptc__part part)
{
    return &v->parts[(size_t)part < v->n_parts ? (size_t)part : 0];
}

struct fptc__log *fptc__view_log(struct fptc__view *v, enum fptc__part part)
{
    return fptc__view_at(v, part)->log;
}

const struct fptc__partition *fptc__view_partition(const struct fptc__view *v, enum fptc__part part)
{
    return &v->parts[(size_t)part < v->n_parts ? (size_t)part : 0].at;
}

enum fptc__part fptc__view_part_of(const struct fptc__view *v, int is_project_type)
{
    return is_project_type || v->n_parts == 1 ? FPTC__HOME : FPTC__SITE;
}

/* ------------------------------------------------------------------------------- statements by text */

static void forget_statement(struct fptc__statement *s)
{
    sqlite3_finalize(s->stmt);
    free(s->sql);
    memset(s, 0, sizeof(*s));
}

void fptc__view_forget_statements(struct fptc__view *v)
{
    size_t i;

    fptc__names_forget(v);
    for (i = 0; i < FPTC__STATEMENTS_MAX; i++)
        forget_statement(&v->statements[i]);
}

fptc_status fptc__view_compile(struct fptc__view *v, const char *sql, unsigned flags,
                               sqlite3_stmt **out, fptc_error *err)
{
    struct fptc__buf text;
    fptc_status status;

    fptc__buf_init(&text, FPTC_FILTER_BYTES_MAX);
    fptc__view_folded_sql(v, sql, &text);
    status = fptc__buf_check(&text, "SQL text", err);
    if (status == FPTC_OK &&
        sqlite3_prepare_v3(v->db, text.data, -1, flags, out, NULL) != SQLITE_OK)
        status = fptc__view_fail(v, "preparing a query", err);
    fptc__buf_done(&text);
    return status;
}

/* Eight bytes at a time: statements are long, and looked up for every answer. */
static uint64_t hash_of(const char *sql)
{
    size_t left = strlen(sql);
    uint64_t hash = left, eight;

    for (; left >= sizeof(eight); sql += sizeof(eight), left -= sizeof(eight)) {
        memcpy(&eight, sql, sizeof(eight));
        hash = (hash ^ eight) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    eight = 0;
    memcpy(&eight, sql, left);
    return (hash ^ eight) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct fptc__statement *find_statement(struct fptc__view *v, const char *sql, uint64_t hash)
{
    size_t i;

    for (i = 0; i < FPTC__STATEMENTS_MAX; i++) {
        struct fptc__statement *s = &v->statements[i];

        if (s->hash == hash && s->sql != NULL && strcmp(s->sql, sql) == 0)
            return s;
    }
    return NULL;
}

int fptc__view_verdict(struct fptc__view *v, const char *sql, uint64_t schema,
                       struct fptc__verdict *out)
{
    const struct fptc__statement *s = find_statement(v, sql, hash_of(sql));

    if (s == NULL || s->verdict.generation != v->generation || s->verdict.schema != schema ||
        s->verdict.layer != fptc__layer_number(v))
        return 0;
    *out = s->verdict;
    return 1;
}

void fptc__view_keep_verdict(struct fptc__view *v, const char *sql,
                             const struct fptc__verdict *verdict)
{
    struct fptc__statement *s = find_statement(v, sql, hash_of(sql));

    if (s == NULL || fptc__view_was_refused(v))
        return;
    s->verdict = *verdict;
    s->verdict.generation = v->generation;
    s->verdict.layer = fptc__layer_number(v);
}

fptc_status fptc__view_prepare(struct fptc__view *v, const char *sql, sqlite3_stmt **out,
                               fptc_error *err)
{
    uint64_t hash = hash_of(sql);
    struct fptc__statement *slot = find_statement(v, sql, hash);
    fptc_status status;
    size_t i;

    *out = NULL;
    if (slot != NULL) {
        slot->used = ++v->clock;
        sqlite3_reset(slot->stmt);
        sqlite3_clear_bindings(slot->stmt);
        *out = slot->stmt;
        return FPTC_OK;
    }
    slot = &v->statements[0];
    for (i = 1; i < FPTC__STATEMENTS_MAX; i++) {
        if (v->statements[i].used < slot->used)
            slot = &v->statements[i];
    }
    forget_statement(slot);
    slot->sql = strdup(sql);
    if (slot->sql == NULL)
        return fptc__fail_nomem(err);
    status = fptc__view_compile(v, sql, SQLITE_PREPARE_PERSISTENT, &slot->stmt, err);
    if (status != FPTC_OK) {
        forget_statement(slot);
        return status;
    }
    slot->hash = hash;
    slot->used = ++v->clock;
    *out = slot->stmt;
    return FPTC_OK;
}

fptc_status fptc__view_fail(struct fptc__view *v, const char *what, fptc_error *err)
{
    fptc_status status = fptc__sql_fail(v->db, what, err);

    (void)fptc__error_where(err, "partition %s", v->parts[0].at.name);
    return status;
}

/* -------------------------------------------------------------------------------- what logs bring in */

static void on_reshaped(void *ctx, const char *type)
{
    struct fptc__view_part *part = ctx;

    (void)type;
    part->view->shapes_are_stale = 1;
}

static fptc_status attach_memory(struct fptc__view *v, struct fptc__view_part *part,
                                 fptc_error *err)
{
    char sql[80];

    snprintf(sql, sizeof(sql), "ATTACH ':memory:' AS %s", part->delta_schema);
    part->has_delta = 1;
    return fptc__sql_run(v->db, sql, err);
}

static void detach(struct fptc__view *v, const char *schema, int *has)
{
    char sql[80];

    if (*has == 0)
        return;
    snprintf(sql, sizeof(sql), "DETACH %s", schema);
    (void)fptc__sql_run(v->db, sql, NULL);
    *has = 0;
}

/* Nothing of the part's, nor made from it, stays in the connection. */
static void part_forget(struct fptc__view_part *part)
{
    struct fptc__view *v = part->view;

    fptc__tables_close(part->tables);
    part->tables = NULL;
    detach(v, part->base_schema, &part->has_base);
    detach(v, part->delta_schema, &part->has_delta);
    fptc__known_older_forget(&part->older);
    fptc__view_replaced_forget(part);
    fptc__view_folds_forget(part);
}

/* What was prepared from the parts as they were. */
static void forget_prepared(struct fptc__view *v)
{
    v->generation++;
    fptc__shape_forget(v);
    fptc__view_forget_statements(v);
}

static fptc_status part_start(struct fptc__view_part *part, const struct fptc__manifest *base,
                              fptc_error *err)
{
    struct fptc__view *v = part->view;
    struct fptc__tables_options options = {0};
    fptc_status status = attach_memory(v, part, err);

    v->generation++;
    if (status == FPTC_OK && base->snapshot[0] != '\0') {
        status = fptc__snapshot_attach(&part->at, base, v->db, part->base_schema, err);
        part->has_base = status == FPTC_OK;
        if (status == FPTC_OK)
            (void)sqlite3_file_control(v->db, part->base_schema, FPTC__VFS_OWNER, &v->owner);
    }
    if (status != FPTC_OK)
        return status;
    part->base = *base;
    status = fptc__view_folds_load(part, err);
    if (status != FPTC_OK)
        return status;
    options.db = v->db;
    options.base = part->has_base ? part->base_schema : NULL;
    options.delta = part->delta_schema;
    options.dropped = base->dropped;
    options.dropped_asof_ms = base->asof_ms;
    options.replaced = fptc__view_on_replaced;
    options.reshaped = on_reshaped;
    options.ctx = part;
    return fptc__tables_open(&options, part->at.name, &part->tables, err);
}

/* Puts what `from` holds of a base and an overlay into `to`, which holds nothing; from then holds nothing. */
static void part_move(struct fptc__view_part *to, struct fptc__view_part *from)
{
    to->base = from->base;
    to->tables = from->tables;
    to->base_schema = from->base_schema;
    to->delta_schema = from->delta_schema;
    to->has_base = from->has_base;
    to->has_delta = from->has_delta;
    to->older = from->older;
    to->replaced = from->replaced;
    to->n_replaced = from->n_replaced;
    to->folds = from->folds;
    to->n_folds = from->n_folds;
    from->tables = NULL;
    from->has_base = from->has_delta = 0;
    from->older = NULL;
    from->replaced = NULL;
    from->n_replaced = from->n_folds = 0;
    from->folds = NULL;
}

/* The new base is attached under other names, beside the old one, which goes only when that is done. */
static fptc_status on_reset(void *ctx, const struct fptc__manifest *base, fptc_error *err)
{
    struct fptc__view_part *part = ctx;
    struct fptc__view_part old = {.view = part->view};
    size_t which = (size_t)(part - part->view->parts), i;
    fptc_status status;
    int is_other;

    pthread_mutex_lock(&part->view->mutex);
    for (i = 0; i < part->n_replaced; i++)
        fptc__kept_lines_forget(part, &part->replaced[i]); /* named by the part's place */
    part_move(&old, part);
    is_other = old.has_delta != 0 && old.base_schema == BASE_SCHEMAS[which];
    part->base_schema = BASE_SCHEMAS[is_other ? which + 2 : which];
    part->delta_schema = DELTA_SCHEMAS[is_other ? which + 2 : which];
    status = part_start(part, base, err);
    forget_prepared(part->view);
    if (status == FPTC_OK) {
        part_forget(&old);
    } else {
        part_forget(part);
        part_move(part, &old);
    }
    pthread_mutex_unlock(&part->view->mutex);
    return status;
}

static fptc_status on_apply(void *ctx, const struct fptc__commit *commit, fptc_error *err)
{
    struct fptc__view_part *part = ctx;
    fptc_status status;

    pthread_mutex_lock(&part->view->mutex);
    part->view->generation++;
    status = part->tables == NULL
                 ? fptc__fail(err, FPTC_EINTERNAL, "commit before base in %s", part->at.name)
                 : fptc__tables_apply(part->tables, commit, err);
    if (status == FPTC_OK && part->has_delta < 0)
        status = fptc__fail_nomem(err);
    pthread_mutex_unlock(&part->view->mutex);
    return status;
}

static fptc_status on_hole(void *ctx, uint64_t number, fptc_error *err)
{
    struct fptc__view_part *part = ctx;
    fptc_status status = FPTC_OK;

    pthread_mutex_lock(&part->view->mutex);
    part->view->generation++;
    if (part->tables != NULL)
        status = fptc__tables_hole(part->tables, number, err);
    pthread_mutex_unlock(&part->view->mutex);
    return status;
}

/* ------------------------------------------------------------------------------------- SQL functions */

/* fptc_alive(part, slot, id): 1 unless the overlay replaces that row of the snapshot, or a pending one that is
   shown does. */
static void sql_alive(sqlite3_context *context, int n, sqlite3_value **args)
{
    struct fptc__view *v = sqlite3_user_data(context);
    struct fptc__view_part *part = &v->parts[sqlite3_value_int(args[0]) != 0];
    size_t slot = (size_t)sqlite3_value_int64(args[1]);
    int64_t id = sqlite3_value_int64(args[2]);

    (void)n;
    sqlite3_result_int(context, slot >= part->n_replaced ||
                                    !(fptc__idset_has(&part->replaced[slot].ids, id) ||
                                      fptc__replaced_is_pending(v, &part->replaced[slot], id)));
}

/* fptc_settled(part, slot, id): 1 unless a pending row that is shown replaces that row of the overlay. */
static void sql_settled(sqlite3_context *context, int n, sqlite3_value **args)
{
    struct fptc__view *v = sqlite3_user_data(context);
    struct fptc__view_part *part = &v->parts[sqlite3_value_int(args[0]) != 0];
    size_t slot = (size_t)sqlite3_value_int64(args[1]);

    (void)n;
    sqlite3_result_int(context, slot >= part->n_replaced ||
                                    !fptc__replaced_is_pending(v, &part->replaced[slot],
                                                               sqlite3_value_int64(args[2])));
}

/* fptc_pending(): 1 while pending rows are shown. */
static void sql_pending(sqlite3_context *context, int n, sqlite3_value **args)
{
    const struct fptc__view *v = sqlite3_user_data(context);

    (void)n;
    (void)args;
    sqlite3_result_int(context, v->layer.is_shown);
}

static void sql_gone(sqlite3_context *context, int n, sqlite3_value **args)
{
    const char *type = (const char *)sqlite3_value_text(args[0]);
    const char *name;
    int is_gone = 0;

    (void)n;
    if (type != NULL)
        (void)fptc__view_name(sqlite3_user_data(context), type, sqlite3_value_int64(args[1]), &name,
                              &is_gone);
    sqlite3_result_int(context, is_gone);
}

static void sql_name(sqlite3_context *context, int n, sqlite3_value **args)
{
    const char *type = (const char *)sqlite3_value_text(args[0]);
    const char *name = NULL;
    int is_gone = 0;

    (void)n;
    if (type != NULL &&
        fptc__view_name(sqlite3_user_data(context), type, sqlite3_value_int64(args[1]), &name,
                        &is_gone) &&
        name != NULL)
        sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
}

static fptc_status add_functions(struct fptc__view *v, fptc_error *err)
{
    static const struct {
        const char *name;
        int n_args, is_pure; /* pure while a statement runs: the view stands still for it */
        void (*run)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"fptc_alive", 3, 0, sql_alive},
                     {"fptc_settled", 3, 0, sql_settled},
                     {"fptc_pending", 0, 0, sql_pending},
                     {"fptc_hidden", 2, 1, fptc__sql_hidden},
                     {"fptc_replaced", 2, 1, fptc__sql_replaced},
                     {"fptc_gone", 2, 1, sql_gone},
                     {"fptc_name", 2, 1, sql_name}};
    size_t i;

    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        int flags =
            SQLITE_UTF8 | SQLITE_INNOCUOUS | (functions[i].is_pure ? SQLITE_DETERMINISTIC : 0);

        if (sqlite3_create_function_v2(v->db, functions[i].name, functions[i].n_args, flags, v,
                                       functions[i].run, NULL, NULL, NULL) != SQLITE_OK)
            return fptc__sql_fail(v->db, functions[i].name, err);
    }
    return FPTC_OK;
}

/* ------------------------------------------------------------------------------------ opening, locking */

static fptc_status part_open(struct fptc__view *v, size_t i, const struct fptc__view_place *place,
                             fptc_error *err)
{
    struct fptc__view_part *part = &v->parts[i];
    struct fptc__log_options options = {&part->sink, &part->log_turn, v->logger,
                                        place->bases ? &place->bases->list[i] : NULL, place->shun};
    fptc_status status;

    part->view = v;
    v->shun = place->shun;
    part->base_schema = BASE_SCHEMAS[i];
    part->delta_schema = DELTA_SCHEMAS[i];
    part->pending_schema = PENDING_SCHEMAS[i];
    part->sink.ctx = part;
    part->sink.reset = on_reset;
    part->sink.apply = on_apply;
    part->sink.fault = fptc__view_on_fault;
    part->sink.hole = on_hole;
    status = fptc__partition_at(place->cache_dir, i == 0 ? place->home : "site", &part->at, err);
    if (status != FPTC_OK)
        return status;
    fptc__turn_init(&part->turn, part->at.dir);
    part->log_turn.ctx = &part->turn;
    part->log_turn.take = fptc__turn_take;
    part->log_turn.give = fptc__turn_give;
    part->log_turn.yield = fptc__turn_yield;
    return fptc__log_open(&part->at, &options, &part->log, err);
}

fptc_status fptc__view_open(const char *cache_dir, const char *home,
                            const struct fptc__logger *logger, struct fptc__view **out,
                            fptc_error *err)
{
    const struct fptc__view_place place = {cache_dir, home, NULL, NULL};

    return fptc__view_open_at(&place, logger, out, err);
}

fptc_status fptc__view_open_at(const struct fptc__view_place *place,
                               const struct fptc__logger *logger, struct fptc__view **out,
                               fptc_error *err)
{
    struct fptc__view *v = calloc(1, sizeof(*v));
    fptc_status status;

    *out = NULL;
    if (v == NULL)
        return fptc__fail_nomem(err);
    v->logger = logger;
    v->generation = 1; /* a new statement's verdict has 0 */
    fptc__buf_init(&v->name, 1u << 20);
    pthread_mutex_init(&v->mutex, NULL);
    status = fptc__sql_open_memory(&v->db, err);
    if (status == FPTC_OK)
        status = add_functions(v, err);
    v->n_parts = fptc__partition_project(place->home) != 0 ? 2 : 1;
    if (status == FPTC_OK)
        status = part_open(v, 0, place, err);
    if (status == FPTC_OK && v->n_parts == 2)
        status = part_open(v, 1, place, err);
    if (status != FPTC_OK) {
        fptc__view_close(v);
        return status;
    }
    *out = v;
    return FPTC_OK;
}

void fptc__view_close(struct fptc__view *v)
{
    size_t i;

    if (v == NULL)
        return;
    for (i = 0; i < v->n_parts; i++)
        fptc__log_close(v->parts[i].log);
    fptc__layer_drop(v);
    forget_prepared(v);
    for (i = 0; i < v->n_parts; i++) {
        if (v->parts[i].view != NULL)
            part_forget(&v->parts[i]);
    }
    fptc__known_forget(&v->known);
    fptc__buf_done(&v->name);
    sqlite3_close(v->db);
    pthread_mutex_destroy(&v->mutex);
    free(v);
}

int fptc__view_is_usable(struct fptc__view *v)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (fptc__log_refreshed_mono_ms(v->parts[i].log) == 0)
            return 0;
    }
    return 1;
}

void fptc__view_begin(struct fptc__view *v)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++)
        fptc__log_lock(v->parts[i].log);
    pthread_mutex_lock(&v->mutex);
}

/* Called by SQLite every so many steps: a hasty statement has had its share. */
static int on_steps(void *ctx)
{
    ((struct fptc__view *)ctx)->owner.has_refused = 1;
    return 1;
}

int fptc__view_begin_now(struct fptc__view *v)
{
    size_t i;

    for (i = 0; i < v->n_parts && fptc__log_try_lock(v->parts[i].log); i++)
        ;
    if (i < v->n_parts || pthread_mutex_trylock(&v->mutex) != 0) {
        while (i > 0)
            fptc__log_unlock(v->parts[--i].log);
        return 0;
    }
    v->owner.is_hasty = 1;
    v->owner.has_refused = 0;
    sqlite3_progress_handler(v->db, HASTY_STEPS, on_steps, v);
    return 1;
}

int fptc__view_was_refused(const struct fptc__view *v)
{
    return v->owner.is_hasty && v->owner.has_refused;
}

static void end_haste(struct fptc__view *v)
{
    v->owner.is_hasty = 0;
    sqlite3_progress_handler(v->db, 0, NULL, NULL);
}

void fptc__view_end(struct fptc__view *v)
{
    size_t i;

    if (v->owner.is_hasty)
        end_haste(v);
    v->layer.is_shown = 0;
    pthread_mutex_unlock(&v->mutex);
    for (i = v->n_parts; i > 0; i--)
        fptc__log_unlock(v->parts[i - 1].log);
}
