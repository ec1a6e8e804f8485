/*
 * localdir.h: a directory of this process on local disk, for what is built there before it is published:
 * $TMPDIR (else /tmp)/fptcache.<user>/<process name space>-<process id>-<random>.
 */
#ifndef FPTC_BASE_LOCALDIR_H
#define FPTC_BASE_LOCALDIR_H

#include "fptcache/fptcache.h"

#define FPTC__LOCALDIR_BYTES 256

/* Makes one, mode 0700, after clearing those that killed processes of this host have left. Whoever makes it
   removes it, with what he put there. */
fptc_status fptc__localdir_make(char out[FPTC__LOCALDIR_BYTES], fptc_error *err);

/* The name space that our process ids are of: those of another container mean nothing here. 0: not known. */
unsigned long fptc__process_space(void);

#endif
