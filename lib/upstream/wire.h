/* wire.h: where requests go: the site's address and the proxy's, checked and taken apart. */
#ifndef FPTC_UPSTREAM_WIRE_H
#define FPTC_UPSTREAM_WIRE_H

#include "fptcache/fptcache.h"
#include "upstream/secret.h"

/* What all lanes of a client share; written once. */
struct fptc__wire {
    char *base_url; /* scheme, host, port, path; no slash at its end; fit for messages */
    int is_plain;   /* http, so loopback, so never through the proxy */
    char *proxy;    /* "http://host:port"; NULL: none. Fit for messages */
    char *proxy_user, *proxy_password;
    char *ca_file;
    struct fptc__secrets secrets; /* of the credential and the proxy; the client fills it */
};

/* FPTC_EUSAGE for an address that is none, holds a credential, or is http to anything but loopback.
   Whatever it returns, *wire is good for fptc__wire_done(). */
fptc_status fptc__wire_init(struct fptc__wire *wire, const char *site_url, const char *http_proxy,
                            const char *ca_file, fptc_error *err);
void fptc__wire_done(struct fptc__wire *wire);
/*
 * The way to an address that FPT gave for a file: https, or http on loopback as the site is; by the site's
 * proxy and trust. Nothing of the address but its host is fit for messages: what follows is signed.
 * *out borrows from `site`; *out_path points into `url`. FPTC_ESERVER for any other address.
 */
fptc_status fptc__wire_elsewhere(const struct fptc__wire *site, const char *url,
                                 struct fptc__wire *out, const char **out_path, fptc_error *err);
void fptc__wire_elsewhere_done(struct fptc__wire *wire);

#endif
