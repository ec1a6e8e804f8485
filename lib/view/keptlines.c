/*
 * keptlines.c: what a snapshot says of a summary stays the same as long as the snapshot is there. It is
 * kept as a temporary table; rows that were replaced since are taken away when it is asked for again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "view/connection.h"

/* Of one type of one part. */
#define KEPT_MAX 32
/* Longer ones are not worth their memory. */
#define LINES_MAX 1000
#define NAME_BYTES 80

/* fptc_replaced(part, slot): those rows of the snapshot that are not known, as a JSON array of ids. */
void fptc__sql_replaced(sqlite3_context *context, int n, sqlite3_value **args)
{
    struct fptc__view *v = sqlite3_user_data(context);
    const struct fptc__view_part *part = &v->parts[sqlite3_value_int(args[0]) != 0];
    size_t i, slot = (size_t)sqlite3_value_int64(args[1]);
    const struct fptc__replaced *of = slot < part->n_replaced ? &part->replaced[slot] : NULL;
    struct fptc__buf out;

    (void)n;
    fptc__buf_init(&out, FPTC_RESULT_BYTES_MAX);
    fptc__buf_addc(&out, '[');
    for (i = of == NULL ? 0 : of->n_known; of != NULL && i < of->ids.n; i++)
        fptc__buf_addf(&out, "%s%" PRId64, out.len > 1 ? "," : "", of->list[i]);
    fptc__buf_addc(&out, ']');
    if (out.failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, out.data, (int)out.len, SQLITE_TRANSIENT);
    fptc__buf_done(&out);
}

static void name_of(const struct fptc__view_part *part, const struct fptc__replaced *of,
                    const struct fptc__kept_lines *k, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "temp.kept_%d_%zu_%zu", part == &part->view->parts[0] ? 0 : 1,
             (size_t)(of - part->replaced), (size_t)(k - of->kept));
}

static fptc_status run(struct fptc__view *v, const char *before, const char *name,
                       const char *between, const char *sql, const char *after, fptc_error *err)
{
    struct fptc__buf text;
    fptc_status status;

    fptc__buf_init(&text, FPTC_RECORD_BYTES_MAX);
    fptc__buf_addf(&text, "%s%s%s", before, name, between);
    fptc__buf_adds(&text, sql);
    fptc__buf_adds(&text, after);
    status = fptc__buf_check(&text, "SQL text", err);
    if (status == FPTC_OK)
        status = fptc__sql_run(v->db, text.data, err);
    fptc__buf_done(&text);
    return status;
}

void fptc__kept_lines_forget(struct fptc__view_part *part, struct fptc__replaced *of)
{
    char name[NAME_BYTES];

    for (; of->n_kept > 0; of->n_kept--) {
        name_of(part, of, &of->kept[of->n_kept - 1], name);
        (void)run(part->view, "DROP TABLE IF EXISTS ", name, "", "", "", NULL);
        free(of->kept[of->n_kept - 1].sql);
    }
    free(of->kept);
    of->kept = NULL;
}

static struct fptc__kept_lines *find(struct fptc__replaced *of, const char *sql)
{
    size_t i;

    for (i = 0; i < of->n_kept; i++) {
        if (strcmp(of->kept[i].sql, sql) == 0)
            return &of->kept[i];
    }
    return NULL;
}

/* One that is too long is given up, but not forgotten. */
static fptc_status judge(struct fptc__view *v, struct fptc__kept_lines *k, const char *name,
                         fptc_error *err)
{
    if (sqlite3_changes64(v->db) <= LINES_MAX)
        return FPTC_OK;
    k->is_too_long = 1;
    return run(v, "DROP TABLE ", name, "", "", "", err);
}

static fptc_status add(struct fptc__view_part *part, struct fptc__replaced *of, const char *sql,
                       struct fptc__kept_lines **out, fptc_error *err)
{
    struct fptc__kept_lines *k = realloc(of->kept, (of->n_kept + 1) * sizeof(*k));
    char name[NAME_BYTES], limit[40];
    fptc_status status;

    if (k == NULL)
        return fptc__fail_nomem(err);
    of->kept = k;
    k += of->n_kept;
    memset(k, 0, sizeof(*k));
    k->sql = strdup(sql);
    if (k->sql == NULL)
        return fptc__fail_nomem(err);
    name_of(part, of, k, name);
    snprintf(limit, sizeof(limit), ") LIMIT %d", LINES_MAX + 1);
    status = run(part->view, "CREATE TABLE ", name, " AS SELECT * FROM (", sql, ") LIMIT 0", err);
    if (status == FPTC_OK)
        status = run(part->view, "INSERT INTO ", name, " SELECT * FROM (", sql, limit, err);
    if (status == FPTC_OK)
        status = judge(part->view, k, name, err);
    if (status != FPTC_OK) {
        (void)run(part->view, "DROP TABLE IF EXISTS ", name, "", "", "", NULL);
        free(k->sql);
        return status;
    }
    of->n_kept++;
    *out = k;
    return FPTC_OK;
}

static fptc_status take_away(struct fptc__view_part *part, struct fptc__replaced *of,
                             const struct fptc__summary *s, struct fptc__kept_lines *k,
                             fptc_error *err)
{
    char name[NAME_BYTES];
    fptc_status status = fptc__shape_half(part, s->plan->type, FPTC__HALF_REPLACED, err);

    name_of(part, of, k, name);
    of->n_known = k->n_taken;
    if (status == FPTC_OK)
        status = run(part->view, "INSERT INTO ", name, " ", s->sql[FPTC__HALF_REPLACED], "", err);
    of->n_known = 0;
    if (status == FPTC_OK)
        k->n_taken = of->ids.n;
    return status;
}

fptc_status fptc__kept_lines(struct fptc__view_part *part, struct fptc__replaced *of,
                             const struct fptc__summary *s, char *out, size_t size, fptc_error *err)
{
    const char *sql = s->sql[FPTC__HALF_WHOLE];
    struct fptc__kept_lines *k = find(of, sql);
    char name[NAME_BYTES];
    fptc_status status = fptc__shape_half(part, s->plan->type, FPTC__HALF_WHOLE, err);

    if (k == NULL && of->n_kept == KEPT_MAX)
        return FPTC_MISS;
    if (k == NULL && status == FPTC_OK)
        status = add(part, of, sql, &k, err);
    if (status == FPTC_OK && k->is_too_long)
        return FPTC_MISS;
    if (status == FPTC_OK && k->n_taken < of->ids.n)
        status = take_away(part, of, s, k, err);
    if (status != FPTC_OK)
        return status;
    name_of(part, of, k, name);
    snprintf(out, size, "SELECT * FROM %s", name);
    return FPTC_OK;
}
