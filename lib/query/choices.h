/*
 * choices.h: what FPT's behaviour leaves open (A§11), decided in this one place. "Pass through" means
 * that a plan says is_local = 0 and FPT is asked, so no guess reaches anybody. When an answer becomes
 * known, change the line here and its row in tests/unit/test_query_compile.c.
 *
 * | question                                    | choice                 | reason
 * | where nulls sort                            | last up, first down    | PostgreSQL's default; A§1.6 [I]
 * | sort key of status, list: code or position  | code                   | the code is what is stored; "sorting and
 * |                                             |                        | filtering is on the code" (GT status_list)
 * | sort by an entity or multi_entity field     | pass through           | key not recorded
 * | sort by uuid, summary, url, json ...        | pass through           | FPT errors or ignores it by type
 * | negative operator through links of which    | pass through           | A§3.5: an empty or other-typed link may or
 * |   the first is a single one                 |                        | may not match
 * | negative operator through links of which    | no linked row fits the | A§3.3 [C] SGC's tests; rows without links
 * |   the first is a multi_entity               |   positive one         | are among them. What is empty further on
 * |                                             |                        | does not fit the positive one either
 * | `is null`, `is_not null` through any link   | pass through           | A§3.3 records values only: a row without
 * |                                             |                        | links may or may not read as null
 * | negative operator through a link to a type  | pass through           | 0 rows for positive ones [R], else not
 * |   outside its valid_types                   |                        | recorded
 * | linked field: links of more hops than       | pass through           | nobody writes them
 * |   FPTC__HOPS_MAX                            |                        |
 * | retired_only                                | pass through           | retired rows are not kept
 * | include_archived_projects false             | hides rows whose       | A§3.6 [D], [C]. Told by Project.archived,
 * |                                             |   project is archived  | which must be covered
 * | the same: rows without a project            | stay                   | their project is not archived
 * | the same: types without a `project` field   | pass through           | what it does to Project, or to types that
 * |   (Project, HumanUser ...)                  |                        | are in several, is not recorded
 * | letters that differ only in case            | equal, by simple       | "ignores case" [R] for ASCII; the same for
 * |                                             |   folding, letter by   | all scripts that have case. Letter by
 * |                                             |   letter (fold.h)      | letter, as PostgreSQL's lower() works, so
 * |                                             |                        | that a part of a text stays a part of it
 * | final sigma, long s, micro sign             | equal to sigma, s, mu  | simple folding; lower() would part them
 * | sharp s and "ss", ligatures, the Turkish I  | differ                 | they fold to several letters; U+0130 would
 * |   with dot (U+0130) and i                   |                        | be i only in Turkish
 * | accents; a letter with a combining mark and | differ                 | nothing recorded says that FPT normalises
 * |   the same in one piece                     |                        | or strips accents
 * | case of a status code                       | ignored                | as `list` [R]; "the two types filter the
 * |                                             |                        | same" (GT status_list)
 * | case of entity_type and color               | counts                 | recorded 0 rows for "shot", "PIPELINE_STEP"
 * | `name_is`, `name_contains`: case            | ignored                | A§3.2 [I]; like text
 * | `name_*` on a link without valid_types      | pass through           | the names' types cannot be told to be covered
 * | `%` and `_` in contains                     | plain letters          | SGC escapes them; instr() knows no wildcards
 * | starts_with "", ends_with ""                | has any value          | as contains "" [R]
 * | `in [""]` on text                           | nothing; not_in: all   | recorded for `in`; the complement for not_in
 * | null inside `in`: entity                    | unset matches          | SGC's tests [C] (A§3.2)
 * | null inside `in`: other types               | pass through           | 400 on text [R], else not recorded
 * | null for greater_than, less_than, contains  | pass through           | not recorded
 * | `in [only dead ids]` on multi_entity        | FPT is asked           | field-dependent [R] (A§3.3); a plan names
 * |                                             |                        | the ids, whoever runs it knows the dead
 * | the window of in_last, in_next              | both ends belong to it | [I]; seconds of difference at most
 * | the first day of in_calendar_week           | Monday                 | A§3.2 [I]
 * | a month or year back from the 31st          | last day of the month  | PostgreSQL's and Rails' arithmetic [I]
 * | numbers outside signed 32 bits              | pass through           | 400 on write; filter not recorded
 * | currency: Integer literals                  | taken                  | data type documented as a number only
 * | an empty group beside others in an `or`     | pass through           | "no restriction" may mean the whole `or`
 * | color not r,g,b, on other types than Task   | pass through           | 400 on Step and Project, 0 rows on Task [R]
 * | unusual ISO 8601 (2026-W10-3, 20260304T...) | pass through           | "any ISO8601 compatible string" [R]
 *
 * Summaries (A§1.7). Recorded: GT 020, 079, 091, recipe 003; documented: shotgun_api3's summarize().
 * What a row below does not name passes through.
 *
 * | question                                    | choice                 | reason
 * | status_list                                 | pass through           | excluded statuses change it, and REST does
 * |                                             |                        | not show them (GT 091 [R])
 * | percentage, status_percentage(_as_float)    | pass through           | GT 079 [R]: -1, 0, 3 by no known rule
 * | sum, maximum, minimum of no values          | 0                      | GT 020 [R], of number
 * | sum, maximum, minimum: data types           | number, timecode,      | number [R], timecode's sum [R]; duration is
 * |                                             |   duration             | stored and read like them; others: not recorded
 * | average: of no values                       | 0                      | GT 020 [R]
 * | average: data type, rounding                | number, when two       | 102.12 [R]; how many decimals more there are
 * |                                             |   decimals hold it     | is not recorded: else FPT is asked
 * | earliest, latest: data type, of no values   | date; pass through     | '2013-07-05' [D]; spelling of a date_time
 * |                                             |   when there are none  | and of nothing: not recorded
 * | checked, unchecked                          | count of true, of      | the names; a checkbox is never null [R]
 * |                                             |   false                |
 * | grouping types but exact                    | pass through           | group names not recorded
 * | groups by number, date, percent, tag ...    | pass through           | group names are rendered (timecode [R])
 * | order of groups: text                       | as rows are sorted     | A§1.6
 * | order of groups: status                     | the field's valid      | GT 079 [R]: na, rev, vwd, apr, fin, the
 * |                                             |   values               | list's order; null last
 * | order of groups: list                       | by text, if that is    | [D]'s example fits both: else FPT is asked
 * |                                             |   the list's order too |
 * | order of groups: entity                     | name, then id          | [D]'s Shots; Step is not sorted so ([D]:
 * |                                             |                        | Client, Online, Comp) and passes through
 * | order of groups: checkbox                   | [ ], then [X]          | false before true, as PostgreSQL sorts
 * | texts of groups that differ in case only    | pass through           | one group or two: not recorded
 */
#ifndef FPTC_QUERY_CHOICES_H
#define FPTC_QUERY_CHOICES_H

#define FPTC__NULLS_ASCENDING "NULLS LAST"
#define FPTC__NULLS_DESCENDING "NULLS FIRST"
/* 0 Sunday, 1 Monday: the day that in_calendar_week begins with. */
#define FPTC__WEEK_STARTS 1
/* SQL function for letters that differ only in case, by kind of value; "" compares as it is. */
#define FPTC__FOLD_TEXT "fptc_fold"
#define FPTC__FOLD_CODE "fptc_fold" /* list, status_list */
#define FPTC__FOLD_EXACT ""         /* entity_type, color */
#define FPTC__FOLD_NAME "fptc_fold" /* display names */
/* Links followed by one path; FPT's own limit is not known, and nobody writes so many. */
#define FPTC__HOPS_MAX 16
/* Links written inside each other, a multi_entity as two: SQLite's parser has a stack of 100 symbols,
   a hop takes about ten. What is beyond becomes a table of its own. */
#define FPTC__HOPS_NESTED 4
/* Page size where only a page was asked for (A§1.5). */
#define FPTC__PAGE_SIZE 500
/* Values of `in` that become parameters of their own; more go as one JSON list. */
#define FPTC__IN_VALUES_MAX 100
/* Types of links in one `in`: each becomes a term. */
#define FPTC__IN_TYPES_MAX 64
/* The type whose groups are not sorted by name. */
#define FPTC__GROUP_NOT_BY_NAME "Step"

#endif
