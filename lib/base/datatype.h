/*
 * datatype.h: FPT's data types (A§3.1, A§4.1) and how a value of each is kept. One table serves the
 * snapshot's columns (store), the operators (query) and the mapping of replies (upstream).
 */
#ifndef FPTC_BASE_DATATYPE_H
#define FPTC_BASE_DATATYPE_H

enum fptc__class {
    FPTC__NEVER,   /* not stored: presigned URLs, images, passwords, per-caller values (A§9.8) */
    FPTC__TEXT,    /* text, list, status_list, date, date_time, color, uuid, entity_type, ... */
    FPTC__INTEGER, /* number, duration, percent, timecode */
    FPTC__REAL,    /* float, currency: REAL, 6 decimals; FPT's REST spells floats as strings */
    FPTC__BOOL,    /* checkbox: 0 or 1 */
    FPTC__LINK,    /* entity: <f>__type, <f>__id */
    FPTC__LINKS,   /* multi_entity and its kin: table <Type>__<field> */
    FPTC__JSON     /* anything else: JSON text as FPT sent it */
};

/* Class of FPT's data type by its name; FPTC__JSON for one that is not known. */
enum fptc__class fptc__class_of(const char *data_type);
/* The same for one field: per-caller fields are never kept whatever their type (A§4.3). */
enum fptc__class fptc__class_of_field(const char *field, const char *data_type);
/* 1 for values that change without the row's updated_at (summary, calculated, pivot ...): stored when
   a query asked for them, never part of a coverage. */
int fptc__is_computed(const char *data_type);
/* A name that may become a table or column: letter, then letters, digits, '_'; at most 255 bytes; not
   beginning with "_fptc_" nor "sqlite_". */
int fptc__is_name(const char *name);
/* A decimal number as FPT spells floats ("-2.5", "25.0", "1e3"); 0 for other text. No locale. */
double fptc__real_of_text(const char *text);

#endif
