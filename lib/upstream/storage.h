/*
 * storage.h: one stretch of a file on its way to where FPT keeps files: its storage service, at an address
 * that is signed and expires, or the site itself. Until FPT is told to attach it nobody sees what is there,
 * and the same bytes under the same address are the same thing: so sending is repeated here (A§1.11).
 */
#ifndef FPTC_UPSTREAM_STORAGE_H
#define FPTC_UPSTREAM_STORAGE_H

#include "upstream/ask.h"
#include "upstream/lane.h"

struct fptc__stored {
    /* in */
    const char *what; /* "upload to Version 12", for messages */
    const char *url;
    int is_site; /* the site's own storage: the address is one of its paths, and the token goes there */
    const char *media_type;
    struct fptc__file_body *file;
    /* out */
    int is_expired; /* the address is no longer good: ask FPT for another */
    char etag[FPTC__ETAG_BYTES];
    struct fptc__buf reply;
};

/* FPTC_OK when it is there. FPTC_ENET, FPTC_EBUSY, FPTC_ESERVER after FPTC_READ_ATTEMPTS_MAX attempts;
   FPTC_EREFUSED, FPTC_ETLS, FPTC_EDEADLINE, FPTC_ECANCELLED; FPTC_EIO of the file. The reply is to be
   freed by the caller whatever this returns. */
fptc_status fptc__store_file(struct fptc__site *s, struct fptc__stored *f,
                             const struct fptc__call *call, fptc_error *err);

#endif
