/*
 * layer.c: pending writes as rows beside those of a view's parts.
 *
 * The tables of each part have a third side: after the snapshot and the overlay the rows that pending writes
 * leave, in a schema of their own. `pending` of struct fptc__replaced holds the ids they are about: what is
 * settled of them is hidden, and the third side read, only while the layer is shown (shape.c). The layer is
 * made again when the outbox has said something new, or a commit or base has come in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"
#include "view/lookup.h"
#include "view/mutation.h"

/* --------------------------------------------------------------------------------------------- forgetting */

static void forget_lists(struct fptc__view *v)
{
    struct fptc__layer *l = &v->layer;
    size_t i, k;

    for (i = 0; i < l->n_names; i++) {
        free(l->names[i].type);
        free(l->names[i].name);
    }
    l->n_names = l->n_settled = l->n_lacks = l->n = 0;
    for (i = 0; i < v->n_parts; i++) {
        for (k = 0; k < v->parts[i].n_replaced; k++)
            fptc__idset_clear(&v->parts[i].replaced[k].pending);
    }
    fptc__pending_drop(l->of);
    l->of = NULL;
}

void fptc__layer_drop(struct fptc__view *v)
{
    char sql[80];
    size_t i, k;

    forget_lists(v);
    free(v->layer.names);
    free(v->layer.settled);
    free(v->layer.lacks);
    v->layer.lacks = NULL;
    v->layer.cap_lacks = 0;
    v->layer.names = NULL;
    v->layer.settled = NULL;
    v->layer.cap_names = v->layer.cap_settled = 0;
    for (i = 0; i < v->n_parts; i++) {
        for (k = 0; k < v->parts[i].n_replaced; k++)
            v->parts[i].replaced[k].is_layered = 0;
        if (v->parts[i].pending == NULL)
            continue;
        fptc__view_forget_statements(v);
        fptc__shape_forget(v);
        fptc__tables_close(v->parts[i].pending);
        v->parts[i].pending = NULL;
        snprintf(sql, sizeof(sql), "DETACH %s", v->parts[i].pending_schema);
        (void)fptc__sql_run(v->db, sql, NULL);
    }
}

static fptc_status list_tables(struct fptc__view_part *part, struct fptc__buf *sql, fptc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    char text[120];
    fptc_status status;

    snprintf(text, sizeof(text),
             "SELECT name FROM %s.sqlite_master WHERE type = 'table' AND name NOT LIKE "
             "'\\_fptc%%' ESCAPE '\\'",
             part->pending_schema);
    status = fptc__view_prepare(part->view, text, &stmt, err);
    if (status != FPTC_OK)
        return status;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        fptc__buf_addf(sql, "DELETE FROM %s.", part->pending_schema);
        fptc__sql_quote(sql, (const char *)sqlite3_column_text(stmt, 0));
        fptc__buf_adds(sql, ";");
    }
    sqlite3_reset(stmt);
    return FPTC_OK;
}

/* Its tables stay, so that statements do. */
static fptc_status empty_tables(struct fptc__view_part *part, fptc_error *err)
{
    struct fptc__buf sql;
    fptc_status status = FPTC_OK;

    if (part->pending == NULL)
        return FPTC_OK;
    fptc__buf_init(&sql, FPTC_RECORD_BYTES_MAX);
    status = list_tables(part, &sql, err);
    if (status == FPTC_OK)
        status = fptc__buf_check(&sql, "SQL text", err);
    if (status == FPTC_OK && sql.len > 0)
        status = fptc__sql_run(part->view->db, sql.data, err);
    fptc__buf_done(&sql);
    return status;
}

/* ---------------------------------------------------------------------------------------- a row, a name */

static void on_reshaped(void *ctx, const char *type)
{
    struct fptc__view_part *part = ctx;

    (void)type;
    part->view->shapes_are_stale = 1;
}

static fptc_status need_tables(struct fptc__view_part *part, fptc_error *err)
{
    struct fptc__tables_options options = {0};
    char sql[80];
    fptc_status status;

    if (part->pending != NULL)
        return FPTC_OK;
    snprintf(sql, sizeof(sql), "ATTACH ':memory:' AS %s", part->pending_schema);
    status = fptc__sql_run(part->view->db, sql, err);
    options.db = part->view->db;
    options.delta = part->pending_schema;
    options.reshaped = on_reshaped;
    options.ctx = part;
    if (status == FPTC_OK)
        status = fptc__tables_open(&options, part->at.name, &part->pending, err);
    if (status == FPTC_OK)
        return FPTC_OK;
    snprintf(sql, sizeof(sql), "DETACH %s", part->pending_schema);
    (void)fptc__sql_run(part->view->db, sql, NULL);
    return status;
}

/* {"type":..,"seen":0,"types":{..},"rows":[row]} */
static void print_record(const struct fptc__pending_row *r, struct fptc__buf *out)
{
    fptc__buf_adds(out, "{\"type\":");
    fptc__json_put_text(out, r->type, strlen(r->type));
    fptc__buf_adds(out, ",\"seen\":0,\"types\":");
    fptc__json_print(r->types, out);
    fptc__buf_adds(out, ",\"rows\":[");
    fptc__json_print(r->row, out);
    fptc__buf_adds(out, "]}");
}

static fptc_status put_row(struct fptc__view_part *part, const struct fptc__pending_row *r,
                           fptc_error *err)
{
    struct fptc__record record = {FPTC__ROWS, NULL, 0};
    struct fptc__commit commit;
    struct fptc__buf body;
    fptc_status status;

    memset(&commit, 0, sizeof(commit));
    fptc__buf_init(&body, FPTC_RECORD_BYTES_MAX);
    print_record(r, &body);
    status = fptc__buf_check(&body, "row", err);
    if (status == FPTC_OK) {
        record.body = body.data;
        record.len = body.len;
        commit.records = &record;
        commit.n_records = 1;
        commit.head.number = ++part->n_pending;
        status = fptc__tables_apply(part->pending, &commit, err);
    }
    fptc__buf_done(&body);
    return status;
}

/* Room for one more element of a list. */
static int has_room(void *list, size_t *cap, size_t n, size_t size)
{
    void *old, *grown;
    size_t more = *cap == 0 ? 16 : 2 * *cap;

    if (n < *cap)
        return 1;
    memcpy(&old, list, sizeof(old));
    grown = realloc(old, more * size);
    if (grown == NULL)
        return 0;
    memcpy(list, &grown, sizeof(grown));
    *cap = more;
    return 1;
}

static fptc_status put_name(struct fptc__view *v, const struct fptc__pending_row *r,
                            fptc_error *err)
{
    struct fptc__layer *l = &v->layer;
    struct fptc__pending_name *at;

    if (!has_room(&l->names, &l->cap_names, l->n_names, sizeof(*l->names)))
        return fptc__fail_nomem(err);
    at = &l->names[l->n_names];
    at->type = strdup(r->type);
    at->name = r->name == NULL || r->is_gone ? NULL : strdup(r->name);
    at->id = r->id;
    at->is_gone = r->is_gone;
    if (at->type != NULL && (at->name != NULL || r->name == NULL || r->is_gone)) {
        l->n_names++;
        return FPTC_OK;
    }
    free(at->type);
    free(at->name);
    return fptc__fail_nomem(err);
}

static fptc_status hide(struct fptc__view_part *part, const struct fptc__pending_row *r,
                        fptc_error *err)
{
    struct fptc__replaced *of = fptc__view_replaced_of(part, r->type);

    if (of == NULL)
        return fptc__fail_nomem(err);
    if (!of->is_layered)
        part->view->shapes_are_stale = 1;
    of->is_layered = 1;
    return fptc__idset_add(&of->pending, r->id) ? FPTC_OK : fptc__fail_nomem(err);
}

static fptc_status put_lack(struct fptc__view *v, const struct fptc__pending_row *r,
                            fptc_error *err)
{
    struct fptc__layer *l = &v->layer;

    if (!has_room(&l->lacks, &l->cap_lacks, l->n_lacks, sizeof(*l->lacks)))
        return fptc__fail_nomem(err);
    l->lacks[l->n_lacks++] = r->type;
    return FPTC_OK;
}

/* What makes no sense as a row is left as it is settled. */
static fptc_status put_entity(struct fptc__view_part *part, const struct fptc__pending_row *r,
                              fptc_error *err)
{
    fptc_status status = FPTC_OK;

    if (!r->is_touched)
        return r->is_lacking ? put_lack(part->view, r, err) : FPTC_OK;
    status = need_tables(part, err);
    if (status == FPTC_OK && !r->is_gone && !r->is_elsewhere)
        status = put_row(part, r, err);
    if (status == FPTC_MISS)
        return FPTC_OK;
    if (status == FPTC_OK)
        status = hide(part, r, err);
    if (status == FPTC_OK)
        status = put_name(part->view, r, err);
    part->view->layer.n++;
    return status;
}

/* ------------------------------------------------------------------------------------------------ making */

struct making {
    struct fptc__view *view;
    const struct fptc__pending *of;
    const struct fptc__schema *schema;
    struct fptc__pending_op *ops;
    size_t n;
    fptc_error *err;
};

/* 1 when a row of the part came of that write; *out_id is its. */
static fptc_status find_event(struct fptc__view_part *part, const char *event, int64_t *out_id,
                              fptc_error *err)
{
    const char *schemas[2] = {part->delta_schema, part->has_base ? part->base_schema : NULL};
    fptc_status status = FPTC_MISS;
    sqlite3_stmt *stmt = NULL;
    char sql[80];
    int i, rc;

    for (i = 0; i < 2 && status == FPTC_MISS && part->tables != NULL && schemas[i] != NULL; i++) {
        snprintf(sql, sizeof(sql), "SELECT id FROM %s._fptc_event WHERE event = ?1", schemas[i]);
        status = fptc__view_prepare(part->view, sql, &stmt, err);
        if (status != FPTC_OK)
            return status;
        sqlite3_bind_text(stmt, 1, event, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            *out_id = sqlite3_column_int64(stmt, 0);
        else
            status = rc == SQLITE_DONE ? FPTC_MISS
                                       : fptc__view_fail(part->view, "looking up an event", err);
        sqlite3_reset(stmt);
    }
    return status;
}

int fptc__view_row_of_event(struct fptc__view *v, const char *event, int64_t *out_id)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (find_event(&v->parts[i], event, out_id, NULL) == FPTC_OK)
            return 1;
    }
    return 0;
}

static fptc_status note_settled(struct making *m, const struct fptc__pending_write *w, int64_t id)
{
    struct fptc__layer *l = &m->view->layer;

    if (strcmp(w->verb, "create") != 0)
        return FPTC_OK;
    if (!has_room(&l->settled, &l->cap_settled, l->n_settled, sizeof(*l->settled)))
        return fptc__fail_nomem(m->err);
    l->settled[l->n_settled].provisional = w->id;
    l->settled[l->n_settled++].id = id;
    return FPTC_OK;
}

/* The row of the write may have been committed after the outbox was read. */
static fptc_status look_for_row(struct making *m, struct fptc__pending_op *op)
{
    fptc_status status = FPTC_MISS;
    int64_t id = 0;
    size_t i;

    for (i = 0; i < m->view->n_parts && status == FPTC_MISS; i++)
        status = find_event(&m->view->parts[i], op->write->event, &id, m->err);
    op->is_settled = status == FPTC_OK;
    if (status == FPTC_OK)
        return note_settled(m, op->write, id);
    return status == FPTC_MISS ? FPTC_OK : status;
}

static struct fptc__view_part *part_named(struct fptc__view *v, const char *partition)
{
    size_t i;

    for (i = 0; i < v->n_parts; i++) {
        if (strcmp(v->parts[i].at.name, partition) == 0)
            return &v->parts[i];
    }
    return NULL;
}

/* Of a write that does not say where its row lives: where an earlier one was, or the row is. */
static struct fptc__view_part *part_by_row(struct making *m, const struct fptc__pending_write *w)
{
    char partition[64];
    size_t i;

    for (i = m->n; i > 0; i--) {
        if (m->ops[i - 1].write->id == w->id && strcmp(m->ops[i - 1].write->type, w->type) == 0)
            return m->ops[i - 1].part;
    }
    if (strcmp(w->verb, "create") == 0) {
        fptc__partition_name(fptc__json_get_int(fptc__json_get(w->data, "project"), "id"),
                             partition);
        return part_named(m->view, partition);
    }
    for (i = 0; i < m->view->n_parts; i++) {
        if (fptc__view_has(m->view, i == 0 ? FPTC__HOME : FPTC__SITE, w->type, w->id, NULL))
            return &m->view->parts[i];
    }
    return NULL;
}

/* Ids of creates that turned out to be settled. */
static fptc_status resolve(struct making *m, struct fptc__pending_op *op)
{
    int64_t id;

    op->id = op->write->id;
    if (m->view->layer.n_settled == 0)
        return FPTC_OK;
    if (fptc__view_settled_id(m->view, op->id, &id))
        op->id = id;
    if (!fptc__names_provisional(op->write->data))
        return FPTC_OK;
    op->data = fptc__with_real_ids(op->write->data, fptc__view_settled_id, m->view);
    return op->data == NULL ? fptc__fail_nomem(m->err) : FPTC_OK;
}

static int compare_ops(const void *left, const void *right)
{
    const struct fptc__pending_op *a = left, *b = right;
    int c = (a->part > b->part) - (a->part < b->part);

    if (c == 0)
        c = strcmp(a->write->type, b->write->type);
    if (c == 0)
        c = (a->id > b->id) - (a->id < b->id);
    return c != 0
               ? c
               : (a->write->version > b->write->version) - (a->write->version < b->write->version);
}

/* The writes to rows of this view, those to one row together, in the order of the outbox. */
static fptc_status collect(struct making *m)
{
    fptc_status status = FPTC_OK;
    size_t i;

    m->ops = calloc(m->of->n + 1, sizeof(*m->ops));
    if (m->ops == NULL)
        return fptc__fail_nomem(m->err);
    for (i = 0; i < m->of->n && status == FPTC_OK; i++) {
        const struct fptc__pending_write *w = &m->of->list[i];
        struct fptc__pending_op *op = &m->ops[m->n];

        op->write = w;
        op->part = w->partition[0] != '\0' ? part_named(m->view, w->partition) : part_by_row(m, w);
        if (op->part == NULL)
            continue;
        m->n++;
        status = look_for_row(m, op);
    }
    for (i = 0; i < m->n && status == FPTC_OK; i++)
        status = resolve(m, &m->ops[i]);
    if (status == FPTC_OK && m->n > 1)
        qsort(m->ops, m->n, sizeof(*m->ops), compare_ops);
    return status;
}

static int is_same_entity(const struct fptc__pending_op *a, const struct fptc__pending_op *b)
{
    return a->part == b->part && a->id == b->id && strcmp(a->write->type, b->write->type) == 0;
}

static fptc_status make_entities(struct making *m)
{
    fptc_status status = FPTC_OK;
    size_t i, next;

    for (i = 0; i < m->n && status == FPTC_OK; i = next) {
        struct fptc__pending_row row;

        for (next = i + 1; next < m->n && is_same_entity(&m->ops[i], &m->ops[next]);)
            next++;
        status = fptc__pending_row_make(&m->ops[i], next - i, m->schema, &row, m->err);
        if (status == FPTC_OK)
            status = put_entity(m->ops[i].part, &row, m->err);
        fptc__pending_row_done(&row);
    }
    return status;
}

static fptc_status make(struct making *m)
{
    struct fptc__view *v = m->view;
    fptc_status status = FPTC_OK;
    size_t i;

    forget_lists(v);
    for (i = 0; i < v->n_parts && status == FPTC_OK; i++)
        status = empty_tables(&v->parts[i], m->err);
    if (status == FPTC_OK)
        status = collect(m);
    if (status == FPTC_OK)
        status = make_entities(m);
    if (status == FPTC_OK && v->layer.n_names > 1)
        qsort(v->layer.names, v->layer.n_names, sizeof(*v->layer.names),
              fptc__pending_name_compare);
    for (i = 0; i < m->n; i++)
        fptc__json_free(m->ops[i].data);
    free(m->ops);
    return status;
}

fptc_status fptc__view_show_pending(struct fptc__view *v, struct fptc__pending *p,
                                    const struct fptc__schema *schema, fptc_error *err)
{
    struct making m = {v, p, schema, NULL, 0, err};
    struct fptc__layer *l = &v->layer;
    fptc_status status;

    l->is_shown = 0;
    if (p == NULL || p->n == 0) {
        if (l->of != NULL)
            fptc__layer_drop(v);
        return FPTC_OK;
    }
    if (l->of != p || l->generation != v->generation) {
        status = make(&m);
        if (status != FPTC_OK) {
            forget_lists(v);
            return status;
        }
        l->of = fptc__pending_take(p);
        l->generation = v->generation;
        l->number++;
    }
    l->is_shown = l->n > 0 || l->n_settled > 0 || l->n_lacks > 0;
    return FPTC_OK;
}
