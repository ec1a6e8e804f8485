/*
 * indexes.h: the indexes of a snapshot beyond those that every type has (tables.h). They follow from the
 * counts of what was asked (_fptc_usage), most used first, and from FPT's standard links.
 *
 *  - A wish used FPTC_INDEX_USES_MIN times since the last rewrite gets an index, if the type has its fields,
 *    no other index serves it, and there is room: at most FPTC_INDEXES_MAX a type, and all of them together
 *    at most FPTC_INDEX_PERCENT of the snapshot's other bytes. An index that is there stays until its room
 *    is needed.
 *  - Links that FPT's own pages follow (A§4.3) always have one; these count for the bytes, and first.
 *  - Texts compared whatever their case are kept folded in a column _fptc_fold_<field>, which always is
 *    fptc_fold(<field>). Indexes are on plain columns only: one on fptc_fold() itself would make any other
 *    tool fail at integrity_check, VACUUM or an UPDATE of a copy (docs/decisions.md).
 */
#ifndef FPTC_STORE_INDEXES_H
#define FPTC_STORE_INDEXES_H

#include <sqlite3.h>

#include "base/logger.h"

/* Brings the indexes of a local database, which is no transaction, to what the counts say, and halves the
   counts. On failure the database is of no use. */
fptc_status fptc__indexes_renew(sqlite3 *db, const struct fptc__logger *logger, fptc_error *err);

#endif
