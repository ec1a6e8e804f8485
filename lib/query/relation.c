/* relation.c: see relation.h. Lists of names are in the order of FPT's own "Valid relations". */
#include "query/relation.h"

#include <string.h>

#include "query/choices.h"

static const struct fptc__relation_row rows[] = {
    {"is", FPTC__IS, 0},
    {"is_not", FPTC__IS, 1},
    {"in", FPTC__IN, 0},
    {"not_in", FPTC__IN, 1},
    {"contains", FPTC__CONTAINS, 0},
    {"not_contains", FPTC__CONTAINS, 1},
    {"starts_with", FPTC__STARTS_WITH, 0},
    {"ends_with", FPTC__ENDS_WITH, 0},
    {"greater_than", FPTC__GREATER_THAN, 0},
    {"less_than", FPTC__LESS_THAN, 0},
    {"between", FPTC__BETWEEN, 0},
    {"in_last", FPTC__IN_LAST, 0},
    {"not_in_last", FPTC__IN_LAST, 1},
    {"in_next", FPTC__IN_NEXT, 0},
    {"not_in_next", FPTC__IN_NEXT, 1},
    {"in_calendar_day", FPTC__IN_CALENDAR_DAY, 0},
    {"in_calendar_week", FPTC__IN_CALENDAR_WEEK, 0},
    {"in_calendar_month", FPTC__IN_CALENDAR_MONTH, 0},
    {"in_calendar_year", FPTC__IN_CALENDAR_YEAR, 0},
    {"type_is", FPTC__TYPE_IS, 0},
    {"type_is_not", FPTC__TYPE_IS, 1},
    {"name_is", FPTC__NAME_IS, 0},
    {"name_contains", FPTC__NAME_CONTAINS, 0},
    {"name_not_contains", FPTC__NAME_CONTAINS, 1},
};

static const char text_names[] = "\"contains\", \"not_contains\", \"is\", \"is_not\", "
                                 "\"starts_with\", \"ends_with\", \"in\", \"not_in\"";
static const char choice_names[] = "\"is\", \"is_not\", \"in\", \"not_in\"";
static const char number_names[] =
    "\"is\", \"is_not\", \"greater_than\", \"less_than\", \"between\", \"in\", \"not_in\"";
static const char date_names[] =
    "\"is\", \"is_not\", \"greater_than\", \"less_than\", \"in_last\", \"not_in_last\", "
    "\"in_next\", \"not_in_next\", \"in_calendar_week\", \"in_calendar_month\", "
    "\"in_calendar_day\", \"in_calendar_year\", \"between\", \"in\", \"not_in\"";
static const char checkbox_names[] = "\"is\", \"is_not\"";
static const char link_names[] =
    "\"is\", \"is_not\", \"name_contains\", \"name_not_contains\", \"name_is\", \"type_is\", "
    "\"type_is_not\", \"in\", \"not_in\"";

static const char hash_classes[] =
    "Hash, ActiveSupport::HashWithIndifferentAccess, ActionDispatch::Http::Parameters, "
    "ActionDispatch::Http::ParamsHashWithIndifferentAccess, NilClass";

/* By enum fptc__kind. */
static const struct kind_row {
    const char *names;
    const char *classes;
    const char *fold;
} kinds[] = {
    [FPTC__KIND_TEXT] = {text_names, "String, NilClass", FPTC__FOLD_TEXT},
    [FPTC__KIND_CODE] = {choice_names, "String, NilClass", FPTC__FOLD_CODE},
    [FPTC__KIND_EXACT] = {choice_names, "String, NilClass", FPTC__FOLD_EXACT},
    [FPTC__KIND_NUMBER] = {number_names, "String, Integer, NilClass", ""},
    [FPTC__KIND_DURATION] = {number_names, "String, Integer, NilClass, Float", ""},
    [FPTC__KIND_WHOLE] = {number_names, "Integer, NilClass", ""},
    [FPTC__KIND_FLOAT] = {number_names, "String, BigDecimal, Float, NilClass", ""},
    [FPTC__KIND_CURRENCY] = {number_names, "String, BigDecimal, Float, Integer, NilClass", ""},
    [FPTC__KIND_DATE] = {date_names, "String, NilClass", ""},
    [FPTC__KIND_DATE_TIME] = {date_names, "String, NilClass", ""},
    [FPTC__KIND_CHECKBOX] = {checkbox_names, "String, FalseClass, TrueClass", ""},
    [FPTC__KIND_LINK] = {link_names, hash_classes, ""},
    [FPTC__KIND_LINKS] = {link_names, hash_classes, ""},
    [FPTC__KIND_FOREIGN] = {"", "", ""},
};

static const struct type_row {
    const char *data_type;
    enum fptc__kind kind;
} types[] = {
    {"text", FPTC__KIND_TEXT},           {"list", FPTC__KIND_CODE},
    {"status_list", FPTC__KIND_CODE},    {"entity_type", FPTC__KIND_EXACT},
    {"color", FPTC__KIND_EXACT},         {"number", FPTC__KIND_NUMBER},
    {"duration", FPTC__KIND_DURATION},   {"percent", FPTC__KIND_WHOLE},
    {"timecode", FPTC__KIND_WHOLE},      {"float", FPTC__KIND_FLOAT},
    {"currency", FPTC__KIND_CURRENCY},   {"date", FPTC__KIND_DATE},
    {"date_time", FPTC__KIND_DATE_TIME}, {"checkbox", FPTC__KIND_CHECKBOX},
    {"entity", FPTC__KIND_LINK},         {"multi_entity", FPTC__KIND_LINKS},
};

enum fptc__kind fptc__kind_of(const char *data_type)
{
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].data_type, data_type) == 0)
            return types[i].kind;
    }
    return FPTC__KIND_FOREIGN;
}

/* 1 if `names` holds the word in quotes. */
static int lists(const char *names, const char *word)
{
    size_t len = strlen(word);
    const char *p;

    for (p = strchr(names, '"'); p; p = strchr(p, '"')) {
        p++;
        if (strncmp(p, word, len) == 0 && p[len] == '"')
            return 1;
    }
    return 0;
}

const struct fptc__relation_row *fptc__relation_find(enum fptc__kind kind, const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return lists(kinds[kind].names, name) ? &rows[i] : NULL;
    }
    return NULL;
}

int fptc__relation_is_foreign(const char *name)
{
    return strcmp(name, "not_between") == 0 || strcmp(name, "name_starts_with") == 0 ||
           strcmp(name, "name_ends_with") == 0;
}

const char *fptc__relation_names(enum fptc__kind kind)
{
    return kinds[kind].names;
}

const char *fptc__kind_classes(enum fptc__kind kind)
{
    return kinds[kind].classes;
}

const char *fptc__kind_fold(enum fptc__kind kind)
{
    return kinds[kind].fold;
}
