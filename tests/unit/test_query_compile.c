/*
 * test_query_compile.c: every operator on every data type, run on tables in memory. Expected ids are
 * written down from the fact sheet (fpt-api.md; the mark of its row stands beside each: R recorded,
 * C from clients, I inferred, D documented; "choice": query/choices.h), never computed by our code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ALL "1,2,3,4,5"

static struct fptc__schema *schema;
static sqlite3 *db;

static int set_up(void **state)
{
    (void)state;
    schema = help_schema();
    db = help_database();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fptc__schema_free(schema);
    sqlite3_close(db);
    return 0;
}

struct row {
    const char *condition; /* of Shot */
    const char *ids;
    const char *mark;
};

static void check_ask(const struct help_ask *ask, const char *ids)
{
    help_check(schema, db, ask, ids);
}

static void check_rows(const struct row *rows, size_t n)
{
    char filters[1024];
    size_t i;

    for (i = 0; i < n; i++) {
        struct help_ask ask = {"Shot", filters, NULL, NULL, 0, 0};

        snprintf(filters, sizeof(filters), "[%s]", rows[i].condition);
        check_ask(&ask, rows[i].ids);
    }
}

static void test_text(void **state)
{
    static const struct row rows[] = {
        {"[\"code\",\"is\",\"lighting\"]", "1,5", "R"},
        {"[\"code\",\"is\",\"LiGhTiNg\"]", "1,5", "R"},
        {"[\"code\",\"is\",null]", "3", "R"},
        {"[\"code\",\"is\",\"\"]", "3", "R"},
        {"[\"code\",\"is_not\",\"lighting\"]", "2,3,4", "R"},
        {"[\"code\",\"is_not\",null]", "1,2,4,5", "R"},
        {"[\"code\",\"is_not\",\"\"]", "1,2,4,5", "R"},
        {"[\"code\",\"contains\",\"IGHT\"]", "1,5", "R"},
        {"[\"code\",\"contains\",\"\"]", "1,2,4,5", "R"},
        {"[\"code\",\"contains\",\"_t%\"]", "4", "I no wildcards"},
        {"[\"code\",\"contains\",\"_\"]", "4", "I no wildcards"},
        {"[\"code\",\"not_contains\",\"ight\"]", "2,3,4", "R"},
        {"[\"code\",\"not_contains\",\"\"]", "3", "R complement"},
        {"[\"code\",\"starts_with\",\"Light\"]", "1,5", "R"},
        {"[\"code\",\"starts_with\",\"ighting\"]", "", "R"},
        {"[\"code\",\"starts_with\",\"\"]", "1,2,4,5", "choice"},
        {"[\"code\",\"ends_with\",\"ING\"]", "1,5", "R"},
        {"[\"code\",\"ends_with\",\"xxxxxxxxxxcomp\"]", "", "R"},
        {"[\"code\",\"ends_with\",\"lightin\"]", "", "R"},
        {"[\"code\",\"in\",[\"lighting\",\"COMP\"]]", "1,2,5", "R"},
        {"[\"code\",\"in\",\"lighting\"]", "1,5", "R a bare scalar is taken whole"},
        {"[\"code\",\"in\",\"g\"]", "", "R"},
        {"[\"code\",\"in\",[\"\"]]", "", "R"},
        {"[\"code\",\"in\",[\"ZZZNOPE\",\"comp\"]]", "2", "R unknown members match nothing"},
        {"[\"code\",\"not_in\",[\"lighting\"]]", "2,3,4", "R"},
        {"[\"code\",\"not_in\",[\"\"]]", ALL, "choice"},
        {"[\"description\",\"contains\",\"H\\u00c9LLO\"]", "1,5", "choice: Unicode"},
        {"[\"description\",\"contains\",\"\\u043a\\u041b\\u042e\\u0427\"]", "1", "choice: Unicode"},
        {"[\"description\",\"contains\",\"hello\"]", "", "choice: accents differ"},
        {"[\"description\",\"contains\",\"O'Brien \\\"Q\\\"\"]", "4", "quotes"},
        {"[\"description\",\"contains\",\"\\ud83d\\ude00\"]", "4", "emoji"},
        {"[\"description\",\"ends_with\",\"\\\\\"]", "4", "backslash"},
        {"[\"description\",\"contains\",\"100%\"]", "1", "no wildcards"},
        {"[\"code\",\"is\",\"x' OR 1=1 --\"]", "", "hostile"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_choices_of_text(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_status_list\",\"is\",\"ip\"]", "1,5", "choice: case of a status"},
        {"[\"sg_status_list\",\"is\",\"Pending Review\"]", "", "R a label gives nothing"},
        {"[\"sg_status_list\",\"is_not\",\"ip\"]", "2,3,4", "R"},
        {"[\"sg_status_list\",\"is\",null]", "3", "R"},
        {"[\"sg_status_list\",\"in\",[\"fin\",\"wtg\"]]", "2,4", "R"},
        {"[\"sg_status_list\",\"not_in\",[\"fin\",\"wtg\"]]", "1,3,5", "R"},
        {"[\"sg_shot_type\",\"is\",\"type a\"]", "1,5", "R case-insensitive on list"},
        {"[\"sg_shot_type\",\"is_not\",null]", "1,2,4,5", "R"},
        {"[\"sg_shot_type\",\"is\",\"\"]", "3", "R"},
        {"[\"sg_shot_type\",\"in\",\"Type A\"]", "1,5", "R"},
        {"[\"sg_shot_type\",\"not_in\",[\"Type A\"]]", "2,3,4", "R"},
        {"[\"sg_kind\",\"is\",\"Shot\"]", "1,5", "R"},
        {"[\"sg_kind\",\"is\",\"shot\"]", "4", "R case counts on entity_type"},
        {"[\"sg_kind\",\"is_not\",\"Shot\"]", "2,3,4", "R"},
        {"[\"sg_kind\",\"in\",[\"Shot\",\"Asset\",\"Junk\"]]", "1,2,5", "R"},
        {"[\"sg_color\",\"is\",\"255,0,0\"]", "1", "R"},
        {"[\"sg_color\",\"is\",null]", "3", "R"},
        {"[\"sg_color\",\"not_in\",[\"255,0,0\"]]", "2,3,4,5", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_numbers(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_cut_in\",\"is\",1001]", "1", "R"},
        {"[\"sg_cut_in\",\"is\",\"1001\"]", "1", "R coerces"},
        {"[\"sg_cut_in\",\"is\",0]", "2", "R 0 is not null"},
        {"[\"sg_cut_in\",\"is\",null]", "3", "R"},
        {"[\"sg_cut_in\",\"is_not\",1001]", "2,3,4,5", "R"},
        {"[\"sg_cut_in\",\"is_not\",null]", "1,2,4,5", "R"},
        {"[\"sg_cut_in\",\"greater_than\",1001]", "5", "R strict"},
        {"[\"sg_cut_in\",\"greater_than\",-8]", "1,2,4,5", "R null never"},
        {"[\"sg_cut_in\",\"less_than\",0]", "4", "R"},
        {"[\"sg_cut_in\",\"between\",[0,1001]]", "1,2", "R inclusive"},
        {"[\"sg_cut_in\",\"between\",[1001,0]]", "1,2", "R order-blind"},
        {"[\"sg_cut_in\",\"between\",0,1001]", "1,2", "C api3"},
        {"[\"sg_cut_in\",\"between\",[null,0]]", "", "R"},
        {"[\"sg_cut_in\",\"in\",[1001,0,999999]]", "1,2", "R"},
        {"[\"sg_cut_in\",\"in\",[\"1001\"]]", "1", "R"},
        {"[\"sg_cut_in\",\"not_in\",[1001]]", "2,3,4,5", "R"},
        {"[\"sg_cut_in\",\"not_in\",[999999]]", ALL, "R"},
        {"[\"sg_done\",\"is\",50]", "1", "R"},
        {"[\"sg_done\",\"greater_than\",0]", "1,4,5", "R"},
        {"[\"sg_done\",\"not_in\",[50]]", "2,3,4,5", "R"},
        {"[\"sg_bid\",\"is\",480]", "1", "R"},
        {"[\"sg_bid\",\"is\",\"480\"]", "1", "R coerces"},
        {"[\"sg_bid\",\"is\",\" 480 \"]", "1", "R whitespace stripped"},
        {"[\"sg_bid\",\"is\",480.0]", "1", "R"},
        {"[\"sg_bid\",\"is\",480.6]", "1", "R truncates"},
        {"[\"sg_bid\",\"between\",[0,600]]", "1,2,4,5", "R"},
        {"[\"sg_timecode\",\"is\",3600000]", "1", "R"},
        {"[\"sg_timecode\",\"less_than\",0]", "4", "R signed"},
        {"[\"sg_timecode\",\"not_in\",[3600000]]", "2,3,4,5", "R"},
        {"[\"id\",\"is\",4]", "4", "R"},
        {"[\"id\",\"in\",1,2]", "1,2", "C api3"},
        {"[\"id\",\"in\",[5,3,9]]", "3,5", "R not the list's order"},
        {"[\"id\",\"not_in\",[5,3,9]]", "1,2,4", "R"},
        {"[\"id\",\"greater_than\",3]", "4,5", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_floats(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_ratio\",\"is\",1.23456789012345]", "1", "R rounds to 6 decimals"},
        {"[\"sg_ratio\",\"is\",1.234568]", "1", "R"},
        {"[\"sg_ratio\",\"is\",1.2345678901]", "1", "R"},
        {"[\"sg_ratio\",\"is\",\"1.234568\"]", "1", "R"},
        {"[\"sg_ratio\",\"is\",\" 2.5 \"]", "4", "R whitespace trimmed"},
        {"[\"sg_ratio\",\"is\",1.23]", "", "R"},
        {"[\"sg_ratio\",\"is\",0.0]", "2", "R"},
        {"[\"sg_ratio\",\"is\",1e-9]", "2", "R becomes 0.0"},
        {"[\"sg_ratio\",\"is\",2.5000004]", "4", "R"},
        {"[\"sg_ratio\",\"is\",2.500001]", "", "R"},
        {"[\"sg_ratio\",\"is\",2.4999999]", "4", "R"},
        {"[\"sg_ratio\",\"is\",null]", "3", "R"},
        {"[\"sg_ratio\",\"is_not\",null]", "1,2,4,5", "R"},
        {"[\"sg_ratio\",\"is_not\",2.5]", "1,2,3,5", "R"},
        {"[\"sg_ratio\",\"greater_than\",0.0]", "1,4,5", "R"},
        {"[\"sg_ratio\",\"greater_than\",1.234568]", "4,5", "R strict"},
        {"[\"sg_ratio\",\"less_than\",1.234569]", "1,2", "R strict"},
        {"[\"sg_ratio\",\"less_than\",2e0]", "1,2,5", "R"},
        {"[\"sg_ratio\",\"between\",[0.0,2.0]]", "1,2,5", "R"},
        {"[\"sg_ratio\",\"between\",[2.5,1.234569]]", "4,5", "R"},
        {"[\"sg_ratio\",\"in\",[1.234568,0.0]]", "1,2", "R"},
        {"[\"sg_ratio\",\"in\",[99999.5]]", "", "R"},
        {"[\"sg_ratio\",\"not_in\",[2.5]]", "1,2,3,5", "R null included"},
        {"[\"sg_cost\",\"is\",10.5]", "1", "D"},
        {"[\"sg_cost\",\"is\",0]", "2", "choice: an Integer is taken"},
        {"[\"sg_cost\",\"less_than\",0.0]", "4", "D"},
        {"[\"sg_cost\",\"is\",-3.25]", "4", "stored a last bit beside it"},
        {"[\"sg_cost\",\"less_than\",-3.25]", "", "stored a last bit beside it"},
        {"[\"sg_cost\",\"not_in\",[10.5]]", "2,3,4,5", "I"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_dates(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_turnover_date\",\"is\",\"2026-03-04\"]", "1", "R"},
        {"[\"sg_turnover_date\",\"is\",null]", "3", "R"},
        {"[\"sg_turnover_date\",\"is\",\"\"]", "3", "R"},
        {"[\"sg_turnover_date\",\"is_not\",\"\"]", "1,2,4,5", "R"},
        {"[\"sg_turnover_date\",\"is_not\",\"2026-03-04\"]", "2,3,4,5", "R"},
        {"[\"sg_turnover_date\",\"greater_than\",\"2026-03-04\"]", "5", "R"},
        {"[\"sg_turnover_date\",\"less_than\",\"2026-03-01\"]", "2", "R"},
        {"[\"sg_turnover_date\",\"between\",[\"2026-03-04\",\"2026-03-01\"]]", "1,4", "R"},
        {"[\"sg_turnover_date\",\"between\",[\"2026-03-04\",null]]", "", "R"},
        {"[\"sg_turnover_date\",\"in\",\"2026-03-04\"]", "1", "R"},
        {"[\"sg_turnover_date\",\"not_in\",[\"2026-03-04\"]]", "2,3,4,5", "R"},
        {"[\"sg_turnover_date\",\"in_last\",[3,\"DAY\"]]", "1,4", "R includes today"},
        {"[\"sg_turnover_date\",\"in_last\",[2,\"DAY\"]]", "1", "R"},
        {"[\"sg_turnover_date\",\"in_last\",5,\"DAY\"]", "1,2,4", "C api3"},
        {"[\"sg_turnover_date\",\"in_last\",[1,\"WEEK\"]]", "1,2,4", "R"},
        {"[\"sg_turnover_date\",\"not_in_last\",[3,\"DAY\"]]", "2,3,5", "R null included"},
        {"[\"sg_turnover_date\",\"in_next\",[1,\"DAY\"]]", "1,5", "R includes today"},
        {"[\"sg_turnover_date\",\"not_in_next\",[1,\"DAY\"]]", "2,3,4", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_day\",0]", "1", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_day\",[0]]", "1", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_day\",1]", "5", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_day\",-3]", "4", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_week\",0]", "1,5", "R; I Monday"},
        {"[\"sg_turnover_date\",\"in_calendar_week\",-1]", "2,4", "R; I Monday"},
        {"[\"sg_turnover_date\",\"in_calendar_month\",0]", "1,4,5", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_month\",-1]", "2", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_year\",0]", "1,2,4,5", "R"},
        {"[\"sg_turnover_date\",\"in_calendar_year\",-1]", "", "R"},
        {"[\"sg_turnover_date\",\"in_last\",[9000000000,\"YEAR\"]]", "1,2,4", "no overflow"},
        {"[\"sg_turnover_date\",\"in_calendar_year\",-9007199254740992]", "", "no overflow"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_date_times(void **state)
{
    static const struct row rows[] = {
        {"[\"created_at\",\"is\",\"2026-03-04T05:06:07Z\"]", "1", "R"},
        {"[\"created_at\",\"is\",\"2026-03-04T10:06:07+05:00\"]", "1", "R offset converted"},
        {"[\"created_at\",\"is\",\"2026-03-03T21:06:07-08\"]", "1", "R offset converted"},
        {"[\"created_at\",\"is\",\"2026-03-04T05:06:07\"]", "1", "R no zone is UTC"},
        {"[\"created_at\",\"is\",\"2026-03-04T05:06:07.987Z\"]", "1", "R fraction cut"},
        {"[\"created_at\",\"is\",\"2026-03-04\"]", "5", "R midnight, not the day"},
        {"[\"created_at\",\"is\",null]", "3", "R"},
        {"[\"created_at\",\"is_not\",\"2026-03-04\"]", "1,2,3,4", "R"},
        {"[\"created_at\",\"greater_than\",\"2026-03-04\"]", "1", "R"},
        {"[\"created_at\",\"less_than\",\"2026-03-04\"]", "2,4", "R"},
        {"[\"created_at\",\"between\",[\"2026-03-05\",\"2026-03-04\"]]", "1,5", "R"},
        {"[\"created_at\",\"in\",[\"2026-03-04\",\"2099-01-01T00:00:00Z\"]]", "5", "R"},
        {"[\"created_at\",\"not_in\",[\"2026-03-04\"]]", "1,2,3,4", "R"},
        {"[\"created_at\",\"in_last\",[7,\"HOUR\"]]", "1", "R"},
        {"[\"created_at\",\"in_last\",[12,\"HOUR\"]]", "1,5", "R; choice: closed"},
        {"[\"created_at\",\"in_last\",[1,\"DAY\"]]", "1,4,5", "R"},
        {"[\"created_at\",\"in_last\",[100,\"YEAR\"]]", "1,2,4,5", "R"},
        {"[\"created_at\",\"not_in_last\",[1,\"DAY\"]]", "2,3", "R"},
        {"[\"created_at\",\"in_next\",[100,\"YEAR\"]]", "", "R"},
        {"[\"created_at\",\"not_in_next\",[100,\"YEAR\"]]", ALL, "R"},
        {"[\"created_at\",\"in_calendar_day\",0]", "1,5", "R UTC"},
        {"[\"created_at\",\"in_calendar_day\",-1]", "4", "R UTC"},
        {"[\"created_at\",\"in_calendar_week\",0]", "1,4,5", "R; I Monday"},
        {"[\"created_at\",\"in_calendar_week\",-1]", "2", "R; I Monday"},
        {"[\"created_at\",\"in_calendar_month\",-1]", "2", "R"},
        {"[\"created_at\",\"in_calendar_year\",-50]", "", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_checkbox(void **state)
{
    static const struct row rows[] = {
        {"[\"flagged\",\"is\",true]", "1,5", "R"},
        {"[\"flagged\",\"is\",\"true\"]", "1,5", "R"},
        {"[\"flagged\",\"is\",false]", "2,3,4", "R"},
        {"[\"flagged\",\"is\",\"false\"]", "2,3,4", "R"},
        {"[\"flagged\",\"is_not\",true]", "2,3,4", "R"},
        {"[\"flagged\",\"is_not\",false]", "1,5", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

#define S10 "{\"type\":\"Sequence\",\"id\":10,\"name\":\"ignored\"}"
#define S12 "{\"type\":\"Sequence\",\"id\":12}"
#define A20 "{\"type\":\"Asset\",\"id\":20}"
#define A21 "{\"type\":\"Asset\",\"id\":21}"
#define A22 "{\"type\":\"Asset\",\"id\":22}"

static void test_entity(void **state)
{
    static const struct row rows[] = {
        {"[\"sg_sequence\",\"is\"," S10 "]", "1,4", "R"},
        {"[\"sg_sequence\",\"is\",null]", "3,5", "R a retired target reads null"},
        {"[\"sg_sequence\",\"is\"," S12 "]", "", "R filters on a retired id give nothing"},
        {"[\"sg_sequence\",\"is_not\"," S12 "]", ALL, "R complement"},
        {"[\"sg_sequence\",\"is_not\"," S10 "]", "2,3,5", "R"},
        {"[\"sg_sequence\",\"is_not\",null]", "1,2,4", "R"},
        {"[\"sg_sequence\",\"is\",{\"type\":\"Shot\",\"id\":10}]", "", "R"},
        {"[\"sg_sequence\",\"in\",[" S10 "," S12 "]]", "1,4", "R"},
        {"[\"sg_sequence\",\"in\"," S10 "]", "1,4", "R a bare hash"},
        {"[\"sg_sequence\",\"not_in\",[" S10 "]]", "2,3,5", "R"},
        {"[\"sg_sequence\",\"in\",[" S10 ",null]]", "1,3,4,5", "C"},
        {"[\"sg_sequence\",\"not_in\",[" S10 ",null]]", "2", "C"},
        {"[\"entity\",\"in\",[" S10 "," A20 "," A21 "," A22 "]]", "1,2,4", "R several types"},
        {"[\"entity\",\"type_is\",\"Asset\"]", "1,4", "R"},
        {"[\"entity\",\"type_is\",\"asset\"]", "", "R exact"},
        {"[\"entity\",\"type_is_not\",\"Asset\"]", "2,3,5", "R unset included"},
        {"[\"entity\",\"type_is\",null]", "3,5", "R"},
        {"[\"entity\",\"type_is_not\",null]", "1,2,4", "R"},
        {"[\"entity\",\"name_is\",\"chara\"]", "1", "R; I case"},
        {"[\"entity\",\"name_contains\",\"CHAR\"]", "1,4", "R; I case"},
        {"[\"entity\",\"name_contains\",\"Dead\"]", "", "R retired"},
        {"[\"entity\",\"name_not_contains\",\"char\"]", "2,3,5", "R"},
        {"[\"project\",\"is\",{\"type\":\"Project\",\"id\":71}]", "5", "R"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

/* A§3.3: shot 1 is AB, 2 A, 3 B, 4 empty; 5 links only a retired one, which is not there. */
static void test_multi_entity(void **state)
{
    static const struct row rows[] = {
        {"[\"assets\",\"is\"," A20 "]", "1,2", "R contains"},
        {"[\"assets\",\"is\",[" A20 "]]", "1,2", "R one element"},
        {"[\"assets\",\"is\",null]", "4,5", "R"},
        {"[\"assets\",\"is_not\",null]", "1,2,3", "R"},
        {"[\"assets\",\"is_not\"," A20 "]", "3,4,5", "R"},
        {"[\"assets\",\"in\",[" A20 "]]", "1,2", "R"},
        {"[\"assets\",\"in\",[" A20 "," A21 "]]", "1,2,3", "R any"},
        {"[\"assets\",\"not_in\",[" A20 "]]", "3,4,5", "R none"},
        {"[\"assets\",\"not_in\",[" A20 "," A21 "]]", "4,5", "R none"},
        {"[\"assets\",\"type_is\",\"Asset\"]", "1,2,3", "R"},
        {"[\"assets\",\"type_is_not\",\"Asset\"]", "4,5", "R"},
        {"[\"assets\",\"name_is\",\"charA\"]", "1,2", "R any linked name"},
        {"[\"assets\",\"name_contains\",\"B\"]", "1,3", "R"},
        {"[\"assets\",\"name_contains\",\"ZZZNOPE\"]", "", "R"},
        {"[\"assets\",\"name_not_contains\",\"charA\"]", "3,4,5", "I complement"},
        {"[\"assets\",\"is\"," A20 "],[\"assets\",\"is\"," A21 "]", "1", "R two rows: all"},
        {"[\"assets\",\"is\",{\"type\":\"Asset\",\"id\":99999999}]", "", "R"},
        {"[\"assets\",\"in\",[" A22 "]]", "", "choice: only dead ids"},
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void test_groups(void **state)
{
    static const struct {
        const char *filters;
        const char *ids;
    } rows[] = {
        {NULL, ALL},
        {"[]", ALL},
        {"null", ALL},
        {"{\"logical_operator\":\"and\",\"conditions\":[]}", ALL},
        {"{\"logical_operator\":\"or\",\"conditions\":[]}", ALL}, /* R */
        {"{\"filter_operator\":\"any\",\"filters\":[[\"id\",\"is\",1],[\"id\",\"is\",3]]}", "1,3"},
        {"{\"filter_operator\":\"all\",\"filters\":[[\"id\",\"is\",1],[\"id\",\"is\",3]]}", ""},
        {"{\"filter_operator\":\"or\",\"filters\":[[\"id\",\"is\",1],[\"id\",\"is\",3]]}", "1,3"},
        {"{\"logical_operator\":\"or\",\"conditions\":[[\"id\",\"is\",1],{\"logical_operator\":"
         "\"and\",\"conditions\":[[\"id\",\"greater_than\",2],[\"id\",\"less_than\",4]]}],"
         "\"extra\":1}",
         "1,3"},
        {"[[\"id\",\"greater_than\",1],{\"filter_operator\":\"any\",\"filters\":[[\"id\",\"is\",1],"
         "[\"id\",\"is\",3]]}]",
         "3"},
        {"[[\"id\",\"greater_than\",1],{\"filter_operator\":\"any\",\"filters\":[]}]", "2,3,4,5"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {"Shot", rows[i].filters, NULL, NULL, 0, 0};

        check_ask(&ask, rows[i].ids);
    }
}

static void test_columns(void **state)
{
    static const struct {
        const char *fields;
        int64_t id;
        const char *row;
    } rows[] = {
        {"", 1, "1|101"},
        {"code,sg_cut_in,sg_ratio,flagged", 4, "4|104|li_t%|-7|2.5|0"},
        {"sg_sequence,code", 1, "1|101|Sequence|10|lighting"},
        {"sg_sequence,entity", 3, "3|103|~|~|~|~"},
        {"assets", 1, "1|101|1"},
        {"image,sg_movie,code", 2, "2|102|~|~|comp"},
        {"sg_sequence.Sequence.code", 1, "1|101|SH010"},
        {"sg_sequence.Sequence.code", 3, "3|103|~"},
        {"sg_sequence.Sequence.code", 5, "5|105|~"},                    /* R retired reads null */
        {"entity.Asset.code,entity.Sequence.code", 2, "2|102|~|SH010"}, /* R another type: null */
        {"sg_sequence.Sequence.project", 1, "1|101|Project|70"},
        {"sg_sequence.Sequence.project.Project.name", 2, "2|102|Other"},
        {"sg_sequence.Sequence.project.Project.id", 2, "2|102|71"},
        {"sg_sequence.Sequence.id,project.Project.id", 5, "5|105|~|71"},
        {"sg_sequence.Sequence.assets", 1, "1|101|10"},
        {"sg_sequence.Sequence.assets", 3, "3|103|~"},
        {"sg_sequence.Sequence.image", 1, "1|101|~"},
        {"code", 99, ""},
    };
    char got[512];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        struct help_ask ask = {"Shot", NULL, rows[i].fields, NULL, 0, 0};
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &ask, &err);

        assert_non_null(plan);
        assert_int_equal(plan->is_local, 1);
        help_row(db, plan, rows[i].id, got, sizeof(got));
        if (strcmp(got, rows[i].row) != 0)
            fail_msg("%s of %lld: expected %s, got %s", rows[i].fields, (long long)rows[i].id,
                     rows[i].row, got);
        help_run(db, plan, got, sizeof(got));
        assert_string_equal(got, ALL);
        fptc__plan_free(plan);
    }
}

/* `*` is every field (A§1.5); the summary's column is there, the others that cannot be kept are null. */
static void test_all_columns(void **state)
{
    struct help_ask ask = {"Shot", NULL, "code,*,code", NULL, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan = help_plan(schema, &ask, &err);
    char got[512];

    (void)state;
    assert_non_null(plan);
    assert_int_equal(plan->n_columns, 27);
    assert_string_equal(plan->columns[0].name, "code");
    assert_int_equal(plan->has_never, 1);
    assert_int_equal(plan->has_computed, 1);
    help_run(db, plan, got, sizeof(got));
    assert_string_equal(got, ALL);
    fptc__plan_free(plan);
}

static void test_sql_text(void **state)
{
    static const struct {
        struct help_ask ask;
        const char *sql;
    } rows[] = {
        {{"Shot", "[[\"code\",\"is\",\"A\"]]", "code", "code", 10, 3},
         "SELECT t0.\"id\", t0.\"_fptc_version\", t0.\"code\", fptc_fold(t0.\"code\") FROM "
         "\"Shot\" AS t0 WHERE (fptc_fold(t0.\"code\") = ?1) ORDER BY fptc_fold(t0.\"code\") ASC "
         "NULLS LAST, t0.\"id\" ASC LIMIT ?2"},
        {{"Project", "[[\"name\",\"is\",\"A\"]]", "name", "name", 10, 3},
         "SELECT t0.\"id\", t0.\"_fptc_version\", t0.\"name\", fptc_fold(t0.\"name\") FROM "
         "\"Project\" AS t0 WHERE (fptc_fold(t0.\"name\") = ?1) ORDER BY fptc_fold(t0.\"name\") ASC NULLS LAST, "
         "t0.\"id\" ASC LIMIT ?2 OFFSET ?3"},
        {{"Shot", "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]]", "assets", "-id", 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\", t0.\"id\" AS \"list assets\" FROM \"Shot\" AS t0 WHERE "
         "(NOT fptc_gone('Project', ?1)) ORDER BY t0.\"id\" DESC"},
        {{"Shot",
          "[[\"code\",\"is\",\"a\"],[\"project.Project.id\",\"is\",70],[\"project\",\"is\",null]]",
          NULL, NULL, 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "((fptc_fold(t0.\"code\") = ?1) AND (NOT fptc_gone('Project', ?2)) AND "
         "(t0.\"project__id\" IS NULL OR fptc_gone(t0.\"project__type\", t0.\"project__id\"))) "
         "ORDER BY t0.\"id\" ASC"},
        {{"Shot", "[[\"project\",\"is_not\",{\"type\":\"Project\",\"id\":70}]]", NULL, NULL, 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "((t0.\"project__type\" = ?1 AND t0.\"project__id\" = ?2 AND NOT fptc_gone(?1, ?2)) IS NOT TRUE) "
         "ORDER BY t0.\"id\" ASC"},
        {{"Shot", "[[\"sg_sequence.Sequence.code\",\"contains\",\"a\"]]", NULL, NULL, 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "(t0.\"sg_sequence__type\" = 'Sequence' AND t0.\"sg_sequence__id\" IN (SELECT t1.\"id\" "
         "FROM \"Sequence\" AS t1 WHERE instr(fptc_fold(t1.\"code\"), ?1) > 0)) "
         "ORDER BY t0.\"id\" ASC"},
        {{"Shot",
          "[[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}],[\"code\",\"contains\",\"A\"]]",
          NULL, NULL, 0, 0},
         "WITH g1(id) AS MATERIALIZED (SELECT t1.\"id\" FROM \"Shot\" AS t1 WHERE "
         "instr(fptc_fold(t1.\"code\"), ?1) > 0) SELECT t0.\"id\", t0.\"_fptc_version\" FROM "
         "\"Shot\" AS t0 WHERE ((NOT fptc_gone('Project', ?2)) AND (t0.\"id\" IN (SELECT id FROM g1))) "
         "ORDER BY t0.\"id\" ASC"},
        {{"Shot", "[[\"code\",\"contains\",\"a\"],[\"id\",\"is\",1]]", NULL, NULL, 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "((instr(fptc_fold(t0.\"code\"), ?1) > 0) AND (t0.\"id\" = ?2)) ORDER BY t0.\"id\" ASC"},
        {{"Shot", "[[\"code\",\"ends_with\",\"a\"]]", NULL, NULL, 5, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "(substr(fptc_fold(t0.\"code\"), -length(?1)) = ?1) ORDER BY t0.\"id\" ASC LIMIT ?2"},
        {{"Shot", "[[\"assets\",\"is_not\",{\"type\":\"Asset\",\"id\":1}]]", NULL, NULL, 0, 0},
         "SELECT t0.\"id\", t0.\"_fptc_version\" FROM \"Shot\" AS t0 WHERE "
         "((t0.\"id\" IN (SELECT m.id FROM \"Shot__assets\" AS m WHERE m.link_type = ?1 AND "
         "m.link_id = ?2 AND NOT fptc_gone(?1, ?2))) IS NOT TRUE) ORDER BY t0.\"id\" ASC"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &rows[i].ask, &err);

        assert_non_null(plan);
        assert_string_equal(plan->sql, rows[i].sql);
        fptc__plan_free(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),         cmocka_unit_test(test_choices_of_text),
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_floats),
        cmocka_unit_test(test_dates),        cmocka_unit_test(test_date_times),
        cmocka_unit_test(test_checkbox),     cmocka_unit_test(test_entity),
        cmocka_unit_test(test_multi_entity), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_columns),      cmocka_unit_test(test_all_columns),
        cmocka_unit_test(test_sql_text),
    };

    return cmocka_run_group_tests_name("query_compile", tests, set_up, tear_down);
}
