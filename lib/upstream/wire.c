/*
 * wire.c: see wire.h. libcurl's own parser takes the addresses apart, so that what is checked here is
 * what it will connect to ("http://127.1" is normalised before the look at its host).
 */
#include "upstream/wire.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

/* The official client's default. */
#define PROXY_PORT "8080"
#define HOST_BYTES_MAX 255
#define HOST_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%"

static int is_loopback(const char *host)
{
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return 1;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static int has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    int has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && text[0];

    curl_free(text);
    return has;
}

/* A copy of a part that free() takes; NULL when absent or out of memory. */
static char *copy_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    char *copy = NULL;

    if (curl_url_get(url, part, &text, 0) == CURLUE_OK && text)
        copy = strdup(text);
    curl_free(text);
    return copy;
}

static void cut_slashes(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '/')
        text[--n] = '\0';
}

static fptc_status check_site(struct fptc__wire *wire, CURLU *url, fptc_error *err)
{
    char *scheme = copy_part(url, CURLUPART_SCHEME);
    char *host = copy_part(url, CURLUPART_HOST);
    fptc_status status = FPTC_OK;

    wire->base_url = copy_part(url, CURLUPART_URL);
    wire->is_plain = scheme && strcasecmp(scheme, "http") == 0;
    if (scheme && !wire->is_plain && strcasecmp(scheme, "https") != 0)
        status =
            fptc__fail(err, FPTC_EUSAGE, "site_url begins with %s://; write https://HOST", scheme);
    else if (!scheme || !host || !wire->base_url)
        status = fptc__fail_nomem(err);
    else if (wire->is_plain && !is_loopback(host))
        status = fptc__fail(err, FPTC_EUSAGE,
                            "site_url: http is for loopback addresses only (127.0.0.1, ::1, "
                            "localhost); write https://%s",
                            host);
    else
        cut_slashes(wire->base_url);
    free(scheme);
    free(host);
    return status;
}

static fptc_status init_site(struct fptc__wire *wire, const char *site_url, fptc_error *err)
{
    CURLU *url = curl_url();
    fptc_status status;

    if (!url)
        return fptc__fail_nomem(err);
    /* The text itself stays out of these messages: there may be a password in it. */
    if (curl_url_set(url, CURLUPART_URL, site_url, 0) != CURLUE_OK)
        status = fptc__fail(err, FPTC_EUSAGE, "site_url is no web address; write https://HOST");
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        status = fptc__fail(err, FPTC_EUSAGE,
                            "site_url holds a user name; credentials have options of their own");
    else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        status =
            fptc__fail(err, FPTC_EUSAGE, "site_url goes on behind the host; write https://HOST");
    else
        status = check_site(wire, url, err);
    curl_url_cleanup(url);
    return status;
}

/* "user:password" as it stands, nothing decoded, as the official client takes it. */
static int split_login(struct fptc__wire *wire, const char *login, size_t n)
{
    const char *colon = memchr(login, ':', n);
    size_t user = colon ? (size_t)(colon - login) : n;

    wire->proxy_user = strndup(login, user);
    wire->proxy_password = colon ? strndup(colon + 1, n - user - 1) : strdup("");
    return wire->proxy_user && wire->proxy_password;
}

static fptc_status check_proxy(struct fptc__wire *wire, CURLU *url, fptc_error *err)
{
    if (!has_part(url, CURLUPART_PORT) &&
        curl_url_set(url, CURLUPART_PORT, PROXY_PORT, 0) != CURLUE_OK)
        return fptc__fail_nomem(err);
    wire->proxy = copy_part(url, CURLUPART_URL);
    if (!wire->proxy)
        return fptc__fail_nomem(err);
    cut_slashes(wire->proxy);
    return FPTC_OK;
}

static fptc_status init_proxy(struct fptc__wire *wire, const char *proxy, fptc_error *err)
{
    size_t scheme = strncasecmp(proxy, "http://", 7) == 0    ? 7u
                    : strncasecmp(proxy, "https://", 8) == 0 ? 8u
                                                             : 0u;
    const char *login = proxy + scheme;
    const char *at = strrchr(login, '@'); /* the last: a password may hold one */
    const char *host = at ? at + 1 : login;
    size_t n = strspn(host, HOST_CHARS);
    char whole[HOST_BYTES_MAX + 10];
    CURLU *url;
    fptc_status status;

    if (at && !split_login(wire, login, (size_t)(at - login)))
        return fptc__fail_nomem(err);
    /* Only what a host, an IPv6 address and a port are made of: no path, no second scheme. */
    if (n == 0 || n > HOST_BYTES_MAX || host[n + strspn(host + n, "/")])
        return fptc__fail(err, FPTC_EUSAGE, "http_proxy is no host:port");
    snprintf(whole, sizeof(whole), "%s%.*s", scheme == 8 ? "https://" : "http://", (int)n, host);
    url = curl_url();
    if (!url)
        return fptc__fail_nomem(err);
    if (curl_url_set(url, CURLUPART_URL, whole, 0) != CURLUE_OK)
        status = fptc__fail(err, FPTC_EUSAGE, "http_proxy is no host:port");
    else
        status = check_proxy(wire, url, err);
    curl_url_cleanup(url);
    return status;
}

fptc_status fptc__wire_init(struct fptc__wire *wire, const char *site_url, const char *http_proxy,
                            const char *ca_file, fptc_error *err)
{
    fptc_status status;

    memset(wire, 0, sizeof(*wire));
    if (!site_url || !site_url[0])
        return fptc__fail(err, FPTC_EUSAGE, "site_url is missing; write https://HOST");
    status = init_site(wire, site_url, err);
    if (status == FPTC_OK && http_proxy && http_proxy[0])
        status = init_proxy(wire, http_proxy, err);
    if (status == FPTC_OK && ca_file && ca_file[0]) {
        wire->ca_file = strdup(ca_file);
        if (!wire->ca_file)
            status = fptc__fail_nomem(err);
    }
    return status;
}

/* Scheme and host of an address, and where the rest begins; 0 when it is none that we would go to. */
static int split_address(const char *url, char *out_base, size_t n, const char **out_path)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end ? scheme_end + 3 : url;
    size_t base = (size_t)(host - url) + strcspn(host, "/?#");
    const char *at;

    for (at = url; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 127)
            return 0;
    }
    *out_path = url + base;
    if (!scheme_end || base >= n || (*out_path)[0] != '/')
        return 0;
    snprintf(out_base, n, "%.*s", (int)base, url);
    return 1;
}

fptc_status fptc__wire_elsewhere(const struct fptc__wire *site, const char *url,
                                 struct fptc__wire *out, const char **out_path, fptc_error *err)
{
    struct fptc__wire host = {0};
    char base[HOST_BYTES_MAX + 32];
    fptc_status status = FPTC_EUSAGE;

    *out = *site;
    out->base_url = NULL;
    if (split_address(url, base, sizeof(base), out_path))
        status = init_site(&host, base, NULL);
    if (status == FPTC_OK && host.is_plain && !site->is_plain)
        status = FPTC_EUSAGE;
    if (status == FPTC_EUSAGE) {
        free(host.base_url);
        return fptc__fail(err, FPTC_ESERVER, "%s: FPT gave no https address to send the file to",
                          site->base_url);
    }
    out->base_url = host.base_url;
    out->is_plain = host.is_plain;
    return status == FPTC_OK ? FPTC_OK : fptc__fail_nomem(err);
}

void fptc__wire_elsewhere_done(struct fptc__wire *wire)
{
    free(wire->base_url);
    wire->base_url = NULL;
}

void fptc__wire_done(struct fptc__wire *wire)
{
    free(wire->base_url);
    free(wire->proxy);
    free(wire->proxy_user);
    fptc__secret_free(wire->proxy_password);
    fptc__secrets_done(&wire->secrets);
    free(wire->ca_file);
    memset(wire, 0, sizeof(*wire));
}
