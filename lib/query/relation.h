/*
 * relation.h: FPT's operators ("relations") and which of them each data type takes (A§3.1). Negative
 * ones are the complement of a positive one, null rows included (A§3.2), for every data type.
 */
#ifndef FPTC_QUERY_RELATION_H
#define FPTC_QUERY_RELATION_H

enum fptc__relation {
    FPTC__IS,
    FPTC__IN,
    FPTC__CONTAINS,
    FPTC__STARTS_WITH,
    FPTC__ENDS_WITH,
    FPTC__GREATER_THAN,
    FPTC__LESS_THAN,
    FPTC__BETWEEN,
    FPTC__IN_LAST,
    FPTC__IN_NEXT,
    FPTC__IN_CALENDAR_DAY,
    FPTC__IN_CALENDAR_WEEK,
    FPTC__IN_CALENDAR_MONTH,
    FPTC__IN_CALENDAR_YEAR,
    FPTC__TYPE_IS,
    FPTC__NAME_IS,
    FPTC__NAME_CONTAINS
};

struct fptc__relation_row {
    const char *name;
    enum fptc__relation positive;
    int is_negated;
};

/* How values of a data type are compared. */
enum fptc__kind {
    FPTC__KIND_TEXT,
    FPTC__KIND_CODE,  /* list, status_list */
    FPTC__KIND_EXACT, /* entity_type, color */
    FPTC__KIND_NUMBER,
    FPTC__KIND_DURATION,
    FPTC__KIND_WHOLE, /* percent, timecode */
    FPTC__KIND_FLOAT,
    FPTC__KIND_CURRENCY,
    FPTC__KIND_DATE,
    FPTC__KIND_DATE_TIME,
    FPTC__KIND_CHECKBOX,
    FPTC__KIND_LINK,
    FPTC__KIND_LINKS,
    FPTC__KIND_FOREIGN /* only FPT can answer, or refuse */
};

enum fptc__kind fptc__kind_of(const char *data_type);
/* NULL: no operator of that name for that kind. */
const struct fptc__relation_row *fptc__relation_find(enum fptc__kind kind, const char *name);
/* 1 for operators that only the official client's documents name (A§3.2): FPT decides. */
int fptc__relation_is_foreign(const char *name);
/* `"is", "is_not", ...` in FPT's own order. */
const char *fptc__relation_names(enum fptc__kind kind);
/* Classes of value that FPT names when it refuses one: "String, NilClass". */
const char *fptc__kind_classes(enum fptc__kind kind);
/* SQL function that folds the case of such values; "" if none. */
const char *fptc__kind_fold(enum fptc__kind kind);

#endif
