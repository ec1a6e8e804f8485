/*
 * mapping.h: FPT's REST shapes <-> the rows of this library (the shape shotgun_api3 returns): fields
 * by name, links as {"type","id","name"}, no `attributes` nor `relationships`. Pure.
 */
#ifndef FPTC_UPSTREAM_MAPPING_H
#define FPTC_UPSTREAM_MAPPING_H

#include "base/json.h"

/* One REST record {"type","id","attributes","relationships"} -> {"type","id",field:value,...}. Fields
   that FPT left out stay out. Spellings of creates ("2021-06-16 08:55:04 UTC") become ISO.
   FPTC_ESERVER when it is not of that shape. */
fptc_status fptc__map_record(const fptc__json *record, fptc__json **out_row, fptc_error *err);
/* The `data` of a list reply -> an array of rows. */
fptc_status fptc__map_list(const fptc__json *reply, fptc__json **out_rows, fptc_error *err);
/* FPT's error body -> one line of its own text ("API read() Asset.x doesn't exist."); falls back to
   the start of the text for HTML. Writes at most n bytes. */
void fptc__map_error(const char *body, size_t len, char *out, size_t n);

#endif
