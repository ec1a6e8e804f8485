/* test_query_usage.c: which indexes a question wishes for, as literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "query_help.h"

#define P "[\"project\",\"is\",{\"type\":\"Project\",\"id\":70}]"
#define ASSET "{\"type\":\"Asset\",\"id\":20}"

static const struct {
    struct help_ask ask;
    const char *wishes; /* "Type: wish; ..." */
} cases[] = {
    {{"Shot", "[" P "]", "code", NULL, 0, 0}, ""},
    {{"Shot", "[" P ",[\"entity\",\"is\"," ASSET "]]", "code", "-created_at", 10, 0},
     "Shot: entity link,created_at desc; "},
    {{"Shot", "[[\"entity\",\"is\"," ASSET "]," P "]", "code", "-created_at", 0, 0},
     "Shot: entity link; "}, /* all of them: sorting costs less than a wider index */
    {{"Shot", "[[\"code\",\"is\",\"a\"]]", "code", NULL, 0, 0}, "Shot: code fold; "},
    {{"Shot", "[[\"sg_kind\",\"is\",\"Shot\"]]", "code", NULL, 0, 0}, "Shot: sg_kind equal; "},
    {{"Shot", "[[\"code\",\"contains\",\"a\"]]", "code", NULL, 0, 0}, "Shot: code scan; "},
    {{"Shot", "[[\"code\",\"contains\",\"a\"],[\"sg_cut_in\",\"is\",1]]", "code", NULL, 0, 0},
     "Shot: sg_cut_in equal; "},
    {{"Shot", "[[\"sg_cut_in\",\"between\",1,9],[\"sg_status_list\",\"is\",\"ip\"]]", "code", NULL,
      0, 0},
     "Shot: sg_status_list fold,sg_cut_in range; "},
    /* one spelling whatever the order of the conditions */
    {{"Shot", "[[\"sg_status_list\",\"is\",\"ip\"],[\"flagged\",\"is\",true]]", "code", NULL, 0, 0},
     "Shot: flagged equal,sg_status_list fold; "},
    {{"Shot", "[[\"flagged\",\"is\",true],[\"sg_status_list\",\"is\",\"ip\"]]", "code", NULL, 0, 0},
     "Shot: flagged equal,sg_status_list fold; "},
    {{"Shot", "[]", "code", "code", 5, 0}, "Shot: code fold-asc; "},
    {{"Shot", "[]", "code", "-code,sg_cut_in", 5, 0}, "Shot: code fold-desc,sg_cut_in asc; "},
    {{"Shot", "[]", "code", "id", 5, 0}, ""},
    {{"Shot", "[[\"id\",\"is\",3]]", "code", NULL, 0, 0}, ""},
    {{"Shot", "[[\"assets\",\"is\"," ASSET "]]", "code", NULL, 0, 0}, "Shot: assets links; "},
    {{"Shot", "[[\"sg_sequence.Sequence.code\",\"is\",\"q\"]]", "code", NULL, 0, 0},
     "Shot: sg_sequence link; Sequence: code fold; "},
    {{"Shot", "[[\"sg_sequence.Sequence.id\",\"is\",10]]", "code", NULL, 0, 0},
     "Shot: sg_sequence link; "},
    /* what is negated, or null, an index does not find */
    {{"Shot", "[[\"code\",\"is_not\",\"a\"]]", "code", NULL, 0, 0}, ""},
    {{"Shot", "[[\"code\",\"is\",null]]", "code", NULL, 0, 0}, ""},
    {{"Shot",
      "{\"logical_operator\":\"or\",\"conditions\":[[\"code\",\"is\",\"a\"],[\"sg_cut_in\",\"is\",1]]}",
      "code", NULL, 0, 0},
     "Shot: code fold; Shot: sg_cut_in equal; "},
    /* only FPT answers it */
    {{"Shot", "[[\"sg_uuid\",\"is\",\"\"]]", "code", NULL, 0, 0}, ""},
};

static void test_wishes(void **state)
{
    struct fptc__schema *schema = help_schema();
    size_t i, k;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fptc_error err = FPTC_ERROR_INIT;
        struct fptc__plan *plan = help_plan(schema, &cases[i].ask, &err);
        char all[1000] = "";

        if (plan == NULL)
            fail_msg("%s: %s", cases[i].ask.filters, err.message);
        for (k = 0; k < plan->n_usages; k++)
            snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s: %s; ", plan->usages[k].type,
                     plan->usages[k].wish);
        if (strcmp(all, cases[i].wishes) != 0)
            fail_msg("%s order %s: \"%s\", expected \"%s\"", cases[i].ask.filters,
                     cases[i].ask.order ? cases[i].ask.order : "-", all, cases[i].wishes);
        fptc__plan_free(plan);
    }
    fptc__schema_free(schema);
}

/* However many conditions: no more wishes than are counted. */
static void test_many(void **state)
{
    struct fptc__schema *schema = help_schema();
    struct help_ask ask = {"Shot", NULL, "code", NULL, 0, 0};
    fptc_error err = FPTC_ERROR_INIT;
    struct fptc__plan *plan;
    static char filters[100000];
    size_t i;

    (void)state;
    strcpy(filters, "{\"logical_operator\":\"or\",\"conditions\":[");
    for (i = 0; i < 1000; i++)
        snprintf(filters + strlen(filters), 64, "%s[\"sg_cut_in\",\"is\",%zu]", i ? "," : "", i);
    strcat(filters, "]}");
    ask.filters = filters;
    plan = help_plan(schema, &ask, &err);
    assert_non_null(plan);
    assert_int_equal(plan->n_usages, 8);
    fptc__plan_free(plan);
    fptc__schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
