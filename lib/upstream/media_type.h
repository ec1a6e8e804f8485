/* media_type.h: what kind of file FPT and its storage are told that they get. */
#ifndef FPTC_UPSTREAM_MEDIA_TYPE_H
#define FPTC_UPSTREAM_MEDIA_TYPE_H

/* By the extension, whatever its case: "video/quicktime"; "application/octet-stream" for any other. */
const char *fptc__media_type(const char *filename);

#endif
