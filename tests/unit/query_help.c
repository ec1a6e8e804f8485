/* query_help.c: see query_help.h. */
#include "query_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"

static const char *const schema_json[][2] = {
    {"Shot",
     "{\"code\":{\"data_type\":{\"value\":\"text\",\"editable\":false}},"
     "\"description\":{\"data_type\":\"text\"},"
     "\"sg_status_list\":{\"data_type\":\"status_list\"},"
     "\"sg_shot_type\":{\"data_type\":\"list\"},"
     "\"sg_kind\":{\"data_type\":\"entity_type\"},"
     "\"sg_color\":{\"data_type\":\"color\"},"
     "\"sg_cut_in\":{\"data_type\":\"number\"},"
     "\"sg_done\":{\"data_type\":\"percent\"},"
     "\"sg_bid\":{\"data_type\":\"duration\"},"
     "\"sg_timecode\":{\"data_type\":\"timecode\"},"
     "\"sg_ratio\":{\"data_type\":\"float\"},"
     "\"sg_cost\":{\"data_type\":\"currency\"},"
     "\"sg_turnover_date\":{\"data_type\":\"date\"},"
     "\"created_at\":{\"data_type\":\"date_time\"},"
     "\"flagged\":{\"data_type\":\"checkbox\"},"
     "\"project\":{\"data_type\":{\"value\":\"entity\"},"
     "\"properties\":{\"valid_types\":{\"value\":[\"Project\"],\"editable\":false}}},"
     "\"sg_sequence\":{\"data_type\":\"entity\",\"properties\":{\"valid_types\":[\"Sequence\"]}},"
     "\"entity\":{\"data_type\":\"entity\",\"valid_types\":[\"Asset\",\"Sequence\"]},"
     "\"anything\":{\"data_type\":\"entity\"},"
     "\"assets\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]},"
     "\"image\":{\"data_type\":\"image\"},"
     "\"sg_movie\":{\"data_type\":\"url\"},"
     "\"open_notes_count\":{\"data_type\":\"summary\"},"
     "\"sg_uuid\":{\"data_type\":\"uuid\"},"
     "\"sg_settings\":{\"data_type\":\"serializable\"},"
     "\"sg_json\":{\"data_type\":\"jsonb\"},"
     "\"viewed_by_current_user\":{\"data_type\":\"list\"}}"},
    {"Sequence", "{\"code\":{\"data_type\":\"text\"},\"sg_cut_in\":{\"data_type\":\"number\"},"
                 "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]},"
                 "\"sg_movie\":{\"data_type\":\"url\"},\"image\":{\"data_type\":\"image\"},"
                 "\"assets\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]}}"},
    {"Asset", "{\"code\":{\"data_type\":\"text\"},"
              "\"parent\":{\"data_type\":\"entity\",\"valid_types\":[\"Asset\"]},"
              "\"friends\":{\"data_type\":\"multi_entity\",\"valid_types\":[\"Asset\"]},"
              "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}"},
    {"Project", "{\"name\":{\"data_type\":\"text\"},\"archived\":{\"data_type\":\"checkbox\"}}"},
    {"Task", "{\"content\":{\"data_type\":\"text\"},\"color\":{\"data_type\":\"color\"},"
             "\"project\":{\"data_type\":\"entity\",\"valid_types\":[\"Project\"]}}"},
};

/*
 * Shots: 1 is everything; 2 is zeroes; 3 is nulls; 4 has letters that trip matching; 5 is like 1 in
 * other case, in project 71, and its links lead to retired rows (Sequence 12, Asset 22).
 * Assets 30 and 31 are each other's parents and friends, so that paths of any length lead somewhere.
 * Links to assets: 1 A and B ("AB" of A§3.3), 2 A, 3 B, 4 none, 5 only the retired one.
 */
static const char tables_sql[] =
    "CREATE TABLE \"Shot\"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, code TEXT, description TEXT,"
    " sg_status_list TEXT, sg_shot_type TEXT, sg_kind TEXT, sg_color TEXT, sg_cut_in INTEGER,"
    " sg_done INTEGER, sg_bid INTEGER, sg_timecode INTEGER, sg_ratio REAL, sg_cost REAL,"
    " sg_turnover_date TEXT, created_at TEXT, flagged INTEGER, project__type TEXT, project__id INTEGER,"
    " sg_sequence__type TEXT, sg_sequence__id INTEGER, entity__type TEXT, entity__id INTEGER,"
    " anything__type TEXT, anything__id INTEGER, open_notes_count TEXT, sg_uuid TEXT,"
    " sg_settings TEXT, sg_json TEXT);"
    "CREATE TABLE \"Shot__assets\"(id INTEGER, pos INTEGER, link_type TEXT, link_id INTEGER,"
    " PRIMARY KEY(id, pos)) WITHOUT ROWID;"
    "CREATE TABLE \"Sequence\"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, code TEXT,"
    " sg_cut_in INTEGER, project__type TEXT, project__id INTEGER);"
    "CREATE TABLE \"Sequence__assets\"(id INTEGER, pos INTEGER, link_type TEXT, link_id INTEGER,"
    " PRIMARY KEY(id, pos)) WITHOUT ROWID;"
    "CREATE TABLE \"Asset\"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, code TEXT,"
    " parent__type TEXT, parent__id INTEGER, project__type TEXT, project__id INTEGER);"
    "CREATE TABLE \"Asset__friends\"(id INTEGER, pos INTEGER, link_type TEXT, link_id INTEGER,"
    " PRIMARY KEY(id, pos)) WITHOUT ROWID;"
    "CREATE TABLE \"Project\"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, name TEXT,"
    " archived INTEGER);"
    "CREATE TABLE \"Task\"(id INTEGER PRIMARY KEY, _fptc_version INTEGER, content TEXT, color TEXT,"
    " project__type TEXT, project__id INTEGER);"
    "INSERT INTO \"Project\" VALUES(70, 1, 'Demo', 0), (71, 2, 'Other', 1);"
    "INSERT INTO \"Sequence\" VALUES(10, 1, 'SH010', 7, 'Project', 70), (11, 2, 'sq11', 8,"
    " 'Project', 71);"
    "INSERT INTO \"Asset\" VALUES(20, 1, 'charA', 'Asset', 21, 'Project', 70),"
    " (21, 2, 'charB', NULL, NULL, 'Project', 71), (30, 3, 'even', 'Asset', 31, 'Project', 70),"
    " (31, 4, 'odd', 'Asset', 30, 'Project', 70);"
    "INSERT INTO \"Asset__friends\" VALUES(30, 0, 'Asset', 31), (30, 1, 'Asset', 20),"
    " (31, 0, 'Asset', 30);"
    "INSERT INTO \"Sequence__assets\" VALUES(10, 0, 'Asset', 20);"
    "INSERT INTO \"Task\" VALUES(1, 1, 'comp', 'pipeline_step', 'Project', 70);"
    "INSERT INTO \"Shot\" VALUES"
    "(1, 101, 'lighting', 'h\u00e9llo \u041a\u043b\u044e\u0447 100%_x', 'ip', 'Type A', 'Shot',"
    " '255,0,0', 1001, 50, 480, 3600000, 1.234568, 10.5, '2026-03-04', '2026-03-04T05:06:07Z', 1,"
    " 'Project', 70, 'Sequence', 10, 'Asset', 20, 'Task', 1, '3', NULL, NULL, NULL),"
    "(2, 102, 'comp', '100 percent', 'fin', 'Type B', 'Asset', '0,0,0', 0, 0, 0, 0, 0.0, 0.0,"
    " '2026-02-27', '2026-02-27T12:00:00Z', 0, 'Project', 70, 'Sequence', 11, 'Sequence', 10, NULL,"
    " NULL, '0', NULL, NULL, NULL),"
    "(3, 103, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0,"
    " 'Project', 70, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
    "(4, 104, 'li_t%', 'O''Brien \"q\" \U0001f600 \\', 'wtg', 'Type C', 'shot', 'pipeline_step', -7,"
    " 100, 90, -1, 2.5, -3.2500000000000004, '2026-03-01', '2026-03-03T23:30:00Z', 0, 'Project', 70, 'Sequence', 10,"
    " 'Asset', 21, NULL, NULL, '1', NULL, NULL, NULL),"
    "(5, 105, 'LIGHTING', 'H\u00c9LLO', 'IP', 'type a', 'Shot', '255,0,1', 1002, 51, 481, 3600001,"
    " 1.234569, 10.500001, '2026-03-05', '2026-03-04T00:00:00Z', 1, 'Project', 71, 'Sequence', 12,"
    " 'Asset', 22, NULL, NULL, '2', NULL, NULL, NULL);"
    "INSERT INTO \"Shot__assets\" VALUES(1, 0, 'Asset', 20), (1, 1, 'Asset', 21), (2, 0, 'Asset', 20),"
    " (3, 0, 'Asset', 21), (5, 0, 'Asset', 22);";

static const struct {
    const char *type;
    int64_t id;
    const char *name;
    int is_gone;
} names[] = {
    {"Sequence", 10, "SH010", 0}, {"Sequence", 11, "sq11", 0}, {"Sequence", 12, "gone", 1},
    {"Asset", 20, "charA", 0},    {"Asset", 21, "charB", 0},   {"Asset", 22, "charDead", 1},
    {"Project", 70, "Demo", 0},   {"Project", 71, "Other", 0}, {"Task", 1, "comp", 0},
};

struct fptc__schema *help_schema(void)
{
    struct fptc__schema *schema = fptc__schema_new();
    fptc_error err = FPTC_ERROR_INIT;
    size_t i;

    assert_non_null(schema);
    for (i = 0; i < sizeof(schema_json) / sizeof(schema_json[0]); i++) {
        fptc__json *fields = NULL;

        assert_int_equal(
            fptc__json_parse(schema_json[i][1], strlen(schema_json[i][1]), "schema", &fields, &err),
            FPTC_OK);
        assert_int_equal(fptc__schema_add(schema, schema_json[i][0], fields, &err), FPTC_OK);
        fptc__json_free(fields);
    }
    return schema;
}

static void call_fold(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    struct fptc__buf b;

    (void)n;
    if (!text)
        return;
    fptc__buf_init(&b, 1u << 20);
    fptc__fold(text, strlen(text), &b);
    sqlite3_result_text(ctx, fptc__buf_text(&b), -1, SQLITE_TRANSIENT);
    fptc__buf_done(&b);
}

/* Index of the entity in names, -1 if it is not there. */
static int find_name(sqlite3_value **values)
{
    const char *type = (const char *)sqlite3_value_text(values[0]);
    int i;

    for (i = 0; type && i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(names[i].type, type) == 0 && names[i].id == sqlite3_value_int64(values[1]))
            return i;
    }
    return -1;
}

static void call_gone(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    int at = find_name(values);

    (void)n;
    sqlite3_result_int(ctx, at >= 0 && names[at].is_gone);
}

static void call_name(sqlite3_context *ctx, int n, sqlite3_value **values)
{
    int at = find_name(values);

    (void)n;
    if (at >= 0)
        sqlite3_result_text(ctx, names[at].name, -1, SQLITE_STATIC);
}

sqlite3 *help_database(void)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, tables_sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_create_function(db, "fptc_fold", 1, flags, NULL, call_fold, NULL, NULL);
    sqlite3_create_function(db, "fptc_gone", 2, flags, NULL, call_gone, NULL, NULL);
    sqlite3_create_function(db, "fptc_name", 2, flags, NULL, call_name, NULL, NULL);
    return db;
}

static fptc_status fill_request(struct fptc__request *r, const struct help_ask *ask,
                                fptc_error *err)
{
    fptc_status status = fptc__request_init(r, ask->type ? ask->type : "Shot", err);

    if (status)
        return status;
    status = fptc__request_set_filters(r, ask->filters, err);
    if (!status)
        status = fptc__request_set_fields(r, ask->fields, err);
    if (!status)
        status = fptc__request_set_order(r, ask->order, err);
    r->limit = ask->limit;
    r->page = ask->page;
    return status;
}

struct fptc__plan *help_plan_with(const struct fptc__schema *schema, struct fptc__plan_cache *plans,
                                  const struct help_ask *ask, const struct help_scope *scope,
                                  fptc_error *err)
{
    struct fptc__request r;
    struct fptc__plan *plan = NULL;
    fptc_status status;

    memset(err, 0, sizeof(*err));
    memset(&r, 0, sizeof(r));
    status = fill_request(&r, ask, err);
    r.is_retired_only = scope ? scope->is_retired_only : 0;
    r.without_archived = scope ? scope->without_archived : 0;
    if (!status)
        status = fptc__plan_build(schema, plans, &r, HELP_NOW_MS, &plan, err);
    assert_int_equal(status, err->status);
    assert_int_equal(status == FPTC_OK, plan != NULL);
    fptc__request_done(&r);
    return plan;
}

static void compare_texts(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

void help_compare(const struct fptc__plan *a, const struct fptc__plan *b)
{
    size_t i;

    compare_texts(a->sql, b->sql);
    compare_texts(a->sql_by_id, b->sql_by_id);
    compare_texts(a->why_not, b->why_not);
    compare_texts(a->warnings, b->warnings);
    compare_texts(a->rest_sort, b->rest_sort);
    compare_texts(fptc__plan_canonical(a), fptc__plan_canonical(b));
    assert_int_equal(a->is_local, b->is_local);
    assert_int_equal(a->is_unfiltered, b->is_unfiltered);
    assert_int_equal(a->is_clock_relative, b->is_clock_relative);
    assert_int_equal(a->n_needs, b->n_needs);
    assert_int_equal(a->n_row_types, b->n_row_types);
    assert_int_equal(a->n_columns, b->n_columns);
    assert_int_equal(a->n_sort, b->n_sort);
    assert_int_equal(a->n_params, b->n_params);
    for (i = 0; i < a->n_params; i++) {
        assert_int_equal(a->params[i].kind, b->params[i].kind);
        assert_true(a->params[i].i == b->params[i].i);
        assert_memory_equal(&a->params[i].d, &b->params[i].d, sizeof(double));
        compare_texts(a->params[i].text, b->params[i].text);
    }
}

/* Shapes of earlier questions, of the schema that they were asked of. */
static struct fptc__plan_cache *plans_of(const struct fptc__schema *schema)
{
    static struct fptc__plan_cache *plans;
    static const struct fptc__schema *of;

    if (of != schema || !plans) {
        fptc__plan_cache_free(plans);
        plans = fptc__plan_cache_new();
        assert_non_null(plans);
        of = schema;
    }
    return plans;
}

struct fptc__plan *help_plan(const struct fptc__schema *schema, const struct help_ask *ask,
                             fptc_error *err)
{
    struct fptc__plan *kept = help_plan_with(schema, plans_of(schema), ask, NULL, err);
    struct fptc__plan *plan = help_plan_with(schema, NULL, ask, NULL, err);

    assert_int_equal(kept == NULL, plan == NULL);
    if (plan)
        help_compare(kept, plan);
    fptc__plan_free(kept);
    return plan;
}

static void bind(sqlite3_stmt *stmt, const struct fptc__plan *plan)
{
    size_t i;

    for (i = 0; i < plan->n_params; i++) {
        const struct fptc__param *p = &plan->params[i];
        int at = (int)i + 1;

        if (p->kind == FPTC__PARAM_INT)
            sqlite3_bind_int64(stmt, at, p->i);
        else if (p->kind == FPTC__PARAM_REAL)
            sqlite3_bind_double(stmt, at, p->d);
        else if (p->kind == FPTC__PARAM_TEXT)
            sqlite3_bind_text(stmt, at, p->text, -1, SQLITE_STATIC);
    }
}

/* A plan of one project runs on that project's partition: the view hides every other row. */
static void see_partition(sqlite3 *db, const struct fptc__plan *plan, int see)
{
    char *sql = see ? sqlite3_mprintf("CREATE TEMP VIEW \"%w\" AS SELECT * FROM main.\"%w\" "
                                      "WHERE project__id IS %lld",
                                      plan->type, plan->type, (long long)plan->project_id)
                    : sqlite3_mprintf("DROP VIEW temp.\"%w\"", plan->type);

    if (plan->is_project_type && plan->n_project_ids == 1)
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_free(sql);
}

void help_check(const struct fptc__schema *schema, sqlite3 *db, const struct help_ask *ask,
                const char *ids)
{
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, ask, &err);
    char got[512];

    if (plan)
        help_run(db, plan, got, sizeof(got));
    else
        snprintf(got, sizeof(got), "%d: %.200s", (int)err.status, err.message);
    if (strcmp(got, ids) != 0)
        fail_msg("%s %s: expected %s, got %s", ask->filters ? ask->filters : "",
                 ask->order ? ask->order : "", ids, got);
    fptc__plan_free(plan);
}

void help_run(sqlite3 *db, const struct fptc__plan *plan, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;
    size_t at = 0;
    int rc;

    out[0] = '\0';
    if (!plan->sql) {
        snprintf(out, size, "not local: %s", plan->why_not);
        return;
    }
    see_partition(db, plan, 1);
    rc = sqlite3_prepare_v2(db, plan->sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        assert_int_equal(sqlite3_bind_parameter_count(stmt), plan->n_params);
        bind(stmt, plan);
        for (rc = sqlite3_step(stmt); rc == SQLITE_ROW && at + 24 < size; rc = sqlite3_step(stmt))
            at += (size_t)snprintf(out + at, size - at, "%s%lld", at ? "," : "",
                                   (long long)sqlite3_column_int64(stmt, 0));
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        snprintf(out, size, "%s: %.300s", sqlite3_errmsg(db), plan->sql);
    sqlite3_finalize(stmt);
    see_partition(db, plan, 0);
}

static void print_row(sqlite3_stmt *stmt, char *out, size_t size)
{
    size_t at = 0;
    int i;

    if (sqlite3_step(stmt) != SQLITE_ROW)
        return;
    for (i = 0; i < sqlite3_column_count(stmt) && at < size; i++) {
        const char *text = (const char *)sqlite3_column_text(stmt, i);

        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "|" : "", text ? text : "~");
    }
}

void help_first(sqlite3 *db, const struct fptc__plan *plan, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;

    snprintf(out, size, "%s", plan->sql ? "" : "not local");
    if (!plan->sql)
        return;
    see_partition(db, plan, 1);
    assert_int_equal(sqlite3_prepare_v2(db, plan->sql, -1, &stmt, NULL), SQLITE_OK);
    bind(stmt, plan);
    print_row(stmt, out, size);
    sqlite3_finalize(stmt);
    see_partition(db, plan, 0);
}

void help_row(sqlite3 *db, const struct fptc__plan *plan, int64_t id, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;

    out[0] = '\0';
    if (sqlite3_prepare_v2(db, plan->sql_by_id, -1, &stmt, NULL) != SQLITE_OK) {
        snprintf(out, size, "%s: %.300s", sqlite3_errmsg(db), plan->sql_by_id);
        return;
    }
    sqlite3_bind_int64(stmt, 1, id);
    print_row(stmt, out, size);
    sqlite3_finalize(stmt);
}
